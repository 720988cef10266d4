//! The same random command histories, sent to Debian's redis-server and to Ladybug, get the same
//! replies: keys, strings, hashes, MULTI blocks; right and wrong arguments, types and arities.
//!
//! `LADYBUG_TEST_SEED=n` repeats one history; a failure prints its seed and the commands before it.
//! What is meant to differ is in `docs/redis.md` and left out or compared loosely by `commands`.

pub mod client;
mod commands;

use client::{Client, Value};
use commands::{Generator, Loosely, Request};

use super::harness::{Redis, Server};
use super::random;

/// Commands of one history.
const COMMANDS: usize = 250;
/// Histories of one test run.
const HISTORIES: u64 = 60;

/// One client at each server, and what it has sent.
struct Pair {
    ours: Client,
    theirs: Client,
    seed: u64,
    sent: Vec<String>,
}

impl Pair {
    fn call(&mut self, arguments: &[Vec<u8>]) -> (Value, Value) {
        let words = arguments.iter().map(|word| word.escape_ascii().to_string());
        self.sent.push(words.collect::<Vec<_>>().join(" "));
        (self.ours.call(arguments), self.theirs.call(arguments))
    }

    fn compare(&self, how: Loosely, ours: &Value, theirs: &Value) {
        if !how.are_alike(ours, theirs) {
            let first = self.sent.len().saturating_sub(40);
            panic!(
                "LADYBUG_TEST_SEED={}: after\n  {}\nladybug answers {ours:?}\nredis   answers \
                 {theirs:?}",
                self.seed,
                self.sent[first..].join("\n  ")
            );
        }
    }

    fn run(&mut self, request: &Request) {
        if let Some(scan) = &request.scan {
            return self.scan_all(request, *scan);
        }
        let (ours, theirs) = self.call(&request.arguments);
        self.compare(request.how, &ours, &theirs);
    }

    /// Follows the cursors of a scan to the end at both, and compares all that was found.
    fn scan_all(&mut self, request: &Request, cursor_at: usize) {
        let words = request
            .arguments
            .iter()
            .map(|word| word.escape_ascii().to_string());
        self.sent.push(words.collect::<Vec<_>>().join(" "));
        let ours = self.ours.scan_all(&request.arguments, cursor_at);
        let theirs = self.theirs.scan_all(&request.arguments, cursor_at);
        self.compare(request.how, &ours, &theirs);
    }

    /// A transaction, with every reply inside compared as it would be outside.
    fn run_transaction(&mut self, requests: &[Request], end: &str) {
        let (ours, theirs) = self.call(&[b"MULTI".to_vec()]);
        self.compare(Loosely::Exactly, &ours, &theirs);
        let mut queued = Vec::new();
        for request in requests {
            let (ours, theirs) = self.call(&request.arguments);
            self.compare(Loosely::Exactly, &ours, &theirs);
            if ours == Value::Simple("QUEUED".into()) {
                queued.push(request.how);
            }
        }
        match self.call(&[end.as_bytes().to_vec()]) {
            (Value::Array(ours), Value::Array(theirs)) => {
                assert_eq!((ours.len(), theirs.len()), (queued.len(), queued.len()));
                for ((ours, theirs), how) in ours.iter().zip(&theirs).zip(queued) {
                    self.compare(how, ours, theirs);
                }
            }
            (ours, theirs) => self.compare(Loosely::Exactly, &ours, &theirs),
        }
    }
}

#[test]
fn random_histories_are_answered_as_redis_answers_them() {
    let (server, redis) = (Server::start(&["--fsync", "never"]), Redis::start());
    for seed in random::seeds(HISTORIES) {
        let mut pair = Pair {
            ours: Client::open(server.port),
            theirs: Client::open(redis.port),
            seed,
            sent: Vec::new(),
        };
        pair.run(&Request::exactly(["FLUSHALL"]));
        let mut generator = Generator::new(seed);
        let mut sent = 0;
        while sent < COMMANDS {
            if generator.chance(20) {
                let block = generator.block();
                let end = if generator.chance(8) {
                    "DISCARD"
                } else {
                    "EXEC"
                };
                sent += block.len() + 2;
                pair.run_transaction(&block, end);
            } else {
                sent += 1;
                pair.run(&generator.request());
            }
        }
    }
}

