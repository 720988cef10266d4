//! Fuzzes reading the log; what is checked is in `src/log_reader.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/log_reader.rs"]
mod log_reader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| log_reader::run(data));
