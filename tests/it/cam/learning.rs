//! LEARNING by worked values, and by its definitions bit by bit: counts of examples, pairs, products.

use arrow::array::{Array, AsArray};
use ladybug::cam::Method;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::bundle::bundle;

use super::{Machine, cells};

#[track_caller]
fn number(text: &str, expected: f64) {
    let found: f64 = text.parse().expect("a number");
    assert!(
        (found - expected).abs() < 1e-6,
        "{found}, expected {expected}"
    );
}

/// A machine with nodes of given bits.
fn machine(names: &[&str]) -> Machine {
    let machine = Machine::new();
    for name in names {
        let bits = word(name).to_hex();
        machine.change(&format!(
            "INSERT INTO nodes (name, fingerprint) VALUES ('{name}', fingerprint('{bits}'))"
        ));
    }
    machine
}

/// The bits of a name.
fn word(name: &str) -> Fingerprint {
    let mix = |seed: u64, byte: u8| seed.wrapping_mul(257).wrapping_add(byte.into());
    let seed = name.bytes().fold(7, mix);
    Fingerprint::random(seed)
}

/// The rows of a method whose arguments are words and fingerprints.
#[track_caller]
fn call(machine: &Machine, name: &str, arguments: &[&[u8]]) -> arrow::array::RecordBatch {
    let method = Method::of_name(name).expect("a method");
    machine.call(&method, arguments).expect("it answers")
}

/// A call of a name and some fingerprints.
fn of(
    machine: &Machine,
    method: &str,
    name: &str,
    bits: &[&Fingerprint],
) -> arrow::array::RecordBatch {
    let bytes: Vec<_> = bits.iter().map(|bits| bits.to_bytes()).collect();
    let mut words: Vec<&[u8]> = Vec::new();
    if !name.is_empty() {
        words.push(name.as_bytes());
    }
    for bytes in &bytes {
        words.extend([b"FP" as &[u8], bytes]);
    }
    call(machine, method, &words)
}

/// The fingerprint in the last column of the first row.
fn bits(rows: &arrow::array::RecordBatch) -> Fingerprint {
    let last = rows.column(rows.num_columns() - 1).as_fixed_size_binary();
    assert!(!last.is_empty());
    Fingerprint::from_bytes(last.value(0)).expect("a fingerprint")
}

#[test]
fn what_is_active_together_is_joined_more_and_more() {
    let machine = machine(&["a", "b"]);
    let weights: Vec<_> = (0..3)
        .map(|_| cells(&machine.line("LEARNING.HEBB a b 0.5"))[0][1].clone())
        .collect();
    assert_eq!(weights, ["0.5", "0.75", "0.875"]);
    assert_eq!(
        machine.texts("SELECT verb, weight FROM edges"),
        ["RELATES|0.875"]
    );
}

