//! A state from what a checkpoint stored: chunks, edges and verbs come in, and names, ids, tree links and
//! the marks of bound nodes are made anew.
//!
//! Whatever does not fit together is refused, so that no state exists whose invariants do not hold.

use std::sync::Arc;

use super::address::{ADDRESSES, Address, CHUNKS, Zone};
use super::chunk::{Chunk, NEVER};
use super::column::SlotSet;
use super::graph::{Edge, Graph};
use super::state::{State, View, id_hash};
use super::verbs::{OPEN_SLOT_FIRST, Verbs};
use super::words::{self, Word};

/// What of a stored space does not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address}: expected {expected}")]
pub struct Unsound {
    /// Where.
    pub address: Address,
    /// What should be there.
    pub expected: &'static str,
}

fn unsound<T>(address: Address, expected: &'static str) -> Result<T, Unsound> {
    Err(Unsound { address, expected })
}

/// Where a node's place in the tree leads; 0 for nowhere.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Links {
    first_child: u16,
    next_sibling: u16,
    previous_sibling: u16,
}

impl Links {
    fn of(chunk: &Chunk, slot: u8) -> Self {
        Self {
            first_child: *chunk.first_child.get(slot),
            next_sibling: *chunk.next_sibling.get(slot),
            previous_sibling: *chunk.previous_sibling.get(slot),
        }
    }
}

/// A state in the making.
pub struct Restore {
    state: State,
}

impl Restore {
    /// An empty space; see [`State::new`] for `hash_key`.
    pub fn new(hash_key: u64) -> Self {
        let state = State::new(hash_key);
        Self { state }
    }

    /// A space that shares memory with `source`: it has the chunks of the prefixes `chunks`, and the edges that leave
    /// from the prefixes `edges`, but neither verbs nor words.
    pub fn from(source: &State, chunks: &SlotSet, edges: &SlotSet) -> Self {
        let mut state = source.clone();
        state.verbs = Arc::default();
        state.words = Arc::default();
        for (prefix, chunk) in source.chunks().filter(|(at, _)| !chunks.contains(*at)) {
            for slot in chunk.nodes().iter() {
                let address = Address::new(prefix, slot);
                state.ids.remove(id_hash(source.id_at(address)), address);
                if let Some(name) = chunk.name.get(slot) {
                    state.names.remove(state.name_hash(name), address);
                }
            }
            let zone = Address::new(prefix, 0).zone();
            *state.population_mut(zone) -= chunk.occupied.len();
            state.chunks[prefix as usize] = None;
        }
        for prefix in (0..=u8::MAX).filter(|at| !edges.contains(*at)) {
            for edge in source.graph.edges_from(prefix) {
                state.graph.remove(edge.source, edge.id);
            }
        }
        Self { state }
    }

    /// Says which version the space is at, and when that was committed.
    pub fn date(&mut self, version: u64, committed: i64) {
        self.state.version = version;
        self.state.committed = committed;
    }

    /// Gives an open slot its verb.
    pub fn define_verb(&mut self, slot: u8, name: &str) -> Result<(), Unsound> {
        let address = super::verbs::address_of(slot);
        if slot < OPEN_SLOT_FIRST {
            return unsound(address, "an open slot for a verb");
        }
        let before = Arc::make_mut(&mut self.state.verbs).define(slot, Some(name.into()));
        match before {
            None => Ok(()),
            Some(_) => unsound(address, "a slot with one verb"),
        }
    }

    /// Gives an open slot of the surface its word.
    pub fn define_word(&mut self, address: Address, word: Word) -> Result<(), Unsound> {
        let there = &self.state.words;
        if !words::is_open(address) || !word.is_sound() {
            return unsound(address, "a word in an open slot");
        }
        if there.get(address).is_some() || there.find(address.prefix(), &word.name).is_some() {
            return unsound(address, "a slot and a name with one word");
        }
        Arc::make_mut(&mut self.state.words).define(address, Some(word));
        Ok(())
    }

    /// The verbs so far.
    pub fn verbs(&self) -> &Verbs {
        &self.state.verbs
    }

    /// Adds a chunk whose occupied slots have all their columns but the tree's links.
    pub fn add_chunk(&mut self, prefix: u8, chunk: Arc<Chunk>) -> Result<(), Unsound> {
        let first = Address::new(prefix, 0);
        if first.zone() == Zone::Surface {
            return unsound(first, "a chunk of the fluid or the node zone");
        }
        if self.state.chunk(prefix).is_some() {
            return unsound(first, "each chunk once");
        }
        *self.state.population_mut(first.zone()) += chunk.occupied.len();
        let nodes = chunk.nodes();
        self.state.chunks[prefix as usize] = Some(chunk);
        for slot in nodes.iter() {
            self.index(Address::new(prefix, slot))?;
        }
        Ok(())
    }

    /// Rebuilds from parity, chunk by chunk, the one fingerprint that does not match its checksum; answers
    /// where. What cannot be rebuilt stays as it is.
    pub fn mend(state: &mut State) -> Vec<Address> {
        let mut mended = Vec::new();
        for prefix in 0..=255u8 {
            let Some(chunk) = &mut state.chunks[prefix as usize] else {
                continue;
            };
            let mut damaged = chunk.damaged().iter();
            if let (Some(slot), None) = (damaged.next(), damaged.next())
                && Arc::make_mut(chunk).mend(slot)
            {
                mended.push(Address::new(prefix, slot));
            }
        }
        mended
    }

