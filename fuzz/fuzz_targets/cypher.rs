//! Fuzzes the parser and compiler of Cypher; what is checked is in `src/cypher.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/cypher.rs"]
mod cypher;

libfuzzer_sys::fuzz_target!(|data: &[u8]| cypher::run(data));
