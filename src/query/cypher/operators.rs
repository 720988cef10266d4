//! What operators make of values: arithmetic, comparison, strings, lists.

use std::cmp::Ordering;
use std::sync::Arc;

use ladybug_engine::space::temporal::Temporal;

use super::ast::{Comparison, Operator};
use super::error::{CypherError, ErrorType, Result};
use super::temporal;
use super::value::Value;

/// Longest list or string that an expression makes, elements or bytes.
pub const LIST_MAX: usize = 1 << 24;

/// The value of an operator of two operands; of patterns see the executor, which keeps them.
pub fn binary(operator: Operator, a: &Value, b: &Value) -> Result<Value> {
    match operator {
        Operator::Add => add(a, b),
        Operator::Subtract => subtract(a, b),
        Operator::Multiply => multiply(a, b),
        Operator::Divide => divide(a, b),
        Operator::Modulo => modulo(a, b),
        Operator::Power => power(a, b),
        Operator::In => is_in(a, b),
        Operator::StartsWith => Ok(of_strings(a, b, |a, b| a.starts_with(b))),
        Operator::EndsWith => Ok(of_strings(a, b, |a, b| a.ends_with(b))),
        Operator::Contains => Ok(of_strings(a, b, contains)),
        Operator::Matches => unreachable!("patterns are kept by the executor"),
    }
}

/// Whether a comparison holds; `None` if that is unknown.
pub fn compare(comparison: Comparison, a: &Value, b: &Value) -> Option<bool> {
    match comparison {
        Comparison::Equal => a.equals(b),
        Comparison::NotEqual => a.equals(b).map(|is_equal| !is_equal),
        Comparison::Less => holds(a, b, Ordering::is_lt),
        Comparison::LessOrEqual => holds(a, b, Ordering::is_le),
        Comparison::Greater => holds(a, b, Ordering::is_gt),
        Comparison::GreaterOrEqual => holds(a, b, Ordering::is_ge),
    }
}

fn holds(a: &Value, b: &Value, is_met: fn(Ordering) -> bool) -> Option<bool> {
    Some(a.compare(b)?.is_some_and(is_met))
}

fn wrong(operator: &str, a: &Value, b: &Value) -> CypherError {
    let message = format!(
        "expected operands that {operator} takes, got {} and {}",
        a.type_name(),
        b.type_name()
    );
    CypherError::runtime(ErrorType::TypeError, "InvalidArgumentType", message)
}

fn overflow() -> CypherError {
    let message = "expected a result of 64 bits, got a larger one";
    CypherError::runtime(ErrorType::ArithmeticError, "NumberOutOfRange", message)
}

fn too_long() -> CypherError {
    let message = format!("expected at most {LIST_MAX} elements or bytes of a list or a string");
    CypherError::runtime(ErrorType::LimitExceeded, "ListTooLong", message)
}

fn add(a: &Value, b: &Value) -> Result<Value> {
    Ok(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::List(a), Value::List(b)) => joined(a.iter().chain(b.iter()), a.len() + b.len())?,
        (Value::List(a), b) => joined(a.iter().chain([b]), a.len() + 1)?,
        (a, Value::List(b)) => joined([a].into_iter().chain(b.iter()), b.len() + 1)?,
        (Value::Integer(a), Value::Integer(b)) => a.checked_add(*b).ok_or_else(overflow)?.into(),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            floats(a, b, |a, b| a + b)
        }
        (Value::String(a), Value::String(b)) => concatenated(&a.as_str(), &b.as_str())?,
        (
            Value::String(a),
            b @ (Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Temporal(_)),
        ) => concatenated(&a.as_str(), &text(b))?,
        (
            a @ (Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Temporal(_)),
            Value::String(b),
        ) => concatenated(&text(a), &b.as_str())?,
        (Value::Temporal(x), Value::Temporal(y)) => match (&**x, &**y) {
            (x, Temporal::Duration(y)) => temporal::add(x, *y)?.into(),
            (Temporal::Duration(x), y) => temporal::add(y, *x)?.into(),
            _ => return Err(wrong("+", a, b)),
        },
        _ => return Err(wrong("+", a, b)),
    })
}

fn joined<'a>(items: impl Iterator<Item = &'a Value>, len: usize) -> Result<Value> {
    match len > LIST_MAX {
        true => Err(too_long()),
        false => Ok(Value::list(items.cloned())),
    }
}

fn concatenated(a: &str, b: &str) -> Result<Value> {
    match a.len() + b.len() > LIST_MAX {
        true => Err(too_long()),
        false => Ok([a, b].concat().into()),
    }
}

fn floats(a: &Value, b: &Value, f: impl Fn(f64, f64) -> f64) -> Value {
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => f(a, b).into(),
        _ => Value::Null,
    }
}

fn subtract(a: &Value, b: &Value) -> Result<Value> {
    Ok(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Integer(a), Value::Integer(b)) => a.checked_sub(*b).ok_or_else(overflow)?.into(),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            floats(a, b, |a, b| a - b)
        }
        (Value::Temporal(x), Value::Temporal(y)) => match &**y {
            Temporal::Duration(y) => temporal::add(x, temporal::scaled(y, -1.0)?)?.into(),
            _ => return Err(wrong("-", a, b)),
        },
        _ => return Err(wrong("-", a, b)),
    })
}

