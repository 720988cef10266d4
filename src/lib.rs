//! Ladybug, the server: protocols over the memory of `ladybug-engine`.

pub mod cam;
pub mod check;
pub mod cli;
pub mod config;
pub mod health;
pub mod load;
pub mod mind;
pub mod operand;
pub mod query;
pub mod server;
