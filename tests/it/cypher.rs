//! CYPHER and GRAPH.* through the real server, beside Redis commands over the same nodes.

use std::time::Duration;

use crate::harness::{Connection, Server};

/// Runs a statement; answers what is printed of its reply.
fn run(client: &mut Connection, statement: &str) -> String {
    client.command(&["CYPHER", statement])
}

/// The rows of a statement that changes nothing.
fn rows(client: &mut Connection, statement: &str) -> String {
    let reply = run(client, statement);
    let inner = reply
        .strip_prefix('[')
        .and_then(|reply| reply.strip_suffix(", []]"));
    let inner = inner.unwrap_or_else(|| panic!("{statement}: {reply}"));
    let (_, rows) = inner.split_once("], ").expect("columns and rows");
    rows.to_owned()
}

#[test]
fn what_redis_commands_wrote_is_matched_and_what_cypher_makes_is_read_back() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("SET ada pioneer");
    client.call("HSET grace born 1906 field compilers");
    client.call("CAM.VERBS.DEFINE INSPIRES");
    client.call("LINK ada INSPIRES grace");
    assert_eq!(
        rows(
            &mut client,
            "MATCH (a {name: 'ada'})-[r:INSPIRES]->(b) RETURN a.value, type(r), b.name, b.born"
        ),
        r#"[["pioneer", "INSPIRES", "grace", "1906"]]"#
    );
    let made = run(
        &mut client,
        "MATCH (g {name: 'grace'}) SET g:Person, g.born = 1906, g.died = date('1992-01-01')",
    );
    assert!(made.contains("properties_set"), "{made}");
    assert_eq!(client.call("HGET grace born"), "\"1906\"");
    assert_eq!(client.call("HGET grace died"), "\"1992-01-01\"");
    assert_eq!(
        rows(
            &mut client,
            "MATCH (p:Person) RETURN p.born + 1, p.died.year, p.died + duration('P1D')"
        ),
        r#"[[:1907, :1992, "1992-01-02"]]"#
    );
    client.call("DEL ada");
    assert_eq!(
        rows(&mut client, "MATCH ()-[r]->() RETURN count(r)"),
        "[[:0]]"
    );
}

#[test]
fn a_statement_is_one_commit_and_a_refused_one_none() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    run(&mut client, "UNWIND range(1, 5) AS i CREATE (:N {i: i})");
    let error = run(&mut client, "MATCH (n:N) SET n.i = 10 / (n.i - 3)");
    assert!(
        error.contains("ArithmeticError at runtime: DivisionByZero"),
        "{error}"
    );
    assert_eq!(rows(&mut client, "MATCH (n:N) RETURN sum(n.i)"), "[[:15]]");
    let error = client.command(&["CYPHER", "CREATE (:N)", "READONLY"]);
    assert!(error.starts_with("-ERR"), "{error}");
    for wrong in ["MATCH (n RETURN n", "RETURN m", "RETURN $p", ""] {
        let error = run(&mut client, wrong);
        assert!(error.starts_with("-ERR"), "{wrong}: {error}");
    }
    assert_eq!(
        client.command(&[
            "CYPHER",
            "RETURN $a + $b.c[1]",
            "PARAMS",
            r#"{"a": 1, "b": {"c": [1, 2]}}"#
        ]),
        r#"[["$a + $b.c[1]"], [[:3]], []]"#
    );
    assert_eq!(rows(&mut client, "MATCH (n:N) RETURN count(*)"), "[[:5]]");
}

#[test]
fn inside_multi_a_statement_joins_the_transaction() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MULTI");
    client.call("SET a 1");
    assert_eq!(
        run(
            &mut client,
            "MATCH (n {name: 'a'}) SET n:Made RETURN n.value"
        ),
        "+QUEUED"
    );
    client.call("HGETALL a");
    let reply = client.call("EXEC");
    assert!(
        reply.starts_with("[+OK, [[\"n.value\"], [[\"1\"]]"),
        "{reply}"
    );
    assert_eq!(
        rows(&mut client, "MATCH (n:Made) RETURN n.name"),
        r#"[["a"]]"#
    );
}

