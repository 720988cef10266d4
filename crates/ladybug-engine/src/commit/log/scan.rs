//! Reading the log and judging what is found: the verifying reader of a segment, and the offline report.
//!
//! Recovery and `ladybug check` read through the same [`SegmentReader`], so they cannot disagree. It never
//! panics on any bytes and allocates nothing; the report allocates in proportion to what the files hold.

use std::path::{Path, PathBuf};

use super::LogError;
use crate::commit::record::{
    self, Position, Record, RecordDamage, SEGMENT_HEADER_BYTES, SegmentHeader,
};
use crate::storage::Storage;

/// What stands at one place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The next record, at this offset.
    Record(u64, Record<'a>),
    /// Nothing but zeros (or nothing at all) from this offset on.
    End(u64),
    /// Something at this offset that is not the next record.
    Damage(u64, RecordDamage),
}

/// Walks the records of one segment in order.
pub struct SegmentReader<'a> {
    bytes: &'a [u8],
    header: &'a SegmentHeader,
    offset: usize,
    next: Position,
}

impl<'a> SegmentReader<'a> {
    /// A reader of `bytes`, the whole segment file, whose header is `header`.
    pub fn new(bytes: &'a [u8], header: &'a SegmentHeader) -> Self {
        Self {
            bytes,
            header,
            offset: SEGMENT_HEADER_BYTES.min(bytes.len()),
            next: header.first,
        }
    }

    /// What comes next. After `End` or `Damage` it answers the same again, until [`Self::resynchronize`].
    pub fn step(&mut self) -> Step<'a> {
        let offset = self.offset as u64;
        let rest = &self.bytes[self.offset..];
        match record::decode(rest, self.header) {
            Ok(record) if record.position == self.next => {
                self.offset += record.framed_bytes();
                self.next += 1;
                Step::Record(offset, record)
            }
            Ok(record) => Step::Damage(
                offset,
                RecordDamage::Position {
                    expected: self.next,
                    found: record.position,
                },
            ),
            Err(_) if is_zero(rest) => Step::End(offset),
            Err(damage) => Step::Damage(offset, damage),
        }
    }

    /// Looks past damage for the next whole record, so that later records can say what was durable.
    /// Returns whether there is one; [`Self::step`] then continues with it.
    pub fn resynchronize(&mut self) -> bool {
        let magic = self.header.record_magic().to_le_bytes();
        let start = self.offset;
        let mut from = start;
        while let Some(found) = find(&self.bytes[from..], magic) {
            let at = from + found;
            from = at + 1;
            // The magic is the third word of a header.
            let Some(candidate) = at.checked_sub(8).filter(|candidate| *candidate >= start) else {
                continue;
            };
            if let Ok(record) = record::decode(&self.bytes[candidate..], self.header)
                && record.position >= self.next
            {
                self.offset = candidate;
                self.next = record.position;
                return true;
            }
        }
        false
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn find(bytes: &[u8], needle: [u8; 4]) -> Option<usize> {
    bytes.windows(4).position(|window| window == needle)
}

/// What is wrong at one place of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub path: PathBuf,
    /// Where in it, in bytes.
    pub offset_bytes: u64,
    /// The position of the record that was expected there.
    pub position: Position,
    /// What was expected and what is there.
    pub what: DamageKind,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{} at byte {}, where record {} should be: {}",
            self.path.display(),
            self.offset_bytes,
            self.position,
            self.what
        )
    }
}

