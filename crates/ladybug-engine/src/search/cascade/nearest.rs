//! One query, once the distances of its samples are known: pilots, limits, and what lies within them.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::sampled::{Distances, Near, Sketches, sorted};
use super::{Candidate, Limits, OUTLINE, Pass, QUARTER_SAMPLE, SKETCH};
use crate::fingerprint::kernel::{self, Kernels};
use crate::fingerprint::{Fingerprint, Layer, QUARTER, REST, Sketch, WORDS, Words, sketch};
use crate::search::best::{Best, Hit};
use crate::search::sampling::{Fit, Limit};
use crate::space::address::Address;
use crate::space::column::SlotSet;

/// Up to so many survivors all are measured in full, since quarters would save little.
const UNSAMPLED_MAX: usize = 64;
/// Survivors picked evenly of more than that, to see how well samples agree with distances among them.
const SURVIVORS_CHECKED: usize = 32;

/// Where outlines leave more than this share of the candidates, all sketches are scanned: that takes less time than
/// looking at these one by one.
const OUTLINED_SHARE: usize = 16;
/// Before that the sketches of this share of the candidates are looked at for pilots, if it is likely to help.
const SCOUTS_SHARE: usize = 48;

/// A greater share of the candidates than one in so many is not looked at in the order of sketches: reading
/// memory in its own order takes less time a candidate, and is shared with other queries.
const SORTED_SHARE: usize = 64;

/// Where more than this share of the candidates survives, sketches alone do not suffice.
const SURVIVORS_SHARE: usize = 8;
/// The same of quarters: reading all of them in the order of memory is faster.
const QUARTERED_SHARE: usize = 4;

/// Beyond this spread quarters sort out too little to be worth their time.
const QUARTER_SPREAD_MAX: f64 = 2.5;
/// Where sketches leave many, quarters are worth their time if they leave less than this share of all.
const PROMISING_SHARE_MAX: f64 = 0.125;

/// So many candidates before a fingerprint is looked at, it is asked for from memory.
const FETCHED_AHEAD: usize = 3;
/// The same of the rest of a sketch.
const RESTS_FETCHED_AHEAD: usize = 8;

/// From how many survivors on they are shared by threads, and how many each takes at a time.
#[cfg(feature = "parallel")]
const SURVIVORS_PER_TASK: usize = 1024;

/// The search for one query.
#[derive(Clone, Copy)]
pub(super) struct Nearest<'a> {
    pass: &'a Pass<'a>,
    query: &'a Fingerprint,
    pub(super) sketch: Sketch,
    kernels: &'static Kernels,
}

/// What sketches come to.
pub(super) enum Outcome {
    /// The best.
    Found(Best),
    /// Quarters are to be read in the order of memory.
    Quarters(Unsettled),
    /// All candidates are to be scanned, within a bound.
    Scan(u32),
}

/// What outlines come to.
pub(super) enum First {
    /// With the sketches of the few that they leave, as much as sketches come to.
    Settled(Outcome),
    /// They leave many: the sketches of all candidates are to be scanned.
    Open(Begun),
}

/// A search before its sketches are looked at.
pub(super) struct Begun {
    found: Found,
    any: Fits,
}

/// A search that many candidates are left to.
pub(super) struct Unsettled {
    limit: Limit,
    found: Found,
    /// What is left, by segment.
    pub(super) survivors: Vec<SlotSet>,
}

/// Which sample a candidate was found by.
#[derive(Clone, Copy)]
enum Level {
    Outline,
    Sketch,
}

/// How well samples agree with distances, of one group of candidates.
#[derive(Default)]
pub(super) struct Fits {
    outline: Fit,
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

impl Limits {
    /// Whether quarters sort out enough to be looked at.
    fn has_quarters(&self) -> bool {
        self.quarter.spread() <= QUARTER_SPREAD_MAX
    }
}

/// The best so far, and which candidates are not to be offered again.
pub(super) struct Found {
    pub(super) best: Best,
    /// In order.
    measured: Vec<Candidate>,
}

impl Found {
    fn has_measured(&self, candidate: Candidate) -> bool {
        self.measured.binary_search(&candidate).is_ok()
    }

    /// Those are not to be offered again.
    fn add(&mut self, measured: impl Iterator<Item = Candidate>) {
        self.measured.extend(measured);
        self.measured.sort_unstable();
    }
}

impl<'a> Nearest<'a> {
    pub(super) fn new(pass: &'a Pass<'a>, query: &'a Fingerprint) -> Self {
        Self {
            pass,
            query,
            sketch: sketch(query),
            kernels: kernel::active(),
        }
    }

