//! Cypher: CYPHER over the selected space, and GRAPH.QUERY and its kin over named ones.
//!
//! A statement that reads runs on a snapshot; one that writes is one commit. `render` turns answers into CYPHER's
//! replies, `graph` into those of graph databases over RESP.

mod graph;
mod parameters;
mod render;

use std::sync::Arc;
use std::time::Duration;

use ladybug_engine::commit::history::PastNode;
use ladybug_engine::commit::merge::OnConflict;
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::{Branch, Lease, NodeRef, Reads, Snapshot, TransactionId, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::state::{State, View};

use crate::query::cypher::census::{Census, Statistics, Unknown};
use crate::query::cypher::error::{CypherError, Result};
use crate::query::cypher::execute::output::Answer;
use crate::query::cypher::execute::{Access, Budget, Limits, Noted, STEPS_LOCKED_MAX};
use crate::query::cypher::index::PropertyIndex;
use crate::query::cypher::memory::Memory;
use crate::query::cypher::procedures::BuiltIn;
use crate::query::cypher::value::Map;
use crate::query::cypher::{Mode, Statement};

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::Arguments;

/// What the commands of this family share.
const QUERY: Command = Command {
    group: Group::Query,
    since: "0.1.0",
    flags: &[Flag::Write, Flag::Denyoom],
    complexity: "As the statement's plan: see EXPLAIN",
    is_tried: true,
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "cypher",
        syntax: "statement [PARAMS json-object] [READONLY] [TXN id]",
        arity: -2,
        summary: "Runs an openCypher statement on the selected space, in one commit or on one snapshot: answers its \
                  columns, its rows, and what it changed. EXPLAIN in front of it answers its plan, PROFILE adds the \
                  plan with rows and times. READONLY refuses what writes. With TXN it is part of a transaction that \
                  DAG.BEGIN began, in the space of that",
        handler: Handler::Statement {
            alone: cypher,
            in_commit: cypher_in_commit,
            only_reads,
            check: |_| Ok(()),
        },
        ..QUERY
    },
    Command {
        name: "graph.query",
        syntax: "space statement [TIMEOUT milliseconds]",
        arity: -3,
        summary: "Runs an openCypher statement on a space, which is made if it is new, and answers as graph databases \
                  over RESP do: a header, rows, statistics",
        handler: Handler::Search(graph::query),
        ..QUERY
    },
    Command {
        name: "graph.ro_query",
        syntax: "space statement [TIMEOUT milliseconds]",
        arity: -3,
        flags: &[Flag::Readonly],
        summary: "GRAPH.QUERY of what only reads",
        handler: Handler::Search(graph::read_query),
        ..QUERY
    },
    Command {
        name: "graph.explain",
        syntax: "space statement",
        arity: 3,
        flags: &[Flag::Readonly],
        summary: "The plan of a statement, a line a step, without running it",
        handler: Handler::Search(graph::explain),
        ..QUERY
    },
    Command {
        name: "graph.delete",
        syntax: "space",
        arity: 2,
        flags: &[Flag::Write],
        summary: "Removes every node and edge of a space",
        complexity: "O(N) where N is the number of nodes and edges",
        is_tried: false,
        handler: Handler::Search(graph::delete),
        ..QUERY
    },
];

/// What surrounds a statement that changes things: in a commit of others, or in a branch.
struct Writer<'c> {
    context: &'c Context,
    space: SpaceId,
    branch: Option<&'c Branch>,
    noted: Option<Noted>,
}

impl<'c> Writer<'c> {
    /// Under the locks of a commit.
    fn locked(context: &'c Context, space: SpaceId) -> Self {
        Self {
            context,
            space,
            branch: None,
            noted: None,
        }
    }

    fn branched(context: &'c Context, branch: &'c Branch) -> Self {
        Self {
            context,
            space: branch.space(),
            branch: Some(branch),
            noted: Some(Noted::default()),
        }
    }

    /// What the statement has read.
    fn into_reads(self) -> Reads {
        self.noted.map(Noted::into_reads).unwrap_or_default()
    }
}

impl Memory for Writer<'_> {
    fn check(&self) -> Result<()> {
        check_caller(self.context)?;
        match self.branch {
            Some(branch) => Ok(branch.check()?),
            None => Ok(()),
        }
    }

    fn noted(&self) -> Option<&Noted> {
        self.noted.as_ref()
    }

    fn index(&self, key: &str) -> Option<Arc<PropertyIndex>> {
        self.context.server().indexes.property(self.space, key)
    }

    fn census(&self) -> Option<Arc<Census>> {
        Some(self.context.server().indexes.census(self.space))
    }
}

/// A space at one moment, and the past behind it.
struct Reader<'e> {
    context: &'e Context,
    space: SpaceId,
    lease: Option<Arc<Lease>>,
    snapshot: Option<Snapshot>,
}

