//! The write-ahead log: makes what the engine commits durable, in order, many commits to a sync.
//!
//! Map: `record` (beside this directory) is the framing; `scan` reads and judges; `recovery` opens; `writer` writes,
//! syncs and rotates; `waiters` is how replies wait. `docs/design/log.md` has the format byte for byte and
//! why each step is safe. The log knows nothing of mutations: a payload is bytes.
//!
//! How the engine uses it: under its locks [`Log::check`], apply, [`Log::append`]; after the locks, wait for
//! [`Log::durable`] (policy `always`) or call [`Log::flush`] (`everysec`, `never`); reply then.

mod error;
mod recovery;
mod scan;
mod waiters;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::payload::{Output as _, Payload};
use super::record::{self, Position, Record};
use crate::storage::Storage;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex};
pub use error::{FailureCause, LogError, LogFailed, OutcomeUnknown};
pub use recovery::{Recovery, rehearse};
pub use scan::{Damage, DamageKind, LogReport, SegmentReader, SegmentReport, Step, scan};
pub use waiters::Durable;
use waiters::Waiters;
use writer::Segments;

/// A segment is closed and the next begun when a record would take it past this: 64 MiB.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// With this much queued the writer thread is woken even if nobody waits: 4 MiB.
const QUEUE_BYTES_KICK: usize = 4 << 20;

/// When a commit counts as acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FsyncPolicy {
    /// Once it is synced: survives a power loss.
    #[default]
    Always,
    /// Once the operating system has it: survives the death of the process. Synced every second.
    EverySecond,
    /// Once the operating system has it; synced when that pleases, and at the end.
    Never,
}

impl FromStr for FsyncPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "always" => Ok(Self::Always),
            "everysec" => Ok(Self::EverySecond),
            "never" | "no" => Ok(Self::Never),
            _ => Err(format!(
                "expected an fsync policy of always, everysec or never, got '{text}'"
            )),
        }
    }
}

impl fmt::Display for FsyncPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Always => "always",
            Self::EverySecond => "everysec",
            Self::Never => "never",
        })
    }
}

/// How to open a log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The directory of the segments, in the storage. Created if missing.
    pub directory: PathBuf,
    /// When commits count as acknowledged.
    pub fsync: FsyncPolicy,
    /// Where segments end; [`SEGMENT_BYTES_MAX`] but in tests.
    pub segment_bytes_max: u64,
    /// The new epoch is larger than any in the log, and at least this (one more than the checkpoint's,
    /// in case the log was lost).
    pub epoch_min: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("log"),
            fsync: FsyncPolicy::default(),
            segment_bytes_max: SEGMENT_BYTES_MAX,
            epoch_min: 1,
        }
    }
}

/// One segment file.
#[derive(Debug, Clone)]
struct SegmentFile {
    first: Position,
    path: PathBuf,
    bytes: u64,
}

/// Numbers for `INFO` and metrics. Counters are since the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Segment files.
    pub segments: u64,
    /// Their bytes (without what is allocated ahead).
    pub bytes: u64,
    /// Bytes appended but not yet written.
    pub queued_bytes: u64,
    /// Bytes of records written.
    pub written_bytes: u64,
    /// Writes, each of a whole queue.
    pub batches: u64,
    /// Syncs of records.
    pub syncs: u64,
    /// The position of the last record appended.
    pub appended: Position,
    /// The last acknowledged position.
    pub acknowledged: Position,
    /// The last position known to survive a power loss.
    pub durable: Position,
    /// The log's incarnation.
    pub epoch: u64,
}

/// What was appended and not yet written.
struct Queue {
    records: Payload,
    /// The next position to give out.
    next: Position,
    /// The log failed or is closed: records are dropped; all get the position `next`, which is never used.
    refusing: bool,
    closing: bool,
    /// Somebody waits: write now.
    kicked: bool,
}

/// A range of positions `(after, through]` that the log failed with.
struct Abandoned {
    through: Position,
    failed: LogFailed,
}

