//! SQL: statements beside a session of their own, and lists that say no more than they should.

use super::{Machine, cells};

/// The rows of a query, and those of a method.
#[track_caller]
fn same(machine: &Machine, line: &str, query: &str) {
    let said: Vec<_> = machine.query(query).iter().flat_map(cells).collect();
    assert_eq!(cells(&machine.line(line)), said, "{line}");
}

#[test]
fn a_query_has_the_rows_that_a_session_has() {
    let machine = Machine::filled(2);
    for query in [
        "SELECT name, rung FROM nodes ORDER BY address",
        "SELECT verb, count(*) AS n FROM edges GROUP BY verb ORDER BY verb",
        "WITH n AS (SELECT id FROM nodes) SELECT count(*) AS n FROM n",
        "SELECT id FROM nodes UNION SELECT id FROM edges ORDER BY id",
    ] {
        same(&machine, &format!("SQL.QUERY \"{query}\""), query);
        same(
            &machine,
            &format!("SQL.EXPLAIN \"{query}\""),
            &format!("EXPLAIN {query}"),
        );
    }
    for zone in ["fluid", "node"] {
        let scoped = |line: &str| format!("SQL.QUERY \"{line}\" SCOPE {zone}");
        same(
            &machine,
            &scoped("SELECT name FROM nodes ORDER BY address"),
            &format!("SELECT name FROM nodes WHERE zone = '{zone}' ORDER BY address"),
        );
        same(
            &machine,
            &scoped("WITH n AS (SELECT id FROM nodes) SELECT count(*) AS n FROM n"),
            &format!("SELECT count(*) AS n FROM nodes WHERE zone = '{zone}'"),
        );
        same(
            &machine,
            &scoped("SELECT id FROM edges ORDER BY id"),
            &format!(
                "SELECT e.id FROM edges e JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target \
                 WHERE s.zone = '{zone}' AND t.zone = '{zone}' ORDER BY e.id"
            ),
        );
    }
    let surface =
        machine.line("SQL.QUERY \"SELECT name FROM nodes WHERE name = 'CAUSES'\" SCOPE surface");
    assert_eq!(cells(&surface), [["CAUSES"]]);
}

#[test]
fn the_schema_is_what_the_catalogue_says() {
    let machine = Machine::new();
    same(
        &machine,
        "SQL.SCHEMA",
        "SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns \
         WHERE table_schema = 'space_0' AND table_name IN ('nodes', 'edges') \
         ORDER BY table_name DESC, ordinal_position",
    );
}

#[test]
fn a_change_is_made_once_and_counted() {
    let machine = Machine::new();
    let done = machine.line("SQL.EXECUTE \"INSERT INTO nodes (name) VALUES ('a'), ('b')\"");
    assert_eq!(cells(&done), [["INSERT", "2"]]);
    let done = machine.line("SQL.EXECUTE \"DELETE FROM nodes WHERE name = 'a'\"");
    assert_eq!(cells(&done), [["DELETE", "1"]]);
    assert_eq!(machine.texts("SELECT name FROM nodes"), ["b"]);
}

#[test]
fn what_says_more_than_it_should_is_refused() {
    let machine = Machine::filled(1);
    for (line, message) in [
        ("SQL.QUERY \"DELETE FROM nodes\"", "sql: expected a query"),
        (
            "SQL.QUERY \"SELECT 1; DELETE FROM nodes\"",
            "sql: expected one statement",
        ),
        ("SQL.EXPLAIN \"DELETE FROM nodes\"", "sql: expected a query"),
        ("SQL.EXECUTE \"SELECT 1\"", "dml: expected INSERT"),
        ("SQL.EXECUTE BEGIN", "dml: expected INSERT"),
        (
            "SQL.EXECUTE \"DELETE FROM nodes\" SCOPE node",
            "SCOPE: expected all",
        ),
        (
            "SQL.PROJECT \"name FROM nodes\"",
            "columns: expected a list",
        ),
        (
            "SQL.PROJECT \"name, (SELECT 1)\"",
            "columns: expected columns among",
        ),
        ("SQL.PROJECT \"name AS x\"", "columns: expected a list"),
        ("SQL.PROJECT nothing", "columns: expected columns among"),
        (
            "SQL.PROJECT rung SCOPE surface",
            "columns: expected columns that words",
        ),
        (
            "SQL.DISTINCT kinds",
            "columns: expected columns of single values",
        ),
        ("SQL.SORT \"name LIMIT 1\"", "columns: expected a list"),
        ("SQL.SORT \"name NULLS FIRST\"", "columns: expected a list"),
        ("SQL.SORT random()", "columns: expected columns among"),
        (
            "SQL.GROUP name median(rung)",
            "aggregates: expected figures",
        ),
        (
            "SQL.GROUP name \"avg(name)\"",
            "aggregates: expected figures",
        ),
        (
            "SQL.GROUP name \"count(*) FROM nodes\"",
            "aggregates: expected a list",
        ),
        ("SQL.WINDOW lag name name", "function: expected one of"),
        ("SQL.UNION true \"1) OR (1\"", "p2: "),
        (
            "SQL.JOIN @0800",
            "verb: no such verb '@0800'; CAM.VERBS lists those that are there",
        ),
        // Of the argument as it was given, and not of the statement that it is put into.
        (
            "SQL.SELECT \"rung <\"",
            "predicate: SQL expected an expression, found: EOF",
        ),
        (
            "SQL.SELECT \"rung < 3 ORDER BY name\"",
            "predicate: expected one condition in SQL such as rung < 3, got 'rung < 3 ORDER BY name'",
        ),
        (
            "SQL.SELECT \"name = 'ada\"",
            "predicate: expected SQL: Unterminated string literal at Line: 1, Column: 8",
        ),
        (
            "SQL.SELECT \"colour = 1\"",
            "predicate: No field named colour",
        ),
        (
            "SQL.EXCEPT true \"colour = 1\"",
            "p2: No field named colour",
        ),
        (
            "LANCE.FILTER red 3 \"colour = 1\"",
            "predicate: No field named colour",
        ),
        (
            "SQL.QUERY \"SELECT colour FROM nodes\"",
            "sql: No field named colour",
        ),
        ("SQL.EXECUTE \"UPDATE nodes SET colour = 1\"", "dml: "),
    ] {
        let refused = machine.refusal(line);
        let operation = line.split_whitespace().next().unwrap_or_default();
        let expected = format!("CAM.{operation}: {message}");
        assert!(refused.starts_with(&expected), "{line}: {refused}");
    }
}
