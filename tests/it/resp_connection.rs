//! A connection's life: authentication, limits, pipelines, slow and malicious clients.

use std::time::Duration;

use super::harness::Server;

#[test]
fn a_pipeline_in_any_pieces_is_answered_in_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut request = Vec::new();
    for index in 0..1000 {
        request.extend_from_slice(format!("*2\r\n$4\r\nECHO\r\n$4\r\n{index:04}\r\n").as_bytes());
    }
    for piece in request.chunks(997) {
        client.send(piece);
    }
    for index in 0..1000 {
        assert_eq!(client.reply(), format!("\"{index:04}\""));
    }
}

#[test]
fn who_has_no_more_to_ask_and_listens_is_answered() {
    let server = Server::start(&["--fsync", "never"]);
    server.connect().call("SET chess board");
    for (asked, answered) in [
        ("PING", "+PONG\r\n"),
        ("RESONATE chess K 1", "*1\r\n"),
        ("MRESONATE 1 chess", "*1\r\n"),
        ("SQL 'SELECT 7'", "*2\r\n"),
        ("CYPHER 'UNWIND range(1, 20000) AS n RETURN n'", "*3\r\n"),
        ("GRAPHQL '{ version }'", "$"),
    ] {
        let mut listening = server.connect();
        listening.send(format!("{asked}\r\n").as_bytes());
        let answer = listening.end();
        assert!(answer.starts_with(answered), "{asked}: {answer}");
        assert!(!answer.contains("error"), "{asked}: {answer}");
    }
}

/// Short reads of a pipeline share what they read, and nothing that comes between them.
#[test]
fn each_command_of_a_pipeline_sees_all_that_came_before_it() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    let mut asked = |lines: &str| {
        client.send(lines.replace("; ", "\r\n").as_bytes());
        client.send(b"\r\n");
        let count = lines.split("; ").count();
        (0..count).map(|_| client.reply()).collect::<Vec<_>>()
    };
    assert_eq!(
        asked("GET k; SET k 1; GET k; GET k; APPEND k 2; GET k; STRLEN k; DEL k; GET k"),
        [
            "nil", "+OK", "\"1\"", "\"1\"", ":2", "\"12\"", ":2", ":1", "nil"
        ]
    );
    assert_eq!(
        asked("SET k 0; GET k; SELECT 1; GET k; SET k 1; GET k; SELECT 0; GET k; FLUSHALL; GET k"),
        [
            "+OK", "\"0\"", "+OK", "nil", "+OK", "\"1\"", "+OK", "\"0\"", "+OK", "nil"
        ]
    );
    assert_eq!(
        asked("GET k; MULTI; SET k 1; GET k; EXEC; GET k"),
        ["nil", "+OK", "+QUEUED", "+QUEUED", "[+OK, \"1\"]", "\"1\""]
    );
    // The read that makes a node permanent is followed by a commit of its own, and that by a read.
    assert_eq!(
        asked("SET p 1 EX 100 PROMOTE 2; GET p; GET p; TTL p; KEYS p; GET p"),
        ["+OK", "\"1\"", "\"1\"", ":-1", "[\"p\"]", "\"1\""]
    );
    assert_eq!(other.call("SET k 2"), "+OK");
    assert_eq!(asked("GET k; EXISTS k"), ["\"2\"", ":1"]);
}

#[test]
fn inline_commands_are_answered() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(b"ping\r\nECHO \"a b\\x41\"\r\n\r\nping 'x y'\n");
    assert_eq!(
        [client.reply(), client.reply(), client.reply()],
        ["+PONG", "\"a bA\"", "\"x y\""]
    );
}

#[test]
fn what_is_no_request_is_answered_and_ends_the_connection() {
    let server = Server::start(&[]);
    for (request, refusal) in [
        ("*x\r\n", "-ERR Protocol error: invalid multibulk length"),
        ("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length"),
        ("*1\r\n+a\r\n", "-ERR Protocol error: expected '$', got '+'"),
        (
            "ECHO \"a\r\n",
            "-ERR Protocol error: unbalanced quotes in request",
        ),
    ] {
        let mut client = server.connect();
        client.send(format!("PING\r\n{request}PING\r\n").as_bytes());
        assert_eq!(client.reply(), "+PONG");
        assert_eq!(client.reply(), refusal);
        assert_eq!(client.try_reply(), None, "{request}");
    }
}

