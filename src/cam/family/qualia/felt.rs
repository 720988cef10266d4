//! Rows with their dimensions: ordered, between bounds, near each other.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use ladybug_engine::fingerprint::BITS;
use ladybug_engine::space::marks::{Qualia, decimal};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::{Call, Place, decimal_sql};
use super::super::super::error::Fault;
use super::super::super::host::{Reading, Row};
use super::super::super::table::Column;
use super::{CONTRAST, FELT, MOOD, NEAR, RESONANCE};

/// Dimensions by place.
pub const AROUSAL: usize = 0;
pub const VALENCE: usize = 1;
pub const AGENCY: usize = 4;

/// What something feels like, as numbers to reckon with.
pub type Felt = [f64; 8];

/// As numbers to reckon with.
pub fn widened(qualia: Qualia) -> Felt {
    qualia.values().map(decimal)
}

/// What the node at a place feels like; a word of the surface nothing.
pub fn felt_at(reading: &Reading<'_>, place: Place) -> Felt {
    let node = reading.view().node(place.address);
    widened(node.map(|node| node.qualia()).unwrap_or_default())
}

/// The rows of the call's scope.
fn felt<'r>(call: &Call<'_>, reading: &'r Reading<'_>) -> Vec<(Row<'r>, Felt)> {
    let rows = reading.rows(call.scope()).into_iter();
    let with = |row: Row<'r>| {
        let felt = match row.id {
            Some(_) => reading.view().node(row.address).map(|node| node.qualia()),
            None => None,
        };
        (row, widened(felt.unwrap_or_default()))
    };
    rows.map(with).collect()
}

fn euclid(a: &Felt, b: &Felt) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

/// In SQL: the rows of the scope with a column a dimension.
pub fn base_sql(call: &Call<'_>) -> String {
    let dimensions: Vec<_> = Qualia::DIMENSIONS
        .iter()
        .enumerate()
        .map(|(at, name)| format!("{} AS {name}", decimal_sql(&format!("qualia[{}]", at + 1))))
        .collect();
    format!(
        "(SELECT id, address, name, {}, accesses, fingerprint FROM {}) AS felt",
        dimensions.join(", "),
        call.rows_sql()
    )
}

fn dimensions_sql() -> String {
    Qualia::DIMENSIONS.join(", ")
}

/// In SQL: the Euclidean distance between columns of `a` and what `b` writes for a dimension.
fn euclid_sql(a: impl Fn(&str) -> String, b: impl Fn(usize, &str) -> String) -> String {
    let square = |(at, name): (usize, &&str)| {
        let (a, b) = (a(name), b(at, name));
        format!("({a} - {b}) * ({a} - {b})")
    };
    let squares: Vec<_> = Qualia::DIMENSIONS.iter().enumerate().map(square).collect();
    format!("sqrt({})", squares.join(" + "))
}

/// The qualia of an argument in one dimension.
fn given_sql(call: &Call<'_>, at: usize, dimension: usize) -> String {
    format!(
        "CAST({:?} AS DOUBLE)",
        decimal(call.qualia(at).values()[dimension])
    )
}

