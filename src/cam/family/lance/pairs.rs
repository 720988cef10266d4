//! The self-join by distance: all pairs of rows that are near each other.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, UInt16Array, UInt32Array};

use super::super::super::batch::batch;
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::PAIRS;

pub fn sql(call: &Call<'_>) -> String {
    let rows = call.rows_sql();
    format!(
        "WITH r AS (SELECT address, name, fingerprint FROM {rows}) SELECT * FROM \
         (SELECT a.address AS x, b.address AS y, a.name AS x_name, b.name AS y_name, \
         hamming(a.fingerprint, b.fingerprint) AS distance FROM r a JOIN r b ON a.address < b.address) \
         WHERE distance <= {} ORDER BY distance, x, y",
        call.count(0)
    )
}

pub fn rows(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let radius = call.count(0) as u32;
    let rows = reading.rows(call.scope());
    let mut pairs = Vec::new();
    for (at, x) in rows.iter().enumerate() {
        reading.check()?;
        for (other, y) in rows.iter().enumerate().skip(at + 1) {
            let distance = x.fingerprint.distance(&y.fingerprint);
            if distance <= radius {
                pairs.push((distance, at, other));
            }
        }
        let most = reading.host().rows_max;
        if pairs.len() > most {
            return Err(Fault::of(
                "radius",
                format!("expected one that at most the {most} pairs of --sql-rows-max are in"),
            ));
        }
    }
    pairs.sort_unstable();
    let addresses = |of: fn(&(u32, usize, usize)) -> usize| {
        UInt16Array::from_iter_values(pairs.iter().map(|pair| rows[of(pair)].address.0))
    };
    let names = |of: fn(&(u32, usize, usize)) -> usize| {
        StringArray::from_iter(pairs.iter().map(|pair| rows[of(pair)].name.as_deref()))
    };
    Ok(batch(
        PAIRS,
        vec![
            Arc::new(addresses(|pair| pair.1)),
            Arc::new(addresses(|pair| pair.2)),
            Arc::new(names(|pair| pair.1)),
            Arc::new(names(|pair| pair.2)),
            Arc::new(UInt32Array::from_iter_values(
                pairs.iter().map(|pair| pair.0),
            )),
        ],
    ))
}
