//! The portable kernels: what every processor runs, and what every other kernel must equal.

use super::{Kernels, candidates};
use crate::fingerprint::expand::{LANES, lanes, step};
use crate::fingerprint::sketch::{SKETCH_WORDS, Sketch};
use crate::fingerprint::vector::{QUARTER, WORDS};

pub(super) static KERNELS: Kernels = Kernels {
    name: "scalar",
    available: || true,
    distance,
    distances,
    distances_within,
    sketch_distances,
    expand,
    carry_save_add,
};

#[inline(always)]
fn differing(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

fn distance(a: &[u64; WORDS], b: &[u64; WORDS]) -> u32 {
    differing(a, b)
}

fn distances(query: &[u64; WORDS], run: &[u64], distances: &mut [u32]) {
    let candidates = candidates::<WORDS>(run, distances);
    for (candidate, distance) in candidates.iter().zip(distances) {
        *distance = differing(query, candidate);
    }
}

fn distances_within(query: &[u64; WORDS], run: &[u64], bound: u32, distances: &mut [u32]) {
    let candidates = candidates::<WORDS>(run, distances);
    for (candidate, distance) in candidates.iter().zip(distances) {
        *distance = 0;
        for (a, b) in query
            .chunks_exact(QUARTER)
            .zip(candidate.chunks_exact(QUARTER))
        {
            *distance += differing(a, b);
            if *distance > bound {
                break;
            }
        }
    }
}

fn sketch_distances(query: &Sketch, run: &[u64], distances: &mut [u32]) {
    let candidates = candidates::<SKETCH_WORDS>(run, distances);
    for (candidate, distance) in candidates.iter().zip(distances) {
        *distance = differing(query, candidate);
    }
}

#[inline(always)]
pub(super) fn expand(seed: u64, words: &mut [u64; WORDS]) {
    let mut states = lanes(seed);
    for block in words.as_chunks_mut::<LANES>().0 {
        *block = states;
        states = states.map(step);
    }
}

#[inline(always)]
pub(super) fn carry_save_add(
    sum: &mut [u64; WORDS],
    addend: &[u64; WORDS],
    carry: &mut [u64; WORDS],
) {
    for ((sum, &addend), carry) in sum.iter_mut().zip(addend).zip(carry) {
        let half = *sum ^ addend;
        let carried = (*sum & addend) | (half & *carry);
        *sum = half ^ *carry;
        *carry = carried;
    }
}
