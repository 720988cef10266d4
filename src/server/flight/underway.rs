//! The streams that are under way, by the tickets that were handed out for them: so CancelFlightInfo, which knows
//! a FlightInfo, ends them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::error::FlightError;

/// The streams.
#[derive(Debug, Default)]
pub struct Underway {
    serial: AtomicU64,
    streams: Mutex<HashMap<u64, (Bytes, Arc<Notify>)>>,
}

/// One stream, as long as it is under way.
#[derive(Debug)]
pub struct Entry {
    number: u64,
    cancelled: Arc<Notify>,
    underway: Arc<Underway>,
}

impl Underway {
    /// A number that no other ticket has.
    pub fn serial(&self) -> u64 {
        self.serial.fetch_add(1, Relaxed)
    }

    /// Adds a stream of a ticket.
    pub fn enter(self: &Arc<Self>, ticket: Bytes) -> Entry {
        let (number, cancelled) = (self.serial(), Arc::new(Notify::new()));
        let stream = (ticket, Arc::clone(&cancelled));
        self.streams.lock().insert(number, stream);
        Entry {
            number,
            cancelled,
            underway: Arc::clone(self),
        }
    }

    /// Ends the streams of a ticket; answers whether there were any.
    pub fn cancel(&self, ticket: &[u8]) -> bool {
        let streams = self.streams.lock();
        let mut are_any = false;
        for (_, cancelled) in streams.values().filter(|(of, _)| of == ticket) {
            // Keeps until somebody waits for it.
            cancelled.notify_one();
            are_any = true;
        }
        are_any
    }
}

impl Entry {
    /// Does something unless the stream is cancelled before it is done.
    ///
    /// # Errors
    /// The stream was cancelled, or what the future says.
    pub async fn unless_cancelled<T>(
        &self,
        future: impl Future<Output = Result<T, FlightError>>,
    ) -> Result<T, FlightError> {
        tokio::select! {
            () = self.cancelled.notified() => {
                let message = "the stream was cancelled by CancelFlightInfo";
                Err(FlightError::new("CANCELLED", message))
            }
            done = future => done,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.underway.streams.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_is_cancelled_by_its_ticket_while_it_is_there() {
        let underway = Arc::new(Underway::default());
        let one = underway.enter(Bytes::from_static(b"one"));
        let two = underway.enter(Bytes::from_static(b"two"));
        assert!(underway.cancel(b"one") && !underway.cancel(b"three"));
        let forever = std::future::pending::<Result<(), FlightError>>();
        let error = one.unless_cancelled(forever).await.expect_err("an end");
        assert_eq!(error.reason, "CANCELLED");
        let done = two.unless_cancelled(async { Ok(2) }).await;
        assert_eq!(done, Ok(2));
        drop(one);
        assert!(!underway.cancel(b"one"));
    }
}
