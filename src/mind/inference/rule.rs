//! The rules of two premises: their figures, their conclusions, their truths.

use std::fmt;

use super::super::narsese::{Connector, Copula, Statement, Term};
use super::super::truth::{self, Truth};
use super::judgement::{InferenceError, Judgement};

/// A rule of two premises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// {M→P, S→M} ⊢ S→P.
    Deduction,
    /// {M→P, M→S} ⊢ S→P.
    Induction,
    /// {P→M, S→M} ⊢ S→P.
    Abduction,
    /// {P→M, M→S} ⊢ S→P.
    Exemplification,
    /// {M→P, M→S} or {P→M, S→M} ⊢ S↔P.
    Comparison,
    /// {M→P, S↔M} ⊢ S→P; {P→M, S↔M} ⊢ P→S.
    Analogy,
    /// {M↔P, S↔M} ⊢ S↔P.
    Resemblance,
    /// {M→P, M→S} ⊢ M→(S∩P); {P→M, S→M} ⊢ (S∪P)→M.
    Intersection,
    /// {M→P, M→S} ⊢ M→(S∪P); {P→M, S→M} ⊢ (S∩P)→M.
    Union,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Deduction,
        Self::Induction,
        Self::Abduction,
        Self::Exemplification,
        Self::Comparison,
        Self::Analogy,
        Self::Resemblance,
        Self::Intersection,
        Self::Union,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deduction => "deduction",
            Self::Induction => "induction",
            Self::Abduction => "abduction",
            Self::Exemplification => "exemplification",
            Self::Comparison => "comparison",
            Self::Analogy => "analogy",
            Self::Resemblance => "resemblance",
            Self::Intersection => "intersection",
            Self::Union => "union",
        }
    }

    /// The figure of its premises.
    pub const fn figure(self) -> &'static str {
        match self {
            Self::Deduction => "<M --> P> and <S --> M>",
            Self::Induction => "<M --> P> and <M --> S>",
            Self::Abduction => "<P --> M> and <S --> M>",
            Self::Exemplification => "<P --> M> and <M --> S>",
            Self::Comparison | Self::Intersection | Self::Union => {
                "<M --> P> and <M --> S>, or <P --> M> and <S --> M>"
            }
            Self::Analogy => "<M --> P> or <P --> M>, and <S <-> M>",
            Self::Resemblance => "<M <-> P> and <S <-> M>",
        }
    }

    /// The truth of the conclusion from those of the premises.
    pub fn truth(self, first: Truth, second: Truth) -> Option<Truth> {
        match self {
            Self::Deduction => truth::deduction(first, second),
            Self::Induction => truth::induction(first, second),
            Self::Abduction => truth::abduction(first, second),
            Self::Exemplification => truth::exemplification(first, second),
            Self::Comparison => truth::comparison(first, second),
            Self::Analogy => truth::analogy(first, second),
            Self::Resemblance => truth::resemblance(first, second),
            Self::Intersection => truth::intersection(first, second),
            Self::Union => truth::union(first, second),
        }
    }

    /// What it concludes from these statements in this order; `None` where they are not in its figure, or where
    /// the conclusion would say nothing (S = P).
    pub fn conclusion(self, first: &Statement, second: &Statement) -> Option<Statement> {
        let (directed, symmetric) = match first.copula() {
            Copula::Inheritance | Copula::Similarity => (Copula::Inheritance, Copula::Similarity),
            Copula::Implication | Copula::Equivalence => (Copula::Implication, Copula::Equivalence),
        };
        let (a, b) = (
            (first.subject(), first.predicate()),
            (second.subject(), second.predicate()),
        );
        let both = |copula: Copula| first.copula() == copula && second.copula() == copula;
        let distinct = |s: &Term, copula: Copula, p: &Term| {
            (s != p).then(|| Statement::new(s.clone(), copula, p.clone()))
        };
        match self {
            Self::Deduction if both(directed) && a.0 == b.1 => distinct(b.0, directed, a.1),
            Self::Induction if both(directed) && a.0 == b.0 => distinct(b.1, directed, a.1),
            Self::Abduction if both(directed) && a.1 == b.1 => distinct(b.0, directed, a.0),
            Self::Exemplification if both(directed) && a.1 == b.0 => distinct(b.1, directed, a.0),
            Self::Comparison if both(directed) && a.0 == b.0 => distinct(b.1, symmetric, a.1),
            Self::Comparison if both(directed) && a.1 == b.1 => distinct(b.0, symmetric, a.0),
            Self::Analogy if first.copula() == directed && second.copula() == symmetric => {
                if let Some(s) = partner(second, a.0) {
                    distinct(s, directed, a.1)
                } else {
                    partner(second, a.1).and_then(|s| distinct(a.0, directed, s))
                }
            }
            Self::Resemblance if both(symmetric) => [a.0, a.1].into_iter().find_map(|middle| {
                distinct(partner(second, middle)?, symmetric, partner(first, middle)?)
            }),
            Self::Intersection | Self::Union if both(directed) && first != second => {
                compose(self, first, second)
            }
            _ => None,
        }
    }

    /// The conclusion from two judgements, which must stand in the rule's figure and share no evidence; `Ok(None)`
    /// where there is no evidence for it.
    pub fn apply(
        self,
        first: &Judgement,
        second: &Judgement,
    ) -> Result<Option<Judgement>, InferenceError> {
        let Some(statement) = self.conclusion(&first.statement, &second.statement) else {
            let swapped = self
                .conclusion(&second.statement, &first.statement)
                .is_some();
            return Err(InferenceError::Figure {
                rule: self,
                figure: self.figure(),
                premises: Box::new([first.statement.clone(), second.statement.clone()]),
                hint: if swapped { "; swap them" } else { "" },
            });
        };
        let evidence = first.evidence.pooled(&second.evidence)?;
        Ok(self
            .truth(first.truth, second.truth)
            .map(|truth| Judgement {
                statement,
                truth,
                evidence,
            }))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The other end of a symmetric statement.
fn partner<'a>(statement: &'a Statement, end: &Term) -> Option<&'a Term> {
    if statement.subject() == end {
        Some(statement.predicate())
    } else if statement.predicate() == end {
        Some(statement.subject())
    } else {
        None
    }
}

