//! Random numbers for RANDOMKEY and HRANDFIELD: fair, not secret.

use std::hash::{BuildHasher, RandomState};

/// Any number.
pub fn random_u64() -> u64 {
    // The standard library's hash keys come from the system, and differ from call to call.
    RandomState::new().hash_one(0u8)
}

/// A sequence of random numbers from one seed (Steele, Lea, Flood, *Fast splittable pseudorandom
/// number generators*, 2014: SplitMix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence nobody has seen.
    pub fn new() -> Self {
        Self(random_u64())
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        let x = x ^ x >> 31;
        // The high half of a product spreads evenly, and is below the bound.
        ((u128::from(x) * bound as u128) >> 64) as usize
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_below_their_bound_and_reach_all_of_it() {
        let mut random = Random::new();
        let mut seen = [0; 7];
        (0..7_000).for_each(|_| seen[random.below(7)] += 1);
        assert!(
            seen.iter().all(|&count| (700..1_400).contains(&count)),
            "{seen:?}"
        );
        assert_ne!(random_u64(), random_u64());
    }
}
