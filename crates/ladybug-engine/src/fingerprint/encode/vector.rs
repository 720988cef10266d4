//! The vector encoder: SimHash of a float vector, for users who bring their own embeddings.

use thiserror::Error;

use super::key;
use crate::fingerprint::Fingerprint;
use crate::fingerprint::bundle::Counters;
use crate::fingerprint::expand::{expand, split_mix};
use crate::fingerprint::vector::WORDS;

/// The largest component of a vector, quantised: 12 bits, finer than the estimate of the angle by far.
const SCALE: f64 = 4_095.0;

/// Why floats have no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VectorError {
    /// There are no components.
    #[error("a vector needs at least one component, got none")]
    Empty,
    /// The bytes are no whole number of floats.
    #[error("a vector is little-endian f32 components of 4 bytes each, got {0} bytes")]
    Length(usize),
    /// A component is NaN or infinite.
    #[error("a vector's components must be finite, component {0} is not")]
    NotFinite(usize),
    /// All components are zero.
    #[error("a vector needs a direction, all of its {0} components are zero")]
    Zero(usize),
}

/// The fingerprint of a vector of any dimension: its SimHash (Charikar 2002, "Similarity estimation
/// techniques from rounding algorithms"). Bit `i` tells on which side of hyperplane `i` the vector
/// lies; the hyperplanes' normals have pseudo-random components ±1 (Achlioptas 2003). The
/// distance of two vectors at angle θ is about 10,240·θ/π, whatever their lengths.
///
/// Components are first quantised to 12 bits of the largest one's magnitude, and everything after that is
/// integers, so the bits are the same on every processor.
pub fn vector(components: &[f32]) -> Result<Fingerprint, VectorError> {
    if components.is_empty() {
        return Err(VectorError::Empty);
    }
    if let Some(at) = components
        .iter()
        .position(|component| !component.is_finite())
    {
        return Err(VectorError::NotFinite(at));
    }
    let largest = components
        .iter()
        .fold(0.0, |largest: f32, component| largest.max(component.abs()));
    if largest == 0.0 {
        return Err(VectorError::Zero(components.len()));
    }
    let mut counters = Counters::new();
    let mut normals = [0; WORDS];
    let mut tie = key::TIE;
    for (dimension, &component) in components.iter().enumerate() {
        // One product, one division and one rounding, each exactly specified by IEEE 754.
        let magnitude = (f64::from(component.abs()) * SCALE / f64::from(largest)).round() as u64;
        if magnitude == 0 {
            continue;
        }
        expand(split_mix(key::DIMENSION, dimension as u64), &mut normals);
        if component < 0.0 {
            normals = normals.map(|word| !word);
        }
        counters.add(&normals, magnitude);
        tie = split_mix(tie ^ magnitude, dimension as u64);
    }
    Ok(counters.majority(|| Fingerprint::random(tie)))
}

/// As [`vector`], of little-endian `f32` components.
pub fn vector_from_bytes(bytes: &[u8]) -> Result<Fingerprint, VectorError> {
    let (components, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(VectorError::Length(bytes.len()));
    }
    let components: Vec<_> = components
        .iter()
        .map(|component| f32::from_le_bytes(*component))
        .collect();
    vector(&components)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;

    fn angle(a: &[f32], b: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt())
            .clamp(-1.0, 1.0)
            .acos()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn distance_estimates_the_angle(
            a in prop::collection::vec(-1.0_f32..1.0, 64),
            noise in prop::collection::vec(-1.0_f32..1.0, 64),
            mix in 0.0_f32..3.0,
        ) {
            let b: Vec<_> = a.iter().zip(&noise).map(|(a, noise)| a + mix * noise).collect();
            let distance = vector(&a).expect("a vector").distance(&vector(&b).expect("a vector"));
            let expected = 10_240.0 * angle(&a, &b) / PI;
            prop_assert!((f64::from(distance) - expected).abs() < 6.0 * 50.6, "{} for {}", distance, expected);
        }

        #[test]
        fn length_does_not_matter_and_negation_is_the_complement_but_for_ties(
            a in prop::collection::vec(-1.0_f32..1.0, 1..40), power in -20_i32..20
        ) {
            prop_assume!(a.iter().any(|component| *component != 0.0));
            let scaled: Vec<_> = a.iter().map(|component| component * 2.0_f32.powi(power)).collect();
            prop_assert_eq!(vector(&scaled), vector(&a));
            let negated: Vec<_> = a.iter().map(|component| -component).collect();
            let similarity = vector(&a).expect("a vector").similarity(&vector(&negated).expect("a vector"));
            prop_assert!(similarity < -0.4, "{}", similarity);
        }
    }

    #[test]
    fn bytes_are_little_endian_floats() {
        let components = [0.5_f32, -3.25, 1e-3, 7.0];
        let bytes: Vec<_> = components.iter().flat_map(|c| c.to_le_bytes()).collect();
        assert_eq!(vector_from_bytes(&bytes), vector(&components));
        assert!(vector(&[f32::MAX, f32::MIN, f32::MIN_POSITIVE]).is_ok());
    }

    #[test]
    fn what_has_no_direction_is_refused() {
        assert_eq!(vector(&[]), Err(VectorError::Empty));
        assert_eq!(vector_from_bytes(&[]), Err(VectorError::Empty));
        assert_eq!(vector_from_bytes(&[0; 6]), Err(VectorError::Length(6)));
        assert_eq!(vector(&[1.0, f32::NAN]), Err(VectorError::NotFinite(1)));
        assert_eq!(vector(&[f32::NEG_INFINITY]), Err(VectorError::NotFinite(0)));
        assert_eq!(vector(&[0.0, -0.0]), Err(VectorError::Zero(2)));
    }
}
