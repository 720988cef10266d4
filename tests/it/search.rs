//! ENCODE, HAMMING, XOR, RESONATE, SIMILAR and CONTEXT through the real server.

use crate::harness::{Connection, Server};

const TEXTS: [(&str, &str); 4] = [
    ("tools:nginx", "small, powerful, scalable web server"),
    ("tools:apache2", "web server of many modules"),
    (
        "games:gnuchess",
        "plays a game of chess, either against the user or against itself",
    ),
    ("games:stockfish", "powerful chess engine"),
];

fn plant(client: &mut Connection) {
    for (name, text) in TEXTS {
        let kind = if name.starts_with("games") {
            "Game"
        } else {
            "Server"
        };
        let reply = client.command(&["DN.SET", name, text, "KIND", kind]);
        assert_eq!(reply, "+OK");
    }
}

fn hex(reply: &str) -> &str {
    let hex = reply.trim_matches('"');
    assert_eq!(hex.len(), 2560, "{reply}");
    hex
}

/// The names in rows of RESP2.
fn names(rows: &str) -> Vec<String> {
    let rows = rows.trim_start_matches('[').trim_end_matches(']');
    let rows = rows.split("], [").filter(|row| !row.is_empty());
    rows.map(|row| row.split(", ").next().expect("a name").replace('"', ""))
        .collect()
}

#[test]
fn a_search_answers_what_is_meant_nearest_first() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    let mut found = |arguments: &[&str]| {
        let rows = client.command(arguments);
        assert!(rows.starts_with('['), "{rows}");
        names(&rows)
    };
    let servers = found(&["RESONATE", "web server", "K", "2"]);
    assert_eq!(servers, ["tools:apache2", "tools:nginx"]);
    assert_eq!(
        found(&["RESONATE", "TEXT", "chess", "K", "1"]),
        ["games:stockfish"]
    );
    let games = found(&["RESONATE", "web server", "KIND", "Game"]);
    assert_eq!(games.len(), 2);
    let games = found(&[
        "RESONATE",
        "web server",
        "UNDER",
        "games",
        "KIND",
        "Game",
        "EXACT",
    ]);
    assert_eq!(games.len(), 2);
    assert_eq!(
        found(&["RESONATE", "web server", "UNDER", "games"]).len(),
        3
    );
    assert_eq!(found(&["RESONATE", "web server", "IN", "fluid"]), [""; 0]);
    assert_eq!(
        found(&["RESONATE", "web server", "THRESHOLD", "0"]),
        [""; 0]
    );
    assert_eq!(
        found(&["RESONATE", "causes", "IN", "surface", "K", "1"]),
        ["CAUSES"]
    );
    let similar = found(&["SIMILAR", "tools:nginx", "K", "100"]);
    assert_eq!(similar[0], "tools:apache2");
    assert!(
        !similar.contains(&"tools:nginx".to_owned()) && similar.len() == 5,
        "{similar:?}"
    );
    assert_eq!(
        found(&["SIMILAR", "TEXT", "powerful chess engine", "K", "1"]),
        ["games:stockfish"]
    );
}

#[test]
fn rows_have_their_form_in_both_protocols() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["DN.SET", "n", "one text"]);
    let bits = client.command(&["ENCODE", "one text"]);
    let z = (5120.0f64 / 50.6).to_string();
    assert_eq!(
        client.command(&["RESONATE", "one text"]),
        format!(r#"[["n", "@8000", :0, "1", "{z}"]]"#)
    );
    client.call("HELLO 3");
    assert_eq!(
        client.command(&["RESONATE", "one text", "WITHFP"]),
        format!(
            r#"[{{"name": "n", "address": "@8000", "distance": :0, "similarity": ,1, "z": ,{z}, "fingerprint": {bits}}}]"#
        )
    );
}

