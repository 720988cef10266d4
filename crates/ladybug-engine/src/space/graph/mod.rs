//! The edges of one space: who is linked to whom, in both directions.
//!
//! Each of the 256 prefixes has a chunk of outgoing and one of incoming lists (`chunk`: packed
//! rows and a bounded overlay), and a directory of 256 shards leads from an edge's id to its ends
//! (`directory`). All of it is copy-on-write (`table`): cloning a [`Graph`] counts at most 48
//! references, and the first write after that copies the three parts that it touches.
//!
//! Lists come in the order verb, address of the other end, id: a property of the edges there are,
//! whatever their history. `docs/design/graph.md` has the layout and its measured cost.

mod chunk;
mod directory;
mod edge;
mod packed;
mod table;
mod traverse;

#[cfg(test)]
mod tests;

pub use edge::{Edge, EdgeAttributes, EdgeLink, EdgeRef};
pub use traverse::Direction;

use chunk::{Chunk, Key, Span};
use directory::{Shard, shard_of};
use edge::Strength;
use table::Table;

use crate::space::address::{Address, CHUNKS};
use crate::space::retained::Piece;

/// Slots of verbs.
const VERBS: usize = 1 << u8::BITS;

/// Two edges with one id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("every edge of a space has an id of its own; #{id} comes twice")]
pub struct DuplicateEdge {
    /// The id that comes twice.
    pub id: u64,
}

/// All edges of a space.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    outgoing: Table<Chunk<Strength>>,
    incoming: Table<Chunk<()>>,
    directory: Table<Shard>,
    len: usize,
}

impl Graph {
    /// A graph of many edges at once, in any order: what opening a checkpoint does.
    pub fn from_edges(edges: impl IntoIterator<Item = Edge>) -> Result<Self, DuplicateEdge> {
        let mut outgoing = vec![Vec::new(); CHUNKS];
        let mut incoming = vec![Vec::new(); CHUNKS];
        let mut links = vec![Vec::new(); CHUNKS];
        let mut rares = vec![Vec::new(); CHUNKS];
        let mut graph = Self::default();
        for edge in edges {
            let link = edge.link();
            let shard = usize::from(shard_of(link.id));
            outgoing[usize::from(link.source.prefix())].push((source_key(link), edge.strength()));
            incoming[usize::from(link.target.prefix())].push((target_key(link), ()));
            links[shard].push(link);
            let rare = edge.rare();
            if !rare.is_empty() {
                rares[shard].push((link.id, rare));
            }
            graph.len += 1;
        }
        for (prefix, entries) in (0..=u8::MAX)
            .zip(outgoing)
            .filter(|(_, list)| !list.is_empty())
        {
            *graph.outgoing.get_mut(prefix) = Chunk::from_entries(entries);
        }
        for (prefix, entries) in (0..=u8::MAX)
            .zip(incoming)
            .filter(|(_, list)| !list.is_empty())
        {
            *graph.incoming.get_mut(prefix) = Chunk::from_entries(entries);
        }
        for ((shard, links), rares) in (0..=u8::MAX).zip(links).zip(rares) {
            if !links.is_empty() {
                *graph.directory.get_mut(shard) =
                    Shard::from_entries(links, rares).map_err(|id| DuplicateEdge { id })?;
            }
        }
        Ok(graph)
    }

    /// How many edges there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an edge; parallel ones are allowed, an id that is taken is not and changes nothing.
    pub fn insert(&mut self, edge: Edge) -> Result<(), DuplicateEdge> {
        let link = edge.link();
        let shard = self.directory.get_mut(shard_of(link.id));
        if !shard.insert(link) {
            return Err(DuplicateEdge { id: link.id });
        }
        let rare = edge.rare();
        if !rare.is_empty() {
            shard.set_rare(link.id, rare);
        }
        self.outgoing
            .get_mut(link.source.prefix())
            .insert(source_key(link), edge.strength());
        self.incoming
            .get_mut(link.target.prefix())
            .insert(target_key(link), ());
        self.len += 1;
        Ok(())
    }

    /// Takes out the edge `id`, if it leaves from `source`, and returns it whole.
    pub fn remove(&mut self, source: Address, id: u64) -> Option<Edge> {
        let link = self.link_from(source, id)?;
        let strength = self.unlink(link);
        let shard = self.directory.get_mut(shard_of(id));
        let rare = shard.remove(id);
        if shard.is_empty() {
            self.directory.clear(shard_of(id));
        }
        self.len -= 1;
        Some(Edge::from_parts(link, strength, rare))
    }

    /// The edge `id`, if it leaves from `source`, whole.
    pub fn get(&self, source: Address, id: u64) -> Option<Edge> {
        let link = self.link_from(source, id)?;
        let strength = self.outgoing.get(source.prefix())?.get(source_key(link))?;
        Some(Edge::from_parts(
            link,
            strength,
            self.directory.get(shard_of(id))?.rare(id),
        ))
    }

