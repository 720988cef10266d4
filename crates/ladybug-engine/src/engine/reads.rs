//! What was read of a space at one moment, so that a commit can tell whether all of it still is so.
//!
//! Nodes are noted by id, name or address, edges by the node whose lists were looked at, and scans by what they looked
//! for: a node that came, went or changed is a conflict only for a scan that would have found it before or after.

use std::collections::{BTreeMap, BTreeSet};

use super::past::NodeRef;
use crate::commit::difference::changed_slots;
use crate::commit::history::{id_key, name_key};
use crate::commit::transaction::Transaction;
use crate::error::{Clash, EngineError};
use crate::space::address::{ADDRESSES, Address};
use crate::space::chunk::Node;
use crate::space::graph::Graph;
use crate::space::state::{State, View};

/// Most clashes that are told.
const CLASHES_MAX: usize = 16;

/// Whether a scan would find a node.
pub type Scan = Box<dyn Fn(Node<'_>) -> bool + Send>;

/// What must be at the commit as it was.
#[derive(Default)]
pub struct Reads {
    /// Nodes by id, with the version that was read.
    nodes: BTreeMap<u64, u64>,
    absent: BTreeSet<Absent>,
    /// Chunks that were scanned.
    prefixes: BTreeSet<u8>,
    /// Chunks whose outgoing edges were scanned.
    edge_prefixes: BTreeSet<u8>,
    /// The edges of a verb between two nodes, by ids.
    edges: BTreeMap<(u64, u8, u64), Vec<u64>>,
    /// Where nodes were read.
    places: Addresses,
    /// Whose lists of edges were read, in either direction.
    lists: Addresses,
    scans: Vec<Scan>,
}

/// What was looked for and not there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Absent {
    Name(Box<[u8]>),
    Id(u64),
    Address(Address),
}

impl Absent {
    fn node(&self) -> NodeRef<'_> {
        match self {
            Self::Name(name) => NodeRef::Name(name),
            Self::Id(id) => NodeRef::Id(*id),
            Self::Address(address) => NodeRef::Address(*address),
        }
    }
}

/// Some of a space's addresses, a bit each.
#[derive(Default)]
struct Addresses(Vec<u64>);

