//! The life of one connection: read, execute every complete request, write, until it ends.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use ladybug_engine::commit::log::FsyncPolicy;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

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
/// How long a client may read nothing of replies that exceed the output buffer's limit.
const STALL: Duration = Duration::from_secs(60);

/// Serves a client until either side ends the connection.
pub async fn serve(stream: TcpStream, server: Arc<Server>, client: Arc<Client>) {
    let id = client.id;
    let connection = Connection {
        stream,
        parser: RequestParser::new(server.request_limits()),
        input: Vec::with_capacity(READ_BYTES),
        executed: 0,
        output: BytesMut::with_capacity(READ_BYTES),
        session: Session::new(server, client),
    };
    if let Err(error) = connection.run().await {
        tracing::debug!(client = id, %error, "connection ended");
    }
}

struct Connection {
    stream: TcpStream,
    parser: RequestParser,
    /// Bytes read.
    input: Vec<u8>,
    /// How many of them, from the start, have been executed.
    executed: usize,
    /// Replies not yet written.
    output: BytesMut,
    session: Session,
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
                    self.session
                        .server
                        .stats
                        .input_bytes
                        .fetch_add(bytes as u64, Relaxed);
                    self.session.begin_batch();
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
        let Self {
            stream,
            input,
            parser,
            session,
            ..
        } = self;
        if input.capacity() - input.len() < READ_BYTES / 4 {
            // Room for the argument that is being read, but no more than has come already: a
            // client that only announces much gets little.
            input.reserve(
                parser
                    .missing(input.len())
                    .clamp(READ_BYTES, READ_BYTES.max(input.len())),
            );
        }
        let mut reading = pin!(stream.read_buf(input));
        poll_fn(|context| {
            if session.client.mailbox.poll_pending(context).is_ready() {
                return Poll::Ready(Ok(Wake::Mailbox));
            }
            reading.as_mut().poll(context).map_ok(Wake::Input)
        })
        .await
    }

    /// Executes every complete request of the input up to a search, which is handed back, and writes the
    /// replies: those before a search do not wait for it.
    async fn execute_input(&mut self) -> io::Result<Option<Search>> {
        self.parser.set_authenticated(self.session.is_authenticated);
        while !self.session.is_closing {
            let input = &self.input[self.executed..];
            let mut search = None;
            match self.parser.parse(input) {
                Ok(Progress::Incomplete) => break,
                Ok(Progress::Complete(bytes)) => {
                    let arguments = self.parser.arguments(input);
                    self.executed += bytes;
                    if !arguments.is_empty() {
                        search = self.session.execute(&arguments, &mut self.output);
                    }
                }
                Err(error) => {
                    let error = CommandError::err(format!("Protocol error: {error}"));
                    self.session.server.stats.count_error(error.code);
                    Reply::Error(error).render(self.session.protocol, &mut self.output);
                    self.session.is_closing = true;
                }
            }
            self.parser.set_authenticated(self.session.is_authenticated);
            if search.is_some() {
                self.write().await?;
                return Ok(search);
            }
            if self.output.len() >= WRITE_BYTES {
                self.write().await?;
                self.session.begin_batch();
            }
        }
        // Linear in all: what is moved belongs to one request, and is next to the start then.
        self.input.drain(..self.executed);
        self.executed = 0;
        if self.input.is_empty() {
            self.input.shrink_to(4 * READ_BYTES);
        }
        self.session
            .client
            .input_bytes
            .store(self.input.len(), Relaxed);
        self.write().await?;
        Ok(None)
    }

    /// Runs a search on a thread of its own, which the connection goes to and comes back from: the reply
    /// leaves from there, before the I/O thread wakes.
    async fn execute_search(mut self, search: Search) -> io::Result<Self> {
        let searched = tokio::task::spawn_blocking(move || {
            let searched = search.run();
            self.session.end_search(searched, &mut self.output);
            self.write_at_once().map(|()| self)
        });
        let mut connection = searched.await??;
        connection.write().await?;
        Ok(connection)
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
