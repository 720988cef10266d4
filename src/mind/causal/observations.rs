//! Observations of discrete variables, and the value of a formula on them.
//!
//! A probability is a ratio of weights of the observations that have all its variables. Intervals are Wilson's (1927)
//! at 95 %, with the number of observations that would give a proportion the variance which the estimate has; that is
//! estimated by the infinitesimal jackknife (Jaeckel 1972): the sum over observations of the squared derivative of the
//! estimate by their weight.

use std::collections::BTreeMap;

use super::CausalError;
use super::diagram::{Diagram, Set, VARIABLES_MAX};
use super::estimand::Estimand;

/// Most cells of a table that a formula is computed with.
pub const CELLS_MAX: usize = 1 << 20;
/// Most different observations times cells for which an interval is computed.
pub const INTERVAL_WORK_MAX: usize = 1 << 26;
/// By which share of its weight an observation is moved to see how much an estimate depends on it.
pub const STEP: f64 = 1e-4;
/// The variance below which an estimate moves with no observation, but for rounding.
pub const VARIANCE_MIN: f64 = 1e-18;
/// The 97.5 % quantile of the normal distribution.
pub const Z: f64 = 1.959_963_984_540_054;

/// A variable and the number of its value.
pub type Assignment = Vec<(usize, usize)>;

/// A formula where its variables have these values, so many times.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// How many times.
    pub coefficient: f64,
    /// The formula.
    pub estimand: Estimand,
    /// The values of its variables.
    pub at: Assignment,
}

/// A number that follows from observations: a constant and a sum of terms, which may be divided by one more.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quantity {
    /// What is added to the terms.
    pub constant: f64,
    /// The terms.
    pub terms: Vec<Term>,
    /// What the sum is divided by, their sum; by nothing if there are none.
    pub divisor: Vec<Term>,
    /// Of a proportion, so that its interval stays in 0..1: the values that it is conditional on.
    pub proportion_given: Option<Assignment>,
}

impl Quantity {
    /// All variables that it mentions.
    pub fn mentioned(&self) -> Set {
        let all = self.terms.iter().chain(&self.divisor);
        all.fold(Set::EMPTY, |set, term| set.union(term.estimand.mentioned()))
    }
}

/// A number with how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The weight of the observations that have all variables concerned.
    pub count: f64,
    /// The interval at 95 %; none where it would take too long.
    pub interval: Option<(f64, f64)>,
}

/// Weighted observations, values by number.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    /// The values of each variable, in order of appearance.
    levels: Vec<Vec<String>>,
    /// Different observations, with their weights.
    rows: BTreeMap<Vec<Option<usize>>, f64>,
}

/// A function of some variables, as a table; NaN where it is undefined.
#[derive(Debug, Clone)]
struct Factor {
    over: Set,
    cells: Vec<f64>,
}

impl Observations {
    /// No observations.
    pub fn new() -> Self {
        Self {
            levels: vec![Vec::new(); VARIABLES_MAX],
            rows: BTreeMap::new(),
        }
    }

