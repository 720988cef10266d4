//! The distances of sketches: computed for all candidates in one pass, and then asked for the nearest.
//!
//! Each segment has 256 distances for each query, by slot; what is no candidate is [`NONE`]. Minima of
//! blocks of 32 let later passes skip nearly all of them.

use std::cell::Cell;

use super::Candidate;
use crate::fingerprint::kernel::{self, Kernels};
use crate::fingerprint::{SKETCH_BITS, SKETCH_WORDS, Sketch};
use crate::search::exact::runs;
use crate::search::filter::Segment;
use crate::space::address::SLOTS;
use crate::space::column::SlotSet;

/// The distance of what is no candidate: beyond all others.
const NONE: u16 = u16::MAX;
/// How many minima there must be for each of the nearest that are found by them.
const MINIMA_PER_NEAREST: usize = 4;
/// Distances that have a minimum in common.
const BLOCK: usize = 32;
const BLOCKS: usize = SLOTS / BLOCK;

/// With fewer candidates than this a segment's sketches are looked at run by run, and otherwise all.
const DENSE_SLOTS_MIN: usize = 64;

/// From how many segments on a pass is shared by threads, and how many each takes at a time.
const SEGMENTS_PER_TASK: usize = 64;

/// The distances and minima of some queries, a segment after the other, and in it a query after the
/// other.
#[derive(Default)]
pub(super) struct Sketched {
    queries: usize,
    distances: Vec<u16>,
    minima: Vec<u16>,
}

thread_local! {
    /// Memory of the last pass: giving it back to the system and taking it again would cost as much as
    /// the pass.
    static SPARE: Cell<Option<Sketched>> = const { Cell::new(None) };
}

/// What a thread keeps for its next pass: the distances of eight queries over a full space, 1 MiB.
const SPARE_DISTANCES_MAX: usize = 8 << 16;

impl Sketched {
    /// Scans all segments for all queries.
    pub(super) fn scan(segments: &[Segment<'_>], queries: &[Sketch], is_parallel: bool) -> Self {
        let mut sketched = SPARE.take().unwrap_or_default();
        let (per_segment, minima) = (queries.len() * SLOTS, queries.len() * BLOCKS);
        sketched.queries = queries.len();
        sketched
            .distances
            .resize(segments.len() * per_segment, NONE);
        sketched.minima.resize(segments.len() * minima, NONE);
        let kernels = kernel::active();
        let scan = |segments: &[Segment<'_>], distances: &mut [u16], smallest: &mut [u16]| {
            let distances = distances.chunks_mut(per_segment);
            let smallest = smallest.chunks_mut(minima);
            for ((segment, distances), smallest) in segments.iter().zip(distances).zip(smallest) {
                scan_segment(kernels, segment, queries, distances);
                for (block, smallest) in distances.chunks(BLOCK).zip(smallest) {
                    *smallest = block.iter().copied().min().unwrap_or(NONE);
                }
            }
        };
        let per_task = match is_parallel {
            true => SEGMENTS_PER_TASK,
            false => segments.len().max(1),
        };
        let (distances, smallest) = (&mut sketched.distances, &mut sketched.minima);
        #[cfg(feature = "parallel")]
        if per_task < segments.len() {
            use rayon::prelude::*;
            let smallest = smallest.par_chunks_mut(per_task * minima);
            segments
                .par_chunks(per_task)
                .zip(distances.par_chunks_mut(per_task * per_segment))
                .zip(smallest)
                .for_each(|((segments, distances), smallest)| scan(segments, distances, smallest));
            return sketched;
        }
        segments
            .chunks(per_task)
            .zip(distances.chunks_mut(per_task * per_segment))
            .zip(smallest.chunks_mut(per_task * minima))
            .for_each(|((segments, distances), smallest)| scan(segments, distances, smallest));
        sketched
    }

    /// Keeps the memory for the thread's next pass.
    pub(super) fn recycle(self) {
        if self.distances.capacity() <= SPARE_DISTANCES_MAX {
            SPARE.set(Some(self));
        }
    }

    /// Those of one query.
    pub(super) fn of_query(&self, query: usize) -> Distances<'_> {
        Distances {
            sketched: self,
            query,
        }
    }
}

fn scan_segment(
    kernels: &Kernels,
    segment: &Segment<'_>,
    queries: &[Sketch],
    distances: &mut [u16],
) {
    let sketches = segment.chunk.sketches().values().as_flattened();
    if segment.slots.len() >= DENSE_SLOTS_MIN {
        match queries {
            [query] => (kernels.sketch_distances)(query, sketches, distances),
            _ => (kernels.block_sketch_distances)(queries, sketches, distances),
        }
        for slot in SlotSet::ALL.without(&segment.slots).iter() {
            for distances in distances.chunks_mut(SLOTS) {
                distances[usize::from(slot)] = NONE;
            }
        }
        return;
    }
    distances.fill(NONE);
    for (slot, _, length) in runs(segment.slots, SlotSet::ALL) {
        let slots = usize::from(slot)..usize::from(slot) + length;
        let run = &sketches[slots.start * SKETCH_WORDS..slots.end * SKETCH_WORDS];
        for (query, distances) in queries.iter().zip(distances.chunks_mut(SLOTS)) {
            (kernels.sketch_distances)(query, run, &mut distances[slots.clone()]);
        }
    }
}

