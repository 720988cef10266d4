//! Resonator networks: a product of one vector of each codebook is taken apart into them (Frady, Kent, Olshausen & Sommer
//! 2020, "Resonator Networks, 1"; Kent et al. 2020, "2").
//!
//! Each factor is guessed as the superposition of its codebook, then by turns cleaned up: the product without the other
//! guesses, projected onto the codebook. With F = 3 factors of N bits the operational capacity, the number of products
//! that are told apart with probability 0.99, grows as the square of N and is beyond a million at 10,240 bits.

use ladybug_engine::fingerprint::bundle::{bundle, weighted};
use ladybug_engine::fingerprint::{BITS, Fingerprint};

/// Rounds after which an answer is taken as it is.
pub const ROUNDS_MAX: usize = 200;

/// A product taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    /// The place in each codebook.
    pub places: Vec<usize>,
    /// How similar each guess was to it in the end; complements count as the same, since two of them leave the product.
    pub similarities: Vec<f64>,
    /// Rounds that it took.
    pub rounds: usize,
    /// Whether the guesses came to rest.
    pub rests: bool,
    /// Bits in which the factors' product differs from what was taken apart.
    pub distance: u32,
}

/// Takes a product apart. None if there is no codebook, or an empty one.
pub fn factor(
    product: &Fingerprint,
    codebooks: &[Vec<&Fingerprint>],
    rounds_max: usize,
) -> Option<Factors> {
    let start = |codebook: &Vec<&Fingerprint>| bundle(codebook.iter().copied());
    let mut guesses: Vec<Fingerprint> = codebooks.iter().map(start).collect::<Option<_>>()?;
    if guesses.is_empty() {
        return None;
    }
    let (mut rounds, mut rests) = (0, false);
    let mut answer = read(&guesses, codebooks);
    while rounds < rounds_max && !rests && difference(product, codebooks, &answer) > 0 {
        rounds += 1;
        rests = true;
        for at in 0..guesses.len() {
            let others = guesses.iter().enumerate().filter(|(other, _)| *other != at);
            let rest = others.fold(product.clone(), |rest, (_, guess)| rest.bind(guess));
            let weights = codebooks[at]
                .iter()
                .map(|code| (*code, correlation(&rest, code)));
            // Nothing points anywhere: the guess stays.
            if let Some(next) = weighted(weights)
                && next != guesses[at]
            {
                guesses[at] = next;
                rests = false;
            }
        }
        answer = read(&guesses, codebooks);
    }
    let similarity = |(at, place): (usize, &usize)| {
        let code = codebooks[at][*place];
        guesses[at].similarity(code).abs()
    };
    let distance = difference(product, codebooks, &answer);
    Some(Factors {
        similarities: answer.iter().enumerate().map(similarity).collect(),
        rounds,
        rests: rests || distance == 0,
        distance,
        places: answer,
    })
}

/// The sum of the products of the ±1 elements.
fn correlation(a: &Fingerprint, b: &Fingerprint) -> i32 {
    BITS as i32 - 2 * a.distance(b) as i32
}

/// The place in each codebook that a guess is most like, or most unlike.
fn read(guesses: &[Fingerprint], codebooks: &[Vec<&Fingerprint>]) -> Vec<usize> {
    let nearest = |(guess, codebook): (&Fingerprint, &Vec<&Fingerprint>)| {
        let places = (0..codebook.len()).rev();
        let nearest = places.max_by_key(|at| correlation(guess, codebook[*at]).abs());
        nearest.expect("invariant: no codebook is empty")
    };
    guesses.iter().zip(codebooks).map(nearest).collect()
}

fn difference(product: &Fingerprint, codebooks: &[Vec<&Fingerprint>], places: &[usize]) -> u32 {
    let factors = codebooks.iter().zip(places);
    let bound = factors.fold(Fingerprint::ZERO, |bound, (codebook, at)| {
        bound.bind(codebook[*at])
    });
    bound.distance(product)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codebooks(factors: u64, size: u64) -> Vec<Vec<Fingerprint>> {
        let book = |factor| {
            (0..size)
                .map(|n| Fingerprint::random(factor * 1000 + n))
                .collect()
        };
        (0..factors).map(book).collect()
    }

    fn product(books: &[Vec<Fingerprint>], places: &[usize]) -> Fingerprint {
        let chosen = books.iter().zip(places);
        chosen.fold(Fingerprint::ZERO, |bound, (book, at)| {
            bound.bind(&book[*at])
        })
    }

    #[test]
    fn products_within_the_capacity_are_taken_apart() {
        // 27,000 products of three factors and 10,000 of four.
        for (factors, size) in [(2, 60), (3, 30), (4, 10)] {
            let books = codebooks(factors, size);
            let lent: Vec<Vec<&Fingerprint>> =
                books.iter().map(|book| book.iter().collect()).collect();
            for n in 0..6_usize {
                let places: Vec<usize> = (0..factors as usize)
                    .map(|f| (n * 7 + f * 3) % size as usize)
                    .collect();
                let found =
                    factor(&product(&books, &places), &lent, ROUNDS_MAX).expect("codebooks");
                assert_eq!(found.places, places, "{factors} of {size}: {found:?}");
                assert_eq!(found.distance, 0);
                assert!(found.rests);
            }
        }
    }

    #[test]
    fn noise_is_tolerated_and_told() {
        let books = codebooks(3, 20);
        let lent: Vec<Vec<&Fingerprint>> = books.iter().map(|book| book.iter().collect()).collect();
        let mut noisy = product(&books, &[3, 14, 15]);
        // An eighth of the bits flips.
        let noise = (1..3).fold(Fingerprint::random(90), |noise, n| {
            &noise & &Fingerprint::random(90 + n)
        });
        noisy.xor_assign(&noise);
        let found = factor(&noisy, &lent, ROUNDS_MAX).expect("codebooks");
        assert_eq!(found.places, [3, 14, 15]);
        assert_eq!(found.distance, noise.popcount());
        let unrelated = factor(&Fingerprint::random(77), &lent, 20).expect("codebooks");
        assert!(unrelated.distance > 4500);
        assert_eq!(factor(&noisy, &[], 1), None);
        assert_eq!(factor(&noisy, &[vec![]], 1), None);
    }
}
