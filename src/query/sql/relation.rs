//! What may follow FROM beside a table's name: a version of it, or a table function. What DataFusion would silently
//! ignore of a table's clauses is refused.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{
    self, FunctionArg, FunctionArgExpr, ObjectName, TableFactor, TableVersion,
};
use ladybug_engine::engine::When;

use super::catalog;
use super::error::SqlError;
use super::functions::table::{self, TABLE_FUNCTIONS};
use super::parse::RELATIONS_MAX;
use super::statement::Statement;

/// The relations of one statement.
#[derive(Debug)]
pub(super) struct Relations(pub(super) Arc<Statement>);

impl RelationPlanner for Relations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if self.0.relations.fetch_add(1, Relaxed) >= RELATIONS_MAX {
            return Err(SqlError::Limit(format!(
                "expected at most {} relations in a statement",
                RELATIONS_MAX
            ))
            .into());
        }
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = relation
        else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let ignored = [
            (!with_hints.is_empty(), "WITH (…) hints"),
            (with_ordinality, "WITH ORDINALITY"),
            (!partitions.is_empty(), "PARTITION"),
            (json_path.is_some(), "a path into a table"),
            (sample.is_some(), "TABLESAMPLE"),
            (!index_hints.is_empty(), "index hints"),
        ];
        if let Some((_, clause)) = ignored.into_iter().find(|(is_there, _)| *is_there) {
            return Err(SqlError::Unsupported(format!("{clause} is not known here")).into());
        }
        let plan = match (args, version) {
            (Some(_), Some(_)) => {
                return Err(SqlError::statement(
                    "expected a version of a table, not of a function; as_of(…) is a function",
                )
                .into());
            }
            (None, None) => {
                return Ok(RelationPlanning::Original(Box::new(TableFactor::Table {
                    name,
                    alias,
                    args: None,
                    with_hints,
                    version: None,
                    with_ordinality,
                    partitions,
                    json_path,
                    sample,
                    index_hints,
                })));
            }
            (None, Some(version)) => {
                let reference = context.object_name_to_table_reference(name)?;
                let when = moment(&self.0, version, context)?;
                let provider = catalog::table_at(&self.0, &reference, Some(when))?;
                LogicalPlanBuilder::scan(reference, provider_as_source(provider), None)?
            }
            (Some(arguments), None) => {
                if arguments.settings.is_some() {
                    return Err(SqlError::Unsupported("SETTINGS is not known here".into()).into());
                }
                let (space, function) = self.function(&name, context)?;
                let mut values = Vec::with_capacity(arguments.args.len());
                for argument in arguments.args {
                    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                        return Err(SqlError::statement(format!(
                            "expected {function}'s arguments by their places, got {argument}"
                        ))
                        .into());
                    };
                    values.push(constant(&self.0, argument, context)?);
                }
                let provider = table::make(&self.0, space, &function, values)?;
                let reference = TableReference::bare(function);
                LogicalPlanBuilder::scan(reference, provider_as_source(provider), None)?
            }
        };
        let planned = PlannedRelation::new(plan.build()?, alias);
        Ok(RelationPlanning::Planned(Box::new(planned)))
    }
}

impl Relations {
    /// The space that a table function looks at, and its name.
    fn function(
        &self,
        name: &ObjectName,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<(u32, String)> {
        let reference = context.object_name_to_table_reference(name.clone())?;
        let space = catalog::space(&self.0, &reference)?;
        let function = reference.table().to_owned();
        match TABLE_FUNCTIONS.contains(&function.as_str()) {
            true => Ok((space, function)),
            false => Err(SqlError::Statement(unknown_function(&function)).into()),
        }
    }
}

/// What is said of a table function that there is not.
pub(super) fn unknown_function(name: &str) -> String {
    format!(
        "expected a table function, one of {}; got {name}",
        TABLE_FUNCTIONS.join(", ")
    )
}

/// The value of an expression that names no column.
fn constant(
    statement: &Statement,
    expr: ast::Expr,
    context: &mut dyn RelationPlannerContext,
) -> Result<Argument> {
    let text = expr.to_string();
    let schema = DFSchema::empty();
    let expr = context.sql_to_expr(expr, &schema)?;
    let given = |expr: Expr| match &expr {
        Expr::Placeholder(parameter) => match statement.parameter(&parameter.id)? {
            Some(value) => Ok(Transformed::yes(Expr::Literal(value, None))),
            None => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    };
    let expr = expr.transform_up(given)?.data;
    if expr.exists(|expr| Ok(matches!(expr, Expr::Placeholder(_))))? {
        return Ok(Argument { text, value: None });
    }
    let options = Arc::new(context.context_provider().options().clone());
    let simplify = SimplifyContext::builder()
        .with_config_options(options)
        .with_query_execution_start_time(Some(statement.now))
        .build();
    let simplifier = ExprSimplifier::new(simplify);
    let expr = simplifier.simplify(simplifier.coerce(expr, &schema)?)?;
    match expr {
        Expr::Literal(value, _) => Ok(Argument {
            text,
            value: Some(value),
        }),
        _ => Err(SqlError::Statement(format!("expected a constant, got {text}")).into()),
    }
}

/// An argument of a table function.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    /// As it was written.
    pub(super) text: String,
    /// Its value; none while the statement is only prepared and this is one of its parameters.
    pub(super) value: Option<ScalarValue>,
}

/// The moment of a version clause.
fn moment(
    statement: &Statement,
    version: TableVersion,
    context: &mut dyn RelationPlannerContext,
) -> Result<When> {
    let expr = match version {
        TableVersion::VersionAsOf(expr)
        | TableVersion::TimestampAsOf(expr)
        | TableVersion::ForSystemTimeAsOf(expr) => expr,
        other => {
            return Err(SqlError::statement(format!(
                "expected VERSION AS OF 3, TIMESTAMP AS OF '2026-11-28T12:00:00' or FOR SYSTEM_TIME AS OF the same, got {other}"
            ))
            .into());
        }
    };
    when(&constant(statement, expr, context)?)
}

/// A version's number, or a time.
pub(super) fn when(argument: &Argument) -> Result<When> {
    let wrong = || {
        SqlError::statement(format!(
            "expected the number of a version, or a time such as '2026-11-28T12:00:00', got {}",
            argument.text
        ))
    };
    let Some(value) = &argument.value else {
        return Ok(When::Time(i64::MAX));
    };
    if value.data_type().is_integer() {
        return match value.cast_to(&DataType::UInt64) {
            Ok(ScalarValue::UInt64(Some(version))) => Ok(When::Version(version)),
            _ => Err(wrong().into()),
        };
    }
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    let is_time = matches!(
        value.data_type(),
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Timestamp(..)
            | DataType::Date32
    );
    match value.cast_to(&time) {
        Ok(ScalarValue::TimestampMicrosecond(Some(time), _)) if is_time => Ok(When::Time(time)),
        _ => Err(wrong().into()),
    }
}
