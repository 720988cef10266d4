//! Functions of many rows: counts, sums, lists, percentiles.

use std::collections::HashSet;

use ladybug_engine::space::temporal::Temporal;

use super::super::ast::Operator;
use super::super::compile::scope::Type;
use super::super::error::{CypherError, ErrorType, Result};
use super::super::operators;
use super::super::value::{Key, Value};

/// The aggregating functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// `count(*)`.
    CountAll,
    Count,
    Sum,
    Average,
    Least,
    Greatest,
    Collect,
    /// Of a sample.
    Deviation,
    /// Of a whole population.
    PopulationDeviation,
    /// Between values.
    PercentileContinuous,
    /// One of the values.
    PercentileDiscrete,
}

impl AggregateFunction {
    /// The function of a name, in any case.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "avg" => Self::Average,
            "min" => Self::Least,
            "max" => Self::Greatest,
            "collect" => Self::Collect,
            "stdev" => Self::Deviation,
            "stdevp" => Self::PopulationDeviation,
            "percentilecont" => Self::PercentileContinuous,
            "percentiledisc" => Self::PercentileDiscrete,
            _ => return None,
        })
    }

    /// How many arguments it takes.
    pub fn arguments(self) -> usize {
        match self {
            Self::CountAll => 0,
            Self::PercentileContinuous | Self::PercentileDiscrete => 2,
            _ => 1,
        }
    }

    /// The type of its result.
    pub fn result(self) -> Type {
        match self {
            Self::CountAll | Self::Count => Type::Integer,
            Self::Collect => Type::any_list(),
            _ => Type::Any,
        }
    }

    /// Whether it keeps what it gathers.
    pub fn keeps_values(self) -> bool {
        matches!(
            self,
            Self::Collect
                | Self::Deviation
                | Self::PopulationDeviation
                | Self::PercentileContinuous
                | Self::PercentileDiscrete
        )
    }
}

/// What was gathered of a group.
#[derive(Debug)]
pub struct Accumulator {
    function: AggregateFunction,
    /// What was there already, if each counts once.
    seen: Option<HashSet<Key>>,
    count: u64,
    /// The sum, the least or the greatest.
    value: Value,
    values: Vec<Value>,
    percentile: Option<f64>,
}

impl Accumulator {
    /// Nothing yet.
    pub fn new(function: AggregateFunction, is_distinct: bool) -> Self {
        Self {
            function,
            seen: is_distinct.then(HashSet::new),
            count: 0,
            value: match function {
                AggregateFunction::Sum => Value::Integer(0),
                _ => Value::Null,
            },
            values: Vec::new(),
            percentile: None,
        }
    }

    /// Gathers a row; where there are no arguments, one that stands for several.
    pub fn add(&mut self, arguments: &[Value], row_count: u64) -> Result<()> {
        let Some(value) = arguments.first() else {
            self.count += row_count;
            return Ok(());
        };
        if let (Some(percentile), None) = (arguments.get(1), self.percentile) {
            self.percentile = Some(percentile_of(percentile)?);
        }
        if value.is_null() {
            return Ok(());
        }
        if let Some(seen) = &mut self.seen
            && !seen.insert(Key(vec![value.clone()]))
        {
            return Ok(());
        }
        self.count += 1;
        match self.function {
            AggregateFunction::CountAll | AggregateFunction::Count => {}
            AggregateFunction::Sum | AggregateFunction::Average => {
                check_summable(value)?;
                self.value = match &self.value {
                    Value::Null => value.clone(),
                    // The sum of durations begins with the first.
                    Value::Integer(0) if matches!(value, Value::Temporal(_)) => value.clone(),
                    sum => operators::binary(Operator::Add, sum, value)?,
                };
            }
            AggregateFunction::Least => {
                if self.value.is_null() || value.order(&self.value).is_lt() {
                    self.value = value.clone();
                }
            }
            AggregateFunction::Greatest => {
                if self.value.is_null() || value.order(&self.value).is_gt() {
                    self.value = value.clone();
                }
            }
            AggregateFunction::Collect => self.values.push(value.clone()),
            AggregateFunction::Deviation
            | AggregateFunction::PopulationDeviation
            | AggregateFunction::PercentileContinuous
            | AggregateFunction::PercentileDiscrete => match value {
                Value::Integer(_) | Value::Float(_) => self.values.push(value.clone()),
                other => return Err(not_a_number(other)),
            },
        }
        Ok(())
    }

    /// The value of the group.
    pub fn finish(self) -> Result<Value> {
        Ok(match self.function {
            AggregateFunction::CountAll | AggregateFunction::Count => {
                Value::Integer(self.count as i64)
            }
            AggregateFunction::Sum | AggregateFunction::Least | AggregateFunction::Greatest => {
                self.value
            }
            AggregateFunction::Average => match &self.value {
                Value::Null => Value::Null,
                sum => operators::binary(Operator::Divide, sum, &Value::Float(self.count as f64))?,
            },
            AggregateFunction::Collect => Value::list(self.values),
            AggregateFunction::Deviation => deviation(&self.values, 1),
            AggregateFunction::PopulationDeviation => deviation(&self.values, 0),
            AggregateFunction::PercentileDiscrete | AggregateFunction::PercentileContinuous => {
                let is_continuous = self.function == AggregateFunction::PercentileContinuous;
                percentile(
                    self.values,
                    self.percentile.unwrap_or_default(),
                    is_continuous,
                )
            }
        })
    }
}

fn not_a_number(got: &Value) -> CypherError {
    let message = format!("expected numbers to aggregate, got {}", got.type_name());
    CypherError::runtime(ErrorType::TypeError, "InvalidArgumentValue", message)
}

fn check_summable(value: &Value) -> Result<()> {
    match value {
        Value::Integer(_) | Value::Float(_) => Ok(()),
        Value::Temporal(value) if matches!(**value, Temporal::Duration(_)) => Ok(()),
        other => Err(not_a_number(other)),
    }
}

fn percentile_of(value: &Value) -> Result<f64> {
    let percentile = value
        .number()
        .filter(|percentile| (0.0..=1.0).contains(percentile));
    percentile.ok_or_else(|| {
        let message = format!(
            "expected a percentile from 0.0 to 1.0, got {}",
            operators::text(value)
        );
        CypherError::runtime(ErrorType::ArgumentError, "NumberOutOfRange", message)
    })
}

/// The standard deviation: the root of the mean square of distances to the mean, of n − `less` values.
fn deviation(values: &[Value], less: usize) -> Value {
    let numbers: Vec<f64> = values.iter().filter_map(Value::number).collect();
    if numbers.len() <= less {
        return Value::Float(0.0);
    }
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    Value::Float((squares / (numbers.len() - less) as f64).sqrt())
}

fn percentile(mut values: Vec<Value>, percentile: f64, is_continuous: bool) -> Value {
    values.sort_by(Value::order);
    let Some(last) = values.len().checked_sub(1) else {
        return Value::Null;
    };
    if !is_continuous {
        // The first value that is not less than so many of them.
        let rank = (percentile * values.len() as f64).ceil() as usize;
        return values.swap_remove(rank.saturating_sub(1).min(last));
    }
    let rank = percentile * last as f64;
    let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
    let at = |n: usize| values[n].number().unwrap_or_default();
    Value::Float(at(low) + (at(high) - at(low)) * (rank - low as f64))
}
