//! Executes arbitrary text as a GraphQL document over a small memory: nothing panics, every answer is one as the
//! specification has it, and only mutations change something.
//!
//! The text is the document; without what is not UTF-8.

use std::sync::{Arc, LazyLock};

use ladybug::query::graphql::{Document, Graphql, Limits};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::storage::SimulatedStorage;

struct Memory {
    engine: Arc<Engine>,
    graphql: Graphql,
}

static MEMORY: LazyLock<Memory> = LazyLock::new(|| {
    let storage = Arc::new(SimulatedStorage::new(0));
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
    let engine = Arc::new(engine.expect("a memory"));
    let graphql = Graphql::new(Arc::clone(&engine), Limits::default());
    let planted = graphql.execute(
        0,
        Document {
            text: "mutation { \
                   a: set(node: {name: \"red\"}, value: \"r\", kinds: [\"Word\"], fields: {n: 1}) { id } \
                   b: set(node: {name: \"blue\"}, value: \"b\", parent: {name: \"red\"}) { id } \
                   c: link(source: {name: \"red\"}, verb: \"RELATES\", target: {name: \"blue\"}) { id } }"
                .to_owned(),
            ..Document::default()
        },
    );
    assert!(planted.response.is_ok(), "{:?}", planted.response.errors);
    Memory { engine, graphql }
});

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    let Memory { engine, graphql } = &*MEMORY;
    let text = String::from_utf8_lossy(data).into_owned();
    let version = |engine: &Engine| engine.glance(0).state.version();
    let before = version(engine);
    let may_change = text.contains("mutation");
    let answered = graphql.execute(
        0,
        Document {
            text,
            ..Document::default()
        },
    );
    let json = answered.json();
    assert_eq!(json.get("data").is_some(), answered.is_executed);
    assert!(answered.is_executed || json["errors"].is_array(), "{json}");
    if !may_change || json.get("errors").is_some() {
        assert_eq!(version(engine), before, "{json}");
        assert!(answered.events.is_empty());
    }
    assert!(engine.transactions().is_empty());
}
