//! Figures of kinds: how many nodes each has, and what their fields come to.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use ladybug_engine::space::chunk::Node;

use super::super::super::batch::batch;
use super::super::super::call::{Call, quoted};
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::temporal::field_text;
use super::{COUNTS, FIGURES};

/// The nodes of the call's scope.
fn scoped<'r>(call: &Call<'_>, reading: &'r Reading<'_>) -> impl Iterator<Item = Node<'r>> {
    let scope = call.scope();
    let nodes = reading.view().nodes();
    nodes.filter(move |node| scope.contains(node.address()))
}

pub fn aggregate_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT count(*) AS nodes, count(v) AS count, count(DISTINCT v) AS \"distinct\", count(n) AS numbers, \
         sum(n) AS sum, avg(n) AS avg, min(n) AS min, max(n) AS max \
         FROM (SELECT v, CASE WHEN abs(n) <= {max:?} THEN n END AS n \
         FROM (SELECT v, TRY_CAST(v AS DOUBLE) AS n \
         FROM (SELECT field(properties, {field}) AS v FROM {rows} WHERE array_has(kinds, {kind}))))",
        max = f64::MAX,
        field = quoted(call.text(1)),
        kind = quoted(call.text(0)),
        rows = call.nodes_sql(),
    )
}

pub fn aggregate(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (kind, field) = (call.text(0), call.text(1).as_bytes());
    let is_of = |node: &Node<'_>| node.kinds().iter().any(|of| **of == *kind);
    let values: Vec<Option<String>> = scoped(call, reading)
        .filter(is_of)
        .map(|node| field_text(node.fields()?.get(field)?))
        .collect();
    let there: Vec<&String> = values.iter().flatten().collect();
    let distinct: HashSet<&&String> = there.iter().collect();
    let numbers = cast(&StringArray::from_iter_values(&there), &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>().iter().flatten();
    let numbers: Vec<f64> = numbers.filter(|number| number.is_finite()).collect();
    let all = || numbers.iter().copied();
    let sum = all().reduce(|a, b| a + b);
    let count = |count: usize| -> ArrayRef { Arc::new(UInt64Array::from(vec![count as u64])) };
    let float = |value: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    Ok(batch(
        FIGURES,
        vec![
            count(values.len()),
            count(there.len()),
            count(distinct.len()),
            count(numbers.len()),
            float(sum),
            float(sum.map(|sum| sum / numbers.len() as f64)),
            float(all().reduce(f64::min)),
            float(all().reduce(f64::max)),
        ],
    ))
}

pub fn counts_sql(call: &Call<'_>) -> String {
    let rows = call.nodes_sql();
    format!(
        "SELECT kind, count(*) AS count FROM (SELECT unnest(kinds) AS kind FROM {rows} \
         UNION ALL SELECT CAST(NULL AS VARCHAR) AS kind FROM {rows} WHERE cardinality(kinds) = 0) \
         GROUP BY kind ORDER BY count DESC, kind NULLS LAST"
    )
}

pub fn counts(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut counts: BTreeMap<Option<&str>, u64> = BTreeMap::new();
    for node in scoped(call, reading) {
        for kind in node.kinds() {
            *counts.entry(Some(kind)).or_default() += 1;
        }
        if node.kinds().is_empty() {
            *counts.entry(None).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), kind.is_none(), *kind));
    let kinds = counts.iter().map(|(kind, _)| *kind);
    Ok(batch(
        COUNTS,
        vec![
            Arc::new(StringArray::from_iter(kinds)) as ArrayRef,
            Arc::new(UInt64Array::from_iter_values(
                counts.iter().map(|(_, count)| *count),
            )),
        ],
    ))
}