impl Memory for Reader<'_> {
    fn check(&self) -> Result<()> {
        check_caller(self.context)?;
        if let Some(lease) = &self.lease {
            lease.check()?;
        }
        if let Some(snapshot) = &self.snapshot {
            snapshot.check()?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    fn index(&self, key: &str) -> Option<Arc<PropertyIndex>> {
        self.context.server().indexes.property(self.space, key)
    }

    fn census(&self) -> Option<Arc<Census>> {
        Some(self.context.server().indexes.census(self.space))
    }

    fn node_at(&self, id: u64, version: u64) -> Result<Option<PastNode>> {
        let then = When::Version(version);
        let past = self
            .context
            .engine()
            .node_at(self.space, NodeRef::Id(id), then)?;
        let is_there = |node: &PastNode| node.image.expires > past.committed;
        Ok(past.value.filter(is_there))
    }

    fn state_at(&self, version: u64) -> Result<Arc<State>> {
        let then = When::Version(version);
        Ok(self.context.engine().state_at(self.space, then)?.value)
    }
}

/// Whether somebody still waits for the answer.
fn check_caller(context: &Context) -> Result<()> {
    match context.caller.has_left() {
        true => Err(CypherError::left()),
        false => Ok(()),
    }
}

/// Runs a statement on a space, as a reader or in one commit.
fn run(
    context: &Context,
    space: SpaceId,
    statement: &Statement,
    limits: Limits,
) -> std::result::Result<Answer, CommandError> {
    let budget = Budget {
        steps: context.is_trial().then_some(STEPS_TRIED_MAX),
        ..limits.into()
    };
    if budget.steps.is_some() && statement.reads_fingerprints() {
        // Some may have to be encoded first.
        return Err(context.takes_long());
    }
    match statement.writes() {
        true => write(context, space, statement, budget),
        false => read(context, space, statement, budget),
    }
}

fn read(
    context: &Context,
    space: SpaceId,
    statement: &Statement,
    budget: Budget,
) -> std::result::Result<Answer, CommandError> {
    let mut reader = Reader {
        context,
        space,
        lease: None,
        snapshot: None,
    };
    let (state, now) = if statement.reads_fingerprints() {
        let snapshot = context.snapshots(&[space]).pop();
        let snapshot = snapshot.expect("invariant: a snapshot each space");
        let (state, now) = (Arc::clone(&snapshot.state), snapshot.now);
        reader.snapshot = Some(snapshot);
        (state, now)
    } else {
        let (lease, now) = context.lease(space);
        let state = Arc::clone(lease.state());
        reader.lease = Some(lease);
        (state, now)
    };
    match statement.run(Access::Read(View::of(&state, now)), &reader, budget) {
        Err(error) if error.is_not_brief() => Err(context.takes_long()),
        answer => Ok(answer?),
    }
}

/// Runs a statement that changes things: in a commit if that takes few steps, else in a branch that a commit then brings
/// into the space, if what the statement has read still is so.
fn write(
    context: &Context,
    space: SpaceId,
    statement: &Statement,
    budget: Budget,
) -> std::result::Result<Answer, CommandError> {
    let engine = context.engine();
    if !statement.reads_fingerprints() {
        let writer = Writer::locked(context, space);
        let brief = Budget {
            steps: budget.steps.or(Some(STEPS_LOCKED_MAX)),
            ..budget
        };
        let outcome = engine.commit(&[space], |tx| -> Result<Answer> {
            let answer = statement.run(Access::Write(tx), &writer, brief)?;
            tx.report();
            Ok(answer)
        });
        context.happened(outcome.events);
        match outcome.value {
            Err(error) if error.is_not_brief() && context.is_trial() => {
                return Err(context.takes_long());
            }
            Err(error) if error.is_not_brief() => {}
            value => {
                context.reveal(outcome.position);
                return Ok(value?);
            }
        }
    }
    for _ in 0..ATTEMPTS {
        if statement.reads_fingerprints() {
            engine.encode_pending(&[space]);
        }
        let branch = engine.branch(space)?;
        context.reveal(branch.position());
        let writer = Writer::branched(context, &branch);
        let answer = engine.change_branch(&branch, |tx| {
            statement.run(Access::Write(tx), &writer, budget)
        })?;
        if branch.state().version() == branch.base().version() {
            // It found nothing to change, at the moment of its snapshot.
            return Ok(answer);
        }
        let reads = writer.into_reads();
        let outcome = engine.commit_branch(&branch, Some(&reads), OnConflict::Abort);
        context.reveal(outcome.position);
        context.happened(outcome.events);
        match outcome.value {
            Ok(_) => return Ok(answer),
            Err(EngineError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CommandError {
        code: "CONFLICT",
        message: format!(
            "others changed what the statement reads {ATTEMPTS} times while it ran; nothing was changed, repeat it"
        )
        .into(),
    })
}

/// Runs a statement in a transaction that somebody began.
fn run_in_transaction(
    context: &Context,
    id: TransactionId,
    statement: &Statement,
    budget: Budget,
) -> std::result::Result<Answer, CommandError> {
    let engine = context.engine();
    engine.run_in_transaction(id, |open| {
        let branch = open.branch();
        context.reveal(branch.position());
        let writer = Writer::branched(context, branch);
        let result = match statement.writes() {
            true => engine.change_branch(branch, |tx| {
                statement.run(Access::Write(tx), &writer, budget)
            }),
            false => {
                let state = branch.state();
                let view = View::of(&state, branch.now());
                statement.run(Access::Read(view), &writer, budget)
            }
        };
        let reads = writer.into_reads();
        open.note_reads(reads);
        Ok(result?)
    })
}

/// Most steps of a statement that is tried on the thread of its connection: a tenth of a millisecond.
const STEPS_TRIED_MAX: usize = 1024;
/// Longest statement with its parameters that is tried there, bytes.
const TRIED_BYTES_MAX: usize = 1024;
/// How often a statement is run again because others changed what it reads meanwhile.
const ATTEMPTS: usize = 16;
/// How long a statement may run inside MULTI, where it holds the spaces of the transaction.
pub(super) const LOCKED_TIME_MAX: Duration = Duration::from_secs(1);

/// What CYPHER is asked for.
struct Asked {
    statement: Statement,
    transaction: Option<TransactionId>,
}

impl Asked {
    fn read(
        request: &[&[u8]],
        statistics: &dyn Statistics,
    ) -> std::result::Result<Self, CommandError> {
        let mut arguments = Arguments::new(request);
        let text = arguments.text("a statement")?;
        let (mut parameters, mut is_readonly, mut transaction) = (Map::new(), false, None);
        while let Some(option) = arguments.option(&["PARAMS", "READONLY", "TXN"])? {
            match option {
                "PARAMS" => parameters = parameters::from_json(arguments.take("a JSON object")?)?,
                "TXN" => {
                    let id = arguments.take("a transaction's id")?;
                    transaction = Some(String::from_utf8_lossy(id).parse()?);
                }
                _ => is_readonly = true,
            }
        }
        let statement = Statement::prepare(text, &parameters, &BuiltIn, statistics)?;
        if is_readonly && statement.writes() {
            return Err(read_only().into());
        }
        Ok(Self {
            statement,
            transaction,
        })
    }
}

/// Shows what is known of a space as it is.
fn counting<R>(context: &Context, space: SpaceId, f: impl FnOnce(&dyn Statistics) -> R) -> R {
    let (state, _) = context.engine().state(space);
    let census = context.server().indexes.census(space);
    f(&census.of(&state))
}

/// Lets a trial end that begins with much to be read.
fn check_trial(context: &Context, request: &[&[u8]]) -> std::result::Result<(), CommandError> {
    let bytes: usize = request.iter().map(|argument| argument.len()).sum();
    match context.is_trial() && bytes > TRIED_BYTES_MAX {
        true => Err(context.takes_long()),
        false => Ok(()),
    }
}

fn read_only() -> CypherError {
    CypherError::argument("expected a statement that only reads")
}

fn cypher(context: &Context, request: &[&[u8]]) -> std::result::Result<Reply, CommandError> {
    check_trial(context, request)?;
    let Asked {
        statement,
        transaction,
    } = counting(context, context.selected(), |counted| {
        Asked::read(request, counted)
    })?;
    if statement.mode() == Mode::Explain {
        return Ok(render::plan(&statement.plan()));
    }
    let limits = context.server().settings.cypher;
    let answer = match transaction {
        Some(_) if context.is_trial() => return Err(context.takes_long()),
        Some(id) => run_in_transaction(context, id, &statement, limits.into())?,
        None => run(context, context.selected(), &statement, limits)?,
    };
    Ok(render::answer(answer))
}

/// Whether a statement needs no place in the commit of a transaction.
fn only_reads(request: &[&[u8]]) -> bool {
    let asked = Asked::read(request, &Unknown);
    asked.is_ok_and(|asked| !asked.statement.writes() && asked.transaction.is_none())
}

fn cypher_in_commit(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> std::result::Result<Reply, CommandError> {
    let Asked {
        statement,
        transaction,
    } = {
        let census = context.server().indexes.census(tx.space());
        Asked::read(request, &census.of(tx.view().state))?
    };
    if transaction.is_some() {
        return Err(CommandError::err(
            "expected a statement without TXN inside MULTI, which is a transaction itself",
        ));
    }
    let mut limits = context.server().settings.cypher;
    limits.time = limits.time.min(LOCKED_TIME_MAX);
    let writer = Writer::locked(context, tx.space());
    let answer = statement.run(Access::Write(tx), &writer, limits)?;
    Ok(render::answer(answer))
}
