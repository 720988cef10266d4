//! What is derived is told with what it was derived from, and every number of it can be worked out again: what rules
//! conclude, by the truth functions as the book writes them, and what nodes and edges became, from their premises at their
//! versions.

use std::collections::{BTreeSet, HashMap};

use arrow::array::AsArray;
use ladybug::cam::{Called, Method};
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::fingerprint::{BITS, Fingerprint};

use super::{Machine, cells};

/// The columns of EXPLAIN.
const ROLE: usize = 1;
const ID: usize = 2;
const METHOD: usize = 4;
const FREQUENCY: usize = 5;
const CONFIDENCE: usize = 6;
const VERSION: usize = 8;
const COMMITTED: usize = 9;
const FORMULA: usize = 11;
const NUMBERS: usize = 12;

type Row = Vec<String>;

fn depth(row: &Row) -> u64 {
    row[0].parse().expect("a depth")
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-6,
        "{found}, expected {expected}"
    );
}

/// A truth that a row tells.
fn truth(row: &Row) -> (f64, f64) {
    let number = |at: usize| row[at].parse().expect("a number");
    (number(FREQUENCY), number(CONFIDENCE))
}

/// The numbers of a row.
#[track_caller]
fn numbers(row: &Row) -> serde_json::Value {
    serde_json::from_str(&row[NUMBERS]).unwrap_or_else(|error| panic!("{row:?}: {error}"))
}

#[track_caller]
fn number(row: &Row, name: &str) -> f64 {
    let numbers = numbers(row);
    let number = numbers[name].as_f64();
    number.unwrap_or_else(|| panic!("no {name} in {numbers}"))
}

/// The rows right below a row.
fn below(rows: &[Row], at: usize) -> Vec<usize> {
    let own = depth(&rows[at]);
    let deeper = |row: &usize| depth(&rows[*row]) > own;
    (at + 1..rows.len())
        .take_while(deeper)
        .filter(|row| depth(&rows[*row]) == own + 1)
        .collect()
}

fn explain(machine: &Machine, of: &str) -> Vec<Row> {
    cells(&machine.line(&format!("META.EXPLAIN {of}")))
}

/// What a rule concludes from truths, as Wang's book has it.
pub fn concluded(rule: &str, premises: &[(f64, f64)]) -> (f64, f64) {
    let or = |a: f64, b: f64| 1.0 - (1.0 - a) * (1.0 - b);
    let of_evidence = |w: f64| w / (w + 1.0);
    let weight = |c: f64| c / (1.0 - c);
    let (f1, c1) = premises[0];
    let (f2, c2) = premises.get(1).copied().unwrap_or_default();
    match rule {
        "deduction" => (f1 * f2, f1 * f2 * c1 * c2),
        "induction" => (f1, of_evidence(f2 * c1 * c2)),
        "abduction" => (f2, of_evidence(f1 * c1 * c2)),
        "exemplification" => (1.0, of_evidence(f1 * f2 * c1 * c2)),
        "comparison" => (f1 * f2 / or(f1, f2), of_evidence(or(f1, f2) * c1 * c2)),
        "analogy" => (f1 * f2, f2 * c1 * c2),
        "resemblance" => (f1 * f2, or(f1, f2) * c1 * c2),
        "intersection" => (f1 * f2, c1 * c2),
        "union" => (or(f1, f2), c1 * c2),
        "conversion" => (1.0, of_evidence(f1 * c1)),
        "contraposition" => (0.0, of_evidence((1.0 - f1) * c1)),
        "revision" => {
            let (w1, w2) = (weight(c1), weight(c2));
            ((w1 * f1 + w2 * f2) / (w1 + w2), of_evidence(w1 + w2))
        }
        "choice" if c2 > c1 => (f2, c2),
        "choice" => (f1, c1),
        other => panic!("no rule {other}"),
    }
}

/// Works out every step from a row on from the rows below it, and answers their rules.
pub fn recomputed(rows: &[Row], at: usize) -> Vec<String> {
    let children = below(rows, at);
    let mut rules = Vec::new();
    if rows[at][ROLE] == "step" {
        let premises: Vec<_> = children.iter().map(|at| truth(&rows[*at])).collect();
        let (f, c) = concluded(&rows[at][METHOD], &premises);
        close(truth(&rows[at]).0, f);
        close(truth(&rows[at]).1, c);
        assert!(rows[at][FORMULA].contains(" = ") || rows[at][METHOD] == "choice");
        rules.push(rows[at][METHOD].clone());
    }
    rules.extend(children.iter().flat_map(|at| recomputed(rows, *at)));
    rules
}

