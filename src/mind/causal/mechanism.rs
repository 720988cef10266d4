//! Structural models and counterfactuals by abduction, action and prediction (Pearl 2009, theorem 7.1.7).
//!
//! Each variable has a mechanism: a distribution, which makes it exogenous, or an [`expression`](super::expression) of other
//! variables.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::CausalError;
use super::expression::{self, Expression, Value, World};

/// Most combinations of exogenous values that are looked at.
pub const WORLDS_MAX: usize = 1 << 18;

/// What determines a variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Mechanism {
    /// It has these values with these probabilities, independently of all else.
    Exogenous(Vec<(Value, f64)>),
    /// It is this, of other variables.
    Endogenous(Expression),
}

impl FromStr for Mechanism {
    type Err = CausalError;

    fn from_str(text: &str) -> Result<Self, CausalError> {
        let Some(values) = expression::distribution(text)? else {
            return Ok(Self::Endogenous(text.parse()?));
        };
        check_sum(&values)?;
        Ok(Self::Exogenous(values))
    }
}

impl Mechanism {
    /// The variables that it follows from.
    pub fn causes(&self) -> BTreeSet<&str> {
        match self {
            Self::Exogenous(_) => BTreeSet::new(),
            Self::Endogenous(expression) => expression.variables(),
        }
    }
}

/// Refuses probabilities that are none, or not all.
fn check_sum(values: &[(Value, f64)]) -> Result<(), CausalError> {
    let total: f64 = values.iter().map(|(_, p)| p).sum();
    match values.iter().all(|(_, p)| (0.0..=1.0).contains(p)) && (total - 1.0).abs() <= 1e-9 {
        true => Ok(()),
        false => Err(CausalError::Mechanism(format!(
            "probabilities must lie in 0..1 and add up to 1, got {total}"
        ))),
    }
}

/// Mechanisms that determine each other without a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuralModel {
    exogenous: Vec<(String, Vec<(Value, f64)>)>,
    /// Causes before effects.
    endogenous: Vec<(String, Expression)>,
}

impl StructuralModel {
    /// Checks that every variable used has a mechanism, that none causes itself, and that probabilities add up to 1.
    pub fn new(mechanisms: BTreeMap<String, Mechanism>) -> Result<Self, CausalError> {
        let mut model = Self {
            exogenous: Vec::new(),
            endogenous: Vec::new(),
        };
        let mut pending = BTreeMap::new();
        let mut worlds = 1_usize;
        for (name, mechanism) in &mechanisms {
            match mechanism {
                Mechanism::Exogenous(values) => {
                    check_sum(values)?;
                    worlds = worlds.saturating_mul(values.len());
                    model.exogenous.push((name.clone(), values.clone()));
                }
                Mechanism::Endogenous(expression) => {
                    let uses = expression.variables();
                    if let Some(unknown) = uses.iter().find(|used| !mechanisms.contains_key(**used))
                    {
                        return Err(CausalError::UnknownVariable((*unknown).to_owned()));
                    }
                    pending.insert(name, (uses, expression));
                }
            }
        }
        if worlds > WORLDS_MAX {
            return Err(CausalError::TooLarge {
                what: "the number of combinations of exogenous values",
                limit: WORLDS_MAX,
            });
        }
        while !pending.is_empty() {
            let ready = pending
                .iter()
                .find(|(_, (uses, _))| {
                    uses.iter()
                        .all(|used| !pending.contains_key(&(*used).to_owned()))
                })
                .map(|(name, _)| *name);
            let Some(name) = ready else {
                let name = pending
                    .keys()
                    .next()
                    .map_or_else(String::new, |name| (*name).clone());
                return Err(CausalError::Cycle(name));
            };
            let (_, expression) = pending.remove(name).expect("invariant: it was found there");
            model.endogenous.push((name.clone(), expression.clone()));
        }
        Ok(model)
    }

    /// The distribution of `y` had the variables of `set_to` been set, given what was the case. Abduction: each
    /// combination of exogenous values keeps its probability where it yields the evidence. Action: what is set has its
    /// value instead of its mechanism. Prediction: `y` in what follows.
    pub fn counterfactual(
        &self,
        y: &str,
        set_to: &[(&str, Value)],
        evidence: &[(&str, Value)],
    ) -> Result<BTreeMap<Value, f64>, CausalError> {
        let known = |name: &str| {
            self.exogenous.iter().any(|one| one.0 == name)
                || self.endogenous.iter().any(|one| one.0 == name)
        };
        let named = set_to
            .iter()
            .chain(evidence)
            .map(|(name, _)| *name)
            .chain([y]);
        if let Some(unknown) = named.into_iter().find(|name| !known(name)) {
            return Err(CausalError::UnknownVariable(unknown.to_owned()));
        }
        let worlds: usize = self
            .exogenous
            .iter()
            .map(|(_, values)| values.len())
            .product();
        let mut found = BTreeMap::new();
        let mut total = 0.0;
        for number in 0..worlds {
            let (mut noise, mut rest, mut probability) = (World::new(), number, 1.0);
            for (name, values) in &self.exogenous {
                let (value, p) = &values[rest % values.len()];
                rest /= values.len();
                probability *= p;
                noise.insert(name.clone(), value.clone());
            }
            if probability == 0.0 {
                continue;
            }
            let actual = self.unfold(noise.clone(), &[])?;
            if evidence
                .iter()
                .any(|(name, value)| actual.get(*name) != Some(value))
            {
                continue;
            }
            let imagined = self.unfold(noise, set_to)?;
            *found.entry(imagined[y].clone()).or_insert(0.0) += probability;
            total += probability;
        }
        if total == 0.0 {
            return Err(CausalError::ImpossibleEvidence);
        }
        found
            .values_mut()
            .for_each(|probability| *probability /= total);
        Ok(found)
    }

