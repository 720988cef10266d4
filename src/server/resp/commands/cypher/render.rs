//! Answers as CYPHER replies: columns, rows, changes, and the plan of a profile.

use std::sync::Arc;

use super::super::super::reply::Reply;
use crate::query::cypher::execute::output::{
    Answer, Counters, NodeOutput, Output, RelationshipOutput,
};

/// An answer.
pub(super) fn answer(answer: Answer) -> Reply {
    let columns = answer
        .columns
        .iter()
        .map(|name| Reply::copied(name.as_bytes()));
    let rows = answer
        .rows
        .into_iter()
        .map(|row| Reply::Array(row.into_iter().map(value).collect()));
    let mut parts = vec![
        Reply::Array(columns.collect()),
        Reply::Array(rows.collect()),
        changes(&answer.counters),
    ];
    parts.extend(answer.plan.as_deref().map(plan));
    Reply::Array(parts)
}

/// A plan.
pub(super) fn plan(lines: &[String]) -> Reply {
    Reply::Array(
        lines
            .iter()
            .map(|line| Reply::copied(line.as_bytes()))
            .collect(),
    )
}

/// What was changed, without what was not.
fn changes(counters: &Counters) -> Reply {
    let counts = [
        ("nodes_created", counters.nodes_created),
        ("nodes_deleted", counters.nodes_deleted),
        ("relationships_created", counters.relationships_created),
        ("relationships_deleted", counters.relationships_deleted),
        ("properties_set", counters.properties_set),
        ("labels_added", counters.labels_added),
        ("labels_removed", counters.labels_removed),
    ];
    let changed = counts.into_iter().filter(|(_, count)| *count > 0);
    Reply::Map(
        changed
            .map(|(name, count)| (key(name), Reply::Integer(count as i64)))
            .collect(),
    )
}

fn key(name: &str) -> Reply {
    Reply::copied(name.as_bytes())
}

fn value(output: Output) -> Reply {
    match output {
        Output::Null => Reply::Nil,
        Output::Boolean(b) => Reply::Boolean(b),
        Output::Integer(n) => Reply::Integer(n),
        Output::Float(x) => Reply::Double(x),
        Output::String(text) => Reply::Value(text.0),
        Output::Temporal(value) => Reply::bulk(value.to_string()),
        Output::List(items) => Reply::Array(items.into_iter().map(value).collect()),
        Output::Map(entries) => map(entries),
        Output::Node(node) => of_node(node),
        Output::Relationship(edge) => of_relationship(edge),
        Output::Path {
            nodes,
            relationships,
        } => Reply::Map(vec![
            (
                key("nodes"),
                Reply::Array(nodes.into_iter().map(of_node).collect()),
            ),
            (
                key("relationships"),
                Reply::Array(relationships.into_iter().map(of_relationship).collect()),
            ),
        ]),
    }
}

fn map(entries: Vec<(Arc<str>, Output)>) -> Reply {
    Reply::Map(
        entries
            .into_iter()
            .map(|(name, output)| (key(&name), value(output)))
            .collect(),
    )
}

fn of_node(node: NodeOutput) -> Reply {
    Reply::Map(vec![
        (key("id"), Reply::Integer(node.id as i64)),
        (
            key("labels"),
            Reply::Array(node.labels.iter().map(|label| key(label)).collect()),
        ),
        (key("properties"), map(node.properties)),
    ])
}

fn of_relationship(edge: RelationshipOutput) -> Reply {
    Reply::Map(vec![
        (key("id"), Reply::Integer(edge.id as i64)),
        (key("type"), key(&edge.kind)),
        (key("source"), Reply::Integer(edge.source as i64)),
        (key("target"), Reply::Integer(edge.target as i64)),
        (key("properties"), map(edge.properties)),
    ])
}
