//! Edges that learn: weights of what is active together, and rewards of actions in states.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt64Array};
use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::fields::{FieldValue, Fields};
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::decimal;
use ladybug_engine::space::state::View;

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::super::super::provenance::{BEFORE, METHOD};
use super::{VALUE, WEIGHT};
use crate::mind::learning::bandit::Arm;
use crate::mind::truth::Truth;

/// The verb of what is active together.
const RELATES: &str = "RELATES";
/// The verb from a state to an action.
pub const ENABLES: &str = "ENABLES";
/// The properties of an edge that rewards are counted in.
const TRIALS: &str = "trials";
const REWARD: &str = "reward";
/// The methods that change an edge, and the properties with the numbers of their latest call.
const HEBB: &str = "LEARNING.HEBB";
const REWARDED: &str = "LEARNING.REWARD";
const FROM: &str = "from";
const RATE: &str = "rate";
const LATEST: &str = "latest";

/// In SQL: the id of the node at a place.
fn id_sql(call: &Call<'_>, at: usize) -> String {
    let nodes = call.nodes_sql();
    format!("(SELECT id FROM {nodes} WHERE {})", call.node_sql(at))
}

/// In SQL: the id of the first edge of a verb between the nodes at the first two places.
fn edge_sql(call: &Call<'_>, verb: &str) -> String {
    format!(
        "(SELECT min(id) FROM edges WHERE verb = '{verb}' AND source = {} AND target = {})",
        id_sql(call, 0),
        id_sql(call, 1)
    )
}

/// In SQL: the statement that makes that edge if there is none, with values for some columns.
fn made_sql(call: &Call<'_>, verb: &str, values: &[(&str, String)]) -> String {
    let names: String = values.iter().map(|(name, _)| format!(", {name}")).collect();
    let values = values.iter();
    let values: String = values
        .map(|(name, value)| format!(", {value} AS {name}"))
        .collect();
    format!(
        "INSERT INTO edges (source, verb, target{names}) SELECT s.id AS source, '{verb}' AS verb, t.id AS target{values} \
         FROM {} s CROSS JOIN {} t WHERE {} IS NULL",
        id_sql(call, 0),
        id_sql(call, 1),
        edge_sql(call, verb)
    )
}

/// In SQL: the properties of an edge with others as JSON.
fn with_sql(fields: &[(&str, String)]) -> String {
    fields
        .iter()
        .fold("properties".to_owned(), |so_far, (name, json)| {
            format!("set_field({so_far}, '{name}', {json})")
        })
}

/// The slot of a verb that every space has.
fn slot(view: &View<'_>, verb: &str) -> u8 {
    let slot = view.state.verbs().slot(verb);
    slot.expect("invariant: the verb is built in")
}

/// The first edge of a verb between two nodes.
fn first(view: &View<'_>, verb: &str, source: Address, target: Address) -> Option<Edge> {
    let graph = view.state.graph();
    let id = graph.find(source, slot(view, verb), target).min()?;
    graph.get(source, id)
}

/// That edge between the nodes at the first two places, which is made if there is none, and the version that it had before.
fn edge(
    call: &Call<'_>,
    tx: &mut Transaction<'_>,
    verb: &str,
) -> Result<(Edge, Option<u64>), Fault> {
    let view = tx.view();
    let source = call.find_again(0, &view)?.address();
    let target = call.find_again(1, &view)?.address();
    let verb_slot = slot(&view, verb);
    Ok(match first(&view, verb, source, target) {
        Some(edge) => {
            let version = edge.version;
            (edge, Some(version))
        }
        None => {
            let draft = EdgeDraft {
                weight: 0.0,
                ..EdgeDraft::default()
            };
            (tx.link(source, verb_slot, target, draft)?, None)
        }
    })
}

/// Lets an edge say by which method it became what it is, from which version of it, and with which numbers.
fn derived(edge: &mut Edge, method: &str, before: Option<u64>, numbers: &[(&str, FieldValue)]) {
    let mut properties: Fields = edge.properties.as_deref().cloned().unwrap_or_default();
    let method = FieldValue::Bytes(method.as_bytes().into());
    properties.insert(METHOD.as_bytes().into(), method);
    for (name, number) in numbers {
        properties.insert(name.as_bytes().into(), number.clone());
    }
    if let Some(before) = before {
        let before = FieldValue::Integer(before as i64);
        properties.insert(BEFORE.as_bytes().into(), before);
    }
    edge.properties = Some(properties.into());
}

