//! Fingerprints and other values out of what functions get: columns or constants, of any type that can hold them.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use ladybug_engine::fingerprint::{BYTES, Fingerprint};

use super::super::error::SqlError;

/// Whether values of this type can be fingerprints.
pub(super) fn is_bits(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null
    ) || *data_type == DataType::FixedSizeBinary(BYTES as i32)
}

/// Whether values of this type are text.
pub(super) fn is_text(data_type: &DataType) -> bool {
    data_type.is_string() || data_type.is_null()
}

/// The bytes in a row, of a binary or a text column.
pub(super) fn bytes(column: &ArrayRef, row: usize) -> Option<&[u8]> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::FixedSizeBinary(_) => column.as_fixed_size_binary().value(row),
        DataType::Binary => column.as_binary::<i32>().value(row),
        DataType::LargeBinary => column.as_binary::<i64>().value(row),
        DataType::BinaryView => column.as_binary_view().value(row),
        DataType::Utf8 => column.as_string::<i32>().value(row).as_bytes(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).as_bytes(),
        DataType::Utf8View => column.as_string_view().value(row).as_bytes(),
        _ => return None,
    })
}

/// The text in a row.
pub(super) fn text(column: &ArrayRef, row: usize) -> Option<Cow<'_, str>> {
    bytes(column, row).map(String::from_utf8_lossy)
}

/// The fingerprint in a row.
pub(super) fn fingerprint(
    function: &str,
    column: &ArrayRef,
    row: usize,
) -> Result<Option<Fingerprint>> {
    bytes(column, row)
        .map(|bytes| of_bytes(function, bytes))
        .transpose()
}

/// A fingerprint of bytes, which must be as many as one has.
pub(super) fn of_bytes(function: &str, bytes: &[u8]) -> Result<Fingerprint> {
    Fingerprint::from_bytes(bytes).map_err(|_| {
        SqlError::Statement(format!(
            "{function} expected a fingerprint of {BYTES} bytes, got {}; fingerprint('hex') reads hex digits, encode('text') encodes text",
            bytes.len()
        ))
        .into()
    })
}
