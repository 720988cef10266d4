//! ENCODE, HAMMING, XOR, RESONATE, MRESONATE, SIMILAR and CONTEXT through the real server.

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
            "-ERR expected K, THRESHOLD, RECALL, EXACT, SPACES, IN, KIND, UNDER, PREFIX, RUNG, EDGES, WITHFP or nothing more, got 'LIMIT'",
        ),
        (
            "RESONATE x RECALL 0.005",
            "-ERR expected RECALL to be a number from 0.01 to 1, got '0.005'",
        ),
        (
            "RESONATE x RECALL NaN",
            "-ERR expected RECALL to be a number from 0.01 to 1, got 'NaN'",
        ),
        (
            "SIMILAR a RECALL",
            "-ERR expected RECALL to be a number from 0.01 to 1, got nothing more",
        ),
        (
            "RESONATE x RECALL 0.9 EXACT",
            "-ERR expected EXACT or RECALL, got both",
        ),
        (
            "RESONATE x RUNG 10",
            "-ERR expected RUNG to be a whole number from 0 to 9, got '10'",
        ),
        (
            "RESONATE x PREFIX",
            "-ERR expected the beginning of a name, got nothing more",
        ),
        (
            "RESONATE x SPACES nowhere",
            "-ERR no such space 'nowhere'; SELECT nowhere makes it",
        ),
        (
            "RESONATE x SPACES 3-1",
            "-ERR expected the lower number of spaces first, got '3-1'",
        ),
        (
            "MRESONATE 0 x",
            "-ERR expected the count to be a whole number from 1 to 65536, got '0'",
        ),
        (
            "MRESONATE 3",
            "-ERR wrong number of arguments for 'mresonate' command",
        ),
        (
            "MRESONATE 3 x K 3",
            "-ERR expected THRESHOLD, RECALL, EXACT, SPACES, IN, KIND, UNDER, PREFIX, RUNG, EDGES, WITHFP or nothing more, got 'K'",
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

#[test]
fn a_batch_answers_what_its_queries_answer_one_by_one() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    let one = client.command(&["RESONATE", "web server", "K", "2"]);
    let two = client.command(&["RESONATE", "exact", "K", "2"]);
    let three = client.command(&["RESONATE", "KEY", "tools:nginx", "K", "2"]);
    let queries = ["web server", "TEXT", "exact", "KEY", "tools:nginx"];
    for options in [&[][..], &["EXACT"], &["RECALL", "0.9"]] {
        let batch = client.command(&[&["MRESONATE", "2"], &queries[..], options].concat());
        assert_eq!(batch, format!("[{one}, {two}, {three}]"));
    }
    let games = client.command(&["MRESONATE", "5", "web", "chess", "KIND", "Game"]);
    assert_eq!(games.matches("games:gnuchess").count(), 2, "{games}");
    assert_eq!(games.matches("tools:").count(), 0, "{games}");
    let many = vec!["x"; 1025];
    assert_eq!(
        client.command(&[&["MRESONATE", "1"], &many[..]].concat()),
        "-ERR expected at most 1024 queries; send the others in another command"
    );
    assert_eq!(
        client.command(&[&["MRESONATE", "65536"], &many[..17]].concat()),
        "-ERR expected at most 1048576 rows, the count times the queries, got 1114112"
    );
    assert_eq!(
        client.command(&["MRESONATE", "1", "x", "KEY", "nobody"]),
        "-ERR no such node 'nobody'"
    );
}

#[test]
fn names_and_rungs_restrict_a_search() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    client.command(&["DN.SET", "tools:secret", "web server", "RUNG", "7"]);
    let mut found = |arguments: &[&str]| names(&client.command(arguments));
    assert_eq!(
        found(&["RESONATE", "web server", "PREFIX", "games:s"]),
        ["games:stockfish"]
    );
    assert_eq!(found(&["RESONATE", "web", "PREFIX", "x"]), [""; 0]);
    assert_eq!(
        found(&["RESONATE", "web server", "K", "1"]),
        ["tools:secret"]
    );
    assert_eq!(
        found(&["RESONATE", "web server", "K", "1", "RUNG", "6"]),
        ["tools:apache2"]
    );
    let verbs = found(&["RESONATE", "x", "IN", "surface", "PREFIX", "IS"]);
    assert_eq!(verbs, ["IS_A"]);
}

