//! Decides by trying whether calls that overlapped can have happened one after another, each at some moment between its
//! beginning and its end: linearizability (Herlihy and Wing, 1990), and of whole transactions strict serializability.
//!
//! The search is Wing and Gong's ("Testing and Verifying Concurrent Objects", 1993), with Lowe's memory of what has
//! failed ("Testing for Linearizability", 2017). The crate `stateright` has the former without the latter, which takes
//! exponential time for a history that is wrong.

use std::collections::HashSet;
use std::hash::Hash;

/// What one call did, of which the model knows what it may have answered.
pub trait Call {
    /// What calls read and change.
    type State: Clone + Eq + Hash + Default;

    /// The state after the call, or `None` if it cannot have answered what it did.
    fn apply(&self, state: &Self::State) -> Option<Self::State>;
    /// Before it was sent.
    fn invoked(&self) -> u64;
    /// After its answer came.
    fn completed(&self) -> u64;
}

/// Which calls of a history have been placed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Placed(Vec<u64>);

impl Placed {
    fn contains(&self, index: usize) -> bool {
        self.0[index / 64] >> (index % 64) & 1 == 1
    }

    fn with(&self, index: usize) -> Self {
        let mut words = self.0.clone();
        words[index / 64] |= 1 << (index % 64);
        Self(words)
    }
}

/// Whether there is an order of the calls in which each answers what it did, and none comes before one that was over
/// when it began.
pub fn is_linearizable<C: Call>(calls: &[C]) -> bool {
    let mut calls: Vec<&C> = calls.iter().collect();
    calls.sort_by_key(|call| call.invoked());
    let none = Placed(vec![0; calls.len().div_ceil(64)]);
    let mut pending = vec![(none, C::State::default())];
    let mut seen: HashSet<(Placed, C::State)> = pending.iter().cloned().collect();
    while let Some((placed, state)) = pending.pop() {
        let open = || (0..calls.len()).filter(|index| !placed.contains(*index));
        // Whoever comes next began before any that is open was over.
        let Some(horizon) = open().map(|index| calls[index].completed()).min() else {
            return true;
        };
        for index in open().take_while(|index| calls[*index].invoked() <= horizon) {
            if let Some(state) = calls[index].apply(&state) {
                let next = (placed.with(index), state);
                if seen.insert(next.clone()) {
                    pending.push(next);
                }
            }
        }
    }
    false
}
