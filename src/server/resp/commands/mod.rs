//! The commands, a file a family: each command's syntax, arity, flags, keys, documentation and
//! function side by side.

pub mod connection;
pub mod introspection;
pub mod pubsub;
pub mod server;
pub mod transactions;

use super::command::Command;

/// The families, in the order of the manual.
pub const FAMILIES: &[&[Command]] = &[
    connection::COMMANDS,
    server::COMMANDS,
    introspection::COMMANDS,
    transactions::COMMANDS,
    pubsub::COMMANDS,
];