/// The kinds of damage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DamageKind {
    /// Neither copy of the segment's header is whole.
    #[error("neither copy of the segment header is whole")]
    SegmentHeader,
    /// The header is another segment's.
    #[error("the segment header says its first record is {found}, its name says otherwise")]
    SegmentName {
        /// What the header says.
        found: Position,
    },
    /// A record is not what was expected.
    #[error(transparent)]
    Record(#[from] RecordDamage),
    /// The segment ends too early.
    #[error("the segment ends here, but the next one continues after record {continues_after}")]
    EndsEarly {
        /// What the next segment says precedes it.
        continues_after: Position,
    },
    /// The log's oldest segment begins too late for the checkpoint it is read from.
    #[error("the log begins after record {after}; the segments before it are not there")]
    StartsLate {
        /// What the first segment says precedes it.
        after: Position,
    },
    /// Records that were durable are not there.
    #[error("the log ends here, but says elsewhere that record {durable} was durable")]
    EndMissing {
        /// The highest durable position seen.
        durable: Position,
    },
    /// A file is missing.
    #[error("this segment follows segment {previous}, which is not there")]
    SegmentMissing {
        /// The first position of the missing segment.
        previous: Position,
    },
    /// An older incarnation after a newer one.
    #[error("expected epoch {expected} or a later one, found {found}")]
    OlderEpoch {
        /// The epoch of the segment before.
        expected: u64,
        /// The epoch of this one.
        found: u64,
    },
}

/// One segment, as [`scan`] found it.
#[derive(Debug, Clone)]
pub struct SegmentReport {
    /// The segment file.
    pub path: PathBuf,
    /// What its header says; `None` if it is damaged.
    pub header: Option<SegmentHeader>,
    /// Whole records in it, also those after damage.
    pub records: u64,
    /// The highest position in it; `None` without records.
    pub last: Option<Position>,
    /// The file's length.
    pub bytes: u64,
    /// Bytes up to the end of the last whole record.
    pub used_bytes: u64,
}

/// What [`scan`] found.
#[derive(Debug, Clone, Default)]
pub struct LogReport {
    /// The segments in order.
    pub segments: Vec<SegmentReport>,
    /// Everything that is wrong, in order. The last entries may be the ordinary torn tail of a crash:
    /// those at positions above `durable` cost nothing that was acknowledged as synced.
    pub damages: Vec<Damage>,
    /// The highest durable position that the log claims anywhere.
    pub durable: Position,
}

impl LogReport {
    /// The damage that recovery would refuse to start with.
    pub fn corruptions(&self) -> impl Iterator<Item = &Damage> {
        self.damages.iter().filter(|damage| {
            damage.position <= self.durable
                || matches!(
                    damage.what,
                    DamageKind::SegmentHeader
                        | DamageKind::SegmentName { .. }
                        | DamageKind::SegmentMissing { .. }
                        | DamageKind::StartsLate { .. }
                )
        })
    }

