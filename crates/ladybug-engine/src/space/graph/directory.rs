//! One shard of the directory: from an edge's id to its ends and its rare attributes.
//!
//! Sorted arrays rather than a hash table: ids only grow, so that an insertion appends, and fourteen
//! bytes an edge suffice where a hash table takes thirty. The rare attributes live here because
//! shards are of even size whatever hubs the graph has, and because no move of a node touches them.

use crate::space::address::Address;
use crate::space::fields::FieldValue;
use crate::space::temporal::Temporal;

use super::edge::{EdgeLink, Rare};

/// The shard that knows `id`: multiplicative hashing (Knuth, TAOCP 3, 6.4), which spreads
/// consecutive ids evenly.
pub(super) fn shard_of(id: u64) -> u8 {
    (id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

/// An edge's ends and verb.
#[derive(Clone, Copy, Debug)]
struct Ends {
    source: Address,
    target: Address,
    verb: u8,
}

impl From<EdgeLink> for Ends {
    fn from(link: EdgeLink) -> Self {
        Self {
            source: link.source,
            target: link.target,
            verb: link.verb,
        }
    }
}

/// The edges whose ids fall into one shard.
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    /// Ascending.
    ids: Vec<u64>,
    /// Parallel to `ids`.
    ends: Vec<Ends>,
    /// Ascending by id; only edges that have any.
    rare: Vec<(u64, Rare)>,
}

impl Shard {
    /// A shard of the edges given in any order, or the id that comes twice.
    pub(super) fn from_entries(
        mut links: Vec<EdgeLink>,
        mut rare: Vec<(u64, Rare)>,
    ) -> Result<Self, u64> {
        links.sort_unstable_by_key(|link| link.id);
        if let Some(pair) = links.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(pair[0].id);
        }
        rare.sort_unstable_by_key(|&(id, _)| id);
        rare.shrink_to_fit();
        Ok(Self {
            ids: links.iter().map(|link| link.id).collect(),
            ends: links.into_iter().map(Ends::from).collect(),
            rare,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn link(&self, id: u64) -> Option<EdgeLink> {
        let Ends {
            source,
            target,
            verb,
        } = self.ends[self.ids.binary_search(&id).ok()?];
        Some(EdgeLink {
            id,
            source,
            verb,
            target,
        })
    }

    /// Enters an edge, or answers false if its id is taken.
    pub(super) fn insert(&mut self, link: EdgeLink) -> bool {
        let Err(at) = self.ids.binary_search(&link.id) else {
            return false;
        };
        reserve_one(&mut self.ids);
        reserve_one(&mut self.ends);
        self.ids.insert(at, link.id);
        self.ends.insert(at, link.into());
        true
    }

    /// Gives an edge that is there other ends.
    pub(super) fn set_link(&mut self, link: EdgeLink) {
        let at = self
            .ids
            .binary_search(&link.id)
            .expect("invariant: a linked edge is in the directory");
        self.ends[at] = link.into();
    }

    /// Takes an edge out and returns its rare attributes.
    pub(super) fn remove(&mut self, id: u64) -> Rare {
        if let Ok(at) = self.ids.binary_search(&id) {
            self.ids.remove(at);
            self.ends.remove(at);
        }
        match self.search_rare(id) {
            Ok(at) => self.rare.remove(at).1,
            Err(_) => Rare::default(),
        }
    }

    pub(super) fn rare(&self, id: u64) -> Rare {
        self.search_rare(id)
            .map_or_else(|_| Rare::default(), |at| self.rare[at].1.clone())
    }

    pub(super) fn set_rare(&mut self, id: u64, rare: Rare) {
        match (self.search_rare(id), rare.is_empty()) {
            (Ok(at), true) => drop(self.rare.remove(at)),
            (Ok(at), false) => self.rare[at].1 = rare,
            (Err(_), true) => {}
            (Err(at), false) => self.rare.insert(at, (id, rare)),
        }
    }

    /// Bytes on the heap, with those of evidence and properties.
    pub(super) fn heap_bytes(&self) -> usize {
        let attributes = self.rare.iter().map(|(_, rare)| {
            let evidence = rare.evidence.as_deref().map_or(0, size_of_val);
            let properties = rare.properties.as_deref().map_or(0, |fields| {
                fields
                    .iter()
                    .map(|(name, value)| name.len() + value_bytes(value))
                    .sum()
            });
            evidence + properties
        });
        self.ids.capacity() * size_of::<u64>()
            + self.ends.capacity() * size_of::<Ends>()
            + self.rare.capacity() * size_of::<(u64, Rare)>()
            + attributes.sum::<usize>()
    }

    fn search_rare(&self, id: u64) -> Result<usize, usize> {
        self.rare.binary_search_by_key(&id, |&(id, _)| id)
    }
}

/// Makes room for one more, an eighth at a time: doubling would leave up to half of it unused.
fn reserve_one<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 8).max(4));
    }
}

fn value_bytes(value: &FieldValue) -> usize {
    size_of::<FieldValue>()
        + match value {
            FieldValue::Bytes(bytes) => bytes.len(),
            FieldValue::List(items) => items.iter().map(value_bytes).sum(),
            FieldValue::Temporal(_) => size_of::<Temporal>(),
            FieldValue::Integer(_) | FieldValue::Float(_) | FieldValue::Boolean(_) => 0,
        }
}
