//! The fuzz targets, each for a short while on random and mutated input.

use proptest::prelude::*;

#[path = "../../fuzz/src/log_reader.rs"]
mod log_reader;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_log_reader_takes_any_bytes(choice: u8, data in prop::collection::vec(any::<u8>(), 0..3000)) {
        log_reader::run(&[&[choice & !1], &data[..]].concat());
    }

    #[test]
    fn the_log_reader_takes_any_edit_of_a_log(edits in prop::collection::vec(any::<[u8; 6]>(), 0..4)) {
        log_reader::run(&[&[1], edits.as_flattened()].concat());
    }
}
