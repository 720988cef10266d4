//! RESP2 and RESP3, the protocol of Redis and its clients.
//!
//! - [`request`]: bytes to arguments
//! - [`reply`], [`error`]: replies to bytes

pub mod error;
pub mod reply;
pub mod request;
