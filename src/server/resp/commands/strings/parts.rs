//! APPEND, GETRANGE, SETRANGE, STRLEN: parts of values.

use std::ops::Range;

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::state::View;

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::request::parse_i64;
use super::super::content::{read_value, value_to_change, write_value};

/// Longest value, bytes: Redis's `proto-max-bulk-len`.
const VALUE_BYTES_MAX: usize = 512 << 20;

pub(super) const APPEND: Command = Command {
    name: "append",
    syntax: "key value",
    arity: 3,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::String,
    since: "2.0.0",
    summary: "Adds bytes to the end of a value; a missing one is empty",
    complexity: "O(N) where N is the length of the value",
    handler: Handler::Write(append),
    ..Command::DEFAULT
};

pub(super) const STRLEN: Command = Command {
    name: "strlen",
    syntax: "key",
    arity: 2,
    flags: &[Flag::Readonly, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::String,
    since: "2.2.0",
    summary: "How many bytes a value has; a missing one has none",
    handler: Handler::Read(|view, context, arguments| {
        let value = read_value(view, context, arguments[1])?;
        Ok(Reply::count(value.map_or(0, |value| value.len())))
    }),
    ..Command::DEFAULT
};

pub(super) const GETRANGE: Command = Command {
    name: "getrange",
    syntax: "key start end",
    arity: 4,
    flags: &[Flag::Readonly],
    keys: Keys::FIRST,
    group: Group::String,
    since: "2.4.0",
    summary: "The bytes of a value from start to end, both included; negative ones count from the \
              end",
    complexity: "O(N) where N is the length of the part",
    handler: Handler::Read(getrange),
    ..Command::DEFAULT
};

pub(super) const SUBSTR: Command = Command {
    name: "substr",
    since: "1.0.0",
    summary: "The former name of GETRANGE",
    ..GETRANGE
};

pub(super) const SETRANGE: Command = Command {
    name: "setrange",
    syntax: "key offset value",
    arity: 4,
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::FIRST,
    group: Group::String,
    since: "2.2.0",
    summary: "Overwrites part of a value from an offset on; what is missing before it is zeros",
    complexity: "O(N) where N is the length of the value",
    handler: Handler::Write(setrange),
    ..Command::DEFAULT
};

fn check_length(bytes: usize) -> Result<(), CommandError> {
    match bytes <= VALUE_BYTES_MAX {
        true => Ok(()),
        false => Err(CommandError::err(
            "string exceeds maximum allowed size (proto-max-bulk-len)",
        )),
    }
}

fn append(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, tail) = (arguments[1], arguments[2]);
    let found = value_to_change(tx, context, key)?;
    let old = found.as_ref().map_or(&[][..], |found| found.value());
    check_length(old.len() + tail.len())?;
    let value = [old, tail].concat();
    let length = value.len();
    write_value(tx, context, key, found, value.into())?;
    context.notify(Class::String, "append", key);
    Ok(Reply::count(length))
}

fn setrange(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, part) = (arguments[1], arguments[3]);
    let offset = parse_i64(arguments[2]).ok_or(CommandError::NOT_AN_INTEGER)?;
    let offset =
        usize::try_from(offset).map_err(|_| CommandError::err("offset is out of range"))?;
    let found = value_to_change(tx, context, key)?;
    let old = found.as_ref().map_or(&[][..], |found| found.value());
    if part.is_empty() {
        return Ok(Reply::count(old.len()));
    }
    let end = offset.saturating_add(part.len());
    check_length(end)?;
    let mut value = old.to_vec();
    value.resize(old.len().max(end), 0);
    value[offset..end].copy_from_slice(part);
    let length = value.len();
    write_value(tx, context, key, found, value.into())?;
    context.notify(Class::String, "setrange", key);
    Ok(Reply::count(length))
}

fn getrange(
    view: &View<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let start = parse_i64(arguments[2]).ok_or(CommandError::NOT_AN_INTEGER)?;
    let end = parse_i64(arguments[3]).ok_or(CommandError::NOT_AN_INTEGER)?;
    let value = read_value(view, context, arguments[1])?;
    let value = value.map_or(&[][..], |value| value);
    Ok(Reply::copied(&value[range(start, end, value.len())]))
}

/// The bytes that Redis means by `start` and `end` in a value of `length` bytes.
fn range(start: i64, end: i64, length: usize) -> Range<usize> {
    let length = i64::try_from(length).expect("invariant: what memory holds counts in i64");
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_end = |at: i64| if at < 0 { (at + length).max(0) } else { at };
    let (start, end) = (from_end(start), from_end(end).min(length - 1));
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => start..end + 1,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_as_redis_cuts_them() {
        for (start, end, length, expected) in [
            (0, -1, 5, 0..5),
            (1, 3, 5, 1..4),
            (-3, -1, 5, 2..5),
            (-1, -3, 5, 0..0),
            (0, 99, 5, 0..5),
            (5, 9, 5, 0..0),
            (-99, -99, 5, 0..1),
            (0, -1, 0, 0..0),
            (i64::MIN, i64::MAX, 5, 0..5),
            (3, 1, 5, 0..0),
        ] {
            assert_eq!(
                range(start, end, length),
                expected,
                "{start} {end} {length}"
            );
        }
    }
}