#[test]
fn what_takes_too_long_or_too_much_is_stopped_and_changes_nothing() {
    let server = Server::start(&[
        "--cypher-timeout-ms",
        "200",
        "--cypher-memory-bytes",
        "1000000",
        "--cypher-rows-max",
        "1000",
    ]);
    let mut client = server.connect();
    let long = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN count(*)";
    assert!(run(&mut client, long).starts_with("-TIMEOUT"));
    assert!(run(&mut client, &format!("CREATE (:N) WITH 1 AS one {long}")).starts_with("-TIMEOUT"));
    let much = run(
        &mut client,
        "UNWIND range(1, 100000) AS a RETURN DISTINCT a",
    );
    assert!(
        much.contains("TooManyRows") || much.contains("OutOfMemory"),
        "{much}"
    );
    assert_eq!(rows(&mut client, "MATCH (n) RETURN count(*)"), "[[:0]]");
    // The deepest that is allowed fits the threads that run it.
    let deep = format!("RETURN {}1{}", "(".repeat(120), ")".repeat(120));
    assert_eq!(rows(&mut client, &format!("{deep} AS x")), "[[:1]]");
    let wide = format!("RETURN 0{} AS x", " + 1".repeat(180));
    assert_eq!(rows(&mut client, &wide), "[[:180]]");
    let long_pattern = format!("MATCH (a){} RETURN count(*)", "-->()".repeat(180));
    assert_eq!(rows(&mut client, &long_pattern), "[[:0]]");
}

#[test]
fn typed_properties_and_relationships_are_there_again_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    run(
        &mut client,
        "CREATE (:T {d: date('2015-07-21'), t: datetime('2015-07-21T21:40:32.142+02:00[Europe/Stockholm]'), \
         s: duration('P1M2DT3.5S'), l: [1.5, true, 'x']})-[:KNOWS {since: time('10:00+01:00')}]->(:T)",
    );
    let all = "MATCH (a)-[r:KNOWS]->() RETURN a.d, a.t, a.s, a.l, r.since, a.t.timezone";
    let before = rows(&mut client, all);
    assert!(
        before.contains("2015-07-21T21:40:32.142+02:00[Europe/Stockholm]"),
        "{before}"
    );
    let (_, data) = server.stop("-TERM");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(rows(&mut client, all), before);
}

#[test]
fn similarity_and_the_past_are_functions_of_cypher() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for (name, text) in [
        ("nginx", "small web server"),
        ("apache", "web server"),
        ("gcc", "compiler of C"),
    ] {
        client.command(&["SET", name, text]);
    }
    let near = "CALL ladybug.resonate('web server', 2) YIELD node, distance RETURN node.name, distance ORDER BY distance";
    let found = rows(&mut client, near);
    assert!(
        found.starts_with(r#"[["apache", :0], ["nginx", :"#),
        "{found}"
    );
    assert_eq!(
        rows(
            &mut client,
            "MATCH (a {name: 'apache'}) RETURN hamming(a, fingerprint('web server')), truth(a).frequency"
        ),
        r#"[[:0, "1"]]"#
    );
    run(
        &mut client,
        "MATCH (n {name: 'gcc'}) SET n.value = 'another'",
    );
    assert_eq!(
        rows(
            &mut client,
            "MATCH (n {name: 'gcc'}) RETURN n.value, asOf(n, 3).properties.value, asOf(n, 1)"
        ),
        r#"[["another", "compiler of C", nil]]"#
    );
    assert_eq!(
        rows(&mut client, "CALL ladybug.asOf(2) YIELD id RETURN count(*)"),
        "[[:2]]"
    );
}

#[test]
fn what_sql_asks_of_cypher_is_bound_by_the_same_settings() {
    let server = Server::start(&["--cypher-timeout-ms", "100", "--cypher-rows-max", "1000"]);
    let mut client = server.connect();
    let mut asked = |statement: &str| {
        let text = format!("SELECT count(*) FROM cypher('{statement}')");
        client.command(&["SQL", &text])
    };
    let forever =
        "UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y RETURN count(*) AS n";
    let late = asked(forever);
    assert!(
        late.contains("within 100ms; the statement was stopped"),
        "{late}"
    );
    let many = asked("UNWIND range(1, 1001) AS x RETURN x");
    assert!(many.contains("expected at most 1000 rows"), "{many}");
    let few = asked("UNWIND range(1, 1000) AS x RETURN x");
    assert!(few.contains(":1000"), "{few}");
}