impl Addresses {
    fn insert(&mut self, address: Address) {
        let bit = address.index();
        if self.0.is_empty() {
            self.0.resize(ADDRESSES / 64, 0);
        }
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    fn contains(&self, address: Address) -> bool {
        let bit = address.index();
        self.0
            .get(bit / 64)
            .is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn extend(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Those of a chunk.
    fn of(&self, prefix: u8) -> impl Iterator<Item = Address> {
        (0..=u8::MAX)
            .map(move |slot| Address::new(prefix, slot))
            .filter(|address| self.contains(*address))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

impl Reads {
    /// How many nodes were read, or found missing.
    pub fn nodes_len(&self) -> usize {
        self.nodes.len() + self.absent.len() + self.places.len()
    }

    /// Remembers that a node, or that there is none, was read.
    pub fn note(&mut self, base: View<'_>, node: NodeRef<'_>) {
        let found = node.find(base.state).and_then(|address| base.node(address));
        match found {
            Some(found) => drop(self.nodes.insert(found.id(), found.version())),
            None => drop(self.absent.insert(match node {
                NodeRef::Name(name) => Absent::Name(name.into()),
                NodeRef::Id(id) => Absent::Id(id),
                NodeRef::Address(address) => Absent::Address(address),
            })),
        }
    }

    /// Remembers that the node at an address was read, if there was one; one that is made in the branch is not.
    pub fn note_place(&mut self, address: Address) {
        self.places.insert(address);
    }

    /// Remembers that the edges of the node at an address were read, and that there are no others.
    pub fn note_lists(&mut self, address: Address) {
        self.lists.insert(address);
    }

    /// Remembers that all nodes were read which a scan finds, and that there are no others.
    pub fn note_scan(&mut self, scan: Scan) {
        self.scans.push(scan);
    }

    /// Remembers that all nodes of some chunks were read, and that there are no others.
    pub fn note_chunks(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.prefixes.extend(prefixes);
    }

    /// Remembers that all edges that leave from some chunks were read, and that there are no others.
    pub fn note_edge_chunks(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.edge_prefixes.extend(prefixes);
    }

    /// Remembers which edges of a verb lead from a node to another, by ids.
    pub fn note_edges(&mut self, base: View<'_>, (from, verb, to): (u64, u8, u64)) {
        let edges = edges_between(base, from, verb, to);
        self.edges.insert((from, verb, to), edges);
    }

    /// Remembers all that others remember.
    pub fn extend(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.absent.extend(other.absent);
        self.prefixes.extend(other.prefixes);
        self.edge_prefixes.extend(other.edge_prefixes);
        self.edges.extend(other.edges);
        self.places.extend(&other.places);
        self.lists.extend(&other.lists);
        self.scans.extend(other.scans);
    }

    /// Whether all that was read of `base` still is so.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if it is not.
    pub fn validate(&self, base: &State, tx: &Transaction<'_>) -> Result<(), EngineError> {
        if tx.view().state.version() == base.version() {
            return Ok(());
        }
        let mut clashes = Vec::new();
        self.validate_nodes(tx, &mut clashes);
        self.validate_places(base, tx, &mut clashes);
        self.validate_edges(base, tx.view(), &mut clashes);
        clashes.truncate(CLASHES_MAX);
        match clashes.is_empty() {
            true => Ok(()),
            false => Err(EngineError::Conflict {
                clashes,
                hint: "the transaction had read it; nothing was changed, repeat the transaction",
            }),
        }
    }

    fn validate_nodes(&self, tx: &Transaction<'_>, clashes: &mut Vec<Clash>) {
        let live = tx.view();
        for (&id, &version) in &self.nodes {
            let node = live.state.find_id(id).and_then(|at| live.state.node(at));
            match node {
                Some(node) if node.version() == version => {}
                Some(node) => clashes.push(clash(place(node), node.version())),
                None => clashes.push(clash(format!("#{id}"), departed(tx, id_key(id)))),
            }
        }
        for absent in &self.absent {
            let node = absent.node().find(live.state);
            if let Some(node) = node.and_then(|at| live.node(at)) {
                clashes.push(clash(place(node), node.version()));
            }
        }
    }

    /// Chunks and places that were read, and what scans would find that they had not, or not any more.
    fn validate_places(&self, base: &State, tx: &Transaction<'_>, clashes: &mut Vec<Clash>) {
        if self.prefixes.is_empty() && self.places.is_empty() && self.scans.is_empty() {
            return;
        }
        let live = tx.view();
        for prefix in 0..=u8::MAX {
            let is_whole = self.prefixes.contains(&prefix);
            for slot in changed_slots(base.chunk(prefix), live.state.chunk(prefix)) {
                let at = Address::new(prefix, slot);
                let (before, after) = (node_at(base, at), node_at(live.state, at));
                let is_found = |node: Option<Node<'_>>| {
                    node.is_some_and(|node| self.scans.iter().any(|scan| scan(node)))
                };
                let was_read = is_whole
                    || (before.is_some() && self.places.contains(at))
                    || is_found(before)
                    || is_found(after);
                if !was_read {
                    continue;
                }
                let gone = || {
                    let name = before.and_then(|node| node.name());
                    let version = name.map(|name| departed(tx, name_key(name)));
                    clash(at.to_string(), version.unwrap_or(live.state.version()))
                };
                clashes.push(after.map_or_else(gone, |node| clash(place(node), node.version())));
            }
        }
    }

    fn validate_edges(&self, base: &State, live: View<'_>, clashes: &mut Vec<Clash>) {
        let (then, now) = (base.graph(), live.state.graph());
        for &prefix in &self.edge_prefixes {
            if !then.shares_edges_from(now, prefix)
                && !then.edges_from(prefix).eq(now.edges_from(prefix))
            {
                clashes.push(clash(
                    format!("an edge from chunk {prefix:02X}"),
                    live.state.version(),
                ));
            }
        }
        for (&(from, verb, to), edges) in &self.edges {
            if edges_between(live, from, verb, to) != *edges {
                clashes.push(clash(
                    format!("an edge from #{from} to #{to}"),
                    live.state.version(),
                ));
            }
        }
        if self.lists.is_empty() {
            return;
        }
        for prefix in 0..=u8::MAX {
            let is_same_from = then.shares_edges_from(now, prefix);
            let is_same_to = then.shares_edges_to(now, prefix);
            if is_same_from && is_same_to {
                continue;
            }
            for at in self.lists.of(prefix) {
                // What was made in the branch has nothing to compare with.
                let Some(node) = base.node(at) else {
                    continue;
                };
                let stamps = |graph: &Graph| {
                    let leaving = graph.outgoing(at, None).map(|edge| (edge.id, edge.version));
                    leaving.collect::<Vec<_>>()
                };
                let arriving = |graph: &Graph| {
                    let links = graph.incoming(at, None).map(|link| link.id);
                    links.collect::<Vec<_>>()
                };
                let is_same = (is_same_from || stamps(then) == stamps(now))
                    && (is_same_to || arriving(then) == arriving(now));
                if !is_same {
                    let of = format!("an edge of {}", place(node));
                    clashes.push(clash(of, live.state.version()));
                }
            }
        }
    }
}

/// The version in which what has a key went.
fn departed(tx: &Transaction<'_>, key: u64) -> u64 {
    let departed = tx.history().last_departure(key);
    departed.unwrap_or(tx.view().state.version())
}

/// The node at an address; a reified edge is none.
fn node_at(state: &State, address: Address) -> Option<Node<'_>> {
    state.node(address).filter(|node| !node.is_edge())
}

fn clash(place: String, version: u64) -> Clash {
    Clash { place, version }
}

fn place(node: Node<'_>) -> String {
    match node.name() {
        Some(name) => format!("{} '{}'", node.address(), String::from_utf8_lossy(name)),
        None => node.address().to_string(),
    }
}

/// The ids of the edges of a verb from one node to another, ascending.
fn edges_between(view: View<'_>, from: u64, verb: u8, to: u64) -> Vec<u64> {
    let end = |id| view.state.find_id(id);
    match (end(from), end(to)) {
        (Some(from), Some(to)) => view.state.graph().find(from, verb, to).collect(),
        _ => Vec::new(),
    }
}
