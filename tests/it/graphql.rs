//! GRAPHQL through the real server.

use crate::harness::Server;

#[test]
fn a_document_reads_what_commands_wrote_in_the_selected_space() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(client.command(&["SET", "red", "a colour"]), "+OK");
    assert_eq!(client.command(&["HSET", "blue", "hex", "00f"]), ":1");
    assert!(
        client
            .command(&["LINK", "red", "SIMILAR_TO", "blue"])
            .contains('#')
    );
    let document = "query($n: String) { node(name: $n) { value neighbours { nodes { verb target { fields } } } } }";
    let reply = client.command(&["GRAPHQL", document, "VARIABLES", r#"{"n": "red"}"#]);
    for part in ["a colour", "SIMILAR_TO", "00f"] {
        assert!(reply.contains(part), "{part}: {reply}");
    }
    assert_eq!(client.command(&["SELECT", "1"]), "+OK");
    let reply = client.command(&["GRAPHQL", document, "VARIABLES", r#"{"n": "red"}"#]);
    assert!(reply.contains("null"), "{reply}");
}

#[test]
fn arguments_that_are_none_are_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for arguments in [
        &["GRAPHQL", "{ version }", "VARIABLES", "[1]"][..],
        &["GRAPHQL", "{ version }", "VARIABLES"],
        &["GRAPHQL", "{ version }", "NOPE"],
    ] {
        let reply = client.command(arguments);
        assert!(reply.starts_with("-ERR expected"), "{reply}");
    }
    let reply = client.command(&["GRAPHQL", "{ nope }"]);
    assert!(
        reply.contains("errors") && reply.contains("nope"),
        "{reply}"
    );
}

#[test]
fn a_document_whose_client_leaves_ends() {
    let server = Server::start(&[
        "--fsync",
        "never",
        "--graphql-timeout-ms",
        "0",
        "--graphql-complexity-max",
        "1000000",
    ]);
    let mut client = server.connect();
    client.command(&["CYPHER", "UNWIND range(1, 20000) AS n CREATE ({n: n})"]);
    // Each field orders all nodes.
    let field =
        |n| format!("f{n}: nodes(first: 1, orderBy: {{field: \"n\"}}) {{ nodes {{ id }} }}");
    let fields: Vec<String> = (0..10_000).map(field).collect();
    let mut leaving = server.connect();
    leaving.send_command(&["GRAPHQL", &format!("{{ {} }}", fields.join(" "))]);
    client.wait_for_clients("graphql", 1);
    drop(leaving);
    client.wait_for_clients("graphql", 0);
}
