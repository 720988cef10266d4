//! Where rows go, and how far a load has come.

use super::LoadError;
use super::row::{Edge, Row};

/// One step of a load.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// A node, made or overwritten.
    Node(&'a Row),
    /// An edge between nodes that are there.
    Edge(&'a Edge<'a>),
}

/// How far a load has come, kept as fields of its progress node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Digest of input and options.
    pub source: String,
    /// How many nodes there was room for at the start.
    pub capacity: usize,
    /// Steps done.
    pub done: usize,
}

impl Progress {
    /// The names of the fields.
    pub const FIELDS: [&str; 3] = ["source", "capacity", "done"];

    /// The fields, in the order of their names.
    pub fn fields(&self) -> [(&'static str, String); 3] {
        let values = [
            self.source.clone(),
            self.capacity.to_string(),
            self.done.to_string(),
        ];
        let mut values = values.into_iter();
        Self::FIELDS.map(|name| (name, values.next().expect("a value a name")))
    }

    /// The progress that these fields say, if they say one.
    pub fn of_fields([source, capacity, done]: [Option<String>; 3]) -> Option<Self> {
        Some(Self {
            source: source?,
            capacity: capacity?.parse().ok()?,
            done: done?.parse().ok()?,
        })
    }
}

/// A running server or a data directory.
pub trait Target {
    /// How far an earlier load came that was not finished.
    fn progress(&mut self, name: &str) -> Result<Option<Progress>, LoadError>;
    /// How many more nodes the space takes, the progress node not counted.
    fn capacity(&mut self) -> Result<usize, LoadError>;
    /// Makes sure that the verbs are there.
    fn define_verbs(&mut self, verbs: &[String]) -> Result<(), LoadError>;
    /// Does a batch of steps and notes the progress, as one commit.
    fn put(&mut self, batch: &[Step<'_>], name: &str, progress: &Progress)
    -> Result<(), LoadError>;
    /// Removes the progress node.
    fn finish(&mut self, name: &str) -> Result<(), LoadError>;
}
