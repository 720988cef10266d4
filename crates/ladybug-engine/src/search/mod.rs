//! Search by similarity: the nearest fingerprints of a snapshot.
//!
//! | file | holds |
//! |---|---|
//! | `filter` | which addresses a search may answer, as slots of chunks |
//! | `exact` | the scan over all of them, and its best `k` |
//! | `pool` | the threads of long reads |
//!
//! A search reads a [`Snapshot`](crate::engine::Snapshot) and takes no lock.

mod exact;
mod filter;
pub mod pool;

pub use exact::{Hit, top_k};
pub use filter::Filter;
