//! A call from its id to its answer. Scopes and forms are applied here, once for all operations.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::DataType;
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::engine::{Outcome, TransactionId};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::state::View;

use super::arguments;
use super::batch::{batch, bundled, fingerprints};
use super::call::Call;
use super::error::{CamError, Fault};
use super::host::{Host, Reading, find};
use super::method::{Form, Method, Mode, Scope};
use super::program;
use super::provenance::Used;
use super::table::{Class, Column, ColumnKind, Kernel, Operation, StatementKernel};
use super::target::{Called, Callee, Target};
use super::vocabulary::{takes_transitive, without_transitive};

const COUNT: &[Column] = &[Column::new("count", ColumnKind::Count)];
const BUNDLE: &[Column] = &[Column::new("fingerprint", ColumnKind::Fingerprint)];
const PLAN: &[Column] = &[
    Column::new("plan_type", ColumnKind::Text),
    Column::new("plan", ColumnKind::Text),
];

/// The columns that an operation answers in a form; none where the call decides.
pub fn columns(operation: &'static Operation, form: Form) -> Option<&'static [Column]> {
    match form {
        Form::Rows if operation.columns.is_empty() => None,
        Form::Rows => Some(operation.columns),
        Form::Count => Some(COUNT),
        Form::Bundle => Some(BUNDLE),
        Form::Plan => Some(PLAN),
    }
}

/// Reads the arguments of a call and finds its operands.
///
/// # Errors
/// An argument is wrong: which, what was expected, what came.
pub fn prepare<'a>(
    method: &Method,
    arguments: &'a [&'a [u8]],
    reading: &Reading<'_>,
) -> Result<Call<'a>, CamError> {
    read_arguments(method.into(), arguments, reading).map_err(|fault| fault.at(name(method)))
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
    read_arguments(method.into(), arguments, reading)
}

fn read_arguments<'a>(
    callee: Callee,
    arguments: &'a [&'a [u8]],
    reading: &Reading<'_>,
) -> Result<Call<'a>, Fault> {
    prepared(callee, arguments, reading.host().space, &|| reading.view())
}

/// The same with a space that is looked at only if an operand is in it.
fn prepared<'a, 'v>(
    callee: Callee,
    arguments: &'a [&'a [u8]],
    space: SpaceId,
    view: &dyn Fn() -> View<'v>,
) -> Result<Call<'a>, Fault> {
    let mut call = parsed(callee, arguments, space)?;
    call.bits = find(call.operation, call.mode.scope, &mut call.values, view)?;
    Ok(call)
}

/// Reads the arguments of a call, whose operands are not yet found.
fn parsed<'a>(
    callee: Callee,
    arguments: &'a [&'a [u8]],
    space: SpaceId,
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
    let values = arguments::parse(operation, rest);
    if values.is_err() && callee.mode.is_none() && has_mode(rest) {
        return Err(Fault::Argument(
            "expected no SCOPE and no FORM behind a word of a vocabulary".to_owned(),
        ));
    }
    let values = values?;
    operation.range.check(operation, &values)?;
    Ok(Call {
        operation,
        mode,
        word: callee.word,
        is_transitive,
        space,
        values,
        bits: Vec::new(),
    })
}

/// Whether arguments end with words of the mode.
fn has_mode(arguments: &[&[u8]]) -> bool {
    let read = arguments::mode(Mode::DEFAULT, arguments);
    read.is_ok_and(|(_, rest)| rest.len() < arguments.len())
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
    let is_single = is_single(callee, arguments);
    Outcome {
        value: outcome
            .value
            .map(|rows| Answer { rows, is_single })
            .map_err(|fault| fault.at(name())),
        position: outcome.position.max(reading.position()),
        events: outcome.events,
    }
}

/// Whether a call answers at most one row.
fn is_single(callee: Callee, arguments: &[&[u8]]) -> bool {
    let form = match callee.mode {
        Some(mode) => arguments::mode(mode, arguments).map_or(mode.form, |(mode, _)| mode.form),
        None => Form::Rows,
    };
    match form {
        Form::Rows => callee.operation.is_single,
        Form::Count | Form::Bundle => true,
        Form::Plan => false,
    }
}

