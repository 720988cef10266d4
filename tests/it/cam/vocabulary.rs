//! Verbs and concepts: what follows from the words, against edges and kinds that are looked at one by one.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::AsArray;
use arrow::datatypes::UInt16Type;
use ladybug::cam::Called;
use ladybug_engine::engine::When;
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::verbs::BUILT_IN;

use super::{Machine, cells, only};
use crate::random::Random;

fn people(machine: &Machine, names: &[&str]) {
    for name in names {
        machine.change(&format!("INSERT INTO nodes (name) VALUES ('{name}')"));
    }
}

/// Whom a word leads to, by name.
fn names(machine: &Machine, line: &str) -> Vec<String> {
    let rows = cells(&machine.line(line));
    rows.iter().map(|row| row[2].clone()).collect()
}

/// The first cells of the one row of a result.
fn row(machine: &Machine, line: &str) -> Vec<String> {
    let mut rows = cells(&machine.line(line));
    assert_eq!(rows.len(), 1, "{line}: {rows:?}");
    rows.remove(0)
}

#[test]
fn a_word_asks_whether_it_holds_and_asserts_that_it_does() {
    let machine = Machine::new();
    people(&machine, &["smoking", "tar", "cancer"]);
    assert_eq!(row(&machine, "VERBS.CAUSES smoking tar")[0], "false");
    assert_eq!(
        row(&machine, "VERBS.CAUSES smoking tar 1.0,0.5"),
        ["4", "true"]
    );
    assert_eq!(
        row(&machine, "VERBS.CAUSES smoking tar"),
        ["true", "1.0", "0.5", "CAUSES", "4", "1"]
    );
    // By id, by its name in any case, with the words of operands.
    for line in [
        "0x0700 smoking",
        "@0700 KEY smoking",
        "1792 #1",
        "verbs.causes @8000",
        "CAM.VERBS.CAUSES smoking",
    ] {
        assert_eq!(names(&machine, line), ["tar"], "{line}");
    }
    // What is asserted again replaces what was.
    assert_eq!(
        row(&machine, "VERBS.CAUSES smoking tar 0.25,0.5"),
        ["4", "false"]
    );
    assert_eq!(
        row(&machine, "VERBS.CAUSES smoking tar"),
        ["false", "0.25", "0.5", "CAUSES", "4", "1"]
    );
    // The other way round it is said by the inverse, and only there.
    assert_eq!(names(&machine, "VERBS.CAUSED_BY tar"), ["smoking"]);
    assert_eq!(row(&machine, "VERBS.CAUSED_BY tar smoking")[3], "CAUSES");
    assert_eq!(row(&machine, "VERBS.CAUSES tar smoking")[0], "false");
    for (line, message) in [
        (
            "VERBS.CAUSES",
            "CAM.VERBS.CAUSES: x: expected a node (KEY name, @8042 or #17), got nothing more",
        ),
        (
            "0x0700 nobody",
            "CAM.VERBS.CAUSES: x: no such node 'nobody'",
        ),
        (
            "VERBS.CAUSES smoking tar much",
            "CAM.VERBS.CAUSES: t: expected a truth f,c",
        ),
        (
            "VERBS.CAUSES smoking tar 1,0.5 more",
            "CAM.VERBS.CAUSES: expected nothing after x y t, got 'more'",
        ),
        (
            "VERBS.CAUSES smoking TRANSITIVE",
            "CAM.VERBS.CAUSES: TRANSITIVE: expected a transitive verb, and CAUSES is none",
        ),
        (
            "VERBS.IS_A smoking tar 1,0.5 TRANSITIVE",
            "CAM.VERBS.IS_A: TRANSITIVE: expected it of a question",
        ),
        (
            "VERBS.SWIMS smoking",
            "no such verb 'SWIMS'; CAM.VERBS.DEFINE SWIMS takes an open slot for it",
        ),
        (
            "0x07A0 smoking",
            "0x07A0 is free: CAM.VERBS.DEFINE name takes the first free slot from 0x0790",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.starts_with(message), "{line}: {refused}");
    }
}

