//! Sketches: 512 of a fingerprint's 10,240 bits, which a search compares first.
//!
//! The sample is pseudo-random, not the first 512 bits, because fingerprints that users supply are not
//! uniform: a text rendered as bits differs in its first bytes least. Sketches are stored beside the
//! fingerprints, so the positions are fixed for ever. Distances of sketches of two fingerprints at
//! distance `d` follow the hypergeometric distribution of 512 draws from 10,240 bits of which `d` differ.

use super::expand::split_mix;
use super::vector::{BITS, Fingerprint};

/// Bits of a sketch.
pub const SKETCH_BITS: usize = 512;
/// Words of a sketch: one cache line.
pub const SKETCH_WORDS: usize = SKETCH_BITS / 64;

/// A sketch: bit `i` is the fingerprint's bit at position `i` of the fixed table.
pub type Sketch = [u64; SKETCH_WORDS];

/// The positions sampled, in ascending order (so that a sketch is gathered in one pass over the
/// fingerprint), made when this is compiled: selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S) with
/// the SplitMix64 sequence of a fixed seed.
static POSITIONS: [u16; SKETCH_BITS] = positions();

const fn positions() -> [u16; SKETCH_BITS] {
    let mut chosen = [0; SKETCH_BITS];
    let mut count = 0;
    let mut bit = 0;
    while bit < BITS {
        // Chosen with probability (wanted − chosen) / (bits left), by multiplication of the upper 32 bits.
        let draw = split_mix(0x006c_6164_7962_7567, bit as u64) >> 32;
        if (draw * (BITS - bit) as u64) >> 32 < (SKETCH_BITS - count) as u64 {
            chosen[count] = bit as u16;
            count += 1;
        }
        bit += 1;
    }
    chosen
}

/// The sketch of a fingerprint.
pub fn sketch(fingerprint: &Fingerprint) -> Sketch {
    std::array::from_fn(|word| {
        POSITIONS[word * 64..][..64]
            .iter()
            .enumerate()
            .fold(0, |bits, (bit, &position)| {
                bits | u64::from(fingerprint.bit(usize::from(position))) << bit
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_distinct_and_spread_evenly() {
        assert!(POSITIONS.is_sorted_by(|a, b| a < b));
        assert!(POSITIONS[SKETCH_BITS - 1] < BITS as u16);
        for tenth in 0..10 {
            let range = tenth * 1_024..(tenth + 1) * 1_024;
            let count = POSITIONS
                .iter()
                .filter(|&&position| range.contains(&position))
                .count();
            assert!((30..75).contains(&count), "{count} of tenth {tenth}");
        }
    }

    /// Sketches are stored, so the positions can never change.
    #[test]
    fn positions_are_pinned() {
        let digest = POSITIONS.iter().fold(0_u64, |digest, &position| {
            split_mix(digest, u64::from(position))
        });
        assert_eq!(
            (POSITIONS[0], POSITIONS[511], digest),
            (5, 10_189, 0x2c21_955b_3bd2_1dcc)
        );
    }

    #[test]
    fn a_sketch_is_the_bits_at_the_positions_and_estimates_the_distance() {
        let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
        let near = Fingerprint::from_words(std::array::from_fn(|word| match word % 4 {
            0 => a.words()[word] ^ b.words()[word],
            _ => a.words()[word],
        }));
        for (bit, &position) in POSITIONS.iter().enumerate() {
            assert_eq!(
                sketch(&a)[bit / 64] >> (bit % 64) & 1 == 1,
                a.bit(usize::from(position))
            );
        }
        let sketched: u32 = sketch(&a)
            .iter()
            .zip(sketch(&near))
            .map(|(x, y)| (x ^ y).count_ones())
            .sum();
        let expected = f64::from(a.distance(&near)) / 20.0;
        assert!(
            (f64::from(sketched) - expected).abs() < 6.0 * 7.5,
            "{sketched} of {expected}"
        );
    }
}
