//! Which nodes of a space have a label, and how much of what there is: for scans, and for the order of patterns.
//!
//! As the index of a property it has parts that are true as long as a chunk has the columns, or the lists, that they were
//! made of, and makes the others anew when somebody looks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use ladybug_engine::space::address::{CHUNKS, SLOTS};
use ladybug_engine::space::chunk::{Chunk, Kinds};
use ladybug_engine::space::column::{Column, SlotSet};
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::error::Result;

/// How much of what there is in the space that a statement is for.
pub trait Statistics {
    /// Nodes.
    fn nodes(&self) -> f64;
    /// Nodes with a label.
    fn labelled(&self, label: &str) -> f64;
    /// Relationships of some types, or of all if none are given.
    fn relationships(&self, types: &[Arc<str>]) -> f64;
}

/// Nothing is known: a space like many.
#[derive(Debug)]
pub struct Unknown;

impl Statistics for Unknown {
    fn nodes(&self) -> f64 {
        10_000.0
    }

    fn labelled(&self, _: &str) -> f64 {
        1_000.0
    }

    fn relationships(&self, types: &[Arc<str>]) -> f64 {
        match types {
            [] => 100_000.0,
            _ => 50_000.0,
        }
    }
}

/// What is known of the nodes and edges of one space, by chunk.
#[derive(Debug)]
pub struct Census {
    labels: Mutex<Vec<Option<Labels>>>,
    verbs: Mutex<Vec<Option<Verbs>>>,
}

/// The labels in a chunk.
struct Labels {
    /// What they were found in.
    kinds: Column<Option<Kinds>>,
    /// Slots by label; of those that are free, what they had.
    slots: Vec<(Arc<str>, SlotSet)>,
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} labels of a chunk", self.slots.len())
    }
}

/// The types of relationships that leave from a chunk.
#[derive(Debug)]
struct Verbs {
    /// Where the lists were that they were counted in; others may lie there later, which makes estimates worse, not answers.
    place: usize,
    counts: Vec<(u8, usize)>,
}

impl Default for Census {
    fn default() -> Self {
        Self {
            labels: Mutex::new((0..CHUNKS).map(|_| None).collect()),
            verbs: Mutex::new((0..CHUNKS).map(|_| None).collect()),
        }
    }
}

impl Labels {
    fn of(chunk: &Chunk) -> Self {
        let mut slots: Vec<(Arc<str>, SlotSet)> = Vec::new();
        // Neighbours share their kinds mostly: those are looked up once.
        let mut run = (None, Vec::new());
        for slot in 0..=u8::MAX {
            let Some(kinds) = chunk.kinds.get(slot) else {
                continue;
            };
            if run.0 != Some(Arc::as_ptr(kinds)) {
                let place = |kind: &Arc<str>| {
                    let known = slots.iter().position(|(label, _)| label == kind);
                    known.unwrap_or_else(|| {
                        slots.push((Arc::clone(kind), SlotSet::EMPTY));
                        slots.len() - 1
                    })
                };
                run = (Some(Arc::as_ptr(kinds)), kinds.iter().map(place).collect());
            }
            for place in &run.1 {
                slots[*place].1.set(slot, true);
            }
        }
        Self {
            kinds: chunk.kinds.clone(),
            slots,
        }
    }

    fn slots(&self, label: &str) -> SlotSet {
        let known = self.slots.iter().find(|(of, _)| **of == *label);
        known.map_or(SlotSet::EMPTY, |(_, slots)| *slots)
    }
}

impl Census {
    /// The nodes of a chunk that have all of some labels, expired ones too. `spend` is told how many slots are to be
    /// looked at for what is no longer true.
    ///
    /// # Errors
    /// That of `spend`.
    pub fn labelled(
        &self,
        prefix: u8,
        chunk: &Chunk,
        labels: &[Arc<str>],
        spend: impl Fn(usize) -> Result<()>,
    ) -> Result<SlotSet> {
        let mut slots = chunk.nodes();
        if labels.is_empty() {
            return Ok(slots);
        }
        let mut parts = self.labels.lock();
        let part = &mut parts[usize::from(prefix)];
        part.take_if(|part| !part.kinds.shares_memory(&chunk.kinds));
        let part = match part {
            Some(part) => part,
            none => {
                spend(SLOTS)?;
                none.insert(Labels::of(chunk))
            }
        };
        for label in labels {
            slots = slots.and(&part.slots(label));
        }
        Ok(slots)
    }

    /// What it knows of a state.
    pub fn of<'a>(&'a self, state: &'a State) -> Counted<'a> {
        Counted {
            census: self,
            state,
            known: RefCell::default(),
        }
    }

    /// How many nodes of a state have a label.
    fn nodes(&self, state: &State, label: &Arc<str>) -> usize {
        let labels = std::slice::from_ref(label);
        let counts = state.chunks().map(|(prefix, chunk)| {
            let slots = self.labelled(prefix, chunk, labels, |_| Ok(()));
            slots.map_or(0, |slots| slots.len())
        });
        counts.sum()
    }

    /// How many edges of a state have a verb that fits.
    fn edges(&self, state: &State, fits: impl Fn(u8) -> bool) -> usize {
        let graph = state.graph();
        let mut parts = self.verbs.lock();
        let mut count = 0;
        for (prefix, part) in (0..=u8::MAX).zip(parts.iter_mut()) {
            let Some(place) = graph.place_of_edges_from(prefix) else {
                continue;
            };
            part.take_if(|part| part.place != place);
            let part = part.get_or_insert_with(|| Verbs {
                place,
                counts: graph.verbs_from(prefix),
            });
            let fitting = part.counts.iter().filter(|(verb, _)| fits(*verb));
            count += fitting.map(|(_, count)| count).sum::<usize>();
        }
        count
    }
}

