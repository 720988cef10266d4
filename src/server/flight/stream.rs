//! Streams of record batches on their way out: made on threads that may take their time, step by step, and as
//! far as the client reads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::conduit::{Conduit, ConduitBody};
use super::error::FlightError;
use super::ipc::StreamEncoder;
use super::underway::Entry;
use crate::server::resp::server::Server;

/// A step ends once it has made this much: batches that are views of what is in memory take none, and each step wakes
/// two threads.
const STEP_BYTES: usize = 4 << 20;

/// Batches that are made one after the other by a thread that may block.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, FlightError>> + Send>;

/// A batch and what goes with it.
#[derive(Debug)]
pub struct Outgoing {
    /// The batch.
    pub batch: RecordBatch,
    /// The message's `app_metadata`.
    pub metadata: Vec<u8>,
}

impl Outgoing {
    /// A batch alone.
    pub fn of(batch: RecordBatch) -> Self {
        Self {
            batch,
            metadata: Vec::new(),
        }
    }
}

/// What a task makes.
pub type Made = Pin<Box<dyn futures::Stream<Item = Result<Outgoing, FlightError>> + Send>>;

/// A stream that a call answers. It travels in the extensions of the call's response; see [`Stream::attach`].
#[derive(Clone)]
pub struct Stream(Arc<Mutex<Option<Source>>>);

struct Source {
    schema: SchemaRef,
    from: From,
    entry: Option<Entry>,
}

enum From {
    Batches(Batches),
    Task(Made),
}

impl Stream {
    /// A stream of batches that are made on demand.
    pub fn of_batches(schema: SchemaRef, batches: Batches) -> Self {
        Self::new(schema, From::Batches(batches))
    }

    /// A stream of what a task makes elsewhere.
    pub fn of_task(schema: SchemaRef, made: Made) -> Self {
        Self::new(schema, From::Task(made))
    }

    fn new(schema: SchemaRef, from: From) -> Self {
        let source = Source {
            schema,
            from,
            entry: None,
        };
        Self(Arc::new(Mutex::new(Some(source))))
    }

    /// The same stream, which ends when it is cancelled.
    pub fn cancelled_with(self, entry: Entry) -> Self {
        if let Some(source) = &mut *self.0.lock() {
            source.entry = Some(entry);
        }
        self
    }

    /// A response without messages of its own, in whose place the stream is sent.
    pub fn attach<T>(self, message: T) -> tonic::Response<T> {
        let mut response = tonic::Response::new(message);
        response.extensions_mut().insert(self);
        response
    }

    /// The body that sends the stream, until `deadline`.
    pub fn into_body(self, server: &Arc<Server>, deadline: Option<Instant>) -> ConduitBody {
        let source = self.0.lock().take();
        let conduit = Arc::new(Conduit::default());
        let stall = Duration::from_secs(server.settings.flight_stall_s);
        server.stats.flight.streams.fetch_add(1, Relaxed);
        let task = send(
            source,
            Arc::clone(&conduit),
            stall,
            deadline,
            Arc::clone(server),
        );
        let maker = tokio::spawn(task);
        ConduitBody::new(conduit, maker.abort_handle())
    }
}

/// Sends a stream to its end, or says why it ends early.
async fn send(
    source: Option<Source>,
    conduit: Arc<Conduit>,
    stall: Duration,
    deadline: Option<Instant>,
    server: Arc<Server>,
) {
    let source = source.expect("invariant: a stream is sent once");
    let Source {
        schema,
        from,
        entry,
    } = source;
    let sending = async {
        let (encoder, pieces) = StreamEncoder::new(&schema);
        conduit.push(pieces);
        match from {
            From::Batches(batches) => send_batches(batches, encoder, &conduit, stall).await,
            From::Task(made) => send_made(made, encoder, &conduit, stall).await,
        }
    };
    let sending = async {
        match &entry {
            Some(entry) => entry.unless_cancelled(sending).await,
            None => sending.await,
        }
    };
    let sent = match deadline {
        Some(deadline) => timeout_at(deadline, sending).await.unwrap_or_else(|_| {
            let message = "the call's deadline passed before the stream ended";
            Err(FlightError::new("DEADLINE", message))
        }),
        None => sending.await,
    };
    let drained = match sent {
        Ok(()) => {
            conduit.finish();
            conduit.drained(stall).await.map_err(|_| stalled(stall))
        }
        Err(error) => Err(error),
    };
    match drained {
        Ok(()) => {}
        Err(error) => {
            if error.reason == "STALLED" {
                server.stats.flight.stalled.fetch_add(1, Relaxed);
            }
            conduit.fail(Status::from(error));
        }
    }
}

async fn send_batches(
    mut batches: Batches,
    mut encoder: StreamEncoder,
    conduit: &Conduit,
    stall: Duration,
) -> Result<(), FlightError> {
    loop {
        let step = tokio::task::spawn_blocking(move || {
            super::give_way();
            let mut pieces = Vec::new();
            let is_over = make(&mut batches, &mut encoder, &mut pieces);
            (batches, encoder, pieces, is_over)
        });
        let (returned, encoder_returned, pieces, is_over) = step.await.map_err(|error| {
            tracing::error!(%error, "a stream failed");
            FlightError::new("INTERNAL", "the stream failed; the log says why")
        })?;
        (batches, encoder) = (returned, encoder_returned);
        let is_over = is_over?;
        room(conduit, stall).await?;
        conduit.push(pieces);
        if is_over {
            return Ok(());
        }
    }
}

/// Makes batches for one step; answers whether there are no more.
fn make(
    batches: &mut Batches,
    encoder: &mut StreamEncoder,
    pieces: &mut Vec<Bytes>,
) -> Result<bool, FlightError> {
    let mut bytes = 0;
    while bytes < STEP_BYTES {
        let Some(batch) = batches.next() else {
            return Ok(true);
        };
        let made = encoder.batch(&batch?, &[])?;
        bytes += made.iter().map(Bytes::len).sum::<usize>();
        pieces.extend(made);
    }
    Ok(false)
}

async fn send_made(
    mut made: Made,
    mut encoder: StreamEncoder,
    conduit: &Conduit,
    stall: Duration,
) -> Result<(), FlightError> {
    while let Some(outgoing) = made.next().await {
        let Outgoing { batch, metadata } = outgoing?;
        let pieces = encoder.batch(&batch, &metadata)?;
        room(conduit, stall).await?;
        conduit.push(pieces);
    }
    Ok(())
}

/// Waits for the client to read.
async fn room(conduit: &Conduit, stall: Duration) -> Result<(), FlightError> {
    conduit.room(stall).await.map_err(|_| stalled(stall))
}

fn stalled(stall: Duration) -> FlightError {
    let message = format!(
        "the client left the stream unread for the {} s of --flight-stall; what it held was let go, repeat the call",
        stall.as_secs()
    );
    FlightError::new("STALLED", message)
}
