//! From a ticket to a stream: which space and version it reads, which columns, and its batches.
//!
//! Everything here runs on threads that may block. A stream begins once the log position that it shows is
//! acknowledged.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, RecordBatchOptions, UInt32Array, new_empty_array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Snapshot, When};
use ladybug_engine::fingerprint::{Fingerprint, similarity, z};
use ladybug_engine::search::{Filter, Hit, Recall, Scope, TopK, top_k};
use ladybug_engine::space::address::{ADDRESSES, Address, Zone};
use ladybug_engine::space::derive;
use ladybug_engine::table::{
    EdgeScan, FINGERPRINT, NodeScan, edge_batches, edge_schema, node_batches, node_schema,
};

use super::error::FlightError;
use super::stream::Batches;
use super::surface;
use super::ticket::{Ticket, What};
use crate::server::resp::commands::operand::{Arguments, Bare};

/// Rows of a search's answer that are one batch.
const RANKED_ROWS: usize = 256;
/// The zones of what the surface holds.
const SURFACE_PREFIXES: std::ops::RangeInclusive<u8> = 0x00..=0x0F;

/// A stream that is ready to be sent.
pub struct Opened {
    /// The columns.
    pub schema: SchemaRef,
    /// The batches.
    pub batches: Batches,
}

/// The space of a ticket or a request that names one, else the first.
///
/// # Errors
/// There is none of this name.
pub fn space(engine: &Engine, label: Option<&str>) -> Result<SpaceId, FlightError> {
    let Some(label) = label else { return Ok(0) };
    let found = engine.find_space(label)?;
    found.ok_or_else(|| {
        let message = format!("no such space '{label}'; writing to it makes it");
        FlightError::new("NOSPACE", message)
    })
}

/// The columns that a search's rows have beside those of their nodes.
pub fn ranking_fields() -> [Field; 3] {
    [
        Field::new("distance", DataType::UInt32, false),
        Field::new("similarity", DataType::Float64, false),
        Field::new("z", DataType::Float64, false),
    ]
}

/// The columns of a search's rows: a node's and the ranking's.
pub fn ranked_schema() -> Schema {
    let mut fields: Vec<Field> = node_schema()
        .fields()
        .iter()
        .map(|field| (**field).clone())
        .collect();
    fields.extend(ranking_fields());
    Schema::new(fields)
}

/// All columns of what a ticket asks for; of a statement's only the statement knows.
fn columns_of(what: &What) -> SchemaRef {
    match what {
        What::Edges => edge_schema(),
        What::Search { .. } | What::TopK { .. } => Arc::new(ranked_schema()),
        _ => node_schema(),
    }
}

/// The places of the columns that are asked for by name; `None` for all.
///
/// # Errors
/// A name is none, or comes twice.
pub fn projection(
    schema: &Schema,
    columns: Option<&[String]>,
) -> Result<Option<Vec<usize>>, FlightError> {
    let Some(columns) = columns else {
        return Ok(None);
    };
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let place = schema.index_of(column).map_err(|_| {
            let names: Vec<_> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            FlightError::bad(format!(
                "no such column '{column}'; there are {}",
                names.join(", ")
            ))
        })?;
        if places.contains(&place) {
            return Err(FlightError::bad(format!(
                "expected column '{column}' once, got it twice"
            )));
        }
        places.push(place);
    }
    Ok(Some(places))
}

/// The columns of a ticket's stream.
///
/// # Errors
/// A column is none.
pub fn schema(ticket: &Ticket) -> Result<SchemaRef, FlightError> {
    let all = columns_of(&ticket.what);
    Ok(match projection(&all, ticket.columns.as_deref())? {
        None => all,
        Some(places) => Arc::new(all.project(&places)?),
    })
}

