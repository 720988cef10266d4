//! Rows that are made, changed, removed.

use arrow::array::RecordBatch;
use ladybug_engine::commit::transaction::{Draft, Transaction};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::mutation::{Bits, Content};
use serde_json::json;

use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Row;
use super::super::super::provenance::{Entry, MADE, forget_note, note, noted_sql, unnoted_sql};
use super::read::rows_batch;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// The column that an operand is written to, and what, in SQL.
fn content_sql(call: &Call<'_>) -> (&'static str, String) {
    match call.query(1).text {
        Some(text) => ("value", quoted(text)),
        None => ("fingerprint", call.fingerprint_sql(1)),
    }
}

fn name_sql(call: &Call<'_>) -> String {
    quoted(&String::from_utf8_lossy(call.name(0)))
}

/// What a node of a stored fingerprint notes: where that is from.
fn made(call: &Call<'_>, before: u64) -> Option<FieldValue> {
    let used = call.used(1);
    let method = format!("LANCE.{}", call.operation.name);
    (used.id != 0).then(|| note(&[Entry::new(&method, before, vec![used], &[])]))
}

/// In SQL: the same of a node that is made, behind what else is selected.
fn made_sql(call: &Call<'_>) -> (&'static str, String) {
    match made(call, 0) {
        Some(note) => {
            let properties = json!({ MADE: note.json() }).to_string();
            (
                ", properties",
                format!(", {} AS properties", quoted(&properties)),
            )
        }
        None => ("", String::new()),
    }
}

pub fn insert_sql(call: &Call<'_>) -> String {
    let (column, content) = content_sql(call);
    let name = name_sql(call);
    let (properties, made) = made_sql(call);
    match call.integer(2) {
        None => format!(
            "INSERT INTO nodes (name, {column}{properties}) SELECT {name} AS name, {content} AS {column}{made}"
        ),
        Some(seconds) => format!(
            "INSERT INTO nodes (name, {column}{properties}, expires) \
             SELECT {name} AS name, {content} AS {column}{made}, now() + INTERVAL '{seconds} seconds' AS expires"
        ),
    }
}

pub fn insert(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let expires = call.integer(2).map(|seconds| tx.now() + seconds * SECOND);
    let draft = Draft {
        name: Some(call.name(0).into()),
        content: content(call),
        expires,
        ..Draft::default()
    };
    let address = tx.create(draft)?;
    if let Some(note) = made(call, 0) {
        tx.set_field(address, MADE.as_bytes(), Some(note))?;
    }
    written(call, tx, address)
}

/// What a node is to say: text as its value, anything else as its fingerprint.
fn content(call: &Call<'_>) -> Content {
    match call.query(1).text {
        Some(text) => Content {
            value: Some(text.as_bytes().into()),
            ..Content::default()
        },
        None => Content {
            fingerprint: Bits::Given(Box::new(call.fingerprint(1).clone())),
            ..Content::default()
        },
    }
}

pub fn upsert_sql(call: &Call<'_>) -> String {
    let (column, content) = content_sql(call);
    let name = name_sql(call);
    let used = call.used(1);
    let rest = match (column, used.id) {
        ("value", _) => ", properties = NULL, fingerprint = NULL".to_owned(),
        (_, 0) => format!(", properties = {}", unnoted_sql(MADE)),
        (_, id) => format!(
            ", properties = {}",
            noted_sql(
                MADE,
                &format!("LANCE.{}", call.operation.name),
                Some((&id.to_string(), &used.version.to_string())),
                &[]
            )
        ),
    };
    let (properties, made) = made_sql(call);
    format!(
        "UPDATE nodes SET {column} = {content}{rest} WHERE name = {name};\n\
         INSERT INTO nodes (name, {column}{properties}) SELECT {name} AS name, {content} AS {column}{made} \
         WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE name = {name})"
    )
}

pub fn upsert(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let view = tx.view();
    let Some(node) = view.find(call.name(0)) else {
        return insert(call, tx);
    };
    let (address, new) = (node.address(), content(call));
    let made = made(call, node.version());
    let content = match new.value.is_some() {
        true => new,
        false => Content {
            value: node.value().cloned(),
            fields: node.fields().cloned(),
            ..new
        },
    };
    tx.set_content(address, content)?;
    match made {
        Some(note) => tx.set_field(address, MADE.as_bytes(), Some(note))?,
        None => forget_note(tx, address, MADE)?,
    }
    written(call, tx, address)
}

/// The row that was written, which must be in the scope.
fn written(call: &Call<'_>, tx: &Transaction<'_>, address: Address) -> Result<RecordBatch, Fault> {
    call.check_written(address)?;
    Ok(row(tx, address))
}

pub fn delete_sql(call: &Call<'_>) -> String {
    format!("DELETE FROM nodes WHERE {}", call.node_sql(0))
}

pub fn delete(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    let rows = written(call, tx, address)?;
    tx.remove(address)?;
    Ok(rows)
}

fn row(tx: &Transaction<'_>, address: Address) -> RecordBatch {
    let view = tx.view();
    let node = view
        .node(address)
        .expect("invariant: a node was just found there");
    rows_batch(&[Row::of(&view, node)])
}
