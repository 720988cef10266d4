//! Judgements: statements with truth and evidence, and what one of them, or two of one statement, come to.

use thiserror::Error;

use super::super::narsese::{Copula, Statement};
use super::super::truth::{self, Evidence, Truth, TruthError};
use super::rule::Rule;

/// Why two judgements give no conclusion.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum InferenceError {
    /// The premises do not stand in the rule's figure.
    #[error("{rule} takes {figure}; got {} and {}{hint}", .premises[0], .premises[1])]
    Figure {
        /// The rule.
        rule: Rule,
        /// Its figure.
        figure: &'static str,
        /// The premises.
        premises: Box<[Statement; 2]>,
        /// What would fit, if something would.
        hint: &'static str,
    },
    /// A rule of one premise that wants another kind of statement.
    #[error("{rule} takes {figure}; got {premise}")]
    Premise {
        /// The rule.
        rule: &'static str,
        /// What it takes.
        figure: &'static str,
        /// The premise.
        premise: Box<Statement>,
    },
    /// Revision and choice are of one statement.
    #[error("both judgements must be of one statement; got {} and {}", .0[0], .0[1])]
    Different(Box<[Statement; 2]>),
    /// Premises that share evidence.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// A statement, its truth, and the evidence that stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What is judged.
    pub statement: Statement,
    /// How true it is.
    pub truth: Truth,
    /// What it stands on.
    pub evidence: Evidence,
}

impl Judgement {
    /// Pools the evidence of two judgements of one statement. Refused where they share any.
    pub fn revise(&self, other: &Self) -> Result<Self, InferenceError> {
        self.same_statement(other)?;
        Ok(Self {
            statement: self.statement.clone(),
            evidence: self.evidence.pooled(&other.evidence)?,
            truth: truth::revision(self.truth, other.truth),
        })
    }

    /// The one to believe: of the same statement that of the higher confidence, of different ones (answers to a
    /// question with a variable) that of the higher expectation; `self` at a tie.
    pub fn choose<'a>(&'a self, other: &'a Self) -> &'a Self {
        let better = if self.statement == other.statement {
            other.truth.confidence() > self.truth.confidence()
        } else {
            other.truth.expectation() > self.truth.expectation()
        };
        if better { other } else { self }
    }

    /// P→S ⊢ S→P.
    pub fn convert(&self) -> Result<Option<Self>, InferenceError> {
        if self.statement.copula().is_symmetric() {
            return Err(self.not_for("conversion", "an inheritance or an implication"));
        }
        Ok(truth::conversion(self.truth).map(|truth| {
            self.concluding(
                Statement::new(
                    self.statement.predicate().clone(),
                    self.statement.copula(),
                    self.statement.subject().clone(),
                ),
                truth,
            )
        }))
    }

    /// S⇒P ⊢ ¬P⇒¬S.
    pub fn contrapose(&self) -> Result<Option<Self>, InferenceError> {
        if self.statement.copula() != Copula::Implication {
            return Err(self.not_for("contraposition", "an implication <S ==> P>"));
        }
        Ok(truth::contraposition(self.truth).map(|truth| {
            self.concluding(
                Statement::new(
                    self.statement.predicate().clone().negated(),
                    Copula::Implication,
                    self.statement.subject().clone().negated(),
                ),
                truth,
            )
        }))
    }

    fn concluding(&self, statement: Statement, truth: Truth) -> Self {
        Self {
            statement,
            truth,
            evidence: self.evidence.clone(),
        }
    }

    fn not_for(&self, rule: &'static str, figure: &'static str) -> InferenceError {
        InferenceError::Premise {
            rule,
            figure,
            premise: Box::new(self.statement.clone()),
        }
    }

    fn same_statement(&self, other: &Self) -> Result<(), InferenceError> {
        if self.statement == other.statement {
            return Ok(());
        }
        Err(InferenceError::Different(Box::new([
            self.statement.clone(),
            other.statement.clone(),
        ])))
    }
}
