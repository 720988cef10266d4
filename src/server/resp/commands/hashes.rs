//! Commands on fields. Numbers, scans and random draws have files of their own.

mod numbers;
mod walk;

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::mutation::Content;
use ladybug_engine::space::state::View;

use super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;
use super::super::reply::Reply;
use super::super::reply::Reply::Integer;
use super::content::{create, fields_of, read_fields, touch};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "hdel",
        syntax: "key field [field ...]",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast],
        summary: "Removes fields; with the last one the key goes, unless it has a value, edges or \
                  children",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Write(hdel),
        ..FIELDS
    },
    Command {
        name: "hexists",
        syntax: "key field",
        arity: 3,
        flags: &[Flag::Readonly, Flag::Fast],
        summary: "Whether a field is there",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            let is_there = fields.is_some_and(|fields| fields.contains_key(arguments[2]));
            Ok(Integer(is_there.into()))
        }),
        ..FIELDS
    },
    Command {
        name: "hget",
        syntax: "key field",
        arity: 3,
        flags: &[Flag::Readonly, Flag::Fast],
        summary: "A field",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            let field = fields.and_then(|fields| fields.get(arguments[2]));
            Ok(bulk_or_nil(field))
        }),
        ..FIELDS
    },
    Command {
        name: "hgetall",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Readonly],
        summary: "All fields, in the order in which they were first set",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Read(hgetall),
        ..FIELDS
    },
    numbers::HINCRBY,
    numbers::HINCRBYFLOAT,
    Command {
        name: "hkeys",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Readonly],
        summary: "The names of all fields",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            let names = fields.into_iter().flat_map(|fields| fields.keys());
            Ok(Reply::Array(names.cloned().map(Reply::Value).collect()))
        }),
        ..FIELDS
    },
    Command {
        name: "hlen",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        summary: "How many fields there are",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            Ok(Reply::count(fields.map_or(0, |fields| fields.len())))
        }),
        ..FIELDS
    },
    Command {
        name: "hmget",
        syntax: "key field [field ...]",
        arity: -3,
        flags: &[Flag::Readonly, Flag::Fast],
        summary: "Several fields; nil for those that are missing",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Read(hmget),
        ..FIELDS
    },
    Command {
        name: "hmset",
        syntax: "key field value [field value ...]",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        summary: "Sets several fields, as HSET does",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Write(|tx, context, arguments| {
            hset(tx, context, arguments, "hmset").map(|_| Reply::OK)
        }),
        ..FIELDS
    },
    walk::HRANDFIELD,
    walk::HSCAN,
    Command {
        name: "hset",
        syntax: "key field value [field value ...]",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        summary: "Sets fields; how many of them are new",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Write(|tx, context, arguments| {
            hset(tx, context, arguments, "hset").map(Reply::count)
        }),
        ..FIELDS
    },
    Command {
        name: "hsetnx",
        syntax: "key field value",
        arity: 4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        summary: "Sets a field, if it is not there",
        handler: Handler::Write(hsetnx),
        ..FIELDS
    },
    Command {
        name: "hstrlen",
        syntax: "key field",
        arity: 3,
        flags: &[Flag::Readonly, Flag::Fast],
        since: "3.2.0",
        summary: "How many bytes a field has; a missing one has none",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            let field = fields.and_then(|fields| fields.get(arguments[2]));
            Ok(Reply::count(field.map_or(0, |field| match field {
                FieldValue::Bytes(bytes) => bytes.len(),
                other => other.text().len(),
            })))
        }),
        ..FIELDS
    },
    Command {
        name: "hvals",
        syntax: "key",
        arity: 2,
        flags: &[Flag::Readonly],
        summary: "The values of all fields",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Read(|view, context, arguments| {
            let fields = read_fields(view, context, arguments[1])?;
            let values = fields.into_iter().flat_map(|fields| fields.values());
            Ok(Reply::Array(values.map(bulk).collect()))
        }),
        ..FIELDS
    },
];

