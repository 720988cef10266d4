//! What the server speaks: each protocol parses, calls the engine and renders. No logic of its own.

pub mod resp;
