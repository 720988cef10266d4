//! Statements and patterns, through the engine of Cypher.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::commit::history::PastNode;
use ladybug_engine::commit::merge::OnConflict;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::engine::{Branch, NodeRef, Outcome, Snapshot, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::state::{State, View};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::{CamError, Fault};
use super::super::super::host::{Host, Reading};
use super::super::super::method::Scope;
use super::super::super::table::StatementKernel;
use super::{CHANGED, PLAN};
use crate::query::cypher::census::Unknown;
use crate::query::cypher::error::{CypherError, Result};
use crate::query::cypher::execute::output::{Answer, Counters};
use crate::query::cypher::execute::{Access, Budget, Limits, Noted, STEPS_LOCKED_MAX};
use crate::query::cypher::memory::Memory;
use crate::query::cypher::procedures::BuiltIn;
use crate::query::cypher::value::Map;
use crate::query::cypher::{Mode, PatternClause, Statement, columns};

/// How often a statement is run again because others changed what it reads meanwhile.
const ATTEMPTS: usize = 16;

/// The argument that every operation of this file takes.
const TEXT: usize = 0;

/// What a kernel that acts answers.
type Acted = Outcome<std::result::Result<RecordBatch, Fault>>;

fn acted(value: std::result::Result<RecordBatch, Fault>) -> Acted {
    Outcome {
        value,
        position: 0,
        events: Vec::new(),
    }
}

/// An error of the argument that it is of, or of the memory.
fn fault(call: &Call<'_>, error: CypherError) -> Fault {
    match error.engine {
        Some(engine) => CamError::Engine(*engine).into(),
        None => Fault::of(call.operation.arguments[TEXT].name, error),
    }
}

/// What a statement may use where it runs.
fn limits(host: &Host<'_>) -> Limits {
    Limits {
        time: host.timeout.unwrap_or(Duration::MAX),
        memory_bytes: host.bytes_max,
        rows: host.rows_max,
    }
}

/// Statements as they are given.
pub static QUERY: StatementKernel = StatementKernel {
    only_reads: |call| {
        let is_read =
            |statement: Statement| statement.mode() == Mode::Explain || !statement.writes();
        given(call).is_ok_and(is_read)
    },
    read: |call, reading| match given(call)? {
        statement if statement.mode() == Mode::Explain => Ok(lines(&statement.plan())),
        statement => read(call, reading, &statement),
    },
    write: |call, tx, host| write_within(call, tx, host, &given(call)?),
    alone: |call, reading| match given(call) {
        Err(fault) => acted(Err(fault)),
        Ok(statement) if statement.mode() == Mode::Explain => acted(Ok(lines(&statement.plan()))),
        Ok(statement) if statement.writes() => write(call, reading, &statement),
        Ok(statement) => acted(read(call, reading, &statement)),
    },
};

/// Patterns of CREATE.
pub static CREATE: StatementKernel = StatementKernel {
    only_reads: |_| false,
    read: |call, _| Err(writes(call)),
    write: |call, tx, host| write_within(call, tx, host, &of_pattern(call, PatternClause::Create)?),
    alone: |call, reading| write_pattern(call, reading, PatternClause::Create),
};

/// Patterns of MERGE.
pub static MERGE: StatementKernel = StatementKernel {
    only_reads: |_| false,
    read: |call, _| Err(writes(call)),
    write: |call, tx, host| write_within(call, tx, host, &of_pattern(call, PatternClause::Merge)?),
    alone: |call, reading| write_pattern(call, reading, PatternClause::Merge),
};

fn given(call: &Call<'_>) -> std::result::Result<Statement, Fault> {
    let statement = Statement::prepare(call.text(TEXT), &Map::new(), &BuiltIn, &Unknown);
    statement.map_err(|error| fault(call, error))
}

fn of_pattern(call: &Call<'_>, clause: PatternClause) -> std::result::Result<Statement, Fault> {
    let statement = Statement::prepare_pattern(clause, call.text(TEXT), &BuiltIn);
    statement.map_err(|error| fault(call, error))
}

fn writes(call: &Call<'_>) -> Fault {
    Fault::of(
        call.operation.arguments[TEXT].name,
        "expected what only reads",
    )
}

pub fn explain(call: &Call<'_>, _: &Reading<'_>) -> std::result::Result<RecordBatch, Fault> {
    Ok(lines(&given(call)?.plan()))
}

pub fn matched(call: &Call<'_>, reading: &Reading<'_>) -> std::result::Result<RecordBatch, Fault> {
    read(call, reading, &of_pattern(call, PatternClause::Match)?)
}

pub fn create_sql(call: &Call<'_>) -> String {
    PatternClause::Create.statement(call.text(TEXT))
}

pub fn merge_sql(call: &Call<'_>) -> String {
    PatternClause::Merge.statement(call.text(TEXT))
}

fn write_pattern(call: &Call<'_>, reading: &Reading<'_>, clause: PatternClause) -> Acted {
    match of_pattern(call, clause) {
        Ok(statement) => write(call, reading, &statement),
        Err(fault) => acted(Err(fault)),
    }
}

/// A scope at one moment, and the past behind it.
struct Reader<'r, 'h> {
    reading: &'r Reading<'h>,
    scope: Scope,
    is_encoded: bool,
}

/// What of a state a scope has.
fn within(state: &Arc<State>, scope: Scope) -> Arc<State> {
    match scope.zone() {
        None => Arc::clone(state),
        Some(zone) => Arc::new(state.within(&zone.prefixes())),
    }
}

impl Memory for Reader<'_, '_> {
    fn check(&self) -> Result<()> {
        Ok(self.reading.glance().check()?)
    }

    fn snapshot(&self) -> Option<&Snapshot> {
        // A search in the snapshot would find what is outside the scope.
        let is_whole = self.is_encoded && self.scope == Scope::All;
        is_whole.then(|| self.reading.snapshot())
    }

    fn node_at(&self, id: u64, version: u64) -> Result<Option<PastNode>> {
        let past = self
            .reading
            .node_at(NodeRef::Id(id), When::Version(version))?;
        let is_there = |node: &PastNode| {
            node.image.expires > past.committed && self.scope.contains(node.address)
        };
        Ok(past.value.filter(is_there))
    }

    fn state_at(&self, version: u64) -> Result<Arc<State>> {
        let past = self.reading.state_at(When::Version(version))?;
        Ok(within(&past.value, self.scope))
    }
}

/// Runs a statement that reads, over the scope.
fn read(
    call: &Call<'_>,
    reading: &Reading<'_>,
    statement: &Statement,
) -> std::result::Result<RecordBatch, Fault> {
    let memory = Reader {
        reading,
        scope: call.scope(),
        is_encoded: statement.reads_fingerprints(),
    };
    let snapshot = match statement.reads_fingerprints() {
        true => reading.snapshot(),
        false => reading.glance(),
    };
    let state = within(&snapshot.state, call.scope());
    let access = Access::Read(View::of(&state, snapshot.now));
    let answer = statement.run(access, &memory, limits(reading.host()));
    table(&answer.map_err(|error| fault(call, error))?)
}

/// What surrounds a statement that changes things: in a commit of others, or in a branch.
#[derive(Default)]
struct Writer<'b> {
    branch: Option<&'b Branch>,
    noted: Option<Noted>,
}

