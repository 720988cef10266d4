//! Arguments and rows of Ladybug's own commands: operands, options and numbers, taken one by one.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use ladybug_engine::engine::Lease;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::state::View;

use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::{Protocol, Reply};
pub use crate::operand::{Bare, Operand, OperandError, Reference, fingerprint_of};
use crate::operand::{KEYWORDS, NODE, OPERAND, shown};

/// The arguments behind a command's name, taken one by one.
#[derive(Debug, Clone)]
pub struct Arguments<'a> {
    rest: &'a [&'a [u8]],
}

impl<'a> Arguments<'a> {
    /// Those of a request, whose first one is the command's name.
    pub fn new(request: &'a [&'a [u8]]) -> Self {
        Self {
            rest: &request[1..],
        }
    }

    /// The next argument, where `what` must come.
    pub fn take(&mut self, what: &str) -> Result<&'a [u8], CommandError> {
        let (&next, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| CommandError::err(format!("expected {what}, got nothing more")))?;
        self.rest = rest;
        Ok(next)
    }

    /// The next argument, if there is one.
    pub fn take_if_any(&mut self) -> Option<&'a [u8]> {
        let (&next, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(next)
    }

    /// Whether all are taken.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next argument's keyword and what follows it, if it is one of these and something does.
    pub fn keyword(&mut self, keywords: &[&'static str]) -> Option<(&'static str, &'a [u8])> {
        let [first, second, rest @ ..] = self.rest else {
            return None;
        };
        let keyword = keywords
            .iter()
            .find(|keyword| first.eq_ignore_ascii_case(keyword.as_bytes()))?;
        self.rest = rest;
        Some((keyword, second))
    }

    /// The next argument, unless it is one of these words, in any case.
    pub fn next_unless(&mut self, words: &[&str]) -> Option<&'a [u8]> {
        let next = self.rest.first()?;
        let is_word = |word: &&str| next.eq_ignore_ascii_case(word.as_bytes());
        match words.iter().any(is_word) {
            true => None,
            false => self.take_if_any(),
        }
    }

    /// Whether the next argument is one of these words, in any case.
    pub fn is_at(&self, words: &[&str]) -> bool {
        let next = self.rest.first().copied().unwrap_or_default();
        words
            .iter()
            .any(|word| next.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The next argument as one of the command's options; `None` at the end.
    pub fn option(
        &mut self,
        options: &[&'static str],
    ) -> Result<Option<&'static str>, CommandError> {
        let Some(word) = self.take_if_any() else {
            return Ok(None);
        };
        let known = options
            .iter()
            .find(|option| word.eq_ignore_ascii_case(option.as_bytes()));
        match (known, options) {
            (Some(option), _) => Ok(Some(option)),
            (None, []) => Err(CommandError::err(format!(
                "expected nothing more, got '{}'",
                shown(word)
            ))),
            (None, _) => Err(CommandError::err(format!(
                "expected {} or nothing more, got '{}'",
                options.join(", "),
                shown(word)
            ))),
        }
    }

    /// That nothing is left.
    pub fn end(mut self) -> Result<(), CommandError> {
        self.option(&[]).map(|_| ())
    }

    /// A whole number, which errors call `name`: mostly the option that it follows.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u64>) -> Result<u64, CommandError> {
        let what = format!(
            "{name} to be a whole number from {} to {}",
            range.start(),
            range.end()
        );
        self.parse(&what).and_then(|(value, text)| {
            let fits = range.contains(&value);
            fits.then_some(value).ok_or_else(|| expected(&what, text))
        })
    }

    /// The number that follows `option`.
    pub fn float(&mut self, option: &str) -> Result<f32, CommandError> {
        let what = format!("{option} to be a finite number");
        let (value, text): (f32, _) = self.parse(&what)?;
        let fits = value.is_finite();
        fits.then_some(value).ok_or_else(|| expected(&what, text))
    }

    fn parse<T: FromStr>(&mut self, what: &str) -> Result<(T, &'a [u8]), CommandError> {
        let bytes = self.take(what)?;
        let value = std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| text.parse().ok());
        match value {
            Some(value) => Ok((value, bytes)),
            None => Err(expected(what, bytes)),
        }
    }

    /// The next argument as text, where `what` must come.
    pub fn text(&mut self, what: &str) -> Result<&'a str, CommandError> {
        let bytes = self.take(what)?;
        std::str::from_utf8(bytes).map_err(|_| expected(&format!("{what} in UTF-8"), bytes))
    }

    /// The zone that follows `IN`.
    pub fn zone(&mut self) -> Result<Zone, CommandError> {
        let text = self.text("a zone")?;
        text.parse()
            .map_err(|error| CommandError::err(format!("{error}")))
    }

    /// The next operand; with a keyword it takes two arguments.
    pub fn operand(&mut self, bare: Bare) -> Result<Operand<'a>, CommandError> {
        // A keyword that nothing follows is no keyword.
        Ok(match self.keyword(&KEYWORDS) {
            Some((keyword, input)) => Operand::with_keyword(keyword, input)?,
            None => Operand::bare(self.take(OPERAND)?, bare)?,
        })
    }

    /// The next operand, which must be something in memory.
    pub fn reference(&mut self) -> Result<Reference<'a>, CommandError> {
        let first = self.rest.first().copied().unwrap_or_default();
        match self.operand(Bare::Key)? {
            Operand::Stored(reference) => Ok(reference),
            Operand::Given(_) => Err(expected(NODE, first)),
        }
    }
}

