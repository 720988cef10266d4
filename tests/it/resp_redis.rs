//! The same requests to the real redis-server and to Ladybug are answered alike: connection,
//! transactions, publish and subscribe, parameters, and every refusal.

use super::harness::{Redis, Server};

/// Sends each conversation to both, over a new connection, and compares all replies.
fn compare(conversations: &[&[&str]]) {
    let (server, redis) = (Server::start(&[]), Redis::start());
    for conversation in conversations {
        let (mut ours, mut theirs) = (server.connect(), redis.connect());
        for command in *conversation {
            for client in [&mut ours, &mut theirs] {
                client.send(command.as_bytes());
                client.send(b"\r\n");
            }
            let replies = if command.is_empty() {
                0
            } else {
                replies_of(command)
            };
            for _ in 0..replies {
                assert_eq!(
                    ours.try_reply(),
                    theirs.try_reply(),
                    "{command} in {conversation:?}"
                );
            }
        }
        // Nothing is left over: both answer one more question alike.
        for client in [&mut ours, &mut theirs] {
            client.send(b"QUIT\r\n");
        }
        assert_eq!(
            ours.try_reply(),
            theirs.try_reply(),
            "QUIT after {conversation:?}"
        );
    }
}

/// How many replies a command has; only subscriptions have several.
fn replies_of(command: &str) -> usize {
    let words: Vec<&str> = command.split_whitespace().collect();
    if words
        .first()
        .is_some_and(|word| word.to_lowercase().ends_with("subscribe"))
    {
        (words.len() - 1).max(1)
    } else {
        1
    }
}

#[test]
fn connection_commands() {
    compare(&[
        &[
            "PING",
            "ping hello",
            "PING a b",
            "ECHO",
            "ECHO x",
            "ECHO x y",
            "",
        ],
        &[
            "FOO",
            "foo bar baz",
            "\"\"",
            "GETT 'a b' \"\\xff\"",
            "CLIENT",
            "CLIENT FOO",
            "CLIENT FOO a",
        ],
        &[
            "HELLO 4",
            "HELLO x",
            "HELLO 3 FOO",
            "HELLO 3 SETNAME",
            "HELLO 2 SETNAME a\\ b",
        ],
        &[
            "HELLO 3 AUTH default",
            "HELLO 3 AUTH x y",
            "AUTH",
            "AUTH x",
            "AUTH x y",
            "AUTH a b c",
        ],
        &["AUTH default anything", "PING"],
        &[
            "CLIENT GETNAME",
            "CLIENT SETNAME x",
            "CLIENT GETNAME",
            "CLIENT SETNAME \"a b\"",
        ],
        &[
            "CLIENT SETNAME x",
            "CLIENT SETNAME \"\"",
            "CLIENT GETNAME",
            "CLIENT GETNAME x",
        ],
        &[
            "CLIENT REPLY x",
            "CLIENT REPLY ON",
            "CLIENT REPLY",
            "CLIENT NO-EVICT on",
        ],
        &["CLIENT NO-EVICT x", "CLIENT NO-EVICT off"],
        &[
            "CLIENT KILL 1.2.3.4:5",
            "CLIENT KILL ID x",
            "CLIENT KILL ID 0",
            "CLIENT KILL ID 99999",
        ],
        &[
            "CLIENT KILL TYPE x",
            "CLIENT KILL FOO bar",
            "CLIENT KILL ID",
            "CLIENT KILL ID 1 ADDR",
        ],
        &[
            "CLIENT KILL SKIPME x",
            "CLIENT KILL USER nobody",
            "CLIENT KILL ADDR 1.2.3.4:5",
        ],
        &[
            "CLIENT LIST x",
            "CLIENT LIST TYPE x",
            "CLIENT LIST TYPE",
            "CLIENT LIST ID x",
        ],
        &[
            "CLIENT LIST ID",
            "CLIENT LIST ID 0",
            "CLIENT LIST ID 99999",
            "CLIENT LIST TYPE replica",
        ],
        &["RESET", "MULTI", "RESET", "EXEC"],
        &["QUIT"],
    ]);
}

#[test]
fn transactions() {
    compare(&[
        &["EXEC", "DISCARD", "MULTI", "MULTI", "PING", "EXEC", "EXEC"],
        &["MULTI", "PING", "ECHO x", "EXEC"],
        &["MULTI", "EXEC"],
        &["MULTI", "PING", "DISCARD", "EXEC"],
        &["MULTI", "FOO", "PING", "EXEC", "PING"],
        &["MULTI", "ECHO", "EXEC"],
        &["MULTI", "CLIENT FOO", "EXEC"],
        &["MULTI", "AUTH x", "PING", "EXEC"],
        &["MULTI", "CONFIG SET timeout x", "ECHO after", "EXEC"],
        &["MULTI", "MULTI", "PING", "EXEC"],
        &["MULTI x", "EXEC x", "DISCARD x"],
        &["MULTI", "SUBSCRIBE a", "PING", "EXEC"],
        &["MULTI", "HELLO 9", "PING", "EXEC"],
    ]);
}

