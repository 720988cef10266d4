//! The record encoder: named fields in one vector, from which each can be unbound again.

use super::exact::{exact, hashed};
use super::{key, value};
use crate::fingerprint::Fingerprint;
use crate::fingerprint::bundle::bundle;

/// The vector of a field's name, to which its filler is bound.
pub fn role(name: &[u8]) -> Fingerprint {
    hashed(name, key::ROLE)
}

/// The fingerprint of a record of `(name, value)` fields: the [`bundle`] of, for each field, the fingerprint
/// of its [`value`] (so that records resemble those, and texts, that share values under any name) and
/// that fingerprint bound to its [`role`] (so that they resemble more those that share them under the
/// same name, and the field can be recovered: `record.bind(&role(name))` is nearest to the value's
/// fingerprint; Kanerva 1996). The order of the fields does not matter; each of `n` fields is
/// recovered with similarity about 0.56/√n.
///
/// A record without fields has a fixed fingerprint that is unrelated to every other.
pub fn record<'a>(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Fingerprint {
    let mut parts = Vec::new();
    for (name, filler) in fields {
        let filler = value(filler);
        parts.push(filler.bind(&role(name)));
        parts.push(filler);
    }
    bundle(&parts).unwrap_or_else(|| exact(&key::EMPTY.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&[u8], &[u8]); 5] = [
        (b"name", b"Ada Lovelace"),
        (b"born", b"1815"),
        (b"city", b"London"),
        (b"known for", b"notes on the analytical engine"),
        (b"portrait", b"\xff\xd8\xff\xe0"),
    ];

    #[test]
    fn unbinding_a_role_recovers_its_filler_nearest() {
        let ada = record(FIELDS);
        for (name, filler) in FIELDS {
            let unbound = ada.bind(&role(name));
            let expected = value(filler);
            let similarity = unbound.similarity(&expected);
            assert!(similarity > 0.15, "{similarity}");
            let others = FIELDS
                .iter()
                .map(|(_, other)| value(other))
                .chain((0..1_000).map(Fingerprint::random))
                .filter(|other| *other != expected);
            for other in others {
                assert!(unbound.similarity(&other) < similarity / 2.0);
            }
        }
    }

    #[test]
    fn records_resemble_those_that_share_fields_and_texts_that_share_values() {
        let ada = record(FIELDS);
        let same_fields = record([FIELDS[0], FIELDS[1]]);
        let renamed = record([(b"title" as &[u8], FIELDS[0].1), (b"year", FIELDS[1].1)]);
        assert!(ada.similarity(&same_fields) > ada.similarity(&renamed));
        assert!(ada.z(&renamed) > 6.0);
        assert!(ada.z(&value(b"Ada Lovelace")) > 6.0);
        assert!(ada.z(&value(b"Grace Hopper")).abs() < 6.0);
    }

    #[test]
    fn the_order_of_fields_does_not_matter_and_no_fields_are_a_record_too() {
        let mut reversed = FIELDS;
        reversed.reverse();
        assert_eq!(record(FIELDS), record(reversed));
        assert_eq!(record([]), record([]));
        assert!(record([]).z(&record(FIELDS)).abs() < 6.0);
    }
}
