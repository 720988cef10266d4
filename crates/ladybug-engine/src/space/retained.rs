//! What a held state keeps in memory that the live one of its space has let go of: the cost of a snapshot.
//!
//! States share their parts, so the cost is found by comparing where the parts lie: nothing is counted
//! while a part is written, and a copy that nobody holds any more costs nothing.

use std::collections::HashSet;
use std::sync::Arc;

use super::chunk::Chunk;
use super::column::Column;
use super::fields::{FieldValue, Fields};
use super::state::State;
use super::temporal::Temporal;

/// A part of a state: where it lies, which tells it from others, and its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    at: usize,
    bytes: usize,
}

impl Piece {
    /// No part at all.
    pub(super) const NONE: Self = Self { at: 0, bytes: 0 };

    /// A part behind an `Arc`, with the bytes that it owns elsewhere.
    pub(super) fn of<T>(part: &Arc<T>, owned_bytes: usize) -> Self {
        Self {
            at: Arc::as_ptr(part).addr(),
            bytes: size_of::<T>() + owned_bytes,
        }
    }
}

/// Counts the parts of held states, each once.
#[derive(Default)]
pub struct Retained {
    counted: HashSet<usize>,
}

impl Retained {
    /// Bytes that `held` keeps, `live` has let go of, and nobody counted before.
    pub fn count(&mut self, held: &State, live: &State) -> usize {
        let mut bytes = 0;
        for (held, live) in held.chunks.iter().zip(&live.chunks) {
            let Some(held) = held else { continue };
            match live {
                Some(live) if Arc::ptr_eq(held, live) => {}
                Some(live) => bytes += self.chunk(held, Some(live)),
                None => bytes += self.chunk(held, None),
            }
        }
        let (names, ids) = (live.names.pieces(), live.ids.pieces());
        bytes += self.pieces(held.names.pieces().zip(names.map(Some)));
        bytes += self.pieces(held.ids.pieces().zip(ids.map(Some)));
        bytes + self.pieces(held.graph.pieces().zip(live.graph.pieces().map(Some)))
    }

    fn chunk(&mut self, held: &Chunk, live: Option<&Chunk>) -> usize {
        let of_live = live.map(Chunk::pieces);
        let live_pieces = (0..).map(|index| of_live.as_ref().map(|pieces| pieces[index]));
        // What nobody has written to is there once for all chunks, whoever holds it.
        let unwritten = Chunk::unwritten().pieces().into_iter();
        let pieces = held.pieces().into_iter().zip(unwritten);
        let pieces = pieces.map(|(held, unwritten)| match held == unwritten {
            true => Piece::NONE,
            false => held,
        });
        self.pieces(pieces.zip(live_pieces))
            + self.contents(&held.name, live.map(|live| &live.name), |_| 0)
            + self.contents(&held.value, live.map(|live| &live.value), |_| 0)
            + self.contents(&held.fields, live.map(|live| &live.fields), fields_bytes)
            + self.contents(&held.kinds, live.map(|live| &live.kinds), |_| 0)
            + self.contents(&held.evidence, live.map(|live| &live.evidence), |_| 0)
    }

    /// The bytes of those pieces that are not the live state's.
    fn pieces(&mut self, pieces: impl Iterator<Item = (Piece, Option<Piece>)>) -> usize {
        pieces
            .filter(|(held, live)| {
                *held != Piece::NONE && live.is_none_or(|live| live.at != held.at)
            })
            .map(|(held, _)| {
                if self.counted.insert(held.at) {
                    held.bytes
                } else {
                    0
                }
            })
            .sum()
    }

