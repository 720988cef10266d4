//! Statements on their way to the SQL engine, and their rows back.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption};
use datafusion::common::ScalarValue;
use futures::StreamExt as _;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, TransactionId, TransactionOptions};
use serde::{Deserialize, Serialize};

use super::transaction;
use crate::query::sql::{Done, Executed, Prepared, Session, Sql, SqlError};
use crate::server::flight::error::FlightError;
use crate::server::flight::kept::Kept;
use crate::server::flight::stream::{Outgoing, Stream};
use crate::server::flight::underway::Underway;
use crate::server::flight::{blocking, ingest};
use crate::server::resp::server::Server;

/// Prepared statements at once.
const STATEMENTS_MAX: usize = 4096;
/// How long a prepared statement is kept without use.
const STATEMENT_IDLE: Duration = Duration::from_secs(3600);

/// A statement, and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    query: String,
    transaction: Option<String>,
    space: SpaceId,
    /// Tells apart the tickets that were handed out for one statement.
    call: u64,
}

impl Text {
    /// A statement of a transaction, if it is of one, and a space.
    pub fn new(query: &str, transaction: Option<&[u8]>, space: SpaceId) -> Self {
        let transaction = transaction.filter(|name| !name.is_empty());
        Self {
            query: query.to_owned(),
            transaction: transaction.map(|name| String::from_utf8_lossy(name).into_owned()),
            space,
            call: 0,
        }
    }

    /// The same, of the call of this number.
    pub fn of_call(self, call: u64) -> Self {
        Self { call, ..self }
    }

    /// What a ticket carries.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: strings and numbers are JSON")
    }

    /// The statement that a ticket carries.
    ///
    /// # Errors
    /// It carries none.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, FlightError> {
        serde_json::from_slice(bytes).map_err(|_| {
            FlightError::bad(
                "expected a ticket as FlightInfo handed it out: ask for the FlightInfo again",
            )
        })
    }
}

/// A prepared statement, with the parameters that were bound to it.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The statement.
    pub text: Text,
    /// The rows of its parameters.
    pub parameters: Vec<RecordBatch>,
}

impl Statement {
    /// The parameters of a query: one row, or none.
    ///
    /// # Errors
    /// There are more.
    pub fn only_row(&self) -> Result<Vec<ScalarValue>, FlightError> {
        let rows = rows_of(&self.parameters)?;
        let count = rows.len();
        match rows.into_iter().next() {
            Some(row) if count == 1 => Ok(row),
            None => Ok(Vec::new()),
            Some(_) => {
                let message = format!("expected one row of parameters for a query, got {count}");
                Err(FlightError::bad(message))
            }
        }
    }
}

/// The rows of batches, each as values.
fn rows_of(batches: &[RecordBatch]) -> Result<Vec<Vec<ScalarValue>>, FlightError> {
    let row = |batch: &RecordBatch, row: usize| {
        let value = |column: &ArrayRef| ScalarValue::try_from_array(column, row);
        batch
            .columns()
            .iter()
            .map(value)
            .collect::<Result<Vec<_>, _>>()
    };
    let mut rows = Vec::new();
    for batch in batches {
        for at in 0..batch.num_rows() {
            rows.push(row(batch, at).map_err(|error| FlightError::bad(error.strip_backtrace()))?);
        }
    }
    Ok(rows)
}

/// The columns of a prepared statement's parameters.
pub fn parameter_schema(prepared: &Prepared) -> Schema {
    let field = |(at, data_type): (usize, &arrow::datatypes::DataType)| {
        Field::new(format!("${}", at + 1), data_type.clone(), true)
    };
    Schema::new(
        prepared
            .parameters
            .iter()
            .enumerate()
            .map(field)
            .collect::<Vec<_>>(),
    )
}

/// Flight SQL's side of the SQL engine.
pub struct FlightSql {
    server: Arc<Server>,
    statements: Kept<Statement>,
    pub(super) underway: Arc<Underway>,
}

