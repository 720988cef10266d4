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
    match message.contains("FixedSizeBinary") {
        true => format!(
            "expected a fingerprint of {BYTES} bytes, as fingerprint('hex') and encode('text') make them: {message}"
        ),
        false => message.to_owned(),
    }
}

/// The engine's error on its way through DataFusion.
pub(super) fn engine(error: EngineError) -> DataFusionError {
    SqlError::Engine(error).into()
}
