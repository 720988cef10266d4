//! Replies and their rendering: RESP2, RESP3 and, for HTTP, JSON.
//!
//! Scalars are encoded by `redis-protocol`, except three. Integers: it reckons the digits of large ones in
//! floats, and then sends one byte too many. Bulk strings and statuses: it reckons lengths in floats too and
//! zero-fills what it then copies, a tenth of the instructions of a pipelined GET, and 4 % of a SET's. The
//! frames of arrays, maps and sets are written here, because that crate's own their members, and its
//! maps and sets are hash tables, while replies have an order.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use redis_protocol::resp2::encode as resp2;
use redis_protocol::resp2::types::BorrowedFrame as Frame2;
use redis_protocol::resp3::encode::complete as resp3;
use redis_protocol::resp3::types::{BorrowedFrame as Frame3, VerbatimStringFormat};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::digits::Digits;
use super::error::CommandError;

/// Bytes of a value that is copied in less time than it takes to find: 4 KiB.
const SHORT_BYTES: usize = 4096;

/// The version of RESP a client speaks: 2 until it says `HELLO 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2: no maps, sets, doubles, booleans or pushes.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

impl Protocol {
    /// As `HELLO` and `CLIENT LIST` number it.
    pub fn number(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// What a command answers. Nesting is as deep as the command makes it: rendering recurs, so a
/// command that nests user data bounds its depth.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A status such as `OK`, without line ends.
    Simple(Cow<'static, str>),
    /// A refusal.
    Error(CommandError),
    /// A signed integer.
    Integer(i64),
    /// Bytes.
    Bulk(Bytes),
    /// Bytes as the engine holds them: not copied before they are rendered.
    Value(Arc<[u8]>),
    /// Nothing, where a bulk string was possible.
    Nil,
    /// Nothing, where an array was possible.
    NilArray,
    /// A list.
    Array(Vec<Reply>),
    /// Pairs in the order given; in RESP2 an array of keys and values in turn.
    Map(Vec<(Reply, Reply)>),
    /// Members in the order given; in RESP2 an array.
    Set(Vec<Reply>),
    /// A number; in RESP2 a bulk string.
    Double(f64),
    /// True or false; in RESP2 1 or 0.
    Boolean(bool),
    /// Text for people; in RESP2 a bulk string.
    Verbatim(Bytes),
    /// A message that answers no request; in RESP2 an array.
    Push(Vec<Reply>),
    /// Several replies one after the other: what SUBSCRIBE answers.
    Sequence(Vec<Reply>),
    /// Nothing is sent.
    NoReply,
}

impl Reply {
    /// `+OK`.
    pub const OK: Self = Self::Simple(Cow::Borrowed("OK"));

    /// A bulk string of bytes that outlive the server or belong to the reply.
    pub fn bulk(bytes: impl Into<Bytes>) -> Self {
        Self::Bulk(bytes.into())
    }

    /// A bulk string of text that is written in the source.
    pub const fn text(text: &'static str) -> Self {
        Self::Bulk(Bytes::from_static(text.as_bytes()))
    }

    /// A bulk string of a copy of `bytes`.
    pub fn copied(bytes: &[u8]) -> Self {
        Self::Bulk(Bytes::copy_from_slice(bytes))
    }

    /// A count.
    pub fn count(count: usize) -> Self {
        Self::Integer(i64::try_from(count).expect("invariant: what memory holds counts in i64"))
    }

    /// Whether the command refused.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Whether it is one value and rendered in a moment, which is one of at most [`SHORT_BYTES`].
    pub fn is_short(&self) -> bool {
        match self {
            Self::Bulk(bytes) => bytes.len() <= SHORT_BYTES,
            Self::Value(bytes) => bytes.len() <= SHORT_BYTES,
            Self::Simple(_) | Self::Integer(_) | Self::Nil | Self::Double(_) | Self::Boolean(_) => {
                true
            }
            _ => false,
        }
    }

    /// Appends the reply as `protocol` writes it.
    pub fn render(&self, protocol: Protocol, out: &mut BytesMut) {
        let is_resp3 = protocol == Protocol::Resp3;
        match self {
            Self::Simple(text) => {
                out.put_u8(b'+');
                out.put_slice(text.as_bytes());
                out.put_slice(b"\r\n");
            }
            Self::Error(error) => render_error(error, out),
            Self::Integer(value) => put_number(b':', *value, out),
            Self::Bulk(bytes) => render_bulk(bytes, out),
            Self::Value(bytes) => render_bulk(bytes, out),
            Self::Nil | Self::NilArray if is_resp3 => typed_scalar(out, &Frame3::Null),
            Self::Nil => scalar(out, &Frame2::Null),
            Self::NilArray => out.put_slice(b"*-1\r\n"),
            Self::Array(items) => render_items(b'*', items, protocol, out),
            Self::Set(items) => {
                render_items(if is_resp3 { b'~' } else { b'*' }, items, protocol, out)
            }
            Self::Push(items) => {
                render_items(if is_resp3 { b'>' } else { b'*' }, items, protocol, out)
            }
            Self::Map(pairs) => {
                if is_resp3 {
                    put_header(b'%', pairs.len(), out);
                } else {
                    put_header(b'*', pairs.len() * 2, out);
                }
                for (key, value) in pairs {
                    key.render(protocol, out);
                    value.render(protocol, out);
                }
            }
            Self::Double(value) if is_resp3 => {
                out.put_u8(b',');
                out.put_slice(format_double(*value).as_bytes());
                out.put_slice(b"\r\n");
            }
            Self::Double(value) => render_bulk(format_double(*value).as_bytes(), out),
            Self::Boolean(value) if is_resp3 => {
                typed_scalar(
                    out,
                    &Frame3::Boolean {
                        data: *value,
                        attributes: None,
                    },
                );
            }
            Self::Boolean(value) => put_number(b':', i64::from(*value), out),
            Self::Verbatim(text) if is_resp3 => typed_scalar(
                out,
                &Frame3::VerbatimString {
                    data: text,
                    format: VerbatimStringFormat::Text,
                    attributes: None,
                },
            ),
            Self::Verbatim(text) => render_bulk(text, out),
            Self::Sequence(replies) => {
                for reply in replies {
                    reply.render(protocol, out);
                }
            }
            Self::NoReply => {}
        }
    }
}

impl From<Result<Reply, CommandError>> for Reply {
    fn from(result: Result<Reply, CommandError>) -> Self {
        result.unwrap_or_else(Self::Error)
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

/// The simplest form is JSON's own: bytes that are text become a string, others `{"hex": "…"}`;
/// an error is `{"error": {"code": …, "message": …}}`; a number JSON cannot write, such as
/// infinity, is a string.
impl Serialize for Reply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Simple(text) => serializer.serialize_str(text),
            Self::Error(error) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("error", &ErrorJson(error))?;
                map.end()
            }
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Bulk(bytes) | Self::Verbatim(bytes) => serialize_bytes(bytes, serializer),
            Self::Value(bytes) => serialize_bytes(bytes, serializer),
            Self::Nil | Self::NilArray | Self::NoReply => serializer.serialize_unit(),
            Self::Array(items) | Self::Set(items) | Self::Push(items) | Self::Sequence(items) => {
                serializer.collect_seq(items)
            }
            Self::Map(pairs) => {
                serializer.collect_map(pairs.iter().map(|(key, value)| (key.json_key(), value)))
            }
            Self::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::Double(value) => serializer.serialize_str(&format_double(*value)),
            Self::Boolean(value) => serializer.serialize_bool(*value),
        }
    }
}

