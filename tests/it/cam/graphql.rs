//! GRAPHQL: operations beside the documents that ask for the same, scopes, refusals, and types beside introspection.

use ladybug::cam::{Host, Method};
use ladybug::query::graphql::Limits;
use serde_json::{Value, json};

use super::{Machine, cells, only};

const SCOPES: [&str; 3] = ["all", "fluid", "node"];

/// The data of a query in a scope, through the family.
#[track_caller]
fn ask_with(machine: &Machine, scope: &str, document: &str, variables: &Value) -> Value {
    let method = Method::of_name("GRAPHQL.QUERY").expect("a method");
    let variables = variables.to_string();
    let words = [document, &variables, "SCOPE", scope].map(str::as_bytes);
    let rows = machine.call(&method, &words);
    let rows = cells(&rows.unwrap_or_else(|error| panic!("{document}: {error}")));
    assert_eq!(rows[0][1], "NULL", "{document}");
    serde_json::from_str(&rows[0][0]).expect("JSON")
}

#[track_caller]
fn ask(machine: &Machine, scope: &str, document: &str) -> Value {
    ask_with(machine, scope, document, &json!({}))
}

/// The edges of a connection: cursor, and what is at a pointer of each node.
fn edges(connection: &Value, pointers: &[&str]) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let edges = connection["edges"].as_array().expect("edges").iter();
    let edge = |edge: &Value| {
        let parts = pointers.iter().map(|pointer| {
            let part = edge["node"].pointer(pointer).unwrap_or(&Value::Null);
            text(part)
        });
        [text(&edge["cursor"])].into_iter().chain(parts).collect()
    };
    edges.map(edge).collect()
}

/// Columns of the rows of a line.
fn columns(machine: &Machine, line: &str, places: &[usize]) -> Vec<Vec<String>> {
    let rows = cells(&machine.line(line)).into_iter();
    rows.map(|row| places.iter().map(|at| row[*at].clone()).collect())
        .collect()
}

#[test]
fn connections_have_the_rows_and_cursors_of_the_documents_that_ask_for_them() {
    let machine = Machine::filled(1);
    super::meta::parents(&machine);
    for scope in SCOPES {
        let (mut after, mut pages) = (Value::Null, 0);
        loop {
            let data = ask_with(
                &machine,
                scope,
                "query($after: String) { nodes(first: 7, after: $after) { edges { cursor node { id name } } \
                 pageInfo { hasNextPage endCursor } } }",
                &json!({ "after": after }),
            );
            let page = &data["nodes"];
            let after_word = after.as_str().unwrap_or_default().to_owned();
            let line = format!("GRAPHQL.NODES 7 {after_word} SCOPE {scope}");
            assert_eq!(
                columns(&machine, &line, &[0, 1, 3]),
                edges(page, &["/id", "/name"])
            );
            let follows = columns(&machine, &line, &[4]);
            let last = follows.last().expect("a page has rows");
            let info = &page["pageInfo"];
            assert_eq!(last[0], info["hasNextPage"].to_string(), "{line}");
            (after, pages) = (info["endCursor"].clone(), pages + 1);
            if info["hasNextPage"] == false {
                break;
            }
        }
        assert!(pages > 1);
        let data = ask(
            &machine,
            scope,
            "{ search(text: \"web server\", k: 20) { edges { cursor node { distance node { id name } } } } }",
        );
        assert_eq!(
            columns(
                &machine,
                &format!("GRAPHQL.SEARCH \"web server\" 20 SCOPE {scope}"),
                &[0, 4, 1, 3]
            ),
            edges(&data["search"], &["/distance", "/node/id", "/node/name"])
        );
        let condition = match scope {
            "all" => "true".to_owned(),
            zone => format!("zone = '{zone}'"),
        };
        let mut compared = [0; 3];
        for id in machine.texts(&format!(
            "SELECT id FROM nodes WHERE {condition} ORDER BY id"
        )) {
            let data = ask_with(
                &machine,
                scope,
                "query($id: ID) { node(id: $id) { children { edges { cursor node { id } } } \
                 ancestors { edges { cursor node { id } } } parent { id } \
                 neighbours(first: 3) { edges { cursor node { id verb target { id name } } } } } }",
                &json!({ "id": id }),
            );
            let node = &data["node"];
            let line = |operation: &str, more: &str| {
                format!("GRAPHQL.{operation} #{id} {more} SCOPE {scope}")
            };
            let children = columns(&machine, &line("CHILDREN", ""), &[0, 1]);
            let ancestors = columns(&machine, &line("ANCESTORS", ""), &[0, 1]);
            let neighbours = columns(&machine, &line("EDGES", "3"), &[0, 1, 2, 3, 5]);
            assert_eq!(children, edges(&node["children"], &["/id"]), "{id}");
            assert_eq!(ancestors, edges(&node["ancestors"], &["/id"]), "{id}");
            let parts = ["/id", "/verb", "/target/id", "/target/name"];
            assert_eq!(neighbours, edges(&node["neighbours"], &parts), "{id}");
            for (compared, rows) in compared.iter_mut().zip([children, ancestors, neighbours]) {
                *compared += rows.len();
            }
        }
        assert!(
            compared.iter().all(|rows| *rows > 0),
            "{scope}: {compared:?}"
        );
    }
}

