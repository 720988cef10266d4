//! Connections: who is admitted, and what is counted of their bytes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

use super::held::Held;
use crate::server::resp::server::Server;

/// How long to wait when the system refuses to accept, out of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who sends a request, and to which of our addresses.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Ours.
    pub local_address: SocketAddr,
}

/// A connection that is counted.
#[derive(Debug)]
pub struct Connection {
    stream: Held<TcpStream>,
    peer: Peer,
    server: Arc<Server>,
}

/// The connections that are admitted, from all listeners.
pub fn incoming(
    listeners: Vec<TcpListener>,
    server: &Arc<Server>,
) -> impl Stream<Item = io::Result<Connection>> + use<> {
    let each = |listener: TcpListener| {
        let server = Arc::clone(server);
        Box::pin(futures::stream::unfold(
            (listener, server),
            |(listener, server)| async {
                let connection = accept(&listener, &server).await;
                Some((Ok(connection), (listener, server)))
            },
        ))
    };
    futures::stream::select_all(listeners.into_iter().map(each))
}

/// The next connection that is admitted. Others are closed: gRPC has no answer before a request.
async fn accept(listener: &TcpListener, server: &Arc<Server>) -> Connection {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => match admit(stream, address, server) {
                Ok(Some(connection)) => return connection,
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "connection lost before it was admitted"),
            },
            Err(error) => {
                tracing::warn!(%error, "cannot accept a Flight connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(
    stream: TcpStream,
    address: SocketAddr,
    server: &Arc<Server>,
) -> io::Result<Option<Connection>> {
    stream.set_nodelay(true)?;
    let peer = Peer {
        address,
        local_address: stream.local_addr()?,
    };
    let stats = &server.stats.flight;
    let clients_max = server.live.clients_max.load(Relaxed) as u64;
    if stats.clients.fetch_add(1, Relaxed) >= clients_max {
        stats.clients.fetch_sub(1, Relaxed);
        server.stats.rejected_connections.fetch_add(1, Relaxed);
        return Ok(None);
    }
    stats.connections.fetch_add(1, Relaxed);
    Ok(Some(Connection {
        stream: Held::new(stream),
        peer,
        server: Arc::clone(server),
    }))
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.server.stats.flight.clients.fetch_sub(1, Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = (buffer.filled().len() - before) as u64;
        self.server
            .stats
            .flight
            .input_bytes
            .fetch_add(bytes, Relaxed);
        polled
    }
}

impl Connection {
    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            let stats = &self.server.stats.flight;
            stats.output_bytes.fetch_add(bytes as u64, Relaxed);
        }
        written
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
