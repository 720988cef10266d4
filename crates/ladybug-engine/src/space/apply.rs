//! How a space changes: one mutation at a time, each answering its inverse.
//!
//! A mutation that does not fit the state (an occupied address, an unknown edge) is a corrupt log
//! or a bug; it is refused before anything changes.

mod edges;
mod nodes;
mod parity;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::Accesses;
use super::address::{Address, Zone};
use super::allocator::Allocator;
use super::chunk::{Chunk, NEVER, Node};
use super::fields::{Fields, put_field};
use super::marks::{Qualia, Truth};
use super::mutation::{Content, Inverse, Mutation};
use super::state::{State, View};
use crate::error::NAME_BYTES_MAX;
use crate::fingerprint::Fingerprint;

/// Deepest node of a tree.
pub const DEPTH_MAX: u8 = u8::MAX;

/// A mutation that the state cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot apply a change to {address}: expected {expected}")]
pub struct Misfit {
    /// Where.
    pub address: Address,
    /// What the mutation takes for granted.
    pub expected: &'static str,
}

fn misfit<T>(address: Address, expected: &'static str) -> Result<T, Misfit> {
    Err(Misfit { address, expected })
}

/// A space that can be written: its state, and indexes that snapshots do not need.
pub struct Space {
    state: Arc<State>,
    free: Allocator,
    /// Expiry and address of everything that expires; shared with forks until one changes it.
    expiries: Arc<BTreeSet<(i64, Address)>>,
    accesses: Arc<Accesses>,
}

impl Space {
    /// An empty space; see [`State::new`].
    pub fn new(hash_key: u64) -> Self {
        Self::from_state(State::new(hash_key))
    }

    /// A space that goes on from a state.
    pub fn from_state(state: State) -> Self {
        let mut free = Allocator::default();
        let mut expiries = BTreeSet::new();
        for (prefix, chunk) in state.chunks() {
            for slot in chunk.occupied.iter() {
                let address = Address::new(prefix, slot);
                free.take(address);
                let expires = *chunk.expires.get(slot);
                if expires != NEVER {
                    expiries.insert((expires, address));
                }
            }
        }
        Self {
            state: Arc::new(state),
            free,
            expiries: Arc::new(expiries),
            accesses: Arc::default(),
        }
    }