#[test]
fn a_node_and_figures_of_kinds_are_what_documents_tell() {
    let machine = Machine::filled(2);
    super::meta::parents(&machine);
    for scope in SCOPES {
        let data = ask(
            &machine,
            scope,
            "{ nodes { nodes { id address zone name kinds rung depth version parent { id } truth { frequency } \
             fingerprint fields ... on Thing { born } } } }",
        );
        let nodes = data["nodes"]["nodes"].as_array().expect("nodes");
        for node in nodes {
            let id = node["id"].as_str().expect("an id");
            let row = &cells(&machine.line(&format!("GRAPHQL.NODE #{id} SCOPE {scope}")))[0];
            let or_null = |value: &Value| value.as_str().unwrap_or("NULL").to_owned();
            let address: u16 = row[1].parse().expect("an address");
            assert_eq!(format!("@{address:04X}"), node["address"], "{id}");
            assert_eq!(row[2].to_uppercase(), node["zone"], "{id}");
            assert_eq!(row[3], or_null(&node["name"]), "{id}");
            assert_eq!(row[9], node["rung"].to_string(), "{id}");
            assert_eq!(row[10], node["depth"].to_string(), "{id}");
            assert_eq!(row[12], node["version"], "{id}");
            assert_eq!(row[15], or_null(&node["fingerprint"]), "{id}");
            if scope == "all" {
                assert_eq!(row[11], or_null(&node["parent"]["id"]), "{id}");
            }
            match &node["fields"] {
                Value::Null => assert_eq!(row[6], "NULL"),
                fields => assert_eq!(row[6].parse::<Value>().expect("JSON"), *fields),
            }
        }
        let born: Vec<f64> = nodes
            .iter()
            .filter_map(|node| node["born"].as_f64())
            .collect();
        let things = nodes
            .iter()
            .filter(|node| node["kinds"].to_string().contains("\"Thing\""));
        let figures =
            &cells(&machine.line(&format!("GRAPHQL.AGGREGATE Thing born SCOPE {scope}")))[0];
        let things = things.count();
        assert_eq!(figures[0], things.to_string());
        assert_eq!(figures[1], born.len().to_string());
        let sum: f64 = born.iter().sum();
        for (figure, expected) in figures[4..].iter().zip([
            sum,
            sum / born.len() as f64,
            born.iter().copied().fold(f64::MAX, f64::min),
            born.iter().copied().fold(f64::MIN, f64::max),
        ]) {
            assert_eq!(figure.parse::<f64>().expect("a number"), expected);
        }
        let counts = cells(&machine.line(&format!("GRAPHQL.COUNTS SCOPE {scope}")));
        assert!(counts.contains(&vec!["Thing".to_owned(), things.to_string()]));
        let all: usize = counts
            .iter()
            .map(|row| row[1].parse::<usize>().expect("a count"))
            .sum();
        assert_eq!(all, nodes.len(), "every node has at most one kind here");
    }
    machine.change("INSERT INTO nodes (name, kinds, properties) VALUES ('odd', make_array('Odd'), '{\"n\":\"1e400\"}')");
    machine.change("INSERT INTO nodes (name, kinds, properties) VALUES ('even', make_array('Odd'), '{\"n\":\"2.5\"}')");
    let figures = cells(&machine.line("GRAPHQL.AGGREGATE Odd n"));
    assert_eq!(figures[0], ["2", "2", "2", "1", "2.5", "2.5", "2.5", "2.5"]);
    let none = cells(&machine.line("GRAPHQL.AGGREGATE Nothing n"));
    assert_eq!(
        none[0],
        ["0", "0", "0", "0", "NULL", "NULL", "NULL", "NULL"]
    );
}

