//! A call from its id to its answer. Scopes and forms are applied here, once for all operations.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use ladybug_engine::engine::{Outcome, TransactionId};

use super::arguments;
use super::batch::{batch, bundled, fingerprints};
use super::call::Call;
use super::error::{CamError, Fault};
use super::host::{Host, Reading, find};
use super::method::{Form, Method, Mode, Scope};
use super::program;
use super::provenance::Used;
use super::table::{Class, Column, ColumnKind, Kernel};
use super::target::{Called, Callee, Target};
use super::vocabulary::{takes_transitive, without_transitive};

const COUNT: &[Column] = &[Column::new("count", ColumnKind::Count)];
const BUNDLE: &[Column] = &[Column::new("fingerprint", ColumnKind::Fingerprint)];
const PLAN: &[Column] = &[
    Column::new("plan_type", ColumnKind::Text),
    Column::new("plan", ColumnKind::Text),
];

/// Reads the arguments of a call and finds its operands.
///
/// # Errors
/// An argument is wrong: which, what was expected, what came.
pub fn prepare<'a>(
    method: &Method,
    arguments: &'a [&'a [u8]],
    reading: &Reading<'_>,
) -> Result<Call<'a>, CamError> {
    prepared(method.into(), arguments, reading).map_err(|fault| fault.at(name(method)))
}

/// The same of a call that another one makes, whose name its errors begin with.
///
/// # Errors
/// An argument is wrong.
pub fn prepare_within<'a>(
    method: &Method,
    arguments: &'a [&'a [u8]],
    reading: &Reading<'_>,
) -> Result<Call<'a>, Fault> {
    prepared(method.into(), arguments, reading)
}

fn prepared<'a>(
    callee: Callee,
    arguments: &'a [&'a [u8]],
    reading: &Reading<'_>,
) -> Result<Call<'a>, Fault> {
    let operation = callee.operation;
    let (mode, rest) = match callee.mode {
        Some(mode) => arguments::mode(mode, arguments)?,
        None => (Mode::DEFAULT, arguments),
    };
    if mode.scope != Scope::All && !operation.is_scoped {
        return Err(Fault::of(
            "SCOPE",
            format!(
                "expected all, got {}: it reads no stored rows",
                mode.scope.name()
            ),
        ));
    }
    let (rest, is_transitive) = match takes_transitive(operation) {
        true => without_transitive(rest),
        false => (rest, false),
    };
    let mut values = arguments::parse(operation, rest)?;
    let bits = find(operation, mode.scope, &mut values, reading)?;
    Ok(Call {
        operation,
        mode,
        word: callee.word,
        is_transitive,
        space: reading.host().space,
        values,
        bits,
    })
}

/// The mode that a call is in: the method's, with the trailing words of its arguments; the method's alone where
/// they are wrong.
pub fn mode_of(method: &Method, arguments: &[&[u8]]) -> Mode {
    arguments::mode(method.mode, arguments).map_or(method.mode, |(mode, _)| mode)
}

fn name(method: &Method) -> String {
    let bare = Method {
        mode: Mode::DEFAULT,
        ..*method
    };
    format!("CAM.{bare}")
}

/// What a call answers.
#[derive(Debug)]
pub struct Answer {
    /// The result table, in one piece.
    pub rows: RecordBatch,
    /// Whether there is at most one row; none is then nil.
    pub is_single: bool,
}

/// Runs a call, or with form plan only says how it would be run. The value is the result table, in one piece; an
/// argument that is wrong, or whatever refuses, has changed nothing.
pub fn run(
    host: &Host<'_>,
    method: &Method,
    arguments: &[&[u8]],
) -> Outcome<Result<RecordBatch, CamError>> {
    let reading = Reading::new(host);
    let outcome = answer(method.into(), arguments, &reading, &|| name(method));
    Outcome {
        value: outcome.value.map_err(|fault| fault.at(name(method))),
        position: outcome.position.max(reading.position()),
        events: outcome.events,
    }
}

/// Runs whatever is called: an operation, a word of a vocabulary, a program.
pub fn call(
    host: &Host<'_>,
    called: &Called<'_>,
    arguments: &[&[u8]],
) -> Outcome<Result<Answer, CamError>> {
    let reading = Reading::new(host);
    let refused = |error, reading: &Reading<'_>| Outcome {
        value: Err(error),
        position: reading.position(),
        events: Vec::new(),
    };
    let target = match called {
        // An operation of the table needs no look at the space.
        Called::Method(method) => Ok(Target::Operation(method.into())),
        _ => Target::of(called, reading.view().state, arguments),
    };
    let callee = match target {
        Err(error) => return refused(error, &reading),
        Ok(Target::Program(at)) => {
            let outcome = program::run(&reading, at, arguments);
            let name = || format!("CAM.{}", called.name(reading.view().state));
            return Outcome {
                value: outcome
                    .value
                    .map(|rows| Answer {
                        rows,
                        is_single: false,
                    })
                    .map_err(|fault| fault.at(name())),
                position: outcome.position.max(reading.position()),
                events: outcome.events,
            };
        }
        Ok(Target::Operation(callee)) => callee,
    };
    let name = || match called {
        Called::Method(method) => name(method),
        _ => format!("CAM.{}", called.name(reading.view().state)),
    };
    let outcome = answer(callee, arguments, &reading, &name);
    let form = match callee.mode {
        Some(mode) => arguments::mode(mode, arguments).map_or(mode.form, |(mode, _)| mode.form),
        None => Form::Rows,
    };
    let is_single = match form {
        Form::Rows => callee.operation.is_single,
        Form::Count | Form::Bundle => true,
        Form::Plan => false,
    };
    Outcome {
        value: outcome
            .value
            .map(|rows| Answer { rows, is_single })
            .map_err(|fault| fault.at(name())),
        position: outcome.position.max(reading.position()),
        events: outcome.events,
    }
}

