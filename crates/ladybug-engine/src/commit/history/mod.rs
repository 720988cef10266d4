//! History: what each commit of a space replaced, so that it can be taken back.
//!
//! It is the way back of commits that a failing log did not acknowledge, and the past for whoever asks.
//! The commits lie encoded, in the order in which they were made, in segments that readers and checkpoints share;
//! `docs/design/history.md` has the layout. `node` reads the past of one node.

mod node;
#[cfg(test)]
mod tests;

pub use node::{NodeChange, PastNode, PastNodes};

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::codec::{Decoder, Encoder, Malformed};
use super::record::Position;
use crate::space::apply::{Misfit, Space};
use crate::space::mutation::{Inverse, Mutation};

/// Bytes after which another segment is begun: what is forgotten at once, and what a commit copies at most when
/// somebody reads the newest.
const SEGMENT_BYTES: usize = 64 << 10;
/// Bytes of a commit before what it encodes: their number.
const LENGTH_BYTES: usize = 4;

/// A moment of a space: a version, when it was committed, and where that is in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The version.
    pub version: u64,
    /// When it was committed, microseconds since the epoch.
    pub committed: i64,
    /// The log position of its record.
    pub position: Position,
}

/// What takes one commit back.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// What the commit made.
    pub after: Mark,
    /// What was there before.
    pub before: Mark,
    /// How to take its changes back, in the order in which they were made.
    pub inverses: Vec<Inverse>,
}

impl Past {
    /// Takes the commit back in a space that is just behind it.
    pub fn take_back(self, space: &mut Space) {
        self.try_take_back(space).expect(FITS);
    }

    /// Takes the commit back, if it is one of this space, and the space just behind it.
    ///
    /// # Errors
    /// It is not, and the space is of no use any more.
    pub fn try_take_back(self, space: &mut Space) -> Result<(), Misfit> {
        for inverse in self.inverses.into_iter().rev() {
            space.apply(inverse.mutation, inverse.version)?;
        }
        space.set_version(self.before.version, self.before.committed);
        Ok(())
    }
}

/// What takes one commit back, as bytes.
#[derive(Clone, Copy, Debug)]
pub struct EncodedPast<'a> {
    /// What the commit made.
    pub after: Mark,
    /// What was there before.
    pub before: Mark,
    /// Their number, and each with the version that it restores.
    pub inverses: &'a [u8],
}

/// Takes back one applied mutation. An inverse fits the state that its mutation left, so it cannot
/// fail.
pub(crate) fn undo(space: &mut Space, inverse: Inverse) {
    space.apply(inverse.mutation, inverse.version).expect(FITS);
}

const FITS: &str = "invariant: an inverse fits the state that its mutation left";

/// Commits that follow each other, encoded.
#[derive(Debug, Clone)]
pub struct Segment {
    /// What was there before the first.
    base: Mark,
    /// What the last one made.
    last: Mark,
    commits: Vec<u8>,
    /// Hashes of names and ids that a node lost or took along, each with the version that no longer has them.
    departures: Vec<(u64, u64)>,
}

/// A commit in a segment.
struct Place {
    after: Mark,
    before: Mark,
    body: Range<usize>,
}

impl Segment {
    fn new(base: Mark) -> Self {
        Self {
            base,
            last: base,
            commits: Vec::new(),
            departures: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.commits.len() + size_of_val(&*self.departures)
    }

    fn push(&mut self, after: Mark, inverses: &[Inverse]) {
        let start = self.commits.len();
        self.commits.extend_from_slice(&[0; LENGTH_BYTES]);
        let mut encoder = Encoder(&mut self.commits);
        encoder.number(after.version - self.last.version);
        encoder.number((after.committed - self.last.committed) as u64);
        encoder.number(after.position - self.last.position);
        encoder.number(inverses.len() as u64);
        for inverse in inverses {
            encoder.number(inverse.version);
            encoder.mutation(&inverse.mutation);
            self.departures
                .extend(departures(&inverse.mutation).map(|key| (key, after.version)));
        }
        let bytes = self.commits.len() - start - LENGTH_BYTES;
        let bytes = u32::try_from(bytes).expect("invariant: a record is at most 1 GiB");
        self.commits[start..start + LENGTH_BYTES].copy_from_slice(&bytes.to_le_bytes());
        self.last = after;
    }

    /// Where the commits are, oldest first.
    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        let (mut at, mut before) = (0, self.base);
        while let Some(length) = self.commits[at..].first_chunk::<LENGTH_BYTES>() {
            let start = at + LENGTH_BYTES;
            let end = start + u32::from_le_bytes(*length) as usize;
            let mut decoder = Decoder::new(&self.commits[start..end]);
            let mut next = || decoder.number().expect(ENCODED_HERE);
            let after = Mark {
                version: before.version + next(),
                committed: before.committed + next() as i64,
                position: before.position + next(),
            };
            let body = start + decoder.offset()..end;
            places.push(Place {
                after,
                before,
                body,
            });
            (at, before) = (end, after);
        }
        places
    }

