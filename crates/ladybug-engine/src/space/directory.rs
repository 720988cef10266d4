//! A copy-on-write directory from keys to addresses, in 256 shards.
//!
//! It stores addresses only: the key of an entry (a name, an id) is read where the node lives, so
//! an entry costs two bytes and a control byte, and a shard is copied in well under a microsecond.

use std::sync::Arc;

use hashbrown::HashTable;

use super::address::Address;
use super::retained::Piece;

const SHARDS: usize = 256;

/// Addresses found by a 64-bit hash of their key, whose top byte names the shard.
#[derive(Clone)]
pub struct Directory(Arc<[Option<Arc<HashTable<u16>>>; SHARDS]>, usize);

impl Default for Directory {
    fn default() -> Self {
        Self(Arc::new(std::array::from_fn(|_| None)), 0)
    }
}

fn shard_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

/// The hash for the table of a shard, which tells entries apart by the topmost bits of it: those of `hash` are the same
/// for a whole shard.
fn in_shard(hash: u64) -> u64 {
    hash.rotate_left(8)
}

impl Directory {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.1
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.1 == 0
    }

    /// The address under `hash` whose key `matches`.
    pub fn find(&self, hash: u64, mut matches: impl FnMut(Address) -> bool) -> Option<Address> {
        self.0[shard_of(hash)]
            .as_ref()?
            .find(in_shard(hash), |&raw| matches(Address(raw)))
            .map(|&raw| Address(raw))
    }

    /// Adds an entry that is not there yet; `hash_of` answers the hash of any entry's key.
    pub fn insert(&mut self, hash: u64, address: Address, hash_of: impl Fn(Address) -> u64) {
        let shard = Arc::make_mut(&mut self.0)[shard_of(hash)].get_or_insert_default();
        let hash_of = |&raw: &u16| in_shard(hash_of(Address(raw)));
        Arc::make_mut(shard).insert_unique(in_shard(hash), address.0, hash_of);
        self.1 += 1;
    }

    /// Removes the entry of `address` under `hash`; false if it was not there.
    pub fn remove(&mut self, hash: u64, address: Address) -> bool {
        let Some(shard) = &mut Arc::make_mut(&mut self.0)[shard_of(hash)] else {
            return false;
        };
        let entry = Arc::make_mut(shard).find_entry(in_shard(hash), |&raw| raw == address.0);
        let found = entry.map(|entry| entry.remove()).is_ok();
        self.1 -= found as usize;
        found
    }

    /// Lets the entry of `from` name `to` instead; the key stays.
    pub fn relocate(&mut self, hash: u64, from: Address, to: Address) {
        let shard = Arc::make_mut(&mut self.0)[shard_of(hash)].get_or_insert_default();
        if let Some(raw) = Arc::make_mut(shard).find_mut(in_shard(hash), |&raw| raw == from.0) {
            *raw = to.0;
        }
    }

    /// Where each shard lies and how many bytes it takes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.0.iter().map(|shard| {
            let piece = |shard: &Arc<HashTable<u16>>| Piece::of(shard, shard.allocation_size());
            shard.as_ref().map_or(Piece::NONE, piece)
        })
    }

    /// Every entry, shard by shard.
    pub fn iter(&self) -> impl Iterator<Item = Address> {
        self.0
            .iter()
            .flatten()
            .flat_map(|shard| shard.iter().map(|&raw| Address(raw)))
    }

    /// A page of a scan in hash order, from the hash `cursor` on: at least `count` entries while
    /// there are as many, never splitting entries of equal hash, and the hash at which to go on.
    ///
    /// Whatever is inserted, removed or moved between two pages, an entry that was there
    /// throughout appears, since its hash does not change.
    pub fn scan(
        &self,
        cursor: u64,
        count: usize,
        hash_of: impl Fn(Address) -> u64,
    ) -> (Vec<Address>, Option<u64>) {
        let mut page: Vec<(u64, Address)> = Vec::new();
        for shard in shard_of(cursor)..SHARDS {
            let Some(table) = &self.0[shard] else {
                continue;
            };
            let start = page.len();
            page.extend(
                table
                    .iter()
                    .map(|&raw| (hash_of(Address(raw)), Address(raw)))
                    .filter(|(hash, _)| *hash >= cursor),
            );
            page[start..].sort_unstable();
            if page.len() > count {
                break;
            }
        }
        let mut next = None;
        if page.len() > count {
            let last = page[count.max(1) - 1].0;
            let end = page.partition_point(|(hash, _)| *hash <= last);
            next = last.checked_add(1);
            page.truncate(end);
        }
        let addresses = page.into_iter().map(|(_, address)| address).collect();
        (addresses, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(address: Address) -> u64 {
        // Few distinct hashes, so that collisions are common.
        (address.0 as u64 / 3).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn filled(range: std::ops::Range<u16>) -> Directory {
        let mut directory = Directory::default();
        for raw in range {
            directory.insert(hash_of(Address(raw)), Address(raw), hash_of);
        }
        directory
    }

    #[test]
    fn finds_what_was_inserted_and_snapshots_do_not_change() {
        let mut directory = filled(0..5000);
        let snapshot = directory.clone();
        for raw in (0..5000).step_by(2) {
            assert!(directory.remove(hash_of(Address(raw)), Address(raw)));
            assert!(!directory.remove(hash_of(Address(raw)), Address(raw)));
        }
        directory.relocate(hash_of(Address(7)), Address(7), Address(9000));
        assert_eq!((directory.len(), snapshot.len()), (2500, 5000));
        let find =
            |d: &Directory, key: u16, at: u16| d.find(hash_of(Address(key)), |a| a == Address(at));
        assert_eq!(find(&directory, 7, 9000), Some(Address(9000)));
        assert_eq!(find(&directory, 8, 8), None);
        assert_eq!(find(&snapshot, 8, 8), Some(Address(8)));
        assert_eq!(snapshot.iter().count(), 5000);
    }

    #[test]
    fn an_entry_is_found_without_looking_at_the_keys_of_its_shard() {
        let spread = |address: Address| u64::from(address.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut directory = Directory::default();
        for raw in 1..=u16::MAX {
            directory.insert(spread(Address(raw)), Address(raw), spread);
        }
        let mut looked_at = 0;
        for raw in 1..=u16::MAX {
            let found = directory.find(spread(Address(raw)), |address| {
                looked_at += 1;
                address.0 == raw
            });
            assert_eq!(found, Some(Address(raw)));
        }
        assert!(looked_at < 80_000, "{looked_at} keys for 65,535 entries");
    }

    #[test]
    fn a_scan_returns_everything_that_was_there_throughout() {
        for count in [1, 2, 10, 1000, 10_000] {
            let mut directory = filled(0..3000);
            let (mut seen, mut cursor, mut fresh) = (Vec::new(), 0, 3000u16);
            loop {
                let (page, next) = directory.scan(cursor, count, hash_of);
                seen.extend(page);
                // Churn: the even ones of the first thousand vanish, new ones come.
                let gone = Address((fresh * 2) % 1000);
                directory.remove(hash_of(gone), gone);
                directory.insert(hash_of(Address(fresh)), Address(fresh), hash_of);
                fresh += 1;
                match next {
                    Some(next) => cursor = next,
                    None => break,
                }
            }
            for raw in (1..3000u16).step_by(2) {
                assert!(seen.contains(&Address(raw)), "{raw} with count {count}");
            }
        }
    }
}
