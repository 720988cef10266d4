//! Saving: checkpoints asked for by SAVE and BGSAVE, due because the log has grown, or last at the
//! shutdown.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Instant;

use ladybug_engine::commit::checkpoint::CheckpointError;

use super::server::Server;
use super::session::unix_time_us;

/// Seconds until a due checkpoint that failed is tried again.
const RETRY_S: i64 = 60;

/// What is known of saving.
#[derive(Debug)]
pub struct Saves {
    /// When the last save succeeded, in seconds since the epoch; at first when the server started.
    pub last_s: AtomicI64,
    /// How long the last save took.
    pub last_duration_ms: AtomicU64,
    /// Whether the last save, if any, failed.
    pub has_failed: AtomicBool,
    /// Whether a save runs in the background.
    pub is_running: AtomicBool,
    /// Whether the shutdown is not to save: SHUTDOWN NOSAVE.
    pub is_skipped_at_end: AtomicBool,
    /// When a save was last begun in the background because the log had grown.
    tried_s: AtomicI64,
}

impl Default for Saves {
    fn default() -> Self {
        Self {
            last_s: AtomicI64::new(unix_time_us() / 1_000_000),
            last_duration_ms: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
            is_skipped_at_end: AtomicBool::new(false),
            tried_s: AtomicI64::new(0),
        }
    }
}

impl Server {
    /// Writes a checkpoint. Blocks, but holds up no command.
    ///
    /// # Errors
    /// The log has failed, or the files cannot be written.
    pub fn save(&self) -> Result<(), CheckpointError> {
        let begun = Instant::now();
        let result = self.engine.checkpoint();
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.saves.last_duration_ms.store(duration_ms, Relaxed);
        self.saves.has_failed.store(result.is_err(), Relaxed);
        match result {
            Ok(checkpoint) => {
                self.saves.last_s.store(unix_time_us() / 1_000_000, Relaxed);
                tracing::info!(
                    position = checkpoint.position,
                    duration_ms,
                    "checkpoint written"
                );
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the checkpoint failed");
                Err(error)
            }
        }
    }

    /// Writes a checkpoint on a thread of its own; false if one does already.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn save_in_background(self: &Arc<Self>) -> std::io::Result<bool> {
        if self.saves.is_running.swap(true, SeqCst) {
            return Ok(false);
        }
        let server = Arc::clone(self);
        let spawned = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                // What comes of it is logged, and INFO tells.
                let _ = server.save();
                server.saves.is_running.store(false, SeqCst);
            });
        if spawned.is_err() {
            self.saves.is_running.store(false, SeqCst);
        }
        spawned.map(|_| true)
    }

    /// Begins a checkpoint if the log has grown enough since the last. After a failure it takes its
    /// time.
    pub fn save_if_due(self: &Arc<Self>) {
        let now_s = unix_time_us() / 1_000_000;
        let is_waiting = self.saves.has_failed.load(Relaxed)
            && now_s - self.saves.tried_s.load(Relaxed) < RETRY_S;
        if is_waiting || !self.engine.checkpoint_due() || self.engine.log().check().is_err() {
            return;
        }
        self.saves.tried_s.store(now_s, Relaxed);
        if let Err(error) = self.save_in_background() {
            tracing::error!(%error, "no thread for a checkpoint");
        }
    }

    /// Ends the memory in good order, once nobody uses it any more: the last checkpoint, unless
    /// SHUTDOWN NOSAVE, and the log closed.
    ///
    /// # Errors
    /// Why that failed. What is acknowledged is in the log in any case.
    pub fn close_memory(&self) -> Result<(), String> {
        if self.saves.is_skipped_at_end.load(Relaxed) {
            let closed = self.engine.log().close();
            closed.map_err(|failed| failed.to_string())
        } else {
            self.engine.close().map_err(|error| error.to_string())
        }
    }
}
