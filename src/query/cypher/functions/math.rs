//! Functions of numbers.

use super::super::compile::scope::Type;
use super::super::error::Result;
use super::super::value::Value;
use super::{Function, wrong};

const NUMBER: Function = Function {
    takes: || Some(vec![Type::Number]),
    result: |_| Type::Float,
    ..Function::DEFAULT
};

const CONSTANT: Function = Function {
    least: 0,
    most: 0,
    result: |_| Type::Float,
    ..Function::DEFAULT
};

fn number(function: &str, value: &Value) -> Result<f64> {
    value
        .number()
        .ok_or_else(|| wrong(function, "a number", value))
}

macro_rules! of_float {
    ($name:literal, $f:expr) => {
        Function {
            name: $name,
            run: |_, arguments| {
                let f: fn(f64) -> f64 = $f;
                Ok(Value::Float(f(number($name, &arguments[0])?)))
            },
            ..NUMBER
        }
    };
}

/// The family.
pub const FUNCTIONS: &[Function] = &[
    Function {
        name: "abs",
        result: |kinds| kinds[0].clone(),
        run: |_, arguments| match &arguments[0] {
            Value::Integer(n) => Ok(Value::Integer(n.saturating_abs())),
            other => Ok(Value::Float(number("abs", other)?.abs())),
        },
        ..NUMBER
    },
    Function {
        name: "sign",
        result: |_| Type::Integer,
        run: |_, arguments| {
            let x = number("sign", &arguments[0])?;
            Ok(Value::Integer(i64::from(x > 0.0) - i64::from(x < 0.0)))
        },
        ..NUMBER
    },
    of_float!("ceil", f64::ceil),
    of_float!("floor", f64::floor),
    Function {
        name: "round",
        most: 2,
        run: |_, arguments| {
            let x = number("round", &arguments[0])?;
            let digits = arguments
                .get(1)
                .map(|digits| number("round", digits))
                .transpose()?;
            let scale = 10f64.powf(digits.unwrap_or(0.0).clamp(0.0, 15.0).trunc());
            // A half goes up.
            let rounded = (x * scale + 0.5).floor() / scale;
            Ok(Value::Float(if rounded.is_finite() { rounded } else { x }))
        },
        ..NUMBER
    },
    of_float!("sqrt", f64::sqrt),
    of_float!("exp", f64::exp),
    of_float!("log", f64::ln),
    of_float!("log10", f64::log10),
    of_float!("sin", f64::sin),
    of_float!("cos", f64::cos),
    of_float!("tan", f64::tan),
    of_float!("cot", |x| 1.0 / x.tan()),
    of_float!("asin", f64::asin),
    of_float!("acos", f64::acos),
    of_float!("atan", f64::atan),
    of_float!("degrees", f64::to_degrees),
    of_float!("radians", f64::to_radians),
    of_float!("haversin", |x| (1.0 - x.cos()) / 2.0),
    Function {
        name: "atan2",
        least: 2,
        most: 2,
        run: |_, arguments| {
            let (y, x) = (
                number("atan2", &arguments[0])?,
                number("atan2", &arguments[1])?,
            );
            Ok(Value::Float(y.atan2(x)))
        },
        ..NUMBER
    },
    Function {
        name: "isNaN",
        result: |_| Type::Boolean,
        run: |_, arguments| Ok(number("isNaN", &arguments[0])?.is_nan().into()),
        ..NUMBER
    },
    Function {
        name: "pi",
        run: |_, _| Ok(Value::Float(std::f64::consts::PI)),
        ..CONSTANT
    },
    Function {
        name: "e",
        run: |_, _| Ok(Value::Float(std::f64::consts::E)),
        ..CONSTANT
    },
    Function {
        name: "rand",
        is_deterministic: false,
        run: |executor, _| Ok(Value::Float(executor.random())),
        ..CONSTANT
    },
];
