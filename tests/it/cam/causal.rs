//! CAUSAL: published tables, random models against their parameters, what the diagram says, mechanisms, refusals; each
//! answer of a formula also by its SQL.

use arrow::array::RecordBatch;
use ladybug::cam::Method;

use super::translations::{differences, sql_of};
use super::{Machine, cells, only};
use crate::random::Random;

/// What a question may be refused for that is put together at random.
pub const REFUSALS: &[&str] = &[
    "no observation supports",
    "not identifiable",
    "cannot be both set and asked for",
    "has two values",
    "never observed",
    "are confounded",
    "expected another value of",
    "expected the value of one variable",
    "mediators are variables",
    "must have two values",
    "must be a number",
    "a probability is of variables",
    "expected another variable",
    "expected other variables",
    "without cycles",
    "in the diagram",
    "has never been otherwise",
    "an effect is between variables",
];

/// Arguments that are right, of operations whose SQL depends on what is stored.
const EXAMPLES: &[(&str, &str)] = &[
    ("SEE", "node_y=1 node_x=1"),
    ("DO", "node_y=1 node_x=1"),
    ("MEDIATE", "node_z=1 node_z=0 node_m=1 node_x"),
    ("ATE", "node_x=1 node_x=0 node_y=1"),
    ("NECESSITY", "node_x=1 node_y=1"),
    ("SUFFICIENCY", "node_x=1 node_y=1"),
    ("REGRET", "node_x=1 node_x=0 node_y"),
];

/// The example of an operation, about the variables of a zone.
pub fn example(operation: &str, zone: &str) -> Option<Vec<Vec<u8>>> {
    let known = EXAMPLES.iter().find(|(name, _)| *name == operation)?;
    let words = known.1.replace("node_", &format!("{zone}_"));
    Some(
        words
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect(),
    )
}

/// Adds a diagram of four variables to each zone, with observations: z causes x and y, x causes y and m, m causes y; and
/// in one zone a hidden cause of x and m.
pub fn fill(machine: &Machine) {
    define(machine);
    let mut random = Random(1);
    for (zone, expires) in [("node", "NULL"), ("fluid", "now() + INTERVAL '1 hour'")] {
        for name in ["x", "y", "m", "z"] {
            machine.change(&format!(
                "INSERT INTO nodes (name, expires) VALUES ('{zone}_{name}', {expires})"
            ));
        }
        let mut edges = vec![
            ("z", "CAUSES", "x"),
            ("x", "CAUSES", "y"),
            ("x", "CAUSES", "m"),
            ("m", "CAUSES", "y"),
        ];
        match zone {
            "fluid" => edges.extend([("y", "CONFOUNDED_WITH", "x")]),
            _ => edges.push(("z", "CAUSES", "y")),
        }
        for (from, verb, to) in edges {
            machine.change(&format!(
                "INSERT INTO edges (source, verb, target) SELECT s.id, '{verb}', t.id FROM nodes s, nodes t \
                 WHERE s.name = '{zone}_{from}' AND t.name = '{zone}_{to}'"
            ));
        }
        for row in 0..16 {
            let bit = |at: u32| row >> at & 1;
            // One is not known of all variables, one has no weight of its own.
            let rest = match row {
                3 => String::new(),
                _ => format!(",\"{zone}_z\":{}", bit(3)),
            };
            let value = match row {
                5 => "NULL".to_owned(),
                _ => format!("'{}'", 1 + random.below(40)),
            };
            machine.change(&format!(
                "INSERT INTO nodes (kinds, value, expires, properties) VALUES (make_array('Observation'), {value}, {expires}, \
                 '{{\"{zone}_x\":{},\"{zone}_y\":{},\"{zone}_m\":{}{rest}}}')",
                bit(0),
                bit(1),
                bit(2)
            ));
        }
    }
}

/// A machine with edges `a>b` and `a<>b`.
fn drawn(edges: &str) -> Machine {
    let machine = Machine::new();
    draw(&machine, edges);
    machine
}

