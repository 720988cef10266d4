//! Refusals over HTTP: the one place that maps errors to status codes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::server::resp::error::CommandError;

/// A refusal: a status, and `{"error": {"code": …, "message": …}}` like that of a command.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    error: CommandError,
}

impl HttpError {
    /// The server does not execute commands yet.
    pub(super) const STARTING: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: CommandError::fixed(
            "LOADING",
            "Ladybug is recovering its memory; try again soon",
        ),
    };
    /// As many clients are connected as may be.
    pub(super) const TOO_MANY_CLIENTS: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: CommandError::fixed("ERR", "max number of clients reached"),
    };
    /// The request came from where only clients with a password are served.
    pub(super) const PROTECTED: Self = Self {
        status: StatusCode::FORBIDDEN,
        error: CommandError::fixed(
            "DENIED",
            "no password is set, so only local clients are served: set LADYBUG_PASSWORD or --password",
        ),
    };
    /// The `Host` is a name that anybody could have pointed here.
    pub(super) const FOREIGN_HOST: Self = Self {
        status: StatusCode::FORBIDDEN,
        error: CommandError::fixed(
            "DENIED",
            "no password is set, so the Host of a request must be localhost or an address",
        ),
    };

    /// A request that cannot be understood.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A refusal of `status`, with the general code.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            error: CommandError::err(message.into()),
        }
    }
}

impl From<CommandError> for HttpError {
    fn from(error: CommandError) -> Self {
        Self {
            status: status(error.code),
            error,
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let body = json!({ "error": { "code": self.error.code, "message": self.error.message } });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer, Basic realm=\"ladybug\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The status that says what a command's error code says.
pub(super) fn status(code: &str) -> StatusCode {
    match code {
        "NOAUTH" | "WRONGPASS" => StatusCode::UNAUTHORIZED,
        "DENIED" | "NOPERM" => StatusCode::FORBIDDEN,
        "VERSIONGONE" => StatusCode::GONE,
        "ZONEFULL" | "OOM" => StatusCode::INSUFFICIENT_STORAGE,
        "LOADING" | "READONLY" | "MISCONF" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}
