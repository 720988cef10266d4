//! Distances of many queries to many candidates with AVX2, counted by table: two queries and 64 candidates at once.
//!
//! The candidates are transposed, so that a register holds one nibble of each of 32 of them. How many bits a nibble
//! differs in from a query's is then a look-up in sixteen bytes; and each of these bytes has room for the counts of two
//! queries, in its halves, which three additions do not overflow. That takes 1.7 operations for a nibble of 32 pairs, where
//! pair by pair it takes 3.3. Transposing pays from some queries on.

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T1, _mm_load_si128, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi8,
    _mm256_add_epi16, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpgt_epi16,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set_m128i,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi16, _mm256_srli_epi16, _mm256_storeu_si256, _mm256_unpackhi_epi8,
    _mm256_unpackhi_epi16, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16,
};

use crate::fingerprint::vector::Words;

/// Candidates of a tile.
pub(super) const TILE: usize = REGISTERS * LANES;
const REGISTERS: usize = 2;
const LANES: usize = 32;

/// Queries whose counts are kept at once, 8 KiB.
const QUERIES: usize = 64;

/// Bytes that are transposed at once.
const COLUMNS: usize = 16;
/// The columns of a step, after any of which candidates may be given up: 10 KiB of nibbles.
const STEP: usize = 5 * COLUMNS;
const STEP_WORDS: usize = STEP / size_of::<u64>();
const STEPS: usize = size_of::<Words>() / STEP;
/// Bits of a step in which unrelated fingerprints differ.
const UNRELATED: u32 = STEP as u32 * 4;

/// Nibbles counted in bytes, at most 4 each, before the bytes are added up.
const BYTES: usize = 40;

/// For each step that is left, so many candidates that are not given up are looked at one by one instead.
const FEW: u32 = 2;

/// For the nibbles of two queries, the second one's above the first one's: in how many bits each nibble differs from them,
/// likewise.
#[repr(align(64))]
struct Counts([[u8; 16]; 256]);

static COUNTS: Counts = {
    let mut counts = [[0; 16]; 256];
    let mut of_both = 0_usize;
    while of_both < 256 {
        let mut nibble = 0_usize;
        while nibble < 16 {
            let first = (nibble ^ of_both & 0x0f).count_ones();
            let second = (nibble ^ of_both >> 4).count_ones();
            counts[of_both][nibble] = (second << 4 | first) as u8;
            nibble += 1;
        }
        of_both += 1;
    }
    Counts(counts)
};

/// One nibble of each candidate of a tile, a byte each.
type Nibbles = [__m256i; REGISTERS];

/// The nibbles of a tile's columns in a step: the low ones, then the high ones.
type Step = [[Nibbles; STEP]; 2];

/// The distances of a query to a tile so far: for each register those of its even bytes, and of its odd ones.
type Sums = [[__m256i; 2]; REGISTERS];

/// As [`block_distances_within`](super::table::Kernels::block_distances_within) says, with a function for the distances of
/// single pairs.
#[target_feature(enable = "avx2")]
pub(super) fn blocks(
    queries: &[&Words],
    candidates: &[Words],
    bounds: &[u32],
    distances: &mut [u32],
    distance: fn(&Words, &Words) -> u32,
) {
    let rows = distances.chunks_mut(QUERIES * candidates.len());
    let bounds = bounds.chunks(QUERIES);
    for ((queries, bounds), rows) in queries.chunks(QUERIES).zip(bounds).zip(rows) {
        for (tile, first) in candidates.chunks(TILE).zip((0..).step_by(TILE)) {
            let rows = rows.chunks_exact_mut(candidates.len());
            let mut asked = Vec::with_capacity(queries.len());
            for ((query, &bound), row) in queries.iter().zip(bounds).zip(rows) {
                asked.push(Asked {
                    query,
                    bound,
                    sums: [[_mm256_setzero_si256(); 2]; REGISTERS],
                    row: &mut row[first..][..tile.len()],
                });
            }
            meet(asked, tile, distance);
        }
    }
}

/// A query on its way through a tile.
struct Asked<'a> {
    query: &'a Words,
    bound: u32,
    sums: Sums,
    /// Where its distances go, one a candidate.
    row: &'a mut [u32],
}