impl FlightSql {
    /// Flight SQL of a server, whose streams are these.
    pub fn new(server: Arc<Server>, underway: Arc<Underway>) -> Self {
        Self {
            server,
            underway,
            statements: Kept::new(STATEMENTS_MAX, STATEMENT_IDLE),
        }
    }

    /// The memory.
    pub fn engine(&self) -> &Engine {
        &self.server.engine
    }

    /// The SQL engine.
    pub fn sql(&self) -> &Sql {
        &self.server.sql
    }

    fn session(&self, text: &Text) -> Result<Session, FlightError> {
        let mut session = self.server.sql.session(text.space);
        let timeout_ms = self.server.settings.sql_timeout_ms;
        session.set_timeout((timeout_ms > 0).then(|| Duration::from_millis(timeout_ms)));
        session.set_transaction(transaction(text.transaction.as_deref().map(str::as_bytes))?);
        Ok(session)
    }

    /// What is known of a statement before it runs.
    ///
    /// # Errors
    /// It is wrong.
    pub async fn prepare(&self, text: &Text) -> Result<Prepared, FlightError> {
        Ok(self.session(text)?.prepare(&text.query).await?)
    }

    /// Keeps a statement; answers its name, and what is known of it.
    ///
    /// # Errors
    /// It is wrong.
    pub async fn keep(&self, text: Text) -> Result<(String, Prepared), FlightError> {
        let prepared = self.prepare(&text).await?;
        let statement = Statement {
            text,
            parameters: Vec::new(),
        };
        let kept = self.statements.insert(statement);
        let name = kept.map_err(|error| FlightError::new("INTERNAL", error.to_string()))?;
        Ok((name, prepared))
    }

    /// A prepared statement.
    ///
    /// # Errors
    /// It was closed, or not used for too long.
    pub fn statement(&self, name: &[u8]) -> Result<Statement, FlightError> {
        self.statements
            .with(name, |statement| statement.clone())
            .ok_or_else(gone)
    }

    /// Gives a prepared statement its parameters.
    ///
    /// # Errors
    /// As [`statement`](Self::statement).
    pub fn bind(&self, name: &[u8], parameters: Vec<RecordBatch>) -> Result<(), FlightError> {
        self.statements
            .with(name, |statement| statement.parameters = parameters)
            .ok_or_else(gone)
    }

    /// Forgets a prepared statement.
    pub fn close(&self, name: &[u8]) {
        self.statements.remove(name);
    }

    /// Runs a statement; its stream begins once what it shows is acknowledged. A change has no rows.
    ///
    /// # Errors
    /// It is wrong or refused.
    pub async fn rows(
        &self,
        text: &Text,
        parameters: Vec<ScalarValue>,
    ) -> Result<Stream, FlightError> {
        let mut session = self.session(text)?;
        match session.execute(&text.query, parameters).await? {
            Executed::Rows(rows) => {
                self.acknowledged(rows.position).await?;
                let batches = rows.batches.map(|batch| match batch {
                    Ok(batch) => Ok(Outgoing::of(batch)),
                    Err(error) => Err(SqlError::from(error).into()),
                });
                Ok(Stream::of_task(rows.schema, batches.boxed()))
            }
            Executed::Done(done) => {
                self.finish(&session, text, done).await?;
                let nothing = futures::stream::empty();
                Ok(Stream::of_task(Arc::new(Schema::empty()), nothing.boxed()))
            }
        }
    }

    /// Runs a change once for each row of parameters, all or none of them; answers how many rows it changed.
    ///
    /// # Errors
    /// It is wrong or refused, or a query.
    pub async fn update(
        &self,
        text: &Text,
        parameters: &[RecordBatch],
    ) -> Result<u64, FlightError> {
        let rows = rows_of(parameters)?;
        if rows.len() <= 1 || text.transaction.is_some() {
            let rows = if rows.is_empty() {
                vec![Vec::new()]
            } else {
                rows
            };
            return self.update_each(text, rows).await;
        }
        let id = self
            .engine()
            .begin(text.space, TransactionOptions::default())?;
        let text = Text {
            transaction: Some(id.to_string()),
            ..text.clone()
        };
        match self.update_each(&text, rows).await {
            Ok(changed) => self.commit(id).await.map(|()| changed),
            Err(error) => {
                // It may be over already: then there is nothing to end.
                let _ = self.engine().abort_transaction(id);
                Err(error)
            }
        }
    }