/// The verb of arcs, where it is not there yet.
fn define(machine: &Machine) {
    machine.change(
        "INSERT INTO verbs (name) SELECT 'CONFOUNDED_WITH' AS name \
         WHERE NOT EXISTS (SELECT 1 FROM verbs WHERE name = 'CONFOUNDED_WITH')",
    );
}

fn draw(machine: &Machine, edges: &str) {
    define(machine);
    for edge in edges.split_whitespace() {
        let (ends, verb) = match edge.split_once("<>") {
            Some(ends) => (ends, "CONFOUNDED_WITH"),
            None => (edge.split_once('>').expect("an edge"), "CAUSES"),
        };
        for name in [ends.0, ends.1] {
            machine.change(&format!(
                "INSERT INTO nodes (name) SELECT '{name}' AS name WHERE NOT EXISTS (SELECT 1 FROM nodes WHERE name = '{name}')"
            ));
        }
        machine.change(&format!(
            "INSERT INTO edges (source, verb, target) SELECT s.id, '{verb}', t.id FROM nodes s, nodes t \
             WHERE s.name = '{}' AND t.name = '{}'",
            ends.0, ends.1
        ));
    }
}

/// The rows of a line, which its SQL makes too.
#[track_caller]
fn both(machine: &Machine, line: &str) -> RecordBatch {
    let made = machine.line(line);
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    let method = Method::parse(words[0]).expect("a method");
    let sql = sql_of(machine, &method, &words[1..]);
    let said = machine.query(&sql);
    differences(&made, &said).unwrap_or_else(|error| panic!("{line}: {error}\n{sql}"));
    made
}

/// The first number of a line's first row.
#[track_caller]
fn number(machine: &Machine, line: &str) -> f64 {
    cells(&both(machine, line))[0][0].parse().expect("a number")
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 5e-5,
        "{found}, expected {expected}"
    );
}

fn texts(rows: &RecordBatch, column: usize) -> Vec<String> {
    cells(rows)
        .into_iter()
        .map(|mut row| row.swap_remove(column))
        .collect()
}

/// Charig et al. 1986: successful treatments of kidney stones, by treatment and size of the stone.
fn kidney_stones() -> Machine {
    let machine = drawn("size>treatment size>success treatment>success");
    machine.line(
        "CAUSAL.OBSERVE treatment=A,size=small,success=1 81 treatment=A,size=small,success=0 6 \
         treatment=A,size=large,success=1 192 treatment=A,size=large,success=0 71 \
         treatment=B,size=small,success=1 234 treatment=B,size=small,success=0 36 \
         treatment=B,size=large,success=1 55 treatment=B,size=large,success=0 25",
    );
    machine
}

#[test]
fn kidney_stones_reverse_when_the_size_is_adjusted_for() {
    let machine = kidney_stones();
    close(number(&machine, "CAUSAL.SEE success=1 treatment=A"), 0.78);
    close(
        number(&machine, "CAUSAL.SEE success=1 treatment=B"),
        0.825_7,
    );
    let done = both(&machine, "CAUSAL.DO success=1 treatment=A");
    assert_eq!(
        cells(&done)[0][3..],
        [
            "700.0",
            "back-door {size}",
            "Σ{size} P(success | size, treatment) P(size)"
        ]
    );
    close(number(&machine, "CAUSAL.DO success=1 treatment=A"), 0.832_5);
    close(number(&machine, "CAUSAL.DO success=1 treatment=B"), 0.778_9);
    close(
        number(&machine, "CAUSAL.ATE treatment=A treatment=B success=1"),
        0.053_7,
    );
    // Σz E[y|B,z] P(z|A) − E[y|A].
    close(
        number(&machine, "CAUSAL.REGRET treatment=A treatment=B success"),
        (87.0 * 234.0 / 270.0 + 263.0 * 55.0 / 80.0) / 350.0 - 0.78,
    );
    assert_eq!(
        cells(&machine.line("CAUSAL.ADJUST treatment success")),
        [["size", "1"]]
    );
    let confounders = machine.line("CAUSAL.CONFOUNDERS treatment success");
    assert_eq!(cells(&confounders)[0][1..], ["size", "NULL", "true"]);
    // 30 of 100 has Wilson's interval.
    machine.line("CAUSAL.OBSERVE coin=1 30 coin=0 70");
    let seen = cells(&both(&machine, "CAUSAL.SEE coin=1"));
    close(seen[0][1].parse().expect("a number"), 0.21895);
    close(seen[0][2].parse().expect("a number"), 0.39585);
}

