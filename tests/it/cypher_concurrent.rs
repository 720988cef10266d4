//! Cypher statements beside other clients: long ones keep nobody from writing, lose no update, admit no anomaly, join
//! transactions, and end when nobody waits for them any more.

use std::time::Instant;

use crate::harness::{Connection, PATIENCE, Server};

/// A part of a statement that would run for years.
const FOREVER: &str = "UNWIND range(1, 10000000) AS x UNWIND range(1, 10000000) AS y UNWIND range(1, 10000000) AS z \
                       WITH count(*) AS years";
/// A part that takes more steps than a statement may that holds a lock.
const LONG: &str = "UNWIND range(1, 20000) AS x WITH count(x) AS steps";

/// A server on which nothing is stopped because it takes long.
fn patient() -> Server {
    Server::start(&[
        "--fsync",
        "never",
        "--cypher-timeout-ms",
        "86400000",
        "--sql-timeout-ms",
        "0",
    ])
}

fn run(client: &mut Connection, statement: &str) -> String {
    client.command(&["CYPHER", statement])
}

/// The one integer that a statement answers.
fn number(client: &mut Connection, statement: &str) -> i64 {
    let reply = run(client, statement);
    let digits = reply
        .split("[[:")
        .nth(1)
        .and_then(|rest| rest.split(']').next());
    let digits = digits.unwrap_or_else(|| panic!("{statement}: {reply}"));
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{statement}: {reply}"))
}

/// How many statements have ended.
fn ended(client: &mut Connection) -> usize {
    let statistics = client.call("INFO commandstats");
    let calls = statistics.split("cmdstat_cypher:calls=").nth(1);
    let calls = calls.and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number of calls"))
}

#[test]
fn a_long_statement_that_writes_keeps_nobody_from_writing() {
    let server = patient();
    let mut client = server.connect();
    run(&mut client, "CREATE (:Slow {n: 1})");
    let mut slow = server.connect();
    slow.send_command(&[
        "CYPHER",
        &format!("MATCH (s:Slow) SET s.n = 2 WITH 1 AS one {FOREVER} CREATE (:Done)"),
    ]);
    client.wait_for_clients("cypher", 1);
    let before = ended(&mut client);
    // Long past its first steps, which it takes under the lock.
    for i in 0..2_000 {
        assert_eq!(client.call(&format!("SET key:{i} {i}")), "+OK");
    }
    let made = run(&mut client, "CREATE (:Quick)");
    assert!(made.contains("nodes_created"), "{made}");
    assert_eq!(number(&mut client, "MATCH (s:Slow) RETURN s.n"), 1);
    // Those two, and not the long one.
    assert_eq!(ended(&mut client), before + 2);
}

#[test]
fn a_statement_whose_client_leaves_ends_and_changes_nothing() {
    let server = patient();
    let mut client = server.connect();
    run(&mut client, "CREATE (:N {n: 1})");
    for (command, statement) in [
        ("cypher", format!("{FOREVER} RETURN years")),
        (
            "cypher",
            format!("MATCH (n:N) SET n.n = 2 WITH 1 AS one {FOREVER} RETURN years"),
        ),
        (
            "sql",
            "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b, \
             generate_series(1, 10000000) c WHERE a.value + b.value + c.value = 0"
                .to_owned(),
        ),
    ] {
        let before = ended(&mut client);
        let mut leaving = server.connect();
        leaving.send_command(&[command, &statement]);
        client.wait_for_clients(command, 1);
        assert_eq!(ended(&mut client), before, "{statement}");
        drop(leaving);
        client.wait_for_clients(command, 0);
    }
    // SQL asks while it plans: all of its threads do, if more clients leave than there are.
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    for _ in 0..=threads {
        let mut leaving = server.connect();
        let asked = format!("SELECT years FROM cypher('{FOREVER} RETURN years')");
        leaving.send_command(&["sql", &asked]);
        client.wait_for_clients("sql", 1);
        drop(leaving);
        client.wait_for_clients("sql", 0);
    }
    let answer = client.command(&["SQL", "SELECT 7"]);
    assert!(answer.contains(":7"), "{answer}");
    // A client that is closed by another is no longer there to wait, either.
    let mut closed = server.connect();
    closed.send_command(&["CYPHER", &format!("{FOREVER} RETURN years")]);
    client.wait_for_clients("cypher", 1);
    client.call("CLIENT KILL TYPE normal SKIPME yes");
    client.wait_for_clients("cypher", 0);
    assert_eq!(number(&mut client, "MATCH (n:N) RETURN n.n"), 1);
}

