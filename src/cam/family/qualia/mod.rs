//! 0x09 QUALIA: what nodes feel like, in eight dimensions.
//!
//! | file | holds |
//! |---|---|
//! | `felt` | rows with their dimensions, ordered, between bounds, near each other |
//! | `emotion` | named emotions and where they lie |
//! | `write` | qualia that are set, blended, shifted, decayed |

mod emotion;
mod felt;
mod write;

use ladybug_engine::space::address::ADDRESSES;
use ladybug_engine::space::marks::Qualia;

use super::super::range::Range;
use super::super::table::{Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation};

const X: Argument = Argument::new("x", Kind::Node);
const Y: Argument = Argument::new("y", Kind::Node);
const V8: Argument = Argument::new("qualia", Kind::Qualia);
const K: Argument = Argument::new("k", Kind::Integer(0, ADDRESSES as i64));
const DIMENSION: Argument = Argument::new("dimension", Kind::Word(&Qualia::DIMENSIONS));
const MIN: Argument = Argument::new("min", Kind::Float(-1.0, 1.0));
const MAX: Argument = Argument::new("max", Kind::Float(-1.0, 1.0));

/// Columns of rows with their dimensions, and between name and fingerprint what else there is.
macro_rules! felt_columns {
    ($($more:expr),*) => {
        &[
            Column::nullable("id", ColumnKind::Count),
            Column::new("address", ColumnKind::Address),
            Column::nullable("name", ColumnKind::Text),
            Column::new("arousal", ColumnKind::Float),
            Column::new("valence", ColumnKind::Float),
            Column::new("tension", ColumnKind::Float),
            Column::new("certainty", ColumnKind::Float),
            Column::new("agency", ColumnKind::Float),
            Column::new("temporality", ColumnKind::Float),
            Column::new("sociality", ColumnKind::Float),
            Column::new("novelty", ColumnKind::Float),
            $($more,)*
            Column::new("fingerprint", ColumnKind::Fingerprint),
        ]
    };
}

