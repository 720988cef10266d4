//! Promises of check and repair: damage is found wherever it is, and repaired or refused, never made worse.

use std::path::PathBuf;

use super::survey::HASH_KEY;
use super::*;
use crate::commit::batch::Origin;
use crate::commit::checkpoint::{DIRECTORY, NODES_FILE, SpaceContents, discard, list, load, write};
use crate::commit::history::History;
use crate::engine::tests::checkpoint::{Random, images, open_simulated, random_commit};
use crate::engine::{Engine, SpaceId};
use crate::space::address::Address;
use crate::space::image::SpaceImage;
use crate::space::mutation::{Inverse, Mutation};
use crate::storage::SimulatedStorage;

type Images = Vec<(SpaceId, SpaceImage)>;

/// A disk with two checkpoints and commits after each, and what a start finds on it.
fn prepared(seed: u64) -> (SimulatedStorage, Images) {
    let disk = SimulatedStorage::new(seed);
    let engine = open_simulated(&disk);
    let mut random = Random(seed);
    for _ in 0..2 {
        commit(&engine, &mut random, 12);
        engine.checkpoint().expect("a checkpoint");
    }
    commit(&engine, &mut random, 6);
    engine.log().sync().expect("a sync");
    let before = images(&engine);
    drop(engine);
    // A log that was opened again knows how far it was durable.
    drop(open_simulated(&disk));
    (disk, before)
}

fn commit(engine: &Engine, random: &mut Random, count: usize) {
    for _ in 0..count {
        random_commit(engine, random.below(2) as SpaceId, random);
    }
}

fn shared(disk: &SimulatedStorage) -> Arc<dyn Storage> {
    Arc::new(disk.clone())
}

/// A copy of every file of the disk.
fn copied(disk: &SimulatedStorage) -> SimulatedStorage {
    let copy = SimulatedStorage::new(1);
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        for entry in disk.list(&directory).expect("entries") {
            let path = directory.join(&entry.name);
            if entry.is_directory {
                copy.create_directory(&path).expect("a directory");
                directories.push(path);
            } else {
                let file = copy.create(&path).expect("a file");
                file.write_at(0, &disk.read(&path).expect("bytes"))
                    .expect("written");
                file.sync_data().expect("synced");
            }
        }
        copy.sync_directory(&directory).expect("synced");
    }
    copy
}

#[test]
fn a_sound_directory_is_clean_and_a_repair_does_nothing() {
    for seed in 0..6 {
        let (disk, before) = prepared(seed);
        let report = check(&shared(&disk)).expect("a report");
        assert_eq!(report.findings, [], "seed {seed}");
        assert_eq!(report.checkpoints.len(), 2);
        let nodes: usize = before.iter().map(|(_, image)| image.nodes.len()).sum();
        assert_eq!(report.state.map(|state| state.nodes), Some(nodes));
        let repaired = repair(&shared(&disk)).expect("nothing to do");
        assert_eq!(repaired.steps, Vec::<String>::new());
        assert!(images(&open_simulated(&disk)) == before);
    }
    let empty = check(&shared(&SimulatedStorage::new(0))).expect("a report");
    assert!(empty.is_clean() && empty.state == Some(StateSummary::default()));
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let disk = SimulatedStorage::new(0);
    let _engine = open_simulated(&disk);
    assert!(matches!(check(&shared(&disk)), Err(CheckError::Storage(_))));
    assert!(matches!(
        repair(&shared(&disk)),
        Err(CheckError::Storage(_))
    ));
}

