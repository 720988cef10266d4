//! The surface in the columns of a node: verbs, concepts and programs. They have no id, no
//! truth of their own and no birth: those are 0, or the default.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, FixedSizeBinaryBuilder, FixedSizeListArray, Float32Array,
    RecordBatch, StringArray, UInt8Array, UInt16Array, UInt64Array, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, UInt8Type};
use arrow::error::ArrowError;
use ladybug_engine::fingerprint::BYTES;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::derive;
use ladybug_engine::space::marks::Truth;
use ladybug_engine::space::state::State;
use ladybug_engine::table::node_schema;

/// What the surface holds at some prefixes.
///
/// # Errors
/// A column cannot be made.
pub fn batch(state: &State, prefixes: RangeInclusive<u8>) -> Result<RecordBatch, ArrowError> {
    let mut words: Vec<(Address, &str)> = derive::words(state)
        .filter(|(address, _)| prefixes.contains(&address.prefix()))
        .collect();
    words.sort_unstable();
    let mut fingerprints = FixedSizeBinaryBuilder::new(BYTES as i32);
    for (address, _) in &words {
        let bits = derive::word(state, *address);
        fingerprints.append_value(bits.expect("invariant: a word has one").to_bytes())?;
    }
    let fingerprints: ArrayRef = Arc::new(fingerprints.finish());
    let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
        let rows = words.len();
        Ok(match field.name().as_str() {
            "address" => Arc::new(UInt16Array::from_iter_values(
                words.iter().map(|(address, _)| address.0),
            )),
            "zone" => {
                let zones = std::iter::repeat_n(Zone::Surface.name(), rows);
                Arc::new(zones.collect::<DictionaryArray<UInt8Type>>())
            }
            "name" => Arc::new(StringArray::from_iter_values(
                words.iter().map(|(_, name)| name),
            )),
            "fingerprint" => Arc::clone(&fingerprints),
            "frequency" => Arc::new(Float32Array::from(vec![Truth::DEFAULT.frequency(); rows])),
            "confidence" => Arc::new(Float32Array::from(vec![Truth::DEFAULT.confidence(); rows])),
            "qualia" => {
                let item = Arc::new(Field::new_list_field(DataType::Float32, true));
                let zeros = Arc::new(Float32Array::from(vec![0.0; rows * 8]));
                Arc::new(FixedSizeListArray::new(item, 8, zeros, None))
            }
            "kinds" | "evidence" => empty_lists(field.data_type(), rows)?,
            _ if field.is_nullable() => new_null_array(field.data_type(), rows),
            // Numbers and times.
            _ => zeros(field.data_type(), rows)?,
        })
    };
    let schema = node_schema();
    let columns = schema
        .fields()
        .iter()
        .map(column)
        .collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

fn zeros(data_type: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
    match data_type {
        DataType::UInt8 => Ok(Arc::new(UInt8Array::from(vec![0; rows]))),
        DataType::UInt64 => Ok(Arc::new(UInt64Array::from(vec![0; rows]))),
        other => cast(&arrow::array::Int64Array::from(vec![0; rows]), other),
    }
}

fn empty_lists(data_type: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
    let DataType::List(item) = data_type else {
        return Err(ArrowError::SchemaError(format!(
            "expected a list, got {data_type}"
        )));
    };
    let values = arrow::array::new_empty_array(item.data_type());
    let offsets = arrow::buffer::OffsetBuffer::new_zeroed(rows);
    let lists = arrow::array::ListArray::new(Arc::clone(item), offsets, values, None);
    Ok(Arc::new(lists))
}
