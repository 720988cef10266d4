//! Each function against the engine's own.

use ladybug_engine::fingerprint::{Fingerprint, encode, similarity};

use super::Database;

#[test]
fn scalar_functions_say_what_the_engine_says() {
    let mut database = Database::new();
    let (a, b) = (encode::text("a cat"), encode::text("a dog"));
    let bits = |fingerprint: &Fingerprint| format!("X'{}'", fingerprint.to_hex());
    let (x, y) = (bits(&a), bits(&b));
    for (expression, expected) in [
        ("hex(encode('a cat'))".to_owned(), a.to_hex()),
        (format!("encode('a cat') = {x}"), "true".into()),
        (format!("hex({x})"), a.to_hex()),
        (
            "hex(encode_exact('cat'))".into(),
            encode::exact(b"cat").to_hex(),
        ),
        (
            "hex(encode_exact(X'ff'))".into(),
            encode::exact(b"\xff").to_hex(),
        ),
        (format!("hamming({x}, {y})"), a.distance(&b).to_string()),
        (
            format!("similarity({x}, {y})"),
            similarity(a.distance(&b)).to_string(),
        ),
        (format!("popcount({x})"), a.popcount().to_string()),
        (format!("hex(bind({x}, {y}))"), a.bind(&b).to_hex()),
        (format!("hex(unbind(bind({x}, {y}), {y}))"), a.to_hex()),
        (format!("hex(bind({x}, {y}, {x}))"), b.to_hex()),
        (format!("hex(permute({x}, 5))"), a.permute(5).to_hex()),
        (format!("hex(permute(permute({x}, 5), -5))"), a.to_hex()),
        (format!("hex(fingerprint('{}'))", a.to_hex()), a.to_hex()),
        ("addr('@8042')".into(), 0x8042.to_string()),
        (
            r#"field('{"a":"x","n":5,"l":[1,2]}', 'a')"#.into(),
            "x".into(),
        ),
        (
            r#"field('{"a":"x","n":5,"l":[1,2]}', 'n')"#.into(),
            "5".into(),
        ),
        (
            r#"field('{"a":"x","n":5,"l":[1,2]}', 'l')"#.into(),
            "[1,2]".into(),
        ),
        (r#"field('{"a":"x"}', 'b')"#.into(), String::new()),
        ("field('no json', 'b')".into(), String::new()),
        (
            r#"array_to_string(field_names('{"a":"x","n":5}'), ' ')"#.into(),
            "a n".into(),
        ),
        (
            r#"set_field('{"a":"x"}', 'l', '[1,2.5]')"#.into(),
            r#"{"a":"x","l":[1,2.5]}"#.into(),
        ),
        (r#"set_field(NULL, 'n', '5')"#.into(), r#"{"n":5}"#.into()),
        (r#"set_field('{"a":"x"}', 'a', NULL)"#.into(), String::new()),
        ("hamming(NULL, NULL)".into(), String::new()),
        (format!("bind({x}, NULL)"), String::new()),
        ("encode(NULL)".into(), String::new()),
    ] {
        assert_eq!(
            database.rows(&format!("SELECT {expression}")),
            [expected],
            "{expression}"
        );
    }
}

#[test]
fn functions_of_columns_are_those_of_their_rows() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, value) SELECT 'n' || value, 'word ' || value FROM unnest(range(0, 300)) AS t(value)");
    let query = encode::text("word 7");
    let rows = database.rows("SELECT name, hamming(fingerprint, encode('word 7')), hamming(encode('word 7'), fingerprint), popcount(fingerprint) FROM nodes");
    assert_eq!(rows.len(), 300);
    for row in rows {
        let mut cells = row.split('|');
        let name = cells.next().expect("a name");
        let bits = encode::text(&format!("word {}", &name[1..]));
        let distance = bits.distance(&query).to_string();
        assert_eq!(cells.next(), Some(distance.as_str()), "{name}");
        assert_eq!(cells.next(), Some(distance.as_str()), "{name}");
        assert_eq!(
            cells.next(),
            Some(bits.popcount().to_string().as_str()),
            "{name}"
        );
    }
    assert_eq!(
        database.rows("SELECT count(*) FROM nodes a JOIN nodes b ON hamming(a.fingerprint, b.fingerprint) = 0 WHERE a.name = 'n5'"),
        ["1"]
    );
}

#[test]
fn bundle_is_the_majority() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, fingerprint, rung) SELECT 'n' || value, encode_exact('x' || value), CAST(value % 3 AS TINYINT) FROM unnest(range(0, 30)) AS t(value)");
    let all: Vec<Fingerprint> = (0..30)
        .map(|n| encode::exact(format!("x{n}").as_bytes()))
        .collect();
    let bundle = ladybug_engine::fingerprint::bundle::bundle(&all).expect("a bundle");
    assert_eq!(
        database.rows("SELECT hex(bundle(fingerprint)) FROM nodes"),
        [bundle.to_hex()]
    );
    let weights = all.iter().zip(0..).map(|(bits, n)| (bits, n % 3));
    let weighted = ladybug_engine::fingerprint::bundle::weighted(weights).expect("a bundle");
    assert_eq!(
        database.rows("SELECT hex(bundle(fingerprint, rung)) FROM nodes"),
        [weighted.to_hex()]
    );
    assert_eq!(
        database.rows("SELECT bundle(fingerprint) FROM nodes WHERE name = 'nobody'"),
        [""]
    );
    let groups = database
        .rows("SELECT rung, hex(bundle(fingerprint)) FROM nodes GROUP BY rung ORDER BY rung");
    for (group, rung) in groups.iter().zip(0..) {
        let members = all
            .iter()
            .zip(0..)
            .filter(|(_, n)| n % 3 == rung)
            .map(|(bits, _)| bits);
        let bundle = ladybug_engine::fingerprint::bundle::bundle(members).expect("a bundle");
        assert_eq!(*group, format!("{rung}|{}", bundle.to_hex()));
    }
    assert!(
        database
            .refusal("SELECT bundle(name) FROM nodes")
            .contains("expected bundle(")
    );
}

