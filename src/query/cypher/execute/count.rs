//! How many rows a last step would make, where nobody reads them: counted in lists of addresses, without going along the
//! relationships one by one.

use std::sync::Arc;

use ladybug_engine::space::address::{Address, CHUNKS, Zone};
use ladybug_engine::space::column::SlotSet;
use ladybug_engine::space::graph::{self, EdgeLink};
use smallvec::SmallVec;

use super::super::ast::Direction;
use super::super::error::Result;
use super::super::plan::{Along, Op, Slot, Step};
use super::super::value::Value;
use super::Executor;
use super::steps::Verbs;

/// What counting for a step makes use of again from row to row.
#[derive(Default)]
pub(super) struct Counting {
    fitting: Fitting,
    buffers: Vec<Vec<Address>>,
}

/// The nodes with the labels of a step, by their chunks.
#[derive(Default)]
struct Fitting {
    chunks: Vec<Option<SlotSet>>,
    /// Whether they are all that there are, once that was asked of many.
    is_all: Option<bool>,
    asked: usize,
}

/// After how many questions it is looked whether all nodes have the labels.
const ASKED_MAX: usize = 1024;

/// Elements of a list that count for a step.
const ENDS_PER_STEP: usize = 16;

impl Fitting {
    /// Whether every node has the labels; not known of few.
    fn is_all(&mut self, executor: &Executor<'_, '_>, labels: &[Arc<str>]) -> Result<bool> {
        self.asked += 1;
        if self.asked < ASKED_MAX {
            return Ok(false);
        }
        if self.is_all.is_none() {
            let mut is_all = true;
            for (prefix, chunk) in executor.view().state.chunks() {
                is_all = is_all && self.slots(executor, prefix, labels)? == chunk.nodes();
            }
            self.is_all = Some(is_all);
        }
        Ok(self.is_all == Some(true))
    }

    /// Whether the node at an address is there and has the labels.
    fn has(
        &mut self,
        executor: &Executor<'_, '_>,
        address: Address,
        labels: &[Arc<str>],
    ) -> Result<bool> {
        let slots = self.slots(executor, address.prefix(), labels)?;
        Ok(slots.contains(address.slot()))
    }

    fn slots(
        &mut self,
        executor: &Executor<'_, '_>,
        prefix: u8,
        labels: &[Arc<str>],
    ) -> Result<SlotSet> {
        if self.chunks.is_empty() {
            self.chunks = vec![None; CHUNKS];
        }
        if let Some(slots) = self.chunks[usize::from(prefix)] {
            return Ok(slots);
        }
        let view = executor.view();
        let slots = match view.state.chunk(prefix) {
            None => SlotSet::EMPTY,
            Some(chunk) => {
                let spend = |steps| executor.spend(steps);
                let slots = executor.census.labelled(prefix, chunk, labels, spend)?;
                match Zone::of_prefix(prefix) {
                    // Only there something expires.
                    Zone::Fluid => {
                        slots.filter(|slot| view.node(Address::new(prefix, slot)).is_some())
                    }
                    Zone::Surface | Zone::Node => slots,
                }
            }
        };
        self.chunks[usize::from(prefix)] = Some(slots);
        Ok(slots)
    }
}

impl Executor<'_, '_> {
    /// How many rows the last step makes of a row; nothing where that hangs on more than lists say.
    pub(super) fn count_in_lists(&self, step: &Step, row: &[Value]) -> Result<Option<u64>> {
        // What a statement that writes has read is noted one by one.
        if !self.is_settled() {
            return Ok(None);
        }
        let mut counts = self.counts.borrow_mut();
        if counts.len() <= step.id {
            counts.resize_with(step.id + 1, Counting::default);
        }
        let counting = &mut counts[step.id];
        match &step.op {
            Op::Expand {
                from,
                along,
                labels,
                is_into: false,
                ..
            } => self.count_ends((*from, along), labels, counting, row),
            Op::Intersect { labels, legs, .. } => {
                let own: SmallVec<[Slot; 4]> = legs.iter().map(|leg| leg.relationship).collect();
                let legs = legs.iter().map(|leg| (leg.from, &leg.along));
                let legs: SmallVec<[(Slot, &Along); 4]> = legs.collect();
                self.count_common(&legs, &own, labels, counting, row)
            }
            _ => Ok(None),
        }
    }

