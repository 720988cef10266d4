//! Questions: choice among what is stored and what follows from it, by backward chaining within bounds.

use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, RecordBatch, StringArray};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::state::View;

use super::super::super::batch::{batch, ids};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::super::super::statement::{self, Said, Source as Written};
use super::ANSWER;
use crate::mind::inference::{self, Bounds, Derivation, Judgement, Question, Source};
use crate::mind::narsese::{Copula, Term};
use crate::mind::truth::Truth;

/// Rules on top of each other, unless asked for otherwise.
const DEPTH: usize = 3;
/// Pairs of premises tried, unless asked for otherwise.
const STEPS: usize = 10_000;

/// The edges of a space's scope as judgements.
struct Edges<'v> {
    view: View<'v>,
    scope: Scope,
}

impl Source for Edges<'_> {
    fn matching(
        &self,
        subject: Option<&Term>,
        copula: Copula,
        predicate: Option<&Term>,
    ) -> Vec<Judgement> {
        let view = &self.view;
        let Some(slot) = statement::verb(copula).and_then(|verb| view.state.verbs().slot(verb))
        else {
            return Vec::new();
        };
        let mut ids: Vec<(Address, u64)> = Vec::new();
        self.links(subject, slot, predicate, &mut ids);
        if copula.is_symmetric() {
            self.links(predicate, slot, subject, &mut ids);
        }
        ids.sort_unstable_by_key(|(_, id)| *id);
        ids.dedup();
        let edges = ids
            .iter()
            .filter_map(|(source, id)| view.state.graph().get(*source, *id));
        let inside = edges
            .filter(|edge| self.scope.contains(edge.source) && self.scope.contains(edge.target));
        inside
            .filter_map(|edge| statement::judgement(view, &edge))
            .collect()
    }
}

impl Edges<'_> {
    /// The edges from one term to another, of which at least one is given.
    fn links(
        &self,
        from: Option<&Term>,
        slot: u8,
        to: Option<&Term>,
        ids: &mut Vec<(Address, u64)>,
    ) {
        let graph = self.view.state.graph();
        let at = |term: &Term| statement::node(&self.view, term).map(|node| node.address());
        match (from.map(at), to.map(at)) {
            (Some(Some(from)), Some(Some(to))) => {
                ids.extend(graph.find(from, slot, to).map(|id| (from, id)));
            }
            (Some(Some(from)), None) => {
                ids.extend(graph.outgoing(from, Some(slot)).map(|edge| (from, edge.id)));
            }
            (None, Some(Some(to))) => {
                ids.extend(
                    graph
                        .incoming(to, Some(slot))
                        .map(|link| (link.source, link.id)),
                );
            }
            _ => {}
        }
    }
}

pub fn ask(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let Said {
        source: Written::Text(asked, _),
        ..
    } = call.said(0)
    else {
        unreachable!("invariant: an entry that takes a statement takes no edge for it");
    };
    let question = Question::from(&**asked);
    if question.subject.is_none() && question.predicate.is_none() {
        return Err(Fault::of(
            "statement",
            format!("expected a term at one end at least, got {asked}"),
        ));
    }
    let bound = |at: usize, usual: usize| match call.has(at) {
        true => call.count(at),
        false => usual,
    };
    let bounds = Bounds {
        depth: bound(1, DEPTH),
        steps: bound(2, STEPS),
    };
    let edges = Edges {
        view: reading.view(),
        scope: call.scope(),
    };
    let answer = inference::ask(&edges, &question, bounds);
    let best = answer.best.as_slice();
    let float = |of: fn(Truth) -> f64| {
        Float64Array::from_iter_values(best.iter().map(|one| of(one.judgement().truth)))
    };
    let text = |of: fn(&Derivation) -> String| StringArray::from_iter_values(best.iter().map(of));
    let exhausted = best.iter().map(|_| Some(answer.exhausted));
    Ok(batch(
        ANSWER,
        vec![
            Arc::new(text(|one| one.judgement().statement.to_string())),
            Arc::new(float(Truth::frequency)),
            Arc::new(float(Truth::confidence)),
            Arc::new(float(Truth::expectation)),
            ids(best.iter().map(|one| Some(one.judgement().evidence.ids()))),
            Arc::new(text(shown)),
            Arc::new(exhausted.collect::<BooleanArray>()),
        ],
    ))
}

/// A derivation as text: the rule, and its premises in parentheses.
fn shown(derivation: &Derivation) -> String {
    match derivation {
        Derivation::Stored(judgement) => {
            let ids: Vec<_> = judgement
                .evidence
                .ids()
                .iter()
                .map(|id| format!("#{id}"))
                .collect();
            format!("{} {}", judgement.statement, ids.join(" "))
        }
        Derivation::Converted(_, from) => format!("conversion({})", shown(from)),
        Derivation::Derived(_, rule, premises) => {
            format!("{rule}({}, {})", shown(&premises[0]), shown(&premises[1]))
        }
    }
}
