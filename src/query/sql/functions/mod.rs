//! The functions of Ladybug's SQL.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | fingerprints and numbers out of columns and constants |
//! | `scalar` | functions of a row |
//! | `bundle` | the aggregate |
//! | `cam` | methods of whoever gives some, of a row and after FROM |
//! | `cypher` | a Cypher statement's rows as a table |
//! | `table` | functions that stand after FROM |

mod arguments;
mod bundle;
pub(super) mod cam;
mod cypher;
mod scalar;
pub(super) mod table;

pub(super) use bundle::all as aggregate;
pub(super) use cam::METHODS;
pub(super) use scalar::{DistanceTo, all as scalar};
