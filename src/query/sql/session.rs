//! A connection's side of SQL: its space, its transaction, and its statements.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{DmlStatement, LogicalPlan};
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::{
    ObjectName, Statement as Syntax, TransactionAccessMode, TransactionIsolationLevel,
    TransactionMode, visit_relations,
};
use futures::{Stream, StreamExt, poll, stream};
use ladybug_engine::commit::event::NodeEvent;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Isolation, Snapshot, TransactionId, TransactionOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::error::SqlError;
use super::functions::METHODS;
use super::handle::Sql;
use super::parse::parse;
use super::planning::Maker;
use super::statement::{Planner, Statement, Surroundings};
use super::write;

/// Batches that are made before the reader has taken those in front.
const BATCHES_AHEAD: usize = 2;
/// How often a change is tried again whose rows others changed meanwhile.
const ATTEMPTS: usize = 16;

/// What a connection has chosen. Clones go on from here by themselves.
#[derive(Clone, Debug)]
pub struct Session {
    sql: Sql,
    space: SpaceId,
    transaction: Option<TransactionId>,
    timeout: Option<Duration>,
    moment: Option<Arc<Snapshot>>,
    /// Whether nobody waits for the statement any more that it runs now.
    is_left: Arc<AtomicBool>,
}

/// What came of a statement.
pub enum Executed {
    /// A query's rows, still to be made.
    Rows(Rows),
    /// A change that is committed, or part of the transaction.
    Done(Done),
}

/// The rows of a query.
pub struct Rows {
    /// Their columns.
    pub schema: SchemaRef,
    /// The log position that must be acknowledged before any is shown.
    pub position: Position,
    /// The batches; the query ends when this is dropped. Its errors are read by [`SqlError::from`].
    pub batches: SendableRecordBatchStream,
}

