//! What can go wrong with a call.

use ladybug_engine::error::EngineError;

use crate::operand::OperandError;
use crate::query::sql::SqlError;

/// Why a call is refused; nothing of it was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CamError {
    /// There is no such method.
    #[error("{0}")]
    Method(String),
    /// An argument is wrong: which, what was expected, what came.
    #[error("{method}: {message}")]
    Argument {
        /// The method, as it is written.
        method: String,
        /// What was expected and what came.
        message: String,
    },
    /// The memory refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// SQL refused.
    #[error(transparent)]
    Sql(SqlError),
}

impl From<SqlError> for CamError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Engine(error) => Self::Engine(error),
            other => Self::Sql(other),
        }
    }
}

impl From<arrow::error::ArrowError> for CamError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Sql(SqlError::Statement(error.to_string()))
    }
}

/// An argument's error before the method is known that it is of.
#[derive(Debug, Clone)]
pub enum Fault {
    /// What was expected and what came.
    Argument(String),
    /// Anything else.
    Other(CamError),
}

impl Fault {
    /// The error of an argument, which it names.
    pub fn of(name: &str, message: impl std::fmt::Display) -> Self {
        Self::Argument(format!("{name}: {message}"))
    }

    /// With the name of the argument that it is of.
    pub fn of_argument(self, name: &str) -> Self {
        match self {
            Self::Argument(message) => Self::of(name, message),
            other => other,
        }
    }

    /// With the name of the argument that says what SQL refused.
    pub fn of_sql(self, name: &str) -> Self {
        match self {
            Self::Other(CamError::Sql(error)) => Self::of(name, error),
            other => other,
        }
    }

    /// With the method that it is of.
    pub fn at(self, method: String) -> CamError {
        match self {
            Self::Argument(message) => CamError::Argument { method, message },
            // What the memory refuses of a name that the call gives.
            Self::Other(CamError::Engine(
                error @ (EngineError::NameTaken(_)
                | EngineError::NameTooLong(_)
                | EngineError::SpaceTaken(_)
                | EngineError::SpaceSyntax { .. }
                | EngineError::CheckpointName(_)),
            )) => CamError::Argument {
                method,
                message: error.to_string(),
            },
            Self::Other(error) => error,
        }
    }

    /// An operand that was refused.
    pub fn operand(name: &str, error: OperandError) -> Self {
        match error {
            OperandError::Syntax(message) => Self::of(name, message),
            OperandError::Engine(error) => Self::of(name, error),
        }
    }
}

impl<E: Into<CamError>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}
