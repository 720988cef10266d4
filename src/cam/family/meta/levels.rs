//! Levels: rungs, what a node is the abstraction of, and the abstraction itself.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array, UInt64Array};
use ladybug_engine::commit::transaction::{Draft, Transaction};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::mutation::{Bits, Content};

use super::super::super::batch::{batch, fingerprints, row_columns};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::provenance;
use super::{ASCENT, DESCENT, RUNG, stored_sql};
use crate::operand::fingerprint_of;

/// The method that an abstraction is derived by.
const ASCEND: &str = "META.ASCEND";

pub fn rung_sql(call: &Call<'_>) -> String {
    match call.integer(1) {
        Some(n) => format!("UPDATE nodes SET rung = {n} WHERE {}", call.node_sql(0)),
        None => format!(
            "SELECT id, address, name, rung, fingerprint FROM {} WHERE {}",
            stored_sql(call.scope()),
            call.node_sql(0)
        ),
    }
}

pub fn rung(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let address = call.find_again(0, &tx.view())?.address();
    if let Some(n) = call.integer(1) {
        let n = u8::try_from(n).expect("invariant: its entry lets it be no more than a rung");
        tx.set_rung(address, n)?;
    }
    let view = tx.view();
    let node = view
        .node(address)
        .expect("invariant: a node was just found there");
    let (mut columns, bits) = row_columns([&Row::of(&view, node)]);
    columns.push(Arc::new(UInt64Array::from(vec![u64::from(node.rung())])));
    columns.push(bits);
    Ok(batch(RUNG, columns))
}

pub fn ascend_sql(call: &Call<'_>) -> String {
    let rows = stored_sql(call.scope());
    let children = format!(
        "(SELECT * FROM {rows} WHERE parent = (SELECT id FROM {rows} WHERE {}))",
        call.node_sql(0)
    );
    if !call.has(1) {
        return format!(
            "SELECT count(*) AS children, bundle(fingerprint) AS fingerprint FROM {children} HAVING count(*) > 0"
        );
    }
    let name = quoted(&String::from_utf8_lossy(call.name(1)));
    format!(
        "INSERT INTO nodes (name, fingerprint) SELECT {name} AS name, bundle(fingerprint) AS fingerprint FROM {children} \
         HAVING count(*) > 0;\n{}",
        provenance::derive_node_sql(&name, ASCEND, &children)
    )
}

pub fn ascend(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let view = tx.view();
    let node = call.find_again(0, &view)?;
    let own = fingerprint_of(&view, node);
    let mut children: Vec<(Address, Fingerprint)> = view
        .children(node)
        .filter(|child| call.scope().contains(child.address()))
        .map(|child| (child.address(), fingerprint_of(&view, child)))
        .collect();
    children.sort_by_key(|(address, _)| *address);
    let majority = bundle(children.iter().map(|(_, bits)| bits));
    let mut kept = None;
    if let (Some(majority), true) = (&majority, call.has(1)) {
        let content = Content {
            fingerprint: Bits::Given(Box::new(majority.clone())),
            ..Content::default()
        };
        let address = tx.create(Draft {
            name: Some(call.name(1).into()),
            content,
            ..Draft::default()
        })?;
        call.check_written(address)?;
        let from: Vec<Address> = children.iter().map(|(address, _)| *address).collect();
        provenance::derive_node(tx, address, ASCEND, &from)?;
        kept = tx.view().node(address).map(|node| node.id());
    }
    let majority = majority.as_slice();
    let count: ArrayRef = Arc::new(UInt64Array::from_iter_values(
        majority.iter().map(|_| children.len() as u64),
    ));
    let distance = majority.iter().map(|majority| majority.distance(&own));
    Ok(batch(
        ASCENT,
        vec![
            Arc::new(UInt64Array::from_iter(majority.iter().map(|_| kept))),
            count,
            Arc::new(UInt32Array::from_iter_values(distance)),
            fingerprints(majority),
        ],
    ))
}

pub fn descend_sql(call: &Call<'_>) -> String {
    let rows = stored_sql(call.scope());
    format!(
        "SELECT c.id AS id, c.address AS address, c.name AS name, c.rung AS rung, \
         hamming(c.fingerprint, x.fingerprint) AS distance, c.fingerprint AS fingerprint \
         FROM (SELECT * FROM {rows}) c JOIN (SELECT id, fingerprint FROM {rows} WHERE {}) x ON c.parent = x.id \
         ORDER BY distance, address",
        call.node_sql(0)
    )
}

pub fn descend(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let node = view.node(call.place(0).address);
    let children = node.iter().flat_map(|node| view.children(*node));
    let children = children.filter(|child| call.scope().contains(child.address()));
    let own = node.map(|node| reading.row(node.address()).fingerprint);
    let mut rows: Vec<(u32, u64, Row<'_>)> = children
        .map(|child| {
            let row = reading.row(child.address());
            let distance = own.as_ref().map_or(0, |own| own.distance(&row.fingerprint));
            (distance, u64::from(child.rung()), row)
        })
        .collect();
    rows.sort_by_key(|(distance, _, row)| (*distance, row.address));
    let (mut columns, bits) = row_columns(rows.iter().map(|(.., row)| row));
    columns.push(Arc::new(UInt64Array::from_iter_values(
        rows.iter().map(|(_, rung, _)| *rung),
    )));
    columns.push(Arc::new(UInt32Array::from_iter_values(
        rows.iter().map(|(distance, ..)| *distance),
    )));
    columns.push(bits);
    Ok(batch(DESCENT, columns))
}