/// What a proof comes to by these truths, and the ids that it begins with.
fn worked_out(proof: &str, known: &HashMap<u64, (f64, f64)>) -> ((f64, f64), BTreeSet<u64>) {
    if let Some(id) = proof.strip_prefix('#') {
        let id = id.parse().expect("an id");
        return (known[&id], BTreeSet::from([id]));
    }
    let (rule, inside) = proof.split_once('(').expect("a rule");
    let inside = inside.strip_suffix(')').expect("its end");
    let (mut parts, mut open) = (vec![String::new()], 0);
    for sign in inside.chars() {
        open += i32::from(sign == '(') - i32::from(sign == ')');
        match sign == ',' && open == 0 {
            true => parts.push(String::new()),
            false => parts.last_mut().expect("a part").push(sign),
        }
    }
    let parts: Vec<_> = parts
        .iter()
        .map(|part| worked_out(part.trim(), known))
        .collect();
    let truths: Vec<_> = parts.iter().map(|part| part.0).collect();
    let ids = parts.into_iter().flat_map(|part| part.1).collect();
    (concluded(rule, &truths), ids)
}

#[test]
fn every_rule_whose_conclusion_can_be_kept_is_told_with_numbers_that_can_be_worked_out_again() {
    let machine = Machine::new();
    let mut ids: HashMap<&str, String> = HashMap::new();
    for (name, said) in [
        ("b", "<bird --> animal>. %0.9;0.9%"),
        ("c", "<bird --> animal>. %0.4;0.6%"),
        ("r", "<robin --> bird>. %0.8;0.9%"),
        ("s", "<swan --> swimmer>. %0.9;0.8%"),
        ("t", "<swan --> bird>. %0.7;0.9%"),
        ("g", "<swan <-> gull>. %0.9;0.9%"),
        ("n", "<swan <-> tern>. %0.8;0.7%"),
        ("p", "<sport --> competition>. %0.95;0.9%"),
        ("q", "<chess --> competition>. %0.9;0.8%"),
        ("w", "<rain ==> wet>. %0.3;0.9%"),
        ("x", "<goose --> swimmer>. %0.75;0.9%"),
        ("y", "<goose --> bird>. %0.85;0.6%"),
    ] {
        let row = cells(&machine.line(&format!("NARS.JUDGE \"{said}\""))).remove(0);
        ids.insert(name, row[0].clone());
    }
    let known: HashMap<u64, (f64, f64)> = machine
        .texts("SELECT id, CAST(frequency AS DOUBLE), CAST(confidence AS DOUBLE) FROM edges")
        .iter()
        .map(|row| {
            let parts: Vec<_> = row.split('|').collect();
            let float = |at: usize| parts[at].parse::<f64>().expect("a number");
            (parts[0].parse().expect("an id"), (float(1), float(2)))
        })
        .collect();
    let judge = Method::of_name("NARS.JUDGE").expect("a method");
    let mut told: BTreeSet<String> = BTreeSet::new();
    for (statement, proof) in [
        ("<robin --> animal>", "deduction(#b, #r)"),
        ("<bird --> swimmer>", "induction(#s, #t)"),
        ("<chess --> sport>", "abduction(#p, #q)"),
        ("<animal --> robin>", "exemplification(#r, #b)"),
        ("<bird <-> swimmer>", "comparison(#s, #t)"),
        ("<gull --> swimmer>", "analogy(#s, #g)"),
        ("<gull <-> tern>", "resemblance(#g, #n)"),
        ("<bird --> robin>", "conversion(#r)"),
        ("<rain ==> wet>", "contraposition(contraposition(#w))"),
        ("<bird --> animal>", "revision(#b, #c)"),
        ("<bird --> animal>", "choice(#c, #b)"),
        (
            "<goose --> swan>",
            "abduction(intersection(#s, #t), intersection(#x, #y))",
        ),
        (
            "<goose --> swan>",
            "abduction(union(#s, #t), union(#x, #y))",
        ),
        ("<animal --> robin>", "conversion(deduction(#b, #r))"),
        ("<robin --> animal>", "deduction(revision(#b, #c), #r)"),
    ] {
        let proof = ids.iter().fold(proof.to_owned(), |proof, (name, id)| {
            proof.replace(&format!("#{name}"), &format!("#{id}"))
        });
        let ((f, c), evidence) = worked_out(&proof, &known);
        // A choice stands on what was chosen alone.
        let chosen = ids["b"].parse().expect("an id");
        let evidence = match proof.starts_with("choice") {
            true => BTreeSet::from([chosen]),
            false => evidence,
        };
        let evidence: Vec<_> = evidence.iter().map(u64::to_string).collect();
        let words = [
            statement.to_owned(),
            format!("{f},{c}"),
            evidence.join(","),
            proof.clone(),
        ];
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let kept = machine.call(&judge, &words);
        let kept = cells(&kept.unwrap_or_else(|error| panic!("{statement} {proof}: {error}")));
        // What it stands on changes afterwards, and is told as it was.
        let (first, id) = (&evidence[0], &kept[0][0]);
        machine.change(&format!(
            "UPDATE edges SET weight = weight + 1.0 WHERE id = {first}"
        ));
        let rows = explain(&machine, &format!("#{id}"));
        assert_eq!(rows[0][3], statement, "{proof}");
        let rules = recomputed(&rows, 0);
        assert_eq!(rules.len(), proof.matches('(').count(), "{proof}: {rows:?}");
        let (kept, step) = (truth(&rows[0]), truth(&rows[1]));
        close(kept.0, step.0);
        close(kept.1, step.1);
        close(kept.0, f);
        close(kept.1, c);
        told.extend(rules);
    }
    assert_eq!(told.len(), 13, "{told:?}");
}