#[test]
fn a_name_is_the_nodes_own_unless_a_field_is_called_so() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    client.call("SET nginx v");
    client.call("HSET apache name nginx");
    run(&mut client, "CREATE (:Package {name: 'nginx'})");
    let count = |client: &mut Connection, name: &str| {
        let text = format!("MATCH (n {{name: '{name}'}}) RETURN count(*)");
        let scanned = run(client, &text);
        assert_eq!(run(client, &text), scanned);
        scanned
    };
    for (name, found) in [("nginx", 3), ("apache", 0), ("other", 0)] {
        let reply = count(&mut client, name);
        assert!(reply.contains(&format!("[[:{found}]]")), "{name}: {reply}");
    }
    let own = "MATCH (n) WHERE n.value = 'v'";
    run(&mut client, &format!("{own} SET n.name = 'other'"));
    for (name, found) in [("nginx", 2), ("other", 1)] {
        let reply = count(&mut client, name);
        assert!(reply.contains(&format!("[[:{found}]]")), "{name}: {reply}");
    }
    run(&mut client, &format!("{own} REMOVE n.name"));
    client.call("RENAME nginx nginx2");
    for (name, found) in [("nginx", 2), ("nginx2", 1), ("other", 0)] {
        let reply = count(&mut client, name);
        assert!(reply.contains(&format!("[[:{found}]]")), "{name}: {reply}");
    }
}

#[test]
fn plans_are_explained_and_profiled() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let plan = run(
        &mut client,
        "EXPLAIN MATCH (a:A)-[:R]->(b)-[:R]->(a) WHERE id(b) = 7 RETURN count(*)",
    );
    assert!(plan.starts_with("[\"Node By Id Seek"), "{plan}");
    assert!(
        plan.contains("Intersect | <-[:R]-, -[:R]->, counted"),
        "{plan}"
    );
    let plan = run(&mut client, "EXPLAIN MATCH (a)-->(b)-->(a) RETURN a");
    assert!(plan.contains("Expand Into"), "{plan}");
    run(&mut client, "UNWIND range(1, 7) AS i CREATE (:A)");
    // What there is less of comes first.
    run(
        &mut client,
        "UNWIND range(1, 30) AS i CREATE (:B {name: 'b'})-[:Q]->(:C)-[:Q]->(:C)-[:Q]->(:C)",
    );
    for (statement, start) in [
        ("MATCH (b:B)-[:Q]->(a:A) RETURN a, b", "Label Scan | A"),
        ("MATCH (b:B)<-[:Q]-(a:A) RETURN a, b", "Label Scan | A"),
        ("MATCH (c:C)-[:Q]->(b:B) RETURN b, c", "Label Scan | B"),
        (
            "MATCH (a:A), (b:B {i: 1, name: 'b'}) RETURN a, b",
            "Property | B.name",
        ),
        ("MATCH (c:C), (b:B {i: 1}) RETURN b, c", "Property | B.i"),
        (
            "MATCH (c:C)-[:Q]->(b:B {i: 1, name: 'b'}) RETURN b, c",
            "Property | B.name",
        ),
    ] {
        let plan = run(&mut client, &format!("EXPLAIN {statement}"));
        let first = plan.split(',').next().unwrap_or_default();
        assert!(first.contains(start), "{statement}: {plan}");
    }
    run(&mut client, "MATCH (x:B)-[:Q]->(y) CREATE (x)-[:RARE]->(y)");
    run(
        &mut client,
        "MATCH (x:B) WITH x LIMIT 1 CREATE (x)-[:RARER]->(:A)",
    );
    let plan = run(
        &mut client,
        "EXPLAIN MATCH (b:B)-[:Q]->(c), (b)-[:RARER]->(a) RETURN a, c",
    );
    let steps: Vec<&str> = plan.split("\", \"").collect();
    assert!(steps[1].contains("RARER"), "{plan}");
    let profile = run(&mut client, "PROFILE MATCH (a:A) RETURN a");
    assert!(
        profile.contains("Node By Label Scan | A | Records produced: 8"),
        "{profile}"
    );
}

