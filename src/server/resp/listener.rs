//! From accept to shutdown: listens, admits clients, and spreads them over the I/O threads.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use ladybug_engine::search::pool;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::Client;
use super::connection::{self, SEARCHES_MAX};
use super::scrub;
use super::server::Server;
use crate::query::cypher::STACK_BYTES;

/// Connections the system keeps for us before we accept them.
const BACKLOG: u32 = 511;
/// Tasks that an I/O thread runs before it looks at its sockets again though others are ready.
const TASKS_PER_ROUND_MAX: u32 = 1024;
/// How long connections have to finish their replies at shutdown.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait when the system refuses to accept, out of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often nodes whose time is up are removed.
const EXPIRY: Duration = Duration::from_millis(100);
/// How often idle clients are looked for and rates are sampled.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// What a client from elsewhere is told while there is no password.
const DENIED: &str = "-DENIED Ladybug is running in protected mode because no password is set. In \
    this mode connections are only accepted from the loopback interface. If you want to connect \
    from external computers you may adopt one of the following solutions: 1) Set a password: start \
    the server with --password or the variable LADYBUG_PASSWORD, or send 'CONFIG SET requirepass \
    <password>' from the loopback interface. 2) Just disable protected mode sending the command \
    'CONFIG SET protected-mode no' from the loopback interface, or start the server with \
    --protected-mode false, however MAKE SURE it is not publicly accessible from internet if you \
    do so. NOTE: You only need to do one of the above things in order for the server to start \
    accepting connections from the outside.\r\n";
const TOO_MANY: &str = "-ERR max number of clients reached\r\n";

/// A connection on its way to its I/O thread.
type Admitted = (std::net::TcpStream, Arc<Client>);

/// The threads that serve RESP, and the sockets they are fed from.
#[derive(Debug)]
pub struct Listeners {
    server: Arc<Server>,
    listeners: Vec<TcpListener>,
    threads: Vec<(mpsc::UnboundedSender<Admitted>, JoinHandle<()>)>,
}

impl Listeners {
    /// Binds all addresses and starts the I/O threads. Needs a tokio runtime.
    ///
    /// # Errors
    /// An address cannot be bound, or a thread not be started.
    pub fn bind(server: Arc<Server>) -> io::Result<Self> {
        let mut listeners = Vec::new();
        for &address in &server.settings.bind {
            // The first address chooses the port if none is asked for.
            let port = u16::try_from(server.port.load(Relaxed)).expect("invariant: it is a port");
            let listener = listen(SocketAddr::new(address, port))?;
            server
                .port
                .store(u32::from(listener.local_addr()?.port()), Relaxed);
            listeners.push(listener);
        }
        let mut threads = Vec::new();
        for index in 0..server.settings.io_threads {
            let (sender, receiver) = mpsc::unbounded_channel();
            let server = Arc::clone(&server);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                // Sockets are looked at when nobody has anything left to do, not in the middle of a round
                // of connections, which would write and wake their clients in parts.
                .event_interval(TASKS_PER_ROUND_MAX)
                // These run searches, which use all processors by themselves, and which point commands
                // go before.
                .max_blocking_threads(SEARCHES_MAX)
                .thread_stack_size(STACK_BYTES)
                .on_thread_start(pool::lower_priority)
                .build()?;
            let thread = std::thread::Builder::new()
                .name(format!("resp-{index}"))
                .stack_size(STACK_BYTES)
                .spawn(move || runtime.block_on(serve_admitted(server, receiver)))?;
            threads.push((sender, thread));
        }
        Ok(Self {
            server,
            listeners,
            threads,
        })
    }

    /// Accepts until the shutdown begins, then waits for the connections to end.
    pub async fn run(self) {
        let Self {
            server,
            listeners,
            threads,
        } = self;
        let mut accepting = JoinSet::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let senders: Vec<_> = threads.iter().map(|(sender, _)| sender.clone()).collect();
            accepting.spawn(accept(Arc::clone(&server), listener, senders, index));
        }
        accepting.spawn(keep_house(Arc::clone(&server)));
        accepting.spawn(remove_expired(Arc::clone(&server)));
        accepting.spawn(scrub::run(Arc::clone(&server)));
        accepting.join_all().await;
        let ended = tokio::task::spawn_blocking(move || {
            for (sender, thread) in threads {
                drop(sender);
                if thread.join().is_err() {
                    tracing::error!("an I/O thread panicked");
                }
            }
        });
        if ended.await.is_err() {
            tracing::error!("the I/O threads could not be joined");
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })?;
    socket.listen(BACKLOG)
}

