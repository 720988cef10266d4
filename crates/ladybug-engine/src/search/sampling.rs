//! What a sample of a fingerprint's bits says of its distance: the distribution of the sample's distance,
//! how far it may lie above its mean for an asked recall, and how well it fits the data at hand.

use thiserror::Error;

use crate::fingerprint::BITS;

/// The share of the true `k` nearest that a search is to find.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Recall(f64);

/// What is wrong with a recall.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("a recall is a number from 0.01 to 1; got {got}")]
pub struct RecallError {
    got: f64,
}

impl Recall {
    /// Every one of them.
    pub const EXACT: Self = Self(1.0);
    /// What a search promises that is not told.
    pub const DEFAULT: Self = Self(0.999);
    /// The least that can be asked for: what is measured first finds more than that on most data.
    pub const MIN: Self = Self(0.01);

    /// Checks the range.
    ///
    /// # Errors
    /// The share is below [`MIN`](Self::MIN), above 1, or no number.
    pub fn new(share: f64) -> Result<Self, RecallError> {
        match (Self::MIN.0..=1.0).contains(&share) {
            true => Ok(Self(share)),
            false => Err(RecallError { got: share }),
        }
    }

    /// The share, from 0.01 to 1.
    pub const fn share(self) -> f64 {
        self.0
    }

    /// The share of the true nearest that one of several samples may lose, if the shares that they leave multiply and
    /// this one's is a power of the whole.
    pub(super) fn loss(self, power: f64) -> f64 {
        1.0 - self.0.powf(power)
    }
}

/// How many standard deviations above the mean a normal variable lies with probability `tail`: the inverse
/// of its upper tail (Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.2.23), to which its
/// greatest error is added.
pub(super) fn normal_quantile(tail: f64) -> f64 {
    const ERROR_MAX: f64 = 4.5e-4;
    if tail >= 0.5 {
        return ERROR_MAX;
    }
    let t = (-2.0 * tail.max(f64::MIN_POSITIVE).ln()).sqrt();
    let numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let denominator = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - numerator / denominator + ERROR_MAX
}

/// How probable it is that a normal variable lies more than `z` standard deviations above its mean (Abramowitz and
/// Stegun, 26.2.17); its error is below a ten-millionth.
fn normal_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let terms = [
        1.330_274_429,
        -1.821_255_978,
        1.781_477_937,
        -0.356_563_782,
        0.319_381_530,
    ];
    let polynomial = terms.into_iter().fold(0.0, |sum, term| (sum + term) * t);
    let beyond = polynomial * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt();
    if z < 0.0 { 1.0 - beyond } else { beyond }
}

/// A sample of so many bits of a fingerprint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    bits: f64,
}

impl Sample {
    pub(super) const fn of(bits: usize) -> Self {
        Self { bits: bits as f64 }
    }

    /// The sample's mean distance where the fingerprints are `distance` apart.
    fn mean(self, distance: f64) -> f64 {
        distance * (self.bits / BITS as f64)
    }

    /// The variance of the sample's distance: that of the hypergeometric distribution (Feller, *An
    /// Introduction to Probability Theory and Its Applications* 1, IX.5).
    fn variance(self, distance: f64) -> f64 {
        let all = BITS as f64;
        self.mean(distance) * (1.0 - distance / all) * ((all - self.bits) / (all - 1.0))
    }

    /// A sixth of the skewness of the sample's distance, in bits.
    fn skew(self, distance: f64) -> f64 {
        let all = BITS as f64;
        (1.0 - 2.0 * distance / all) * (1.0 - 2.0 * self.bits / all) / 6.0
    }

    /// What a pair's sample says too much, in standard deviations; of equal fingerprints nothing.
    pub(super) fn error(self, sampled: u32, distance: u32) -> f64 {
        let distance = f64::from(distance);
        (f64::from(sampled) - self.mean(distance))
            / self.variance(distance).max(MIN_VARIANCE).sqrt()
    }
}

/// Below it a distance of 0 or [`BITS`] would divide by nothing.
const MIN_VARIANCE: f64 = 0.01;

/// Into how many groups distances are put of which a limit is asked.
const GROUPS_MAX: usize = 16;

/// Up to which distance of a sample its pair may be among the nearest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    sample: Sample,
    tail: f64,
    z: f64,
    /// How many times the standard deviation of theory the data show, at least 1.
    spread: f64,
}

impl Limit {
    /// The limit that a pair passes with probability `tail` although it should not: pairs whose
    /// differences are as good as randomly placed.
    pub(super) fn new(sample: Sample, tail: f64) -> Self {
        Self {
            sample,
            tail,
            z: normal_quantile(tail),
            spread: 1.0,
        }
    }

    /// The same for data whose samples scatter `spread` times as far.
    pub(super) fn widened(self, spread: f64) -> Self {
        Self {
            spread: self.spread.max(spread),
            ..self
        }
    }