fn rows_batch(columns: &[Column], rows: &[(Row<'_>, Felt)], more: Vec<ArrayRef>) -> RecordBatch {
    let (mut arrays, bits) = row_columns(rows.iter().map(|(row, _)| row));
    for dimension in 0..Qualia::DIMENSIONS.len() {
        let values = rows.iter().map(|(_, felt)| felt[dimension]);
        arrays.push(Arc::new(Float64Array::from_iter_values(values)));
    }
    arrays.extend(more);
    arrays.push(bits);
    batch(columns, arrays)
}

pub fn feel_sql(call: &Call<'_>) -> String {
    format!(
        "SELECT id, address, name, {}, fingerprint FROM {} WHERE {}",
        dimensions_sql(),
        base_sql(call),
        call.node_sql(0)
    )
}

pub fn feel(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let mut rows = felt(call, reading);
    rows.retain(|(row, _)| row.address == call.place(0).address);
    Ok(rows_batch(FELT, &rows, Vec::new()))
}

fn two_sql(call: &Call<'_>) -> String {
    let one = |at: usize| {
        format!(
            "(SELECT * FROM {} WHERE {})",
            base_sql(call),
            call.node_sql(at)
        )
    };
    format!("{} a CROSS JOIN {} b", one(0), one(1))
}

pub fn distance_sql(call: &Call<'_>) -> String {
    let distance = euclid_sql(|name| format!("a.{name}"), |_, name| format!("b.{name}"));
    format!("SELECT {distance} AS distance FROM {}", two_sql(call))
}

pub fn distance(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (x, y) = (
        felt_at(reading, call.place(0)),
        felt_at(reading, call.place(1)),
    );
    let distance: ArrayRef = Arc::new(Float64Array::from(vec![euclid(&x, &y)]));
    Ok(batch(call.operation.columns, vec![distance]))
}

pub fn intuit_sql(call: &Call<'_>) -> String {
    let distance = euclid_sql(str::to_owned, |at, _| given_sql(call, 0, at));
    format!(
        "SELECT id, address, name, {}, {distance} AS distance, fingerprint FROM {} ORDER BY distance, address LIMIT {}",
        dimensions_sql(),
        base_sql(call),
        call.count(1)
    )
}

pub fn intuit(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let to = widened(call.qualia(0));
    let mut rows = felt(call, reading);
    rows.sort_by(|(_, a), (_, b)| euclid(a, &to).total_cmp(&euclid(b, &to)));
    rows.truncate(call.count(1));
    let distances = rows.iter().map(|(_, felt)| euclid(felt, &to));
    let distances: ArrayRef = Arc::new(Float64Array::from_iter_values(distances));
    Ok(rows_batch(NEAR, &rows, vec![distances]))
}

pub fn between_sql(call: &Call<'_>, dimension: &str, min: usize) -> String {
    format!(
        "SELECT id, address, name, {}, fingerprint FROM {} WHERE {dimension} BETWEEN {:?} AND {:?} \
         ORDER BY {dimension}, address",
        dimensions_sql(),
        base_sql(call),
        call.float(min),
        call.float(min + 1)
    )
}

/// The place of a dimension by its name.
pub fn place_of(dimension: &str) -> usize {
    let place = Qualia::DIMENSIONS
        .iter()
        .position(|known| *known == dimension);
    place.expect("invariant: the entry lets the argument be one of the dimensions")
}

pub fn between(
    call: &Call<'_>,
    reading: &Reading<'_>,
    dimension: &str,
    min: usize,
) -> Result<RecordBatch, Fault> {
    let (at, bounds) = (place_of(dimension), call.float(min)..=call.float(min + 1));
    let mut rows = felt(call, reading);
    rows.retain(|(_, felt)| bounds.contains(&felt[at]));
    rows.sort_by(|(_, a), (_, b)| a[at].total_cmp(&b[at]));
    Ok(rows_batch(FELT, &rows, Vec::new()))
}

pub fn sort_sql(call: &Call<'_>) -> String {
    let limit = call.integer(1).map(|k| format!(" LIMIT {k}"));
    format!(
        "SELECT id, address, name, {}, fingerprint FROM {} ORDER BY {} DESC, address{}",
        dimensions_sql(),
        base_sql(call),
        call.word(0),
        limit.unwrap_or_default()
    )
}

pub fn sort(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let at = place_of(call.word(0));
    let mut rows = felt(call, reading);
    rows.sort_by(|(_, a), (_, b)| b[at].total_cmp(&a[at]));
    if call.has(1) {
        rows.truncate(call.count(1));
    }
    Ok(rows_batch(FELT, &rows, Vec::new()))
}

pub fn mood_sql(call: &Call<'_>) -> String {
    let weight = "(1.0 + coalesce(accesses, 0))";
    let means: Vec<_> = Qualia::DIMENSIONS
        .iter()
        .map(|name| format!("sum({weight} * {name}) / sum({weight}) AS {name}"))
        .collect();
    format!(
        "SELECT count(*) AS rows, {} FROM {}",
        means.join(", "),
        base_sql(call)
    )
}

pub fn mood(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = felt(call, reading);
    let accesses = reading.host().engine().accesses(reading.host().space);
    let weight = |row: &Row<'_>| {
        let known = accesses.as_ref().filter(|_| row.id.is_some());
        1.0 + known.map_or(0.0, |all| f64::from(all.get(row.address).count))
    };
    let weights: Vec<f64> = rows.iter().map(|(row, _)| weight(row)).collect();
    let total: f64 = weights.iter().sum();
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(vec![rows.len() as u64]))];
    for dimension in 0..Qualia::DIMENSIONS.len() {
        let weighed = rows
            .iter()
            .zip(&weights)
            .map(|((_, felt), weight)| weight * felt[dimension]);
        let mean = (!rows.is_empty()).then(|| weighed.sum::<f64>() / total);
        arrays.push(Arc::new(Float64Array::from(vec![mean])));
    }
    Ok(batch(MOOD, arrays))
}

