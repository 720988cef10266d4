//! HELLO, AUTH, PING and the others about the connection itself; CLIENT is in [`client`].

mod client;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::error::CommandError;
use super::super::reply::{Protocol, Reply};
use super::super::request::parse_i64;
use super::super::session::{ReplyMode, Session};

/// The version of Redis whose commands and replies these are, as HELLO and INFO say it.
pub const REDIS_VERSION: &str = "7.0.15";

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "auth",
        syntax: "[username] password",
        arity: -2,
        flags: &[Flag::NoAuth, Flag::Loading, Flag::Fast, Flag::SkipSlowlog],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Authenticates the connection; the one user is `default`",
        handler: Handler::Connection(auth),
        ..Command::DEFAULT
    },
    client::CLIENT,
    Command {
        name: "echo",
        syntax: "message",
        arity: 2,
        flags: &[Flag::Fast],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Answers the message",
        handler: Handler::Connection(|_, arguments| Ok(Reply::copied(arguments[1]))),
        ..Command::DEFAULT
    },
    Command {
        name: "hello",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        arity: -1,
        flags: &[Flag::NoAuth, Flag::Loading, Flag::Fast, Flag::SkipSlowlog],
        group: Group::Connection,
        since: "6.0.0",
        summary: "Chooses the version of RESP, 2 or 3, and describes the server",
        handler: Handler::Connection(hello),
        ..Command::DEFAULT
    },
    Command {
        name: "ping",
        syntax: "[message]",
        arity: -1,
        flags: &[Flag::Fast, Flag::InSubscription],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Answers PONG, or the message",
        handler: Handler::Connection(ping),
        ..Command::DEFAULT
    },
    Command {
        name: "quit",
        arity: -1,
        flags: &[
            Flag::NoAuth,
            Flag::Loading,
            Flag::Fast,
            Flag::InSubscription,
            Flag::Unqueued,
        ],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Closes the connection",
        handler: Handler::Connection(|session, _| {
            session.is_closing = true;
            Ok(Reply::OK)
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "reset",
        flags: &[
            Flag::NoAuth,
            Flag::Loading,
            Flag::Fast,
            Flag::InSubscription,
            Flag::Unqueued,
        ],
        group: Group::Connection,
        since: "6.2.0",
        summary: "Returns the connection to the state it had when it was opened",
        handler: Handler::Connection(reset),
        ..Command::DEFAULT
    },
    Command {
        name: "select",
        syntax: "space",
        arity: 2,
        flags: &[Flag::Fast, Flag::Loading],
        group: Group::Connection,
        since: "1.0.0",
        summary: "Selects the space that commands are about, by number or name; a new name makes one",
        handler: Handler::Connection(|session, arguments| {
            let space = session.context.space(arguments[1])?;
            session.select_space(space);
            Ok(Reply::OK)
        }),
        ..Command::DEFAULT
    },
];

fn ping(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    if arguments.len() > 2 {
        return Err(CommandError::wrong_arity("ping"));
    }
    let message = arguments.get(1).map(|message| Reply::copied(message));
    if session.protocol == Protocol::Resp2 && session.subscriptions() > 0 {
        return Ok(Reply::Array(vec![
            Reply::text("pong"),
            message.unwrap_or(Reply::text("")),
        ]));
    }
    Ok(message.unwrap_or(Reply::Simple("PONG".into())))
}

fn auth(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    match arguments[1..] {
        [password] => {
            if session.server.live.password().is_none() {
                return Err(CommandError::fixed(
                    "ERR",
                    "AUTH <password> called without any password configured for the default user. \
                     Are you sure your configuration is correct?",
                ));
            }
            authenticate(session, b"default", password)?;
        }
        [user, password] => authenticate(session, user, password)?,
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(Reply::OK)
}

/// Without a password, `default` gets in with any, as Redis's `nopass` user.
fn authenticate(session: &mut Session, user: &[u8], password: &[u8]) -> Result<(), CommandError> {
    let is_right = match session.server.live.password() {
        None => true,
        Some(expected) => is_same_secret(expected.as_bytes(), password),
    };
    if user != b"default" || !is_right {
        return Err(CommandError::WRONG_PASSWORD);
    }
    session.is_authenticated = true;
    Ok(())
}

/// Compares in a time that tells nothing about where the two differ.
fn is_same_secret(expected: &[u8], given: &[u8]) -> bool {
    let mut difference = u8::from(expected.len() != given.len());
    for (index, byte) in given.iter().enumerate() {
        difference |= byte ^ expected[index % expected.len()];
    }
    std::hint::black_box(difference) == 0
}

fn hello(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut protocol = session.protocol;
    if let Some(version) = arguments.get(1) {
        protocol = match parse_i64(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::NO_PROTOCOL),
            None => {
                return Err(CommandError::err(
                    "Protocol version is not an integer or out of range",
                ));
            }
        };
    }
    let mut name = None;
    let mut options = arguments.get(2..).unwrap_or_default();
    while let [option, values @ ..] = options {
        options = match values {
            [user, password, rest @ ..] if option.eq_ignore_ascii_case(b"auth") => {
                authenticate(session, user, password)?;
                rest
            }
            [value, rest @ ..] if option.eq_ignore_ascii_case(b"setname") => {
                name = Some(client::checked_name(value)?);
                rest
            }
            _ => {
                return Err(CommandError::err(format!(
                    "Syntax error in HELLO option '{}'",
                    String::from_utf8_lossy(option)
                )));
            }
        };
    }
    if !session.is_authenticated {
        return Err(CommandError::fixed(
            "NOAUTH",
            "HELLO must be called with the client already authenticated, otherwise the HELLO <proto> \
             AUTH <user> <pass> option can be used to authenticate the client and select the RESP \
             protocol version at the same time",
        ));
    }
    session.set_protocol(protocol);
    if let Some(name) = name {
        session.client.profile.lock().name = name;
    }
    Ok(Reply::Map(vec![
        (Reply::text("server"), Reply::text("redis")),
        (Reply::text("version"), Reply::text(REDIS_VERSION)),
        (Reply::text("proto"), Reply::Integer(protocol.number())),
        (
            Reply::text("id"),
            Reply::Integer(i64::try_from(session.client.id).expect("invariant: ids fit i64")),
        ),
        (Reply::text("mode"), Reply::text("standalone")),
        (Reply::text("role"), Reply::text("master")),
        (Reply::text("modules"), Reply::Array(Vec::new())),
    ]))
}

fn reset(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    session.discard_transaction();
    session.end_sql_transaction();
    session.unsubscribe_all();
    session.server.monitors.remove(session.client.id);
    session.set_protocol(Protocol::Resp2);
    session.select_space(0);
    session.context.is_no_touch = false;
    session.context.restrict(None);
    session.reply_mode = ReplyMode::On;
    session.is_authenticated = session.server.live.password().is_none();
    let mut profile = session.client.profile.lock();
    profile.name.clear();
    (profile.is_monitor, profile.is_no_evict, profile.is_no_touch) = (false, false, false);
    drop(profile);
    Ok(Reply::Simple("RESET".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_by_all_their_bytes() {
        assert!(is_same_secret(b"abc", b"abc"));
        for wrong in [b"".as_slice(), b"ab", b"abd", b"abcabc", b"abca"] {
            assert!(!is_same_secret(b"abc", wrong));
        }
    }
}
