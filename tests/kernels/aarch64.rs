//! Compares the NEON kernels with the scalar ones on an aarch64 processor, also an emulated one; panics where they
//! differ. `tests/python/test_kernels.py` builds and runs it.

#[path = "fingerprint.rs"]
mod fingerprint;

use std::array;

use fingerprint::expand::expand;
use fingerprint::kernel::{FLAGS, NEON, SCALAR};
use fingerprint::sketch::{GROUP, Layer, OUTLINES, Outlines};
use fingerprint::sum;
use fingerprint::vector::{WORDS, Words};

/// Candidates of a run at most.
const COUNT_MAX: usize = 20;

/// Vectors of every kind: random, complement, sparse, dense, empty, full, one bit, one word.
fn words(seed: u64) -> Words {
    let (mut a, mut b) = ([0; WORDS], [0; WORDS]);
    expand(seed, &mut a);
    expand(!seed, &mut b);
    let one = (seed / 8) as usize % WORDS;
    array::from_fn(|index| match seed % 8 {
        0 => a[index],
        1 => !a[index],
        2 => a[index] & b[index],
        3 => a[index] | b[index],
        4 => 0,
        5 => u64::MAX,
        6 => u64::from(index == one) << (seed % 64),
        _ => {
            if index == one {
                a[index]
            } else {
                0
            }
        }
    })
}

fn main() {
    let mut compared = 0;
    for seed in 0..64 {
        for other in 0..64 {
            let (a, b) = (words(seed), words(other));
            assert_eq!((NEON.distance)(&a, &b), (SCALAR.distance)(&a, &b));
            assert_eq!(
                (NEON.quarter_distance)(&a, &b),
                (SCALAR.quarter_distance)(&a, &b)
            );
            compared += 2;
        }
        compared += algebra(seed);
    }
    for count in 0..=COUNT_MAX {
        for shift in 0..8 {
            compared += run(count, shift);
        }
    }
    println!("{compared} results compared");
}

/// Compares the functions of the algebra; answers how many results.
fn algebra(seed: u64) -> usize {
    let (mut expanded, mut expected) = ([0; WORDS], [0; WORDS]);
    (NEON.expand)(seed, &mut expanded);
    (SCALAR.expand)(seed, &mut expected);
    assert_eq!(expanded, expected);

    let [a, b, c] = [0, 1, 2].map(|more| words(seed * 5 + more));
    let ((mut sum, mut carry), (mut sum_expected, mut carry_expected)) = ((a, c), (a, c));
    (NEON.carry_save_add)(&mut sum, &b, &mut carry);
    (SCALAR.carry_save_add)(&mut sum_expected, &b, &mut carry_expected);
    assert_eq!((sum, carry), (sum_expected, carry_expected));

    let (mut planes, seeds) = ([a, b, c], [seed, seed + 1, !seed, seed << 32]);
    let mut planes_expected = planes;
    sum::add(NEON, &seeds, &mut planes);
    sum::add(SCALAR, &seeds, &mut planes_expected);
    assert_eq!(planes, planes_expected);

    // Three bits of each word, and a fourth of every fifth: 512.
    let masks = array::from_fn(|index| 0x8000_0001_0000_0100 | u64::from(index % 5 == 0) << 40);
    assert_eq!((NEON.gather)(&b, &masks), (SCALAR.gather)(&b, &masks));

    let turn = seed as usize * 157;
    assert_eq!((NEON.rotate)(&a, turn), (SCALAR.rotate)(&a, turn));

    let distances: [u16; FLAGS] = array::from_fn(|index| (a[index] >> 49) as u16);
    for limit in [0, distances[7], 10_240, i16::MAX as u16] {
        let flags = (NEON.flags_within)(&distances, limit);
        assert_eq!(flags, (SCALAR.flags_within)(&distances, limit));
    }
    9
}

/// Compares the functions over a run of `count` candidates that begins `shift` words after a boundary; answers how
/// many distances.
fn run(count: usize, shift: usize) -> usize {
    let mut memory = vec![0; shift];
    for candidate in 0..count {
        memory.extend(words(candidate as u64 * 7 + shift as u64));
    }
    let run = &memory[shift..];
    let queries: Vec<Words> = (0..6)
        .map(|query| words(query * 9 + count as u64))
        .collect();
    let bounds = [0, 900, 2_900, 3_900, 5_120, 10_240];
    let block: Vec<&Words> = queries.iter().collect();
    let mut distances = vec![u32::MAX; block.len() * count];
    (NEON.block_distances_within)(&block, run, &bounds, &mut distances);
    for (query, (words, &bound)) in queries.iter().zip(&bounds).enumerate() {
        let mut exact = vec![0; count];
        (SCALAR.distances_within)(words, run, 10_240, &mut exact);
        let mut one = vec![u32::MAX; count];
        (NEON.distances_within)(words, run, bound, &mut one);
        for distances in [&one[..], &distances[query * count..][..count]] {
            for (&distance, &exact) in distances.iter().zip(&exact) {
                assert!(if exact <= bound {
                    distance == exact
                } else {
                    distance > bound
                });
            }
        }
    }

    // A fingerprint is as good as eighty layers; some are left out, so that every remainder occurs.
    let layers: &[Layer] = run.as_chunks().0;
    let [first, second, third, fourth] = *queries[0].as_chunks().0.first_chunk().expect("80");
    let rests = layers.len().saturating_sub(shift + 2);
    let runs = [0, 1, 2].map(|shift| &layers[shift.min(layers.len())..][..rests]);
    let (mut expected, mut actual) = (vec![0; rests], vec![u16::MAX; rests]);
    (SCALAR.rest_distances)(&[second, third, fourth], runs, &mut expected);
    (NEON.rest_distances)(&[second, third, fourth], runs, &mut actual);
    assert_eq!(actual, expected);

    // Four are as good as eighty rows of outlines.
    let bytes: Vec<u8> = (0..4)
        .flat_map(|more| words(count as u64 * 11 + more))
        .flat_map(u64::to_le_bytes)
        .collect();
    let (rows, _) = bytes.as_chunks::<GROUP>();
    let outlines: &Outlines = rows.as_chunks().0.first_chunk().expect("64 rows");
    let (mut expected, mut actual) = ([0; OUTLINES], [u16::MAX; OUTLINES]);
    (SCALAR.outline_distances)(&first, outlines, &mut expected);
    (NEON.outline_distances)(&first, outlines, &mut actual);
    assert_eq!(actual, expected);
    2 * distances.len() + OUTLINES + rests
}