#[test]
fn trees_and_searches_are_tables() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, value) VALUES ('root', 'the cat sat')");
    let root = database.rows("SELECT id FROM nodes").remove(0);
    database.change(&format!("INSERT INTO nodes (name, value, parent) VALUES ('root:b', 'a dog ran', {root}), ('root:a', 'the cat ran', {root})"));
    let leaf = database
        .rows("SELECT id FROM nodes WHERE name = 'root:a'")
        .remove(0);
    database.change(&format!(
        "INSERT INTO nodes (name, value, parent) VALUES ('root:a:x', 'something else', {leaf})"
    ));
    assert_eq!(
        database.rows("SELECT name, level FROM tree('root')"),
        ["root|0", "root:a|1", "root:a:x|2", "root:b|1"]
    );
    assert_eq!(
        database.rows("SELECT name FROM tree('root', 1) WHERE level = 1"),
        ["root:a", "root:b"]
    );
    let found =
        database.rows("SELECT name, distance, similarity, z FROM resonate('the cat sat', 2)");
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("root|0|1.0|"), "{found:?}");
    assert!(found[1].starts_with("root:a|"), "{found:?}");
    assert_eq!(
        database.rows("SELECT name FROM resonate(encode('the cat sat'), 1, 1.0)"),
        ["root"]
    );
    assert_eq!(
        database.rows("SELECT count(*) FROM resonate('x', 0)"),
        ["0"]
    );
    assert_eq!(
        database.rows(
            "SELECT r.name, n.rung FROM resonate('the cat sat', 1) r JOIN nodes n ON n.id = r.id"
        ),
        ["root|0"]
    );
}

