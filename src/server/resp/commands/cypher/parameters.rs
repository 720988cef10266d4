//! Parameters of a statement from JSON.

use serde_json::Value as Json;

use super::super::super::error::CommandError;
use super::super::operand::expected;
use crate::query::cypher::value::{Map, Value};

/// The parameters that a JSON object says.
pub(super) fn from_json(json: &[u8]) -> Result<Map, CommandError> {
    let object: serde_json::Map<String, Json> = serde_json::from_slice(json)
        .map_err(|_| expected(r#"a JSON object such as {"name":"Ada"}"#, json))?;
    Ok(map(&object))
}

fn map(object: &serde_json::Map<String, Json>) -> Map {
    object
        .iter()
        .map(|(key, json)| (key.as_str().into(), value(json)))
        .collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Boolean(*b),
        Json::Number(number) => match number.as_i64() {
            Some(n) => Value::Integer(n),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::list(items.iter().map(value)),
        Json::Object(object) => Value::Map(map(object).into()),
    }
}