    pub(super) fn spread(self) -> f64 {
        self.spread
    }

    /// The greatest sample distance to be expected at a distance of at most `bound`: the quantile of the
    /// hypergeometric distribution by the expansion of Cornish and Fisher (Abramowitz and Stegun,
    /// 26.2.49) to its skewness, with a correction for continuity. A test compares it with the exact tail
    /// at every distance.
    pub(super) fn at(self, bound: u32) -> u32 {
        let distance = f64::from(bound);
        let deviation = self.sample.variance(distance).sqrt();
        let reach = self.z * deviation + self.sample.skew(distance) * (self.z * self.z - 1.0);
        let limit = self.sample.mean(distance) + self.spread * reach.max(0.0) + 0.5;
        (limit as u32).min(bound)
    }

    /// The same of many pairs at distances of at most these, which are in order: the least that they pass with the
    /// limit's probability *in the mean*. What is nearer than the last of them passes it hardly ever, which leaves
    /// more to that.
    pub(super) fn among(self, bounds: &[u32]) -> u32 {
        let Some(&last) = bounds.last() else {
            return 0;
        };
        // Each of some groups counts as its last.
        let groups = bounds.chunks(bounds.len().div_ceil(GROUPS_MAX));
        let is_kept = |limit: u32| {
            let passed = groups.clone().map(|group| {
                let last = group.last().map_or(last, |last| *last);
                group.len() as f64 * self.beyond(limit, last)
            });
            passed.sum::<f64>() <= self.tail * bounds.len() as f64
        };
        let (mut least, mut most) = (self.at(bounds[0]), self.at(last));
        while least < most {
            let middle = least.midpoint(most);
            match is_kept(middle) {
                true => most = middle,
                false => least = middle + 1,
            }
        }
        most
    }

    /// How probable it is that a pair at a distance has a sample beyond `limit`: what [`at`](Self::at) answers, solved
    /// for the probability.
    fn beyond(self, limit: u32, distance: u32) -> f64 {
        if limit >= distance {
            return 0.0;
        }
        let distance = f64::from(distance);
        let deviation = self.sample.variance(distance).sqrt();
        let skew = self.sample.skew(distance);
        let reach = (f64::from(limit) - 0.5 - self.sample.mean(distance)) / self.spread;
        let root = deviation * deviation + 4.0 * skew * (reach + skew);
        match root > 0.0 {
            true => normal_tail(2.0 * (reach + skew) / (deviation + root.sqrt())),
            false => 1.0,
        }
    }
}

/// What measured pairs say of a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fit {
    pairs: u32,
    squares: f64,
    squares_above: f64,
}

impl Fit {
    /// Counts a pair, by [`Sample::error`].
    pub(super) fn add(&mut self, error: f64) {
        self.pairs += 1;
        self.squares += error * error;
        self.squares_above += error.max(0.0) * error.max(0.0);
    }

    /// How many times as far as in theory the samples of pairs scatter that were not picked by them.
    pub(super) fn spread(&self) -> f64 {
        // The mean square of so many normal errors scatters by √(2/n) itself.
        self.at_least(self.squares, 2.0)
    }

    /// The same of pairs picked because their samples are small: only what lies above the mean counts,
    /// twice. In theory half of them would if they had not been picked.
    pub(super) fn spread_above(&self) -> f64 {
        // The mean of twice the squares of positive parts scatters by √(5/n).
        self.at_least(2.0 * self.squares_above, 5.0)
    }

