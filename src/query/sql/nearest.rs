//! What lets `ORDER BY hamming(fingerprint, <constant>) LIMIT k` be a search.
//!
//! It replaces the table below such a sort by the nearest `k` of what the filters in between let through, found by the
//! exact search, nearest first. The sort stays, over `k` rows, unless nothing between the table and whoever asks could
//! change the order of rows: then it goes, and with it most of what planning and running take. `similarity(…) DESC`
//! is the same order.
//!
//! [`direct`](super::direct) asks for that where it makes a plan itself; [`NearestRule`] does it for the others, once filters have
//! gone where they are answered and constants have been calculated.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    Analyze, Explain, Expr, Limit, LogicalPlan, Projection, Sort, TableScan,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::ADDRESSES;

use super::functions::DistanceTo;
use super::tables::{Nearest, NodesTable};

/// The rule.
#[derive(Debug)]
pub(super) struct NearestRule;

impl OptimizerRule for NearestRule {
    fn name(&self) -> &str {
        "nearest"
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let searching = plan.transform_down_with_subqueries(|plan| {
            let LogicalPlan::Sort(sort) = &plan else {
                return Ok(Transformed::no(plan));
            };
            Ok(match searched(sort) {
                Some(input) => Transformed::yes(LogicalPlan::Sort(Sort {
                    input: Arc::new(input),
                    ..sort.clone()
                })),
                None => Transformed::no(plan),
            })
        })?;
        searching.transform_data(|plan| {
            Ok(match unsorted(&plan) {
                Some(unsorted) => Transformed::yes(unsorted),
                None => Transformed::no(plan),
            })
        })
    }
}

/// A whole plan without its sort of what comes from a search in order, if only columns are chosen on the way.
fn unsorted(plan: &LogicalPlan) -> Option<LogicalPlan> {
    let below = |input: &LogicalPlan| unsorted(input).map(Arc::new);
    match plan {
        LogicalPlan::Projection(projection) if chooses_columns(projection) => {
            let input = below(&projection.input)?;
            Some(LogicalPlan::Projection(
                Projection::try_new_with_schema(
                    projection.expr.clone(),
                    input,
                    Arc::clone(&projection.schema),
                )
                .ok()?,
            ))
        }
        LogicalPlan::Limit(limit) => Some(LogicalPlan::Limit(Limit {
            input: below(&limit.input)?,
            ..limit.clone()
        })),
        LogicalPlan::Sort(sort) if is_in_order(&sort.input) => Some(sort.input.as_ref().clone()),
        LogicalPlan::Explain(explain) => Some(LogicalPlan::Explain(Explain {
            plan: below(&explain.plan)?,
            ..explain.clone()
        })),
        LogicalPlan::Analyze(analyze) => Some(LogicalPlan::Analyze(Analyze {
            input: below(&analyze.input)?,
            ..analyze.clone()
        })),
        _ => None,
    }
}

/// Whether rows come as a search found them.
pub(super) fn is_in_order(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => {
            chooses_columns(projection) && is_in_order(&projection.input)
        }
        LogicalPlan::SubqueryAlias(alias) => is_in_order(&alias.input),
        LogicalPlan::TableScan(scan) => source_as_provider(&scan.source).is_ok_and(|table| {
            table
                .downcast_ref::<NodesTable>()
                .is_some_and(|table| table.nearest.is_some())
        }),
        _ => false,
    }
}

/// Whether a projection calculates nothing, which several threads could do, each with some of the rows.
pub(super) fn chooses_columns(projection: &Projection) -> bool {
    let mut columns = projection.expr.iter();
    columns.all(|expr| matches!(expr.clone().unalias(), Expr::Column(_)))
}

/// The input of a sort with a search in place of its table, if the sort is one by distance.
pub(super) fn searched(sort: &Sort) -> Option<LogicalPlan> {
    let k = sort.fetch.filter(|k| *k <= ADDRESSES)?;
    let (key, tie) = match &sort.expr[..] {
        [key] => (key, None),
        // What ties in distance comes by address, as in the search.
        [key, tie] if tie.asc => (key, Some(tie.expr.clone().unalias())),
        _ => return None,
    };
    let wanted = Wanted {
        k,
        ascending: key.asc,
        distance: key.expr.clone().unalias(),
        tie,
    };
    replace(&sort.input, wanted, Vec::new())
}

