//! A schema, put together: what every space has, and the types of its kinds.

use std::collections::HashSet;

use async_graphql::dynamic::{Enum, Object, Scalar, Schema, SchemaError};

use super::bounds::NESTING_MAX;
use super::edge::{self, EdgeAt};
use super::history::{self, ChangeAt};
use super::node::{self, NodeAt};
use super::query::{self, Found};
use super::types::PLAIN;
use super::{input, mutation, order, page, path, respond};

/// The names that no kind's type can have: they are those of every schema, and GraphQL's own.
pub fn reserved() -> HashSet<String> {
    const NAMES: [&str; 38] = [
        "Boolean",
        "Change",
        "ChangeConnection",
        "ChangeItem",
        "Direction",
        "Edge",
        "EdgeConnection",
        "EdgeItem",
        "Float",
        "Hit",
        "HitConnection",
        "HitItem",
        "ID",
        "Int",
        "JSON",
        "Long",
        "Moment",
        "Mutation",
        "Node",
        "NodeConnection",
        "NodeFilter",
        "NodeItem",
        "NodeKey",
        "NodeOrder",
        "NodeRef",
        "PageInfo",
        "Path",
        PLAIN,
        "Qualia",
        "QualiaInput",
        "Query",
        "Sort",
        "String",
        "Subscription",
        "Truth",
        "TruthInput",
        "Upload",
        "Zone",
    ];
    NAMES.map(str::to_owned).into()
}

/// The schema in which nodes have these types beside the plain one; with `Long` if any of them has that, since
/// introspection shows no scalar that nothing has.
///
/// # Errors
/// Two types have one name.
pub fn build(kinds: Vec<Object>, has_long: bool) -> Result<Schema, SchemaError> {
    // Depth is looked at before, with what may be said of it.
    let mut schema = Schema::build("Query", Some("Mutation"), None)
        .limit_recursive_depth(2 * NESTING_MAX)
        .extension(respond::Errors)
        .register(Scalar::new("JSON").description("Any JSON value"))
        .register(Enum::new("Zone").item("FLUID").item("NODE"))
        .register(Enum::new("Direction").item("OUTGOING").item("INCOMING"))
        .register(order::key_type())
        .register(order::order_type())
        .register(order::sort_type())
        .register(input::filter_type())
        .register(input::reference_type())
        .register(input::truth_type())
        .register(input::qualia_type())
        .register(node::truth())
        .register(node::qualia())
        .register(node::interface())
        .register(node::object(PLAIN).description("A node that has no kind with a type of its own"))
        .register(edge::object())
        .register(history::object())
        .register(path::object())
        .register(query::hit())
        .register(page::info())
        .register(mutation::object())
        .register(query::moment_object())
        .register(query::object());
    if has_long {
        let long = Scalar::new("Long");
        schema = schema.register(long.description("A whole number of 64 bits, as text in decimal"));
    }
    let connections = [
        page::objects::<NodeAt>("NodeConnection", "NodeItem", "Node"),
        page::objects::<EdgeAt>("EdgeConnection", "EdgeItem", "Edge"),
        page::objects::<ChangeAt>("ChangeConnection", "ChangeItem", "Change"),
        page::objects::<Found>("HitConnection", "HitItem", "Hit"),
    ];
    for object in connections.into_iter().flatten().chain(kinds) {
        schema = schema.register(object);
    }
    schema.finish()
}
