//! What the diagram alone says: causes, effects, confounders, separation; by walks, and as recursive SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::space::address::Address;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, Place};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::stored::{
    CAUSES, CONFOUNDED, Edges, Reach, Stored, label, observed, seen, variable, within_sql,
};
use crate::mind::causal::diagram::{Set, VARIABLES_MAX};
use crate::mind::causal::separation;

/// Along which end of an edge a walk goes.
#[derive(Clone, Copy)]
pub enum Along {
    /// From effects to their causes.
    Causes,
    /// From causes to their effects.
    Effects,
}

/// How many edges a walk goes at most.
fn depth(call: &Call<'_>) -> u64 {
    let given = call.integer(1).and_then(|depth| u64::try_from(depth).ok());
    given.unwrap_or(VARIABLES_MAX as u64)
}

pub fn walk(call: &Call<'_>, reading: &Reading<'_>, along: Along) -> Result<RecordBatch, Fault> {
    let edges = Edges::new(reading.view(), call.scope());
    let start = call.place(0).address;
    let reached = edges.reached(start, depth(call), |at| match along {
        Along::Causes => edges.causes(at),
        Along::Effects => edges.effects(at),
    });
    let mut found: Vec<(u64, Address)> =
        reached.into_iter().map(|(at, depth)| (depth, at)).collect();
    found.retain(|(depth, _)| *depth > 0);
    found.sort_unstable();
    let rows: Vec<_> = found.iter().map(|(_, at)| reading.row(*at)).collect();
    let (mut arrays, bits) = row_columns(&rows);
    arrays.push(Arc::new(UInt64Array::from_iter_values(
        found.iter().map(|(depth, _)| *depth),
    )));
    arrays.push(bits);
    Ok(batch(call.operation.columns, arrays))
}

pub fn walk_sql(call: &Call<'_>, along: Along) -> String {
    let rows = call.rows_sql();
    let (from, to) = match along {
        Along::Causes => ("target", "source"),
        Along::Effects => ("source", "target"),
    };
    format!(
        "WITH RECURSIVE reached AS (SELECT id, CAST(0 AS BIGINT) AS depth FROM {rows} WHERE {} UNION \
         SELECT e.{to} AS id, r.depth + 1 AS depth FROM reached r JOIN edges e ON e.{from} = r.id \
         JOIN (SELECT id FROM {rows}) n ON n.id = e.{to} WHERE e.verb = '{CAUSES}' AND r.depth < {}) \
         SELECT n.id, n.address, n.name, d.depth, n.fingerprint FROM \
         (SELECT id, min(depth) AS depth FROM reached GROUP BY id) d \
         JOIN (SELECT id, address, name, fingerprint FROM {rows}) n ON n.id = d.id \
         WHERE d.depth > 0 ORDER BY d.depth, n.address",
        call.node_sql(0),
        depth(call)
    )
}

/// Two variables that are to be different.
fn different(call: &Call<'_>) -> Result<(Place, Place), Fault> {
    let (x, y) = (call.place(0), call.place(1));
    match x.address == y.address {
        false => Ok((x, y)),
        true => Err(Fault::of("y", "expected another variable than x")),
    }
}

/// The variables at the first two places, which are to be different.
pub fn ends(call: &Call<'_>, reading: &Reading<'_>) -> Result<(String, String), Fault> {
    let (x, y) = different(call)?;
    let view = reading.view();
    Ok((variable(&view, x), variable(&view, y)))
}

pub fn confounders(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (x, y) = different(call)?;
    let view = reading.view();
    let edges = Edges::new(reading.view(), call.scope());
    let all = u64::MAX;
    let to_x = edges.reached(x.address, all, |at| edges.causes(at));
    // Not through x: whoever causes it is no way to y.
    let to_y = edges.reached(y.address, all, |at| {
        let mut causes = edges.causes(at);
        causes.remove(&x.address);
        causes
    });
    let name = |at: Address| view.node(at).map(label).unwrap_or_default();
    let seen = observed(&seen(&view, call.scope()));
    let mut rows: BTreeMap<u64, (String, Option<String>, bool)> = BTreeMap::new();
    for at in to_x.keys().filter(|at| to_y.contains_key(at)) {
        if let Some(node) = view
            .node(*at)
            .filter(|_| *at != x.address && *at != y.address)
        {
            let name = label(node);
            let is_observed = seen.contains(&name);
            rows.insert(node.id(), (name, None, is_observed));
        }
    }
    let among: BTreeSet<_> = to_x.keys().chain(to_y.keys()).copied().collect();
    for (id, a, b) in edges.arcs(among.into_iter()) {
        let leads = |a, b| to_x.contains_key(a) && to_y.contains_key(b);
        let ends = match (leads(&a, &b), leads(&b, &a)) {
            (true, _) => (name(a), name(b)),
            (_, true) => (name(b), name(a)),
            _ => continue,
        };
        rows.insert(id, (ends.0, Some(ends.1), false));
    }
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(UInt64Array::from_iter_values(rows.keys().copied())),
            Arc::new(StringArray::from_iter_values(
                rows.values().map(|row| &row.0),
            )),
            Arc::new(StringArray::from_iter(
                rows.values().map(|row| row.1.as_ref()),
            )),
            Arc::new(BooleanArray::from_iter(
                rows.values().map(|row| Some(row.2)),
            )),
        ],
    ))
}

/// In SQL: the label of a variable.
fn label_sql(of: &str) -> String {
    format!("coalesce({of}.name, '#' || {of}.id)")
}

