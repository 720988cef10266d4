//! What comes to mind: activation that spreads along edges, and recall.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use ladybug_engine::fingerprint::BITS;
use ladybug_engine::space::address::{Address, Zone};

use super::super::super::batch::{batch, row_columns};
use super::super::super::call::Call;
use super::super::super::error::Fault;
use super::super::super::host::Reading;
use super::kept::{Memory, floats, memories, memories_sql, values};
use super::{RECALLED, SPREAD};
use crate::mind::activation::{self, CONTEXT, DECAY, MISMATCH, STEP, STRENGTH};

/// Memories that RECALL answers unless asked for otherwise.
const K: usize = 10;
/// Bits that differ between unrelated fingerprints.
const CHANCE: u32 = BITS as u32 / 2;
/// Activations that differ by less than one of so many parts are a tie, so that the order of a sum decides nothing.
const PARTS: f64 = 1e9;

/// How activations are ordered, the most active first.
fn rank(active: f64) -> Reverse<i64> {
    Reverse((active * PARTS).round() as i64)
}

/// For each memory the places of those that edges join it with, each once.
fn links(reading: &Reading<'_>, memories: &[Memory<'_>]) -> Vec<Vec<usize>> {
    let addresses = memories.iter().map(|memory| memory.row.address);
    let places: HashMap<Address, usize> = addresses.zip(0..).collect();
    let graph = reading.snapshot().view().state.graph();
    let neighbours = |memory: &Memory<'_>| {
        let at = memory.row.address;
        let incident = graph.incident(at).into_iter();
        let others = incident.map(|link| {
            if link.source == at {
                link.target
            } else {
                link.source
            }
        });
        let others = others.filter(|other| *other != at);
        let mut places: Vec<_> = others
            .filter_map(|other| places.get(&other).copied())
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    memories.iter().map(neighbours).collect()
}

/// In SQL, for WITH: `links`, pairs of nodes that edges join, each both ways, and `fans`, how many each node has.
fn links_sql(call: &Call<'_>) -> String {
    let nodes = call.nodes_sql();
    format!(
        "links AS (SELECT DISTINCT a, b FROM (SELECT source AS a, target AS b FROM edges \
         UNION ALL SELECT target AS a, source AS b FROM edges) WHERE a <> b \
         AND a IN (SELECT id FROM {nodes}) AND b IN (SELECT id FROM {nodes})), \
         fans AS (SELECT a, CAST(count(*) AS DOUBLE) AS fan FROM links GROUP BY a)"
    )
}

pub fn recall_sql(call: &Call<'_>) -> String {
    let q = call.fingerprint_sql(0);
    format!(
        "WITH {}, memories AS (SELECT * FROM {}), \
         context AS (SELECT id, count(*) OVER () AS sources FROM memories WHERE zone = 'fluid'), \
         spread AS (SELECT l.b AS id, sum({CONTEXT:?} / c.sources * ({STRENGTH:?} - ln(f.fan))) AS spreading \
         FROM context c JOIN links l ON l.a = c.id JOIN fans f ON f.a = c.id GROUP BY l.b) \
         SELECT id, address, name, value, distance, base, spreading, mismatch, base + spreading - mismatch AS activation, \
         fingerprint FROM (SELECT m.id, m.address, m.name, m.value, m.fingerprint, hamming(m.fingerprint, {q}) AS distance, \
         m.activation AS base, coalesce(s.spreading, 0.0) AS spreading, \
         {MISMATCH:?} * hamming(m.fingerprint, {q}) / {CHANCE}.0 AS mismatch FROM memories m LEFT JOIN spread s ON s.id = m.id) \
         ORDER BY round((base + spreading - mismatch) * {PARTS:?}) DESC, address LIMIT {}",
        links_sql(call),
        memories_sql(call, DECAY),
        call.integer(1).unwrap_or(K as i64)
    )
}

