//! Runs a program: its steps in one transaction, which is one commit or nothing.
//!
//! All steps see the space at one moment, with what the steps before have done. If others changed meanwhile what the
//! program changes, it is run again from what is there then.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt16Array};
use arrow::datatypes::{DataType, UInt16Type, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ladybug_engine::commit::difference::Difference;
use ladybug_engine::commit::merge::OnConflict;
use ladybug_engine::commit::record::Position;
use ladybug_engine::engine::{
    Isolation, Outcome, TRANSACTION_IDLE_MAX, TransactionId, TransactionOptions,
};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::schema::fingerprint_type;
use ladybug_engine::space::state::State;

use super::super::arguments::take;
use super::super::batch::is_address;
use super::super::dispatch;
use super::super::error::{CamError, Fault};
use super::super::host::{Host, Reading};
use super::super::provenance::Used;
use super::super::table::Kind;
use super::super::target::Target;
use super::check::{self, callable, check};
use super::derive::{Taken, derive};
use super::syntax::{Of, Piece, Program, Reference, Step, Word};
use super::{STEPS_MAX, stored};

/// How often a program is run again whose space others changed meanwhile.
const ATTEMPTS: usize = 16;

/// Rows, and what the steps that made them used.
type Answer = (RecordBatch, Vec<Used>);
/// An argument's words: a keyword, if it has one, and its value.
type Given = Vec<Vec<u8>>;

/// Runs the program at an address.
pub fn run(
    reading: &Reading<'_>,
    at: Address,
    words: &[&[u8]],
) -> Outcome<Result<RecordBatch, Fault>> {
    let host = reading.host();
    let mut outcome = Outcome {
        value: Err(again()),
        position: 0,
        events: Vec::new(),
    };
    for _ in 0..ATTEMPTS {
        let attempt = attempt(host, at, words);
        outcome.position = outcome.position.max(attempt.position);
        outcome.events = attempt.events;
        match attempt.value {
            Err(Fault::Other(CamError::Engine(EngineError::Conflict { .. }))) => {}
            value => {
                outcome.value = value;
                break;
            }
        }
    }
    outcome
}

fn again() -> Fault {
    Fault::Argument(format!(
        "others changed what it changes {ATTEMPTS} times while it ran; nothing was changed, repeat it"
    ))
}

fn attempt(host: &Host<'_>, at: Address, words: &[&[u8]]) -> Outcome<Result<RecordBatch, Fault>> {
    let engine = host.engine();
    let options = TransactionOptions {
        isolation: Isolation::Snapshot,
        on_conflict: OnConflict::Abort,
        idle: TRANSACTION_IDLE_MAX,
    };
    let id = match engine.begin(host.space, options) {
        Ok(id) => id,
        Err(error) => {
            return Outcome {
                value: Err(error.into()),
                position: 0,
                events: Vec::new(),
            };
        }
    };
    let run = Run::new(host, Within::Transaction(id));
    let rows = run.called(at, words).map(|(rows, _)| rows);
    let states = engine.in_transaction(id, |open| {
        let branch = open.branch();
        Ok::<_, EngineError>((Arc::clone(branch.base()), branch.state()))
    });
    let read = |value| Outcome {
        value,
        position: run.position.get(),
        events: Vec::new(),
    };
    match (rows, states) {
        (Ok(rows), Ok((base, mine))) if base.version() != mine.version() => {
            let committed =
                engine.commit_transaction_reading(id, |tx| moved(&base, &mine, tx.view().state));
            Outcome {
                value: match committed.value {
                    Ok(moved) => relocated(&rows, &moved),
                    Err(error) => Err(error.into()),
                },
                position: committed.position.max(run.position.get()),
                events: committed.events,
            }
        }
        (rows, states) => {
            // It may be over by itself.
            let _ = engine.abort_transaction(id);
            read(rows.and_then(|rows| states.map(|_| rows).map_err(Into::into)))
        }
    }
}

/// Where nodes and edges have got to that the program made or moved: others may have taken their places meanwhile.
fn moved(base: &State, mine: &State, made: &State) -> HashMap<u16, u16> {
    let difference = Difference::between(base, mine);
    let nodes = difference.nodes.iter().filter_map(|change| {
        let there = made.find_id(change.id)?;
        Some((change.after?.0, there.0))
    });
    let edges = difference.edges.iter().filter_map(|change| {
        let address = change.after.as_ref()?.address?;
        let link = made.graph().link(change.id)?;
        let there = made.graph().get(link.source, link.id)?.address?;
        Some((address.0, there.0))
    });
    nodes
        .chain(edges)
        .filter(|(then, now)| then != now)
        .collect()
}

/// Rows whose addresses are those of the commit.
fn relocated(rows: &RecordBatch, moved: &HashMap<u16, u16>) -> Result<RecordBatch, Fault> {
    if moved.is_empty() {
        return Ok(rows.clone());
    }
    let schema = rows.schema();
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if !is_address(field) {
                return Arc::clone(column);
            }
            let places = column.as_primitive::<UInt16Type>().iter();
            let places = places.map(|at| at.map(|at| moved.get(&at).copied().unwrap_or(at)));
            Arc::new(UInt16Array::from_iter(places)) as ArrayRef
        });
    let columns = columns.collect();
    Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
}

