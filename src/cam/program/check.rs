//! Whether a program can run: its methods are there, and take what its steps give them.
//!
//! What a parameter may be is found out here: what every step takes that uses it.

use std::mem::discriminant;

use ladybug_engine::space::address::Address;
use ladybug_engine::space::state::State;

use super::super::arguments::{self, take};
use super::super::dispatch::columns;
use super::super::error::Fault;
use super::super::event::{MECHANISM, Observed};
use super::super::method::Mode;
use super::super::table::{Column, ColumnKind, Kernel, Kind, Operation, TTL};
use super::super::target::{Called, Callee, Target};
use super::super::vocabulary::{takes_transitive, without_transitive};
use super::syntax::{Of, Piece, Program, Reference, Step, Word};
use super::{NO_COMMITS_OF_ITS_OWN, STEPS_MAX};

/// What is known of a program that can run.
pub struct Checked {
    /// What each parameter may be.
    pub kinds: Vec<Kind>,
    /// The columns that it answers, if that is known before it runs.
    pub columns: Option<Vec<Column>>,
    /// How many steps it takes, with those of programs that it calls.
    pub steps: usize,
}

/// What a step calls, as a space has it.
pub struct Callable {
    /// What.
    pub target: Target,
    /// What each of the words of an argument says it is, by argument: how many of the step's words, and of what kind.
    pub arguments: Vec<Taken>,
    columns: Option<Vec<Column>>,
    steps: usize,
}

/// The words that are one argument.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// The first of them.
    pub at: usize,
    /// Whether it is a keyword, and the value the next.
    pub has_keyword: bool,
    /// How many they are.
    count: usize,
    /// What the value may be.
    pub kind: Kind,
}

/// What stands for a value that is known only when the program runs.
const SAMPLES: [&str; 3] = ["x", "0.5", "1"];

/// Checks a program that is, or is to be, at an address.
///
/// # Errors
/// It cannot run: which step, which argument, what was expected.
pub fn check(program: &Program, state: &State, at: Address) -> Result<Checked, String> {
    let mut above = vec![at];
    checked(program, state, &mut above)
}

fn checked(program: &Program, state: &State, above: &mut Vec<Address>) -> Result<Checked, String> {
    if program.steps.is_empty() {
        return Err("steps: expected at least one call, such as 'LANCE.NEAR $x 5'".to_owned());
    }
    let mut kinds: Vec<Option<Kind>> = vec![None; program.parameters.len()];
    let mut columns: Vec<Option<Vec<Column>>> = Vec::new();
    let mut steps = 0;
    for (place, step) in program.steps.iter().enumerate() {
        let scope = Scope {
            state,
            columns: &columns,
        };
        let called = scope
            .callable(step, &mut kinds, above)
            .map_err(|message| format!("step {}: {message}", place + 1))?;
        steps += called.steps;
        columns.push(called.columns);
    }
    if steps > STEPS_MAX {
        return Err(format!(
            "steps: expected at most {STEPS_MAX} with those of the programs that it calls, got {steps}"
        ));
    }
    let kinds = kinds
        .into_iter()
        .zip(&program.parameters)
        .map(|(kind, name)| {
            kind.ok_or_else(|| format!("arguments: expected ${name} in a step, and none uses it"))
        });
    Ok(Checked {
        kinds: kinds.collect::<Result<_, _>>()?,
        columns: columns.pop().flatten(),
        steps,
    })
}

/// What a step calls in a program that was checked.
///
/// # Errors
/// It cannot run.
pub fn callable(
    program: &Program,
    place: usize,
    state: &State,
    at: Address,
) -> Result<Callable, String> {
    // Columns of earlier steps were checked already.
    let columns = vec![None; place];
    let mut kinds = vec![None; program.parameters.len()];
    let scope = Scope {
        state,
        columns: &columns,
    };
    scope.callable(&program.steps[place], &mut kinds, &mut vec![at])
}

/// What is known where a step stands.
struct Scope<'p> {
    state: &'p State,
    /// The columns that the steps before answer.
    columns: &'p [Option<Vec<Column>>],
}

/// Arguments that something takes.
struct Declared {
    name: String,
    kind: Kind,
    is_optional: bool,
}