pub fn confounders_sql(call: &Call<'_>) -> String {
    let rows = call.rows_sql();
    let (x, y) = (call.node_sql(0), call.node_sql(1));
    let causes = |name: &str, of: &str, without: &str| {
        format!(
            "{name} AS (SELECT id FROM {rows} WHERE {of} UNION SELECT e.source AS id FROM {name} r \
             JOIN edges e ON e.target = r.id JOIN (SELECT id FROM {rows}{without}) n ON n.id = e.source \
             WHERE e.verb = '{CAUSES}')"
        )
    };
    // An edge leads from a cause of x to one of y, or the other way round.
    let arcs = |way: u8, a: &str, b: &str| {
        format!(
            "SELECT id, {a} AS a, {b} AS b, {way} AS way FROM edges WHERE verb = '{CONFOUNDED}' \
             AND {a} IN (SELECT id FROM to_x) AND {b} IN (SELECT id FROM to_y)"
        )
    };
    format!(
        "WITH RECURSIVE {}, {}, seen AS (SELECT DISTINCT variable FROM observations WHERE {}), arcs AS ({} UNION ALL {}) \
         SELECT n.id AS id, {} AS variable, CAST(NULL AS VARCHAR) AS confounded_with, s.variable IS NOT NULL AS is_observed \
         FROM (SELECT id, name FROM {rows}) n LEFT JOIN seen s ON s.variable = n.name \
         WHERE n.id IN (SELECT id FROM to_x) AND n.id IN (SELECT id FROM to_y) \
         AND n.id NOT IN (SELECT id FROM {rows} WHERE {x} OR {y}) \
         UNION ALL SELECT c.id AS id, {} AS variable, {} AS confounded_with, false AS is_observed \
         FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY way) AS place FROM arcs) c \
         JOIN (SELECT id, name FROM {rows}) a ON a.id = c.a JOIN (SELECT id, name FROM {rows}) b ON b.id = c.b \
         WHERE c.place = 1 ORDER BY id",
        causes("to_x", &x, ""),
        causes("to_y", &y, &format!(" WHERE NOT ({x})")),
        within_sql(call),
        arcs(0, "source", "target"),
        arcs(1, "target", "source"),
        label_sql("n"),
        label_sql("a"),
        label_sql("b"),
    )
}

pub fn separated(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (x, y) = ends(call, reading)?;
    let view = reading.view();
    let given: BTreeSet<String> = (2..call.values.len())
        .map(|at| variable(&view, call.place(at)))
        .collect();
    if given.contains(&x) || given.contains(&y) {
        return Err(Fault::of("given", "expected other variables than x and y"));
    }
    let mut named = given.clone();
    named.extend([x.clone(), y.clone()]);
    let diagram = Stored::read(reading, call.scope(), &named, Reach::Causes)?.diagram;
    let index = |name: &String| diagram.index(name);
    let given = given.iter().map(index).collect::<Result<Set, _>>()?;
    let (x, y) = (Set::one(index(&x)?), Set::one(index(&y)?));
    let is_separated = separation::separated(&diagram, x, y, given);
    let column = Arc::new(BooleanArray::from(vec![is_separated]));
    Ok(batch(call.operation.columns, vec![column]))
}

/// In SQL another way than the walk over edges: whether a path is left between the two in the moral graph of their
/// ancestors (Lauritzen et al. 1990), in which a confounding edge is a parent of both its ends.
pub fn separated_sql(call: &Call<'_>) -> String {
    let rows = call.rows_sql();
    let id = |at: usize| match call.place(at).id {
        Some(id) => format!("CAST({id} AS BIGINT UNSIGNED)"),
        None => "CAST(NULL AS BIGINT UNSIGNED)".to_owned(),
    };
    let (x, y) = (id(0), id(1));
    let given: Vec<_> = (2..call.values.len()).map(id).collect();
    let all = [vec![x.clone(), y.clone()], given.clone()]
        .concat()
        .join(", ");
    let blocked = match given.is_empty() {
        true => String::new(),
        false => format!(" WHERE m.b NOT IN ({})", given.join(", ")),
    };
    let inside = "(SELECT id FROM up)";
    format!(
        "WITH RECURSIVE up AS (SELECT id FROM {rows} WHERE id IN ({all}) UNION \
         SELECT e.source AS id FROM up r JOIN edges e ON e.target = r.id JOIN (SELECT id FROM {rows}) n ON n.id = e.source \
         WHERE e.verb = '{CAUSES}'), \
         parents AS (SELECT source AS p, target AS c FROM edges WHERE verb = '{CAUSES}' \
         AND source IN {inside} AND target IN {inside} \
         UNION SELECT e.id AS p, unnest(make_array(e.source, e.target)) AS c FROM edges e WHERE e.verb = '{CONFOUNDED}' \
         AND e.source IN {inside} AND e.target IN {inside}), \
         moral AS (SELECT p AS a, c AS b FROM parents UNION SELECT c AS a, p AS b FROM parents \
         UNION SELECT a.p AS a, b.p AS b FROM parents a JOIN parents b ON a.c = b.c WHERE a.p <> b.p), \
         reach AS (SELECT {x} AS id UNION SELECT m.b AS id FROM reach r JOIN moral m ON m.a = r.id{blocked}) \
         SELECT count(*) = 0 AS is_separated FROM reach WHERE id = {y}"
    )
}
