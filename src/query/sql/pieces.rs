//! Pieces of statements that somebody gives: parsed, and checked to be no more than they should.

use datafusion::sql::sqlparser::ast::{
    Expr, OrderByKind, OrderByOptions, Query, SelectItem, SetExpr, Statement,
};

use super::error::SqlError;
use super::parse::parse;

/// A list of expressions, as one may stand behind SELECT, each written out again.
///
/// # Errors
/// It is none, or more than that.
pub fn expressions(text: &str) -> Result<Vec<String>, SqlError> {
    let wrong = || {
        SqlError::statement(format!(
            "expected a list such as name, rung, got '{}'",
            shown(text)
        ))
    };
    let query = query(&format!("SELECT {text}\n"))?.ok_or_else(wrong)?;
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(wrong());
    };
    let items = select.projection.iter().map(|item| match item {
        SelectItem::UnnamedExpr(expression) => Some(written(expression)),
        SelectItem::Wildcard(_) => Some("*".to_owned()),
        _ => None,
    });
    let items: Vec<String> = items.collect::<Option<_>>().ok_or_else(wrong)?;
    let all: Vec<_> = select.projection.iter().map(ToString::to_string).collect();
    // What stands behind the list would make the statement another one.
    match query.to_string() == format!("SELECT {}", all.join(", ")) {
        true => Ok(items),
        false => Err(wrong()),
    }
}

/// A list of expressions to order by, each written out again, and whether it descends.
///
/// # Errors
/// It is none, or more than that.
pub fn order(text: &str) -> Result<Vec<(String, bool)>, SqlError> {
    let wrong = || {
        SqlError::statement(format!(
            "expected a list such as name, rung DESC, got '{}'",
            shown(text)
        ))
    };
    let query = query(&format!("SELECT 1 ORDER BY {text}\n"))?.ok_or_else(wrong)?;
    let order = query.order_by.as_ref().map(|order| &order.kind);
    let Some(OrderByKind::Expressions(items)) = order else {
        return Err(wrong());
    };
    let all: Vec<_> = items.iter().map(ToString::to_string).collect();
    if query.to_string() != format!("SELECT 1 ORDER BY {}", all.join(", ")) {
        return Err(wrong());
    }
    let item = |item: &datafusion::sql::sqlparser::ast::OrderByExpr| match item.options {
        OrderByOptions {
            asc,
            nulls_first: None,
        } if item.with_fill.is_none() => Some((written(&item.expr), asc == Some(false))),
        _ => None,
    };
    items
        .iter()
        .map(item)
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

/// A query, with tables of its own in front: of those that it has not itself.
///
/// # Errors
/// It is no query, or beyond the bounds.
pub fn query_with(text: &str, tables: &[(&str, String)]) -> Result<String, SqlError> {
    let wrong = || {
        SqlError::statement(format!(
            "expected a query such as SELECT name FROM nodes, got '{}'",
            shown(text)
        ))
    };
    let mut asked = query(text)?.ok_or_else(wrong)?;
    if tables.is_empty() {
        return Ok(text.to_owned());
    }
    let own: Vec<String> = asked
        .with
        .iter()
        .flat_map(|with| &with.cte_tables)
        .map(|table| table.alias.name.value.to_lowercase())
        .collect();
    let given: Vec<_> = tables
        .iter()
        .filter(|(name, _)| !own.contains(&(*name).to_owned()))
        .map(|(name, rows)| format!("{name} AS ({rows})"))
        .collect();
    if given.is_empty() {
        return Ok(text.to_owned());
    }
    let given = query(&format!("WITH {} SELECT 1", given.join(", ")))?.ok_or_else(wrong)?;
    let given = given.with.ok_or_else(wrong)?;
    match &mut asked.with {
        Some(with) => drop(with.cte_tables.splice(0..0, given.cte_tables)),
        None => asked.with = Some(given),
    }
    Ok(asked.to_string())
}

/// Whether a statement changes rows: INSERT, UPDATE, DELETE or TRUNCATE.
///
/// # Errors
/// It is no statement, or beyond the bounds.
pub fn changes_rows(text: &str) -> Result<bool, SqlError> {
    Ok(matches!(
        parse(text)?,
        Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Truncate(_)
    ))
}

fn query(text: &str) -> Result<Option<Box<Query>>, SqlError> {
    Ok(match parse(text)? {
        Statement::Query(query) => Some(query),
        _ => None,
    })
}

/// An expression; a name without quotes in lower case, as it is understood.
fn written(expression: &Expr) -> String {
    match expression {
        Expr::Identifier(name) if name.quote_style.is_none() => name.value.to_lowercase(),
        Expr::Identifier(name) => name.value.clone(),
        other => other.to_string(),
    }
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
