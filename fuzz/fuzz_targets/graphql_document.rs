//! Fuzzes GraphQL documents; what is checked is in `src/graphql_document.rs`, which the ordinary tests run as well.
#![no_main]

#[path = "../src/graphql_document.rs"]
mod graphql_document;

libfuzzer_sys::fuzz_target!(|data: &[u8]| graphql_document::run(data));