    /// The best of what lies beside the columns and of those with the nearest outlines, and how well these fit.
    pub(super) fn begin(&self, distances: Distances<'_>) -> (Found, Fits) {
        let mut best = self.pass.wanted.best();
        for segment in self.pass.segments {
            for (address, fingerprint) in &segment.derived {
                best.offer(Hit {
                    distance: self.query.distance(fingerprint),
                    scope: segment.scope,
                    address: *address,
                });
            }
        }

        let measured = Vec::new();
        let mut found = Found { best, measured };
        let pilots = distances.nearest(self.pass.pilots);
        let near = self.pilot(&pilots, Level::Outline, &mut found);
        (found, near)
    }

    /// How to go on by the distances of outlines.
    pub(super) fn by_outlines(&self, distances: Distances<'_>) -> First {
        let candidates = self.pass.candidates;
        let (mut found, near) = self.begin(distances);
        let mut any = Fits::default();
        for checked in self.fetched(&self.pass.checked, WORDS, |checked| *checked) {
            let checked = Near {
                sample: distances.of(*checked),
                candidate: *checked,
            };
            self.measure(checked, Level::Outline, &mut any);
        }
        let spread = any.outline.spread().max(near.outline.spread_above());
        let limit = self.pass.limits.outline.widened(spread);
        let least = match self.pass.sketched {
            0 => 0,
            sketched => distances.reach(sketched),
        };
        let within = |best: &Best| {
            let limit = limit.among(&best.bounds()) as u16;
            let up_to = |limit| distances.within(limit, candidates / OUTLINED_SHARE);
            match up_to(limit.max(least)) {
                // Where many are as near as the farthest of those.
                None if limit < least => up_to(limit),
                few => few,
            }
        };
        let mut few = within(&found.best);
        if few.is_none() {
            // If the others lie where half of the best do, they are among these.
            let half = found.best.distance_of(self.pass.wanted.k.div_ceil(2));
            let scouts = distances.within(limit.at(half) as u16, candidates / SCOUTS_SHARE);
            if let Some(scouts) = scouts {
                let scouts = self.sketched(scouts);
                let pilots = self.pass.sampled_pilots.min(scouts.len());
                self.pilot(&scouts[..pilots], Level::Sketch, &mut found);
                few = within(&found.best);
            }
        }
        let begun = Begun { found, any };
        let Some(few) = few else {
            return First::Open(begun);
        };
        let sketches = Sketches::Few(self.sketched(few));
        First::Settled(self.by_sketches(&sketches, begun))
    }

    /// Candidates by the distances of their outlines as such by those of their sketches, in order.
    fn sketched(&self, mut near: Vec<Near>) -> Vec<Near> {
        for index in 0..near.len() {
            if let Some(ahead) = near.get(index + RESTS_FETCHED_AHEAD) {
                for layer in self.rest(ahead.candidate) {
                    self.kernels.fetch(layer);
                }
            }
            near[index].sample += self.rest_distance(near[index].candidate);
        }
        sorted(near)
    }

    /// Measures candidates that are near by their samples, which bounds the answer.
    fn pilot(&self, pilots: &[Near], level: Level, found: &mut Found) -> Fits {
        let mut near = Fits::default();
        for pilot in self.fetched(pilots, WORDS, |pilot| pilot.candidate) {
            let distance = self.measure(*pilot, level, &mut near);
            if !found.has_measured(pilot.candidate) {
                found.best.offer(self.hit(pilot.candidate, distance));
            }
        }
        found.add(pilots.iter().map(|pilot| pilot.candidate));
        near
    }

