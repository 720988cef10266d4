//! MULTI, EXEC, DISCARD: several commands as one.

use super::super::command::{Command, Flag, Group, Handler};
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::super::session::{Session, Transaction};

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
        handler: Handler::Connection(exec),
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

fn exec(session: &mut Session, _: &[&[u8]]) -> Result<Reply, CommandError> {
    let Some(transaction) = session.transaction.take() else {
        return Err(CommandError::err("EXEC without MULTI"));
    };
    session.discard_transaction();
    if transaction.is_doomed {
        return Err(CommandError::EXEC_ABORT);
    }
    let mut replies = Vec::with_capacity(transaction.queue.len());
    for queued in &transaction.queue {
        let arguments: Vec<&[u8]> = queued.arguments.iter().map(|bytes| &bytes[..]).collect();
        replies.push(session.call(queued.entry, &arguments));
    }
    Ok(Reply::Array(replies))
}
