//! 0x00 LANCE: fingerprints as a column.
//!
//! | file | holds |
//! |---|---|
//! | `read` | rows as they are, and figures about them |
//! | `nearest` | rows by their distance to something |
//! | `hybrid` | ranks by fingerprint and by words, fused |
//! | `pairs` | the self-join by distance |
//! | `cluster` | k-majority clustering, and sampling |
//! | `write` | rows that are made, changed, removed |

mod cluster;
mod hybrid;
mod nearest;
mod pairs;
mod read;
mod write;

pub use cluster::{drawn, mixed};
pub use nearest::{Wanted, hits, nearest_sql};
pub use read::{rows_at, rows_batch, stored};

use ladybug_engine::fingerprint::BITS;
use ladybug_engine::space::address::ADDRESSES;

use super::super::table::{Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation};

const X: Argument = Argument::new("x", Kind::Node);
const Q: Argument = Argument::new("q", Kind::Query);
const K: Argument = Argument::new("k", Kind::Integer(0, ADDRESSES as i64));
const NAME: Argument = Argument::new("name", Kind::Name);
const RADIUS: Argument = Argument::new("radius", Kind::Integer(0, BITS as i64));
const SEED: Argument = Argument::new("seed", Kind::Integer(0, i64::MAX));

const ID: Column = Column::nullable("id", ColumnKind::Count);
const ADDRESS: Column = Column::new("address", ColumnKind::Address);
const NAMED: Column = Column::nullable("name", ColumnKind::Text);
const DISTANCE: Column = Column::new("distance", ColumnKind::Distance);
const FINGERPRINT: Column = Column::new("fingerprint", ColumnKind::Fingerprint);

