//! The one integration-test binary.

mod cypher;
mod cypher_tck;
mod dag;
mod differential;
mod fuzz_targets;
mod graph;
mod graphql;
mod harness;
mod hermitage;
mod isolation;
mod kill;
mod kill_transactions;
mod linearizability;
mod nodes;
mod parity;
mod random;
mod resp_commands;
mod resp_connection;
mod resp_data;
mod resp_pubsub;
mod resp_redis;
mod resp_shutdown;
mod resp_transactions;
mod search;
mod sql;
mod values;
