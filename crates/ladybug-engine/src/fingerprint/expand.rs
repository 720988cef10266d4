//! A 64-bit seed grown to 10,240 pseudo-random bits: the ±1 vector of a feature, a role, an exact value.
//!
//! Eight 64-bit lanes start at the SplitMix64 sequence of the seed (Steele, Lea & Flood 2014) and advance
//! by xorshift64 with the triple 13, 7, 17 (Marsaglia 2003); step `t` of lane `l` is word `8·t + l`. All of
//! it is shifts, xors and integer products, so the bits are the same on every processor, and they are
//! stored: this function can never change.
//!
//! A xorshift step is linear and of full period, so every bit of the vector is another linear
//! functional of its lane's start, and the start is as good as random: any two bits are independent. The
//! distance of two expanded seeds therefore has exactly the binomial's mean and variance.

use super::kernel;
use super::vector::WORDS;

/// Lanes that advance side by side: two AVX2 registers or one of AVX-512.
pub(super) const LANES: usize = 8;

/// Fills `words` with the expansion of `seed`.
pub fn expand(seed: u64, words: &mut [u64; WORDS]) {
    (kernel::active().expand)(seed, words);
}

/// Where the lanes of `seed` start.
#[inline(always)]
pub(super) fn lanes(seed: u64) -> [u64; LANES] {
    std::array::from_fn(|lane| {
        let start = split_mix(seed, lane as u64 + 1);
        // Zero is the one state that xorshift never leaves.
        if start == 0 { u64::MAX } else { start }
    })
}

/// One xorshift64 step.
#[inline(always)]
pub(super) const fn step(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ state << 17
}

/// Value `index` of the SplitMix64 sequence that starts at `seed`.
#[inline(always)]
pub(crate) const fn split_mix(seed: u64, index: u64) -> u64 {
    let mut value = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use crate::fingerprint::Fingerprint;

    /// Stored bits depend on it.
    #[test]
    fn expansion_is_pinned() {
        let fingerprint = Fingerprint::random(42);
        let (first, last) = (fingerprint.words()[0], fingerprint.words()[159]);
        assert_eq!(
            (first, last),
            (0xbdd7_3226_2feb_6e95, 0xc037_f62b_ecde_49dd)
        );
    }

    #[test]
    fn distances_of_expanded_seeds_have_the_binomial_mean_and_variance() {
        let all: Vec<_> = (0..200).map(Fingerprint::random).collect();
        let mut distances = Vec::new();
        for (index, a) in all.iter().enumerate() {
            distances.extend(all[..index].iter().map(|b| f64::from(a.distance(b))));
        }
        let count = distances.len() as f64;
        let mean = distances.iter().sum::<f64>() / count;
        let variance = distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 5_120.0).abs() < 3.0, "mean {mean}");
        assert!(
            (variance / 2_560.0 - 1.0).abs() < 0.05,
            "variance {variance}"
        );
    }

    /// Rotations of one vector are unrelated, also by whole words and whole steps: sequences are
    /// encoded by rotation.
    #[test]
    fn rotations_are_unrelated() {
        for seed in 0..50 {
            let fingerprint = Fingerprint::random(seed);
            for n in [1, 2, 7, 13, 17, 63, 64, 128, 511, 512, 1_024, 5_120] {
                let z = fingerprint.z(&fingerprint.permute(n));
                assert!(z.abs() < 6.0, "seed {seed}, rotation {n}: z {z}");
            }
        }
    }
}
