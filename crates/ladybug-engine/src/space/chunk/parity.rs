//! A chunk's checksums and parity at work: which of its fingerprints are not as they were written, and
//! bringing those back.
//!
//! Nothing counts as brought back whose recorded checksum does not hold. What follows from content needs no
//! parity: it is marked pending, and whoever encodes it puts the same bits back.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Chunk, Source};
use crate::fingerprint::{Fingerprint, sketch};
use crate::space::column::SlotSet;

/// What is known of a parity row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParityRow {
    /// It is that of the fingerprints as they were written.
    Holds,
    /// Every fingerprint is whole, and it is not their ⊕.
    Damaged,
    /// Fingerprints are damaged, and it does not lead back to them.
    Unknown,
}

/// What brings a damaged part back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The parity row and the other fingerprints of the chunk.
    Parity,
    /// Encoding it anew from what it follows from: content, or the ends of an edge.
    Encoding,
    /// Nothing needs it: a free slot, or one that is to be encoded anyway.
    Clearing,
    /// Computing it anew from whole fingerprints: a sketch, or the parity row.
    Computing,
    /// Nothing: more than one fingerprint of the chunk is lost.
    Nothing,
}

/// What of a chunk is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Slots whose fingerprint does not match its checksum.
    pub fingerprints: SlotSet,
    /// Slots whose fingerprint is whole and whose sketch is another's.
    pub sketches: SlotSet,
    /// The parity row.
    pub parity: ParityRow,
}

impl Findings {
    /// Whether everything is as it was written.
    pub fn is_clean(&self) -> bool {
        self.fingerprints.is_empty() && self.sketches.is_empty() && self.parity == ParityRow::Holds
    }
}

/// What [`Chunk::repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Slots that were repaired, and how. Those of [`Remedy::Encoding`] are pending now.
    pub slots: Vec<(u8, Remedy)>,
    /// Whether the parity row was computed anew.
    pub parity: bool,
    /// Slots whose fingerprint nothing brings back.
    pub lost: SlotSet,
    /// Whether more can be done once what is pending has been encoded.
    pub is_unfinished: bool,
}

impl Chunk {
    /// Whether a slot's fingerprint does not match its checksum.
    pub fn is_damaged(&self, slot: u8) -> bool {
        self.fingerprint(slot).checksum() != self.checksum(slot)
    }

    /// The slots whose fingerprint does not match its checksum.
    pub fn damaged(&self) -> SlotSet {
        SlotSet::ALL.filter(|slot| self.is_damaged(slot))
    }

    /// The ⊕ of the fingerprints that are there.
    fn sum(&self) -> Fingerprint {
        let mut sum = Fingerprint::ZERO;
        (0..=255).for_each(|slot| sum.xor_assign(self.fingerprint(slot)));
        sum
    }

    /// Whether the parity row is the ⊕ of the fingerprints that are there.
    pub fn parity_holds(&self) -> bool {
        self.sum() == *self.parity
    }

    /// The fingerprint that parity and the other slots say `slot` had, if it matches the slot's checksum.
    pub(super) fn rebuilt(&self, slot: u8) -> Option<Fingerprint> {
        let mut rebuilt = self.sum();
        rebuilt.xor_assign(self.fingerprint(slot));
        rebuilt.xor_assign(&self.parity);
        (rebuilt.checksum() == self.checksum(slot)).then_some(rebuilt)
    }

