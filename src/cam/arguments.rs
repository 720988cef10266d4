//! Arguments as an operation declares them, and the trailing words of the mode.

use arrow::array::{AsArray, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::TimestampMicrosecondType;
use ladybug_engine::engine::When;
use ladybug_engine::fingerprint::encode::VectorError;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::marks::MarkError;
use ladybug_engine::space::schema::time_type;
use ladybug_engine::table::node_schema;

use super::aggregate::Aggregate;
use super::call::{Query, Value};
use super::error::Fault;
use super::event::{Event, Observed};
use super::method::{Form, Mode, Scope};
use super::provenance::Derived;
use super::statement::Said;
use super::table::{Kind, Operation, TTL};
use super::target::Called;
use crate::mind::truth::{Evidence, Truth};
use crate::operand::{Bare, KEYWORDS, Operand, shown};
use crate::query::graphql::read_place;
use crate::query::sql::{expressions, fields_of_json, order, predicate};

/// Takes `SCOPE s` and `FORM f` off the end, in either order.
///
/// # Errors
/// One of them is no scope or form, or contradicts the mode that the id has already chosen.
pub fn mode<'a>(
    mut mode: Mode,
    mut arguments: &'a [&'a [u8]],
) -> Result<(Mode, &'a [&'a [u8]]), Fault> {
    let (mut has_scope, mut has_form) = (false, false);
    while let [rest @ .., word, value] = arguments {
        if word.eq_ignore_ascii_case(b"SCOPE") && !has_scope {
            let scope = chosen("SCOPE", value, Scope::ALL, Scope::name)?;
            agrees(
                "SCOPE",
                mode.scope == Scope::All,
                mode.scope.name(),
                scope.name(),
            )?;
            (mode.scope, has_scope) = (scope, true);
        } else if word.eq_ignore_ascii_case(b"FORM") && !has_form {
            let form = chosen("FORM", value, Form::ALL, Form::name)?;
            agrees(
                "FORM",
                mode.form == Form::Rows,
                mode.form.name(),
                form.name(),
            )?;
            (mode.form, has_form) = (form, true);
        } else {
            break;
        }
        arguments = rest;
    }
    Ok((mode, arguments))
}

