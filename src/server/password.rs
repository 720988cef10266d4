//! The password as HTTP's and gRPC's clients give it, and its comparison.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Go's clients of Flight leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The password of `Bearer password` or of `Basic base64(user:password)`; the user is ignored.
pub fn given(value: &[u8]) -> Option<Vec<u8>> {
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, credentials) = (&value[..blank], value[blank..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(credentials.to_vec());
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = BASE64.decode(credentials).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Compares in a time that does not tell how much of the password was right.
pub fn is_equal(given: &[u8], password: &[u8]) -> bool {
    let different = given
        .iter()
        .zip(password)
        .fold(0, |all, (left, right)| all | (left ^ right));
    given.len() == password.len() && std::hint::black_box(different) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_read_from_both_schemes() {
        assert_eq!(given(b"Bearer s3:cret").as_deref(), Some(&b"s3:cret"[..]));
        assert_eq!(given(b"bearer  s3cret ").as_deref(), Some(&b"s3cret"[..]));
        // user:s3:cret
        assert_eq!(
            given(b"Basic dXNlcjpzMzpjcmV0").as_deref(),
            Some(&b"s3:cret"[..])
        );
        // user:s3cret, with and without padding
        for padded in [&b"Basic dXNlcjpzM2NyZXQ="[..], b"Basic dXNlcjpzM2NyZXQ"] {
            assert_eq!(given(padded).as_deref(), Some(&b"s3cret"[..]));
        }
        for other in ["Bearer", "Basic !!", "Basic dXNlcg==", "Digest x", ""] {
            assert_eq!(given(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn passwords_must_be_equal_throughout() {
        assert!(is_equal(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abcd", b"abd", b"xbc"] {
            assert!(!is_equal(other, b"abc"));
        }
    }
}