#[test]
fn one_assignment_is_one_node_that_counts() {
    let machine = kidney_stones();
    let before = machine.engine().state(0).0.version();
    let words: [&[u8]; 4] = [
        b"{success:1,size:small,treatment:A}",
        br#"{"treatment":"A","size":"small","success":"1"}"#,
        b"4",
        b"size=small",
    ];
    let method = Method::of_name("CAUSAL.OBSERVE").expect("a method");
    machine.call(&method, &words).expect("observations");
    assert_eq!(machine.engine().state(0).0.version(), before + 1);
    assert_eq!(
        machine.texts("SELECT count(*), sum(CAST(CAST(value AS VARCHAR) AS DOUBLE)) FROM nodes WHERE array_has(kinds, 'Observation')"),
        ["9|706.0"]
    );
    assert_eq!(
        machine.texts("SELECT variable, o.value, weight FROM observations o JOIN nodes n ON n.id = o.id \
                       WHERE name = '{\"size\":\"small\",\"success\":\"1\",\"treatment\":\"A\"}' ORDER BY 1"),
        ["size|small|86.0", "success|1|86.0", "treatment|A|86.0"]
    );
    let then = format!(
        "SELECT sum(weight) FROM observations VERSION AS OF {before} WHERE variable = 'size'"
    );
    assert_eq!(machine.texts(&then), ["700.0"]);
    // What the memory notes of an observation is no variable.
    let one = machine.texts("SELECT min(id) FROM observations").remove(0);
    machine.line(&format!("MEMORY.TOUCH #{one}"));
    assert_eq!(
        machine.texts("SELECT DISTINCT variable FROM observations ORDER BY 1"),
        ["size", "success", "treatment"]
    );
    // What another client writes as nodes is observed as well.
    machine.change(
        "INSERT INTO nodes (kinds, properties) VALUES (make_array('Observation'), '{\"coin\":1}')",
    );
    machine.change("INSERT INTO nodes (kinds, properties, value) VALUES (make_array('Observation'), '{\"coin\":0}', '3')");
    for value in ["-2", "0", "many"] {
        machine.change(&format!(
            "INSERT INTO nodes (kinds, properties, value) VALUES (make_array('Observation'), '{{\"coin\":0}}', '{value}')"
        ));
    }
    close(number(&machine, "CAUSAL.SEE coin=1"), 0.25);
    // Values beyond the length of a name.
    let long: Vec<String> = (0..200).map(|n| format!("variable{n}=value{n}")).collect();
    let long = format!("CAUSAL.OBSERVE {} 2", long.join(","));
    let [first, again] = [0, 1].map(|_| cells(&machine.line(&long))[0].clone());
    assert_eq!((&first[0], first[2].as_str()), (&again[0], "2.0"));
    assert_eq!(again[2], "4.0");
}

