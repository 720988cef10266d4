//! Prototypes: for each bit how many more examples have it set than not, and the majority of them (Kanerva 2009,
//! "Hyperdimensional Computing"). Examples of a class are added; on an error the perceptron's rule adds the example to
//! its class and takes it from the one that it was taken for (Rosenblatt 1958; for hypervectors Imani et al. 2019,
//! AdaptHD).

use ladybug_engine::fingerprint::{BITS, Fingerprint, WORDS};

/// Bytes that the counts take, little-endian.
pub const BYTES: usize = BITS * size_of::<i32>();

/// For each bit how many more examples have it set than not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(Vec<i32>);

impl Default for Counts {
    fn default() -> Self {
        Self(vec![0; BITS])
    }
}

impl Counts {
    /// Counts as they were written; none if these are not so many bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        let is_whole = bytes.len() == BYTES && rest.is_empty();
        is_whole.then(|| {
            Self(
                numbers
                    .iter()
                    .map(|number| i32::from_le_bytes(*number))
                    .collect(),
            )
        })
    }

    /// As they are written.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|count| count.to_le_bytes())
            .collect()
    }

    /// Adds an example so many times; a negative number takes it away.
    pub fn add(&mut self, example: &Fingerprint, times: i32) {
        for (counts, word) in self.0.chunks_exact_mut(64).zip(example.words()) {
            for (bit, count) in counts.iter_mut().enumerate() {
                let is_set = word >> bit & 1 == 1;
                *count = count.saturating_add(if is_set { times } else { -times });
            }
        }
    }

    /// The bits that more examples have set than not; those of a tie as a pseudo-random vector has them that follows
    /// from the others.
    pub fn majority(&self) -> Fingerprint {
        let bits = |holds: fn(i32) -> bool| {
            let mut bits = Fingerprint::ZERO;
            let words: &mut [u64; WORDS] = bits.words_mut();
            for (word, counts) in words.iter_mut().zip(self.0.chunks_exact(64)) {
                for (bit, count) in counts.iter().enumerate() {
                    *word |= u64::from(holds(*count)) << bit;
                }
            }
            bits
        };
        let (set, tied) = (bits(|count| count > 0), bits(|count| count == 0));
        let by_chance = Fingerprint::random(set.checksum());
        &set | &(&tied & &by_chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_as_they_are_read_and_their_majority_is_the_bundle() {
        let examples: Vec<_> = (0..7).map(Fingerprint::random).collect();
        let mut counts = Counts::default();
        examples.iter().for_each(|example| counts.add(example, 1));
        assert_eq!(
            Some(counts.majority()),
            ladybug_engine::fingerprint::bundle::bundle(&examples)
        );
        assert_eq!(Counts::from_bytes(&counts.to_bytes()), Some(counts.clone()));
        assert_eq!(Counts::from_bytes(&[0; 12]), None);
        counts.add(&examples[0], -1);
        let mut without = Counts::default();
        examples[1..]
            .iter()
            .for_each(|example| without.add(example, 1));
        assert_eq!(counts, without);
        // Ties are nobody's.
        assert!(Counts::default().majority().z(&Fingerprint::ZERO).abs() < 6.0);
    }

    #[test]
    fn errors_move_a_prototype_until_there_are_none() {
        // Two classes around centres that share most bits, so that majorities alone confuse them.
        let centre = Fingerprint::random(1);
        let noisy = |class: u64, n: u64| {
            let own = Fingerprint::random(100 + class);
            let noise = Fingerprint::random(1000 + class * 100 + n);
            ladybug_engine::fingerprint::bundle::weighted([(&centre, 3), (&own, 1), (&noise, 3)])
                .expect("some weight")
        };
        let examples: Vec<_> = (0..40).map(|n| (n % 2, noisy(n % 2, n / 2))).collect();
        let mut classes = [Counts::default(), Counts::default()];
        for (class, example) in &examples {
            classes[*class as usize].add(example, 1);
        }
        let errors = |classes: &mut [Counts; 2]| {
            let mut errors = 0;
            for (class, example) in &examples {
                let far = classes
                    .each_ref()
                    .map(|counts| counts.majority().distance(example));
                let (right, wrong) = (*class as usize, 1 - *class as usize);
                if far[right] >= far[wrong] {
                    errors += 1;
                    classes[right].add(example, 1);
                    classes[wrong].add(example, -1);
                }
            }
            errors
        };
        let rounds = (0..20).map(|_| errors(&mut classes));
        assert!(rounds.into_iter().any(|errors| errors == 0));
    }
}
