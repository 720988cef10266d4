//! Rows by their distance to something: the engine's exact search, and over the surface, which is small, a look at all.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, Float64Array, RecordBatch, UInt32Array};
use arrow::datatypes::UInt16Type;
use ladybug_engine::fingerprint::{BITS, Fingerprint, SIGMA, similarity, z};
use ladybug_engine::search::{Filter, Recall, Scope as Searched, TopK, top_k as search};
use ladybug_engine::space::address::{ADDRESSES, Address, CHUNKS};
use ladybug_engine::space::column::SlotSet;

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::{Reading, fingerprint_at};
use super::super::super::method::Scope;
use super::NEAREST;
use super::read::rows_at;

/// What of the nearest is wanted.
pub struct Wanted<'w> {
    to: &'w Fingerprint,
    k: usize,
    radius: u32,
    /// Not the row at this address.
    except: Option<Address>,
    /// Only rows at these.
    among: Option<HashSet<Address>>,
}

impl<'w> Wanted<'w> {
    /// So many, near to something.
    pub fn new(to: &'w Fingerprint, k: usize) -> Self {
        Self {
            to,
            k,
            radius: BITS as u32,
            except: None,
            among: None,
        }
    }
}

/// Rows by their distance to something, in SQL.
pub fn nearest_sql(call: &Call<'_>, q: &str, condition: &str, end: &str) -> String {
    format!(
        "SELECT id, address, name, distance, 1.0 - 2.0 * distance / {BITS} AS similarity, \
         ({half}.0 - distance) / {SIGMA:?} AS z, fingerprint \
         FROM (SELECT id, address, name, fingerprint, hamming(fingerprint, {q}) AS distance FROM {rows}{condition}) \
         {end}",
        half = BITS / 2,
        rows = call.rows_sql(),
    )
}

pub fn top_k_sql(call: &Call<'_>) -> String {
    let end = format!("ORDER BY distance, address LIMIT {}", call.count(1));
    nearest_sql(call, &call.fingerprint_sql(0), "", &end)
}

pub fn top_k(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    nearest(
        call,
        reading,
        Wanted::new(call.fingerprint(0), call.count(1)),
    )
}

pub fn range_sql(call: &Call<'_>) -> String {
    let end = format!(
        "WHERE distance <= {} ORDER BY distance, address",
        call.count(1)
    );
    nearest_sql(call, &call.fingerprint_sql(0), "", &end)
}

pub fn range(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let wanted = Wanted {
        radius: call.count(1) as u32,
        ..Wanted::new(call.fingerprint(0), ADDRESSES)
    };
    nearest(call, reading, wanted)
}

pub fn near_sql(call: &Call<'_>) -> String {
    let this = call.node_sql(0);
    let q = format!("(SELECT fingerprint FROM {} WHERE {this})", call.rows_sql());
    // A row without a name is another one than any that has one.
    let others = format!(" WHERE ({this}) IS NOT TRUE");
    let end = format!("ORDER BY distance, address LIMIT {}", call.count(1));
    nearest_sql(call, &q, &others, &end)
}

pub fn near(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let address = call.place(0).address;
    let own = fingerprint_at(&reading.view(), address);
    let own = own.expect("invariant: an operand that was found is there");
    let wanted = Wanted {
        except: Some(address),
        ..Wanted::new(&own, call.count(1))
    };
    nearest(call, reading, wanted)
}

pub fn filter_sql(call: &Call<'_>) -> String {
    let condition = format!(" WHERE {}", call.text(2));
    let end = format!("ORDER BY distance, address LIMIT {}", call.count(1));
    nearest_sql(call, &call.fingerprint_sql(0), &condition, &end)
}

pub fn filter(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let statement = format!(
        "SELECT address FROM {} WHERE {}",
        call.rows_sql(),
        call.text(2)
    );
    let holds = reading.query(&statement);
    let holds = holds.map_err(|fault| fault.of_sql(call.operation.argument(2).name))?;
    let addresses = holds.column(0).as_primitive::<UInt16Type>();
    let wanted = Wanted {
        among: Some(addresses.values().iter().copied().map(Address).collect()),
        ..Wanted::new(call.fingerprint(0), call.count(1))
    };
    nearest(call, reading, wanted)
}

fn nearest(
    call: &Call<'_>,
    reading: &Reading<'_>,
    wanted: Wanted<'_>,
) -> Result<RecordBatch, Fault> {
    let hits = hits(call.scope(), reading, &wanted);
    let addresses = hits.iter().map(|(address, _)| *address);
    let rows = rows_at(reading, call.scope(), addresses);
    let distances = hits.iter().map(|(_, distance)| *distance);
    let (mut columns, bits) = row_columns(&rows);
    columns.push(Arc::new(UInt32Array::from_iter_values(distances.clone())));
    let float = |of: fn(u32) -> f64| Float64Array::from_iter_values(distances.clone().map(of));
    columns.push(Arc::new(float(similarity)));
    columns.push(Arc::new(float(z)));
    columns.push(bits);
    Ok(batch(NEAREST, columns))
}

/// Where the nearest rows of a scope are, and how far, nearest first.
pub fn hits(scope: Scope, reading: &Reading<'_>, wanted: &Wanted<'_>) -> Vec<(Address, u32)> {
    match scope {
        Scope::Surface => on_surface(reading, wanted),
        scope => in_memory(reading, scope, wanted),
    }
}

fn in_memory(reading: &Reading<'_>, scope: Scope, wanted: &Wanted<'_>) -> Vec<(Address, u32)> {
    let snapshot = reading.snapshot();
    let slots = wanted.among.as_ref().map(|addresses| {
        let mut slots = [SlotSet::EMPTY; CHUNKS];
        for address in addresses {
            slots[usize::from(address.prefix())].set(address.slot(), true);
        }
        Arc::new(slots)
    });
    let except = wanted.except.and_then(|at| snapshot.view().node(at));
    let filter = Filter {
        zone: scope.zone(),
        exclude: except.map(|node| node.id()),
        slots,
        ..Filter::default()
    };
    let searched = Searched {
        snapshot,
        filter: &filter,
    };
    let top_k = TopK {
        k: wanted.k,
        distance_max: wanted.radius,
        recall: Recall::EXACT,
    };
    let found = search(&[searched], &[wanted.to], top_k);
    let hits = found.into_iter().flatten();
    hits.map(|hit| (hit.address, hit.distance)).collect()
}

fn on_surface(reading: &Reading<'_>, wanted: &Wanted<'_>) -> Vec<(Address, u32)> {
    let is_wanted = |address: Address| {
        let is_among = wanted
            .among
            .as_ref()
            .is_none_or(|among| among.contains(&address));
        is_among && wanted.except != Some(address)
    };
    let rows = reading.rows(Scope::Surface);
    let mut hits: Vec<_> = rows
        .iter()
        .filter(|row| is_wanted(row.address))
        .map(|row| (row.address, wanted.to.distance(&row.fingerprint)))
        .filter(|(_, distance)| *distance <= wanted.radius)
        .collect();
    hits.sort_by_key(|(address, distance)| (*distance, *address));
    hits.truncate(wanted.k);
    hits
}
