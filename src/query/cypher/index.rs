//! Nodes by the value of a property, and values by the node: an index of a space that is built when it is asked for often.
//!
//! It has parts for each chunk and keeps the columns that a part was made of. Columns that are shared are copied before
//! they are written, so a part is true as long as the chunk has the very same columns, whatever version, fork or
//! transaction it is looked at in; those that are no longer are made anew when somebody looks. What it answers are
//! candidates by a hash of the value: who asks looks at the node itself. Nodes by their own names are in the directory of
//! the space already; what is indexed of `name` are fields that are called so.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::space::address::{Address, CHUNKS, SLOTS};
use ladybug_engine::space::chunk::Chunk;
use ladybug_engine::space::column::Column;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::census::Census;
use super::error::Result;
use super::value::{Text, Value, hash};

/// Most indexes of properties at once, and most spaces of which something is known; what was used longest ago makes room.
pub const INDEXES_MAX: usize = 64;

/// How often the index of a property is asked for until it is made. A statement that was tried in vain where it came in
/// asks twice.
const ASKED_MIN: u32 = 3;

/// Most texts that an index of a property knows to be equal wherever they are.
const TEXTS_MAX: usize = 4096;
/// Longest of them, bytes.
const TEXT_BYTES_MAX: usize = 64;

/// A space and the key of a property.
type Of = (SpaceId, Arc<str>);

/// The indexes of all spaces.
#[derive(Debug, Default)]
pub struct Indexes {
    properties: Mutex<Recent<Of, Wish>>,
    censuses: Mutex<Recent<SpaceId, Arc<Census>>>,
}

impl Indexes {
    /// The index of a property, if it is of names, or has been asked for often enough.
    pub fn property(&self, space: SpaceId, key: &str) -> Option<Arc<PropertyIndex>> {
        let mut properties = self.properties.lock();
        let wish = properties.get((space, Arc::from(key)));
        wish.asked = wish.asked.saturating_add(1);
        if wish.asked < ASKED_MIN && key != NAME {
            return None;
        }
        let index = wish
            .index
            .get_or_insert_with(|| Arc::new(PropertyIndex::new(key)));
        Some(Arc::clone(index))
    }

    /// What is known of the labels and types of a space.
    pub fn census(&self, space: SpaceId) -> Arc<Census> {
        Arc::clone(self.censuses.lock().get(space))
    }
}

/// An index that somebody asked for.
#[derive(Debug, Default)]
struct Wish {
    asked: u32,
    index: Option<Arc<PropertyIndex>>,
}

/// At most [`INDEXES_MAX`] things, and when each was last asked for.
#[derive(Debug)]
struct Recent<K, V> {
    known: HashMap<K, (u64, V)>,
    clock: u64,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            clock: 0,
        }
    }
}

impl<K: Clone + Eq + Hash, V: Default> Recent<K, V> {
    /// The one of a key.
    fn get(&mut self, key: K) -> &mut V {
        self.clock += 1;
        if self.known.len() == INDEXES_MAX && !self.known.contains_key(&key) {
            let oldest = self.known.iter().min_by_key(|(_, (used, _))| *used);
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.known.remove(&oldest));
        }
        let (used, value) = self.known.entry(key).or_default();
        *used = self.clock;
        value
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
    /// Texts of values, each once, as long as there are few.
    texts: Mutex<HashSet<Text>>,
}

/// What was made of each chunk.
type Parts<T> = Mutex<Vec<Option<Part<T>>>>;

/// What was made of a chunk.
struct Part<T> {
    columns: Columns,
    made: Arc<[T]>,
}

/// The property that stands for a node's own name.
const NAME: &str = "name";

/// A column of names or values.
type OwnColumn = Column<Option<Arc<[u8]>>>;