    fn chunk_mut(&mut self, address: Address) -> &mut Chunk {
        let chunk = self.state.chunks[address.prefix() as usize].as_mut();
        Arc::make_mut(chunk.expect("invariant: only chunks that were added are changed"))
    }

    /// Enters a node into the directories of ids and names.
    fn index(&mut self, address: Address) -> Result<(), Unsound> {
        let state = &mut self.state;
        let Some(node) = state.node(address) else {
            return unsound(address, "a node");
        };
        if node.expires().is_some() && address.zone() != Zone::Fluid {
            return unsound(address, "no expiry outside the fluid zone");
        }
        let (id, name) = (node.id(), node.name().cloned());
        if id == 0 || state.find_id(id).is_some() {
            return unsound(address, "an id of its own");
        }
        if name.as_ref().is_some_and(|name| state.find(name).is_some()) {
            return unsound(address, "a name of its own");
        }
        state.insert_id(id, address);
        if let Some(name) = name {
            state.insert_name(state.name_hash(&name), address);
        }
        Ok(())
    }

    /// Links the tree, adds the edges, and answers the state.
    pub fn finish(mut self, edges: Vec<Edge>) -> Result<State, Unsound> {
        self.link_tree()?;
        let graph = &mut self.state.graph;
        let added = match graph.is_empty() {
            true => Graph::from_edges(edges).map(|all| *graph = all),
            false => edges.into_iter().try_for_each(|edge| graph.insert(edge)),
        };
        added.map_err(|duplicate| Unsound {
            address: self.state.find_id(duplicate.id).unwrap_or(Address(0)),
            expected: "edges with ids of their own",
        })?;
        self.mark_edges()?;
        Ok(self.state)
    }

    /// Makes the lists of children from the parents' ids. Since a depth is always the parent's and
    /// one, there can be no cycle. What is right already is not written, and stays shared.
    fn link_tree(&mut self) -> Result<(), Unsound> {
        let nodes: Vec<_> = View::of(&self.state, i64::MIN)
            .nodes()
            .map(|node| (node.address(), node.parent(), node.depth()))
            .collect();
        let mut links = vec![Links::default(); ADDRESSES];
        // Backwards, because a child is put before its siblings: lists come out in order of address.
        for &(address, parent, depth) in nodes.iter().rev() {
            let Some(parent) = parent else {
                match depth {
                    0 => continue,
                    _ => return unsound(address, "a root at depth 0"),
                }
            };
            let parent = self.state.find_id(parent);
            let above = parent.and_then(|parent| self.state.node(parent));
            let (Some(parent), Some(above)) = (parent, above) else {
                return unsound(address, "a parent that is there");
            };
            if above.depth().checked_add(1) != Some(depth) {
                return unsound(address, "a depth of the parent's plus one");
            }
            let first = &mut links[usize::from(parent.0)].first_child;
            let next = std::mem::replace(first, address.0);
            links[usize::from(address.0)].next_sibling = next;
            if next != 0 {
                links[usize::from(next)].previous_sibling = address.0;
            }
        }
        for (address, ..) in nodes {
            let (links, slot) = (links[usize::from(address.0)], address.slot());
            let there = self.state.chunk(address.prefix());
            if there.is_some_and(|chunk| Links::of(chunk, slot) != links) {
                let chunk = self.chunk_mut(address);
                chunk.first_child.set(slot, links.first_child);
                chunk.next_sibling.set(slot, links.next_sibling);
                chunk.previous_sibling.set(slot, links.previous_sibling);
            }
        }
        Ok(())
    }

    /// Checks the ends of every edge, and that reified edges and their slots belong together.
    fn mark_edges(&mut self) -> Result<(), Unsound> {
        let mut reified = 0;
        let mut bound = vec![SlotSet::EMPTY; CHUNKS];
        for edge in self.state.graph.edges() {
            for end in [edge.source, edge.target] {
                if self.state.node(end).is_none_or(|node| node.is_edge()) {
                    return unsound(end, "a node at the end of an edge");
                }
            }
            let Some(address) = edge.address else {
                continue;
            };
            let slot = self.state.node(address);
            if slot.is_none_or(|slot| !slot.is_edge() || slot.id() != edge.id) {
                return unsound(address, "the slot of a reified edge");
            }
            if address.zone() != Zone::Fluid {
                return unsound(address, "reified edges in the fluid zone");
            }
            reified += 1;
            for end in [edge.source, edge.target] {
                bound[usize::from(end.prefix())].set(end.slot(), true);
            }
        }
        for (prefix, bound) in (0..=u8::MAX).zip(bound) {
            let there = self.state.chunk(prefix);
            if there.is_some_and(|chunk| chunk.bound != bound) {
                self.chunk_mut(Address::new(prefix, 0)).bound = bound;
            }
        }
        for (prefix, chunk) in self.state.chunks() {
            reified -= chunk.edges.len() as i64;
            for slot in chunk.edges.iter() {
                if *chunk.expires.get(slot) != NEVER {
                    return unsound(Address::new(prefix, slot), "a reified edge without expiry");
                }
            }
        }
        match reified {
            0 => Ok(()),
            _ => unsound(Address(0), "one slot for each reified edge"),
        }
    }
}
