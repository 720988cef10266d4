//! Chains of causes and means from one node to another.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::decimal;

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::{PLAN, edges_in, name_at};

/// Verbs that lead from their source to their target.
const ONWARD: [&str; 2] = ["CAUSES", "ENABLES"];
/// The verb that leads from its target, which is required, to its source.
const BACKWARD: &str = "REQUIRES";

/// A step that an edge allows.
struct Step {
    edge: Edge,
    verb: &'static str,
    from: Address,
    to: Address,
}

fn expectation(edge: &Edge) -> f64 {
    decimal(edge.confidence) * (decimal(edge.frequency) - 0.5) + 0.5
}

pub fn plan(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let step = |edge: Edge| {
        let name = view.state.verbs().name(edge.verb)?;
        let onward = ONWARD.iter().find(|verb| **verb == name);
        let (verb, from, to) = match onward {
            Some(verb) => (*verb, edge.source, edge.target),
            None if name == BACKWARD => (BACKWARD, edge.target, edge.source),
            None => return None,
        };
        (expectation(&edge) > 0.5).then_some(Step {
            edge,
            verb,
            from,
            to,
        })
    };
    let steps = edges_in(&view, call.scope()).filter_map(step);
    let mut steps: Vec<Step> = steps.collect();
    steps.sort_by_key(|step| step.edge.id);
    let (x, y) = (call.place(0).address, call.place(1).address);
    let chain = shortest(&steps, x, y);
    let name = |at: Address| name_at(&view, at);
    let count = |of: &dyn Fn(usize, &Step) -> u64| -> ArrayRef {
        let numbers = chain.iter().enumerate().map(|(at, step)| of(at, step));
        Arc::new(UInt64Array::from_iter_values(numbers))
    };
    Ok(batch(
        PLAN,
        vec![
            count(&|at, _| at as u64 + 1),
            count(&|_, step| step.edge.id),
            Arc::new(StringArray::from_iter(
                chain.iter().map(|step| name(step.from)),
            )),
            Arc::new(StringArray::from_iter_values(
                chain.iter().map(|step| step.verb),
            )),
            Arc::new(StringArray::from_iter(
                chain.iter().map(|step| name(step.to)),
            )),
            Arc::new(UInt16Array::from_iter_values(
                chain.iter().map(|step| step.to.0),
            )),
            Arc::new(Float64Array::from_iter_values(
                chain.iter().map(|step| expectation(&step.edge)),
            )),
        ],
    ))
}

/// The shortest chain of steps, which come by id, from one address to another; of several that with the lowest ids.
fn shortest(steps: &[Step], x: Address, y: Address) -> Vec<&Step> {
    let mut into: HashMap<Address, Vec<Address>> = HashMap::new();
    let mut out: HashMap<Address, Vec<&Step>> = HashMap::new();
    for step in steps {
        into.entry(step.to).or_default().push(step.from);
        out.entry(step.from).or_default().push(step);
    }
    let mut left: HashMap<Address, usize> = HashMap::from([(y, 0)]);
    let mut queue = VecDeque::from([y]);
    while let Some(at) = queue.pop_front() {
        for from in into.get(&at).into_iter().flatten() {
            if !left.contains_key(from) {
                left.insert(*from, left[&at] + 1);
                queue.push_back(*from);
            }
        }
    }
    let (mut chain, mut at) = (Vec::new(), x);
    while let Some(distance @ 1..) = left.get(&at) {
        let nearer = |step: &&&Step| left.get(&step.to) == Some(&(distance - 1));
        let step = out.get(&at).and_then(|out| out.iter().find(nearer));
        let step = step.expect("invariant: a distance comes from a step that is nearer");
        chain.push(*step);
        at = step.to;
    }
    chain
}
