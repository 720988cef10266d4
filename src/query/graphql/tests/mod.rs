//! GraphQL over a real engine.

mod documents;
mod mutations;
mod queries;
mod types;

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