struct Shared {
    storage: Arc<dyn Storage>,
    options: LogOptions,
    /// Held while syncing without `segments`. Lock order: `syncing`, `segments`, `queue`, `waiters`, `failures`.
    syncing: Mutex<()>,
    segments: Mutex<Segments>,
    queue: Mutex<Queue>,
    /// Wakes the writer thread; goes with `queue`.
    kicker: Condvar,
    waiters: Waiters,
    acknowledged: AtomicU64,
    durable: AtomicU64,
    queued_bytes: AtomicU64,
    written_bytes: AtomicU64,
    batches: AtomicU64,
    syncs: AtomicU64,
    /// Of `segments`, for those who must not wait for a sync: how many, their bytes, the epoch.
    segment_count: AtomicU64,
    segment_bytes: AtomicU64,
    epoch: AtomicU64,
    failed: AtomicBool,
    /// Whether the log ever failed, so that [`Shared::outcome`] must look at the past.
    ever_failed: AtomicBool,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    current: Option<LogFailed>,
    past: Vec<Abandoned>,
}

impl Shared {
    /// The outcome of a position, once there is one.
    fn outcome(&self, position: Position) -> Option<Result<(), OutcomeUnknown>> {
        // The order matters: a failure is recorded before a resumed log acknowledges anything.
        let acknowledged = self.acknowledged.load(Ordering::Acquire);
        if !self.ever_failed.load(Ordering::Acquire) {
            return (position <= acknowledged).then_some(Ok(()));
        }
        let failures = self.failures.lock();
        let failed = failures
            .past
            .iter()
            .find(|past| past.failed.acknowledged < position && position <= past.through)
            .map(|past| &past.failed);
        let current = failures.current.as_ref();
        match failed.or(current.filter(|failed| failed.acknowledged < position)) {
            Some(failed) => Some(Err(OutcomeUnknown {
                position,
                failed: failed.clone(),
            })),
            None => (position <= acknowledged).then_some(Ok(())),
        }
    }

    /// Has the writer thread write what is queued.
    fn kick(&self) {
        let mut queue = self.queue.lock();
        if !queue.kicked {
            queue.kicked = true;
            self.kicker.notify_one();
        }
    }

    fn current_failure(&self) -> Option<LogFailed> {
        self.failures.lock().current.clone()
    }
}

