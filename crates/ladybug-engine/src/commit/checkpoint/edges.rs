//! The table of edges: the canonical columns, the space, and the typed properties.

use std::sync::Arc;

use arrow_array::builder::{LargeBinaryBuilder, UInt32Builder};
use arrow_array::{
    Float32Array, LargeBinaryArray, ListArray, RecordBatch, StringArray, UInt16Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};

use super::column::{Unreadable, column, full, optional};
use super::nodes::{decode_fields, encode_fields, read_evidence};
use super::sharing::Shared;
use super::table::{BATCH_BYTES_MAX, TableWriter};
use super::{CheckpointError, SpaceContents};
use crate::space::address::Address;
use crate::space::graph::Edge;
use crate::space::marks::Truth;
use crate::space::rows::EdgeRows;
use crate::space::schema::edge_fields;
use crate::space::verbs::{VERB_PREFIX, Verbs};

/// Most edges of one record batch.
const BATCH_ROWS_MAX: usize = 65_536;

/// The canonical columns, and those that only a checkpoint has.
pub fn schema() -> Schema {
    let mut fields = edge_fields();
    fields.push(Field::new("space", DataType::UInt32, false));
    fields.push(Field::new("fields", DataType::LargeBinary, true));
    Schema::new(fields)
}

/// Writes the edges of a space, but for those that leave from prefixes `shared` with another.
pub fn write(
    writer: &mut TableWriter,
    space: &SpaceContents,
    shared: &Shared,
) -> Result<(), CheckpointError> {
    let schema = Arc::new(schema());
    let holds = format!("space {}", space.id);
    let mut canonical = EdgeRows::default();
    let mut id = UInt32Builder::new();
    let mut fields = LargeBinaryBuilder::new();
    let mut fields_bytes = 0;
    let own = (0..=u8::MAX).filter(|prefix| !shared.contains(space.id, *prefix));
    let mut edges = own
        .flat_map(|prefix| space.state.graph().edges_from(prefix))
        .peekable();
    while let Some(edge) = edges.next() {
        canonical.push(&space.state, &edge);
        id.append_value(space.id);
        let properties = edge.properties.as_ref().map(encode_fields);
        fields_bytes += properties.as_ref().map_or(0, Vec::len);
        fields.append_option(properties);
        let full = canonical.len() >= BATCH_ROWS_MAX
            || canonical.varying_bytes() + fields_bytes >= BATCH_BYTES_MAX;
        if full || edges.peek().is_none() {
            let mut columns = canonical.finish();
            columns.push(Arc::new(id.finish()));
            columns.push(Arc::new(fields.finish()));
            fields_bytes = 0;
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), columns)?, &holds)?;
        }
    }
    Ok(())
}

/// The edges of a batch, of a space with these verbs.
pub fn read(batch: &RecordBatch, verbs: &Verbs, edges: &mut Vec<Edge>) -> Result<(), Unreadable> {
    let id: &UInt64Array = full(batch, "id")?;
    let verb: &StringArray = full(batch, "verb")?;
    let source: &UInt16Array = full(batch, "source_address")?;
    let target: &UInt16Array = full(batch, "target_address")?;
    let weight: &Float32Array = full(batch, "weight")?;
    let frequency: &Float32Array = full(batch, "frequency")?;
    let confidence: &Float32Array = full(batch, "confidence")?;
    let evidence: &ListArray = full(batch, "evidence")?;
    let address: &UInt16Array = column(batch, "address")?;
    let version: &UInt64Array = full(batch, "version")?;
    let fields: &LargeBinaryArray = column(batch, "fields")?;
    edges.reserve(batch.num_rows());
    for row in 0..batch.num_rows() {
        let truth = Truth::new(frequency.value(row), confidence.value(row))
            .map_err(|error| Unreadable(error.to_string()))?;
        edges.push(Edge {
            id: id.value(row),
            source: Address(source.value(row)),
            verb: verb_slot(verbs, verb.value(row))?,
            target: Address(target.value(row)),
            weight: weight.value(row),
            frequency: truth.frequency(),
            confidence: truth.confidence(),
            version: version.value(row),
            evidence: read_evidence(evidence, row)?,
            properties: optional(fields, row).map(decode_fields).transpose()?,
            address: optional(address, row).map(Address),
        });
    }
    Ok(())
}

/// The slot of a verb as [`crate::space::rows::verb_text`] writes it.
fn verb_slot(verbs: &Verbs, text: &str) -> Result<u8, Unreadable> {
    let by_address = || {
        let address: Address = text.parse().ok()?;
        (address.prefix() == VERB_PREFIX).then_some(address.slot())
    };
    let slot = verbs.slot(text).or_else(by_address);
    slot.ok_or_else(|| Unreadable::expected(format_args!("a verb of the space, found '{text}'")))
}
