//! Many threads on one engine: commits that cross spaces, snapshots and reads at once, also while the log fails.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::transaction::{Draft, SpaceId, Transaction};
use ladybug_engine::engine::{Engine, EngineOptions, Outcome, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::image::{SpaceImage, check_invariants};
use ladybug_engine::space::mutation::Content;
use ladybug_engine::space::state::View;
use ladybug_engine::storage::simulated::Faults;
use ladybug_engine::storage::{DiskStorage, SimulatedStorage, Storage};

use crate::random::{Random, run_seeds};

const SPACES: SpaceId = 4;
/// Accounts in each space.
const ACCOUNTS: u64 = 8;
/// What each begins with.
const BALANCE: i64 = 100;
const SUM: i64 = SPACES as i64 * ACCOUNTS as i64 * BALANCE;
const WRITERS: u64 = 3;

fn open(storage: Arc<dyn Storage>, fsync: FsyncPolicy) -> Engine {
    let options = EngineOptions {
        fsync,
        ..EngineOptions::default()
    };
    Engine::open(storage, Arc::new(SystemClock), options).expect("an engine")
}

fn account(n: u64) -> Vec<u8> {
    format!("account{n}").into_bytes()
}

fn counter(writer: u64) -> Vec<u8> {
    format!("counter{writer}").into_bytes()
}

fn integer(view: &View<'_>, name: &[u8]) -> i64 {
    let node = view.find(name).expect("a node that is never deleted");
    match node.fields().expect("fields")[&b"n"[..]] {
        FieldValue::Integer(n) => n,
        ref other => panic!("{other:?}"),
    }
}

fn add(tx: &mut Transaction<'_>, name: &[u8], amount: i64) -> Result<(), EngineError> {
    let there = integer(&tx.view(), name);
    let at = tx.find(name).expect("a node");
    tx.set_field(at, b"n", Some(FieldValue::Integer(there + amount)))
}

fn sum(view: &View<'_>) -> i64 {
    (0..ACCOUNTS).map(|n| integer(view, &account(n))).sum()
}

fn fill(engine: &Engine) {
    let all: Vec<SpaceId> = (0..SPACES).collect();
    let filled = engine.commit::<_, EngineError>(&all, |tx| {
        for space in 0..SPACES {
            tx.select(space);
            let names = (0..ACCOUNTS).map(|n| (account(n), BALANCE));
            for (name, n) in names.chain((0..WRITERS).map(|n| (counter(n), 0))) {
                let at = tx.create(Draft {
                    name: Some(name.into()),
                    content: Content::of_value(b"an account"[..].into()),
                    ..Draft::default()
                })?;
                tx.set_field(at, b"n", Some(FieldValue::Integer(n)))?;
            }
        }
        Ok(())
    });
    filled.value.expect("a commit");
    engine.log().flush().expect("durable");
}

/// Moves an amount from one space to another, and counts it in the space it came from. Sometimes begins and
/// thinks better of it.
fn transfer(
    engine: &Engine,
    random: &mut Random,
    writer: u64,
) -> (SpaceId, Outcome<Result<i64, EngineError>>) {
    let (from, to) = (random.below(SPACES.into()), random.below(SPACES.into()));
    let (from, to) = (from as SpaceId, to as SpaceId);
    let (debit, credit) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
    let amount = random.below(50) as i64;
    let fails = random.one_in(8);
    let outcome = engine.commit(&[from, to], |tx| {
        add(tx, &account(debit), -amount)?;
        tx.select(to);
        add(tx, &account(credit), amount)?;
        if fails {
            return Err(EngineError::Cycle);
        }
        tx.select(from);
        add(tx, &counter(writer), 1)?;
        Ok(integer(&tx.view(), &counter(writer)))
    });
    (from, outcome)
}

/// The sum as one reader sees it in all spaces at one moment.
fn sum_of_all(engine: &Engine) -> Outcome<Result<i64, EngineError>> {
    let all: Vec<SpaceId> = (0..SPACES).collect();
    engine.commit(&all, |tx| {
        let sums = (0..SPACES).map(|space| {
            tx.select(space);
            sum(&tx.view())
        });
        Ok(sums.sum())
    })
}

fn assert_sound(engine: &Engine) {
    for space in 0..SPACES {
        let snapshot = engine.snapshot(space);
        check_invariants(&snapshot.state).expect("a sound state");
        let all = snapshot.view();
        assert!(
            all.nodes()
                .all(|node| snapshot.fingerprint(node.address()).is_some())
        );
    }
}

#[test]
fn threads_see_their_own_writes_and_only_whole_commits() {
    let directory = tempfile::tempdir().expect("a directory");
    let disk = || Arc::new(DiskStorage::new(directory.path()).expect("storage"));
    let engine = open(disk(), FsyncPolicy::Always);
    fill(&engine);
    let done = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut random = Random(writer);
                    let mut counts = [0; SPACES as usize];
                    let mut versions = [0; SPACES as usize];
                    for _ in 0..250 {
                        let (space, outcome) = transfer(engine, &mut random, writer);
                        engine.log().wait(outcome.position).expect("durable");
                        let mine = &mut counts[space as usize];
                        match outcome.value {
                            Ok(count) => {
                                *mine += 1;
                                assert_eq!(count, *mine, "nobody else counts here");
                            }
                            Err(refused) => assert_eq!(refused, EngineError::Cycle),
                        }
                        let read = engine.read(space, |view| {
                            (integer(view, &counter(writer)), view.state.version())
                        });
                        assert_eq!(read.value.0, *mine, "a thread reads what it wrote");
                        assert!(read.value.1 >= versions[space as usize], "versions rise");
                        versions[space as usize] = read.value.1;
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_eq!(sum_of_all(&engine).value, Ok(SUM), "half a transfer shows");
                looks.fetch_add(1, Ordering::Relaxed);
            }
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                assert_sound(&engine);
                engine.checkpoint().expect("a checkpoint");
            }
        });
        let joined: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        done.store(true, Ordering::Release);
        assert!(
            joined.iter().all(Result::is_ok),
            "a writer failed, see above"
        );
    });
    assert!(looks.into_inner() > 0);
    let images = |engine: &Engine| -> Vec<SpaceImage> {
        let image = |space| SpaceImage::of(&engine.state(space).0);
        (0..SPACES).map(image).collect()
    };
    let before = images(&engine);
    drop(engine);
    let engine = open(disk(), FsyncPolicy::Always);
    assert_eq!(images(&engine), before);
    assert_eq!(sum_of_all(&engine).value, Ok(SUM));
}

