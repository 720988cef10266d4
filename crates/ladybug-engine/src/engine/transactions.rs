//! Long transactions: a branch of a space, what was read in it, and a commit that validates both.
//!
//! Optimistic: nothing waits for a transaction, and nothing is locked but at its commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::branch::Branch;
use super::past::NodeRef;
use super::{Engine, Outcome};
use crate::commit::difference::changed_slots;
use crate::commit::history::{PastNode, id_key, name_key};
use crate::commit::merge::{OnConflict, merge};
use crate::commit::transaction::{SpaceId, Transaction};
use crate::error::{Clash, EngineError};
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

/// What must be at the commit as it was.
#[derive(Default)]
struct Reads {
    /// Nodes by id, with the version that was read.
    nodes: BTreeMap<u64, u64>,
    absent: BTreeSet<Absent>,
    /// Chunks that were scanned.
    prefixes: BTreeSet<u8>,
    /// Chunks whose outgoing edges were scanned.
    edge_prefixes: BTreeSet<u8>,
    /// The edges of a verb between two nodes, by ids.
    edges: BTreeMap<(u64, u8, u64), Vec<u64>>,
}

/// What was looked for and not there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Absent {
    Name(Box<[u8]>),
    Id(u64),
    Address(Address),
}

impl Absent {
    fn node(&self) -> NodeRef<'_> {
        match self {
            Self::Name(name) => NodeRef::Name(name),
            Self::Id(id) => NodeRef::Id(*id),
            Self::Address(address) => NodeRef::Address(*address),
        }
    }
}

/// A transaction that is under way.
pub struct LongTransaction {
    branch: Branch,
    options: TransactionOptions,
    reads: Reads,
    begun: i64,
    used: i64,
    is_over: bool,
}

impl LongTransaction {
    /// Its private copy of the space.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// Whether nobody has used it for longer than it may be left alone.
    fn is_idle(&self, now: i64) -> bool {
        let idle_us = i64::try_from(self.options.idle.as_micros()).unwrap_or(i64::MAX);
        now.saturating_sub(self.used) > idle_us
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
        let found = node.find(base.state).and_then(|address| base.node(address));
        match found {
            Some(found) => drop(self.reads.nodes.insert(found.id(), found.version())),
            None => drop(self.reads.absent.insert(match node {
                NodeRef::Name(name) => Absent::Name(name.into()),
                NodeRef::Id(id) => Absent::Id(id),
                NodeRef::Address(address) => Absent::Address(address),
            })),
        }
    }

    /// Up to `limit` nodes of some chunks, by address, all of which it thereby has read; also that there are no others.
    pub fn scan(
        &mut self,
        prefixes: impl Iterator<Item = u8> + Clone,
        limit: usize,
    ) -> Vec<PastNode> {
        self.reads.prefixes.extend(prefixes.clone());
        self.branch.read(|view| {
            let addresses = prefixes
                .flat_map(|prefix| (0..=u8::MAX).map(move |slot| Address::new(prefix, slot)));
            let nodes = addresses.filter_map(|address| view.node(address));
            nodes.take(limit).map(PastNode::of).collect()
        })
    }

    /// Remembers that all nodes of some chunks were read, and that there are no others.
    pub fn note_scan(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.reads.prefixes.extend(prefixes);
    }

    /// Remembers that all edges that leave from some chunks were read, and that there are no others.
    pub fn note_edge_scan(&mut self, prefixes: impl Iterator<Item = u8>) {
        self.reads.edge_prefixes.extend(prefixes);
    }

    /// Remembers which edges of a verb lead from a node to another.
    pub fn note_edges(&mut self, source: Address, verb: u8, target: Address) {
        let base = self.branch.base();
        let ids = self.branch.read(|view| {
            let id = |at| view.node(at).map(|node| node.id());
            Some((id(source)?, id(target)?))
        });
        if let Some((from, to)) = ids {
            let edges = edges_between(View::of(base, i64::MIN), from, verb, to);
            self.reads.edges.insert((from, verb, to), edges);
        }
    }

