//! What a node keeps of its presentations, and memories as rows, in Rust and in SQL.
//!
//! The field `memory:presented` is a list: how often, the first time, and the latest ten, the newest first;
//! microseconds since the epoch. One that says something else was written by somebody else, and counts as none.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Float64Array, RecordBatch, UInt64Array};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::FieldValue;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::host::{Reading, Row};
use super::MEMORY;
use crate::mind::activation::{AGE_MIN_S, LATEST_MAX, Presentations};

/// The field of presentations.
pub const PRESENTED: &str = "memory:presented";
/// The field of what was merged into a node.
pub const ABSORBED: &str = "memory:absorbed";

/// In SQL: this moment, microseconds since the epoch.
pub const NOW_SQL: &str = "CAST(CAST(now() AS BIGINT) / 1000 AS DOUBLE)";

/// When a node was presented.
pub fn presentations(node: Node<'_>) -> Presentations {
    let field = node
        .fields()
        .and_then(|fields| fields.get(PRESENTED.as_bytes()));
    let kept = field.and_then(|field| {
        let FieldValue::List(numbers) = field else {
            return None;
        };
        let number = |value: &FieldValue| match value {
            FieldValue::Integer(number) => Some(*number),
            _ => None,
        };
        let numbers: Option<Vec<i64>> = numbers.iter().map(number).collect();
        let [count, first, latest @ ..] = &numbers?[..] else {
            return None;
        };
        Presentations::kept(u64::try_from(*count).ok()?, *first, latest.to_vec())
    });
    kept.unwrap_or_else(|| Presentations::once(node.created()))
}

/// Presentations as the field that keeps them.
pub fn field_of(presented: &Presentations) -> FieldValue {
    let count = i64::try_from(presented.count()).unwrap_or(i64::MAX);
    let numbers = [count, presented.first()].into_iter();
    let numbers = numbers.chain(presented.latest().iter().copied());
    FieldValue::List(numbers.map(FieldValue::Integer).collect())
}

/// A node as a memory.
pub struct Memory<'r> {
    /// Its row.
    pub row: Row<'r>,
    /// Its value.
    pub value: Option<Arc<[u8]>>,
    /// When it expires.
    pub expires: Option<i64>,
    /// When it was presented.
    pub presented: Presentations,
}

impl<'r> Memory<'r> {
    /// A node's, with its row.
    pub fn of(row: Row<'r>, node: Node<'_>) -> Self {
        Self {
            row,
            value: node.value().cloned(),
            expires: node.expires(),
            presented: presentations(node),
        }
    }
}

/// The memories of the call's scope, by address.
pub fn memories<'r>(call: &Call<'_>, reading: &'r Reading<'_>) -> Vec<Memory<'r>> {
    memories_where(call, reading, |_| true)
}

/// Those at some of the addresses.
pub fn memories_where<'r>(
    call: &Call<'_>,
    reading: &'r Reading<'_>,
    is_wanted: impl Fn(Address) -> bool,
) -> Vec<Memory<'r>> {
    let scope = call.scope();
    let nodes = reading.snapshot().view().nodes();
    nodes
        .filter(|node| scope.contains(node.address()) && is_wanted(node.address()))
        .map(|node| Memory::of(reading.row(node.address()), node))
        .collect()
}

/// A column of values.
pub fn values<'m>(memories: impl Iterator<Item = &'m Memory<'m>>) -> ArrayRef {
    let values = memories.map(|memory| memory.value.as_deref());
    Arc::new(BinaryArray::from_iter(values))
}

/// A column of numbers.
pub fn floats(numbers: impl IntoIterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(numbers))
}

/// Memories as rows, with how active they are.
pub fn memories_batch(memories: &[(Memory<'_>, f64)], now: i64) -> RecordBatch {
    let all = || memories.iter().map(|(memory, _)| memory);
    let (mut columns, bits) = row_columns(memories.iter().map(|(memory, _)| &memory.row));
    columns.push(values(all()));
    let counts = all().map(|memory| memory.presented.count());
    columns.push(Arc::new(UInt64Array::from_iter_values(counts)));
    columns.push(floats(all().map(|memory| memory.presented.lifetime(now))));
    columns.push(floats(memories.iter().map(|(_, active)| *active)));
    columns.push(bits);
    batch(MEMORY, columns)
}

/// In SQL: the columns of [`MEMORY`], of [`memories_sql`].
pub const COLUMNS_SQL: &str = "id, address, name, value, CAST(presentations AS BIGINT UNSIGNED) AS presentations, lifetime, \
                               activation, fingerprint";

/// In SQL: what a row keeps of its presentations, as a list of texts.
pub fn presented_sql() -> String {
    format!(
        "string_to_array(btrim(coalesce(field(properties, '{PRESENTED}'), \
         concat('[1,', CAST(created AS BIGINT), ',', CAST(created AS BIGINT), ']')), '[]'), ',')"
    )
}

/// In SQL: the seconds since a time, at least one.
fn age_sql(at: &str) -> String {
    format!("greatest({AGE_MIN_S:?}, ({NOW_SQL} - CAST({at} AS DOUBLE)) / 1000000.0)")
}

/// In SQL: the memories of the scope with what they keep (`p`), how often they were presented, how long ago first, and
/// how active they are at a decay.
pub fn memories_sql(call: &Call<'_>, decay: f64) -> String {
    let known: Vec<_> = (3..3 + LATEST_MAX)
        .map(|at| {
            let age = age_sql(&format!("p[{at}]"));
            format!(
                "CASE WHEN p[{at}] IS NULL THEN 0.0 ELSE power({age}, {:?}) END",
                -decay
            )
        })
        .collect();
    let rest = 1.0 - decay;
    format!(
        "(SELECT *, ln(known + CASE WHEN presentations <= kept THEN 0.0 \
         WHEN lifetime - oldest > 0.000000001 THEN (presentations - kept) * (power(lifetime, {rest:?}) - power(oldest, {rest:?})) \
         / ({rest:?} * (lifetime - oldest)) ELSE (presentations - kept) * power(oldest, {:?}) END) AS activation \
         FROM (SELECT id, address, name, value, zone, expires, fingerprint, p, CAST(p[1] AS DOUBLE) AS presentations, \
         CAST(cardinality(p) AS DOUBLE) - 2.0 AS kept, {} AS lifetime, {} AS oldest, {} AS known \
         FROM (SELECT *, {} AS p FROM {}))) AS memories",
        -decay,
        age_sql("p[2]"),
        age_sql("p[-1]"),
        known.join(" + "),
        presented_sql(),
        call.nodes_sql()
    )
}