/// Runs a step of a program in the transaction that the reading is of, and answers what is stored of its operands, too.
///
/// # Errors
/// An argument is wrong, or whatever refuses.
pub fn step(
    callee: Callee,
    arguments: &[&[u8]],
    reading: &Reading<'_>,
    transaction: TransactionId,
) -> Result<(RecordBatch, Vec<Used>), Fault> {
    let call = prepared(callee, arguments, reading)?;
    let host = reading.host();
    let rows = match (call.mode.form, call.operation.kernel) {
        (Form::Plan, _) => {
            let name = || call.operation.name.to_owned();
            return Ok((plan(&call, &name, arguments, reading)?, Vec::new()));
        }
        (_, Kernel::Read(kernel)) => kernel(&call, reading)?,
        (_, Kernel::Write(kernel)) => {
            let engine = host.engine();
            engine.in_transaction(transaction, |open| {
                engine.change_branch(open.branch(), |tx| kernel(&call, tx))
            })?
        }
        (_, Kernel::Act(_)) => {
            return Err(Fault::Argument(program::NO_COMMITS_OF_ITS_OWN.to_owned()));
        }
    };
    reading.check()?;
    Ok((bounded(host, formed(&call, rows)?)?, call.all_used()))
}

fn answer(
    callee: Callee,
    arguments: &[&[u8]],
    reading: &Reading<'_>,
    name: &dyn Fn() -> String,
) -> Outcome<Result<RecordBatch, Fault>> {
    let host = reading.host();
    let read = |value| Outcome {
        value,
        position: 0,
        events: Vec::new(),
    };
    let call = match prepared(callee, arguments, reading) {
        Ok(call) => call,
        Err(fault) => return read(Err(fault)),
    };
    match (call.mode.form, call.operation.kernel) {
        (Form::Plan, _) => read(plan(&call, name, arguments, reading)),
        (_, Kernel::Read(kernel)) => {
            let rows = kernel(&call, reading).and_then(|rows| formed(&call, rows));
            let rows = rows.and_then(|rows| bounded(host, rows));
            read(rows.and_then(|rows| reading.check().map(|()| rows)))
        }
        (_, Kernel::Write(kernel)) => host.engine().commit(&[host.space], |tx| {
            let rows = bounded(host, formed(&call, kernel(&call, tx)?)?)?;
            tx.report();
            Ok(rows)
        }),
        (_, Kernel::Act(kernel)) => {
            let done = kernel(&call, reading);
            Outcome {
                value: done.value.and_then(|rows| formed(&call, rows)),
                position: done.position,
                events: done.events,
            }
        }
    }
}

/// Rows, if they are not too many.
fn bounded(host: &Host<'_>, rows: RecordBatch) -> Result<RecordBatch, Fault> {
    match rows.num_rows() <= host.rows_max {
        true => Ok(rows),
        false => Err(Fault::Argument(format!(
            "expected at most the {} rows of --sql-rows-max, got {}; ask for fewer, or FORM count",
            host.rows_max,
            rows.num_rows()
        ))),
    }
}

/// Rows in the form that was asked for.
fn formed(call: &Call<'_>, rows: RecordBatch) -> Result<RecordBatch, Fault> {
    Ok(match call.mode.form {
        Form::Rows | Form::Plan => rows,
        Form::Count => batch(
            COUNT,
            vec![Arc::new(UInt64Array::from(vec![rows.num_rows() as u64]))],
        ),
        Form::Bundle => batch(BUNDLE, vec![fingerprints(bundled(&rows)?.as_ref())]),
    })
}

/// How a call would be run: a relational one as SQL and DataFusion's plan of it, others as their tree.
fn plan(
    call: &Call<'_>,
    name: &dyn Fn() -> String,
    arguments: &[&[u8]],
    reading: &Reading<'_>,
) -> Result<RecordBatch, Fault> {
    let rows = |pairs: &[(&str, &str)]| {
        let column = |of: fn(&(&str, &str)) -> String| {
            Arc::new(StringArray::from_iter_values(pairs.iter().map(of))) as _
        };
        let texts = vec![
            column(|(name, _)| (*name).to_owned()),
            column(|(_, text)| (*text).to_owned()),
        ];
        batch(PLAN, texts)
    };
    match call.operation.class {
        class @ (Class::Relational(_) | Class::Derived(_)) => {
            let sql = class.sql(call, reading)?;
            let sql = sql.expect("invariant: what is relational has SQL");
            let explained = reading.query(&format!("EXPLAIN {sql}"))?;
            let text = |at: usize| cast(explained.column(at), &DataType::Utf8);
            let explained = batch(PLAN, vec![text(0)?, text(1)?]);
            let head = rows(&[("sql", &sql)]);
            Ok(concat_batches(&head.schema(), [&head, &explained])?)
        }
        Class::Write(translation) => Ok(rows(&[("statements", &translation(call))])),
        Class::Other(operators) => {
            let shown: Vec<_> = arguments
                .iter()
                .map(|bytes| crate::operand::shown(bytes))
                .collect();
            let tree = format!(
                "{} {}\n{}",
                name(),
                shown.join(" "),
                operators
                    .lines()
                    .map(|line| format!("  {line}"))
                    .collect::<Vec<_>>()
                    .join("\n")
            );
            Ok(rows(&[("operators", &tree)]))
        }
    }
}
