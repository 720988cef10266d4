//! SUBSCRIBE, PUBLISH and their kin.

use bytes::Bytes;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::error::CommandError;
use super::super::publish::Kind;
use super::super::reply::Reply;
use super::super::session::Session;

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "subscribe",
        syntax: "channel [channel ...]",
        arity: -2,
        flags: SUBSCRIBE_FLAGS,
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Listens to channels by name",
        complexity: "O(N) where N is the number of channels to subscribe to",
        handler: Handler::Connection(|session, arguments| {
            Ok(subscribe(session, Kind::Channel, &arguments[1..]))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "psubscribe",
        syntax: "pattern [pattern ...]",
        arity: -2,
        flags: SUBSCRIBE_FLAGS,
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Listens to channels by glob pattern",
        complexity: "O(N) where N is the number of patterns to subscribe to",
        handler: Handler::Connection(|session, arguments| {
            Ok(subscribe(session, Kind::Pattern, &arguments[1..]))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "unsubscribe",
        syntax: "[channel ...]",
        arity: -1,
        flags: SUBSCRIBE_FLAGS,
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Stops listening to channels, or to all of them",
        complexity: "O(N) where N is the number of channels to unsubscribe from",
        handler: Handler::Connection(|session, arguments| {
            Ok(unsubscribe(session, Kind::Channel, &arguments[1..]))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "punsubscribe",
        syntax: "[pattern ...]",
        arity: -1,
        flags: SUBSCRIBE_FLAGS,
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Stops listening to patterns, or to all of them",
        complexity: "O(N) where N is the number of patterns to unsubscribe from",
        handler: Handler::Connection(|session, arguments| {
            Ok(unsubscribe(session, Kind::Pattern, &arguments[1..]))
        }),
        ..Command::DEFAULT
    },
    Command {
        name: "publish",
        syntax: "channel message",
        arity: 3,
        flags: &[Flag::Pubsub, Flag::Loading, Flag::Fast],
        group: Group::Pubsub,
        since: "2.0.0",
        summary: "Posts a message to a channel; answers how many received it",
        complexity: "O(N+M) where N is the number of subscribers and M of patterns",
        handler: Handler::Connection(publish),
        ..Command::DEFAULT
    },
    Command {
        name: "pubsub",
        syntax: "",
        arity: -2,
        group: Group::Pubsub,
        since: "2.8.0",
        summary: "A container for commands that look at subscriptions",
        complexity: "Depends on the subcommand",
        subcommands: &[
            Command {
                name: "channels",
                syntax: "[pattern]",
                arity: -2,
                flags: &[Flag::Pubsub, Flag::Loading],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "Channels that somebody listens to by name",
                complexity: "O(N) where N is the number of channels",
                handler: Handler::Connection(channels),
                ..Command::DEFAULT
            },
            Command {
                name: "numsub",
                syntax: "[channel ...]",
                arity: -2,
                flags: &[Flag::Pubsub, Flag::Loading],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "How many listen to each channel by name",
                complexity: "O(N) where N is the number of channels asked for",
                handler: Handler::Connection(numsub),
                ..Command::DEFAULT
            },
            Command {
                name: "numpat",
                arity: 2,
                flags: &[Flag::Pubsub, Flag::Loading],
                group: Group::Pubsub,
                since: "2.8.0",
                summary: "How many different patterns are listened to",
                handler: Handler::Connection(|session, _| {
                    Ok(Reply::count(session.server.subscriptions.pattern_count()))
                }),
                ..Command::DEFAULT
            },
        ],
        ..Command::DEFAULT
    },
];

const SUBSCRIBE_FLAGS: &[Flag] = &[Flag::Pubsub, Flag::Loading, Flag::InSubscription];

/// The words that open a confirmation: of subscribing, of unsubscribing.
fn confirmation(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Channel => ("subscribe", "unsubscribe"),
        Kind::Pattern => ("psubscribe", "punsubscribe"),
    }
}

fn subscribe(session: &mut Session, kind: Kind, names: &[&[u8]]) -> Reply {
    let mut replies = Vec::with_capacity(names.len());
    for name in names {
        let name = Bytes::copy_from_slice(name);
        session
            .server
            .subscriptions
            .add(kind, name.clone(), &session.client);
        match kind {
            Kind::Channel => session.channels.insert(name.clone()),
            Kind::Pattern => session.patterns.insert(name.clone()),
        };
        replies.push(Reply::Push(vec![
            Reply::text(confirmation(kind).0),
            Reply::Bulk(name),
            Reply::count(session.subscriptions()),
        ]));
    }
    show_subscriptions(session);
    Reply::Sequence(replies)
}

/// Each is confirmed; when there was nothing to end, that once.
fn unsubscribe(session: &mut Session, kind: Kind, names: &[&[u8]]) -> Reply {
    let subscribed = match kind {
        Kind::Channel => &session.channels,
        Kind::Pattern => &session.patterns,
    };
    let names: Vec<Bytes> = if names.is_empty() {
        subscribed.iter().cloned().collect()
    } else {
        names
            .iter()
            .map(|name| Bytes::copy_from_slice(name))
            .collect()
    };
    let mut replies = Vec::with_capacity(names.len());
    for name in names {
        session
            .server
            .subscriptions
            .remove(kind, &name, session.client.id);
        match kind {
            Kind::Channel => session.channels.remove(&name),
            Kind::Pattern => session.patterns.remove(&name),
        };
        replies.push(ended(session, kind, Reply::Bulk(name)));
    }
    if replies.is_empty() {
        replies.push(ended(session, kind, Reply::Nil));
    }
    show_subscriptions(session);
    Reply::Sequence(replies)
}

fn ended(session: &Session, kind: Kind, name: Reply) -> Reply {
    Reply::Push(vec![
        Reply::text(confirmation(kind).1),
        name,
        Reply::count(session.subscriptions()),
    ])
}

/// Shows the number of subscriptions to CLIENT LIST.
fn show_subscriptions(session: &Session) {
    let mut profile = session.client.profile.lock();
    profile.channels = session.channels.len();
    profile.patterns = session.patterns.len();
}

/// The message may tell what its sender has read: it waits for the same log position.
fn publish(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let receivers = session
        .server
        .publish(arguments[1], arguments[2], session.revealed);
    Ok(Reply::count(receivers))
}

fn channels(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let pattern = match arguments[2..] {
        [] => None,
        [pattern] => Some(pattern),
        _ => return Err(CommandError::subcommand_syntax(arguments)),
    };
    let channels = session.server.subscriptions.active_channels(pattern);
    Ok(Reply::Array(
        channels.into_iter().map(Reply::Bulk).collect(),
    ))
}

fn numsub(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut counts = Vec::with_capacity(2 * (arguments.len() - 2));
    for channel in &arguments[2..] {
        counts.push(Reply::copied(channel));
        counts.push(Reply::count(
            session.server.subscriptions.subscribers(channel),
        ));
    }
    Ok(Reply::Array(counts))
}
