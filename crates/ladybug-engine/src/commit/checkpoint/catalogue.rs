//! The table of spaces, a record batch each: name, versions, own verbs, and the parity of each chunk.
//!
//! What concerns all spaces is in the schema's metadata: `next_id`, and the `encoder` whose fingerprints
//! the table of nodes has.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, StringBuilder, UInt8Builder, UInt16Builder};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};

use super::column::{Unreadable, column, full, optional};
use super::sharing::{Shared, Sharing};
use super::table::TableWriter;
use super::{CheckpointError, SpaceContents, nodes};
use crate::commit::batch::Origin;
use crate::commit::transaction::SpaceId;
use crate::fingerprint::encode::ENCODER_VERSION;
use crate::fingerprint::{BYTES, Fingerprint};
use crate::space::address::Address;
use crate::space::schema::{fingerprint_type, time_type};
use crate::space::verbs::OPEN_SLOT_FIRST;
use crate::space::words::Word;

const NEXT_ID: &str = "next_id";
const ENCODER: &str = "encoder";

fn verb_fields() -> Fields {
    Fields::from(vec![
        Field::new("slot", DataType::UInt8, false),
        Field::new("name", DataType::Utf8, false),
    ])
}

fn chunk_fields() -> Fields {
    Fields::from(vec![
        Field::new("prefix", DataType::UInt8, false),
        Field::new("parity", fingerprint_type(), false),
    ])
}

/// Prefixes whose rows are those of another space.
fn shared_fields() -> Fields {
    Fields::from(vec![
        Field::new("prefix", DataType::UInt8, false),
        Field::new("space", DataType::UInt32, false),
    ])
}

/// Concepts and programs of the space's own.
fn word_fields() -> Fields {
    Fields::from(vec![
        Field::new("address", DataType::UInt16, false),
        Field::new("name", DataType::Utf8, false),
        Field::new("text", DataType::Utf8, false),
    ])
}

fn list_of(fields: Fields) -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(fields), false))
}

/// The schema, with what concerns all spaces as metadata.
pub fn schema(next_id: u64) -> Schema {
    let fields = vec![
        Field::new("space", DataType::UInt32, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("version", DataType::UInt64, false),
        Field::new("version_max", DataType::UInt64, false),
        Field::new("committed", time_type(), false),
        Field::new("verbs", DataType::List(list_of(verb_fields())), false),
        Field::new("chunks", DataType::List(list_of(chunk_fields())), false),
        Field::new("shared", DataType::List(list_of(shared_fields())), false),
        Field::new("forked_from", DataType::UInt32, true),
        Field::new("forked_version", DataType::UInt64, true),
        Field::new("is_checkpoint", DataType::Boolean, false),
        Field::new("words", DataType::List(list_of(word_fields())), false),
        Field::new(
            "shared_edges",
            DataType::List(list_of(shared_fields())),
            false,
        ),
    ];
    let metadata = [
        (NEXT_ID.to_owned(), next_id.to_string()),
        (ENCODER.to_owned(), ENCODER_VERSION.to_string()),
    ];
    Schema::new(fields).with_metadata(metadata.into())
}

/// Writes the row of a space.
pub fn write(
    writer: &mut TableWriter,
    schema: &Arc<Schema>,
    space: &SpaceContents,
    sharing: &Sharing,
) -> Result<(), CheckpointError> {
    let state = &space.state;
    let (mut slots, mut names) = (UInt8Builder::new(), StringBuilder::new());
    for (slot, name) in state
        .verbs()
        .iter()
        .filter(|(slot, _)| *slot >= OPEN_SLOT_FIRST)
    {
        slots.append_value(slot);
        names.append_value(name);
    }
    let mut places = UInt16Builder::new();
    let (mut words, mut texts) = (StringBuilder::new(), StringBuilder::new());
    for (address, word) in state.words().iter() {
        places.append_value(address.0);
        words.append_value(&word.name);
        texts.append_value(&word.text);
    }
    let mut prefixes = UInt8Builder::new();
    let mut parities = FixedSizeBinaryBuilder::new(BYTES as i32);
    for (prefix, chunk) in state
        .chunks()
        .filter(|(_, chunk)| !chunk.occupied.is_empty())
    {
        prefixes.append_value(prefix);
        parities.append_value(nodes::parity(space, prefix, chunk).to_bytes())?;
    }
    let committed = TimestampMicrosecondArray::from(vec![state.committed()]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from(vec![space.id])),
        Arc::new(StringArray::from(vec![space.name.as_deref()])),
        Arc::new(UInt64Array::from(vec![state.version()])),
        Arc::new(UInt64Array::from(vec![space.version_max])),
        Arc::new(committed),
        row_of(
            verb_fields(),
            vec![Arc::new(slots.finish()), Arc::new(names.finish())],
        )?,
        row_of(
            chunk_fields(),
            vec![Arc::new(prefixes.finish()), Arc::new(parities.finish())],
        )?,
        row_of_shared(&sharing.nodes, space.id)?,
        Arc::new(UInt32Array::from(vec![
            space.origin.map(|origin| origin.space),
        ])),
        Arc::new(UInt64Array::from(vec![
            space.origin.map(|origin| origin.version),
        ])),
        Arc::new(BooleanArray::from(vec![
            space.origin.is_some_and(|origin| origin.is_checkpoint),
        ])),
        row_of(
            word_fields(),
            vec![
                Arc::new(places.finish()),
                Arc::new(words.finish()),
                Arc::new(texts.finish()),
            ],
        )?,
        row_of_shared(&sharing.edges, space.id)?,
    ];
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    writer.write(&batch, &format!("space {}", space.id))
}

