//! Every write leaves behind what its statements leave: two machines of the same history go through the same calls, one by
//! kernels, the other by statements.

use std::collections::HashMap;

use ladybug::cam::{Class, Method, Reading, prepare};
use ladybug::query::cypher::Statement;
use ladybug::query::cypher::census::Unknown;
use ladybug::query::cypher::execute::{Access, Limits};
use ladybug::query::cypher::memory::Alone;
use ladybug::query::cypher::procedures::BuiltIn;
use ladybug::query::cypher::value::Map;
use ladybug::query::graphql::Document;

use super::Machine;
use super::translations::{Known, arguments, differences};
use crate::random::Random;

/// Calls of each operation in each of its scopes.
const TRIES: usize = 4;

/// Without versions and ids in what is noted of derivations: statements are more commits than their call.
const NODES: &str = "SELECT name, value, \
                     regexp_replace(properties, '(\"memory:(felt|moved|made)\":\\[\\[\"[A-Z.]+\"),[0-9]+,\\[[0-9]*\\],\\[[0-9]*\\]', '\\1', 'g'), kinds, zone, expires IS NULL, fingerprint, CAST(frequency AS DOUBLE), \
                     CAST(confidence AS DOUBLE), evidence, CAST(qualia[1] AS DOUBLE), CAST(qualia[2] AS DOUBLE), \
                     CAST(qualia[3] AS DOUBLE), CAST(qualia[4] AS DOUBLE), CAST(qualia[5] AS DOUBLE), \
                     CAST(qualia[6] AS DOUBLE), CAST(qualia[7] AS DOUBLE), CAST(qualia[8] AS DOUBLE), rung FROM nodes \
                     ORDER BY name, value, fingerprint";
const EDGES: &str = "SELECT s.name, e.verb, t.name, CAST(e.frequency AS DOUBLE), CAST(e.confidence AS DOUBLE), \
                     cardinality(e.evidence), CAST(e.weight AS DOUBLE), \
                     regexp_replace(regexp_replace(e.properties, '\"(version|before)\":[0-9]+', '', 'g'), '\"(premises|versions)\":\\[[0-9]+\\]', '', 'g') \
                     FROM edges e JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target \
                     ORDER BY 1, 2, 3, 4, 5, 6, 7, 8";

/// The statements that a call amounts to, if its arguments are right.
fn statements(machine: &Machine, method: &Method, words: &[&[u8]]) -> Option<Vec<String>> {
    let host = machine.host();
    let reading = Reading::new(&host);
    let call = prepare(method, words, &reading).ok()?;
    let Class::Write(translation) = method.operation.class else {
        panic!("{method} does not write");
    };
    Some(translation(&call).split(";\n").map(str::to_owned).collect())
}

/// Writes that are commands of the engine as a whole: `temporal` compares those through the server.
const ENGINE_WIDE: [&str; 4] = ["CHECKPOINT", "ROLLBACK", "FORK", "MERGE"];

/// Runs a statement, in SQL, Cypher or GraphQL.
fn change(machine: &Machine, statement: &str) {
    if let Some(command) = statement.strip_prefix("GRAPHQL ") {
        let (text, variables) = command
            .split_once(" VARIABLES ")
            .unwrap_or((command, "null"));
        let document = Document {
            text: text.to_owned(),
            variables: serde_json::from_str(variables).expect("variables are JSON"),
            ..Document::default()
        };
        let answered = machine.graphql.execute(0, document);
        assert!(answered.response.is_ok(), "{statement}: {answered:?}");
        return;
    }
    if !["MATCH ", "CREATE ", "MERGE "]
        .iter()
        .any(|word| statement.starts_with(word))
    {
        return machine.change(statement);
    }
    let prepared = Statement::prepare(statement, &Map::new(), &BuiltIn, &Unknown)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    let outcome = machine.engine().commit(&[0], |tx| {
        prepared.run(Access::Write(tx), &Alone, Limits::default())
    });
    outcome
        .value
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

#[test]
fn writes_leave_what_their_statements_leave() {
    let (one, other) = (Machine::filled(2), Machine::filled(2));
    [&one, &other].into_iter().for_each(super::meta::parents);
    let mut random = Random(5);
    let mut done: HashMap<&str, usize> = HashMap::new();
    let writes = || {
        Method::all().filter(|method| {
            let is_of_engine =
                method.family.name == "TEMPORAL" && ENGINE_WIDE.contains(&method.operation.name);
            matches!(method.operation.class, Class::Write(_))
                && method.mode.code() < 4
                && !is_of_engine
        })
    };
    // Of arguments taken at random some are refused: go on until each was done.
    for round in 0..10 * TRIES {
        for method in writes() {
            if round >= TRIES && done.contains_key(method.operation.name) {
                continue;
            }
            let known = Known::new(&one, method.mode.scope).by_name();
            let mut words = arguments(method.operation, &known, &mut random);
            // Names that are free, and that are taken.
            if ["name", "class"].contains(&method.operation.arguments[0].name) {
                words[0] = match random.below(2) {
                    0 => format!("O'Neil {}", random.below(1 << 40)).into_bytes(),
                    _ => known.name(&mut random),
                };
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let shown: Vec<_> = words
                .iter()
                .map(|word| String::from_utf8_lossy(word))
                .collect();
            let what = format!("{method} {shown:?}");
            let before = statements(&other, &method, &words);
            let version = one.engine().state(0).0.version();
            match one.call(&method, &words) {
                // Nothing was changed on either.
                Err(_) => {
                    assert_eq!(one.engine().state(0).0.version(), version, "{what}");
                    continue;
                }
                Ok(_) => {
                    *done.entry(method.operation.name).or_default() += 1;
                    for statement in before.expect("what is run can be prepared") {
                        change(&other, &statement);
                    }
                }
            }
            for state in [NODES, EDGES] {
                let (a, b) = (one.query(state), other.query(state));
                let schema = a.first().map(|batch| batch.schema());
                let Some(schema) = schema else { continue };
                let a = arrow::compute::concat_batches(&schema, &a).expect("one schema");
                differences(&a, &b).unwrap_or_else(|error| panic!("{what}: {error}"));
            }
        }
    }
    for method in writes() {
        let name = method.operation.name;
        assert!(done.contains_key(name), "{name} was never done");
    }
}
