//! Where what is stored comes from: the tree of its derivation, premises as they were, and the commits that wrote it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt64Array,
};
use ladybug_engine::engine::{NodeRef, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::{Qualia, decimal};
use ladybug_engine::space::mutation::NodeImage;
use ladybug_engine::space::state::{State, View};
use serde_json::{Map, Value};

use super::super::super::batch::{batch, ids};
use super::super::super::call::{Call, Value as Argument};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::provenance::{
    BEFORE, DERIVATION, DERIVES_FROM, Entry, METHOD, NOTES, PREMISES, Used, VERSION, VERSIONS,
    edge, formula, noted, recorded, recorded_node, used,
};
use super::super::super::statement;
use super::super::learning::EXAMPLES;
use super::super::memory::PRESENTED;
use super::super::temporal::field_text;
use super::{EXPLAINED, TRACE, edges_in, name_at, number, stored_sql};
use crate::mind::inference::{Judgement, Proof};
use crate::mind::truth::{Evidence, Truth};
use crate::operand::{OperandError, Reference};

/// Deepest of what is told.
const DEPTH_MAX: u64 = 64;
/// Derivations of TRACE, unless told.
const TRACE_ROWS: usize = 10;

/// A property of an edge, as SQL's `field` reads it.
pub fn property(edge: &Edge, name: &str) -> Option<String> {
    let fields = edge.properties.as_deref()?;
    field_text(fields.get(name.as_bytes())?)
}

/// A row of what is told.
#[derive(Default)]
struct Told {
    depth: u64,
    role: &'static str,
    id: Option<u64>,
    statement: Option<String>,
    method: Option<String>,
    truth: Option<(f64, f64)>,
    evidence: Option<Evidence>,
    version: Option<u64>,
    committed: Option<i64>,
    is_current: Option<bool>,
    formula: Option<&'static str>,
    numbers: Option<String>,
}

/// An edge as it was, with what it says.
struct Then {
    edge: Edge,
    statement: String,
    judgement: Option<Judgement>,
}

impl Then {
    fn of(edge: Edge, state: &State) -> Self {
        // Whatever had expired: it was there when the edge was used.
        let view = View::of(state, i64::MIN);
        let judgement = statement::judgement(&view, &edge);
        let statement = match &judgement {
            Some(judgement) => judgement.statement.to_string(),
            None => {
                let name = |at| name_at(&view, at).unwrap_or_else(|| at.to_string());
                let verb = state.verbs().name(edge.verb).unwrap_or_default();
                format!("{} {verb} {}", name(edge.source), name(edge.target))
            }
        };
        Self {
            edge,
            statement,
            judgement,
        }
    }

    fn evidence(&self) -> Evidence {
        match &self.judgement {
            Some(judgement) => judgement.evidence.clone(),
            None => Evidence::new(
                self.edge
                    .evidence
                    .iter()
                    .flat_map(|ids| ids.iter().copied()),
            ),
        }
    }
}

/// Tells of one thing.
struct Teller<'r> {
    reading: &'r Reading<'r>,
    rows: Vec<Told>,
    /// Nodes that were told of, at their versions.
    nodes: HashSet<(u64, u64)>,
}

/// The numbers of an edge that was derived: its weight, and what it says beside how.
fn edge_numbers(edge: &Edge) -> Option<String> {
    let fields = edge.properties.as_deref()?;
    if !fields.contains_key(METHOD.as_bytes()) {
        return None;
    }
    let told = [METHOD, DERIVATION, PREMISES, VERSIONS, VERSION, BEFORE];
    let mut numbers = Map::new();
    numbers.insert("weight".to_owned(), decimal(edge.weight).into());
    for (name, value) in fields {
        if !told.iter().any(|known| known.as_bytes() == &**name) {
            numbers.insert(String::from_utf8_lossy(name).into_owned(), value.json());
        }
    }
    Some(Value::Object(numbers).to_string())
}

/// The numbers of a node that others follow from beside its truth: what it feels like, and when it was presented.
fn node_numbers(image: &NodeImage) -> Option<String> {
    let mut numbers = Map::new();
    if image.qualia != Qualia::default() {
        let values = image.qualia.values().map(decimal);
        numbers.insert("qualia".to_owned(), values.to_vec().into());
    }
    if let Some(fields) = image.content.fields.as_deref() {
        for (name, field) in [("presented", PRESENTED), ("examples", EXAMPLES)] {
            if let Some(value) = fields.get(field.as_bytes()) {
                numbers.insert(name.to_owned(), value.json());
            }
        }
    }
    (!numbers.is_empty()).then(|| Value::Object(numbers).to_string())
}

