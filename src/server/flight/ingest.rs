//! Record batches into nodes: which columns are taken, and what a row does.
//!
//! A row's `name` says which node it is, and makes it if it is not there; without a name its `address` does, and
//! the node must be there. Columns that are absent leave what is there; those of `id`, `zone`, `depth`,
//! `version`, `created`, `accessed` and `accesses`, which nobody chooses, are taken and let be, but that a
//! `parent` may be the `id` of another row.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array,
    ListArray, RecordBatch, RecordBatchOptions, StringArray, TimestampMicrosecondArray, UInt8Array,
    UInt16Array, UInt64Array,
};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Schema};
use ladybug_engine::commit::log::OutcomeUnknown;
use ladybug_engine::commit::transaction::{Draft, SpaceId, Transaction, sorted_kinds};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::{BYTES, Fingerprint};
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::marks::{Qualia, RUNG_MAX, Truth};
use ladybug_engine::space::mutation::{Bits, Content};
use ladybug_engine::space::staging::Staging;
use ladybug_engine::table::node_schema;

use super::error::FlightError;
use super::put::bytes_of;
use crate::server::resp::commands::content::content_of;
use crate::server::resp::commands::search::fields_of_json;
use crate::server::resp::server::Server;

/// What has come of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// How many there were.
    pub rows: usize,
    /// The space's version that has them.
    pub version: u64,
}

/// The columns of a batch that rows are made of.
struct Columns {
    rows: usize,
    id: Option<UInt64Array>,
    name: Option<BinaryArray>,
    address: Option<UInt16Array>,
    value: Option<BinaryArray>,
    properties: Option<StringArray>,
    fingerprint: Option<Vec<Bits>>,
    kinds: Option<ListArray>,
    frequency: Option<Float32Array>,
    confidence: Option<Float32Array>,
    evidence: Option<ListArray>,
    qualia: Option<FixedSizeListArray>,
    rung: Option<UInt8Array>,
    parent: Option<UInt64Array>,
    expires: Option<TimestampMicrosecondArray>,
}

impl Columns {
    /// The columns of a batch, each as the canonical schema has it, but for fingerprints, which
    /// [`Rows`] has.
    ///
    /// # Errors
    /// A column cannot be of its type, or there is neither `name` nor `address`.
    fn of(batch: &RecordBatch) -> Result<Self, FlightError> {
        let schema = &node_schema();
        let columns = Self {
            rows: batch.num_rows(),
            id: column(batch, schema, "id", None)?,
            // A name need not be UTF-8.
            name: column(batch, schema, "name", Some(&DataType::Binary))?,
            address: column(batch, schema, "address", None)?,
            value: column(batch, schema, "value", None)?,
            properties: column(batch, schema, "properties", None)?,
            fingerprint: None,
            kinds: column(batch, schema, "kinds", None)?,
            frequency: column(batch, schema, "frequency", None)?,
            confidence: column(batch, schema, "confidence", None)?,
            evidence: column(batch, schema, "evidence", None)?,
            qualia: column(batch, schema, "qualia", None)?,
            rung: column(batch, schema, "rung", None)?,
            parent: column(batch, schema, "parent", None)?,
            expires: column(batch, schema, "expires", None)?,
        };
        match columns.name.is_none() && columns.address.is_none() {
            true => Err(FlightError::bad(
                "expected a column 'name' or 'address', got neither",
            )),
            false => Ok(columns),
        }
    }
}

