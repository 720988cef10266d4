//! Nodes by the value of a property, and values by the node: an index of a space that is built when it is asked for the
//! second time.
//!
//! It has parts for each chunk and keeps the columns that a part was made of. Columns that are shared are copied before
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
    /// Of each chunk the hashes of values, and their slots, sorted.
    entries: Parts<(u64, u8)>,
    /// Of each chunk the values of all slots.
    values: Parts<Value>,
}

/// What was made of each chunk.
type Parts<T> = Mutex<Vec<Option<Part<T>>>>;

/// What was made of a chunk.
struct Part<T> {
    columns: Columns,
    made: Arc<[T]>,
}

/// The columns of a chunk that say what a property is.
struct Columns {
    fields: Column<Option<Arc<Fields>>>,
    /// Names or values, which stand for fields that are called so.
    own: Option<Column<Option<Arc<[u8]>>>>,
}

impl<T> std::fmt::Debug for Part<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} of a chunk", self.made.len())
    }
}

impl PropertyIndex {
    fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            hasher: RandomState::new(),
            entries: Mutex::new((0..CHUNKS).map(|_| None).collect()),
            values: Mutex::new((0..CHUNKS).map(|_| None).collect()),
        }
    }

    /// The addresses of nodes that may have the value, ascending.
    pub fn candidates(&self, state: &State, value: &Value) -> Vec<Address> {
        let wanted = self.hash(value);
        let mut parts = self.entries.lock();
        let mut found = Vec::new();
        for (prefix, chunk) in state.chunks() {
            let entries = self.part(&mut parts[usize::from(prefix)], chunk, || {
                self.entries_of(chunk)
            });
            let first = entries.partition_point(|(hash, _)| *hash < wanted);
            let same = entries[first..]
                .iter()
                .take_while(|(hash, _)| *hash == wanted);
            found.extend(same.map(|(_, slot)| Address::new(prefix, *slot)));
        }
        found
    }

    /// The values of all slots of a chunk; those that are equal are one and the same text.
    pub fn values(&self, prefix: u8, chunk: &Chunk) -> Arc<[Value]> {
        let mut parts = self.values.lock();
        let part = &mut parts[usize::from(prefix)];
        let values = self.part(part, chunk, || {
            let mut texts: HashMap<Text, Text> = HashMap::new();
            let values = (0..=u8::MAX).map(|slot| match self.value(chunk, slot) {
                Some(Value::String(text)) => {
                    Value::String(texts.entry(text.clone()).or_insert(text).clone())
                }
                value => value.unwrap_or_default(),
            });
            values.collect()
        });
        Arc::clone(values)
    }

    /// What is made of a chunk, anew if its columns are no longer those that it was made of.
    fn part<'p, T>(
        &self,
        part: &'p mut Option<Part<T>>,
        chunk: &Chunk,
        make: impl FnOnce() -> Arc<[T]>,
    ) -> &'p Arc<[T]> {
        let own = self.own(chunk);
        part.take_if(|part| !part.columns.are_of(chunk, own));
        let part = part.get_or_insert_with(|| Part {
            columns: Columns {
                fields: chunk.fields.clone(),
                own: own.cloned(),
            },
            made: make(),
        });
        &part.made
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

    fn value(&self, chunk: &Chunk, slot: u8) -> Option<Value> {
        let fields = chunk.fields.get(slot).as_ref();
        match fields.and_then(|fields| fields.get(self.key.as_bytes())) {
            Some(field) => Some(Value::from(field)),
            None => {
                let own = self.own(chunk)?.get(slot).clone();
                own.map(|bytes| Value::String(Text(bytes)))
            }
        }
    }

    fn entries_of(&self, chunk: &Chunk) -> Arc<[(u64, u8)]> {
        let entry = |slot| Some((self.hash(&self.value(chunk, slot)?), slot));
        let mut entries: Vec<(u64, u8)> = (0..=u8::MAX).filter_map(entry).collect();
        entries.sort_unstable();
        entries.into()
    }
}

impl Columns {
    fn are_of(&self, chunk: &Chunk, own: Option<&Column<Option<Arc<[u8]>>>>) -> bool {
        let is_same_own = match (&self.own, own) {
            (Some(a), Some(b)) => a.shares_memory(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.fields.shares_memory(&chunk.fields) && is_same_own
    }
}
