//! Walking the graph breadth first.

use crate::space::address::{ADDRESSES, Address};

use super::Graph;

/// Which way a walk follows edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From source to target.
    Outgoing,
    /// From target to source.
    Incoming,
}

impl Graph {
    /// The addresses that `start` reaches in at most `depth_max` steps, nearest first, each once
    /// with its distance; `start` itself is not among them, also where a cycle leads back.
    ///
    /// Follows edges of `verb`, or all of them, to addresses for which `is_there` holds, and stops at
    /// `limit` of them. Of one depth those
    /// come first whose predecessor came first, then by verb, then by address.
    pub fn traverse(
        &self,
        start: Address,
        verb: Option<u8>,
        direction: Direction,
        depth_max: u32,
        limit: usize,
        is_there: impl Fn(Address) -> bool,
    ) -> Vec<(Address, u32)> {
        let mut reached = Vec::new();
        if depth_max == 0 || limit == 0 {
            return reached;
        }
        let mut seen = Seen::default();
        seen.insert(start);
        let mut next = 0;
        let (mut from, mut depth) = (start, 0);
        loop {
            let mut arrive = |address: Address| {
                if seen.insert(address) && is_there(address) {
                    reached.push((address, depth + 1));
                }
                reached.len() == limit
            };
            let full = match direction {
                Direction::Outgoing => self.outgoing(from, verb).any(|edge| arrive(edge.target)),
                Direction::Incoming => self.incoming(from, verb).any(|edge| arrive(edge.source)),
            };
            // What was reached is the queue too: its depths never fall.
            match reached.get(next) {
                Some(&(address, at)) if !full && at < depth_max => (from, depth) = (address, at),
                _ => return reached,
            }
            next += 1;
        }
    }
}

/// The addresses already reached, a bit each.
struct Seen(Box<[u64; ADDRESSES / 64]>);

impl Default for Seen {
    fn default() -> Self {
        Self(Box::new([0; ADDRESSES / 64]))
    }
}

impl Seen {
    /// Marks an address; true if it was not marked.
    fn insert(&mut self, address: Address) -> bool {
        let (word, bit) = (address.index() / 64, 1 << (address.index() % 64));
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}
