//! Cypher: CYPHER over the selected space, and GRAPH.QUERY and its kin over named ones.
//!
//! A statement that reads runs on a snapshot; one that writes is one commit. `render` turns answers into CYPHER's
//! replies, `graph` into those of graph databases over RESP.

mod graph;
mod parameters;
mod render;

use std::sync::Arc;

use ladybug_engine::commit::history::PastNode;
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::{Engine, Lease, NodeRef, Snapshot, When};
use ladybug_engine::space::state::{State, View};

use crate::query::cypher::error::{CypherError, Result};
use crate::query::cypher::execute::output::Answer;
use crate::query::cypher::execute::{Access, Limits};
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
    ..Command::DEFAULT
};

/// The family.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "cypher",
        syntax: "statement [PARAMS json-object] [READONLY]",
        arity: -2,
        summary: "Runs an openCypher statement on the selected space, in one commit or on one snapshot: answers its \
                  columns, its rows, and what it changed. EXPLAIN in front of it answers its plan, PROFILE adds the \
                  plan with rows and times. READONLY refuses what writes",
        handler: Handler::Statement(cypher, cypher_in_transaction),
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
        handler: Handler::Search(graph::delete),
        ..QUERY
    },
];

/// A commit in the making.
struct Writer<'c> {
    context: &'c Context,
    space: SpaceId,
}

impl Memory for Writer<'_> {
    fn index(&self, key: &str) -> Option<Arc<PropertyIndex>> {
        self.context.server().indexes.of(self.space, key)
    }
}

/// A space at one moment, and the past behind it.
struct Reader<'e> {
    engine: &'e Engine,
    context: &'e Context,
    space: SpaceId,
    lease: Option<Arc<Lease>>,
    snapshot: Option<Snapshot>,
}

impl Memory for Reader<'_> {
    fn check(&self) -> Result<()> {
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
        self.context.server().indexes.of(self.space, key)
    }

    fn node_at(&self, id: u64, version: u64) -> Result<Option<PastNode>> {
        let past = self
            .engine
            .node_at(self.space, NodeRef::Id(id), When::Version(version))?;
        let is_there = |node: &PastNode| node.image.expires > past.committed;
        Ok(past.value.filter(is_there))
    }

    fn state_at(&self, version: u64) -> Result<Arc<State>> {
        Ok(self
            .engine
            .state_at(self.space, When::Version(version))?
            .value)
    }
}

/// Runs a statement on a space, as a reader or in one commit.
fn run(
    engine: &Engine,
    context: &Context,
    space: SpaceId,
    statement: &Statement,
    limits: Limits,
) -> std::result::Result<Answer, CommandError> {
    if statement.writes() {
        let writer = Writer { context, space };
        let outcome = engine.commit(&[space], |tx| {
            statement.run(Access::Write(tx), &writer, limits)
        });
        context.reveal(outcome.position);
        return Ok(outcome.value?);
    }
    let mut reader = Reader {
        engine,
        context,
        space,
        lease: None,
        snapshot: None,
    };
    let (state, now) = if statement.reads_fingerprints() {
        let snapshot = engine.snapshot(space);
        context.reveal(snapshot.position);
        let (state, now) = (Arc::clone(&snapshot.state), snapshot.now);
        reader.snapshot = Some(snapshot);
        (state, now)
    } else {
        let (lease, position) = engine.lease(space);
        context.reveal(position);
        let state = Arc::clone(lease.state());
        reader.lease = Some(lease);
        let now = engine.now().max(state.committed());
        (state, now)
    };
    Ok(statement.run(Access::Read(View::of(&state, now)), &reader, limits)?)
}

/// What CYPHER is asked for.
struct Asked {
    statement: Statement,
}

impl Asked {
    fn read(request: &[&[u8]]) -> std::result::Result<Self, CommandError> {
        let mut arguments = Arguments::new(request);
        let text = arguments.text("a statement")?;
        let (mut parameters, mut is_readonly) = (Map::new(), false);
        while let Some(option) = arguments.option(&["PARAMS", "READONLY"])? {
            match option {
                "PARAMS" => parameters = parameters::from_json(arguments.take("a JSON object")?)?,
                _ => is_readonly = true,
            }
        }
        let statement = Statement::prepare(text, &parameters, &BuiltIn)?;
        if is_readonly && statement.writes() {
            return Err(read_only().into());
        }
        Ok(Self { statement })
    }
}

fn read_only() -> CypherError {
    CypherError::argument("expected a statement that only reads")
}

fn cypher(
    engine: &Engine,
    context: &Context,
    request: &[&[u8]],
) -> std::result::Result<Reply, CommandError> {
    let Asked { statement } = Asked::read(request)?;
    if statement.mode() == Mode::Explain {
        return Ok(render::plan(&statement.plan()));
    }
    let limits = context.server().settings.cypher;
    let answer = run(engine, context, context.selected(), &statement, limits)?;
    Ok(render::answer(answer))
}

fn cypher_in_transaction(
    tx: &mut Transaction<'_>,
    context: &Context,
    request: &[&[u8]],
) -> std::result::Result<Reply, CommandError> {
    let Asked { statement } = Asked::read(request)?;
    if statement.mode() == Mode::Explain {
        return Ok(render::plan(&statement.plan()));
    }
    let limits = context.server().settings.cypher;
    let writer = Writer {
        context,
        space: tx.space(),
    };
    let answer = statement.run(Access::Write(tx), &writer, limits)?;
    Ok(render::answer(answer))
}
