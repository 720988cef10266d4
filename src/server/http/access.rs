//! Who may ask: the password by `Authorization: Bearer` or `Basic`, and without a password only
//! local clients, as RESP's protected mode has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::Ordering::Relaxed;

use axum::http::{HeaderMap, header};

use crate::server::password;
use crate::server::resp::error::CommandError;
use crate::server::resp::server::Server;

use super::Peer;
use super::error::HttpError;

/// Whether the request may do more than ask for health.
///
/// # Errors
/// The password is missing or wrong; or there is none, and the client may not be local.
pub(super) fn admit(server: &Server, peer: &Peer, headers: &HeaderMap) -> Result<(), HttpError> {
    if let Some(expected) = server.live.password() {
        let given = headers.get(header::AUTHORIZATION);
        return match given.and_then(|value| password::given(value.as_bytes())) {
            None => Err(CommandError::NO_AUTH.into()),
            Some(given) if password::is_equal(&given, expected.as_bytes()) => Ok(()),
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