    /// The bytes of what a column's slots own, where it is not what the live column's own.
    fn contents<T: ?Sized>(
        &mut self,
        held: &Column<Option<Arc<T>>>,
        live: Option<&Column<Option<Arc<T>>>>,
        owned_bytes: impl Fn(&T) -> usize,
    ) -> usize {
        if live.is_some_and(|live| live.shares_memory(held)) {
            return 0;
        }
        let content = |content: &Option<Arc<T>>| match content {
            Some(content) => Piece {
                at: Arc::as_ptr(content).addr(),
                bytes: size_of_val(&**content) + owned_bytes(content),
            },
            None => Piece::NONE,
        };
        let of_live = |slot: usize| live.map(|live| content(&live.values()[slot]));
        let pieces = held.values().iter().enumerate();
        self.pieces(pieces.map(|(slot, held)| (content(held), of_live(slot))))
    }
}

/// What fields own: their names and what their values hold elsewhere.
fn fields_bytes(fields: &Fields) -> usize {
    let entry = size_of::<Arc<[u8]>>() + size_of::<FieldValue>();
    fields
        .iter()
        .map(|(name, value)| entry + name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &FieldValue) -> usize {
    match value {
        FieldValue::Bytes(bytes) => bytes.len(),
        FieldValue::List(items) => {
            size_of_val(&**items) + items.iter().map(value_bytes).sum::<usize>()
        }
        FieldValue::Temporal(_) => size_of::<Temporal>(),
        FieldValue::Integer(_) | FieldValue::Float(_) | FieldValue::Boolean(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::{BYTES, Fingerprint};
    use crate::space::address::{Address, SLOTS};

    /// A state with one chunk, in which slot 7 holds `value`.
    fn state(value: &[u8]) -> State {
        let mut state = State::new(0);
        let mut chunk = Chunk::default();
        *chunk.value.get_mut(7) = Some(value.into());
        chunk.rung.set(9, 1);
        chunk.set_fingerprint(6, &Fingerprint::ONES);
        state.chunks[0x80] = Some(Arc::new(chunk));
        state.insert_id(1, Address::new(0x80, 7));
        state
    }

    fn chunk(state: &mut State) -> &mut Chunk {
        Arc::make_mut(state.chunks[0x80].as_mut().expect("the chunk is there"))
    }

    #[test]
    fn a_held_state_costs_what_was_written_since() {
        let mut live = state(&[0; 1000]);
        let held = live.clone();
        assert_eq!(Retained::default().count(&held, &live), 0);

        chunk(&mut live).kinds.put(9, Some([].into()));
        let cost = Retained::default().count(&held, &live);
        assert_eq!(cost, 0, "a column that had not been written to");

        chunk(&mut live).rung.set(9, 3);
        assert_eq!(Retained::default().count(&held, &live), SLOTS);

        *chunk(&mut live).value.get_mut(7) = None;
        let value = SLOTS * size_of::<Option<Arc<[u8]>>>() + 1000;
        assert_eq!(Retained::default().count(&held, &live), SLOTS + value);

        chunk(&mut live).set_fingerprint(7, &Fingerprint::ONES);
        let fingerprint = BYTES * SLOTS + BYTES + (64 + 8) * SLOTS;
        let cost = Retained::default().count(&held, &live);
        assert!((cost - SLOTS - value - fingerprint) <= 64, "{cost}");

        live.ids
            .remove(crate::space::state::id_hash(1), Address::new(0x80, 7));
        assert!(
            Retained::default().count(&held, &live) > cost,
            "the directory's shard was copied"
        );
    }

    #[test]
    fn what_two_held_states_share_counts_once() {
        let mut live = state(&[0; 1000]);
        let (first, second) = (live.clone(), live.clone());
        *chunk(&mut live).value.get_mut(7) = None;
        let third = live.clone();
        *chunk(&mut live).value.get_mut(8) = Some([1; 500].as_slice().into());
        let column = SLOTS * size_of::<Option<Arc<[u8]>>>();
        let mut retained = Retained::default();
        assert_eq!(retained.count(&first, &live), column + 1000);
        assert_eq!(retained.count(&second, &live), 0);
        assert_eq!(retained.count(&third, &live), column);
    }

    #[test]
    fn a_chunk_that_is_gone_is_kept_whole() {
        let held = state(b"value");
        let cost = Retained::default().count(&held, &State::new(0));
        assert!(cost > SLOTS * (BYTES + 64), "{cost}");
    }
}
