//! The three rungs as questions about a diagram and its observations: what is seen, what doing would change, and
//! what bounds there are on what would have been. Each becomes a quantity, whose value the observations give.

use super::CausalError;
use super::criteria::back_door;
use super::diagram::{Diagram, Set};
use super::estimand::Estimand;
use super::identify::{Identified, effect};
use super::observations::{Assignment, Estimate, Observations, Quantity, Term};
use super::separation::separated;

/// A diagram with what was observed; variables that never were are latent.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// The diagram of the observed variables, the latent ones projected out.
    diagram: Diagram,
    observations: &'a Observations,
}

/// A natural direct and indirect effect, and the total one.
#[derive(Debug, Clone, PartialEq)]
pub struct Mediation {
    /// NDE = Σm [P(y|x,m) − P(y|x',m)] P(m|x').
    pub direct: Quantity,
    /// NIE = Σm P(y|x',m) [P(m|x) − P(m|x')].
    pub indirect: Quantity,
    /// P(y|x) − P(y|x').
    pub total: Quantity,
}

/// The least and the greatest that a probability can be, before they are held within 0..1.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// The least.
    pub low: Quantity,
    /// The greatest.
    pub high: Quantity,
}

/// How the outcome that would have been is known, to be regretted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regretted {
    /// Within each combination of values of this back-door set.
    BackDoor(Set),
    /// From the effect of the one value that x had not, and what was seen of it.
    Effect,
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

    /// What was observed.
    pub const fn observations(&self) -> &Observations {
        self.observations
    }

    /// A quantity with how well it is known.
    pub fn estimate(&self, quantity: &Quantity) -> Result<Estimate, CausalError> {
        self.observations.estimate(quantity, &self.diagram)
    }

    /// Bounds with how well they are known, all within 0..1.
    pub fn bounds(&self, bounds: &Bounds) -> Result<[Estimate; 2], CausalError> {
        let within = |quantity| -> Result<Estimate, CausalError> {
            let found = self.estimate(quantity)?;
            let unit = |value: f64| value.clamp(0.0, 1.0);
            Ok(Estimate {
                value: unit(found.value),
                interval: found.interval.map(|(low, high)| (unit(low), unit(high))),
                ..found
            })
        };
        Ok([within(&bounds.low)?, within(&bounds.high)?])
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

    /// P(y | x): what is seen.
    pub fn see(&self, y: &[Value<'_>], x: &[Value<'_>]) -> Result<Quantity, CausalError> {
        let (of, given) = (self.assignment(y)?, self.assignment(x)?);
        let (ys, xs) = (set(&of), set(&given));
        if ys.is_empty() || !ys.is_disjoint(xs) {
            return Err(CausalError::Question(
                "a probability is of variables that are not given".to_owned(),
            ));
        }
        let at = [of, given.clone()].concat();
        Ok(Quantity {
            terms: vec![term(1.0, Estimand::probability(ys, xs), at)],
            proportion_given: Some(given),
            ..Quantity::default()
        })
    }

    /// P(y | do(x)), and the formula that gives it.
    pub fn intervene(
        &self,
        y: &[Value<'_>],
        x: &[Value<'_>],
    ) -> Result<(Quantity, Identified), CausalError> {
        let (of, given) = (self.assignment(y)?, self.assignment(x)?);
        let identified = effect(&self.diagram, set(&of), set(&given))?;
        let at = [of, given.clone()].concat();
        let quantity = Quantity {
            terms: vec![term(1.0, identified.estimand.clone(), at)],
            proportion_given: Some(given),
            ..Quantity::default()
        };
        Ok((quantity, identified))
    }

    /// P(y | do(x=a)) − P(y | do(x=b)): the average effect on the event y.
    pub fn contrast(
        &self,
        x: &str,
        a: &str,
        b: &str,
        y: Value<'_>,
    ) -> Result<(Quantity, Identified), CausalError> {
        let (first, second) = (
            self.assignment(&[y, (x, a)])?,
            self.assignment(&[y, (x, b)])?,
        );
        let identified = effect(&self.diagram, Set::one(first[0].0), Set::one(first[1].0))?;
        let formula = || identified.estimand.clone();
        let terms = vec![term(1.0, formula(), first), term(-1.0, formula(), second)];
        Ok((sum(terms), identified))
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
        let mixed = |(variable, level): (usize, usize)| {
            let mediator = Estimand::At {
                variable,
                level,
                of: Box::new(Estimand::probability(mediators, xs)),
            };
            let outcome = Estimand::probability(ys, xs.union(mediators));
            Estimand::sum(mediators, Estimand::Product(vec![outcome, mediator]))
        };
        let (with_a, with_b) = (mixed(at_a[1]), mixed(at_b[1]));
        let difference = |formula: &Estimand, at: &Assignment| {
            sum(vec![
                term(1.0, formula.clone(), at.clone()),
                term(-1.0, with_b.clone(), at_b.clone()),
            ])
        };
        Ok(Mediation {
            direct: difference(&with_b, &at_a),
            indirect: difference(&with_a, &at_b),
            total: difference(&with_a, &at_a),
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

    /// Bounds on P(y would hold, had x been set | evidence), where the evidence speaks of x too: what is known of
    /// P(y | do(x)) and of the observed joint distribution (Tian & Pearl 2000). Exact where the evidence has this x.
    pub fn imagine(
        &self,
        y: Value<'_>,
        x: Value<'_>,
        evidence: &[Value<'_>],
    ) -> Result<Bounds, CausalError> {
        let (target, set_to) = (self.assignment(&[y])?, self.assignment(&[x])?);
        if target[0].0 == set_to[0].0 {
            return Err(CausalError::Question(
                "a variable cannot be both set and asked for".to_owned(),
            ));
        }
        let known = self.assignment(evidence)?;
        let Some(&(_, level)) = known.iter().find(|(variable, _)| *variable == set_to[0].0) else {
            return Err(CausalError::Question(format!(
                "the evidence must say what {} was, or mechanisms what it does",
                x.0
            )));
        };
        let known_share = || share(&known);
        if level == set_to[0].1 {
            // Consistency: what is set is what was, so that y would be as it is.
            let rest = known.iter().copied().filter(|one| one.0 != target[0].0);
            let given: Assignment = rest.collect();
            let of = Estimand::probability(set(&target), set(&given));
            let mut exact = Quantity {
                terms: vec![term(1.0, of, [target.clone(), given.clone()].concat())],
                proportion_given: Some(given),
                ..Quantity::default()
            };
            if let Some(one) = known.iter().find(|one| one.0 == target[0].0) {
                // All of what is like the evidence, or nothing of it.
                exact.terms = vec![Term {
                    coefficient: f64::from(u8::from(one.1 == target[0].1)),
                    ..known_share()
                }];
                exact.divisor = vec![known_share()];
                exact.proportion_given = Some(known.clone());
            }
            return Ok(Bounds {
                low: exact.clone(),
                high: exact,
            });
        }
        // What of P(y | do(x)) falls where x was otherwise.
        let mut elsewhere = self.intervene(&[y], &[x])?.0.terms;
        elsewhere.push(times(-1.0, share_of(&[target[0], set_to[0]])));
        let high = Quantity {
            terms: elsewhere.clone(),
            divisor: vec![known_share()],
            ..Quantity::default()
        };
        // Less what falls where the evidence does not hold.
        elsewhere.push(share_of(&set_to));
        elsewhere.push(known_share());
        let low = Quantity {
            constant: -1.0,
            terms: elsewhere,
            divisor: vec![known_share()],
            ..Quantity::default()
        };
        Ok(Bounds { low, high })
    }

    /// Bounds on the probability of necessity: that y would not have come about without x, where both did (Tian &
    /// Pearl 2000; Pearl 2009, theorem 9.2.12); x has two values. P(y | do(x')) is that of an `experiment`, or
    /// identified:
    ///
    /// max(0, [P(y) − P(y|do x')]/P(x,y)) ≤ PN ≤ min(1, [P(y'|do x') − P(x',y')]/P(x,y)).
    pub fn necessity(
        &self,
        x: Value<'_>,
        y: Value<'_>,
        experiment: Option<f64>,
    ) -> Result<Bounds, CausalError> {
        let [had, other, event] = self.contrasted(x, y)?;
        let done = self.done(y, (x.0, &self.text(other)), experiment)?;
        let divisor = vec![share_of(&[had, event])];
        let low = Quantity {
            constant: -done.constant,
            terms: [vec![share_of(&[event])], negated(&done.terms)].concat(),
            divisor: divisor.clone(),
            ..Quantity::default()
        };
        // P(x', y') is P(x') without P(x', y).
        let without = vec![times(-1.0, share_of(&[other])), share_of(&[other, event])];
        let high = Quantity {
            constant: 1.0 - done.constant,
            terms: [negated(&done.terms), without].concat(),
            divisor,
            ..Quantity::default()
        };
        Ok(Bounds { low, high })
    }

    /// Bounds on the probability of sufficiency: that x would bring about y, where neither was (theorem 9.2.13);
    /// P(y | do(x)) is that of an `experiment`, or identified:
    ///
    /// max(0, [P(y|do x) − P(y)]/P(x',y')) ≤ PS ≤ min(1, [P(y|do x) − P(x,y)]/P(x',y')).
    pub fn sufficiency(
        &self,
        x: Value<'_>,
        y: Value<'_>,
        experiment: Option<f64>,
    ) -> Result<Bounds, CausalError> {
        let [had, other, event] = self.contrasted(x, y)?;
        let done = self.done(y, x, experiment)?;
        let neither = self.neither(other, event)?;
        let less = |known: Term| Quantity {
            terms: [done.terms.clone(), vec![times(-1.0, known)]].concat(),
            divisor: neither.clone(),
            ..done.clone()
        };
        Ok(Bounds {
            low: less(share_of(&[event])),
            high: less(share_of(&[had, event])),
        })
    }

    /// P(x', y'): a term for each value of y but this one.
    fn neither(
        &self,
        other: (usize, usize),
        event: (usize, usize),
    ) -> Result<Vec<Term>, CausalError> {
        let levels = self.observations.levels(event.0).len();
        if levels < 2 {
            return Err(CausalError::Question(format!(
                "{} has never been otherwise",
                self.diagram.name(event.0)
            )));
        }
        let others = (0..levels).filter(|level| *level != event.1);
        Ok(others
            .map(|level| share_of(&[other, (event.0, level)]))
            .collect())
    }

    /// P(y | do(x)), as an experiment found it or as it is identified.
    fn done(
        &self,
        y: Value<'_>,
        x: Value<'_>,
        experiment: Option<f64>,
    ) -> Result<Quantity, CausalError> {
        Ok(match experiment {
            Some(constant) => Quantity {
                constant,
                ..Quantity::default()
            },
            None => sum(self.intervene(&[y], &[x])?.0.terms),
        })
    }

    /// x as it was, x as it was not, and y.
    fn contrasted(&self, x: Value<'_>, y: Value<'_>) -> Result<[(usize, usize); 3], CausalError> {
        let values = self.assignment(&[x, y])?;
        let (variable, level) = values[0];
        match self.observations.levels(variable).len() {
            2 => Ok([values[0], (variable, 1 - level), values[1]]),
            levels => Err(CausalError::Question(format!(
                "{} must have two values, to be one or the other; it has {levels}",
                x.0
            ))),
        }
    }

    fn text(&self, (variable, level): (usize, usize)) -> String {
        self.observations.levels(variable)[level].clone()
    }

    /// E[Y(x') − Y | X = x]: what those who had x would have gained by x', for a numeric y; by a back-door set
    /// (Σz E[y|x',z] P(z|x) − E[y|x]), else, where x has two values, from P(y | do(x')) and what was seen
    /// (P(y|do x') = P(y_x'|x) P(x) + P(y|x') P(x')).
    pub fn regret(
        &self,
        x: Value<'_>,
        other: &str,
        y: &str,
    ) -> Result<(Quantity, Regretted), CausalError> {
        let (had, instead) = (
            self.assignment(&[x])?[0],
            self.assignment(&[(x.0, other)])?[0],
        );
        let result = self.diagram.index(y)?;
        let (ys, xs) = (Set::one(result), Set::one(had.0));
        if ys == xs {
            return Err(CausalError::Question(
                "a variable cannot be both set and asked for".to_owned(),
            ));
        }
        let sets = back_door(&self.diagram, had.0, result)?;
        let regretted = match sets.first() {
            Some(&z) => Regretted::BackDoor(z),
            None if self.observations.levels(had.0).len() == 2 && had != instead => {
                Regretted::Effect
            }
            None => {
                return Err(CausalError::Confounded(x.0.to_owned(), y.to_owned()));
            }
        };
        let mut regret = Quantity::default();
        for (level, text) in self.observations.levels(result).iter().enumerate() {
            let number: f64 = text
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .ok_or_else(|| {
                    CausalError::Question(format!(
                        "{y} must be a number to be regretted, got {text:?}"
                    ))
                })?;
            let at = |one: (usize, usize)| vec![(result, level), one];
            match regretted {
                Regretted::BackDoor(z) => {
                    let outcome = Estimand::probability(ys, xs.union(z));
                    let covariates = Estimand::At {
                        variable: had.0,
                        level: had.1,
                        of: Box::new(Estimand::probability(z, xs)),
                    };
                    let imagined = match z.is_empty() {
                        true => outcome,
                        false => Estimand::sum(z, Estimand::Product(vec![outcome, covariates])),
                    };
                    let seen = Estimand::probability(ys, xs);
                    regret.terms.push(term(number, imagined, at(instead)));
                    regret.terms.push(term(-number, seen, at(had)));
                }
                Regretted::Effect => {
                    let done = self.intervene(&[(y, text)], &[(x.0, other)])?.0.terms;
                    regret
                        .terms
                        .extend(done.into_iter().map(|one| times(number, one)));
                    regret.terms.push(times(-number, share(&at(instead))));
                    regret.terms.push(times(-number, share(&at(had))));
                    regret.divisor = vec![share_of(&[had])];
                }
            }
        }
        Ok((regret, regretted))
    }
}

fn term(coefficient: f64, estimand: Estimand, at: Assignment) -> Term {
    Term {
        coefficient,
        estimand,
        at,
    }
}

fn sum(terms: Vec<Term>) -> Quantity {
    Quantity {
        terms,
        ..Quantity::default()
    }
}

fn times(factor: f64, term: Term) -> Term {
    Term {
        coefficient: factor * term.coefficient,
        ..term
    }
}

fn negated(terms: &[Term]) -> Vec<Term> {
    terms.iter().cloned().map(|one| times(-1.0, one)).collect()
}

/// P of these values, from the observations that have all their variables.
fn share(values: &Assignment) -> Term {
    term(
        1.0,
        Estimand::probability(set(values), Set::EMPTY),
        values.clone(),
    )
}

fn share_of(values: &[(usize, usize)]) -> Term {
    share(&values.to_vec())
}

fn set(values: &[(usize, usize)]) -> Set {
    values.iter().map(|&(variable, _)| variable).collect()
}