#[test]
fn graph_commands_answer_in_the_layout_of_graph_databases() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let made = client.command(&[
        "GRAPH.QUERY",
        "social",
        "CYPHER name='Ada' CREATE (a:Person {name: $name, born: 1815})-[r:KNOWS {since: 1833}]->(b) RETURN a, r, 1.5, [true, null]",
    ]);
    let start = r#"[["a", "r", "1.5", "[true, null]"], [[[["id", :"#;
    assert!(made.starts_with(start), "{made}");
    assert!(
        made.contains(
            r#"["labels", ["Person"]], ["properties", [["name", "Ada"], ["born", :1815]]]]"#
        ),
        "{made}"
    );
    assert!(
        made.contains("\"Nodes created: 2\"") && made.contains("\"Relationships created: 1\""),
        "{made}"
    );
    let nothing = client.command(&["GRAPH.QUERY", "social", "MATCH (n:None) DELETE n"]);
    assert!(
        nothing.starts_with("[[\"Cached execution: 0\""),
        "{nothing}"
    );
    let counted = client.command(&[
        "GRAPH.RO_QUERY",
        "social",
        "MATCH (n) RETURN count(n)",
        "TIMEOUT",
        "1000",
    ]);
    assert!(
        counted.starts_with(r#"[["count(n)"], [[:2]], ["#),
        "{counted}"
    );
    assert!(
        client
            .command(&["GRAPH.RO_QUERY", "social", "CREATE (n)"])
            .starts_with("-ERR")
    );
    assert!(
        client
            .command(&["GRAPH.RO_QUERY", "nowhere", "RETURN 1"])
            .starts_with("-ERR")
    );
    let plan = client.command(&["GRAPH.EXPLAIN", "social", "MATCH (n:Person) RETURN n"]);
    assert_eq!(
        plan,
        r#"["Node By Label Scan | Person", "Project | 1 columns"]"#
    );
    // The selected space is another.
    assert_eq!(rows(&mut client, "MATCH (n) RETURN count(*)"), "[[:0]]");
    assert!(
        client
            .command(&["GRAPH.DELETE", "social"])
            .contains("Graph removed")
    );
    let counted = client.command(&["GRAPH.RO_QUERY", "social", "MATCH (n) RETURN count(n)"]);
    assert!(counted.starts_with(r#"[["count(n)"], [[:0]]"#), "{counted}");
}

#[test]
fn a_property_is_found_by_an_index_that_is_never_out_of_date() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    run(
        &mut client,
        "UNWIND range(1, 3000) AS i CREATE (:N {i: i, name: 'n' + i})",
    );
    let find = |client: &mut Connection, i: i64| {
        rows(
            client,
            &format!("MATCH (n {{i: {i}}}) RETURN count(n), min(n.name)"),
        )
    };
    for _ in 0..3 {
        assert_eq!(find(&mut client, 1500), r#"[[:1, "n1500"]]"#);
    }
    assert_eq!(
        rows(&mut client, "MATCH (n {i: 1500.0}) RETURN n.name"),
        r#"[["n1500"]]"#
    );
    run(&mut client, "MATCH (n {i: 1500}) SET n.i = 1501");
    assert_eq!(find(&mut client, 1500), "[[:0, nil]]");
    assert_eq!(find(&mut client, 1501), r#"[[:2, "n1500"]]"#);
    run(&mut client, "MATCH (n {i: 1501}) DELETE n");
    assert_eq!(find(&mut client, 1501), "[[:0, nil]]");
    // Within a statement, what it made itself.
    run(
        &mut client,
        "UNWIND [7000, 7001, 7000] AS i MERGE (:N {i: i}) WITH DISTINCT 1 AS one MATCH (n {i: 7000}) DELETE n",
    );
    assert_eq!(find(&mut client, 7000), "[[:0, nil]]");
    assert_eq!(find(&mut client, 7001), "[[:1, nil]]");
    // A refused statement leaves nothing behind.
    run(
        &mut client,
        "CREATE (n:N {i: 8000}) WITH n MATCH (m {i: 8000}) WITH m MATCH (m {i: 8000}) RETURN 1 / 0",
    );
    assert_eq!(find(&mut client, 8000), "[[:0, nil]]");
    client.call("SET redis 1");
    for _ in 0..3 {
        assert_eq!(
            rows(&mut client, "MATCH (n {name: 'redis'}) RETURN n.value"),
            r#"[["1"]]"#
        );
    }
    client.call("RENAME redis other");
    assert_eq!(
        rows(&mut client, "MATCH (n {name: 'redis'}) RETURN count(n)"),
        "[[:0]]"
    );
    run(
        &mut client,
        "MATCH (n {name: 'other'}) SET n.i = '5', n.name = 'shadow'",
    );
    assert_eq!(
        rows(&mut client, "MATCH (n {name: 'other'}) RETURN count(n)"),
        "[[:0]]"
    );
    assert_eq!(
        rows(
            &mut client,
            "MATCH (n {name: 'shadow', i: '5'}) RETURN count(n)"
        ),
        "[[:1]]"
    );
}

#[test]
fn the_examples_of_the_page_run() {
    let page = include_str!("../../docs/cypher.md");
    let server = Server::start(&[]);
    let mut client = server.connect();
    let examples = page.lines().filter_map(|line| line.strip_prefix("    > "));
    let mut count = 0;
    for example in examples {
        // As a line, which the server splits at its quotes.
        client.send(format!("{example}\r\n").as_bytes());
        let reply = client.reply();
        assert!(reply.starts_with("[["), "{example}: {reply}");
        count += 1;
    }
    assert_eq!(count, 4);
}

/// A graph of 12 nodes with cycles, parallel relationships of two types, ends that lead nowhere, and nodes that lead to
/// themselves.
fn knots(client: &mut Connection) {
    run(client, "UNWIND range(0, 11) AS i CREATE (:N {i: i})");
    for (kind, edges) in [("R", 40), ("S", 15)] {
        run(
            client,
            &format!(
                "UNWIND range(0, {edges}) AS e MATCH (a:N {{i: e * 7 % 11}}), (b:N {{i: e * e % 12}}) \
                 CREATE (a)-[:{kind} {{even: e % 2 = 0}}]->(b)"
            ),
        );
    }
}

#[test]
fn common_neighbours_and_counted_rows_are_those_of_steps_one_by_one() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    knots(&mut client);
    for pattern in [
        "(a:N)-[1:R]->(b)-[2:R]->(c:N), (a)-[3:R]->(c)",
        "(a:N)<-[1:R]-(b:N)<-[2:R|S]-(c), (c)-[3:S]->(a)",
        "(a)-[1:R]->(b), (a)-[2:R]->(c)-[3:R]->(b)",
        "(a)-[1:R]->(b)-[2:R]->(c), (a)-[3:R]->(d:N), (b)-[4:R]->(d), (c)-[5:S|R]->(d)",
        "(a)-[1:R]->(b), (b)-[2:R]->(c), (c)-[3:R]->(b)",
    ] {
        let (mut typed, mut untyped) = (pattern.to_owned(), format!("{pattern} WHERE true"));
        for n in 1..=5 {
            for kinds in ["R", "S", "R|S", "S|R"] {
                let there = format!("[{n}:{kinds}]");
                if pattern.contains(&there) {
                    typed = typed.replace(&there, &format!("[:{kinds}]"));
                    let list = kinds.replace('|', "', '");
                    untyped = untyped.replace(&there, &format!("[r{n}]"));
                    untyped.push_str(&format!(" AND type(r{n}) IN ['{list}']"));
                }
            }
        }
        let fused = format!("MATCH {typed} RETURN count(*)");
        let plan = run(&mut client, &format!("EXPLAIN {fused}"));
        assert!(plan.contains("counted"), "{fused}: {plan}");
        let by_step = format!("MATCH {untyped} WITH a, b RETURN count(*)");
        let plan = run(&mut client, &format!("EXPLAIN {by_step}"));
        let is_fused = plan.contains("Intersect") || plan.contains("counted");
        assert!(!is_fused, "{by_step}: {plan}");
        let found = rows(&mut client, &fused);
        assert_ne!(found, "[[:0]]", "{fused}");
        assert_eq!(found, rows(&mut client, &by_step), "{fused}");
        let (fused, by_step) = (
            format!("MATCH {typed} RETURN a.i AS a, b.i AS b ORDER BY a, b"),
            format!("MATCH {untyped} RETURN a.i AS a, b.i AS b ORDER BY a, b"),
        );
        assert_eq!(
            rows(&mut client, &fused),
            rows(&mut client, &by_step),
            "{fused}"
        );
    }
    let triangles = "EXPLAIN MATCH (a:N)-[:R]->(b)-[:R]->(c), (a)-[:R]->(c) RETURN c.i";
    assert!(run(&mut client, triangles).contains("Intersect | "));
    let one_by_one = "MATCH (a:N)-[r]->(b:N) WITH a.i AS i, r RETURN i, count(*) AS n ORDER BY i";
    let expected = rows(&mut client, one_by_one);
    for (counted, is_counted) in [
        ("count(*)", true),
        ("count(r)", true),
        ("count(b)", true),
        ("count(DISTINCT r)", false),
        ("size(collect(r))", false),
    ] {
        let statement =
            format!("MATCH (a:N)-[r]->(b:N) RETURN a.i AS i, {counted} AS n ORDER BY i");
        let plan = run(&mut client, &format!("EXPLAIN {statement}"));
        assert_eq!(plan.contains("counted"), is_counted, "{plan}");
        assert_eq!(rows(&mut client, &statement), expected, "{statement}");
    }
    // What rows of other statements are inside of the one that is counted.
    assert_eq!(
        rows(
            &mut client,
            "MATCH (a:N {i: 7})-[:R]->(b) RETURN EXISTS { MATCH (a)-[:R]->(c) WITH a, count(*) AS n WHERE n = 4 RETURN n } AS e, count(*)"
        ),
        "[[:1, :4]]"
    );
    let profile = run(
        &mut client,
        "PROFILE MATCH (a:N {i: 7})-[:R]->(b) RETURN count(b)",
    );
    assert!(
        profile.contains("counted | Records produced: 4"),
        "{profile}"
    );
}

#[test]
fn rows_counted_in_lists_are_those_that_are_made() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    knots(&mut client);
    // Nodes of which only some have a label, one that has expired, and edges that are none of a pattern's.
    run(&mut client, "MATCH (n:N) WHERE n.i % 3 <> 0 SET n:M");
    client.call("SET a 1");
    client.call("SET b 1");
    client.call("SET gone 1 PX 300");
    run(
        &mut client,
        "MATCH (n) WHERE n.name IS NOT NULL SET n:N:M, n.i = 20",
    );
    run(
        &mut client,
        "MATCH (a:N {i: 20}), (b:N {i: 20}) CREATE (a)-[:R]->(b)",
    );
    run(
        &mut client,
        "MATCH (a:N {i: 20}), (n:N {i: 7}) CREATE (a)-[:R]->(n), (n)-[:R]->(a)",
    );
    client.call("BIND a b VIA R");
    std::thread::sleep(Duration::from_millis(320));
    for pattern in [
        "(a:N)-[:R]->(c)",
        "(a:N)-[:R]->(c:M)",
        "(a:N)<-[:S]-(c:M)",
        "(a:N)<-[:R|S]-(c:N)",
        "(a:N)-->(c:M)",
        "(a:N)-[:Other]->(c)",
        "(a:N)-[:R]->(:M)-[:R]->(c:M)",
        "(a:N)<-[:R]-(:M)-[:R]->(c:M)",
        "(a:M)<-[:R]-()<-[]-(c:M)",
        "(a:N)-[:R]->(b)-[:R]->(c:M), (a)-[:R]->(c)",
        "(a:N)<-[:R]-(b)-[:R]->(c:M), (a)<-[:S]-(c)",
        "(a:M)-[:S]->(b)-[:R]->(d), (a)-[:R]->(c), (b)-[:R]->(c), (d)-[:R]->(c)",
    ] {
        // Anew, so that what is counted last is asked for a node at a time, and for many.
        for a in ["i", "name"] {
            let counted = format!("MATCH {pattern} RETURN a.{a} AS a, count(*) AS n ORDER BY a, n");
            let plan = run(&mut client, &format!("EXPLAIN {counted}"));
            assert!(plan.contains("counted"), "{counted}: {plan}");
            let made = format!(
                "MATCH {pattern} WITH a, collect(id(c)) AS c RETURN a.{a} AS a, sum(size(c)) AS n ORDER BY a, n"
            );
            let plan = run(&mut client, &format!("EXPLAIN {made}"));
            assert!(!plan.contains("counted"), "{made}: {plan}");
            assert_eq!(
                rows(&mut client, &counted),
                rows(&mut client, &made),
                "{pattern}"
            );
        }
    }
}

#[test]
fn properties_of_many_nodes_are_those_of_each() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    run(
        &mut client,
        "UNWIND range(1, 700) AS i CREATE (:P {i: i % 7})",
    );
    client.call("SET named 1");
    for change in [
        "MATCH (n:P) WHERE n.i = 3 SET n.i = 'three', n.value = 'v'",
        "MATCH (n:P {i: 5}) SET n.i = [1, 2.5], n.name = 'many'",
        "MATCH (n:P {i: 6}) REMOVE n.i",
        "MATCH (n {name: 'named'}) SET n.i = 'three'",
        "MATCH (n:P {i: 1}) DETACH DELETE n",
    ] {
        run(&mut client, change);
        // The index is there from the second time on.
        for key in ["i", "i", "i", "name", "name", "value", "value"] {
            let grouped = |property: &str| {
                format!(
                    "MATCH (n) RETURN {property} AS p, count(*) AS n, count({property}) AS m ORDER BY p"
                )
            };
            let expected = rows(&mut client, &grouped(&format!("n['{key}']")));
            assert_eq!(
                rows(&mut client, &grouped(&format!("n.{key}"))),
                expected,
                "{change}"
            );
        }
    }
}

