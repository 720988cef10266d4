//! The fingerprints of a chunk: a page of 256 × 1,280 bytes, copied when a snapshot holds it and a writer comes.
//!
//! A chunk opened from a checkpoint reads the mapped file instead, until it is first written.

use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;

use super::address::SLOTS;
use super::arena::{Arenas, Block, InArenas};
use super::column::SlotSet;
use super::retained::Piece;
use crate::fingerprint::{BYTES, Fingerprint, WORDS};

/// Bytes of one page: a chunk's fingerprints.
pub const PAGE_BYTES: usize = SLOTS * BYTES;

/// 256 fingerprints in memory of their own.
pub type Page = Block<[Fingerprint; SLOTS]>;

static PAGES: Arenas<[Fingerprint; SLOTS]> = Arenas::new();

// SAFETY: a fingerprint is its words, 1,280 bytes aligned to 64, and any are one. The arenas are for pages alone.
unsafe impl InArenas for [Fingerprint; SLOTS] {
    fn arenas() -> &'static Arenas<Self> {
        &PAGES
    }
}

/// A chunk's fingerprints: in memory, or in a mapped checkpoint.
#[derive(Clone)]
pub enum Fingerprints {
    /// All 256 slots, by slot.
    Owned(Arc<Page>),
    /// The rows of a checkpoint, or of nothing yet, one for each slot in `slots`, in slot order.
    Mapped {
        /// Rows × 1,280 bytes, aligned to 64.
        rows: Buffer,
        /// The slots that have a row; the others are zero.
        slots: SlotSet,
    },
}

/// What an unused slot of a mapped chunk holds.
static ZERO: Fingerprint = Fingerprint::ZERO;

impl Fingerprints {
    /// Zero fingerprints: rows of nothing, which take no memory until one is written.
    pub fn zeroed() -> Self {
        Self::Mapped {
            rows: Buffer::default(),
            slots: SlotSet::EMPTY,
        }
    }

    /// The rows of a checkpoint; `None` if the buffer does not fit the slots or is not aligned.
    pub fn mapped(rows: Buffer, slots: SlotSet) -> Option<Self> {
        let aligned = (rows.as_ptr() as usize).is_multiple_of(align_of::<Fingerprint>());
        (aligned && rows.len() == slots.len() * BYTES).then_some(Self::Mapped { rows, slots })
    }

    /// The fingerprint in `slot`.
    pub fn get(&self, slot: u8) -> &Fingerprint {
        match self {
            Self::Owned(page) => &page[slot as usize],
            Self::Mapped { rows, slots } if slots.contains(slot) => {
                // SAFETY: `mapped` checked alignment and that the buffer has a row for every slot
                // of the set; any bits are a valid fingerprint.
                unsafe { &*rows.as_ptr().cast::<Fingerprint>().add(slots.rank(slot)) }
            }
            Self::Mapped { .. } => &ZERO,
        }
    }

    /// The fingerprint in `slot`, to be changed: copies first what somebody shares or what is mapped.
    pub fn get_mut(&mut self, slot: u8) -> &mut Fingerprint {
        if let Self::Mapped { slots, .. } = self {
            let mut page = Page::zeroed();
            for slot in slots.iter() {
                page[slot as usize] = self.get(slot).clone();
            }
            *self = Self::Owned(Arc::new(page));
        }
        match self {
            Self::Owned(page) => &mut Arc::make_mut(page)[slot as usize],
            Self::Mapped { .. } => unreachable!("a mapped chunk was just copied"),
        }
    }

    /// The fingerprints as an Arrow buffer over the same memory, which it keeps alive, and the slots
    /// that its rows belong to.
    pub fn buffer(&self) -> (Buffer, SlotSet) {
        match self {
            Self::Owned(page) => {
                let owner = Arc::clone(page);
                let rows: &[Fingerprint; SLOTS] = page;
                let bytes = NonNull::from(rows).cast();
                // SAFETY: the page is PAGE_BYTES of initialised memory that the `Arc` keeps alive,
                // and a shared page is never written.
                let buffer = unsafe { Buffer::from_custom_allocation(bytes, PAGE_BYTES, owner) };
                (buffer, SlotSet::ALL)
            }
            Self::Mapped { rows, slots } => (rows.clone(), *slots),
        }
    }

    /// Where the fingerprints lie and how many bytes of memory they take: none while they are mapped.
    pub(super) fn piece(&self) -> Piece {
        match self {
            Self::Owned(page) => Piece::of(page, PAGE_BYTES),
            Self::Mapped { .. } => Piece::NONE,
        }
    }

    /// The words of the rows one after the other, and the slots that they belong to.
    pub fn rows(&self) -> (&[u64], SlotSet) {
        match self {
            Self::Owned(page) => {
                // SAFETY: a page is 256 fingerprints one after the other, and a fingerprint is its words
                // without padding; the borrow of the page bounds the slice.
                let words =
                    unsafe { std::slice::from_raw_parts(page.as_ptr().cast(), SLOTS * WORDS) };
                (words, SlotSet::ALL)
            }
            Self::Mapped { rows, slots } => (rows.typed_data(), *slots),
        }
    }

    /// Whether none was ever written.
    pub(super) fn is_unwritten(&self) -> bool {
        matches!(self, Self::Mapped { slots, .. } if slots.is_empty())
    }

    /// Whether both are the same memory.
    pub(super) fn shares_memory(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Owned(page), Self::Owned(other)) if Arc::ptr_eq(page, other))
    }

    /// Whether the fingerprints still lie in a mapped checkpoint.
    pub fn is_mapped(&self) -> bool {
        matches!(self, Self::Mapped { .. }) && !self.is_unwritten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(fingerprint: &mut Fingerprint, value: u64) {
        fingerprint.words_mut()[3] = value;
    }

    #[test]
    fn pages_are_zero_aligned_and_copied_on_write() {
        for round in 0..3u64 {
            let mut pages: Vec<_> = (0..40).map(|_| Fingerprints::zeroed()).collect();
            for (i, page) in pages.iter_mut().enumerate() {
                assert_eq!(page.get(9), &Fingerprint::ZERO, "round {round}");
                let snapshot = page.clone();
                mark(page.get_mut(9), i as u64 + 1);
                assert_eq!(snapshot.get(9), &Fingerprint::ZERO);
                assert_eq!(page.get(9).words()[3], i as u64 + 1);
                assert!((page.buffer().0.as_ptr() as usize).is_multiple_of(64));
            }
        }
    }

    #[test]
    fn a_mapped_chunk_reads_its_rows_and_becomes_owned_when_written() {
        let slots: SlotSet = [3, 64, 200].into_iter().collect();
        let mut source = Fingerprints::zeroed();
        for slot in 0..3 {
            mark(source.get_mut(slot), 100 + slot as u64);
        }
        let rows = source.buffer().0.slice_with_length(0, 3 * BYTES);
        let mut mapped = Fingerprints::mapped(rows.clone(), slots).expect("aligned rows");
        assert!(Fingerprints::mapped(rows.slice(BYTES), slots).is_none());
        assert_eq!(mapped.get(64).words()[3], 101);
        assert_eq!(mapped.get(65), &Fingerprint::ZERO);
        mark(mapped.get_mut(65), 7);
        assert!(!mapped.is_mapped());
        let marks = [3, 64, 65, 200].map(|slot| mapped.get(slot).words()[3]);
        assert_eq!(marks, [100, 101, 7, 102]);
    }
}
