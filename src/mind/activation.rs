//! How active a memory is: base-level learning, spreading activation and partial matching of ACT-R.
//!
//! A memory keeps how often it was presented, when first, and the latest ten times; the presentations between are
//! taken to be spread evenly over the time between (Petrov 2006, "Computationally efficient approximation of the
//! base-level learning equation in ACT-R"). Times are microseconds since the epoch, ages seconds.

/// Presentations whose times are kept.
pub const LATEST_MAX: usize = 10;
/// The decay d of base-level learning unless another is asked for.
pub const DECAY: f64 = 0.5;
/// The least age, seconds: what was presented this moment is as active as a second later.
pub const AGE_MIN_S: f64 = 1.0;
/// The activation that all sources of a context have between them.
pub const CONTEXT: f64 = 1.0;
/// S: how strongly a source is associated with the only memory that it leads to.
pub const STRENGTH: f64 = 2.0;
/// P: what a memory loses that has nothing to do with what is asked for.
pub const MISMATCH: f64 = 10.0;
/// What a step of spreading leaves of the activation that takes it.
pub const STEP: f64 = 0.5;
/// Lifetimes that differ by less are one, seconds.
const SAME_S: f64 = 1e-9;

const MICROSECONDS: f64 = 1e6;

/// When a memory was presented: how often, when first, and the latest times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presentations {
    count: u64,
    first: i64,
    latest: Vec<i64>,
}

impl Presentations {
    /// A single one.
    pub fn once(at: i64) -> Self {
        Self {
            count: 1,
            first: at,
            latest: vec![at],
        }
    }

    /// What was kept: the count, the first time, and the latest times, the newest first. None if that is not what they
    /// can be.
    pub fn kept(count: u64, first: i64, latest: Vec<i64>) -> Option<Self> {
        let is_sound = latest.is_sorted_by(|a, b| a >= b)
            && latest.len() as u64 == count.min(LATEST_MAX as u64)
            && latest.last().is_some_and(|oldest| first <= *oldest);
        is_sound.then_some(Self {
            count,
            first,
            latest,
        })
    }

    /// With one more. Times never run backwards: one before the latest is taken to be then.
    #[must_use]
    pub fn with(&self, at: i64) -> Self {
        let at = at.max(self.latest[0]);
        let kept = self.latest.iter().copied();
        Self {
            count: self.count.saturating_add(1),
            first: self.first,
            latest: std::iter::once(at).chain(kept).take(LATEST_MAX).collect(),
        }
    }

