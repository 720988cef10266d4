//! Search by similarity: the nearest fingerprints of snapshots.
//!
//! | file | holds |
//! |---|---|
//! | `filter` | which addresses a search may answer, as slots of chunks |
//! | `best` | what a search answers, and the best `k` so far |
//! | `exact` | the scan over all of them |
//! | `cascade` | the search that looks at samples first |
//! | `sampling` | what a sketch says of a distance, and how far that can be trusted |
//! | `pool` | the threads of long reads |
//!
//! There is one operator, [`top_k`]: one or many queries over one or many spaces, with every one of the
//! nearest or an asked share of them. It reads [`Snapshot`](crate::engine::Snapshot)s, and takes no lock.

mod best;
mod cascade;
mod exact;
mod filter;
pub mod pool;
mod sampling;
#[cfg(test)]
mod tests;

use crate::fingerprint::{BITS, Fingerprint};
use crate::space::derive;
use best::Best;
pub use best::Hit;
pub(crate) use exact::runs;
pub(crate) use filter::subtree;
pub use filter::{Filter, Scope};
pub use sampling::{Recall, RecallError};

/// How much a search is to answer.
#[derive(Clone, Copy, Debug)]
pub struct TopK {
    /// So many of the nearest, or as many as there are.
    pub k: usize,
    /// Only up to this distance, in bits.
    pub distance_max: u32,
    /// Which share of the true nearest it must find.
    pub recall: Recall,
}

impl TopK {
    /// The `k` nearest however far they are, with the recall that a search promises unless told.
    pub const fn new(k: usize) -> Self {
        Self {
            k,
            distance_max: BITS as u32,
            recall: Recall::DEFAULT,
        }
    }

    /// The same with another recall.
    pub const fn with_recall(self, recall: Recall) -> Self {
        Self { recall, ..self }
    }

    fn best(self) -> Best {
        Best::new(self.k, self.distance_max)
    }
}

/// The nearest to each of `queries` in all of `scopes` together: for each query its hits, nearest first,
/// ties by scope and address. Distances are exact, and there are `k` wherever there are `k` candidates;
/// with a recall of less than 1 the true nearest are missed with at most the probability that is left, in their mean.
///
/// # Panics
/// If there are more than 65,536 scopes.
pub fn top_k(scopes: &[Scope<'_>], queries: &[&Fingerprint], wanted: TopK) -> Vec<Vec<Hit>> {
    top_k_while(scopes, queries, wanted, &|| true)
}

/// Whether a search is still wanted: threads of it ask before each chunk that they scan.
pub type IsWanted<'a> = &'a (dyn Fn() -> bool + Sync);

/// [`top_k`] of many, which may take long: its exact scan ends soon after nobody wants it any more, and the answer is then
/// worth nothing.
///
/// # Panics
/// If there are more than 65,536 scopes.
pub fn top_k_while(
    scopes: &[Scope<'_>],
    queries: &[&Fingerprint],
    wanted: TopK,
    is_wanted: IsWanted<'_>,
) -> Vec<Vec<Hit>> {
    assert!(
        scopes.len() <= 1 << 16,
        "invariant: a hit names its scope by a u16, and these are {}",
        scopes.len(),
    );
    if wanted.k == 0 {
        return vec![Vec::new(); queries.len()];
    }
    let segments = filter::segments(scopes);
    let mut best = cascade::search(&segments, queries, wanted, is_wanted);
    for (scope, index) in scopes.iter().zip(0..=u16::MAX) {
        if scope.asks_for_words() {
            for (query, best) in queries.iter().zip(&mut best) {
                words_near(scope, index, query, best);
            }
        }
    }
    best.into_iter().map(Best::into_sorted).collect()
}

/// Offers the words of the surface.
fn words_near(scope: &Scope<'_>, index: u16, query: &Fingerprint, best: &mut Best) {
    let state = &scope.snapshot.state;
    let start = scope.filter.name_prefix.as_deref().unwrap_or_default();
    let named = derive::words(state).filter(|(_, name)| name.as_bytes().starts_with(start));
    for (address, _) in named {
        if let Some(bits) = derive::word(state, address) {
            best.offer(Hit {
                distance: query.distance(&bits),
                scope: index,
                address,
            });
        }
    }
}