/// Runs the program at an address at the moment of a reading, if all that it does is to read.
///
/// # Errors
/// A step is wrong, or does not only read.
pub fn read(reading: &Reading<'_>, at: Address, words: &[&[u8]]) -> Result<RecordBatch, Fault> {
    let run = Run::new(reading.host(), Within::Moment(reading));
    let rows = run.called(at, words).map(|(rows, _)| rows);
    reading.reveal(run.position.get());
    rows
}

/// What the steps of a program read.
#[derive(Clone, Copy)]
enum Within<'h> {
    /// What the steps before have made in a transaction.
    Transaction(TransactionId),
    /// What a reading does.
    Moment(&'h Reading<'h>),
}

/// A program, and those that it calls, in a transaction or at a moment.
struct Run<'h> {
    host: &'h Host<'h>,
    within: Within<'h>,
    /// What was revealed.
    position: Cell<Position>,
    /// How many steps may still be taken.
    left: Cell<usize>,
}

impl<'h> Run<'h> {
    fn new(host: &'h Host<'h>, within: Within<'h>) -> Self {
        Self {
            host,
            within,
            position: Cell::new(0),
            left: Cell::new(STEPS_MAX),
        }
    }

    /// Runs the program at an address with words as its arguments, and answers what its steps used, too.
    fn called(&self, at: Address, words: &[&[u8]]) -> Result<Answer, Fault> {
        let reading = self.reading()?;
        let state = reading.view().state;
        let program = stored(state, at).map_err(Fault::Argument)?;
        let checked = check(&program, state, at).map_err(Fault::Argument)?;
        let mut rest = words;
        let mut given = Vec::new();
        for (name, kind) in program.parameters.iter().zip(&checked.kinds) {
            let before = rest;
            take(name, *kind, &mut rest)?;
            let taken = &before[..before.len() - rest.len()];
            given.push(taken.iter().map(|word| word.to_vec()).collect());
        }
        if let [more, ..] = rest {
            return Err(Fault::Argument(format!(
                "expected {}, got '{}'",
                match &program.parameters[..] {
                    [] => "no arguments".to_owned(),
                    some => format!("nothing after {}", some.join(" ")),
                },
                crate::operand::shown(more)
            )));
        }
        drop(reading);
        self.steps(&program, at, &given)
    }

