//! The portable kernels: what every processor runs, and what every other kernel must equal.

use super::table::{FLAGS, Kernels, Rest, block, candidates, check_layers};
use crate::fingerprint::expand::{LANES, lanes, step};
use crate::fingerprint::plan::{Block, ONES, PLANES, Plan, ZEROS};
use crate::fingerprint::sketch::{
    GROUP, Gathered, Layer, OUTLINES, Outlines, REST, SKETCH_BITS, layer_bytes,
};
use crate::fingerprint::vector::{QUARTER, WORDS, Words};

pub(super) static KERNELS: Kernels = Kernels {
    name: "scalar",
    available: || true,
    distance,
    quarter_distance,
    distances_within,
    block_distances_within,
    outline_distances,
    rest_distances,
    rest_distance,
    flags_within,
    prefetch: |_, _| (),
    expand,
    weigh,
    carry_save_add,
    gather,
    rotate,
};

#[inline(always)]
pub(super) fn differing(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

fn distance(a: &Words, b: &Words) -> u32 {
    differing(a, b)
}

fn quarter_distance(a: &Words, b: &Words) -> u32 {
    differing(&a[..QUARTER], &b[..QUARTER])
}

fn distances_within(query: &Words, run: &[u64], bound: u32, distances: &mut [u32]) {
    for (candidate, distance) in candidates::<WORDS>(run, distances.len())
        .iter()
        .zip(distances)
    {
        *distance = within(query, candidate, bound);
    }
}

fn block_distances_within(queries: &[&Words], run: &[u64], bounds: &[u32], distances: &mut [u32]) {
    let candidates = block::<WORDS>(queries.len(), run, bounds.len(), distances.len());
    for (index, candidate) in candidates.iter().enumerate() {
        for ((query, &bound), distances) in queries
            .iter()
            .zip(bounds)
            .zip(distances.chunks_exact_mut(candidates.len()))
        {
            distances[index] = within(query, candidate, bound);
        }
    }
}

/// The distance, or the first partial one that exceeds the bound.
#[inline(always)]
fn within(a: &Words, b: &Words, bound: u32) -> u32 {
    let mut distance = 0;
    for (a, b) in a.chunks_exact(QUARTER).zip(b.chunks_exact(QUARTER)) {
        distance += differing(a, b);
        if distance > bound {
            break;
        }
    }
    distance
}

fn outline_distances(query: &Layer, outlines: &Outlines, distances: &mut [u16; OUTLINES]) {
    let query = layer_bytes(query);
    let of_groups = distances.as_chunks_mut::<GROUP>().0;
    for (group, distances) in outlines.iter().zip(of_groups) {
        // At most 128, so bytes hold them.
        let mut counts = [0_u8; GROUP];
        for (byte, row) in query.iter().zip(group) {
            for (count, other) in counts.iter_mut().zip(row) {
                *count += (byte ^ other).count_ones() as u8;
            }
        }
        *distances = counts.map(u16::from);
    }
}

fn rest_distances(query: &Rest, runs: [&[Layer]; REST], distances: &mut [u16]) {
    check_layers(runs, distances.len());
    layers(query, runs, distances);
}

#[inline(always)]
pub(super) fn rest_distance(query: &Rest, rest: [&Layer; REST]) -> u16 {
    let layers = query.iter().zip(rest);
    layers
        .map(|(query, layer)| differing(query, layer) as u16)
        .sum()
}

/// The distances over some layers of as many candidates as there are distances.
#[inline(always)]
pub(super) fn layers<const N: usize>(
    query: &[Layer; N],
    runs: [&[Layer]; N],
    distances: &mut [u16],
) {
    for (index, distance) in distances.iter_mut().enumerate() {
        let layers = query.iter().zip(runs);
        *distance = layers
            .map(|(query, run)| differing(query, &run[index]) as u16)
            .sum();
    }
}

#[inline(always)]
pub(super) fn expand(seed: u64, words: &mut Words) {
    let mut states = lanes(seed);
    for block in words.as_chunks_mut::<LANES>().0 {
        *block = states;
        states = states.map(step);
    }
}

/// What a plan's number of slots is for.
const ROOM: &str = "invariant: a plan counts its slots";

#[inline(always)]
pub(super) fn weigh(seeds: &[u64], plan: &Plan, slots: &mut [Block], planes: &mut [Words]) {
    slots[usize::from(ZEROS)] = [0; LANES];
    slots[usize::from(ONES)] = [u64::MAX; LANES];
    let first = usize::from(PLANES) + plan.given;
    let results = first + seeds.len();
    // Once, so that not each of hundreds of pairs is checked in each of the blocks.
    assert!(
        plan.is_in_order(results),
        "slots are added before they are there"
    );
    for (slot, &seed) in slots[first..].iter_mut().zip(seeds) {
        *slot = lanes(seed);
    }
    for block in 0..WORDS / LANES {
        let words = block * LANES..(block + 1) * LANES;
        let given = &mut slots[usize::from(PLANES)..first];
        for (slot, plane) in given.iter_mut().zip(&*planes) {
            slot.copy_from_slice(&plane[words.clone()]);
        }
        let (mut pairs, mut next) = (&plan.pairs[..], results);
        for column in &plan.columns {
            let (these, rest) = pairs.split_at(usize::from(column.pairs));
            pairs = rest;
            // A column adds up what lies before its own results.
            let (before, results) = slots.split_at_mut(next);
            let (sum_slot, carries) = results.split_first_mut().expect(ROOM);
            next += 1 + these.len();
            let mut sum = before[usize::from(column.first)];
            for (pair, carry) in these.iter().zip(carries) {
                // SAFETY: `is_in_order` has been asserted: the slots of a pair lie before the column's results.
                let [a, b] = pair.map(|slot| unsafe { before.get_unchecked(usize::from(slot)) });
                let half: Block = std::array::from_fn(|lane| a[lane] ^ b[lane]);
                *carry = std::array::from_fn(|lane| (a[lane] & b[lane]) | (half[lane] & sum[lane]));
                sum = std::array::from_fn(|lane| half[lane] ^ sum[lane]);
                // Each time, as compilers take the last one apart into words.
                *sum_slot = sum;
            }
        }
        for (plane, &slot) in planes.iter_mut().zip(&plan.planes) {
            plane[words.clone()].copy_from_slice(&slots[usize::from(slot)]);
        }
        // As a run of words: as blocks, compilers gather the same lane of several seeds.
        for word in slots[first..results].as_flattened_mut() {
            *word = step(*word);
        }
    }
}

#[inline(always)]
pub(super) fn flags_within(distances: &[u16; FLAGS], limit: u16) -> u32 {
    let flags = distances.iter().enumerate();
    flags.fold(0, |flags, (place, distance)| {
        flags | u32::from(*distance <= limit) << place
    })
}

#[inline(always)]
pub(super) fn carry_save_add(sum: &mut Words, addend: &Words, carry: &mut Words) {
    for ((sum, &addend), carry) in sum.iter_mut().zip(addend).zip(carry) {
        let half = *sum ^ addend;
        let carried = (*sum & addend) | (half & *carry);
        *sum = half ^ *carry;
        *carry = carried;
    }
}

fn gather(words: &Words, masks: &Words) -> Gathered {
    gather_by(words, masks, extract)
}

/// Gathers by what `extract` packs of each word.
#[inline(always)]
pub(super) fn gather_by(
    words: &Words,
    masks: &Words,
    extract: impl Fn(u64, u64) -> u64,
) -> Gathered {
    let mut gathered = [0; SKETCH_BITS / 64];
    // What fills the next word, and with how many bits.
    let (mut next, mut filled, mut full) = (0, 0, 0);
    for (&word, &mask) in words.iter().zip(masks) {
        let bits = extract(word, mask);
        next |= bits << filled;
        let more = filled + mask.count_ones();
        if more >= 64 && full < gathered.len() {
            gathered[full] = next;
            full += 1;
            // In two steps, as 64 bits at once are no shift.
            next = bits >> 1 >> (63 - filled);
        }
        filled = more % 64;
    }
    gathered
}

/// The bits of a word that are set in the mask, packed.
#[inline(always)]
pub(super) fn extract(word: u64, mut mask: u64) -> u64 {
    let (mut bits, mut at) = (0, 0);
    while mask != 0 {
        bits |= (word >> mask.trailing_zeros() & 1) << at;
        at += 1;
        mask &= mask - 1;
    }
    bits
}

#[inline(always)]
pub(super) fn rotate(words: &Words, bits: usize) -> Words {
    let (by_words, by_bits) = (bits / 64, bits % 64);
    // Moved by whole words, after the word below the lowest one.
    let mut moved = [0; WORDS + 1];
    moved[1..=by_words].copy_from_slice(&words[WORDS - by_words..]);
    moved[by_words + 1..].copy_from_slice(&words[..WORDS - by_words]);
    moved[0] = moved[WORDS];
    let mut rotated = [0; WORDS];
    for (word, pair) in rotated.iter_mut().zip(moved.windows(2)) {
        // In two steps, as 64 bits at once are no shift.
        *word = pair[1] << by_bits | pair[0] >> 1 >> (63 - by_bits);
    }
    rotated
}
