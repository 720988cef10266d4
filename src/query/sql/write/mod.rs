//! INSERT, UPDATE, DELETE and TRUNCATE: a query finds the rows in the statement's snapshot, one commit changes them.
//!
//! The commit first looks whether the rows are still as they were read. If others have changed one meanwhile it changes
//! nothing, and the statement is run again.
//!
//! | file | holds |
//! |---|---|
//! | `values` | what a row says, column by column |
//! | `nodes`, `edges` | changes of each table |

mod edges;
mod nodes;
mod values;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema};
use datafusion::common::{Column, DataFusionError};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{DmlStatement, Expr, LogicalPlan, LogicalPlanBuilder, WriteOp};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;
use ladybug_engine::commit::transaction::{SpaceId, Transaction};
use ladybug_engine::error::EngineError;

use super::error::SqlError;
use super::planning::Maker;
use super::session::Done;
use super::statement::Statement;
use super::tables::{EdgesTable, Listed, NodesTable};
use values::Values;
pub use values::fields_of_json;

/// Bytes of rows that one statement changes: what a commit can hold is less.
const ROWS_BYTES_MAX: usize = 1 << 30;

/// Why a change was not made.
pub(super) enum Failure {
    /// Others have changed its rows since they were read.
    Stale,
    /// It is wrong, or was refused.
    Sql(SqlError),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Sql(error.into())
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Self::Sql(error.into())
    }
}

type Result<T> = std::result::Result<T, Failure>;

/// A table that can be changed.
enum Target {
    Nodes(SpaceId),
    Edges(SpaceId),
    Verbs(SpaceId),
}

impl Target {
    fn of(dml: &DmlStatement) -> Result<Self> {
        let provider = source_as_provider(&dml.target)?;
        if let Some(table) = provider.downcast_ref::<NodesTable>() {
            return Ok(Self::Nodes(table.space));
        }
        if let Some(table) = provider.downcast_ref::<EdgesTable>() {
            return Ok(Self::Edges(table.space));
        }
        match provider
            .downcast_ref::<Listed>()
            .and_then(|table| table.verbs_of)
        {
            Some(space) => Ok(Self::Verbs(space)),
            None => Err(SqlError::Unsupported(format!(
                "expected nodes, edges or verbs, which can be changed; {} cannot",
                dml.table_name
            ))
            .into()),
        }
    }

    fn space(&self) -> SpaceId {
        match self {
            Self::Nodes(space) | Self::Edges(space) | Self::Verbs(space) => *space,
        }
    }
}

/// Makes the change that a statement asks for.
pub(super) async fn run(
    statement: &Arc<Statement>,
    maker: &Maker,
    dml: &DmlStatement,
) -> Result<Done> {
    let target = Target::of(dml)?;
    let space = target.space();
    match (&dml.op, target) {
        (WriteOp::Insert(InsertOp::Append), target) => {
            let rows = rows(maker, dml, (*dml.input).clone()).await?;
            commit(statement, space, "INSERT", |tx| {
                each(&rows, |values| match target {
                    Target::Nodes(_) => nodes::insert(tx, values),
                    Target::Edges(_) => edges::insert(tx, values),
                    Target::Verbs(_) => insert_verb(tx, values),
                })
            })
        }
        (WriteOp::Insert(op), _) => Err(SqlError::Unsupported(format!(
            "expected a plain INSERT, got {op}; UPDATE changes what is there"
        ))
        .into()),
        (_, Target::Verbs(_)) => Err(SqlError::Unsupported(
            "verbs can be inserted, not changed: edges may have them".into(),
        )
        .into()),
        (WriteOp::Delete, target) => {
            let plan = stamps((*dml.input).clone())?;
            let rows = rows(maker, dml, plan).await?;
            commit(statement, space, "DELETE", |tx| match target {
                Target::Edges(_) => edges::delete(tx, &rows),
                _ => nodes::delete(tx, &rows),
            })
        }
        (WriteOp::Update, target) => {
            let plan = assigned(&dml.input)?;
            let rows = rows(maker, dml, plan).await?;
            commit(statement, space, "UPDATE", |tx| match target {
                Target::Edges(_) => edges::update(tx, &rows),
                _ => nodes::update(tx, &rows),
            })
        }
        (WriteOp::Truncate, target) => commit(statement, space, "TRUNCATE", |tx| match target {
            Target::Edges(_) => edges::truncate(tx),
            _ => nodes::truncate(tx),
        }),
        (WriteOp::Ctas, _) => Err(SqlError::Unsupported(
            "CREATE TABLE is not known here; tables are there as soon as a space is".into(),
        )
        .into()),
    }
}

