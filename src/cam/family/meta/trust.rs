//! Truths: how sure the memory is of nodes, where similar ones agree, which edges contradict each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::{Truth as StoredTruth, decimal};

use super::super::super::batch::{batch, ids, row_columns};
use super::super::super::call::{Call, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::{COHERENCE, CONFIDENCE, CONFLICTS, GAPS, edges_in, number, stored_sql};
use crate::mind::truth::Truth;

/// Distance within which COHERENCE compares, unless told: about 22 deviations from chance.
const RADIUS: usize = 4000;
/// Rows of GAPS, unless told.
const GAPS_ROWS: usize = 10;

/// A row with the truth of its node.
struct Believed<'r> {
    row: Row<'r>,
    truth: Truth,
}

/// The rows of the call's scope that have a truth: words of the surface have none.
fn believed<'r>(call: &Call<'_>, reading: &'r Reading<'_>) -> Vec<Believed<'r>> {
    if call.scope() == Scope::Surface {
        return Vec::new();
    }
    let rows = reading.rows(call.scope()).into_iter();
    let with = |row: Row<'r>| {
        let truth = reading.view().node(row.address).map(|node| node.truth());
        Believed {
            row,
            truth: truth.unwrap_or(StoredTruth::DEFAULT).into(),
        }
    };
    rows.map(with).collect()
}

fn floats(rows: &[Believed<'_>], of: fn(Truth) -> f64) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(
        rows.iter().map(|believed| of(believed.truth)),
    ))
}

pub fn confidence_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, frequency, confidence, confidence * (frequency - 0.5) + 0.5 AS expectation, \
         confidence / (1.0 - confidence) AS amount, evidence, fingerprint FROM (SELECT id, address, name, \
         {} AS frequency, {} AS confidence, evidence, fingerprint FROM {} WHERE {})",
        decimal_sql("frequency"),
        decimal_sql("confidence"),
        stored_sql(call.scope()),
        call.node_sql(0)
    )
}

pub fn confidence(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let address = call.place(0).address;
    let mut rows = believed(call, reading);
    rows.retain(|believed| believed.row.address == address);
    let (mut columns, bits) = row_columns(rows.iter().map(|believed| &believed.row));
    let view = reading.view();
    let evidence = rows
        .iter()
        .map(|believed| view.node(believed.row.address).map(|node| node.evidence()));
    let evidence = ids(evidence.map(|ids| Some(ids.unwrap_or_default())));
    columns.extend([
        floats(&rows, Truth::frequency),
        floats(&rows, Truth::confidence),
        floats(&rows, Truth::expectation),
        floats(&rows, Truth::evidence),
    ]);
    columns.push(evidence);
    columns.push(bits);
    Ok(batch(CONFIDENCE, columns))
}

pub fn coherence_sql(call: &Call<'_>) -> String {
    format!(
        "WITH r AS (SELECT address, fingerprint, {} AS f, {} AS c FROM {}) \
         SELECT count(*) AS pairs, sum(weight * agreement) / sum(weight) AS coherence FROM (SELECT a.c * b.c AS weight, \
         1.0 - abs(a.f - b.f) AS agreement, hamming(a.fingerprint, b.fingerprint) AS distance \
         FROM r a JOIN r b ON a.address < b.address) WHERE distance <= {}",
        decimal_sql("frequency"),
        decimal_sql("confidence"),
        stored_sql(call.scope()),
        number(call, 0, RADIUS)
    )
}

pub fn coherence(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let radius = number(call, 0, RADIUS) as u32;
    let rows = believed(call, reading);
    let (mut pairs, mut agreed, mut weights) = (0_u64, 0.0, 0.0);
    for (at, a) in rows.iter().enumerate() {
        reading.check()?;
        for b in &rows[at + 1..] {
            if a.row.fingerprint.distance(&b.row.fingerprint) <= radius {
                let weight = a.truth.confidence() * b.truth.confidence();
                agreed += weight * (1.0 - (a.truth.frequency() - b.truth.frequency()).abs());
                weights += weight;
                pairs += 1;
            }
        }
    }
    let coherence = (pairs > 0).then(|| agreed / weights);
    Ok(batch(
        COHERENCE,
        vec![
            Arc::new(UInt64Array::from(vec![pairs])),
            Arc::new(Float64Array::from(vec![coherence])),
        ],
    ))
}

/// Verbs of which one should be false where the other is true.
const OPPOSITES: [(&str, &str); 2] = [("CAUSES", "PREVENTS"), ("ENABLES", "PREVENTS")];

fn are_opposites(a: &str, b: &str) -> bool {
    OPPOSITES.contains(&(a, b)) || OPPOSITES.contains(&(b, a))
}

