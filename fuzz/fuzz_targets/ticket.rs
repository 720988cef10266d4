//! Fuzzes the parser of tickets; what is checked is in `src/ticket.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/ticket.rs"]
mod ticket;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ticket::run(data));
