//! 0x0E QUANTUM: reversible and collapsing operators on fingerprints, each documented as the classical map it is.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, UInt32Array, UInt64Array};
use ladybug_engine::fingerprint::bundle::weighted;
use ladybug_engine::fingerprint::{BITS, Fingerprint};

use super::super::batch::{batch, fingerprints};
use super::super::call::Call;
use super::super::dispatch::prepare_within;
use super::super::error::Fault;
use super::super::host::Reading;
use super::super::method::{Method, Mode};
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};
use crate::mind::quantum::{
    amplify, decohere, disentangle, entangle, entropy, evolve, hadamard, phase, rotate, tensor,
};

/// Steps of EVOLVE that one call takes at most, in either direction.
const STEPS_MAX: i64 = 100_000;
/// Rounds of AMPLIFY that one call takes at most.
const ROUNDS_MAX: i64 = 1_000;

const Q: Argument = Argument::new("q", Kind::Query);
const A: Argument = Argument::new("a", Kind::Query);
const B: Argument = Argument::new("b", Kind::Query);
const SEED: Argument = Argument::new("seed", Kind::Integer(0, i64::MAX));
const FINGERPRINT: &[Column] = &[Column::new("fingerprint", ColumnKind::Fingerprint)];
const PAIR: &[Column] = &[
    Column::new("place", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const INTERFERED: &[Column] = &[
    Column::new("fingerprint", ColumnKind::Fingerprint),
    Column::new("visibility", ColumnKind::Float),
];
const MEASURED: &[Column] = &[
    Column::new("state", ColumnKind::Count),
    Column::new("distance", ColumnKind::Distance),
    Column::new("weight", ColumnKind::Float),
    Column::new("is_collapsed", ColumnKind::Boolean),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const PROJECTED: &[Column] = &[
    Column::new("fingerprint", ColumnKind::Fingerprint),
    Column::new("kept", ColumnKind::Float),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x0E,
    name: "QUANTUM",
    doc: "Reversible and collapsing operators on fingerprints, inspired by quantum mechanics and not simulating it: each is \
          the classical map that it says. HADAMARD, PHASE, ENTANGLE, DISENTANGLE and EVOLVE are bijections: ADJOINT undoes \
          them for every input",
    operations: &[
        Operation {
            name: "SUPERPOSE",
            doc: "The weighted majority of states: similar to each as far as it weighs. If every weight is zero, no row",
            arguments: &[
                Q,
                Argument::new("weight", Kind::Integer(i32::MIN as i64, i32::MAX as i64)),
            ],
            repeats: Repeats::pairs(1),
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("WeightedMajority\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let weight = |at| call.integer(at).unwrap_or_default() as i32;
                let pairs = (0..call.values.len())
                    .step_by(2)
                    .map(|at| (call.fingerprint(at), weight(at + 1)));
                Ok(batch(
                    FINGERPRINT,
                    vec![fingerprints(weighted(pairs).as_ref())],
                ))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "INTERFERE",
            doc: "Two states at a phase: the second is rotated by PHASE n (0 unless given); bits in which they then agree stay, \
                  the others are decided as ties of a bundle are. With the visibility: how far from chance they agree, \
                  from 0 to 1",
            arguments: &[
                A,
                B,
                Argument::optional("n", Kind::Integer(i64::MIN, i64::MAX)),
            ],
            columns: INTERFERED,
            is_single: true,
            class: Class::Other("Majority\n  Phase: the second by n\n    Operands"),
            kernel: Kernel::Read(|call, _| {
                let (a, b) = (call.fingerprint(0), call.fingerprint(1));
                let b = phase(b, call.integer(2).unwrap_or_default());
                let both = weighted([(a, 1), (&b, 1)]);
                let visibility = vec![a.similarity(&b).abs()];
                Ok(batch(
                    INTERFERED,
                    vec![
                        fingerprints(both.as_ref()),
                        Arc::new(Float64Array::from(visibility)),
                    ],
                ))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "MEASURE",
            doc: "Collapses q to the nearest of the states, the first at a tie. Every state has a weight as Born's rule gives \
                  it: the square of its similarity to q as a share of all, or 0 if it is less similar than chance; \
                  if all are, the weights are 0",
            source: "Born 1926",
            arguments: &[Q, Argument::new("state", Kind::Query)],
            repeats: Repeats::last(1),
            columns: MEASURED,
            class: Class::Relational(measure_sql),
            kernel: Kernel::Read(measure),
            ..Operation::DEFAULT
        },
        Operation {
            name: "HADAMARD",
            doc: "Mixes bits in pairs: in an order that follows from the seed, every second bit becomes the exclusive or of \
                  itself and the one before it. Its own adjoint",
            arguments: &[Q, SEED],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("PairedXor: in the seed's order\n  Operand"),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&hadamard(call.fingerprint(0), call.count(1) as u64)))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PHASE",
            doc: "Rotates the 64 bits of each word by n. The adjoint rotates by -n",
            arguments: &[Q, Argument::new("n", Kind::Integer(i64::MIN, i64::MAX))],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("RotateWords\n  Operand"),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&phase(
                    call.fingerprint(0),
                    call.integer(1).unwrap_or_default(),
                )))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ENTANGLE",
            doc: "Lets each of two states depend on the other: a' = a ⊕ ρ(b), b' = b ⊕ ρ(a'). Two rows; DISENTANGLE is the \
                  adjoint",
            arguments: &[A, B],
            columns: PAIR,
            class: Class::Other("Feistel: two rounds\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                Ok(pair(&entangle(call.fingerprint(0), call.fingerprint(1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DISENTANGLE",
            doc: "Makes two states of two entangled ones again: the adjoint of ENTANGLE, as that is of this",
            arguments: &[A, B],
            columns: PAIR,
            class: Class::Other("Feistel: two rounds, backwards\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                Ok(pair(&disentangle(call.fingerprint(0), call.fingerprint(1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PROJECT",
            doc: "Only the bits of q that the mask has, and which share of q's bits that keeps",
            arguments: &[Q, Argument::new("mask", Kind::Query)],
            columns: PROJECTED,
            is_single: true,
            class: Class::Relational(project_sql),
            kernel: Kernel::Read(|call, _| {
                let (q, mask) = (call.fingerprint(0), call.fingerprint(1));
                let kept = q & mask;
                let share = match q.popcount() {
                    0 => 0.0,
                    all => f64::from(kept.popcount()) / f64::from(all),
                };
                Ok(batch(
                    PROJECTED,
                    vec![
                        fingerprints([&kept]),
                        Arc::new(Float64Array::from(vec![share])),
                    ],
                ))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ROTATE",
            doc: "From a towards b by an angle in degrees: of the bits in which they differ the share sin² of it is b's, in \
                  an order that follows from the seed (0 unless given). At 0 it is a, at 90 b",
            arguments: &[
                A,
                B,
                Argument::new("angle", Kind::Float(0.0, 90.0)),
                Argument::optional("seed", Kind::Integer(0, i64::MAX)),
            ],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("Interpolate: in the seed's order\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let seed = call.integer(3).unwrap_or_default() as u64;
                let (a, b) = (call.fingerprint(0), call.fingerprint(1));
                Ok(bits(&rotate(a, b, call.float(2), seed)))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "AMPLIFY",
            doc: "Reinforces a marked set: in each round the majority of q, which counts as often as all of the marked \
                  together, and the marked",
            source: "After Grover 1996, as iterated reinforcement",
            arguments: &[
                Q,
                Argument::new("rounds", Kind::Integer(0, ROUNDS_MAX)),
                Argument::new("marked", Kind::Query),
            ],
            repeats: Repeats::last(1),
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("Reinforce: rounds of weighted majority\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let marked = call.fingerprints(2);
                Ok(bits(&amplify(call.fingerprint(0), &marked, call.count(1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FIDELITY",
            doc: "The square of the similarity of two states: 1 for the same or the complement, 0 for unrelated ones",
            arguments: &[A, B],
            columns: &[Column::new("fidelity", ColumnKind::Float)],
            is_single: true,
            class: Class::Relational(|call| {
                let (a, b) = (call.fingerprint_sql(0), call.fingerprint_sql(1));
                format!(
                    "SELECT power(1.0 - 2.0 * popcount(bind({a}, {b})) / {BITS}.0, 2) AS fidelity"
                )
            }),
            kernel: Kernel::Read(|call, _| {
                let similarity = call.fingerprint(0).similarity(call.fingerprint(1));
                Ok(number(call, similarity * similarity))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ENTROPY",
            doc: "The mean entropy of the bits of states, in bits: 0 where all agree, 1 where every bit is set in half of them",
            source: "Shannon 1948",
            arguments: &[Q],
            repeats: Repeats::last(1),
            columns: &[Column::new("entropy", ColumnKind::Float)],
            is_single: true,
            class: Class::Other("Entropy: of each bit's share, averaged\n  Operands"),
            kernel: Kernel::Read(|call, _| Ok(number(call, entropy(&call.fingerprints(0))))),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DECOHERE",
            doc: "Turns every bit over with probability p, by numbers that follow from the seed: a bit-flip channel",
            arguments: &[Q, Argument::new("p", Kind::Float(0.0, 1.0)), SEED],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("BitFlipChannel: by seed\n  Operand"),
            kernel: Kernel::Read(|call, _| {
                let seed = call.count(2) as u64;
                Ok(bits(&decohere(call.fingerprint(0), call.float(1), seed)))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TENSOR",
            doc: "Binds block by block: word i of b is rotated by i places before it is bound to word i of a, so that the order \
                  of the two matters",
            arguments: &[A, B],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("BlockBind\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                Ok(bits(&tensor(call.fingerprint(0), call.fingerprint(1))))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EVOLVE",
            doc: "t steps x → ρ(x) ⊕ generator; a negative t takes as many back, and is the adjoint",
            arguments: &[
                Q,
                Argument::new("generator", Kind::Query),
                Argument::new("t", Kind::Integer(-STEPS_MAX, STEPS_MAX)),
            ],
            columns: FINGERPRINT,
            is_single: true,
            class: Class::Other("Evolve: t steps\n  Operands"),
            kernel: Kernel::Read(|call, _| {
                let t = call.integer(2).unwrap_or_default();
                Ok(bits(&evolve(call.fingerprint(0), call.fingerprint(1), t)))
            }),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ADJOINT",
            doc: "What undoes a bijection: CAM.QUANTUM.ADJOINT PHASE q 3 turns back what PHASE 3 has made. The arguments are \
                  those of the operation",
            arguments: &[
                Argument::new(
                    "operation",
                    Kind::Word(&[
                        "HADAMARD",
                        "PHASE",
                        "ENTANGLE",
                        "DISENTANGLE",
                        "EVOLVE",
                        "ADJOINT",
                    ]),
                ),
                Argument::new("argument", Kind::Raw),
            ],
            repeats: Repeats::last(0),
            columns: PAIR,
            class: Class::Other("Adjoint\n  Operands"),
            kernel: Kernel::Read(adjoint),
            ..Operation::DEFAULT
        },
    ],
};

fn bits(fingerprint: &Fingerprint) -> RecordBatch {
    batch(FINGERPRINT, vec![fingerprints([fingerprint])])
}

fn number(call: &Call<'_>, number: f64) -> RecordBatch {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![number]));
    batch(call.operation.columns, vec![column])
}

/// Fingerprints in their order, counted from 1.
fn pair(states: &[Fingerprint]) -> RecordBatch {
    let places = UInt64Array::from_iter_values(1..=states.len() as u64);
    batch(PAIR, vec![Arc::new(places), fingerprints(states)])
}

fn measure_sql(call: &Call<'_>) -> String {
    let states = 1..call.values.len();
    let places: Vec<_> = states.clone().map(|at| format!("({at})")).collect();
    let bits: Vec<_> = states
        .map(|at| format!("WHEN {at} THEN {}", call.fingerprint_sql(at)))
        .collect();
    format!(
        "SELECT state, distance, CASE WHEN sum(square) OVER () > 0.0 THEN square / sum(square) OVER () ELSE 0.0 END AS weight, \
         row_number() OVER (ORDER BY distance, state) = 1 AS is_collapsed, fingerprint \
         FROM (SELECT *, power(greatest(1.0 - 2.0 * distance / {BITS}.0, 0.0), 2) AS square \
         FROM (SELECT state, popcount(bind(fingerprint, {})) AS distance, fingerprint \
         FROM (SELECT state, CASE state {} END AS fingerprint FROM (VALUES {}) AS states (state)))) ORDER BY state",
        call.fingerprint_sql(0),
        bits.join(" "),
        places.join(", ")
    )
}

fn measure(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (q, states) = (call.fingerprint(0), call.fingerprints(1));
    let distances: Vec<u32> = states.iter().map(|state| q.distance(state)).collect();
    let square = |state: &&Fingerprint| q.similarity(state).max(0.0).powi(2);
    let squares: Vec<f64> = states.iter().map(square).collect();
    let total: f64 = squares.iter().sum();
    let weight = |square: &f64| if total > 0.0 { square / total } else { 0.0 };
    let nearest = (0..states.len()).min_by_key(|at| (distances[*at], *at));
    let collapsed = (0..states.len()).map(|at| Some(Some(at) == nearest));
    Ok(batch(
        MEASURED,
        vec![
            Arc::new(UInt64Array::from_iter_values(1..=states.len() as u64)),
            Arc::new(UInt32Array::from(distances.clone())),
            Arc::new(Float64Array::from_iter_values(squares.iter().map(weight))),
            Arc::new(collapsed.collect::<BooleanArray>()),
            fingerprints(states),
        ],
    ))
}

fn project_sql(call: &Call<'_>) -> String {
    let zero = Fingerprint::ZERO.to_hex();
    format!(
        "SELECT kept AS fingerprint, CASE WHEN popcount(q) > 0 THEN popcount(kept) / CAST(popcount(q) AS DOUBLE) \
         ELSE 0.0 END AS kept FROM (SELECT bundle(bits) AS kept FROM \
         (SELECT {q} AS bits UNION ALL SELECT {mask} UNION ALL SELECT fingerprint('{zero}'))) CROSS JOIN (SELECT {q} AS q)",
        q = call.fingerprint_sql(0),
        mask = call.fingerprint_sql(1),
    )
}

fn adjoint(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (mut name, mut raw) = (call.word(0), call.raw(1));
    // The adjoint of an adjoint is the operation itself.
    let mut is_adjoint = true;
    while name == "ADJOINT" {
        let Some((word, rest)) = raw.split_first() else {
            return Err(Fault::of(
                "operation",
                "expected one to undo, got nothing more",
            ));
        };
        let known = [
            "HADAMARD",
            "PHASE",
            "ENTANGLE",
            "DISENTANGLE",
            "EVOLVE",
            "ADJOINT",
        ];
        let inner = known
            .into_iter()
            .find(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        name = inner.ok_or_else(|| {
            let got = crate::operand::shown(word);
            Fault::of(
                "operation",
                format!("expected one of {}, got '{got}'", known.join(", ")),
            )
        })?;
        (raw, is_adjoint) = (rest.to_vec(), !is_adjoint);
    }
    let method = Method {
        mode: Mode {
            scope: call.scope(),
            ..Mode::DEFAULT
        },
        ..Method::of_name(&format!("QUANTUM.{name}"))?
    };
    let inner = prepare_within(&method, &raw, reading)?;
    let sign = if is_adjoint { -1 } else { 1 };
    let first = inner.fingerprint(0);
    let states = match name {
        "HADAMARD" => vec![hadamard(first, inner.count(1) as u64)],
        "PHASE" => {
            // Reduced first: the most negative number has no negation.
            let n = inner.integer(1).unwrap_or_default().rem_euclid(64);
            vec![phase(first, sign * n)]
        }
        "EVOLVE" => {
            let t = inner.integer(2).unwrap_or_default();
            vec![evolve(first, inner.fingerprint(1), sign * t)]
        }
        _ => match (name == "ENTANGLE") == is_adjoint {
            true => disentangle(first, inner.fingerprint(1)).to_vec(),
            false => entangle(first, inner.fingerprint(1)).to_vec(),
        },
    };
    Ok(pair(&states))
}