/// Begins the stream of a ticket that is no statement.
///
/// # Errors
/// There is no such space, version, column or operand; or the log will not acknowledge what the stream shows.
pub fn open(engine: &Arc<Engine>, ticket: &Ticket) -> Result<Opened, FlightError> {
    let space = space(engine, ticket.space.as_deref())?;
    let schema = schema(ticket)?;
    let places = projection(&columns_of(&ticket.what), ticket.columns.as_deref())?;
    let mut snapshot = match ticket.version {
        None => engine.glance(space),
        Some(version) => engine.glance_at(space, When::Version(version))?,
    };
    let is_ranked = matches!(ticket.what, What::Search { .. } | What::TopK { .. });
    let wants_fingerprints = places
        .as_ref()
        .is_none_or(|places| places.contains(&FINGERPRINT));
    if is_ranked || (wants_fingerprints && ticket.what != What::Edges) {
        snapshot = engine.encoded(space, &snapshot);
    }
    engine.log().wait(snapshot.position)?;
    let snapshot = Arc::new(snapshot);
    let of_nodes = |zone: Option<Zone>, prefixes| -> Batches {
        let scan = NodeScan {
            filter: Filter {
                zone,
                ..Filter::default()
            },
            prefixes,
            projection: places.clone(),
            accesses: ticket
                .version
                .is_none()
                .then(|| engine.accesses(space))
                .flatten(),
            ..NodeScan::default()
        };
        let batches = node_batches(Arc::clone(&snapshot), scan);
        Box::new(batches.map(|batch| Ok(batch?)))
    };
    let of_surface = |prefixes| -> Result<Batches, FlightError> {
        let batch = surface::batch(&snapshot.state, prefixes)?;
        let batch = match &places {
            Some(places) => batch.project(places)?,
            None => batch,
        };
        Ok(Box::new(std::iter::once(Ok(batch))))
    };
    let batches = match &ticket.what {
        What::All => of_nodes(None, 0..=u8::MAX),
        What::Fluid => of_nodes(Some(Zone::Fluid), 0..=u8::MAX),
        What::Nodes => of_nodes(Some(Zone::Node), 0..=u8::MAX),
        What::Surface => of_surface(SURFACE_PREFIXES)?,
        What::Prefix(prefix) if SURFACE_PREFIXES.contains(prefix) => of_surface(*prefix..=*prefix)?,
        What::Prefix(prefix) => of_nodes(None, *prefix..=*prefix),
        What::Edges => {
            let scan = EdgeScan {
                projection: places,
                ..EdgeScan::default()
            };
            let batches = edge_batches(Arc::clone(&snapshot), scan);
            Box::new(batches.map(|batch| Ok(batch?)))
        }
        What::Search {
            distance_max,
            query,
        } => {
            let wanted = TopK {
                distance_max: *distance_max,
                ..TopK::new(ADDRESSES)
            };
            ranked(snapshot, query, wanted, ticket.recall, places)?
        }
        What::TopK { k, query } => ranked(snapshot, query, TopK::new(*k), ticket.recall, places)?,
        What::Sql(_) | What::Cypher(_) => {
            unreachable!("invariant: statements are opened by their engines")
        }
    };
    Ok(Opened { schema, batches })
}

/// How many rows a stream will have, if that is known without making them.
pub fn rows(engine: &Engine, ticket: &Ticket) -> Result<Option<usize>, FlightError> {
    let space = space(engine, ticket.space.as_deref())?;
    if ticket.version.is_some() {
        return Ok(None);
    }
    let snapshot = engine.glance(space);
    engine.log().wait(snapshot.position)?;
    let nodes = |is_wanted: &dyn Fn(Address) -> bool| {
        let nodes = snapshot.view().nodes();
        nodes.filter(|node| is_wanted(node.address())).count()
    };
    Ok(match &ticket.what {
        What::All => Some(nodes(&|_| true)),
        What::Fluid => Some(nodes(&|at| at.zone() == Zone::Fluid)),
        What::Nodes => Some(nodes(&|at| at.zone() == Zone::Node)),
        What::Prefix(prefix) if !SURFACE_PREFIXES.contains(prefix) => {
            Some(nodes(&|at| at.prefix() == *prefix))
        }
        What::Surface => Some(derive::words(&snapshot.state).count()),
        _ => None,
    })
}

/// The fingerprint of a query: an operand, text unless it says otherwise.
///
/// # Errors
/// It is no operand, or there is nothing there.
pub fn fingerprint_of(snapshot: &Snapshot, query: &[u8]) -> Result<Fingerprint, FlightError> {
    let request = operand_arguments(query);
    let mut arguments = Arguments::new(&request);
    let operand = arguments.operand(Bare::Text)?;
    Ok(operand.fingerprint(&snapshot.view())?)
}

