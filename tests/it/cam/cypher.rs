//! CYPHER: statements within scopes, patterns that say no more, and figures of the graph by their definitions.

use std::collections::{BTreeMap, HashMap, HashSet};

use ladybug::cam::{Host, Method, run};

use super::{Machine, cells, only};
use crate::random::Random;

const SCOPES: [(&str, &str); 3] = [
    ("all", "true"),
    ("fluid", "zone = 'fluid'"),
    ("node", "zone = 'node'"),
];

/// The nodes of a scope by address, and its edges by their ends' addresses.
fn graph(machine: &Machine, condition: &str) -> (Vec<u16>, Vec<(u16, u16)>) {
    let nodes = machine.texts(&format!(
        "SELECT address FROM nodes WHERE {condition} ORDER BY address"
    ));
    let nodes: Vec<u16> = nodes
        .iter()
        .map(|text| text.parse().expect("an address"))
        .collect();
    let edges = machine.texts("SELECT source_address, target_address FROM edges");
    let ends = |text: &String| {
        let (source, target) = text.split_once('|')?;
        let ends = (source.parse().ok()?, target.parse().ok()?);
        (nodes.contains(&ends.0) && nodes.contains(&ends.1)).then_some(ends)
    };
    let edges = edges.iter().filter_map(ends).collect();
    (nodes, edges)
}

/// A column of a result by addresses.
fn by_address(machine: &Machine, line: &str, column: usize) -> BTreeMap<u16, String> {
    let rows = cells(&machine.line(line)).into_iter();
    let one = |row: Vec<String>| (row[1].parse().expect("an address"), row[column].clone());
    rows.map(one).collect()
}

#[test]
fn a_statement_sees_the_nodes_of_the_scope_and_the_edges_between_them() {
    let machine = Machine::filled(1);
    for (scope, condition) in SCOPES {
        let (nodes, edges) = graph(&machine, condition);
        let count = |statement: &str| only(&machine.line(&format!("{statement} SCOPE {scope}")));
        assert_eq!(
            count("CYPHER.QUERY \"MATCH (n) RETURN count(n) AS n\""),
            nodes.len().to_string()
        );
        assert_eq!(
            count("CYPHER.QUERY \"MATCH ()-[r]->() RETURN count(r) AS n\""),
            edges.len().to_string()
        );
        assert_eq!(
            count("CYPHER.MATCH ()-[r]->() FORM count"),
            edges.len().to_string()
        );
        let near = machine.line(&format!(
            "CYPHER.QUERY \"CALL ladybug.resonate('bird', 100) YIELD node RETURN id(node) AS id\" SCOPE {scope}"
        ));
        assert_eq!(near.num_rows(), nodes.len());
        let version = machine.engine().state(0).0.version();
        let past =
            format!("CYPHER.QUERY \"CALL ladybug.asOf({version}) YIELD id RETURN count(id) AS n\"");
        assert_eq!(count(&past), nodes.len().to_string());
    }
    assert_eq!(machine.line("CYPHER.MATCH (n) SCOPE surface").num_rows(), 0);
}

#[test]
fn a_statement_answers_its_columns_its_plan_or_what_it_has_changed() {
    let machine = Machine::new();
    let made = machine
        .line("CYPHER.CREATE \"(a:Person {name: 'Ada'})-[:RELATES]->(:Person {name: 'Charles'})\"");
    assert_eq!(cells(&made), [["2", "0", "1", "0", "2", "2", "0"]]);
    let merged =
        machine.line("CYPHER.MERGE \"(a:Person {name: 'Ada'}) ON MATCH SET a.born = 1815\"");
    assert_eq!(cells(&merged), [["0", "0", "0", "0", "1", "0", "0"]]);
    let rows = machine.line(
        "CYPHER.QUERY \"MATCH (a:Person) RETURN a.name AS name, a.born AS born ORDER BY name\"",
    );
    assert_eq!(cells(&rows), [["Ada", "1815"], ["Charles", "NULL"]]);
    let both = machine
        .line("CYPHER.QUERY \"MATCH (a {name: 'Ada'}) SET a.seen = true RETURN a.seen AS seen\"");
    assert_eq!(only(&both), "true");
    let plan = "MATCH (a:Person) RETURN a.name";
    assert_eq!(
        cells(&machine.line(&format!("CYPHER.EXPLAIN \"{plan}\""))),
        cells(&machine.line(&format!("CYPHER.QUERY \"EXPLAIN {plan}\"")))
    );
    let matched = machine.line("CYPHER.MATCH \"(a:Person)-[r]->(b) WHERE a.born = 1815 // Ada\"");
    let schema = matched.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!((names, matched.num_rows()), (vec!["a", "b", "r"], 1));
}

