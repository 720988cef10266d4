//! The plans of the plainest queries, made in one pass: columns of nodes on conditions that the table answers, and the nearest
//! of them with their distances.
//!
//! DataFusion's rules would come to the same plan, one rule after the other, each with a walk over the plan and checks of its
//! own, and take most of what such a statement takes. What is not as plain is left to them.
//!
//! One pass down calculates constants, gives conditions and limits to the table and puts the search in place of a sort by
//! distance; another leaves out the columns that nothing needs.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchemaRef, Result};
use datafusion::datasource::source_as_provider;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    Analyze, Explain, Expr, FetchType, Limit, LogicalPlan, Projection, SkipType, Sort,
    SubqueryAlias, TableProviderFilterPushDown, TableScan,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::nearest::{chooses_columns, is_in_order, searched};
use super::tables::NodesTable;

/// A plan that needs no rules any more, of one that is not analysed yet; none if that is not as plain.
///
/// # Errors
/// A constant is wrong.
pub(super) fn plan(plan: &LogicalPlan, state: &SessionState) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Explain(explain) => {
            let inner = self::plan(&explain.plan, state)?.map(Arc::new);
            return Ok(inner.map(|plan| {
                LogicalPlan::Explain(Explain {
                    plan,
                    logical_optimization_succeeded: true,
                    ..explain.clone()
                })
            }));
        }
        LogicalPlan::Analyze(analyze) => {
            let inner = self::plan(&analyze.input, state)?.map(Arc::new);
            return Ok(inner.map(|input| {
                LogicalPlan::Analyze(Analyze {
                    input,
                    ..analyze.clone()
                })
            }));
        }
        _ => {}
    }
    match Answering(state).below(plan, Asked::default())? {
        Some(answered) if calculates_little(&answered) => narrowed(&answered, None),
        _ => Ok(None),
    }
}

/// The pass in which the table takes what it answers.
struct Answering<'a>(&'a SessionState);

/// What is asked of a part of a plan by what is above it.
#[derive(Default)]
struct Asked {
    /// So many rows, from the first.
    fetch: Option<usize>,
    /// Those for which all of this holds.
    filters: Vec<Expr>,
}

impl Answering<'_> {
    fn below(&self, plan: &LogicalPlan, asked: Asked) -> Result<Option<LogicalPlan>> {
        match plan {
            LogicalPlan::Projection(projection) if asked.filters.is_empty() => {
                self.projection(projection, asked)
            }
            LogicalPlan::Sort(sort) if asked.filters.is_empty() => self.sort(sort, asked),
            LogicalPlan::Limit(limit) if asked.filters.is_empty() => self.limit(limit),
            LogicalPlan::Filter(filter) => {
                let schema = filter.input.schema();
                let all = self.simplified(filter.predicate.clone(), schema)?;
                let mut filters = asked.filters;
                filters.extend(split_conjunction_owned(all));
                self.below(&filter.input, Asked { filters, ..asked })
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let input = self.below(&alias.input, asked)?;
                Ok(input.map(|input| {
                    let mut alias = alias.clone();
                    alias.input = Arc::new(input);
                    LogicalPlan::SubqueryAlias(alias)
                }))
            }
            LogicalPlan::TableScan(scan) => scanned(scan, asked),
            _ => Ok(None),
        }
    }

    fn projection(&self, projection: &Projection, asked: Asked) -> Result<Option<LogicalPlan>> {
        let Some(input) = self.below(&projection.input, asked)? else {
            return Ok(None);
        };
        let named = projection.expr.iter().zip(projection.schema.iter());
        let mut exprs = Vec::with_capacity(projection.expr.len());
        for (expr, (qualifier, field)) in named {
            exprs.push(match (expr, qualifier) {
                (Expr::Column(_), _) => expr.clone(),
                (_, Some(_)) => return Ok(None),
                (_, None) => {
                    let calculated = expr.clone().unalias();
                    let below = projection.input.schema();
                    let simple = self.simplified(calculated.clone(), below)?;
                    match simple == calculated {
                        true => expr.clone(),
                        false => simple.alias(field.name()),
                    }
                }
            });
        }
        let mut projection = projection.clone();
        projection.expr = exprs;
        projection.input = Arc::new(input);
        Ok(Some(LogicalPlan::Projection(projection)))
    }

    fn sort(&self, sort: &Sort, asked: Asked) -> Result<Option<LogicalPlan>> {
        let Some(input) = self.below(&sort.input, Asked::default())? else {
            return Ok(None);
        };
        let mut sort = sort.clone();
        for key in &mut sort.expr {
            key.expr = self.simplified(key.expr.clone(), input.schema())?;
        }
        sort.fetch = asked.fetch;
        sort.input = Arc::new(input);
        let input = searched(&sort);
        let few = self.0.config().batch_size();
        Ok(Some(match input {
            // As few rows stay on one thread, in the order in which they were found.
            Some(input) if sort.fetch.is_some_and(|fetch| fetch <= few) => input,
            Some(input) => LogicalPlan::Sort(Sort {
                input: Arc::new(input),
                ..sort
            }),
            None => LogicalPlan::Sort(sort),
        }))
    }

    fn limit(&self, limit: &Limit) -> Result<Option<LogicalPlan>> {
        let (SkipType::Literal(skip), FetchType::Literal(Some(fetch @ 1..))) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Ok(None);
        };
        let asked = Asked {
            fetch: skip.checked_add(fetch),
            ..Asked::default()
        };
        let input = self.below(&limit.input, asked)?;
        Ok(input.map(|input| {
            LogicalPlan::Limit(Limit {
                input: Arc::new(input),
                ..limit.clone()
            })
        }))
    }

    /// An expression with what DataFusion's analysis and simplification make of it.
    fn simplified(&self, expr: Expr, schema: &DFSchemaRef) -> Result<Expr> {
        if matches!(expr, Expr::Column(_)) {
            return Ok(expr);
        }
        let options = self.0.config_options();
        let mut expr = expr;
        for rewrite in self.0.analyzer().function_rewrites() {
            let rewritten = expr.transform_up(|expr| rewrite.rewrite(expr, schema, options))?;
            expr = rewritten.data;
        }
        let context = SimplifyContext::builder()
            .with_config_options(Arc::clone(options))
            .with_schema(Arc::clone(schema))
            .with_query_execution_start_time(self.0.execution_props().query_execution_start_time)
            .build();
        let simplifier = ExprSimplifier::new(context);
        simplifier.simplify(simplifier.coerce(expr, schema)?)
    }
}

