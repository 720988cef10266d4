//! GRAPHQL: a document over the selected space.

use ladybug_engine::engine::Engine;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, expected};
use crate::query::graphql;

/// The family.
pub const COMMANDS: &[Command] = &[Command {
    name: "graphql",
    syntax: "document [VARIABLES json]",
    arity: -2,
    flags: &[Flag::Readonly],
    group: Group::Query,
    since: "0.1.0",
    summary: "Executes a GraphQL document that reads the selected space, all of it at one moment; answers GraphQL's \
              response as JSON, with data or errors",
    complexity: "O(N) where N is the number of nodes that the document looks at",
    handler: Handler::Search(execute),
    ..Command::DEFAULT
}];

fn execute(engine: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let document = arguments.text("a document")?;
    let mut variables = serde_json::Value::Null;
    while arguments.option(&["VARIABLES"])?.is_some() {
        let json = arguments.take("a JSON object")?;
        variables = serde_json::from_slice(json)
            .ok()
            .filter(serde_json::Value::is_object)
            .ok_or_else(|| expected("VARIABLES to be a JSON object", json))?;
    }
    let (response, position) = graphql::execute(engine, context.selected(), document, variables);
    context.reveal(position);
    let json = serde_json::to_vec(&response);
    let json =
        json.map_err(|error| CommandError::err(format!("the response is no JSON: {error}")))?;
    Ok(Reply::bulk(json))
}
