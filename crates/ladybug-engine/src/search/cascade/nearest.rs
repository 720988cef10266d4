//! One query, once its sketch's distances are known: pilots, limits, and what lies within them.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::sketched::{Distances, Near};
use super::{Candidate, Limits, Pass, QUARTER_SAMPLE, SKETCH};
use crate::fingerprint::kernel::{self, Kernels};
use crate::fingerprint::{Fingerprint, Words};
use crate::search::best::{Best, Hit};
use crate::search::sampling::Fit;
use crate::space::address::Address;

/// Candidates measured first, at least.
const PILOTS_MIN: usize = 32;

/// Up to so many survivors all are measured in full, since quarters would save little.
const UNSAMPLED_MAX: usize = 64;
/// Survivors picked evenly of more than that, to see how well samples agree with distances among them.
const SURVIVORS_CHECKED: usize = 32;

/// A greater share of the candidates than one in so many is not looked at in the order of sketches: reading
/// memory in its own order takes less time a candidate.
const SURVIVORS_SHARE: usize = 8;

/// Where more survive, this share of the candidates, those with the nearest sketches, is looked at for
/// near quarters.
const SCOUTED_SHARE: usize = 32;

/// Beyond this spread quarters sort out too little to be worth their time.
const QUARTER_SPREAD_MAX: f64 = 2.5;

/// From how many survivors on they are shared by threads, and how many each takes at a time.
#[cfg(feature = "parallel")]
const SURVIVORS_PER_TASK: usize = 1024;
/// The same of segments.
#[cfg(feature = "parallel")]
const SEGMENTS_PER_TASK: usize = 32;

/// The search for one query.
pub(super) struct Nearest<'a> {
    pass: &'a Pass<'a>,
    query: &'a Fingerprint,
    distances: Distances<'a>,
    kernels: &'static Kernels,
}

/// How well samples agree with distances, of one group of candidates.
#[derive(Default)]
struct Fits {
    sketch: Fit,
    quarter: Fit,
    /// The distances of the quarters.
    quarters: Vec<u32>,
}

impl Fits {
    /// The share of the group whose quarter lies within a distance.
    fn share_within(&self, quarter_max: u32) -> f64 {
        let within = self
            .quarters
            .iter()
            .filter(|quarter| **quarter <= quarter_max);
        within.count() as f64 / self.quarters.len().max(1) as f64
    }
}

/// The best so far, and which candidates are not to be offered again.
struct Found {
    best: Best,
    /// In order.
    measured: Vec<Candidate>,
}

/// What lies within the limit of the sketch.
enum Survivors {
    /// Few, in the order of their sketches.
    Few(Vec<Near>),
    /// Too many to list.
    Many,
}

impl<'a> Nearest<'a> {
    pub(super) fn new(
        pass: &'a Pass<'a>,
        query: &'a Fingerprint,
        distances: Distances<'a>,
    ) -> Self {
        Self {
            pass,
            query,
            distances,
            kernels: kernel::active(),
        }
    }

