//! The checker is tested like this: hand-written histories with one anomaly each, which it must find and name; and
//! histories of a database with faults, on which it must agree with the search that tries every order.

use super::checker::{Level, anomalies, violations};
use super::history::{Key, Operation, Transaction, Value};
use super::random::{self, Random};
use super::serial::is_strictly_serializable;
use super::toy::{self, Fault};

/// Histories of each fault.
const HISTORIES: u64 = 400;
/// Transactions of each: few enough to try every order.
const TRANSACTIONS: usize = 9;

fn append(key: Key, value: Value) -> Operation {
    Operation::Append(key, value)
}

fn list(key: Key, values: &[Value]) -> Operation {
    Operation::List(key, values.to_vec())
}

fn write(key: Key, value: Value) -> Operation {
    Operation::Write(key, value)
}

fn register(key: Key, value: Option<Value>) -> Operation {
    Operation::Register(key, value)
}

fn committed(invoked: u64, completed: u64, operations: &[Operation]) -> Transaction {
    Transaction {
        operations: operations.to_vec(),
        is_committed: true,
        invoked,
        completed,
    }
}

/// Committed transactions that all overlap.
fn together(transactions: &[&[Operation]]) -> Vec<Transaction> {
    transactions
        .iter()
        .map(|operations| committed(0, 9, operations))
        .collect()
}

fn aborted(operations: &[Operation]) -> Transaction {
    Transaction {
        is_committed: false,
        ..committed(0, 9, operations)
    }
}

/// A key of the examples.
const X: Key = 1;
const Y: Key = 2;

/// Expects just this anomaly, and whether snapshot isolation would allow it.
#[track_caller]
fn finds(name: &str, history: &[Transaction]) {
    let found = anomalies(history);
    let names: Vec<_> = found.iter().map(|anomaly| &*anomaly.name).collect();
    assert_eq!(names, [name], "{found:#?}");
    let is_of_snapshots = violations(history, Level::Snapshot).is_empty();
    assert_eq!(
        is_of_snapshots,
        name.starts_with("G2"),
        "{name} under snapshot isolation"
    );
    assert!(!is_strictly_serializable(history));
}

#[test]
fn a_cycle_of_writes_is_g0() {
    finds(
        "G0",
        &together(&[
            &[append(X, 1), append(Y, 1)],
            &[append(X, 2), append(Y, 2)],
            &[list(X, &[1, 2]), list(Y, &[2, 1])],
        ]),
    );
}

#[test]
fn reading_what_aborted_is_g1a() {
    finds(
        "G1a",
        &[aborted(&[append(X, 1)]), committed(0, 9, &[list(X, &[1])])],
    );
    finds(
        "G1a",
        &[
            aborted(&[write(X, 1)]),
            committed(0, 9, &[register(X, Some(1))]),
        ],
    );
}

#[test]
fn reading_an_intermediate_version_is_g1b() {
    finds(
        "G1b",
        &together(&[&[append(X, 1), append(X, 2)], &[list(X, &[1])]]),
    );
    finds(
        "G1b",
        &together(&[&[write(X, 1), write(X, 2)], &[register(X, Some(1))]]),
    );
}

#[test]
fn reading_from_each_other_is_g1c() {
    finds(
        "G1c",
        &together(&[
            &[append(X, 1), list(Y, &[2])],
            &[append(Y, 2), list(X, &[1])],
        ]),
    );
    finds(
        "G1c",
        &together(&[
            &[write(X, 1), register(Y, Some(2))],
            &[write(Y, 2), register(X, Some(1))],
        ]),
    );
}

#[test]
fn half_of_a_transaction_is_g_single() {
    finds(
        "G-single",
        &together(&[
            &[append(X, 1), append(Y, 1)],
            &[list(X, &[1]), list(Y, &[])],
        ]),
    );
    finds(
        "G-single",
        &together(&[
            &[write(X, 1), write(Y, 1)],
            &[register(X, Some(1)), register(Y, None)],
        ]),
    );
}

#[test]
fn a_lost_update_is_found() {
    finds(
        "G-single",
        &together(&[
            &[list(X, &[]), append(X, 1)],
            &[list(X, &[]), append(X, 2)],
            &[list(X, &[1, 2])],
        ]),
    );
    let both = together(&[
        &[register(X, None), write(X, 1)],
        &[register(X, None), write(X, 2)],
    ]);
    let names: Vec<_> = anomalies(&both)
        .into_iter()
        .map(|anomaly| anomaly.name)
        .collect();
    assert_eq!(names, ["lost update", "G2"]);
    assert_eq!(violations(&both, Level::Snapshot).len(), 1);
}

#[test]
fn a_long_fork_is_g_nonadjacent() {
    finds(
        "G-nonadjacent",
        &together(&[
            &[append(X, 1)],
            &[append(Y, 1)],
            &[list(X, &[1]), list(Y, &[])],
            &[list(X, &[]), list(Y, &[1])],
        ]),
    );
}

#[test]
fn write_skew_is_g2() {
    finds(
        "G2",
        &together(&[
            &[list(X, &[]), list(Y, &[]), append(X, 1)],
            &[list(X, &[]), list(Y, &[]), append(Y, 1)],
            &[list(X, &[1]), list(Y, &[1])],
        ]),
    );
    finds(
        "G2",
        &together(&[
            &[register(X, None), register(Y, None), write(X, 1)],
            &[register(X, None), register(Y, None), write(Y, 1)],
        ]),
    );
}

