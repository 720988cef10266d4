//! What a WHERE says that a table can answer without looking at every row.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Like, Operator, TryCast};
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::marks::RUNG_MAX;

/// One condition on one column, exactly what the expression says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Condition {
    /// The column is one of these numbers: `id`, `address`, `source` and so on.
    Numbers(&'static str, Vec<u64>),
    /// The column is one of these texts: `name`, `verb`.
    Texts(&'static str, Vec<String>),
    /// `address` lies between, ends included.
    Between(u16, u16),
    /// `zone`; `None` for the name of none.
    Zone(Option<Zone>),
    /// `name` begins so.
    NameBegins(String),
    /// `rung` is at most this.
    RungMax(u8),
    /// `kinds` has this.
    Kind(String),
}

/// The numeric columns that tables look up by.
const NUMBERS: [&str; 5] = ["id", "address", "source", "target", "source_address"];
/// The same of texts.
const TEXTS: [&str; 2] = ["name", "verb"];

/// The condition that an expression is, if it is one.
pub(super) fn read(expr: &Expr) -> Option<Condition> {
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Or,
            right,
        }) => one_of(read(left)?, read(right)?),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(left), column(right)) {
            (Some(column), None) => compare(column, *op, literal(right)?),
            (None, Some(column)) => compare(column, op.swap()?, literal(left)?),
            _ => None,
        },
        Expr::InList(InList {
            expr,
            list,
            negated: false,
        }) => {
            let column = column(expr)?;
            let mut all = None;
            for item in list {
                let one = compare(column, Operator::Eq, literal(item)?)?;
                all = Some(match all {
                    None => one,
                    Some(all) => one_of(all, one)?,
                });
            }
            all
        }
        Expr::Between(Between {
            expr,
            negated: false,
            low,
            high,
        }) => {
            let column = column(expr)?;
            let (low, high) = (
                address(column, literal(low)?)?,
                address(column, literal(high)?)?,
            );
            Some(Condition::Between(low, high))
        }
        Expr::Like(Like {
            negated: false,
            expr,
            pattern,
            escape_char: None,
            case_insensitive: false,
        }) => {
            let pattern = text(literal(pattern)?)?;
            let start = pattern.strip_suffix('%')?;
            let is_plain = !start.contains(['%', '_', '\\']);
            (column(expr)? == "name" && is_plain).then(|| Condition::NameBegins(start.to_owned()))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => match (func.name(), &args[..]) {
            ("starts_with", [of, start]) if column(of)? == "name" => {
                Some(Condition::NameBegins(text(literal(start)?)?.to_owned()))
            }
            ("array_has", [of, kind]) if column(of)? == "kinds" => {
                Some(Condition::Kind(text(literal(kind)?)?.to_owned()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Either of two conditions, if that is one.
fn one_of(a: Condition, b: Condition) -> Option<Condition> {
    match (a, b) {
        (Condition::Numbers(column, mut all), Condition::Numbers(other, more))
            if column == other =>
        {
            all.extend(more);
            Some(Condition::Numbers(column, all))
        }
        (Condition::Texts(column, mut all), Condition::Texts(other, more)) if column == other => {
            all.extend(more);
            Some(Condition::Texts(column, all))
        }
        _ => None,
    }
}

fn compare(column: &str, op: Operator, value: &ScalarValue) -> Option<Condition> {
    let known = |names: &[&'static str]| names.iter().copied().find(|name| *name == column);
    if op == Operator::Eq {
        if let Some(column) = known(&NUMBERS) {
            return Some(Condition::Numbers(column, vec![number(value)?]));
        }
        if let Some(column) = known(&TEXTS) {
            return Some(Condition::Texts(column, vec![text(value)?.to_owned()]));
        }
        if column == "zone" {
            let zone = text(value)?;
            let zones = [Zone::Surface, Zone::Fluid, Zone::Node];
            return Some(Condition::Zone(
                zones.into_iter().find(|known| known.name() == zone),
            ));
        }
        return None;
    }
    if column == "rung" {
        let value = number(value)?;
        return match op {
            Operator::LtEq => Some(Condition::RungMax(value.min(RUNG_MAX.into()) as u8)),
            Operator::Lt => Some(Condition::RungMax(
                value.checked_sub(1)?.min(RUNG_MAX.into()) as u8,
            )),
            _ => None,
        };
    }
    let value = address(column, value)?;
    match op {
        Operator::LtEq => Some(Condition::Between(0, value)),
        Operator::GtEq => Some(Condition::Between(value, u16::MAX)),
        Operator::Lt => Some(Condition::Between(0, value.checked_sub(1)?)),
        Operator::Gt => Some(Condition::Between(value.checked_add(1)?, u16::MAX)),
        _ => None,
    }
}

/// The column that an expression is, whatever type it is cast to for a comparison.
fn column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        // Of texts only: a number may change when it is cast.
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field })
            if field.data_type().is_string() =>
        {
            column(expr).filter(|name| TEXTS.contains(name) || *name == "zone")
        }
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(ScalarValue::Dictionary(_, value), _) => Some(value),
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// An address to compare with, of the address column.
fn address(column: &str, value: &ScalarValue) -> Option<u16> {
    match value {
        ScalarValue::UInt16(Some(value)) if column == "address" => Some(*value),
        _ => None,
    }
}

fn number(value: &ScalarValue) -> Option<u64> {
    match value {
        ScalarValue::UInt64(Some(value)) => Some(*value),
        ScalarValue::UInt16(Some(value)) => Some((*value).into()),
        ScalarValue::UInt8(Some(value)) => Some((*value).into()),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Some(text),
        _ => None,
    }
}
