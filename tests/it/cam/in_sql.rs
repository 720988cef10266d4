//! Methods in SQL: `cam(…)` after FROM and of a row, against the methods themselves.

use std::sync::Arc;
use std::thread;

use datafusion::common::ScalarValue;
use ladybug::query::sql::Executed;
use ladybug_engine::fingerprint::encode;

use super::{Machine, cells, only};

fn shown(machine: &Machine, line: &str) -> Vec<String> {
    let rows = cells(&machine.line(line));
    rows.iter().map(|row| row.join("|")).collect()
}

fn asked(machine: &Machine, query: &str) -> Vec<String> {
    let batches = machine.query(query);
    let rows = batches.iter().flat_map(cells);
    rows.map(|row| row.join("|")).collect()
}

#[track_caller]
fn refused(machine: &Machine, query: &str, message: &str) {
    let before = machine.engine().state(0).0.version();
    let error = machine.try_query(query).expect_err(query);
    assert!(error.contains(message), "{query}: {error}");
    assert_eq!(
        machine.engine().state(0).0.version(),
        before,
        "{query} changed something"
    );
}

#[test]
fn a_method_is_a_table_by_its_name_its_id_and_its_id_in_hex() {
    let machine = Machine::filled(3);
    let distance = only(&machine.line("VSA.DISTANCE \"web server\" \"web browser\""));
    for method in [
        "'VSA.DISTANCE'",
        "'cam.vsa.distance'",
        "3072",
        "0x0C00",
        "'@0C00'",
    ] {
        let query = format!("SELECT * FROM cam({method}, 'web server', 'web browser')");
        assert_eq!(asked(&machine, &query).join(","), distance, "{method}");
    }
    for (call, line) in [
        (
            "'LANCE.TOPK', 'web server', 7",
            "LANCE.TOPK \"web server\" 7",
        ),
        (
            "'LANCE.TOPK', encode('web server'), 3 + 4, 'SCOPE', 'node'",
            "LANCE.TOPK \"web server\" 7 SCOPE node",
        ),
        (
            "0x0065, 'ada', 5",
            "LANCE.TOPK ada 5 SCOPE surface FORM count",
        ),
        (
            "'LANCE.NEAR', 'KEY', 'robin0', 5",
            "LANCE.NEAR KEY robin0 5",
        ),
        (
            "'QUALIA.INTUIT', make_array(1, 0.5, 0, 0, 0, 0, 0, 0), 4",
            "QUALIA.INTUIT 1,0.5,0,0,0,0,0,0 4",
        ),
        (
            "'LANCE.FILTER', 'ada', 5, 'rung < 3'",
            "LANCE.FILTER ada 5 \"rung < 3\"",
        ),
        (
            "'CYPHER.QUERY', 'MATCH (n:Thing) RETURN n.name AS name ORDER BY name'",
            "CYPHER.QUERY \"MATCH (n:Thing) RETURN n.name AS name ORDER BY name\"",
        ),
        (
            "'SQL.QUERY', 'SELECT name FROM nodes ORDER BY name'",
            "SQL.QUERY \"SELECT name FROM nodes ORDER BY name\"",
        ),
        ("'VERBS.CAUSES', 'engine1'", "VERBS.CAUSES engine1"),
        ("'VERBS'", "VERBS"),
        (
            "'LANCE.DELETE', 'robin0', 'FORM', 'plan'",
            "LANCE.DELETE robin0 FORM plan",
        ),
    ] {
        let query = format!("SELECT * FROM cam({call})");
        assert_eq!(asked(&machine, &query), shown(&machine, line), "{call}");
    }
}

