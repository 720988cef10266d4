//! The weighted majority of expanded seeds, which is what a text's fingerprint is.
//!
//! The same as growing a vector of each seed and adding it to [`Counters`](super::bundle::Counters), but that waits for
//! the steps of one seed after the other, and carries whole vectors through memory. Here all seeds advance side by
//! side, 512 bits at a time, and these bits are added up in the first cache. What is added to what is the same for
//! each 512, so it is decided once, in a [`Plan`].

use std::cell::RefCell;
use std::ops::Range;

use smallvec::SmallVec;

use super::expand::LANES;
use super::kernel;
use super::plan::{Block, Column, ONES, PLANES, Plan, Slot, ZEROS};
use super::vector::{Fingerprint, WORDS, Words};

/// Seeds of one plan: few enough for all of its slots to lie in the first cache.
const BATCH: usize = 128;

thread_local! {
    /// The slots and planes of the last sum, whose memory the next one takes: each is written before it is read, so that
    /// making and clearing them anew, a tenth of the instructions of a short text, is saved. A few dozen KiB at most.
    static SCRATCH: RefCell<(Vec<Block>, Vec<Words>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A seed, and how often its vector counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighted {
    pub(super) weight: u64,
    pub(super) seed: u64,
}

/// The majority of the expanded seeds, of which there is one at least; where both halves weigh the same, bits are
/// taken from `tie`. All weights together are below 2^63. Sorts the seeds by weight.
pub(super) fn weighted_majority(
    seeds: &mut [Weighted],
    tie: impl FnOnce() -> Fingerprint,
) -> Fingerprint {
    seeds.sort_unstable_by_key(|one| one.weight);
    let total: u64 = seeds.iter().map(|one| one.weight).sum();
    // With this much more, the sum has the bit `top` set where it is above half.
    let top = (u64::BITS - total.leading_zeros()) as usize;
    let more = (1 << top) - total / 2 - 1;
    SCRATCH.with_borrow_mut(|(slots, planes)| {
        planes.resize(planes.len().max(top + 1), [0; WORDS]);
        let planes = &mut planes[..=top];
        add_up(seeds, more, top, slots, planes);
        let above = Fingerprint::from_words(planes[top]);
        if !total.is_multiple_of(2) {
            return above;
        }
        // The sum is exactly half where all planes below are ones.
        let equal = planes[..top].iter().fold([u64::MAX; WORDS], and);
        &above | &(&Fingerprint::from_words(equal) & &tie())
    })
}

/// The sum of weighted seeds and `more`, to plane `top`.
fn add_up(seeds: &[Weighted], more: u64, top: usize, slots: &mut Vec<Block>, planes: &mut [Words]) {
    for (number, batch) in seeds.chunks(BATCH).enumerate() {
        let plan = match number {
            0 => Plan::new(batch, 0, more, top),
            _ => Plan::new(batch, planes.len(), 0, top),
        };
        slots.resize(slots.len().max(plan.slots), [0; LANES]);
        let batch: SmallVec<[u64; BATCH]> = batch.iter().map(|one| one.seed).collect();
        (kernel::active().weigh)(&batch, &plan, slots, planes);
    }
}

fn and(mut a: Words, b: &Words) -> Words {
    for (a, b) in a.iter_mut().zip(b) {
        *a &= b;
    }
    a
}

/// The slots of a column to be.
type Slots = SmallVec<[Slot; 28]>;

impl Plan {
    /// Adds a batch, which is sorted by weight, and `more` to the planes that are given; what exceeds plane `top`
    /// is dropped.
    fn new(batch: &[Weighted], given: usize, more: u64, top: usize) -> Self {
        let mut seed = PLANES + given as Slot;
        let mut plan = Self {
            given,
            columns: Vec::with_capacity(batch.len()),
            pairs: Vec::with_capacity(2 * batch.len()),
            planes: Vec::with_capacity(top + 1),
            slots: usize::from(seed) + batch.len(),
        };
        let mut columns = vec![Slots::new(); top + 1];
        for (level, column) in columns.iter_mut().enumerate() {
            if level < given {
                column.push(PLANES + level as Slot);
            }
            if more >> level & 1 == 1 {
                column.push(ONES);
            }
        }
        for group in batch.chunk_by(|a, b| a.weight == b.weight) {
            let end = seed + group.len() as Slot;
            plan.weigh(group[0].weight, (seed..end).collect(), &mut columns);
            seed = end;
        }
        plan.settle(&mut columns);
        plan
    }

    /// Adds slots of equal weight: the first one, and the others in pairs. Returns the slot of the sum and those of the carries.
    fn add(&mut self, first: Slot, pairs: &[[Slot; 2]]) -> (Slot, Range<Slot>) {
        let sum = self.slots as Slot;
        let end = sum + 1 + pairs.len() as Slot;
        self.slots = usize::from(end);
        self.pairs.extend_from_slice(pairs);
        self.columns.push(Column {
            first,
            pairs: pairs.len() as u16,
        });
        (sum, sum + 1..end)
    }

    /// Puts `weight` times each slot of a group into the columns of all levels.
    fn weigh(&mut self, weight: u64, mut group: Slots, columns: &mut [Slots]) {
        let mut level = 0;
        while !group.is_empty() {
            let mut carries = Slots::new();
            // Where each slot goes into several columns, it is worth while to have fewer slots.
            if group.len() > 2 && !weight.is_power_of_two() {
                let (pairs, rest) = group[1..].as_chunks();
                let (sum, carried) = self.add(group[0], pairs);
                carries.extend(carried);
                group = rest.iter().copied().chain([sum]).collect();
            }
            let mut left = weight;
            while left != 0 {
                columns[left.trailing_zeros() as usize + level].extend_from_slice(&group);
                left &= left - 1;
            }
            group = carries;
            level += 1;
        }
    }

    /// Adds up the columns, from the lowest level.
    fn settle(&mut self, columns: &mut [Slots]) {
        for level in 0..columns.len() {
            let (column, above) = columns[level..]
                .split_first_mut()
                .expect("invariant: a level of the columns");
            let sum = match column[..] {
                [] => ZEROS,
                [only] => only,
                _ => {
                    if column.len().is_multiple_of(2) {
                        column.push(ZEROS);
                    }
                    let (sum, carries) = self.add(column[0], column[1..].as_chunks().0);
                    if let Some(above) = above.first_mut() {
                        above.extend(carries);
                    }
                    sum
                }
            };
            self.planes.push(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fingerprint::bundle::Counters;
    use crate::fingerprint::expand::expand;

    fn by_counters(seeds: &[Weighted], tie: &Fingerprint) -> Fingerprint {
        let (mut counters, mut vector) = (Counters::new(), Fingerprint::ZERO);
        for one in seeds {
            expand(one.seed, vector.words_mut());
            counters.add(vector.words(), one.weight);
        }
        counters.majority(|| tie.clone())
    }

    fn assert_as_by_counters(mut seeds: Vec<Weighted>) {
        let tie = Fingerprint::random(u64::MAX);
        let expected = by_counters(&seeds, &tie);
        assert_eq!(weighted_majority(&mut seeds, || tie), expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Up to three plans after one another, with few weights, which are grouped, and with many.
        #[test]
        fn the_majority_is_that_of_counters(
            weights in prop_oneof![
                prop::collection::vec(1_u64..9, 1..3 * BATCH),
                prop::collection::vec(1_u64..400, 1..3 * BATCH),
            ],
            first in any::<u64>(),
        ) {
            let seeds = weights.iter().enumerate();
            assert_as_by_counters(
                seeds.map(|(number, &weight)| Weighted { weight, seed: first ^ number as u64 }).collect(),
            );
        }
    }

    #[test]
    fn ties_and_great_weights_are_as_with_counters() {
        let seeds = |weights: &[u64]| -> Vec<_> {
            (0..)
                .zip(weights)
                .map(|(seed, &weight)| Weighted { weight, seed })
                .collect()
        };
        for weights in [
            &[1][..],
            &[2],
            &[1, 1],
            &[3, 3, 6, 12],
            &[u64::MAX / 8; 3],
            &[1 << 61, 1, 1 << 60],
        ] {
            assert_as_by_counters(seeds(weights));
        }
        // An even number of equal weights ties in many places.
        assert_as_by_counters(seeds(&[5; 2 * BATCH]));
    }
}
