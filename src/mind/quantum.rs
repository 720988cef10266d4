//! Reversible and collapsing maps of fingerprints: inspired by quantum mechanics, and not simulating it. Each is the
//! classical map that its documentation says.
//!
//! [`hadamard`], [`phase`], [`entangle`] and [`evolve`] are bijections, each with its adjoint beside it: one after
//! the other they are the identity.

use ladybug_engine::fingerprint::bundle::weighted;
use ladybug_engine::fingerprint::{BITS, Fingerprint, WORDS};

/// The bits in an order that follows from a seed (Fisher & Yates 1938, driven by SplitMix64).
fn shuffled(seed: u64) -> Vec<u16> {
    let mut order: Vec<u16> = (0..BITS as u16).collect();
    let mut state = seed;
    for at in (1..BITS).rev() {
        let below = (u128::from(split_mix(&mut state)) * (at as u128 + 1)) >> 64;
        order.swap(at, below as usize);
    }
    order
}

/// The next number of SplitMix64 (Steele, Lea & Flood 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sets or clears a bit.
fn put(words: &mut [u64; WORDS], bit: usize, value: bool) {
    let (word, mask) = (bit / 64, 1 << (bit % 64));
    match value {
        true => words[word] |= mask,
        false => words[word] &= !mask,
    }
}

/// Mixes bits in pairs: in an order that follows from the seed, every second bit becomes the exclusive or of itself and
/// the one before it. Linear, and its own inverse, as Hadamard's gate is.
pub fn hadamard(bits: &Fingerprint, seed: u64) -> Fingerprint {
    let mut words = *bits.words();
    for pair in shuffled(seed).chunks_exact(2) {
        let (control, target) = (usize::from(pair[0]), usize::from(pair[1]));
        put(&mut words, target, bits.bit(control) ^ bits.bit(target));
    }
    Fingerprint::from_words(words)
}

/// Rotates the 64 bits of every word by `n`; the adjoint is the rotation by −n.
pub fn phase(bits: &Fingerprint, n: i64) -> Fingerprint {
    let by = n.rem_euclid(64) as u32;
    Fingerprint::from_words(bits.words().map(|word| word.rotate_left(by)))
}

/// Lets each of two depend on the other: a′ = a ⊕ ρ(b), b′ = b ⊕ ρ(a′).
pub fn entangle(a: &Fingerprint, b: &Fingerprint) -> [Fingerprint; 2] {
    let first = a.bind(&b.permute(1));
    let second = b.bind(&first.permute(1));
    [first, second]
}

/// The adjoint of [`entangle`].
pub fn disentangle(first: &Fingerprint, second: &Fingerprint) -> [Fingerprint; 2] {
    let b = second.bind(&first.permute(1));
    let a = first.bind(&b.permute(1));
    [a, b]
}

/// `t` steps x → ρ(x) ⊕ generator; a negative `t` takes as many back, and is the adjoint.
pub fn evolve(bits: &Fingerprint, generator: &Fingerprint, t: i64) -> Fingerprint {
    let mut state = bits.clone();
    for _ in 0..t.unsigned_abs() {
        state = match t > 0 {
            true => state.permute(1).bind(generator),
            false => state.bind(generator).unpermute(1),
        };
    }
    state
}

/// From `a` towards `b` by an angle in degrees: of the bits in which they differ the share sin² of it is b's, taken in
/// an order that follows from the seed. At 0 it is a, at 90 b.
pub fn rotate(a: &Fingerprint, b: &Fingerprint, degrees: f64, seed: u64) -> Fingerprint {
    let share = degrees.to_radians().sin().powi(2);
    let taken = (share * f64::from(a.distance(b))).round() as usize;
    let mut words = *a.words();
    let order = shuffled(seed);
    let differing = order.iter().map(|bit| usize::from(*bit));
    let differing = differing.filter(|bit| a.bit(*bit) != b.bit(*bit));
    for bit in differing.take(taken) {
        put(&mut words, bit, b.bit(bit));
    }
    Fingerprint::from_words(words)
}

/// Reinforces a marked set: in each round the majority of the state, which counts as often as all of the marked
/// together, and the marked.
pub fn amplify(state: &Fingerprint, marked: &[&Fingerprint], rounds: usize) -> Fingerprint {
    let mut state = state.clone();
    let weight = i32::try_from(marked.len()).unwrap_or(i32::MAX);
    for _ in 0..rounds {
        let all = marked.iter().map(|of| (*of, 1));
        let next = weighted(std::iter::once((&state, weight)).chain(all));
        match next {
            Some(next) => state = next,
            None => break,
        }
    }
    state
}