/// What came instead of what was expected.
pub fn expected(what: &str, got: &[u8]) -> CommandError {
    OperandError::expected(what, got).into()
}

impl From<OperandError> for CommandError {
    fn from(error: OperandError) -> Self {
        match error {
            OperandError::Syntax(message) => Self::err(message),
            OperandError::Engine(error) => error.into(),
        }
    }
}

/// A row of a reply: in RESP2 an array of its values, in RESP3 a map.
pub fn row(context: &Context, columns: Vec<(&'static str, Reply)>) -> Reply {
    match context.protocol {
        Protocol::Resp2 => Reply::Array(columns.into_iter().map(|(_, value)| value).collect()),
        Protocol::Resp3 => {
            let named = |(name, value)| (Reply::text(name), value);
            Reply::Map(columns.into_iter().map(named).collect())
        }
    }
}

/// A space as it is now, for a command that reads it without holding its lock.
pub struct Reading {
    lease: Arc<Lease>,
    now: i64,
}

impl Reading {
    /// The caller's space.
    pub fn new(context: &Context) -> Self {
        let (lease, now) = context.lease(context.selected());
        Self { lease, now }
    }

    /// The space as a view.
    pub fn view(&self) -> View<'_> {
        View::of(self.lease.state(), self.now)
    }

    /// Whether the space may still be read, which whoever reads for long asks between steps.
    pub fn check(&self) -> Result<(), CommandError> {
        Ok(self.lease.check()?)
    }
}

#[cfg(test)]
mod tests {
    use ladybug_engine::fingerprint::{Fingerprint, encode};
    use ladybug_engine::space::address::Address;

    use super::*;

