//! How active memories are, when they were presented, and how long they stay.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use ladybug_engine::space::address::Zone;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::EPISODE;
use super::kept::{
    COLUMNS_SQL, Memory, NOW_SQL, memories, memories_batch, memories_sql, memories_where, values,
};
use crate::mind::activation::DECAY;

/// Microseconds of a second.
const SECOND: f64 = 1e6;

/// Memories with how active they are.
fn active<'r>(memories: Vec<Memory<'r>>, now: i64, decay: f64) -> Vec<(Memory<'r>, f64)> {
    let with = |memory: Memory<'r>| {
        let base = memory.presented.base_level(now, decay);
        (memory, base)
    };
    memories.into_iter().map(with).collect()
}

/// The `k` most active first, ties by address.
fn sorted(mut memories: Vec<(Memory<'_>, f64)>, now: i64, k: usize) -> RecordBatch {
    memories.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    memories.truncate(k);
    memories_batch(&memories, now)
}

pub fn activation_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {COLUMNS_SQL} FROM {} WHERE {}",
        memories_sql(call, DECAY),
        call.node_sql(0)
    )
}

pub fn activation(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let at = call.place(0).address;
    let memory = memories_where(call, reading, |address| address == at);
    let now = reading.view().now;
    Ok(memories_batch(&active(memory, now, DECAY), now))
}

pub fn decay_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {COLUMNS_SQL} FROM {} ORDER BY activation DESC, address{}",
        memories_sql(call, call.float(0)),
        call.limit_sql(1)
    )
}

pub fn decay(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let now = reading.view().now;
    let all = active(memories(call, reading), now, call.float(0));
    Ok(sorted(all, now, call.limit(1)))
}

pub fn working_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT {COLUMNS_SQL} FROM {} WHERE zone = 'fluid' ORDER BY activation DESC, address{}",
        memories_sql(call, DECAY),
        call.limit_sql(0)
    )
}

pub fn working(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let now = reading.view().now;
    let fluid = memories_where(call, reading, |address| address.zone() == Zone::Fluid);
    let fluid = active(fluid, now, DECAY);
    Ok(sorted(fluid, now, call.limit(0)))
}

pub fn ttl_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT (CAST(CAST(expires AS BIGINT) AS DOUBLE) - {NOW_SQL}) / 1000000.0 AS seconds FROM {} WHERE {}",
        call.nodes_sql(),
        call.node_sql(0)
    )
}

pub fn ttl(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let at = call.place(0).address;
    let memory = memories_where(call, reading, |address| address == at);
    let now = reading.view().now as f64;
    let left = memory
        .iter()
        .map(|memory| memory.expires.map(|at| (at as f64 - now) / SECOND));
    let seconds: ArrayRef = Arc::new(left.collect::<Float64Array>());
    Ok(batch(call.operation.columns, vec![seconds]))
}

pub fn episode_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT arrow_cast(CAST(at AS BIGINT), 'Timestamp(Microsecond, None)') AS time, id, address, name, value, fingerprint FROM \
         (SELECT id, address, name, value, fingerprint, unnest(array_distinct(array_append(array_slice(p, 3, {}), p[2]))) AS at FROM {}) \
         WHERE CAST(at AS BIGINT) BETWEEN {} AND {} ORDER BY time, address",
        2 + crate::mind::activation::LATEST_MAX,
        memories_sql(call, DECAY),
        time(call, 0),
        time(call, 1)
    )
}

/// The time at a place.
fn time(call: &Call<'_>, at: usize) -> i64 {
    let time = call.time(at);
    time.expect("invariant: the entry declares a time there")
}

pub fn episode(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let span = time(call, 0)..=time(call, 1);
    let all = memories(call, reading);
    let presented = all.iter().flat_map(|memory| {
        let times = memory.presented.known().into_iter();
        times.map(move |at| (at, memory))
    });
    let mut presented: Vec<_> = presented.filter(|(at, _)| span.contains(at)).collect();
    presented.sort_by_key(|(at, _)| *at);
    let times = presented.iter().map(|(at, _)| *at);
    let (rows, bits) = row_columns(presented.iter().map(|(_, memory)| &memory.row));
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(TimestampMicrosecondArray::from_iter_values(times))];
    columns.extend(rows);
    columns.push(values(presented.iter().map(|(_, memory)| *memory)));
    columns.push(bits);
    Ok(batch(EPISODE, columns))
}
