//! The request parser: RESP arrays of bulk strings and inline commands, read incrementally.
//!
//! Requests are so small a part of RESP that a parser of their own costs a tenth of a general
//! decoder, and it can hold what a general one does not: limits. It never copies an argument of an
//! array: it answers ranges of the caller's buffer. It does linear work in total however the
//! input is cut up, because it resumes where it stopped.
//!
//! Relies on the caller to present the same unconsumed bytes again, with more behind them, after
//! [`Progress::Incomplete`].

use std::ops::Range;

use smallvec::SmallVec;
use thiserror::Error;

/// Bytes an inline command, or the line that announces a length, may have.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes a request may have by default, its framing included.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Arguments a request may have by default, the command's name included.
pub const ARGUMENTS_MAX: usize = 1024 * 1024;
/// Arguments a request may have before the client has authenticated.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: usize = 10;
/// Bytes an argument may have before the client has authenticated.
pub const UNAUTHENTICATED_ARGUMENT_BYTES_MAX: usize = 16 * 1024;

/// Room for arguments that an idle connection keeps.
const RANGES_KEPT: usize = 64;
/// Room for an inline command that an idle connection keeps.
const LINE_BYTES_KEPT: usize = 1024;

/// What the parser accepts; what exceeds it is a [`ProtocolError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Arguments of one request, the command's name included.
    pub arguments_max: usize,
    /// Bytes of one argument.
    pub argument_bytes_max: usize,
    /// Bytes of one request, framing included.
    pub request_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            arguments_max: ARGUMENTS_MAX,
            argument_bytes_max: REQUEST_BYTES_MAX,
            request_bytes_max: REQUEST_BYTES_MAX,
        }
    }
}

/// Why a byte stream is not a request. The connection answers it as `-ERR Protocol error: …` and
/// closes, since the start of the next request cannot be known. The texts are Redis's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// The count after `*` is no number, or more than the limit.
    #[error("invalid multibulk length")]
    InvalidMultibulkLength,
    /// The count after `*` is over what a client may send before AUTH.
    #[error("unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// The length after `$` is no number, negative, or more than the limit.
    #[error("invalid bulk length")]
    InvalidBulkLength,
    /// The length after `$` is over what a client may send before AUTH.
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// An argument does not begin with `$`.
    #[error("expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    /// An argument is not followed by CR LF.
    #[error("expected CRLF after a bulk string")]
    ExpectedLineEnd,
    /// The line after `*` does not end.
    #[error("too big mbulk count string")]
    MultibulkCountTooLong,
    /// The line after `$` does not end.
    #[error("too big bulk count string")]
    BulkCountTooLong,
    /// An inline command does not end.
    #[error("too big inline request")]
    InlineTooLong,
    /// The request is larger than the server's limit.
    #[error("too big request")]
    RequestTooLong,
    /// An inline command opens a quote it does not close.
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
}

/// What [`RequestParser::parse`] found at the beginning of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The input ends before the request does.
    Incomplete,
    /// One request, of this many bytes. Its arguments are at [`RequestParser::arguments`]; an
    /// empty line or array has none and wants no answer.
    Complete(usize),
}

/// The arguments of one request, the command's name first; few enough for the stack as a rule.
pub type Arguments<'a> = SmallVec<[&'a [u8]; 8]>;

/// Where the parser stands within the request it is reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first byte.
    Start,
    /// In the line of an inline command.
    Inline,
    /// In the line `*count`.
    Count,
    /// In the line `$length`, this many arguments to come.
    Length { remaining: usize },
    /// In an argument of this many bytes, this many arguments to come with it.
    Argument { remaining: usize, length: usize },
}

