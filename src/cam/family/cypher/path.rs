//! Ways along edges: shortest paths, and walks of a length between bounds.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::EdgeLink;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::super::lance;
use super::links::{Links, links_sql};
use super::{PATH, PATH_MAX, PATHS, REACHED};

/// Where the verb stands among the arguments of PATH and PATHS, and where the bound.
const VERB: usize = 2;
const MAX: usize = 3;
/// Where EXPAND has its verb and its bounds.
const EXPAND_VERB: usize = 1;
const EXPAND_MIN: usize = 2;
const EXPAND_MAX: usize = 3;

/// Digits of an address and of an id in the text that a path is in SQL: such text is in the order of what it says.
const ADDRESS_DIGITS: usize = 5;
const ID_DIGITS: usize = 20;

/// In SQL: an address and the edge that leads to it, as text.
fn step_sql(address: &str, edge: &str) -> String {
    format!(
        "lpad(CAST({address} AS VARCHAR), {ADDRESS_DIGITS}, '0') || lpad(CAST({edge} AS VARCHAR), {ID_DIGITS}, '0')"
    )
}

/// In SQL: how far the nodes are from x that so many edges lead to, as walk (node, depth, path, most), of each depth each
/// node once with the first path to it.
fn walk_sql(call: &Call<'_>, max: &str) -> String {
    format!(
        "walk AS (SELECT CAST({x} AS BIGINT) AS node, CAST(0 AS BIGINT) AS depth, CAST('' AS VARCHAR) AS path, {max} AS most \
         UNION ALL SELECT l.t, w.depth + 1, min(w.path || {step}), w.most FROM walk w JOIN links l ON l.s = w.node \
         WHERE w.depth < w.most GROUP BY l.t, w.depth, w.most)",
        x = call.place(0).address.0,
        step = step_sql("l.t", "l.id"),
    )
}

/// In SQL: the most edges that a shortest path may have, as it is given, or as there are nodes that edges leave.
fn most_sql(call: &Call<'_>) -> String {
    format!(
        "least(CAST({} AS BIGINT), (SELECT count(DISTINCT s) FROM links))",
        call.integer(MAX).unwrap_or(PATH_MAX)
    )
}

/// In SQL: the nodes of paths that are text, in `found (number, path)`.
fn steps_sql(call: &Call<'_>, columns: &str) -> String {
    let (x, width) = (call.place(0).address.0, ADDRESS_DIGITS + ID_DIGITS);
    format!(
        "taken AS (SELECT number, step, CASE WHEN step = 0 THEN {x} \
         ELSE TRY_CAST(substr(path, (step - 1) * {width} + 1, {ADDRESS_DIGITS}) AS BIGINT) END AS node, \
         CASE WHEN step = 0 THEN NULL \
         ELSE TRY_CAST(substr(path, (step - 1) * {width} + {id}, {ID_DIGITS}) AS BIGINT UNSIGNED) END AS edge \
         FROM (SELECT number, path, unnest(range(0, 1 + CAST(char_length(path) AS BIGINT) / {width})) AS step FROM found)) \
         SELECT {columns} FROM taken k JOIN (SELECT id, address, name, fingerprint FROM {rows}) n ON n.address = k.node \
         LEFT JOIN edges e ON e.id = k.edge ORDER BY number, step",
        id = ADDRESS_DIGITS + 1,
        rows = call.rows_sql(),
    )
}

const COLUMNS: &str = "step, n.id, n.address, n.name, k.edge, e.verb, n.fingerprint";

pub fn path_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE links AS ({links}), {walk}, \
         found AS (SELECT 1 AS number, path FROM walk WHERE node = {y} ORDER BY depth LIMIT 1), {steps}",
        links = links_sql(call, Some(VERB)),
        walk = walk_sql(call, &most_sql(call)),
        y = call.place(1).address.0,
        steps = steps_sql(call, COLUMNS),
    )
}

pub fn paths_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE links AS ({links}), {walk}, \
         far AS (SELECT node, min(depth) AS depth FROM walk GROUP BY node), \
         way AS (SELECT node, depth AS ahead, CAST('' AS VARCHAR) AS path FROM far WHERE node = {y} \
         UNION ALL SELECT l.s, w.ahead - 1, {step} || w.path FROM way w JOIN links l ON l.t = w.node \
         JOIN far f ON f.node = l.s AND f.depth = w.ahead - 1), \
         found AS (SELECT row_number() OVER (ORDER BY path) AS number, path FROM way WHERE ahead = 0), {steps}",
        links = links_sql(call, Some(VERB)),
        walk = walk_sql(call, &most_sql(call)),
        y = call.place(1).address.0,
        step = step_sql("w.node", "l.id"),
        steps = steps_sql(call, &format!("number AS path, {COLUMNS}")),
    )
}

/// How many edges each node is away from y, of those that are no farther than x; nothing if x is too far.
fn distances(
    call: &Call<'_>,
    links: &Links<'_>,
    reading: &Reading<'_>,
) -> Result<Option<HashMap<Address, usize>>, Fault> {
    let (x, y) = (call.place(0).address, call.place(1).address);
    let max = call.integer(MAX).unwrap_or(PATH_MAX);
    let mut far = HashMap::from([(y, 0)]);
    let (mut edge, mut steps) = (vec![y], 0);
    while !far.contains_key(&x) {
        reading.check()?;
        steps += 1;
        let mut next = Vec::new();
        for node in edge {
            for source in links.sources(node) {
                far.entry(source).or_insert_with(|| {
                    next.push(source);
                    steps
                });
            }
        }
        if next.is_empty() || steps as i64 > max {
            return Ok(None);
        }
        edge = next;
    }
    Ok(Some(far))
}

