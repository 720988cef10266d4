//! Memory for what searches read: blocks of one size, out of arenas on huge pages where the system gives them,
//! recycled when they are dropped.
//!
//! A search reads a little of nearly all of them. On pages of 4 KiB it would wait for an address to be looked up as
//! often as for the data.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use memmap2::MmapOptions;
use parking_lot::Mutex;

/// Size and alignment of a huge page.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// What lies in blocks of its own size.
///
/// # Safety
/// Zero bytes are a value, a copy of a value's bytes is another, and a value need not be dropped. Its size is a multiple
/// of its alignment and of 64. All that [`arenas`](Self::arenas) hands out is for this type.
pub unsafe trait InArenas: Send + Sync + Sized + 'static {
    /// Where its blocks come from.
    fn arenas() -> &'static Arenas<Self>;
}

/// Blocks that are not in use. Arenas are never given back to the system: they hold at most what the process
/// once needed at the same time.
pub struct Arenas<T>(Mutex<Vec<FreeBlock<T>>>);

/// A block's memory, and whether it has been zero since it came from the system.
struct FreeBlock<T> {
    at: NonNull<T>,
    is_zero: bool,
}

// SAFETY: a free block is owned by whoever holds the value; nothing is tied to a thread.
unsafe impl<T: Send> Send for FreeBlock<T> {}

impl<T: InArenas> Arenas<T> {
    /// The least memory of whole blocks and whole huge pages.
    const ARENA_BYTES: usize = {
        let (mut bytes, block) = (HUGE_PAGE_BYTES, size_of::<T>());
        while !bytes.is_multiple_of(block) {
            bytes += HUGE_PAGE_BYTES;
        }
        bytes
    };

    /// No arena yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// A block, after a new arena was mapped if none was free.
    fn take(&self) -> FreeBlock<T> {
        let mut free = self.0.lock();
        if free.is_empty() {
            let arena = map(Self::ARENA_BYTES).cast::<T>();
            for block in (0..Self::ARENA_BYTES / size_of::<T>()).rev() {
                // SAFETY: the offset lies in the arena, which is aligned to a huge page, and is a multiple of the block.
                let at = unsafe { arena.add(block) };
                free.push(FreeBlock { at, is_zero: true });
            }
        }
        free.pop().expect("invariant: an arena has a block")
    }
}

/// So many zero bytes, aligned to a huge page.
fn map(bytes: usize) -> NonNull<u8> {
    // Room to align: what is never touched takes no memory.
    let Ok(mut map) = MmapOptions::new().len(bytes + HUGE_PAGE_BYTES).map_anon() else {
        let layout = Layout::from_size_align(bytes, HUGE_PAGE_BYTES);
        handle_alloc_error(layout.expect("invariant: an arena is whole huge pages"));
    };
    let start = map.as_ptr().align_offset(HUGE_PAGE_BYTES);
    // Advice: without it the same memory comes in small pages.
    #[cfg(target_os = "linux")]
    let _ = map.advise_range(memmap2::Advice::HugePage, start, bytes);
    let arena = NonNull::from(&mut map[start..start + bytes]).cast();
    std::mem::forget(map);
    arena
}

/// A value in a block of its own.
pub struct Block<T: InArenas>(NonNull<T>);

// SAFETY: a block owns its memory exclusively and has no interior mutability.
unsafe impl<T: InArenas> Send for Block<T> {}
// SAFETY: as above; shared access only reads.
unsafe impl<T: InArenas> Sync for Block<T> {}

impl<T: InArenas> Block<T> {
    /// Zero bytes.
    pub fn zeroed() -> Self {
        let FreeBlock { at, is_zero } = T::arenas().take();
        if !is_zero {
            // SAFETY: the block is owned memory as large as a `T`, of which zero is a value.
            unsafe { at.write_bytes(0, 1) };
        }
        Self(at)
    }
}

impl<T: InArenas> Deref for Block<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the memory is owned, aligned, and initialised (zeroed or copied) from the start.
        unsafe { self.0.as_ref() }
    }
}

impl<T: InArenas> DerefMut for Block<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` makes the access exclusive.
        unsafe { self.0.as_mut() }
    }
}

impl<T: InArenas> Clone for Block<T> {
    fn clone(&self) -> Self {
        let FreeBlock { at, .. } = T::arenas().take();
        // SAFETY: both are a `T`'s memory, a copy of its bytes is a value, and a free block is no other's.
        unsafe { at.copy_from_nonoverlapping(self.0, 1) };
        Self(at)
    }
}

impl<T: InArenas> Drop for Block<T> {
    fn drop(&mut self) {
        T::arenas().0.lock().push(FreeBlock {
            at: self.0,
            is_zero: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Words = [u64; 24 << 10];

    static ARENAS: Arenas<Words> = Arenas::new();

    // SAFETY: integers, 192 KiB of them, and the arenas are for these alone.
    unsafe impl InArenas for Words {
        fn arenas() -> &'static Arenas<Self> {
            &ARENAS
        }
    }

    #[test]
    fn blocks_are_zero_aligned_apart_and_used_again() {
        assert_eq!(Arenas::<Words>::ARENA_BYTES, 3 * HUGE_PAGE_BYTES);
        for round in 0..3 {
            let mut blocks: Vec<_> = (0..40).map(|_| Block::<Words>::zeroed()).collect();
            for (n, block) in (1..).zip(&mut blocks) {
                assert!(block.iter().all(|word| *word == 0), "round {round}");
                block.fill(n);
                assert!(block.as_ptr().addr().is_multiple_of(64));
            }
            let copies = blocks.clone();
            for (n, block) in (1..).zip(&blocks) {
                assert!(block.iter().all(|word| *word == n), "round {round}");
            }
            drop(blocks);
            for (n, copy) in (1..).zip(&copies) {
                assert!(copy.iter().all(|word| *word == n), "round {round}");
            }
        }
        // Eighty at the same time: three arenas of 32.
        assert_eq!(ARENAS.0.lock().len(), 96);
    }
}
