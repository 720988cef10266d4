//! Choices by what was rewarded.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, UInt64Array};
use ladybug_engine::space::address::Address;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::CHOICE;
use super::weights::{actions, everywhere};
use crate::mind::learning::bandit::{self, Arm, Choice};

/// Policies by name, the usual one first.
pub const POLICIES: [&str; 3] = ["ucb1", "epsilon-greedy", "softmax"];

/// UCB1's factor, ε and the temperature unless given.
const FACTOR: f64 = 2.0;
const EPSILON: f64 = 0.1;
const TEMPERATURE: f64 = 0.1;

pub fn choose(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let place = call.place(0);
    let arms = match call.scope() {
        // Words of the surface lead nowhere.
        Scope::Surface => Vec::new(),
        scope => actions(&reading.view(), scope, place.address),
    };
    let known: Vec<Arm> = arms.iter().map(|(_, arm)| *arm).collect();
    let policy = if call.has(1) {
        call.word(1)
    } else {
        POLICIES[0]
    };
    let parameter = |usual: f64| if call.has(2) { call.float(2) } else { usual };
    let trials: u64 = known.iter().map(|arm| arm.trials).sum();
    let seed = match call.integer(3) {
        Some(seed) => seed as u64,
        None => bandit::Random(place.id.unwrap_or_default()).bits() ^ trials,
    };
    let choice = match policy {
        "epsilon-greedy" => {
            let epsilon = parameter(EPSILON);
            if epsilon > 1.0 {
                return Err(Fault::of(
                    "parameter",
                    format!("expected a share from 0 to 1 for epsilon-greedy, got {epsilon}"),
                ));
            }
            bandit::epsilon_greedy(&known, epsilon, seed)
        }
        "softmax" => {
            let temperature = parameter(TEMPERATURE);
            if temperature <= 0.0 {
                return Err(Fault::of(
                    "parameter",
                    "expected a temperature above 0 for softmax, got 0",
                ));
            }
            bandit::softmax(&known, temperature, seed)
        }
        _ => bandit::ucb1(&known, parameter(FACTOR)),
    };
    Ok(chosen(reading, &arms, choice))
}

pub fn bandit(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let seed = call.count(0) as u64;
    let mut places: Vec<Address> = Vec::new();
    for at in 1..call.values.len() {
        let address = call.place(at).address;
        if call.scope() != Scope::Surface && !places.contains(&address) {
            places.push(address);
        }
    }
    let view = reading.view();
    let arms: Vec<_> = places
        .into_iter()
        .map(|place| (place, everywhere(&view, call.scope(), place)))
        .collect();
    let known: Vec<Arm> = arms.iter().map(|(_, arm)| *arm).collect();
    Ok(chosen(reading, &arms, bandit::thompson(&known, seed)))
}

/// The row of a choice.
fn chosen(reading: &Reading<'_>, arms: &[(Address, Arm)], choice: Option<Choice>) -> RecordBatch {
    let chosen: Vec<_> = choice
        .iter()
        .map(|choice| {
            let (address, arm) = arms[choice.place];
            (reading.row(address), arm, choice.score)
        })
        .collect();
    let (mut columns, bits) = row_columns(chosen.iter().map(|(row, ..)| row));
    let values = chosen.iter().map(|(_, arm, _)| arm.value());
    columns.push(Arc::new(Float64Array::from_iter_values(values)));
    let trials = chosen.iter().map(|(_, arm, _)| arm.trials);
    columns.push(Arc::new(UInt64Array::from_iter_values(trials)));
    let scores = chosen.iter().map(|(.., score)| *score);
    columns.push(Arc::new(Float64Array::from_iter_values(scores)));
    columns.push(bits);
    batch(CHOICE, columns)
}
