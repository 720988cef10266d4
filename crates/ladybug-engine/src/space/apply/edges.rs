//! Edges, verbs and other words: what linking means for the graph, and for the slots of reified edges.

use std::sync::Arc;

use super::{Misfit, Space, misfit};
use crate::space::address::{Address, Zone};
use crate::space::chunk::{NEVER, Source};
use crate::space::graph::{Edge, EdgeLink};
use crate::space::verbs;
use crate::space::words::{self, Word};

impl Space {
    /// Whether an open slot can be filled with a verb, or freed.
    pub(super) fn fits_verb(&self, slot: u8, name: Option<&str>) -> Result<(), Misfit> {
        let at = verbs::address_of(slot);
        let verbs = self.state.verbs();
        if slot < verbs::OPEN_SLOT_FIRST {
            return misfit(at, "an open slot");
        }
        match name {
            // By the name of a built-in verb it may be: it was there before that was built in.
            Some(name) if verbs.name(slot).is_some() || verbs.own_slot(name).is_some() => {
                misfit(at, "a free slot, and a verb that has none")
            }
            None if self.state.graph().edges().any(|edge| edge.verb == slot) => {
                misfit(at, "a verb that no edge has")
            }
            _ => Ok(()),
        }
    }

    /// Whether an open slot of the surface can be filled with a word, or freed.
    pub(super) fn fits_word(&self, address: Address, word: Option<&Word>) -> Result<(), Misfit> {
        if !words::is_open(address) {
            return misfit(address, "an open slot");
        }
        let Some(word) = word else { return Ok(()) };
        let words = self.state.words();
        if !word.is_sound() {
            return misfit(
                address,
                "a word with a name, and a text of at most 65,536 bytes",
            );
        }
        match words.get(address).is_some() || words.find(address.prefix(), &word.name).is_some() {
            true => misfit(address, "a free slot, and a word that has none"),
            false => Ok(()),
        }
    }

    /// The addresses of the reified edges that begin or end at a node.
    pub(super) fn reified_at(&self, address: Address) -> Vec<Address> {
        let graph = self.state.graph();
        let edge = |link: EdgeLink| graph.get(link.source, link.id)?.address;
        graph
            .incident(address)
            .into_iter()
            .filter_map(edge)
            .collect()
    }

    /// A reified edge's fingerprint is to be encoded anew. Its stamp counts changes of its ends, so
    /// that an encoding begun before is not installed.
    pub(super) fn edge_changed(&mut self, address: Address) {
        let chunk = self.chunk_mut(address);
        chunk.pending.set(address.slot(), true);
        *chunk.version.get_mut(address.slot()) += 1;
    }

    pub(super) fn link(&mut self, mut edge: Edge, version: u64) -> Result<(), Misfit> {
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
            chunk.source.set(slot, Source::Edge as u8);
            *chunk.version.get_mut(slot) += 1;
            chunk.parent.set(slot, 0);
            chunk.first_child.set(slot, 0);
            chunk.expires.set(slot, NEVER);
            for end in [edge.source, edge.target] {
                self.chunk_mut(end).bound.set(end.slot(), true);
            }
        }
        let inserted = Arc::make_mut(&mut self.state).graph.insert(edge);
        inserted.expect("the id was just found to be free");
        Ok(())
    }

    pub(super) fn unlink(&mut self, source: Address, id: u64) -> Result<Edge, Misfit> {
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

    pub(super) fn update_edge(&mut self, edge: Edge, version: u64) -> Result<Edge, Misfit> {
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
