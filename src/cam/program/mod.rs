//! Family 0x0F: the user's programs, 256 of them a space.
//!
//! | file | holds |
//! |---|---|
//! | `syntax` | how a program is written |
//! | `check` | whether it can run, and what its arguments may be |
//! | `run` | its steps, in one commit |
//! | `derive` | that what a step made says so |
//!
//! A program is stored as it was written, as a word of the surface: its name, and its parameters and steps as text.

mod check;
mod derive;
mod run;
mod syntax;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt16Array, UInt64Array};
use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::state::State;
use ladybug_engine::space::verbs::is_verb_name;
use ladybug_engine::space::words::{PROGRAM_PREFIX, WORD_TEXT_BYTES_MAX, Word};

pub use run::{read, run};

use self::check::check;
use self::syntax::Program;
use super::batch::batch;
use super::call::Call;
use super::error::Fault;
use super::host::Reading;
use super::table::{Argument, Class, Column, ColumnKind, Kernel, Kind, Operation, Repeats};
use super::target::{Called, Target, find_program, id};

/// Most steps of a program, with those of the programs that it calls.
pub const STEPS_MAX: usize = 64;
/// Why a program takes in no method that commits by itself.
pub const NO_COMMITS_OF_ITS_OWN: &str =
    "expected a method that can be part of one commit, and this one commits by itself";

const DEFINED: &[Column] = &[
    Column::new("address", ColumnKind::Address),
    Column::new("name", ColumnKind::Text),
    Column::new("arguments", ColumnKind::Text),
    Column::new("columns", ColumnKind::Text),
    Column::new("calls", ColumnKind::Count),
    Column::new("program", ColumnKind::Text),
];

/// Fills a slot with a program.
pub static DEFINE: Operation = Operation {
    name: "DEFINE",
    doc: "Fills a free slot from 0x0F00 to 0x0FFF with a program: a name, its arguments in parentheses, and at most 64 steps, \
          each a line that calls a method. In a line `$x` is an argument, `$1` what the first column of the first step's first \
          row holds, `$1.name` another column, and `near = LANCE.NEAR $x 5` lets `$near` be that step. Answers the program \
          with what its arguments may be",
    arguments: &[
        Argument::new("address", Kind::Raw),
        Argument::new("name", Kind::Raw),
        Argument::new("step", Kind::Raw),
    ],
    repeats: Repeats::last(2),
    columns: DEFINED,
    is_scoped: false,
    class: Class::Write(|call| {
        let words: Vec<_> = call
            .raw(0)
            .into_iter()
            .map(String::from_utf8_lossy)
            .collect();
        format!("CAM.DEFINE {}", words.join(" "))
    }),
    kernel: Kernel::Write(define),
    ..Operation::DEFAULT
};

/// Frees a slot.
pub static UNDEFINE: Operation = Operation {
    name: "UNDEFINE",
    doc: "Frees the slot of a program, by its id or its name; one that another program calls stays",
    arguments: &[Argument::new("program", Kind::Raw)],
    columns: &[
        Column::new("address", ColumnKind::Address),
        Column::new("name", ColumnKind::Text),
    ],
    is_scoped: false,
    class: Class::Write(|call| format!("CAM.UNDEFINE {}", String::from_utf8_lossy(call.raw(0)[0]))),
    kernel: Kernel::Write(undefine),
    ..Operation::DEFAULT
};

/// The programs.
pub static LIST: Operation = Operation {
    name: "USER",
    doc: "The programs of this space by address: what each takes and answers, how many methods it calls, and how it is \
          written; what it lacks, where something that it calls is gone",
    columns: DEFINED,
    is_scoped: false,
    class: Class::Other("Scan: the programs of the space"),
    kernel: Kernel::Read(|_, reading: &Reading<'_>| {
        let view = reading.view();
        let programs = view.state.words().of(PROGRAM_PREFIX);
        let rows = programs.map(|(at, word)| described(view.state, at, word));
        Ok(table(rows.collect()))
    }),
    ..Operation::DEFAULT
};

/// The program at an address.
fn stored(state: &State, at: Address) -> Result<Program, String> {
    let word = state.words().get(at);
    let word = word.ok_or_else(|| format!("expected a program at {at}, and it is free"))?;
    Program::of_text(&word.text)
}

/// The columns that the program at an address answers, if that is known before it runs.
///
/// # Errors
/// There is none, or it cannot run.
pub fn columns(state: &State, at: Address) -> Result<Option<Vec<Column>>, String> {
    Ok(check(&stored(state, at)?, state, at)?.columns)
}

/// A row of [`DEFINED`].
struct Described {
    at: Address,
    name: String,
    arguments: String,
    columns: String,
    calls: u64,
    text: String,
}

fn described(state: &State, at: Address, word: &Word) -> Described {
    let program = Program::of_text(&word.text);
    let checked = program.and_then(|program| Ok((check(&program, state, at)?, program)));
    let (arguments, columns, calls) = match checked {
        Ok((checked, program)) => {
            let arguments = program.parameters.iter().zip(&checked.kinds);
            let arguments: Vec<_> = arguments
                .map(|(name, kind)| format!("{name}: {}", kind.expected()))
                .collect();
            let names = checked.columns.map(|columns| {
                let names: Vec<_> = columns.iter().map(|column| column.name).collect();
                names.join(", ")
            });
            let columns = names.unwrap_or_else(|| "what the last step answers".to_owned());
            (arguments.join("; "), columns, checked.steps)
        }
        Err(error) => (format!("cannot run: {error}"), String::new(), 0),
    };
    Described {
        at,
        name: word.name.to_string(),
        arguments,
        columns,
        calls: calls as u64,
        text: word.text.to_string(),
    }
}