#[test]
fn nothing_but_authentication_works_without_the_password() {
    let server = Server::start(&["--password", "s3cret"]);
    let mut client = server.connect();
    assert_eq!(client.call("PING"), "-NOAUTH Authentication required.");
    assert_eq!(
        client.call("AUTH wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled."
    );
    assert_eq!(
        client.call("AUTH nobody s3cret"),
        "-WRONGPASS invalid username-password pair or user is disabled."
    );
    assert!(
        client
            .call("HELLO 3")
            .starts_with("-NOAUTH HELLO must be called with the client already")
    );
    client.send(b"*11\r\n");
    assert_eq!(
        client.reply(),
        "-ERR Protocol error: unauthenticated multibulk length"
    );
    assert_eq!(client.try_reply(), None);

    let mut client = server.connect();
    assert_eq!(client.call("AUTH s3cret"), "+OK");
    assert_eq!(client.call("PING"), "+PONG");
    assert_eq!(client.call("RESET"), "+RESET");
    assert_eq!(client.call("PING"), "-NOAUTH Authentication required.");
    assert!(
        client
            .call("HELLO 3 AUTH default s3cret SETNAME me")
            .contains("\"proto\": :3")
    );
    assert_eq!(client.call("CLIENT GETNAME"), "\"me\"");
    // The password of a new start is known to those who are in, and to no log.
    assert!(!server.log.contains("s3cret"));
}

#[test]
fn a_password_can_be_set_while_the_server_runs() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.call("CONFIG SET requirepass new"), "+OK");
    assert_eq!(client.call("PING"), "+PONG");
    let mut stranger = server.connect();
    assert_eq!(stranger.call("PING"), "-NOAUTH Authentication required.");
    assert_eq!(stranger.call("AUTH new"), "+OK");
}

#[test]
fn no_more_clients_than_allowed() {
    let server = Server::start(&["--maxclients", "2"]);
    let (mut first, mut second) = (server.connect(), server.connect());
    assert_eq!(first.call("PING"), "+PONG");
    assert_eq!(second.call("PING"), "+PONG");
    let mut third = server.connect();
    assert_eq!(third.reply(), "-ERR max number of clients reached");
    assert_eq!(third.try_reply(), None);
    assert_eq!(first.call("QUIT"), "+OK");
    assert_eq!(first.try_reply(), None);
    // The server forgets who has quit a moment after the connection has ended.
    let admitted = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(5));
        let mut client = server.connect();
        client.send(b"PING\r\n");
        client.reply() == "+PONG"
    });
    assert!(admitted);
    assert!(!second.call("INFO stats").contains("rejected_connections:0"));
}

#[test]
fn clients_from_elsewhere_are_refused_without_a_password() {
    let Some(address) = other_address() else {
        // This machine has no address but the loopback's: nobody can come from elsewhere.
        return;
    };
    let server = Server::start(&["--bind", "0.0.0.0"]);
    let connect = || std::net::TcpStream::connect((address, server.port)).expect("it listens");
    let mut refusal = String::new();
    std::io::Read::read_to_string(&mut connect(), &mut refusal).expect("a refusal");
    assert!(
        refusal.starts_with("-DENIED Ladybug is running in protected mode"),
        "{refusal}"
    );
    assert!(refusal.contains("LADYBUG_PASSWORD"));
    assert_eq!(server.connect().call("CONFIG SET protected-mode no"), "+OK");
    let mut stream = connect();
    std::io::Write::write_all(&mut stream, b"PING\r\nQUIT\r\n").expect("it reads");
    let mut reply = String::new();
    std::io::Read::read_to_string(&mut stream, &mut reply).expect("replies");
    assert_eq!(reply, "+PONG\r\n+OK\r\n");
}

/// An address of this machine that is not the loopback's. Nothing is sent.
fn other_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|address| !address.is_loopback())
}

#[test]
fn who_does_not_read_stops_nobody_and_holds_bounded_memory() {
    let server = Server::start(&[]);
    let mut greedy = server.connect();
    let value = "v".repeat(1 << 20);
    let request = format!("*2\r\n$4\r\nECHO\r\n${}\r\n{value}\r\n", value.len());
    // Far more than the sockets' buffers hold: the server stops reading, so this blocks too.
    let writer = std::thread::spawn(move || {
        for _ in 0..64 {
            greedy.send(request.as_bytes());
        }
        let replies = (0..64)
            .filter(|_| greedy.reply().len() == value.len() + 2)
            .count();
        assert_eq!(replies, 64);
    });
    let mut other = server.connect();
    for _ in 0..1000 {
        assert_eq!(other.call("PING"), "+PONG");
    }
    // Nobody read so far; what the server holds of 64 MiB of replies is a few.
    let info = other.call("INFO clients");
    let pending: usize = info
        .split("client_recent_max_output_buffer:")
        .nth(1)
        .and_then(|rest| rest.split('\\').next())
        .and_then(|digits| digits.parse().ok())
        .expect("INFO tells");
    assert!(pending < 8 << 20, "{pending} bytes");
    let _ = writer;
}

