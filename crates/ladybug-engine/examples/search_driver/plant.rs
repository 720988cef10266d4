//! Planted data: random fingerprints, and queries that have ten neighbours among them.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};

use ladybug_engine::fingerprint::{BITS, Fingerprint};

use super::K;

/// Two full node zones.
const FINGERPRINTS: usize = 65_536;
/// Queries at each of the distances.
const QUERIES_PER_DISTANCE: usize = 28;
/// The distances of planted neighbours, in percent of the bits; unrelated ones lie at 50.
const PERCENT: [usize; 9] = [5, 10, 15, 20, 25, 30, 35, 40, 45];

/// Writes the data: all ten neighbours of a query at one of the distances, which queries take in turn, or spread
/// evenly from the least to the greatest.
pub fn plant(stored: &str, queries: &str, spread: bool) -> Result<(), Box<dyn Error>> {
    let count = PERCENT.len() * QUERIES_PER_DISTANCE;
    let mut random = Random(2026);
    let mut fingerprints: Vec<_> = (0..FINGERPRINTS)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    let mut rows: Vec<usize> = (0..FINGERPRINTS).collect();
    random.shuffle(&mut rows, count * K);
    let asked: Vec<_> = (0..count)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    let (least, most) = (PERCENT[0] as f64, PERCENT[PERCENT.len() - 1] as f64);
    for (number, query) in asked.iter().enumerate() {
        for neighbour in 0..K {
            let percent = match spread {
                true => least + (most - least) * neighbour as f64 / (K - 1) as f64,
                false => PERCENT[number % PERCENT.len()] as f64,
            };
            let distance = (percent / 100.0 * BITS as f64).round() as usize;
            fingerprints[rows[number * K + neighbour]] = random.at_distance(query, distance);
        }
    }
    write(stored, &fingerprints)?;
    write(queries, &asked)
}

fn write(path: &str, fingerprints: &[Fingerprint]) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(path)?);
    for fingerprint in fingerprints {
        file.write_all(&fingerprint.to_bytes())?;
    }
    Ok(file.flush()?)
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Fills the first `count` places at random from all of them.
    fn shuffle(&mut self, items: &mut [usize], count: usize) {
        for place in 0..count {
            let other = place + self.below(items.len() - place);
            items.swap(place, other);
        }
    }

    /// A fingerprint that differs from `from` in exactly `distance` random bits.
    pub fn at_distance(&mut self, from: &Fingerprint, distance: usize) -> Fingerprint {
        let mut bits: Vec<usize> = (0..BITS).collect();
        self.shuffle(&mut bits, distance);
        let mut to = from.clone();
        for &bit in &bits[..distance] {
            to.words_mut()[bit / 64] ^= 1 << (bit % 64);
        }
        to
    }
}