#[test]
fn a_pattern_says_no_more_than_its_clause() {
    let machine = Machine::filled(1);
    for line in [
        "CYPHER.MATCH \"(n) DETACH DELETE n\"",
        "CYPHER.MATCH \"(n) RETURN n UNION MATCH (n)\"",
        "CYPHER.MATCH \"(n) MATCH (m)\"",
        "CYPHER.CREATE \"(n) WITH n MATCH (m) DETACH DELETE m\"",
        "CYPHER.CREATE \"(n) RETURN n\"",
        "CYPHER.MERGE \"(n) CREATE (m)\"",
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains("pattern: "), "{line}: {refused}");
    }
    for (line, message) in [
        (
            "CYPHER.SET robin_node born",
            "CAM.CYPHER.SET: props: expected a JSON object such as {\"born\":1815}, got 'born': expected value",
        ),
        (
            "CYPHER.MATCH (n",
            "CAM.CYPHER.MATCH: pattern: SyntaxError at compile time: UnexpectedSyntax: expected ), got the end of the \
             statement (at byte 2)",
        ),
        (
            "CYPHER.MATCH \"(n) WHERE\"",
            "CAM.CYPHER.MATCH: pattern: SyntaxError at compile time: UnexpectedSyntax: expected an expression, got the end",
        ),
        (
            "CYPHER.MATCH ()",
            "CAM.CYPHER.MATCH: pattern: SyntaxError at compile time: NoVariablesInScope: expected a pattern that names",
        ),
        (
            "CYPHER.CREATE (:A) SCOPE node",
            "CAM.CYPHER.CREATE: SCOPE: expected all, got node",
        ),
        (
            "CYPHER.QUERY \"CREATE (:A)\" SCOPE fluid",
            "CAM.CYPHER.QUERY: SCOPE: expected all, got fluid",
        ),
        (
            "CYPHER.QUERY \"MATCH (n\"",
            "CAM.CYPHER.QUERY: cypher: SyntaxError",
        ),
        (
            "CYPHER.SET robin_node [1]",
            "CAM.CYPHER.SET: props: expected a JSON object",
        ),
        (
            "CYPHER.DEGREE SINGS",
            "CAM.CYPHER.DEGREE: verb: no such verb 'SINGS'",
        ),
        (
            "CYPHER.DELETE robin_node SCOPE fluid",
            "CAM.CYPHER.DELETE: x: expected an operand in scope fluid",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.starts_with(message), "{line}: {refused}");
    }
    let host = Host {
        rows_max: 3,
        ..machine.host()
    };
    let method = ladybug::cam::Method::of_name("CYPHER.QUERY").expect("a method");
    let before = machine.engine().state(0).0.version();
    let many = ladybug::cam::run(
        &host,
        &method,
        &[b"UNWIND range(1, 9) AS n CREATE (a {n: n}) RETURN a.n"],
    );
    assert!(many.value.is_err());
    assert_eq!(machine.engine().state(0).0.version(), before);
}

