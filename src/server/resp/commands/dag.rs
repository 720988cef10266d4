//! DAG.*: transactions that last, the past, and forks.
//!
//! | room | commands |
//! |---|---|
//! | `transaction` | BEGIN, READ, SCAN, WRITE, DELETE, LINK, UNLINK, COMMIT, ABORT, TXNS |
//! | `past` | TIMETRAVEL, HISTORY, DIFF, CHANGED |
//! | `fork` | FORK, MERGE, DROP, CHECKPOINT, CHECKPOINTS, ROLLBACK, STATS |

mod fork;
mod past;
mod transaction;

use std::sync::Arc;

use ladybug_engine::commit::merge::OnConflict;
use ladybug_engine::engine::{NodeRef, When};

use super::super::command::{Command, Flag, Group, Handler};
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, Reference, expected};

/// What the commands of this family share. They make commits of their own, so they are no part of another.
const DAG: Command = Command {
    group: Group::Dag,
    since: "0.1.0",
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "dag.begin",
        syntax: "[ISOLATION isolation] [ON CONFLICT policy] [TIMEOUT milliseconds]",
        arity: -1,
        flags: &[Flag::Fast, Flag::NoMulti],
        summary: "Begins a transaction in the selected space and answers its id. Isolation is serializable, unless \
                  snapshot is asked for; then the policy for what others change too may be abort (the default), \
                  merge, mine or theirs. It is aborted when nobody uses it for 60 seconds, or TIMEOUT",
        handler: Handler::Connection(transaction::begin),
        ..DAG
    },
    Command {
        name: "dag.read",
        syntax: "transaction node",
        arity: -3,
        flags: &[Flag::Readonly, Flag::Fast, Flag::NoMulti],
        summary: "The value of a node as the transaction sees it, with its own writes; of a node with fields only, \
                  those; nil if there is none",
        handler: Handler::Connection(transaction::read),
        ..DAG
    },
    Command {
        name: "dag.scan",
        syntax: "transaction [zone | prefix] [LIMIT limit]",
        arity: -2,
        flags: &[Flag::Readonly, Flag::NoMulti],
        summary: "The nodes that the transaction sees in a zone, in the chunk of a prefix such as 80, or everywhere, \
                  by address: rows of name, address and value (RESP2: arrays in this order; RESP3: maps). At its \
                  commit there must be the same",
        complexity: "O(N) where N is the number of nodes",
        handler: Handler::Connection(transaction::scan),
        ..DAG
    },
    Command {
        name: "dag.write",
        syntax: "transaction node [value] [FP bits]",
        arity: -4,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast, Flag::NoMulti],
        summary: "Writes a value, a fingerprint or both in the transaction; a key that is not there is made",
        handler: Handler::Connection(transaction::write),
        ..DAG
    },
    Command {
        name: "dag.delete",
        syntax: "transaction node",
        arity: -3,
        flags: &[Flag::Write, Flag::Fast, Flag::NoMulti],
        summary: "Removes a node with its edges in the transaction; answers 1, or 0 if there is none",
        handler: Handler::Connection(transaction::delete),
        ..DAG
    },
    Command {
        name: "dag.link",
        syntax: "transaction node verb other",
        arity: -5,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast, Flag::NoMulti],
        summary: "Adds an edge in the transaction; answers its id",
        handler: Handler::Connection(transaction::link),
        ..DAG
    },
    Command {
        name: "dag.unlink",
        syntax: "transaction node verb other",
        arity: -5,
        flags: &[Flag::Write, Flag::Fast, Flag::NoMulti],
        summary: "Removes the edges of a verb from one node to another in the transaction; answers how many",
        handler: Handler::Connection(transaction::unlink),
        ..DAG
    },
    Command {
        name: "dag.commit",
        syntax: "transaction",
        arity: 2,
        flags: &[Flag::Write, Flag::NoMulti],
        summary: "Ends the transaction with one commit of all that it did, and answers the version that has it; or \
                  CONFLICT, with what others changed and by which version, and nothing is done",
        complexity: "O(N) where N is what it read and wrote",
        handler: Handler::Connection(transaction::commit),
        ..DAG
    },
    Command {
        name: "dag.abort",
        syntax: "transaction",
        arity: 2,
        flags: &[Flag::Fast, Flag::NoMulti],
        summary: "Ends the transaction, with nothing done",
        handler: Handler::Connection(transaction::abort),
        ..DAG
    },
    Command {
        name: "dag.txns",
        arity: 1,
        flags: &[Flag::Readonly, Flag::NoMulti],
        summary: "The transactions under way, oldest first: rows of id, space, version that is read, isolation, \
                  policy, age and idle time in milliseconds, and reads (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of transactions",
        handler: Handler::Connection(transaction::list),
        ..DAG
    },
    Command {
        name: "dag.timetravel",
        syntax: "node <version | TIMESTAMP microseconds>",
        arity: -3,
        flags: &[Flag::Readonly],
        summary: "A node as it was at a version, or at a time: version read, when that was committed, name, address, \
                  id, value, fields, kinds, truth, rung and expiry (RESP2: an array in this order; RESP3: a map); \
                  nil if it was not there, or had expired",
        complexity: "O(N) where N is the number of its changes since; O(N) of all changes since, if it was removed or renamed",
        handler: Handler::Search(past::time_travel),
        ..DAG
    },
    Command {
        name: "dag.history",
        syntax: "node [LIMIT limit]",
        arity: -2,
        flags: &[Flag::Readonly],
        summary: "The changes of a node that history remembers, newest first: rows of version, when that was \
                  committed, and the parts that changed, or created (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of its changes",
        handler: Handler::Search(past::history),
        ..DAG
    },
    Command {
        name: "dag.diff",
        syntax: "node version other",
        arity: -4,
        flags: &[Flag::Readonly],
        summary: "How a node differs between two versions: the exclusive or of its fingerprints in hex, how many bits \
                  that are, and the parts that differ, fields by name (RESP2: an array in this order; RESP3: a map)",
        complexity: "As DAG.TIMETRAVEL, twice",
        handler: Handler::Search(past::diff),
        ..DAG
    },
    Command {
        name: "dag.changed",
        syntax: "version other",
        arity: 3,
        flags: &[Flag::Readonly],
        summary: "What differs between two versions of the space: rows of what it is (node, edge or verb), id, address, \
                  name, and created, removed or changed (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of changes between",
        handler: Handler::Search(past::changed),
        ..DAG
    },
    Command {
        name: "dag.fork",
        syntax: "name [AT version]",
        arity: -2,
        flags: &[Flag::Write, Flag::Fast],
        summary: "Makes a space of this name that begins as the selected one is, or was, and shares its memory until \
                  one of both writes there; answers the version that it began with. SELECT enters it",
        complexity: "O(1); O(N) of the changes since, with AT",
        handler: Handler::Search(fork::fork),
        ..DAG
    },
    Command {
        name: "dag.merge",
        syntax: "fork [ON CONFLICT policy]",
        arity: -2,
        flags: &[Flag::Write],
        summary: "Brings what a fork has changed into the space that it was made from, as one commit; answers its \
                  version. Of what both changed the policy decides: abort (the default), merge, mine (the fork's) or \
                  theirs",
        complexity: "O(N) where N is what both changed",
        handler: Handler::Search(fork::merge),
        ..DAG
    },
    Command {
        name: "dag.drop",
        syntax: "name",
        arity: 2,
        flags: &[Flag::Write, Flag::Fast],
        summary: "Ends a fork with everything in it, or a checkpoint of the selected space",
        handler: Handler::Search(fork::drop_fork),
        ..DAG
    },
    Command {
        name: "dag.checkpoint",
        syntax: "name",
        arity: 2,
        flags: &[Flag::Write, Flag::Fast],
        summary: "Keeps the selected space as it is under a name, for DAG.ROLLBACK, until it is dropped; answers the \
                  version",
        handler: Handler::Search(fork::checkpoint),
        ..DAG
    },
    Command {
        name: "dag.checkpoints",
        arity: 1,
        flags: &[Flag::Readonly],
        summary: "The checkpoints of the selected space by name: rows of name, version, and when that was committed \
                  (RESP2: arrays in this order; RESP3: maps)",
        complexity: "O(N) where N is the number of forks",
        handler: Handler::Search(fork::checkpoints),
        ..DAG
    },
    Command {
        name: "dag.rollback",
        syntax: "<name | version>",
        arity: 2,
        flags: &[Flag::Write],
        summary: "Brings the selected space back to a checkpoint or a version, as a new commit; answers its version",
        complexity: "O(N) where N is the number of changes since",
        handler: Handler::Search(fork::roll_back),
        ..DAG
    },
    Command {
        name: "dag.stats",
        arity: 1,
        flags: &[Flag::Readonly],
        summary: "The selected space's versions and history, and the server's transactions and forks: newest version, \
                  oldest that can be read, bytes of its history, bytes of all histories, their bound for a space, \
                  transactions under way, forks, checkpoints (RESP2: an array in this order; RESP3: a map)",
        handler: Handler::Search(fork::stats),
        ..DAG
    },
];

