//! COMMAND: what commands there are. redis-cli completes and hints from it.

use super::super::command::{Command, Entry, Flag, Group, Handler, Keys, TABLE};
use super::super::error::CommandError;
use super::super::glob;
use super::super::reply::Reply;
use super::super::session::Session;
use super::super::syntax::{self, Argument};

/// The family.
pub const COMMANDS: &[Command] = &[Command {
    name: "command",
    arity: -1,
    flags: &[Flag::Loading],
    group: Group::Server,
    since: "2.8.13",
    summary: "Describes all commands",
    complexity: "O(N) where N is the number of commands",
    handler: Handler::Connection(|_, _| Ok(Reply::Array(TABLE.commands().map(describe).collect()))),
    subcommands: &[
        Command {
            name: "count",
            arity: 2,
            summary: "How many commands there are",
            complexity: "O(1)",
            handler: Handler::Connection(|_, _| Ok(Reply::count(TABLE.commands().count()))),
            ..SUBCOMMAND
        },
        Command {
            name: "docs",
            syntax: "[command-name [command-name ...]]",
            arity: -2,
            since: "7.0.0",
            summary: "Documentation of the commands named, or of all",
            handler: Handler::Connection(docs),
            ..SUBCOMMAND
        },
        Command {
            name: "getkeys",
            syntax: "command [arg [arg ...]]",
            arity: -4,
            summary: "The keys among a command's arguments",
            complexity: "O(N) where N is the number of arguments",
            handler: Handler::Connection(getkeys),
            ..SUBCOMMAND
        },
        Command {
            name: "info",
            syntax: "[command-name [command-name ...]]",
            arity: -2,
            summary: "Describes the commands named, or all",
            handler: Handler::Connection(info),
            ..SUBCOMMAND
        },
        Command {
            name: "list",
            syntax: "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
            arity: -2,
            since: "7.0.0",
            summary: "The names of the commands",
            handler: Handler::Connection(list),
            ..SUBCOMMAND
        },
    ],
    ..Command::DEFAULT
}];

const SUBCOMMAND: Command = Command {
    flags: &[Flag::Loading],
    group: Group::Server,
    since: "2.8.13",
    complexity: "O(N) where N is the number of commands asked for",
    ..Command::DEFAULT
};

fn info(_: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    if arguments.len() == 2 {
        return Ok(Reply::Array(TABLE.commands().map(describe).collect()));
    }
    let described = arguments[2..]
        .iter()
        .map(|name| TABLE.get(name).map_or(Reply::Nil, |entry| describe(&entry)));
    Ok(Reply::Array(described.collect()))
}

/// The ten elements of COMMAND INFO.
fn describe(entry: &Entry) -> Reply {
    let command = entry.command;
    let keys = command.keys;
    let status = |text: &'static str| Reply::Simple(text.into());
    let flags = command
        .flags
        .iter()
        .filter_map(|flag| flag.name())
        .map(status)
        .collect();
    let categories = categories(command).into_iter().map(status).collect();
    let subcommands = TABLE
        .entries()
        .iter()
        .filter(|other| is_below(other, entry))
        .map(describe)
        .collect();
    Reply::Array(vec![
        Reply::text(entry.full_name),
        Reply::Integer(i64::from(command.arity)),
        Reply::Set(flags),
        Reply::Integer(i64::from(keys.first)),
        Reply::Integer(i64::from(keys.last)),
        Reply::Integer(i64::from(keys.step)),
        Reply::Set(categories),
        Reply::Array(Vec::new()),
        Reply::Array(if keys.first == 0 {
            Vec::new()
        } else {
            vec![key_specification(command)]
        }),
        Reply::Array(subcommands),
    ])
}

fn is_below(entry: &Entry, container: &Entry) -> bool {
    entry
        .full_name
        .strip_prefix(container.full_name)
        .is_some_and(|rest| rest.starts_with('|'))
}

/// Where the keys are, in the newer form.
fn key_specification(command: &Command) -> Reply {
    let keys = command.keys;
    let last = if keys.last < 0 {
        keys.last
    } else {
        keys.last - keys.first
    };
    let access = if command.has(Flag::Write) { "RW" } else { "RO" };
    let integer = |value: i32| Reply::Integer(i64::from(value));
    let typed = |kind: &'static str, spec: Vec<(Reply, Reply)>| {
        Reply::Map(vec![
            (Reply::text("type"), Reply::text(kind)),
            (Reply::text("spec"), Reply::Map(spec)),
        ])
    };
    Reply::Map(vec![
        (
            Reply::text("flags"),
            Reply::Set(vec![Reply::Simple(access.into())]),
        ),
        (
            Reply::text("begin_search"),
            typed("index", vec![(Reply::text("index"), integer(keys.first))]),
        ),
        (
            Reply::text("find_keys"),
            typed(
                "range",
                vec![
                    (Reply::text("lastkey"), integer(last)),
                    (Reply::text("keystep"), integer(keys.step)),
                    (Reply::text("limit"), integer(0)),
                ],
            ),
        ),
    ])
}

