//! What the server's own commands do to data: flushing, saving, notifying; and that an answer
//! outlives a kill.

use super::harness::Server;

#[test]
fn what_was_answered_survives_a_kill_under_every_policy() {
    for fsync in ["always", "everysec", "never"] {
        let mut server = Server::start(&["--fsync", fsync]);
        for round in 0..3 {
            let mut client = server.connect();
            for index in 0..200 {
                client.send_command(&["SET", &format!("{round}:{index}"), "v"]);
            }
            for _ in 0..200 {
                assert_eq!(client.reply(), "+OK");
            }
            let (_, data) = server.stop("-KILL");
            server = Server::start_in(data, &["--fsync", fsync]);
            let keys = server.connect().call("DBSIZE");
            assert_eq!(keys, format!(":{}", 200 * (round + 1)), "--fsync {fsync}");
        }
    }
}

#[test]
fn a_saved_memory_is_opened_from_its_checkpoint() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("SET a 1");
    let before = client.call("LASTSAVE");
    assert_eq!(client.call("SAVE"), "+OK");
    assert!(client.call("LASTSAVE") >= before);
    assert!(
        client
            .call("INFO persistence")
            .contains("rdb_changes_since_last_save:0")
    );
    client.call("SET b 2");
    assert_eq!(client.call("BGSAVE"), "+Background saving started");
    let (status, data) = server.stop("-TERM");
    assert!(status.success());
    assert!(data.path().join("checkpoints").is_dir());
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(client.call("MGET a b"), "[\"1\", \"2\"]");
    assert_eq!(client.call("BGSAVE x"), "-ERR syntax error");
}

#[test]
fn one_server_a_data_directory() {
    let server = Server::start(&[]);
    let (_, data) = server.stop("-TERM");
    let path = data.path().to_str().expect("a path").to_owned();
    let _running = Server::start_in(data, &[]);
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_ladybug"))
        .args(["--port", "0", "--http-port", "0", "--data", &path])
        .env("LADYBUG_FLIGHT_PORT", "0")
        .output()
        .expect("ladybug starts");
    assert!(!second.status.success());
    let reason = String::from_utf8_lossy(&second.stderr);
    assert!(reason.contains("LOCK"), "{reason}");
}

#[test]
fn flushing_empties_a_space_or_all() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for space in ["0", "7", "what-if"] {
        client.call(&format!("SELECT {space}"));
        client.call("SET a 1");
    }
    assert_eq!(client.call("FLUSHDB"), "+OK");
    assert_eq!(client.call("DBSIZE"), ":0");
    client.call("SELECT 7");
    assert_eq!(client.call("DBSIZE"), ":1");
    let keyspace = client.call("INFO keyspace");
    assert!(keyspace.contains("db0:keys=1,expires=0") && keyspace.contains("db7:keys=1"));
    assert_eq!(client.call("FLUSHALL ASYNC"), "+OK");
    assert!(!client.call("INFO keyspace").contains("keys="));
    client.call("SET a 1");
    client.call("MULTI");
    client.call("FLUSHALL");
    client.call("DBSIZE");
    assert_eq!(client.call("EXEC"), "[+OK, :0]");
    assert_eq!(client.call("FLUSHALL x"), "-ERR syntax error");
    assert_eq!(client.call("SELECT -1"), "-ERR DB index is out of range");
    assert_eq!(client.call("SELECT 1024"), "-ERR DB index is out of range");
}

#[test]
fn events_are_published_once_the_commit_is_made() {
    let server = Server::start(&["--notify-keyspace-events", "KEA"]);
    let (mut listener, mut client) = (server.connect(), server.connect());
    listener.call("PSUBSCRIBE __key*");
    client.call("SET a 1");
    assert_eq!(
        listener.reply(),
        "[\"pmessage\", \"__key*\", \"__keyspace@0__:a\", \"set\"]"
    );
    assert_eq!(
        listener.reply(),
        "[\"pmessage\", \"__key*\", \"__keyevent@0__:set\", \"a\"]"
    );
    // Refused: nothing has happened, nothing is told.
    client.call("HGET a f");
    client.call("MULTI");
    client.call("HSET a f");
    client.call("EXEC");
    client.call("DEL a");
    assert_eq!(
        listener.reply(),
        "[\"pmessage\", \"__key*\", \"__keyspace@0__:a\", \"del\"]"
    );
    assert_eq!(
        listener.reply(),
        "[\"pmessage\", \"__key*\", \"__keyevent@0__:del\", \"a\"]"
    );
}

#[test]
fn expiry_is_told_without_anybody_asking() {
    let server = Server::start(&["--notify-keyspace-events", "Ex"]);
    let (mut listener, mut client) = (server.connect(), server.connect());
    listener.call("SUBSCRIBE __keyevent@0__:expired");
    client.call("SET a 1 PX 50");
    assert_eq!(
        listener.reply(),
        "[\"message\", \"__keyevent@0__:expired\", \"a\"]"
    );
    assert_eq!(client.call("DBSIZE"), ":0");
    assert!(client.call("INFO stats").contains("expired_keys:1"));
}
