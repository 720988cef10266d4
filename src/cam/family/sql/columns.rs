//! Columns of all rows, each set of values once, and rows in an order.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::UInt16Type;
use ladybug_engine::space::address::Address;

use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::super::lance::{rows_at, rows_batch};
use super::source::{all, comparable, from, listed, read, single};

/// The columns that PROJECT is given, or all.
fn asked(call: &Call<'_>) -> Vec<String> {
    match call.columns(0) {
        [] => all(call.scope()),
        names => names.to_vec(),
    }
}

pub fn project_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {} FROM {} ORDER BY address",
        listed(&asked(call)),
        from(call)
    )
}

pub fn project(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    read(call, reading, "columns", &asked(call))
}

pub fn distinct_sql(call: &Call<'_>) -> String {
    let columns = listed(call.columns(0));
    format!(
        "SELECT DISTINCT {columns} FROM {} ORDER BY {columns}",
        from(call)
    )
}

pub fn distinct(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let names = call.columns(0);
    if names.is_empty() {
        return Err(Fault::of(
            "columns",
            "expected columns by name: no two rows have all of them the same",
        ));
    }
    single("columns", names)?;
    let rows = read(call, reading, "columns", names)?;
    let order = sorted(
        rows.columns()
            .iter()
            .map(|column| (Arc::clone(column), false)),
    )?;
    let (keys, mut places) = order;
    places.dedup_by(|a, b| keys.row(*a) == keys.row(*b));
    let places = UInt64Array::from_iter_values(places.iter().map(|at| *at as u64));
    Ok(take_record_batch(&rows, &places)?)
}

/// The places of rows in the order of columns, then as they are, and what they were compared by.
pub fn sorted(
    columns: impl IntoIterator<Item = (ArrayRef, bool)>,
) -> Result<(arrow::row::Rows, Vec<usize>), Fault> {
    let columns: Vec<_> = columns.into_iter().collect();
    let keys = comparable(&columns)?;
    let mut places: Vec<usize> = (0..keys.num_rows()).collect();
    places.sort_by(|a, b| keys.row(*a).cmp(&keys.row(*b)));
    Ok((keys, places))
}

/// In SQL: columns to order by.
pub fn order_sql(order: &[(String, bool)]) -> String {
    let item = |(name, descends): &(String, bool)| {
        format!("\"{name}\"{}", if *descends { " DESC" } else { "" })
    };
    order.iter().map(item).collect::<Vec<_>>().join(", ")
}

pub fn sort_sql(call: &Call<'_>) -> String {
    let limit = call.integer(1).map(|limit| format!(" LIMIT {limit}"));
    format!(
        "SELECT id, address, name, fingerprint FROM {} ORDER BY {}, address{}",
        from(call),
        order_sql(call.order(0)),
        limit.unwrap_or_default()
    )
}

pub fn sort(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let order = call.order(0);
    single("columns", order.iter().map(|(name, _)| name))?;
    let names = order.iter().map(|(name, _)| name.clone());
    let names: Vec<String> = names.chain(["address".to_owned()]).collect();
    let rows = read(call, reading, "columns", &names)?;
    let by = rows.columns().iter().zip(order);
    let (_, mut places) =
        sorted(by.map(|(column, (_, descends))| (Arc::clone(column), *descends)))?;
    if call.has(1) {
        places.truncate(call.count(1));
    }
    let addresses = rows.column(order.len()).as_primitive::<UInt16Type>();
    let addresses = places.iter().map(|at| Address(addresses.value(*at)));
    Ok(rows_batch(&rows_at(reading, call.scope(), addresses)))
}
