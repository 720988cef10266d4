//! The instruction set: CAM, and a command for each operation of its table.

use std::sync::LazyLock;
use std::time::Duration;

use arrow::array::RecordBatch;
use ladybug_engine::engine::Engine;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::sql::{cell, rows_reply};
use crate::cam::{CamError, Class, FAMILIES, Family, Form, Host, Method, Operation, mode_of, run};

/// The family of commands, but for those that are made of the table of operations.
pub const COMMANDS: &[Command] = &[Command {
    name: "cam",
    syntax: "method [argument ...]",
    arity: -2,
    flags: &[Flag::Write],
    group: Group::Cam,
    since: "0.1.0",
    summary: "Runs a method by its id (0x0C20, @0C20 or decimal) or its name (VSA.BIND): CAM VSA.BIND a b is \
              CAM.VSA.BIND a b. Trailing SCOPE all, surface, fluid or node says what addresses it reads and answers, \
              FORM rows, count, bundle or plan what comes back",
    complexity: "Depends on the method",
    handler: Handler::Search(by_word),
    ..Command::DEFAULT
}];

/// A command for each operation that there is, made of its entry once.
pub fn operations() -> &'static [Command] {
    static OPERATIONS: LazyLock<Vec<Command>> = LazyLock::new(|| {
        let families = FAMILIES.iter().flatten();
        let all = families.flat_map(|family| {
            let operations = family.operations.iter();
            operations.map(|operation| command(family, operation))
        });
        all.chain(SHORTHANDS.iter().map(shorthand)).collect()
    });
    &OPERATIONS
}

/// Methods that have a command of their own as well: its name, and the method.
const SHORTHANDS: [(&str, &str); 7] = [
    ("judge", "NARS.JUDGE"),
    ("deduce", "NARS.DEDUCE"),
    ("induce", "NARS.INDUCE"),
    ("abduce", "NARS.ABDUCE"),
    ("intuit", "QUALIA.INTUIT"),
    ("cause", "CAUSAL.EFFECTS"),
    ("would", "CAUSAL.IMAGINE"),
];

/// The method that a shorthand is for.
fn shorthand_of(name: &str) -> Result<Method, CamError> {
    let known = SHORTHANDS
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known));
    Method::of_name(known.map_or(name, |(_, method)| *method))
}

fn shorthand((name, method): &(&'static str, &'static str)) -> Command {
    let of = Method::of_name(method).expect("invariant: a shorthand is for a method that is there");
    Command {
        name,
        ..command(of.family, of.operation)
    }
}

/// The words of the mode, behind every operation's own.
const MODE: &str = "[SCOPE <all | surface | fluid | node>] [FORM <rows | count | bundle | plan>]";

fn command(family: &Family, operation: &Operation) -> Command {
    // The table is made once and lives as long as the process.
    let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let name = format!("cam.{}.{}", family.name, operation.name).to_lowercase();
    let syntax = format!("{} {MODE}", operation.syntax());
    Command {
        name: kept(name),
        syntax: kept(syntax.trim_start().to_owned()),
        arity: -1,
        flags: match operation.class {
            Class::Write(_) => &[Flag::Write, Flag::Denyoom],
            _ => &[Flag::Readonly],
        },
        group: Group::Cam,
        since: "0.1.0",
        summary: operation.doc,
        complexity: "Depends on the rows of the scope; FORM plan shows how it is made",
        handler: Handler::Search(by_name),
        ..Command::DEFAULT
    }
}

fn by_word(_: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    answer(context, &Method::parse(request[1])?, &request[2..])
}

fn by_name(_: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let name = String::from_utf8_lossy(request[0]);
    answer(context, &shorthand_of(&name)?, &request[1..])
}

fn answer(context: &Context, method: &Method, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let server = context.server();
    let settings = &server.settings;
    let timeout = settings.sql_timeout_ms;
    let host = Host {
        sql: &server.sql,
        space: context.selected(),
        timeout: (timeout > 0).then(|| Duration::from_millis(timeout)),
        rows_max: settings.sql_rows_max,
        bytes_max: settings.sql_memory_bytes,
    };
    let outcome = run(&host, method, arguments);
    context.reveal(outcome.position);
    context.happened(outcome.events);
    let rows = outcome.value?;
    let form = mode_of(method, arguments).form;
    let is_single = match form {
        Form::Rows => method.operation.is_single,
        Form::Count | Form::Bundle => true,
        Form::Plan => false,
    };
    rendered(context, &rows, is_single)
}

/// A result table: one row of one column as that value, no row where there is at most one as nil.
fn rendered(context: &Context, rows: &RecordBatch, is_single: bool) -> Result<Reply, CommandError> {
    match (rows.num_rows(), rows.num_columns()) {
        (0, _) if is_single => Ok(Reply::Nil),
        (1, 1) => cell(rows.schema().field(0), rows.column(0), 0),
        _ => rows_reply(context.protocol, &rows.schema(), std::slice::from_ref(rows)),
    }
}

impl From<CamError> for CommandError {
    fn from(error: CamError) -> Self {
        match error {
            CamError::Engine(error) => error.into(),
            CamError::Sql(error) => error.into(),
            other => Self::err(other.to_string()),
        }
    }
}
