//! MULTI, EXEC and WATCH over data: one commit, all or nothing, and nothing if a watched key changed.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::harness::{Connection, Server};

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
    for (line, why) in [
        ("LOG RESUME", "LOG RESUME is about the server"),
        ("DAG.FORK f", "DAG.FORK makes commits of its own"),
        ("DAG.BEGIN", "DAG.BEGIN makes commits of its own"),
        ("SQL x", "SQL makes commits of its own"),
        (
            "CAM.TEMPORAL.FORK f",
            "CAM.TEMPORAL.FORK makes commits of its own",
        ),
    ] {
        client.call("MULTI");
        let refused = client.call(line);
        let expected = format!("-ERR Command not allowed inside a transaction: {why}");
        assert!(refused.starts_with(&expected), "{line}: {refused}");
        assert!(refused.ends_with("run it outside of MULTI"), "{refused}");
        assert!(client.call("EXEC").starts_with("-EXECABORT"));
    }
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

/// A pipeline of commands in one transaction; what EXEC answers.
fn executed(client: &mut Connection, commands: &[&[&str]]) -> String {
    assert_eq!(client.call("MULTI"), "+OK");
    for command in commands {
        assert_eq!(client.command(command), "+QUEUED", "{command:?}");
    }
    client.call("EXEC")
}

#[test]
fn a_query_sees_what_the_commands_before_it_did() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    const SONG: &str = "the blue whale sings";
    let found: &[&str] = &["RESONATE", SONG, "THRESHOLD", "0"];
    let everywhere: &[&str] = &["RESONATE", SONG, "THRESHOLD", "0", "SPACES", "0-1"];
    let replies = executed(
        &mut client,
        &[
            found,
            &["SET", "whale", SONG],
            found,
            &["HAMMING", "whale", "TEXT the blue whale sings"],
            &["SET", "whale", "something else"],
            found,
            &["SELECT", "1"],
            &["SET", "other", SONG],
            found,
            everywhere,
            &["SELECT", "0"],
            &["SIMILAR", "nobody"],
            everywhere,
        ],
    );
    let row = |name| format!("[\"{name}\", \"@8000\", :0, \"1\", ");
    let rows = |reply: &str, name| reply.matches(&row(name)).count();
    assert_eq!(
        (rows(&replies, "whale"), rows(&replies, "other")),
        (1, 3),
        "{replies}"
    );
    assert!(replies.starts_with("[[], +OK, [[\"whale\","), "{replies}");
    assert!(replies.contains("-ERR no such node 'nobody'"), "{replies}");
    // Outside it is as the end of the transaction left it.
    assert_eq!(client.command(found), "[]");
    assert_eq!(rows(&client.command(everywhere), "other"), 1);
}

#[test]
fn queries_of_paths_edges_and_contexts_stand_in_a_transaction_too() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let replies = executed(
        &mut client,
        &[
            &["DN.SET", "zoo:cat", "a small cat"],
            &["SET", "stray", "a small cat"],
            &["DN.TREE", "zoo"],
            &["CAM.VERBS.DEFINE", "KNOWS"],
            &["LINK", "zoo:cat", "KNOWS", "stray"],
            &["TRAVERSE", "zoo:cat", "VIA", "KNOWS"],
            &["CONTEXT", "zoo"],
            &["RESONATE", "a small cat", "THRESHOLD", "0"],
            &["CONTEXT", "NONE"],
            &["RESONATE", "a small cat", "THRESHOLD", "0"],
            &["DEL", "stray"],
            &["TRAVERSE", "zoo:cat", "VIA", "KNOWS"],
            &["CONTEXT", "zoo"],
        ],
    );
    assert!(replies.contains("[[\"zoo\", "), "{replies}");
    assert_eq!(replies.matches("[\"stray\", ").count(), 2, "{replies}");
    assert_eq!(replies.matches("[\"zoo:cat\", ").count(), 3, "{replies}");
    assert!(replies.ends_with(":1, [], +OK]"), "{replies}");
    assert_eq!(client.call("CONTEXT"), "\"zoo\"");
}

#[test]
fn a_transaction_with_a_query_does_nothing_if_a_watched_key_has_changed() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.call("WATCH a");
    other.call("SET a 1");
    let commands: &[&[&str]] = &[&["SET", "b", "1"], &["RESONATE", "b"]];
    assert_eq!(executed(&mut client, commands), "nil");
    assert_eq!(client.call("EXISTS b"), ":0");
    // It is refused whole by a space that nobody changes, and the connection goes on.
    client.call("DAG.CHECKPOINT kept");
    client.call("SELECT checkpoint:0:kept");
    assert!(executed(&mut client, commands).starts_with("-READONLY"));
    client.call("SELECT 0");
    let kept: &[&str] = &[
        "RESONATE",
        "1",
        "THRESHOLD",
        "0",
        "SPACES",
        "checkpoint:0:kept",
    ];
    assert!(executed(&mut client, &[&["DEL", "a"], kept]).contains("\"checkpoint:0:kept\""));
}

#[test]
fn queries_of_a_transaction_stand_at_one_moment_and_however_many_write_they_end() {
    const READS: usize = 100;
    let server = Server::start(&["--fsync", "never"]);
    server.connect().call("SET needle here");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (server, is_over) = (&server, &is_over);
            scope.spawn(move || {
                let mut client = server.connect();
                let mut turn = 0u32;
                while !is_over.load(Relaxed) {
                    turn += 1;
                    if writer == 0 {
                        // It is in one space or in the other, at every moment.
                        let (from, to) = if turn % 2 == 1 {
                            ("0", "1")
                        } else {
                            ("1", "0")
                        };
                        let moved: &[&[&str]] = &[
                            &["SELECT", from],
                            &["DEL", "needle"],
                            &["SELECT", to],
                            &["SET", "needle", "here"],
                        ];
                        executed(&mut client, moved);
                    } else {
                        client.command(&[
                            "SET",
                            &format!("{writer}:{}", turn % 100),
                            &turn.to_string(),
                        ]);
                    }
                }
            });
        }
        let mut client = server.connect();
        let search: &[&str] = &["RESONATE", "here", "THRESHOLD", "0", "SPACES", "0-1"];
        for read in 0..READS {
            let number = read.to_string();
            let replies = executed(&mut client, &[search, &["SET", "own", &number], search]);
            // Twice the same, for both stand at the moment of the one commit.
            assert_eq!(replies.matches("\"needle\"").count(), 2, "{replies}");
            let halves: Vec<&str> = replies[1..].split(", +OK, ").collect();
            assert_eq!(format!("{}]", halves[0]), halves[1], "{replies}");
        }
        is_over.store(true, Relaxed);
    });
}
