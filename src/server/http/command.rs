//! `POST /command`: one command as a JSON array, its reply as JSON.
//!
//! `["SET", "k", "v", "EX", 60]`: an argument is a string, a number, or `{"hex": "00ff"}` for bytes
//! that are no text, as replies write them. `?space=3` selects a space for this command; there is
//! no connection that could remember it, nor one for subscriptions, MONITOR and MULTI.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::Value;

use crate::server::resp::caller::{Caller, Waiting, departure};
use crate::server::resp::client::NO_DESCRIPTOR;
use crate::server::resp::command::TABLE;
use crate::server::resp::reply::Reply;
use crate::server::resp::server::Server;
use crate::server::resp::session::Session;

use super::error::{HttpError, status};
use super::{Peer, Shared, access};

/// How long a client may take to send its command.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What the query string may say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    /// The space in which to execute, by number or name.
    space: Option<String>,
}

/// Executes the command of the body.
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
    // Also keeps web pages out: a browser sends this type elsewhere only after asking us.
    if !is_json(&headers) {
        let message = "the body must be JSON, of Content-Type application/json";
        return Err(HttpError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = read_body(request).await?;
    let arguments = arguments(&body)?;
    refuse_conversations(&arguments)?;
    let reply = run(server, peer, options, arguments).await?;
    let status = match &reply {
        Reply::Error(error) => status(error.code),
        _ => StatusCode::OK,
    };
    Ok((status, Json(reply)).into_response())
}

/// Whether the body is said to be JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The whole body, if it comes in time and is not too large.
pub(super) async fn read_body(request: axum::extract::Request) -> Result<Bytes, HttpError> {
    use axum::extract::FromRequest as _;

    let read = tokio::time::timeout(BODY_TIMEOUT, Bytes::from_request(request, &()));
    match read.await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error @ BytesRejection::FailedToBufferBody(_))) => {
            Err(HttpError::new(error.status(), error.body_text()))
        }
        Ok(Err(error)) => Err(HttpError::bad_request(error.body_text())),
        Err(_) => {
            let message = format!("the body did not come within {} s", BODY_TIMEOUT.as_secs());
            Err(HttpError::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}

/// The arguments of a command written as a JSON array.
fn arguments(body: &[u8]) -> Result<Vec<Vec<u8>>, HttpError> {
    let values: Vec<Value> = serde_json::from_slice(body).map_err(|error| {
        HttpError::bad_request(format!(
            "expected a JSON array such as [\"GET\", \"key\"]: {error}"
        ))
    })?;
    if values.is_empty() {
        return Err(HttpError::bad_request(
            "the array is empty: expected a command's name",
        ));
    }
    values
        .into_iter()
        .enumerate()
        .map(|(index, value)| argument(index, value))
        .collect()
}

fn argument(index: usize, value: Value) -> Result<Vec<u8>, HttpError> {
    match value {
        Value::String(text) => Ok(text.into_bytes()),
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        Value::Object(map) if map.len() == 1 => {
            let bytes = map.get("hex").and_then(Value::as_str).and_then(from_hex);
            bytes.ok_or_else(|| not_an_argument(index))
        }
        _ => Err(not_an_argument(index)),
    }
}

fn not_an_argument(index: usize) -> HttpError {
    let expected = "expected a string, a number or {\"hex\": \"…\"}";
    HttpError::bad_request(format!("argument {index}: {expected}"))
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .bytes()
        .map(|byte| char::from(byte).to_digit(16))
        .collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}

/// Refuses commands that begin a conversation, before they do.
fn refuse_conversations(arguments: &[Vec<u8>]) -> Result<(), HttpError> {
    let Some(entry) = TABLE.get(&arguments[0]) else {
        return Ok(());
    };
    if entry.command.is_conversation() {
        let name = entry.command.name;
        let message = format!("'{name}' needs a connection that lasts: use RESP");
        return Err(HttpError::bad_request(message));
    }
    Ok(())
}

/// Executes a command for a client that comes for it alone and is gone when it no longer waits. It may take a while, so
/// not on the thread that answers everybody.
pub(super) async fn run(
    server: &Arc<Server>,
    peer: Peer,
    options: Options,
    arguments: Vec<Vec<u8>>,
) -> Result<Reply, HttpError> {
    let server = Arc::clone(server);
    let waiting = Waiting(Caller::default());
    let caller = waiting.0.clone();
    let addresses = (peer.address, peer.local_address);
    let mut answered = tokio::task::spawn_blocking(move || {
        let mut session = client(&server, addresses, caller, &options)?;
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        Ok(session.answer_durably(&arguments))
    });
    let answered = tokio::select! {
        biased;
        answered = &mut answered => answered,
        () = departure(&peer.stream) => {
            waiting.0.leave();
            answered.await
        }
    };
    let reply = answered.map_err(|error| {
        tracing::error!(%error, "a command failed");
        HttpError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the command failed; the log says why",
        )
    })?;
    drop(waiting);
    reply
}

fn client(
    server: &Arc<Server>,
    (address, local_address): (SocketAddr, SocketAddr),
    caller: Caller,
    options: &Options,
) -> Result<Session, HttpError> {
    let clients_max = server.live.clients_max.load(Relaxed);
    let client = server
        .clients
        .admit(address, local_address, NO_DESCRIPTOR, clients_max);
    let client = client.ok_or(HttpError::TOO_MANY_CLIENTS)?;
    let mut session = Session::new(Arc::clone(server), client);
    // `access` has seen the password.
    session.is_authenticated = true;
    session.context.caller = caller;
    session.begin_batch();
    if let Some(space) = &options.space {
        let selected = session.answer_durably(&[b"SELECT", space.as_bytes()]);
        if let Reply::Error(error) = selected {
            return Err(error.into());
        }
    }
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_strings_numbers_and_hex() {
        let body = br#"["SET", "k", {"hex": "00fF"}, "EX", 60, 1.5, -2, "\u00e9"]"#;
        let expected: [&[u8]; 8] = [
            b"SET",
            b"k",
            b"\x00\xff",
            b"EX",
            b"60",
            b"1.5",
            b"-2",
            "é".as_bytes(),
        ];
        assert_eq!(arguments(body).unwrap(), expected);
    }

    #[test]
    fn other_bodies_are_refused() {
        for body in [
            "",
            "{}",
            "[]",
            "\"PING\"",
            "[\"PING\"",
            "[null]",
            "[true]",
            "[[\"PING\"]]",
            "[{\"hex\": \"0\"}]",
            "[{\"hex\": \"zz\"}]",
            "[{\"hex\": \"00\", \"x\": 1}]",
            "[\"PING\"] x",
        ] {
            assert!(arguments(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn only_conversations_need_a_connection() {
        let is_refused = |name: &str| refuse_conversations(&[name.as_bytes().to_vec()]).is_err();
        for name in ["SUBSCRIBE", "psubscribe", "MULTI", "EXEC", "MONITOR"] {
            assert!(is_refused(name), "{name}");
        }
        for name in ["PING", "PUBLISH", "PUBSUB", "NOPE"] {
            assert!(!is_refused(name), "{name}");
        }
    }
}