#[test]
fn any_flipped_bit_is_found_and_repaired_or_refused() {
    let (mut repairs, mut refusals) = (0, 0);
    let seed = 0;
    let (disk, before) = prepared(seed);
    let mut random = Random(seed + 100);
    let newest = list(&disk).expect("a listing").positions;
    let checkpoint = |at: usize| Path::new(DIRECTORY).join(format!("{:020}", newest[at]));
    for directory in [checkpoint(0), checkpoint(1), PathBuf::from("log")] {
        for entry in disk.list(&directory).expect("files") {
            let path = directory.join(&entry.name);
            let length = disk.read(&path).expect("bytes").len() as u64;
            for _ in 0..6 {
                let copy = copied(&disk);
                let (offset, bit) = (random.below(length), random.below(8) as u8);
                copy.flip_bit(&path, offset, bit).expect("a flip");
                let place = format!("seed {seed}, {} at {offset}.{bit}", path.display());
                let report = check(&shared(&copy)).expect("a report");
                match repair(&shared(&copy)) {
                    Ok(repaired) => {
                        repairs += usize::from(!report.is_clean());
                        assert!(repaired.after.is_clean(), "{place}: {:?}", repaired.after);
                        assert!(images(&open_simulated(&copy)) == before, "{place}");
                    }
                    Err(CheckError::Impossible(why)) => {
                        refusals += 1;
                        assert!(
                            !report.is_clean() && why.contains("leads to"),
                            "{place}: {why}"
                        );
                        copy.flip_bit(&path, offset, bit).expect("a flip back");
                        assert!(images(&open_simulated(&copy)) == before, "{place}");
                    }
                    Err(error) => panic!("{place}: {error}"),
                }
            }
        }
    }
    assert!(repairs > 15, "{repairs} repaired, {refusals} refused");
}

#[test]
fn a_lost_commit_that_no_checkpoint_has_is_refused() {
    let (disk, before) = prepared(3);
    let report = crate::commit::log::scan(&disk, Path::new("log"), |_| {}).expect("a report");
    let last = report.segments.iter().max_by_key(|segment| segment.last);
    let last = last.expect("a segment");
    let offset = last.used_bytes - 1;
    disk.flip_bit(&last.path, offset, 5).expect("a flip");
    let report = check(&shared(&disk)).expect("a report");
    assert!(!report.is_clean() && report.state.is_none(), "{report:?}");
    let refused = repair(&shared(&disk)).expect_err("a commit is lost");
    assert!(matches!(refused, CheckError::Impossible(_)), "{refused}");
    disk.flip_bit(&last.path, offset, 5).expect("a flip back");
    assert!(
        images(&open_simulated(&disk)) == before,
        "nothing was changed"
    );
}

#[test]
fn parity_repairs_a_checkpoint_that_has_nothing_else() {
    let (disk, _) = prepared(4);
    let engine = open_simulated(&disk);
    engine.close().expect("a good end");
    let (before, newest) = (images(&engine), engine.checkpoint_position());
    drop(engine);
    for position in list(&disk).expect("a listing").positions {
        if position != newest {
            disk.remove_directory(&Path::new(DIRECTORY).join(format!("{position:020}")))
                .expect("removed");
        }
    }
    disk.remove_directory(Path::new("log")).expect("removed");
    let path = Path::new(DIRECTORY)
        .join(format!("{newest:020}"))
        .join(NODES_FILE);
    let bytes = disk.read(&path).expect("bytes");
    // A byte in the middle of a fingerprint: a run without zeros as long as one is found nowhere else.
    let fingerprint = bytes
        .windows(600)
        .position(|window| window.iter().filter(|byte| **byte == 0).count() < 20)
        .expect("a fingerprint");
    disk.flip_bit(&path, fingerprint as u64 + 300, 3)
        .expect("a flip");
    let report = check(&shared(&disk)).expect("a report");
    assert!(
        report.findings[0].to_string().contains("parity rebuilds"),
        "{}",
        report.findings[0]
    );
    let repaired = repair(&shared(&disk)).expect("repaired");
    assert!(repaired.after.is_clean(), "{:?}", repaired.after);
    assert_eq!(disk.read(&path).expect("bytes").len(), bytes.len());
    assert!(images(&open_simulated(&disk)) == before);
}

/// Writes the newest checkpoint again with something else in its first space, all checksums right.
fn forge(disk: &SimulatedStorage, change: impl FnOnce(&mut SpaceContents)) {
    let newest = list(disk).expect("a listing").positions[0];
    let mut contents = load(disk, newest, HASH_KEY, false).expect("sound").contents;
    change(&mut contents.spaces[0]);
    discard(disk, newest).expect("discarded");
    write(disk, &contents).expect("written");
}

