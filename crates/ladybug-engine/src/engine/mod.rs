//! The one handle: spaces, commits, snapshots.
//!
//! Relies on `commit` for durability and on `space` for meaning. Knows no protocol.

mod branch;
pub mod check;
mod checkpoint;
mod encode;
mod forks;
mod held;
mod moment;
pub mod parity;
mod past;
mod point;
mod reads;
mod recovery;
mod spaces;
#[cfg(test)]
mod tests;
mod transactions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};

use crate::commit::batch::{encode_commit, encode_name};
use crate::commit::event::NodeEvent;
use crate::commit::history::HistoryLimits;
use crate::commit::log::{FsyncPolicy, Log};
use crate::commit::record::{Position, RECORD_BYTES_MAX};
use crate::commit::transaction::{Cell, Eviction, OfSpaces, SpaceId, Terms, Transaction, Unlocked};
use crate::error::EngineError;
use crate::space::access::Accesses;
use crate::space::staging::Staging;
use crate::space::state::State;
use crate::storage::{Lock, Storage};
pub use branch::Branch;
use checkpoint::Checkpoints;
pub use checkpoint::{CHECKPOINTS_KEPT, Checkpoint, ResumeError};
pub use encode::Snapshot;
pub use held::{Lease, SNAPSHOT_BYTES, SnapshotStats};
use held::{Leases, copied_bytes_max};
pub use moment::Moment;
pub use past::{AsOf, HistoryStats, NodeRef, SpacePast, Version, Versions, When};
pub use point::Reading;
pub use reads::{Reads, Scan};
pub use recovery::OpenError;
use spaces::Registry;
pub use spaces::SPACE_NAME_BYTES_MAX;
use transactions::Transactions;
pub use transactions::{
    Isolation, LongTransaction, TRANSACTION_IDLE, TRANSACTION_IDLE_MAX, TRANSACTIONS_MAX,
    TransactionId, TransactionInfo, TransactionOptions,
};

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// Microseconds since the epoch.
    fn now(&self) -> i64;
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_micros() as i64)
    }
}

/// How to open an engine.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// When commits count as acknowledged.
    pub fsync: FsyncPolicy,
    /// Most spaces, numbered and named together; numbers go up to one less.
    pub spaces_max: usize,
    /// What a full fluid zone does.
    pub eviction: Eviction,
    /// Key of the hash of names: pick it at random.
    pub hash_key: u64,
    /// A checkpoint is due when the log has grown by this many bytes since the last.
    pub checkpoint_bytes: u64,
    /// Bytes that held snapshots may keep beyond the live spaces.
    pub snapshot_bytes: u64,
    /// Bytes of the history of each space; 0 for no history.
    pub history_bytes: u64,
    /// How long history is kept; `None` for as long as there is room.
    pub history_age: Option<Duration>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            fsync: FsyncPolicy::Always,
            spaces_max: SPACES_MAX,
            eviction: Eviction::None,
            hash_key: 0,
            checkpoint_bytes: CHECKPOINT_BYTES,
            snapshot_bytes: SNAPSHOT_BYTES,
            history_bytes: HISTORY_BYTES,
            history_age: None,
        }
    }
}

/// Log bytes between checkpoints, unless set otherwise: 256 MiB.
pub const CHECKPOINT_BYTES: u64 = 256 << 20;
/// Bytes of the history of each space, unless set otherwise: 64 MiB.
pub const HISTORY_BYTES: u64 = 64 << 20;
/// Most spaces, unless set otherwise.
pub const SPACES_MAX: usize = 1024;

/// What a commit or a read answers, with the log position that it reveals: no reply may leave before
/// that position is acknowledged.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The answer.
    pub value: T,
    /// What must be acknowledged first.
    pub position: Position,
    /// What is to be told of named nodes: which expired or were evicted on the way, and what else was reported.
    pub events: Vec<NodeEvent>,
}

