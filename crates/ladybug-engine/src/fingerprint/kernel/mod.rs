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
use super::vector::Words;

/// The functions of one kind of processor.
///
/// A *run* is a slice of contiguous candidates: fingerprints of 160 words each, or sketches of 8. The
/// functions over one write a distance for each of them. Those over a *block* of queries write a row of
/// distances for each query, one a candidate: that of query `q` to candidate `c` of `n` stands at `q * n + c`.
/// They take each candidate from memory once for all queries, so they gain with the number of queries, and
/// with runs of a multiple of 32 candidates that stay in the second cache with their distances: 256 sketches,
/// 64 fingerprints.
///
/// # Panics
/// Those over a run panic if it is not as long as the distances ask for.
pub struct Kernels {
    /// The name by which a setting chooses it.
    pub name: &'static str,
    /// Whether this processor runs it.
    available: fn() -> bool,
    /// Hamming distance of one pair.
    pub distance: fn(&Words, &Words) -> u32,
    /// Hamming distance of the first quarters of one pair.
    pub quarter_distance: fn(&Words, &Words) -> u32,
    /// Hamming distances of a query to a run, abandoning a candidate once its distance is known to exceed
    /// `bound`: distances up to the bound are exact, above it only known to be above it.
    pub distances_within: fn(query: &Words, run: &[u64], bound: u32, distances: &mut [u32]),
    /// As `distances_within`, of a block of queries, each with a bound of its own.
    pub block_distances_within: BlockDistancesWithin,
    /// Hamming distances of a query's sketch to a run of sketches.
    pub sketch_distances: fn(query: &Sketch, run: &[u64], distances: &mut [u16]),
    /// As `sketch_distances`, of a block of queries.
    pub block_sketch_distances: fn(queries: &[Sketch], run: &[u64], distances: &mut [u16]),
    /// Grows a seed to a pseudo-random vector, see [`super::expand`].
    pub expand: fn(seed: u64, words: &mut Words),
    /// Full addition of each bit of `sum`, `addend` and `carry`: leaves the sum in `sum` and the
    /// carry in `carry`.
    pub carry_save_add: fn(sum: &mut Words, addend: &Words, carry: &mut Words),
}

/// Writes a row of distances for each query of a block, exact up to its bound.
pub type BlockDistancesWithin =
    fn(queries: &[&Words], run: &[u64], bounds: &[u32], distances: &mut [u32]);

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

/// The candidates of a run, checked to be as many as the distances to be written.
#[inline(always)]
fn candidates<const N: usize>(run: &[u64], distances: usize) -> &[[u64; N]] {
    let (candidates, rest) = run.as_chunks::<N>();
    assert!(
        rest.is_empty() && candidates.len() == distances,
        "invariant: a run of {} words for {distances} distances of {N} words each",
        run.len(),
    );
    candidates
}