impl Reply {
    /// A key of a JSON object, which is always a string.
    fn json_key(&self) -> Cow<'_, str> {
        match self {
            Self::Simple(text) => Cow::Borrowed(text),
            Self::Bulk(bytes) | Self::Verbatim(bytes) => String::from_utf8_lossy(bytes),
            Self::Value(bytes) => String::from_utf8_lossy(bytes),
            Self::Integer(value) => Cow::Owned(value.to_string()),
            Self::Double(value) => Cow::Owned(format_double(*value)),
            other => Cow::Owned(format!("{other:?}")),
        }
    }
}

struct ErrorJson<'a>(&'a CommandError);

impl Serialize for ErrorJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("code", self.0.code)?;
        map.serialize_entry("message", &self.0.message)?;
        map.end()
    }
}

fn serialize_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => {
            let mut hex = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                hex.push_str(&format!("{byte:02x}"));
            }
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry("hex", &hex)?;
            map.end()
        }
    }
}

/// Scalars that both versions write alike.
fn scalar(out: &mut BytesMut, frame: &Frame2<'_>) {
    resp2::extend_encode_borrowed(out, frame, false)
        .expect("invariant: the buffer was extended to the frame's length");
}

/// Scalars of RESP3 alone.
fn typed_scalar(out: &mut BytesMut, frame: &Frame3<'_>) {
    resp3::extend_encode_borrowed(out, frame, false)
        .expect("invariant: the buffer was extended to the frame's length");
}