pub fn hebb_sql(call: &Call<'_>) -> String {
    let (weight, rate) = ("CAST(weight AS DOUBLE)", call.float(2));
    let properties = with_sql(&[
        (METHOD, format!("'\"{HEBB}\"'")),
        (FROM, format!("CAST({weight} AS VARCHAR)")),
        (RATE, format!("'{rate:?}'")),
        (BEFORE, "CAST(version AS VARCHAR)".to_owned()),
    ]);
    let made = [
        ("weight", format!("CAST({rate:?} AS FLOAT)")),
        (
            "properties",
            format!("'{{\"{METHOD}\":\"{HEBB}\",\"{FROM}\":0.0,\"{RATE}\":{rate:?}}}'"),
        ),
    ];
    format!(
        "UPDATE edges SET weight = CAST({weight} + {rate:?} * (1.0 - {weight}) AS FLOAT), properties = {properties} \
         WHERE id = {};\n{}",
        edge_sql(call, RELATES),
        made_sql(call, RELATES, &made)
    )
}

pub fn hebb(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (mut edge, before) = edge(call, tx, RELATES)?;
    let (weight, rate) = (f64::from(edge.weight), call.float(2));
    edge.weight = (weight + rate * (1.0 - weight)) as f32;
    let numbers = [
        (FROM, FieldValue::Float(weight)),
        (RATE, FieldValue::Float(rate)),
    ];
    derived(&mut edge, HEBB, before, &numbers);
    let (id, weight) = (edge.id, decimal(edge.weight));
    tx.update_edge(edge)?;
    Ok(batch(
        WEIGHT,
        vec![
            Arc::new(UInt64Array::from(vec![id])),
            Arc::new(Float64Array::from(vec![weight])),
        ],
    ))
}

/// What an edge counts of rewards.
pub fn arm_of(edge: &Edge) -> Arm {
    let property = |name: &str| edge.properties.as_ref()?.get(name.as_bytes());
    let trials = match property(TRIALS) {
        Some(FieldValue::Integer(trials)) => u64::try_from(*trials).unwrap_or_default(),
        _ => 0,
    };
    let reward = match property(REWARD) {
        Some(FieldValue::Float(reward)) => *reward,
        Some(FieldValue::Integer(reward)) => *reward as f64,
        _ => 0.0,
    };
    Arm { trials, reward }
}

pub fn reward_sql(call: &Call<'_>) -> String {
    let latest = call.float(2);
    let trials = format!("(coalesce(CAST(field(properties, '{TRIALS}') AS BIGINT), 0) + 1)");
    let reward =
        format!("(coalesce(CAST(field(properties, '{REWARD}') AS DOUBLE), 0.0) + {latest:?})");
    let properties = with_sql(&[
        (TRIALS, format!("CAST({trials} AS VARCHAR)")),
        (REWARD, format!("CAST({reward} AS VARCHAR)")),
        (METHOD, format!("'\"{REWARDED}\"'")),
        (LATEST, format!("'{latest:?}'")),
        (BEFORE, "CAST(version AS VARCHAR)".to_owned()),
    ]);
    let made = [
        ("weight", format!("CAST({latest:?} AS FLOAT)")),
        ("frequency", format!("CAST({latest:?} AS FLOAT)")),
        ("confidence", "CAST(0.5 AS FLOAT)".to_owned()),
        (
            "properties",
            format!(
                "'{{\"{TRIALS}\":1,\"{REWARD}\":{latest:?},\"{METHOD}\":\"{REWARDED}\",\"{LATEST}\":{latest:?}}}'"
            ),
        ),
    ];
    format!(
        "UPDATE edges SET weight = CAST({reward} / {trials} AS FLOAT), frequency = CAST({reward} / {trials} AS FLOAT), \
         confidence = CAST({trials} / ({trials} + 1.0) AS FLOAT), properties = {properties} WHERE id = {};\n{}",
        edge_sql(call, ENABLES),
        made_sql(call, ENABLES, &made)
    )
}