    /// How many relationships lead from a node to nodes with labels.
    fn count_ends(
        &self,
        leg: (Slot, &Along),
        labels: &[Arc<str>],
        Counting { fitting, buffers }: &mut Counting,
        row: &[Value],
    ) -> Result<Option<u64>> {
        let Some(start) = self.bound_node(leg.0, row)? else {
            return Ok(Some(0));
        };
        let mut used = SmallVec::new();
        let Some(direction) = self.direction(start.address, leg.1, &[], row, &mut used) else {
            return Ok(None);
        };
        buffers.resize_with(1, Vec::new);
        let view = self.view();
        // Then no end is to be looked at for anything but its labels.
        let is_simple = used.is_empty() && direction == graph::Direction::Outgoing;
        let mut count_of = |verb: Option<u8>| -> Result<Option<u64>> {
            let ends = view
                .state
                .graph()
                .ends(start.address, direction, verb, &mut buffers[0]);
            self.spend(ends.len() / ENDS_PER_STEP)?;
            if is_simple && fitting.is_all(self, labels)? {
                return Ok(Some(ends.len() as u64));
            }
            let mut count = 0;
            for end in ends {
                if !fitting.has(self, *end, labels)? {
                    continue;
                }
                if used.contains(end) || self.is_reified_from(*end, direction) {
                    return Ok(None);
                }
                count += 1;
            }
            Ok(Some(count))
        };
        let slots = match self.verbs(&leg.1.types) {
            Verbs::All => return count_of(None),
            Verbs::Some(slots) => slots,
        };
        let mut count = 0;
        for verb in &*slots {
            match count_of(Some(*verb))? {
                Some(more) => count += more,
                None => return Ok(None),
            }
        }
        Ok(Some(count))
    }

    /// How many ways there are to go from all of some nodes to one and the same node with labels.
    fn count_common(
        &self,
        legs: &[(Slot, &Along)],
        own: &[Slot],
        labels: &[Arc<str>],
        Counting { fitting, buffers }: &mut Counting,
        row: &[Value],
    ) -> Result<Option<u64>> {
        buffers.resize_with(legs.len(), Vec::new);
        let view = self.view();
        let (mut used, mut starts) = (SmallVec::new(), SmallVec::<[Address; 4]>::new());
        let mut lists: SmallVec<[&[Address]; 4]> = SmallVec::new();
        let mut is_into_source = false;
        for ((from, along), buffer) in legs.iter().zip(buffers) {
            let Some(start) = self.bound_node(*from, row)? else {
                return Ok(Some(0));
            };
            // From one node two legs might go along the same relationship.
            if starts.contains(&start.address) {
                return Ok(None);
            }
            starts.push(start.address);
            let Some(direction) = self.direction(start.address, along, own, row, &mut used) else {
                return Ok(None);
            };
            is_into_source |= direction == graph::Direction::Incoming;
            let verb = match self.verbs(&along.types) {
                Verbs::Some(slots) if slots.is_empty() => return Ok(Some(0)),
                Verbs::Some(slots) if slots.len() == 1 => slots[0],
                _ => return Ok(None),
            };
            let ends = view.state.graph();
            lists.push(ends.ends(start.address, direction, Some(verb), buffer));
        }
        lists.sort_unstable_by_key(|list| list.len());
        self.spend(lists[0].len() / ENDS_PER_STEP)?;
        let way = match is_into_source {
            true => graph::Direction::Incoming,
            false => graph::Direction::Outgoing,
        };
        let is_all = fitting.is_all(self, labels)?;
        let (mut count, mut is_counted) = (0, true);
        common(&mut lists, |end, ways| {
            if is_all || fitting.has(self, end, labels)? {
                count += ways;
                is_counted &= !used.contains(&end) && !self.is_reified_from(end, way);
            }
            Ok(())
        })?;
        Ok(is_counted.then_some(count))
    }

