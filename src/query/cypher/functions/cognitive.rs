//! Ladybug's own functions: fingerprints, similarity, truth, qualia and the past.

use ladybug_engine::fingerprint::{Fingerprint, encode, similarity};
use ladybug_engine::search::{Filter, Scope, TopK, top_k};
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::derive::derive;
use ladybug_engine::space::marks::Qualia;

use super::super::compile::scope::Type;
use super::super::error::{CypherError, Result};
use super::super::execute::{Executor, output};
use super::super::value::{Map, NodeRef, Text, Value};
use super::{Function, wrong};

/// Most nodes that `resonate` answers.
const NEAREST_MAX: i64 = 65_536;

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "fingerprint",
        is_similarity: true,
        result: |_| Type::String,
        run: |executor, arguments| {
            let bits = match &arguments[0] {
                Value::Node(node) => fingerprint(executor, *node)?,
                Value::String(text) => encode::text(&text.as_str()),
                other => return Err(wrong("fingerprint", "a node or a text", other)),
            };
            Ok(Value::String(Text(bits.to_bytes().as_slice().into())))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "hamming",
        is_similarity: true,
        least: 2,
        most: 2,
        result: |_| Type::Integer,
        run: |executor, arguments| {
            let (a, b) = (
                bits(executor, &arguments[0])?,
                bits(executor, &arguments[1])?,
            );
            Ok(Value::Integer(a.distance(&b).into()))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "resonate",
        is_similarity: true,
        least: 2,
        most: 2,
        result: |_| Type::List(Box::new(Type::Map)),
        run: |executor, arguments| {
            Ok(Value::list(resonate(
                executor,
                &arguments[0],
                &arguments[1],
            )?))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "asOf",
        least: 2,
        most: 2,
        result: |_| Type::Map,
        run: |executor, arguments| as_of(executor, &arguments[0], &arguments[1]),
        ..Function::DEFAULT
    },
    Function {
        name: "truth",
        result: |_| Type::Map,
        run: |executor, arguments| {
            let (frequency, confidence) = match &arguments[0] {
                Value::Node(node) => {
                    let truth = executor.node(*node)?.truth();
                    (truth.frequency(), truth.confidence())
                }
                Value::Relationship(edge) => {
                    let edge = executor.edge(*edge)?;
                    (edge.frequency, edge.confidence)
                }
                other => return Err(wrong("truth", "a node or a relationship", other)),
            };
            Ok(floats(&[
                ("frequency", frequency),
                ("confidence", confidence),
            ]))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "qualia",
        result: |_| Type::Map,
        takes: || Some(vec![Type::Node]),
        run: |executor, arguments| match &arguments[0] {
            Value::Node(node) => {
                let values = executor.node(*node)?.qualia().values();
                let named: Vec<(&str, f32)> = Qualia::DIMENSIONS.into_iter().zip(values).collect();
                Ok(floats(&named))
            }
            other => Err(wrong("qualia", "a node", other)),
        },
        ..Function::DEFAULT
    },
];

fn floats(values: &[(&str, f32)]) -> Value {
    // The shortest decimal of the float, not the nearest double.
    let double = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
    let map: Map = values
        .iter()
        .map(|(key, x)| ((*key).into(), Value::Float(double(*x))))
        .collect();
    Value::Map(map.into())
}

/// The fingerprint of a node, or one given as 1,280 bytes or 2,560 hexadecimal digits.
fn bits(executor: &Executor<'_, '_>, value: &Value) -> Result<Fingerprint> {
    match value {
        Value::Node(node) => fingerprint(executor, *node),
        Value::String(text) => {
            let given = Fingerprint::from_bytes(&text.0).ok();
            let given = given.or_else(|| Fingerprint::from_hex(&text.as_str()).ok());
            given.ok_or_else(|| {
                CypherError::argument(
                    "expected a node, or a fingerprint of 1,280 bytes or 2,560 hexadecimal digits",
                )
            })
        }
        other => Err(wrong("hamming", "nodes or fingerprints", other)),
    }
}

/// The nodes nearest to a node, a fingerprint or a text: maps of node, distance and similarity.
pub fn resonate(executor: &Executor<'_, '_>, query: &Value, count: &Value) -> Result<Vec<Value>> {
    let query = match query {
        Value::String(text) => {
            Fingerprint::from_bytes(&text.0).unwrap_or_else(|_| encode::text(&text.as_str()))
        }
        other => bits(executor, other)?,
    };
    let count = match count {
        Value::Integer(n @ 1..=NEAREST_MAX) => *n as usize,
        Value::Integer(n) => {
            let message = format!("expected 1 to {NEAREST_MAX} nodes of resonate(), got {n}");
            return Err(CypherError::argument(message));
        }
        other => return Err(wrong("resonate", "an integer", other)),
    };
    let near = nearest(executor, &query, count)?;
    let row = |(node, distance): (NodeRef, u32)| {
        let entries: [(&str, Value); 3] = [
            ("node", Value::Node(node)),
            ("distance", Value::Integer(distance.into())),
            ("similarity", Value::Float(similarity(distance))),
        ];
        let map: Map = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        Value::Map(map.into())
    };
    Ok(near.into_iter().map(row).collect())
}

/// The fingerprint of a node; one that is still to be encoded is encoded here.
fn fingerprint(executor: &Executor<'_, '_>, node: NodeRef) -> Result<Fingerprint> {
    let found = executor.node(node)?;
    Ok(encoded(executor, found))
}

fn encoded(executor: &Executor<'_, '_>, node: Node<'_>) -> Fingerprint {
    let snapshot = executor.memory().snapshot();
    let there = snapshot.and_then(|snapshot| snapshot.fingerprint(node.address()));
    let there = there.or_else(|| node.fingerprint()).cloned();
    there.unwrap_or_else(|| derive(executor.state(), node))
}

/// The nodes nearest to a fingerprint and how many bits differ, nearest first.
fn nearest(
    executor: &Executor<'_, '_>,
    query: &Fingerprint,
    count: usize,
) -> Result<Vec<(NodeRef, u32)>> {
    if let Some(snapshot) = executor.memory().snapshot() {
        let filter = Filter::default();
        let scope = Scope {
            snapshot,
            filter: &filter,
        };
        let hits = top_k(&[scope], &[query], TopK::new(count))
            .into_iter()
            .flatten();
        return Ok(hits
            .map(|hit| (executor.node_ref(hit.address), hit.distance))
            .collect());
    }
    let view = executor.whole()?;
    let near = view.nodes().map(|node| {
        let distance = query.distance(&encoded(executor, node));
        (distance, node.address())
    });
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.truncate(count);
    Ok(near
        .into_iter()
        .map(|(distance, address)| (executor.node_ref(address), distance))
        .collect())
}

/// A node as it was at a version: a map of its labels and properties, or null.
fn as_of(executor: &Executor<'_, '_>, node: &Value, version: &Value) -> Result<Value> {
    let id = match node {
        Value::Node(node) => node.id,
        Value::Integer(id) => u64::try_from(*id).unwrap_or(u64::MAX),
        other => return Err(wrong("asOf", "a node or its id", other)),
    };
    let Value::Integer(version) = version else {
        return Err(wrong("asOf", "an integer as the version", version));
    };
    let version = u64::try_from(*version)
        .map_err(|_| CypherError::argument("expected a version that is not negative"))?;
    let Some(past) = executor.memory().node_at(id, version)? else {
        return Ok(Value::Null);
    };
    let labels = past
        .image
        .kinds
        .iter()
        .flat_map(|kinds| kinds.iter().map(|kind| Value::from(&**kind)));
    let mut properties = output::field_map(past.image.content.fields.as_ref());
    for (key, bytes) in [
        ("name", &past.image.name),
        ("value", &past.image.content.value),
    ] {
        if let (Some(bytes), false) = (bytes, properties.contains_key(key)) {
            properties.insert(key.into(), Value::String(Text(bytes.clone())));
        }
    }
    let entries: [(&str, Value); 2] = [
        ("labels", Value::list(labels)),
        ("properties", Value::Map(properties.into())),
    ];
    let map: Map = entries
        .into_iter()
        .map(|(key, value)| (key.into(), value))
        .collect();
    Ok(Value::Map(map.into()))
}
