//! The kernels of x86-64 processors with AVX2.
//!
//! Bits are counted in bit-sliced counters (Harley–Seal: Muła, Kurz & Lemire 2018, "Faster population
//! counts using AVX2 instructions"), whose additions share work by pairs of bits that travel as one of them
//! and their exclusive or: 8 operations for two additions instead of 10 (the MDFA of Demenkov, Kojevnikov,
//! Kulikov & Yaroslavtsev 2010, "New upper bounds on the Boolean circuit complexity of symmetric
//! functions"). What is carried out of them is counted by a table of nibbles into bytes, which are summed once.

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_add_epi32, _mm_cvtsi128_si32, _mm_or_si128, _mm_prefetch,
    _mm_shuffle_epi32, _mm_slli_epi32, _mm_storeu_si128, _mm256_add_epi8, _mm256_add_epi64,
    _mm256_and_si256, _mm256_andnot_si256, _mm256_castsi256_si128, _mm256_cmpgt_epi16,
    _mm256_cvtepu8_epi16, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_packs_epi16, _mm256_packus_epi32,
    _mm256_permute4x64_epi64, _mm256_sad_epu8, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    _mm256_storeu_si256, _mm256_xor_si256, _pext_u64,
};

use super::nibbles;
use super::scalar;
use super::simd::{LINE, PART_LINES, PARTS, TILE, parts_before_look, table};
use super::table::{FLAGS, Kernels, Rest, block, candidates, check_layers};
use crate::fingerprint::plan::{Block, Plan};
use crate::fingerprint::sketch::{
    GROUP, Gathered, LAYER_BYTES, LAYER_WORDS, Layer, OUTLINES, Outlines, REST, layer_bytes,
};
use crate::fingerprint::vector::{QUARTER, WORDS, Words};

table!(
    "avx2",
    "avx2,bmi2,popcnt",
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt"),
    blocks
);

/// Words of one 256-bit register.
const REGISTER: usize = 4;

/// Registers of a part.
const PART: usize = WORDS / REGISTER / PARTS;

#[inline]
#[target_feature(enable = "avx2")]
fn quarter(a: &Words, b: &Words) -> u32 {
    (PART..QUARTER / REGISTER)
        .fold(Count::new().part(a, b, 0), |count, index| {
            count.bytes::<1>(differing(a, b, index))
        })
        .total()
}

/// From so many queries and candidates on it pays to transpose these.
const TRANSPOSED_QUERIES_MIN: usize = 12;
const TRANSPOSED_CANDIDATES_MIN: usize = 32;

#[target_feature(enable = "avx2,bmi2,popcnt")]
fn blocks(queries: &[&Words], candidates: &[Words], bounds: &[u32], distances: &mut [u32]) {
    if queries.len() < TRANSPOSED_QUERIES_MIN || candidates.len() < TRANSPOSED_CANDIDATES_MIN {
        in_turn(queries, candidates, bounds, distances);
    } else {
        nibbles::blocks(queries, candidates, bounds, distances, distance);
    }
}

/// The bits of a word that are set in the mask, packed.
#[inline]
#[target_feature(enable = "bmi2")]
pub(super) fn extract(word: u64, mask: u64) -> u64 {
    _pext_u64(word, mask)
}

/// Asks for a cache line.
#[inline]
#[target_feature(enable = "avx2")]
fn prefetch(line: *const u64) {
    _mm_prefetch::<_MM_HINT_T0>(line.cast());
}

/// Eight candidates at once, whose layers are two in each of four registers.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn layers<const N: usize>(query: &[Layer; N], runs: [&[Layer]; N], distances: &mut [u16]) {
    // Bytes count what differs.
    const { assert!(N * 8 <= 255 && REGISTER == 2 * LAYER_WORDS) };
    let query_twice = query.map(|[a, b]| [a, b, a, b]);
    let eights = runs.map(|run| run.as_chunks::<8>().0);
    let (of_eights, rest) = distances.as_chunks_mut::<8>();
    let first_left = of_eights.len() * 8;
    for (index, distances) in of_eights.iter_mut().enumerate() {
        // Loops, as closures are not compiled into what calls them for every processor.
        let mut lanes = [_mm256_setzero_si256(); 4];
        for (register, lanes) in lanes.iter_mut().enumerate() {
            let mut bytes = _mm256_setzero_si256();
            for (query, eights) in query_twice.iter().zip(eights) {
                let words = eights[index].as_flattened();
                let two = &words[register * REGISTER..][..REGISTER];
                let (low, high) = nibble_counts::<1>(differing(query, two, 0));
                bytes = _mm256_add_epi8(bytes, _mm256_add_epi8(low, high));
            }
            *lanes = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
        }
        // Both words of each register's two candidates as four pairs in each half, of which the first half has every
        // even candidate and the second every odd one.
        let [a, b, c, d] = lanes;
        let words = _mm256_packus_epi32(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
        let sums = _mm256_madd_epi16(words, _mm256_set1_epi16(1));
        let odd = _mm_slli_epi32::<16>(_mm256_extracti128_si256::<1>(sums));
        let in_turn = _mm_or_si128(_mm256_castsi256_si128(sums), odd);
        // SAFETY: eight distances are as long as the register, and unaligned stores ask for no alignment.
        unsafe { _mm_storeu_si128(distances.as_mut_ptr().cast(), in_turn) }
    }
    scalar::layers(query, runs.map(|run| &run[first_left..]), rest);
}