/// A query as the arguments of a command, behind its name: a keyword in capitals and a blank begin what is
/// not a bare operand.
pub fn operand_arguments(query: &[u8]) -> Vec<&[u8]> {
    for keyword in [&b"KEY"[..], b"TEXT", b"FP", b"VECTOR"] {
        let operand = query
            .strip_prefix(keyword)
            .and_then(|rest| rest.strip_prefix(b" "));
        if let Some(operand) = operand {
            return vec![b"", keyword, operand];
        }
    }
    vec![b"", query]
}

/// The batches of a search's answer, nearest first.
fn ranked(
    snapshot: Arc<Snapshot>,
    query: &[u8],
    wanted: TopK,
    recall: Option<Recall>,
    places: Option<Vec<usize>>,
) -> Result<Batches, FlightError> {
    let query = fingerprint_of(&snapshot, query)?;
    let wanted = recall.map_or(wanted, |recall| wanted.with_recall(recall));
    let filter = Filter::default();
    let scope = Scope {
        snapshot: &snapshot,
        filter: &filter,
    };
    let hits = top_k(&[scope], &[&query], wanted);
    let hits = hits
        .into_iter()
        .next()
        .expect("invariant: a query has an answer");
    let groups: Vec<Vec<Hit>> = hits.chunks(RANKED_ROWS).map(<[Hit]>::to_vec).collect();
    let batch = move |hits: Vec<Hit>| {
        snapshot.check()?;
        ranked_batch(&snapshot, &hits, places.as_deref())
    };
    Ok(Box::new(groups.into_iter().map(batch)))
}

