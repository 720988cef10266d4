//! Bytes on their way into the log: those that were written, and between them some that lie elsewhere and are not copied.
//!
//! What is lent is immutable, and kept alive until it was written to the disk.

use arrow_buffer::Buffer;

/// What values are encoded into.
pub trait Output {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]);

    /// Appends bytes that stay where they are, if that saves a copy.
    fn lend(&mut self, bytes: Buffer) {
        self.write(&bytes);
    }
}

impl Output for Vec<u8> {
    fn write(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A payload of at least so many bytes is not copied if that can be avoided: memory that a process has not used yet is
/// slow.
const LARGE_BYTES: usize = 1 << 20;

/// Written and lent bytes, in order.
#[derive(Debug, Default)]
pub struct Payload {
    written: Vec<u8>,
    /// Each with how many written bytes come before it.
    lent: Vec<(usize, Buffer)>,
    lent_bytes: usize,
}

/// A place in a payload, up to which it can be cut back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    written: usize,
    lent: usize,
}

impl Mark {
    /// Before everything.
    pub const START: Self = Self {
        written: 0,
        lent: 0,
    };
}

impl Output for Payload {
    fn write(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
    }

    fn lend(&mut self, bytes: Buffer) {
        self.lent_bytes += bytes.len();
        self.lent.push((self.written.len(), bytes));
    }
}

impl Payload {
    /// An empty one with room for so many written bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            written: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    /// Makes room for so many more written bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.written.reserve(bytes);
    }

    /// All bytes.
    pub fn len(&self) -> usize {
        self.written.len() + self.lent_bytes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room for written bytes.
    pub(super) fn capacity(&self) -> usize {
        self.written.capacity()
    }

    /// Forgets everything but the room.
    pub(super) fn clear(&mut self) {
        self.truncate(Mark::START);
    }

    /// The end.
    pub fn mark(&self) -> Mark {
        Mark {
            written: self.written.len(),
            lent: self.lent.len(),
        }
    }

    /// Forgets what is behind a mark.
    pub fn truncate(&mut self, mark: Mark) {
        self.written.truncate(mark.written);
        let forgotten = self.lent.drain(mark.lent..);
        self.lent_bytes -= forgotten.map(|(_, bytes)| bytes.len()).sum::<usize>();
    }

    /// Appends another, or puts what is there before a large one that has room for it.
    pub fn append(&mut self, mut other: Self) {
        let before = self.written.len();
        let room = other.written.capacity() - other.written.len();
        if other.written.len() >= LARGE_BYTES && before <= room {
            other.written.splice(0..0, self.written.drain(..));
            self.written = other.written;
        } else {
            self.written.extend_from_slice(&other.written);
        }
        let behind = |(at, bytes)| (before + at, bytes);
        self.lent.extend(other.lent.into_iter().map(behind));
        self.lent_bytes += other.lent_bytes;
    }

    /// The written bytes from `from` on, to be changed.
    pub(super) fn written_mut(&mut self, from: Mark) -> &mut [u8] {
        &mut self.written[from.written..]
    }

    /// The written bytes from `from` on.
    pub(super) fn written(&self, from: Mark) -> &[u8] {
        &self.written[from.written..]
    }

    /// So many written bytes behind a mark, and what was lent among and right behind them.
    pub(super) fn after(&self, mark: Mark, written: usize) -> Mark {
        let written = mark.written + written;
        let lent = self.lent[mark.lent..].partition_point(|(at, _)| *at <= written);
        Mark {
            written,
            lent: mark.lent + lent,
        }
    }

    /// What lies between two marks, piece by piece.
    pub(super) fn pieces(&self, from: Mark, to: Mark) -> impl Iterator<Item = &[u8]> {
        let mut at = from.written;
        let lent = self.lent[from.lent..to.lent].iter();
        let pieces = lent.flat_map(move |(next, bytes)| {
            let written = &self.written[std::mem::replace(&mut at, *next)..*next];
            [written, bytes.as_slice()]
        });
        let last = self.lent[from.lent..to.lent].last();
        let rest = last.map_or(from.written, |(at, _)| *at);
        pieces.chain([&self.written[rest..to.written]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of(payload: &Payload) -> Vec<u8> {
        let pieces = payload.pieces(Mark::START, payload.mark());
        let bytes = pieces.flatten().copied().collect::<Vec<_>>();
        assert_eq!(bytes.len(), payload.len());
        bytes
    }

    fn payload(parts: &[(&str, &'static str)]) -> Payload {
        let mut payload = Payload::default();
        for (written, lent) in parts {
            payload.write(written.as_bytes());
            payload.lend(Buffer::from(lent.as_bytes()));
        }
        payload
    }

    #[test]
    fn lent_bytes_stand_where_they_were_lent() {
        let mut whole = payload(&[("a", "BC"), ("", "D"), ("ef", "G")]);
        whole.write(b"h");
        assert_eq!(bytes_of(&whole), b"aBCDefGh");
        let mark = payload(&[("a", "BC")]).mark();
        assert_eq!(
            whole.after(Mark::START, 1),
            payload(&[("a", "BC"), ("", "D")]).mark()
        );
        whole.truncate(mark);
        assert_eq!(bytes_of(&whole), b"aBC");
        whole.append(payload(&[("x", "Y"), ("z", "")]));
        assert_eq!(bytes_of(&whole), b"aBCxYz");
        whole.clear();
        assert!(whole.is_empty() && bytes_of(&whole).is_empty());
    }

    #[test]
    fn large_ones_are_appended_as_small_ones_are() {
        for (bytes, room) in [(LARGE_BYTES, 4_096), (LARGE_BYTES, 0), (100, 0)] {
            let mut large = Payload::with_capacity(bytes + room);
            large.write(&vec![7; bytes / 2]);
            large.lend(Buffer::from(b"lent".as_slice()));
            large.write(&vec![8; bytes - bytes / 2]);
            let expected = [&b"queuedFIRST"[..], &bytes_of(&large)].concat();
            let mut queue = payload(&[("queued", "FIRST")]);
            queue.append(large);
            assert!(
                bytes_of(&queue) == expected,
                "{bytes} bytes with room for {room} more"
            );
        }
    }
}
