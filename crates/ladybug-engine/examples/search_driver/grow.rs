//! Growth: how long a query takes over 1, 2, 4, … full spaces searched together.
//!
//! The queries have ten neighbours at 20 % distance in each space. Waits for the end of standard input when all are
//! filled, so that only measuring needs a quiet machine. Writes a line of CSV for each number of spaces, with
//! medians over queries and rounds; rounds go through all numbers, so that noise hits all alike.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use ladybug_engine::fingerprint::{BITS, Fingerprint, kernel};
use ladybug_engine::search::Recall;

use super::K;
use super::memory::{Memory, SPACE};
use super::plant::Random;
use super::serve::timed;

/// Queries of a round.
const QUERIES: usize = 8;
/// What is asked for, by the name it has in the CSV.
const ASKED: [(&str, Recall); 2] = [("exact", Recall::EXACT), ("cascade_0.999", Recall::DEFAULT)];

pub fn grow(spaces: usize, rounds: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random(64);
    let queries: Vec<_> = (0..QUERIES)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    let mut memory = Memory::new()?;
    let (seconds, filled) =
        timed(|| (0..spaces).try_for_each(|_| memory.fill(&space(&queries, &mut random))));
    filled?;
    let seconds = seconds / 1e9;
    eprintln!(
        "{spaces} spaces filled in {seconds:.0} s, kernel {}",
        kernel::active().name
    );

    io::copy(&mut io::stdin().lock(), &mut io::sink())?;

    let mut measured: BTreeMap<(usize, &str), Vec<f64>> = BTreeMap::new();
    for round in 0..=rounds {
        for count in (0..).map(|n| 1 << n).take_while(|&count| count <= spaces) {
            let mut note = |what, ns| {
                // The first round warms up.
                if round > 0 {
                    measured.entry((count, what)).or_default().push(ns);
                }
            };
            note("stream", timed(|| memory.stream(count)).0);
            for query in &queries {
                for (name, recall) in ASKED {
                    note(name, timed(|| memory.search(count, &[query], recall)).0);
                }
            }
        }
    }
    let mut output = io::stdout().lock();
    writeln!(
        output,
        "spaces,fingerprints,what,median_ns,ns_per_fingerprint"
    )?;
    for ((count, what), mut ns) in measured {
        ns.sort_by(f64::total_cmp);
        let (median, fingerprints) = (ns[ns.len() / 2], count * SPACE);
        let each = median / fingerprints as f64;
        writeln!(
            output,
            "{count},{fingerprints},{what},{median:.0},{each:.3}"
        )?;
    }
    Ok(())
}

/// A full space in which each query has its neighbours.
fn space(queries: &[Fingerprint], random: &mut Random) -> Vec<Fingerprint> {
    let mut space: Vec<_> = (0..SPACE)
        .map(|_| Fingerprint::random(random.next()))
        .collect();
    for query in queries {
        for _ in 0..K {
            let place = random.below(SPACE);
            space[place] = random.at_distance(query, BITS / 5);
        }
    }
    space
}
