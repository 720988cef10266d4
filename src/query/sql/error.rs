//! What can go wrong with a statement.

use datafusion::common::DataFusionError;
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::BYTES;

/// Why a statement was refused or failed; nothing of it was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlError {
    /// It cannot be read, or names what is not there, or mixes types that do not go together.
    #[error("{0}")]
    Statement(String),
    /// SQL that this server does not have.
    #[error("{0}")]
    Unsupported(String),
    /// It went beyond a limit.
    #[error("{0}")]
    Limit(String),
    /// The memory refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl SqlError {
    /// A statement that is wrong, with what was expected and what came.
    pub(super) fn statement(message: impl Into<String>) -> Self {
        Self::Statement(message.into())
    }
}

impl From<DataFusionError> for SqlError {
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::External(cause) => {
                if let Some(ours) = cause.downcast_ref::<Self>() {
                    return ours.clone();
                }
                if let Some(engine) = cause.downcast_ref::<EngineError>() {
                    return Self::Engine(engine.clone());
                }
                Self::Statement(cause.to_string())
            }
            DataFusionError::ResourcesExhausted(message) => Self::Limit(message.clone()),
            DataFusionError::NotImplemented(message) => Self::Unsupported(message.clone()),
            // Without the rules that it came through: they say nothing to whoever wrote the statement.
            cause => Self::Statement(explained(&cause.message())),
        }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

/// What DataFusion says, with what was expected where it does not say that.
fn explained(message: &str) -> String {
    // An error of its own it takes for one of its programmers, whom to tell is no use to whoever wrote the statement.
    let (message, is_internal) = match message.split_once(TELL_DATAFUSION) {
        Some((message, _)) => {
            let message = message.trim_end().trim_end_matches('.');
            (
                message.strip_prefix("Internal error: ").unwrap_or(message),
                true,
            )
        }
        None => (message, false),
    };
    match mismatched(message) {
        Some(mismatched) => mismatched,
        None if message.contains("FixedSizeBinary") => format!(
            "expected a fingerprint of {BYTES} bytes, as fingerprint('hex') and encode('text') make them: {message}"
        ),
        None if is_internal => format!("internal error: {message}"),
        None => message.to_owned(),
    }
}

/// How an error goes on that DataFusion takes for its own.
const TELL_DATAFUSION: &str = "This issue was likely caused by a bug in DataFusion";

/// A call of a function with what it does not take, of which DataFusion says with each type in turn that it is not that:
/// `Function 'f' failed to match any signature, errors: … requires A, but received B (DataType: C).,…`.
fn mismatched(message: &str) -> Option<String> {
    let (function, errors) = message
        .strip_prefix("Function '")?
        .split_once("' failed to match any signature, errors: ")?;
    let requires = errors.split("requires ").skip(1);
    let expected = requires.filter_map(|error| Some(error.split_once(", but received ")?.0));
    let expected: Vec<&str> = expected.collect();
    let got = errors.split_once("but received ")?.1;
    let got = match got.split_once(" (DataType")?.0 {
        "String" => "text",
        got if got.starts_with("FixedSizeBinary") => "a fingerprint",
        got => got,
    };
    let expected = expected.join(" or ");
    Some(format!(
        "expected {function} of {expected}, got {function} of {got}"
    ))
}

/// The engine's error on its way through DataFusion.
pub(super) fn engine(error: EngineError) -> DataFusionError {
    SqlError::Engine(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_datafusion_takes_for_its_own_says_what_was_expected() {
        let sum = "Internal error: Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' \
                   requires Decimal, but received String (DataType: Utf8).,Error during planning: Function 'sum' requires Int64, \
                   but received String (DataType: Utf8)..\nThis issue was likely caused by a bug in DataFusion's code. Please help us";
        assert_eq!(
            explained(sum),
            "expected sum of Decimal or Int64, got sum of text"
        );
        let other = DataFusionError::Internal("no such place".into());
        let shown = SqlError::from(other).to_string();
        assert_eq!(shown, "internal error: no such place");
        assert_eq!(explained("no column x"), "no column x");
    }
}
