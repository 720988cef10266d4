//! Kernels: the inner loops over fingerprints, one table of functions for each kind of processor.
//!
//! The table is chosen once: the best one this processor runs, or the one that [`choose`] named at start.
//! Every kernel gives the same results as the scalar one, bit for bit; only time differs. Kernels take
//! words and slices of words, and never see an address. A new kind of processor is one more file with one
//! more table in [`ALL`].

#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod avx2;
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod avx512;
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod avx512vpopcnt;
#[cfg(all(feature = "simd", target_arch = "aarch64"))]
mod neon;
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod nibbles;
mod scalar;
#[cfg(all(feature = "simd", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod simd;
mod table;

use std::sync::OnceLock;

use thiserror::Error;

pub use table::{BlockDistancesWithin, FLAGS, Kernels};

/// Every table built in, best first.
static ALL: &[&Kernels] = &[
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    &avx512vpopcnt::KERNELS,
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    &avx512::KERNELS,
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    &avx2::KERNELS,
    #[cfg(all(feature = "simd", target_arch = "aarch64"))]
    &neon::KERNELS,
    &scalar::KERNELS,
];

static ACTIVE: OnceLock<&'static Kernels> = OnceLock::new();

/// Every name that `--simd` knows, on whatever processor.
pub const NAMES: [&str; 5] = ["scalar", "avx2", "avx512", "avx512vpopcnt", "neon"];

