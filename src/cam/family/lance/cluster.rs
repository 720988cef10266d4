//! k-majority clustering, and the sampling that it starts from.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array, UInt64Array};
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::bundle::bundle;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::CLUSTERED;
use super::read::rows_batch;

/// Most rounds of moving rows and centres.
const ROUNDS_MAX: usize = 64;

pub fn sample(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = reading.rows(call.scope());
    let mut chosen = drawn(rows.len(), call.count(0), call.count(1) as u64);
    chosen.sort_unstable();
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    let rows: Vec<_> = chosen.iter().filter_map(|at| rows[*at].take()).collect();
    Ok(rows_batch(&rows))
}

/// `n` of `len` places, or all, in the order in which they are drawn.
pub fn drawn(len: usize, n: usize, seed: u64) -> Vec<usize> {
    let mut places: Vec<usize> = (0..len).collect();
    let mut random = seed;
    for at in 0..n.min(len) {
        random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let left = (len - at) as u128;
        // The high half of a product is even to one part in 2^48: there are at most 2^16 places.
        let offset = (u128::from(mixed(random)) * left) >> 64;
        places.swap(at, at + offset as usize);
    }
    places.truncate(n);
    places
}

/// The output function of SplitMix64 (Steele, Lea & Flood 2014).
pub fn mixed(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

pub fn cluster(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let rows = reading.rows(call.scope());
    let chosen = drawn(rows.len(), call.count(0), call.count(1) as u64);
    let mut centres: Vec<Fingerprint> = chosen
        .iter()
        .map(|at| rows[*at].fingerprint.as_ref().clone())
        .collect();
    let nearest = |centres: &[Fingerprint], bits: &Fingerprint| {
        let distances = centres
            .iter()
            .map(|centre| centre.distance(bits))
            .enumerate();
        let best = distances.min_by_key(|(cluster, distance)| (*distance, *cluster));
        best.expect("invariant: where there are rows, there are centres")
    };
    let mut assigned: Vec<(usize, u32)> = Vec::new();
    for _ in 0..ROUNDS_MAX {
        reading.check()?;
        let moved: Vec<_> = rows
            .iter()
            .map(|row| nearest(&centres, &row.fingerprint))
            .collect();
        let is_settled = moved
            .iter()
            .map(|of| of.0)
            .eq(assigned.iter().map(|of| of.0));
        assigned = moved;
        if is_settled {
            break;
        }
        for (cluster, centre) in centres.iter_mut().enumerate() {
            let members = rows.iter().zip(&assigned);
            let members = members
                .filter(|(_, of)| of.0 == cluster)
                .map(|(row, _)| &*row.fingerprint);
            // One that nobody is nearest to stays where it is.
            if let Some(majority) = bundle(members) {
                *centre = majority;
            }
        }
    }
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(UInt64Array::from_iter_values(
        assigned.iter().map(|of| of.0 as u64),
    )));
    columns.push(Arc::new(UInt32Array::from_iter_values(
        assigned.iter().map(|of| of.1),
    )));
    columns.push(bits);
    Ok(batch(CLUSTERED, columns))
}
