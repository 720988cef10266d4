//! Taking checkpoints, and what begins with one: closing, and going on after the log failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{ArcMutexGuard, Mutex, RawMutex, RwLockReadGuard};

use super::Engine;
use super::encode::encode_pending;
use super::spaces::Registry;
use crate::commit::checkpoint::{CheckpointError, Contents, SpaceContents, discard, list, write};
use crate::commit::history::{History, Mark};
use crate::commit::log::{FailureCause, LogError};
use crate::commit::record::Position;
use crate::commit::transaction::{Cell, SpaceId};
use crate::space::state::State;

/// How many checkpoints are kept: the second is for the day on which the first turns out damaged.
pub const CHECKPOINTS_KEPT: usize = 2;

/// What the engine knows of its checkpoints.
pub(super) struct Checkpoints {
    /// Held while one is written; lock order: before the locks of spaces.
    kept: Mutex<Kept>,
    /// How many were begun.
    begun: AtomicU64,
    /// The log's written bytes, by its own count, up to the last checkpoint; what was recovered from the
    /// log counts as written before that.
    bytes_before: AtomicU64,
    /// Bytes of records recovered after the checkpoint that was opened.
    recovered_bytes: AtomicU64,
    /// The positions in `kept`, to be asked while one is written.
    there: Mutex<Vec<Position>>,
}

struct Kept {
    /// Checkpoints that were opened or written by this process, or older ones beside them; newest first.
    positions: Vec<Position>,
    /// Which of `begun` ran last, and what came of it.
    last: Option<(u64, Result<Checkpoint, CheckpointError>)>,
}

impl Checkpoints {
    /// After opening: the usable checkpoints, newest first, and the bytes of the records replayed since.
    pub fn new(positions: Vec<Position>, recovered_bytes: u64) -> Self {
        Self {
            there: Mutex::new(positions.clone()),
            kept: Mutex::new(Kept {
                positions,
                last: None,
            }),
            begun: AtomicU64::new(0),
            bytes_before: AtomicU64::new(0),
            recovered_bytes: AtomicU64::new(recovered_bytes),
        }
    }
}

/// A checkpoint that is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log position that it holds.
    pub position: Position,
    /// When it was found or made, microseconds since the epoch.
    pub at: i64,
}

/// Why [`Engine::resume`] did not get the log going again.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The checkpoint it begins with could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log has not failed, or failed again.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// All spaces under their locks, by id.
pub(super) type LockedCells = Vec<(SpaceId, ArcMutexGuard<RawMutex, Cell>)>;

impl Engine {
    /// Writes a checkpoint of everything committed so far, if there is none yet, and forgets what it makes
    /// superfluous: older checkpoints but one, and the log before that. Of concurrent callers one works; those
    /// that came before it began share its result.
    ///
    /// # Errors
    /// If the log has failed, or the files cannot be written: then what was there before is there still.
    pub fn checkpoint(&self) -> Result<Checkpoint, CheckpointError> {
        let asked = self.checkpoints.begun.load(Ordering::Acquire);
        let mut kept = self.checkpoints.kept.lock();
        if let Some((begun, result)) = &kept.last
            && *begun > asked
        {
            return result.clone();
        }
        let begun = self.checkpoints.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let result = self.checkpoint_now(&mut kept);
        kept.last = Some((begun, result.clone()));
        result
    }

    fn checkpoint_now(&self, kept: &mut Kept) -> Result<Checkpoint, CheckpointError> {
        let log_failed = |what: &dyn std::fmt::Display| CheckpointError::Log(what.to_string());
        self.log.check().map_err(|failed| log_failed(&failed))?;
        self.encode_all();
        let contents = self.capture(|| self.log.appended())?;
        // What a checkpoint holds must never be less durable in the log than in the checkpoint.
        self.log.sync().map_err(|unknown| log_failed(&unknown))?;
        self.log.check().map_err(|failed| log_failed(&failed))?;
        self.keep(kept, contents)
    }

    /// Has everything pending encoded and installed, a space at a time, while nobody is kept waiting.
    fn encode_all(&self) {
        for space in self.spaces() {
            let (state, _) = self.state(space);
            if state.chunks().any(|(_, chunk)| !chunk.pending.is_empty()) {
                self.snapshot(space);
            }
        }
    }

    /// Everything, at one moment: under all locks, the states are shared and the position is read.
    fn capture(&self, position: impl Fn() -> Position) -> Result<Contents, CheckpointError> {
        let (cells, registry) = self.lock_all();
        let position = position();
        let mut contents = Contents {
            position,
            epoch: self.log.epoch(),
            next_id: self.next_id.load(Ordering::Relaxed),
            spaces: Vec::new(),
        };
        for id in registry.ids() {
            let cell = cells.binary_search_by_key(&id, |(id, _)| *id);
            let cell = cell.ok().map(|at| &*cells[at].1);
            if cell.is_some_and(|cell| cell.position > position) {
                return Err(CheckpointError::Log(String::from(
                    "the log failed while a commit was under way",
                )));
            }
            contents.spaces.push(SpaceContents {
                id,
                name: registry.name(id).cloned(),
                version_max: cell.map_or(0, |cell| cell.version_max),
                state: match cell {
                    Some(cell) => Arc::clone(cell.space.state()),
                    None => Arc::new(State::new(self.options.hash_key)),
                },
                history: cell.map_or_else(|| History::new(Mark::default()), |c| c.history.clone()),
                origin: registry.origin(id),
                derived: Vec::new(),
            });
        }
        drop((cells, registry));
        // What was written since `encode_all` is encoded for the checkpoint alone.
        for space in &mut contents.spaces {
            let encoded = encode_pending(&space.state);
            let derived = encoded
                .into_iter()
                .map(|slot| (slot.address, slot.fingerprint));
            space.derived = derived.collect();
            space.derived.sort_unstable_by_key(|(address, _)| *address);
        }
        Ok(contents)
    }