/// What a call is in a transaction of several commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It reads what the commands before it have made.
    Read,
    /// It changes something in their commit.
    Write,
}

/// What a call is in a transaction of several commands, as far as its words say.
///
/// # Errors
/// It can be no part of one: it makes commits of its own.
pub fn part(called: &Called<'_>, arguments: &[&[u8]]) -> Result<Part, CamError> {
    let callee = match Target::by_words(called, arguments) {
        Some(callee) => callee,
        None => {
            return Err(CamError::Method(
                "expected a method, and a program is a transaction itself: run it outside of one"
                    .to_owned(),
            ));
        }
    };
    let is_plan = callee.mode.is_some_and(|mode| {
        arguments::mode(mode, arguments).is_ok_and(|(mode, _)| mode.form == Form::Plan)
    });
    match callee.operation.kernel {
        _ if is_plan => Ok(Part::Read),
        Kernel::Read(_) => Ok(Part::Read),
        Kernel::Write(_) => Ok(Part::Write),
        Kernel::Statement(statement) => {
            let reads =
                parsed(callee, arguments, 0).is_ok_and(|call| (statement.only_reads)(&call));
            Ok(if reads { Part::Read } else { Part::Write })
        }
        Kernel::Act(_) => {
            let method = match called {
                Called::Method(method) => name(method),
                _ => callee.operation.name.to_owned(),
            };
            let expected = program::NO_COMMITS_OF_ITS_OWN;
            let message = format!("{expected}: run it outside of a transaction");
            Err(CamError::Argument { method, message })
        }
    }
}

/// Runs what only reads, at the moment of a reading.
///
/// # Errors
/// An argument is wrong, or the call does not only read.
pub fn read(
    reading: &Reading<'_>,
    called: &Called<'_>,
    arguments: &[&[u8]],
) -> Result<Answer, CamError> {
    let name = || format!("CAM.{}", called.name(reading.view().state));
    let (rows, is_single) = match Target::of(called, reading.view().state, arguments)? {
        Target::Program(at) => (program::read(reading, at, arguments), false),
        Target::Operation(callee) => (
            read_operation(callee, arguments, reading, &name).map(|(rows, _)| rows),
            is_single(callee, arguments),
        ),
    };
    let rows = rows.map_err(|fault| fault.at(name()))?;
    Ok(Answer { rows, is_single })
}

/// The same of an operation.
pub fn read_operation(
    callee: Callee,
    arguments: &[&[u8]],
    reading: &Reading<'_>,
    name: &dyn Fn() -> String,
) -> Result<(RecordBatch, Vec<Used>), Fault> {
    let call = read_arguments(callee, arguments, reading)?;
    let rows = match (call.mode.form, call.operation.kernel) {
        (Form::Plan, _) => return Ok((plan(&call, name, arguments, reading)?, Vec::new())),
        (_, Kernel::Read(kernel)) => kernel(&call, reading)?,
        (_, Kernel::Statement(statement)) if (statement.only_reads)(&call) => {
            (statement.read)(&call, reading)?
        }
        _ => return Err(Fault::Argument(ONLY_READS.to_owned())),
    };
    let rows = bounded(reading.host(), formed(&call, rows)?)?;
    reading.check()?;
    Ok((rows, call.all_used()))
}

/// Why something takes in no method that writes.
pub const ONLY_READS: &str = "expected a method that only reads here; the command CAM, over RESP, HTTP or Flight, runs those that write";

