//! Refusals over Flight: the one place that maps errors to gRPC codes and their details.
//!
//! The details are a `google.rpc.Status` with one `google.rpc.ErrorInfo`, whose reason is the code that RESP
//! answers (`ZONEFULL`) and whose domain is `ladybug`: what clients dispatch on.

use std::fmt;

use arrow::error::ArrowError;
use arrow_flight::error::FlightError as StreamError;
use ladybug_engine::commit::log::OutcomeUnknown;
use ladybug_engine::error::EngineError;
use prost::Message as _;
use tonic::{Code, Status};

use crate::operand::OperandError;
use crate::server::resp::error::CommandError;

/// Who gives the reasons.
const DOMAIN: &str = "ladybug";

/// A refusal: a reason in capitals, and what was expected, what came, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightError {
    /// The word clients dispatch on.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

impl FlightError {
    /// A request that cannot be understood.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new("ERR", message)
    }

    /// A refusal for a reason.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// The gRPC code.
    pub fn code(&self) -> Code {
        match self.reason {
            "NOAUTH" | "WRONGPASS" => Code::Unauthenticated,
            "DENIED" => Code::PermissionDenied,
            "NOSUCHNODE" | "NOSUCHFLIGHT" | "NOSPACE" | "NOTXN" | "NOSTATEMENT" => Code::NotFound,
            "TAKEN" => Code::AlreadyExists,
            "VERSIONGONE" => Code::OutOfRange,
            "ZONEFULL" | "OOM" | "TOOLARGE" | "TOOMANY" => Code::ResourceExhausted,
            // gRPC's own code for what is cancelled says that this client did so: pyarrow takes it for Ctrl-C.
            "CONFLICT" | "SNAPSHOTGONE" | "STALLED" | "CANCELLED" => Code::Aborted,
            "LOADING" | "READONLY" | "MISCONF" | "STOPPING" => Code::Unavailable,
            "DEADLINE" => Code::DeadlineExceeded,
            "UNKNOWN" => Code::Unknown,
            "UNSUPPORTED" => Code::Unimplemented,
            "INTERNAL" => Code::Internal,
            _ => Code::InvalidArgument,
        }
    }
}

impl fmt::Display for FlightError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.reason, self.message)
    }
}

impl std::error::Error for FlightError {}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

impl From<FlightError> for Status {
    fn from(error: FlightError) -> Self {
        let code = error.code();
        let info = ErrorInfo {
            reason: error.reason.to_owned(),
            domain: DOMAIN.to_owned(),
        };
        let details = Details {
            code: code.into(),
            message: error.message.clone(),
            details: vec![Detail {
                type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
                value: info.encode_to_vec(),
            }],
        };
        Self::with_details(code, error.message, details.encode_to_vec().into())
    }
}

impl From<CommandError> for FlightError {
    fn from(error: CommandError) -> Self {
        Self::new(error.code, error.message)
    }
}

impl From<OperandError> for FlightError {
    fn from(error: OperandError) -> Self {
        match error {
            OperandError::Syntax(message) => Self::bad(message),
            OperandError::Engine(error) => error.into(),
        }
    }
}

impl From<EngineError> for FlightError {
    fn from(error: EngineError) -> Self {
        let reason = match &error {
            EngineError::NoSuchNode(_) | EngineError::NoSuchEdge(_) => "NOSUCHNODE",
            EngineError::NameTaken(_) | EngineError::SpaceTaken(_) => "TAKEN",
            EngineError::CommitTooLarge { .. } => "TOOLARGE",
            EngineError::TransactionsFull(_) | EngineError::SpacesFull(_) => "TOOMANY",
            EngineError::VersionAhead { .. } => "VERSIONGONE",
            EngineError::Misfit(_) => "INTERNAL",
            _ => return CommandError::from(error).into(),
        };
        Self::new(reason, error.to_string())
    }
}

impl From<OutcomeUnknown> for FlightError {
    fn from(error: OutcomeUnknown) -> Self {
        CommandError::from(error).into()
    }
}

/// What Arrow makes nothing of.
impl From<ArrowError> for FlightError {
    fn from(error: ArrowError) -> Self {
        Self::bad(error.to_string())
    }
}

/// What is wrong with a stream of record batches that a client sends.
impl From<StreamError> for FlightError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Tonic(status) => match status.code() {
                Code::Cancelled | Code::Unknown => {
                    Self::new("CANCELLED", "the stream ended before its end was announced")
                }
                Code::OutOfRange | Code::ResourceExhausted => {
                    Self::new("TOOLARGE", status.message())
                }
                _ => Self::bad(status.message()),
            },
            other => Self::bad(format!(
                "expected a stream of Arrow record batches: {other}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_carries_code_message_and_reason() {
        let status = Status::from(FlightError::new("ZONEFULL", "node zone is full"));
        assert_eq!(
            (status.code(), status.message()),
            (Code::ResourceExhausted, "node zone is full")
        );
        let details = Details::decode(status.details()).expect("google.rpc.Status");
        assert_eq!(details.code, Code::ResourceExhausted as i32);
        let info = ErrorInfo::decode(&*details.details[0].value).expect("google.rpc.ErrorInfo");
        assert_eq!((&*info.reason, &*info.domain), ("ZONEFULL", "ladybug"));
    }

    #[test]
    fn what_the_engine_refuses_has_a_code_of_its_own() {
        let code = |error: EngineError| FlightError::from(error).code();
        assert_eq!(code(EngineError::NoSuchNode("x".into())), Code::NotFound);
        assert_eq!(
            code(EngineError::NameTaken("x".into())),
            Code::AlreadyExists
        );
        assert_eq!(code(EngineError::SnapshotGone(1)), Code::Aborted);
        assert_eq!(code(EngineError::ReadOnly("x".into())), Code::Unavailable);
        assert_eq!(code(EngineError::NameTooLong(2000)), Code::InvalidArgument);
        assert_eq!(
            code(EngineError::VersionAhead {
                asked: 2,
                newest: 1
            }),
            Code::OutOfRange
        );
    }
}
