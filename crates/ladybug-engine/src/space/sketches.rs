//! The sketches of a chunk: each layer of all of them together, so that a search reads one layer and no more.

use std::sync::Arc;

use super::address::SLOTS;
use super::arena::{Arenas, Block, InArenas};
use super::retained::Piece;
use crate::fingerprint::{LAYERS, Layer, Sketch};

/// The layers of 256 sketches, 4 KiB each.
type Layers = [[Layer; SLOTS]; LAYERS];

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
        for (layers, layer) in layers.iter_mut().zip(sketch) {
            layers.fill(layer);
        }
        Self(Arc::new(layers))
    }

    /// The sketch in `slot`.
    pub fn get(&self, slot: u8) -> Sketch {
        std::array::from_fn(|layer| self.0[layer][usize::from(slot)])
    }

    /// Puts a sketch into `slot`.
    pub(super) fn set(&mut self, slot: u8, sketch: Sketch) {
        for (layers, layer) in Arc::make_mut(&mut self.0).iter_mut().zip(sketch) {
            layers[usize::from(slot)] = layer;
        }
    }

    /// A layer of all of them; that of number 0 holds the outlines.
    pub fn layer(&self, number: usize) -> &[Layer; SLOTS] {
        &self.0[number]
    }

    /// Where they lie and how many bytes they take.
    pub(super) fn piece(&self) -> Piece {
        Piece::of(&self.0, size_of::<Layers>())
    }
}
