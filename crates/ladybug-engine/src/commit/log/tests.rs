//! What the log promises, on the real disk and against the simulated one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::*;
use crate::commit::record::{RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use crate::storage::simulated::Faults;
use crate::storage::{DiskStorage, SimulatedStorage};

mod histories;

type Records = Vec<(Position, Vec<u8>)>;

fn open(
    storage: &Arc<dyn Storage>,
    fsync: FsyncPolicy,
    from: Position,
) -> Result<(Log, Records, Recovery), LogError> {
    let mut records = Records::new();
    let options = LogOptions {
        fsync,
        segment_bytes_max: 4096,
        ..LogOptions::default()
    };
    let (log, recovery) = Log::open(Arc::clone(storage), options, from, |record| {
        records.push((record.position, record.payload.to_vec()));
        Ok::<_, LogError>(())
    })?;
    Ok((log, records, recovery))
}

fn payload(position: Position) -> Vec<u8> {
    format!("record {position} ")
        .repeat(position as usize % 40)
        .into_bytes()
}

fn expected(range: std::ops::RangeInclusive<Position>) -> Records {
    range
        .map(|position| (position, payload(position)))
        .collect()
}

/// A simulated disk, also as the trait.
fn simulated(seed: u64) -> (SimulatedStorage, Arc<dyn Storage>) {
    let disk = SimulatedStorage::new(seed);
    (disk.clone(), Arc::new(disk))
}

fn append_through(log: &Log, last: Position) {
    while log.appended() < last {
        log.append(&payload(log.appended() + 1));
    }
}

/// Appends a payload of which parts are lent.
fn append_lent(log: &Log, payload: &[u8]) -> Position {
    log.append_with(|record| {
        for (index, part) in payload.chunks(100).enumerate() {
            match index % 3 {
                0 => record.write(part),
                _ => record.lend(part.to_vec().into()),
            }
        }
    })
}

#[test]
fn every_policy_finds_everything_again_after_a_close() {
    for fsync in [
        FsyncPolicy::Always,
        FsyncPolicy::EverySecond,
        FsyncPolicy::Never,
    ] {
        let directory = tempfile::tempdir().unwrap();
        let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(directory.path()).unwrap());
        for generation in 0..3 {
            let (log, records, recovery) = open(&storage, fsync, 0).unwrap();
            let last = generation * 100;
            assert_eq!(records, expected(1..=last), "{fsync}");
            assert_eq!((recovery.last, recovery.cut), (last, None));
            assert_eq!(log.epoch(), generation + 1);
            for position in last + 1..=last + 100 {
                assert_eq!(log.append(&payload(position)), position);
                if position % 7 == 0 {
                    log.flush().unwrap();
                    assert_eq!(log.acknowledged(), position);
                }
            }
            log.wait(last + 50).unwrap();
            log.close().unwrap();
            assert!(log.check().is_err());
            assert_eq!(log.stats().durable, last + 100);
        }
        let (_log, records, _) = open(&storage, fsync, 250).unwrap();
        assert_eq!(records, expected(251..=300));
        let report = scan(&*storage, Path::new("log"), |_| {}).unwrap();
        assert_eq!(report.damages, []);
        assert!(report.segments.len() > 3, "rotated");
    }
}

