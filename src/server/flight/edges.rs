//! Record batches into edges: a row makes one edge.
//!
//! Its ends are nodes by `source_name` and `target_name`, by `source` and `target` (ids) or by `source_address` and
//! `target_address`, the first of these that is there. Where `address` is not null the edge gets an address of its own,
//! which the space chooses, as it chooses `id` and `version`.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, BinaryArray, Float32Array, ListArray, RecordBatch, StringArray, UInt16Array, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ladybug_engine::commit::transaction::{EdgeDraft, SpaceId, Transaction};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::Truth;
use ladybug_engine::space::verbs::RELATES;
use ladybug_engine::table::edge_schema;

use super::error::FlightError;
use super::ingest::{Written, column, evidence_of, fields, in_row, known_columns, value};
use crate::server::resp::server::Server;

/// The columns of an edge, and the names of its ends.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let names = ["source_name", "target_name"].map(|name| Field::new(name, DataType::Utf8, true));
    let edge = edge_schema();
    let fields = edge.fields().iter().cloned();
    Arc::new(Schema::new(
        fields.chain(names.map(Arc::new)).collect::<Vec<_>>(),
    ))
});

/// How rows say where an edge begins or ends.
struct Ends {
    names: Option<BinaryArray>,
    ids: Option<UInt64Array>,
    addresses: Option<UInt16Array>,
}

impl Ends {
    fn of(batch: &RecordBatch, end: &str) -> Result<Self, FlightError> {
        let schema = &SCHEMA;
        let ends = Self {
            // A name need not be UTF-8.
            names: column(
                batch,
                schema,
                &format!("{end}_name"),
                Some(&DataType::Binary),
            )?,
            ids: column(batch, schema, end, None)?,
            addresses: column(batch, schema, &format!("{end}_address"), None)?,
        };
        match ends.names.is_none() && ends.ids.is_none() && ends.addresses.is_none() {
            true => Err(FlightError::bad(format!(
                "expected a column '{end}_name', '{end}' or '{end}_address', got none of them"
            ))),
            false => Ok(ends),
        }
    }

    fn node(&self, tx: &Transaction<'_>, row: usize, end: &str) -> Result<Address, FlightError> {
        let view = tx.view();
        let name = self.names.as_ref().filter(|names| names.is_valid(row));
        let id = self.ids.as_ref().and_then(|ids| value(ids, row));
        let address = self.addresses.as_ref().and_then(|all| value(all, row));
        let (shown, found) = match (name, id, address) {
            (Some(names), _, _) => {
                let name = names.value(row);
                let found = view.find(name).map(|node| node.address());
                (String::from_utf8_lossy(name).into_owned(), found)
            }
            (None, Some(id), _) => {
                let found = view.find_id(id).map(|node| node.address());
                (format!("#{id}"), found)
            }
            (None, None, Some(address)) => {
                let address = Address(address);
                let found = view.node(address).map(|node| node.address());
                (address.to_string(), found)
            }
            (None, None, None) => {
                let message = format!("expected a {end} by name, id or address, got none");
                return Err(FlightError::bad(message));
            }
        };
        Ok(found.ok_or(EngineError::NoSuchNode(shown))?)
    }
}

/// The columns of a batch that edges are made of.
struct Columns {
    rows: usize,
    sources: Ends,
    targets: Ends,
    verb: Option<StringArray>,
    weight: Option<Float32Array>,
    frequency: Option<Float32Array>,
    confidence: Option<Float32Array>,
    evidence: Option<ListArray>,
    properties: Option<StringArray>,
    address: Option<UInt16Array>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, FlightError> {
        let schema = &SCHEMA;
        known_columns(batch, schema, "an edge")?;
        Ok(Self {
            rows: batch.num_rows(),
            sources: Ends::of(batch, "source")?,
            targets: Ends::of(batch, "target")?,
            verb: column(batch, schema, "verb", None)?,
            weight: column(batch, schema, "weight", None)?,
            frequency: column(batch, schema, "frequency", None)?,
            confidence: column(batch, schema, "confidence", None)?,
            evidence: column(batch, schema, "evidence", None)?,
            properties: column(batch, schema, "properties", None)?,
            address: column(batch, schema, "address", None)?,
        })
    }
}

/// Writes batches as one commit, and waits until it is acknowledged. Blocks.
///
/// # Errors
/// An edge cannot be made: then none is.
pub fn write(
    server: &Server,
    space: SpaceId,
    batches: &[RecordBatch],
) -> Result<Written, FlightError> {
    let columns = batches.iter().map(Columns::of);
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let outcome = server.engine.commit::<_, FlightError>(&[space], |tx| {
        let mut rows = 0;
        for columns in &columns {
            for row in 0..columns.rows {
                link(tx, columns, row).map_err(|error| in_row(rows + row, error))?;
            }
            rows += columns.rows;
        }
        tx.report();
        Ok((rows, tx.version()))
    });
    server.publish_node_events(outcome.events, outcome.position);
    let (rows, version) = outcome.value?;
    server.engine.log().wait(outcome.position)?;
    Ok(Written { rows, version })
}

fn link(tx: &mut Transaction<'_>, columns: &Columns, row: usize) -> Result<(), FlightError> {
    let source = columns.sources.node(tx, row, "source")?;
    let target = columns.targets.node(tx, row, "target")?;
    let verb = columns.verb.as_ref().filter(|verbs| verbs.is_valid(row));
    let verb = match verb.map(|verbs| verbs.value(row)) {
        None => RELATES,
        Some(name) => {
            let slot = tx.view().state.verbs().slot(name);
            slot.ok_or_else(|| EngineError::NoSuchVerb(name.to_owned()))?
        }
    };
    let number = |column: &Option<Float32Array>, default: f32| {
        let given = column.as_ref().and_then(|numbers| value(numbers, row));
        given.unwrap_or(default)
    };
    let truth = Truth::new(
        number(&columns.frequency, Truth::DEFAULT.frequency()),
        number(&columns.confidence, Truth::DEFAULT.confidence()),
    );
    let properties = columns.properties.as_ref();
    let properties = properties.filter(|properties| properties.is_valid(row));
    let draft = EdgeDraft {
        weight: number(&columns.weight, EdgeDraft::default().weight),
        truth: truth.map_err(|error| FlightError::bad(error.to_string()))?,
        reified: columns
            .address
            .as_ref()
            .is_some_and(|all| all.is_valid(row)),
        properties: match properties {
            Some(properties) => fields(properties.value(row))?,
            None => None,
        },
    };
    let edge = tx.link(source, verb, target, draft)?;
    let evidence = columns.evidence.as_ref();
    if let Some(evidence) = evidence.and_then(|evidence| evidence_of(evidence, row)) {
        tx.update_edge(Edge {
            evidence: Some(evidence),
            ..edge
        })?;
    }
    Ok(())
}
