//! What the log promises, on the real disk and against the simulated one.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::storage::DiskStorage;

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
        }
        let (_log, records, _) = open(&storage, fsync, 250).unwrap();
        assert_eq!(records, expected(251..=300));
        let report = scan(&*storage, Path::new("log"), |_| {}).unwrap();
        assert_eq!(report.damages, []);
        assert!(report.segments.len() > 3, "rotated");
    }
}
