//! Functions of lists, and those that choose among values.

use super::super::compile::scope::Type;
use super::super::error::{CypherError, ErrorType, Result};
use super::super::execute::Executor;
use super::super::operators::LIST_MAX;
use super::super::value::Value;
use super::{Function, wrong};

fn element(kinds: &[Type]) -> Type {
    match kinds.first() {
        Some(Type::List(element)) => (**element).clone(),
        _ => Type::Any,
    }
}

fn same(kinds: &[Type]) -> Type {
    kinds.first().cloned().unwrap_or(Type::Any)
}

fn list() -> Option<Vec<Type>> {
    Some(vec![Type::any_list()])
}

fn items<'a>(function: &str, value: &'a Value) -> Result<&'a [Value]> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(wrong(function, "a list", other)),
    }
}

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "size",
        takes: || Some(vec![Type::any_list(), Type::String, Type::Map]),
        result: |_| Type::Integer,
        run: |_, arguments| match &arguments[0] {
            Value::List(items) => Ok(Value::Integer(items.len() as i64)),
            Value::String(text) => Ok(Value::Integer(text.as_str().chars().count() as i64)),
            Value::Map(map) => Ok(Value::Integer(map.len() as i64)),
            other => Err(wrong("size", "a list or a string", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "isEmpty",
        takes: || Some(vec![Type::any_list(), Type::String, Type::Map]),
        result: |_| Type::Boolean,
        run: |_, arguments| match &arguments[0] {
            Value::List(items) => Ok(items.is_empty().into()),
            Value::String(text) => Ok(text.0.is_empty().into()),
            Value::Map(map) => Ok(map.is_empty().into()),
            other => Err(wrong("isEmpty", "a list, a string or a map", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "coalesce",
        most: usize::MAX,
        is_strict: false,
        result: |kinds| kinds.iter().cloned().reduce(Type::or).unwrap_or(Type::Any),
        run: |_, arguments| {
            let first = arguments.iter().find(|value| !value.is_null());
            Ok(first.cloned().unwrap_or_default())
        },
        ..Function::DEFAULT
    },
    Function {
        name: "head",
        takes: list,
        result: element,
        run: |_, arguments| {
            Ok(items("head", &arguments[0])?
                .first()
                .cloned()
                .unwrap_or_default())
        },
        ..Function::DEFAULT
    },
    Function {
        name: "last",
        takes: list,
        result: element,
        run: |_, arguments| {
            Ok(items("last", &arguments[0])?
                .last()
                .cloned()
                .unwrap_or_default())
        },
        ..Function::DEFAULT
    },
    Function {
        name: "tail",
        takes: list,
        result: same,
        run: |_, arguments| {
            Ok(Value::list(
                items("tail", &arguments[0])?.iter().skip(1).cloned(),
            ))
        },
        ..Function::DEFAULT
    },
    Function {
        name: "reverse",
        takes: || Some(vec![Type::any_list(), Type::String]),
        result: same,
        run: |_, arguments| match &arguments[0] {
            Value::List(items) => Ok(Value::list(items.iter().rev().cloned())),
            Value::String(text) => Ok(text.as_str().chars().rev().collect::<String>().into()),
            other => Err(wrong("reverse", "a list or a string", other)),
        },
        ..Function::DEFAULT
    },
    Function {
        name: "range",
        least: 2,
        most: 3,
        result: |_| Type::List(Box::new(Type::Integer)),
        run: range,
        ..Function::DEFAULT
    },
];

/// The integers from one to another, both included.
fn range(executor: &Executor<'_, '_>, arguments: &[Value]) -> Result<Value> {
    let integer = |value: &Value| match value {
        Value::Integer(n) => Ok(*n),
        other => Err(CypherError::runtime(
            ErrorType::ArgumentError,
            "InvalidArgumentType",
            format!("expected integers for range(), got {}", other.type_name()),
        )),
    };
    let (from, to) = (integer(&arguments[0])?, integer(&arguments[1])?);
    let step = arguments.get(2).map(integer).transpose()?.unwrap_or(1);
    let refused = |message: String| {
        CypherError::runtime(ErrorType::ArgumentError, "NumberOutOfRange", message)
    };
    if step == 0 {
        return Err(refused(
            "expected a step of range() other than 0".to_owned(),
        ));
    }
    let distance = (i128::from(to) - i128::from(from)) / i128::from(step);
    if distance < 0 || (from < to) != (step > 0) && from != to {
        return Ok(Value::list([]));
    }
    if distance >= LIST_MAX as i128 {
        return Err(refused(format!(
            "expected a range of at most {LIST_MAX} integers"
        )));
    }
    executor.spend(distance as usize)?;
    Ok(Value::list(
        (0..=distance as i64).map(|n| Value::Integer(from + n * step)),
    ))
}
