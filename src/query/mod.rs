//! Query languages over the engine: they read snapshots, and what they write goes through its one commit.

pub mod cypher;
pub mod graphql;
pub mod sql;
