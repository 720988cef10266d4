//! How what is derived says what it was derived from, durably: it is written by the commit that writes the conclusion.
//!
//! An edge says it in its properties: `method`, `derivation` (the rules, with the ids of the edges that they began with),
//! `premises` (those ids) and `versions` (of each, when it was used). One that adds up says the version that it had `before`,
//! and the numbers of the latest call. A node that was made of others says it by edges DERIVES_FROM to them, each with the
//! properties `method` and `version`. One that adds up, or is changed by what others are, notes the latest call in a field of
//! its own ([`NOTES`]), which its fingerprint does not follow: the version that it had before, and the premises of that call.
//! Calls before it are what it noted at that version. What a premise was at its version is told by history.
//!
//! Version 0 is that of the conclusion's own commit, and id 0 is input.

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
pub const PREMISES: &str = "premises";
/// The property with the versions that those had.
pub const VERSIONS: &str = "versions";
/// The property with the version that the end of an edge DERIVES_FROM had.
pub const VERSION: &str = "version";
/// The property with the version that an edge that adds up had before.
pub const BEFORE: &str = "before";

/// The note of what was learned from examples.
pub const LEARNED: &str = "memory:learned";
/// The note of what was merged.
pub const MERGED: &str = "memory:merged";
/// The note of how qualia followed from others.
pub const FELT: &str = "memory:felt";
/// The note of why a node was moved between the zones.
pub const MOVED: &str = "memory:moved";
/// The note of what else a node was made of.
pub const MADE: &str = "memory:made";
/// All notes, in the order in which they are told.
pub const NOTES: [&str; 5] = [LEARNED, MERGED, FELT, MOVED, MADE];

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

/// The rules by which an edge says that it was derived, on edges with the version that each had; none if it was not, or says
/// something else by these properties.
pub fn recorded(edge: &Edge) -> Option<Proof<(u64, u64)>> {
    let fields = edge.properties.as_deref()?;
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
    proof.ok()
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

/// In SQL: the statements that say that nodes of a name were derived by a method from some rows.
pub fn derive_node_sql(name: &str, method: &str, from: &str) -> String {
    format!(
        "INSERT INTO verbs (name) SELECT DISTINCT '{DERIVES_FROM}' AS name FROM {from} \
         WHERE NOT EXISTS (SELECT 1 FROM verbs WHERE name = '{DERIVES_FROM}');\n\
         INSERT INTO edges (source, verb, target, properties) SELECT n.id AS source, '{DERIVES_FROM}' AS verb, c.id AS target, \
         '{{\"{METHOD}\":\"{method}\",\"{VERSION}\":' || CAST(c.version AS VARCHAR) || '}}' AS properties \
         FROM nodes n CROSS JOIN {from} c WHERE n.name = {name}"
    )
}

/// Something stored that was used: its id, and the version that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Its id; 0 for input.
    pub id: u64,
    /// Its version; 0 for that of the same commit.
    pub version: u64,
}

/// A call that made something of a node, as the node notes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The method.
    pub method: String,
    /// The version that the node had before; 0 if it was made, or an entry before this one says.
    pub before: u64,
    /// What was used beside it, in order.
    pub premises: Vec<Used>,
    /// The numbers of the call, by name.
    pub numbers: Vec<(String, FieldValue)>,
}