impl Scope<'_> {
    fn callable(
        &self,
        step: &Step,
        kinds: &mut [Option<Kind>],
        above: &mut Vec<Address>,
    ) -> Result<Callable, String> {
        let called = Called::parse(step.method.as_bytes()).map_err(|error| error.to_string())?;
        // What is known only later stands as something that is no keyword.
        let samples: Vec<Vec<u8>> = step
            .words
            .iter()
            .map(|word| match word.literal() {
                Some(bytes) => bytes.to_vec(),
                None => SAMPLES[0].into(),
            })
            .collect();
        let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
        let target =
            Target::of(&called, self.state, &samples).map_err(|error| error.to_string())?;
        match target {
            Target::Operation(callee) => self.operation(callee, step, &samples, kinds),
            Target::Program(at) => self.program(at, step, kinds, above),
        }
    }

    fn operation(
        &self,
        callee: Callee,
        step: &Step,
        samples: &[&[u8]],
        kinds: &mut [Option<Kind>],
    ) -> Result<Callable, String> {
        let operation = callee.operation;
        let is_definition =
            std::ptr::eq(operation, &super::DEFINE) || std::ptr::eq(operation, &super::UNDEFINE);
        if is_definition || matches!(operation.kernel, Kernel::Act(_)) {
            return Err(NO_COMMITS_OF_ITS_OWN.to_owned());
        }
        let (mode, rest) = match callee.mode {
            Some(mode) => arguments::mode(mode, samples).map_err(message)?,
            None if takes_transitive(operation) => (Mode::DEFAULT, without_transitive(samples).0),
            None => (Mode::DEFAULT, samples),
        };
        let declared = declared(operation);
        let groups = operation.repeats;
        let taken = self.take(
            &declared,
            (groups.group, groups.min),
            &step.words[..rest.len()],
            kinds,
        )?;
        let columns = columns(operation, mode.form).map(<[Column]>::to_vec);
        Ok(Callable {
            target: Target::Operation(callee),
            arguments: taken,
            columns,
            steps: 1,
        })
    }

    fn program(
        &self,
        at: Address,
        step: &Step,
        kinds: &mut [Option<Kind>],
        above: &mut Vec<Address>,
    ) -> Result<Callable, String> {
        if above.contains(&at) || above.len() > STEPS_MAX {
            return Err(format!(
                "expected no recursion, and {} calls itself",
                step.method
            ));
        }
        let program = super::stored(self.state, at)?;
        above.push(at);
        let checked = checked(&program, self.state, above)?;
        above.pop();
        let declared: Vec<Declared> = program
            .parameters
            .iter()
            .zip(&checked.kinds)
            .map(|(name, kind)| Declared {
                name: name.clone(),
                kind: *kind,
                is_optional: false,
            })
            .collect();
        let arguments = self.take(&declared, (0, 0), &step.words, kinds)?;
        Ok(Callable {
            target: Target::Program(at),
            arguments,
            columns: checked.columns,
            steps: checked.steps,
        })
    }

    /// Takes words for arguments, of which a group of the last may come again.
    fn take(
        &self,
        declared: &[Declared],
        (group, min): (usize, usize),
        words: &[Word],
        kinds: &mut [Option<Kind>],
    ) -> Result<Vec<Taken>, String> {
        let (fixed, repeated) = declared.split_at(declared.len() - group);
        let (mut at, mut taken) = (0, Vec::new());
        let mut one = |argument: &Declared, at: &mut usize| {
            let found = self.argument(argument, words, *at, kinds)?;
            *at += found.count;
            taken.push(found);
            Ok::<_, String>(())
        };
        for argument in fixed {
            let is_there = words.get(at).is_some_and(|word| {
                let literal = word.literal().unwrap_or_default();
                !argument.kind.passes(literal)
            });
            if is_there || !argument.is_optional {
                one(argument, &mut at)?;
            }
        }
        let mut times = 0;
        while group > 0 && (times < min || at < words.len()) {
            for argument in repeated {
                one(argument, &mut at)?;
            }
            times += 1;
        }
        match words.len() - at {
            0 => Ok(taken),
            more => Err(format!(
                "expected {} arguments, got {more} more",
                declared.len()
            )),
        }
    }

    fn argument(
        &self,
        argument: &Declared,
        words: &[Word],
        at: usize,
        kinds: &mut [Option<Kind>],
    ) -> Result<Taken, String> {
        let Declared { name, kind, .. } = argument;
        let Some(first) = words.get(at) else {
            return Err(format!(
                "{name}: expected {}, got nothing more",
                kind.expected()
            ));
        };
        if matches!(kind, Kind::Observation) && first.reference().is_none() {
            return self
                .observation(&words[at..], kinds)
                .map(|count| Taken {
                    at,
                    has_keyword: false,
                    count,
                    kind: *kind,
                })
                .map_err(|message| format!("{name}: {message}"));
        }
        let keyword = keyword(*kind, first).filter(|_| at + 1 < words.len());
        let (word, expected) = match keyword {
            Some(keyword) => (&words[at + 1], behind(keyword, *kind)),
            None => (first, *kind),
        };
        let taken = Taken {
            at,
            has_keyword: keyword.is_some(),
            count: 1 + usize::from(keyword.is_some()),
            kind: expected,
        };
        let wrong = |message: String| format!("{name}: {message}");
        if let Some(reference) = word.reference() {
            self.fits(reference, expected, kinds).map_err(wrong)?;
            return Ok(taken);
        }
        let mut last = None;
        for sample in SAMPLES {
            let value = self.sample(word, sample, kinds).map_err(wrong)?;
            let mut tried: Vec<&[u8]> = keyword.iter().map(|word| word.as_bytes()).collect();
            tried.push(&value);
            let tried = match take(name, *kind, &mut &tried[..]) {
                Ok(_) => return Ok(taken),
                Err(fault) => message(fault),
            };
            last = last.or(Some(tried));
        }
        Err(last.unwrap_or_default())
    }

    /// How many of the words that begin here are an observation, of which some refer to what is known later: values of
    /// variables, with a number behind them or not, or MECHANISM, a variable and an expression.
    fn observation(&self, words: &[Word], kinds: &mut [Option<Kind>]) -> Result<usize, String> {
        let is_number = |word: &Word| match (word.literal(), word.reference()) {
            (Some(literal), _) => {
                let text = std::str::from_utf8(literal);
                Ok(text.is_ok_and(|text| text.parse::<f64>().is_ok()))
            }
            (None, Some(reference)) => match reference.of {
                Of::Parameter(_) => Ok(false),
                Of::Step(at) => {
                    let column = self.column(reference, at)?;
                    Ok(column.is_some_and(|column| is_of(column.kind, Kind::Float(0.0, 1.0))))
                }
            },
            (None, None) => Ok::<_, String>(false),
        };
        let is_mechanism = |word: &Word| {
            let literal = word.literal();
            literal.is_some_and(|literal| literal.eq_ignore_ascii_case(MECHANISM.as_bytes()))
        };
        let count = match words {
            [first, ..] if is_mechanism(first) => words.len().min(3),
            [_, second, ..] if is_number(second)? => 2,
            _ => 1,
        };
        let mut last = None;
        for sample in SAMPLES {
            let tried = words[..count]
                .iter()
                .map(|word| self.sample(word, sample, kinds));
            let tried = tried.collect::<Result<Vec<_>, _>>()?;
            let tried: Vec<&[u8]> = tried.iter().map(Vec::as_slice).collect();
            match Observed::take(&mut &tried[..]) {
                Ok(_) => return Ok(count),
                Err(message) => last = last.or(Some(message)),
            }
        }
        Err(last.unwrap_or_default())
    }

    /// Whether what a reference stands for may be of a kind.
    fn fits(
        &self,
        reference: &Reference,
        kind: Kind,
        kinds: &mut [Option<Kind>],
    ) -> Result<(), String> {
        let text = &reference.text;
        match reference.of {
            Of::Parameter(at) => {
                let both = match kinds[at] {
                    None => Some(kind),
                    Some(there) => both(there, kind),
                };
                kinds[at] = Some(both.ok_or_else(|| {
                    let there = kinds[at].map_or_else(String::new, |there| there.expected());
                    format!(
                        "expected {}, and {text} is {there} elsewhere; KEY {text} or TEXT {text} says which it is",
                        kind.expected()
                    )
                })?);
                Ok(())
            }
            Of::Step(at) => match self.column(reference, at)? {
                Some(column) if !is_of(column.kind, kind) => {
                    let mut others = self.columns[at].iter().flatten();
                    let fitting = others.find(|other| is_of(other.kind, kind));
                    let fitting = fitting.filter(|_| reference.column.is_none());
                    Err(format!(
                        "expected {}, and {text}, which is its column {}, is {}{}",
                        kind.expected(),
                        column.name,
                        describe(column.kind),
                        fitting.map_or_else(String::new, |other| format!(
                            "; {text}.{} is {}",
                            other.name,
                            describe(other.kind)
                        ))
                    ))
                }
                _ => Ok(()),
            },
        }
    }

    /// The column that a reference to a step stands for, if its columns are known.
    fn column(&self, reference: &Reference, at: usize) -> Result<Option<Column>, String> {
        let Some(columns) = &self.columns[at] else {
            return Ok(None);
        };
        let column = match &reference.column {
            None => columns.first(),
            Some(name) => columns.iter().find(|column| column.name == name),
        };
        let column = column.copied().ok_or_else(|| {
            let names: Vec<_> = columns.iter().map(|column| column.name).collect();
            format!(
                "expected a column of step {} ({}), got '{}'",
                at + 1,
                names.join(", "),
                reference.text
            )
        })?;
        Ok(Some(column))
    }

    /// A word with samples in place of its references.
    fn sample(
        &self,
        word: &Word,
        of_parameter: &str,
        kinds: &mut [Option<Kind>],
    ) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        for piece in &word.0 {
            let reference = match piece {
                Piece::Literal(literal) => {
                    bytes.extend_from_slice(literal);
                    continue;
                }
                Piece::Reference(reference) => reference,
            };
            let sample = match reference.of {
                Of::Parameter(_) => {
                    self.fits(reference, Kind::Text, kinds)?;
                    of_parameter
                }
                Of::Step(at) => match self.column(reference, at)?.map(|column| column.kind) {
                    Some(ColumnKind::Fingerprint) => {
                        return Err(format!(
                            "expected text inside a word, and {} is a fingerprint",
                            reference.text
                        ));
                    }
                    Some(ColumnKind::Count | ColumnKind::Distance | ColumnKind::Ids) => "1",
                    Some(ColumnKind::Float) => "0.5",
                    Some(ColumnKind::Address) => "@8000",
                    Some(ColumnKind::Boolean) => "true",
                    Some(
                        ColumnKind::Text | ColumnKind::Bytes | ColumnKind::Time | ColumnKind::Texts,
                    )
                    | None => of_parameter,
                },
            };
            bytes.extend_from_slice(sample.as_bytes());
        }
        Ok(bytes)
    }
}

