//! Commands on keys, whatever they hold: DEL, EXISTS, RENAME, COPY and the like. Expiry, scans and
//! introspection have files of their own.

mod expiring;
mod object;
mod scan;
mod transfer;

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::state::View;

use super::super::command::{Command, Flag, Group, Handler, Keys, Spaces};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;
use super::super::reply::Reply;
use super::super::reply::Reply::Integer;
use super::content::{delete, peek, read_node, type_name};

pub(super) use scan::{ScanOptions, page, parse_cursor};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "copy",
        syntax: "source destination [DB destination-db] [REPLACE]",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::FIRST_TWO,
        group: Group::Generic,
        since: "6.2.0",
        summary: "Copies a key's value, fields and time to live, with kinds, truth and qualia but \
                  without edges",
        complexity: "O(N) where N is the number of fields",
        spaces: Spaces::Argument(transfer::copy_space),
        handler: Handler::Write(transfer::copy),
        ..Command::DEFAULT
    },
    Command {
        name: "del",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Write],
        keys: Keys::ALL,
        group: Group::Generic,
        summary: "Removes keys, with their edges",
        complexity: "O(N) where N is the number of keys and of their edges",
        handler: Handler::Write(del),
        ..Command::DEFAULT
    },
    Command {
        name: "exists",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::ALL,
        group: Group::Generic,
        summary: "How many of the keys there are; one given twice counts twice",
        complexity: "O(N) where N is the number of keys",
        handler: Handler::Read(exists),
        ..Command::DEFAULT
    },
    expiring::EXPIRE,
    expiring::EXPIREAT,
    expiring::EXPIRETIME,
    scan::KEYS,
    object::MEMORY,
    Command {
        name: "move",
        syntax: "key db",
        arity: 3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::Generic,
        summary: "Moves a key to another space, under a new id and without its edges",
        complexity: "O(N) where N is the number of edges",
        spaces: Spaces::Argument(|_| Some(2)),
        handler: Handler::Write(transfer::move_key),
        ..Command::DEFAULT
    },
    object::OBJECT,
    expiring::PERSIST,
    expiring::PEXPIRE,
    expiring::PEXPIREAT,
    expiring::PEXPIRETIME,
    expiring::PTTL,
    scan::RANDOMKEY,
    Command {
        name: "rename",
        syntax: "key newkey",
        arity: 3,
        flags: &[Flag::Write],
        keys: Keys::FIRST_TWO,
        group: Group::Generic,
        summary: "Gives a key another name; what had that name goes",
        complexity: "O(1), plus the edges of what goes",
        handler: Handler::Write(|tx, context, arguments| {
            rename(tx, context, arguments, false).map(|_| Reply::OK)
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "renamenx",
        syntax: "key newkey",
        arity: 3,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::FIRST_TWO,
        group: Group::Generic,
        summary: "Gives a key another name, unless that is in use",
        handler: Handler::Write(|tx, context, arguments| {
            rename(tx, context, arguments, true).map(|renamed| Integer(renamed.into()))
        }),
        ..Command::DEFAULT
    },
    scan::SCAN,
    Command {
        name: "touch",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::ALL,
        group: Group::Generic,
        since: "3.2.1",
        summary: "Counts an access of each key; how many there are",
        complexity: "O(N) where N is the number of keys",
        handler: Handler::Read(touch_keys),
        ..Command::DEFAULT
    },
    expiring::TTL,
    Command {
        name: "type",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: Keys::FIRST,
        group: Group::Generic,
        summary: "string if the key has a value, hash if it has none, none if there is no key",
        handler: Handler::Read(|view, context, arguments| {
            let name = peek(view, context, arguments[1]).map_or("none", type_name);
            Ok(Reply::Simple(name.into()))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "unlink",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        keys: Keys::ALL,
        group: Group::Generic,
        since: "4.0.0",
        summary: "Removes keys, with their edges, as DEL does; or, as UNLINK node verb other with the verb's exact \
                  name, the edges of that verb between two nodes. Answers how many",
        complexity: "O(N) where N is the number of keys and of their edges",
        handler: Handler::Write(unlink),
        ..Command::DEFAULT
    },
];

fn del(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let mut deleted = 0;
    for key in &arguments[1..] {
        deleted += usize::from(delete(tx, context, key)?);
    }
    Ok(Reply::count(deleted))
}

fn unlink(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    match super::graph::unlink_edges(tx, arguments)? {
        Some(reply) => Ok(reply),
        None => del(tx, context, arguments),
    }
}

fn exists(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let nodes = arguments[1..]
        .iter()
        .filter_map(|key| peek(view, context, key));
    Ok(Reply::count(nodes.count()))
}

fn touch_keys(
    view: &View<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let nodes = arguments[1..]
        .iter()
        .filter_map(|key| read_node(view, context, key));
    Ok(Reply::count(nodes.count()))
}

/// Renames, and answers whether it did; `only_new` leaves a name in use alone.
fn rename(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
    only_new: bool,
) -> Result<bool, CommandError> {
    let (from, to) = (arguments[1], arguments[2]);
    let source = tx.find(from).ok_or(CommandError::NO_SUCH_KEY)?;
    if from == to {
        return Ok(false);
    }
    if let Some(there) = tx.find(to) {
        if only_new {
            return Ok(false);
        }
        tx.remove(there)?;
    }
    tx.rename(source, Some(to.into()))?;
    context.notify(Class::New, "new", to);
    context.notify(Class::Generic, "rename_from", from);
    context.notify(Class::Generic, "rename_to", to);
    Ok(true)
}
