//! The engine's kernel files as a tree of their own, which compiles without Cargo and for any target: what
//! they ask of the rest of the engine is here.

#[path = "../../crates/ladybug-engine/src/fingerprint/expand.rs"]
pub mod expand;
#[path = "kernel.rs"]
pub mod kernel;
#[path = "../../crates/ladybug-engine/src/fingerprint/plan.rs"]
mod plan;
#[path = "sum.rs"]
pub mod sum;

/// As `ladybug_engine::fingerprint::vector`.
pub mod vector {
    pub const WORDS: usize = 160;
    pub const QUARTER: usize = 40;
    pub type Words = [u64; WORDS];
}

/// As `ladybug_engine::fingerprint::sketch`.
pub mod sketch {
    pub const SKETCH_BITS: usize = 512;
    pub const LAYERS: usize = 4;
    pub const REST: usize = LAYERS - 1;
    pub const LAYER_WORDS: usize = 2;
    pub const LAYER_BYTES: usize = 16;
    pub const OUTLINES: usize = 256;
    pub const GROUP: usize = 64;
    pub type Layer = [u64; LAYER_WORDS];
    pub type Outlines = [[[u8; GROUP]; LAYER_BYTES]; OUTLINES / GROUP];
    pub type Gathered = [u64; SKETCH_BITS / 64];

    pub fn layer_bytes([low, high]: &Layer) -> [u8; LAYER_BYTES] {
        (u128::from(*high) << 64 | u128::from(*low)).to_le_bytes()
    }
}
