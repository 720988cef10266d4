//! WITH and RETURN: columns, grouping, order.

use std::sync::Arc;

use super::super::ast::{self, ExprKind};
use super::super::error::{CypherError, Result};
use super::super::plan::{Aggregate, Aggregation, End, Expr, Op, Projection, Slot};
use super::super::value::Value;
use super::pattern::is_constant;
use super::scope::{Scope, Type, Variable};
use super::{Aggregating, Building, Compiler, undefined};

/// A column in the making.
struct Column {
    name: Arc<str>,
    slot: Slot,
    kind: Type,
    value: Expr,
    /// Whether it says anything of aggregates.
    is_aggregating: bool,
    /// Whether it needs a name that it does not have.
    is_nameless: bool,
    at: usize,
}

impl Compiler<'_> {
    pub(super) fn return_clause(
        &mut self,
        projection: &ast::Projection,
        building: &mut Building,
        at: usize,
    ) -> Result<Vec<Arc<str>>> {
        let (columns, aggregates) = self.columns(projection, at, true)?;
        let names = columns
            .iter()
            .map(|column| Arc::clone(&column.name))
            .collect();
        self.project(projection, columns, aggregates, building)?;
        Ok(names)
    }

    pub(super) fn with_clause(
        &mut self,
        projection: &ast::Projection,
        filter: Option<&ast::Expr>,
        building: &mut Building,
        at: usize,
    ) -> Result<()> {
        let (columns, aggregates) = self.columns(projection, at, false)?;
        let nameless = columns
            .iter()
            .find(|column| column.is_nameless)
            .map(|column| column.at);
        let is_breaking = !aggregates.is_empty()
            || projection.distinct
            || !projection.order.is_empty()
            || projection.skip.is_some()
            || projection.limit.is_some();
        // WHERE may speak of what was there before, too, while there is a row of it.
        let outer = (!is_breaking).then(|| self.scope.clone());
        let late = match (filter, is_breaking) {
            (Some(filter), true) => Some(self.late(filter, &columns, &aggregates, true)?),
            _ => None,
        };
        match is_breaking {
            true => self.project(projection, columns, aggregates, building)?,
            false => self.rename(columns, building),
        }
        if let Some(at) = nameless {
            return Err(CypherError::syntax(
                "NoExpressionAlias",
                "expected AS and a name after an expression in WITH",
                at,
            ));
        }
        if let Some(condition) = late {
            let step = self.step(Op::Filter(condition));
            building.steps.push(step);
        } else if let Some(filter) = filter {
            let projected = self.scope.clone();
            if let Some(mut scope) = outer {
                for Variable { name, slot, kind } in self.scope.visible() {
                    scope.declare(name, *slot, kind.clone());
                }
                self.scope = scope;
            }
            let condition = self.condition(filter);
            self.scope = projected;
            let step = self.step(Op::Filter(condition?));
            building.steps.push(step);
        }
        Ok(())
    }

    /// Columns that are one for one with rows: they get slots in the same row.
    fn rename(&mut self, columns: Vec<Column>, building: &mut Building) {
        let mut scope = Scope::default();
        for column in columns {
            let slot = match column.value {
                Expr::Slot(slot) => slot,
                value => {
                    let slot = column.slot;
                    let step = self.step(Op::Let { slot, value });
                    building.steps.push(step);
                    slot
                }
            };
            scope.declare(&column.name, slot, column.kind);
        }
        self.scope = scope;
    }

    /// The columns, and what they aggregate.
    fn columns(
        &mut self,
        projection: &ast::Projection,
        at: usize,
        is_return: bool,
    ) -> Result<(Vec<Column>, Vec<Aggregate>)> {
        let mut columns: Vec<Column> = Vec::new();
        if projection.star {
            let visible: Vec<Variable> = self.scope.visible().into_iter().cloned().collect();
            if visible.is_empty() && is_return {
                return Err(CypherError::syntax(
                    "NoVariablesInScope",
                    "expected variables for *, and there are none",
                    at,
                ));
            }
            for Variable { name, slot, kind } in visible {
                columns.push(Column {
                    name: name.into(),
                    slot: self.slot(),
                    kind,
                    value: Expr::Slot(slot),
                    is_aggregating: false,
                    is_nameless: false,
                    at,
                });
            }
        }
        let around = std::mem::replace(&mut self.aggregation, Aggregating::Allowed(Vec::new()));
        for item in &projection.items {
            let before = self.aggregates().len();
            let (value, kind) = self.expr(&item.expr)?;
            let is_aggregating = self.aggregates().len() > before;
            let is_variable = matches!(*item.expr.kind, ExprKind::Variable(_));
            let name: Arc<str> = match (&item.alias, &*item.expr.kind) {
                (Some(alias), _) => alias.text.as_str().into(),
                (None, ExprKind::Variable(name)) => name.as_str().into(),
                (None, _) => item.text.as_str().into(),
            };
            if columns.iter().any(|column| column.name == name) {
                return Err(CypherError::syntax(
                    "ColumnNameConflict",
                    format!("expected each column to have a name of its own, got {name} twice"),
                    item.expr.at,
                ));
            }
            columns.push(Column {
                name,
                slot: self.slot(),
                kind,
                value,
                is_aggregating,
                is_nameless: !is_return && item.alias.is_none() && !is_variable,
                at: item.expr.at,
            });
        }
        let aggregating = std::mem::replace(&mut self.aggregation, around);
        let Aggregating::Allowed(aggregates) = aggregating else {
            unreachable!("what was allowed stays so");
        };
        Ok((columns, aggregates))
    }

    fn aggregates(&self) -> &[Aggregate] {
        match &self.aggregation {
            Aggregating::Allowed(aggregates) => aggregates,
            Aggregating::Refused | Aggregating::Inside => &[],
        }
    }

    /// Ends the stage with a projection, and leaves its columns as the scope.
    fn project(
        &mut self,
        projection: &ast::Projection,
        mut columns: Vec<Column>,
        aggregates: Vec<Aggregate>,
        building: &mut Building,
    ) -> Result<()> {
        let is_aggregating = !aggregates.is_empty();
        if is_aggregating {
            self.group(&mut columns, &aggregates)?;
        }
        let mut order = Vec::new();
        for (expr, is_descending) in &projection.order {
            let value = self.sort_key(expr, &columns, &aggregates, projection.distinct)?;
            order.push((value, *is_descending));
        }
        let skip = self.count(projection.skip.as_ref())?;
        let limit = self.count(projection.limit.as_ref())?;
        let mut scope = Scope::default();
        let slots = columns.iter().map(|column| column.slot).collect();
        let (mut items, mut late) = (Vec::new(), Vec::new());
        for column in columns {
            scope.declare(&column.name, column.slot, column.kind);
            match column.is_aggregating {
                true => late.push((column.value, column.slot)),
                false => items.push((column.value, column.slot)),
            }
        }
        self.scope = scope;
        let aggregation = is_aggregating.then_some(Aggregation {
            aggregates,
            items: late,
        });
        let projected = Projection {
            items,
            aggregation,
            is_distinct: projection.distinct,
            order,
            skip,
            limit,
            columns: slots,
        };
        self.end(building, End::Project(projected));
        Ok(())
    }

    /// Lets aggregating columns read the grouping ones and aggregates, and nothing else.
    fn group(&self, columns: &mut [Column], aggregates: &[Aggregate]) -> Result<()> {
        let keys: Vec<(Expr, Slot)> = columns
            .iter_mut()
            .filter(|column| !column.is_aggregating)
            .map(|column| (simple_copy(&column.value), column.slot))
            .filter_map(|(key, slot)| Some((key?, slot)))
            .collect();
        for column in columns.iter_mut().filter(|column| column.is_aggregating) {
            let is_known = |slot: Slot| aggregates.iter().any(|aggregate| aggregate.slot == slot);
            replace(&mut column.value, &keys, &is_known).map_err(|_| ambiguous(column.at))?;
        }
        Ok(())
    }

    fn sort_key(
        &mut self,
        expr: &ast::Expr,
        columns: &[Column],
        aggregates: &[Aggregate],
        is_distinct: bool,
    ) -> Result<Expr> {
        if is_distinct || !aggregates.is_empty() {
            return self.late(expr, columns, aggregates, false);
        }
        let scope = self.scope.len();
        self.declare_columns(columns);
        let value = self.plain(expr);
        self.scope.truncate(scope);
        Ok(value?.0)
    }

    fn declare_columns(&mut self, columns: &[Column]) {
        for column in columns {
            self.scope
                .declare(&column.name, column.slot, column.kind.clone());
        }
    }

    /// What is asked for when only columns are left: of what was there before, it may speak in the words of a column.
    fn late(
        &mut self,
        expr: &ast::Expr,
        columns: &[Column],
        aggregates: &[Aggregate],
        is_condition: bool,
    ) -> Result<Expr> {
        let scope = self.scope.len();
        self.declare_columns(columns);
        let allowed = match !aggregates.is_empty() && !is_condition {
            true => Aggregating::Allowed(Vec::new()),
            false => Aggregating::Refused,
        };
        let first_own = self.slots;
        let around = std::mem::replace(&mut self.aggregation, allowed);
        let value = match is_condition {
            true => self.condition(expr),
            false => self.expr(expr).map(|(value, _)| value),
        };
        let own = std::mem::replace(&mut self.aggregation, around);
        self.scope.truncate(scope);
        let mut value = value?;
        let name = self.unprojected_name(expr, columns);
        let undefined = || undefined(&name, expr.at);
        let mut keys: Vec<(Expr, Slot)> = Vec::new();
        let mut has_aggregates = false;
        if let Aggregating::Allowed(own) = own {
            // An aggregate must be one that a column has.
            for aggregate in own {
                let is_same = |there: &&Aggregate| {
                    there.function == aggregate.function
                        && there.is_distinct == aggregate.is_distinct
                        && there.arguments == aggregate.arguments
                };
                let there = aggregates.iter().find(is_same).ok_or_else(undefined)?;
                keys.push((Expr::Slot(aggregate.slot), there.slot));
                has_aggregates = true;
            }
        }
        for column in columns.iter().filter(|column| !column.is_aggregating) {
            let key = match has_aggregates {
                true => simple_copy(&column.value),
                false => Some(column.value.clone()),
            };
            keys.extend(key.map(|key| (key, column.slot)));
        }
        let is_known = |slot: Slot| {
            let is_column = columns.iter().any(|column| column.slot == slot);
            is_column
                || slot >= first_own
                || aggregates.iter().any(|aggregate| aggregate.slot == slot)
        };
        replace(&mut value, &keys, &is_known).map_err(|slot| {
            let mut read = Vec::new();
            let grouping = columns.iter().filter(|column| !column.is_aggregating);
            grouping.for_each(|column| column.value.slots(&mut read));
            match read.contains(&slot) && has_aggregates {
                true => ambiguous(expr.at),
                false => undefined(),
            }
        })?;
        Ok(value)
    }

    /// The name of a variable in an expression that is no column, for errors.
    fn unprojected_name(&self, expr: &ast::Expr, columns: &[Column]) -> String {
        let mut pending = vec![expr];
        while let Some(expr) = pending.pop() {
            if let ExprKind::Variable(name) = &*expr.kind
                && columns.iter().all(|column| *column.name != **name)
            {
                return name.clone();
            }
            pending.extend(expr.kind.children());
        }
        "an aggregation that is no column".to_owned()
    }

    /// The number of rows that SKIP or LIMIT says: it hangs on no row.
    fn count(&mut self, expr: Option<&ast::Expr>) -> Result<Option<Expr>> {
        let Some(expr) = expr else {
            return Ok(None);
        };
        let scope = std::mem::take(&mut self.scope);
        let value = self.plain(expr);
        self.scope = scope;
        let value = match value {
            Ok((value, _)) => value,
            Err(error) if error.detail == "UndefinedVariable" => {
                return Err(CypherError::syntax(
                    "NonConstantExpression",
                    "expected a number of rows that hangs on no variable",
                    expr.at,
                ));
            }
            Err(error) => return Err(error),
        };
        let constant = match &value {
            Expr::Negate(of) => match is_constant(of) {
                Some(Value::Integer(n)) => Some(Value::Integer(-n)),
                _ => None,
            },
            Expr::Constant(value) => Some(value.clone()),
            _ => None,
        };
        match constant {
            Some(Value::Integer(n)) if n < 0 => Err(CypherError::syntax(
                "NegativeIntegerArgument",
                format!("expected a number of rows that is not negative, got {n}"),
                expr.at,
            )),
            Some(Value::Integer(_)) | None => Ok(Some(value)),
            Some(other) => Err(CypherError::syntax(
                "InvalidArgumentType",
                format!("expected an integer, got {}", other.type_name()),
                expr.at,
            )),
        }
    }
}

