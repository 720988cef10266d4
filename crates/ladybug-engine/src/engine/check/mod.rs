//! Verifying a data directory without a server, and repairing it: what `ladybug check DIR` does.
//!
//! `survey` reads and judges, changing nothing; `repair` writes a new checkpoint of everything that can be
//! had, and only then puts away what is damaged. Nothing is edited in place.

mod repair;
mod survey;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::commit::checkpoint::{CheckpointError, Damage, LoadError};
use crate::commit::log::LogError;
use crate::commit::record::Position;
use crate::storage::{Storage, StorageError};

/// What was found in a data directory.
#[derive(Debug, Default)]
pub struct Report {
    /// The checkpoints, newest first.
    pub checkpoints: Vec<CheckpointSummary>,
    /// The log.
    pub log: LogSummary,
    /// Everything that is not as it should be.
    pub findings: Vec<Finding>,
    /// What a start would find; `None` if it would refuse.
    pub state: Option<StateSummary>,
}

impl Report {
    /// Whether nothing is damaged. What a crash leaves in the ordinary course is no damage.
    pub fn is_clean(&self) -> bool {
        !self.findings.iter().any(|finding| finding.is_damage)
    }
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSummary {
    /// The log position that it holds.
    pub position: Position,
    /// What is in it, if it opens.
    pub state: Option<StateSummary>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StateSummary {
    /// The last commit.
    pub position: Position,
    /// Spaces.
    pub spaces: usize,
    /// Nodes.
    pub nodes: usize,
    /// Edges.
    pub edges: usize,
}

impl fmt::Display for StateSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            position,
            spaces,
            nodes,
            edges,
        } = self;
        write!(
            f,
            "position {position}: {spaces} spaces, {nodes} nodes, {edges} edges"
        )
    }
}

/// The log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Segment files.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// The highest position in it, 0 for none.
    pub last: Position,
    /// The highest position that it says was durable.
    pub durable: Position,
}

/// Something that is not as it should be, and what can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, and what.
    pub damage: Damage,
    /// What can be done.
    pub remedy: String,
    /// Whether it is damage; else it is what a crash leaves behind, and the next start clears it away.
    pub is_damage: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.damage, self.remedy)
    }
}

/// Why a directory could not be checked or repaired.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is in use, or a file operation failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A checkpoint cannot be read, or is of a later Ladybug.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The new checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What is there does not suffice.
    #[error("cannot be repaired without losing commits, so nothing was changed: {0}")]
    Impossible(String),
}

/// Reads everything in a data directory and reports what is there and what is wrong. Changes nothing.
///
/// # Errors
/// If a server uses the directory, or a file cannot be read. Damage is in the report.
pub fn check(storage: &Arc<dyn Storage>) -> Result<Report, CheckError> {
    let _lock = storage.lock(Path::new("LOCK"))?;
    Ok(survey::survey(&**storage)?.report)
}

/// What [`repair`] did.
#[derive(Debug)]
pub struct Repaired {
    /// What was found before.
    pub before: Report,
    /// What was done, in order; empty if nothing was wrong.
    pub steps: Vec<String>,
    /// What was found after.
    pub after: Report,
}

/// Repairs a data directory: rebuilds what parity, the older checkpoint and the log allow.
///
/// # Errors
/// As [`check`]; and [`CheckError::Impossible`], with nothing changed, if commits would be lost.
pub fn repair(storage: &Arc<dyn Storage>) -> Result<Repaired, CheckError> {
    let _lock = storage.lock(Path::new("LOCK"))?;
    repair::repair(storage)
}

/// A log that is set aside when it is damaged and a checkpoint has all of it.
fn log_aside(position: Position) -> PathBuf {
    PathBuf::from(format!("log.damaged-{position:020}"))
}
