//! Versions of Debian's packages: their order, and whether one is what a relation such as `(<< 1.2)` speaks of.
//!
//! The order is that of Debian Policy, section 5.6.12: the epoch, the upstream version, the revision; of the latter two, by turns, what
//! is no digit, in which `~` comes before the end, the end before letters, and letters before all else, and numbers.

use std::cmp::Ordering;

/// Whether a version is what the inside of a relation's parentheses says: `<< 1.2`.
pub fn meets(version: &str, relation: &str) -> bool {
    let relation = relation.trim();
    let end = relation.find(|c| !matches!(c, '<' | '=' | '>'));
    let (operator, wanted) = relation.split_at(end.unwrap_or(relation.len()));
    let order = compare(version, wanted.trim());
    match operator {
        "<<" => order.is_lt(),
        "<=" | "<" => order.is_le(),
        "=" => order.is_eq(),
        ">=" | ">" => order.is_ge(),
        ">>" => order.is_gt(),
        _ => true,
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    let epochs = a.0.cmp(&b.0);
    epochs
        .then_with(|| compare_part(a.1, b.1))
        .then_with(|| compare_part(a.2, b.2))
}

/// Epoch, upstream version, revision.
fn parts(version: &str) -> (u64, &[u8], &[u8]) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (
        epoch.parse().unwrap_or(0),
        upstream.as_bytes(),
        revision.as_bytes(),
    )
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let (words, numbers) = (
            (word(&mut a), word(&mut b)),
            (number(&mut a), number(&mut b)),
        );
        let places = 0..words.0.len().max(words.1.len());
        let weights = places.map(|at| weight(words.0.get(at)).cmp(&weight(words.1.get(at))));
        let order = weights.fold(Ordering::Equal, Ordering::then);
        let order = order
            .then(numbers.0.len().cmp(&numbers.1.len()))
            .then(numbers.0.cmp(numbers.1));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes off what is no digit.
fn word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    taken(rest, |byte| !byte.is_ascii_digit())
}

/// Takes off a number, without its leading zeros.
fn number<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    taken(rest, |byte| *byte == b'0');
    taken(rest, u8::is_ascii_digit)
}

fn taken<'a>(rest: &mut &'a [u8], is_of_it: impl Fn(&u8) -> bool) -> &'a [u8] {
    let end = rest.iter().position(|byte| !is_of_it(byte));
    let (taken, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after;
    taken
}

fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(b'~') => -1,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => 256 + i32::from(*other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In rising order, from Debian Policy and from packages.
    const RISING: [&str; 13] = [
        "1.0~~",
        "1.0~~a",
        "1.0~",
        "1.0~rc1-1",
        "1.0",
        "1.0-1",
        "1.0-1+b1",
        "1.0a",
        "1.0+dfsg",
        "1.2",
        "1.10",
        "12",
        "1:0.1",
    ];

    #[test]
    fn versions_are_in_debians_order() {
        for (i, a) in RISING.iter().enumerate() {
            for (j, b) in RISING.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} and {b}");
            }
        }
        for (a, b) in [("1.0", "1.00"), ("1.0", "0:1.0-0"), ("007", "7")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} and {b}");
        }
    }

    #[test]
    fn a_relation_says_which_versions_it_speaks_of() {
        for (relation, meant) in [
            ("<< 1.2", [true, false, false]),
            ("<=1.2", [true, true, false]),
            ("= 1.2", [false, true, false]),
            (">= 1.2", [false, true, true]),
            (">> 1.2", [false, false, true]),
        ] {
            let met = ["1.1", "1.2", "1.3"].map(|version| meets(version, relation));
            assert_eq!(met, meant, "{relation}");
        }
    }
}
