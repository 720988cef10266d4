//! How telling a word is: the weight of its features in a text's fingerprint.
//!
//! Stored fingerprints must not depend on what else is stored, so the weight is the word's own: from a
//! table of frequent English words if it is in it, else from its length, because longer words are rarer
//! (Zipf's law of abbreviation).

/// The weight of a case-folded word.
pub(super) fn word_weight(word: &str) -> u32 {
    if FUNCTION_WORDS.binary_search(&word).is_ok() {
        return 1;
    }
    match word.chars().count() {
        0..=1 => 2,
        2 => 4,
        3..=4 => 6,
        _ => 8,
    }
}

/// Words that join others and say nothing alone, sorted.
const FUNCTION_WORDS: &[&str] = &[
    "a", "and", "for", "in", "is", "of", "on", "or", "the", "to", "with",
];
