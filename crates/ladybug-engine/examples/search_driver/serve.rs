//! Searches on command. After loading it answers a line of JSON that says what runs, and then another for each
//! line of standard input:
//!
//!     search RECALL FIRST COUNT   times queries one by one; RECALL is `exact` or a number
//!     batch RECALL FIRST COUNT    times them as one batch
//!     stream                      times reading every stored fingerprint once
//!     pair                        times the distance of two fingerprints that are in the cache
//!
//! Answers hold `ns`, a list, and of searches `found`: for each query, `[row, distance]` pairs.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use ladybug_engine::fingerprint::{Fingerprint, kernel};
use ladybug_engine::search::Recall;
use serde_json::{Value, json};

use super::memory::{Memory, Row, ZONE};

/// Pairs timed at once, over this many fingerprints: few enough for the innermost cache.
const PAIRS: usize = 100_000;
const PAIRED: usize = 8;

pub fn serve(stored: &[Fingerprint], queries: Vec<Fingerprint>) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let mut memory = Memory::new()?;
    for zone in stored.chunks(ZONE) {
        memory.fill(zone)?;
    }
    let mut output = io::stdout().lock();
    let ready = json!({
        "kernel": kernel::active().name,
        "candidates": stored.len(),
        "spaces": memory.spaces(),
        "load_seconds": begun.elapsed().as_secs_f64(),
    });
    writeln!(output, "{ready}")?;
    output.flush()?;
    for line in io::stdin().lock().lines() {
        let answer = answer(&memory, &queries, &line?)?;
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(memory: &Memory, queries: &[Fingerprint], line: &str) -> Result<Value, Box<dyn Error>> {
    let words: Vec<&str> = line.split(' ').collect();
    let (is_batch, recall, first, count) = match words[..] {
        ["stream"] => {
            let (ns, ()) = timed(|| memory.stream(memory.spaces()));
            return Ok(json!({ "ns": [ns] }));
        }
        ["pair"] => return Ok(json!({ "ns": [pair(&queries[..PAIRED])] })),
        [how @ ("search" | "batch"), recall, first, count] => (
            how == "batch",
            recall,
            first.parse::<usize>()?,
            count.parse::<usize>()?,
        ),
        _ => return Err(format!("no such request: {line}").into()),
    };
    let recall = match recall {
        "exact" => Recall::EXACT,
        share => Recall::new(share.parse()?)?,
    };
    let queries = queries.get(first..first + count).ok_or("no such queries")?;
    let (ns, found) = match is_batch {
        true => batch(memory, queries, recall),
        false => one_by_one(memory, queries, recall),
    };
    Ok(json!({ "ns": ns, "found": found }))
}

fn one_by_one(
    memory: &Memory,
    queries: &[Fingerprint],
    recall: Recall,
) -> (Vec<f64>, Vec<Vec<Row>>) {
    let each = queries.iter().map(|query| {
        let (ns, found) = timed(|| memory.search(memory.spaces(), &[query], recall));
        (ns, memory.rows(&found[0]))
    });
    each.unzip()
}

fn batch(memory: &Memory, queries: &[Fingerprint], recall: Recall) -> (Vec<f64>, Vec<Vec<Row>>) {
    let queries: Vec<_> = queries.iter().collect();
    let (ns, found) = timed(|| memory.search(memory.spaces(), &queries, recall));
    (
        vec![ns],
        found.iter().map(|found| memory.rows(found)).collect(),
    )
}

/// Nanoseconds a pair.
fn pair(fingerprints: &[Fingerprint]) -> f64 {
    let distance = kernel::active().distance;
    let (ns, _) = timed(|| {
        (0..PAIRS).fold(0_u32, |sum, n| {
            let (a, b) = (
                &fingerprints[n % PAIRED],
                &fingerprints[n / PAIRED % PAIRED],
            );
            sum.wrapping_add(black_box(distance(
                black_box(a.words()),
                black_box(b.words()),
            )))
        })
    });
    ns / PAIRS as f64
}

/// Nanoseconds that `f` took, and what it answered.
pub fn timed<R>(f: impl FnOnce() -> R) -> (f64, R) {
    let begun = Instant::now();
    let value = black_box(f());
    (begun.elapsed().as_nanos() as f64, value)
}
