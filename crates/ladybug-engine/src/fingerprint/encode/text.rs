//! The text encoder: the words of a text and their parts, weighted, in one vector.

use unicode_segmentation::UnicodeSegmentation;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::key;
use super::weights::word_weight;
use crate::fingerprint::Fingerprint;
use crate::fingerprint::expand::split_mix;
use crate::fingerprint::weigh::{Weighted, weighted_majority};

/// Characters of an n-gram.
const GRAM: usize = 3;
/// Fraction bits of an energy.
const ENERGY_BITS: u32 = 16;
/// Occurrences that there is room for at first: texts have about one a byte.
const FOUND: usize = 4_096;
/// How many times a word's weight a feature's weight is, so that rounding it to an integer loses little.
const SCALE: u64 = 2;

/// A feature of a text: what its ±1 vector grows from, and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Keyed hash of the word, n-gram or pair: the seed of its vector.
    pub hash: u64,
    /// Weight in the sum, at least 1.
    pub weight: u64,
}

/// The fingerprint of a text: the weighted majority of its features' pseudo-random ±1 vectors.
///
/// The distance of two fingerprints estimates the angle θ of the two vectors of feature weights, 10,240·θ/π
/// (Charikar 2002, §3), so nearest by Hamming distance is nearest by cosine, within the sampling
/// error of 10,240 bits. The features are those of [`text_features`].
///
/// The similarity is lexical: "car" does not find "vehicle". A long text is near what it is about on average;
/// to find its passages, store them one by one. A text without any word (empty, blank, only punctuation)
/// is encoded by the hash of its bytes: equal or unrelated.
pub fn text(text: &str) -> Fingerprint {
    let features = text_features(text);
    if features.is_empty() {
        return Fingerprint::random(xxh3_64_with_seed(text.as_bytes(), key::EMPTY));
    }
    let mut seeds: Vec<_> = features
        .iter()
        .map(|&Feature { hash, weight }| Weighted { weight, seed: hash })
        .collect();
    weighted_majority(&mut seeds, || {
        Fingerprint::random(features.iter().fold(key::TIE, |seed, feature| {
            split_mix(seed ^ feature.hash, feature.weight)
        }))
    })
}

/// The weighted features of a text, in ascending order of their hashes.
///
/// A word is what Unicode calls one (UAX #29), in lower case. Its features are the word itself and the
/// 3-grams of its characters between boundary marks (`<we`, `web`, `eb>`), which find inflected,
/// compound and misspelt words; of scripts that are written without spaces, where each character is a word,
/// also each pair of neighbours. The word's features together carry twice the square of its weight,
/// half of it in the word itself, however long it is. What occurs n times weighs √n times as much as once:
/// squares add up.
pub fn text_features(text: &str) -> Vec<Feature> {
    let mut found = Found(Vec::with_capacity(text.len().min(FOUND)));
    let mut marked = String::new();
    let mut starts: Vec<usize> = Vec::new();
    // The word before: where it ended, and its weight's square.
    let mut before: Option<(&str, usize, u64)> = None;
    for (at, word) in text.unicode_word_indices() {
        marked.clear();
        marked.push('<');
        fold_case(word, &mut marked);
        let folded = &marked[1..];
        let weight = word_weight(folded) * SCALE;
        let energy = (weight * weight) << ENERGY_BITS;
        found.add(folded.as_bytes(), key::WORD, energy);

        marked.push('>');
        if marked.is_ascii() {
            let grams = marked.as_bytes().windows(GRAM);
            let share = energy / grams.len() as u64;
            grams.for_each(|gram| found.add(gram, key::GRAM, share));
        } else {
            starts.clear();
            starts.extend(marked.char_indices().map(|(at, _)| at));
            starts.push(marked.len());
            let grams = starts.windows(GRAM + 1);
            let share = energy / grams.len() as u64;
            for window in grams {
                let gram = &marked[window[0]..window[GRAM]];
                found.add(gram.as_bytes(), key::GRAM, share);
            }
        }

        if let Some((neighbour, end, energy_before)) = before
            && end == at
        {
            let pair = &text[at - neighbour.len()..at + word.len()];
            found.add(pair.as_bytes(), key::PAIR, energy.min(energy_before));
        }
        before = Some((word, at + word.len(), energy));
    }
    found.features()
}

