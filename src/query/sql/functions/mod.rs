//! The functions of Ladybug's SQL.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | fingerprints and numbers out of columns and constants |
//! | `scalar` | functions of a row |
//! | `bundle` | the aggregate |
//! | `cypher` | a Cypher statement's rows as a table |
//! | `table` | functions that stand after FROM |

mod arguments;
mod bundle;
mod cypher;
mod scalar;
pub(super) mod table;

pub(super) use bundle::all as aggregate;
pub(super) use scalar::all as scalar;