/// The same commits, of which each is said to have replaced something else.
fn replaced(history: &History, inverses: &[Inverse]) -> History {
    let mut forged = History::new(history.oldest());
    for segment in history.segments() {
        for commit in segment.encoded() {
            forged.push(commit.after, inverses);
        }
    }
    forged
}

#[test]
fn a_history_that_does_not_lead_back_is_found_and_restored() {
    let (disk, before) = prepared(5);
    let removed = Mutation::Remove {
        address: Address(0xFFFF),
    };
    let unfit = Inverse {
        version: 0,
        mutation: removed,
    };
    forge(&disk, |space| {
        space.history = replaced(&space.history, &[unfit])
    });
    let report = check(&shared(&disk)).expect("a report");
    let finding = report.findings[0].to_string();
    assert!(finding.contains("history of space 0"), "{finding}");
    assert!(finding.contains("cannot be taken back"), "{finding}");
    let repaired = repair(&shared(&disk)).expect("repaired");
    assert!(repaired.after.is_clean(), "{:?}", repaired.after);
    assert!(images(&open_simulated(&disk)) == before);
}

#[test]
fn a_history_or_an_origin_that_the_log_does_not_lead_to_is_found() {
    let (disk, _) = prepared(6);
    forge(&disk, |space| space.history = replaced(&space.history, &[]));
    let report = check(&shared(&disk)).expect("a report");
    let finding = report.findings[0].to_string();
    assert!(finding.contains("another history"), "{finding}");

    let (disk, _) = prepared(6);
    forge(&disk, |space| {
        space.origin = Some(Origin {
            space: 1,
            version: 1,
            is_checkpoint: false,
        });
    });
    let report = check(&shared(&disk)).expect("a report");
    let finding = report.findings[0].to_string();
    assert!(finding.contains("something else"), "{finding}");
}

#[test]
fn a_torn_tail_is_no_damage_and_is_cut() {
    let (disk, before) = prepared(8);
    let segment = disk
        .list(Path::new("log"))
        .expect("segments")
        .pop()
        .expect("one");
    let path = Path::new("log").join(segment.name);
    let length = disk.read(&path).expect("bytes").len() as u64;
    let file = disk.open(&path).expect("a segment");
    // Half a record, as a crash leaves it.
    let used = {
        let report = crate::commit::log::scan(&disk, Path::new("log"), |_| {}).expect("a report");
        report.segments.last().expect("one").used_bytes
    };
    file.write_at(used, &[0xAB; 40]).expect("written");
    file.sync_data().expect("synced");
    assert!(length >= used);
    let report = check(&shared(&disk)).expect("a report");
    assert!(
        report.is_clean() && report.findings.len() == 1,
        "{report:?}"
    );
    let repaired = repair(&shared(&disk)).expect("repaired");
    assert_eq!(repaired.steps, ["cut the log's torn tail"]);
    assert_eq!(repaired.after.findings, []);
    assert!(images(&open_simulated(&disk)) == before);
}

#[test]
fn a_crash_at_any_step_of_a_repair_can_be_repaired() {
    let damaged = |crash: Option<u64>| {
        let (disk, before) = prepared(6);
        disk.sync_directory(Path::new("")).expect("synced");
        let newest = list(&disk).expect("a listing").positions[0];
        let path = Path::new(DIRECTORY)
            .join(format!("{newest:020}"))
            .join(NODES_FILE);
        disk.flip_bit(&path, 70, 1).expect("a flip");
        let start = disk.operations();
        if let Some(crash) = crash {
            disk.crash_after(crash);
        }
        let result = repair(&shared(&disk));
        (disk, before, start, result)
    };
    let (disk, _, start, result) = damaged(None);
    assert!(result.expect("repaired").after.is_clean());
    let steps = disk.operations() - start;
    for crash in 0..steps {
        let (disk, before, _, _) = damaged(Some(crash));
        disk.restart();
        let repaired = repair(&shared(&disk)).expect("repaired");
        assert!(repaired.after.is_clean(), "crash after {crash} of {steps}");
        assert!(
            images(&open_simulated(&disk)) == before,
            "crash after {crash} of {steps}"
        );
    }
}