pub fn contrast_sql(call: &Call<'_>) -> String {
    const DIMENSIONS: &[&str] = &Qualia::DIMENSIONS;
    let dimensions = || DIMENSIONS.iter().enumerate();
    let places: Vec<_> = dimensions()
        .map(|(at, name)| format!("({at}, '{name}')"))
        .collect();
    let of = |node: &str| {
        let one = |(at, name): (usize, &&str)| format!("WHEN {at} THEN {node}.{name}");
        dimensions().map(one).collect::<Vec<_>>().join(" ")
    };
    format!(
        "SELECT dimension, x, y, x - y AS difference FROM \
         (SELECT place, dimension, CASE place {} END AS x, CASE place {} END AS y \
         FROM {} CROSS JOIN (VALUES {}) AS d (place, dimension)) ORDER BY abs(x - y) DESC, place",
        of("a"),
        of("b"),
        two_sql(call),
        places.join(", ")
    )
}

pub fn contrast(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (x, y) = (
        felt_at(reading, call.place(0)),
        felt_at(reading, call.place(1)),
    );
    let mut order: Vec<usize> = (0..Qualia::DIMENSIONS.len()).collect();
    order.sort_by(|a, b| (x[*b] - y[*b]).abs().total_cmp(&(x[*a] - y[*a]).abs()));
    let float = |of: &dyn Fn(usize) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            order.iter().map(|at| of(*at)),
        ))
    };
    let names = order.iter().map(|at| Qualia::DIMENSIONS[*at]);
    Ok(batch(
        CONTRAST,
        vec![
            Arc::new(StringArray::from_iter_values(names)),
            float(&|at| x[at]),
            float(&|at| y[at]),
            float(&|at| x[at] - y[at]),
        ],
    ))
}

/// Excites what is near and inhibits the ring around it.
fn response(distance: f64) -> f64 {
    let square = distance * distance;
    (-8.0 * square).exp() - 0.5 * (-2.0 * square).exp()
}

pub fn resonate_sql(call: &Call<'_>) -> String {
    let response = |distance: &str| {
        format!("exp(-8.0 * {distance} * {distance}) - 0.5 * exp(-2.0 * {distance} * {distance})")
    };
    format!(
        "SELECT id, address, name, distance, qualia_distance, ({} + {}) / 2.0 AS score, fingerprint \
         FROM (SELECT *, distance / {}.0 AS share FROM \
         (SELECT id, address, name, fingerprint, hamming(fingerprint, {}) AS distance, {} AS qualia_distance FROM {})) \
         ORDER BY score DESC, address LIMIT {}",
        response("share"),
        response("qualia_distance"),
        BITS / 2,
        call.fingerprint_sql(0),
        euclid_sql(str::to_owned, |at, _| given_sql(call, 1, at)),
        base_sql(call),
        call.count(2)
    )
}

pub fn resonate(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (q, to) = (call.fingerprint(0), widened(call.qualia(1)));
    let measured = |(row, felt)| {
        let row: Row<'_> = row;
        let (bits, far) = (q.distance(&row.fingerprint), euclid(&felt, &to));
        let share = f64::from(bits) / (BITS / 2) as f64;
        (row, bits, far, (response(share) + response(far)) / 2.0)
    };
    let mut all: Vec<_> = felt(call, reading).into_iter().map(measured).collect();
    all.sort_by(|a, b| b.3.total_cmp(&a.3));
    all.truncate(call.count(2));
    let (mut arrays, fingerprints) = row_columns(all.iter().map(|one| &one.0));
    arrays.push(Arc::new(UInt32Array::from_iter_values(
        all.iter().map(|one| one.1),
    )));
    arrays.push(Arc::new(Float64Array::from_iter_values(
        all.iter().map(|one| one.2),
    )));
    arrays.push(Arc::new(Float64Array::from_iter_values(
        all.iter().map(|one| one.3),
    )));
    arrays.push(fingerprints);
    Ok(batch(RESONANCE, arrays))
}
