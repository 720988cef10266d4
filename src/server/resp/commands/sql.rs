//! SQL: one statement, its parameters, its rows.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use ladybug_engine::engine::Engine;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::marks::decimal;

use crate::cam::is_address;
use crate::query::sql::{Done, Executed, Prepared, SqlError};

use super::super::command::{Command, Flag, Group, Handler};
use super::super::context::Context;
use super::super::error::CommandError;
use super::super::reply::{Protocol, Reply};

/// The family.
pub const COMMANDS: &[Command] = &[Command {
    name: "sql",
    syntax: "statement [parameter ...]",
    arity: -2,
    flags: &[Flag::Write],
    group: Group::Query,
    since: "0.1.0",
    summary: "Runs one SQL statement over the spaces, each a schema (space_0.nodes; bare names are of the selected \
              space), with the parameters in place of ? or $1. Answers the rows of a query (RESP2: an array of the \
              columns' names, then an array a row; RESP3: a map a row), and of a change how many rows it changed. \
              After SQL BEGIN the connection's statements are one transaction, until SQL COMMIT or SQL ROLLBACK",
    complexity: "Depends on the statement; EXPLAIN shows it",
    handler: Handler::Search(sql),
    ..Command::DEFAULT
}];

fn sql(_: &Engine, context: &Context, request: &[&[u8]]) -> Result<Reply, CommandError> {
    let server = context.server();
    let settings = &server.settings;
    let statement = std::str::from_utf8(request[1]).map_err(|_| {
        CommandError::err("expected a statement of UTF-8 text; bytes can be parameters")
    })?;
    let mut session = server.sql.session(context.selected());
    session.set_transaction(context.sql_transaction.get());
    session.set_timeout(
        (settings.sql_timeout_ms > 0).then(|| Duration::from_millis(settings.sql_timeout_ms)),
    );
    let run = async {
        let parameters = match &request[2..] {
            [] => Vec::new(),
            given => parameters(&session.prepare(statement).await?, given)?,
        };
        match session.execute(statement, parameters).await? {
            Executed::Rows(rows) => {
                let (position, schema) = (rows.position, Arc::clone(&rows.schema));
                let batches = rows
                    .collect(settings.sql_rows_max, settings.sql_memory_bytes)
                    .await?;
                Ok(Outcome::Rows(position, (schema, batches)))
            }
            Executed::Done(done) => Ok::<_, SqlError>(Outcome::Done(done)),
        }
    };
    let outcome = server.sql.block_on(async {
        tokio::select! {
            biased;
            outcome = run => outcome,
            () = context.caller.departure() => {
                Err(SqlError::Limit("the client has left; the statement was ended".to_owned()))
            }
        }
    });
    // Also after an error: COMMIT ends the transaction whatever comes of it.
    context.enter_sql_transaction(session.transaction());
    match outcome? {
        Outcome::Rows(position, (schema, batches)) => {
            context.reveal(position);
            rows_reply(context.protocol, &schema, &batches)
        }
        Outcome::Done(done) => {
            context.reveal(done.position);
            Ok(done_reply(context, done))
        }
    }
}

/// What came of a statement, with all its rows.
enum Outcome {
    Rows(u64, (SchemaRef, Vec<RecordBatch>)),
    Done(Done),
}

impl From<SqlError> for CommandError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Engine(error) => error.into(),
            other => Self::err(other.to_string()),
        }
    }
}

/// Parameters as the statement wants them: of the types that it has for them, else whole numbers as such, else text,
/// else bytes.
fn parameters(prepared: &Prepared, given: &[&[u8]]) -> Result<Vec<ScalarValue>, SqlError> {
    let parameter = |(place, bytes): (usize, &&[u8])| {
        let value = match std::str::from_utf8(bytes) {
            Ok(text) => ScalarValue::Utf8(Some(text.to_owned())),
            Err(_) => ScalarValue::Binary(Some(bytes.to_vec())),
        };
        let wanted = prepared
            .parameters
            .get(place)
            .filter(|wanted| !wanted.is_null());
        match (wanted, &value) {
            (Some(wanted), _) => value.cast_to(wanted).map_err(SqlError::from),
            (None, ScalarValue::Utf8(Some(text))) => match text.parse() {
                Ok(number) => Ok(ScalarValue::Int64(Some(number))),
                Err(_) => Ok(value),
            },
            (None, _) => Ok(value),
        }
    };
    given.iter().enumerate().map(parameter).collect()
}