    /// Judges one segment, given as the content of its file, and appends it to the report. `visit` sees each
    /// whole record, also those after damage.
    pub fn add_segment(&mut self, path: &Path, bytes: &[u8], mut visit: impl FnMut(&Record<'_>)) {
        let first = segment_first(path);
        let mut segment = SegmentReport {
            path: path.to_owned(),
            header: SegmentHeader::decode(bytes),
            records: 0,
            last: None,
            bytes: bytes.len() as u64,
            used_bytes: SEGMENT_HEADER_BYTES as u64,
        };
        let damage = |offset_bytes, position, what| Damage {
            path: path.to_owned(),
            offset_bytes,
            position,
            what,
        };
        if let Some(header) = &segment.header {
            self.durable = self.durable.max(header.durable);
            if first.is_some_and(|first| first != header.first) {
                let what = DamageKind::SegmentName {
                    found: header.first,
                };
                self.damages.push(damage(0, first.unwrap_or(0), what));
            }
            self.check_chain(path, header);
            let mut reader = SegmentReader::new(bytes, header);
            loop {
                match reader.step() {
                    Step::Record(offset, record) => {
                        visit(&record);
                        segment.records += 1;
                        segment.last = Some(record.position);
                        segment.used_bytes = offset + record.framed_bytes() as u64;
                        self.durable = self.durable.max(record.durable);
                    }
                    Step::End(_) => break,
                    Step::Damage(offset, what) => {
                        self.damages.push(damage(offset, reader.next, what.into()));
                        if !reader.resynchronize() {
                            break;
                        }
                    }
                }
            }
        } else {
            let first = first.unwrap_or(0);
            self.damages
                .push(damage(0, first, DamageKind::SegmentHeader));
        }
        self.segments.push(segment);
    }

    /// Checks that the segment with `header` follows the last one of the report.
    fn check_chain(&mut self, path: &Path, header: &SegmentHeader) {
        let Some(before) = self.segments.last() else {
            return;
        };
        // What follows `after` in the segment before was abandoned when the log failed; whatever it looks like.
        let is_abandoned = |damage: &Damage| {
            damage.path == before.path
                && damage.position > header.after
                && matches!(damage.what, DamageKind::Record(_))
        };
        self.damages.retain(|damage| !is_abandoned(damage));
        // After a damaged header nothing is known about what precedes this one.
        let Some(before_header) = &before.header else {
            return;
        };
        let damage = |path: &Path, offset_bytes, position, what| Damage {
            path: path.to_owned(),
            offset_bytes,
            position,
            what,
        };
        if header.previous != before_header.first {
            let what = DamageKind::SegmentMissing {
                previous: header.previous,
            };
            self.damages.push(damage(path, 0, header.previous, what));
        } else if header.epoch < before_header.epoch {
            let what = DamageKind::OlderEpoch {
                expected: before_header.epoch,
                found: header.epoch,
            };
            self.damages.push(damage(path, 0, header.first, what));
        } else {
            let last = before.last.unwrap_or(before_header.first - 1);
            if last < header.after {
                let what = DamageKind::EndsEarly {
                    continues_after: header.after,
                };
                self.damages
                    .push(damage(&before.path, before.used_bytes, last + 1, what));
            }
        }
    }

    /// Judges the end of the log, once every segment was added.
    fn check_end(&mut self) {
        let Some((segment, header)) = self
            .segments
            .last()
            .and_then(|segment| Some((segment, segment.header.as_ref()?)))
        else {
            return;
        };
        let last = segment.last.unwrap_or(header.first - 1);
        if last < self.durable {
            let damage = Damage {
                path: segment.path.clone(),
                offset_bytes: segment.used_bytes,
                position: last + 1,
                what: DamageKind::EndMissing {
                    durable: self.durable,
                },
            };
            self.damages.push(damage);
        }
    }
}

/// Reads the whole log in `directory` without changing anything, and reports what is there and what is wrong.
/// `visit` sees each whole record in file order. A directory that is not there is an empty log.
///
/// # Errors
/// Only if files cannot be read; damage is in the report.
pub fn scan(
    storage: &dyn Storage,
    directory: &Path,
    mut visit: impl FnMut(&Record<'_>),
) -> Result<LogReport, LogError> {
    let mut report = LogReport::default();
    for (_, path) in list_segments(storage, directory)? {
        let bytes = storage.read(&path)?;
        report.add_segment(&path, &bytes, &mut visit);
    }
    report.check_end();
    Ok(report)
}

/// The segment files of a log directory with the first position their names say, in order.
pub(super) fn list_segments(
    storage: &dyn Storage,
    directory: &Path,
) -> Result<Vec<(Position, PathBuf)>, LogError> {
    let entries = match storage.list(directory) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut segments: Vec<_> = entries
        .into_iter()
        .filter(|entry| !entry.is_directory)
        .filter_map(|entry| {
            let path = directory.join(entry.name);
            segment_first(&path).map(|first| (first, path))
        })
        .collect();
    segments.sort();
    Ok(segments)
}

/// The name of the segment whose first record is `first`: 20 digits, so that names sort as positions do.
pub(super) fn segment_path(directory: &Path, first: Position) -> PathBuf {
    directory.join(format!("{first:020}.log"))
}

/// The first position that a segment's name says; `None` if it is not the name of a segment.
fn segment_first(path: &Path) -> Option<Position> {
    let digits = path.file_name()?.to_str()?.strip_suffix(".log")?;
    let canonical = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| canonical)
}
