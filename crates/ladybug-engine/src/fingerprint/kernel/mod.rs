//! Kernels: the inner loops over fingerprints, one table of functions for each kind of processor.
//!
//! The table is chosen once: the best one this processor runs, or the one that [`choose`] named at start.
//! Every kernel gives the same results as the scalar one, bit for bit; only time differs. Kernels take
//! words and slices of words, and never see an address. A new kind of processor is one more file with one
//! more table in [`ALL`].

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod avx2;
mod scalar;

use std::sync::OnceLock;

use thiserror::Error;

use super::sketch::Sketch;
use super::vector::WORDS;

/// The functions of one kind of processor.
///
/// A *run* is a slice of contiguous fingerprints, 160 words each; the functions over one
/// write a distance for each of them to `distances`.
///
/// # Panics
/// Those over a run panic if it is not as long as `distances` asks for.
pub struct Kernels {
    /// The name by which a setting chooses it.
    pub name: &'static str,
    /// Whether this processor runs it.
    available: fn() -> bool,
    /// Hamming distance of one pair.
    pub distance: fn(&[u64; WORDS], &[u64; WORDS]) -> u32,
    /// Hamming distances of a query to a run.
    pub distances: fn(query: &[u64; WORDS], run: &[u64], distances: &mut [u32]),
    /// As `distances`, abandoning a candidate once its distance is known to exceed `bound`: distances up to
    /// the bound are exact, above it only known to be above it.
    pub distances_within: fn(query: &[u64; WORDS], run: &[u64], bound: u32, distances: &mut [u32]),
    /// Hamming distances of a query's sketch to a run of contiguous sketches, 8 words each.
    pub sketch_distances: fn(query: &Sketch, run: &[u64], distances: &mut [u32]),
    /// Grows a seed to a pseudo-random vector, see [`super::expand`].
    pub expand: fn(seed: u64, words: &mut [u64; WORDS]),
    /// Full addition of each bit of `sum`, `addend` and `carry`: leaves the sum in `sum` and the
    /// carry in `carry`.
    pub carry_save_add: fn(sum: &mut [u64; WORDS], addend: &[u64; WORDS], carry: &mut [u64; WORDS]),
}

/// Every table built in, best first.
static ALL: &[&Kernels] = &[
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    &avx2::KERNELS,
    &scalar::KERNELS,
];

static ACTIVE: OnceLock<&'static Kernels> = OnceLock::new();

/// Why a kernel cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KernelError {
    /// No kernel has this name.
    #[error("no kernel is called '{name}'; this build has {}", names())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The processor lacks the instructions.
    #[error(
        "this processor cannot run kernel '{name}'; leave the choice to Ladybug or ask for 'scalar'"
    )]
    Unavailable {
        /// The name asked for.
        name: &'static str,
    },
    /// Another kernel is in use already.
    #[error(
        "kernel '{name}' was asked for when '{active}' was in use; choose before the first use"
    )]
    AlreadyActive {
        /// The name asked for.
        name: &'static str,
        /// The name of the one in use.
        active: &'static str,
    },
}

/// The kernels in use: those chosen, else the best that this processor runs.
#[inline]
pub fn active() -> &'static Kernels {
    ACTIVE.get_or_init(|| available().next().unwrap_or(&scalar::KERNELS))
}

/// The kernels that this processor runs, best first.
pub fn available() -> impl Iterator<Item = &'static Kernels> {
    ALL.iter().copied().filter(|kernels| (kernels.available)())
}

/// The kernels of this name, if this build has them and this processor runs them.
pub fn by_name(name: &str) -> Result<&'static Kernels, KernelError> {
    let kernels = ALL
        .iter()
        .find(|kernels| kernels.name == name)
        .ok_or_else(|| KernelError::Unknown { name: name.into() })?;
    if (kernels.available)() {
        Ok(kernels)
    } else {
        Err(KernelError::Unavailable { name: kernels.name })
    }
}

/// Puts the kernels of this name to use, for the whole process; at start, before anything else uses
/// them.
pub fn choose(name: &str) -> Result<(), KernelError> {
    let kernels = by_name(name)?;
    let active = ACTIVE.get_or_init(|| kernels).name;
    if active == kernels.name {
        Ok(())
    } else {
        Err(KernelError::AlreadyActive {
            name: kernels.name,
            active,
        })
    }
}

