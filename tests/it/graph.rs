//! LINK, UNLINK, BIND, UNBIND, FANOUT, FANIN, TRAVERSE and verbs through the real server.

use crate::harness::{Connection, Server};

/// Nodes a, b, c and d at @8000 to @8003.
fn plant(client: &mut Connection) {
    for name in ["a", "b", "c", "d"] {
        assert_eq!(client.call(&format!("DN.SET {name} text-of-{name}")), "+OK");
    }
}

#[test]
fn edges_are_made_listed_walked_and_removed() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    let id = client.call("LINK a CAUSES b WEIGHT 0.7 TRUTH 0.9,0.8");
    assert!(id.starts_with("\"#"), "{id}");
    let parallel = client.call("LINK a causes b");
    assert_ne!(id, parallel);
    client.call("LINK @8001 CAUSES KEY c");
    client.call("LINK c CAUSES a");
    client.call("LINK b RELATES d");
    let first = format!(r#"["b", "@8001", "CAUSES", {id}, "0.7", "0.9,0.8"]"#);
    let second = format!(r#"["b", "@8001", "CAUSES", {parallel}, "1", "1,0.9"]"#);
    assert_eq!(client.call("FANOUT a"), format!("[{first}, {second}]"));
    assert_eq!(
        client.call("FANOUT b VIA @0709"),
        client.call("FANOUT b VIA RELATES")
    );
    assert!(
        client
            .call("FANIN b VIA CAUSES")
            .starts_with(r#"[["a", "@8000", "CAUSES""#)
    );
    assert_eq!(client.call("FANIN b VIA RELATES"), "[]");
    for (command, reply) in [
        (
            "TRAVERSE a VIA CAUSES",
            r#"[["b", "@8001", :1], ["c", "@8002", :2]]"#,
        ),
        ("TRAVERSE a VIA CAUSES DEPTH 1", r#"[["b", "@8001", :1]]"#),
        ("TRAVERSE a LIMIT 1 VIA CAUSES", r#"[["b", "@8001", :1]]"#),
        ("UNLINK a CAUSES b", ":2"),
        ("UNLINK a CAUSES b", ":0"),
        ("TRAVERSE a VIA CAUSES", "[]"),
        ("UNLINK KEY b RELATES @8003", ":1"),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    client.call("HELLO 3");
    let id = client.call("LINK d CAUSES b");
    assert_eq!(
        client.call("FANOUT d"),
        format!(
            r#"[{{"name": "b", "address": "@8001", "verb": "CAUSES", "id": {id}, "weight": ,1, "truth": "1,0.9"}}]"#
        )
    );
    assert_eq!(
        client.call("TRAVERSE d VIA CAUSES DEPTH 1"),
        r#"[{"name": "b", "address": "@8001", "depth": :1}]"#
    );
}

#[test]
fn what_cannot_be_linked_is_refused_with_what_to_do() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    let edge = client.call("BIND a b").replace('"', "");
    let plain = client.call("LINK a CAUSES b").replace('"', "");
    for (command, reply) in [
        (
            "LINK a CAUSES nobody",
            "-ERR no such node 'nobody'".to_owned(),
        ),
        ("LINK nobody CAUSES a", "-ERR no such node 'nobody'".into()),
        (
            "LINK a DEPENDS_ON b",
            "-ERR no such verb 'DEPENDS_ON'; CAM.VERBS.DEFINE DEPENDS_ON takes an open slot for it"
                .into(),
        ),
        (
            "LINK a CAUSES b WEIGHT x",
            "-ERR expected WEIGHT to be a finite number, got 'x'".into(),
        ),
        (
            "LINK a CAUSES b TRUTH 1,1",
            "-ERR a truth is 'f,c' with f in 0..1 and c between 0 and 1, both excluded; got '1,1'"
                .into(),
        ),
        (
            "LINK a CAUSES b AS c",
            "-ERR expected WEIGHT, TRUTH or nothing more, got 'AS'".into(),
        ),
        (
            &format!("LINK a CAUSES {edge}"),
            format!("-ERR expected a node (KEY name, @8042 or #17), and {edge} is an edge"),
        ),
        (
            "FANOUT a OVER CAUSES",
            "-ERR expected VIA or nothing more, got 'OVER'".into(),
        ),
        (
            "TRAVERSE a DEPTH 1",
            "-ERR expected VIA and a verb, got none".into(),
        ),
        (
            "TRAVERSE a VIA CAUSES DEPTH 0",
            "-ERR expected DEPTH to be a whole number from 1 to 4294967295, got '0'".into(),
        ),
        (
            "CAM.VERBS.DEFINE 1ST",
            "-ERR a verb is a word of letters, digits and _ - . :, of at most 128 bytes, that begins with a letter or _; got '1ST'"
                .into(),
        ),
        (
            &format!("UNBIND {plain} a"),
            format!(
                "-ERR edge {plain} has no fingerprint to unbind; BIND makes edges that have one"
            ),
        ),
        (
            &format!("UNBIND {edge} c"),
            format!("-ERR expected an end of edge {edge}, and c is neither"),
        ),
        ("UNBIND a b", "-ERR no such edge a".into()),
        ("UNBIND #999 b", "-ERR no such edge #999".into()),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    // A verb that is a key too could mean either.
    client.call("DN.SET CAUSES x");
    assert_eq!(
        client.call("UNLINK a CAUSES b"),
        "-ERR 'CAUSES' is a verb and a key: write DEL to remove keys, and the verb as @0700 to remove edges"
    );
    assert_eq!(client.call("UNLINK a @0700 b"), ":1");
}

#[test]
fn an_edge_gives_back_either_end_also_after_one_has_changed() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    client.call("CAM.VERBS.DEFINE KNOWS");
    let edge = client.call("BIND a b VIA KNOWS").replace('"', "");
    assert!(edge.starts_with('@'), "{edge}");
    for round in 0..2 {
        for (known, other, address) in [
            ("a", "b", "@8001"),
            ("b", "a", "@8000"),
            ("@8000", "b", "@8001"),
        ] {
            let row = client.call(&format!("UNBIND {edge} {known}"));
            let bits = client.call(&format!("ENCODE KEY {other}"));
            let start = format!(r##"["{other}", "{address}", "#"##);
            assert!(row.starts_with(&start), "round {round}: {}", &row[..60]);
            assert!(row.ends_with(&format!(":0, {bits}]")), "round {round}");
        }
        client.call(&format!("DN.SET a changed-in-round-{round}"));
    }
    // A fingerprint of one's own stands for the end that it is nearer to.
    let bits = client.call("ENCODE KEY a").replace('"', "");
    let row = client.call(&format!("UNBIND {edge} FP {bits}"));
    assert!(row.starts_with(r#"["b", "@8001""#) && row.contains(", :0, "));
    client.call("HELLO 3");
    let row = client.call(&format!("UNBIND {edge} b"));
    assert!(
        row.starts_with(r#"{"name": "a", "address": "@8000", "id": "#),
        "{}",
        &row[..60]
    );
    client.call("HELLO 2");
    client.call("DN.DEL b");
    assert_eq!(
        client.call(&format!("UNBIND {edge} a")),
        format!("-ERR no such node '{edge}'")
    );
}

#[test]
fn edges_and_verbs_are_there_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    assert_eq!(client.call("CAM.VERBS.DEFINE DEPENDS_ON"), r#""@0790""#);
    assert_eq!(client.call("CAM.VERBS.DEFINE DEPENDS_ON"), r#""@0790""#);
    client.call("LINK a DEPENDS_ON b WEIGHT 0.25");
    client.call("LINK b DEPENDS_ON c");
    client.call("LINK a CAUSES d");
    client.call("UNLINK a CAUSES d");
    let edge = client.call("BIND c d VIA DEPENDS_ON").replace('"', "");
    let ask = |client: &mut Connection| {
        [
            client.call("FANOUT a"),
            client.call("TRAVERSE a VIA DEPENDS_ON"),
            client.call(&format!("UNBIND {edge} c")),
            client.call("CAM.VERBS.DEFINE DEPENDS_ON"),
        ]
    };
    let before = ask(&mut client);
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    assert_eq!(ask(&mut server.connect()), before);
}
