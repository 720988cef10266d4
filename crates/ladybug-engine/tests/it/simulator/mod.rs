//! Random histories of the real engine over the simulated disk, checked against a plain model: what is
//! acknowledged stays (contract 1), recovery finds a prefix (2), commits are whole (3), parity holds (4),
//! versions and ids rise (6), and encoding is finished or superseded (11).

mod changes;
mod compare;
mod history;
mod model;

use crate::random::run_seeds;
use history::{History, Tally};

#[test]
fn whatever_fails_recovery_yields_a_prefix_of_the_commits_with_all_that_was_promised() {
    let histories = run_seeds(HISTORIES, |seed| {
        let mut history = History::new(seed);
        history.run();
        history.tally
    });
    let count = histories.len() as u64;
    let tally = Tally::sum(histories);
    println!("{count} histories: {tally:?}");
    if count == HISTORIES {
        assert!(tally.commits > 5 * HISTORIES, "{tally:?}");
        assert!(tally.deaths > 2 * HISTORIES, "{tally:?}");
        for happened in [
            tally.refused,
            tally.recovered,
            tally.lost,
            tally.failures,
            tally.undone,
            tally.resumed,
            tally.checkpoints,
            tally.snapshots,
            tally.looks_back,
            tally.forks,
            tally.dropped,
            tally.expired,
        ] {
            assert!(happened > HISTORIES / 10, "{tally:?}");
        }
    }
}

/// How many histories a run goes through.
const HISTORIES: u64 = 2_000;

#[test]
fn a_flipped_bit_is_noticed_and_what_opens_all_the_same_is_right() {
    let opened = run_seeds(DAMAGED, |seed| History::new(seed).run_damaged());
    let count = opened.iter().filter(|opened| **opened).count();
    if opened.len() as u64 == DAMAGED {
        assert!(count > 30 && opened.len() - count > 30, "{count}");
    }
}

/// How many memories are damaged.
const DAMAGED: u64 = 300;
