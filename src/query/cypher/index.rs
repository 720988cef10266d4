//! Nodes by the value of a property: an index of a space that is built when it is asked for the second time.
//!
//! It has a part for each chunk and keeps the columns that the part was made of. Columns that are shared are copied before
//! they are written, so a part is true as long as the chunk has the very same columns, whatever version, fork or
//! transaction it is looked at in; those that are no longer are made anew when somebody looks. What it answers are
//! candidates by a hash of the value: who asks looks at the node itself.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::space::address::{Address, CHUNKS};
use ladybug_engine::space::chunk::Chunk;
use ladybug_engine::space::column::Column;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::value::{Text, Value, hash};

/// Most indexes at once; the one that was used longest ago makes room.
pub const INDEXES_MAX: usize = 64;

/// A space and the key of a property.
type Of = (SpaceId, Arc<str>);

/// The indexes of all spaces.
#[derive(Debug, Default)]
pub struct PropertyIndexes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By what they are of: when last asked for, and the index once it was asked for twice.
    indexes: HashMap<Of, (u64, Option<Arc<PropertyIndex>>)>,
    clock: u64,
}

impl PropertyIndexes {
    /// The index of a key, if it has been asked for before.
    pub fn of(&self, space: SpaceId, key: &str) -> Option<Arc<PropertyIndex>> {
        let mut known = self.0.lock();
        known.clock += 1;
        let now = known.clock;
        let of = (space, Arc::from(key));
        if let Some((used, index)) = known.indexes.get_mut(&of) {
            *used = now;
            return Some(Arc::clone(
                index.get_or_insert_with(|| Arc::new(PropertyIndex::new(key))),
            ));
        }
        if known.indexes.len() == INDEXES_MAX {
            let oldest = known.indexes.iter().min_by_key(|(_, (used, _))| *used);
            let oldest = oldest.map(|(of, _)| of.clone());
            oldest.and_then(|oldest| known.indexes.remove(&oldest));
        }
        known.indexes.insert(of, (now, None));
        None
    }
}

/// Where which values of a property are, in one space.
#[derive(Debug)]
pub struct PropertyIndex {
    key: Arc<str>,
    hasher: RandomState,
    parts: Mutex<Vec<Option<Part>>>,
}

/// The values of a chunk.
struct Part {
    fields: Column<Option<Arc<Fields>>>,
    /// Names or values, which stand for fields that are called so.
    own: Option<Column<Option<Arc<[u8]>>>>,
    /// Hashes and slots, sorted.
    entries: Vec<(u64, u8)>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} entries", self.entries.len())
    }
}

impl PropertyIndex {
    fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            hasher: RandomState::new(),
            parts: Mutex::new((0..CHUNKS).map(|_| None).collect()),
        }
    }

    /// The addresses of nodes that may have the value, ascending.
    pub fn candidates(&self, state: &State, value: &Value) -> Vec<Address> {
        let wanted = self.hash(value);
        let mut parts = self.parts.lock();
        let mut found = Vec::new();
        for (prefix, chunk) in state.chunks() {
            let part = &mut parts[usize::from(prefix)];
            let part = match part {
                Some(part) if part.is_of(chunk, self.own(chunk)) => part,
                part => part.insert(self.part(chunk)),
            };
            let first = part.entries.partition_point(|(hash, _)| *hash < wanted);
            let same = part.entries[first..]
                .iter()
                .take_while(|(hash, _)| *hash == wanted);
            found.extend(same.map(|(_, slot)| Address::new(prefix, *slot)));
        }
        found
    }

    fn own<'c>(&self, chunk: &'c Chunk) -> Option<&'c Column<Option<Arc<[u8]>>>> {
        match &*self.key {
            "name" => Some(&chunk.name),
            "value" => Some(&chunk.value),
            _ => None,
        }
    }

    fn hash(&self, value: &Value) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hash(value, &mut hasher);
        hasher.finish()
    }

    fn part(&self, chunk: &Chunk) -> Part {
        let own = self.own(chunk);
        let mut entries = Vec::new();
        for slot in 0..=u8::MAX {
            let fields = chunk.fields.get(slot).as_ref();
            let field = fields.and_then(|fields| fields.get(self.key.as_bytes()));
            let own = || own.and_then(|own| own.get(slot).clone());
            let value = match field {
                Some(field) => Some(Value::from(field)),
                None => own().map(|bytes| Value::String(Text(bytes))),
            };
            entries.extend(value.map(|value| (self.hash(&value), slot)));
        }
        entries.sort_unstable();
        Part {
            fields: chunk.fields.clone(),
            own: own.cloned(),
            entries,
        }
    }
}

impl Part {
    fn is_of(&self, chunk: &Chunk, own: Option<&Column<Option<Arc<[u8]>>>>) -> bool {
        let is_same_own = match (&self.own, own) {
            (Some(a), Some(b)) => a.shares_memory(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.fields.shares_memory(&chunk.fields) && is_same_own
    }
}
