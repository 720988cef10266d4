//! What becomes of rows in WITH and RETURN: columns, groups, order, skipped and limited.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::super::error::{CypherError, ErrorType, Result};
use super::super::functions::aggregate::Accumulator;
use super::super::plan::{Aggregation, Expr, Projection};
use super::super::value::{Key, Text, Value};
use super::{Executor, Flow};

/// Takes rows, and gives what a projection makes of them.
pub(super) struct Projector<'p> {
    projection: &'p Projection,
    skip: usize,
    limit: usize,
    seen: HashSet<Key, RandomState>,
    groups: HashMap<Key, usize, RandomState>,
    /// Groups of keys that are one text, by where that lies.
    recent: Vec<Option<(Text, usize)>>,
    /// The keys of a row.
    keys: Key,
    /// The keys of each group, and what is gathered of it, in the order in which they came.
    gathered: Vec<(Vec<Value>, Vec<Accumulator>)>,
    /// Columns, and what they are ordered by.
    rows: Vec<(Vec<Value>, Vec<Value>)>,
}

/// Texts whose groups are remembered.
const RECENT: usize = 256;

/// Where a text is remembered.
fn place(text: &Text) -> usize {
    let address = Arc::as_ptr(&text.0).addr();
    (address >> 4 ^ address >> 12) % RECENT
}

/// Rows beyond those that are wanted at which an ordered list is cut.
const ROWS_BEYOND_LIMIT: usize = 4096;

impl<'p> Projector<'p> {
    pub(super) fn new(
        executor: &Executor<'_, '_>,
        projection: &'p Projection,
        frame: &mut [Value],
    ) -> Result<Self> {
        let count = |expr: Option<&Expr>, frame: &mut [Value]| match expr {
            Some(expr) => row_count(&executor.eval(expr, frame)?).map(Some),
            None => Ok(None),
        };
        Ok(Self {
            projection,
            skip: count(projection.skip.as_ref(), frame)?.unwrap_or(0),
            limit: count(projection.limit.as_ref(), frame)?.unwrap_or(usize::MAX),
            seen: HashSet::default(),
            groups: HashMap::default(),
            recent: Vec::new(),
            keys: Key(Vec::new()),
            gathered: Vec::new(),
            rows: Vec::new(),
        })
    }

    /// How many rows are needed before some are skipped.
    fn wanted(&self) -> usize {
        self.skip.saturating_add(self.limit)
    }

    pub(super) fn accept(
        &mut self,
        executor: &Executor<'_, '_>,
        row: &mut [Value],
    ) -> Result<Flow> {
        if let Some(aggregation) = &self.projection.aggregation {
            return self.gather(executor, aggregation, row);
        }
        if self.limit == 0 {
            return Ok(Flow::Break(()));
        }
        for (value, slot) in &self.projection.items {
            row[*slot] = executor.eval(value, row)?;
        }
        self.take(executor, row)
    }

    /// A row whose columns are in their slots.
    fn take(&mut self, executor: &Executor<'_, '_>, row: &mut [Value]) -> Result<Flow> {
        let columns: Vec<Value> = self
            .projection
            .columns
            .iter()
            .map(|slot| row[*slot].clone())
            .collect();
        if self.projection.is_distinct && !self.seen.insert(Key(columns.clone())) {
            return Ok(Flow::Continue(()));
        }
        let order = self
            .projection
            .order
            .iter()
            .map(|(key, _)| executor.eval(key, row));
        let order: Vec<Value> = order.collect::<Result<_>>()?;
        executor.hold(&columns)?;
        executor.hold(&order)?;
        self.rows.push((columns, order));
        executor.check_result_rows(self.rows.len())?;
        let wanted = self.wanted();
        match self.projection.order.is_empty() {
            true if self.rows.len() >= wanted => Ok(Flow::Break(())),
            false
                if self.rows.len()
                    >= wanted.saturating_mul(2).saturating_add(ROWS_BEYOND_LIMIT) =>
            {
                self.sort();
                self.rows.truncate(wanted);
                Ok(Flow::Continue(()))
            }
            _ => Ok(Flow::Continue(())),
        }
    }

    fn sort(&mut self) {
        let order = &self.projection.order;
        self.rows.sort_by(|(_, a), (_, b)| {
            let keys = a.iter().zip(b).zip(order);
            let unequal = keys.map(|((a, b), (_, is_descending))| match is_descending {
                true => b.order(a),
                false => a.order(b),
            });
            unequal
                .into_iter()
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        });
    }

