//! MEMORY by its equations written out, by worked values, and by a count of all there is before and after a merge.

use std::collections::BTreeSet;

use ladybug::cam::Method;

use super::{Machine, cells, only};

#[track_caller]
fn number(text: &str, expected: f64) {
    let found: f64 = text.parse().expect("a number");
    assert!(
        (found - expected).abs() < 1e-6,
        "{found}, expected {expected}"
    );
}

/// The row of a memory: id, address, name, value, presentations, lifetime, activation.
fn row(machine: &Machine, line: &str) -> Vec<String> {
    let mut rows = cells(&machine.line(line));
    assert_eq!(rows.len(), 1, "{line}: {rows:?}");
    rows.remove(0)
}

#[test]
fn a_base_level_is_that_of_the_equation_at_every_number_of_presentations() {
    let machine = Machine::new();
    let made = row(&machine, "MEMORY.REMEMBER \"a robin is a bird\"");
    assert_eq!(made[4], "1");
    number(&made[6], 0.0);
    // Seconds since each presentation, the newest first.
    let mut ages = vec![0.0_f64];
    for n in 0..25 {
        let passed = 2.5 + f64::from(n * n % 17);
        machine.pass(passed);
        ages.iter_mut().for_each(|age| *age += passed);
        let kept = ages.len().min(10);
        let (lifetime, oldest) = (ages[ages.len() - 1].max(1.0), ages[kept - 1].max(1.0));
        let mut sum: f64 = ages[..kept]
            .iter()
            .map(|age| 1.0 / age.max(1.0).sqrt())
            .sum();
        if ages.len() > kept {
            sum += (ages.len() - kept) as f64 * 2.0 * (lifetime.sqrt() - oldest.sqrt())
                / (lifetime - oldest);
        }
        let read = row(&machine, "MEMORY.ACTIVATION #1");
        assert_eq!(read[4], ages.len().to_string());
        number(&read[5], lifetime);
        number(&read[6], sum.ln());
        machine.line("MEMORY.TOUCH #1");
        ages.insert(0, 0.0);
    }
    // At no decay only the number counts.
    number(&row(&machine, "MEMORY.DECAY 0")[6], 26.0_f64.ln());
}

#[test]
fn what_was_never_presented_was_when_it_was_made_and_notes_do_not_change_what_a_node_is_like() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, properties) VALUES ('ada', '{\"born\":1815}')");
    machine.change("INSERT INTO nodes (name) VALUES ('gear')");
    let bits = |name: &str| {
        only(
            &machine.query(&format!(
                "SELECT fingerprint FROM nodes WHERE name = '{name}'"
            ))[0],
        )
    };
    let before = [bits("ada"), bits("gear")];
    machine.pass(100.0);
    number(
        &row(&machine, "MEMORY.ACTIVATION gear")[6],
        (1.0_f64 / 10.0).ln(),
    );
    let rehearsed = cells(&machine.line("MEMORY.REHEARSE ada gear ada"));
    let counts: Vec<_> = rehearsed.iter().map(|row| row[4].as_str()).collect();
    assert_eq!(counts, ["3", "2", "3"]);
    number(&rehearsed[1][6], (1.0_f64 / 10.0 + 1.0).ln());
    assert_eq!([bits("ada"), bits("gear")], before);
}