/// Why a kernel cannot be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KernelError {
    /// No kernel has this name.
    #[error("no kernel is called '{name}'; there are {}", NAMES.join(", "))]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// The build has no such kernel: it is of another architecture, or has no SIMD kernels at all.
    #[error("this build lacks kernel '{name}'; it has {}", names(ALL.iter().copied()))]
    NotBuilt {
        /// The name asked for.
        name: &'static str,
    },
    /// The processor lacks the instructions.
    #[error(
        "this processor lacks the instructions of kernel '{name}'; it runs {}",
        names(available())
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
    let known = NAMES.into_iter().find(|known| *known == name);
    let name = known.ok_or_else(|| KernelError::Unknown { name: name.into() })?;
    let built = ALL.iter().find(|kernels| kernels.name == name);
    let kernels = built.ok_or(KernelError::NotBuilt { name })?;
    if (kernels.available)() {
        Ok(kernels)
    } else {
        Err(KernelError::Unavailable { name })
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

/// Names for a message.
fn names(kernels: impl Iterator<Item = &'static Kernels>) -> String {
    kernels
        .map(|kernels| kernels.name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::expand::LANES;
    use crate::fingerprint::plan::{Column, PLANES, Plan};
    use crate::fingerprint::{
        BITS, Fingerprint, GROUP, Layer, OUTLINES, Outlines, SKETCH_BITS, Sketch, WORDS,
        layer_of_bytes,
    };

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

    /// More queries and candidates than any kernel takes at once; of each query some candidates are near, some lie at
    /// its bound, and one is its complement.
    #[test]
    fn every_kernel_equals_scalar_on_large_blocks() {
        let queries: Vec<_> = (0..70).map(Fingerprint::random).collect();
        let mut run: Vec<_> = (0..135).map(|seed| Fingerprint::random(!seed)).collect();
        for (index, query) in queries.iter().enumerate() {
            run[(index * 31) % 135] = &(query & &Fingerprint::random(999)) | &run[index];
            run[(index * 17 + 5) % 135] = query ^ &Fingerprint::ONES;
        }
        let flat: Vec<u64> = run
            .iter()
            .flat_map(|candidate| *candidate.words())
            .collect();
        let block: Vec<_> = queries.iter().map(Fingerprint::words).collect();
        let exact: Vec<Vec<u32>> = queries
            .iter()
            .map(|query| {
                run.iter()
                    .map(|candidate| query.distance(candidate))
                    .collect()
            })
            .collect();
        let bounds: Vec<_> = exact
            .iter()
            .enumerate()
            .map(|(index, exact)| match index % 4 {
                0 => *exact.iter().min().expect("not empty"),
                1 => exact[index] - 1,
                2 => 150 * index as u32,
                _ => u32::MAX,
            })
            .collect();
        for kernels in available() {
            let mut distances = vec![u32::MAX; block.len() * run.len()];
            (kernels.block_distances_within)(&block, &flat, &bounds, &mut distances);
            for ((row, exact), &bound) in distances.chunks(run.len()).zip(&exact).zip(&bounds) {
                assert_within(row, exact, bound, kernels.name);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_kernel_equals_scalar_on_fingerprints(
            queries in prop::collection::vec((words(), 0_u32..=10_240), 1..20),
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
        fn every_kernel_equals_scalar_on_limits(
            distances in prop::array::uniform32(0_u16..1 << 15),
            limit in 0_u16..1 << 15,
            at in 0..FLAGS,
        ) {
            for limit in [limit, distances[at], 0, i16::MAX as u16] {
                let expected = (scalar::KERNELS.flags_within)(&distances, limit);
                for (place, distance) in distances.iter().enumerate() {
                    prop_assert_eq!(expected >> place & 1 == 1, *distance <= limit);
                }
                for kernels in available() {
                    let flags = (kernels.flags_within)(&distances, limit);
                    prop_assert_eq!(flags, expected, "within {}, of {}", limit, kernels.name);
                }
            }
        }

        #[test]
        fn every_kernel_equals_scalar_on_sketches(
            query in words(),
            run in prop::collection::vec(words(), 0..5),
            cut in 0_usize..80,
        ) {
            // A fingerprint is as good as 80 layers; the runs of several may overlap.
            let query: &Sketch = query.as_chunks().0.first_chunk().expect("80 layers are 20 sketches");
            let (layers, _) = run.as_flattened().as_chunks();
            let layers: &[Layer] = &layers[..layers.len().saturating_sub(cut)];
            let [_, rest @ ..] = query;
            let shifts = [0, 1, 2];
            let count = layers.len().saturating_sub(shifts.len());
            let runs = shifts.map(|shift| &layers[shift.min(layers.len())..][..count]);
            let mut rests = vec![0; count];
            (scalar::KERNELS.rest_distances)(rest, runs, &mut rests);
            for kernels in available() {
                let mut distances = vec![u16::MAX; count];
                (kernels.rest_distances)(rest, runs, &mut distances);
                prop_assert_eq!(&distances, &rests, "rests, of {}", kernels.name);
                for (index, expected) in rests.iter().enumerate() {
                    let pair = (kernels.rest_distance)(rest, runs.map(|run| &run[index]));
                    prop_assert_eq!(pair, *expected, "the rests of a pair, of {}", kernels.name);
                }
            }
        }

        #[test]
        fn every_kernel_equals_scalar_on_outlines(some in prop::collection::vec(words(), 4)) {
            // A fingerprint is as good as twenty rows of bytes, and its first words as an outline.
            let query: &Layer = some[0].first_chunk().expect("two words");
            let bytes: Vec<u8> = some.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect();
            let (rows, _) = bytes.as_chunks::<GROUP>();
            let outlines: &Outlines = rows.as_chunks().0.first_chunk().expect("64 rows");
            let expected: [u16; OUTLINES] = std::array::from_fn(|slot| {
                let other = layer_of_bytes(outlines[slot / GROUP].map(|row| row[slot % GROUP]));
                scalar::differing(query, &other) as u16
            });
            for kernels in available() {
                let mut distances = [u16::MAX; OUTLINES];
                (kernels.outline_distances)(query, outlines, &mut distances);
                prop_assert_eq!(distances, expected, "outlines, of {}", kernels.name);
            }
        }

        #[test]
        fn every_kernel_equals_scalar_in_the_algebra(
            a in words(), b in words(), c in words(), seed in any::<u64>(), turn in 0..BITS
        ) {
            for kernels in available() {
                let (mut expanded, mut expected) = ([0; WORDS], [0; WORDS]);
                (kernels.expand)(seed, &mut expanded);
                (scalar::KERNELS.expand)(seed, &mut expected);
                prop_assert_eq!(expanded, expected, "expand of {}", kernels.name);

                // 512 bits, at places that depend on the seed.
                let mut masks = [0; WORDS];
                for bit in 0..SKETCH_BITS {
                    let place = bit * 20 + (seed >> (bit % 64)) as usize % 20;
                    masks[place / 64] |= 1 << (place % 64);
                }
                prop_assert_eq!(
                    (kernels.gather)(&a, &masks),
                    (scalar::KERNELS.gather)(&a, &masks),
                    "gathering of {}", kernels.name
                );

                for bits in [0, 1, 63, 64, 65, turn, 10_239] {
                    let rotated = Fingerprint::from_words((kernels.rotate)(&a, bits));
                    for bit in 0..BITS {
                        let from = (bit + BITS - bits) % BITS;
                        prop_assert_eq!(rotated.bit(bit), a[from / 64] >> (from % 64) & 1 == 1, "rotation of {}", kernels.name);
                    }
                }

                // One plane and two seeds, in a column of one pair.
                let plan = Plan {
                    given: 1,
                    columns: vec![Column { first: PLANES, pairs: 1 }],
                    pairs: vec![[PLANES + 1, PLANES + 2]],
                    planes: vec![PLANES + 3, PLANES + 4],
                    slots: usize::from(PLANES) + 5,
                };
                let mut planes = [a, b];
                (kernels.weigh)(&[seed, !seed], &plan, &mut vec![[u64::MAX; LANES]; plan.slots], &mut planes);
                let (mut sum, mut carry) = (a, expected);
                (scalar::KERNELS.expand)(!seed, &mut expanded);
                (scalar::KERNELS.carry_save_add)(&mut sum, &expanded, &mut carry);
                prop_assert_eq!(planes, [sum, carry], "weighing of {}", kernels.name);

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
        let refusal = |name| by_name(name).err().map(|error| error.to_string());
        assert_eq!(
            refusal("mmx").as_deref(),
            Some("no kernel is called 'mmx'; there are scalar, avx2, avx512, avx512vpopcnt, neon")
        );
        for name in NAMES {
            // What is known is either available or said to be lacking, and by whom.
            if let Some(refusal) = refusal(name) {
                assert!(
                    refusal.starts_with("this build lacks kernel '")
                        || refusal.starts_with("this processor lacks the instructions of kernel '"),
                    "{refusal}"
                );
                assert!(refusal.ends_with("scalar"), "{refusal}");
            } else {
                assert!(available().any(|kernels| kernels.name == name));
            }
        }
        let elsewhere = if cfg!(target_arch = "aarch64") {
            "avx2"
        } else {
            "neon"
        };
        assert_eq!(
            by_name(elsewhere).err(),
            Some(KernelError::NotBuilt { name: elsewhere })
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
    #[should_panic(expected = "[2, 2, 1] layers for 2 distances")]
    fn layers_of_the_wrong_number_panic() {
        let layers = [[0; 2]; 2];
        let runs = [&layers[..], &layers, &layers[..1]];
        (active().rest_distances)(&[[0; 2]; 3], runs, &mut [0; 2]);
    }

    #[test]
    #[should_panic(expected = "a run of 159 words for 1 distances of 160 words each")]
    fn a_run_of_the_wrong_length_panics() {
        (active().distances_within)(&[0; WORDS], &[0; 159], 0, &mut [0]);
    }
}
