//! Functions from one type to another.

use super::super::compile::scope::Type;
use super::super::error::Result;
use super::super::operators;
use super::super::value::Value;
use super::{Function, wrong};

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "toInteger",
        result: |_| Type::Integer,
        run: |_, arguments| integer(&arguments[0]),
        ..Function::DEFAULT
    },
    Function {
        name: "toIntegerOrNull",
        result: |_| Type::Integer,
        run: |_, arguments| Ok(integer(&arguments[0]).unwrap_or_default()),
        ..Function::DEFAULT
    },
    Function {
        name: "toFloat",
        result: |_| Type::Float,
        run: |_, arguments| float(&arguments[0]),
        ..Function::DEFAULT
    },
    Function {
        name: "toFloatOrNull",
        result: |_| Type::Float,
        run: |_, arguments| Ok(float(&arguments[0]).unwrap_or_default()),
        ..Function::DEFAULT
    },
    Function {
        name: "toBoolean",
        result: |_| Type::Boolean,
        run: |_, arguments| boolean(&arguments[0]),
        ..Function::DEFAULT
    },
    Function {
        name: "toBooleanOrNull",
        result: |_| Type::Boolean,
        run: |_, arguments| Ok(boolean(&arguments[0]).unwrap_or_default()),
        ..Function::DEFAULT
    },
    Function {
        name: "toString",
        result: |_| Type::String,
        run: |_, arguments| string(&arguments[0]),
        ..Function::DEFAULT
    },
    Function {
        name: "toStringOrNull",
        result: |_| Type::String,
        run: |_, arguments| Ok(string(&arguments[0]).unwrap_or_default()),
        ..Function::DEFAULT
    },
];

fn integer(value: &Value) -> Result<Value> {
    match value {
        Value::Integer(n) => Ok(Value::Integer(*n)),
        Value::Float(x) => Ok(whole(*x)),
        Value::Boolean(b) => Ok(Value::Integer((*b).into())),
        Value::String(text) => {
            let text = text.as_str();
            let text = text.trim();
            Ok(match text.parse::<i64>() {
                Ok(n) => Value::Integer(n),
                Err(_) => parsed(text).map_or(Value::Null, whole),
            })
        }
        other => Err(wrong("toInteger", "a number, a boolean or a string", other)),
    }
}

/// The integer that a float is cut to; null if there is none.
fn whole(x: f64) -> Value {
    let is_integer = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
    is_integer.then_some(x as i64).into()
}

/// A float in text; not the words for those that are no numbers.
fn parsed(text: &str) -> Option<f64> {
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let x: f64 = text.parse().ok().filter(|_| is_number)?;
    x.is_finite().then_some(x)
}

fn float(value: &Value) -> Result<Value> {
    match value {
        Value::Integer(n) => Ok(Value::Float(*n as f64)),
        Value::Float(x) => Ok(Value::Float(*x)),
        Value::String(text) => Ok(parsed(text.as_str().trim()).into()),
        other => Err(wrong("toFloat", "a number or a string", other)),
    }
}

fn boolean(value: &Value) -> Result<Value> {
    match value {
        Value::Boolean(b) => Ok(Value::Boolean(*b)),
        Value::String(text) => {
            let text = text.as_str();
            Ok(match text.trim() {
                word if word.eq_ignore_ascii_case("true") => Value::Boolean(true),
                word if word.eq_ignore_ascii_case("false") => Value::Boolean(false),
                _ => Value::Null,
            })
        }
        other => Err(wrong("toBoolean", "a boolean or a string", other)),
    }
}

fn string(value: &Value) -> Result<Value> {
    match value {
        Value::Boolean(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Temporal(_) => Ok(operators::text(value).into()),
        other => Err(wrong(
            "toString",
            "a boolean, a number, a string or a date or time",
            other,
        )),
    }
}
