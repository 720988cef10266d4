//! A small database with a fault of choice, to see whether the checker finds what the fault lets through. Its clients
//! take turns at random, so that their transactions overlap.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Key, Operation, Transaction, Value};
use super::random::Random;

/// Keys from here on are registers, below are lists.
pub const FIRST_REGISTER: Key = 100;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: snapshots, and validation of all that was read or written. Strictly serializable.
    None,
    /// Only what was written is validated: snapshot isolation.
    ReadsUnvalidated,
    /// Nothing is validated: the last to commit wins.
    NothingValidated,
    /// Reads see what is committed at that moment, not when the transaction began.
    ReadCommitted,
    /// Reads see what others have written and not committed.
    ReadUncommitted,
    /// A snapshot may be older than the beginning of the transaction, and transactions that only read are not validated.
    StaleReads,
    /// Of two writes of a commit, the last is forgotten now and then.
    HalfCommits,
}

type State = BTreeMap<Key, Vec<Value>>;

/// A transaction on its way.
struct Open {
    operations: Vec<Operation>,
    invoked: u64,
    snapshot: State,
    /// How many commits the snapshot has seen.
    seen: usize,
    reads: BTreeSet<Key>,
    writes: State,
    left: u64,
}

/// Runs so many transactions of a few clients, the last of which reads all lists alone.
pub fn history(
    fault: Fault,
    has_registers: bool,
    transactions: usize,
    random: &mut Random,
) -> Vec<Transaction> {
    let mut toy = Toy {
        fault,
        has_registers,
        commits: vec![(State::new(), BTreeSet::new())],
        value: 0,
        now: 0,
        done: Vec::new(),
        open: Vec::new(),
    };
    let clients = 2 + random.below(3) as usize;
    toy.open.resize_with(clients, || None);
    while toy.done.len() + toy.open.iter().flatten().count() < transactions
        || toy.open.iter().any(Option::is_some)
    {
        let may_begin = toy.done.len() + toy.open.iter().flatten().count() < transactions;
        toy.step(random.below(clients as u64) as usize, may_begin, random);
    }
    let reads = toy
        .keys()
        .into_iter()
        .map(|key| toy.found(key, toy.committed().get(&key)));
    let operations = reads.collect();
    toy.done.push(Transaction {
        operations,
        is_committed: true,
        invoked: toy.now + 1,
        completed: toy.now + 2,
    });
    toy.done
}

struct Toy {
    fault: Fault,
    has_registers: bool,
    /// The state after each commit, and what it wrote.
    commits: Vec<(State, BTreeSet<Key>)>,
    value: Value,
    now: u64,
    done: Vec<Transaction>,
    open: Vec<Option<Open>>,
}

impl Toy {
    fn committed(&self) -> &State {
        &self.commits.last().expect("there is a first").0
    }

    fn keys(&self) -> Vec<Key> {
        let registers = self
            .has_registers
            .then_some([FIRST_REGISTER, FIRST_REGISTER + 1]);
        [0, 1, 2]
            .into_iter()
            .chain(registers.into_iter().flatten())
            .collect()
    }

    fn found(&self, key: Key, values: Option<&Vec<Value>>) -> Operation {
        if key < FIRST_REGISTER {
            Operation::List(key, values.cloned().unwrap_or_default())
        } else {
            Operation::Register(key, values.map(|values| values[0]))
        }
    }

    fn step(&mut self, client: usize, may_begin: bool, random: &mut Random) {
        self.now += 1;
        match self.open[client].take() {
            None if may_begin => self.open[client] = Some(self.begin(random)),
            None => {}
            Some(open) if open.left == 0 => self.end(open, random),
            Some(mut open) => {
                open.left -= 1;
                self.operate(&mut open, random);
                self.open[client] = Some(open);
            }
        }
    }

    fn begin(&self, random: &mut Random) -> Open {
        let mut seen = self.commits.len();
        if self.fault == Fault::StaleReads && seen > 1 && random.one_in(3) {
            seen -= 1;
        }
        Open {
            operations: Vec::new(),
            invoked: self.now,
            snapshot: self.commits[seen - 1].0.clone(),
            seen,
            reads: BTreeSet::new(),
            writes: State::new(),
            left: 1 + random.below(4),
        }
    }

    /// What a transaction finds at a key.
    fn view(&self, open: &Open, key: Key) -> Option<Vec<Value>> {
        let uncommitted = self
            .open
            .iter()
            .flatten()
            .find_map(|other| other.writes.get(&key));
        let own = open.writes.get(&key);
        let found = match self.fault {
            Fault::ReadCommitted => own.or_else(|| self.committed().get(&key)),
            Fault::ReadUncommitted => own.or(uncommitted).or_else(|| self.committed().get(&key)),
            _ => own.or_else(|| open.snapshot.get(&key)),
        };
        found.cloned()
    }

    fn operate(&mut self, open: &mut Open, random: &mut Random) {
        let keys = self.keys();
        let key = keys[random.below(keys.len() as u64) as usize];
        let before = self.view(open, key);
        open.reads.insert(key);
        if random.one_in(2) {
            open.operations.push(self.found(key, before.as_ref()));
            return;
        }
        self.value += 1;
        let mut values = before.unwrap_or_default();
        if key < FIRST_REGISTER {
            values.push(self.value);
            open.operations.push(Operation::Append(key, self.value));
        } else {
            values = vec![self.value];
            open.operations.push(Operation::Write(key, self.value));
        }
        open.writes.insert(key, values);
    }

    fn end(&mut self, open: Open, random: &mut Random) {
        let is_changed = |key: &Key| {
            self.commits[open.seen..]
                .iter()
                .any(|(_, keys)| keys.contains(key))
        };
        let has_lost = match self.fault {
            Fault::None | Fault::HalfCommits => {
                open.reads.iter().chain(open.writes.keys()).any(is_changed)
            }
            Fault::StaleReads => {
                !open.writes.is_empty()
                    && open.reads.iter().chain(open.writes.keys()).any(is_changed)
            }
            Fault::ReadsUnvalidated => open.writes.keys().any(is_changed),
            Fault::NothingValidated | Fault::ReadCommitted | Fault::ReadUncommitted => false,
        };
        let is_committed = !has_lost && !random.one_in(8);
        if is_committed && !open.writes.is_empty() {
            let mut state = self.committed().clone();
            let mut writes = open.writes.clone();
            if self.fault == Fault::HalfCommits && writes.len() > 1 && random.one_in(2) {
                writes.pop_last();
            }
            let keys = writes.keys().copied().collect();
            state.extend(writes);
            self.commits.push((state, keys));
        }
        self.done.push(Transaction {
            operations: open.operations,
            is_committed,
            invoked: open.invoked,
            completed: self.now,
        });
    }
}
