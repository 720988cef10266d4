//! Encoders: values to fingerprints.
//!
//! | encoder | of | similar are |
//! |---|---|---|
//! | [`text`] | UTF-8 text | texts that share telling words and parts of words |
//! | [`exact`] | bytes | equal bytes only |
//! | [`vector`] | an `f32` vector of any dimension | vectors of a small angle |
//! | [`record`] | named fields | records whose values are similar; fields can be unbound |
//!
//! They are pure functions of their input: integers only (or, for vectors, floats in a fixed order), so the bits are
//! the same on every processor. A log and a checkpoint hold which encoder made a fingerprint and by
//! which [`ENCODER_VERSION`], because a fingerprint is comparable only with those of the same version.

mod exact;
mod record;
mod text;
mod vector;
mod weights;

pub use exact::exact;
pub use record::{record, role};
pub use text::{Feature, text, text_features};
pub use vector::{VectorError, vector, vector_from_bytes};

use super::Fingerprint;

/// The version of all encoders; raised when any of them gives other bits for the same input.
pub const ENCODER_VERSION: u32 = 1;

/// What made a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Encoder {
    /// [`text`].
    #[default]
    Text = 0,
    /// [`exact`].
    Exact = 1,
    /// [`vector`].
    Vector = 2,
    /// [`record`].
    Record = 3,
    /// The user supplied the bits.
    Explicit = 4,
}

impl Encoder {
    /// Every encoder, in the order of the codes.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Exact,
        Self::Vector,
        Self::Record,
        Self::Explicit,
    ];

    /// The code that the log and checkpoints hold. Never changes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The encoder of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Exact => "exact",
            Self::Vector => "vector",
            Self::Record => "record",
            Self::Explicit => "explicit",
        }
    }
}

/// The encoder of a value of which nothing is known but its bytes: [`Encoder::Text`] for UTF-8, else
/// [`Encoder::Exact`].
pub fn encoder_of(value: &[u8]) -> Encoder {
    match std::str::from_utf8(value) {
        Ok(_) => Encoder::Text,
        Err(_) => Encoder::Exact,
    }
}

/// The fingerprint of a value of which nothing is known but its bytes: [`text`] if they are UTF-8, else
/// [`exact`].
pub fn value(value: &[u8]) -> Fingerprint {
    match std::str::from_utf8(value) {
        Ok(value) => text(value),
        Err(_) => exact(value),
    }
}

/// Keys of the hashes, one a use, so that a role, a feature and an exact value of the same bytes are
/// unrelated. Stored bits depend on them.
mod key {
    pub(super) const EXACT: u64 = 0x6578_6163_7400_0001;
    pub(super) const ROLE: u64 = 0x726f_6c65_0000_0001;
    pub(super) const WORD: u64 = 0x776f_7264_0000_0001;
    pub(super) const GRAM: u64 = 0x6772_616d_0000_0001;
    pub(super) const PAIR: u64 = 0x7061_6972_0000_0001;
    pub(super) const TIE: u64 = 0x7469_6500_0000_0001;
    pub(super) const DIMENSION: u64 = 0x6469_6d00_0000_0001;
    pub(super) const EMPTY: u64 = 0x656d_7074_7900_0001;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log and checkpoints hold them.
    #[test]
    fn codes_are_pinned_and_round_trip() {
        let codes: Vec<_> = Encoder::ALL.iter().map(|encoder| encoder.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        for encoder in Encoder::ALL {
            assert_eq!(Encoder::from_code(encoder.code()), Some(encoder));
        }
        assert_eq!(Encoder::from_code(5), None);
        assert_eq!(Encoder::Record.name(), "record");
    }

    #[test]
    fn a_value_is_text_if_it_can_be() {
        assert_eq!(value("web server".as_bytes()), text("web server"));
        assert_eq!(encoder_of(b"web server"), Encoder::Text);
        assert_eq!(value(b"\xff\xfe"), exact(b"\xff\xfe"));
        assert_eq!(encoder_of(b"\xff\xfe"), Encoder::Exact);
    }

    #[test]
    fn the_same_bytes_in_different_uses_are_unrelated() {
        let uses = [exact(b"name"), role(b"name"), text("name")];
        for (index, a) in uses.iter().enumerate() {
            for b in &uses[..index] {
                assert!(a.z(b).abs() < 6.0);
            }
        }
    }
}