/// What a thread knows of its last counts in each space: acknowledged ones, and what came after.
#[derive(Clone, Copy, Default)]
struct Known {
    acknowledged: i64,
    is_unsure: bool,
}

#[test]
fn when_the_log_fails_under_many_threads_just_what_it_did_not_acknowledge_is_taken_back() {
    let policies = [FsyncPolicy::Always, FsyncPolicy::EverySecond];
    run_seeds(40, |seed| {
        let disk = SimulatedStorage::new(seed);
        let storage: Arc<dyn Storage> = Arc::new(disk.clone());
        let engine = open(Arc::clone(&storage), policies[seed as usize % 2]);
        fill(&engine);
        disk.set_faults(Faults {
            write_failure: 0.01,
            sync_failure: 0.01,
            directory_sync_failure: 0.0,
        });
        for _ in 0..3 {
            fail_once(&engine, seed);
            disk.heal();
            engine.resume().expect("a disk that works again");
            assert_eq!(sum_of_all(&engine).value, Ok(SUM));
            disk.set_faults(Faults {
                write_failure: 0.02,
                ..Faults::default()
            });
        }
        disk.kill();
        disk.heal();
        drop(engine);
        let engine = open(storage, FsyncPolicy::Always);
        assert_eq!(sum_of_all(&engine).value, Ok(SUM));
        assert_sound(&engine);
        let log = engine.storage().list(Path::new("log")).expect("segments");
        assert!(!log.is_empty());
    });
}

/// Threads write until the log fails; then the memory shows what it acknowledged, and nothing else.
fn fail_once(engine: &Engine, seed: u64) {
    let known: Vec<_> = thread::scope(|scope| {
        let write = |writer: u64| {
            let mut random = Random(seed * WRITERS + writer);
            let count = |space| {
                let counter = counter(writer);
                engine.read(space, |view| integer(view, &counter)).value
            };
            let mut known = [0; SPACES as usize].map(|_: i32| Known::default());
            for space in 0..SPACES {
                known[space as usize].acknowledged = count(space);
            }
            loop {
                let (space, outcome) = transfer(engine, &mut random, writer);
                let known = &mut known[space as usize];
                match outcome.value {
                    Ok(count) => match engine.log().wait(outcome.position) {
                        Ok(()) => known.acknowledged = count,
                        Err(unknown) => {
                            assert!(unknown.to_string().contains("outcome unknown"));
                            known.is_unsure = true;
                        }
                    },
                    Err(EngineError::ReadOnly(_)) => break,
                    Err(refused) => assert_eq!(refused, EngineError::Cycle),
                }
            }
            known
        };
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(writer)))
            .collect();
        let known = writers.into_iter().map(|writer| writer.join());
        known.map(|known| known.expect("a writer")).collect()
    });
    assert!(engine.log().failed().is_some());
    let mut total = 0;
    for space in 0..SPACES {
        let state = engine.state(space).0;
        check_invariants(&state).expect("a sound state");
        let view = View::of(&state, i64::MAX - 1);
        total += sum(&view);
        for (writer, known) in (0..WRITERS).zip(&known) {
            let known = known[space as usize];
            let shown = integer(&view, &counter(writer));
            assert_eq!(
                shown, known.acknowledged,
                "counter {writer} of space {space}; unsure: {}",
                known.is_unsure
            );
        }
    }
    assert_eq!(total, SUM);
}
