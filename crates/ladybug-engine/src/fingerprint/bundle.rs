//! Bundles: the majority of fingerprints, by counters that are stored bit-sliced.
//!
//! Plane `j` of the counters holds bit `j` of 10,240 counts side by side, so one word operation counts 64
//! positions. Vectors of equal weight wait in pairs and enter through a carry-save adder, which turns
//! three of one weight into one of it and one of twice the weight (Harley & Seal; Muła, Kurz & Lemire
//! 2018, "Faster population counts using AVX2 instructions"): less than one addition a vector.

use xxhash_rust::xxh3::Xxh3;

use super::kernel;
use super::vector::{Fingerprint, WORDS};

/// Levels of room made at once: enough for a total weight of 4,095.
const LEVELS_USUAL: usize = 12;

/// 10,240 counts: how much weight of the vectors added has each bit set.
pub struct Counters {
    /// Level `j` holds what counts 2^`j`.
    levels: Vec<Level>,
    total: u64,
}

/// One bit of each count, and a vector of the same weight that waits for a second one.
#[derive(Default)]
struct Level {
    sum: Fingerprint,
    waiting: Fingerprint,
    /// Whether `waiting` holds one.
    waits: bool,
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters {
    /// Counters at zero.
    pub fn new() -> Self {
        Self {
            levels: Vec::with_capacity(LEVELS_USUAL),
            total: 0,
        }
    }

    /// Sum of the weights added.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds `weight` to the count of each bit that is set in `words`.
    pub fn add(&mut self, words: &[u64; WORDS], weight: u64) {
        self.total = self
            .total
            .checked_add(weight)
            .expect("invariant: the sum of all weights fits 64 bits");
        let mut left = weight;
        while left != 0 {
            self.add_at(left.trailing_zeros() as usize, words);
            left &= left - 1;
        }
    }

    /// Adds a vector of weight 2^`level`, and hands upwards what it carries.
    fn add_at(&mut self, mut level: usize, words: &[u64; WORDS]) {
        self.reach(level);
        let at = &mut self.levels[level];
        if !at.waits {
            *at.waiting.words_mut() = *words;
            at.waits = true;
            return;
        }
        let carry_save_add = kernel::active().carry_save_add;
        carry_save_add(at.sum.words_mut(), words, at.waiting.words_mut());
        at.waits = false;
        loop {
            self.reach(level + 1);
            let (below, above) = self.levels.split_at_mut(level + 1);
            let (carry, at) = (below[level].waiting.words(), &mut above[0]);
            if !at.waits {
                *at.waiting.words_mut() = *carry;
                at.waits = true;
                return;
            }
            carry_save_add(at.sum.words_mut(), carry, at.waiting.words_mut());
            at.waits = false;
            level += 1;
        }
    }

    /// Makes the levels up to `level` that are not there yet.
    fn reach(&mut self, level: usize) {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Level::default);
        }
    }

    /// Adds what still waits, so that the sums are the counts.
    fn settle(&mut self) {
        let mut level = 0;
        while level < self.levels.len() {
            if self.levels[level].waits {
                let at = &mut self.levels[level];
                let mut carry = Fingerprint::ZERO;
                (kernel::active().carry_save_add)(
                    at.sum.words_mut(),
                    at.waiting.words(),
                    carry.words_mut(),
                );
                at.waits = false;
                if carry != Fingerprint::ZERO {
                    self.add_at(level + 1, carry.words());
                }
            }
            level += 1;
        }
    }

    /// The bits whose count is at least `least`.
    pub fn at_least(&mut self, least: u64) -> Fingerprint {
        self.settle();
        if self.levels.len() < 64 && least >> self.levels.len() != 0 {
            return Fingerprint::ZERO;
        }
        // Compared from the lowest plane up: a one above where the bound has a zero decides for it, a
        // zero where the bound has a one against it, equal bits leave it to those below.
        let mut result = Fingerprint::ONES;
        for (index, level) in self.levels.iter().enumerate() {
            let bound = least >> index & 1 == 1;
            for (so_far, plane) in result.words_mut().iter_mut().zip(level.sum.words()) {
                *so_far = if bound {
                    *so_far & plane
                } else {
                    *so_far | plane
                };
            }
        }
        result
    }

    /// The bits set in more than half of the weight; those set in exactly half are taken from `tie`.
    pub fn majority(&mut self, tie: impl FnOnce() -> Fingerprint) -> Fingerprint {
        let half = self.total / 2;
        let above = self.at_least(half + 1);
        if !self.total.is_multiple_of(2) {
            return above;
        }
        let equal_or_above = self.at_least(half);
        if equal_or_above == above {
            return above;
        }
        &above | &(&equal_or_above & &tie())
    }
}

/// The majority of fingerprints: each bit as most of them have it, so similar to every one of them.
/// `None` of none. The bundle of `n` unrelated fingerprints has similarity C(n−1, (n−1)/2)/2ⁿ⁻¹ ≈ √(2/πn)
/// to each, for odd `n`.
///
/// Ties, which only an even number has, are decided by a pseudo-random vector, seeded with a hash of
/// the operands in sorted order: deterministic, independent of their order, and similar to none.
pub fn bundle<'a>(operands: impl IntoIterator<Item = &'a Fingerprint>) -> Option<Fingerprint> {
    weighted(operands.into_iter().map(|operand| (operand, 1)))
}

