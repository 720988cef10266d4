//! Codes: sequences, pairs, analogies, products, and the rows that are nearest to one.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::fingerprint::{BITS, Fingerprint, similarity};
use ladybug_engine::space::address::Address;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row, fingerprint_at};
use super::super::super::method::Scope;
use super::counted::{count, is_of};
use super::{FACTORS, NEAREST, PREDICTED};
use crate::mind::learning::resonator::{self, ROUNDS_MAX};
use crate::mind::learning::sequence::{beginning, beside, pair, steps};
use crate::operand::shown;

const SEQUENCE: &str = "Sequence";
const ASSOCIATION: &str = "Association";

/// Rows with their distances.
pub fn nearest_batch(rows: &[(Row<'_>, u32)]) -> RecordBatch {
    let (mut columns, bits) = row_columns(rows.iter().map(|(row, _)| row));
    let distances = || rows.iter().map(|(_, distance)| *distance);
    columns.push(Arc::new(UInt32Array::from_iter_values(distances())));
    let similarities = distances().map(similarity);
    columns.push(Arc::new(Float64Array::from_iter_values(similarities)));
    columns.push(bits);
    batch(NEAREST, columns)
}

/// The k rows of the scope nearest to something, but for those at some addresses; ties by address.
fn nearest(
    call: &Call<'_>,
    reading: &Reading<'_>,
    to: &Fingerprint,
    k: usize,
    except: &[Address],
) -> RecordBatch {
    let rows = reading.rows(call.scope()).into_iter();
    let rows = rows.filter(|row| !except.contains(&row.address));
    let mut all: Vec<_> = rows
        .map(|row| {
            let distance = to.distance(&row.fingerprint);
            (row, distance)
        })
        .collect();
    all.sort_by_key(|(_, distance)| *distance);
    all.truncate(k);
    nearest_batch(&all)
}

/// In SQL: the same.
fn nearest_sql(call: &Call<'_>, to: &str, k: i64, except: &[Address]) -> String {
    let except: Vec<_> = except.iter().map(|address| address.0.to_string()).collect();
    let others = match except.is_empty() {
        true => String::new(),
        false => format!(" WHERE address NOT IN ({})", except.join(", ")),
    };
    format!(
        "SELECT id, address, name, distance, 1.0 - 2.0 * distance / {BITS} AS similarity, fingerprint FROM \
         (SELECT id, address, name, fingerprint, hamming(fingerprint, {to}) AS distance FROM {}{others}) \
         ORDER BY distance, address LIMIT {k}",
        call.rows_sql()
    )
}

/// Where those of the first queries are that are stored.
fn places(call: &Call<'_>, count: usize) -> Vec<Address> {
    let places = (0..count).filter_map(|at| call.query(at).place);
    places.map(|place| place.address).collect()
}

pub fn analogy_sql(call: &Call<'_>) -> String {
    let [a, b, c] = [0, 1, 2].map(|at| call.fingerprint_sql(at));
    let to = format!("bind({a}, {b}, {c})");
    nearest_sql(call, &to, call.integer(3).unwrap_or(1), &places(call, 3))
}

pub fn analogy(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let to = call.fingerprint(0).bind(call.fingerprint(1));
    let to = to.bind(call.fingerprint(2));
    let k = if call.has(3) { call.count(3) } else { 1 };
    Ok(nearest(call, reading, &to, k, &places(call, 3)))
}

pub fn cleanup_sql(call: &Call<'_>) -> String {
    let q = call.fingerprint_sql(0);
    let to = match call.has(2) {
        false => q,
        true => format!(
            "permute(bind({q}, (SELECT fingerprint FROM {} WHERE {})), 1)",
            call.rows_sql(),
            call.node_sql(2)
        ),
    };
    nearest_sql(call, &to, call.integer(1).unwrap_or(1), &[])
}

/// What was learned at the third place.
fn memory(call: &Call<'_>, reading: &Reading<'_>) -> Result<Fingerprint, Fault> {
    let view = reading.view();
    let address = call.place(2).address;
    let node = view.node(address);
    let is_memory = node.is_some_and(|node| is_of(node, ASSOCIATION) || is_of(node, SEQUENCE));
    if !is_memory {
        let name = node.and_then(|node| node.name());
        let name = name.map_or_else(|| address.to_string().into(), |name| shown(name));
        return Err(Fault::of(
            "memory",
            format!(
                "expected a node of kind {ASSOCIATION} or {SEQUENCE}, as ASSOCIATE and SEQUENCE make them, got '{name}'"
            ),
        ));
    }
    let bits = fingerprint_at(&view, address);
    Ok(bits.expect("invariant: an operand that was found is there"))
}

pub fn cleanup(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let to = match call.has(2) {
        false => call.fingerprint(0).clone(),
        true => beside(&memory(call, reading)?, call.fingerprint(0)),
    };
    let k = if call.has(1) { call.count(1) } else { 1 };
    Ok(nearest(call, reading, &to, k, &[]))
}

pub fn sequence(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    count(call, tx, SEQUENCE, &steps(&call.fingerprints(1)))
}

pub fn associate(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let pair = pair(call.fingerprint(1), call.fingerprint(2));
    count(call, tx, ASSOCIATION, &[pair])
}

pub fn predict_sql(call: &Call<'_>) -> String {
    let rows = call.nodes_sql();
    let first = call.fingerprint_sql(0);
    let key = (1..call.values.len()).fold(first, |so_far, at| {
        format!("bind(permute({so_far}, 1), {})", call.fingerprint_sql(at))
    });
    format!(
        "SELECT id, address, name, memory, distance, 1.0 - 2.0 * distance / {BITS} AS similarity, fingerprint FROM \
         (SELECT n.id, n.address, n.name, s.memory, s.place, n.fingerprint, hamming(n.fingerprint, s.next) AS distance FROM \
         (SELECT name AS memory, address AS place, permute(bind(fingerprint, {key}), 1) AS next FROM {rows} \
         WHERE array_has(kinds, '{SEQUENCE}')) s CROSS JOIN (SELECT id, address, name, fingerprint FROM {rows}) n) \
         ORDER BY distance, address, place LIMIT 1"
    )
}

pub fn predict(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = match call.scope() {
        Scope::Surface => Vec::new(),
        scope => reading.rows(scope),
    };
    let key = beginning(&call.fingerprints(0));
    let view = reading.view();
    let is_sequence = |row: &&Row<'_>| {
        let node = view.node(row.address);
        node.is_some_and(|node| is_of(node, SEQUENCE))
    };
    let memories: Vec<_> = rows
        .iter()
        .filter(is_sequence)
        .map(|row| (row, beside(&row.fingerprint, &key)))
        .collect();
    let mut best: Option<((u32, Address, Address), &Row<'_>, &Row<'_>)> = None;
    for row in &rows {
        for (memory, next) in &memories {
            let order = (next.distance(&row.fingerprint), row.address, memory.address);
            if best.is_none_or(|(least, ..)| order < least) {
                best = Some((order, row, memory));
            }
        }
    }
    let (mut columns, bits) = row_columns(best.iter().map(|(_, row, _)| *row));
    let names = best.iter().map(|(.., memory)| memory.name.as_deref());
    columns.push(Arc::new(StringArray::from_iter(names)));
    let distances = || best.iter().map(|((distance, ..), ..)| *distance);
    columns.push(Arc::new(UInt32Array::from_iter_values(distances())));
    let similarities = distances().map(similarity);
    columns.push(Arc::new(Float64Array::from_iter_values(similarities)));
    columns.push(bits);
    Ok(batch(PREDICTED, columns))
}

pub fn factor(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = match call.scope() {
        Scope::Surface => Vec::new(),
        scope => reading.rows(scope),
    };
    let view = reading.view();
    let kinds: Vec<&str> = (1..call.values.len()).map(|at| call.text(at)).collect();
    let mut codebooks: Vec<Vec<&Row<'_>>> = Vec::with_capacity(kinds.len());
    for kind in &kinds {
        let of_kind = rows.iter().filter(|row| {
            let node = view.node(row.address);
            node.is_some_and(|node| is_of(node, kind))
        });
        let codebook: Vec<_> = of_kind.collect();
        if codebook.is_empty() {
            return Err(Fault::of(
                "codebook",
                format!("expected a kind that a node of the scope has, got '{kind}'"),
            ));
        }
        codebooks.push(codebook);
    }
    let bits = |codebook: &Vec<&'_ Row<'_>>| -> Vec<Fingerprint> {
        codebook
            .iter()
            .map(|row| (*row.fingerprint).clone())
            .collect()
    };
    let owned: Vec<Vec<Fingerprint>> = codebooks.iter().map(bits).collect();
    let lent: Vec<Vec<&Fingerprint>> = owned.iter().map(|codes| codes.iter().collect()).collect();
    let found = resonator::factor(call.fingerprint(0), &lent, ROUNDS_MAX);
    let found = found.expect("invariant: there are codebooks, and none is empty");
    let chosen: Vec<&Row<'_>> = codebooks
        .iter()
        .zip(&found.places)
        .map(|(codebook, place)| codebook[*place])
        .collect();
    let (rows, bits) = row_columns(chosen.iter().copied());
    let count = kinds.len();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(kinds))];
    columns.extend(rows);
    let more: [ArrayRef; 5] = [
        Arc::new(Float64Array::from(found.similarities)),
        Arc::new(UInt64Array::from(vec![found.rounds as u64; count])),
        Arc::new(BooleanArray::from(vec![found.rests; count])),
        Arc::new(UInt32Array::from(vec![found.distance; count])),
        bits,
    ];
    columns.extend(more);
    Ok(batch(FACTORS, columns))
}
