//! Methods, words and programs, described from their entries.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt16Array};
use arrow::datatypes::Schema;
use ladybug_engine::fingerprint::{Fingerprint, encode};
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::concepts::CONCEPTS;
use ladybug_engine::space::derive;
use ladybug_engine::space::state::State;
use ladybug_engine::space::verbs::{BuiltIn, VERB_PREFIX};

use super::super::super::batch::{self, batch, fingerprints};
use super::super::super::call::{Call, Place, Query, Value};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::{Method, Mode};
use super::super::super::program;
use super::super::super::table::{Class, Kind, Operation};
use super::super::super::target::{Called, Target};
use super::super::super::vocabulary::{
    ASSERT, HOLDS, INSTANCES, MEMBER, MEMBER_OF_QUERY, TARGETS, TRANSITIVE,
};
use super::METHOD;
use crate::operand::{Operand, Reference};

/// What is said of something that can be called.
#[derive(Default)]
struct Described {
    address: u16,
    name: String,
    syntax: String,
    class: String,
    doc: String,
    source: String,
    arguments: String,
    columns: String,
    translation: Option<String>,
    inverse: Option<String>,
    symmetric: Option<bool>,
    transitive: Option<bool>,
    steps: Option<String>,
}

pub fn describe(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let called = call.called(0);
    if let Called::Method(method) = called {
        let described = of_method(method);
        let bits = encode::text(&format!("{}: {}", described.name, described.doc));
        return Ok(rows(&described, &bits));
    }
    let view = reading.view();
    let state = view.state;
    let target = Target::of(called, state, &[]).map_err(|error| Fault::of("method", error))?;
    let described = match (called, &target) {
        (Called::At(_) | Called::Named(..), Target::Operation(callee)) => {
            let at = callee
                .word
                .expect("invariant: a word is called by its address");
            match at.prefix() {
                VERB_PREFIX => of_verb(state, at),
                _ => of_concept(state, at),
            }
        }
        (_, Target::Program(at)) => of_program(state, *at),
        (_, Target::Operation(callee)) => {
            let at = callee.word.map_or(0, |at| at.0);
            let described = Described {
                address: at,
                ..of_operation(&called.name(state), callee.operation)
            };
            let bits = encode::text(&format!("{}: {}", described.name, described.doc));
            return Ok(rows(&described, &bits));
        }
    };
    let bits = derive::word(state, Address(described.address));
    let bits = bits.expect("invariant: a word that was found is on the surface");
    Ok(rows(&described, &bits))
}

fn rows(described: &Described, bits: &Fingerprint) -> RecordBatch {
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let some =
        |text: &Option<String>| -> ArrayRef { Arc::new(StringArray::from(vec![text.as_deref()])) };
    let flag = |flag: Option<bool>| -> ArrayRef { Arc::new(BooleanArray::from(vec![flag])) };
    batch(
        METHOD,
        vec![
            Arc::new(UInt16Array::from(vec![described.address])),
            text(&described.name),
            text(&described.syntax),
            text(&described.class),
            text(&described.doc),
            text(&described.source),
            text(&described.arguments),
            text(&described.columns),
            some(&described.translation),
            some(&described.inverse),
            flag(described.symmetric),
            flag(described.transitive),
            some(&described.steps),
            fingerprints([bits]),
        ],
    )
}

/// The arguments of an operation with what they may be, a line each.
fn arguments(operation: &Operation) -> String {
    let arguments = operation.arguments.iter().enumerate();
    let lines: Vec<_> = arguments
        .map(|(at, argument)| {
            let optional = if argument.is_optional {
                ", optional"
            } else {
                ""
            };
            format!("{}{optional}: {}", argument.name, operation.expected(at))
        })
        .collect();
    lines.join("\n")
}

fn columns(operation: &Operation) -> String {
    match operation.columns.is_empty() {
        true => "what the call decides".to_owned(),
        false => described(&batch::schema(operation.columns)),
    }
}

/// An operation that is called by a name.
fn of_operation(name: &str, operation: &'static Operation) -> Described {
    let syntax = format!("CAM.{name} {}", operation.syntax());
    Described {
        name: name.to_owned(),
        syntax: syntax.trim_end().to_owned(),
        class: operation.class.name().to_owned(),
        doc: operation.doc.to_owned(),
        source: operation.source.to_owned(),
        arguments: arguments(operation),
        columns: columns(operation),
        ..Described::default()
    }
}

fn of_method(method: &Method) -> Described {
    let operation = method.operation;
    let bare = Method {
        mode: Mode::DEFAULT,
        ..*method
    };
    Described {
        address: method.id(),
        name: method.to_string(),
        translation: translation(operation, method.mode),
        ..of_operation(&bare.to_string(), operation)
    }
}

