//! In which order a pattern is matched: where it begins, along which relationships it goes on, and where its
//! conditions are asked, each as soon as what it speaks of is known.

use std::sync::Arc;

use super::ast::{Comparison, Direction, Shortest};
use super::census::Statistics;
use super::functions::aggregate::AggregateFunction;
use super::plan::{Along, Expr, Leg, Op, Projection, Slot, Step};

/// A pattern: nodes, relationships between them, paths through them, conditions on them.
#[derive(Debug, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub relationships: Vec<Relationship>,
    /// Slots of paths, and of what they go through.
    pub paths: Vec<(Slot, Vec<Slot>)>,
    pub conditions: Vec<Expr>,
    /// Slots from this on are the pattern's own; those before are known.
    pub first_new: Slot,
}

/// A node of a pattern.
#[derive(Debug)]
pub struct Node {
    pub slot: Slot,
    pub labels: Vec<Arc<str>>,
    /// Whether it is known before the pattern is matched.
    pub is_bound: bool,
}

/// A relationship of a pattern, from the node on its left to that on its right.
#[derive(Debug)]
pub struct Relationship {
    pub slot: Slot,
    pub left: usize,
    pub right: usize,
    pub types: Vec<Arc<str>>,
    pub direction: Direction,
    /// Fewest and most steps, of variable length.
    pub range: Option<(usize, usize)>,
    /// What each relationship of variable length must have.
    pub properties: Vec<(Arc<str>, Expr)>,
    pub is_bound: bool,
    pub shortest: Shortest,
}

/// What is not counted, but thought, of ways to begin and to go on: rows that come of a row.
mod rows {
    /// Nodes with one id: fewer than anything else that is counted.
    pub const ID: f64 = 0.0;
    /// Nodes with one name.
    pub const NAME: f64 = 1.0;
    /// Nodes with one value of a property.
    pub const PROPERTY: f64 = 10.0;
    /// Of nodes, those that have one value of a property.
    pub const PROPERTY_SHARE: f64 = 0.1;
    /// Of relationships of variable length, so many for one of fixed length.
    pub const VARIABLE: f64 = 20.0;
    /// So many times fewer they are to be, before they are looked for in another order than that of the text.
    pub const FEWER: f64 = 2.0;
}

/// The steps that match a pattern.
pub fn order(graph: Graph, statistics: &dyn Statistics) -> Vec<Op> {
    let mut ordering = Ordering {
        statistics,
        is_known: graph.nodes.iter().map(|node| node.is_bound).collect(),
        is_done: vec![false; graph.relationships.len()],
        known: Vec::new(),
        unique: Vec::new(),
        ops: Vec::new(),
        conditions: graph.conditions,
        nodes: graph.nodes,
        relationships: graph.relationships,
        paths: graph.paths.iter().map(|(slot, _)| *slot).collect(),
        first_new: graph.first_new,
    };
    ordering.run();
    for (slot, parts) in graph.paths {
        let value = Expr::Path(parts);
        ordering.ops.push(Op::Let { slot, value });
        ordering.know(slot);
    }
    ordering.ask(true);
    intersect(ordering.ops)
}

/// Makes of a step to a new node, and steps between it and others that are known, one that looks for common neighbours.
fn intersect(ops: Vec<Op>) -> Vec<Op> {
    let mut out: Vec<Op> = Vec::with_capacity(ops.len());
    for op in ops {
        let fused = match out.last_mut() {
            Some(Op::Intersect { to, legs, .. }) => leg_into(&op, *to).map(|leg| legs.push(leg)),
            Some(last) => common(last, &op).map(|both| *last = both),
            None => None,
        };
        if fused.is_none() {
            out.push(op);
        }
    }
    out
}

/// The step that two are, of which the second goes between the new node of the first and another one.
fn common(first: &Op, second: &Op) -> Option<Op> {
    let Op::Expand {
        from,
        relationship,
        to,
        along,
        labels,
        is_into: false,
    } = first
    else {
        return None;
    };
    let legs = vec![
        leg(*from, *relationship, along.clone())?,
        leg_into(second, *to)?,
    ];
    Some(Op::Intersect {
        to: *to,
        labels: labels.clone(),
        legs,
    })
}

/// The way to a node from the other end of a step between two that are known.
fn leg_into(op: &Op, node: Slot) -> Option<Leg> {
    match op {
        Op::Expand {
            from,
            relationship,
            to,
            along,
            is_into: true,
            ..
        } if from != to => match (*from == node, *to == node) {
            (false, true) => leg(*from, *relationship, along.clone()),
            (true, false) => leg(*to, *relationship, along.reversed()),
            _ => None,
        },
        _ => None,
    }
}

