//! Tables, versions, conditions and limits.

use datafusion::common::ScalarValue;

use super::Database;

fn library() -> Database {
    let mut database = Database::new();
    let made = database.change(
        "INSERT INTO nodes (name, value, properties, kinds, confidence, rung) VALUES
         ('ada', 'first programmer', '{\"born\":1815}', make_array('Person', 'Poet'), 0.5, 0),
         ('alan', 'machines that think', '{\"born\":1912}', make_array('Person'), 0.7, 2),
         ('engine', NULL, '{\"of\":\"ada\",\"gears\":[1,2]}', make_array('Machine'), 0.9, 5)",
    );
    assert_eq!(made, 3);
    database
}

#[test]
fn nodes_are_rows_of_the_canonical_schema() {
    let mut database = library();
    assert_eq!(
        database.rows(
            "SELECT name, value, properties, kinds, confidence, rung, zone FROM nodes ORDER BY name"
        ),
        [
            r#"ada|66697273742070726f6772616d6d6572|{"born":1815}|[Person, Poet]|0.5|0|node"#,
            r#"alan|6d616368696e65732074686174207468696e6b|{"born":1912}|[Person]|0.7|2|node"#,
            r#"engine||{"gears":[1,2],"of":"ada"}|[Machine]|0.9|5|node"#,
        ]
    );
    assert_eq!(
        database.rows("SELECT count(*), min(depth), max(frequency) FROM nodes"),
        ["3|0|1.0"]
    );
    assert_eq!(
        database.rows("SELECT kinds[1], count(*) FROM nodes GROUP BY 1 ORDER BY 1"),
        ["Machine|1", "Person|2"]
    );
    assert_eq!(
        database.rows("SELECT name, row_number() OVER (ORDER BY confidence DESC) FROM nodes ORDER BY name LIMIT 1"),
        ["ada|3"]
    );
    assert_eq!(
        database.rows("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT * FROM n"),
        ["1", "2", "3"]
    );
}