/// Changes a space, or the transaction's copy of it: all that `f` does, or nothing.
fn commit(
    statement: &Statement,
    space: SpaceId,
    what: &'static str,
    f: impl FnOnce(&mut Transaction<'_>) -> Result<u64>,
) -> Result<Done> {
    let engine = statement.engine();
    let Some(id) = statement.transaction else {
        let outcome = engine.commit(&[space], |tx| -> Result<u64> {
            let rows = f(tx)?;
            tx.report();
            Ok(rows)
        });
        let position = outcome.position.max(statement.revealed());
        return Ok(Done {
            what,
            rows: outcome.value?,
            position,
            events: outcome.events,
        });
    };
    // Says so if the space is another.
    statement.snapshot(space)?;
    let rows = engine.in_transaction(id, |open| engine.change_branch(open.branch(), f))?;
    Ok(Done {
        what,
        rows,
        position: statement.revealed(),
        events: Vec::new(),
    })
}

/// The rows of a plan, its columns of the types that the changed table's have: an expression that was planned as text
/// may have become a view of it.
async fn rows(maker: &Maker, dml: &DmlStatement, plan: LogicalPlan) -> Result<Vec<RecordBatch>> {
    let table = dml.target.schema();
    let plan = maker.physical(&plan).await?;
    let mut stream = execute_stream(plan, maker.task())?;
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        if bytes > ROWS_BYTES_MAX {
            return Err(SqlError::Limit(format!(
                "a statement changes rows of at most {ROWS_BYTES_MAX} bytes; change them in parts"
            ))
            .into());
        }
        rows.push(typed(batch, &table)?);
    }
    Ok(rows)
}

/// A batch whose columns have the types of a table's columns of the same names.
fn typed(batch: RecordBatch, table: &Schema) -> Result<RecordBatch> {
    let wanted = |field: &Field| {
        let column = table.field_with_name(field.name()).ok()?;
        (column.data_type() != field.data_type()).then(|| column.data_type().clone())
    };
    let schema = batch.schema();
    if schema.fields().iter().all(|field| wanted(field).is_none()) {
        return Ok(batch);
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let (field, column) = match wanted(field) {
            None => (field.as_ref().clone(), Arc::clone(column)),
            Some(wanted) => {
                let column = cast(column, &wanted).map_err(DataFusionError::from)?;
                (field.as_ref().clone().with_data_type(wanted), column)
            }
        };
        fields.push(field);
        columns.push(column);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
    Ok(batch.map_err(DataFusionError::from)?)
}

/// Calls `f` for each row; how many there were.
fn each(rows: &[RecordBatch], mut f: impl FnMut(&Values<'_>) -> Result<()>) -> Result<u64> {
    let mut count = 0;
    for batch in rows {
        for row in 0..batch.num_rows() {
            f(&Values { batch, row })?;
            count += 1;
        }
    }
    Ok(count)
}

/// The id and the version of each row of a plan over a table.
fn stamps(input: LogicalPlan) -> Result<LogicalPlan> {
    let column = |name: &str| -> Result<Expr> {
        let found = input.schema().qualified_field_with_unqualified_name(name)?;
        Ok(Expr::Column(Column::from(found)))
    };
    let stamps = vec![column("id")?, column("version")?];
    Ok(LogicalPlanBuilder::from(input).project(stamps)?.build()?)
}

/// The id, the version and the new values of each row that an UPDATE is about.
///
/// The planner has made a projection of all columns, of which those that are not assigned are themselves.
fn assigned(input: &LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(all) = input else {
        return Err(SqlError::statement("internal error: an UPDATE without its columns").into());
    };
    let find = |name: &str| {
        let place = all.schema.index_of_column_by_name(None, name);
        place.map(|place| all.expr[place].clone().unalias())
    };
    let Some(Expr::Column(id)) = find("id").filter(|id| is_itself(id, "id")) else {
        return Err(SqlError::statement("expected other columns: id never changes").into());
    };
    let mut columns = vec![Expr::Column(id.clone()).alias("id")];
    let version = Column::new(id.relation.clone(), "version");
    columns.push(Expr::Column(version).alias("version"));
    for (expr, field) in all.expr.iter().zip(all.schema.fields()) {
        let value = expr.clone().unalias();
        let is_own = matches!(&value, Expr::Column(column)
            if column.name == *field.name() && column.relation == id.relation);
        match (is_own, field.name().as_str()) {
            (true, _) => {}
            (false, name @ ("id" | "version")) => {
                return Err(SqlError::Statement(values::set_by_the_space(name)).into());
            }
            (false, name) => columns.push(value.alias(name)),
        }
    }
    let input = LogicalPlanBuilder::from((*all.input).clone());
    Ok(input.project(columns)?.build()?)
}

fn is_itself(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

fn insert_verb(tx: &mut Transaction<'_>, values: &Values<'_>) -> Result<()> {
    values.refuse(&[
        "address",
        "is_built_in",
        "group",
        "inverse",
        "symmetric",
        "transitive",
    ])?;
    let name = values.text("name").flatten();
    let name = name.ok_or_else(|| SqlError::statement("expected a verb's name, got NULL"))?;
    if tx.view().state.verbs().typed(name).is_some() {
        return Err(SqlError::Statement(format!("verb '{name}' is there already")).into());
    }
    tx.define_verb(name)?;
    Ok(())
}