/// A way of an intersection, whose relationships have a direction and types.
fn leg(from: Slot, relationship: Slot, along: Along) -> Option<Leg> {
    let is_narrow = along.direction != Direction::Either && !along.types.is_empty();
    is_narrow.then_some(Leg {
        from,
        relationship,
        along,
    })
}

/// Lets the last step only count its rows, where a projection counts and reads nothing of what the step fills.
pub fn count(steps: &mut [Step], projection: &mut Projection) {
    let Some((last, before)) = steps.split_last_mut() else {
        return;
    };
    let filled: Vec<Slot> = match &last.op {
        Op::Expand {
            relationship,
            to,
            is_into,
            ..
        } => match is_into {
            true => vec![*relationship],
            false => vec![*relationship, *to],
        },
        Op::Intersect { to, legs, .. } => {
            let relationships = legs.iter().map(|leg| leg.relationship);
            relationships.chain([*to]).collect()
        }
        _ => return,
    };
    let Some(aggregation) = &mut projection.aggregation else {
        return;
    };
    // What a step fills is never null, so to count it is to count rows.
    for aggregate in &mut aggregation.aggregates {
        let is_of_filled =
            matches!(&aggregate.arguments[..], [Expr::Slot(slot)] if filled.contains(slot));
        if aggregate.function == AggregateFunction::Count && !aggregate.is_distinct && is_of_filled
        {
            aggregate.function = AggregateFunction::CountAll;
            aggregate.arguments.clear();
        }
    }
    let mut aggregates = aggregation.aggregates.iter();
    if !aggregates.all(|aggregate| aggregate.function == AggregateFunction::CountAll) {
        return;
    }
    let mut read = Vec::new();
    projection.slots(&mut read);
    // What an earlier clause has bound may be filled anew: then the row before is not what it was.
    before.iter().for_each(|step| step.slots(&mut read));
    last.is_counted = !filled.iter().any(|slot| read.contains(slot));
}

/// Lets steps of variable length look for nodes instead of ways, where a projection makes of many equal rows what it makes
/// of one, and nobody asks for the relationships.
pub fn prune(steps: &mut [Step], projection: &Projection) {
    if !projection.is_of_set() {
        return;
    }
    for n in 0..steps.len() {
        let Op::ExpandVariable {
            relationships,
            along,
            least: 0 | 1,
            is_following: false,
            ..
        } = &steps[n].op
        else {
            continue;
        };
        // Without a direction the way back along the same relationship would look like one.
        if along.direction == Direction::Either || !along.unique.is_empty() {
            continue;
        }
        let mut read = Vec::new();
        projection.slots(&mut read);
        for (m, step) in steps.iter().enumerate() {
            step.visit(&mut |expr| expr.slots(&mut read));
            step.unique(&mut read);
            if m != n {
                step.slots(&mut read);
            }
        }
        let is_wanted = read.contains(relationships);
        if let Op::ExpandVariable { is_pruning, .. } = &mut steps[n].op {
            *is_pruning = !is_wanted;
        }
    }
}

struct Ordering<'s> {
    statistics: &'s dyn Statistics,
    nodes: Vec<Node>,
    relationships: Vec<Relationship>,
    conditions: Vec<Expr>,
    paths: Vec<Slot>,
    first_new: Slot,
    is_known: Vec<bool>,
    is_done: Vec<bool>,
    /// The pattern's own slots that are known by now.
    known: Vec<Slot>,
    /// The relationships that were gone along, which no other may be.
    unique: Vec<Slot>,
    ops: Vec<Op>,
}