/// Thirty-two outlines at once, of which a register holds a byte each.
#[inline]
#[target_feature(enable = "avx2")]
fn outlines(query: &[u8; LAYER_BYTES], groups: &Outlines, distances: &mut [u16; OUTLINES]) {
    const { assert!(LAYER_BYTES == 16, "one, seven pairs and one") };
    const LANES: usize = 32;
    const HALVES: usize = GROUP / LANES;
    for (index, distances) in distances.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let byte = |row: usize| {
            let others = &groups[index / HALVES][row].as_chunks::<LANES>().0[index % HALVES];
            // SAFETY: as long as the register, and unaligned loads ask for no alignment.
            let others = unsafe { _mm256_loadu_si256(others.as_ptr().cast()) };
            _mm256_xor_si256(others, _mm256_set1_epi8(query[row] as i8))
        };
        let pair = |row| Pair::of(byte(row), byte(row + 1));
        let (ones, twos_a) = add_pairs(byte(0), pair(1), pair(3));
        let (ones, twos_b) = add_pairs(ones, pair(5), pair(7));
        let (ones, twos_c) = add_pairs(ones, pair(9), pair(11));
        let (ones, twos) = add_pair(ones, pair(13));
        let (twos, fours_a) = add_pairs(twos, twos_a, twos_b);
        let (twos, fours_b) = add_pair(twos, twos_c);
        let (fours, eights) = add_pair(fours_b, fours_a);
        let counted = Count::new()
            .bytes::<8>(eights)
            .bytes::<4>(fours)
            .bytes::<2>(twos)
            .bytes::<1>(ones)
            .bytes::<1>(byte(15));
        let bytes = _mm256_add_epi8(counted.low, counted.high);
        let halves = [
            _mm256_castsi256_si128(bytes),
            _mm256_extracti128_si256::<1>(bytes),
        ];
        for (half, distances) in halves.into_iter().zip(distances.as_chunks_mut::<16>().0) {
            // SAFETY: sixteen distances are as long as the register, and unaligned stores ask for no alignment.
            unsafe {
                _mm256_storeu_si256(distances.as_mut_ptr().cast(), _mm256_cvtepu8_epi16(half));
            }
        }
    }
}

/// Which of the distances are at most `limit`.
#[inline]
#[target_feature(enable = "avx2")]
fn flags_within(distances: &[u16; FLAGS], limit: u16) -> u32 {
    let limit = _mm256_set1_epi16(limit as i16);
    let (halves, _) = distances.as_chunks::<{ FLAGS / 2 }>();
    let mut beyond = [_mm256_setzero_si256(); 2];
    for (beyond, half) in beyond.iter_mut().zip(halves) {
        // SAFETY: a half is as long as the register, and unaligned loads ask for no alignment.
        let half = unsafe { _mm256_loadu_si256(half.as_ptr().cast()) };
        *beyond = _mm256_cmpgt_epi16(half, limit);
    }
    // Packed, a quarter of each in turn.
    let bytes = _mm256_packs_epi16(beyond[0], beyond[1]);
    let in_order = _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes);
    !_mm256_movemask_epi8(in_order) as u32
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

