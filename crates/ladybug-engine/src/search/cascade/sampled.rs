//! The distances of samples: those of outlines, computed for all candidates in one pass, those of sketches, which are
//! that and the rest in another, or those of quarters, computed for what sketches leave. Then they are asked for the
//! nearest.
//!
//! Each segment has 256 distances for each query, by slot; what is no candidate is [`NONE`]. Minima of
//! blocks of 32 let later passes skip nearly all of them.

use std::cell::Cell;
use std::ops::Range;

use super::Candidate;
use crate::fingerprint::kernel::{self, FLAGS};
use crate::fingerprint::{Fingerprint, Layer, QUARTER, Sketch, Words};
use crate::search::filter::Segment;
use crate::space::address::SLOTS;
use crate::space::column::SlotSet;
use crate::space::sketches::Layers;

/// The distance of what is no candidate: beyond all others. None is greater than this, so that they are
/// compared as signed numbers, for which every x86-64 processor has instructions.
const NONE: u16 = i16::MAX as u16;
/// The greatest distance of a sample: that of quarters.
const DISTANCE_MAX: usize = QUARTER * 64;
/// How many minima there must be for each of the nearest that are found by them.
const MINIMA_PER_NEAREST: usize = 2;
/// Distances that have a minimum in common.
const BLOCK: usize = FLAGS;
const BLOCKS: usize = SLOTS / BLOCK;

/// With fewer candidates than this a segment's samples are looked at run by run, and otherwise all.
const DENSE_SLOTS_MIN: usize = 64;

/// Rows of the next chunk's outlines, a cache line each, that are asked for ahead: the processor's own prefetcher follows
/// within a chunk, but not from one to the next.
const ROWS_AHEAD: usize = 8;

/// From how many segments on a pass is shared by threads, and how many each takes at a time.
const SEGMENTS_PER_TASK: usize = 64;

/// The distances and minima of some queries, a segment after the other, and in it a query after the
/// other.
#[derive(Default)]
pub(super) struct Sampled {
    queries: usize,
    distances: Vec<u16>,
    minima: Vec<u16>,
}

thread_local! {
    /// Memory of the last pass: giving it back to the system and taking it again would cost as much as
    /// the pass.
    static SPARE: Cell<Option<Sampled>> = const { Cell::new(None) };
}

/// What a thread keeps for its next pass: the distances of eight queries over a full space, 1 MiB.
const SPARE_DISTANCES_MAX: usize = 8 << 16;

