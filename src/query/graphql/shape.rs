//! What kinds there are in a space, and what their fields hold: from this the types of its schema follow.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::state::State;

/// What the values of a field have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Nothing is known: there are empty lists only.
    Nothing,
    /// True or false.
    Boolean,
    /// Whole numbers of 32 bits.
    Int,
    /// Whole numbers of 64 bits.
    Long,
    /// Numbers.
    Float,
    /// Text, dates, times.
    Text,
    /// Lists of such.
    List(Box<Holds>),
    /// Nothing in common.
    Mixed,
}

impl Holds {
    fn of(value: &FieldValue) -> Self {
        match value {
            FieldValue::Bytes(_) | FieldValue::Temporal(_) => Self::Text,
            FieldValue::Integer(number) if i32::try_from(*number).is_ok() => Self::Int,
            FieldValue::Integer(_) => Self::Long,
            FieldValue::Float(_) => Self::Float,
            FieldValue::Boolean(_) => Self::Boolean,
            FieldValue::List(items) => {
                let items = items.iter().map(Self::of);
                Self::List(Box::new(items.fold(Self::Nothing, Self::or)))
            }
        }
    }

    /// Whether there are whole numbers of 64 bits in it.
    pub fn has_long(&self) -> bool {
        match self {
            Self::List(items) => items.has_long(),
            holds => *holds == Self::Long,
        }
    }

    /// What holds both.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::Nothing, any) | (any, Self::Nothing) => any,
            (Self::Int, Self::Long) | (Self::Long, Self::Int) => Self::Long,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::List(one), Self::List(other)) => Self::List(Box::new(one.or(*other))),
            _ => Self::Mixed,
        }
    }
}

/// The fields of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape(pub BTreeMap<Arc<str>, Kind>);

/// The fields of a kind, and what they hold.
pub type Kind = BTreeMap<Arc<[u8]>, Holds>;

impl Shape {
    fn add(&mut self, node: Node<'_>) {
        for kind in node.kinds() {
            if !self.0.contains_key(kind) {
                self.0.insert(Arc::clone(kind), Kind::new());
            }
            let fields = self.0.get_mut(kind);
            let (Some(fields), Some(values)) = (fields, node.fields()) else {
                continue;
            };
            for (name, value) in values.iter() {
                put(fields, name, Holds::of(value));
            }
        }
    }

    fn join(&mut self, other: &Self) {
        for (kind, fields) in &other.0 {
            let mine = self.0.entry(Arc::clone(kind)).or_default();
            for (name, holds) in fields {
                put(mine, name, holds.clone());
            }
        }
    }
}

fn put(fields: &mut Kind, name: &Arc<[u8]>, holds: Holds) {
    match fields.get_mut(name) {
        Some(before) if *before == holds => {}
        Some(before) => *before = std::mem::replace(before, Holds::Nothing).or(holds),
        None => drop(fields.insert(Arc::clone(name), holds)),
    }
}

/// The shape of a space, chunk by chunk, so that only chunks that changed are looked at again.
#[derive(Clone, Default)]
pub struct Shapes(BTreeMap<u8, (u64, Arc<Shape>)>);

impl Shapes {
    /// The shapes of a state. What is in `self` is of another state of the same space, or of none.
    pub fn of(&self, state: &State) -> Self {
        let chunks = state.chunks().map(|(prefix, chunk)| {
            let slots = chunk.nodes();
            let nodes = || {
                let addresses = slots.iter().map(|slot| Address::new(prefix, slot));
                addresses.filter_map(|address| state.node(address))
            };
            // Nobody has the same node, by id, at the same version with another content.
            let mut hasher = FixedState::default().build_hasher();
            for node in nodes() {
                hasher.write_u64(node.id());
                hasher.write_u64(node.version());
            }
            let stamp = hasher.finish();
            if let Some((before, shape)) = self.0.get(&prefix)
                && *before == stamp
            {
                return (prefix, (stamp, Arc::clone(shape)));
            }
            let mut shape = Shape::default();
            nodes().for_each(|node| shape.add(node));
            (prefix, (stamp, Arc::new(shape)))
        });
        Self(chunks.collect())
    }

    /// All of them together.
    pub fn whole(&self) -> Shape {
        let mut whole = Shape::default();
        for (_, shape) in self.0.values() {
            whole.join(shape);
        }
        whole
    }
}
