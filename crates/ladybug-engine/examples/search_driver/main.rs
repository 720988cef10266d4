//! Ladybug's side of `benches/search`: makes planted data, searches on command, and grows.
//!
//!     search_driver plant one|spread FINGERPRINTS QUERIES
//!     search_driver serve FINGERPRINTS QUERIES [KERNEL]
//!     search_driver grow SPACES ROUNDS [KERNEL]
//!
//! Files hold raw fingerprints, 1,280 bytes each. Each file here says what its part does.

mod grow;
mod memory;
mod plant;
mod serve;

use std::error::Error;
use std::fs::File;
use std::io::Read;

use ladybug_engine::fingerprint::{BYTES, Fingerprint, kernel};

/// Neighbours asked for, and planted around each query.
const K: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["serve" | "grow", _, _, name] = arguments[..] {
        kernel::choose(name)?;
    }
    match arguments[..] {
        ["plant", "one", stored, queries] => plant::plant(stored, queries, false),
        ["plant", "spread", stored, queries] => plant::plant(stored, queries, true),
        ["serve", stored, queries] | ["serve", stored, queries, _] => {
            serve::serve(&read(stored)?, read(queries)?)
        }
        ["grow", spaces, rounds] | ["grow", spaces, rounds, _] => {
            grow::grow(spaces.parse()?, rounds.parse()?)
        }
        _ => Err(
            "usage: search_driver plant one|spread FILE FILE | serve FILE FILE [KERNEL] | \
                  grow SPACES ROUNDS [KERNEL]"
                .into(),
        ),
    }
}

fn read(path: &str) -> Result<Vec<Fingerprint>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let fingerprints = bytes.chunks(BYTES).map(Fingerprint::from_bytes);
    Ok(fingerprints.collect::<Result<_, _>>()?)
}
