//! An answer as Arrow columns: each of the one type that its values have, or of text.
//!
//! Integers and floats together are floats. A column without a value, with values of several types, or with lists, maps,
//! nodes, relationships or paths is text: of a value that is text itself, a date, a time or a duration as it is written, of
//! others JSON.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions,
    StringArray,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use serde_json::{Value as Json, json};

use super::execute::output::{Answer, NodeOutput, Output, RelationshipOutput};

/// The rows of an answer.
///
/// # Errors
/// They are more than Arrow takes.
pub fn batch(answer: &Answer) -> Result<RecordBatch, ArrowError> {
    let columns = answer.columns.iter().enumerate();
    let columns: Vec<(Field, ArrayRef)> = columns
        .map(|(place, name)| {
            let array = column(answer.rows.iter().map(|row| &row[place]));
            let field = Field::new(name.to_string(), array.data_type().clone(), true);
            (field, array)
        })
        .collect();
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(answer.rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

fn column<'o>(values: impl Iterator<Item = &'o Output> + Clone) -> ArrayRef {
    let kind = values
        .clone()
        .fold(None, |kind, value| match (kind, of(value)) {
            (kind, None) => kind,
            (None, of) => of,
            (Some(DataType::Int64 | DataType::Float64), Some(DataType::Float64))
            | (Some(DataType::Float64), Some(DataType::Int64)) => Some(DataType::Float64),
            (Some(kind), Some(of)) if kind == of => Some(kind),
            _ => Some(DataType::Utf8),
        });
    match kind {
        Some(DataType::Boolean) => {
            let values = values.map(|value| match value {
                Output::Boolean(b) => Some(*b),
                _ => None,
            });
            Arc::new(values.collect::<BooleanArray>())
        }
        Some(DataType::Int64) => {
            let values = values.map(|value| match value {
                Output::Integer(n) => Some(*n),
                _ => None,
            });
            Arc::new(values.collect::<Int64Array>())
        }
        Some(DataType::Float64) => {
            let values = values.map(|value| match value {
                Output::Integer(n) => Some(*n as f64),
                Output::Float(x) => Some(*x),
                _ => None,
            });
            Arc::new(values.collect::<Float64Array>())
        }
        Some(DataType::Binary) => {
            let values = values.map(|value| match value {
                Output::String(text) => Some(&text.0[..]),
                _ => None,
            });
            Arc::new(values.collect::<BinaryArray>())
        }
        _ => Arc::new(values.map(written).collect::<StringArray>()),
    }
}

/// The type of a value by itself; none of null.
fn of(value: &Output) -> Option<DataType> {
    match value {
        Output::Null => None,
        Output::Boolean(_) => Some(DataType::Boolean),
        Output::Integer(_) => Some(DataType::Int64),
        Output::Float(_) => Some(DataType::Float64),
        Output::String(text) if std::str::from_utf8(&text.0).is_err() => Some(DataType::Binary),
        _ => Some(DataType::Utf8),
    }
}

fn written(value: &Output) -> Option<String> {
    match value {
        Output::Null => None,
        Output::String(text) => Some(text.as_str().into_owned()),
        Output::Temporal(value) => Some(value.to_string()),
        other => Some(json(other).to_string()),
    }
}

/// A value as JSON; numbers that JSON has not are text.
fn json(value: &Output) -> Json {
    match value {
        Output::Null => Json::Null,
        Output::Boolean(b) => (*b).into(),
        Output::Integer(n) => (*n).into(),
        Output::Float(x) => {
            let number = serde_json::Number::from_f64(*x);
            number.map_or_else(|| x.to_string().into(), Json::Number)
        }
        Output::String(text) => text.as_str().into(),
        Output::Temporal(value) => value.to_string().into(),
        Output::List(items) => items.iter().map(json).collect(),
        Output::Map(entries) => map(entries),
        Output::Node(node) => of_node(node),
        Output::Relationship(edge) => of_relationship(edge),
        Output::Path {
            nodes,
            relationships,
        } => json!({
            "nodes": nodes.iter().map(of_node).collect::<Vec<_>>(),
            "relationships": relationships.iter().map(of_relationship).collect::<Vec<_>>(),
        }),
    }
}

fn map(entries: &[(Arc<str>, Output)]) -> Json {
    let entries = entries
        .iter()
        .map(|(name, value)| (name.to_string(), json(value)));
    Json::Object(entries.collect())
}

fn of_node(node: &NodeOutput) -> Json {
    let labels: Vec<&str> = node.labels.iter().map(|label| &**label).collect();
    json!({"id": node.id, "labels": labels, "properties": map(&node.properties)})
}

fn of_relationship(edge: &RelationshipOutput) -> Json {
    json!({
        "id": edge.id,
        "type": &*edge.kind,
        "source": edge.source,
        "target": edge.target,
        "properties": map(&edge.properties),
    })
}
