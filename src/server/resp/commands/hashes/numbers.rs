//! HINCRBY and HINCRBYFLOAT: fields that are numbers.

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::fields::FieldValue;

use super::super::super::command::{Command, Flag, Handler};
use super::super::super::context::Context;
use super::super::super::digits::Digits;
use super::super::super::error::CommandError;
use super::super::super::extended::Extended;
use super::super::super::notify::Class;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::super::request::parse_i64;
use super::super::number::{OVERFLOW, add_floats};
use super::{FIELDS, field, node_to_change};

pub(super) const HINCRBY: Command = Command {
    name: "hincrby",
    syntax: "key field increment",
    arity: 4,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    summary: "Adds to a field that is an integer; a missing one is 0",
    handler: Handler::Write(increment),
    ..FIELDS
};

pub(super) const HINCRBYFLOAT: Command = Command {
    name: "hincrbyfloat",
    syntax: "key field increment",
    arity: 4,
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    since: "2.6.0",
    summary: "Adds to a field that is a number; a missing one is 0",
    handler: Handler::Write(increment_float),
    ..FIELDS
};

/// A field that a query language made an integer stays one.
fn increment(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, name) = (arguments[1], arguments[2]);
    let by = parse_i64(arguments[3]).ok_or(CommandError::NOT_AN_INTEGER)?;
    let address = node_to_change(tx, context, key)?;
    let (old, is_typed) = match field(tx, address, name) {
        None => (Some(0), false),
        Some(FieldValue::Integer(number)) => (Some(*number), true),
        Some(other) => (parse_i64(&other.text()), false),
    };
    let old = old.ok_or(CommandError::fixed("ERR", "hash value is not an integer"))?;
    let new = old.checked_add(by).ok_or(OVERFLOW)?;
    let value = match is_typed {
        true => FieldValue::Integer(new),
        false => FieldValue::Bytes(Digits::of(new).as_bytes().into()),
    };
    tx.set_field(address, name, Some(value))?;
    context.notify(Class::Hash, "hincrby", key);
    Ok(Integer(new))
}

fn increment_float(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, name) = (arguments[1], arguments[2]);
    let by = Extended::parse(arguments[3]).ok_or(CommandError::NOT_A_FLOAT)?;
    if !by.is_finite() {
        return Err(CommandError::err("value is NaN or Infinity"));
    }
    let address = node_to_change(tx, context, key)?;
    let old = match field(tx, address, name) {
        None => Some(Extended::ZERO),
        Some(value) => Extended::parse(&value.text()),
    };
    let old = old.ok_or(CommandError::fixed("ERR", "hash value is not a float"))?;
    let text = add_floats(old, by)?;
    let value = FieldValue::Bytes(text.as_bytes().into());
    tx.set_field(address, name, Some(value))?;
    context.notify(Class::Hash, "hincrbyfloat", key);
    Ok(Reply::bulk(text))
}