#[test]
fn words_of_the_spaces_own_fill_the_open_slots() {
    let machine = Machine::new();
    people(&machine, &["a", "b"]);
    assert_eq!(only(&machine.line("VERBS.DEFINE DEPENDS_ON")), "1936");
    assert_eq!(only(&machine.line("VERBS.DEFINE DEPENDS_ON")), "1936");
    assert_eq!(only(&machine.line("VERBS.DEFINE CAUSES")), "1792");
    machine.line("VERBS.DEPENDS_ON a b 1,0.9");
    assert_eq!(names(&machine, "0x0790 a"), ["b"]);
    machine.change("INSERT INTO verbs (name) VALUES ('TRANSITIVE')");
    machine.line("0x0791 a b 1,0.9");
    assert_eq!(names(&machine, "VERBS.TRANSITIVE a"), ["b"]);
    let listed = machine.texts(
        "SELECT name, address, is_built_in, \"group\", inverse, symmetric, transitive FROM verbs \
         WHERE name IN ('DEPENDS_ON', 'IS_A', 'SAME_AS', 'BEFORE') ORDER BY name",
    );
    assert_eq!(
        listed,
        [
            "BEFORE|1809|true|temporal|AFTER|false|true",
            "DEPENDS_ON|1936|false|NULL|NULL|false|false",
            "IS_A|1798|true|part and kind|SUBSUMES|false|true",
            "SAME_AS|1901|true|comparative|SAME_AS|true|true",
        ]
        .map(|row| row.to_owned())
    );
    let counted =
        machine.texts("SELECT \"group\", count(*) FROM verbs WHERE is_built_in GROUP BY 1");
    assert_eq!(counted.len(), 12);
    assert!(
        counted.iter().all(|group| group.ends_with("|12")),
        "{counted:?}"
    );
    assert_eq!(machine.line("VERBS").num_rows(), 146);
    for n in 0..110 {
        machine.line(&format!("VERBS.DEFINE V{n}"));
    }
    let full = machine.refusal("VERBS.DEFINE ONE_MORE");
    assert!(
        full.contains("all 112 open verb slots are taken") && full.contains("DEPENDS_ON"),
        "{full}"
    );
    let refused = machine.refusal("VERBS.DEFINE \"no word\"");
    assert!(refused.contains("a verb is a word of letters"), "{refused}");
}

/// What edges of a verb say, by the definition: facts between names, each with the highest confidence that says so.
fn facts(edges: &[(usize, usize, usize, f64)], verb: usize) -> BTreeMap<(usize, usize), f64> {
    let word = &BUILT_IN[verb];
    let inverse = BUILT_IN.iter().position(|other| other.name == word.inverse);
    let mut facts = BTreeMap::new();
    for (source, edge, target, confidence) in edges {
        let mut say = |fact| {
            let there: &mut f64 = facts.entry(fact).or_insert(0.0);
            *there = there.max(*confidence);
        };
        if *edge == verb {
            say((*source, *target));
        }
        if Some(*edge) == inverse {
            say((*target, *source));
        }
    }
    facts
}

