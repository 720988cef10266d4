//! Statements of SQL, and what they may name.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use ladybug_engine::engine::Outcome;
use ladybug_engine::table::{edge_schema, node_schema};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::super::method::Scope;
use super::super::cypher::links_sql;
use super::{DONE, PLAN, SCHEMA};
use crate::query::sql::{Executed, changes_rows, query_with};

/// The argument that is a statement.
const TEXT: usize = 0;

/// The query that a call gives, over what the scope has.
fn asked(call: &Call<'_>) -> Result<String, Fault> {
    let tables = match call.scope() {
        Scope::All => Vec::new(),
        _ => vec![
            ("nodes", format!("SELECT * FROM {}", call.rows_sql())),
            (
                "edges",
                format!(
                    "SELECT * FROM edges WHERE id IN (SELECT id FROM ({}) l)",
                    links_sql(call, None)
                ),
            ),
        ],
    };
    query_with(call.text(TEXT), &tables).map_err(|error| refused(call, error))
}

/// An error of the argument that is the statement.
fn refused(call: &Call<'_>, error: impl Into<Fault>) -> Fault {
    error.into().of_sql(call.operation.arguments[TEXT].name)
}

pub fn query(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = reading.query(&asked(call)?);
    rows.map_err(|fault| refused(call, fault))
}

pub fn explain(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let explained = reading.query(&format!("EXPLAIN {}", asked(call)?));
    let explained = explained.map_err(|fault| refused(call, fault))?;
    let text = |at: usize| cast(explained.column(at), &DataType::Utf8);
    Ok(batch(PLAN, vec![text(0)?, text(1)?]))
}

pub fn execute(call: &Call<'_>, reading: &Reading<'_>) -> Outcome<Result<RecordBatch, Fault>> {
    let (mut position, mut events) = (0, Vec::new());
    let mut run = || {
        if call.scope() != Scope::All {
            return Err(Fault::of(
                "SCOPE",
                format!(
                    "expected all, got {}: a statement changes what it names",
                    call.scope().name()
                ),
            ));
        }
        let text = call.text(TEXT);
        if !changes_rows(text).map_err(|error| refused(call, error))? {
            return Err(Fault::of(
                "dml",
                "expected INSERT, UPDATE, DELETE or TRUNCATE; SQL.QUERY runs queries",
            ));
        }
        let host = reading.host();
        let mut session = host.sql.session(host.space);
        session.set_timeout(host.timeout);
        let done = host.sql.block_on(session.execute(text, Vec::new()));
        let Executed::Done(done) = done.map_err(|error| refused(call, error))? else {
            return Err(Fault::of(
                "dml",
                "expected a statement that answers no rows",
            ));
        };
        position = done.position;
        events = done.events;
        let columns: [ArrayRef; 2] = [
            Arc::new(StringArray::from(vec![done.what])),
            Arc::new(UInt64Array::from(vec![done.rows])),
        ];
        Ok(batch(DONE, columns.to_vec()))
    };
    let value = run();
    Outcome {
        value,
        position,
        events,
    }
}

pub fn schema(_: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let tables = [("nodes", node_schema()), ("edges", edge_schema())];
    let all: Vec<_> = tables
        .iter()
        .flat_map(|(table, schema)| schema.fields().iter().map(move |field| (*table, field)))
        .collect();
    let columns: [ArrayRef; 4] = [
        Arc::new(StringArray::from_iter_values(all.iter().map(|one| one.0))),
        Arc::new(StringArray::from_iter_values(
            all.iter().map(|one| one.1.name()),
        )),
        Arc::new(StringArray::from_iter_values(
            all.iter().map(|one| one.1.data_type().to_string()),
        )),
        Arc::new(BooleanArray::from_iter(
            all.iter().map(|one| Some(one.1.is_nullable())),
        )),
    ];
    Ok(batch(SCHEMA, columns.to_vec()))
}