    /// The best, or how to go on, by the distances of sketches.
    pub(super) fn by_sketches(&self, sketches: &Sketches<'_>, begun: Begun) -> Outcome {
        let candidates = self.pass.candidates;
        let Begun { mut found, any } = begun;
        let pilots = sketches.nearest(self.pass.sampled_pilots);
        let near = self.pilot(&pilots, Level::Sketch, &mut found);
        let sketch_spread = any.sketch.spread().max(near.sketch.spread_above());
        let quarter_spread = any.quarter.spread().max(near.quarter.spread());
        let mut limits = Limits {
            sketch: self.pass.limits.sketch.widened(sketch_spread),
            quarter: self.pass.limits.quarter.widened(quarter_spread),
            ..self.pass.limits
        };

        // Those whose sketches lie within the limit, if they are not too many.
        let within = |limits: &Limits, best: &Best| {
            let limit = limits.sketch.among(&best.bounds());
            sketches.within(limit as u16, candidates / SURVIVORS_SHARE)
        };
        // Whether quarters would sort out most, if as many as are wanted lay where the first `count` do.
        let is_promising = |count: usize, limits: &Limits, best: &Best| {
            let limit = limits.quarter.at(best.distance_of(count));
            limits.has_quarters() && any.share_within(limit) < PROMISING_SHARE_MAX
        };
        let mut survivors = within(&limits, &found.best);
        if survivors.is_none() && is_promising(1, &limits, &found.best) {
            self.scout(sketches, &mut found);
            survivors = within(&limits, &found.best);
        }
        if let Some(few) = &survivors
            && few.len() > UNSAMPLED_MAX
        {
            // Those measured so far are the nearest or any: these are what must not be lost.
            let mut among = Fits::default();
            for survivor in few.iter().step_by(few.len() / SURVIVORS_CHECKED) {
                self.measure(*survivor, Level::Sketch, &mut among);
            }
            limits.quarter = limits.quarter.widened(among.quarter.spread());
            let spread = among.sketch.spread_above();
            if spread > limits.sketch.spread() {
                limits.sketch = limits.sketch.widened(spread);
                survivors = within(&limits, &found.best);
            }
        }
        match survivors {
            Some(few) if few.len() <= candidates / SORTED_SHARE || !limits.has_quarters() => {
                let has_quarters = limits.has_quarters() && few.len() > UNSAMPLED_MAX;
                let quarter = has_quarters.then_some(limits.quarter);
                return Outcome::Found(self.refine(&few, limits.sketch, quarter, found));
            }
            None if !is_promising(self.pass.wanted.k.div_ceil(2), &limits, &found.best) => {
                return Outcome::Scan(found.best.bound());
            }
            _ => {}
        }
        Outcome::Quarters(Unsettled {
            survivors: self.slots(sketches, limits.sketch.among(&found.best.bounds()) as u16),
            limit: limits.quarter,
            found,
        })
    }

    /// The best, by the distances of quarters.
    ///
    /// # Errors
    /// Quarters leave too many candidates as well: a scan of all is asked for, within the bound that is the
    /// error.
    pub(super) fn by_quarters(
        &self,
        unsettled: Unsettled,
        distances: Distances<'_>,
    ) -> Result<Best, u32> {
        let Unsettled {
            limit, mut found, ..
        } = unsettled;
        let mut pilots = distances.nearest(self.pass.sampled_pilots);
        pilots.retain(|pilot| !found.has_measured(pilot.candidate));
        let mut near = Fit::default();
        for pilot in &pilots {
            let distance = self.distance(pilot.candidate);
            near.add(QUARTER_SAMPLE.error(pilot.sample.into(), distance));
            found.best.offer(self.hit(pilot.candidate, distance));
        }
        found.add(pilots.iter().map(|pilot| pilot.candidate));
        let limit = limit.widened(near.spread_above());
        let most = self.pass.candidates / QUARTERED_SHARE;
        match distances.within(limit.among(&found.best.bounds()) as u16, most) {
            Some(few) => Ok(self.refine(&sorted(few), limit, None, found)),
            None => Err(found.best.bound()),
        }
    }

    /// Measures those with the nearest quarters among those with the nearest sketches, which bounds the
    /// answer better than sketches alone can.
    fn scout(&self, sketches: &Sketches<'_>, found: &mut Found) {
        let scouted = sketches.nearest(self.pass.scouted).into_iter();
        let quarter = |near: Near| (self.quarter(self.words(near.candidate)), near.candidate);
        let mut quarters: Vec<_> = scouted
            .filter(|near| !found.has_measured(near.candidate))
            .map(quarter)
            .collect();
        let wanted = self.pass.sampled_pilots;
        if wanted < quarters.len() {
            quarters.select_nth_unstable(wanted);
            quarters.truncate(wanted);
        }
        for &(_, candidate) in &quarters {
            let distance = self.distance(candidate);
            found.best.offer(self.hit(candidate, distance));
        }
        found.add(quarters.iter().map(|(_, candidate)| *candidate));
    }

    /// The slots, by segment, of those whose sketches lie within a limit.
    fn slots(&self, sketches: &Sketches<'_>, limit: u16) -> Vec<SlotSet> {
        let mut slots = vec![SlotSet::EMPTY; self.pass.segments.len()];
        sketches.each_within(limit, |candidate| {
            slots[candidate.segment()].set(candidate.slot(), true);
        });
        slots
    }

    /// Candidates in turn, the first `words` of each of which are asked for from memory some candidates ahead.
    fn fetched<'b, T>(
        &self,
        candidates: &'b [T],
        words: usize,
        candidate: impl Fn(&T) -> Candidate,
    ) -> impl Iterator<Item = &'b T> {
        candidates.iter().enumerate().map(move |(index, current)| {
            // With the first one, all those ahead of it.
            let first = if index == 0 { 0 } else { index + FETCHED_AHEAD };
            for ahead in candidates
                .iter()
                .take(index + FETCHED_AHEAD + 1)
                .skip(first)
            {
                self.kernels.fetch(&self.words(candidate(ahead))[..words]);
            }
            current
        })
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

