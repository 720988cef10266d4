//! The instruction set: CAM, and a command for each operation of its table.

use std::sync::LazyLock;
use std::time::Duration;

use ladybug_engine::engine::TransactionId;

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::Reply;
use super::cypher::LOCKED_TIME_MAX;
use super::sql::{cell, rows_reply};
use crate::cam::{
    self, Answer, Called, CamError, FAMILIES, Family, Host, Kernel, Method, Operation, Part,
    Reading, call,
};

/// What the commands of the family have in common.
const CAM: Command = Command {
    name: "cam",
    syntax: "method [argument ...]",
    arity: -2,
    flags: &[Flag::Write],
    group: Group::Cam,
    since: "0.1.0",
    summary: "Runs a method by its id (0x0C20, @0C20 or decimal) or its name (VSA.BIND): CAM VSA.BIND a b is \
              CAM.VSA.BIND a b. Trailing SCOPE all, surface, fluid or node says what addresses it reads and answers, \
              FORM rows, count, bundle or plan what comes back. TXN and an id behind all that have it be part of a \
              transaction that DAG.BEGIN began, in the space of that",
    complexity: "Depends on the method",
    handler: METHOD,
    ..Command::DEFAULT
};

/// The family of commands, but for those that are made of the table of operations.
pub const COMMANDS: &[Command] = &[
    CAM,
    Command {
        name: "cam.verbs",
        syntax: "",
        arity: -1,
        summary: "The verbs of the space with their groups, inverses, symmetry and transitivity. CAM.VERBS.CAUSES x, with any \
                  verb, answers where it leads from a node; x y whether it holds between two, with its truth; x y f,c asserts \
                  it. TRANSITIVE behind the operands asks for what follows through several edges",
        complexity: "O(N) with N the edges that are followed",
        ..CAM
    },
    Command {
        name: "cam.concepts",
        syntax: "",
        arity: -1,
        summary: "The concepts of the space. CAM.CONCEPTS.PERSON, with any concept, answers the nodes that have it among \
                  their kinds; x how much a node is one, TEXT words how much words are",
        complexity: "O(N) with N the nodes of the space",
        ..CAM
    },
    Command {
        name: "cam.concepts.define",
        syntax: "name [doc]",
        summary: "Takes an open slot of the vocabulary for a concept of this space; answers its address. One that is there by \
                  that name, whatever the case, built-in or the space's own, stays as it is, and its address is the answer",
        complexity: "O(1)",
        ..CAM
    },
    Command {
        name: "cam.user",
        syntax: "",
        arity: -1,
        summary: "The programs of the space, with what they take and answer. CAM.USER.NAME, with any program, runs it: all \
                  its steps see one moment and are one commit, and an error in one undoes all. Inside MULTI no program runs",
        complexity: "Depends on the program",
        ..CAM
    },
    Command {
        name: "cam.define",
        syntax: "id name (argument ...) step [step ...]",
        arity: -5,
        summary: "Fills a free slot from 0x0F00 to 0x0FFF with a program of at most 64 steps, each a method and its arguments \
                  on one line: $x is an argument, $1 the first value that step 1 answered, $1.name one of its columns, and \
                  near = LANCE.NEAR $x 5 calls a step $near",
        complexity: "O(N) with N the steps",
        ..CAM
    },
    Command {
        name: "cam.undefine",
        syntax: "program",
        summary: "Frees the slot of a program, by its id or its name; one that another program calls stays",
        complexity: "O(N) with N the programs of the space",
        ..CAM
    },
];

/// The command that a word of a vocabulary or a program is called by as `CAM.VERBS.CAUSES`: what it is, the space knows.
pub fn word(name: &[u8]) -> Option<&'static str> {
    let families = ["cam.verbs", "cam.concepts", "cam.user"];
    families.into_iter().find(|family| {
        let start = name.get(..family.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(family.as_bytes()))
            && name.get(family.len()) == Some(&b'.')
    })
}

/// Why a name that begins with `CAM.` is no command, with what there is.
pub fn unknown(name: &[u8]) -> Option<CamError> {
    let start = name.get(..4)?;
    match start.eq_ignore_ascii_case(b"CAM.") {
        true => Called::parse(name).err(),
        false => None,
    }
}

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
const SHORTHANDS: [(&str, &str); 11] = [
    ("judge", "NARS.JUDGE"),
    ("deduce", "NARS.DEDUCE"),
    ("induce", "NARS.INDUCE"),
    ("abduce", "NARS.ABDUCE"),
    ("intuit", "QUALIA.INTUIT"),
    ("remember", "MEMORY.REMEMBER"),
    ("recall", "MEMORY.RECALL"),
    ("forget", "MEMORY.FORGET"),
    ("feel", "QUALIA.FEEL"),
    ("cause", "CAUSAL.EFFECTS"),
    ("would", "CAUSAL.IMAGINE"),
];

fn shorthand((name, method): &(&'static str, &'static str)) -> Command {
    let of = Method::of_name(method).expect("invariant: a shorthand is for a method that is there");
    Command {
        name,
        ..command(of.family, of.operation)
    }
}

/// The words of the mode, behind every operation's own.
const MODE: &str = "[SCOPE <all | surface | fluid | node>] [FORM <rows | count | bundle | plan>]";
/// What follows it, of what can be part of a transaction.
const PART: &str = " [TXN id]";

