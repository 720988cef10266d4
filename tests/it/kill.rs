//! Kills the real server while clients write, many times, and looks for everything it had acknowledged.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::harness::{Connection, Server};

const WRITERS: usize = 3;
/// How often the server dies under each fsync policy.
const ROUNDS: u64 = 15;
/// Keys of each kind that a writer uses in turn.
const KEYS: u64 = 12;

/// What a writer did to something: the last number acknowledged, and the last sent.
#[derive(Clone, Copy, Default)]
pub struct Written {
    pub acknowledged: u64,
    pub sent: u64,
}

impl Written {
    /// What is found after a restart is what was acknowledged, or something later that was sent; and it is what there
    /// is to keep.
    pub fn check(&mut self, what: &str, found: u64) {
        let Self { acknowledged, sent } = *self;
        assert!(
            (acknowledged..=sent).contains(&found),
            "{what}: found {found}, acknowledged {acknowledged}, sent {sent}"
        );
        (self.acknowledged, self.sent) = (found, found);
    }
}

/// A client that writes rising numbers, over all lives of the server.
#[derive(Default)]
struct Writer {
    name: usize,
    number: u64,
    values: BTreeMap<String, Written>,
    fields: BTreeMap<String, Written>,
    blocks: BTreeMap<String, Written>,
    links: Written,
}

/// Commands as they are sent, one after another.
pub fn request(commands: &[Vec<String>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for words in commands {
        bytes.extend(format!("*{}\r\n", words.len()).into_bytes());
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
        }
    }
    bytes
}

/// A command by its words.
pub fn words(command: &str) -> Vec<String> {
    command.split(' ').map(str::to_owned).collect()
}

/// The number that a command answers, or 0 if there is none.
pub fn number(client: &mut Connection, command: &str) -> u64 {
    let reply = client.call(command);
    let digits = reply.trim_matches('"');
    digits.parse().unwrap_or_else(|_| {
        assert_eq!(reply, "nil", "{command}");
        0
    })
}

/// `ladybug check` finds nothing wrong with what a server has left.
pub fn check_directory(data: &Path) {
    let checked = Command::new(env!("CARGO_BIN_EXE_ladybug"))
        .arg("check")
        .arg(data)
        .output()
        .expect("ladybug starts");
    assert!(checked.status.success(), "{checked:?}");
}

impl Writer {
    /// Writes until the server is gone.
    fn write(&mut self, client: &mut Connection) {
        while self.write_one(client).is_some() {}
    }

    /// One write; `None` when the server is gone, and nobody knows whether it was done.
    fn write_one(&mut self, client: &mut Connection) -> Option<()> {
        self.number += 1;
        let (name, number) = (self.name, self.number);
        let key = number / 4 % KEYS;
        let (commands, written) = match number % 4 {
            0 => {
                let key = format!("value:{name}:{key}");
                let commands = vec![words(&format!("SET {key} {number}"))];
                (commands, self.values.entry(key).or_default())
            }
            1 => {
                let key = format!("fields:{name}:{key}");
                let commands = vec![words(&format!("HSET {key} n {number}"))];
                (commands, self.fields.entry(key).or_default())
            }
            2 => {
                let key = format!("block:{name}:{key}");
                let set = format!("SET {key}:a {number}");
                let hset = format!("HSET {key}:b n {number}");
                let brief = format!("SET {key}:c {number} EX 10000");
                let commands = ["MULTI", &set, &hset, &brief, "EXEC"].map(words);
                (commands.to_vec(), self.blocks.entry(key).or_default())
            }
            _ => {
                let commands = vec![words(&format!("LINK hub:{name} RELATES hub:{name}"))];
                (commands, &mut self.links)
            }
        };
        let is_link = number % 4 == 3;
        let sent = if is_link { written.sent + 1 } else { number };
        written.sent = sent;
        client.try_send(&request(&commands))?;
        for _ in &commands {
            let reply = client.try_reply()?;
            assert!(!reply.starts_with('-'), "{reply}");
        }
        written.acknowledged = if is_link {
            written.acknowledged + 1
        } else {
            number
        };
        Some(())
    }

    /// Everything acknowledged is there, nothing is that was not sent, and blocks are whole. What is there now
    /// is what there is to keep.
    fn verify(&mut self, client: &mut Connection) {
        for (key, written) in &mut self.values {
            written.check(key, number(client, &format!("GET {key}")));
        }
        for (key, written) in &mut self.fields {
            written.check(key, number(client, &format!("HGET {key} n")));
        }
        for (key, written) in &mut self.blocks {
            let commands = [
                format!("GET {key}:a"),
                format!("HGET {key}:b n"),
                format!("GET {key}:c"),
            ];
            let found = commands.map(|command| number(client, &command));
            assert_eq!(found, [found[0]; 3], "half of the block {key}");
            written.check(key, found[0]);
        }
        let rows = client.call(&format!("FANOUT hub:{}", self.name));
        let links = rows.matches("RELATES").count() as u64;
        self.links.check("links", links);
    }
}

/// Rounds of load that end with a signal, each followed by a start that finds everything.
fn survive(fsync: &str, signals: &[&str], rounds: u64) -> u64 {
    let flags = ["--fsync", fsync, "--io-threads", "2"];
    let mut server = Server::start(&flags);
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|name| Writer {
            name,
            ..Writer::default()
        })
        .collect();
    for writer in &writers {
        let hub = format!("SET hub:{} x", writer.name);
        assert_eq!(server.connect().call(&hub), "+OK");
    }
    for round in 0..rounds {
        let signal = signals[round as usize % signals.len()];
        let clients: Vec<_> = writers.iter().map(|_| server.connect()).collect();
        let (status, data) = thread::scope(|scope| {
            for (writer, mut client) in writers.iter_mut().zip(clients) {
                scope.spawn(move || writer.write(&mut client));
            }
            // Moments of all kinds: 5 to 160 ms after the start.
            thread::sleep(Duration::from_millis(5 + round * 7919 % 156));
            server.stop(signal)
        });
        if signal == "-TERM" {
            assert_eq!(status.code(), Some(0), "a graceful end");
        }
        server = Server::start_in(data, &flags);
        let mut client = server.connect();
        for writer in &mut writers {
            writer.verify(&mut client);
        }
    }
    let (status, data) = server.stop("-TERM");
    assert!(status.success());
    check_directory(data.path());
    writers.iter().map(|writer| writer.number).sum()
}

#[test]
fn what_was_acknowledged_survives_sigkill() {
    for fsync in ["always", "everysec", "never"] {
        let written = survive(fsync, &["-KILL"], ROUNDS);
        assert!(written > 10 * ROUNDS, "{fsync}: {written}");
    }
}

#[test]
fn everything_survives_sigterm() {
    survive("everysec", &["-TERM", "-KILL", "-TERM"], 6);
}
