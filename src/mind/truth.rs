//! Truth values of non-axiomatic logic and the functions that make them (Wang, *Non-Axiomatic Logic*, 2013).
//!
//! A truth ⟨f, c⟩ sums up an amount of evidence w of which the share f is positive; c = w/(w + k), with the
//! evidential horizon k = 1. The functions below name their premises in the order of the book's figures, in which
//! the first premise holds the conclusion's predicate. A function whose conclusion would stand on no evidence
//! (w = 0) returns `None`.

use ladybug_engine::space::marks::{Truth as StoredTruth, decimal};
use thiserror::Error;

/// The evidential horizon k: how much future evidence a confidence is measured against.
pub const HORIZON: f64 = 1.0;

/// The greatest confidence: the largest that is still below 1 as the engine stores it, in an `f32`.
const CONFIDENCE_MAX: f64 = 1.0 - f32::EPSILON as f64 / 2.0;
/// The least confidence: the smallest normal `f32`.
const CONFIDENCE_MIN: f64 = f32::MIN_POSITIVE as f64;

/// Why a truth or a combination of truths is refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TruthError {
    /// Out of range.
    #[error(
        "a truth is a frequency in 0..1 and a confidence between 0 and 1, both excluded; got {frequency} and {confidence}"
    )]
    Range {
        /// The frequency that came.
        frequency: f64,
        /// The confidence that came.
        confidence: f64,
    },
    /// Both premises stand on the same piece of evidence.
    #[error(
        "both premises stand on evidence #{0}, which would be counted twice; use CHOOSE instead"
    )]
    SharedEvidence(u64),
}

/// A truth ⟨frequency, confidence⟩: frequency in [0, 1], confidence in (0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Truth {
    frequency: f64,
    confidence: f64,
}

impl Truth {
    /// What a judgement without a truth means: ⟨1.0, 0.9⟩.
    pub const DEFAULT: Self = Self {
        frequency: 1.0,
        confidence: 0.9,
    };

    /// Checks the ranges.
    pub fn new(frequency: f64, confidence: f64) -> Result<Self, TruthError> {
        if (0.0..=1.0).contains(&frequency) && confidence > 0.0 && confidence < 1.0 {
            Ok(Self {
                frequency,
                confidence: confidence.clamp(CONFIDENCE_MIN, CONFIDENCE_MAX),
            })
        } else {
            Err(TruthError::Range {
                frequency,
                confidence,
            })
        }
    }

    /// A conclusion of confidence `confidence`; none where that is zero. Rounding never makes it certain.
    fn conclusion(frequency: f64, confidence: f64) -> Option<Self> {
        (confidence >= CONFIDENCE_MIN).then(|| Self {
            frequency: frequency.clamp(0.0, 1.0),
            confidence: confidence.min(CONFIDENCE_MAX),
        })
    }

    /// The truth of `evidence` pieces of evidence, `frequency` of them positive: c = w/(w + k). None of none.
    pub fn from_evidence(frequency: f64, evidence: f64) -> Option<Self> {
        Self::conclusion(frequency, evidence / (evidence + HORIZON))
    }

    /// Share of positive evidence.
    pub const fn frequency(self) -> f64 {
        self.frequency
    }

    /// w/(w + k): how stable the frequency is against future evidence.
    pub const fn confidence(self) -> f64 {
        self.confidence
    }

    /// The amount of evidence, w = k·c/(1 − c).
    pub fn evidence(self) -> f64 {
        HORIZON * self.confidence / (1.0 - self.confidence)
    }

    /// What the frequency is expected to be, e = c(f − ½) + ½.
    pub fn expectation(self) -> f64 {
        self.confidence * (self.frequency - 0.5) + 0.5
    }
}

