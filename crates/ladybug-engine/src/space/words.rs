//! A space's own words beside its verbs: concepts in the open slots of prefix 0x08, programs at prefix 0x0F.
//!
//! What they mean is not this room's to know: a word is a name and a text, in a slot.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::address::Address;
use super::verbs::is_verb_name;

/// The chunk of the surface where concepts live.
pub const CONCEPT_PREFIX: u8 = 0x08;
/// The first slot that a space may fill with a concept of its own.
pub const CONCEPT_OPEN_FIRST: u8 = 128;
/// The chunk of the surface where programs live; all its slots are open.
pub const PROGRAM_PREFIX: u8 = 0x0F;
/// Longest text of a word, bytes.
pub const WORD_TEXT_BYTES_MAX: usize = 64 << 10;

/// A word of a space's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its name, which no other word of its prefix has; spelled as a verb's.
    pub name: Arc<str>,
    /// What is said of it.
    pub text: Arc<str>,
}

impl Word {
    /// Whether it is within its bounds.
    pub fn is_sound(&self) -> bool {
        is_verb_name(&self.name) && self.text.len() <= WORD_TEXT_BYTES_MAX
    }
}

/// Whether a space may fill a slot of the surface with a word.
pub fn is_open(address: Address) -> bool {
    match address.prefix() {
        CONCEPT_PREFIX => address.slot() >= CONCEPT_OPEN_FIRST,
        PROGRAM_PREFIX => true,
        _ => false,
    }
}

/// A space's own words, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeMap<Address, Word>);

impl Words {
    /// The word in a slot.
    pub fn get(&self, address: Address) -> Option<&Word> {
        self.0.get(&address)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Address, &Word)> {
        self.0.iter().map(|(address, word)| (*address, word))
    }

    /// Those of a prefix.
    pub fn of(&self, prefix: u8) -> impl Iterator<Item = (Address, &Word)> {
        let slots = Address::new(prefix, 0)..=Address::new(prefix, u8::MAX);
        self.0.range(slots).map(|(address, word)| (*address, word))
    }

    /// The word of a prefix by its exact name.
    pub fn find(&self, prefix: u8, name: &str) -> Option<Address> {
        let named = |(_, word): &(Address, &Word)| &*word.name == name;
        self.of(prefix).find(named).map(|(address, _)| address)
    }

    /// The first slot of a prefix that is open and free.
    pub fn free(&self, prefix: u8) -> Option<Address> {
        let slots = (0..=u8::MAX).map(|slot| Address::new(prefix, slot));
        let is_free = |address: &Address| is_open(*address) && !self.0.contains_key(address);
        slots.into_iter().find(is_free)
    }

    /// Fills or frees a slot and returns what was there.
    pub(super) fn define(&mut self, address: Address, word: Option<Word>) -> Option<Word> {
        match word {
            Some(word) => self.0.insert(address, word),
            None => self.0.remove(&address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_its_open_slots_and_its_names() {
        let mut words = Words::default();
        let word = |name: &str| Word {
            name: name.into(),
            text: "".into(),
        };
        assert_eq!(words.free(CONCEPT_PREFIX), Some(Address(0x0880)));
        assert_eq!(words.free(PROGRAM_PREFIX), Some(Address(0x0F00)));
        assert_eq!(words.free(0x07), None);
        words.define(Address(0x0880), Some(word("Ship")));
        words.define(Address(0x0F12), Some(word("Ship")));
        assert_eq!(words.free(CONCEPT_PREFIX), Some(Address(0x0881)));
        assert_eq!(words.find(CONCEPT_PREFIX, "Ship"), Some(Address(0x0880)));
        assert_eq!(words.find(PROGRAM_PREFIX, "Ship"), Some(Address(0x0F12)));
        assert_eq!(words.find(PROGRAM_PREFIX, "ship"), None);
        assert_eq!(words.of(PROGRAM_PREFIX).count(), 1);
        assert_eq!(words.define(Address(0x0880), None), Some(word("Ship")));
        assert_eq!(words.iter().count(), 1);
    }
}
