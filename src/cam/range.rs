//! Ranges among arguments: the last two are the ends of one, and it must hold something.
//!
//! A call knows that before it runs where both ends are of one kind. Where one is a version and the other a time, only what
//! is stored says which comes first: the kernel asks then, and refuses by the same words.

use std::cmp::Ordering;

use ladybug_engine::engine::When;

use super::batch::time_text;
use super::call::Value;
use super::error::Fault;
use super::table::{Kind, Operation};

/// What the last two arguments of an operation are, if they are the ends of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// They are not.
    None,
    /// Both ends are part of it, so that they may be the same.
    Closed,
    /// The second is the first that is not part of it.
    HalfOpen,
}

impl Range {
    /// How an argument must stand to the one before it, if it is the second end: "at least min".
    pub fn says(self, operation: &Operation, at: usize) -> Option<String> {
        let declared = operation.arguments;
        if self == Self::None || at + 1 != declared.len() {
            return None;
        }
        let how = match (self, declared[at].kind) {
            (Self::HalfOpen, _) => "after",
            (_, Kind::Moment | Kind::Time) => "not before",
            _ => "at least",
        };
        Some(format!("{how} {}", declared[at - 1].name))
    }

    /// Refuses ends between which there is nothing.
    ///
    /// # Errors
    /// The second is before the first, or the same where that is not enough: which argument, what was expected, what came.
    pub fn check(self, operation: &Operation, values: &[Value<'_>]) -> Result<(), Fault> {
        let (Self::Closed | Self::HalfOpen, [.., low, high]) = (self, values) else {
            return Ok(());
        };
        let order = match (low, high) {
            (Value::Integer(low), Value::Integer(high)) => low.partial_cmp(high),
            (Value::Float(low), Value::Float(high)) => low.partial_cmp(high),
            (Value::Time(low), Value::Time(high)) => low.partial_cmp(high),
            (Value::Moment(When::Version(low)), Value::Moment(When::Version(high))) => {
                low.partial_cmp(high)
            }
            (Value::Moment(When::Time(low)), Value::Moment(When::Time(high))) => {
                low.partial_cmp(high)
            }
            _ => None,
        };
        match order {
            Some(Ordering::Greater) => Err(self.refused(operation, low, high)),
            Some(Ordering::Equal) if self == Self::HalfOpen => {
                Err(self.refused(operation, low, high))
            }
            _ => Ok(()),
        }
    }

    /// The error of ends between which there is nothing.
    pub fn refused(self, operation: &Operation, low: &Value<'_>, high: &Value<'_>) -> Fault {
        let at = operation.arguments.len() - 1;
        let argument = operation.argument(at);
        let what = match argument.kind {
            Kind::Moment => "a moment ",
            Kind::Time => "a time ",
            _ => "",
        };
        let says = self.says(operation, at).unwrap_or_default();
        let (low, high) = (shown(low), shown(high));
        Fault::of(
            argument.name,
            format!("expected {what}{says} ({low}), got {high}"),
        )
    }
}

/// An end of a range, as errors show it.
fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Time(time) | Value::Moment(When::Time(time)) => time_text(*time),
        Value::Moment(When::Version(version)) => version.to_string(),
        _ => String::new(),
    }
}
