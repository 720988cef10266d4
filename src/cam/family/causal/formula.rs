//! Formulas as SQL over `observations`.
//!
//! The observations of a formula's variables become `cells`, a column a variable, with how many cells there are and what
//! they weigh together. `shifted` has them as they are (j = 0), and for the interval twice more for each cell r, with its
//! weight a little greater (j = 2r − 1) and a little less (2r); a formula's subqueries keep j, so that one aggregate over all
//! j answers its value and how it moves. A table is planned again wherever it is named, so each is named as seldom as can
//! be: once a factor of a formula, and once for all j.

use super::super::super::call::{Call, quoted};
use super::stored::within_sql;
use crate::mind::causal::diagram::Set;
use crate::mind::causal::effect::Model;
use crate::mind::causal::estimand::Estimand;
use crate::mind::causal::observations::{Quantity, STEP, Term, VARIANCE_MIN, Z};

/// Writes the quantities of a model.
pub struct Writer<'m> {
    pub call: &'m Call<'m>,
    pub model: &'m Model<'m>,
}

fn column(variable: usize) -> String {
    format!("v{variable}")
}

/// Columns of variables, each behind `before`.
fn columns(set: Set, before: &str) -> String {
    set.iter()
        .map(|variable| format!("{before}{}", column(variable)))
        .collect()
}

fn all_known(set: Set) -> String {
    let known = set
        .iter()
        .map(|variable| format!("{} IS NOT NULL", column(variable)));
    let known: Vec<_> = known.collect();
    match known.is_empty() {
        true => "true".to_owned(),
        false => known.join(" AND "),
    }
}

