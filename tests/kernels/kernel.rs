//! The kernels of the target, and the scalar ones.

#[cfg(target_arch = "x86_64")]
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/avx2.rs"]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/avx512.rs"]
mod avx512;
#[cfg(target_arch = "x86_64")]
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/avx512vpopcnt.rs"]
mod avx512vpopcnt;
#[cfg(target_arch = "aarch64")]
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/neon.rs"]
mod neon;
#[cfg(target_arch = "x86_64")]
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/nibbles.rs"]
mod nibbles;
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/scalar.rs"]
mod scalar;
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/simd.rs"]
mod simd;
#[path = "../../crates/ladybug-engine/src/fingerprint/kernel/table.rs"]
mod table;

pub use table::{FLAGS, Kernels};

#[cfg(target_arch = "x86_64")]
pub const AVX512: &Kernels = &avx512::KERNELS;
#[cfg(target_arch = "x86_64")]
pub const AVX512VPOPCNT: &Kernels = &avx512vpopcnt::KERNELS;
#[cfg(target_arch = "aarch64")]
pub const NEON: &Kernels = &neon::KERNELS;
pub const SCALAR: &Kernels = &scalar::KERNELS;

/// What `expand` asks for.
pub fn active() -> &'static Kernels {
    SCALAR
}
