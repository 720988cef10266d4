//! Framing of the write-ahead log: the header of a segment, the header of a record, and their checksums.
//!
//! `docs/design/log.md` gives the format byte for byte. All integers are little-endian. Each segment draws a
//! random *salt*: it seeds the checksums and is the record magic, so that bytes which merely look like a record
//! (a client's value holding a copy of a log, a stale block of another segment) are never taken for one.

use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_64_with_seed};

use super::payload::{Mark, Output as _, Payload};

/// A place in the log: the sequence number of a record. The first record has 1; 0 is "before everything".
pub type Position = u64;

/// The highest position there can be: far from overflow wherever positions are added to.
pub const POSITION_MAX: Position = i64::MAX as u64;
/// The most bytes a record's payload may have: 1 GiB.
pub const RECORD_BYTES_MAX: usize = 1 << 30;
/// Bytes of a record before its payload.
pub const RECORD_HEADER_BYTES: usize = 40;
/// Bytes of a segment before its first record: two copies of its header, a sector apart.
pub const SEGMENT_HEADER_BYTES: usize = 1024;

/// Where the second copy of the segment header lies.
const SEGMENT_HEADER_COPY: usize = 512;
/// Bytes of one copy of the segment header.
const SEGMENT_HEADER_COPY_BYTES: usize = 72;
const SEGMENT_MAGIC: &[u8; 8] = b"LADYLOG1";

/// What the head of a segment file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The incarnation of the log that wrote it.
    pub epoch: u64,
    /// The position of its first record.
    pub first: Position,
    /// The position of the record that precedes `first`. Less than `first - 1` where the positions between were
    /// abandoned: the log failed with them unacknowledged, and was resumed beyond them.
    pub after: Position,
    /// The first position of the preceding segment, 0 if there was none.
    pub previous: Position,
    /// Up to where everything was durable when the segment was made.
    pub durable: Position,
    /// The random number that seeds the checksums.
    pub salt: u64,
}

impl SegmentHeader {
    /// The first `SEGMENT_HEADER_BYTES` of the segment.
    pub fn encode(&self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(SEGMENT_HEADER_COPY_BYTES);
        copy.extend_from_slice(SEGMENT_MAGIC);
        let fields = [
            SEGMENT_HEADER_BYTES as u64,
            self.epoch,
            self.first,
            self.after,
            self.previous,
            self.durable,
            self.salt,
        ];
        for field in fields {
            copy.extend_from_slice(&field.to_le_bytes());
        }
        let checksum = xxh3_64(&copy);
        copy.extend_from_slice(&checksum.to_le_bytes());
        debug_assert_eq!(copy.len(), SEGMENT_HEADER_COPY_BYTES);
        let mut bytes = vec![0; SEGMENT_HEADER_BYTES];
        for at in [0, SEGMENT_HEADER_COPY] {
            bytes[at..at + copy.len()].copy_from_slice(&copy);
        }
        bytes
    }

    /// Reads the header of a segment from either copy. `None` if neither is whole.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode_copy(bytes.get(..SEGMENT_HEADER_COPY_BYTES)?)
            .or_else(|| Self::decode_copy(bytes.get(SEGMENT_HEADER_COPY..)?))
    }

    fn decode_copy(copy: &[u8]) -> Option<Self> {
        let copy = copy.get(..SEGMENT_HEADER_COPY_BYTES)?;
        let field = |index: usize| read_u64(copy, index * 8);
        let consistent = copy.starts_with(SEGMENT_MAGIC)
            && field(1) == SEGMENT_HEADER_BYTES as u64
            && field(8) == xxh3_64(&copy[..SEGMENT_HEADER_COPY_BYTES - 8]);
        let header = Self {
            epoch: field(2),
            first: field(3),
            after: field(4),
            previous: field(5),
            durable: field(6),
            salt: field(7),
        };
        let ordered = header.after < header.first
            && header.previous < header.first
            && header.durable < header.first
            && header.first <= POSITION_MAX;
        (consistent && ordered).then_some(header)
    }

    /// What each record of this segment has where others have a fixed magic number. Never zero, so that
    /// a zero-filled tail is never a record.
    pub fn record_magic(&self) -> u32 {
        ((self.salt >> 32) as u32 ^ self.salt as u32) | 1
    }
}