pub fn path(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let paths = shortest(call, reading, true)?;
    Ok(batch(PATH, steps(call, reading, &paths)))
}

pub fn paths(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let paths = shortest(call, reading, false)?;
    let mut columns = steps(call, reading, &paths);
    let numbers = paths.iter().enumerate();
    let numbers = numbers.flat_map(|(at, path)| std::iter::repeat_n(at as u64 + 1, path.len() + 1));
    columns.insert(0, Arc::new(UInt64Array::from_iter_values(numbers)));
    Ok(batch(PATHS, columns))
}

/// The shortest paths as their edges, or only the first.
fn shortest(
    call: &Call<'_>,
    reading: &Reading<'_>,
    only_first: bool,
) -> Result<Vec<Vec<EdgeLink>>, Fault> {
    let links = Links::new(call, reading.view(), Some(VERB));
    let Some(far) = distances(call, &links, reading)? else {
        return Ok(Vec::new());
    };
    let nearer = |node: Address| {
        let ahead = far[&node];
        let mut edges = links.outgoing(node);
        edges.retain(|edge| far.get(&edge.target).is_some_and(|far| far + 1 == ahead));
        edges.into_iter()
    };
    let (x, y) = (call.place(0).address, call.place(1).address);
    let mut found: Vec<Vec<EdgeLink>> = Vec::new();
    let mut rows = 0;
    // What is left to try of each node on the way.
    let (mut way, mut open) = (Vec::new(), vec![nearer(x)]);
    if x == y {
        return Ok(vec![way]);
    }
    while let Some(edges) = open.last_mut() {
        let Some(edge) = edges.next() else {
            open.pop();
            way.pop();
            continue;
        };
        if edge.target != y {
            open.push(nearer(edge.target));
            way.push(edge);
            continue;
        }
        reading.check()?;
        let path: Vec<_> = way.iter().copied().chain([edge]).collect();
        rows += path.len() + 1;
        let most = reading.host().rows_max;
        if rows > most {
            return Err(Fault::of(
                "y",
                format!(
                    "expected a node that the shortest paths to have at most the {most} rows of --sql-rows-max"
                ),
            ));
        }
        found.push(path);
        if only_first {
            break;
        }
    }
    Ok(found)
}

/// The columns of paths, a row a node.
fn steps(call: &Call<'_>, reading: &Reading<'_>, paths: &[Vec<EdgeLink>]) -> Vec<ArrayRef> {
    let x = call.place(0).address;
    let view = reading.view();
    let taken: Vec<(u64, Address, Option<EdgeLink>)> = paths
        .iter()
        .flat_map(|path| {
            let rest = path.iter().zip(1..);
            let rest = rest.map(|(edge, step)| (step, edge.target, Some(*edge)));
            [(0, x, None)].into_iter().chain(rest)
        })
        .collect();
    let rows: Vec<Row<'_>> = match call.scope() {
        Scope::Surface => lance::rows_at(reading, call.scope(), taken.iter().map(|step| step.1)),
        _ => taken
            .iter()
            .filter_map(|step| Some(Row::of(&view, view.node(step.1)?)))
            .collect(),
    };
    let (mut columns, bits) = row_columns(&rows);
    let edges = || taken.iter().map(|step| step.2);
    let verbs = view.state.verbs();
    columns.insert(
        0,
        Arc::new(UInt64Array::from_iter_values(
            taken.iter().map(|step| step.0),
        )),
    );
    columns.push(Arc::new(UInt64Array::from_iter(
        edges().map(|edge| Some(edge?.id)),
    )));
    columns.push(Arc::new(StringArray::from_iter(
        edges().map(|edge| verbs.name(edge?.verb)),
    )));
    columns.push(bits);
    columns
}

pub fn expand_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE links AS ({links}), \
         walk AS (SELECT CAST({x} AS BIGINT) AS node, CAST(0 AS BIGINT) AS depth \
         UNION ALL SELECT DISTINCT l.t, w.depth + 1 FROM walk w JOIN links l ON l.s = w.node WHERE w.depth < {max}), \
         reached AS (SELECT node, min(depth) AS steps FROM walk WHERE depth BETWEEN {min} AND {max} GROUP BY node) \
         SELECT id, address, name, steps, fingerprint FROM reached JOIN (SELECT id, address, name, fingerprint FROM {rows}) n \
         ON n.address = node ORDER BY steps, address",
        links = links_sql(call, Some(EXPAND_VERB)),
        rows = call.rows_sql(),
        x = call.place(0).address.0,
        min = call.count(EXPAND_MIN),
        max = call.count(EXPAND_MAX),
    )
}

pub fn expand(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let links = Links::new(call, reading.view(), Some(EXPAND_VERB));
    let (min, max) = (call.count(EXPAND_MIN), call.count(EXPAND_MAX));
    let mut reached: HashMap<Address, usize> = HashMap::new();
    let mut level = vec![call.place(0).address];
    for steps in 0..=max {
        reading.check()?;
        if steps >= min {
            for node in &level {
                reached.entry(*node).or_insert(steps);
            }
        }
        if steps == max {
            break;
        }
        let targets = level.iter().flat_map(|node| links.outgoing(*node));
        let mut next: Vec<_> = targets.map(|edge| edge.target).collect();
        next.sort_unstable();
        next.dedup();
        level = next;
    }
    let mut reached: Vec<_> = reached.into_iter().collect();
    reached.sort_unstable_by_key(|(node, steps)| (*steps, *node));
    let rows = lance::rows_at(reading, call.scope(), reached.iter().map(|one| one.0));
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(UInt64Array::from_iter_values(
        reached.iter().map(|one| one.1 as u64),
    )));
    columns.push(bits);
    Ok(batch(REACHED, columns))
}
