//! The kernels of x86-64 processors with AVX2.
//!
//! Bits are counted with Harley–Seal carry-save adders over blocks of 16 registers, and those of a
//! register with a nibble table (Muła, Kurz & Lemire 2018, "Faster population counts using AVX2
//! instructions"). A fingerprint is 40 registers: two blocks of 16 and one of 8.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi8, _mm256_add_epi64, _mm256_and_si256, _mm256_extract_epi64,
    _mm256_loadu_si256, _mm256_or_si256, _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setr_epi8,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_slli_epi64, _mm256_srli_epi16,
    _mm256_xor_si256,
};

use super::{Kernels, candidates, scalar};
use crate::fingerprint::sketch::{SKETCH_WORDS, Sketch};
use crate::fingerprint::vector::WORDS;

pub(super) static KERNELS: Kernels = Kernels {
    name: "avx2",
    available: || is_x86_feature_detected!("avx2"),
    distance,
    distances,
    distances_within,
    sketch_distances,
    expand,
    carry_save_add,
};

/// Words of one 256-bit register.
const REGISTER: usize = 4;

// The functions of the table. `super` hands the table out only where `available` says so, which is what
// each call below relies on.

fn distance(a: &[u64; WORDS], b: &[u64; WORDS]) -> u32 {
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { distance_avx2(a, b) }
}

fn distances(query: &[u64; WORDS], run: &[u64], distances: &mut [u32]) {
    let candidates = candidates::<WORDS>(run, distances);
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { distances_avx2(query, candidates, distances) }
}

fn distances_within(query: &[u64; WORDS], run: &[u64], bound: u32, distances: &mut [u32]) {
    let candidates = candidates::<WORDS>(run, distances);
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { distances_within_avx2(query, candidates, bound, distances) }
}

fn sketch_distances(query: &Sketch, run: &[u64], distances: &mut [u32]) {
    let candidates = candidates::<SKETCH_WORDS>(run, distances);
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { sketch_distances_avx2(query, candidates, distances) }
}

fn expand(seed: u64, words: &mut [u64; WORDS]) {
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { expand_avx2(seed, words) }
}

fn carry_save_add(sum: &mut [u64; WORDS], addend: &[u64; WORDS], carry: &mut [u64; WORDS]) {
    // SAFETY: this table is in use only on a processor with AVX2.
    unsafe { carry_save_add_avx2(sum, addend, carry) }
}

#[target_feature(enable = "avx2")]
fn distance_avx2(a: &[u64; WORDS], b: &[u64; WORDS]) -> u32 {
    Count::new()
        .block16(a, b, 0)
        .block16(a, b, 16)
        .block8(a, b, 32)
        .total()
}

#[target_feature(enable = "avx2")]
fn distances_avx2(query: &[u64; WORDS], candidates: &[[u64; WORDS]], distances: &mut [u32]) {
    for (candidate, distance) in candidates.iter().zip(distances) {
        *distance = distance_avx2(query, candidate);
    }
}

#[target_feature(enable = "avx2")]
fn distances_within_avx2(
    query: &[u64; WORDS],
    candidates: &[[u64; WORDS]],
    bound: u32,
    distances: &mut [u32],
) {
    // Taking a total costs as much as a third of a block, so it is taken only where an unrelated
    // candidate, which differs in half of the bits, is expected to exceed the bound.
    let (early, late) = (bound < 16 * 256 / 2, bound < 32 * 256 / 2);
    for (candidate, distance) in candidates.iter().zip(distances) {
        let mut count = Count::new().block16(query, candidate, 0);
        if early {
            *distance = count.total();
            if *distance > bound {
                continue;
            }
        }
        count = count.block16(query, candidate, 16);
        if late {
            *distance = count.total();
            if *distance > bound {
                continue;
            }
        }
        *distance = count.block8(query, candidate, 32).total();
    }
}

#[target_feature(enable = "avx2")]
fn sketch_distances_avx2(
    query: &Sketch,
    candidates: &[[u64; SKETCH_WORDS]],
    distances: &mut [u32],
) {
    for (candidate, distance) in candidates.iter().zip(distances) {
        let low = byte_counts(differing(query, candidate, 0));
        let high = byte_counts(differing(query, candidate, 1));
        *distance = sum(_mm256_sad_epu8(
            _mm256_add_epi8(low, high),
            _mm256_setzero_si256(),
        ));
    }
}

/// The scalar function, compiled to AVX2: its lanes are two registers.
#[target_feature(enable = "avx2")]
fn expand_avx2(seed: u64, words: &mut [u64; WORDS]) {
    scalar::expand(seed, words);
}

/// The scalar function, compiled to AVX2.
#[target_feature(enable = "avx2")]
fn carry_save_add_avx2(sum: &mut [u64; WORDS], addend: &[u64; WORDS], carry: &mut [u64; WORDS]) {
    scalar::carry_save_add(sum, addend, carry);
}

