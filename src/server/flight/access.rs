//! Who may call: the password by `authorization: Basic` or `Bearer`, or a token that Handshake gave for it; and
//! without a password only local clients, as RESP's protected mode has it.
//!
//! A token also remembers in which form the client wants the answers of actions.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tonic::metadata::MetadataMap;

use super::error::FlightError;
use super::kept::Kept;
use super::listener::Peer;
use crate::server::password;
use crate::server::resp::error::CommandError;
use crate::server::resp::server::Server;

/// Tokens at once.
const TOKENS_MAX: usize = 4096;
/// How long a token lasts without use.
const TOKEN_IDLE: Duration = Duration::from_secs(24 * 3600);
/// Header in which older clients send back the token that a handshake's payload gave them.
const TOKEN_HEADER: &str = "auth-token-bin";
/// Header that asks for a form of answers: `arrow` or `json`.
const FORM_HEADER: &str = "x-ladybug-format";

/// In which form actions answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// An Arrow IPC stream.
    #[default]
    Arrow,
    /// JSON: an array of objects.
    Json,
}

/// The tokens that handshakes gave, each with the form that it stands for.
pub type Tokens = Kept<Form>;

/// No tokens yet.
pub fn tokens() -> Tokens {
    Kept::new(TOKENS_MAX, TOKEN_IDLE)
}

/// Whether a call may be made; answers the form in which it wants its answers.
///
/// # Errors
/// The password is missing or wrong; or there is none, and the client may not be local; or the form is none.
pub fn admit(
    server: &Server,
    tokens: &Tokens,
    peer: Option<Peer>,
    headers: &MetadataMap,
) -> Result<Form, FlightError> {
    let authorization = headers.get("authorization").map(|value| value.as_bytes());
    let bearer = authorization.and_then(password::given);
    let older = headers
        .get_bin(TOKEN_HEADER)
        .and_then(|value| value.to_bytes().ok());
    let given = bearer.or(older.map(|token| token.to_vec()));
    let negotiated = given
        .as_deref()
        .and_then(|given| tokens.with(given, |form| *form));
    if negotiated.is_none() {
        check_password(server, peer, given.as_deref())?;
    }
    Ok(form(headers)?.or(negotiated).unwrap_or_default())
}

/// The form that a call's header asks for.
///
/// # Errors
/// It asks for none that there is.
pub fn form(headers: &MetadataMap) -> Result<Option<Form>, FlightError> {
    let Some(value) = headers.get(FORM_HEADER) else {
        return Ok(None);
    };
    match value.as_bytes() {
        form if form.eq_ignore_ascii_case(b"arrow") => Ok(Some(Form::Arrow)),
        form if form.eq_ignore_ascii_case(b"json") => Ok(Some(Form::Json)),
        other => Err(FlightError::bad(format!(
            "expected {FORM_HEADER}: arrow or json, got '{}'",
            String::from_utf8_lossy(&other[..other.len().min(64)])
        ))),
    }
}

/// Whether whoever gives this password, or none, may do more.
///
/// # Errors
/// As [`admit`].
pub fn check_password(
    server: &Server,
    peer: Option<Peer>,
    given: Option<&[u8]>,
) -> Result<(), FlightError> {
    if let Some(expected) = server.live.password() {
        return match given {
            None => Err(CommandError::NO_AUTH.into()),
            Some(given) if password::is_equal(given, expected.as_bytes()) => Ok(()),
            Some(_) => Err(CommandError::WRONG_PASSWORD.into()),
        };
    }
    let is_local = peer.is_some_and(|peer| peer.address.ip().to_canonical().is_loopback());
    match is_local || !server.live.protected_mode.load(Relaxed) {
        true => Ok(()),
        false => Err(FlightError::new(
            "DENIED",
            "no password is set, so only local clients are served: set LADYBUG_PASSWORD or --password",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_arrow_or_json() {
        let ask = |value: &'static str| {
            let mut headers = MetadataMap::new();
            headers.insert(FORM_HEADER, value.parse().expect("ASCII"));
            form(&headers)
        };
        assert_eq!(form(&MetadataMap::new()), Ok(None));
        assert_eq!(ask("JSON"), Ok(Some(Form::Json)));
        assert_eq!(ask("arrow"), Ok(Some(Form::Arrow)));
        assert!(ask("xml").is_err());
    }
}