/// The composition rules of NAL-3 (terms) and NAL-5 (statements).
fn compose(rule: Rule, first: &Statement, second: &Statement) -> Option<Statement> {
    use Connector::{Conjunction, Disjunction, ExtensionalIntersection, IntensionalIntersection};
    let copula = first.copula();
    let (meet, join) = match copula {
        Copula::Inheritance => (ExtensionalIntersection, IntensionalIntersection),
        _ => (Conjunction, Disjunction),
    };
    let compound =
        |connector, a: &Term, b: &Term| Term::compound(connector, [a.clone(), b.clone()]);
    if first.subject() == second.subject() {
        let connector = if rule == Rule::Intersection {
            meet
        } else {
            join
        };
        let predicate = compound(connector, first.predicate(), second.predicate());
        return Some(Statement::new(first.subject().clone(), copula, predicate));
    }
    (first.predicate() == second.predicate()).then(|| {
        let connector = if rule == Rule::Intersection {
            join
        } else {
            meet
        };
        let subject = compound(connector, first.subject(), second.subject());
        Statement::new(subject, copula, first.predicate().clone())
    })
}

/// All that two statements conclude, in either order: the rule, whether the premises change places for it, and
/// the conclusion.
pub fn applicable(first: &Statement, second: &Statement) -> Vec<(Rule, bool, Statement)> {
    Rule::ALL
        .into_iter()
        .flat_map(|rule| {
            [(false, first, second), (true, second, first)]
                .into_iter()
                .filter_map(move |(swapped, a, b)| Some((rule, swapped, rule.conclusion(a, b)?)))
        })
        .collect()
}