impl Ordering<'_> {
    fn run(&mut self) {
        for node in 0..self.nodes.len() {
            if self.is_known[node] {
                let Node { slot, labels, .. } = &self.nodes[node];
                let (slot, labels) = (*slot, labels.clone());
                self.ops.push(Op::CheckNode { slot, labels });
            }
        }
        self.ask(false);
        for n in 0..self.relationships.len() {
            if self.relationships[n].is_bound && self.relationships[n].range.is_none() {
                self.ends(n);
            }
        }
        loop {
            while let Some(next) = self.cheapest_relationship() {
                self.expand(next);
            }
            let unknown = (0..self.nodes.len()).filter(|node| !self.is_known[*node]);
            let Some(start) = least(unknown, |node| self.start_rows(*node)) else {
                return;
            };
            self.start(start);
        }
    }

    fn know(&mut self, slot: Slot) {
        self.known.push(slot);
    }

    /// Asks the conditions of which everything is known; in the end, those that are left.
    fn ask(&mut self, is_end: bool) {
        let conditions = std::mem::take(&mut self.conditions);
        for condition in conditions {
            match is_end || self.can_ask(&condition) {
                true => self.ops.push(Op::Filter(condition)),
                false => self.conditions.push(condition),
            }
        }
    }

    fn can_ask(&self, expr: &Expr) -> bool {
        let mut slots = Vec::new();
        expr.slots(&mut slots);
        let own = self.own_slots();
        slots
            .iter()
            .all(|slot| !own.contains(slot) || self.known.contains(slot))
    }

    /// The pattern's own slots: those of its nodes, relationships and paths, and none of expressions.
    fn own_slots(&self) -> Vec<Slot> {
        let nodes = self.nodes.iter().map(|node| node.slot);
        let relationships = self
            .relationships
            .iter()
            .map(|relationship| relationship.slot);
        let own = nodes.chain(relationships).chain(self.paths.iter().copied());
        own.filter(|slot| *slot >= self.first_new).collect()
    }

    /// How many nodes a node of the pattern may be, to begin with.
    fn start_rows(&self, node: usize) -> f64 {
        if self.id_of(node).is_some() {
            return rows::ID;
        }
        let of_labels = self.labelled(node).max(1.0);
        match self.property_of(node) {
            Some((_, key)) if is_name(&key) => rows::NAME,
            Some(_) => rows::PROPERTY.min(of_labels),
            None => of_labels,
        }
    }

    /// How many nodes there are with the labels of a node.
    fn labelled(&self, node: usize) -> f64 {
        let labels = self.nodes[node].labels.iter();
        let counts = labels.map(|label| self.statistics.labelled(label));
        counts.fold(self.statistics.nodes(), f64::min)
    }

    /// How many rows come of a row along a relationship from the one end of it that is known.
    fn expand_rows(&self, relationship: &Relationship) -> f64 {
        let (from, to) = match self.is_known[relationship.left] {
            true => (relationship.left, relationship.right),
            false => (relationship.right, relationship.left),
        };
        let all = self.statistics.relationships(&relationship.types);
        let a_node = all / self.labelled(from).max(1.0);
        let ways = match relationship.direction {
            Direction::Either => 2.0,
            Direction::Outgoing | Direction::Incoming => 1.0,
        };
        let share = match self.property_of(to) {
            Some(_) => rows::PROPERTY_SHARE,
            None => 1.0,
        };
        let length = match relationship.range {
            Some(_) => rows::VARIABLE,
            None => 1.0,
        };
        a_node * ways * share * length
    }

    /// The condition that says which id a node has.
    fn id_of(&self, node: usize) -> Option<usize> {
        let slot = self.nodes[node].slot;
        self.conditions
            .iter()
            .position(|condition| match condition {
                Expr::Compare(Comparison::Equal, a, b) => {
                    let is_id = |a: &Expr| match a {
                        Expr::Call(function, arguments) => {
                            function.name == "id"
                                && matches!(arguments[..], [Expr::Slot(s)] if s == slot)
                        }
                        _ => false,
                    };
                    (is_id(a) && self.can_ask(b)) || (is_id(b) && self.can_ask(a))
                }
                _ => false,
            })
    }

    /// The condition that says which value a property of a node has, and its key.
    fn property_of(&self, node: usize) -> Option<(usize, Arc<str>)> {
        let slot = self.nodes[node].slot;
        let property = |condition: &'_ Expr| match condition {
            Expr::Compare(Comparison::Equal, a, b) => {
                let of = |a, b| property_of(a, slot).filter(|_| self.can_ask(b));
                of(a, b).or_else(|| of(b, a)).map(Arc::clone)
            }
            _ => None,
        };
        let conditions = self.conditions.iter().enumerate();
        let found = conditions.filter_map(|(at, condition)| Some((at, property(condition)?)));
        found.min_by_key(|(_, key)| !is_name(key))
    }

    fn start(&mut self, node: usize) {
        let slot = self.nodes[node].slot;
        let labels = self.nodes[node].labels.clone();
        let op = if let Some(at) = self.id_of(node) {
            let Expr::Compare(_, a, b) = self.conditions.remove(at) else {
                unreachable!("an id is asked for by a comparison");
            };
            let id = if self.can_ask(&a) { *a } else { *b };
            Op::NodeById { slot, id, labels }
        } else if let Some((at, _)) = self.property_of(node) {
            let Expr::Compare(_, a, b) = self.conditions.remove(at) else {
                unreachable!("a property is asked for by a comparison");
            };
            let (property, value) = match property_of(&a, slot) {
                Some(_) => (*a, *b),
                None => (*b, *a),
            };
            let Expr::Property(_, key) = property else {
                unreachable!("a property is one");
            };
            Op::NodesByProperty {
                slot,
                labels,
                key,
                value,
            }
        } else {
            Op::Nodes { slot, labels }
        };
        self.ops.push(op);
        self.is_known[node] = true;
        self.know(slot);
        self.ask(false);
    }

    fn cheapest_relationship(&self) -> Option<usize> {
        let candidates = (0..self.relationships.len()).filter(|n| {
            let relationship = &self.relationships[*n];
            let (left, right) = (
                self.is_known[relationship.left],
                self.is_known[relationship.right],
            );
            !self.is_done[*n]
                && match relationship.shortest {
                    Shortest::No => left || right,
                    Shortest::One | Shortest::All => left && right,
                }
        });
        // Between what is known first, shortest paths last.
        least(candidates, |n| {
            let relationship = &self.relationships[*n];
            let is_into = self.is_known[relationship.left] && self.is_known[relationship.right];
            match relationship.shortest {
                Shortest::One | Shortest::All => f64::INFINITY,
                Shortest::No if is_into && relationship.range.is_none() => -1.0,
                Shortest::No => self.expand_rows(relationship),
            }
        })
    }

    /// Goes from a relationship that is known to its ends.
    fn ends(&mut self, n: usize) {
        let relationship = &self.relationships[n];
        let (left, right) = (relationship.left, relationship.right);
        let op = Op::Ends {
            relationship: relationship.slot,
            left: self.nodes[left].slot,
            right: self.nodes[right].slot,
            is_left_bound: self.is_known[left],
            is_right_bound: self.is_known[right] || left == right,
            along: self.along(n, false),
        };
        self.ops.push(op);
        self.is_done[n] = true;
        self.unique.push(self.relationships[n].slot);
        for node in [left, right] {
            if !self.is_known[node] {
                self.is_known[node] = true;
                let Node { slot, labels, .. } = &self.nodes[node];
                let (slot, labels) = (*slot, labels.clone());
                if !labels.is_empty() {
                    self.ops.push(Op::CheckNode { slot, labels });
                }
                self.know(slot);
            }
        }
        self.ask(false);
    }

    fn along(&self, n: usize, is_reversed: bool) -> Along {
        let relationship = &self.relationships[n];
        let along = Along {
            types: relationship.types.clone(),
            direction: relationship.direction,
            unique: match relationship.shortest {
                Shortest::No => self.unique.clone(),
                Shortest::One | Shortest::All => Vec::new(),
            },
        };
        match is_reversed {
            true => along.reversed(),
            false => along,
        }
    }

    fn expand(&mut self, n: usize) {
        let (left, right) = (self.relationships[n].left, self.relationships[n].right);
        let is_reversed = !self.is_known[left];
        let (from, to) = if is_reversed {
            (right, left)
        } else {
            (left, right)
        };
        let is_into = self.is_known[to];
        let along = self.along(n, is_reversed);
        let labels = match is_into {
            true => Vec::new(),
            false => self.nodes[to].labels.clone(),
        };
        let (from, to_slot) = (self.nodes[from].slot, self.nodes[to].slot);
        let relationship = &mut self.relationships[n];
        let slot = relationship.slot;
        let properties = std::mem::take(&mut relationship.properties);
        let op = match (relationship.shortest, relationship.range) {
            (Shortest::No, None) => Op::Expand {
                from,
                relationship: slot,
                to: to_slot,
                along,
                labels,
                is_into,
            },
            (Shortest::No, Some((least, most))) => Op::ExpandVariable {
                from,
                relationships: slot,
                to: to_slot,
                along,
                labels,
                least,
                most,
                properties,
                is_into,
                is_following: relationship.is_bound,
                is_reversed,
                is_pruning: false,
            },
            (shortest, range) => {
                let (least, most) = range.unwrap_or((1, 1));
                Op::ShortestPaths {
                    from,
                    to: to_slot,
                    relationships: slot,
                    along,
                    least,
                    most,
                    properties,
                    is_all: shortest == Shortest::All,
                }
            }
        };
        self.ops.push(op);
        self.is_done[n] = true;
        self.is_known[to] = true;
        self.unique.push(slot);
        self.know(slot);
        self.know(to_slot);
        self.ask(false);
    }
}

/// The first of those with about the fewest rows, which are counted only where there is a choice.
fn least(
    candidates: impl Iterator<Item = usize>,
    mut count: impl FnMut(&usize) -> f64,
) -> Option<usize> {
    let candidates: Vec<usize> = candidates.collect();
    match candidates[..] {
        [] => None,
        [only] => Some(only),
        _ => {
            let counted: Vec<f64> = candidates.iter().map(&mut count).collect();
            let least = counted.iter().copied().fold(f64::INFINITY, f64::min);
            let most = least.max(least * rows::FEWER);
            let first = counted.iter().position(|count| *count <= most);
            first.map(|at| candidates[at])
        }
    }
}

/// Whether a key is that of names, each of which one node has, or a few do.
fn is_name(key: &Arc<str>) -> bool {
    **key == *"name"
}

/// The key of the property of a node that an expression is.
fn property_of(expr: &Expr, slot: Slot) -> Option<&Arc<str>> {
    match expr {
        Expr::Property(of, key) if **of == Expr::Slot(slot) => Some(key),
        _ => None,
    }
}