    async fn update_each(
        &self,
        text: &Text,
        rows: Vec<Vec<ScalarValue>>,
    ) -> Result<u64, FlightError> {
        let mut changed = 0;
        for row in rows {
            let mut session = self.session(text)?;
            match session.execute(&text.query, row).await? {
                Executed::Done(done) => {
                    changed += done.rows;
                    self.finish(&session, text, done).await?;
                }
                Executed::Rows(_) => {
                    return Err(FlightError::bad(
                        "expected a statement that changes something, got a query",
                    ));
                }
            }
        }
        Ok(changed)
    }

    /// Tells of what a change did, once it is acknowledged.
    async fn finish(&self, session: &Session, text: &Text, done: Done) -> Result<(), FlightError> {
        // A call has no connection that could remember the transaction.
        if let (Some(begun), None) = (session.transaction(), &text.transaction) {
            self.engine().abort_transaction(begun)?;
            return Err(FlightError::bad(
                "expected a transaction to begin with Flight SQL's BeginTransaction, as drivers do, got BEGIN",
            ));
        }
        self.server.publish_node_events(done.events, done.position);
        self.acknowledged(done.position).await
    }

    /// Commits a transaction.
    ///
    /// # Errors
    /// It is over, or others changed what it read or changed.
    pub async fn commit(&self, id: TransactionId) -> Result<(), FlightError> {
        let server = Arc::clone(&self.server);
        blocking(move || {
            let outcome = server.engine.commit_transaction(id);
            outcome.value?;
            server.publish_node_events(outcome.events, outcome.position);
            Ok(server.engine.log().wait(outcome.position)?)
        })
        .await
    }

    /// Appends batches to the nodes of a space.
    ///
    /// # Errors
    /// The table is another, what is asked for is not appending, or a row cannot be written.
    pub async fn ingest(
        &self,
        request: CommandStatementIngest,
        batches: Vec<RecordBatch>,
        space: SpaceId,
    ) -> Result<u64, FlightError> {
        let space = match &request.schema {
            None => space,
            Some(schema) => self
                .sql()
                .space_of(schema)
                .ok_or_else(|| FlightError::new("NOSPACE", format!("no such schema '{schema}'")))?,
        };
        if request.table != "nodes" {
            let message = format!("expected the table nodes, got '{}'", request.table);
            return Err(FlightError::new("UNSUPPORTED", message));
        }
        let options = request.table_definition_options.unwrap_or_default();
        if TableExistsOption::try_from(options.if_exists) != Ok(TableExistsOption::Append) {
            let message = "the table nodes is always there: expected to append to it";
            return Err(FlightError::new("TAKEN", message));
        }
        if request.transaction_id.is_some_and(|id| !id.is_empty()) {
            let message = "rows are ingested as a commit of their own, not in a transaction";
            return Err(FlightError::new("UNSUPPORTED", message));
        }
        let server = Arc::clone(&self.server);
        let written = blocking(move || ingest::write(&server, space, &batches)).await?;
        Ok(written.rows as u64)
    }

    async fn acknowledged(&self, position: Position) -> Result<(), FlightError> {
        let server = Arc::clone(&self.server);
        match server.engine.log().outcome(position) {
            Some(outcome) => Ok(outcome?),
            None => blocking(move || Ok(server.engine.log().wait(position)?)).await,
        }
    }
}

fn gone() -> FlightError {
    let message =
        "no such prepared statement: it was closed, or not used for too long; prepare it again";
    FlightError::new("NOSTATEMENT", message)
}

impl From<SqlError> for FlightError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Statement(message) => Self::new("SQL", message),
            SqlError::Unsupported(message) => Self::new("UNSUPPORTED", message),
            SqlError::Limit(message) => Self::new("TOOLARGE", message),
            SqlError::Engine(error) => error.into(),
        }
    }
}