#[test]
fn symmetry_inverses_and_chains_answer_what_their_definitions_say() {
    for seed in 0..6 {
        let machine = Machine::new();
        let mut random = Random(seed);
        let all: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        people(
            &machine,
            &all.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let words: Vec<usize> = (0..6).map(|_| random.below(144) as usize).collect();
        let mut edges = Vec::new();
        for _ in 0..40 {
            let word = words[random.below(6) as usize];
            // Half of them say it the other way round.
            let verb = match random.one_in(2) {
                true => word,
                false => {
                    let inverse = BUILT_IN
                        .iter()
                        .position(|other| other.name == BUILT_IN[word].inverse);
                    inverse.expect("an inverse")
                }
            };
            let (source, target) = (random.below(7) as usize, random.below(7) as usize);
            let confidence = (8 + random.below(8)) as f64 / 16.0;
            machine.change(&format!(
                "INSERT INTO edges (source, verb, target, frequency, confidence) SELECT s.id, '{}', t.id, 1.0, {confidence} \
                 FROM nodes s, nodes t WHERE s.name = 'n{source}' AND t.name = 'n{target}'",
                BUILT_IN[verb].name
            ));
            edges.push((source, verb, target, confidence));
        }
        for word in words {
            let facts = facts(&edges, word);
            let name = BUILT_IN[word].name;
            for x in 0..7 {
                let rows = cells(&machine.line(&format!("VERBS.{name} n{x}")));
                let found: BTreeMap<String, f64> = rows
                    .iter()
                    .map(|row| (row[2].clone(), row[4].parse().expect("a number")))
                    .collect();
                let expected: BTreeMap<String, f64> = (0..7)
                    .filter_map(|y| Some((format!("n{y}"), *facts.get(&(x, y))?)))
                    .collect();
                assert_eq!(found, expected, "seed {seed}: {name} n{x}");
                for y in 0..7 {
                    let row = row(&machine, &format!("VERBS.{name} n{x} n{y}"));
                    assert_eq!(
                        row[0] == "true",
                        facts.contains_key(&(x, y)),
                        "seed {seed}: {name} {x} {y}"
                    );
                }
                if !BUILT_IN[word].is_transitive {
                    continue;
                }
                // Steps by brute force: who is reached in one, in two, and so on.
                let mut hops: BTreeMap<usize, usize> = BTreeMap::new();
                let mut front: BTreeSet<usize> = [x].into();
                for step in 1..=7 {
                    front = (0..7)
                        .filter(|y| front.iter().any(|from| facts.contains_key(&(*from, *y))))
                        .collect();
                    for y in &front {
                        hops.entry(*y).or_insert(step);
                    }
                }
                // Back to where it began only an edge leads.
                if !facts.contains_key(&(x, x)) {
                    hops.remove(&x);
                }
                let rows = cells(&machine.line(&format!("VERBS.{name} n{x} TRANSITIVE")));
                let found: BTreeMap<String, usize> = rows
                    .iter()
                    .map(|row| (row[2].clone(), row[7].parse().expect("a number")))
                    .collect();
                let expected: BTreeMap<String, usize> = hops
                    .iter()
                    .map(|(y, hops)| (format!("n{y}"), *hops))
                    .collect();
                assert_eq!(found, expected, "seed {seed}: {name} n{x}");
            }
        }
    }
}

#[test]
fn a_chain_is_as_true_as_deduction_along_it() {
    let machine = Machine::new();
    people(&machine, &["robin", "bird", "animal", "being"]);
    machine.line("VERBS.IS_A robin bird 1.0,0.9");
    machine.line("VERBS.SUBSUMES animal bird 0.9,0.9");
    machine.line("VERBS.IS_A animal being 1.0,0.8");
    assert_eq!(row(&machine, "VERBS.IS_A robin being")[0], "false");
    let found = row(&machine, "VERBS.IS_A robin being TRANSITIVE");
    assert_eq!(
        (&*found[0], &*found[3], &*found[4], &*found[5]),
        ("true", "IS_A", "NULL", "3")
    );
    // f = f1 f2, c = f1 f2 c1 c2, twice.
    let number = |at: usize| found[at].parse::<f64>().expect("a number");
    let first = 0.9 * 0.9 * 0.9;
    assert!((number(1) - 0.9).abs() < 1e-6, "{found:?}");
    assert!((number(2) - 0.9 * first * 0.8).abs() < 1e-6, "{found:?}");
    assert_eq!(names(&machine, "VERBS.SUBSUMES being TRANSITIVE").len(), 3);
}

#[test]
fn a_concept_answers_its_instances_and_how_much_something_is_one() {
    let machine = Machine::new();
    for (name, value, kind) in [
        ("nginx", "a web server for http", "make_array('Software')"),
        (
            "apache",
            "another web server for http",
            "make_array('Software', 'Product')",
        ),
        ("ada", "first programmer", "make_array('Person')"),
        ("caddy", "a web server", "make_array('Thing')"),
    ] {
        machine.change(&format!(
            "INSERT INTO nodes (name, value, kinds) VALUES ('{name}', '{value}', {kind})"
        ));
    }
    assert_eq!(names(&machine, "CONCEPTS.SOFTWARE"), ["nginx", "apache"]);
    assert_eq!(names(&machine, "CONCEPTS.Person"), ["ada"]);
    assert_eq!(
        row(&machine, "CONCEPTS.Software nginx"),
        ["1.0", "kind", "2"]
    );
    let members = ["a web server for http", "another web server for http"].map(encode::text);
    let prototype = bundle(&members).expect("a bundle");
    let degree = |bits: &Fingerprint| prototype.similarity(bits).max(0.0).to_string();
    let caddy = encode::text("a web server");
    assert_eq!(
        row(&machine, "CONCEPTS.Software caddy"),
        [degree(&caddy), "prototype".into(), "2".into()]
    );
    assert_eq!(
        row(&machine, "CONCEPTS.Software TEXT \"a web server\""),
        [degree(&caddy), "prototype".into(), "2".into()]
    );
    let opposite = format!("FP {}", (!&prototype).to_hex());
    assert_eq!(
        row(&machine, &format!("CONCEPTS.Software {opposite}")),
        ["0.0", "prototype", "2"]
    );
    assert_eq!(row(&machine, "CONCEPTS.City caddy"), ["0.0", "none", "0"]);
    for (line, message) in [
        (
            "CONCEPTS.City nobody",
            "CAM.CONCEPTS.City: x: no such node 'nobody'",
        ),
        (
            "CONCEPTS.Starship",
            "no such concept 'Starship'; CAM.CONCEPTS.DEFINE Starship takes an open slot",
        ),
        (
            "0x0880",
            "0x0880 is free: CAM.CONCEPTS.DEFINE name takes the first free slot from 0x0880",
        ),
        (
            "CONCEPTS.DEFINE \"no word\"",
            "CAM.CONCEPTS.DEFINE: name: expected a word of letters",
        ),
        (
            "CONCEPTS.City caddy FORM count",
            "CAM.CONCEPTS.City: expected no SCOPE and no FORM behind a word",
        ),
        (
            "VERBS.IS_A caddy SCOPE node",
            "CAM.VERBS.IS_A: expected no SCOPE and no FORM behind a word",
        ),
        (
            "CONCEPTS.City caddy more",
            "CAM.CONCEPTS.City: expected nothing after x, got 'more'",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.starts_with(message), "{line}: {refused}");
    }
}

#[test]
fn own_concepts_are_words_of_the_surface_and_have_a_past() {
    let machine = Machine::new();
    let line = "CONCEPTS.DEFINE Starship \"travels between the stars\"";
    assert_eq!(only(&machine.line(line)), "2176");
    assert_eq!(only(&machine.line("CONCEPTS.DEFINE starship")), "2176");
    assert_eq!(
        only(&machine.line("CONCEPTS.DEFINE person")),
        (0x0800 + 67).to_string()
    );
    let version = machine.engine().state(0).0.version();
    assert_eq!(machine.line("CONCEPTS").num_rows(), 129);
    let found =
        machine.texts("SELECT address, is_built_in, doc FROM concepts WHERE name = 'Starship'");
    assert_eq!(found, ["2176|false|travels between the stars"]);
    let near = machine.line("LANCE.TOPK \"travels between the stars\" 1 SCOPE surface");
    let place = near.column_by_name("address").expect("addresses");
    assert_eq!(place.as_primitive::<UInt16Type>().value(0), 0x0880);
    let bits = encode::text("Starship: travels between the stars").to_hex();
    let same = machine.texts("SELECT hex(fingerprint) FROM concepts WHERE name = 'Starship'");
    assert_eq!(same, [bits]);
    assert_eq!(
        machine.texts("SELECT count(*) FROM concepts VERSION AS OF 0"),
        ["128"]
    );
    // A fork has them, and goes on by itself; rolling back takes them back.
    let engine = machine.engine();
    let fork = engine
        .fork(0, "what-if", None, false)
        .value
        .expect("a fork");
    assert_eq!(
        machine.texts("SELECT count(*) FROM \"what-if\".concepts"),
        ["129"]
    );
    let then = engine
        .state_at(0, When::Version(version - 1))
        .expect("a past");
    engine.roll_back(0, &then).value.expect("rolled back");
    assert_eq!(machine.texts("SELECT count(*) FROM concepts"), ["128"]);
    assert_eq!(engine.state(fork).0.words().iter().count(), 1);
    for n in 0..128 {
        machine.line(&format!("CONCEPTS.DEFINE C{n}"));
    }
    let full = machine.refusal("CONCEPTS.DEFINE one_more");
    assert!(
        full.contains("all 128 open concept slots are taken"),
        "{full}"
    );
}

#[test]
fn every_built_in_word_is_called_by_its_id_and_by_its_name() {
    let machine = Machine::new();
    people(&machine, &["a"]);
    for (slot, word) in BUILT_IN.iter().enumerate() {
        let (id, name) = (0x0700 + slot as u16, format!("VERBS.{}", word.name));
        for called in [
            Called::of_id(id).expect("a word"),
            Called::parse(name.as_bytes()).expect("a word"),
        ] {
            let rows = machine.called(&called, &[b"a"]);
            assert_eq!(rows.expect(word.name).num_rows(), 0, "{}", word.name);
        }
    }
    for slot in 0..128u16 {
        let called = Called::of_id(0x0800 + slot).expect("a concept");
        assert_eq!(
            machine.called(&called, &[]).expect("instances").num_rows(),
            0
        );
    }
}
