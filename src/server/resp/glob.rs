//! Redis's glob patterns: `*`, `?`, `[a-z]`, `[^a]`, `\x`. What KEYS, SCAN, PSUBSCRIBE, CONFIG GET
//! and PUBSUB CHANNELS match with.

/// Whether `text` matches `pattern`; with `ignore_case` ASCII letters match in either case.
///
/// Takes at most the product of both lengths: on a mismatch only the last `*` is tried again
/// (where Redis's recursion is exponential in the number of stars).
///
/// ```
/// use ladybug::server::resp::glob::matches;
///
/// assert!(matches(b"user:*:name", b"user:7:name", false));
/// assert!(!matches(b"h[^ae]llo", b"hallo", false));
/// ```
pub fn matches(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let (mut at, mut position) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one byte of text later.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            retry = Some((at, position));
            continue;
        }
        if position == text.len() {
            return at == pattern.len();
        }
        if let Some(next) = match_one(pattern, at, text[position], ignore_case) {
            at = next;
            position += 1;
            continue;
        }
        let Some((behind_star, from)) = retry else {
            return false;
        };
        retry = Some((behind_star, from + 1));
        (at, position) = (behind_star, from + 1);
    }
}

/// Matches one byte against the pattern's element at `at`; answers where the next element begins.
fn match_one(pattern: &[u8], at: usize, byte: u8, ignore_case: bool) -> Option<usize> {
    let same = |a: u8, b: u8| {
        if ignore_case {
            a.eq_ignore_ascii_case(&b)
        } else {
            a == b
        }
    };
    match pattern[at..] {
        [] => None,
        [b'?', ..] => Some(at + 1),
        [b'[', ..] => match_class(pattern, at + 1, byte, ignore_case),
        [b'\\', literal, ..] => same(literal, byte).then_some(at + 2),
        [literal, ..] => same(literal, byte).then_some(at + 1),
    }
}

/// Matches one byte against the class whose first byte is at `at`. An unclosed class ends with
/// the pattern, as in Redis.
fn match_class(pattern: &[u8], mut at: usize, byte: u8, ignore_case: bool) -> Option<usize> {
    let fold = |byte: u8| {
        if ignore_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    let byte = fold(byte);
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut is_member = false;
    loop {
        match pattern[at..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', literal, ..] => {
                is_member |= fold(literal) == byte;
                at += 2;
            }
            [low, b'-', high, ..] => {
                let (low, high) = (fold(low.min(high)), fold(low.max(high)));
                is_member |= (low..=high).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                is_member |= fold(literal) == byte;
                at += 1;
            }
        }
    }
    (is_member != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_what_redis_matches() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c*e", "abcde", true),
            ("a**e", "abcde", true),
            ("?", "", false),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hello", false),
            ("h[^e]llo", "hallo", true),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("[a-]", "-", false),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("*ab", "aab", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes(), false),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(matches(b"MaxC*", b"maxclients", true));
        assert!(matches(b"[A-C]", b"b", true));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(60) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 5_000], false));
    }

    /// The definition, told recursively, of patterns without classes.
    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| reference(rest, &text[skip..])),
            ([b'?', rest @ ..], [_, others @ ..]) => reference(rest, others),
            ([a, rest @ ..], [b, others @ ..]) => a == b && reference(rest, others),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn stars_and_questions_match_as_defined(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes(), false),
                reference(pattern.as_bytes(), text.as_bytes())
            );
        }
    }
}
