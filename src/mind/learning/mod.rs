//! Learning: what is counted, chosen, factored, and what follows what.
//!
//! | room | holds |
//! |---|---|
//! | [`prototype`] | counts of examples by bits, and their majority |
//! | [`bandit`] | choices between arms by what they brought |
//! | [`sequence`] | sequences and pairs as binary spatter code |
//! | [`resonator`] | products taken apart into factors |

pub mod bandit;
pub mod prototype;
pub mod resonator;
pub mod sequence;