/// Writes the distances of all queries to a tile.
#[target_feature(enable = "avx2")]
fn meet(mut asked: Vec<Asked<'_>>, tile: &[Words], distance: fn(&Words, &Words) -> u32) {
    let candidates = std::array::from_fn(|lane| &tile[lane.min(tile.len() - 1)]);
    let mut nibbles = [[[_mm256_setzero_si256(); REGISTERS]; STEP]; 2];
    for step in 0..STEPS {
        prefetch(tile, step);
        transpose(&candidates, step, &mut nibbles);
        for pair in asked.chunks_mut(2) {
            add(pair, step, &nibbles);
        }
        let left = (STEPS - 1 - step) as u32;
        asked.retain_mut(|asked| {
            // Sooner few have exceeded it.
            if (step as u32 + 1) * UNRELATED <= asked.bound {
                return true;
            }
            let mut within = asked.within();
            if within.count_ones() > left * FEW {
                return true;
            }
            asked.write();
            while within != 0 {
                let lane = within.trailing_zeros() as usize;
                within &= within - 1;
                asked.row[lane] = distance(asked.query, &tile[lane]);
            }
            false
        });
        if asked.is_empty() {
            return;
        }
    }
    for mut asked in asked {
        asked.write();
    }
}

/// Asks for a step of the next tile, which follows in memory if there is one: a prefetch may name any address.
#[target_feature(enable = "avx2")]
fn prefetch(tile: &[Words], step: usize) {
    for candidate in tile {
        let next = candidate.as_ptr().wrapping_add(TILE * candidate.len());
        for word in [step * STEP_WORDS, (step + 1) * STEP_WORDS - 1] {
            _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(word).cast());
        }
    }
}

/// Takes the nibbles of a step out of the candidates.
#[target_feature(enable = "avx2")]
fn transpose(candidates: &[&Words; TILE], step: usize, nibbles: &mut Step) {
    let nibble = _mm256_set1_epi8(0x0f);
    for block in 0..STEP / COLUMNS {
        let first_word = (step * STEP + block * COLUMNS) / size_of::<u64>();
        for register in 0..REGISTERS {
            let lanes = &candidates[register * LANES..][..LANES];
            let mut rows = [_mm256_setzero_si256(); COLUMNS];
            for (row, lane) in rows.iter_mut().zip(0..) {
                *row = _mm256_set_m128i(
                    columns(lanes[lane + LANES / 2], first_word),
                    columns(lanes[lane], first_word),
                );
            }
            // Each time the highest bit of a byte's row becomes the lowest of its column, and that of its column the
            // lowest of its row: after four times they have changed places.
            for _ in 0..COLUMNS.ilog2() {
                let mut next = rows;
                for row in 0..COLUMNS / 2 {
                    let (a, b) = (rows[row], rows[row + COLUMNS / 2]);
                    next[2 * row] = _mm256_unpacklo_epi8(a, b);
                    next[2 * row + 1] = _mm256_unpackhi_epi8(a, b);
                }
                rows = next;
            }
            let [low, high] = &mut *nibbles;
            for (column, bytes) in (block * COLUMNS..).zip(rows) {
                low[column][register] = _mm256_and_si256(bytes, nibble);
                high[column][register] = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
            }
        }
    }
}

/// The columns of a block, of one candidate.
#[inline]
#[target_feature(enable = "avx2")]
fn columns(words: &Words, first_word: usize) -> __m128i {
    let block = &words[first_word..first_word + COLUMNS / size_of::<u64>()];
    // SAFETY: the slice is as long as the register, and unaligned loads ask for no alignment.
    unsafe { _mm_loadu_si128(block.as_ptr().cast()) }
}

