//! Places of rows within their partitions.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::WINDOW;
use super::columns::{order_sql, sorted};
use super::source::{comparable, from, listed, read, single};

pub fn sql(call: &Call<'_>) -> String {
    let partition = match call.columns(1) {
        [] => String::new(),
        names => format!("PARTITION BY {} ", listed(names)),
    };
    let ties = match call.word(0) {
        "row_number" => ", address",
        _ => "",
    };
    format!(
        "SELECT id, address, name, {}() OVER ({partition}ORDER BY {}{ties} ROWS UNBOUNDED PRECEDING) AS value, fingerprint FROM {} ORDER BY address",
        call.word(0),
        order_sql(call.order(2)),
        from(call)
    )
}

pub fn rows(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (partition, order) = (call.columns(1), call.order(2));
    single("partition", partition)?;
    single("order", order.iter().map(|(name, _)| name))?;
    let names = partition
        .iter()
        .chain(order.iter().map(|(name, _)| name))
        .cloned();
    let names: Vec<String> = names.collect();
    let table = read(call, reading, "order", &names)?;
    let descends = partition
        .iter()
        .map(|_| false)
        .chain(order.iter().map(|(_, descends)| *descends));
    let columns = table.columns().iter().cloned().zip(descends);
    let (keys, places) = sorted(columns)?;
    let parts: Vec<_> = table.columns()[..partition.len()]
        .iter()
        .map(|column| (Arc::clone(column), false))
        .collect();
    let parts = match parts.is_empty() {
        true => None,
        false => Some(comparable(&parts)?),
    };
    let is_together = |a: usize, b: usize| match &parts {
        Some(parts) => parts.row(a) == parts.row(b),
        None => true,
    };
    let mut values = vec![0; table.num_rows()];
    let (mut number, mut rank, mut dense) = (0, 0, 0);
    for (turn, at) in places.iter().enumerate() {
        let before = turn.checked_sub(1).map(|turn| places[turn]);
        let before = before.filter(|before| is_together(*before, *at));
        match before {
            None => (number, rank, dense) = (1, 1, 1),
            Some(before) => {
                number += 1;
                if keys.row(before) != keys.row(*at) {
                    rank = number;
                    dense += 1;
                }
            }
        }
        values[*at] = match call.word(0) {
            "row_number" => number,
            "rank" => rank,
            _ => dense,
        };
    }
    let rows = reading.rows(call.scope());
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(UInt64Array::from(values)));
    columns.push(bits);
    Ok(batch(WINDOW, columns))
}
