//! What spaces share: chunks, and the edges that leave from them, are stored once, with the first space that has them.
//!
//! A fork shares memory with its source until one of both writes; what is the same memory is the same.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::Contents;
use crate::commit::transaction::SpaceId;

/// What is stored with another space.
pub struct Sharing {
    /// The rows of nodes.
    pub nodes: Shared,
    /// The rows of edges, by the prefix they leave from.
    pub edges: Shared,
}

/// By space and prefix, the space that it is stored with.
pub struct Shared(HashMap<(SpaceId, u8), SpaceId>);

impl Shared {
    /// Of what each space has at its prefixes, given as something that is equal where it is the same.
    fn new<T: Hash + Eq>(all: impl Iterator<Item = (SpaceId, u8, T)>) -> Self {
        let mut owners = HashMap::new();
        let mut shared = HashMap::new();
        for (space, prefix, what) in all {
            let owner = *owners.entry((prefix, what)).or_insert(space);
            if owner != space {
                shared.insert((space, prefix), owner);
            }
        }
        Self(shared)
    }

    /// Whether what a space has at a prefix is stored with another.
    pub fn contains(&self, space: SpaceId, prefix: u8) -> bool {
        self.0.contains_key(&(space, prefix))
    }

    /// The prefixes at which a space's is stored with another, ascending, and which that is.
    pub fn of(&self, space: SpaceId) -> impl Iterator<Item = (u8, SpaceId)> {
        (0..=u8::MAX).filter_map(move |prefix| Some((prefix, *self.0.get(&(space, prefix))?)))
    }
}

impl Sharing {
    /// What the spaces of a checkpoint share.
    pub fn of(contents: &Contents) -> Self {
        let nodes = contents.spaces.iter().flat_map(|space| {
            let chunks = space.state.chunks().filter(|(_, chunk)| {
                // What is pending each has its own encoding of.
                chunk.pending.is_empty() && !chunk.occupied.is_empty()
            });
            chunks.map(|(prefix, chunk)| (space.id, prefix, Arc::as_ptr(chunk)))
        });
        let edges = contents.spaces.iter().flat_map(|space| {
            let graph = space.state.graph();
            (0..=u8::MAX).filter_map(move |prefix| {
                Some((space.id, prefix, graph.place_of_edges_from(prefix)?))
            })
        });
        Self {
            nodes: Shared::new(nodes),
            edges: Shared::new(edges),
        }
    }
}