    /// The fingerprint bytes of a slot, pending or not, as they were written: those that are there or, if they
    /// are damaged, those that parity leads to. `None` if they are lost.
    pub fn whole(&self, slot: u8) -> Option<Cow<'_, Fingerprint>> {
        match self.is_damaged(slot) {
            false => Some(Cow::Borrowed(self.fingerprint(slot))),
            true => self.rebuilt(slot).map(Cow::Owned),
        }
    }

    /// Looks at every byte of fingerprints, sketches and parity.
    pub fn examine(&self) -> Findings {
        let fingerprints = self.damaged();
        let mut slots = fingerprints.iter();
        let parity = match (slots.next(), slots.next()) {
            (None, _) if self.parity_holds() => ParityRow::Holds,
            (None, _) => ParityRow::Damaged,
            (Some(slot), None) if self.rebuilt(slot).is_some() => ParityRow::Holds,
            _ => ParityRow::Unknown,
        };
        Findings {
            fingerprints,
            sketches: self.stray_sketches(&fingerprints),
            parity,
        }
    }

    fn stray_sketches(&self, damaged: &SlotSet) -> SlotSet {
        let is_stray = |slot| sketch(self.fingerprint(slot)) != self.sketches.get(slot);
        SlotSet::ALL.without(damaged).filter(is_stray)
    }

    /// Whether a slot's fingerprint means nothing: it is free, or to be encoded before it is read.
    fn is_meaningless(&self, slot: u8) -> bool {
        !self.occupied.contains(slot) || self.pending.contains(slot)
    }

    fn is_derived(&self, slot: u8) -> bool {
        Source::of_code(*self.source.get(slot)).is_some_and(Source::is_derived)
    }

    /// What brings back the damaged fingerprint of a slot, if nothing changes meanwhile.
    pub fn remedy(&self, slot: u8, found: &Findings) -> Remedy {
        let is_encoded = |slot| !self.is_meaningless(slot) && self.is_derived(slot);
        let mut others = found.fingerprints;
        others.set(slot, false);
        if found.parity == ParityRow::Holds {
            Remedy::Parity
        } else if self.is_meaningless(slot) {
            Remedy::Clearing
        } else if is_encoded(slot) {
            Remedy::Encoding
        } else if !others.is_empty() && others.iter().all(is_encoded) {
            Remedy::Parity
        } else {
            Remedy::Nothing
        }
    }

    /// Rebuilds a slot's damaged fingerprint from parity; false, with nothing changed, if the result does
    /// not match the slot's checksum either.
    pub fn mend(&mut self, slot: u8) -> bool {
        let Some(fingerprint) = self.rebuilt(slot) else {
            return false;
        };
        // The parity already is that of the right bits.
        self.sketches.set(slot, sketch(&fingerprint));
        *self.fingerprints.get_mut(slot) = fingerprint;
        true
    }

    /// Takes a slot's fingerprint over from another chunk, as it was written there. One that is lost is still
    /// known to be.
    pub fn take_fingerprint(&mut self, slot: u8, from: &Self, from_slot: u8) {
        let whole = from.whole(from_slot);
        let there = from.fingerprint(from_slot);
        self.set_fingerprint(slot, whole.as_deref().unwrap_or(there));
        if whole.is_none() {
            *self.checksums.get_mut(slot) = from.checksum(from_slot);
        }
    }

    /// Repairs what can be. What follows from content is marked pending where parity does not reach it; when
    /// that has been encoded and `is_unfinished`, another call does the rest.
    pub fn repair(&mut self) -> Repair {
        let mut repair = Repair::default();
        let mut damaged = self.damaged();
        let first = damaged.iter().next();
        if let (Some(slot), 1) = (first, damaged.len())
            && self.mend(slot)
        {
            repair.slots.push((slot, Remedy::Parity));
            damaged = SlotSet::EMPTY;
        }
        let encoded = damaged.filter(|slot| !self.is_meaningless(slot) && self.is_derived(slot));
        if !encoded.is_empty() {
            encoded.iter().for_each(|slot| self.pending.set(slot, true));
            let marked = encoded.iter().map(|slot| (slot, Remedy::Encoding));
            repair.slots.extend(marked);
            repair.is_unfinished = true;
            return repair;
        }
        repair.lost = damaged.filter(|slot| !self.is_meaningless(slot));
        if repair.lost.is_empty() {
            for slot in damaged.iter() {
                *self.fingerprints.get_mut(slot) = Fingerprint::ZERO;
                self.sketches.set(slot, sketch(&Fingerprint::ZERO));
                *self.checksums.get_mut(slot) = Fingerprint::ZERO.checksum();
                repair.slots.push((slot, Remedy::Clearing));
            }
            repair.parity = self.recompute_parity();
            damaged = SlotSet::EMPTY;
        }
        for slot in self.stray_sketches(&damaged).iter() {
            self.sketches.set(slot, sketch(self.fingerprint(slot)));
            repair.slots.push((slot, Remedy::Computing));
        }
        repair
    }

    /// Makes the parity row the ⊕ of the fingerprints, which are whole; false if it is.
    pub fn recompute_parity(&mut self) -> bool {
        let sum = self.sum();
        let differs = sum != *self.parity;
        if differs {
            self.parity = Arc::new(sum);
        }
        differs
    }

    /// Flips a bit of a fingerprint where it lies, as a fault of the memory does, with nothing else changed.
    #[cfg(test)]
    pub fn flip_fingerprint_bit(&mut self, slot: u8, bit: usize) {
        self.fingerprints.get_mut(slot).words_mut()[bit / 64] ^= 1 << (bit % 64);
    }

    /// Flips a bit of a sketch, of a checksum and of the parity row: the other things that are kept.
    #[cfg(test)]
    pub fn flip_kept_bit(&mut self, part: KeptPart, bit: usize) {
        match part {
            KeptPart::Sketch(slot) => {
                let mut sketch = self.sketches.get(slot);
                sketch.as_flattened_mut()[bit / 64] ^= 1 << (bit % 64);
                self.sketches.set(slot, sketch);
            }
            KeptPart::Checksum(slot) => *self.checksums.get_mut(slot) ^= 1 << bit,
            KeptPart::Parity => {
                Arc::make_mut(&mut self.parity).words_mut()[bit / 64] ^= 1 << (bit % 64);
            }
        }
    }
}

