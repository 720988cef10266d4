//! The edge lists of one prefix in one direction: a packed base and a small overlay over it.
//!
//! Both are sorted by [`Key`] (slot, verb, other end, id). An overlay entry stands before the base
//! entry of the same key, so that reading is one merge of two sorted runs and its order depends
//! only on the edges there are, not on when the overlay was last merged into the base.

use std::ops::Range;
use std::sync::Arc;

use crate::space::address::{Address, SLOTS};
use crate::space::column::SlotSet;
use crate::space::retained::Piece;

use super::packed::PackedIntegers;

/// Overlay entries a chunk holds at least before it merges them: what a small chunk rewrites at
/// once, and what the first write under a held snapshot copies.
pub(super) const OVERLAY_ENTRIES_MIN: usize = 128;
/// Past that the bound is this times the square root of the base's length: inserting `n` edges
/// rewrites about n·√n/6 entries in all, and the overlay, which a held snapshot makes a writer
/// copy, is a hundredth of a large base.
pub(super) const OVERLAY_ROOT_FACTOR: usize = 4;

/// A place in the order of a chunk's edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Slot, verb and other end from high bits to low, so that integers compare as lists do.
    place: u32,
    id: u64,
}

impl Key {
    pub(super) fn new(slot: u8, verb: u8, other: Address, id: u64) -> Self {
        Self {
            place: place(slot, verb, other.0),
            id,
        }
    }

    pub(super) fn slot(self) -> u8 {
        (self.place >> 24) as u8
    }

    pub(super) fn verb(self) -> u8 {
        (self.place >> 16) as u8
    }

    pub(super) fn other(self) -> Address {
        Address(self.place as u16)
    }

    pub(super) fn id(self) -> u64 {
        self.id
    }
}

fn place(slot: u8, verb: u8, other: u16) -> u32 {
    u32::from(slot) << 24 | u32::from(verb) << 16 | u32::from(other)
}

/// Which edges of one slot are meant: the first and the last place.
#[derive(Clone, Copy)]
pub(super) struct Span {
    first: u32,
    last: u32,
}

impl Span {
    /// Every edge of `slot`, or those of one verb.
    pub(super) fn of(slot: u8, verb: Option<u8>) -> Self {
        let (low, high) = verb.map_or((0, u8::MAX), |verb| (verb, verb));
        Self {
            first: place(slot, low, 0),
            last: place(slot, high, u16::MAX),
        }
    }

    /// The parallel edges of one verb between `slot` and `other`.
    pub(super) fn parallel(slot: u8, verb: u8, other: Address) -> Self {
        let place = place(slot, verb, other.0);
        Self {
            first: place,
            last: place,
        }
    }

    /// Whether no edge of the slot is left out, if their verbs are in this range.
    fn covers(self, (least, greatest): (u8, u8)) -> bool {
        let slot = (self.first >> 24) as u8;
        self.first <= place(slot, least, 0) && self.last >= place(slot, greatest, u16::MAX)
    }

    fn slot(self) -> usize {
        (self.first >> 24) as usize
    }
}

/// How an overlay entry relates to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The base does not have it.
    Added,
    /// The base has it with another payload.
    Replaced,
    /// The base has it, and it is gone.
    Removed,
}

/// One overlay entry; key and state side by side, so that an incoming one takes 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Entry<P> {
    place: u32,
    id: u64,
    state: State,
    payload: P,
}

impl<P> Entry<P> {
    fn new(key: Key, state: State, payload: P) -> Self {
        Self {
            place: key.place,
            id: key.id,
            state,
            payload,
        }
    }

    fn key(&self) -> Key {
        Key {
            place: self.place,
            id: self.id,
        }
    }
}

/// Compressed sparse rows: immutable, shared by snapshots, replaced by a merge.
#[derive(Debug)]
struct Base<P> {
    /// 257 of them: slot `s` has the entries `offsets[s]..offsets[s + 1]`.
    offsets: PackedIntegers,
    /// The least and the greatest verb.
    verb_range: (u8, u8),
    verbs: Box<[u8]>,
    others: Box<[Address]>,
    ids: PackedIntegers,
    payloads: Box<[P]>,
}

