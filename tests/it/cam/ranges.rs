//! Ranges whose ends are the wrong way round hold nothing, and are refused in every family alike.

use ladybug::cam::{FAMILIES, Range};

use super::{Machine, cells};

/// Names of ends of ranges, as operations declare them.
const ENDS: [[&str; 2]; 4] = [
    ["min", "max"],
    ["from", "to"],
    ["since", "until"],
    ["v1", "v2"],
];

#[test]
fn every_pair_of_ends_is_declared_as_a_range() {
    let mut ranges = Vec::new();
    for family in FAMILIES.iter().flatten() {
        for operation in family.operations {
            let names: Vec<_> = operation.arguments.iter().map(|one| one.name).collect();
            let has_ends = names
                .windows(2)
                .any(|pair| ENDS.iter().any(|ends| ends == pair));
            let name = format!("{}.{}", family.name, operation.name);
            // Two moments whose difference is told, either way round.
            let is_range = has_ends && name != "TEMPORAL.DIFF";
            assert_eq!(operation.range != Range::None, is_range, "{name}");
            if is_range {
                ranges.push(name);
            }
        }
    }
    assert_eq!(
        ranges,
        [
            "CYPHER.EXPAND",
            "QUALIA.VALENCE",
            "QUALIA.AROUSAL",
            "QUALIA.BETWEEN",
            "MEMORY.EPISODE",
            "TEMPORAL.CHANGED",
            "TEMPORAL.INTERVAL",
            "TEMPORAL.DURING",
            "TEMPORAL.REPLAY"
        ]
    );
}

#[test]
fn a_range_that_ends_before_it_begins_is_refused() {
    let machine = Machine::new();
    for name in ["ada", "alan"] {
        machine.change(&format!("INSERT INTO nodes (name) VALUES ('{name}')"));
        machine.pass(60.0);
    }
    let second = machine.texts("SELECT committed FROM history WHERE name = 'ada'");
    for (line, message) in [
        (
            "CYPHER.EXPAND ada * 3 1",
            "max: expected at least min (3), got 1",
        ),
        (
            "QUALIA.VALENCE 1 -1",
            "max: expected at least min (1), got -1",
        ),
        (
            "QUALIA.AROUSAL 0.5 0.25",
            "max: expected at least min (0.5), got 0.25",
        ),
        (
            "QUALIA.BETWEEN tension 1 0",
            "max: expected at least min (1), got 0",
        ),
        (
            "MEMORY.EPISODE 2026-02-01 2026-01-01",
            "to: expected a time not before from (2026-02-01T00:00:00), got 2026-01-01T00:00:00",
        ),
        (
            "TEMPORAL.CHANGED 2 1",
            "until: expected a moment not before since (2), got 1",
        ),
        (
            "TEMPORAL.REPLAY 2 1",
            "v2: expected a moment not before v1 (2), got 1",
        ),
        (
            "TEMPORAL.REPLAY 2026-02-01 2026-01-01",
            "v2: expected a moment not before v1 (2026-02-01T00:00:00), got 2026-01-01T00:00:00",
        ),
        (
            "TEMPORAL.DURING 2026-01-01 2026-01-01",
            "to: expected a time after from (2026-01-01T00:00:00), got 2026-01-01T00:00:00",
        ),
        (
            "TEMPORAL.INTERVAL ada 2026-02-01 2026-01-01",
            "to: expected a time after from (2026-02-01T00:00:00), got 2026-01-01T00:00:00",
        ),
    ] {
        for form in ["", " FORM count", " FORM plan"] {
            let refused = machine.refusal(&format!("{line}{form}"));
            assert!(refused.ends_with(message), "{line}{form}: {refused}");
        }
    }
    // A version and a time are compared by what is stored.
    for line in ["TEMPORAL.CHANGED 2", "TEMPORAL.REPLAY 2"] {
        let refused = machine.refusal(&format!("{line} {}", second[0]));
        let message = format!("expected a moment not before {} (2), got", {
            if line.contains("CHANGED") {
                "since"
            } else {
                "v1"
            }
        });
        assert!(refused.contains(&message), "{line}: {refused}");
    }
    // One that begins where it ends holds that, and what two moments differ by is told either way round.
    for (line, rows) in [
        ("CYPHER.EXPAND ada * 0 0", 1),
        ("QUALIA.VALENCE 0 -0", 2),
        ("TEMPORAL.REPLAY 2 2", 0),
        ("TEMPORAL.CHANGED 2 2", 0),
    ] {
        assert_eq!(machine.line(line).num_rows(), rows, "{line}");
    }
    let name = |line: &str| {
        let rows = cells(&machine.line(line));
        rows.into_iter()
            .find(|row| row[0] == "name")
            .expect("it differs")
    };
    assert_eq!(name("TEMPORAL.DIFF alan 1 2")[1..3], ["NULL", "alan"]);
    assert_eq!(name("TEMPORAL.DIFF alan 2 1")[1..3], ["alan", "NULL"]);
}
