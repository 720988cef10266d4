//! META: methods found by what users say, derivations that are kept, told and worked out again, plans by trying all chains.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use ladybug::cam::{Class, Method, Mode, Reading, prepare};
use ladybug_engine::space::address::Address;

use super::descriptions::DESCRIPTIONS;
use super::provenance::recomputed;
use super::translations::differences;
use super::{Machine, cells};
use crate::random::Random;

/// Gives the nodes of a memory parents, the same in one of the same history.
pub fn parents(machine: &Machine) {
    let ids = machine.texts("SELECT id FROM nodes ORDER BY id");
    for id in &ids {
        let above = (id.parse::<u64>().expect("an id") / 3).to_string();
        if ids.contains(&above) {
            machine.change(&format!(
                "UPDATE nodes SET parent = {above} WHERE id = {id}"
            ));
        }
    }
}

/// Gives a memory what the family reads: uses, derivations, what contradicts, means and needs.
pub fn prepare_memory(machine: &Machine) {
    for statement in [
        "INSERT INTO edges (source, verb, target, frequency, confidence) SELECT s.id, 'ENABLES', t.id, 0.9, 0.8 \
         FROM nodes s, nodes t WHERE s.address % 5 = 2 AND t.address % 6 = 3 AND s.id <> t.id",
        "INSERT INTO edges (source, verb, target, frequency, confidence) SELECT s.id, 'PREVENTS', t.id, 0.75, 0.5 \
         FROM nodes s, nodes t WHERE s.address % 10 = 1 AND t.address % 7 = 2 AND s.id <> t.id",
        "INSERT INTO edges (source, verb, target, frequency, confidence) SELECT s.id, 'CAUSES', t.id, 0.125, 0.7 \
         FROM nodes s, nodes t WHERE s.address % 5 = 1 AND t.address % 14 = 2 AND s.id <> t.id",
        "INSERT INTO edges (source, verb, target) SELECT s.id, 'REQUIRES', t.id FROM nodes s, nodes t \
         WHERE s.address % 8 = 3 AND t.address % 9 = 1 AND s.id <> t.id",
        "UPDATE nodes SET frequency = (id % 5) / 4.0 WHERE id % 3 = 1",
        "UPDATE nodes SET rung = id % 7 WHERE id % 4 = 2",
    ] {
        machine.change(statement);
    }
    parents(machine);
    let mut random = Random(3);
    machine.engine().read(0, |view| {
        for node in view.nodes() {
            for _ in 0..random.below(4) {
                view.touch(node);
            }
        }
    });
    for zone in ["node", "fluid"] {
        let mut rows = machine.texts(&format!(
            "SELECT '<' || s.name || ' --> ' || t.name || '>', 'conversion(#' || e.id || ')' FROM edges e \
             JOIN nodes s ON s.id = e.target JOIN nodes t ON t.id = e.source \
             WHERE e.verb = 'IS_A' AND e.frequency > 0.2 AND s.zone = '{zone}' AND t.zone = '{zone}'"
        ));
        rows.sort();
        for row in rows {
            let (statement, proof) = row.split_once('|').expect("both");
            let method = Method::of_name("NARS.JUDGE").expect("a method");
            let truth = truth_of(machine, proof);
            let words: [&[u8]; 4] = [
                statement.as_bytes(),
                truth.0.as_bytes(),
                truth.1.as_bytes(),
                proof.as_bytes(),
            ];
            machine.call(&method, &words).expect("a judgement");
        }
    }
}

/// The truth and evidence that a conversion comes to.
fn truth_of(machine: &Machine, proof: &str) -> (String, String) {
    let id = proof
        .trim_start_matches("conversion(")
        .trim_end_matches(')');
    let row = &cells(&machine.line(&format!("NARS.CONVERT {id}")))[0];
    (
        format!("{},{}", row[1], row[2]),
        row[4].trim_matches(['[', ']']).replace(' ', ""),
    )
}

