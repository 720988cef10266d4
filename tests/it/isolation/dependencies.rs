//! Who depends on whom, from what was read: Adya's direct dependencies ("Weak Consistency: A Generalized Theory and
//! Optimistic Implementations for Distributed Transactions", 1999, §3.1), and what was read that nobody may read.
//!
//! Lists show their whole past: the longest that anybody read is the order of a key's versions, as Kingsbury and
//! Alvaro found ("Elle: Inferring Isolation Anomalies from Experimental Observations", 2020). Of registers only
//! those versions are ordered that one transaction read and then replaced.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::{Key, Operation, Transaction, Value};

/// Why one transaction comes before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dependency {
    /// It wrote the version that the other replaced: a write dependency (ww).
    Overwritten,
    /// It wrote the version that the other read: a read dependency (wr).
    Read,
    /// It read the version that the other replaced: an anti-dependency (rw).
    Missed,
    /// It was over before the other began.
    RealTime,
}

/// Something that needs no cycle to be wrong: its name, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    pub name: String,
    pub explanation: String,
}

/// The dependencies between the transactions of a history, by their index. Those that aborted have none.
#[derive(Default)]
pub struct Dependencies {
    pub edges: Vec<(usize, usize, Dependency)>,
    pub anomalies: Vec<Anomaly>,
}

/// Who wrote a value, and whether it is the last that they wrote to that key.
#[derive(Clone, Copy)]
struct Writer {
    transaction: usize,
    is_final: bool,
}

/// A version that a committed transaction read, and was not its own.
struct External {
    reader: usize,
    key: Key,
    /// The list, or the register's value as a list of one.
    values: Vec<Value>,
}

struct Analysis<'a> {
    history: &'a [Transaction],
    writers: HashMap<(Key, Value), Writer>,
    found: Dependencies,
}

/// Finds all that follows from the reads of a history.
pub fn dependencies(history: &[Transaction]) -> Dependencies {
    let mut analysis = Analysis {
        history,
        writers: writers(history),
        found: Dependencies::default(),
    };
    let (mut lists, mut registers) = (Vec::new(), Vec::new());
    let mut replacements = Vec::new();
    for (index, transaction) in history.iter().enumerate() {
        if transaction.is_committed {
            analysis.read(index, &mut lists, &mut registers, &mut replacements);
        }
    }
    analysis.order_lists(&lists);
    analysis.order_registers(&registers, &replacements);
    let edges = &mut analysis.found.edges;
    edges.retain(|(from, to, _)| from != to);
    let mut seen = HashSet::new();
    edges.retain(|edge| seen.insert(*edge));
    analysis.found
}

fn writers(history: &[Transaction]) -> HashMap<(Key, Value), Writer> {
    let mut writers = HashMap::new();
    for (index, transaction) in history.iter().enumerate() {
        let mut last = HashMap::new();
        for operation in &transaction.operations {
            let (Operation::Append(key, value) | Operation::Write(key, value)) = operation else {
                continue;
            };
            let writer = Writer {
                transaction: index,
                is_final: false,
            };
            let before = writers.insert((*key, *value), writer);
            assert!(before.is_none(), "{value} is written to {key} twice");
            last.insert(*key, *value);
        }
        for written in last {
            writers.get_mut(&written).expect("just written").is_final = true;
        }
    }
    writers
}

