//! DN.*, CRYSTALLIZE and EVAPORATE through the real server.

use crate::harness::{Connection, Server};

/// A small tree: ada, ada:soul, ada:soul:identity, ada:work.
fn plant(client: &mut Connection) {
    for set in [
        "DN.SET ada:soul:identity mathematician RUNG 3 KIND Person Writer",
        "DN.SET ada:work notes",
    ] {
        assert_eq!(client.call(set), "+OK");
    }
}

#[test]
fn a_path_is_made_with_what_is_above_it_and_read_back() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    for (command, reply) in [
        ("DN.GET ada:soul:identity", r#""mathematician""#),
        ("DN.GET ada", "nil"),
        ("DN.GET nobody", "nil"),
        ("DN.GET KEY ada:work", r#""notes""#),
        ("DN.PARENT ada:soul:identity", r#""ada:soul""#),
        ("DN.PARENT ada", "nil"),
        ("DN.CHILDREN ada", r#"["ada:soul", "ada:work"]"#),
        ("DN.CHILDREN ada:work", "[]"),
        ("DN.ANCESTORS ada:soul:identity", r#"["ada", "ada:soul"]"#),
        ("DN.ANCESTORS ada", "[]"),
        ("DN.SIBLINGS ada:work", r#"["ada:soul"]"#),
        ("DN.SIBLINGS ada", "[]"),
        ("DN.DEPTH ada:soul:identity", ":2"),
        ("DN.RUNG ada:soul:identity", ":3"),
        ("DN.RUNG ada:soul", ":0"),
        (
            "DN.TREE ada",
            r#"[["ada", "@8000", :0], ["ada:soul", "@8001", :1], ["ada:soul:identity", "@8002", :2], ["ada:work", "@8003", :1]]"#,
        ),
        ("DN.TREE ada:soul DEPTH 0", r#"[["ada:soul", "@8001", :0]]"#),
        ("DN.SET ada:work essays", "+OK"),
        ("DN.GET @8003", r#""essays""#),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    client.call("HELLO 3");
    assert_eq!(
        client.call("DN.TREE ada:work"),
        r#"[{"name": "ada:work", "address": "@8003", "depth": :0}]"#
    );
    assert_eq!(client.call("DN.PARENT ada"), "nil");
}

#[test]
fn a_move_takes_the_subtree_and_its_names_along() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    for (command, reply) in [
        ("DN.MOVE ada:soul people:ada:soul", ":2"),
        ("DN.GET people:ada:soul:identity", r#""mathematician""#),
        ("DN.GET ada:soul:identity", "nil"),
        ("DN.PARENT people:ada:soul", r#""people:ada""#),
        ("DN.DEPTH people:ada:soul:identity", ":3"),
        ("DN.CHILDREN ada", r#"["ada:work"]"#),
        ("DN.MOVE people:ada:soul soul", ":2"),
        ("DN.PARENT soul", "nil"),
        ("DN.CHILDREN soul", r#"["soul:identity"]"#),
        ("DN.MOVE soul soul", ":0"),
        (
            "DN.MOVE soul soul:x",
            "-ERR a node cannot be moved below itself",
        ),
        (
            "DN.MOVE soul ada:work",
            "-ERR a node named 'ada:work' is there already",
        ),
        ("DN.MOVE nobody x", "-ERR no such node 'nobody'"),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    // A name that is taken further down leaves everything as it was.
    client.call("DN.SET taken:identity x");
    client.call("DN.MOVE taken:identity mind:identity");
    client.call("DN.DEL mind:identity");
    client.call("DN.DEL mind");
    client.call("SET mind:identity x");
    if client.call("EXISTS mind:identity") == ":1" {
        let refused = client.call("DN.MOVE soul mind");
        assert_eq!(
            refused,
            "-ERR a node named 'mind:identity' is there already"
        );
        assert_eq!(client.call("DN.CHILDREN soul"), r#"["soul:identity"]"#);
    }
}

#[test]
fn a_node_with_children_goes_only_when_they_are_meant_too() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    for (command, reply) in [
        ("DN.DEL nobody", ":0"),
        ("DN.DEL ada:work", ":1"),
        (
            "DN.DEL ada",
            "-ERR ada has children (1); DN.DEL ada RECURSIVE removes them too",
        ),
        (
            "DN.DEL ada RECURSIVELY",
            "-ERR expected RECURSIVE or nothing more, got 'RECURSIVELY'",
        ),
        ("DN.DEL ada RECURSIVE", ":3"),
        ("DN.GET ada:soul:identity", "nil"),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
}

#[test]
fn what_is_no_path_or_node_is_refused_with_what_was_expected() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let path = "-ERR expected a path: names joined by ':', root first, none of them empty, got";
    let deep = vec!["d"; 257].join(":");
    for (command, reply) in [
        ("DN.SET a::b x", format!("{path} 'a::b'")),
        ("DN.SET :a x", format!("{path} ':a'")),
        (
            "DN.SET a x RUNG 10",
            "-ERR expected RUNG to be a whole number from 0 to 9, got '10'".into(),
        ),
        (
            "DN.SET a x SIZE 1",
            "-ERR expected RUNG, KIND or nothing more, got 'SIZE'".into(),
        ),
        (
            "DN.SET a x KIND",
            "-ERR expected a kind, got nothing more".into(),
        ),
        (
            "DN.SET a",
            "-ERR wrong number of arguments for 'dn.set' command".into(),
        ),
        ("DN.PARENT nobody", "-ERR no such node 'nobody'".into()),
        ("DN.CHILDREN @8000", "-ERR no such node '@8000'".into()),
        ("DN.DEPTH #17", "-ERR no such node '#17'".into()),
        ("DN.RUNG a b", "-ERR expected nothing more, got 'b'".into()),
        (
            "DN.TREE TEXT a",
            "-ERR expected a node (KEY name, @8042 or #17), got 'TEXT'".into(),
        ),
        (
            &format!("DN.SET {deep} x"),
            "-ERR a tree is at most 255 levels deep".into(),
        ),
        (
            &format!("DN.SET {} x", "n".repeat(1025)),
            "-ERR a name has at most 1024 bytes; got 1025".into(),
        ),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    // What was refused halfway has left nothing.
    assert_eq!(client.call("DN.GET d"), "nil");
    assert_eq!(client.call("DN.DEPTH d"), "-ERR no such node 'd'");
}

#[test]
fn a_node_moves_between_the_zones_with_all_it_has() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    client.call("LINK ada:soul CAUSES ada:work");
    let fluid = client.call("EVAPORATE ada:soul 100");
    assert!(("\"@1000\"".."\"@8000\"").contains(&&*fluid), "{fluid}");
    for (command, reply) in [
        ("DN.CHILDREN ada", r#"["ada:soul", "ada:work"]"#),
        ("DN.PARENT ada:soul:identity", r#""ada:soul""#),
        (
            "TRAVERSE ada:soul VIA CAUSES",
            r#"[["ada:work", "@8003", :1]]"#,
        ),
        (
            "EVAPORATE ada:soul 0",
            "-ERR expected seconds to be a whole number from 1 to 31536000000, got '0'",
        ),
        ("EVAPORATE nobody 1", "-ERR no such node 'nobody'"),
        ("CRYSTALLIZE nobody", "-ERR no such node 'nobody'"),
    ] {
        assert_eq!(client.call(command), reply, "{command}");
    }
    let node = client.call("CRYSTALLIZE ada:soul");
    assert!(*node >= *"\"@8000\"", "{node}");
    assert_eq!(client.call("CRYSTALLIZE ada:soul"), node);
    client.call("EVAPORATE ada:soul 1");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while client.call("DN.CHILDREN ada") != r#"["ada:work"]"# {
        assert!(std::time::Instant::now() < deadline, "it does not expire");
    }
}

#[test]
fn trees_are_there_after_a_restart() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    plant(&mut client);
    client.call("DN.MOVE ada:soul eve");
    client.call("EVAPORATE ada:work 1000");
    let before = [
        client.call("DN.TREE ada"),
        client.call("DN.TREE eve"),
        client.call("DN.RUNG eve:identity"),
    ];
    let (_, data) = server.stop("-KILL");
    let server = Server::start_in(data, &[]);
    let mut client = server.connect();
    let after = [
        client.call("DN.TREE ada"),
        client.call("DN.TREE eve"),
        client.call("DN.RUNG eve:identity"),
    ];
    assert_eq!(before, after);
}
