//! What a Cypher statement answers, as a batch, and its columns: the command CYPHER runs it, and its reply becomes
//! columns.
//!
//! A column has the type that its values have in common: whole numbers, numbers, booleans, text, bytes, or lists of
//! one of these. What else there is, nodes, relationships and maps among it, is JSON text.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch,
    RecordBatchOptions, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::actions::calls::{Caller, Request, items, text};
use super::error::FlightError;
use super::listener::Peer;
use crate::query::cypher::Statement;
use crate::query::cypher::census::Unknown;
use crate::query::cypher::procedures::BuiltIn;
use crate::query::cypher::value::Map;
use crate::server::resp::error::CommandError;
use crate::server::resp::reply::Reply;
use crate::server::resp::server::Server;

/// Runs a statement in a space, the first unless given, and waits until what it answers is acknowledged. Blocks.
///
/// # Errors
/// The statement is wrong or refused.
pub fn answer(
    server: Arc<Server>,
    peer: Option<Peer>,
    space: Option<&str>,
    statement: &str,
) -> Result<RecordBatch, FlightError> {
    let request = Request::new("cypher").with(&[statement.as_bytes()]);
    execute(server, peer, space, request)
}

/// The columns of what a statement answers. Their types are those of the values, so that one that only reads runs for
/// them, and is refused what it would be refused as a stream. `None` of one that changes something and returns
/// columns, since it must not run for that. Blocks.
///
/// # Errors
/// The statement is wrong or refused.
pub fn schema(
    server: Arc<Server>,
    peer: Option<Peer>,
    space: Option<&str>,
    statement: &str,
) -> Result<Option<SchemaRef>, FlightError> {
    let prepared = Statement::prepare(statement, &Map::new(), &BuiltIn, &Unknown);
    let prepared = prepared.map_err(CommandError::from)?;
    if prepared.writes() {
        let is_known = prepared.columns().is_empty();
        return Ok(is_known.then(|| Arc::new(Schema::empty())));
    }
    let request = Request::new("cypher").with(&[statement.as_bytes(), b"READONLY"]);
    Ok(Some(execute(server, peer, space, request)?.schema()))
}

fn execute(
    server: Arc<Server>,
    peer: Option<Peer>,
    space: Option<&str>,
    request: Request,
) -> Result<RecordBatch, FlightError> {
    let mut caller = Caller::new(server, peer)?;
    let reply = caller.execute(space, request)?;
    let parts = items(&reply)?;
    match parts {
        [Reply::Array(names), Reply::Array(rows), ..] => batch(names, rows),
        // EXPLAIN answers the lines of a plan.
        lines => {
            let plan: Vec<&Reply> = lines.iter().collect();
            Ok(RecordBatch::try_from_iter([("plan", column(&plan)?)])?)
        }
    }
}

fn batch(names: &[Reply], rows: &[Reply]) -> Result<RecordBatch, FlightError> {
    let rows = rows.iter().map(items).collect::<Result<Vec<_>, _>>()?;
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        let cells: Vec<&Reply> = rows.iter().map(|row| &row[place]).collect();
        let column = column(&cells)?;
        let name = text(name)?.unwrap_or_default();
        fields.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

/// What the values of a column have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Common {
    Nothing,
    Boolean,
    Integer,
    Number,
    Text,
    Bytes,
    List,
    Any,
}

impl Common {
    fn of(cell: &Reply) -> Self {
        match cell {
            Reply::Nil => Self::Nothing,
            Reply::Boolean(_) => Self::Boolean,
            Reply::Integer(_) => Self::Integer,
            Reply::Double(_) => Self::Number,
            Reply::Bulk(bytes) if std::str::from_utf8(bytes).is_ok() => Self::Text,
            Reply::Value(bytes) if std::str::from_utf8(bytes).is_ok() => Self::Text,
            Reply::Bulk(_) | Reply::Value(_) => Self::Bytes,
            Reply::Array(_) => Self::List,
            _ => Self::Any,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Nothing, one) | (one, Self::Nothing) => one,
            (Self::Integer | Self::Number, Self::Integer | Self::Number) => Self::Number,
            (Self::Text | Self::Bytes, Self::Text | Self::Bytes) => Self::Bytes,
            _ => Self::Any,
        }
    }
}