impl Default for Truth {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<StoredTruth> for Truth {
    fn from(stored: StoredTruth) -> Self {
        Self {
            frequency: decimal(stored.frequency()),
            confidence: decimal(stored.confidence()).clamp(CONFIDENCE_MIN, CONFIDENCE_MAX),
        }
    }
}

impl From<Truth> for StoredTruth {
    fn from(truth: Truth) -> Self {
        Self::new(truth.frequency as f32, truth.confidence as f32)
            .expect("invariant: confidences stay where an f32 is above 0 and below 1")
    }
}

/// 1 − (1 − a)(1 − b).
fn or(a: f64, b: f64) -> f64 {
    1.0 - (1.0 - a) * (1.0 - b)
}

/// Pools disjoint evidence: w = w₁ + w₂, f = (w₁f₁ + w₂f₂)/w. The caller sees to it that it is disjoint, see
/// [`Judgement::revise`](super::inference::Judgement::revise).
pub fn revision(a: Truth, b: Truth) -> Truth {
    let (first, second) = (a.evidence(), b.evidence());
    let total = first + second;
    Truth::from_evidence((first * a.frequency + second * b.frequency) / total, total)
        .expect("invariant: two positive amounts of evidence have a positive sum")
}

/// Which of two truths of one statement to believe: that of the higher confidence, `a` at a tie.
pub fn choice(a: Truth, b: Truth) -> Truth {
    if b.confidence > a.confidence { b } else { a }
}

/// {M→P, S→M} ⊢ S→P: f = f₁f₂, c = f₁f₂c₁c₂.
pub fn deduction(a: Truth, b: Truth) -> Option<Truth> {
    let frequency = a.frequency * b.frequency;
    Truth::conclusion(frequency, frequency * a.confidence * b.confidence)
}

/// {M→P, M→S} ⊢ S→P: f = f₁, w = f₂c₁c₂.
pub fn induction(a: Truth, b: Truth) -> Option<Truth> {
    Truth::from_evidence(a.frequency, b.frequency * a.confidence * b.confidence)
}

/// {P→M, S→M} ⊢ S→P: f = f₂, w = f₁c₁c₂.
pub fn abduction(a: Truth, b: Truth) -> Option<Truth> {
    induction(b, a)
}

/// {P→M, M→S} ⊢ S→P: f = 1, w = f₁f₂c₁c₂.
pub fn exemplification(a: Truth, b: Truth) -> Option<Truth> {
    Truth::from_evidence(1.0, a.frequency * b.frequency * a.confidence * b.confidence)
}

/// {M→P, M→S} or {P→M, S→M} ⊢ S↔P: f₀ = or(f₁, f₂), f = f₁f₂/f₀, w = f₀c₁c₂.
pub fn comparison(a: Truth, b: Truth) -> Option<Truth> {
    let either = or(a.frequency, b.frequency);
    Truth::from_evidence(
        if either > 0.0 {
            a.frequency * b.frequency / either
        } else {
            0.0
        },
        either * a.confidence * b.confidence,
    )
}

/// {M→P, S↔M} ⊢ S→P, or {P→M, S↔M} ⊢ P→S: f = f₁f₂, c = f₂c₁c₂; the second premise is the similarity.
pub fn analogy(a: Truth, b: Truth) -> Option<Truth> {
    Truth::conclusion(
        a.frequency * b.frequency,
        b.frequency * a.confidence * b.confidence,
    )
}

/// {M↔P, S↔M} ⊢ S↔P: f = f₁f₂, c = or(f₁, f₂)c₁c₂.
pub fn resemblance(a: Truth, b: Truth) -> Option<Truth> {
    Truth::conclusion(
        a.frequency * b.frequency,
        or(a.frequency, b.frequency) * a.confidence * b.confidence,
    )
}

/// P→S ⊢ S→P: f = 1, w = fc.
pub fn conversion(a: Truth) -> Option<Truth> {
    Truth::from_evidence(1.0, a.frequency * a.confidence)
}

/// S⇒P ⊢ ¬P⇒¬S: f = 0, w = (1 − f)c.
pub fn contraposition(a: Truth) -> Option<Truth> {
    Truth::from_evidence(0.0, (1.0 - a.frequency) * a.confidence)
}

/// S ⊢ ¬S: f = 1 − f.
pub fn negation(a: Truth) -> Truth {
    Truth {
        frequency: 1.0 - a.frequency,
        confidence: a.confidence,
    }
}

/// Both hold: f = f₁f₂, c = c₁c₂.
pub fn intersection(a: Truth, b: Truth) -> Option<Truth> {
    Truth::conclusion(a.frequency * b.frequency, a.confidence * b.confidence)
}

/// One of them holds: f = or(f₁, f₂), c = c₁c₂.
pub fn union(a: Truth, b: Truth) -> Option<Truth> {
    Truth::conclusion(or(a.frequency, b.frequency), a.confidence * b.confidence)
}

/// The evidential base of a judgement: the ids of the evidence it stands on, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence(Vec<u64>);

impl Evidence {
    /// The base of these ids, in any order.
    pub fn new(ids: impl IntoIterator<Item = u64>) -> Self {
        let mut ids: Vec<_> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    /// The ids, ascending.
    pub fn ids(&self) -> &[u64] {
        &self.0
    }

    /// The least id that both bases hold.
    pub fn shared(&self, other: &Self) -> Option<u64> {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            match a.cmp(b) {
                std::cmp::Ordering::Equal => return Some(**a),
                std::cmp::Ordering::Less => left.next(),
                std::cmp::Ordering::Greater => right.next(),
            };
        }
        None
    }

