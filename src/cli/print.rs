//! Writes frames as redis-cli does: quoted and numbered for people, or raw for programs.

use redis_protocol::resp3::types::OwnedFrame as Frame;

/// How replies are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `1) "value"`, `(integer) 1`, `(nil)`.
    Quoted,
    /// The bytes themselves, a line each.
    Raw,
}

/// The frame for people, with a line end.
pub(super) fn quoted(frame: &Frame) -> String {
    let mut out = String::new();
    write_quoted(frame, "", &mut out);
    out
}

/// Appends `frame`; `indent` is what its lines after the first begin with.
fn write_quoted(frame: &Frame, indent: &str, out: &mut String) {
    match frame {
        Frame::BlobString { data, .. } => {
            write_escaped(data, out);
            out.push('\n');
        }
        Frame::SimpleString { data, .. }
        | Frame::VerbatimString { data, .. }
        | Frame::BigNumber { data, .. }
        | Frame::ChunkedString(data) => {
            out.push_str(&String::from_utf8_lossy(data));
            out.push('\n');
        }
        Frame::SimpleError { data, .. } => out.push_str(&format!("(error) {data}\n")),
        Frame::BlobError { data, .. } => {
            out.push_str(&format!("(error) {}\n", String::from_utf8_lossy(data)));
        }
        Frame::Null => out.push_str("(nil)\n"),
        Frame::Boolean { data, .. } => out.push_str(&format!("({data})\n")),
        Frame::Number { data, .. } => out.push_str(&format!("(integer) {data}\n")),
        Frame::Double { data, .. } => out.push_str(&format!("(double) {data}\n")),
        Frame::Array { data, .. } => {
            write_items(
                data.iter().map(|item| (item, None)),
                ')',
                "(empty array)",
                indent,
                out,
            );
        }
        Frame::Push { data, .. } => {
            write_items(
                data.iter().map(|item| (item, None)),
                ')',
                "(empty push)",
                indent,
                out,
            );
        }
        Frame::Set { data, .. } => {
            write_items(
                data.iter().map(|item| (item, None)),
                '~',
                "(empty set)",
                indent,
                out,
            );
        }
        // The decoder fills its maps from the last pair to the first.
        Frame::Map { data, .. } => {
            let items = data.iter().rev().map(|(key, value)| (key, Some(value)));
            write_items(items, '#', "(empty hash)", indent, out);
        }
        Frame::Hello { .. } => out.push_str("HELLO\n"),
    }
}

/// Appends numbered items, `key => value` where there are values.
fn write_items<'a>(
    items: impl ExactSizeIterator<Item = (&'a Frame, Option<&'a Frame>)>,
    separator: char,
    empty: &str,
    indent: &str,
    out: &mut String,
) {
    if items.len() == 0 {
        out.push_str(empty);
        out.push('\n');
        return;
    }
    let width = items.len().to_string().len();
    let inner = format!("{indent}{:1$}", "", width + 2);
    for (index, (item, value)) in items.enumerate() {
        // The first line of the first item stands behind what numbers this list itself.
        let before = if index == 0 { "" } else { indent };
        out.push_str(&format!("{before}{:>width$}{separator} ", index + 1));
        write_quoted(item, &inner, out);
        if let Some(value) = value {
            out.pop();
            out.push_str(" => ");
            if items_len(value) > 1 {
                out.push('\n');
                out.push_str(&inner);
            }
            write_quoted(value, &inner, out);
        }
    }
}

/// How many items are printed for a frame, each on a line of its own.
fn items_len(frame: &Frame) -> usize {
    match frame {
        Frame::Array { data, .. } | Frame::Push { data, .. } => data.len(),
        Frame::Set { data, .. } => data.len(),
        Frame::Map { data, .. } => data.len(),
        _ => 0,
    }
}

