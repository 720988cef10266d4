//! GRAPHQL: a document over the selected space.

use ladybug_engine::engine::Engine;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::notify::Class;
use super::super::reply::Reply;
use super::operand::{Arguments, expected};
use crate::query::graphql::{self, Document, What};

/// The family.
pub const COMMANDS: &[Command] = &[Command {
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
}];

fn execute(_: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let mut arguments = Arguments::new(request);
    let mut document = Document {
        text: arguments.text("a document")?.to_owned(),
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
    let engine = &context.server().engine;
    let answered = graphql::execute(engine, context.selected(), document);
    context.reveal(answered.position);
    for change in &answered.changes {
        let (class, event) = match change.what {
            What::New => (Class::New, "new"),
            What::Value => (Class::String, "set"),
            What::Fields => (Class::Hash, "hset"),
            What::Expires => (Class::Generic, "expire"),
            What::Persists => (Class::Generic, "persist"),
            What::Deleted => (Class::Generic, "del"),
        };
        context.notify(class, event, &change.name);
    }
    let json = answered.json().to_string();
    context.lost(answered.gone);
    Ok(Reply::bulk(json))
}
