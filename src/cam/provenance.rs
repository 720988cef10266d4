//! How what is derived says what it was derived from, durably: it is written by the commit that writes the conclusion.
//!
//! An edge says it in its properties: `method`, `derivation` (the rules, with the ids of the edges that they began with),
//! `premises` (those ids) and `versions` (of each, when it was used). A node says it by edges DERIVES_FROM to what it was made
//! of, each with the properties `method` and `version`. What a premise was at its version is told by history.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::state::View;

use super::error::Fault;
use super::method::Scope;
use super::statement;
use crate::mind::inference::{Judgement, Premise, Proof};
use crate::mind::truth::Evidence;

/// The verb that leads from what was derived to what it was derived from.
pub const DERIVES_FROM: &str = "DERIVES_FROM";
/// The property that names the method.
pub const METHOD: &str = "method";
/// The property that says how an edge was derived.
pub const DERIVATION: &str = "derivation";
/// The property with the ids of the edges that it was derived from.
const PREMISES: &str = "premises";
/// The property with the versions that those had.
const VERSIONS: &str = "versions";
/// The property with the version that the end of an edge DERIVES_FROM had.
const VERSION: &str = "version";

/// An edge that something was derived from, as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// Its id.
    pub id: u64,
    /// The version that had last changed it.
    pub version: u64,
    /// What it said.
    pub judgement: Judgement,
}

/// A derivation that an argument says.
#[derive(Clone, Debug)]
pub struct Derived {
    said: Proof<Premise>,
    /// The same on stored edges, once it is found.
    pub found: Option<Proof<Ground>>,
}

impl Derived {
    /// Reads a derivation.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self {
            said: Proof::parse(text)?,
            found: None,
        })
    }

    /// Finds the edges that it begins with.
    ///
    /// # Errors
    /// One is not there, or outside the scope.
    pub fn find(&mut self, scope: Scope, view: &View<'_>) -> Result<(), Fault> {
        self.found = Some(self.in_view(scope, view)?);
        Ok(())
    }

    /// The same in a view, which may be that of a transaction.
    ///
    /// # Errors
    /// One is not there, or outside the scope.
    pub fn in_view(&self, scope: Scope, view: &View<'_>) -> Result<Proof<Ground>, Fault> {
        self.said
            .try_map(&mut |premise| ground(scope, view, premise))
    }
}

/// What a proof on stored edges comes to.
///
/// # Errors
/// A step does not follow.
pub fn conclusion(proof: &Proof<Ground>) -> Result<Judgement, Fault> {
    let concluded = proof.conclude(&|ground: &Ground| ground.judgement.clone());
    concluded.map_err(Fault::Argument)
}

/// The stored edge that a premise is.
fn ground(scope: Scope, view: &View<'_>, premise: &Premise) -> Result<Ground, Fault> {
    let candidates = match &premise.statement {
        None => edge(view, premise.ids[0]).into_iter().collect(),
        Some(text) => statement::edges_of(view, text).map_err(Fault::Argument)?,
    };
    let evidence = Evidence::new(premise.ids.iter().copied());
    let fitting = candidates.into_iter().find_map(|edge| {
        let judgement = statement::judgement(view, &edge)?;
        let is_meant = premise.statement.is_none() || judgement.evidence == evidence;
        let is_inside = scope.contains(edge.source) && scope.contains(edge.target);
        (is_meant && is_inside).then_some(Ground {
            id: edge.id,
            version: edge.version,
            judgement,
        })
    });
    fitting.ok_or_else(|| {
        let said = match &premise.statement {
            Some(statement) => format!("{statement} on this evidence"),
            None => format!("#{}", premise.ids[0]),
        };
        Fault::Argument(format!(
            "expected stored edges IS_A, SIMILAR_TO or IMPLIES as premises, and in scope {} there is no {said}",
            scope.name()
        ))
    })
}

/// An edge, if it and both its ends are there.
pub fn edge(view: &View<'_>, id: u64) -> Option<Edge> {
    let graph = view.state.graph();
    let edge = graph.get(graph.source_of(id)?, id)?;
    let is_there = view.node(edge.source).is_some() && view.node(edge.target).is_some();
    is_there.then_some(edge)
}

