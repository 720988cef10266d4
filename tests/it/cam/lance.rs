//! LANCE: forms, refusals, clusters and samples by what they must be.

use std::collections::{HashMap, HashSet};

use arrow::array::AsArray;
use arrow::datatypes::{UInt16Type, UInt32Type, UInt64Type};
use ladybug::cam::Method;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::bundle::bundle;

use super::{Machine, cells, only};

#[test]
fn what_is_refused_changes_nothing() {
    let machine = Machine::filled(2);
    machine.line("LANCE.INSERT newton apple");
    assert!(
        machine
            .refusal("LANCE.INSERT newton pear")
            .contains("is there already")
    );
    assert!(
        machine
            .refusal("LANCE.DELETE nobody")
            .contains("no such node")
    );
    assert!(
        machine
            .refusal("LANCE.UPSERT newton pear SCOPE fluid")
            .contains("lives in the node zone")
    );
    assert!(
        machine
            .refusal("LANCE.DELETE newton SCOPE fluid")
            .contains("outside")
    );
    assert!(
        machine
            .refusal("LANCE.INSERT quick pear 100 SCOPE node")
            .contains("lives in the fluid zone")
    );
    machine.line("LANCE.INSERT quick pear 100 SCOPE fluid");
}

#[test]
fn forms_are_the_count_and_the_majority_of_the_rows() {
    let machine = Machine::filled(4);
    let rows = machine.line("LANCE.TOPK bird 7 SCOPE node");
    assert_eq!(
        only(&machine.line("LANCE.TOPK bird 7 FORM count SCOPE node")),
        rows.num_rows().to_string()
    );
    let column = rows
        .column_by_name("fingerprint")
        .expect("fingerprints")
        .as_fixed_size_binary();
    let members: Vec<_> = column
        .iter()
        .flatten()
        .map(|bytes| Fingerprint::from_bytes(bytes).expect("bits"))
        .collect();
    let majority = bundle(&members).expect("members");
    let made = machine.line("0x006B bird 7");
    assert_eq!(
        made.column(0).as_fixed_size_binary().value(0),
        majority.to_bytes()
    );
    assert_eq!(machine.line("LANCE.TOPK bird 0 FORM bundle").num_rows(), 0);
    // Rows without a fingerprint are bundled as records: not those of other rows.
    let records = |line: &str| only(&machine.line(line));
    assert_ne!(
        records("LANCE.STATS FORM bundle SCOPE node"),
        records("LANCE.STATS FORM bundle SCOPE fluid")
    );
}

#[test]
fn the_surface_holds_methods_and_words() {
    let machine = Machine::filled(4);
    let near = machine.line("LANCE.TOPK \"rotates a fingerprint n bits up: marks a place in a sequence\" 3 SCOPE surface");
    assert!(
        cells(&near)[0][2].starts_with("VSA.PERMUTE"),
        "{:?}",
        cells(&near)[0]
    );
    let verbs = only(&machine.line("LANCE.RANGE CAUSES 0 SCOPE surface FORM count"));
    assert_eq!(verbs, "1");
}

/// Four planted centres are found again, and the result is a fixed point of moving rows and centres.
#[test]
fn clusters_are_those_that_were_planted() {
    let machine = Machine::new();
    let method = Method::of_name("LANCE.INSERT").expect("a method");
    for n in 0..40_u64 {
        let (centre, noise) = (Fingerprint::random(n % 4), Fingerprint::random(100 + n));
        let bits =
            &centre ^ &(&(&noise & &Fingerprint::random(500 + n)) & &Fingerprint::random(900 + n));
        let (name, bytes) = (format!("n{n}"), bits.to_bytes());
        machine
            .call(&method, &[name.as_bytes(), b"FP", &bytes])
            .expect("a node");
    }
    let planted = (0..50).find(|seed| {
        let rows = machine.line(&format!("LANCE.CLUSTER 4 {seed}"));
        let clusters = rows
            .column_by_name("cluster")
            .expect("clusters")
            .as_primitive::<UInt64Type>();
        let distances = rows
            .column_by_name("distance")
            .expect("distances")
            .as_primitive::<UInt32Type>();
        let bits: Vec<_> = rows
            .column_by_name("fingerprint")
            .expect("bits")
            .as_fixed_size_binary()
            .iter()
            .flatten()
            .map(|bytes| Fingerprint::from_bytes(bytes).expect("bits"))
            .collect();
        let mut members: HashMap<u64, Vec<usize>> = HashMap::new();
        for at in 0..rows.num_rows() {
            members.entry(clusters.value(at)).or_default().push(at);
        }
        let centres: HashMap<u64, Fingerprint> = members
            .iter()
            .map(|(cluster, rows)| {
                (
                    *cluster,
                    bundle(rows.iter().map(|at| &bits[*at])).expect("members"),
                )
            })
            .collect();
        for (at, own) in bits.iter().enumerate() {
            let distance = |cluster: &u64| centres[cluster].distance(own);
            assert_eq!(distances.value(at), distance(&clusters.value(at)));
            assert!(
                centres
                    .keys()
                    .all(|other| distance(other) >= distances.value(at))
            );
        }
        let names = cells(&rows);
        let group = |at: usize| names[at][2][1..].parse::<u64>().expect("a number") % 4;
        members.len() == 4
            && members
                .values()
                .all(|rows| rows.iter().all(|at| group(*at) == group(rows[0])))
    });
    assert!(planted.is_some(), "no seed finds what was planted");
    let one = cells(&machine.line("LANCE.CLUSTER 4 9"));
    assert_eq!(
        one,
        cells(&machine.line("LANCE.CLUSTER 4 9")),
        "the same for the same seed"
    );
}

#[test]
fn a_sample_has_no_row_twice_and_favours_none() {
    let machine = Machine::filled(5);
    let all = machine.line("LANCE.SCAN").num_rows();
    let (samples, n) = (400, 10);
    let mut drawn: HashMap<u16, usize> = HashMap::new();
    for seed in 0..samples {
        let rows = machine.line(&format!("LANCE.SAMPLE {n} {seed}"));
        let addresses = rows.column(1).as_primitive::<UInt16Type>().values();
        assert_eq!(addresses.iter().collect::<HashSet<_>>().len(), n);
        addresses
            .iter()
            .for_each(|address| *drawn.entry(*address).or_default() += 1);
    }
    assert_eq!(drawn.len(), all, "every row is drawn some time");
    // Each count is binomial; the seeds are fixed, so that this holds or does not.
    let share = n as f64 / all as f64;
    let (mean, deviation) = (
        samples as f64 * share,
        (samples as f64 * share * (1.0 - share)).sqrt(),
    );
    for (address, count) in drawn {
        assert!(
            (count as f64 - mean).abs() < 5.0 * deviation,
            "@{address:04X}: {count}, {mean} expected"
        );
    }
    assert_eq!(machine.line("LANCE.SAMPLE 65536 1").num_rows(), all);
}
