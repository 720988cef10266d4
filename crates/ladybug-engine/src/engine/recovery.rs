//! Opening: what is in the data directory becomes spaces again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::RwLock;

use super::checkpoint::{CHECKPOINTS_KEPT, Checkpoints};
use super::held::Leases;
use super::spaces::Registry;
use super::transactions::Transactions;
use super::{Clock, Engine, EngineOptions};
use crate::commit::batch::{Batch, Fork};
use crate::commit::checkpoint::{
    Contents, Damage, LoadError, SpaceContents, list, load, newest_epoch, tidy,
};
use crate::commit::codec::Malformed;
use crate::commit::history::{History, Mark};
use crate::commit::log::{Log, LogError, LogOptions, scan};
use crate::commit::record::{Position, Record};
use crate::commit::transaction::Cell;
use crate::space::apply::{Misfit, Space};
use crate::space::mutation::Mutation;
use crate::space::state::State;
use crate::storage::{Storage, StorageError};

/// Why a data directory does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it, or it cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log does not open.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No checkpoint opens, and the log alone does not have everything.
    #[error(
        "no checkpoint can be opened, and the log does not begin with the first commit: {}. \
         Nothing was changed; run `ladybug check DIR --repair`, or restore a backup",
        join(damages)
    )]
    Checkpoints {
        /// What is damaged.
        damages: Vec<Damage>,
    },
    /// The newest checkpoint is damaged, and the older one with the log does not reach as far.
    #[error(
        "the newest checkpoint is damaged ({}), and from the one before it the log leads to position {reached} \
         of {position} only. Nothing was changed; run `ladybug check DIR --repair`, or restore a backup",
        join(damages)
    )]
    TooShort {
        /// What is damaged.
        damages: Vec<Damage>,
        /// How far the log goes.
        reached: Position,
        /// How far the damaged checkpoint went.
        position: Position,
    },
    /// A later Ladybug wrote the newest checkpoint, or it cannot be read.
    #[error(transparent)]
    Unreadable(LoadError),
    /// A repair was interrupted while it replaced a checkpoint.
    #[error("a repair was interrupted: run `ladybug check DIR --repair` again")]
    RepairInterrupted,
    /// A record whose checksum holds does not say a commit.
    #[error(
        "log record {position}: {malformed}; the log was written by another version, or is corrupt"
    )]
    Malformed {
        /// The record.
        position: Position,
        /// What is wrong.
        malformed: Malformed,
    },
    /// A record's change does not fit what precedes it.
    #[error("log record {position}: {misfit}; the log does not follow from the checkpoint")]
    Misfit {
        /// The record.
        position: Position,
        /// What is wrong.
        misfit: Misfit,
    },
    /// A fork of something that is not there.
    #[error(
        "log record {position} forks version {version} of space {space}, which is not to be had"
    )]
    Fork {
        /// The record.
        position: Position,
        /// The space.
        space: u32,
        /// The version.
        version: u64,
    },
    /// A version is missing or comes twice.
    #[error(
        "log record {position} makes version {got} of space {space}, expected more than {last}"
    )]
    Version {
        /// The record.
        position: Position,
        /// The space.
        space: u32,
        /// The version before.
        last: u64,
        /// The version that came.
        got: u64,
    },
}

impl Engine {
    /// Opens the data in `storage`, of which it becomes the one user.
    pub fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        options: EngineOptions,
    ) -> Result<Self, OpenError> {
        let lock = storage.lock(Path::new("LOCK"))?;
        let base = find_base(&*storage, options.hash_key)?;
        let log_options = LogOptions {
            fsync: options.fsync,
            epoch_min: base.epoch + 1,
            ..LogOptions::default()
        };
        let (from, positions) = (base.position, base.positions);
        let mut replay = base.replay;
        let mut recovered_bytes = 0;
        let (log, recovered) = Log::open(Arc::clone(&storage), log_options, from, |record| {
            recovered_bytes += record.framed_bytes() as u64;
            replay.record(&record)
        })?;
        let records = recovered.records;
        tracing::info!(checkpoint = from, records, "opened");
        let engine = Self {
            empty: State::new(options.hash_key),
            leases: Leases::new(options.snapshot_bytes),
            transactions: Transactions::default(),
            options,
            storage,
            log,
            clock,
            spaces: RwLock::new(replay.registry),
            next_id: replay.next_id.into(),
            undone: AtomicBool::new(false),
            reports: AtomicBool::new(true),
            checkpoints: Checkpoints::new(positions, recovered_bytes),
            _lock: lock,
        };
        // What forks in the log asked for has been read.
        engine.trim_history();
        Ok(engine)
    }
}