fn declared(operation: &Operation) -> Vec<Declared> {
    let arguments = operation.arguments.iter();
    let declared = arguments.map(|argument| Declared {
        name: argument.name.to_owned(),
        kind: argument.kind,
        is_optional: argument.is_optional,
    });
    declared.collect()
}

fn message(fault: Fault) -> String {
    match fault {
        Fault::Argument(message) => message,
        Fault::Other(error) => error.to_string(),
    }
}

/// The keyword that a word is to an argument of a kind.
fn keyword(kind: Kind, word: &Word) -> Option<&'static str> {
    let known: &[&'static str] = match kind {
        Kind::Query | Kind::Node | Kind::Past | Kind::Thing => &crate::operand::KEYWORDS,
        Kind::Ttl(_) => &[TTL],
        Kind::Name => &["KEY"],
        Kind::Text => &["TEXT"],
        Kind::Floats => &["VECTOR"],
        Kind::Method
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
        | Kind::Event
        | Kind::Observation
        | Kind::Raw => &[],
    };
    let literal = word.literal()?;
    known
        .iter()
        .copied()
        .find(|known| literal.eq_ignore_ascii_case(known.as_bytes()))
}

/// What follows a keyword.
fn behind(keyword: &str, kind: Kind) -> Kind {
    match (keyword, kind) {
        (_, Kind::Ttl(max)) => Kind::Integer(1, max),
        ("KEY", _) => Kind::Name,
        ("TEXT", _) => Kind::Text,
        _ => Kind::Raw,
    }
}

