//! What a statement does, step by step: variables are slots of a row, names are resolved, order is chosen.
//!
//! A query is a list of stages. The steps of a stage are nested loops over one row, which each fills slots of and
//! hands on; its end takes the rows that come out, writes or projects, and gives the next stage its rows.

use std::sync::Arc;

use super::ast::{Comparison, Direction, Mode, Operator, Quantifier};
use super::functions::Function;
use super::functions::aggregate::AggregateFunction;
use super::procedures::Procedure;
use super::value::Value;

/// The number of a slot.
pub type Slot = usize;

/// A statement, ready to run.
#[derive(Debug)]
pub struct Plan {
    /// Whether its plan is asked for.
    pub mode: Mode,
    /// The queries that a UNION combines.
    pub queries: Vec<Query>,
    /// Whether rows that are equal count once.
    pub is_distinct: bool,
    /// The names of the result's columns; none if there is no result.
    pub columns: Vec<Arc<str>>,
    /// Whether it changes anything.
    pub writes: bool,
    /// Whether it reads fingerprints.
    pub reads_fingerprints: bool,
    /// How many steps there are, for profiles.
    pub steps: usize,
}

/// A query between UNIONs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// How many slots a row has.
    pub width: usize,
    /// What is done.
    pub stages: Vec<Stage>,
}

/// Loops, and what becomes of their rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    pub steps: Vec<Step>,
    pub end: End,
    /// Its number, for profiles.
    pub id: usize,
}

/// What becomes of a stage's rows.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Each is written with; the next stage gets them with what the writing bound.
    Write(Write),
    /// They are projected; the next stage, or the result, gets the projections.
    Project(Projection),
    /// They are the result of a query that returns nothing.
    Drain,
}

/// A step and its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub op: Op,
    pub id: usize,
    /// Whether nobody reads its rows, and only how many they are is wanted.
    pub is_counted: bool,
}

/// Along which relationships a step goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Along {
    /// Any of these types; any at all if empty.
    pub types: Vec<Arc<str>>,
    pub direction: Direction,
    /// Slots of relationships that it must not be, alone or in lists.
    pub unique: Vec<Slot>,
}

impl Along {
    /// The same, from the other end.
    pub fn reversed(&self) -> Self {
        Self {
            direction: self.direction.opposite(),
            ..self.clone()
        }
    }
}

/// A way from a node that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub from: Slot,
    pub relationship: Slot,
    pub along: Along,
}

/// What a step does to a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Every node with the labels.
    Nodes { slot: Slot, labels: Vec<Arc<str>> },
    /// The node with an id.
    NodeById {
        slot: Slot,
        id: Expr,
        labels: Vec<Arc<str>>,
    },
    /// Nodes with the labels and a property.
    NodesByProperty {
        slot: Slot,
        labels: Vec<Arc<str>>,
        key: Arc<str>,
        value: Expr,
    },
    /// Only rows whose slot holds a node with the labels.
    CheckNode { slot: Slot, labels: Vec<Arc<str>> },
    /// From a node to its neighbours.
    Expand {
        from: Slot,
        relationship: Slot,
        to: Slot,
        along: Along,
        labels: Vec<Arc<str>>,
        /// Whether `to` is known already.
        is_into: bool,
    },
    /// From several nodes to the neighbours that all of them have.
    Intersect {
        to: Slot,
        labels: Vec<Arc<str>>,
        /// At least two, each with a direction and types.
        legs: Vec<Leg>,
    },
    /// From a relationship that is known to its ends.
    Ends {
        relationship: Slot,
        left: Slot,
        right: Slot,
        is_left_bound: bool,
        is_right_bound: bool,
        along: Along,
    },
    /// From a node over a number of relationships.
    ExpandVariable {
        from: Slot,
        relationships: Slot,
        to: Slot,
        along: Along,
        labels: Vec<Arc<str>>,
        least: usize,
        most: usize,
        /// What each relationship must have.
        properties: Vec<(Arc<str>, Expr)>,
        is_into: bool,
        /// Whether the list of relationships is known already.
        is_following: bool,
        /// Whether the list is turned round, because the pattern is read from its end.
        is_reversed: bool,
        /// Whether only the nodes at the ends are wanted, each once, not the ways to them.
        is_pruning: bool,
    },
    /// The shortest paths between two nodes.
    ShortestPaths {
        from: Slot,
        to: Slot,
        relationships: Slot,
        along: Along,
        least: usize,
        most: usize,
        properties: Vec<(Arc<str>, Expr)>,
        is_all: bool,
    },
    /// Only rows for which a condition is true.
    Filter(Expr),
    /// A slot gets a value.
    Let { slot: Slot, value: Expr },
    /// A row for each element of a list.
    Unwind { slot: Slot, list: Expr },
    /// The rows of some steps, or one with nulls.
    Optional { steps: Vec<Step>, nulls: Vec<Slot> },
    /// A row for each that a procedure yields.
    Call {
        procedure: Arc<Procedure>,
        arguments: Vec<Expr>,
        /// Which columns go to which slots.
        outputs: Vec<(usize, Slot)>,
    },
}

