//! The life of one connection: read, execute every complete request, write, until it ends.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::engine::Reading;
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use super::caller;
use super::client::Client;
use super::error::CommandError;
use super::execution::Search;
use super::reply::Reply;
use super::request::{Progress, RequestParser};
use super::server::Server;
use super::session::Session;

/// Bytes read at a time, and kept by an idle connection.
const READ_BYTES: usize = 16 * 1024;
/// Bytes of replies that are written before more requests are executed: what a pipeline of
/// large reads may hold in memory.
const WRITE_BYTES: usize = 256 * 1024;
/// Requests that may share what they read, and with that a space's lock: at 800,000 a second no more than 160 µs.
const SHARED_MAX: usize = 128;
/// How long a client may read nothing of replies that exceed the output buffer's limit.
const STALL: Duration = Duration::from_secs(60);
/// Searches an I/O thread has running at once; others wait.
pub const SEARCHES_MAX: usize = 4;
/// How long the thread of a search stays for the next one of its connection.
const LINGER: Duration = Duration::from_millis(2);
/// How often it looks meanwhile whether somebody else wants it, in nanoseconds.
const LINGER_STEP_NS: i64 = 250_000;

/// Serves a client until either side ends the connection.
///
/// `searches` counts those of the I/O thread's connections that search.
pub async fn serve(
    stream: TcpStream,
    server: Arc<Server>,
    client: Arc<Client>,
    searches: Arc<AtomicUsize>,
) {
    let id = client.id;
    let connection = Connection {
        stream: Arc::new(stream),
        parser: RequestParser::new(server.request_limits()),
        input: Vec::with_capacity(READ_BYTES),
        executed: 0,
        output: BytesMut::with_capacity(READ_BYTES),
        session: Session::new(server, client),
        searches,
    };
    if let Err(error) = connection.run().await {
        tracing::debug!(client = id, %error, "connection ended");
    }
}

struct Connection {
    /// Shared only while a search runs, with who looks whether the client is still there.
    stream: Arc<TcpStream>,
    parser: RequestParser,
    /// Bytes read.
    input: Vec<u8>,
    /// How many of them, from the start, have been executed.
    executed: usize,
    /// Replies not yet written.
    output: BytesMut,
    session: Session,
    /// How many connections of this I/O thread have a search running or waiting for a thread.
    searches: Arc<AtomicUsize>,
}

/// What came of looking for a request.
enum Executed {
    /// There is none.
    Nothing,
    /// Its reply is among the output.
    Request,
    /// It is to be run on another thread.
    Search(Box<Search>),
}

/// What a connection waits for.
enum Wake {
    /// So many bytes have come; none: the client has ended its side.
    Input(usize),
    /// Something is in the mailbox, or the client is to be closed.
    Mailbox,
}

impl Connection {
    async fn run(mut self) -> io::Result<()> {
        while !self.session.is_closing && !self.session.server.is_stopping() {
            match self.wait().await? {
                Wake::Input(0) => break,
                Wake::Input(bytes) => {
                    self.received(bytes);
                    while let Some(search) = self.execute_input().await? {
                        self = self.execute_search(search).await?;
                    }
                }
                Wake::Mailbox => {
                    if self.session.client.mailbox.is_closing() {
                        break;
                    }
                    self.session.deliver(&mut self.output);
                    self.write().await?;
                }
            }
        }
        // At shutdown nothing is left to answer: what had been read was executed when it came.
        Ok(())
    }

    /// Waits for input or mail, in one task without allocation: this is the idle state of every
    /// connection and the start of every request.
    async fn wait(&mut self) -> io::Result<Wake> {
        self.make_room();
        let Self {
            stream,
            input,
            session,
            ..
        } = self;
        let stream = Arc::get_mut(stream).expect(UNSHARED);
        let mut reading = pin!(stream.read_buf(input));
        poll_fn(|context| {
            if session.client.mailbox.poll_pending(context).is_ready() {
                return Poll::Ready(Ok(Wake::Mailbox));
            }
            reading.as_mut().poll(context).map_ok(Wake::Input)
        })
        .await
    }

    /// Input has come, and is about to be executed.
    fn received(&mut self, bytes: usize) {
        let stats = &self.session.server.stats;
        stats.input_bytes.fetch_add(bytes as u64, Relaxed);
        self.session.begin_batch();
    }

    /// Makes room for input: for the argument that is being read, but no more than has come already, so that a
    /// client that only announces much gets little.
    fn make_room(&mut self) {
        let input = &mut self.input;
        if input.capacity() - input.len() < READ_BYTES / 4 {
            let missing = self.parser.missing(input.len());
            input.reserve(missing.clamp(READ_BYTES, READ_BYTES.max(input.len())));
        }
    }

