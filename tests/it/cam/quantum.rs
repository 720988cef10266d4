//! QUANTUM: the bijections against their adjoints, through the calls; the maps themselves are tested where they are.

use arrow::array::AsArray;
use ladybug_engine::fingerprint::Fingerprint;

use super::{Machine, cells, only};

/// The fingerprints that a line answers.
#[track_caller]
fn states(machine: &Machine, line: &str) -> Vec<Fingerprint> {
    let rows = machine.line(line);
    let column = rows.column_by_name("fingerprint").expect("fingerprints");
    let bits = column.as_fixed_size_binary().iter().flatten();
    bits.map(|bytes| Fingerprint::from_bytes(bytes).expect("a fingerprint"))
        .collect()
}

#[test]
fn an_operation_and_its_adjoint_are_the_identity() {
    let machine = Machine::new();
    let generator = format!("FP {}", Fingerprint::random(77).to_hex());
    for seed in 0..12 {
        let a = Fingerprint::random(seed);
        let shown = |bits: &Fingerprint| format!("FP {}", bits.to_hex());
        for (name, rest) in [
            ("HADAMARD", format!("{seed}")),
            ("PHASE", format!("{}", 13 * seed as i64 - 50)),
            ("PHASE", i64::MIN.to_string()),
            ("EVOLVE", format!("{generator} {}", 40 * seed as i64 - 200)),
        ] {
            let there = states(&machine, &format!("QUANTUM.{name} {} {rest}", shown(&a)));
            let back = states(
                &machine,
                &format!("QUANTUM.ADJOINT {name} {} {rest}", shown(&there[0])),
            );
            assert_eq!(back, std::slice::from_ref(&a), "{name} {rest}");
            let twice = states(
                &machine,
                &format!("QUANTUM.ADJOINT ADJOINT {name} {} {rest}", shown(&a)),
            );
            assert_eq!(twice, there, "the adjoint of the adjoint of {name} {rest}");
        }
        let b = Fingerprint::random(seed + 500);
        for name in ["ENTANGLE", "DISENTANGLE"] {
            let there = states(
                &machine,
                &format!("QUANTUM.{name} {} {}", shown(&a), shown(&b)),
            );
            let line = format!(
                "QUANTUM.ADJOINT {name} {} {}",
                shown(&there[0]),
                shown(&there[1])
            );
            assert_eq!(states(&machine, &line), [a.clone(), b.clone()], "{name}");
        }
    }
    for (line, message) in [
        (
            "QUANTUM.ADJOINT MEASURE a b",
            "operation: expected one of HADAMARD, PHASE",
        ),
        (
            "QUANTUM.ADJOINT ADJOINT",
            "operation: expected one to undo, got nothing more",
        ),
        ("QUANTUM.ADJOINT PHASE a x", "n: expected a whole number"),
        (
            "QUANTUM.ADJOINT PHASE",
            "q: expected something to compare with",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
}

#[test]
fn a_measurement_collapses_to_the_nearest_with_weights_of_one() {
    let machine = Machine::new();
    let rows = cells(
        &machine.line("QUANTUM.MEASURE \"a web server\" \"web server\" \"a bird\" \"web browser\""),
    );
    let weights: f64 = rows
        .iter()
        .map(|row| row[2].parse::<f64>().expect("a number"))
        .sum();
    assert!((weights - 1.0).abs() < 1e-9, "{rows:?}");
    let collapsed: Vec<_> = rows.iter().map(|row| row[3].as_str()).collect();
    assert_eq!(collapsed, ["true", "false", "false"]);
    let fidelity: f64 = only(&machine.line("QUANTUM.FIDELITY bird bird"))
        .parse()
        .expect("a number");
    assert_eq!(fidelity, 1.0);
    let entropy: f64 = only(&machine.line("QUANTUM.ENTROPY bird bird"))
        .parse()
        .expect("a number");
    assert_eq!(entropy, 0.0);
}
