//! A branch: a private copy of a space, which goes on by itself and costs what it changes. What is done there nobody sees;
//! bringing it into the space is a merge, and one commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::Engine;
use super::encode::Snapshot;
use super::held::Lease;
use crate::commit::history::HistoryLimits;
use crate::commit::record::Position;
use crate::commit::transaction::{Cell, SpaceId, Terms, Transaction};
use crate::error::EngineError;
use crate::space::apply::Space;
use crate::space::state::{State, View};

/// A private copy of a space.
pub struct Branch {
    space: SpaceId,
    name: Option<Arc<str>>,
    base: Arc<Lease>,
    cell: Arc<Mutex<Cell>>,
    now: i64,
    position: Position,
}

impl Branch {
    /// The space that it is a copy of.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// What it began with.
    pub fn base(&self) -> &Arc<State> {
        self.base.state()
    }

    /// The moment at which everything in it happens, microseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// What must be acknowledged before what it says is shown.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Whether it may still be held.
    ///
    /// # Errors
    /// [`EngineError::SnapshotGone`] once it kept too much in memory.
    pub fn check(&self) -> Result<(), EngineError> {
        self.base.check()
    }

    /// What it has become.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(self.cell.lock().space.state())
    }

    /// What it has become, for a long reader, with its fingerprints as they are.
    pub fn glance(&self) -> Snapshot {
        let lease = Arc::clone(&self.base);
        Snapshot::unencoded(self.state(), self.now, self.position, lease)
    }

    /// Reads it.
    pub fn read<R>(&self, f: impl FnOnce(&View<'_>) -> R) -> R {
        f(&self.cell.lock().space.view(self.now))
    }
}

impl Engine {
    /// Begins a branch of a space as it is now.
    ///
    /// # Errors
    /// The space was dropped.
    pub fn branch(&self, space: SpaceId) -> Result<Branch, EngineError> {
        self.settle();
        let spaces = self.spaces.read();
        spaces.check_there(space, self.options.spaces_max)?;
        let (name, cell) = (spaces.name(space).cloned(), spaces.cell(space).cloned());
        drop(spaces);
        let (fork, position, state) = match &cell {
            Some(cell) => {
                let cell = cell.lock();
                let state = Arc::clone(cell.space.state());
                (cell.space.fork(), cell.position, state)
            }
            None => {
                let space = Space::from_state(self.empty.clone());
                let state = Arc::clone(space.state());
                (space, 0, state)
            }
        };
        Ok(Branch {
            space,
            name,
            now: self.now().max(state.committed()),
            base: self.leases.take(space, state, 0),
            cell: Arc::new(Mutex::new(Cell::new(fork, position))),
            position,
        })
    }

    /// Changes a branch: all that `f` does if it answers `Ok`, nothing if `Err`.
    pub fn change_branch<R, E: From<EngineError>>(
        &self,
        branch: &Branch,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let next_id = || self.next_id.fetch_add(1, Ordering::Relaxed);
        let terms = Terms {
            next_id: &next_id,
            eviction: self.options.eviction,
            now: branch.now,
            // Of what it did its commit reports.
            reports: false,
        };
        let cell = (branch.space, branch.name.clone(), Arc::clone(&branch.cell));
        let mut tx = Transaction::begin(terms, [cell], branch.space);
        let result = f(&mut tx);
        match &result {
            Ok(_) => {
                tx.changes();
                tx.finish(branch.position, NO_HISTORY);
            }
            Err(_) => tx.roll_back(),
        }
        result
    }
}

/// Nobody asks a branch for its past.
const NO_HISTORY: HistoryLimits = HistoryLimits {
    bytes_max: 0,
    until: i64::MIN,
    acknowledged: Position::MAX,
};
