//! Publish and subscribe, and MONITOR.

use super::harness::Server;

#[test]
fn messages_reach_channels_and_patterns() {
    let server = Server::start(&[]);
    let (mut by_name, mut by_pattern, mut publisher) =
        (server.connect(), server.connect(), server.connect());
    assert_eq!(
        by_name.call("SUBSCRIBE news"),
        "[\"subscribe\", \"news\", :1]"
    );
    assert_eq!(
        by_pattern.call("PSUBSCRIBE n*"),
        "[\"psubscribe\", \"n*\", :1]"
    );
    assert_eq!(publisher.call("PUBLISH news hi"), ":2");
    assert_eq!(by_name.reply(), "[\"message\", \"news\", \"hi\"]");
    assert_eq!(
        by_pattern.reply(),
        "[\"pmessage\", \"n*\", \"news\", \"hi\"]"
    );
    assert_eq!(publisher.call("PUBSUB CHANNELS"), "[\"news\"]");
    assert_eq!(publisher.call("PUBSUB CHANNELS x*"), "[]");
    assert_eq!(
        publisher.call("PUBSUB NUMSUB news other"),
        "[\"news\", :1, \"other\", :0]"
    );
    assert_eq!(publisher.call("PUBSUB NUMPAT"), ":1");
    assert_eq!(
        by_name.call("UNSUBSCRIBE"),
        "[\"unsubscribe\", \"news\", :0]"
    );
    assert_eq!(publisher.call("PUBLISH news hi"), ":1");
    drop(by_pattern);
    for _ in 0..200 {
        if publisher.call("PUBLISH news hi") == ":0" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("who has gone still receives");
}

#[test]
fn in_resp3_messages_are_pushes_and_commands_still_work() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.call("HELLO 3");
    assert_eq!(client.call("SUBSCRIBE a"), ">[\"subscribe\", \"a\", :1]");
    // To oneself: the message comes before the reply, as in Redis.
    assert_eq!(client.call("PUBLISH a x"), ">[\"message\", \"a\", \"x\"]");
    assert_eq!(client.reply(), ":1");
    assert_eq!(client.call("PING"), "+PONG");
}

#[test]
fn many_threads_lose_no_message() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut subscribers: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for subscriber in &mut subscribers {
        subscriber.call("SUBSCRIBE c");
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let mut publisher = server.connect();
            scope.spawn(move || {
                for _ in 0..500 {
                    assert_eq!(publisher.call("PUBLISH c m"), ":4");
                }
            });
        }
        for subscriber in &mut subscribers {
            scope.spawn(|| {
                for _ in 0..2000 {
                    assert_eq!(subscriber.reply(), "[\"message\", \"c\", \"m\"]");
                }
            });
        }
    });
}

#[test]
fn monitor_shows_commands_but_no_secrets() {
    let server = Server::start(&["--password", "s3cret"]);
    let (mut watcher, mut client) = (server.connect(), server.connect());
    watcher.call("AUTH s3cret");
    assert_eq!(watcher.call("MONITOR"), "+OK");
    client.call("AUTH s3cret");
    client.command(&["ECHO", "a\"b\n"]);
    let lines = [watcher.reply(), watcher.reply()];
    assert!(
        lines[0].ends_with("] \"AUTH\" \"(redacted)\""),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].ends_with("] \"ECHO\" \"a\\\"b\\n\""),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains(" [0 127.0.0.1:"), "{}", lines[1]);
}

#[test]
fn the_slow_log_keeps_what_took_long() {
    let server = Server::start(&["--slowlog-log-slower-than", "0", "--slowlog-max-len", "2"]);
    let mut client = server.connect();
    client.call("ECHO one");
    client.call("ECHO two");
    assert_eq!(client.call("SLOWLOG LEN"), ":2");
    let log = client.call("SLOWLOG GET 1");
    assert!(log.contains("[\"SLOWLOG\", \"LEN\"]"), "{log}");
    assert_eq!(client.call("CONFIG SET slowlog-log-slower-than -1"), "+OK");
    client.call("SLOWLOG RESET");
    client.call("ECHO three");
    assert_eq!(client.call("SLOWLOG LEN"), ":0");
}
