//! Structural models and counterfactuals by abduction, action and prediction (Pearl 2009, theorem 7.1.7).
//!
//! Each variable has a mechanism: a distribution, which makes it exogenous, or an expression of other variables:
//!
//! ```text
//! expression = integer | 'text' | variable | "(" e ")" | "-" e | "not" e | "if" e "then" e "else" e
//!            | e ("*" | "/" | "%") e | e ("+" | "-") e | e ("=" | "!=" | "<" | "<=" | ">" | ">=") e
//!            | e "and" e | e "xor" e | e "or" e
//! ```
//!
//! A distribution is written `{1: 0.3, 0: 0.7}`, values as in expressions. Truth is 1 and falsehood 0, division rounds toward zero, text can be compared for equality only. Expressions nest
//! at most [`DEPTH_MAX`] deep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::CausalError;

/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 32;
/// Most operators and operands of an expression.
pub const SIZE_MAX: usize = 1_024;
/// Most combinations of exogenous values that are looked at.
pub const WORLDS_MAX: usize = 1 << 18;

/// What a variable can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A whole number; 1 is true and 0 false.
    Integer(i64),
    /// Any other value.
    Text(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Text(text.to_owned()), Self::Integer)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    Xor,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Longer symbols before their prefixes; with how strongly each binds.
const OPERATORS: [(&str, Operator, u8); 14] = [
    ("or", Operator::Or, 1),
    ("xor", Operator::Xor, 2),
    ("and", Operator::And, 3),
    ("!=", Operator::Unequal, 4),
    ("<=", Operator::LessOrEqual, 4),
    (">=", Operator::GreaterOrEqual, 4),
    ("=", Operator::Equal, 4),
    ("<", Operator::Less, 4),
    (">", Operator::Greater, 4),
    ("+", Operator::Add, 5),
    ("-", Operator::Subtract, 5),
    ("*", Operator::Multiply, 6),
    ("/", Operator::Divide, 6),
    ("%", Operator::Remainder, 6),
];
const NOT_BINDS: u8 = 4;
const MINUS_BINDS: u8 = 7;
const KEYWORDS: [&str; 7] = ["or", "xor", "and", "not", "if", "then", "else"];

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Constant(Value),
    Variable(String),
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(Operator, Box<[Node; 2]>),
    If(Box<[Node; 3]>),
}

/// How a variable follows from others.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression(Node);

impl FromStr for Expression {
    type Err = CausalError;

    fn from_str(text: &str) -> Result<Self, CausalError> {
        let mut parser = Parser {
            text,
            rest: text,
            size: 0,
        };
        let node = parser.expression(0, 0)?;
        parser.end()?;
        Ok(Self(node))
    }
}

