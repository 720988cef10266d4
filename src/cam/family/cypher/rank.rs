//! How much nodes are linked: degrees, and PageRank.

use std::cmp::Reverse;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::links::{Numbered, links_sql};
use super::{DEGREE, RANKED};

/// How likely somebody goes along an edge, unless said otherwise.
const DAMPING: f64 = 0.85;
/// Most iterations, unless said otherwise.
const ITERATIONS: usize = 100;
/// A change of all ranks together that is none.
const TOLERANCE: f64 = 1e-12;

pub fn degree_sql(call: &Call<'_>) -> String {
    format!(
        "WITH links AS ({links}) SELECT id, address, name, coalesce(o.edges, 0) AS outgoing, coalesce(i.edges, 0) AS incoming, \
         coalesce(o.edges, 0) + coalesce(i.edges, 0) AS degree, fingerprint \
         FROM (SELECT id, address, name, fingerprint FROM {rows}) n \
         LEFT JOIN (SELECT s, count(*) AS edges FROM links GROUP BY s) o ON o.s = address \
         LEFT JOIN (SELECT t, count(*) AS edges FROM links GROUP BY t) i ON i.t = address ORDER BY degree DESC, address{limit}",
        links = links_sql(call, Some(0)),
        rows = call.rows_sql(),
        limit = call.limit_sql(1),
    )
}

pub fn degree(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let graph = Numbered::new(call, reading, Some(0));
    let outgoing: Vec<usize> = graph.targets.iter().map(Vec::len).collect();
    let mut incoming = vec![0; graph.rows.len()];
    for target in graph.targets.iter().flatten() {
        incoming[*target] += 1;
    }
    let mut order: Vec<usize> = (0..graph.rows.len()).collect();
    order.sort_by_key(|at| Reverse(outgoing[*at] + incoming[*at]));
    order.truncate(call.limit(1));
    let (mut columns, bits) = row_columns(graph.ordered(&order));
    let counts = |of: &dyn Fn(usize) -> usize| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(
            order.iter().map(|at| of(*at) as u64),
        ))
    };
    columns.push(counts(&|at| outgoing[at]));
    columns.push(counts(&|at| incoming[at]));
    columns.push(counts(&|at| outgoing[at] + incoming[at]));
    columns.push(bits);
    Ok(batch(DEGREE, columns))
}

pub fn page_rank(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let graph = Numbered::new(call, reading, None);
    let damping = match call.has(0) {
        true => call.float(0),
        false => DAMPING,
    };
    let iterations = match call.has(1) {
        true => call.count(1),
        false => ITERATIONS,
    };
    let count = graph.rows.len();
    let mut ranks = vec![1.0 / count as f64; count];
    for _ in 0..iterations {
        reading.check()?;
        let stuck = ranks.iter().zip(&graph.targets);
        let stuck = stuck.filter(|(_, targets)| targets.is_empty());
        let stuck: f64 = stuck.map(|(rank, _)| rank).sum();
        let everywhere = (1.0 - damping + damping * stuck) / count as f64;
        let mut next = vec![everywhere; count];
        for (rank, targets) in ranks.iter().zip(&graph.targets) {
            for target in targets {
                next[*target] += damping * rank / targets.len() as f64;
            }
        }
        let change: f64 = ranks.iter().zip(&next).map(|(a, b)| (a - b).abs()).sum();
        ranks = next;
        if change < TOLERANCE {
            break;
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|a, b| ranks[*b].total_cmp(&ranks[*a]));
    order.truncate(call.limit(2));
    let (mut columns, bits) = row_columns(graph.ordered(&order));
    columns.push(Arc::new(Float64Array::from_iter_values(
        order.iter().map(|at| ranks[*at]),
    )));
    columns.push(bits);
    Ok(batch(RANKED, columns))
}
