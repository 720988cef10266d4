//! What a document is refused for before it is parsed: its length, and brackets that nest so deep that a
//! parser which recurses could run out of stack.

use async_graphql::Pos;

/// Longest document, bytes: 1 MiB.
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of brackets of all kinds.
pub const NESTING_MAX: usize = 64;

/// A document out of bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfBounds {
    /// It is too long.
    #[error("a document has at most {DOCUMENT_BYTES_MAX} bytes; got {0}")]
    TooLong(usize),
    /// Its brackets nest too deep.
    #[error(
        "brackets nest at most {NESTING_MAX} deep; line {line}, column {column} opens one more"
    )]
    TooDeep {
        /// Line of the bracket, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
    },
}

impl OutOfBounds {
    /// Where in the document, if anywhere.
    pub fn place(&self) -> Option<Pos> {
        match *self {
            Self::TooLong(_) => None,
            Self::TooDeep { line, column } => Some(Pos { line, column }),
        }
    }
}

/// Whether a document may be parsed. Brackets in strings and comments are none.
///
/// # Errors
/// It is out of bounds.
pub fn check(document: &str) -> Result<(), OutOfBounds> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(OutOfBounds::TooLong(document.len()));
    }
    let (mut depth, mut at) = (0usize, 0);
    let bytes = document.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > NESTING_MAX {
                    return Err(too_deep(&document[..at]));
                }
                1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                1
            }
            b'#' => rest
                .iter()
                .position(|byte| matches!(byte, b'\n' | b'\r'))
                .unwrap_or(rest.len()),
            b'"' if rest.starts_with(b"\"\"\"") => block_string(rest),
            b'"' => string(rest),
            _ => 1,
        };
    }
    Ok(())
}

/// The length of the string that `rest` begins with. One that its line does not end is none, and what
/// follows its quote counts.
fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    loop {
        match rest.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') => return at + 1,
            None | Some(b'\n' | b'\r') => return 1,
            Some(_) => at += 1,
        }
    }
}

/// The length of the block string that `rest` begins with; of one that does not end, that of its quotes.
fn block_string(rest: &[u8]) -> usize {
    let mut at = 3;
    while at < rest.len() {
        at += match &rest[at..] {
            [b'\\', b'"', b'"', b'"', ..] => 4,
            [b'"', b'"', b'"', ..] => return at + 3,
            _ => 1,
        };
    }
    3
}

fn too_deep(before: &str) -> OutOfBounds {
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    OutOfBounds::TooDeep {
        line,
        column: last.chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_bounded_wherever_the_parser_would_recurse() {
        for (open, close) in [("{a", "}"), ("[", "]"), ("(", ")")] {
            let nested = |depth: usize| open.repeat(depth) + &close.repeat(depth);
            assert_eq!(check(&nested(NESTING_MAX)), Ok(()));
            for depth in [NESTING_MAX + 1, 100_000] {
                let document = format!("é\nü{}", nested(depth));
                let column = 2 + NESTING_MAX * open.len();
                assert_eq!(
                    check(&document),
                    Err(OutOfBounds::TooDeep { line: 2, column })
                );
            }
        }
        let brackets = "{".repeat(NESTING_MAX + 1);
        for harmless in [
            format!("# {brackets}\n{{a}}"),
            format!("{{a(b: \"\\\"{brackets}\")}}"),
            format!("{{a(b: \"\"\"x\\\"\"\"\n\"{brackets}\"\"\")}}"),
        ] {
            assert_eq!(check(&harmless), Ok(()), "{harmless}");
        }
        // What ends no string hides nothing.
        for hostile in [
            format!("\"{brackets}"),
            format!("\"\"\"{brackets}"),
            format!("\"\n{brackets}"),
        ] {
            assert!(check(&hostile).is_err(), "{hostile}");
        }
        let long = " ".repeat(DOCUMENT_BYTES_MAX + 1);
        assert_eq!(check(&long), Err(OutOfBounds::TooLong(long.len())));
    }
}
