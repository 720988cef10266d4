//! What a statement is refused with: the standard's type, phase and detail, where in the text, and what was expected.

use std::fmt;

use ladybug_engine::error::EngineError;

/// The standard's types of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// The statement's text, or what it says, is no valid Cypher.
    SyntaxError,
    /// It is valid, but asks for what cannot be done.
    SemanticError,
    /// It names a parameter that was not given.
    ParameterMissing,
    /// What it does would break a rule that holds for all data.
    ConstraintVerificationFailed,
    /// It uses a node or relationship that is not there any more.
    EntityNotFound,
    /// A value is of a type that the operation does not take.
    TypeError,
    /// An argument has a value that the operation does not take.
    ArgumentError,
    /// A calculation has no result.
    ArithmeticError,
    /// It calls a procedure that is not there.
    ProcedureError,
    /// It took longer, or more memory or rows, than it may.
    LimitExceeded,
    /// The memory refused a change.
    Refused,
}

/// When it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before anything ran.
    CompileTime,
    /// While it ran; everything was taken back.
    Runtime,
}

/// Why a statement was refused.
#[derive(Clone, Debug)]
pub struct CypherError {
    /// The standard's type.
    pub kind: ErrorType,
    /// When it was found.
    pub phase: Phase,
    /// The standard's detail, such as `UndefinedVariable`.
    pub detail: &'static str,
    /// What was expected and what came.
    pub message: String,
    /// Byte of the statement's text where it was found.
    pub offset: Option<usize>,
    /// What the engine said, if it was the engine that refused.
    pub engine: Option<Box<EngineError>>,
}

const NOT_BRIEF: &str = "NotBrief";

/// What can be refused.
pub type Result<T> = std::result::Result<T, CypherError>;

impl CypherError {
    /// A syntax error, found before anything ran.
    pub fn syntax(detail: &'static str, message: impl Into<String>, offset: usize) -> Self {
        Self {
            offset: Some(offset),
            ..Self::new(
                ErrorType::SyntaxError,
                Phase::CompileTime,
                detail,
                message.into(),
            )
        }
    }

    /// An error of another type, found before anything ran.
    pub fn compile(
        kind: ErrorType,
        detail: &'static str,
        message: impl Into<String>,
        offset: usize,
    ) -> Self {
        Self {
            offset: Some(offset),
            ..Self::new(kind, Phase::CompileTime, detail, message.into())
        }
    }

    /// An error found while the statement ran.
    pub fn runtime(kind: ErrorType, detail: &'static str, message: impl Into<String>) -> Self {
        Self::new(kind, Phase::Runtime, detail, message.into())
    }

    /// A value of a type that an operation does not take.
    pub fn wrong_type(message: impl Into<String>) -> Self {
        Self::runtime(ErrorType::TypeError, "InvalidArgumentValue", message)
    }

    /// A value that an operation does not take, though its type is right.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::runtime(ErrorType::ArgumentError, "InvalidArgumentValue", message)
    }

    /// Nobody waits for the answer any more.
    pub fn left() -> Self {
        Self::runtime(
            ErrorType::LimitExceeded,
            "Cancelled",
            "the client has left; the statement was stopped",
        )
    }

    /// A statement that holds a lock takes longer than it may meanwhile.
    pub(super) fn not_brief() -> Self {
        Self::runtime(
            ErrorType::LimitExceeded,
            NOT_BRIEF,
            "expected a statement that takes a few steps, because others wait for it",
        )
    }

    /// Whether a statement was stopped because it held a lock, and is to be run without one.
    pub fn is_not_brief(&self) -> bool {
        self.detail == NOT_BRIEF
    }

    fn new(kind: ErrorType, phase: Phase, detail: &'static str, message: String) -> Self {
        Self {
            kind,
            phase,
            detail,
            message,
            offset: None,
            engine: None,
        }
    }
}

impl fmt::Display for CypherError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(engine) = &self.engine {
            return write!(out, "{engine}");
        }
        let phase = match self.phase {
            Phase::CompileTime => "compile time",
            Phase::Runtime => "runtime",
        };
        write!(
            out,
            "{:?} at {phase}: {}: {}",
            self.kind, self.detail, self.message
        )?;
        match self.offset {
            Some(offset) => write!(out, " (at byte {offset})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CypherError {}

impl From<EngineError> for CypherError {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        Self {
            engine: Some(Box::new(error)),
            ..Self::runtime(ErrorType::Refused, "Refused", message)
        }
    }
}