#[test]
fn short_statements_do_not_wait_until_long_ones_end() {
    // More than there are threads for them.
    const LONG_ONES: usize = 6;
    let server = Server::start(&[
        "--fsync",
        "never",
        "--io-threads",
        "1",
        "--cypher-timeout-ms",
        "86400000",
    ]);
    let mut client = server.connect();
    client.command(&["GRAPH.QUERY", "other", "CREATE (:N {n: 1})"]);
    let long: Vec<Connection> = (0..LONG_ONES)
        .map(|_| {
            let mut slow = server.connect();
            slow.send_command(&["CYPHER", &format!("{FOREVER} RETURN years")]);
            slow
        })
        .collect();
    client.wait_for_clients("cypher", LONG_ONES);
    assert!(run(&mut client, "CREATE (:N {n: 7})").contains("nodes_created"));
    assert_eq!(number(&mut client, "MATCH (n:N) RETURN n.n"), 7);
    let asked = client.command(&["GRAPH.RO_QUERY", "other", "MATCH (n:N) RETURN n.n"]);
    assert!(asked.contains(":1"), "{asked}");
    assert!(
        client
            .command(&["CYPHER", "EXPLAIN MATCH (n:N) RETURN n"])
            .contains("N")
    );
    assert_eq!(long.len(), LONG_ONES);
    client.call("CLIENT KILL TYPE normal SKIPME yes");
    client.wait_for_clients("cypher", 0);
}

#[test]
fn long_statements_lose_no_update() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    run(
        &mut client,
        "CREATE (:Counter {n: 0})-[:OF {n: 0}]->(:Thing)",
    );
    let increment = format!("{LONG} MATCH (c:Counter)-[r:OF]->() SET c.n = c.n + 1, r.n = r.n + 1");
    let done: i64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = server.connect();
                    let mut done = 0;
                    for _ in 0..15 {
                        let reply = run(&mut client, &increment);
                        match reply.starts_with("-CONFLICT") {
                            true => {}
                            false => {
                                assert!(reply.contains("properties_set"), "{reply}");
                                done += 1;
                            }
                        }
                    }
                    done
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("it runs"))
            .sum()
    });
    assert!(done > 0);
    assert_eq!(number(&mut client, "MATCH (c:Counter) RETURN c.n"), done);
    assert_eq!(number(&mut client, "MATCH ()-[r:OF]->() RETURN r.n"), done);
}

#[test]
fn long_statements_admit_no_phantom_and_no_skew() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    // Each makes one only if there is none, and takes a doctor off call only if two are.
    for round in 0..10 {
        run(
            &mut client,
            &format!(
                "CREATE (:Doctor {{name: 'ada', round: {round}, active: true}}), \
                      (:Doctor {{name: 'bob', round: {round}, active: true}})"
            ),
        );
        std::thread::scope(|scope| {
            for name in ["ada", "bob"] {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.connect();
                    let made = run(
                        &mut client,
                        &format!("{LONG} OPTIONAL MATCH (m:Made {{round: {round}}}) WITH m WHERE m IS NULL \
                                  CREATE (:Made {{round: {round}, by: '{name}'}})"),
                    );
                    assert!(!made.starts_with('-'), "{made}");
                    let left = run(
                        &mut client,
                        &format!("{LONG} MATCH (d:Doctor {{round: {round}, active: true}}) WITH count(d) AS active WHERE active = 2 \
                                  MATCH (d:Doctor {{round: {round}, name: '{name}'}}) SET d.active = false"),
                    );
                    assert!(!left.starts_with('-'), "{left}");
                });
            }
        });
        let made = format!("MATCH (m:Made {{round: {round}}}) RETURN count(m)");
        assert_eq!(number(&mut client, &made), 1, "round {round}");
        let on = format!("MATCH (d:Doctor {{round: {round}, active: true}}) RETURN count(d)");
        assert_eq!(number(&mut client, &on), 1, "round {round}");
    }
}

