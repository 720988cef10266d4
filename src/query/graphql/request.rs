//! What the fields of one request share: the moment they read, the transaction they write in, and what they may still
//! cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use async_graphql::{Error, ServerError};
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::{Engine, LongTransaction, NodeRef, TransactionId};

use ladybug_engine::space::chunk::Node;
use parking_lot::Mutex;

use super::moment::Moment;
use super::mutation::Change;

/// Most nodes and edges that one request answers, nested ones included.
pub const ROWS_MAX: usize = 100_000;
/// Longest that one request may take.
pub const TIME_MAX: Duration = Duration::from_secs(10);

/// One request under way.
pub struct Request {
    /// Where nodes and edges are.
    pub engine: Arc<Engine>,
    /// Of which space it is.
    pub space: SpaceId,
    /// What it reads.
    pub now: Arc<Moment>,
    /// What its mutations are part of.
    pub transaction: Option<TransactionId>,
    /// Whether the document was found good and its fields are read.
    pub has_begun: AtomicBool,
    rows: AtomicUsize,
    begun: Instant,
    errors: Mutex<Vec<ServerError>>,
    changes: Mutex<Vec<Change>>,
}

impl Request {
    /// A request that began at `begun`.
    pub fn new(
        engine: Arc<Engine>,
        space: SpaceId,
        now: Moment,
        transaction: Option<TransactionId>,
        begun: Instant,
    ) -> Self {
        Self {
            engine,
            space,
            now: Arc::new(now),
            transaction,
            has_begun: AtomicBool::new(false),
            rows: AtomicUsize::new(0),
            begun,
            errors: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// It took too long, or its snapshot had to be given up.
    pub fn check(&self) -> Result<(), Error> {
        self.now.snapshot.check()?;
        if self.begun.elapsed() > TIME_MAX {
            let seconds = TIME_MAX.as_secs();
            return Err(Error::new(format!(
                "a request takes at most {seconds} s; ask for less"
            )));
        }
        Ok(())
    }

    /// Counts rows that are about to be answered.
    ///
    /// # Errors
    /// They are too many, or see [`check`](Self::check).
    pub fn answer(&self, rows: usize) -> Result<(), Error> {
        self.check()?;
        if self.rows.fetch_add(rows, Relaxed) + rows > ROWS_MAX {
            return Err(Error::new(format!(
                "a request answers at most {ROWS_MAX} nodes and edges; ask for smaller pages"
            )));
        }
        Ok(())
    }

    /// Remembers an error of a field that is null for it.
    pub fn fail(&self, error: ServerError) {
        self.errors.lock().push(error);
    }

    /// The errors so far, which are forgotten.
    pub fn take_errors(&self) -> Vec<ServerError> {
        std::mem::take(&mut *self.errors.lock())
    }

    /// Remembers something that happened to a named node.
    pub fn note(&self, change: Change) {
        self.changes.lock().push(change);
    }

    /// What happened to named nodes so far, which is forgotten.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes.lock())
    }

    /// Does something in the request's transaction, and answers the moment after it.
    ///
    /// # Errors
    /// Those of `f`, which then has changed nothing; and there is no transaction.
    pub fn change<R>(
        &self,
        read: impl FnOnce(&mut LongTransaction) -> Result<(), Error>,
        f: impl FnOnce(&mut Transaction<'_>) -> Result<R, Error>,
    ) -> Result<(R, Arc<Moment>), Error> {
        self.check()?;
        let id = self.transaction.ok_or_else(not_a_mutation)?;
        self.engine.in_transaction(id, |open| {
            read(open)?;
            let value = self.engine.change_branch(open.branch(), f)?;
            let base = Arc::clone(open.branch().base());
            let moment = Moment::within(open.branch().glance(), base);
            Ok((value, Arc::new(moment)))
        })
    }

    /// Remembers that a node was read, where that must still be so at the commit.
    ///
    /// # Errors
    /// The transaction is over.
    pub fn read(&self, moment: &Moment, node: Node<'_>) -> Result<(), Error> {
        self.validate(moment, |open| open.note(NodeRef::Id(node.id())))
    }

    /// The same of all nodes.
    ///
    /// # Errors
    /// The transaction is over.
    pub fn read_all(&self, moment: &Moment) -> Result<(), Error> {
        self.validate(moment, |open| open.note_scan(prefixes()))
    }

    /// The same of all edges.
    ///
    /// # Errors
    /// The transaction is over.
    pub fn read_all_edges(&self, moment: &Moment) -> Result<(), Error> {
        self.validate(moment, |open| open.note_edge_scan(prefixes()))
    }

    fn validate(
        &self,
        moment: &Moment,
        note: impl FnOnce(&mut LongTransaction),
    ) -> Result<(), Error> {
        match self.transaction {
            Some(id) if moment.is_private() => self.engine.in_transaction(id, |open| {
                note(open);
                Ok(())
            }),
            _ => Ok(()),
        }
    }
}

/// Every prefix at which nodes live.
fn prefixes() -> impl Iterator<Item = u8> + Clone {
    const FIRST: u8 = 0x10;
    FIRST..=u8::MAX
}

fn not_a_mutation() -> Error {
    Error::new("expected a mutation: queries change nothing")
}
