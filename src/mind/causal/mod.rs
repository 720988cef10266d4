//! Causal reasoning on diagrams and discrete observations (Pearl, *Causality*, 2nd ed., 2009).
//!
//! | file | holds |
//! |---|---|
//! | [`diagram`] | variables, causes, latent confounders; ancestors, projection |
//! | [`separation`] | d-separation, minimal separating sets |
//! | [`criteria`] | back-door and front-door sets, instruments, confounders |
//! | [`identify`] | the complete ID algorithm, hedges |
//! | [`estimand`] | the formulas it yields, and how they are printed |
//! | [`observations`] | tables of discrete values, and what a formula is on them, with intervals |
//! | [`effect`] | the three rungs as questions: seeing, doing, contrasts, mediation, bounds, regret |
//! | [`expression`] | the language of mechanisms |
//! | [`mechanism`] | structural equations and counterfactuals |

pub mod criteria;
pub mod diagram;
pub mod effect;
pub mod estimand;
pub mod expression;
pub mod identify;
pub mod mechanism;
pub mod observations;
pub mod separation;
#[cfg(test)]
mod tests;

use thiserror::Error;

/// Why a causal question has no answer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CausalError {
    /// A variable that is not in the diagram.
    #[error("no variable {0:?} in the diagram")]
    UnknownVariable(String),
    /// A value that a variable never had.
    #[error("{variable} was never observed as {value:?}; it was {known}")]
    UnknownValue {
        /// The variable.
        variable: String,
        /// The value asked for.
        value: String,
        /// The values it had.
        known: String,
    },
    /// Too many variables for one diagram.
    #[error("a diagram has at most {} variables", diagram::VARIABLES_MAX)]
    TooManyVariables,
    /// An edge that would make a variable its own cause.
    #[error("{0} would cause itself")]
    Cycle(String),
    /// A question whose sets of variables overlap, or are empty where they may not be.
    #[error("{0}")]
    Question(String),
    /// The effect cannot be computed from observations, whatever their number.
    #[error("the effect is not identifiable: {{{forest}}} and {{{root}}} form a hedge")]
    NotIdentifiable {
        /// The larger C-forest.
        forest: String,
        /// The smaller one, without the intervened variables.
        root: String,
    },
    /// A conditional probability that no observation supports.
    #[error("no observation supports {0}")]
    NoSupport(String),
    /// A table or a search beyond its bound.
    #[error("{what} exceeds {limit}")]
    TooLarge {
        /// What grew.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A question that needs unconfounded variables, of confounded ones.
    #[error("{0} and {1} are confounded")]
    Confounded(String, String),
    /// A mechanism that cannot be read or evaluated.
    #[error("{0}")]
    Mechanism(String),
    /// Evidence that the mechanisms make impossible.
    #[error("the mechanisms give the evidence probability zero")]
    ImpossibleEvidence,
}
