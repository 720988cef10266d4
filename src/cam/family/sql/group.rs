//! Figures of the rows that have the same values in columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, UInt64Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};

use super::super::super::aggregate::Aggregate;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::columns::sorted;
use super::source::{from, listed, read, single};

pub fn sql(call: &Call<'_>) -> String {
    let (names, rows) = (call.columns(0), from(call));
    let figures: Vec<_> = call.aggregates(1).iter().map(Aggregate::sql).collect();
    let figures = figures.join(", ");
    match names {
        [] => format!("SELECT {figures} FROM {rows}"),
        names => {
            let columns = listed(names);
            format!("SELECT {columns}, {figures} FROM {rows} GROUP BY {columns} ORDER BY {columns}")
        }
    }
}

pub fn rows(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (names, aggregates) = (call.columns(0), call.aggregates(1));
    single("columns", names)?;
    let of = aggregates.iter().filter_map(|one| one.column.clone());
    let wanted: Vec<String> = names.iter().cloned().chain(of).collect();
    let (keys, figures_of) = match wanted.is_empty() {
        true => (read(call, reading, "columns", &["address".to_owned()])?, 1),
        false => (read(call, reading, "columns", &wanted)?, names.len()),
    };
    let groups: Vec<Vec<usize>> = match names {
        [] => vec![(0..keys.num_rows()).collect()],
        names => {
            let columns = keys.columns()[..names.len()].iter();
            let (compared, places) = sorted(columns.map(|column| (Arc::clone(column), false)))?;
            let same = |a: &usize, b: &usize| compared.row(*a) == compared.row(*b);
            places.chunk_by(same).map(<[usize]>::to_vec).collect()
        }
    };
    let mut fields: Vec<Field> = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    if !names.is_empty() {
        let places: Vec<usize> = (0..names.len()).collect();
        let first = UInt64Array::from_iter_values(groups.iter().map(|group| group[0] as u64));
        let first = take_record_batch(&keys.project(&places)?, &first)?;
        let schema = first.schema();
        fields.extend(schema.fields().iter().map(|field| (**field).clone()));
        columns.extend(first.columns().iter().cloned());
    }
    let mut at = figures_of;
    for aggregate in aggregates {
        let column = match &aggregate.column {
            None => figure(aggregate, None, &groups)?,
            Some(_) => {
                at += 1;
                figure(aggregate, Some(keys.column(at - 1)), &groups)?
            }
        };
        let kind = column.data_type().clone();
        fields.push(Field::new(aggregate.name(), kind, true));
        columns.push(column);
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// A figure of each group.
fn figure(
    aggregate: &Aggregate,
    column: Option<&ArrayRef>,
    groups: &[Vec<usize>],
) -> Result<ArrayRef, Fault> {
    let Some(column) = column else {
        let counts = groups.iter().map(|group| group.len() as u64);
        return Ok(Arc::new(UInt64Array::from_iter_values(counts)));
    };
    if aggregate.figure == "count" {
        let counts = groups.iter().map(|group| {
            let there = group.iter().filter(|at| column.is_valid(**at));
            there.count() as u64
        });
        return Ok(Arc::new(UInt64Array::from_iter_values(counts)));
    }
    let numbers = cast(column, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    let of = |group: &Vec<usize>| {
        let there = group.iter().filter(|at| numbers.is_valid(**at));
        let values = || there.clone().map(|at| numbers.value(*at));
        let count = values().count();
        let reduced = match aggregate.figure {
            "min" => values().reduce(f64::min),
            "max" => values().reduce(f64::max),
            _ => values().reduce(|a, b| a + b),
        };
        match aggregate.figure {
            "avg" => reduced.map(|sum| sum / count as f64),
            _ => reduced,
        }
    };
    Ok(Arc::new(Float64Array::from_iter(groups.iter().map(of))))
}