impl<P: Copy> Base<P> {
    /// Packs `count` entries that come in the order of their keys.
    fn from_sorted(count: usize, entries: impl Iterator<Item = (Key, P)>) -> Self {
        let mut lengths = [0u64; SLOTS];
        let mut verbs = Vec::with_capacity(count);
        let mut others = Vec::with_capacity(count);
        let mut ids = Vec::with_capacity(count);
        let mut payloads = Vec::with_capacity(count);
        for (key, payload) in entries {
            lengths[usize::from(key.slot())] += 1;
            verbs.push(key.verb());
            others.push(key.other());
            ids.push(key.id);
            payloads.push(payload);
        }
        let mut offsets = [0; SLOTS + 1];
        for slot in 0..SLOTS {
            offsets[slot + 1] = offsets[slot] + lengths[slot];
        }
        Self {
            offsets: PackedIntegers::new(&offsets),
            verb_range: verbs.iter().fold((u8::MAX, 0), |(least, greatest), verb| {
                (least.min(*verb), greatest.max(*verb))
            }),
            verbs: verbs.into(),
            others: others.into(),
            ids: PackedIntegers::new(&ids),
            payloads: payloads.into(),
        }
    }

    fn len(&self) -> usize {
        self.verbs.len()
    }

    /// The entries of a slot.
    fn row(&self, slot: usize) -> Range<usize> {
        self.offsets.get(slot) as usize..self.offsets.get(slot + 1) as usize
    }

    fn place(&self, slot: usize, index: usize) -> u32 {
        (slot as u32) << 24 | u32::from(self.verbs[index]) << 16 | u32::from(self.others[index].0)
    }

    fn key(&self, slot: usize, index: usize) -> Key {
        Key {
            place: self.place(slot, index),
            id: self.ids.get(index),
        }
    }

    fn span(&self, span: Span) -> Range<usize> {
        let slot = span.slot();
        let row = self.row(slot);
        if row.is_empty() || span.covers(self.verb_range) {
            return row;
        }
        // Often all of a slot's are meant: then two looks tell.
        let start = match self.place(slot, row.start) < span.first {
            true => partition_point(row.clone(), |index| self.place(slot, index) < span.first),
            false => row.start,
        };
        let end = match self.place(slot, row.end - 1) > span.last {
            true => partition_point(start..row.end, |index| self.place(slot, index) <= span.last),
            false => row.end,
        };
        start..end
    }

    fn position(&self, key: Key) -> Option<usize> {
        let slot = usize::from(key.slot());
        let row = self.row(slot);
        let index = partition_point(row.clone(), |index| self.key(slot, index) < key);
        (index < row.end && self.key(slot, index) == key).then_some(index)
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.offsets.heap_bytes()
            + self.verbs.len()
            + size_of_val(&*self.others)
            + self.ids.heap_bytes()
            + size_of_val(&*self.payloads)
    }
}

impl<P> Default for Base<P> {
    fn default() -> Self {
        Self {
            offsets: PackedIntegers::default(),
            verb_range: (u8::MAX, 0),
            verbs: Box::default(),
            others: Box::default(),
            ids: PackedIntegers::default(),
            payloads: Box::default(),
        }
    }
}

/// The first index of the range for which `before` is false, where it is true up to some index
/// and false from there on.
fn partition_point(mut range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    while !range.is_empty() {
        let middle = range.start + range.len() / 2;
        if before(middle) {
            range.start = middle + 1;
        } else {
            range.end = middle;
        }
    }
    range.start
}

/// The edges of 256 slots in one direction, each with a payload.
///
/// A clone shares the base and copies the overlay.
#[derive(Clone, Debug)]
pub(super) struct Chunk<P> {
    base: Arc<Base<P>>,
    overlay: Vec<Entry<P>>,
    /// The slots that may have something in the overlay.
    overlaid: SlotSet,
    len: usize,
}

impl<P> Default for Chunk<P> {
    fn default() -> Self {
        Self {
            base: Arc::default(),
            overlay: Vec::new(),
            overlaid: SlotSet::EMPTY,
            len: 0,
        }
    }
}

