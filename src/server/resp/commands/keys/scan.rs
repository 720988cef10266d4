//! KEYS, SCAN, RANDOMKEY: which keys there are, in the order of their names' hashes. What HSCAN
//! shares with SCAN is here too.

use ladybug_engine::space::state::View;

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::glob;
use super::super::super::random::{Random, random_u64};
use super::super::super::reply::Reply;
use super::super::super::request::parse_i64;
use super::super::content::type_name;

pub(super) const KEYS: Command = Command {
    name: "keys",
    syntax: "pattern",
    arity: 2,
    flags: &[Flag::Readonly],
    group: Group::Generic,
    summary: "All keys that match a glob pattern",
    complexity: "O(N) where N is the number of keys",
    handler: Handler::Read(keys),
    ..Command::DEFAULT
};

pub(super) const SCAN: Command = Command {
    name: "scan",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    arity: -2,
    flags: &[Flag::Readonly],
    group: Group::Generic,
    since: "2.8.0",
    summary: "A page of the keys and the cursor of the next page; 0 begins and ends. Every key \
              that is there throughout appears",
    complexity: "O(N) for all pages, where N is the number of keys",
    handler: Handler::Read(scan),
    ..Command::DEFAULT
};

pub(super) const RANDOMKEY: Command = Command {
    name: "randomkey",
    flags: &[Flag::Readonly],
    keys: Keys::NONE,
    group: Group::Generic,
    summary: "Any key",
    handler: Handler::Read(|view, _, _| Ok(random_key(view))),
    ..Command::DEFAULT
};

/// Names a page of SCAN holds unless told otherwise.
const PAGE: usize = 10;
/// Neighbours by hash among which RANDOMKEY draws, so that a key behind a wide gap is not drawn
/// much more often than others.
const DRAW: usize = 32;

fn keys(view: &View<'_>, _: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let pattern = arguments[1];
    let names = view.nodes().filter_map(|node| node.name());
    let names = names.filter(|name| pattern == b"*" || glob::matches(pattern, name, false));
    Ok(Reply::Array(names.cloned().map(Reply::Value).collect()))
}

fn scan(view: &View<'_>, _: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let cursor = parse_cursor(arguments[1])?;
    let options = ScanOptions::parse(&arguments[2..], true)?;
    let (nodes, next) = view.scan(cursor, options.count);
    let nodes = nodes
        .into_iter()
        .filter(|node| options.admits_type(type_name(*node)));
    let names = nodes.filter_map(|node| node.name());
    let names = names.filter(|name| options.admits(name));
    let names = names.cloned().map(Reply::Value).collect();
    Ok(page(next, names))
}

/// A cursor and what is on its page.
pub(in super::super) fn page(next: Option<u64>, items: Vec<Reply>) -> Reply {
    let next = next.unwrap_or(0).to_string();
    Reply::Array(vec![Reply::bulk(next), Reply::Array(items)])
}

/// Reads a cursor as C's `strtoul` does, which Redis uses: an empty one is 0, a minus counts down
/// from 2^64.
pub(in super::super) fn parse_cursor(text: &[u8]) -> Result<u64, CommandError> {
    let wrong = CommandError::err("invalid cursor");
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(wrong);
    }
    let digits = std::str::from_utf8(digits).expect("invariant: digits are text");
    let cursor: u64 = digits.parse().map_err(|_| wrong)?;
    Ok(if negative {
        cursor.wrapping_neg()
    } else {
        cursor
    })
}

/// What SCAN and HSCAN take behind the cursor.
#[derive(Debug)]
pub(in super::super) struct ScanOptions<'a> {
    /// How many to look at.
    pub count: usize,
    pattern: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> ScanOptions<'a> {
    pub(in super::super) fn parse(
        mut arguments: &[&'a [u8]],
        has_type: bool,
    ) -> Result<Self, CommandError> {
        let mut options = Self {
            count: PAGE,
            pattern: None,
            kind: None,
        };
        while let [option, rest @ ..] = arguments {
            let [value, rest @ ..] = rest else {
                return Err(CommandError::SYNTAX);
            };
            match option.to_ascii_lowercase().as_slice() {
                b"count" => {
                    let count = parse_i64(value).ok_or(CommandError::NOT_AN_INTEGER)?;
                    let count = usize::try_from(count).map_err(|_| CommandError::SYNTAX)?;
                    if count == 0 {
                        return Err(CommandError::SYNTAX);
                    }
                    options.count = count;
                }
                b"match" => options.pattern = Some(*value).filter(|pattern| *pattern != b"*"),
                b"type" if has_type => options.kind = Some(*value),
                _ => return Err(CommandError::SYNTAX),
            }
            arguments = rest;
        }
        Ok(options)
    }

    /// Whether a name is asked for.
    pub(in super::super) fn admits(&self, name: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, name, false))
    }

    fn admits_type(&self, name: &str) -> bool {
        self.kind
            .is_none_or(|kind| kind.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn random_key(view: &View<'_>) -> Reply {
    let mut cursor = random_u64();
    // Once around at most, from where the draw fell to the end and then from the start.
    for _ in 0..2 {
        let mut next = Some(cursor);
        while let Some(at) = next {
            let (nodes, following) = view.scan(at, DRAW);
            next = following;
            if nodes.is_empty() {
                continue;
            }
            let drawn = nodes[Random::new().below(nodes.len())].name();
            return drawn.cloned().map_or(Reply::Nil, Reply::Value);
        }
        cursor = 0;
    }
    Reply::Nil
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_redis_reads_them() {
        for (text, expected) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("+5", Some(5)),
            ("-1", Some(u64::MAX)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("x", None),
            ("1x", None),
            (" 1", None),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn options_come_in_pairs_and_type_is_for_scan_alone() {
        let parse = |words: &[&'static str], has_type| {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            ScanOptions::parse(&words, has_type).map(|options| options.count)
        };
        assert_eq!(parse(&["MATCH", "a*", "COUNT", "7"], true), Ok(7));
        assert_eq!(parse(&["TYPE", "hash"], true), Ok(PAGE));
        assert_eq!(parse(&["TYPE", "hash"], false), Err(CommandError::SYNTAX));
        assert_eq!(parse(&["COUNT"], true), Err(CommandError::SYNTAX));
        assert_eq!(parse(&["COUNT", "0"], true), Err(CommandError::SYNTAX));
        assert_eq!(
            parse(&["COUNT", "x"], true),
            Err(CommandError::NOT_AN_INTEGER)
        );
    }
}
