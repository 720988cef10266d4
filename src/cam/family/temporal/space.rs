//! The space as a whole: its version, and copies of it by name.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use ladybug_engine::commit::merge::OnConflict;
use ladybug_engine::engine::{Outcome, When};
use ladybug_engine::error::EngineError;

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::{MADE, VERSION};

/// What decides between changes of both sides, as DAG.MERGE names it.
pub const POLICIES: [&str; 4] = ["abort", "merge", "mine", "theirs"];

type Answer = Outcome<Result<RecordBatch, Fault>>;

pub fn version_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT version, committed, oldest_version, nodes, edges FROM spaces WHERE id = {}",
        call.space
    )
}

pub fn version(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let stats = reading.host().engine().history_stats(call.space);
    let (state, mark) = (&reading.glance().state, reading.mark());
    let count = |count: u64| -> ArrayRef { Arc::new(UInt64Array::from(vec![count])) };
    let committed = Some(mark.committed).filter(|committed| *committed > 0);
    Ok(batch(
        VERSION,
        vec![
            count(mark.version),
            Arc::new(TimestampMicrosecondArray::from(vec![committed])),
            count(stats.oldest.version),
            count(state.nodes_len() as u64),
            count(state.graph().len() as u64),
        ],
    ))
}

fn refused(fault: impl Into<Fault>) -> Answer {
    Outcome::refused(fault.into())
}

/// The row of what was done by a name, and the version that it led to.
fn done<T>(
    outcome: Outcome<Result<T, EngineError>>,
    name: &str,
    version: impl FnOnce(T) -> u64,
) -> Answer {
    let rows = outcome.value.map(|value| {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![name])),
            Arc::new(UInt64Array::from(vec![version(value)])),
        ];
        batch(MADE, columns)
    });
    Outcome {
        value: rows.map_err(Fault::from),
        position: outcome.position,
        events: outcome.events,
    }
}

pub fn checkpoint_commands(call: &Call<'_>) -> String {
    format!("DAG.CHECKPOINT {}", call.text(0))
}

pub fn checkpoint(call: &Call<'_>, reading: &Reading<'_>) -> Answer {
    let (engine, name) = (reading.host().engine(), call.text(0));
    let outcome = engine.checkpoint_named(call.space, name);
    if let Err(EngineError::SpaceTaken(_)) = outcome.value {
        return refused(Fault::of(
            "name",
            format!(
                "a checkpoint '{name}' of this space is there already; choose another name, or DAG.DROP it"
            ),
        ));
    }
    done(outcome, name, |id| {
        engine.origin(id).map_or(0, |origin| origin.version)
    })
}

pub fn rollback_commands(call: &Call<'_>) -> String {
    format!("DAG.ROLLBACK {}", call.text(0))
}

pub fn rollback(call: &Call<'_>, reading: &Reading<'_>) -> Answer {
    let (engine, name) = (reading.host().engine(), call.text(0));
    let to = match name.parse() {
        Ok(version) => match engine.state_at(call.space, When::Version(version)) {
            Ok(to) => to,
            Err(error) => return refused(error),
        },
        Err(_) => match engine.checkpoint_state(call.space, name) {
            Some(to) => to,
            None => {
                return refused(Fault::of(
                    "to",
                    format!("expected a version or a checkpoint of this space, got '{name}'"),
                ));
            }
        },
    };
    let mut outcome = engine.roll_back(call.space, &to);
    outcome.position = outcome.position.max(to.position);
    done(outcome, name, |version| version)
}

pub fn fork_commands(call: &Call<'_>) -> String {
    let at = call.integer(1).map(|version| format!(" AT {version}"));
    format!("DAG.FORK {}{}", call.text(0), at.unwrap_or_default())
}

pub fn fork(call: &Call<'_>, reading: &Reading<'_>) -> Answer {
    let (engine, name) = (reading.host().engine(), call.text(0));
    let at = call.has(1).then(|| When::Version(call.count(1) as u64));
    let outcome = engine.fork(call.space, name, at, false);
    done(outcome, name, |id| {
        engine.origin(id).map_or(0, |origin| origin.version)
    })
}

pub fn merge_commands(call: &Call<'_>) -> String {
    let policy = match call.has(1) {
        true => format!(" ON CONFLICT {}", call.word(1)),
        false => String::new(),
    };
    format!("DAG.MERGE {}{policy}", call.text(0))
}

pub fn merge(call: &Call<'_>, reading: &Reading<'_>) -> Answer {
    let (engine, name) = (reading.host().engine(), call.text(0));
    let policy = match call.has(1).then(|| call.word(1)) {
        Some("merge") => OnConflict::Merge,
        Some("mine") => OnConflict::Mine,
        Some("theirs") => OnConflict::Theirs,
        _ => OnConflict::Abort,
    };
    let fork = engine.find_space(name);
    let fork = fork.and_then(|id| id.ok_or_else(|| EngineError::NoFork(name.to_owned())));
    match fork {
        Ok(fork) => done(engine.merge_fork(fork, policy), name, |version| version),
        Err(error) => refused(error),
    }
}
