//! How two states of a space differ: what a fork or a transaction changed, what a rollback has to change back, what
//! happened between two versions.
//!
//! Memory that both share is not looked at, so that it costs what the difference costs. Nodes and edges are told by
//! id, and are the same where their version is: versions are given out once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::space::address::Address;
use crate::space::chunk::Chunk;
use crate::space::graph::Edge;
use crate::space::state::State;
use crate::space::words::Word;

/// Something that is not the same before and after; absent on one side if it came or went.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<T> {
    /// Its id.
    pub id: u64,
    /// What it was.
    pub before: Option<T>,
    /// What it is.
    pub after: Option<T>,
}

/// All that differs between two states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Nodes, by id, with their addresses.
    pub nodes: Vec<Change<Address>>,
    /// Edges, by id.
    pub edges: Vec<Change<Edge>>,
    /// Verbs that only one of both has; their ids are their slots.
    pub verbs: Vec<Change<Arc<str>>>,
    /// Concepts and programs; their ids are their addresses.
    pub words: Vec<Change<Word>>,
}

impl Difference {
    /// What leads from one state to another.
    pub fn between(before: &State, after: &State) -> Self {
        Self {
            nodes: nodes(before, after),
            edges: edges(before, after),
            verbs: verbs(before, after),
            words: words(before, after),
        }
    }
}

/// The slots of a chunk whose node is another, or another version of it; a reified edge is no node.
pub fn changed_slots(before: Option<&Arc<Chunk>>, after: Option<&Arc<Chunk>>) -> Vec<u8> {
    let stamp = |chunk: Option<&Arc<Chunk>>, slot| {
        let chunk = chunk.filter(|chunk| chunk.nodes().contains(slot))?;
        Some((*chunk.id.get(slot), *chunk.version.get(slot)))
    };
    let is_same = match (before, after) {
        (Some(before), Some(after)) => Arc::ptr_eq(before, after),
        (None, None) => true,
        _ => false,
    };
    match is_same {
        true => Vec::new(),
        false => (0..=u8::MAX)
            .filter(|&slot| stamp(before, slot) != stamp(after, slot))
            .collect(),
    }
}

fn nodes(before: &State, after: &State) -> Vec<Change<Address>> {
    let mut ids = BTreeSet::new();
    for prefix in 0..=u8::MAX {
        for slot in changed_slots(before.chunk(prefix), after.chunk(prefix)) {
            let at = Address::new(prefix, slot);
            let id = |state: &State| {
                let node = state.node(at).filter(|node| !node.is_edge());
                node.map(|node| node.id())
            };
            ids.extend([id(before), id(after)].into_iter().flatten());
        }
    }
    let change = |id| Change {
        id,
        before: before.find_id(id),
        after: after.find_id(id),
    };
    ids.into_iter().map(change).collect()
}

fn edges(before: &State, after: &State) -> Vec<Change<Edge>> {
    let (before, after) = (before.graph(), after.graph());
    fn of(changes: &mut BTreeMap<u64, Change<Edge>>, id: u64) -> &mut Change<Edge> {
        changes.entry(id).or_insert(Change {
            id,
            before: None,
            after: None,
        })
    }
    let mut changes = BTreeMap::new();
    let differing = (0..=u8::MAX).filter(|prefix| !before.shares_edges_from(after, *prefix));
    for prefix in differing {
        for edge in before.edges_from(prefix) {
            let id = edge.id;
            of(&mut changes, id).before = Some(edge);
        }
        for edge in after.edges_from(prefix) {
            let id = edge.id;
            of(&mut changes, id).after = Some(edge);
        }
    }
    // An edge whose end has only moved is the same.
    let version = |edge: &Option<Edge>| edge.as_ref().map(|edge| edge.version);
    changes.retain(|_, change| version(&change.before) != version(&change.after));
    changes.into_values().collect()
}

fn verbs(before: &State, after: &State) -> Vec<Change<Arc<str>>> {
    if std::ptr::eq(before.verbs(), after.verbs()) {
        return Vec::new();
    }
    let change = |slot| {
        let name = |state: &State| state.verbs().name(slot).map(Arc::from);
        let change = Change {
            id: u64::from(slot),
            before: name(before),
            after: name(after),
        };
        (change.before != change.after).then_some(change)
    };
    (0..=u8::MAX).filter_map(change).collect()
}

fn words(before: &State, after: &State) -> Vec<Change<Word>> {
    let (before, after) = (before.words(), after.words());
    if std::ptr::eq(before, after) {
        return Vec::new();
    }
    let places = before.iter().chain(after.iter()).map(|(at, _)| at);
    let places: BTreeSet<Address> = places.collect();
    let changes = places.into_iter().map(|at| Change {
        id: u64::from(at.0),
        before: before.get(at).cloned(),
        after: after.get(at).cloned(),
    });
    changes
        .filter(|change| change.before != change.after)
        .collect()
}
