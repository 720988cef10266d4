//! Clients on real connections, each with random transactions one after another, and the recorder of what they saw.
//!
//! A list is a node whose value is its elements, each with a comma after it. Few keys are in use at a time, so that
//! transactions meet; after a while they are replaced by new ones, so that lists stay short.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use super::super::differential::client::{Client, Value as Reply};
use super::checker::Level;
use super::history::{Key, Operation, Transaction, Value};
use super::random::Random;

/// Keys in use at a time, of each kind.
const KEYS: u32 = 3;
/// Transactions begun before the keys are replaced.
const TRANSACTIONS_A_GENERATION: u32 = 60;
const OPERATIONS_MAX: u64 = 4;
/// Registers have numbers of their own.
const FIRST_REGISTER: Key = 1 << 16;

/// By which commands transactions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// DAG.BEGIN to DAG.COMMIT: lists, registers and scans.
    Dag(Level),
    /// MULTI and EXEC with APPEND and GET, over two spaces.
    Multi,
    /// WATCH and GET before MULTI and EXEC, which must not see what was read changed; over two spaces.
    Watch,
}

/// What all clients share: the clock, and the numbers that are given out.
struct Recorder {
    start: Instant,
    values: AtomicU32,
    begun: AtomicU32,
}

impl Recorder {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).expect("tests are short")
    }

    fn next_value(&self) -> Value {
        self.values.fetch_add(1, Ordering::Relaxed)
    }
}

/// Runs so many transactions on so many clients; answers all, with one at the end that reads everything alone.
pub fn run(
    port: u16,
    protocol: Protocol,
    clients: u64,
    transactions: usize,
    seed: u64,
) -> Vec<Transaction> {
    let recorder = Recorder {
        start: Instant::now(),
        values: AtomicU32::new(1),
        begun: AtomicU32::new(0),
    };
    let mut history: Vec<Transaction> = thread::scope(|scope| {
        let workers: Vec<_> = (0..clients)
            .map(|number| {
                let mut worker = Worker {
                    client: Client::open(port),
                    recorder: &recorder,
                    protocol,
                    random: Random(seed.wrapping_add(number << 48)),
                };
                scope.spawn(move || worker.run(transactions / clients as usize))
            })
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<Transaction>>| {
            worker.join().expect("no panic")
        };
        workers.into_iter().flat_map(join).collect()
    });
    let mut reader = Worker {
        client: Client::open(port),
        recorder: &recorder,
        protocol,
        random: Random(seed),
    };
    let last = reader.read_all(&history);
    history.push(last);
    history
}

struct Worker<'a> {
    client: Client,
    recorder: &'a Recorder,
    protocol: Protocol,
    random: Random,
}