#[test]
fn what_is_lent_is_in_the_log_as_if_it_was_written() {
    let (_, storage) = simulated(3);
    let (log, _, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
    let large = |position: Position| payload(position).repeat(position as usize * 40);
    let mut expected = Records::new();
    for position in 1..100 {
        // Some are larger than a segment, and some than what is gathered for one write.
        let (payload, appended) = match position % 10 {
            3 => (large(position), append_lent(&log, &large(position))),
            4 => (Vec::new(), append_lent(&log, &[])),
            6 | 7 => (payload(position), append_lent(&log, &payload(position))),
            _ => (payload(position), log.append(&payload(position))),
        };
        assert_eq!(appended, position);
        expected.push((position, payload));
        if position % 4 == 0 {
            log.wait(position).unwrap();
        }
    }
    assert!(
        expected
            .iter()
            .any(|(_, payload)| payload.len() > 600 << 10)
    );
    log.close().unwrap();
    let (_log, records, recovery) = open(&storage, FsyncPolicy::Always, 0).unwrap();
    assert!(records == expected);
    assert_eq!(recovery.cut, None);
}

#[test]
fn always_syncs_many_commits_at_once_and_acknowledges_only_what_is_durable() {
    const THREADS: u64 = 8;
    const COMMITS: u64 = 200;
    let directory = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(directory.path()).unwrap());
    let (log, _, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &log;
            scope.spawn(move || {
                for commit in 0..COMMITS {
                    let position = log.append(format!("{thread} {commit}").as_bytes());
                    log.wait(position).unwrap();
                    assert!(log.acknowledged() >= position);
                    assert!(log.durable_position() >= position);
                }
            });
        }
    });
    let stats = log.stats();
    assert_eq!(stats.acknowledged, THREADS * COMMITS);
    assert!(stats.batches < THREADS * COMMITS, "{stats:?}");
    drop(log);
    let (_log, records, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
    for thread in 0..THREADS {
        let prefix = format!("{thread} ");
        let commits: Vec<u64> = records
            .iter()
            .filter_map(|(_, payload)| {
                let text = std::str::from_utf8(payload).unwrap();
                Some(text.strip_prefix(&prefix)?.parse().unwrap())
            })
            .collect();
        assert!(commits.into_iter().eq(0..COMMITS));
    }
}

#[test]
fn everysec_syncs_by_itself_and_writes_what_nobody_flushed() {
    let directory = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(directory.path()).unwrap());
    let (log, _, _) = open(&storage, FsyncPolicy::EverySecond, 0).unwrap();
    let position = log.append(b"x");
    assert!(log.outcome(position).is_none());
    let start = std::time::Instant::now();
    while log.durable_position() < position {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(log.acknowledged(), position);
    // A future has it written without a flush.
    let position = log.append(b"y");
    log.durable(position).block().unwrap();
}

#[test]
fn a_dropped_future_stops_waiting_and_others_are_woken_in_time() {
    use std::future::Future;
    use std::task::{Context, Poll, Wake, Waker};

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (_disk, storage) = simulated(1);
    let (log, _, _) = open(&storage, FsyncPolicy::Never, 0).unwrap();
    let counts: Vec<_> = (0..3)
        .map(|_| Arc::new(Count(AtomicUsize::new(0))))
        .collect();
    let mut futures: Vec<_> = counts
        .iter()
        .zip([1, 1, 2])
        .map(|(count, position)| {
            let waker = Waker::from(Arc::clone(count));
            let mut future = Box::pin(log.durable(position));
            let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
            assert!(poll.is_pending());
            future
        })
        .collect();
    drop(futures.remove(0));
    log.append(b"x");
    log.flush().unwrap();
    let woken: Vec<_> = counts
        .iter()
        .map(|count| count.0.load(Ordering::SeqCst))
        .collect();
    assert_eq!(woken, [0, 1, 0]);
    let waker = Waker::noop();
    let poll = futures[0].as_mut().poll(&mut Context::from_waker(waker));
    assert!(matches!(poll, Poll::Ready(Ok(()))));
}

