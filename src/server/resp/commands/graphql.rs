//! GRAPHQL: a document over the selected space.

use ladybug_engine::engine::Engine;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::operand::{Arguments, expected};
use crate::query::graphql::Document;

/// The family.
pub const COMMANDS: &[Command] = &[DOCUMENT, SCHEMA];

const DOCUMENT: Command = Command {
    name: "graphql",
    syntax: "document [VARIABLES json] [OPERATION name]",
    arity: -2,
    flags: &[Flag::Write, Flag::Denyoom],
    group: Group::Query,
    since: "0.1.0",
    summary: "Executes a GraphQL document over the selected space: a query sees one moment, a mutation is one commit. \
              Answers GraphQL's response as JSON, with data, errors or both",
    complexity: "O(N) where N is the number of nodes that the document looks at",
    handler: Handler::Search(execute),
    ..Command::DEFAULT
};

const SCHEMA: Command = Command {
    name: "graphql.schema",
    syntax: "",
    arity: 1,
    flags: &[Flag::Readonly],
    group: Group::Query,
    since: "0.1.0",
    summary: "The schema of GraphQL over the selected space, in GraphQL's schema definition language: the types of \
              every space, and one for each kind of its nodes",
    complexity: "O(N) where N is the number of nodes that changed since it was last asked for",
    handler: Handler::Search(schema),
    ..Command::DEFAULT
};

fn schema(_: &Engine, context: &Context, _: &[&[u8]]) -> Result<Reply, CommandError> {
    let (sdl, position) = context.server().graphql.sdl(context.selected());
    context.reveal(position);
    Ok(Reply::bulk(sdl))
}

fn execute(_: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let mut document = Document {
        text: arguments.text("a document")?.to_owned(),
        cancel: context.caller.flag(),
        ..Document::default()
    };
    while let Some(option) = arguments.option(&["VARIABLES", "OPERATION"])? {
        match option {
            "VARIABLES" => {
                let json = arguments.take("a JSON object")?;
                document.variables = serde_json::from_slice(json)
                    .ok()
                    .filter(serde_json::Value::is_object)
                    .ok_or_else(|| expected("VARIABLES to be a JSON object", json))?;
            }
            _ => document.operation = Some(arguments.text("an operation's name")?.to_owned()),
        }
    }
    let graphql = &context.server().graphql;
    let answered = graphql.execute(context.selected(), document);
    context.reveal(answered.position);
    let json = answered.json().to_string();
    context.happened(answered.events);
    Ok(Reply::bulk(json))
}
