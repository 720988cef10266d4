//! RESP2 and RESP3, the protocol of Redis and its clients. In the order of a request's life:
//!
//! - [`listener`]: accepts connections and spreads them over the I/O threads
//! - [`connection`]: reads, executes, writes
//! - [`request`]: bytes to arguments
//! - [`session`]: arguments to a reply, by the [`command`] table and its [`commands`], which
//!   [`execution`] runs with a [`context`], and [`exec`] those of a transaction
//! - [`reply`], [`error`]: replies to bytes
//!
//! and what they share: [`server`], [`client`], [`caller`], [`publish`], [`notify`], [`monitor`], [`slowlog`],
//! [`save`], [`scrub`], [`stats`], [`parameters`], [`glob`], [`reference`], [`digits`], [`extended`],
//! [`random`].

pub mod caller;
pub mod client;
pub mod command;
pub mod commands;
pub mod commands_table;
pub mod connection;
pub mod context;
pub mod digits;
pub mod error;
pub mod exec;
pub mod execution;
pub mod extended;
pub mod glob;
pub mod listener;
pub mod monitor;
pub mod notify;
pub mod parameters;
pub mod publish;
pub mod random;
pub mod reference;
pub mod reply;
pub mod request;
pub mod save;
pub mod scrub;
pub mod server;
pub mod session;
pub mod slowlog;
pub mod stats;
pub mod syntax;
