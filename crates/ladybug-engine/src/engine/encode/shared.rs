//! Forks and their source go on sharing a chunk when what was pending in it is encoded for one of them.

use std::sync::Arc;

use crate::commit::transaction::SpaceId;
use crate::engine::Engine;
use crate::space::chunk::Chunk;

/// A chunk with something pending that another space has too.
struct Twin {
    space: SpaceId,
    prefix: u8,
    chunk: Arc<Chunk>,
}

impl Engine {
    /// Has `encode` encode and install what is pending in a space; spaces that shared a chunk with it before share it
    /// after, unless somebody wrote to it meanwhile.
    pub(super) fn sharing(&self, space: SpaceId, encode: impl FnOnce()) {
        let twins = self.twins(space);
        encode();
        if twins.is_empty() {
            return;
        }
        let (state, _) = self.state(space);
        for twin in twins {
            if let (Some(encoded), Some(cell)) = (state.chunk(twin.prefix), self.cell(twin.space)) {
                let mut cell = cell.lock();
                cell.space.adopt(twin.prefix, &twin.chunk, encoded);
            }
        }
    }

    fn twins(&self, space: SpaceId) -> Vec<Twin> {
        let (state, _) = self.state(space);
        // Who else has a chunk holds it, or the state that does: the space itself and this function are two who do.
        let is_held = Arc::strong_count(&state) > 2;
        let pending = state.chunks().filter(|(_, chunk)| {
            !chunk.pending.is_empty() && (is_held || Arc::strong_count(chunk) > 1)
        });
        let pending: Vec<_> = pending.collect();
        if pending.is_empty() {
            return Vec::new();
        }
        let mut kin: Vec<_> = {
            let spaces = self.spaces.read();
            let forks = spaces.forks();
            let kin = forks.flat_map(|(fork, origin)| [fork, origin.space]);
            kin.filter(|other| *other != space).collect()
        };
        kin.sort_unstable();
        kin.dedup();
        let twins = kin.into_iter().flat_map(|space| {
            let (theirs, _) = self.state(space);
            let shared = pending.iter().filter(move |(prefix, chunk)| {
                let there = theirs.chunk(*prefix);
                there.is_some_and(|there| Arc::ptr_eq(there, chunk))
            });
            shared.map(move |(prefix, chunk)| Twin {
                space,
                prefix: *prefix,
                chunk: Arc::clone(chunk),
            })
        });
        twins.collect()
    }
}
