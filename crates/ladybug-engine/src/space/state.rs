//! A space's state as readers see it: a tree of `Arc`s under one root.
//!
//! Cloning the root's `Arc` is a snapshot. How it changes is in `apply`.

use std::ops::RangeInclusive;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::access::{Access, Accesses};
use super::address::{Address, CHUNKS, Zone};
use super::chunk::{Chunk, NEVER, Node};
use super::directory::Directory;
use super::graph::Graph;
use super::verbs::Verbs;
use super::words::Words;

/// The chunks of a space, by prefix; those in use.
type Chunks = [Option<Arc<Chunk>>; CHUNKS];

/// Everything a space holds at one version.
#[derive(Clone)]
pub struct State {
    pub(super) chunks: Chunks,
    pub(super) names: Directory,
    pub(super) ids: Directory,
    pub(super) graph: Graph,
    pub(super) verbs: Arc<Verbs>,
    pub(super) words: Arc<Words>,
    pub(super) version: u64,
    pub(super) committed: i64,
    /// Occupied addresses: fluid, node.
    pub(super) population: [usize; 2],
    /// Key of the hash that orders names; the same for the life of a process.
    pub(super) hash_key: u64,
}

impl State {
    /// An empty space. `hash_key` orders names in scans and spreads them over shards; pick it at
    /// random so that nobody can choose names that collide.
    pub fn new(hash_key: u64) -> Self {
        Self {
            chunks: std::array::from_fn(|_| None),
            names: Directory::default(),
            ids: Directory::default(),
            graph: Graph::default(),
            verbs: Arc::default(),
            words: Arc::default(),
            version: 0,
            committed: 0,
            population: [0; 2],
            hash_key,
        }
    }

    /// The same without what lives at other prefixes: neither those nodes are there, nor edges that have an end
    /// among them.
    pub fn within(&self, prefixes: &RangeInclusive<u8>) -> Self {
        let mut within = self.clone();
        for (prefix, chunk) in (0..=u8::MAX).zip(&mut within.chunks) {
            if !prefixes.contains(&prefix) {
                *chunk = None;
            }
        }
        within
    }

    /// The number of the last commit that changed something.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When that commit was made, microseconds since the epoch.
    pub fn committed(&self) -> i64 {
        self.committed
    }

    /// The node at an address, expired or not; reified edges too.
    pub fn node(&self, address: Address) -> Option<Node<'_>> {
        let chunk = self.chunk(address.prefix())?;
        chunk
            .occupied
            .contains(address.slot())
            .then(|| Node::new(chunk, address))
    }

    /// A chunk, if it was ever used.
    pub fn chunk(&self, prefix: u8) -> Option<&Arc<Chunk>> {
        self.chunks[prefix as usize].as_ref()
    }

    /// The chunks in use, by prefix.
    pub fn chunks(&self) -> impl Iterator<Item = (u8, &Arc<Chunk>)> {
        (0..=255u8).filter_map(|prefix| Some((prefix, self.chunk(prefix)?)))
    }

    /// The edges.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The verbs.
    pub fn verbs(&self) -> &Verbs {
        &self.verbs
    }

    /// The space's own concepts and programs.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Nodes with a name, expired or not.
    pub fn names_len(&self) -> usize {
        self.names.len()
    }

    /// Nodes, expired or not.
    pub fn nodes_len(&self) -> usize {
        self.ids.len()
    }

    /// Occupied addresses of a zone, reified edges included.
    pub fn population(&self, zone: Zone) -> usize {
        match zone {
            Zone::Surface => 0,
            Zone::Fluid => self.population[0],
            Zone::Node => self.population[1],
        }
    }

    pub(super) fn population_mut(&mut self, zone: Zone) -> &mut usize {
        match zone {
            Zone::Surface => unreachable!("a space owns no surface address"),
            Zone::Fluid => &mut self.population[0],
            Zone::Node => &mut self.population[1],
        }
    }

    /// The address under a name, expired or not.
    pub fn find(&self, name: &[u8]) -> Option<Address> {
        self.names.find(self.name_hash(name), |address| {
            self.name_at(address) == Some(name)
        })
    }

    /// The address of a node's id.
    pub fn find_id(&self, id: u64) -> Option<Address> {
        self.ids
            .find(id_hash(id), |address| self.id_at(address) == id)
    }

    pub(super) fn name_hash(&self, name: &[u8]) -> u64 {
        xxh3_64_with_seed(name, self.hash_key)
    }

    fn name_at(&self, address: Address) -> Option<&[u8]> {
        name_in(&self.chunks, address)
    }

    pub(crate) fn id_at(&self, address: Address) -> u64 {
        id_in(&self.chunks, address)
    }

    fn name_hash_at(&self, address: Address) -> u64 {
        self.name_at(address).map_or(0, |name| self.name_hash(name))
    }

    /// Adds a name's entry; the name must already stand in its column.
    pub(super) fn insert_name(&mut self, hash: u64, address: Address) {
        let (chunks, key) = (&self.chunks, self.hash_key);
        self.names.insert(hash, address, |other| {
            name_in(chunks, other).map_or(0, |name| xxh3_64_with_seed(name, key))
        });
    }

    /// Adds an id's entry; the id must already stand in its column.
    pub(super) fn insert_id(&mut self, id: u64, address: Address) {
        let chunks = &self.chunks;
        self.ids
            .insert(id_hash(id), address, |other| id_hash(id_in(chunks, other)));
    }
}

