//! Reading: nodes, edges, searches, pages, paths, the past.

use super::*;

#[test]
fn nodes_edges_and_searches_are_read() {
    let (engine, _directory) = planted();
    let node = ask_with(
        &engine,
        "query($name: String) { node(name: $name) { name value kinds zone rung depth truth { frequency \
         confidence } parent { name } ancestors { nodes { name } } neighbours(verb: \"RELATES\") { nodes { verb \
         weight target { name } } } } }",
        json!({ "name": "red" }),
    );
    let target = |name| json!({ "verb": "RELATES", "weight": 1.0, "target": { "name": name } });
    let expected = json!({ "data": { "node": {
        "name": "red", "value": "the text of red", "kinds": ["Word"], "zone": "NODE", "rung": 0, "depth": 1,
        "truth": { "frequency": 1.0, "confidence": 0.9 }, "parent": { "name": "root" },
        "ancestors": { "nodes": [{ "name": "root" }] },
        "neighbours": { "nodes": [target("green"), target("blue"), target("grey")] },
    } } });
    assert_eq!(node, expected);
    let found = ask(
        &engine,
        "{ search(text: \"the text of blue\", k: 1) { nodes { distance node { name } } } }",
    );
    let expected = json!({ "data": { "search": { "nodes": [{ "distance": 0, "node": { "name": "blue" } }] } } });
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
fn nodes_come_in_the_order_that_is_asked_for() {
    let (engine, _directory) = peopled();
    let names = |order: &str| {
        let (mut names, mut after) = (Vec::new(), Value::Null);
        loop {
            let document = format!(
                "query($after: String) {{ nodes(orderBy: {order}, first: 3, after: $after) {{ nodes {{ name }} \
                 pageInfo {{ hasNextPage hasPreviousPage endCursor }} }} }}"
            );
            let answer = ask_with(&engine, &document, json!({ "after": after }));
            let page = &answer["data"]["nodes"];
            let nodes = page["nodes"]
                .as_array()
                .unwrap_or_else(|| panic!("{answer}"));
            names.extend(
                nodes
                    .iter()
                    .map(|node| node["name"].as_str().unwrap().to_owned()),
            );
            assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
            after = page["pageInfo"]["endCursor"].clone();
            if page["pageInfo"]["hasNextPage"] == false {
                return names.join(" ");
            }
        }
    };
    let by_name = "ada blue bob eve green grey red root";
    assert_eq!(names("{by: NAME}"), by_name);
    let backwards: Vec<&str> = by_name.split(' ').rev().collect();
    assert_eq!(
        names("{by: NAME, direction: DESCENDING}"),
        backwards.join(" ")
    );
    assert_eq!(names("{by: ID}"), "root red green blue grey ada bob eve");
    // Nodes without the field come last either way, by address.
    assert_eq!(names("{field: \"born\"}")[..7], *"bob ada");
    assert_eq!(
        names("{field: \"born\", direction: DESCENDING}")[..7],
        *"ada bob"
    );
    assert_eq!(names("{field: \"odd\"}")[..7], *"ada bob");
    assert_eq!(
        names("{by: DEPTH, direction: DESCENDING}")
            .split(' ')
            .count(),
        8
    );
}

#[test]
fn paths_are_the_shortest() {
    let (engine, _directory) = peopled();
    let path = |arguments: &str| {
        let answer = ask(
            &engine,
            &format!(
                "{{ path(from: {{name: \"ada\"}}, to: {{name: \"eve\"}}{arguments}) {{ length nodes {{ nodes {{ name }} }} \
                 edges {{ nodes {{ verb source {{ name }} }} }} }} }}"
            ),
        );
        assert_eq!(answer["errors"], Value::Null, "{answer}");
        answer["data"]["path"].clone()
    };
    let found = path("");
    assert_eq!(found["length"], 2);
    let names = json!([{ "name": "ada" }, { "name": "bob" }, { "name": "eve" }]);
    assert_eq!(found["nodes"]["nodes"], names);
    let edges = json!([{ "verb": "RELATES", "source": { "name": "ada" } }, { "verb": "RELATES", "source": { "name": "bob" } }]);
    assert_eq!(found["edges"]["nodes"], edges);
    let back = path(", direction: INCOMING");
    assert_eq!(back["length"], 1);
    assert_eq!(back["edges"]["nodes"][0]["verb"], "CAUSES");
    for none in [", verb: \"CAUSES\"", ", lengthMax: 1"] {
        assert_eq!(path(none), Value::Null, "{none}");
    }
    let same = ask(
        &engine,
        "{ path(from: {name: \"ada\"}, to: {name: \"ada\"}) { length } }",
    );
    assert_eq!(same["data"]["path"]["length"], 0);
}

#[test]
fn the_past_is_read_as_it_was() {
    let (engine, _directory) = planted();
    let version = |engine: &Engine| engine.glance(0).state.version();
    let before = version(&engine);
    ask(
        &engine,
        "mutation { set(node: {name: \"red\"}, value: \"second\", kinds: [\"New\"]) { id } }",
    );
    ask(&engine, "mutation { delete(node: {name: \"blue\"}) }");
    let answer = ask(
        &engine,
        &format!(
            "{{ now: node(name: \"red\") {{ value neighbours {{ nodes {{ target {{ name }} }} }} }} \
                asOf(version: \"{before}\") {{ version node(name: \"red\") {{ __typename value neighbours {{ nodes \
                {{ target {{ name }} }} }} }} nodes {{ nodes {{ name }} }} \
                search(text: \"the text of blue\", k: 1) {{ nodes {{ distance node {{ name }} }} }} \
                path(from: {{name: \"red\"}}, to: {{name: \"blue\"}}) {{ length }} }} }}"
        ),
    );
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    let (now, then) = (&answer["data"]["now"], &answer["data"]["asOf"]);
    assert_eq!(now["value"], "second");
    assert_eq!(now["neighbours"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(then["version"], before.to_string());
    assert_eq!(then["node"]["value"], "the text of red");
    assert_eq!(
        then["node"]["neighbours"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(then["nodes"]["nodes"].as_array().unwrap().len(), 5);
    assert_eq!(
        then["search"]["nodes"][0],
        json!({ "distance": 0, "node": { "name": "blue" } })
    );
    assert_eq!(then["path"]["length"], 1);

    let answer = ask(
        &engine,
        "{ node(name: \"red\") { history { nodes { version changed value kinds truth { frequency } } pageInfo { endCursor } } } }",
    );
    let changes = &answer["data"]["node"]["history"]["nodes"];
    let expected = json!([
        { "version": (before + 1).to_string(), "changed": ["value", "kinds"], "value": "second", "kinds": ["New"],
          "truth": { "frequency": 1.0 } },
        { "version": before.to_string(), "changed": ["created"], "value": "the text of red", "kinds": ["Word"],
          "truth": { "frequency": 1.0 } },
    ]);
    assert_eq!(*changes, expected);
    let first = ask(
        &engine,
        "{ node(name: \"red\") { history(first: 1) { pageInfo { endCursor hasNextPage } } } }",
    );
    let info = &first["data"]["node"]["history"]["pageInfo"];
    assert_eq!(info["hasNextPage"], true);
    let after = info["endCursor"].as_str().unwrap();
    let rest = ask(
        &engine,
        &format!(
            "{{ node(name: \"red\") {{ history(after: \"{after}\") {{ nodes {{ version }} }} }} }}"
        ),
    );
    assert_eq!(
        rest["data"]["node"]["history"]["nodes"],
        json!([{ "version": before.to_string() }])
    );
    // Within a mutation: what was before it.
    let within = ask(
        &engine,
        "mutation { set(node: {name: \"red\"}, value: \"third\") { history { nodes { value } } } }",
    );
    assert_eq!(
        within["data"]["set"]["history"]["nodes"][0]["value"],
        "second"
    );
}

#[test]
fn the_memory_is_asked_once_however_many_nodes_are() {
    let (engine, _directory) = planted();
    let before = engine.glance(0).state.version();
    let many: String = (0..200)
        .map(|n| {
            format!(
                "a{n}: set(node: {{name: \"n{n}\"}}, value: \"x\", parent: {{name: \"root\"}}) {{ id }} \
                 b{n}: link(source: {{name: \"n{n}\"}}, verb: \"RELATES\", target: {{name: \"red\"}}) {{ id }} "
            )
        })
        .collect();
    assert_eq!(
        ask(&engine, &format!("mutation {{ {many} }}"))["errors"],
        Value::Null
    );
    let lookups = |first: usize| {
        let document = format!(
            "{{ nodes(first: {first}) {{ nodes {{ name parent {{ name }} history {{ nodes {{ version }} }} \
               ancestors {{ nodes {{ name }} }} neighbours {{ nodes {{ target {{ name history {{ nodes {{ value }} }} }} }} }} \
               fingerprint }} }} \
               asOf(version: \"{before}\") {{ nodes {{ nodes {{ name history {{ nodes {{ version }} }} }} }} }} \
               again: asOf(version: \"{before}\") {{ nodes {{ nodes {{ name }} }} }} \
               search(text: \"red\", k: 5) {{ nodes {{ node {{ parent {{ name }} }} }} }} }}"
        );
        let answered = answered(&engine, &document, Value::Null);
        assert!(answered.response.is_ok(), "{:?}", answered.response.errors);
        answered.lookups
    };
    // What is there, its past, and one version of that.
    assert_eq!((lookups(1), lookups(200)), (3, 3));
}

#[test]
fn only_a_search_has_fingerprints_encoded() {
    let (engine, _directory) = planted();
    let is_encoded = || engine.glance(0).is_encoded();
    assert!(!is_encoded());
    ask(
        &engine,
        "{ nodes { nodes { value fingerprint neighbours { nodes { id } } } } }",
    );
    assert!(!is_encoded());
    ask(&engine, "{ search(text: \"red\") { nodes { distance } } }");
    assert!(is_encoded());
}