    fn operand<'a>(request: &'a [&'a [u8]], bare: Bare) -> Result<Operand<'a>, String> {
        let mut arguments = Arguments::new(request);
        let operand = arguments.operand(bare).map_err(|error| error.to_string())?;
        arguments.end().map_err(|error| error.to_string())?;
        Ok(operand)
    }

    #[test]
    fn a_bare_operand_is_what_the_command_says_unless_it_is_an_address_or_an_id() {
        let text = |words| Ok(Operand::Given(Box::new(encode::text(words))));
        for (input, in_text, in_key) in [
            (
                "web server",
                text("web server"),
                Some(Reference::Key(b"web server")),
            ),
            (
                "@8042",
                Ok(Operand::Stored(Reference::Address(Address(0x8042)))),
                Some(Reference::Address(Address(0x8042))),
            ),
            (
                "#17",
                Ok(Operand::Stored(Reference::Id(17))),
                Some(Reference::Id(17)),
            ),
            ("@home", text("@home"), None),
            ("#1 hit", text("#1 hit"), None),
            ("#+1", text("#+1"), None),
            ("TEXT", text("TEXT"), Some(Reference::Key(b"TEXT"))),
        ] {
            assert_eq!(
                operand(&[b"X", input.as_bytes()], Bare::Text),
                in_text,
                "{input}"
            );
            let request = [b"X", input.as_bytes()];
            let key = operand(&request, Bare::Key);
            assert_eq!(key.ok(), in_key.map(Operand::Stored), "{input}");
        }
    }

    #[test]
    fn a_keyword_says_what_an_operand_is() {
        let fingerprint = Fingerprint::random(1);
        let given = Ok(Operand::Given(Box::new(fingerprint.clone())));
        for bare in [Bare::Key, Bare::Text] {
            let key = Ok(Operand::Stored(Reference::Key(b"@8042")));
            assert_eq!(operand(&[b"X", b"key", b"@8042"], bare), key);
            let text = Ok(Operand::Given(Box::new(encode::text("#17"))));
            assert_eq!(operand(&[b"X", b"TEXT", b"#17"], bare), text);
            assert_eq!(
                operand(&[b"X", b"FP", &fingerprint.to_bytes()], bare),
                given
            );
            assert_eq!(
                operand(&[b"X", b"fp", fingerprint.to_hex().as_bytes()], bare),
                given
            );
            let vector = encode::vector(&[1.0, -2.0]).expect("a vector");
            let bytes = [1.0f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat();
            let vector = Ok(Operand::Given(Box::new(vector)));
            assert_eq!(operand(&[b"X", b"VECTOR", &bytes], bare), vector);
        }
    }

    #[test]
    fn a_bad_operand_is_refused_with_what_was_expected_and_what_came() {
        for (request, message) in [
            (
                &[&b"X"[..]][..],
                "ERR expected an operand (KEY name, @8042, #17, TEXT words, FP hex-or-bytes or VECTOR f32-bytes), got nothing more",
            ),
            (
                &[b"X", b"FP", b"abc"],
                "ERR a fingerprint is 1280 bytes or 2560 hex digits, got 3 bytes",
            ),
            (
                &[b"X", b"VECTOR", b"abc"],
                "ERR a vector is little-endian f32 components of 4 bytes each, got 3 bytes",
            ),
            (
                &[b"X", b"TEXT", b"\xff"],
                "ERR expected text in UTF-8 (write FP before a fingerprint, VECTOR before floats), got '\\xff'",
            ),
            (
                &[b"X", b"@80"],
                "ERR an address is '@' and four hex digits, such as @8042; got '@80'; write KEY before a key that begins with @",
            ),
            (
                &[b"X", b"#x"],
                "ERR expected an id such as #17, or KEY before a key that begins with #, got '#x'",
            ),
            (&[b"X", b"a", b"b"], "ERR expected nothing more, got 'b'"),
        ] {
            assert_eq!(operand(request, Bare::Key).unwrap_err(), message);
        }
        let request: [&[u8]; 3] = [b"X", b"TEXT", b"a"];
        let error = Arguments::new(&request).reference().unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERR expected a node (KEY name, @8042 or #17), got 'TEXT'"
        );
    }

    #[test]
    fn options_and_numbers_are_checked() {
        let request: [&[u8]; 3] = [b"X", b"k", b"11"];
        let mut arguments = Arguments::new(&request);
        assert_eq!(arguments.option(&["DEPTH", "K"]), Ok(Some("K")));
        let mut again = arguments.clone();
        assert_eq!(again.number("K", 1..=11), Ok(11));
        assert_eq!(again.option(&["K"]), Ok(None));
        let error = arguments.number("K", 1..=10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERR expected K to be a whole number from 1 to 10, got '11'"
        );
        let error = Arguments::new(&request)
            .option(&["DEPTH", "LIMIT"])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "ERR expected DEPTH, LIMIT or nothing more, got 'k'"
        );
        let request: [&[u8]; 2] = [b"X", b"NaN"];
        assert!(Arguments::new(&request).float("WEIGHT").is_err());
    }
}
