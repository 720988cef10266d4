//! What the fields of one request share: the snapshot they all read, and what they may still cost.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_graphql::Error;
use ladybug_engine::engine::Snapshot;

/// Most nodes and edges that one request answers, nested ones included.
pub const ROWS_MAX: usize = 100_000;
/// Longest that one request may take.
pub const TIME_MAX: Duration = Duration::from_secs(10);

/// One request under way.
pub struct Request {
    /// What it reads.
    pub snapshot: Snapshot,
    rows: AtomicUsize,
    begun: Instant,
}

impl Request {
    /// A request that begins now.
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            rows: AtomicUsize::new(0),
            begun: Instant::now(),
        }
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// It took too long, or its snapshot had to be given up.
    pub fn check(&self) -> Result<(), Error> {
        self.snapshot.check()?;
        if self.begun.elapsed() > TIME_MAX {
            let seconds = TIME_MAX.as_secs();
            return Err(Error::new(format!(
                "a request takes at most {seconds} s; ask for less"
            )));
        }
        Ok(())
    }

    /// Counts rows that are about to be answered.
    ///
    /// # Errors
    /// They are too many, or see [`check`](Self::check).
    pub fn answer(&self, rows: usize) -> Result<(), Error> {
        self.check()?;
        if self.rows.fetch_add(rows, Relaxed) + rows > ROWS_MAX {
            return Err(Error::new(format!(
                "a request answers at most {ROWS_MAX} nodes and edges; ask for smaller pages"
            )));
        }
        Ok(())
    }
}