    fn distance(&self, candidate: Candidate) -> u32 {
        (self.kernels.distance)(self.query.words(), self.words(candidate))
    }

    /// The distance of a candidate, after its samples were compared with it.
    fn measure(&self, near: Near, level: Level, fits: &mut Fits) -> u32 {
        let words = self.words(near.candidate);
        let distance = (self.kernels.distance)(self.query.words(), words);
        let sketched = match level {
            Level::Outline => {
                fits.outline
                    .add(OUTLINE.error(near.sample.into(), distance));
                near.sample + self.rest_distance(near.candidate)
            }
            Level::Sketch => near.sample,
        };
        fits.sketch.add(SKETCH.error(sketched.into(), distance));
        let quarter = self.quarter(words);
        fits.quarter.add(QUARTER_SAMPLE.error(quarter, distance));
        fits.quarters.push(quarter);
        distance
    }

    /// How far the rests of the sketches are apart.
    fn rest_distance(&self, candidate: Candidate) -> u16 {
        let [_, ours @ ..] = &self.sketch;
        (self.kernels.rest_distance)(ours, self.rest(candidate))
    }

    /// What the sketch of a candidate has beside its outline.
    fn rest(&self, candidate: Candidate) -> [&'a Layer; REST] {
        self.pass.layers[candidate.segment()].rest(candidate.slot())
    }

    /// How far the first quarters are apart.
    fn quarter(&self, words: &Words) -> u32 {
        (self.kernels.quarter_distance)(self.query.words(), words)
    }

    /// Offers survivors, nearest sample first; with a limit for quarters, only those within it.
    fn refine(
        &self,
        survivors: &[Near],
        limit: Limit,
        quarter: Option<Limit>,
        found: Found,
    ) -> Best {
        let refinement = Refinement {
            nearest: self,
            limit,
            quarter,
            found: &found,
            bound: AtomicU32::new(found.best.bound()),
        };
        #[cfg(feature = "parallel")]
        if self.pass.is_parallel && survivors.len() > SURVIVORS_PER_TASK {
            use rayon::prelude::*;
            return survivors
                .par_chunks(SURVIVORS_PER_TASK)
                .map(|survivors| refinement.offer_all(survivors, self.pass.wanted.best()))
                .reduce(|| self.pass.wanted.best(), Best::merge)
                .merge(found.best);
        }
        refinement.offer_all(survivors, found.best.clone())
    }
}

/// The last step of a search.
struct Refinement<'a> {
    nearest: &'a Nearest<'a>,
    /// The limit of the samples that survivors are ordered by.
    limit: Limit,
    /// That of quarters, if they are still to be looked at.
    quarter: Option<Limit>,
    found: &'a Found,
    /// The least k-th best distance of any thread.
    bound: AtomicU32,
}

impl Refinement<'_> {
    /// Offers survivors in the order of their samples, as long as these lie within the limit.
    fn offer_all(&self, survivors: &[Near], mut best: Best) -> Best {
        let mut bounds = self.bounds();
        let words = if self.quarter.is_some() {
            QUARTER
        } else {
            WORDS
        };
        for near in self
            .nearest
            .fetched(survivors, words, |near| near.candidate)
        {
            if self.bound.load(Relaxed) != bounds.all {
                bounds = self.bounds();
            }
            if u32::from(near.sample) > bounds.sample {
                break;
            }
            self.offer(near.candidate, bounds, &mut best);
        }
        best
    }

    fn bounds(&self) -> Bounds {
        let all = self.bound.load(Relaxed);
        Bounds {
            all,
            sample: self.limit.at(all),
            quarter: self.quarter.map(|limit| limit.at(all)),
        }
    }

    fn offer(&self, candidate: Candidate, bounds: Bounds, best: &mut Best) {
        let nearest = self.nearest;
        let words = nearest.words(candidate);
        if let Some(most) = bounds.quarter
            && nearest.quarter(words) > most
        {
            return;
        }
        let mut distance = [0];
        let query = nearest.query.words();
        (nearest.kernels.distances_within)(query, words, bounds.all, &mut distance);
        if distance[0] <= bounds.all && !self.found.has_measured(candidate) {
            best.offer(nearest.hit(candidate, distance[0]));
            self.bound.fetch_min(best.bound(), Relaxed);
        }
    }
}

/// What a bound comes to at each level.
#[derive(Clone, Copy)]
struct Bounds {
    all: u32,
    sample: u32,
    quarter: Option<u32>,
}
