//! The end of the server: graceful, with every reply written.

use std::io::Write as _;

use super::harness::Server;

#[test]
fn signals_and_shutdown_end_the_server_with_success() {
    for signal in ["-TERM", "-INT"] {
        let server = Server::start(&[]);
        let mut client = server.connect();
        assert_eq!(client.call("PING"), "+PONG");
        let (status, _) = server.stop(signal);
        assert!(status.success(), "{signal}: {status}");
        assert_eq!(client.try_reply(), None);
    }
    let mut server = Server::start(&["--io-threads", "2"]);
    let mut client = server.connect();
    client.send(b"PING\r\nSHUTDOWN NOSAVE\r\n");
    assert_eq!(client.reply(), "+PONG");
    assert_eq!(client.try_reply(), None);
    assert!(server.wait().success());
}

#[test]
fn replies_of_what_was_read_are_written_before_the_end() {
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    let value = "v".repeat(1 << 20);
    let request = format!("*2\r\n$4\r\nECHO\r\n${}\r\n{value}\r\n", value.len());
    client.send(request.as_bytes());
    client.send(b"SHUTDOWN\r\n");
    assert_eq!(client.reply().len(), value.len() + 2);
    assert!(server.wait().success());
}

#[test]
fn settings_that_cannot_be_used_end_the_start_with_a_reason() {
    let start = |flags: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_ladybug"))
            .args(flags)
            .env_remove("LADYBUG_PASSWORD")
            .env("LADYBUG_FLIGHT_PORT", "0")
            .output()
            .expect("ladybug starts");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let data = tempfile::tempdir().expect("a temporary directory");
    let path = data.path().to_str().expect("a path");
    assert!(
        start(&["--port", &port, "--data", path])
            .contains(&format!("cannot listen on 127.0.0.1:{port}"))
    );
    assert!(start(&["serve", "--require-password"]).contains("set LADYBUG_PASSWORD"));
    assert!(start(&["--io-threads", "0"]).contains("io-threads: expected at least 1"));
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(b"port = 'x'").expect("it is written");
    let path = file.path().to_str().expect("a path");
    assert!(start(&["--config", path]).contains("invalid type"));
}
