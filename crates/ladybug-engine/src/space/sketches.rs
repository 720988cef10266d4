//! The sketches of a chunk: a column for each layer, so that a search reads one layer of them all and no more.

use super::address::SLOTS;
use super::column::Column;
use super::retained::Piece;
use crate::fingerprint::{LAYERS, Layer, Sketch};

/// 256 sketches, copied when a snapshot holds them and a writer comes.
#[derive(Clone)]
pub struct Sketches([Column<Layer>; LAYERS]);

impl Sketches {
    /// The same sketch in every slot.
    pub(super) fn filled(sketch: Sketch) -> Self {
        Self(sketch.map(Column::filled))
    }

    /// The sketch in `slot`.
    pub fn get(&self, slot: u8) -> Sketch {
        self.0.each_ref().map(|layer| *layer.get(slot))
    }

    /// Puts a sketch into `slot`.
    pub(super) fn set(&mut self, slot: u8, sketch: Sketch) {
        for (column, layer) in self.0.iter_mut().zip(sketch) {
            *column.get_mut(slot) = layer;
        }
    }

    /// A layer of all of them; that of number 0 holds the outlines.
    pub fn layer(&self, number: usize) -> &[Layer; SLOTS] {
        self.0[number].values()
    }

    /// Where the layers lie and how many bytes they take.
    pub(super) fn pieces(&self) -> [Piece; LAYERS] {
        self.0.each_ref().map(Column::piece)
    }
}