impl Sampled {
    /// The outlines of all candidates.
    pub(super) fn outlines(
        segments: &[Segment<'_>],
        layers: &[Layers<'_>],
        queries: &[Layer],
        is_parallel: bool,
    ) -> Self {
        let kernels = kernel::active();
        let fill = |index: usize, segment: &Segment<'_>, distances: &mut [u16]| {
            if let Some(next) = layers.get(index + 1) {
                kernels.fetch(&next.outlines()[0][..ROWS_AHEAD]);
            }
            let (rows, _) = distances.as_chunks_mut::<SLOTS>();
            for (query, distances) in queries.iter().zip(rows) {
                (kernels.outline_distances)(query, layers[index].outlines(), distances);
                leave_candidates(segment, distances);
            }
        };
        Self::filled(segments, queries.len(), is_parallel, fill)
    }

    /// Adds the rest of the sketches of all candidates to their outlines, for some queries by their number.
    pub(super) fn complete(
        &mut self,
        segments: &[Segment<'_>],
        layers: &[Layers<'_>],
        queries: &[(usize, Sketch)],
        is_parallel: bool,
    ) {
        let rest_distances = kernel::active().rest_distances;
        self.pass(segments, is_parallel, |index, segment, distances| {
            for (number, [_, query @ ..]) in queries {
                let distances = &mut distances[number * SLOTS..][..SLOTS];
                let mut rest = [0; SLOTS];
                for slots in scanned(segment) {
                    let runs = layers[index].rests().each_ref();
                    let runs = runs.map(|layer| &layer[slots.clone()]);
                    rest_distances(query, runs, &mut rest[slots]);
                }
                for (distance, rest) in distances.iter_mut().zip(rest) {
                    *distance += rest;
                }
                leave_candidates(segment, distances);
            }
        });
    }

    /// The first quarters of the candidates that each query still asks for, by segment. Those of a segment stay
    /// in the second cache, so that each is taken from memory once for all queries.
    pub(super) fn quarters(
        segments: &[Segment<'_>],
        queries: &[(&Fingerprint, &[SlotSet])],
        is_parallel: bool,
    ) -> Self {
        let kernels = kernel::active();
        let quarter = |index: usize, slot: u8| {
            let words: &Words = segments[index].chunk.fingerprint(slot).words();
            &words[..QUARTER]
        };
        let fill = |index: usize, segment: &Segment<'_>, distances: &mut [u16]| {
            distances.fill(NONE);
            // What is asked for of the next segment is fetched meanwhile.
            let asked_next = queries.iter().filter_map(|(_, asked)| asked.get(index + 1));
            let asked_next = asked_next.fold(SlotSet::EMPTY, |all, asked| all.or(asked));
            let mut ahead = asked_next.iter();
            for ((query, asked), distances) in queries.iter().zip(distances.chunks_mut(SLOTS)) {
                for slot in asked[index].iter() {
                    if let Some(slot) = ahead.next() {
                        kernels.fetch(quarter(index + 1, slot));
                    }
                    let words = segment.chunk.fingerprint(slot).words();
                    let distance = (kernels.quarter_distance)(query.words(), words);
                    distances[usize::from(slot)] = distance as u16;
                }
            }
        };
        Self::filled(segments, queries.len(), is_parallel, fill)
    }

    /// What `fill` writes for each segment, and the minima of it.
    fn filled(
        segments: &[Segment<'_>],
        queries: usize,
        is_parallel: bool,
        fill: impl Fn(usize, &Segment<'_>, &mut [u16]) + Sync,
    ) -> Self {
        let mut sampled = SPARE.take().unwrap_or_default();
        sampled.queries = queries;
        sampled
            .distances
            .resize(segments.len() * queries * SLOTS, NONE);
        sampled
            .minima
            .resize(segments.len() * queries * BLOCKS, NONE);
        sampled.pass(segments, is_parallel, fill);
        sampled
    }

    /// Lets `fill` write for each segment, and finds the minima of it.
    fn pass(
        &mut self,
        segments: &[Segment<'_>],
        is_parallel: bool,
        fill: impl Fn(usize, &Segment<'_>, &mut [u16]) + Sync,
    ) {
        let (per_segment, minima) = (self.queries * SLOTS, self.queries * BLOCKS);
        let task = |first: usize, distances: &mut [u16], smallest: &mut [u16]| {
            let distances = distances.chunks_mut(per_segment);
            let smallest = smallest.chunks_mut(minima);
            for ((index, distances), smallest) in (first..).zip(distances).zip(smallest) {
                fill(index, &segments[index], distances);
                for (block, smallest) in distances.as_chunks::<BLOCK>().0.iter().zip(smallest) {
                    *smallest = minimum(block);
                }
            }
        };
        let (distances, smallest) = (&mut self.distances, &mut self.minima);
        let per_task = match is_parallel {
            true => SEGMENTS_PER_TASK,
            false => segments.len().max(1),
        };
        #[cfg(feature = "parallel")]
        if per_task < segments.len() {
            use rayon::prelude::*;
            distances
                .par_chunks_mut(per_task * per_segment)
                .zip(smallest.par_chunks_mut(per_task * minima))
                .enumerate()
                .for_each(|(number, (distances, smallest))| {
                    task(number * per_task, distances, smallest);
                });
            return;
        }
        let distances = distances.chunks_mut(per_task * per_segment);
        let smallest = smallest.chunks_mut(per_task * minima);
        for (number, (distances, smallest)) in distances.zip(smallest).enumerate() {
            task(number * per_task, distances, smallest);
        }
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
            sampled: self,
            query,
        }
    }
}

/// The least of some.
fn minimum<const N: usize>(some: &[u16; N]) -> u16 {
    let least = some.iter().map(|distance| *distance as i16).min();
    least.unwrap_or(i16::MAX) as u16
}

/// The slots of a segment whose samples are looked at, run by run: all, unless few are candidates.
fn scanned(segment: &Segment<'_>) -> impl Iterator<Item = Range<usize>> {
    let (whole, few) = match segment.slots.len() >= DENSE_SLOTS_MIN {
        true => (Some(0..SLOTS), SlotSet::EMPTY),
        false => (None, segment.slots),
    };
    whole.into_iter().chain(few.runs())
}

/// Takes away the distances of what is no candidate.
fn leave_candidates(segment: &Segment<'_>, distances: &mut [u16]) {
    for slot in SlotSet::ALL.without(&segment.slots).iter() {
        distances[usize::from(slot)] = NONE;
    }
}

/// A candidate by the distance of its sample: ordered by that, then by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Near {
    pub(super) sample: u16,
    pub(super) candidate: Candidate,
}

/// The distances of one query's sample.
#[derive(Clone, Copy)]
pub(super) struct Distances<'a> {
    sampled: &'a Sampled,
    query: usize,
}

impl Distances<'_> {
    fn segments(&self) -> usize {
        self.sampled.distances.len() / (self.sampled.queries * SLOTS)
    }

    /// The minima of a segment's blocks.
    fn minima(&self, segment: usize) -> &[u16; BLOCKS] {
        &self.sampled.minima.as_chunks().0[segment * self.sampled.queries + self.query]
    }

    /// The blocks that have anything up to a distance, as segment and number there.
    fn blocks_within(&self, limit: u16) -> impl Iterator<Item = (usize, usize)> {
        const SEGMENTS: usize = FLAGS / BLOCKS;
        let segments = self.segments();
        (0..segments).step_by(SEGMENTS).flat_map(move |first| {
            let mut minima = [NONE; FLAGS];
            for (segment, minima) in (first..segments).zip(minima.as_chunks_mut().0) {
                *minima = *self.minima(segment);
            }
            let within = places((kernel::active().flags_within)(&minima, limit));
            within.map(move |place| (first + place / BLOCKS, place % BLOCKS))
        })
    }

    /// That of a candidate.
    pub(super) fn of(&self, candidate: Candidate) -> u16 {
        self.segment(candidate.segment())[usize::from(candidate.slot())]
    }

    fn segment(&self, segment: usize) -> &[u16] {
        let start = (segment * self.sampled.queries + self.query) * SLOTS;
        &self.sampled.distances[start..start + SLOTS]
    }

    /// Up to which distance `count` lie, or more where near ones lie together; all if there are fewer.
    pub(super) fn reach(&self, count: usize) -> u16 {
        // The minima of blocks show a limit that is too wide, the less so the more of them there are.
        let mut counts = [0_u32; DISTANCE_MAX + 1];
        let mut add = |distance: &u16| {
            if let Some(count) = counts.get_mut(usize::from(*distance)) {
                *count += 1;
            }
        };
        let segments = 0..self.segments();
        if count <= segments.len() * BLOCKS / MINIMA_PER_NEAREST {
            segments.for_each(|segment| self.minima(segment).iter().for_each(&mut add));
        } else {
            segments.for_each(|segment| self.segment(segment).iter().for_each(&mut add));
        }
        quantile(&counts, count).unwrap_or(DISTANCE_MAX as u16)
    }

    /// The `count` nearest, in order; all if there are fewer.
    pub(super) fn nearest(&self, count: usize) -> Vec<Near> {
        let limit = self.reach(count);
        let mut nearest = Vec::new();
        let mut ties = 0;
        for (segment, block) in self.blocks_within(limit) {
            if ties < count || self.minima(segment)[block] < limit {
                self.block(segment, block, limit, |near| {
                    let is_tie = near.sample == limit;
                    if !is_tie || ties < count {
                        ties += usize::from(is_tie);
                        nearest.push(near);
                    }
                });
            }
        }
        // Where what is near lies together, these are many more.
        if count < nearest.len() {
            nearest.select_nth_unstable(count);
            nearest.truncate(count);
        }
        nearest.sort_unstable();
        nearest
    }

    /// Those up to a distance, by place; `None` if they are more than `most`.
    pub(super) fn within(&self, limit: u16, most: usize) -> Option<Vec<Near>> {
        // Counted before they are written down: often they are too many.
        let (mut blocks, mut count) = (Vec::new(), 0);
        for (segment, block) in self.blocks_within(limit) {
            let flags = self.flags(segment, block, limit);
            count += flags.count_ones() as usize;
            if count > most {
                return None;
            }
            blocks.push((segment, block, flags));
        }
        let mut within = Vec::with_capacity(count);
        for (segment, block, flags) in blocks {
            within.extend(self.flagged(segment, block, flags));
        }
        Some(within)
    }

    /// Calls `each` for all those up to a distance.
    fn each_within(&self, limit: u16, mut each: impl FnMut(Near)) {
        for (segment, block) in self.blocks_within(limit) {
            self.block(segment, block, limit, &mut each);
        }
    }

    /// Those of a block up to a distance.
    fn block(&self, segment: usize, block: usize, limit: u16, each: impl FnMut(Near)) {
        let flags = self.flags(segment, block, limit);
        self.flagged(segment, block, flags).for_each(each);
    }

    fn distances(&self, segment: usize, block: usize) -> &[u16; BLOCK] {
        &self.segment(segment).as_chunks().0[block]
    }

    /// Which of a block lie up to a distance.
    fn flags(&self, segment: usize, block: usize, limit: u16) -> u32 {
        (kernel::active().flags_within)(self.distances(segment, block), limit)
    }

    /// Those of a block that are flagged.
    fn flagged(&self, segment: usize, block: usize, flags: u32) -> impl Iterator<Item = Near> {
        let distances = self.distances(segment, block);
        places(flags).map(move |at| Near {
            sample: distances[at],
            candidate: Candidate::new(segment, (block * BLOCK + at) as u8),
        })
    }
}

/// The places of the bits that are set.
fn places(mut flags: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (flags != 0).then(|| flags.trailing_zeros() as usize);
        flags &= flags.wrapping_sub(1);
        place
    })
}

/// The sketches that a search goes on with.
pub(super) enum Sketches<'a> {
    /// Those of all candidates.
    All(Distances<'a>),
    /// Those of the few that outlines leave, in order.
    Few(Vec<Near>),
}

impl Sketches<'_> {
    /// The `count` nearest, in order; all if there are fewer.
    pub(super) fn nearest(&self, count: usize) -> Vec<Near> {
        match self {
            Self::All(distances) => distances.nearest(count),
            Self::Few(few) => few[..count.min(few.len())].to_vec(),
        }
    }