impl<T, E> Outcome<Result<T, E>> {
    /// Nothing was done, and nothing is revealed.
    pub fn refused(error: E) -> Self {
        Self {
            value: Err(error),
            position: 0,
            events: Vec::new(),
        }
    }
}

/// The memory: its spaces, and the one write path into them.
pub struct Engine {
    options: EngineOptions,
    storage: Arc<dyn Storage>,
    log: Log,
    clock: Arc<dyn Clock>,
    spaces: RwLock<Registry>,
    /// What spaces that were never written look like.
    empty: State,
    next_id: AtomicU64,
    /// The log's failure was answered by undoing what it did not acknowledge.
    undone: AtomicBool,
    /// Whether commits report what they did to named nodes.
    reports: AtomicBool,
    checkpoints: Checkpoints,
    leases: Arc<Leases>,
    transactions: Transactions,
    _lock: Lock,
}

impl Engine {
    /// The time by the engine's clock, microseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The options it was opened with.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The log, to wait for and to ask about.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The storage that everything is kept in.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The number of a space that is written as a number or a name. A new name gets a space of its
    /// own, logged at once.
    pub fn space(&self, text: &str) -> Result<SpaceId, EngineError> {
        let number = spaces::parse_number(text, self.options.spaces_max)?;
        if let Some(id) = number.or_else(|| self.spaces.read().named(text)) {
            return Ok(id);
        }
        self.settle();
        let mut spaces = self.spaces.write();
        if let Some(id) = spaces.named(text) {
            return Ok(id);
        }
        self.check_log()?;
        let id = spaces.add_name(text, self.options.spaces_max)?;
        self.log.append(&encode_name(id, text));
        Ok(id)
    }

    /// The number of a space that is written as a number or a name, without making one: `None` for a name
    /// that no space has.
    pub fn find_space(&self, text: &str) -> Result<Option<SpaceId>, EngineError> {
        let number = spaces::parse_number(text, self.options.spaces_max)?;
        Ok(number.or_else(|| self.spaces.read().named(text)))
    }

    /// How a space is written: its name or its number.
    pub fn space_label(&self, id: SpaceId) -> String {
        self.spaces.read().label(id)
    }

    /// The spaces that hold something or have a name.
    pub fn spaces(&self) -> Vec<SpaceId> {
        self.spaces.read().ids()
    }

    /// Whether the log takes records.
    fn check_log(&self) -> Result<(), EngineError> {
        let checked = self.log.check();
        checked.map_err(|failed| EngineError::ReadOnly(failed.to_string()))
    }

    /// The spaces that hold something or have a name, but for checkpoints, which nobody changes.
    pub fn writable_spaces(&self) -> Vec<SpaceId> {
        let spaces = self.spaces.read();
        let mut ids = spaces.ids();
        ids.retain(|id| spaces.check_writable(*id, self.options.spaces_max).is_ok());
        ids
    }

    fn cell(&self, id: SpaceId) -> Option<Arc<Mutex<Cell>>> {
        self.spaces.read().cell(id).cloned()
    }

    /// The state of a space at this moment, shared, and the log position it shows.
    pub fn state(&self, space: SpaceId) -> (Arc<State>, Position) {
        self.settle();
        match self.cell(space) {
            Some(cell) => {
                let cell = cell.lock();
                (Arc::clone(cell.space.state()), cell.position)
            }
            None => (Arc::new(self.empty.clone()), 0),
        }
    }

    /// Room to stage fingerprints of new nodes in, before a commit to a space makes those.
    pub fn staging(&self, space: SpaceId) -> Staging {
        let cell = self.cell(space);
        let free = cell.map(|cell| cell.lock().space.free().clone());
        free.map_or_else(Staging::default, Staging::new)
    }

    /// The access statistics of a space, which go on counting; `None` for one that was never written.
    pub fn accesses(&self, space: SpaceId) -> Option<Arc<Accesses>> {
        let cell = self.cell(space)?;
        let cell = cell.lock();
        Some(Arc::clone(cell.space.accesses()))
    }

