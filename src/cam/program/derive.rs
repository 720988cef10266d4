//! What a step of a program has made says that the program made it, and of what.
//!
//! A method that a step calls says by itself what it derives (`provenance`). What is made without that was made of what the
//! step and those that it refers to used. Versions that a program sees on the way are of no commit: what they name is told
//! as of the program's own, by version 0, and calls that add to the same node one after another are noted as one list.

use std::sync::Arc;

use ladybug_engine::commit::difference::{Change, Difference};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::engine::{Engine, TransactionId};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::state::State;

use super::super::provenance::{
    BEFORE, DERIVES_FROM, Entry, MADE, METHOD, NOTES, Used, VERSION, VERSIONS, note, noted,
    used_properties,
};

/// The number of a step, as what it made says it.
const STEP: &str = "step";
/// The version of the space that the program, and all that it read, was of.
const SPACE: &str = "space";

/// A step of a program.
pub struct Taken<'s> {
    /// The program's name.
    pub program: &'s str,
    /// The step, from 1 on.
    pub step: usize,
    /// What it used, and what those steps used that it refers to.
    pub used: &'s [Used],
}

/// Lets what a step has made or changed say where it comes from: `before` is the space as it was before the step.
///
/// # Errors
/// The transaction is over.
pub fn derive(
    engine: &Engine,
    id: TransactionId,
    before: &State,
    step: &Taken<'_>,
) -> Result<(), EngineError> {
    engine.in_transaction(id, |open| {
        let branch = open.branch();
        let (base, after) = (Arc::clone(branch.base()), branch.state());
        let settling = Settling {
            base: &base,
            before,
            after: &after,
            step,
        };
        let difference = Difference::between(before, &after);
        if difference.nodes.is_empty() && difference.edges.is_empty() {
            return Ok(());
        }
        engine.change_branch(branch, |tx| {
            for node in &difference.nodes {
                settling.node(tx, node)?;
            }
            for edge in &difference.edges {
                settling.edge(tx, edge)?;
            }
            Ok(())
        })
    })
}

struct Settling<'s> {
    /// The space as the program found it.
    base: &'s State,
    before: &'s State,
    after: &'s State,
    step: &'s Taken<'s>,
}

fn fields(node: Option<Node<'_>>) -> Option<&Fields> {
    node?.fields().map(|fields| &**fields)
}

impl Settling<'_> {
    /// A version as it is told: 0 of what the program itself has made or changed.
    fn version(&self, version: u64) -> u64 {
        match version > self.base.version() {
            true => 0,
            false => version,
        }
    }

    fn used(&self, used: Used) -> Used {
        Used {
            version: self.version(used.version),
            ..used
        }
    }

    /// The entry of what nothing else says how it was made.
    fn entry(&self) -> Entry {
        let premises = self.step.used.iter().map(|used| self.used(*used));
        let numbers = [
            (STEP, FieldValue::Integer(self.step.step as i64)),
            (SPACE, FieldValue::Integer(self.base.version() as i64)),
        ];
        let method = format!("USER.{}", self.step.program);
        Entry::new(&method, 0, premises.collect(), &numbers)
    }

    fn node(&self, tx: &mut Transaction<'_>, change: &Change<Address>) -> Result<(), EngineError> {
        let Some(at) = change.after else {
            return Ok(());
        };
        let node = self.after.node(at);
        let earlier = fields(change.before.and_then(|at| self.before.node(at)));
        let first = self.base.find_id(change.id);
        let first = fields(first.and_then(|at| self.base.node(at)));
        let mut is_told = false;
        for name in NOTES {
            let now = noted(fields(node), name);
            is_told |= !now.is_empty();
            let then = noted(earlier, name);
            if now == then {
                continue;
            }
            let mut all = match then == noted(first, name) {
                true => Vec::new(),
                false => then,
            };
            all.extend(now.iter().map(|entry| Entry {
                before: self.version(entry.before),
                premises: entry.premises.iter().map(|used| self.used(*used)).collect(),
                ..entry.clone()
            }));
            if all != now {
                tx.set_field(at, name.as_bytes(), Some(note(&all)))?;
            }
        }
        if change.before.is_some() || is_told || self.is_derived(at) {
            return Ok(());
        }
        tx.set_field(at, MADE.as_bytes(), Some(note(&[self.entry()])))
    }

    /// Whether edges say what a node was made of.
    fn is_derived(&self, at: Address) -> bool {
        let verb = self.after.verbs().slot(DERIVES_FROM);
        verb.is_some_and(|verb| self.after.graph().outgoing(at, Some(verb)).next().is_some())
    }

    fn edge(&self, tx: &mut Transaction<'_>, change: &Change<Edge>) -> Result<(), EngineError> {
        let Some(edge) = &change.after else {
            return Ok(());
        };
        let said = edge.properties.as_deref();
        let mut properties = said.cloned().unwrap_or_default();
        match properties.contains_key(METHOD.as_bytes()) {
            true => {
                for name in [VERSIONS, VERSION, BEFORE] {
                    if let Some(value) = properties.get_mut(name.as_bytes()) {
                        self.settle(value);
                    }
                }
            }
            false if change.before.is_some() => {}
            false => {
                let entry = self.entry();
                properties.extend(used_properties(&entry.method, &entry.premises));
                for (name, value) in entry.numbers {
                    properties.insert(name.as_bytes().into(), value);
                }
            }
        }
        if said == Some(&properties) || (said.is_none() && properties.is_empty()) {
            return Ok(());
        }
        tx.update_edge(Edge {
            properties: Some(properties.into()),
            ..edge.clone()
        })
    }

    fn settle(&self, value: &mut FieldValue) {
        match value {
            FieldValue::Integer(version) => {
                let told = u64::try_from(*version).map(|version| self.version(version));
                *version = told.map_or(*version, |told| told as i64);
            }
            FieldValue::List(items) => {
                let mut all = items.to_vec();
                all.iter_mut().for_each(|item| self.settle(item));
                *items = all.into();
            }
            FieldValue::Bytes(_)
            | FieldValue::Float(_)
            | FieldValue::Boolean(_)
            | FieldValue::Temporal(_) => {}
        }
    }
}