/// Of the descriptions of operations, at least 85 in 100 have theirs among the first five.
#[test]
fn methods_are_found_by_what_users_say() {
    let machine = Machine::new();
    let find = Method::of_name("META.FIND").expect("a method");
    let (mut of_operations, mut found, mut missed) = (0, 0, Vec::new());
    for (said, wanted) in DESCRIPTIONS {
        // A word is none: VERBS.DEFINE.
        if Method::of_name(wanted).is_err() {
            continue;
        }
        of_operations += 1;
        let rows = cells(&machine.call(&find, &[said.as_bytes()]).expect("rows"));
        match rows.iter().any(|row| row[1] == wanted) {
            true => found += 1,
            false => {
                let names: Vec<_> = rows.iter().map(|row| row[1].clone()).collect();
                missed.push(format!("{said}: {wanted}, not {}", names.join(", ")));
            }
        }
    }
    assert!(
        found * 100 >= 85 * of_operations,
        "{found} of {of_operations}; missed:\n{}",
        missed.join("\n")
    );
    assert_eq!(of_operations, 99);
}

#[test]
fn every_method_is_described_from_its_entry() {
    let machine = Machine::new();
    let describe = Method::of_name("META.DESCRIBE").expect("a method");
    let methods = machine.texts("SELECT name, class, doc FROM methods");
    let mut docs: HashMap<String, String> = HashMap::new();
    for row in methods {
        let (name, rest) = row.split_once('|').expect("a name");
        docs.insert(name.to_owned(), rest.to_owned());
    }
    for method in Method::all() {
        let id = format!("0x{:04X}", method.id());
        let row = &cells(&machine.call(&describe, &[id.as_bytes()]).expect("a row"))[0];
        assert_eq!(row[1], method.to_string());
        assert_eq!(docs[&row[1]], format!("{}|{}", row[3], row[4]));
        for argument in method.operation.arguments {
            assert!(row[6].contains(argument.name), "{row:?}");
            assert!(row[6].contains(&argument.kind.expected()), "{row:?}");
        }
        for column in method.operation.columns {
            assert!(row[7].contains(&format!("{}: ", column.name)), "{row:?}");
        }
    }
    let row = &cells(&machine.line("META.DESCRIBE LANCE.NEAR"))[0];
    assert_eq!(row[2], "CAM.LANCE.NEAR x k");
    assert!(
        row[6].contains("x: ") && row[6].contains("k: a whole number from 0"),
        "{row:?}"
    );
    assert!(row[7].contains("distance: UInt32"), "{row:?}");
    assert!(
        row[8].contains("name = 'x'") && row[8].contains("ORDER BY"),
        "{row:?}"
    );
    let row = &cells(&machine.line("META.DESCRIBE meta.plan"))[0];
    assert!(row[8].starts_with("Chain: breadth first"), "{row:?}");
    let refused = machine.refusal("META.DESCRIBE NARS.GUESS");
    assert!(
        refused.contains("method: expected one of JUDGE, ASK"),
        "{refused}"
    );
}

