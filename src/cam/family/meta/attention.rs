//! What is active: by its use, and by what is close to what is asked about.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array};
use ladybug_engine::space::access::Access;
use ladybug_engine::space::address::Address;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::{ATTENTION, FOCUS, edges_in, number, stored_sql};

/// Rows of ATTENTION, unless told.
const ATTENTION_ROWS: usize = 10;
/// Steps that activation spreads.
const STEPS: usize = 3;
/// What activation is multiplied by at each step.
const DECAY: f64 = 0.5;
/// Differences of activation below this are none, whatever the order in which it was added up.
const GRAIN: f64 = 1e-9;

pub fn attention_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, accesses, accessed, ln(CAST(accesses AS DOUBLE) + 1.0) \
         - 0.5 * ln(CAST(greatest((latest - last) / 1000000, 1) AS DOUBLE)) AS activation, fingerprint FROM \
         (SELECT id, address, name, accesses, accessed, fingerprint, CAST(accessed AS BIGINT) AS last, \
         max(CAST(accessed AS BIGINT)) OVER () AS latest FROM {} WHERE accesses > 0 AND accessed IS NOT NULL) \
         ORDER BY activation DESC, address LIMIT {}",
        stored_sql(call.scope()),
        number(call, 0, ATTENTION_ROWS)
    )
}

pub fn attention(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let nodes = view
        .nodes()
        .filter(|node| call.scope().contains(node.address()));
    let accesses = reading.host().engine().accesses(call.space);
    let used = nodes
        .filter_map(|node| Some((node.address(), accesses.as_ref()?.get(node.address()))))
        .filter(|(_, access)| access.count > 0);
    let mut used: Vec<(Address, Access)> = used.collect();
    let latest = used.iter().map(|(_, access)| access.last).max();
    let latest = latest.unwrap_or_default();
    used.sort_by(|(a, x), (b, y)| {
        let (x, y) = (x.activation(latest), y.activation(latest));
        y.total_cmp(&x).then(a.cmp(b))
    });
    used.truncate(number(call, 0, ATTENTION_ROWS));
    let rows: Vec<Row<'_>> = used.iter().map(|(at, _)| reading.row(*at)).collect();
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(UInt64Array::from_iter_values(
        used.iter().map(|(_, access)| u64::from(access.count)),
    )));
    columns.push(Arc::new(TimestampMicrosecondArray::from_iter_values(
        used.iter().map(|(_, access)| access.last),
    )));
    columns.push(Arc::new(Float64Array::from_iter_values(
        used.iter().map(|(_, access)| access.activation(latest)),
    )));
    columns.push(bits);
    Ok(batch(ATTENTION, columns))
}

pub fn focus_sql(call: &Call<'_>) -> String {
    let rows = stored_sql(call.scope());
    let asked: Vec<_> = (0..call.values.len()).map(|at| call.node_sql(at)).collect();
    let mut steps = String::new();
    let mut all = vec!["SELECT id, v FROM s0".to_owned()];
    for step in 1..=STEPS {
        steps.push_str(&format!(
            ", s{step} AS (SELECT l.b AS id, sum(s.v * {DECAY:?} / f.n) AS v FROM s{} s JOIN links l ON l.a = s.id \
             JOIN fan f ON f.a = l.a GROUP BY l.b)",
            step - 1
        ));
        all.push(format!("SELECT id, v FROM s{step}"));
    }
    format!(
        "WITH r AS (SELECT id, address, name, fingerprint FROM {rows}), \
         inner_edges AS (SELECT e.source, e.target FROM edges e JOIN r s ON s.id = e.source JOIN r t ON t.id = e.target \
         WHERE e.source <> e.target), \
         links AS (SELECT source AS a, target AS b FROM inner_edges UNION ALL SELECT target AS a, source AS b FROM inner_edges), \
         fan AS (SELECT a, CAST(count(*) AS DOUBLE) AS n FROM links GROUP BY a), \
         s0 AS (SELECT id, 1.0 / CAST(count(*) OVER () AS DOUBLE) AS v FROM r WHERE {}){steps}, \
         total AS (SELECT id, sum(v) AS activation FROM ({}) GROUP BY id) \
         SELECT r.id AS id, r.address AS address, r.name AS name, activation, r.fingerprint AS fingerprint \
         FROM total JOIN r ON r.id = total.id ORDER BY round(activation / {GRAIN:?}) DESC, address",
        asked.join(" OR "),
        all.join(" UNION ALL "),
    )
}

pub fn focus(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let mut links: HashMap<Address, Vec<Address>> = HashMap::new();
    for edge in edges_in(&view, call.scope()) {
        if edge.source != edge.target {
            links.entry(edge.source).or_default().push(edge.target);
            links.entry(edge.target).or_default().push(edge.source);
        }
    }
    let mut active: BTreeMap<Address, f64> = BTreeMap::new();
    if call.scope() != Scope::Surface {
        active.extend((0..call.values.len()).map(|at| (call.place(at).address, 1.0)));
    }
    let share = 1.0 / active.len().max(1) as f64;
    active
        .values_mut()
        .for_each(|activation| *activation = share);
    let mut total = active.clone();
    for _ in 0..STEPS {
        reading.check()?;
        let mut next: BTreeMap<Address, f64> = BTreeMap::new();
        for (from, activation) in &active {
            let to = links.get(from).map(Vec::as_slice).unwrap_or_default();
            for to in to.iter() {
                *next.entry(*to).or_default() += activation * DECAY / links[from].len() as f64;
            }
        }
        for (at, activation) in &next {
            *total.entry(*at).or_default() += activation;
        }
        active = next;
    }
    let mut total: Vec<(Address, f64)> = total.into_iter().collect();
    let grains = |activation: f64| (activation / GRAIN).round();
    total.sort_by(|(a, x), (b, y)| grains(*y).total_cmp(&grains(*x)).then(a.cmp(b)));
    let rows: Vec<Row<'_>> = total.iter().map(|(at, _)| reading.row(*at)).collect();
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(Float64Array::from_iter_values(
        total.iter().map(|(_, activation)| *activation),
    )));
    columns.push(bits);
    Ok(batch(FOCUS, columns))
}
