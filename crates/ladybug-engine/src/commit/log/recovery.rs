//! Opening the log: walking the records after the checkpoint, refusing corruption, cutting a torn tail.
//!
//! The rule is contract 2 of the design: damage at or below the highest durable position that the readable log
//! claims anywhere is corruption, and nothing is changed; otherwise the log is cut at the first bad record.

use std::path::{Path, PathBuf};

use super::scan::{
    Damage, DamageKind, LogReport, SegmentReader, Step, list_segments, segment_path,
};
use super::{LogError, SegmentFile};
use crate::commit::record::{Position, Record, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::storage::Storage;

/// What opening the log found.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Records handed to the caller.
    pub records: u64,
    /// The last position of the log, or of the checkpoint if that is later. The next record follows it.
    pub last: Position,
    /// Where the log was cut, if it was.
    pub cut: Option<Damage>,
}

/// What the writer continues from.
pub(super) struct Recovered {
    pub summary: Recovery,
    pub segments: Vec<SegmentFile>,
    /// All of the header of the segment to be opened but its salt.
    pub header: SegmentHeader,
}

struct Found {
    first: Position,
    path: PathBuf,
    bytes: u64,
    header: Result<SegmentHeader, DamageKind>,
}

impl Found {
    /// The position of the record that precedes this segment, as far as is known.
    fn after(&self) -> Position {
        match &self.header {
            Ok(header) => header.after,
            Err(_) => self.first.saturating_sub(1),
        }
    }

    fn damage(&self, offset_bytes: u64, position: Position, what: DamageKind) -> Damage {
        Damage {
            path: self.path.clone(),
            offset_bytes,
            position,
            what,
        }
    }
}

