//! The kernels of x86-64 processors with AVX-512 VPOPCNTDQ, which count the bits of eight words at once.
//!
//! A fingerprint is 20 of the 32 registers: over a run, the query stays in them.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_popcnt_epi64, _mm512_reduce_add_epi64, _mm512_setzero_si512,
};

use super::avx2::extract;
use super::avx512::{
    PART, REGISTER, differing, flags_within, layer_scan, outlines, pair_sums, prefetch,
};
use super::scalar;
use super::simd::{LINE, PART_LINES, PARTS, TILE, parts_before_look, table};
use super::table::{FLAGS, Kernels, Rest, block, candidates, check_layers};
use crate::fingerprint::plan::{Block, Plan};
use crate::fingerprint::sketch::{Gathered, Layer, OUTLINES, Outlines, REST, layer_bytes};
use crate::fingerprint::vector::{QUARTER, WORDS, Words};

table!(
    "avx512vpopcnt",
    "avx512f,avx512bw,avx512vl,avx512vpopcntdq,bmi2,popcnt",
    (super::avx512::KERNELS.available)() && is_x86_feature_detected!("avx512vpopcntdq"),
    in_turn
);
layer_scan!("avx512f,avx512bw,avx512vl,avx512vpopcntdq,popcnt");

#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn quarter(a: &Words, b: &Words) -> u32 {
    (0..QUARTER / REGISTER)
        .fold(Count::new(), |count, index| count.register(a, b, index))
        .total()
}

/// The number of bits set in each word.
#[inline]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn counts(bits: __m512i) -> __m512i {
    _mm512_popcnt_epi64(bits)
}

/// The number of bits counted so far, in lanes.
#[derive(Clone, Copy)]
struct Count(__m512i);

impl Count {
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn new() -> Self {
        Self(_mm512_setzero_si512())
    }

    /// Adds the difference of the registers of a part.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn part(self, a: &Words, b: &Words, part: usize) -> Self {
        (0..PART).fold(self, |count, index| {
            count.register(a, b, part * PART + index)
        })
    }

    /// Adds the difference of one register.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn register(self, a: &Words, b: &Words, index: usize) -> Self {
        Self(_mm512_add_epi64(
            self.0,
            _mm512_popcnt_epi64(differing(a, b, index)),
        ))
    }

    /// The number of bits counted.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vpopcntdq")]
    fn total(self) -> u32 {
        _mm512_reduce_add_epi64(self.0) as u32
    }
}