#[test]
fn rewards_are_counted_on_edges_and_choices_follow_them() {
    let machine = machine(&["hungry", "eat", "sleep", "sing"]);
    assert_eq!(cells(&machine.line("LEARNING.VALUE hungry eat")).len(), 0);
    for reward in ["1", "0.5", "0"] {
        machine.line(&format!("LEARNING.REWARD hungry sleep {reward}"));
    }
    for _ in 0..3 {
        machine.line("LEARNING.REWARD hungry eat 0.9");
    }
    let value = &cells(&machine.line("LEARNING.VALUE hungry sleep"))[0];
    number(&value[1], 0.5);
    assert_eq!(value[2], "3");
    number(&value[3], 0.75);
    // UCB1: both were tried three times, so the better one, with its bound.
    let chosen = &cells(&machine.line("LEARNING.CHOOSE hungry"))[0];
    assert_eq!(chosen[2], "eat");
    number(&chosen[5], 0.9 + (2.0 * 6_f64.ln() / 3.0).sqrt());
    // What is possible and was never tried comes first.
    machine.change("INSERT INTO edges (source, verb, target) SELECT s.id, 'ENABLES', t.id FROM nodes s, nodes t WHERE s.name = 'hungry' AND t.name = 'sing'");
    assert_eq!(
        cells(&machine.line("LEARNING.CHOOSE hungry ucb1"))[0][2],
        "sing"
    );
    let greedy = &cells(&machine.line("LEARNING.CHOOSE hungry epsilon-greedy 0 1"))[0];
    assert_eq!(greedy[2], "eat");
    number(&greedy[5], 1.0);
    let line = "LEARNING.CHOOSE hungry softmax 0.2 5";
    let soft = &cells(&machine.line(line))[0];
    assert_eq!(cells(&machine.line(line))[0], *soft);
    let weight = |name: &str| {
        (match name {
            "eat" => 0.9_f64,
            "sleep" => 0.5,
            _ => 0.0,
        } / 0.2)
            .exp()
    };
    let total: f64 = ["eat", "sleep", "sing"].map(weight).iter().sum();
    number(&soft[5], weight(&soft[2]) / total);
    assert_eq!(cells(&machine.line("LEARNING.CHOOSE eat")).len(), 0);
    // Thompson sampling finds the arm that is rewarded.
    let chances = [("eat", 80), ("sleep", 30), ("sing", 10)];
    let machine = self::machine(&["world", "eat", "sleep", "sing"]);
    let mut pulled = 0;
    for n in 0..120_u64 {
        let arm =
            cells(&machine.line(&format!("LEARNING.BANDIT {n} eat sleep sing eat")))[0][2].clone();
        let chance = chances
            .iter()
            .find(|(name, _)| *name == arm)
            .expect("an arm")
            .1;
        let reward = u64::from(n * 37 % 100 < chance);
        machine.line(&format!("LEARNING.REWARD world {arm} {reward}"));
        pulled += usize::from(n >= 60 && arm == "eat");
    }
    assert!(pulled > 45, "{pulled}");
}

#[test]
fn a_prototype_is_the_majority_of_its_examples_and_moves_on_errors() {
    let machine = Machine::new();
    let examples: Vec<_> = (0..9).map(Fingerprint::random).collect();
    for (at, example) in examples.iter().enumerate() {
        let trained = of(&machine, "LEARNING.TRAIN", "bird", &[example]);
        assert_eq!(cells(&trained)[0][3], (at + 1).to_string());
        if at % 2 == 0 {
            assert_eq!(Some(bits(&trained)), bundle(&examples[..=at]));
        }
    }
    let others: Vec<_> = (20..23).map(Fingerprint::random).collect();
    for other in &others {
        of(&machine, "LEARNING.TRAIN", "gear", &[other]);
    }
    let of_gear = cells(&of(&machine, "LEARNING.CLASSIFY", "", &[&others[0]]));
    assert_eq!(of_gear[0][2], "gear");
    let both = machine.line("LEARNING.CLASSIFY whatever 9");
    assert_eq!(both.num_rows(), 2);
    // What is right stays.
    let right = of(&machine, "LEARNING.RETRAIN", "gear", &[&others[0]]);
    let right = &cells(&right)[0];
    assert_eq!((right[3].as_str(), right[4].as_str()), ("gear", "false"));
    // What is wrong is added to its class, and taken from the other.
    let wrong = of(&machine, "LEARNING.RETRAIN", "bird", &[&others[0]]);
    assert_eq!(cells(&wrong)[0][3..5], ["gear", "true"]);
    let count = |bit: usize, of: &[Fingerprint]| -> i32 {
        of.iter()
            .map(|example| if example.bit(bit) { 1 } else { -1 })
            .sum()
    };
    let value =
        machine.query("SELECT value FROM nodes WHERE name IN ('bird', 'gear') ORDER BY name");
    let value = value[0].column(0).as_binary::<i32>();
    for bit in (0..10_240).step_by(61) {
        let own = count(bit, &others[..1]);
        let number = |row: usize| {
            let bytes = &value.value(row)[4 * bit..4 * bit + 4];
            i32::from_le_bytes(bytes.try_into().expect("four bytes"))
        };
        assert_eq!(number(0), count(bit, &examples) + own);
        assert_eq!(number(1), count(bit, &others) - own);
    }
    assert_eq!(
        machine.texts("SELECT name, field(properties, 'examples') FROM nodes ORDER BY name"),
        ["bird|10", "gear|2"]
    );
}