    /// The best.
    ///
    /// # Errors
    /// Sketches leave too many candidates: a scan of all of them is asked for, within the bound that is the
    /// error.
    pub(super) fn search(&self) -> Result<Best, u32> {
        let wanted = self.pass.wanted;
        let mut best = wanted.best();
        for segment in self.pass.segments {
            for (address, fingerprint) in &segment.derived {
                best.offer(Hit {
                    distance: self.query.distance(fingerprint),
                    scope: segment.scope,
                    address: *address,
                });
            }
        }

        let pilots = self.distances.nearest(wanted.k.max(PILOTS_MIN));
        let mut near = Fits::default();
        for pilot in &pilots {
            let distance = self.measure(pilot.candidate, pilot.sketch, &mut near);
            best.offer(self.hit(pilot.candidate, distance));
        }
        let mut any = Fits::default();
        for &candidate in &self.pass.checked {
            self.measure(candidate, self.distances.of(candidate), &mut any);
        }
        let sketch_spread = any.sketch.spread().max(near.sketch.spread_above());
        let quarter_spread = any.quarter.spread().max(near.quarter.spread());
        let mut limits = Limits {
            sketch: self.pass.limits.sketch.widened(sketch_spread),
            quarter: self.pass.limits.quarter.widened(quarter_spread),
        };
        let mut found = Found {
            best,
            measured: pilots.iter().map(|pilot| pilot.candidate).collect(),
        };
        found.measured.sort_unstable();

        let mut survivors = self.survivors(&limits, &found.best);
        if let Survivors::Many = survivors
            && limits.quarter.spread() <= QUARTER_SPREAD_MAX
        {
            self.scout(&mut found);
            survivors = self.survivors(&limits, &found.best);
        }
        if let Survivors::Few(few) = &survivors
            && few.len() > UNSAMPLED_MAX
        {
            // Those measured so far are the nearest or any: these are what must not be lost.
            let mut among = Fits::default();
            for survivor in few.iter().step_by(few.len() / SURVIVORS_CHECKED) {
                self.measure(survivor.candidate, survivor.sketch, &mut among);
            }
            limits.quarter = limits.quarter.widened(among.quarter.spread());
            let spread = among.sketch.spread_above();
            if spread > limits.sketch.spread() {
                limits.sketch = limits.sketch.widened(spread);
                survivors = self.survivors(&limits, &found.best);
            }
        }
        let bound = found.best.bound();
        match survivors {
            Survivors::Few(few) => Ok(self.refine(&few, limits, found)),
            Survivors::Many => {
                // Quarters are read in order too; that pays where they sort out at least half.
                let has_quarters = limits.quarter.spread() <= QUARTER_SPREAD_MAX
                    && any.share_within(limits.quarter.at(bound)) < 0.5;
                match has_quarters {
                    true => Ok(self.refine_all(limits, found)),
                    false => Err(bound),
                }
            }
        }
    }

    /// Measures those with the nearest quarters among those with the nearest sketches, which bounds the
    /// answer better than sketches alone can.
    fn scout(&self, found: &mut Found) {
        let scouted = self.pass.candidates / SCOUTED_SHARE;
        let scouted = self.distances.nearest(scouted).into_iter();
        let quarter = |near: Near| (self.quarter(self.words(near.candidate)), near.candidate);
        let mut quarters: Vec<_> = scouted
            .filter(|near| found.measured.binary_search(&near.candidate).is_err())
            .map(quarter)
            .collect();
        let wanted = self.pass.wanted.k.max(PILOTS_MIN);
        if wanted < quarters.len() {
            quarters.select_nth_unstable(wanted);
            quarters.truncate(wanted);
        }
        for (_, candidate) in quarters {
            let distance = (self.kernels.distance)(self.query.words(), self.words(candidate));
            found.best.offer(self.hit(candidate, distance));
            found.measured.push(candidate);
        }
        found.measured.sort_unstable();
    }

    /// Those whose sketches lie within the limit.
    fn survivors(&self, limits: &Limits, best: &Best) -> Survivors {
        let limit = limits.sketch.at(best.bound()) as u16;
        let most = self.pass.candidates / SURVIVORS_SHARE;
        match self.distances.within(limit, most) {
            Some(few) => Survivors::Few(few),
            None => Survivors::Many,
        }
    }

