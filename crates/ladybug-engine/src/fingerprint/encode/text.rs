//! The text encoder: the words of a text and their parts, weighted, in one vector.

use std::collections::HashMap;

use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::key;
use super::weights::word_weight;
use crate::fingerprint::Fingerprint;
use crate::fingerprint::bundle::Counters;
use crate::fingerprint::expand::{expand, split_mix};
use crate::fingerprint::vector::WORDS;

/// Characters of an n-gram.
const GRAM: usize = 3;

/// A feature of a text: the hash that its ±1 vector grows from, and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Keyed hash of the word or n-gram.
    pub hash: u64,
    /// Weight in the sum, at least 1.
    pub weight: u32,
}

/// The fingerprint of a text.
///
/// A text that has no word at all is encoded by the hash of its characters: equal or unrelated.
pub fn text(text: &str) -> Fingerprint {
    let features = text_features(text);
    let mut counters = Counters::new();
    let mut vector = [0; WORDS];
    let mut tie = key::TIE;
    for feature in &features {
        expand(feature.hash, &mut vector);
        counters.add(&vector, u64::from(feature.weight));
        tie = split_mix(tie ^ feature.hash, u64::from(feature.weight));
    }
    if features.is_empty() {
        tie = xxh3_64_with_seed(text.as_bytes(), key::EMPTY);
    }
    counters.majority(|| Fingerprint::random(tie))
}

/// The weighted features whose cosine the distance of two texts' fingerprints estimates, in ascending
/// order of their hashes.
pub fn text_features(text: &str) -> Vec<Feature> {
    let mut weights: HashMap<u64, u32> = HashMap::new();
    let mut marked = String::new();
    for word in text.unicode_words() {
        marked.clear();
        marked.push('<');
        marked.extend(word.chars().flat_map(char::to_lowercase));
        let folded = &marked[1..];
        let weight = word_weight(folded);
        *weights
            .entry(xxh3_64_with_seed(folded.as_bytes(), key::WORD))
            .or_default() += weight * 2;
        marked.push('>');
        let starts: Vec<_> = marked
            .char_indices()
            .map(|(at, _)| at)
            .chain([marked.len()])
            .collect();
        for window in starts.windows(GRAM + 1) {
            let gram = &marked[window[0]..window[GRAM]];
            *weights
                .entry(xxh3_64_with_seed(gram.as_bytes(), key::GRAM))
                .or_default() += weight;
        }
    }
    let mut features: Vec<_> = weights
        .into_iter()
        .map(|(hash, weight)| Feature { hash, weight })
        .collect();
    features.sort_unstable_by_key(|feature| feature.hash);
    features
}