/// Reads requests from a growing buffer.
///
/// ```
/// use ladybug::server::resp::request::{Progress, RequestParser};
///
/// let mut parser = RequestParser::default();
/// let input = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n";
/// assert_eq!(parser.parse(&input[..9]), Ok(Progress::Incomplete));
/// assert_eq!(parser.parse(input), Ok(Progress::Complete(20)));
/// assert_eq!(parser.arguments(input).as_slice(), [b"GET".as_slice(), b"k"]);
/// assert_eq!(parser.parse(&input[20..]), Ok(Progress::Complete(6)));
/// assert_eq!(parser.arguments(&input[20..]).as_slice(), [b"PING"]);
/// ```
#[derive(Debug)]
pub struct RequestParser {
    limits: Limits,
    authenticated: bool,
    state: State,
    /// Where the current line or argument begins.
    position: usize,
    /// How far the current line has been searched for its end.
    searched: usize,
    /// The arguments so far, as ranges of the input, or of `line` for an inline command.
    ranges: Vec<Range<usize>>,
    /// The unquoted arguments of an inline command, end to end.
    line: Vec<u8>,
    is_inline: bool,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl RequestParser {
    /// A parser at the beginning of a stream, for a client that needs no authentication.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            authenticated: true,
            state: State::Start,
            position: 0,
            searched: 0,
            ranges: Vec::new(),
            line: Vec::new(),
            is_inline: false,
        }
    }

    /// Says whether the client has authenticated; until then requests are kept small.
    pub fn set_authenticated(&mut self, authenticated: bool) {
        self.authenticated = authenticated;
    }

    /// Reads on. `input` begins at the first byte that no [`Progress::Complete`] has counted yet.
    ///
    /// # Errors
    /// The stream is not RESP or exceeds a limit; the parser must not be used after that.
    pub fn parse(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        loop {
            match self.state {
                State::Start => {
                    let Some(&first) = input.first() else {
                        return Ok(Progress::Incomplete);
                    };
                    self.ranges.clear();
                    self.ranges.shrink_to(RANGES_KEPT);
                    self.line.clear();
                    self.line.shrink_to(LINE_BYTES_KEPT);
                    self.position = 0;
                    self.searched = 0;
                    self.is_inline = first != b'*';
                    self.state = if self.is_inline {
                        State::Inline
                    } else {
                        State::Count
                    };
                }
                State::Inline => return self.parse_inline(input),
                State::Count => {
                    let Some(line) = self.header(input, ProtocolError::MultibulkCountTooLong)?
                    else {
                        return Ok(Progress::Incomplete);
                    };
                    let count =
                        parse_i64(&line[1..]).ok_or(ProtocolError::InvalidMultibulkLength)?;
                    let Ok(count) = usize::try_from(count) else {
                        return Ok(self.complete());
                    };
                    if count > self.limits.arguments_max {
                        return Err(ProtocolError::InvalidMultibulkLength);
                    }
                    if count > UNAUTHENTICATED_ARGUMENTS_MAX && !self.authenticated {
                        return Err(ProtocolError::UnauthenticatedMultibulkLength);
                    }
                    if count == 0 {
                        return Ok(self.complete());
                    }
                    self.state = State::Length { remaining: count };
                }
                State::Length { remaining } => {
                    let Some(line) = self.header(input, ProtocolError::BulkCountTooLong)? else {
                        return Ok(Progress::Incomplete);
                    };
                    let length = self.argument_length(line)?;
                    self.state = State::Argument { remaining, length };
                }
                State::Argument { remaining, length } => {
                    let end = self.position + length;
                    let Some(after) = input.get(end..end + 2) else {
                        return Ok(Progress::Incomplete);
                    };
                    if after != b"\r\n" {
                        return Err(ProtocolError::ExpectedLineEnd);
                    }
                    self.ranges.push(self.position..end);
                    self.position = end + 2;
                    self.searched = self.position;
                    if remaining == 1 {
                        return Ok(self.complete());
                    }
                    self.state = State::Length {
                        remaining: remaining - 1,
                    };
                }
            }
        }
    }

    /// The arguments of the request that was just completed. `input` is what
    /// [`parse`](Self::parse) was given then.
    pub fn arguments<'a>(&'a self, input: &'a [u8]) -> Arguments<'a> {
        let bytes = if self.is_inline { &self.line } else { input };
        self.ranges
            .iter()
            .map(|range| &bytes[range.clone()])
            .collect()
    }

    /// How many bytes of the argument being read are still missing: what it is worth to make
    /// room for at once.
    pub fn missing(&self, input_bytes: usize) -> usize {
        match self.state {
            State::Argument { length, .. } => {
                (self.position + length + 2).saturating_sub(input_bytes)
            }
            _ => 0,
        }
    }

    fn complete(&mut self) -> Progress {
        self.state = State::Start;
        Progress::Complete(self.position)
    }

    /// The line at the current position without its CR LF, or `None` if it has not all arrived.
    /// Moves the position behind it.
    fn header<'a>(
        &mut self,
        input: &'a [u8],
        too_long: ProtocolError,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        // Such a line has a handful of bytes: a plain loop beats a vectorised search.
        let mut at = self.searched;
        while at < input.len() && input[at] != b'\r' {
            at += 1;
        }
        self.searched = at;
        if at - self.position > LINE_BYTES_MAX {
            return Err(too_long);
        }
        if at + 1 >= input.len() {
            return Ok(None);
        }
        let line = &input[self.position..at];
        self.position = at + 2;
        self.searched = self.position;
        Ok(Some(line))
    }

    fn argument_length(&self, line: &[u8]) -> Result<usize, ProtocolError> {
        match line.first() {
            Some(b'$') => {}
            // The line is empty: what Redis sees there is the CR that ends it.
            None => return Err(ProtocolError::ExpectedBulk(b'\r')),
            Some(&other) => return Err(ProtocolError::ExpectedBulk(other)),
        }
        let length = parse_i64(&line[1..])
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length <= self.limits.argument_bytes_max)
            .ok_or(ProtocolError::InvalidBulkLength)?;
        if length > UNAUTHENTICATED_ARGUMENT_BYTES_MAX && !self.authenticated {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        if self.position.saturating_add(length) > self.limits.request_bytes_max {
            return Err(ProtocolError::RequestTooLong);
        }
        Ok(length)
    }

    fn parse_inline(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        let end = memchr::memchr(b'\n', &input[self.searched..]).map(|at| self.searched + at);
        self.searched = end.unwrap_or(input.len());
        if self.searched > LINE_BYTES_MAX {
            return Err(ProtocolError::InlineTooLong);
        }
        let Some(end) = end else {
            return Ok(Progress::Incomplete);
        };
        let line = &input[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        split_inline(line, &mut self.line, &mut self.ranges)
            .ok_or(ProtocolError::UnbalancedQuotes)?;
        if self.ranges.len() > self.limits.arguments_max {
            return Err(ProtocolError::InvalidMultibulkLength);
        }
        self.position = end + 1;
        Ok(self.complete())
    }
}

