//! GraphQL over a real engine.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, EdgeDraft};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::mutation::Content;
use ladybug_engine::space::verbs::RELATES;
use ladybug_engine::storage::DiskStorage;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A root with four children, of which the first is linked to the others.
fn planted() -> (Engine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::new(directory.path()).unwrap());
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).unwrap();
    let planted = engine.commit(&[0], |tx| {
        let draft = |name: &str, parent| Draft {
            name: Some(name.as_bytes().into()),
            content: Content::of_value(format!("the text of {name}").into_bytes().into()),
            kinds: Some(Arc::new([Arc::from("Word")])),
            parent,
            ..Draft::default()
        };
        let root = tx.create(draft("root", None))?;
        let mut children = Vec::new();
        for name in ["red", "green", "blue", "grey"] {
            children.push(tx.create(draft(name, Some(root)))?);
        }
        for other in &children[1..] {
            tx.link(children[0], RELATES, *other, EdgeDraft::default())?;
        }
        Ok::<_, EngineError>(())
    });
    planted.value.unwrap();
    (engine, directory)
}

fn ask_with(engine: &Engine, document: &str, variables: Value) -> Value {
    let (response, _) = execute(engine, 0, document, variables);
    serde_json::to_value(&response).unwrap()
}

fn ask(engine: &Engine, document: &str) -> Value {
    ask_with(engine, document, Value::Null)
}

#[test]
fn nodes_edges_and_searches_are_read() {
    let (engine, _directory) = planted();
    let node = ask_with(
        &engine,
        "query($name: String) { node(name: $name) { name value kinds zone rung depth truth { frequency \
         confidence } parent { name } ancestors { name } neighbours(verb: \"RELATES\") { nodes { verb \
         weight target { name } } } } }",
        json!({ "name": "red" }),
    );
    let target = |name| json!({ "verb": "RELATES", "weight": 1.0, "target": { "name": name } });
    let expected = json!({ "data": { "node": {
        "name": "red", "value": "the text of red", "kinds": ["Word"], "zone": "NODE", "rung": 0, "depth": 1,
        "truth": { "frequency": 1.0, "confidence": 0.9 }, "parent": { "name": "root" },
        "ancestors": [{ "name": "root" }],
        "neighbours": { "nodes": [target("green"), target("blue"), target("grey")] },
    } } });
    assert_eq!(node, expected);
    let found = ask(
        &engine,
        "{ search(text: \"the text of blue\", k: 1) { distance node { name } } }",
    );
    let expected = json!({ "data": { "search": [{ "distance": 0, "node": { "name": "blue" } }] } });
    assert_eq!(found, expected);
    let none = ask(&engine, "{ node(name: \"nobody\") { id } }");
    assert_eq!(none, json!({ "data": { "node": null } }));
}

#[test]
fn pages_follow_their_cursors_to_the_end() {
    let (engine, _directory) = planted();
    let (mut names, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = ask_with(
            &engine,
            "query($after: String) { nodes(filter: {kind: \"Word\"}, first: 2, after: $after) { edges { cursor \
             node { name } } pageInfo { hasNextPage endCursor } } }",
            json!({ "after": after }),
        );
        let page = &page["data"]["nodes"];
        let edges = page["edges"].as_array().unwrap();
        names.extend(edges.iter().map(|edge| edge["node"]["name"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        assert_eq!(after, edges.last().unwrap()["cursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["blue", "green", "grey", "red", "root"]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let (engine, _directory) = planted();
    let deep =
        "{ node(name: \"red\") ".to_owned() + &"{ parent ".repeat(30) + "{ id }" + &"}".repeat(31);
    let wide = format!(
        "{{ {} }}",
        (0..1001)
            .map(|n| format!("a{n}: version "))
            .collect::<String>()
    );
    for (document, part) in [
        ("{ node(", "-->"),
        ("{ nope }", "nope"),
        ("{ node(id: 1.5) { id } }", "id"),
        ("{ node { id } }", "exactly one of id, name, address"),
        (
            "{ node(id: \"1\", name: \"red\") { id } }",
            "exactly one of",
        ),
        ("{ nodes(first: 1001) { nodes { id } } }", "from 0 to 1000"),
        ("{ nodes(after: \"x\") { nodes { id } } }", "cursor"),
        (
            "{ search { distance } }",
            "exactly one of text, fingerprint",
        ),
        (
            "{ search(text: \"a\", k: 0) { distance } }",
            "from 1 to 1000",
        ),
        ("mutation { set }", "mutation"),
        (&"{a".repeat(100_000), "64 deep; line 1, column 129"),
        (&deep, "deep"),
        (&wide, "complex"),
    ] {
        let answer = ask(&engine, document);
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        let shown = &document[..document.len().min(80)];
        assert!(message.contains(part), "{shown}: {answer}");
    }
    let answer = ask(&engine, "{\n  nope }");
    assert_eq!(
        answer["errors"][0]["locations"],
        json!([{ "line": 2, "column": 3 }])
    );
}

#[test]
fn the_schema_is_the_one_that_is_written_down() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/graphql.graphql");
    if std::env::var_os("LADYBUG_REGENERATE").is_some() {
        std::fs::write(path, sdl()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == sdl(),
        "docs/graphql.graphql is not the schema: LADYBUG_REGENERATE=1 cargo test --lib graphql"
    );
}

#[test]
fn no_document_makes_it_panic() {
    let (engine, _directory) = planted();
    let words = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
        "$",
        "@",
        "...",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "\n",
        "!",
        "query",
        "mutation",
        "fragment",
        "on",
        "Node",
        "node",
        "nodes",
        "search",
        "edges",
        "parent",
        "children",
        "first",
        "after",
        "name",
        "id",
        "text",
        "k",
        "1",
        "-1",
        "1e400",
        "99999999999999999999",
        "null",
        "true",
        "@skip(if: true)",
        "__schema",
        "__typename",
        "é",
        "\u{0}",
    ];
    let document = prop::collection::vec(prop::sample::select(words.to_vec()), 0..60);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    runner
        .run(&document, |words| {
            ask(&engine, &words.join(" "));
            ask(&engine, &format!("{{ nodes {{ {} }} }}", words.join(" ")));
            Ok(())
        })
        .unwrap();
}