    fn gather(
        &mut self,
        executor: &Executor<'_, '_>,
        aggregation: &Aggregation,
        row: &mut [Value],
    ) -> Result<Flow> {
        // What is evaluated below has rows of its own.
        let row_count = executor.row_count.replace(1);
        self.keys.0.clear();
        for (value, _) in &self.projection.items {
            self.keys.0.push(executor.eval(value, row)?);
        }
        let recent = self.recent_group();
        let group = match (recent, self.projection.items.is_empty()) {
            (Some(group), _) => group,
            (None, true) if !self.gathered.is_empty() => 0,
            _ => match self.groups.get(&self.keys) {
                Some(group) => *group,
                None => {
                    executor.hold(&self.keys.0)?;
                    let keys = self.keys.0.clone();
                    self.gathered.push((keys, accumulators(aggregation)));
                    let group = self.gathered.len() - 1;
                    self.groups.insert(self.keys.clone(), group);
                    group
                }
            },
        };
        if recent.is_none() {
            self.remember(group);
        }
        for (n, aggregate) in aggregation.aggregates.iter().enumerate() {
            let arguments = aggregate
                .arguments
                .iter()
                .map(|argument| executor.eval(argument, row));
            let arguments: Vec<Value> = arguments.collect::<Result<_>>()?;
            if aggregate.is_distinct || aggregate.function.keeps_values() {
                executor.hold(&arguments)?;
            }
            self.gathered[group].1[n].add(&arguments, row_count)?;
        }
        Ok(Flow::Continue(()))
    }

    /// The group of the keys, if they are a text that came just before: the index of a property has texts that are equal
    /// once, so that where they lie tells them apart.
    fn recent_group(&self) -> Option<usize> {
        let [Value::String(text)] = &self.keys.0[..] else {
            return None;
        };
        let (known, group) = self.recent.get(place(text))?.as_ref()?;
        Arc::ptr_eq(&known.0, &text.0).then_some(*group)
    }

    fn remember(&mut self, group: usize) {
        if let [Value::String(text)] = &self.keys.0[..] {
            self.recent.resize(RECENT, None);
            self.recent[place(text)] = Some((text.clone(), group));
        }
    }

    pub(super) fn finish(
        mut self,
        executor: &Executor<'_, '_>,
        frame: &[Value],
    ) -> Result<Vec<Vec<Value>>> {
        if let Some(aggregation) = &self.projection.aggregation {
            if self.gathered.is_empty() && self.projection.items.is_empty() {
                self.gathered.push((Vec::new(), accumulators(aggregation)));
            }
            let mut row = frame.to_vec();
            for (keys, gathered) in std::mem::take(&mut self.gathered) {
                for ((_, slot), key) in self.projection.items.iter().zip(keys) {
                    row[*slot] = key;
                }
                for (aggregate, gathered) in aggregation.aggregates.iter().zip(gathered) {
                    row[aggregate.slot] = gathered.finish()?;
                }
                for (value, slot) in &aggregation.items {
                    row[*slot] = executor.eval(value, &mut row)?;
                }
                if self.take(executor, &mut row)?.is_break() {
                    break;
                }
            }
        }
        if !self.projection.order.is_empty() {
            self.sort();
        }
        let rows = self.rows.into_iter().skip(self.skip).take(self.limit);
        Ok(rows.map(|(columns, _)| columns).collect())
    }
}

fn accumulators(aggregation: &Aggregation) -> Vec<Accumulator> {
    let aggregates = aggregation.aggregates.iter();
    aggregates
        .map(|aggregate| Accumulator::new(aggregate.function, aggregate.is_distinct))
        .collect()
}

/// The number of rows that SKIP or LIMIT says.
fn row_count(value: &Value) -> Result<usize> {
    let refused = |detail, message: String| {
        Err(CypherError::runtime(
            ErrorType::SyntaxError,
            detail,
            message,
        ))
    };
    match value {
        Value::Integer(n) => match usize::try_from(*n) {
            Ok(n) => Ok(n),
            Err(_) => refused(
                "NegativeIntegerArgument",
                format!("expected a number of rows that is not negative, got {n}"),
            ),
        },
        other => refused(
            "InvalidArgumentType",
            format!(
                "expected an integer as a number of rows, got {}",
                other.type_name()
            ),
        ),
    }
}
