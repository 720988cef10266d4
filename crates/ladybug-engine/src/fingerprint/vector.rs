//! The fingerprint itself: how 10,240 bits lie in memory, on the wire and in text.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Bits of a fingerprint.
pub const BITS: usize = 10_240;
/// `u64` words of a fingerprint.
pub const WORDS: usize = BITS / 64;
/// The words of a fingerprint, lowest bits first.
pub type Words = [u64; WORDS];
/// Bytes of a fingerprint: exactly 20 cache lines.
pub const BYTES: usize = BITS / 8;
/// Hexadecimal digits of a fingerprint as text.
pub const HEX_DIGITS: usize = BYTES * 2;
/// Words of a quarter of a fingerprint, the second level of a cascaded search.
pub const QUARTER: usize = WORDS / 4;
/// Standard deviation, in bits, of the distance of two unrelated fingerprints: √10,240 / 2, to one
/// decimal as every reply states it.
pub const SIGMA: f64 = 50.6;

/// A binary vector of 10,240 bits.
///
/// Bit `i` is bit `i % 64` of word `i / 64`. As bytes the words are little-endian, so bit `i` is bit
/// `i % 8` of byte `i / 8`; as text the bytes are written in order, two lower-case hex digits each.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, align(64))]
pub struct Fingerprint {
    pub(super) words: [u64; WORDS],
}

/// Why bytes or text are no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FingerprintError {
    /// The byte string has the wrong length.
    #[error("a fingerprint is {BYTES} bytes, got {0}")]
    ByteLength(usize),
    /// The hexadecimal text has the wrong length.
    #[error("a fingerprint is {HEX_DIGITS} hex digits, got {0} characters")]
    HexLength(usize),
    /// A character is no hexadecimal digit.
    #[error("a fingerprint is hex digits 0-9 a-f, got {found:?} at character {at}")]
    HexDigit {
        /// The character found.
        found: char,
        /// Where it stands, from 0.
        at: usize,
    },
    /// The input is neither as long as the bytes nor as long as the text.
    #[error("a fingerprint is {BYTES} bytes or {HEX_DIGITS} hex digits, got {0} bytes")]
    Length(usize),
}

impl Fingerprint {
    /// All bits zero: the neutral element of [`bind`](Self::bind).
    pub const ZERO: Self = Self { words: [0; WORDS] };
    /// All bits one.
    pub const ONES: Self = Self {
        words: [u64::MAX; WORDS],
    };

    /// The fingerprint of these words.
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        Self { words }
    }

    /// The words, lowest bits first.
    pub const fn words(&self) -> &[u64; WORDS] {
        &self.words
    }

    /// The words, to write in place.
    pub const fn words_mut(&mut self) -> &mut [u64; WORDS] {
        &mut self.words
    }

    /// Reads exactly [`BYTES`] little-endian bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FingerprintError> {
        if bytes.len() != BYTES {
            return Err(FingerprintError::ByteLength(bytes.len()));
        }
        let mut words = [0; WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Ok(Self { words })
    }

    /// The [`BYTES`] little-endian bytes.
    pub fn to_bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (chunk, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(&self.words) {
            *chunk = word.to_le_bytes();
        }
        bytes
    }

    /// Reads exactly [`HEX_DIGITS`] hexadecimal digits, of either case.
    pub fn from_hex(text: &str) -> Result<Self, FingerprintError> {
        if let Some((at, found)) = text
            .chars()
            .enumerate()
            .find(|(_, c)| !c.is_ascii_hexdigit())
        {
            return Err(FingerprintError::HexDigit { found, at });
        }
        if text.len() != HEX_DIGITS {
            return Err(FingerprintError::HexLength(text.len()));
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
            *byte = hex_value(pair[0]) << 4 | hex_value(pair[1]);
        }
        Self::from_bytes(&bytes)
    }

    /// The [`HEX_DIGITS`] lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.to_bytes()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
            .collect()
    }

    /// Reads what a client may write as a fingerprint: its bytes or its hexadecimal text, told apart by
    /// their length.
    pub fn from_bytes_or_hex(input: &[u8]) -> Result<Self, FingerprintError> {
        match (input.len(), std::str::from_utf8(input)) {
            (BYTES, _) => Self::from_bytes(input),
            (HEX_DIGITS, Ok(text)) => Self::from_hex(text),
            (length, _) => Err(FingerprintError::Length(length)),
        }
    }

    /// Whether bit `index` is set.
    ///
    /// # Panics
    /// If `index` is not below [`BITS`].
    pub const fn bit(&self, index: usize) -> bool {
        self.words[index / 64] >> (index % 64) & 1 == 1
    }
}