/// Refuses a column that `what` does not have.
///
/// # Errors
/// There is one.
pub(super) fn known_columns(
    batch: &RecordBatch,
    schema: &Schema,
    what: &str,
) -> Result<(), FlightError> {
    for field in batch.schema_ref().fields() {
        if schema.index_of(field.name()).is_err() {
            let names = schema.fields().iter().map(|field| field.name().as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            let message = format!("no such column '{}'; {what} has {names}", field.name());
            return Err(FlightError::bad(message));
        }
    }
    Ok(())
}

/// A column of the batch, if it has it, as an array of its type in the schema or of `data_type`.
///
/// # Errors
/// It cannot be of that type.
pub(super) fn column<T: Array + Clone + 'static>(
    batch: &RecordBatch,
    schema: &Schema,
    name: &str,
    data_type: Option<&DataType>,
) -> Result<Option<T>, FlightError> {
    let Some(array) = batch.column_by_name(name) else {
        return Ok(None);
    };
    let field = schema.field_with_name(name)?;
    let wanted = data_type.unwrap_or(field.data_type());
    let cast = cast_column(array, wanted).map_err(|error| {
        let expected = field.data_type();
        FlightError::bad(format!(
            "column '{name}': expected {expected}, got {}: {error}",
            array.data_type()
        ))
    })?;
    let array = cast.as_any().downcast_ref::<T>();
    Ok(Some(
        array.expect("invariant: it was cast to its type").clone(),
    ))
}

fn cast_column(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, arrow::error::ArrowError> {
    // What does not fit is refused, not made null.
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, to, &options)
}

/// What the record of a node takes beside the columns that a client sends, about: its id, times, lengths.
const RECORD_ROW_BYTES: usize = 128;

/// Batches on their way in.
pub struct Rows {
    staging: Staging,
    /// Each with the fingerprints of its rows, if it has them.
    batches: Vec<(Columns, Option<Vec<Waiting>>)>,
    /// What the record of their commit has beside what is staged, about.
    record_bytes: usize,
}

/// A row's fingerprint until it is written.
enum Waiting {
    /// It follows from what the node says.
    Encoded,
    /// For where it was staged.
    Staged(Address),
    /// It could not be staged.
    Given(Box<Fingerprint>),
}

impl Rows {
    /// None so far.
    pub fn new(staging: Staging) -> Self {
        Self {
            staging,
            batches: Vec::new(),
            record_bytes: 0,
        }
    }

    /// Adds a batch. Where it has fingerprints, what else is kept of it is copied, so that the message in which they came
    /// can go.
    ///
    /// # Errors
    /// A column is none of a node's, or cannot be of its type; or there is neither `name` nor `address`.
    pub fn add(&mut self, mut batch: RecordBatch) -> Result<(), FlightError> {
        let schema = &node_schema();
        known_columns(&batch, schema, "a node")?;
        let expires: Option<TimestampMicrosecondArray> = column(&batch, schema, "expires", None)?;
        let given: Option<FixedSizeBinaryArray> = column(&batch, schema, "fingerprint", None)?;
        let waiting = given.map(|all| {
            let is_fluid = |row| expires.as_ref().is_some_and(|times| times.is_valid(row));
            let rows = 0..batch.num_rows();
            rows.map(|row| stage(&mut self.staging, &all, row, is_fluid(row)))
                .collect::<Result<Vec<_>, _>>()
        });
        let waiting = waiting.transpose()?;
        if waiting.is_some() {
            batch.remove_column(batch.schema_ref().index_of("fingerprint")?);
            batch = copied(&batch)?;
        }
        let given = |waiting: &&Waiting| matches!(waiting, Waiting::Given(_));
        let given = waiting.iter().flatten().filter(given).count();
        self.record_bytes += bytes_of(&batch) + given * BYTES + batch.num_rows() * RECORD_ROW_BYTES;
        self.batches.push((Columns::of(&batch)?, waiting));
        Ok(())
    }

    /// The columns of all batches, when there are no more.
    fn finish(self) -> Vec<Columns> {
        let staged = self.staging.finish();
        let bits = |waiting: Waiting| match waiting {
            Waiting::Encoded => Bits::Encoded,
            Waiting::Staged(at) => Bits::Staged(staged.at(at)),
            Waiting::Given(bits) => Bits::Given(bits),
        };
        let columns = |(columns, waiting): (Columns, Option<Vec<Waiting>>)| Columns {
            fingerprint: waiting.map(|all| all.into_iter().map(bits).collect()),
            ..columns
        };
        self.batches.into_iter().map(columns).collect()
    }
}

