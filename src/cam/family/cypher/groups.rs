//! Which nodes belong together: components, communities, triangles.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, UInt16Array, UInt64Array};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::table::Column;
use super::super::lance::{drawn, mixed};
use super::links::{Numbered, links_sql};
use super::{COMMUNITIES, COMPONENTS, TRIANGLES};

pub fn components_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE links AS ({links}), \
         near AS (SELECT DISTINCT a, b FROM (SELECT s AS a, t AS b FROM links UNION ALL SELECT t AS a, s AS b FROM links \
         UNION ALL SELECT s AS a, s + 0 AS b FROM links UNION ALL SELECT t AS a, t + 0 AS b FROM links)), \
         spread AS (SELECT a AS node, min(a) AS least, CAST(0 AS BIGINT) AS depth, \
         (SELECT count(DISTINCT a) FROM near) AS most FROM near GROUP BY a \
         UNION ALL SELECT p.b, min(w.least), w.depth + 1, w.most FROM spread w JOIN near p ON p.a = w.node \
         WHERE w.depth < w.most GROUP BY p.b, w.depth, w.most), \
         found AS (SELECT node, min(least) AS least FROM spread GROUP BY node) \
         SELECT id, address, name, component, count(*) OVER (PARTITION BY component) AS size, fingerprint \
         FROM (SELECT id, address, name, coalesce(least, CAST(address AS BIGINT)) AS component, fingerprint FROM {rows} \
         LEFT JOIN found ON node = address) ORDER BY size DESC, component, address{limit}",
        links = links_sql(call, None),
        rows = call.rows_sql(),
        limit = call.limit_sql(0),
    )
}

pub fn components(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let graph = Numbered::new(call, reading, None);
    let neighbours = graph.neighbours();
    let mut of: Vec<Option<usize>> = vec![None; graph.rows.len()];
    // Rows are by address: the first of a component that is met is the least.
    for first in 0..of.len() {
        if of[first].is_some() {
            continue;
        }
        of[first] = Some(first);
        let mut open = vec![first];
        while let Some(at) = open.pop() {
            for other in &neighbours[at] {
                if of[*other].replace(first).is_none() {
                    open.push(*other);
                }
            }
        }
    }
    let of: Vec<usize> = of.into_iter().flatten().collect();
    Ok(groups(COMPONENTS, &graph, &of, call.limit(0)))
}

/// The first `k` rows with the group of each, which its first member names.
fn groups(columns: &[Column], graph: &Numbered<'_>, of: &[usize], k: usize) -> RecordBatch {
    let mut sizes = vec![0_u64; of.len()];
    for first in of {
        sizes[*first] += 1;
    }
    let mut order: Vec<usize> = (0..of.len()).collect();
    order.sort_by_key(|at| (Reverse(sizes[of[*at]]), of[*at]));
    order.truncate(k);
    let (mut arrays, bits) = row_columns(graph.ordered(&order));
    let first = |at: &usize| graph.rows[of[*at]].address.0;
    arrays.push(Arc::new(UInt16Array::from_iter_values(
        order.iter().map(first),
    )));
    arrays.push(Arc::new(UInt64Array::from_iter_values(
        order.iter().map(|at| sizes[of[*at]]),
    )));
    arrays.push(bits);
    batch(columns, arrays)
}

