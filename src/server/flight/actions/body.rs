//! Bodies of actions: Arrow IPC or JSON, told apart by how they begin, to a record batch of an action's
//! parameters; and its answer in the form that is wanted.
//!
//! In JSON a body is an object a call, or an array of them; bytes are a string, or `{"hex": "00ff"}` where they
//! are no text, as HTTP writes them; a fingerprint is 2,560 hex digits, an address `"@8042"` or a number, a time
//! microseconds since the epoch, and what JSON has no form for its text.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, BooleanArray, FixedSizeBinaryBuilder,
    FixedSizeListArray, Float64Array, Int64Array, ListArray, RecordBatch, RecordBatchOptions,
    StringArray, UInt64Array, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{CastOptions, cast, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::schema::time_type;
use serde_json::{Map, Value, json};

use super::super::access::Form;
use super::super::error::FlightError;
use super::super::ipc;
use super::super::received::{FILE_START, MESSAGE_START, of_ipc};

/// Field metadata that says that text is JSON.
pub const EXTENSION: (&str, &str) = ("ARROW:extension:name", "arrow.json");

/// The calls of a body, a row each, in the columns of `schema`. An empty body is one call without parameters.
///
/// # Errors
/// It is neither Arrow nor JSON, or a column is not as it was expected.
pub fn decode(body: &Bytes, schema: &SchemaRef) -> Result<RecordBatch, FlightError> {
    let start = body.trim_ascii_start();
    if start.is_empty() {
        let columns = schema
            .fields()
            .iter()
            .map(|field| new_null_array(field.data_type(), 1));
        return calls(schema, columns.collect(), 1);
    }
    if body.starts_with(&MESSAGE_START) || body.starts_with(FILE_START) {
        return of_arrow(body, schema);
    }
    if start.starts_with(b"{") || start.starts_with(b"[") {
        return of_json(body, schema);
    }
    Err(FlightError::bad(
        "expected a body in Arrow IPC, or in JSON an object such as {\"a\": \"KEY x\"} or an array of them",
    ))
}

fn calls(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, FlightError> {
    for (field, column) in schema.fields().iter().zip(&columns) {
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(FlightError::bad(format!(
                "expected '{}' in every call",
                field.name()
            )));
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

fn of_arrow(body: &Bytes, schema: &SchemaRef) -> Result<RecordBatch, FlightError> {
    let (given, batches) = of_ipc(body.clone())?;
    let batch = concat_batches(&given, &batches)?;
    refuse_unknown(
        given.fields().iter().map(|field| field.name().as_str()),
        schema,
    )?;
    let columns = schema.fields().iter().map(|field| {
        let Some(column) = batch.column_by_name(field.name()) else {
            return Ok(new_null_array(field.data_type(), batch.num_rows()));
        };
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        cast_with_options(column, field.data_type(), &options).map_err(|error| {
            FlightError::bad(format!(
                "'{}': expected {}, got {}: {error}",
                field.name(),
                field.data_type(),
                column.data_type()
            ))
        })
    });
    let columns = columns.collect::<Result<_, _>>()?;
    calls(schema, columns, batch.num_rows())
}

fn refuse_unknown<'a>(
    mut names: impl Iterator<Item = &'a str>,
    schema: &Schema,
) -> Result<(), FlightError> {
    let Some(unknown) = names.find(|name| schema.index_of(name).is_err()) else {
        return Ok(());
    };
    let known: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    Err(FlightError::bad(match known.is_empty() {
        true => format!("expected no parameters, got '{unknown}'"),
        false => format!(
            "no such parameter '{unknown}'; there are {}",
            known.join(", ")
        ),
    }))
}

fn of_json(body: &[u8], schema: &SchemaRef) -> Result<RecordBatch, FlightError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| FlightError::bad(format!("the body is no JSON: {error}")))?;
    let objects = match value {
        Value::Array(items) => items,
        object => vec![object],
    };
    let objects = objects.iter().map(|item| {
        let object = item.as_object();
        object.ok_or_else(|| {
            FlightError::bad(format!("expected an object a call, got {}", shown(item)))
        })
    });
    let objects: Vec<&Map<String, Value>> = objects.collect::<Result<_, _>>()?;
    for object in &objects {
        refuse_unknown(object.keys().map(String::as_str), schema)?;
    }
    let columns = schema.fields().iter().map(|field| {
        let values: Vec<&Value> = objects
            .iter()
            .map(|object| object.get(field.name()).unwrap_or(&Value::Null))
            .collect();
        array_of(field, &values)
    });
    let columns = columns.collect::<Result<_, _>>()?;
    calls(schema, columns, objects.len())
}

/// JSON values as a column of a field's type.
fn array_of(field: &Field, values: &[&Value]) -> Result<ArrayRef, FlightError> {
    let data_type = field.data_type();
    let wrong = |value: &Value| {
        FlightError::bad(format!(
            "'{}': expected {data_type}, got {}",
            field.name(),
            shown(value)
        ))
    };
    /// Each value as `of` reads it; null is none.
    fn each<T>(
        values: &[&Value],
        of: impl Fn(&Value) -> Option<T>,
        wrong: impl Fn(&Value) -> FlightError,
    ) -> Result<Vec<Option<T>>, FlightError> {
        let value = |value: &&Value| match value {
            Value::Null => Ok(None),
            value => of(value).map(Some).ok_or_else(|| wrong(value)),
        };
        values.iter().map(value).collect()
    }
    let array: ArrayRef = match data_type {
        DataType::Utf8 => {
            // A space, or a method, is also known by its number.
            let number = |value: &Value| value.is_u64().then(|| value.to_string());
            let of = |value: &Value| text(value).map(str::to_owned).or_else(|| number(value));
            Arc::new(StringArray::from(each(values, of, wrong)?))
        }
        DataType::Binary => {
            let bytes = each(values, bytes, wrong)?;
            Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        DataType::Boolean => Arc::new(BooleanArray::from(each(values, Value::as_bool, wrong)?)),
        DataType::FixedSizeBinary(width) => {
            let mut builder = FixedSizeBinaryBuilder::new(*width);
            let is_fitting = |bytes: &Vec<u8>| i32::try_from(bytes.len()) == Ok(*width);
            let hex = |value: &Value| hex(text(value)?).filter(is_fitting);
            for bytes in each(values, hex, wrong)? {
                match bytes {
                    Some(bytes) => builder.append_value(bytes)?,
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        DataType::List(item) | DataType::FixedSizeList(item, _) => {
            let lists = each(values, |value| value.as_array().cloned(), wrong)?;
            list_of(item, data_type, &lists)?
        }
        DataType::Dictionary(_, _) => {
            let texts = each(values, |value| text(value).map(str::to_owned), wrong)?;
            cast(&StringArray::from(texts), data_type)?
        }
        DataType::Float32 | DataType::Float64 => cast(
            &Float64Array::from(each(values, Value::as_f64, wrong)?),
            data_type,
        )?,
        DataType::Timestamp(_, _) => cast(
            &Int64Array::from(each(values, Value::as_i64, wrong)?),
            data_type,
        )?,
        _ => {
            let most = if *data_type == DataType::UInt16 {
                0xFFFF
            } else {
                u64::MAX
            };
            let number = |value: &Value| {
                let address = value.as_str().and_then(|text| text.parse::<Address>().ok());
                let address = address.map(|address| u64::from(address.0));
                value.as_u64().or(address).filter(|number| *number <= most)
            };
            let numbers = UInt64Array::from(each(values, number, wrong)?);
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            cast_with_options(&numbers, data_type, &options)?
        }
    };
    Ok(array)
}

fn list_of(
    item: &Arc<Field>,
    data_type: &DataType,
    lists: &[Option<Vec<Value>>],
) -> Result<ArrayRef, FlightError> {
    let nulls = Some(
        lists
            .iter()
            .map(Option::is_some)
            .collect::<arrow::buffer::NullBuffer>(),
    );
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    let DataType::FixedSizeList(_, size) = data_type else {
        let items: Vec<&Value> = lists.iter().flatten().flatten().collect();
        let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Vec::len));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let items = array_of(item, &items)?;
        return Ok(Arc::new(ListArray::new(
            Arc::clone(item),
            offsets,
            items,
            nulls,
        )));
    };
    let len = usize::try_from(*size).expect("invariant: sizes are positive");
    let absent = vec![Value::Null; len];
    let mut items: Vec<&Value> = Vec::with_capacity(lists.len() * len);
    for list in lists {
        let list = list.as_ref().unwrap_or(&absent);
        if list.len() != len {
            let message = format!("expected a list of {len}, got one of {}", list.len());
            return Err(FlightError::bad(message));
        }
        items.extend(list);
    }
    let items = array_of(item, &items)?;
    Ok(Arc::new(FixedSizeListArray::new(
        Arc::clone(item),
        *size,
        items,
        nulls,
    )))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

/// The bytes of a string, of a number's text, or of `{"hex": …}`.
fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        Value::Object(map) if map.len() == 1 => hex(map.get("hex")?.as_str()?),
        _ => None,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|byte| char::from(byte).to_digit(16));
    let digits = digits.collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}

fn shown(value: &Value) -> String {
    let mut text = value.to_string();
    let mut end = 64.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// An answer in the form that is wanted.
///
/// # Errors
/// A column cannot be encoded.
pub fn encode(batch: &RecordBatch, form: Form) -> Result<Vec<u8>, FlightError> {
    match form {
        Form::Arrow => Ok(ipc::stream_bytes(
            &batch.schema(),
            std::slice::from_ref(batch),
        )?),
        Form::Json => Ok(rows_json(batch)?.to_string().into_bytes()),
    }
}

/// The rows of a batch, an object each.
fn rows_json(batch: &RecordBatch) -> Result<Value, FlightError> {
    let mut rows = vec![Map::new(); batch.num_rows()];
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let is_json = field
            .metadata()
            .get(EXTENSION.0)
            .is_some_and(|name| name == EXTENSION.1);
        for (row, value) in rows.iter_mut().zip(column_json(column)?) {
            let value = match &value {
                Value::String(text) if is_json => serde_json::from_str(text).unwrap_or(value),
                _ => value,
            };
            row.insert(field.name().clone(), value);
        }
    }
    Ok(rows.into_iter().map(Value::Object).collect())
}

/// The values of a column.
fn column_json(column: &ArrayRef) -> Result<Vec<Value>, FlightError> {
    fn each(column: &ArrayRef, of: impl Fn(usize) -> Value) -> Vec<Value> {
        let value = |row| match column.is_null(row) {
            true => Value::Null,
            false => of(row),
        };
        (0..column.len()).map(value).collect()
    }
    Ok(match column.data_type() {
        DataType::Boolean => each(column, |row| column.as_boolean().value(row).into()),
        DataType::Utf8 => each(column, |row| column.as_string::<i32>().value(row).into()),
        DataType::LargeUtf8 | DataType::Utf8View => column_json(&cast(column, &DataType::Utf8)?)?,
        DataType::LargeBinary | DataType::BinaryView => {
            column_json(&cast(column, &DataType::Binary)?)?
        }
        DataType::LargeList(item) => column_json(&cast(column, &DataType::List(item.clone()))?)?,
        DataType::Null => vec![Value::Null; column.len()],
        DataType::Binary => {
            let bytes = column.as_binary::<i32>();
            each(column, |row| match std::str::from_utf8(bytes.value(row)) {
                Ok(text) => text.into(),
                Err(_) => json!({ "hex": hex_of(bytes.value(row)) }),
            })
        }
        DataType::FixedSizeBinary(_) => {
            let bytes = column.as_fixed_size_binary();
            each(column, |row| hex_of(bytes.value(row)).into())
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let items = column_json(lists.values())?;
            each(column, |row| {
                let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
                let at = |at: i32| usize::try_from(at).expect("invariant: offsets are positive");
                items[at(start)..at(end)].to_vec().into()
            })
        }
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).expect("invariant: sizes are positive");
            let items = column_json(column.as_fixed_size_list().values())?;
            each(column, |row| items[row * size..][..size].to_vec().into())
        }
        DataType::Dictionary(_, values) => column_json(&cast(column, values)?)?,
        DataType::Float32 | DataType::Float64 => {
            let numbers = cast(column, &DataType::Float64)?;
            let is_single = *column.data_type() == DataType::Float32;
            each(column, |row| {
                let number = numbers.as_primitive::<Float64Type>().value(row);
                // The double whose shortest decimal is that of the single.
                let shortest = || (number as f32).to_string().parse().unwrap_or(number);
                json!(if is_single { shortest() } else { number })
            })
        }
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
            let numbers = cast(column, &DataType::UInt64)?;
            each(column, |row| {
                numbers.as_primitive::<UInt64Type>().value(row).into()
            })
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let numbers = cast(column, &DataType::Int64)?;
            each(column, |row| {
                numbers.as_primitive::<Int64Type>().value(row).into()
            })
        }
        DataType::Timestamp(_, _) => {
            let times = cast(column, &time_type())?;
            column_json(&cast(&times, &DataType::Int64)?)?
        }
        _ => {
            let options = FormatOptions::default();
            let texts = ArrayFormatter::try_new(column.as_ref(), &options)?;
            let texts = (0..column.len()).map(|row| match column.is_null(row) {
                true => Ok(Value::Null),
                false => texts.value(row).try_to_string().map(Value::from),
            });
            texts.collect::<Result<_, _>>()?
        }
    })
}