impl Worker<'_> {
    fn run(&mut self, transactions: usize) -> Vec<Transaction> {
        (0..transactions).map(|_| self.transaction()).collect()
    }

    fn transaction(&mut self) -> Transaction {
        let invoked = self.recorder.now();
        let mut operations = Vec::new();
        let is_committed = match self.protocol {
            Protocol::Dag(level) => self.dag(level, &mut operations),
            Protocol::Multi => self.multi(&[], &mut operations),
            Protocol::Watch => self.watch(&mut operations),
        };
        Transaction {
            operations,
            is_committed,
            invoked,
            completed: self.recorder.now(),
        }
    }

    fn call(&mut self, words: &[&str]) -> Reply {
        self.client.call(words)
    }

    fn expect(&mut self, words: &[&str], expected: &Reply) {
        let reply = self.call(words);
        assert_eq!(reply, *expected, "{words:?}");
    }

    /// The lists in use now.
    fn lists(&self) -> impl Iterator<Item = Key> {
        let begun = self.recorder.begun.load(Ordering::Relaxed);
        let first = begun / TRANSACTIONS_A_GENERATION * KEYS;
        first..first + KEYS
    }

    fn pick(&mut self) -> Key {
        let at = self.random.below(u64::from(KEYS)) as usize;
        self.lists().nth(at).expect("it is one of them")
    }

    fn dag(&mut self, level: Level, operations: &mut Vec<Operation>) -> bool {
        let isolation = match level {
            Level::Serializable => "serializable",
            Level::Snapshot => "snapshot",
        };
        let id = text(self.call(&["DAG.BEGIN", "ISOLATION", isolation])).expect("an id");
        self.recorder.begun.fetch_add(1, Ordering::Relaxed);
        for _ in 0..=self.random.below(OPERATIONS_MAX) {
            match self.random.below(10) {
                0..4 => {
                    let key = self.pick();
                    let before = text(self.call(&["DAG.READ", &id, &name(key)]));
                    operations.push(Operation::List(key, list(before.as_deref())));
                }
                4..7 => {
                    let (key, value) = (self.pick(), self.recorder.next_value());
                    let before = text(self.call(&["DAG.READ", &id, &name(key)]));
                    operations.push(Operation::List(key, list(before.as_deref())));
                    let after = format!("{}{value},", before.unwrap_or_default());
                    self.expect(&["DAG.WRITE", &id, &name(key), &after], &ok());
                    operations.push(Operation::Append(key, value));
                }
                7 => {
                    let key = FIRST_REGISTER + self.pick();
                    let found = text(self.call(&["DAG.READ", &id, &name(key)]));
                    operations.push(Operation::Register(key, found.map(|found| number(&found))));
                }
                8 => {
                    let (key, value) = (FIRST_REGISTER + self.pick(), self.recorder.next_value());
                    self.expect(&["DAG.WRITE", &id, &name(key), &value.to_string()], &ok());
                    operations.push(Operation::Write(key, value));
                }
                _ => self.scan(&id, operations),
            }
        }
        if self.random.one_in(16) {
            self.expect(&["DAG.ABORT", &id], &ok());
            return false;
        }
        match self.call(&["DAG.COMMIT", &id]) {
            Reply::Integer(_) => true,
            Reply::Error(error) if error.starts_with("CONFLICT ") => false,
            other => panic!("DAG.COMMIT answers {other:?}"),
        }
    }

    /// A scan shows also which of the lists and registers in use are not there.
    fn scan(&mut self, id: &str, operations: &mut Vec<Operation>) {
        let in_use: Vec<Key> = self.lists().collect();
        let Reply::Array(rows) = self.call(&["DAG.SCAN", id, "node"]) else {
            panic!("DAG.SCAN answers no rows");
        };
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for row in rows {
            let Reply::Array(columns) = row else {
                panic!("{row:?} is no row");
            };
            let [name, _, value] =
                <[Reply; 3]>::try_from(columns).expect("name, address and value");
            found.insert(text(name).expect("a name"), text(value).expect("a value"));
        }
        for key in in_use {
            let elements = found.get(&name(key)).map(String::as_str);
            operations.push(Operation::List(key, list(elements)));
            let key = FIRST_REGISTER + key;
            let value = found.get(&name(key)).map(|value| number(value));
            operations.push(Operation::Register(key, value));
        }
    }

    /// Appends and reads in a MULTI block. What it appends to is one of `watched`, if there are any.
    fn multi(&mut self, watched: &[Key], operations: &mut Vec<Operation>) -> bool {
        self.expect(&["MULTI"], &ok());
        self.recorder.begun.fetch_add(1, Ordering::Relaxed);
        let mut queued = Vec::new();
        for _ in 0..=self.random.below(OPERATIONS_MAX) {
            let is_append = self.random.one_in(2);
            let key = match self.random.below(watched.len().max(1) as u64) {
                at if is_append && !watched.is_empty() => watched[at as usize],
                _ => self.pick(),
            };
            let space = space(key);
            self.expect(&["SELECT", space], &Reply::Simple("QUEUED".into()));
            if is_append {
                let value = self.recorder.next_value();
                let element = format!("{value},");
                self.expect(
                    &["APPEND", &name(key), &element],
                    &Reply::Simple("QUEUED".into()),
                );
                queued.push(Operation::Append(key, value));
            } else {
                self.expect(&["GET", &name(key)], &Reply::Simple("QUEUED".into()));
                queued.push(Operation::List(key, Vec::new()));
            }
        }
        let replies = match self.call(&["EXEC"]) {
            Reply::Array(replies) => replies,
            Reply::Nil if !watched.is_empty() => {
                operations.extend(
                    queued
                        .into_iter()
                        .filter(|one| matches!(one, Operation::Append(..))),
                );
                return false;
            }
            other => panic!("EXEC answers {other:?}"),
        };
        assert_eq!(replies.len(), 2 * queued.len());
        for (operation, reply) in queued
            .into_iter()
            .zip(replies.into_iter().skip(1).step_by(2))
        {
            operations.push(match operation {
                Operation::List(key, _) => Operation::List(key, list(text(reply).as_deref())),
                other => other,
            });
        }
        true
    }

    /// Reads two lists before the block, which is then executed only if they are still the same.
    fn watch(&mut self, operations: &mut Vec<Operation>) -> bool {
        let watched = [self.pick(), self.pick()];
        for key in watched {
            self.expect(&["SELECT", space(key)], &ok());
            self.expect(&["WATCH", &name(key)], &ok());
        }
        for key in watched {
            self.expect(&["SELECT", space(key)], &ok());
            let found = text(self.call(&["GET", &name(key)]));
            operations.push(Operation::List(key, list(found.as_deref())));
        }
        self.multi(&watched, operations)
    }

    /// All lists and registers of a history, read when nobody else is there.
    fn read_all(&mut self, history: &[Transaction]) -> Transaction {
        let invoked = self.recorder.now();
        let all = history
            .iter()
            .flat_map(|transaction| &transaction.operations);
        let keys: BTreeSet<Key> = all
            .filter_map(|operation| match operation {
                Operation::Append(key, _) | Operation::Write(key, _) => Some(*key),
                Operation::List(..) | Operation::Register(..) => None,
            })
            .collect();
        let mut operations = Vec::new();
        for key in keys {
            if !matches!(self.protocol, Protocol::Dag(_)) {
                self.expect(&["SELECT", space(key)], &ok());
            }
            let found = text(self.call(&["GET", &name(key)]));
            operations.push(if key < FIRST_REGISTER {
                Operation::List(key, list(found.as_deref()))
            } else {
                Operation::Register(key, found.map(|found| number(&found)))
            });
        }
        Transaction {
            operations,
            is_committed: true,
            invoked,
            completed: self.recorder.now(),
        }
    }
}

fn ok() -> Reply {
    Reply::Simple("OK".into())
}

fn text(reply: Reply) -> Option<String> {
    match reply {
        Reply::Bulk(bytes) => Some(String::from_utf8(bytes).expect("it is text")),
        Reply::Nil => None,
        other => panic!("{other:?} is no value"),
    }
}

fn name(key: Key) -> String {
    if key < FIRST_REGISTER {
        format!("list:{key}")
    } else {
        format!("register:{key}")
    }
}

/// Lists take turns in two spaces, where a transaction can work in several.
fn space(key: Key) -> &'static str {
    ["0", "1"][key as usize % 2]
}

fn number(text: &str) -> Value {
    text.parse().expect("a number that was written")
}

fn list(text: Option<&str>) -> Vec<Value> {
    text.unwrap_or_default()
        .split_terminator(',')
        .map(number)
        .collect()
}