/// The write-ahead log. Share it in an `Arc`, or by reference; every method takes `&self`.
pub struct Log {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log: hands every record after `from` (the position of the checkpoint the caller starts from)
    /// to `apply` in order, cuts a torn tail, and begins a new epoch in a new segment. When it returns,
    /// everything handed out is durable.
    ///
    /// # Errors
    /// [`LogError::Corrupt`] if something durable is damaged, naming the place; a file operation that failed;
    /// or what `apply` answered.
    pub fn open<E: From<LogError>>(
        storage: Arc<dyn Storage>,
        options: LogOptions,
        from: Position,
        mut apply: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(Self, Recovery), E> {
        let directory = &options.directory;
        storage
            .create_directory(directory)
            .map_err(LogError::Storage)?;
        let recovered =
            recovery::recover(&*storage, directory, from, options.epoch_min, &mut apply)?;
        let last = recovered.summary.last;
        let segments = Segments::begin(
            Arc::clone(&storage),
            &options,
            recovered.segments,
            recovered.header,
        )
        .map_err(LogError::Storage)?;
        let shared = Arc::new(Shared {
            storage,
            options,
            syncing: Mutex::new(()),
            segments: Mutex::new(segments),
            queue: Mutex::new(Queue {
                records: Payload::default(),
                next: last + 1,
                refusing: false,
                closing: false,
                kicked: false,
            }),
            kicker: Condvar::new(),
            waiters: Waiters::default(),
            acknowledged: AtomicU64::new(last),
            durable: AtomicU64::new(last),
            queued_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            segment_count: AtomicU64::new(0),
            segment_bytes: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            ever_failed: AtomicBool::new(false),
            failures: Mutex::new(Failures::default()),
        });
        shared.note_size(&shared.segments.lock());
        let writer = writer::spawn(Arc::clone(&shared)).map_err(LogError::Thread)?;
        let log = Self {
            shared,
            writer: Mutex::new(Some(writer)),
        };
        Ok((log, recovered.summary))
    }

    /// Whether records are accepted. The engine asks before it applies anything: [`Log::append`] does not fail.
    ///
    /// # Errors
    /// Why the log accepts none.
    #[inline]
    pub fn check(&self) -> Result<(), LogFailed> {
        if !self.shared.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        self.failed().map_or(Ok(()), Err)
    }

    /// The failure, while the log is failed (or closed).
    pub fn failed(&self) -> Option<LogFailed> {
        self.shared.current_failure()
    }

    /// Gives `payload` the next position and queues it. Never waits for the disk. If the log failed
    /// since [`Log::check`], the record is dropped and whoever waits for its position is told.
    ///
    /// # Panics
    /// If the payload is longer than [`record::RECORD_BYTES_MAX`]: the engine refuses such commits.
    pub fn append(&self, payload: &[u8]) -> Position {
        self.append_with(|queue| queue.write(payload))
    }

    /// As [`append`](Self::append), with what `write` appends as the payload: it is made where it waits to be written.
    /// Others wait meanwhile.
    ///
    /// # Panics
    /// As [`append`](Self::append).
    pub fn append_with(&self, write: impl FnOnce(&mut Payload)) -> Position {
        let mut queue = self.shared.queue.lock();
        let position = queue.next;
        if queue.refusing {
            return position;
        }
        queue.next += 1;
        record::frame(&mut queue.records, position, write);
        let queued = queue.records.len();
        self.shared
            .queued_bytes
            .store(queued as u64, Ordering::Relaxed);
        if queued >= QUEUE_BYTES_KICK && !queue.kicked {
            queue.kicked = true;
            self.shared.kicker.notify_one();
        }
        position
    }

    /// The last acknowledged position: everything up to it is as safe as the policy promises. To decide about a
    /// reply use [`Log::outcome`], which also knows of positions abandoned by a failure.
    #[inline]
    pub fn acknowledged(&self) -> Position {
        self.shared.acknowledged.load(Ordering::Acquire)
    }

    /// The last position known to survive a power loss.
    #[inline]
    pub fn durable_position(&self) -> Position {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// The position of the last record appended.
    pub fn appended(&self) -> Position {
        self.shared.queue.lock().next - 1
    }

    /// What became of a position: acknowledged, unknown, or (`None`) not decided yet. Two atomic loads while the
    /// log has never failed.
    #[inline]
    pub fn outcome(&self, position: Position) -> Option<Result<(), OutcomeUnknown>> {
        self.shared.outcome(position)
    }

    /// The policy it was opened with.
    pub fn policy(&self) -> FsyncPolicy {
        self.shared.options.fsync
    }

    /// The log's incarnation; checkpoints keep it for [`LogOptions::epoch_min`].
    pub fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Relaxed)
    }

    /// Bytes appended but not yet written: what the engine bounds its writers by.
    #[inline]
    pub fn queued_bytes(&self) -> u64 {
        self.shared.queued_bytes.load(Ordering::Relaxed)
    }

    /// Writes everything queued, by whoever, with one `write` (under `always`: and syncs it) and acknowledges it. Of
    /// concurrent callers one leads, the others find it done.
    ///
    /// # Errors
    /// If something queued before the call was not acknowledged because the log failed.
    pub fn flush(&self) -> Result<(), OutcomeUnknown> {
        let appended = self.appended();
        if self.policy() == FsyncPolicy::Always {
            return self.wait(appended);
        }
        if let Some(outcome) = self.outcome(appended) {
            return outcome;
        }
        self.shared.write_queue();
        self.outcome(appended)
            .expect("invariant: a flush acknowledges what was queued, or fails the log")
    }