/// A column of lists of structs, with one row of all of `items`.
fn row_of(fields: Fields, items: Vec<ArrayRef>) -> Result<ArrayRef, CheckpointError> {
    let items = StructArray::try_new(fields.clone(), items, None)?;
    let offsets = OffsetBuffer::from_lengths([items.len()]);
    let list = ListArray::try_new(list_of(fields), offsets, Arc::new(items), None)?;
    Ok(Arc::new(list))
}

/// A column of lists with one row: what of a space's is stored with another.
fn row_of_shared(shared: &Shared, space: SpaceId) -> Result<ArrayRef, CheckpointError> {
    let (prefixes, owners): (Vec<_>, Vec<_>) = shared.of(space).unzip();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt8Array::from(prefixes)),
        Arc::new(UInt32Array::from(owners)),
    ];
    row_of(shared_fields(), columns)
}

/// What the catalogue says of a space.
pub struct Entry {
    /// Its number.
    pub id: SpaceId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its version.
    pub version: u64,
    /// The highest version ever given out.
    pub version_max: u64,
    /// When its version was committed.
    pub committed: i64,
    /// Its own verbs by slot.
    pub verbs: Vec<(u8, String)>,
    /// Its own concepts and programs.
    pub words: Vec<(Address, Word)>,
    /// The parity of its chunks by prefix.
    pub parities: Vec<(u8, Fingerprint)>,
    /// Prefixes of chunks whose rows are those of another space, and whose.
    pub shared: Vec<(u8, SpaceId)>,
    /// Prefixes of which the edges that leave there are those of another space, and whose.
    pub shared_edges: Vec<(u8, SpaceId)>,
    /// Where it came from, if it is a fork.
    pub origin: Option<Origin>,
}

/// What concerns all spaces: the next id, and the version of the encoder.
pub fn read_schema(schema: &Schema) -> Result<(u64, u32), Unreadable> {
    let missing =
        |key: &str| Unreadable::expected(format_args!("'{key}' in the schema's metadata"));
    let text = |key: &str| schema.metadata().get(key).ok_or_else(|| missing(key));
    let next_id = text(NEXT_ID)?.parse().map_err(|_| missing(NEXT_ID))?;
    let encoder = text(ENCODER)?.parse().map_err(|_| missing(ENCODER))?;
    Ok((next_id, encoder))
}

