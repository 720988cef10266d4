//! COMMAND and the real redis-cli on top of it.

use super::harness::Server;

#[test]
fn redis_cli_speaks_both_versions() {
    let server = Server::start(&[]);
    assert_eq!(server.redis_cli(&["ping"]), "PONG\n");
    assert_eq!(server.redis_cli(&["-3", "ping", "x"]), "x\n");
    assert!(
        server
            .redis_cli(&["-3", "--no-raw", "hello"])
            .contains("3# \"proto\" => (integer) 3")
    );
    assert!(
        server
            .redis_cli(&["info", "server"])
            .contains("ladybug_version:")
    );
    assert!(
        server
            .redis_cli(&["-3", "info", "server"])
            .contains("\r\nladybug_version:")
    );
}

#[test]
fn redis_cli_reads_the_documentation() {
    let server = Server::start(&[]);
    let docs = server.redis_cli(&["command", "docs", "client|kill"]);
    assert!(
        docs.contains("Closes connections") && docs.contains("SKIPME"),
        "{docs}"
    );
}

#[test]
fn every_command_is_described_and_documented() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("HELLO 3");
    let count: usize = client.call("COMMAND COUNT")[1..].parse().expect("a count");
    assert_eq!(client.call("COMMAND LIST").matches('"').count(), 2 * count);
    let docs = client.call("COMMAND DOCS");
    for field in [
        "\"summary\":",
        "\"since\":",
        "\"group\":",
        "\"complexity\":",
    ] {
        assert!(docs.matches(field).count() >= count, "{field}");
    }
    let info = client.call("COMMAND INFO publish nope client|id");
    assert!(
        info.starts_with("[[\"publish\", :3, ~[+pubsub, +loading, +fast], :0, :0, :0, "),
        "{info}"
    );
    assert!(info.contains("], nil, [\"client|id\", :2, "), "{info}");
    assert_eq!(
        client.call("COMMAND LIST FILTERBY PATTERN client|i*"),
        "[\"client|id\", \"client|info\"]"
    );
    assert_eq!(
        client
            .call("COMMAND LIST FILTERBY ACLCAT transaction")
            .matches('"')
            .count(),
        10
    );
}

#[test]
fn info_has_sections() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let info = client.call("INFO");
    for heading in [
        "# Server",
        "# Clients",
        "# Memory",
        "# Stats",
        "# Replication",
        "# CPU",
        "# Errorstats",
    ] {
        assert!(info.contains(heading), "{heading} in {info}");
    }
    assert!(!info.contains("# Commandstats"));
    client.call("NOPE");
    assert!(
        client
            .call("INFO errorstats")
            .contains("errorstat_ERR:count=1")
    );
    let stats = client.call("INFO commandstats server");
    assert!(
        stats.contains("cmdstat_info:calls=2,") && stats.contains("# Server"),
        "{stats}"
    );
    client.call("CONFIG RESETSTAT");
    assert!(
        client
            .call("INFO commandstats")
            .contains("cmdstat_config|resetstat:calls=1,")
    );
}