/// The method that a derivation is of: a rule's own, or that which chains rules.
pub fn method(proof: &Proof<Ground>) -> &'static str {
    let Proof::Step(inference, below) = proof else {
        return "NARS.ASK";
    };
    if below.iter().any(|below| matches!(below, Proof::Step(..))) {
        return "NARS.ASK";
    }
    match inference.name() {
        "deduction" => "NARS.DEDUCE",
        "induction" => "NARS.INDUCE",
        "abduction" => "NARS.ABDUCE",
        "exemplification" => "NARS.EXEMPLIFY",
        "comparison" => "NARS.COMPARE",
        "analogy" => "NARS.ANALOGY",
        "resemblance" => "NARS.RESEMBLE",
        "intersection" => "NARS.INTERSECT",
        "union" => "NARS.UNION",
        "conversion" => "NARS.CONVERT",
        "contraposition" => "NARS.CONTRAPOSE",
        "revision" => "NARS.REVISE",
        _ => "NARS.CHOOSE",
    }
}

/// The properties that say how an edge was derived.
pub fn properties(proof: &Proof<Ground>) -> Fields {
    let text = |text: &str| FieldValue::Bytes(text.as_bytes().into());
    let list = |of: fn(&Ground) -> u64| {
        let numbers = proof.premises().into_iter().map(of);
        FieldValue::List(numbers.map(|id| FieldValue::Integer(id as i64)).collect())
    };
    let ids = proof.try_map(&mut |ground: &Ground| Ok::<u64, Fault>(ground.id));
    let ids = ids.map(|ids| ids.to_string()).unwrap_or_default();
    let fields = [
        (METHOD, text(method(proof))),
        (DERIVATION, text(&ids)),
        (PREMISES, list(|ground| ground.id)),
        (VERSIONS, list(|ground| ground.version)),
    ];
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (Arc::from(name.as_bytes()), value))
        .collect()
}

/// What an edge says of how it was derived.
pub struct Recorded {
    /// The method.
    pub method: String,
    /// The rules, on edges with the version that each had, in their order.
    pub proof: Proof<(u64, u64)>,
}

/// What an edge says of how it was derived; none if it was not, or says something else by these properties.
pub fn recorded(edge: &Edge) -> Option<Recorded> {
    let fields = edge.properties.as_deref()?;
    let method = text(fields, METHOD)?;
    let proof = Proof::parse(&text(fields, DERIVATION)?).ok()?;
    let mut versions = match fields.get(VERSIONS.as_bytes())? {
        FieldValue::List(items) => items.iter(),
        _ => return None,
    };
    let proof = proof.try_map(&mut |premise: &Premise| match versions.next() {
        Some(FieldValue::Integer(version)) if *version >= 0 => {
            Ok((premise.ids[0], *version as u64))
        }
        _ => Err(()),
    });
    Some(Recorded {
        method,
        proof: proof.ok()?,
    })
}

/// A field that is text.
fn text(fields: &Fields, name: &str) -> Option<String> {
    match fields.get(name.as_bytes())? {
        FieldValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// Says that a node was derived by a method from others.
///
/// # Errors
/// The edge cannot be made.
pub fn derive_node(
    tx: &mut Transaction<'_>,
    node: Address,
    method: &str,
    from: &[Address],
) -> Result<(), EngineError> {
    let verb = tx.define_verb(DERIVES_FROM)?;
    for source in from {
        let version = tx.view().node(*source).map_or(0, |node| node.version());
        let fields = [
            (METHOD, FieldValue::Bytes(method.as_bytes().into())),
            (VERSION, FieldValue::Integer(version as i64)),
        ];
        let fields = fields.into_iter();
        let draft = EdgeDraft {
            properties: Some(Arc::new(
                fields
                    .map(|(name, value)| (Arc::from(name.as_bytes()), value))
                    .collect(),
            )),
            ..EdgeDraft::default()
        };
        tx.link(node, verb, *source, draft)?;
    }
    Ok(())
}

/// What an edge DERIVES_FROM says: the method, and the version that its end had.
pub fn recorded_node(edge: &Edge) -> Option<(String, u64)> {
    let fields = edge.properties.as_deref()?;
    let version = match fields.get(VERSION.as_bytes())? {
        FieldValue::Integer(version) if *version >= 0 => *version as u64,
        _ => return None,
    };
    Some((text(fields, METHOD)?, version))
}