/// A memory that came to mind, and why.
struct Recalled<'r> {
    memory: Memory<'r>,
    distance: u32,
    base: f64,
    spreading: f64,
    mismatch: f64,
}

impl Recalled<'_> {
    fn active(&self) -> f64 {
        self.base + self.spreading - self.mismatch
    }
}

pub fn recall(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let (q, now) = (call.fingerprint(0), reading.view().now);
    let all = memories(call, reading);
    let links = links(reading, &all);
    let is_source = |at: usize| all[at].row.address.zone() == Zone::Fluid;
    let sources = (0..all.len()).filter(|at| is_source(*at)).count();
    let spreading: Vec<f64> = links
        .iter()
        .map(|linked| {
            let from = linked.iter().filter(|at| is_source(**at));
            let parts = from.map(|at| activation::association(sources, links[*at].len()));
            // The sum of nothing would be minus zero.
            parts.fold(0.0, |sum, part| sum + part)
        })
        .collect();
    let recalled = |(memory, spreading)| {
        let memory: Memory<'_> = memory;
        let distance = q.distance(&memory.row.fingerprint);
        Recalled {
            distance,
            base: memory.presented.base_level(now, DECAY),
            spreading,
            mismatch: activation::mismatch(distance, CHANCE),
            memory,
        }
    };
    let mut all: Vec<_> = all.into_iter().zip(spreading).map(recalled).collect();
    all.sort_by_key(|one| rank(one.active()));
    all.truncate(match call.has(1) {
        true => call.count(1),
        false => K,
    });
    let (mut columns, bits) = row_columns(all.iter().map(|one| &one.memory.row));
    columns.push(values(all.iter().map(|one| &one.memory)));
    let distances = all.iter().map(|one| one.distance);
    columns.push(Arc::new(UInt32Array::from_iter_values(distances)));
    columns.push(floats(all.iter().map(|one| one.base)));
    columns.push(floats(all.iter().map(|one| one.spreading)));
    columns.push(floats(all.iter().map(|one| one.mismatch)));
    columns.push(floats(all.iter().map(Recalled::active)));
    columns.push(bits);
    Ok(batch(RECALLED, columns))
}

pub fn spread_sql(call: &Call<'_>) -> String {
    format!(
        "WITH RECURSIVE {}, walks AS (SELECT id, CAST(0 AS BIGINT) AS steps, CAST(1.0 AS DOUBLE) AS part FROM {} WHERE {} \
         UNION ALL SELECT l.b AS id, w.steps + 1 AS steps, w.part * {STEP:?} / f.fan AS part \
         FROM walks w JOIN links l ON l.a = w.id JOIN fans f ON f.a = w.id WHERE w.steps < {}) \
         SELECT nodes.id, address, name, activation, fingerprint FROM (SELECT id, sum(part) AS activation FROM walks GROUP BY id) s \
         JOIN {} ON nodes.id = s.id ORDER BY round(s.activation * {PARTS:?}) DESC, address",
        links_sql(call),
        call.nodes_sql(),
        call.node_sql(0),
        call.count(1),
        call.nodes_sql(),
    )
}

pub fn spread(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let all = memories(call, reading);
    let from = call.place(0).address;
    let from = all.iter().position(|memory| memory.row.address == from);
    let active = match from {
        Some(from) => activation::spread(&links(reading, &all), from, call.count(1)),
        // Words of the surface are joined with nothing.
        None => vec![0.0; all.len()],
    };
    let mut reached: Vec<_> = all
        .iter()
        .zip(active)
        .filter(|(_, active)| *active > 0.0)
        .collect();
    reached.sort_by_key(|(_, active)| rank(*active));
    let (mut columns, bits) = row_columns(reached.iter().map(|(memory, _)| &memory.row));
    columns.push(floats(reached.iter().map(|(_, active)| *active)));
    columns.push(bits);
    Ok(batch(SPREAD, columns))
}
