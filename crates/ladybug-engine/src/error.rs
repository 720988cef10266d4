//! What can go wrong in the engine, each with what was expected, what came, and what to do.

use crate::space::address::Zone;
use crate::space::apply::Misfit;
use crate::space::fields::LIST_DEPTH_MAX;
use crate::space::verbs::is_verb_name;

/// Longest name of a node, bytes.
pub const NAME_BYTES_MAX: usize = 1024;

/// Something that others changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// Where: an address with a name if it has one, an edge, a range.
    pub place: String,
    /// The version that changed it.
    pub version: u64,
}

impl std::fmt::Display for Clash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} was changed by version {}", self.place, self.version)
    }
}

/// Why the engine refuses.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No free address.
    #[error("{zone} zone of space {space} holds {count} of {capacity} nodes; DEL some, SELECT another space, or see --eviction", capacity = zone.capacity())]
    ZoneFull {
        /// The zone.
        zone: Zone,
        /// The space's number or name.
        space: String,
        /// How many it holds.
        count: usize,
    },
    /// A name is too long.
    #[error("a name has at most {NAME_BYTES_MAX} bytes; got {0}")]
    NameTooLong(usize),
    /// A value is too long.
    #[error("a value has at most {most} bytes; got {got}")]
    ValueTooLong {
        /// The limit.
        most: usize,
        /// What came.
        got: usize,
    },
    /// A commit is too large for one log record.
    #[error("one commit changes at most {most} bytes; got {got}")]
    CommitTooLarge {
        /// The limit.
        most: usize,
        /// What came.
        got: usize,
    },
    /// A node that must be there is not.
    #[error("no such node '{0}'")]
    NoSuchNode(String),
    /// A name is in use.
    #[error("a node named '{0}' is there already")]
    NameTaken(String),
    /// An edge that must be there is not.
    #[error("no such edge {0}")]
    NoSuchEdge(String),
    /// A verb that nobody defined.
    #[error("no such verb '{0}'; {remedy}", remedy = remedy(.0))]
    NoSuchVerb(String),
    /// What cannot be a verb's name.
    #[error(
        "a verb is a word of letters, digits and _ - . :, of at most 128 bytes, that begins with a letter or _; got '{0}'"
    )]
    VerbSyntax(String),
    /// No open slot for another verb.
    #[error("all 112 open verb slots are taken: {0}")]
    VerbsFull(String),
    /// No open slot for another concept.
    #[error("all 128 open concept slots are taken: CAM.CONCEPTS lists them; a kind needs no slot")]
    ConceptsFull,
    /// A list in a list in a list, and so on.
    #[error("lists in a field nest at most {LIST_DEPTH_MAX} deep")]
    ListTooDeep,
    /// A field's date or time is none.
    #[error(
        "expected a date or time in its range: years up to 999,999,999, offsets up to 18 hours; nothing was changed"
    )]
    TemporalRange,
    /// A tree would be too deep.
    #[error("a tree is at most 255 levels deep")]
    TooDeep,
    /// A node would be its own ancestor.
    #[error("a node cannot be moved below itself")]
    Cycle,
    /// No more spaces.
    #[error("at most {0} spaces; use one of those that are there")]
    SpacesFull(usize),
    /// A space's name that cannot be one.
    #[error("a space is a number from 0 to {last} or a name of at most 128 bytes that is no number; got '{got}'", last = most - 1)]
    SpaceSyntax {
        /// Numbered spaces.
        most: usize,
        /// What came.
        got: String,
    },
    /// The log failed; nothing can be written.
    #[error("the server is read-only since its log failed: {0}")]
    ReadOnly(String),
    /// The log failed before a commit was durable.
    #[error("outcome unknown: the log failed before the commit was durable: {0}")]
    OutcomeUnknown(String),
    /// What held snapshots keep in memory passed its bound, and this one was the oldest.
    #[error(
        "writers replaced more than the {0} bytes of --snapshot-bytes while this read held its snapshot, the oldest; repeat it"
    )]
    SnapshotGone(u64),
    /// A version that history no longer has.
    #[error(
        "{asked} of space {space} is forgotten; the oldest left is version {oldest}, of {committed} µs; see --history-bytes and --history-age"
    )]
    VersionGone {
        /// What was asked for.
        asked: String,
        /// The space's number or name.
        space: String,
        /// The oldest version that can be read.
        oldest: u64,
        /// When it was committed, microseconds since the epoch.
        committed: i64,
    },
    /// A version that is yet to come.
    #[error("version {asked} is yet to come; the newest is {newest}")]
    VersionAhead {
        /// What was asked for.
        asked: u64,
        /// The newest.
        newest: u64,
    },
    /// A transaction that is over, or never was.
    #[error("no transaction '{0}': it was committed, aborted, idle for too long, or never begun")]
    NoTransaction(String),
    /// A transaction is used while a statement runs in it.
    #[error("a statement runs in transaction {0}; expected this once it has ended")]
    TransactionBusy(String),
    /// Too many transactions.
    #[error("{0} transactions are under way, the most there can be; DAG.COMMIT or DAG.ABORT some")]
    TransactionsFull(usize),
    /// A policy for conflicts that serializable transactions cannot have.
    #[error(
        "ON CONFLICT merge, mine and theirs need ISOLATION snapshot: a serializable transaction aborts"
    )]
    PolicyOfSerializable,
    /// A name that a space has.
    #[error("space '{0}' is there already; choose another name, or DAG.DROP it if it is a fork")]
    SpaceTaken(String),
    /// A space that was not forked from another.
    #[error("space '{0}' is no fork; DAG.FORK makes one")]
    NoFork(String),
    /// What a checkpoint cannot be called.
    #[error("expected a name that is no number, got '{0}'")]
    CheckpointName(String),
    /// A named space that is no more.
    #[error("space {0} was dropped; SELECT another")]
    SpaceGone(u32),
    /// A space that only stays what it is.
    #[error(
        "space '{0}' is a checkpoint, which nobody changes; DAG.FORK makes a copy of it that can be written"
    )]
    SpaceReadOnly(String),
    /// Others changed what a transaction or a fork changed, or read.
    #[error("{}; {hint}", clashes.iter().map(Clash::to_string).collect::<Vec<_>>().join(", "))]
    Conflict {
        /// What clashes, at least one.
        clashes: Vec<Clash>,
        /// What to do.
        hint: &'static str,
    },
    /// A change that the state cannot take.
    #[error("internal error: {0}")]
    Misfit(#[from] Misfit),
}

/// What to do about a verb that is not there.
fn remedy(verb: &str) -> String {
    match is_verb_name(verb) {
        true => format!("CAM.VERBS.DEFINE {verb} takes an open slot for it"),
        false => "CAM.VERBS lists those that are there, with their addresses".to_owned(),
    }
}
