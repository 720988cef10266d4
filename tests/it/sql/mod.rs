//! SQL over an engine, through the handle that servers use.

mod catalog;
mod changes;
mod functions;
mod nearest;
mod queries;
mod text;
mod transactions;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;
use futures::TryStreamExt;
use ladybug::query::sql::{Done, Executed, Session, Sql, SqlError, SqlOptions};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::storage::SimulatedStorage;
use tokio::runtime::Runtime;

/// An engine with SQL over it, and one connection.
pub struct Database {
    pub engine: Arc<Engine>,
    pub sql: Sql,
    pub session: Session,
    runtime: Runtime,
}

impl Database {
    pub fn new() -> Self {
        let storage = Arc::new(SimulatedStorage::new(7));
        let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
        let engine = Arc::new(engine.expect("an engine"));
        let sql = Sql::new(Arc::clone(&engine), SqlOptions::default()).expect("SQL");
        let session = sql.session(0);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        Self {
            engine,
            sql,
            session,
            runtime,
        }
    }

    /// Another connection.
    pub fn connect(&self) -> Session {
        self.sql.session(0)
    }

    /// What a statement of a connection comes to: rows as batches, or a change.
    pub fn run_in(
        &self,
        session: &mut Session,
        statement: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<(Vec<RecordBatch>, Option<Done>), SqlError> {
        self.runtime.block_on(async {
            match session.execute(statement, parameters).await? {
                Executed::Rows(rows) => Ok((rows.batches.try_collect().await?, None)),
                Executed::Done(done) => Ok((Vec::new(), Some(done))),
            }
        })
    }

    pub fn run(
        &mut self,
        statement: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<(Vec<RecordBatch>, Option<Done>), SqlError> {
        let mut session = self.session.clone();
        let outcome = self.run_in(&mut session, statement, parameters);
        self.session = session;
        outcome
    }

    /// The rows of a query, as text: columns by `|`, null as nothing.
    pub fn rows(&mut self, query: &str) -> Vec<String> {
        let (batches, _) = self
            .run(query, Vec::new())
            .unwrap_or_else(|error| panic!("{query}: {error}"));
        shown(&batches)
    }

    /// How many rows a change changed.
    pub fn change(&mut self, statement: &str) -> u64 {
        let (_, done) = self
            .run(statement, Vec::new())
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
        done.expect("a change").rows
    }

    /// Why a statement is refused.
    pub fn refusal(&mut self, statement: &str) -> String {
        let before = self.engine.state(0).0.version();
        let refused = match self.run(statement, Vec::new()) {
            Ok(outcome) => panic!("{statement} is not refused: {outcome:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            self.engine.state(0).0.version(),
            before,
            "{statement}: nothing is written"
        );
        refused
    }

    /// What EXPLAIN says.
    pub fn explain(&mut self, query: &str) -> String {
        self.rows(&format!("EXPLAIN {query}")).join("\n")
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// Rows as text.
pub fn shown(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter();
        let columns: Vec<_> = columns
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a formatter"))
            .collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column.value(row).to_string());
            rows.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}
