//! The one write path: mutations as bytes, the transaction that gathers them, the log that makes them
//! durable.

pub mod batch;
pub mod cell;
pub mod checkpoint;
pub mod codec;
pub mod difference;
pub mod draft;
pub mod event;
pub mod history;
pub mod log;
pub mod merge;
pub mod payload;
pub mod record;
pub mod transaction;
