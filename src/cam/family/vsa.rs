//! 0x0C VSA: the algebra of fingerprints, a binary spatter code (Kanerva 1996).

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use ladybug_engine::fingerprint::bundle::{at_least, bundle, weighted};
use ladybug_engine::fingerprint::{BITS, Fingerprint, encode};

use super::super::batch::{batch, fingerprints};
use super::super::call::Call;
use super::super::error::Fault;
use super::super::host::Reading;
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};
use crate::operand::shown;

/// Members past which a bundle's similarity to each, √(2/πn), is less than four standard deviations from chance.
const MEMBERS_MAX: usize = 400;

const SPATTER: &str = "Kanerva 1996, Binary Spatter-Coding of Ordered K-Tuples";
const Q: Argument = Argument::new("q", Kind::Query);
const A: Argument = Argument::new("a", Kind::Query);
const B: Argument = Argument::new("b", Kind::Query);
const N: Argument = Argument::new("n", Kind::Integer(i64::MIN, i64::MAX));
const FINGERPRINT: &[Column] = &[Column::new("fingerprint", ColumnKind::Fingerprint)];
const BUNDLED: &[Column] = &[
    Column::new("fingerprint", ColumnKind::Fingerprint),
    Column::new("members", ColumnKind::Count),
    Column::new("similarity", ColumnKind::Float),
    Column::new("is_lost", ColumnKind::Boolean),
];
/// The operands and the gate or counter that they go through.
const FROM_OPERANDS: &str = "Algebra: one pass over 160 words\n  Operands";

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x0C,
    name: "VSA",
    doc: "The algebra of fingerprints: a binary spatter code",
    operations: &[
        Operation {
            name: "DISTANCE",
            doc: "How many bits differ between two fingerprints: the Hamming distance",
            source: SPATTER,
            arguments: &[A, B],
            columns: &[Column::new("distance", ColumnKind::Distance)],
            class: Class::Relational(|call| {
                let (a, b) = (call.fingerprint_sql(0), call.fingerprint_sql(1));
                format!("SELECT popcount(bind({a}, {b})) AS distance")
            }),
            kernel: Kernel::Read(|call, _| {
                let distance = call.fingerprint(0).distance(call.fingerprint(1));
                Ok(one(call, Arc::new(UInt32Array::from(vec![distance]))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "SIMILARITY",
            doc: "How similar two fingerprints are: 1 same, 0 unrelated, -1 complement",
            source: "1 - 2 distance / 10240: the correlation of the vectors of +1 and -1",
            arguments: &[A, B],
            columns: &[Column::new("similarity", ColumnKind::Float)],
            class: Class::Relational(|call| {
                let (a, b) = (call.fingerprint_sql(0), call.fingerprint_sql(1));
                format!("SELECT 1.0 - 2.0 * hamming({a}, {b}) / {BITS} AS similarity")
            }),
            kernel: Kernel::Read(|call, _| {
                let similarity = call.fingerprint(0).similarity(call.fingerprint(1));
                Ok(one(call, Arc::new(Float64Array::from(vec![similarity]))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BIND",
            doc: "Binds fingerprints into one that is similar to none of them: the exclusive or, its own inverse",
            source: SPATTER,
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            class: Class::Other(FROM_OPERANDS),
            kernel: Kernel::Read(bound),
            ..Operation::DEFAULT
        },
        Operation {
            name: "UNBIND",
            doc: "Takes the others out of the first fingerprint again, which they were bound into",
            source: SPATTER,
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            class: Class::Other(FROM_OPERANDS),
            kernel: Kernel::Read(bound),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BUNDLE",
            doc: "The majority of fingerprints, bit by bit: similar to every one of them. Ties are decided by a vector \
                  seeded from a hash of the sorted operands. Answers how many there are, the similarity to each that \
                  is expected if they are unrelated, and whether that is lost in noise, as it is past about 400; of \
                  none, no row",
            source: "Kanerva 2009, Hyperdimensional Computing; similarity C(n-1, (n-1)/2) / 2^(n-1)",
            arguments: &[Q],
            repeats: Repeats::last(0),
            columns: BUNDLED,
            is_single: true,
            class: Class::Other("Majority: bit-sliced counters, carry-save\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let members = call.fingerprints(0);
                Ok(bundled(bundle(members.iter().copied()), members.len()))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PERMUTE",
            doc: "Rotates a fingerprint n bits up, around all 10240: marks a place in a sequence, and keeps distances",
            source: SPATTER,
            arguments: &[Q, N],
            columns: FINGERPRINT,
            class: Class::Other("Rotate: one pass over 160 words\n  Operand"),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&call.fingerprint(0).permute(integer(call, 1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "UNPERMUTE",
            doc: "Rotates a fingerprint n bits down again: the inverse of PERMUTE",
            source: SPATTER,
            arguments: &[Q, N],
            columns: FINGERPRINT,
            class: Class::Relational(|call| {
                let up = BITS as i64 - integer(call, 1).rem_euclid(BITS as i64);
                format!(
                    "SELECT permute({}, {up}) AS fingerprint",
                    call.fingerprint_sql(0)
                )
            }),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&call.fingerprint(0).unpermute(integer(call, 1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "NOT",
            doc: "Every bit turned over: the complement, whose similarity to the fingerprint is -1",
            source: "Boole 1854",
            arguments: &[Q],
            columns: FINGERPRINT,
            class: Class::Relational(|call| {
                let ones = Fingerprint::ONES.to_hex();
                let q = call.fingerprint_sql(0);
                format!("SELECT bind({q}, fingerprint('{ones}')) AS fingerprint")
            }),
            kernel: Kernel::Read(|call, _| Ok(bits(&!call.fingerprint(0)))),
            ..Operation::DEFAULT
        },
        Operation {
            name: "AND",
            doc: "The bits that are set in all of the fingerprints",
            source: "Boole 1854",
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            class: Class::Relational(|call| counted_sql(call, 0, call.values.len())),
            kernel: Kernel::Read(|call, _| {
                let all = call.fingerprints(0);
                let and = all
                    .iter()
                    .fold(Fingerprint::ONES, |so_far, next| &so_far & next);
                Ok(bits(&and))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "OR",
            doc: "The bits that are set in any of the fingerprints",
            source: "Boole 1854",
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            class: Class::Relational(|call| counted_sql(call, 0, 1)),
            kernel: Kernel::Read(|call, _| {
                let all = call.fingerprints(0);
                let or = all
                    .iter()
                    .fold(Fingerprint::ZERO, |so_far, next| &so_far | next);
                Ok(bits(&or))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "WEIGHTED",
            doc: "The weighted majority of fingerprints: each counts as often as its weight says, a negative weight \
                  for its complement. If every weight is zero, no row",
            source: "Kanerva 2009, Hyperdimensional Computing",
            arguments: &[
                Q,
                Argument::new("weight", Kind::Integer(i32::MIN as i64, i32::MAX as i64)),
            ],
            repeats: Repeats::pairs(1),
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("WeightedMajority: bit-sliced counters, carry-save\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let pairs = (0..call.values.len())
                    .step_by(2)
                    .map(|at| (call.fingerprint(at), integer(call, at + 1) as i32));
                Ok(batch(
                    FINGERPRINT,
                    vec![fingerprints(weighted(pairs).as_ref())],
                ))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "THRESHOLD",
            doc: "The bits that are set in at least n of the fingerprints",
            source: "Kanerva 2009, Hyperdimensional Computing",
            arguments: &[Argument::new("n", Kind::Integer(0, u32::MAX as i64)), Q],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            class: Class::Relational(|call| counted_sql(call, 1, call.count(0))),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&at_least(call.fingerprints(1), call.count(0) as u64)))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "POPCOUNT",
            doc: "How many bits of a fingerprint are set, of 10240",
            arguments: &[Q],
            columns: &[Column::new("popcount", ColumnKind::Distance)],
            class: Class::Relational(|call| {
                let zero = Fingerprint::ZERO.to_hex();
                let q = call.fingerprint_sql(0);
                format!("SELECT hamming({q}, fingerprint('{zero}')) AS popcount")
            }),
            kernel: Kernel::Read(|call, _| {
                let count = call.fingerprint(0).popcount();
                Ok(one(call, Arc::new(UInt32Array::from(vec![count]))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RANDOM",
            doc: "A pseudo-random fingerprint: for the same seed the same, for ever and on every processor; for others \
                  unrelated",
            source: "xoshiro-like expansion of a 64-bit seed",
            arguments: &[Argument::new("seed", Kind::Integer(0, i64::MAX))],
            columns: FINGERPRINT,
            is_scoped: false,
            class: Class::Other("Expand: seed to 10240 bits"),
            kernel: Kernel::Read(|call, _| Ok(bits(&Fingerprint::random(call.count(0) as u64)))),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ENCODE",
            doc: "The fingerprint that an encoder makes: text of words and their parts, exact of bytes as they are, record \
                  of a JSON object's members, vector of numbers with commas between",
            arguments: &[
                Argument::new(
                    "encoder",
                    Kind::Word(&["text", "exact", "record", "vector"]),
                ),
                Argument::new("input", Kind::Name),
            ],
            columns: FINGERPRINT,
            is_scoped: false,
            class: Class::Other("Encode: weighted majority of the features' vectors\n  Features"),
            kernel: Kernel::Read(|call, _| encoded(call.word(0), call.name(1)).map(|of| bits(&of))),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PROJECT",
            doc: "The fingerprint of a vector of floats: the signs of its projections, so that distances tell angles",
            source: "SimHash: Charikar 2002; projections of +1 and -1: Achlioptas 2003",
            arguments: &[Argument::new("vector", Kind::Floats)],
            columns: FINGERPRINT,
            is_scoped: false,
            class: Class::Other("Project: 10240 hyperplanes\n  Vector"),
            kernel: Kernel::Read(|call, _| {
                let projected = encode::vector(call.floats(0));
                Ok(bits(
                    &projected.map_err(|error| Fault::of("vector", error))?,
                ))
            }),
            ..Operation::DEFAULT
        },
    ],
};

/// The exclusive or of all operands.
fn bound(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut bound = Fingerprint::ZERO;
    for operand in call.fingerprints(0) {
        bound.xor_assign(operand);
    }
    Ok(bits(&bound))
}

fn integer(call: &Call<'_>, at: usize) -> i64 {
    call.integer(at)
        .expect("invariant: the entry declares a whole number")
}

/// One row of one column.
fn one(call: &Call<'_>, column: ArrayRef) -> RecordBatch {
    batch(call.operation.columns, vec![column])
}

fn bits(fingerprint: &Fingerprint) -> RecordBatch {
    batch(FINGERPRINT, vec![fingerprints([fingerprint])])
}

/// A bundle, with how much of each of so many unrelated members is left in it.
fn bundled(bundle: Option<Fingerprint>, members: usize) -> RecordBatch {
    let rows = usize::from(bundle.is_some());
    let take = |value: f64| Float64Array::from_iter_values(std::iter::repeat_n(value, rows));
    let lost = std::iter::repeat_n(Some(members > MEMBERS_MAX), rows);
    let count = std::iter::repeat_n(members as u64, rows);
    batch(
        BUNDLED,
        vec![
            fingerprints(bundle.as_ref()),
            Arc::new(UInt64Array::from_iter_values(count)),
            Arc::new(take(member_similarity(members))),
            Arc::new(lost.collect::<BooleanArray>()),
        ],
    )
}

/// A member's expected similarity to the majority of `members` unrelated ones, whose ties are decided by an unrelated
/// vector: 1/2 · 3/4 · 5/6 …, a factor a pair.
fn member_similarity(members: usize) -> f64 {
    let factor = |pair: usize| (2 * pair - 1) as f64 / (2 * pair) as f64;
    (1..=members / 2).map(factor).product()
}

/// In SQL: the bits that are set in at least `least` of the operands from a place on, as the majority of them and of
/// so many zeros or ones that the threshold is a half.
fn counted_sql(call: &Call<'_>, from: usize, least: usize) -> String {
    let members = call.values.len() - from;
    let mut rows: Vec<_> = (from..call.values.len())
        .map(|at| format!("SELECT {} AS q, 1 AS weight", call.fingerprint_sql(at)))
        .collect();
    let zeros = 2 * least as i64 - 1 - members as i64;
    let (filler, weight) = match zeros >= 0 {
        true => (Fingerprint::ZERO, zeros),
        false => (Fingerprint::ONES, -zeros),
    };
    rows.push(format!(
        "SELECT fingerprint('{}'), {weight}",
        filler.to_hex()
    ));
    format!(
        "SELECT bundle(q, weight) AS fingerprint FROM ({})",
        rows.join(" UNION ALL ")
    )
}

fn encoded(encoder: &str, input: &[u8]) -> Result<Fingerprint, Fault> {
    let text = || {
        std::str::from_utf8(input)
            .map_err(|_| Fault::of("input", "expected text in UTF-8, or the encoder exact"))
    };
    match encoder {
        "text" => Ok(encode::text(text()?)),
        "exact" => Ok(encode::exact(input)),
        "record" => {
            let members: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(input)
                .map_err(|error| {
                    let input = shown(input);
                    Fault::of(
                        "input",
                        format!("expected a JSON object, got '{input}': {error}"),
                    )
                })?;
            let fields: Vec<_> = members
                .iter()
                .map(|(name, value)| {
                    let value = match value {
                        serde_json::Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    (name.as_bytes(), value)
                })
                .collect();
            Ok(encode::record(
                fields.iter().map(|(name, value)| (*name, value.as_bytes())),
            ))
        }
        _ => {
            let numbers = text()?.split(',').map(|number| number.trim().parse().ok());
            let numbers = numbers.collect::<Option<Vec<f32>>>();
            let numbers = numbers
                .ok_or_else(|| Fault::of("input", "expected numbers with commas between"))?;
            encode::vector(&numbers).map_err(|error| Fault::of("input", error))
        }
    }
}
