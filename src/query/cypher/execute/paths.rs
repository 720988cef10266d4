//! Paths of variable length, and shortest ones.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ladybug_engine::space::address::{ADDRESSES, Address};
use ladybug_engine::space::graph::EdgeLink;

use super::super::ast::Direction;
use super::super::error::Result;
use super::super::plan::{Along, Expr, Op};
use super::super::value::{NodeRef, Value};
use super::evaluate::invalid_type;
use super::steps::{Sink, Verbs, is_used};
use super::{Executor, Flow, has_kinds};

/// A node on the way, and the relationships that are still to be tried from it.
struct Level {
    next: std::vec::IntoIter<(EdgeLink, NodeRef)>,
}

/// Places that were seen, a bit each.
struct Places(Vec<u64>);

impl Default for Places {
    fn default() -> Self {
        Self(vec![0; ADDRESSES / 64])
    }
}

impl Places {
    fn insert(&mut self, address: Address) {
        self.0[address.index() / 64] |= 1 << (address.index() % 64);
    }

    fn contains(&self, address: Address) -> bool {
        self.0[address.index() / 64] >> (address.index() % 64) & 1 == 1
    }
}

impl Executor<'_, '_> {
    pub(super) fn expand_variable(
        &self,
        op: &Op,
        row: &mut [Value],
        next: Sink<'_>,
    ) -> Result<Flow> {
        let Op::ExpandVariable {
            from,
            relationships,
            to,
            along,
            labels,
            least,
            most,
            properties,
            is_into,
            is_following,
            is_reversed,
            is_pruning,
        } = op
        else {
            unreachable!("only this step is of variable length");
        };
        let Some(start) = self.bound_node(*from, row)? else {
            return Ok(Flow::Continue(()));
        };
        let target = match is_into {
            true => match self.bound_node(*to, row)? {
                Some(node) => Some(node),
                None => return Ok(Flow::Continue(())),
            },
            false => None,
        };
        let properties = self.values(properties, row)?;
        let verbs = self.verbs(&along.types);
        let mut arrive = |way: &[EdgeLink], node: NodeRef, row: &mut [Value]| {
            let fits = match target {
                Some(target) => target.id == node.id,
                None => labels.is_empty() || has_kinds(self.node(node)?, labels),
            };
            if !fits {
                return Ok(Flow::Continue(()));
            }
            if !is_following && !is_pruning {
                let links = way.iter().map(|link| Value::Relationship(*link));
                row[*relationships] = match is_reversed {
                    true => Value::list(links.rev()),
                    false => Value::list(links),
                };
            }
            row[*to] = Value::Node(node);
            next(row)
        };
        if *is_following {
            let Some((way, end)) =
                self.follow(start, *relationships, (along, &verbs), row, *is_reversed)?
            else {
                return Ok(Flow::Continue(()));
            };
            let fits = (*least..=*most).contains(&way.len());
            return if fits {
                arrive(&way, end, row)
            } else {
                Ok(Flow::Continue(()))
            };
        }
        if *least == 0 && arrive(&[], start, row)?.is_break() {
            return Ok(Flow::Break(()));
        }
        if *most == 0 {
            return Ok(Flow::Continue(()));
        }
        if *is_pruning {
            let mut seen = Places::default();
            if *least == 0 {
                seen.insert(start.address);
            }
            let mut frontier = vec![start];
            let mut depth = 0;
            while !frontier.is_empty() && depth < *most {
                depth += 1;
                let mut reached = Vec::new();
                for node in frontier {
                    let reach = &mut |link, other| {
                        if !seen.contains(other)
                            && let Some(node) = self.live_node(other)
                            && self.has_properties(link, &properties)?
                        {
                            seen.insert(other);
                            reached.push(NodeRef {
                                id: node.id(),
                                address: other,
                            });
                        }
                        Ok(Flow::Continue(()))
                    };
                    let _ = self.neighbours(node, (along.direction, &verbs), reach)?;
                }
                for node in &reached {
                    if arrive(&[], *node, row)?.is_break() {
                        return Ok(Flow::Break(()));
                    }
                }
                frontier = reached;
            }
            return Ok(Flow::Continue(()));
        }
        let mut way: Vec<EdgeLink> = Vec::new();
        let mut levels = vec![self.level(start, (along, &verbs, &properties), row)?];
        while let Some(level) = levels.last_mut() {
            self.tick()?;
            let Some((link, node)) = level.next.next() else {
                levels.pop();
                way.pop();
                continue;
            };
            if way.iter().any(|used| used.id == link.id) {
                continue;
            }
            way.push(link);
            if way.len() >= *least && arrive(&way, node, row)?.is_break() {
                return Ok(Flow::Break(()));
            }
            match way.len() < *most {
                true => levels.push(self.level(node, (along, &verbs, &properties), row)?),
                false => drop(way.pop()),
            }
        }
        Ok(Flow::Continue(()))
    }