/// What the commands of the family share.
const FIELDS: Command = Command {
    keys: Keys::FIRST,
    group: Group::Hash,
    since: "2.0.0",
    ..Command::DEFAULT
};

fn bulk(field: &FieldValue) -> Reply {
    Reply::Value(field.text())
}

fn bulk_or_nil(field: Option<&FieldValue>) -> Reply {
    field.map_or(Reply::Nil, bulk)
}

fn hgetall(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let fields = read_fields(view, context, arguments[1])?;
    let pairs = fields.into_iter().flat_map(|fields| fields.iter());
    let pairs = pairs.map(|(name, value)| (Reply::Value(name.clone()), bulk(value)));
    Ok(Reply::Map(pairs.collect()))
}

fn hmget(view: &View<'_>, context: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let fields = read_fields(view, context, arguments[1])?;
    let field = |name: &&[u8]| bulk_or_nil(fields.and_then(|fields| fields.get(*name)));
    Ok(Reply::Array(arguments[2..].iter().map(field).collect()))
}

/// The node under a key whose fields are about to change, made if there is none.
fn node_to_change(
    tx: &mut Transaction<'_>,
    context: &Context,
    key: &[u8],
) -> Result<Address, CommandError> {
    if let Some(address) = node_that_is_there(tx, context, key)? {
        return Ok(address);
    }
    create(tx, context, key, Content::default())
}

fn node_that_is_there(
    tx: &Transaction<'_>,
    context: &Context,
    key: &[u8],
) -> Result<Option<Address>, CommandError> {
    let view = tx.view();
    let Some(node) = view.find(key) else {
        return Ok(None);
    };
    fields_of(node)?;
    touch(&view, context, node);
    Ok(Some(node.address()))
}

/// A field of a node in the making.
fn field<'a>(tx: &'a Transaction<'_>, address: Address, name: &[u8]) -> Option<&'a FieldValue> {
    tx.view().node(address)?.fields()?.get(name)
}

/// Sets fields, and answers how many are new.
fn hset(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
    command: &str,
) -> Result<usize, CommandError> {
    let key = arguments[1];
    let (pairs, rest) = arguments[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::wrong_arity(command));
    }
    let address = node_to_change(tx, context, key)?;
    let mut added = 0;
    for [name, value] in pairs {
        added += usize::from(field(tx, address, name).is_none());
        tx.set_field(address, name, Some(FieldValue::Bytes((*value).into())))?;
    }
    context.notify(Class::Hash, "hset", key);
    Ok(added)
}

fn hsetnx(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let (key, name, value) = (arguments[1], arguments[2], arguments[3]);
    let address = node_to_change(tx, context, key)?;
    if field(tx, address, name).is_some() {
        return Ok(Integer(0));
    }
    tx.set_field(address, name, Some(FieldValue::Bytes(value.into())))?;
    context.notify(Class::Hash, "hset", key);
    Ok(Integer(1))
}

fn hdel(
    tx: &mut Transaction<'_>,
    context: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    let key = arguments[1];
    let Some(address) = node_that_is_there(tx, context, key)? else {
        return Ok(Integer(0));
    };
    let mut deleted = 0;
    for name in &arguments[2..] {
        if field(tx, address, name).is_some() {
            tx.set_field(address, name, None)?;
            deleted += 1;
        }
    }
    if deleted > 0 {
        context.notify(Class::Hash, "hdel", key);
        if is_bare(&tx.view(), address) {
            tx.remove(address)?;
            context.notify(Class::Generic, "del", key);
        }
    }
    Ok(Reply::count(deleted))
}

/// Whether a node has neither value nor fields, and nothing hangs on it.
fn is_bare(view: &View<'_>, address: Address) -> bool {
    let graph = view.state.graph();
    view.node(address).is_some_and(|node| {
        node.value().is_none()
            && node.fields().is_none()
            && view.children(node).next().is_none()
            && graph.degree_out(address) + graph.degree_in(address) == 0
    })
}