    /// The direction of a leg from a node; nothing if it has none, or if some of its relationships are none that patterns
    /// match. Adds to where relationships lead that it must not go along.
    fn direction(
        &self,
        start: Address,
        along: &Along,
        own: &[Slot],
        row: &[Value],
        used: &mut SmallVec<[Address; 4]>,
    ) -> Option<graph::Direction> {
        let direction = match along.direction {
            Direction::Outgoing if !self.is_bound(start) => graph::Direction::Outgoing,
            Direction::Incoming => graph::Direction::Incoming,
            Direction::Outgoing | Direction::Either => return None,
        };
        let mut take = |link: &EdgeLink| match direction {
            graph::Direction::Outgoing if link.source == start => used.push(link.target),
            graph::Direction::Incoming if link.target == start => used.push(link.source),
            _ => {}
        };
        for slot in along.unique.iter().filter(|slot| !own.contains(slot)) {
            match &row[*slot] {
                Value::Relationship(link) => take(link),
                Value::List(items) => items.iter().for_each(|item| {
                    if let Value::Relationship(link) = item {
                        take(link);
                    }
                }),
                _ => {}
            }
        }
        Some(direction)
    }

    /// Whether relationships from the end of one that is gone along against its direction may be none that patterns match.
    fn is_reified_from(&self, end: Address, direction: graph::Direction) -> bool {
        direction == graph::Direction::Incoming && self.is_bound(end)
    }
}

/// Shows what ascending lists have in common, and in how many ways something of each is that.
fn common(lists: &mut [&[Address]], mut f: impl FnMut(Address, u64) -> Result<()>) -> Result<()> {
    let Some((least, others)) = lists.split_first_mut() else {
        return Ok(());
    };
    'ends: while let Some(end) = least.first().copied() {
        let mut ways = leading(least, end);
        *least = &least[ways..];
        for list in &mut *others {
            *list = &list[below(list, end)..];
            match leading(list, end) {
                0 if list.is_empty() => return Ok(()),
                0 => continue 'ends,
                several => ways *= several,
            }
        }
        f(end, ways as u64)?;
    }
    Ok(())
}

/// How many elements at the start of a list are one address.
fn leading(list: &[Address], end: Address) -> usize {
    list.iter().take_while(|other| **other == end).count()
}

/// How many elements of an ascending list are below an address, looked for in growing steps.
fn below(list: &[Address], end: Address) -> usize {
    let mut bound = 1;
    while list.get(bound - 1).is_some_and(|other| *other < end) {
        bound *= 2;
    }
    let from = bound / 2;
    let rest = &list[from..bound.min(list.len())];
    from + rest.partition_point(|other| *other < end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_lists_have_in_common_is_what_a_search_in_each_finds(
            lists in prop::collection::vec(prop::collection::vec(0u16..40, 0..60), 1..4),
        ) {
            let mut lists: Vec<Vec<Address>> = lists.into_iter()
                .map(|list| list.into_iter().map(Address).collect()).collect();
            lists.iter_mut().for_each(|list| list.sort_unstable());
            let ways = |end: &Address| {
                lists.iter().map(|list| list.iter().filter(|other| *other == end).count() as u64).product()
            };
            let expected: Vec<(Address, u64)> = (0..40).map(Address)
                .map(|end| (end, ways(&end))).filter(|(_, ways)| *ways > 0).collect();
            let mut found = Vec::new();
            let mut views: Vec<&[Address]> = lists.iter().map(|list| &list[..]).collect();
            let all = common(&mut views, |end, ways| {
                found.push((end, ways));
                Ok(())
            });
            prop_assert!(all.is_ok());
            prop_assert_eq!(found, expected);
        }
    }
}