/// The value of a hexadecimal digit that was checked to be one.
const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::ZERO
    }
}

impl AsRef<[u64]> for Fingerprint {
    fn as_ref(&self) -> &[u64] {
        &self.words
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// The first 16 hex digits and the number of set bits: enough to tell two apart in a failed assertion.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.to_hex();
        write!(
            f,
            "Fingerprint({}…, {} bits set)",
            &hex[..16],
            self.popcount()
        )
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        Self::from_hex(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_twenty_cache_lines() {
        assert_eq!(size_of::<Fingerprint>(), 1_280);
        assert_eq!(align_of::<Fingerprint>(), 64);
    }

    #[test]
    fn bit_order_is_little_endian_in_words_bytes_and_hex() {
        let mut fingerprint = Fingerprint::ZERO;
        fingerprint.words_mut()[0] = 1 << 12;
        fingerprint.words_mut()[159] = 1 << 63;
        assert!(fingerprint.bit(12) && fingerprint.bit(BITS - 1));
        let bytes = fingerprint.to_bytes();
        assert_eq!((bytes[1], bytes[1_279]), (0x10, 0x80));
        let hex = fingerprint.to_hex();
        assert_eq!((&hex[..4], &hex[2_558..]), ("0010", "80"));
    }

    #[test]
    fn bytes_and_hex_of_either_case_round_trip() {
        let fingerprint = Fingerprint::random(7);
        assert_eq!(
            Fingerprint::from_bytes(&fingerprint.to_bytes()),
            Ok(fingerprint.clone())
        );
        let hex = fingerprint.to_hex();
        assert_eq!(hex.parse(), Ok(fingerprint.clone()));
        assert_eq!(
            Fingerprint::from_hex(&hex.to_uppercase()),
            Ok(fingerprint.clone())
        );
        assert_eq!(
            Fingerprint::from_bytes_or_hex(hex.as_bytes()),
            Ok(fingerprint.clone())
        );
        assert_eq!(
            Fingerprint::from_bytes_or_hex(&fingerprint.to_bytes()),
            Ok(fingerprint)
        );
    }

    #[test]
    fn wrong_input_says_what_is_wrong() {
        let message = |result: Result<Fingerprint, FingerprintError>| {
            result.expect_err("wrong input is refused").to_string()
        };
        assert_eq!(
            message(Fingerprint::from_bytes(&[0; 3])),
            "a fingerprint is 1280 bytes, got 3"
        );
        assert_eq!(
            message(Fingerprint::from_hex("ab")),
            "a fingerprint is 2560 hex digits, got 2 characters"
        );
        assert_eq!(
            message(Fingerprint::from_hex(&"é".repeat(1_280))),
            "a fingerprint is hex digits 0-9 a-f, got 'é' at character 0"
        );
        assert_eq!(
            message(Fingerprint::from_bytes_or_hex(b"abc")),
            "a fingerprint is 1280 bytes or 2560 hex digits, got 3 bytes"
        );
        let mut not_text = vec![b'0'; HEX_DIGITS];
        not_text[5] = 0xff;
        assert!(Fingerprint::from_bytes_or_hex(&not_text).is_err());
    }
}
