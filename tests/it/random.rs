//! Randomness that follows from a seed: `LADYBUG_TEST_SEED=n` repeats what a failing test has printed.

#[path = "../../crates/ladybug-engine/tests/it/random/split_mix.rs"]
mod split_mix;

use std::time::{SystemTime, UNIX_EPOCH};

pub use split_mix::Random;

const SEED_VARIABLE: &str = "LADYBUG_TEST_SEED";

/// Whether one seed is to be repeated.
pub fn is_one_seed() -> bool {
    std::env::var_os(SEED_VARIABLE).is_some()
}

/// So many seeds, new ones in each run, or the one that is to be repeated.
pub fn seeds(count: u64) -> Vec<u64> {
    if let Ok(seed) = std::env::var(SEED_VARIABLE) {
        return vec![seed.parse().expect("LADYBUG_TEST_SEED is a number")];
    }
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is after 1970");
    let first = since.as_micros() as u64;
    (first..first + count).collect()
}