    /// Adds an observation of some of a diagram's variables. The weight is positive; `diagram` gives the numbers.
    pub fn add(
        &mut self,
        diagram: &Diagram,
        values: &[(&str, &str)],
        weight: f64,
    ) -> Result<(), CausalError> {
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(CausalError::Question(format!(
                "an observation's weight is above 0, got {weight}"
            )));
        }
        let mut numbers = Vec::new();
        for (name, value) in values {
            let variable = diagram.index(name)?;
            if numbers.iter().any(|&(known, _)| known == variable) {
                return Err(CausalError::Question(format!(
                    "{name} is observed twice in one observation"
                )));
            }
            numbers.push((variable, value));
        }
        let mut row = vec![None; VARIABLES_MAX];
        for (variable, value) in numbers {
            let levels = &mut self.levels[variable];
            row[variable] = Some(
                levels
                    .iter()
                    .position(|known| known == value)
                    .unwrap_or_else(|| {
                        levels.push((*value).to_owned());
                        levels.len() - 1
                    }),
            );
        }
        *self.rows.entry(row).or_default() += weight;
        Ok(())
    }

    /// Gives a variable its values, in this order.
    pub fn declare(
        &mut self,
        diagram: &Diagram,
        name: &str,
        values: impl IntoIterator<Item = String>,
    ) -> Result<(), CausalError> {
        self.levels[diagram.index(name)?] = values.into_iter().collect();
        Ok(())
    }

    /// The variables that were observed at least once.
    pub fn observed(&self) -> Set {
        (0..VARIABLES_MAX)
            .filter(|&variable| !self.levels[variable].is_empty())
            .collect()
    }

    /// The values of a variable.
    pub fn levels(&self, variable: usize) -> &[String] {
        &self.levels[variable]
    }

    /// The number of a variable's value.
    pub fn level(
        &self,
        diagram: &Diagram,
        variable: usize,
        value: &str,
    ) -> Result<usize, CausalError> {
        let levels = &self.levels[variable];
        levels
            .iter()
            .position(|known| known == value)
            .ok_or_else(|| CausalError::UnknownValue {
                variable: diagram.name(variable).to_owned(),
                value: value.to_owned(),
                known: if levels.is_empty() {
                    "never observed".to_owned()
                } else {
                    levels.join(", ")
                },
            })
    }

    /// The weight of the observations that have all these variables.
    pub fn count(&self, variables: Set) -> f64 {
        self.complete(variables).map(|(_, weight)| weight).sum()
    }

    fn complete(&self, variables: Set) -> impl Iterator<Item = (&Vec<Option<usize>>, f64)> {
        self.rows
            .iter()
            .filter(move |(row, _)| variables.iter().all(|variable| row[variable].is_some()))
            .map(|(row, &weight)| (row, weight))
    }

    fn size(&self, over: Set) -> Result<usize, CausalError> {
        over.iter()
            .try_fold(1_usize, |size, variable| {
                size.checked_mul(self.levels[variable].len())
            })
            .filter(|&size| size <= CELLS_MAX)
            .ok_or(CausalError::TooLarge {
                what: "the number of cells of a table",
                limit: CELLS_MAX,
            })
    }

    /// How far apart in `over`'s table neighbouring values of each variable lie; 0 for those not in it.
    fn strides(&self, over: Set) -> [usize; VARIABLES_MAX] {
        let (mut strides, mut next) = ([0; VARIABLES_MAX], 1);
        for variable in over.iter() {
            strides[variable] = next;
            next *= self.levels[variable].len();
        }
        strides
    }

    /// The weights of all combinations of values.
    fn weights(&self, over: Set) -> Result<Factor, CausalError> {
        let mut cells = vec![0.0; self.size(over)?];
        let strides = self.strides(over);
        for (row, weight) in self.complete(over) {
            let cell: usize = over
                .iter()
                .map(|variable| strides[variable] * row[variable].unwrap_or(0))
                .sum();
            cells[cell] += weight;
        }
        Ok(Factor { over, cells })
    }

    /// For each cell of `from`'s table the cell of `to`'s with the same values; `to` is part of `from`.
    fn projection(&self, from: Set, to: Set) -> Result<Vec<usize>, CausalError> {
        let strides = self.strides(to);
        let mut cells = Vec::with_capacity(self.size(from)?);
        cells.push(0);
        for variable in from.iter() {
            let before = cells.len();
            for level in 1..self.levels[variable].len() {
                for cell in 0..before {
                    cells.push(cells[cell] + level * strides[variable]);
                }
            }
        }
        Ok(cells)
    }

    fn summed(&self, factor: &Factor, over: Set) -> Result<Factor, CausalError> {
        let rest = factor.over.minus(over);
        let mut cells = vec![0.0; self.size(rest)?];
        for (value, cell) in factor.cells.iter().zip(self.projection(factor.over, rest)?) {
            cells[cell] += value;
        }
        Ok(Factor { over: rest, cells })
    }

    /// The product; zero times undefined is zero.
    fn product(&self, a: &Factor, b: &Factor) -> Result<Factor, CausalError> {
        let over = a.over.union(b.over);
        let pairs = self
            .projection(over, a.over)?
            .into_iter()
            .zip(self.projection(over, b.over)?);
        let cells = pairs
            .map(|(left, right)| {
                let (left, right) = (a.cells[left], b.cells[right]);
                if left == 0.0 || right == 0.0 {
                    0.0
                } else {
                    left * right
                }
            })
            .collect();
        Ok(Factor { over, cells })
    }

    /// The quotient; undefined where the denominator is zero.
    fn quotient(&self, top: &Factor, bottom: &Factor) -> Result<Factor, CausalError> {
        let cells = self
            .projection(top.over, bottom.over)?
            .into_iter()
            .zip(&top.cells)
            .map(|(cell, value)| {
                if bottom.cells[cell] == 0.0 {
                    f64::NAN
                } else {
                    value / bottom.cells[cell]
                }
            })
            .collect();
        Ok(Factor {
            over: top.over,
            cells,
        })
    }

    fn factor(&self, estimand: &Estimand) -> Result<Factor, CausalError> {
        match estimand {
            Estimand::Probability { of, given } => {
                let joint = self.weights(of.union(*given))?;
                self.quotient(&joint, &self.summed(&joint, *of)?)
            }
            Estimand::Sum { over, of } => {
                let inner = self.factor(of)?;
                self.summed(&inner, *over)
            }
            Estimand::Product(factors) => factors.iter().try_fold(
                Factor {
                    over: Set::EMPTY,
                    cells: vec![1.0],
                },
                |product, one| self.product(&product, &self.factor(one)?),
            ),
            Estimand::Conditional { of, rest, within } => {
                let top = self.summed(&self.factor(within)?, *rest)?;
                self.quotient(&top, &self.summed(&top, *of)?)
            }
            Estimand::At {
                variable,
                level,
                of,
            } => {
                let whole = self.factor(of)?;
                let rest = whole.over.minus(Set::one(*variable));
                let stride = self.strides(whole.over)[*variable];
                let size = self.levels[*variable].len();
                let kept = whole
                    .cells
                    .iter()
                    .enumerate()
                    .filter(|(cell, _)| stride == 0 || cell / stride % size == *level);
                Ok(Factor {
                    over: rest,
                    cells: kept.map(|(_, &value)| value).collect(),
                })
            }
        }
    }

    /// The value of a formula where its variables have these values. A free variable that `at` leaves out is one that
    /// the formula does not depend on in truth: its first value with support is taken.
    pub fn evaluate(
        &self,
        estimand: &Estimand,
        at: &[(usize, usize)],
        diagram: &Diagram,
    ) -> Result<f64, CausalError> {
        let factor = self.factor(estimand)?;
        let fixed: Set = at.iter().map(|&(variable, _)| variable).collect();
        let strides = self.strides(factor.over);
        let base: usize = at
            .iter()
            .map(|&(variable, level)| strides[variable] * level)
            .sum();
        // The cells in which the given variables have their first value, moved to where they have the asked one.
        let free = factor.over.minus(fixed);
        let mut cells = vec![base];
        for variable in free.iter() {
            cells = (0..self.levels[variable].len())
                .flat_map(|level| {
                    cells
                        .iter()
                        .map(move |cell| cell + level * strides[variable])
                })
                .collect();
        }
        cells
            .into_iter()
            .map(|cell| factor.cells[cell])
            .find(|value| !value.is_nan())
            .ok_or_else(|| CausalError::NoSupport(self.unsupported(estimand, at, diagram)))
    }

    /// Names the first conditional probability that has no observation behind it and agrees with `at`.
    fn unsupported(&self, estimand: &Estimand, at: &[(usize, usize)], diagram: &Diagram) -> String {
        let mut pending = vec![estimand];
        while let Some(one) = pending.pop() {
            match one {
                Estimand::Probability { of, given } => {
                    let joint = self.weights(of.union(*given));
                    let Ok(weights) = joint.and_then(|joint| self.summed(&joint, *of)) else {
                        continue;
                    };
                    let strides = self.strides(*given);
                    let empty = weights.cells.iter().enumerate().find(|&(cell, &weight)| {
                        weight == 0.0
                            && at
                                .iter()
                                .filter(|(variable, _)| given.contains(*variable))
                                .all(|&(variable, level)| {
                                    cell / strides[variable] % self.levels[variable].len() == level
                                })
                    });
                    if let Some((cell, _)) = empty {
                        let values: Vec<_> = given
                            .iter()
                            .map(|variable| {
                                let level = cell / strides[variable] % self.levels[variable].len();
                                format!(
                                    "{}={}",
                                    diagram.name(variable),
                                    self.levels[variable][level]
                                )
                            })
                            .collect();
                        return format!("P({} | {})", diagram.names(*of), values.join(", "));
                    }
                }
                Estimand::Sum { of, .. } => pending.push(of),
                Estimand::Product(factors) => pending.extend(factors.iter().rev()),
                Estimand::Conditional { within, .. } => pending.push(within),
                Estimand::At { of, .. } => pending.push(of),
            }
        }
        estimand.text(diagram)
    }

    /// The value of a quantity.
    pub fn value(&self, quantity: &Quantity, diagram: &Diagram) -> Result<f64, CausalError> {
        let sum = |terms: &[Term]| -> Result<f64, CausalError> {
            terms.iter().try_fold(0.0, |sum, term| {
                Ok(sum + term.coefficient * self.evaluate(&term.estimand, &term.at, diagram)?)
            })
        };
        let value = quantity.constant + sum(&quantity.terms)?;
        let Some(first) = quantity.divisor.first() else {
            return Ok(value);
        };
        match sum(&quantity.divisor)? {
            0.0 => Err(CausalError::NoSupport(self.described(&first.at, diagram))),
            divisor => Ok(value / divisor),
        }
    }

    /// Values as `P(x=1, y=0)`.
    fn described(&self, at: &[(usize, usize)], diagram: &Diagram) -> String {
        let values: Vec<_> = at
            .iter()
            .map(|&(variable, level)| {
                format!(
                    "{}={}",
                    diagram.name(variable),
                    self.levels[variable][level]
                )
            })
            .collect();
        format!("P({})", values.join(", "))
    }

    /// A quantity with count and interval.
    pub fn estimate(
        &self,
        quantity: &Quantity,
        diagram: &Diagram,
    ) -> Result<Estimate, CausalError> {
        let variables = quantity.mentioned();
        let value = self.value(quantity, diagram)?;
        let count = self.count(variables);
        let mut small = self.projected(variables);
        if !self.is_within_work(small.rows.len(), variables) {
            return Ok(Estimate {
                value,
                count,
                interval: None,
            });
        }
        let rows: Vec<_> = small
            .rows
            .iter()
            .map(|(row, &weight)| (row.clone(), weight))
            .collect();
        let mut variance = 0.0;
        for (row, weight) in rows {
            let mut moved = |factor: f64| {
                small.rows.insert(row.clone(), weight * factor);
                small.value(quantity, diagram)
            };
            let slope = (moved(1.0 + STEP)? - moved(1.0 - STEP)?) / (2.0 * STEP * weight);
            small.rows.insert(row, weight);
            variance += weight * slope * slope;
        }
        let interval = match &quantity.proportion_given {
            Some(given) => wilson(value, variance, self.support(variables, given)),
            None => {
                let half = Z * variance.sqrt();
                (value - half, value + half)
            }
        };
        Ok(Estimate {
            value,
            count,
            interval: Some(interval),
        })
    }

    /// Whether an estimate of a quantity has an interval.
    pub fn has_interval(&self, quantity: &Quantity) -> bool {
        let variables = quantity.mentioned();
        self.is_within_work(self.projected(variables).rows.len(), variables)
    }

    fn is_within_work(&self, rows: usize, variables: Set) -> bool {
        let size = self.size(variables).unwrap_or(usize::MAX);
        rows.saturating_mul(size) <= INTERVAL_WORK_MAX
    }

    /// The weight of the observations that have all these variables, some with these values; values of others do not matter.
    fn support(&self, variables: Set, given: &[(usize, usize)]) -> f64 {
        self.complete(variables)
            .filter(|(row, _)| {
                given
                    .iter()
                    .filter(|(variable, _)| variables.contains(*variable))
                    .all(|&(variable, level)| row[variable] == Some(level))
            })
            .map(|(_, weight)| weight)
            .sum()
    }

    /// The same observations of these variables only.
    fn projected(&self, variables: Set) -> Self {
        let mut rows = BTreeMap::new();
        for (row, weight) in &self.rows {
            let kept: Vec<_> = (0..VARIABLES_MAX)
                .map(|variable| row[variable].filter(|_| variables.contains(variable)))
                .collect();
            if kept.iter().any(Option::is_some) {
                *rows.entry(kept).or_default() += weight;
            }
        }
        Self {
            levels: self.levels.clone(),
            rows,
        }
    }
}