/// The bits of a node as it was at a version.
fn bits(machine: &Machine, id: &str, version: &str) -> Fingerprint {
    let rows = machine.query(&format!(
        "SELECT fingerprint FROM as_of('nodes', {version}) WHERE id = {id}"
    ));
    let column = rows[0].column(0).as_fixed_size_binary();
    Fingerprint::from_bytes(column.value(0)).expect("a fingerprint")
}

/// The bits of the row of a premise.
fn bits_of(machine: &Machine, row: &Row) -> Fingerprint {
    bits(machine, &row[ID], &row[VERSION])
}

fn premises(rows: &[Row], at: usize) -> Vec<&Row> {
    let all = below(rows, at).into_iter().map(|at| &rows[at]);
    all.filter(|row| row[ROLE] == "premise").collect()
}

#[test]
fn a_concept_is_the_majority_of_its_members_as_they_were() {
    let machine = Machine::new();
    for (at, name) in ["robin", "owl", "wren"].into_iter().enumerate() {
        let given = Fingerprint::random(at as u64).to_hex();
        machine.change(&format!(
            "INSERT INTO nodes (name, fingerprint) VALUES ('{name}', fingerprint('{given}'))"
        ));
    }
    machine.line("LEARNING.CONCEPT bird robin owl wren");
    let made = bits(
        &machine,
        "4",
        &machine.engine().state(0).0.version().to_string(),
    );
    // One of them is something else by now, one is gone.
    machine.line("LANCE.UPSERT owl TEXT \"a bird of the night\"");
    machine.line("LANCE.DELETE wren");
    let rows = explain(&machine, "bird");
    assert_eq!(rows[0][METHOD], "LEARNING.CONCEPT");
    assert!(rows[0][FORMULA].contains("majority"), "{rows:?}");
    let members = premises(&rows, 0);
    // An edge to what is gone goes with it; the commit that made the concept still has it.
    assert_eq!(members.len(), 2, "{rows:?}");
    let gone = format!(
        "SELECT target FROM as_of('edges', {}) WHERE verb = 'DERIVES_FROM' ORDER BY id",
        rows[0][VERSION]
    );
    let all: Vec<_> = machine
        .texts(&gone)
        .iter()
        .map(|id| bits(&machine, id, &rows[0][VERSION]))
        .collect();
    assert_eq!(all.len(), 3);
    assert_eq!(bundle(&all), Some(made));
    assert_eq!(bits_of(&machine, members[1]), all[1]);
    assert_eq!(members[1][10], "false");
}

/// Adds bits to counts, so many times.
fn add(counts: &mut [i64], bits: &Fingerprint, times: i64) {
    for (at, count) in counts.iter_mut().enumerate() {
        *count += if bits.bit(at) { times } else { -times };
    }
}

