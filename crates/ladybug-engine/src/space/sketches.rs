//! The sketches of a chunk: the outlines of all of them by bytes, as a search reads them, and each other layer by itself,
//! so that one that reads outlines reads nothing else.

use std::sync::Arc;

use super::address::SLOTS;
use super::arena::{Arenas, Block, InArenas};
use super::retained::Piece;
use crate::fingerprint::{
    GROUP, Layer, OUTLINES, Outlines, REST, Sketch, layer_bytes, layer_of_bytes,
};

/// The layers of 256 sketches, 4 KiB each.
pub struct Layers {
    outlines: Outlines,
    rest: [[Layer; SLOTS]; REST],
}

impl Layers {
    /// The outlines.
    pub fn outlines(&self) -> &Outlines {
        const { assert!(OUTLINES == SLOTS) };
        &self.outlines
    }

    /// The other layers, each of all slots.
    pub fn rests(&self) -> &[[Layer; SLOTS]; REST] {
        &self.rest
    }

    /// What `slot` has beside its outline.
    pub fn rest(&self, slot: u8) -> [&Layer; REST] {
        self.rest
            .each_ref()
            .map(|layers| &layers[usize::from(slot)])
    }
}

/// The group of a slot's outline, and its place there.
fn outlined(slot: u8) -> (usize, usize) {
    (usize::from(slot) / GROUP, usize::from(slot) % GROUP)
}

static ARENAS: Arenas<Layers> = Arenas::new();

// SAFETY: integers, 16 KiB of them, and the arenas are for these alone.
unsafe impl InArenas for Layers {
    fn arenas() -> &'static Arenas<Self> {
        &ARENAS
    }
}

/// 256 sketches, copied when a snapshot holds them and a writer comes.
#[derive(Clone)]
pub struct Sketches(Arc<Block<Layers>>);

impl Sketches {
    /// The same sketch in every slot.
    pub(super) fn filled(sketch: Sketch) -> Self {
        let mut layers = Block::<Layers>::zeroed();
        let [outline, rest @ ..] = sketch;
        for group in &mut layers.outlines {
            *group = layer_bytes(&outline).map(|byte| [byte; GROUP]);
        }
        for (layers, layer) in layers.rest.iter_mut().zip(rest) {
            layers.fill(layer);
        }
        Self(Arc::new(layers))
    }

    /// The sketch in `slot`.
    pub fn get(&self, slot: u8) -> Sketch {
        let (group, place) = outlined(slot);
        let bytes = self.0.outlines[group].map(|row| row[place]);
        let [second, third, fourth] = self.0.rest(slot).map(|layer| *layer);
        [layer_of_bytes(bytes), second, third, fourth]
    }

    /// Puts a sketch into `slot`.
    pub(super) fn set(&mut self, slot: u8, sketch: Sketch) {
        let layers = Arc::make_mut(&mut self.0);
        let [outline, rest @ ..] = sketch;
        let (group, place) = outlined(slot);
        for (row, byte) in layers.outlines[group].iter_mut().zip(layer_bytes(&outline)) {
            row[place] = byte;
        }
        for (layers, layer) in layers.rest.iter_mut().zip(rest) {
            layers[usize::from(slot)] = layer;
        }
    }

    /// The layers of all of them.
    pub fn layers(&self) -> &Layers {
        &self.0
    }

    /// Where they lie and how many bytes they take.
    pub(super) fn piece(&self) -> Piece {
        Piece::of(&self.0, size_of::<Layers>())
    }
}
