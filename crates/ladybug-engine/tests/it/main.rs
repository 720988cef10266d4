//! The engine's integration tests: what only its public face is needed for.

mod fuzz_targets;