#[test]
fn recall_adds_base_level_spreading_and_mismatch() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, value) VALUES ('robin', 'a robin sings'), ('gear', 'a gear turns'), ('owl', 'an owl hoots')");
    machine.pass(100.0);
    machine.change("INSERT INTO nodes (name, value, expires) VALUES ('now', 'thinking of birds', now() + INTERVAL '1 hour'), ('then', 'x', now() + INTERVAL '1 hour')");
    machine.change(
        "INSERT INTO edges (source, verb, target) SELECT s.id, 'RELATES', t.id FROM nodes s, nodes t \
         WHERE s.name = 'now' AND t.name IN ('robin', 'owl')",
    );
    // Edges that join the same nodes once more, or a node with itself, add nothing.
    machine.change("INSERT INTO edges (source, verb, target) SELECT s.id, 'CAUSES', t.id FROM nodes s, nodes t WHERE s.name = 'robin' AND t.name = 'now'");
    machine.change("INSERT INTO edges (source, verb, target) SELECT id AS source, 'CAUSES', id AS target FROM nodes WHERE name = 'now'");
    let recalled = cells(&machine.line("MEMORY.RECALL \"a robin sings\" 5"));
    let of = |name: &str| {
        let found = recalled.iter().find(|row| row[2] == name);
        found.expect("it is recalled")
    };
    // Two sources share the activation of the context, and the one that is linked has a fan of two.
    let spread = 0.5 * (2.0 - 2.0_f64.ln());
    let base = 0.1_f64.ln();
    assert_eq!(of("robin")[4], "0");
    number(&of("robin")[5], base);
    number(&of("robin")[6], spread);
    number(&of("robin")[8], base + spread);
    number(&of("owl")[6], spread);
    number(&of("gear")[6], 0.0);
    let distance: f64 = of("gear")[4].parse().expect("a distance");
    number(&of("gear")[7], 10.0 * distance / 5120.0);
    assert_eq!(recalled[0][2], "robin");
    // Without the context nothing spreads.
    assert!(
        cells(&machine.line("MEMORY.RECALL robin 3 SCOPE node"))
            .iter()
            .all(|row| row[6] == "0.0")
    );
    assert_eq!(cells(&machine.line("MEMORY.WORKING")).len(), 2);
    let spread = cells(&machine.line("MEMORY.SPREAD robin 2"));
    let shown: Vec<_> = spread
        .iter()
        .map(|row| (row[2].as_str(), row[3].as_str()))
        .collect();
    assert_eq!(
        shown,
        [("robin", "1.125"), ("now", "0.5"), ("owl", "0.125")]
    );
}

#[test]
fn memories_move_between_the_zones_by_activation_and_idleness() {
    let machine = Machine::new();
    let remember = Method::of_name("MEMORY.REMEMBER").expect("a method");
    let words: [&[u8]; 4] = [b"in mind", b"{\"about\":\"bird\"}", b"TTL", b"600"];
    machine.call(&remember, &words).expect("it is kept");
    assert_eq!(
        machine.texts("SELECT field(properties, 'about') FROM nodes"),
        ["bird"]
    );
    machine.line("MEMORY.REMEMBER passing TTL 600");
    machine.line("MEMORY.REMEMBER lasting");
    number(&only(&machine.line("MEMORY.TTL #1")), 600.0);
    assert_eq!(only(&machine.line("MEMORY.TTL #3")), "NULL");
    machine.pass(100.0);
    number(&only(&machine.line("MEMORY.TTL #1")), 500.0);
    machine.line("MEMORY.TOUCH #1");
    let promoted = cells(&machine.line("MEMORY.PROMOTE 0"));
    assert_eq!(promoted.len(), 1);
    assert_eq!(promoted[0][0], "1");
    assert_eq!(only(&machine.line("MEMORY.TTL #1")), "NULL");
    // What was touched just now stays.
    let demoted = cells(&machine.line("MEMORY.DEMOTE 60"));
    assert_eq!(demoted.len(), 1);
    assert_eq!(demoted[0][0], "3");
    number(&only(&machine.line("MEMORY.TTL #3")), 60.0);
    machine.line("MEMORY.CRYSTALLIZE #3");
    machine.line("MEMORY.EVAPORATE #1 30");
    machine.pass(1000.0);
    assert_eq!(machine.texts("SELECT id FROM nodes"), ["3"]);
    machine.line("MEMORY.FORGET #3");
    assert_eq!(cells(&machine.line("MEMORY.DECAY 0.5")).len(), 0);
}

