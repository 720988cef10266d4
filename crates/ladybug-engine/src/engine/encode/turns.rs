//! Searches take turns to encode what is pending in a space, and those who wait share what the next one makes:
//! beside fast writers everything is pending again, and to encode it once for each search would starve them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use parking_lot::Mutex;

use crate::commit::transaction::SpaceId;

/// The turns of all spaces.
pub(crate) struct Turns<T> {
    /// How many have asked so far.
    asked: AtomicU64,
    /// Of the spaces where somebody makes or waits.
    turns: Mutex<HashMap<SpaceId, Arc<Turn<T>>>>,
}

/// Held while something is made: what was made last, and how many had asked when that began.
type Turn<T> = Mutex<Option<(u64, T)>>;

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            asked: AtomicU64::new(0),
            turns: Mutex::default(),
        }
    }
}

impl<T: Clone> Turns<T> {
    /// What `make` makes, or what another caller made of the same space, if that began after this call. Blocks
    /// while another makes.
    pub fn take(&self, space: SpaceId, make: impl FnOnce() -> T) -> T {
        let before_me = self.asked.fetch_add(1, SeqCst);
        let turn = Arc::clone(self.turns.lock().entry(space).or_default());
        let mut made = turn.lock();
        let shared = made.take().filter(|(asked, _)| *asked > before_me);
        let (asked, value) = shared.unwrap_or_else(|| (self.asked.load(SeqCst), make()));
        let mut turns = self.turns.lock();
        // Only under this lock does anybody come to hold a turn, or let go of it: the map's and mine mean that nobody
        // waits.
        if Arc::strong_count(&turn) > 2 {
            *made = Some((asked, value.clone()));
        } else {
            turns.remove(&space);
        }
        drop(made);
        drop(turn);
        drop(turns);
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use std::thread;

    use super::*;

    #[test]
    fn who_waits_shares_the_next_and_never_what_began_before_it_asked() {
        const WAITING: u64 = 6;
        let turns = Turns::default();
        let made = AtomicUsize::new(0);
        let make = || made.fetch_add(1, SeqCst);
        let has_begun = AtomicBool::new(false);
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                turns.take(0, || {
                    has_begun.store(true, SeqCst);
                    // Until all others have asked.
                    while turns.asked.load(SeqCst) <= WAITING {
                        thread::yield_now();
                    }
                    make()
                })
            });
            while !has_begun.load(SeqCst) {
                thread::yield_now();
            }
            let others: Vec<_> = (0..WAITING)
                .map(|_| scope.spawn(|| turns.take(0, make)))
                .collect();
            assert_eq!(first.join().expect("the first"), 0);
            for other in others {
                // One who has asked and not yet come to the lock finds the turn free, and makes its own.
                assert!(other.join().expect("one who waited") > 0);
            }
        });
        assert!(turns.turns.lock().is_empty(), "nothing is kept for nobody");
        assert_eq!(turns.take(0, make), made.load(SeqCst) - 1);
    }

    #[test]
    fn spaces_do_not_wait_for_each_other() {
        let turns = Turns::default();
        assert_eq!(turns.take(0, || turns.take(1, || 1) + 1), 2);
    }

    #[test]
    fn what_was_made_for_those_who_wait_is_shared() {
        let turns = Turns::default();
        let turn: Arc<Turn<u8>> = Arc::new(Mutex::new(Some((2, 7))));
        turns.turns.lock().insert(0, Arc::clone(&turn));
        turns.asked.store(1, SeqCst);
        assert_eq!(
            turns.take(0, || 8),
            7,
            "begun after two had asked, of whom it is one"
        );
        assert_eq!(turns.take(0, || 8), 8, "begun before");
    }
}