/// A scan of nodes that answers all that is asked.
fn scanned(scan: &TableScan, asked: Asked) -> Result<Option<LogicalPlan>> {
    let provider = source_as_provider(&scan.source)?;
    let is_whole = scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none();
    if !is_whole || !provider.is::<NodesTable>() {
        return Ok(None);
    }
    let filters: Vec<&Expr> = asked.filters.iter().collect();
    let answers = provider.supports_filters_pushdown(&filters)?;
    let answers_all = answers
        .iter()
        .all(|answer| *answer == TableProviderFilterPushDown::Exact);
    Ok(answers_all.then(|| {
        LogicalPlan::TableScan(TableScan {
            filters: asked.filters,
            fetch: asked.fetch,
            ..scan.clone()
        })
    }))
}

/// Whether a plan calculates nothing, or only of what a search finds: of many rows that is planned with more thought.
fn calculates_little(plan: &LogicalPlan) -> bool {
    let mut plan = plan;
    let mut calculates = false;
    loop {
        plan = match plan {
            LogicalPlan::Projection(projection) => {
                calculates |= !chooses_columns(projection);
                &projection.input
            }
            LogicalPlan::Sort(sort) => {
                let mut keys = sort.expr.iter();
                calculates |= keys.any(|key| !matches!(key.expr, Expr::Column(_)));
                &sort.input
            }
            LogicalPlan::Limit(limit) => &limit.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            other => return !calculates || is_in_order(other),
        }
    }
}

/// A plan with no more columns than are needed of it, by name; all if that is not said. None if it would have no column at all.
fn narrowed(plan: &LogicalPlan, needed: Option<HashSet<&str>>) -> Result<Option<LogicalPlan>> {
    let is_needed = |name: &str| needed.as_ref().is_none_or(|all| all.contains(name));
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            let named = projection.expr.iter().zip(projection.schema.fields());
            let chosen = named.filter(|(_, field)| is_needed(field.name()));
            let exprs: Vec<Expr> = chosen.map(|(expr, _)| expr.clone()).collect();
            let Some(input) = narrowed(&projection.input, Some(names(&exprs)))? else {
                return Ok(None);
            };
            let columns = input.schema().columns().into_iter().map(Expr::Column);
            Some(match columns.eq(exprs.iter().cloned()) {
                true => input,
                false => LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?),
            })
        }
        LogicalPlan::Sort(sort) => {
            let keys = names(sort.expr.iter().map(|key| &key.expr));
            let needed = needed.map(|needed| needed.union(&keys).copied().collect());
            narrowed(&sort.input, needed)?.map(|input| {
                LogicalPlan::Sort(Sort {
                    input: Arc::new(input),
                    ..sort.clone()
                })
            })
        }
        LogicalPlan::Limit(limit) => narrowed(&limit.input, needed)?.map(|input| {
            LogicalPlan::Limit(Limit {
                input: Arc::new(input),
                ..limit.clone()
            })
        }),
        LogicalPlan::SubqueryAlias(alias) => {
            let Some(input) = narrowed(&alias.input, needed)? else {
                return Ok(None);
            };
            let alias = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
            Some(LogicalPlan::SubqueryAlias(alias))
        }
        LogicalPlan::TableScan(scan) => {
            let schema = scan.source.schema();
            let fields = schema.fields().iter().enumerate();
            let places = fields.filter(|(_, field)| is_needed(field.name()));
            let places: Vec<usize> = places.map(|(place, _)| place).collect();
            if places.is_empty() {
                return Ok(None);
            }
            let source = Arc::clone(&scan.source);
            let (name, filters) = (scan.table_name.clone(), scan.filters.clone());
            let scan = TableScan::try_new(name, source, Some(places), filters, scan.fetch)?;
            Some(LogicalPlan::TableScan(scan))
        }
        _ => None,
    })
}

/// The names of the columns that expressions are of.
fn names<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> HashSet<&'a str> {
    exprs
        .into_iter()
        .flat_map(Expr::column_refs)
        .map(|column| column.name.as_str())
        .collect()
}
