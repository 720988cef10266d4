//! Sketches: 512 of a fingerprint's 10,240 bits, which a search compares first.
//!
//! One bit of every 20, at a pseudo-random place among them, not the first 512, because fingerprints that
//! users supply are not uniform: a text rendered as bits differs in its first bytes least. Sketches are
//! made anew from the fingerprints when a checkpoint is opened, so nothing on disk depends on the places.
//! If `d` bits anywhere differ, the sketches' distance follows the hypergeometric distribution of 512
//! draws from 10,240 bits of which `d` differ; if the differences crowd into some strata, it has the
//! same mean and a smaller variance (a sum of unequal Bernoulli variables: Hoeffding, 1956).
//!
//! A sketch is four *layers* of 128 bits, each of every fourth place and so a sample itself. The first is the *outline*,
//! which a search compares before the rest.

use super::expand::split_mix;
use super::kernel;
use super::vector::{BITS, Fingerprint, WORDS, Words};

/// Bits of a sketch.
pub const SKETCH_BITS: usize = LAYERS * LAYER_BITS;
/// Layers of a sketch.
pub const LAYERS: usize = 4;
/// Those beside the outline, which is the first.
pub const REST: usize = LAYERS - 1;
/// Bits of a layer.
pub const LAYER_BITS: usize = 128;
/// Words of a layer: a quarter of a cache line.
pub const LAYER_WORDS: usize = LAYER_BITS / 64;

/// A layer: bit `i` of layer `l` is the fingerprint's bit at position `4i + l` of the fixed table.
pub type Layer = [u64; LAYER_WORDS];
/// A sketch, the outline first.
pub type Sketch = [Layer; LAYERS];
/// Bytes of a layer.
pub const LAYER_BYTES: usize = LAYER_BITS / 8;
/// Outlines that lie together: those of a chunk.
pub const OUTLINES: usize = 256;
/// Outlines of a group, as many as a cache line has bytes.
pub const GROUP: usize = 64;
/// Outlines by bytes, group by group: row `b` of a group holds byte `b` of each, so that one register takes that of many
/// of them.
pub type Outlines = [[[u8; GROUP]; LAYER_BYTES]; OUTLINES / GROUP];
/// The bits of a sketch in the order of their positions.
pub type Gathered = [u64; SKETCH_BITS / 64];

/// Bits of a fingerprint for each bit of its sketch.
const STRATUM_BITS: usize = BITS / SKETCH_BITS;

/// The positions sampled, made when this is compiled: a place in each stratum of 20 bits, drawn by the
/// SplitMix64 sequence of a fixed seed. Stratified, so that differences crowded into a part of the
/// fingerprint weigh neither more nor less than others; ascending, so that a sketch is gathered in one
/// pass.
static POSITIONS: [u16; SKETCH_BITS] = positions();

const fn positions() -> [u16; SKETCH_BITS] {
    let mut chosen = [0; SKETCH_BITS];
    let mut stratum = 0;
    while stratum < SKETCH_BITS {
        let draw = split_mix(0x006c_6164_7962_7567, stratum as u64) >> 32;
        let place = (draw * STRATUM_BITS as u64) >> 32;
        chosen[stratum] = (stratum * STRATUM_BITS) as u16 + place as u16;
        stratum += 1;
    }
    chosen
}

/// The positions as bits of a fingerprint's words.
static MASKS: Words = masks();

const fn masks() -> Words {
    let (mut masks, mut index) = ([0; WORDS], 0);
    while index < SKETCH_BITS {
        let position = POSITIONS[index] as usize;
        masks[position / 64] |= 1 << (position % 64);
        index += 1;
    }
    masks
}

/// The sketch of a fingerprint.
pub fn sketch(fingerprint: &Fingerprint) -> Sketch {
    layered(&(kernel::active().gather)(fingerprint.words(), &MASKS))
}

/// The bytes of a layer, in the order of its bits.
pub fn layer_bytes([low, high]: &Layer) -> [u8; LAYER_BYTES] {
    (u128::from(*high) << 64 | u128::from(*low)).to_le_bytes()
}

/// The layer of some bytes.
pub fn layer_of_bytes(bytes: [u8; LAYER_BYTES]) -> Layer {
    let bits = u128::from_le_bytes(bytes);
    [bits as u64, (bits >> 64) as u64]
}

fn layered(gathered: &Gathered) -> Sketch {
    const { assert!(LAYERS == 4, "a bit of each nibble goes into each layer") };
    let bits_a_word = 64 / LAYERS;
    let mut layers = [[0; LAYER_WORDS]; LAYERS];
    for (index, word) in gathered.iter().enumerate() {
        let at = index * bits_a_word;
        for (number, layer) in layers.iter_mut().enumerate() {
            layer[at / 64] |= lowest_of_nibbles(word >> number) << (at % 64);
        }
    }
    layers
}

/// The lowest bit of each nibble, packed: each step joins two runs of bits.
const fn lowest_of_nibbles(word: u64) -> u64 {
    let ones = word & 0x1111_1111_1111_1111;
    let twos = (ones | ones >> 3) & 0x0303_0303_0303_0303;
    let fours = (twos | twos >> 6) & 0x000f_000f_000f_000f;
    let eights = (fours | fours >> 12) & 0x0000_00ff_0000_00ff;
    (eights | eights >> 24) & 0xffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_every_twenty_is_sampled_and_every_place_is_used() {
        let mut places = [0; STRATUM_BITS];
        for (stratum, &position) in POSITIONS.iter().enumerate() {
            let position = usize::from(position);
            assert_eq!(position / STRATUM_BITS, stratum);
            places[position % STRATUM_BITS] += 1;
        }
        assert!(
            places.iter().all(|count| (10..45).contains(count)),
            "{places:?}"
        );
    }

    #[test]
    fn a_sketch_is_the_bits_at_the_positions_and_estimates_the_distance() {
        let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
        let near = Fingerprint::from_words(std::array::from_fn(|word| match word % 4 {
            0 => a.words()[word] ^ b.words()[word],
            _ => a.words()[word],
        }));
        for (index, &position) in POSITIONS.iter().enumerate() {
            let (layer, bit) = (sketch(&a)[index % LAYERS], index / LAYERS);
            assert_eq!(
                layer[bit / 64] >> (bit % 64) & 1 == 1,
                a.bit(usize::from(position)),
                "position {index}"
            );
        }
        let sketched: u32 = sketch(&a)
            .as_flattened()
            .iter()
            .zip(sketch(&near).as_flattened())
            .map(|(x, y)| (x ^ y).count_ones())
            .sum();
        let expected = f64::from(a.distance(&near)) / 20.0;
        assert!(
            (f64::from(sketched) - expected).abs() < 6.0 * 7.5,
            "{sketched} of {expected}"
        );
    }
}
