//! What one statement sees: the tables it names, and one moment of every space among them.
//!
//! While a statement is planned, its tables say which spaces they are of; the first that is to be read takes the
//! snapshots of all at one moment. In a transaction it is the transaction's space as that has made it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use arrow::datatypes::{DataType, SchemaRef};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::planner::{ExprPlanner, RelationPlanner, TypePlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
};
use datafusion::sql::planner::ContextProvider;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, NodeRef, Snapshot, TransactionId, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::state::State;
use parking_lot::Mutex;

use super::catalog;
use super::error::{SqlError, engine};
use super::functions::{self, METHODS};
use super::handle::Shared;
use super::relation::Relations;

/// Where a statement runs.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) space: SpaceId,
    pub(super) transaction: Option<TransactionId>,
    pub(super) timeout: Option<Duration>,
    /// The one space that it sees, as it was then, for a method that was called then.
    pub(super) moment: Option<Arc<Snapshot>>,
    /// Whether nobody waits for it any more.
    pub(super) is_left: Arc<AtomicBool>,
}

/// One statement.
pub(super) struct Statement {
    pub(super) shared: Arc<Shared>,
    /// The space that a bare table name is of.
    pub(super) space: SpaceId,
    pub(super) transaction: Option<TransactionId>,
    pub(super) timeout: Option<Duration>,
    /// Whether it is part of a method that was called at some moment.
    pub(super) is_within_method: bool,
    /// The moment that its functions call now.
    pub(super) now: DateTime<Utc>,
    /// The values of its parameters; none while it is only prepared.
    pub(super) parameters: Option<Vec<ScalarValue>>,
    moments: Mutex<Moments>,
    is_left: Arc<AtomicBool>,
    /// The highest log position that was revealed.
    revealed: AtomicU64,
    /// Relations planned so far.
    pub(super) relations: AtomicUsize,
}

/// Where the past ends for a statement that is part of something with a moment.
struct EndOfPast {
    /// The newest version of it.
    version: u64,
    /// From when on it is the present.
    now: i64,
}

/// The snapshots of a statement.
#[derive(Default)]
struct Moments {
    /// Spaces that are named; with a snapshot each once one was asked for.
    present: BTreeMap<SpaceId, Option<Arc<Snapshot>>>,
    past: HashMap<(SpaceId, u64), Arc<Snapshot>>,
}

impl Statement {
    pub(super) fn new(
        shared: Arc<Shared>,
        surroundings: Surroundings,
        parameters: Option<Vec<ScalarValue>>,
    ) -> Arc<Self> {
        let now = DateTime::from_timestamp_micros(shared.engine.now());
        let mut moments = Moments::default();
        let moment = surroundings.moment;
        let (is_within_method, revealed) = match &moment {
            Some(moment) => (true, moment.position),
            None => (false, 0),
        };
        if let Some(moment) = moment {
            moments.present.insert(surroundings.space, Some(moment));
        }
        Arc::new(Self {
            shared,
            space: surroundings.space,
            transaction: surroundings.transaction,
            timeout: surroundings.timeout,
            is_within_method,
            now: now.unwrap_or_default(),
            parameters,
            moments: Mutex::new(moments),
            is_left: surroundings.is_left,
            revealed: AtomicU64::new(revealed),
            relations: AtomicUsize::new(0),
        })
    }

    /// Whether nobody waits for what it answers any more.
    pub(super) fn is_left(&self) -> bool {
        self.is_left.load(Relaxed)
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// The value of the parameter `$n`; none while the statement is only prepared.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<ScalarValue>> {
        let Some(values) = &self.parameters else {
            return Ok(None);
        };
        let place = name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let value = place.and_then(|place| values.get(place.checked_sub(1)?));
        match value {
            Some(value) => Ok(Some(value.clone())),
            None => Err(SqlError::Statement(format!(
                "expected a value for parameter {name}, got {} values",
                values.len()
            ))
            .into()),
        }
    }

