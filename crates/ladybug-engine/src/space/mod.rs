//! The bind space: 65,536 addresses, who lives there, and how they are linked.

pub mod address;
pub mod fields;
pub mod graph;
