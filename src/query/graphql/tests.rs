//! GraphQL over a real engine.

use std::sync::Arc;

use ladybug_engine::commit::transaction::{Draft, EdgeDraft};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::mutation::Content;
use ladybug_engine::space::verbs::RELATES;
use ladybug_engine::storage::DiskStorage;
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
        ..Document::default()
    };
    over(engine).execute(0, document)
}

fn over(engine: &Arc<Engine>) -> Graphql {
    Graphql::new(Arc::clone(engine), Limits::default())
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
        assert!(answered.events.is_empty(), "{rest}");
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

/// People who know each other, two of whom are something else too.
fn peopled() -> (Arc<Engine>, tempfile::TempDir) {
    let (engine, directory) = planted();
    let answer = ask(
        &engine,
        "mutation { a: set(node: {name: \"ada\"}, kinds: [\"Person\"], fields: {born: 1815, height: 1.7, name: \"Ada\", \
             tags: [\"x\"], big: 9007199254740993, odd: 1}) { id } \
           b: set(node: {name: \"bob\"}, kinds: [\"Person\", \"Old Poet\"], fields: {born: 1788, height: 2, \
             tags: [], big: 1, odd: \"one\", firstName: \"B\"}) { id } \
           c: set(node: {name: \"eve\"}, kinds: [\"Query\"], fields: {isOut: true}) { id } \
           l: link(source: {name: \"ada\"}, verb: \"RELATES\", target: {name: \"bob\"}) { id } \
           m: link(source: {name: \"bob\"}, verb: \"RELATES\", target: {name: \"eve\"}) { id } \
           n: link(source: {name: \"eve\"}, verb: \"CAUSES\", target: {name: \"ada\"}) { id } }",
    );
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    (engine, directory)
}

#[test]
fn every_kind_has_a_type_with_its_fields() {
    let (engine, _directory) = peopled();
    let ask = |document: &str| ask(&engine, document)["data"].clone();
    let types = ask(
        "{ person: __type(name: \"Person\") { interfaces { name } fields { name type { name kind ofType { name } } } } \
           poet: __type(name: \"Old_Poet\") { description } query: __type(name: \"Query_\") { description } }",
    );
    assert_eq!(types["person"]["interfaces"], json!([{ "name": "Node" }]));
    let fields = types["person"]["fields"].as_array().unwrap();
    let type_of = |name: &str| {
        let field = fields.iter().find(|field| field["name"] == name).unwrap();
        let ty = &field["type"];
        ty["name"]
            .as_str()
            .or(ty["ofType"]["name"].as_str())
            .map(|name| format!("{}:{name}", ty["kind"].as_str().unwrap()))
    };
    for (field, ty) in [
        ("born", "SCALAR:Int"),
        ("height", "SCALAR:Float"),
        ("name_", "SCALAR:String"),
        ("tags", "LIST:String"),
        ("big", "SCALAR:Long"),
        ("odd", "SCALAR:JSON"),
        ("name", "SCALAR:String"),
    ] {
        assert_eq!(type_of(field).as_deref(), Some(ty), "{field}");
    }
    assert_eq!(
        types["poet"]["description"],
        "Nodes of the kind \"Old Poet\""
    );
    assert_eq!(types["query"]["description"], "Nodes of the kind \"Query\"");
    let read = "... on Person { born height name_ tags big odd } ... on Old_Poet { firstName } ... on Query_ { isOut }";
    let nodes = ask(&format!(
        "{{ ada: node(name: \"ada\") {{ __typename {read} }} bob: node(name: \"bob\") {{ __typename {read} }} \
            eve: node(name: \"eve\") {{ __typename {read} }} root: nodes(first: 1) {{ nodes {{ __typename }} }} \
            people: nodes(filter: {{kind: \"Person\"}}) {{ nodes {{ __typename {read} }} }} }}"
    ));
    let ada = json!({ "__typename": "Person", "born": 1815, "height": 1.7, "name_": "Ada", "tags": ["x"],
        "big": "9007199254740993", "odd": 1 });
    assert_eq!(nodes["ada"], ada);
    // Of the kind that is first, or that was asked for.
    assert_eq!(
        nodes["bob"],
        json!({ "__typename": "Old_Poet", "firstName": "B" })
    );
    let bob = json!({ "__typename": "Person", "born": 1788, "height": 2.0, "name_": null, "tags": [], "big": "1",
        "odd": "one" });
    assert_eq!(nodes["people"]["nodes"], json!([ada, bob]));
    assert_eq!(
        nodes["eve"],
        json!({ "__typename": "Query_", "isOut": true })
    );
    assert_eq!(nodes["root"]["nodes"][0]["__typename"], "Word");
}

#[test]
fn types_follow_the_memory_and_depend_on_nothing_else() {
    let (engine, _directory) = peopled();
    let graphql = over(&engine);
    let set = |fields: &str| {
        let text =
            format!("mutation {{ set(node: {{name: \"ada\"}}, fields: {fields}) {{ id }} }}");
        let document = Document {
            text,
            ..Document::default()
        };
        assert!(graphql.execute(0, document).response.is_ok());
        graphql.sdl(0).0
    };
    let mut seen = Vec::new();
    for (fields, part) in [
        ("{born: 1815}", "born: Int\n"),
        ("{born: 1815.5}", "born: Float\n"),
        ("{born: \"long ago\"}", "born: JSON\n"),
        ("{}", "born: Int\n"),
    ] {
        let sdl = set(fields);
        let person = sdl.split("type Person ").nth(1).unwrap();
        let person = &person[..person.find('}').unwrap()];
        assert!(person.contains(part), "{fields}: {person}");
        // What was known before makes no difference.
        assert_eq!(sdl, over(&engine).sdl(0).0, "{fields}");
        seen.push(sdl);
    }
    assert_ne!(seen[0], seen[1]);
    let other = graphql.sdl(1).0;
    assert_eq!(other, sdl(), "a space has the types of its own kinds alone");
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
fn a_field_that_was_of_another_type_says_so() {
    let (engine, _directory) = peopled();
    let before = engine.glance(0).state.version();
    for name in ["ada", "bob"] {
        let set = format!(
            "mutation {{ set(node: {{name: \"{name}\"}}, fields: {{born: \"long ago\"}}) {{ id }} }}"
        );
        assert_eq!(ask(&engine, &set)["errors"], Value::Null);
    }
    let read = "node(name: \"ada\") { fields ... on Person { born } }";
    let answer = ask(
        &engine,
        &format!("{{ {read} asOf(version: \"{before}\") {{ {read} }} }}"),
    );
    assert_eq!(answer["data"]["node"]["born"], "long ago");
    let then = &answer["data"]["asOf"]["node"];
    assert_eq!(
        (&then["born"], &then["fields"]["born"]),
        (&Value::Null, &json!(1815))
    );
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("'born'") && message.contains("fields has it"),
        "{message}"
    );
    // Nor does a mutation have the types of what it makes.
    let within =
        "mutation { set(node: {name: \"ada\"}, fields: {born: 1815}) { ... on Person { born } } }";
    assert!(
        ask(&engine, within)["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("'born'")
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

#[test]
fn no_kind_can_take_the_name_of_another_type() {
    let (engine, _directory) = planted();
    let answer = ask(&engine, "{ __schema { types { name } } }");
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    let ours = types.iter().map(|ty| ty["name"].as_str().unwrap());
    let ours: Vec<&str> = ours
        .filter(|name| !name.starts_with("__") && *name != "Word")
        .collect();
    let reserved = schema::reserved();
    for name in &ours {
        assert!(reserved.contains(*name), "{name}");
    }
    let kinds: Vec<String> = ours.iter().map(|name| format!("\"{name}\"")).collect();
    let document = format!(
        "mutation {{ set(node: {{name: \"all\"}}, kinds: [{}], fields: {{id: 1, __typename: 2}}) {{ id }} }}",
        kinds.join(", ")
    );
    assert_eq!(ask(&engine, &document)["errors"], Value::Null);
    let answer = ask(
        &engine,
        "{ node(name: \"all\") { id ... on Boolean_ { id_ _typename } } }",
    );
    assert_eq!(answer["data"]["node"]["id_"], 1, "{answer}");
    assert_eq!(answer["data"]["node"]["_typename"], 2, "{answer}");
}

#[test]
fn the_documents_of_the_page_answer_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::new(directory.path()).unwrap());
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).unwrap();
    let engine = Arc::new(engine);
    let page = include_str!("../../../docs/graphql.md");
    let examples: Vec<&str> = page.split("```graphql\n").skip(1).collect();
    assert!(examples.len() > 3);
    for example in examples {
        let (document, rest) = example.split_once("```\n```json\n").unwrap();
        let (answer, _) = rest.split_once("```").unwrap();
        let expected: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(ask(&engine, document), expected, "{document}");
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