/// The weighted majority: each operand counts as often as its weight says, a negative weight for its
/// complement. `None` if there is no weight but zero. Ties as in [`bundle`].
pub fn weighted<'a>(
    operands: impl IntoIterator<Item = (&'a Fingerprint, i32)>,
) -> Option<Fingerprint> {
    let mut operands: Vec<_> = operands
        .into_iter()
        .filter(|&(_, weight)| weight != 0)
        .collect();
    if operands.is_empty() {
        return None;
    }
    let mut counters = Counters::new();
    for &(operand, weight) in &operands {
        let magnitude = u64::from(weight.unsigned_abs());
        if weight > 0 {
            counters.add(operand.words(), magnitude);
        } else {
            counters.add((!operand).words(), magnitude);
        }
    }
    Some(counters.majority(|| {
        operands.sort_unstable();
        let mut hasher = Xxh3::with_seed(TIE_KEY);
        for (operand, weight) in operands {
            hasher.update(&operand.to_bytes());
            hasher.update(&weight.to_le_bytes());
        }
        Fingerprint::random(hasher.digest())
    }))
}

/// The bits set in at least `least` of the operands.
pub fn at_least<'a>(
    operands: impl IntoIterator<Item = &'a Fingerprint>,
    least: u64,
) -> Fingerprint {
    let mut counters = Counters::new();
    for operand in operands {
        counters.add(operand.words(), 1);
    }
    counters.at_least(least)
}

/// Keeps the seeds of ties apart from every other hash.
const TIE_KEY: u64 = 0x7469_6573;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn randoms(seed: u64, count: usize) -> Vec<Fingerprint> {
        (0..count as u64)
            .map(|index| Fingerprint::random(seed.wrapping_mul(1_000).wrapping_add(index)))
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn counters_count(
            seed in any::<u32>(),
            weights in prop::collection::vec(0_u64..40, 1..24),
            least in 0_u64..500,
        ) {
            let operands = randoms(u64::from(seed), weights.len());
            let mut counters = Counters::new();
            for (operand, &weight) in operands.iter().zip(&weights) {
                counters.add(operand.words(), weight);
            }
            prop_assert_eq!(counters.total(), weights.iter().sum::<u64>());
            let result = counters.at_least(least);
            for bit in (0..10_240).step_by(97) {
                let count: u64 = operands
                    .iter()
                    .zip(&weights)
                    .filter(|(operand, _)| operand.bit(bit))
                    .map(|(_, &weight)| weight)
                    .sum();
                prop_assert_eq!(result.bit(bit), count >= least);
            }
        }

        /// The similarity to an operand of an odd bundle is a binomial's, see [`bundle`].
        #[test]
        fn similarity_to_an_operand_is_as_the_binomial_predicts(seed in any::<u32>(), half in 0_usize..12) {
            let count = 2 * half + 1;
            let operands = randoms(u64::from(seed), count);
            let bundled = bundle(&operands).expect("some operands");
            let expected = (1..=half).fold(1.0, |product, k| {
                product * (half + k) as f64 / k as f64 / 4.0
            });
            for operand in &operands {
                let similarity = bundled.similarity(operand);
                prop_assert!((similarity - expected).abs() < 6.0 / 10_240_f64.sqrt(), "{} for {}", similarity, expected);
            }
        }

        #[test]
        fn order_does_not_matter(seed in any::<u32>(), count in 1_usize..9) {
            let mut operands = randoms(u64::from(seed), count);
            let first = bundle(&operands);
            operands.reverse();
            prop_assert_eq!(bundle(&operands), first);
        }

        #[test]
        fn permutation_distributes_over_an_odd_bundle(seed in any::<u32>(), half in 0_usize..4, n in 0_i64..10_240) {
            let operands = randoms(u64::from(seed), 2 * half + 1);
            let permuted: Vec<_> = operands.iter().map(|operand| operand.permute(n)).collect();
            prop_assert_eq!(bundle(&permuted), bundle(&operands).map(|bundled| bundled.permute(n)));
        }
    }

    #[test]
    fn none_of_none_and_one_of_one() {
        let one = Fingerprint::random(5);
        assert_eq!(bundle([]), None);
        assert_eq!(weighted([(&one, 0)]), None);
        assert_eq!(bundle([&one]), Some(one.clone()));
        assert_eq!(bundle([&one, &one]), Some(one.clone()));
        assert_eq!(weighted([(&one, -3)]), Some(!&one));
    }

    #[test]
    fn ties_of_two_are_unrelated_to_either_but_the_agreed_bits_stay() {
        let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
        let both = bundle([&a, &b]).expect("two operands");
        assert_eq!(&(&both ^ &a) & &!&(&a ^ &b), Fingerprint::ZERO);
        for operand in [&a, &b] {
            let similarity = both.similarity(operand);
            assert!((similarity - 0.5).abs() < 0.06, "{similarity}");
        }
        assert_eq!(
            bundle([&a, &!&a]).map(|tied| tied.z(&a).abs() < 6.0),
            Some(true)
        );
    }

    #[test]
    fn weights_pull_and_overrule() {
        let operands = randoms(9, 3);
        let pulled = weighted([(&operands[0], 3), (&operands[1], 1), (&operands[2], 1)]);
        assert_eq!(pulled, Some(operands[0].clone()));
        assert_eq!(
            weighted(operands.iter().map(|operand| (operand, 7))),
            bundle(&operands)
        );
    }

    #[test]
    fn at_least_spans_or_to_and() {
        let operands = randoms(11, 3);
        let or = &(&operands[0] | &operands[1]) | &operands[2];
        let and = &(&operands[0] & &operands[1]) & &operands[2];
        assert_eq!(at_least(&operands, 0), Fingerprint::ONES);
        assert_eq!(at_least(&operands, 1), or);
        assert_eq!(Some(at_least(&operands, 2)), bundle(&operands));
        assert_eq!(at_least(&operands, 3), and);
        assert_eq!(at_least(&operands, 4), Fingerprint::ZERO);
        assert_eq!(at_least([], 1), Fingerprint::ZERO);
    }
}