/// The bits that differ in register `index` of two vectors.
#[inline]
#[target_feature(enable = "avx2")]
fn differing(a: &[u64], b: &[u64], index: usize) -> __m256i {
    let at = index * REGISTER..(index + 1) * REGISTER;
    let (a, b) = (&a[at.clone()], &b[at]);
    // SAFETY: both slices are one register long, and unaligned loads ask for no alignment.
    let (a, b) = unsafe {
        (
            _mm256_loadu_si256(a.as_ptr().cast()),
            _mm256_loadu_si256(b.as_ptr().cast()),
        )
    };
    _mm256_xor_si256(a, b)
}

/// Carry-save adder: the (sum, carry) of three bits in each position.
#[inline]
#[target_feature(enable = "avx2")]
fn add(a: __m256i, b: __m256i, c: __m256i) -> (__m256i, __m256i) {
    let half = _mm256_xor_si256(a, b);
    let carry = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(half, c));
    (_mm256_xor_si256(half, c), carry)
}

/// The number of bits set in each byte, by a table of the nibbles.
#[inline]
#[target_feature(enable = "avx2")]
fn byte_counts(bits: __m256i) -> __m256i {
    let table = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let nibble = _mm256_set1_epi8(0x0f);
    let low = _mm256_and_si256(bits, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bits), nibble);
    _mm256_add_epi8(
        _mm256_shuffle_epi8(table, low),
        _mm256_shuffle_epi8(table, high),
    )
}

/// The number of bits set in each 64-bit lane.
#[inline]
#[target_feature(enable = "avx2")]
fn lane_counts(bits: __m256i) -> __m256i {
    _mm256_sad_epu8(byte_counts(bits), _mm256_setzero_si256())
}

/// The sum of the four lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn sum(lanes: __m256i) -> u32 {
    (_mm256_extract_epi64::<0>(lanes)
        + _mm256_extract_epi64::<1>(lanes)
        + _mm256_extract_epi64::<2>(lanes)
        + _mm256_extract_epi64::<3>(lanes)) as u32
}

/// Bits counted so far: those carried out of a block in `sixteens`, the rest bit-sliced.
#[derive(Clone, Copy)]
struct Count {
    ones: __m256i,
    twos: __m256i,
    fours: __m256i,
    eights: __m256i,
    /// Carries out of the eights, counted in each 64-bit lane.
    sixteens: __m256i,
}

impl Count {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let zero = _mm256_setzero_si256();
        Self {
            ones: zero,
            twos: zero,
            fours: zero,
            eights: zero,
            sixteens: zero,
        }
    }

    /// Adds 8 registers from `from` on to all but the eights, and returns the carry into those.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn eight(&mut self, a: &[u64; WORDS], b: &[u64; WORDS], from: usize) -> __m256i {
        let next = |index| differing(a, b, from + index);
        let (ones, twos_a) = add(self.ones, next(0), next(1));
        let (ones, twos_b) = add(ones, next(2), next(3));
        let (twos, fours_a) = add(self.twos, twos_a, twos_b);
        let (ones, twos_a) = add(ones, next(4), next(5));
        let (ones, twos_b) = add(ones, next(6), next(7));
        let (twos, fours_b) = add(twos, twos_a, twos_b);
        let (fours, eights) = add(self.fours, fours_a, fours_b);
        (self.ones, self.twos, self.fours) = (ones, twos, fours);
        eights
    }

    /// Adds the difference of 16 registers from `from` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn block16(mut self, a: &[u64; WORDS], b: &[u64; WORDS], from: usize) -> Self {
        let eights_a = self.eight(a, b, from);
        let eights_b = self.eight(a, b, from + 8);
        let (eights, sixteens) = add(self.eights, eights_a, eights_b);
        self.eights = eights;
        self.carry(sixteens)
    }

    /// Adds the difference of 8 registers from `from` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn block8(mut self, a: &[u64; WORDS], b: &[u64; WORDS], from: usize) -> Self {
        let eights = self.eight(a, b, from);
        let sixteens = _mm256_and_si256(self.eights, eights);
        self.eights = _mm256_xor_si256(self.eights, eights);
        self.carry(sixteens)
    }

    /// Counts carries out of the eights.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn carry(mut self, sixteens: __m256i) -> Self {
        self.sixteens = _mm256_add_epi64(self.sixteens, lane_counts(sixteens));
        self
    }

    /// The number of bits counted.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn total(&self) -> u32 {
        let mut lanes = self.sixteens;
        for bits in [self.eights, self.fours, self.twos, self.ones] {
            lanes = _mm256_add_epi64(_mm256_slli_epi64::<1>(lanes), lane_counts(bits));
        }
        sum(lanes)
    }
}
