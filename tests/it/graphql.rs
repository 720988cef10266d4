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
