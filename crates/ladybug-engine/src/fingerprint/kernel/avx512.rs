//! The kernels of x86-64 processors with AVX-512F, BW and VL.
//!
//! As with AVX2, bits are counted in bit-sliced counters and what is carried out of them by a table of nibbles; but
//! ternary logic adds three bits in two operations. A fingerprint is 20 registers, a sketch is one.

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm_setr_epi8, _mm256_storeu_si256, _mm512_add_epi8,
    _mm512_add_epi16, _mm512_add_epi64, _mm512_and_si512, _mm512_broadcast_i32x4,
    _mm512_castsi512_si256, _mm512_cmple_epu16_mask, _mm512_cvtepu8_epi16,
    _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_or_si512, _mm512_permutexvar_epi16,
    _mm512_reduce_add_epi64, _mm512_sad_epu8, _mm512_set1_epi8, _mm512_set1_epi16,
    _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_epi32, _mm512_slli_epi64,
    _mm512_srli_epi16, _mm512_storeu_si512, _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use super::avx2::extract;
use super::scalar;
use super::simd::{LINE, PART_LINES, PARTS, TILE, parts_before_look, table};
use super::table::{FLAGS, Kernels, Rest, block, candidates, check_layers};
use crate::fingerprint::plan::{Block, Plan};
use crate::fingerprint::sketch::{
    GROUP, Gathered, LAYER_BYTES, Layer, OUTLINES, Outlines, REST, layer_bytes,
};
use crate::fingerprint::vector::{QUARTER, WORDS, Words};

/// The function `layers` of a module whose `counts` counts the bits that differ in each word of two registers.
macro_rules! layer_scan {
    ($features:literal) => {
        /// Sixteen candidates at once, whose layers are four in each of four registers.
        #[inline]
        #[target_feature(enable = $features)]
        fn layers<const N: usize>(query: &[Layer; N], runs: [&[Layer]; N], distances: &mut [u16]) {
            let four_times = query.map(|[a, b]| [a, b, a, b, a, b, a, b]);
            let sixteens = runs.map(|run| run.as_chunks::<16>().0);
            let (of_sixteens, rest) = distances.as_chunks_mut::<16>();
            let first_left = of_sixteens.len() * 16;
            for (index, distances) in of_sixteens.iter_mut().enumerate() {
                // Loops, as closures are not compiled into what calls them for every processor.
                let mut lanes = [_mm512_setzero_si512(); 4];
                for (register, lanes) in lanes.iter_mut().enumerate() {
                    for (query, sixteens) in four_times.iter().zip(sixteens) {
                        let words = sixteens[index].as_flattened();
                        let four = &words[register * REGISTER..][..REGISTER];
                        *lanes = _mm512_add_epi64(*lanes, counts(differing(query, four, 0)));
                    }
                }
                *distances = pair_sums(lanes);
            }
            scalar::layers(query, runs.map(|run| &run[first_left..]), rest);
        }
    };
}

pub(super) use layer_scan;

table!(
    "avx512",
    "avx512f,avx512bw,avx512vl,bmi2,popcnt",
    (super::avx2::KERNELS.available)()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl"),
    in_turn
);
layer_scan!("avx512f,avx512bw,avx512vl,popcnt");

/// Words of one 512-bit register.
pub(super) const REGISTER: usize = 8;
/// Registers of a part.
pub(super) const PART: usize = WORDS / REGISTER / PARTS;

/// The bits that differ in register `index` of two vectors.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn differing(a: &[u64], b: &[u64], index: usize) -> __m512i {
    let at = index * REGISTER..(index + 1) * REGISTER;
    let (a, b) = (&a[at.clone()], &b[at]);
    // SAFETY: both slices are one register long, and unaligned loads ask for no alignment.
    let (a, b) = unsafe {
        (
            _mm512_loadu_si512(a.as_ptr().cast()),
            _mm512_loadu_si512(b.as_ptr().cast()),
        )
    };
    _mm512_xor_si512(a, b)
}

/// Sixty-four outlines at once, of which a register holds a byte each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn outlines(
    query: &[u8; LAYER_BYTES],
    groups: &Outlines,
    distances: &mut [u16; OUTLINES],
) {
    const { assert!(LAYER_BYTES == 16 && GROUP == 64, "five threes and one") };
    for (group, distances) in groups.iter().zip(distances.as_chunks_mut::<GROUP>().0) {
        let byte = |row: usize| {
            // SAFETY: a row is as long as the register, and unaligned loads ask for no alignment.
            let others = unsafe { _mm512_loadu_si512(group[row].as_ptr().cast()) };
            _mm512_xor_si512(others, _mm512_set1_epi8(query[row] as i8))
        };
        let three = |row| add(byte(row), byte(row + 1), byte(row + 2));
        let ((ones_a, twos_a), (ones_b, twos_b), (ones_c, twos_c)) = (three(0), three(3), three(6));
        let ((ones_d, twos_d), (ones_e, twos_e)) = (three(9), three(12));
        let (ones, twos_f) = add(ones_a, ones_b, ones_c);
        let (ones, twos_g) = add(ones, ones_d, ones_e);
        let (twos, fours_a) = add(twos_a, twos_b, twos_c);
        let (twos, fours_b) = add(twos, twos_d, twos_e);
        let (twos, fours_c) = add(twos, twos_f, twos_g);
        let (fours, eights) = add(fours_a, fours_b, fours_c);
        let counted = Count::new()
            .bytes::<8>(eights)
            .bytes::<4>(fours)
            .bytes::<2>(twos)
            .bytes::<1>(ones)
            .bytes::<1>(byte(15));
        let bytes = _mm512_add_epi8(counted.low, counted.high);
        let halves = [
            _mm512_castsi512_si256(bytes),
            _mm512_extracti64x4_epi64::<1>(bytes),
        ];
        for (half, distances) in halves.into_iter().zip(distances.as_chunks_mut::<32>().0) {
            // SAFETY: 32 distances are as long as the register, and unaligned stores ask for no alignment.
            unsafe {
                _mm512_storeu_si512(distances.as_mut_ptr().cast(), _mm512_cvtepu8_epi16(half));
            }
        }
    }
}

