//! What SET and GET do beyond Redis, nodes that have neither value nor fields or hang together with
//! others, and the forms of replies in RESP3.

use std::time::Duration;

use super::harness::{Connection, Redis, Server};

/// A connection that speaks RESP3.
fn connect3(server: &Server) -> Connection {
    let mut client = server.connect();
    client.call("HELLO 3");
    client
}

/// The part of a reply behind a name, up to the next name.
fn part<'a>(reply: &'a str, name: &str) -> &'a str {
    let start = format!("\"{name}\": ");
    let at = reply
        .find(&start)
        .unwrap_or_else(|| panic!("no {name} in {reply}"));
    let rest = &reply[at + start.len()..];
    &rest[..rest.find(", \"").unwrap_or(rest.len() - 1)]
}

#[test]
fn set_carries_marks_that_later_sets_and_restarts_keep() {
    let server = Server::start(&["--fsync", "everysec"]);
    let mut client = connect3(&server);
    let fingerprint = "a5".repeat(1_280);
    let set = format!(
        "SET k hello KIND Person Friend RUNG 3 QUALIA 0.5,-0.25,0,1,0,0,0,0.125 EX 100 \
         TRUTH 0.9,0.8 FP {fingerprint} PROMOTE 5"
    );
    assert_eq!(client.call(&set), "+OK");
    let felt = client.call("GET k FEEL TRACE");
    for expected in [
        "\"value\": \"hello\"",
        "\"arousal\": ,0.5, \"valence\": ,-0.25,",
        "\"novelty\": ,0.125}",
        "\"truth\": {\"frequency\": ,0.9, \"confidence\": ,0.8}",
        "\"zone\": \"fluid\", \"address\": \"@",
        "\"id\": \"#",
        "\"kinds\": [\"Friend\", \"Person\"], \"rung\": :3",
        "\"accessed\": nil}, \"accesses\": :0",
        "\"provenance\": {\"source\": \"given\", \"evidence\": [], \"parent\": nil, \"edges\": :0}",
    ] {
        assert!(felt.contains(expected), "{expected} is not in {felt}");
    }
    let id = part(&felt, "id").to_owned();

    // A plain SET makes it permanent and forgets the fingerprint; the rest stays.
    assert_eq!(client.call("SET k again"), "+OK");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &["--fsync", "everysec"]);
    let felt = connect3(&server).call("GET k FEEL TRACE");
    for expected in [
        "\"value\": \"again\"",
        "\"arousal\": ,0.5, \"valence\": ,-0.25,",
        "\"truth\": {\"frequency\": ,0.9, \"confidence\": ,0.8}",
        "\"zone\": \"node\"",
        "\"kinds\": [\"Friend\", \"Person\"], \"rung\": :3",
        "\"expires\": nil",
        "\"source\": \"text\"",
    ] {
        assert!(felt.contains(expected), "{expected} is not in {felt}");
    }
    assert_eq!(part(&felt, "id"), id);
}

#[test]
fn options_that_cannot_be_are_refused_and_change_nothing() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    for (command, expected) in [
        ("SET k v QUALIA 1,2,3", "-ERR qualia are eight numbers"),
        (
            "SET k v QUALIA 2,0,0,0,0,0,0,0",
            "-ERR arousal is a number from 0 to 1; got 2",
        ),
        ("SET k v TRUTH 1", "-ERR a truth is 'f,c'"),
        (
            "SET k v RUNG 10",
            "-ERR a rung is a number from 0 to 9; got '10'",
        ),
        (
            "SET k v PROMOTE 0",
            "-ERR PROMOTE takes a number from 1 to 4294967295; got '0'",
        ),
        ("SET k v FP abc", "-ERR "),
        ("SET k v VECTOR abc", "-ERR "),
        ("SET k v KIND", "-ERR syntax error"),
        ("SET k v KIND NX", "-ERR syntax error"),
        ("SET k v RUNG", "-ERR syntax error"),
        ("GET k NOW", "-ERR syntax error"),
        (
            "GET k DECAY 0",
            "-ERR a half-life is a positive number of seconds; got '0'",
        ),
    ] {
        let reply = client.call(command);
        assert!(reply.starts_with(expected), "{command}: {reply}");
    }
    let long = "x".repeat(1_025);
    let too_long = "-ERR a name has at most 1024 bytes; got 1025";
    assert_eq!(client.call(&format!("SET {long} v")), too_long);
    assert_eq!(client.call("SET a 1"), "+OK");
    assert_eq!(client.call(&format!("RENAME a {long}")), too_long);
    assert_eq!(client.call(&format!("HSET {long} f v")), too_long);
    assert_eq!(client.call(&format!("GET {long}")), "nil");
    assert_eq!(client.call("KEYS *"), "[\"a\"]");
    assert_eq!(client.call("GET missing FEEL"), "nil");
}

