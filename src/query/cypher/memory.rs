//! What a statement reaches beside the space that it runs on: similarity, the past, whether it is still wanted.

use ladybug_engine::fingerprint::Fingerprint;

use super::error::Result;
use super::value::NodeRef;

/// A node that is near to something, and how many bits differ.
pub type Near = (NodeRef, u32);

/// What surrounds a statement.
pub trait Memory {
    /// Whether the statement is still wanted, and may still hold what it reads.
    ///
    /// # Errors
    /// It is to stop.
    fn check(&self) -> Result<()>;

    /// The fingerprint of a node.
    fn fingerprint(&self, node: NodeRef) -> Result<Fingerprint>;

    /// The nodes nearest to a fingerprint, nearest first.
    fn nearest(&self, query: &Fingerprint, count: usize) -> Result<Vec<Near>>;
}
