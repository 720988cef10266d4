//! Statements of non-axiomatic logic as arguments: Narsese text, or edges, which are statements about nodes.
//!
//! IS_A is inheritance, SIMILAR_TO similarity, IMPLIES implication; a node's name is its term. An edge that says no
//! evidence stands on itself, by its id.

use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::Truth as StoredTruth;
use ladybug_engine::space::state::View;

use super::call::{decimal_sql, quoted, rows_sql};
use super::error::Fault;
use super::method::Scope;
use crate::mind::inference::Judgement;
use crate::mind::narsese::{Copula, Mood, Statement, Term, parse, parse_statement};
use crate::mind::truth::{Evidence, Truth};
use crate::operand::{Bare, Operand, Reference, shown};

/// The verbs that are copulas.
const VERBS: [(&str, Copula); 3] = [
    ("IS_A", Copula::Inheritance),
    ("SIMILAR_TO", Copula::Similarity),
    ("IMPLIES", Copula::Implication),
];

/// What a statement is written as.
pub const STATEMENT: &str = "a statement such as <robin --> bird>";
/// What a premise is written as.
pub const PREMISE: &str = "a judgement: <robin --> bird>. %1.0;0.9%, one that is stored as <robin --> bird>, or its edge \
                           as #17 or @1042";

/// A statement that an argument says.
#[derive(Clone, Debug)]
pub struct Said<'a> {
    /// By what it was said.
    pub source: Source<'a>,
    /// What it says, once it is found.
    pub judgement: Option<Judgement>,
}

/// How a statement was said.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// In Narsese, with a truth if one was written.
    Text(Box<Statement>, Option<Truth>),
    /// As an edge.
    Edge(Reference<'a>, Option<u64>),
}

impl<'a> Said<'a> {
    /// Reads a statement; where edges are taken, `#17` and `@1042` are those.
    ///
    /// # Errors
    /// It is none: what was expected.
    pub fn parse(input: &'a [u8], takes_edges: bool) -> Result<Self, String> {
        let expected = if takes_edges { PREMISE } else { STATEMENT };
        let wrong = |detail: String| format!("expected {expected}, got '{}'{detail}", shown(input));
        let text = std::str::from_utf8(input)
            .map_err(|_| wrong(String::new()))?
            .trim();
        if takes_edges && text.starts_with(['#', '@']) {
            return match Operand::bare(input, Bare::Key) {
                Ok(Operand::Stored(reference)) => Ok(Self {
                    source: Source::Edge(reference, None),
                    judgement: None,
                }),
                _ => Err(wrong(String::new())),
            };
        }
        let detailed = |error| wrong(format!(": {error}"));
        let (statement, truth) = match text.ends_with(['.', '?', '%']) {
            false => (parse_statement(text).map_err(detailed)?, None),
            true => {
                let sentence = parse(text).map_err(detailed)?;
                match (sentence.term, sentence.mood) {
                    (Term::Statement(statement), Mood::Judgement(truth)) => {
                        (*statement, Some(truth))
                    }
                    (Term::Statement(statement), Mood::Question) => (*statement, None),
                    _ => return Err(wrong(": it is another term".to_owned())),
                }
            }
        };
        Ok(Self {
            source: Source::Text(Box::new(statement), truth),
            judgement: None,
        })
    }