const FELT: &[Column] = felt_columns!();
const NEAR: &[Column] = felt_columns!(Column::new("distance", ColumnKind::Float));
const MOOD: &[Column] = &[
    Column::new("rows", ColumnKind::Count),
    Column::nullable("arousal", ColumnKind::Float),
    Column::nullable("valence", ColumnKind::Float),
    Column::nullable("tension", ColumnKind::Float),
    Column::nullable("certainty", ColumnKind::Float),
    Column::nullable("agency", ColumnKind::Float),
    Column::nullable("temporality", ColumnKind::Float),
    Column::nullable("sociality", ColumnKind::Float),
    Column::nullable("novelty", ColumnKind::Float),
];
const CONTRAST: &[Column] = &[
    Column::new("dimension", ColumnKind::Text),
    Column::new("x", ColumnKind::Float),
    Column::new("y", ColumnKind::Float),
    Column::new("difference", ColumnKind::Float),
];
const EMOTION: &[Column] = &[
    Column::new("emotion", ColumnKind::Text),
    Column::new("distance", ColumnKind::Float),
];
const RESONANCE: &[Column] = &[
    Column::nullable("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("distance", ColumnKind::Distance),
    Column::new("qualia_distance", ColumnKind::Float),
    Column::new("score", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x09,
    name: "QUALIA",
    doc: "What nodes feel like, in eight dimensions: valence from -1 to 1; arousal, tension, certainty, agency, \
          temporality, sociality and novelty from 0 to 1. Words of the surface feel nothing",
    operations: &[
        Operation {
            name: "FEEL",
            doc: "What a node feels like",
            arguments: &[X],
            columns: FELT,
            is_single: true,
            class: Class::Relational(felt::feel_sql),
            kernel: Kernel::Read(felt::feel),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SET",
            doc: "Sets what a node feels like",
            arguments: &[X, V8],
            columns: FELT,
            is_single: true,
            class: Class::Write(write::set_sql),
            kernel: Kernel::Write(write::set),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BLEND",
            doc: "Moves what x feels like towards what y does: by the share w of the way",
            arguments: &[X, Y, Argument::new("w", Kind::Float(0.0, 1.0))],
            columns: FELT,
            is_single: true,
            class: Class::Write(write::blend_sql),
            kernel: Kernel::Write(write::blend),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DISTANCE",
            doc: "How far apart two nodes are in what they feel like: the Euclidean distance",
            arguments: &[X, Y],
            columns: &[Column::new("distance", ColumnKind::Float)],
            is_single: true,
            class: Class::Relational(felt::distance_sql),
            kernel: Kernel::Read(felt::distance),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INTUIT",
            doc: "The k rows that feel most like this: by the Euclidean distance, ties by address",
            arguments: &[V8, K],
            columns: NEAR,
            class: Class::Relational(felt::intuit_sql),
            kernel: Kernel::Read(felt::intuit),
            ..Operation::DEFAULT
        },
        Operation {
            name: "VALENCE",
            doc: "The rows whose valence lies between two bounds, ends included: by valence, then address",
            arguments: &[MIN, MAX],
            range: Range::Closed,
            columns: FELT,
            class: Class::Relational(|call| felt::between_sql(call, "valence", 0)),
            kernel: Kernel::Read(|call, reading| felt::between(call, reading, "valence", 0)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "AROUSAL",
            doc: "The rows whose arousal lies between two bounds, ends included: by arousal, then address",
            arguments: &[MIN, MAX],
            range: Range::Closed,
            columns: FELT,
            class: Class::Relational(|call| felt::between_sql(call, "arousal", 0)),
            kernel: Kernel::Read(|call, reading| felt::between(call, reading, "arousal", 0)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BETWEEN",
            doc: "The rows that lie between two bounds in a dimension, ends included: by it, then by address",
            arguments: &[DIMENSION, MIN, MAX],
            range: Range::Closed,
            columns: FELT,
            class: Class::Relational(|call| felt::between_sql(call, call.word(0), 1)),
            kernel: Kernel::Read(|call, reading| felt::between(call, reading, call.word(0), 1)),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SHIFT",
            doc: "Moves a node by d in a dimension, as far as its range goes",
            arguments: &[X, DIMENSION, Argument::new("d", Kind::Float(-2.0, 2.0))],
            columns: FELT,
            is_single: true,
            class: Class::Write(write::shift_sql),
            kernel: Kernel::Write(write::shift),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DECAY",
            doc: "Multiplies what every node of the scope feels by a factor; answers how many felt something",
            arguments: &[Argument::new("factor", Kind::Float(0.0, 1.0))],
            columns: &[Column::new("changed", ColumnKind::Count)],
            is_single: true,
            class: Class::Write(write::decay_sql),
            kernel: Kernel::Write(write::decay),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MOOD",
            doc: "What the rows feel like on the whole: the mean, in which a row weighs one more than the accesses \
                  that are known of it",
            columns: MOOD,
            is_single: true,
            class: Class::Relational(felt::mood_sql),
            kernel: Kernel::Read(felt::mood),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONTRAST",
            doc: "How two nodes differ in each dimension: x less y, the largest difference first, ties in the dimensions' \
                  order",
            arguments: &[X, Y],
            columns: CONTRAST,
            class: Class::Relational(felt::contrast_sql),
            kernel: Kernel::Read(felt::contrast),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SORT",
            doc: "The rows by a dimension, the highest first, ties by address: the first k if that is given",
            arguments: &[
                DIMENSION,
                Argument::optional("k", Kind::Integer(0, ADDRESSES as i64)),
            ],
            columns: FELT,
            class: Class::Relational(felt::sort_sql),
            kernel: Kernel::Read(felt::sort),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EMOTION",
            doc: "The named emotion that is nearest to what a node feels like, in valence, arousal and agency, and how far \
                  it is",
            source: emotion::SOURCE,
            arguments: &[X],
            columns: EMOTION,
            is_single: true,
            class: Class::Relational(emotion::sql),
            kernel: Kernel::Read(emotion::nearest),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EMBODY",
            doc: "Lets a node feel a named emotion: sets valence, arousal and agency, and keeps the rest",
            source: emotion::SOURCE,
            arguments: &[X, Argument::new("emotion", Kind::Word(&emotion::NAMES))],
            columns: FELT,
            is_single: true,
            class: Class::Write(write::embody_sql),
            kernel: Kernel::Write(write::embody),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RESONATE",
            doc: "The k rows that respond most to a fingerprint and to what it should feel like: the mean of two responses, \
                  of the distance in bits as a share of chance (5120) and of the Euclidean distance of the qualia. A response is a \
                  difference of Gaussians, exp(-d²/2s²) - exp(-d²/8s²)/2 with s = 1/4: it excites what is near and inhibits \
                  the ring around it",
            source: "Difference of Gaussians: Rodieck 1965; Marr & Hildreth 1980",
            arguments: &[Argument::new("q", Kind::Query), V8, K],
            columns: RESONANCE,
            class: Class::Relational(felt::resonate_sql),
            kernel: Kernel::Read(felt::resonate),
            ..Operation::DEFAULT
        },
    ],
};
