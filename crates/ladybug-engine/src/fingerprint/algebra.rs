//! The algebra of fingerprints: a binary spatter code (Kanerva 1996, "Binary spatter-coding of ordered
//! K-tuples").
//!
//! Bind is ⊕, its own inverse, and keeps distances; permutation ρ is a rotation of the whole vector by one
//! bit, keeps distances and distributes over bind; the bundle is in [`super::bundle`].

use std::ops::{BitAnd, BitOr, BitXor, Not};

use super::expand::expand;
use super::kernel;
use super::vector::{BITS, Fingerprint, SIGMA, WORDS};

impl Fingerprint {
    /// A pseudo-random fingerprint: the same for the same seed, for ever and on every processor.
    pub fn random(seed: u64) -> Self {
        let mut words = [0; WORDS];
        expand(seed, &mut words);
        Self::from_words(words)
    }

    /// `self ⊕ other`. Its own inverse: `a.bind(b).bind(b) == a`.
    pub fn bind(&self, other: &Self) -> Self {
        self ^ other
    }

    /// Binds in place: ⊕ with another.
    pub fn xor_assign(&mut self, other: &Self) {
        for (word, other) in self.words_mut().iter_mut().zip(other.words()) {
            *word ^= other;
        }
    }

    /// A checksum of the bytes (xxh3), the same on every processor.
    pub fn checksum(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.to_bytes())
    }

    /// ρⁿ: every bit moves `n` places up, around the whole 10,240 bits; negative `n` moves down.
    pub fn permute(&self, n: i64) -> Self {
        let up = n.rem_euclid(BITS as i64) as usize;
        Self::from_words((kernel::active().rotate)(&self.words, up))
    }

    /// ρ⁻ⁿ, the inverse of [`permute`](Self::permute).
    pub fn unpermute(&self, n: i64) -> Self {
        // Reduced first: the most negative number has no negation.
        self.permute(-n.rem_euclid(BITS as i64))
    }

    /// Number of bits set, 0..=10,240.
    pub fn popcount(&self) -> u32 {
        self.distance(&Self::ZERO)
    }

    /// Hamming distance: the number of bits that differ, 0..=10,240.
    pub fn distance(&self, other: &Self) -> u32 {
        (kernel::active().distance)(&self.words, &other.words)
    }

    /// Similarity to another fingerprint, see [`similarity`].
    pub fn similarity(&self, other: &Self) -> f64 {
        similarity(self.distance(other))
    }

    /// How far the distance to another fingerprint is from chance, see [`z`].
    pub fn z(&self, other: &Self) -> f64 {
        z(self.distance(other))
    }

    /// The bitwise combination of two fingerprints.
    fn combine(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self::from_words(std::array::from_fn(|index| {
            f(self.words[index], other.words[index])
        }))
    }
}

/// 1 − 2·distance/10,240: the correlation of the ±1 vectors. 1 same, 0 unrelated, −1 complement.
pub fn similarity(distance: u32) -> f64 {
    // One rounding, so that the decimal is as short as can be.
    (BITS as f64 - 2.0 * f64::from(distance)) / BITS as f64
}

/// (5,120 − distance)/50.6: by how many standard deviations two fingerprints are nearer than unrelated
/// ones, whose distance is binomial with mean 5,120 and deviation √10,240/2.
pub fn z(distance: u32) -> f64 {
    ((BITS / 2) as f64 - f64::from(distance)) / SIGMA
}

impl BitXor for &Fingerprint {
    type Output = Fingerprint;

    fn bitxor(self, other: Self) -> Fingerprint {
        self.combine(other, |a, b| a ^ b)
    }
}

impl BitAnd for &Fingerprint {
    type Output = Fingerprint;

    fn bitand(self, other: Self) -> Fingerprint {
        self.combine(other, |a, b| a & b)
    }
}

impl BitOr for &Fingerprint {
    type Output = Fingerprint;

    fn bitor(self, other: Self) -> Fingerprint {
        self.combine(other, |a, b| a | b)
    }
}

impl Not for &Fingerprint {
    type Output = Fingerprint;

    fn not(self) -> Fingerprint {
        self ^ &Fingerprint::ONES
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fingerprint() -> impl Strategy<Value = Fingerprint> {
        any::<u64>().prop_map(Fingerprint::random)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn bind_is_self_inverse_commutative_and_associative(
            a in any_fingerprint(), b in any_fingerprint(), c in any_fingerprint()
        ) {
            prop_assert_eq!(a.bind(&b).bind(&b), a.clone());
            prop_assert_eq!(a.bind(&b), b.bind(&a));
            prop_assert_eq!(a.bind(&b).bind(&c), a.bind(&b.bind(&c)));
            prop_assert_eq!(a.bind(&a), Fingerprint::ZERO);
        }

        #[test]
        fn permutation_distributes_over_bind_and_inverts(
            a in any_fingerprint(), b in any_fingerprint(), n in any::<i64>(), m in -20_000_i64..20_000
        ) {
            prop_assert_eq!(a.bind(&b).permute(n), a.permute(n).bind(&b.permute(n)));
            prop_assert_eq!(a.permute(n).unpermute(n), a.clone());
            prop_assert_eq!(a.permute(m).permute(17), a.permute(m + 17));
            prop_assert_eq!(a.permute(10_240), a);
        }

        #[test]
        fn bind_and_permute_keep_distances(
            a in any_fingerprint(), b in any_fingerprint(), c in any_fingerprint(), n in any::<i64>()
        ) {
            let distance = a.distance(&b);
            prop_assert_eq!(a.bind(&c).distance(&b.bind(&c)), distance);
            prop_assert_eq!(a.permute(n).distance(&b.permute(n)), distance);
        }

        #[test]
        fn permute_moves_each_bit_up_by_n(a in any_fingerprint(), n in 0_i64..10_240, bit in 0_usize..BITS) {
            prop_assert_eq!(a.permute(n).bit((bit + n as usize) % BITS), a.bit(bit));
        }

        #[test]
        fn logic_obeys_de_morgan_and_counts(a in any_fingerprint(), b in any_fingerprint()) {
            prop_assert_eq!(!&(&a & &b), &!&a | &!&b);
            prop_assert_eq!((&a & &b).popcount() + (&a | &b).popcount(), a.popcount() + b.popcount());
            prop_assert_eq!((&a ^ &b).popcount(), a.distance(&b));
        }

        #[test]
        fn unrelated_fingerprints_lie_within_six_sigma_of_chance(a in any::<u64>(), b in any::<u64>()) {
            prop_assume!(a != b);
            prop_assert!(Fingerprint::random(a).z(&Fingerprint::random(b)).abs() < 6.0);
        }
    }

    #[test]
    fn similarity_and_z_at_their_landmarks() {
        assert_eq!(
            (similarity(0), similarity(5_120), similarity(10_240)),
            (1.0, 0.0, -1.0)
        );
        assert_eq!(z(5_120), 0.0);
        assert!((z(5_120 - 506) - 10.0).abs() < 1e-12);
        let a = Fingerprint::random(1);
        assert_eq!(a.similarity(&!&a), -1.0);
    }

    #[test]
    fn the_extreme_rotations_are_defined() {
        let a = Fingerprint::random(3);
        for n in [i64::MIN, i64::MAX] {
            assert_eq!(a.permute(n).unpermute(n), a);
        }
    }
}