impl Analysis<'_> {
    fn report(&mut self, name: &str, reader: usize, what: &str) {
        self.found.anomalies.push(Anomaly {
            name: name.to_owned(),
            explanation: format!("{what}\n  T{reader} {}", self.history[reader]),
        });
    }

    fn depend(&mut self, from: usize, to: usize, dependency: Dependency) {
        if self.history[from].is_committed && self.history[to].is_committed {
            self.found.edges.push((from, to, dependency));
        }
    }

    /// Judges the reads of a transaction by its own operations, and sorts those of others' versions.
    fn read(
        &mut self,
        index: usize,
        lists: &mut Vec<External>,
        registers: &mut Vec<External>,
        replacements: &mut Vec<External>,
    ) {
        let history = self.history;
        // What each key must be, of what this transaction has read or written itself.
        let mut known: HashMap<Key, Vec<Value>> = HashMap::new();
        // What it appended to lists that it has not read.
        let mut own: HashMap<Key, Vec<Value>> = HashMap::new();
        let mut replaced = HashSet::new();
        for operation in &history[index].operations {
            let (key, values, is_list) = match operation {
                Operation::Append(key, value) => {
                    let of = if known.contains_key(key) {
                        &mut known
                    } else {
                        &mut own
                    };
                    of.entry(*key).or_default().push(*value);
                    continue;
                }
                Operation::Write(key, value) => {
                    let is_first = replaced.insert(*key);
                    if let Some(before) = known.insert(*key, vec![*value])
                        && is_first
                    {
                        replacements.push(External {
                            reader: index,
                            key: *key,
                            values: before,
                        });
                    }
                    continue;
                }
                Operation::List(key, values) => (*key, values.clone(), true),
                Operation::Register(key, value) => (*key, value.iter().copied().collect(), false),
            };
            if let Some(expected) = known.get(&key) {
                if *expected != values {
                    let what = format!("{key} is {values:?} to whom it must be {expected:?}");
                    self.report("internal", index, &what);
                }
                continue;
            }
            let own = own.remove(&key).unwrap_or_default();
            let Some(external) = values.strip_suffix(&*own) else {
                let what = format!("{key} is {values:?} to who has appended {own:?}");
                self.report("internal", index, &what);
                continue;
            };
            let external = External {
                reader: index,
                key,
                values: external.to_vec(),
            };
            known.insert(key, values);
            if self.is_allowed(&external) {
                let reads = if is_list {
                    &mut *lists
                } else {
                    &mut *registers
                };
                reads.push(external);
            }
        }
    }

    /// Whether everything that was read was there to be read.
    fn is_allowed(&mut self, read: &External) -> bool {
        let key = read.key;
        for value in &read.values {
            let Some(writer) = self.writers.get(&(key, *value)) else {
                self.report(
                    "garbage",
                    read.reader,
                    &format!("nobody wrote {value} to {key}"),
                );
                return false;
            };
            let writer = writer.transaction;
            if writer == read.reader {
                let what = format!("{value} is in {key} before it is written");
                self.report("internal", read.reader, &what);
                return false;
            }
            if !self.history[writer].is_committed {
                let what = format!("{value} in {key} is of T{writer}, which aborted");
                self.report("G1a", read.reader, &what);
                return false;
            }
        }
        if let Some(last) = read.values.last()
            && !self.writers[&(key, *last)].is_final
        {
            let writer = self.writers[&(key, *last)].transaction;
            let what = format!("{last} in {key} is not the last that T{writer} wrote there");
            self.report("G1b", read.reader, &what);
            return false;
        }
        true
    }

    fn writer(&self, key: Key, value: Value) -> usize {
        self.writers[&(key, value)].transaction
    }

    fn order_lists(&mut self, reads: &[External]) {
        let mut orders: BTreeMap<Key, &External> = BTreeMap::new();
        for read in reads {
            let longest = orders.entry(read.key).or_insert(read);
            if read.values.len() > longest.values.len() {
                *longest = read;
            }
        }
        // Appends that no read shows come after all that one does.
        let mut unseen: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, transaction) in self.history.iter().enumerate() {
            for operation in &transaction.operations {
                if let Operation::Append(key, value) = operation
                    && let Some(order) = orders.get(key)
                    && transaction.is_committed
                    && !order.values.contains(value)
                {
                    unseen.entry(*key).or_default().push(index);
                }
            }
        }
        for (key, longest) in &orders {
            let order = &longest.values;
            if let Some(value) = order
                .iter()
                .find(|one| order.iter().filter(|other| other == one).count() > 1)
            {
                self.report(
                    "duplicate",
                    longest.reader,
                    &format!("{value} is in {key} twice"),
                );
            }
            for pair in order.windows(2) {
                let (from, to) = (self.writer(*key, pair[0]), self.writer(*key, pair[1]));
                self.depend(from, to, Dependency::Overwritten);
            }
            if let Some(last) = order.last() {
                let last = self.writer(*key, *last);
                for writer in unseen.get(key).into_iter().flatten() {
                    self.depend(last, *writer, Dependency::Overwritten);
                }
            }
        }
        for read in reads {
            let order = &orders[&read.key].values;
            if !order.starts_with(&read.values) {
                let what = format!("{} was also read as {order:?}", read.key);
                self.report("incompatible order", read.reader, &what);
                continue;
            }
            if let Some(last) = read.values.last() {
                let writer = self.writer(read.key, *last);
                self.depend(writer, read.reader, Dependency::Read);
            }
            match order.get(read.values.len()) {
                Some(next) => {
                    let writer = self.writer(read.key, *next);
                    self.depend(read.reader, writer, Dependency::Missed);
                }
                None => {
                    for writer in unseen.get(&read.key).into_iter().flatten() {
                        self.depend(read.reader, *writer, Dependency::Missed);
                    }
                }
            }
        }
    }

    /// `replacements` are the versions that a transaction read, or wrote itself, before it wrote another.
    fn order_registers(&mut self, reads: &[External], replacements: &[External]) {
        let mut replacers: HashMap<(Key, Option<Value>), Vec<usize>> = HashMap::new();
        for replaced in replacements {
            let value = replaced.values.last().copied();
            let key = (replaced.key, value);
            let others = replacers.entry(key).or_default();
            others.push(replaced.reader);
            if let [.., other, _] = others[..] {
                let what = format!("{value:?} in {} was replaced by T{other} too", replaced.key);
                self.report("lost update", replaced.reader, &what);
            }
            if let Some(value) = value
                && let Some(writer) = self.writers.get(&(replaced.key, value))
            {
                self.depend(writer.transaction, replaced.reader, Dependency::Overwritten);
            }
        }
        // Every written version comes after there was none.
        for (index, transaction) in self.history.iter().enumerate() {
            for operation in &transaction.operations {
                if let Operation::Write(key, _) = operation {
                    replacers.entry((*key, None)).or_default().push(index);
                }
            }
        }
        for read in reads {
            let value = read.values.last().copied();
            if let Some(value) = value {
                let writer = self.writer(read.key, value);
                self.depend(writer, read.reader, Dependency::Read);
            }
            for replacer in replacers.get(&(read.key, value)).into_iter().flatten() {
                self.depend(read.reader, *replacer, Dependency::Missed);
            }
        }
    }
}