impl Writer<'_> {
    /// `WITH` the quantities as `q0`, `q1`, …, each one row of value, interval_low, interval_high and count.
    pub fn with(&self, quantities: &[&Quantity]) -> String {
        let tables: Vec<_> = quantities
            .iter()
            .enumerate()
            .flat_map(|(k, quantity)| self.quantity(k, quantity))
            .collect();
        format!("WITH {}", tables.join(",\n"))
    }

    /// A variable's value.
    fn is(&self, &(variable, level): &(usize, usize)) -> String {
        let value = &self.model.observations().levels(variable)[level];
        format!("{} = {}", column(variable), quoted(value))
    }

    fn are(&self, at: impl Iterator<Item = (usize, usize)>) -> String {
        let all: Vec<_> = at.map(|one| self.is(&one)).collect();
        match all.is_empty() {
            true => "true".to_owned(),
            false => all.join(" AND "),
        }
    }

    fn quantity(&self, k: usize, quantity: &Quantity) -> Vec<String> {
        let variables = quantity.mentioned();
        let has_interval = self.model.observations().has_interval(quantity);
        let names: Vec<_> = variables
            .iter()
            .map(|variable| quoted(self.model.diagram().name(variable)))
            .collect();
        let values: String = variables
            .iter()
            .zip(&names)
            .map(|(variable, name)| {
                let column = column(variable);
                format!("max(CASE WHEN variable = {name} THEN value END) AS {column}, ")
            })
            .collect();
        let list = columns(variables, ", ");
        let bare = list.trim_start_matches(", ");
        let complete = all_known(variables);
        let given = quantity.proportion_given.iter().flatten().copied();
        let given = given.filter(|(variable, _)| variables.contains(*variable));
        // A window function with a condition that is true is none that can be planned.
        let given = std::iter::once(complete.clone())
            .chain(given.map(|one| self.is(&one)))
            .collect::<Vec<_>>()
            .join(" AND ");
        let weight =
            |condition: &str| format!("sum(CASE WHEN {condition} THEN w ELSE 0.0 END) OVER ()");
        let support = match given == complete {
            true => "count AS support",
            false => "support",
        };
        let mut tables = vec![format!(
            "cells{k} AS (SELECT w{list}, CAST(row_number() OVER (ORDER BY {bare}) AS BIGINT) AS r, count(*) OVER () AS cells, \
             {} AS count{} FROM (SELECT sum(w) AS w{list} FROM (SELECT id, {values}max(weight) AS w \
             FROM observations WHERE variable IN ({}) AND {} GROUP BY id) GROUP BY {bare}))",
            weight(&complete),
            match given == complete {
                true => String::new(),
                false => format!(", {} AS support", weight(&given)),
            },
            names.join(", "),
            within_sql(self.call)
        )];
        // Of each cell the j at which it is moved; the first has j = 0 as well.
        let (moves, shifted) = match has_interval {
            true => (
                format!(
                    "SELECT unnest(CASE WHEN r = 1 THEN make_array(CAST(0 AS BIGINT), 1, 2) ELSE make_array(2 * r - 1, 2 * r) END) \
                     AS j, w, count, {support} FROM cells{k}"
                ),
                format!(
                    "SELECT j{list}, w * CASE WHEN j = 2 * r - 1 THEN {:?} WHEN j = 2 * r THEN {:?} ELSE 1.0 END AS w \
                     FROM (SELECT w{list}, r, unnest(range(0, 2 * cells + 1)) AS j FROM cells{k})",
                    1.0 + STEP,
                    1.0 - STEP
                ),
            ),
            false => (
                format!(
                    "SELECT CAST(0 AS BIGINT) AS j, w, count, {support} FROM cells{k} WHERE r = 1"
                ),
                format!("SELECT CAST(0 AS BIGINT) AS j{list}, w FROM cells{k}"),
            ),
        };
        tables.push(format!("moves{k} AS ({moves})"));
        tables.push(format!("shifted{k} AS ({shifted})"));
        let mut joined = String::new();
        let mut sum_of = |terms: &[Term], name: &str| {
            let mut sum = Vec::new();
            for (at, term) in terms.iter().enumerate() {
                let alias = format!("{name}{at}");
                // A combination of values that never occurred has none of it.
                joined += &format!(
                    " LEFT JOIN ({}) {alias} ON {alias}.j = m.j",
                    self.term(k, term)
                );
                sum.push(format!(
                    "({:?}) * coalesce({alias}.p, 0.0)",
                    term.coefficient
                ));
            }
            sum.join(" + ")
        };
        let sum = sum_of(&quantity.terms, "t");
        let divisor = sum_of(&quantity.divisor, "d");
        let sum = match sum.is_empty() {
            true => "0.0".to_owned(),
            false => sum,
        };
        let divided = match divisor.is_empty() {
            true => String::new(),
            false => format!(" / ({divisor})"),
        };
        tables.push(format!(
            "values{k} AS (SELECT m.j AS j, m.w AS w, m.count AS count, m.support AS support, \
             (({:?}) + {sum}){divided} AS v FROM moves{k} m{joined})",
            quantity.constant
        ));
        tables.push(Self::answer(k, quantity, has_interval));
        tables
    }

    /// A row of value, interval and count.
    fn answer(k: usize, quantity: &Quantity, has_interval: bool) -> String {
        if !has_interval {
            return format!(
                "q{k} AS (SELECT v AS value, CAST(NULL AS DOUBLE) AS interval_low, CAST(NULL AS DOUBLE) AS interval_high, \
                 count FROM values{k})"
            );
        }
        // By cell: how the value moves with its weight. The cell 0 is the value as it is.
        let slopes = format!(
            "SELECT max(CASE WHEN j = 0 THEN v END) AS v, max(w) AS w, max(count) AS count, max(support) AS support, \
             (max(CASE WHEN j = 2 * r - 1 THEN v END) - max(CASE WHEN j = 2 * r AND j > 0 THEN v END)) / ({:?} * max(w)) AS slope \
             FROM (SELECT *, (j + 1) / 2 AS r FROM values{k}) GROUP BY r",
            2.0 * STEP
        );
        let known = format!(
            "SELECT max(v) AS v, coalesce(sum(w * slope * slope), 0.0) AS s, max(count) AS count, max(support) AS support \
             FROM ({slopes})"
        );
        if quantity.proportion_given.is_none() {
            return format!(
                "q{k} AS (SELECT v AS value, v - {Z:?} * sqrt(s) AS interval_low, v + {Z:?} * sqrt(s) AS interval_high, count \
                 FROM ({known}))"
            );
        }
        // Wilson's score interval of p with z, of n observations.
        let zz = Z * Z;
        format!(
            "q{k} AS (SELECT p AS value, least(greatest(centre - half, 0.0), p) AS interval_low, \
             greatest(least(centre + half, 1.0), p) AS interval_high, count FROM (SELECT p, count, \
             (p + {zz:?} / (2.0 * n)) / (1.0 + {zz:?} / n) AS centre, {Z:?} / (1.0 + {zz:?} / n) * \
             sqrt(greatest(p * (1.0 - p) / n + {zz:?} / (4.0 * n * n), 0.0)) AS half FROM (SELECT v AS p, count, \
             greatest(CASE WHEN s > {VARIANCE_MIN:e} THEN v * (1.0 - v) / s ELSE support END, {:e}) AS n FROM ({known}))))",
            f64::MIN_POSITIVE
        )
    }

    /// A term without its coefficient, for every j where it has a value.
    fn term(&self, k: usize, term: &Term) -> String {
        let fixed: Set = term.at.iter().map(|&(variable, _)| variable).collect();
        let free = term.estimand.free();
        let at = term
            .at
            .iter()
            .copied()
            .filter(|(variable, _)| free.contains(*variable));
        let rest = free.minus(fixed);
        let found = format!(
            "SELECT j, p{} FROM ({}) WHERE {}",
            columns(rest, ", "),
            self.estimand(k, &term.estimand),
            self.are(at)
        );
        // What a formula does not depend on in truth has its first value.
        match rest.is_empty() {
            true => found,
            false => format!(
                "SELECT j, p FROM (SELECT j, p, row_number() OVER (PARTITION BY j ORDER BY {}) AS n FROM ({found})) \
                 WHERE n = 1",
                columns(rest, ", ").trim_start_matches(", ")
            ),
        }
    }

    /// A formula: a row for every j and every combination of its variables' values that occurred, with p.
    fn estimand(&self, k: usize, estimand: &Estimand) -> String {
        let divided = |from: &str, of: Set, given: Set, value: &str| {
            format!(
                "SELECT j{}, {value} / sum({value}) OVER (PARTITION BY j{}) AS p FROM ({from})",
                columns(of.union(given), ", "),
                columns(given, ", ")
            )
        };
        let summed = |from: &str, rest: Set| {
            let rest = columns(rest, ", ");
            format!("SELECT j{rest}, sum(p) AS p FROM ({from}) GROUP BY j{rest}")
        };
        match estimand {
            Estimand::Probability { of, given } => {
                let both = of.union(*given);
                let list = columns(both, ", ");
                let weights = format!(
                    "SELECT j{list}, sum(w) AS w FROM shifted{k} WHERE {} GROUP BY j{list}",
                    all_known(both)
                );
                divided(&weights, *of, *given, "w")
            }
            Estimand::Sum { over, of } => summed(&self.estimand(k, of), of.free().minus(*over)),
            Estimand::Product(factors) => self.product(k, factors),
            Estimand::Conditional { of, rest, within } => {
                let left = within.free().minus(*rest);
                let top = summed(&self.estimand(k, within), left);
                divided(&top, *of, left.minus(*of), "p")
            }
            Estimand::At {
                variable,
                level,
                of,
            } => {
                let condition = match of.free().contains(*variable) {
                    true => self.is(&(*variable, *level)),
                    false => "true".to_owned(),
                };
                format!(
                    "SELECT j{}, p FROM ({}) WHERE {condition}",
                    columns(estimand.free(), ", "),
                    self.estimand(k, of)
                )
            }
        }
    }

    fn product(&self, k: usize, factors: &[Estimand]) -> String {
        let mut product = (format!("SELECT j, 1.0 AS p FROM moves{k}"), Set::EMPTY);
        for (at, factor) in factors.iter().enumerate() {
            let (one, free) = (self.estimand(k, factor), factor.free());
            if at == 0 {
                product = (one, free);
                continue;
            }
            let (left, known) = product;
            let shared = known.intersection(free);
            let same: String = shared
                .iter()
                .map(|variable| format!(" AND a.{0} = b.{0}", column(variable)))
                .collect();
            let list: String = known
                .union(free)
                .iter()
                .map(|variable| {
                    let side = if known.contains(variable) { "a" } else { "b" };
                    format!(", {side}.{0} AS {0}", column(variable))
                })
                .collect();
            product = (
                format!(
                    "SELECT a.j AS j{list}, a.p * b.p AS p FROM ({left}) a JOIN ({one}) b ON a.j = b.j{same}"
                ),
                known.union(free),
            );
        }
        product.0
    }
}
