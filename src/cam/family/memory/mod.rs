//! 0x0A MEMORY: what was presented, how active it still is, and how long it stays.
//!
//! | file | holds |
//! |---|---|
//! | `kept` | what a node keeps of its presentations, and memories as rows, in Rust and in SQL |
//! | `active` | base levels, episodes, times to live |
//! | `recall` | what comes to mind: links, spreading activation, recall |
//! | `write` | memories that are made, presented, moved, forgotten |
//! | `consolidate` | near-duplicates that become one |

mod active;
mod consolidate;
mod kept;
mod recall;
mod write;

use ladybug_engine::fingerprint::BITS;
use ladybug_engine::space::address::ADDRESSES;

pub use self::kept::PRESENTED;

use super::super::range::Range;
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};

/// Longest time to live, seconds.
const SECONDS_MAX: i64 = 10_000_000_000;
/// Steps that activation spreads at most.
const DEPTH_MAX: i64 = 6;
/// The decay at which the base level has no integral any more is 1.
const DECAY_MAX: f64 = 0.99;

const X: Argument = Argument::new("x", Kind::Node);
const K: Argument = Argument::optional("k", Kind::Integer(0, ADDRESSES as i64));
const ACTR: &str = "ACT-R: Anderson 2007; base level by Petrov 2006, d = 0.5, times at least 1 s";

