//! Choices between arms by what they brought: rewards lie in 0..1. Randomness follows from a seed.

use std::f64::consts::TAU;

/// What is known of an arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arm {
    /// How often it was pulled.
    pub trials: u64,
    /// What that brought in all.
    pub reward: f64,
}

impl Arm {
    /// What a pull brought on the average; 0 before the first.
    pub fn value(self) -> f64 {
        match self.trials {
            0 => 0.0,
            trials => self.reward / trials as f64,
        }
    }

    /// One more pull.
    #[must_use]
    pub fn with(self, reward: f64) -> Self {
        Self {
            trials: self.trials + 1,
            reward: self.reward + reward,
        }
    }
}

/// An arm that was chosen, by its place, and the figure that it was chosen by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Its place.
    pub place: usize,
    /// The probability of the choice, the upper bound, or the value that was drawn.
    pub score: f64,
}

/// The best arm but for a share `epsilon` of the time, and then any (Sutton & Barto 2018, §2.2). Scored by the
/// probability of the choice. None of no arms.
pub fn epsilon_greedy(arms: &[Arm], epsilon: f64, seed: u64) -> Option<Choice> {
    let best = largest(arms.iter().map(|arm| arm.value()))?;
    let each = epsilon / arms.len() as f64;
    let chance = |place| {
        if place == best.place {
            1.0 - epsilon + each
        } else {
            each
        }
    };
    Some(drawn((0..arms.len()).map(chance).collect(), seed))
}

/// Arms in proportion to exp(value/temperature) (Sutton & Barto 2018, §2.8). Scored by the probability of the choice.
pub fn softmax(arms: &[Arm], temperature: f64, seed: u64) -> Option<Choice> {
    let best = largest(arms.iter().map(|arm| arm.value()))?;
    let weights: Vec<f64> = arms
        .iter()
        .map(|arm| ((arm.value() - best.score) / temperature).exp())
        .collect();
    let total: f64 = weights.iter().sum();
    Some(drawn(
        weights.iter().map(|weight| weight / total).collect(),
        seed,
    ))
}

/// UCB1: the arm of the highest value + √(factor · ln n / nᵢ), those that were never pulled first (Auer, Cesa-Bianchi &
/// Fischer 2002, with factor 2). Scored by that bound, infinite before the first pull.
pub fn ucb1(arms: &[Arm], factor: f64) -> Option<Choice> {
    let all: u64 = arms.iter().map(|arm| arm.trials).sum();
    largest(arms.iter().map(|arm| match arm.trials {
        0 => f64::INFINITY,
        trials => arm.value() + (factor * (all as f64).ln() / trials as f64).sqrt(),
    }))
}

/// Thompson sampling: the arm of the highest draw from Beta(1 + reward, 1 + trials − reward) (Thompson 1933; Agrawal &
/// Goyal 2012). Scored by that draw.
pub fn thompson(arms: &[Arm], seed: u64) -> Option<Choice> {
    let mut random = Random(seed);
    largest(arms.iter().map(|arm| {
        let lost = (arm.trials as f64 - arm.reward).max(0.0);
        random.beta(1.0 + arm.reward.max(0.0), 1.0 + lost)
    }))
}

/// The place of the largest score, the first of several.
fn largest(scores: impl Iterator<Item = f64>) -> Option<Choice> {
    let choices = scores
        .enumerate()
        .map(|(place, score)| Choice { place, score });
    choices.reduce(|best, next| if next.score > best.score { next } else { best })
}

/// A place drawn with these probabilities.
fn drawn(chances: Vec<f64>, seed: u64) -> Choice {
    let mut left = Random(seed).uniform();
    let last = chances.len() - 1;
    for (place, score) in chances.into_iter().enumerate() {
        left -= score;
        if left < 0.0 || place == last {
            return Choice { place, score };
        }
    }
    unreachable!("invariant: the last place takes what is left")
}

/// SplitMix64 (Steele, Lea & Flood 2014), and what is drawn with it.
pub struct Random(pub u64);