impl<P: Copy> Chunk<P> {
    /// A chunk of the entries given in any order, with nothing in the overlay.
    pub(super) fn from_entries(mut entries: Vec<(Key, P)>) -> Self {
        entries.sort_unstable_by_key(|&(key, _)| key);
        let len = entries.len();
        Self {
            base: Arc::new(Base::from_sorted(len, entries.into_iter())),
            overlay: Vec::new(),
            overlaid: SlotSet::EMPTY,
            len,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The payload of an edge.
    pub(super) fn get(&self, key: Key) -> Option<P> {
        match self.search(key) {
            Ok(at) => {
                let entry = &self.overlay[at];
                (entry.state != State::Removed).then_some(entry.payload)
            }
            Err(_) => self
                .base
                .position(key)
                .map(|index| self.base.payloads[index]),
        }
    }

    /// Adds an edge that is not there: the graph's directory has made sure of that.
    pub(super) fn insert(&mut self, key: Key, payload: P) {
        debug_assert!(self.get(key).is_none(), "an edge is inserted once");
        self.overlaid.set(key.slot(), true);
        match self.search(key) {
            Ok(at) => self.overlay[at] = Entry::new(key, State::Replaced, payload),
            Err(at) => self
                .overlay
                .insert(at, Entry::new(key, State::Added, payload)),
        }
        self.len += 1;
        self.merge_if_full();
    }

    /// Takes an edge out and returns its payload.
    pub(super) fn remove(&mut self, key: Key) -> Option<P> {
        let payload = match self.search(key) {
            Ok(at) => {
                let entry = &mut self.overlay[at];
                let payload = entry.payload;
                match entry.state {
                    State::Removed => return None,
                    State::Replaced => entry.state = State::Removed,
                    State::Added => drop(self.overlay.remove(at)),
                }
                payload
            }
            Err(at) => {
                let payload = self.base.payloads[self.base.position(key)?];
                self.overlaid.set(key.slot(), true);
                self.overlay
                    .insert(at, Entry::new(key, State::Removed, payload));
                payload
            }
        };
        self.len -= 1;
        self.merge_if_full();
        Some(payload)
    }

    /// Gives an edge that is there another payload.
    pub(super) fn replace(&mut self, key: Key, payload: P) {
        debug_assert!(
            self.get(key).is_some(),
            "only what is there can be replaced"
        );
        match self.search(key) {
            Ok(at) => self.overlay[at].payload = payload,
            Err(at) => {
                self.overlaid.set(key.slot(), true);
                self.overlay
                    .insert(at, Entry::new(key, State::Replaced, payload));
                self.merge_if_full();
            }
        }
    }

    /// The edges of a span in the order of their keys.
    pub(super) fn entries(&self, span: Span) -> Entries<'_, P> {
        let range = self.base.span(span);
        Entries {
            base: &self.base,
            slot: span.slot(),
            row_end: range.end,
            range,
            overlay: self.overlay_of(span),
        }
    }

    /// The other ends of the edges of a span in the order of their keys: in place where the base has all of them, else
    /// gathered in `buffer`.
    pub(super) fn others<'a>(&'a self, span: Span, buffer: &'a mut Vec<Address>) -> &'a [Address] {
        if self.overlay_of(span).is_empty() {
            return &self.base.others[self.base.span(span)];
        }
        buffer.clear();
        buffer.extend(self.entries(span).map(|(key, _)| key.other()));
        buffer
    }

    /// All edges in the order of their keys.
    pub(super) fn iter(&self) -> Entries<'_, P> {
        Entries {
            base: &self.base,
            slot: 0,
            row_end: self.base.row(0).end,
            range: 0..self.base.len(),
            overlay: &self.overlay,
        }
    }

    /// How many edges a slot has, without walking them.
    pub(super) fn degree(&self, slot: u8) -> usize {
        let in_base = self.base.row(usize::from(slot)).len();
        self.overlay_of(Span::of(slot, None))
            .iter()
            .fold(in_base, |degree, entry| match entry.state {
                State::Added => degree + 1,
                State::Replaced => degree,
                State::Removed => degree - 1,
            })
    }

    /// Where the base lies, which copies of the chunk share, and how many bytes it takes.
    pub(super) fn base_piece(&self) -> Piece {
        Piece::of(&self.base, self.base.heap_bytes())
    }