#[test]
fn a_document_sees_the_nodes_of_the_scope_and_the_edges_between_them_also_in_the_past() {
    let machine = Machine::filled(1);
    super::meta::parents(&machine);
    let version = machine.engine().state(0).0.version();
    machine.change("DELETE FROM nodes WHERE name = 'robin_node'");
    machine.change("UPDATE nodes SET expires = now() + INTERVAL '1 hour' WHERE name = 'bird_node'");
    let count = |scope: &str, version: u64| {
        let document = format!(
            "{{ asOf(version: \"{version}\") {{ nodes(first: 1000) {{ nodes {{ id }} }} }} }}"
        );
        let data = ask(&machine, scope, &document);
        let nodes = data["asOf"]["nodes"]["nodes"].as_array();
        nodes.expect("nodes").len()
    };
    for zone in ["fluid", "node"] {
        let rows = |table: &str| {
            only(&machine.line(&format!(
                "SQL.QUERY \"SELECT count(*) AS n FROM {table} WHERE zone = '{zone}'\""
            )))
        };
        let then = format!("as_of('nodes', {version})");
        assert_eq!(count(zone, version).to_string(), rows(&then));
        let now = machine.engine().state(0).0.version();
        assert_eq!(count(zone, now).to_string(), rows("nodes"));
    }
    // It moved into the fluid zone: each scope has the part of its history that was there.
    let changes = |scope: &str, when: u64| {
        let document = format!(
            "{{ asOf(version: \"{when}\") {{ node(name: \"bird_node\") {{ history {{ nodes {{ zone }} }} }} }} }}"
        );
        ask(&machine, scope, &document)["asOf"]["node"]["history"]["nodes"].to_string()
    };
    let now = machine.engine().state(0).0.version();
    assert_eq!(changes("fluid", now), "[{\"zone\":\"FLUID\"}]");
    assert!(!changes("node", version).contains("FLUID"));
    assert!(changes("all", now).contains("FLUID") && changes("all", now).contains("NODE"));
    let nobody = ask(
        &machine,
        "surface",
        "{ nodes { nodes { id } } search(text: \"bird\") { nodes { distance } } }",
    );
    assert_eq!(
        nobody,
        json!({ "nodes": { "nodes": [] }, "search": { "nodes": [] } })
    );
    let words = machine.line("GRAPHQL.NODES 2 SCOPE surface");
    assert_eq!(cells(&words)[0][3], "LANCE.SCAN");
}