/// Appends `data` in double quotes, what is not printable ASCII escaped.
fn write_escaped(data: &[u8], out: &mut String) {
    out.push('"');
    for &byte in data {
        match byte {
            b'\\' | b'"' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x07 => out.push_str("\\a"),
            0x08 => out.push_str("\\b"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
}

/// The frame's bytes as they are, with a line end.
pub(super) fn raw(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    write_raw(frame, &mut out);
    if !out.ends_with(b"\n") || matches!(frame, Frame::BlobString { .. }) {
        out.push(b'\n');
    }
    out
}

fn write_raw(frame: &Frame, out: &mut Vec<u8>) {
    match frame {
        Frame::BlobString { data, .. }
        | Frame::SimpleString { data, .. }
        | Frame::VerbatimString { data, .. }
        | Frame::BigNumber { data, .. }
        | Frame::BlobError { data, .. }
        | Frame::ChunkedString(data) => out.extend_from_slice(data),
        Frame::SimpleError { data, .. } => out.extend_from_slice(data.as_bytes()),
        Frame::Null | Frame::Hello { .. } => {}
        Frame::Boolean { data, .. } => out.extend_from_slice(format!("({data})").as_bytes()),
        Frame::Number { data, .. } => out.extend_from_slice(data.to_string().as_bytes()),
        Frame::Double { data, .. } => out.extend_from_slice(data.to_string().as_bytes()),
        Frame::Array { data, .. } | Frame::Push { data, .. } => write_raw_lines(data.iter(), out),
        Frame::Set { data, .. } => write_raw_lines(data.iter(), out),
        Frame::Map { data, .. } => {
            for (index, (key, value)) in data.iter().rev().enumerate() {
                if index > 0 {
                    out.push(b'\n');
                }
                write_raw(key, out);
                out.push(b' ');
                write_raw(value, out);
            }
        }
    }
}

fn write_raw_lines<'a>(items: impl Iterator<Item = &'a Frame>, out: &mut Vec<u8>) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        write_raw(item, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::decode;
    use super::{quoted, raw};

    fn frame(text: &str) -> super::Frame {
        decode(text.as_bytes(), true)
            .expect("valid")
            .expect("complete")
            .0
    }

    #[test]
    fn nulls_of_resp2_are_nil() {
        let wire = b"*2\r\n$-1\r\n*-1\r\n";
        let (frame, length) = decode(wire, false).expect("valid").expect("complete");
        assert_eq!(
            (quoted(&frame).as_str(), length),
            ("1) (nil)\n2) (nil)\n", wire.len())
        );
    }

    #[test]
    fn scalars_are_printed_with_their_type() {
        for (wire, expected) in [
            ("+OK\r\n", "OK\n"),
            ("-ERR no\r\n", "(error) ERR no\n"),
            (":-7\r\n", "(integer) -7\n"),
            ("$5\r\na\"\n\u{e9}\r\n", "\"a\\\"\\n\\xc3\\xa9\"\n"),
            ("_\r\n", "(nil)\n"),
            (",0.5\r\n", "(double) 0.5\n"),
            ("#t\r\n", "(true)\n"),
            ("*0\r\n", "(empty array)\n"),
            ("%0\r\n", "(empty hash)\n"),
        ] {
            assert_eq!(quoted(&frame(wire)), expected, "{wire:?}");
        }
    }

    #[test]
    fn nested_lists_are_indented_under_their_number() {
        let nested = frame("*2\r\n*2\r\n$1\r\na\r\n:1\r\n*1\r\n*1\r\n$1\r\nb\r\n");
        assert_eq!(
            quoted(&nested),
            "1) 1) \"a\"\n   2) (integer) 1\n2) 1) 1) \"b\"\n"
        );
    }

    #[test]
    fn maps_keep_their_order_and_show_pairs() {
        let map = frame("%3\r\n+z\r\n:1\r\n+a\r\n%1\r\n+b\r\n_\r\n+m\r\n~1\r\n:2\r\n");
        let expected = "1# z => (integer) 1\n2# a => 1# b => (nil)\n3# m => 1~ (integer) 2\n";
        assert_eq!(quoted(&map), expected);
        assert_eq!(raw(&map), b"z 1\na b \nm 2\n");
        let long = frame("%1\r\n+z\r\n*2\r\n:1\r\n:2\r\n");
        let broken = "1# z => \n   1) (integer) 1\n   2) (integer) 2\n";
        assert_eq!(quoted(&long), broken);
    }

    #[test]
    fn numbers_line_up() {
        let many = format!("*10\r\n{}", ":0\r\n".repeat(10));
        let text = quoted(&frame(&many));
        assert!(text.starts_with(" 1) (integer) 0\n 2) "), "{text}");
        assert!(text.ends_with("10) (integer) 0\n"), "{text}");
    }

    #[test]
    fn raw_replies_are_their_bytes() {
        assert_eq!(raw(&frame("*2\r\n$1\r\na\r\n:1\r\n")), b"a\n1\n");
        assert_eq!(raw(&frame("$2\r\na\n\r\n")), b"a\n\n");
        assert_eq!(raw(&frame("_\r\n")), b"\n");
    }
}
