//! The three rungs as questions about a diagram and its observations: what is seen, what doing would change, and
//! what bounds there are on what would have been.

use super::CausalError;
use super::diagram::{Diagram, Set};
use super::estimand::Estimand;
use super::identify::{Identified, adjusted, effect};
use super::observations::{Assignment, Estimate, Observations, Term};
use super::separation::separated;

/// A diagram with what was observed; variables that never were are latent.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// The diagram of the observed variables, the latent ones projected out.
    diagram: Diagram,
    observations: &'a Observations,
}

/// A natural direct and indirect effect, and the total one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mediation {
    /// NDE = Σm [P(y|x,m) − P(y|x',m)] P(m|x').
    pub direct: Estimate,
    /// NIE = Σm P(y|x',m) [P(m|x) − P(m|x')].
    pub indirect: Estimate,
    /// P(y|x) − P(y|x').
    pub total: Estimate,
}

/// The least and the greatest that a probability can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// A variable and its value, by name.
pub type Value<'a> = (&'a str, &'a str);

impl<'a> Model<'a> {
    /// A model of `diagram` and the observations of its variables.
    pub fn new(diagram: &Diagram, observations: &'a Observations) -> Self {
        let latent = diagram.vertices().minus(observations.observed());
        Self {
            diagram: diagram.without_latent(latent),
            observations,
        }
    }

    /// The diagram of the observed variables.
    pub const fn diagram(&self) -> &Diagram {
        &self.diagram
    }

