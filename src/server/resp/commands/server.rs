//! CONFIG, INFO, MONITOR, SHUTDOWN, SLOWLOG, TIME: the server itself. CONFIG and INFO have files of
//! their own.

mod config;
mod info;

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use ladybug_engine::commit::transaction::Transaction;

use super::super::command::{Command, Flag, Group, Handler, Spaces};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::request::parse_i64;
use super::super::session::{Session, unix_time_us};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "bgsave",
        syntax: "[SCHEDULE]",
        arity: -1,
        flags: &[Flag::Admin],
        group: Group::Server,
        summary: "Begins to write a checkpoint, and answers at once",
        handler: Handler::Connection(bgsave),
        ..Command::DEFAULT
    },
    config::CONFIG,
    Command {
        name: "dbsize",
        flags: &[Flag::Readonly, Flag::Fast],
        group: Group::Server,
        summary: "How many keys the selected space has",
        handler: Handler::Read(|view, _, _| Ok(Reply::count(view.names_len()))),
        ..Command::DEFAULT
    },
    Command {
        name: "flushall",
        syntax: "[ASYNC | SYNC]",
        arity: -1,
        flags: &[Flag::Write],
        spaces: Spaces::All,
        group: Group::Server,
        summary: "Removes everything from all spaces",
        complexity: "O(N) where N is the number of nodes and edges",
        handler: Handler::Write(flushall),
        ..Command::DEFAULT
    },
    Command {
        name: "flushdb",
        syntax: "[ASYNC | SYNC]",
        arity: -1,
        flags: &[Flag::Write],
        group: Group::Server,
        summary: "Removes everything from the selected space",
        complexity: "O(N) where N is the number of nodes and edges",
        handler: Handler::Write(flushdb),
        ..Command::DEFAULT
    },
    Command {
        name: "info",
        syntax: "[section [section ...]]",
        arity: -1,
        flags: &[Flag::Loading],
        group: Group::Server,
        summary: "What the server is, does and has done",
        handler: Handler::Connection(info::info),
        ..Command::DEFAULT
    },
    Command {
        name: "lastsave",
        flags: &[Flag::Loading, Flag::Fast],
        group: Group::Server,
        summary: "When a checkpoint was last written, in seconds since the epoch",
        handler: Handler::Connection(|session, _| {
            Ok(Reply::Integer(session.server.saves.last_s.load(Relaxed)))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "log",
        arity: -2,
        group: Group::Server,
        since: LADYBUG_FIRST,
        summary: "A container for commands about the write-ahead log",
        complexity: "Depends on the subcommand",
        subcommands: &[Command {
            name: "resume",
            arity: 2,
            flags: &[Flag::Admin],
            group: Group::Server,
            since: LADYBUG_FIRST,
            summary: "Ends the read-only state in which a failed log has left the server, once there is \
                      room again: writes a checkpoint and begins a new log",
            complexity: "O(N) where N is the size of the data",
            handler: Handler::Search(|engine, _, _| {
                let resumed = engine.resume();
                resumed
                    .map(|_| Reply::OK)
                    .map_err(|error| CommandError::err(error.to_string()))
            }),
            ..Command::DEFAULT
        }],
        ..Command::DEFAULT
    },
    Command {
        name: "monitor",
        flags: &[Flag::Admin, Flag::Loading, Flag::NoMulti],
        group: Group::Server,
        summary: "Shows every command the server executes, from now on",
        handler: Handler::Connection(monitor),
        ..Command::DEFAULT
    },
    Command {
        name: "save",
        flags: &[Flag::Admin],
        group: Group::Server,
        summary: "Writes a checkpoint, and answers when it is in place; others go on meanwhile",
        complexity: "O(N) where N is the size of the data",
        handler: Handler::Search(|_, context, _| {
            let saved = context.server().save();
            saved
                .map(|()| Reply::OK)
                .map_err(|error| CommandError::err(error.to_string()))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "shutdown",
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        arity: -1,
        flags: &[Flag::Admin, Flag::Loading, Flag::NoMulti],
        group: Group::Server,
        summary: "Finishes the replies of what was read, writes a checkpoint unless told not to, and ends \
                  the server",
        complexity: "O(N) when saving, where N is the size of the data",
        handler: Handler::Connection(shutdown),
        ..Command::DEFAULT
    },
    Command {
        name: "slowlog",
        arity: -2,
        group: Group::Server,
        since: "2.2.12",
        summary: "A container for commands about the slow log",
        complexity: "Depends on the subcommand",
        subcommands: &[
            Command {
                name: "get",
                syntax: "[count]",
                arity: -2,
                flags: &[Flag::Admin, Flag::Loading],
                group: Group::Server,
                since: "2.2.12",
                summary: "The latest entries, ten unless told otherwise; -1 for all",
                complexity: "O(N) where N is the number of entries",
                handler: Handler::Connection(slowlog_get),
                ..Command::DEFAULT
            },
            Command {
                name: "len",
                arity: 2,
                flags: &[Flag::Admin, Flag::Loading],
                group: Group::Server,
                since: "2.2.12",
                summary: "How many entries there are",
                handler: Handler::Connection(|session, _| {
                    Ok(Reply::count(session.server.slowlog.len()))
                }),
                ..Command::DEFAULT
            },
            Command {
                name: "reset",
                arity: 2,
                flags: &[Flag::Admin, Flag::Loading],
                group: Group::Server,
                since: "2.2.12",
                summary: "Forgets the entries",
                complexity: "O(N) where N is the number of entries",
                handler: Handler::Connection(|session, _| {
                    session.server.slowlog.reset();
                    Ok(Reply::OK)
                }),
                ..Command::DEFAULT
            },
        ],
        ..Command::DEFAULT
    },
    Command {
        name: "time",
        flags: &[Flag::Loading, Flag::Fast],
        group: Group::Server,
        since: "2.6.0",
        summary: "The server's clock: seconds since the epoch, and microseconds within the second",
        handler: Handler::Connection(|_, _| {
            let now_us = unix_time_us();
            Ok(Reply::Array(vec![
                Reply::bulk((now_us / 1_000_000).to_string()),
                Reply::bulk((now_us % 1_000_000).to_string()),
            ]))
        }),
        ..Command::DEFAULT
    },
];

/// ASYNC is taken and does nothing: the commit is one either way.
fn check_flush_options(arguments: &[&[u8]]) -> Result<(), CommandError> {
    match arguments[1..] {
        [] => Ok(()),
        [mode] if mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync") => {
            Ok(())
        }
        _ => Err(CommandError::SYNTAX),
    }
}

fn flushdb(
    tx: &mut Transaction<'_>,
    _: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    check_flush_options(arguments)?;
    tx.clear()?;
    Ok(Reply::OK)
}

fn flushall(
    tx: &mut Transaction<'_>,
    _: &Context,
    arguments: &[&[u8]],
) -> Result<Reply, CommandError> {
    check_flush_options(arguments)?;
    let current = tx.space();
    for space in tx.spaces() {
        tx.select(space);
        tx.clear()?;
    }
    tx.select(current);
    Ok(Reply::OK)
}

/// The version of Ladybug that had the commands of its own first.
const LADYBUG_FIRST: &str = "0.1.0";

fn bgsave(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let is_understood = match arguments[1..] {
        [] => true,
        [option] => option.eq_ignore_ascii_case(b"schedule"),
        _ => false,
    };
    if !is_understood {
        return Err(CommandError::SYNTAX);
    }
    match session.server.save_in_background() {
        Ok(true) => Ok(Reply::Simple("Background saving started".into())),
        Ok(false) => Err(CommandError::err("Background save already in progress")),
        Err(error) => Err(CommandError::err(format!(
            "no thread for a checkpoint: {error}"
        ))),
    }
}

/// Entries SLOWLOG GET shows unless told otherwise.
const SLOWLOG_ENTRIES: usize = 10;

fn slowlog_get(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let count = match arguments[2..] {
        [] => SLOWLOG_ENTRIES,
        [count] => match parse_i64(count) {
            Some(-1) => usize::MAX,
            Some(count) if count >= 0 => usize::try_from(count).unwrap_or(usize::MAX),
            _ => {
                return Err(CommandError::err(
                    "count should be greater than or equal to -1",
                ));
            }
        },
        _ => return Err(CommandError::subcommand_syntax(arguments)),
    };
    let integer = |value: u64| Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX));
    let entries = session
        .server
        .slowlog
        .latest(count)
        .into_iter()
        .map(|entry| {
            Reply::Array(vec![
                integer(entry.id),
                Reply::Integer(entry.time_s),
                integer(entry.duration_us),
                Reply::Array(entry.arguments.into_iter().map(Reply::Bulk).collect()),
                Reply::bulk(entry.client_address),
                Reply::bulk(Bytes::from(entry.client_name)),
            ])
        });
    Ok(Reply::Array(entries.collect()))
}

fn monitor(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    session.client.profile.lock().is_monitor = true;
    session.server.monitors.add(&session.client);
    Ok(Reply::OK)
}

/// Answers nothing: the connection ends with the server, as in Redis.
fn shutdown(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let (mut saves, mut skips, mut aborts) = (false, false, false);
    for option in &arguments[1..] {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => saves = true,
            b"nosave" => skips = true,
            b"abort" => aborts = true,
            // There is no replica to wait for, and no failed save to overrule.
            b"now" | b"force" => {}
            _ => return Err(CommandError::SYNTAX),
        }
    }
    if (saves && skips) || (aborts && arguments.len() > 2) {
        return Err(CommandError::SYNTAX);
    }
    if aborts {
        return Err(CommandError::err("No shutdown in progress."));
    }
    session.is_closing = true;
    session.server.saves.is_skipped_at_end.store(skips, Relaxed);
    session.server.begin_stop();
    Ok(Reply::NoReply)
}