/// Bickel, Hammel & O'Connell 1975: the six largest departments of Berkeley, 1973.
#[test]
fn berkeley_admits_fewer_women_but_not_by_their_sex() {
    let machine = drawn("sex>department sex>admitted department>admitted");
    let table = [
        ("A", [512, 313, 89, 19]),
        ("B", [353, 207, 17, 8]),
        ("C", [120, 205, 202, 391]),
        ("D", [138, 279, 131, 244]),
        ("E", [53, 138, 94, 299]),
        ("F", [22, 351, 24, 317]),
    ];
    let mut line = "CAUSAL.OBSERVE".to_owned();
    let mut direct = 0.0;
    for (department, counts) in table {
        let columns = [("male", 1), ("male", 0), ("female", 1), ("female", 0)];
        for ((sex, admitted), count) in columns.into_iter().zip(counts) {
            line += &format!(" sex={sex},department={department},admitted={admitted} {count}");
        }
        let [male_yes, male_no, female_yes, female_no] = counts.map(f64::from);
        let rate = |yes: f64, no: f64| yes / (yes + no);
        direct +=
            (rate(female_yes, female_no) - rate(male_yes, male_no)) * (male_yes + male_no) / 2691.0;
    }
    machine.line(&line);
    let rows = cells(&both(
        &machine,
        "CAUSAL.MEDIATE sex=female sex=male admitted=1 department",
    ));
    let value = |at: usize| rows[at][1].parse::<f64>().expect("a number");
    assert_eq!(
        rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(),
        ["direct", "indirect", "total"]
    );
    close(value(0), direct);
    close(value(2), 557.0 / 1835.0 - 1198.0 / 2691.0);
    assert!(value(0) > 0.0 && value(1) < -0.14);
    draw(&machine, "department<>admitted");
    assert_eq!(
        machine.refusal("CAUSAL.MEDIATE sex=female sex=male admitted=1 department"),
        "CAM.CAUSAL.MEDIATE: department and admitted are confounded"
    );
}

/// Pearl 2009, table 3.1: smoking, tar in the lungs and cancer, with a latent genotype that is a node here.
#[test]
fn smoking_is_judged_by_the_front_door() {
    let machine = drawn("genotype>smoking genotype>cancer smoking>tar tar>cancer");
    for (smoking, tar, share, cancer) in [
        (0, 0, 47.5, 0.10),
        (1, 0, 2.5, 0.90),
        (0, 1, 2.5, 0.05),
        (1, 1, 47.5, 0.85),
    ] {
        for (value, p) in [(1, cancer), (0, 1.0 - cancer)] {
            machine.line(&format!(
                "CAUSAL.OBSERVE smoking={smoking},tar={tar},cancer={value} {}",
                10.0 * share * p
            ));
        }
    }
    for (smoking, expected) in [(1, 0.4525), (0, 0.4975)] {
        let line = format!("CAUSAL.DO cancer=1 smoking={smoking}");
        close(number(&machine, &line), expected);
        assert_eq!(texts(&machine.line(&line), 4), ["front-door {tar}"]);
    }
    assert!(number(&machine, "CAUSAL.SEE cancer=1 smoking=1") > 0.85);
    close(
        number(&machine, "CAUSAL.ATE smoking=1 smoking=0 cancer=1"),
        0.4525 - 0.4975,
    );
    assert_eq!(
        cells(&machine.line("CAUSAL.FRONTDOOR smoking cancer")),
        [["tar", "1"]]
    );
    assert_eq!(
        cells(&machine.line("CAUSAL.ADJUST smoking cancer")).len(),
        0
    );
    let regret = both(&machine, "CAUSAL.REGRET smoking=1 smoking=0 cancer");
    assert_eq!(texts(&regret, 4), ["effect"]);
    // P(y_x'|x) = [P(y|do x') − P(y, x')] / P(x), less P(y|x).
    let seen = [
        (47.5 * 0.10 + 2.5 * 0.05) / 100.0,
        (2.5 * 0.90 + 47.5 * 0.85) / 100.0,
    ];
    close(
        number(&machine, "CAUSAL.REGRET smoking=1 smoking=0 cancer"),
        (0.4975 - seen[0] - seen[1]) / 0.5,
    );
    // Once the genotype is seen, it is what to adjust for.
    machine.line("CAUSAL.OBSERVE genotype=1");
    assert_eq!(
        cells(&machine.line("CAUSAL.ADJUST smoking cancer")),
        [["genotype", "1"]]
    );
}