impl Rows {
    /// All of them, within bounds.
    ///
    /// # Errors
    /// Making them fails, or they are more or larger than asked for.
    pub async fn collect(
        mut self,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<RecordBatch>, SqlError> {
        let (mut batches, mut count, mut bytes) = (Vec::new(), 0, 0);
        while let Some(batch) = self.batches.next().await {
            let batch = batch?;
            count += batch.num_rows();
            if count > rows_max {
                return Err(SqlError::Limit(format!(
                    "expected at most the {rows_max} rows of --sql-rows-max; add a LIMIT, or read them over Arrow Flight"
                )));
            }
            let sizes = batch
                .columns()
                .iter()
                .map(|column| column.to_data().get_slice_memory_size());
            bytes += sizes.sum::<Result<usize, _>>().unwrap_or(usize::MAX / 2);
            if bytes > bytes_max {
                return Err(SqlError::Limit(format!(
                    "expected rows of at most the {bytes_max} bytes of --sql-memory-bytes; ask for fewer rows or columns"
                )));
            }
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// A change that was made.
#[derive(Debug)]
pub struct Done {
    /// What it was: INSERT, UPDATE, DELETE, TRUNCATE, BEGIN, COMMIT or ROLLBACK.
    pub what: &'static str,
    /// How many rows it changed.
    pub rows: u64,
    /// The log position that must be acknowledged before this is told.
    pub position: Position,
    /// What happened to named nodes.
    pub events: Vec<NodeEvent>,
}

/// What is known of a statement before it runs.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The columns of its rows; those of a change are none.
    pub schema: SchemaRef,
    /// The types of its parameters, in order; null where any would do.
    pub parameters: Vec<DataType>,
    /// Whether it changes something, or begins or ends a transaction.
    pub is_update: bool,
}

impl Session {
    pub(super) fn new(sql: Sql, space: SpaceId) -> Self {
        Self {
            sql,
            space,
            transaction: None,
            timeout: None,
            moment: None,
            is_left: Arc::default(),
        }
    }

    /// The space that bare table names are of.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Chooses another space for bare table names.
    pub fn select(&mut self, space: SpaceId) {
        self.space = space;
    }

    /// Statements end with an error after this long; `None` for never.
    pub fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// The transaction that statements are part of.
    pub fn transaction(&self) -> Option<TransactionId> {
        self.transaction
    }

    /// Lets statements be part of a transaction that somebody began, or of none. COMMIT and ROLLBACK end it.
    pub fn set_transaction(&mut self, transaction: Option<TransactionId>) {
        self.transaction = transaction;
    }

    /// Lets queries see the session's space at this moment, and no other space, nor call methods.
    pub fn set_moment(&mut self, moment: Snapshot) {
        self.moment = Some(Arc::new(moment));
    }

    /// Reads a statement and finds out its columns and parameters; nothing is run.
    ///
    /// # Errors
    /// The statement is wrong.
    pub async fn prepare(&self, text: &str) -> Result<Prepared, SqlError> {
        let (session, text) = (self.for_statement(), text.to_owned());
        let is_left = Arc::clone(&session.is_left);
        let planned = self.sql.threads().spawn(async move {
            let syntax = parse(&text)?;
            if is_transaction(&syntax) {
                return Ok(Prepared {
                    schema: Arc::new(arrow::datatypes::Schema::empty()),
                    parameters: Vec::new(),
                    is_update: true,
                });
            }
            let statement = session.statement(None);
            let plan = plan(&statement, syntax).await?;
            prepared(&plan)
        });
        let aborting = AbortOnDrop {
            task: Some(planned.abort_handle()),
            is_left,
        };
        let planned = planned.await.map_err(|_| panicked())?;
        aborting.disarm();
        planned
    }

    /// Runs a statement with values for its parameters. Its work is done elsewhere; who drops the rows or the
    /// future ends it.
    ///
    /// # Errors
    /// The statement is wrong, or what it does is refused: then nothing of it is done.
    pub async fn execute(
        &mut self,
        text: &str,
        parameters: Vec<ScalarValue>,
    ) -> Result<Executed, SqlError> {
        let (sender, receiver) = oneshot::channel();
        let (session, text) = (self.for_statement(), text.to_owned());
        let is_left = Arc::clone(&session.is_left);
        let run = async move { session.run(&text, parameters, sender).await };
        let task = self.sql.threads().spawn(run);
        let aborting = AbortOnDrop {
            task: Some(task.abort_handle()),
            is_left,
        };
        // The head of a query comes before its task ends; otherwise the task says what came of it.
        let outcome = match receiver.await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Executed(Executed::Done(task.await.map_err(|_| panicked())??)),
        };
        Ok(match outcome {
            Outcome::Executed(Executed::Rows(rows)) => {
                let schema = Arc::clone(&rows.schema);
                // The task goes with the stream.
                let batches = rows.batches.map(move |batch| {
                    let _held = &aborting;
                    batch
                });
                let batches = RecordBatchStreamAdapter::new(schema, batches);
                Executed::Rows(Rows {
                    batches: Box::pin(batches),
                    ..rows
                })
            }
            Outcome::Executed(done) => {
                aborting.disarm();
                done
            }
            Outcome::Syntax(syntax) => {
                aborting.disarm();
                Executed::Done(self.begin_or_end(&syntax)?)
            }
        })
    }

    /// The session of one statement, which whoever waits for it may leave.
    fn for_statement(&self) -> Self {
        Self {
            is_left: Arc::default(),
            ..self.clone()
        }
    }

    pub(super) fn statement(&self, parameters: Option<Vec<ScalarValue>>) -> Arc<Statement> {
        let surroundings = Surroundings {
            space: self.space,
            transaction: self.transaction,
            timeout: self.timeout,
            moment: self.moment.clone(),
            is_left: Arc::clone(&self.is_left),
        };
        Statement::new(Arc::clone(self.sql.shared()), surroundings, parameters)
    }

    /// Runs a statement on this thread; a query's rows go out through `head`.
    async fn run(
        self,
        text: &str,
        parameters: Vec<ScalarValue>,
        head: oneshot::Sender<Outcome>,
    ) -> Result<Done, SqlError> {
        let mut syntax = parse(text)?;
        let nothing = Done {
            what: "SELECT",
            rows: 0,
            position: 0,
            events: Vec::new(),
        };
        if is_transaction(&syntax) {
            // The session that asked goes into or out of the transaction, which is not this clone.
            let _ = head.send(Outcome::Syntax(Box::new(syntax)));
            return Ok(nothing);
        }
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        for _ in 0..ATTEMPTS {
            let statement = self.statement(Some(parameters.clone()));
            // On the heap: what holds a future is as large as it, and is moved several times.
            let attempt = Box::pin(self.attempt(&statement, syntax, &parameters));
            match self.in_time(deadline, attempt).await?? {
                Attempt::Query(query) => {
                    let stream = self.stream(&statement, *query, deadline, head);
                    return Box::pin(stream).await.map(|()| nothing);
                }
                Attempt::Done(done) => return Ok(done),
                Attempt::Stale => syntax = parse(text)?,
            }
        }
        Err(SqlError::Limit(format!(
            "others changed the rows of this statement {ATTEMPTS} times while it ran; nothing was changed, repeat it"
        )))
    }

    /// Waits for something until the statement's time is over.
    async fn in_time<F: Future>(
        &self,
        deadline: Option<Instant>,
        future: F,
    ) -> Result<F::Output, SqlError> {
        match (deadline, self.timeout) {
            (Some(deadline), Some(timeout)) => {
                let ended = tokio::time::timeout_at(deadline, future).await;
                ended.map_err(|_| timed_out(timeout))
            }
            _ => Ok(future.await),
        }
    }

    async fn attempt(
        &self,
        statement: &Arc<Statement>,
        syntax: Syntax,
        parameters: &[ScalarValue],
    ) -> Result<Attempt, SqlError> {
        let plan = plan(statement, syntax).await?;
        let plan = match parameters.is_empty() {
            true => plan,
            false => plan.with_param_values(ParamValues::from(parameters.to_vec()))?,
        };
        let maker = self.sql.shared().planning.maker(&plan, statement.now)?;
        match plan {
            LogicalPlan::Dml(dml) => {
                verify(&dml.input)?;
                match write::run(statement, &maker, &dml).await {
                    Ok(done) => Ok(Attempt::Done(done)),
                    Err(write::Failure::Stale) => Ok(Attempt::Stale),
                    Err(write::Failure::Sql(error)) => Err(error),
                }
            }
            plan => {
                verify(&plan)?;
                Ok(Attempt::Query(Box::new((plan, maker))))
            }
        }
    }

    /// Makes the rows of a query and hands them over as they are taken.
    async fn stream(
        &self,
        statement: &Statement,
        (plan, maker): (LogicalPlan, Maker),
        deadline: Option<Instant>,
        head: oneshot::Sender<Outcome>,
    ) -> Result<(), SqlError> {
        let plan = self.in_time(deadline, maker.physical(&plan)).await??;
        let mut batches = execute_stream(plan, maker.task())?;
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let schema = batches.schema();
        let mut pump = pin!(async {
            while let Some(batch) = batches.next().await {
                if sender.send(Some(batch)).await.is_err() {
                    return;
                }
            }
            let _ = sender.send(None).await;
        });
        // What is made without waiting goes out with the head: whoever waits for a short answer is woken once.
        let is_made = poll!(pump.as_mut()).is_ready();
        let rows = Rows {
            position: statement.revealed(),
            batches: Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&schema),
                received(receiver),
            )),
            schema,
        };
        if head.send(Outcome::Executed(Executed::Rows(rows))).is_err() || is_made {
            return Ok(());
        }
        if let Err(late) = self.in_time(deadline, pump).await {
            let _ = sender.send(Some(Err(late.into()))).await;
        }
        Ok(())
    }

    fn begin_or_end(&mut self, syntax: &Syntax) -> Result<Done, SqlError> {
        let engine = Arc::clone(self.sql.engine());
        let done = |what, position, events| Done {
            what,
            rows: 0,
            position,
            events,
        };
        match syntax {
            Syntax::StartTransaction {
                modes,
                modifier: None,
                statements,
                exception: None,
                ..
            } if statements.is_empty() => {
                if let Some(open) = self.transaction {
                    return Err(SqlError::Statement(format!(
                        "expected COMMIT or ROLLBACK: transaction {open} is under way"
                    )));
                }
                self.transaction = Some(engine.begin(self.space, options(modes)?)?);
                Ok(done("BEGIN", 0, Vec::new()))
            }
            Syntax::Commit {
                chain: false,
                modifier: None,
                ..
            } => {
                let id = self.end()?;
                let outcome = engine.commit_transaction(id);
                outcome.value?;
                Ok(done("COMMIT", outcome.position, outcome.events))
            }
            Syntax::Rollback {
                chain: false,
                savepoint: None,
            } => {
                let id = self.end()?;
                engine.abort_transaction(id)?;
                Ok(done("ROLLBACK", 0, Vec::new()))
            }
            _ => Err(SqlError::Unsupported(format!(
                "expected BEGIN, COMMIT or ROLLBACK, got {syntax}"
            ))),
        }
    }

    fn end(&mut self) -> Result<TransactionId, SqlError> {
        self.transaction
            .take()
            .ok_or_else(|| SqlError::statement("expected BEGIN first: no transaction is under way"))
    }
}