/// Adds what a step differs in from one or two queries.
#[target_feature(enable = "avx2")]
fn add(pair: &mut [Asked<'_>], step: usize, nibbles: &Step) {
    const LOW: u64 = u64::from_ne_bytes([0x0f; 8]);
    let of_step = |asked: &Asked<'_>| -> [u64; STEP_WORDS] {
        std::array::from_fn(|word| asked.query[step * STEP_WORDS + word])
    };
    let (first, second) = (of_step(&pair[0]), of_step(&pair[pair.len() - 1]));
    let mut indices = [[[0; 8]; STEP_WORDS]; 2];
    for (word, (first, second)) in first.into_iter().zip(second).enumerate() {
        indices[0][word] = (first & LOW | (second & LOW) << 4).to_le_bytes();
        indices[1][word] = (first >> 4 & LOW | second & !LOW).to_le_bytes();
    }

    let byte = _mm256_set1_epi16(0xff);
    for (indices, nibbles) in indices.iter().zip(nibbles) {
        let (indices, _) = indices.as_flattened().as_chunks::<BYTES>();
        let (nibbles, _) = nibbles.as_chunks::<BYTES>();
        for (indices, nibbles) in indices.iter().zip(nibbles) {
            let (indices_in_threes, indices) = indices.as_chunks::<3>();
            let (nibbles_in_threes, nibbles) = nibbles.as_chunks::<3>();
            let mut bytes = [[_mm256_setzero_si256(); REGISTERS]; 2];
            look_up(indices_in_threes, nibbles_in_threes, &mut bytes);
            look_up::<1>(indices.as_chunks().0, nibbles.as_chunks().0, &mut bytes);
            for (asked, bytes) in pair.iter_mut().zip(bytes) {
                for ([even, odd], bytes) in asked.sums.iter_mut().zip(bytes) {
                    *even = _mm256_add_epi16(*even, _mm256_and_si256(bytes, byte));
                    *odd = _mm256_add_epi16(*odd, _mm256_srli_epi16::<8>(bytes));
                }
            }
        }
    }
}

/// Adds the counts of nibbles, at most three at once, to the bytes of both queries.
#[inline]
#[target_feature(enable = "avx2")]
fn look_up<const N: usize>(
    indices: &[[u8; N]],
    nibbles: &[[Nibbles; N]],
    bytes: &mut [[__m256i; REGISTERS]; 2],
) {
    const { assert!(N * 4 < 16) };
    let half = _mm256_set1_epi8(0x0f);
    for (indices, nibbles) in indices.iter().zip(nibbles) {
        let mut counts = [_mm256_setzero_si256(); REGISTERS];
        for (&index, nibbles) in indices.iter().zip(nibbles) {
            let row = &COUNTS.0[usize::from(index)];
            // SAFETY: a row is as long as the register, and starts at a multiple of its length.
            let row = unsafe { _mm_load_si128(row.as_ptr().cast()) };
            let row = _mm256_broadcastsi128_si256(row);
            for (counts, nibbles) in counts.iter_mut().zip(nibbles) {
                *counts = _mm256_add_epi8(*counts, _mm256_shuffle_epi8(row, *nibbles));
            }
        }
        let [of_first, of_second] = &mut *bytes;
        for ((first, second), counts) in of_first.iter_mut().zip(of_second).zip(counts) {
            *first = _mm256_add_epi8(*first, _mm256_and_si256(counts, half));
            let above = _mm256_and_si256(_mm256_srli_epi16::<4>(counts), half);
            *second = _mm256_add_epi8(*second, above);
        }
    }
}

impl Asked<'_> {
    /// Which candidates have not exceeded the bound so far, a bit each.
    #[target_feature(enable = "avx2")]
    fn within(&self) -> u64 {
        let bound = _mm256_set1_epi16(self.bound.min(i16::MAX as u32) as i16);
        let mut exceeded = 0;
        for [even, odd] in self.sums.iter().rev() {
            let even = _mm256_srli_epi16::<8>(_mm256_cmpgt_epi16(*even, bound));
            let odd = _mm256_slli_epi16::<8>(_mm256_cmpgt_epi16(*odd, bound));
            let bytes = _mm256_movemask_epi8(_mm256_or_si256(even, odd));
            exceeded = exceeded << LANES | u64::from(bytes as u32);
        }
        !exceeded & u64::MAX >> (TILE - self.row.len())
    }

    /// Writes the sums out.
    #[target_feature(enable = "avx2")]
    fn write(&mut self) {
        let registers = self.row.chunks_mut(LANES);
        for ([even, odd], row) in self.sums.into_iter().zip(registers) {
            let (low, high) = (
                _mm256_unpacklo_epi16(even, odd),
                _mm256_unpackhi_epi16(even, odd),
            );
            let mut in_order = [0_u16; LANES];
            let halves = in_order.as_chunks_mut::<{ LANES / 2 }>().0.iter_mut();
            let registers = [
                _mm256_permute2x128_si256::<0x20>(low, high),
                _mm256_permute2x128_si256::<0x31>(low, high),
            ];
            for (half, register) in halves.zip(registers) {
                // SAFETY: a half is as long as the register, and unaligned stores ask for no alignment.
                unsafe { _mm256_storeu_si256(half.as_mut_ptr().cast(), register) }
            }
            for (distance, sum) in row.iter_mut().zip(in_order) {
                *distance = sum.into();
            }
        }
    }
}
