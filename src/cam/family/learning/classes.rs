//! Prototypes of classes: nodes of kind Prototype that examples are added to, and compared with.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::fingerprint::{BITS, Fingerprint};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::state::View;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::RETRAINED;
use super::codes::nearest_batch;
use super::counted::{Counted, count, is_of};
use crate::operand::{fingerprint_of, shown};

const PROTOTYPE: &str = "Prototype";
/// The method that corrects errors.
const RETRAIN: &str = "LEARNING.RETRAIN";

/// The prototypes of a scope with their distances, the nearest first, ties by address.
fn nearest<'v>(view: &View<'v>, scope: Scope, to: &Fingerprint) -> Vec<(Node<'v>, u32)> {
    let nodes = view.nodes();
    let prototypes = nodes.filter(|node| scope.contains(node.address()) && is_of(*node, PROTOTYPE));
    let far = |node: Node<'v>| (node, to.distance(&fingerprint_of(view, node)));
    let mut all: Vec<_> = prototypes.map(far).collect();
    all.sort_by_key(|(_, distance)| *distance);
    all
}

pub fn train(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    count(call, tx, PROTOTYPE, &[call.fingerprint(1).clone()])
}

pub fn classify_sql(call: &Call<'_>) -> String {
    let rows = call.nodes_sql();
    format!(
        "SELECT id, address, name, distance, 1.0 - 2.0 * distance / {BITS} AS similarity, fingerprint FROM \
         (SELECT id, address, name, fingerprint, hamming(fingerprint, {}) AS distance FROM {rows} WHERE array_has(kinds, '{PROTOTYPE}')) \
         ORDER BY distance, address LIMIT {}",
        call.fingerprint_sql(0),
        call.integer(1).unwrap_or(1)
    )
}

pub fn classify(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut all = nearest(&reading.view(), call.scope(), call.fingerprint(0));
    all.truncate(if call.has(1) { call.count(1) } else { 1 });
    let row = |(node, distance): &(Node<'_>, u32)| (reading.row(node.address()), *distance);
    Ok(nearest_batch(&all.iter().map(row).collect::<Vec<_>>()))
}

pub fn retrain(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let example = call.fingerprint(1);
    let mut own = Counted::named(call, tx, PROTOTYPE)?.ok_or_else(|| {
        Fault::of(
            "name",
            format!(
                "expected a class that TRAIN has made, got '{}'",
                shown(call.name(0))
            ),
        )
    })?;
    let view = tx.view();
    let all = nearest(&view, call.scope(), example);
    let taken_for = all.first().map(|(node, _)| *node);
    let other = match taken_for.filter(|node| node.address() != own.address()) {
        Some(node) => Some(Counted::of(node, PROTOTYPE)?),
        None => None,
    };
    let name = taken_for.and_then(|node| node.name().cloned());
    let name = name.map(|name| String::from_utf8_lossy(&name).into_owned());
    let is_error = other.is_some();
    if let Some(mut other) = other {
        other.add([example], -1);
        let premise = [call.used(1)];
        other.write(tx, RETRAIN, &premise, -1)?;
        own.add([example], 1);
        own.write(tx, RETRAIN, &premise, 1)?;
    }
    Ok(retrained(tx, own.address(), name, is_error))
}

fn retrained(
    tx: &Transaction<'_>,
    address: Address,
    taken_for: Option<String>,
    is_error: bool,
) -> RecordBatch {
    let view = tx.view();
    let node = view.node(address);
    let node = node.expect("invariant: a class was just found there");
    let (mut columns, bits) = row_columns([&Row::of(&view, node)]);
    let more: [ArrayRef; 3] = [
        Arc::new(StringArray::from(vec![taken_for])),
        Arc::new(BooleanArray::from(vec![is_error])),
        bits,
    ];
    columns.extend(more);
    batch(RETRAINED, columns)
}
