//! Pages of rows, each with the cursor that GraphQL's own connections give it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt16Array, UInt32Array,
    UInt64Array,
};
use ladybug_engine::fingerprint::{similarity, z};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::{Edge, EdgeLink};
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::super::cypher::{Links, links_sql};
use super::super::lance::{self, Wanted};
use super::{ANCESTORS, CHILDREN, EDGES, HITS, NODES};
use crate::query::graphql::cursor;

/// Items of a page, unless the call says how many.
const PAGE: usize = 100;
/// Results of a search, unless the call says how many.
const RESULTS: usize = 10;

/// How many items the argument at a place asks for.
fn first(call: &Call<'_>, at: usize, usual: usize) -> usize {
    match call.has(at) {
        true => call.count(at),
        false => usual,
    }
}

/// In SQL: the cursor of a place.
fn cursor_sql(place: &str) -> String {
    format!("lpad(to_hex(CAST({place} AS BIGINT)), 16, '0') AS cursor")
}

/// In SQL: what comes after the cursor at a place of the arguments.
fn after_sql(call: &Call<'_>, at: usize, place: &str) -> String {
    match call.cursor(at) {
        Some(after) => format!("CAST({place} AS BIGINT UNSIGNED) > {after}"),
        None => "true".to_owned(),
    }
}

/// In SQL: whether another item follows.
fn has_next_sql(place: &str) -> String {
    format!(
        "CAST(row_number() OVER (ORDER BY {place}) AS BIGINT) < CAST(count(*) OVER () AS BIGINT) AS has_next"
    )
}

fn cursors(places: impl IntoIterator<Item = u64>) -> ArrayRef {
    let cursors = places.into_iter().map(cursor);
    Arc::new(StringArray::from_iter_values(cursors))
}

/// A page of items whose places rise, and for each whether another follows.
fn page<T>(
    items: impl Iterator<Item = T>,
    place: impl Fn(&T) -> u64,
    first: usize,
    after: Option<u64>,
) -> (Vec<T>, ArrayRef) {
    let mut rest = items.filter(|item| after.is_none_or(|after| place(item) > after));
    let page: Vec<T> = rest.by_ref().take(first).collect();
    let has_more = rest.next().is_some();
    let follows = (1..=page.len()).map(|at| Some(at < page.len() || has_more));
    let follows: BooleanArray = follows.collect();
    (page, Arc::new(follows))
}

fn row_at<'r>(reading: &'r Reading<'_>, address: Address) -> Option<Row<'r>> {
    let view = reading.view();
    Some(Row::of(&view, view.node(address)?))
}

pub fn nodes_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {cursor}, id, address, name, {has_next}, fingerprint FROM {rows} WHERE {after} ORDER BY address LIMIT {first}",
        cursor = cursor_sql("address"),
        has_next = has_next_sql("address"),
        rows = call.rows_sql(),
        after = after_sql(call, 1, "address"),
        first = first(call, 0, PAGE),
    )
}

pub fn nodes(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (first, after) = (first(call, 0, PAGE), call.cursor(1));
    let place = |address: &Address| u64::from(address.0);
    let (rows, follows): (Vec<Row<'_>>, _) = match call.scope() {
        Scope::Surface => {
            let words = reading.rows(Scope::Surface).into_iter();
            page(words, |row| place(&row.address), first, after)
        }
        scope => {
            let nodes = reading.view().nodes().map(|node| node.address());
            let nodes = nodes.filter(|address| scope.contains(*address));
            let (nodes, follows) = page(nodes, place, first, after);
            let rows = nodes.into_iter();
            (
                rows.filter_map(|address| row_at(reading, address))
                    .collect(),
                follows,
            )
        }
    };
    let (mut columns, bits) = row_columns(&rows);
    columns.insert(0, cursors(rows.iter().map(|row| place(&row.address))));
    columns.extend([follows, bits]);
    Ok(batch(NODES, columns))
}

pub fn edges_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {cursor}, e.id AS edge, e.verb, e.target, e.target_address, n.name AS target_name, {weight} AS weight, \
         {frequency} AS frequency, {confidence} AS confidence, {has_next} \
         FROM edges e JOIN ({links}) l ON l.id = e.id JOIN (SELECT id, name FROM {rows}) n ON n.id = e.target \
         WHERE l.s = {x} AND {after} ORDER BY e.id LIMIT {first}",
        cursor = cursor_sql("e.id"),
        weight = decimal_sql("e.weight"),
        frequency = decimal_sql("e.frequency"),
        confidence = decimal_sql("e.confidence"),
        has_next = has_next_sql("e.id"),
        links = links_sql(call, None),
        rows = call.nodes_sql(),
        x = call.place(0).address.0,
        after = after_sql(call, 2, "e.id"),
        first = first(call, 1, PAGE),
    )
}