fn done_reply(context: &Context, done: Done) -> Reply {
    context.happened(done.events);
    match done.what {
        "BEGIN" | "COMMIT" | "ROLLBACK" => Reply::OK,
        _ => Reply::Integer(i64::try_from(done.rows).unwrap_or(i64::MAX)),
    }
}

/// Rows: in RESP2 an array of the columns' names and then an array a row, in RESP3 a map a row.
pub(super) fn rows_reply(
    protocol: Protocol,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<Reply, CommandError> {
    let names: Vec<Reply> = schema
        .fields()
        .iter()
        .map(|field| Reply::copied(field.name().as_bytes()))
        .collect();
    let mut rows = Vec::new();
    if protocol == Protocol::Resp2 {
        rows.push(Reply::Array(names.clone()));
    }
    for batch in batches {
        for row in 0..batch.num_rows() {
            let columns = schema.fields().iter().zip(batch.columns());
            let values = columns.map(|(field, column)| cell(field, column, row));
            let values = values.collect::<Result<Vec<_>, _>>()?;
            rows.push(match protocol {
                Protocol::Resp2 => Reply::Array(values),
                Protocol::Resp3 => Reply::Map(names.iter().cloned().zip(values).collect()),
            });
        }
    }
    Ok(Reply::Array(rows))
}

/// One value of a column: an address that a method answers as `@8042`.
pub(super) fn cell(field: &Field, column: &ArrayRef, row: usize) -> Result<Reply, CommandError> {
    match is_address(field) && column.is_valid(row) {
        true => {
            let address = Address(column.as_primitive::<UInt16Type>().value(row));
            Ok(Reply::bulk(address.to_string()))
        }
        false => value(column, row),
    }
}

/// One value: numbers as such, bytes and text as bulk strings, lists as arrays, times and the rest as text.
fn value(column: &ArrayRef, row: usize) -> Result<Reply, CommandError> {
    if column.is_null(row) {
        return Ok(Reply::Nil);
    }
    macro_rules! integer {
        ($type:ty) => {
            Reply::Integer(column.as_primitive::<$type>().value(row).into())
        };
    }
    let list = |items: ArrayRef| {
        let items = (0..items.len()).map(|item| value(&items, item));
        items.collect::<Result<Vec<_>, _>>().map(Reply::Array)
    };
    Ok(match column.data_type() {
        DataType::Boolean => Reply::Boolean(column.as_boolean().value(row)),
        DataType::Int8 => integer!(Int8Type),
        DataType::Int16 => integer!(Int16Type),
        DataType::Int32 => integer!(Int32Type),
        DataType::Int64 => integer!(Int64Type),
        DataType::UInt8 => integer!(UInt8Type),
        DataType::UInt16 => integer!(UInt16Type),
        DataType::UInt32 => integer!(UInt32Type),
        DataType::UInt64 => {
            let number = column.as_primitive::<UInt64Type>().value(row);
            match i64::try_from(number) {
                Ok(number) => Reply::Integer(number),
                Err(_) => Reply::bulk(number.to_string()),
            }
        }
        DataType::Float32 => {
            Reply::Double(decimal(column.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => Reply::Double(column.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => Reply::copied(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => Reply::copied(column.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => Reply::copied(column.as_fixed_size_binary().value(row)),
        DataType::List(_) => list(column.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(column.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(column.as_fixed_size_list().value(row))?,
        _ => {
            let options = FormatOptions::default();
            let shown = ArrayFormatter::try_new(column, &options)
                .and_then(|formatter| formatter.value(row).try_to_string());
            Reply::bulk(shown.map_err(|error| CommandError::err(error.to_string()))?)
        }
    })
}
