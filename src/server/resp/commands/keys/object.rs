//! OBJECT and MEMORY: how a key is stored, how much it takes, how often it is used.

use std::sync::Arc;

use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::state::View;
use ladybug_engine::space::temporal::Temporal;

use super::super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::super::reply::Reply::Integer;
use super::super::super::request::parse_i64;

/// What the subcommands of OBJECT that ask about a key share.
const ASKING: Command = Command {
    syntax: "key",
    arity: 3,
    flags: &[Flag::Readonly],
    keys: Keys::SECOND,
    group: Group::Generic,
    since: "2.2.3",
    ..Command::DEFAULT
};

pub(super) const OBJECT: Command = Command {
    name: "object",
    arity: -2,
    group: Group::Generic,
    since: "2.2.3",
    summary: "A container for questions about how a key is stored and used",
    complexity: "Depends on the subcommand",
    subcommands: &[
        Command {
            name: "encoding",
            summary: "As Redis would store it: int, embstr or raw for a value, listpack or \
                      hashtable for fields",
            complexity: "O(N) where N is the number of fields",
            handler: Handler::Read(|view, _, arguments| {
                about(view, arguments, |node| Reply::text(encoding(node)))
            }),
            ..ASKING
        },
        Command {
            name: "freq",
            since: "4.0.0",
            summary: "How often the key was accessed since the server started",
            handler: Handler::Read(|view, _, arguments| {
                about(view, arguments, |node| {
                    Integer(view.access(node).count.into())
                })
            }),
            ..ASKING
        },
        Command {
            name: "idletime",
            summary: "Seconds since the key was last accessed, or made if it never was",
            handler: Handler::Read(|view, _, arguments| {
                about(view, arguments, |node| Integer(idle_s(view, node)))
            }),
            ..ASKING
        },
        Command {
            name: "refcount",
            summary: "1: a key has what it holds to itself",
            handler: Handler::Read(|view, _, arguments| about(view, arguments, |_| Integer(1))),
            ..ASKING
        },
    ],
    ..Command::DEFAULT
};

pub(super) const MEMORY: Command = Command {
    name: "memory",
    arity: -2,
    group: Group::Server,
    since: "4.0.0",
    summary: "A container for questions about memory",
    complexity: "Depends on the subcommand",
    subcommands: &[Command {
        name: "usage",
        syntax: "key [SAMPLES count]",
        arity: -3,
        flags: &[Flag::Readonly],
        keys: Keys::SECOND,
        group: Group::Server,
        since: "4.0.0",
        summary: "How many bytes a key takes, with its fingerprint, fields and edges; always \
                      exact in its fields, whatever SAMPLES says",
        complexity: "O(N) where N is the number of fields",
        handler: Handler::Read(usage),
        ..Command::DEFAULT
    }],
    ..Command::DEFAULT
};

fn about<'a>(
    view: &View<'a>,
    arguments: &[&[u8]],
    answer: impl FnOnce(Node<'a>) -> Reply,
) -> Result<Reply, CommandError> {
    Ok(view.find(arguments[2]).map_or(Reply::Nil, answer))
}

/// Longest value that Redis stores beside its header, bytes.
const EMBEDDED_BYTES_MAX: usize = 44;
/// Most fields, and bytes in one, of what Redis stores in one piece.
const LISTPACK_FIELDS_MAX: usize = 128;
/// See [`LISTPACK_FIELDS_MAX`].
const LISTPACK_BYTES_MAX: usize = 64;

fn encoding(node: Node<'_>) -> &'static str {
    let is_short = |fields: &Arc<Fields>| {
        fields.len() <= LISTPACK_FIELDS_MAX
            && fields.iter().all(|(name, value)| {
                name.len() <= LISTPACK_BYTES_MAX && value.text().len() <= LISTPACK_BYTES_MAX
            })
    };
    match node.value() {
        Some(value) if parse_i64(value).is_some() => "int",
        Some(value) if value.len() <= EMBEDDED_BYTES_MAX => "embstr",
        Some(_) => "raw",
        None if node.fields().is_none_or(is_short) => "listpack",
        None => "hashtable",
    }
}

fn idle_s(view: &View<'_>, node: Node<'_>) -> i64 {
    let last = view.access(node).last.max(node.created());
    (view.now - last).max(0) / 1_000_000
}

fn usage(view: &View<'_>, _: &Context, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    match &arguments[3..] {
        [] => {}
        [option, count] if option.eq_ignore_ascii_case(b"samples") => {
            let count = parse_i64(count).ok_or(CommandError::NOT_AN_INTEGER)?;
            if count < 0 {
                return Err(CommandError::SYNTAX);
            }
        }
        _ => return Err(CommandError::SYNTAX),
    }
    about(view, arguments, |node| {
        Reply::count(memory_bytes(view, node))
    })
}

/// Bytes of a slot in all fixed-width columns, of which the fingerprint takes 1,280 and the sketch
/// 64, and of its entries in the directories of names and ids.
const SLOT_BYTES: usize = 1_530;
/// Bytes in front of what an `Arc` holds.
const ARC_BYTES: usize = 16;
/// Bytes of a field beside its name and value: its entry and its place in the index.
const FIELD_BYTES: usize = 64;
/// Bytes of an edge in both directions, without properties.
const EDGE_BYTES: usize = 32;

fn memory_bytes(view: &View<'_>, node: Node<'_>) -> usize {
    let shared = |bytes: Option<&Arc<[u8]>>| bytes.map_or(0, |bytes| ARC_BYTES + bytes.len());
    let fields = node.fields().map_or(0, |fields| {
        let each = fields
            .iter()
            .map(|(name, value)| FIELD_BYTES + name.len() + field_bytes(value));
        ARC_BYTES + each.sum::<usize>()
    });
    let graph = view.state.graph();
    let degree = graph.degree_out(node.address()) + graph.degree_in(node.address());
    SLOT_BYTES + shared(node.name()) + shared(node.value()) + fields + degree * EDGE_BYTES
}

fn field_bytes(value: &FieldValue) -> usize {
    match value {
        FieldValue::Bytes(bytes) => ARC_BYTES + bytes.len(),
        FieldValue::Temporal(_) => ARC_BYTES + size_of::<Temporal>(),
        FieldValue::Integer(_) | FieldValue::Float(_) | FieldValue::Boolean(_) => 0,
        FieldValue::List(items) => {
            let each = items
                .iter()
                .map(|item| size_of::<FieldValue>() + field_bytes(item));
            ARC_BYTES + each.sum::<usize>()
        }
    }
}
