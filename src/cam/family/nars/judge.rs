//! Judgements that are made: an edge between the nodes that the terms name.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::commit::transaction::{Draft, EdgeDraft, Transaction};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::fields_json;

use super::super::super::batch::{batch, ids};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::provenance::{self, Ground, conclusion};
use super::super::super::statement::{Said, Source, verb};
use super::JUDGED;
use crate::mind::inference::{Judgement, Proof};
use crate::mind::narsese::{Statement, Term};
use crate::mind::truth::{Evidence, Truth};

/// How far a truth that is said may be from what its derivation comes to: what is lost where it is written with four digits.
const TRUTH_ERROR_MAX: f64 = 1e-4;

/// What is judged, and how true it is: as the statement says, or the argument behind it.
fn judged<'c>(call: &'c Call<'_>) -> (&'c Statement, Truth) {
    let Said {
        source: Source::Text(statement, written),
        ..
    } = call.said(0)
    else {
        unreachable!("invariant: an entry that takes a statement takes no edge for it");
    };
    (statement, call.truth(1).or(*written).unwrap_or_default())
}

/// The verb and the names of the nodes that a statement is about.
fn parts(statement: &Statement) -> Result<(&'static str, [&str; 2]), Fault> {
    let verb = verb(statement.copula()).ok_or_else(|| {
        Fault::of(
            "statement",
            format!("expected -->, <-> or ==>, which edges can say, got {statement}"),
        )
    })?;
    let name = |term: &'_ Term| match term {
        Term::Atom(_) => Ok(()),
        other => Err(Fault::of(
            "statement",
            format!("expected terms that nodes can have as names, got {other} in {statement}"),
        )),
    };
    name(statement.subject())?;
    name(statement.predicate())?;
    Ok((verb, atoms(statement)))
}

/// The names of terms; empty for those that are none.
fn atoms(statement: &Statement) -> [&str; 2] {
    [statement.subject(), statement.predicate()].map(|term| match term {
        Term::Atom(name) => name.as_str(),
        _ => "",
    })
}

/// What a derivation comes to, if it is of this statement, and what is said beside it agrees.
fn derived(
    call: &Call<'_>,
    proof: &Proof<Ground>,
    statement: &Statement,
) -> Result<Judgement, Fault> {
    let concluded = conclusion(proof).map_err(|fault| fault.of_argument("derivation"))?;
    if concluded.statement != *statement {
        return Err(Fault::of(
            "derivation",
            format!(
                "expected one of {statement}, got one of {}",
                concluded.statement
            ),
        ));
    }
    let Said {
        source: Source::Text(_, written),
        ..
    } = call.said(0)
    else {
        unreachable!("invariant: an entry that takes a statement takes no edge for it");
    };
    let comes_to = concluded.truth;
    if let Some(said) = call.truth(1).or(*written) {
        let differs = |of: fn(Truth) -> f64| (of(said) - of(comes_to)).abs() > TRUTH_ERROR_MAX;
        if differs(Truth::frequency) || differs(Truth::confidence) {
            return Err(Fault::of(
                "truth",
                format!(
                    "expected {},{} as the derivation comes to, got {},{}",
                    comes_to.frequency(),
                    comes_to.confidence(),
                    said.frequency(),
                    said.confidence()
                ),
            ));
        }
    }
    match call.ids(2) {
        Some(ids) if ids != concluded.evidence.ids() => Err(Fault::of(
            "evidence",
            format!(
                "expected {:?} as the derivation stands on, got {ids:?}",
                concluded.evidence.ids()
            ),
        )),
        _ => Ok(concluded),
    }
}

pub fn judge(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (statement, mut truth) = judged(call);
    if let (Source::Text(_, Some(written)), Some(said)) = (&call.said(0).source, call.truth(1))
        && *written != said
    {
        return Err(Fault::of(
            "truth",
            format!(
                "expected none beside that of the statement, {},{}; got {},{}",
                written.frequency(),
                written.confidence(),
                said.frequency(),
                said.confidence()
            ),
        ));
    }
    let (verb, names) = parts(statement)?;
    let mut given = call.ids(2).map(<[u64]>::to_vec);
    let mut properties = None;
    if let Some(said) = call.derived(3) {
        let proof = said
            .in_view(call.scope(), &tx.view())
            .map_err(|fault| fault.of_argument("derivation"))?;
        let concluded = derived(call, &proof, statement)?;
        truth = concluded.truth;
        given = Some(concluded.evidence.ids().to_vec());
        properties = Some(Arc::new(provenance::properties(&proof)));
    }
    let mut ends = [Address(0); 2];
    for (end, name) in ends.iter_mut().zip(names) {
        *end = match tx.find(name.as_bytes()) {
            Some(address) => address,
            None => tx.create(Draft {
                name: Some(name.as_bytes().into()),
                ..Draft::default()
            })?,
        };
        if !call.scope().contains(*end) {
            return Err(Fault::of(
                "SCOPE",
                format!(
                    "expected the scope of what is written, got {}: '{name}' lives in the {} zone at {end}",
                    call.scope().name(),
                    end.zone()
                ),
            ));
        }
    }
    let verb = tx.define_verb(verb)?;
    let draft = EdgeDraft {
        truth: truth.into(),
        properties,
        ..EdgeDraft::default()
    };
    let mut edge = tx.link(ends[0], verb, ends[1], draft)?;
    if let Some(evidence) = &given {
        edge.evidence = Some(evidence.as_slice().into());
        tx.update_edge(edge.clone())?;
    }
    let evidence = Evidence::new(given.unwrap_or_else(|| vec![edge.id]));
    Ok(batch(
        JUDGED,
        vec![
            Arc::new(UInt64Array::from(vec![edge.id])),
            Arc::new(StringArray::from(vec![statement.to_string()])),
            Arc::new(Float64Array::from(vec![truth.frequency()])),
            Arc::new(Float64Array::from(vec![truth.confidence()])),
            ids([Some(evidence.ids())]),
        ],
    ))
}

pub fn sql(call: &Call<'_>) -> String {
    let (statement, mut truth) = judged(call);
    let verb = verb(statement.copula()).unwrap_or_default();
    let [s, p] = atoms(statement).map(quoted);
    let made = |name: &str| {
        format!(
            "INSERT INTO nodes (name) SELECT {name} AS name WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE name = {name});\n"
        )
    };
    let mut given = call.ids(2).map(<[u64]>::to_vec);
    let mut properties = None;
    let proof = call.derived(3).and_then(|derived| derived.found.as_ref());
    if let Some(proof) = proof
        && let Ok(concluded) = conclusion(proof)
    {
        truth = concluded.truth;
        given = Some(concluded.evidence.ids().to_vec());
        properties = Some(fields_json(&provenance::properties(proof)).to_string());
    }
    let (mut column, mut evidence) = match given {
        None => (String::new(), String::new()),
        Some(ids) => {
            let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
            (
                ", evidence".to_owned(),
                format!(", make_array({}) AS evidence", ids.join(", ")),
            )
        }
    };
    if let Some(properties) = properties {
        column.push_str(", properties");
        evidence.push_str(&format!(", {} AS properties", quoted(&properties)));
    }
    format!(
        "{}{}INSERT INTO edges (source, verb, target, frequency, confidence{column}) \
         SELECT s.id AS source, '{verb}' AS verb, t.id AS target, {} AS frequency, {} AS confidence{evidence} FROM nodes s, nodes t WHERE s.name = {s} AND t.name = {p}",
        made(&s),
        made(&p),
        truth.frequency(),
        truth.confidence(),
    )
}