#[test]
fn writers_of_what_a_long_statement_does_not_read_are_no_conflict() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    run(
        &mut client,
        "UNWIND range(1, 200) AS i CREATE (:N {i: i})-[:OF]->(:M)",
    );
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = server.connect();
            let mut i = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                i += 1;
                client.call(&format!("SET other:{} {i}", i % 1_000));
                client.call(&format!("LINK other:{} CAUSES other:1", i % 1_000));
            }
        });
        for _ in 0..20 {
            let reply = run(
                &mut client,
                &format!(
                    "{LONG} MATCH (n:N)-[:OF]->(m) SET n.seen = coalesce(n.seen, 0) + 1 CREATE (m)-[:BY]->(:Mark)"
                ),
            );
            assert!(reply.contains("nodes_created"), "{reply}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(number(&mut client, "MATCH (n:N) RETURN sum(n.seen)"), 4_000);
    assert_eq!(
        number(&mut client, "MATCH (:M)-[:BY]->(k:Mark) RETURN count(k)"),
        4_000
    );
}

#[test]
fn a_statement_joins_a_transaction_that_lasts() {
    let server = Server::start(&["--fsync", "never"]);
    let (mut client, mut other) = (server.connect(), server.connect());
    run(
        &mut client,
        "CREATE (:Account {of: 'ada', n: 100}), (:Account {of: 'bob', n: 0})",
    );
    let begin = |client: &mut Connection| client.call("DAG.BEGIN").trim_matches('"').to_owned();
    let within = |client: &mut Connection, id: &str, statement: &str| {
        client.command(&["CYPHER", statement, "TXN", id])
    };
    let id = begin(&mut client);
    within(&mut client, &id, "MATCH (a {of: 'ada'}) SET a.n = a.n - 30");
    within(&mut other, &id, "MATCH (a {of: 'bob'}) SET a.n = a.n + 30");
    client.command(&["DAG.WRITE", &id, "note", "paid"]);
    let seen = within(
        &mut client,
        &id,
        "MATCH (a:Account) RETURN a.n ORDER BY a.n",
    );
    assert!(seen.contains("[[:30], [:70]]"), "{seen}");
    let seen = within(&mut client, &id, "MATCH (n {name: 'note'}) RETURN n.value");
    assert!(seen.contains("paid"), "{seen}");
    // Others see nothing of it before its commit, and it does not depend on which space they select.
    assert_eq!(number(&mut other, "MATCH (a {of: 'bob'}) RETURN a.n"), 0);
    // What fails takes back only itself.
    let error = within(&mut client, &id, "MATCH (a:Account) SET a.n = 1 / 0");
    assert!(error.contains("DivisionByZero"), "{error}");
    let reply = client.call(&format!("DAG.COMMIT {id}"));
    assert!(reply.starts_with(':'), "{reply}");
    assert_eq!(number(&mut other, "MATCH (a {of: 'bob'}) RETURN a.n"), 30);

    // What a statement in it has read must still be so: also that nothing else was there.
    for (reads, writes) in [
        (
            "MATCH (a {of: 'bob'}) RETURN a.n",
            "MATCH (a {of: 'bob'}) SET a.n = 31",
        ),
        (
            "MATCH (a:Account) RETURN count(a)",
            "CREATE (:Account {of: 'eve'})",
        ),
        (
            "MATCH (a {of: 'ada'})-->(b) RETURN count(b)",
            "MATCH (a {of: 'ada'}) CREATE (a)-[:OWES]->(:Debt)",
        ),
        (
            "MATCH (a {of: 'ada'})<--(b) RETURN count(b)",
            "MATCH (a {of: 'ada'}) CREATE (a)<-[:OWNS]-(:Bank)",
        ),
        (
            "MATCH ()-[r:OWES]->() RETURN count(r.due)",
            "MATCH ()-[r:OWES]->() SET r.due = 1",
        ),
        (
            "CALL db.labels() YIELD label RETURN count(label)",
            "CREATE (:Novel)",
        ),
    ] {
        let id = begin(&mut client);
        within(&mut client, &id, reads);
        within(&mut client, &id, "CREATE (:Mine)");
        run(&mut other, writes);
        let reply = client.call(&format!("DAG.COMMIT {id}"));
        assert!(
            reply.starts_with("-CONFLICT"),
            "{reads} beside {writes}: {reply}"
        );
    }
    assert_eq!(number(&mut other, "MATCH (m:Mine) RETURN count(m)"), 0);
    // And what it has not read may be otherwise.
    let id = begin(&mut client);
    within(
        &mut client,
        &id,
        "MATCH (a {of: 'ada'}) SET a.n = 1 CREATE (:Mine)",
    );
    run(
        &mut other,
        "MATCH (a {of: 'bob'}) SET a.n = 2 CREATE (:Theirs)",
    );
    let reply = client.call(&format!("DAG.COMMIT {id}"));
    assert!(reply.starts_with(':'), "{reply}");
    assert_eq!(number(&mut other, "MATCH (a:Account) RETURN sum(a.n)"), 3);
    for wrong in ["0-1", "x"] {
        let error = within(&mut client, wrong, "RETURN 1");
        assert!(error.starts_with("-NOTXN"), "{error}");
    }
}

#[test]
fn a_transaction_that_runs_a_long_statement_refuses_everything_else() {
    let server = patient();
    let (mut client, mut slow) = (server.connect(), server.connect());
    let id = client.call("DAG.BEGIN").trim_matches('"').to_owned();
    slow.send_command(&["CYPHER", &format!("{FOREVER} RETURN years"), "TXN", &id]);
    client.wait_for_clients("cypher", 1);
    let deadline = Instant::now() + PATIENCE;
    while !client
        .call(&format!("DAG.READ {id} k"))
        .starts_with("-BUSY")
    {
        assert!(Instant::now() < deadline, "the statement does not begin");
    }
    assert!(
        client
            .call(&format!("DAG.COMMIT {id}"))
            .starts_with("-BUSY")
    );
    assert!(client.call("DAG.TXNS").contains(&id));
    drop(slow);
    client.wait_for_clients("cypher", 0);
    assert!(client.call(&format!("DAG.COMMIT {id}")).starts_with(':'));
}

#[test]
fn inside_multi_what_only_reads_sees_its_place_and_what_writes_is_bounded() {
    let server = patient();
    let mut client = server.connect();
    client.call("MULTI");
    client.call("SET a 1");
    run(&mut client, "MATCH (n {name: 'a'}) RETURN n.value");
    client.call("SET a 2");
    run(&mut client, "MATCH (n {name: 'a'}) RETURN n.value");
    run(
        &mut client,
        &format!("MATCH (n {{name: 'a'}}) SET n.x = 1 WITH 1 AS one {FOREVER} RETURN years"),
    );
    client.command(&["CYPHER", "RETURN 1", "TXN", "1-1"]);
    let reply = client.call("EXEC");
    let start = r#"[+OK, [["n.value"], [["1"]], []], +OK, [["n.value"], [["2"]], []], -TIMEOUT"#;
    assert!(reply.starts_with(start), "{reply}");
    assert!(reply.ends_with("which is a transaction itself]"), "{reply}");
    let set = "MATCH (n {name: 'a'}) WHERE n.x IS NOT NULL RETURN count(n)";
    assert_eq!(number(&mut client, set), 0);
}