#[test]
fn the_drug_was_necessary_for_the_deaths() {
    // Pearl 2009, section 9.3.4.
    let machine = drawn("drug>death drug<>death");
    machine.line(
        "CAUSAL.OBSERVE drug=1,death=1 2 drug=1,death=0 998 drug=0,death=1 28 drug=0,death=0 972",
    );
    let bounds = |line: &str| -> [f64; 2] {
        let row = &cells(&both(&machine, line))[0];
        [0, 1].map(|at: usize| row[at].parse().expect("a number"))
    };
    let [low, high] = bounds("CAUSAL.NECESSITY drug=1 death=1 0.014");
    close(low, 1.0);
    close(high, 1.0);
    let [low, high] = bounds("CAUSAL.SUFFICIENCY drug=1 death=1 0.016");
    close(low, 0.001 / 0.486);
    close(high, 0.015 / 0.486);
    assert_eq!(
        machine.refusal("CAUSAL.NECESSITY drug=1 death=1"),
        "CAM.CAUSAL.NECESSITY: the effect is not identifiable: {drug, death} and {death} form a hedge"
    );
    // What it took to live is bounded by what is seen alone.
    let imagined = cells(&machine.line("CAUSAL.IMAGINE death=0 drug=1 drug=1,death=1"));
    assert_eq!(imagined[0][..2], ["0.0", "0.0"]);
    assert_eq!(imagined[0][5], "observed");
}

#[test]
fn the_napkin_has_a_formula_of_the_general_algorithm() {
    let machine = drawn("w>z z>x x>y w<>x w<>y");
    let mut random = Random(4);
    for row in 0..16 {
        let bit = |at: u32| row >> at & 1;
        machine.line(&format!(
            "CAUSAL.OBSERVE w={},z={},x={},y={} {}",
            bit(0),
            bit(1),
            bit(2),
            bit(3),
            5 + random.below(30)
        ));
    }
    let done = both(&machine, "CAUSAL.DO y=1 x=1");
    assert_eq!(texts(&done, 4), ["general"]);
    both(&machine, "CAUSAL.DO y=0 x=1,z=1");
    both(&machine, "CAUSAL.ATE x=1 x=0 y=1");
}

/// Binary variables in a random order, and hidden coins that are each the cause of two.
struct Known {
    names: Vec<String>,
    parents: Vec<Vec<usize>>,
    coins: Vec<[usize; 2]>,
    tables: Vec<Vec<f64>>,
}

impl Known {
    fn new(random: &mut Random, count: usize) -> Self {
        let names = (0..count).map(|v| format!("v{v}")).collect();
        let parents: Vec<Vec<usize>> = (0..count)
            .map(|v| (0..v).filter(|_| random.below(2) == 0).collect())
            .collect();
        let pairs = (0..count).flat_map(|b| (0..b).map(move |a| [a, b]));
        let coins: Vec<_> = pairs.filter(|_| random.below(5) == 0).collect();
        let tables = (0..count)
            .map(|v| {
                let causes =
                    parents[v].len() + coins.iter().filter(|pair| pair.contains(&v)).count();
                (0..1 << causes)
                    .map(|_| 0.1 + 0.08 * random.below(11) as f64)
                    .collect()
            })
            .collect();
        Self {
            names,
            parents,
            coins,
            tables,
        }
    }

    /// P of values of all variables, those of `set` having been set: the truncated factorisation.
    fn joint(&self, values: usize, set: usize) -> f64 {
        let worlds = 1_usize << self.coins.len();
        let one = |world: usize| -> f64 {
            let factor = |v: usize| {
                let parents = self.parents[v].iter().map(|parent| values >> parent & 1);
                let coins = self
                    .coins
                    .iter()
                    .enumerate()
                    .filter(|(_, pair)| pair.contains(&v));
                let bits = parents.chain(coins.map(|(at, _)| world >> at & 1));
                let p = self.tables[v][bits.fold(0, |row, bit| row << 1 | bit)];
                if values >> v & 1 == 1 { p } else { 1.0 - p }
            };
            (0..self.names.len())
                .filter(|v| set >> v & 1 == 0)
                .map(factor)
                .product()
        };
        (0..worlds).map(one).sum::<f64>() / worlds as f64
    }

