//! Formulas over an observed distribution: what an identified effect is equal to.

use super::diagram::{Diagram, Set};

/// A function of variables, made of probabilities that can be observed.
#[derive(Debug, Clone, PartialEq)]
pub enum Estimand {
    /// P(of | given).
    Probability {
        /// The variables before the bar.
        of: Set,
        /// The variables behind it.
        given: Set,
    },
    /// Σ over these variables.
    Sum {
        /// Summed out.
        over: Set,
        /// The summand.
        of: Box<Estimand>,
    },
    /// The product; of none it is 1.
    Product(Vec<Estimand>),
    /// The conditional of a derived distribution: the sum of `within` over `rest`, divided by that over `of` too.
    Conditional {
        /// The variables before the bar.
        of: Set,
        /// The variables that are neither before nor behind the bar.
        rest: Set,
        /// The distribution.
        within: Box<Estimand>,
    },
    /// The formula with one variable held at the number of a value.
    At {
        /// The variable.
        variable: usize,
        /// The number of its value.
        level: usize,
        /// The formula.
        of: Box<Estimand>,
    },
}

impl Estimand {
    /// P(of | given).
    pub const fn probability(of: Set, given: Set) -> Self {
        Self::Probability { of, given }
    }

    /// Σ over `over`; nothing is summed where that is empty.
    pub fn sum(over: Set, of: Self) -> Self {
        if over.is_empty() {
            return of;
        }
        Self::Sum {
            over,
            of: Box::new(of),
        }
    }

    /// The variables it is a function of.
    pub fn free(&self) -> Set {
        match self {
            Self::Probability { of, given } => of.union(*given),
            Self::Sum { over, of } => of.free().minus(*over),
            Self::Product(factors) => factors
                .iter()
                .fold(Set::EMPTY, |all, one| all.union(one.free())),
            Self::Conditional { rest, within, .. } => within.free().minus(*rest),
            Self::At { variable, of, .. } => of.free().minus(Set::one(*variable)),
        }
    }

    /// All variables it mentions, summed out or not.
    pub fn mentioned(&self) -> Set {
        match self {
            Self::Probability { of, given } => of.union(*given),
            Self::Sum { of, over } => of.mentioned().union(*over),
            Self::Product(factors) => factors
                .iter()
                .fold(Set::EMPTY, |all, one| all.union(one.mentioned())),
            Self::Conditional { within, .. } => within.mentioned(),
            Self::At { of, .. } => of.mentioned(),
        }
    }

    /// As text: `Σ{z} P(y | x, z) P(z)`.
    pub fn text(&self, diagram: &Diagram) -> String {
        match self {
            Self::Probability { of, given } if given.is_empty() => {
                format!("P({})", diagram.names(*of))
            }
            Self::Probability { of, given } => {
                format!("P({} | {})", diagram.names(*of), diagram.names(*given))
            }
            Self::Sum { over, of } => format!("Σ{{{}}} {}", diagram.names(*over), of.text(diagram)),
            Self::Product(factors) => factors
                .iter()
                .map(|factor| match factor {
                    Self::Sum { .. } => format!("[{}]", factor.text(diagram)),
                    _ => factor.text(diagram),
                })
                .collect::<Vec<_>>()
                .join(" "),
            Self::Conditional { of, rest, within } => {
                let numerator = Self::Sum {
                    over: *rest,
                    of: within.clone(),
                };
                let top = if rest.is_empty() {
                    within.text(diagram)
                } else {
                    numerator.text(diagram)
                };
                let bottom = Self::Sum {
                    over: rest.union(*of),
                    of: within.clone(),
                }
                .text(diagram);
                format!("[{top}] / [{bottom}]")
            }
            Self::At {
                variable,
                of,
                level,
            } => {
                format!(
                    "[{} at {}#{level}]",
                    of.text(diagram),
                    diagram.name(*variable)
                )
            }
        }
    }
}
