//! Fingerprints to search, from seeds: random ones with planted neighbours, sentences of a made-up
//! language, and data that a sketch says little of; and spaces filled with them.

use std::sync::Arc;

use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::transaction::{Draft, SpaceId};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::{BITS, Fingerprint, encode};
use ladybug_engine::space::mutation::{Bits, Content};
use ladybug_engine::storage::DiskStorage;

use crate::random::Random;

/// An engine with a space for each list of fingerprints, and the directory it lives in.
pub struct Filled {
    pub engine: Engine,
    _directory: tempfile::TempDir,
}

impl Filled {
    /// Fills space 0, 1, …: at most 32,768 fingerprints each. Every eighth node is of kind `Eighth`, and
    /// they are called `group:number`, with 64 groups in turn.
    pub fn new(spaces: &[&[Fingerprint]]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let storage = Arc::new(DiskStorage::new(directory.path()).expect("storage"));
        let options = EngineOptions {
            fsync: FsyncPolicy::Never,
            ..EngineOptions::default()
        };
        let engine = Engine::open(storage, Arc::new(SystemClock), options).expect("an engine");
        for (space, fingerprints) in (0..).zip(spaces) {
            for (n, chunk) in fingerprints.chunks(256).enumerate() {
                fill(&engine, space, n * 256, chunk);
            }
        }
        Self {
            engine,
            _directory: directory,
        }
    }
}

fn fill(engine: &Engine, space: SpaceId, first: usize, fingerprints: &[Fingerprint]) {
    let made = engine.commit::<_, EngineError>(&[space], |tx| {
        for (n, fingerprint) in (first..).zip(fingerprints) {
            tx.create(Draft {
                name: Some(format!("{}:{n}", n % 64).into_bytes().into()),
                content: Content {
                    fingerprint: Bits::Given(Box::new(fingerprint.clone())),
                    ..Content::default()
                },
                kinds: (n % 8 == 0).then(|| ["Eighth".into()].into()),
                ..Draft::default()
            })?;
        }
        Ok(())
    });
    made.value.expect("room for all");
}

/// A fingerprint that differs from another in so many bits of those numbered `places`, at random.
pub fn at_distance(
    random: &mut Random,
    from: &Fingerprint,
    distance: usize,
    places: &[usize],
) -> Fingerprint {
    let mut places = places.to_vec();
    let mut to = from.clone();
    for n in 0..distance.min(places.len()) {
        let other = n + random.below((places.len() - n) as u64) as usize;
        places.swap(n, other);
        let bit = places[n];
        to.words_mut()[bit / 64] ^= 1 << (bit % 64);
    }
    to
}

/// All places of a fingerprint.
pub fn anywhere() -> Vec<usize> {
    (0..BITS).collect()
}

/// Random fingerprints, and queries each of which has `neighbours` among them, spread evenly over
/// distances of `percent` of the bits.
pub fn planted(
    seed: u64,
    count: usize,
    queries: usize,
    neighbours: usize,
    percent: std::ops::RangeInclusive<f64>,
) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
    let mut random = Random(seed);
    let queries: Vec<_> = (0..queries)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    let mut stored: Vec<_> = (0..count)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    let (least, most) = (*percent.start(), *percent.end());
    let places = anywhere();
    for (number, query) in queries.iter().enumerate() {
        for neighbour in 0..neighbours {
            let share = neighbour as f64 / (neighbours.max(2) - 1) as f64;
            let distance = (least + share * (most - least)) / 100.0 * BITS as f64;
            let at = (number * neighbours + neighbour) * 7919 % count;
            stored[at] = at_distance(&mut random, query, distance as usize, &places);
        }
    }
    (stored, queries)
}

/// Words of a made-up language.
const WORDS: u64 = 20_000;

fn word(mut rank: u64) -> String {
    const SYLLABLES: [&str; 32] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su",
        "ta", "ve", "wi", "xo", "yu", "za", "ber", "con", "der", "en", "fal", "gor", "in", "mer",
        "nos", "per", "tion",
    ];
    let mut word = String::new();
    loop {
        word.push_str(SYLLABLES[(rank % 32) as usize]);
        rank /= 32;
        if rank == 0 {
            return word;
        }
    }
}

/// Sentences of that language, whose words are as unevenly frequent as those of any: by Zipf's law, and about
/// one of 400 subjects each.
pub fn sentences(seed: u64, count: usize) -> Vec<String> {
    let mut random = Random(seed);
    let sentence = |_| {
        let subject = random.below(400);
        let words = 6 + random.below(12);
        let word = |_| {
            // Of 1 to N, r is as likely as 1/r: the exponential of a uniform logarithm.
            let uniform = random.below(1 << 20) as f64 / (1 << 20) as f64;
            let rank = (WORDS as f64).powf(uniform) as u64;
            let own = 500 + subject * 40 + random.below(40);
            word(if random.one_in(3) { own } else { rank })
        };
        (0..words).map(word).collect::<Vec<_>>().join(" ")
    };
    (0..count).map(sentence).collect()
}

/// The fingerprints of sentences, and of others in the same language.
pub fn texts(seed: u64, count: usize, queries: usize) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
    let encode = |texts: Vec<String>| texts.iter().map(|text| encode::text(text)).collect();
    (
        encode(sentences(seed, count)),
        encode(sentences(!seed, queries)),
    )
}
