//! The commands, a file a family: each command's syntax, arity, flags, keys, documentation and
//! function side by side.

pub mod cam;
pub mod connection;
pub mod content;
pub mod cypher;
pub mod dag;
pub mod expiry;
pub mod graph;
pub mod graphql;
pub mod hashes;
pub mod help;
pub mod introspection;
pub mod keys;
pub mod number;
pub mod operand;
pub mod parity;
pub mod paths;
pub mod pubsub;
pub mod search;
pub mod server;
pub mod sql;
pub mod strings;
pub mod transactions;
pub mod zones;

use super::command::Command;

/// The families, in the order of the manual.
pub const FAMILIES: &[&[Command]] = &[
    connection::COMMANDS,
    server::COMMANDS,
    parity::COMMANDS,
    introspection::COMMANDS,
    keys::COMMANDS,
    strings::COMMANDS,
    hashes::COMMANDS,
    transactions::COMMANDS,
    dag::COMMANDS,
    pubsub::COMMANDS,
    paths::COMMANDS,
    zones::COMMANDS,
    graph::COMMANDS,
    search::COMMANDS,
    cypher::COMMANDS,
    sql::COMMANDS,
    graphql::COMMANDS,
    cam::COMMANDS,
];
