//! The rules: conclusions by `mind`, and the truth functions once more as SQL over the edges.

use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};

use super::super::super::batch::{batch, ids};
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::CONCLUSION;
use crate::mind::inference::{InferenceError, Judgement, Rule};
use crate::mind::narsese::{Statement, Term};
use crate::mind::truth::{Evidence, Truth, negation};

/// A conclusion: what it says, how true it is, what it stands on.
struct Conclusion {
    statement: String,
    truth: Truth,
    evidence: Evidence,
}

impl From<Judgement> for Conclusion {
    fn from(judgement: Judgement) -> Self {
        Self {
            statement: judgement.statement.to_string(),
            truth: judgement.truth,
            evidence: judgement.evidence,
        }
    }
}

impl From<InferenceError> for Fault {
    fn from(error: InferenceError) -> Self {
        Self::Argument(error.to_string())
    }
}

fn rows(conclusion: Option<Conclusion>) -> RecordBatch {
    let all = conclusion.as_slice();
    let float =
        |of: fn(Truth) -> f64| Float64Array::from_iter_values(all.iter().map(|one| of(one.truth)));
    let statements = all.iter().map(|one| &one.statement);
    batch(
        CONCLUSION,
        vec![
            Arc::new(StringArray::from_iter_values(statements)),
            Arc::new(float(Truth::frequency)),
            Arc::new(float(Truth::confidence)),
            Arc::new(float(Truth::expectation)),
            ids(all.iter().map(|one| Some(one.evidence.ids()))),
        ],
    )
}

pub fn rule(call: &Call<'_>, rule: Rule) -> Result<RecordBatch, Fault> {
    let conclusion = rule.apply(call.judgement(0), call.judgement(1))?;
    Ok(rows(conclusion.map(Into::into)))
}

pub fn revise(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let revised = call.judgement(0).revise(call.judgement(1))?;
    Ok(rows(Some(revised.into())))
}

pub fn choose(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let chosen = call.judgement(0).choose(call.judgement(1)).clone();
    Ok(rows(Some(chosen.into())))
}

pub fn convert(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    Ok(rows(call.judgement(0).convert()?.map(Into::into)))
}

pub fn contrapose(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    Ok(rows(call.judgement(0).contrapose()?.map(Into::into)))
}

pub fn negate(call: &Call<'_>, _: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let premise = call.judgement(0);
    Ok(rows(Some(Conclusion {
        statement: negated(&premise.statement),
        truth: negation(premise.truth),
        evidence: premise.evidence.clone(),
    })))
}

fn negated(statement: &Statement) -> String {
    Term::Statement(Box::new(statement.clone()))
        .negated()
        .to_string()
}

/// In SQL: a conclusion with this truth, in terms of the premises' f1, c1, f2, c2; no row without evidence.
fn concluded(call: &Call<'_>, statement: &str, frequency: &str, confidence: &str) -> String {
    let scope = call.scope();
    let first = call.said(0).sql(scope);
    let (premises, evidence) = match call.values.len() {
        1 => (format!("{first} a"), "array_sort(a.e)"),
        _ => (
            format!("{first} a CROSS JOIN {} b", call.said(1).sql(scope)),
            "array_sort(array_union(a.e, b.e))",
        ),
    };
    let second = match call.values.len() {
        1 => "",
        _ => ", b.f AS f2, b.c AS c2",
    };
    format!(
        "SELECT {} AS statement, frequency, confidence, confidence * (frequency - 0.5) + 0.5 AS expectation, evidence \
         FROM (SELECT {frequency} AS frequency, {confidence} AS confidence, evidence FROM \
         (SELECT a.f AS f1, a.c AS c1{second}, {evidence} AS evidence FROM {premises})) WHERE confidence > 0.0",
        quoted(statement)
    )
}

/// c = w / (w + k), with k = 1.
fn of_evidence(amount: &str) -> String {
    format!("({amount}) / (({amount}) + 1.0)")
}

const OR: &str = "(1.0 - (1.0 - f1) * (1.0 - f2))";