/// Works out the counts of a node from its row on: what it was before, and what each step added. `example` makes the
/// examples of a step of its premises.
fn counted(
    machine: &Machine,
    rows: &[Row],
    at: usize,
    example: &dyn Fn(&[Fingerprint]) -> Vec<Fingerprint>,
) -> Vec<i64> {
    let children = below(rows, at);
    let before = children.iter().find(|at| rows[**at][ROLE] == "before");
    let mut counts = match before {
        Some(before) => counted(machine, rows, *before, example),
        None => vec![0; BITS],
    };
    for step in children.iter().filter(|at| rows[**at][ROLE] == "step") {
        assert!(rows[*step][FORMULA].starts_with("counts += "), "{rows:?}");
        let used: Vec<_> = premises(rows, *step)
            .into_iter()
            .map(|row| bits_of(machine, row))
            .collect();
        let times = number(&rows[*step], "times") as i64;
        for bits in example(&used) {
            add(&mut counts, &bits, times);
        }
    }
    counts
}

/// The counts that a node has.
fn counts(machine: &Machine, name: &str) -> Vec<i64> {
    let value = machine.query(&format!("SELECT value FROM nodes WHERE name = '{name}'"));
    let value = value[0].column(0).as_binary::<i32>().value(0);
    let (numbers, _) = value.as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| i64::from(i32::from_le_bytes(*bytes)))
        .collect()
}

/// Nodes of given bits.
fn examples(names: &[&str]) -> Machine {
    let machine = Machine::new();
    for (at, name) in names.iter().enumerate() {
        let given = Fingerprint::random(100 + at as u64).to_hex();
        machine.change(&format!(
            "INSERT INTO nodes (name, fingerprint) VALUES ('{name}', fingerprint('{given}'))"
        ));
    }
    machine
}