/// A census of a state.
pub struct Counted<'a> {
    census: &'a Census,
    state: &'a State,
    /// What was asked for already.
    known: RefCell<HashMap<Asked, usize>>,
}

/// What can be counted.
#[derive(PartialEq, Eq, Hash)]
enum Asked {
    Label(Arc<str>),
    Types(Vec<Arc<str>>),
}

impl Counted<'_> {
    fn count(&self, asked: Asked) -> f64 {
        let mut known = self.known.borrow_mut();
        if let Some(count) = known.get(&asked) {
            return *count as f64;
        }
        let count = match &asked {
            Asked::Label(label) => self.census.nodes(self.state, label),
            Asked::Types(types) if types.is_empty() => self.state.graph().len(),
            Asked::Types(types) => {
                let verbs = self.state.verbs();
                let slots: Vec<u8> = types.iter().filter_map(|name| verbs.typed(name)).collect();
                self.census.edges(self.state, |verb| slots.contains(&verb))
            }
        };
        known.insert(asked, count);
        count as f64
    }
}

impl Statistics for Counted<'_> {
    fn nodes(&self) -> f64 {
        self.state.nodes_len() as f64
    }

    fn labelled(&self, label: &str) -> f64 {
        self.count(Asked::Label(label.into()))
    }

    fn relationships(&self, types: &[Arc<str>]) -> f64 {
        self.count(Asked::Types(types.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use ladybug_engine::space::address::Address;
    use ladybug_engine::space::apply::Space;
    use ladybug_engine::space::graph::Edge;
    use ladybug_engine::space::mutation::{Mutation, NodeImage};

    use super::*;

    fn node(space: &mut Space, at: u16, kinds: &[&str]) {
        let mut node = Box::new(NodeImage::new(u64::from(at), None, 0));
        let kinds = kinds.iter().map(|kind| Arc::from(*kind));
        node.kinds = Some(kinds.collect());
        let address = Address(at);
        space
            .apply(Mutation::Insert { address, node }, 1)
            .expect("free");
    }

    fn edge(space: &mut Space, id: u64, source: u16, verb: u8, target: u16) {
        let edge = Edge {
            id,
            source: Address(source),
            verb,
            target: Address(target),
            weight: 1.0,
            frequency: 1.0,
            confidence: 0.9,
            version: 0,
            evidence: None,
            properties: None,
            address: None,
        };
        let edge = Box::new(edge);
        space.apply(Mutation::Link { edge }, 1).expect("both ends");
    }

    #[test]
    fn it_counts_what_is_there_after_every_change() {
        let (mut space, census) = (Space::new(7), Census::default());
        let counts = |space: &Space, label: &str| census.of(space.state()).labelled(label);
        assert_eq!(counts(&space, "A"), 0.0);
        for at in 0x8000..0x8200 {
            node(
                &mut space,
                at,
                if at % 4 == 0 { &["A", "B"] } else { &["B"] },
            );
        }
        assert_eq!((counts(&space, "A"), counts(&space, "B")), (128.0, 512.0));
        let verb = |space: &Space, name: &str| space.state().verbs().typed(name).expect("built in");
        let (is_a, causes) = (verb(&space, "IS_A"), verb(&space, "CAUSES"));
        edge(&mut space, 9001, 0x8000, is_a, 0x8001);
        edge(&mut space, 9002, 0x8100, is_a, 0x8001);
        edge(&mut space, 9003, 0x8100, causes, 0x8001);
        let of = |space: &Space, names: &[&str]| {
            let names: Vec<Arc<str>> = names.iter().map(|name| Arc::from(*name)).collect();
            census.of(space.state()).relationships(&names)
        };
        assert_eq!(of(&space, &[]), 3.0);
        assert_eq!(of(&space, &["IS_A"]), 2.0);
        assert_eq!(of(&space, &["IS_A", "CAUSES"]), 3.0);
        assert_eq!(of(&space, &["NO_SUCH_TYPE"]), 0.0);
        for (address, id) in [(0x8000, 9001), (0x8100, 9002), (0x8100, 9003)] {
            let source = Address(address);
            let gone = Mutation::Unlink { source, id };
            space.apply(gone, 2).expect("it is there");
        }
        let address = Address(0x8000);
        space.apply(Mutation::Remove { address }, 2).expect("there");
        assert_eq!((counts(&space, "A"), counts(&space, "B")), (127.0, 511.0));
        assert_eq!(of(&space, &["IS_A"]), 0.0);
        assert_eq!(census.of(space.state()).nodes(), 511.0);
    }

    #[test]
    fn what_it_would_have_to_look_at_is_told_first() {
        let (mut space, census) = (Space::new(7), Census::default());
        node(&mut space, 0x8000, &["A"]);
        let labels = [Arc::from("A")];
        let look = |space: &Space, spend: &dyn Fn(usize) -> Result<()>| {
            let chunk = space.state().chunk(0x80).expect("in use");
            census.labelled(0x80, chunk, &labels, spend)
        };
        let refused = |_| Err(super::super::error::CypherError::left());
        assert!(look(&space, &refused).is_err());
        assert_eq!(look(&space, &|_| Ok(())).expect("slots").len(), 1);
        assert_eq!(look(&space, &refused).expect("known by now").len(), 1);
        node(&mut space, 0x8001, &["A"]);
        assert!(look(&space, &refused).is_err());
    }
}