/// What a sort asks for, in terms of the plan below it.
struct Wanted {
    k: usize,
    ascending: bool,
    distance: Expr,
    tie: Option<Expr>,
}

fn is_column(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

/// Follows a sort's key down to the table.
fn replace(plan: &LogicalPlan, wanted: Wanted, mut predicates: Vec<Expr>) -> Option<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(projection) if predicates.is_empty() => {
            let tie = wanted.tie.map(|tie| through(projection, &tie).ok_or(()));
            let wanted = Wanted {
                distance: through(projection, &wanted.distance)?,
                tie: tie.transpose().ok()?,
                ..wanted
            };
            let input = replace(&projection.input, wanted, predicates)?;
            let mut projection = projection.clone();
            projection.input = Arc::new(input);
            Some(LogicalPlan::Projection(projection))
        }
        LogicalPlan::Filter(filter) => {
            let is_plain = !filter.predicate.is_volatile() && !has_subquery(&filter.predicate);
            predicates.push(is_plain.then(|| filter.predicate.clone())?);
            let input = replace(&filter.input, wanted, predicates)?;
            let mut filter = filter.clone();
            filter.input = Arc::new(input);
            Some(LogicalPlan::Filter(filter))
        }
        LogicalPlan::SubqueryAlias(alias) if predicates.is_empty() => {
            let input = replace(&alias.input, wanted, predicates)?;
            let mut alias = alias.clone();
            alias.input = Arc::new(input);
            Some(LogicalPlan::SubqueryAlias(alias))
        }
        LogicalPlan::TableScan(scan) => {
            if wanted.tie.is_some_and(|tie| !is_column(&tie, "address")) {
                return None;
            }
            let query = query(&wanted.distance, wanted.ascending)?;
            let provider = source_as_provider(&scan.source).ok()?;
            let table = provider.downcast_ref::<NodesTable>()?;
            if table.nearest.is_some() || scan.fetch.is_some() {
                return None;
            }
            let nearest = Nearest {
                query: Arc::clone(query),
                k: wanted.k,
                predicates,
            };
            let table = NodesTable {
                nearest: Some(nearest),
                ..table.clone()
            };
            Some(LogicalPlan::TableScan(TableScan {
                source: provider_as_source(Arc::new(table)),
                ..scan.clone()
            }))
        }
        _ => None,
    }
}

/// What an expression over a projection is over its input; columns only, and whole expressions by their name.
fn through(projection: &Projection, expr: &Expr) -> Option<Expr> {
    let below = |column: &Column| {
        let place = projection.schema.maybe_index_of_column(column)?;
        Some(projection.expr[place].clone().unalias())
    };
    match expr {
        Expr::Column(column) => below(column),
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            let args = args.iter().map(|arg| match arg {
                Expr::Column(column) => below(column),
                _ => None,
            });
            let args = args.collect::<Option<Vec<_>>>()?;
            Some(Expr::ScalarFunction(ScalarFunction {
                func: Arc::clone(func),
                args,
            }))
        }
        _ => None,
    }
}

pub(super) fn has_subquery(expr: &Expr) -> bool {
    let is_subquery = |expr: &Expr| {
        Ok(matches!(
            expr,
            Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    };
    expr.exists(is_subquery).unwrap_or(true)
}

/// The fingerprint that rows are ordered by their distance to, nearest first.
fn query(expr: &Expr, ascending: bool) -> Option<&Arc<Fingerprint>> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else {
        return None;
    };
    let distance = func.inner().downcast_ref::<DistanceTo>()?;
    let is_of_nodes = matches!(&args[..], [of] if is_column(of, "fingerprint"));
    let is_nearest_first = distance.is_similarity() != ascending;
    (is_of_nodes && is_nearest_first).then(|| distance.query())
}
