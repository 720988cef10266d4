//! The search that looks at samples first: all outlines, then the sketches of those whose outline is near enough, a
//! quarter of the fingerprints whose sketch is, and all of those whose quarter is.
//!
//! 1. [`sampled`] scans the outlines of all candidates into distances of sixteen bits.
//! 2. The *pilots*, those with the nearest outlines, are measured in full: their k-th best distance
//!    bounds the answer, nearly tightly, since it comes last in a scan and first here.
//! 3. Pairs that are measured anyway, and a few picked by chance, tell how well samples of this data
//!    agree with theory; limits widen where they scatter more.
//! 4. The sketches of what lies within the limit of the bound are compared, at low recalls of some more; of all candidates,
//!    in another scan, where outlines leave many. Again the nearest are measured first.
//! 5. What lies within the limit of the bound by its sketch is measured in the order of that, its quarter first,
//!    and the bound tightens further. Distances that are answered are exact.
//!
//! Where sketches leave many candidates, quarters are read for all that are left, in the order of memory,
//! in one pass for all queries of a batch that need it; the nearest of these bound the answer better. If quarters sort
//! out too little as well, the exact scan runs, within the bound found so far. `docs/design/search.md` says why a
//! limit keeps the recall that was asked.
//!
//! A search for every one of the nearest takes only the first two steps, and then the exact scan: with a bound
//! from the start that gives up most candidates after a part of them.

mod nearest;
mod sampled;

use std::num::NonZero;

use super::best::Best;
use super::filter::Segment;
use super::sampling::{Limit, Sample};
use super::{IsWanted, Recall, TopK, exact};
use crate::fingerprint::expand::split_mix;
use crate::fingerprint::{Fingerprint, LAYER_BITS, QUARTER, SKETCH_BITS};
use crate::space::address::SLOTS;
use crate::space::column::SlotSet;
use crate::space::sketches::Layers;
use nearest::{First, Nearest, Outcome};
use sampled::{Sampled, Sketches};

/// The samples of the three first levels.
const OUTLINE: Sample = Sample::of(LAYER_BITS);
const SKETCH: Sample = Sample::of(SKETCH_BITS);
const QUARTER_SAMPLE: Sample = Sample::of(QUARTER * 64);

/// Up to so many candidates all are measured: there is nothing to gain.
const EXACT_CANDIDATES_MAX: usize = 512;
/// The same where so great a share of them is wanted: one in so many.
const EXACT_K_SHARE: usize = 16;

/// How a search sets about the recall that is asked.
struct Effort {
    /// How many with the nearest outlines are measured before limits are known, at least: they bound the answer.
    pilots_min: usize,
    /// The same of those with the nearest larger samples.
    sampled_pilots_min: usize,
    /// How many picked by chance are measured, to see how well their samples agree with their distances.
    checked: usize,
    /// Of so many with the nearest outlines, for each of the pilots, sketches are looked at whatever the limit is.
    sketched_per_pilot: f64,
    /// What is found passes the limits of outlines, sketches and quarters, so each may lose as much as leaves this power of
    /// the recall, and the recall is the product.
    shares: [f64; 3],
}

impl Effort {
    /// A tenth is a margin, so that what is measured over some thousands of neighbours is at least what was asked for. Most
    /// is the outlines' because they decide whether all sketches are read.
    const MOST: Self = Self {
        pilots_min: 32,
        sampled_pilots_min: 32,
        checked: 48,
        sketched_per_pilot: 0.0,
        shares: [0.5, 0.3, 0.1],
    };
    const MOST_RECALL_MIN: f64 = 0.5;

    /// Where much may be lost, outlines may lose nearly all of that: how many of them are followed decides what a search
    /// costs. The few that are followed whatever the limit is, more of them for a greater share, find more than it
    /// promises.
    fn some(share: f64) -> Self {
        Self {
            pilots_min: 10,
            sampled_pilots_min: (80.0 * share) as usize,
            checked: 12,
            sketched_per_pilot: 40.0 * share,
            shares: [0.8, 0.1, 0.1],
        }
    }

