//! JSON lines: an object a line, with "name" and optionally "value", "kinds", "fields" and "edges".
//!
//! `{"name": "ada", "value": "a poet", "kinds": ["Person"], "fields": {"born": 1815},
//! "edges": [["KNOWS", "charles"]]}`. A line without "fields" may carry them at the top level.

use ladybug_engine::space::fields::FieldValue;
use serde_json::{Map, Value};

use super::LoadError;
use super::row::{Aim, Catalogue, Row};

/// Reads every line that is not blank.
pub fn parse(input: &[u8]) -> Result<Catalogue, LoadError> {
    let mut rows = Vec::new();
    for (at, line) in input.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line_number = at as u64 + 1;
        let object = serde_json::from_slice::<Map<String, Value>>(line).map_err(|error| {
            syntax(
                line_number,
                "a JSON object",
                &format!("{:.60} ({error})", String::from_utf8_lossy(line)),
            )
        })?;
        rows.push(row(object, line_number)?);
    }
    if rows.is_empty() {
        return Err(LoadError::Empty("a JSON object a line"));
    }
    Ok(Catalogue {
        wanted: rows.len(),
        rows,
        ..Catalogue::default()
    })
}

fn syntax(line: u64, expected: &'static str, got: &str) -> LoadError {
    LoadError::Syntax {
        line,
        expected,
        got: got.to_owned(),
    }
}

fn row(mut object: Map<String, Value>, line: u64) -> Result<Row, LoadError> {
    let name = match object.remove("name") {
        Some(Value::String(name)) => name.into_bytes(),
        other => return Err(syntax(line, "a string \"name\"", &show(other))),
    };
    let mut row = Row {
        name,
        ..Row::default()
    };
    match object.remove("value") {
        None | Some(Value::Null) => {}
        Some(Value::String(value)) => row.value = Some(value.into_bytes()),
        Some(other) => row.value = Some(other.to_string().into_bytes()),
    }
    match object.remove("kinds") {
        None | Some(Value::Null) => {}
        Some(Value::Array(kinds)) if kinds.iter().all(Value::is_string) => {
            row.kinds = kinds
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
        }
        other => return Err(syntax(line, "a list of strings as \"kinds\"", &show(other))),
    }
    match object.remove("edges") {
        None | Some(Value::Null) => {}
        Some(Value::Array(edges)) => {
            for edge in edges {
                let ends = edge.as_array().filter(|pair| pair.len() == 2);
                let words = ends.and_then(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)));
                let Some((verb, target)) = words else {
                    return Err(syntax(
                        line,
                        "[verb, target] in \"edges\"",
                        &edge.to_string(),
                    ));
                };
                let aim = Aim {
                    any_of: vec![target.as_bytes().to_vec()],
                    is_needed: false,
                };
                row.edges.push((verb.to_owned(), aim));
            }
        }
        other => return Err(syntax(line, "a list as \"edges\"", &show(other))),
    }
    let fields = match object.remove("fields") {
        None | Some(Value::Null) => object,
        Some(Value::Object(fields)) => fields,
        other => return Err(syntax(line, "an object as \"fields\"", &show(other))),
    };
    for (name, value) in fields {
        if let Some(value) = field(value) {
            row.fields.push((name, value));
        }
    }
    Ok(row)
}

fn show(value: Option<Value>) -> String {
    value.map_or("nothing".to_owned(), |value| value.to_string())
}

/// A JSON value as a field's; null is no field, an object its JSON text.
fn field(value: Value) -> Option<FieldValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => FieldValue::Boolean(b),
        Value::Number(n) => match n.as_i64() {
            Some(n) => FieldValue::Integer(n),
            None => FieldValue::Float(n.as_f64()?),
        },
        Value::String(text) => FieldValue::Bytes(text.into_bytes().into()),
        Value::Array(items) => FieldValue::List(items.into_iter().filter_map(field).collect()),
        object @ Value::Object(_) => FieldValue::Bytes(object.to_string().into_bytes().into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows() {
        let lines = br#"
            {"name": "ada", "value": "a poet", "kinds": ["Person"], "fields": {"born": 1815, "x": null}, "edges": [["KNOWS", "charles"]]}
            {"name": "charles", "born": 1791.5, "alive": false, "tags": ["a", 1]}
        "#;
        let rows = parse(lines).expect("rows").rows;
        assert_eq!(rows.len(), 2);
        assert_eq!(
            rows[0].fields,
            [("born".to_owned(), FieldValue::Integer(1815))]
        );
        assert_eq!(rows[0].edges[0].0, "KNOWS");
        assert_eq!((rows[1].value.as_ref(), rows[1].fields.len()), (None, 3));
    }

    #[test]
    fn wrong_lines_say_which_and_what() {
        for (line, expected) in [
            ("[1]", "a JSON object"),
            ("{", "a JSON object"),
            ("{\"value\": 1}", "a string \"name\""),
            (
                "{\"name\": \"x\", \"kinds\": \"y\"}",
                "a list of strings as \"kinds\"",
            ),
            (
                "{\"name\": \"x\", \"edges\": [[\"v\"]]}",
                "[verb, target] in \"edges\"",
            ),
            (
                "{\"name\": \"x\", \"fields\": 7}",
                "an object as \"fields\"",
            ),
        ] {
            let error = parse(format!("{{\"name\": \"ok\"}}\n{line}").as_bytes()).expect_err(line);
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("line 2: expected {expected}, got ")),
                "{error}"
            );
        }
        assert!(parse(b" \n").is_err());
    }
}
