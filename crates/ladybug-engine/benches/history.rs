//! What the past and forks cost beside a full space: `cargo bench -p ladybug-engine --bench history`.
//!
//! Both zones are full and encoded. The fork is timed up to its place in the log, which is before its sync.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::transaction::Draft;
use ladybug_engine::engine::{Engine, EngineOptions, NodeRef, SystemClock, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::mutation::Content;
use ladybug_engine::storage::DiskStorage;

const NODES_PER_COMMIT: usize = 256;
const VERSIONS: u64 = 1_000;
const ROUNDS: usize = 101;
/// An expiry that nobody sees: the year 2200.
const LATER_US: i64 = 7_258_118_400_000_000;

fn fill(engine: &Engine) {
    for (zone, expires) in [(Zone::Node, None), (Zone::Fluid, Some(LATER_US))] {
        for first in (0..zone.capacity()).step_by(NODES_PER_COMMIT) {
            let made = engine.commit::<_, EngineError>(&[0], |tx| {
                for n in first..first + NODES_PER_COMMIT {
                    let value = format!("the value of number {n} of the {zone} zone");
                    tx.create(Draft {
                        name: Some(format!("{zone}:{n}").into_bytes().into()),
                        content: Content::of_value(value.into_bytes().into()),
                        expires,
                        ..Draft::default()
                    })?;
                }
                Ok(())
            });
            made.value.expect("room for a full zone");
        }
    }
}

/// Prints the median and the greatest time of some rounds.
fn time(what: &str, mut f: impl FnMut(usize)) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let begun = Instant::now();
            f(round);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "{what}: median {:?}, most {:?}",
        times[ROUNDS / 2],
        times[ROUNDS - 1]
    );
}

fn set(engine: &Engine, name: &[u8], value: String) {
    let done = engine.commit::<_, EngineError>(&[0], |tx| {
        let address = tx.find(name).expect("a node");
        tx.set_content(address, Content::of_value(value.into_bytes().into()))
    });
    done.value.expect("a commit");
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let storage = Arc::new(DiskStorage::new(directory.path()).expect("a directory"));
    let options = EngineOptions {
        fsync: FsyncPolicy::Never,
        ..EngineOptions::default()
    };
    let engine = Engine::open(storage, Arc::new(SystemClock), options).expect("an engine");
    fill(&engine);
    engine.snapshot(0);
    let begun = engine.history_stats(0).newest.version;
    for n in 0..VERSIONS {
        set(&engine, b"node:7", format!("value {n}"));
    }
    println!("history: {} bytes", engine.history_stats(0).bytes);
    let then = When::Version(begun);
    time("one node, 1,000 of its own versions back", |_| {
        let node = engine
            .node_at(0, NodeRef::Name(b"node:7"), then)
            .expect("a past");
        assert!(node.value.is_some());
    });
    time("another node, 1,000 versions back", |_| {
        let node = engine
            .node_at(0, NodeRef::Name(b"node:8"), then)
            .expect("a past");
        assert!(node.value.is_some());
    });
    time("the whole space, 1,000 versions back", |_| {
        assert_eq!(engine.state_at(0, then).expect("a past").version, begun);
    });
    time("a fork of a full space", |round| {
        engine
            .fork(0, &format!("fork-{round}"), None, false)
            .value
            .expect("a fork");
    });
    time("the first commit to a space that was forked", |round| {
        let fork = engine.fork(0, &format!("again-{round}"), None, false).value;
        fork.expect("a fork");
        set(&engine, b"node:9", format!("value {round}"));
    });
}