#[test]
fn a_concept_is_the_majority_of_its_members() {
    let machine = machine(&["robin", "owl", "wren"]);
    let made = machine.line("LEARNING.CONCEPT bird robin owl wren owl");
    assert_eq!(cells(&made)[0][3], "3");
    let members = ["robin", "owl", "wren"].map(word);
    assert_eq!(Some(bits(&made)), bundle(&members));
    assert_eq!(
        machine.texts("SELECT s.name, e.verb, t.name FROM edges e JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target WHERE e.verb = 'IS_A' ORDER BY 1"),
        ["owl|IS_A|bird", "robin|IS_A|bird", "wren|IS_A|bird"]
    );
    let shared = cells(&machine.line("LEARNING.GENERALIZE robin owl wren"));
    assert_eq!(
        shared,
        [["from", "DERIVES_FROM", "#4"], ["to", "IS_A", "#4"]]
    );
    machine.change("UPDATE nodes SET kinds = make_array('Animal', name), properties = concat('{\"legs\":2,\"n\":', id, '}') WHERE id < 4");
    let shared = cells(&machine.line("LEARNING.GENERALIZE robin owl"));
    assert_eq!(
        shared,
        [
            ["field", "legs", "2"],
            ["from", "DERIVES_FROM", "#4"],
            ["kind", "Animal", "NULL"],
            ["to", "IS_A", "#4"]
        ]
    );
}

#[test]
fn the_dollar_of_mexico_is_the_peso() {
    let machine = machine(&["dollar", "peso", "mexico", "usa", "washington", "city"]);
    let role = |n| Fingerprint::random(9000 + n);
    let country = |parts: [&str; 3]| {
        let bound = [0, 1, 2].map(|n| role(n as u64).bind(&word(parts[n])));
        bundle(&bound).expect("three")
    };
    let usa = country(["usa", "washington", "dollar"]);
    let mexico = country(["mexico", "city", "peso"]);
    // As USA is to Mexico, so the dollar to what.
    let found = of(
        &machine,
        "LEARNING.ANALOGY",
        "",
        &[&usa, &mexico, &word("dollar")],
    );
    assert_eq!(cells(&found)[0][2], "peso");
    // What is stored and given is not the answer.
    let itself = machine.line("LEARNING.ANALOGY KEY usa KEY usa KEY peso");
    assert_ne!(cells(&itself)[0][2], "peso");
}

#[test]
fn sequences_and_pairs_are_found_again() {
    let names = ["c", "d", "e", "f", "g", "a", "h"];
    let machine = machine(&names);
    machine.line("LEARNING.SEQUENCE scale KEY c KEY d KEY e KEY f KEY g KEY a KEY h KEY c");
    machine.line("LEARNING.SEQUENCE arpeggio KEY c KEY e KEY g KEY c");
    let predict =
        |prefix: &str| cells(&machine.line(&format!("LEARNING.PREDICT {prefix}")))[0].clone();
    let next = predict("KEY c KEY d KEY e");
    assert_eq!((next[2].as_str(), next[3].as_str()), ("f", "scale"));
    let next = predict("KEY c KEY e");
    assert_eq!((next[2].as_str(), next[3].as_str()), ("g", "arpeggio"));
    let similarity: f64 = predict("KEY f KEY f")[5].parse().expect("a number");
    assert!(similarity.abs() < 0.06, "{similarity}");

    for (key, value) in [("c", "d"), ("e", "f"), ("g", "a")] {
        machine.line(&format!("LEARNING.ASSOCIATE pairs KEY {key} KEY {value}"));
    }
    let value = |line: &str| cells(&machine.line(line))[0][2].clone();
    assert_eq!(value("LEARNING.CLEANUP KEY e 1 pairs"), "f");
    assert_eq!(value("LEARNING.CLEANUP KEY g 1 pairs"), "a");
    assert_eq!(value("LEARNING.CLEANUP KEY h"), "h");
    // A sequence has the elements that follow its beginnings.
    assert_eq!(value("LEARNING.CLEANUP KEY c 1 arpeggio"), "e");
    let noisy = bundle(&[
        word("g"),
        word("g"),
        Fingerprint::random(1),
        Fingerprint::random(2),
    ]);
    let noisy = of(&machine, "LEARNING.CLEANUP", "", &[&noisy.expect("some")]);
    assert_eq!(cells(&noisy)[0][2], "g");
}