    /// A space at this moment for a long reader, who asks the lease now and then whether it still holds; and the
    /// log position that it shows.
    pub fn lease(&self, space: SpaceId) -> (Arc<Lease>, Position) {
        let (state, position) = self.state(space);
        (self.leases.take(space, state, 0), position)
    }

    /// What held snapshots cost.
    pub fn snapshot_stats(&self) -> SnapshotStats {
        self.leases.stats()
    }

    /// The states of several spaces at one moment, in the order asked for.
    fn states(&self, spaces: &[SpaceId]) -> Vec<(Arc<State>, Position)> {
        if let [space] = spaces {
            return vec![self.state(*space)];
        }
        self.settle();
        let mut ids = spaces.to_vec();
        ids.sort_unstable();
        ids.dedup();
        loop {
            let cells: Vec<_> = ids.iter().map(|id| self.cell(*id)).collect();
            // In the order of their ids, as commits lock them, and all before the first is let go.
            let lock = |cell: &Option<Arc<Mutex<Cell>>>| Some(Mutex::lock_arc(cell.as_ref()?));
            let locked: Vec<_> = cells.iter().map(lock).collect();
            // A space that was made meanwhile may have been made by a commit that the others show.
            let was_made = |(id, cell): (&SpaceId, &Option<_>)| {
                cell.is_none() && self.spaces.read().cell(*id).is_some()
            };
            if ids.iter().zip(&locked).any(was_made) {
                continue;
            }
            let state = |id: &SpaceId| {
                let at = ids
                    .binary_search(id)
                    .expect("every space asked for is there");
                match &locked[at] {
                    Some(cell) => (Arc::clone(cell.space.state()), cell.position),
                    None => (Arc::new(self.empty.clone()), 0),
                }
            };
            return spaces.iter().map(state).collect();
        }
    }

    /// Whether commits that are asked to report what they did to named nodes do so, as at first; to be turned off
    /// while nobody listens.
    pub fn set_reports(&self, reports: bool) {
        self.reports.store(reports, Ordering::Relaxed);
    }

