//! Documents: what is wrong with one, its operations, its limits, and those of the page.

use super::*;

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
        ("{ node(", "expected "),
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
            "{ search { nodes { distance } } }",
            "exactly one of text, fingerprint",
        ),
        (
            "{ search(text: \"a\", k: 0) { nodes { distance } } }",
            "from 1 to 1000",
        ),
        ("mutation { set }", "node"),
        ("subscription { nodes }", "ubscription"),
        (&"{a".repeat(100_000), "64 deep; line 1, column 129"),
        (
            &deep,
            "24 deep, see --graphql-depth-max; 'parent' is one deeper",
        ),
        (
            &wide,
            "1000 fields, fragments spread out, see --graphql-complexity-max; 'version' is one more",
        ),
        (
            "{ ...A } fragment A on Query { version ...B } fragment B on Query { ...A }",
            "fragments nest at most 64 deep",
        ),
        ("{ asOf(version: \"99999\") { version } }", "yet to come"),
        ("{ asOf(version: \"-1\") { version } }", "an id such as"),
        (
            "{ nodes(orderBy: {}) { nodes { id } } }",
            "exactly one of by, field",
        ),
        (
            "{ nodes(orderBy: {by: NAME}, after: \"0000000000008000\") { nodes { id } } }",
            "cursor",
        ),
        (
            "{ path(from: {name: \"red\"}, to: {name: \"nobody\"}) { length } }",
            "no such node 'nobody'",
        ),
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
        over(&engine).execute(0, document)
    };
    let named = operation(Some("B")).json();
    assert_eq!(named["data"]["set"]["name"], "pink");
    assert!(operation(Some("A")).json()["data"]["version"].is_string());
    // One alone needs no name to be done, though it has one.
    let alone = ask(
        &engine,
        "mutation B { set(node: {name: \"puce\"}) { name } }",
    );
    assert_eq!(alone["data"]["set"]["name"], "puce", "{alone}");
    for wrong in [None, Some("C")] {
        let answered = operation(wrong);
        assert!(!answered.is_executed && answered.response.is_err());
        assert!(answered.json().get("data").is_none());
    }
}

#[test]
fn limits_are_kept_and_told() {
    let (engine, _directory) = planted();
    let refused = |limits: Limits, text: &str| {
        let document = Document {
            text: text.to_owned(),
            ..Document::default()
        };
        let answer = Graphql::new(Arc::clone(&engine), limits)
            .execute(0, document)
            .json();
        let error = &answer["errors"][0];
        (
            error["message"].as_str().unwrap_or_default().to_owned(),
            error["locations"][0].clone(),
        )
    };
    let limits = Limits::default();
    let nested = "{\n nodes { nodes { parent {\n name } } } }";
    let deep = refused(
        Limits {
            depth_max: 3,
            ..limits
        },
        nested,
    );
    assert!(
        deep.0.contains("at most 3 deep, see --graphql-depth-max"),
        "{}",
        deep.0
    );
    assert_eq!(deep.1, json!({ "line": 3, "column": 2 }));
    let wide = refused(
        Limits {
            complexity_max: 3,
            ..limits
        },
        nested,
    );
    assert!(wide.0.contains("at most 3 fields"), "{}", wide.0);
    assert_eq!(wide.1, json!({ "line": 3, "column": 2 }));
    let page = refused(
        Limits {
            page_max: 2,
            ..limits
        },
        "{ nodes(first: 3) { nodes { id } } }",
    );
    assert!(
        page.0.contains("from 0 to 2, see --graphql-page-max"),
        "{}",
        page.0
    );
    assert_eq!(page.1, json!({ "line": 1, "column": 3 }));
    let rows = refused(
        Limits {
            rows_max: 4,
            ..limits
        },
        "{ nodes { nodes { id } } }",
    );
    assert!(
        rows.0
            .contains("at most 4 nodes and edges, see --graphql-rows-max"),
        "{}",
        rows.0
    );
    let memory = refused(
        Limits {
            memory_bytes: 1000,
            ..limits
        },
        "{ nodes { nodes { fingerprint } } }",
    );
    assert!(
        memory
            .0
            .contains("at most 1000 bytes, see --graphql-memory-bytes"),
        "{}",
        memory.0
    );
    let timeout = Some(std::time::Duration::ZERO);
    for text in [
        "{ nodes { nodes { id } } }",
        "mutation { delete(node: {name: \"red\"}) }",
    ] {
        let late = refused(Limits { timeout, ..limits }, text);
        assert!(
            late.0
                .contains("longer than 0 ms and was ended; see --graphql-timeout-ms"),
            "{}",
            late.0
        );
    }
    // Without a limit of time, and as deep as there may be.
    let deepest =
        "{ node(name: \"red\") ".to_owned() + &"{ parent ".repeat(62) + "{ id }" + &"}".repeat(63);
    let limits = Limits {
        depth_max: 64,
        timeout: None,
        ..limits
    };
    assert_eq!(refused(limits, &deepest).0, "");
    assert!(engine.glance(0).view().find(b"red").is_some());
}

#[test]
fn what_nobody_waits_for_ends_and_changes_nothing() {
    let (engine, _directory) = planted();
    let document = Document {
        text: "mutation { delete(node: {name: \"red\"}) }".to_owned(),
        ..Document::default()
    };
    document.cancel.store(true, Relaxed);
    let answered = over(&engine).execute(0, document);
    assert!(answered.response.is_err());
    assert!(engine.glance(0).view().find(b"red").is_some());
}

#[test]
fn the_documents_of_the_page_answer_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::new(directory.path()).unwrap());
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).unwrap();
    let engine = Arc::new(engine);
    let page = include_str!("../../../../docs/graphql.md");
    let examples: Vec<&str> = page.split("```graphql\n").skip(1).collect();
    assert!(examples.len() > 3);
    for example in examples {
        let (document, rest) = example.split_once("```\n```json\n").unwrap();
        let (answer, _) = rest.split_once("```").unwrap();
        let expected: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(ask(&engine, document), expected, "{document}");
    }
}