#[test]
fn what_adds_up_is_told_call_by_call_and_keeps_no_list() {
    let machine = examples(&["a", "b", "c", "d", "e"]);
    for line in [
        "LEARNING.TRAIN bird KEY a",
        "LEARNING.TRAIN bird KEY b",
        "LEARNING.TRAIN gear KEY d",
        // It was taken for a gear.
        "LEARNING.RETRAIN bird KEY d",
        "LEARNING.TRAIN bird KEY c",
        "LEARNING.ASSOCIATE pairs KEY a KEY b",
        "LEARNING.ASSOCIATE pairs KEY c KEY e",
        "LEARNING.SEQUENCE song KEY a KEY c KEY b",
        "LEARNING.SEQUENCE song KEY d KEY e",
    ] {
        machine.line(line);
        if line.contains("gear") {
            continue;
        }
        machine.line("LANCE.UPSERT a TEXT \"something else\"");
        machine.change("UPDATE nodes SET fingerprint = permute(fingerprint, 1) WHERE name < 'f' AND name > 'a'");
    }
    let itself = |used: &[Fingerprint]| used.to_vec();
    let pair = |key: &Fingerprint, value: &Fingerprint| key.bind(&value.unpermute(1));
    let pairs = |used: &[Fingerprint]| vec![pair(&used[0], &used[1])];
    let song = |used: &[Fingerprint]| {
        let mut so_far = Fingerprint::ZERO;
        let mut all = Vec::new();
        for (at, element) in used.iter().enumerate() {
            if at > 0 {
                all.push(pair(&so_far, element));
            }
            so_far = so_far.permute(1).bind(element);
        }
        all
    };
    type Makes<'f> = &'f dyn Fn(&[Fingerprint]) -> Vec<Fingerprint>;
    let of: [(&str, Makes<'_>, &[&str]); 4] = [
        (
            "bird",
            &itself,
            &[
                "LEARNING.TRAIN",
                "LEARNING.RETRAIN",
                "LEARNING.TRAIN",
                "LEARNING.TRAIN",
            ],
        ),
        ("gear", &itself, &["LEARNING.RETRAIN", "LEARNING.TRAIN"]),
        ("pairs", &pairs, &["LEARNING.ASSOCIATE"; 2]),
        ("song", &song, &["LEARNING.SEQUENCE"; 2]),
    ];
    for (name, example, methods) in of {
        let rows = explain(&machine, name);
        let steps = rows.iter().filter(|row| row[ROLE] == "step");
        let told: Vec<_> = steps.map(|row| row[METHOD].as_str()).collect();
        assert_eq!(told, methods, "{name}: {rows:?}");
        assert_eq!(
            counted(&machine, &rows, 0, example),
            counts(&machine, name),
            "{name}"
        );
    }
    // What was only said is input, and what is noted is of one call however many there were.
    let noted = "SELECT length(field(properties, 'memory:learned')) FROM nodes WHERE name = 'bird'";
    let length = machine.texts(noted);
    for _ in 0..30 {
        machine.line("LEARNING.TRAIN bird \"a robin\"");
    }
    let rows = explain(&machine, "bird");
    let inputs = rows.iter().filter(|row| row[ROLE] == "input");
    assert_eq!(inputs.count(), 30, "{rows:?}");
    let [before, after] =
        [length, machine.texts(noted)].map(|rows| rows[0].parse::<i64>().expect("a length"));
    assert!(after <= before + 2, "{before} {after}");
}

#[test]
fn weights_and_rewards_are_worked_out_from_what_they_were() {
    let machine = examples(&["x", "y"]);
    for rate in ["0.5", "0.25", "0.125"] {
        machine.line(&format!("LEARNING.HEBB x y {rate}"));
    }
    for reward in ["1", "0.5", "0.25"] {
        machine.line(&format!("LEARNING.REWARD x y {reward}"));
    }
    let id = |verb: &str| {
        machine
            .texts(&format!("SELECT id FROM edges WHERE verb = '{verb}'"))
            .remove(0)
    };
    let rows = explain(&machine, &format!("#{}", id("RELATES")));
    assert_eq!(rows.len(), 3, "{rows:?}");
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row[METHOD], "LEARNING.HEBB");
        let (from, rate) = (number(row, "from"), number(row, "rate"));
        close(number(row, "weight"), from + rate * (1.0 - from));
        let before = rows
            .get(at + 1)
            .map_or(0.0, |before| number(before, "weight"));
        close(from, before);
    }
    let rows = explain(&machine, &format!("#{}", id("ENABLES")));
    assert_eq!(rows.len(), 3, "{rows:?}");
    for (at, row) in rows.iter().enumerate() {
        let (trials, reward) = (number(row, "trials"), number(row, "reward"));
        close(number(row, "weight"), reward / trials);
        close(truth(row).0, reward / trials);
        close(truth(row).1, trials / (trials + 1.0));
        let before = rows
            .get(at + 1)
            .map(|row| (number(row, "trials"), number(row, "reward")));
        let (tried, rewarded) = before.unwrap_or_default();
        close(trials, tried + 1.0);
        close(reward, rewarded + number(row, "latest"));
    }
    // What is asserted is input from then on.
    let traced = |machine: &Machine| cells(&machine.line("META.TRACE")).len();
    assert_eq!(traced(&machine), 2);
    machine.line("VERBS.ENABLES x y 0.5,0.5");
    machine.line("VERBS.RELATES x y 0.5,0.5");
    assert_eq!(traced(&machine), 1);
    let rows = explain(&machine, &format!("#{}", id("ENABLES")));
    assert_eq!(
        (rows.len(), rows[0][METHOD].as_str()),
        (1, "NULL"),
        "{rows:?}"
    );
}

/// The eight values of a row's qualia; nothing felt is nothing told.
fn felt(row: &Row) -> Vec<f64> {
    match row[NUMBERS].contains("qualia") {
        false => vec![0.0; 8],
        true => {
            let told = numbers(row)["qualia"].clone();
            serde_json::from_value(told).expect("eight numbers")
        }
    }
}