pub fn edges(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let source = call.place(0).address;
    let mut links = Links::new(call, view, None).outgoing(source);
    links.sort_unstable_by_key(|link| link.id);
    let place = |link: &EdgeLink| link.id;
    let (links, follows) = page(
        links.into_iter(),
        place,
        first(call, 1, PAGE),
        call.cursor(2),
    );
    let graph = view.state.graph();
    let edges: Vec<_> = links
        .iter()
        .filter_map(|link| {
            let target = row_at(reading, link.target)?;
            Some((graph.get(source, link.id)?, target))
        })
        .collect();
    let verbs = view.state.verbs();
    let float = |of: fn(&Edge) -> f32| -> ArrayRef {
        let values = edges.iter().map(|(edge, _)| decimal(of(edge)));
        Arc::new(Float64Array::from_iter_values(values))
    };
    let all = || edges.iter();
    let columns: [ArrayRef; 10] = [
        cursors(all().map(|(edge, _)| edge.id)),
        Arc::new(UInt64Array::from_iter_values(
            all().map(|(edge, _)| edge.id),
        )),
        Arc::new(StringArray::from_iter(
            all().map(|(edge, _)| verbs.name(edge.verb)),
        )),
        Arc::new(UInt64Array::from_iter(all().map(|(_, target)| target.id))),
        Arc::new(UInt16Array::from_iter_values(
            all().map(|(_, target)| target.address.0),
        )),
        Arc::new(StringArray::from_iter(
            all().map(|(_, target)| target.name.as_deref()),
        )),
        float(|edge| edge.weight),
        float(|edge| edge.frequency),
        float(|edge| edge.confidence),
        follows,
    ];
    Ok(batch(EDGES, columns.to_vec()))
}

/// Where a hit stands: by distance, then by address.
fn place_of((address, distance): &(Address, u32)) -> u64 {
    u64::from(*distance) << 16 | u64::from(address.0)
}

pub fn search_sql(call: &Call<'_>) -> String {
    let end = format!(
        "ORDER BY distance, address LIMIT {}",
        first(call, 1, RESULTS)
    );
    format!(
        "SELECT {}, * FROM ({}) ORDER BY distance, address",
        cursor_sql("CAST(distance AS BIGINT) * 65536 + address"),
        lance::nearest_sql(call, &call.fingerprint_sql(0), "", &end)
    )
}

pub fn search(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let wanted = Wanted::new(call.fingerprint(0), first(call, 1, RESULTS));
    let hits = lance::hits(call.scope(), reading, &wanted);
    let rows = lance::rows_at(reading, call.scope(), hits.iter().map(|hit| hit.0));
    let (mut columns, bits) = row_columns(&rows);
    columns.insert(0, cursors(hits.iter().map(place_of)));
    let distances = hits.iter().map(|hit| hit.1);
    let float = |of: fn(u32) -> f64| Float64Array::from_iter_values(distances.clone().map(of));
    columns.push(Arc::new(UInt32Array::from_iter_values(distances.clone())));
    columns.push(Arc::new(float(similarity)));
    columns.push(Arc::new(float(z)));
    columns.push(bits);
    Ok(batch(HITS, columns))
}

pub fn children_sql(call: &Call<'_>) -> String {
    let rows = call.nodes_sql();
    format!(
        "SELECT {cursor}, id, address, name, fingerprint FROM {rows} \
         WHERE parent = (SELECT id FROM {rows} WHERE {x}) ORDER BY address",
        cursor = cursor_sql("address"),
        x = call.node_sql(0),
    )
}

pub fn children(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let node = view.node(call.place(0).address);
    let children = node.iter().flat_map(|node| view.children(*node));
    let mut children: Vec<Row<'_>> = children
        .filter(|child| call.scope().contains(child.address()))
        .map(|child| Row::of(&view, child))
        .collect();
    children.sort_by_key(|child| child.address);
    let (mut columns, bits) = row_columns(&children);
    let places = children.iter().map(|child| u64::from(child.address.0));
    columns.insert(0, cursors(places));
    columns.push(bits);
    Ok(batch(CHILDREN, columns))
}

pub fn ancestors_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE tree AS (SELECT id, address, name, parent, fingerprint FROM {rows}), \
         above AS (SELECT parent AS up, CAST(1 AS BIGINT) AS steps FROM tree WHERE {x} \
         UNION ALL SELECT t.parent, a.steps + 1 FROM above a JOIN tree t ON t.id = a.up) \
         SELECT {cursor}, id, address, name, steps, fingerprint FROM above JOIN tree ON id = up ORDER BY steps",
        rows = call.nodes_sql(),
        x = call.node_sql(0),
        cursor = cursor_sql("steps"),
    )
}

pub fn ancestors(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let parent = |node| {
        let parent = view.parent(node);
        parent.filter(|parent| call.scope().contains(parent.address()))
    };
    let nearest = view.node(call.place(0).address).and_then(parent);
    let above: Vec<Row<'_>> = std::iter::successors(nearest, |node| parent(*node))
        .map(|node| Row::of(&view, node))
        .collect();
    let steps = || (1..).take(above.len());
    let (mut columns, bits) = row_columns(&above);
    columns.insert(0, cursors(steps()));
    columns.push(Arc::new(UInt64Array::from_iter_values(steps())));
    columns.push(bits);
    Ok(batch(ANCESTORS, columns))
}