/// The categories of Redis's access lists, which follow from flags and group.
fn categories(command: &Command) -> Vec<&'static str> {
    let mut categories = Vec::new();
    for (flag, category) in [
        (Flag::Write, "@write"),
        (Flag::Readonly, "@read"),
        (Flag::Admin, "@admin"),
        (Flag::Pubsub, "@pubsub"),
    ] {
        if command.has(flag) {
            categories.push(category);
        }
    }
    if command.has(Flag::Admin) {
        categories.push("@dangerous");
    }
    categories.push(if command.has(Flag::Fast) {
        "@fast"
    } else {
        "@slow"
    });
    categories.extend(match command.group {
        Group::Connection => Some("@connection"),
        Group::Generic => Some("@keyspace"),
        Group::String => Some("@string"),
        Group::Hash => Some("@hash"),
        Group::Transactions => Some("@transaction"),
        Group::Dag => Some("@dag"),
        Group::Node => Some("@node"),
        Group::Graph => Some("@graph"),
        Group::Search => Some("@search"),
        Group::Query => Some("@query"),
        Group::Cam => Some("@cam"),
        Group::Server | Group::Pubsub => None,
    });
    categories
}

fn docs(_: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let documented = if arguments.len() == 2 {
        TABLE.commands().map(document).collect()
    } else {
        arguments[2..]
            .iter()
            .filter_map(|name| TABLE.get(name))
            .map(|entry| document(&entry))
            .collect()
    };
    Ok(Reply::Map(documented))
}

fn document(entry: &Entry) -> (Reply, Reply) {
    let command = entry.command;
    let mut fields = vec![
        (Reply::text("summary"), Reply::text(command.summary)),
        (Reply::text("since"), Reply::text(command.since)),
        (Reply::text("group"), Reply::text(command.group.name())),
        (Reply::text("complexity"), Reply::text(command.complexity)),
    ];
    let arguments =
        syntax::parse(command.syntax).expect("invariant: a test reads every syntax line");
    if !arguments.is_empty() {
        fields.push((Reply::text("arguments"), document_arguments(&arguments)));
    }
    let subcommands: Vec<_> = TABLE
        .entries()
        .iter()
        .filter(|other| is_below(other, entry))
        .map(document)
        .collect();
    if !subcommands.is_empty() {
        fields.push((Reply::text("subcommands"), Reply::Map(subcommands)));
    }
    (Reply::text(entry.full_name), Reply::Map(fields))
}

fn document_arguments(arguments: &[Argument]) -> Reply {
    let document = |argument: &Argument| {
        let mut fields = vec![
            (Reply::text("name"), Reply::bulk(argument.name.clone())),
            (Reply::text("type"), Reply::text(argument.kind.name())),
        ];
        if argument.kind == syntax::Kind::Key {
            fields.push((Reply::text("key_spec_index"), Reply::Integer(0)));
        }
        if let Some(token) = &argument.token {
            fields.push((Reply::text("token"), Reply::bulk(token.clone())));
        }
        let mut flags = Vec::new();
        if argument.is_optional {
            flags.push(Reply::Simple("optional".into()));
        }
        if argument.is_multiple {
            flags.push(Reply::Simple("multiple".into()));
        }
        if !flags.is_empty() {
            fields.push((Reply::text("flags"), Reply::Set(flags)));
        }
        let members = argument.kind.members();
        if !members.is_empty() {
            fields.push((Reply::text("arguments"), document_arguments(members)));
        }
        Reply::Map(fields)
    };
    Reply::Array(arguments.iter().map(document).collect())
}

fn list(_: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let selects: Box<dyn Fn(&Entry) -> bool> = match arguments[2..] {
        [] => Box::new(|_| true),
        [filterby, kind, value] if filterby.eq_ignore_ascii_case(b"filterby") => {
            match kind.to_ascii_lowercase().as_slice() {
                b"module" => Box::new(|_| false),
                b"aclcat" => Box::new(move |entry| {
                    let is_same =
                        |category: &&str| category.as_bytes()[1..].eq_ignore_ascii_case(value);
                    categories(entry.command).iter().any(is_same)
                }),
                b"pattern" => {
                    Box::new(move |entry| glob::matches(value, entry.full_name.as_bytes(), true))
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        _ => return Err(CommandError::SYNTAX),
    };
    // Unfiltered, Redis names the commands only; filtered, subcommands as well.
    let is_shown =
        |entry: &&Entry| selects(entry) && (arguments.len() > 2 || !entry.full_name.contains('|'));
    let names = TABLE
        .entries()
        .iter()
        .filter(is_shown)
        .map(|entry| Reply::text(entry.full_name));
    Ok(Reply::Array(names.collect()))
}

fn getkeys(_: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let command = &arguments[2..];
    let no_keys = || CommandError::err("The command has no key arguments");
    let entry = match TABLE.resolve(command) {
        Ok(entry) => entry,
        Err(error) if error.message.starts_with("unknown") => {
            return Err(CommandError::err("Invalid command specified"));
        }
        Err(_) => {
            let named = TABLE.get(&command[..2].join(&b'|'));
            let entry = named.or_else(|| TABLE.get(command[0]));
            return Err(match entry {
                Some(entry) if entry.command.keys == Keys::NONE => no_keys(),
                _ => CommandError::err("Invalid number of arguments specified for command"),
            });
        }
    };
    let keys: Vec<Reply> = entry
        .command
        .keys
        .positions(command.len())
        .map(|position| Reply::copied(command[position]))
        .collect();
    if keys.is_empty() {
        return Err(no_keys());
    }
    Ok(Reply::Array(keys))
}