    /// Whether all that was read still is so.
    fn validate(&self, tx: &Transaction<'_>) -> Result<(), EngineError> {
        let (base, live) = (self.branch.base(), tx.view());
        if live.state.version() == base.version() {
            return Ok(());
        }
        let mut clashes = Vec::new();
        let departed = |key| {
            tx.history()
                .last_departure(key)
                .unwrap_or(live.state.version())
        };
        for (&id, &version) in &self.reads.nodes {
            let node = live.state.find_id(id).and_then(|at| live.state.node(at));
            match node {
                Some(node) if node.version() == version => {}
                Some(node) => clashes.push(clash(place(&node), node.version())),
                None => clashes.push(clash(format!("#{id}"), departed(id_key(id)))),
            }
        }
        for absent in &self.reads.absent {
            let node = absent.node().find(live.state);
            if let Some(node) = node.and_then(|at| live.node(at)) {
                clashes.push(clash(place(&node), node.version()));
            }
        }
        for &prefix in &self.reads.prefixes {
            for slot in changed_slots(base.chunk(prefix), live.state.chunk(prefix)) {
                let address = Address::new(prefix, slot);
                let gone = || {
                    let node = base.node(address);
                    let name = node.and_then(|node| node.name());
                    let version = name.map(|name| departed(name_key(name)));
                    clash(address.to_string(), version.unwrap_or(live.state.version()))
                };
                let there = live.state.node(address).filter(|node| !node.is_edge());
                clashes.push(there.map_or_else(gone, |node| clash(place(&node), node.version())));
            }
        }
        for &prefix in &self.reads.edge_prefixes {
            let (then, now) = (base.graph(), live.state.graph());
            if !then.shares_edges_from(now, prefix)
                && !then.edges_from(prefix).eq(now.edges_from(prefix))
            {
                clashes.push(clash(
                    format!("an edge from chunk {prefix:02X}"),
                    live.state.version(),
                ));
            }
        }
        for (&(from, verb, to), edges) in &self.reads.edges {
            if edges_between(live, from, verb, to) != *edges {
                clashes.push(clash(
                    format!("an edge from #{from} to #{to}"),
                    live.state.version(),
                ));
            }
        }
        clashes.truncate(CLASHES_MAX);
        match clashes.is_empty() {
            true => Ok(()),
            false => Err(EngineError::Conflict {
                clashes,
                hint: "the transaction had read it; nothing was changed, repeat the transaction",
            }),
        }
    }
}

/// Most clashes that are told.
const CLASHES_MAX: usize = 16;

fn clash(place: String, version: u64) -> Clash {
    Clash { place, version }
}

fn place(node: &crate::space::chunk::Node<'_>) -> String {
    match node.name() {
        Some(name) => format!("{} '{}'", node.address(), String::from_utf8_lossy(name)),
        None => node.address().to_string(),
    }
}

/// The ids of the edges of a verb from one node to another, ascending.
fn edges_between(view: View<'_>, from: u64, verb: u8, to: u64) -> Vec<u64> {
    let end = |id| view.state.find_id(id);
    match (end(from), end(to)) {
        (Some(from), Some(to)) => view.state.graph().find(from, verb, to).collect(),
        _ => Vec::new(),
    }
}

