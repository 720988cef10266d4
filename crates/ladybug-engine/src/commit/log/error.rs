//! What can go wrong with the log, and what the operator or client should do about it.

use std::sync::Arc;

use super::scan::Damage;
use crate::commit::record::Position;
use crate::storage::StorageError;

/// Opening, reading, resuming or trimming the log failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file operation failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Something that was durable is damaged. Nothing was changed on disk.
    #[error(
        "the log is corrupt: {damage}. Records up to {durable} were durable, so this is no torn tail of a crash; \
         nothing was changed. Restore the file from a backup, or run `ladybug check DIR --repair`"
    )]
    Corrupt {
        /// What is wrong, and where.
        damage: Damage,
        /// The highest durable position that the log claims.
        durable: Position,
    },
    /// [`Log::resume`](super::Log::resume) of a log that works.
    #[error("the log has not failed: there is nothing to resume")]
    NotFailed,
    /// The writer thread could not be started.
    #[error("cannot start the log's writer thread: {0}")]
    Thread(#[source] std::io::Error),
}

/// The log does not accept records: it failed, or was closed. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "{cause}; commits after log position {acknowledged} were not acknowledged, and none are accepted: {advice}"
)]
pub struct LogFailed {
    /// What happened first. Nothing was retried after it.
    pub cause: Arc<FailureCause>,
    /// The last acknowledged position, now and until the log is resumed.
    pub acknowledged: Position,
    advice: &'static str,
}

impl LogFailed {
    pub(super) fn new(cause: FailureCause, acknowledged: Position) -> Self {
        let advice = match cause {
            FailureCause::Closed => "the server is shutting down, connect again later",
            FailureCause::Storage(_) | FailureCause::WriterDied => {
                "free or replace the disk, then resume the server"
            }
        };
        Self {
            cause: Arc::new(cause),
            acknowledged,
            advice,
        }
    }
}

/// Why a log accepts no more records.
#[derive(Debug, thiserror::Error)]
pub enum FailureCause {
    /// A write or sync failed.
    #[error("the log failed: {0}")]
    Storage(#[from] StorageError),
    /// The log was closed in good order.
    #[error("the log is closed")]
    Closed,
    /// The writer thread ended without being asked to: a bug.
    #[error("the log failed: its writer thread died")]
    WriterDied,
}

/// Whether a commit survives is not known: the log failed before it was acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "outcome unknown of log position {position}: {failed}; read back what you wrote before writing it again"
)]
pub struct OutcomeUnknown {
    /// The position waited for.
    pub position: Position,
    /// The failure.
    pub failed: LogFailed,
}
