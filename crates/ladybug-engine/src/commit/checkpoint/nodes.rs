//! The table of nodes: a record batch a chunk, its occupied slots in order, reified edges' slots too.
//!
//! Beside the canonical columns it has what a lossless reload needs. The space and the prefix of a batch
//! are those of its first row. A chunk whose values exceed [`BATCH_BYTES_MAX`] takes several batches.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, LargeBinaryBuilder, UInt8Builder, UInt32Builder, UInt64Builder,
};
use arrow_array::{
    Array, BinaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, LargeBinaryArray,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_buffer::{Buffer, MutableBuffer};
use arrow_schema::{DataType, Field, Schema};

use super::column::{Unreadable, column, full, optional};
use super::sharing::Shared;
use super::table::{BATCH_BYTES_MAX, TableWriter};
use super::{CheckpointError, SpaceContents};
use crate::commit::codec::{Decoder, Encoder};
use crate::commit::transaction::SpaceId;
use crate::fingerprint::{BYTES, Fingerprint};
use crate::space::address::{Address, SLOTS};
use crate::space::chunk::{Chunk, Kinds, NEVER, Source};
use crate::space::column::SlotSet;
use crate::space::fields::Fields;
use crate::space::marks::{Qualia, RUNG_MAX, Truth};
use crate::space::page::Fingerprints;
use crate::space::rows::NodeRows;
use crate::space::schema::node_fields;

/// The canonical columns, and those that only a checkpoint has.
pub fn schema() -> Schema {
    let mut fields = node_fields();
    fields.extend([
        Field::new("space", DataType::UInt32, false),
        Field::new("source", DataType::UInt8, false),
        Field::new("checksum", DataType::UInt64, false),
        Field::new("promotion", DataType::UInt32, false),
        Field::new("fields", DataType::LargeBinary, true),
        Field::new("name_bytes", DataType::Binary, true),
    ]);
    Schema::new(fields)
}

/// The rows of one batch in the making.
#[derive(Default)]
struct Rows {
    canonical: NodeRows,
    space: UInt32Builder,
    source: UInt8Builder,
    checksum: UInt64Builder,
    promotion: UInt32Builder,
    fields: LargeBinaryBuilder,
    name_bytes: BinaryBuilder,
    /// Bytes of `fields` so far.
    fields_bytes: usize,
}

impl Rows {
    fn finish(&mut self, schema: &Arc<Schema>) -> Result<RecordBatch, CheckpointError> {
        let mut columns = self.canonical.finish();
        columns.push(Arc::new(self.space.finish()));
        columns.push(Arc::new(self.source.finish()));
        columns.push(Arc::new(self.checksum.finish()));
        columns.push(Arc::new(self.promotion.finish()));
        columns.push(Arc::new(self.fields.finish()));
        columns.push(Arc::new(self.name_bytes.finish()));
        self.fields_bytes = 0;
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

/// Writes the nodes of a space, but for chunks that are `shared` with another.
pub fn write(
    writer: &mut TableWriter,
    space: &SpaceContents,
    shared: &Shared,
) -> Result<(), CheckpointError> {
    let schema = Arc::new(schema());
    let mut rows = Rows::default();
    let chunks = space.state.chunks();
    for (prefix, chunk) in chunks.filter(|(prefix, _)| !shared.contains(space.id, *prefix)) {
        let holds = format!("space {}, chunk {prefix:02X}", space.id);
        for slot in chunk.occupied.iter() {
            push(&mut rows, space, Address::new(prefix, slot));
            if rows.canonical.varying_bytes() + rows.fields_bytes >= BATCH_BYTES_MAX {
                writer.write(&rows.finish(&schema)?, &holds)?;
            }
        }
        if !rows.canonical.is_empty() {
            writer.write(&rows.finish(&schema)?, &holds)?;
        }
    }
    Ok(())
}

fn push(rows: &mut Rows, space: &SpaceContents, address: Address) {
    let (slot, state) = (address.slot(), &space.state);
    let (Some(node), Some(chunk)) = (state.node(address), state.chunk(address.prefix())) else {
        unreachable!("invariant: an occupied slot has a node");
    };
    let (fingerprint, derived) = space.fingerprint(address, chunk.fingerprint(slot));
    rows.canonical.push(node, fingerprint, None);
    rows.space.append_value(space.id);
    rows.source.append_value(node.source() as u8);
    rows.checksum.append_value(match derived {
        true => fingerprint.checksum(),
        false => chunk.checksum(slot),
    });
    rows.promotion.append_value(match node.is_edge() {
        true => 0,
        false => node.promotion(),
    });
    let fields = node.fields().filter(|_| !node.is_edge()).map(encode_fields);
    rows.fields_bytes += fields.as_ref().map_or(0, Vec::len);
    rows.fields.append_option(fields);
    let name = node.name().filter(|_| !node.is_edge());
    rows.name_bytes
        .append_option(name.filter(|name| std::str::from_utf8(name).is_err()));
}

/// Fields with their types, as the log writes them.
pub fn encode_fields(fields: &Arc<Fields>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder(&mut bytes).fields(fields);
    bytes
}

/// Reads what [`encode_fields`] wrote.
pub fn decode_fields(bytes: &[u8]) -> Result<Arc<Fields>, Unreadable> {
    let mut decoder = Decoder::new(bytes);
    let fields = decoder
        .fields()
        .map_err(|error| Unreadable(error.to_string()))?;
    match decoder.is_at_end() && !fields.is_empty() {
        true => Ok(Arc::new(fields)),
        false => Err(Unreadable::expected("typed fields and nothing else")),
    }
}

/// The ⊕ of the fingerprints that the checkpoint has of a chunk, as far as memory is right about its own:
/// it starts from the parity that memory keeps, so that damage in memory shows in the checkpoint too.
pub fn parity(space: &SpaceContents, prefix: u8, chunk: &Chunk) -> Fingerprint {
    let mut parity = (*chunk.parity).clone();
    for slot in 0..=255 {
        let there = chunk.fingerprint(slot);
        if !chunk.occupied.contains(slot) {
            // What is left in a free slot is in memory's parity, but not in the file.
            parity.xor_assign(there);
        } else if let (fingerprint, true) = space.fingerprint(Address::new(prefix, slot), there) {
            parity.xor_assign(there);
            parity.xor_assign(fingerprint);
        }
    }
    parity
}

/// The strings of kinds, each once in memory.
#[derive(Default)]
pub struct KindPool(HashSet<Arc<str>>);

impl KindPool {
    fn share(&mut self, kind: &str) -> Arc<str> {
        if let Some(kind) = self.0.get(kind) {
            return Arc::clone(kind);
        }
        let kind: Arc<str> = kind.into();
        self.0.insert(Arc::clone(&kind));
        kind
    }
}

/// Whose rows a batch holds: the space and the prefix.
pub fn owner(batch: &RecordBatch) -> Result<(SpaceId, u8), Unreadable> {
    if batch.num_rows() == 0 {
        return Err(Unreadable::expected("a row in every record batch"));
    }
    let space: &UInt32Array = full(batch, "space")?;
    let address: &UInt16Array = full(batch, "address")?;
    let (id, prefix) = (space.value(0), Address(address.value(0)).prefix());
    let same = space.values().iter().all(|space| *space == id)
        && address
            .values()
            .iter()
            .all(|raw| Address(*raw).prefix() == prefix);
    match same {
        true => Ok((id, prefix)),
        false => Err(Unreadable::expected("a record batch of one chunk")),
    }
}

/// The slots of a batch's rows, in order.
pub fn slots(batch: &RecordBatch) -> Result<Vec<u8>, Unreadable> {
    let address: &UInt16Array = full(batch, "address")?;
    match address.values().is_sorted_by(|a, b| a < b) {
        true => Ok(address.values().iter().map(|raw| *raw as u8).collect()),
        false => Err(Unreadable::expected("rows in the order of their addresses")),
    }
}

/// The fingerprints of a batch's rows, in order, where they lie.
pub fn fingerprints(batch: &RecordBatch) -> Result<Buffer, Unreadable> {
    let fingerprints: &FixedSizeBinaryArray = full(batch, "fingerprint")?;
    let bytes = fingerprints.len() * BYTES;
    match fingerprints.value_length() == BYTES as i32 && fingerprints.values().len() >= bytes {
        true => Ok(fingerprints.values().slice_with_length(0, bytes)),
        false => Err(Unreadable::expected("fingerprints of 1,280 bytes")),
    }
}

/// The chunk whose rows `batches` are. With `stale`, what follows from content is to be encoded again.
pub fn read_chunk(
    batches: &[RecordBatch],
    parity: Fingerprint,
    kinds: &mut KindPool,
    stale: bool,
) -> Result<Chunk, Unreadable> {
    let mut rows = Vec::with_capacity(batches.len());
    let mut occupied = SlotSet::EMPTY;
    let mut checksums = [0; SLOTS];
    for batch in batches {
        let slots = slots(batch)?;
        let recorded: &UInt64Array = full(batch, "checksum")?;
        for (slot, checksum) in slots.into_iter().zip(recorded.values()) {
            if occupied.contains(slot) {
                return Err(Unreadable::expected("each address once"));
            }
            occupied.set(slot, true);
            checksums[slot as usize] = *checksum;
        }
        rows.push(fingerprints(batch)?);
    }
    let rows = match <[Buffer; 1]>::try_from(rows) {
        Ok([rows]) => rows,
        Err(rows) => copied(&rows),
    };
    let mapped = Fingerprints::mapped(rows.clone(), occupied)
        .or_else(|| Fingerprints::mapped(copied(&[rows]), occupied))
        .ok_or_else(|| Unreadable::expected("a fingerprint for every row"))?;
    let mut chunk =
        Chunk::from_checkpoint(mapped, parity, occupied, |slot| checksums[slot as usize]);
    for batch in batches {
        read_columns(batch, &mut chunk, kinds)?;
    }
    if stale {
        chunk.pending = occupied
            .iter()
            .filter(|slot| {
                Source::of_code(*chunk.source.get(*slot)).is_some_and(Source::is_derived)
            })
            .collect();
    }
    Ok(chunk)
}

/// The rows in aligned memory.
fn copied(rows: &[Buffer]) -> Buffer {
    let mut copy = MutableBuffer::new(rows.iter().map(Buffer::len).sum());
    rows.iter().for_each(|rows| copy.extend_from_slice(rows));
    copy.into()
}

/// Sets every column but the fingerprints.
fn read_columns(
    batch: &RecordBatch,
    chunk: &mut Chunk,
    pool: &mut KindPool,
) -> Result<(), Unreadable> {
    let id: &UInt64Array = full(batch, "id")?;
    let name: &StringArray = column(batch, "name")?;
    let name_bytes: &BinaryArray = column(batch, "name_bytes")?;
    let kinds: &ListArray = full(batch, "kinds")?;
    let value: &BinaryArray = column(batch, "value")?;
    let fields: &LargeBinaryArray = column(batch, "fields")?;
    let frequency: &Float32Array = full(batch, "frequency")?;
    let confidence: &Float32Array = full(batch, "confidence")?;
    let evidence: &ListArray = full(batch, "evidence")?;
    let qualia: &FixedSizeListArray = full(batch, "qualia")?;
    let rung: &UInt8Array = full(batch, "rung")?;
    let depth: &UInt8Array = full(batch, "depth")?;
    let parent: &UInt64Array = column(batch, "parent")?;
    let version: &UInt64Array = full(batch, "version")?;
    let created: &TimestampMicrosecondArray = full(batch, "created")?;
    let expires: &TimestampMicrosecondArray = column(batch, "expires")?;
    let source: &UInt8Array = full(batch, "source")?;
    let promotion: &UInt32Array = full(batch, "promotion")?;
    let felt = qualia.values().as_any().downcast_ref::<Float32Array>();
    let felt = felt.ok_or_else(|| Unreadable::expected("qualia of 32-bit floats"))?;
    let (felt, _) = felt.values().as_chunks::<8>();

    for (row, slot) in slots(batch)?.into_iter().enumerate() {
        let Some(from) = Source::of_code(source.value(row)) else {
            return Err(Unreadable::expected("the code of a fingerprint's source"));
        };
        let truth = Truth::new(frequency.value(row), confidence.value(row))
            .map_err(|error| Unreadable(error.to_string()))?;
        let felt = felt.get(row).copied();
        let qualia = Qualia::new(felt.unwrap_or([f32::NAN; 8]))
            .map_err(|error| Unreadable(error.to_string()))?;
        if rung.value(row) > RUNG_MAX {
            return Err(Unreadable::expected("a rung of 0 to 9"));
        }
        chunk.source.set(slot, from as u8);
        chunk.edges.set(slot, from == Source::Edge);
        *chunk.id.get_mut(slot) = id.value(row);
        chunk.frequency.set(slot, truth.frequency());
        chunk.confidence.set(slot, truth.confidence());
        chunk.qualia.set(slot, qualia.values());
        chunk.rung.set(slot, rung.value(row));
        chunk.depth.set(slot, depth.value(row));
        chunk.parent.set(slot, optional(parent, row).unwrap_or(0));
        *chunk.created.get_mut(slot) = created.value(row);
        chunk
            .expires
            .set(slot, optional(expires, row).unwrap_or(NEVER));
        *chunk.version.get_mut(slot) = version.value(row);
        chunk.promotion.set(slot, promotion.value(row));
        let name = optional(name, row).map(str::as_bytes);
        let name = name.or(optional(name_bytes, row));
        chunk.name.put(slot, name.map(Arc::from));
        chunk.value.put(slot, optional(value, row).map(Arc::from));
        chunk
            .fields
            .put(slot, optional(fields, row).map(decode_fields).transpose()?);
        chunk.put_kinds(slot, read_kinds(kinds, row, pool)?);
        chunk.evidence.put(slot, read_evidence(evidence, row)?);
    }
    Ok(())
}

fn read_kinds(
    kinds: &ListArray,
    row: usize,
    pool: &mut KindPool,
) -> Result<Option<Kinds>, Unreadable> {
    if kinds.value_length(row) == 0 {
        return Ok(None);
    }
    let values = kinds.value(row);
    let values: &StringArray = values
        .as_any()
        .downcast_ref()
        .ok_or_else(|| Unreadable::expected("kinds of utf8"))?;
    let shared = values.iter().flatten().map(|kind| pool.share(kind));
    Ok(Some(shared.collect()))
}

/// The ids of the evidence in a row.
pub fn read_evidence(evidence: &ListArray, row: usize) -> Result<Option<Arc<[u64]>>, Unreadable> {
    if evidence.value_length(row) == 0 {
        return Ok(None);
    }
    let values = evidence.value(row);
    let values: &UInt64Array = values
        .as_any()
        .downcast_ref()
        .ok_or_else(|| Unreadable::expected("evidence of u64"))?;
    Ok(Some(values.values().as_ref().into()))
}
