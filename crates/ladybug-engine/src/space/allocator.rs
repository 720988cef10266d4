//! Which free address a new node gets: the free slot nearest its parent's chunk, so that a subtree
//! shares chunks; without a parent, the slot of the zone that has been free longest.
//!
//! A lookup never depends on where a node landed, so this is policy, not state that must survive:
//! after a restart free slots are queued in address order.

use std::collections::VecDeque;
use std::sync::Arc;

use super::address::{Address, CHUNKS, SLOTS, Zone};

/// The queue of a chunk's free slots, oldest first, each with the moment it became free.
type FreeSlots = VecDeque<(u64, u8)>;

/// Free slots of one space. A chunk that was never touched holds no memory here; a clone shares all others until
/// one of both writes there.
#[derive(Clone)]
pub struct Allocator {
    chunks: [Option<Arc<FreeSlots>>; CHUNKS],
    /// When each chunk's oldest free slot became free, [`FULL`] if none is: side by side, for each new node looks at
    /// those of a whole zone.
    oldest: [u64; CHUNKS],
    /// Frees so far; the slots free from the start come before all of them.
    clock: u64,
}

impl Default for Allocator {
    fn default() -> Self {
        Self {
            chunks: std::array::from_fn(|_| None),
            oldest: std::array::from_fn(|prefix| (prefix * SLOTS) as u64),
            clock: ADDRESSES_FROM_START,
        }
    }
}

/// Moments below this belong to slots that were free from the start, in address order.
const ADDRESSES_FROM_START: u64 = (CHUNKS * SLOTS) as u64;

/// The moment that stands for a chunk without a free slot.
const FULL: u64 = u64::MAX >> u8::BITS;

impl Allocator {
    /// Changes the queue of a chunk.
    fn change(&mut self, prefix: u8, change: impl FnOnce(&mut FreeSlots)) {
        let all = || {
            let slots = 0..=255;
            let free = slots.map(|slot| (Address::new(prefix, slot).index() as u64, slot));
            Arc::new(free.collect())
        };
        let free = Arc::make_mut(self.chunks[prefix as usize].get_or_insert_with(all));
        change(free);
        self.oldest[prefix as usize] = free.front().map_or(FULL, |(since, _)| *since);
        if free.is_empty() {
            // A full chunk keeps no room for free slots.
            *free = FreeSlots::new();
        }
    }

    /// The address that the next node of `zone` should get, near `parent` if it has one there;
    /// `None` if the zone is full. Take it with [`Allocator::take`].
    pub fn choose(&self, zone: Zone, parent: Option<Address>) -> Option<Address> {
        let prefix = match parent {
            Some(parent) => zone
                .prefixes()
                .map(|prefix| (prefix, self.oldest[usize::from(prefix)]))
                .filter(|(_, since)| *since != FULL)
                .min_by_key(|(prefix, since)| (prefix.abs_diff(parent.prefix()), *since))
                .map(|(prefix, _)| prefix),
            None => self.longest_free(zone),
        }?;
        let slot = match &self.chunks[prefix as usize] {
            None => 0,
            Some(free) => free.front()?.1,
        };
        Some(Address::new(prefix, slot))
    }

    /// The chunk of the zone with the slot that has been free longest: the least of plain numbers, for it is asked for each
    /// new node.
    fn longest_free(&self, zone: Zone) -> Option<u8> {
        let (first, last) = zone.prefixes().into_inner();
        let oldest = &self.oldest[usize::from(first)..=usize::from(last)];
        let numbers = (0..).zip(oldest).map(|(at, since)| since << u8::BITS | at);
        let least = numbers.fold(u64::MAX, u64::min);
        (least >> u8::BITS != FULL).then_some(first + least as u8)
    }

    /// Marks `address` as used.
    pub fn take(&mut self, address: Address) {
        self.change(address.prefix(), |free| {
            if let Some(at) = free.iter().position(|(_, slot)| *slot == address.slot()) {
                free.remove(at);
            }
        });
    }

    /// Gives `address` back; it will be reused after all that are free now.
    pub fn release(&mut self, address: Address) {
        self.clock += 1;
        let since = self.clock;
        self.change(address.prefix(), |free| {
            debug_assert!(free.iter().all(|(_, slot)| *slot != address.slot()));
            free.push_back((since, address.slot()));
        });
    }

    /// How many addresses of `zone` are free.
    pub fn free(&self, zone: Zone) -> usize {
        zone.prefixes()
            .map(|prefix| {
                self.chunks[prefix as usize]
                    .as_ref()
                    .map_or(SLOTS, |free| free.len())
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(allocator: &mut Allocator, zone: Zone, parent: Option<Address>) -> Option<Address> {
        let address = allocator.choose(zone, parent)?;
        allocator.take(address);
        Some(address)
    }

    #[test]
    fn a_zone_fills_in_order_and_then_refuses() {
        let mut allocator = Allocator::default();
        for raw in 0x8000..=0xFFFFu16 {
            assert_eq!(next(&mut allocator, Zone::Node, None), Some(Address(raw)));
        }
        assert_eq!(next(&mut allocator, Zone::Node, None), None);
        assert_eq!(allocator.free(Zone::Node), 0);
        assert_eq!(allocator.free(Zone::Fluid), Zone::Fluid.capacity());
        assert_eq!(
            next(&mut allocator, Zone::Fluid, None),
            Some(Address(0x1000))
        );
    }

    #[test]
    fn freed_addresses_are_reused_oldest_first() {
        let mut allocator = Allocator::default();
        while next(&mut allocator, Zone::Node, None).is_some() {}
        for raw in [0x9005, 0x8003, 0xFF00] {
            allocator.release(Address(raw));
        }
        let again: Vec<_> = std::iter::from_fn(|| next(&mut allocator, Zone::Node, None)).collect();
        assert_eq!(again, [0x9005, 0x8003, 0xFF00].map(Address));
    }

    #[test]
    fn children_land_in_the_nearest_chunk_with_room() {
        let mut allocator = Allocator::default();
        let parent = Address(0xA000);
        allocator.take(parent);
        for _ in 1..256 {
            let child = next(&mut allocator, Zone::Node, Some(parent)).expect("room");
            assert_eq!(child.prefix(), 0xA0);
        }
        let child = next(&mut allocator, Zone::Node, Some(parent)).expect("room");
        assert_eq!(child.prefix().abs_diff(0xA0), 1);
    }
}
