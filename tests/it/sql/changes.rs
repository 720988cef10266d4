//! INSERT, UPDATE, DELETE and TRUNCATE: what they do, whole or not at all, and what they refuse.

use std::thread;

use datafusion::common::ScalarValue;

use super::{Database, shown};

#[test]
fn rows_are_inserted_changed_and_removed() {
    let mut database = Database::new();
    assert_eq!(
        database.change(
            "INSERT INTO nodes (name, value, rung) VALUES ('a', 'one', 1), ('b', 'two', 2)"
        ),
        2
    );
    assert_eq!(
        database.engine.state(0).0.version(),
        1,
        "one statement is one commit"
    );
    assert_eq!(
        database.change("UPDATE nodes SET rung = rung + 1, value = 'three' WHERE name = 'b'"),
        1
    );
    assert_eq!(
        database
            .rows("SELECT name, arrow_cast(value, 'Utf8'), rung, version FROM nodes ORDER BY name"),
        ["a|one|1|1", "b|three|3|2"]
    );
    assert_eq!(
        database.change("UPDATE nodes SET rung = 0 WHERE name = 'nobody'"),
        0
    );
    assert_eq!(database.change("DELETE FROM nodes WHERE rung < 3"), 1);
    assert_eq!(database.rows("SELECT name FROM nodes"), ["b"]);
    database.change("INSERT INTO nodes (name) SELECT 'copy of ' || name FROM nodes");
    assert_eq!(
        database.rows("SELECT name FROM nodes ORDER BY name"),
        ["b", "copy of b"]
    );
    assert_eq!(database.change("TRUNCATE TABLE nodes"), 2);
    assert_eq!(database.rows("SELECT count(*) FROM nodes"), ["0"]);
}

#[test]
fn a_text_may_come_as_a_view_of_text() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, properties) VALUES ('a', '{\"x\":1}'), ('b', NULL)");
    let changed = database.change(
        "UPDATE nodes SET properties = CASE WHEN properties IS NULL THEN '{\"y\":2}' \
         ELSE substr(properties, 1, length(properties) - 1) || ',\"x\":3}' END",
    );
    assert_eq!(changed, 2);
    assert_eq!(
        database.rows("SELECT name, properties FROM nodes ORDER BY name"),
        [r#"a|{"x":3}"#, r#"b|{"y":2}"#]
    );
    database.change(
        "INSERT INTO nodes (name) SELECT CASE WHEN name = 'a' THEN 'c' ELSE substr(name, 1) || 'd' END AS name FROM nodes",
    );
    assert_eq!(
        database.rows("SELECT name FROM nodes ORDER BY name"),
        ["a", "b", "bd", "c"]
    );
}

#[test]
fn every_column_of_a_node_can_be_written() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name) VALUES ('root')");
    let root = database.rows("SELECT id FROM nodes").remove(0);
    database.change(&format!(
        "INSERT INTO nodes (name, value, properties, fingerprint, kinds, frequency, confidence, evidence, qualia, rung, parent, expires)
         VALUES ('root:leaf', X'00ff', '{{\"n\":1,\"x\":1.5,\"b\":true,\"l\":[1,\"a\"],\"none\":null}}', encode('hello'), make_array('B', 'A', 'A'),
                 0.25, 0.5, make_array(arrow_cast({root}, 'UInt64')), make_array(0.5, -1, 0, 0, 0, 0, 0, 1), 3, {root}, '2999-01-01T00:00:00')"
    ));
    assert_eq!(
        database.rows(
            "SELECT value, properties, fingerprint = encode('hello'), kinds, frequency, confidence, evidence, qualia[1], qualia[2], rung, depth, zone, expires
             FROM nodes WHERE name = 'root:leaf'"
        ),
        [format!(
            "00ff|{{\"b\":true,\"l\":[1,\"a\"],\"n\":1,\"x\":1.5}}|true|[A, B]|0.25|0.5|[{root}]|0.5|-1.0|3|1|fluid|2999-01-01T00:00:00"
        )]
    );
    database.change("UPDATE nodes SET expires = NULL, parent = NULL, evidence = NULL, qualia = NULL, kinds = NULL, properties = NULL WHERE name = 'root:leaf'");
    assert_eq!(
        database.rows("SELECT zone, depth, evidence, qualia[2], kinds, properties, confidence FROM nodes WHERE name = 'root:leaf'"),
        ["node|0|[]|0.0|[]||0.5"]
    );
    // Bits that were given stay when the content changes, until they are taken back.
    database.change("UPDATE nodes SET value = 'other' WHERE name = 'root:leaf'");
    assert_eq!(
        database.rows("SELECT fingerprint = encode('hello') FROM nodes WHERE name = 'root:leaf'"),
        ["true"]
    );
    database.change("UPDATE nodes SET fingerprint = NULL WHERE name = 'root:leaf'");
    assert_eq!(
        database.rows("SELECT fingerprint = encode('other') FROM nodes WHERE name = 'root:leaf'"),
        ["true"]
    );
    // Names may change places.
    database.change("INSERT INTO nodes (name, rung) VALUES ('x', 1), ('y', 2)");
    database.change(
        "UPDATE nodes SET name = CASE name WHEN 'x' THEN 'y' ELSE 'x' END WHERE name IN ('x', 'y')",
    );
    assert_eq!(
        database.rows("SELECT name, rung FROM nodes WHERE name IN ('x', 'y') ORDER BY 1"),
        ["x|2", "y|1"]
    );
}

