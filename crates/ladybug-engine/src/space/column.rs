//! One column of a chunk: 256 values behind an `Arc` of their own, copied when a snapshot holds
//! them and a writer comes.

use std::ops::Range;
use std::sync::Arc;

use arrow_buffer::Buffer;

use super::address::SLOTS;
use super::retained::Piece;

/// 256 values, aligned as Arrow likes its buffers.
#[derive(Clone)]
#[repr(C, align(64))]
struct Values<T>([T; SLOTS]);

/// A copy-on-write column of 256 values.
#[derive(Clone)]
pub struct Column<T>(Arc<Values<T>>);

impl<T: Clone> Column<T> {
    /// A column with `value` in every slot.
    pub fn filled(value: T) -> Self {
        Self(Arc::new(Values(std::array::from_fn(|_| value.clone()))))
    }

    /// The value in `slot`.
    pub fn get(&self, slot: u8) -> &T {
        &self.0.0[slot as usize]
    }

    /// The value in `slot`, to be changed; copies the column first if somebody shares it.
    pub fn get_mut(&mut self, slot: u8) -> &mut T {
        &mut Arc::make_mut(&mut self.0).0[slot as usize]
    }

    /// All 256 values.
    pub fn values(&self) -> &[T; SLOTS] {
        &self.0.0
    }

    /// Where the values lie and how many bytes they take, without what they own elsewhere.
    pub(super) fn piece(&self) -> Piece {
        Piece::of(&self.0, 0)
    }

    /// Whether both are the same memory: nothing was written between two snapshots.
    pub fn shares_memory(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: Copy + PartialEq> Column<T> {
    /// Puts `value` into `slot` and returns what was there. A column that all chunks share stays
    /// shared as long as they agree.
    pub fn set(&mut self, slot: u8, value: T) -> T {
        let old = *self.get(slot);
        if old != value {
            *self.get_mut(slot) = value;
        }
        old
    }
}

impl<T: Clone> Column<Option<T>> {
    /// Puts `value` into `slot` and returns what was there. A column that all chunks share stays
    /// shared as long as nobody has anything to put there.
    pub fn put(&mut self, slot: u8, value: Option<T>) -> Option<T> {
        match (self.get(slot), &value) {
            (None, None) => None,
            _ => std::mem::replace(self.get_mut(slot), value),
        }
    }
}

/// Types whose columns Arrow may read in place: plain numbers without padding.
pub trait Fixed: Copy + Send + Sync + std::panic::RefUnwindSafe + 'static {}
impl Fixed for u8 {}
impl Fixed for u16 {}
impl Fixed for u64 {}
impl Fixed for i64 {}
impl Fixed for f32 {}
impl Fixed for [f32; 8] {}

impl<T: Fixed> Column<T> {
    /// The column as an Arrow buffer over the same memory, which it keeps alive.
    pub fn buffer(&self) -> Buffer {
        let owner = Arc::clone(&self.0);
        let pointer = std::ptr::NonNull::from(&owner.0).cast::<u8>();
        // SAFETY: the pointer is to `size_of::<[T; SLOTS]>()` initialised bytes without padding
        // (`Fixed`), owned by the `Arc` that the buffer keeps; a shared `Arc` is never written,
        // since all writes go through `Arc::make_mut`.
        unsafe { Buffer::from_custom_allocation(pointer, size_of::<[T; SLOTS]>(), owner) }
    }
}

/// A set of slots of one chunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotSet([u64; 4]);

impl SlotSet {
    /// No slot.
    pub const EMPTY: Self = Self([0; 4]);
    /// Every slot.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// Whether `slot` is in the set.
    pub const fn contains(&self, slot: u8) -> bool {
        self.0[(slot >> 6) as usize] >> (slot & 63) & 1 == 1
    }

    /// Puts `slot` in or takes it out.
    pub const fn set(&mut self, slot: u8, present: bool) {
        let word = &mut self.0[(slot >> 6) as usize];
        let bit = 1 << (slot & 63);
        *word = if present { *word | bit } else { *word & !bit };
    }

    /// How many slots are in the set.
    pub fn len(&self) -> usize {
        // As a rule a chunk is full, and without an instruction for it counting takes a dozen operations a word.
        if *self == Self::ALL {
            return SLOTS;
        }
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no slot is in the set.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// How many slots of the set lie below `slot`.
    pub fn rank(&self, slot: u8) -> usize {
        if *self == Self::ALL {
            return slot.into();
        }
        let word = (slot >> 6) as usize;
        let below: u32 = self.0[..word].iter().map(|w| w.count_ones()).sum();
        (below + (self.0[word] & ((1 << (slot & 63)) - 1)).count_ones()) as usize
    }

    /// The slots that are in both sets.
    pub fn and(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    /// The slots that are in either set.
    pub fn or(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// The slots that are in this set and not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }

    /// The slots that `holds` says yes to.
    pub fn filter(self, mut holds: impl FnMut(u8) -> bool) -> Self {
        self.iter().filter(|&slot| holds(slot)).collect()
    }

    /// The slots in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..4u8).flat_map(move |word| {
            let mut bits = self.0[word as usize];
            std::iter::from_fn(move || {
                (bits != 0).then(|| {
                    let slot = word << 6 | bits.trailing_zeros() as u8;
                    bits &= bits - 1;
                    slot
                })
            })
        })
    }

    /// The runs of adjacent slots, in ascending order.
    pub fn runs(self) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0;
        std::iter::from_fn(move || {
            let start = self.next(end, true);
            end = self.next(start, false);
            (start < end).then_some(start..end)
        })
    }

    /// The first slot from `from` on that is in the set, or is not; 256 if there is none.
    fn next(&self, from: usize, present: bool) -> usize {
        let sought = |word: usize| if present { self.0[word] } else { !self.0[word] };
        let mut passed = (1 << (from % 64)) - 1;
        for word in from / 64..self.0.len() {
            let bits = sought(word) & !passed;
            if bits != 0 {
                return word * 64 + bits.trailing_zeros() as usize;
            }
            passed = 0;
        }
        SLOTS
    }
}

impl FromIterator<u8> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u8>>(slots: I) -> Self {
        let mut set = Self::EMPTY;
        slots.into_iter().for_each(|slot| set.set(slot, true));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_snapshot_keeps_its_values() {
        let mut column = Column::filled(0u64);
        let snapshot = column.clone();
        let buffer = column.buffer();
        *column.get_mut(7) = 42;
        assert_eq!((*snapshot.get(7), *column.get(7)), (0, 42));
        assert_eq!(buffer.typed_data::<u64>()[7], 0);
        assert!(!column.shares_memory(&snapshot));
    }

    proptest! {
        #[test]
        fn slot_sets_agree_with_a_set(slots in prop::collection::btree_set(any::<u8>(), 0..256), probe: u8) {
            let set: SlotSet = slots.iter().copied().collect();
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), slots.iter().copied().collect::<Vec<_>>());
            let runs = slots.iter().map(|slot| usize::from(*slot)).fold(Vec::new(), |mut runs: Vec<Range<usize>>, slot| {
                match runs.last_mut() {
                    Some(run) if run.end == slot => run.end += 1,
                    _ => runs.push(slot..slot + 1),
                }
                runs
            });
            prop_assert_eq!(set.runs().collect::<Vec<_>>(), runs);
            prop_assert_eq!(set.len(), slots.len());
            prop_assert_eq!(set.contains(probe), slots.contains(&probe));
            prop_assert_eq!(set.rank(probe), slots.range(..probe).count());
        }
    }
}
