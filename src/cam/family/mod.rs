//! The operations, a file a family.

pub mod causal;
pub mod cypher;
pub mod graphql;
pub mod lance;
pub mod learning;
pub mod memory;
pub mod meta;
pub mod nars;
pub mod qualia;
pub mod quantum;
pub mod sql;
pub mod temporal;
pub mod vsa;
