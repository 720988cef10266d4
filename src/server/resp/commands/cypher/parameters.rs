//! Parameters of a statement from JSON.

use serde_json::Value as Json;

use super::super::super::error::CommandError;
use super::super::operand::expected;
use crate::query::cypher::value::{Map, Value};

/// The parameters that a JSON object says.
pub(super) fn from_json(json: &[u8]) -> Result<Map, CommandError> {
    let object: serde_json::Map<String, Json> = serde_json::from_slice(json)
        .map_err(|_| expected(r#"a JSON object such as {"name":"Ada"}"#, json))?;
    let parameter = |(key, json): (&String, &Json)| (key.as_str().into(), Value::of_json(json));
    Ok(object.iter().map(parameter).collect())
}
