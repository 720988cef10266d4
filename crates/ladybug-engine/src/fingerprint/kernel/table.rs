//! The table of functions that every kind of processor has, and their checks of lengths.

use crate::fingerprint::plan::{Block, Plan};
use crate::fingerprint::sketch::{Gathered, Layer, OUTLINES, Outlines, REST};
use crate::fingerprint::vector::Words;

/// The functions of one kind of processor.
///
/// A *run* is a slice of contiguous candidates: fingerprints of 160 words each, or layers of sketches, of 2. The
/// functions over one write a distance for each of them. Those over a *block* of queries write a row of
/// distances for each query, one a candidate: that of query `q` to candidate `c` of `n` stands at `q * n + c`.
/// They take each candidate from memory once for all queries, if the run stays in the second cache with its
/// distances: 64 fingerprints.
///
/// # Panics
/// Those over a run panic if it is not as long as the distances ask for.
pub struct Kernels {
    /// The name by which a setting chooses it.
    pub name: &'static str,
    /// Whether this processor runs it.
    pub(super) available: fn() -> bool,
    /// Hamming distance of one pair.
    pub distance: fn(&Words, &Words) -> u32,
    /// Hamming distance of the first quarters of one pair.
    pub quarter_distance: fn(&Words, &Words) -> u32,
    /// Hamming distances of a query to a run, abandoning a candidate once its distance is known to exceed
    /// `bound`: distances up to the bound are exact, above it only known to be above it.
    pub distances_within: fn(query: &Words, run: &[u64], bound: u32, distances: &mut [u32]),
    /// As `distances_within`, of a block of queries, each with a bound of its own.
    pub block_distances_within: BlockDistancesWithin,
    /// Hamming distances of a query's outline to those that lie together.
    pub outline_distances: fn(query: &Layer, outlines: &Outlines, distances: &mut [u16; OUTLINES]),
    /// Hamming distances of the rest of a query's sketch to that of others, each layer of which is a run.
    pub rest_distances: fn(query: &Rest, runs: [&[Layer]; REST], distances: &mut [u16]),
    /// Hamming distance of the rest of a query's sketch to that of another, whose layers stay where they lie.
    pub rest_distance: fn(query: &Rest, rest: [&Layer; REST]) -> u16,
    /// Which of some distances are at most `limit`, a bit each, the first one's lowest. All are below 32,768.
    pub flags_within: fn(distances: &[u16; FLAGS], limit: u16) -> u32,
    /// Asks memory for so many bytes from a place on, see [`fetch`](Self::fetch).
    pub(super) prefetch: fn(begin: *const u64, bytes: usize),
    /// Grows a seed to a pseudo-random vector, see [`expand`](crate::fingerprint::expand).
    pub expand: fn(seed: u64, words: &mut Words),
    /// Adds expanded seeds to planes, as a plan says, in the memory of its slots.
    pub(in crate::fingerprint) weigh:
        fn(seeds: &[u64], plan: &Plan, slots: &mut [Block], planes: &mut [Words]),
    /// Full addition of each bit of `sum`, `addend` and `carry`: leaves the sum in `sum` and the
    /// carry in `carry`.
    pub carry_save_add: fn(sum: &mut Words, addend: &Words, carry: &mut Words),
    /// Gathers the bits that are set in `masks`, 512 in all, lowest first.
    pub gather: fn(words: &Words, masks: &Words) -> Gathered,
    /// Rotates all bits up by `bits`, below 10,240.
    pub rotate: fn(words: &Words, bits: usize) -> Words,
}

impl Kernels {
    /// Asks memory for what is looked at soon, where the processor can be asked. Only time differs.
    pub fn fetch<T: ?Sized>(&self, soon: &T) {
        (self.prefetch)(std::ptr::from_ref(soon).cast(), size_of_val(soon));
    }
}

/// Distances that are compared with a limit at once.
pub const FLAGS: usize = u32::BITS as usize;

/// The layers of a sketch beside the outline.
pub(super) type Rest = [Layer; REST];

/// Writes a row of distances for each query of a block, exact up to its bound.
pub type BlockDistancesWithin =
    fn(queries: &[&Words], run: &[u64], bounds: &[u32], distances: &mut [u32]);

/// The candidates of a run, checked to be as many as the distances to be written.
#[inline(always)]
pub(super) fn candidates<const N: usize>(run: &[u64], distances: usize) -> &[[u64; N]] {
    let (candidates, rest) = run.as_chunks::<N>();
    assert!(
        rest.is_empty() && candidates.len() == distances,
        "invariant: a run of {} words for {distances} distances of {N} words each",
        run.len(),
    );
    candidates
}

/// The layers of candidates, checked to be as many as the distances to be written.
#[inline(always)]
pub(super) fn check_layers<const N: usize>(runs: [&[Layer]; N], distances: usize) {
    assert!(
        runs.iter().all(|run| run.len() == distances),
        "invariant: {:?} layers for {distances} distances",
        runs.map(<[Layer]>::len),
    );
}

/// The candidates of a run, checked to be as many as each query's row of the distances to be written.
#[inline(always)]
pub(super) fn block<const N: usize>(
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
