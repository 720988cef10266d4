//! What clients saw: transactions with what they read and wrote, whether they committed, and when.

use std::fmt;

/// A list or a register. No key is both.
pub type Key = u32;
/// Written once at most in a history, so that whoever reads it is known to have read from its writer.
pub type Value = u32;

/// One thing that a transaction did, with what it found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Put a value at the end of a list.
    Append(Key, Value),
    /// Found a list to be this; a list that does not exist is empty.
    List(Key, Vec<Value>),
    /// Set a register.
    Write(Key, Value),
    /// Found a register to be this. Registers are never deleted.
    Register(Key, Option<Value>),
}

/// A transaction that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// In the order in which they were done.
    pub operations: Vec<Operation>,
    /// Whether the server said that it is committed. If it did not, it said that it is not: there are no doubts.
    pub is_committed: bool,
    /// Before its first request was sent. Any clock does that all clients share.
    pub invoked: u64,
    /// After its last reply came.
    pub completed: u64,
}

impl fmt::Display for Transaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}..{}]", self.invoked, self.completed)?;
        for operation in &self.operations {
            match operation {
                Operation::Append(key, value) => write!(formatter, " append({key}, {value})")?,
                Operation::List(key, values) => write!(formatter, " list({key}) = {values:?}")?,
                Operation::Write(key, value) => write!(formatter, " write({key}, {value})")?,
                Operation::Register(key, Some(value)) => {
                    write!(formatter, " read({key}) = {value}")?;
                }
                Operation::Register(key, None) => write!(formatter, " read({key}) = nothing")?,
            }
        }
        let end = if self.is_committed { "commit" } else { "abort" };
        write!(formatter, " {end}")
    }
}
