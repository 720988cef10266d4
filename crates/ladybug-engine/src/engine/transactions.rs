//! Long transactions: a branch of a space, what was read in it, and a commit that validates both.
//!
//! Optimistic: nothing waits for a transaction, and nothing is locked but at its commit.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::branch::Branch;
use super::past::NodeRef;
use super::reads::Reads;
use super::{Engine, Outcome};
use crate::commit::history::PastNode;
use crate::commit::merge::{OnConflict, merge};
use crate::commit::transaction::{SpaceId, Transaction};
use crate::error::EngineError;
use crate::space::address::Address;
use crate::space::state::View;

/// Most transactions at once.
pub const TRANSACTIONS_MAX: usize = 1024;
/// After how long without a command a transaction is aborted, unless it says otherwise.
pub const TRANSACTION_IDLE: Duration = Duration::from_secs(60);
/// The longest that a transaction may ask to be kept without a command: a day.
pub const TRANSACTION_IDLE_MAX: Duration = Duration::from_secs(86_400);

/// A transaction's id, never given out twice: the log's incarnation, and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId {
    epoch: u64,
    number: u64,
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

impl FromStr for TransactionId {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, EngineError> {
        let parse = || {
            let (epoch, number) = text.split_once('-')?;
            Some(Self {
                epoch: epoch.parse().ok()?,
                number: number.parse().ok()?,
            })
        };
        parse().ok_or_else(|| EngineError::NoTransaction(text.to_owned()))
    }
}

/// What a transaction is protected from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// As if the committed ones had run one after another: what it read must still be so at its commit.
    #[default]
    Serializable,
    /// It reads one snapshot, and of two that change the same the first to commit wins.
    Snapshot,
}

/// How a transaction behaves.
#[derive(Clone, Copy, Debug)]
pub struct TransactionOptions {
    /// What it is protected from.
    pub isolation: Isolation,
    /// What becomes of what others changed too.
    pub on_conflict: OnConflict,
    /// After how long without a command it is aborted.
    pub idle: Duration,
}

impl Default for TransactionOptions {
    fn default() -> Self {
        Self {
            isolation: Isolation::default(),
            on_conflict: OnConflict::default(),
            idle: TRANSACTION_IDLE,
        }
    }
}

/// What is to be known of a transaction.
#[derive(Clone, Debug)]
pub struct TransactionInfo {
    /// Its id.
    pub id: TransactionId,
    /// Its space.
    pub space: SpaceId,
    /// The version that it reads.
    pub version: u64,
    /// How it behaves.
    pub options: TransactionOptions,
    /// When it began, microseconds since the epoch.
    pub begun: i64,
    /// Since when nobody has used it, microseconds since the epoch.
    pub used: i64,
    /// How many nodes it has read, or found missing.
    pub reads: usize,
}

/// A transaction that is under way.
pub struct LongTransaction {
    branch: Branch,
    options: TransactionOptions,
    reads: Reads,
    is_over: bool,
}

impl LongTransaction {
    /// Its private copy of the space.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// A node as the transaction sees it, which it thereby has read.
    pub fn read(&mut self, node: NodeRef<'_>) -> Option<PastNode> {
        self.note(node);
        self.branch.read(|view| {
            let address = node.find(view.state)?;
            view.node(address).map(PastNode::of)
        })
    }

    /// Remembers that a node, or that there is none, was read.
    pub fn note(&mut self, node: NodeRef<'_>) {
        let base = View::of(self.branch.base(), self.branch.now());
        self.reads.note(base, node);
    }

    /// Up to `limit` nodes of some chunks, by address, all of which it thereby has read; also that there are no others.
    pub fn scan(
        &mut self,
        prefixes: impl Iterator<Item = u8> + Clone,
        limit: usize,
    ) -> Vec<PastNode> {
        self.reads.note_chunks(prefixes.clone());
        self.branch.read(|view| {
            let addresses = prefixes
                .flat_map(|prefix| (0..=u8::MAX).map(move |slot| Address::new(prefix, slot)));
            let nodes = addresses.filter_map(|address| view.node(address));
            nodes.take(limit).map(PastNode::of).collect()
        })
    }

    /// Remembers that all nodes of some chunks were read, and that there are no others.
    pub fn note_scan(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.reads.note_chunks(prefixes);
    }

    /// Remembers that all edges that leave from some chunks were read, and that there are no others.
    pub fn note_edge_scan(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.reads.note_edge_chunks(prefixes);
    }

    /// Remembers which edges of a verb lead from a node to another.
    pub fn note_edges(&mut self, source: Address, verb: u8, target: Address) {
        let base = self.branch.base();
        let ids = self.branch.read(|view| {
            let id = |at| view.node(at).map(|node| node.id());
            Some((id(source)?, id(target)?))
        });
        if let Some((from, to)) = ids {
            let base = View::of(base, i64::MIN);
            self.reads.note_edges(base, (from, verb, to));
        }
    }

