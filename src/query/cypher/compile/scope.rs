//! Which variables there are, in which slots, and of which type.

use super::super::plan::Slot;

/// What is known of an expression's type before anything runs.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Nothing, or that it is null.
    Any,
    Boolean,
    Integer,
    Float,
    /// An integer or a float.
    Number,
    String,
    List(Box<Type>),
    Map,
    Node,
    Relationship,
    Path,
    /// A date, a time, a moment or a duration.
    Temporal,
}

impl Type {
    /// A list of elements of which nothing is known.
    pub fn any_list() -> Self {
        Self::List(Box::new(Self::Any))
    }

    /// Whether it is known to be something else than these.
    pub fn is_none_of(&self, types: &[Type]) -> bool {
        *self != Self::Any && !types.iter().any(|t| self.is_like(t))
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(_), Self::List(_)) => true,
            (Self::Integer | Self::Float | Self::Number, Self::Number) => true,
            _ => self == other,
        }
    }

    /// Whether it can be a number.
    pub fn is_numeric(&self) -> bool {
        matches!(self, Self::Any | Self::Integer | Self::Float | Self::Number)
    }

    /// What is of either type.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (a, b) if a.is_like(&Self::Number) && b.is_like(&Self::Number) => Self::Number,
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.or(*b))),
            _ => Self::Any,
        }
    }

    /// As errors say it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List(_) => "a list",
            Self::Map => "a map",
            Self::Node => "a node",
            Self::Relationship => "a relationship",
            Self::Path => "a path",
            Self::Temporal => "a date or time",
        }
    }
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub slot: Slot,
    pub kind: Type,
}

/// The variables that can be named, those declared last in front of others of the same name.
#[derive(Clone, Debug, Default)]
pub struct Scope(Vec<Variable>);

impl Scope {
    /// The variable of a name.
    pub fn find(&self, name: &str) -> Option<&Variable> {
        self.0.iter().rev().find(|variable| variable.name == name)
    }

    /// Adds a variable, which hides one of the same name.
    pub fn declare(&mut self, name: &str, slot: Slot, kind: Type) {
        let name = name.to_owned();
        self.0.push(Variable { name, slot, kind });
    }

    /// How many there are, for [`truncate`](Self::truncate).
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets the variables declared since there were `len`.
    pub fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// All that can be named, by name.
    pub fn visible(&self) -> Vec<&Variable> {
        let mut visible: Vec<&Variable> = Vec::new();
        for variable in self.0.iter().rev() {
            if visible.iter().all(|there| there.name != variable.name) {
                visible.push(variable);
            }
        }
        visible.sort_by(|a, b| a.name.cmp(&b.name));
        visible
    }
}