impl Entry {
    /// One of a method's.
    pub fn new(
        method: &str,
        before: u64,
        premises: Vec<Used>,
        numbers: &[(&str, FieldValue)],
    ) -> Self {
        let numbers = numbers.iter();
        Self {
            method: method.to_owned(),
            before,
            premises,
            numbers: numbers
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    /// As it is written: method, version before, ids, versions, and names with numbers.
    fn value(&self) -> FieldValue {
        let text = |text: &str| FieldValue::Bytes(text.as_bytes().into());
        let number = |number: u64| FieldValue::Integer(number as i64);
        let ids = self.premises.iter().map(|used| number(used.id));
        let versions = self.premises.iter().map(|used| number(used.version));
        let mut parts = vec![
            text(&self.method),
            number(self.before),
            FieldValue::List(ids.collect()),
            FieldValue::List(versions.collect()),
        ];
        for (name, value) in &self.numbers {
            parts.extend([text(name), value.clone()]);
        }
        FieldValue::List(parts.into())
    }

    fn of(value: &FieldValue) -> Option<Self> {
        let FieldValue::List(parts) = value else {
            return None;
        };
        let number = |value: &FieldValue| match value {
            FieldValue::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        };
        let numbers = |value: &FieldValue| match value {
            FieldValue::List(items) => items.iter().map(number).collect::<Option<Vec<u64>>>(),
            _ => None,
        };
        let text = |value: &FieldValue| String::from_utf8_lossy(&value.text()).into_owned();
        let [method, before, ids, versions, rest @ ..] = &parts[..] else {
            return None;
        };
        let used = numbers(ids)?.into_iter().zip(numbers(versions)?);
        let named = rest.as_chunks::<2>().0.iter();
        Some(Self {
            method: text(method),
            before: number(before)?,
            premises: used.map(|(id, version)| Used { id, version }).collect(),
            numbers: named
                .map(|[name, value]| (text(name), value.clone()))
                .collect(),
        })
    }
}

/// Entries as a node notes them, the latest last.
pub fn note(entries: &[Entry]) -> FieldValue {
    FieldValue::List(entries.iter().map(Entry::value).collect())
}

/// What a node notes by a name; nothing if somebody else wrote something else there.
pub fn noted(fields: Option<&Fields>, name: &str) -> Vec<Entry> {
    match fields.and_then(|fields| fields.get(name.as_bytes())) {
        Some(FieldValue::List(entries)) => entries
            .iter()
            .map(Entry::of)
            .collect::<Option<_>>()
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// In SQL: a row's properties with the note of one call, whose version before is the row's, and whose premises and numbers
/// are SQL each.
pub fn noted_sql(
    name: &str,
    method: &str,
    premise: Option<(&str, &str)>,
    numbers: &[(&str, &str)],
) -> String {
    let (id, version) = match premise {
        Some((id, version)) => (
            format!("CAST({id} AS VARCHAR)"),
            format!("CAST({version} AS VARCHAR)"),
        ),
        None => ("''".to_owned(), "''".to_owned()),
    };
    let numbers: String = numbers
        .iter()
        .map(|(name, json)| format!(",\"{name}\",{json}"))
        .collect();
    format!(
        "set_field(properties, '{name}', concat('[[\"{method}\",', CAST(version AS VARCHAR), ',[', {id}, '],[', {version}, \
         ']{numbers}]]'))"
    )
}

/// In SQL: a row's properties without a note.
pub fn unnoted_sql(name: &str) -> String {
    format!("set_field(properties, '{name}', CAST(NULL AS VARCHAR))")
}

/// Takes a note off a node, if it has it: what it told of was replaced by input.
///
/// # Errors
/// The field cannot be removed.
pub fn forget_note(tx: &mut Transaction<'_>, node: Address, name: &str) -> Result<(), EngineError> {
    let view = tx.view();
    let fields = view.node(node).and_then(|node| node.fields());
    match fields.is_some_and(|fields| fields.contains_key(name.as_bytes())) {
        true => tx.set_field(node, name.as_bytes(), None),
        false => Ok(()),
    }
}

/// What an edge says of premises that no rules lead from: in their order, with the versions that they had.
pub fn used(edge: &Edge) -> Vec<Used> {
    let numbers = |name: &str| match edge.properties.as_deref()?.get(name.as_bytes())? {
        FieldValue::List(items) => items
            .iter()
            .map(|item| match item {
                FieldValue::Integer(number) => u64::try_from(*number).ok(),
                _ => None,
            })
            .collect::<Option<Vec<u64>>>(),
        _ => None,
    };
    let (Some(ids), Some(versions)) = (numbers(PREMISES), numbers(VERSIONS)) else {
        return Vec::new();
    };
    ids.into_iter()
        .zip(versions)
        .map(|(id, version)| Used { id, version })
        .collect()
}

/// The properties that say what an edge was made of without rules.
pub fn used_properties(method: &str, premises: &[Used]) -> Fields {
    let list = |of: fn(&Used) -> u64| {
        let numbers = premises.iter().map(of);
        FieldValue::List(
            numbers
                .map(|number| FieldValue::Integer(number as i64))
                .collect(),
        )
    };
    let fields = [
        (METHOD, FieldValue::Bytes(method.as_bytes().into())),
        (PREMISES, list(|used| used.id)),
        (VERSIONS, list(|used| used.version)),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (Arc::from(name.as_bytes()), value))
        .collect()
}

/// The properties of an edge whose truth is asserted now: how that was derived before is said no more. What HEBB derives is
/// no truth, and stays.
pub fn asserted(properties: Option<&Arc<Fields>>) -> Option<Arc<Fields>> {
    let known = properties?;
    let method = text(known, METHOD);
    if method.is_none_or(|method| method == "LEARNING.HEBB") {
        return Some(Arc::clone(known));
    }
    let mut rest = (**known).clone();
    for name in [METHOD, DERIVATION, PREMISES, VERSIONS, BEFORE] {
        rest.shift_remove(name.as_bytes());
    }
    (!rest.is_empty()).then(|| rest.into())
}

/// How a method, or a rule, comes from its premises to its numbers. f and c are a truth, w is evidence, or(a, b) is
/// 1 - (1 - a)(1 - b).
pub fn formula(of: &str) -> Option<&'static str> {
    Some(match of {
        "deduction" => "f = f1 f2, c = f1 f2 c1 c2",
        "induction" => "f = f1, w = f2 c1 c2, c = w / (w + 1)",
        "abduction" => "f = f2, w = f1 c1 c2, c = w / (w + 1)",
        "exemplification" => "f = 1, w = f1 f2 c1 c2, c = w / (w + 1)",
        "comparison" => "f0 = or(f1, f2), f = f1 f2 / f0, w = f0 c1 c2, c = w / (w + 1)",
        "analogy" => "f = f1 f2, c = f2 c1 c2",
        "resemblance" => "f = f1 f2, c = or(f1, f2) c1 c2",
        "intersection" => "f = f1 f2, c = c1 c2",
        "union" => "f = or(f1, f2), c = c1 c2",
        "conversion" => "f = 1, w = f1 c1, c = w / (w + 1)",
        "contraposition" => "f = 0, w = (1 - f1) c1, c = w / (w + 1)",
        "revision" => {
            "w = c / (1 - c), f = (w1 f1 + w2 f2) / (w1 + w2), c = (w1 + w2) / (w1 + w2 + 1)"
        }
        "choice" => {
            "the premise of the higher c; of several statements of the higher c (f - 1/2) + 1/2"
        }
        "META.ASCEND" | "LEARNING.CONCEPT" => "fingerprint = majority(premises)",
        "LEARNING.TRAIN" => "counts += bits(premise) as ±1; fingerprint = majority(counts)",
        "LEARNING.RETRAIN" => "counts += times bits(premise) as ±1; fingerprint = majority(counts)",
        "LEARNING.ASSOCIATE" => {
            "counts += bits(key xor rotated value) as ±1; fingerprint = majority(counts)"
        }
        "LEARNING.SEQUENCE" => {
            "counts += bits(beginning xor rotated next) as ±1, for each next; fingerprint = majority(counts)"
        }
        "LEARNING.HEBB" => "weight = from + rate (1 - from)",
        "LEARNING.REWARD" => "weight = f = reward / trials, c = trials / (trials + 1)",
        "MEMORY.CONSOLIDATE" => {
            "truth = revision of those on other evidence, else the choice; presentations, kinds, evidence pooled"
        }
        "MEMORY.PROMOTE" => "base level of the presentations at the commit ≥ threshold",
        "MEMORY.DEMOTE" => "seconds from the latest presentation to the commit ≥ idle",
        "QUALIA.BLEND" => "qualia = (1 - w) before + w premise",
        "QUALIA.SHIFT" => "dimension = before + d, within its range",
        "QUALIA.DECAY" => "qualia = factor before",
        "CAUSAL.OBSERVE" => "an edge from each cause that the premise's mechanism names",
        "LANCE.INSERT" | "LANCE.UPSERT" => "fingerprint = the premise's",
        _ => return None,
    })
}
