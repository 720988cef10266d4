//! Fingerprints that wait for their commit, laid out in chunks as that will most likely place their nodes.
//!
//! What follows from them (sketches, checksums, parity) is computed before the space is locked, and a chunk in which no
//! fingerprint was ever written takes all of them over at once, without a copy. Where the guess was wrong they are copied.

use std::fmt;
use std::sync::Arc;

use arrow_buffer::Buffer;

use super::address::{Address, CHUNKS, Zone};
use super::allocator::Allocator;
use super::chunk::Chunk;
use crate::fingerprint::{BYTES, Fingerprint};

/// Fingerprints on their way in.
pub struct Staging {
    /// What the space had free when this began, without what was given out here.
    free: Allocator,
    /// By prefix. Nothing lives in them.
    chunks: Vec<Option<Chunk>>,
}

impl Default for Staging {
    /// None yet, for a new space.
    fn default() -> Self {
        Self::new(Allocator::default())
    }
}

impl Staging {
    /// None yet, for a space with these free addresses.
    pub fn new(free: Allocator) -> Self {
        Self {
            free,
            chunks: vec![None; CHUNKS],
        }
    }

    /// Stages the fingerprint of a new node without a parent, and answers for where. `None` if there is no room, or
    /// nothing to stage, for zeros are everywhere from the start.
    pub fn put(&mut self, zone: Zone, fingerprint: &Fingerprint) -> Option<Address> {
        if *fingerprint == Fingerprint::ZERO {
            return None;
        }
        let address = self.free.choose(zone, None)?;
        self.free.take(address);
        let chunk = self.chunks[usize::from(address.prefix())].get_or_insert_default();
        chunk.stage(address.slot(), fingerprint);
        Some(address)
    }

    /// All that were staged, to be taken to where they shall be.
    pub fn finish(self) -> StagedChunks {
        let staged = |chunk: Chunk| {
            let (rows, _) = chunk.fingerprints().buffer();
            Arc::new(StagedChunk { chunk, rows })
        };
        let chunks = self.chunks.into_iter();
        StagedChunks(chunks.map(|chunk| chunk.map(staged)).collect())
    }
}

/// Staged fingerprints, by the address that they were staged for.
pub struct StagedChunks(Vec<Option<Arc<StagedChunk>>>);

impl StagedChunks {
    /// The fingerprint that was staged for an address.
    ///
    /// # Panics
    /// None was.
    pub fn at(&self, address: Address) -> Staged {
        let chunk = self.0[usize::from(address.prefix())].clone();
        Staged {
            chunk: chunk.expect("only what was staged is asked for"),
            slot: address.slot(),
        }
    }
}

struct StagedChunk {
    chunk: Chunk,
    /// The chunk's fingerprints.
    rows: Buffer,
}

/// A staged fingerprint.
#[derive(Clone)]
pub struct Staged {
    chunk: Arc<StagedChunk>,
    slot: u8,
}

impl Staged {
    /// The fingerprint.
    pub fn fingerprint(&self) -> &Fingerprint {
        self.chunk.chunk.fingerprint(self.slot)
    }

    /// Its bytes where they lie.
    pub fn bytes(&self) -> Buffer {
        let from = usize::from(self.slot) * BYTES;
        self.chunk.rows.slice_with_length(from, BYTES)
    }

    /// Writes it to a slot of a chunk.
    pub(super) fn put(&self, chunk: &mut Chunk, slot: u8) {
        chunk.take_staged(slot, &self.chunk.chunk, self.slot);
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fingerprint().fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(count: u64) -> Vec<Staged> {
        let mut staging = Staging::new(Allocator::default());
        let put = |n| staging.put(Zone::Node, &Fingerprint::random(n));
        let at: Vec<_> = (0..count).filter_map(put).collect();
        let chunks = staging.finish();
        at.into_iter().map(|at| chunks.at(at)).collect()
    }

    #[test]
    fn an_unwritten_chunk_takes_what_was_staged_as_it_lies_and_any_other_copies_it() {
        let staged = staged(300);
        assert_eq!(staged.len(), 300);
        let mut taken = Chunk::default();
        let mut copied = Chunk::default();
        copied.set_fingerprint(255, &Fingerprint::random(1_000));
        // One row fewer than was guessed: the others move up.
        let mut moved = Chunk::default();
        for slot in 0..255 {
            staged[usize::from(slot)].put(&mut taken, slot);
            staged[usize::from(slot)].put(&mut copied, slot);
            staged[usize::from(slot) + 1].put(&mut moved, slot);
        }
        let shares = |chunk: &Chunk| {
            let (rows, _) = chunk.fingerprints().buffer();
            rows.as_ptr() == staged[0].chunk.rows.as_ptr()
        };
        assert!(shares(&taken) && !shares(&copied) && !shares(&moved));
        for (chunk, first) in [(&taken, 0), (&copied, 0), (&moved, 1)] {
            assert!(chunk.examine().is_clean());
            for slot in 0..255 {
                let expected = Fingerprint::random(u64::from(slot) + first);
                assert_eq!(*chunk.fingerprint(slot), expected, "slot {slot}");
            }
        }
        // What is written later is no business of who still holds what was staged.
        taken.set_fingerprint(3, &Fingerprint::random(2_000));
        assert!(!shares(&taken) && taken.examine().is_clean());
        assert_eq!(*staged[3].fingerprint(), Fingerprint::random(3));
        assert_eq!(*staged[3].bytes(), Fingerprint::random(3).to_bytes());
    }

    #[test]
    fn what_is_staged_has_room_in_the_space_and_is_not_zero() {
        let mut staging = Staging::new(Allocator::default());
        let bits = Fingerprint::random(1);
        for _ in 0..Zone::Node.capacity() {
            assert!(staging.put(Zone::Node, &bits).is_some());
        }
        assert_eq!(staging.put(Zone::Node, &bits), None);
        assert_eq!(staging.put(Zone::Fluid, &Fingerprint::ZERO), None);
        assert_eq!(staging.put(Zone::Fluid, &bits), Some(Address(0x1000)));
    }
}