fn join(damages: &[Damage]) -> String {
    let damages: Vec<_> = damages.iter().map(Damage::to_string).collect();
    damages.join("; ")
}

/// What recovery starts from.
struct Base {
    position: Position,
    epoch: u64,
    /// Checkpoints to keep, newest first: the one opened, and older ones.
    positions: Vec<Position>,
    replay: Replay,
}

/// Opens the newest checkpoint that is whole. One that is not is passed over only if the older one and the log
/// have everything that it had.
fn find_base(storage: &dyn Storage, hash_key: u64) -> Result<Base, OpenError> {
    let listing = list(storage)?;
    let replaced = |position| listing.positions.contains(position);
    if !listing.set_aside.iter().all(replaced) {
        return Err(OpenError::RepairInterrupted);
    }
    tidy(storage)?;
    let epoch = newest_epoch(storage).map_err(OpenError::Unreadable)?;
    let mut base = Base {
        position: 0,
        epoch,
        positions: Vec::new(),
        replay: Replay::new(hash_key),
    };
    let mut damages = Vec::new();
    for (at, &position) in listing.positions.iter().enumerate() {
        match load(storage, position, hash_key, false) {
            Ok(loaded) => {
                base.position = position;
                base.positions = listing.positions[at..].to_vec();
                base.positions.truncate(CHECKPOINTS_KEPT);
                base.replay = Replay::from_contents(&loaded.contents, hash_key);
                break;
            }
            Err(LoadError::Damaged { damages: found }) => damages.extend(found),
            Err(error) => return Err(OpenError::Unreadable(error)),
        }
    }
    if let (Some(&newest), false) = (listing.positions.first(), damages.is_empty()) {
        let report = scan(storage, &LogOptions::default().directory, |_| {})?;
        let first = report
            .segments
            .first()
            .and_then(|segment| segment.header.as_ref());
        if base.positions.is_empty() && first.is_none_or(|header| header.after > 0) {
            return Err(OpenError::Checkpoints { damages });
        }
        let reached = report
            .segments
            .iter()
            .filter_map(|segment| segment.last)
            .max();
        let reached = reached.unwrap_or(0).max(base.position);
        if reached < newest {
            return Err(OpenError::TooShort {
                damages,
                reached,
                position: newest,
            });
        }
        let from = base.position;
        tracing::warn!(
            "a checkpoint is damaged, so the server starts from position {from} and the log: {}",
            join(&damages)
        );
    }
    Ok(base)
}

/// Spaces that follow a log.
pub(super) struct Replay {
    /// The spaces.
    pub registry: Registry,
    /// The id that the next node or edge gets.
    pub next_id: u64,
    hash_key: u64,
}

impl Replay {
    /// From nothing.
    pub fn new(hash_key: u64) -> Self {
        Self {
            registry: Registry::default(),
            next_id: 1,
            hash_key,
        }
    }

    /// From a checkpoint.
    pub fn from_contents(contents: &Contents, hash_key: u64) -> Self {
        let mut replay = Self::new(hash_key);
        replay.next_id = contents.next_id;
        for space in &contents.spaces {
            if let Some(name) = &space.name {
                replay.registry.set_name(space.id, name);
            }
            if space.version_max == 0 && space.origin.is_none() {
                // Named, and never written.
                continue;
            }
            let state = State::clone(&space.state);
            let mut cell = Cell::new(Space::from_state(state), contents.position);
            cell.version_max = space.version_max;
            cell.history = space.history.clone();
            match space.origin {
                Some(origin) => replay.registry.add_fork(space.id, origin, cell),
                None => replay.registry.restore(space.id, cell),
            }
        }
        replay
    }