pub fn conflicts_sql(call: &Call<'_>) -> String {
    let opposites: Vec<_> = OPPOSITES
        .iter()
        .flat_map(|(a, b)| [(a, b), (b, a)])
        .map(|(a, b)| format!("(a.verb = '{a}' AND b.verb = '{b}')"))
        .collect();
    let rows = stored_sql(call.scope());
    format!(
        "WITH e AS (SELECT e.id, e.source, e.target, e.verb, {} AS f, {} AS c, \
         s.name AS source_name, t.name AS target_name FROM edges e JOIN (SELECT id, name FROM {rows}) s ON s.id = e.source \
         JOIN (SELECT id, name FROM {rows}) t ON t.id = e.target) \
         SELECT first, second, source, verb, other_verb, target, c1 * c2 * abs(f1 - f2) AS conflict FROM \
         (SELECT a.id AS first, b.id AS second, a.source_name AS source, a.verb AS verb, b.verb AS other_verb, \
         a.target_name AS target, a.f AS f1, a.c AS c1, b.c AS c2, CASE WHEN a.verb = b.verb THEN b.f ELSE 1.0 - b.f END AS f2 \
         FROM e a JOIN e b ON a.source = b.source AND a.target = b.target AND a.id < b.id \
         WHERE a.verb = b.verb OR {}) WHERE (f1 - 0.5) * (f2 - 0.5) < 0.0 ORDER BY conflict DESC, first, second",
        decimal_sql("e.frequency"),
        decimal_sql("e.confidence"),
        opposites.join(" OR ")
    )
}

/// Two edges that contradict each other, and how much.
struct Conflict {
    first: Edge,
    second: Edge,
    verbs: [String; 2],
    much: f64,
}

pub fn conflicts(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let mut between: BTreeMap<(Address, Address), Vec<Edge>> = BTreeMap::new();
    for edge in edges_in(&view, call.scope()) {
        let ends = (edge.source, edge.target);
        between.entry(ends).or_default().push(edge);
    }
    let verb = |edge: &Edge| view.state.verbs().name(edge.verb).unwrap_or_default();
    let mut found = Vec::new();
    for edges in between.values_mut() {
        reading.check()?;
        edges.sort_by_key(|edge| edge.id);
        for (at, a) in edges.iter().enumerate() {
            for b in &edges[at + 1..] {
                let (f1, f2) = (decimal(a.frequency), decimal(b.frequency));
                let f2 = match (a.verb == b.verb, are_opposites(verb(a), verb(b))) {
                    (true, _) => f2,
                    (false, true) => 1.0 - f2,
                    (false, false) => continue,
                };
                if (f1 - 0.5) * (f2 - 0.5) < 0.0 {
                    let sure = decimal(a.confidence) * decimal(b.confidence);
                    found.push(Conflict {
                        first: a.clone(),
                        second: b.clone(),
                        verbs: [verb(a).to_owned(), verb(b).to_owned()],
                        much: sure * (f1 - f2).abs(),
                    });
                }
            }
        }
    }
    found.sort_by(|a, b| {
        let ids = |conflict: &Conflict| (conflict.first.id, conflict.second.id);
        b.much.total_cmp(&a.much).then(ids(a).cmp(&ids(b)))
    });
    let name = |at: Address| super::name_at(&view, at);
    let count = |of: fn(&Conflict) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(found.iter().map(of)))
    };
    let verbs = |at: usize| -> ArrayRef {
        let verbs = found.iter().map(|conflict| &conflict.verbs[at]);
        Arc::new(StringArray::from_iter_values(verbs))
    };
    Ok(batch(
        CONFLICTS,
        vec![
            count(|conflict| conflict.first.id),
            count(|conflict| conflict.second.id),
            Arc::new(StringArray::from_iter(
                found.iter().map(|conflict| name(conflict.first.source)),
            )),
            verbs(0),
            verbs(1),
            Arc::new(StringArray::from_iter(
                found.iter().map(|conflict| name(conflict.first.target)),
            )),
            Arc::new(Float64Array::from_iter_values(
                found.iter().map(|conflict| conflict.much),
            )),
        ],
    ))
}

pub fn gaps_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, {} AS frequency, {} AS confidence, fingerprint FROM {} ORDER BY confidence, address LIMIT {}",
        decimal_sql("frequency"),
        decimal_sql("confidence"),
        stored_sql(call.scope()),
        number(call, 0, GAPS_ROWS)
    )
}

pub fn gaps(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut rows = believed(call, reading);
    rows.sort_by(|a, b| {
        let (c, d) = (a.truth.confidence(), b.truth.confidence());
        c.total_cmp(&d).then(a.row.address.cmp(&b.row.address))
    });
    rows.truncate(number(call, 0, GAPS_ROWS));
    let (mut columns, bits) = row_columns(rows.iter().map(|believed| &believed.row));
    columns.extend([
        floats(&rows, Truth::frequency),
        floats(&rows, Truth::confidence),
    ]);
    columns.push(bits);
    Ok(batch(GAPS, columns))
}