#[test]
fn edges_and_verbs_can_be_written() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name) VALUES ('a'), ('b')");
    database.change("INSERT INTO verbs (name) VALUES ('ADORES')");
    database.change(
        "INSERT INTO edges (source, verb, target, weight, properties, evidence)
         SELECT a.id, 'ADORES', b.id, 2, '{\"since\":2020}', make_array(a.id) FROM nodes a CROSS JOIN nodes b WHERE a.name = 'a' AND b.name = 'b'",
    );
    assert_eq!(
        database
            .change("UPDATE edges SET weight = weight * 2, frequency = 0.5 WHERE verb = 'ADORES'"),
        1
    );
    assert_eq!(
        database
            .rows("SELECT verb, weight, frequency, confidence, properties, evidence FROM edges"),
        [r#"ADORES|4.0|0.5|0.9|{"since":2020}|[1]"#]
    );
    assert_eq!(
        database.rows("SELECT is_built_in FROM verbs WHERE name = 'ADORES'"),
        ["false"]
    );
    assert!(
        database
            .refusal("UPDATE edges SET verb = 'CAUSES'")
            .contains("never changes")
    );
    assert!(
        database
            .refusal("INSERT INTO edges (source, verb, target) VALUES (1, 'NOPE', 2)")
            .contains("no such verb")
    );
    assert!(
        database
            .refusal("INSERT INTO edges (source, verb, target) VALUES (1, 'CAUSES', 99)")
            .contains("#99")
    );
    assert!(
        database
            .refusal("INSERT INTO edges (verb) VALUES ('CAUSES')")
            .contains("source")
    );
    assert!(
        database
            .refusal("INSERT INTO verbs (name) VALUES ('ADORES')")
            .contains("there already")
    );
    assert!(
        database
            .refusal("DELETE FROM verbs")
            .contains("not changed")
    );
    assert_eq!(
        database.change("DELETE FROM edges WHERE verb = 'ADORES'"),
        1
    );
    assert_eq!(database.rows("SELECT count(*) FROM edges"), ["0"]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, value) VALUES ('taken', 'x'), ('other', 'y')");
    for (statement, says) in [
        (
            "INSERT INTO nodes (name) VALUES ('new'), ('taken')",
            "named 'taken' is there already",
        ),
        ("INSERT INTO nodes (nope) VALUES (1)", "nope"),
        (
            "INSERT INTO nodes (id, name) VALUES (7, 'x')",
            "id is set by the space",
        ),
        (
            "INSERT INTO nodes (name, fingerprint) VALUES ('x', X'0011')",
            "1280",
        ),
        (
            "INSERT INTO nodes (name, properties) VALUES ('x', 'no json')",
            "JSON object",
        ),
        (
            "INSERT INTO nodes (name, properties) VALUES ('x', '{\"a\":{}}')",
            "an object in 'a'",
        ),
        (
            "INSERT INTO nodes (name, confidence) VALUES ('x', 1.5)",
            "a truth is",
        ),
        (
            "INSERT INTO nodes (name, rung) VALUES ('x', 10)",
            "a rung from 0 to 9",
        ),
        ("INSERT INTO nodes (name, rung) VALUES ('x', -1)", "-1"),
        (
            "INSERT INTO nodes (name, rung) VALUES ('x', 'high')",
            "high",
        ),
        (
            "INSERT INTO nodes (name, qualia) VALUES ('x', make_array(1, 2))",
            "8",
        ),
        (
            "INSERT INTO nodes (name, qualia) VALUES ('x', make_array(9, 0, 0, 0, 0, 0, 0, 0))",
            "arousal",
        ),
        ("INSERT INTO nodes (name, parent) VALUES ('x', 99)", "#99"),
        (
            "INSERT INTO nodes (name, expires) VALUES ('x', 'soon')",
            "soon",
        ),
        (
            "INSERT INTO nodes (name) VALUES (repeat('x', 2000))",
            "1024 bytes; got 2000",
        ),
        (
            "INSERT INTO nodes (name) VALUES ('x') ON CONFLICT DO NOTHING",
            "",
        ),
        ("INSERT INTO nodes (name) VALUES ('x') RETURNING id", ""),
        ("INSERT INTO spaces (id) VALUES (1)", "cannot"),
        (
            "INSERT INTO nodes VERSION AS OF 1 (name) VALUES ('x')",
            "expected",
        ),
        ("UPDATE nodes SET name = 'taken'", "there already"),
        ("UPDATE nodes SET id = 5", "id never changes"),
        (
            "UPDATE nodes SET version = 5",
            "version is set by the space",
        ),
        (
            "UPDATE nodes SET address = 5",
            "address is set by the space",
        ),
        ("UPDATE nodes SET nope = 5", "nope"),
        ("UPDATE nodes SET rung = 100", "a rung from 0 to 9"),
        ("UPDATE nodes SET rung = 1000", "1000"),
        ("UPDATE nodes SET parent = id", "below itself"),
        ("DELETE FROM nodes WHERE nope = 1", "nope"),
        ("DELETE FROM nope", "one of nodes"),
        ("TRUNCATE spaces", "cannot"),
    ] {
        let refused = database.refusal(statement);
        assert!(refused.contains(says), "{statement}: {refused}");
    }
    assert_eq!(
        database.rows("SELECT name, arrow_cast(value, 'Utf8') FROM nodes ORDER BY name"),
        ["other|y", "taken|x"]
    );
}

