//! INCR, DECR and their kin: values that are numbers.

use ladybug_engine::commit::transaction::Transaction;

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::digits::Digits;
use super::super::super::error::CommandError;
use super::super::super::extended::Extended;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::super::request::parse_i64;
use super::super::content::{value_to_change, write_value};
use super::super::number::{OVERFLOW, add_floats};

/// What the commands of this file share.
const NUMBER: Command = Command {
    syntax: "key",
    arity: 2,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    keys: Keys::FIRST,
    group: Group::String,
    ..Command::DEFAULT
};

pub(super) const INCR: Command = Command {
    name: "incr",
    summary: "Adds one to a value that is an integer; a missing one is 0",
    handler: Handler::Write(|tx, context, arguments| increment(tx, context, arguments[1], 1)),
    ..NUMBER
};

pub(super) const DECR: Command = Command {
    name: "decr",
    summary: "Takes one from a value that is an integer; a missing one is 0",
    handler: Handler::Write(|tx, context, arguments| increment(tx, context, arguments[1], -1)),
    ..NUMBER
};

pub(super) const INCRBY: Command = Command {
    name: "incrby",
    syntax: "key increment",
    arity: 3,
    summary: "Adds to a value that is an integer; a missing one is 0",
    handler: Handler::Write(|tx, context, arguments| {
        let by = parse_i64(arguments[2]).ok_or(CommandError::NOT_AN_INTEGER)?;
        increment(tx, context, arguments[1], by)
    }),
    ..NUMBER
};

pub(super) const DECRBY: Command = Command {
    name: "decrby",
    syntax: "key decrement",
    arity: 3,
    summary: "Takes from a value that is an integer; a missing one is 0",
    handler: Handler::Write(|tx, context, arguments| {
        let by = parse_i64(arguments[2]).ok_or(CommandError::NOT_AN_INTEGER)?;
        let by = by
            .checked_neg()
            .ok_or(CommandError::fixed("ERR", "decrement would overflow"))?;
        increment(tx, context, arguments[1], by)
    }),
    ..NUMBER
};

pub(super) const INCRBYFLOAT: Command = Command {
    name: "incrbyfloat",
    syntax: "key increment",
    arity: 3,
    since: "2.6.0",
    summary: "Adds to a value that is a number; a missing one is 0",
    handler: Handler::Write(increment_float),
    ..NUMBER
};

fn increment(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
    by: i64,
) -> Result<Reply, CommandError> {
    let found = value_to_change(tx, context, key)?;
    let old = match found
        .as_ref()
        .and_then(|found| found.content.value.as_deref())
    {
        Some(value) => parse_i64(value).ok_or(CommandError::NOT_AN_INTEGER)?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(OVERFLOW)?;
    write_value(tx, context, key, found, Digits::of(new).as_bytes().into())?;
    context.notify(Class::String, "incrby", key);
    Ok(Integer(new))
}

fn increment_float(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let found = value_to_change(tx, context, key)?;
    let old = match found
        .as_ref()
        .and_then(|found| found.content.value.as_deref())
    {
        Some(value) => Extended::parse(value).ok_or(CommandError::NOT_A_FLOAT)?,
        None => Extended::ZERO,
    };
    let by = Extended::parse(arguments[2]).ok_or(CommandError::NOT_A_FLOAT)?;
    let text = add_floats(old, by)?;
    write_value(tx, context, key, found, text.as_bytes().into())?;
    context.notify(Class::String, "incrbyfloat", key);
    Ok(Reply::bulk(text))
}