fn stage(
    staging: &mut Staging,
    all: &FixedSizeBinaryArray,
    row: usize,
    is_fluid: bool,
) -> Result<Waiting, FlightError> {
    if all.is_null(row) {
        return Ok(Waiting::Encoded);
    }
    let bits = Fingerprint::from_bytes(all.value(row));
    let bits = bits.map_err(|error| FlightError::bad(error.to_string()))?;
    let zone = if is_fluid { Zone::Fluid } else { Zone::Node };
    let staged = staging.put(zone, &bits).map(Waiting::Staged);
    Ok(staged.unwrap_or_else(|| Waiting::Given(Box::new(bits))))
}

/// The batch in memory of its own.
fn copied(batch: &RecordBatch) -> Result<RecordBatch, FlightError> {
    let rows = UInt64Array::from_iter_values(0..batch.num_rows() as u64);
    let copy = |column: &ArrayRef| take(column, &rows, None);
    let columns = batch.columns().iter().map(copy);
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = batch.schema();
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

/// Writes batches as one commit, and waits until it is acknowledged. Blocks.
///
/// # Errors
/// A row cannot be written: then none is.
pub fn write(
    server: &Server,
    space: SpaceId,
    batches: &[RecordBatch],
) -> Result<Written, FlightError> {
    let mut rows = Rows::new(server.engine.staging(space));
    for batch in batches {
        rows.add(batch.clone())?;
    }
    write_rows(server, space, rows)
}

/// Writes rows as one commit, and waits until it is acknowledged. Blocks.
///
/// # Errors
/// A row cannot be written: then none is.
pub fn write_rows(server: &Server, space: SpaceId, rows: Rows) -> Result<Written, FlightError> {
    let record_bytes = rows.record_bytes;
    let batches = rows.finish();
    let outcome = server.engine.commit::<_, FlightError>(&[space], |tx| {
        tx.reserve(record_bytes);
        let mut writer = Writer::default();
        let mut before = 0;
        for columns in &batches {
            writer.put(tx, columns, before)?;
            before += columns.rows;
        }
        writer.set_parents(tx)?;
        tx.report();
        Ok((before, tx.version()))
    });
    // What was staged lies in the log's queue as long as that needs it.
    drop(batches);
    server.publish_node_events(outcome.events, outcome.position);
    let (rows, version) = outcome.value?;
    acknowledged(server.engine.log().wait(outcome.position))?;
    Ok(Written { rows, version })
}

fn acknowledged(outcome: Result<(), OutcomeUnknown>) -> Result<(), FlightError> {
    Ok(outcome?)
}

/// Rows on their way into a space.
#[derive(Default)]
struct Writer {
    /// Where the rows of these ids, which need not be those that their nodes have here, were put.
    by_id: HashMap<u64, Address>,
    /// Whose parents are still to be set: the row, its node, the parent's id.
    parents: Vec<(usize, Address, Option<u64>)>,
}

impl Writer {
    fn put(
        &mut self,
        tx: &mut Transaction<'_>,
        columns: &Columns,
        first: usize,
    ) -> Result<(), FlightError> {
        for row in 0..columns.rows {
            let address = put_row(tx, columns, row).map_err(|error| in_row(first + row, error))?;
            if let Some(id) = columns.id.as_ref().and_then(|ids| value(ids, row)) {
                self.by_id.insert(id, address);
            }
            if let Some(parents) = &columns.parent {
                self.parents
                    .push((first + row, address, value(parents, row)));
            }
        }
        Ok(())
    }

    fn set_parents(&self, tx: &mut Transaction<'_>) -> Result<(), FlightError> {
        for &(row, address, parent) in &self.parents {
            let Some(node) = tx.view().node(address) else {
                continue;
            };
            let parent = match parent {
                None => None,
                Some(id) => {
                    let there = || tx.view().find_id(id).map(|node| node.address());
                    let found = self.by_id.get(&id).copied().or_else(there);
                    Some(found.ok_or_else(|| {
                        let error = EngineError::NoSuchNode(format!("#{id}"));
                        in_row(row, error.into())
                    })?)
                }
            };
            let current = tx.view().parent(node).map(|node| node.address());
            if current != parent {
                tx.set_parent(address, parent)
                    .map_err(|error| in_row(row, error.into()))?;
            }
        }
        Ok(())
    }
}

/// An error with the row that it is about.
pub(super) fn in_row(row: usize, error: FlightError) -> FlightError {
    FlightError {
        message: format!("row {row}: {}", error.message),
        ..error
    }
}

/// A value of a column of numbers, unless it is null.
pub(super) fn value<T: arrow::datatypes::ArrowPrimitiveType>(
    array: &arrow::array::PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

fn put_row(
    tx: &mut Transaction<'_>,
    columns: &Columns,
    row: usize,
) -> Result<Address, FlightError> {
    let names = columns.name.as_ref();
    let name = names
        .filter(|names| names.is_valid(row))
        .map(|names| names.value(row));
    let address = columns
        .address
        .as_ref()
        .and_then(|addresses| value(addresses, row));
    let found = match (name, address.map(Address)) {
        (Some(name), _) => tx.find(name),
        (None, Some(address)) => {
            let node = tx.view().node(address);
            node.ok_or_else(|| EngineError::NoSuchNode(address.to_string()))?;
            Some(address)
        }
        (None, None) => {
            return Err(FlightError::bad(
                "expected a name or an address, got neither",
            ));
        }
    };
    match found {
        Some(address) => update(tx, columns, row, address),
        None => create(tx, columns, row, name.map(Arc::from)),
    }
}

fn create(
    tx: &mut Transaction<'_>,
    columns: &Columns,
    row: usize,
    name: Option<Arc<[u8]>>,
) -> Result<Address, FlightError> {
    let mut draft = Draft {
        name,
        content: content(columns, row, Content::default())?,
        kinds: kinds(columns, row).flatten(),
        truth: truth(columns, row, Truth::DEFAULT)?,
        expires: columns.expires.as_ref().and_then(|times| value(times, row)),
        ..Draft::default()
    };
    if let Some(qualia) = qualia(columns, row)? {
        draft.qualia = qualia;
    }
    if let Some(rung) = rung(columns, row)? {
        draft.rung = rung;
    }
    let truth = draft.truth;
    let address = tx.create(draft)?;
    if let Some(evidence) = evidence(columns, row).flatten() {
        tx.set_truth(address, truth, Some(evidence))?;
    }
    Ok(address)
}

fn update(
    tx: &mut Transaction<'_>,
    columns: &Columns,
    row: usize,
    address: Address,
) -> Result<Address, FlightError> {
    let view = tx.view();
    let node = view.node(address).expect("invariant: it was just found");
    let current = content_of(node);
    let truth = truth(columns, row, node.truth())?;
    let evidence = evidence(columns, row)
        .unwrap_or_else(|| Some(node.evidence().into()).filter(|ids: &Arc<[u64]>| !ids.is_empty()));
    let is_truth_new =
        truth != node.truth() || evidence.as_deref().unwrap_or_default() != node.evidence();
    let has_content =
        columns.value.is_some() || columns.properties.is_some() || columns.fingerprint.is_some();
    if has_content {
        let content = content(columns, row, current)?;
        tx.set_content(address, content)?;
    }
    if let Some(kinds) = kinds(columns, row) {
        tx.set_kinds(address, kinds.map_or_else(Vec::new, |kinds| kinds.to_vec()))?;
    }
    if is_truth_new {
        tx.set_truth(address, truth, evidence)?;
    }
    if let Some(qualia) = qualia(columns, row)? {
        tx.set_qualia(address, qualia)?;
    }
    if let Some(rung) = rung(columns, row)? {
        tx.set_rung(address, rung)?;
    }
    match &columns.expires {
        Some(times) => Ok(tx.set_expiry(address, value(times, row))?),
        None => Ok(address),
    }
}

/// What a node says: what the row says of it, and of the rest what it said before.
fn content(columns: &Columns, row: usize, mut content: Content) -> Result<Content, FlightError> {
    if let Some(values) = &columns.value {
        content.value = values.is_valid(row).then(|| values.value(row).into());
    }
    if let Some(properties) = &columns.properties {
        content.fields = match properties.is_valid(row) {
            true => fields(properties.value(row))?,
            false => None,
        };
    }
    if let Some(fingerprints) = &columns.fingerprint {
        content.fingerprint = fingerprints[row].clone();
    }
    Ok(content)
}

/// The fields that `properties` says; none is no map.
///
/// # Errors
/// It is no JSON object of such.
pub(super) fn fields(json: &str) -> Result<Option<Arc<Fields>>, FlightError> {
    let fields: Fields = fields_of_json(json.as_bytes())?;
    Ok((!fields.is_empty()).then(|| Arc::new(fields)))
}

fn kinds(columns: &Columns, row: usize) -> Option<Option<Arc<[Arc<str>]>>> {
    let kinds = columns.kinds.as_ref()?;
    if kinds.is_null(row) {
        return Some(None);
    }
    let values = kinds.value(row);
    let values = values.as_any().downcast_ref::<StringArray>();
    let values = values
        .expect("invariant: they were cast to utf8")
        .iter()
        .flatten();
    Some(sorted_kinds(values.map(Arc::from).collect()))
}

fn evidence(columns: &Columns, row: usize) -> Option<Option<Arc<[u64]>>> {
    let evidence = columns.evidence.as_ref()?;
    Some(evidence_of(evidence, row))
}

/// The ids of a row's evidence, if there are any.
pub(super) fn evidence_of(evidence: &ListArray, row: usize) -> Option<Arc<[u64]>> {
    if evidence.is_null(row) || evidence.value_length(row) == 0 {
        return None;
    }
    let values = evidence.value(row);
    let values = values.as_any().downcast_ref::<UInt64Array>();
    let values = values.expect("invariant: they were cast to u64");
    Some(values.iter().flatten().collect())
}

fn truth(columns: &Columns, row: usize, current: Truth) -> Result<Truth, FlightError> {
    let part = |column: &Option<Float32Array>, current: f32, default: f32| match column {
        None => current,
        Some(values) => value(values, row).unwrap_or(default),
    };
    let frequency = part(
        &columns.frequency,
        current.frequency(),
        Truth::DEFAULT.frequency(),
    );
    let confidence = part(
        &columns.confidence,
        current.confidence(),
        Truth::DEFAULT.confidence(),
    );
    Truth::new(frequency, confidence).map_err(|error| FlightError::bad(error.to_string()))
}

fn qualia(columns: &Columns, row: usize) -> Result<Option<Qualia>, FlightError> {
    let Some(all) = &columns.qualia else {
        return Ok(None);
    };
    if all.is_null(row) {
        return Ok(Some(Qualia::default()));
    }
    let values = all.value(row);
    let values = values.as_any().downcast_ref::<Float32Array>();
    let values = values.expect("invariant: they were cast to f32").values();
    let values = values
        .as_ref()
        .try_into()
        .expect("invariant: there are eight of them");
    Ok(Some(
        Qualia::new(values).map_err(|error| FlightError::bad(error.to_string()))?,
    ))
}

fn rung(columns: &Columns, row: usize) -> Result<Option<u8>, FlightError> {
    let Some(rungs) = &columns.rung else {
        return Ok(None);
    };
    let rung = value(rungs, row).unwrap_or_default();
    match rung <= RUNG_MAX {
        true => Ok(Some(rung)),
        false => Err(FlightError::bad(format!(
            "expected a rung from 0 to {RUNG_MAX}, got {rung}"
        ))),
    }
}
