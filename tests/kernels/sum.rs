//! A plan of `weigh`, and its run: four seeds are added to a number of two planes, which makes one of three.

use std::mem::ManuallyDrop;

use super::expand::LANES;
use super::kernel::Kernels;
use super::plan::{Column, PLANES, Plan, Slot};
use super::vector::Words;

const SEEDS: usize = 4;
const COLUMNS: [Column; 2] = [
    Column {
        first: PLANES,
        pairs: 2,
    },
    Column {
        first: PLANES + 1,
        pairs: 1,
    },
];
/// The slots of the two given planes come first, then those of the seeds, then sums and carries.
const PAIRS: [[Slot; 2]; 3] = [
    [PLANES + 2, PLANES + 3],
    [PLANES + 4, PLANES + 5],
    [PLANES + 7, PLANES + 8],
];
const SUM: [Slot; 3] = [PLANES + 6, PLANES + 9, PLANES + 10];
const SLOTS: usize = PLANES as usize + 11;

/// Adds seeds to the first two planes, of the third nothing is read.
pub fn add(kernels: &Kernels, seeds: &[u64; SEEDS], planes: &mut [Words; SUM.len()]) {
    let plan = ManuallyDrop::new(Plan {
        given: 2,
        columns: view(&COLUMNS),
        pairs: view(&PAIRS),
        planes: view(&SUM),
        slots: SLOTS,
    });
    (kernels.weigh)(seeds, &plan, &mut [[0; LANES]; SLOTS], planes);
}

/// A constant as a vector, for where there is no memory to allocate.
fn view<T, const N: usize>(constant: &'static [T; N]) -> Vec<T> {
    // SAFETY: it is read as long as the plan is there, which grows nothing and is never dropped.
    unsafe { Vec::from_raw_parts(constant.as_ptr().cast_mut(), N, N) }
}
