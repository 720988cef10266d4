//! Strict serializability by trying: a whole transaction is one call on all keys, and a history of such calls that is
//! linearizable is strictly serializable. For small histories, of which it decides also what no dependency tells: in
//! which order registers were written that nobody read between.

use std::collections::BTreeMap;

use super::history::{Key, Operation, Transaction, Value};
use super::search::{Call, is_linearizable};

/// Whether the committed transactions of a history can have run one after another, each while it was under way.
pub fn is_strictly_serializable(history: &[Transaction]) -> bool {
    let committed: Vec<_> = history.iter().filter(|one| one.is_committed).collect();
    is_linearizable(&committed)
}

impl Call for &Transaction {
    type State = BTreeMap<Key, Vec<Value>>;

    fn apply(&self, state: &Self::State) -> Option<Self::State> {
        let mut state = state.clone();
        for operation in &self.operations {
            let is_right = match operation {
                Operation::Append(key, value) => {
                    state.entry(*key).or_default().push(*value);
                    true
                }
                Operation::Write(key, value) => {
                    state.insert(*key, vec![*value]);
                    true
                }
                Operation::List(key, values) => {
                    state.get(key).map_or(&[][..], |found| found) == *values
                }
                Operation::Register(key, value) => state.get(key).map(|found| found[0]) == *value,
            };
            if !is_right {
                return None;
            }
        }
        Some(state)
    }

    fn invoked(&self) -> u64 {
        self.invoked
    }

    fn completed(&self) -> u64 {
        self.completed
    }
}
