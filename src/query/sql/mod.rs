//! SQL over the memory as it lives: DataFusion plans and runs, the engine is its tables.
//!
//! | room | holds |
//! |---|---|
//! | `handle` | what is made once: functions, rules, threads, limits |
//! | `session` | a connection's side: its space, its transaction, its statements |
//! | `dialect`, `parse` | text to syntax tree, within bounds |
//! | `methods` | what SQL knows of methods that it calls and somebody else gives |
//! | `pieces` | lists and queries that somebody gives, checked to be no more |
//! | `statement` | what one statement sees: its tables, and one snapshot of each space |
//! | `relation` | what may follow FROM: versions, table functions |
//! | `catalog` | spaces as schemas, for SHOW and `information_schema` |
//! | `tables` | the tables, and what of a WHERE they answer themselves |
//! | `functions` | scalar, aggregate and table functions |
//! | `nearest` | what lets ORDER BY hamming(…) LIMIT k be a search |
//! | `planning` | the states that plans are made with, and the rules that a plan needs |
//! | `direct` | plans of the plainest queries, made in one pass |
//! | `singles` | the rule that lets `confidence = 0.9` find what was stored as 0.9 |
//! | `write` | INSERT, UPDATE, DELETE and TRUNCATE as commits |
//! | `error` | what can go wrong |
//!
//! It knows the engine and no protocol. Servers begin a [`Session`] of the one [`Sql`] for each connection.

mod catalog;
mod dialect;
mod direct;
mod error;
mod functions;
mod handle;
mod methods;
mod nearest;
mod parse;
mod pieces;
mod planning;
mod relation;
mod session;
mod singles;
mod statement;
mod tables;
mod write;

pub use catalog::{CATALOG, TableInfo, schema_of};
pub use error::SqlError;
pub use handle::{MEMORY_BYTES, Sql, SqlOptions};
pub use methods::{Here, Methods};
pub use parse::predicate;
pub use pieces::{changes_rows, expressions, order, query_with};
pub use session::{Done, Executed, Prepared, Rows, Session};
pub use tables::{OBSERVATION, Observation};
pub use write::fields_of_json;