    /// Remembers all that a statement in it has read.
    pub fn note_reads(&mut self, reads: Reads) {
        self.reads.extend(reads);
    }
}

/// What is known of a transaction whatever it is doing.
struct Open {
    space: SpaceId,
    /// The version that it reads.
    version: u64,
    options: TransactionOptions,
    /// When it began, microseconds since the epoch.
    begun: i64,
    /// Since when nobody has used it, microseconds since the epoch.
    used: AtomicI64,
    /// How many nodes it has read, or found missing.
    reads: AtomicUsize,
    /// Whether a statement runs in it that takes its time; set under the lock of all of them.
    is_running: AtomicBool,
    transaction: Mutex<LongTransaction>,
}

impl Open {
    /// Whether nobody has used it for longer than it may be left alone.
    fn is_idle(&self, now: i64) -> bool {
        let idle_us = i64::try_from(self.options.idle.as_micros()).unwrap_or(i64::MAX);
        now.saturating_sub(self.used.load(Ordering::Relaxed)) > idle_us
    }

    fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
    }
}

/// The transactions under way.
#[derive(Default)]
pub(super) struct Transactions {
    next: AtomicU64,
    open: Mutex<HashMap<TransactionId, Arc<Open>>>,
}

impl Engine {
    /// Begins a transaction in a space.
    ///
    /// # Errors
    /// There are too many, or a policy does not go with serializable isolation.
    pub fn begin(
        &self,
        space: SpaceId,
        options: TransactionOptions,
    ) -> Result<TransactionId, EngineError> {
        if options.isolation == Isolation::Serializable && options.on_conflict != OnConflict::Abort
        {
            return Err(EngineError::PolicyOfSerializable);
        }
        self.abort_idle();
        let now = self.now();
        let branch = self.branch(space)?;
        let transaction = Open {
            space,
            version: branch.base().version(),
            options,
            begun: now,
            used: AtomicI64::new(now),
            reads: AtomicUsize::new(0),
            is_running: AtomicBool::new(false),
            transaction: Mutex::new(LongTransaction {
                branch,
                options,
                reads: Reads::default(),
                is_over: false,
            }),
        };
        let mut open = self.transactions.open.lock();
        if open.len() >= TRANSACTIONS_MAX {
            return Err(EngineError::TransactionsFull(TRANSACTIONS_MAX));
        }
        let id = TransactionId {
            epoch: self.log.epoch(),
            number: self.transactions.next.fetch_add(1, Ordering::Relaxed) + 1,
        };
        open.insert(id, Arc::new(transaction));
        Ok(id)
    }