#[test]
fn an_episode_is_told_in_its_order() {
    let machine = Machine::new();
    machine.line("MEMORY.REMEMBER first");
    machine.pass(10.0);
    machine.line("MEMORY.REMEMBER second");
    machine.pass(10.0);
    machine.line("MEMORY.TOUCH #1");
    let told = |from: i64, to: i64| -> Vec<String> {
        // Since the clock started.
        let rows = cells(&machine.line(&format!(
            "MEMORY.EPISODE 2026-01-01T00:00:{from:02} 2026-01-01T02:00:{to:02}+02:00"
        )));
        rows.into_iter().map(|mut row| row.remove(1)).collect()
    };
    assert_eq!(told(0, 20), ["1", "2", "1"]);
    assert_eq!(told(1, 19), ["2"]);
    assert!(told(21, 30).is_empty());
    let refused = machine.refusal("MEMORY.EPISODE 2026-01-01 later");
    assert!(
        refused.contains("to: expected a time such as 2026-11-28T12:00:00, got 'later'"),
        "{refused}"
    );
}

/// Everything that a merge must keep, counted: edges by id, evidence, presentations, kinds, and what names and values
/// there are, as nodes or among what was absorbed.
fn everything(machine: &Machine) -> Vec<BTreeSet<String>> {
    let set = |query: &str| machine.texts(query).into_iter().collect::<BTreeSet<_>>();
    let absorbed = machine
        .texts("SELECT coalesce(field(properties, 'memory:absorbed'), '[]') FROM nodes")
        .into_iter();
    let absorbed: Vec<serde_json::Value> = absorbed
        .flat_map(|text| match serde_json::from_str(&text) {
            Ok(serde_json::Value::Array(items)) => items,
            other => panic!("{other:?}"),
        })
        .collect();
    let part = |name: &str| -> Vec<String> {
        let of = |item: &serde_json::Value| {
            let parts = item.as_array().expect("a list");
            let at = parts.iter().position(|part| part == name)?;
            Some(match &parts[at + 1] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        };
        absorbed.iter().filter_map(of).collect()
    };
    let with = |query: &str, name: &str| -> BTreeSet<String> {
        set(query).into_iter().chain(part(name)).collect()
    };
    vec![
        set("SELECT id || e.verb || CAST(weight AS VARCHAR) FROM edges e"),
        set(
            "SELECT CASE WHEN cardinality(evidence) > 0 THEN 'e' || unnest(evidence) ELSE 'e' || id END FROM nodes",
        ),
        set(
            "SELECT 'n' || sum(CAST(coalesce(array_element(string_to_array(btrim(field(properties, 'memory:presented'), '[]'), ','), 1), '1') AS BIGINT)) FROM nodes",
        ),
        set("SELECT unnest(kinds) FROM nodes"),
        with("SELECT name FROM nodes WHERE name IS NOT NULL", "name"),
        with(
            "SELECT CAST(value AS VARCHAR) FROM nodes WHERE value IS NOT NULL",
            "value",
        ),
        with("SELECT CAST(id AS VARCHAR) FROM nodes", "id"),
        set(
            "SELECT DISTINCT unnest(field_names(properties)) FROM nodes WHERE field(properties, 'born') IS NOT NULL",
        ),
    ]
}

#[test]
fn a_consolidation_merges_what_is_near_and_loses_nothing() {
    for seed in 0..3 {
        let machine = Machine::filled(seed);
        machine.change("UPDATE nodes SET kinds = make_array('Thing', 'K' || id % 3)");
        machine.change("UPDATE nodes SET evidence = make_array(id, 900) WHERE id % 6 = 0");
        let before = everything(&machine);
        let count = || -> usize { only(&machine.line("LANCE.COUNT")).parse().expect("a count") };
        let (nodes, version) = (count(), machine.engine().state(0).0.version());
        let merged = cells(&machine.line("MEMORY.CONSOLIDATE 3000"));
        let gone: usize = merged
            .iter()
            .map(|row| row[3].parse::<usize>().expect("a count"))
            .sum();
        assert!(gone > 0, "seed {seed}: nothing was near");
        assert_eq!(count(), nodes - gone);
        assert_eq!(machine.engine().state(0).0.version(), version + 1);
        let after = everything(&machine);
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let lost: Vec<_> = before.difference(after).collect();
            assert!(
                lost.is_empty(),
                "seed {seed}: of part {at} is lost {lost:?}"
            );
        }
        assert_eq!(before[2], after[2]);
        // No pair that leads is near any more.
        assert_eq!(cells(&machine.line("MEMORY.CONSOLIDATE 0")).len(), 0);
    }
}