    /// Blocks until `position` is acknowledged. What is queued is written (under `always`: and synced) by this thread,
    /// unless another is at it: where nobody else has anything to do, that spares two changes of threads.
    ///
    /// # Errors
    /// If the log failed before that.
    pub fn wait(&self, position: Position) -> Result<(), OutcomeUnknown> {
        if let Some(outcome) = self.outcome(position) {
            return outcome;
        }
        if position <= self.appended() {
            match self.policy() {
                FsyncPolicy::Always => self.shared.commit_queue(),
                FsyncPolicy::EverySecond | FsyncPolicy::Never => self.shared.write_queue(),
            }
        }
        self.durable(position).block()
    }

    /// A future that resolves when `position` is acknowledged or the log failed. Polling it has the writer thread
    /// write what is queued.
    pub fn durable(&self, position: Position) -> Durable {
        Durable::new(Arc::clone(&self.shared), position)
    }

    /// Makes everything appended survive a power loss, whatever the policy.
    ///
    /// # Errors
    /// If the log failed before that.
    pub fn sync(&self) -> Result<(), OutcomeUnknown> {
        let appended = self.appended();
        self.flush()?;
        if self.durable_position() < appended {
            self.shared.sync();
        }
        match self.failed() {
            Some(failed) if self.durable_position() < appended => Err(OutcomeUnknown {
                position: appended,
                failed,
            }),
            _ => Ok(()),
        }
    }

    /// Where [`Log::resume`] will continue: beyond every position given out, also to records that were refused.
    /// Constant while the log is failed.
    pub fn resume_position(&self) -> Position {
        self.shared.queue.lock().next + 1
    }

    /// Accepts records again after a failure, from [`Log::resume_position`] on, in a new segment of a new epoch.
    /// The caller has undone everything after [`LogFailed::acknowledged`], and has written *and synced* a
    /// checkpoint of that state for position `resume_position() - 1`. What was given out between is abandoned
    /// for ever: its outcome stays unknown.
    ///
    /// # Errors
    /// If the log has not failed (or was closed), or the segment cannot be made: then it stays failed.
    pub fn resume(&self) -> Result<(), LogError> {
        self.shared.resume()
    }

    /// Deletes the segments all of whose records are before `position`: those that no checkpoint needs any more.
    ///
    /// # Errors
    /// If a file cannot be deleted. The log goes on; trying again is safe.
    pub fn truncate_before(&self, position: Position) -> Result<(), LogError> {
        let mut segments = self.shared.segments.lock();
        let outcome = segments.truncate_before(position);
        self.shared.note_size(&segments);
        outcome
    }

    /// Numbers for `INFO` and metrics. Never waits for the disk.
    pub fn stats(&self) -> LogStats {
        let shared = &self.shared;
        LogStats {
            segments: shared.segment_count.load(Ordering::Relaxed),
            bytes: shared.segment_bytes.load(Ordering::Relaxed),
            queued_bytes: self.queued_bytes(),
            written_bytes: shared.written_bytes.load(Ordering::Relaxed),
            batches: shared.batches.load(Ordering::Relaxed),
            syncs: shared.syncs.load(Ordering::Relaxed),
            appended: self.appended(),
            acknowledged: self.acknowledged(),
            durable: self.durable_position(),
            epoch: self.epoch(),
        }
    }

    /// Where the segments are.
    pub fn directory(&self) -> &Path {
        &self.shared.options.directory
    }

    /// Writes and syncs what is queued, stops the writer thread and refuses records from then on. Closing
    /// twice is fine; dropping closes too.
    ///
    /// # Errors
    /// If the log had failed or failed now.
    pub fn close(&self) -> Result<(), LogFailed> {
        let Some(writer) = self.writer.lock().take() else {
            return Ok(());
        };
        {
            let mut queue = self.shared.queue.lock();
            queue.closing = true;
            self.shared.kicker.notify_one();
        }
        // A panic of the writer thread was recorded as the log's failure, which is answered below.
        drop(writer.join());
        match self.failed() {
            Some(failed) if !matches!(*failed.cause, FailureCause::Closed) => Err(failed),
            _ => Ok(()),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Err(failed) = self.close() {
            tracing::warn!("closing the log: {failed}");
        }
    }
}

#[cfg(all(test, shuttle))]
mod model;
#[cfg(test)]
mod tests;
