//! MULTI, EXEC and WATCH over data: one commit, all or nothing, and nothing if a watched key changed.

use super::harness::Server;

#[test]
fn exec_is_one_commit_in_which_later_commands_see_earlier_ones() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("SET before 1");
    client.call("MULTI");
    for command in [
        "SET a 1", "INCR a", "GET a", "SELECT 1", "SET b x", "DBSIZE", "SELECT 0", "DBSIZE",
    ] {
        assert_eq!(client.call(command), "+QUEUED");
    }
    assert_eq!(
        client.call("EXEC"),
        "[+OK, :2, \"2\", +OK, +OK, :1, +OK, :2]"
    );
    let info = client.call("INFO ladybug");
    assert!(
        info.contains("space_0:") && info.contains("version=2"),
        "{info}"
    );
    // The selection of the transaction's end is the connection's.
    client.call("MULTI");
    client.call("SELECT 1");
    assert_eq!(client.call("EXEC"), "[+OK]");
    assert_eq!(client.call("GET b"), "\"x\"");
    assert!(client.call("CLIENT INFO").contains("db=1"));
}

#[test]
fn a_refused_command_takes_back_only_itself() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MULTI");
    for command in [
        "SET a x",
        "INCR a",
        "HSET h f 1",
        "GET h",
        "SELECT 99999",
        "SET b y",
    ] {
        client.call(command);
    }
    let replies = client.call("EXEC");
    assert_eq!(
        replies,
        "[+OK, -ERR value is not an integer or out of range, :1, \
         -WRONGTYPE Operation against a key holding the wrong kind of value, \
         -ERR DB index is out of range, +OK]"
    );
    assert_eq!(client.call("MGET a b"), "[\"x\", \"y\"]");
    assert!(
        client
            .call("INFO errorstats")
            .contains("errorstat_WRONGTYPE:count=1")
    );
}

#[test]
fn what_was_refused_when_it_was_queued_loses_the_transaction() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MULTI");
    client.call("SET a x");
    assert!(client.call("NOPE").starts_with("-ERR unknown command"));
    assert_eq!(
        client.call("EXEC"),
        "-EXECABORT Transaction discarded because of previous errors."
    );
    assert_eq!(client.call("EXISTS a"), ":0");
    client.call("MULTI");
    assert_eq!(
        client.call("SAVE"),
        "-ERR Command not allowed inside a transaction"
    );
    assert!(client.call("EXEC").starts_with("-EXECABORT"));
}

#[test]
fn exec_does_nothing_if_a_watched_key_has_changed() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.call("SET a 1");
    for (change, is_changed) in [
        ("SET a 2", true),
        ("GET a", false),
        ("SET unrelated 1", false),
        ("DEL a", true),
        ("SET a 1", true),
        ("EXPIRE a 100", true),
        ("RENAME a c", true),
        ("RENAME c a", true),
        ("FLUSHDB", true),
        ("SET a 1", true),
        ("HSET a f 1", false),
    ] {
        assert_eq!(client.call("WATCH a"), "+OK");
        other.call(change);
        client.call("MULTI");
        client.call("ECHO ran");
        let expected = if is_changed { "nil" } else { "[\"ran\"]" };
        assert_eq!(client.call("EXEC"), expected, "after {change}");
    }
    // A key that came and went.
    client.call("WATCH fleeting");
    other.call("SET fleeting 1");
    other.call("DEL fleeting");
    client.call("MULTI");
    assert_eq!(client.call("EXEC"), "nil");
    // What is watched in one space does not change in another.
    client.call("WATCH a");
    client.call("SELECT 1");
    other.call("SELECT 1");
    other.call("SET a 9");
    client.call("MULTI");
    assert_eq!(client.call("EXEC"), "[]");
    // UNWATCH, DISCARD and EXEC end it.
    for end in ["UNWATCH", "DISCARD", "EXEC"] {
        client.call("WATCH a");
        if end != "UNWATCH" {
            client.call("MULTI");
        }
        client.call(end);
        other.call("INCR a");
        client.call("MULTI");
        assert_eq!(client.call("EXEC"), "[]", "after {end}");
    }
}

#[test]
fn a_counter_incremented_under_watch_by_many_loses_nothing() {
    let server = Server::start(&["--io-threads", "2", "--fsync", "never"]);
    server.connect().call("SET n 0");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut client = server.connect();
            scope.spawn(move || {
                let mut done = 0;
                while done < 50 {
                    client.call("WATCH n");
                    let seen: i64 = client
                        .call("GET n")
                        .trim_matches('"')
                        .parse()
                        .expect("a number");
                    client.call("MULTI");
                    client.call(&format!("SET n {}", seen + 1));
                    done += i32::from(client.call("EXEC") != "nil");
                }
            });
        }
    });
    assert_eq!(server.connect().call("GET n"), "\"200\"");
}

#[test]
fn a_transaction_is_recovered_whole() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("MULTI");
    client.call("SET a 1");
    client.call("SELECT what-if");
    client.call("SET b 2");
    assert_eq!(client.call("EXEC"), "[+OK, +OK, +OK]");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    assert_eq!(client.call("GET a"), "\"1\"");
    assert_eq!(client.call("SELECT what-if"), "+OK");
    assert_eq!(client.call("GET b"), "\"2\"");
}

#[test]
fn a_watched_key_that_is_absent_does_not_change_when_others_come_and_go() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.call("WATCH nobody");
    let pairs: Vec<String> = (0..5_000).map(|n| format!("key:{n} {n}")).collect();
    other.call(&format!("MSET {}", pairs.join(" ")));
    other.call("RENAME key:1 key:one");
    other.call("DEL key:2");
    client.call("MULTI");
    client.call("SET done 1");
    assert_eq!(client.call("EXEC"), "[+OK]");
}
