//! Figures of the space, and of what the server has left.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::engine::TRANSACTIONS_MAX;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::batch;
use super::super::super::call::{Call, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::provenance::METHOD;
use super::explain::property;
use super::{BUDGET, REFLECTION, edges_in, stored_sql};

pub fn reflect_sql(call: &Call<'_>) -> String {
    let rows = stored_sql(call.scope());
    format!(
        "SELECT * FROM (SELECT count(*) AS nodes, count(name) AS named, count(*) - count(parent) AS roots, \
         coalesce(max(rung), 0) AS rung_max, {} AS frequency, {} AS confidence FROM {rows}) CROSS JOIN \
         (SELECT count(*) AS edges, count(DISTINCT e.verb) AS verbs, {} AS edge_confidence, \
         count(field(e.properties, '{METHOD}')) AS derived FROM edges e JOIN (SELECT id FROM {rows}) s ON s.id = e.source \
         JOIN (SELECT id FROM {rows}) t ON t.id = e.target)",
        mean_sql("frequency"),
        mean_sql("confidence"),
        mean_sql("e.confidence"),
    )
}

/// In SQL: the mean of singles, as far as a single tells it, so that a mean of what was written as 0.9 reads 0.9.
fn mean_sql(column: &str) -> String {
    decimal_sql(&format!("CAST(avg(CAST({column} AS DOUBLE)) AS REAL)"))
}

/// The same.
fn mean(singles: impl ExactSizeIterator<Item = f32>) -> ArrayRef {
    let count = singles.len();
    let sum: f64 = singles.map(f64::from).sum();
    let mean = (count > 0).then(|| decimal((sum / count as f64) as f32));
    Arc::new(Float64Array::from(vec![mean]))
}

pub fn reflect(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let nodes: Vec<_> = view
        .nodes()
        .filter(|node| call.scope().contains(node.address()))
        .collect();
    let edges: Vec<Edge> = edges_in(&view, call.scope()).collect();
    let count = |count: usize| -> ArrayRef { Arc::new(UInt64Array::from(vec![count as u64])) };
    let is_text = |name: &Arc<[u8]>| std::str::from_utf8(name).is_ok();
    let named = nodes.iter().filter(|node| node.name().is_some_and(is_text));
    let roots = nodes.iter().filter(|node| node.parent().is_none());
    let rungs = nodes.iter().map(|node| usize::from(node.rung()));
    let verbs: HashSet<u8> = edges.iter().map(|edge| edge.verb).collect();
    let derived = edges.iter().filter(|edge| property(edge, METHOD).is_some());
    let truths = nodes.iter().map(|node| node.truth());
    Ok(batch(
        REFLECTION,
        vec![
            count(nodes.len()),
            count(named.count()),
            count(roots.count()),
            count(rungs.max().unwrap_or_default()),
            mean(truths.clone().map(|truth| truth.frequency())),
            mean(truths.map(|truth| truth.confidence())),
            count(edges.len()),
            count(verbs.len()),
            mean(edges.iter().map(|edge| edge.confidence)),
            count(derived.count()),
        ],
    ))
}

pub fn budget(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let engine = reading.host().engine();
    let (options, stats) = (engine.options(), engine.history_stats(call.space));
    reading.reveal(stats.newest.position);
    let state = &reading.glance().state;
    let zone = |zone: Zone| (state.population(zone) as u64, Some(zone.capacity() as u64));
    let (nodes, fluid) = (zone(Zone::Node), zone(Zone::Fluid));
    let rows = [
        ("node_zone", nodes),
        ("fluid_zone", fluid),
        ("edges", (state.graph().len() as u64, None)),
        (
            "history_bytes",
            (stats.bytes as u64, Some(options.history_bytes)),
        ),
        ("history_bytes_all", (stats.bytes_all as u64, None)),
        (
            "log_bytes",
            (
                engine.bytes_since_checkpoint(),
                Some(options.checkpoint_bytes),
            ),
        ),
        (
            "snapshot_bytes",
            (engine.snapshot_stats().bytes, Some(options.snapshot_bytes)),
        ),
        (
            "spaces",
            (
                engine.spaces().len() as u64,
                Some(options.spaces_max as u64),
            ),
        ),
        (
            "transactions",
            (
                engine.transactions().len() as u64,
                Some(TRANSACTIONS_MAX as u64),
            ),
        ),
    ];
    Ok(batch(
        BUDGET,
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|row| row.1.0),
            )),
            Arc::new(UInt64Array::from_iter(rows.iter().map(|row| row.1.1))),
        ],
    ))
}
