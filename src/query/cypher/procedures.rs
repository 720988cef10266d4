//! What CALL calls: procedures by name, with the columns that they take and yield.

mod built_in;

use std::fmt;
use std::sync::Arc;

use super::compile::scope::Type;
use super::error::{CypherError, ErrorType, Result};
use super::execute::Executor;
use super::value::Value;

pub use built_in::BuiltIn;

/// The function of a procedure: rows of all its columns.
pub type Function = dyn Fn(&Executor<'_, '_>, &[Value]) -> Result<Vec<Vec<Value>>> + Send + Sync;

/// A procedure.
pub struct Procedure {
    /// Its full name.
    pub name: Arc<str>,
    /// What it takes.
    pub inputs: Vec<Column>,
    /// What it yields.
    pub outputs: Vec<Column>,
    /// Whether it reads fingerprints.
    pub is_similarity: bool,
    /// What it does.
    pub run: Box<Function>,
}

impl fmt::Debug for Procedure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

impl PartialEq for Procedure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a procedure takes or yields.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub kind: ColumnType,
}

/// The types of columns; null is of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Any value.
    Any,
    /// True or false.
    Boolean,
    /// An integer.
    Integer,
    /// A float; an integer becomes one.
    Float,
    /// An integer or a float.
    Number,
    /// A string.
    String,
    /// A list.
    List,
    /// A map.
    Map,
    /// A node.
    Node,
}

impl ColumnType {
    /// As errors say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Node => "a node",
        }
    }

    /// Whether values of a type may be of this.
    pub(super) fn takes_type(self, kind: &Type) -> bool {
        match self {
            Self::Any => true,
            Self::Boolean => !kind.is_none_of(&[Type::Boolean]),
            Self::Integer => !kind.is_none_of(&[Type::Integer]) || *kind == Type::Number,
            Self::Float | Self::Number => kind.is_numeric(),
            Self::String => !kind.is_none_of(&[Type::String]),
            Self::List => !kind.is_none_of(&[Type::any_list()]),
            Self::Map => !kind.is_none_of(&[Type::Map]),
            Self::Node => !kind.is_none_of(&[Type::Node]),
        }
    }

    /// A value as one of this type.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn converted(self, value: Value, name: &str) -> Result<Value> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Self::Any, value)
            | (Self::Boolean, value @ Value::Boolean(_))
            | (Self::Integer, value @ Value::Integer(_))
            | (Self::Float, value @ Value::Float(_))
            | (Self::Number, value @ (Value::Integer(_) | Value::Float(_)))
            | (Self::String, value @ Value::String(_))
            | (Self::List, value @ Value::List(_))
            | (Self::Map, value @ Value::Map(_))
            | (Self::Node, value @ Value::Node(_)) => Ok(value),
            (Self::Float, Value::Integer(n)) => Ok(Value::Float(n as f64)),
            (kind, other) => Err(CypherError::runtime(
                ErrorType::TypeError,
                "InvalidArgumentType",
                format!(
                    "expected {} for {name}, got {}",
                    kind.name(),
                    other.type_name()
                ),
            )),
        }
    }
}

/// Where procedures are found.
pub trait Procedures {
    /// The procedure of a name.
    fn find(&self, name: &str) -> Option<Arc<Procedure>>;
}