#[test]
fn a_methods_table_joins_filters_and_is_of_the_schema_that_is_named() {
    let machine = Machine::new();
    machine.change(
        "INSERT INTO nodes (name, value) VALUES ('ada', 'a web server'), ('alan', 'a machine')",
    );
    machine.change("INSERT INTO space_1.nodes (name) VALUES ('there')");
    assert_eq!(
        asked(
            &machine,
            "SELECT n.name FROM cam('LANCE.TOPK', 'web server', 1) t JOIN nodes n ON n.id = t.id WHERE t.distance < 5120"
        ),
        ["ada"]
    );
    assert_eq!(
        asked(&machine, "SELECT name FROM space_1.cam('LANCE.SCAN')"),
        ["there"]
    );
    assert_eq!(
        asked(
            &machine,
            "WITH m AS (SELECT * FROM cam('LANCE.SCAN')) SELECT count(*) FROM m a, m b WHERE a.id < b.id"
        ),
        ["1"]
    );
    assert_eq!(
        asked(
            &machine,
            "SELECT address = addr('@8000') FROM cam('LANCE.GET', 'ada')"
        ),
        ["true"]
    );
}

#[test]
fn a_method_of_a_row_is_the_value_that_it_answers() {
    let machine = Machine::new();
    machine.change(
        "INSERT INTO nodes (name, value) VALUES ('ada', 'a web server'), ('alan', 'a machine'), ('bob', NULL)",
    );
    machine.change("INSERT INTO nodes (value) VALUES ('nobody')");
    let bits = |text: &str| encode::text(text).popcount();
    let counts = asked(
        &machine,
        "SELECT cam('VSA.POPCOUNT', name) FROM nodes ORDER BY name NULLS LAST",
    );
    let wanted = ["ada", "alan", "bob"].map(|name| bits(name).to_string());
    assert_eq!(counts[..3], wanted);
    assert_eq!(counts[3], "NULL", "of null there is nothing");
    assert_eq!(
        asked(
            &machine,
            "SELECT name FROM nodes WHERE cam(0x0C00, fingerprint, 'KEY', name) = 0 ORDER BY name"
        ),
        ["ada", "alan", "bob"]
    );
    assert_eq!(
        asked(
            &machine,
            "SELECT cam('VSA.DISTANCE', address, fingerprint) FROM nodes"
        ),
        ["0", "0", "0", "0"],
        "an address says where"
    );
    assert_eq!(
        asked(
            &machine,
            "SELECT cam('VSA.POPCOUNT', 'ada'), cam('LANCE.COUNT')"
        ),
        [format!("{}|4", bits("ada"))]
    );
    assert_eq!(
        asked(
            &machine,
            "SELECT sum(cam('LANCE.SCAN', 'FORM', 'count')) FROM nodes"
        ),
        ["16"]
    );
    assert_eq!(
        asked(
            &machine,
            "SELECT popcount(cam('VSA.BIND', name, name)) FROM nodes WHERE name = 'ada'"
        ),
        ["0"]
    );
    assert!(
        asked(
            &machine,
            "SELECT cam('VSA.POPCOUNT', name) FROM nodes WHERE false"
        )
        .is_empty()
    );
}