fn multiply(a: &Value, b: &Value) -> Result<Value> {
    Ok(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Integer(a), Value::Integer(b)) => a.checked_mul(*b).ok_or_else(overflow)?.into(),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            floats(a, b, |a, b| a * b)
        }
        (Value::Temporal(x), y) | (y, Value::Temporal(x)) => match (&**x, y.number()) {
            (Temporal::Duration(x), Some(factor)) => {
                Temporal::Duration(temporal::scaled(x, factor)?).into()
            }
            _ => return Err(wrong("*", a, b)),
        },
        _ => return Err(wrong("*", a, b)),
    })
}

fn by_zero() -> CypherError {
    CypherError::runtime(
        ErrorType::ArithmeticError,
        "DivisionByZero",
        "expected an integer other than 0 to divide by",
    )
}

fn divide(a: &Value, b: &Value) -> Result<Value> {
    Ok(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Integer(_), Value::Integer(0)) => return Err(by_zero()),
        (Value::Integer(a), Value::Integer(b)) => a.checked_div(*b).ok_or_else(overflow)?.into(),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            floats(a, b, |a, b| a / b)
        }
        (Value::Temporal(x), y) => match (&**x, y.number()) {
            (Temporal::Duration(x), Some(divisor)) => {
                Temporal::Duration(temporal::scaled(x, 1.0 / divisor)?).into()
            }
            _ => return Err(wrong("/", a, b)),
        },
        _ => return Err(wrong("/", a, b)),
    })
}

fn modulo(a: &Value, b: &Value) -> Result<Value> {
    Ok(match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Integer(_), Value::Integer(0)) => return Err(by_zero()),
        (Value::Integer(a), Value::Integer(b)) => a.wrapping_rem(*b).into(),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            floats(a, b, |a, b| a % b)
        }
        _ => return Err(wrong("%", a, b)),
    })
}

fn power(a: &Value, b: &Value) -> Result<Value> {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Integer(_) | Value::Float(_), Value::Integer(_) | Value::Float(_)) => {
            Ok(floats(a, b, f64::powf))
        }
        _ => Err(wrong("^", a, b)),
    }
}

/// The opposite of a number or a duration.
pub fn negate(of: &Value) -> Result<Value> {
    Ok(match of {
        Value::Null => Value::Null,
        Value::Integer(n) => n.checked_neg().ok_or_else(overflow)?.into(),
        Value::Float(x) => (-x).into(),
        Value::Temporal(value) => match &**value {
            Temporal::Duration(duration) => {
                Temporal::Duration(temporal::scaled(duration, -1.0)?).into()
            }
            _ => return Err(wrong("-", &Value::Null, of)),
        },
        _ => return Err(wrong("-", &Value::Null, of)),
    })
}

fn is_in(item: &Value, list: &Value) -> Result<Value> {
    let items = match list {
        Value::Null => return Ok(Value::Null),
        Value::List(items) => items,
        other => return Err(wrong("IN", item, other)),
    };
    let mut is_known = true;
    for there in items.iter() {
        match item.equals(there) {
            Some(true) => return Ok(true.into()),
            Some(false) => {}
            None => is_known = false,
        }
    }
    Ok(is_known.then_some(false).into())
}

fn of_strings(a: &Value, b: &Value, is_met: fn(&[u8], &[u8]) -> bool) -> Value {
    match (a, b) {
        (Value::String(a), Value::String(b)) => is_met(&a.0, &b.0).into(),
        _ => Value::Null,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

/// The elements of a list from an index up to another; negative ones count from its end.
pub fn slice(of: &Value, from: Option<&Value>, to: Option<&Value>) -> Result<Value> {
    let items = match of {
        Value::Null => return Ok(Value::Null),
        Value::List(items) => items,
        other => return Err(wrong("a range of a list", other, &Value::Null)),
    };
    let len = items.len() as i64;
    let end = |end: Option<&Value>, default: i64| match end {
        None => Ok(Some(default)),
        Some(Value::Null) => Ok(None),
        Some(Value::Integer(n)) => Ok(Some(if *n < 0 {
            (len + n).max(0)
        } else {
            (*n).min(len)
        })),
        Some(other) => Err(wrong("a range of a list", of, other)),
    };
    let (Some(from), Some(to)) = (end(from, 0)?, end(to, len)?) else {
        return Ok(Value::Null);
    };
    match from < to {
        true => Ok(Value::list(
            items[from as usize..to as usize].iter().cloned(),
        )),
        false => Ok(Value::List(Arc::new([]))),
    }
}

/// A float as text: with a point or an exponent, so that it is read back as one.
pub fn float_text(x: f64) -> String {
    match x {
        x if x.is_nan() => "NaN".to_owned(),
        x if x.is_infinite() => if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        x if x != 0.0 && !(1e-5..1e15).contains(&x.abs()) => {
            let text = format!("{x:E}");
            let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
            match digits.contains('.') {
                true => text.clone(),
                false => format!("{digits}.0E{exponent}"),
            }
        }
        x => format!("{x:?}"),
    }
}

/// A value that is no list, map or entity as text.
pub fn text(value: &Value) -> String {
    match value {
        Value::Boolean(b) => b.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Float(x) => float_text(*x),
        Value::String(text) => text.as_str().into_owned(),
        Value::Temporal(value) => value.to_string(),
        other => other.type_name().to_owned(),
    }
}
