//! Nodes: how they come, go, move, and change what they say.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Misfit, Space, check_expiry, check_name, misfit, replace_truth};
use crate::space::access::Access;
use crate::space::address::{Address, Zone};
use crate::space::chunk::{NEVER, Source};
use crate::space::mutation::{Bits, Content, NodeImage};
use crate::space::state::{View, id_hash};

const ITS_CHUNK: &str = "invariant: a node's chunk is there";

impl Space {
    pub(super) fn insert(
        &mut self,
        address: Address,
        node: NodeImage,
        version: u64,
    ) -> Result<(), Misfit> {
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
        chunk.qualia.set(slot, node.qualia.values());
        chunk.rung.set(slot, node.rung);
        chunk.depth.set(slot, 0);
        chunk.parent.set(slot, 0);
        chunk.first_child.set(slot, 0);
        *chunk.created.get_mut(slot) = node.created;
        chunk.promotion.set(slot, node.promotion);
        chunk.expires.set(slot, NEVER);
        *chunk.version.get_mut(slot) = version;
        chunk.put_kinds(slot, node.kinds);
        replace_truth(chunk, slot, node.truth, node.evidence);
        self.replace_content(address, node.content);
        self.replace_name(address, node.name);
        self.replace_expiry(address, node.expires);
        Arc::make_mut(&mut self.state).insert_id(node.id, address);
        Ok(())
    }

    pub(super) fn remove(&mut self, address: Address) -> Result<(NodeImage, u64), Misfit> {
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
        image.name = self.replace_name(address, None);
        image.expires = self.replace_expiry(address, NEVER);
        image.content = self.replace_content(address, Content::default());
        let chunk = self.chunk_mut(address);
        image.kinds = chunk.kinds.put(address.slot(), None);
        image.evidence = chunk.evidence.put(address.slot(), None);
        Arc::make_mut(&mut self.state)
            .ids
            .remove(id_hash(image.id), address);
        self.vacate(address);
        Ok((image, old))
    }

    /// Replaces a node's content and answers what was there.
    pub(super) fn replace_content(&mut self, address: Address, content: Content) -> Content {
        let slot = address.slot();
        let chunk = self.chunk_mut(address);
        let source = Source::of_code(*chunk.source.get(slot)).expect("codes are checked at entry");
        // As they were given, though the memory may be damaged since.
        let bits = || {
            let whole = chunk.whole(slot).map(Cow::into_owned);
            Box::new(whole.unwrap_or_else(|| chunk.fingerprint(slot).clone()))
        };
        let fingerprint = match source {
            Source::Given => Bits::Given(bits()),
            Source::Vector => Bits::Vector(bits()),
            Source::Content | Source::Edge => Bits::Encoded,
        };
        chunk.source.set(slot, content.fingerprint.source() as u8);
        match &content.fingerprint {
            Bits::Encoded => {}
            Bits::Given(given) | Bits::Vector(given) => chunk.set_fingerprint(slot, given),
            Bits::Staged(staged) => staged.put(chunk, slot),
        }
        let fields = content.fields.filter(|fields| !fields.is_empty());
        let old = Content {
            value: chunk.value.put(slot, content.value),
            fields: chunk.fields.put(slot, fields),
            fingerprint,
        };
        self.content_changed(address);
        old
    }

    /// The fingerprint of `address`, if derived, and those of its reified edges are to be encoded
    /// anew.
    pub(super) fn content_changed(&mut self, address: Address) {
        let slot = address.slot();
        let chunk = self.state.chunk(address.prefix()).expect(ITS_CHUNK);
        let is_bound = chunk.bound.contains(slot);
        if *chunk.source.get(slot) == Source::Content as u8 {
            self.chunk_mut(address).pending.set(slot, true);
        }
        if is_bound {
            for address in self.reified_at(address) {
                self.edge_changed(address);
            }
        }
    }

    pub(super) fn replace_name(
        &mut self,
        address: Address,
        name: Option<Arc<[u8]>>,
    ) -> Option<Arc<[u8]>> {
        let new_hash = name.as_ref().map(|name| self.state.name_hash(name));
        let slot = address.slot();
        // The entry goes while its key still stands in the column.
        let chunk = self.state.chunk(address.prefix()).expect(ITS_CHUNK);
        let old_name = chunk.name.get(slot).as_ref();
        let old_hash = old_name.map(|old| self.state.name_hash(old));
        if let Some(hash) = old_hash {
            Arc::make_mut(&mut self.state).names.remove(hash, address);
        }
        let chunk = self.chunk_mut(address);
        let old = chunk.name.put(slot, name);
        let unvalued = chunk.value.get(slot).is_none() && chunk.fields.get(slot).is_none();
        if let Some(hash) = new_hash {
            Arc::make_mut(&mut self.state).insert_name(hash, address);
        }
        if unvalued {
            // The fingerprint of a node that says nothing is that of its name.
            self.content_changed(address);
        }
        old
    }

    pub(super) fn replace_expiry(&mut self, address: Address, expires: i64) -> i64 {
        let chunk = self.state.chunk(address.prefix()).expect(ITS_CHUNK);
        let old = *chunk.expires.get(address.slot());
        if old != expires {
            self.chunk_mut(address).expires.set(address.slot(), expires);
            let expiries = Arc::make_mut(&mut self.expiries);
            expiries.remove(&(old, address));
            if expires != NEVER {
                expiries.insert((expires, address));
            }
        }
        old
    }

    pub(super) fn relocate(
        &mut self,
        from: Address,
        to: Address,
        version: u64,
    ) -> Result<u64, Misfit> {
        if self.node(from)?.expires().is_some() && to.zone() != Zone::Fluid {
            return misfit(to, "no expiry outside the fluid zone");
        }
        self.occupy(to)?;
        let source = Arc::clone(self.state.chunk(from.prefix()).expect(ITS_CHUNK));
        let target = self.chunk_mut(to);
        let (old_slot, new_slot) = (from.slot(), to.slot());
        if source.pending.contains(old_slot) {
            target.pending.set(new_slot, true);
        } else {
            target.take_fingerprint(new_slot, &source, old_slot);
        }
        target.bound.set(new_slot, source.bound.contains(old_slot));
        macro_rules! carry {
            ($method:ident: $($column:ident),*) => {
                $(target.$column.$method(new_slot, source.$column.get(old_slot).clone());)*
            };
        }
        carry!(set: id, frequency, confidence, qualia, rung, depth, parent, first_child);
        carry!(set: next_sibling, previous_sibling, created, promotion, source);
        carry!(put: name, value, fields, evidence);
        target.put_kinds(new_slot, source.kinds.get(old_slot).clone());
        *target.version.get_mut(new_slot) = version;
        target.expires.set(new_slot, NEVER);
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
        chunk.name.put(old_slot, None);
        chunk.value.put(old_slot, None);
        chunk.fields.put(old_slot, None);
        chunk.kinds.put(old_slot, None);
        chunk.evidence.put(old_slot, None);
        self.vacate(from);
        Ok(old)
    }
}
