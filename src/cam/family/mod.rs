//! The operations, a file a family.

pub mod cypher;
pub mod lance;
pub mod nars;
pub mod qualia;
pub mod quantum;
pub mod sql;
pub mod vsa;