#[test]
fn a_cypher_statement_is_a_table_whose_columns_have_the_types_of_their_values() {
    let mut database = Database::new();
    database.change("INSERT INTO nodes (name, kinds, rung) VALUES ('a', ['P'], 1), ('b', ['P'], 2), ('c', ['Q'], 3)");
    database.change(
        "INSERT INTO edges (source, verb, target) SELECT s.id, 'CAUSES', t.id FROM nodes s, nodes t \
         WHERE s.name = 'a' AND t.name IN ('b', 'c')",
    );
    assert_eq!(
        database.rows(
            "SELECT n.name, c.ways FROM nodes n JOIN cypher('MATCH (p)-[:CAUSES]->(q) RETURN q.name AS name, count(p) AS ways') c \
             ON n.name = c.name WHERE c.ways > 0 ORDER BY 1"
        ),
        ["b|1", "c|1"]
    );
    assert_eq!(
        database.rows(
            "SELECT arrow_typeof(i), arrow_typeof(x), arrow_typeof(b), arrow_typeof(t), arrow_typeof(n), arrow_typeof(l), \
             arrow_typeof(m), arrow_typeof(d) FROM cypher('UNWIND [1, 2.5] AS x RETURN 1 AS i, x, true AS b, ''t'' AS t, \
             null AS n, [1, null] AS l, CASE x WHEN 1 THEN 1 ELSE ''one'' END AS m, date(''2015-07-21'') AS d') LIMIT 1"
        ),
        ["Int64|Float64|Boolean|Utf8|Utf8|Utf8|Utf8|Utf8"]
    );
    assert_eq!(
        database.rows(
            "SELECT l, m, d, p FROM cypher('MATCH (p:P {name: ''a''}) RETURN [1, null] AS l, {k: 1.5} AS m, \
             date(''2015-07-21'') AS d, labels(p) AS p')"
        ),
        [r#"[1,null]|{"k":1.5}|2015-07-21|["P"]"#]
    );
    // What a query of rows that there are none of has, is text.
    assert_eq!(
        database.rows("SELECT count(*) FROM cypher('MATCH (n:None) RETURN n.x AS x')"),
        ["0"]
    );
    database.change("BEGIN");
    database.change("INSERT INTO nodes (name, kinds) VALUES ('d', ['P'])");
    let counted = "SELECT n FROM cypher('MATCH (p:P) RETURN count(p) AS n')";
    assert_eq!(database.rows(counted), ["3"]);
    database.change("ROLLBACK");
    assert_eq!(database.rows(counted), ["2"]);
    for (wrong, expected) in [
        ("cypher('CREATE (n)')", "only reads"),
        ("cypher('MATCH (n) RETURN m')", "UndefinedVariable"),
        (
            "cypher('UNWIND [0] AS x RETURN 1 / x AS y')",
            "DivisionByZero",
        ),
        ("cypher(1)", "the text of a Cypher statement"),
        ("cypher()", "expected cypher("),
    ] {
        let refusal = database.refusal(&format!("SELECT * FROM {wrong}"));
        assert!(refusal.contains(expected), "{wrong}: {refusal}");
    }
}

#[test]
fn an_aggregate_of_what_it_does_not_take_says_what_it_takes() {
    let mut database = Database::new();
    for (aggregate, function, got) in [
        ("sum(name)", "sum", "text"),
        ("sum(DISTINCT name)", "sum", "text"),
        ("avg(name)", "avg", "text"),
        ("median(name)", "median", "text"),
        ("sum(name) OVER ()", "sum", "text"),
        ("sum(fingerprint)", "sum", "a fingerprint"),
        ("avg(kinds)", "avg", "List(String)"),
    ] {
        let refusal = database.refusal(&format!("SELECT {aggregate} FROM nodes"));
        let expected = format!("expected {function} of Decimal or ");
        assert!(refusal.starts_with(&expected), "{aggregate}: {refusal}");
        let got = format!(", got {function} of {got}");
        assert!(refusal.ends_with(&got), "{aggregate}: {refusal}");
    }
}

#[test]
fn a_constant_that_is_wrong_is_so_of_no_rows_too() {
    let mut database = Database::new();
    for (expression, expected) in [
        ("hamming(fingerprint, fingerprint('zz'))", "hex digits"),
        ("hamming(fingerprint, X'00')", "1280 bytes"),
        ("similarity(X'00', fingerprint)", "1280 bytes"),
        ("bind(fingerprint, X'00')", "1280 bytes"),
        ("permute(X'00', rung)", "1280 bytes"),
        ("upper(hex(X'00'))", "1280 bytes"),
        ("addr('8042 or so')", "address"),
        ("set_field(properties, 'a', '[1')", "JSON"),
        ("set_field(properties, name, '[1')", "JSON"),
    ] {
        let chosen = format!("SELECT {expression} FROM nodes");
        let condition = format!("SELECT name FROM nodes WHERE {expression} IS NULL");
        let order = format!("SELECT name FROM nodes ORDER BY {expression} LIMIT 5");
        let group = format!("SELECT count(*) FROM nodes GROUP BY {expression}");
        for statement in [chosen, condition, order, group] {
            let refusal = database.refusal(&statement);
            assert!(refusal.contains(expected), "{statement}: {refusal}");
        }
    }
    for expression in [
        "hamming(fingerprint, NULL)",
        "bind(fingerprint, encode('x'))",
        "field(properties, 'a')",
        "set_field(properties, name, '[1]')",
        "permute(fingerprint, 5)",
    ] {
        let none: [&str; 0] = [];
        let rows = database.rows(&format!("SELECT {expression} FROM nodes"));
        assert_eq!(rows, none, "{expression}");
    }
}