#[test]
fn qualia_are_worked_out_from_what_was_felt_before() {
    let machine = examples(&["x", "y"]);
    machine.line("QUALIA.SET x 0.5,-0.5,0.25,0.5,0.75,0.5,0.25,0.125");
    machine.line("QUALIA.SET y 1,1,0.5,0,0.25,1,0.5,0.25");
    machine.line("QUALIA.BLEND x y 0.25");
    machine.line("QUALIA.SHIFT x valence -0.75");
    machine.line("QUALIA.SET y 0,0,0,0,0,0,0,0");
    machine.line("QUALIA.DECAY 0.5");
    let rows = explain(&machine, "x");
    let mut at = 0;
    for method in ["QUALIA.DECAY", "QUALIA.SHIFT", "QUALIA.BLEND"] {
        let children = below(&rows, at);
        let of = |role: &str| children.iter().copied().find(|at| rows[*at][ROLE] == role);
        let (step, before) = (
            of("step").expect("a step"),
            of("before").expect("what it was"),
        );
        assert_eq!(rows[step][METHOD], method, "{rows:?}");
        let then = felt(&rows[before]);
        let expected: Vec<f64> = match method {
            "QUALIA.DECAY" => then
                .iter()
                .map(|x| x * number(&rows[step], "factor"))
                .collect(),
            "QUALIA.SHIFT" => {
                assert_eq!(numbers(&rows[step])["dimension"], "valence");
                let mut shifted = then;
                shifted[1] = (shifted[1] + number(&rows[step], "d")).clamp(-1.0, 1.0);
                shifted
            }
            _ => {
                let (other, w) = (felt(premises(&rows, step)[0]), number(&rows[step], "w"));
                then.iter()
                    .zip(&other)
                    .map(|(x, y)| x * (1.0 - w) + y * w)
                    .collect()
            }
        };
        for (found, expected) in felt(&rows[at]).iter().zip(&expected) {
            close(*found, *expected);
        }
        at = before;
    }
    // What is said to be felt follows from nothing.
    machine.line("QUALIA.EMBODY x joy");
    let rows = explain(&machine, "x");
    assert!(rows.iter().all(|row| row[ROLE] != "step"), "{rows:?}");
}

#[test]
fn what_was_merged_and_what_was_moved_is_told_with_its_numbers() {
    let machine = Machine::new();
    let given = Fingerprint::random(5).to_hex();
    for (name, f, c) in [("one", 0.9, 0.5), ("two", 0.2, 0.8), ("three", 0.4, 0.6)] {
        machine.change(&format!(
            "INSERT INTO nodes (name, fingerprint, frequency, confidence) VALUES ('{name}', fingerprint('{given}'), {f}, {c})"
        ));
    }
    machine.line("MEMORY.CONSOLIDATE 10");
    let rows = explain(&machine, "one");
    let children = below(&rows, 0);
    let of = |role: &str| children.iter().copied().find(|at| rows[*at][ROLE] == role);
    let (step, before) = (
        of("step").expect("a step"),
        of("before").expect("what it was"),
    );
    assert_eq!(rows[step][METHOD], "MEMORY.CONSOLIDATE");
    let merged = premises(&rows, step);
    assert_eq!(merged.len(), 2, "{rows:?}");
    let revised = merged
        .into_iter()
        .fold(truth(&rows[before]), |so_far, row| {
            concluded("revision", &[so_far, truth(row)])
        });
    close(truth(&rows[0]).0, revised.0);
    close(truth(&rows[0]).1, revised.1);

    machine.line("MEMORY.REMEMBER \"a song\" TTL 3600");
    machine.pass(40.0);
    machine.line("MEMORY.TOUCH #4");
    machine.pass(9.0);
    machine.line("MEMORY.PROMOTE -2.5");
    let rows = explain(&machine, "#4");
    let step = rows.iter().find(|row| row[ROLE] == "step").expect("a step");
    assert_eq!(step[METHOD], "MEMORY.PROMOTE");
    let presented: Vec<i64> =
        serde_json::from_value(numbers(&rows[0])["presented"].clone()).expect("times");
    let then = machine.texts(&format!(
        "SELECT CAST(arrow_cast('{}', 'Timestamp(Microsecond, None)') AS BIGINT)",
        rows[0][COMMITTED]
    ));
    let then: i64 = then[0].parse().expect("a time");
    let level: f64 = presented[2..]
        .iter()
        .map(|at| ((then - at) as f64 / 1e6).powf(-0.5))
        .sum();
    assert!(level.ln() >= number(step, "threshold"), "{level} {rows:?}");
    machine.line("MEMORY.EVAPORATE #4 60");
    let rows = explain(&machine, "#4");
    assert!(rows.iter().all(|row| row[ROLE] != "step"), "{rows:?}");
}