    /// One standard deviation is forgiven: it is chance as a rule, and costs a hundredth of recall.
    fn at_least(&self, squares: f64, variance: f64) -> f64 {
        if self.pairs == 0 {
            return 1.0;
        }
        let pairs = f64::from(self.pairs);
        (squares / pairs - (variance / pairs).sqrt())
            .max(1.0)
            .sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How probable each distance of a sample is: the hypergeometric distribution, outwards from its
    /// mode.
    fn probabilities(bits: usize, distance: usize) -> Vec<f64> {
        let (n, k, all) = (bits as f64, distance as f64, BITS as f64);
        let ratio = |s: f64| (k - s) * (n - s) / ((s + 1.0) * (all - k - n + s + 1.0));
        let mode = (((n + 1.0) * (k + 1.0) / (all + 2.0)) as usize).min(bits);
        let mut weights = vec![0.0; bits + 1];
        weights[mode] = 1.0;
        for s in mode..bits {
            weights[s + 1] = (weights[s] * ratio(s as f64)).max(0.0);
        }
        for s in (0..mode).rev() {
            weights[s] = (weights[s + 1] / ratio(s as f64)).max(0.0);
        }
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }

    #[test]
    fn a_limit_loses_no_more_than_it_may_at_any_distance_and_little_less() {
        // Of outlines a greater tail is asked for only of many, which the next test is about.
        for (bits, greatest) in [(128, 0.1), (512, 0.4), (2_560, 0.4)] {
            for distance in 0..=BITS {
                let probabilities = probabilities(bits, distance);
                let beyond = |limit: u32| -> f64 {
                    let beyond = probabilities.get(limit as usize + 1..);
                    beyond.unwrap_or_default().iter().sum()
                };
                let tails = [0.4, 0.1, 0.08, 0.02, 0.008, 0.0008, 0.0002, 1e-5].into_iter();
                for tail in tails.filter(|tail| *tail <= greatest) {
                    let limit = Limit::new(Sample::of(bits), tail).at(distance as u32);
                    let case = || format!("{bits} bits, distance {distance}, tail {tail}: {limit}");
                    assert!(beyond(limit) <= tail, "{}: {}", case(), beyond(limit));
                    let lower = limit.saturating_sub(4);
                    assert!(lower == 0 || beyond(lower) > tail, "{} is wide", case());
                }
            }
        }
    }

    #[test]
    fn a_limit_of_many_loses_no_more_in_the_mean() {
        for bits in [128, 512, 2_560] {
            for (nearest, step) in [
                (300, 0),
                (2_000, 200),
                (3_500, 10),
                (1_000, 450),
                (4_900, 20),
            ] {
                for count in [1, 10, 40] {
                    let distances: Vec<u32> = (0..count)
                        .map(|n| (nearest + n * step).min(9_000))
                        .collect();
                    let probabilities: Vec<_> = distances
                        .iter()
                        .map(|distance| probabilities(bits, *distance as usize))
                        .collect();
                    let beyond = |limit: u32| -> f64 {
                        let beyond = |one: &Vec<f64>| one[limit as usize + 1..].iter().sum::<f64>();
                        probabilities.iter().map(beyond).sum::<f64>() / f64::from(count)
                    };
                    for tail in [0.45, 0.25, 0.1, 0.05, 0.005, 0.0005, 1e-5] {
                        let one = Limit::new(Sample::of(bits), tail);
                        let limit = one.among(&distances);
                        let case = || {
                            format!(
                                "{bits} bits of {count} from {nearest} on, tail {tail}: {limit}"
                            )
                        };
                        assert!(beyond(limit) <= tail, "{}: {}", case(), beyond(limit));
                        assert!(
                            limit <= one.at(distances[distances.len() - 1]),
                            "{}",
                            case()
                        );
                        // Forty distances count as fourteen.
                        if count <= 10 {
                            let lower = limit.saturating_sub(4);
                            assert!(lower == 0 || beyond(lower) > tail, "{} is wide", case());
                        }
                    }
                }
            }
        }
        assert_eq!(Limit::new(Sample::of(512), 0.1).among(&[]), 0);
    }

    #[test]
    fn a_normal_tail_undoes_the_quantile() {
        for tail in [0.4, 0.1, 0.01, 1e-3, 1e-6] {
            let found = normal_tail(normal_quantile(tail));
            assert!((0.99 * tail..=tail).contains(&found), "{tail}: {found}");
            assert!((normal_tail(-normal_quantile(tail)) - (1.0 - found)).abs() < 1e-6);
        }
    }

    #[test]
    fn the_normal_quantile_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 26.5.
        for (tail, z) in [
            (0.5, 0.0),
            (0.1, 1.281_55),
            (0.01, 2.326_35),
            (0.001, 3.090_23),
            (1e-6, 4.753_42),
        ] {
            let found = normal_quantile(tail);
            assert!((z..z + 1e-3).contains(&found), "{tail}: {found}");
        }
    }

    #[test]
    fn recalls_are_checked() {
        assert_eq!(Recall::new(1.0), Ok(Recall::EXACT));
        assert_eq!(Recall::new(0.01).map(Recall::share), Ok(0.01));
        for wrong in [0.009, 1.01, -1.0, f64::NAN, f64::INFINITY] {
            let error = Recall::new(wrong).expect_err("out of range").to_string();
            assert_eq!(
                error,
                format!("a recall is a number from 0.01 to 1; got {wrong}")
            );
        }
    }

    #[test]
    fn a_spread_shows_in_what_was_measured() {
        let sample = Sample::of(512);
        let mut fit = Fit::default();
        assert_eq!(fit.spread(), 1.0);
        // What lies two deviations off, above and below in turn.
        for n in 0..64 {
            let deviation = sample.variance(5_120.0).sqrt() * 2.0;
            let sampled = 256.0 + if n % 2 == 0 { deviation } else { -deviation };
            fit.add(sample.error(sampled.round() as u32, 5_120));
        }
        for spread in [fit.spread(), fit.spread_above()] {
            assert!((1.85..2.05).contains(&spread), "{spread}");
        }
        let limit = Limit::new(sample, 0.01);
        assert!(limit.widened(2.0).at(5_120) > limit.at(5_120) + 20);
        assert_eq!(limit.widened(0.5).at(5_120), limit.at(5_120));
    }
}