/// One record as found in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its sequence number.
    pub position: Position,
    /// The incarnation of the log that wrote it.
    pub epoch: u64,
    /// Up to where everything was durable when it was written.
    pub durable: Position,
    /// What was appended.
    pub payload: &'a [u8],
}

impl Record<'_> {
    /// Bytes it takes in the segment.
    pub fn framed_bytes(&self) -> usize {
        RECORD_HEADER_BYTES + self.payload.len()
    }
}

/// Appends the frame of a record to `queue`, all but what [`seal`] fills in when it is written, with what `write` appends
/// as its payload.
pub(super) fn frame(queue: &mut Payload, position: Position, write: impl FnOnce(&mut Payload)) {
    let (start, before) = (queue.mark(), queue.len());
    queue.write(&[0; RECORD_HEADER_BYTES]);
    write(queue);
    let payload_bytes = queue.len() - before - RECORD_HEADER_BYTES;
    assert!(
        payload_bytes <= RECORD_BYTES_MAX,
        "a log record holds at most {RECORD_BYTES_MAX} bytes, got {payload_bytes}; the engine refuses such commits",
    );
    let written = queue.written_mut(start);
    let written_bytes = written.len() as u64;
    written[12..16].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    // In the place of the epoch, until that is known.
    written[16..24].copy_from_slice(&written_bytes.to_le_bytes());
    written[24..32].copy_from_slice(&position.to_le_bytes());
}

/// A framed record in a queue.
pub(super) struct Framed {
    pub position: Position,
    /// All its bytes.
    pub length: usize,
    /// Where the next one begins.
    pub end: Mark,
}

/// The (unsealed) record that begins at `start`.
pub(super) fn peek(queue: &Payload, start: Mark) -> Framed {
    let written = queue.written(start);
    Framed {
        position: read_u64(written, 24),
        length: RECORD_HEADER_BYTES + read_u32(written, 12) as usize,
        end: queue.after(start, read_u64(written, 16) as usize),
    }
}

/// Completes a framed record for the segment it goes to: magic, epoch, durable position, checksum.
pub(super) fn seal(
    queue: &mut Payload,
    (start, end): (Mark, Mark),
    segment: &SegmentHeader,
    durable: Position,
) {
    let header = queue.written_mut(start);
    header[8..12].copy_from_slice(&segment.record_magic().to_le_bytes());
    header[16..24].copy_from_slice(&segment.epoch.to_le_bytes());
    header[32..40].copy_from_slice(&durable.to_le_bytes());
    let checksum = checksum(queue.pieces(start, end), segment.salt);
    queue.written_mut(start)[..8].copy_from_slice(&checksum.to_le_bytes());
}

/// The checksum of a record in pieces, of which the first has the header.
fn checksum<'a>(mut pieces: impl Iterator<Item = &'a [u8]>, salt: u64) -> u64 {
    let first = pieces.next().expect("invariant: a header was written");
    match pieces.next() {
        None => xxh3_64_with_seed(&first[8..], salt),
        Some(second) => {
            let mut hasher = Xxh3::with_seed(salt);
            hasher.update(&first[8..]);
            hasher.update(second);
            pieces.for_each(|piece| hasher.update(piece));
            hasher.digest()
        }
    }
}

/// Why bytes are not the record that was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordDamage {
    /// The file ends within the header or payload.
    #[error("expected {expected} bytes of record, the file has {found} more")]
    Short {
        /// Bytes the record takes, as far as is known.
        expected: u64,
        /// Bytes left in the file.
        found: u64,
    },
    /// The record magic is missing.
    #[error("expected the segment's record magic {expected:#010x}, found {found:#010x}")]
    Magic {
        /// The segment's record magic.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// Header or payload changed.
    #[error("expected checksum {expected:#018x} as its header says, its bytes have {found:#018x}")]
    Checksum {
        /// As written in the header.
        expected: u64,
        /// As computed.
        found: u64,
    },
    /// Whole, but of another incarnation than its segment.
    #[error("expected epoch {expected}, found {found}")]
    Epoch {
        /// The segment's epoch.
        expected: u64,
        /// The record's epoch.
        found: u64,
    },
    /// Whole, but not the next one.
    #[error("expected position {expected}, found {found}")]
    Position {
        /// The next position.
        expected: Position,
        /// The record's position.
        found: Position,
    },
    /// Whole, but claims that it was durable itself before it was written (or is numbered beyond `POSITION_MAX`).
    #[error("expected a durable position below its own, found {found}")]
    Durable {
        /// The claimed durable position.
        found: Position,
    },
}

