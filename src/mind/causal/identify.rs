//! The ID algorithm (Shpitser & Pearl 2006, "Identification of joint interventional distributions in recursive
//! semi-Markovian causal models", figure 3): sound and complete. Its lines are numbered as in the paper.

use super::CausalError;
use super::criteria::{back_door, front_door};
use super::diagram::{Diagram, Set};
use super::estimand::Estimand;

/// Which argument identified an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formula {
    /// Adjustment for this set (Pearl 2009, theorem 3.3.2).
    BackDoor(Set),
    /// Through this set (Pearl 2009, theorem 3.3.4).
    FrontDoor(Set),
    /// By the ID algorithm.
    General,
}

/// An effect as a formula over what is observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Identified {
    /// How it was found.
    pub formula: Formula,
    /// P(y | do(x)) as a function of y and x.
    pub estimand: Estimand,
}

/// P(y | do(x)) over the observed variables of `diagram`, whose latent ones are projected out; by the back door, else
/// by the front door, else by the ID algorithm.
pub fn effect(diagram: &Diagram, y: Set, x: Set) -> Result<Identified, CausalError> {
    check(diagram, y, x)?;
    if let (1, 1) = (x.len(), y.len())
        && let (Some(cause), Some(result)) = (x.iter().next(), y.iter().next())
    {
        if let Some(&set) = back_door(diagram, cause, result)?.first() {
            let estimand = adjusted(y, x, set);
            return Ok(Identified {
                formula: Formula::BackDoor(set),
                estimand,
            });
        }
        if let Some(&set) = front_door(diagram, cause, result)?.first() {
            // Σ_m P(m|x) Σ_x' P(y|m,x') P(x'): the inner sum has no free x.
            let inner = Estimand::sum(
                x,
                Estimand::Product(vec![
                    Estimand::probability(y, x.union(set)),
                    Estimand::probability(x, Set::EMPTY),
                ]),
            );
            let estimand = Estimand::sum(
                set,
                Estimand::Product(vec![Estimand::probability(set, x), inner]),
            );
            return Ok(Identified {
                formula: Formula::FrontDoor(set),
                estimand,
            });
        }
    }
    Ok(Identified {
        formula: Formula::General,
        estimand: general(diagram, y, x)?,
    })
}

/// Σ_z P(y|x,z) P(z).
pub fn adjusted(y: Set, x: Set, z: Set) -> Estimand {
    if z.is_empty() {
        return Estimand::probability(y, x);
    }
    let factors = vec![
        Estimand::probability(y, x.union(z)),
        Estimand::probability(z, Set::EMPTY),
    ];
    Estimand::sum(z, Estimand::Product(factors))
}

/// P(y | do(x)) by the ID algorithm alone.
pub fn general(diagram: &Diagram, y: Set, x: Set) -> Result<Estimand, CausalError> {
    check(diagram, y, x)?;
    id(y, x, &Distribution::Observed, diagram)
}

fn check(diagram: &Diagram, y: Set, x: Set) -> Result<(), CausalError> {
    let wrong = |text: &str| Err(CausalError::Question(text.to_owned()));
    if y.is_empty() {
        return wrong("an effect needs a variable that is affected");
    }
    if !y.is_disjoint(x) {
        return wrong("a variable cannot be both set and asked for");
    }
    if !y.union(x).is_subset(diagram.vertices()) {
        return wrong("an effect is between variables that are observed");
    }
    Ok(())
}

/// The distribution that the recursion is in.
enum Distribution {
    /// That of the observations.
    Observed,
    /// One that was derived, over these variables; its other free variables are set by intervention.
    Derived(Estimand, Set),
}

impl Distribution {
    fn marginal(&self, of: Set) -> Estimand {
        match self {
            Self::Observed => Estimand::probability(of, Set::EMPTY),
            Self::Derived(estimand, over) => Estimand::sum(over.minus(of), estimand.clone()),
        }
    }

    fn restricted(&self, to: Set) -> Self {
        match self {
            Self::Observed => Self::Observed,
            Self::Derived(..) => Self::Derived(self.marginal(to), to),
        }
    }

    fn conditional(&self, of: Set, given: Set) -> Estimand {
        match self {
            Self::Observed => Estimand::probability(of, given),
            Self::Derived(estimand, over) => Estimand::Conditional {
                of,
                rest: over.minus(of).minus(given),
                within: Box::new(estimand.clone()),
            },
        }
    }

    /// Π P(v | what precedes v) over the variables of `component`.
    fn factors(&self, component: Set, order: &[usize]) -> Estimand {
        let mut before = Set::EMPTY;
        let mut factors = Vec::new();
        for &variable in order {
            if component.contains(variable) {
                factors.push(self.conditional(Set::one(variable), before));
            }
            before = before.union(Set::one(variable));
        }
        Estimand::Product(factors)
    }
}

fn id(
    y: Set,
    x: Set,
    distribution: &Distribution,
    diagram: &Diagram,
) -> Result<Estimand, CausalError> {
    let all = diagram.vertices();
    // 1: nothing is set.
    if x.is_empty() {
        return Ok(distribution.marginal(y));
    }
    // 2: only ancestors of y matter.
    let ancestors = diagram.ancestors(y);
    if ancestors != all {
        let rest = diagram.restricted(ancestors);
        return id(
            y,
            x.intersection(ancestors),
            &distribution.restricted(ancestors),
            &rest,
        );
    }
    // 3: what no longer reaches y can be set too.
    let idle = all.minus(x).minus(diagram.without_incoming(x).ancestors(y));
    if !idle.is_empty() {
        return id(y, x.union(idle), distribution, diagram);
    }
    // 4: the components without x factor.
    let components = diagram.restricted(all.minus(x)).components();
    if components.len() > 1 {
        let factors = components
            .iter()
            .map(|&component| id(component, all.minus(component), distribution, diagram))
            .collect::<Result<Vec<_>, _>>()?;
        return Ok(Estimand::sum(
            all.minus(y).minus(x),
            Estimand::Product(factors),
        ));
    }
    let root = components[0];
    let whole = diagram.components();
    // 5: a hedge.
    if whole.len() == 1 {
        return Err(CausalError::NotIdentifiable {
            forest: diagram.names(all),
            root: diagram.names(root),
        });
    }
    let order = diagram.topological();
    let around = whole
        .into_iter()
        .find(|component| root.is_subset(*component))
        .expect("invariant: a component without x lies in one with x");
    // 6: the component stands alone.
    if around == root {
        return Ok(Estimand::sum(
            root.minus(y),
            distribution.factors(root, &order),
        ));
    }
    // 7: go on inside the larger component.
    let inside = Distribution::Derived(distribution.factors(around, &order), around);
    id(
        y,
        x.intersection(around),
        &inside,
        &diagram.restricted(around),
    )
}
