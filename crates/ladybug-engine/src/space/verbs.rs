//! The verbs of a space: built-in words at prefix 0x07, and the open slots that a space fills
//! itself. Stored by name, so that the built-in vocabulary may grow.

use std::sync::Arc;

use super::address::Address;

/// The chunk of the surface where verbs live.
pub const VERB_PREFIX: u8 = 0x07;
/// The first slot that a space may fill with a verb of its own.
pub const OPEN_SLOT_FIRST: u8 = 144;
/// Longest name of a verb, bytes.
pub const VERB_BYTES_MAX: usize = 128;

/// The built-in verbs; a verb's slot is its place here.
pub const BUILT_IN: [&str; 10] = [
    "CAUSES",
    "BECOMES",
    "ENABLES",
    "PREVENTS",
    "REQUIRES",
    "IMPLIES",
    "IS_A",
    "SIMILAR_TO",
    "PART_OF",
    "RELATES",
];

/// The slot of RELATES, the verb of an edge that names none.
pub const RELATES: u8 = 9;

/// The address of a verb.
pub const fn address_of(slot: u8) -> Address {
    Address::new(VERB_PREFIX, slot)
}

/// A space's own verbs, by open slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verbs(Vec<Option<Arc<str>>>);

impl Verbs {
    /// The name of the verb in `slot`, built-in or own.
    pub fn name(&self, slot: u8) -> Option<&str> {
        match BUILT_IN.get(slot as usize) {
            Some(name) => Some(name),
            None => self.own(slot).map(|name| &**name),
        }
    }

    /// The slot of a verb: its exact name, else a built-in one whatever the case.
    pub fn slot(&self, name: &str) -> Option<u8> {
        let built_in = |word: &&str| word.eq_ignore_ascii_case(name);
        let own = |word: &Option<Arc<str>>| word.as_deref() == Some(name);
        let open = self.0.iter().position(own);
        open.map(|at| OPEN_SLOT_FIRST + at as u8)
            .or_else(|| BUILT_IN.iter().position(built_in).map(|at| at as u8))
    }

    /// The first slot that is open and free.
    pub fn free_slot(&self) -> Option<u8> {
        (OPEN_SLOT_FIRST..=255).find(|slot| self.own(*slot).is_none())
    }

    /// Every verb with its slot.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        (0..=255).filter_map(|slot| Some((slot, self.name(slot)?)))
    }

    fn own(&self, slot: u8) -> Option<&Arc<str>> {
        let open = slot.checked_sub(OPEN_SLOT_FIRST)?;
        self.0.get(open as usize)?.as_ref()
    }

    /// Fills or frees an open slot and returns what was there; built-in slots do not change.
    pub(super) fn define(&mut self, slot: u8, name: Option<Arc<str>>) -> Option<Arc<str>> {
        let open = slot
            .checked_sub(OPEN_SLOT_FIRST)
            .expect("only open slots are defined") as usize;
        if self.0.len() <= open {
            self.0.resize(open + 1, None);
        }
        std::mem::replace(&mut self.0[open], name)
    }
}

/// Whether `name` can be a verb's: letters, digits and `_ - . :`, not starting with a digit.
pub fn is_verb_name(name: &str) -> bool {
    name.len() <= VERB_BYTES_MAX
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_slots_take_names_until_there_is_none() {
        let mut verbs = Verbs::default();
        assert_eq!(verbs.slot("causes"), Some(0));
        assert_eq!(verbs.name(RELATES), Some("RELATES"));
        for n in 0..112 {
            let slot = verbs.free_slot().expect("an open slot");
            assert_eq!(slot, OPEN_SLOT_FIRST + n);
            verbs.define(slot, Some(format!("V{n}").into()));
            assert_eq!(verbs.slot(&format!("V{n}")), Some(slot));
        }
        assert_eq!(verbs.free_slot(), None);
        assert_eq!(verbs.iter().count(), BUILT_IN.len() + 112);
        verbs.define(200, None);
        assert_eq!(verbs.free_slot(), Some(200));
    }

    #[test]
    fn verb_names_are_words() {
        assert!(is_verb_name("DEPENDS_ON") && is_verb_name("größer-als"));
        for wrong in ["", "1ST", "a b", "x\n", &"v".repeat(129)] {
            assert!(!is_verb_name(wrong), "{wrong}");
        }
    }
}