/// A decimal integer as Redis's `string2ll` takes it: no sign but `-`, no leading zero, no blanks.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    // Nineteen digits always fit u64, so that only the sign's range is left to check.
    let mut magnitude = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Splits an inline command into arguments, as Redis's `sdssplitargs`: blanks separate, double
/// quotes know `\n \r \t \b \a \xHH`, single quotes only `\'`, and a closing quote must be
/// followed by a blank. `None` when a quote is not closed so.
///
/// Appends the arguments' bytes to `bytes`, and where each lies to `ranges`.
pub fn split_inline(
    line: &[u8],
    bytes: &mut Vec<u8>,
    ranges: &mut Vec<Range<usize>>,
) -> Option<()> {
    let mut at = 0;
    loop {
        while at < line.len() && is_blank(line[at]) {
            at += 1;
        }
        // Redis reads the line as a C string: a NUL ends it.
        if at == line.len() || line[at] == 0 {
            return Some(());
        }
        let start = bytes.len();
        at = unquote_argument(line, at, bytes)?;
        ranges.push(start..bytes.len());
    }
}

/// Appends the argument that begins at `at`; answers where it ends.
fn unquote_argument(line: &[u8], mut at: usize, bytes: &mut Vec<u8>) -> Option<usize> {
    let mut quote = None;
    loop {
        let rest = &line[at..];
        match (quote, rest) {
            (None, [] | [0, ..]) => return Some(at),
            (None, [b' ' | b'\t' | b'\n' | b'\r', ..]) => return Some(at),
            (None, [opening @ (b'"' | b'\''), ..]) => {
                quote = Some(*opening);
                at += 1;
            }
            (Some(_), [] | [0, ..]) => return None,
            (Some(b'"'), [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(hex_digit(*high) * 16 + hex_digit(*low));
                at += 4;
            }
            (Some(b'"'), [b'\\', escaped, ..]) if *escaped != 0 => {
                bytes.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                at += 2;
            }
            (Some(b'\''), [b'\\', b'\'', ..]) => {
                bytes.push(b'\'');
                at += 2;
            }
            (Some(closing), [byte, after @ ..]) if *byte == closing => {
                return match after {
                    [] | [0, ..] => Some(at + 1),
                    [next, ..] if is_blank(*next) => Some(at + 1),
                    _ => None,
                };
            }
            (_, [byte, ..]) => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Outcome = Result<Vec<Vec<Vec<u8>>>, ProtocolError>;

    /// Parses `input` arriving in pieces of the given lengths (the last repeats), as a connection
    /// does; answers the requests before the end or the error, and the error.
    fn parse_in_pieces(parser: &mut RequestParser, input: &[u8], pieces: &[usize]) -> Outcome {
        let (mut requests, mut start, mut end, mut piece) = (Vec::new(), 0, 0, 0);
        loop {
            match parser.parse(&input[start..end])? {
                Progress::Complete(bytes) => {
                    let arguments = parser.arguments(&input[start..end]);
                    requests.push(arguments.iter().map(|argument| argument.to_vec()).collect());
                    start += bytes;
                }
                Progress::Incomplete if end == input.len() => return Ok(requests),
                Progress::Incomplete => {
                    end = (end + pieces[piece.min(pieces.len() - 1)].max(1)).min(input.len());
                    piece += 1;
                }
            }
        }
    }

    fn parse(input: &[u8]) -> Outcome {
        parse_in_pieces(&mut RequestParser::default(), input, &[input.len()])
    }

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn arrays_inline_commands_and_empty_requests_follow_each_other() {
        let input =
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING  x\r\n\r\n*0\r\n*-1\r\n*1\r\n$0\r\n\r\nend\n";
        let expected = [
            words(&["GET", "k"]),
            words(&["PING", "x"]),
            vec![],
            vec![],
            vec![],
            words(&[""]),
            words(&["end"]),
        ];
        assert_eq!(parse(input).unwrap(), expected);
    }

    #[test]
    fn inline_quotes_are_read_as_redis_reads_them() {
        for (line, expected) in [
            (r#"a "b c" 'd e'"#, Some(words(&["a", "b c", "d e"]))),
            (r#"  a	b  "#, Some(words(&["a", "b"]))),
            (r#""\x41\n\t\"\q\xZZ""#, Some(words(&["A\n\t\"qxZZ"]))),
            (r#"'it\'s \n'"#, Some(words(&["it's \\n"]))),
            (r#"foo"bar" x"#, Some(words(&["foobar", "x"]))),
            (r#""" ''"#, Some(words(&["", ""]))),
            ("a\u{b}b", Some(words(&["a\u{b}b"]))),
            (r#""foo"bar"#, None),
            (r#""foo"#, None),
            (r#"'foo"#, None),
            (r#""foo\"#, None),
        ] {
            let parsed = parse(format!("{line}\r\n").as_bytes());
            match expected {
                Some(expected) => assert_eq!(parsed.unwrap(), [expected], "{line}"),
                None => assert_eq!(
                    parsed.unwrap_err(),
                    ProtocolError::UnbalancedQuotes,
                    "{line}"
                ),
            }
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        for (input, text) in [
            (b"*x\r\n".as_slice(), "invalid multibulk length"),
            (b"*+1\r\n", "invalid multibulk length"),
            (b"*01\r\n", "invalid multibulk length"),
            (b"*\r\n", "invalid multibulk length"),
            (b"*9223372036854775808\r\n", "invalid multibulk length"),
            (b"*1048577\r\n", "invalid multibulk length"),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*1\r\n$+3\r\n", "invalid bulk length"),
            (b"*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
            (b"*1\r\n:1\r\n", "expected '$', got ':'"),
            (b"*1\r\n*1\r\n$1\r\na\r\n", "expected '$', got '*'"),
            (b"*1\r\n$1\r\nabc\r\n", "expected CRLF after a bulk string"),
            (b"*2\r\n$67108000\r\n", "too big request"),
        ] {
            let mut parser = RequestParser::new(Limits {
                request_bytes_max: 67_108_000,
                ..Limits::default()
            });
            let refused = parse_in_pieces(&mut parser, input, &[input.len()]).unwrap_err();
            assert_eq!(refused.to_string(), text);
        }
        let endless = vec![b'a'; LINE_BYTES_MAX + 1];
        assert_eq!(parse(&endless), Err(ProtocolError::InlineTooLong));
        let count: Vec<u8> = [b"*".as_slice(), &vec![b'1'; LINE_BYTES_MAX]].concat();
        assert_eq!(parse(&count), Err(ProtocolError::MultibulkCountTooLong));
        let length: Vec<u8> = [b"*1\r\n$".as_slice(), &vec![b'1'; LINE_BYTES_MAX]].concat();
        assert_eq!(parse(&length), Err(ProtocolError::BulkCountTooLong));
    }

    #[test]
    fn strangers_may_send_little() {
        let mut parser = RequestParser::default();
        parser.set_authenticated(false);
        assert_eq!(
            parser.parse(b"*11\r\n"),
            Err(ProtocolError::UnauthenticatedMultibulkLength)
        );
        let mut parser = RequestParser::default();
        parser.set_authenticated(false);
        assert_eq!(
            parser.parse(b"*1\r\n$16385\r\n"),
            Err(ProtocolError::UnauthenticatedBulkLength)
        );
    }

    #[test]
    fn integers_are_read_as_redis_reads_them() {
        for value in [0, 1, -1, 10, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }
        for text in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "-01",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_request_cut_into_single_bytes_costs_no_more_than_linear_work() {
        // 4 MiB in single bytes: a parser that started over would need 10^13 steps.
        let argument = vec![b'v'; 4 << 20];
        let mut input = format!("*2\r\n$3\r\nGET\r\n${}\r\n", argument.len()).into_bytes();
        input.extend_from_slice(&argument);
        input.extend_from_slice(b"\r\n");
        let requests = parse_in_pieces(&mut RequestParser::default(), &input, &[1]).unwrap();
        assert_eq!(requests, [vec![b"GET".to_vec(), argument]]);
    }

    fn encode(requests: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for request in requests {
            bytes.extend_from_slice(format!("*{}\r\n", request.len()).as_bytes());
            for argument in request {
                bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
                bytes.extend_from_slice(argument);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        bytes
    }

    /// Bytes that look like RESP often enough to get deep into the parser.
    fn resp_like() -> impl Strategy<Value = Vec<u8>> {
        let token = prop_oneof![
            Just(b"*1\r\n".to_vec()),
            Just(b"*3\r\n".to_vec()),
            Just(b"$3\r\nabc\r\n".to_vec()),
            Just(b"$0\r\n\r\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b"\"\\x4".to_vec()),
            Just(b"'\\'".to_vec()),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_parsed_whatever_the_cuts(
            requests in prop::collection::vec(
                prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6), 0..6),
            pieces in prop::collection::vec(1usize..50, 1..40),
        ) {
            let input = encode(&requests);
            let mut parser = RequestParser::default();
            prop_assert_eq!(parse_in_pieces(&mut parser, &input, &pieces).unwrap(), requests);
        }

        #[test]
        fn any_bytes_give_the_same_result_whatever_the_cuts(
            input in resp_like(),
            pieces in prop::collection::vec(1usize..8, 1..40),
        ) {
            let whole = parse(&input);
            let cut = parse_in_pieces(&mut RequestParser::default(), &input, &pieces);
            prop_assert_eq!(whole, cut);
        }
    }
}