    /// What a checkpoint of this would hold.
    pub fn contents(&self, position: Position, epoch: u64) -> Contents {
        let content = |id| {
            let cell = self.registry.cell(id).map(|cell| cell.lock());
            let cell = cell.as_deref();
            SpaceContents {
                id,
                name: self.registry.name(id).cloned(),
                version_max: cell.map_or(0, |cell| cell.version_max),
                state: match cell {
                    Some(cell) => Arc::clone(cell.space.state()),
                    None => Arc::new(State::new(self.hash_key)),
                },
                history: cell.map_or_else(|| History::new(Mark::default()), |c| c.history.clone()),
                origin: self.registry.origin(id),
                derived: Vec::new(),
            }
        };
        Contents {
            position,
            epoch,
            next_id: self.next_id,
            spaces: self.registry.ids().into_iter().map(content).collect(),
        }
    }

    /// Begins a space as another was: the present of a replay is what the past was then, and history reaches as far.
    fn fork(&mut self, fork: Fork, position: Position) -> Result<(), OpenError> {
        let unknown = OpenError::Fork {
            position,
            space: fork.origin.space,
            version: fork.origin.version,
        };
        let source = self.registry.cell_or_new(fork.origin.space, self.hash_key);
        let source = source.lock();
        let mut space = source.space.fork();
        let later = source.history.since(fork.origin.version).ok_or(unknown)?;
        for segment in later.iter().rev() {
            let commits = segment.newest_first();
            for past in commits.take_while(|past| past.after.version > fork.origin.version) {
                past.take_back(&mut space);
            }
        }
        drop(source);
        self.registry.set_name(fork.id, &fork.name);
        self.registry
            .add_fork(fork.id, fork.origin, Cell::new(space, position));
        Ok(())
    }

    /// Does again what a record says was done.
    pub fn record(&mut self, record: &Record<'_>) -> Result<(), OpenError> {
        let position = record.position;
        let malformed = |malformed| OpenError::Malformed {
            position,
            malformed,
        };
        let (now, parts) = match Batch::decode(record.payload).map_err(malformed)? {
            Batch::Name { id, name } => {
                self.registry.set_name(id, &name);
                return Ok(());
            }
            Batch::Fork(fork) => return self.fork(fork, position),
            Batch::Drop { id } => {
                self.registry.drop_fork(id, position, position);
                return Ok(());
            }
            Batch::Commit { now, parts } => (now, parts),
        };
        for part in parts {
            let cell = self.registry.cell_or_new(part.space, self.hash_key);
            let mut cell = cell.lock();
            let last = cell.space.state().version();
            if part.version <= last {
                return Err(OpenError::Version {
                    position,
                    space: part.space,
                    last,
                    got: part.version,
                });
            }
            let mut inverses = Vec::with_capacity(part.mutations.len());
            for mutation in part.mutations {
                self.next_id = self.next_id.max(id_of(&mutation) + 1);
                let applied = cell.space.apply(mutation, part.version);
                inverses.push(applied.map_err(|misfit| OpenError::Misfit { position, misfit })?);
            }
            cell.space.set_version(part.version, now);
            cell.position = position;
            cell.version_max = cell.version_max.max(part.version);
            let after = Mark {
                version: part.version,
                committed: now,
                position,
            };
            cell.history.push(after, &inverses);
        }
        Ok(())
    }
}

/// The id that a mutation brings into the world, if any.
fn id_of(mutation: &Mutation) -> u64 {
    match mutation {
        Mutation::Insert { node, .. } => node.id,
        Mutation::Link { edge } => edge.id,
        _ => 0,
    }
}
