//! Repairing a chunk in place: no change of the space, since nobody could have meant the damage.

use super::Space;
use crate::space::address::Address;
use crate::space::chunk::Chunk;
use crate::space::chunk::parity::{Remedy, Repair};

impl Space {
    /// Repairs what is damaged in a chunk; see [`Chunk::repair`]. Reified edges may have been encoded from an end
    /// while it was damaged: they are to be encoded anew.
    pub fn repair(&mut self, prefix: u8) -> Repair {
        let is_clean = |chunk: &Chunk| chunk.examine().is_clean();
        let chunk = self.state.chunk(prefix);
        if chunk.is_none_or(|chunk| is_clean(chunk)) {
            return Repair::default();
        }
        let chunk = self.chunk_mut(Address::new(prefix, 0));
        let repair = chunk.repair();
        let bound = chunk.bound;
        let rebuilt = repair.slots.iter();
        let rebuilt = rebuilt.filter(|(_, remedy)| *remedy == Remedy::Parity);
        for (slot, _) in rebuilt.filter(|(slot, _)| bound.contains(*slot)) {
            for edge in self.reified_at(Address::new(prefix, *slot)) {
                self.edge_changed(edge);
            }
        }
        repair
    }

    /// Makes a chunk's parity row that of its fingerprints, if all of them are whole; false if it is, or
    /// cannot be.
    pub fn recompute_parity(&mut self, prefix: u8) -> bool {
        let is_due = |chunk: &Chunk| chunk.damaged().is_empty() && !chunk.parity_holds();
        let chunk = self.state.chunk(prefix);
        chunk.is_some_and(|chunk| is_due(chunk))
            && self.chunk_mut(Address::new(prefix, 0)).recompute_parity()
    }

    /// Damages a chunk, as a fault of the memory does.
    #[cfg(test)]
    pub fn damage(&mut self, prefix: u8, damage: impl FnOnce(&mut Chunk)) {
        damage(self.chunk_mut(Address::new(prefix, 0)));
    }
}
