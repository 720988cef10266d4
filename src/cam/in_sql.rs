//! Methods as SQL calls them, by `cam(…)`: those that only read, at the moment of the statement.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::arguments;
use super::batch::schema;
use super::dispatch::{columns, read};
use super::error::{CamError, Fault};
use super::host::{Host, Reading};
use super::method::Form;
use super::program;
use super::target::{Called, Target};
use crate::query::graphql::Graphql;
use crate::query::sql::{Here, Methods, SqlError};

/// What stands for a word that is known only later.
const SAMPLE: &[u8] = b"x";

/// The methods that statements may call, and what they may answer.
#[derive(Clone, Debug)]
pub struct InSql {
    /// GraphQL over the engine that statements read.
    pub graphql: Arc<Graphql>,
    /// Most rows of a result.
    pub rows_max: usize,
    /// Most bytes of a result.
    pub bytes_max: usize,
}

impl Methods for InSql {
    fn columns(&self, here: &Here<'_>, words: &[Option<&[u8]>]) -> Result<SchemaRef, SqlError> {
        let Some((Some(method), given)) = words.split_first() else {
            return Err(SqlError::Statement(
                "cam(…) expected the name or the id of a method, as a constant".to_owned(),
            ));
        };
        let given: Vec<&[u8]> = given.iter().map(|word| word.unwrap_or(SAMPLE)).collect();
        let called = Called::parse(method).map_err(refused)?;
        let state = &here.snapshot.state;
        let name = || format!("CAM.{}", called.name(state));
        let known = match Target::of(&called, state, &given).map_err(refused)? {
            Target::Program(at) => program::columns(state, at)
                .map_err(|message| refused(Fault::Argument(message).at(name())))?
                .map(|columns| schema(&columns)),
            Target::Operation(callee) => {
                let form = match callee.mode {
                    Some(mode) => arguments::mode(mode, &given).map(|(mode, _)| mode.form),
                    None => Ok(Form::Rows),
                };
                let form = form.map_err(|fault| refused(fault.at(name())))?;
                columns(callee.operation, form).map(schema)
            }
        };
        known.ok_or_else(|| {
            SqlError::Statement(format!(
                "{}: its columns show when it has run, so that it can only be called after FROM, with constants",
                name()
            ))
        })
    }

    fn call(&self, here: &Here<'_>, words: &[&[u8]]) -> Result<RecordBatch, SqlError> {
        let Some((method, given)) = words.split_first() else {
            return Err(SqlError::Statement(
                "cam(…) expected the name or the id of a method".to_owned(),
            ));
        };
        let host = Host {
            sql: here.sql,
            graphql: &self.graphql,
            space: here.space,
            timeout: here.timeout,
            rows_max: self.rows_max,
            bytes_max: self.bytes_max,
        };
        let reading = match here.transaction {
            Some(transaction) => Reading::within(&host, transaction)?,
            None => {
                let version = here.snapshot.state.version();
                Reading::at(&host, here.snapshot.clone(), version)
            }
        };
        let reading = match here.may_query {
            true => reading,
            false => reading.without_queries(),
        };
        let called = Called::parse(method).map_err(refused)?;
        let answer = read(&reading, &called, given).map_err(refused)?;
        Ok(answer.rows)
    }
}

fn refused(error: CamError) -> SqlError {
    match error {
        CamError::Engine(error) => SqlError::Engine(error),
        CamError::Sql(error) => error,
        other => SqlError::Statement(other.to_string()),
    }
}