/// The mean entropy of the bits of a set of fingerprints, in bits: 0 where all agree, 1 where every bit is set in half.
pub fn entropy(members: &[&Fingerprint]) -> f64 {
    let count = members.len() as f64;
    let of = |bit: usize| {
        let set = members.iter().filter(|member| member.bit(bit)).count() as f64;
        let term = |share: f64| {
            if share > 0.0 {
                -share * share.log2()
            } else {
                0.0
            }
        };
        term(set / count) + term(1.0 - set / count)
    };
    (0..BITS).map(of).sum::<f64>() / BITS as f64
}

/// Turns every bit over with probability `p`, by numbers that follow from the seed: a bit-flip channel.
pub fn decohere(bits: &Fingerprint, p: f64, seed: u64) -> Fingerprint {
    // Of 2^53 numbers, which a float tells apart, so many are a hit.
    let hits = (p * (1u64 << 53) as f64) as u64;
    let mut state = seed;
    let mut words = *bits.words();
    for bit in 0..BITS {
        if split_mix(&mut state) >> 11 < hits {
            put(&mut words, bit, !bits.bit(bit));
        }
    }
    Fingerprint::from_words(words)
}

/// Binds block by block: word i of the second is rotated by i places before it is bound to word i of the first, so
/// that the order of the two matters.
pub fn tensor(a: &Fingerprint, b: &Fingerprint) -> Fingerprint {
    let (a, b) = (a.words(), b.words());
    Fingerprint::from_words(std::array::from_fn(|at| {
        a[at] ^ b[at].rotate_left((at % 64) as u32)
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fingerprint() -> impl Strategy<Value = Fingerprint> {
        any::<u64>().prop_map(Fingerprint::random)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_bijection_and_its_adjoint_are_the_identity(
            a in any_fingerprint(), b in any_fingerprint(), seed in any::<u64>(), n in any::<i64>(), t in -300_i64..300
        ) {
            prop_assert_eq!(hadamard(&hadamard(&a, seed), seed), a.clone());
            prop_assert_eq!(phase(&phase(&a, n), n.wrapping_neg()), a.clone());
            let [first, second] = entangle(&a, &b);
            prop_assert_eq!(disentangle(&first, &second), [a.clone(), b.clone()]);
            let [first, second] = disentangle(&a, &b);
            prop_assert_eq!(entangle(&first, &second), [a.clone(), b.clone()]);
            prop_assert_eq!(evolve(&evolve(&a, &b, t), &b, -t), a);
        }

        #[test]
        fn a_rotation_goes_from_one_to_the_other(
            a in any_fingerprint(), b in any_fingerprint(), seed in any::<u64>(), degrees in 0.0..90.0_f64
        ) {
            let between = rotate(&a, &b, degrees, seed);
            prop_assert_eq!(between.distance(&a) + between.distance(&b), a.distance(&b));
            let share = f64::from(between.distance(&a)) / f64::from(a.distance(&b));
            prop_assert!((share - degrees.to_radians().sin().powi(2)).abs() < 2e-4);
            prop_assert_eq!(rotate(&a, &b, 0.0, seed), a.clone());
            prop_assert_eq!(rotate(&a, &b, 90.0, seed), b);
        }
    }

    #[test]
    fn entropy_is_none_of_one_and_a_bit_of_two_that_differ_everywhere() {
        let a = Fingerprint::random(1);
        assert_eq!(entropy(&[&a]), 0.0);
        assert_eq!(entropy(&[&a, &a]), 0.0);
        assert_eq!(entropy(&[&a, &!&a]), 1.0);
        // A quarter of the members against three: H(1/4).
        let quarter = entropy(&[&a, &a, &a, &!&a]);
        assert!(
            (quarter - 0.811_278_124_459_132_8).abs() < 1e-12,
            "{quarter}"
        );
    }

    #[test]
    fn a_channel_turns_over_as_many_bits_as_it_says() {
        let a = Fingerprint::random(1);
        assert_eq!(decohere(&a, 0.0, 7), a);
        assert_eq!(decohere(&a, 1.0, 7), !&a);
        for p in [0.01, 0.1, 0.5] {
            let flipped = f64::from(decohere(&a, p, 7).distance(&a));
            let (mean, deviation) = (BITS as f64 * p, (BITS as f64 * p * (1.0 - p)).sqrt());
            assert!((flipped - mean).abs() < 5.0 * deviation, "{p}: {flipped}");
        }
    }

    #[test]
    fn amplifying_draws_towards_the_marked_and_tensors_have_an_order() {
        let (a, b) = (Fingerprint::random(1), Fingerprint::random(2));
        let mut before = a.similarity(&b);
        for rounds in 1..5 {
            let now = amplify(&a, &[&b], rounds).similarity(&b);
            assert!(now > before, "round {rounds}: {now} after {before}");
            before = now;
        }
        assert_eq!(amplify(&a, &[], 3), a);
        assert!(tensor(&a, &b).z(&tensor(&b, &a)).abs() < 6.0);
        assert_eq!(tensor(&a, &b).distance(&tensor(&a, &a)), b.distance(&a));
    }
}
