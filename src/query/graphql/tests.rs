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
fn planted() -> (Arc<Engine>, tempfile::TempDir) {
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
    (Arc::new(engine), directory)
}

fn answered(engine: &Arc<Engine>, document: &str, variables: Value) -> Answered {
    let document = Document {
        text: document.to_owned(),
        variables,
        operation: None,
    };
    execute(engine, 0, document)
}

fn ask_with(engine: &Arc<Engine>, document: &str, variables: Value) -> Value {
    answered(engine, document, variables).json()
}

fn ask(engine: &Arc<Engine>, document: &str) -> Value {
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
        ("mutation { set }", "node"),
        ("subscription { nodes }", "ubscription"),
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
fn what_a_mutation_has_changed_it_and_everybody_after_it_sees() {
    let (engine, _directory) = planted();
    let before = engine.glance(0).state.version();
    let answer = ask_with(
        &engine,
        "mutation($fields: JSON) { \
           set(node: {name: \"pink\"}, value: \"p\", fields: $fields, kinds: [\"Word\", \"Shade\"], rung: 3, \
               truth: {frequency: 0.5, confidence: 0.25}, qualia: {valence: -0.5}, parent: {name: \"red\"}) { \
             name value fields kinds rung depth version address truth { frequency confidence } \
             qualia { valence arousal } parent { name } } \
           link(source: {name: \"pink\"}, verb: \"RELATES\", target: {name: \"red\"}, weight: 2.5, \
                properties: {since: 1990}) { weight properties address source { neighbours { nodes { verb } } } \
             target { children { nodes { name } } } } \
           bind(source: {name: \"pink\"}, target: {name: \"blue\"}) { verb address } }",
        json!({ "fields": { "hex": "ffc0cb", "warm": true, "rgb": [255, 192, 203] } }),
    );
    let view = engine.glance(0);
    let (view, state) = (view.view(), &view.state);
    let pink = view.find(b"pink").unwrap();
    let bound = state.graph().outgoing(pink.address(), None);
    let bound = bound.filter_map(|edge| state.graph().get(edge.source, edge.id)?.address);
    let expected = json!({ "data": {
        "set": {
            "name": "pink", "value": "p",
            "fields": { "hex": "ffc0cb", "warm": true, "rgb": [255, 192, 203] },
            "kinds": ["Shade", "Word"], "rung": 3, "depth": 2,
            "version": (before + 1).to_string(), "address": pink.address().to_string(),
            "truth": { "frequency": 0.5, "confidence": 0.25 },
            "qualia": { "valence": -0.5, "arousal": 0.0 },
            "parent": { "name": "red" },
        },
        "link": {
            "weight": 2.5, "properties": { "since": 1990 }, "address": null,
            "source": { "neighbours": { "nodes": [{ "verb": "RELATES" }] } },
            "target": { "children": { "nodes": [{ "name": "pink" }] } },
        },
        "bind": { "verb": "RELATES", "address": bound.last().unwrap().to_string() },
    } });
    assert_eq!(answer, expected);
    assert_eq!(state.version(), before + 1, "one document is one commit");
    assert_eq!(pink.version(), before + 1);

    let edge = state.graph().outgoing(pink.address(), None).next().unwrap();
    let document = format!(
        "mutation {{ set(node: {{name: \"pink\"}}, value: null, ttlSeconds: 60) {{ value fields zone kinds }} \
           one: unlink(id: \"{}\") two: unlink(source: {{name: \"pink\"}}, verb: \"RELATES\", target: {{name: \
           \"blue\"}}) gone: delete(node: {{name: \"grey\"}}) never: delete(node: {{name: \"nobody\"}}) }}",
        edge.id
    );
    let (grey, edges) = (view.find(b"grey").unwrap().id(), state.graph().len());
    let answer = &ask(&engine, &document)["data"];
    assert_eq!(
        answer["set"],
        json!({ "value": null, "fields": { "hex": "ffc0cb", "warm": true, "rgb": [255, 192, 203] },
            "zone": "FLUID", "kinds": ["Shade", "Word"] })
    );
    assert_eq!(answer["one"], json!([edge.id.to_string()]));
    assert_eq!(answer["two"].as_array().unwrap().len(), 1);
    assert_eq!(answer["gone"], json!(grey.to_string()));
    assert_eq!(answer["never"], Value::Null);
    // Two were unlinked, and one went with its end.
    assert_eq!(engine.glance(0).state.graph().len(), edges - 3);
}

#[test]
fn a_mutation_that_fails_anywhere_changes_nothing() {
    let (engine, _directory) = planted();
    let before = engine.glance(0).state.version();
    for (rest, part, line) in [
        ("delete(node: {})", "exactly one of id, name, address", 2),
        (
            "link(source: {name: \"pink\"}, verb: \"RELATES\", target: {name: \"nobody\"}) { id }",
            "no such node 'nobody'",
            2,
        ),
        (
            "link(source: {name: \"pink\"}, verb: \"NOPE\", target: {name: \"red\"}) { id }",
            "NOPE",
            2,
        ),
        (
            "set(node: {id: \"9999\"}) { id }",
            "no such node '#9999'",
            2,
        ),
        (
            "set(node: {name: \"x\"}, rung: 10) { id }",
            "from 0 to 9",
            2,
        ),
        (
            "set(node: {name: \"x\"}, fields: [1]) { id }",
            "an object",
            2,
        ),
        (
            "set(node: {name: \"x\"}, fields: {a: {b: 1}}) { id }",
            "an object in 'a'",
            2,
        ),
        (
            "set(node: {name: \"x\"}, truth: {frequency: 2, confidence: 0.5}) { id }",
            "2",
            2,
        ),
        (
            "set(node: {name: \"x\"}, ttlSeconds: 0) { id }",
            "from 1 to",
            2,
        ),
        ("unlink(verb: \"RELATES\")", "either id, or source", 2),
        ("unlink(id: \"9999\")", "#9999", 2),
        (
            "set(node: {name: \"x\"}) { neighbours(first: -1) { nodes { id } } }",
            "from 0 to",
            2,
        ),
    ] {
        let document = format!(
            "mutation {{ first: set(node: {{name: \"pink\"}}, value: \"p\") {{ id }}\n {rest} }}"
        );
        let answered = answered(&engine, &document, Value::Null);
        let answer = answered.json();
        let message = answer["errors"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains(part), "{rest}: {answer}");
        assert_eq!(answer["errors"][0]["locations"][0]["line"], line, "{rest}");
        assert_eq!(answer["data"], Value::Null, "{rest}");
        assert!(answered.changes.is_empty(), "{rest}");
    }
    assert_eq!(engine.glance(0).state.version(), before);
    assert!(engine.transactions().is_empty());
}

#[test]
fn mutations_at_once_lose_nothing() {
    let (engine, _directory) = planted();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let engine = Arc::clone(&engine);
            std::thread::spawn(move || {
                (0..25)
                    .map(|n| {
                        let document = format!(
                            "mutation {{ set(node: {{name: \"{thread}:{n}\"}}) {{ id address version }} \
                             link(source: {{name: \"{thread}:{n}\"}}, verb: \"RELATES\", target: {{name: \"red\"}}) \
                             {{ id target {{ neighbours(direction: INCOMING, first: 0) {{ nodes {{ id }} }} }} }} }}"
                        );
                        // What others get in the way of is to be repeated.
                        loop {
                            let answer = ask(&engine, &document);
                            if answer["errors"].is_null() {
                                return answer["data"]["set"].clone();
                            }
                        }
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let told: Vec<Value> = threads
        .into_iter()
        .flat_map(|t| t.join().unwrap())
        .collect();
    let snapshot = engine.glance(0);
    let (view, mut versions) = (snapshot.view(), Vec::new());
    for node in &told {
        let id = node["id"].as_str().unwrap().parse().unwrap();
        let there = view.find_id(id).unwrap();
        assert_eq!(node["address"], json!(there.address().to_string()));
        versions.push(node["version"].as_str().unwrap().to_owned());
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 100, "each commit has a version of its own");
    let red = view.find(b"red").unwrap().address();
    assert_eq!(view.state.graph().degree_in(red), 100);
}

#[test]
fn a_field_that_fails_leaves_the_others() {
    let (engine, _directory) = planted();
    let answer = ask(
        &engine,
        "{ one: node(name: \"red\") { name } two: node(name: \"red\") { neighbours(verb: \"NOPE\") { nodes { id } } } }",
    );
    let expected = json!({ "one": { "name": "red" }, "two": null });
    assert_eq!(answer["data"], expected);
    assert_eq!(answer["errors"].as_array().unwrap().len(), 1);
    assert_eq!(answer["errors"][0]["path"], json!(["two", "neighbours"]));
}

#[test]
fn a_document_of_several_operations_does_the_one_that_is_named() {
    let (engine, _directory) = planted();
    let text = "query A { version } mutation B { set(node: {name: \"pink\"}) { name } }";
    let operation = |name: Option<&str>| {
        let document = Document {
            text: text.to_owned(),
            operation: name.map(str::to_owned),
            ..Document::default()
        };
        execute(&engine, 0, document)
    };
    let named = operation(Some("B")).json();
    assert_eq!(named["data"]["set"]["name"], "pink");
    assert!(operation(Some("A")).json()["data"]["version"].is_string());
    for wrong in [None, Some("C")] {
        let answered = operation(wrong);
        assert!(!answered.is_executed && answered.response.is_err());
        assert!(answered.json().get("data").is_none());
    }
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
        "set",
        "link",
        "unlink",
        "delete",
        "bind",
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