    /// Executes every complete request of the input up to a search, which is handed back, and writes the
    /// replies: those before a search do not wait for it.
    async fn execute_input(&mut self) -> io::Result<Option<Box<Search>>> {
        loop {
            match self.execute_ready() {
                Executed::Nothing => break,
                Executed::Search(search) => {
                    self.write().await?;
                    return Ok(Some(search));
                }
                Executed::Request => {
                    self.write().await?;
                    self.session.begin_batch();
                }
            }
        }
        self.forget_executed();
        self.write().await?;
        Ok(None)
    }

    /// Executes requests until there is none, one is a search, or the replies are to be written first.
    fn execute_ready(&mut self) -> Executed {
        loop {
            let mut reading = None;
            for _ in 0..SHARED_MAX {
                match self.execute_next(&mut reading) {
                    Executed::Request if self.output.len() < WRITE_BYTES => {}
                    executed => return executed,
                }
            }
        }
    }

    /// Executes the next request, if all of it has come and the connection is not about to end. Short reads share
    /// what they read.
    fn execute_next(&mut self, reading: &mut Option<Reading>) -> Executed {
        if self.session.is_closing {
            return Executed::Nothing;
        }
        self.parser.set_authenticated(self.session.is_authenticated);
        let input = &self.input[self.executed..];
        match self.parser.parse(input) {
            Ok(Progress::Incomplete) => Executed::Nothing,
            Ok(Progress::Complete(bytes)) => {
                let arguments = self.parser.arguments(input);
                self.executed += bytes;
                let search = match arguments.is_empty() {
                    true => None,
                    false => self.session.execute(&arguments, reading, &mut self.output),
                };
                search.map_or(Executed::Request, Executed::Search)
            }
            Err(error) => {
                let error = CommandError::err(format!("Protocol error: {error}"));
                self.session.server.stats.count_error(error.code);
                Reply::Error(error).render(self.session.protocol, &mut self.output);
                self.session.is_closing = true;
                Executed::Request
            }
        }
    }

    /// Drops the input that has been executed. Linear in all: what is moved belongs to one request, and is
    /// next to the start then.
    fn forget_executed(&mut self) {
        self.input.drain(..self.executed);
        self.executed = 0;
        if self.input.is_empty() {
            self.input.shrink_to(4 * READ_BYTES);
        }
        let kept = self.input.len();
        self.session.client.input_bytes.store(kept, Relaxed);
    }

    /// Runs a search on a thread of its own, which the connection goes to and comes back from: the reply
    /// leaves from there, before the I/O thread wakes, and so do those of searches that follow at once.
    async fn execute_search(mut self, mut search: Box<Search>) -> io::Result<Self> {
        let (stream, client) = (Arc::clone(&self.stream), Arc::clone(&self.session.client));
        let caller = self.session.caller();
        let searches = Arc::clone(&self.searches);
        searches.fetch_add(1, Relaxed);
        let mut searched = tokio::task::spawn_blocking(move || {
            loop {
                let searched = search.run();
                self.session.end_search(searched, &mut self.output);
                self.write_at_once()?;
                match self.next_search()? {
                    Some(next) => search = next,
                    None => return Ok(self),
                }
            }
        });
        let searched = tokio::select! {
            biased;
            searched = &mut searched => searched,
            () = departure(&stream, &client) => {
                caller.leave();
                searched.await
            }
        };
        searches.fetch_sub(1, Relaxed);
        drop(stream);
        let mut connection = searched.map_err(io::Error::from).flatten()?;
        connection.write().await?;
        Ok(connection)
    }