#[test]
fn a_search_sees_every_write_before_it() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for n in 0..50 {
        let text = format!("unrelated{n} words{}", n * 7);
        client.command(&["DN.SET", "n", &text]);
        let row = client.command(&["RESONATE", &text, "K", "1"]);
        assert!(row.starts_with(r#"[["n", "@8000", :0, "#), "{row}");
    }
    client.call("BIND n n");
    assert_eq!(names(&client.command(&["RESONATE", "x"])), ["n"]);
    assert_eq!(names(&client.command(&["RESONATE", "x", "EDGES"])).len(), 2);
    client.call("DN.DEL n");
    assert_eq!(client.command(&["RESONATE", "x", "EDGES"]), "[]");
}

#[test]
fn fingerprints_are_encoded_compared_and_bound() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["DN.SET", "a", "one text"]);
    client.command(&["DN.SET", "b", "another text"]);
    let a = client.call("ENCODE KEY a");
    assert_eq!(client.command(&["ENCODE", "one text", "AS", "hex"]), a);
    assert_eq!(client.command(&["ENCODE", "@8000"]), a);
    assert_eq!(client.command(&["ENCODE", "FP", hex(&a)]), a);
    assert_ne!(client.command(&["ENCODE", "EXACT", "one text"]), a);
    let vector = [1.0f32, -0.5].map(f32::to_le_bytes).concat();
    hex(&client.command(&[&b"ENCODE"[..], b"VECTOR", &vector]));
    hex(&client.command(&["ENCODE", "RECORD", r#"{"name":"Ada","born":1815}"#]));
    client.send_command(&["ENCODE", "one text", "AS", "RAW"]);
    assert!(client.reply().len() > 1280);
    assert_eq!(client.call("HAMMING a a"), ":0");
    let distance = client.command(&["HAMMING", "a", "TEXT", "another text"]);
    assert_eq!(client.call("HAMMING b a"), distance);
    let bound = client.call("XOR a b");
    let again = client.command(&["XOR", "b", "FP", hex(&bound)]);
    assert_eq!(again, a);
    for (command, reply) in [
        ("HAMMING a nobody", "-ERR no such node 'nobody'"),
        (
            "HAMMING a FP 00",
            "-ERR a fingerprint is 1280 bytes or 2560 hex digits, got 2 bytes",
        ),
        ("HAMMING a b c", "-ERR expected nothing more, got 'c'"),
        (
            "ENCODE x AS BASE64",
            "-ERR expected AS HEX or AS RAW, got 'BASE64'",
        ),
        (
            "ENCODE RECORD [1]",
            r#"-ERR expected a JSON object of text, numbers, booleans and lists, such as {"name":"Ada"}, got '[1]'"#,
        ),
        (
            "ENCODE VECTOR abc",
            "-ERR a vector is little-endian f32 components of 4 bytes each, got 3 bytes",
        ),
        (
            "RESONATE x K 0",
            "-ERR expected K to be a whole number from 1 to 65536, got '0'",
        ),
        (
            "RESONATE x K",
            "-ERR expected K to be a whole number from 1 to 65536, got nothing more",
        ),
        (
            "RESONATE x THRESHOLD 10241",
            "-ERR expected THRESHOLD to be a whole number from 0 to 10240, got '10241'",
        ),
        (
            "RESONATE x IN space",
            "-ERR a zone is surface, fluid or node; got 'space'",
        ),
        ("RESONATE x UNDER nobody", "-ERR no such node 'nobody'"),
        (
            "RESONATE x LIMIT 3",
            "-ERR expected K, THRESHOLD, IN, KIND, UNDER, EDGES, EXACT, WITHFP or nothing more, got 'LIMIT'",
        ),
        ("SIMILAR @9000", "-ERR no such node '@9000'"),
        (
            "SIMILAR @90",
            "-ERR an address is '@' and four hex digits, such as @8042; got '@90'; write KEY before a key that begins with @",
        ),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
}

#[test]
fn a_context_restricts_the_searches_of_its_connection_alone() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.connect(), server.connect());
    plant(&mut client);
    assert_eq!(client.call("CONTEXT"), "nil");
    assert_eq!(client.call("CONTEXT games"), "+OK");
    assert_eq!(client.call("CONTEXT"), r#""games""#);
    assert_eq!(names(&client.call("RESONATE web")).len(), 3);
    assert_eq!(names(&client.call("SIMILAR tools:nginx")).len(), 3);
    assert_eq!(client.call("RESONATE web UNDER tools"), "[]");
    assert_eq!(
        names(&client.call("RESONATE web UNDER games:gnuchess")),
        ["games:gnuchess"]
    );
    assert_eq!(names(&other.call("RESONATE web")).len(), 6);
    assert_eq!(client.call("CONTEXT nobody"), "-ERR no such node 'nobody'");
    assert_eq!(client.call("CONTEXT"), r#""games""#);
    other.call("DN.DEL games RECURSIVE");
    assert_eq!(
        client.call("RESONATE web"),
        "-ERR no such node 'games', which is this connection's CONTEXT; CONTEXT NONE ends it"
    );
    assert_eq!(client.call("CONTEXT NONE"), "+OK");
    assert_eq!(names(&client.call("RESONATE web")).len(), 3);
    client.call("CONTEXT tools");
    client.call("RESET");
    assert_eq!(client.call("CONTEXT"), "nil");
}

#[test]
fn searches_answer_the_same_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    let before = client.command(&["RESONATE", "powerful web server", "WITHFP"]);
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let after = server
        .connect()
        .command(&["RESONATE", "powerful web server", "WITHFP"]);
    assert_eq!(before, after);
}
