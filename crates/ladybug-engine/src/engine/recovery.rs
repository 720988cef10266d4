//! Opening: what is in the data directory becomes spaces again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};

use super::spaces::Registry;
use super::{Clock, Engine, EngineOptions};
use crate::commit::batch::Batch;
use crate::commit::codec::Malformed;
use crate::commit::log::{Log, LogError, LogOptions};
use crate::commit::record::Position;
use crate::space::apply::Misfit;
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
        let mut registry = Registry::default();
        let mut id_max = 0;
        let log_options = LogOptions {
            fsync: options.fsync,
            ..LogOptions::default()
        };
        let (log, _recovered) = Log::open(Arc::clone(&storage), log_options, 0, |record| {
            let position = record.position;
            let batch =
                Batch::decode(record.payload).map_err(|malformed| OpenError::Malformed {
                    position,
                    malformed,
                })?;
            replay(
                &mut registry,
                batch,
                position,
                options.hash_key,
                &mut id_max,
            )
        })?;
        Ok(Self {
            empty: State::new(options.hash_key),
            options,
            storage,
            log,
            clock,
            spaces: RwLock::new(registry),
            next_id: (id_max + 1).into(),
            unacknowledged: Mutex::default(),
            undone: AtomicBool::new(false),
            _lock: lock,
        })
    }
}

/// Does again what a record says was done.
fn replay(
    registry: &mut Registry,
    batch: Batch,
    position: Position,
    hash_key: u64,
    id_max: &mut u64,
) -> Result<(), OpenError> {
    let (now, parts) = match batch {
        Batch::Name { id, name } => {
            registry.set_name(id, &name);
            return Ok(());
        }
        Batch::Commit { now, parts } => (now, parts),
    };
    for part in parts {
        let cell = registry.cell_or_new(part.space, hash_key);
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
        for mutation in part.mutations {
            *id_max = (*id_max).max(id_of(&mutation));
            cell.space
                .apply(mutation, part.version)
                .map_err(|misfit| OpenError::Misfit { position, misfit })?;
        }
        cell.space.set_version(part.version, now);
        cell.position = position;
        cell.version_max = part.version;
    }
    Ok(())
}

/// The id that a mutation brings into the world, if any.
fn id_of(mutation: &Mutation) -> u64 {
    match mutation {
        Mutation::Insert { node, .. } => node.id,
        Mutation::Link { edge } => edge.id,
        _ => 0,
    }
}
