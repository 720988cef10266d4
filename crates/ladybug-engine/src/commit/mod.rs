//! The one write path: log, and what is built on it.

pub mod log;
pub mod record;
