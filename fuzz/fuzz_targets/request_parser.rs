//! Fuzzes the request parser; what is checked is in `src/request_parser.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/request_parser.rs"]
mod request_parser;

libfuzzer_sys::fuzz_target!(|data: &[u8]| request_parser::run(data));