    /// What must be acknowledged before the statement's rows are shown.
    pub(super) fn revealed(&self) -> Position {
        self.revealed.load(Relaxed)
    }

    pub(super) fn reveal(&self, position: Position) {
        self.revealed.fetch_max(position, Relaxed);
    }

    /// A table of the statement is of this space: its snapshot is of the moment of all others.
    pub(super) fn mention(&self, space: SpaceId) {
        self.moments.lock().present.entry(space).or_default();
    }

    /// The space as the statement sees it, with fingerprints as they are.
    pub(super) fn snapshot(&self, space: SpaceId) -> Result<Arc<Snapshot>> {
        let mut moments = self.moments.lock();
        if let Some(Some(there)) = moments.present.get(&space) {
            return Ok(Arc::clone(there));
        }
        if self.is_within_method {
            return Err(SqlError::Unsupported(format!(
                "a method reads one moment of schema {} here, and cannot see {}",
                catalog::schema_of(self.engine(), self.space),
                catalog::schema_of(self.engine(), space),
            ))
            .into());
        }
        if let Some(transaction) = self.transaction {
            let glance = self.in_transaction(transaction, space)?;
            let glance = Arc::new(glance);
            moments.present.insert(space, Some(Arc::clone(&glance)));
            return Ok(glance);
        }
        moments.present.entry(space).or_default();
        let missing = moments.present.iter().filter(|(_, there)| there.is_none());
        let missing: Vec<SpaceId> = missing.map(|(space, _)| *space).collect();
        for (space, glance) in missing.iter().zip(self.engine().glances(&missing)) {
            self.reveal(glance.position);
            moments.present.insert(*space, Some(Arc::new(glance)));
        }
        let taken = moments.present.get(&space).cloned().flatten();
        Ok(taken.expect("invariant: it was just taken"))
    }

    fn in_transaction(&self, id: TransactionId, space: SpaceId) -> Result<Snapshot> {
        let glance = self.engine().in_transaction(id, |open| {
            let branch = open.branch();
            match branch.space() == space {
                true => Ok(branch.glance()),
                false => Err(SqlError::Unsupported(format!(
                    "the transaction is of schema {}, and cannot see {}; COMMIT first",
                    catalog::schema_of(self.engine(), branch.space()),
                    catalog::schema_of(self.engine(), space),
                ))),
            }
        });
        let glance = glance?;
        self.reveal(glance.position);
        Ok(glance)
    }

    /// The same with every fingerprint encoded.
    pub(super) fn encoded(&self, space: SpaceId) -> Result<Arc<Snapshot>> {
        let glance = self.snapshot(space)?;
        if glance.is_encoded() {
            return Ok(glance);
        }
        let encoded = Arc::new(self.engine().encoded(space, &glance));
        let mut moments = self.moments.lock();
        moments.present.insert(space, Some(Arc::clone(&encoded)));
        Ok(encoded)
    }

    /// A space as it was. In a transaction, and where a method was called at some moment, the past of the space ends there:
    /// what came later is yet to come, and from then on it is as the statement sees it.
    pub(super) fn past(&self, space: SpaceId, when: When) -> Result<Arc<Snapshot>> {
        let mut when = when;
        if let Some(end) = self.end_of_past(space)? {
            match when {
                When::Version(asked) if asked > end.version => {
                    let newest = end.version;
                    return Err(engine(EngineError::VersionAhead { asked, newest }));
                }
                When::Time(time) if time >= end.now => {
                    self.note_scan(0..=u8::MAX)?;
                    self.note_edge_scan(0..=u8::MAX)?;
                    return self.snapshot(space);
                }
                When::Time(_) => {
                    let then = self.engine().state_at(space, when).map_err(engine)?;
                    when = When::Version(then.version.min(end.version));
                }
                When::Version(_) => {}
            }
        }
        let then = self.engine().glance_at(space, when).map_err(engine)?;
        self.reveal(then.position);
        let mut moments = self.moments.lock();
        let key = (space, then.state.version());
        Ok(Arc::clone(
            moments.past.entry(key).or_insert_with(|| Arc::new(then)),
        ))
    }

