//! 0x0D TEMPORAL: what was, and when things hold.
//!
//! | file | holds |
//! |---|---|
//! | `space` | the space as a whole: its version, checkpoints, forks |
//! | `past` | one node's past |
//! | `change` | what changed between two moments |
//! | `interval` | when nodes hold, and how that stands to each other |

mod change;
mod interval;
mod past;
mod space;

pub use past::field_text;

use super::super::range::Range;
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};

const X: Argument = Argument::new("x", Kind::Node);
const WAS: Argument = Argument::new("x", Kind::Past);
const FROM: Argument = Argument::new("from", Kind::Time);
const FORK: Argument = Argument::new("fork", Kind::Text);

const VERSION: &[Column] = &[
    Column::new("version", ColumnKind::Count),
    Column::nullable("committed", ColumnKind::Time),
    Column::new("oldest_version", ColumnKind::Count),
    Column::new("nodes", ColumnKind::Count),
    Column::new("edges", ColumnKind::Count),
];
const THEN: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Bytes),
    Column::nullable("properties", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("rung", ColumnKind::Count),
    Column::new("version", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const HISTORY: &[Column] = &[
    Column::new("version", ColumnKind::Count),
    Column::new("committed", ColumnKind::Time),
    Column::new("operation", ColumnKind::Text),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Bytes),
    Column::nullable("properties", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("rung", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const DIFF: &[Column] = &[
    Column::new("part", ColumnKind::Text),
    Column::nullable("before", ColumnKind::Text),
    Column::nullable("after", ColumnKind::Text),
    Column::nullable("bits", ColumnKind::Distance),
];
const CHANGED: &[Column] = &[
    Column::new("what", ColumnKind::Text),
    Column::nullable("id", ColumnKind::Count),
    Column::nullable("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("how", ColumnKind::Text),
];
const BLAME: &[Column] = &[
    Column::new("part", ColumnKind::Text),
    Column::new("value", ColumnKind::Text),
    Column::new("version", ColumnKind::Count),
    Column::new("committed", ColumnKind::Time),
];
const HOLDS: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("began", ColumnKind::Time),
    Column::nullable("ended", ColumnKind::Time),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const RELATED: &[Column] = &[
    Column::new("relation", ColumnKind::Text),
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("began", ColumnKind::Time),
    Column::nullable("ended", ColumnKind::Time),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const DURING: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("began", ColumnKind::Time),
    Column::nullable("ended", ColumnKind::Time),
    Column::new("is_within", ColumnKind::Boolean),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const TREND: &[Column] = &[
    Column::new("points", ColumnKind::Count),
    Column::nullable("slope", ColumnKind::Float),
    Column::nullable("intercept", ColumnKind::Float),
    Column::nullable("r2", ColumnKind::Float),
];
const REPLAY: &[Column] = &[
    Column::new("version", ColumnKind::Count),
    Column::new("committed", ColumnKind::Time),
    Column::new("operation", ColumnKind::Text),
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const MADE: &[Column] = &[
    Column::new("name", ColumnKind::Text),
    Column::new("version", ColumnKind::Count),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x0D,
    name: "TEMPORAL",
    doc: "Time: what the memory was, back to the oldest version that history has, and when nodes hold. A moment is a version, \
          or a time: then the version that was the newest. A node holds from its field `from`, or else its creation, up to and \
          without its field `to`, or else its expiry, or else for ever; both fields are times in ISO 8601, and a node whose end \
          is not after its beginning never holds. Words of the surface have no past and never hold",
    operations: &[
        Operation {
            name: "VERSION",
            doc: "The version that the space is at, when that was committed, the oldest version that can still be read, and \
                  how many nodes and edges there are",
            columns: VERSION,
            is_scoped: false,
            is_single: true,
            class: Class::Relational(space::version_sql),
            kernel: Kernel::Read(space::version),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ASOF",
            doc: "Time travel: a node as it was at an earlier moment, also one that was deleted since; version is that of the \
                  commit that had last changed it",
            arguments: &[WAS, Argument::new("v", Kind::Moment)],
            columns: THEN,
            is_single: true,
            class: Class::Relational(past::asof_sql),
            kernel: Kernel::Read(past::asof),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DIFF",
            doc: "What is different about a node between two moments, of which either may be the later: each part with its \
                  value before, at v1, and after, at v2; of the fingerprint how many bits differ, a value that is no text as \
                  that. A node that was made or went in between differs in its id too",
            arguments: &[
                WAS,
                Argument::new("v1", Kind::Moment),
                Argument::new("v2", Kind::Moment),
            ],
            columns: DIFF,
            class: Class::Relational(past::diff_sql),
            kernel: Kernel::Read(past::diff),
            ..Operation::DEFAULT
        },
        Operation {
            name: "HISTORY",
            doc: "The versions of a node, newest first: what each commit that changed it left, since it was made or came back; \
                  last, as base, what was there before the oldest commit that history has. Of a node that was deleted: those \
                  until then",
            arguments: &[WAS],
            columns: HISTORY,
            class: Class::Relational(past::history_sql),
            kernel: Kernel::Read(past::history),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CHECKPOINT",
            doc: "Keeps the space as it is now under a name, to come back to with ROLLBACK",
            arguments: &[Argument::new("name", Kind::Text)],
            columns: MADE,
            is_scoped: false,
            is_single: true,
            class: Class::Write(space::checkpoint_commands),
            kernel: Kernel::Act(space::checkpoint),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ROLLBACK",
            doc: "Undoes what was changed since a checkpoint of this space or since a version: brings everything back to what it \
                  was, as a new commit. Verbs that were defined since stay",
            arguments: &[Argument::new("to", Kind::Text)],
            columns: MADE,
            is_scoped: false,
            is_single: true,
            class: Class::Write(space::rollback_commands),
            kernel: Kernel::Act(space::rollback),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FORK",
            doc: "Begins a space of a new name as a copy of this one as it is, or was at a version: a what-if that changes without \
                  changing this one",
            arguments: &[
                Argument::new("name", Kind::Text),
                Argument::optional("v", Kind::Integer(0, i64::MAX)),
            ],
            columns: MADE,
            is_scoped: false,
            is_single: true,
            class: Class::Write(space::fork_commands),
            kernel: Kernel::Act(space::fork),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MERGE",
            doc: "Brings what a fork has changed back into the space that it was forked from, as one commit there. What both \
                  changed is refused, unless a policy decides: with merge different parts of a node and different bits of its \
                  given fingerprint both stay, with mine the fork's, with theirs the others'",
            arguments: &[
                FORK,
                Argument::optional("policy", Kind::Word(&space::POLICIES)),
            ],
            columns: MADE,
            is_scoped: false,
            is_single: true,
            class: Class::Write(space::merge_commands),
            kernel: Kernel::Act(space::merge),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CHANGED",
            doc: "What was created, changed or removed since a moment, until another or now: nodes and edges by id, an edge with \
                  its verb for a name; in scope surface the verbs that were defined",
            arguments: &[
                Argument::new("since", Kind::Moment),
                Argument::optional("until", Kind::Moment),
            ],
            range: Range::Closed,
            columns: CHANGED,
            class: Class::Relational(change::changed_sql),
            kernel: Kernel::Read(change::changed),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BLAME",
            doc: "Which commit wrote each part of a node and each of its fields as it is now: the first version since which it \
                  reads so; the oldest that history has where that is not known",
            arguments: &[X],
            columns: BLAME,
            class: Class::Relational(past::blame_sql),
            kernel: Kernel::Read(past::blame),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INTERVAL",
            doc: "Says when a node holds: from a time up to another, or for ever. Sets its fields from and to",
            arguments: &[X, FROM, Argument::optional("to", Kind::Time)],
            range: Range::HalfOpen,
            columns: HOLDS,
            is_single: true,
            class: Class::Write(interval::set_commands),
            kernel: Kernel::Write(interval::set),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ALLEN",
            doc: "How the interval of x stands to those of others, in one of Allen's thirteen relations: the rows that x is \
                  before, after, meets, overlaps and so on; with y, whether it is so to y. With any, whichever relation holds",
            source: "Allen 1983, Maintaining knowledge about temporal intervals",
            arguments: &[
                Argument::new("relation", Kind::Word(&interval::RELATIONS)),
                X,
                Argument::optional("y", Kind::Node),
            ],
            columns: RELATED,
            class: Class::Relational(interval::allen_sql),
            kernel: Kernel::Read(interval::allen),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DURING",
            doc: "The rows that hold at some time between two, the first to begin first, ties by address; and whether they hold \
                  only within it",
            arguments: &[FROM, Argument::new("to", Kind::Time)],
            range: Range::HalfOpen,
            columns: DURING,
            class: Class::Relational(interval::during_sql),
            kernel: Kernel::Read(interval::during),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TIMELINE",
            doc: "Nodes in the order in which they began, ties by their end and address, each once; all of the scope if none are \
                  given",
            arguments: &[X],
            repeats: Repeats::last(0),
            columns: HOLDS,
            class: Class::Relational(interval::timeline_sql),
            kernel: Kernel::Read(interval::timeline),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TREND",
            doc: "How a field of a node rises or falls over its history: the least-squares line through its numbers, a point a \
                  version; slope a second, intercept at the first of them, and the share of the variance that the line explains",
            source: "Ordinary least squares",
            arguments: &[WAS, Argument::new("field", Kind::Text)],
            columns: TREND,
            is_single: true,
            class: Class::Relational(past::trend_sql),
            kernel: Kernel::Read(past::trend),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REPLAY",
            doc: "What the commits after a moment and until another did to nodes, in the order in which they were made: \
                  inserted, updated, deleted",
            arguments: &[
                Argument::new("v1", Kind::Moment),
                Argument::new("v2", Kind::Moment),
            ],
            range: Range::Closed,
            columns: REPLAY,
            class: Class::Relational(change::replay_sql),
            kernel: Kernel::Read(change::replay),
            ..Operation::DEFAULT
        },
    ],
};