    fn words(&self, candidate: Candidate) -> &'a Words {
        let segment = &self.pass.segments[candidate.segment()];
        segment.chunk.fingerprint(candidate.slot()).words()
    }

    fn hit(&self, candidate: Candidate, distance: u32) -> Hit {
        let segment = &self.pass.segments[candidate.segment()];
        Hit {
            distance,
            scope: segment.scope,
            address: Address::new(segment.prefix, candidate.slot()),
        }
    }

    /// The distance of a candidate, after its samples were compared with it.
    fn measure(&self, candidate: Candidate, sketched: u16, fits: &mut Fits) -> u32 {
        let words = self.words(candidate);
        let distance = (self.kernels.distance)(self.query.words(), words);
        let error = SKETCH.error(sketched.into(), distance);
        fits.sketch.add(error);
        let quarter = self.quarter(words);
        fits.quarter.add(QUARTER_SAMPLE.error(quarter, distance));
        fits.quarters.push(quarter);
        distance
    }

    /// How far the first quarters are apart.
    fn quarter(&self, words: &Words) -> u32 {
        (self.kernels.quarter_distance)(self.query.words(), words)
    }

    /// Offers survivors, nearest sketch first.
    fn refine(&self, survivors: &[Near], limits: Limits, found: Found) -> Best {
        let has_quarters =
            survivors.len() > UNSAMPLED_MAX && limits.quarter.spread() <= QUARTER_SPREAD_MAX;
        let refinement = Refinement::new(self, limits, has_quarters, &found);
        #[cfg(feature = "parallel")]
        if self.pass.is_parallel && survivors.len() > SURVIVORS_PER_TASK {
            use rayon::prelude::*;
            return survivors
                .par_chunks(SURVIVORS_PER_TASK)
                .map(|survivors| refinement.few(survivors, self.pass.wanted.best()))
                .reduce(|| self.pass.wanted.best(), Best::merge)
                .merge(found.best);
        }
        refinement.few(survivors, found.best.clone())
    }

    /// Offers all survivors, in the order of memory.
    fn refine_all(&self, limits: Limits, found: Found) -> Best {
        let refinement = Refinement::new(self, limits, true, &found);
        let segments = self.pass.segments.len();
        #[cfg(feature = "parallel")]
        if self.pass.is_parallel && segments > SEGMENTS_PER_TASK {
            use rayon::prelude::*;
            return (0..segments.div_ceil(SEGMENTS_PER_TASK))
                .into_par_iter()
                .map(|task| {
                    let first = task * SEGMENTS_PER_TASK;
                    let segments = first..segments.min(first + SEGMENTS_PER_TASK);
                    refinement.all(segments, self.pass.wanted.best())
                })
                .reduce(|| self.pass.wanted.best(), Best::merge)
                .merge(found.best);
        }
        refinement.all(0..segments, found.best.clone())
    }
}

/// The last step of a search.
struct Refinement<'a> {
    nearest: &'a Nearest<'a>,
    limits: Limits,
    /// Whether quarters are looked at.
    has_quarters: bool,
    measured: &'a [Candidate],
    /// The least k-th best distance of any thread.
    bound: AtomicU32,
}

/// What a bound comes to at each level.
#[derive(Clone, Copy)]
struct Bounds {
    all: u32,
    sketch: u32,
    quarter: u32,
}

impl<'a> Refinement<'a> {
    fn new(nearest: &'a Nearest<'a>, limits: Limits, has_quarters: bool, found: &'a Found) -> Self {
        Self {
            nearest,
            limits,
            has_quarters,
            measured: &found.measured,
            bound: AtomicU32::new(found.best.bound()),
        }
    }

    fn bounds(&self) -> Bounds {
        let all = self.bound.load(Relaxed);
        Bounds {
            all,
            sketch: self.limits.sketch.at(all),
            quarter: self.limits.quarter.at(all),
        }
    }

    /// Offers survivors in the order of their sketches, as long as these lie within the limit.
    fn few(&self, survivors: &[Near], mut best: Best) -> Best {
        let mut bounds = self.bounds();
        for near in survivors {
            if self.bound.load(Relaxed) != bounds.all {
                bounds = self.bounds();
            }
            if u32::from(near.sketch) > bounds.sketch {
                break;
            }
            self.offer(near.candidate, bounds, &mut best);
        }
        best
    }

    /// Offers all that lie within the limits in some segments.
    fn all(&self, segments: Range<usize>, mut best: Best) -> Best {
        for segment in segments {
            let mut bounds = self.bounds();
            let distances = self.nearest.distances;
            distances.of_segment(segment, bounds.sketch as u16, |near| {
                self.offer(near.candidate, bounds, &mut best);
                if self.bound.load(Relaxed) != bounds.all {
                    bounds = self.bounds();
                }
            });
        }
        best
    }

    fn offer(&self, candidate: Candidate, bounds: Bounds, best: &mut Best) {
        let nearest = self.nearest;
        let words = nearest.words(candidate);
        if self.has_quarters && nearest.quarter(words) > bounds.quarter {
            return;
        }
        let mut distance = [0];
        let query = nearest.query.words();
        (nearest.kernels.distances_within)(query, words, bounds.all, &mut distance);
        if distance[0] <= bounds.all && self.measured.binary_search(&candidate).is_err() {
            best.offer(nearest.hit(candidate, distance[0]));
            self.bound.fetch_min(best.bound(), Relaxed);
        }
    }
}