/// Which of the distances are at most `limit`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn flags_within(distances: &[u16; FLAGS], limit: u16) -> u32 {
    // SAFETY: the distances are as long as the register, and unaligned loads ask for no alignment.
    let distances = unsafe { _mm512_loadu_si512(distances.as_ptr().cast()) };
    _mm512_cmple_epu16_mask(distances, _mm512_set1_epi16(limit as i16))
}

/// Asks for a cache line.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn prefetch(line: *const u64) {
    _mm_prefetch::<_MM_HINT_T0>(line.cast());
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn quarter(a: &Words, b: &Words) -> u32 {
    (PART..QUARTER / REGISTER)
        .fold(Count::new().part(a, b, 0), |count, index| {
            count.bytes::<1>(differing(a, b, index))
        })
        .total()
}

/// The number of bits set in each word.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn counts(bits: __m512i) -> __m512i {
    let (low, high) = nibble_counts::<1>(bits);
    _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512())
}

/// The sums of each two lanes of four registers, each below 2^16.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn pair_sums([a, b, c, d]: [__m512i; 4]) -> [u16; 16] {
    // Which of the sums in the lanes is which, register by register.
    const PLACES: [u16; 32] = {
        let mut places = [0; 32];
        let mut index = 0;
        while index < 16 {
            places[index] = (index % 4 * 8 + index / 4) as u16;
            index += 1;
        }
        places
    };
    let lanes = _mm512_or_si512(
        _mm512_or_si512(a, _mm512_slli_epi64::<16>(b)),
        _mm512_or_si512(_mm512_slli_epi64::<32>(c), _mm512_slli_epi64::<48>(d)),
    );
    let sums = _mm512_add_epi16(lanes, _mm512_shuffle_epi32::<0b01_00_11_10>(lanes));
    // SAFETY: the places are one register long, and unaligned loads ask for no alignment.
    let places = unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) };
    let in_turn = _mm512_castsi512_si256(_mm512_permutexvar_epi16(places, sums));
    let mut distances = [0; 16];
    // SAFETY: the distances are as long as the register, and unaligned stores ask for no alignment.
    unsafe { _mm256_storeu_si256(distances.as_mut_ptr().cast(), in_turn) };
    distances
}

/// Adds three bits in each position: the sum and the carry.
#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: __m512i, b: __m512i, c: __m512i) -> (__m512i, __m512i) {
    // The tables of exclusive or and of majority.
    (
        _mm512_ternarylogic_epi64::<0b1001_0110>(a, b, c),
        _mm512_ternarylogic_epi64::<0b1110_1000>(a, b, c),
    )
}

/// `WEIGHT` times the number of bits set in the low and in the high half of each byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn nibble_counts<const WEIGHT: i8>(bits: __m512i) -> (__m512i, __m512i) {
    const { assert!(4 * WEIGHT as i32 <= 127) };
    let (one, two, three, four) = (WEIGHT, 2 * WEIGHT, 3 * WEIGHT, 4 * WEIGHT);
    let table = _mm512_broadcast_i32x4(_mm_setr_epi8(
        0, one, one, two, one, two, two, three, one, two, two, three, two, three, three, four,
    ));
    let nibble = _mm512_set1_epi8(0x0f);
    let low = _mm512_and_si512(bits, nibble);
    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(bits), nibble);
    (
        _mm512_shuffle_epi8(table, low),
        _mm512_shuffle_epi8(table, high),
    )
}

/// Bits counted so far: up to three a position bit-sliced, the rest in bytes.
#[derive(Clone, Copy)]
struct Count {
    ones: __m512i,
    twos: __m512i,
    /// What is counted in the low half of each byte, and in the high half: at most 80 of the fours, and 12
    /// of the rest.
    low: __m512i,
    high: __m512i,
}

impl Count {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn new() -> Self {
        let zero = _mm512_setzero_si512();
        Self {
            ones: zero,
            twos: zero,
            low: zero,
            high: zero,
        }
    }

    /// Adds the difference of the 4 registers of a part.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn part(mut self, a: &Words, b: &Words, part: usize) -> Self {
        let next = |index| differing(a, b, part * PART + index);
        let (ones, twos_a) = add(self.ones, next(0), next(1));
        let (ones, twos_b) = add(ones, next(2), next(3));
        let (twos, fours) = add(self.twos, twos_a, twos_b);
        (self.ones, self.twos) = (ones, twos);
        self.bytes::<4>(fours)
    }

    /// Counts bits that stand for `WEIGHT` each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn bytes<const WEIGHT: i8>(mut self, bits: __m512i) -> Self {
        let (low, high) = nibble_counts::<WEIGHT>(bits);
        self.low = _mm512_add_epi8(self.low, low);
        self.high = _mm512_add_epi8(self.high, high);
        self
    }

    /// The number of bits counted.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn total(self) -> u32 {
        let all = self.bytes::<2>(self.twos).bytes::<1>(self.ones);
        let zero = _mm512_setzero_si512();
        let lanes = _mm512_add_epi64(
            _mm512_sad_epu8(all.low, zero),
            _mm512_sad_epu8(all.high, zero),
        );
        _mm512_reduce_add_epi64(lanes) as u32
    }
}