/// The candidates of a run, checked to be as many as each query's row of the distances to be written.
#[inline(always)]
fn block<const N: usize>(
    queries: usize,
    run: &[u64],
    bounds: usize,
    distances: usize,
) -> &[[u64; N]] {
    let (candidates, rest) = run.as_chunks::<N>();
    assert!(
        rest.is_empty() && candidates.len() * queries == distances && bounds == queries,
        "invariant: a run of {} words for {distances} distances of {N} words each to {queries} queries \
         with {bounds} bounds",
        run.len(),
    );
    candidates
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::{Fingerprint, SKETCH_WORDS, WORDS};

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

    /// Distances that are exact up to the bound, and above it only above it.
    fn assert_within(distances: &[u32], exact: &[u32], bound: u32, name: &str) {
        for (&distance, &exact) in distances.iter().zip(exact) {
            if exact <= bound {
                assert_eq!(distance, exact, "within {bound}, of {name}");
            } else {
                assert!(distance > bound, "{distance} within {bound}, of {name}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_kernel_equals_scalar_on_fingerprints(
            queries in prop::collection::vec((words(), 0_u32..=10_240), 1..12),
            run in prop::collection::vec(words(), 0..72),
            shift in 0_usize..8,
        ) {
            // Rows are found at any word: a mapped checkpoint aligns them to 64 bytes, a caller may not.
            let mut words = vec![0; shift];
            words.extend_from_slice(run.as_flattened());
            let flat = &words[shift..];
            let exact: Vec<Vec<u32>> = queries
                .iter()
                .map(|(query, _)| {
                    run.iter().map(|candidate| (scalar::KERNELS.distance)(query, candidate)).collect()
                })
                .collect();
            let block: Vec<_> = queries.iter().map(|(query, _)| query).collect();
            let bounds: Vec<_> = queries.iter().map(|&(_, bound)| bound).collect();
            for kernels in available() {
                let name = kernels.name;
                let mut distances = vec![u32::MAX; run.len()];
                for ((query, bound), exact) in queries.iter().zip(&exact) {
                    (kernels.distances_within)(query, flat, *bound, &mut distances);
                    assert_within(&distances, exact, *bound, name);
                    for (candidate, &exact) in run.iter().zip(exact) {
                        prop_assert_eq!((kernels.distance)(query, candidate), exact, "distance of {}", name);
                        prop_assert_eq!(
                            (kernels.quarter_distance)(query, candidate),
                            (scalar::KERNELS.quarter_distance)(query, candidate),
                            "quarter of {}", name
                        );
                    }
                }
                let mut distances = vec![u32::MAX; block.len() * run.len()];
                (kernels.block_distances_within)(&block, flat, &bounds, &mut distances);
                for (query, (exact, &bound)) in exact.iter().zip(&bounds).enumerate() {
                    assert_within(&distances[query * run.len()..][..run.len()], exact, bound, name);
                }
            }
        }

        #[test]
        fn every_kernel_equals_scalar_on_sketches(
            queries in prop::collection::vec(words(), 0..4),
            run in prop::collection::vec(words(), 0..5),
            cut in 0_usize..20,
        ) {
            let queries: Vec<Sketch> = queries.iter().flat_map(|words| *words.as_chunks().0.as_array::<20>().expect("160 words are 20 sketches")).collect();
            let flat = &run.as_flattened()[..(run.len() * 20).saturating_sub(cut) * SKETCH_WORDS];
            let candidates = flat.len() / SKETCH_WORDS;
            let mut expected = vec![0; queries.len() * candidates];
            (scalar::KERNELS.block_sketch_distances)(&queries, flat, &mut expected);
            for kernels in available() {
                let mut distances = vec![u16::MAX; expected.len()];
                (kernels.block_sketch_distances)(&queries, flat, &mut distances);
                prop_assert_eq!(&distances, &expected, "a block, of {}", kernels.name);
                for (query, expected) in queries.iter().zip(expected.chunks(candidates.max(1))) {
                    let distances = &mut distances[..candidates];
                    (kernels.sketch_distances)(query, flat, distances);
                    prop_assert_eq!(&*distances, expected, "one, of {}", kernels.name);
                }
            }
        }

        #[test]
        fn every_kernel_equals_scalar_in_the_algebra(
            a in words(), b in words(), c in words(), seed in any::<u64>()
        ) {
            for kernels in available() {
                let (mut expanded, mut expected) = ([0; WORDS], [0; WORDS]);
                (kernels.expand)(seed, &mut expanded);
                (scalar::KERNELS.expand)(seed, &mut expected);
                prop_assert_eq!(expanded, expected, "expand of {}", kernels.name);

                let (mut sum, mut carry) = (a, c);
                (kernels.carry_save_add)(&mut sum, &b, &mut carry);
                for index in 0..WORDS {
                    let (a, b, c) = (a[index], b[index], c[index]);
                    prop_assert_eq!(sum[index], a ^ b ^ c, "sum of {}", kernels.name);
                    prop_assert_eq!(carry[index], a & b | b & c | a & c, "carry of {}", kernels.name);
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
        (active().distances_within)(&[0; WORDS], &[0; 159], 0, &mut [0]);
    }
}