    fn effect(&self, y: usize, x: usize, value: usize) -> f64 {
        let all = 0..1_usize << self.names.len();
        all.filter(|values| values >> y & 1 == 1 && values >> x & 1 == value)
            .map(|values| self.joint(values, 1 << x))
            .sum()
    }
}

#[test]
fn random_models_answer_what_their_parameters_say() {
    let mut random = Random(9);
    let (mut identified, mut hedged) = (0, 0);
    for _ in 0..12 {
        let known = Known::new(&mut random, 4);
        let machine = Machine::new();
        for (v, parents) in known.parents.iter().enumerate() {
            for parent in parents {
                draw(&machine, &format!("v{parent}>v{v}"));
            }
        }
        for [a, b] in &known.coins {
            draw(&machine, &format!("v{a}<>v{b}"));
        }
        let mut line = "CAUSAL.OBSERVE".to_owned();
        for values in 0..16_usize {
            let all: Vec<_> = (0..4)
                .map(|v| format!("v{v}={}", values >> v & 1))
                .collect();
            line += &format!(" {} {}", all.join(","), 1_000.0 * known.joint(values, 0));
        }
        machine.line(&line);
        for x in 0..3 {
            for value in [0, 1] {
                match machine.try_line(&format!("CAUSAL.DO v3=1 v{x}={value}")) {
                    Ok(rows) => {
                        let found: f64 = cells(&rows)[0][0].parse().expect("a number");
                        let expected = known.effect(3, x, value);
                        assert!(
                            (found - expected).abs() < 1e-6,
                            "{found}, expected {expected}"
                        );
                        identified += 1;
                    }
                    Err(error) => {
                        assert!(error.contains("form a hedge"), "{error}");
                        hedged += 1;
                    }
                }
            }
        }
    }
    assert!(identified > 20 && hedged > 0, "{identified} {hedged}");
}

/// Pearl 2009, figure 3.4.
#[test]
fn the_diagram_says_what_to_adjust_for() {
    let machine = drawn("x1>x3 x1>x4 x2>x4 x2>x5 x3>xi x4>xi x4>xj x5>xj xi>x6 x6>xj");
    let sets = texts(&machine.line("CAUSAL.ADJUST xi xj"), 0);
    assert_eq!(sets, ["x1, x4", "x3, x4", "x4, x2", "x4, x5"]);
    assert_eq!(texts(&machine.line("CAUSAL.FRONTDOOR xi xj"), 0), ["x6"]);
    assert_eq!(
        texts(&both(&machine, "CAUSAL.CONFOUNDERS xi xj"), 1),
        ["x1", "x4", "x2"]
    );
    let causes = both(&machine, "CAUSAL.CAUSES xi");
    let mut near = texts(&causes, 2);
    near[..2].sort();
    near[2..].sort();
    assert_eq!(near, ["x3", "x4", "x1", "x2"]);
    assert_eq!(texts(&causes, 3), ["1", "1", "2", "2"]);
    assert_eq!(texts(&both(&machine, "CAUSAL.CAUSES xi 1"), 2).len(), 2);
    assert_eq!(texts(&both(&machine, "CAUSAL.EFFECTS x5"), 2), ["xj"]);
    for (line, expected) in [
        ("CAUSAL.DSEP x1 x2", "true"),
        ("CAUSAL.DSEP x1 x2 x4", "false"),
        ("CAUSAL.DSEP x1 x2 xj", "false"),
        ("CAUSAL.DSEP x3 x5 x1", "true"),
        ("CAUSAL.DSEP x3 x5 x1 x4", "true"),
        ("CAUSAL.DSEP x3 x5 x4", "false"),
        ("CAUSAL.DSEP xi xj x6 x4", "false"),
        ("CAUSAL.DSEP xi xj x6 x4 x5", "true"),
    ] {
        assert_eq!(only(&both(&machine, line)), expected, "{line}");
    }
    let machine = drawn("w>z w>y z>x x>y x<>y");
    assert_eq!(cells(&machine.line("CAUSAL.INSTRUMENTS x y")), [["z", "w"]]);
    let arcs = both(&machine, "CAUSAL.CONFOUNDERS x y");
    assert_eq!(cells(&arcs)[1][1..], ["x", "y", "false"]);
}

