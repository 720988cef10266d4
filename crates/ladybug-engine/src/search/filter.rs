//! Which addresses a search may answer: decided for whole chunks before any distance is computed.

use std::sync::Arc;

use crate::engine::Snapshot;
use crate::fingerprint::Fingerprint;
use crate::space::address::{Address, CHUNKS, Zone};
use crate::space::chunk::{Chunk, Kinds};
use crate::space::column::SlotSet;
use crate::space::state::View;

/// What a search may answer; the default is every node, wherever it lives.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this zone; `None` for nodes of the fluid and the node zone. The surface, which is searched
    /// only when it is asked for, holds its words by their names.
    pub zone: Option<Zone>,
    /// Only nodes of this kind.
    pub kind: Option<Arc<str>>,
    /// Only nodes whose name begins so.
    pub name_prefix: Option<Arc<[u8]>>,
    /// Only the node with this id and what lies below it.
    pub under: Option<u64>,
    /// Only nodes of at most this rung.
    pub rung_max: Option<u8>,
    /// Not the node or reified edge with this id.
    pub exclude: Option<u64>,
    /// Reified edges too.
    pub include_edges: bool,
    /// Only these slots, by prefix: what somebody else has found out about them.
    pub slots: Option<Arc<[SlotSet; CHUNKS]>>,
}

/// A space to search, and what of it may be answered.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The space at one version.
    pub snapshot: &'a Snapshot,
    /// What of it.
    pub filter: &'a Filter,
}

/// A chunk, and the slots of it that a search may answer.
pub(super) struct Segment<'a> {
    /// Which of the scopes it belongs to.
    pub(super) scope: u16,
    pub(super) prefix: u8,
    pub(super) chunk: &'a Chunk,
    /// Those whose fingerprint is in its column.
    pub(super) slots: SlotSet,
    /// The others, with the fingerprints that were encoded for the snapshot.
    pub(super) derived: Vec<(Address, &'a Fingerprint)>,
}

impl Segment<'_> {
    /// How many candidates it has.
    pub(super) fn len(&self) -> usize {
        self.slots.len() + self.derived.len()
    }
}

impl Scope<'_> {
    /// Whether words can match at all: they have no kind, no parent and no rung.
    pub(super) fn asks_for_words(&self) -> bool {
        let filter = self.filter;
        filter.zone == Some(Zone::Surface) && filter.kind.is_none() && filter.under.is_none()
    }
}

/// The candidates of all scopes, chunk by chunk; chunks without any are left out.
pub(super) fn segments<'a>(scopes: &[Scope<'a>]) -> Vec<Segment<'a>> {
    let mut segments = Vec::with_capacity(scopes.len() * CHUNKS);
    for (scope, index) in scopes.iter().zip(0..=u16::MAX) {
        let (snapshot, filter) = (scope.snapshot, scope.filter);
        let view = snapshot.view();
        let subtree = filter.under.map(|root| subtree(view, root));
        let chunks = view.state.chunks().filter(|(prefix, _)| match filter.zone {
            None => true,
            Some(zone) => Zone::of_prefix(*prefix) == zone,
        });
        for (prefix, chunk) in chunks {
            let mut slots = match filter.include_edges {
                true => chunk.occupied,
                false => chunk.nodes(),
            };
            if let Some(subtree) = &subtree {
                slots = slots.and(&subtree[usize::from(prefix)]);
            }
            let slots = filter.matching(prefix, chunk, slots, view.now);
            if slots.is_empty() {
                continue;
            }
            let pending = slots.and(&chunk.pending);
            segments.push(Segment {
                scope: index,
                prefix,
                chunk,
                slots: slots.without(&pending),
                derived: derived(snapshot, prefix, pending),
            });
        }
    }
    segments
}

/// What was encoded for the snapshot of these slots.
fn derived(snapshot: &Snapshot, prefix: u8, slots: SlotSet) -> Vec<(Address, &Fingerprint)> {
    if slots.is_empty() {
        return Vec::new();
    }
    let derived = snapshot.derived();
    let from = derived.partition_point(|(address, _)| address.prefix() < prefix);
    derived[from..]
        .iter()
        .take_while(|(address, _)| address.prefix() == prefix)
        .filter(|(address, _)| slots.contains(address.slot()))
        .map(|(address, fingerprint)| (*address, fingerprint))
        .collect()
}

impl Filter {
    /// Of `slots`, those that the filter lets through and that are not expired at `now`.
    pub(crate) fn matching(
        &self,
        prefix: u8,
        chunk: &Chunk,
        mut slots: SlotSet,
        now: i64,
    ) -> SlotSet {
        if Zone::of_prefix(prefix) == Zone::Fluid {
            let expires = chunk.expires.values();
            // One look at all of them, a few at a time and without a branch for each, since as a rule none is due.
            let is_any_due =
                |some: &[i64; 16]| some.iter().fold(false, |due, at| due | (*at <= now));
            if expires.as_chunks().0.iter().any(is_any_due) {
                slots = slots.filter(|slot| expires[usize::from(slot)] > now);
            }
        }
        if let Some(only) = &self.slots {
            slots = slots.and(&only[usize::from(prefix)]);
        }
        if let Some(id) = self.exclude {
            slots = slots.filter(|slot| *chunk.id.get(slot) != id);
        }
        if let Some(max) = self.rung_max {
            let rung = chunk.rung.values();
            slots = slots.filter(|slot| rung[usize::from(slot)] <= max);
        }
        if let Some(kind) = &self.kind {
            // Neighbours have the same kinds as a rule, and then share them.
            let mut last: (Option<&Kinds>, bool) = (None, false);
            slots = slots.filter(|slot| {
                let kinds = chunk.kinds.get(slot).as_ref();
                let is_last = |kinds| last.0.is_some_and(|last| Arc::ptr_eq(last, kinds));
                if !kinds.is_some_and(is_last) {
                    last = (kinds, kinds.is_some_and(|kinds| kinds.contains(kind)));
                }
                last.1
            });
        }
        if let Some(start) = &self.name_prefix {
            slots = slots.filter(|slot| {
                let name = chunk.name.get(slot).as_ref();
                name.is_some_and(|name| name.starts_with(start))
            });
        }
        slots
    }
}

/// The slots of a node and everything below it, by prefix; none if there is no such node.
pub(crate) fn subtree(view: View<'_>, root: u64) -> Vec<SlotSet> {
    let mut slots = vec![SlotSet::EMPTY; CHUNKS];
    let nodes = view.find_id(root).map(|root| view.subtree(root));
    for node in nodes.into_iter().flatten() {
        let address = node.address();
        slots[usize::from(address.prefix())].set(address.slot(), true);
    }
    slots
}