/// A word that is called with one of several numbers of operands.
fn of_word(at: Address, name: &str, syntax: &str, ways: &[&'static Operation]) -> Described {
    let first = ways[0];
    let each = |of: fn(&Operation) -> String| {
        let ways = ways.iter();
        let ways: Vec<_> = ways
            .map(|way| match way.arguments {
                [] => format!("without an operand: {}", of(way)),
                _ => format!("with {}: {}", way.syntax(), of(way)),
            })
            .collect();
        ways.join("\n")
    };
    Described {
        address: at.0,
        name: name.to_owned(),
        syntax: format!("CAM.{name} {syntax}"),
        class: each(|way| way.class.name().to_owned()),
        doc: each(|way| way.doc.to_owned()),
        source: first.source.to_owned(),
        arguments: each(arguments),
        columns: each(columns),
        ..Described::default()
    }
}

fn of_verb(state: &State, at: Address) -> Described {
    let verbs = state.verbs();
    let name = verbs.name(at.slot()).unwrap_or_default();
    let word = verbs.built_in(at.slot());
    let syntax = format!("x [y [t]] [{TRANSITIVE}]");
    let named = format!("VERBS.{name}");
    let described = of_word(at, &named, &syntax, &[&TARGETS, &HOLDS, &ASSERT]);
    let about = match word {
        Some(word) => format!("A verb of the group {}", word.group),
        None => "A verb of this space".to_owned(),
    };
    Described {
        doc: format!("{about}\n{}", described.doc),
        inverse: word.map(|word| word.inverse.to_owned()),
        symmetric: Some(word.is_some_and(BuiltIn::is_symmetric)),
        transitive: Some(word.is_some_and(|word| word.is_transitive)),
        ..described
    }
}

fn of_concept(state: &State, at: Address) -> Described {
    let name = derive::word_name(state, at).unwrap_or_default();
    let own = state.words().get(at).map(|word| word.text.to_string());
    let built_in = CONCEPTS.get(usize::from(at.slot()));
    let about = own.or_else(|| built_in.map(|concept| concept.doc.to_owned()));
    let ways: [&'static Operation; 3] = [&INSTANCES, &MEMBER, &MEMBER_OF_QUERY];
    let described = of_word(at, &format!("CONCEPTS.{name}"), "[x | q]", &ways);
    Described {
        doc: format!("{}\n{}", about.unwrap_or_default(), described.doc),
        source: MEMBER.source.to_owned(),
        ..described
    }
}

fn of_program(state: &State, at: Address) -> Described {
    let told = program::told(state, at);
    let syntax = format!("CAM.USER.{} {}", told.name, told.parameters);
    Described {
        address: at.0,
        name: format!("USER.{}", told.name),
        syntax: syntax.trim_end().to_owned(),
        class: "program".to_owned(),
        doc: "A program of this space: its steps are one commit".to_owned(),
        arguments: told.arguments.replace("; ", "\n"),
        columns: told.columns.replace(", ", "\n"),
        steps: Some(told.steps),
        ..Described::default()
    }
}

/// The columns of a result, with their types.
fn described(schema: &Schema) -> String {
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let null = if field.is_nullable() {
            ", nullable"
        } else {
            ""
        };
        format!("{}: {}{null}", field.name(), field.data_type())
    };
    let columns: Vec<_> = schema.fields().iter().map(column).collect();
    columns.join("\n")
}

/// What an operation's class says of a call whose arguments are called by their own names; none where it depends on more
/// than the kinds of its arguments.
fn translation(operation: &'static Operation, mode: Mode) -> Option<String> {
    let translated = match operation.class {
        Class::Other(operators) => return Some(operators.to_owned()),
        Class::Relational(translated) | Class::Write(translated) => translated,
        Class::Derived(_) => return None,
    };
    let mode = match operation.is_scoped {
        true => mode,
        false => Mode::DEFAULT,
    };
    let address = match mode.scope.zone() {
        Some(Zone::Surface) => Address(0),
        Some(zone) => Address::new(*zone.prefixes().start(), 0),
        None => Address::new(*Zone::Node.prefixes().start(), 0),
    };
    let place = Place {
        address,
        id: (mode.scope.zone() != Some(Zone::Surface)).then_some(0),
        is_edge: false,
        version: 0,
    };
    let mut values = Vec::new();
    let mut bits: Vec<Option<Fingerprint>> = Vec::new();
    for argument in operation.arguments {
        let given = encode::text(argument.name);
        let (value, fingerprint) = match argument.kind {
            Kind::Query => {
                let query = Query {
                    operand: Operand::Given(Box::new(given.clone())),
                    text: Some(argument.name),
                    place: None,
                };
                (Value::Query(query), Some(given))
            }
            Kind::Node => {
                let named = Reference::Key(argument.name.as_bytes());
                (Value::Node(named, Some(place)), None)
            }
            Kind::Past | Kind::Thing => {
                let named = Reference::Key(argument.name.as_bytes());
                (Value::Past(named), None)
            }
            Kind::Name => (Value::Name(argument.name.as_bytes()), None),
            Kind::Text => (Value::Text(argument.name.into()), None),
            Kind::Integer(min, max) => (Value::Integer(10.clamp(min, max)), None),
            Kind::Float(min, max) => (Value::Float(0.5_f64.clamp(min, max)), None),
            Kind::Word(words) => (Value::Word(words.first()?), None),
            Kind::Time => (Value::Time(0), None),
            Kind::Method
            | Kind::Derivation
            | Kind::Moment
            | Kind::Verb
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
            | Kind::Ttl(_)
            | Kind::Event
            | Kind::Observation
            | Kind::Raw => return None,
        };
        values.push(value);
        bits.push(fingerprint);
    }
    Some(translated(&Call {
        operation,
        mode,
        word: None,
        is_transitive: false,
        space: 0,
        values,
        bits,
    }))
}
