//! Memories that are made, presented, moved between the zones, forgotten.

use arrow::array::RecordBatch;
use ladybug_engine::commit::transaction::{Draft, Transaction};
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::fields::{FieldValue, Fields, fields_json, is_note};
use ladybug_engine::space::mutation::Content;

use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Row;
use super::super::super::provenance::{Entry, MOVED, forget_note, note, noted_sql, unnoted_sql};
use super::kept::{
    Memory, NOW_SQL, PRESENTED, field_of, memories_batch, memories_sql, presentations,
    presented_sql,
};
use crate::mind::activation::{DECAY, Presentations};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
/// What a node that was moved by a rule notes of it.
const THRESHOLD: &str = "threshold";
const IDLE: &str = "idle";

/// Memories as they are at some addresses, with how active they are.
fn rows(tx: &Transaction<'_>, addresses: &[Address]) -> RecordBatch {
    let view = tx.view();
    let memory = |address: &Address| {
        let node = view.node(*address);
        let node = node.expect("invariant: a memory was just found or made there");
        let memory = Memory::of(Row::of(&view, node), node);
        let active = memory.presented.base_level(view.now, DECAY);
        (memory, active)
    };
    let memories: Vec<_> = addresses.iter().map(memory).collect();
    memories_batch(&memories, view.now)
}

/// In SQL: when a memory expires that has so many seconds.
fn expiry_sql(seconds: i64) -> String {
    format!("now() + INTERVAL '{seconds} seconds'")
}

pub fn remember_sql(call: &Call<'_>) -> String {
    let properties = match call.fields(1) {
        Some(fields) if !fields.is_empty() => quoted(&fields_json(fields).to_string()),
        _ => "NULL".to_owned(),
    };
    let now = format!("CAST({NOW_SQL} AS BIGINT)");
    let (column, expires) = match call.integer(2) {
        Some(seconds) => (", expires", format!(", {} AS expires", expiry_sql(seconds))),
        None => ("", String::new()),
    };
    format!(
        "INSERT INTO nodes (value, properties{column}) SELECT {} AS value, \
         set_field({properties}, '{PRESENTED}', concat('[1,', {now}, ',', {now}, ']')) AS properties{expires}",
        quoted(call.text(0)),
    )
}

pub fn remember(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let mut fields: Fields = call.fields(1).cloned().unwrap_or_default();
    if let Some(name) = fields.keys().find(|name| is_note(name)) {
        return Err(Fault::of(
            "fields",
            format!(
                "expected names that do not begin with memory:, which are the memory's own, got '{}'",
                String::from_utf8_lossy(name)
            ),
        ));
    }
    let presented = field_of(&Presentations::once(tx.now()));
    fields.insert(PRESENTED.as_bytes().into(), presented);
    let address = tx.create(Draft {
        content: Content {
            value: Some(call.text(0).as_bytes().into()),
            fields: Some(fields.into()),
            ..Content::default()
        },
        expires: call.integer(2).map(|seconds| tx.now() + seconds * SECOND),
        ..Draft::default()
    })?;
    call.check_written(address)?;
    Ok(rows(tx, &[address]))
}

pub fn forget_sql(call: &Call<'_>) -> String {
    format!("DELETE FROM nodes WHERE {}", call.node_sql(0))
}

pub fn forget(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    let gone = rows(tx, &[address]);
    tx.remove(address)?;
    Ok(gone)
}

pub fn rehearse_sql(call: &Call<'_>) -> String {
    let p = presented_sql();
    let present = |at: usize| {
        format!(
            "UPDATE nodes SET properties = set_field(properties, '{PRESENTED}', concat('[', array_to_string(array_concat(make_array(\
             CAST(CAST(array_element({p}, 1) AS BIGINT) + 1 AS VARCHAR), array_element({p}, 2), \
             CAST(CAST({NOW_SQL} AS BIGINT) AS VARCHAR)), array_slice({p}, 3, 11)), ','), ']')) WHERE {}",
            call.node_sql(at)
        )
    };
    let statements: Vec<_> = (0..call.values.len()).map(present).collect();
    statements.join(";\n")
}

