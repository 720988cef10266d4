//! Commands on values. SET and GET with Ladybug's options, numbers and parts of values have files of
//! their own.

mod feel;
mod numbers;
mod parts;
pub mod set;

use std::sync::Arc;

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::state::View;

use super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;
use super::super::reply::Reply;
use super::super::reply::Reply::Integer;
use super::content::{count_lookup, delete, read_node, read_value, touch, value_of};
use super::expiry::Unit;

/// The family.
pub const COMMANDS: &[Command] = &[
    parts::APPEND,
    numbers::DECR,
    numbers::DECRBY,
    Command {
        name: "get",
        syntax: "key [FEEL] [TRACE] [DECAY half-life-seconds]",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::String,
        summary: "The value of a key; with an option a map of all the node is: FEEL adds nothing \
                  more, TRACE where it comes from, DECAY how active it still is",
        handler: Handler::Read(get),
        ..Command::DEFAULT
    },
    Command {
        name: "getdel",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::String,
        since: "6.2.0",
        summary: "The value of a key, which is removed",
        handler: Handler::Write(getdel),
        ..Command::DEFAULT
    },
    Command {
        name: "getex",
        syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
                 PXAT unix-time-milliseconds | PERSIST]",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::String,
        since: "6.2.0",
        summary: "The value of a key, whose time to live is set or taken away",
        handler: Handler::Write(getex),
        ..Command::DEFAULT
    },
    parts::GETRANGE,
    Command {
        name: "getset",
        syntax: "key value",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::String,
        summary: "Sets a value and answers the old one",
        handler: Handler::Write(getset),
        ..Command::DEFAULT
    },
    numbers::INCR,
    numbers::INCRBY,
    numbers::INCRBYFLOAT,
    Command {
        name: "mget",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::ALL,
        group: Group::String,
        summary: "The values of keys; nil for those that have none",
        complexity: "O(N) where N is the number of keys",
        handler: Handler::Read(mget),
        ..Command::DEFAULT
    },
    Command {
        name: "mset",
        syntax: "key value [key value ...]",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::PAIRS,
        group: Group::String,
        since: "1.0.1",
        summary: "Sets several values at once",
        complexity: "O(N) where N is the number of keys",
        handler: Handler::Write(|tx, context, arguments| {
            mset(tx, context, arguments, "mset")?;
            Ok(Reply::OK)
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "msetnx",
        syntax: "key value [key value ...]",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::PAIRS,
        group: Group::String,
        since: "1.0.1",
        summary: "Sets several values at once, if none of the keys is there",
        complexity: "O(N) where N is the number of keys",
        handler: Handler::Write(msetnx),
        ..Command::DEFAULT
    },
    Command {
        name: "psetex",
        syntax: "key milliseconds value",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::FIRST,
        group: Group::String,
        since: "2.6.0",
        summary: "Sets a value and its time to live in milliseconds",
        handler: Handler::Write(|tx, context, arguments| {
            setex(tx, context, arguments, Unit::Milliseconds, "psetex")
        }),
        ..Command::DEFAULT
    },
    set::SET,
    Command {
        name: "setex",
        syntax: "key seconds value",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::FIRST,
        group: Group::String,
        since: "2.0.0",
        summary: "Sets a value and its time to live in seconds",
        handler: Handler::Write(|tx, context, arguments| {
            setex(tx, context, arguments, Unit::Seconds, "setex")
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "setnx",
        syntax: "key value",
        arity: 3,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::String,
        summary: "Sets a value, if the key is not there",
        handler: Handler::Write(setnx),
        ..Command::DEFAULT
    },
    parts::SETRANGE,
    parts::STRLEN,
    parts::SUBSTR,
];

fn bulk_or_nil(value: Option<Arc<[u8]>>) -> Reply {
    value.map_or(Reply::Nil, Reply::Value)
}

fn get(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    if arguments.len() > 2 {
        return feel::get(view, context, arguments);
    }
    let key = arguments[1];
    let node = view.find(key);
    // Taken before anything is counted: what is far away in memory is fetched meanwhile.
    let value = node
        .map(value_of)
        .transpose()
        .map(|value| value.flatten().cloned());
    count_lookup(context, key, node.is_some());
    if let Some(node) = node {
        touch(view, context, node);
    }
    value.map(bulk_or_nil)
}

fn mget(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let value = |key: &&[u8]| {
        let node = read_node(view, context, key);
        bulk_or_nil(node.and_then(|node| node.value().cloned()))
    };
    Ok(Reply::Array(arguments[1..].iter().map(value).collect()))
}

fn getdel(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let value = read_value(&tx.view(), context, arguments[1])?.cloned();
    if value.is_some() {
        delete(tx, context, arguments[1])?;
    }
    Ok(bulk_or_nil(value))
}

fn getex(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let mut time: Option<(Unit, &[u8])> = None;
    let mut persists = false;
    let mut options = &arguments[2..];
    while let [option, rest @ ..] = options {
        options = rest;
        if option.eq_ignore_ascii_case(b"persist") && time.is_none() {
            persists = true;
        } else if let Some(unit) = Unit::of_option(option)
            && let [text, rest @ ..] = rest
            && !persists
            && time.is_none_or(|(earlier, _)| earlier == unit)
        {
            time = Some((unit, text));
            options = rest;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let Some(node) = read_node(&tx.view(), context, key) else {
        return Ok(Reply::Nil);
    };
    let Some(value) = value_of(node)?.cloned() else {
        return Ok(Reply::Nil);
    };
    let (address, old) = (node.address(), node.expires());
    if let Some((unit, text)) = time {
        let moment = unit.later(text, tx.now(), "getex")?;
        if moment <= tx.now() {
            delete(tx, context, key)?;
        } else {
            tx.set_expiry(address, Some(moment))?;
            context.notify(Class::Generic, "expire", key);
        }
    } else if persists && old.is_some() {
        tx.set_expiry(address, None)?;
        context.notify(Class::Generic, "persist", key);
    }
    Ok(Reply::Value(value))
}

fn getset(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let old = read_value(&tx.view(), context, arguments[1])?.cloned();
    set::put(tx, context, arguments[1], arguments[2], None)?;
    Ok(bulk_or_nil(old))
}

fn setnx(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    if tx.find(arguments[1]).is_some() {
        return Ok(Integer(0));
    }
    set::put(tx, context, arguments[1], arguments[2], None)?;
    Ok(Integer(1))
}

fn setex(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
    unit: Unit,
    command: &str,
) -> Result<Reply, CommandError> {
    let moment = unit.later(arguments[2], tx.now(), command)?;
    set::put(tx, context, arguments[1], arguments[3], Some(moment))?;
    Ok(Reply::OK)
}

fn mset(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
    command: &str,
) -> Result<(), CommandError> {
    let (pairs, rest) = arguments[1..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::wrong_arity(command));
    }
    for [key, value] in pairs {
        set::put(tx, context, key, value, None)?;
    }
    Ok(())
}

fn msetnx(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let keys = arguments[1..].iter().step_by(2);
    let is_even = arguments.len() % 2 == 1;
    if is_even && keys.into_iter().any(|key| tx.find(key).is_some()) {
        return Ok(Integer(0));
    }
    mset(tx, context, arguments, "msetnx")?;
    Ok(Integer(1))
}