#[test]
fn nodes_at_the_ends_of_ways_are_those_that_the_ways_lead_to() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    run(&mut client, "UNWIND range(0, 11) AS i CREATE (:N {i: i})");
    // Cycles, parallel relationships, ends that lead nowhere, and nodes that lead to themselves.
    run(
        &mut client,
        "UNWIND range(0, 21) AS e MATCH (a:N {i: e * 7 % 11}), (b:N {i: e * e % 12}) CREATE (a)-[:R {even: e % 2 = 0}]->(b)",
    );
    let ends_only = |client: &mut Connection, statement: &str| {
        run(client, &format!("EXPLAIN {statement}")).contains("ends only")
    };
    for range in ["*0..", "*1..2", "*..3", "*0..1", "*0..0", "*"] {
        for along in [
            format!("-[:R{range}]->"),
            format!("<-[:R{range}]-"),
            format!("-[{range} {{even: true}}]->"),
        ] {
            let ends = format!(
                "MATCH (a:N){along}(b) WITH DISTINCT a.i AS a, b.i AS b RETURN a, b ORDER BY a, b"
            );
            assert!(ends_only(&mut client, &ends), "{ends}");
            let ways = format!(
                "MATCH p = (a:N){along}(b) WITH a.i AS a, b.i AS b, p RETURN DISTINCT a, b ORDER BY a, b"
            );
            assert!(!ends_only(&mut client, &ways), "{ways}");
            assert_eq!(
                rows(&mut client, &ends),
                rows(&mut client, &ways),
                "{along}"
            );
        }
    }
    for counted in [
        "MATCH (a:N)-[:R*]->(b) RETURN count(b)",
        "MATCH (a:N)-[:R*]-(b) RETURN count(DISTINCT b)",
        "MATCH (a:N)-[:R*2..3]->(b) RETURN count(DISTINCT b)",
        "MATCH (a:N)-[r:R*]->(b) RETURN count(DISTINCT r)",
        "MATCH (a:N)-[:R]->(c)-[:R*]->(b) RETURN count(DISTINCT b)",
        "MATCH (a:N)-[:R*]->(b) RETURN max(b.i), count(*)",
    ] {
        assert!(!ends_only(&mut client, counted), "{counted}");
    }
    // One of the shortest paths is as long as all of them.
    let along = [
        "-[:R*..4]->",
        "<-[:R*]-",
        "-[:R*..2]-",
        "-[*..3 {even: true}]->",
    ];
    for along in along {
        let shortest = |function: &str| {
            format!(
                "MATCH (a:N), (b:N) WHERE a <> b MATCH p = {function}((a){along}(b)) \
                 WITH a.i AS a, b.i AS b, length(p) AS n, nodes(p) AS nodes, relationships(p) AS rs \
                 RETURN DISTINCT a, b, n, nodes[0].i = a AND nodes[n].i = b AND all(k IN range(0, n - 1) WHERE \
                 (startNode(rs[k]) = nodes[k] AND endNode(rs[k]) = nodes[k + 1]) OR \
                 (endNode(rs[k]) = nodes[k] AND startNode(rs[k]) = nodes[k + 1])) AS is_way ORDER BY a, b"
            )
        };
        let found = rows(&mut client, &shortest("shortestPath"));
        assert!(found.contains(":1]") && !found.contains(":0]"), "{found}");
        assert_eq!(
            found,
            rows(&mut client, &shortest("allShortestPaths")),
            "{along}"
        );
    }
}