    /// Those up to a distance, in order; `None` if they are more than `most`.
    pub(super) fn within(&self, limit: u16, most: usize) -> Option<Vec<Near>> {
        match self {
            Self::All(distances) => distances.within(limit, most).map(sorted),
            Self::Few(few) => Some(few_within(few, limit).to_vec()),
        }
    }

    /// Calls `each` for all those up to a distance.
    pub(super) fn each_within(&self, limit: u16, mut each: impl FnMut(Candidate)) {
        match self {
            Self::All(distances) => distances.each_within(limit, |near| each(near.candidate)),
            Self::Few(few) => few_within(few, limit)
                .iter()
                .for_each(|near| each(near.candidate)),
        }
    }
}

/// Of some that are in order, those up to a distance.
fn few_within(few: &[Near], limit: u16) -> &[Near] {
    &few[..few.partition_point(|near| near.sample <= limit)]
}

/// The least distance up to which there are `count`.
fn quantile(counts: &[u32], count: usize) -> Option<u16> {
    let mut sum = 0;
    let reached = counts.iter().position(|here| {
        sum += *here as usize;
        sum >= count
    });
    reached.map(|distance| distance as u16)
}

/// From how many on counting beats comparing.
const COUNTING_SORT_MIN: usize = 256;

/// In order: they already are by place.
pub(super) fn sorted(mut near: Vec<Near>) -> Vec<Near> {
    if near.len() < COUNTING_SORT_MIN {
        near.sort_unstable();
        return near;
    }
    // Where the next one of each distance goes.
    let mut places = [0_usize; DISTANCE_MAX + 2];
    for near in &near {
        places[usize::from(near.sample) + 1] += 1;
    }
    for distance in 1..places.len() {
        places[distance] += places[distance - 1];
    }
    let mut ordered = near.clone();
    for near in near {
        let place = &mut places[usize::from(near.sample)];
        ordered[*place] = near;
        *place += 1;
    }
    ordered
}