/// What WITH and RETURN do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Projection {
    /// Values that go to slots; of an aggregation, the keys that group.
    pub items: Vec<(Expr, Slot)>,
    /// What is aggregated, if it is an aggregation.
    pub aggregation: Option<Aggregation>,
    pub is_distinct: bool,
    /// What rows are ordered by, and whether descending.
    pub order: Vec<(Expr, bool)>,
    pub skip: Option<Expr>,
    pub limit: Option<Expr>,
    /// The slots that are left, in the order of the columns.
    pub columns: Vec<Slot>,
}

impl Projection {
    /// Whether it makes of rows what it makes of the set of them.
    pub fn is_of_set(&self) -> bool {
        let is_of_set = |aggregate: &Aggregate| {
            aggregate.is_distinct
                || matches!(
                    aggregate.function,
                    AggregateFunction::Least | AggregateFunction::Greatest
                )
        };
        match &self.aggregation {
            Some(aggregation) => aggregation.aggregates.iter().all(is_of_set),
            None => self.is_distinct,
        }
    }

    /// Shows its expressions.
    fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        self.items.iter().for_each(|(value, _)| f(value));
        self.order.iter().for_each(|(value, _)| f(value));
        self.skip.iter().chain(&self.limit).for_each(&mut *f);
        if let Some(aggregation) = &self.aggregation {
            let arguments = aggregation.aggregates.iter().flat_map(|a| &a.arguments);
            arguments.for_each(&mut *f);
            aggregation.items.iter().for_each(|(value, _)| f(value));
        }
    }

    /// The slots that it reads.
    pub fn slots(&self, slots: &mut Vec<Slot>) {
        self.visit(&mut |expr| expr.slots(slots));
        slots.extend(&self.columns);
    }
}

/// What a projection aggregates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aggregation {
    pub aggregates: Vec<Aggregate>,
    /// Values of what was aggregated.
    pub items: Vec<(Expr, Slot)>,
}

/// An aggregating function.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    pub is_distinct: bool,
    pub arguments: Vec<Expr>,
    pub slot: Slot,
}

/// What is written for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Create(Creation),
    Merge {
        steps: Vec<Step>,
        creation: Creation,
        on_create: Vec<Set>,
        on_match: Vec<Set>,
    },
    Set(Vec<Set>),
    Delete {
        targets: Vec<Expr>,
        is_detaching: bool,
    },
    Foreach {
        slot: Slot,
        list: Expr,
        writes: Vec<Write>,
    },
}

/// Nodes and relationships to make, in order, and the paths that they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Creation {
    pub elements: Vec<Element>,
    pub paths: Vec<(Expr, Slot)>,
}

/// A node or a relationship to make.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    Node {
        slot: Slot,
        labels: Vec<Arc<str>>,
        properties: Option<Expr>,
    },
    Relationship {
        slot: Slot,
        from: Slot,
        to: Slot,
        kind: Arc<str>,
        properties: Option<Expr>,
    },
}

/// A change of a node or relationship.
#[derive(Clone, Debug, PartialEq)]
pub enum Set {
    Property {
        target: Expr,
        key: Arc<str>,
        value: Expr,
    },
    All {
        slot: Slot,
        value: Expr,
        is_added: bool,
    },
    Labels {
        slot: Slot,
        labels: Vec<Arc<str>>,
    },
    NoLabels {
        slot: Slot,
        labels: Vec<Arc<str>>,
    },
}

