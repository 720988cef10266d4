//! What a command answers when it refuses: a code and a message, with Redis's texts where Redis
//! has one. The one place that knows them.

use std::borrow::Cow;
use std::fmt;

use ladybug_engine::commit::log::OutcomeUnknown;
use ladybug_engine::error::EngineError;

use crate::query::cypher::error::CypherError;

/// An error reply: `-CODE message`.
///
/// ```
/// use ladybug::server::resp::error::CommandError;
///
/// assert_eq!(CommandError::SYNTAX.to_string(), "ERR syntax error");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// The word clients dispatch on, in capitals.
    pub code: &'static str,
    /// What was expected, what came, and what to do.
    pub message: Cow<'static, str>,
}

impl CommandError {
    /// Arguments that do not fit the command's syntax.
    pub const SYNTAX: Self = Self::fixed("ERR", "syntax error");
    /// The asked part of the node is absent and another is present.
    pub const WRONG_TYPE: Self = Self::fixed(
        "WRONGTYPE",
        "Operation against a key holding the wrong kind of value",
    );
    /// An argument, or the value at the key, is no 64-bit integer.
    pub const NOT_AN_INTEGER: Self = Self::fixed("ERR", "value is not an integer or out of range");
    /// An argument, or the value at the key, is no number.
    pub const NOT_A_FLOAT: Self = Self::fixed("ERR", "value is not a valid float");
    /// A command that needs an existing key found none.
    pub const NO_SUCH_KEY: Self = Self::fixed("ERR", "no such key");
    /// `SELECT` of a space that cannot be.
    pub const INVALID_SPACE: Self = Self::fixed("ERR", "DB index is out of range");
    /// The client has to authenticate first.
    pub const NO_AUTH: Self = Self::fixed("NOAUTH", "Authentication required.");
    /// The user or the password is wrong.
    pub const WRONG_PASSWORD: Self = Self::fixed(
        "WRONGPASS",
        "invalid username-password pair or user is disabled.",
    );
    /// A command of the transaction was refused when it was queued.
    pub const EXEC_ABORT: Self = Self::fixed(
        "EXECABORT",
        "Transaction discarded because of previous errors.",
    );
    /// `HELLO` of a protocol version other than 2 and 3.
    pub const NO_PROTOCOL: Self = Self::fixed("NOPROTO", "unsupported protocol version");

    /// Code of a space's zone without a free address.
    pub const ZONE_FULL: &'static str = "ZONEFULL";

    /// An error whose message never changes.
    pub const fn fixed(code: &'static str, message: &'static str) -> Self {
        Self {
            code,
            message: Cow::Borrowed(message),
        }
    }

    /// An error of the general code, `ERR`.
    pub fn err(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: "ERR",
            message: message.into(),
        }
    }

    /// The number of arguments does not fit the command, named in full: `get`, `client|kill`.
    pub fn wrong_arity(command: &str) -> Self {
        Self::err(format!("wrong number of arguments for '{command}' command"))
    }

    /// A subcommand was given arguments it cannot have; both as the client wrote them.
    pub fn subcommand_syntax(arguments: &[&[u8]]) -> Self {
        Self::err(format!(
            "unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
            String::from_utf8_lossy(arguments[1]),
            String::from_utf8_lossy(arguments[0]).to_uppercase()
        ))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.code, self.message)
    }
}

impl std::error::Error for CommandError {}

/// What the engine refuses, by the code clients dispatch on.
impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::ZoneFull { .. } => Self::ZONE_FULL,
            EngineError::ReadOnly(_) | EngineError::SpaceReadOnly(_) => "READONLY",
            EngineError::OutcomeUnknown(_) => "UNKNOWN",
            EngineError::SnapshotGone(_) => "SNAPSHOTGONE",
            EngineError::VersionGone { .. } => "VERSIONGONE",
            EngineError::Conflict { .. } => "CONFLICT",
            EngineError::NoTransaction(_) => "NOTXN",
            EngineError::TransactionBusy(_) => "BUSY",
            EngineError::SpaceGone(_) | EngineError::NoFork(_) => "NOSPACE",
            _ => "ERR",
        };
        Self {
            code,
            message: error.to_string().into(),
        }
    }
}

/// What a statement is refused with: the standard's words behind the code.
impl From<CypherError> for CommandError {
    fn from(error: CypherError) -> Self {
        let code = match (&error.engine, error.detail) {
            (Some(engine), _) => return (**engine).clone().into(),
            (None, "Timeout") => "TIMEOUT",
            (None, _) => "ERR",
        };
        Self {
            code,
            message: error.to_string().into(),
        }
    }
}

impl From<OutcomeUnknown> for CommandError {
    fn from(error: OutcomeUnknown) -> Self {
        Self {
            code: "UNKNOWN",
            message: error.to_string().into(),
        }
    }
}
