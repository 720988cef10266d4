//! Checkpoints: everything the spaces hold at one log position, as Arrow files that anybody can open.
//!
//! | room | holds |
//! |---|---|
//! | `directory` | which checkpoints there are; publishing and discarding them whole |
//! | `manifest` | what a checkpoint consists of, with a checksum of every byte |
//! | `table` | one Arrow file, written and read by checksummed parts |
//! | `nodes`, `edges`, `history`, `catalogue` | the four tables, to rows and back |
//! | `sharing` | what forks share, and is stored once |
//! | `write`, `load` | a whole checkpoint |
//! | `rebuild` | one damaged fingerprint a chunk, from parity |
//!
//! `docs/design/checkpoint.md` has the format, and says why each step of publishing is safe.

mod catalogue;
mod column;
mod directory;
mod edges;
mod history;
mod load;
mod manifest;
mod nodes;
mod rebuild;
mod sharing;
mod table;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::batch::Origin;
use super::history::History;
use super::record::Position;
use super::transaction::SpaceId;
use crate::fingerprint::Fingerprint;
use crate::space::address::Address;
use crate::space::state::State;
use crate::storage::StorageError;
pub use directory::{DIRECTORY, Listing, discard, list, restore_set_aside, tidy};
pub use load::{Loaded, load, newest_epoch};
pub use manifest::{FORMAT, Manifest};
pub use write::write;

/// The file of nodes, one record batch a chunk.
pub const NODES_FILE: &str = "nodes.arrow";
/// The file of edges.
pub const EDGES_FILE: &str = "edges.arrow";
/// The file of what commits replaced.
pub const HISTORY_FILE: &str = "history.arrow";
/// The file of spaces, one record batch a space.
pub const CATALOGUE_FILE: &str = "catalogue.arrow";
/// The file that says what the others must be, written last.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Everything at one log position.
pub struct Contents {
    /// All of what the log holds up to here is in it, and nothing after.
    pub position: Position,
    /// The log's incarnation when it was taken.
    pub epoch: u64,
    /// The id that the next new node or edge gets.
    pub next_id: u64,
    /// The spaces, ascending.
    pub spaces: Vec<SpaceContents>,
}

/// One space of a checkpoint.
pub struct SpaceContents {
    /// Its number.
    pub id: SpaceId,
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// The highest version ever given out.
    pub version_max: u64,
    /// What it holds.
    pub state: Arc<State>,
    /// What its commits replaced.
    pub history: History,
    /// Where it came from, if it is a fork.
    pub origin: Option<Origin>,
    /// The fingerprints of what is pending in `state`, by address: nothing is pending in a checkpoint.
    pub derived: Vec<(Address, Fingerprint)>,
}

impl SpaceContents {
    /// The fingerprint that the checkpoint has for an occupied address, and whether it was pending.
    fn fingerprint<'a>(
        &'a self,
        address: Address,
        there: &'a Fingerprint,
    ) -> (&'a Fingerprint, bool) {
        let at = self.derived.binary_search_by_key(&address, |(at, _)| *at);
        at.map_or((there, false), |at| (&self.derived[at].1, true))
    }
}

/// Something in a checkpoint that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub place: String,
    /// What was expected and what is there.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, place, what } = self;
        write!(f, "{}", path.display())?;
        if !place.is_empty() {
            write!(f, ", {place}")?;
        }
        write!(f, ": {what}")
    }
}

/// Why a checkpoint could not be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CheckpointError {
    /// A file operation failed.
    #[error("the checkpoint was not written: {0}")]
    Storage(Arc<StorageError>),
    /// Arrow refused what it was given: a bug.
    #[error("internal error: the checkpoint does not fit Arrow: {0}")]
    Arrow(Arc<arrow_schema::ArrowError>),
    /// The log failed, so that nobody knows which commits a checkpoint may hold.
    #[error("no checkpoint: {0}")]
    Log(String),
}

impl From<StorageError> for CheckpointError {
    fn from(error: StorageError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl From<arrow_schema::ArrowError> for CheckpointError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Arrow(Arc::new(error))
    }
}

/// Why a checkpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file operation failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It is not as it was written.
    #[error("{}", damages.first().map(Damage::to_string).unwrap_or_default())]
    Damaged {
        /// Everything that was found, at least one.
        damages: Vec<Damage>,
    },
    /// A later Ladybug wrote it.
    #[error(
        "{} has format {format} of Ladybug {version}; this one reads up to format {FORMAT}: use a later Ladybug",
        path.display()
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        format: u32,
        /// Who wrote it.
        version: String,
    },
}
