//! Exact top-k: every candidate is looked at, and given up as soon as its partial distance passes the
//! k-th best so far. Ties go by address, so that the answer does not depend on threads.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::IsWanted;
use super::best::{Best, Hit};
use super::filter::Segment;
use crate::fingerprint::kernel::{self, Kernels};
use crate::fingerprint::{Fingerprint, WORDS, Words};
use crate::space::address::Address;
use crate::space::column::SlotSet;

/// Offers every candidate to the best of each query.
pub(super) fn search(
    segments: &[Segment<'_>],
    queries: &[&Fingerprint],
    best: Vec<Best>,
    is_wanted: IsWanted<'_>,
) -> Vec<Best> {
    let bounds = best.iter().map(|best| AtomicU32::new(best.bound()));
    let words: Vec<&Words> = queries.iter().map(|query| query.words()).collect();
    let scan = Scan {
        queries: &words,
        kernels: kernel::active(),
        bounds: bounds.collect(),
        is_wanted,
    };
    scan.run(segments, best)
}

/// One pass over segments.
struct Scan<'a> {
    queries: &'a [&'a Words],
    kernels: &'static Kernels,
    /// For each query the least k-th best distance of any thread: beyond it nothing is answered.
    bounds: Vec<AtomicU32>,
    is_wanted: IsWanted<'a>,
}

/// Rows handed to the kernel at once: few, so that the bound tightens soon, and enough that a call
/// costs nothing beside them.
const ROWS_PER_CALL: usize = 16;
/// The same of several queries, which share the rows.
const ROWS_PER_BLOCK_CALL: usize = 64;

/// From how many comparisons on a scan goes to the pool: some 200 µs of one core.
#[cfg(feature = "parallel")]
pub(super) const PARALLEL_COMPARISONS_MIN: usize = 4096;

impl Scan<'_> {
    fn run(&self, segments: &[Segment<'_>], best: Vec<Best>) -> Vec<Best> {
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            let candidates: usize = segments.iter().map(Segment::len).sum();
            if candidates * self.queries.len() >= PARALLEL_COMPARISONS_MIN {
                let merge = |a: Vec<Best>, b: Vec<Best>| {
                    let pairs = a.into_iter().zip(b);
                    pairs.map(|(a, b)| a.merge(b)).collect()
                };
                return super::pool::run(|| {
                    segments
                        .par_iter()
                        .fold(|| best.clone(), |best, segment| self.segment(segment, best))
                        .reduce(|| best.clone(), merge)
                });
            }
        }
        segments
            .iter()
            .fold(best, |best, segment| self.segment(segment, best))
    }

    fn segment(&self, segment: &Segment<'_>, mut best: Vec<Best>) -> Vec<Best> {
        if !(self.is_wanted)() {
            return best;
        }
        let mut room = Room {
            bounds: Vec::with_capacity(self.queries.len()),
            distances: vec![0; self.queries.len() * ROWS_PER_BLOCK_CALL],
        };
        let mut offer = |address, run| {
            self.rows((segment.scope, address), run, &mut best, &mut room);
        };
        let (rows, stored) = segment.chunk.fingerprints().rows();
        for (slot, row, length) in runs(segment.slots.and(&stored), stored) {
            let run = &rows[row * WORDS..(row + length) * WORDS];
            offer(Address::new(segment.prefix, slot), run);
        }
        for slot in segment.slots.without(&stored).iter() {
            let zero = segment.chunk.fingerprint(slot).words();
            offer(Address::new(segment.prefix, slot), zero);
        }
        for (address, fingerprint) in &segment.derived {
            offer(*address, fingerprint.words());
        }
        best
    }

    /// Offers contiguous fingerprints, of which the first is that of `first`.
    fn rows(&self, at: (u16, Address), run: &[u64], best: &mut [Best], room: &mut Room) {
        let (scope, first) = at;
        let mut address = first.0;
        let per_call = match self.queries {
            [_] => ROWS_PER_CALL,
            _ => ROWS_PER_BLOCK_CALL,
        };
        for rows in run.chunks(per_call * WORDS) {
            let count = rows.len() / WORDS;
            let bounds = best.iter().zip(&self.bounds);
            let bounds = bounds.map(|(best, shared)| best.bound().min(shared.load(Relaxed)));
            let distances = &mut room.distances[..count * self.queries.len()];
            room.bounds.clear();
            room.bounds.extend(bounds);
            match self.queries {
                [query] => {
                    (self.kernels.distances_within)(query, rows, room.bounds[0], distances);
                }
                queries => {
                    (self.kernels.block_distances_within)(queries, rows, &room.bounds, distances);
                }
            }
            let of_queries = distances.chunks(count).zip(&room.bounds);
            for (((distances, &bound), best), shared) in
                of_queries.zip(&mut *best).zip(&self.bounds)
            {
                for (row, &distance) in distances.iter().enumerate() {
                    if distance <= bound {
                        best.offer(Hit {
                            distance,
                            scope,
                            address: Address(address + row as u16),
                        });
                    }
                }
                if best.bound() < bound {
                    shared.fetch_min(best.bound(), Relaxed);
                }
            }
            address = address.wrapping_add(per_call as u16);
        }
    }
}

/// What a scan writes to again and again.
struct Room {
    bounds: Vec<u32>,
    distances: Vec<u32>,
}

/// The runs of `slots`, of which each is in `stored` and has a row there: first slot, its row, and how
/// many.
pub(crate) fn runs(slots: SlotSet, stored: SlotSet) -> impl Iterator<Item = (u8, usize, usize)> {
    slots.runs().map(move |run| {
        let first = run.start as u8;
        (first, stored.rank(first), run.len())
    })
}
