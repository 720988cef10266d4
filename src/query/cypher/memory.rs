//! What a statement reaches beside the space that it runs on: similarity, the past, whether it is still wanted.

use std::sync::Arc;

use ladybug_engine::commit::history::PastNode;
use ladybug_engine::engine::Snapshot;
use ladybug_engine::space::state::State;

use super::census::Census;
use super::error::{CypherError, Result};
use super::execute::Noted;
use super::index::PropertyIndex;

/// What surrounds a statement.
pub trait Memory {
    /// Whether the statement is still wanted, and may still hold what it reads.
    ///
    /// # Errors
    /// It is to stop.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The snapshot that it reads, if that has every fingerprint encoded.
    fn snapshot(&self) -> Option<&Snapshot> {
        None
    }

    /// Where the statement notes what it reads, if its commit is to look whether that still is so.
    fn noted(&self) -> Option<&Noted> {
        None
    }

    /// The index of a property, if there is one.
    fn index(&self, key: &str) -> Option<Arc<PropertyIndex>> {
        let _ = key;
        None
    }

    /// What is known of labels, if something is.
    fn census(&self) -> Option<Arc<Census>> {
        None
    }

    /// A node as it was at a version.
    ///
    /// # Errors
    /// History does not reach so far, or the past cannot be read from here.
    fn node_at(&self, id: u64, version: u64) -> Result<Option<PastNode>> {
        let _ = (id, version);
        Err(no_past())
    }

    /// The space as it was at a version.
    ///
    /// # Errors
    /// As [`node_at`](Self::node_at).
    fn state_at(&self, version: u64) -> Result<Arc<State>> {
        let _ = version;
        Err(no_past())
    }
}

/// Nothing: a statement that needs nothing around it.
#[derive(Debug)]
pub struct Alone;

impl Memory for Alone {}

fn no_past() -> CypherError {
    CypherError::argument(
        "expected a statement that only reads, outside of a transaction, to ask for the past",
    )
}