/// How a value of a kind is written, which says what else it can be.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// A number, with the least and the most, if it is whole.
    Whole(i64, i64),
    /// A number.
    Number(f64, f64),
    /// An operand, bare as text.
    Query,
    /// An operand, bare as a key.
    Node,
    /// One word that is text to others.
    Text,
    /// One word of a syntax of its own.
    Word,
    /// Several words.
    Words,
}

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Integer(min, max) => Shape::Whole(min, max),
        Kind::Ttl(max) => Shape::Whole(1, max),
        Kind::Float(min, max) => Shape::Number(min, max),
        Kind::Query => Shape::Query,
        Kind::Node | Kind::Past | Kind::Thing => Shape::Node,
        Kind::Text | Kind::Name | Kind::Raw => Shape::Text,
        Kind::Observation => Shape::Words,
        Kind::Method
        | Kind::Derivation
        | Kind::Moment
        | Kind::Time
        | Kind::Verb
        | Kind::Word(_)
        | Kind::Floats
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
        | Kind::Event => Shape::Word,
    }
}

/// What is of both kinds.
fn both(a: Kind, b: Kind) -> Option<Kind> {
    let whole = |min: i64, max: i64| (min <= max).then_some(Kind::Integer(min, max));
    match (a, b) {
        (Kind::Word(a), Kind::Word(b)) => return (a == b).then_some(Kind::Word(a)),
        (Kind::Ttl(a), Kind::Ttl(b)) => return Some(Kind::Ttl(a.min(b))),
        // A time is a moment, and a statement that is written out a premise.
        (Kind::Time, Kind::Moment) | (Kind::Moment, Kind::Time) => return Some(Kind::Time),
        (Kind::Statement, Kind::Premise) | (Kind::Premise, Kind::Statement) => {
            return Some(Kind::Statement);
        }
        _ => {}
    }
    match (shape(a), shape(b)) {
        (Shape::Whole(a, b), Shape::Whole(c, d)) => whole(a.max(c), b.min(d)),
        (Shape::Number(a, b), Shape::Number(c, d)) => {
            let (min, max) = (a.max(c), b.min(d));
            (min <= max).then_some(Kind::Float(min, max))
        }
        (Shape::Whole(a, b), Shape::Number(c, d)) | (Shape::Number(c, d), Shape::Whole(a, b)) => {
            whole(a.max(c.ceil() as i64), b.min(d.floor() as i64))
        }
        _ if discriminant(&a) == discriminant(&b) => Some(a),
        // What is a node, whether it may be gone or an edge elsewhere.
        (Shape::Node, Shape::Node) => Some(Kind::Node),
        // These may be two words; whatever else is one, and is text to others.
        (Shape::Query | Shape::Node | Shape::Words, _)
        | (_, Shape::Query | Shape::Node | Shape::Words) => None,
        (Shape::Text, Shape::Text) if matches!(a, Kind::Raw) => Some(b),
        (Shape::Text, Shape::Text) => Some(a),
        (Shape::Text, _) => Some(b),
        (_, Shape::Text) => Some(a),
        (
            Shape::Whole(..) | Shape::Number(..) | Shape::Word,
            Shape::Whole(..) | Shape::Number(..) | Shape::Word,
        ) => None,
    }
}