#[test]
fn a_subscriber_that_does_not_read_is_closed() {
    let server = Server::start(&["--output-buffer", "65536"]);
    let mut subscriber = server.connect();
    assert_eq!(
        subscriber.call("SUBSCRIBE news"),
        "[\"subscribe\", \"news\", :1]"
    );
    let mut publisher = server.connect();
    let message = "m".repeat(32 << 10);
    let mut was_closed = false;
    for _ in 0..1000 {
        if publisher.command(&["PUBLISH", "news", &message]) == ":0" {
            was_closed = true;
            break;
        }
    }
    assert!(was_closed, "the subscriber is still there after 32 MiB");
}

#[test]
fn idle_clients_are_closed_but_subscribers_are_not() {
    let server = Server::start(&["--timeout", "1"]);
    let mut idle = server.connect();
    let mut subscriber = server.connect();
    assert_eq!(idle.call("PING"), "+PONG");
    subscriber.call("SUBSCRIBE news");
    std::thread::sleep(Duration::from_millis(3200));
    assert_eq!(idle.try_reply(), None);
    assert_eq!(server.connect().call("PUBLISH news x"), ":1");
    assert_eq!(subscriber.reply(), "[\"message\", \"news\", \"x\"]");
}

#[test]
fn clients_are_listed_and_killed() {
    let server = Server::start(&[]);
    let (mut one, mut two, mut three) = (server.connect(), server.connect(), server.connect());
    assert_eq!(one.call("CLIENT SETNAME first"), "+OK");
    assert_eq!(one.call("CLIENT SETINFO LIB-NAME lib"), "+OK");
    let id = two.call("CLIENT ID");
    three.call("SUBSCRIBE c");
    let list = one.call("CLIENT LIST");
    assert_eq!(list.matches("id=").count(), 3, "{list}");
    assert!(
        list.contains("name=first") && list.contains("lib-name=lib"),
        "{list}"
    );
    assert_eq!(
        one.call("CLIENT LIST TYPE pubsub").matches("id=").count(),
        1
    );
    assert_eq!(
        one.call(&format!("CLIENT LIST ID {}", &id[1..]))
            .matches("id=")
            .count(),
        1
    );
    assert_eq!(one.call(&format!("CLIENT KILL ID {}", &id[1..])), ":1");
    assert_eq!(two.try_reply(), None);
    assert_eq!(one.call(&format!("CLIENT KILL ID {}", &id[1..])), ":0");
    assert_eq!(one.call("CLIENT KILL TYPE pubsub SKIPME yes"), ":1");
    assert_eq!(three.try_reply(), None);
    assert_eq!(one.call("CLIENT KILL TYPE normal SKIPME no"), ":1");
    assert_eq!(one.try_reply(), None);
}

#[test]
fn replies_can_be_switched_off() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(b"CLIENT REPLY SKIP\r\nPING 1\r\nPING 2\r\nCLIENT REPLY OFF\r\nPING 3\r\n");
    client.send(b"CLIENT REPLY ON\r\nPING 4\r\n");
    assert_eq!(
        [client.reply(), client.reply(), client.reply()],
        ["\"2\"", "+OK", "\"4\""]
    );
}

#[test]
fn limits_are_settings() {
    let server = Server::start(&["--request-bytes-max", "4096", "--arguments-max", "3"]);
    let mut client = server.connect();
    client.send(b"*4\r\n");
    assert_eq!(
        client.reply(),
        "-ERR Protocol error: invalid multibulk length"
    );
    let mut client = server.connect();
    client.send(b"*2\r\n$4\r\nECHO\r\n$4097\r\n");
    assert_eq!(client.reply(), "-ERR Protocol error: invalid bulk length");
    let mut client = server.connect();
    assert_eq!(client.call("MULTI"), "+OK");
    assert_eq!(client.command(&["ECHO", &"x".repeat(3000)]), "+QUEUED");
    assert!(
        client
            .command(&["ECHO", &"x".repeat(3000)])
            .starts_with("-ERR transaction exceeds")
    );
    assert!(client.call("EXEC").starts_with("-EXECABORT"));
}