#[test]
fn a_copy_and_an_edge_that_a_mechanism_draws_say_what_they_are_of() {
    let machine = examples(&["ada"]);
    machine.line("LANCE.INSERT copy KEY ada");
    machine.line("LANCE.DELETE ada");
    let rows = explain(&machine, "copy");
    assert_eq!(
        (rows[0][METHOD].as_str(), rows[1][ROLE].as_str()),
        ("LANCE.INSERT", "step")
    );
    assert_eq!(
        bits_of(&machine, premises(&rows, 1)[0]),
        bits_of(&machine, &rows[0])
    );
    machine.line("LANCE.UPSERT copy \"now said\"");
    assert!(
        explain(&machine, "copy")
            .iter()
            .all(|row| row[ROLE] != "step")
    );
    machine.line("CAUSAL.OBSERVE MECHANISM lung \"smoke and tar\"");
    let edges = machine.texts("SELECT id FROM edges WHERE verb = 'CAUSES' ORDER BY id");
    assert_eq!(edges.len(), 2);
    for id in edges {
        let rows = explain(&machine, &format!("#{id}"));
        assert_eq!(rows[0][METHOD], "CAUSAL.OBSERVE");
        let premise = premises(&rows, 0)[0];
        assert_eq!(
            (premise[3].as_str(), premise[10].as_str()),
            ("lung", "true")
        );
        let said = machine.texts(&format!(
            "SELECT field(properties, 'mechanism') FROM as_of('nodes', {}) WHERE id = {}",
            premise[VERSION], premise[ID]
        ));
        assert_eq!(said, ["smoke and tar"]);
    }
}

#[test]
fn what_a_program_makes_is_told_with_its_step_and_what_that_used() {
    let machine = examples(&["a", "b", "c", "other"]);
    let define = |words: &[&str]| {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let called = Called::parse(b"DEFINE").expect("a method");
        machine.called(&called, &words).expect("it is defined");
    };
    define(&[
        "0x0F10",
        "learn",
        "(x y)",
        "both = VSA.BIND $x $y",
        "LANCE.INSERT bound FP $both",
        "VERBS.MENTIONS KEY bound KEY other 1.0,0.9",
        "LEARNING.TRAIN class $x",
        "LEARNING.TRAIN class $y",
        "LEARNING.CONCEPT idea KEY bound KEY other",
    ]);
    machine.line("USER.learn KEY a KEY b");
    let version = machine.engine().state(0).0.version();
    let rows = explain(&machine, "bound");
    let step = &rows[1];
    assert_eq!(
        (step[ROLE].as_str(), step[METHOD].as_str()),
        ("step", "USER.learn")
    );
    assert_eq!(number(step, "step"), 2.0);
    // The program, and all that it read, are those of this version.
    assert_eq!(number(step, "space"), (version - 1) as f64);
    let used: Vec<_> = premises(&rows, 1)
        .into_iter()
        .map(|row| bits_of(&machine, row))
        .collect();
    assert_eq!(used[0].bind(&used[1]), bits_of(&machine, &rows[0]));
    // Two calls of one commit are told as two.
    let rows = explain(&machine, "class");
    let itself = |used: &[Fingerprint]| used.to_vec();
    assert_eq!(
        rows.iter().filter(|row| row[ROLE] == "step").count(),
        2,
        "{rows:?}"
    );
    assert_eq!(
        counted(&machine, &rows, 0, &itself),
        counts(&machine, "class")
    );
    // What was made on the way is of the program's own version.
    let rows = explain(&machine, "idea");
    assert_eq!(rows[0][METHOD], "LEARNING.CONCEPT");
    let members = premises(&rows, 0);
    assert_eq!(members[0][VERSION], version.to_string(), "{rows:?}");
    let all: Vec<_> = members.iter().map(|row| bits_of(&machine, row)).collect();
    assert_eq!(bundle(&all), Some(bits_of(&machine, &rows[0])));
    let edge = machine
        .texts("SELECT id FROM edges WHERE verb = 'MENTIONS'")
        .remove(0);
    let rows = explain(&machine, &format!("#{edge}"));
    assert_eq!(
        (rows[0][METHOD].as_str(), number(&rows[0], "step")),
        ("USER.learn", 3.0)
    );
    assert_eq!(premises(&rows, 0).len(), 2, "{rows:?}");
    // The next call goes on from what the program left.
    machine.line("LEARNING.TRAIN class KEY c");
    let rows = explain(&machine, "class");
    assert_eq!(
        counted(&machine, &rows, 0, &itself),
        counts(&machine, "class")
    );
}
