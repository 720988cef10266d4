//! Exact top-k: every candidate is looked at, and given up as soon as its partial distance passes the
//! k-th best so far. Ties go by address, so that the answer does not depend on threads.

#[cfg(test)]
mod tests;

use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::filter::{Candidates, Filter};
use crate::engine::Snapshot;
use crate::fingerprint::kernel::{self, Kernels};
use crate::fingerprint::{Fingerprint, WORDS};
use crate::space::address::Address;
use crate::space::column::SlotSet;
use crate::space::{derive, verbs};

/// An address and how far it is from the query; ordered by distance, then address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Hamming distance, in bits.
    pub distance: u32,
    /// Whose.
    pub address: Address,
}

/// The `k` candidates nearest to `query`, nearest first: all of them if there are fewer.
pub fn top_k(snapshot: &Snapshot, query: &Fingerprint, k: usize, filter: &Filter) -> Vec<Hit> {
    if k == 0 {
        return Vec::new();
    }
    let best = Best::new(k, filter.distance_max);
    if filter.asks_for_verbs() {
        return verbs_near(snapshot, query, best).into_sorted();
    }
    let candidates = filter.candidates(snapshot.view());
    let scan = Scan {
        snapshot,
        query,
        kernels: kernel::active(),
        bound: AtomicU32::new(filter.distance_max),
    };
    scan.run(&candidates, best).into_sorted()
}

/// The best `k` so far.
#[derive(Clone)]
struct Best {
    k: usize,
    distance_max: u32,
    /// The worst of them on top.
    hits: BinaryHeap<Hit>,
}

impl Best {
    fn new(k: usize, distance_max: u32) -> Self {
        Self {
            k,
            distance_max,
            hits: BinaryHeap::new(),
        }
    }

    /// What lies beyond this distance cannot be among the best; what lies at it may, by its address.
    fn bound(&self) -> u32 {
        match self.hits.peek() {
            Some(worst) if self.hits.len() == self.k => worst.distance,
            _ => self.distance_max,
        }
    }

    fn offer(&mut self, hit: Hit) {
        if hit.distance > self.distance_max {
            return;
        }
        if self.hits.len() < self.k {
            self.hits.push(hit);
        } else if let Some(mut worst) = self.hits.peek_mut()
            && hit < *worst
        {
            *worst = hit;
        }
    }

    #[cfg(feature = "parallel")]
    fn merge(mut self, other: Self) -> Self {
        other.hits.into_iter().for_each(|hit| self.offer(hit));
        self
    }

    fn into_sorted(self) -> Vec<Hit> {
        self.hits.into_sorted_vec()
    }
}

/// One search over the chunks of a snapshot.
struct Scan<'a> {
    snapshot: &'a Snapshot,
    query: &'a Fingerprint,
    kernels: &'static Kernels,
    /// The least k-th best distance of any thread: beyond it nothing is answered.
    bound: AtomicU32,
}

/// Rows handed to the kernel at once: few, so that the bound tightens soon, and enough that a call
/// costs nothing beside them.
const ROWS_PER_CALL: usize = 16;

/// From how many candidates on a scan goes to the pool: some 200 µs of one core.
#[cfg(feature = "parallel")]
const PARALLEL_CANDIDATES_MIN: usize = 2048;

impl Scan<'_> {
    fn run(&self, candidates: &[Candidates<'_>], best: Best) -> Best {
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            let count: usize = candidates.iter().map(|chunk| chunk.slots.len()).sum();
            if count >= PARALLEL_CANDIDATES_MIN {
                return super::pool::run(|| {
                    candidates
                        .par_iter()
                        .fold(|| best.clone(), |best, chunk| self.chunk(chunk, best))
                        .reduce(|| best.clone(), Best::merge)
                });
            }
        }
        candidates
            .iter()
            .fold(best, |best, chunk| self.chunk(chunk, best))
    }

    fn chunk(&self, candidates: &Candidates<'_>, mut best: Best) -> Best {
        let Candidates {
            prefix,
            chunk,
            slots,
        } = candidates;
        let (buffer, stored) = chunk.fingerprints().buffer();
        let rows: &[u64] = buffer.typed_data();
        let encoded = slots.without(&chunk.pending);
        for (slot, row, length) in runs(encoded.and(&stored), stored) {
            let run = &rows[row * WORDS..(row + length) * WORDS];
            self.rows(Address::new(*prefix, slot), run, &mut best);
        }
        for slot in encoded.without(&stored).iter() {
            let zero = chunk.fingerprint(slot).words();
            self.rows(Address::new(*prefix, slot), zero, &mut best);
        }
        self.derived(*prefix, slots.and(&chunk.pending), &mut best);
        best
    }

    /// Offers contiguous fingerprints, of which the first is that of `first`.
    fn rows(&self, first: Address, run: &[u64], best: &mut Best) {
        let mut distances = [0; ROWS_PER_CALL];
        let mut address = first.0;
        for rows in run.chunks(ROWS_PER_CALL * WORDS) {
            let distances = &mut distances[..rows.len() / WORDS];
            let bound = best.bound().min(self.bound.load(Relaxed));
            (self.kernels.distances_within)(self.query.words(), rows, bound, distances);
            for (&distance, at) in distances.iter().zip(address..=u16::MAX) {
                if distance <= bound {
                    let address = Address(at);
                    best.offer(Hit { distance, address });
                }
            }
            self.bound.fetch_min(best.bound(), Relaxed);
            address = address.wrapping_add(ROWS_PER_CALL as u16);
        }
    }

    /// Offers slots whose fingerprint is not in its column but was encoded for the snapshot.
    fn derived(&self, prefix: u8, slots: SlotSet, best: &mut Best) {
        let derived = self.snapshot.derived();
        let from = derived.partition_point(|(address, _)| address.prefix() < prefix);
        let here = derived[from..]
            .iter()
            .take_while(|(address, _)| address.prefix() == prefix)
            .filter(|(address, _)| slots.contains(address.slot()));
        for (address, fingerprint) in here {
            self.rows(*address, fingerprint.words(), best);
        }
    }
}

/// The runs of `slots`, of which each is in `stored` and has a row there: first slot, its row, and how
/// many.
fn runs(slots: SlotSet, stored: SlotSet) -> impl Iterator<Item = (u8, usize, usize)> {
    let mut slots = slots.iter().peekable();
    std::iter::from_fn(move || {
        let first = slots.next()?;
        let mut length = 1;
        let mut last = first;
        while let Some(next) = slots.next_if(|next| last.checked_add(1) == Some(*next)) {
            (last, length) = (next, length + 1);
        }
        Some((first, stored.rank(first), length))
    })
}

/// The verbs nearest to the query: the fingerprint of one is that of its name.
fn verbs_near(snapshot: &Snapshot, query: &Fingerprint, mut best: Best) -> Best {
    let state = &snapshot.state;
    for (slot, _) in state.verbs().iter() {
        best.offer(Hit {
            distance: query.distance(&derive::verb(state, slot)),
            address: verbs::address_of(slot),
        });
    }
    best
}
