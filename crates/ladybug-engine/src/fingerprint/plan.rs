//! Which bits are added to which, where weighted seeds are added up: what [`weigh`](super::weigh) decides and kernels do.

use super::expand::LANES;

/// The bits that all lanes of a seed give in one step.
pub(super) type Block = [u64; LANES];

/// A place in the memory of a plan, which holds a block.
pub(super) type Slot = u16;

/// The slot of zeros.
pub(super) const ZEROS: Slot = 0;
/// The slot of ones.
pub(super) const ONES: Slot = 1;
/// The slot of the lowest plane that is given. Those of the other given planes follow, then those of the seeds, then
/// those of the results of columns.
pub(super) const PLANES: Slot = 2;

/// Bits of equal weight that are added up: a first one, and then two and two. Their sum goes to the next slot, and
/// the carries that each two leave to the slots after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) first: Slot,
    /// How many of the plan's pairs are the column's, after those of the columns before it.
    pub(super) pairs: u16,
}

/// How seeds are added to 10,240 numbers that are stored bit-sliced, a plane a bit.
pub(super) struct Plan {
    /// Planes that are given.
    pub(super) given: usize,
    pub(super) columns: Vec<Column>,
    pub(super) pairs: Vec<[Slot; 2]>,
    /// The slot of each plane of the sum.
    pub(super) planes: Vec<Slot>,
    /// Slots in all.
    pub(super) slots: usize,
}

impl Plan {
    /// Whether each column adds up only slots that lie before its own results, the first of which is `next`.
    pub(super) fn is_in_order(&self, mut next: usize) -> bool {
        let mut pairs = &self.pairs[..];
        self.columns.iter().all(|column| {
            let Some((these, rest)) = pairs.split_at_checked(usize::from(column.pairs)) else {
                return false;
            };
            pairs = rest;
            let last = these.as_flattened().iter().max();
            let is_before = last.is_none_or(|&last| usize::from(last) < next);
            next += 1 + these.len();
            is_before
        })
    }
}