/// The numbers of a call.
fn call_numbers(entry: &Entry) -> Option<String> {
    let numbers = entry.numbers.iter();
    let numbers: Map<_, _> = numbers
        .map(|(name, value)| (name.clone(), value.json()))
        .collect();
    (!numbers.is_empty()).then(|| Value::Object(numbers).to_string())
}

impl Teller<'_> {
    /// When a version was committed, if history knows that still.
    fn committed(&self, version: u64) -> Result<Option<i64>, Fault> {
        match self.reading.state_at(When::Version(version)) {
            Ok(then) => Ok(Some(then.committed)),
            Err(EngineError::VersionGone { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// An edge as it was at the version that had last changed it, or as it is.
    fn edge_then(&self, id: u64, version: Option<u64>) -> Result<Option<Then>, Fault> {
        let view = self.reading.view();
        let present = edge(&view, id);
        let is_meant = |edge: &Edge| version.is_none_or(|version| edge.version == version);
        if let Some(edge) = present.filter(is_meant) {
            return Ok(Some(Then::of(edge, view.state)));
        }
        let Some(version) = version else {
            return Ok(None);
        };
        let then = match self.reading.state_at(When::Version(version)) {
            Ok(then) => then,
            Err(EngineError::VersionGone { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let graph = then.value.graph();
        let source = graph.source_of(id);
        let edge = source.and_then(|source| graph.get(source, id));
        Ok(edge.map(|edge| Then::of(edge, &then.value)))
    }

    /// An edge, as it is or was, and what it was derived from.
    fn edge(
        &mut self,
        depth: u64,
        role: &'static str,
        id: u64,
        version: Option<u64>,
    ) -> Result<(), Fault> {
        let is_current = version.map(|version| {
            let present = edge(&self.reading.view(), id);
            present.is_some_and(|edge| edge.version == version)
        });
        let mut told = Told {
            depth,
            role,
            id: Some(id),
            version,
            is_current,
            ..Told::default()
        };
        let then = self.edge_then(id, version)?;
        if let Some(then) = &then {
            let (f, c) = (then.edge.frequency, then.edge.confidence);
            told.truth = Some((decimal(f), decimal(c)));
            told.evidence = Some(then.evidence());
            told.statement = Some(then.statement.clone());
            told.version = Some(then.edge.version);
            told.committed = self.committed(then.edge.version)?;
        }
        let recorded = then.as_ref().and_then(|then| recorded(&then.edge));
        let method = then.as_ref().and_then(|then| property(&then.edge, METHOD));
        told.formula = method.as_deref().and_then(formula);
        told.method = method;
        told.numbers = then.as_ref().and_then(|then| edge_numbers(&then.edge));
        self.rows.push(told);
        let Some(then) = then.filter(|_| depth < DEPTH_MAX) else {
            return Ok(());
        };
        if let Some(proof) = recorded {
            return self.proof(depth + 1, &proof, then.edge.version);
        }
        for used in used(&then.edge) {
            self.premise(depth + 1, used, then.edge.version)?;
        }
        let before = property(&then.edge, BEFORE).and_then(|before| before.parse().ok());
        if let Some(before) = before.filter(|before| (1..then.edge.version).contains(before)) {
            self.edge(depth + 1, "before", id, Some(before))?;
        }
        let evidence = then.evidence();
        let others = evidence.ids().iter().filter(|other| **other != id);
        self.evidence(depth + 1, others)
    }

    /// What was used, by a conclusion of a version.
    fn premise(&mut self, depth: u64, used: Used, of: u64) -> Result<(), Fault> {
        let version = match used.version {
            0 => of,
            version => version,
        };
        if used.id == 0 {
            self.rows.push(Told {
                depth,
                role: "input",
                ..Told::default()
            });
            return Ok(());
        }
        let view = self.reading.view();
        match view.find_id(used.id).is_none() && self.edge_then(used.id, Some(version))?.is_some() {
            true => self.edge(depth, "premise", used.id, Some(version)),
            false => self.node(depth, "premise", used.id, Some(version)),
        }
    }

    /// What a node notes of the calls that made something of it, the latest first, and what it was before.
    fn notes(&mut self, depth: u64, image: &NodeImage, version: u64) -> Result<(), Fault> {
        for name in NOTES {
            let entries = noted(image.content.fields.as_deref(), name);
            for entry in entries.iter().rev() {
                self.rows.push(Told {
                    depth,
                    role: "step",
                    method: Some(entry.method.clone()),
                    formula: formula(&entry.method),
                    numbers: call_numbers(entry),
                    ..Told::default()
                });
                for used in &entry.premises {
                    self.premise(depth + 1, *used, version)?;
                }
            }
            let before = entries.first().map(|entry| entry.before);
            if let Some(before) = before.filter(|before| (1..version).contains(before)) {
                self.node(depth, "before", image.id, Some(before))?;
            }
        }
        Ok(())
    }

    /// Ids that a truth stands on.
    fn evidence<'i>(
        &mut self,
        depth: u64,
        ids: impl Iterator<Item = &'i u64>,
    ) -> Result<(), Fault> {
        for id in ids {
            let then = self.edge_then(*id, None)?;
            let truth = then.as_ref().map(|then| {
                let (f, c) = (then.edge.frequency, then.edge.confidence);
                (decimal(f), decimal(c))
            });
            self.rows.push(Told {
                depth,
                role: "evidence",
                id: Some(*id),
                truth,
                version: then.as_ref().map(|then| then.edge.version),
                statement: then.map(|then| then.statement),
                ..Told::default()
            });
        }
        Ok(())
    }

    /// What a proof on edges at their versions comes to, if all of them are known still.
    fn conclusion(&self, proof: &Proof<(u64, u64)>, of: u64) -> Result<Option<Judgement>, Fault> {
        let known = proof.try_map(&mut |(id, version)| {
            let version = if *version == 0 { of } else { *version };
            let then = self.edge_then(*id, Some(version));
            match then.map(|then| then.and_then(|then| then.judgement)) {
                Ok(Some(judgement)) => Ok(judgement),
                Ok(None) => Err(None),
                Err(fault) => Err(Some(fault)),
            }
        });
        match known {
            Ok(known) => Ok(known
                .conclude(&|judgement: &Judgement| judgement.clone())
                .ok()),
            Err(None) => Ok(None),
            Err(Some(fault)) => Err(fault),
        }
    }

    /// Steps, and the premises below them, of a conclusion of a version.
    fn proof(&mut self, depth: u64, proof: &Proof<(u64, u64)>, of: u64) -> Result<(), Fault> {
        let (inference, below) = match proof {
            Proof::Premise((id, version)) => {
                let version = if *version == 0 { of } else { *version };
                return self.edge(depth, "premise", *id, Some(version));
            }
            Proof::Step(inference, below) => (inference, below),
        };
        let concluded = self.conclusion(proof, of)?;
        let truth = |truth: Truth| (truth.frequency(), truth.confidence());
        self.rows.push(Told {
            depth,
            role: "step",
            method: Some(inference.name().to_owned()),
            formula: formula(inference.name()),
            truth: concluded.as_ref().map(|judgement| truth(judgement.truth)),
            statement: concluded
                .as_ref()
                .map(|judgement| judgement.statement.to_string()),
            evidence: concluded.map(|judgement| judgement.evidence),
            ..Told::default()
        });
        below
            .iter()
            .try_for_each(|below| self.proof(depth + 1, below, of))
    }

    /// A node, as it is or was, and what it was derived from.
    fn node(
        &mut self,
        depth: u64,
        role: &'static str,
        id: u64,
        version: Option<u64>,
    ) -> Result<(), Fault> {
        let view = self.reading.view();
        let present = view.find_id(id);
        let when = version.map_or(When::Time(i64::MAX), When::Version);
        let then = match self.reading.node_at(NodeRef::Id(id), when) {
            Ok(then) => then.value,
            Err(EngineError::VersionGone { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let mut told = Told {
            depth,
            role,
            id: Some(id),
            version,
            is_current: version
                .map(|version| present.is_some_and(|node| node.version() == version)),
            ..Told::default()
        };
        if let Some(then) = &then {
            let image = &then.image;
            let (f, c) = (image.truth.frequency(), image.truth.confidence());
            let name = image.name.as_deref();
            told.truth = Some((decimal(f), decimal(c)));
            told.statement = name.map(|name| String::from_utf8_lossy(name).into_owned());
            told.version = Some(then.version);
            told.committed = self.committed(then.version)?;
            let evidence = image.evidence.iter().flat_map(|ids| ids.iter().copied());
            told.evidence = Some(Evidence::new(evidence));
        }
        // What it was made of it was made of once: at an earlier version, that is told of the later one.
        let made = present.filter(|_| role != "before");
        let sources = made.map_or_else(Vec::new, |node| sources(&view, node));
        let image = then.map(|then| (then.image, then.version));
        let noted = image.as_ref().and_then(|(image, _)| {
            let fields = image.content.fields.as_deref();
            let entries = NOTES.iter().filter_map(|name| noted(fields, name).pop());
            entries.map(|entry| entry.method).next()
        });
        told.method = sources
            .first()
            .map(|(_, method, _)| method.clone())
            .or(noted);
        told.formula = told.method.as_deref().and_then(formula);
        told.numbers = image.as_ref().and_then(|(image, _)| node_numbers(image));
        let evidence = told.evidence.clone().unwrap_or_default();
        let own = told.version.unwrap_or_default();
        self.rows.push(told);
        // What was derived in a circle, by whoever wrote such edges, is told once.
        if depth >= DEPTH_MAX || !self.nodes.insert((id, own)) {
            return Ok(());
        }
        for (id, _, version) in sources {
            self.premise(depth + 1, Used { id, version }, own)?;
        }
        if let Some((image, version)) = image {
            self.notes(depth + 1, &image, version)?;
        }
        self.evidence(depth + 1, evidence.ids().iter())
    }

    /// The commits that wrote a node.
    fn commits(&mut self, node: NodeRef<'_>) -> Result<(), Fault> {
        let changes = self.reading.node_changes(node)?.into_iter();
        self.rows.extend(changes.map(|change| Told {
            depth: 1,
            role: "commit",
            method: Some(match change.before {
                Some(_) => "update".to_owned(),
                None => "insert".to_owned(),
            }),
            version: Some(change.commit.version),
            committed: Some(change.commit.committed),
            ..Told::default()
        }));
        Ok(())
    }
}

/// What a node was derived from: id, method and version, by the ids of the edges that say so.
fn sources(view: &View<'_>, node: Node<'_>) -> Vec<(u64, String, u64)> {
    let graph = view.state.graph();
    let Some(verb) = view.state.verbs().slot(DERIVES_FROM) else {
        return Vec::new();
    };
    let mut edges: Vec<Edge> = graph
        .outgoing(node.address(), Some(verb))
        .map(|edge| graph.whole(edge))
        .collect();
    edges.sort_by_key(|edge| edge.id);
    let source = |edge: &Edge| {
        let (method, version) = recorded_node(edge)?;
        Some((view.node(edge.target)?.id(), method, version))
    };
    edges.iter().filter_map(source).collect()
}

pub fn explain(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let mut teller = Teller {
        reading,
        rows: Vec::new(),
        nodes: HashSet::new(),
    };
    if let Argument::Said(said) = &call.values[0] {
        let stored = said.stored(call.scope(), &view);
        let stored = stored.map_err(|fault| fault.of_argument("x"))?;
        teller.edge(0, "edge", stored.id, None)?;
        return Ok(told(&teller.rows));
    }
    let reference = call.past(0);
    let edge_id = match *reference {
        Reference::Id(id) => edge(&view, id).map(|edge| edge.id),
        Reference::Address(address) => view
            .occupant(address)
            .filter(|occupant| occupant.is_edge())
            .map(|occupant| occupant.id()),
        Reference::Key(_) => None,
    };
    let outside = || {
        Fault::of(
            "x",
            format!(
                "expected an operand in scope {}, and {reference} is outside",
                call.scope().name()
            ),
        )
    };
    match edge_id.and_then(|id| edge(&view, id)) {
        Some(edge) => {
            if !(call.scope().contains(edge.source) && call.scope().contains(edge.target)) {
                return Err(outside());
            }
            teller.edge(0, "edge", edge.id, None)?;
        }
        None => {
            let node = reference.node(&view).map_err(|error| match error {
                OperandError::Engine(EngineError::NoSuchNode(_))
                    if !matches!(reference, Reference::Key(_)) =>
                {
                    Fault::of("x", format!("no such node or edge '{reference}'"))
                }
                error => Fault::operand("x", error),
            })?;
            if !call.scope().contains(node.address()) {
                return Err(outside());
            }
            teller.node(0, "node", node.id(), None)?;
            teller.commits(NodeRef::Id(node.id()))?;
        }
    }
    Ok(told(&teller.rows))
}

fn told(rows: &[Told]) -> RecordBatch {
    let text = |of: fn(&Told) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(rows.iter().map(of)))
    };
    let count = |of: fn(&Told) -> Option<u64>| -> ArrayRef {
        Arc::new(UInt64Array::from_iter(rows.iter().map(of)))
    };
    let float = |of: fn(&(f64, f64)) -> f64| -> ArrayRef {
        let values = rows.iter().map(|row| row.truth.as_ref().map(of));
        Arc::new(Float64Array::from_iter(values))
    };
    batch(
        EXPLAINED,
        vec![
            count(|row| Some(row.depth)),
            text(|row| Some(row.role)),
            count(|row| row.id),
            text(|row| row.statement.as_deref()),
            text(|row| row.method.as_deref()),
            float(|truth| truth.0),
            float(|truth| truth.1),
            ids(rows
                .iter()
                .map(|row| row.evidence.as_ref().map(Evidence::ids))),
            count(|row| row.version),
            Arc::new(TimestampMicrosecondArray::from_iter(
                rows.iter().map(|row| row.committed),
            )),
            Arc::new(BooleanArray::from_iter(
                rows.iter().map(|row| row.is_current),
            )),
            text(|row| row.formula),
            text(|row| row.numbers.as_deref()),
        ],
    )
}

pub fn trace_sql(call: &Call<'_>) -> String {
    let rows = stored_sql(call.scope());
    format!(
        "SELECT e.id AS edge, e.version AS version, s.name AS source, e.verb AS verb, t.name AS target, \
         CAST(e.frequency AS DOUBLE) AS frequency, CAST(e.confidence AS DOUBLE) AS confidence, \
         field(e.properties, '{METHOD}') AS method, field(e.properties, '{DERIVATION}') AS derivation FROM edges e \
         JOIN (SELECT id, name FROM {rows}) s ON s.id = e.source JOIN (SELECT id, name FROM {rows}) t ON t.id = e.target \
         WHERE field(e.properties, '{METHOD}') IS NOT NULL ORDER BY version DESC, edge DESC LIMIT {}",
        number(call, 0, TRACE_ROWS)
    )
}

pub fn trace(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let mut derived: Vec<(Edge, String)> = edges_in(&view, call.scope())
        .filter_map(|edge| {
            let method = property(&edge, METHOD)?;
            Some((edge, method))
        })
        .collect();
    derived.sort_by_key(|(edge, _)| std::cmp::Reverse((edge.version, edge.id)));
    derived.truncate(number(call, 0, TRACE_ROWS));
    let edges = || derived.iter().map(|(edge, _)| edge);
    let name = |at| name_at(&view, at);
    let verb = |edge: &Edge| view.state.verbs().name(edge.verb).unwrap_or_default();
    let float = |of: fn(&Edge) -> f32| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            edges().map(|edge| decimal(of(edge))),
        ))
    };
    Ok(batch(
        TRACE,
        vec![
            Arc::new(UInt64Array::from_iter_values(edges().map(|edge| edge.id))),
            Arc::new(UInt64Array::from_iter_values(
                edges().map(|edge| edge.version),
            )),
            Arc::new(StringArray::from_iter(
                edges().map(|edge| name(edge.source)),
            )),
            Arc::new(StringArray::from_iter_values(edges().map(verb))),
            Arc::new(StringArray::from_iter(
                edges().map(|edge| name(edge.target)),
            )),
            float(|edge| edge.frequency),
            float(|edge| edge.confidence),
            Arc::new(StringArray::from_iter_values(
                derived.iter().map(|(_, method)| method),
            )),
            Arc::new(StringArray::from_iter(
                edges().map(|edge| property(edge, DERIVATION)),
            )),
        ],
    ))
}