/// A candidate by its sketch: ordered by that, then by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near {
    pub(super) sketch: u16,
    pub(super) candidate: Candidate,
}

/// The distances of one query's sketch.
#[derive(Clone, Copy)]
pub(super) struct Distances<'a> {
    sketched: &'a Sketched,
    query: usize,
}

impl Distances<'_> {
    /// The minima with the number of their segment and their block there.
    fn minima(&self) -> impl Iterator<Item = (usize, usize, u16)> {
        let per_segment = self.sketched.queries * BLOCKS;
        let segments = self.sketched.minima.chunks_exact(per_segment).enumerate();
        segments.flat_map(|(segment, minima)| {
            let minima = minima[self.query * BLOCKS..][..BLOCKS].iter().enumerate();
            minima.map(move |(block, minimum)| (segment, block, *minimum))
        })
    }

    fn segment(&self, segment: usize) -> &[u16] {
        let start = (segment * self.sketched.queries + self.query) * SLOTS;
        &self.sketched.distances[start..start + SLOTS]
    }

    /// The distance of a candidate.
    pub(super) fn of(&self, candidate: Candidate) -> u16 {
        self.segment(candidate.segment())[usize::from(candidate.slot())]
    }

    /// The `count` nearest, in order; all if there are fewer.
    pub(super) fn nearest(&self, count: usize) -> Vec<Near> {
        // The minima of blocks show a limit that is a little too wide, if they are many times as many.
        let mut counts = [0_usize; SKETCH_BITS + 1];
        let mut add = |distance: u16| {
            if let Some(count) = counts.get_mut(usize::from(distance)) {
                *count += 1;
            }
        };
        let per_segment = self.sketched.queries * SLOTS;
        let segments = self.sketched.distances.len() / per_segment;
        if count <= segments * BLOCKS / MINIMA_PER_NEAREST {
            self.minima().for_each(|(_, _, minimum)| add(minimum));
        } else {
            let all = (0..segments).flat_map(|segment| self.segment(segment));
            all.for_each(|distance| add(*distance));
        }
        let limit = quantile(&counts, count);
        let limit = limit.unwrap_or(SKETCH_BITS as u16);
        let mut nearest = Vec::new();
        let mut ties = 0;
        for (segment, block, minimum) in self.minima() {
            if minimum < limit || minimum == limit && ties < count {
                self.block(segment, block, limit, |near| {
                    let is_tie = near.sketch == limit;
                    if !is_tie || ties < count {
                        ties += usize::from(is_tie);
                        nearest.push(near);
                    }
                });
            }
        }
        nearest.sort_unstable();
        nearest.truncate(count);
        nearest
    }

    /// Those up to a distance, in order; `None` if they are more than `most`.
    pub(super) fn within(&self, limit: u16, most: usize) -> Option<Vec<Near>> {
        let mut within = Vec::new();
        for (segment, block, minimum) in self.minima() {
            if minimum <= limit {
                self.block(segment, block, limit, |near| within.push(near));
                if within.len() > most {
                    return None;
                }
            }
        }
        Some(sorted(within))
    }

    /// Those of a segment up to a distance, by address.
    pub(super) fn of_segment(&self, segment: usize, limit: u16, mut each: impl FnMut(Near)) {
        let start = (segment * self.sketched.queries + self.query) * BLOCKS;
        let minima = self.sketched.minima[start..start + BLOCKS].iter();
        for (block, _) in minima.enumerate().filter(|(_, least)| **least <= limit) {
            self.block(segment, block, limit, &mut each);
        }
    }

    /// Those of a block up to a distance.
    fn block(&self, segment: usize, block: usize, limit: u16, mut each: impl FnMut(Near)) {
        let first = block * BLOCK;
        let distances = &self.segment(segment)[first..first + BLOCK];
        let mut near = 0_u32;
        for (bit, distance) in distances.iter().enumerate() {
            near |= u32::from(*distance <= limit) << bit;
        }
        while near != 0 {
            let at = near.trailing_zeros() as usize;
            near &= near - 1;
            each(Near {
                sketch: distances[at],
                candidate: Candidate::new(segment, (first + at) as u8),
            });
        }
    }
}

/// The least distance up to which there are `count`.
fn quantile(counts: &[usize], count: usize) -> Option<u16> {
    let mut sum = 0;
    let reached = counts.iter().position(|here| {
        sum += here;
        sum >= count
    });
    reached.map(|distance| distance as u16)
}

/// From how many on counting beats comparing.
const COUNTING_SORT_MIN: usize = 256;

/// In order: they already are by place.
fn sorted(mut near: Vec<Near>) -> Vec<Near> {
    if near.len() < COUNTING_SORT_MIN {
        near.sort_unstable();
        return near;
    }
    // Where the next one of each distance goes.
    let mut places = [0_usize; SKETCH_BITS + 2];
    for near in &near {
        places[usize::from(near.sketch) + 1] += 1;
    }
    for distance in 1..places.len() {
        places[distance] += places[distance - 1];
    }
    let mut ordered = near.clone();
    for near in near {
        let place = &mut places[usize::from(near.sketch)];
        ordered[*place] = near;
        *place += 1;
    }
    ordered
}