#[test]
fn several_spaces_are_searched_together_and_rows_say_which() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.command(&["DN.SET", "n:a", "one text"]);
    client.call("SELECT 3");
    client.command(&["DN.SET", "n:b", "one text"]);
    client.call("SELECT what-if");
    client.command(&["DN.SET", "c", "one text"]);
    let z = (5120.0f64 / 50.6).to_string();
    let row = |name: &str, address: &str, space: &str| {
        format!(r#"["{name}", "{address}", :0, "1", "{z}", "{space}"]"#)
    };
    let search = ["RESONATE", "one text", "THRESHOLD", "0", "SPACES"];
    let mut found = |rest: &[&str]| client.command(&[&search[..], rest].concat());
    let (a, b, c) = (
        row("n:a", "@8001", "0"),
        row("n:b", "@8001", "3"),
        row("c", "@8000", "what-if"),
    );
    assert_eq!(found(&["0-3,what-if,0"]), format!("[{a}, {b}, {c}]"));
    assert_eq!(found(&["what-if,3"]), format!("[{c}, {b}]"));
    assert_eq!(found(&["5"]), "[]");
    assert_eq!(found(&["0-9", "K", "1"]), format!("[{a}]"));
    // A node that only some of them have restricts the search to those.
    assert_eq!(found(&["0-3,what-if", "UNDER", "n:b"]), format!("[{b}]"));
    assert_eq!(found(&["0-3", "UNDER", "m"]), "-ERR no such node 'm'");
    // Operands name nodes of the selected space.
    let similar = client.command(&["SIMILAR", "c", "SPACES", "0,what-if", "THRESHOLD", "0"]);
    assert_eq!(similar, format!("[{a}]"));
    let batch = client.command(&[
        "MRESONATE",
        "9",
        "KEY",
        "c",
        "THRESHOLD",
        "0",
        "SPACES",
        "3",
    ]);
    assert_eq!(batch, format!("[[{b}]]"));
    let unknown = client.command(&["SELECT", "nowhere-yet"]);
    assert_eq!(unknown, "+OK");
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let again = server
        .connect()
        .command(&[&search[..], &["0-3,what-if,0"]].concat());
    assert_eq!(again, format!("[{a}, {b}, {c}]"));
}

#[test]
fn searches_one_after_another_and_mixed_with_other_commands_answer_in_order() {
    let server = Server::start(&[]);
    plant(&mut server.connect());
    // More connections than threads that search, so that they have to leave each other room.
    std::thread::scope(|scope| {
        for number in 0..12 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.connect();
                let own = format!("own:{number}");
                let search = ["RESONATE", "web server", "K", "1", "UNDER", "tools"];
                for round in 0..40 {
                    let value = round.to_string();
                    client.send_command(&search);
                    client.send_command(&["SET", &own, &value]);
                    client.send_command(&["GET", &own]);
                    client.send_command(&search);
                    client.send_command(&search);
                    let found = client.reply();
                    assert!(found.contains("tools:"), "{found}");
                    assert_eq!(client.reply(), "+OK");
                    assert_eq!(client.reply(), format!("\"{value}\""));
                    assert_eq!(
                        (client.reply(), client.reply()),
                        (found.clone(), found.clone())
                    );
                    // One at a time: the thread of the last search is still with the connection.
                    assert_eq!(client.command(&search), found);
                    assert_eq!(client.command(&search), found);
                    assert_eq!(client.call("PING"), "+PONG");
                }
            });
        }
    });
}

#[test]
fn a_client_that_searches_and_leaves_is_forgotten() {
    let server = Server::start(&[]);
    plant(&mut server.connect());
    for _ in 0..20 {
        let mut client = server.connect();
        client.command(&["RESONATE", "web server"]);
    }
    let mut client = server.connect();
    let connected = |client: &mut Connection| {
        let info = client.call("INFO clients");
        info.contains("connected_clients:1\\r\\n") || info.contains("connected_clients:1\r\n")
    };
    let begun = std::time::Instant::now();
    while !connected(&mut client) {
        assert!(begun.elapsed().as_secs() < 30, "they stay");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_batch_whose_client_leaves_ends() {
    let server = Server::start(&["--fsync", "never"]);
    let mut client = server.connect();
    client.command(&["CYPHER", "UNWIND range(1, 20000) AS n CREATE ({n: n})"]);
    let mut spaces = "0".to_owned();
    for fork in 0..40 {
        client.call(&format!("DAG.FORK fork-{fork}"));
        spaces.push_str(&format!(",fork-{fork}"));
    }
    let queries: Vec<String> = (0..1024).map(|n| format!("query {n}")).collect();
    let mut asked = vec!["MRESONATE", "1"];
    asked.extend(queries.iter().map(String::as_str));
    asked.extend(["EXACT", "SPACES", &spaces]);
    let mut leaving = server.connect();
    leaving.send_command(&asked);
    client.wait_for_clients("mresonate", 1);
    drop(leaving);
    client.wait_for_clients("mresonate", 0);
    // It failed: a batch that is searched to its end does not.
    let statistics = client.call("INFO commandstats");
    let of_it = statistics.split("cmdstat_mresonate:").nth(1);
    let line = of_it.and_then(|rest| rest.lines().next());
    assert!(
        line.is_some_and(|line| line.contains("failed_calls=1")),
        "{statistics}"
    );
}