    fn assignment(&self, values: &[Value<'_>]) -> Result<Assignment, CausalError> {
        let mut found: Assignment = Vec::new();
        for (name, value) in values {
            let variable = self.diagram.index(name)?;
            if found.iter().any(|&(known, _)| known == variable) {
                return Err(CausalError::Question(format!("{name} has two values")));
            }
            found.push((
                variable,
                self.observations.level(&self.diagram, variable, value)?,
            ));
        }
        Ok(found)
    }

    fn estimate(&self, terms: &[Term<'_>], proportion: bool) -> Result<Estimate, CausalError> {
        self.observations.estimate(terms, proportion, &self.diagram)
    }

    /// P(y | x): what is seen.
    pub fn see(&self, y: &[Value<'_>], x: &[Value<'_>]) -> Result<Estimate, CausalError> {
        let (of, given) = (self.assignment(y)?, self.assignment(x)?);
        let (ys, xs) = (set(&of), set(&given));
        if ys.is_empty() || !ys.is_disjoint(xs) {
            return Err(CausalError::Question(
                "a probability is of variables that are not given".to_owned(),
            ));
        }
        let at = [of, given].concat();
        self.estimate(&[(1.0, &Estimand::probability(ys, xs), &at)], true)
    }

    /// P(y | do(x)), and the formula that gives it.
    pub fn intervene(
        &self,
        y: &[Value<'_>],
        x: &[Value<'_>],
    ) -> Result<(Estimate, Identified), CausalError> {
        let (of, given) = (self.assignment(y)?, self.assignment(x)?);
        let identified = effect(&self.diagram, set(&of), set(&given))?;
        let at = [of, given].concat();
        let estimate = self.estimate(&[(1.0, &identified.estimand, &at)], true)?;
        Ok((estimate, identified))
    }

    /// P(y | do(x=a)) − P(y | do(x=b)): the average effect on the event y.
    pub fn contrast(
        &self,
        x: &str,
        a: &str,
        b: &str,
        y: Value<'_>,
    ) -> Result<(Estimate, Identified), CausalError> {
        let (first, second) = (
            self.assignment(&[y, (x, a)])?,
            self.assignment(&[y, (x, b)])?,
        );
        let identified = effect(&self.diagram, Set::one(first[0].0), Set::one(first[1].0))?;
        let formula = &identified.estimand;
        let estimate = self.estimate(&[(1.0, formula, &first), (-1.0, formula, &second)], false)?;
        Ok((estimate, identified))
    }

    /// Natural effects of setting x to `a` instead of `b` on the event y through the mediators `via` (Pearl 2009,
    /// equations 4.48 and 4.51). Refused where x, the mediators and y are confounded.
    pub fn mediate(
        &self,
        x: &str,
        a: &str,
        b: &str,
        y: Value<'_>,
        via: &[&str],
    ) -> Result<Mediation, CausalError> {
        let (at_a, at_b) = (
            self.assignment(&[y, (x, a)])?,
            self.assignment(&[y, (x, b)])?,
        );
        let (ys, xs) = (Set::one(at_a[0].0), Set::one(at_a[1].0));
        let mediators = via
            .iter()
            .map(|name| self.diagram.index(name))
            .collect::<Result<Set, _>>()?;
        if mediators.is_empty() || !mediators.is_disjoint(xs.union(ys)) || xs == ys {
            return Err(CausalError::Question(
                "mediators are variables other than the cause and the effect".to_owned(),
            ));
        }
        self.refuse_confounded(xs, mediators.union(ys), Set::EMPTY)?;
        self.refuse_confounded(mediators, ys, xs)?;
        // Σm P(y|x,m) P(m|x'): the second x is held at a value of its own.
        let outcome = Estimand::probability(ys, xs.union(mediators));
        let mixed = |(variable, level): (usize, usize)| {
            let mediator = Estimand::At {
                variable,
                level,
                of: Box::new(Estimand::probability(mediators, xs)),
            };
            Estimand::sum(
                mediators,
                Estimand::Product(vec![outcome.clone(), mediator]),
            )
        };
        let (with_a, with_b) = (mixed(at_a[1]), mixed(at_b[1]));
        let base = (-1.0, &with_b, at_b.as_slice());
        let difference = |formula, at| self.estimate(&[(1.0, formula, at), base], false);
        Ok(Mediation {
            direct: difference(&with_b, at_a.as_slice())?,
            indirect: difference(&with_a, at_b.as_slice())?,
            total: difference(&with_a, at_a.as_slice())?,
        })
    }

    /// Refuses where a back-door path leads from `causes` to `effects` that `given` does not block.
    fn refuse_confounded(&self, causes: Set, effects: Set, given: Set) -> Result<(), CausalError> {
        let back = self.diagram.without_outgoing(causes);
        for cause in causes.iter() {
            for result in effects.iter() {
                if !separated(&back, Set::one(cause), Set::one(result), given) {
                    return Err(CausalError::Confounded(
                        self.diagram.name(cause).to_owned(),
                        self.diagram.name(result).to_owned(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// P of a set of values, from the observations that have all their variables.
    fn share(&self, values: &[(usize, usize)]) -> Result<f64, CausalError> {
        let of = set(values);
        self.observations.evaluate(
            &Estimand::probability(of, Set::EMPTY),
            values,
            &self.diagram,
        )
    }

    /// Bounds on P(y would hold, had x been set | evidence), where the evidence speaks of x too: what is known of
    /// P(y | do(x)) and of the observed joint distribution (Tian & Pearl 2000). Exact where the evidence has this x.
    pub fn imagine(
        &self,
        y: Value<'_>,
        x: Value<'_>,
        evidence: &[Value<'_>],
    ) -> Result<Bounds, CausalError> {
        let (target, set_to) = (self.assignment(&[y])?, self.assignment(&[x])?);
        let known = self.assignment(evidence)?;
        let Some(&(_, level)) = known.iter().find(|(variable, _)| *variable == set_to[0].0) else {
            return Err(CausalError::Question(format!(
                "the evidence must say what {} was",
                x.0
            )));
        };
        let share = self.share(&known)?;
        if share == 0.0 {
            return Err(CausalError::NoSupport(format!("P({})", listed(evidence))));
        }
        if level == set_to[0].1 {
            // Consistency: what is set is what was, so that y would be as it is.
            let rest: Assignment = known
                .iter()
                .copied()
                .filter(|one| one.0 != target[0].0)
                .collect();
            let value = match known.iter().find(|one| one.0 == target[0].0) {
                Some(one) => f64::from(u8::from(one.1 == target[0].1)),
                None => {
                    let at = [target.clone(), rest.clone()].concat();
                    let estimand = Estimand::probability(set(&target), set(&rest));
                    self.observations.evaluate(&estimand, &at, &self.diagram)?
                }
            };
            return Ok(Bounds {
                low: value,
                high: value,
            });
        }
        let (done, _) = self.intervene(&[y], &[x])?;
        // What of P(y | do(x)) falls where x was otherwise.
        let elsewhere = done.value - self.share(&[target[0], set_to[0]])?;
        let otherwise = 1.0 - self.share(&set_to)?;
        Ok(Bounds {
            low: ((elsewhere - (otherwise - share)) / share).clamp(0.0, 1.0),
            high: (elsewhere / share).clamp(0.0, 1.0),
        })
    }

    /// Bounds on the probability of necessity: that y would not have come about without x, where both did; `x'` is the
    /// other value (Tian & Pearl 2000; Pearl 2009, section 9.2.3).
    pub fn necessity(
        &self,
        x: Value<'_>,
        other: &str,
        y: Value<'_>,
    ) -> Result<Bounds, CausalError> {
        let (p, done) = self.contrasted(x, other, y)?;
        if p.x_and_y == 0.0 {
            return Err(CausalError::NoSupport(format!("P({})", listed(&[x, y]))));
        }
        Ok(Bounds::necessity(&p, done.other))
    }

    /// Bounds on the probability of sufficiency: that x would bring about y, where neither was.
    pub fn sufficiency(
        &self,
        x: Value<'_>,
        other: &str,
        y: Value<'_>,
    ) -> Result<Bounds, CausalError> {
        let (p, done) = self.contrasted(x, other, y)?;
        if p.other_without_y == 0.0 {
            return Err(CausalError::NoSupport(format!(
                "P({}={other}, not {}={})",
                x.0, y.0, y.1
            )));
        }
        Ok(Bounds::sufficiency(&p, done.x))
    }

    fn contrasted(
        &self,
        x: Value<'_>,
        other: &str,
        y: Value<'_>,
    ) -> Result<(Observed, Done), CausalError> {
        let (values, others) = (self.assignment(&[x, y])?, self.assignment(&[(x.0, other)])?);
        if self.observations.levels(values[0].0).len() != 2 || values[0] == others[0] {
            return Err(CausalError::Question(format!(
                "{} must have two values, to be one or the other",
                x.0
            )));
        }
        let y_alone = self.share(&values[1..])?;
        let x_and_y = self.share(&values)?;
        let other_and_y = self.share(&[others[0], values[1]])?;
        let observed = Observed {
            y: y_alone,
            x_and_y,
            other_without_y: self.share(&others)? - other_and_y,
        };
        let done = Done {
            x: self.intervene(&[y], &[x])?.0.value,
            other: self.intervene(&[y], &[(x.0, other)])?.0.value,
        };
        Ok((observed, done))
    }

    /// E[Y(x') − Y | X = x]: what those who had x would have gained by x', for a numeric y; by a back-door set
    /// (Σz E[y|x',z] P(z|x) − E[y|x]), else, where x has two values, from P(y | do(x')) and P(y | x').
    pub fn regret(&self, x: Value<'_>, other: &str, y: &str) -> Result<f64, CausalError> {
        let (had, instead) = (self.assignment(&[x])?, self.assignment(&[(x.0, other)])?);
        let result = self.diagram.index(y)?;
        let (ys, xs) = (Set::one(result), Set::one(had[0].0));
        let sets = super::criteria::back_door(&self.diagram, had[0].0, result)?;
        let mut regret = 0.0;
        for (level, text) in self.observations.levels(result).iter().enumerate() {
            let number: f64 = text.parse().map_err(|_| {
                CausalError::Question(format!(
                    "{y} must be a number to be regretted, got {text:?}"
                ))
            })?;
            let at = |one: (usize, usize)| vec![(result, level), one];
            let counterfactual = if let Some(&z) = sets.first() {
                let covariates = Estimand::At {
                    variable: had[0].0,
                    level: had[0].1,
                    of: Box::new(Estimand::probability(z, xs)),
                };
                let outcome = Estimand::probability(ys, xs.union(z));
                let estimand = if z.is_empty() {
                    adjusted(ys, xs, z)
                } else {
                    Estimand::sum(z, Estimand::Product(vec![outcome, covariates]))
                };
                self.observations
                    .evaluate(&estimand, &at(instead[0]), &self.diagram)?
            } else if self.observations.levels(had[0].0).len() == 2 && had != instead {
                // P(y|do x') = P(y_x'|x) P(x) + P(y|x') P(x').
                let done = self.intervene(&[(y, text)], &[(x.0, other)])?.0.value;
                (done - self.share(&[(result, level), instead[0]])?) / self.share(&had)?
            } else {
                return Err(CausalError::Confounded(x.0.to_owned(), y.to_owned()));
            };
            let seen = self.observations.evaluate(
                &Estimand::probability(ys, xs),
                &at(had[0]),
                &self.diagram,
            )?;
            regret += number * (counterfactual - seen);
        }
        Ok(regret)
    }
}

/// Shares of what was observed, of a cause x and an effect y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// P(y).
    pub y: f64,
    /// P(x, y).
    pub x_and_y: f64,
    /// P(x', y'): neither.
    pub other_without_y: f64,
}

impl Bounds {
    /// max(0, [P(y) − P(y|do x')]/P(x,y)) ≤ PN ≤ min(1, [P(y'|do x') − P(x',y')]/P(x,y)), from observed shares and an
    /// experiment's P(y | do(x')) (Pearl 2009, theorem 9.2.12).
    pub fn necessity(p: &Observed, y_had_other: f64) -> Self {
        Self {
            low: ((p.y - y_had_other) / p.x_and_y).clamp(0.0, 1.0),
            high: ((1.0 - y_had_other - p.other_without_y) / p.x_and_y).clamp(0.0, 1.0),
        }
    }

    /// max(0, [P(y|do x) − P(y)]/P(x',y')) ≤ PS ≤ min(1, [P(y|do x) − P(x,y)]/P(x',y')) (Pearl 2009, theorem 9.2.13).
    pub fn sufficiency(p: &Observed, y_had_x: f64) -> Self {
        Self {
            low: ((y_had_x - p.y) / p.other_without_y).clamp(0.0, 1.0),
            high: ((y_had_x - p.x_and_y) / p.other_without_y).clamp(0.0, 1.0),
        }
    }
}

/// P(y | do) of the two values of x.
struct Done {
    x: f64,
    other: f64,
}

fn set(values: &[(usize, usize)]) -> Set {
    values.iter().map(|&(variable, _)| variable).collect()
}

fn listed(values: &[Value<'_>]) -> String {
    values
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(", ")
}
