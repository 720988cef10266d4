//! DoExchange: a search whose queries come batch by batch, and its answers batch by batch.
//!
//! The descriptor's command says how much to answer: `topk:10` or `search:4000`, behind options as a ticket has
//! them. A batch of queries has a column `query` (text or bytes, each an operand) or `fingerprint`; it is one pass
//! over one snapshot, and one batch of answers whose column `query` counts the queries of the whole stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, RecordBatch, UInt64Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::FlightData;
use futures::TryStreamExt as _;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::search::{Filter, Scope, TopK, top_k};
use tokio::sync::mpsc;
use tonic::Streaming;

use super::error::FlightError;
use super::stream::{Outgoing, Stream};
use super::ticket::{options, recall, search_form};
use super::{blocking, get, received};
use crate::server::resp::server::Server;

/// Batches of answers that wait to be sent.
const ANSWERS_WAITING: usize = 1;
/// Most queries of one batch.
const QUERIES_MAX: usize = 1024;
/// Most rows of the answers to one batch, how many are asked for times the queries.
const ROWS_MAX: usize = 1 << 20;
/// The columns of an answer beside `query`, unless others are asked for.
const COLUMNS: [&str; 6] = ["id", "address", "name", "distance", "similarity", "z"];

/// What is to be done with every query.
#[derive(Clone)]
struct Search {
    space: SpaceId,
    wanted: TopK,
    /// Of the ranked columns.
    places: Vec<usize>,
    schema: SchemaRef,
}

/// Begins the answers to the queries that a client sends; `first` is its first message.
///
/// # Errors
/// The command says no search.
pub fn exchange(
    server: Arc<Server>,
    command: &[u8],
    first: FlightData,
    rest: Streaming<FlightData>,
) -> Result<Stream, FlightError> {
    let search = search(&server, command)?;
    let schema = Arc::clone(&search.schema);
    let (sender, receiver) = mpsc::channel(ANSWERS_WAITING);
    // Ends when the client has sent all, or when nobody takes the answers any more.
    tokio::spawn(async move {
        let mut queries = std::pin::pin!(received::batches(first, rest));
        let mut before = 0;
        loop {
            let batch = tokio::select! {
                batch = queries.try_next() => batch,
                () = sender.closed() => return,
            };
            let answer = match batch {
                Ok(None) => return,
                Ok(Some(batch)) => {
                    let (server, search, first) = (Arc::clone(&server), search.clone(), before);
                    before += batch.num_rows() as u64;
                    blocking(move || answer(&server, &search, &batch, first)).await
                }
                Err(error) => Err(error.into()),
            };
            let is_error = answer.is_err();
            if sender.send(answer.map(Outgoing::of)).await.is_err() || is_error {
                return;
            }
        }
    });
    let answers = futures::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|answer| (answer, receiver))
    });
    Ok(Stream::of_task(schema, Box::pin(answers)))
}

fn search(server: &Server, command: &[u8]) -> Result<Search, FlightError> {
    let (options, rest) = options(command, &["space", "columns", "recall"])?;
    let mut wanted = search_form(rest)?;
    let mut columns: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    let mut space = None;
    for (name, value) in options {
        match name {
            "space" => space = Some(value),
            "columns" => columns = value.split(',').map(str::to_owned).collect(),
            _ => wanted = wanted.with_recall(recall(&value)?),
        }
    }
    let ranked = get::ranked_schema();
    let places = get::projection(&ranked, Some(&columns))?.unwrap_or_default();
    let mut fields = vec![Arc::new(Field::new("query", DataType::UInt64, false))];
    fields.extend(ranked.project(&places)?.fields().iter().cloned());
    Ok(Search {
        space: get::space(&server.engine, space.as_deref())?,
        wanted,
        places,
        schema: Arc::new(Schema::new(fields)),
    })
}

/// The answers to one batch of queries. Blocks.
fn answer(
    server: &Server,
    search: &Search,
    batch: &RecordBatch,
    first: u64,
) -> Result<RecordBatch, FlightError> {
    let queries = batch.num_rows();
    if queries > QUERIES_MAX {
        let message = format!("a batch has at most {QUERIES_MAX} queries, got {queries}");
        return Err(FlightError::new("TOOLARGE", message));
    }
    let snapshot = Arc::new(server.engine.snapshot(search.space));
    server.engine.log().wait(snapshot.position)?;
    let operands = operands(batch)?;
    let bits = queries_of(batch, operands.as_ref())?
        .into_iter()
        .enumerate()
        .map(|(row, query)| {
            let bits = match query {
                Query::Operand(operand) => get::fingerprint_of(&snapshot, operand),
                Query::Bits(bits) => Fingerprint::from_bytes(bits)
                    .map_err(|error| FlightError::bad(error.to_string())),
            };
            bits.map_err(|error| FlightError {
                message: format!("query {}: {}", first + row as u64, error.message),
                ..error
            })
        });
    let bits = bits.collect::<Result<Vec<_>, _>>()?;
    let filter = Filter::default();
    let scope = Scope {
        snapshot: &snapshot,
        filter: &filter,
    };
    let found = top_k(&[scope], &bits.iter().collect::<Vec<_>>(), search.wanted);
    let rows: usize = found.iter().map(Vec::len).sum();
    if rows > ROWS_MAX {
        let message = format!("the answers to a batch have at most {ROWS_MAX} rows, got {rows}");
        return Err(FlightError::new("TOOLARGE", message));
    }
    let mut answers = Vec::with_capacity(found.len());
    for (query, hits) in (first..).zip(&found) {
        let rows = get::ranked_batch(&snapshot, hits, Some(&search.places))?;
        let number: ArrayRef = Arc::new(UInt64Array::from(vec![query; hits.len()]));
        let columns = std::iter::once(number).chain(rows.columns().iter().cloned());
        answers.push(RecordBatch::try_new(
            Arc::clone(&search.schema),
            columns.collect(),
        )?);
    }
    snapshot.check()?;
    Ok(concat_batches(&search.schema, &answers)?)
}

enum Query<'a> {
    Operand(&'a [u8]),
    Bits(&'a [u8]),
}

const EXPECTED: &str = "expected a column 'query' of text or bytes, or 'fingerprint' of fixed_size_binary(1280), \
    without nulls";

/// The column `query`, as bytes.
fn operands(batch: &RecordBatch) -> Result<Option<BinaryArray>, FlightError> {
    let Some(column) = batch.column_by_name("query") else {
        return Ok(None);
    };
    let bytes = cast(column, &DataType::Binary).map_err(|_| FlightError::bad(EXPECTED))?;
    Ok(bytes.as_any().downcast_ref::<BinaryArray>().cloned())
}

fn queries_of<'a>(
    batch: &'a RecordBatch,
    operands: Option<&'a BinaryArray>,
) -> Result<Vec<Query<'a>>, FlightError> {
    let bits = batch.column_by_name("fingerprint");
    let bits = bits.and_then(|bits| bits.as_any().downcast_ref::<FixedSizeBinaryArray>());
    match (operands, bits) {
        (Some(operands), _) if operands.null_count() == 0 => Ok((0..operands.len())
            .map(|row| Query::Operand(operands.value(row)))
            .collect()),
        (None, Some(bits)) if bits.null_count() == 0 => Ok((0..bits.len())
            .map(|row| Query::Bits(bits.value(row)))
            .collect()),
        _ => Err(FlightError::bad(EXPECTED)),
    }
}