impl Random {
    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ bits >> 31
    }

    /// In 0..1, 1 excluded.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of the standard normal distribution (Box & Muller 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (TAU * self.uniform()).cos()
    }

    /// Of the gamma distribution of a shape from 1 on (Marsaglia & Tsang 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - self.uniform();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Of the beta distribution of two shapes from 1 on.
    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANCES: [f64; 4] = [0.2, 0.4, 0.5, 0.8];

    /// The regret after each of these many pulls, averaged over seeds.
    fn regrets(pulls: &[u64], choose: impl Fn(&[Arm], u64) -> Option<Choice>) -> Vec<f64> {
        const SEEDS: u64 = 40;
        let mut regrets = vec![0.0; pulls.len()];
        for seed in 0..SEEDS {
            let mut world = Random(seed);
            let mut arms = [Arm::default(); 4];
            let mut regret = 0.0;
            for pull in 1..=pulls[pulls.len() - 1] {
                let choice = choose(&arms, world.bits()).expect("there are arms");
                let chance = CHANCES[choice.place];
                regret += 0.8 - chance;
                let reward = f64::from(u8::from(world.uniform() < chance));
                arms[choice.place] = arms[choice.place].with(reward);
                if let Some(at) = pulls.iter().position(|at| *at == pull) {
                    regrets[at] += regret / SEEDS as f64;
                }
            }
        }
        regrets
    }

    /// Over equal steps of the logarithm a logarithmic regret grows by equal amounts, a linear one eightfold.
    #[track_caller]
    fn grows_logarithmically(regrets: &[f64], bound: f64) {
        let growth: Vec<f64> = regrets.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(growth[1] < 2.0 * growth[0], "{regrets:?}");
        assert!(regrets[2] < bound, "{regrets:?}");
    }

    const PULLS: [u64; 3] = [125, 1000, 8000];

    #[test]
    fn regret_of_ucb1_grows_logarithmically_and_stays_below_its_bound() {
        // Auer et al. 2002, theorem 1: 8 Σ ln n / Δᵢ + (1 + π²/3) Σ Δᵢ.
        let gaps = [0.6, 0.4, 0.3];
        let bound = gaps
            .iter()
            .map(|gap| 8.0 * 8000_f64.ln() / gap)
            .sum::<f64>()
            + 4.29 * 1.3;
        grows_logarithmically(&regrets(&PULLS, |arms, _| ucb1(arms, 2.0)), bound);
    }

    #[test]
    fn regret_of_thompson_sampling_grows_logarithmically_and_is_less() {
        let thompson = regrets(&PULLS, thompson);
        grows_logarithmically(&thompson, 60.0);
        let ucb = regrets(&PULLS, |arms, _| ucb1(arms, 2.0));
        assert!(thompson[2] < ucb[2]);
    }

    #[test]
    fn a_constant_share_of_exploration_costs_linearly() {
        let regrets = regrets(&PULLS, |arms, seed| epsilon_greedy(arms, 0.1, seed));
        assert!(
            regrets[2] - regrets[1] > 4.0 * (regrets[1] - regrets[0]),
            "{regrets:?}"
        );
    }

    #[test]
    fn draws_have_their_moments() {
        let mut random = Random(7);
        let draws: Vec<f64> = (0..20_000).map(|_| random.beta(3.0, 5.0)).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let spread = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        // a/(a+b), and ab/((a+b)²(a+b+1)).
        assert!((mean - 0.375).abs() < 0.005, "{mean}");
        assert!((spread - 15.0 / 576.0).abs() < 0.001, "{spread}");
    }

    #[test]
    fn probabilities_are_those_of_the_definitions() {
        let arms = [(10, 9.0), (10, 5.0), (0, 0.0)];
        let arms = arms.map(|(trials, reward)| Arm { trials, reward });
        let share = |choose: &dyn Fn(u64) -> Choice, place| {
            let times = (0..4000)
                .filter(|seed| choose(*seed).place == place)
                .count();
            times as f64 / 4000.0
        };
        let greedy = |seed| epsilon_greedy(&arms, 0.3, seed).expect("arms");
        assert!((share(&greedy, 0) - 0.8).abs() < 0.03);
        assert!((share(&greedy, 2) - 0.1).abs() < 0.03);
        let soft = |seed| softmax(&arms, 0.5, seed).expect("arms");
        let total = 1.8_f64.exp() + 1_f64.exp() + 1.0;
        assert!((share(&soft, 0) - 1.8_f64.exp() / total).abs() < 0.03);
        assert!((share(&soft, 1) - 1_f64.exp() / total).abs() < 0.03);
        assert_eq!(ucb1(&arms, 2.0).map(|choice| choice.place), Some(2));
        let bound = ucb1(&arms[..2], 2.0).expect("arms").score;
        assert!((bound - (0.9 + (2.0 * 20_f64.ln() / 10.0).sqrt())).abs() < 1e-12);
        assert_eq!(thompson(&[], 1), None);
    }
}
