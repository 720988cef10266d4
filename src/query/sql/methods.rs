//! What SQL knows of the methods that `cam(…)` calls: who puts the handle together gives them.

use std::fmt::Debug;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Snapshot, TransactionId};

use super::error::SqlError;
use super::handle::Sql;

/// Methods that only read. The first word of a call is a method's name or id, the others are its arguments.
pub trait Methods: Debug + Send + Sync {
    /// The columns of what a call answers, of whose words some are known only later.
    ///
    /// # Errors
    /// There is no such method, or its columns are not known before it runs.
    fn columns(&self, here: &Here<'_>, words: &[Option<&[u8]>]) -> Result<SchemaRef, SqlError>;

    /// The table that a call answers. Takes its time.
    ///
    /// # Errors
    /// The call is wrong, or does not only read.
    fn call(&self, here: &Here<'_>, words: &[&[u8]]) -> Result<RecordBatch, SqlError>;
}

/// Where a statement calls a method.
pub struct Here<'s> {
    /// The handle.
    pub sql: &'s Sql,
    /// The space that the method is called in.
    pub space: SpaceId,
    /// That space as the statement sees it.
    pub snapshot: &'s Snapshot,
    /// The transaction that the statement is part of.
    pub transaction: Option<TransactionId>,
    /// How long the statement may take.
    pub timeout: Option<Duration>,
    /// Whether the method may wait for statements of its own.
    pub may_query: bool,
}