/// Wilson's score interval (1927, equation 4) of a proportion with this variance; where that is zero, of `support`
/// observations.
fn wilson(p: f64, variance: f64, support: f64) -> (f64, f64) {
    let n = if variance > VARIANCE_MIN {
        p * (1.0 - p) / variance
    } else {
        support
    };
    let n = n.max(f64::MIN_POSITIVE);
    let centre = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).max(0.0).sqrt();
    (
        (centre - half).max(0.0).min(p),
        (centre + half).min(1.0).max(p),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin() -> (Diagram, Observations) {
        let mut diagram = Diagram::new();
        diagram.cause("x", "y").expect("acyclic");
        let mut observations = Observations::new();
        for (x, y, weight) in [
            ("a", "1", 30.0),
            ("a", "0", 70.0),
            ("b", "1", 5.0),
            ("b", "0", 15.0),
        ] {
            observations
                .add(&diagram, &[("x", x), ("y", y)], weight)
                .expect("known variables");
        }
        (diagram, observations)
    }

    /// A plain conditional proportion has the plain Wilson interval of its own observations.
    #[test]
    fn a_proportion_has_wilsons_interval() {
        let (diagram, observations) = coin();
        let quantity = Quantity {
            terms: vec![Term {
                coefficient: 1.0,
                estimand: Estimand::probability(Set::one(1), Set::one(0)),
                at: vec![(0, 0), (1, 0)],
            }],
            proportion_given: Some(vec![(0, 0)]),
            ..Quantity::default()
        };
        let found = observations.estimate(&quantity, &diagram).expect("support");
        let (low, high) = found.interval.expect("few cells");
        assert_eq!((found.value, found.count), (0.3, 120.0));
        // 30 of 100.
        assert!(
            (low - 0.21895).abs() < 1e-4 && (high - 0.39585).abs() < 1e-4,
            "{low} {high}"
        );
    }

    #[test]
    fn observations_are_checked() {
        let (diagram, mut observations) = coin();
        assert!(observations.add(&diagram, &[("z", "1")], 1.0).is_err());
        assert!(
            observations
                .add(&diagram, &[("x", "c"), ("x", "a")], 1.0)
                .is_err()
        );
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(observations.add(&diagram, &[("x", "c")], weight).is_err());
        }
        assert_eq!(observations.levels(0), ["a", "b"]);
        let unknown = observations
            .level(&diagram, 0, "c")
            .expect_err("never seen")
            .to_string();
        assert_eq!(unknown, "x was never observed as \"c\"; it was a, b");
    }

    #[test]
    fn no_support_says_of_what() {
        let (diagram, mut observations) = coin();
        observations
            .add(&diagram, &[("x", "c")], 1.0)
            .expect("known variable");
        let estimand = Estimand::probability(Set::one(1), Set::one(0));
        assert_eq!(
            observations.evaluate(&estimand, &[(0, 2), (1, 0)], &diagram),
            Err(CausalError::NoSupport("P(y | x=c)".to_owned()))
        );
    }
}
