//! The procedures that every statement can call.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use ladybug_engine::space::state::View;

use super::super::error::{CypherError, Result};
use super::super::execute::{Executor, output};
use super::super::functions::cognitive::resonate;
use super::super::value::Value;
use super::{Column, ColumnType, Function, Procedure, Procedures};

/// The procedures that are there without being registered.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn;

impl Procedures for BuiltIn {
    fn find(&self, name: &str) -> Option<Arc<Procedure>> {
        let is_called = |procedure: &&Arc<Procedure>| procedure.name.eq_ignore_ascii_case(name);
        ALL.iter().find(is_called).cloned()
    }
}

static ALL: LazyLock<Vec<Arc<Procedure>>> = LazyLock::new(|| {
    vec![
        procedure(
            "db.labels",
            &[],
            &[("label", ColumnType::String)],
            |executor, _| {
                let view = executor.whole()?;
                let kinds: BTreeSet<&str> = view
                    .nodes()
                    .flat_map(|node| node.kinds())
                    .map(|kind| &**kind)
                    .collect();
                Ok(kinds.into_iter().map(|kind| vec![kind.into()]).collect())
            },
        ),
        procedure(
            "db.relationshipTypes",
            &[],
            &[("relationshipType", ColumnType::String)],
            |executor, _| {
                let state = executor.whole()?.state;
                let verbs: BTreeSet<u8> = state.graph().edges().map(|edge| edge.verb).collect();
                let names = verbs
                    .into_iter()
                    .filter_map(|verb| state.verbs().name(verb));
                Ok(names.map(|name| vec![name.into()]).collect())
            },
        ),
        procedure(
            "db.propertyKeys",
            &[],
            &[("propertyKey", ColumnType::String)],
            |executor, _| {
                let view = executor.whole()?;
                let mut keys = BTreeSet::new();
                for fields in view.nodes().filter_map(|node| node.fields()) {
                    keys.extend(fields.keys().cloned());
                }
                for properties in view
                    .state
                    .graph()
                    .edges()
                    .filter_map(|edge| edge.properties)
                {
                    keys.extend(properties.keys().cloned());
                }
                let row = |key: Arc<[u8]>| vec![Value::from(&*String::from_utf8_lossy(&key))];
                Ok(keys.into_iter().map(row).collect())
            },
        ),
        Arc::new(Procedure {
            is_similarity: true,
            ..new(
                "ladybug.resonate",
                &[("query", ColumnType::Any), ("count", ColumnType::Integer)],
                &[
                    ("node", ColumnType::Node),
                    ("distance", ColumnType::Integer),
                    ("similarity", ColumnType::Float),
                ],
                |executor, arguments| {
                    if arguments.iter().any(Value::is_null) {
                        return Ok(Vec::new());
                    }
                    let near = resonate(executor, &arguments[0], &arguments[1])?;
                    let row = |near: Value| match near {
                        Value::Map(map) => map.values().cloned().collect(),
                        _ => Vec::new(),
                    };
                    Ok(near.into_iter().map(row).collect())
                },
            )
        }),
        procedure(
            "ladybug.asOf",
            &[("version", ColumnType::Integer)],
            &[
                ("id", ColumnType::Integer),
                ("labels", ColumnType::List),
                ("properties", ColumnType::Map),
            ],
            as_of,
        ),
    ]
});

fn procedure(
    name: &str,
    inputs: &[(&str, ColumnType)],
    outputs: &[(&str, ColumnType)],
    run: impl Fn(&Executor<'_, '_>, &[Value]) -> Result<Vec<Vec<Value>>> + Send + Sync + 'static,
) -> Arc<Procedure> {
    Arc::new(new(name, inputs, outputs, run))
}

fn new(
    name: &str,
    inputs: &[(&str, ColumnType)],
    outputs: &[(&str, ColumnType)],
    run: impl Fn(&Executor<'_, '_>, &[Value]) -> Result<Vec<Vec<Value>>> + Send + Sync + 'static,
) -> Procedure {
    let columns = |columns: &[(&str, ColumnType)]| {
        let column = |(name, kind): &(&str, ColumnType)| Column {
            name: (*name).into(),
            kind: *kind,
        };
        columns.iter().map(column).collect()
    };
    let run: Box<Function> = Box::new(run);
    Procedure {
        name: name.into(),
        inputs: columns(inputs),
        outputs: columns(outputs),
        is_similarity: false,
        run,
    }
}

/// Every node as it was at a version.
fn as_of(executor: &Executor<'_, '_>, arguments: &[Value]) -> Result<Vec<Vec<Value>>> {
    let version = match &arguments[0] {
        Value::Integer(version) => u64::try_from(*version).ok(),
        _ => None,
    };
    let version =
        version.ok_or_else(|| CypherError::argument("expected a version that is not negative"))?;
    let state = executor.memory().state_at(version)?;
    let view = View::of(&state, state.committed());
    let row = |node: ladybug_engine::space::chunk::Node<'_>| {
        let labels = node.kinds().iter().map(|kind| Value::from(&**kind));
        let properties = output::node_properties(node);
        vec![
            Value::Integer(node.id() as i64),
            Value::list(labels),
            Value::Map(properties.into()),
        ]
    };
    Ok(view.nodes().map(row).collect())
}