#[test]
fn publish_and_subscribe() {
    compare(&[
        &[
            "PUBLISH",
            "PUBLISH a",
            "PUBLISH a b",
            "PUBLISH a b c",
            "SUBSCRIBE",
            "PSUBSCRIBE",
        ],
        &[
            "SUBSCRIBE a a b",
            "UNSUBSCRIBE a c",
            "PUNSUBSCRIBE",
            "UNSUBSCRIBE b",
            "UNSUBSCRIBE",
        ],
        &[
            "SUBSCRIBE a",
            "PSUBSCRIBE a* b*",
            "PUNSUBSCRIBE a*",
            "UNSUBSCRIBE a",
            "PUNSUBSCRIBE b*",
        ],
        &[
            "SUBSCRIBE a",
            "ECHO x",
            "EXEC",
            "PING",
            "PING x",
            "MULTI",
            "CLIENT ID",
            "HELLO 3",
            "RESET",
            "PING",
        ],
        &["SUBSCRIBE a", "QUIT"],
        &[
            "HELLO 3 FOO",
            "PUBSUB",
            "PUBSUB FOO",
            "PUBSUB CHANNELS",
            "PUBSUB CHANNELS a b",
        ],
        &[
            "PUBSUB NUMSUB",
            "PUBSUB NUMSUB a b",
            "PUBSUB NUMPAT",
            "PUBSUB NUMPAT x",
        ],
        &["PSUBSCRIBE [a-c]x", "PUBSUB NUMPAT"],
    ]);
}

#[test]
fn parameters() {
    compare(&[
        &[
            "CONFIG",
            "CONFIG FOO",
            "CONFIG GET",
            "CONFIG GET nothing",
            "CONFIG GET timeout",
        ],
        &["CONFIG GET SAVE", "CONFIG GET slowlog-*-len"],
        &[
            "CONFIG SET",
            "CONFIG SET timeout",
            "CONFIG SET foo 1",
            "CONFIG SET timeout 1 foo 1",
        ],
        &[
            "CONFIG SET timeout x",
            "CONFIG SET timeout -1",
            "CONFIG SET timeout 99999999999",
        ],
        &[
            "CONFIG SET timeout 5 timeout 6",
            "CONFIG SET timeout 5 maxclients",
            "CONFIG GET timeout",
        ],
        &[
            "CONFIG SET timeout 5 slowlog-max-len x",
            "CONFIG GET timeout",
            "CONFIG SET TIMEOUT 7",
        ],
        &["CONFIG SET timeout 0", "CONFIG SET protected-mode maybe"],
        &[
            "CONFIG SET notify-keyspace-events q",
            "CONFIG SET notify-keyspace-events KEA",
        ],
        &[
            "CONFIG GET notify-keyspace-events",
            "CONFIG SET notify-keyspace-events Kmgx$n",
        ],
        &[
            "CONFIG GET notify-keyspace-events",
            "CONFIG SET notify-keyspace-events \"\"",
        ],
        &[
            "CONFIG GET notify-keyspace-events",
            "CONFIG RESETSTAT",
            "CONFIG RESETSTAT x",
        ],
        &[
            "SLOWLOG",
            "SLOWLOG FOO",
            "SLOWLOG GET x",
            "SLOWLOG GET -2",
            "SLOWLOG GET -1",
            "SLOWLOG LEN",
        ],
        &[
            "SLOWLOG RESET",
            "SLOWLOG LEN x",
            "SLOWLOG GET 1 2",
            "TIME x",
        ],
        &[
            "SHUTDOWN x",
            "SHUTDOWN SAVE NOSAVE",
            "SHUTDOWN ABORT",
            "SHUTDOWN ABORT NOW",
        ],
        &["INFO nothing", "MULTI", "SHUTDOWN", "EXEC"],
    ]);
}

#[test]
fn commands_about_commands() {
    compare(&[
        &[
            "COMMAND FOO",
            "COMMAND COUNT x",
            "COMMAND GETKEYS",
            "COMMAND GETKEYS PING x",
            "COMMAND GETKEYS MULTI x",
            "COMMAND GETKEYS RENAME x",
            "COMMAND GETKEYS MEMORY USAGE",
        ],
        &[
            "COMMAND GETKEYS GET",
            "COMMAND GETKEYS NOPE",
            "COMMAND GETKEYS NOPE a",
            "COMMAND GETKEYS ECHO a",
            "COMMAND INFO nope",
            "COMMAND DOCS nope",
        ],
        &[
            "COMMAND LIST FILTERBY",
            "COMMAND LIST FILTERBY FOO x",
            "COMMAND LIST FILTERBY MODULE x",
        ],
        &[
            "COMMAND LIST FILTERBY PATTERN ping",
            "COMMAND LIST FILTERBY ACLCAT nope",
        ],
        &[
            "COMMAND LIST FILTERBY PATTERN pin[f-h] x",
            "COMMAND LIST FOO",
        ],
    ]);
}

#[test]
fn protocol_errors() {
    for request in [
        "*x\r\n",
        "*1\r\n$x\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\nx\r\n",
        "\"a\r\n",
        "'a\r\n",
        "*-1\r\n*0\r\n\r\nPING\r\nQUIT\r\n",
        "*2147483648\r\n",
        "*1\r\n$999999999999\r\n",
    ] {
        let (server, redis) = (Server::start(&[]), Redis::start());
        let (mut ours, mut theirs) = (server.connect(), redis.connect());
        ours.send(request.as_bytes());
        theirs.send(request.as_bytes());
        loop {
            let (our_reply, their_reply) = (ours.try_reply(), theirs.try_reply());
            assert_eq!(our_reply, their_reply, "{request:?}");
            if our_reply.is_none() {
                break;
            }
        }
    }
}
