//! Comparisons of singles with numbers that are written out: `confidence = 0.9` asks for the single that reads 0.9.
//!
//! By their types alone both would be doubles, and the single that was stored for 0.9 is another double than 0.9: nothing
//! would equal what it was set to, and `>=` would miss it. A number of more digits than a single tells stays a double.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use ladybug_engine::space::marks::decimal;

/// Lets such numbers be singles, before types are made the same.
#[derive(Debug)]
pub(super) struct SinglesRewrite;

impl FunctionRewrite for SinglesRewrite {
    fn name(&self) -> &str {
        "singles"
    }

    fn rewrite(
        &self,
        mut expr: Expr,
        schema: &DFSchema,
        _: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let changed = match &mut expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => {
                (is_single(left, schema) && narrow(right))
                    || (is_single(right, schema) && narrow(left))
            }
            Expr::Between(Between {
                expr, low, high, ..
            }) if is_single(expr, schema) => {
                let low = narrow(low);
                narrow(high) || low
            }
            Expr::InList(InList { expr, list, .. }) if is_single(expr, schema) => {
                let mut any = false;
                for item in list {
                    any |= narrow(item);
                }
                any
            }
            _ => false,
        };
        Ok(match changed {
            true => Transformed::yes(expr),
            false => Transformed::no(expr),
        })
    }
}

fn compares(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn is_single(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Float32))
}

/// Lets a double that is written out be the single that reads the same, if there is one.
fn narrow(expr: &mut Expr) -> bool {
    let Expr::Literal(value, _) = expr else {
        return false;
    };
    match value {
        ScalarValue::Float64(Some(double)) if decimal(*double as f32) == *double => {
            *value = ScalarValue::Float32(Some(*double as f32));
            true
        }
        _ => false,
    }
}
