//! The steps of a pattern as nested loops over one row: each fills its slots and runs the steps behind it.

use std::rc::Rc;
use std::sync::Arc;

use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::EdgeLink;

use super::super::ast::Direction;
use super::super::error::Result;
use super::super::plan::{Along, Leg, Op, Slot, Step};
use super::super::value::{NodeRef, Value};
use super::evaluate::invalid_type;
use super::{Executor, Flow, has_kinds};

/// What takes the rows that steps make.
pub(super) type Sink<'s> = &'s mut dyn FnMut(&mut [Value]) -> Result<Flow>;

/// The verbs of the types that a step goes along.
#[derive(Clone)]
pub(super) enum Verbs {
    All,
    Some(Rc<[u8]>),
}

impl Executor<'_, '_> {
    /// Runs steps on a row, and gives each row that comes out to the sink, until it wants no more.
    pub(super) fn run(&self, steps: &[Step], row: &mut [Value], sink: Sink<'_>) -> Result<Flow> {
        let Some((step, rest)) = steps.split_first() else {
            return sink(row);
        };
        self.tick()?;
        if step.is_counted {
            return self.run_counted(step, row, sink);
        }
        let Some(profile) = &self.profile else {
            return self.run_op(&step.op, row, &mut |row| self.run(rest, row, sink));
        };
        let before = profile.enter(step.id);
        let flow = self.run_op(&step.op, row, &mut |row| {
            profile.rows(step.id, 1);
            let inner = profile.leave(step.id);
            let flow = self.run(rest, row, sink);
            profile.resume(inner);
            flow
        });
        profile.resume(before);
        flow
    }

    /// Runs the last step on a row, and gives the sink one row that stands for all that come out.
    fn run_counted(&self, step: &Step, row: &mut [Value], sink: Sink<'_>) -> Result<Flow> {
        let before = self.profile.as_ref().map(|profile| profile.enter(step.id));
        let count = match self.count_in_lists(step, row)? {
            Some(count) => count,
            None => {
                let mut count = 0;
                let _ = self.run_op(&step.op, row, &mut |_| {
                    count += 1;
                    Ok(Flow::Continue(()))
                })?;
                count
            }
        };
        if let (Some(profile), Some(before)) = (&self.profile, before) {
            profile.rows(step.id, count);
            profile.resume(before);
        }
        if count == 0 {
            return Ok(Flow::Continue(()));
        }
        self.row_count.set(count);
        sink(row)
    }