/// An expression over a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    Constant(Value),
    /// A value that came with the statement.
    Parameter(Value),
    Slot(Slot),
    Property(Box<Expr>, Arc<str>),
    Labels(Box<Expr>, Vec<Arc<str>>),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Option<Box<Expr>>, Option<Box<Expr>>),
    List(Vec<Expr>),
    Map(Vec<(Arc<str>, Expr)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    IsNull(Box<Expr>),
    IsNotNull(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Case {
        subject: Option<Box<Expr>>,
        arms: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Call(&'static Function, Vec<Expr>),
    ListComprehension {
        slot: Slot,
        list: Box<Expr>,
        filter: Option<Box<Expr>>,
        map: Option<Box<Expr>>,
    },
    Quantified {
        quantifier: Quantifier,
        slot: Slot,
        list: Box<Expr>,
        filter: Box<Expr>,
    },
    Reduce {
        accumulator: Slot,
        start: Box<Expr>,
        slot: Slot,
        list: Box<Expr>,
        step: Box<Expr>,
    },
    /// The values of an expression for each row of some steps.
    Collect {
        steps: Vec<Step>,
        value: Box<Expr>,
    },
    /// The value of an expression for the first row of some steps, or null.
    First {
        steps: Vec<Step>,
        value: Box<Expr>,
    },
    /// Whether some steps have a row.
    Exists(Vec<Step>),
    /// Whether a query has a row.
    ExistsQuery(Box<Query>),
    /// The path through the nodes and relationships of slots.
    Path(Vec<Slot>),
}

impl Expr {
    /// Shows the expressions directly below, and those of steps below.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match self {
            Self::Constant(_) | Self::Parameter(_) | Self::Slot(_) | Self::Path(_) => {}
            Self::Property(of, _)
            | Self::Labels(of, _)
            | Self::Not(of)
            | Self::Negate(of)
            | Self::Plus(of)
            | Self::IsNull(of)
            | Self::IsNotNull(of) => f(of),
            Self::Index(a, b)
            | Self::Xor(a, b)
            | Self::Binary(_, a, b)
            | Self::Compare(_, a, b) => {
                f(a);
                f(b);
            }
            Self::Slice(of, from, to) => {
                f(of);
                from.iter().chain(to).for_each(|e| f(e));
            }
            Self::List(items) | Self::And(items) | Self::Or(items) | Self::Call(_, items) => {
                items.iter().for_each(f);
            }
            Self::Map(entries) => entries.iter().for_each(|(_, value)| f(value)),
            Self::Case {
                subject,
                arms,
                otherwise,
            } => {
                subject.iter().for_each(|e| f(e));
                for (when, then) in arms {
                    f(when);
                    f(then);
                }
                otherwise.iter().for_each(|e| f(e));
            }
            Self::ListComprehension {
                list, filter, map, ..
            } => {
                f(list);
                filter.iter().chain(map).for_each(|e| f(e));
            }
            Self::Quantified { list, filter, .. } => {
                f(list);
                f(filter);
            }
            Self::Reduce {
                start, list, step, ..
            } => {
                f(start);
                f(list);
                f(step);
            }
            Self::Collect { steps, value } | Self::First { steps, value } => {
                steps.iter().for_each(|step| step.visit(f));
                f(value);
            }
            Self::Exists(steps) => steps.iter().for_each(|step| step.visit(f)),
            Self::ExistsQuery(query) => query.visit(f),
        }
    }

    /// The same, to be changed; not those of steps.
    pub fn visit_mut(&mut self, f: &mut dyn FnMut(&mut Expr)) {
        match self {
            Self::Constant(_)
            | Self::Parameter(_)
            | Self::Slot(_)
            | Self::Path(_)
            | Self::Collect { .. }
            | Self::First { .. }
            | Self::Exists(_)
            | Self::ExistsQuery(_) => {}
            Self::Property(of, _)
            | Self::Labels(of, _)
            | Self::Not(of)
            | Self::Negate(of)
            | Self::Plus(of)
            | Self::IsNull(of)
            | Self::IsNotNull(of) => f(of),
            Self::Index(a, b)
            | Self::Xor(a, b)
            | Self::Binary(_, a, b)
            | Self::Compare(_, a, b) => {
                f(a);
                f(b);
            }
            Self::Slice(of, from, to) => {
                f(of);
                from.iter_mut().chain(to).for_each(|e| f(e));
            }
            Self::List(items) | Self::And(items) | Self::Or(items) | Self::Call(_, items) => {
                items.iter_mut().for_each(f);
            }
            Self::Map(entries) => entries.iter_mut().for_each(|(_, value)| f(value)),
            Self::Case {
                subject,
                arms,
                otherwise,
            } => {
                subject.iter_mut().for_each(|e| f(e));
                for (when, then) in arms {
                    f(when);
                    f(then);
                }
                otherwise.iter_mut().for_each(|e| f(e));
            }
            Self::ListComprehension {
                list, filter, map, ..
            } => {
                f(list);
                filter.iter_mut().chain(map).for_each(|e| f(e));
            }
            Self::Quantified { list, filter, .. } => {
                f(list);
                f(filter);
            }
            Self::Reduce {
                start, list, step, ..
            } => {
                f(start);
                f(list);
                f(step);
            }
        }
    }

    /// The slots that it reads, its own variables included.
    pub fn slots(&self, slots: &mut Vec<Slot>) {
        match self {
            Self::Slot(slot) => slots.push(*slot),
            Self::Path(parts) => slots.extend(parts),
            Self::Collect { steps, .. } | Self::First { steps, .. } | Self::Exists(steps) => {
                steps.iter().for_each(|step| step.slots(slots));
            }
            Self::ExistsQuery(query) => query.stages.iter().for_each(|stage| {
                stage.steps.iter().for_each(|step| step.slots(slots));
            }),
            _ => {}
        }
        self.visit(&mut |child| child.slots(slots));
    }
}

impl Step {
    /// Shows its expressions.
    pub fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        match &self.op {
            Op::Nodes { .. }
            | Op::CheckNode { .. }
            | Op::Expand { .. }
            | Op::Intersect { .. }
            | Op::Ends { .. } => {}
            Op::NodeById { id: e, .. }
            | Op::NodesByProperty { value: e, .. }
            | Op::Filter(e)
            | Op::Let { value: e, .. }
            | Op::Unwind { list: e, .. } => f(e),
            Op::ExpandVariable { properties, .. } | Op::ShortestPaths { properties, .. } => {
                properties.iter().for_each(|(_, value)| f(value));
            }
            Op::Optional { steps, .. } => steps.iter().for_each(|step| step.visit(f)),
            Op::Call { arguments, .. } => arguments.iter().for_each(f),
        }
    }

    /// The slots of relationships that it must not go along.
    pub fn unique(&self, slots: &mut Vec<Slot>) {
        match &self.op {
            Op::Expand { along, .. }
            | Op::Ends { along, .. }
            | Op::ExpandVariable { along, .. }
            | Op::ShortestPaths { along, .. } => slots.extend(&along.unique),
            Op::Intersect { legs, .. } => {
                legs.iter().for_each(|leg| slots.extend(&leg.along.unique));
            }
            _ => {}
        }
    }

    /// The slots that it reads or fills, but for those of its expressions.
    pub fn slots(&self, slots: &mut Vec<Slot>) {
        match &self.op {
            Op::Nodes { slot, .. }
            | Op::NodeById { slot, .. }
            | Op::NodesByProperty { slot, .. }
            | Op::CheckNode { slot, .. }
            | Op::Let { slot, .. }
            | Op::Unwind { slot, .. } => slots.push(*slot),
            Op::Expand {
                from,
                relationship,
                to,
                ..
            } => slots.extend([from, relationship, to]),
            Op::Intersect { to, legs, .. } => {
                slots.push(*to);
                slots.extend(legs.iter().flat_map(|leg| [leg.from, leg.relationship]));
            }
            Op::Ends {
                relationship,
                left,
                right,
                ..
            } => slots.extend([relationship, left, right]),
            Op::ExpandVariable {
                from,
                relationships,
                to,
                ..
            }
            | Op::ShortestPaths {
                from,
                relationships,
                to,
                ..
            } => slots.extend([from, relationships, to]),
            Op::Filter(_) => {}
            Op::Optional { steps, .. } => steps.iter().for_each(|step| step.slots(slots)),
            Op::Call { outputs, .. } => slots.extend(outputs.iter().map(|(_, slot)| *slot)),
        }
    }
}

impl Query {
    fn visit<'a>(&'a self, f: &mut dyn FnMut(&'a Expr)) {
        for stage in &self.stages {
            stage.steps.iter().for_each(|step| step.visit(f));
            if let End::Project(projection) = &stage.end {
                projection.visit(f);
            }
        }
    }
}