fn hex_of(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("invariant: writing to a string succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn schema() -> SchemaRef {
        let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
        Arc::new(Schema::new(vec![
            Field::new("a", DataType::Binary, false),
            Field::new("k", DataType::UInt64, true),
            Field::new("words", list(DataType::Utf8), true),
            Field::new("at", DataType::UInt16, true),
        ]))
    }

    fn decoded(body: &[u8], schema: &SchemaRef) -> Result<RecordBatch, FlightError> {
        decode(&Bytes::copy_from_slice(body), schema)
    }

    fn refusal(body: &[u8]) -> String {
        decoded(body, &schema()).unwrap_err().message
    }

    #[test]
    fn json_and_arrow_say_the_same() {
        let body =
            br#" [{"a": "x", "k": 3, "words": ["u", "v"]}, {"a": {"hex": "00fF"}, "at": "@8042"}]"#;
        let calls = decoded(body, &schema()).unwrap();
        assert_eq!(calls.num_rows(), 2);
        assert_eq!(calls.column(0).as_binary::<i32>().value(1), [0, 0xFF]);
        let arrow = encode(&calls, Form::Arrow).unwrap();
        assert_eq!(decoded(&arrow, &schema()).unwrap(), calls);
        let json: Value = serde_json::from_slice(&encode(&calls, Form::Json).unwrap()).unwrap();
        let expected = json!([
            { "a": "x", "k": 3, "words": ["u", "v"], "at": null },
            { "a": { "hex": "00ff" }, "k": null, "words": null, "at": 0x8042 },
        ]);
        assert_eq!(json, expected);
    }

    #[test]
    fn columns_of_any_type_have_a_form_in_json() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("2026-11-28"), None]));
        let batch = |data_type: &DataType| {
            let column = cast(&texts, data_type).unwrap();
            RecordBatch::try_from_iter_with_nullable([("a", column, true)]).unwrap()
        };
        let nanoseconds = DataType::Timestamp(TimeUnit::Nanosecond, None);
        for (data_type, expected) in [
            (DataType::Utf8View, json!("2026-11-28")),
            (DataType::LargeBinary, json!("2026-11-28")),
            (DataType::Date32, json!("2026-11-28")),
            (nanoseconds, json!(1_795_824_000_000_000_i64)),
        ] {
            let rows = rows_json(&batch(&data_type)).unwrap();
            assert_eq!(
                rows,
                json!([{ "a": expected }, { "a": null }]),
                "{data_type}"
            );
        }
    }

    #[test]
    fn an_object_is_one_call_and_nothing_one_without_parameters() {
        assert_eq!(decoded(br#"{"a": 17}"#, &schema()).unwrap().num_rows(), 1);
        assert_eq!(refusal(b""), "expected 'a' in every call");
        let nothing = Arc::new(Schema::empty());
        assert_eq!(decoded(b" ", &nothing).unwrap().num_rows(), 1);
        assert_eq!(decoded(b"{}", &nothing).unwrap().num_rows(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (body, message) in [
            (&b"hello"[..], "expected a body in Arrow IPC, or in JSON"),
            (b"{", "the body is no JSON"),
            (b"[1]", "expected an object a call, got 1"),
            (
                br#"{"b": 1}"#,
                "no such parameter 'b'; there are a, k, words, at",
            ),
            (br#"{"a": true}"#, "'a': expected Binary, got true"),
            (br#"{"a": "x", "k": -1}"#, "'k': expected UInt64, got -1"),
            (
                br#"{"a": "x", "at": 70000}"#,
                "'at': expected UInt16, got 70000",
            ),
            (br#"{"a": "x", "words": "u"}"#, "'words': expected List"),
            (&[0xFF, 0xFF, 0xFF, 0xFF, 1, 2], ""),
            (b"ARROW1", ""),
        ] {
            let error = refusal(body);
            assert!(error.contains(message), "{error}");
        }
    }
}
