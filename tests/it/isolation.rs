//! Isolation of transactions, checked from outside: many clients work at once, a recorder keeps what each saw and
//! when, and a checker decides whether that can have happened one after another.
//!
//! Map: `history` is what is recorded, `workload` records it from real clients, `dependencies` is who depends on whom
//! by it, `checker` finds and names the cycles, `search` tries every order instead, of whole transactions in `serial`; `toy` is a database with faults,
//! and `planted` tests the checkers.
//!
//! A failure prints its seed. `LADYBUG_TEST_SEED=n` repeats the requests, though not how the clients meet.

mod checker;
mod dependencies;
mod history;
mod planted;
pub mod search;
mod serial;
mod toy;
mod workload;

use super::harness::Server;
use super::random;
use checker::{Level, violations};
use serial::is_strictly_serializable;
use workload::Protocol;

const CLIENTS: u64 = 8;
/// Transactions of a history.
const TRANSACTIONS: usize = 800;
/// Small histories, and transactions of each: few enough to try every order.
const SMALL_HISTORIES: u64 = 40;
const SMALL_TRANSACTIONS: usize = 20;
/// Histories until one shows what snapshot isolation admits. Nearly every one does.
const HISTORIES_MAX: usize = 5;

/// What a history that was found right was like.
struct Checked {
    committed: usize,
    all: usize,
    /// Whether no serial order explains it.
    has_write_skew: bool,
}

impl Checked {
    /// Some were refused, and many were not.
    fn assert_contended(&self) {
        let Self { committed, all, .. } = *self;
        assert!(
            all / 10 < committed && committed < all,
            "{committed} of {all} committed"
        );
    }
}

/// Records a history on a server of its own, and finds it to be of its level.
fn check(protocol: Protocol, fsync: &str) -> Checked {
    let server = Server::start(&["--fsync", fsync, "--io-threads", "2"]);
    let seed = random::seeds(1)[0];
    let history = workload::run(server.port, protocol, CLIENTS, TRANSACTIONS, seed);
    let level = match protocol {
        Protocol::Dag(level) => level,
        Protocol::Multi | Protocol::Watch => Level::Serializable,
    };
    let found = violations(&history, level);
    let told: Vec<_> = found
        .iter()
        .map(|anomaly| format!("{}: {}", anomaly.name, anomaly.explanation))
        .collect();
    assert!(
        found.is_empty(),
        "LADYBUG_TEST_SEED={seed}: {protocol:?} with --fsync {fsync} is not {level:?}:\n{}",
        told.join("\n")
    );
    Checked {
        committed: history.iter().filter(|one| one.is_committed).count(),
        all: history.len(),
        has_write_skew: !violations(&history, Level::Serializable).is_empty(),
    }
}

#[test]
fn dag_transactions_are_strictly_serializable() {
    for fsync in ["always", "never"] {
        check(Protocol::Dag(Level::Serializable), fsync).assert_contended();
    }
}

#[test]
fn small_histories_of_dag_transactions_have_a_serial_order() {
    let server = Server::start(&["--fsync", "never", "--io-threads", "2"]);
    let protocol = Protocol::Dag(Level::Serializable);
    for seed in random::seeds(SMALL_HISTORIES) {
        assert_eq!(server.connect().call("FLUSHDB"), "+OK");
        let history = workload::run(server.port, protocol, 4, SMALL_TRANSACTIONS, seed);
        assert!(
            is_strictly_serializable(&history),
            "LADYBUG_TEST_SEED={seed}: no order explains {history:#?}"
        );
    }
}

#[test]
fn dag_transactions_with_snapshot_isolation_admit_write_skew_and_nothing_else() {
    let mut has_write_skew = false;
    for _ in 0..HISTORIES_MAX {
        let checked = check(Protocol::Dag(Level::Snapshot), "never");
        checked.assert_contended();
        has_write_skew |= checked.has_write_skew;
        if has_write_skew {
            break;
        }
    }
    assert!(
        has_write_skew,
        "the clients do not meet often enough to show anything"
    );
}

#[test]
fn multi_blocks_over_two_spaces_are_strictly_serializable() {
    for fsync in ["always", "never"] {
        let checked = check(Protocol::Multi, fsync);
        assert_eq!(checked.committed, checked.all);
    }
}

#[test]
fn reads_under_watch_are_of_the_same_moment_as_exec() {
    check(Protocol::Watch, "never").assert_contended();
}