#[test]
fn a_call_that_is_wrong_is_refused_with_what_was_expected() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name) VALUES ('ada')");
    for (query, message) in [
        (
            "SELECT * FROM cam()",
            "expected cam('VSA.DISTANCE', its arguments, …), got 0 arguments",
        ),
        (
            "SELECT * FROM cam('VSA.NOPE')",
            "expected one of DISTANCE, SIMILARITY",
        ),
        ("SELECT * FROM cam(0x1000)", "expected a method"),
        ("SELECT * FROM cam(0x0F00)", "0x0F00 is free"),
        (
            "SELECT * FROM cam('VSA.DISTANCE', 'a')",
            "CAM.VSA.DISTANCE: b: expected something to compare with",
        ),
        (
            "SELECT * FROM cam('LANCE.TOPK', 'a', 'many')",
            "CAM.LANCE.TOPK: k: expected a whole number",
        ),
        (
            "SELECT * FROM cam('LANCE.GET', 'nobody')",
            "CAM.LANCE.GET: x: no such node 'nobody'",
        ),
        (
            "SELECT * FROM cam('LANCE.COUNT', 'SCOPE', 'moon')",
            "SCOPE: expected one of all, surface, fluid, node",
        ),
        (
            "SELECT * FROM cam('LANCE.GET', NULL)",
            "expected values, got NULL",
        ),
        ("SELECT * FROM cam('LANCE.GET', name)", "name"),
        ("SELECT * FROM nodes, cam('LANCE.GET', nodes.name)", "name"),
        (
            "SELECT * FROM cam('LANCE.INSERT', 'x', 'y')",
            "CAM.LANCE.INSERT: expected a method that only reads here; the command CAM",
        ),
        (
            "SELECT * FROM cam('CYPHER.QUERY', 'CREATE (n)')",
            "CAM.CYPHER.QUERY: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('CYPHER.CREATE', '(n)')",
            "CAM.CYPHER.CREATE: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('SQL.EXECUTE', 'DELETE FROM nodes')",
            "CAM.SQL.EXECUTE: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('TEMPORAL.CHECKPOINT', 'x')",
            "CAM.TEMPORAL.CHECKPOINT: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('MEMORY.CONSOLIDATE', 100)",
            "CAM.MEMORY.CONSOLIDATE: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('VERBS.DEFINE', 'LIKES')",
            "CAM.VERBS.DEFINE: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('DEFINE', '0x0F00', 'p', '()', 'LANCE.COUNT')",
            "CAM.DEFINE: expected a method that only reads here",
        ),
        (
            "SELECT * FROM cam('SQL.QUERY', 'SELECT * FROM cam(''LANCE.COUNT'')')",
            "expected a statement without cam(…)",
        ),
        (
            "SELECT * FROM cam('SQL.QUERY', 'SELECT * FROM space_1.nodes')",
            "a method reads one moment of schema space_0 here",
        ),
        (
            "SELECT cam('LANCE.INSERT', name, 'y', 'FORM', 'count') FROM nodes",
            "CAM.LANCE.INSERT: expected a method that only reads here",
        ),
        (
            "SELECT cam('LANCE.SCAN')",
            "expected a method that answers one column, got 4 columns",
        ),
        (
            "SELECT cam('SQL.QUERY', 'SELECT 1')",
            "its columns show when it has run",
        ),
        (
            "SELECT cam('LANCE.FILTER', name, 5, 'rung < 3', 'FORM', 'count') FROM nodes",
            "expected a method that asks no SQL itself",
        ),
        (
            "SELECT cam(name) FROM nodes",
            "expected the name or the id of a method, as a constant",
        ),
        (
            "SELECT cam('VSA.POPCOUNT') FROM nodes",
            "CAM.VSA.POPCOUNT: ",
        ),
        (
            "SELECT cam('LANCE.COUNT', name) FROM nodes",
            "CAM.LANCE.COUNT: ",
        ),
    ] {
        refused(&machine, query, message);
    }
}

#[test]
fn a_program_that_only_reads_is_a_table_and_one_that_writes_is_not() {
    let machine = Machine::filled(5);
    let define = |words: &[&str]| {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let called = ladybug::cam::Called::parse(b"DEFINE").expect("a method");
        machine.called(&called, &words).expect("a program");
    };
    define(&[
        "0x0F01",
        "nearest",
        "(q)",
        "best = LANCE.TOPK $q 1",
        "LANCE.NEAR $best.address 3",
    ]);
    define(&["0x0F02", "twice", "(q)", "USER.NEAREST $q", "LANCE.COUNT"]);
    define(&[
        "0x0F03",
        "note",
        "(said)",
        "LANCE.COUNT",
        "LANCE.INSERT note $said",
    ]);
    let line = shown(&machine, "USER.NEAREST \"web server\"");
    assert_eq!(line.len(), 3);
    for method in ["'USER.NEAREST'", "0x0F01"] {
        let query = format!("SELECT * FROM cam({method}, 'web server')");
        assert_eq!(asked(&machine, &query), line);
    }
    let count = only(&machine.line("LANCE.COUNT"));
    assert_eq!(
        asked(&machine, "SELECT cam('USER.TWICE', 'web server')"),
        [count]
    );
    refused(
        &machine,
        "SELECT * FROM cam('USER.NOTE', 'x')",
        "CAM.USER.NOTE: step 2: LANCE.INSERT: expected a method that only reads here",
    );
}

