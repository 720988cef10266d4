//! Changes: all of a document or nothing.

use super::*;

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
