//! `POST /graphql`: a document as the GraphQL-over-HTTP specification sends it, executed as the command GRAPHQL is.
//!
//! The body is `{"query": "…", "variables": {…}, "operationName": "…"}`. The answer has the type that `Accept` prefers:
//! `application/graphql-response+json`, where a document that is refused has status 400, or `application/json`, where
//! whatever is a document has 200. `?space=3` selects a space. GET is refused: web pages elsewhere could send it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::resp::reply::Reply;

use super::command::{Options, is_json, read_body, run};
use super::error::{HttpError, status};
use super::{Peer, Shared, access};

/// A request as its body says it. What else there may be, such as `extensions`, is for others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    query: String,
    variables: Option<serde_json::Map<String, Value>>,
    operation_name: Option<String>,
}

impl Asked {
    /// The command that it is.
    fn command(self) -> Vec<Vec<u8>> {
        let mut arguments = vec![b"GRAPHQL".to_vec(), self.query.into_bytes()];
        if let Some(variables) = self.variables {
            arguments.extend([b"VARIABLES".to_vec(), json!(variables).to_string().into()]);
        }
        if let Some(name) = self.operation_name {
            arguments.extend([b"OPERATION".to_vec(), name.into_bytes()]);
        }
        arguments
    }
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `application/graphql-response+json`.
    Response,
    /// `application/json`.
    Json,
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Response => "application/graphql-response+json",
            Self::Json => "application/json",
        }
    }

    /// The form that the client prefers; of two that it likes alike the specification's own.
    fn preferred(headers: &HeaderMap) -> Option<Self> {
        let ranges: Vec<&str> = headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        if ranges.is_empty() {
            return Some(Self::Response);
        }
        let quality = |form: Self| {
            let told = ranges.iter().filter_map(|range| form.told(range));
            told.max_by_key(|(exactness, _)| *exactness)
                .map_or(0.0, |(_, quality)| quality)
        };
        let (response, json) = (quality(Self::Response), quality(Self::Json));
        match (response > 0.0, json > 0.0) {
            (false, false) => None,
            _ if response >= json => Some(Self::Response),
            _ => Some(Self::Json),
        }
    }

    /// If a range of `Accept` is about this form: how exactly it names it, and the quality that it gives it.
    fn told(self, range: &str) -> Option<(u8, f32)> {
        let mut parts = range.split(';').map(str::trim);
        let exactness = match parts.next()? {
            "*/*" => 0,
            "application/*" => 1,
            named if named.eq_ignore_ascii_case(self.media_type()) => 2,
            _ => return None,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.map_or(Some(1.0), |quality| quality.parse().ok());
        Some((exactness, quality.unwrap_or(0.0)))
    }

    fn respond(self, status: StatusCode, body: impl Into<Bytes>) -> Response {
        let content_type = format!("{}; charset=utf-8", self.media_type());
        let body: Bytes = body.into();
        (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
    }

    /// A refusal in the form of an answer.
    fn refuse(self, status: StatusCode, message: &str) -> Response {
        let body = json!({ "errors": [{ "message": message }] });
        self.respond(status, body.to_string())
    }
}

/// Executes the document of the body.
pub(super) async fn execute(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    options: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> Result<Response, HttpError> {
    let server = shared.server.get().ok_or(HttpError::STARTING)?;
    access::admit(server, &peer, &headers)?;
    let Query(options) = options.map_err(|error| HttpError::bad_request(error.body_text()))?;
    let Some(form) = Form::preferred(&headers) else {
        let message = "the answer is application/graphql-response+json or application/json";
        return Err(HttpError::new(StatusCode::NOT_ACCEPTABLE, message));
    };
    // Also keeps web pages out: a browser sends this type elsewhere only after asking us.
    if !is_json(&headers) {
        let message = "the body must be JSON, of Content-Type application/json";
        return Ok(form.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = read_body(request).await?;
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!(
                "expected {{\"query\": \"…\", \"variables\": {{…}}, \"operationName\": \"…\"}}: {error}"
            );
            return Ok(form.refuse(StatusCode::BAD_REQUEST, &message));
        }
    };
    let reply = run(server, peer, options, asked.command()).await?;
    Ok(match reply {
        Reply::Error(error) => form.refuse(status(error.code), &error.message),
        Reply::Bulk(body) => {
            // What was executed says so first, even if all of it is null.
            let is_executed = body.starts_with(b"{\"data\":");
            let status = match is_executed || form == Form::Json {
                true => StatusCode::OK,
                false => StatusCode::BAD_REQUEST,
            };
            form.respond(status, body)
        }
        other => unreachable!("invariant: GRAPHQL answers JSON or an error, not {other:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_is_preferred_is_chosen() {
        use Form::{Json, Response};
        let response = "application/graphql-response+json";
        for (accept, form) in [
            ("*/*", Some(Response)),
            ("application/*", Some(Response)),
            ("application/json", Some(Json)),
            (response, Some(Response)),
            (
                &format!("{response}, application/json;q=0.9"),
                Some(Response),
            ),
            (&format!("{response};q=0.5, application/json"), Some(Json)),
            (&format!("application/json, {response}"), Some(Response)),
            (&format!("{response};q=0, */*"), Some(Json)),
            ("text/html, */*;q=0.1", Some(Response)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Form::preferred(&headers), form, "{accept}");
        }
        assert_eq!(Form::preferred(&HeaderMap::new()), Some(Response));
    }
}