fn ambiguous(at: usize) -> CypherError {
    CypherError::syntax(
        "AmbiguousAggregationExpression",
        "expected variables and properties beside an aggregation to be columns themselves",
        at,
    )
}

/// Replaces what equals a key by the key's slot.
///
/// # Errors
/// The slot of a variable that is neither part of a key nor known otherwise.
fn replace(
    expr: &mut Expr,
    keys: &[(Expr, Slot)],
    is_known: &dyn Fn(Slot) -> bool,
) -> std::result::Result<(), Slot> {
    if let Some((_, slot)) = keys.iter().find(|(key, _)| key == expr) {
        *expr = Expr::Slot(*slot);
        return Ok(());
    }
    match expr {
        Expr::Slot(slot) if !is_known(*slot) => return Err(*slot),
        Expr::ListComprehension { slot, .. } | Expr::Quantified { slot, .. } => {
            let own = *slot;
            return replace_below(expr, keys, &|slot| slot == own || is_known(slot));
        }
        Expr::Reduce {
            slot, accumulator, ..
        } => {
            let own = [*slot, *accumulator];
            return replace_below(expr, keys, &|slot| own.contains(&slot) || is_known(slot));
        }
        _ => {}
    }
    replace_below(expr, keys, is_known)
}

fn replace_below(
    expr: &mut Expr,
    keys: &[(Expr, Slot)],
    is_known: &dyn Fn(Slot) -> bool,
) -> std::result::Result<(), Slot> {
    let mut result = Ok(());
    expr.visit_mut(&mut |child| {
        if result.is_ok() {
            result = replace(child, keys, is_known);
        }
    });
    result
}

/// A copy of a variable or of a property of one.
fn simple_copy(expr: &Expr) -> Option<Expr> {
    let is_simple = match expr {
        Expr::Slot(_) => true,
        Expr::Property(of, _) => matches!(**of, Expr::Slot(_)),
        _ => false,
    };
    is_simple.then(|| expr.clone())
}
