//! Fuzzes the payload of log records; what is checked is in `src/batch.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/batch.rs"]
mod batch;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    batch::run(data);
});