#[test]
fn accesses_promote_and_activation_decays() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = connect3(&server);
    assert_eq!(
        client.call("SET p v EX 100 PROMOTE 3 QUALIA 0.8,0,0,0,0,0,0,0"),
        "+OK"
    );
    client.call("GET p");
    client.call("STRLEN p");
    assert_eq!(client.call("TTL p"), ":100");
    client.call("GETRANGE p 0 0");
    assert_eq!(client.call("TTL p"), ":-1");
    assert_eq!(part(&client.call("GET p FEEL"), "zone"), "\"node\"");
    // What has been promoted once is not promoted again.
    client.call("EXPIRE p 100");
    client.call("GET p");
    assert_eq!(client.call("TTL p"), ":100");
    // A new time to live without PROMOTE is kept.
    client.call("SET q v EX 100 PROMOTE 1");
    client.call("SET q v EX 100");
    client.call("GET q");
    assert_eq!(client.call("TTL q"), ":100");

    client.call("SET d v QUALIA 0.8,0,0,0,0,0,0,0");
    std::thread::sleep(Duration::from_millis(1_100));
    let felt = client.call("GET d DECAY 1");
    let number = |name: &str| -> f64 {
        part(&felt, name)
            .trim_matches([',', '{'])
            .trim_start_matches("\"arousal\": ,")
            .parse()
            .expect(name)
    };
    let (decay, activation, arousal) = (number("decay"), number("activation"), number("qualia"));
    assert!(0.0 < decay && decay < 0.5, "{felt}");
    assert!((activation - decay).abs() < 1e-9, "{felt}");
    assert!((arousal - 0.8 * decay).abs() < 1e-6, "{felt}");
}

#[test]
fn nodes_that_others_hang_on_outlive_their_fields() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    // A path makes its parent, which has neither value nor fields.
    assert_eq!(client.call("DN.SET ada:soul v"), "+OK");
    for (command, expected) in [
        ("EXISTS ada", ":1"),
        ("TYPE ada", "+hash"),
        ("GET ada", "nil"),
        ("STRLEN ada", ":0"),
        ("HGETALL ada", "[]"),
        ("HGET ada f", "nil"),
        ("OBJECT ENCODING ada", "\"listpack\""),
        ("GETDEL ada", "nil"),
        ("SETNX ada v", ":0"),
        ("HSET ada f 1", ":1"),
        (
            "GET ada",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        ("HDEL ada f", ":1"),
        ("EXISTS ada", ":1"),
        ("INCR ada", ":1"),
        ("TYPE ada", "+string"),
        (
            "HGET ada f",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        // An edge keeps a node too, until DEL takes both.
        ("HSET x f 1", ":1"),
        ("HSET y f 1", ":1"),
    ] {
        assert_eq!(client.call(command), expected, "{command}");
    }
    assert!(client.call("LINK x RELATES y").contains('#'));
    for (command, expected) in [
        ("HDEL x f", ":1"),
        ("EXISTS x", ":1"),
        ("DEL y", ":1"),
        ("HSET x f 1", ":1"),
        ("HDEL x f", ":1"),
        ("EXISTS x", ":0"),
    ] {
        assert_eq!(client.call(command), expected, "{command}");
    }
}

#[test]
fn replies_have_the_forms_of_resp3() {
    let (server, redis) = (Server::start(&["--fsync", "never"]), Redis::start());
    let (mut ours, mut theirs) = (server.connect(), redis.connect());
    for client in [&mut ours, &mut theirs] {
        client.call("HELLO 3");
    }
    for command in [
        "HSET h f 1",
        "HGETALL h",
        "HGETALL missing",
        "HRANDFIELD h",
        "HRANDFIELD missing",
        "HRANDFIELD h 1",
        "HRANDFIELD h 1 WITHVALUES",
        "HRANDFIELD h -2 WITHVALUES",
        "HSCAN h 0",
        "HKEYS h",
        "HMGET h f g",
        "GET missing",
        "MGET missing h",
        "SCAN 0",
        "RANDOMKEY",
        "INCRBYFLOAT n 0.5",
        "HINCRBYFLOAT h f 0.5",
        "GETSET missing v",
        "SET n 1 XX GET",
        "OBJECT ENCODING nothing",
        "MEMORY USAGE nothing",
    ] {
        let mut replies = [ours.call(command), theirs.call(command)];
        if command == "SCAN 0" || command == "RANDOMKEY" {
            replies = replies.map(|reply| reply.chars().filter(|c| "[]\"".contains(*c)).collect());
        }
        assert_eq!(replies[0], replies[1], "{command}");
    }
}