    fn run_op(&self, op: &Op, row: &mut [Value], next: Sink<'_>) -> Result<Flow> {
        match op {
            Op::Nodes { slot, labels } => {
                if let Some(noted) = self.noted {
                    noted.labels(labels);
                }
                for (prefix, chunk) in self.view().state.chunks() {
                    let spend = |steps| self.spend(steps);
                    let slots = self.census.labelled(prefix, chunk, labels, spend)?;
                    for at in slots.iter() {
                        self.tick()?;
                        let Some(node) = self.view().node(Address::new(prefix, at)) else {
                            continue;
                        };
                        row[*slot] = node_value(node);
                        if next(row)?.is_break() {
                            return Ok(Flow::Break(()));
                        }
                    }
                }
                Ok(Flow::Continue(()))
            }
            Op::NodeById { slot, id, labels } => {
                let id = match self.eval(id, row)? {
                    Value::Integer(id) => u64::try_from(id).ok(),
                    Value::Float(id) if id.fract() == 0.0 && id >= 0.0 => Some(id as u64),
                    _ => None,
                };
                if let (Some(noted), Some(id)) = (self.noted, id) {
                    noted.id(self.view(), id);
                }
                let node = id.and_then(|id| self.view().find_id(id));
                match node.filter(|node| has_kinds(*node, labels)) {
                    Some(node) => {
                        row[*slot] = node_value(node);
                        next(row)
                    }
                    None => Ok(Flow::Continue(())),
                }
            }
            Op::NodesByProperty {
                slot,
                labels,
                key,
                value,
            } => {
                let wanted = self.eval(value, row)?;
                if wanted.is_null() {
                    return Ok(Flow::Continue(()));
                }
                if let Some(noted) = self.noted {
                    noted.property(labels, key, &wanted);
                }
                let mut take = |node: Node<'_>| {
                    self.tick()?;
                    if !has_kinds(node, labels) || !has_property(node, key, &wanted) {
                        return Ok(Flow::Continue(()));
                    }
                    row[*slot] = node_value(node);
                    next(row)
                };
                if let Some(index) = self.memory.index(key) {
                    let state = self.view().state;
                    let candidates = index.candidates(state, &wanted, |steps| self.spend(steps))?;
                    for address in candidates {
                        if let Some(node) = self.view().node(address)
                            && take(node)?.is_break()
                        {
                            return Ok(Flow::Break(()));
                        }
                    }
                    return Ok(Flow::Continue(()));
                }
                for node in self.view().nodes() {
                    if take(node)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
                Ok(Flow::Continue(()))
            }
            Op::CheckNode { slot, labels } => match &row[*slot] {
                Value::Null => Ok(Flow::Continue(())),
                Value::Node(node) => {
                    let is_one = labels.is_empty() || has_kinds(self.node(*node)?, labels);
                    if is_one {
                        next(row)
                    } else {
                        Ok(Flow::Continue(()))
                    }
                }
                other => Err(invalid_type("a node", other)),
            },
            Op::Expand { .. } => self.expand(op, row, next),
            Op::Intersect { to, labels, legs } => self.intersect((*to, labels), legs, row, next),
            Op::Ends { .. } => self.ends(op, row, next),
            Op::ExpandVariable { .. } => self.expand_variable(op, row, next),
            Op::ShortestPaths { .. } => self.shortest_paths(op, row, next),
            Op::Filter(condition) => match self.truth_of(condition, row)? {
                Some(true) => next(row),
                _ => Ok(Flow::Continue(())),
            },
            Op::Let { slot, value } => {
                row[*slot] = self.eval(value, row)?;
                next(row)
            }
            Op::Unwind { slot, list } => match self.eval(list, row)? {
                Value::Null => Ok(Flow::Continue(())),
                Value::List(items) => {
                    for item in items.iter() {
                        self.tick()?;
                        row[*slot] = item.clone();
                        if next(row)?.is_break() {
                            return Ok(Flow::Break(()));
                        }
                    }
                    Ok(Flow::Continue(()))
                }
                value => {
                    row[*slot] = value;
                    next(row)
                }
            },
            Op::Optional { steps, nulls } => {
                let mut is_found = false;
                let flow = self.run(steps, row, &mut |row| {
                    is_found = true;
                    next(row)
                })?;
                if is_found || flow.is_break() {
                    return Ok(flow);
                }
                nulls.iter().for_each(|slot| row[*slot] = Value::Null);
                next(row)
            }
            Op::Call {
                procedure,
                arguments,
                outputs,
            } => {
                let mut values = Vec::with_capacity(arguments.len());
                for (argument, input) in arguments.iter().zip(&procedure.inputs) {
                    values.push(
                        input
                            .kind
                            .converted(self.eval(argument, row)?, &input.name)?,
                    );
                }
                let rows = (procedure.run)(self, &values)?;
                if procedure.outputs.is_empty() {
                    return next(row);
                }
                for found in rows {
                    self.tick()?;
                    for (column, slot) in outputs {
                        row[*slot] = found[*column].clone();
                    }
                    if next(row)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
                Ok(Flow::Continue(()))
            }
        }
    }

    /// The node in a slot; `None` for null.
    pub(super) fn bound_node(&self, slot: Slot, row: &[Value]) -> Result<Option<NodeRef>> {
        match &row[slot] {
            Value::Null => Ok(None),
            Value::Node(node) => Ok(Some(*node)),
            other => Err(invalid_type("a node", other)),
        }
    }

    /// The verbs of some types; of a type that no verb has, none.
    pub(super) fn verbs(&self, types: &[Arc<str>]) -> Verbs {
        if types.is_empty() {
            return Verbs::All;
        }
        let mut known = self.verbs.borrow_mut();
        let there = types.as_ptr();
        if let Some((_, verbs)) = known.iter().find(|(of, _)| *of == there) {
            return verbs.clone();
        }
        let verbs = self.view().state.verbs();
        let mut slots: Vec<u8> = types.iter().filter_map(|name| verbs.typed(name)).collect();
        slots.sort_unstable();
        slots.dedup();
        let verbs = Verbs::Some(slots.into());
        if self.is_settled() {
            known.push((there, verbs.clone()));
        }
        verbs
    }

    /// Shows each relationship of a node in a direction and the node at its other end, in the order of the lists.
    pub(super) fn neighbours(
        &self,
        node: NodeRef,
        (direction, verbs): (Direction, &Verbs),
        f: &mut dyn FnMut(EdgeLink, Address) -> Result<Flow>,
    ) -> Result<Flow> {
        self.note_lists(node.address);
        let one = |verb: Option<u8>, f: &mut dyn FnMut(EdgeLink, Address) -> Result<Flow>| {
            let graph = self.view().state.graph();
            if direction != Direction::Incoming {
                let are_matched = !self.is_bound(node.address);
                for edge in graph.outgoing(node.address, verb) {
                    self.tick()?;
                    let link = edge.link();
                    if (are_matched || self.is_matched(link)) && f(link, link.target)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
            }
            if direction != Direction::Outgoing {
                for link in graph.incoming(node.address, verb) {
                    self.tick()?;
                    // What leads from a node to itself has been seen.
                    if direction == Direction::Either && link.source == link.target {
                        continue;
                    }
                    if self.is_matched(link) && f(link, link.source)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
            }
            Ok(Flow::Continue(()))
        };
        match verbs {
            Verbs::All => one(None, f),
            Verbs::Some(slots) => {
                for verb in slots.iter() {
                    if one(Some(*verb), f)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
                Ok(Flow::Continue(()))
            }
        }
    }

    /// Whether reified edges begin or end at a node.
    pub(super) fn is_bound(&self, address: Address) -> bool {
        let chunk = self.view().state.chunk(address.prefix());
        chunk.is_some_and(|chunk| chunk.bound.contains(address.slot()))
    }

    /// Whether a relationship is one that patterns match: a reified edge is none.
    fn is_matched(&self, link: EdgeLink) -> bool {
        // Few nodes have reified edges; of the others none is asked for.
        !self.is_bound(link.source)
            || self
                .view()
                .state
                .graph()
                .get(link.source, link.id)
                .is_some_and(|edge| edge.address.is_none())
    }

    /// The node at an address, if it has not expired.
    pub(super) fn live_node(&self, address: Address) -> Option<Node<'_>> {
        self.note_place(address);
        self.view().node(address)
    }

    fn expand(&self, op: &Op, row: &mut [Value], next: Sink<'_>) -> Result<Flow> {
        let Op::Expand {
            from,
            relationship,
            to,
            along,
            labels,
            is_into,
        } = op
        else {
            unreachable!("only this step expands");
        };
        let Some(start) = self.bound_node(*from, row)? else {
            return Ok(Flow::Continue(()));
        };
        let verbs = self.verbs(&along.types);
        if *is_into {
            let Some(end) = self.bound_node(*to, row)? else {
                return Ok(Flow::Continue(()));
            };
            return self.expand_into((start, end), (along, &verbs), *relationship, row, next);
        }
        self.neighbours(start, (along.direction, &verbs), &mut |link, other| {
            let Some(node) = self.live_node(other) else {
                return Ok(Flow::Continue(()));
            };
            if !has_kinds(node, labels) || is_used(link, along, row) {
                return Ok(Flow::Continue(()));
            }
            row[*to] = node_value(node);
            row[*relationship] = Value::Relationship(link);
            next(row)
        })
    }

    /// The relationships between two nodes that are known: from the one that has fewer.
    fn expand_into(
        &self,
        (start, end): (NodeRef, NodeRef),
        (along, verbs): (&Along, &Verbs),
        relationship: Slot,
        row: &mut [Value],
        next: Sink<'_>,
    ) -> Result<Flow> {
        let graph = self.view().state.graph();
        if let (Verbs::Some(_), Direction::Outgoing | Direction::Incoming) =
            (verbs, along.direction)
        {
            let ends = (start.address, end.address);
            return self.directed(ends, (along.direction, verbs), &mut |link| {
                if is_used(link, along, row) {
                    return Ok(Flow::Continue(()));
                }
                row[relationship] = Value::Relationship(link);
                next(row)
            });
        }
        let degree = |node: NodeRef| graph.degree_out(node.address) + graph.degree_in(node.address);
        let (start, end, direction) = match degree(start) <= degree(end) {
            true => (start, end, along.direction),
            false => (end, start, along.direction.opposite()),
        };
        self.neighbours(start, (direction, verbs), &mut |link, other| {
            if other != end.address || is_used(link, along, row) {
                return Ok(Flow::Continue(()));
            }
            row[relationship] = Value::Relationship(link);
            next(row)
        })
    }

    /// The nodes at the end of all legs: those at the end of the one that has fewest edges, to which the others lead, too.
    fn intersect(
        &self,
        (to, labels): (Slot, &[Arc<str>]),
        legs: &[Leg],
        row: &mut [Value],
        next: Sink<'_>,
    ) -> Result<Flow> {
        let graph = self.view().state.graph();
        let mut ways = Vec::with_capacity(legs.len());
        for leg in legs {
            let Some(start) = self.bound_node(leg.from, row)? else {
                return Ok(Flow::Continue(()));
            };
            let degree = match leg.along.direction {
                Direction::Incoming => graph.degree_in(start.address),
                _ => graph.degree_out(start.address),
            };
            ways.push((degree, start, self.verbs(&leg.along.types), leg));
        }
        ways.sort_by_key(|(degree, ..)| *degree);
        let ((_, start, verbs, first), others) =
            ways.split_first().expect("invariant: there are legs");
        self.neighbours(*start, (first.along.direction, verbs), &mut |link, end| {
            row[first.relationship] = Value::Relationship(link);
            self.meet(others, end, row, &mut |row| {
                let Some(node) = self.live_node(end) else {
                    return Ok(Flow::Continue(()));
                };
                let is_taken = |leg: &Leg| match &row[leg.relationship] {
                    Value::Relationship(link) => is_used(*link, &leg.along, row),
                    _ => false,
                };
                if !has_kinds(node, labels) || legs.iter().any(is_taken) {
                    return Ok(Flow::Continue(()));
                }
                row[to] = node_value(node);
                next(row)
            })
        })
    }

    /// The relationships of legs that lead to one end.
    fn meet(
        &self,
        legs: &[(usize, NodeRef, Verbs, &Leg)],
        end: Address,
        row: &mut [Value],
        next: Sink<'_>,
    ) -> Result<Flow> {
        let Some(((_, start, verbs, leg), rest)) = legs.split_first() else {
            return next(row);
        };
        let direction = leg.along.direction;
        self.directed((start.address, end), (direction, verbs), &mut |link| {
            row[leg.relationship] = Value::Relationship(link);
            self.meet(rest, end, row, next)
        })
    }

    /// The relationships of some verbs in a direction between two nodes.
    fn directed(
        &self,
        (start, end): (Address, Address),
        (direction, verbs): (Direction, &Verbs),
        f: &mut dyn FnMut(EdgeLink) -> Result<Flow>,
    ) -> Result<Flow> {
        let (source, target) = match direction {
            Direction::Incoming => (end, start),
            _ => (start, end),
        };
        self.note_lists(source);
        let Verbs::Some(verbs) = verbs else {
            unreachable!("only relationships with types are looked for between two nodes");
        };
        for verb in verbs.iter() {
            for id in self.view().state.graph().find(source, *verb, target) {
                self.tick()?;
                let link = EdgeLink {
                    id,
                    source,
                    verb: *verb,
                    target,
                };
                if self.is_matched(link) && f(link)?.is_break() {
                    return Ok(Flow::Break(()));
                }
            }
        }
        Ok(Flow::Continue(()))
    }

    fn ends(&self, op: &Op, row: &mut [Value], next: Sink<'_>) -> Result<Flow> {
        let Op::Ends {
            relationship,
            left,
            right,
            is_left_bound,
            is_right_bound,
            along,
        } = op
        else {
            unreachable!("only this step goes to the ends");
        };
        let link = match &row[*relationship] {
            Value::Null => return Ok(Flow::Continue(())),
            Value::Relationship(link) => *link,
            other => return Err(invalid_type("a relationship", other)),
        };
        self.edge(link)?;
        let is_typed = match self.verbs(&along.types) {
            Verbs::All => true,
            Verbs::Some(slots) => slots.contains(&link.verb),
        };
        if !is_typed || is_used(link, along, row) {
            return Ok(Flow::Continue(()));
        }
        let ways = match along.direction {
            Direction::Outgoing => vec![(link.source, link.target)],
            Direction::Incoming => vec![(link.target, link.source)],
            Direction::Either if link.source == link.target => vec![(link.source, link.target)],
            Direction::Either => vec![(link.source, link.target), (link.target, link.source)],
        };
        for (a, b) in ways {
            let (Some(a), Some(b)) = (self.live_node(a), self.live_node(b)) else {
                continue;
            };
            let mut fits = true;
            for (node, slot, is_bound) in [(a, *left, *is_left_bound), (b, *right, *is_right_bound)]
            {
                match is_bound {
                    true => {
                        fits &= self
                            .bound_node(slot, row)?
                            .is_some_and(|bound| bound.id == node.id())
                    }
                    false => row[slot] = node_value(node),
                }
            }
            if fits && next(row)?.is_break() {
                return Ok(Flow::Break(()));
            }
        }
        Ok(Flow::Continue(()))
    }
}

/// Whether a relationship stands in one of the slots that it must not.
pub(super) fn is_used(link: EdgeLink, along: &Along, row: &[Value]) -> bool {
    along.unique.iter().any(|slot| match &row[*slot] {
        Value::Relationship(there) => there.id == link.id,
        Value::List(items) => {
            let is_same =
                |item: &Value| matches!(item, Value::Relationship(there) if there.id == link.id);
            items.iter().any(is_same)
        }
        _ => false,
    })
}

pub(super) fn node_value(node: Node<'_>) -> Value {
    Value::Node(NodeRef {
        id: node.id(),
        address: node.address(),
    })
}

pub(super) fn has_property(node: Node<'_>, key: &str, wanted: &Value) -> bool {
    use ladybug_engine::space::fields::FieldValue;
    let field = node.fields().and_then(|fields| fields.get(key.as_bytes()));
    match (field, wanted) {
        (Some(FieldValue::Bytes(bytes)), Value::String(text)) => *bytes == text.0,
        (Some(FieldValue::Integer(n)), Value::Integer(wanted)) => n == wanted,
        (Some(field), wanted) => Value::from(field).equals(wanted) == Some(true),
        (None, wanted) => super::own_property(node, key).equals(wanted) == Some(true),
    }
}