    /// Locks all spaces in ascending order of id, then the registry, so that none comes or gets a name.
    pub(super) fn lock_all(&self) -> (LockedCells, RwLockReadGuard<'_, Registry>) {
        loop {
            let cells: Vec<_> = {
                let registry = self.spaces.read();
                let cell = |id| Some((id, Arc::clone(registry.cell(id)?)));
                registry.ids().into_iter().filter_map(cell).collect()
            };
            let lock = |(id, cell): (SpaceId, Arc<Mutex<Cell>>)| (id, Mutex::lock_arc(&cell));
            let cells: LockedCells = cells.into_iter().map(lock).collect();
            // The registry comes last: whoever holds a space may ask it something.
            let registry = self.spaces.read();
            let missed = |id: &SpaceId| {
                registry.cell(*id).is_some()
                    && cells.binary_search_by_key(id, |(id, _)| *id).is_err()
            };
            if !registry.ids().iter().any(missed) {
                return (cells, registry);
            }
        }
    }

    /// Writes the contents unless they are there, and removes what is superfluous then.
    fn keep(&self, kept: &mut Kept, contents: Contents) -> Result<Checkpoint, CheckpointError> {
        let position = contents.position;
        let checkpoint = Checkpoint {
            position,
            at: self.clock.now(),
        };
        if position == 0 {
            return Ok(checkpoint);
        }
        if kept.positions.first() != Some(&position) {
            let written_before = self.log.stats().written_bytes;
            write(&*self.storage, &contents)?;
            tracing::info!(position, "checkpoint written");
            kept.positions.insert(0, position);
            kept.positions.truncate(CHECKPOINTS_KEPT);
            let checkpoints = &self.checkpoints;
            checkpoints.there.lock().clone_from(&kept.positions);
            checkpoints.recovered_bytes.store(0, Ordering::Relaxed);
            checkpoints
                .bytes_before
                .store(written_before, Ordering::Relaxed);
        }
        // The checkpoint is in place, whatever comes of this; what stays behind is tried again next time.
        if let Err(error) = self.forget(kept) {
            tracing::warn!("after the checkpoint: {error}");
        }
        Ok(checkpoint)
    }

    fn forget(&self, kept: &Kept) -> Result<(), LogError> {
        for position in list(&*self.storage)?.positions {
            if !kept.positions.contains(&position) {
                discard(&*self.storage, position)?;
            }
        }
        match kept.positions[..] {
            [_, older] => self.log.truncate_before(older + 1),
            _ => Ok(()),
        }
    }

    /// Bytes of log records since the last checkpoint.
    pub fn bytes_since_checkpoint(&self) -> u64 {
        let written = self.log.stats().written_bytes;
        let checkpoints = &self.checkpoints;
        let before = checkpoints.bytes_before.load(Ordering::Relaxed);
        checkpoints.recovered_bytes.load(Ordering::Relaxed) + written.saturating_sub(before)
    }

    /// Whether the log has grown so much that it is time for a checkpoint: for a background task to ask.
    pub fn checkpoint_due(&self) -> bool {
        self.bytes_since_checkpoint() >= self.options.checkpoint_bytes
    }

    /// The newest checkpoint's position, 0 for none.
    pub fn checkpoint_position(&self) -> Position {
        self.checkpoints.there.lock().first().copied().unwrap_or(0)
    }

    /// The positions of the checkpoints on disk, newest first.
    pub fn checkpoints(&self) -> Vec<Position> {
        self.checkpoints.there.lock().clone()
    }

    /// After the log failed, and the operator made room or replaced the disk: writes a synced checkpoint of what
    /// was acknowledged, and lets the log begin a new epoch after it.
    ///
    /// # Errors
    /// If the log has not failed, or the disk fails still: then the engine stays read-only.
    pub fn resume(&self) -> Result<Checkpoint, ResumeError> {
        let mut kept = self.checkpoints.kept.lock();
        let failed = self.log.failed();
        if failed.is_none_or(|failed| !matches!(*failed.cause, FailureCause::Storage(_))) {
            return Err(LogError::NotFailed.into());
        }
        self.undo_unacknowledged();
        let contents = self.capture(|| self.log.resume_position() - 1)?;
        let checkpoint = self.keep(&mut kept, contents)?;
        // Nobody reads or commits while the flags change, so that nothing that is committed after this
        // failure is taken for something that failed with it.
        let locked = self.lock_all();
        self.log.resume()?;
        self.undone.store(false, Ordering::Release);
        drop(locked);
        Ok(checkpoint)
    }

    /// Ends in good order: a checkpoint, so that the next start is quick, then the log is synced and closed.
    ///
    /// # Errors
    /// If the log had failed, or the checkpoint could not be written; the log is closed in any case, and
    /// everything acknowledged is in it.
    pub fn close(&self) -> Result<(), CheckpointError> {
        let checkpoint = self.checkpoint();
        let closed = self.log.close();
        checkpoint?;
        closed.map_err(|failed| CheckpointError::Log(failed.to_string()))
    }
}