/// Reads the record at the start of `bytes`, which reach to the end of the segment, whatever its position.
/// Allocates nothing.
///
/// # Errors
/// What is wrong with it.
pub fn decode<'a>(bytes: &'a [u8], segment: &SegmentHeader) -> Result<Record<'a>, RecordDamage> {
    let short = |expected: usize| RecordDamage::Short {
        expected: expected as u64,
        found: bytes.len() as u64,
    };
    if bytes.len() < RECORD_HEADER_BYTES {
        return Err(short(RECORD_HEADER_BYTES));
    }
    let magic = read_u32(bytes, 8);
    if magic != segment.record_magic() {
        return Err(RecordDamage::Magic {
            expected: segment.record_magic(),
            found: magic,
        });
    }
    let framed_bytes = RECORD_HEADER_BYTES + read_u32(bytes, 12) as usize;
    let framed = bytes
        .get(..framed_bytes)
        .ok_or_else(|| short(framed_bytes))?;
    let (expected, found) = (
        read_u64(framed, 0),
        xxh3_64_with_seed(&framed[8..], segment.salt),
    );
    if expected != found {
        return Err(RecordDamage::Checksum { expected, found });
    }
    let record = Record {
        epoch: read_u64(framed, 16),
        position: read_u64(framed, 24),
        durable: read_u64(framed, 32),
        payload: &framed[RECORD_HEADER_BYTES..],
    };
    if record.epoch != segment.epoch {
        return Err(RecordDamage::Epoch {
            expected: segment.epoch,
            found: record.epoch,
        });
    }
    if record.durable >= record.position || record.position > POSITION_MAX {
        return Err(RecordDamage::Durable {
            found: record.durable,
        });
    }
    Ok(record)
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(
        bytes[at..at + 8]
            .try_into()
            .expect("invariant: eight bytes were sliced"),
    )
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(
        bytes[at..at + 4]
            .try_into()
            .expect("invariant: four bytes were sliced"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader {
            epoch: 3,
            first: 10,
            after: 9,
            previous: 4,
            durable: 8,
            salt: 0x1234_5678_9abc_def0,
        }
    }

    #[test]
    fn a_segment_header_survives_damage_to_either_copy() {
        let bytes = header().encode();
        assert_eq!(SegmentHeader::decode(&bytes), Some(header()));
        for at in 0..SEGMENT_HEADER_COPY_BYTES {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert_eq!(SegmentHeader::decode(&damaged), Some(header()));
            damaged[at + SEGMENT_HEADER_COPY] ^= 4;
            assert_eq!(SegmentHeader::decode(&damaged), None);
        }
        assert_eq!(SegmentHeader::decode(&bytes[..40]), None);
    }

    /// A sealed record of `payload`.
    fn sealed(write: impl FnOnce(&mut Payload)) -> Vec<u8> {
        let mut queue = Payload::default();
        frame(&mut queue, 10, write);
        let Framed {
            position,
            length,
            end,
        } = peek(&queue, Mark::START);
        assert_eq!((position, length, end), (10, queue.len(), queue.mark()));
        seal(&mut queue, (Mark::START, end), &header(), 9);
        queue.pieces(Mark::START, end).flatten().copied().collect()
    }

    #[test]
    fn a_record_with_lent_bytes_is_as_if_they_were_written() {
        let expected = sealed(|payload| payload.write(&[7; 3_000]));
        let lent = sealed(|payload| {
            payload.write(&[7; 300]);
            payload.lend(vec![7_u8; 1_280].into());
            payload.write(&[7; 140]);
            payload.lend(vec![7_u8; 1_280].into());
        });
        assert!(lent == expected);
        assert_eq!(decode(&lent, &header()).unwrap().payload, [7; 3_000]);
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_seen() {
        let bytes = sealed(|payload| payload.write(b"payload"));
        let record = decode(&bytes, &header()).unwrap();
        assert_eq!(
            (
                record.position,
                record.epoch,
                record.durable,
                record.payload
            ),
            (10, 3, 9, &b"payload"[..])
        );
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&damaged, &header()).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], &header()).is_err());
        }
        let other = SegmentHeader {
            salt: 77,
            ..header()
        };
        assert!(matches!(
            decode(&bytes, &other),
            Err(RecordDamage::Magic { .. })
        ));
    }
}
