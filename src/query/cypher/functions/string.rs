//! Functions of strings.

use std::borrow::Cow;

use super::super::compile::scope::Type;
use super::super::error::{CypherError, ErrorType, Result};
use super::super::operators::LIST_MAX;
use super::super::value::Value;
use super::{Function, wrong};

const STRING: Function = Function {
    takes: || Some(vec![Type::String]),
    result: |_| Type::String,
    ..Function::DEFAULT
};

fn text<'a>(function: &str, value: &'a Value) -> Result<Cow<'a, str>> {
    match value {
        Value::String(text) => Ok(text.as_str()),
        other => Err(wrong(function, "a string", other)),
    }
}

fn count(function: &str, value: &Value) -> Result<usize> {
    match value {
        Value::Integer(n) => usize::try_from(*n).map_err(|_| {
            let message =
                format!("expected a number that is not negative for {function}(), got {n}");
            CypherError::runtime(ErrorType::ArgumentError, "NegativeIntegerArgument", message)
        }),
        other => Err(wrong(function, "an integer", other)),
    }
}

/// The family.
pub const FUNCTIONS: &[Function] = &[
    LOWER,
    Function {
        name: "lower",
        ..LOWER
    },
    UPPER,
    Function {
        name: "upper",
        ..UPPER
    },
    Function {
        name: "trim",
        run: |_, arguments| Ok(text("trim", &arguments[0])?.trim().into()),
        ..STRING
    },
    Function {
        name: "lTrim",
        run: |_, arguments| Ok(text("lTrim", &arguments[0])?.trim_start().into()),
        ..STRING
    },
    Function {
        name: "rTrim",
        run: |_, arguments| Ok(text("rTrim", &arguments[0])?.trim_end().into()),
        ..STRING
    },
    Function {
        name: "replace",
        least: 3,
        most: 3,
        run: |_, arguments| {
            let texts: Vec<_> = arguments
                .iter()
                .map(|value| text("replace", value))
                .collect::<Result<_>>()?;
            let (within, what, by) = (&*texts[0], &*texts[1], &*texts[2]);
            let longest =
                within.len() + (within.matches(what).count() + 1).saturating_mul(by.len());
            match longest > LIST_MAX {
                true => Err(CypherError::argument(format!(
                    "expected a result of at most {LIST_MAX} bytes"
                ))),
                false => Ok(within.replace(what, by).into()),
            }
        },
        ..STRING
    },
    Function {
        name: "substring",
        least: 2,
        most: 3,
        run: |_, arguments| {
            let within = text("substring", &arguments[0])?;
            let from = count("substring", &arguments[1])?;
            let len = arguments
                .get(2)
                .map(|len| count("substring", len))
                .transpose()?;
            let part = within.chars().skip(from).take(len.unwrap_or(usize::MAX));
            Ok(part.collect::<String>().into())
        },
        ..STRING
    },
    Function {
        name: "left",
        least: 2,
        most: 2,
        run: |_, arguments| {
            let len = count("left", &arguments[1])?;
            Ok(text("left", &arguments[0])?
                .chars()
                .take(len)
                .collect::<String>()
                .into())
        },
        ..STRING
    },
    Function {
        name: "right",
        least: 2,
        most: 2,
        run: |_, arguments| {
            let of = text("right", &arguments[0])?;
            let len = of.chars().count();
            let skipped = len.saturating_sub(count("right", &arguments[1])?);
            Ok(of.chars().skip(skipped).collect::<String>().into())
        },
        ..STRING
    },
    Function {
        name: "split",
        least: 2,
        most: 2,
        result: |_| Type::List(Box::new(Type::String)),
        run: |_, arguments| {
            let (of, by) = (text("split", &arguments[0])?, text("split", &arguments[1])?);
            match by.is_empty() {
                true => Ok(Value::list(of.chars().map(|c| c.to_string().into()))),
                false => Ok(Value::list(of.split(&*by).map(Value::from))),
            }
        },
        ..STRING
    },
];

const LOWER: Function = Function {
    name: "toLower",
    run: |_, arguments| Ok(text("toLower", &arguments[0])?.to_lowercase().into()),
    ..STRING
};

const UPPER: Function = Function {
    name: "toUpper",
    run: |_, arguments| Ok(text("toUpper", &arguments[0])?.to_uppercase().into()),
    ..STRING
};