    fn of(recall: Recall) -> Self {
        match recall.share() {
            Self::MOST_RECALL_MIN.. => Self::MOST,
            share => Self::some(share),
        }
    }
}

/// Where sketches leave many, near quarters are first looked for among this share of the candidates, those with the nearest
/// sketches: they bound the answer better, so that fewer quarters are read in the order of memory.
const SCOUTED_SHARE: usize = 64;
/// The same of several queries, which share that reading.
const SCOUTED_SHARE_OF_SEVERAL: usize = 256;

/// A search for every one of the nearest measures these first where they are at most one in so many candidates: else
/// they would take more time than they save.
const PILOTS_SHARE: usize = 128;

/// Queries that share a pass over outlines or sketches: their distances fit the second level of the cache.
const QUERIES_PER_PASS: usize = 8;

/// Distances of quarters that a pass over them holds, 8 MiB: as many queries share it as that lets, and at least
/// those of a pass over the smaller samples.
const QUARTERS_PER_PASS: usize = 4 << 20;

/// From how many candidates, of all queries together, on a search goes to the pool: 100 to 300 µs of one core.
#[cfg(feature = "parallel")]
const PARALLEL_CANDIDATES_MIN: usize = 131_072;

/// A candidate: its segment, and its slot there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate(u32);

impl Candidate {
    fn new(segment: usize, slot: u8) -> Self {
        Self((segment as u32) << 8 | u32::from(slot))
    }

    const fn segment(self) -> usize {
        (self.0 >> 8) as usize
    }

    const fn slot(self) -> u8 {
        self.0 as u8
    }
}

/// The limits of all levels.
#[derive(Clone, Copy)]
struct Limits {
    outline: Limit,
    sketch: Limit,
    quarter: Limit,
}

/// The best of each query, with the recall that is wanted.
pub(super) fn search(
    segments: &[Segment<'_>],
    queries: &[&Fingerprint],
    wanted: TopK,
    is_wanted: IsWanted<'_>,
) -> Vec<Best> {
    let candidates: usize = segments.iter().map(Segment::len).sum();
    if candidates <= EXACT_CANDIDATES_MAX || wanted.k > candidates / EXACT_K_SHARE {
        let best = vec![wanted.best(); queries.len()];
        return exact::search(segments, queries, best, is_wanted);
    }
    let effort = Effort::of(wanted.recall);
    let pilots = wanted.k.max(effort.pilots_min);
    let limit = |sample, share| Limit::new(sample, wanted.recall.loss(share));
    let [outline, sketch, quarter] = effort.shares;
    let scouted_share = match queries.len() {
        1 => SCOUTED_SHARE,
        _ => SCOUTED_SHARE_OF_SEVERAL,
    };
    // Looked up side by side: each waits for memory twice.
    let layers = segments
        .iter()
        .map(|segment| segment.chunk.sketches().layers());
    let pass = Pass {
        segments,
        layers: layers.collect(),
        candidates,
        pilots,
        sampled_pilots: wanted.k.max(effort.sampled_pilots_min),
        sketched: (pilots as f64 * effort.sketched_per_pilot) as usize,
        scouted: candidates / scouted_share,
        checked: checked(segments, candidates, effort.checked),
        wanted,
        limits: Limits {
            outline: limit(OUTLINE, outline),
            sketch: limit(SKETCH, sketch),
            quarter: limit(QUARTER_SAMPLE, quarter),
        },
        is_parallel: false,
        is_wanted,
    };
    #[cfg(feature = "parallel")]
    if pass.is_shared(queries.len()) {
        let pass = Pass {
            is_parallel: true,
            ..pass
        };
        return super::pool::run(|| pass.search(queries));
    }
    pass.search(queries)
}

/// Candidates picked by chance, evenly: one at a pseudo-random place of each of as many equal parts.
fn checked(segments: &[Segment<'_>], candidates: usize, count: usize) -> Vec<Candidate> {
    let Some(part) = NonZero::new(candidates / count) else {
        return Vec::new();
    };
    let mut before = 0;
    let mut picked = Vec::with_capacity(count);
    for (index, segment) in segments.iter().enumerate() {
        let here = segment.slots.len();
        while picked.len() < count {
            let place = split_mix(candidates as u64, picked.len() as u64) as usize % part;
            let ordinal = picked.len() * part.get() + place;
            let Some(slot) = ordinal
                .checked_sub(before)
                .filter(|ordinal| *ordinal < here)
                .map(|ordinal| nth(segment.slots, ordinal))
            else {
                break;
            };
            picked.push(Candidate::new(index, slot));
        }
        before += here;
    }
    picked
}

/// The slot with so many others of the set below it: the last of all slots with no more.
fn nth(slots: SlotSet, ordinal: usize) -> u8 {
    (0..8).rev().fold(0, |slot, bit| {
        let later = slot | 1 << bit;
        match slots.rank(later) <= ordinal {
            true => later,
            false => slot,
        }
    })
}

/// What the queries of a search have in common.
struct Pass<'a> {
    segments: &'a [Segment<'a>],
    /// The sketches of each segment.
    layers: Vec<Layers<'a>>,
    candidates: usize,
    /// How many with the nearest outlines are measured first.
    pilots: usize,
    /// The same of those with the nearest sketches or quarters.
    sampled_pilots: usize,
    /// The sketches of so many, of those with the nearest outlines, are looked at whatever the limit is.
    sketched: usize,
    /// Near quarters are looked for among so many with the nearest sketches, where these leave many.
    scouted: usize,
    /// Candidates picked by chance.
    checked: Vec<Candidate>,
    wanted: TopK,
    limits: Limits,
    /// Whether it runs on the pool, and may use all of it.
    is_parallel: bool,
    is_wanted: IsWanted<'a>,
}

