//! CLIENT: who is connected, and what a connection says about itself.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::super::super::client::Client;
use super::super::super::command::{Command, Flag, Group, Handler};
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::super::request::parse_i64;
use super::super::super::session::{ReplyMode, Session};

/// Flags of subcommands that look at others.
const ADMIN: &[Flag] = &[Flag::Admin, Flag::Loading];

/// The container.
pub const CLIENT: Command = Command {
    name: "client",
    arity: -2,
    group: Group::Connection,
    since: "2.4.0",
    summary: "A container for commands about client connections",
    complexity: "Depends on the subcommand",
    subcommands: &[
        Command {
            name: "getname",
            arity: 2,
            flags: &[Flag::Loading],
            since: "2.6.9",
            summary: "The name of this connection",
            handler: Handler::Connection(|session, _| {
                let name = session.client.profile.lock().name.clone();
                Ok(if name.is_empty() {
                    Reply::Nil
                } else {
                    Reply::bulk(name)
                })
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "id",
            arity: 2,
            flags: &[Flag::Loading],
            since: "5.0.0",
            summary: "The id of this connection; ids are not reused",
            handler: Handler::Connection(|session, _| {
                let id = i64::try_from(session.client.id).expect("invariant: ids fit i64");
                Ok(Reply::Integer(id))
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "info",
            arity: 2,
            flags: &[Flag::Loading],
            since: "6.2.0",
            summary: "This connection's line of CLIENT LIST",
            handler: Handler::Connection(|session, _| {
                Ok(Reply::Verbatim(Bytes::from(
                    session.client.describe() + "\n",
                )))
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "kill",
            syntax: "<ip:port | [ID client-id] [TYPE <NORMAL | PUBSUB>] [USER username] \
                     [ADDR ip:port] [LADDR ip:port] [SKIPME yes/no]>",
            arity: -3,
            flags: ADMIN,
            summary: "Closes connections",
            complexity: "O(N) where N is the number of connections",
            handler: Handler::Connection(kill),
            ..SUBCOMMAND
        },
        Command {
            name: "list",
            syntax: "[TYPE <NORMAL | PUBSUB>] [ID client-id [client-id ...]]",
            arity: -2,
            flags: ADMIN,
            summary: "The connections, a line each",
            complexity: "O(N) where N is the number of connections",
            handler: Handler::Connection(list),
            ..SUBCOMMAND
        },
        Command {
            name: "no-evict",
            syntax: "<ON | OFF>",
            arity: 3,
            flags: ADMIN,
            since: "7.0.0",
            summary: "Marks this connection as not to be closed for its memory; none ever is",
            handler: Handler::Connection(|session, arguments| {
                let is_on = on_or_off(arguments[2])?;
                session.client.profile.lock().is_no_evict = is_on;
                Ok(Reply::OK)
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "no-touch",
            syntax: "<ON | OFF>",
            arity: 3,
            flags: &[Flag::Loading],
            since: "7.2.0",
            summary: "Whether this connection's reads leave access statistics alone",
            handler: Handler::Connection(|session, arguments| {
                let is_on = on_or_off(arguments[2])?;
                session.context.is_no_touch = is_on;
                session.client.profile.lock().is_no_touch = is_on;
                Ok(Reply::OK)
            }),
            ..SUBCOMMAND
        },
        Command {
            name: "reply",
            syntax: "<ON | OFF | SKIP>",
            arity: 3,
            flags: &[Flag::Loading],
            since: "3.2.0",
            summary: "Which of this connection's commands are answered: all, none, not the next",
            handler: Handler::Connection(reply),
            ..SUBCOMMAND
        },
        Command {
            name: "setinfo",
            syntax: "<LIB-NAME libname | LIB-VER libver>",
            arity: 4,
            flags: &[Flag::Loading],
            since: "7.2.0",
            summary: "Says which client library this connection uses",
            handler: Handler::Connection(setinfo),
            ..SUBCOMMAND
        },
        Command {
            name: "setname",
            syntax: "connection-name",
            arity: 3,
            flags: &[Flag::Loading],
            since: "2.6.9",
            summary: "Names this connection; an empty name is none",
            handler: Handler::Connection(|session, arguments| {
                let name = checked_name(arguments[2])?;
                session.client.profile.lock().name = name;
                Ok(Reply::OK)
            }),
            ..SUBCOMMAND
        },
    ],
    ..Command::DEFAULT
};

const SUBCOMMAND: Command = Command {
    group: Group::Connection,
    since: "2.4.0",
    ..Command::DEFAULT
};

/// A name CLIENT LIST can show: visible ASCII.
pub fn checked_name(name: &[u8]) -> Result<String, CommandError> {
    checked_text(name, || {
        "Client names cannot contain spaces, newlines or special characters.".to_owned()
    })
}

fn checked_text(text: &[u8], refusal: impl Fn() -> String) -> Result<String, CommandError> {
    if text.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        Ok(String::from_utf8_lossy(text).into_owned())
    } else {
        Err(CommandError::err(refusal()))
    }
}

fn on_or_off(word: &[u8]) -> Result<bool, CommandError> {
    match word.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(CommandError::SYNTAX),
    }
}

/// OFF and SKIP are themselves not answered.
fn reply(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    match arguments[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            session.reply_mode = ReplyMode::On;
            Ok(Reply::OK)
        }
        b"off" => {
            session.reply_mode = ReplyMode::Off;
            Ok(Reply::NoReply)
        }
        b"skip" => {
            if session.reply_mode != ReplyMode::Off {
                session.reply_mode = ReplyMode::SkipNext;
            }
            Ok(Reply::NoReply)
        }
        _ => Err(CommandError::SYNTAX),
    }
}

fn setinfo(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let option = String::from_utf8_lossy(arguments[2]).to_ascii_lowercase();
    if !matches!(option.as_str(), "lib-name" | "lib-ver") {
        return Err(CommandError::err(format!(
            "Unrecognized option '{}'",
            String::from_utf8_lossy(arguments[2])
        )));
    }
    let value = checked_text(arguments[3], || {
        format!("{option} cannot contain spaces, newlines or special characters.")
    })?;
    let mut profile = session.client.profile.lock();
    if option == "lib-name" {
        profile.library_name = value;
    } else {
        profile.library_version = value;
    }
    Ok(Reply::OK)
}

/// The kinds of clients that TYPE tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Normal,
    Pubsub,
    /// Replication's, of which there are none.
    Replication,
}

impl Type {
    fn parse(word: &[u8]) -> Result<Self, CommandError> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Self::Normal),
            b"pubsub" => Ok(Self::Pubsub),
            b"master" | b"replica" | b"slave" => Ok(Self::Replication),
            _ => Err(CommandError::err(format!(
                "Unknown client type '{}'",
                String::from_utf8_lossy(word)
            ))),
        }
    }

    fn of(client: &Client) -> Self {
        if client.is_subscriber() {
            Self::Pubsub
        } else {
            Self::Normal
        }
    }
}

fn list(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut wanted_type = None;
    let mut wanted_ids: Option<Vec<u64>> = None;
    match arguments[2..] {
        [] => {}
        [option, word] if option.eq_ignore_ascii_case(b"type") => {
            wanted_type = Some(Type::parse(word)?);
        }
        [option, ref ids @ ..] if option.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let id = |text: &&[u8]| {
                let id = parse_i64(text).ok_or(CommandError::fixed("ERR", "Invalid client ID"))?;
                // A negative id is nobody's.
                Ok(u64::try_from(id).unwrap_or(0))
            };
            wanted_ids = Some(ids.iter().map(id).collect::<Result<_, CommandError>>()?);
        }
        _ => return Err(CommandError::SYNTAX),
    }
    let mut lines = String::new();
    for client in session.server.clients.all() {
        let is_type = wanted_type.is_none_or(|wanted| wanted == Type::of(&client));
        let is_id = wanted_ids
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&client.id));
        if is_type && is_id {
            lines.push_str(&client.describe());
            lines.push('\n');
        }
    }
    Ok(Reply::Verbatim(Bytes::from(lines)))
}