#[test]
fn a_product_is_taken_apart() {
    let machine = Machine::new();
    for kind in ["Colour", "Shape", "Place"] {
        for n in 0..20 {
            let name = format!("{kind}{n}");
            let bits = word(&name).to_hex();
            machine.change(&format!(
                "INSERT INTO nodes (name, kinds, fingerprint) VALUES ('{name}', make_array('{kind}'), fingerprint('{bits}'))"
            ));
        }
    }
    for (a, b, c) in [(3, 14, 15), (0, 0, 19), (7, 1, 8)] {
        let line = format!("VSA.BIND KEY Colour{a} KEY Shape{b} KEY Place{c}");
        let product = bits(&machine.line(&line)).to_bytes();
        let rows = cells(&call(
            &machine,
            "LEARNING.FACTOR",
            &[b"FP", &product, b"Colour", b"Shape", b"Place"],
        ));
        let names: Vec<_> = rows.iter().map(|row| row[3].clone()).collect();
        assert_eq!(
            names,
            [
                format!("Colour{a}"),
                format!("Shape{b}"),
                format!("Place{c}")
            ]
        );
        assert_eq!(rows[0][6..8], ["true", "0"]);
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let machine = machine(&["a", "b"]);
    machine.line("LEARNING.TRAIN bird \"a robin\"");
    for (line, message) in [
        (
            "LEARNING.TRAIN a \"a robin\"",
            "name: expected a name that is free or of a node of kind Prototype with its counts, got 'a'",
        ),
        (
            "LEARNING.SEQUENCE bird x y",
            "name: expected a name that is free or of a node of kind Sequence",
        ),
        (
            "LEARNING.TRAIN bee \"a bee\" SCOPE fluid",
            "SCOPE: expected the scope of what is written, got fluid",
        ),
        (
            "LEARNING.RETRAIN gear x",
            "name: expected a class that TRAIN has made, got 'gear'",
        ),
        (
            "LEARNING.HEBB a b 2",
            "rate: expected a number from 0 to 1, got '2'",
        ),
        (
            "LEARNING.REWARD a b -1",
            "r: expected a number from 0 to 1, got '-1'",
        ),
        (
            "LEARNING.CHOOSE a boldly",
            "policy: expected one of ucb1, epsilon-greedy, softmax",
        ),
        (
            "LEARNING.CHOOSE a softmax 0",
            "parameter: expected a temperature above 0",
        ),
        (
            "LEARNING.CHOOSE a epsilon-greedy 3",
            "parameter: expected a share from 0 to 1",
        ),
        (
            "LEARNING.FACTOR x Prototype Tree",
            "codebook: expected a kind that a node of the scope has, got 'Tree'",
        ),
        ("LEARNING.CONCEPT c nobody", "x: no such node 'nobody'"),
        (
            "LEARNING.CONCEPT a b",
            "CAM.LEARNING.CONCEPT: a node named 'a' is there already",
        ),
        (
            "LEARNING.CLEANUP x 1 a",
            "memory: expected a node of kind Association or Sequence, as ASSOCIATE and SEQUENCE make them, got 'a'",
        ),
        (
            "LEARNING.CLEANUP x 1 @0704 SCOPE surface",
            "memory: expected a node of kind Association or Sequence, as ASSOCIATE and SEQUENCE make them, got '@0704'",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
}
