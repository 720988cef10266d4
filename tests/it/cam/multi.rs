//! Methods inside MULTI: each sees what the commands before it have done, and all are one commit.

use serde_json::json;

use crate::harness::{Connection, Server};

/// What EXEC answers to commands.
fn exec(client: &mut Connection, commands: &[&[&str]]) -> String {
    assert_eq!(client.call("MULTI"), "+OK");
    for command in commands {
        let queued = client.command(command);
        assert_eq!(queued, "+QUEUED", "{command:?}");
    }
    client.call("EXEC")
}

fn version(client: &mut Connection) -> u64 {
    let rows = client.command(&[
        "SQL",
        "SELECT CAST(version AS VARCHAR) FROM spaces WHERE id = 0",
    ]);
    let digits: String = rows
        .chars()
        .rev()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits
        .chars()
        .rev()
        .collect::<String>()
        .parse()
        .expect("a version")
}

#[test]
fn methods_in_a_transaction_see_what_was_done_before_them_and_are_one_commit() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "ada", "first programmer"]);
    let before = version(&mut client);
    let replies = exec(
        &mut client,
        &[
            &["CAM.LANCE.COUNT"],
            &["SET", "alan", "machines that think"],
            &["CAM", "LANCE.COUNT"],
            &["CAM.LANCE.INSERT", "bob", "a builder"],
            &["CAM", "0x0050"],
            &["GET", "bob"],
            &["DEL", "bob"],
            &["CAM.LANCE.COUNT"],
            &["CAM.SQL.QUERY", "SELECT count(*) AS n FROM nodes"],
            &["CYPHER", "MATCH (n) RETURN count(n)"],
            &["CAM.CYPHER.CREATE", "(:Person {name: 'eve'})"],
            &["CAM.CYPHER.QUERY", "MATCH (n:Person) RETURN n.name AS name"],
            &["CAM.CYPHER.QUERY", "MATCH (n:Person) SET n.age = 7"],
            &["CAM.CYPHER.QUERY", "MATCH (n:Person) RETURN n.age AS age"],
            &[
                "CAM.GRAPHQL.QUERY",
                "{ nodes(filter: {kind: \"Person\"}) { nodes { ... on Person { age } version } } version }",
            ],
            &["CAM.GRAPHQL.NODES", "FORM", "count"],
            &["CAM.VERBS.DEFINE", "PRAISES"],
            &["CAM.VERBS.PRAISES", "ada", "alan", "1.0,0.9"],
            &["CAM.VERBS.PRAISES", "ada", "alan"],
            &["REMEMBER", "a thing to know"],
            &["CAM.LANCE.COUNT"],
            &["RECALL", "thing to know", "1"],
            &["CAM.LANCE.TOPK", "machines that think", "1"],
            &[
                "CAM.LANCE.FILTER",
                "machines",
                "5",
                "name = 'alan'",
                "FORM",
                "count",
            ],
        ],
    );
    let asked = json!({
        "nodes": { "nodes": [{ "age": 7, "version": (before + 1).to_string() }] },
        "version": (before + 1).to_string(),
    });
    let asked = format!("{:?}", asked.to_string());
    let expected = [
        ":1",
        "+OK",
        ":2",
        "\"bob\"",
        ":3",
        "\"a builder\"",
        ":1",
        ":2",
        ":2",
        ":2",
        "\"eve\"",
        ":7",
        &asked,
        ":3",
        "PRAISES",
        ":4",
        "\"alan\"",
        ":1]",
    ];
    let mut rest = replies.as_str();
    for part in expected {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part} is missing in {rest} of {replies}"));
        rest = &rest[at + part.len()..];
    }
    assert!(!replies.contains("-ERR"), "{replies}");
    assert_eq!(version(&mut client), before + 1, "one commit");
}

#[test]
fn a_method_that_is_refused_in_a_transaction_takes_back_only_itself() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let replies = exec(
        &mut client,
        &[
            &["SET", "ada", "x"],
            &["CAM.LANCE.INSERT", "ada", "again"],
            &["CAM.LANCE.GET", "nobody"],
            &["CAM.CYPHER.CREATE", "no pattern"],
            &["CAM.QUALIA.SET", "ada", "0.5,0,0,0,0,0,0,1"],
            &["CAM.QUALIA.FEEL", "ada"],
        ],
    );
    assert!(replies.contains("is there already"), "{replies}");
    assert!(
        replies.contains("CAM.LANCE.GET: x: no such node 'nobody'"),
        "{replies}"
    );
    assert!(
        replies.contains("CAM.CYPHER.CREATE: pattern: "),
        "{replies}"
    );
    assert!(replies.contains("0.5"), "{replies}");
    assert_eq!(client.call("GET ada"), "\"x\"");
    // What watches sees what methods write.
    let mut other = server.connect();
    client.call("WATCH ada");
    other.command(&["CAM.LANCE.UPSERT", "ada", "changed"]);
    assert_eq!(exec(&mut client, &[&["CAM.LANCE.DELETE", "ada"]]), "nil");
    assert_eq!(client.call("CAM.LANCE.COUNT"), ":1");
}