/// The names of all kernels of this build, for a message.
fn names() -> String {
    ALL.iter()
        .map(|kernels| kernels.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The fingerprints of a run, checked to be as many as the distances to be written.
#[inline(always)]
fn candidates<'a, const N: usize>(run: &'a [u64], distances: &[u32]) -> &'a [[u64; N]] {
    let (candidates, rest) = run.as_chunks::<N>();
    assert!(
        rest.is_empty() && candidates.len() == distances.len(),
        "invariant: a run of {} words for {} distances of {N} words each",
        run.len(),
        distances.len(),
    );
    candidates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::Fingerprint;

    /// Random, sparse, dense, equal and complementary words: carries of every kind.
    fn words() -> impl Strategy<Value = [u64; WORDS]> {
        (any::<u64>(), 0..5).prop_map(|(seed, kind)| {
            let (a, b) = (Fingerprint::random(seed), Fingerprint::random(!seed));
            let fingerprint = match kind {
                0 => a,
                1 => &a & &b,
                2 => &a | &b,
                3 => Fingerprint::ZERO,
                _ => Fingerprint::ONES,
            };
            *fingerprint.words()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_kernel_equals_scalar(
            query in words(),
            run in prop::collection::vec(words(), 0..20),
            bound in 0_u32..=10_240,
            seed in any::<u64>(),
        ) {
            let flat = run.as_flattened();
            let mut expected = vec![0; run.len()];
            (scalar::KERNELS.distances)(&query, flat, &mut expected);
            let sketches = flat.len() / 8;
            let sketch = *query.first_chunk().expect("a query has 160 words");
            let mut expected_sketches = vec![0; sketches];
            (scalar::KERNELS.sketch_distances)(&sketch, flat, &mut expected_sketches);

            for kernels in available() {
                let mut distances = vec![u32::MAX; run.len()];
                (kernels.distances)(&query, flat, &mut distances);
                prop_assert_eq!(&distances, &expected, "distances of {}", kernels.name);

                distances.fill(u32::MAX);
                (kernels.distances_within)(&query, flat, bound, &mut distances);
                for (&distance, &exact) in distances.iter().zip(&expected) {
                    if exact <= bound {
                        prop_assert_eq!(distance, exact, "distances_within of {}", kernels.name);
                    } else {
                        prop_assert!(distance > bound, "distances_within of {}", kernels.name);
                    }
                }

                let mut distances = vec![u32::MAX; sketches];
                (kernels.sketch_distances)(&sketch, flat, &mut distances);
                prop_assert_eq!(&distances, &expected_sketches, "sketches of {}", kernels.name);

                for (candidate, &exact) in run.iter().zip(&expected) {
                    prop_assert_eq!((kernels.distance)(&query, candidate), exact, "distance of {}", kernels.name);
                }

                let (mut expanded, mut expected) = ([0; WORDS], [0; WORDS]);
                (kernels.expand)(seed, &mut expanded);
                (scalar::KERNELS.expand)(seed, &mut expected);
                prop_assert_eq!(expanded, expected, "expand of {}", kernels.name);

                if let [first, second, ..] = run[..] {
                    let (mut sum, mut carry) = (query, second);
                    (kernels.carry_save_add)(&mut sum, &first, &mut carry);
                    for index in 0..WORDS {
                        let (a, b, c) = (query[index], first[index], second[index]);
                        prop_assert_eq!(sum[index], a ^ b ^ c, "sum of {}", kernels.name);
                        prop_assert_eq!(carry[index], a & b | b & c | a & c, "carry of {}", kernels.name);
                    }
                }
            }
        }

        #[test]
        fn scalar_counts_bits_that_differ(a in words(), b in words()) {
            let bitwise = (0..WORDS * 64)
                .filter(|bit| (a[bit / 64] ^ b[bit / 64]) >> (bit % 64) & 1 == 1)
                .count();
            prop_assert_eq!((scalar::KERNELS.distance)(&a, &b), bitwise as u32);
        }
    }

    #[test]
    fn kernels_are_chosen_by_name_and_refused_with_a_reason() {
        assert_eq!(by_name("scalar").map(|kernels| kernels.name), Ok("scalar"));
        let unknown = by_name("mmx").err().expect("no such kernel").to_string();
        assert!(
            unknown.starts_with("no kernel is called 'mmx'; this build has ")
                && unknown.ends_with("scalar"),
            "{unknown}"
        );
        let best = active().name;
        assert_eq!(choose(best), Ok(()));
        if best != "scalar" {
            assert_eq!(
                choose("scalar"),
                Err(KernelError::AlreadyActive {
                    name: "scalar",
                    active: best
                })
            );
        }
    }

    #[test]
    #[should_panic(expected = "a run of 159 words for 1 distances of 160 words each")]
    fn a_run_of_the_wrong_length_panics() {
        (active().distances)(&[0; WORDS], &[0; 159], &mut [0]);
    }
}