    fn unfold(&self, mut world: World, set_to: &[(&str, Value)]) -> Result<World, CausalError> {
        for (name, value) in set_to {
            world.insert((*name).to_owned(), value.clone());
        }
        for (name, expression) in &self.endogenous {
            if !set_to.iter().any(|(set, _)| set == name) {
                let value = expression.value(&world)?;
                world.insert(name.clone(), value);
            }
        }
        Ok(world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(
        mechanisms: &[(&str, &str)],
        noise: &[(&str, f64)],
    ) -> Result<StructuralModel, CausalError> {
        let mut all = BTreeMap::new();
        for (name, text) in mechanisms {
            all.insert((*name).to_owned(), Mechanism::Endogenous(text.parse()?));
        }
        for (name, p) in noise {
            let values = vec![(Value::Integer(1), *p), (Value::Integer(0), 1.0 - p)];
            all.insert((*name).to_owned(), Mechanism::Exogenous(values));
        }
        StructuralModel::new(all)
    }

    const ONE: Value = Value::Integer(1);
    const ZERO: Value = Value::Integer(0);

    /// Pearl 2009, section 7.1.2: the firing squad. Had A not shot, the prisoner would still be dead if he is dead; and
    /// with A nervous (probability q), by equation 7.1's pq/(1 − (1 − p)(1 − q)) alive.
    #[test]
    fn the_firing_squad() {
        let (p, q) = (0.6, 0.3);
        let squad = model(
            &[("C", "U"), ("A", "C or W"), ("B", "C"), ("D", "A or B")],
            &[("U", p), ("W", q)],
        )
        .expect("acyclic");
        let found = squad
            .counterfactual("D", &[("A", ZERO)], &[("D", ONE)])
            .expect("possible");
        let alive = (1.0 - p) * q / (1.0 - (1.0 - p) * (1.0 - q));
        assert!((found[&ZERO] - alive).abs() < 1e-12, "{found:?}");
        let done = squad
            .counterfactual("D", &[("A", ZERO)], &[])
            .expect("possible");
        assert!((done[&ONE] - p).abs() < 1e-12);
        assert_eq!(
            squad.counterfactual("D", &[], &[("D", Value::Integer(7))]),
            Err(CausalError::ImpossibleEvidence)
        );
        assert!(squad.counterfactual("E", &[], &[]).is_err());
    }

    #[test]
    fn a_distribution_is_written_in_braces() {
        let values = |pairs: &[(&str, f64)]| {
            let pairs = pairs.iter().map(|(value, p)| (Value::from(*value), *p));
            Ok(Mechanism::Exogenous(pairs.collect()))
        };
        assert_eq!(
            "{1: 0.25, 0: 0.75}".parse(),
            values(&[("1", 0.25), ("0", 0.75)])
        );
        assert_eq!(
            "{'a b':1e-1,c:.9}".parse(),
            values(&[("a b", 0.1), ("c", 0.9)])
        );
        let mechanism: Mechanism = "a and not (b or a)".parse().expect("an expression");
        assert_eq!(
            mechanism.causes().into_iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        for text in [
            "{",
            "{}",
            "{1}",
            "{1:}",
            "{1: 2}",
            "{1: 0.5}",
            "{1: 0.5, 1: 0.5}",
            "{1: 1} + 2",
            "{1: NaN}",
            "{'a: 1}",
        ] {
            assert!(text.parse::<Mechanism>().is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_models_are_refused() {
        assert_eq!(
            model(&[("a", "b"), ("b", "a")], &[]),
            Err(CausalError::Cycle("a".to_owned()))
        );
        assert!(model(&[("a", "b")], &[]).is_err());
        assert!(model(&[], &[("u", 1.5)]).is_err());
        let divided = model(&[("a", "1 / u")], &[("u", 0.5)]).expect("acyclic");
        assert!(divided.counterfactual("a", &[], &[]).is_err());
    }
}