    /// Does something in a transaction that takes no time.
    ///
    /// # Errors
    /// The transaction is over, a statement runs in it, or its snapshot had to be given up.
    pub fn in_transaction<R, E: From<EngineError>>(
        &self,
        id: TransactionId,
        f: impl FnOnce(&mut LongTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let open = self.transactions.open.lock().get(&id).cloned();
        let open = open.ok_or_else(|| EngineError::NoTransaction(id.to_string()))?;
        if open.is_running() {
            return Err(EngineError::TransactionBusy(id.to_string()).into());
        }
        self.within(id, &open, f)
    }

    /// Runs a statement in a transaction that may take its time: meanwhile all else that is asked of the transaction is
    /// refused.
    ///
    /// # Errors
    /// As [`in_transaction`](Self::in_transaction).
    pub fn run_in_transaction<R, E: From<EngineError>>(
        &self,
        id: TransactionId,
        f: impl FnOnce(&mut LongTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let open = {
            let all = self.transactions.open.lock();
            let open = all.get(&id).cloned();
            let open = open.ok_or_else(|| EngineError::NoTransaction(id.to_string()))?;
            if open.is_running.swap(true, Ordering::Relaxed) {
                return Err(EngineError::TransactionBusy(id.to_string()).into());
            }
            open
        };
        let running = Running(&open);
        let result = self.within(id, &open, f);
        open.used.store(self.now(), Ordering::Relaxed);
        drop(running);
        result
    }

    fn within<R, E: From<EngineError>>(
        &self,
        id: TransactionId,
        open: &Open,
        f: impl FnOnce(&mut LongTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut transaction = open.transaction.lock();
        let now = self.now();
        if transaction.is_over || open.is_idle(now) {
            return Err(EngineError::NoTransaction(id.to_string()).into());
        }
        transaction.branch.check()?;
        open.used.store(now, Ordering::Relaxed);
        let result = f(&mut transaction);
        let reads = transaction.reads.nodes_len();
        open.reads.store(reads, Ordering::Relaxed);
        result
    }

    /// Brings what a branch has become into its space as one commit, if all that was read in it still is so; answers the
    /// version that has it.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if others changed what was read, or what the branch changed and `on_conflict` does not
    /// decide; then, as after any other error, nothing is done.
    pub fn commit_branch(
        &self,
        branch: &Branch,
        reads: Option<&Reads>,
        on_conflict: OnConflict,
    ) -> Outcome<Result<u64, EngineError>> {
        self.commit_branch_reading(branch, reads, on_conflict, |tx| tx.version())
    }

    /// The same, answering what is read of the space as the commit makes it.
    fn commit_branch_reading<R>(
        &self,
        branch: &Branch,
        reads: Option<&Reads>,
        on_conflict: OnConflict,
        read: impl FnOnce(&Transaction<'_>) -> R,
    ) -> Outcome<Result<R, EngineError>> {
        if let Err(error) = branch.check() {
            return Outcome::refused(error);
        }
        let mine = branch.state();
        let mut outcome = self.commit(&[branch.space()], |tx| {
            if let Some(reads) = reads {
                reads.validate(branch.base(), tx)?;
            }
            merge(tx, branch.base(), &mine, on_conflict)?;
            tx.report();
            Ok(read(tx))
        });
        outcome.position = outcome.position.max(branch.position());
        outcome
    }

    /// Ends a transaction by committing all that it did as one commit; answers the version that has it.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if others changed what it read or changed; then, as after any other error, nothing of it
    /// is done, and it is over.
    pub fn commit_transaction(&self, id: TransactionId) -> Outcome<Result<u64, EngineError>> {
        self.commit_transaction_reading(id, |tx| tx.version())
    }

    /// The same, and answers what `read` sees of the commit: the versions and addresses that it gave.
    ///
    /// # Errors
    /// As [`commit_transaction`](Self::commit_transaction).
    pub fn commit_transaction_reading<R>(
        &self,
        id: TransactionId,
        read: impl FnOnce(&Transaction<'_>) -> R,
    ) -> Outcome<Result<R, EngineError>> {
        let open = match self.end(id) {
            Ok(open) => open,
            Err(error) => return Outcome::refused(error),
        };
        let open = open.transaction.lock();
        let is_validated = open.options.isolation == Isolation::Serializable;
        let reads = is_validated.then_some(&open.reads);
        self.commit_branch_reading(&open.branch, reads, open.options.on_conflict, read)
    }

    /// Ends a transaction; nothing of it is done.
    ///
    /// # Errors
    /// It is over already.
    pub fn abort_transaction(&self, id: TransactionId) -> Result<(), EngineError> {
        self.end(id).map(drop)
    }

    fn end(&self, id: TransactionId) -> Result<Arc<Open>, EngineError> {
        let none = || EngineError::NoTransaction(id.to_string());
        let removed = {
            let mut all = self.transactions.open.lock();
            match all.get(&id) {
                None => return Err(none()),
                Some(open) if open.is_running() => {
                    return Err(EngineError::TransactionBusy(id.to_string()));
                }
                Some(_) => all.remove(&id).ok_or_else(none)?,
            }
        };
        // Who has found it before waits for this lock, or is waited for.
        removed.transaction.lock().is_over = true;
        match removed.is_idle(self.now()) {
            true => Err(none()),
            false => Ok(removed),
        }
    }

    /// Aborts the transactions that nobody has used for long; answers how many.
    pub fn abort_idle(&self) -> usize {
        let now = self.now();
        let mut open = self.transactions.open.lock();
        let before = open.len();
        // One that is being used is not idle.
        open.retain(|_, open| {
            let Some(mut transaction) = open.transaction.try_lock() else {
                return true;
            };
            transaction.is_over = open.is_idle(now);
            !transaction.is_over
        });
        before - open.len()
    }

    /// The transactions under way, oldest first.
    pub fn transactions(&self) -> Vec<TransactionInfo> {
        self.abort_idle();
        let info = |(id, open): (&TransactionId, &Arc<Open>)| TransactionInfo {
            id: *id,
            space: open.space,
            version: open.version,
            options: open.options,
            begun: open.begun,
            used: open.used.load(Ordering::Relaxed),
            reads: open.reads.load(Ordering::Relaxed),
        };
        let mut all: Vec<_> = self.transactions.open.lock().iter().map(info).collect();
        all.sort_by_key(|info| info.id);
        all
    }
}

/// Lets others use a transaction again, however its statement ended.
struct Running<'o>(&'o Open);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.is_running.store(false, Ordering::Relaxed);
    }
}