    /// Another space that goes on from here: it shares everything until one of them writes there, but for
    /// access statistics, of which it has none yet.
    pub fn fork(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
            free: self.free.clone(),
            expiries: Arc::clone(&self.expiries),
            accesses: Arc::default(),
        }
    }

    /// The state, shared: a snapshot.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The state at a moment.
    pub fn view(&self, now: i64) -> View<'_> {
        View {
            state: &self.state,
            now,
            accesses: Some(&self.accesses),
        }
    }

    /// The access statistics, which go on counting.
    pub fn accesses(&self) -> &Arc<Accesses> {
        &self.accesses
    }

    /// The free addresses.
    pub fn free(&self) -> &Allocator {
        &self.free
    }

    /// Up to `limit` addresses whose time is up at `now`, the longest expired first.
    pub fn expired(&self, now: i64, limit: usize) -> Vec<Address> {
        self.expiries
            .iter()
            .take_while(|(expires, _)| *expires <= now)
            .take(limit)
            .map(|(_, address)| *address)
            .collect()
    }

    /// How many nodes have a time to live.
    pub fn expiring_len(&self) -> usize {
        self.expiries.len()
    }

    /// Ends a commit: the state is now `version`, made at `committed`.
    pub fn set_version(&mut self, version: u64, committed: i64) {
        let state = Arc::make_mut(&mut self.state);
        state.version = version;
        state.committed = committed;
    }

    /// Installs an encoded fingerprint if the slot is still pending for the id and version it was
    /// encoded for. This is no change of the space: nobody could see the slot without it.
    pub fn install(
        &mut self,
        address: Address,
        (id, version): (u64, u64),
        fingerprint: &Fingerprint,
    ) -> bool {
        let slot = address.slot();
        let current = self.state.chunk(address.prefix()).is_some_and(|chunk| {
            chunk.pending.contains(slot)
                && (*chunk.id.get(slot), *chunk.version.get(slot)) == (id, version)
        });
        if current {
            self.chunk_mut(address).set_fingerprint(slot, fingerprint);
        }
        current
    }

    /// Takes over a chunk that another space had encoded, if the two shared it `before` and neither was written since: so
    /// they share it on. This is no change of the space either.
    pub fn adopt(&mut self, prefix: u8, before: &Arc<Chunk>, encoded: &Arc<Chunk>) {
        let there = self.state.chunk(prefix);
        if there.is_some_and(|there| Arc::ptr_eq(there, before)) && encoded.is_encoding_of(before) {
            let chunk = &mut Arc::make_mut(&mut self.state).chunks[usize::from(prefix)];
            *chunk = Some(Arc::clone(encoded));
        }
    }

    /// Applies a mutation as part of the commit that makes `version`, and answers how to take it
    /// back. Nothing has changed if it fails.
    pub fn apply(&mut self, mutation: Mutation, version: u64) -> Result<Inverse, Misfit> {
        let inverse = |old: u64, mutation| Inverse {
            mutation,
            version: old,
        };
        match mutation {
            Mutation::Insert { address, node } => {
                self.insert(address, *node, version)?;
                Ok(inverse(0, Mutation::Remove { address }))
            }
            Mutation::Remove { address } => {
                let (node, old) = self.remove(address)?;
                let node = Box::new(node);
                Ok(inverse(old, Mutation::Insert { address, node }))
            }
            Mutation::SetContent { address, content } => {
                let old = self.stamp(address, version)?;
                let content = self.replace_content(address, content);
                Ok(inverse(old, Mutation::SetContent { address, content }))
            }
            Mutation::SetField {
                address,
                name,
                value,
                place,
            } => {
                let old = self.stamp(address, version)?;
                let fields = self.chunk_mut(address).fields.get_mut(address.slot());
                let (place, value) = put_field(fields, &name, value, place);
                self.content_changed(address);
                Ok(inverse(
                    old,
                    Mutation::SetField {
                        address,
                        name,
                        value,
                        place,
                    },
                ))
            }
            Mutation::SetExpiry { address, expires } => {
                check_expiry(address, expires)?;
                let old = self.stamp(address, version)?;
                let expires = self.replace_expiry(address, expires);
                Ok(inverse(old, Mutation::SetExpiry { address, expires }))
            }
            Mutation::Relocate { from, to } => {
                let old = self.relocate(from, to, version)?;
                Ok(inverse(old, Mutation::Relocate { from: to, to: from }))
            }
            Mutation::Rename { address, name } => {
                check_name(address, name.as_deref())?;
                if name
                    .as_ref()
                    .is_some_and(|name| self.state.find(name).is_some_and(|at| at != address))
                {
                    return misfit(address, "a name that no other node has");
                }
                let old = self.stamp(address, version)?;
                let name = self.replace_name(address, name);
                Ok(inverse(old, Mutation::Rename { address, name }))
            }
            Mutation::SetKinds { address, kinds } => {
                let old = self.stamp(address, version)?;
                let kinds = self.chunk_mut(address).put_kinds(address.slot(), kinds);
                Ok(inverse(old, Mutation::SetKinds { address, kinds }))
            }
            Mutation::SetTruth {
                address,
                truth,
                evidence,
            } => {
                let old = self.stamp(address, version)?;
                let (truth, evidence) =
                    replace_truth(self.chunk_mut(address), address.slot(), truth, evidence);
                Ok(inverse(
                    old,
                    Mutation::SetTruth {
                        address,
                        truth,
                        evidence,
                    },
                ))
            }
            Mutation::SetQualia { address, qualia } => {
                let old = self.stamp(address, version)?;
                let column = &mut self.chunk_mut(address).qualia;
                let qualia = Qualia::new(column.set(address.slot(), qualia.values()))
                    .expect("qualia are checked where they enter");
                Ok(inverse(old, Mutation::SetQualia { address, qualia }))
            }
            Mutation::SetRung { address, rung } => {
                let old = self.stamp(address, version)?;
                let rung = self.chunk_mut(address).rung.set(address.slot(), rung);
                Ok(inverse(old, Mutation::SetRung { address, rung }))
            }
            Mutation::SetPromotion { address, accesses } => {
                let old = self.stamp(address, version)?;
                let column = &mut self.chunk_mut(address).promotion;
                let accesses = column.set(address.slot(), accesses);
                Ok(inverse(old, Mutation::SetPromotion { address, accesses }))
            }
            Mutation::SetParent { address, parent } => {
                if let Some(parent) = parent {
                    self.fits_below(address, parent)?;
                }
                let old = self.stamp(address, version)?;
                let parent = self.replace_parent(address, parent);
                Ok(inverse(old, Mutation::SetParent { address, parent }))
            }
            Mutation::Link { edge } => {
                let (source, id) = (edge.source, edge.id);
                self.link(*edge, version)?;
                Ok(inverse(0, Mutation::Unlink { source, id }))
            }
            Mutation::Unlink { source, id } => {
                let edge = Box::new(self.unlink(source, id)?);
                let old = edge.version;
                Ok(inverse(old, Mutation::Link { edge }))
            }
            Mutation::UpdateEdge { edge } => {
                let edge = self.update_edge(*edge, version)?;
                let old = edge.version;
                let edge = Box::new(edge);
                Ok(inverse(old, Mutation::UpdateEdge { edge }))
            }
            Mutation::DefineVerb { slot, name } => {
                self.fits_verb(slot, name.as_deref())?;
                let state = Arc::make_mut(&mut self.state);
                let name = Arc::make_mut(&mut state.verbs).define(slot, name);
                Ok(inverse(0, Mutation::DefineVerb { slot, name }))
            }
            Mutation::DefineWord { address, word } => {
                self.fits_word(address, word.as_deref())?;
                let state = Arc::make_mut(&mut self.state);
                let words = Arc::make_mut(&mut state.words);
                let word = words.define(address, word.map(|word| *word)).map(Box::new);
                Ok(inverse(0, Mutation::DefineWord { address, word }))
            }
        }
    }

    /// The node at an address, which the mutation takes for granted.
    fn node(&self, address: Address) -> Result<Node<'_>, Misfit> {
        match self.state.node(address) {
            Some(node) if !node.is_edge() => Ok(node),
            _ => misfit(address, "a node"),
        }
    }

    /// The chunk of an address, to be changed; made if it was never used.
    fn chunk_mut(&mut self, address: Address) -> &mut Chunk {
        let state = Arc::make_mut(&mut self.state);
        Arc::make_mut(state.chunks[address.prefix() as usize].get_or_insert_default())
    }

    /// Marks a node as changed by `version`, and answers by which it was changed before.
    fn stamp(&mut self, address: Address, version: u64) -> Result<u64, Misfit> {
        self.node(address)?;
        Ok(self.chunk_mut(address).version.set(address.slot(), version))
    }

    /// Takes a free address for a node or a reified edge.
    fn occupy(&mut self, address: Address) -> Result<(), Misfit> {
        if address.zone() == Zone::Surface {
            return misfit(address, "an address of the fluid or the node zone");
        }
        if self.state.node(address).is_some() {
            return misfit(address, "a free address");
        }
        self.free.take(address);
        *Arc::make_mut(&mut self.state).population_mut(address.zone()) += 1;
        self.chunk_mut(address).occupied.set(address.slot(), true);
        Ok(())
    }

    /// Gives an address back.
    fn vacate(&mut self, address: Address) {
        let slot = address.slot();
        let chunk = self.chunk_mut(address);
        chunk.occupied.set(slot, false);
        chunk.pending.set(slot, false);
        chunk.edges.set(slot, false);
        chunk.bound.set(slot, false);
        *Arc::make_mut(&mut self.state).population_mut(address.zone()) -= 1;
        self.free.release(address);
    }
}

