//! The functions of one row, by name: how many arguments of which types they take, and what they give.

pub mod aggregate;
pub mod cognitive;
mod convert;
mod graph;
mod list;
mod math;
mod string;
mod temporal;

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::compile::scope::Type;
use super::error::{CypherError, Result};
use super::execute::Executor;
use super::value::Value;

/// What a function does.
pub type Run = fn(&Executor<'_, '_>, &[Value]) -> Result<Value>;

/// A function.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name as it is written.
    pub name: &'static str,
    /// Fewest arguments.
    pub least: usize,
    /// Most arguments.
    pub most: usize,
    /// Whether a null among its arguments makes it null.
    pub is_strict: bool,
    /// Whether it gives the same for the same arguments.
    pub is_deterministic: bool,
    /// Whether it reads fingerprints.
    pub is_similarity: bool,
    /// What its first argument can be; anything if `None`.
    pub takes: fn() -> Option<Vec<Type>>,
    /// What it gives for arguments of some types.
    pub result: fn(&[Type]) -> Type,
    /// What it does.
    pub run: Run,
}

impl fmt::Debug for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Function {
    /// What an entry of a table leaves out.
    const DEFAULT: Self = Self {
        name: "",
        least: 1,
        most: 1,
        is_strict: true,
        is_deterministic: true,
        is_similarity: false,
        takes: || None,
        result: |_| Type::Any,
        run: |_, _| Ok(Value::Null),
    };
}

/// The families.
const FAMILIES: &[&[Function]] = &[
    graph::FUNCTIONS,
    list::FUNCTIONS,
    string::FUNCTIONS,
    math::FUNCTIONS,
    convert::FUNCTIONS,
    temporal::FUNCTIONS,
    cognitive::FUNCTIONS,
];

static TABLE: LazyLock<HashMap<String, &'static Function>> = LazyLock::new(|| {
    let all = FAMILIES.iter().copied().flatten();
    all.map(|function| (function.name.to_ascii_lowercase(), function))
        .collect()
});

/// The function of a name, in any case.
pub fn find(name: &str) -> Option<&'static Function> {
    TABLE.get(&name.to_ascii_lowercase()).copied()
}

/// An argument of a type that a function does not take.
fn wrong(function: &str, wanted: &str, got: &Value) -> CypherError {
    let message = format!(
        "expected {wanted} for {function}(), got {}",
        got.type_name()
    );
    CypherError::wrong_type(message)
}
