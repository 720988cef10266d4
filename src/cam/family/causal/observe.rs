//! What is observed: an assignment of values is one node, whose value is how often it was seen; a mechanism is a field
//! of its variable's node, and the edges from what it follows from.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use ladybug_engine::commit::transaction::{Draft, EdgeDraft, Transaction};
use ladybug_engine::error::NAME_BYTES_MAX;
use ladybug_engine::fingerprint::encode;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::mutation::Content;

use super::super::super::batch::batch;
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::event::{Event, Observed};
use super::super::super::provenance::{Used, used_properties};
use super::stored::{CAUSES, Edges, MECHANISM};
use crate::mind::causal::mechanism::Mechanism;
use crate::query::sql::{OBSERVATION, Observation};

/// The method that draws edges.
const METHOD: &str = "CAUSAL.OBSERVE";
/// The kind of nodes that are made for variables.
const VARIABLE: &str = "Variable";

/// A node that was written: its id, its name, and how often it was seen by now.
type Written = (u64, String, Option<f64>);

/// The name of an observation: its values as JSON, or what that is encoded to where it is too long for a name.
fn name(event: &Event) -> String {
    let json = event.json();
    match json.len() <= NAME_BYTES_MAX {
        true => json,
        false => {
            let bits = encode::exact(json.as_bytes()).to_hex();
            format!("{OBSERVATION} {}", &bits[..64])
        }
    }
}

pub fn observe(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let mut written: Vec<Written> = Vec::new();
    for observed in call.observed(0) {
        written.push(match observed {
            Observed::Event(event, weight) => {
                for variable in event.variables() {
                    variable_at(call, tx, variable)?;
                }
                seen(call, tx, event, *weight)?
            }
            Observed::Mechanism {
                variable,
                text,
                mechanism,
            } => explained(call, tx, variable, text, mechanism)?,
        });
    }
    let ids = written.iter().map(|one| one.0);
    let names = written.iter().map(|one| &one.1);
    let weights = written.iter().map(|one| one.2);
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(UInt64Array::from_iter_values(ids)),
            Arc::new(StringArray::from_iter_values(names)),
            Arc::new(weights.collect::<Float64Array>()),
        ],
    ))
}

/// The node of a variable, which is made if there is none.
fn variable_at(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    variable: &str,
) -> Result<Address, Fault> {
    let at = match tx.find(variable.as_bytes()) {
        Some(at) => at,
        None => tx.create(Draft {
            name: Some(variable.as_bytes().into()),
            kinds: Some([VARIABLE.into()].into()),
            ..Draft::default()
        })?,
    };
    within(call, variable, at)
}

/// An address that is written, if it is of the scope.
fn within(call: &Call<'_>, name: &str, at: Address) -> Result<Address, Fault> {
    match call.scope().contains(at) {
        true => Ok(at),
        false => Err(Fault::of(
            "SCOPE",
            format!(
                "expected the scope of what is written, got {}: '{name}' lives in the {} zone at {at}",
                call.scope().name(),
                at.zone()
            ),
        )),
    }
}

/// Adds to how often something was seen.
fn seen(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    event: &Event,
    weight: f64,
) -> Result<Written, Fault> {
    let name = name(event);
    let at = match tx.find(name.as_bytes()) {
        Some(at) => at,
        None => {
            let fields = event.values().into_iter().map(|(variable, value)| {
                let value = FieldValue::Bytes(value.as_bytes().into());
                (Arc::from(variable.as_bytes()), value)
            });
            let at = tx.create(Draft {
                name: Some(name.as_bytes().into()),
                content: Content {
                    value: Some(weight.to_string().into_bytes().into()),
                    fields: Some(Arc::new(fields.collect())),
                    ..Content::default()
                },
                kinds: Some([OBSERVATION.into()].into()),
                ..Draft::default()
            })?;
            let at = within(call, &name, at)?;
            return Ok((id(tx, at), name, Some(weight)));
        }
    };
    let at = within(call, &name, at)?;
    let view = tx.view();
    let node = view
        .node(at)
        .expect("invariant: a node was just found there");
    let before = Observation::of(node).filter(|before| is_of(before, event));
    let before = before.ok_or_else(|| {
        Fault::of(
            "observation",
            format!(
                "expected the node '{name}' to be an observation of these values, and it is another"
            ),
        )
    })?;
    let weight = before.weight + weight;
    let content = Content {
        value: Some(weight.to_string().into_bytes().into()),
        fields: node.fields().cloned(),
        ..Content::default()
    };
    tx.set_content(at, content)?;
    Ok((id(tx, at), name, Some(weight)))
}