    /// Runs `f` on locked spaces, of which the first is current, and commits what it changed: all of
    /// it if it answers `Ok`, nothing if `Err`.
    pub fn commit<R, E: From<EngineError>>(
        &self,
        spaces: &[SpaceId],
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Outcome<Result<R, E>> {
        self.settle();
        let mut ids: OfSpaces<SpaceId> = spaces.iter().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let cells = match self.cells_for_writing(&ids) {
            Ok(cells) => cells,
            Err(error) => return Outcome::refused(error.into()),
        };
        let next_id = || self.next_id.fetch_add(1, Ordering::Relaxed);
        let terms = Terms {
            next_id: &next_id,
            eviction: self.options.eviction,
            now: self.clock.now(),
            reports: self.reports.load(Ordering::Relaxed),
        };
        let mut tx = Transaction::begin(terms, cells, spaces[0]);
        let revealed = tx.position();
        let refused = |value: E| Outcome {
            value: Err(value),
            position: revealed,
            events: Vec::new(),
        };
        if let Some(dropped) = tx.dropped() {
            return refused(EngineError::SpaceGone(dropped).into());
        }
        // Under the locks: a log that fails from here on is answered by an undo that waits for them.
        if let Err(failed) = self.check_log() {
            return refused(failed.into());
        }
        let value = match f(&mut tx) {
            Ok(value) => value,
            Err(error) => {
                tx.roll_back();
                return refused(error);
            }
        };
        let record_bytes = tx.record_bytes();
        if record_bytes > RECORD_BYTES_MAX - RECORD_OVERHEAD_BYTES {
            tx.roll_back();
            let (most, got) = (RECORD_BYTES_MAX - RECORD_OVERHEAD_BYTES, record_bytes);
            return refused(EngineError::CommitTooLarge { most, got }.into());
        }
        let changes = tx.changes();
        let mut position = revealed;
        let mut copied = 0;
        if !changes.is_empty() {
            let mutations: u64 = changes.iter().map(|space| space.count).sum();
            copied = copied_bytes_max(mutations, record_bytes);
            let now = tx.now();
            position = self
                .log
                .append_with(|payload| encode_commit(now, changes, payload));
            tx.finish(position, self.history_limits(tx.now()));
        }
        let events = tx.take_events();
        drop(tx);
        self.leases.grew(copied, |space| self.state(space).0);
        Outcome {
            value: Ok(value),
            position,
            events,
        }
    }

    fn cells_for_writing(&self, ids: &[SpaceId]) -> Result<OfSpaces<Unlocked>, EngineError> {
        let spaces = self.spaces.read();
        for id in ids {
            spaces.check_writable(*id, self.options.spaces_max)?;
        }
        let known =
            |&id: &SpaceId| Some((id, spaces.name(id).cloned(), Arc::clone(spaces.cell(id)?)));
        let cells: Option<_> = ids.iter().map(known).collect();
        drop(spaces);
        Ok(cells.unwrap_or_else(|| {
            let mut spaces = self.spaces.write();
            let made = |&id: &SpaceId| {
                let cell = spaces.cell_or_new(id, self.options.hash_key);
                (id, spaces.name(id).cloned(), cell)
            };
            ids.iter().map(made).collect()
        }))
    }

    fn history_limits(&self, now: i64) -> HistoryLimits {
        let age_us = |age: Duration| i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        let until = self.options.history_age.map(age_us);
        HistoryLimits {
            bytes_max: usize::try_from(self.options.history_bytes).unwrap_or(usize::MAX),
            until: until.map_or(i64::MIN, |age| now.saturating_sub(age)),
            // It stands still when the log has failed.
            acknowledged: self.log.acknowledged(),
        }
    }

    /// After the log failed: takes back what it did not acknowledge, once. Whoever waits for it is
    /// told by the log that the outcome is unknown.
    fn settle(&self) {
        if self.log.check().is_err() && !self.undone.load(Ordering::Acquire) {
            self.undo_unacknowledged();
        }
    }

    fn undo_unacknowledged(&self) {
        let (mut cells, registry) = self.lock_all();
        // Under the locks it is certain: while they are held nobody resumes the log.
        if self.undone.load(Ordering::Acquire) || self.log.check().is_ok() {
            return;
        }
        let acknowledged = self.log.acknowledged();
        drop(registry);
        let mut spaces = self.spaces.write();
        // Nobody else has those any more.
        let restored = spaces.restore_dropped(acknowledged);
        cells.extend(
            restored
                .iter()
                .map(|(id, cell)| (*id, Mutex::lock_arc(cell))),
        );
        for (id, cell) in &mut cells {
            cell.take_back_after(acknowledged);
            // What is left of a fork that began after that.
            cell.is_dropped = cell.position > acknowledged;
            if cell.is_dropped {
                spaces.forget_fork(*id);
            }
        }
        self.undone.store(true, Ordering::Release);
    }

    /// Removes up to [`EXPIRED_PER_COMMIT_MAX`](crate::commit::transaction::EXPIRED_PER_COMMIT_MAX)
    /// nodes of a space whose time is up; answers which names went, and whether there are more.
    pub fn remove_expired(&self, space: SpaceId) -> Result<(Vec<NodeEvent>, bool), EngineError> {
        use crate::commit::transaction::EXPIRED_PER_COMMIT_MAX;
        let now = self.clock.now();
        let due = |cell: Arc<Mutex<Cell>>| !cell.lock().space.expired(now, 1).is_empty();
        if !self.cell(space).is_some_and(due) {
            return Ok((Vec::new(), false));
        }
        let outcome = self.commit(&[space], |tx| tx.remove_expired(EXPIRED_PER_COMMIT_MAX));
        Ok((outcome.events, outcome.value? == EXPIRED_PER_COMMIT_MAX))
    }
}

/// Room for what a commit's record holds beside its mutations: [`SPACES_MAX`] spaces of at most 30 bytes.
const RECORD_OVERHEAD_BYTES: usize = 64 << 10;