/// What a query's task sends: batches, and `None` for the end, so that one that was cut off is no end.
type Sent = Option<Result<RecordBatch, DataFusionError>>;

/// The batches that a task sends.
fn received(
    receiver: mpsc::Receiver<Sent>,
) -> impl Stream<Item = Result<RecordBatch, DataFusionError>> {
    stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Some(Ok(batch))) => Some((Ok(batch), Some(receiver))),
            Some(Some(Err(error))) => Some((Err(error), None)),
            Some(None) => None,
            None => Some((Err(panicked().into()), None)),
        }
    })
}

/// What a task hands over.
enum Outcome {
    Executed(Executed),
    /// A statement that concerns the session itself.
    Syntax(Box<Syntax>),
}

/// What came of one attempt.
enum Attempt {
    Query(Box<(LogicalPlan, Maker)>),
    Done(Done),
    /// Others changed the rows meanwhile.
    Stale,
}

/// Ends a task that nobody waits for any more.
struct AbortOnDrop {
    task: Option<tokio::task::AbortHandle>,
    /// Is set for what runs between two points at which a task can be aborted.
    is_left: Arc<AtomicBool>,
}

impl AbortOnDrop {
    fn disarm(mut self) {
        self.task = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            self.is_left.store(true, Relaxed);
            task.abort();
        }
    }
}