/// What [`Chunk::flip_kept_bit`] damages.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub enum KeptPart {
    /// The sketch of a slot.
    Sketch(u8),
    /// The checksum of a slot.
    Checksum(u8),
    /// The parity row.
    Parity,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A chunk of 40 slots in turn given, derived, pending and free, each with bits of its own.
    fn chunk() -> Chunk {
        let mut chunk = Chunk::default();
        for slot in 0..40 {
            chunk.set_fingerprint(slot, &Fingerprint::random(slot.into()));
            chunk.occupied.set(slot, slot % 4 != 3);
            let source = if slot % 4 == 0 {
                Source::Given
            } else {
                Source::Content
            };
            chunk.source.set(slot, source as u8);
            chunk.pending.set(slot, slot % 4 == 2);
        }
        chunk
    }

    /// What the encoder does for whoever reads: puts back what follows from content.
    fn encode(chunk: &mut Chunk) {
        for slot in chunk.pending.iter().filter(|slot| slot % 4 == 1) {
            chunk.set_fingerprint(slot, &Fingerprint::random(slot.into()));
        }
    }

    fn repair(chunk: &mut Chunk) -> Repair {
        let first = chunk.repair();
        if !first.is_unfinished {
            return first;
        }
        encode(chunk);
        let mut second = chunk.repair();
        assert!(!second.is_unfinished);
        second.slots.splice(0..0, first.slots);
        second
    }

    fn is_original(chunk: &Chunk, slot: u8) -> bool {
        *chunk.fingerprint(slot) == Fingerprint::random(slot.into())
    }

    #[test]
    fn one_damaged_fingerprint_comes_back_whatever_it_is() {
        for slot in 0..40 {
            let mut damaged = chunk();
            damaged.flip_fingerprint_bit(slot, 77);
            let found = damaged.examine();
            assert_eq!(found.fingerprints, [slot].into_iter().collect());
            assert_eq!(found.parity, ParityRow::Holds);
            assert_eq!(damaged.remedy(slot, &found), Remedy::Parity);
            let whole = damaged.whole(slot).map(Cow::into_owned);
            assert_eq!(whole, Some(Fingerprint::random(slot.into())));
            assert_eq!(damaged.repair().slots, [(slot, Remedy::Parity)]);
            assert!(damaged.examine().is_clean() && is_original(&damaged, slot));
        }
    }

    #[test]
    fn of_two_damaged_fingerprints_what_can_be_encoded_comes_back_and_so_the_other() {
        let mut damaged = chunk();
        damaged.flip_fingerprint_bit(0, 5);
        damaged.flip_fingerprint_bit(1, 5);
        let found = damaged.examine();
        let remedies = [0, 1].map(|slot| damaged.remedy(slot, &found));
        assert_eq!(remedies, [Remedy::Parity, Remedy::Encoding]);
        let done = repair(&mut damaged);
        assert_eq!(done.slots, [(1, Remedy::Encoding), (0, Remedy::Parity)]);
        assert!(
            damaged.examine().is_clean() && is_original(&damaged, 0) && is_original(&damaged, 1)
        );
    }

    #[test]
    fn two_given_fingerprints_are_lost_and_nothing_is_taken_for_them() {
        let mut damaged = chunk();
        // The same bit of both, so that the parity row holds for what is there.
        damaged.flip_fingerprint_bit(0, 5);
        damaged.flip_fingerprint_bit(4, 5);
        let before = damaged.examine();
        assert_eq!(before.parity, ParityRow::Unknown);
        let done = damaged.repair();
        assert_eq!(
            (done.slots.len(), done.lost.len(), done.parity),
            (0, 2, false)
        );
        assert_eq!(damaged.examine(), before, "nothing was changed");
        assert_eq!(damaged.whole(0), None);
        // Written anew, one after the other.
        damaged.set_fingerprint(0, &Fingerprint::random(0));
        damaged.set_fingerprint(4, &Fingerprint::random(1_004));
        damaged.repair();
        assert!(damaged.examine().is_clean());
    }

    #[test]
    fn a_write_over_a_damaged_fingerprint_leaves_the_parity_right() {
        let mut damaged = chunk();
        damaged.flip_fingerprint_bit(0, 5);
        damaged.set_fingerprint(0, &Fingerprint::random(99));
        assert!(damaged.examine().is_clean());
        // The same bits again are no write, unless they come over damage.
        damaged.flip_fingerprint_bit(0, 5);
        damaged.set_fingerprint(0, &Fingerprint::random(99));
        assert!(damaged.examine().is_clean());
    }

    #[test]
    fn a_fingerprint_moves_as_it_was_written_and_a_lost_one_stays_known_as_lost() {
        let mut damaged = chunk();
        damaged.flip_fingerprint_bit(0, 5);
        let mut target = chunk();
        target.take_fingerprint(7, &damaged, 0);
        assert_eq!(*target.fingerprint(7), Fingerprint::random(0));
        assert!(target.examine().is_clean());
        damaged.flip_fingerprint_bit(4, 6);
        target.take_fingerprint(8, &damaged, 0);
        assert_eq!(target.examine().fingerprints, [8].into_iter().collect());
        assert_eq!(target.repair().lost, [8].into_iter().collect());
    }

    #[test]
    fn the_parity_row_and_sketches_are_computed_anew() {
        let mut damaged = chunk();
        damaged.flip_kept_bit(KeptPart::Parity, 3);
        damaged.flip_kept_bit(KeptPart::Sketch(8), 9);
        damaged.flip_kept_bit(KeptPart::Sketch(9), 511);
        let found = damaged.examine();
        assert_eq!(found.parity, ParityRow::Damaged);
        assert_eq!(found.sketches, [8, 9].into_iter().collect());
        let done = damaged.repair();
        assert_eq!(
            (done.slots, done.parity),
            (vec![(8, Remedy::Computing), (9, Remedy::Computing)], true)
        );
        assert!(damaged.examine().is_clean());
    }

    #[test]
    fn a_damaged_parity_row_rebuilds_nothing_wrong() {
        let mut damaged = chunk();
        damaged.flip_kept_bit(KeptPart::Parity, 3);
        damaged.flip_fingerprint_bit(0, 5);
        let found = damaged.examine();
        assert_eq!(damaged.remedy(0, &found), Remedy::Nothing);
        assert_eq!(damaged.repair().lost, [0].into_iter().collect());
        assert_eq!(damaged.examine(), found);
    }

    #[test]
    fn a_damaged_checksum_is_encoded_away_or_named() {
        let mut damaged = chunk();
        damaged.flip_kept_bit(KeptPart::Checksum(1), 3);
        assert_eq!(repair(&mut damaged).slots, [(1, Remedy::Encoding)]);
        assert!(damaged.examine().is_clean());
        damaged.flip_kept_bit(KeptPart::Checksum(0), 3);
        assert_eq!(repair(&mut damaged).lost, [0].into_iter().collect());
    }

    proptest! {
        #[test]
        fn whatever_is_damaged_is_repaired_or_named_and_never_wrong(
            flips in prop::collection::vec((0..40u8, 0..10_240usize), 0..6),
            others in prop::collection::vec((0..40u8, 0..64usize), 0..3),
            parity in prop::option::weighted(0.2, 0..10_240usize),
        ) {
            let mut damaged = chunk();
            flips.iter().for_each(|&(slot, bit)| damaged.flip_fingerprint_bit(slot, bit));
            for (slot, bit) in others {
                damaged.flip_kept_bit(KeptPart::Sketch(slot), bit * 8);
                damaged.flip_kept_bit(KeptPart::Checksum(slot), bit);
            }
            if let Some(bit) = parity {
                damaged.flip_kept_bit(KeptPart::Parity, bit);
            }
            let before = damaged.clone();
            let found = before.examine();
            let done = repair(&mut damaged);
            let after = damaged.examine();
            for slot in 0..40 {
                let is_lost = done.lost.contains(slot);
                // What means something is the original, unless it is said to be lost.
                prop_assert!(is_lost || slot % 4 >= 2 || is_original(&damaged, slot), "{slot}");
                prop_assert!(!is_lost || slot % 4 == 0, "{slot}");
            }
            match done.lost.is_empty() {
                true => prop_assert!(after.is_clean(), "{after:?}"),
                false => prop_assert!(!found.fingerprints.and(&done.lost).is_empty()),
            }
            prop_assert_eq!(before.examine(), found, "a snapshot keeps what it had");
        }
    }
}