#[test]
fn words_and_programs_are_described_from_what_the_space_has() {
    let machine = Machine::new();
    machine.line("VERBS.DEFINE DEPENDS_ON");
    machine.line("CONCEPTS.DEFINE Ship \"what floats\"");
    machine.line(
        "DEFINE 0x0F12 close_to (x k) \"found = LANCE.NEAR $x $k\" \"LANCE.GET $found.address\"",
    );
    let described =
        |method: &str| cells(&machine.line(&format!("META.DESCRIBE {method}"))).remove(0);
    let verb = described("VERBS.PART_OF");
    assert_eq!(verb[1], "VERBS.PART_OF");
    assert_eq!(verb[2], "CAM.VERBS.PART_OF x [y [t]] [TRANSITIVE]");
    assert!(
        verb[4].starts_with("A verb of the group part and kind\nwith x: Where the verb leads"),
        "{verb:?}"
    );
    assert!(verb[6].contains("with x y t: x: a node"), "{verb:?}");
    assert!(
        verb[7].contains("holds: Boolean") && verb[7].contains("is_new: Boolean"),
        "{verb:?}"
    );
    // Of every verb the same as the vocabulary says, by name and by id.
    for row in cells(&machine.line("VERBS")) {
        let own = described(&format!("VERBS.{}", row[1]));
        assert_eq!(own[0], row[0]);
        let expected = [&row[4], &row[5], &row[6]];
        assert_eq!([&own[9], &own[10], &own[11]], expected, "{own:?}");
        let id = row[0].parse::<u16>().expect("an address");
        assert_eq!(described(&format!("0x{id:04X}")), own);
    }
    let own = described("VERBS.DEPENDS_ON");
    assert_eq!(own[9..13], ["NULL", "false", "false", "NULL"]);
    assert!(own[4].starts_with("A verb of this space\n"), "{own:?}");
    let concept = described("CONCEPTS.Ship");
    assert_eq!(concept[2], "CAM.CONCEPTS.Ship [x | q]");
    assert!(
        concept[4].starts_with("what floats\nwithout an operand: The instances"),
        "{concept:?}"
    );
    assert_eq!(concept[9..13], ["NULL"; 4]);
    assert!(described("concepts.someone")[4].starts_with("a being that can think"));
    let program = described("USER.close_to");
    assert_eq!(
        program[..4],
        ["3858", "USER.close_to", "CAM.USER.close_to x k", "program"]
    );
    assert_eq!(
        program[6],
        "x: a node (KEY name, @8042 or #17)\nk: a whole number from 0 to 65536"
    );
    assert!(program[7].starts_with("id\naddress\nname"), "{program:?}");
    assert_eq!(
        program[12],
        "found = LANCE.NEAR $x $k\nLANCE.GET $found.address"
    );
    assert_eq!(described("0x0F12"), program);
    let list = described("USER");
    assert_eq!(list[2], "CAM.USER");
    assert!(
        list[4].starts_with("The programs of this space"),
        "{list:?}"
    );
    assert!(described("DEFINE")[4].starts_with("Fills a free slot"));
    for (method, message) in [
        ("0x0F13", "method: 0x0F13 is free: CAM.DEFINE 0x0F13"),
        ("USER.nobody", "no such program 'nobody'"),
        ("VERBS.NOBODY", "method: "),
    ] {
        let refused = machine.refusal(&format!("META.DESCRIBE {method}"));
        assert!(refused.contains(message), "{method}: {refused}");
    }
}

/// A machine that knows that robins are birds and birds animals, and what it asked itself.
fn ornithologist() -> (Machine, Vec<String>) {
    let machine = Machine::new();
    for line in [
        "NARS.JUDGE \"<bird --> animal>. %0.9;0.9%\"",
        "NARS.JUDGE \"<robin --> bird>. %0.8;0.9%\"",
        "NARS.JUDGE \"<animal --> mortal>. %1.0;0.8%\"",
    ] {
        machine.line(line);
    }
    let answer = cells(&machine.line("NARS.ASK \"<robin --> mortal>\"")).remove(0);
    (machine, answer)
}

fn judge(machine: &Machine, words: [&str; 4]) -> Result<RecordBatch, String> {
    let method = Method::of_name("NARS.JUDGE").expect("a method");
    machine.call(&method, &words.map(str::as_bytes))
}