/// Whether an observation is of these values and no others.
fn is_of(before: &Observation<'_>, event: &Event) -> bool {
    let values = event.values();
    before.values.len() == values.len()
        && before
            .values
            .iter()
            .all(|(name, value)| values.contains(&(&**name, value.as_str())))
}

fn id(tx: &Transaction<'_>, at: Address) -> u64 {
    let view = tx.view();
    let node = view.node(at);
    node.expect("invariant: a node was just written there").id()
}

/// Keeps a mechanism, and draws the edges that it speaks of.
fn explained(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    variable: &str,
    text: &str,
    mechanism: &Mechanism,
) -> Result<Written, Fault> {
    let at = variable_at(call, tx, variable)?;
    tx.set_field(
        at,
        MECHANISM.as_bytes(),
        Some(FieldValue::Bytes(text.as_bytes().into())),
    )?;
    for cause in mechanism.causes() {
        let from = variable_at(call, tx, cause)?;
        let edges = Edges::new(tx.view(), call.scope());
        if edges.causes(at).contains(&from) {
            continue;
        }
        let effects = edges.reached(at, u64::MAX, |one| edges.effects(one));
        if effects.contains_key(&from) {
            return Err(Fault::of(
                "observation",
                format!(
                    "expected causes of {variable}, and {cause} is one of its effects, or itself"
                ),
            ));
        }
        let verb = tx.define_verb(CAUSES)?;
        let view = tx.view();
        let node = view.node(at);
        let node = node.expect("invariant: a node was just written there");
        let premise = Used {
            id: node.id(),
            version: node.version(),
        };
        let draft = EdgeDraft {
            properties: Some(Arc::new(used_properties(METHOD, &[premise]))),
            ..EdgeDraft::default()
        };
        tx.link(from, verb, at, draft)?;
    }
    Ok((id(tx, at), variable.to_owned(), None))
}

pub fn sql(call: &Call<'_>) -> String {
    let mut statements = Vec::new();
    for observed in call.observed(0) {
        match observed {
            Observed::Event(event, weight) => {
                statements.extend(event.variables().map(variable_sql));
                statements.extend(seen_sql(event, *weight));
            }
            Observed::Mechanism {
                variable,
                text,
                mechanism,
            } => {
                statements.push(variable_sql(variable));
                statements.push(mechanism_sql(variable, text));
                for cause in mechanism.causes() {
                    statements.push(variable_sql(cause));
                    statements.push(edge_sql(cause, variable));
                }
            }
        }
    }
    statements.join(";\n")
}

fn variable_sql(name: &str) -> String {
    let name = quoted(name);
    format!(
        "INSERT INTO nodes (name, kinds) SELECT {name} AS name, make_array('{VARIABLE}') AS kinds \
         WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE name = {name})"
    )
}

fn seen_sql(event: &Event, weight: f64) -> [String; 2] {
    let (name, fields) = (quoted(&name(event)), quoted(&event.json()));
    let sum = format!("coalesce(CAST(CAST(value AS VARCHAR) AS DOUBLE), 1.0) + {weight:?}");
    [
        format!(
            "UPDATE nodes SET value = CASE WHEN {sum} = floor({sum}) THEN CAST(CAST({sum} AS BIGINT) AS VARCHAR) \
             ELSE CAST({sum} AS VARCHAR) END WHERE name = {name}"
        ),
        format!(
            "INSERT INTO nodes (name, value, properties, kinds) SELECT {name} AS name, '{weight}' AS value, \
             {fields} AS properties, make_array('{OBSERVATION}') AS kinds \
             WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE name = {name})"
        ),
    ]
}

/// A field is replaced where the object has it already: of two of one name the later counts.
fn mechanism_sql(variable: &str, text: &str) -> String {
    let field = serde_json::json!({ MECHANISM: text }).to_string();
    let (alone, more) = (quoted(&field), quoted(&field.replacen('{', ",", 1)));
    format!(
        "UPDATE nodes SET properties = CASE WHEN properties IS NULL THEN {alone} \
         ELSE substr(properties, 1, length(properties) - 1) || {more} END WHERE name = {}",
        quoted(variable)
    )
}

fn edge_sql(cause: &str, effect: &str) -> String {
    format!(
        "INSERT INTO edges (source, verb, target, properties) SELECT s.id AS source, '{CAUSES}' AS verb, t.id AS target, \
         concat('{{\"method\":\"{METHOD}\",\"premises\":[', CAST(t.id AS VARCHAR), '],\"versions\":[', \
         CAST(t.version AS VARCHAR), ']}}') AS properties FROM nodes s, nodes t WHERE s.name = {} AND t.name = {} \
         AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.source = s.id AND e.target = t.id AND e.verb = '{CAUSES}')",
        quoted(cause),
        quoted(effect)
    )
}