pub fn rule_sql(call: &Call<'_>, rule: Rule) -> String {
    let statement = rule.conclusion(&call.judgement(0).statement, &call.judgement(1).statement);
    // Premises in no figure of the rule: the kernel refuses them, and there is nothing to conclude.
    let Some(statement) = statement else {
        return concluded(call, "", "0.0", "0.0");
    };
    let (frequency, confidence) = match rule {
        Rule::Deduction => ("f1 * f2".to_owned(), "f1 * f2 * c1 * c2".to_owned()),
        Rule::Induction => ("f1".to_owned(), of_evidence("f2 * c1 * c2")),
        Rule::Abduction => ("f2".to_owned(), of_evidence("f1 * c1 * c2")),
        Rule::Exemplification => (
            "CAST(1.0 AS DOUBLE)".to_owned(),
            of_evidence("f1 * f2 * c1 * c2"),
        ),
        Rule::Comparison => (
            format!("CASE WHEN {OR} > 0.0 THEN f1 * f2 / {OR} ELSE 0.0 END"),
            of_evidence(&format!("{OR} * c1 * c2")),
        ),
        Rule::Analogy => ("f1 * f2".to_owned(), "f2 * c1 * c2".to_owned()),
        Rule::Resemblance => ("f1 * f2".to_owned(), format!("{OR} * c1 * c2")),
        Rule::Intersection => ("f1 * f2".to_owned(), "c1 * c2".to_owned()),
        Rule::Union => (OR.to_owned(), "c1 * c2".to_owned()),
    };
    concluded(call, &statement.to_string(), &frequency, &confidence)
}

pub fn revise_sql(call: &Call<'_>) -> String {
    let (w1, w2) = ("(c1 / (1.0 - c1))", "(c2 / (1.0 - c2))");
    let statement = call.judgement(0).statement.to_string();
    concluded(
        call,
        &statement,
        &format!("({w1} * f1 + {w2} * f2) / ({w1} + {w2})"),
        &of_evidence(&format!("{w1} + {w2}")),
    )
}

pub fn choose_sql(call: &Call<'_>) -> String {
    let (first, second) = (call.judgement(0), call.judgement(1));
    let worth = |of: &str| match first.statement == second.statement {
        true => format!("{of}.c"),
        false => format!("{of}.c * ({of}.f - 0.5) + 0.5"),
    };
    let is_second = format!("{} > {}", worth("b"), worth("a"));
    let chosen = |a: &str, b: &str| format!("CASE WHEN {is_second} THEN {b} ELSE {a} END");
    let [one, other] = [first, second].map(|of| quoted(&of.statement.to_string()));
    format!(
        "SELECT statement, frequency, confidence, confidence * (frequency - 0.5) + 0.5 AS expectation, evidence FROM \
         (SELECT {} AS statement, {} AS frequency, {} AS confidence, array_sort({}) AS evidence \
         FROM {} a CROSS JOIN {} b)",
        chosen(&one, &other),
        chosen("a.f", "b.f"),
        chosen("a.c", "b.c"),
        chosen("a.e", "b.e"),
        call.said(0).sql(call.scope()),
        call.said(1).sql(call.scope())
    )
}

pub fn convert_sql(call: &Call<'_>) -> String {
    let of = &call.judgement(0).statement;
    let converse = Statement::new(of.predicate().clone(), of.copula(), of.subject().clone());
    concluded(
        call,
        &converse.to_string(),
        "CAST(1.0 AS DOUBLE)",
        &of_evidence("f1 * c1"),
    )
}

pub fn contrapose_sql(call: &Call<'_>) -> String {
    let of = &call.judgement(0).statement;
    let (not_p, not_s) = (
        of.predicate().clone().negated(),
        of.subject().clone().negated(),
    );
    let contrapositive = Statement::new(not_p, of.copula(), not_s);
    concluded(
        call,
        &contrapositive.to_string(),
        "CAST(0.0 AS DOUBLE)",
        &of_evidence("(1.0 - f1) * c1"),
    )
}

pub fn negate_sql(call: &Call<'_>) -> String {
    concluded(
        call,
        &negated(&call.judgement(0).statement),
        "1.0 - f1",
        "c1",
    )
}
