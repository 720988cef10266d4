//! Splits a line into arguments by redis-cli's rules: white space separates; `"…"` knows the
//! escapes `\n \r \t \b \a \\ \" \xHH`; `'…'` knows only `\'`; a closing quote ends its argument.

/// The arguments of `line`, or `None` if a quote is not closed or something follows a closing one.
pub(super) fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = line.trim_ascii();
    let mut arguments = Vec::new();
    while !rest.is_empty() {
        let (argument, after) = next(rest)?;
        arguments.push(argument);
        rest = after.trim_ascii_start();
    }
    Some(arguments)
}

/// The first argument of `line`, which begins with it, and what follows it.
fn next(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut argument = Vec::new();
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            quote @ (b'"' | b'\'') => {
                let length = quoted(&line[at + 1..], quote, &mut argument)?;
                at += 1 + length;
                let is_end = line.get(at).is_none_or(u8::is_ascii_whitespace);
                return is_end.then_some((argument, &line[at..]));
            }
            byte if byte.is_ascii_whitespace() => break,
            byte => argument.push(byte),
        }
        at += 1;
    }
    Some((argument, &line[at..]))
}

/// Appends what stands in quotes to `argument`; the bytes it took, with the closing quote.
fn quoted(text: &[u8], quote: u8, argument: &mut Vec<u8>) -> Option<usize> {
    let mut at = 0;
    loop {
        match (*text.get(at)?, text.get(at + 1)) {
            (byte, _) if byte == quote => return Some(at + 1),
            (b'\\', Some(b'\'')) if quote == b'\'' => {
                argument.push(b'\'');
                at += 2;
            }
            (b'\\', Some(&escape)) if quote == b'"' => {
                if let Some(byte) = hexadecimal(&text[at + 1..]) {
                    argument.push(byte);
                    at += 4;
                } else {
                    argument.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 0x08,
                        b'a' => 0x07,
                        other => other,
                    });
                    at += 2;
                }
            }
            (byte, _) => {
                argument.push(byte);
                at += 1;
            }
        }
    }
}

/// The byte of `xHH` at the start of `text`.
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let [b'x', high, low, ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        split(line.as_bytes())
    }

    #[test]
    fn white_space_separates() {
        assert_eq!(
            words("  SET\tk  v \r\n"),
            Some(vec![b"SET".into(), b"k".into(), b"v".into()])
        );
        assert_eq!(words(" \n"), Some(vec![]));
    }

    #[test]
    fn double_quotes_know_escapes() {
        let expected = vec![b"a b\n\"\x00\xffq".to_vec(), Vec::new()];
        assert_eq!(words(r#""a b\n\"\x00\xfF\q" """#), Some(expected));
        assert_eq!(words(r#""\xg1""#), Some(vec![b"xg1".to_vec()]));
    }

    #[test]
    fn single_quotes_know_only_themselves() {
        assert_eq!(
            words(r"'it\'s' '\n'"),
            Some(vec![b"it's".to_vec(), br"\n".to_vec()])
        );
    }

    #[test]
    fn quotes_inside_an_argument_join_it() {
        assert_eq!(words(r#"a"b c""#), Some(vec![b"ab c".to_vec()]));
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\\""] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