/// What is told of a program: its name, its parameters, what they may be, what it answers, its steps.
pub struct Told {
    /// Its name.
    pub name: String,
    /// The names of its parameters.
    pub parameters: String,
    /// What each may be; what the program lacks, if it cannot run.
    pub arguments: String,
    /// The columns of its answer.
    pub columns: String,
    /// Its steps, a line each.
    pub steps: String,
}

/// Tells of the program at an address.
pub fn told(state: &State, at: Address) -> Told {
    let word = state.words().get(at);
    let word = word.expect("invariant: a program that was found is there");
    let described = described(state, at, word);
    let program = Program::of_text(&word.text).ok();
    let steps = described.text.split_once('\n');
    Told {
        parameters: program.map_or_else(String::new, |program| program.parameters.join(" ")),
        steps: steps.map_or("", |(_, steps)| steps).to_owned(),
        name: described.name,
        arguments: described.arguments,
        columns: described.columns,
    }
}

fn table(rows: Vec<Described>) -> RecordBatch {
    let text = |of: fn(&Described) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    batch(
        DEFINED,
        vec![
            Arc::new(UInt16Array::from_iter_values(
                rows.iter().map(|row| row.at.0),
            )),
            text(|row| &row.name),
            text(|row| &row.arguments),
            text(|row| &row.columns),
            Arc::new(UInt64Array::from_iter_values(
                rows.iter().map(|row| row.calls),
            )),
            text(|row| &row.text),
        ],
    )
}

fn define(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let raw = call.raw(0);
    let expected = |name: &str, what: &str, got: &[u8]| {
        Fault::of(
            name,
            format!("expected {what}, got '{}'", crate::operand::shown(got)),
        )
    };
    let at = id(raw[0])
        .map(Address)
        .filter(|at| at.prefix() == PROGRAM_PREFIX);
    let at = at.ok_or_else(|| expected("address", "an id from 0x0F00 to 0x0FFF", raw[0]))?;
    let name = std::str::from_utf8(raw[1]).ok().filter(|name| {
        let is_taken = ["DEFINE", "UNDEFINE"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known));
        is_verb_name(name) && !is_taken
    });
    let name = name.ok_or_else(|| {
        let what = "a word of letters, digits and _ - . :, of at most 128 bytes, that begins with a letter or _ and is not DEFINE or UNDEFINE";
        expected("name", what, raw[1])
    })?;
    let lines = raw[2..]
        .iter()
        .map(|line| std::str::from_utf8(line).map_err(|_| expected("step", "text in UTF-8", line)));
    let lines: Vec<&str> = lines.collect::<Result<_, _>>()?;
    let program = Program::parse(lines).map_err(Fault::Argument)?;
    let state = tx.view().state;
    if let Some(there) = state.words().get(at) {
        return Err(Fault::of(
            "address",
            format!(
                "expected a free slot, and 0x{:04X} is {}; CAM.UNDEFINE 0x{:04X} frees it",
                at.0, there.name, at.0
            ),
        ));
    }
    if let Some(there) = find_program(state, name) {
        return Err(Fault::of(
            "name",
            format!(
                "expected one that no program has, and 0x{:04X} is {name}",
                there.0
            ),
        ));
    }
    check(&program, state, at).map_err(Fault::Argument)?;
    let text = program.to_string();
    if text.len() > WORD_TEXT_BYTES_MAX {
        return Err(Fault::of(
            "step",
            format!(
                "expected a program of at most {WORD_TEXT_BYTES_MAX} bytes, got {}",
                text.len()
            ),
        ));
    }
    let word = Word {
        name: name.into(),
        text: text.into(),
    };
    tx.define_word(at, Some(word.clone()))?;
    Ok(table(vec![described(tx.view().state, at, &word)]))
}

fn undefine(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    let given = call.raw(0)[0];
    let state = tx.view().state;
    let shown = crate::operand::shown(given);
    let name = || {
        let text = std::str::from_utf8(given).ok()?;
        find_program(state, text)
    };
    let at = id(given).map(Address).or_else(name);
    let word = at.and_then(|at| Some((at, state.words().get(at)?)));
    let found = word.filter(|(at, _)| at.prefix() == PROGRAM_PREFIX);
    let (at, word) = found.ok_or_else(|| {
        Fault::of(
            "program",
            format!("expected the id or the name of a program, got '{shown}'; CAM.USER lists them"),
        )
    })?;
    if let Some(caller) = caller(state, at) {
        return Err(Fault::of(
            "program",
            format!(
                "expected one that no other calls, and {caller} calls {}",
                word.name
            ),
        ));
    }
    let name = word.name.to_string();
    tx.define_word(at, None)?;
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(UInt16Array::from(vec![at.0])),
            Arc::new(StringArray::from(vec![name])),
        ],
    ))
}

/// The name of another program that calls the one at an address.
fn caller(state: &State, callee: Address) -> Option<String> {
    let calls = |program: &Program| {
        program.steps.iter().any(|step| {
            let called = Called::parse(step.method.as_bytes());
            let target = called.and_then(|called| Target::of(&called, state, &[]));
            matches!(target, Ok(Target::Program(at)) if at == callee)
        })
    };
    let mut others = state
        .words()
        .of(PROGRAM_PREFIX)
        .filter(|(at, _)| *at != callee);
    others.find_map(|(_, word)| {
        let program = Program::of_text(&word.text).ok()?;
        calls(&program).then(|| word.name.to_string())
    })
}