#[test]
fn a_conclusion_is_kept_with_what_it_follows_from_and_every_number_of_it_can_be_worked_out() {
    let (machine, answer) = ornithologist();
    let truth = format!("{},{}", answer[1], answer[2]);
    let evidence = answer[4].trim_matches(['[', ']']).replace(' ', "");
    let kept = judge(
        &machine,
        ["<robin --> mortal>", &truth, &evidence, &answer[5]],
    );
    let kept = cells(&kept.expect("it is kept"));
    let id = &kept[0][0];
    // A premise changes afterwards: what was concluded from it stays explained by what it was.
    machine.change("UPDATE edges SET frequency = 0.1 WHERE id = (SELECT e.id FROM edges e JOIN nodes s ON s.id = e.source WHERE s.name = 'robin' AND e.verb = 'IS_A' ORDER BY e.id LIMIT 1)");
    let rows = cells(&machine.line(&format!("META.EXPLAIN #{id}")));
    assert_eq!(rows[0][1], "edge");
    assert_eq!(rows[0][4], "NARS.ASK");
    assert_eq!(rows[0][3], "<robin --> mortal>");
    let premises: Vec<_> = rows.iter().filter(|row| row[1] == "premise").collect();
    assert_eq!(premises.len(), 3, "{rows:?}");
    let stale: Vec<_> = premises.iter().filter(|row| row[10] == "false").collect();
    assert_eq!(stale.len(), 1, "{rows:?}");
    assert_eq!(
        (stale[0][3].as_str(), stale[0][5].as_str()),
        ("<robin --> bird>", "0.8")
    );
    // Every step by the book from the rows below it.
    let worked = recomputed(&rows, 0);
    assert_eq!(worked, ["deduction", "deduction"], "{rows:?}");
    let number = |row: &[String], at: usize| row[at].parse::<f64>().expect("a number");
    assert!((number(&rows[0], 5) - number(&rows[1], 5)).abs() < 1e-6);
    assert!((number(&rows[0], 6) - number(&rows[1], 6)).abs() < 1e-6);
    assert_eq!(rows[0][7], rows[1][7], "evidence is that of the premises");
    // What was derived is derived from in turn.
    machine.line("NARS.JUDGE \"<mortal --> thing>. %1.0;0.9%\"");
    let again =
        cells(&machine.line(&format!("NARS.DEDUCE \"<mortal --> thing>\" #{id}"))).remove(0);
    let thing = machine
        .texts("SELECT e.id FROM edges e JOIN nodes s ON s.id = e.source WHERE s.name = 'mortal'");
    let proof = format!("deduction(#{}, #{id})", thing[0]);
    let truth = format!("{},{}", again[1], again[2]);
    let evidence = again[4].trim_matches(['[', ']']).replace(' ', "");
    let kept = judge(&machine, ["<robin --> thing>", &truth, &evidence, &proof]);
    let above = cells(&kept.expect("it is kept")).remove(0).remove(0);
    let rows = cells(&machine.line(&format!("META.EXPLAIN #{above}")));
    assert_eq!(rows[0][4], "NARS.DEDUCE");
    assert_eq!(recomputed(&rows, 0), ["deduction"; 3]);
    assert!(
        rows.iter().filter(|row| row[1] == "premise").count() >= 5,
        "{rows:?}"
    );
    let traced = cells(&machine.line("META.TRACE"));
    let ids: Vec<_> = traced.iter().map(|row| &row[0]).collect();
    assert_eq!(ids, [&above, id]);
    assert_eq!(traced[0][8], proof);
}

#[test]
fn a_derivation_that_does_not_come_to_what_is_said_is_refused() {
    let (machine, answer) = ornithologist();
    let truth = format!("{},{}", answer[1], answer[2]);
    let evidence = answer[4].trim_matches(['[', ']']).replace(' ', "");
    let before = machine.engine().state(0).0.version();
    for (words, message) in [
        (
            ["<robin --> mortal>", "1,0.5", &evidence, &answer[5]],
            "truth: expected",
        ),
        (
            ["<robin --> mortal>", &truth, "1", &answer[5]],
            "evidence: expected",
        ),
        (
            ["<robin --> animal>", &truth, &evidence, &answer[5]],
            "derivation: expected one of <robin --> animal>, got one of <robin --> mortal>",
        ),
        (
            [
                "<robin --> mortal>",
                &truth,
                &evidence,
                "deduction(#77, #78)",
            ],
            "derivation: expected stored edges",
        ),
        (
            ["<robin --> mortal>", &truth, &evidence, "magic"],
            "derivation: expected a rule such as deduction(#5, #3)",
        ),
    ] {
        let refused = judge(&machine, words).expect_err(message);
        assert!(refused.contains(message), "{words:?}: {refused}");
    }
    assert_eq!(machine.engine().state(0).0.version(), before);
    // What it comes to need not be said.
    let method = Method::of_name("NARS.JUDGE").expect("a method");
    let words = [&b"<robin --> mortal>"[..], answer[5].as_bytes()];
    let kept = cells(&machine.call(&method, &words).expect("it is kept")).remove(0);
    assert_eq!((&kept[2], &kept[4]), (&answer[1], &answer[4]));
}

