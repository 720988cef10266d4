//! HTTP: `/health`, `/ready`, `/metrics` and `POST /command`.
//!
//! It listens before the memory is recovered, so that an orchestrator can tell a server that is
//! starting from one that is dead, and has a thread and a runtime of its own: whatever RESP's
//! clients do, `/health` is answered.

mod access;
mod command;
mod error;
mod graphql;
mod metrics;
mod routes;
mod stream;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::Settings;
use crate::query::cypher::STACK_BYTES;
use crate::server::resp::server::Server;
use stream::Served;

/// Connections served at once; more wait to be accepted.
const CONNECTIONS_MAX: usize = 512;
/// Commands executed at once; more wait.
const COMMANDS_MAX: usize = 16;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests have to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait when the system refuses to accept, out of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The running listener.
#[derive(Debug)]
pub struct Http {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    addresses: Vec<SocketAddr>,
}

/// What all requests see.
#[derive(Debug)]
struct Shared {
    /// There once the memory is recovered.
    server: OnceLock<Arc<Server>>,
    /// Bytes the body of a request may have.
    body_bytes_max: usize,
}

/// Who sent a request, and to which of our addresses.
#[derive(Debug, Clone)]
struct Peer {
    address: SocketAddr,
    local_address: SocketAddr,
    stream: Arc<TcpStream>,
}

impl Http {
    /// Binds every address of the settings, and answers from a thread of its own.
    ///
    /// # Errors
    /// An address cannot be bound, or the thread not be started.
    pub fn bind(settings: &Settings) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(COMMANDS_MAX)
            .thread_stack_size(STACK_BYTES)
            .thread_name("http-command")
            .build()?;
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut listeners = Vec::new();
        for &bind in &settings.bind {
            // The first address chooses the port if none is asked for.
            let port = addresses
                .first()
                .map_or(settings.http_port, SocketAddr::port);
            let address = SocketAddr::new(bind, port);
            let listener = StdListener::bind(address).map_err(|error| {
                io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
            })?;
            listener.set_nonblocking(true)?;
            addresses.push(listener.local_addr()?);
            listeners.push(listener);
        }
        let shared = Arc::new(Shared {
            server: OnceLock::new(),
            body_bytes_max: settings.request_bytes_max,
        });
        let router = routes::router(Arc::clone(&shared));
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                if let Err(error) = runtime.block_on(serve(listeners, router, stopped)) {
                    tracing::error!(%error, "HTTP is not served");
                }
            })?;
        Ok(Self {
            shared,
            stop,
            thread,
            addresses,
        })
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The memory is recovered: from now on `/ready` says so and commands are executed.
    pub fn attach(&self, server: Arc<Server>) {
        // Attached once, by whoever recovered it.
        let _ = self.shared.server.set(server);
    }

    /// Stops accepting, lets requests finish, and waits for the thread to end.
    pub fn stop(self) {
        // The receiver ends only with the thread.
        let _ = self.stop.send(true);
        if self.thread.join().is_err() {
            tracing::error!("the HTTP thread panicked");
        }
    }
}

/// Accepts on all listeners until told to stop, then lets requests finish.
async fn serve(
    listeners: Vec<StdListener>,
    router: Router,
    stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let graceful = Arc::new(GracefulShutdown::new());
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut accepting = JoinSet::new();
    for listener in listeners {
        let listener = TcpListener::from_std(listener)?;
        let (router, permits) = (router.clone(), Arc::clone(&permits));
        let (graceful, mut stopped) = (Arc::clone(&graceful), stopped.clone());
        accepting.spawn(async move {
            loop {
                let permit = tokio::select! {
                    permit = Arc::clone(&permits).acquire_owned() => permit,
                    _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
                };
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stopped.wait_for(|is_stopped| *is_stopped) => return,
                };
                let (stream, address) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept an HTTP connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let Some(connection) = connection(stream, address, &router) else {
                    continue;
                };
                let connection = graceful.watch(connection);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "HTTP connection ended");
                    }
                    drop(permit);
                });
            }
        });
    }
    accepting.join_all().await;
    let graceful =
        Arc::into_inner(graceful).expect("invariant: only the accepting tasks shared it");
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("HTTP requests did not finish in time, and were cut");
    }
    Ok(())
}

type Connection = http1::Connection<TokioIo<Served>, TowerToHyperService<Router>>;

/// The conversation with one client; `None` if it has gone already.
fn connection(stream: TcpStream, address: SocketAddr, router: &Router) -> Option<Connection> {
    stream.set_nodelay(true).ok()?;
    let stream = Arc::new(stream);
    let peer = Peer {
        address,
        local_address: stream.local_addr().ok()?,
        stream: Arc::clone(&stream),
    };
    let service = TowerToHyperService::new(router.clone().layer(Extension(peer)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        // Who has no more to ask may still listen; whether it does is looked at by what takes its time.
        .half_close(true);
    Some(builder.serve_connection(TokioIo::new(Served(stream)), service))
}
