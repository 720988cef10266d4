//! Query languages over the engine.

pub mod sql;