/// A node as the engine is asked for it.
fn node_ref(reference: Reference<'_>) -> NodeRef<'_> {
    match reference {
        Reference::Key(name) => NodeRef::Name(name),
        Reference::Address(address) => NodeRef::Address(address),
        Reference::Id(id) => NodeRef::Id(id),
    }
}

/// A policy by its word, after `ON CONFLICT`.
fn policy(arguments: &mut Arguments<'_>) -> Result<OnConflict, CommandError> {
    let word = arguments.take("CONFLICT")?;
    if !word.eq_ignore_ascii_case(b"CONFLICT") {
        return Err(expected("CONFLICT after ON", word));
    }
    let word = arguments.take("abort, merge, mine or theirs")?;
    let policies = [
        ("abort", OnConflict::Abort),
        ("merge", OnConflict::Merge),
        ("mine", OnConflict::Mine),
        ("theirs", OnConflict::Theirs),
    ];
    let named = policies
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    named
        .map(|(_, policy)| policy)
        .ok_or_else(|| expected("abort, merge, mine or theirs", word))
}

/// A policy's word.
fn policy_name(policy: OnConflict) -> &'static str {
    match policy {
        OnConflict::Abort => "abort",
        OnConflict::Merge => "merge",
        OnConflict::Mine => "mine",
        OnConflict::Theirs => "theirs",
    }
}

/// A version, which is all that a reader of the past says.
fn version(arguments: &mut Arguments<'_>) -> Result<u64, CommandError> {
    let word = arguments.take("a version")?;
    let text = std::str::from_utf8(word).ok();
    let version = text.and_then(|text| text.parse().ok());
    version.ok_or_else(|| expected("a version, such as 42", word))
}

/// A version, or a time.
fn when(arguments: &mut Arguments<'_>) -> Result<When, CommandError> {
    if !arguments.is_at(&["TIMESTAMP"]) {
        return version(arguments).map(When::Version);
    }
    arguments.take("TIMESTAMP")?;
    let word = arguments.take("a time")?;
    let text = std::str::from_utf8(word).ok();
    let time = text.and_then(|text| text.parse().ok());
    time.map(When::Time)
        .ok_or_else(|| expected("a time in microseconds since the epoch", word))
}

/// A node's name, if it has one.
fn name_of(name: Option<&Arc<[u8]>>) -> Reply {
    name.map_or(Reply::Nil, |name| Reply::Value(Arc::clone(name)))
}

/// A version as a reply.
fn number(version: u64) -> Reply {
    Reply::Integer(i64::try_from(version).unwrap_or(i64::MAX))
}