/// The transactions under way.
#[derive(Default)]
pub(super) struct Transactions {
    next: AtomicU64,
    open: Mutex<HashMap<TransactionId, Arc<Mutex<LongTransaction>>>>,
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
        let transaction = LongTransaction {
            branch: self.branch(space)?,
            options,
            reads: Reads::default(),
            begun: now,
            used: now,
            is_over: false,
        };
        let mut open = self.transactions.open.lock();
        if open.len() >= TRANSACTIONS_MAX {
            return Err(EngineError::TransactionsFull(TRANSACTIONS_MAX));
        }
        let id = TransactionId {
            epoch: self.log.epoch(),
            number: self.transactions.next.fetch_add(1, Ordering::Relaxed) + 1,
        };
        open.insert(id, Arc::new(Mutex::new(transaction)));
        Ok(id)
    }

    /// Does something in a transaction.
    ///
    /// # Errors
    /// The transaction is over, or its snapshot had to be given up.
    pub fn in_transaction<R, E: From<EngineError>>(
        &self,
        id: TransactionId,
        f: impl FnOnce(&mut LongTransaction) -> Result<R, E>,
    ) -> Result<R, E> {
        let none = || EngineError::NoTransaction(id.to_string());
        let open = self.transactions.open.lock().get(&id).cloned();
        let open = open.ok_or_else(none)?;
        let mut open = open.lock();
        let now = self.now();
        if open.is_over || open.is_idle(now) {
            return Err(none().into());
        }
        open.branch.check()?;
        open.used = now;
        f(&mut open)
    }

    /// Ends a transaction by committing all that it did as one commit; answers the version that has it.
    ///
    /// # Errors
    /// [`EngineError::Conflict`] if others changed what it read or changed; then, as after any other error, nothing of it
    /// is done, and it is over.
    pub fn commit_transaction(&self, id: TransactionId) -> Outcome<Result<u64, EngineError>> {
        let open = match self.end(id) {
            Ok(open) => open,
            Err(error) => return Outcome::refused(error),
        };
        let open = open.lock();
        if let Err(error) = open.branch.check() {
            return Outcome::refused(error);
        }
        let mine = open.branch.state();
        let mut outcome = self.commit(&[open.branch.space()], |tx| {
            if open.options.isolation == Isolation::Serializable {
                open.validate(tx)?;
            }
            merge(tx, open.branch.base(), &mine, open.options.on_conflict)?;
            tx.report();
            Ok(tx.version())
        });
        outcome.position = outcome.position.max(open.branch.position());
        outcome
    }

    /// Ends a transaction; nothing of it is done.
    ///
    /// # Errors
    /// It is over already.
    pub fn abort_transaction(&self, id: TransactionId) -> Result<(), EngineError> {
        self.end(id).map(drop)
    }

    fn end(&self, id: TransactionId) -> Result<Arc<Mutex<LongTransaction>>, EngineError> {
        let none = || EngineError::NoTransaction(id.to_string());
        let removed = self.transactions.open.lock().remove(&id);
        let removed = removed.ok_or_else(none)?;
        // Who has found it before waits for this lock, or is waited for.
        let mut open = removed.lock();
        open.is_over = true;
        match open.is_idle(self.now()) {
            true => Err(none()),
            false => {
                drop(open);
                Ok(removed)
            }
        }
    }

    /// Aborts the transactions that nobody has used for long; answers how many.
    pub fn abort_idle(&self) -> usize {
        let now = self.now();
        let mut open = self.transactions.open.lock();
        let before = open.len();
        // One that is being used is not idle.
        open.retain(|_, open| {
            let Some(mut open) = open.try_lock() else {
                return true;
            };
            open.is_over = open.is_idle(now);
            !open.is_over
        });
        before - open.len()
    }

    /// The transactions under way, oldest first.
    pub fn transactions(&self) -> Vec<TransactionInfo> {
        self.abort_idle();
        let open: Vec<_> = {
            let open = self.transactions.open.lock();
            open.iter()
                .map(|(id, open)| (*id, Arc::clone(open)))
                .collect()
        };
        let info = |(id, open): (TransactionId, Arc<Mutex<LongTransaction>>)| {
            let open = open.lock();
            TransactionInfo {
                id,
                space: open.branch.space(),
                version: open.branch.base().version(),
                options: open.options,
                begun: open.begun,
                used: open.used,
                reads: open.reads.nodes.len() + open.reads.absent.len(),
            }
        };
        let mut all: Vec<_> = open.into_iter().map(info).collect();
        all.sort_by_key(|info| info.id);
        all
    }
}
