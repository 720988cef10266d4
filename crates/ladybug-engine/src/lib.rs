//! Ladybug's memory: fingerprints, the bind space, the commit path and search.
//!
//! It knows nothing of protocols. Rooms, from the top down: `table`, `engine`, `search`, `commit`, `space`,
//! `fingerprint`; `storage` and `error` lie below everything.

pub mod commit;
pub mod engine;
pub mod error;
pub mod fingerprint;
pub mod search;
pub mod space;
pub mod storage;
mod sync;
pub mod table;
