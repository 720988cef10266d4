//! What the write-ahead log costs: an append, a flush, and durable commits from many threads.
//!
//! `cargo bench -p ladybug-engine --bench log [DIRECTORY]`; the directory decides which disk is measured.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ladybug_engine::commit::log::{FsyncPolicy, Log, LogError, LogOptions};
use ladybug_engine::storage::{DiskStorage, Storage};

const PAYLOAD: [u8; 100] = [7; 100];

fn main() {
    let base = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"))
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = base.join(format!("ladybug-log-bench-{}", std::process::id()));
    for fsync in [FsyncPolicy::Never, FsyncPolicy::EverySecond] {
        with_log(&directory, fsync, |log| {
            // A command, then another connection's, … then one write for all of them.
            for batch in [1, 16, 256] {
                let rounds = 100_000 / batch;
                let mut appending = Duration::ZERO;
                let start = Instant::now();
                for _ in 0..rounds {
                    let appended = Instant::now();
                    for _ in 0..batch {
                        log.append(&PAYLOAD);
                    }
                    appending += appended.elapsed();
                    log.flush().expect("the disk works");
                }
                let commits = f64::from(rounds * batch);
                println!(
                    "{fsync}, {batch:3} commits a flush: append {:5.0} ns, with flush {:6.0} ns a commit",
                    appending.as_nanos() as f64 / commits,
                    start.elapsed().as_nanos() as f64 / commits
                );
            }
        });
    }
    for threads in [1, 8, 50] {
        with_log(&directory, FsyncPolicy::Always, |log| {
            let start = Instant::now();
            let run = Duration::from_secs(3);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while start.elapsed() < run {
                            let position = log.append(&PAYLOAD);
                            log.wait(position).expect("the disk works");
                        }
                    });
                }
            });
            let stats = log.stats();
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "always, {threads:2} threads: {:6.0} commits/s, {:5.0} syncs/s, {:4.1} commits a sync",
                stats.acknowledged as f64 / seconds,
                stats.syncs as f64 / seconds,
                stats.acknowledged as f64 / stats.batches as f64
            );
        });
    }
}

fn with_log(directory: &PathBuf, fsync: FsyncPolicy, act: impl FnOnce(&Log)) {
    let storage: Arc<dyn Storage> =
        Arc::new(DiskStorage::new(directory).expect("the directory is writable"));
    let options = LogOptions {
        fsync,
        ..LogOptions::default()
    };
    let (log, _) =
        Log::open(storage, options, 0, |_| Ok::<_, LogError>(())).expect("an empty log opens");
    act(&log);
    drop(log);
    std::fs::remove_dir_all(directory).expect("the directory was ours");
}
