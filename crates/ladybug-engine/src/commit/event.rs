//! What a commit did to named nodes, for those who are told of it: keyspace notifications.
//!
//! Nodes that expired or were evicted are always told. All else only where it is asked for, by
//! [`Transaction::report`](super::transaction::Transaction::report): a Redis command knows itself what its event is
//! called; a transaction, a merge or a statement of a query language does not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::transaction::SpaceId;
use crate::space::address::Address;
use crate::space::chunk::NEVER;
use crate::space::mutation::{Inverse, Mutation};
use crate::space::state::View;

/// Something that happened to a named node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeEvent {
    /// In which space.
    pub space: SpaceId,
    /// The node's name.
    pub name: Arc<[u8]>,
    /// What.
    pub kind: NodeEventKind,
}

/// What can happen to a node, as far as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeEventKind {
    /// Its time was up.
    Expired,
    /// A full zone evicted it.
    Evicted,
    /// It came into being.
    Created,
    /// Somebody removed it.
    Removed,
    /// Its value was written.
    ValueSet,
    /// Fields of it were written.
    FieldsSet,
    /// Fields of it were removed.
    FieldsRemoved,
    /// It was told when to expire.
    ExpirySet,
    /// It was told to stay.
    ExpiryCleared,
    /// It gave up this name for another.
    RenamedFrom,
    /// It took this name.
    RenamedTo,
}

/// The names of nodes by address, walked from the end of a commit to its beginning.
struct Names<'a> {
    end: View<'a>,
    /// Where it was not as at the end, and where the node that was there is at the end.
    earlier: HashMap<Address, Then>,
}

#[derive(Clone)]
struct Then {
    name: Option<Arc<[u8]>>,
    at_end: Option<Address>,
}

impl Names<'_> {
    fn then(&self, address: Address) -> Then {
        if let Some(then) = self.earlier.get(&address) {
            return then.clone();
        }
        let node = self.end.state.node(address);
        Then {
            name: node.and_then(|node| node.name().cloned()),
            at_end: Some(address),
        }
    }
}

/// What a commit to a space did to its named nodes, in the order in which it did it, each thing once: read from
/// how the commit would be taken back, and from how the space is after it.
pub(super) fn of_commit(space: SpaceId, end: View<'_>, inverses: &[Inverse]) -> Vec<NodeEvent> {
    use NodeEventKind as Kind;
    let mut names = Names {
        end,
        earlier: HashMap::new(),
    };
    let mut events = Vec::new();
    let mut tell = |name: Option<Arc<[u8]>>, kind| {
        let event = |name| NodeEvent { space, name, kind };
        events.extend(name.map(event));
    };
    for inverse in inverses.iter().rev() {
        match &inverse.mutation {
            Mutation::Insert { address, node } => {
                tell(node.name.clone(), Kind::Removed);
                let then = Then {
                    name: node.name.clone(),
                    at_end: None,
                };
                names.earlier.insert(*address, then);
            }
            Mutation::Remove { address } => {
                let made = names.then(*address);
                let node = made.at_end.and_then(|at| end.state.node(at));
                // What it says came with it.
                let has_value = node.is_some_and(|node| node.value().is_some());
                let has_fields = node.is_some_and(|node| node.fields().is_some());
                let expires = node.is_some_and(|node| node.expires().is_some());
                tell(made.name.clone().filter(|_| expires), Kind::ExpirySet);
                tell(made.name.clone().filter(|_| has_fields), Kind::FieldsSet);
                tell(made.name.clone().filter(|_| has_value), Kind::ValueSet);
                tell(made.name, Kind::Created);
                let nobody = Then {
                    name: None,
                    at_end: None,
                };
                names.earlier.insert(*address, nobody);
            }
            Mutation::Relocate { from, to } => {
                let moved = names.then(*from);
                names.earlier.insert(*to, moved);
                let nobody = Then {
                    name: None,
                    at_end: None,
                };
                names.earlier.insert(*from, nobody);
            }
            Mutation::Rename { address, name } => {
                let mut then = names.then(*address);
                tell(then.name, Kind::RenamedTo);
                tell(name.clone(), Kind::RenamedFrom);
                then.name = name.clone();
                names.earlier.insert(*address, then);
            }
            Mutation::SetContent { address, content } => {
                let then = names.then(*address);
                let node = then.at_end.and_then(|at| end.state.node(at));
                let (value, fields) =
                    node.map_or((None, None), |node| (node.value(), node.fields()));
                if fields != content.fields.as_ref() {
                    let kind = match fields {
                        Some(_) => Kind::FieldsSet,
                        None => Kind::FieldsRemoved,
                    };
                    tell(then.name.clone(), kind);
                }
                if value != content.value.as_ref() {
                    tell(then.name, Kind::ValueSet);
                }
            }
            Mutation::SetField { address, name, .. } => {
                let then = names.then(*address);
                let node = then.at_end.and_then(|at| end.state.node(at));
                let fields = node.and_then(|node| node.fields());
                let kind = match fields.and_then(|fields| fields.get(name)) {
                    Some(_) => Kind::FieldsSet,
                    None => Kind::FieldsRemoved,
                };
                tell(then.name, kind);
            }
            Mutation::SetExpiry { address, .. } => {
                let then = names.then(*address);
                let node = then.at_end.and_then(|at| end.state.node(at));
                let expires = node.and_then(|node| node.expires());
                let kind = match expires.unwrap_or(NEVER) {
                    NEVER => Kind::ExpiryCleared,
                    _ => Kind::ExpirySet,
                };
                tell(then.name, kind);
            }
            Mutation::SetKinds { .. }
            | Mutation::SetTruth { .. }
            | Mutation::SetQualia { .. }
            | Mutation::SetRung { .. }
            | Mutation::SetPromotion { .. }
            | Mutation::SetParent { .. }
            | Mutation::Link { .. }
            | Mutation::Unlink { .. }
            | Mutation::UpdateEdge { .. }
            | Mutation::DefineVerb { .. }
            | Mutation::DefineWord { .. } => {}
        }
    }
    events.reverse();
    let mut told = HashSet::new();
    events.retain(|event| told.insert(event.clone()));
    events
}
