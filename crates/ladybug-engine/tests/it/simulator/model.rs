//! What the memory should be: plain maps by id, that know nothing of addresses, chunks and inverses.

use std::collections::BTreeMap;
use std::sync::Arc;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::derive::bind_edge;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::verbs::BUILT_IN;

/// An id of a node or an edge.
pub type Id = u64;

/// Fields in their order.
pub type Fields = Vec<(Vec<u8>, FieldValue)>;

/// Where a fingerprint comes from.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Bits {
    #[default]
    Encoded,
    Given(Fingerprint),
    Vector(Fingerprint),
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub name: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub fields: Fields,
    pub bits: Bits,
    pub kinds: Vec<String>,
    pub truth: (f32, f32),
    pub evidence: Vec<Id>,
    pub qualia: [f32; 8],
    pub rung: u8,
    pub created: i64,
    pub expires: Option<i64>,
    pub promotion: u32,
    pub parent: Option<Id>,
    pub version: u64,
}

impl Node {
    pub fn is_live(&self, now: i64) -> bool {
        self.expires.is_none_or(|at| at > now)
    }

    pub fn set_field(&mut self, name: &[u8], value: Option<FieldValue>) {
        let at = self.fields.iter().position(|(there, _)| there == name);
        match (at, value) {
            (Some(at), Some(value)) => self.fields[at].1 = value,
            (Some(at), None) => drop(self.fields.remove(at)),
            (None, Some(value)) => self.fields.push((name.to_vec(), value)),
            (None, None) => {}
        }
    }

    /// What a search should see of it.
    pub fn fingerprint(&self) -> Fingerprint {
        match (&self.bits, &self.value) {
            (Bits::Given(bits) | Bits::Vector(bits), _) => bits.clone(),
            (Bits::Encoded, Some(value)) => encode::value(value),
            (Bits::Encoded, None) if self.fields.is_empty() => {
                encode::value(self.name.as_deref().unwrap_or_default())
            }
            (Bits::Encoded, None) => {
                let texts = self.fields.iter().map(|(name, value)| (name, value.text()));
                let texts: Vec<_> = texts.collect();
                encode::record(texts.iter().map(|(name, text)| (&name[..], &text[..])))
            }
        }
    }
}

/// An edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    pub source: Id,
    pub verb: String,
    pub target: Id,
    pub weight: f32,
    pub truth: (f32, f32),
    pub evidence: Vec<Id>,
    pub properties: Fields,
    pub reified: bool,
    pub version: u64,
}

/// A space.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Space {
    pub version: u64,
    pub committed: i64,
    pub nodes: BTreeMap<Id, Node>,
    pub edges: BTreeMap<Id, Edge>,
    /// Its own verbs.
    pub verbs: BTreeMap<u8, String>,
    /// Its own concepts and programs, by address: name and text.
    pub words: BTreeMap<u16, (String, String)>,
}

impl Space {
    /// The node under a name, expired or not.
    pub fn find(&self, name: &[u8]) -> Option<Id> {
        let named = |(_, node): &(&Id, &Node)| node.name.as_deref() == Some(name);
        self.nodes.iter().find(named).map(|(id, _)| *id)
    }

    /// The nodes that are visible at `now`.
    pub fn live(&self, now: i64) -> Vec<Id> {
        let live = self.nodes.iter().filter(|(_, node)| node.is_live(now));
        live.map(|(id, _)| *id).collect()
    }

    pub fn children(&self, id: Id) -> Vec<Id> {
        let children = self.nodes.iter().filter(|(_, n)| n.parent == Some(id));
        children.map(|(id, _)| *id).collect()
    }

    /// A node and all below it.
    pub fn subtree(&self, id: Id) -> Vec<Id> {
        let mut all = vec![id];
        let mut at = 0;
        while at < all.len() {
            all.extend(self.children(all[at]));
            at += 1;
        }
        all
    }

    /// Steps to the root.
    pub fn depth(&self, id: Id) -> usize {
        std::iter::successors(self.nodes[&id].parent, |id| self.nodes[id].parent).count()
    }

    /// Removes a node with its edges; its children become roots, which changes them.
    pub fn remove(&mut self, id: Id, version: u64) {
        for child in self.children(id) {
            let child = self.nodes.get_mut(&child).expect("a child");
            child.parent = None;
            child.version = version;
        }
        self.edges
            .retain(|_, edge| edge.source != id && edge.target != id);
        self.nodes.remove(&id);
    }

    /// The verb of a slot.
    pub fn verb(&self, slot: u8) -> Option<&str> {
        let built_in = BUILT_IN.get(usize::from(slot)).map(|word| word.name);
        built_in.or_else(|| self.verbs.get(&slot).map(|name| &name[..]))
    }

    /// The fingerprint of a reified edge.
    pub fn edge_fingerprint(&self, edge: &Edge) -> Fingerprint {
        let end = |id| self.nodes[id].fingerprint();
        let verb = encode::text(&edge.verb);
        bind_edge(&end(&edge.source), &verb, &end(&edge.target))
    }
}

/// Everything, after some commit.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub spaces: BTreeMap<SpaceId, Arc<Space>>,
    pub names: BTreeMap<String, SpaceId>,
    /// The highest version given out for each space, also to commits that a failing log took back.
    pub version_max: BTreeMap<SpaceId, u64>,
    /// The highest id given out, also to what was taken back before anybody saw it.
    pub id_max: Id,
    /// The highest id ever seen: it must not come again, restart or not.
    pub id_seen: Id,
}

impl Memory {
    /// A space, empty if it was never written.
    pub fn space(&self, id: SpaceId) -> Arc<Space> {
        self.spaces.get(&id).cloned().unwrap_or_default()
    }

    /// A commit shows what is there now.
    pub fn reveal(&mut self) {
        for space in self.spaces.values() {
            let ids = space.nodes.keys().chain(space.edges.keys());
            self.id_seen = ids.copied().max().unwrap_or(0).max(self.id_seen);
        }
    }

    pub fn space_mut(&mut self, id: SpaceId) -> &mut Space {
        Arc::make_mut(self.spaces.entry(id).or_default())
    }
}