/// PageRank as the fixed point of its equation, iterated plainly over a matrix.
#[test]
fn ranks_are_those_of_the_matrix() {
    let machine = Machine::filled(3);
    for (scope, condition) in SCOPES {
        let (nodes, edges) = graph(&machine, condition);
        let n = nodes.len();
        let at: HashMap<u16, usize> = nodes.iter().copied().zip(0..).collect();
        let mut matrix = vec![vec![0.0; n]; n];
        for (source, target) in &edges {
            matrix[at[target]][at[source]] += 1.0;
        }
        for source in 0..n {
            let leaving: f64 = (0..n).map(|target| matrix[target][source]).sum();
            for row in &mut matrix {
                row[source] = match leaving > 0.0 {
                    true => row[source] / leaving,
                    false => 1.0 / n as f64,
                };
            }
        }
        for damping in [0.85, 0.5] {
            let mut ranks = vec![1.0 / n as f64; n];
            for _ in 0..400 {
                let next = matrix.iter().map(|row| {
                    let flow: f64 = row.iter().zip(&ranks).map(|(a, b)| a * b).sum();
                    (1.0 - damping) / n as f64 + damping * flow
                });
                ranks = next.collect();
            }
            let line = format!("CYPHER.PAGERANK {damping} 1000 SCOPE {scope}");
            let made = by_address(&machine, &line, 3);
            assert_eq!(made.len(), n);
            for (address, rank) in made {
                let rank: f64 = rank.parse().expect("a rank");
                assert!((rank - ranks[at[&address]]).abs() < 1e-9, "{address:04X}");
            }
            let rows = cells(&machine.line(&line));
            let order: Vec<f64> = rows
                .iter()
                .map(|row| row[3].parse().expect("a rank"))
                .collect();
            assert!(order.is_sorted_by(|a, b| a >= b));
        }
    }
    assert_eq!(Machine::new().line("CYPHER.PAGERANK").num_rows(), 0);
}

/// No node has a label that fewer of its edges lead to than to another, and what is planted is found.
#[test]
fn communities_are_stable_and_those_that_were_planted() {
    let machine = Machine::filled(3);
    let mut random = Random(7);
    for (scope, condition) in SCOPES {
        let (nodes, edges) = graph(&machine, condition);
        for _ in 0..3 {
            let line = format!("CYPHER.COMMUNITIES {} SCOPE {scope}", random.below(1000));
            let of = by_address(&machine, &line, 3);
            assert_eq!(of, by_address(&machine, &line, 3));
            for node in &nodes {
                let mut counts: HashMap<&String, usize> = HashMap::new();
                for (a, b) in edges.iter().filter(|(a, b)| a != b) {
                    for (own, other) in [(a, b), (b, a)] {
                        if own == node {
                            *counts.entry(&of[other]).or_default() += 1;
                        }
                    }
                }
                let most = counts.values().max().copied().unwrap_or(0);
                let own = counts.get(&of[node]).copied().unwrap_or(0);
                assert_eq!(own, most, "{node:04X} of {line}");
            }
        }
    }
    let machine = Machine::new();
    for group in 0..3 {
        machine.line(&format!(
            "CYPHER.QUERY \"UNWIND range(0, 7) AS n CREATE (:G{group} {{n: n}})\""
        ));
        machine.line(&format!(
            "CYPHER.QUERY \"MATCH (a:G{group}), (b:G{group}) WHERE a.n < b.n CREATE (a)-[:RELATES]->(b)\""
        ));
    }
    machine.line("CYPHER.QUERY \"MATCH (a:G0 {n: 0}), (b:G1 {n: 0}), (c:G2 {n: 0}) CREATE (a)-[:RELATES]->(b)-[:RELATES]->(c)\"");
    for seed in 0..5 {
        let rows = cells(&machine.line(&format!("CYPHER.COMMUNITIES {seed}")));
        let named: HashSet<_> = rows
            .iter()
            .map(|row| (row[3].clone(), row[4].clone()))
            .collect();
        assert_eq!(named.len(), 3, "seed {seed}: {named:?}");
        assert!(named.iter().all(|(_, size)| size == "8"));
    }
    assert_eq!(cells(&machine.line("CYPHER.COMPONENTS"))[0][4], "24");
}