    fn read(&self, place: &Place) -> Past {
        Past {
            after: place.after,
            before: place.before,
            inverses: decode_inverses(&self.commits[place.body.clone()]).expect(ENCODED_HERE),
        }
    }

    /// The commits, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = Past> {
        let places = self.places().into_iter().rev();
        places.map(|place| self.read(&place))
    }

    /// The commits as they are stored, oldest first.
    pub fn encoded(&self) -> impl Iterator<Item = EncodedPast<'_>> {
        self.places().into_iter().map(|place| EncodedPast {
            after: place.after,
            before: place.before,
            inverses: &self.commits[place.body],
        })
    }
}

const ENCODED_HERE: &str = "invariant: what is decoded was encoded here";

fn decode_inverses(body: &[u8]) -> Result<Vec<Inverse>, Malformed> {
    let mut decoder = Decoder::new(body);
    let count = decoder.number()?;
    let inverse = |_| {
        Ok(Inverse {
            version: decoder.number()?,
            mutation: decoder.mutation()?,
        })
    };
    let inverses = (0..count).map(inverse).collect::<Result<_, Malformed>>()?;
    match decoder.is_at_end() {
        true => Ok(inverses),
        false => decoder.expected("the end of a commit's changes"),
    }
}

/// How an id is found among departures.
pub fn id_key(id: u64) -> u64 {
    xxh3_64(&id.to_le_bytes())
}

/// How a name is found among departures.
pub fn name_key(name: &[u8]) -> u64 {
    xxh3_64(name)
}

/// The keys that were in use until a commit of which this takes back a change.
fn departures(inverse: &Mutation) -> impl Iterator<Item = u64> {
    let (id, name) = match inverse {
        Mutation::Insert { node, .. } => (Some(node.id), node.name.as_deref()),
        Mutation::Rename { name, .. } => (None, name.as_deref()),
        _ => (None, None),
    };
    id.map(id_key).into_iter().chain(name.map(name_key))
}

/// How much of the past is kept.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Bytes of one space's history.
    pub bytes_max: usize,
    /// What was replaced at or before this time goes, microseconds since the epoch.
    pub until: i64,
    /// What the log has not acknowledged stays: it may have to be taken back.
    pub acknowledged: Position,
}

/// The past of one space, bounded.
#[derive(Clone, Debug)]
pub struct History {
    /// Oldest first. The last is being filled; there is always one.
    segments: VecDeque<Arc<Segment>>,
    bytes: usize,
}

