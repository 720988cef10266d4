//! The log under every schedule that shuttle tries: nobody who waits is forgotten, and nobody is told what is
//! not so. A wake that never comes is a deadlock here, since time stands still.

use std::sync::Arc;

use super::*;
use crate::storage::SimulatedStorage;
use crate::sync::thread;

const ITERATIONS: usize = 1_000;

fn open(disk: &SimulatedStorage, fsync: FsyncPolicy) -> Arc<Log> {
    let options = LogOptions {
        fsync,
        // No zeros ahead: a thousand logs are opened.
        segment_bytes_max: 512,
        ..LogOptions::default()
    };
    let storage: Arc<dyn Storage> = Arc::new(disk.clone());
    let opened = Log::open::<LogError>(storage, options, 0, |_| Ok(()));
    Arc::new(opened.expect("a log").0)
}

/// Runs `writers` threads, each of which appends and waits, twice; answers what each was told.
fn write(
    log: &Arc<Log>,
    writers: usize,
    end: fn(&Log, Position) -> Result<(), OutcomeUnknown>,
) -> Vec<(Position, Result<(), OutcomeUnknown>)> {
    let write = |_| {
        let log = Arc::clone(log);
        thread::spawn(move || {
            [0, 1].map(|_| {
                let position = log.append(b"record");
                (position, end(&log, position))
            })
        })
    };
    let threads: Vec<_> = (0..writers).map(write).collect();
    let told = threads
        .into_iter()
        .flat_map(|writer| writer.join().expect("a writer"));
    told.collect()
}

#[test]
fn model_of_the_log_in_which_everybody_who_waits_is_told_once_it_is_durable() {
    let check = || {
        let log = open(&SimulatedStorage::new(1), FsyncPolicy::Always);
        let end = |log: &Log, position| {
            let told = log.wait(position);
            assert!(
                log.durable_position() >= position,
                "acknowledged means durable"
            );
            told
        };
        let told = write(&log, 2, end);
        assert!(told.iter().all(|(_, outcome)| outcome.is_ok()));
        log.close().expect("a log that is well");
    };
    shuttle::check_random(check, ITERATIONS);
    shuttle::check_pct(check, ITERATIONS, 3);
}

#[test]
fn model_of_the_log_in_which_flushes_share_a_write() {
    let check = || {
        let log = open(&SimulatedStorage::new(1), FsyncPolicy::Never);
        let end = |log: &Log, position| {
            let told = log.flush();
            assert!(log.acknowledged() >= position);
            told
        };
        let told = write(&log, 3, end);
        assert!(told.iter().all(|(_, outcome)| outcome.is_ok()));
        log.close().expect("a log that is well");
    };
    shuttle::check_random(check, ITERATIONS);
    shuttle::check_pct(check, ITERATIONS, 3);
}

#[test]
fn model_of_the_log_in_which_a_failure_and_a_resumption_race_with_those_who_wait() {
    let check = || {
        let disk = SimulatedStorage::new(1);
        let log = open(&disk, FsyncPolicy::Always);
        disk.fail_sync_after(1);
        let resuming = {
            let (log, disk) = (Arc::clone(&log), disk.clone());
            thread::spawn(move || {
                if log.failed().is_some() {
                    disk.heal();
                    log.resume().expect("a disk that is well again");
                }
            })
        };
        let told = write(&log, 2, |log, position| log.wait(position));
        resuming.join().expect("a resumption");
        // What was told stays so, whatever came after.
        for (position, outcome) in &told {
            let now = log.outcome(*position).map(|outcome| outcome.is_ok());
            assert_eq!(now, Some(outcome.is_ok()), "{position}");
        }
    };
    shuttle::check_random(check, ITERATIONS);
    shuttle::check_pct(check, ITERATIONS, 3);
}