fn command(family: &Family, operation: &Operation) -> Command {
    // The table is made once and lives as long as the process.
    let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let name = format!("cam.{}.{}", family.name, operation.name).to_lowercase();
    let part = match operation.kernel {
        Kernel::Act(_) => "",
        _ => PART,
    };
    let syntax = format!("{} {MODE}{part}", operation.syntax());
    Command {
        name: kept(name),
        syntax: kept(syntax.trim_start().to_owned()),
        arity: -1,
        flags: match operation.kernel.writes() {
            true => &[Flag::Write, Flag::Denyoom],
            false => &[Flag::Readonly],
        },
        group: Group::Cam,
        since: "0.1.0",
        summary: operation.doc,
        complexity: "Depends on the rows of the scope; FORM plan shows how it is made",
        handler: match operation.kernel {
            Kernel::Act(_) => Handler::Search(|_, context, request| alone(context, request)),
            _ => METHOD,
        },
        ..Command::DEFAULT
    }
}

/// What every command of the family does: runs what it calls.
const METHOD: Handler = Handler::Statement {
    alone,
    in_commit: |tx, context, request| {
        let Asked {
            called, arguments, ..
        } = asked(request)?;
        let host = host(context);
        let timeout = host.timeout.unwrap_or(LOCKED_TIME_MAX);
        let host = Host {
            timeout: Some(timeout.min(LOCKED_TIME_MAX)),
            ..host
        };
        rendered(context, &cam::write(&host, tx, &called, arguments)?)
    },
    only_reads: |request| {
        let Ok(asked) = asked(request) else {
            return false;
        };
        let part = cam::part(&asked.called, asked.arguments);
        part.is_ok_and(|part| part == Part::Read)
    },
    check: |request| {
        let asked = asked(request)?;
        cam::part(&asked.called, asked.arguments)?;
        match asked.transaction {
            None => Ok(()),
            Some(_) => Err(CommandError::err(
                "expected a method without TXN inside MULTI, which is a transaction itself",
            )),
        }
    },
};

fn alone(context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    rendered(context, &run(context, request)?)
}

/// The last word but one of a call that is part of a transaction that DAG.BEGIN began.
const TRANSACTION: &[u8] = b"TXN";

/// What a command is asked for.
struct Asked<'r> {
    called: Called<'r>,
    arguments: &'r [&'r [u8]],
    transaction: Option<TransactionId>,
}

/// What a command calls, and the words of its arguments: CAM names a method by its first argument, others are named as
/// theirs is.
fn asked<'r>(request: &'r [&'r [u8]]) -> Result<Asked<'r>, CommandError> {
    let (called, arguments) = called(request)?;
    Ok(match arguments {
        [arguments @ .., word, id] if word.eq_ignore_ascii_case(TRANSACTION) => Asked {
            called,
            arguments,
            transaction: Some(String::from_utf8_lossy(id).parse()?),
        },
        arguments => Asked {
            called,
            arguments,
            transaction: None,
        },
    })
}

fn called<'r>(request: &'r [&'r [u8]]) -> Result<(Called<'r>, &'r [&'r [u8]]), CamError> {
    let name = request[0];
    if name.eq_ignore_ascii_case(CAM.name.as_bytes()) {
        return Ok((Called::parse(request[1])?, &request[2..]));
    }
    let is_named = |(known, _): &&(&str, &str)| name.eq_ignore_ascii_case(known.as_bytes());
    let called = match SHORTHANDS.iter().find(is_named) {
        Some((_, method)) => Called::Method(Method::of_name(method)?),
        None => Called::parse(name)?,
    };
    Ok((called, &request[1..]))
}

fn host(context: &Context) -> Host<'_> {
    let server = context.server();
    let settings = &server.settings;
    let timeout = settings.sql_timeout_ms;
    Host {
        sql: &server.sql,
        graphql: &server.graphql,
        space: context.selected(),
        timeout: (timeout > 0).then(|| Duration::from_millis(timeout)),
        rows_max: settings.sql_rows_max,
        bytes_max: settings.sql_memory_bytes,
    }
}

/// Runs what a command calls, by itself or where it stood in a transaction: the table that it answers.
///
/// # Errors
/// What it calls is not there, or is refused.
pub fn run(context: &Context, request: &[&[u8]]) -> Result<Answer, CommandError> {
    let Asked {
        called,
        arguments,
        transaction,
    } = asked(request)?;
    let host = host(context);
    if let Some((glance, version)) = context.glance() {
        let reading = Reading::at(&host, glance, version);
        let answer = cam::read(&reading, &called, arguments);
        context.reveal(reading.position());
        return Ok(answer?);
    }
    let outcome = match transaction {
        Some(transaction) => cam::within(&host, transaction, &called, arguments),
        None => call(&host, &called, arguments),
    };
    context.reveal(outcome.position);
    context.happened(outcome.events);
    Ok(outcome.value?)
}

/// A result table: one row of one column as that value, no row where there is at most one as nil.
fn rendered(context: &Context, answer: &Answer) -> Result<Reply, CommandError> {
    let rows = &answer.rows;
    match (rows.num_rows(), rows.num_columns()) {
        (0, _) if answer.is_single => Ok(Reply::Nil),
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
