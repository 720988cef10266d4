//! Keyspace notifications: which events are published, and under which channels.

use thiserror::Error;

/// The kinds of events, as `notify-keyspace-events` selects them by letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `g`: DEL, EXPIRE, RENAME and others for every type.
    Generic,
    /// `$`: changes of values.
    String,
    /// `h`: changes of fields.
    Hash,
    /// `x`: a key expired.
    Expired,
    /// `e`: a key was evicted.
    Evicted,
    /// `m`: a key that does not exist was asked for.
    Miss,
    /// `n`: a key came into being.
    New,
}

impl Class {
    fn letter(self) -> u8 {
        match self {
            Self::Generic => b'g',
            Self::String => b'$',
            Self::Hash => b'h',
            Self::Expired => b'x',
            Self::Evicted => b'e',
            Self::Miss => b'm',
            Self::New => b'n',
        }
    }
}

/// Something that happened to a key.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its kind.
    pub class: Class,
    /// Its name, such as `set` or `del`.
    pub name: &'static str,
    /// The key.
    pub key: Vec<u8>,
    /// Number of the space.
    pub space: u32,
}

/// All letters in the order in which they are written back; `A` stands for the first ten.
const LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";
const ALL_BITS: u32 = (1 << 10) - 1;

/// A selection of events: `notify-keyspace-events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection(u32);

/// A letter that selects no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")]
pub struct UnknownClass;

impl Selection {
    /// Reads Redis's letters.
    ///
    /// # Errors
    /// A letter is none of them.
    pub fn parse(letters: &str) -> Result<Self, UnknownClass> {
        let mut bits = 0;
        for letter in letters.bytes() {
            bits |= match letter {
                b'A' => ALL_BITS,
                letter => bit(letter).ok_or(UnknownClass)?,
            };
        }
        Ok(Self(bits))
    }

    /// Rebuilds a selection from [`bits`](Self::bits).
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The selection as a number, for an atomic.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether `__keyspace@n__:key` or `__keyevent@n__:event` hears of the class.
    pub fn selects(self, class: Class) -> bool {
        self.has(class.letter()) && self.is_any()
    }

    /// `K`: published under the key.
    pub fn by_key(self) -> bool {
        self.has(b'K')
    }

    /// Whether anything is published at all.
    pub fn is_any(self) -> bool {
        self.by_key() || self.by_event()
    }

    /// `E`: published under the event.
    pub fn by_event(self) -> bool {
        self.has(b'E')
    }

    fn has(self, letter: u8) -> bool {
        bit(letter).is_some_and(|bit| self.0 & bit != 0)
    }

    /// The letters, as CONFIG GET shows them.
    pub fn letters(self) -> String {
        let has_all = self.0 & ALL_BITS == ALL_BITS;
        let mut letters = if has_all {
            "A".to_owned()
        } else {
            String::new()
        };
        for (index, letter) in LETTERS.iter().enumerate() {
            let is_named = !has_all || index >= 10;
            if is_named && self.0 & (1 << index) != 0 {
                letters.push(char::from(*letter));
            }
        }
        letters
    }
}

fn bit(letter: u8) -> Option<u32> {
    LETTERS
        .iter()
        .position(|&known| known == letter)
        .map(|index| 1 << index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_written_back() {
        for (given, written) in [
            ("", ""),
            ("KEA", "AKE"),
            ("Eg$", "g$E"),
            ("g$lshzxetd", "A"),
            ("KEg$lshzxetdm", "AKEm"),
            ("Kxn", "xnK"),
        ] {
            assert_eq!(Selection::parse(given).unwrap().letters(), written);
        }
        assert_eq!(Selection::parse("q"), Err(UnknownClass));
    }

    #[test]
    fn an_event_needs_its_class_and_a_channel() {
        let selects = |letters| Selection::parse(letters).unwrap().selects(Class::Hash);
        assert!(selects("KEA") && selects("Kh") && selects("Eh"));
        assert!(!selects("h") && !selects("K") && !selects("K$"));
    }
}
