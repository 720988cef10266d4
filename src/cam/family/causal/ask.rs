//! Probabilities of the three rungs: what a call asks as quantities of a model, and these as rows, by the reasoning or by
//! SQL.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

use super::super::super::batch::batch;
use super::super::super::call::{Call, Value as Argument, quoted};
use super::super::super::error::Fault;
use super::super::super::event::Event;
use super::super::super::host::Reading;
use super::formula::Writer;
use super::stored::{Reach, Stored, mechanisms, variable};
use crate::mind::causal::effect::{Bounds, Model, Regretted, Value};
use crate::mind::causal::expression;
use crate::mind::causal::identify::{Formula, Identified};
use crate::mind::causal::mechanism::StructuralModel;
use crate::mind::causal::observations::{Estimate, Quantity};

/// What a call asks of a model.
pub enum Asked {
    /// A number, and texts behind it: the columns of the operation from the fifth on.
    Number(Quantity, Vec<String>),
    /// A row each, with what it is.
    Several(Vec<(&'static str, Quantity)>),
    /// The least and the greatest that a probability can be, and texts behind them.
    Between(Bounds, Vec<String>),
}

/// How a call becomes quantities.
pub type Ask = fn(&Call<'_>, &Reading<'_>, &Model<'_>) -> Result<Asked, Fault>;

/// The variables that the arguments of a call name.
fn named(call: &Call<'_>, reading: &Reading<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, value) in call.values.iter().enumerate() {
        match value {
            Argument::Event(event) => names.extend(event.variables().map(str::to_owned)),
            Argument::Node(..) => _ = names.insert(variable(&reading.view(), call.place(at))),
            _ => {}
        }
    }
    names
}

/// Runs something over the model that a call is about.
fn with_model<T>(
    call: &Call<'_>,
    reading: &Reading<'_>,
    reach: Reach,
    f: impl FnOnce(&Model<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let named = named(call, reading);
    let stored = Stored::read(reading, call.scope(), &named, reach)?;
    let seen = stored.observations.observed();
    for name in named {
        if !seen.contains(stored.diagram.index(&name)?) {
            return Err(Fault::Argument(format!(
                "{name} was never observed in scope {}; CAM.CAUSAL.OBSERVE {name}=… says what was",
                call.scope().name()
            )));
        }
    }
    f(&Model::new(&stored.diagram, &stored.observations))
}

/// The rows of a call.
pub fn answer(
    call: &Call<'_>,
    reading: &Reading<'_>,
    reach: Reach,
    ask: Ask,
) -> Result<RecordBatch, Fault> {
    with_model(call, reading, reach, |model| {
        Ok(match ask(call, reading, model)? {
            Asked::Number(quantity, texts) => {
                let found = model.estimate(&quantity)?;
                let (low, high) = found.interval.unzip();
                let numbers = vec![Some(found.value), low, high, Some(found.count)];
                batch(call.operation.columns, one_row(&numbers, &texts))
            }
            Asked::Several(all) => {
                let names = all.iter().map(|(name, _)| *name);
                let mut arrays: Vec<ArrayRef> =
                    vec![Arc::new(StringArray::from_iter_values(names))];
                let found = all.iter().map(|(_, quantity)| model.estimate(quantity));
                let found: Vec<Estimate> = found.collect::<Result<_, _>>()?;
                let parts: [fn(&Estimate) -> Option<f64>; 4] = [
                    |one| Some(one.value),
                    |one| one.interval.map(|(low, _)| low),
                    |one| one.interval.map(|(_, high)| high),
                    |one| Some(one.count),
                ];
                for part in parts {
                    let column = found.iter().map(part).collect::<Float64Array>();
                    arrays.push(Arc::new(column));
                }
                batch(call.operation.columns, arrays)
            }
            Asked::Between(bounds, texts) => {
                let [low, high] = model.bounds(&bounds)?;
                batch(call.operation.columns, between(&low, &high, &texts))
            }
        })
    })
}

fn one_row(numbers: &[Option<f64>], texts: &[String]) -> Vec<ArrayRef> {
    let numbers = numbers
        .iter()
        .map(|number| Arc::new(Float64Array::from(vec![*number])) as ArrayRef);
    let texts = texts
        .iter()
        .map(|text| Arc::new(StringArray::from(vec![text.as_str()])) as ArrayRef);
    numbers.chain(texts).collect()
}

fn between(low: &Estimate, high: &Estimate, texts: &[String]) -> Vec<ArrayRef> {
    let numbers = [
        Some(low.value),
        Some(high.value),
        low.interval.map(|(least, _)| least),
        high.interval.map(|(_, most)| most),
        Some(low.count),
    ];
    one_row(&numbers, texts)
}

/// The same rows in SQL.
pub fn sql(
    call: &Call<'_>,
    reading: &Reading<'_>,
    reach: Reach,
    ask: Ask,
) -> Result<String, Fault> {
    with_model(call, reading, reach, |model| {
        let writer = Writer { call, model };
        let columns = call.operation.columns;
        let literals = |texts: &[String], from: usize| -> String {
            let columns = columns[from..].iter().zip(texts);
            columns
                .map(|(column, text)| format!(", {} AS {}", quoted(text), column.name))
                .collect()
        };
        Ok(match ask(call, reading, model)? {
            Asked::Number(quantity, texts) => format!(
                "{}\nSELECT value AS {}, interval_low, interval_high, count{} FROM q0",
                writer.with(&[&quantity]),
                columns[0].name,
                literals(&texts, 4)
            ),
            Asked::Several(all) => {
                let quantities: Vec<_> = all.iter().map(|(_, quantity)| quantity).collect();
                let rows = all.iter().enumerate().map(|(k, (name, _))| {
                    format!(
                        "SELECT {k} AS place, {} AS {}, value AS {}, interval_low, interval_high, count FROM q{k}",
                        quoted(name),
                        columns[0].name,
                        columns[1].name
                    )
                });
                let rows: Vec<_> = rows.collect();
                let names: Vec<_> = columns.iter().map(|column| column.name).collect();
                format!(
                    "{}\nSELECT {} FROM ({}) ORDER BY place",
                    writer.with(&quantities),
                    names.join(", "),
                    rows.join(" UNION ALL ")
                )
            }
            Asked::Between(bounds, texts) => {
                let unit = |of: &str| format!("greatest(0.0, least(1.0, {of}))");
                format!(
                    "{}\nSELECT {} AS low, {} AS high, {} AS interval_low, {} AS interval_high, q0.count AS count{} \
                     FROM q0 CROSS JOIN q1",
                    writer.with(&[&bounds.low, &bounds.high]),
                    unit("q0.value"),
                    unit("q1.value"),
                    unit("q0.interval_low"),
                    unit("q1.interval_high"),
                    literals(&texts, 5)
                )
            }
        })
    })
}

/// The event at a place, which the entry says is there.
fn event<'c>(call: &'c Call<'_>, at: usize) -> &'c Event {
    call.event(at)
        .expect("invariant: the entry says that there is an event")
}

/// The event at a place if it is of one variable.
fn only<'c>(call: &'c Call<'_>, at: usize) -> Result<Value<'c>, Fault> {
    let event = event(call, at);
    event.only().ok_or_else(|| {
        Fault::of(
            call.operation.arguments[at].name,
            format!("expected the value of one variable, got {event}"),
        )
    })
}

/// One variable's value, and another one of the same variable.
fn two<'c>(call: &'c Call<'_>) -> Result<(&'c str, &'c str, &'c str), Fault> {
    let ((x, a), (other, b)) = (only(call, 0)?, only(call, 1)?);
    match x == other {
        true => Ok((x, a, b)),
        false => Err(Fault::of(
            call.operation.arguments[1].name,
            format!("expected another value of {x}, got one of {other}"),
        )),
    }
}

/// The values at a place, none if it was left out.
fn values<'c>(call: &'c Call<'_>, at: usize) -> Vec<Value<'c>> {
    call.event(at).map(Event::values).unwrap_or_default()
}

/// How an effect was identified, and by which formula, as texts.
fn identified(model: &Model<'_>, by: &Identified) -> Vec<String> {
    let names = |set| model.diagram().names(set);
    let method = match by.formula {
        Formula::BackDoor(set) => format!("back-door {{{}}}", names(set)),
        Formula::FrontDoor(set) => format!("front-door {{{}}}", names(set)),
        Formula::General => "general".to_owned(),
    };
    vec![method, by.estimand.text(model.diagram())]
}

pub fn see(call: &Call<'_>, _: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let quantity = model.see(&values(call, 0), &values(call, 1))?;
    let formula = match call.event(1) {
        None => format!("P({})", event(call, 0)),
        Some(given) => format!("P({} | {given})", event(call, 0)),
    };
    Ok(Asked::Number(quantity, vec![formula]))
}

pub fn intervene(call: &Call<'_>, _: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let (quantity, by) = model.intervene(&values(call, 0), &values(call, 1))?;
    Ok(Asked::Number(quantity, identified(model, &by)))
}

pub fn contrast(call: &Call<'_>, _: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let (x, a, b) = two(call)?;
    let (quantity, by) = model.contrast(x, a, b, only(call, 2)?)?;
    Ok(Asked::Number(quantity, identified(model, &by)))
}

pub fn mediate(call: &Call<'_>, reading: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let (x, a, b) = two(call)?;
    let via: Vec<String> = (3..call.values.len())
        .map(|at| variable(&reading.view(), call.place(at)))
        .collect();
    let via: Vec<&str> = via.iter().map(String::as_str).collect();
    let found = model.mediate(x, a, b, only(call, 2)?, &via)?;
    Ok(Asked::Several(vec![
        ("direct", found.direct),
        ("indirect", found.indirect),
        ("total", found.total),
    ]))
}

/// P(y | do(x)) as an experiment found it, if one is given.
fn experiment(call: &Call<'_>) -> Option<f64> {
    call.has(2).then(|| call.float(2))
}

pub fn necessity(call: &Call<'_>, _: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let bounds = model.necessity(only(call, 0)?, only(call, 1)?, experiment(call))?;
    Ok(Asked::Between(bounds, Vec::new()))
}

pub fn sufficiency(call: &Call<'_>, _: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let bounds = model.sufficiency(only(call, 0)?, only(call, 1)?, experiment(call))?;
    Ok(Asked::Between(bounds, Vec::new()))
}

pub fn regret(call: &Call<'_>, reading: &Reading<'_>, model: &Model<'_>) -> Result<Asked, Fault> {
    let (x, a, b) = two(call)?;
    let y = variable(&reading.view(), call.place(2));
    let (quantity, regretted) = model.regret((x, a), b, &y)?;
    let method = match regretted {
        Regretted::BackDoor(set) => format!("back-door {{{}}}", model.diagram().names(set)),
        Regretted::Effect => "effect".to_owned(),
    };
    Ok(Asked::Number(quantity, vec![method]))
}

/// P(y would hold, had x been set | evidence): by mechanisms where y has one, else within bounds.
pub fn imagine(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (y, value) = only(call, 0)?;
    let view = reading.view();
    if super::stored::mechanism(&view, call.scope(), y).is_none() {
        return answer(call, reading, Reach::Causes, |call, _, model| {
            let (x, evidence) = (only(call, 1)?, values(call, 2));
            let bounds = model.imagine(only(call, 0)?, x, &evidence)?;
            let method = match bounds.low == bounds.high {
                true => "observed",
                false => "bounds",
            };
            Ok(Asked::Between(bounds, vec![method.to_owned()]))
        });
    }
    let (set_to, evidence) = (values(call, 1), values(call, 2));
    let names = [&set_to[..], &evidence].concat();
    let names = names.iter().map(|(name, _)| (*name).to_owned());
    let known = mechanisms(&view, call.scope(), names.chain([y.to_owned()]))?;
    let typed = |(name, value)| (name, expression::Value::from(value));
    let set_to: Vec<_> = set_to.into_iter().map(typed).collect();
    let evidence: Vec<_> = evidence.into_iter().map(typed).collect();
    let found = StructuralModel::new(known)?.counterfactual(y, &set_to, &evidence)?;
    let value = expression::Value::from(value);
    let probability = found.get(&value).copied().unwrap_or(0.0);
    let numbers = [Some(probability), Some(probability), None, None, None];
    Ok(batch(
        call.operation.columns,
        one_row(&numbers, &["mechanisms".to_owned()]),
    ))
}