    fn values(
        &self,
        properties: &[(Arc<str>, Expr)],
        row: &mut [Value],
    ) -> Result<Vec<(Arc<str>, Value)>> {
        let value = |(key, value): &(Arc<str>, Expr)| Ok((Arc::clone(key), self.eval(value, row)?));
        properties.iter().map(value).collect()
    }

    /// The relationships that lead on from a node.
    fn level(
        &self,
        node: NodeRef,
        (along, verbs, properties): (&Along, &Verbs, &[(Arc<str>, Value)]),
        row: &[Value],
    ) -> Result<Level> {
        let mut next = Vec::new();
        let _ = self.neighbours(node, (along.direction, verbs), &mut |link, other| {
            if let Some(other) = self.live_node(other)
                && !is_used(link, along, row)
                && self.has_properties(link, properties)?
            {
                let (id, address) = (other.id(), other.address());
                next.push((link, NodeRef { id, address }));
            }
            Ok(Flow::Continue(()))
        })?;
        let next = next.into_iter();
        Ok(Level { next })
    }

    fn has_properties(&self, link: EdgeLink, properties: &[(Arc<str>, Value)]) -> Result<bool> {
        for (key, wanted) in properties {
            let value = self.property(&Value::Relationship(link), key)?;
            if value.equals(wanted) != Some(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Where a list of relationships leads from a node, if it is a way along.
    fn follow(
        &self,
        start: NodeRef,
        slot: usize,
        (along, verbs): (&Along, &Verbs),
        row: &[Value],
        is_reversed: bool,
    ) -> Result<Option<(Vec<EdgeLink>, NodeRef)>> {
        let items = match &row[slot] {
            Value::Null => return Ok(None),
            Value::List(items) => Arc::clone(items),
            other => return Err(invalid_type("a list of relationships", other)),
        };
        let (mut way, mut at) = (Vec::new(), start.address);
        for n in 0..items.len() {
            let item = &items[if is_reversed { items.len() - 1 - n } else { n }];
            let Value::Relationship(link) = item else {
                return Err(invalid_type("a relationship", item));
            };
            let is_typed = match verbs {
                Verbs::All => true,
                Verbs::Some(slots) => slots.contains(&link.verb),
            };
            let next = match along.direction {
                Direction::Outgoing if link.source == at => link.target,
                Direction::Incoming if link.target == at => link.source,
                Direction::Either if link.source == at => link.target,
                Direction::Either if link.target == at => link.source,
                _ => return Ok(None),
            };
            let is_repeated = way.iter().any(|used: &EdgeLink| used.id == link.id);
            if !is_typed || is_repeated || is_used(*link, along, row) {
                return Ok(None);
            }
            way.push(*link);
            at = next;
        }
        Ok(self.live_node(at).map(|node| {
            let (id, address) = (node.id(), node.address());
            (way, NodeRef { id, address })
        }))
    }

    /// Breadth first from one end to the other; then back along all ways that are as short.
    pub(super) fn shortest_paths(
        &self,
        op: &Op,
        row: &mut [Value],
        next: Sink<'_>,
    ) -> Result<Flow> {
        let Op::ShortestPaths {
            from,
            to,
            relationships,
            along,
            least,
            most,
            properties,
            is_all,
        } = op
        else {
            unreachable!("only this step finds shortest paths");
        };
        let (Some(start), Some(end)) = (self.bound_node(*from, row)?, self.bound_node(*to, row)?)
        else {
            return Ok(Flow::Continue(()));
        };
        if start.id == end.id {
            if *least > 0 {
                return Ok(Flow::Continue(()));
            }
            row[*relationships] = Value::list([]);
            return next(row);
        }
        let properties = self.values(properties, row)?;
        let verbs = self.verbs(&along.types);
        if !is_all {
            let found = self.shortest_path((start, end), (along, &verbs, &properties), *most)?;
            return match found {
                Some(way) if way.len() >= *least => {
                    row[*relationships] = Value::list(way.into_iter().map(Value::Relationship));
                    next(row)
                }
                _ => Ok(Flow::Continue(())),
            };
        }
        let mut depths: HashMap<Address, usize> = HashMap::from([(start.address, 0)]);
        let mut frontier = vec![start];
        let mut depth = 0;
        while !frontier.is_empty() && depth < *most && !depths.contains_key(&end.address) {
            depth += 1;
            let mut reached = Vec::new();
            for node in frontier {
                let level = self.level(node, (along, &verbs, &properties), row)?;
                for (_, other) in level.next {
                    if let Entry::Vacant(entry) = depths.entry(other.address) {
                        entry.insert(depth);
                        reached.push(other);
                    }
                }
            }
            frontier = reached;
        }
        if !depths.contains_key(&end.address) || depth < *least {
            return Ok(Flow::Continue(()));
        }
        let back = Along {
            direction: along.direction.opposite(),
            types: Vec::new(),
            unique: along.unique.clone(),
        };
        // From the end, only to nodes that are a step nearer to the start.
        let mut way: Vec<EdgeLink> = Vec::new();
        let nearer = |node: NodeRef, row: &[Value]| -> Result<Level> {
            let depth = depths.get(&node.address).copied().unwrap_or_default();
            let level = self.level(node, (&back, &verbs, &properties), row)?;
            let is_nearer = |(_, other): &(EdgeLink, NodeRef)| {
                depths
                    .get(&other.address)
                    .is_some_and(|other| other + 1 == depth)
            };
            let next: Vec<_> = level.next.filter(is_nearer).collect();
            Ok(Level {
                next: next.into_iter(),
            })
        };
        let mut levels = vec![nearer(end, row)?];
        let mut given = HashSet::new();
        while let Some(level) = levels.last_mut() {
            self.tick()?;
            let Some((link, node)) = level.next.next() else {
                levels.pop();
                way.pop();
                continue;
            };
            way.push(link);
            if node.id != start.id {
                levels.push(nearer(node, row)?);
                continue;
            }
            let ids: Vec<u64> = way.iter().rev().map(|link| link.id).collect();
            if given.insert(ids) {
                row[*relationships] =
                    Value::list(way.iter().rev().map(|link| Value::Relationship(*link)));
                if next(row)?.is_break() {
                    return Ok(Flow::Break(()));
                }
            }
            way.pop();
        }
        Ok(Flow::Continue(()))
    }

    /// One of the shortest paths between two nodes that are not the same: breadth first from both, a level at a time from
    /// the one whose last level has fewer relationships.
    fn shortest_path(
        &self,
        (start, end): (NodeRef, NodeRef),
        (along, verbs, properties): (&Along, &Verbs, &[(Arc<str>, Value)]),
        most: usize,
    ) -> Result<Option<Vec<EdgeLink>>> {
        let mut from_start = self.search(start, along.direction);
        let mut from_end = self.search(end, along.direction.opposite());
        for _ in 0..most {
            let (search, other) = match from_start.edges <= from_end.edges {
                true => (&mut from_start, &from_end),
                false => (&mut from_end, &from_start),
            };
            let level = search.level..search.reached.len();
            if level.is_empty() {
                return Ok(None);
            }
            (search.level, search.edges) = (level.end, 0);
            for n in level {
                let (node, direction) = (search.reached[n].0, search.direction);
                let reach = &mut |link, address| {
                    if !search.seen.contains(address)
                        && let Some(there) = self.live_node(address)
                        && self.has_properties(link, properties)?
                    {
                        let id = there.id();
                        search.seen.insert(address);
                        search.edges += self.degree(address, direction);
                        search
                            .reached
                            .push((NodeRef { id, address }, Some(link), n));
                        if other.seen.contains(address) {
                            return Ok(Flow::Break(()));
                        }
                    }
                    Ok(Flow::Continue(()))
                };
                if self
                    .neighbours(node, (direction, verbs), reach)?
                    .is_continue()
                {
                    continue;
                }
                let met = search.reached.last().map(|(met, ..)| met.id);
                let mut way: Vec<EdgeLink> = from_start.way_from(met).collect();
                way.reverse();
                way.extend(from_end.way_from(met));
                return Ok(Some(way));
            }
        }
        Ok(None)
    }

    /// The beginning of a search from an end.
    fn search(&self, end: NodeRef, direction: Direction) -> Search {
        let mut seen = Places::default();
        seen.insert(end.address);
        Search {
            direction,
            reached: vec![(end, None, 0)],
            seen,
            level: 0,
            edges: self.degree(end.address, direction),
        }
    }

    /// How many relationships of any type a node has in a direction.
    fn degree(&self, address: Address, direction: Direction) -> usize {
        let graph = self.view().state.graph();
        match direction {
            Direction::Outgoing => graph.degree_out(address),
            Direction::Incoming => graph.degree_in(address),
            Direction::Either => graph.degree_out(address) + graph.degree_in(address),
        }
    }
}

/// What was reached from one end of a path that is looked for.
struct Search {
    direction: Direction,
    /// The end, and nodes in the order in which they were reached: by which relationship, and from which of those before.
    reached: Vec<(NodeRef, Option<EdgeLink>, usize)>,
    seen: Places,
    /// The nodes of the last level are those from here on, and have so many relationships.
    level: usize,
    edges: usize,
}

impl Search {
    /// The relationships from a node that was reached back to the end.
    fn way_from(&self, id: Option<u64>) -> impl Iterator<Item = EdgeLink> {
        let is_it = |(node, ..): &(NodeRef, Option<EdgeLink>, usize)| Some(node.id) == id;
        let mut at = self.reached.iter().position(is_it).unwrap_or(0);
        std::iter::from_fn(move || {
            let (_, link, before) = self.reached[at];
            at = before;
            link
        })
    }
}