pub fn rehearse(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let mut addresses = Vec::with_capacity(call.values.len());
    for at in 0..call.values.len() {
        let now = tx.now();
        let view = tx.view();
        let node = call.find_again(at, &view)?;
        let (address, presented) = (node.address(), presentations(node).with(now));
        tx.set_field(address, PRESENTED.as_bytes(), Some(field_of(&presented)))?;
        addresses.push(address);
    }
    Ok(rows(tx, &addresses))
}

pub fn crystallize_sql(call: &Call<'_>) -> String {
    format!(
        "UPDATE nodes SET expires = NULL, properties = {} WHERE {}",
        unnoted_sql(MOVED),
        call.node_sql(0)
    )
}

pub fn crystallize(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    moved(call, tx, None)
}

pub fn evaporate_sql(call: &Call<'_>) -> String {
    format!(
        "UPDATE nodes SET expires = {}, properties = {} WHERE {}",
        expiry_sql(call.count(1) as i64),
        unnoted_sql(MOVED),
        call.node_sql(0)
    )
}

pub fn evaporate(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let expires = tx.now() + call.count(1) as i64 * SECOND;
    moved(call, tx, Some(expires))
}

fn moved(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    expires: Option<i64>,
) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    forget_note(tx, address, MOVED)?;
    let to = tx.set_expiry(address, expires)?;
    Ok(rows(tx, &[to]))
}

/// Gives all memories of a zone, as far as it is in the scope, of which something holds, another expiry, and lets each note
/// why.
fn moved_where(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    zone: Zone,
    expires: Option<i64>,
    why: (&str, FieldValue),
    holds: impl Fn(&Presentations) -> bool,
) -> Result<RecordBatch, Fault> {
    let nodes = tx.view().nodes();
    let found: Vec<(Address, u64)> = nodes
        .filter(|node| node.address().zone() == zone && call.scope().contains(node.address()))
        .filter(|node| holds(&presentations(*node)))
        .map(|node| (node.address(), node.version()))
        .collect();
    let mut moved = Vec::with_capacity(found.len());
    let method = format!("MEMORY.{}", call.operation.name);
    for (address, version) in found {
        let entry = Entry::new(&method, version, Vec::new(), std::slice::from_ref(&why));
        tx.set_field(address, MOVED.as_bytes(), Some(note(&[entry])))?;
        moved.push(tx.set_expiry(address, expires)?);
    }
    Ok(rows(tx, &moved))
}

pub fn promote_sql(call: &Call<'_>) -> String {
    format!(
        "UPDATE nodes SET expires = NULL, properties = {} WHERE id IN (SELECT id FROM {} WHERE zone = 'fluid' \
         AND activation >= {:?})",
        noted_sql(
            MOVED,
            "MEMORY.PROMOTE",
            None,
            &[(THRESHOLD, &format!("{:?}", call.float(0)))]
        ),
        memories_sql(call, DECAY),
        call.float(0)
    )
}

pub fn promote(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (now, threshold) = (tx.now(), call.float(0));
    let why = (THRESHOLD, FieldValue::Float(threshold));
    moved_where(call, tx, Zone::Fluid, None, why, |presented| {
        presented.base_level(now, DECAY) >= threshold
    })
}

pub fn demote_sql(call: &Call<'_>) -> String {
    let idle = call.count(0) as i64;
    format!(
        "UPDATE nodes SET expires = {}, properties = {} WHERE id IN (SELECT id FROM {} WHERE zone = 'node' \
         AND {NOW_SQL} - CAST(p[3] AS DOUBLE) >= {idle} * 1000000.0)",
        expiry_sql(idle),
        noted_sql(MOVED, "MEMORY.DEMOTE", None, &[(IDLE, &idle.to_string())]),
        memories_sql(call, DECAY)
    )
}

pub fn demote(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (now, idle) = (tx.now(), call.count(0) as i64 * SECOND);
    let why = (IDLE, FieldValue::Integer(call.count(0) as i64));
    moved_where(call, tx, Zone::Node, Some(now + idle), why, |presented| {
        now - presented.latest()[0] >= idle
    })
}