    fn reading(&self) -> Result<Reading<'_>, Fault> {
        let reading = match self.within {
            Within::Transaction(id) => Reading::within(self.host, id)?,
            Within::Moment(reading) => reading.again(),
        };
        self.position
            .set(self.position.get().max(reading.position()));
        Ok(reading)
    }

    fn steps(&self, program: &Program, at: Address, given: &[Given]) -> Result<Answer, Fault> {
        let mut results: Vec<RecordBatch> = Vec::new();
        let mut used: Vec<Vec<Used>> = Vec::new();
        for (place, step) in program.steps.iter().enumerate() {
            let values = Values {
                given,
                results: &results,
            };
            let referred = step.words.iter().flat_map(Word::references);
            let mut before: Vec<Used> = referred
                .filter_map(|reference| match reference.of {
                    Of::Step(at) => Some(used[at].clone()),
                    Of::Parameter(_) => None,
                })
                .flatten()
                .collect();
            let stepped = self.step(program, place, at, &values, &mut before);
            let rows = stepped.map_err(|fault| {
                let Fault::Argument(message) = fault else {
                    return fault;
                };
                Fault::Argument(format!("step {}: {}: {message}", place + 1, step.method))
            })?;
            results.push(rows);
            used.push(before);
        }
        let last = results.pop();
        let last = last.ok_or_else(|| Fault::Argument("expected a step".to_owned()))?;
        Ok((last, used.into_iter().flatten().collect()))
    }

    fn step(
        &self,
        program: &Program,
        place: usize,
        at: Address,
        values: &Values<'_>,
        used: &mut Vec<Used>,
    ) -> Result<RecordBatch, Fault> {
        let left = self.left.get().checked_sub(1);
        self.left.set(
            left.ok_or_else(|| Fault::Argument(format!("expected at most {STEPS_MAX} steps")))?,
        );
        let reading = self.reading()?;
        let called = callable(program, place, reading.view().state, at).map_err(Fault::Argument)?;
        let words = values.words(&program.steps[place], &called.arguments)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let rows = match called.target {
            Target::Operation(callee) => {
                let stepped = match self.within {
                    Within::Transaction(id) => dispatch::step(callee, &words, &reading, id),
                    Within::Moment(_) => {
                        let name = || callee.operation.name.to_owned();
                        dispatch::read_operation(callee, &words, &reading, &name)
                    }
                };
                stepped.and_then(|(rows, own)| {
                    used.extend(own);
                    used.sort_by_key(|used| (used.id, used.version));
                    used.dedup();
                    if let Within::Transaction(id) = self.within
                        && callee.operation.kernel.writes()
                    {
                        let view = reading.view();
                        let program = view.state.words().get(at);
                        let taken = Taken {
                            program: program.map_or("", |word| &word.name),
                            step: place + 1,
                            used,
                        };
                        derive(self.host.engine(), id, view.state, &taken)?;
                    }
                    Ok(rows)
                })
            }
            Target::Program(inner) => {
                // Its own steps are counted.
                self.left.set(self.left.get() + 1);
                self.called(inner, &words).map(|(rows, own)| {
                    used.extend(own);
                    rows
                })
            }
        };
        self.position
            .set(self.position.get().max(reading.position()));
        rows
    }
}

/// What references stand for.
struct Values<'v> {
    given: &'v [Given],
    results: &'v [RecordBatch],
}

impl Values<'_> {
    /// The words of a step as they are now.
    fn words(&self, step: &Step, arguments: &[check::Taken]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut words = Vec::new();
        for (at, word) in step.words.iter().enumerate() {
            let is_value = |taken: &&check::Taken| taken.at + usize::from(taken.has_keyword) == at;
            let taken = arguments.iter().find(is_value);
            match (word.reference(), taken) {
                (Some(reference), Some(taken)) => {
                    let value = self.value(reference)?;
                    match taken.has_keyword {
                        true => words.extend(value.into_bytes()),
                        false => words.extend(value.into_words(taken.kind)),
                    }
                }
                _ => words.push(self.text(word)?),
            }
        }
        Ok(words)
    }

    /// A word whose references are pieces of text.
    fn text(&self, word: &Word) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        for piece in &word.0 {
            match piece {
                Piece::Literal(literal) => bytes.extend_from_slice(literal),
                Piece::Reference(reference) => {
                    let value = self.value(reference)?.into_bytes();
                    bytes.extend(value.into_iter().flatten());
                }
            }
        }
        Ok(bytes)
    }

    fn value(&self, reference: &Reference) -> Result<Value, Fault> {
        match reference.of {
            Of::Parameter(at) => Ok(Value::Given(self.given[at].clone())),
            Of::Step(at) => of_result(&self.results[at], reference, at),
        }
    }
}

/// What a reference stands for when it is looked at.
enum Value {
    /// A parameter's words.
    Given(Given),
    /// A fingerprint.
    Fingerprint(Vec<u8>),
    /// What reads as text.
    Text(Vec<u8>),
    /// What is written in one way only: an address, a number.
    Written(String),
}