#[test]
fn a_statement_sees_one_moment_in_its_tables_and_its_methods() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name) VALUES ('n0')");
    let machine = Arc::new(machine);
    let writer = {
        let machine = Arc::clone(&machine);
        thread::spawn(move || {
            for n in 1..120 {
                machine.line(&format!("LANCE.INSERT n{n} x"));
            }
        })
    };
    let mut sightings = 0;
    while !writer.is_finished() || sightings == 0 {
        let rows = asked(
            &machine,
            "SELECT (SELECT count(*) FROM nodes) AS a, (SELECT count FROM cam('LANCE.COUNT')) AS b, \
             (SELECT n FROM cam('SQL.QUERY', 'SELECT count(*) AS n FROM nodes')) AS c, \
             (SELECT max(cam('LANCE.SCAN', 'FORM', 'count')) FROM nodes) AS d, \
             (SELECT count(*) FROM cam('LANCE.TOPK', 'x', 65536)) AS e, \
             (SELECT max(version) FROM cam('TEMPORAL.REPLAY', 0, '2100-01-01')) - (SELECT version FROM cam('TEMPORAL.VERSION')) AS f",
        );
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let counts: Vec<&str> = row.split('|').collect();
        assert!(counts[..5].iter().all(|count| *count == counts[0]), "{row}");
        assert_eq!(counts[5], "0", "{row}");
        sightings += 1;
    }
    writer.join().expect("the writer");
}

#[test]
fn a_transactions_statements_call_methods_on_what_it_has_made() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, value) VALUES ('ada', 'a')");
    let mut session = machine.sql.session(0);
    let mut run = |statement: &str, parameters: Vec<ScalarValue>| {
        machine.sql.block_on(async {
            match session.execute(statement, parameters).await {
                Ok(Executed::Rows(rows)) => {
                    let batches = rows.collect(1 << 10, 1 << 20).await.expect("rows");
                    let rows = batches.iter().flat_map(cells);
                    Ok(rows.map(|row| row.join("|")).collect::<Vec<_>>())
                }
                Ok(Executed::Done(_)) => Ok(Vec::new()),
                Err(error) => Err(error.to_string()),
            }
        })
    };
    run("BEGIN", Vec::new()).expect("a transaction");
    run("INSERT INTO nodes (name) VALUES ('bob')", Vec::new()).expect("a change");
    machine.line("LANCE.INSERT other x");
    for query in [
        "SELECT count FROM cam('LANCE.COUNT')",
        "SELECT cam('LANCE.COUNT')",
        "SELECT n FROM cam('SQL.QUERY', 'SELECT count(*) AS n FROM nodes')",
        "SELECT count(*) FROM cam('TEMPORAL.CHANGED', 0)",
        "SELECT count(*) FROM cam('GRAPHQL.NODES')",
    ] {
        assert_eq!(run(query, Vec::new()).expect(query), ["2"], "{query}");
    }
    let query = r#"SELECT data FROM cam('GRAPHQL.QUERY', '{ node(name: "bob") { name } }')"#;
    let answered = run(query, Vec::new()).expect(query);
    assert_eq!(answered, [r#"{"node":{"name":"bob"}}"#]);
    let count = ScalarValue::Utf8(Some("LANCE.COUNT".to_owned()));
    let parameter = run("SELECT * FROM cam(?)", vec![count]);
    assert_eq!(
        parameter.expect("rows"),
        ["2"],
        "a parameter's value is a constant"
    );
    let prepared = machine.sql.block_on(
        machine
            .sql
            .session(0)
            .prepare("SELECT name FROM cam('LANCE.TOPK', ?, ?)"),
    );
    let prepared = prepared.expect("a statement");
    assert_eq!(prepared.schema.fields().len(), 1);
    let conflict = run("COMMIT", Vec::new()).expect_err("it has read what others changed");
    assert!(conflict.contains("changed"), "{conflict}");
}
