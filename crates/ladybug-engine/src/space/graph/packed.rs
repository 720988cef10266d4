//! Integers packed at the fewest bits that hold them: the offsets and edge ids of a chunk's base.
//!
//! Frame of reference coding: each value is kept as its difference to the smallest, all at one
//! width. Ids of one space come from one counter, so that those of a chunk lie close together and
//! three bytes do where a `u64` takes eight.

/// Bits in a word of the packed store.
const WORD_BITS: usize = u64::BITS as usize;

/// An immutable sequence of integers with random access.
#[derive(Debug, Default)]
pub(super) struct PackedIntegers {
    /// The smallest value; what is packed is the difference to it.
    reference: u64,
    /// Bits a value, 0..=64.
    width: usize,
    words: Box<[u64]>,
}

impl PackedIntegers {
    /// Packs `values` in the order given.
    pub(super) fn new(values: &[u64]) -> Self {
        let reference = values.iter().copied().min().unwrap_or(0);
        let span = values.iter().copied().max().unwrap_or(0) - reference;
        let width = (u64::BITS - span.leading_zeros()) as usize;
        let mut words = vec![0; (values.len() * width).div_ceil(WORD_BITS)];
        if width > 0 {
            for (index, value) in values.iter().enumerate() {
                let difference = value - reference;
                let (word, shift) = (index * width / WORD_BITS, index * width % WORD_BITS);
                words[word] |= difference << shift;
                if shift + width > WORD_BITS {
                    words[word + 1] |= difference >> (WORD_BITS - shift);
                }
            }
        }
        Self {
            reference,
            width,
            words: words.into_boxed_slice(),
        }
    }

    /// The value at `index`, which must be below the number of values packed.
    pub(super) fn get(&self, index: usize) -> u64 {
        if self.width == 0 {
            return self.reference;
        }
        let (word, shift) = (
            index * self.width / WORD_BITS,
            index * self.width % WORD_BITS,
        );
        let mut difference = self.words[word] >> shift;
        if shift + self.width > WORD_BITS {
            difference |= self.words[word + 1] << (WORD_BITS - shift);
        }
        self.reference + (difference & (u64::MAX >> (WORD_BITS - self.width)))
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.words)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn packed_integers_read_back(
            values in prop::collection::vec(any::<u64>(), 0..200),
            shift in 0u32..64,
        ) {
            let values: Vec<u64> = values.iter().map(|value| value >> shift).collect();
            let packed = PackedIntegers::new(&values);
            for (index, value) in values.iter().enumerate() {
                prop_assert_eq!(packed.get(index), *value);
            }
        }
    }

    #[test]
    fn equal_values_take_no_space() {
        let packed = PackedIntegers::new(&[u64::MAX; 100]);
        assert_eq!(packed.heap_bytes(), 0);
        assert_eq!(packed.get(99), u64::MAX);
    }
}
