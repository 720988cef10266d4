//! CSV with a header line: one column is the name, one the value, the others are fields.

use ladybug_engine::space::fields::FieldValue;

use super::LoadError;
use super::row::{Catalogue, Row};

/// Reads every record. Empty cells are no fields.
pub fn parse(
    input: &[u8],
    name: &str,
    value: &str,
    kind: Option<&str>,
) -> Result<Catalogue, LoadError> {
    let mut reader = ::csv::Reader::from_reader(input);
    let headers = reader.byte_headers().map_err(wrong)?.clone();
    let column = |wanted: &str| {
        headers
            .iter()
            .position(|header| header == wanted.as_bytes())
    };
    let Some(name_column) = column(name) else {
        let names: Vec<_> = headers.iter().map(String::from_utf8_lossy).collect();
        return Err(LoadError::Syntax {
            line: 1,
            expected: "a header with the column that --name names",
            got: names.join(","),
        });
    };
    let value_column = column(value);
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(wrong)?;
        let mut row = Row {
            kinds: kind.map(str::to_owned).into_iter().collect(),
            ..Row::default()
        };
        for (at, cell) in record.iter().enumerate() {
            if at == name_column {
                row.name = cell.to_vec();
            } else if Some(at) == value_column && !cell.is_empty() {
                row.value = Some(cell.to_vec());
            } else if !cell.is_empty() {
                let field = String::from_utf8_lossy(&headers[at]).into_owned();
                row.fields.push((field, FieldValue::Bytes(cell.into())));
            }
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err(LoadError::Empty("a header and at least one record"));
    }
    Ok(Catalogue {
        wanted: rows.len(),
        rows,
        ..Catalogue::default()
    })
}

fn wrong(error: ::csv::Error) -> LoadError {
    LoadError::Syntax {
        line: error.position().map_or(1, ::csv::Position::line),
        expected: "a CSV record with as many cells as the header",
        got: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_rows() {
        let input = b"id,text,born\nada,\"a poet, and more\",1815\ncharles,,1791\n";
        let rows = parse(input, "id", "text", Some("Person"))
            .expect("rows")
            .rows;
        assert_eq!(rows[0].value.as_deref(), Some(&b"a poet, and more"[..]));
        assert_eq!((rows[1].value.as_ref(), rows[1].fields.len()), (None, 1));
        assert_eq!(rows[1].kinds, ["Person"]);
    }

    #[test]
    fn wrong_records_say_which() {
        let missing = parse(b"a,b\n1,2\n", "name", "value", None).expect_err("no name");
        assert!(missing.to_string().contains("--name"), "{missing}");
        let ragged = parse(b"name,b\n1,2\n1\n", "name", "value", None).expect_err("a short record");
        assert!(ragged.to_string().starts_with("line 3"), "{ragged}");
        assert!(parse(b"name\n", "name", "value", None).is_err());
    }
}