/// Reads the log after `from`, hands each record to `apply` in order, and leaves behind a log that ends with
/// the last of them, durably.
pub(super) fn recover<E: From<LogError>>(
    storage: &dyn Storage,
    directory: &Path,
    from: Position,
    epoch_min: u64,
    apply: &mut dyn FnMut(Record<'_>) -> Result<(), E>,
) -> Result<Recovered, E> {
    remove_unborn(storage, directory)?;
    let mut found = find_segments(storage, directory)?;
    let mut walk = Walk::new(&found, from);
    walk.run(storage, &found, apply)?;
    walk.check_end(&found)?;

    let Walk {
        records,
        last,
        chain_end,
        stop,
        trims,
        start,
        durable,
        ..
    } = walk;
    let cut = stop.map(|(index, damage)| {
        tracing::warn!("cutting the log: {damage}");
        (index, damage)
    });
    let (trims, cut) = match cut {
        Some((index, damage)) => {
            // Later segments go first, the last of them first of all: a crash in between leaves the damage
            // in place, to be found and cut again, and never a segment whose predecessor is gone.
            for later in found.drain(index + 1..).rev() {
                storage
                    .remove_file(&later.path)
                    .map_err(LogError::Storage)?;
                storage
                    .sync_directory(directory)
                    .map_err(LogError::Storage)?;
            }
            let mut trims = trims;
            trims.push((index, damage.offset_bytes));
            (trims, Some(damage))
        }
        None => (trims, None),
    };
    for (index, length) in trims {
        let file = storage
            .open(&found[index].path)
            .map_err(LogError::Storage)?;
        file.truncate(length).map_err(LogError::Storage)?;
        file.sync_data().map_err(LogError::Storage)?;
        found[index].bytes = length;
    }
    for (index, segment) in found.iter().enumerate().skip(start) {
        let next = found.get(index + 1);
        if next.is_none_or(|next| next.after() > durable) {
            make_durable(storage, segment, durable)?;
        }
    }

    let epoch = found
        .iter()
        .filter_map(|segment| Some(segment.header.as_ref().ok()?.epoch + 1))
        .fold(epoch_min.max(1), Position::max);
    let last_position = last.max(from);
    // A last segment without records is replaced by the one to be opened, which takes its name and place.
    let replaced = found.pop_if(|segment| segment.first == last_position + 1);
    let previous = match &replaced {
        Some(segment) => segment.header.as_ref().map_or(0, |header| header.previous),
        None => found.last().map_or(0, |segment| segment.first),
    };
    Ok(Recovered {
        summary: Recovery {
            records,
            last: last_position,
            cut,
        },
        segments: found
            .into_iter()
            .map(|segment| SegmentFile {
                first: segment.first,
                path: segment.path,
                bytes: segment.bytes,
            })
            .collect(),
        header: SegmentHeader {
            epoch,
            first: last_position + 1,
            after: if from > last { from } else { chain_end },
            previous,
            durable: last_position,
            salt: 0,
        },
    })
}

/// Reads the log after `from` as opening it would, and hands each record to `apply`, but changes nothing on
/// disk. A directory that is not there is an empty log.
///
/// # Errors
/// As [`super::Log::open`].
pub fn rehearse<E: From<LogError>>(
    storage: &dyn Storage,
    directory: &Path,
    from: Position,
    mut apply: impl FnMut(Record<'_>) -> Result<(), E>,
) -> Result<Recovery, E> {
    let found = find_segments(storage, directory)?;
    let mut walk = Walk::new(&found, from);
    walk.run(storage, &found, &mut apply)?;
    walk.check_end(&found)?;
    Ok(Recovery {
        records: walk.records,
        last: walk.last.max(from),
        cut: walk.stop.map(|(_, damage)| damage),
    })
}

/// Removes segments that a crash kept from coming into being.
fn remove_unborn(storage: &dyn Storage, directory: &Path) -> Result<(), LogError> {
    for entry in storage.list(directory)? {
        if entry.name.ends_with(".log.new") {
            storage.remove_file(&directory.join(entry.name))?;
        }
    }
    Ok(())
}

fn find_segments(storage: &dyn Storage, directory: &Path) -> Result<Vec<Found>, LogError> {
    let mut found = Vec::new();
    for (first, path) in list_segments(storage, directory)? {
        let file = storage.open(&path)?;
        let mut head = [0; SEGMENT_HEADER_BYTES];
        let count = file.read_at(0, &mut head)?;
        let header = match SegmentHeader::decode(&head[..count]) {
            None => Err(DamageKind::SegmentHeader),
            Some(header) if header.first != first => Err(DamageKind::SegmentName {
                found: header.first,
            }),
            Some(header) => Ok(header),
        };
        debug_assert_eq!(path, segment_path(directory, first));
        found.push(Found {
            first,
            path,
            bytes: file.length()?,
            header,
        });
    }
    Ok(found)
}

/// Makes the records after `durable` in a segment survive a power loss: they are handed out, so they must.
///
/// They were read, but perhaps from the page cache only. Syncing is not enough: if a sync failed before the process
/// died, the kernel holds their pages clean although they never reached the disk, and a sync would succeed
/// without writing them. So they are written again, over themselves.
fn make_durable(storage: &dyn Storage, segment: &Found, durable: Position) -> Result<(), LogError> {
    let Ok(header) = &segment.header else {
        return Ok(());
    };
    let file = storage.open(&segment.path)?;
    let bytes = storage.read(&segment.path)?;
    let mut reader = SegmentReader::new(&bytes, header);
    while let Step::Record(offset, record) = reader.step() {
        if record.position > durable {
            file.write_at(offset, &bytes[offset as usize..])?;
            break;
        }
    }
    file.sync_data()?;
    Ok(())
}

/// The state of walking the segments in order.
struct Walk {
    from: Position,
    /// The segment to begin with: those before it hold nothing after `from`.
    start: usize,
    /// The highest durable position claimed anywhere so far.
    durable: Position,
    /// The position the next record follows.
    last: Position,
    /// The last position that is really there (unlike `last`, never an abandoned one).
    chain_end: Position,
    records: u64,
    /// Abandoned tails: the segment, and the length to trim it to.
    trims: Vec<(usize, u64)>,
    /// Where to cut: the segment and the damage in it.
    stop: Option<(usize, Damage)>,
}

impl Walk {
    fn new(found: &[Found], from: Position) -> Self {
        let durable = found
            .iter()
            .filter_map(|segment| Some(segment.header.as_ref().ok()?.durable))
            .fold(0, Position::max);
        Self {
            from,
            start: found
                .iter()
                .rposition(|segment| segment.after() <= from)
                .unwrap_or(0),
            durable,
            last: 0,
            chain_end: 0,
            records: 0,
            trims: Vec::new(),
            stop: None,
        }
    }

    fn corrupt(&self, damage: Damage) -> LogError {
        LogError::Corrupt {
            damage,
            durable: self.durable,
        }
    }

    fn run<E: From<LogError>>(
        &mut self,
        storage: &dyn Storage,
        found: &[Found],
        apply: &mut dyn FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(first) = found.first().filter(|first| first.after() > self.from) {
            let what = DamageKind::StartsLate {
                after: first.after(),
            };
            return Err(self.corrupt(first.damage(0, self.from + 1, what)).into());
        }
        // A segment exists durably, header and all, before a record is written to it, and goes only after those
        // that follow it: a header that cannot be read and a gap in the chain are corruption in any case.
        let mut headers = Vec::with_capacity(found.len());
        for segment in &found[self.start..] {
            let header = match &segment.header {
                Ok(header) => header,
                Err(what) => {
                    let damage = segment.damage(0, segment.first, what.clone());
                    return Err(self.corrupt(damage).into());
                }
            };
            if headers
                .last()
                .is_some_and(|before: &&SegmentHeader| before.first != header.previous)
            {
                let what = DamageKind::SegmentMissing {
                    previous: header.previous,
                };
                let damage = segment.damage(0, header.previous, what);
                return Err(self.corrupt(damage).into());
            }
            headers.push(header);
        }
        let mut epoch = 0;
        for (header, index) in headers.into_iter().zip(self.start..) {
            if header.epoch < epoch {
                let what = DamageKind::OlderEpoch {
                    expected: epoch,
                    found: header.epoch,
                };
                let offset = SEGMENT_HEADER_BYTES as u64;
                let damage = found[index].damage(offset, header.first, what);
                self.judge(storage, found, index, damage, None)?;
                return Ok(());
            }
            epoch = header.epoch;
            self.last = header.first - 1;
            self.chain_end = header.after;
            self.walk_segment(storage, found, index, header, apply)?;
            if self.stop.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn walk_segment<E: From<LogError>>(
        &mut self,
        storage: &dyn Storage,
        found: &[Found],
        index: usize,
        header: &SegmentHeader,
        apply: &mut dyn FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let segment = &found[index];
        // What the next segment says precedes it; records beyond that were abandoned.
        let limit = found
            .get(index + 1)
            .and_then(|next| Some(next.header.as_ref().ok()?.after));
        let bytes = storage.read(&segment.path).map_err(LogError::Storage)?;
        let mut reader = SegmentReader::new(&bytes, header);
        loop {
            match reader.step() {
                Step::Record(offset, record) => {
                    if limit.is_some_and(|limit| record.position > limit) {
                        self.trims.push((index, offset));
                        return Ok(());
                    }
                    self.durable = self.durable.max(record.durable);
                    self.last = record.position;
                    self.chain_end = record.position;
                    if record.position > self.from {
                        apply(record)?;
                        self.records += 1;
                    }
                }
                Step::End(offset) => {
                    if let Some(limit) = limit.filter(|limit| self.chain_end < *limit) {
                        let what = DamageKind::EndsEarly {
                            continues_after: limit,
                        };
                        let damage = segment.damage(offset, self.last + 1, what);
                        self.judge(storage, found, index, damage, None)?;
                    }
                    return Ok(());
                }
                Step::Damage(offset, _) if limit.is_some_and(|limit| self.chain_end >= limit) => {
                    self.trims.push((index, offset));
                    return Ok(());
                }
                Step::Damage(offset, what) => {
                    let damage = segment.damage(offset, self.last + 1, what.into());
                    self.judge(storage, found, index, damage, Some(reader))?;
                    return Ok(());
                }
            }
        }
    }

    /// Decides about damage in segment `index`: corruption, or the place to cut. `reader` stands at it.
    fn judge(
        &mut self,
        storage: &dyn Storage,
        found: &[Found],
        index: usize,
        damage: Damage,
        reader: Option<SegmentReader<'_>>,
    ) -> Result<(), LogError> {
        if let Some(mut reader) = reader {
            while reader.resynchronize() {
                while let Step::Record(_, record) = reader.step() {
                    self.durable = self.durable.max(record.durable);
                }
            }
        }
        let mut rest = LogReport::default();
        for later in &found[index + 1..] {
            let bytes = storage.read(&later.path)?;
            rest.add_segment(&later.path, &bytes, |_| {});
        }
        self.durable = self.durable.max(rest.durable);
        if damage.position <= self.durable {
            return Err(self.corrupt(damage));
        }
        self.stop = Some((index, damage));
        Ok(())
    }

    /// Checks that the log does not end before what it says was durable.
    fn check_end(&self, found: &[Found]) -> Result<(), LogError> {
        match found.last() {
            Some(segment) if self.stop.is_none() && self.last < self.durable => {
                let what = DamageKind::EndMissing {
                    durable: self.durable,
                };
                Err(self.corrupt(segment.damage(segment.bytes, self.last + 1, what)))
            }
            _ => Ok(()),
        }
    }
}