const MEMORY: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Bytes),
    Column::new("presentations", ColumnKind::Count),
    Column::new("lifetime", ColumnKind::Float),
    Column::new("activation", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const RECALLED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Bytes),
    Column::new("distance", ColumnKind::Distance),
    Column::new("base", ColumnKind::Float),
    Column::new("spreading", ColumnKind::Float),
    Column::new("mismatch", ColumnKind::Float),
    Column::new("activation", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const SPREAD: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("activation", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const EPISODE: &[Column] = &[
    Column::new("time", ColumnKind::Time),
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::nullable("value", ColumnKind::Bytes),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const MERGED: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("merged", ColumnKind::Count),
    Column::new("presentations", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x0A,
    name: "MEMORY",
    doc: "Memories as ACT-R has them: a node keeps how often it was presented, when first, and the latest ten times, in \
          its field memory:presented; one that was never presented counts as presented when it was made. From that \
          comes its base level, B = ln[Σ t^-d + (n-k)(L^(1-d) - t_k^(1-d))/((1-d)(L-t_k))]. Words of the surface are \
          no memories",
    operations: &[
        Operation {
            name: "REMEMBER",
            doc: "Keeps a text as a memory, with fields if they are given and for so many seconds if they are: a node \
                  without a name, which is presented for the first time",
            source: ACTR,
            arguments: &[
                Argument::new("text", Kind::Text),
                Argument::optional("fields", Kind::Fields),
                Argument::optional("seconds", Kind::Ttl(SECONDS_MAX)),
            ],
            columns: MEMORY,
            is_single: true,
            class: Class::Write(write::remember_sql),
            kernel: Kernel::Write(write::remember),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RECALL",
            doc: "The k memories (10 unless given) that something brings to mind most: by base level, plus what spreads \
                  from the context, less the mismatch, A = B + Σ W (S - ln fan) - P distance/5120, with P = 10. The context \
                  is the working memory, the live fluid nodes, which share W = 1; each gives to the nodes that edges join \
                  it with, S = 2 less the logarithm of their number. Asking presents nothing",
            source: ACTR,
            arguments: &[Argument::new("q", Kind::Query), K],
            columns: RECALLED,
            class: Class::Relational(recall::recall_sql),
            kernel: Kernel::Read(recall::recall),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FORGET",
            doc: "Removes a memory with its edges, and answers what it was",
            arguments: &[X],
            columns: MEMORY,
            is_single: true,
            class: Class::Write(write::forget_sql),
            kernel: Kernel::Write(write::forget),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TOUCH",
            doc: "Presents a memory once more, so that it is more active",
            source: ACTR,
            arguments: &[X],
            columns: MEMORY,
            is_single: true,
            class: Class::Write(write::rehearse_sql),
            kernel: Kernel::Write(write::rehearse),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ACTIVATION",
            doc: "How active a memory is: its base level, with how often it was presented and how many seconds ago first",
            source: ACTR,
            arguments: &[X],
            columns: MEMORY,
            is_single: true,
            class: Class::Relational(active::activation_sql),
            kernel: Kernel::Read(active::activation),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SPREAD",
            doc: "Where activation goes from a node in at most depth steps along edges, either way: each node hands half of \
                  what reaches it on to its neighbours in equal parts. The most active first, ties by address",
            source: "Anderson 1983, A spreading activation theory of memory",
            arguments: &[X, Argument::new("depth", Kind::Integer(0, DEPTH_MAX))],
            columns: SPREAD,
            class: Class::Relational(recall::spread_sql),
            kernel: Kernel::Read(recall::spread),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DECAY",
            doc: "All memories by their base level at another decay d, the most active first, ties by address, the first k if \
                  that is given: at 0 only how often they were presented counts, the nearer to 1 the more when",
            source: ACTR,
            arguments: &[Argument::new("d", Kind::Float(0.0, DECAY_MAX)), K],
            columns: MEMORY,
            class: Class::Relational(active::decay_sql),
            kernel: Kernel::Read(active::decay),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CRYSTALLIZE",
            doc: "Lets a memory stay: it never expires, and lives in the node zone",
            arguments: &[X],
            columns: MEMORY,
            is_single: true,
            class: Class::Write(write::crystallize_sql),
            kernel: Kernel::Write(write::crystallize),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EVAPORATE",
            doc: "Lets a memory expire in so many seconds: until then it lives in the fluid zone",
            arguments: &[X, Argument::new("seconds", Kind::Integer(1, SECONDS_MAX))],
            columns: MEMORY,
            is_single: true,
            class: Class::Write(write::evaporate_sql),
            kernel: Kernel::Write(write::evaporate),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PROMOTE",
            doc: "Lets every fluid memory stay whose base level is at least a threshold; answers those",
            source: ACTR,
            arguments: &[Argument::new(
                "threshold",
                Kind::Float(f64::NEG_INFINITY, f64::INFINITY),
            )],
            columns: MEMORY,
            class: Class::Write(write::promote_sql),
            kernel: Kernel::Write(write::promote),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DEMOTE",
            doc: "Lets every memory of the node zone expire that was not presented for so many seconds: in as many again, \
                  unless it is crystallized or promoted before; answers those",
            arguments: &[Argument::new("idle", Kind::Integer(1, SECONDS_MAX))],
            columns: MEMORY,
            class: Class::Write(write::demote_sql),
            kernel: Kernel::Write(write::demote),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TTL",
            doc: "In how many seconds a memory expires; nothing if it never does",
            arguments: &[X],
            columns: &[Column::nullable("seconds", ColumnKind::Float)],
            is_single: true,
            class: Class::Relational(active::ttl_sql),
            kernel: Kernel::Read(active::ttl),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONSOLIDATE",
            doc: "Merges near-duplicates: by id, a node goes into the first that is within so many bits of it and went \
                  nowhere itself. Edges then lead to and from that one, and keep their ids; presentations, kinds and evidence \
                  are pooled, truths revised where they share no evidence, fields added where they are new; what went is \
                  written down whole in its field memory:absorbed. Nodes with a parent or children stay. Answers what \
                  others went into",
            source: "Revision: Wang 2013, Non-Axiomatic Logic",
            arguments: &[Argument::new("radius", Kind::Integer(0, BITS as i64))],
            columns: MERGED,
            class: Class::Other(
                "Merge: edges, evidence, presentations, kinds, fields; one commit\n  Lead: by id, the first within the radius\n    Nodes: without parent or children",
            ),
            kernel: Kernel::Act(consolidate::consolidate),
            ..Operation::DEFAULT
        },
        Operation {
            name: "WORKING",
            doc: "The working memory: the live fluid nodes, the most active first, ties by address, the first k if that is given",
            source: ACTR,
            arguments: &[K],
            columns: MEMORY,
            class: Class::Relational(active::working_sql),
            kernel: Kernel::Read(active::working),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EPISODE",
            doc: "What was presented between two times, ends included: a row a presentation whose \
                  time is kept, which are the first and the latest ten of each memory; by time, then address",
            arguments: &[
                Argument::new("from", Kind::Time),
                Argument::new("to", Kind::Time),
            ],
            range: Range::Closed,
            columns: EPISODE,
            class: Class::Relational(active::episode_sql),
            kernel: Kernel::Read(active::episode),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REHEARSE",
            doc: "Presents memories once more, one after the other, in one commit",
            source: ACTR,
            arguments: &[X],
            repeats: Repeats::last(1),
            columns: MEMORY,
            class: Class::Write(write::rehearse_sql),
            kernel: Kernel::Write(write::rehearse),
            ..Operation::DEFAULT
        },
    ],
};