/// What anybody can see of the first two spaces.
fn everything(client: &mut Client) -> Vec<String> {
    let mut seen = Vec::new();
    for space in ["0", "1"] {
        client.call(&["SELECT", space]);
        let Value::Array(mut keys) = client.call(&["KEYS", "*"]) else {
            panic!("KEYS answers no array");
        };
        keys.sort();
        for key in keys {
            let Value::Bulk(key) = key else {
                panic!("{key:?} is no key")
            };
            let ask = |command: &str| [command.as_bytes().to_vec(), key.clone()];
            let kind = client.call(&ask("TYPE"));
            let content = match &kind {
                Value::Simple(kind) if kind == "string" => client.call(&ask("GET")),
                _ => client.call(&ask("HGETALL")),
            };
            let expires = client.call(&ask("PEXPIRETIME"));
            seen.push(format!("{space} {key:?} {kind:?} {content:?} {expires:?}"));
        }
    }
    client.call(&["SELECT", "0"]);
    seen
}

#[test]
fn after_a_kill_and_a_restart_every_effect_is_there() {
    let mut server = Server::start(&["--fsync", "everysec"]);
    for seed in random::seeds(4) {
        let mut generator = Generator::new(seed);
        let mut client = Client::open(server.port);
        client.call(&["SELECT", "0"]);
        // Now and then the last commands are FLUSHALL and few others.
        let mut before = Vec::new();
        while before.is_empty() {
            for _ in 0..COMMANDS {
                client.call(&generator.request().arguments);
            }
            before = everything(&mut client);
        }
        let (_, data) = server.stop("-KILL");
        server = Server::start_in(data, &["--fsync", "everysec"]);
        let after = everything(&mut Client::open(server.port));
        assert_eq!(before, after, "LADYBUG_TEST_SEED={seed}");
    }
}

/// Events of every command that has one, in Redis's order and under Redis's names.
#[test]
fn keyspace_notifications_are_those_of_redis() {
    let (server, redis) = (Server::start(&["--fsync", "never"]), Redis::start());
    let told = |port: u16| {
        let (mut listener, mut client) = (Client::open(port), Client::open(port));
        client.call(&["CONFIG", "SET", "notify-keyspace-events", "KEA$nm"]);
        listener.call(&["PSUBSCRIBE", "__key*__:*"]);
        for line in commands::EVENTFUL {
            client.call(&line.split(' ').collect::<Vec<_>>());
        }
        client.call(&["PUBLISH", "__keyend__:", "end"]);
        let mut messages = Vec::new();
        loop {
            let message = listener.read();
            let is_last = matches!(&message, Value::Array(parts) if parts.last() == Some(&Value::Bulk(b"end".to_vec())));
            if is_last {
                return messages;
            }
            messages.push(message);
        }
    };
    let (ours, theirs) = (told(server.port), told(redis.port));
    for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "message {at}");
    }
    assert_eq!(ours.len(), theirs.len());
}

/// What expires is gone at once for every command, and its event follows.
#[test]
fn what_has_expired_is_gone_at_once() {
    let (server, redis) = (Server::start(&["--fsync", "never"]), Redis::start());
    let mut pair = Pair {
        ours: Client::open(server.port),
        theirs: Client::open(redis.port),
        seed: 0,
        sent: Vec::new(),
    };
    for line in [
        "SET a 1 PX 30",
        "HSET h f v",
        "PEXPIRE h 30",
        "SET b 1",
        "SET c 1 PXAT 1",
    ] {
        pair.run(&Request::words(line));
    }
    std::thread::sleep(std::time::Duration::from_millis(60));
    for line in [
        "GET a",
        "EXISTS a h b c",
        "KEYS *",
        "TYPE h",
        "TTL a",
        "HGET h f",
        "RENAME a b",
        "SETNX a 2",
        "HSETNX h f w",
        "INCR c",
        "GET a",
        "HGETALL h",
        "TTL a",
        "TTL h",
        "TTL c",
        "GETDEL b",
        "RANDOMKEY",
        "OBJECT ENCODING b",
    ] {
        let mut request = Request::words(line);
        if line == "RANDOMKEY" {
            request.how = Loosely::BothOrNeither;
        }
        pair.run(&request);
    }
}