/// Pearl 2009, section 7.1.2: the firing squad, with a nervous rifleman.
#[test]
fn the_prisoner_would_be_dead_anyway() {
    let machine = Machine::new();
    for line in [
        "CAUSAL.OBSERVE MECHANISM D \"A or B\" MECHANISM B C MECHANISM A \"C or W\" MECHANISM C U",
        "CAUSAL.OBSERVE MECHANISM U \"{1: 0.6, 0: 0.4}\" MECHANISM W \"{1: 0.3, 0: 0.7}\"",
    ] {
        machine.line(line);
    }
    let imagine = |line: &str| cells(&machine.line(line))[0].clone();
    let alive = 0.4 * 0.3 / (1.0 - 0.4 * 0.7);
    let row = imagine("CAUSAL.IMAGINE D=0 A=0 D=1");
    close(row[0].parse().expect("a number"), alive);
    assert_eq!((&row[0], row[5].as_str()), (&row[1], "mechanisms"));
    close(
        imagine("CAUSAL.IMAGINE D=1 A=0")[0]
            .parse()
            .expect("a number"),
        0.6,
    );
    // The edges are those of the mechanisms.
    assert_eq!(
        texts(&both(&machine, "CAUSAL.CAUSES D"), 2),
        ["A", "B", "C", "W", "U"]
    );
    let refused = machine.refusal("CAUSAL.OBSERVE MECHANISM U \"D and W\"");
    assert_eq!(
        refused,
        "CAM.CAUSAL.OBSERVE: observation: expected causes of U, and D is one of its effects, or itself"
    );
    assert!(
        machine
            .refusal("CAUSAL.OBSERVE MECHANISM U \"U + 1\"")
            .contains("or itself")
    );
    machine.line("CAUSAL.OBSERVE MECHANISM D \"A or B or X\"");
    let refused = machine.refusal("CAUSAL.IMAGINE D=0 A=0");
    assert!(
        refused.starts_with("CAM.CAUSAL.IMAGINE: X has no mechanism; give it one"),
        "{refused}"
    );
    assert_eq!(
        machine.texts("SELECT count(*) FROM nodes WHERE name = 'D'"),
        ["1"]
    );
}

#[test]
fn bounds_hold_where_there_are_no_mechanisms() {
    let machine = drawn("x>y");
    machine.line("CAUSAL.OBSERVE x=1,y=1 30 x=1,y=0 10 x=0,y=1 12 x=0,y=0 28");
    let imagined = cells(&machine.line("CAUSAL.IMAGINE y=0 x=0 x=1,y=1"));
    let necessity = cells(&both(&machine, "CAUSAL.NECESSITY x=1 y=1"));
    let sufficiency = cells(&both(&machine, "CAUSAL.SUFFICIENCY x=1 y=1"));
    let bounds = |row: &[String]| [0, 1].map(|at: usize| row[at].parse::<f64>().expect("a number"));
    let ([low, high], [least, most]) = (bounds(&imagined[0]), bounds(&necessity[0]));
    close(low, least);
    close(high, most);
    close(least, (0.75 - 0.3) / 0.75);
    close(bounds(&sufficiency[0])[0], (0.75 - 0.3) / 0.7);
    assert_eq!(imagined[0][5], "bounds");
}