#[test]
fn conditions_that_the_table_knows_are_pushed_down_and_true() {
    let mut database = library();
    let address = database
        .rows("SELECT address FROM nodes WHERE name = 'ada'")
        .remove(0);
    for (condition, shown, names) in [
        ("name = 'ada'".to_owned(), r#"name=["ada"]"#, "ada"),
        (
            "name IN ('ada', 'alan', 'nobody')".to_owned(),
            "name=[",
            "ada alan",
        ),
        (
            "name = 'ada' OR name = 'engine'".to_owned(),
            "name=[",
            "ada engine",
        ),
        ("name LIKE 'a%'".to_owned(), "name begins \"a\"", "ada alan"),
        (
            "starts_with(name, 'al')".to_owned(),
            "name begins \"al\"",
            "alan",
        ),
        ("zone = 'node'".to_owned(), "zone=node", "ada alan engine"),
        ("zone = 'fluid'".to_owned(), "zone=fluid", ""),
        ("zone = 'nowhere'".to_owned(), "zone=none", ""),
        ("rung <= 2".to_owned(), "rung<=2", "ada alan"),
        ("rung < 1".to_owned(), "rung<=0", "ada"),
        (
            "array_has(kinds, 'Poet')".to_owned(),
            "kind=\"Poet\"",
            "ada",
        ),
        (
            "array_has(kinds, 'Poet') AND array_has(kinds, 'Person')".to_owned(),
            "kind=",
            "ada",
        ),
        (
            "array_has(kinds, 'Poet') AND array_has(kinds, 'Machine')".to_owned(),
            "kind=",
            "",
        ),
        (format!("address = {address}"), "address=[", "ada"),
        (
            format!("address >= {address} AND zone = 'node'"),
            "address=@",
            "ada alan engine",
        ),
        (
            "address BETWEEN 32768 AND 65535".to_owned(),
            "address=@8000..@FFFF",
            "ada alan engine",
        ),
        ("address < 32768".to_owned(), "address=@0000..@7FFF", ""),
    ] {
        let query = format!("SELECT name FROM nodes WHERE {condition}");
        let plan = database.explain(&query);
        assert!(plan.contains(shown), "{condition}: {plan}");
        assert!(!plan.contains("FilterExec"), "{condition}: {plan}");
        let rows = database.rows(&format!("{query} ORDER BY name"));
        assert_eq!(rows.join(" "), names, "{condition}");
    }
    let plan = database.explain("SELECT name FROM nodes LIMIT 2");
    assert!(
        plan.contains("limit=2") && plan.contains("columns=[name]"),
        "{plan}"
    );
    assert!(
        database
            .rows("SELECT name FROM nodes WHERE name = 'ada' AND name = 'alan'")
            .is_empty()
    );
    // What it does not know is left to the plan.
    let plan = database.explain("SELECT name FROM nodes WHERE confidence > 0.6 AND name <> 'x'");
    assert!(plan.contains("FilterExec"), "{plan}");
    assert_eq!(
        database.rows("SELECT name FROM nodes WHERE confidence > 0.6 ORDER BY name"),
        ["alan", "engine"]
    );
}

#[test]
fn edges_join_nodes_and_are_looked_up_by_their_ends() {
    let mut database = library();
    let made = database.change(
        "INSERT INTO edges (source, verb, target, weight)
         SELECT a.id, 'CAUSES', b.id, 0.5 FROM nodes a, nodes b WHERE a.name = 'ada' AND b.name = 'engine'",
    );
    assert_eq!(made, 1);
    database.change(
        "INSERT INTO edges (source_address, target_address)
         SELECT a.address, b.address FROM nodes a, nodes b WHERE a.name = 'alan' AND b.name = 'ada'",
    );
    let joined = "SELECT s.name, e.verb, t.name, e.weight FROM edges e
                  JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target ORDER BY 1";
    assert_eq!(
        database.rows(joined),
        ["ada|CAUSES|engine|0.5", "alan|RELATES|ada|1.0"]
    );
    let ada = database
        .rows("SELECT id FROM nodes WHERE name = 'ada'")
        .remove(0);
    for (condition, shown, count) in [
        (format!("source = {ada}"), "source=[", "1"),
        (format!("target = {ada}"), "target=[", "1"),
        (
            format!("source = {ada} AND target = {ada}"),
            "target=[",
            "0",
        ),
        ("verb = 'CAUSES'".to_owned(), "verb=", "1"),
        ("verb = 'NONE'".to_owned(), "verb=", "0"),
        ("id = 999".to_owned(), "id=", "0"),
    ] {
        let query = format!("SELECT count(*) FROM edges WHERE {condition}");
        assert_eq!(database.rows(&query), [count], "{condition}");
        let plan = database.explain(&query);
        assert!(
            plan.contains(shown) && !plan.contains("FilterExec"),
            "{plan}"
        );
    }
    assert_eq!(
        database.rows("SELECT name, steps FROM neighbours('alan', NULL, 2) ORDER BY steps"),
        ["ada|1", "engine|2"]
    );
    assert_eq!(
        database.rows("SELECT name FROM neighbours('alan', 'RELATES', 5)"),
        ["ada"]
    );
    assert!(
        database
            .refusal("SELECT * FROM neighbours('alan', 'NOPE', 5)")
            .contains("no such verb")
    );
    assert!(
        database
            .refusal("SELECT * FROM neighbours('nobody', NULL, 5)")
            .contains("no such node")
    );
}

#[test]
fn the_past_is_read_by_version_and_by_time() {
    let mut database = library();
    let version = database
        .rows("SELECT version FROM nodes WHERE name = 'ada'")
        .remove(0);
    let then = database.rows("SELECT max(created) FROM nodes").remove(0);
    database.change("UPDATE nodes SET rung = 9 WHERE name = 'ada'");
    database.change("DELETE FROM nodes WHERE name = 'alan'");
    for from in [
        format!("nodes VERSION AS OF {version}"),
        format!("nodes VERSION AS OF {version} AS past"),
        format!("nodes TIMESTAMP AS OF '{then}'"),
        format!("nodes FOR SYSTEM_TIME AS OF '{then}'"),
        format!("as_of('nodes', {version})"),
        format!("as_of('nodes', '{then}')"),
        format!("space_0.nodes VERSION AS OF {version}"),
        format!("as_of('space_0.nodes', {version}) past"),
    ] {
        assert_eq!(
            database.rows(&format!("SELECT name, rung FROM {from} ORDER BY name")),
            ["ada|0", "alan|2", "engine|5"],
            "{from}"
        );
    }
    // Both at once, each as it was.
    let both = format!(
        "SELECT now.name, past.rung, now.rung FROM nodes now JOIN nodes VERSION AS OF {version} past ON past.id = now.id ORDER BY 1"
    );
    assert_eq!(database.rows(&both), ["ada|0|9", "engine|5|5"]);
    assert_eq!(
        database.rows("SELECT commit, operation, name, rung FROM history WHERE name IN ('ada', 'alan') ORDER BY commit, name"),
        ["1|insert|ada|0", "1|insert|alan|2", "2|update|ada|9", "3|delete|alan|2"]
    );
    assert_eq!(
        database.rows("SELECT count(*) FROM edges VERSION AS OF 1"),
        ["0"]
    );
    assert!(
        database
            .refusal("SELECT * FROM nodes VERSION AS OF 99")
            .contains("yet to come")
    );
    assert!(
        database
            .refusal("SELECT * FROM nodes VERSION AS OF 0 FOR x")
            .contains("expected")
    );
    assert!(
        database
            .refusal("SELECT * FROM as_of('nodes', -1)")
            .contains("expected the number of a version")
    );
    assert!(
        database
            .refusal("SELECT * FROM nodes TIMESTAMP AS OF 'yesterday'")
            .contains("a time such as")
    );
    assert!(
        database
            .refusal("SELECT * FROM nodes VERSION AS OF 1.5")
            .contains("number of a version")
    );
    assert!(
        database
            .refusal("SELECT * FROM history VERSION AS OF 1")
            .contains("history has none")
    );
    assert!(
        database
            .refusal("SELECT * FROM nodes AT(TIMESTAMP => 'x')")
            .contains("VERSION AS OF 3")
    );
    assert!(
        database
            .refusal("WITH n AS (SELECT 1) SELECT * FROM n VERSION AS OF 1")
            .contains("got n")
    );
}

#[test]
fn a_statement_sees_one_moment_of_all_its_spaces() {
    let mut database = Database::new();
    database.change("INSERT INTO space_0.nodes (name) VALUES ('zero')");
    database.change("INSERT INTO space_1.nodes (name) VALUES ('one')");
    assert_eq!(
        database.rows("SELECT name FROM space_0.nodes UNION ALL SELECT name FROM ladybug.space_1.nodes ORDER BY 1"),
        ["one", "zero"]
    );
    assert_eq!(
        database.rows("SELECT schema, nodes FROM spaces ORDER BY id"),
        ["space_0|1", "space_1|1"]
    );
    assert_eq!(
        database.rows("SELECT name FROM space_1.tree('one')"),
        ["one"]
    );
}

#[test]
fn what_is_wrong_is_said() {
    let mut database = library();
    for (statement, says) in [
        ("SELECT nope FROM nodes", "nope"),
        (
            "SELECT * FROM nope",
            "one of nodes, edges, verbs, concepts, programs, history, observations, spaces, checkpoints",
        ),
        ("SELECT * FROM nope.nodes", "expected a space as the schema"),
        (
            "SELECT * FROM other.space_0.nodes",
            "expected the catalog ladybug",
        ),
        (
            "SELECT * FROM nodes TABLESAMPLE BERNOULLI (10)",
            "TABLESAMPLE is not known",
        ),
        ("SELECT * FROM nowhere(1)", "expected a table function"),
        ("SELECT * FROM resonate('x')", "expected resonate("),
        ("SELECT * FROM resonate('x', -1)", "k to be a number"),
        ("SELECT * FROM resonate('x', 5, 7)", "recall to be a number"),
        (
            "SELECT * FROM resonate(X'00', 5)",
            "fingerprint of 1280 bytes, got 1",
        ),
        ("SELECT * FROM tree(5)", "a node's name"),
        (
            "SELECT hamming(fingerprint, X'00') FROM nodes",
            "fingerprint of 1280 bytes, got 1",
        ),
        (
            "SELECT hamming(fingerprint, name) FROM nodes",
            "expected hamming(fingerprint, fingerprint)",
        ),
        ("SELECT fingerprint('zz')", "hex"),
        ("SELECT addr('8042')", "'@' and four hex digits"),
        ("SELECT name + 1 FROM nodes", "Utf8 + Int64"),
        (
            "SELECT name FROM nodes LIMIT -1",
            "LIMIT must be >= 0, '-1' was provided",
        ),
        (
            "SELECT name FROM nodes OFFSET -1",
            "OFFSET must be >=0, '-1' was provided",
        ),
        ("CREATE TABLE t (a int)", "expected SELECT"),
        ("DROP TABLE nodes", "expected SELECT"),
        ("COPY nodes TO '/tmp/x.csv'", "expected"),
        ("SET datafusion.execution.batch_size = 1", "expected SELECT"),
        ("EXPLAIN DELETE FROM nodes", "expected a query"),
        ("SELECT 1; SELECT 2", "one by one"),
        ("SELECT FROM WHERE", "expected"),
        ("SELECT $1", "$1"),
        ("SELECT * FROM '/etc/passwd'", "expected"),
    ] {
        let refused = database.refusal(statement);
        assert!(refused.contains(says), "{statement}: {refused}");
        // Where in planning it was found says nothing to whoever wrote it.
        for place in ["caused by", "Optimizer rule", "Error during planning"] {
            assert!(!refused.contains(place), "{statement}: {refused}");
        }
    }
    assert_eq!(
        database.rows("SELECT count(*) FROM nodes"),
        ["3"],
        "the server goes on"
    );
}

/// A number that is written out is compared with a single as a single: what was set to 0.9 is 0.9, and no less.
#[test]
fn a_single_is_what_it_was_set_to() {
    let mut database = library();
    database.change("INSERT INTO nodes (name) VALUES ('usual')");
    database.change(
        "UPDATE nodes SET qualia = make_array(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8) WHERE name = 'ada'",
    );
    let all = "ada alan engine usual";
    for (condition, names) in [
        ("confidence = 0.9", "engine usual"),
        ("0.9 = confidence", "engine usual"),
        ("confidence <> 0.9", "ada alan"),
        ("confidence >= 0.9", "engine usual"),
        ("confidence > 0.9", ""),
        ("confidence < 0.9", "ada alan"),
        ("confidence <= 0.9", all),
        ("0.9 > confidence", "ada alan"),
        ("confidence BETWEEN 0.7 AND 0.9", "alan engine usual"),
        ("confidence NOT BETWEEN 0.7 AND 0.9", "ada"),
        ("confidence IN (0.7, 0.9)", "alan engine usual"),
        ("confidence NOT IN (0.7, 0.9)", "ada"),
        ("confidence IS DISTINCT FROM 0.9", "ada alan"),
        ("qualia[2] = 0.2", "ada"),
        ("frequency = 1", all),
        ("frequency = 1.0", all),
        // No single reads so: these are compared as doubles.
        ("confidence = 0.9000000001", ""),
        ("confidence < 0.9000000001", all),
        ("confidence > 0.8999999", "engine usual"),
        // What is more than a number that is written out is a double, unless it is said to be a single.
        ("confidence = CAST(0.4 + 0.5 AS REAL)", "engine usual"),
        ("confidence = arrow_cast(0.9, 'Float32')", "engine usual"),
    ] {
        let query = format!("SELECT name FROM nodes WHERE {condition} ORDER BY name");
        assert_eq!(database.rows(&query).join(" "), names, "{condition}");
    }
    let query = "SELECT count(*) FROM nodes WHERE confidence = $1";
    let parameter = vec![ScalarValue::Float64(Some(0.9))];
    let (rows, _) = database.run(query, parameter).expect("rows");
    assert_eq!(super::shown(&rows), ["2"]);
    assert_eq!(
        database.change("UPDATE nodes SET rung = 1 WHERE confidence = 0.9"),
        2
    );
    assert_eq!(
        database.rows(
            "SELECT a.name FROM nodes a JOIN nodes b ON a.confidence = 0.7 AND b.name = 'ada'"
        ),
        ["alan"]
    );
    assert_eq!(
        database.rows(
            "SELECT bool_or(confidence = 0.9), count(*) FILTER (WHERE confidence >= 0.9) FROM nodes"
        ),
        ["true|2"]
    );
}
