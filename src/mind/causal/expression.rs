//! The expressions and distributions that mechanisms are written in.
//!
//! ```text
//! expression = integer | 'text' | variable | "(" e ")" | "-" e | "not" e | "if" e "then" e "else" e
//!            | e ("*" | "/" | "%") e | e ("+" | "-") e | e ("=" | "!=" | "<" | "<=" | ">" | ">=") e
//!            | e "and" e | e "xor" e | e "or" e
//! ```
//!
//! A distribution is written `{1: 0.3, 0: 0.7}`, values as in expressions. Truth is 1 and falsehood 0, division rounds
//! toward zero, text can be compared for equality only. Expressions nest at most [`DEPTH_MAX`] deep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::CausalError;
use crate::mind::cursor::Cursor;

/// Deepest nesting of an expression.
pub const DEPTH_MAX: usize = 32;
/// Most operators and operands of an expression.
pub const SIZE_MAX: usize = 1_024;

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
        let mut parser = Parser::new(text);
        let node = parser.expression(0, 0)?;
        parser.end()?;
        Ok(Self(node))
    }
}

impl Expression {
    /// What it is where variables have these values.
    ///
    /// # Errors
    /// A variable has none, a number is text, or leaves the range.
    pub fn value(&self, world: &World) -> Result<Value, CausalError> {
        self.0.value(world)
    }

    /// The variables that it follows from.
    pub fn variables(&self) -> BTreeSet<&str> {
        let mut found = Vec::new();
        self.0.variables(&mut found);
        found.into_iter().collect()
    }
}

/// Values with their probabilities, in braces; `None` of a text that does not begin with one.
///
/// # Errors
/// It is not written so.
pub fn distribution(text: &str) -> Result<Option<Vec<(Value, f64)>>, CausalError> {
    let mut parser = Parser::new(text);
    if !parser.takes("{") {
        return Ok(None);
    }
    let values = parser.distribution()?;
    parser.end()?;
    Ok(Some(values))
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    size: usize,
}

impl<'a> Parser<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            size: 0,
        }
    }

    fn error(&self, expected: &str) -> CausalError {
        let (place, found) = (self.cursor.place(), self.cursor.found());
        CausalError::Mechanism(format!(
            "expected {expected} at character {place}, got {found}"
        ))
    }

    /// Reads a symbol, or a keyword that ends where a word does.
    fn takes(&mut self, symbol: &str) -> bool {
        let before = self.cursor.rest();
        let is_there = self.cursor.takes(symbol);
        if is_there
            && symbol.starts_with(char::is_alphabetic)
            && self.cursor.rest().starts_with(is_name)
        {
            self.cursor.back_to(before);
            return false;
        }
        is_there
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
        let Some(length) = self.cursor.rest().find('\'') else {
            return Err(self.error("\"'\""));
        };
        let text = self.cursor.take(length).to_owned();
        self.cursor.take(1);
        Ok(Value::Text(text))
    }

    /// Characters that satisfy a condition, as far as they go.
    fn word(&mut self, is_of: impl Fn(char) -> bool) -> &'a str {
        self.cursor.skip_space();
        self.cursor.take_while(is_of)
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
        match self.cursor.is_at_end() {
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
            let before = self.cursor.rest();
            let next = OPERATORS
                .into_iter()
                .find(|(symbol, ..)| self.takes(symbol));
            let Some((_, operator, binds)) = next.filter(|&(.., binds)| binds > least) else {
                self.cursor.back_to(before);
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
        let before = self.cursor.rest();
        let word = self.word(is_name);
        if word.is_empty() || KEYWORDS.contains(&word) {
            self.cursor.back_to(before);
            self.cursor.skip_space();
            return Err(self.error("a number, 'text', a variable or '('"));
        }
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Node::Variable(word.to_owned()));
        }
        let number = word.parse().map_err(|_| {
            self.cursor.back_to(before);
            self.cursor.skip_space();
            self.error("a whole number")
        })?;
        Ok(Node::Constant(Value::Integer(number)))
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// What variables are.
pub type World = BTreeMap<String, Value>;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
                expression.value(&World::new()),
                Ok(Value::Integer(value)),
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_expressions_are_refused_with_the_place() {
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
    }

    #[test]
    fn no_text_is_read_beyond_its_bounds() {
        for text in [
            "(".repeat(100_000),
            vec!["1"; 100_000].join("+"),
            "-".repeat(100_000),
        ] {
            assert!(text.parse::<Expression>().is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c0-9 ()+*/%<>=!'-]{0,40}|(if |then |else |not |and |or |xor |a |1 ){0,12}") {
            if let Ok(expression) = text.parse::<Expression>() {
                let world = ["a", "b", "c"].map(|name| (name.to_owned(), Value::Integer(1))).into();
                let _ = expression.value(&world);
            }
        }
    }
}