    /// Changes the attributes of the edge `id`, if it leaves from `source`, and returns what
    /// `change` does.
    pub fn update<R>(
        &mut self,
        source: Address,
        id: u64,
        change: impl FnOnce(&mut EdgeAttributes) -> R,
    ) -> Option<R> {
        let link = self.link_from(source, id)?;
        let strength = self.outgoing.get(source.prefix())?.get(source_key(link))?;
        let rare = self.directory.get(shard_of(id))?.rare(id);
        let mut attributes = EdgeAttributes::from_parts(strength, rare.clone());
        let result = change(&mut attributes);
        // Parts that did not change are not written, so that nothing shared is copied for them.
        let (strength_after, rare_after) = attributes.into_parts();
        if !strength_after.is_same(&strength) {
            self.outgoing
                .get_mut(source.prefix())
                .replace(source_key(link), strength_after);
        }
        if !rare_after.is_same(&rare) {
            self.directory
                .get_mut(shard_of(id))
                .set_rare(id, rare_after);
        }
        Some(result)
    }

    /// Where the edge `id` leaves from.
    pub fn source_of(&self, id: u64) -> Option<Address> {
        self.link(id).map(|link| link.source)
    }

    /// The ends of the edge `id`.
    pub fn link(&self, id: u64) -> Option<EdgeLink> {
        self.directory.get(shard_of(id))?.link(id)
    }

    /// The ids of the edges of one verb from `source` to `target`, ascending.
    pub fn find(&self, source: Address, verb: u8, target: Address) -> impl Iterator<Item = u64> {
        let span = Span::parallel(source.slot(), verb, target);
        let chunk = self.outgoing.get(source.prefix());
        chunk
            .into_iter()
            .flat_map(move |chunk| chunk.entries(span))
            .map(|(key, _)| key.id())
    }

    /// The edges that leave from `source`, of one verb or all: by verb, then target, then id.
    pub fn outgoing(&self, source: Address, verb: Option<u8>) -> impl Iterator<Item = EdgeRef> {
        let span = Span::of(source.slot(), verb);
        let chunk = self.outgoing.get(source.prefix());
        chunk
            .into_iter()
            .flat_map(move |chunk| chunk.entries(span))
            .map(move |(key, strength)| EdgeRef::from_parts(source_link(source, key), strength))
    }

    /// The edges that lead to `target`, of one verb or all: by verb, then source, then id.
    pub fn incoming(&self, target: Address, verb: Option<u8>) -> impl Iterator<Item = EdgeLink> {
        let span = Span::of(target.slot(), verb);
        let chunk = self.incoming.get(target.prefix());
        chunk
            .into_iter()
            .flat_map(move |chunk| chunk.entries(span))
            .map(move |(key, ())| EdgeLink {
                id: key.id(),
                source: key.other(),
                verb: key.verb(),
                target,
            })
    }

