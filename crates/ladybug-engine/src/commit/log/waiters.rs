//! Waiting until a position is acknowledged, from threads and from tasks of any executor.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::{OutcomeUnknown, Shared};
use crate::commit::record::Position;
use crate::sync::Mutex;
use crate::sync::thread::{self, Thread};

/// The wakers of those who wait, by position.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<(Position, u64), Waker>,
    tickets: u64,
}

impl Waiters {
    /// Wakes whoever waits for a position up to `acknowledged`, which was stored before.
    pub fn wake_up_to(&self, acknowledged: Position) {
        let woken = {
            let mut waiting = self.waiting.lock();
            if waiting.wakers.is_empty() {
                return;
            }
            let later = waiting.wakers.split_off(&(acknowledged + 1, 0));
            std::mem::replace(&mut waiting.wakers, later)
        };
        woken.into_values().for_each(Waker::wake);
    }

    /// Wakes everybody, to find out that the log failed.
    pub fn wake_all(&self) {
        let woken = std::mem::take(&mut self.waiting.lock().wakers);
        woken.into_values().for_each(Waker::wake);
    }
}

/// Resolves once a position is acknowledged, or the log failed with it unacknowledged.
///
/// Belongs to no executor; dropping it stops waiting. Made by [`Log::durable`](super::Log::durable).
pub struct Durable {
    shared: Arc<Shared>,
    position: Position,
    ticket: Option<u64>,
}

impl Durable {
    pub(super) fn new(shared: Arc<Shared>, position: Position) -> Self {
        Self {
            shared,
            position,
            ticket: None,
        }
    }

    /// Blocks this thread until it resolves.
    pub(super) fn block(self) -> Result<(), OutcomeUnknown> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(self);
        loop {
            if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
                return outcome;
            }
            thread::park();
        }
    }
}

impl Future for Durable {
    type Output = Result<(), OutcomeUnknown>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.shared.outcome(self.position) {
            return Poll::Ready(outcome);
        }
        let shared = Arc::clone(&self.shared);
        {
            let mut waiting = shared.waiters.waiting.lock();
            // Asked again under the lock: whoever acknowledges stores the position first and takes the lock
            // then, so that between the two there is nothing to miss.
            if let Some(outcome) = shared.outcome(self.position) {
                return Poll::Ready(outcome);
            }
            let ticket = *self.ticket.get_or_insert_with(|| {
                waiting.tickets += 1;
                waiting.tickets
            });
            waiting
                .wakers
                .insert((self.position, ticket), context.waker().clone());
        }
        shared.kick();
        Poll::Pending
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut waiting = self.shared.waiters.waiting.lock();
            waiting.wakers.remove(&(self.position, ticket));
        }
    }
}
