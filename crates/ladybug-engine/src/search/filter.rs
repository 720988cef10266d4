//! Which addresses a search may answer: decided for whole chunks before any distance is computed.

use std::sync::Arc;

use crate::fingerprint::BITS;
use crate::space::address::{CHUNKS, Zone};
use crate::space::chunk::Chunk;
use crate::space::column::SlotSet;
use crate::space::state::View;

/// What a search may answer; the default is every node, wherever it lives.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only this zone; `None` for nodes of the fluid and the node zone. The surface, which is searched
    /// only when it is asked for, holds the verbs by their names.
    pub zone: Option<Zone>,
    /// Only nodes of this kind.
    pub kind: Option<Arc<str>>,
    /// Only the node with this id and what lies below it.
    pub under: Option<u64>,
    /// Only up to this distance, in bits.
    pub distance_max: u32,
    /// Only nodes of at most this rung.
    pub rung_max: Option<u8>,
    /// Not the node or reified edge with this id.
    pub exclude: Option<u64>,
    /// Reified edges too.
    pub include_edges: bool,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            zone: None,
            kind: None,
            under: None,
            distance_max: BITS as u32,
            rung_max: None,
            exclude: None,
            include_edges: false,
        }
    }
}

/// A chunk, and the slots of it that a search may answer.
pub(super) struct Candidates<'a> {
    pub(super) prefix: u8,
    pub(super) chunk: &'a Chunk,
    pub(super) slots: SlotSet,
}

impl Filter {
    /// The candidates of a view, chunk by chunk; chunks without any are left out.
    pub(super) fn candidates<'a>(&self, view: View<'a>) -> Vec<Candidates<'a>> {
        let subtree = self.under.map(|root| subtree(view, root));
        view.state
            .chunks()
            .filter(|(prefix, _)| match self.zone {
                None => true,
                Some(zone) => Zone::of_prefix(*prefix) == zone,
            })
            .filter_map(|(prefix, chunk)| {
                let mut slots = match self.include_edges {
                    true => chunk.occupied,
                    false => chunk.nodes(),
                };
                if let Some(subtree) = &subtree {
                    slots = slots.and(&subtree[usize::from(prefix)]);
                }
                let slots = self.matching(prefix, chunk, slots, view.now);
                (!slots.is_empty()).then_some(Candidates {
                    prefix,
                    chunk,
                    slots,
                })
            })
            .collect()
    }

    /// Of `slots`, those that the filter lets through and that are not expired at `now`.
    fn matching(&self, prefix: u8, chunk: &Chunk, slots: SlotSet, now: i64) -> SlotSet {
        let can_expire = Zone::of_prefix(prefix) == Zone::Fluid;
        let asks =
            can_expire || self.kind.is_some() || self.rung_max.is_some() || self.exclude.is_some();
        if !asks {
            return slots;
        }
        let has_kind = |slot, kind: &Arc<str>| {
            let kinds = chunk.kinds.get(slot).as_deref();
            kinds.is_some_and(|kinds| kinds.contains(kind))
        };
        slots
            .iter()
            .filter(|&slot| !can_expire || *chunk.expires.get(slot) > now)
            .filter(|&slot| self.kind.as_ref().is_none_or(|kind| has_kind(slot, kind)))
            .filter(|&slot| self.rung_max.is_none_or(|max| *chunk.rung.get(slot) <= max))
            .filter(|&slot| self.exclude != Some(*chunk.id.get(slot)))
            .collect()
    }

    /// Whether verbs can match at all: they have no kind, no parent and no rung.
    pub(super) fn asks_for_verbs(&self) -> bool {
        self.zone == Some(Zone::Surface) && self.kind.is_none() && self.under.is_none()
    }
}

/// The slots of a node and everything below it, by prefix; none if there is no such node.
fn subtree(view: View<'_>, root: u64) -> Vec<SlotSet> {
    let mut slots = vec![SlotSet::EMPTY; CHUNKS];
    let nodes = view.find_id(root).map(|root| view.subtree(root));
    for node in nodes.into_iter().flatten() {
        let address = node.address();
        slots[usize::from(address.prefix())].set(address.slot(), true);
    }
    slots
}
