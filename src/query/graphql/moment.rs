//! A moment that nodes and edges are read at: the request's snapshot, a state of the past, or what a mutation has made
//! of its transaction so far.

use std::sync::{Arc, OnceLock};

use async_graphql::Value;
use ladybug_engine::commit::history::Mark;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Snapshot};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::derive;
use ladybug_engine::space::graph::EdgeLink;
use ladybug_engine::space::state::{State, View};

use super::Seen;

/// One moment of a space.
pub struct Moment {
    /// The space as it was, its fingerprints as they were; of the zone that is read, if one is.
    pub snapshot: Snapshot,
    /// Which version that is, or will be.
    pub mark: Mark,
    /// The same with all zones.
    whole: Arc<State>,
    /// The same with every fingerprint, once a search has asked for them.
    encoded: OnceLock<Snapshot>,
    /// What the transaction began with, if this is a moment in one.
    base: Option<Arc<State>>,
}

impl Moment {
    /// A moment that is committed.
    pub fn new(snapshot: Snapshot) -> Self {
        let state = &snapshot.state;
        Self {
            mark: Mark {
                version: state.version(),
                committed: state.committed(),
                position: snapshot.position,
            },
            whole: Arc::clone(state),
            snapshot,
            encoded: OnceLock::new(),
            base: None,
        }
    }

    /// What a document is to see.
    pub fn seen(seen: Seen) -> Self {
        Self {
            mark: seen.mark,
            base: seen.base,
            ..Self::new(seen.snapshot)
        }
        .of_zone(seen.zone)
    }

    /// The same, of a zone only.
    pub fn of_zone(mut self, zone: Option<Zone>) -> Self {
        if let Some(zone) = zone {
            self.snapshot.state = Arc::new(self.whole.within(&zone.prefixes()));
        }
        self
    }

    /// A moment in a transaction that began with `base`.
    pub fn within(snapshot: Snapshot, base: Arc<State>) -> Self {
        Self {
            base: Some(base),
            ..Self::new(snapshot)
        }
    }

    /// What is there.
    pub fn view(&self) -> View<'_> {
        self.snapshot.view()
    }

    /// All zones.
    pub fn whole(&self) -> &State {
        &self.whole
    }

    /// The children of a node, by address.
    pub fn children(&self, node: Node<'_>) -> Vec<Address> {
        // The chain of children leads through other zones.
        let all = View::of(&self.whole, self.snapshot.now).children(node);
        let there = all.map(|child| child.address());
        let mut there: Vec<_> = there
            .filter(|child| self.view().node(*child).is_some())
            .collect();
        there.sort_unstable();
        there
    }

    /// What its transaction began with, if it is in one.
    pub fn base(&self) -> Option<&State> {
        self.base.as_deref()
    }

    /// Whether it is one in a transaction, whose reads its commit validates.
    pub fn is_private(&self) -> bool {
        self.base.is_some()
    }

    /// The snapshot with every fingerprint, for a search.
    pub fn encoded(&self, engine: &Engine, space: SpaceId) -> &Snapshot {
        self.encoded
            .get_or_init(|| engine.encoded(space, &self.snapshot))
    }

    /// The fingerprint of one node.
    pub fn fingerprint(&self, node: Node<'_>) -> Fingerprint {
        let encoded = node.fingerprint().cloned();
        encoded.unwrap_or_else(|| derive::derive(&self.snapshot.state, node))
    }

    /// The version that last changed a node. That of a commit to come is told by the commit.
    pub fn version_of(&self, node: Node<'_>) -> Value {
        match &self.base {
            Some(base) if node.version() > base.version() => ToCome::Version(node.id()).mark(),
            _ => node.version().to_string().into(),
        }
    }

    /// Where a node lives. A commit may have to give another address than its transaction had.
    pub fn address_of(&self, node: Node<'_>) -> Value {
        match &self.base {
            Some(base) if base.find_id(node.id()) != Some(node.address()) => {
                ToCome::Address(node.id(), node.address()).mark()
            }
            _ => node.address().to_string().into(),
        }
    }

    /// Where a reified edge lives.
    pub fn address_of_edge(&self, link: EdgeLink) -> Option<Value> {
        let there = |state: &State| state.graph().get(link.source, link.id)?.address;
        let address = there(&self.snapshot.state)?;
        match &self.base {
            Some(base) if there(base) != Some(address) => {
                Some(ToCome::EdgeAddress(link.id, address).mark())
            }
            _ => Some(address.to_string().into()),
        }
    }
}

/// What only the commit can tell: it stands in the answer as bytes, which no other value there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToCome {
    /// The version that last changed a node.
    Version(u64),
    /// The address of a node, which in the transaction was this.
    Address(u64, Address),
    /// The address of an edge, which in the transaction was this.
    EdgeAddress(u64, Address),
}

impl ToCome {
    /// As it stands in an answer.
    fn mark(self) -> Value {
        let (kind, id, address) = match self {
            Self::Version(id) => (0, id, Address(0)),
            Self::Address(id, address) => (1, id, address),
            Self::EdgeAddress(id, address) => (2, id, address),
        };
        let mut bytes = vec![kind];
        bytes.extend(id.to_le_bytes());
        bytes.extend(address.0.to_le_bytes());
        Value::Binary(bytes.into())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let (id, address) = rest.split_first_chunk::<8>()?;
        let id = u64::from_le_bytes(*id);
        let address = Address(u16::from_le_bytes(address.try_into().ok()?));
        Some(match kind {
            0 => Self::Version(id),
            1 => Self::Address(id, address),
            _ => Self::EdgeAddress(id, address),
        })
    }

    /// What a state says of that version. Of a node that the same document removed again: what the transaction said.
    fn told(self, state: &State, version: u64) -> String {
        match self {
            Self::Version(id) => {
                let node = state.find_id(id).and_then(|address| state.node(address));
                node.map_or(version, |node| node.version()).to_string()
            }
            Self::Address(id, address) => state.find_id(id).unwrap_or(address).to_string(),
            Self::EdgeAddress(id, address) => {
                let graph = state.graph();
                let edge = graph.link(id).and_then(|link| graph.get(link.source, id));
                let told = edge.and_then(|edge| edge.address);
                told.unwrap_or(address).to_string()
            }
        }
    }

    /// Has a state, which is that of the version, tell all that is to come in an answer.
    pub fn tell(answer: &mut Value, state: &State, version: u64) {
        match answer {
            Value::Binary(bytes) => {
                if let Some(to_come) = Self::read(bytes) {
                    *answer = to_come.told(state, version).into();
                }
            }
            Value::List(items) => items
                .iter_mut()
                .for_each(|item| Self::tell(item, state, version)),
            Value::Object(fields) => fields
                .values_mut()
                .for_each(|value| Self::tell(value, state, version)),
            _ => {}
        }
    }
}