impl Memory for Writer<'_> {
    fn check(&self) -> Result<()> {
        match self.branch {
            Some(branch) => Ok(branch.check()?),
            None => Ok(()),
        }
    }

    fn noted(&self) -> Option<&Noted> {
        self.noted.as_ref()
    }
}

/// What writes has no scope but all.
fn of_all(call: &Call<'_>) -> std::result::Result<(), Fault> {
    match call.scope() {
        Scope::All => Ok(()),
        scope => Err(Fault::of(
            "SCOPE",
            format!(
                "expected all, got {}: what a statement of Cypher writes with is the whole space",
                scope.name()
            ),
        )),
    }
}

/// Runs a statement in a commit, of whatever else.
fn write_within(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    host: &Host<'_>,
    statement: &Statement,
) -> std::result::Result<RecordBatch, Fault> {
    of_all(call)?;
    let answer = statement.run(Access::Write(tx), &Writer::default(), limits(host));
    table(&answer.map_err(|error| fault(call, error))?)
}

/// Runs a statement that changes things: in a commit if that takes few steps, else in a branch that a commit then brings
/// into the space, if what the statement has read still is so.
fn write(call: &Call<'_>, reading: &Reading<'_>, statement: &Statement) -> Acted {
    if let Err(fault) = of_all(call) {
        return acted(Err(fault));
    }
    let host = reading.host();
    let (engine, space) = (host.engine(), host.space);
    let finish = |value: Result<Answer>| {
        let answer = value.map_err(|error| fault(call, error))?;
        table(&answer)
    };
    let budget = Budget::from(limits(host));
    if !statement.reads_fingerprints() {
        let brief = Budget {
            steps: Some(STEPS_LOCKED_MAX),
            ..budget
        };
        let outcome = engine.commit(&[space], |tx| -> Result<Answer> {
            let answer = statement.run(Access::Write(tx), &Writer::default(), brief)?;
            tx.report();
            Ok(answer)
        });
        match outcome.value {
            Err(error) if error.is_not_brief() => {}
            value => {
                return Outcome {
                    value: finish(value),
                    position: outcome.position,
                    events: outcome.events,
                };
            }
        }
    }
    let (mut position, mut events) = (0, Vec::new());
    for _ in 0..ATTEMPTS {
        let attempt = || -> Result<(Branch, Noted, Answer)> {
            if statement.reads_fingerprints() {
                engine.encode_pending(&[space]);
            }
            let branch = engine.branch(space)?;
            let writer = Writer {
                branch: Some(&branch),
                noted: Some(Noted::default()),
            };
            let answer = engine.change_branch(&branch, |tx| {
                statement.run(Access::Write(tx), &writer, budget)
            })?;
            let noted = writer.noted.unwrap_or_default();
            Ok((branch, noted, answer))
        };
        let (branch, noted, answer) = match attempt() {
            Ok(done) => done,
            Err(error) => {
                return Outcome {
                    value: finish(Err(error)),
                    position,
                    events,
                };
            }
        };
        position = position.max(branch.position());
        if branch.state().version() == branch.base().version() {
            // It found nothing to change, at the moment of its snapshot.
            return Outcome {
                value: finish(Ok(answer)),
                position,
                events,
            };
        }
        let reads = noted.into_reads();
        let outcome = engine.commit_branch(&branch, Some(&reads), OnConflict::Abort);
        position = Position::max(position, outcome.position);
        events.extend(outcome.events);
        let value = match outcome.value {
            Ok(_) => Ok(answer),
            Err(EngineError::Conflict { .. }) => continue,
            Err(error) => Err(error.into()),
        };
        return Outcome {
            value: finish(value),
            position,
            events,
        };
    }
    Outcome {
        value: Err(Fault::Argument(format!(
            "others changed what the statement reads {ATTEMPTS} times while it ran; nothing was changed, repeat it"
        ))),
        position,
        events,
    }
}

/// An answer as a table: its plan if that was asked for, its rows, or what it has changed if it returns none.
fn table(answer: &Answer) -> std::result::Result<RecordBatch, Fault> {
    match &answer.plan {
        Some(plan) => Ok(lines(plan)),
        None if answer.columns.is_empty() => Ok(changed(answer.counters)),
        None => Ok(columns::batch(answer)?),
    }
}

fn lines(plan: &[String]) -> RecordBatch {
    batch(
        PLAN,
        vec![Arc::new(StringArray::from_iter_values(plan)) as ArrayRef],
    )
}

fn changed(counters: Counters) -> RecordBatch {
    let all = [
        counters.nodes_created,
        counters.nodes_deleted,
        counters.relationships_created,
        counters.relationships_deleted,
        counters.properties_set,
        counters.labels_added,
        counters.labels_removed,
    ];
    let one = |count| Arc::new(UInt64Array::from(vec![count])) as ArrayRef;
    batch(CHANGED, all.map(one).to_vec())
}
