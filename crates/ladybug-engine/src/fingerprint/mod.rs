//! Fingerprints: binary vectors of 10,240 bits, their algebra, their kernels and their encoders.
//!
//! | file | holds |
//! |---|---|
//! | [`vector`](self) | [`Fingerprint`]: its layout, bytes and hex |
//! | `algebra` | bind, permute, logic, distance, similarity |
//! | [`bundle`] | majority by bit-sliced counters |
//! | `weigh`, `plan` | the weighted majority of expanded seeds, without growing them whole |
//! | [`sketch`] | the fixed sample of 512 bits, in layers of 128, that a search looks at first |
//! | [`expand`] | a seed grown to 10,240 pseudo-random bits |
//! | [`kernel`] | the inner loops, one table of functions a processor family |
//! | [`encode`] | text, bytes, float vectors and records to fingerprints |
//!
//! Nothing here knows an address, a file, a clock or a thread. The functions are pure; the only state is
//! the choice of [`kernel`], which never changes a result.

mod algebra;
pub mod bundle;
pub mod encode;
pub mod expand;
pub mod kernel;
mod plan;
pub mod sketch;
mod vector;
mod weigh;

pub use algebra::{similarity, z};
pub use encode::Encoder;
pub use sketch::{
    GROUP, LAYER_BITS, LAYER_BYTES, LAYER_WORDS, LAYERS, Layer, OUTLINES, Outlines, REST,
    SKETCH_BITS, Sketch, layer_bytes, layer_of_bytes, sketch,
};
pub use vector::{
    BITS, BYTES, Fingerprint, FingerprintError, HEX_DIGITS, QUARTER, SIGMA, WORDS, Words,
};