    /// Finds what it says in the memory, if it does not say all itself.
    ///
    /// # Errors
    /// Nothing of the kind is stored in the scope.
    pub fn find(&mut self, scope: Scope, view: &View<'_>) -> Result<(), Fault> {
        let judgement = match &mut self.source {
            Source::Text(statement, Some(truth)) => Judgement {
                statement: (**statement).clone(),
                truth: *truth,
                evidence: Evidence::default(),
            },
            Source::Text(statement, None) => {
                let found = stored(view, scope, statement).map(|(_, judgement)| judgement);
                found.ok_or_else(|| {
                    Fault::Argument(format!(
                        "{}; write its truth as {statement}. %1.0;0.9%",
                        unheard(statement, scope)
                    ))
                })?
            }
            Source::Edge(reference, id) => {
                let edge = edge(view, reference)?;
                *id = Some(edge.id);
                if !(scope.contains(edge.source) && scope.contains(edge.target)) {
                    return Err(Fault::Argument(format!(
                        "expected an edge in scope {}, and {reference} is outside",
                        scope.name()
                    )));
                }
                judgement(view, &edge).ok_or_else(|| {
                    let verb = view.state.verbs().name(edge.verb).unwrap_or_default();
                    Fault::Argument(format!(
                        "expected an edge IS_A, SIMILAR_TO or IMPLIES, and {reference} is {verb}"
                    ))
                })?
            }
        };
        self.judgement = Some(judgement);
        Ok(())
    }

    /// The stored edge that it is: of several that say it that of the highest confidence, the first of these.
    ///
    /// # Errors
    /// None in the scope says it, or it has a truth, and so is no stored one.
    pub fn stored(&self, scope: Scope, view: &View<'_>) -> Result<Edge, Fault> {
        match &self.source {
            Source::Text(statement, None) => {
                let found = stored(view, scope, statement).map(|(edge, _)| edge);
                found.ok_or_else(|| Fault::Argument(unheard(statement, scope)))
            }
            Source::Text(statement, Some(_)) => Err(Fault::Argument(format!(
                "expected a statement that is stored, without a truth, got one with a truth of {statement}"
            ))),
            Source::Edge(reference, _) => edge(view, reference),
        }
    }

    /// In SQL: one row with its frequency f, confidence c and evidence e, of the edges in a scope.
    pub fn sql(&self, scope: Scope) -> String {
        let stored = format!(
            "SELECT {} AS f, {} AS c, CASE WHEN cardinality(e.evidence) > 0 THEN e.evidence ELSE make_array(e.id) END AS e",
            decimal_sql("e.frequency"),
            decimal_sql("e.confidence")
        );
        match &self.source {
            Source::Text(_, Some(truth)) => format!(
                "(SELECT CAST({} AS DOUBLE) AS f, CAST({} AS DOUBLE) AS c, arrow_cast(make_array(), 'List(UInt64)') AS e)",
                truth.frequency(),
                truth.confidence()
            ),
            Source::Text(statement, None) => {
                let (verb, rows) = (
                    verb(statement.copula()).unwrap_or_default(),
                    rows_sql(scope),
                );
                let [s, p] = [statement.subject(), statement.predicate()].map(|term| match term {
                    Term::Atom(name) => quoted(name),
                    other => quoted(&other.to_string()),
                });
                let either = match statement.copula().is_symmetric() {
                    true => format!(" OR (s.name = {p} AND t.name = {s})"),
                    false => String::new(),
                };
                format!(
                    "({stored} FROM edges e JOIN (SELECT id, name FROM {rows}) s ON s.id = e.source \
                     JOIN (SELECT id, name FROM {rows}) t ON t.id = e.target \
                     WHERE e.verb = '{verb}' AND ((s.name = {s} AND t.name = {p}){either}) \
                     ORDER BY e.confidence DESC, e.id LIMIT 1)"
                )
            }
            Source::Edge(_, id) => format!(
                "({stored} FROM edges e WHERE e.id = {})",
                id.unwrap_or_default()
            ),
        }
    }
}

/// The verb that a copula is, if edges can say it.
pub fn verb(copula: Copula) -> Option<&'static str> {
    let known = VERBS.iter().find(|(_, known)| *known == copula);
    known.map(|(verb, _)| *verb)
}

/// The copula that a verb is.
pub fn copula(view: &View<'_>, slot: u8) -> Option<Copula> {
    let name = view.state.verbs().name(slot)?;
    let known = VERBS.iter().find(|(verb, _)| *verb == name);
    known.map(|(_, copula)| *copula)
}

