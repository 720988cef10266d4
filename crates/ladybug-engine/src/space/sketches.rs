//! The sketches of a chunk: the outlines of all of them by bytes, as a search reads them, and each other layer by itself,
//! so that one that reads outlines reads nothing else.

use std::sync::Arc;

use super::address::SLOTS;
use super::arena::{Arenas, Block, InArenas};
use super::retained::Piece;
use crate::fingerprint::{
    GROUP, Layer, OUTLINES, Outlines, REST, Sketch, layer_bytes, layer_of_bytes,
};

/// The outlines of 256 sketches, 4 KiB, and their other layers, each of all slots, 12 KiB. They lie apart: so the outlines of
/// a space are dense in memory and use all sets of the second cache, which then holds them from one search to the next.
#[derive(Clone, Copy)]
pub struct Layers<'a> {
    outlines: &'a Outlines,
    rest: &'a Rests,
}

/// The layers beside the outline, each of all slots.
pub type Rests = [[Layer; SLOTS]; REST];

impl<'a> Layers<'a> {
    /// The outlines.
    pub fn outlines(self) -> &'a Outlines {
        const { assert!(OUTLINES == SLOTS) };
        self.outlines
    }

    /// The other layers, each of all slots.
    pub fn rests(self) -> &'a Rests {
        self.rest
    }

    /// What `slot` has beside its outline.
    pub fn rest(self, slot: u8) -> [&'a Layer; REST] {
        self.rest
            .each_ref()
            .map(|layers| &layers[usize::from(slot)])
    }
}

/// The group of a slot's outline, and its place there.
fn outlined(slot: u8) -> (usize, usize) {
    (usize::from(slot) / GROUP, usize::from(slot) % GROUP)
}

static OUTLINE_ARENAS: Arenas<Outlines> = Arenas::new();
static REST_ARENAS: Arenas<Rests> = Arenas::new();

// SAFETY: integers, 4 KiB of them, and the arenas are for these alone.
unsafe impl InArenas for Outlines {
    fn arenas() -> &'static Arenas<Self> {
        &OUTLINE_ARENAS
    }
}

// SAFETY: integers, 12 KiB of them, and the arenas are for these alone.
unsafe impl InArenas for Rests {
    fn arenas() -> &'static Arenas<Self> {
        &REST_ARENAS
    }
}

/// 256 sketches, copied when a snapshot holds them and a writer comes.
#[derive(Clone)]
pub struct Sketches {
    outlines: Arc<Block<Outlines>>,
    rest: Arc<Block<Rests>>,
}

impl Sketches {
    /// The same sketch in every slot.
    pub(super) fn filled(sketch: Sketch) -> Self {
        let (mut outlines, mut rests) = (Block::<Outlines>::zeroed(), Block::<Rests>::zeroed());
        let [outline, rest @ ..] = sketch;
        for group in outlines.iter_mut() {
            *group = layer_bytes(&outline).map(|byte| [byte; GROUP]);
        }
        for (layers, layer) in rests.iter_mut().zip(rest) {
            layers.fill(layer);
        }
        Self {
            outlines: Arc::new(outlines),
            rest: Arc::new(rests),
        }
    }

    /// The sketch in `slot`.
    pub fn get(&self, slot: u8) -> Sketch {
        let (group, place) = outlined(slot);
        let bytes = self.outlines[group].map(|row| row[place]);
        let [second, third, fourth] = self.layers().rest(slot).map(|layer| *layer);
        [layer_of_bytes(bytes), second, third, fourth]
    }

    /// Puts a sketch into `slot`.
    pub(super) fn set(&mut self, slot: u8, sketch: Sketch) {
        let [outline, rest @ ..] = sketch;
        let (group, place) = outlined(slot);
        let rows = &mut Arc::make_mut(&mut self.outlines)[group];
        for (row, byte) in rows.iter_mut().zip(layer_bytes(&outline)) {
            row[place] = byte;
        }
        let rests = Arc::make_mut(&mut self.rest);
        for (layers, layer) in rests.iter_mut().zip(rest) {
            layers[usize::from(slot)] = layer;
        }
    }

    /// The layers of all of them.
    pub fn layers(&self) -> Layers<'_> {
        Layers {
            outlines: &self.outlines,
            rest: &self.rest,
        }
    }

    /// Where they lie and how many bytes they take.
    pub(super) fn pieces(&self) -> [Piece; 2] {
        [
            Piece::of(&self.outlines, size_of::<Outlines>()),
            Piece::of(&self.rest, size_of::<Rests>()),
        ]
    }
}