impl Pass<'_> {
    /// Whether the pool shares the work.
    #[cfg(feature = "parallel")]
    fn is_shared(&self, queries: usize) -> bool {
        let least = match self.wanted.recall {
            Recall::EXACT => exact::PARALLEL_COMPARISONS_MIN,
            _ => PARALLEL_CANDIDATES_MIN,
        };
        self.candidates.saturating_mul(queries) >= least
    }

    /// The best of each query.
    fn search(&self, queries: &[&Fingerprint]) -> Vec<Best> {
        match self.wanted.recall {
            Recall::EXACT if self.pilots > self.candidates / PILOTS_SHARE => {
                self.scan(queries, vec![self.wanted.distance_max; queries.len()])
            }
            Recall::EXACT => self.scan(queries, self.bounds(queries)),
            _ => self.cascade(queries),
        }
    }

    /// The best of each query, as far as samples tell.
    fn cascade(&self, queries: &[&Fingerprint]) -> Vec<Best> {
        let mut found: Vec<Option<Best>> = Vec::with_capacity(queries.len());
        let (mut unsettled, mut unanswered) = (Vec::new(), Vec::new());
        for (index, outcome) in self.by_samples(queries).into_iter().enumerate() {
            found.push(None);
            match outcome {
                Outcome::Found(best) => found[index] = Some(best),
                Outcome::Quarters(left) => unsettled.push((index, left)),
                Outcome::Scan(bound) => unanswered.push((index, bound)),
            }
        }
        // What is hard is done together: the queries share the passes over quarters, and over all.
        let per_pass = QUARTERS_PER_PASS / (self.segments.len() * SLOTS);
        let per_pass = per_pass.max(QUERIES_PER_PASS);
        while !unsettled.is_empty() {
            let few = unsettled.split_off(unsettled.len().saturating_sub(per_pass));
            let nearest = |index: &usize| Nearest::new(self, queries[*index]);
            let asked = few
                .iter()
                .map(|(index, left)| (queries[*index], &left.survivors[..]));
            let sampled =
                Sampled::quarters(self.segments, &asked.collect::<Vec<_>>(), self.is_parallel);
            for (number, (index, left)) in few.into_iter().enumerate() {
                match nearest(&index).by_quarters(left, sampled.of_query(number)) {
                    Ok(best) => found[index] = Some(best),
                    Err(bound) => unanswered.push((index, bound)),
                }
            }
            sampled.recycle();
        }
        if !unanswered.is_empty() {
            let (indices, bounds): (Vec<usize>, Vec<u32>) = unanswered.into_iter().unzip();
            let queries: Vec<_> = indices.iter().map(|index| queries[*index]).collect();
            for (index, best) in indices.into_iter().zip(self.scan(&queries, bounds)) {
                found[index] = Some(best);
            }
        }
        let found = found.into_iter();
        found
            .map(|best| best.expect("invariant: each query is found, unsettled or unanswered"))
            .collect()
    }

    /// The best of each query by the exact scan, within a bound each.
    fn scan(&self, queries: &[&Fingerprint], bounds: Vec<u32>) -> Vec<Best> {
        let within = bounds
            .into_iter()
            .map(|bound| Best::new(self.wanted.k, bound));
        exact::search(self.segments, queries, within.collect(), self.is_wanted)
    }

    /// For each query a distance within which as many as are wanted lie: that of those with the nearest outlines.
    fn bounds(&self, queries: &[&Fingerprint]) -> Vec<u32> {
        self.outlined(queries, |asked, sampled| {
            let bound = |(number, nearest): (usize, &Nearest<'_>)| {
                nearest.begin(sampled.of_query(number)).0.best.bound()
            };
            asked.iter().enumerate().map(bound).collect()
        })
    }

    /// What outlines say of each query, and sketches of those of which outlines say too little.
    fn by_samples(&self, queries: &[&Fingerprint]) -> Vec<Outcome> {
        self.outlined(queries, |asked, sampled| {
            let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(asked.len());
            let mut open = Vec::new();
            for (number, nearest) in asked.iter().enumerate() {
                outcomes.push(match nearest.by_outlines(sampled.of_query(number)) {
                    First::Settled(outcome) => Some(outcome),
                    First::Open(begun) => {
                        open.push((number, begun));
                        None
                    }
                });
            }
            if !open.is_empty() {
                let sketches = open
                    .iter()
                    .map(|(number, _)| (*number, asked[*number].sketch));
                let sketches: Vec<_> = sketches.collect();
                sampled.complete(self.segments, &self.layers, &sketches, self.is_parallel);
            }
            for (number, begun) in open {
                let sketches = Sketches::All(sampled.of_query(number));
                outcomes[number] = Some(asked[number].by_sketches(&sketches, begun));
            }
            outcomes.into_iter().flatten().collect()
        })
    }

    /// Calls `each` for blocks of queries with the distances of their outlines.
    fn outlined<T: Send>(
        &self,
        queries: &[&Fingerprint],
        each: impl Fn(&[Nearest<'_>], &mut Sampled) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let block = |queries: &[&Fingerprint]| {
            let asked = queries.iter().map(|query| Nearest::new(self, query));
            let asked: Vec<_> = asked.collect();
            let outlines: Vec<_> = asked.iter().map(|nearest| nearest.sketch[0]).collect();
            let mut sampled =
                Sampled::outlines(self.segments, &self.layers, &outlines, self.is_parallel);
            let answers = each(&asked, &mut sampled);
            sampled.recycle();
            answers
        };
        #[cfg(feature = "parallel")]
        if self.is_parallel {
            use rayon::prelude::*;
            let blocks = queries.par_chunks(QUERIES_PER_PASS);
            return blocks.flat_map_iter(block).collect();
        }
        queries.chunks(QUERIES_PER_PASS).flat_map(block).collect()
    }
}