    /// Where the past of a space ends for the statement; nowhere if that sees whatever is committed.
    fn end_of_past(&self, space: SpaceId) -> Result<Option<EndOfPast>> {
        if let Some(id) = self.transaction {
            let end = self.engine().in_transaction(id, |open| {
                let branch = open.branch();
                let (version, now) = (branch.base().version(), branch.now());
                let is_own = branch.space() == space;
                Ok(is_own.then_some(EndOfPast { version, now }))
            });
            return end.map_err(engine);
        }
        match self.is_within_method && space == self.space {
            false => Ok(None),
            true => {
                let seen = self.snapshot(space)?;
                let (version, now) = (seen.state.version(), seen.now);
                Ok(Some(EndOfPast { version, now }))
            }
        }
    }

    /// A space's state as the statement sees it, where it sees that space; else as it is.
    pub(super) fn state(&self, space: SpaceId) -> Result<Arc<State>> {
        let sees = match self.transaction {
            Some(_) => self.end_of_past(space)?.is_some(),
            None => self.moments.lock().present.contains_key(&space),
        };
        if sees {
            return Ok(Arc::clone(&self.snapshot(space)?.state));
        }
        let (state, position) = self.engine().state(space);
        self.reveal(position);
        Ok(state)
    }

    /// In a transaction: remembers that nodes were looked for.
    pub(super) fn note(&self, nodes: &[NodeRef<'_>]) -> Result<()> {
        self.noting(|open| nodes.iter().for_each(|node| open.note(*node)))
    }

    /// In a transaction: remembers that whole chunks of nodes were read.
    pub(super) fn note_scan(&self, prefixes: std::ops::RangeInclusive<u8>) -> Result<()> {
        self.noting(|open| open.note_scan(prefixes))
    }

    /// In a transaction: remembers that all edges from whole chunks were read.
    pub(super) fn note_edge_scan(&self, prefixes: std::ops::RangeInclusive<u8>) -> Result<()> {
        self.noting(|open| open.note_edge_scan(prefixes))
    }

    fn noting(&self, f: impl FnOnce(&mut ladybug_engine::engine::LongTransaction)) -> Result<()> {
        match self.transaction {
            None => Ok(()),
            Some(id) => self.engine().in_transaction(id, |open| {
                f(open);
                Ok(())
            }),
        }
        .map_err(engine)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Statement")
            .field("space", &self.space)
            .finish_non_exhaustive()
    }
}

/// What the planner asks: tables of the statement, functions of the server.
pub(super) struct Planner<'a> {
    statement: Arc<Statement>,
    state: &'a SessionState,
    relations: Vec<Arc<dyn RelationPlanner>>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(statement: &Arc<Statement>, state: &'a SessionState) -> Self {
        Self {
            statement: Arc::clone(statement),
            state,
            relations: vec![Arc::new(Relations(Arc::clone(statement)))],
        }
    }
}

impl ContextProvider for Planner<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let provider: Arc<dyn TableProvider> = catalog::table(&self.statement, &name)?;
        Ok(provider_as_source(provider))
    }

    fn get_table_function_source(&self, name: &str, _: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
        Err(SqlError::Statement(super::relation::unknown_function(name)).into())
    }

    fn create_cte_work_table(&self, name: &str, schema: SchemaRef) -> Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(
            name, schema,
        ))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        self.state.expr_planners()
    }

    fn get_relation_planners(&self) -> &[Arc<dyn RelationPlanner>] {
        &self.relations
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        None
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        match name {
            METHODS => Some(functions::cam::function(&self.statement)),
            _ => self.state.scalar_functions().get(name).cloned(),
        }
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        let all = self.state.scalar_functions().keys().cloned();
        all.chain([METHODS.to_owned()]).collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state
            .higher_order_functions()
            .keys()
            .cloned()
            .collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