/// The node whose name an atom is.
pub fn node<'v>(view: &View<'v>, term: &Term) -> Option<Node<'v>> {
    match term {
        Term::Atom(name) => view.find(name.as_bytes()),
        _ => None,
    }
}

/// The term that a node is.
pub fn term(view: &View<'_>, address: Address) -> Option<Term> {
    let name = view.node(address)?.name()?;
    Some(Term::atom(std::str::from_utf8(name).ok()?))
}

/// What an edge says; none if its verb is no copula, or an end has no name in UTF-8.
pub fn judgement(view: &View<'_>, edge: &Edge) -> Option<Judgement> {
    let (source, target) = (term(view, edge.source)?, term(view, edge.target)?);
    let truth = StoredTruth::new(edge.frequency, edge.confidence).ok()?;
    let own = [edge.id];
    let evidence = match edge.evidence.as_deref() {
        None | Some([]) => &own[..],
        Some(ids) => ids,
    };
    Some(Judgement {
        statement: Statement::new(source, copula(view, edge.verb)?, target),
        truth: truth.into(),
        evidence: Evidence::new(evidence.iter().copied()),
    })
}

/// The stored edges that say what a text does, by id.
///
/// # Errors
/// It is no statement.
pub fn edges_of(view: &View<'_>, text: &str) -> Result<Vec<Edge>, String> {
    let statement = parse_statement(text).map_err(|error| {
        format!(
            "expected {STATEMENT}, got '{}': {error}",
            shown(text.as_bytes())
        )
    })?;
    Ok(edges(view, Scope::All, &statement))
}

/// The stored judgement of a statement that is the surest, the first of several by id, and the edge that it is.
fn stored(view: &View<'_>, scope: Scope, statement: &Statement) -> Option<(Edge, Judgement)> {
    let edges = edges(view, scope, statement).into_iter();
    let judged = edges.filter_map(|edge| {
        let judgement = judgement(view, &edge)?;
        Some((edge, judgement))
    });
    judged.reduce(|best, next| {
        let is_surer = next.1.truth.confidence() > best.1.truth.confidence();
        if is_surer { next } else { best }
    })
}

/// Why a statement is not found.
fn unheard(statement: &Statement, scope: Scope) -> String {
    format!(
        "no judgement of {statement} is stored in scope {}",
        scope.name()
    )
}

/// The stored edges that say a statement, by id.
fn edges(view: &View<'_>, scope: Scope, statement: &Statement) -> Vec<Edge> {
    let ends = [statement.subject(), statement.predicate()].map(|term| node(view, term));
    let slot = verb(statement.copula()).and_then(|verb| view.state.verbs().slot(verb));
    let ([Some(s), Some(p)], Some(slot)) = (ends, slot) else {
        return Vec::new();
    };
    let (s, p) = (s.address(), p.address());
    if !(scope.contains(s) && scope.contains(p)) {
        return Vec::new();
    }
    let graph = view.state.graph();
    let mut edges: Vec<Edge> = graph
        .find(s, slot, p)
        .filter_map(|id| graph.get(s, id))
        .collect();
    if statement.copula().is_symmetric() && s != p {
        edges.extend(graph.find(p, slot, s).filter_map(|id| graph.get(p, id)));
    }
    edges.sort_by_key(|edge| edge.id);
    edges
}

/// The edge that a reference names.
fn edge(view: &View<'_>, reference: &Reference<'_>) -> Result<Edge, Fault> {
    let id = match *reference {
        Reference::Id(id) => Some(id),
        Reference::Address(address) => view
            .occupant(address)
            .filter(|node| node.is_edge())
            .map(|node| node.id()),
        Reference::Key(_) => None,
    };
    let graph = view.state.graph();
    let found = id.and_then(|id| graph.get(graph.source_of(id)?, id));
    // An edge is there as long as both its ends are.
    let found =
        found.filter(|edge| view.node(edge.source).is_some() && view.node(edge.target).is_some());
    found.ok_or_else(|| Fault::Argument(format!("expected {PREMISE}, and {reference} is no edge")))
}
