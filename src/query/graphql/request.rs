//! What the fields of one request share: the moment they read, the transaction they write in, and what they may still
//! cost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use async_graphql::{Error, ServerError};
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::{Engine, LongTransaction, NodeRef, SpacePast, TransactionId, When};
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::limits::Limits;
use super::moment::Moment;
use super::types::Types;

/// Most versions of the past that one request reads, each of which is made for it.
const MOMENTS_MAX: usize = 16;

/// Whoever asked may say that nobody waits for the answer any more.
pub type Cancel = Arc<AtomicBool>;

/// What stays the same when a document is tried again.
#[derive(Clone)]
pub struct Terms {
    /// Where nodes and edges are.
    pub engine: Arc<Engine>,
    /// Of which space it is.
    pub space: SpaceId,
    /// The zone that it reads, if not all.
    pub zone: Option<Zone>,
    /// What it may cost.
    pub limits: Limits,
    /// When it began.
    pub begun: Instant,
    /// Whether it is to end.
    pub cancel: Cancel,
    /// Whether it is only validated, and no field is to be read.
    pub is_dry: bool,
}

/// One request under way.
pub struct Request {
    terms: Terms,
    /// What it reads.
    pub now: Arc<Moment>,
    /// The types of that.
    pub types: Arc<Types>,
    /// What its mutations are part of.
    pub transaction: Option<TransactionId>,
    /// Whether the document was found good and its fields are read.
    pub has_begun: AtomicBool,
    rows: AtomicUsize,
    bytes: AtomicUsize,
    lookups: AtomicUsize,
    revealed: AtomicU64,
    past: OnceLock<SpacePast>,
    moments: Mutex<BTreeMap<u64, Arc<Moment>>>,
    errors: Mutex<Vec<ServerError>>,
}

impl std::ops::Deref for Request {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

impl Request {
    /// A request that reads what is there now.
    pub fn new(
        terms: Terms,
        now: Moment,
        types: Arc<Types>,
        transaction: Option<TransactionId>,
    ) -> Self {
        Self {
            terms,
            revealed: now.snapshot.position.into(),
            now: Arc::new(now),
            types,
            transaction,
            has_begun: AtomicBool::new(false),
            rows: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            lookups: AtomicUsize::new(1),
            past: OnceLock::new(),
            moments: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// It took too long, nobody waits for it, or its snapshot had to be given up.
    pub fn check(&self) -> Result<(), Error> {
        self.now.snapshot.check()?;
        if self.cancel.load(Relaxed) {
            return Err(Error::new("nobody waits for the answer any more"));
        }
        match self.limits.timeout {
            Some(timeout) if self.begun.elapsed() > timeout => Err(Error::new(format!(
                "the request took longer than {} ms and was ended; see --graphql-timeout-ms",
                timeout.as_millis()
            ))),
            _ => Ok(()),
        }
    }

    /// Counts rows that are about to be answered.
    ///
    /// # Errors
    /// They are too many, or see [`check`](Self::check).
    pub fn answer(&self, rows: usize) -> Result<(), Error> {
        self.check()?;
        let rows_max = self.limits.rows_max;
        if self.rows.fetch_add(rows, Relaxed) + rows > rows_max {
            return Err(Error::new(format!(
                "a request answers at most {rows_max} nodes and edges, see --graphql-rows-max; ask for smaller pages"
            )));
        }
        Ok(())
    }

    /// Counts bytes of the answer, before they are made.
    ///
    /// # Errors
    /// They are too many.
    pub fn spend(&self, bytes: usize) -> Result<(), Error> {
        let bytes_max = self.limits.memory_bytes;
        if self.bytes.fetch_add(bytes, Relaxed) + bytes > bytes_max {
            return Err(Error::new(format!(
                "an answer takes at most {bytes_max} bytes, see --graphql-memory-bytes; ask for less"
            )));
        }
        Ok(())
    }

    /// The past of the space, which is asked for once, however many nodes are.
    pub fn past(&self) -> &SpacePast {
        self.past.get_or_init(|| {
            self.lookups.fetch_add(1, Relaxed);
            let (past, position) = self.engine.past(self.space);
            self.revealed.fetch_max(position, Relaxed);
            past
        })
    }

    /// The space as it was after a version; each is made once.
    ///
    /// # Errors
    /// The version is yet to come or forgotten, or there are too many.
    pub fn as_of(&self, version: u64) -> Result<Arc<Moment>, Error> {
        self.check()?;
        let newest = self.now.mark.version;
        // What a transaction did step by step has numbers in between.
        let newest_past = self.now.base().map_or(newest, State::version);
        if version == newest || (newest_past + 1..newest).contains(&version) {
            return Ok(Arc::clone(&self.now));
        }
        if version > newest {
            return Err(Error::new(format!(
                "version {version} is yet to come: this request reads version {newest}"
            )));
        }
        let mut moments = self.moments.lock();
        if let Some(moment) = moments.get(&version) {
            return Ok(Arc::clone(moment));
        }
        if moments.len() == MOMENTS_MAX {
            return Err(Error::new(format!(
                "a request reads at most {MOMENTS_MAX} versions of the past"
            )));
        }
        self.lookups.fetch_add(1, Relaxed);
        let then = self.engine.glance_at(self.space, When::Version(version))?;
        self.revealed.fetch_max(then.position, Relaxed);
        let moment = Arc::new(Moment::new(then).of_zone(self.zone));
        moments.insert(version, Arc::clone(&moment));
        Ok(moment)
    }

    /// The log position that must be acknowledged before the answer is shown.
    pub fn revealed(&self) -> Position {
        self.revealed.load(Relaxed)
    }

    /// How often the memory was asked for something that takes its lock.
    pub fn lookups(&self) -> usize {
        self.lookups.load(Relaxed)
    }

    /// Remembers an error of a field that is null for it.
    pub fn fail(&self, error: ServerError) {
        self.errors.lock().push(error);
    }

    /// The errors so far, which are forgotten.
    pub fn take_errors(&self) -> Vec<ServerError> {
        std::mem::take(&mut *self.errors.lock())
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