    /// Bytes of the overlay on the heap.
    pub(super) fn overlay_bytes(&self) -> usize {
        self.overlay.capacity() * size_of::<Entry<P>>()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.base.heap_bytes() + self.overlay_bytes()
    }

    fn search(&self, key: Key) -> Result<usize, usize> {
        self.overlay.binary_search_by_key(&key, Entry::key)
    }

    fn overlay_of(&self, span: Span) -> &[Entry<P>] {
        if !self.overlaid.contains(span.slot() as u8) {
            return &[];
        }
        let start = self
            .overlay
            .partition_point(|entry| entry.place < span.first);
        let rest = &self.overlay[start..];
        &rest[..rest.partition_point(|entry| entry.place <= span.last)]
    }

    fn merge_if_full(&mut self) {
        let bound = OVERLAY_ENTRIES_MIN.max(OVERLAY_ROOT_FACTOR * self.base.len().isqrt());
        if self.overlay.len() > bound {
            self.base = Arc::new(Base::from_sorted(self.len, self.iter()));
            self.overlay.clear();
            self.overlaid = SlotSet::EMPTY;
        }
    }
}

/// A run of the base and one of the overlay, merged.
pub(super) struct Entries<'a, P> {
    base: &'a Base<P>,
    /// The slot whose row `range` starts in.
    slot: usize,
    /// Where that row, or what is wanted of it, ends.
    row_end: usize,
    range: Range<usize>,
    overlay: &'a [Entry<P>],
}

impl<P: Copy> Entries<'_, P> {
    /// The next key of the base's run.
    fn peek_base(&mut self) -> Option<Key> {
        if self.range.is_empty() {
            return None;
        }
        while self.range.start == self.row_end {
            self.slot += 1;
            self.row_end = self.base.row(self.slot).end;
        }
        Some(self.base.key(self.slot, self.range.start))
    }
}

impl<P: Copy> Iterator for Entries<'_, P> {
    type Item = (Key, P);

    fn next(&mut self) -> Option<(Key, P)> {
        loop {
            match (self.peek_base(), self.overlay.split_first()) {
                (Some(key), first) if first.is_none_or(|(entry, _)| key < entry.key()) => {
                    let payload = self.base.payloads[self.range.start];
                    self.range.start += 1;
                    return Some((key, payload));
                }
                (in_base, Some((entry, rest))) => {
                    self.overlay = rest;
                    if in_base == Some(entry.key()) {
                        self.range.start += 1;
                    }
                    if entry.state != State::Removed {
                        return Some((entry.key(), entry.payload));
                    }
                }
                (_, None) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(slot: u8, id: u64) -> Key {
        Key::new(slot, 3, Address(0x8000), id)
    }

    #[test]
    fn a_chunk_merges_at_its_bound_and_reads_the_same() {
        let mut chunk = Chunk::<()>::default();
        let mut merges = 0;
        for id in 0..10_000 {
            let before = chunk.overlay.len();
            chunk.insert(key((id * 7) as u8, id), ());
            merges += usize::from(chunk.overlay.len() < before);
        }
        assert!((20..200).contains(&merges), "{merges} merges");
        assert!(chunk.overlay.len() <= OVERLAY_ROOT_FACTOR * 100);
        assert!(chunk.iter().is_sorted_by(|left, right| left.0 < right.0));
        assert_eq!(chunk.iter().count(), 10_000);
        assert_eq!(
            (0..=255).map(|slot| chunk.degree(slot)).sum::<usize>(),
            10_000
        );
    }

    #[test]
    fn what_is_removed_from_the_base_can_come_back() {
        let mut chunk = Chunk::from_entries(vec![(key(1, 5), 'a'), (key(1, 4), 'b')]);
        assert_eq!(chunk.remove(key(1, 5)), Some('a'));
        assert_eq!(chunk.remove(key(1, 5)), None);
        assert_eq!((chunk.get(key(1, 5)), chunk.degree(1)), (None, 1));
        chunk.insert(key(1, 5), 'c');
        assert_eq!((chunk.get(key(1, 5)), chunk.degree(1)), (Some('c'), 2));
        assert_eq!(chunk.remove(key(1, 5)), Some('c'));
        assert_eq!(chunk.remove(key(1, 4)), Some('b'));
        assert!(chunk.is_empty() && chunk.iter().next().is_none());
    }
}