impl History {
    /// A history that begins at a moment.
    pub fn new(base: Mark) -> Self {
        let first = Segment::new(base);
        Self {
            bytes: first.bytes(),
            segments: VecDeque::from([Arc::new(first)]),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The oldest moment that can be read.
    pub fn oldest(&self) -> Mark {
        self.segments.front().expect(ONE_SEGMENT).base
    }

    /// The newest moment.
    pub fn newest(&self) -> Mark {
        self.segments.back().expect(ONE_SEGMENT).last
    }

    /// Adds a commit.
    pub fn push(&mut self, after: Mark, inverses: &[Inverse]) {
        let last = self.segments.back_mut().expect(ONE_SEGMENT);
        let before = last.bytes();
        let segment = Arc::make_mut(last);
        segment.push(after, inverses);
        self.bytes += segment.bytes() - before;
        if segment.commits.len() >= SEGMENT_BYTES {
            segment.commits.shrink_to_fit();
            self.begin_segment(after);
        }
    }

    fn begin_segment(&mut self, base: Mark) {
        let segment = Segment::new(base);
        self.bytes += segment.bytes();
        self.segments.push_back(Arc::new(segment));
    }

    /// Takes out the newest commit, if its log position is beyond `position`.
    pub fn pop_after(&mut self, position: Position) -> Option<Past> {
        while self.newest().position > position
            && self.segments.len() > 1
            && self.segments.back().expect(ONE_SEGMENT).commits.is_empty()
        {
            let empty = self.segments.pop_back().expect(ONE_SEGMENT);
            self.bytes -= empty.bytes();
        }
        let last = Arc::make_mut(self.segments.back_mut().expect(ONE_SEGMENT));
        let before = last.bytes();
        let mut places = last.places();
        let place = places
            .pop()
            .filter(|place| place.after.position > position)?;
        let past = last.read(&place);
        let start = places.last().map_or(0, |place| place.body.end);
        last.commits.truncate(start);
        last.departures
            .retain(|(_, version)| *version != place.after.version);
        last.last = place.before;
        self.bytes -= before - last.bytes();
        Some(past)
    }

    /// Forgets the oldest that is beyond the limits.
    pub fn trim(&mut self, limits: HistoryLimits) {
        let HistoryLimits {
            bytes_max,
            until,
            acknowledged,
        } = limits;
        loop {
            let first = self.segments.front().expect(ONE_SEGMENT);
            let (last, is_empty) = (first.last, first.commits.is_empty());
            let is_due = self.bytes > bytes_max || last.committed <= until;
            if is_empty || !is_due || last.position > acknowledged {
                return;
            }
            if self.segments.len() == 1 {
                self.begin_segment(last);
            }
            let forgotten = self.segments.pop_front().expect(ONE_SEGMENT);
            self.bytes -= forgotten.bytes();
        }
    }

    /// The segments with everything after a version, oldest first; `None` if that is forgotten.
    pub fn since(&self, version: u64) -> Option<Vec<Arc<Segment>>> {
        let reaches = self.oldest().version <= version;
        let from = self.segments.partition_point(|s| s.last.version <= version);
        reaches.then(|| self.segments.range(from..).cloned().collect())
    }

    /// All segments, oldest first.
    pub fn segments(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter()
    }

    /// The latest moment that was committed at `time` (microseconds since the epoch) or before; `None` if it is
    /// forgotten.
    pub fn at_time(&self, time: i64) -> Option<Mark> {
        if time >= self.newest().committed {
            return Some(self.newest());
        }
        let from = self
            .segments
            .partition_point(|segment| segment.last.committed <= time);
        let segment = &self.segments[from];
        let later = segment.places().into_iter();
        let mut later = later.skip_while(|place| place.after.committed <= time);
        let before = later.next().map_or(segment.last, |place| place.before);
        (before.committed <= time).then_some(before)
    }

    /// The moment of a version, or of the last one before it.
    pub fn mark_of(&self, version: u64) -> Mark {
        let at = self.segments.partition_point(|s| s.last.version < version);
        let Some(segment) = self.segments.get(at) else {
            return self.newest();
        };
        let upto = segment.places().into_iter();
        let last = upto
            .take_while(|place| place.after.version <= version)
            .last();
        last.map_or(segment.base, |place| place.after)
    }

    /// The last commit that took a key out of use.
    pub fn last_departure(&self, key: u64) -> Option<u64> {
        let segments = self.segments.iter().rev();
        let mut departures = segments.flat_map(|s| s.departures.iter().rev());
        departures
            .find(|(there, _)| *there == key)
            .map(|(_, at)| *at)
    }

    /// The first commit after `version` that took a key out of use; see [`id_key`] and [`name_key`].
    pub fn departed_after(&self, key: u64, version: u64) -> Option<u64> {
        let from = self.segments.partition_point(|s| s.last.version <= version);
        let departures = self.segments.range(from..).flat_map(|s| &s.departures);
        departures
            .filter(|(there, at)| *there == key && *at > version)
            .map(|(_, at)| *at)
            .next()
    }

    /// Adds a commit as [`Segment::encoded`] answered it.
    ///
    /// # Errors
    /// It does not follow on what is there, or is not encoded so.
    pub fn restore(&mut self, after: Mark, inverses: &[u8]) -> Result<(), Malformed> {
        let last = self.newest();
        let follows = after.version > last.version
            && after.committed >= last.committed
            && after.position > last.position;
        if !follows {
            return Decoder::new(inverses).expected("versions, times and positions that rise");
        }
        self.push(after, &decode_inverses(inverses)?);
        Ok(())
    }
}

const ONE_SEGMENT: &str = "invariant: there is always a segment";
