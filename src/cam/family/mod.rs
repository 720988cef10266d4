//! The operations, a file a family.

pub mod causal;
pub mod lance;
pub mod nars;
pub mod qualia;
pub mod quantum;
pub mod vsa;