/// `WEIGHT` times the number of bits set in the low and in the high half of each byte.
#[inline]
#[target_feature(enable = "avx2")]
fn nibble_counts<const WEIGHT: i8>(bits: __m256i) -> (__m256i, __m256i) {
    const { assert!(4 * WEIGHT as i32 <= 127) };
    let (one, two, three, four) = (WEIGHT, 2 * WEIGHT, 3 * WEIGHT, 4 * WEIGHT);
    let table = _mm256_setr_epi8(
        0, one, one, two, one, two, two, three, one, two, two, three, two, three, three,
        four, //
        0, one, one, two, one, two, two, three, one, two, two, three, two, three, three, four,
    );
    let nibble = _mm256_set1_epi8(0x0f);
    let low = _mm256_and_si256(bits, nibble);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bits), nibble);
    (
        _mm256_shuffle_epi8(table, low),
        _mm256_shuffle_epi8(table, high),
    )
}

/// The sum of the four lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn sum(lanes: __m256i) -> u32 {
    let halves = _mm_add_epi32(
        _mm256_castsi256_si128(lanes),
        _mm256_extracti128_si256::<1>(lanes),
    );
    let sum = _mm_add_epi32(halves, _mm_shuffle_epi32::<0b01_00_11_10>(halves));
    _mm_cvtsi128_si32(sum) as u32
}

/// Two bits of each position, as the first of them and their exclusive or.
#[derive(Clone, Copy)]
struct Pair {
    first: __m256i,
    differ: __m256i,
}

impl Pair {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(first: __m256i, second: __m256i) -> Self {
        let differ = _mm256_xor_si256(first, second);
        Self { first, differ }
    }
}

/// Adds two pairs to a bit: the sum, and the two carries.
#[inline]
#[target_feature(enable = "avx2")]
fn add_pairs(bit: __m256i, a: Pair, b: Pair) -> (__m256i, Pair) {
    // The carry of `bit` and `a` is `bit` where the two of `a` differ, else its first. With `half`, their
    // sum, it is `half` exclusive or `any`, in four operations. The carry of `half` and `b` differs from it in
    // `any` exclusive or (`turned` where the two of `b` are equal), which needs no carry itself.
    let half = _mm256_xor_si256(bit, a.differ);
    let any = _mm256_or_si256(_mm256_xor_si256(a.first, bit), a.differ);
    let turned = _mm256_xor_si256(b.first, half);
    let carries = Pair {
        first: _mm256_xor_si256(half, any),
        differ: _mm256_xor_si256(any, _mm256_andnot_si256(b.differ, turned)),
    };
    (_mm256_xor_si256(half, b.differ), carries)
}

/// Adds a pair to a bit: the sum and the carry.
#[inline]
#[target_feature(enable = "avx2")]
fn add_pair(bit: __m256i, pair: Pair) -> (__m256i, __m256i) {
    let turned = _mm256_and_si256(pair.differ, _mm256_xor_si256(pair.first, bit));
    (
        _mm256_xor_si256(bit, pair.differ),
        _mm256_xor_si256(pair.first, turned),
    )
}

/// Bits counted so far: up to seven a position bit-sliced, the rest in bytes.
#[derive(Clone, Copy)]
struct Count {
    ones: __m256i,
    twos: __m256i,
    fours: __m256i,
    /// What is counted in the low half of each byte, and in the high half: at most 160 of the eights, and 28
    /// of the rest.
    low: __m256i,
    high: __m256i,
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
            low: zero,
            high: zero,
        }
    }

    /// Adds the difference of the 8 registers of a part.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn part(mut self, a: &Words, b: &Words, part: usize) -> Self {
        let next = |index| {
            let first = part * PART + index;
            Pair::of(differing(a, b, first), differing(a, b, first + 1))
        };
        let (ones, twos_a) = add_pairs(self.ones, next(0), next(2));
        let (ones, twos_b) = add_pairs(ones, next(4), next(6));
        let (twos, fours) = add_pairs(self.twos, twos_a, twos_b);
        let (fours, eights) = add_pair(self.fours, fours);
        (self.ones, self.twos, self.fours) = (ones, twos, fours);
        self.bytes::<8>(eights)
    }

    /// Counts bits that stand for `WEIGHT` each.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn bytes<const WEIGHT: i8>(mut self, bits: __m256i) -> Self {
        let (low, high) = nibble_counts::<WEIGHT>(bits);
        self.low = _mm256_add_epi8(self.low, low);
        self.high = _mm256_add_epi8(self.high, high);
        self
    }

    /// The number of bits counted.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn total(self) -> u32 {
        let all = self
            .bytes::<4>(self.fours)
            .bytes::<2>(self.twos)
            .bytes::<1>(self.ones);
        let zero = _mm256_setzero_si256();
        sum(_mm256_add_epi64(
            _mm256_sad_epu8(all.low, zero),
            _mm256_sad_epu8(all.high, zero),
        ))
    }
}
