//! Properties of a node that are set and removed, and nodes that are deleted.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::fields_json;
use serde_json::Value as Json;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, Value as Argument};
use super::super::super::error::Fault;
use super::super::super::host::Row;
use super::{DELETED, WRITTEN};
use crate::operand::shown;
use crate::query::cypher::value::Value;

type Properties = serde_json::Map<String, Json>;

/// What SET is given, if it is a JSON object.
fn properties(call: &Call<'_>) -> Result<Properties, Fault> {
    serde_json::from_str(call.text(1)).map_err(|error| {
        Fault::of(
            "props",
            format!(
                "expected a JSON object such as {{\"born\":1815}}, got '{}': {error}",
                shown(call.text(1).as_bytes())
            ),
        )
    })
}

/// A name as Cypher writes it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// In Cypher: the node at the first place, as n.
fn matched(call: &Call<'_>) -> String {
    let id = call.place(0).id.unwrap_or_default();
    format!("MATCH (n) WHERE id(n) = {id}")
}

/// JSON as Cypher writes it, which differs by the names of properties.
fn literal(out: &mut String, json: &Json) {
    match json {
        Json::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                literal(out, item);
            }
            out.push(']');
        }
        Json::Object(object) => {
            out.push('{');
            for (at, (name, value)) in object.iter().enumerate() {
                let comma = if at > 0 { ", " } else { "" };
                let _ = write!(out, "{comma}{}: ", quoted(name));
                literal(out, value);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

pub fn set_cypher(call: &Call<'_>) -> String {
    let mut statement = format!("{} SET n += ", matched(call));
    match properties(call) {
        Ok(properties) => literal(&mut statement, &Json::Object(properties)),
        Err(_) => statement.push_str("{}"),
    }
    statement
}

pub fn set(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let properties = properties(call)?;
    let address = call.find_again(0, &tx.view())?.address();
    for (name, json) in &properties {
        let value = match Value::of_json(json) {
            Value::Null => None,
            value => Some(value.field().ok_or_else(|| {
                Fault::of(
                    "props",
                    format!(
                        "expected {name} to be text, a number, true, false, null or a list of such, got {json}"
                    ),
                )
            })?),
        };
        tx.set_field(address, name.as_bytes(), value)?;
    }
    Ok(written(tx, address))
}

/// The names that REMOVE is given.
fn names<'c>(call: &'c Call<'_>) -> impl Iterator<Item = &'c str> {
    call.values[1..].iter().map(|value| match value {
        Argument::Text(name) => &**name,
        _ => unreachable!("invariant: the entry declares names behind the node"),
    })
}

pub fn remove_cypher(call: &Call<'_>) -> String {
    let names: Vec<_> = names(call)
        .map(|name| format!("n.{}", quoted(name)))
        .collect();
    format!("{} REMOVE {}", matched(call), names.join(", "))
}

pub fn remove(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    for name in names(call) {
        tx.set_field(address, name.as_bytes(), None)?;
    }
    Ok(written(tx, address))
}

/// The row of a node with its properties.
fn written(tx: &Transaction<'_>, address: Address) -> RecordBatch {
    let view = tx.view();
    let node = view
        .node(address)
        .expect("invariant: a node was just found there");
    let row = Row::of(&view, node);
    let (mut columns, bits) = row_columns([&row]);
    let fields = node.fields().map(|fields| fields_json(fields).to_string());
    columns.push(Arc::new(StringArray::from(vec![fields])));
    columns.push(bits);
    batch(WRITTEN, columns)
}

pub fn delete(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let view = tx.view();
    let node = call.find_again(0, &view)?;
    let address = node.address();
    let incident = view.state.graph().incident(address).into_iter();
    let edges = incident
        .filter(|link| view.node(link.source).is_some() && view.node(link.target).is_some())
        .count();
    let row = Row::of(&view, node);
    let (mut columns, bits) = row_columns([&row]);
    columns.push(Arc::new(UInt64Array::from(vec![edges as u64])));
    columns.push(bits);
    let deleted = batch(DELETED, columns);
    tx.remove(address)?;
    Ok(deleted)
}
