//! The exact encoder: equal or unrelated.

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::key;
use crate::fingerprint::Fingerprint;

/// The fingerprint of bytes that are compared only for equality: a keyed hash (XXH3, 128 bits), each half of it
/// expanded. Different bytes lie as far apart as two random fingerprints.
pub fn exact(bytes: &[u8]) -> Fingerprint {
    hashed(bytes, key::EXACT)
}

/// The expansion of the hash of `bytes` under `key`.
pub(super) fn hashed(bytes: &[u8], key: u64) -> Fingerprint {
    let hash = xxh3_128_with_seed(bytes, key);
    // One half is turned by one bit, so that equal halves do not cancel.
    &Fingerprint::random(hash as u64) ^ &Fingerprint::random((hash >> 64) as u64).permute(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_equal_and_others_unrelated() {
        assert_eq!(exact(b"a"), exact(b"a"));
        for (a, b) in [("", "a"), ("a", "b"), ("hello", "hello ")] {
            assert!(exact(a.as_bytes()).z(&exact(b.as_bytes())).abs() < 6.0);
        }
    }
}