#[test]
fn what_real_time_forbids_has_a_name_of_its_own() {
    // Read too old a state.
    finds(
        "G-single-realtime",
        &[
            committed(0, 1, &[append(X, 1)]),
            committed(2, 3, &[list(X, &[])]),
        ],
    );
    // Lost, though no read shows that it was ever there.
    finds(
        "G-single-realtime",
        &[
            committed(0, 1, &[append(X, 1)]),
            committed(0, 1, &[append(X, 2)]),
            committed(5, 6, &[list(X, &[1])]),
        ],
    );
    // Written in the past.
    finds(
        "G0-realtime",
        &[
            committed(0, 1, &[append(X, 1)]),
            committed(2, 3, &[append(X, 2)]),
            committed(2, 9, &[list(X, &[2, 1])]),
        ],
    );
    // Read from the future.
    finds(
        "G1c-realtime",
        &[
            committed(0, 1, &[list(X, &[1])]),
            committed(2, 3, &[append(X, 1)]),
        ],
    );
    // Missed one that was missed by one that was over before.
    finds(
        "G2-realtime",
        &[
            committed(0, 1, &[append(Y, 1)]),
            committed(2, 3, &[list(X, &[])]),
            committed(0, 4, &[list(Y, &[]), append(X, 1)]),
        ],
    );
}

#[test]
fn reads_that_agree_with_no_order_are_found() {
    finds("internal", &together(&[&[append(X, 1), list(X, &[])]]));
    finds(
        "internal",
        &together(&[&[append(X, 1)], &[list(X, &[]), list(X, &[1])]]),
    );
    finds("internal", &together(&[&[list(X, &[1]), append(X, 1)]]));
    finds("internal", &together(&[&[write(X, 1), register(X, None)]]));
    finds("garbage", &together(&[&[list(X, &[7])]]));
    finds(
        "garbage",
        &together(&[&[register(X, Some(7)), write(X, 1)]]),
    );
    finds(
        "duplicate",
        &together(&[&[append(X, 1)], &[list(X, &[1, 1])]]),
    );
    finds(
        "incompatible order",
        &together(&[
            &[append(X, 1)],
            &[append(X, 2)],
            &[list(X, &[1])],
            &[list(X, &[2, 1])],
        ]),
    );
}

#[test]
fn serial_and_overlapping_but_right_histories_pass() {
    let histories = [
        vec![],
        vec![
            committed(0, 1, &[append(X, 1), append(Y, 1)]),
            committed(2, 3, &[list(X, &[1]), append(X, 2), list(X, &[1, 2])]),
            aborted(&[append(X, 3), list(X, &[1, 3])]),
            committed(4, 5, &[list(X, &[1, 2]), list(Y, &[1])]),
        ],
        // Each could come first, and one must.
        together(&[
            &[append(X, 1)],
            &[list(X, &[])],
            &[list(X, &[1])],
            &[append(X, 2)],
        ]),
        together(&[
            &[register(X, None), write(X, 1), register(X, Some(1))],
            &[register(X, Some(1)), write(X, 2), write(X, 3)],
            &[register(X, Some(3))],
        ]),
    ];
    for history in histories {
        assert_eq!(anomalies(&history), []);
        assert!(is_strictly_serializable(&history));
    }
}

/// Runs a faulty database from many seeds; answers how many histories the checker found wrong.
fn compare(fault: Fault, has_registers: bool) -> u64 {
    let mut wrong = 0;
    for seed in random::seeds(HISTORIES) {
        let history = toy::history(fault, has_registers, TRANSACTIONS, &mut Random(seed));
        let found = anomalies(&history);
        let is_right = is_strictly_serializable(&history);
        let told = || {
            let lines: Vec<_> = history.iter().map(ToString::to_string).collect();
            format!(
                "LADYBUG_TEST_SEED={seed} {fault:?}:\n{}\n{found:#?}",
                lines.join("\n")
            )
        };
        // Of registers not every order can be known.
        if has_registers {
            assert!(found.is_empty() || !is_right, "{}", told());
        } else {
            assert_eq!(found.is_empty(), is_right, "{}", told());
        }
        if matches!(fault, Fault::None | Fault::ReadsUnvalidated) {
            assert_eq!(violations(&history, Level::Snapshot), [], "{}", told());
        }
        wrong += u64::from(!found.is_empty());
    }
    wrong
}

#[test]
fn the_checker_agrees_with_the_search_of_every_order() {
    let faults = [
        Fault::ReadsUnvalidated,
        Fault::NothingValidated,
        Fault::ReadCommitted,
        Fault::ReadUncommitted,
        Fault::StaleReads,
        Fault::HalfCommits,
    ];
    let enough = if random::is_one_seed() {
        0
    } else {
        HISTORIES / 50
    };
    for has_registers in [false, true] {
        assert_eq!(compare(Fault::None, has_registers), 0);
        for fault in faults {
            let wrong = compare(fault, has_registers);
            assert!(wrong >= enough, "{fault:?} shows in {wrong} histories only");
        }
    }
}
