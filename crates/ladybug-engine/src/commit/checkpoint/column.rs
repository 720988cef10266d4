//! Columns of a record batch by name and type.

use arrow_array::{Array, RecordBatch, UInt32Array};

use crate::commit::cell::SpaceId;

/// What does not read as it should although its checksum holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl Unreadable {
    /// With what was expected.
    pub fn expected(what: impl std::fmt::Display) -> Self {
        Self(format!("expected {what}"))
    }
}

impl From<arrow_schema::ArrowError> for Unreadable {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self(error.to_string())
    }
}

/// The column `name`.
pub fn column<'a, T: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a T, Unreadable> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|column| column.as_any().downcast_ref());
    column.ok_or_else(|| {
        Unreadable::expected(format_args!("a column '{name}' of the checkpoint's schema"))
    })
}

/// The column `name`, which has no nulls.
pub fn full<'a, T: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a T, Unreadable> {
    let column: &T = column(batch, name)?;
    match column.null_count() {
        0 => Ok(column),
        _ => Err(Unreadable::expected(format_args!(
            "no nulls in column '{name}'"
        ))),
    }
}

/// The space whose rows a batch holds.
pub fn owner(batch: &RecordBatch) -> Result<SpaceId, Unreadable> {
    let space: &UInt32Array = full(batch, "space")?;
    let first = space.values().first().copied();
    let only = first.filter(|first| space.values().iter().all(|space| space == first));
    only.ok_or_else(|| Unreadable::expected("a record batch of one space"))
}

/// The value of a row, unless it is null.
pub fn optional<A: arrow_array::ArrayAccessor>(column: A, row: usize) -> Option<A::Item> {
    column.is_valid(row).then(|| column.value(row))
}