#[test]
fn methods_are_part_of_a_transaction_that_lasts() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SELECT", "there"]);
    client.command(&["SET", "ada", "first programmer"]);
    let begun = client.command(&["DAG.BEGIN", "ISOLATION", "snapshot"]);
    let id = begun.trim_matches('"').to_owned();
    client.command(&["SELECT", "0"]);
    let mut run = |words: &[&str]| client.command(&[words, &["TXN", &id]].concat());
    assert!(run(&["CAM.LANCE.INSERT", "alan", "machines that think"]).contains("alan"));
    assert!(run(&["CAM", "CYPHER.CREATE", "(:Person {name: 'eve'})"]).contains(":1"));
    assert_eq!(run(&["CAM.LANCE.COUNT"]), ":3");
    assert_eq!(
        run(&["CAM.LANCE.SCAN", "SCOPE", "node", "FORM", "count"]),
        ":3"
    );
    assert!(run(&["RECALL", "machines that think", "1"]).contains("alan"));
    assert!(run(&["CAM.SQL.QUERY", "SELECT count(*) AS n FROM nodes"]).contains(":3"));
    assert!(run(&["CAM.CYPHER.QUERY", "MATCH (n:Person) RETURN n.name"]).contains("eve"));
    assert!(run(&["CAM.LANCE.INSERT", "alan", "again"]).contains("is there already"));
    assert!(run(&["CAM.SQL.EXECUTE", "DELETE FROM nodes"]).starts_with('-'));
    assert!(run(&["CAM.MEMORY.CONSOLIDATE", "1"]).starts_with('-'));
    assert_eq!(client.call("CAM.LANCE.COUNT"), ":0");
    client.command(&["SELECT", "there"]);
    assert_eq!(client.call("CAM.LANCE.COUNT"), ":1");
    assert!(client.command(&["DAG.COMMIT", &id]).starts_with(':'));
    assert_eq!(client.call("CAM.LANCE.COUNT"), ":3");
    let over = client.command(&["CAM.LANCE.COUNT", "TXN", &id]);
    assert!(over.starts_with("-NOTXN"), "{over}");
    client.call("MULTI");
    let refused = client.command(&["CAM.LANCE.COUNT", "TXN", &id]);
    assert!(refused.contains("without TXN inside MULTI"), "{refused}");
    client.call("DISCARD");
    // What a serializable one has read must still be so.
    let begun = client.command(&["DAG.BEGIN"]);
    let id = begun.trim_matches('"').to_owned();
    client.command(&["CAM.LANCE.COUNT", "TXN", &id]);
    client.command(&["CAM.QUALIA.SET", "ada", "0.5,0,0,0,0,0,0,1", "TXN", &id]);
    client.command(&["SET", "another", "x"]);
    let conflict = client.command(&["DAG.COMMIT", &id]);
    assert!(conflict.starts_with("-CONFLICT"), "{conflict}");
}

#[test]
fn what_commits_by_itself_is_refused_when_it_would_be_queued() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["CAM.DEFINE", "0x0F01", "count", "()", "LANCE.COUNT"]);
    for command in [
        &["CAM.SQL.EXECUTE", "DELETE FROM nodes"][..],
        &["CAM", "SQL.EXECUTE", "DELETE FROM nodes"],
        &["CAM.TEMPORAL.CHECKPOINT", "here"],
        &["CAM", "0x0D60", "fork"],
        &["CAM.TEMPORAL.ROLLBACK", "1"],
        &["CAM.MEMORY.CONSOLIDATE", "100"],
        &["CAM.USER.COUNT"],
        &["CAM", "0x0F01"],
        &["CAM", "VSA.NOPE"],
        &["CAM", "0x1000"],
    ] {
        assert_eq!(client.call("MULTI"), "+OK");
        let refused = client.command(command);
        assert!(refused.starts_with('-'), "{command:?}: {refused}");
        assert!(
            [
                "transaction",
                "expected one of DISTANCE",
                "expected a method id"
            ]
            .iter()
            .any(|part| refused.contains(part)),
            "{command:?}: {refused}"
        );
        assert!(client.call("EXEC").starts_with("-EXECABORT"), "{command:?}");
    }
    // Its plan runs nothing.
    let plan = exec(
        &mut client,
        &[&["CAM", "SQL.EXECUTE", "DELETE FROM nodes", "FORM", "plan"]],
    );
    assert!(plan.contains("DELETE FROM nodes"), "{plan}");
    // Programs are listed, defined and undefined.
    let programs = exec(
        &mut client,
        &[
            &["CAM.UNDEFINE", "count"],
            &["CAM.DEFINE", "0x0F02", "other", "()", "LANCE.COUNT"],
            &["CAM.USER"],
        ],
    );
    assert!(programs.contains("other"), "{programs}");
    assert_eq!(client.call("CAM.USER.OTHER"), ":0");
}

#[test]
fn the_past_in_a_transaction_ends_with_what_it_has_done_so_far() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["SET", "ada", "one"]);
    let before = version(&mut client);
    let replies = exec(
        &mut client,
        &[
            &["CAM.TEMPORAL.HISTORY", "ada", "FORM", "count"],
            &["SET", "ada", "two"],
            &["CAM.TEMPORAL.HISTORY", "ada", "FORM", "count"],
            &["CAM.TEMPORAL.VERSION"],
            &["CAM.TEMPORAL.CHANGED", &before.to_string(), "FORM", "count"],
            &["CAM.TEMPORAL.REPLAY", "0", "2100-01-01", "FORM", "count"],
            &["SET", "ada", "three"],
        ],
    );
    let counts: Vec<&str> = replies.matches(":1").collect();
    assert!(!counts.is_empty(), "{replies}");
    assert!(replies.starts_with("[:1, +OK, :2, "), "{replies}");
    assert!(replies.contains(&format!(":{}", before + 1)), "{replies}");
    assert!(replies.ends_with(":1, :2, +OK]"), "{replies}");
}
