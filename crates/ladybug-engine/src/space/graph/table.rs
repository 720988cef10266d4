//! A copy-on-write array of 256 parts, each allocated on first use.
//!
//! Two levels of sixteen: cloning the table counts up to 16 references, and the first write after
//! that copies one group (16 more) and the one part it touches, never the other 255.

use std::sync::Arc;

use crate::space::retained::Piece;

/// Parts in a group, and groups in a table.
const GROUP: usize = 16;

/// Parts that are shared and copied together, each still behind a reference of its own.
type Group<T> = [Option<Arc<T>>; GROUP];

/// 256 optional parts, indexed by a byte.
#[derive(Debug)]
pub(super) struct Table<T> {
    groups: [Option<Arc<Group<T>>>; GROUP],
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            groups: self.groups.clone(),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            groups: [const { None }; GROUP],
        }
    }
}

impl<T: Clone + Default> Table<T> {
    /// Part `index`, if it was ever written and not cleared since.
    pub(super) fn get(&self, index: u8) -> Option<&T> {
        let group = self.groups[usize::from(index) / GROUP].as_ref()?;
        group[usize::from(index) % GROUP].as_deref()
    }

    /// Where part `index` lies in memory.
    pub(super) fn place(&self, index: u8) -> Option<*const T> {
        self.get(index).map(std::ptr::from_ref)
    }

    /// Whether part `index` is the same memory in both, or absent from both.
    pub(super) fn shares(&self, other: &Self, index: u8) -> bool {
        self.place(index) == other.place(index)
    }

    /// Part `index` for writing: made if it is absent, copied if somebody shares it.
    pub(super) fn get_mut(&mut self, index: u8) -> &mut T {
        let group = self.groups[usize::from(index) / GROUP].get_or_insert_default();
        let part = Arc::make_mut(group)[usize::from(index) % GROUP].get_or_insert_default();
        Arc::make_mut(part)
    }

    /// Forgets part `index`.
    pub(super) fn clear(&mut self, index: u8) {
        let slot = &mut self.groups[usize::from(index) / GROUP];
        if let Some(group) = slot {
            let group = Arc::make_mut(group);
            group[usize::from(index) % GROUP] = None;
            if group.iter().all(Option::is_none) {
                *slot = None;
            }
        }
    }

    /// Where each of the 256 parts lies and how many bytes it takes, those of `owned_bytes` included.
    pub(super) fn pieces(&self, owned_bytes: impl Fn(&T) -> usize) -> impl Iterator<Item = Piece> {
        (0..=u8::MAX).map(move |index| {
            let group = self.groups[usize::from(index) / GROUP].as_ref();
            let part = group.and_then(|group| group[usize::from(index) % GROUP].as_ref());
            part.map_or(Piece::NONE, |part| Piece::of(part, owned_bytes(part)))
        })
    }

    /// The parts that exist with their indexes, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &T)> {
        (0..=u8::MAX).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// Bytes on the heap, without what the parts own themselves.
    pub(super) fn heap_bytes(&self) -> usize {
        let groups = self.groups.iter().flatten().count();
        groups * size_of::<Group<T>>() + self.iter().count() * size_of::<T>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_after_a_clone_copies_one_part_only() {
        let mut table = Table::<Vec<u8>>::default();
        for index in 0..=u8::MAX {
            table.get_mut(index).push(index);
        }
        let held = table.clone();
        table.get_mut(0x42).push(0);
        assert_eq!(held.get(0x42), Some(&vec![0x42]));
        assert_eq!(table.get(0x42), Some(&vec![0x42, 0]));
        for index in (0..=u8::MAX).filter(|&index| index != 0x42) {
            let (left, right) = (table.get(index).unwrap(), held.get(index).unwrap());
            assert!(std::ptr::eq(left, right), "part {index} was copied");
        }
    }

    #[test]
    fn a_cleared_table_owns_nothing() {
        let mut table = Table::<Vec<u8>>::default();
        assert_eq!(table.heap_bytes(), 0);
        table.get_mut(7).push(1);
        table.get_mut(9).push(1);
        table.clear(7);
        assert_eq!(
            table.iter().map(|(index, _)| index).collect::<Vec<_>>(),
            [9]
        );
        table.clear(9);
        table.clear(200);
        assert_eq!(table.heap_bytes(), 0);
    }
}
