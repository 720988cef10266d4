//! Forks and checkpoints by name: FORK, MERGE, DROP, CHECKPOINT, CHECKPOINTS, ROLLBACK; and STATS.
//!
//! A checkpoint is a fork that nobody writes, named after its space: `checkpoint:0:before`.

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Outcome, When};
use ladybug_engine::error::EngineError;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::operand::{Arguments, expected, row};
use super::{number, policy, version};

type Answer = Result<Reply, CommandError>;

fn text(word: &[u8]) -> Result<&str, CommandError> {
    std::str::from_utf8(word).map_err(|_| CommandError::err("a space's name is UTF-8 text"))
}

pub(super) fn fork(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let name = text(arguments.take("a name")?)?;
    let mut at = None;
    while arguments.option(&["AT"])?.is_some() {
        at = Some(When::Version(version(&mut arguments)?));
    }
    made(
        engine,
        context,
        engine.fork(context.selected(), name, at, false),
    )
}

/// The version that a fork begins with.
fn made(
    engine: &Engine,
    context: &Context,
    outcome: Outcome<Result<SpaceId, EngineError>>,
) -> Answer {
    context.reveal(outcome.position);
    let origin = engine.origin(outcome.value?);
    Ok(number(origin.map_or(0, |origin| origin.version)))
}

/// The fork of a name.
fn find(engine: &Engine, name: &[u8]) -> Result<SpaceId, CommandError> {
    let name = text(name)?;
    let found = engine.find_space(name)?;
    Ok(found.ok_or_else(|| EngineError::NoFork(name.to_owned()))?)
}

pub(super) fn merge(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let mut arguments = Arguments::new(request);
    let fork = find(engine, arguments.take("a fork's name")?)?;
    let mut on_conflict = Default::default();
    while arguments.option(&["ON"])?.is_some() {
        on_conflict = policy(&mut arguments)?;
    }
    let outcome = engine.merge_fork(fork, on_conflict);
    context.reveal(outcome.position);
    context
        .server()
        .publish_node_events(outcome.events, outcome.position);
    Ok(number(outcome.value?))
}

pub(super) fn checkpoint(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let name = text(request[1])?;
    let outcome = engine.checkpoint_named(context.selected(), name);
    made(engine, context, outcome)
}

pub(super) fn checkpoints(engine: &Engine, context: &Context, _: &[&[u8]]) -> Answer {
    let all = engine.checkpoints_named(context.selected()).into_iter();
    let rows = all.map(|(name, id, origin)| {
        let (state, position) = engine.state(id);
        context.reveal(position);
        let columns = vec![
            ("name", Reply::bulk(name)),
            ("version", number(origin.version)),
            ("committed", Reply::Integer(state.committed())),
        ];
        row(context, columns)
    });
    Ok(Reply::Array(rows.collect()))
}

pub(super) fn drop_fork(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let name = text(request[1])?;
    let checkpoints = engine.checkpoints_named(context.selected());
    let checkpoint = checkpoints.into_iter().find(|(there, ..)| there == name);
    let id = match checkpoint {
        Some((_, id, _)) => id,
        None => find(engine, request[1])?,
    };
    let outcome = engine.drop_fork(id);
    context.reveal(outcome.position);
    outcome.value?;
    Ok(Reply::OK)
}

pub(super) fn roll_back(engine: &Engine, context: &Context, request: &[&[u8]]) -> Answer {
    let space = context.selected();
    let name = text(request[1])?;
    let to = match name.parse() {
        Ok(version) => engine.state_at(space, When::Version(version))?,
        Err(_) => engine
            .checkpoint_state(space, name)
            .ok_or_else(|| expected("a version or a checkpoint of this space", request[1]))?,
    };
    let outcome = engine.roll_back(space, &to);
    context.reveal(outcome.position.max(to.position));
    context
        .server()
        .publish_node_events(outcome.events, outcome.position);
    Ok(number(outcome.value?))
}

pub(super) fn stats(engine: &Engine, context: &Context, _: &[&[u8]]) -> Answer {
    let space = context.selected();
    let stats = engine.history_stats(space);
    context.reveal(stats.newest.position);
    let (checkpoints, forks): (Vec<_>, Vec<_>) = engine
        .forks()
        .into_iter()
        .partition(|(_, origin)| origin.is_checkpoint);
    let columns = vec![
        ("version", number(stats.newest.version)),
        ("oldest_version", number(stats.oldest.version)),
        ("history_bytes", Reply::count(stats.bytes)),
        ("history_bytes_all", Reply::count(stats.bytes_all)),
        ("history_bytes_max", number(engine.options().history_bytes)),
        ("transactions", Reply::count(engine.transactions().len())),
        ("forks", Reply::count(forks.len())),
        ("checkpoints", Reply::count(checkpoints.len())),
    ];
    Ok(row(context, columns))
}
