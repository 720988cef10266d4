//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: several commands as one.

use super::super::command::{Command, Flag, Group, Handler, Keys};
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::session::{Session, Transaction, Watch};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "multi",
        flags: &[Flag::Fast, Flag::Loading, Flag::Unqueued],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Begins a transaction: the commands that follow are queued",
        handler: Handler::Connection(multi),
        ..Command::DEFAULT
    },
    Command {
        name: "exec",
        flags: &[Flag::Loading, Flag::SkipSlowlog, Flag::Unqueued],
        group: Group::Transactions,
        since: "1.2.0",
        summary: "Executes the queued commands as one commit",
        complexity: "Depends on the commands of the transaction",
        handler: Handler::Exec,
        ..Command::DEFAULT
    },
    Command {
        name: "watch",
        syntax: "key [key ...]",
        arity: -2,
        flags: &[Flag::Fast, Flag::Loading, Flag::Unqueued],
        keys: Keys::ALL,
        group: Group::Transactions,
        since: "2.2.0",
        summary: "EXEC does nothing if one of these keys has changed by then",
        complexity: "O(1) for every key",
        handler: Handler::Connection(watch),
        ..Command::DEFAULT
    },
    Command {
        name: "unwatch",
        flags: &[Flag::Fast, Flag::Loading],
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Forgets the watched keys",
        handler: Handler::Connection(unwatch),
        ..Command::DEFAULT
    },
    Command {
        name: "discard",
        flags: &[Flag::Fast, Flag::Loading, Flag::Unqueued],
        group: Group::Transactions,
        since: "2.0.0",
        summary: "Forgets the queued commands and ends the transaction",
        complexity: "O(N) where N is the number of queued commands",
        handler: Handler::Connection(discard),
        ..Command::DEFAULT
    },
];

fn multi(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    if session.transaction.is_some() {
        return Err(CommandError::err("MULTI calls can not be nested"));
    }
    session.transaction = Some(Transaction::default());
    session.client.profile.lock().queued = Some(0);
    Ok(Reply::OK)
}

fn discard(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    if session.transaction.is_none() {
        return Err(CommandError::err("DISCARD without MULTI"));
    }
    session.discard_transaction();
    Ok(Reply::OK)
}

fn watch(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    if session.transaction.is_some() {
        return Err(CommandError::err("WATCH inside MULTI is not allowed"));
    }
    let space = session.context.selected();
    let is_new = |key: &&&[u8]| {
        !session
            .watches
            .iter()
            .any(|watch| watch.space == space && watch.key == **key)
    };
    let keys: Vec<&[u8]> = arguments[1..].iter().filter(is_new).copied().collect();
    let outcome = session.server.engine.commit(&[space], |tx| {
        Ok::<_, CommandError>(
            keys.iter()
                .map(|key| Watch::new(tx, key))
                .collect::<Vec<_>>(),
        )
    });
    session.revealed = session.revealed.max(outcome.position);
    session.watches.extend(outcome.value?);
    session.client.profile.lock().is_watching = true;
    Ok(Reply::OK)
}

fn unwatch(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    session.watches.clear();
    session.client.profile.lock().is_watching = false;
    Ok(Reply::OK)
}
