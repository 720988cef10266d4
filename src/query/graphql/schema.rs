//! The schema, put together.

use std::sync::LazyLock;

use async_graphql::dynamic::{Enum, EnumItem, Scalar, Schema, SchemaError};

use super::edge::{self, EdgeAt};
use super::node::{self, NodeAt};
use super::{input, mutation, page, query, respond};

/// Deepest nesting of a request's fields.
pub const DEPTH_MAX: usize = 24;
/// Most fields of a request, fragments spread out.
pub const COMPLEXITY_MAX: usize = 1000;

/// The schema of every space.
pub static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| build().expect("invariant: the types are those that tests have built"));

/// The schema in its definition language.
pub fn sdl() -> String {
    SCHEMA.sdl()
}

fn build() -> Result<Schema, SchemaError> {
    let mut schema = Schema::build("Query", Some("Mutation"), None)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .extension(respond::Errors)
        .register(Scalar::new("JSON").description("Any JSON value"))
        .register(
            Enum::new("Zone")
                .item(EnumItem::new("FLUID"))
                .item(EnumItem::new("NODE")),
        )
        .register(
            Enum::new("Direction")
                .item(EnumItem::new("OUTGOING"))
                .item(EnumItem::new("INCOMING")),
        )
        .register(input::filter_type())
        .register(input::reference_type())
        .register(input::truth_type())
        .register(input::qualia_type())
        .register(node::truth())
        .register(node::qualia())
        .register(node::object())
        .register(edge::object())
        .register(query::hit())
        .register(page::info())
        .register(mutation::object())
        .register(query::object());
    for object in page::objects::<NodeAt>("NodeConnection", "NodeItem", "Node") {
        schema = schema.register(object);
    }
    for object in page::objects::<EdgeAt>("EdgeConnection", "EdgeItem", "Edge") {
        schema = schema.register(object);
    }
    schema.finish()
}