/// Names are bounded wherever they come from.
fn check_name(address: Address, name: Option<&[u8]>) -> Result<(), Misfit> {
    match name.map_or(0, <[u8]>::len) {
        0..=NAME_BYTES_MAX => Ok(()),
        _ => misfit(address, "a name of at most 1,024 bytes"),
    }
}

/// Only the fluid zone has expiry; and the least time stands for the view that sees everything.
fn check_expiry(address: Address, expires: i64) -> Result<(), Misfit> {
    match expires {
        NEVER => Ok(()),
        i64::MIN => misfit(address, "an expiry after the beginning of time"),
        _ if address.zone() == Zone::Fluid => Ok(()),
        _ => misfit(address, "no expiry outside the fluid zone"),
    }
}

/// Replaces a slot's truth and evidence and answers what was there.
fn replace_truth(
    chunk: &mut Chunk,
    slot: u8,
    truth: Truth,
    evidence: Option<Arc<[u64]>>,
) -> (Truth, Option<Arc<[u64]>>) {
    let old = Truth::new(
        chunk.frequency.set(slot, truth.frequency()),
        chunk.confidence.set(slot, truth.confidence()),
    )
    .expect("truths are checked where they enter");
    (old, chunk.evidence.put(slot, evidence))
}

impl Content {
    /// Content of one value.
    pub fn of_value(value: Arc<[u8]>) -> Self {
        Self {
            value: Some(value),
            ..Self::default()
        }
    }

    /// Content of fields; an empty map says nothing.
    pub fn of_fields(fields: Fields) -> Self {
        Self {
            fields: (!fields.is_empty()).then(|| Arc::new(fields)),
            ..Self::default()
        }
    }
}
