//! Sequences and pairs as binary spatter code (Kanerva 1996; 2009, "Hyperdimensional Computing", §"Sequences"): a pair is
//! its key bound with its value, which is permuted so that key and value can change places; a beginning is a key; a
//! memory is the majority of pairs.

use ladybug_engine::fingerprint::Fingerprint;

/// Pairs that a memory holds before each is lost in noise.
pub const PAIRS_MAX: u64 = 100;

/// A key and its value as one vector: key ⊕ ρ⁻¹(value).
pub fn pair(key: &Fingerprint, value: &Fingerprint) -> Fingerprint {
    key.bind(&value.unpermute(1))
}

/// What a memory has beside a key, with noise: ρ(memory ⊕ key).
pub fn beside(memory: &Fingerprint, key: &Fingerprint) -> Fingerprint {
    memory.bind(key).permute(1)
}

/// The key that a beginning of a sequence is: ρ(…ρ(q₁) ⊕ q₂…) ⊕ qₙ. Zero of none.
pub fn beginning(elements: &[&Fingerprint]) -> Fingerprint {
    let longer = |so_far: Fingerprint, next: &&Fingerprint| so_far.permute(1).bind(next);
    elements.iter().fold(Fingerprint::ZERO, longer)
}

/// Each beginning of a sequence with the element that follows it.
pub fn steps(elements: &[&Fingerprint]) -> Vec<Fingerprint> {
    let step = |length: usize| pair(&beginning(&elements[..length]), elements[length]);
    (1..elements.len()).map(step).collect()
}

#[cfg(test)]
mod tests {
    use ladybug_engine::fingerprint::bundle::bundle;

    use super::*;

    fn nearest(words: &[Fingerprint], to: &Fingerprint) -> usize {
        let far = |at: &usize| words[*at].distance(to);
        (0..words.len()).min_by_key(far).expect("some words")
    }

    #[test]
    fn what_follows_a_beginning_is_found_again_up_to_the_capacity() {
        let words: Vec<_> = (0..200).map(Fingerprint::random).collect();
        let sequence: Vec<usize> = (0..PAIRS_MAX as usize + 1).map(|n| n * 37 % 23).collect();
        let elements: Vec<_> = sequence.iter().map(|at| &words[*at]).collect();
        let memory = bundle(&steps(&elements)).expect("some steps");
        for length in 1..sequence.len() {
            let next = beside(&memory, &beginning(&elements[..length]));
            assert_eq!(nearest(&words, &next), sequence[length]);
        }
        // Another beginning says nothing.
        let other = beside(&memory, &beginning(&[&words[150], &words[3]]));
        assert!(words.iter().all(|word| word.z(&other).abs() < 6.0));
    }

    #[test]
    fn keys_and_values_do_not_change_places() {
        let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
        assert_eq!(beside(&pair(&a, &b), &a), b);
        assert!(beside(&pair(&a, &b), &b).z(&a).abs() < 6.0);
        assert!(beginning(&[&a, &b]).z(&beginning(&[&b, &a])).abs() < 6.0);
    }
}
