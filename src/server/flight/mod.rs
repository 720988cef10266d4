//! Arrow Flight: streams of record batches in and out, and Flight SQL, over gRPC.
//!
//! | file | holds |
//! |---|---|
//! | `listener` | connections: who is admitted, what is counted |
//! | `access` | who may call: passwords, tokens, the form of answers |
//! | `service` | the calls, each to its room |
//! | `ticket`, `get`, `surface` | what a stream shows, and its batches |
//! | `received` | batches out of what a client sends, messages and bodies |
//! | `put`, `ingest` | record batches into nodes |
//! | `edges` | record batches into edges |
//! | `cypher` | what a Cypher statement answers, as a batch |
//! | `exchange` | a search whose queries are streamed |
//! | `actions` | the table of actions |
//! | `sql` | Flight SQL |
//! | `kept` | what clients have a name for |
//! | `underway` | the streams that can be cancelled |
//! | `stream`, `conduit`, `ipc` | batches on their way to the socket |
//! | `held` | frames on it, together |
//! | `error` | refusals as gRPC codes with details |
//! | `reference` | `docs/flight.md` |
//!
//! It has a thread and a runtime of its own: what takes its time runs on the runtime's blocking threads, and a
//! stream is made step by step, as far as its client reads.

mod access;
mod actions;
mod conduit;
mod cypher;
mod edges;
mod error;
mod exchange;
mod get;
mod held;
mod ingest;
mod ipc;
mod kept;
mod listener;
mod put;
pub mod received;
pub mod reference;
mod service;
mod sql;
mod stream;
mod surface;
pub mod ticket;
mod underway;

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ladybug_engine::search::pool;
use tokio::net::TcpListener;
use tonic::transport::Server as Grpc;

use crate::config::Settings;
use crate::query::cypher::STACK_BYTES;
use crate::server::resp::server::Server;
use error::FlightError;
use service::Service;

/// Threads that read and write sockets.
const IO_THREADS: usize = 2;
/// Calls and steps of streams that are executed at once; more wait.
const BLOCKING_MAX: usize = 8;
/// What a client may send before it is acknowledged: enough for a whole batch.
const WINDOW_BYTES: u32 = 16 << 20;
/// Largest HTTP/2 frame that clients may send. Each is received into memory of its own, which is soon free again: of small
/// ones the next few find it still mapped, and a put touches a quarter less of new memory than with 1 MiB.
const FRAME_BYTES_MAX: u32 = 64 << 10;
/// How often a silent client is asked whether it is there, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long calls have to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// The bound listener, which serves once it is given the server.
#[derive(Debug)]
pub struct Flight {
    listeners: Vec<StdListener>,
    addresses: Vec<SocketAddr>,
}

/// The running listener.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<()>,
}

impl Flight {
    /// Binds every address of the settings.
    ///
    /// # Errors
    /// An address cannot be bound.
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let mut flight = Self {
            listeners: Vec::new(),
            addresses: Vec::new(),
        };
        for &bind in &settings.bind {
            // The first address chooses the port if none is asked for.
            let first = flight.addresses.first();
            let port = first.map_or(settings.flight_port, SocketAddr::port);
            let address = SocketAddr::new(bind, port);
            let listener = StdListener::bind(address).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            })?;
            listener.set_nonblocking(true)?;
            flight.addresses.push(listener.local_addr()?);
            flight.listeners.push(listener);
        }
        Ok(flight)
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves from a thread of its own until the server stops.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn serve(self, server: Arc<Server>) -> io::Result<Running> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .enable_all()
            .max_blocking_threads(BLOCKING_MAX)
            .thread_stack_size(STACK_BYTES)
            .thread_name("flight")
            .build()?;
        let thread = std::thread::Builder::new()
            .name("flight".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serve(self.listeners, server)) {
                    tracing::error!(%error, "Flight is not served");
                }
                // Whoever still holds a stream has had its time.
                runtime.shutdown_background();
            })?;
        Ok(Running { thread })
    }
}

impl Running {
    /// Waits for the calls to end once the server stops.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the Flight thread panicked");
        }
    }
}

/// Accepts on all listeners until the server stops, then lets calls finish.
async fn serve(
    listeners: Vec<StdListener>,
    server: Arc<Server>,
) -> Result<(), Box<dyn std::error::Error>> {
    let listeners: io::Result<Vec<_>> = listeners.into_iter().map(TcpListener::from_std).collect();
    let incoming = listener::incoming(listeners?, &server);
    let stopping = Arc::clone(&server);
    let serving = Grpc::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_service(Service::routed(Arc::clone(&server)))
        .serve_with_incoming_shutdown(incoming, async move { stopping.stopped().await });
    let drained = async {
        server.stopped().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = drained => {
            tracing::warn!("Flight calls did not finish in time, and were cut");
            Ok(())
        }
    }
}

/// Runs what may take its time on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FlightError> + Send + 'static,
) -> Result<T, FlightError> {
    let done = tokio::task::spawn_blocking(move || {
        give_way();
        work()
    });
    done.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call failed");
        Err(FlightError::new(
            "INTERNAL",
            "the call failed; the log says why",
        ))
    })
}

/// Puts this thread, one of those for what takes its time, behind those of point commands.
fn give_way() {
    thread_local! {
        static IS_BEHIND: Cell<bool> = const { Cell::new(false) };
    }
    if !IS_BEHIND.replace(true) {
        pool::lower_priority();
    }
}