fn chosen<T: Copy, const N: usize>(
    word: &str,
    value: &[u8],
    all: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, Fault> {
    let found = all
        .into_iter()
        .find(|known| value.eq_ignore_ascii_case(name(*known).as_bytes()));
    found.ok_or_else(|| {
        let names = all.map(name).join(", ");
        Fault::of(
            word,
            format!("expected one of {names}, got '{}'", shown(value)),
        )
    })
}

fn agrees(word: &str, is_free: bool, chosen: &str, asked: &str) -> Result<(), Fault> {
    match is_free || chosen == asked {
        true => Ok(()),
        false => Err(Fault::of(
            word,
            format!("expected {chosen}, as the id says, got '{asked}'"),
        )),
    }
}

/// The arguments of a call: a value for each that is declared, then those that came again.
///
/// # Errors
/// One is missing, is not what is declared, or is too many.
pub fn parse<'a>(operation: &Operation, mut rest: &'a [&'a [u8]]) -> Result<Vec<Value<'a>>, Fault> {
    let declared = operation.arguments;
    let (fixed, repeated) = declared.split_at(declared.len() - operation.repeats.group);
    let mut values = Vec::with_capacity(declared.len());
    for argument in fixed {
        let is_there = rest.first().is_some_and(|word| !argument.kind.passes(word));
        match !is_there && argument.is_optional {
            true => values.push(Value::Absent),
            false => values.push(take(argument.name, argument.kind, &mut rest)?),
        }
    }
    let mut times = 0;
    while !repeated.is_empty() && (times < operation.repeats.min || !rest.is_empty()) {
        for argument in repeated {
            values.push(take(argument.name, argument.kind, &mut rest)?);
        }
        times += 1;
    }
    match rest {
        [] => Ok(values),
        [more, ..] => Err(Fault::Argument(format!(
            "expected {}, got '{}'",
            match declared {
                [] => "no arguments".to_owned(),
                _ => format!("nothing after {}", operation.syntax()),
            },
            shown(more)
        ))),
    }
}

/// The value of an argument of a kind that words begin with, which it takes off them.
///
/// # Errors
/// They begin with something else, or there is none.
pub fn take<'a>(name: &str, kind: Kind, rest: &mut &'a [&'a [u8]]) -> Result<Value<'a>, Fault> {
    let expected = |got: &[u8]| {
        Fault::of(
            name,
            format!("expected {}, got '{}'", kind.expected(), shown(got)),
        )
    };
    let Some((first, mut after)) = rest.split_first() else {
        return Err(Fault::of(
            name,
            format!("expected {}, got nothing more", kind.expected()),
        ));
    };
    let text = || std::str::from_utf8(first).map_err(|_| expected(first));
    let value = match kind {
        Kind::Query => {
            let (operand, said) = operand(name, Bare::Text, first, &mut after)?;
            Value::Query(Query {
                operand,
                text: said,
                place: None,
            })
        }
        Kind::Node => match operand(name, Bare::Key, first, &mut after)? {
            (Operand::Stored(reference), _) => Value::Node(reference, None),
            _ => return Err(expected(first)),
        },
        Kind::Thing if first.trim_ascii_start().starts_with(b"<") => {
            let said = Said::parse(first, false);
            let said = said.map_err(|error| {
                Fault::of(
                    name,
                    format!("{error}; write KEY before a key that begins with <"),
                )
            });
            Value::Said(Box::new(said?))
        }
        Kind::Past | Kind::Thing => match operand(name, Bare::Key, first, &mut after)? {
            (Operand::Stored(reference), _) => Value::Past(reference),
            _ => return Err(expected(first)),
        },
        Kind::Method => {
            let called = Called::parse(first);
            Value::Method(called.map_err(|error| Fault::of(name, error))?)
        }
        Kind::Derivation => {
            let derived = Derived::parse(text()?);
            Value::Derivation(Box::new(derived.map_err(|error| Fault::of(name, error))?))
        }
        Kind::Moment => {
            let text = text()?;
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            Value::Moment(match is_number {
                true => When::Version(text.parse().map_err(|_| expected(first))?),
                false => When::Time(time(text).ok_or_else(|| expected(first))?),
            })
        }
        Kind::Time => Value::Time(time(text()?).ok_or_else(|| expected(first))?),
        Kind::Name => match keyword(&["KEY"], first, &mut after) {
            Some((_, name)) => Value::Name(name),
            None => Value::Name(first),
        },
        Kind::Text => match keyword(&["TEXT"], first, &mut after) {
            Some((_, said)) => Value::Text(
                std::str::from_utf8(said)
                    .map_err(|_| expected(said))?
                    .into(),
            ),
            None => Value::Text(text()?.into()),
        },
        Kind::Verb => match text()? {
            "*" => Value::Absent,
            name => Value::Verb(name.into(), None),
        },
        Kind::Integer(min, max) => {
            let number = text()?.parse().ok();
            let number = number.filter(|number: &i64| (min..=max).contains(number));
            Value::Integer(number.ok_or_else(|| expected(first))?)
        }
        Kind::Float(min, max) => {
            let number = text()?.parse().ok();
            let number = number.filter(|number: &f64| number.is_finite());
            let number = number.filter(|number| (min..=max).contains(number));
            Value::Float(number.ok_or_else(|| expected(first))?)
        }
        Kind::Word(words) => {
            let word = words
                .iter()
                .find(|word| first.eq_ignore_ascii_case(word.as_bytes()));
            Value::Word(word.ok_or_else(|| expected(first))?)
        }
        Kind::Floats => match keyword(&["VECTOR"], first, &mut after) {
            Some((_, bytes)) => {
                let (floats, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(Fault::of(name, VectorError::Length(bytes.len())));
                }
                Value::Floats(
                    floats
                        .iter()
                        .map(|bytes| f32::from_le_bytes(*bytes))
                        .collect(),
                )
            }
            None => {
                let numbers = text()?.split(',').map(|number| number.trim().parse().ok());
                let numbers = numbers.collect::<Option<Vec<f32>>>();
                Value::Floats(numbers.ok_or_else(|| expected(first))?)
            }
        },
        Kind::Statement | Kind::Premise => {
            let takes_edges = matches!(kind, Kind::Premise);
            let said = Said::parse(first, takes_edges);
            Value::Said(Box::new(said.map_err(|error| Fault::of(name, error))?))
        }
        Kind::Truth => {
            let numbers = text()?
                .split_once(',')
                .map(|(f, c)| (f.trim().parse(), c.trim().parse()));
            let truth = match numbers {
                Some((Ok(frequency), Ok(confidence))) => Truth::new(frequency, confidence).ok(),
                _ => None,
            };
            Value::Truth(truth.ok_or_else(|| expected(first))?)
        }
        Kind::Event => {
            let event = Event::parse(first);
            Value::Event(event.map_err(|error| Fault::of(name, error))?)
        }
        Kind::Observation => {
            let mut words = *rest;
            let observed = Observed::take(&mut words);
            let observed = observed.map_err(|error| Fault::of(name, error))?;
            after = words;
            Value::Observed(Box::new(observed))
        }
        Kind::Raw => Value::Raw(first),
        Kind::Fields => {
            let fields = fields_of_json(text()?);
            let fields = fields.map_err(|error| Fault::of(name, error))?;
            Value::Fields(fields.map_or_else(Fields::default, |fields| (*fields).clone()))
        }
        Kind::Ttl(max) => {
            let word = keyword(&[TTL], first, &mut after).map_or(*first, |(_, word)| word);
            let seconds = std::str::from_utf8(word).ok();
            let seconds = seconds.and_then(|text| text.parse().ok());
            let seconds = seconds.filter(|seconds| (1..=max).contains(seconds));
            Value::Integer(seconds.ok_or_else(|| expected(word))?)
        }
        Kind::Qualia => {
            let qualia = text()?.parse();
            Value::Qualia(qualia.map_err(|error: MarkError| Fault::of(name, error))?)
        }
        Kind::Ids => {
            let id = |id: &str| id.trim().trim_start_matches('#').parse().ok();
            let ids: Option<Vec<u64>> = text()?.split(',').map(id).collect();
            let ids = Evidence::new(ids.ok_or_else(|| expected(first))?);
            Value::Ids(ids.ids().to_vec())
        }
        Kind::Cursor => {
            let place = read_place(text()?);
            Value::Cursor(place.map_err(|_| expected(first))?)
        }
        Kind::Columns => {
            let names = expressions(text()?);
            let names = names.map_err(|error| Fault::of(name, error))?;
            match names.as_slice() {
                [all] if all == "*" => Value::Columns(Vec::new()),
                _ => {
                    names.iter().try_for_each(|of| column(name, of))?;
                    Value::Columns(names)
                }
            }
        }
        Kind::Order => {
            let items = order(text()?).map_err(|error| Fault::of(name, error))?;
            items.iter().try_for_each(|(of, _)| column(name, of))?;
            Value::Order(items)
        }
        Kind::Aggregates => {
            let items = expressions(text()?);
            let items = items.map_err(|error| Fault::of(name, error))?;
            let figures = items.iter().map(|item| Aggregate::parse(item));
            let figures: Option<Vec<_>> = figures.collect();
            Value::Aggregates(figures.ok_or_else(|| expected(first))?)
        }
        Kind::Predicate => {
            let condition = predicate(text()?);
            Value::Text(condition.map_err(|error| Fault::of(name, error))?.into())
        }
    };
    *rest = after;
    Ok(value)
}

/// The time that ISO 8601 text says, microseconds since the epoch, as SQL reads it.
pub fn time(text: &str) -> Option<i64> {
    times([Some(text)]).iter().next().flatten()
}

/// The same of many, none for what says no time.
pub fn times<'t>(texts: impl IntoIterator<Item = Option<&'t str>>) -> TimestampMicrosecondArray {
    let texts = StringArray::from_iter(texts);
    let times = cast(&texts, &time_type());
    let times = times.expect("invariant: text that is no time is cast to nothing");
    times.as_primitive::<TimestampMicrosecondType>().clone()
}

/// Refuses what is no column of nodes.
fn column(argument: &str, name: &str) -> Result<(), Fault> {
    let schema = node_schema();
    if schema.index_of(name).is_ok() {
        return Ok(());
    }
    let known: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    Err(Fault::of(
        argument,
        format!("expected columns among {}, got '{name}'", known.join(", ")),
    ))
}

/// The keyword that the first word is, and what follows it, if it is one of these and something does.
fn keyword<'a>(
    keywords: &[&'static str],
    first: &[u8],
    after: &mut &'a [&'a [u8]],
) -> Option<(&'static str, &'a [u8])> {
    let known = keywords
        .iter()
        .find(|known| first.eq_ignore_ascii_case(known.as_bytes()))?;
    let (input, rest) = after.split_first()?;
    *after = rest;
    Some((known, input))
}

/// An operand, and the text that it is the fingerprint of, if it is that.
fn operand<'a>(
    name: &str,
    bare: Bare,
    first: &'a [u8],
    after: &mut &'a [&'a [u8]],
) -> Result<(Operand<'a>, Option<&'a str>), Fault> {
    let (input, word) = match keyword(&KEYWORDS, first, after) {
        Some((word, input)) => (input, Some(word)),
        None => (first, None),
    };
    let operand = match word {
        Some(word) => Operand::with_keyword(word, input),
        None => Operand::bare(input, bare),
    };
    let operand = operand.map_err(|error| Fault::operand(name, error))?;
    let is_text = matches!(word, None | Some("TEXT")) && matches!(operand, Operand::Given(_));
    let said = std::str::from_utf8(input).ok().filter(|_| is_text);
    Ok((operand, said))
}
