//! Reads arbitrary bytes as a log: nothing panics, and nothing is handed out that is not in the bytes.
//!
//! The first byte chooses. Even: the rest is a segment file as it stands. Odd: a good log is written, and the rest are
//! edits of it, six bytes each (segment, offset, value), so that damage deep behind the checksums is reached.

use std::path::Path;
use std::sync::Arc;

use ladybug_engine::commit::log::{
    FsyncPolicy, Log, LogError, LogOptions, LogReport, SegmentReader, Step, scan,
};
use ladybug_engine::commit::record::{RECORD_HEADER_BYTES, SegmentHeader};
use ladybug_engine::storage::{SimulatedStorage, Storage};

const RECORDS: u64 = 20;

/// Runs one input. Panics if a promise is broken.
pub fn run(data: &[u8]) {
    match data.split_first() {
        None => {}
        Some((choice, rest)) if choice % 2 == 0 => read_segment(rest),
        Some((_, rest)) => edit_log(rest),
    }
}

fn read_segment(bytes: &[u8]) {
    let storage = Arc::new(SimulatedStorage::new(0));
    let path = Path::new("log/00000000000000000001.log");
    storage
        .create_directory(Path::new("log"))
        .expect("it is powered");
    storage.publish(path, bytes).expect("it is powered");
    check_report(&*storage, bytes);
    if let Some(header) = SegmentHeader::decode(bytes) {
        let mut reader = SegmentReader::new(bytes, &header);
        while let Step::Record(offset, record) = reader.step() {
            let end = offset as usize + record.framed_bytes();
            assert!(bytes[..end].ends_with(record.payload));
        }
        // At the end it stays.
        assert_eq!(reader.step(), reader.step());
    }
    let from = u64::from(bytes.first().copied().unwrap_or(0));
    drop(open(storage, from));
}

/// Reports on the bytes alone, and on the directory that holds them.
fn check_report(storage: &dyn Storage, bytes: &[u8]) {
    let mut payload_bytes = 0;
    let mut report = LogReport::default();
    report.add_segment(Path::new("x"), bytes, |record| {
        payload_bytes += record.payload.len();
    });
    assert!(payload_bytes <= bytes.len());
    let records = report.segments[0].records as usize;
    assert!(records * RECORD_HEADER_BYTES + payload_bytes <= bytes.len());
    assert!(report.damages.len() <= records + 2);
    scan(storage, Path::new("log"), |_| {}).expect("the files can be read");
}

fn edit_log(edits: &[u8]) {
    let storage = Arc::new(SimulatedStorage::new(0));
    let log = open(Arc::clone(&storage), 0).expect("an empty log opens").0;
    for position in 1..=RECORDS {
        log.append(&payload(position));
        if position % 3 == 0 {
            log.flush().expect("the disk works");
        }
    }
    log.close().expect("the disk works");

    let mut files = segments(&*storage);
    for edit in edits.chunks_exact(6) {
        let index = usize::from(edit[0]) % files.len();
        let bytes = &mut files[index].1;
        let offset = usize::from(u16::from_le_bytes([edit[1], edit[2]]));
        match edit[3] % 4 {
            0 => bytes.truncate(offset),
            1 => bytes.resize(offset.max(bytes.len()), edit[4]),
            _ => {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= edit[5];
                }
            }
        }
    }
    for (path, bytes) in &files {
        storage
            .publish(Path::new(path), bytes)
            .expect("the disk works");
        check_report(&*storage, bytes);
    }
    if let Ok((_log, records)) = open(Arc::clone(&storage), 0) {
        for (record, position) in records.iter().zip(1..) {
            assert_eq!(*record, payload(position), "a prefix");
        }
        assert!(records.len() as u64 <= RECORDS);
        // What recovery left behind is in order.
        let report = scan(&*storage, Path::new("log"), |_| {}).expect("the files can be read");
        assert_eq!(report.damages, []);
    }
}

fn payload(position: u64) -> Vec<u8> {
    vec![position as u8; position as usize * 7 % 150]
}

fn segments(storage: &dyn Storage) -> Vec<(String, Vec<u8>)> {
    let entries = storage.list(Path::new("log")).expect("the disk works");
    entries
        .into_iter()
        .map(|entry| {
            let path = format!("log/{}", entry.name);
            let bytes = storage.read(Path::new(&path)).expect("the disk works");
            (path, bytes)
        })
        .collect()
}

fn open(storage: Arc<SimulatedStorage>, from: u64) -> Result<(Log, Vec<Vec<u8>>), LogError> {
    let options = LogOptions {
        fsync: FsyncPolicy::EverySecond,
        segment_bytes_max: 2048,
        ..LogOptions::default()
    };
    let mut records = Vec::new();
    let (log, _) = Log::open(storage, options, from, |record| {
        records.push(record.payload.to_vec());
        Ok::<_, LogError>(())
    })?;
    Ok((log, records))
}