/// Which connections CLIENT KILL closes.
#[derive(Debug, Default)]
struct Filter {
    id: Option<u64>,
    wanted_type: Option<Type>,
    address: Option<Vec<u8>>,
    local_address: Option<Vec<u8>>,
    kills_self: bool,
}

impl Filter {
    fn parse(mut options: &[&[u8]]) -> Result<Self, CommandError> {
        let mut filter = Self::default();
        while let [option, value, rest @ ..] = options {
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = parse_i64(value)
                        .and_then(|id| u64::try_from(id).ok())
                        .filter(|&id| id > 0);
                    let error = CommandError::fixed("ERR", "client-id should be greater than 0");
                    filter.id = Some(id.ok_or(error)?);
                }
                b"type" => filter.wanted_type = Some(Type::parse(value)?),
                b"addr" => filter.address = Some(value.to_vec()),
                b"laddr" => filter.local_address = Some(value.to_vec()),
                b"user" if *value == b"default" => {}
                b"user" => {
                    return Err(CommandError::err(format!(
                        "No such user '{}'",
                        String::from_utf8_lossy(value)
                    )));
                }
                b"skipme" => match value.to_ascii_lowercase().as_slice() {
                    b"yes" => filter.kills_self = false,
                    b"no" => filter.kills_self = true,
                    _ => return Err(CommandError::SYNTAX),
                },
                _ => return Err(CommandError::SYNTAX),
            }
            options = rest;
        }
        if options.is_empty() {
            Ok(filter)
        } else {
            Err(CommandError::SYNTAX)
        }
    }

    fn selects(&self, client: &Client, own_id: u64) -> bool {
        let is_at = |wanted: &Option<Vec<u8>>, address: SocketAddr| {
            wanted
                .as_ref()
                .is_none_or(|wanted| *wanted == address.to_string().as_bytes())
        };
        self.id.is_none_or(|id| id == client.id)
            && self
                .wanted_type
                .is_none_or(|wanted| wanted == Type::of(client))
            && is_at(&self.address, client.address)
            && is_at(&self.local_address, client.local_address)
            && (self.kills_self || client.id != own_id)
    }
}

fn kill(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let (filter, is_old_form) = match arguments[2..] {
        [address] => (
            Filter {
                address: Some(address.to_vec()),
                kills_self: true,
                ..Filter::default()
            },
            true,
        ),
        ref options => (Filter::parse(options)?, false),
    };
    let own_id = session.client.id;
    let selected: Vec<Arc<Client>> = session
        .server
        .clients
        .all()
        .into_iter()
        .filter(|client| filter.selects(client, own_id))
        .collect();
    for client in &selected {
        if client.id == own_id {
            // Its own reply is still written.
            session.is_closing = true;
        } else {
            client.mailbox.close();
        }
    }
    match (is_old_form, selected.is_empty()) {
        (true, true) => Err(CommandError::err("No such client")),
        (true, false) => Ok(Reply::OK),
        (false, _) => Ok(Reply::count(selected.len())),
    }
}