    /// The nodes at the other ends of the edges of `address` in a direction, of one verb or all, in the order of the lists;
    /// where parallel edges lead it comes as often. They are read in place where they lie together, else gathered in
    /// `buffer`.
    pub fn ends<'a>(
        &'a self,
        address: Address,
        direction: Direction,
        verb: Option<u8>,
        buffer: &'a mut Vec<Address>,
    ) -> &'a [Address] {
        let (prefix, span) = (address.prefix(), Span::of(address.slot(), verb));
        match direction {
            Direction::Outgoing => match self.outgoing.get(prefix) {
                Some(chunk) => chunk.others(span, buffer),
                None => &[],
            },
            Direction::Incoming => match self.incoming.get(prefix) {
                Some(chunk) => chunk.others(span, buffer),
                None => &[],
            },
        }
    }

    /// The edges that have an end at `address`, each once: first those that leave, then those that
    /// only arrive. What removing or moving a node concerns.
    pub fn incident(&self, address: Address) -> Vec<EdgeLink> {
        let arriving = self
            .incoming(address, None)
            .filter(|link| link.source != address);
        self.outgoing(address, None)
            .map(|edge| edge.link())
            .chain(arriving)
            .collect()
    }

    /// How many edges leave from `source`.
    pub fn degree_out(&self, source: Address) -> usize {
        self.outgoing
            .get(source.prefix())
            .map_or(0, |chunk| chunk.degree(source.slot()))
    }

    /// How many edges lead to `target`.
    pub fn degree_in(&self, target: Address) -> usize {
        self.incoming
            .get(target.prefix())
            .map_or(0, |chunk| chunk.degree(target.slot()))
    }

    /// All edges, whole: by source, then verb, target and id.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        (0..=u8::MAX).flat_map(move |prefix| self.edges_from(prefix))
    }

    /// The edges that leave from a chunk, whole: by source, then verb, target and id.
    pub fn edges_from(&self, prefix: u8) -> impl Iterator<Item = Edge> {
        let edges = self.outgoing.get(prefix).into_iter();
        edges
            .flat_map(|chunk| chunk.iter())
            .map(move |(key, strength)| {
                let link = source_link(Address::new(prefix, key.slot()), key);
                let shard = self.directory.get(shard_of(link.id));
                let rare = shard.map(|shard| shard.rare(link.id)).unwrap_or_default();
                Edge::from_parts(link, strength, rare)
            })
    }

    /// How many of the edges that leave from a chunk have which verbs.
    pub fn verbs_from(&self, prefix: u8) -> Vec<(u8, usize)> {
        let mut counts = [0; VERBS];
        if let Some(chunk) = self.outgoing.get(prefix) {
            let verbs = chunk.iter().map(|(key, _)| key.verb());
            verbs.for_each(|verb| counts[usize::from(verb)] += 1);
        }
        let counts = (0..=u8::MAX).zip(counts);
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// An edge with what few have.
    pub fn whole(&self, edge: EdgeRef) -> Edge {
        let shard = self.directory.get(shard_of(edge.id));
        let rare = shard.map(|shard| shard.rare(edge.id)).unwrap_or_default();
        edge.with(rare)
    }

    /// Whether the edges that leave from a chunk are the same memory in both: then none has changed.
    pub fn shares_edges_from(&self, other: &Self, prefix: u8) -> bool {
        self.outgoing.shares(&other.outgoing, prefix)
    }

    /// What is the same in two graphs, while both are there, if and only if [`Self::shares_edges_from`] holds; nothing
    /// where no edges leave.
    pub fn place_of_edges_from(&self, prefix: u8) -> Option<usize> {
        Some(self.outgoing.place(prefix)?.addr())
    }

    /// Whether the edges that lead to a chunk are the same memory in both: then none has come or gone.
    pub fn shares_edges_to(&self, other: &Self, prefix: u8) -> bool {
        self.incoming.shares(&other.incoming, prefix)
    }

    /// Moves every end at `from` to `to`, as the node there moves; ids and attributes stay.
    pub fn relocate(&mut self, from: Address, to: Address) {
        if from == to {
            return;
        }
        let moved = |end: Address| if end == from { to } else { end };
        for old in self.incident(from) {
            let new = EdgeLink {
                source: moved(old.source),
                target: moved(old.target),
                ..old
            };
            let strength = self.unlink(old);
            self.outgoing
                .get_mut(new.source.prefix())
                .insert(source_key(new), strength);
            self.incoming
                .get_mut(new.target.prefix())
                .insert(target_key(new), ());
            self.directory.get_mut(shard_of(new.id)).set_link(new);
        }
    }

    /// Bytes on the heap, shared or not: what this graph alone would take.
    pub fn memory_bytes(&self) -> usize {
        let tables =
            self.outgoing.heap_bytes() + self.incoming.heap_bytes() + self.directory.heap_bytes();
        tables
            + self
                .outgoing
                .iter()
                .map(|(_, chunk)| chunk.heap_bytes())
                .sum::<usize>()
            + self
                .incoming
                .iter()
                .map(|(_, chunk)| chunk.heap_bytes())
                .sum::<usize>()
            + self
                .directory
                .iter()
                .map(|(_, shard)| shard.heap_bytes())
                .sum::<usize>()
    }

    /// Where each part of the lists and the directory lies and how many bytes it takes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        let base = |chunk: Option<Piece>| chunk.unwrap_or(Piece::NONE);
        let bases = (0..=u8::MAX).flat_map(move |prefix| {
            [
                base(self.outgoing.get(prefix).map(Chunk::base_piece)),
                base(self.incoming.get(prefix).map(Chunk::base_piece)),
            ]
        });
        self.outgoing
            .pieces(Chunk::overlay_bytes)
            .chain(self.incoming.pieces(Chunk::overlay_bytes))
            .chain(self.directory.pieces(Shard::heap_bytes))
            .chain(bases)
    }

    fn link_from(&self, source: Address, id: u64) -> Option<EdgeLink> {
        self.link(id).filter(|link| link.source == source)
    }

    /// Takes an edge that is there out of both lists, and gives up chunks that this empties.
    fn unlink(&mut self, link: EdgeLink) -> Strength {
        let (source, target) = (link.source.prefix(), link.target.prefix());
        let chunk = self.outgoing.get_mut(source);
        let strength = chunk
            .remove(source_key(link))
            .expect("invariant: an edge of the directory is in its source's list");
        if chunk.is_empty() {
            self.outgoing.clear(source);
        }
        let chunk = self.incoming.get_mut(target);
        chunk
            .remove(target_key(link))
            .expect("invariant: an edge of the directory is in its target's list");
        if chunk.is_empty() {
            self.incoming.clear(target);
        }
        strength
    }
}

/// Where the list of its source has an edge.
fn source_key(link: EdgeLink) -> Key {
    Key::new(link.source.slot(), link.verb, link.target, link.id)
}

/// Where the list of its target has an edge.
fn target_key(link: EdgeLink) -> Key {
    Key::new(link.target.slot(), link.verb, link.source, link.id)
}

fn source_link(source: Address, key: Key) -> EdgeLink {
    EdgeLink {
        id: key.id(),
        source,
        verb: key.verb(),
        target: key.other(),
    }
}
