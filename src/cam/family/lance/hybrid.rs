//! Ranks by fingerprint and by words, fused by reciprocal rank.

use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use ladybug_engine::space::address::Address;
use ladybug_engine::table::NodeScan;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::HYBRID;
use super::read::stored;

/// What ranks are added to before they are inverted: k of Cormack, Clarke and Buettcher.
const RANK_OFFSET: usize = 60;
/// Most words that are looked for.
const WORDS_MAX: usize = 64;

/// The words to look for, in lower case, each once.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() && words.len() < WORDS_MAX && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}

pub fn sql(call: &Call<'_>) -> String {
    let found = |word: &String| format!("CAST(strpos(said, {}) > 0 AS BIGINT)", quoted(word));
    let found: Vec<_> = words(call.text(2)).iter().map(found).collect();
    let found = match found.is_empty() {
        true => "CAST(0 AS BIGINT)".to_owned(),
        false => found.join(" + "),
    };
    format!(
        "SELECT id, address, name, distance, words, 1.0 / ({RANK_OFFSET} + by_distance) + \
         CASE WHEN words > 0 THEN 1.0 / ({RANK_OFFSET} + by_words) ELSE 0.0 END AS score, fingerprint \
         FROM (SELECT *, row_number() OVER (ORDER BY distance, address) AS by_distance, \
         rank() OVER (ORDER BY words DESC) AS by_words \
         FROM (SELECT id, address, name, fingerprint, distance, {found} AS words \
         FROM (SELECT id, address, name, fingerprint, hamming(fingerprint, {q}) AS distance, \
         lower(coalesce(name, '') || ' ' || coalesce(TRY_CAST(value AS VARCHAR), '') || ' ' || coalesce(properties, '')) \
         AS said FROM {rows}))) ORDER BY score DESC, address LIMIT {k}",
        q = call.fingerprint_sql(0),
        rows = call.rows_sql(),
        k = call.count(1),
    )
}

pub fn rows(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let words = words(call.text(2));
    let rows = reading.rows(call.scope());
    let said = match call.scope() {
        Scope::Surface => rows
            .iter()
            .map(|row| row.name.as_deref().unwrap_or_default().to_lowercase())
            .collect(),
        _ => texts(reading, rows.iter().map(|row| row.address).collect())?,
    };
    let count = |said: &String| words.iter().filter(|word| said.contains(*word)).count();
    let counts: Vec<usize> = said.iter().map(count).collect();
    let distance = |at: usize| call.fingerprint(0).distance(&rows[at].fingerprint);
    let distances: Vec<u32> = (0..rows.len()).map(distance).collect();
    let mut scores = vec![0.0; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| (distances[*at], *at));
    for (rank, at) in order.iter().enumerate() {
        scores[*at] += reciprocal(rank);
    }
    order.sort_by_key(|at| std::cmp::Reverse(counts[*at]));
    let mut rank = 0;
    for place in 0..order.len() {
        let at = order[place];
        if place > 0 && counts[order[place - 1]] != counts[at] {
            rank = place;
        }
        if counts[at] > 0 {
            scores[at] += reciprocal(rank);
        }
    }
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(call.count(1));
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    let best: Vec<_> = order.iter().filter_map(|at| rows[*at].take()).collect();
    let (mut columns, bits) = row_columns(&best);
    columns.push(Arc::new(UInt32Array::from_iter_values(
        order.iter().map(|at| distances[*at]),
    )));
    columns.push(Arc::new(UInt64Array::from_iter_values(
        order.iter().map(|at| counts[*at] as u64),
    )));
    columns.push(Arc::new(Float64Array::from_iter_values(
        order.iter().map(|at| scores[*at]),
    )));
    columns.push(bits);
    Ok(batch(HYBRID, columns))
}

/// What a rank counting from 0 is worth.
fn reciprocal(rank: usize) -> f64 {
    1.0 / (RANK_OFFSET + rank + 1) as f64
}

/// What nodes say, in lower case: name, value and fields as far as they are text.
fn texts(reading: &Reading<'_>, addresses: Vec<Address>) -> Result<Vec<String>, Fault> {
    let scan = NodeScan {
        addresses: Some(addresses),
        ..NodeScan::default()
    };
    let columns = stored(reading, scan, &["name", "value", "properties"])?;
    let (names, properties) = (columns[0].as_string::<i32>(), columns[2].as_string::<i32>());
    let values = columns[1].as_binary::<i32>();
    let rows = names.iter().zip(values).zip(properties);
    let texts = rows.map(|((name, value), properties)| {
        let value = std::str::from_utf8(value.unwrap_or_default()).unwrap_or_default();
        let (name, properties) = (name.unwrap_or_default(), properties.unwrap_or_default());
        format!("{name} {value} {properties}").to_lowercase()
    });
    Ok(texts.collect())
}