/// The columns of a chunk that say what a property is.
struct Columns {
    fields: Column<Option<Arc<Fields>>>,
    /// Names or values, which stand for fields that are called so.
    own: Option<OwnColumn>,
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
            texts: Mutex::default(),
        }
    }

    /// The addresses of nodes that may have the value, ascending. `spend` is told how many slots are to be looked at for
    /// what is no longer true of their chunks.
    ///
    /// # Errors
    /// That of `spend`.
    pub fn candidates(
        &self,
        state: &State,
        value: &Value,
        spend: impl Fn(usize) -> Result<()>,
    ) -> Result<Vec<Address>> {
        let wanted = self.hash(value);
        let mut parts = self.entries.lock();
        let mut found = Vec::new();
        let own = match value {
            Value::String(text) if &*self.key == NAME => state.find(&text.0),
            _ => None,
        };
        found.extend(own);
        for (prefix, chunk) in state.chunks() {
            let own = self.own(chunk).filter(|_| &*self.key != NAME);
            let entries = part_of(&mut parts[usize::from(prefix)], chunk, own, || {
                spend(SLOTS)?;
                Ok(self.entries_of(chunk, own))
            })?;
            let first = entries.partition_point(|(hash, _)| *hash < wanted);
            let same = entries[first..]
                .iter()
                .take_while(|(hash, _)| *hash == wanted);
            found.extend(same.map(|(_, slot)| Address::new(prefix, *slot)));
        }
        if own.is_some() {
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    /// The values of all slots of a chunk; those that are equal are mostly one and the same text. `spend` as in
    /// [`candidates`](Self::candidates).
    ///
    /// # Errors
    /// That of `spend`.
    pub fn values(
        &self,
        prefix: u8,
        chunk: &Chunk,
        spend: impl Fn(usize) -> Result<()>,
    ) -> Result<Arc<[Value]>> {
        let mut parts = self.values.lock();
        let part = &mut parts[usize::from(prefix)];
        let own = self.own(chunk);
        let values = part_of(part, chunk, own, || {
            spend(SLOTS)?;
            let mut texts = self.texts.lock();
            let values = (0..=u8::MAX).map(|slot| match self.value(chunk, own, slot) {
                Some(Value::String(text)) => Value::String(once(&mut texts, text)),
                value => value.unwrap_or_default(),
            });
            Ok(values.collect())
        })?;
        Ok(Arc::clone(values))
    }

    fn own<'c>(&self, chunk: &'c Chunk) -> Option<&'c OwnColumn> {
        match &*self.key {
            NAME => Some(&chunk.name),
            "value" => Some(&chunk.value),
            _ => None,
        }
    }

    fn hash(&self, value: &Value) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hash(value, &mut hasher);
        hasher.finish()
    }

    fn value(&self, chunk: &Chunk, own: Option<&OwnColumn>, slot: u8) -> Option<Value> {
        let fields = chunk.fields.get(slot).as_ref();
        match fields.and_then(|fields| fields.get(self.key.as_bytes())) {
            Some(field) => Some(Value::from(field)),
            None => {
                let own = own?.get(slot).clone();
                own.map(|bytes| Value::String(Text(bytes)))
            }
        }
    }

    fn entries_of(&self, chunk: &Chunk, own: Option<&OwnColumn>) -> Arc<[(u64, u8)]> {
        let entry = |slot| Some((self.hash(&self.value(chunk, own, slot)?), slot));
        let mut entries: Vec<(u64, u8)> = (0..=u8::MAX).filter_map(entry).collect();
        entries.sort_unstable();
        entries.into()
    }
}

/// The text of a set that is equal; it becomes one of it if there is none, unless it is long.
fn once(texts: &mut HashSet<Text>, text: Text) -> Text {
    if text.0.len() > TEXT_BYTES_MAX {
        return text;
    }
    if let Some(known) = texts.get(&text) {
        return known.clone();
    }
    if texts.len() == TEXTS_MAX {
        texts.clear();
    }
    texts.insert(text.clone());
    text
}

/// What is made of a chunk, anew if its columns are no longer those that it was made of.
fn part_of<'p, T>(
    part: &'p mut Option<Part<T>>,
    chunk: &Chunk,
    own: Option<&OwnColumn>,
    make: impl FnOnce() -> Result<Arc<[T]>>,
) -> Result<&'p Arc<[T]>> {
    part.take_if(|part| !part.columns.are_of(chunk, own));
    let part = match part {
        Some(part) => part,
        none => none.insert(Part {
            made: make()?,
            columns: Columns {
                fields: chunk.fields.clone(),
                own: own.cloned(),
            },
        }),
    };
    Ok(&part.made)
}

impl Columns {
    fn are_of(&self, chunk: &Chunk, own: Option<&OwnColumn>) -> bool {
        let is_same_own = match (&self.own, own) {
            (Some(a), Some(b)) => a.shares_memory(b),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.fields.shares_memory(&chunk.fields) && is_same_own
    }
}