/// What JUDGE keeps of a derivation is what its statements keep.
#[test]
fn a_derivation_is_kept_as_its_statements_keep_it() {
    let ((one, answer), (other, _)) = (ornithologist(), ornithologist());
    let truth = format!("{},{}", answer[1], answer[2]);
    let evidence = answer[4].trim_matches(['[', ']']).replace(' ', "");
    let words = ["<robin --> mortal>", &truth, &evidence, &answer[5]];
    let method = Method::of_name("NARS.JUDGE").expect("a method");
    let bytes = words.map(str::as_bytes);
    let host = other.host();
    let reading = Reading::new(&host);
    let Class::Write(translation) = method.operation.class else {
        panic!("it writes");
    };
    let sql = translation(&prepare(&method, &bytes, &reading).expect("a call"));
    drop(reading);
    sql.split(";\n")
        .for_each(|statement| other.change(statement));
    one.call(&method, &bytes).expect("it is kept");
    const EDGES: &str = "SELECT id, verb, CAST(frequency AS DOUBLE) AS f, CAST(confidence AS DOUBLE) AS c, evidence, properties FROM edges ORDER BY id";
    let [a, b] = [&one, &other].map(|machine| machine.query(EDGES));
    let a = arrow::compute::concat_batches(&a[0].schema(), &a).expect("one schema");
    differences(&a, &b).expect("the same edges");
}

#[test]
fn an_abstraction_says_what_it_was_made_of() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, value) VALUES ('birds', 'all birds')");
    for bird in ["robin", "gull", "swan"] {
        machine.change(&format!("INSERT INTO nodes (name, value, parent) SELECT '{bird}', '{bird} flies', id FROM nodes WHERE name = 'birds'"));
    }
    assert_eq!(machine.line("META.ASCEND robin").num_rows(), 0);
    let before = machine.engine().state(0).0.version();
    assert_eq!(cells(&machine.line("META.ASCEND birds"))[0][1], "3");
    assert_eq!(
        machine.engine().state(0).0.version(),
        before,
        "it only reads"
    );
    machine.line("META.ASCEND birds flier");
    machine.change("UPDATE nodes SET value = 'swims' WHERE name = 'swan'");
    let rows = cells(&machine.line("META.EXPLAIN flier"));
    assert_eq!(
        (rows[0][1].as_str(), rows[0][4].as_str()),
        ("node", "META.ASCEND")
    );
    let premises: Vec<_> = rows.iter().filter(|row| row[1] == "premise").collect();
    let told: Vec<_> = premises
        .iter()
        .map(|row| (row[3].as_str(), row[10].as_str()))
        .collect();
    assert_eq!(
        told,
        [("robin", "true"), ("gull", "true"), ("swan", "false")]
    );
    // Its bits are the majority of what they were at these versions.
    let versions: Vec<_> = premises
        .iter()
        .map(|row| {
            format!(
                "SELECT fingerprint FROM as_of('nodes', {}) WHERE id = {}",
                row[8], row[2]
            )
        })
        .collect();
    let again = machine.texts(&format!(
        "SELECT hex(bundle(fingerprint)) FROM ({})",
        versions.join(" UNION ALL ")
    ));
    assert_eq!(
        again,
        machine.texts("SELECT hex(fingerprint) FROM nodes WHERE name = 'flier'")
    );
    assert!(machine.refusal("META.ASCEND birds flier").contains("flier"));
    assert_eq!(rows.last().expect("a commit")[1], "commit");
}

#[test]
fn rungs_are_read_and_set() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, rung) VALUES ('secret', 3)");
    let before = machine.engine().state(0).0.version();
    assert_eq!(cells(&machine.line("META.RUNG secret"))[0][3], "3");
    assert_eq!(
        machine.engine().state(0).0.version(),
        before,
        "it only reads"
    );
    assert_eq!(cells(&machine.line("META.RUNG secret 9"))[0][3], "9");
    let refused = machine.refusal("META.RUNG secret 10");
    assert!(
        refused.contains("n: expected a whole number from 0 to 9, got '10'"),
        "{refused}"
    );
}