    /// On the thread of a search: the connection's next request, if that is a search, comes soon, and no other
    /// connection wants the thread. Who searches again and again does not wait for two threads to wake each time.
    fn next_search(&mut self) -> io::Result<Option<Box<Search>>> {
        while self.output.is_empty() && self.may_stay() {
            match self.execute_next(&mut None) {
                Executed::Search(search) => return Ok(Some(search)),
                Executed::Request => return Ok(None),
                Executed::Nothing if self.session.is_closing => return Ok(None),
                Executed::Nothing => {}
            }
            self.forget_executed();
            if !self.linger()? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// Whether the thread of a search may go on with this connection.
    fn may_stay(&self) -> bool {
        let session = &self.session;
        self.searches.load(Relaxed) <= SEARCHES_MAX
            && !session.server.is_stopping()
            && !session.client.mailbox.is_closing()
    }

    /// Waits a little for input and reads it; false if none comes.
    fn linger(&mut self) -> io::Result<bool> {
        let begun = Instant::now();
        let step = Timespec {
            tv_sec: 0,
            tv_nsec: LINGER_STEP_NS,
        };
        loop {
            let mut socket = [PollFd::new(&self.stream, PollFlags::IN)];
            match poll(&mut socket, Some(&step)) {
                Ok(0) | Err(Errno::INTR) if begun.elapsed() < LINGER && self.may_stay() => {}
                Ok(0) | Err(Errno::INTR) => return Ok(false),
                Ok(_) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.make_room();
        match recv(
            &self.stream,
            spare_capacity(&mut self.input),
            RecvFlags::DONTWAIT,
        ) {
            // The I/O thread will see that the client has ended its side.
            Ok((_, 0)) | Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Ok((_, bytes)) => {
                self.received(bytes);
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what the socket takes without waiting, if what the replies reveal is acknowledged.
    fn write_at_once(&mut self) -> io::Result<()> {
        let log = self.session.server.engine.log();
        if !matches!(log.outcome(self.session.revealed), Some(Ok(()))) {
            return Ok(());
        }
        let written = match self.stream.try_write(&self.output) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.session
            .server
            .stats
            .output_bytes
            .fetch_add(written as u64, Relaxed);
        self.output.advance(written);
        if self.output.is_empty() {
            (self.session.revealed, self.session.unwritten) = (0, 0);
        }
        Ok(())
    }

    /// Writes the replies, once what they reveal is acknowledged. While the client does not read
    /// them nothing more is executed for it.
    async fn write(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        // The other connections that are ready execute first. One write to the log makes what all of
        // them have changed safe, and a client with several connections wakes once for all of its
        // replies, not once for each: that is a third of the time of pipelined reads.
        give_way().await;
        self.acknowledge().await;
        let Self {
            stream,
            output,
            session,
            ..
        } = self;
        let (server, client) = (&*session.server, &*session.client);
        let bytes = output.len();
        server.stats.output_bytes.fetch_add(bytes as u64, Relaxed);
        let mut written = match stream.try_write(output) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        while written < bytes {
            client.output_bytes.store(bytes - written, Relaxed);
            let is_over_limit = bytes - written > server.settings.output_buffer_bytes;
            let stream = Arc::get_mut(stream).expect(UNSHARED);
            written += write_some(stream, &output[written..], client, is_over_limit).await?;
            client.output_bytes.store(0, Relaxed);
        }
        output.clear();
        if output.capacity() > 4 * READ_BYTES {
            *output = BytesMut::with_capacity(READ_BYTES);
        }
        Ok(())
    }

    /// Waits until the log has acknowledged what the replies reveal. If it never will, each reply
    /// becomes an error that says so: nobody can tell any more which of them hold.
    async fn acknowledge(&mut self) {
        let revealed = std::mem::take(&mut self.session.revealed);
        let unwritten = std::mem::take(&mut self.session.unwritten);
        let log = self.session.server.engine.log();
        let outcome = match log.outcome(revealed) {
            Some(outcome) => outcome,
            // Nobody is kept from anything while this thread waits for the disk itself.
            None if log.policy() == FsyncPolicy::Always && is_alone() => log.wait(revealed),
            None if log.policy() == FsyncPolicy::Always => log.durable(revealed).await,
            None => log.flush(),
        };
        if let Err(unknown) = outcome {
            self.output.clear();
            let reply = Reply::Error(unknown.into());
            for _ in 0..unwritten {
                reply.render(self.session.protocol, &mut self.output);
            }
        }
    }
}

const UNSHARED: &str = "invariant: nobody has the stream but the connection, unless a search runs";

/// Waits until the client has left, or is to be closed.
async fn departure(stream: &TcpStream, client: &Client) {
    let closed = poll_fn(|context| client.mailbox.poll_closing(context));
    tokio::select! {
        () = caller::departure(stream) => {}
        () = closed => {}
    }
}

/// Lets every other task that is ready go first. Tokio's own `yield_now` would look at the sockets as well,
/// which costs a system call a round of connections.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether this connection is the only one of its I/O thread.
fn is_alone() -> bool {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
        == 1
}

/// Waits until the socket takes some bytes. Ends with an error when the client is to be closed
/// meanwhile, or holds too much memory for too long.
async fn write_some(
    stream: &mut TcpStream,
    bytes: &[u8],
    client: &Client,
    is_over_limit: bool,
) -> io::Result<usize> {
    let write = poll_fn(|context| {
        // Messages wait until the replies before them are written.
        if client.mailbox.poll_closing(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut *stream).poll_write(context, bytes)
    });
    if !is_over_limit {
        return write.await;
    }
    tokio::time::timeout(STALL, write).await.map_err(|_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            "the client left more unread than --output-buffer",
        )
    })?
}