fn panicked() -> SqlError {
    SqlError::statement("internal error: the statement could not be run; the server goes on")
}

fn timed_out(timeout: Duration) -> SqlError {
    SqlError::Limit(format!(
        "the statement took longer than {} ms and was ended; see --sql-timeout-ms",
        timeout.as_millis()
    ))
}

fn is_transaction(syntax: &Syntax) -> bool {
    matches!(
        syntax,
        Syntax::StartTransaction { .. }
            | Syntax::Commit { .. }
            | Syntax::Rollback { .. }
            | Syntax::Savepoint { .. }
            | Syntax::ReleaseSavepoint { .. }
    )
}

/// The plan of a statement, before it is optimised. A method that it calls may wait for another statement, and so is
/// not called on a thread that runs some.
async fn plan(statement: &Arc<Statement>, syntax: Syntax) -> Result<LogicalPlan, SqlError> {
    check_known(&syntax)?;
    // Where no method may be called, none waits, and none holds a thread that may.
    if statement.is_within_method || !calls_methods(&syntax) {
        return planned(statement, syntax);
    }
    let statement = Arc::clone(statement);
    let planning = tokio::task::spawn_blocking(move || planned(&statement, syntax));
    planning.await.map_err(|_| panicked())?
}

/// Whether a statement has a table that a method answers.
fn calls_methods(syntax: &Syntax) -> bool {
    let is_other = |name: &ObjectName| {
        let last = name.0.last().and_then(|part| part.as_ident());
        match last.is_some_and(|last| last.value.eq_ignore_ascii_case(METHODS)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    visit_relations(syntax, is_other).is_break()
}

pub(super) fn planned(statement: &Arc<Statement>, syntax: Syntax) -> Result<LogicalPlan, SqlError> {
    let planner = Planner::new(statement, &statement.shared.planning.names);
    let options = ParserOptions::default();
    Ok(SqlToRel::new_with_options(&planner, options).sql_statement_to_plan(syntax)?)
}

/// What is neither a query nor a change of rows.
fn check_known(syntax: &Syntax) -> Result<(), SqlError> {
    match syntax {
        Syntax::Query(_)
        | Syntax::Explain { .. }
        | Syntax::ExplainTable { .. }
        | Syntax::Insert(_)
        | Syntax::Update { .. }
        | Syntax::Delete(_)
        | Syntax::Truncate { .. }
        | Syntax::ShowTables { .. }
        | Syntax::ShowColumns { .. } => Ok(()),
        other => {
            let text = other.to_string();
            let word = text
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned();
            Err(SqlError::Unsupported(format!(
                "expected SELECT, INSERT, UPDATE, DELETE, TRUNCATE, EXPLAIN, SHOW TABLES, SHOW COLUMNS, BEGIN, COMMIT or ROLLBACK, got {word}; tables are there as soon as a space is"
            )))
        }
    }
}

/// Whether a plan only reads.
fn verify(plan: &LogicalPlan) -> Result<(), SqlError> {
    let reads = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let verified = reads.verify_plan(plan);
    verified.map_err(|_| {
        SqlError::Unsupported("expected a query here, got what changes something".into())
    })
}

fn prepared(plan: &LogicalPlan) -> Result<Prepared, SqlError> {
    let types = plan.get_parameter_types()?;
    let place = |name: &str| name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
    let count = types
        .keys()
        .filter_map(|name| place(name))
        .max()
        .unwrap_or(0);
    let of = |place: usize| types.get(&format!("${place}")).cloned().flatten();
    let is_update = matches!(plan, LogicalPlan::Dml(DmlStatement { .. }));
    Ok(Prepared {
        schema: match is_update {
            true => Arc::new(arrow::datatypes::Schema::empty()),
            false => Arc::clone(plan.schema().inner()),
        },
        parameters: (1..=count)
            .map(|n| of(n).unwrap_or(DataType::Null))
            .collect(),
        is_update,
    })
}

/// How a transaction behaves that begins with these words. What asks for less than there is gets more.
fn options(modes: &[TransactionMode]) -> Result<TransactionOptions, SqlError> {
    let mut options = TransactionOptions::default();
    for mode in modes {
        match mode {
            TransactionMode::IsolationLevel(level) => {
                options.isolation = match level {
                    TransactionIsolationLevel::Serializable => Isolation::Serializable,
                    TransactionIsolationLevel::ReadUncommitted
                    | TransactionIsolationLevel::ReadCommitted
                    | TransactionIsolationLevel::RepeatableRead
                    | TransactionIsolationLevel::Snapshot => Isolation::Snapshot,
                };
            }
            TransactionMode::AccessMode(TransactionAccessMode::ReadWrite) => {}
            TransactionMode::AccessMode(TransactionAccessMode::ReadOnly) => {
                return Err(SqlError::Unsupported(
                    "READ ONLY is not known here; a single SELECT sees one snapshot without a transaction".into(),
                ));
            }
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_is_cut_off_is_an_error_and_one_that_ends_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(async {
            for ends in [true, false] {
                let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
                if ends {
                    sender.send(None).await.expect("room");
                }
                drop(sender);
                let all: Vec<_> = received(receiver).collect().await;
                assert_eq!(all.len(), usize::from(!ends), "{all:?}");
            }
        });
    }
}
