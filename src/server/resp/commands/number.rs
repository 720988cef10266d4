//! Arithmetic that values and fields share.

use super::super::error::CommandError;
use super::super::extended::Extended;

/// A sum beyond 64 bits.
pub const OVERFLOW: CommandError =
    CommandError::fixed("ERR", "increment or decrement would overflow");

/// The sum as Redis writes it.
///
/// # Errors
/// It is infinite or undefined.
pub fn add_floats(a: Extended, b: Extended) -> Result<String, CommandError> {
    let sum = a.checked_add(b).ok_or(CommandError::fixed(
        "ERR",
        "increment would produce NaN or Infinity",
    ))?;
    Ok(sum.to_string())
}
