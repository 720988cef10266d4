//! How long a full node zone takes to write and to open: `cargo bench -p ladybug-engine --bench checkpoint`.
//!
//! Files are in the page cache when opened; on a cold start add the time the disk takes to read them.

use std::sync::Arc;
use std::time::Instant;

use ladybug_engine::commit::transaction::{Draft, EdgeDraft};
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::mutation::Content;
use ladybug_engine::storage::DiskStorage;

const NODES: usize = 32_768;
const NODES_PER_COMMIT: usize = 256;
const ROUNDS: usize = 7;

fn open(directory: &std::path::Path) -> Engine {
    let storage = Arc::new(DiskStorage::new(directory).expect("a directory"));
    let engine = Engine::open(storage, Arc::new(SystemClock), EngineOptions::default());
    engine.expect("an engine")
}

fn fill(engine: &Engine) {
    let mut before = None;
    for first in (0..NODES).step_by(NODES_PER_COMMIT) {
        let made = engine.commit::<_, EngineError>(&[0], |tx| {
            for n in first..first + NODES_PER_COMMIT {
                let value = format!("package {n}: a server of documents, number {n}, for the web");
                let node = Draft {
                    name: Some(format!("package:{n}").into_bytes().into()),
                    content: Content::of_value(value.into_bytes().into()),
                    kinds: Some(["Package".into()].into()),
                    ..Draft::default()
                };
                let address = tx.create(node)?;
                if let Some(before) = before.replace(address) {
                    tx.link(address, 0, before, EdgeDraft::default())?;
                    tx.link(before, 1, address, EdgeDraft::default())?;
                }
            }
            Ok(())
        });
        made.value.expect("room for a full zone");
    }
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = open(directory.path());
    fill(&engine);
    engine.snapshot(0);
    let begun = Instant::now();
    let position = engine.checkpoint().expect("a checkpoint").position;
    println!("write {NODES} nodes: {:?}", begun.elapsed());
    drop(engine);

    let files = directory.path().join(format!("checkpoints/{position:020}"));
    for file in std::fs::read_dir(files).expect("files") {
        let file = file.expect("a file");
        let bytes = file.metadata().expect("a length").len();
        println!("{}: {bytes} bytes", file.file_name().display());
    }
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            let engine = open(directory.path());
            let elapsed = begun.elapsed();
            assert_eq!(engine.state(0).0.nodes_len(), NODES);
            elapsed
        })
        .collect();
    times.sort();
    println!(
        "open: median {:?}, least {:?}, most {:?}",
        times[ROUNDS / 2],
        times[0],
        times[ROUNDS - 1]
    );
}