/// Reads the row of a space.
pub fn read(batch: &RecordBatch) -> Result<Entry, Unreadable> {
    if batch.num_rows() != 1 {
        return Err(Unreadable::expected("one space a record batch"));
    }
    let space: &UInt32Array = full(batch, "space")?;
    let name: &StringArray = column(batch, "name")?;
    let version: &UInt64Array = full(batch, "version")?;
    let version_max: &UInt64Array = full(batch, "version_max")?;
    let committed: &TimestampMicrosecondArray = full(batch, "committed")?;
    let (slots, names): (UInt8Array, StringArray) = items(batch, "verbs")?;
    let (prefixes, parities): (UInt8Array, FixedSizeBinaryArray) = items(batch, "chunks")?;
    let words = match batch.column_by_name("words") {
        Some(_) => read_words(batch)?,
        // The first two formats knew none.
        None => Vec::new(),
    };
    let verbs = slots.values().iter().zip(names.iter().flatten());
    let parity = |(prefix, bytes): (&u8, &[u8])| {
        let parity = Fingerprint::from_bytes(bytes);
        let parity = parity.map_err(|error| Unreadable(error.to_string()))?;
        Ok((*prefix, parity))
    };
    let parities = prefixes.values().iter().zip(parities.iter().flatten());
    let (mut shared, mut origin) = (Vec::new(), None);
    // The first format knew no forks.
    if batch.column_by_name("forked_from").is_some() {
        shared = read_shared(batch, "shared")?;
        let from: &UInt32Array = column(batch, "forked_from")?;
        let version: &UInt64Array = column(batch, "forked_version")?;
        let is_checkpoint: &BooleanArray = full(batch, "is_checkpoint")?;
        origin = optional(from, 0)
            .zip(optional(version, 0))
            .map(|(space, version)| Origin {
                space,
                version,
                is_checkpoint: is_checkpoint.value(0),
            });
    }
    let shared_edges = match batch.column_by_name("shared_edges") {
        Some(_) => read_shared(batch, "shared_edges")?,
        // The first three formats stored all edges of a fork again.
        None => Vec::new(),
    };
    Ok(Entry {
        id: space.value(0),
        name: optional(name, 0).map(Arc::from),
        version: version.value(0),
        version_max: version_max.value(0),
        committed: committed.value(0),
        verbs: verbs.map(|(slot, name)| (*slot, name.to_owned())).collect(),
        words,
        parities: parities.map(parity).collect::<Result<_, Unreadable>>()?,
        shared,
        shared_edges,
        origin,
    })
}

/// What the only list of a column says is stored with other spaces.
fn read_shared(batch: &RecordBatch, name: &str) -> Result<Vec<(u8, SpaceId)>, Unreadable> {
    let (prefixes, owners): (UInt8Array, UInt32Array) = items(batch, name)?;
    let pairs = prefixes.values().iter().zip(owners.values());
    Ok(pairs.map(|(prefix, owner)| (*prefix, *owner)).collect())
}

/// The words in the only list of their column.
fn read_words(batch: &RecordBatch) -> Result<Vec<(Address, Word)>, Unreadable> {
    let list: &ListArray = full(batch, "words")?;
    let items = list.value(0);
    let read = || {
        let columns = items.as_any().downcast_ref::<StructArray>()?.columns();
        let [places, names, texts] = columns else {
            return None;
        };
        let places = places.as_any().downcast_ref::<UInt16Array>()?;
        let names = names.as_any().downcast_ref::<StringArray>()?;
        let texts = texts.as_any().downcast_ref::<StringArray>()?;
        let words = names.iter().flatten().zip(texts.iter().flatten());
        let words = words.map(|(name, text)| Word {
            name: name.into(),
            text: text.into(),
        });
        let places = places.values().iter().map(|at| Address(*at));
        Some(places.zip(words).collect())
    };
    read().ok_or_else(|| Unreadable::expected("the columns of 'words'"))
}

/// The two columns of the structs in the only list of a column.
fn items<A, B>(batch: &RecordBatch, name: &str) -> Result<(A, B), Unreadable>
where
    A: Array + Clone + 'static,
    B: Array + Clone + 'static,
{
    let list: &ListArray = full(batch, name)?;
    let items = list.value(0);
    let columns = items
        .as_any()
        .downcast_ref::<StructArray>()
        .and_then(|items| {
            let first = items.columns().first()?.as_any().downcast_ref::<A>()?;
            let second = items.columns().get(1)?.as_any().downcast_ref::<B>()?;
            Some((first.clone(), second.clone()))
        });
    columns.ok_or_else(|| Unreadable::expected(format_args!("the columns of '{name}'")))
}
