//! Syllogistic inference: which rule applies to which two judgements, and answers by backward chaining.
//!
//! | file | holds |
//! |---|---|
//! | `judgement` | statements with truth and evidence: revision, choice, rules of one premise |
//! | `rule` | the rules of two premises and their figures |
//! | `ask` | questions, answered from what is stored and what follows |
//! | `proof` | derivations as text that can be worked out again |
//!
//! Figures are those of Wang, *Non-Axiomatic Logic* (2013): inheritance with similarity (NAL-1, NAL-2), implication
//! with equivalence (NAL-5), whose truth functions are the same. A conclusion stands on the evidence of both its
//! premises; premises that share evidence conclude nothing, so that nothing is counted twice.

mod ask;
mod judgement;
mod proof;
mod rule;
#[cfg(test)]
mod tests;

pub use ask::{Answer, Bounds, Derivation, Question, Source, ask};
pub use judgement::{InferenceError, Judgement};
pub use proof::{Inference, Premise, Proof};
pub use rule::{Rule, applicable};