#[test]
fn duplicates_pool_evidence_and_share_none_twice() {
    let machine = Machine::new();
    let bits = ladybug_engine::fingerprint::Fingerprint::random(1).to_hex();
    for (name, frequency) in [("a", 1.0), ("b", 0.0), ("c", 1.0)] {
        machine.change(&format!(
            "INSERT INTO nodes (name, fingerprint, frequency, confidence) VALUES ('{name}', fingerprint('{bits}'), {frequency}, 0.5)"
        ));
    }
    machine.change("INSERT INTO edges (source, verb, target) SELECT s.id, 'RELATES', t.id FROM nodes s, nodes t WHERE s.name = 'b' AND t.name = 'c'");
    machine.line("MEMORY.CONSOLIDATE 0");
    // Three pieces of evidence, two of them positive: f = 2/3, c = 3/4.
    assert_eq!(
        machine.texts("SELECT name, round(CAST(frequency AS DOUBLE), 4), round(CAST(confidence AS DOUBLE), 4), array_to_string(evidence, ',') FROM nodes"),
        ["a|0.6667|0.75|1,2,3"]
    );
    // The edge between two of them joins the one with itself.
    assert_eq!(
        machine.texts("SELECT id, source, target FROM edges"),
        ["4|1|1"]
    );
    machine.change(&format!(
        "INSERT INTO nodes (name, fingerprint, evidence) VALUES ('d', fingerprint('{bits}'), make_array(2, 7))"
    ));
    machine.line("MEMORY.CONSOLIDATE 0");
    // Evidence 2 counts once: the surer of the two truths is believed, on all the evidence.
    assert_eq!(
        machine.texts(
            "SELECT round(CAST(confidence AS DOUBLE), 4), array_to_string(evidence, ',') FROM nodes"
        ),
        ["0.9|1,2,3,7"]
    );
}

#[test]
fn what_is_wrong_is_refused() {
    let machine = Machine::new();
    machine.line("MEMORY.REMEMBER bird");
    for (line, message) in [
        (
            "MEMORY.REMEMBER",
            "text: expected text in UTF-8, got nothing more",
        ),
        (
            "MEMORY.REMEMBER x [1]",
            "fields: expected properties as a JSON object",
        ),
        (
            "MEMORY.REMEMBER x TTL never",
            "seconds: expected TTL and whole seconds from 1 to 10000000000, got 'never'",
        ),
        (
            "MEMORY.REMEMBER x about",
            "fields: expected properties as a JSON object such as {\"born\":1815}, got 'about': expected value",
        ),
        (
            "MEMORY.REMEMBER x TTL 60 SCOPE node",
            "SCOPE: expected the scope of what is written, got node",
        ),
        ("MEMORY.TOUCH nobody", "x: no such node 'nobody'"),
        (
            "MEMORY.DECAY 1",
            "d: expected a number from 0 to 0.99, got '1'",
        ),
        (
            "MEMORY.SPREAD #1 7",
            "depth: expected a whole number from 0 to 6",
        ),
        (
            "MEMORY.CONSOLIDATE near",
            "radius: expected a whole number from 0 to 10240",
        ),
        ("MEMORY.REHEARSE #1 #2", "x: no such node '#2'"),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
    let method = Method::of_name("MEMORY.REMEMBER").expect("a method");
    let refused = machine.call(&method, &[b"x", b"{\"memory:presented\":[1]}"]);
    let refused = refused.expect_err("a note is not the caller's");
    assert!(refused.contains("do not begin with memory:"), "{refused}");
}
