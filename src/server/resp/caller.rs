//! Whether who asked still waits for the answer: what takes its time looks now and then, and ends if not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::TcpStream;

/// How often it is looked on behalf of those that can only wait.
const LOOK: Duration = Duration::from_millis(50);

/// How often it is looked whether a client has left that has sent more meanwhile, or ended its side.
const DEPARTURE: Duration = Duration::from_millis(50);
/// How long a client that has ended its side is still answered: it may only have no more to ask, and TCP does not tell.
const GRACE: Duration = Duration::from_secs(2);

/// Waits until the client of a connection has left: the connection is broken, or the client ended its side some time ago.
pub async fn departure(stream: &TcpStream) {
    let mut ended = None;
    // Requests that have come meanwhile wait in the socket, and say nothing of what comes behind them.
    while let Ok(ready) = stream.ready(Interest::READABLE | Interest::ERROR).await
        && !ready.is_error()
    {
        if ready.is_read_closed() && ended.get_or_insert_with(Instant::now).elapsed() >= GRACE {
            return;
        }
        tokio::time::sleep(DEPARTURE).await;
    }
}

/// Somebody who asks. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Caller(Arc<AtomicBool>);

impl Caller {
    /// Says that nobody waits any more.
    pub fn leave(&self) {
        self.0.store(true, Relaxed);
    }

    /// What is set once nobody waits any more, for those who know no callers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether nobody waits any more.
    pub fn has_left(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Waits until nobody waits any more. What is done soon is not disturbed.
    pub async fn departure(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.has_left() {
                return;
            }
        }
    }
}

/// Leaves when it is dropped: for who waits in a future that is dropped when the client goes.
#[derive(Debug)]
pub struct Waiting(pub Caller);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.leave();
    }
}