fn render_bulk(bytes: &[u8], out: &mut BytesMut) {
    // The header and two line ends take at most 25 bytes.
    out.reserve(bytes.len() + 25);
    put_header(b'$', bytes.len(), out);
    out.put_slice(bytes);
    out.put_slice(b"\r\n");
}

/// A line end inside an error would end it: they become blanks, as in Redis.
fn render_error(error: &CommandError, out: &mut BytesMut) {
    let line = error.to_string().replace(['\r', '\n'], " ");
    scalar(out, &Frame2::Error(&line));
}

fn render_items(kind: u8, items: &[Reply], protocol: Protocol, out: &mut BytesMut) {
    put_header(kind, items.len(), out);
    for item in items {
        item.render(protocol, out);
    }
}

/// The line that opens an aggregate or a bulk string.
fn put_header(kind: u8, count: usize, out: &mut BytesMut) {
    let count = i64::try_from(count).expect("invariant: what memory holds counts in i64");
    put_number(kind, count, out);
}

/// A line that holds a number.
fn put_number(kind: u8, number: i64, out: &mut BytesMut) {
    out.put_u8(kind);
    out.put_slice(Digits::of(number).as_bytes());
    out.put_slice(b"\r\n");
}

/// A double as Redis prints one since 7.2: the shortest digits that read back to the same number,
/// integers without a point, an exponent only where it is shorter.
pub fn format_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Rust's exponent form has the shortest digits: d.ddde±x.
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("invariant: the exponent form has an e");
    let exponent: i32 = exponent
        .parse()
        .expect("invariant: the exponent is a number");
    if (-7..21).contains(&exponent) {
        return value.to_string();
    }
    format!(
        "{mantissa}e{}{}",
        if exponent < 0 { '-' } else { '+' },
        exponent.abs()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(reply: &Reply, protocol: Protocol) -> String {
        let mut out = BytesMut::new();
        reply.render(protocol, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn every_kind_is_written_as_redis_writes_it() {
        let error = || CommandError::err("no\r\nend");
        for (reply, in_resp2, in_resp3) in [
            (Reply::OK, "+OK\r\n", "+OK\r\n"),
            (
                Reply::Error(error()),
                "-ERR no  end\r\n",
                "-ERR no  end\r\n",
            ),
            (
                Reply::Integer(i64::MIN),
                ":-9223372036854775808\r\n",
                ":-9223372036854775808\r\n",
            ),
            (Reply::text("héllo"), "$6\r\nhéllo\r\n", "$6\r\nhéllo\r\n"),
            (Reply::text(""), "$0\r\n\r\n", "$0\r\n\r\n"),
            (Reply::Value(Arc::from(*b"v")), "$1\r\nv\r\n", "$1\r\nv\r\n"),
            (Reply::Nil, "$-1\r\n", "_\r\n"),
            (Reply::NilArray, "*-1\r\n", "_\r\n"),
            (Reply::Array(vec![]), "*0\r\n", "*0\r\n"),
            (
                Reply::Array(vec![Reply::Nil, Reply::Array(vec![Reply::Integer(1)])]),
                "*2\r\n$-1\r\n*1\r\n:1\r\n",
                "*2\r\n_\r\n*1\r\n:1\r\n",
            ),
            (
                Reply::Map(vec![
                    (Reply::text("b"), Reply::Integer(1)),
                    (Reply::text("a"), Reply::Integer(2)),
                ]),
                "*4\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n:2\r\n",
                "%2\r\n$1\r\nb\r\n:1\r\n$1\r\na\r\n:2\r\n",
            ),
            (
                Reply::Set(vec![Reply::Integer(1)]),
                "*1\r\n:1\r\n",
                "~1\r\n:1\r\n",
            ),
            (
                Reply::Push(vec![Reply::Integer(1)]),
                "*1\r\n:1\r\n",
                ">1\r\n:1\r\n",
            ),
            (Reply::Double(0.1), "$3\r\n0.1\r\n", ",0.1\r\n"),
            (
                Reply::Double(f64::NEG_INFINITY),
                "$4\r\n-inf\r\n",
                ",-inf\r\n",
            ),
            (Reply::Boolean(true), ":1\r\n", "#t\r\n"),
            (Reply::Boolean(false), ":0\r\n", "#f\r\n"),
            (
                Reply::Verbatim(Bytes::from_static(b"a\nb")),
                "$3\r\na\nb\r\n",
                "=7\r\ntxt:a\nb\r\n",
            ),
            (
                Reply::Sequence(vec![Reply::OK, Reply::OK]),
                "+OK\r\n+OK\r\n",
                "+OK\r\n+OK\r\n",
            ),
            (Reply::NoReply, "", ""),
        ] {
            assert_eq!(
                render(&reply, Protocol::Resp2),
                in_resp2,
                "{reply:?} in RESP2"
            );
            assert_eq!(
                render(&reply, Protocol::Resp3),
                in_resp3,
                "{reply:?} in RESP3"
            );
        }
    }

    #[test]
    fn integers_of_any_size_are_one_line() {
        let powers = (0..19).map(|power| 10i64.pow(power));
        let near = powers.flat_map(|power| [power - 1, power, -power, i64::MAX / power]);
        for number in near.chain([i64::MAX, i64::MIN, i64::MAX - 1]) {
            let expected = format!(":{number}\r\n");
            assert_eq!(render(&Reply::Integer(number), Protocol::Resp2), expected);
            assert_eq!(render(&Reply::Integer(number), Protocol::Resp3), expected);
        }
    }

    proptest! {
        #[test]
        fn statuses_are_the_bytes_that_redis_protocol_writes(text in "[ -~]{0,40}") {
            let mut expected = BytesMut::new();
            scalar(&mut expected, &Frame2::SimpleString(text.as_bytes()));
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                let mut out = BytesMut::new();
                Reply::Simple(text.clone().into()).render(protocol, &mut out);
                prop_assert_eq!(&out, &expected);
            }
        }

        #[test]
        fn bulk_strings_are_the_bytes_that_redis_protocol_writes(
            bytes in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            let mut expected = BytesMut::new();
            scalar(&mut expected, &Frame2::BulkString(&bytes));
            for protocol in [Protocol::Resp2, Protocol::Resp3] {
                for reply in [Reply::copied(&bytes), Reply::Value(bytes.as_slice().into())] {
                    let mut out = BytesMut::new();
                    reply.render(protocol, &mut out);
                    prop_assert_eq!(&out, &expected);
                }
            }
        }
    }

    #[test]
    fn doubles_have_the_shortest_digits_that_read_back() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-3.5, "-3.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-7, "0.0000001"),
            (1.5e-8, "1.5e-8"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(format_double(value), text);
        }
    }

    #[test]
    fn json_keeps_order_and_loses_no_bytes() {
        let reply = Reply::Map(vec![
            (
                Reply::text("z"),
                Reply::Array(vec![Reply::Nil, Reply::Boolean(true), Reply::OK]),
            ),
            (Reply::text("a"), Reply::Double(0.5)),
            (Reply::Integer(1), Reply::Double(f64::INFINITY)),
            (
                Reply::text("raw"),
                Reply::Bulk(Bytes::from_static(b"\xff\x00")),
            ),
            (Reply::text("e"), Reply::Error(CommandError::SYNTAX)),
        ]);
        assert_eq!(
            serde_json::to_string(&reply).unwrap(),
            r#"{"z":[null,true,"OK"],"a":0.5,"1":"inf","raw":{"hex":"ff00"},"e":{"error":{"code":"ERR","message":"syntax error"}}}"#
        );
    }
}