#[test]
fn a_query_reads_and_a_mutation_changes_and_neither_does_the_other() {
    let machine = Machine::new();
    let run = |name: &str, words: &[&str]| {
        let method = Method::of_name(name).expect("a method");
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        machine.call(&method, &words)
    };
    let made = run(
        "GRAPHQL.MUTATION",
        &[
            "mutation($name: String) { set(node: {name: $name}, kinds: [\"Person\"], fields: {born: 1815}) { name version } }",
            "{\"name\":\"ada\"}",
        ],
    );
    assert_eq!(
        cells(&made.expect("it is made")),
        [["{\"set\":{\"name\":\"ada\",\"version\":\"1\"}}", "NULL"]]
    );
    let partly = run(
        "GRAPHQL.QUERY",
        &["{ good: node(name: \"ada\") { name } bad: node { name } }"],
    );
    let partly = cells(&partly.expect("a part of it is answered"));
    assert_eq!(partly[0][0], "{\"bad\":null,\"good\":{\"name\":\"ada\"}}");
    let errors: Value = partly[0][1].parse().expect("JSON");
    assert_eq!(errors[0]["path"], json!(["bad"]));
    for (name, words, message) in [
        (
            "GRAPHQL.QUERY",
            &["mutation { delete(node: {name: \"ada\"}) }"][..],
            "doc: expected a query, and this is a mutation: it changes nodes or edges, at line 1, column 1",
        ),
        (
            "GRAPHQL.MUTATION",
            &["\n query { version }"],
            "doc: expected a mutation, and this is a query: it changes nothing, at line 2, column 2",
        ),
        (
            "GRAPHQL.QUERY",
            &["{ nope }"],
            "doc: Unknown field \"nope\"",
        ),
        (
            "GRAPHQL.QUERY",
            &["{ version } extra"],
            "doc: expected EOI or executable_definition, at line 1, column 13",
        ),
        (
            "GRAPHQL.QUERY",
            &["subscription { version }"],
            "doc: Schema is not configured for subscriptions, at line 1, column 1",
        ),
        (
            "GRAPHQL.QUERY",
            &["{ version }", "[1]"],
            "variables: expected a JSON object",
        ),
        (
            "GRAPHQL.QUERY",
            &["{ nodes(first: -1) { nodes { id } } }"],
            "doc: first is a number from 0 to 1000",
        ),
        (
            "GRAPHQL.MUTATION",
            &[
                "mutation { a: set(node: {name: \"new\"}, value: \"x\") { id } b: set(node: {name: \"other\"}, rung: 99) { id } }",
            ],
            "doc: rung is a number from 0 to",
        ),
        (
            "GRAPHQL.MUTATION",
            &[
                "mutation { delete(node: {name: \"ada\"}) }",
                "SCOPE",
                "node",
            ],
            "SCOPE: expected all, got node",
        ),
        (
            "GRAPHQL.SCHEMA",
            &["SCOPE", "node"],
            "SCOPE: expected all, got node: it reads no stored rows",
        ),
        ("GRAPHQL.FIELDS", &["Nope"], "type: expected one of the "),
        (
            "GRAPHQL.NODES",
            &["1", "8000"],
            "after: expected the cursor of an item such as 0000000000008000, got '8000'",
        ),
        (
            "GRAPHQL.EXPLAIN",
            &["{ nope }"],
            "doc: Unknown field \"nope\"",
        ),
    ] {
        let before = machine.engine().state(0).0.version();
        let refused = run(name, words).expect_err(name);
        let expected = format!("CAM.{name}: {message}");
        assert!(refused.starts_with(&expected), "{words:?}: {refused}");
        assert_eq!(machine.engine().state(0).0.version(), before);
    }
    let placed = run("GRAPHQL.QUERY", &["{\n  nope }"]).expect_err("it is refused");
    assert!(placed.contains("at line 2, column 3"), "{placed}");
    assert_eq!(machine.texts("SELECT name FROM nodes"), ["ada"]);
}

#[test]
fn types_and_fields_are_those_of_introspection() {
    let machine = Machine::filled(1);
    let (sdl, _) = machine.graphql.sdl(0);
    assert_eq!(only(&machine.line("GRAPHQL.SCHEMA")), sdl);
    let whole: Value = only(&machine.line("GRAPHQL.INTROSPECT"))
        .parse()
        .expect("JSON");
    let types = whole["__schema"]["types"].as_array().expect("types");
    let own: Vec<&Value> = types
        .iter()
        .filter(|of| {
            let name = of["name"].as_str().expect("a name");
            let built_in = ["Boolean", "Float", "ID", "Int", "String"].contains(&name);
            !built_in && !name.starts_with("__")
        })
        .collect();
    let rows = cells(&machine.line("GRAPHQL.TYPES"));
    assert_eq!(rows.len(), own.len());
    assert!(rows.is_sorted());
    fn spelled(of: &Value) -> String {
        match of["kind"].as_str() {
            Some("NON_NULL") => spelled(&of["ofType"]) + "!",
            Some("LIST") => format!("[{}]", spelled(&of["ofType"])),
            _ => of["name"].as_str().expect("a name").to_owned(),
        }
    }
    for row in &rows {
        let of = own.iter().find(|of| of["name"] == row[0]);
        let of = of.unwrap_or_else(|| panic!("{} is not there", row[0]));
        assert_eq!(row[1], of["kind"], "{}", row[0]);
        assert_eq!(
            row[4],
            of["description"].as_str().unwrap_or("NULL"),
            "{}",
            row[0]
        );
        let list = |name: &str| of[name].as_array().cloned().unwrap_or_default();
        let parts = [list("fields"), list("inputFields"), list("enumValues")].concat();
        assert_eq!(row[3], parts.len().to_string(), "{}", row[0]);
        let fields = cells(&machine.line(&format!("GRAPHQL.FIELDS {}", row[0])));
        assert_eq!(fields.len(), parts.len(), "{}", row[0]);
        for (field, part) in fields.iter().zip(&parts) {
            assert_eq!(field[0], part["name"], "{}", row[0]);
            let of = match &part["type"] {
                Value::Null => "NULL".to_owned(),
                of => spelled(of),
            };
            assert_eq!(field[1], of, "{}.{}", row[0], field[0]);
            let arguments = part["args"].as_array().cloned().unwrap_or_default();
            let named = field[2].matches(": ").count();
            assert_eq!(
                named,
                arguments.len(),
                "{}.{}: {}",
                row[0],
                field[0],
                field[2]
            );
        }
    }
    assert!(
        rows.iter()
            .any(|row| row[0] == "Thing" && row[2] == "Thing")
    );
    // Whatever documents may cost.
    let graphql = ladybug::query::graphql::Graphql::new(
        std::sync::Arc::clone(&machine.shared),
        Limits {
            complexity_max: 1,
            depth_max: 1,
            ..Limits::default()
        },
    );
    let host = Host {
        graphql: &graphql,
        ..machine.host()
    };
    let method = Method::of_name("GRAPHQL.INTROSPECT").expect("a method");
    let outcome = ladybug::cam::run(&host, &method, &[]);
    assert_eq!(
        only(&outcome.value.expect("it is answered"))
            .parse::<Value>()
            .expect("JSON"),
        whole
    );
}