/// Appends `word` in lower case, with the one letter of two lower-case forms in the same form everywhere.
fn fold_case(word: &str, folded: &mut String) {
    if word.is_ascii() {
        let start = folded.len();
        folded.push_str(word);
        folded[start..].make_ascii_lowercase();
        return;
    }
    folded.extend(
        word.chars()
            .flat_map(char::to_lowercase)
            .map(|c| if c == 'ς' { 'σ' } else { c }),
    );
}

/// Occurrences of features: hash and energy, the square of the weight.
struct Found(Vec<(u64, u64)>);

impl Found {
    fn add(&mut self, bytes: &[u8], key: u64, energy: u64) {
        self.0.push((xxh3_64_with_seed(bytes, key), energy));
    }

    /// One feature a hash, of the root of its energy, rounded.
    fn features(mut self) -> Vec<Feature> {
        self.0.sort_unstable_by_key(|&(hash, _)| hash);
        self.0
            .chunk_by(|a, b| a.0 == b.0)
            .map(|same| {
                let energy: u64 = same.iter().map(|&(_, energy)| energy).sum();
                // √(4·energy) is twice the weight, so half of it and one half rounds.
                let twice = ((4 * energy) >> ENERGY_BITS).isqrt();
                Feature {
                    hash: same[0].0,
                    weight: twice.div_ceil(2).max(1),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn similarity(a: &str, b: &str) -> f64 {
        text(a).similarity(&text(b))
    }

    fn cosine(a: &[Feature], b: &[Feature]) -> f64 {
        let norm = |features: &[Feature]| -> f64 {
            features
                .iter()
                .map(|feature| (feature.weight * feature.weight) as f64)
                .sum::<f64>()
                .sqrt()
        };
        let dot: u64 = a
            .iter()
            .filter_map(|feature| {
                let other = b.binary_search_by_key(&feature.hash, |other| other.hash);
                other.ok().map(|at| feature.weight * b[at].weight)
            })
            .sum();
        dot as f64 / norm(a) / norm(b)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// The claim of the encoder, within six standard deviations of sampling and what a handful of
        /// features departs from the normal distribution.
        #[test]
        fn distance_estimates_the_angle_of_the_features(
            shared in "([a-z]{3,9} ){4,30}", a in "([a-z]{3,9} ){1,30}", b in "([a-z]{3,9} ){1,30}"
        ) {
            let (a, b) = (shared.clone() + &a, shared + &b);
            let angle = cosine(&text_features(&a), &text_features(&b)).min(1.0).acos();
            let expected = 10_240.0 * angle / std::f64::consts::PI;
            let distance = f64::from(text(&a).distance(&text(&b)));
            prop_assert!((distance - expected).abs() < 6.0 * 50.6 + 100.0, "{} for {}", distance, expected);
        }

        #[test]
        fn any_text_is_encoded_and_always_the_same(any in "\\PC{0,60}") {
            prop_assert_eq!(text(&any), text(&any));
        }

        #[test]
        fn case_order_and_punctuation_do_not_matter(words in prop::collection::vec("[a-z]{2,8}", 1..12)) {
            let plain = words.join(" ");
            let reversed = words.iter().rev().map(|word| word.to_uppercase()).collect::<Vec<_>>();
            prop_assert_eq!(text(&plain), text(&format!("({}!)", reversed.join(", "))));
        }
    }

    #[test]
    fn texts_that_share_telling_words_are_near() {
        let query = "web server";
        assert!(similarity(query, "small and fast web server") > 0.4);
        assert!(similarity(query, "the webserver") > 0.2);
        assert!(similarity(query, "chess engine").abs() < 0.1);
        assert!(
            similarity("play chess with a friend", "chess")
                > similarity("play chess with a friend", "with a function")
        );
    }

    #[test]
    fn a_word_weighs_the_same_however_long_it_is() {
        let energy = |word: &str| -> u64 {
            text_features(word)
                .iter()
                .map(|feature| feature.weight * feature.weight)
                .sum()
        };
        for word in ["chess", "photographs", "internationalisation"] {
            let energy = energy(word);
            assert!((600..=1_000).contains(&energy), "{word}: {energy}");
        }
    }

    #[test]
    fn repetition_counts_with_its_root() {
        let weight = |text: &str| {
            text_features(text)
                .iter()
                .map(|feature| feature.weight)
                .max()
        };
        assert_eq!(weight("chess"), Some(20));
        assert_eq!(weight(&"chess ".repeat(4)), Some(40));
        assert_eq!(weight(&"chess ".repeat(100)), Some(200));
    }

    #[test]
    fn scripts_without_spaces_share_neighbours() {
        let query = "機械学習";
        assert!(similarity(query, "機械学習の基礎") > similarity(query, "学械習機の基礎"));
        assert!(similarity("ΟΔΥΣΣΕΥΣ", "οδυσσευς") == 1.0);
        assert!(similarity("Żółć", "żółć") == 1.0);
    }

    #[test]
    fn texts_without_words_are_equal_or_unrelated() {
        assert_eq!(text_features(" \n—!"), []);
        assert_eq!(text(""), text(""));
        for (a, b) in [("", " "), ("", "!"), ("!", "?"), ("", "word")] {
            assert!(text(a).z(&text(b)).abs() < 6.0);
        }
    }

    #[test]
    fn a_long_text_and_a_long_word_are_encoded() {
        let long: String = (0..20_000)
            .map(|index| format!("word{} ", index % 3_000))
            .collect();
        assert!(text(&long).similarity(&text(&long[..long.len() / 2])) > 0.5);
        assert!(text(&"x".repeat(100_000)).popcount() > 0);
    }

    /// They are stored, so a change of any bit is a new version of the encoders.
    #[test]
    fn bits_are_pinned() {
        let pinned = [
            "web server",
            "Zażółć gęślą jaźń",
            "機械学習",
            "",
            "the quick brown fox jumps over the lazy dog",
        ]
        .map(|one| xxhash_rust::xxh3::xxh3_64(&text(one).to_bytes()));
        assert_eq!(
            pinned,
            [
                0x1a91_b93d_7e04_f88c,
                0x01ad_bb4d_762b_3bfe,
                0x55ab_99ed_4c6a_f883,
                0xf06c_95fc_a869_0bd2,
                0x127d_bf62_2e86_49ad
            ]
        );
    }

    /// Short and long ones, in several scripts, made from numbers.
    #[test]
    fn bits_of_many_texts_are_pinned() {
        const LETTERS: &[char] = &[
            'a', 'b', 'c', 'd', 'e', 'e', 'e', 'i', 'n', 'o', 'r', 's', 't', 'T', 'W', '7', '-',
            ',', '.', '\'', 'é', 'ß', 'Σ', '機', '学',
        ];
        let mut state = 7_u64;
        let mut below = |bound: usize| {
            state = split_mix(state, 1);
            (state % bound as u64) as usize
        };
        let pinned = (0..300).fold(0, |pinned, index| {
            let letters = if index % 3 == 0 { LETTERS.len() } else { 18 };
            let words = 1 + below(1 + index);
            let mut one = String::new();
            for _ in 0..words {
                one.extend((0..1 + below(11)).map(|_| LETTERS[below(letters)]));
                one.push(' ');
            }
            xxhash_rust::xxh3::xxh3_64_with_seed(&text(&one).to_bytes(), pinned)
        });
        assert_eq!(pinned, 0xf1ae_1d2b_1f57_2e95);
    }
}