#[test]
fn a_full_zone_takes_nothing_of_a_statement() {
    let mut database = Database::new();
    database.change(
        "INSERT INTO nodes (name) SELECT 'n' || value FROM unnest(range(0, 32767)) AS t(value)",
    );
    let refused = database.refusal("INSERT INTO nodes (name) VALUES ('one'), ('more')");
    assert!(
        refused.contains("node zone of space 0 holds 32768 of 32768"),
        "{refused}"
    );
    assert_eq!(
        database.rows("SELECT count(*) FROM nodes WHERE name IN ('one', 'more')"),
        ["0"]
    );
    database.change("INSERT INTO nodes (name) VALUES ('one')");
}

#[test]
fn parameters_are_values_of_their_columns_types() {
    let mut database = Database::new();
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    let insert = "INSERT INTO nodes (name, value, rung) VALUES (?, ?, ?)";
    let prepared = database
        .block_on(database.session.prepare(insert))
        .expect("a statement");
    assert!(prepared.is_update);
    assert_eq!(
        prepared
            .parameters
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["Utf8", "Binary", "UInt8"]
    );
    let values = vec![
        text("a"),
        ScalarValue::Binary(Some(vec![1, 2])),
        ScalarValue::UInt8(Some(3)),
    ];
    database.run(insert, values).expect("an insert");
    let query = "SELECT name, rung FROM nodes WHERE name = $1 AND rung > $2";
    let prepared = database
        .block_on(database.session.prepare(query))
        .expect("a statement");
    assert!(!prepared.is_update);
    assert_eq!(prepared.schema.fields().len(), 2);
    let (rows, _) = database
        .run(query, vec![text("a"), ScalarValue::UInt8(Some(1))])
        .expect("rows");
    assert_eq!(shown(&rows), ["a|3"]);
    let (rows, _) = database
        .run(
            "SELECT name FROM resonate(?, ?)",
            vec![text("a"), ScalarValue::Int64(Some(5))],
        )
        .expect("rows");
    assert_eq!(shown(&rows), ["a"]);
    assert!(
        database.run(query, vec![text("a")]).is_err(),
        "a value is missing"
    );
}

#[test]
fn changes_that_race_are_all_made() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, properties) VALUES ('counter', '{\"n\":0}')");
    let sql = database.sql.clone();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let mut session = sql.session(0);
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let add = "UPDATE nodes SET properties = concat('{\"n\":', CAST(field(properties, 'n') AS INT) + 1, '}') WHERE name = 'counter'";
                let mut done = 0;
                while done < 10 {
                    if runtime.block_on(session.execute(add, Vec::new())).is_ok() {
                        done += 1;
                    }
                }
            })
        })
        .collect();
    workers
        .into_iter()
        .for_each(|worker| worker.join().expect("a worker"));
    assert_eq!(
        database.rows("SELECT field(properties, 'n') FROM nodes"),
        ["40"]
    );
}
