//! Methods found by what they do.

use std::sync::{Arc, LazyLock};

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt16Array, UInt32Array};
use ladybug_engine::fingerprint::{Fingerprint, encode};

use super::super::super::batch::{batch, fingerprints};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::{Method, Mode};
use super::super::super::surface::terms;
use super::{FOUND, number};
use crate::mind::lexical;

/// Methods that FIND answers, unless told.
const FOUND_ROWS: usize = 5;
/// What ranks are added to before they are inverted: k of Cormack, Clarke and Buettcher.
const RANK_OFFSET: f64 = 60.0;
/// How much more than that of the fingerprint, which is lexical too but blurred, the rank by words counts.
const WORDS_RANK: f64 = 16.0;
/// Weights are compared in steps of this, whatever the order in which they were added up.
const GRAIN: f64 = 1e-6;

/// A method that can be found: without the words of a mode.
struct Entry {
    method: Method,
    name: String,
    bits: Fingerprint,
}

static ENTRIES: LazyLock<(Vec<Entry>, Vec<Vec<String>>)> = LazyLock::new(|| {
    let methods = Method::all().filter(|method| method.mode == Mode::DEFAULT);
    let entry = |method: Method| {
        let name = method.to_string();
        Entry {
            bits: encode::text(&format!("{name}: {}", method.operation.doc)),
            name,
            method,
        }
    };
    let entries: Vec<Entry> = methods.map(entry).collect();
    let said = entries.iter().map(|entry| terms(&entry.method)).collect();
    (entries, said)
});

pub fn find_sql(call: &Call<'_>) -> String {
    let words: Vec<_> = lexical::query(call.text(0))
        .iter()
        .map(|(word, weight)| format!("({}, CAST({weight:?} AS DOUBLE))", quoted(word)))
        .collect();
    let words = match words.is_empty() {
        true => "SELECT '' AS term, CAST(0.0 AS DOUBLE) AS w WHERE false".to_owned(),
        false => format!(
            "SELECT column1 AS term, column2 AS w FROM (VALUES {})",
            words.join(", ")
        ),
    };
    let (k1, b) = (lexical::K1, lexical::B);
    format!(
        "WITH m AS (SELECT address, name, doc, fingerprint, terms, CAST(cardinality(terms) AS DOUBLE) AS length FROM methods \
         WHERE scope = 'all' AND form = 'rows'), \
         size AS (SELECT CAST(count(*) AS DOUBLE) AS n, avg(length) AS mean FROM m), \
         q AS ({words}), t AS (SELECT address, length, unnest(terms) AS term FROM m), \
         f AS (SELECT address, length, term, CAST(count(*) AS DOUBLE) AS tf FROM t GROUP BY address, length, term), \
         d AS (SELECT term, CAST(count(*) AS DOUBLE) AS df FROM f GROUP BY term), \
         weighed AS (SELECT f.address AS address, sum(q.w * ln((size.n - d.df + 0.5) / (d.df + 0.5) + 1.0) * f.tf * {k1:?} / \
         (f.tf + {K1:?} * ({rest:?} + {b:?} * f.length / size.mean))) AS weight \
         FROM f JOIN q ON q.term = f.term JOIN d ON d.term = f.term CROSS JOIN size GROUP BY f.address), \
         ranked AS (SELECT m.address AS address, name, doc, fingerprint, hamming(fingerprint, encode({said})) AS distance, \
         coalesce(weight, 0.0) AS weight FROM m LEFT JOIN weighed ON weighed.address = m.address) \
         SELECT address, name, doc, distance, weight, 1.0 / ({RANK_OFFSET:?} + by_distance) + CASE WHEN weight > 0.0 \
         THEN {WORDS_RANK:?} / ({RANK_OFFSET:?} + by_weight) ELSE 0.0 END AS score, fingerprint FROM \
         (SELECT *, row_number() OVER (ORDER BY distance, address) AS by_distance, \
         rank() OVER (ORDER BY round(weight / {GRAIN:?}) DESC) AS by_weight FROM ranked) \
         ORDER BY score DESC, address LIMIT {k}",
        k1 = k1 + 1.0,
        K1 = k1,
        rest = 1.0 - b,
        said = quoted(call.text(0)),
        k = number(call, 1, FOUND_ROWS),
    )
}

pub fn find(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (entries, said) = &*ENTRIES;
    let query = encode::text(call.text(0));
    let distance = |entry: &Entry| entry.bits.distance(&query);
    let distances: Vec<u32> = entries.iter().map(distance).collect();
    let weights = lexical::weights(said, &lexical::query(call.text(0)));
    let grains = |at: usize| (weights[at] / GRAIN).round();
    let mut scores = vec![0.0; entries.len()];
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|at| (distances[*at], *at));
    for (rank, at) in order.iter().enumerate() {
        scores[*at] += 1.0 / (RANK_OFFSET + rank as f64 + 1.0);
    }
    order.sort_by(|a, b| grains(*b).total_cmp(&grains(*a)));
    let mut rank = 0;
    for place in 0..order.len() {
        let at = order[place];
        if place > 0 && grains(order[place - 1]) != grains(at) {
            rank = place;
        }
        if weights[at] > 0.0 {
            scores[at] += WORDS_RANK / (RANK_OFFSET + rank as f64 + 1.0);
        }
    }
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    order.truncate(number(call, 1, FOUND_ROWS));
    let best = || order.iter().map(|at| &entries[*at]);
    Ok(batch(
        FOUND,
        vec![
            Arc::new(UInt16Array::from_iter_values(
                best().map(|entry| entry.method.id()),
            )),
            Arc::new(StringArray::from_iter_values(
                best().map(|entry| &entry.name),
            )),
            Arc::new(StringArray::from_iter_values(
                best().map(|entry| entry.method.operation.doc),
            )),
            Arc::new(UInt32Array::from_iter_values(
                order.iter().map(|at| distances[*at]),
            )),
            Arc::new(Float64Array::from_iter_values(
                order.iter().map(|at| weights[*at]),
            )),
            Arc::new(Float64Array::from_iter_values(
                order.iter().map(|at| scores[*at]),
            )),
            fingerprints(best().map(|entry| &entry.bits)),
        ],
    ))
}
