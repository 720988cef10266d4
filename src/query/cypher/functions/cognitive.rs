//! Ladybug's own functions: fingerprints, similarity, truth and qualia.

use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::marks::Qualia;

use super::super::compile::scope::Type;
use super::super::error::{CypherError, Result};
use super::super::execute::Executor;
use super::super::value::{Map, Text, Value};
use super::{Function, wrong};

/// Most nodes that `resonate` answers.
const NEAREST_MAX: i64 = 65_536;

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "fingerprint",
        result: |_| Type::String,
        run: |executor, arguments| {
            let bits = match &arguments[0] {
                Value::Node(node) => executor.memory().fingerprint(*node)?,
                Value::String(text) => encode::text(&text.as_str()),
                other => return Err(wrong("fingerprint", "a node or a text", other)),
            };
            Ok(Value::String(Text(bits.to_bytes().as_slice().into())))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "hamming",
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
        Value::Node(node) => executor.memory().fingerprint(*node),
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
    let near = executor.memory().nearest(&query, count)?;
    let row = |(node, distance): (_, u32)| {
        let similarity = ladybug_engine::fingerprint::similarity(distance);
        let entries: [(&str, Value); 3] = [
            ("node", Value::Node(node)),
            ("distance", Value::Integer(distance.into())),
            ("similarity", Value::Float(similarity)),
        ];
        let map: Map = entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect();
        Value::Map(map.into())
    };
    Ok(near.into_iter().map(row).collect())
}