/// The name in an address's column.
fn name_in(chunks: &Chunks, address: Address) -> Option<&[u8]> {
    let chunk = chunks[address.prefix() as usize].as_ref()?;
    chunk.name.get(address.slot()).as_deref()
}

/// The id in an address's column.
fn id_in(chunks: &Chunks, address: Address) -> u64 {
    let chunk = chunks[address.prefix() as usize].as_ref();
    chunk.map_or(0, |chunk| *chunk.id.get(address.slot()))
}

/// Spreads ids, which are dense, over shards and buckets (the finalizer of MurmurHash3).
pub(super) fn id_hash(id: u64) -> u64 {
    let x = (id ^ id >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let x = (x ^ x >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    x ^ x >> 33
}

/// A state at a moment: what is expired at `now` is not there.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The state.
    pub state: &'a State,
    /// Microseconds since the epoch.
    pub now: i64,
    /// Access statistics, where the view is of the live space.
    pub accesses: Option<&'a Accesses>,
}

impl<'a> View<'a> {
    /// A view of a state of its own, without access statistics.
    pub fn of(state: &'a State, now: i64) -> Self {
        Self {
            state,
            now,
            accesses: None,
        }
    }

    /// Counts an access of a node.
    pub fn touch(&self, node: Node<'_>) {
        if let Some(accesses) = self.accesses {
            accesses.touch(node.address(), self.now);
        }
    }

    /// What is known of a node's use.
    pub fn access(&self, node: Node<'_>) -> Access {
        let known = self.accesses.map(|all| all.get(node.address()));
        known.unwrap_or_default()
    }

    /// The node under a name.
    pub fn find(&self, name: &[u8]) -> Option<Node<'a>> {
        self.node(self.state.find(name)?)
    }

    /// The node with an id.
    pub fn find_id(&self, id: u64) -> Option<Node<'a>> {
        self.node(self.state.find_id(id)?)
    }

    /// The node at an address; a reified edge is none.
    pub fn node(&self, address: Address) -> Option<Node<'a>> {
        self.occupant(address).filter(|node| !node.is_edge())
    }

    /// The node or reified edge at an address.
    pub fn occupant(&self, address: Address) -> Option<Node<'a>> {
        let chunk = self.state.chunk(address.prefix())?;
        let live = chunk.occupied.contains(address.slot())
            && *chunk.expires.get(address.slot()) > self.now;
        live.then(|| Node::new(chunk, address))
    }

    /// Every node, by address.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let now = self.now;
        let state = self.state;
        state.chunks().flat_map(move |(prefix, chunk)| {
            chunk
                .nodes()
                .iter()
                .filter(move |&slot| *chunk.expires.get(slot) > now)
                .map(move |slot| Node::new(chunk, Address::new(prefix, slot)))
        })
    }

    /// The parent of a node.
    pub fn parent(&self, node: Node<'_>) -> Option<Node<'a>> {
        self.find_id(node.parent()?)
    }

    /// The children of a node, in no particular order.
    pub fn children(&self, node: Node<'_>) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let view = *self;
        let first = view
            .state
            .chunk(node.address().prefix())
            .map_or(0, |chunk| *chunk.first_child.get(node.address().slot()));
        std::iter::successors(Some(first).filter(|raw| *raw != 0), move |&raw| {
            let chunk = view.state.chunk(Address(raw).prefix())?;
            Some(*chunk.next_sibling.get(Address(raw).slot())).filter(|raw| *raw != 0)
        })
        .filter_map(move |raw| view.node(Address(raw)))
    }

    /// A node and everything below it, parents before children.
    pub fn subtree(&self, root: Node<'a>) -> Vec<Node<'a>> {
        let mut nodes = vec![root];
        let mut next = 0;
        while let Some(&node) = nodes.get(next) {
            nodes.extend(self.children(node));
            next += 1;
        }
        nodes
    }

    /// A page of the names in hash order; see [`Directory::scan`]. Reads `count` entries or a few
    /// more, of which expired ones are left out.
    pub fn scan(&self, cursor: u64, count: usize) -> (Vec<Node<'a>>, Option<u64>) {
        let state = self.state;
        let (addresses, next) = state
            .names
            .scan(cursor, count, |address| state.name_hash_at(address));
        let nodes = addresses.into_iter().filter_map(|a| self.node(a));
        (nodes.collect(), next)
    }

    /// How many named nodes there are, not counting expired ones.
    pub fn names_len(&self) -> usize {
        let expired: usize = self
            .state
            .chunks()
            .filter(|(prefix, _)| Zone::of_prefix(*prefix) == Zone::Fluid)
            .map(|(_, chunk)| {
                let gone = |slot: &u8| {
                    let at = *chunk.expires.get(*slot);
                    at <= self.now && at != NEVER && chunk.name.get(*slot).is_some()
                };
                chunk.nodes().iter().filter(gone).count()
            })
            .sum();
        self.state.names_len() - expired
    }
}