pub fn communities(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let graph = Numbered::new(call, reading, None);
    let neighbours = graph.neighbours();
    let count = neighbours.len();
    let mut seed = call.integer(0).unwrap_or(0) as u64;
    let mut labels: Vec<usize> = (0..count).collect();
    // Each change lets one more edge at least lead to its own label, so that an end comes.
    let mut has_changed = true;
    while has_changed {
        reading.check()?;
        has_changed = false;
        seed = mixed(seed.wrapping_add(1));
        for (turn, at) in drawn(count, count, seed).into_iter().enumerate() {
            let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
            for other in neighbours[at].iter().filter(|other| **other != at) {
                *counts.entry(labels[*other]).or_default() += 1;
            }
            let most = counts.values().max().copied().unwrap_or(0);
            if counts.get(&labels[at]).copied().unwrap_or(0) == most {
                continue;
            }
            let best = counts.iter().filter(|(_, count)| **count == most);
            let best: Vec<usize> = best.map(|(label, _)| *label).collect();
            let choice = mixed(seed ^ turn as u64) % best.len() as u64;
            labels[at] = best[choice as usize];
            has_changed = true;
        }
    }
    // A label is a node's that may have left it: its first member names the community.
    let mut first = vec![None; count];
    let of = labels
        .iter()
        .enumerate()
        .map(|(at, label)| *first[*label].get_or_insert(at));
    let of: Vec<usize> = of.collect();
    Ok(groups(COMMUNITIES, &graph, &of, call.limit(1)))
}

pub fn triangles_sql(call: &Call<'_>) -> String {
    format!(
        "WITH links AS ({links}), \
         pairs AS (SELECT DISTINCT least(s, t) AS a, greatest(s, t) AS b FROM links WHERE s <> t), \
         found AS (SELECT p.a AS x, p.b AS y, q.b AS z FROM pairs p JOIN pairs q ON q.a = p.b \
         JOIN pairs r ON r.a = p.a AND r.b = q.b), \
         corners AS (SELECT node, count(*) AS triangles FROM (SELECT x AS node FROM found UNION ALL SELECT y FROM found \
         UNION ALL SELECT z FROM found) GROUP BY node), \
         near AS (SELECT node, count(*) AS k FROM (SELECT a AS node FROM pairs UNION ALL SELECT b FROM pairs) GROUP BY node) \
         SELECT id, address, name, coalesce(triangles, 0) AS triangles, \
         CASE WHEN k > 1 THEN 2.0 * coalesce(triangles, 0) / (k * (k - 1)) ELSE 0.0 END AS coefficient, fingerprint \
         FROM (SELECT id, address, name, fingerprint FROM {rows}) n LEFT JOIN corners c ON c.node = address \
         LEFT JOIN near m ON m.node = address ORDER BY triangles DESC, address{limit}",
        links = links_sql(call, None),
        rows = call.rows_sql(),
        limit = call.limit_sql(0),
    )
}

pub fn triangles(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let graph = Numbered::new(call, reading, None);
    let mut neighbours = graph.neighbours();
    for (at, of) in neighbours.iter_mut().enumerate() {
        of.retain(|other| *other != at);
        of.sort_unstable();
        of.dedup();
    }
    let mut triangles = vec![0_u64; neighbours.len()];
    for a in 0..neighbours.len() {
        reading.check()?;
        let above = |at: usize| {
            let of = &neighbours[at];
            &of[of.partition_point(|other| *other <= at)..]
        };
        for b in above(a) {
            for c in above(*b) {
                if neighbours[a].binary_search(c).is_ok() {
                    for corner in [a, *b, *c] {
                        triangles[corner] += 1;
                    }
                }
            }
        }
    }
    let coefficient = |at: usize| match neighbours[at].len() {
        0 | 1 => 0.0,
        k => 2.0 * triangles[at] as f64 / (k * (k - 1)) as f64,
    };
    let mut order: Vec<usize> = (0..neighbours.len()).collect();
    order.sort_by_key(|at| Reverse(triangles[*at]));
    order.truncate(call.limit(0));
    let (mut columns, bits) = row_columns(graph.ordered(&order));
    columns.push(Arc::new(UInt64Array::from_iter_values(
        order.iter().map(|at| triangles[*at]),
    )));
    columns.push(Arc::new(Float64Array::from_iter_values(
        order.iter().map(|at| coefficient(*at)),
    )));
    columns.push(bits);
    Ok(batch(TRIANGLES, columns))
}
