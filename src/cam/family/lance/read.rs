//! Rows as they are, and figures about them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    UInt32Array, UInt64Array,
};
use arrow::compute::concat_batches;
use ladybug_engine::engine::Engine;
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::table::{NodeScan, node_batches, node_schema};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::method::Scope;
use super::{ROWS, STATS, VERSIONS, WHOLE};
use crate::query::sql::schema_of;

/// Most rows that STATS looks at.
const SAMPLE_ROWS: usize = 256;

/// Rows without anything more.
pub fn rows_batch(rows: &[Row<'_>]) -> RecordBatch {
    let (mut columns, bits) = row_columns(rows);
    columns.push(bits);
    batch(ROWS, columns)
}

pub fn scan_sql(call: &Call<'_>) -> String {
    let limit = call.integer(0).map(|limit| format!(" LIMIT {limit}"));
    format!(
        "SELECT id, address, name, fingerprint FROM {} ORDER BY address{}",
        call.rows_sql(),
        limit.unwrap_or_default()
    )
}

pub fn scan(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let limit = call
        .integer(0)
        .and_then(|limit| usize::try_from(limit).ok());
    if call.scope() == Scope::Surface {
        let mut rows = reading.rows(Scope::Surface);
        rows.truncate(limit.unwrap_or(usize::MAX));
        return Ok(rows_batch(&rows));
    }
    let prefixes = match call.scope().zone() {
        Some(zone) => zone.prefixes(),
        None => *Zone::Fluid.prefixes().start()..=*Zone::Node.prefixes().end(),
    };
    let scan = NodeScan {
        prefixes,
        limit,
        ..NodeScan::default()
    };
    Ok(batch(
        ROWS,
        stored(reading, scan, &["id", "address", "name", "fingerprint"])?,
    ))
}

/// Columns of nodes as they are in memory.
pub fn stored(
    reading: &Reading<'_>,
    scan: NodeScan,
    columns: &[&str],
) -> Result<Vec<ArrayRef>, Fault> {
    let schema = node_schema();
    let places = columns.iter().map(|name| schema.index_of(name));
    let places = places.collect::<Result<Vec<_>, _>>()?;
    let scan = NodeScan {
        projection: Some(places.clone()),
        ..scan
    };
    let batches = node_batches(Arc::new(reading.snapshot().clone()), scan);
    let batches = batches.collect::<Result<Vec<_>, _>>()?;
    let all = concat_batches(&Arc::new(schema.project(&places)?), &batches)?;
    Ok(all.columns().to_vec())
}

pub fn get_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, value, properties, fingerprint FROM {} WHERE {}",
        call.rows_sql(),
        call.node_sql(0)
    )
}

pub fn get(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let address = call.place(0).address;
    if call.scope() == Scope::Surface {
        let mut rows = reading.rows(Scope::Surface);
        rows.retain(|row| row.address == address);
        let (mut columns, bits) = row_columns(&rows);
        columns.push(Arc::new(BinaryArray::new_null(rows.len())));
        columns.push(Arc::new(StringArray::new_null(rows.len())));
        columns.push(bits);
        return Ok(batch(WHOLE, columns));
    }
    let scan = NodeScan {
        addresses: Some(vec![address]),
        ..NodeScan::default()
    };
    let columns = [
        "id",
        "address",
        "name",
        "value",
        "properties",
        "fingerprint",
    ];
    Ok(batch(WHOLE, stored(reading, scan, &columns)?))
}

pub fn count_sql(call: &Call<'_>) -> String {
    format!("SELECT count(*) AS count FROM {}", call.rows_sql())
}

pub fn count(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let count = match call.scope() {
        // Nothing needs to be encoded to be counted.
        Scope::Surface => reading.rows(Scope::Surface).len(),
        scope => {
            let nodes = reading.view().nodes();
            nodes.filter(|node| scope.contains(node.address())).count()
        }
    };
    let count: ArrayRef = Arc::new(UInt64Array::from(vec![count as u64]));
    Ok(batch(call.operation.columns, vec![count]))
}