/// Runs what is a part of a commit.
///
/// # Errors
/// An argument is wrong, or whatever refuses: what it has done until then is to be taken back.
pub fn write(
    host: &Host<'_>,
    tx: &mut Transaction<'_>,
    called: &Called<'_>,
    arguments: &[&[u8]],
) -> Result<Answer, CamError> {
    let callee = match Target::of(called, tx.view().state, arguments)? {
        Target::Operation(callee) => callee,
        Target::Program(_) => {
            part(called, arguments)?;
            unreachable!("invariant: a program is refused as part of a commit")
        }
    };
    let rows = written(callee, arguments, tx, host);
    let (rows, _) =
        rows.map_err(|fault| fault.at(format!("CAM.{}", called.name(tx.view().state))))?;
    Ok(Answer {
        rows,
        is_single: is_single(callee, arguments),
    })
}

/// Runs what is a part of a transaction that lasts, in the space of that, which then has read all of it.
pub fn within(
    host: &Host<'_>,
    transaction: TransactionId,
    called: &Called<'_>,
    arguments: &[&[u8]],
) -> Outcome<Result<Answer, CamError>> {
    let space = host.engine().in_transaction(transaction, |open| {
        Ok::<_, EngineError>(open.branch().space())
    });
    let host = match space {
        Ok(space) => Host {
            space,
            ..host.clone()
        },
        Err(error) => return Outcome::refused(error.into()),
    };
    let reading = match Reading::within(&host, transaction) {
        Ok(reading) => reading,
        Err(error) => return Outcome::refused(error.into()),
    };
    Outcome {
        value: within_reading(&reading, transaction, called, arguments),
        position: reading.position(),
        events: Vec::new(),
    }
}

fn within_reading(
    reading: &Reading<'_>,
    transaction: TransactionId,
    called: &Called<'_>,
    arguments: &[&[u8]],
) -> Result<Answer, CamError> {
    part(called, arguments)?;
    let state = reading.view().state;
    let Target::Operation(callee) = Target::of(called, state, arguments)? else {
        unreachable!("invariant: a program is refused as part of a transaction")
    };
    reading
        .host()
        .engine()
        .in_transaction(transaction, |open| {
            open.note_scan(0..=u8::MAX);
            open.note_edge_scan(0..=u8::MAX);
            Ok::<_, EngineError>(())
        })?;
    let stepped = step(callee, arguments, reading, transaction);
    let (rows, _) = stepped.map_err(|fault| fault.at(format!("CAM.{}", called.name(state))))?;
    Ok(Answer {
        rows,
        is_single: is_single(callee, arguments),
    })
}

/// The rows of an operation that is part of a commit.
fn written(
    callee: Callee,
    arguments: &[&[u8]],
    tx: &mut Transaction<'_>,
    host: &Host<'_>,
) -> Result<(RecordBatch, Vec<Used>), Fault> {
    let call = prepared(callee, arguments, tx.space(), &|| tx.view())?;
    let used = call.all_used();
    let rows = match call.operation.kernel {
        Kernel::Write(kernel) => kernel(&call, tx)?,
        Kernel::Statement(statement) => (statement.write)(&call, tx, host)?,
        Kernel::Read(_) | Kernel::Act(_) => {
            return Err(Fault::Argument(program::NO_COMMITS_OF_ITS_OWN.to_owned()));
        }
    };
    Ok((bounded(host, formed(&call, rows)?)?, used))
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
    let name = || callee.operation.name.to_owned();
    let call = parsed(callee, arguments, reading.host().space)?;
    let is_read = match call.operation.kernel {
        _ if call.mode.form == Form::Plan => true,
        Kernel::Read(_) => true,
        Kernel::Statement(statement) => (statement.only_reads)(&call),
        Kernel::Write(_) | Kernel::Act(_) => false,
    };
    if is_read {
        return read_operation(callee, arguments, reading, &name);
    }
    let (host, engine) = (reading.host(), reading.host().engine());
    let done = engine.in_transaction(transaction, |open| {
        engine.change_branch(open.branch(), |tx| written(callee, arguments, tx, host))
    })?;
    reading.check()?;
    Ok(done)
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
    let call = match read_arguments(callee, arguments, reading) {
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
        (_, Kernel::Act(kernel) | Kernel::Statement(&StatementKernel { alone: kernel, .. })) => {
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
