//! `ladybug health`: asks a server's `/health`, for container images that have no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long the server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of the answer that are looked at: its first line is enough.
const ANSWER_BYTES_MAX: usize = 1024;

/// Why the server is not healthy.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// Nobody answers.
    #[error("no answer from {address}: {source}")]
    Unreachable {
        /// Where it was asked.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It answers, but not that all is well.
    #[error("{address} answers '{line}'")]
    Unhealthy {
        /// Where it was asked.
        address: SocketAddr,
        /// The first line of its answer.
        line: String,
    },
}

/// Asks the server that listens on `bind` and `port` whether it is alive.
///
/// # Errors
/// It does not answer in time, or something else than 200.
pub fn check(bind: IpAddr, port: u16) -> Result<(), HealthError> {
    let host = match bind {
        // "All interfaces" is no address to connect to.
        any if any.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        one => one,
    };
    let address = SocketAddr::new(host, port);
    let line = ask(address).map_err(|source| HealthError::Unreachable { address, source })?;
    if line.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(HealthError::Unhealthy { address, line })
}

/// The first line of the answer.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    while answer.len() < ANSWER_BYTES_MAX && !answer.contains(&b'\n') {
        let mut bytes = [0; ANSWER_BYTES_MAX];
        match stream.read(&mut bytes)? {
            0 => break,
            read => answer.extend_from_slice(&bytes[..read]),
        }
    }
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What `check` says of a server that answers `answer` to every request.
    fn check_against(answer: &'static str) -> Result<(), HealthError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let result = check(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /health HTTP/1.1\r\n")
        );
        result
    }

    #[test]
    fn only_200_is_healthy() {
        assert!(check_against("HTTP/1.1 200 OK\r\n\r\n").is_ok());
        let error = check_against("HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("answers 'HTTP/1.1 503 Service Unavailable'"),
            "{error}"
        );
        assert!(check_against("").is_err());
    }

    #[test]
    fn nobody_listening_is_unreachable() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let error = check(IpAddr::V4(Ipv4Addr::LOCALHOST), port).unwrap_err();
        assert!(matches!(error, HealthError::Unreachable { .. }), "{error}");
    }
}