fn column(cells: &[&Reply]) -> Result<ArrayRef, FlightError> {
    let kinds = cells.iter().map(|cell| Common::of(cell));
    Ok(match kinds.fold(Common::Nothing, Common::and) {
        Common::Boolean => Arc::new(BooleanArray::from_iter(cells.iter().map(
            |cell| match cell {
                Reply::Boolean(value) => Some(*value),
                _ => None,
            },
        ))),
        Common::Integer => Arc::new(Int64Array::from_iter(cells.iter().map(|cell| match cell {
            Reply::Integer(value) => Some(*value),
            _ => None,
        }))),
        Common::Number => Arc::new(Float64Array::from_iter(cells.iter().map(
            |cell| match cell {
                Reply::Integer(value) => Some(*value as f64),
                Reply::Double(value) => Some(*value),
                _ => None,
            },
        ))),
        Common::Nothing | Common::Text => {
            let texts = cells.iter().map(|cell| text(cell));
            Arc::new(texts.collect::<Result<StringArray, _>>()?)
        }
        Common::Bytes => {
            let values = cells.iter().map(|cell| super::actions::calls::bytes(cell));
            Arc::new(values.collect::<Result<BinaryArray, _>>()?)
        }
        Common::List => list(cells)?,
        Common::Any => {
            let json = cells.iter().map(|cell| match cell {
                Reply::Nil => Ok(None),
                cell => serde_json::to_string(cell).map(Some),
            });
            let json = json.collect::<Result<StringArray, _>>();
            Arc::new(json.map_err(|error| FlightError::new("INTERNAL", error.to_string()))?)
        }
    })
}

/// Lists, whose items are a column of their own.
fn list(cells: &[&Reply]) -> Result<ArrayRef, FlightError> {
    let items = |cell: &&Reply| match cell {
        Reply::Array(items) => items.len(),
        _ => 0,
    };
    let offsets = OffsetBuffer::from_lengths(cells.iter().map(items));
    let all = cells.iter().filter_map(|cell| match cell {
        Reply::Array(items) => Some(items),
        _ => None,
    });
    let values = column(&all.flatten().collect::<Vec<_>>())?;
    let are_there = cells.iter().map(|cell| matches!(cell, Reply::Array(_)));
    let field = Field::new_list_field(values.data_type().clone(), true);
    Ok(Arc::new(ListArray::try_new(
        Arc::new(field),
        offsets,
        values,
        Some(NullBuffer::from_iter(are_there)),
    )?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::{DataType, Float64Type};

    use super::*;

    fn of(cells: &[Reply]) -> ArrayRef {
        column(&cells.iter().collect::<Vec<_>>()).expect("a column")
    }

    #[test]
    fn a_column_has_the_type_that_its_values_have_in_common() {
        let (one, half) = (Reply::Integer(1), Reply::Double(0.5));
        let (yes, word) = (Reply::Boolean(true), Reply::text("a"));
        for (cells, expected) in [
            (vec![one.clone(), Reply::Nil], DataType::Int64),
            (vec![one.clone(), half.clone()], DataType::Float64),
            (vec![Reply::Nil, yes.clone()], DataType::Boolean),
            (vec![word.clone(), word.clone()], DataType::Utf8),
            (vec![word.clone(), Reply::copied(b"\xff")], DataType::Binary),
            (vec![Reply::Nil], DataType::Utf8),
            (vec![word.clone(), one.clone()], DataType::Utf8),
        ] {
            assert_eq!(of(&cells).data_type(), &expected, "{cells:?}");
        }
        let mixed = of(&[word, one.clone(), Reply::Nil]);
        let mixed: Vec<_> = mixed.as_string::<i32>().iter().collect();
        assert_eq!(mixed, [Some("\"a\""), Some("1"), None]);
        let lists = of(&[
            Reply::Array(vec![one, half]),
            Reply::Nil,
            Reply::Array(vec![]),
        ]);
        let lists = lists.as_list::<i32>();
        assert_eq!((lists.value(0).len(), lists.is_null(1)), (2, true));
        let first = lists.value(0);
        assert_eq!(first.as_primitive::<Float64Type>().values(), &[1.0, 0.5]);
    }
}