#[test]
fn what_is_wrong_with_a_document_is_told_and_what_it_would_do_and_nothing_is_run() {
    let machine = Machine::filled(1);
    let before = machine.engine().state(0).0.version();
    let run = |name: &str, document: &str| {
        let method = Method::of_name(name).expect("a method");
        machine.call(&method, &[document.as_bytes()])
    };
    let wrong = |document: &str| cells(&run("GRAPHQL.VALIDATE", document).expect("rows"));
    for valid in [
        "{ version }",
        "query($name: String!) { node(name: $name) { id } }",
        "query A { version } query B { committed }",
        "mutation { delete(node: {name: \"robin_node\"}) }",
    ] {
        assert!(wrong(valid).is_empty(), "{valid}: {:?}", wrong(valid));
    }
    let two = wrong("query A { nope }\nquery B { other }");
    let places: Vec<&[String]> = two.iter().map(|row| &row[1..]).collect();
    assert_eq!(places, [["1", "11"], ["2", "11"]]);
    assert_eq!(wrong("{")[0][1], "1");
    assert!(wrong(&"{a".repeat(100))[0][0].contains("brackets nest"));
    let planned = run(
        "GRAPHQL.EXPLAIN",
        "query Some { found: nodes(first: 2) { nodes { ...Named } } __typename } \
         mutation { delete(node: {name: \"robin_node\"}) } fragment Named on Node { name parent { id } }",
    );
    // An anonymous operation stands alone.
    assert!(planned.is_err());
    let planned = run(
        "GRAPHQL.EXPLAIN",
        "query Some { found: nodes(first: 2) { nodes { ...Named } } __typename } \
         mutation Gone { delete(node: {name: \"robin_node\"}) } fragment Named on Node { name parent { id } }",
    );
    let planned = cells(&planned.expect("it is valid"));
    assert_eq!(planned[0][..6], ["query", "Some", "6", "1000", "4", "24"]);
    assert_eq!(
        planned[0][10],
        "[found = nodes(first: 2): NodeConnection!, found.nodes: [Node!]!, found.nodes.name: String, \
         found.nodes.parent: Node, found.nodes.parent.id: ID!, __typename]"
    );
    assert_eq!(
        planned[1][..6],
        ["mutation", "Gone", "1", "1000", "1", "24"]
    );
    assert_eq!(machine.engine().state(0).0.version(), before);
}

#[test]
fn a_query_in_a_program_sees_what_its_steps_have_done() {
    let machine = Machine::filled(1);
    machine.line(
        "DEFINE 0x0F12 kept (name doc) \"LANCE.INSERT $name TEXT bird\" \"CYPHER.SET KEY $name {}\" \"GRAPHQL.QUERY $doc\"",
    );
    let method = ladybug::cam::Called::parse(b"USER.KEPT").expect("a program");
    let document =
        "{ node(name: \"fresh\") { name version address history { nodes { changed } } } }";
    let answered = machine.called(&method, &[b"fresh", document.as_bytes()]);
    let rows = cells(&answered.expect("it runs"));
    let data: Value = rows[0][0].parse().expect("JSON");
    assert_eq!(data["node"]["name"], "fresh", "{data}");
    assert!(
        data["node"]["version"].is_string() && data["node"]["address"].is_string(),
        "{data}"
    );
    let refused = machine.refusal("DEFINE 0x0F13 never (doc) \"GRAPHQL.MUTATION $doc\"");
    assert!(refused.contains("commits by itself"), "{refused}");
}