async fn accept(
    server: Arc<Server>,
    listener: TcpListener,
    threads: Vec<mpsc::UnboundedSender<Admitted>>,
    first_thread: usize,
) {
    let mut next_thread = first_thread;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stopped() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match admit(&server, stream, address) {
            Ok(Some(admitted)) => {
                next_thread = (next_thread + 1) % threads.len();
                // The thread ends only after this loop has.
                let _ = threads[next_thread].send(admitted);
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "connection lost before it was admitted"),
        }
    }
}

/// Admits a client, or tells it why not.
fn admit(
    server: &Server,
    mut stream: TcpStream,
    address: SocketAddr,
) -> io::Result<Option<Admitted>> {
    let local_address = stream.local_addr()?;
    let is_protected = server.live.protected_mode.load(Relaxed) && server.live.password().is_none();
    if is_protected && !is_loopback(address.ip()) {
        refuse(&mut stream, DENIED);
        return Ok(None);
    }
    let clients_max = server.live.clients_max.load(Relaxed);
    let descriptor = stream.as_raw_fd();
    let Some(client) = server
        .clients
        .admit(address, local_address, descriptor, clients_max)
    else {
        server.stats.rejected_connections.fetch_add(1, Relaxed);
        refuse(&mut stream, TOO_MANY);
        return Ok(None);
    };
    server.stats.connections.fetch_add(1, Relaxed);
    let prepared = stream.set_nodelay(true).and_then(|()| stream.into_std());
    match prepared {
        Ok(stream) => Ok(Some((stream, client))),
        Err(error) => {
            server.clients.remove(client.id);
            Err(error)
        }
    }
}

/// Writes what fits into the socket's empty buffer; who does not take it is not waited for.
fn refuse(stream: &mut TcpStream, reason: &str) {
    let mut writing = std::pin::pin!(stream.write_all(reason.as_bytes()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = writing.as_mut().poll(&mut context);
}

fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback()
                || address
                    .to_ipv4_mapped()
                    .is_some_and(|mapped| mapped.is_loopback())
        }
    }
}

/// One I/O thread: a task a connection.
async fn serve_admitted(server: Arc<Server>, mut receiver: mpsc::UnboundedReceiver<Admitted>) {
    let mut connections = JoinSet::new();
    let searches = Arc::new(AtomicUsize::new(0));
    loop {
        tokio::select! {
            admitted = receiver.recv() => {
                let Some((stream, client)) = admitted else { break };
                match TcpStream::from_std(stream) {
                    Ok(stream) => {
                        let (server, searches) = (Arc::clone(&server), Arc::clone(&searches));
                        connections.spawn(connection::serve(stream, server, client, searches));
                    }
                    Err(error) => {
                        server.clients.remove(client.id);
                        tracing::warn!(%error, "cannot register a connection");
                    }
                }
            }
            Some(ended) = connections.join_next() => log_panic(ended),
        }
    }
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("connections did not take their replies in time, and were cut");
    }
}

/// A connection's panic ends the connection alone; the panic hook has logged where.
fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// Removes nodes whose time is up. Nobody sees them any more; this frees their addresses and tells
/// those who listen.
async fn remove_expired(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(EXPIRY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = server.stopped() => return,
        }
        for space in server.engine.writable_spaces() {
            loop {
                let (gone, has_more) = match server.engine.remove_expired(space) {
                    Ok(removed) => removed,
                    Err(error) => {
                        tracing::debug!(space, %error, "expired nodes stay");
                        break;
                    }
                };
                server.publish_node_events(gone, server.engine.log().appended());
                if !has_more {
                    break;
                }
                // Writers get in between.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Once a second: samples the rate of commands, begins a checkpoint if one is due, and closes who
/// has been idle too long.
async fn keep_house(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    let mut calls_before = server.stats.calls();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = server.stopped() => return,
        }
        let calls = server.stats.calls();
        server
            .stats
            .operations_per_s
            .store(calls.saturating_sub(calls_before), Relaxed);
        calls_before = calls;
        server.engine.trim_history();
        server.engine.abort_idle();
        server.save_if_due();
        let timeout_ms = server.live.timeout_s.load(Relaxed).saturating_mul(1000);
        if timeout_ms > 0 {
            for client in server.clients.all() {
                if client.idle_ms() > timeout_ms && !client.is_subscriber() {
                    client.mailbox.close();
                }
            }
        }
    }
}
