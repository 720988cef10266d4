//! Fuzzes the reader of Arrow IPC that clients send; what is checked is in `src/received.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/received.rs"]
mod received;

libfuzzer_sys::fuzz_target!(|data: &[u8]| received::run(data));