impl Value {
    /// As one word behind a keyword, or within a word.
    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Given(mut words) => words.pop(),
            Self::Fingerprint(bytes) | Self::Text(bytes) => Some(bytes),
            Self::Written(text) => Some(text.into_bytes()),
        }
    }

    /// As words where a kind is expected: what an operand is, is said.
    fn into_words(self, kind: Kind) -> Vec<Vec<u8>> {
        let behind = |keyword: &str, bytes| vec![keyword.as_bytes().to_vec(), bytes];
        match (kind, self) {
            // These may be several words.
            (
                Kind::Query
                | Kind::Node
                | Kind::Past
                | Kind::Thing
                | Kind::Floats
                | Kind::Observation
                | Kind::Raw,
                Self::Given(words),
            ) => words,
            (Kind::Query | Kind::Raw, Self::Fingerprint(bytes)) => behind("FP", bytes),
            (Kind::Query, Self::Text(bytes)) => behind("TEXT", bytes),
            (Kind::Node | Kind::Past | Kind::Thing, Self::Text(bytes)) => behind("KEY", bytes),
            (Kind::Text, value) => value
                .into_bytes()
                .map_or_else(Vec::new, |bytes| behind("TEXT", bytes)),
            (Kind::Name, value) => value
                .into_bytes()
                .map_or_else(Vec::new, |bytes| behind("KEY", bytes)),
            (
                Kind::Query
                | Kind::Node
                | Kind::Past
                | Kind::Thing
                | Kind::Floats
                | Kind::Observation
                | Kind::Method
                | Kind::Derivation
                | Kind::Moment
                | Kind::Time
                | Kind::Verb
                | Kind::Integer(..)
                | Kind::Float(..)
                | Kind::Word(_)
                | Kind::Predicate
                | Kind::Cursor
                | Kind::Columns
                | Kind::Order
                | Kind::Aggregates
                | Kind::Statement
                | Kind::Premise
                | Kind::Truth
                | Kind::Ids
                | Kind::Qualia
                | Kind::Fields
                | Kind::Ttl(_)
                | Kind::Event
                | Kind::Raw,
                value,
            ) => value.into_bytes().into_iter().collect(),
        }
    }
}

/// The value of a column in the first row of a result.
fn of_result(rows: &RecordBatch, reference: &Reference, step: usize) -> Result<Value, Fault> {
    let wrong = |message: String| Fault::Argument(format!("{}: {message}", reference.text));
    let schema = rows.schema();
    let at = match &reference.column {
        None => 0,
        Some(name) => schema.index_of(name).map_err(|_| {
            let names: Vec<_> = schema
                .fields()
                .iter()
                .map(|field| field.name().as_str())
                .collect();
            wrong(format!(
                "expected a column of step {} ({})",
                step + 1,
                names.join(", ")
            ))
        })?,
    };
    if rows.num_rows() == 0 || rows.num_columns() == 0 {
        return Err(wrong(format!("step {} answered no row", step + 1)));
    }
    let (field, column) = (schema.field(at), rows.column(at));
    if column.is_null(0) {
        return Err(wrong(format!("step {} answered nothing there", step + 1)));
    }
    if is_address(field) {
        let at = Address(column.as_primitive::<UInt16Type>().value(0));
        return Ok(Value::Written(at.to_string()));
    }
    Ok(match column.data_type() {
        kind if *kind == fingerprint_type() => {
            Value::Fingerprint(column.as_fixed_size_binary().value(0).to_vec())
        }
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(0).into()),
        DataType::Utf8View => Value::Text(column.as_string_view().value(0).into()),
        DataType::Binary => Value::Text(column.as_binary::<i32>().value(0).to_vec()),
        DataType::List(item) if *item.data_type() == DataType::UInt64 => {
            let ids = column.as_list::<i32>().value(0);
            let ids = ids.as_primitive::<UInt64Type>().iter().flatten();
            let ids: Vec<_> = ids.map(|id| id.to_string()).collect();
            Value::Written(ids.join(","))
        }
        _ => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column.as_ref(), &options)?;
            Value::Written(text.value(0).to_string())
        }
    })
}
