//! Rows that a condition chooses, or an edge.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array};
use arrow::datatypes::UInt16Type;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::super::cypher::{Links, links_sql};
use super::super::lance::{rows_at, rows_batch};
use super::JOINED;
use super::source::from;

/// Where JOIN and its kin have their verb.
const VERB: usize = 0;

fn rows_sql(call: &Call<'_>, at: usize) -> String {
    format!(
        "SELECT id, address, name, fingerprint FROM {} WHERE {}",
        from(call),
        call.text(at)
    )
}

pub fn select_sql(call: &Call<'_>) -> String {
    format!("{} ORDER BY address", rows_sql(call, 0))
}

/// The rows for which the condition at a place holds.
fn chosen(call: &Call<'_>, reading: &Reading<'_>, at: usize) -> Result<BTreeSet<Address>, Fault> {
    let statement = format!("SELECT address FROM {} WHERE {}", from(call), call.text(at));
    let holds = reading.query(&statement);
    let holds = holds.map_err(|fault| fault.of_sql(call.operation.argument(at).name))?;
    let addresses = holds.column(0).as_primitive::<UInt16Type>();
    Ok(addresses.values().iter().copied().map(Address).collect())
}

/// Rows as they are in memory, of those addresses where one is.
fn at(call: &Call<'_>, reading: &Reading<'_>, chosen: BTreeSet<Address>) -> RecordBatch {
    let view = reading.view();
    let is_there =
        |address: &Address| call.scope() == Scope::Surface || view.node(*address).is_some();
    // A condition is answered at its own moment: what went since is not there.
    let chosen = chosen.into_iter().filter(is_there);
    rows_batch(&rows_at(reading, call.scope(), chosen))
}

pub fn select(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let chosen = chosen(call, reading, 0)?;
    Ok(at(call, reading, chosen))
}

pub fn both_sql(call: &Call<'_>, operator: &str) -> String {
    format!(
        "SELECT * FROM ({} {operator} {}) ORDER BY address",
        rows_sql(call, 0),
        rows_sql(call, 1)
    )
}

pub fn both(
    call: &Call<'_>,
    reading: &Reading<'_>,
    holds: fn(bool, bool) -> bool,
) -> Result<RecordBatch, Fault> {
    let (a, b) = (chosen(call, reading, 0)?, chosen(call, reading, 1)?);
    let any = a.union(&b).copied();
    let chosen = any.filter(|address| holds(a.contains(address), b.contains(address)));
    let chosen = chosen.collect();
    Ok(at(call, reading, chosen))
}

pub fn linked_sql(call: &Call<'_>, exists: &str) -> String {
    format!(
        "SELECT id, address, name, fingerprint FROM {} WHERE {exists} (SELECT 1 FROM ({}) l WHERE l.s = nodes.address) \
         ORDER BY address",
        from(call),
        links_sql(call, Some(VERB))
    )
}

pub fn linked(
    call: &Call<'_>,
    reading: &Reading<'_>,
    is_linked: bool,
) -> Result<RecordBatch, Fault> {
    let links = Links::new(call, reading.view(), Some(VERB));
    let mut rows = reading.rows(call.scope());
    rows.retain(|row| links.outgoing(row.address).is_empty() != is_linked);
    Ok(rows_batch(&rows))
}

pub fn join_sql(call: &Call<'_>) -> String {
    let end = |name: &str| {
        format!(
            "(SELECT address, name FROM {}) {name} ON {name}.address",
            from(call)
        )
    };
    format!(
        "SELECT e.id AS edge, s.address AS source, s.name AS source_name, e.verb, t.address AS target, \
         t.name AS target_name, CAST(e.weight AS DOUBLE) AS weight, CAST(e.frequency AS DOUBLE) AS frequency, \
         CAST(e.confidence AS DOUBLE) AS confidence FROM ({}) l JOIN edges e ON e.id = l.id \
         JOIN {} = l.s JOIN {} = l.t ORDER BY edge",
        links_sql(call, Some(VERB)),
        end("s"),
        end("t")
    )
}

pub fn join(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let links = Links::new(call, view, Some(VERB));
    let graph = view.state.graph();
    let sources = view.nodes().map(|node| node.address());
    let sources = sources.filter(|address| call.scope().contains(*address));
    let mut edges: Vec<Edge> = sources
        .flat_map(|source| links.outgoing(source))
        .filter_map(|link| graph.get(link.source, link.id))
        .collect();
    edges.sort_unstable_by_key(|edge| edge.id);
    let verbs = view.state.verbs();
    let name = |address: Address| {
        let node = view.node(address)?;
        std::str::from_utf8(node.name()?).ok()
    };
    let float = |of: fn(&Edge) -> f32| {
        Arc::new(Float64Array::from_iter_values(
            edges.iter().map(|edge| decimal(of(edge))),
        ))
    };
    let ends = |of: fn(&Edge) -> Address| {
        let addresses = UInt16Array::from_iter_values(edges.iter().map(|edge| of(edge).0));
        let names = StringArray::from_iter(edges.iter().map(|edge| name(of(edge))));
        (Arc::new(addresses), Arc::new(names))
    };
    let (source, source_name) = ends(|edge| edge.source);
    let (target, target_name) = ends(|edge| edge.target);
    Ok(batch(
        JOINED,
        vec![
            Arc::new(UInt64Array::from_iter_values(
                edges.iter().map(|edge| edge.id),
            )),
            source,
            source_name,
            Arc::new(StringArray::from_iter_values(
                edges
                    .iter()
                    .map(|edge| verbs.name(edge.verb).unwrap_or_default()),
            )),
            target,
            target_name,
            float(|edge| edge.weight),
            float(|edge| edge.frequency),
            float(|edge| edge.confidence),
        ],
    ))
}
