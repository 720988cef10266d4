//! Counters of what the server has done: INFO's statistics and `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::Mutex;

use super::command::TABLE;

/// Error codes counted apart; what follows is counted as one.
const ERROR_CODES_MAX: usize = 128;

/// The counters of one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// Times it ran.
    pub calls: AtomicU64,
    /// Microseconds it took in all.
    pub duration_us: AtomicU64,
    /// Times it was refused before it ran.
    pub rejected: AtomicU64,
    /// Times it ran and answered an error.
    pub failed: AtomicU64,
}

/// What Arrow Flight's clients have done.
#[derive(Debug, Default)]
pub struct FlightStats {
    /// Clients connected now.
    pub clients: AtomicU64,
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Streams of record batches begun.
    pub streams: AtomicU64,
    /// Streams ended because the client left them unread for too long.
    pub stalled: AtomicU64,
    /// Bytes read from sockets.
    pub input_bytes: AtomicU64,
    /// Bytes written to sockets.
    pub output_bytes: AtomicU64,
}

/// All counters, since the start or the last CONFIG RESETSTAT.
#[derive(Debug)]
pub struct Stats {
    /// When the server started.
    pub started: Instant,
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections refused because of `maxclients`.
    pub rejected_connections: AtomicU64,
    /// Bytes of requests.
    pub input_bytes: AtomicU64,
    /// Bytes of replies.
    pub output_bytes: AtomicU64,
    /// Keys that were asked for and found.
    pub hits: AtomicU64,
    /// Keys that were asked for and not found.
    pub misses: AtomicU64,
    /// Keys whose time was up and that were removed.
    pub expired: AtomicU64,
    /// Keys that a full zone evicted.
    pub evicted: AtomicU64,
    /// Chunks that scrubbing has looked at.
    pub scrubbed_chunks: AtomicU64,
    /// Fingerprints, sketches and parity rows that scrubbing has repaired.
    pub scrub_repaired: AtomicU64,
    /// Fingerprints that scrubbing has found lost.
    pub scrub_lost: AtomicU64,
    /// Commands a second, over the last second.
    pub operations_per_s: AtomicU64,
    /// Arrow Flight's.
    pub flight: FlightStats,
    commands: Vec<CommandStats>,
    errors: Mutex<BTreeMap<&'static str, u64>>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            connections: AtomicU64::new(0),
            rejected_connections: AtomicU64::new(0),
            input_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            scrubbed_chunks: AtomicU64::new(0),
            scrub_repaired: AtomicU64::new(0),
            scrub_lost: AtomicU64::new(0),
            operations_per_s: AtomicU64::new(0),
            flight: FlightStats::default(),
            commands: TABLE
                .entries()
                .iter()
                .map(|_| CommandStats::default())
                .collect(),
            errors: Mutex::default(),
        }
    }
}

impl Stats {
    /// The counters of the table's command `index`.
    pub fn command(&self, index: usize) -> &CommandStats {
        &self.commands[index]
    }

    /// Counts an error reply by its code.
    pub fn count_error(&self, code: &'static str) {
        let mut errors = self.errors.lock();
        if errors.len() < ERROR_CODES_MAX || errors.contains_key(code) {
            *errors.entry(code).or_default() += 1;
        }
    }

    /// Error replies by code.
    pub fn errors(&self) -> BTreeMap<&'static str, u64> {
        self.errors.lock().clone()
    }

    /// Commands that ran.
    pub fn calls(&self) -> u64 {
        self.commands
            .iter()
            .map(|command| command.calls.load(Relaxed))
            .sum()
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        for counter in [
            &self.connections,
            &self.rejected_connections,
            &self.input_bytes,
            &self.output_bytes,
            &self.hits,
            &self.misses,
            &self.expired,
            &self.evicted,
            &self.scrubbed_chunks,
            &self.scrub_repaired,
            &self.scrub_lost,
            &self.flight.connections,
            &self.flight.streams,
            &self.flight.stalled,
            &self.flight.input_bytes,
            &self.flight.output_bytes,
        ] {
            counter.store(0, Relaxed);
        }
        for command in &self.commands {
            for counter in [
                &command.calls,
                &command.duration_us,
                &command.rejected,
                &command.failed,
            ] {
                counter.store(0, Relaxed);
            }
        }
        self.errors.lock().clear();
    }
}