    /// The union of two disjoint bases; refused where they share evidence.
    pub fn pooled(&self, other: &Self) -> Result<Self, TruthError> {
        match self.shared(other) {
            Some(id) => Err(TruthError::SharedEvidence(id)),
            None => Ok(Self::new(self.0.iter().chain(&other.0).copied())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn truth(frequency: f64, confidence: f64) -> Truth {
        Truth::new(frequency, confidence).expect("in range")
    }

    fn any_truth() -> impl Strategy<Value = Truth> {
        ((0_u32..=20), (1_u32..100))
            .prop_map(|(f, c)| truth(f64::from(f) / 20.0, f64::from(c) / 100.0))
    }

    #[track_caller]
    fn close(found: impl Into<Option<Truth>>, frequency: f64, confidence: f64) {
        let found = found.into().expect("a conclusion");
        assert!(
            (found.frequency - frequency).abs() < 5e-5
                && (found.confidence - confidence).abs() < 5e-5,
            "{found:?}, expected {frequency} {confidence}"
        );
    }

    /// The examples with which NAL-1, NAL-2 and NAL-5 are taught: robins, birds and swimmers.
    #[test]
    fn worked_examples_to_four_digits() {
        let sure = Truth::DEFAULT;
        close(revision(sure, truth(0.1, 0.6)), 0.8714, 0.9130);
        close(deduction(sure, sure), 1.0, 0.81);
        close(deduction(truth(0.9, 0.9), truth(0.8, 0.9)), 0.72, 0.5832);
        close(abduction(sure, truth(0.9, 0.9)), 0.9, 0.4475);
        close(abduction(truth(0.9, 0.9), sure), 1.0, 0.4216);
        close(induction(truth(0.9, 0.9), sure), 0.9, 0.4475);
        close(induction(sure, truth(0.9, 0.9)), 1.0, 0.4216);
        close(exemplification(sure, sure), 1.0, 0.4475);
        close(comparison(truth(0.9, 0.9), sure), 0.9, 0.4475);
        close(comparison(truth(0.5, 0.9), truth(0.5, 0.8)), 0.3333, 0.3506);
        close(analogy(sure, truth(0.9, 0.9)), 0.9, 0.729);
        close(resemblance(truth(0.9, 0.9), sure), 0.9, 0.81);
        close(conversion(sure), 1.0, 0.4737);
        close(contraposition(truth(0.1, 0.9)), 0.0, 0.4475);
        close(negation(truth(0.1, 0.9)), 0.9, 0.9);
        close(intersection(truth(0.9, 0.9), sure), 0.9, 0.81);
        close(union(truth(0.9, 0.9), truth(0.5, 0.8)), 0.95, 0.72);
        assert!((truth(0.8, 0.9).expectation() - 0.77).abs() < 1e-12);
        assert!((truth(1.0, 0.5).evidence() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn no_evidence_concludes_nothing() {
        let never = truth(0.0, 0.9);
        assert_eq!(deduction(never, Truth::DEFAULT), None);
        assert_eq!(induction(Truth::DEFAULT, never), None);
        assert_eq!(abduction(never, Truth::DEFAULT), None);
        assert_eq!(exemplification(never, Truth::DEFAULT), None);
        assert_eq!(comparison(never, never), None);
        assert_eq!(analogy(Truth::DEFAULT, never), None);
        assert_eq!(resemblance(never, never), None);
        assert_eq!(conversion(never), None);
        assert_eq!(contraposition(Truth::DEFAULT), None);
        assert!(intersection(never, never).is_some() && union(never, never).is_some());
    }

    #[test]
    fn out_of_range_is_refused() {
        for (f, c) in [
            (-0.1, 0.5),
            (1.1, 0.5),
            (0.5, 0.0),
            (0.5, 1.0),
            (f64::NAN, 0.5),
            (0.5, f64::NAN),
        ] {
            assert!(Truth::new(f, c).is_err(), "{f} {c}");
        }
        let message = Truth::new(2.0, 0.5).expect_err("out of range").to_string();
        assert!(message.ends_with("got 2 and 0.5"), "{message}");
    }

    proptest! {
        #[test]
        fn conclusions_stay_in_range_and_below_their_premises(a in any_truth(), b in any_truth()) {
            for found in [
                deduction(a, b), induction(a, b), abduction(a, b), exemplification(a, b), comparison(a, b),
                analogy(a, b), resemblance(a, b), intersection(a, b), union(a, b),
            ].into_iter().flatten() {
                prop_assert!(Truth::new(found.frequency, found.confidence).is_ok());
                prop_assert!(found.confidence <= a.confidence.min(b.confidence) + 1e-12);
            }
        }

        /// Weak conclusions, whatever their premises, never exceed one piece of evidence: c < 1/2.
        #[test]
        fn weak_syllogisms_conclude_less_than_one_piece_of_evidence(a in any_truth(), b in any_truth()) {
            for found in [induction(a, b), abduction(a, b), exemplification(a, b), comparison(a, b), conversion(a)] {
                prop_assert!(found.is_none_or(|found| found.evidence() < 1.0));
            }
        }

        #[test]
        fn revision_adds_positive_and_negative_evidence(a in any_truth(), b in any_truth(), c in any_truth()) {
            let both = revision(a, b);
            let positive = a.evidence() * a.frequency + b.evidence() * b.frequency;
            prop_assert!((both.evidence() - a.evidence() - b.evidence()).abs() < 1e-6);
            prop_assert!((both.evidence() * both.frequency - positive).abs() < 1e-6);
            prop_assert!(both.confidence >= a.confidence.max(b.confidence) - 1e-12);
            let (left, right) = (revision(both, c), revision(a, revision(c, b)));
            prop_assert!((left.frequency - right.frequency).abs() < 1e-9);
            prop_assert!((left.confidence - right.confidence).abs() < 1e-9);
        }

        /// Comparison's evidence is the union of the instances, positive where they intersect.
        #[test]
        fn comparison_is_the_ratio_of_intersection_and_union(a in any_truth(), b in any_truth()) {
            let product = a.confidence * b.confidence;
            if let Some(found) = comparison(a, b) {
                let total = found.evidence();
                prop_assert!((total * found.frequency - a.frequency * b.frequency * product).abs() < 1e-9);
            }
        }

        #[test]
        fn storing_keeps_a_truth_to_single_precision(a in any_truth(), huge in 1e3_f64..1e300) {
            let back = Truth::from(StoredTruth::from(a));
            prop_assert!((back.frequency - a.frequency).abs() < 1e-6 && (back.confidence - a.confidence).abs() < 1e-6);
            let certain = Truth::from_evidence(1.0, huge).expect("evidence");
            prop_assert!(StoredTruth::from(certain).confidence() < 1.0);
        }

        #[test]
        fn pooled_bases_hold_each_id_once_or_are_refused(
            a in prop::collection::vec(0_u64..30, 0..8), b in prop::collection::vec(0_u64..30, 0..8)
        ) {
            let common = a.iter().filter(|id| b.contains(id)).min().copied();
            let (first, second) = (Evidence::new(a), Evidence::new(b));
            prop_assert_eq!(first.shared(&second), common);
            match first.pooled(&second) {
                Ok(pooled) => {
                    prop_assert_eq!(pooled.ids().len(), first.ids().len() + second.ids().len());
                    prop_assert!(pooled.ids().is_sorted());
                }
                Err(error) => prop_assert_eq!(Some(error), common.map(TruthError::SharedEvidence)),
            }
        }
    }
}
