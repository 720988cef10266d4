//! What lies between those who make a stream's pieces and the connection that sends them: a small queue, the
//! end of the stream, and the HTTP body that reads both.
//!
//! The connection asks the body for a piece when it may send one. So a client that does not read leaves the
//! queue full, and who fills it notices: see [`Conduit::room`].

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tonic::codegen::http::HeaderMap;

/// More is put in the queue only once less than this is left in it.
const QUEUE_BYTES: usize = 1 << 20;

/// The queue.
#[derive(Debug, Default)]
pub struct Conduit {
    state: Mutex<State>,
    taken: Notify,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Bytes>,
    bytes: usize,
    end: Option<Status>,
    reader: Option<Waker>,
    /// Who fills the queue waits until less than this is left; 0 if nobody does. Waking it for each piece would cost as much
    /// as sending one.
    awaited: usize,
    /// When a piece was taken last.
    taken_at: Option<Instant>,
}

impl Conduit {
    /// Adds pieces.
    pub fn push(&self, pieces: Vec<Bytes>) {
        let mut state = self.state.lock();
        state.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        state.pieces.extend(pieces);
        wake(&mut state);
    }

    /// Waits until the queue has room; fails if nothing is taken from it for `stall`.
    pub async fn room(&self, stall: Duration) -> Result<(), Elapsed> {
        self.less_than(QUEUE_BYTES, stall).await
    }

    /// Waits until everything is taken; fails if nothing is for `stall`.
    pub async fn drained(&self, stall: Duration) -> Result<(), Elapsed> {
        self.less_than(1, stall).await
    }

    async fn less_than(&self, bytes: usize, stall: Duration) -> Result<(), Elapsed> {
        let mut since = Instant::now();
        loop {
            {
                let mut state = self.state.lock();
                if state.bytes < bytes {
                    return Ok(());
                }
                state.awaited = bytes;
            }
            // A permit is left by whoever takes enough after this look.
            if let Err(elapsed) = timeout_at(since + stall, self.taken.notified()).await {
                let taken_at = self.state.lock().taken_at;
                since = taken_at.filter(|at| *at > since).ok_or(elapsed)?;
            }
        }
    }

    /// Ends the stream behind what is queued.
    pub fn finish(&self) {
        let mut state = self.state.lock();
        state.end.get_or_insert_with(|| Status::ok(""));
        wake(&mut state);
    }

    /// Ends the stream at once; what is queued is dropped.
    pub fn fail(&self, status: Status) {
        let mut state = self.state.lock();
        (state.pieces, state.bytes) = (VecDeque::new(), 0);
        state.end = Some(status);
        wake(&mut state);
    }
}

fn wake(state: &mut State) {
    if let Some(reader) = state.reader.take() {
        reader.wake();
    }
}

/// The body of the response: the queue's pieces, then gRPC's trailers. When the client goes, so does who makes
/// the pieces.
#[derive(Debug)]
pub struct ConduitBody {
    conduit: Arc<Conduit>,
    maker: AbortHandle,
    is_over: bool,
}

impl ConduitBody {
    /// The body of a stream that the task of `maker` makes.
    pub fn new(conduit: Arc<Conduit>, maker: AbortHandle) -> Self {
        Self {
            conduit,
            maker,
            is_over: false,
        }
    }
}

impl http_body::Body for ConduitBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let mut state = self.conduit.state.lock();
        if let Some(piece) = state.pieces.pop_front() {
            state.bytes -= piece.len();
            state.taken_at = Some(Instant::now());
            if state.bytes < state.awaited {
                state.awaited = 0;
                self.conduit.taken.notify_one();
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(end) = &state.end else {
            state.reader = Some(context.waker().clone());
            return Poll::Pending;
        };
        let mut trailers = HeaderMap::new();
        let added = end.add_header(&mut trailers);
        drop(state);
        self.is_over = true;
        Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over
    }
}

impl Drop for ConduitBody {
    fn drop(&mut self) {
        self.maker.abort();
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    async fn next(body: &mut ConduitBody) -> Option<Frame<Bytes>> {
        let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await;
        frame.transpose().expect("a frame")
    }

    fn body(conduit: &Arc<Conduit>) -> ConduitBody {
        let forever = tokio::spawn(std::future::pending::<()>());
        ConduitBody::new(Arc::clone(conduit), forever.abort_handle())
    }

    #[tokio::test]
    async fn pieces_come_in_order_and_then_the_status() {
        let conduit = Arc::new(Conduit::default());
        let mut body = body(&conduit);
        conduit.push(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        conduit.finish();
        for expected in ["a", "b"] {
            let frame = next(&mut body).await.expect("a piece");
            assert_eq!(frame.into_data().expect("data"), expected);
        }
        let trailers = next(&mut body).await.expect("trailers").into_trailers();
        assert_eq!(trailers.expect("trailers")["grpc-status"], "0");
        assert!(next(&mut body).await.is_none());
    }

    #[tokio::test]
    async fn there_is_room_once_enough_is_taken() {
        let conduit = Arc::new(Conduit::default());
        let mut body = body(&conduit);
        conduit.push(vec![Bytes::from(vec![0; QUEUE_BYTES]); 2]);
        let moment = Duration::from_millis(1);
        assert!(conduit.room(moment).await.is_err(), "nothing was taken");
        next(&mut body).await;
        next(&mut body).await;
        conduit.room(moment).await.expect("room");
        conduit.drained(moment).await.expect("nothing left");
    }

    #[tokio::test]
    async fn a_client_that_reads_slowly_is_not_taken_for_one_that_does_not() {
        let conduit = Arc::new(Conduit::default());
        let mut body = body(&conduit);
        conduit.push(vec![Bytes::from_static(b"abc"); 8]);
        let stall = Duration::from_secs(2);
        let filling = Arc::clone(&conduit);
        let filled = tokio::spawn(async move { filling.drained(stall).await });
        // All of it takes longer than that, and no piece does.
        for _ in 0..8 {
            tokio::time::sleep(stall / 6).await;
            next(&mut body).await;
        }
        filled.await.expect("no panic").expect("it was read");
        conduit.push(vec![Bytes::from_static(b"abc"); 2]);
        next(&mut body).await;
        assert!(conduit.drained(stall).await.is_err(), "the rest was not");
    }

    #[tokio::test]
    async fn a_failure_drops_what_is_queued_and_a_client_that_goes_ends_the_maker() {
        let conduit = Arc::new(Conduit::default());
        let maker = tokio::spawn(std::future::pending::<()>());
        let mut body = ConduitBody::new(Arc::clone(&conduit), maker.abort_handle());
        let memory = Arc::<[u8]>::from(&b"x"[..]);
        conduit.push(vec![Bytes::from_owner(Arc::clone(&memory))]);
        conduit.fail(Status::aborted("stalled"));
        assert_eq!(Arc::strong_count(&memory), 1, "the queue holds it no more");
        let trailers = next(&mut body).await.expect("trailers").into_trailers();
        assert_eq!(trailers.expect("trailers")["grpc-message"], "stalled");
        drop(body);
        assert!(maker.await.expect_err("it was ended").is_cancelled());
    }
}