/// The rows of some hits, in their order: the columns at these places of a node's and then of the ranking's.
pub fn ranked_batch(
    snapshot: &Arc<Snapshot>,
    hits: &[Hit],
    places: Option<&[usize]>,
) -> Result<RecordBatch, FlightError> {
    let node_columns = node_schema().fields().len();
    let all: Vec<usize> = (0..node_columns + ranking_fields().len()).collect();
    let places = places.unwrap_or(&all);
    let of_node: Vec<usize> = places
        .iter()
        .copied()
        .filter(|place| *place < node_columns)
        .collect();
    let nodes = in_order(snapshot, hits, &of_node)?;
    let mut from_nodes = nodes.columns().iter();
    let columns = places
        .iter()
        .map(|place| match place.checked_sub(node_columns) {
            None => from_nodes
                .next()
                .map(Arc::clone)
                .expect("invariant: a column a place"),
            Some(0) => Arc::new(UInt32Array::from_iter_values(
                hits.iter().map(|hit| hit.distance),
            )),
            Some(1) => Arc::new(Float64Array::from_iter_values(
                hits.iter().map(|hit| similarity(hit.distance)),
            )),
            Some(_) => Arc::new(Float64Array::from_iter_values(
                hits.iter().map(|hit| z(hit.distance)),
            )),
        });
    let columns = columns.collect();
    let schema = Arc::new(ranked_schema().project(places)?);
    let options = RecordBatchOptions::new().with_row_count(Some(hits.len()));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

/// The nodes of hits in the order of the hits; a scan has them in that of their addresses.
fn in_order(
    snapshot: &Arc<Snapshot>,
    hits: &[Hit],
    places: &[usize],
) -> Result<RecordBatch, FlightError> {
    let schema = Arc::new(node_schema().project(places)?);
    if places.is_empty() || hits.is_empty() {
        let empty = schema
            .fields()
            .iter()
            .map(|field| new_empty_array(field.data_type()));
        let options = RecordBatchOptions::new().with_row_count(Some(0));
        let empty = empty.collect();
        return Ok(RecordBatch::try_new_with_options(schema, empty, &options)?);
    }
    let mut addresses: Vec<Address> = hits.iter().map(|hit| hit.address).collect();
    addresses.sort_unstable();
    let scan = NodeScan {
        addresses: Some(addresses.clone()),
        projection: Some(places.to_vec()),
        ..NodeScan::default()
    };
    let batches = node_batches(Arc::clone(snapshot), scan);
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    let rows = concat_batches(&schema, &batches)?;
    let place = |hit: &Hit| {
        let place = addresses.binary_search(&hit.address);
        let place = place.expect("invariant: every hit is among the addresses");
        u32::try_from(place).expect("invariant: there are fewer addresses")
    };
    let order = UInt32Array::from_iter_values(hits.iter().map(place));
    Ok(take_record_batch(&rows, &order)?)
}

#[cfg(test)]
mod tests {
    use ladybug_engine::commit::transaction::{Draft, Transaction};
    use ladybug_engine::engine::{EngineOptions, SystemClock};
    use ladybug_engine::error::EngineError;
    use ladybug_engine::space::chunk::Chunk;
    use ladybug_engine::space::mutation::{Bits, Content};
    use ladybug_engine::storage::SimulatedStorage;

    use super::super::ipc::StreamEncoder;
    use super::*;

    const NODES: u8 = 200;

    fn content(n: u8) -> Content {
        Content {
            fingerprint: Bits::Given(Box::new(Fingerprint::random(n.into()))),
            ..Content::default()
        }
    }

    /// An engine whose first chunk of the node zone has so many nodes.
    fn engine() -> Arc<Engine> {
        let storage = Arc::new(SimulatedStorage::new(7));
        let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
        let engine = Arc::new(engine.expect("an engine"));
        commit(&engine, |tx| {
            for n in 0..NODES {
                let draft = Draft {
                    name: Some(Arc::from(&[b'n', n][..])),
                    content: content(n),
                    ..Draft::default()
                };
                tx.create(draft)?;
            }
            Ok(())
        });
        engine
    }

    fn commit(engine: &Engine, f: impl FnOnce(&mut Transaction<'_>) -> Result<(), EngineError>) {
        engine.commit(&[0], f).value.expect("a commit");
    }

    fn chunk(engine: &Engine) -> Arc<Chunk> {
        let (state, _) = engine.state(0);
        Arc::clone(state.chunk(0x80).expect("the first chunk of the node zone"))
    }

    #[test]
    fn what_is_sent_is_the_chunks_own_memory_until_a_write_and_free_after() {
        let engine = engine();
        let fingerprints = |chunk: &Chunk| std::ptr::from_ref(chunk.fingerprint(0)).cast::<u8>();
        let before = chunk(&engine);
        let (sent_from, ids_from) = (fingerprints(&before), std::ptr::from_ref(before.id.get(0)));
        drop(before);
        let ticket = Ticket::parse(b"columns=id,fingerprint;all").expect("a ticket");
        let mut opened = open(&engine, &ticket).expect("a stream");
        let batch = opened.batches.next().expect("a batch").expect("a batch");
        let (mut encoder, _) = StreamEncoder::new(&opened.schema);
        let pieces = encoder.batch(&batch, &[]).expect("pieces");
        assert!(pieces.iter().any(|piece| piece.as_ptr() == sent_from));
        assert_eq!(engine.snapshot_stats().held, 1);

        // A write meanwhile copies the columns it touches, and no other.
        let changed = content(255);
        commit(&engine, |tx| tx.set_content(Address(0x8000), changed));
        let after = chunk(&engine);
        assert_ne!(fingerprints(&after), sent_from);
        assert_eq!(std::ptr::from_ref(after.id.get(0)), ids_from);
        let sent = pieces
            .iter()
            .find(|piece| piece.as_ptr() == sent_from)
            .expect("the piece");
        assert_eq!(sent[..1280], Fingerprint::random(0).to_bytes());

        // The column stays while the socket has not taken it, the snapshot goes with the stream.
        drop((opened, batch));
        assert_eq!(engine.snapshot_stats().held, 0);
        assert_eq!(sent[..1280], Fingerprint::random(0).to_bytes());
    }

    #[test]
    fn a_projection_names_columns_once() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let schema = node_schema();
        let places = |columns: &[&str]| projection(&schema, Some(&names(columns)));
        assert_eq!(places(&["name", "id"]), Ok(Some(vec![3, 0])));
        assert!(places(&["nope"]).is_err() && places(&["id", "id"]).is_err());
        assert_eq!(projection(&schema, None), Ok(None));
    }

    #[test]
    fn an_operand_has_a_keyword_only_in_capitals_and_before_a_blank() {
        assert_eq!(operand_arguments(b"KEY a b"), [&b""[..], b"KEY", b"a b"]);
        for bare in [&b"key a"[..], b"KEY", b"KEYS x", b""] {
            assert_eq!(operand_arguments(bare), [b"", bare]);
        }
    }
}
