//! The kernels of aarch64 processors, all of which have NEON: `cnt` counts the bits of each byte.

use std::arch::aarch64::{
    uint8x16_t, uint16x8_t, vaddlvq_u8, vaddlvq_u16, vaddq_u8, vcntq_u8, vdupq_n_u8, vdupq_n_u16,
    veorq_u8, vget_low_u8, vld1q_u8, vmovl_high_u8, vmovl_u8, vpadalq_u8, vst1q_u16,
};

use super::scalar::{self, extract};
use super::simd::{LINE, PART_LINES, PARTS, TILE, parts_before_look, table};
use super::table::{FLAGS, Kernels, Rest, block, candidates, check_layers};
use crate::fingerprint::plan::{Block, Plan};
use crate::fingerprint::sketch::{
    GROUP, Gathered, LAYER_BYTES, LAYER_WORDS, Layer, OUTLINES, Outlines, REST, layer_bytes,
};
use crate::fingerprint::vector::{QUARTER, WORDS, Words};

table!(
    "neon",
    "neon",
    std::arch::is_aarch64_feature_detected!("neon"),
    in_turn
);

/// Words of one 128-bit register.
const REGISTER: usize = 2;
/// Registers of a part.
const PART: usize = WORDS / REGISTER / PARTS;

/// The number of bits that differ in each byte of register `index` of two vectors.
#[inline]
#[target_feature(enable = "neon")]
fn differing(a: &[u64], b: &[u64], index: usize) -> uint8x16_t {
    let at = index * REGISTER..(index + 1) * REGISTER;
    let (a, b) = (&a[at.clone()], &b[at]);
    // SAFETY: both slices are one register long, and these loads ask for no alignment.
    let (a, b) = unsafe { (vld1q_u8(a.as_ptr().cast()), vld1q_u8(b.as_ptr().cast())) };
    vcntq_u8(veorq_u8(a, b))
}

/// The number of bits that differ in each byte, summed over registers: at most 31 of them.
#[inline]
#[target_feature(enable = "neon")]
fn byte_counts(a: &[u64], b: &[u64], registers: std::ops::Range<usize>) -> uint8x16_t {
    registers.fold(vdupq_n_u8(0), |counts, index| {
        vaddq_u8(counts, differing(a, b, index))
    })
}

/// Which of the distances are at most `limit`.
#[inline]
#[target_feature(enable = "neon")]
fn flags_within(distances: &[u16; FLAGS], limit: u16) -> u32 {
    scalar::flags_within(distances, limit)
}

/// Nothing: these processors' own prefetchers follow a run, and Rust has no stable way to ask them.
#[inline(always)]
fn prefetch(_line: *const u64) {}

#[inline]
#[target_feature(enable = "neon")]
fn quarter(a: &Words, b: &Words) -> u32 {
    u32::from(vaddlvq_u8(byte_counts(a, b, 0..QUARTER / REGISTER)))
}

#[inline]
#[target_feature(enable = "neon")]
fn layers<const N: usize>(query: &[Layer; N], runs: [&[Layer]; N], distances: &mut [u16]) {
    // Bytes count what differs.
    const { assert!(N * 8 <= 255 && LAYER_WORDS == REGISTER) };
    for (index, distance) in distances.iter_mut().enumerate() {
        let mut bytes = vdupq_n_u8(0);
        for (query, run) in query.iter().zip(runs) {
            bytes = vaddq_u8(bytes, differing(query, &run[index], 0));
        }
        *distance = vaddlvq_u8(bytes);
    }
}

/// Sixteen outlines at once, of which a register holds a byte each.
#[inline]
#[target_feature(enable = "neon")]
fn outlines(query: &[u8; LAYER_BYTES], groups: &Outlines, distances: &mut [u16; OUTLINES]) {
    const LANES: usize = 16;
    const QUARTERS: usize = GROUP / LANES;
    for (index, distances) in distances.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut bytes = vdupq_n_u8(0);
        for (byte, row) in query.iter().zip(&groups[index / QUARTERS]) {
            let others = &row.as_chunks::<LANES>().0[index % QUARTERS];
            // SAFETY: as long as the register, and these loads ask for no alignment.
            let others = unsafe { vld1q_u8(others.as_ptr()) };
            bytes = vaddq_u8(bytes, vcntq_u8(veorq_u8(others, vdupq_n_u8(*byte))));
        }
        let halves = [vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes)];
        for (half, distances) in halves.into_iter().zip(distances.as_chunks_mut::<8>().0) {
            // SAFETY: eight distances are as long as the register, and these stores ask for no alignment.
            unsafe { vst1q_u16(distances.as_mut_ptr(), half) };
        }
    }
}

/// The number of bits counted so far, in lanes of 16 bits.
#[derive(Clone, Copy)]
struct Count(uint16x8_t);

impl Count {
    #[inline]
    #[target_feature(enable = "neon")]
    fn new() -> Self {
        Self(vdupq_n_u16(0))
    }

    /// Adds the difference of the 16 registers of a part.
    #[inline]
    #[target_feature(enable = "neon")]
    fn part(self, a: &Words, b: &Words, part: usize) -> Self {
        let counts = byte_counts(a, b, part * PART..(part + 1) * PART);
        Self(vpadalq_u8(self.0, counts))
    }

    /// The number of bits counted.
    #[inline]
    #[target_feature(enable = "neon")]
    fn total(self) -> u32 {
        vaddlvq_u16(self.0)
    }
}