pub fn reward(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let (mut edge, before) = edge(call, tx, ENABLES)?;
    let arm = arm_of(&edge).with(call.float(2));
    let truth = Truth::from_evidence(arm.value(), arm.trials as f64);
    let truth = truth.expect("invariant: a trial is evidence");
    edge.weight = arm.value() as f32;
    (edge.frequency, edge.confidence) = (truth.frequency() as f32, truth.confidence() as f32);
    let mut properties: Fields = edge.properties.as_deref().cloned().unwrap_or_default();
    let trials = i64::try_from(arm.trials).unwrap_or(i64::MAX);
    properties.insert(TRIALS.as_bytes().into(), FieldValue::Integer(trials));
    properties.insert(REWARD.as_bytes().into(), FieldValue::Float(arm.reward));
    edge.properties = Some(properties.into());
    let latest = [(LATEST, FieldValue::Float(call.float(2)))];
    derived(&mut edge, REWARDED, before, &latest);
    let rows = valued([&edge]);
    tx.update_edge(edge)?;
    Ok(rows)
}

/// Edges with what they count.
fn valued<'e>(edges: impl IntoIterator<Item = &'e Edge>) -> RecordBatch {
    let edges: Vec<_> = edges.into_iter().map(|edge| (edge, arm_of(edge))).collect();
    let floats = |of: fn(&(&Edge, Arm)) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(edges.iter().map(of)))
    };
    let counts = |of: fn(&(&Edge, Arm)) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(edges.iter().map(of)))
    };
    batch(
        VALUE,
        vec![
            counts(|(edge, _)| edge.id),
            floats(|(_, arm)| arm.value()),
            counts(|(_, arm)| arm.trials),
            floats(|(edge, _)| decimal(edge.confidence)),
        ],
    )
}

pub fn value_sql(call: &Call<'_>) -> String {
    let trials = format!("CAST(field(properties, '{TRIALS}') AS BIGINT UNSIGNED)");
    format!(
        "SELECT id, CAST(field(properties, '{REWARD}') AS DOUBLE) / {trials} AS value, {trials} AS trials, \
         CAST(confidence AS DOUBLE) AS confidence FROM edges WHERE id = {} AND {trials} > 0",
        edge_sql(call, ENABLES)
    )
}

pub fn value(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let (state, action) = (call.place(0).address, call.place(1).address);
    let edge = first(&view, ENABLES, state, action);
    let rewarded = edge.filter(|edge| arm_of(edge).trials > 0);
    Ok(valued(rewarded.as_ref()))
}

/// The actions of a state, each once, by address, with what they brought in it.
pub fn actions(view: &View<'_>, scope: Scope, state: Address) -> Vec<(Address, Arm)> {
    let graph = view.state.graph();
    let links = graph.outgoing(state, Some(slot(view, ENABLES)));
    let mut targets: Vec<Address> = links.map(|link| link.target).collect();
    targets.sort_unstable();
    targets.dedup();
    let action = |target: Address| {
        let is_there = scope.contains(target) && view.node(target).is_some();
        let edge = first(view, ENABLES, state, target).filter(|_| is_there)?;
        Some((target, arm_of(&edge)))
    };
    targets.into_iter().filter_map(action).collect()
}

/// What an action brought in all states.
pub fn everywhere(view: &View<'_>, scope: Scope, action: Address) -> Arm {
    let graph = view.state.graph();
    let links = graph.incoming(action, Some(slot(view, ENABLES)));
    let mut states: Vec<Address> = links.map(|link| link.source).collect();
    states.sort_unstable();
    states.dedup();
    let is_there = |state: &Address| scope.contains(*state) && view.node(*state).is_some();
    let edges = states.into_iter().filter(is_there);
    let edges = edges.filter_map(|state| first(view, ENABLES, state, action));
    edges.fold(Arm::default(), |all, edge| {
        let arm = arm_of(&edge);
        Arm {
            trials: all.trials.saturating_add(arm.trials),
            reward: all.reward + arm.reward,
        }
    })
}
