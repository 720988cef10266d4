//! How a space changes: one mutation at a time, each answering its inverse.
//!
//! A mutation that does not fit the state (an occupied address, an unknown edge) is a corrupt log
//! or a bug; it is refused before anything changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::{Access, Accesses};
use super::address::{Address, Zone};
use super::allocator::Allocator;
use super::chunk::{Chunk, NEVER, Node, Source};
use super::fields::Fields;
use super::graph::Edge;
use super::marks::{Qualia, Truth};
use super::mutation::{Bits, Content, Inverse, Mutation, NodeImage};
use super::state::{State, View, id_hash};
use crate::error::NAME_BYTES_MAX;
use crate::fingerprint::Fingerprint;

/// Deepest node of a tree.
pub const DEPTH_MAX: u8 = u8::MAX;

/// How many groups names fall into for [`Space::names_changed_at`].
const NAME_GROUPS: usize = 4096;

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
    /// Expiry and address of everything that expires.
    expiries: BTreeSet<(i64, Address)>,
    /// For each group of names, the version at which one last came or went.
    names_changed: Box<[u64; NAME_GROUPS]>,
    accesses: Accesses,
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
            names_changed: Box::new([state.version(); NAME_GROUPS]),
            state: Arc::new(state),
            free,
            expiries,
            accesses: Accesses::default(),
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

    /// The latest version at which this name may have come or gone. Names share groups, so it can
    /// be later than the truth, never earlier.
    pub fn names_changed_at(&self, name: &[u8]) -> u64 {
        self.names_changed[self.state.name_hash(name) as usize % NAME_GROUPS]
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
                let (node, old) = self.remove(address, version)?;
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
                let map = Arc::make_mut(fields.get_or_insert_default());
                let (place, value) = match (value, place) {
                    (Some(value), Some(place)) if !map.contains_key(&name) => {
                        let place = map.len().min(place as usize);
                        (None, map.shift_insert(place, Arc::clone(&name), value))
                    }
                    (Some(value), _) => (None, map.insert(Arc::clone(&name), value)),
                    (None, _) => match map.shift_remove_full(&name) {
                        Some((place, _, value)) => (Some(place as u32), Some(value)),
                        None => (None, None),
                    },
                };
                if map.is_empty() {
                    *fields = None;
                }
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
                let name = self.replace_name(address, name, version);
                Ok(inverse(old, Mutation::Rename { address, name }))
            }
            Mutation::SetKinds { address, kinds } => {
                let old = self.stamp(address, version)?;
                let kinds = self.chunk_mut(address).kinds.replace(address.slot(), kinds);
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
                let qualia = Qualia::new(column.replace(address.slot(), qualia.values()))
                    .expect("qualia are checked where they enter");
                Ok(inverse(old, Mutation::SetQualia { address, qualia }))
            }
            Mutation::SetRung { address, rung } => {
                let old = self.stamp(address, version)?;
                let rung = self.chunk_mut(address).rung.replace(address.slot(), rung);
                Ok(inverse(old, Mutation::SetRung { address, rung }))
            }
            Mutation::SetPromotion { address, accesses } => {
                let old = self.stamp(address, version)?;
                let column = &mut self.chunk_mut(address).promotion;
                let accesses = column.replace(address.slot(), accesses);
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
        Ok(self
            .chunk_mut(address)
            .version
            .replace(address.slot(), version))
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

    /// Whether a node, with what is below it, can go below another.
    fn fits_below(&self, address: Address, parent: Address) -> Result<(), Misfit> {
        let all = View::of(&self.state, i64::MIN);
        let (node, parent) = (self.node(address)?, self.node(parent)?);
        let mut above = Some(parent);
        while let Some(there) = above {
            if there.id() == node.id() {
                return misfit(address, "a parent that is not below the node");
            }
            above = all.parent(there);
        }
        // What rises or stays where it is fits; only what sinks is worth a walk.
        if parent.depth() >= node.depth() {
            let below = all.subtree(node).into_iter();
            let deepest = below.map(|node| node.depth()).max().unwrap_or(0);
            let height = usize::from(deepest - node.depth());
            if usize::from(parent.depth()) + 1 + height > usize::from(DEPTH_MAX) {
                return misfit(address, "a tree of at most 255 levels");
            }
        }
        Ok(())
    }

    /// Whether an open slot can be filled with a verb, or freed.
    fn fits_verb(&self, slot: u8, name: Option<&str>) -> Result<(), Misfit> {
        let at = super::verbs::address_of(slot);
        let verbs = self.state.verbs();
        if slot < super::verbs::OPEN_SLOT_FIRST {
            return misfit(at, "an open slot");
        }
        match name {
            Some(name) if verbs.name(slot).is_some() || verbs.slot(name).is_some() => {
                misfit(at, "a free slot, and a verb that has none")
            }
            None if self.state.graph().edges().any(|edge| edge.verb == slot) => {
                misfit(at, "a verb that no edge has")
            }
            _ => Ok(()),
        }
    }

    fn insert(&mut self, address: Address, node: NodeImage, version: u64) -> Result<(), Misfit> {
        if node.id == 0 || self.state.find_id(node.id).is_some() {
            return misfit(address, "an id that no node has");
        }
        check_name(address, node.name.as_deref())?;
        if node
            .name
            .as_ref()
            .is_some_and(|name| self.state.find(name).is_some())
        {
            return misfit(address, "a name that no node has");
        }
        check_expiry(address, node.expires)?;
        self.occupy(address)?;
        self.accesses.set(address, Access::default());
        let slot = address.slot();
        let chunk = self.chunk_mut(address);
        *chunk.id.get_mut(slot) = node.id;
        *chunk.qualia.get_mut(slot) = node.qualia.values();
        *chunk.rung.get_mut(slot) = node.rung;
        *chunk.depth.get_mut(slot) = 0;
        *chunk.parent.get_mut(slot) = 0;
        *chunk.first_child.get_mut(slot) = 0;
        *chunk.created.get_mut(slot) = node.created;
        *chunk.promotion.get_mut(slot) = node.promotion;
        *chunk.expires.get_mut(slot) = NEVER;
        *chunk.version.get_mut(slot) = version;
        *chunk.kinds.get_mut(slot) = node.kinds;
        replace_truth(chunk, slot, node.truth, node.evidence);
        self.replace_content(address, node.content);
        self.replace_name(address, node.name, version);
        self.replace_expiry(address, node.expires);
        Arc::make_mut(&mut self.state).insert_id(node.id, address);
        Ok(())
    }

    fn remove(&mut self, address: Address, version: u64) -> Result<(NodeImage, u64), Misfit> {
        let node = self.node(address)?;
        let graph = self.state.graph();
        if graph.degree_out(address) + graph.degree_in(address) > 0 {
            return misfit(address, "a node without edges");
        }
        if node.parent().is_some()
            || View::of(&self.state, i64::MIN)
                .children(node)
                .next()
                .is_some()
        {
            return misfit(address, "a node without parent and children");
        }
        let old = node.version();
        let mut image = NodeImage {
            id: node.id(),
            name: None,
            content: Content::default(),
            kinds: None,
            truth: node.truth(),
            evidence: None,
            qualia: node.qualia(),
            rung: node.rung(),
            created: node.created(),
            expires: NEVER,
            promotion: node.promotion(),
        };
        image.name = self.replace_name(address, None, version);
        image.expires = self.replace_expiry(address, NEVER);
        image.content = self.replace_content(address, Content::default());
        let chunk = self.chunk_mut(address);
        image.kinds = chunk.kinds.replace(address.slot(), None);
        image.evidence = chunk.evidence.replace(address.slot(), None);
        Arc::make_mut(&mut self.state)
            .ids
            .remove(id_hash(image.id), address);
        self.vacate(address);
        Ok((image, old))
    }

    /// Replaces a node's content and answers what was there.
    fn replace_content(&mut self, address: Address, content: Content) -> Content {
        let slot = address.slot();
        let chunk = self.chunk_mut(address);
        let source = Source::of_code(*chunk.source.get(slot)).expect("codes are checked at entry");
        let bits = || Box::new(chunk.fingerprint(slot).clone());
        let fingerprint = match source {
            Source::Given => Bits::Given(bits()),
            Source::Vector => Bits::Vector(bits()),
            Source::Content | Source::Edge => Bits::Encoded,
        };
        *chunk.source.get_mut(slot) = content.fingerprint.source() as u8;
        if let Some(given) = content.fingerprint.given() {
            chunk.set_fingerprint(slot, given);
        }
        let fields = content.fields.filter(|fields| !fields.is_empty());
        let old = Content {
            value: chunk.value.replace(slot, content.value),
            fields: chunk.fields.replace(slot, fields),
            fingerprint,
        };
        self.content_changed(address);
        old
    }

    /// The fingerprint of `address`, if derived, and those of its reified edges are to be encoded
    /// anew.
    fn content_changed(&mut self, address: Address) {
        let slot = address.slot();
        let chunk = self.chunk_mut(address);
        if *chunk.source.get(slot) == Source::Content as u8 {
            chunk.pending.set(slot, true);
        }
        if chunk.bound.contains(slot) {
            for address in self.reified_at(address) {
                self.edge_changed(address);
            }
        }
    }

    /// The addresses of the reified edges that begin or end at a node.
    fn reified_at(&self, address: Address) -> Vec<Address> {
        let graph = self.state.graph();
        let edge = |link: super::graph::EdgeLink| graph.get(link.source, link.id)?.address;
        graph
            .incident(address)
            .into_iter()
            .filter_map(edge)
            .collect()
    }

    /// A reified edge's fingerprint is to be encoded anew. Its stamp counts changes of its ends, so
    /// that an encoding begun before is not installed.
    fn edge_changed(&mut self, address: Address) {
        let chunk = self.chunk_mut(address);
        chunk.pending.set(address.slot(), true);
        *chunk.version.get_mut(address.slot()) += 1;
    }

    fn replace_name(
        &mut self,
        address: Address,
        name: Option<Arc<[u8]>>,
        version: u64,
    ) -> Option<Arc<[u8]>> {
        let new_hash = name.as_ref().map(|name| self.state.name_hash(name));
        let slot = address.slot();
        // The entry goes while its key still stands in the column.
        let old_hash = self
            .chunk_mut(address)
            .name
            .get(slot)
            .clone()
            .map(|old| self.state.name_hash(&old));
        if let Some(hash) = old_hash {
            Arc::make_mut(&mut self.state).names.remove(hash, address);
        }
        let chunk = self.chunk_mut(address);
        let old = chunk.name.replace(slot, name);
        let unvalued = chunk.value.get(slot).is_none() && chunk.fields.get(slot).is_none();
        if let Some(hash) = new_hash {
            Arc::make_mut(&mut self.state).insert_name(hash, address);
        }
        for hash in [old_hash, new_hash].into_iter().flatten() {
            let changed = &mut self.names_changed[hash as usize % NAME_GROUPS];
            *changed = version.max(*changed);
        }
        if unvalued {
            // The fingerprint of a node that says nothing is that of its name.
            self.content_changed(address);
        }
        old
    }

    fn replace_expiry(&mut self, address: Address, expires: i64) -> i64 {
        let old = *self.chunk_mut(address).expires.get(address.slot());
        if old != expires {
            *self.chunk_mut(address).expires.get_mut(address.slot()) = expires;
            self.expiries.remove(&(old, address));
            if expires != NEVER {
                self.expiries.insert((expires, address));
            }
        }
        old
    }

    fn relocate(&mut self, from: Address, to: Address, version: u64) -> Result<u64, Misfit> {
        if self.node(from)?.expires().is_some() && to.zone() != Zone::Fluid {
            return misfit(to, "no expiry outside the fluid zone");
        }
        self.occupy(to)?;
        let source = Arc::clone(self.state.chunk(from.prefix()).expect("a node's chunk"));
        let target = self.chunk_mut(to);
        let (old_slot, new_slot) = (from.slot(), to.slot());
        if source.pending.contains(old_slot) {
            target.pending.set(new_slot, true);
        } else {
            target.set_fingerprint(new_slot, source.fingerprint(old_slot));
        }
        target.bound.set(new_slot, source.bound.contains(old_slot));
        macro_rules! carry {
            ($($column:ident),*) => {
                $(*target.$column.get_mut(new_slot) = source.$column.get(old_slot).clone();)*
            };
        }
        carry!(
            id,
            frequency,
            confidence,
            qualia,
            rung,
            depth,
            parent,
            first_child
        );
        carry!(
            next_sibling,
            previous_sibling,
            created,
            promotion,
            source,
            name,
            value,
            fields,
            kinds,
            evidence
        );
        *target.version.get_mut(new_slot) = version;
        *target.expires.get_mut(new_slot) = NEVER;
        let id = *source.id.get(old_slot);
        let old = *source.version.get(old_slot);
        let name_hash = source
            .name
            .get(old_slot)
            .as_ref()
            .map(|name| self.state.name_hash(name));
        drop(source);

        self.accesses.set(to, self.accesses.get(from));
        self.redirect_siblings(to, from);
        let state = Arc::make_mut(&mut self.state);
        state.ids.relocate(id_hash(id), from, to);
        if let Some(hash) = name_hash {
            state.names.relocate(hash, from, to);
        }
        state.graph.relocate(from, to);
        let expires = self.replace_expiry(from, NEVER);
        self.replace_expiry(to, expires);
        let chunk = self.chunk_mut(from);
        *chunk.name.get_mut(old_slot) = None;
        *chunk.value.get_mut(old_slot) = None;
        *chunk.fields.get_mut(old_slot) = None;
        *chunk.kinds.get_mut(old_slot) = None;
        *chunk.evidence.get_mut(old_slot) = None;
        self.vacate(from);
        Ok(old)
    }

    /// Lets whoever pointed to `from` in the tree's lists point to `address`, which carries them.
    fn redirect_siblings(&mut self, address: Address, from: Address) {
        let chunk = self.chunk_mut(address);
        let slot = address.slot();
        let next = *chunk.next_sibling.get(slot);
        let previous = *chunk.previous_sibling.get(slot);
        let parent = *chunk.parent.get(slot);
        if next != 0 {
            let next = Address(next);
            *self.chunk_mut(next).previous_sibling.get_mut(next.slot()) = address.0;
        }
        if previous != 0 {
            let previous = Address(previous);
            *self
                .chunk_mut(previous)
                .next_sibling
                .get_mut(previous.slot()) = address.0;
        } else if let Some(parent) = self.state.find_id(parent) {
            let first = self.chunk_mut(parent).first_child.get_mut(parent.slot());
            debug_assert_eq!(*first, from.0);
            *first = address.0;
        }
    }

    fn replace_parent(&mut self, address: Address, parent: Option<Address>) -> Option<Address> {
        let slot = address.slot();
        let old = self.state.node(address).and_then(Node::parent);
        let old = old.and_then(|id| self.state.find_id(id));
        let chunk = self.chunk_mut(address);
        let next = chunk.next_sibling.replace(slot, 0);
        let previous = chunk.previous_sibling.replace(slot, 0);
        if next != 0 {
            let next = Address(next);
            *self.chunk_mut(next).previous_sibling.get_mut(next.slot()) = previous;
        }
        if previous != 0 {
            let previous = Address(previous);
            *self
                .chunk_mut(previous)
                .next_sibling
                .get_mut(previous.slot()) = next;
        } else if let Some(old) = old {
            *self.chunk_mut(old).first_child.get_mut(old.slot()) = next;
        }

        let (mut parent_id, mut depth) = (0, 0);
        if let Some(parent) = parent {
            let chunk = self.chunk_mut(parent);
            let first = chunk.first_child.replace(parent.slot(), address.0);
            parent_id = *chunk.id.get(parent.slot());
            depth = chunk.depth.get(parent.slot()).saturating_add(1);
            *self.chunk_mut(address).next_sibling.get_mut(slot) = first;
            if first != 0 {
                let first = Address(first);
                *self.chunk_mut(first).previous_sibling.get_mut(first.slot()) = address.0;
            }
        }
        *self.chunk_mut(address).parent.get_mut(slot) = parent_id;
        self.set_depth(address, depth);
        old
    }

    /// Sets the depth of a node and of everything below it.
    fn set_depth(&mut self, address: Address, depth: u8) {
        let mut stack = vec![(address, depth)];
        while let Some((address, depth)) = stack.pop() {
            let chunk = self.chunk_mut(address);
            if chunk.depth.replace(address.slot(), depth) == depth {
                continue;
            }
            let view = View::of(&self.state, i64::MIN);
            let children = view.node(address).map(|node| view.children(node));
            let below = depth.saturating_add(1);
            stack.extend(
                children
                    .into_iter()
                    .flatten()
                    .map(|child| (child.address(), below)),
            );
        }
    }

    fn link(&mut self, mut edge: Edge, version: u64) -> Result<(), Misfit> {
        self.node(edge.source)?;
        self.node(edge.target)?;
        if self.state.verbs().name(edge.verb).is_none() {
            return misfit(edge.source, "a verb that is defined");
        }
        if self.state.graph().link(edge.id).is_some() {
            return misfit(edge.source, "an edge id that is not in use");
        }
        edge.version = version;
        if let Some(address) = edge.address {
            if address.zone() != Zone::Fluid {
                return misfit(address, "an address of the fluid zone for a reified edge");
            }
            self.occupy(address)?;
            let slot = address.slot();
            let chunk = self.chunk_mut(address);
            chunk.edges.set(slot, true);
            chunk.pending.set(slot, true);
            *chunk.id.get_mut(slot) = edge.id;
            *chunk.source.get_mut(slot) = Source::Edge as u8;
            *chunk.version.get_mut(slot) += 1;
            *chunk.parent.get_mut(slot) = 0;
            *chunk.first_child.get_mut(slot) = 0;
            *chunk.expires.get_mut(slot) = NEVER;
            for end in [edge.source, edge.target] {
                self.chunk_mut(end).bound.set(end.slot(), true);
            }
        }
        let inserted = Arc::make_mut(&mut self.state).graph.insert(edge);
        inserted.expect("the id was just found to be free");
        Ok(())
    }

    fn unlink(&mut self, source: Address, id: u64) -> Result<Edge, Misfit> {
        if self
            .state
            .graph()
            .link(id)
            .is_none_or(|link| link.source != source)
        {
            return misfit(source, "an edge with this id that begins here");
        }
        let removed = Arc::make_mut(&mut self.state).graph.remove(source, id);
        let edge = removed.expect("the edge was just found");
        if let Some(address) = edge.address {
            self.vacate(address);
            for end in [edge.source, edge.target] {
                let bound = !self.reified_at(end).is_empty();
                self.chunk_mut(end).bound.set(end.slot(), bound);
            }
        }
        Ok(edge)
    }

    fn update_edge(&mut self, edge: Edge, version: u64) -> Result<Edge, Misfit> {
        let old = self.state.graph().get(edge.source, edge.id);
        let Some(old) = old.filter(|old| old.link() == edge.link() && old.address == edge.address)
        else {
            return misfit(
                edge.source,
                "the same edge, with other weight, truth or properties",
            );
        };
        Arc::make_mut(&mut self.state)
            .graph
            .update(edge.source, edge.id, |attributes| {
                attributes.weight = edge.weight;
                attributes.frequency = edge.frequency;
                attributes.confidence = edge.confidence;
                attributes.evidence = edge.evidence;
                attributes.properties = edge.properties;
                attributes.version = version;
            });
        Ok(old)
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
        chunk.frequency.replace(slot, truth.frequency()),
        chunk.confidence.replace(slot, truth.confidence()),
    )
    .expect("truths are checked where they enter");
    (old, chunk.evidence.replace(slot, evidence))
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