pub fn stats_sql(call: &Call<'_>) -> String {
    format!(
        "WITH numbered AS (SELECT address, fingerprint, CAST(row_number() OVER (ORDER BY address) AS BIGINT) - 1 AS n, \
         count(*) OVER () AS total FROM {}), \
         sample AS (SELECT address, fingerprint FROM numbered WHERE n % ((total + {last}) / {SAMPLE_ROWS}) = 0) \
         SELECT * FROM (SELECT count(*) AS rows FROM numbered) \
         CROSS JOIN (SELECT count(*) AS sampled, avg(popcount(fingerprint)) AS popcount_mean, \
         stddev_pop(popcount(fingerprint)) AS popcount_deviation FROM sample) \
         CROSS JOIN (SELECT avg(hamming(x.fingerprint, y.fingerprint)) AS distance_mean, \
         stddev_pop(hamming(x.fingerprint, y.fingerprint)) AS distance_deviation, \
         min(hamming(x.fingerprint, y.fingerprint)) AS distance_min, \
         max(hamming(x.fingerprint, y.fingerprint)) AS distance_max \
         FROM sample x JOIN sample y ON x.address < y.address)",
        call.rows_sql(),
        last = SAMPLE_ROWS - 1,
    )
}

pub fn stats(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = reading.rows(call.scope());
    let step = rows.len().div_ceil(SAMPLE_ROWS).max(1);
    let sample: Vec<_> = rows.iter().step_by(step).collect();
    let counts: Vec<u32> = sample
        .iter()
        .map(|row| row.fingerprint.popcount())
        .collect();
    let mut distances = Vec::with_capacity(sample.len() * sample.len() / 2);
    for (at, x) in sample.iter().enumerate() {
        let rest = sample[at + 1..].iter();
        distances.extend(rest.map(|y| x.fingerprint.distance(&y.fingerprint)));
    }
    let count = |count: usize| -> ArrayRef { Arc::new(UInt64Array::from(vec![count as u64])) };
    let float = |value: Option<f64>| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    let bits = |value: Option<u32>| -> ArrayRef { Arc::new(UInt32Array::from(vec![value])) };
    let (popcount, distance) = (moments(&counts), moments(&distances));
    Ok(batch(
        STATS,
        vec![
            count(rows.len()),
            count(sample.len()),
            float(popcount.map(|of| of.0)),
            float(popcount.map(|of| of.1)),
            float(distance.map(|of| of.0)),
            float(distance.map(|of| of.1)),
            bits(distances.iter().min().copied()),
            bits(distances.iter().max().copied()),
        ],
    ))
}

/// Mean and standard deviation of all of them; none of none.
fn moments(values: &[u32]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let square = |value: &u32| (f64::from(*value) - mean).powi(2);
    let variance = values.iter().map(square).sum::<f64>() / count;
    (!values.is_empty()).then_some((mean, variance.sqrt()))
}

pub fn versions(_: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let engine: &Engine = reading.host().engine();
    let mut all = engine.forks();
    all.retain(|(_, origin)| origin.is_checkpoint);
    all.sort_by_cached_key(|(id, _)| engine.space_label(*id));
    let states: Vec<_> = all.iter().map(|(id, _)| engine.state(*id)).collect();
    for (_, position) in &states {
        reading.reveal(*position);
    }
    let count = |of: &dyn Fn(usize) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values((0..all.len()).map(of)))
    };
    Ok(batch(
        VERSIONS,
        vec![
            Arc::new(StringArray::from_iter_values(
                all.iter().map(|(id, _)| engine.space_label(*id)),
            )),
            Arc::new(StringArray::from_iter_values(
                all.iter()
                    .map(|(_, origin)| schema_of(engine, origin.space)),
            )),
            count(&|at| all[at].1.version),
            Arc::new(TimestampMicrosecondArray::from_iter(states.iter().map(
                |(state, _)| Some(state.committed()).filter(|committed| *committed > 0),
            ))),
            count(&|at| states[at].0.nodes_len() as u64),
            count(&|at| states[at].0.graph().len() as u64),
        ],
    ))
}

/// The rows at addresses, in their order.
pub fn rows_at<'r>(
    reading: &'r Reading<'_>,
    scope: Scope,
    addresses: impl Iterator<Item = Address>,
) -> Vec<Row<'r>> {
    match scope {
        Scope::Surface => {
            let mut all: Vec<_> = reading.rows(scope).into_iter().map(Some).collect();
            let mut take = |address: Address| {
                let find =
                    |row: &Option<Row<'_>>| row.as_ref().is_some_and(|row| row.address == address);
                let at = all.iter().position(find);
                at.and_then(|at| all[at].take())
            };
            addresses.filter_map(&mut take).collect()
        }
        _ => addresses.map(|address| reading.row(address)).collect(),
    }
}