#[test]
fn what_cannot_be_answered_is_refused_with_the_reason() {
    let machine = kidney_stones();
    draw(&machine, "hidden>success loop>back back>loop");
    machine.line("CAUSAL.OBSERVE loop=1,back=1");
    machine.line("CAUSAL.OBSERVE treatment=C,size=small");
    for (line, message) in [
        (
            "SEE",
            "y: expected values of variables such as size=large,treatment=A",
        ),
        ("SEE success", "y: expected values of variables"),
        ("SEE nothing=1", "no variable \"nothing\" in the diagram"),
        (
            "SEE hidden=1",
            "hidden was never observed in scope all; CAM.CAUSAL.OBSERVE hidden=…",
        ),
        (
            "SEE success=2",
            "success was never observed as \"2\"; it was 0, 1",
        ),
        (
            "SEE success=1 treatment=C",
            "no observation supports P(success | treatment=C)",
        ),
        (
            "SEE success=1 success=1",
            "a probability is of variables that are not given",
        ),
        (
            "DO success=1 success=1",
            "a variable cannot be both set and asked for",
        ),
        (
            "DO loop=1 back=1",
            "expected a diagram without cycles, and CAUSES edges lead ",
        ),
        (
            "ATE treatment=A size=small success=1",
            "x': expected another value of treatment, got one of size",
        ),
        (
            "ATE treatment=A,size=small treatment=B success=1",
            "x: expected the value of one variable, got treatment=A, size=small",
        ),
        (
            "REGRET size=small size=large treatment",
            "treatment must be a number to be regretted, got \"A\"",
        ),
        (
            "NECESSITY treatment=A success=1",
            "treatment must have two values, to be one or the other; it has 3",
        ),
        ("DSEP size size", "y: expected another variable than x"),
        (
            "DSEP size success size",
            "given: expected other variables than x and y",
        ),
        ("ADJUST size nobody", "y: no such node 'nobody'"),
        (
            "SEE success=1 SCOPE fluid",
            "no variable \"success\" in the diagram",
        ),
        ("OBSERVE", "observation: expected an observation such as"),
        (
            "OBSERVE x=1 0",
            "observation: expected a weight above 0, got '0'",
        ),
        (
            "OBSERVE x=1 NaN",
            "observation: expected a weight above 0, got 'NaN'",
        ),
        (
            "OBSERVE x=1,x=2",
            "observation: expected values of variables",
        ),
        (
            "OBSERVE x=1 SCOPE fluid",
            "SCOPE: expected the scope of what is written, got fluid",
        ),
        (
            "OBSERVE MECHANISM x",
            "observation: expected MECHANISM variable expression, got nothing more",
        ),
        (
            "OBSERVE MECHANISM x a+",
            "observation: expected an expression of other variables",
        ),
        (
            "IMAGINE success=1 treatment=A",
            "the evidence must say what treatment was",
        ),
    ] {
        let refused = machine.refusal(&format!("CAUSAL.{line}"));
        let (_, rest) = refused.split_once(": ").expect("the method first");
        assert!(rest.starts_with(message), "{line}: {refused}");
    }
    // A node of that name that is something else.
    machine.change("INSERT INTO nodes (name, value) VALUES ('{\"q\":\"1\"}', '5')");
    let refused = machine.refusal("CAUSAL.OBSERVE q=1");
    assert!(
        refused.contains("expected the node '{\"q\":\"1\"}' to be an observation"),
        "{refused}"
    );
    // Beyond what a diagram holds.
    let edges: Vec<String> = (0..70).map(|n| format!("cause{n}>end")).collect();
    draw(&machine, &edges.join(" "));
    machine.line("CAUSAL.OBSERVE end=1,cause0=1");
    assert!(
        machine
            .refusal("CAUSAL.DO end=1 cause0=1")
            .contains("at most 64 variables")
    );
    assert_eq!(cells(&machine.line("CAUSAL.CAUSES end")).len(), 70);
}