impl Expression {
    /// The variables that it follows from.
    pub fn variables(&self) -> BTreeSet<&str> {
        let mut found = Vec::new();
        self.0.variables(&mut found);
        found.into_iter().collect()
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    size: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, expected: &str) -> CausalError {
        let at = self.text[..self.text.len() - self.rest.len()]
            .chars()
            .count();
        let found = self
            .rest
            .chars()
            .next()
            .map_or("the end".to_owned(), |c| format!("{c:?}"));
        CausalError::Mechanism(format!(
            "expected {expected} at character {at}, got {found}"
        ))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Reads a symbol, or a keyword that ends where a word does.
    fn takes(&mut self, symbol: &str) -> bool {
        self.skip_space();
        let Some(rest) = self.rest.strip_prefix(symbol) else {
            return false;
        };
        let is_word = symbol.starts_with(char::is_alphabetic);
        if is_word && rest.starts_with(is_name) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn expect(&mut self, symbol: &str) -> Result<(), CausalError> {
        if self.takes(symbol) {
            Ok(())
        } else {
            Err(self.error(&format!("'{symbol}'")))
        }
    }

    /// Text up to the closing quote.
    fn quoted(&mut self) -> Result<Value, CausalError> {
        let Some((text, rest)) = self.rest.split_once('\'') else {
            return Err(self.error("\"'\""));
        };
        self.rest = rest;
        Ok(Value::Text(text.to_owned()))
    }

    /// Characters that satisfy a condition, as far as they go.
    fn word(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        self.skip_space();
        let length = self.rest.find(|c| !is_of(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        word
    }

    /// Values with their probabilities, behind the opening brace.
    fn distribution(&mut self) -> Result<Vec<(Value, f64)>, CausalError> {
        let mut values: Vec<(Value, f64)> = Vec::new();
        loop {
            let value = match self.takes("'") {
                true => self.quoted()?,
                false => match self.word(|c| is_name(c) && c != ':' || c == '-') {
                    "" => return Err(self.error("a value")),
                    word => Value::from(word),
                },
            };
            if values.iter().any(|(known, _)| *known == value) {
                return Err(self.error(&format!("{value} once only")));
            }
            self.expect(":")?;
            let number = self.word(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
            let number: f64 = number
                .parse()
                .ok()
                .filter(|number| (0.0..=1.0).contains(number))
                .ok_or_else(|| self.error("a probability in 0..1"))?;
            values.push((value, number));
            if self.takes("}") {
                return Ok(values);
            }
            self.expect(",")?;
        }
    }

    fn end(&mut self) -> Result<(), CausalError> {
        self.skip_space();
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(self.error("an operator or the end")),
        }
    }

    fn expression(&mut self, least: u8, depth: usize) -> Result<Node, CausalError> {
        self.size += 1;
        if depth == DEPTH_MAX || self.size > SIZE_MAX {
            return Err(self.error(&format!("at most {DEPTH_MAX} levels and {SIZE_MAX} parts")));
        }
        let mut left = self.operand(depth)?;
        let mut chained = 0;
        loop {
            let before = self.rest;
            let next = OPERATORS
                .into_iter()
                .find(|(symbol, ..)| self.takes(symbol));
            let Some((_, operator, binds)) = next.filter(|&(.., binds)| binds > least) else {
                self.rest = before;
                return Ok(left);
            };
            // A chain of one operator nests to the left, and is evaluated as deep as it is long.
            chained += 1;
            if chained + depth >= DEPTH_MAX {
                return Err(self.error(&format!("at most {DEPTH_MAX} levels and {SIZE_MAX} parts")));
            }
            let right = self.expression(binds, depth + 1)?;
            left = Node::Binary(operator, Box::new([left, right]));
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Node, CausalError> {
        if self.takes("(") {
            let inner = self.expression(0, depth + 1)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.takes("-") {
            return Ok(Node::Negative(Box::new(
                self.expression(MINUS_BINDS, depth + 1)?,
            )));
        }
        if self.takes("not") {
            return Ok(Node::Not(Box::new(
                self.expression(NOT_BINDS - 1, depth + 1)?,
            )));
        }
        if self.takes("if") {
            let condition = self.expression(0, depth + 1)?;
            self.expect("then")?;
            let then = self.expression(0, depth + 1)?;
            self.expect("else")?;
            let otherwise = self.expression(0, depth + 1)?;
            return Ok(Node::If(Box::new([condition, then, otherwise])));
        }
        if self.takes("'") {
            return Ok(Node::Constant(self.quoted()?));
        }
        let before = self.rest;
        let word = self.word(is_name);
        if word.is_empty() || KEYWORDS.contains(&word) {
            self.rest = before;
            self.skip_space();
            return Err(self.error("a number, 'text', a variable or '('"));
        }
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Node::Variable(word.to_owned()));
        }
        let number = word.parse().map_err(|_| {
            self.rest = before;
            self.skip_space();
            self.error("a whole number")
        })?;
        Ok(Node::Constant(Value::Integer(number)))
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

type World = BTreeMap<String, Value>;

impl Node {
    fn variables<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::Variable(name) => found.push(name),
            Self::Not(one) | Self::Negative(one) => one.variables(found),
            Self::Binary(_, two) => two.iter().for_each(|one| one.variables(found)),
            Self::If(three) => three.iter().for_each(|one| one.variables(found)),
        }
    }

    fn integer(&self, world: &World) -> Result<i64, CausalError> {
        match self.value(world)? {
            Value::Integer(number) => Ok(number),
            Value::Text(text) => Err(CausalError::Mechanism(format!(
                "expected a number, got '{text}'"
            ))),
        }
    }

    fn truth(&self, world: &World) -> Result<bool, CausalError> {
        Ok(self.integer(world)? != 0)
    }

    fn value(&self, world: &World) -> Result<Value, CausalError> {
        Ok(Value::Integer(match self {
            Self::Constant(value) => return Ok(value.clone()),
            Self::Variable(name) => {
                return world
                    .get(name)
                    .cloned()
                    .ok_or_else(|| CausalError::UnknownVariable(name.clone()));
            }
            Self::Not(one) => i64::from(!one.truth(world)?),
            Self::Negative(one) => one.integer(world)?.checked_neg().ok_or_else(overflow)?,
            Self::If(three) => {
                return three[if three[0].truth(world)? { 1 } else { 2 }].value(world);
            }
            Self::Binary(operator, two) => return binary(*operator, &two[0], &two[1], world),
        }))
    }
}

fn overflow() -> CausalError {
    CausalError::Mechanism("a number leaves the range of 64 bits, or is divided by zero".to_owned())
}

fn binary(
    operator: Operator,
    left: &Node,
    right: &Node,
    world: &World,
) -> Result<Value, CausalError> {
    let truth = |value: bool| Ok(Value::Integer(i64::from(value)));
    match operator {
        Operator::Or => return truth(left.truth(world)? || right.truth(world)?),
        Operator::And => return truth(left.truth(world)? && right.truth(world)?),
        Operator::Xor => return truth(left.truth(world)? != right.truth(world)?),
        Operator::Equal => return truth(left.value(world)? == right.value(world)?),
        Operator::Unequal => return truth(left.value(world)? != right.value(world)?),
        _ => {}
    }
    let (a, b) = (left.integer(world)?, right.integer(world)?);
    let number = match operator {
        Operator::Less => return truth(a < b),
        Operator::LessOrEqual => return truth(a <= b),
        Operator::Greater => return truth(a > b),
        Operator::GreaterOrEqual => return truth(a >= b),
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    number.map(Value::Integer).ok_or_else(overflow)
}

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
        let mut parser = Parser {
            text,
            rest: text,
            size: 0,
        };
        if !parser.takes("{") {
            return Ok(Self::Endogenous(text.parse()?));
        }
        let values = parser.distribution()?;
        parser.end()?;
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
                let value = expression.0.value(&world)?;
                world.insert(name.clone(), value);
            }
        }
        Ok(world)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn expressions_follow_precedence() {
        for (text, value) in [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3", 9),
            ("7 - 2 - 1", 4),
            ("-3 + 5", 2),
            ("7 / 2 * 2 + 7 % 2", 7),
            ("not 1 = 2", 1),
            ("1 or 0 and 0", 1),
            ("1 xor 1 or 1", 1),
            ("if 2 > 1 then 5 else 6", 5),
            ("'a' = 'a'", 1),
            ("'a' != 'b' and 1 <= 1", 1),
            ("- - 4", 4),
            ("not 0 and 0", 0),
        ] {
            let expression: Expression = text.parse().expect("an expression");
            assert_eq!(
                expression.0.value(&World::new()),
                Ok(Value::Integer(value)),
                "{text}"
            );
        }
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
    fn wrong_mechanisms_are_refused_with_the_place() {
        for (text, message) in [
            (
                "",
                "expected a number, 'text', a variable or '(' at character 0, got the end",
            ),
            (
                "1 +",
                "expected a number, 'text', a variable or '(' at character 3, got the end",
            ),
            (
                "x y",
                "expected an operator or the end at character 2, got 'y'",
            ),
            (
                "if 1 then 2",
                "expected 'else' at character 11, got the end",
            ),
            (
                "9999999999999999999",
                "expected a whole number at character 0, got '9'",
            ),
        ] {
            let error = text.parse::<Expression>().expect_err("no expression");
            assert_eq!(error.to_string(), message, "{text}");
        }
        assert!("(".repeat(100_000).parse::<Expression>().is_err());
        assert!(vec!["1"; 100_000].join("+").parse::<Expression>().is_err());
        assert!("-".repeat(100_000).parse::<Expression>().is_err());
        assert_eq!(
            model(&[("a", "b"), ("b", "a")], &[]),
            Err(CausalError::Cycle("a".to_owned()))
        );
        assert!(model(&[("a", "b")], &[]).is_err());
        assert!(model(&[], &[("u", 1.5)]).is_err());
        let divided = model(&[("a", "1 / u")], &[("u", 0.5)]).expect("acyclic");
        assert!(divided.counterfactual("a", &[], &[]).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c0-9 ()+*/%<>=!'-]{0,40}|(if |then |else |not |and |or |xor |a |1 ){0,12}") {
            if let Ok(expression) = text.parse::<Expression>() {
                let world = ["a", "b", "c"].map(|name| (name.to_owned(), ONE)).into();
                let _ = expression.0.value(&world);
            }
        }
    }
}