    /// Those of two memories together.
    #[must_use]
    pub fn pooled(&self, other: &Self) -> Self {
        let mut latest = [&self.latest[..], &other.latest].concat();
        latest.sort_unstable_by(|a, b| b.cmp(a));
        latest.truncate(LATEST_MAX);
        Self {
            count: self.count.saturating_add(other.count),
            first: self.first.min(other.first),
            latest,
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// The latest, at most ten, the newest first.
    pub fn latest(&self) -> &[i64] {
        &self.latest
    }

    /// The times that are known, each once, ascending.
    pub fn known(&self) -> Vec<i64> {
        let mut times: Vec<_> = self.latest.iter().rev().copied().collect();
        times.insert(0, self.first);
        times.dedup();
        times
    }

    /// Seconds since the first, at least one.
    pub fn lifetime(&self, now: i64) -> f64 {
        age(self.first, now)
    }

    /// B = ln[Σ tᵢ⁻ᵈ + (n−k)(L¹⁻ᵈ − tₖ¹⁻ᵈ)/((1−d)(L−tₖ))], the second term only of more than are kept (Anderson 2007,
    /// How Can the Human Mind Occur in the Physical Universe?; Petrov 2006). The decay lies in 0..1, 1 excluded.
    pub fn base_level(&self, now: i64, decay: f64) -> f64 {
        let ages = self.latest.iter().map(|at| age(*at, now));
        let known: f64 = ages.map(|age| age.powf(-decay)).sum();
        (known + self.forgotten(now, decay)).ln()
    }

    /// The second term: the integral over the time in which presentations are only counted.
    fn forgotten(&self, now: i64, decay: f64) -> f64 {
        let more = self.count - self.latest.len() as u64;
        if more == 0 {
            return 0.0;
        }
        let (lifetime, oldest) = (
            self.lifetime(now),
            age(self.latest[self.latest.len() - 1], now),
        );
        let each = match lifetime - oldest > SAME_S {
            true => {
                let integral = lifetime.powf(1.0 - decay) - oldest.powf(1.0 - decay);
                integral / ((1.0 - decay) * (lifetime - oldest))
            }
            false => oldest.powf(-decay),
        };
        more as f64 * each
    }
}

/// Seconds since a time, at least one.
fn age(at: i64, now: i64) -> f64 {
    ((now as f64 - at as f64) / MICROSECONDS).max(AGE_MIN_S)
}

/// What one of `sources` sources of a context, which leads to `fan` memories, gives to each of them: W (S − ln fan),
/// W = 1/sources (Anderson & Reder 1999, "The fan effect").
pub fn association(sources: usize, fan: usize) -> f64 {
    CONTEXT / sources as f64 * (STRENGTH - (fan as f64).ln())
}

/// What a memory loses for so many bits of difference from what is asked for, of `chance` between unrelated ones:
/// P · distance/chance.
pub fn mismatch(distance: u32, chance: u32) -> f64 {
    MISMATCH * f64::from(distance) / f64::from(chance)
}

/// What reaches each of `links.len()` memories from one of them in at most `depth` steps along links, which lie by
/// memory: each hands half of what reaches it on to its neighbours in equal parts, and the parts of all ways add up
/// (after Anderson 1983, "A spreading activation theory of memory").
pub fn spread(links: &[Vec<usize>], from: usize, depth: usize) -> Vec<f64> {
    let mut total = vec![0.0; links.len()];
    let mut step = vec![0.0; links.len()];
    (total[from], step[from]) = (1.0, 1.0);
    for _ in 0..depth {
        let mut next = vec![0.0; links.len()];
        for (neighbours, active) in links.iter().zip(&step).filter(|(_, active)| **active > 0.0) {
            let part = active * STEP / neighbours.len() as f64;
            neighbours.iter().for_each(|to| next[*to] += part);
        }
        for (total, next) in total.iter_mut().zip(&next) {
            *total += next;
        }
        step = next;
    }
    total
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000;

    fn presented(seconds: &[i64]) -> Presentations {
        let mut times = seconds.iter().map(|at| at * SECOND);
        let first = Presentations::once(times.next().expect("at least one"));
        times.fold(first, |so_far, at| so_far.with(at))
    }

    #[test]
    fn few_presentations_are_summed_as_they_are() {
        // Presented 100, 25 and 4 seconds ago: 1/10 + 1/5 + 1/2.
        let base = presented(&[0, 75, 96]).base_level(100 * SECOND, DECAY);
        assert!((base - 0.8_f64.ln()).abs() < 1e-12);
        // Within the first second everything is a second old.
        assert_eq!(presented(&[0]).base_level(SECOND / 2, DECAY), 0.0);
        // Without decay only the number counts.
        assert!((presented(&[0; 14]).base_level(500, 0.0) - 14.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn the_approximation_is_near_the_sum_of_evenly_spread_presentations() {
        for count in [11, 50, 400] {
            let times: Vec<_> = (0..count).map(|n| n * 60).collect();
            let now = (count + 1) * 60 * SECOND;
            let exact: f64 = times
                .iter()
                .map(|at| (age(at * SECOND, now)).powf(-DECAY))
                .sum();
            let base = presented(&times).base_level(now, DECAY);
            assert!(
                (base - exact.ln()).abs() < 0.02,
                "{count}: {base}, {}",
                exact.ln()
            );
        }
    }

    #[test]
    fn what_is_kept_is_checked() {
        assert!(Presentations::kept(1, 5, vec![5]).is_some());
        for (count, first, latest) in [
            (0, 0, vec![]),
            (2, 0, vec![5]),
            (1, 6, vec![5]),
            (2, 0, vec![4, 5]),
            (11, 0, vec![0; 11]),
        ] {
            assert_eq!(Presentations::kept(count, first, latest), None);
        }
    }

    proptest! {
        #[test]
        fn pooling_loses_no_presentation(a in prop::collection::vec(0_i64..1000, 1..30), b in prop::collection::vec(0_i64..1000, 1..30)) {
            let (mut a, mut b) = (a, b);
            a.sort_unstable();
            b.sort_unstable();
            let mut both = [&a[..], &b].concat();
            both.sort_unstable();
            prop_assert_eq!(presented(&a).pooled(&presented(&b)), presented(&both));
        }

        /// A presentation never makes a memory less active, and time never makes it more so.
        #[test]
        fn activation_rises_with_presentations_and_falls_with_time(times in prop::collection::vec(0_i64..1000, 1..40), later in 1_i64..1000) {
            let mut times = times;
            times.sort_unstable();
            let memory = presented(&times);
            let now = 1000 * SECOND;
            prop_assert!(memory.with(now).base_level(now, DECAY) > memory.base_level(now, DECAY));
            prop_assert!(memory.base_level(now + later * SECOND, DECAY) <= memory.base_level(now, DECAY));
        }
    }

    #[test]
    fn activation_spreads_in_equal_parts_and_halves_at_each_step() {
        // A path 0 - 1 - 2, and 3 alone.
        let links = [vec![1], vec![0, 2], vec![1], vec![]];
        assert_eq!(spread(&links, 0, 0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(spread(&links, 0, 1), [1.0, 0.5, 0.0, 0.0]);
        assert_eq!(spread(&links, 0, 2), [1.125, 0.5, 0.125, 0.0]);
        assert_eq!(spread(&links, 3, 4), [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_fan_shares_an_association() {
        assert_eq!(association(1, 1), 2.0);
        assert!((association(2, 3) - (2.0 - 3.0_f64.ln()) / 2.0).abs() < 1e-12);
        assert_eq!(mismatch(5120, 5120), 10.0);
    }
}