/// The chain that PLAN answers is the first of all shortest ones, found by trying all.
#[test]
fn a_plan_is_the_shortest_chain_of_the_lowest_ids() {
    for seed in 0..6 {
        let machine = Machine::new();
        let mut random = Random(seed);
        for n in 0..9 {
            machine.change(&format!("INSERT INTO nodes (name) VALUES ('n{n}')"));
        }
        let mut edges: Vec<(u64, usize, usize)> = Vec::new();
        for _ in 0..14 {
            let (a, b) = (random.below(9) as usize, random.below(9) as usize);
            let verb =
                ["CAUSES", "ENABLES", "REQUIRES", "IS_A", "PREVENTS"][random.below(5) as usize];
            let frequency = ["1.0", "0.25"][usize::from(random.below(5) == 0)];
            machine.change(&format!(
                "INSERT INTO edges (source, verb, target, frequency) SELECT s.id, '{verb}', t.id, {frequency} FROM nodes s, nodes t \
                 WHERE s.name = 'n{a}' AND t.name = 'n{b}'"
            ));
            let id = machine.texts("SELECT max(id) FROM edges")[0]
                .parse()
                .expect("an id");
            match verb {
                "CAUSES" | "ENABLES" if frequency == "1.0" => edges.push((id, a, b)),
                "REQUIRES" if frequency == "1.0" => edges.push((id, b, a)),
                _ => {}
            }
        }
        for (x, y) in (0..9).flat_map(|x| (0..9).map(move |y| (x, y))) {
            let rows = cells(&machine.line(&format!("META.PLAN n{x} n{y}")));
            let made: Vec<u64> = rows
                .iter()
                .map(|row| row[1].parse().expect("an id"))
                .collect();
            let mut chains: Vec<(Vec<u64>, usize)> = vec![(Vec::new(), x)];
            let mut best = Vec::new();
            for _ in 0..9 {
                let there: Vec<_> = chains.iter().filter(|(_, at)| *at == y).collect();
                if !there.is_empty() {
                    best = there.iter().map(|(ids, _)| ids.clone()).min().expect("one");
                    break;
                }
                chains = chains
                    .iter()
                    .flat_map(|(ids, at)| {
                        let onward = edges.iter().filter(move |edge| edge.1 == *at);
                        onward.map(move |edge| {
                            let mut ids = ids.clone();
                            ids.push(edge.0);
                            (ids, edge.2)
                        })
                    })
                    .collect();
                chains.truncate(100_000);
            }
            assert_eq!(made, best, "seed {seed}: from n{x} to n{y}");
        }
    }
}

#[test]
fn the_budget_is_what_the_engine_counts() {
    let machine = Machine::filled(1);
    let rows = cells(&machine.line("META.BUDGET"));
    let figure = |name: &str| {
        let row = rows.iter().find(|row| row[0] == name);
        row.map(|row| (row[1].clone(), row[2].clone())).expect(name)
    };
    let engine = machine.engine();
    let stats = engine.history_stats(0);
    assert_eq!(
        figure("history_bytes"),
        (
            stats.bytes.to_string(),
            engine.options().history_bytes.to_string()
        )
    );
    let count = |zone: &str| {
        machine.texts(&format!("SELECT count(*) FROM nodes WHERE zone = '{zone}'"))[0].clone()
    };
    assert_eq!(figure("node_zone"), (count("node"), "32768".to_owned()));
    assert_eq!(figure("fluid_zone"), (count("fluid"), "28672".to_owned()));
    assert_eq!(
        figure("edges").0,
        machine.texts("SELECT count(*) FROM edges")[0]
    );
    assert_eq!(figure("transactions"), ("0".to_owned(), "1024".to_owned()));
    assert_eq!(
        figure("spaces").0,
        machine.texts("SELECT count(*) FROM spaces")[0]
    );
}