#[test]
fn damage_below_the_durable_position_refuses_to_start_and_names_the_place() {
    // Every record is durable before the next one is written, so only the last may be damaged unnoticed.
    for position in 1..=40 {
        let (disk, storage) = simulated(position);
        let (log, _, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
        for _ in 1..=40 {
            let position = log.appended() + 1;
            append_through(&log, position);
            log.flush().unwrap();
        }
        drop(log);
        let (path, offset) = locate(&*storage, position);
        let before = snapshot(&*storage);
        disk.flip_bit(&path, offset + 20, 3).unwrap();
        let result = open(&storage, FsyncPolicy::Always, 0);
        if position == 40 {
            let (_log, records, recovery) = result.unwrap();
            assert_eq!(records, expected(1..=39));
            assert_eq!(recovery.cut.unwrap().position, 40);
            continue;
        }
        let error = result.err().expect("corrupt");
        let LogError::Corrupt { damage, durable } = &error else {
            panic!("{error}");
        };
        assert_eq!(
            (&damage.path, damage.offset_bytes, damage.position),
            (&path, offset, position)
        );
        assert!(*durable >= position);
        let message = error.to_string();
        assert!(
            message.contains(path.to_str().unwrap())
                && message.contains(&format!("byte {offset}"))
                && message.contains(&format!("record {position} "))
                && message.contains("expected checksum"),
            "{message}"
        );
        // The offline report says the same, and nothing was changed.
        let report = scan(&*storage, Path::new("log"), |_| {}).unwrap();
        assert!(report.corruptions().any(|found| found == damage));
        disk.flip_bit(&path, offset + 20, 3).unwrap();
        assert_eq!(snapshot(&*storage), before);
    }
}

/// The file and offset of a record.
fn locate(storage: &dyn Storage, position: Position) -> (PathBuf, u64) {
    let segments = scan::list_segments(storage, Path::new("log")).unwrap();
    for (_, path) in segments {
        let bytes = storage.read(&path).unwrap();
        let header = record::SegmentHeader::decode(&bytes).unwrap();
        let mut reader = SegmentReader::new(&bytes, &header);
        while let Step::Record(offset, record) = reader.step() {
            if record.position == position {
                return (path, offset);
            }
        }
    }
    panic!("no record {position}");
}

fn snapshot(storage: &dyn Storage) -> Vec<(PathBuf, Vec<u8>)> {
    scan::list_segments(storage, Path::new("log"))
        .unwrap()
        .into_iter()
        .map(|(_, path)| (path.clone(), storage.read(&path).unwrap()))
        .collect()
}

#[test]
fn a_torn_tail_is_cut_wherever_it_tears() {
    let (_disk, storage) = simulated(1);
    let (log, _, _) = open(&storage, FsyncPolicy::Never, 0).unwrap();
    append_through(&log, 5);
    log.close().unwrap();
    let files = snapshot(&*storage);
    assert_eq!(files.len(), 1);
    let (path, bytes) = &files[0];
    let (_, second) = locate(&*storage, 2);
    for length in second as usize..bytes.len() {
        // Cut short, and the same with zeros for what is missing.
        for padded in [length, bytes.len()] {
            let mut torn = bytes[..length].to_vec();
            torn.resize(padded, 0);
            storage.publish(path, &torn).unwrap();
            let (log, records, recovery) = open(&storage, FsyncPolicy::Never, 0).unwrap();
            let last = records.len() as Position;
            assert_eq!(records, expected(1..=last));
            assert!((1..5).contains(&last), "{length}");
            let (_, offset) = locate(&*storage, last);
            let end = offset + (RECORD_HEADER_BYTES + payload(last).len()) as u64;
            if let Some(cut) = recovery.cut {
                assert_eq!(cut.offset_bytes, end);
                assert_eq!(storage.read(path).unwrap().len() as u64, end);
            } else {
                assert!(torn[end as usize..].iter().all(|byte| *byte == 0));
            }
            append_through(&log, last + 3);
            log.close().unwrap();
            let (_log, records, recovery) = open(&storage, FsyncPolicy::Never, 0).unwrap();
            assert_eq!(records, expected(1..=last + 3));
            assert_eq!(recovery.cut, None);
            for (other, _) in snapshot(&*storage) {
                storage.remove_file(&other).unwrap();
            }
        }
    }
}

#[test]
fn missing_segments_are_corruption_unless_the_checkpoint_covers_them() {
    let (_disk, storage) = simulated(1);
    let (log, _, _) = open(&storage, FsyncPolicy::Never, 0).unwrap();
    append_through(&log, 60);
    log.close().unwrap();
    let files = snapshot(&*storage);
    assert!(files.len() >= 4);
    let firsts: Vec<Position> = scan::list_segments(&*storage, Path::new("log"))
        .unwrap()
        .into_iter()
        .map(|(first, _)| first)
        .collect();
    for (index, (path, bytes)) in files.iter().enumerate() {
        let is_last = index + 1 == files.len();
        storage.remove_file(path).unwrap();
        let result = open(&storage, FsyncPolicy::Never, 0).map(|(_, records, _)| records);
        if is_last {
            // Nothing says that the last one was ever there, or durable: `never` promised nothing.
            assert_eq!(result.unwrap(), expected(1..=firsts[index] - 1));
        } else {
            let error = result.unwrap_err();
            assert!(matches!(error, LogError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("not there"), "{error}");
            let from = firsts[index + 1] - 1;
            let (_log, records, _) = open(&storage, FsyncPolicy::Never, from).unwrap();
            assert_eq!(records, expected(from + 1..=60));
        }
        for (path, _) in snapshot(&*storage) {
            storage.remove_file(&path).unwrap();
        }
        for (path, bytes) in &files {
            storage.publish(path, bytes).unwrap();
        }
        assert_eq!(storage.read(path).unwrap(), *bytes);
    }
    // A header damaged in both copies names itself.
    let mut bytes = files[1].1.clone();
    bytes[..SEGMENT_HEADER_BYTES].fill(0xff);
    storage.publish(&files[1].0, &bytes).unwrap();
    let error = open(&storage, FsyncPolicy::Never, 0).err().unwrap();
    assert!(error.to_string().contains("header"), "{error}");
}

#[test]
fn a_checkpoint_beyond_the_log_continues_after_it() {
    let (_disk, storage) = simulated(1);
    let (log, records, recovery) = open(&storage, FsyncPolicy::Always, 500).unwrap();
    assert_eq!((records, recovery.last), (vec![], 500));
    append_through(&log, 520);
    log.close().unwrap();
    // Empty segments are replaced, not piled up.
    for _ in 0..3 {
        let (_log, records, _) = open(&storage, FsyncPolicy::Always, 510).unwrap();
        assert_eq!(records, expected(511..=520));
    }
    let count = snapshot(&*storage).len();
    let (log, _, recovery) = open(&storage, FsyncPolicy::Always, 510).unwrap();
    assert_eq!(snapshot(&*storage).len(), count);
    assert_eq!((recovery.last, log.epoch()), (520, 5));
    let error = open(&storage, FsyncPolicy::Always, 499).err().unwrap();
    assert!(
        error.to_string().contains("begins after record 500"),
        "{error}"
    );
}

#[test]
fn truncation_deletes_whole_segments_below_a_checkpoint() {
    let (_disk, storage) = simulated(1);
    let (log, _, _) = open(&storage, FsyncPolicy::EverySecond, 0).unwrap();
    append_through(&log, 100);
    log.flush().unwrap();
    let before = log.stats();
    log.truncate_before(1).unwrap();
    assert_eq!(log.stats(), before);
    log.truncate_before(51).unwrap();
    let after = log.stats();
    assert!(after.segments < before.segments && after.bytes < before.bytes);
    log.sync().unwrap();
    log.close().unwrap();
    let (log, records, _) = open(&storage, FsyncPolicy::EverySecond, 50).unwrap();
    assert_eq!(records, expected(51..=100));
    log.truncate_before(u64::MAX).unwrap();
    assert_eq!(log.stats().segments, 1);
    append_through(&log, 110);
    log.close().unwrap();
    let (_log, records, _) = open(&storage, FsyncPolicy::EverySecond, 100).unwrap();
    assert_eq!(records, expected(101..=110));
}

#[test]
fn a_failed_sync_ends_acknowledgement_until_the_log_is_resumed() {
    for seed in 0..50 {
        let (disk, storage) = simulated(seed);
        let (log, _, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
        append_through(&log, 10);
        log.flush().unwrap();
        disk.fail_sync_after(0);
        append_through(&log, 20);
        let error = log.wait(15).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("outcome unknown of log position 15")
                && error.to_string().contains("cannot sync"),
            "{error}"
        );
        let failed = log.check().unwrap_err();
        assert_eq!((failed.acknowledged, log.acknowledged()), (10, 10));
        // Nothing is retried: appending and flushing change nothing, and what was acknowledged stays so.
        assert_eq!(log.append(b"late"), 21);
        log.flush().unwrap_err();
        assert_eq!((log.acknowledged(), log.queued_bytes()), (10, 0));
        log.wait(10).unwrap();

        let start = log.resume_position();
        assert_eq!(start, 22);
        log.resume().unwrap();
        log.check().unwrap();
        assert!(matches!(log.resume(), Err(LogError::NotFailed)));
        assert_eq!(log.append(&payload(22)), 22);
        log.flush().unwrap();
        for abandoned in 11..=21 {
            log.wait(abandoned).unwrap_err();
        }
        log.wait(10).unwrap();
        append_through(&log, 30);
        log.flush().unwrap();
        assert_eq!(log.epoch(), 2);
        drop(log);
        disk.restart();
        // From the checkpoint that resuming began with, and from an older one: the abandoned are gone.
        let after: Records = expected(22..=30);
        for (from, before) in [(21, Records::new()), (5, expected(6..=10))] {
            let (_log, records, _) = open(&storage, FsyncPolicy::Always, from).unwrap();
            assert_eq!(records, [before, after.clone()].concat(), "seed {seed}");
        }
        let report = scan(&*storage, Path::new("log"), |_| {}).unwrap();
        assert_eq!(report.damages, [], "seed {seed}");
    }
}

#[test]
fn a_full_disk_fails_the_log_under_every_policy() {
    for fsync in [
        FsyncPolicy::Always,
        FsyncPolicy::EverySecond,
        FsyncPolicy::Never,
    ] {
        let (disk, storage) = simulated(7);
        let (log, _, _) = open(&storage, fsync, 0).unwrap();
        disk.set_capacity(20_000);
        let mut acknowledged = 0;
        while log.check().is_ok() {
            append_through(&log, acknowledged + 3);
            if log.flush().is_ok() {
                acknowledged += 3;
            }
        }
        assert_eq!(log.failed().unwrap().acknowledged, acknowledged);
        assert!(log.resume().is_err(), "the disk is still full");
        log.check().unwrap_err();
        disk.set_capacity(u64::MAX);
        let start = log.resume_position();
        log.resume().unwrap();
        append_through(&log, start + 100);
        log.flush().unwrap();
        log.close().unwrap();
        let (_log, records, _) = open(&storage, fsync, start - 1).unwrap();
        assert_eq!(records, expected(start..=start + 100));
        let (_log, records, _) = open(&storage, fsync, 0).unwrap();
        let kept = [expected(1..=acknowledged), expected(start..=start + 100)];
        assert_eq!(records, kept.concat());
    }
}

#[test]
fn waiters_learn_that_the_log_closed() {
    let (_disk, storage) = simulated(7);
    let (log, _, _) = open(&storage, FsyncPolicy::Always, 0).unwrap();
    let waiting = log.durable(5);
    log.close().unwrap();
    let error = waiting.block().unwrap_err();
    assert!(error.to_string().contains("closed"), "{error}");
    assert_eq!(log.append(b"x"), 1);
    assert!(matches!(log.resume(), Err(LogError::NotFailed)));
    log.close().unwrap();
}