#[test]
fn paths_are_those_that_a_look_at_the_graph_shows() {
    let machine = Machine::new();
    machine.line("CYPHER.CREATE \"(:N {k: 'none'})\"");
    for name in ["a", "b", "c", "d", "e"] {
        machine.line(&format!("LANCE.INSERT {name} {name}"));
    }
    for (s, verb, t) in [
        ("a", "CAUSES", "b"),
        ("a", "CAUSES", "c"),
        ("b", "CAUSES", "d"),
        ("c", "CAUSES", "d"),
        ("c", "IMPLIES", "d"),
        ("d", "CAUSES", "e"),
        ("e", "CAUSES", "a"),
    ] {
        machine.change(&format!(
            "INSERT INTO edges (source, verb, target) SELECT s.id, '{verb}', t.id FROM nodes s, nodes t \
             WHERE s.name = '{s}' AND t.name = '{t}'"
        ));
    }
    let names = |line: &str, column: usize| -> Vec<String> {
        let rows = cells(&machine.line(line)).into_iter();
        rows.map(|row| row[column].clone()).collect()
    };
    assert_eq!(names("CYPHER.PATH a e", 3), ["a", "b", "d", "e"]);
    assert_eq!(
        names("CYPHER.PATH a e", 5),
        ["NULL", "CAUSES", "CAUSES", "CAUSES"]
    );
    assert_eq!(names("CYPHER.PATH a a", 3), ["a"]);
    assert!(names("CYPHER.PATH a e CAUSES 2", 3).is_empty());
    assert!(names("CYPHER.PATH a d IMPLIES", 3).is_empty());
    assert_eq!(
        names("CYPHER.PATHS a d", 4),
        ["a", "b", "d", "a", "c", "d", "a", "c", "d"]
    );
    assert_eq!(
        names("CYPHER.PATHS a d CAUSES", 0),
        ["1", "1", "1", "2", "2", "2"]
    );
    assert_eq!(names("CYPHER.EXPAND a * 1 2", 2), ["b", "c", "d"]);
    assert_eq!(names("CYPHER.EXPAND a CAUSES 4 4", 2), ["a"]);
    assert_eq!(names("CYPHER.EXPAND a CAUSES 0 0", 2), ["a"]);
    assert_eq!(
        cells(&machine.line("CYPHER.DEGREE IMPLIES"))[0][3..6],
        ["1", "0", "1"]
    );
}

/// With k there are the first rows of all, whatever --sql-rows-max says of all of them.
#[test]
fn figures_of_many_nodes_are_answered_as_far_as_they_are_asked_for() {
    let machine = Machine::filled(1);
    for (all, first) in [
        ("CYPHER.PAGERANK 0.85 20", "CYPHER.PAGERANK 0.85 20 3"),
        ("CYPHER.DEGREE", "CYPHER.DEGREE * 3"),
        ("CYPHER.DEGREE CAUSES", "CYPHER.DEGREE CAUSES 3"),
        ("CYPHER.TRIANGLES", "CYPHER.TRIANGLES 3"),
        ("CYPHER.COMPONENTS", "CYPHER.COMPONENTS 3"),
        ("CYPHER.COMMUNITIES 5", "CYPHER.COMMUNITIES 5 3"),
        ("MEMORY.DECAY 0.3", "MEMORY.DECAY 0.3 3"),
        ("MEMORY.WORKING", "MEMORY.WORKING 3"),
    ] {
        let all = cells(&machine.line(all));
        assert!(all.len() > 3, "{first}");
        assert_eq!(cells(&machine.line(first)), all[..3], "{first}");
    }
    let host = Host {
        rows_max: 3,
        ..machine.host()
    };
    let run = |line: &str| {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let method = Method::parse(words[0]).expect("a method");
        run(&host, &method, &words[1..]).value
    };
    let refused = run("CYPHER.PAGERANK").expect_err("too many").to_string();
    assert!(refused.contains("--sql-rows-max"), "{refused}");
    assert_eq!(
        run("CYPHER.PAGERANK 0.85 20 3").expect("rows").num_rows(),
        3
    );
}