/// Rows without a distance.
const ROWS: &[Column] = &[ID, ADDRESS, NAMED, FINGERPRINT];
/// One row with what it says.
const WHOLE: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::nullable("value", ColumnKind::Bytes),
    Column::nullable("properties", ColumnKind::Text),
    FINGERPRINT,
];
/// Rows with their distance to something.
const NEAREST: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    DISTANCE,
    Column::new("similarity", ColumnKind::Float),
    Column::new("z", ColumnKind::Float),
    FINGERPRINT,
];
const HYBRID: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    DISTANCE,
    Column::new("words", ColumnKind::Count),
    Column::new("score", ColumnKind::Float),
    FINGERPRINT,
];
const PAIRS: &[Column] = &[
    Column::new("x", ColumnKind::Address),
    Column::new("y", ColumnKind::Address),
    Column::nullable("x_name", ColumnKind::Text),
    Column::nullable("y_name", ColumnKind::Text),
    DISTANCE,
];
const CLUSTERED: &[Column] = &[
    ID,
    ADDRESS,
    NAMED,
    Column::new("cluster", ColumnKind::Count),
    DISTANCE,
    FINGERPRINT,
];
const STATS: &[Column] = &[
    Column::new("rows", ColumnKind::Count),
    Column::new("sampled", ColumnKind::Count),
    Column::nullable("popcount_mean", ColumnKind::Float),
    Column::nullable("popcount_deviation", ColumnKind::Float),
    Column::nullable("distance_mean", ColumnKind::Float),
    Column::nullable("distance_deviation", ColumnKind::Float),
    Column::nullable("distance_min", ColumnKind::Distance),
    Column::nullable("distance_max", ColumnKind::Distance),
];
const VERSIONS: &[Column] = &[
    Column::new("name", ColumnKind::Text),
    Column::new("of", ColumnKind::Text),
    Column::new("version", ColumnKind::Count),
    Column::nullable("committed", ColumnKind::Time),
    Column::new("nodes", ColumnKind::Count),
    Column::new("edges", ColumnKind::Count),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x00,
    name: "LANCE",
    doc: "Fingerprints as a column: rows by address, by name, by distance",
    operations: &[
        Operation {
            name: "SCAN",
            doc: "The rows of a scope, by address",
            arguments: &[Argument::optional(
                "limit",
                Kind::Integer(0, ADDRESSES as i64),
            )],
            columns: ROWS,
            class: Class::Relational(read::scan_sql),
            kernel: Kernel::Read(read::scan),
            ..Operation::DEFAULT
        },
        Operation {
            name: "GET",
            doc: "One node with its value, its fields as JSON, and its fingerprint",
            arguments: &[X],
            columns: WHOLE,
            is_single: true,
            class: Class::Relational(read::get_sql),
            kernel: Kernel::Read(read::get),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INSERT",
            doc: "Makes a node of this name. Text becomes its value, which its fingerprint follows; another operand is \
                  the fingerprint that it keeps. With seconds to live it goes to the fluid zone, else to the node \
                  zone. The name must be free",
            arguments: &[
                NAME,
                Q,
                Argument::optional("seconds", Kind::Integer(1, 10_000_000_000)),
            ],
            columns: ROWS,
            is_single: true,
            class: Class::Write(write::insert_sql),
            kernel: Kernel::Write(write::insert),
            ..Operation::DEFAULT
        },
        Operation {
            name: "UPSERT",
            doc: "Makes a node of this name as INSERT does, or lets the one that is there say this instead: text \
                  replaces its value and fields, another operand its fingerprint",
            arguments: &[NAME, Q],
            columns: ROWS,
            is_single: true,
            class: Class::Write(write::upsert_sql),
            kernel: Kernel::Write(write::upsert),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DELETE",
            doc: "Removes a node with its edges, and answers what it was",
            arguments: &[X],
            columns: ROWS,
            is_single: true,
            class: Class::Write(write::delete_sql),
            kernel: Kernel::Write(write::delete),
            ..Operation::DEFAULT
        },
        Operation {
            name: "COUNT",
            doc: "How many rows a scope has",
            columns: &[Column::new("count", ColumnKind::Count)],
            is_single: true,
            class: Class::Relational(read::count_sql),
            kernel: Kernel::Read(read::count),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TOPK",
            doc: "The k rows nearest to q: exactly those of least distance, nearest first, ties by address",
            arguments: &[Q, K],
            columns: NEAREST,
            class: Class::Relational(nearest::top_k_sql),
            kernel: Kernel::Read(nearest::top_k),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RANGE",
            doc: "All rows within a radius of q, in bits: nearest first, ties by address",
            arguments: &[Q, RADIUS],
            columns: NEAREST,
            class: Class::Relational(nearest::range_sql),
            kernel: Kernel::Read(nearest::range),
            ..Operation::DEFAULT
        },
        Operation {
            name: "HYBRID",
            doc: "The k best rows by fingerprint and by words together: a row scores 1/(60 + its rank by distance to \
                  q), and, if its name, value or fields have any of the words, 1/(60 + its rank by how many); rows with equally many words \
                  share a rank",
            source: "Reciprocal rank fusion: Cormack, Clarke & Buettcher 2009, with k = 60",
            arguments: &[Q, K, Argument::new("words", Kind::Text)],
            columns: HYBRID,
            class: Class::Relational(hybrid::sql),
            kernel: Kernel::Read(hybrid::rows),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FILTER",
            doc: "The k nearest to q of the rows for which a condition in SQL holds",
            arguments: &[Q, K, Argument::new("predicate", Kind::Predicate)],
            columns: NEAREST,
            class: Class::Relational(nearest::filter_sql),
            kernel: Kernel::Read(nearest::filter),
            ..Operation::DEFAULT
        },
        Operation {
            name: "NEAR",
            doc: "The k rows nearest to a stored node, without itself",
            arguments: &[X, K],
            columns: NEAREST,
            class: Class::Relational(nearest::near_sql),
            kernel: Kernel::Read(nearest::near),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PAIRS",
            doc: "All pairs of rows within a radius of each other, in bits: nearest first, then by addresses, of which \
                  the lower is x",
            arguments: &[RADIUS],
            columns: PAIRS,
            class: Class::Relational(pairs::sql),
            kernel: Kernel::Read(pairs::rows),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CLUSTER",
            doc: "The rows in k clusters, each with the number of its cluster and its distance to that one's \
                  majority: k-means with the majority for the mean, from k rows that the seed chooses; at most 64 \
                  rounds, ties to the lower number",
            source: "Lloyd 1982, with the median of Hamming space for the mean",
            arguments: &[Argument::new("k", Kind::Integer(1, ADDRESSES as i64)), SEED],
            columns: CLUSTERED,
            class: Class::Other(
                "KMajority: until nothing moves, at most 64 rounds\n  Sample: k rows by seed\n    Scan: fingerprints of the scope",
            ),
            kernel: Kernel::Read(cluster::cluster),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SAMPLE",
            doc: "n rows, each set of n as likely as any other; for the same seed and rows the same. Fewer if there are \
                  fewer",
            source: "Fisher & Yates 1938, from the seed by SplitMix64",
            arguments: &[Argument::new("n", Kind::Integer(0, ADDRESSES as i64)), SEED],
            columns: ROWS,
            class: Class::Other("Sample: n rows by seed\n  Scan: the scope"),
            kernel: Kernel::Read(cluster::sample),
            ..Operation::DEFAULT
        },
        Operation {
            name: "STATS",
            doc: "How many rows there are, and of a sample of at most 256, evenly spread over the addresses, how many \
                  bits are set and how far any two are apart: means, standard deviations, least and most",
            columns: STATS,
            is_single: true,
            class: Class::Relational(read::stats_sql),
            kernel: Kernel::Read(read::stats),
            ..Operation::DEFAULT
        },
        Operation {
            name: "VERSIONS",
            doc: "The checkpoints that have a name, of all spaces",
            columns: VERSIONS,
            is_scoped: false,
            class: Class::Relational(|_| {
                "SELECT name, \"of\", version, committed, nodes, edges FROM checkpoints ORDER BY name".to_owned()
            }),
            kernel: Kernel::Read(read::versions),
            ..Operation::DEFAULT
        },
    ],
};
