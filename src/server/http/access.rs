//! Who may ask: the password by `Authorization: Bearer` or `Basic`, and without a password only
//! local clients, as RESP's protected mode has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering::Relaxed;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::server::resp::error::CommandError;
use crate::server::resp::server::Server;

use super::Peer;
use super::error::HttpError;

/// Whether the request may do more than ask for health.
///
/// # Errors
/// The password is missing or wrong; or there is none, and the client may not be local.
pub(super) fn admit(server: &Server, peer: Peer, headers: &HeaderMap) -> Result<(), HttpError> {
    if let Some(password) = server.live.password() {
        return match given_password(headers) {
            None => Err(CommandError::NO_AUTH.into()),
            Some(given) if is_equal(&given, password.as_bytes()) => Ok(()),
            Some(_) => Err(CommandError::WRONG_PASSWORD.into()),
        };
    }
    if !server.live.protected_mode.load(Relaxed) {
        return Ok(());
    }
    if !peer.address.ip().to_canonical().is_loopback() {
        return Err(HttpError::PROTECTED);
    }
    // A web page may resolve a name of its own to this machine and then call us from a local
    // browser; it cannot make its name look like an address.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    if host.is_some_and(is_local_host) {
        Ok(())
    } else {
        Err(HttpError::FOREIGN_HOST)
    }
}

/// The password of `Bearer password` or of `Basic base64(user:password)`; the user is ignored.
fn given_password(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, credentials) = (&value[..blank], value[blank..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some(credentials.to_vec());
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = STANDARD.decode(credentials).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// Compares in a time that does not tell how much of the password was right.
fn is_equal(given: &[u8], password: &[u8]) -> bool {
    let different = given
        .iter()
        .zip(password)
        .fold(0, |all, (left, right)| all | (left ^ right));
    given.len() == password.len() && std::hint::black_box(different) == 0
}

/// Whether `host`, with or without a port, is `localhost` or an address.
fn is_local_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => {
            return rest
                .split(']')
                .next()
                .is_some_and(|it| it.parse::<Ipv6Addr>().is_ok());
        }
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().map(IpAddr::V4).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(authorization: &str) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        given_password(&headers)
    }

    #[test]
    fn passwords_are_read_from_both_schemes() {
        assert_eq!(given("Bearer s3:cret").as_deref(), Some(&b"s3:cret"[..]));
        assert_eq!(given("bearer  s3cret ").as_deref(), Some(&b"s3cret"[..]));
        // user:s3:cret
        assert_eq!(
            given("Basic dXNlcjpzMzpjcmV0").as_deref(),
            Some(&b"s3:cret"[..])
        );
        for other in ["Bearer", "Basic !!", "Basic dXNlcg==", "Digest x", ""] {
            assert_eq!(given(other), None, "{other}");
        }
    }

    #[test]
    fn passwords_must_be_equal_throughout() {
        assert!(is_equal(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abcd", b"abd", b"xbc"] {
            assert!(!is_equal(other, b"abc"));
        }
    }

    #[test]
    fn only_names_of_this_machine_are_local_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.0.0.7",
        ] {
            assert!(is_local_host(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "",
            "[evil]",
        ] {
            assert!(!is_local_host(host), "{host}");
        }
    }
}
