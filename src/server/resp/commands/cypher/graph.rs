//! GRAPH.QUERY, GRAPH.RO_QUERY, GRAPH.EXPLAIN and GRAPH.DELETE: the layout of graph databases over RESP, verbose.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Engine;
use ladybug_engine::error::EngineError;

use super::super::super::context::Context;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::operand::Arguments;
use super::{check_trial, counting, read_only, render, run};
use crate::query::cypher::census::Unknown;
use crate::query::cypher::execute::output::{Answer, NodeOutput, Output, RelationshipOutput};
use crate::query::cypher::procedures::BuiltIn;
use crate::query::cypher::value::Map;
use crate::query::cypher::{Mode, Statement};

type Result<T> = std::result::Result<T, CommandError>;

pub(super) fn query(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply> {
    run_query(engine, context, request, false)
}

pub(super) fn read_query(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply> {
    run_query(engine, context, request, true)
}

fn run_query(
    engine: &Engine,
    context: &Context,
    request: &[&[u8]],
    is_readonly: bool,
) -> Result<Reply> {
    check_trial(context, request)?;
    let mut arguments = Arguments::new(request);
    let name = arguments.take("the name of a space")?;
    let text = arguments.text("a statement")?;
    let mut limits = context.server().settings.cypher;
    while let Some(option) = arguments.option(&["TIMEOUT", "--COMPACT"])? {
        match option {
            "TIMEOUT" => {
                let most = u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX);
                limits.time = Duration::from_millis(arguments.number("TIMEOUT", 1..=most)?);
            }
            _ => {
                return Err(CommandError::err(
                    "expected a reply in full, got --compact: ask for the verbose one",
                ));
            }
        }
    }
    let known = engine.find_space(&String::from_utf8_lossy(name));
    let statement = prepare(context, known.ok().flatten(), text)?;
    if is_readonly && statement.writes() {
        return Err(read_only().into());
    }
    let space = match is_readonly {
        true => there(engine, name)?,
        false => context.space(name)?,
    };
    if statement.mode() == Mode::Explain {
        return Ok(render::plan(&statement.plan()));
    }
    let answer = run(context, space, &statement, limits)?;
    if let Some(lines) = &answer.plan {
        return Ok(render::plan(lines));
    }
    Ok(reply(answer))
}

pub(super) fn explain(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply> {
    check_trial(context, request)?;
    let mut arguments = Arguments::new(request);
    let name = arguments.take("the name of a space")?;
    let known = engine.find_space(&String::from_utf8_lossy(name));
    let text = arguments.text("a statement")?;
    let statement = prepare(context, known.ok().flatten(), text)?;
    Ok(render::plan(&statement.plan()))
}

pub(super) fn delete(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply> {
    let start = Instant::now();
    let space = there(engine, request[1])?;
    let outcome = engine.commit(&[space], |tx| tx.clear());
    context.reveal(outcome.position);
    let removed: std::result::Result<(), EngineError> = outcome.value;
    removed?;
    let took = milliseconds(start.elapsed());
    Ok(Reply::bulk(format!(
        "Graph removed, internal execution time: {took} milliseconds"
    )))
}

/// A statement for a space, if that is there already.
fn prepare(context: &Context, space: Option<SpaceId>, text: &str) -> Result<Statement> {
    let parameters = Map::new();
    let prepared = match space {
        Some(space) => counting(context, space, |counted| {
            Statement::prepare(text, &parameters, &BuiltIn, counted)
        }),
        None => Statement::prepare(text, &parameters, &BuiltIn, &Unknown),
    };
    Ok(prepared?)
}

/// A space that is there.
fn there(engine: &Engine, name: &[u8]) -> Result<SpaceId> {
    let text = String::from_utf8_lossy(name);
    let space = engine.find_space(&text)?;
    space.ok_or_else(|| {
        CommandError::err(format!(
            "expected the name of a space that is there, got '{text}'"
        ))
    })
}

fn milliseconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64() * 1e3)
}

fn text(text: &str) -> Reply {
    Reply::copied(text.as_bytes())
}

fn reply(answer: Answer) -> Reply {
    let statistics = statistics(&answer);
    if answer.columns.is_empty() {
        return Reply::Array(vec![statistics]);
    }
    let header = answer.columns.iter().map(|name| text(name)).collect();
    let rows = answer
        .rows
        .into_iter()
        .map(|row| Reply::Array(row.into_iter().map(value).collect()));
    Reply::Array(vec![
        Reply::Array(header),
        Reply::Array(rows.collect()),
        statistics,
    ])
}

fn statistics(answer: &Answer) -> Reply {
    let counters = &answer.counters;
    let counts = [
        ("Labels added", counters.labels_added),
        ("Labels removed", counters.labels_removed),
        ("Nodes created", counters.nodes_created),
        ("Nodes deleted", counters.nodes_deleted),
        ("Properties set", counters.properties_set),
        ("Relationships created", counters.relationships_created),
        ("Relationships deleted", counters.relationships_deleted),
    ];
    let changed = counts.into_iter().filter(|(_, count)| *count > 0);
    let mut lines: Vec<Reply> = changed
        .map(|(name, count)| Reply::bulk(format!("{name}: {count}")))
        .collect();
    lines.push(text("Cached execution: 0"));
    let took = milliseconds(answer.elapsed);
    lines.push(Reply::bulk(format!(
        "Query internal execution time: {took} milliseconds"
    )));
    Reply::Array(lines)
}

fn value(output: Output) -> Reply {
    match output {
        Output::Null => Reply::Nil,
        Output::Integer(n) => Reply::Integer(n),
        Output::String(text) => Reply::Value(text.0),
        Output::List(items) => Reply::Array(items.into_iter().map(value).collect()),
        Output::Node(node) => of_node(node),
        Output::Relationship(edge) => of_relationship(edge),
        other => Reply::bulk(written(&other)),
    }
}

fn pair(name: &str, value: Reply) -> Reply {
    Reply::Array(vec![text(name), value])
}

fn properties(entries: Vec<(Arc<str>, Output)>) -> Reply {
    let entries = entries
        .into_iter()
        .map(|(name, output)| pair(&name, value(output)));
    pair("properties", Reply::Array(entries.collect()))
}

fn of_node(node: NodeOutput) -> Reply {
    let labels = node.labels.iter().map(|label| text(label)).collect();
    Reply::Array(vec![
        pair("id", Reply::Integer(node.id as i64)),
        pair("labels", Reply::Array(labels)),
        properties(node.properties),
    ])
}

fn of_relationship(edge: RelationshipOutput) -> Reply {
    Reply::Array(vec![
        pair("id", Reply::Integer(edge.id as i64)),
        pair("type", text(&edge.kind)),
        pair("src_node", Reply::Integer(edge.source as i64)),
        pair("dest_node", Reply::Integer(edge.target as i64)),
        properties(edge.properties),
    ])
}

/// A value as text, in the way of the verbose layout.
fn written(output: &Output) -> String {
    match output {
        Output::Null => "NULL".to_owned(),
        Output::Boolean(b) => b.to_string(),
        Output::Integer(n) => n.to_string(),
        Output::Float(x) => x.to_string(),
        Output::String(text) => text.as_str().into_owned(),
        Output::Temporal(value) => value.to_string(),
        Output::List(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Output::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", written(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Output::Node(node) => format!("({})", node.id),
        Output::Relationship(edge) => format!("[{}]", edge.id),
        Output::Path {
            nodes,
            relationships,
        } => {
            let mut parts = Vec::new();
            for (n, node) in nodes.iter().enumerate() {
                parts.push(format!("({})", node.id));
                parts.extend(relationships.get(n).map(|edge| format!("[{}]", edge.id)));
            }
            format!("[{}]", parts.join(", "))
        }
    }
}