#[test]
fn explaining_what_is_not_there_or_elsewhere_is_refused() {
    let machine = Machine::filled(1);
    for (line, message) in [
        ("META.EXPLAIN nobody-here", "x: no such node"),
        ("META.EXPLAIN #99999", "x: "),
        ("META.EXPLAIN robin_node SCOPE fluid", "outside"),
        ("META.FOCUS", "x: expected a node"),
        ("META.PLAN robin_node nobody", "y: no such node"),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
    let method = Method::of_name("META.EXPLAIN").expect("a method");
    assert_eq!(method.mode, Mode::DEFAULT);
    assert!(
        machine
            .engine()
            .state(0)
            .0
            .find(b"robin_node")
            .is_some_and(|at| at > Address(0x7FFF))
    );
}

/// What is believed is explained by saying it, as it is by the edge that says it.
#[test]
fn a_statement_is_explained_as_the_edge_that_says_it() {
    let (machine, answer) = ornithologist();
    let truth = format!("{},{}", answer[1], answer[2]);
    let evidence = answer[4].trim_matches(['[', ']']).replace(' ', "");
    let kept = judge(
        &machine,
        ["<robin --> mortal>", &truth, &evidence, &answer[5]],
    );
    let id = cells(&kept.expect("it is kept"))[0][0].clone();
    let explain = |said: &str| cells(&machine.line(&format!("META.EXPLAIN {said}")));
    let told = explain(&format!("#{id}"));
    assert_eq!(told[0][4], "NARS.ASK");
    assert_eq!(explain("\"<robin --> mortal>\""), told);
    assert_eq!(explain("\" <robin --> mortal>? \""), told);
    // Of several the surest.
    machine.line("NARS.JUDGE \"<robin --> mortal>\" 0,0.99");
    let surest = explain("\"<robin --> mortal>\"");
    assert_eq!(
        (surest[0][5].as_str(), surest[0][6].as_str()),
        ("0.0", "0.99")
    );
    // A key that begins so is one behind KEY.
    machine.change("INSERT INTO nodes (name) VALUES ('<robin --> mortal>')");
    assert_eq!(explain("KEY \"<robin --> mortal>\"")[0][1], "node");
    for (said, message) in [
        (
            "\"<robin --> fish>\"",
            "x: no judgement of <robin --> fish> is stored in scope all",
        ),
        (
            "\"<robin --> mortal>\" SCOPE fluid",
            "x: no judgement of <robin --> mortal> is stored in scope fluid",
        ),
        (
            "\"<robin --> mortal>. %1;0.9%\"",
            "x: expected a statement that is stored, without a truth",
        ),
        (
            "\"<robin\"",
            "x: expected a statement such as <robin --> bird>, got '<robin': expected a copula",
        ),
        ("#999999", "x: no such node or edge '#999999'"),
        ("@FFFF", "x: no such node or edge '@FFFF'"),
        ("nobody", "x: no such node 'nobody'"),
    ] {
        let refused = machine.refusal(&format!("META.EXPLAIN {said}"));
        assert!(refused.contains(message), "{said}: {refused}");
    }
    let refused = machine.refusal("META.EXPLAIN \"<robin\"");
    assert!(
        refused.ends_with("write KEY before a key that begins with <"),
        "{refused}"
    );
}

/// Means of what was written as 0.9 read 0.9, and what follows from it is what one reckons by hand.
#[test]
fn figures_of_truths_read_as_they_were_written() {
    let machine = Machine::new();
    for name in ["a", "b", "c"] {
        machine.change(&format!("INSERT INTO nodes (name) VALUES ('{name}')"));
    }
    machine.change(
        "INSERT INTO edges (source, verb, target) SELECT s.id, 'CAUSES', t.id FROM nodes s, nodes t \
         WHERE s.name = 'a' AND t.name = 'b'",
    );
    let reflected = cells(&machine.line("META.REFLECT")).remove(0);
    assert_eq!(reflected[4..6], ["1.0", "0.9"]);
    assert_eq!(reflected[8], "0.9");
    assert_eq!(cells(&machine.line("META.PLAN a b"))[0][6], "0.95");
    // Of different ones as far as a single tells it.
    machine.change("UPDATE nodes SET confidence = 0.5 WHERE name = 'a'");
    let mean = cells(&machine.line("META.REFLECT")).remove(0).remove(5);
    let mean: f64 = mean.parse().expect("a number");
    assert!((mean - 2.3 / 3.0).abs() < 1e-7, "{mean}");
}

/// Beliefs are asked about by whoever does not think of edges.
#[test]
fn methods_of_beliefs_are_found_by_that_word() {
    let machine = Machine::new();
    for (said, method) in [
        ("which beliefs contradict each other", "META.CONFLICTS"),
        ("why is this believed", "META.EXPLAIN"),
    ] {
        let rows = machine.line(&format!("META.FIND \"{said}\""));
        assert_eq!(cells(&rows)[0][1], method, "{said}");
    }
}