/// Whether what a column holds may be given where a kind is expected. Of text, only the call can tell.
fn is_of(column: ColumnKind, kind: Kind) -> bool {
    use ColumnKind as Of;
    let is_text = matches!(column, Of::Text | Of::Bytes);
    match kind {
        Kind::Query => is_text || matches!(column, Of::Fingerprint | Of::Address),
        Kind::Node | Kind::Past | Kind::Thing | Kind::Method | Kind::Verb => {
            is_text || column == Of::Address
        }
        Kind::Name | Kind::Text => !matches!(column, Of::Fingerprint | Of::Texts),
        Kind::Raw => column != Of::Texts,
        Kind::Integer(..) | Kind::Ttl(_) => matches!(column, Of::Count | Of::Distance),
        Kind::Float(..) => matches!(column, Of::Count | Of::Distance | Of::Float),
        Kind::Ids => is_text || matches!(column, Of::Count | Of::Ids),
        Kind::Moment => is_text || matches!(column, Of::Count | Of::Time),
        Kind::Time => is_text || column == Of::Time,
        Kind::Derivation
        | Kind::Word(_)
        | Kind::Floats
        | Kind::Predicate
        | Kind::Cursor
        | Kind::Columns
        | Kind::Order
        | Kind::Aggregates
        | Kind::Statement
        | Kind::Premise
        | Kind::Truth
        | Kind::Qualia
        | Kind::Fields
        | Kind::Event
        | Kind::Observation => is_text,
    }
}

/// What a column holds, for errors.
fn describe(column: ColumnKind) -> &'static str {
    match column {
        ColumnKind::Fingerprint => "a fingerprint",
        ColumnKind::Address => "an address",
        ColumnKind::Count => "a whole number (of an id, write # before it)",
        ColumnKind::Distance => "a distance",
        ColumnKind::Float => "a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Text => "text",
        ColumnKind::Bytes => "bytes",
        ColumnKind::Time => "a time",
        ColumnKind::Ids => "ids",
        ColumnKind::Texts => "words",
    }
}
