//! Kills the real server while clients commit transactions, of DAG.BEGIN to DAG.COMMIT and of MULTI over two spaces, many
//! times: after each start every acknowledged commit is there, none is there by half, and versions go on.
//!
//! `LADYBUG_TEST_KILLS=200` is the long mode.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use super::harness::{Connection, Server};
use super::kill::{Written, check_directory, number, request, words};

/// Kills of one run, over all fsync policies, unless the variable says how many.
const KILLS: u64 = 21;
/// Blocks that a writer uses in turn.
const BLOCKS: u64 = 8;
/// Every so many DAG transactions also count in a node that all writers share.
const SHARED_EVERY: u64 = 3;

/// How a writer makes its transactions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dag,
    Multi,
}

/// A client that commits, over all lives of the server.
struct Writer {
    kind: Kind,
    name: usize,
    number: u64,
    /// Blocks of nodes that get the same number in one commit.
    blocks: BTreeMap<String, Written>,
    /// How many it has committed, which the server counts too.
    commits: Written,
    /// How many of them the shared node has counted since the last start.
    shared: Written,
    /// The versions of acknowledged commits in this life.
    versions: Vec<u64>,
}

/// How a transaction ended, if the server told.
enum End {
    Committed(Option<u64>),
    Refused,
}

/// Sends a command, and reads its reply; `None` when the server is gone.
fn call(client: &mut Connection, command: &str) -> Option<String> {
    client.try_send(&request(&[words(command)]))?;
    client.try_reply()
}

impl Writer {
    fn new(kind: Kind, name: usize) -> Self {
        Self {
            kind,
            name,
            number: 0,
            blocks: BTreeMap::new(),
            commits: Written::default(),
            shared: Written::default(),
            versions: Vec::new(),
        }
    }

    /// Commits until the server is gone.
    fn write(&mut self, client: &mut Connection) {
        while self.write_one(client).is_some() {}
    }

    /// One transaction; `None` when the server is gone, and nobody knows whether it was done.
    fn write_one(&mut self, client: &mut Connection) -> Option<()> {
        self.number += 1;
        let block = format!("block:{}:{}", self.name, self.number % BLOCKS);
        let is_shared = self.kind == Kind::Dag && self.number.is_multiple_of(SHARED_EVERY);
        let before = self.blocks.get(&block).copied().unwrap_or_default();
        let attempted = Written {
            sent: self.number,
            ..before
        };
        self.blocks.insert(block.clone(), attempted);
        self.commits.sent += 1;
        self.shared.sent += u64::from(is_shared);
        let end = match self.kind {
            Kind::Dag => self.dag(client, &block, is_shared)?,
            Kind::Multi => self.multi(client, &block)?,
        };
        match end {
            End::Committed(version) => {
                self.versions.extend(version);
                let done = Written {
                    acknowledged: self.number,
                    sent: self.number,
                };
                self.blocks.insert(block, done);
                self.commits.acknowledged += 1;
                self.shared.acknowledged += u64::from(is_shared);
            }
            End::Refused => {
                self.blocks.insert(block, before);
                self.commits.sent -= 1;
                self.shared.sent -= u64::from(is_shared);
            }
        }
        Some(())
    }

    /// Writes two nodes, counts, and turns the edge of its hub on or off.
    fn dag(&self, client: &mut Connection, block: &str, is_shared: bool) -> Option<End> {
        let (name, number) = (self.name, self.number);
        let id = call(client, "DAG.BEGIN")?.trim_matches('"').to_owned();
        let counter = format!("count:{name}");
        let mut counters = vec![counter];
        counters.extend(is_shared.then(|| String::from("shared")));
        let mut is_linked = false;
        for counter in counters {
            let found = call(client, &format!("DAG.READ {id} {counter}"))?;
            let count: u64 = found.trim_matches('"').parse().unwrap_or(0);
            if counter != "shared" {
                is_linked = count % 2 == 1;
            }
            let write = format!("DAG.WRITE {id} {counter} {}", count + 1);
            assert_eq!(call(client, &write)?, "+OK");
        }
        for half in ["a", "b"] {
            let write = format!("DAG.WRITE {id} {block}:{half} {number}");
            assert_eq!(call(client, &write)?, "+OK");
        }
        let verb = if is_linked { "UNLINK" } else { "LINK" };
        let edge = call(
            client,
            &format!("DAG.{verb} {id} hub:{name} RELATES hub:{name}"),
        )?;
        assert!(!edge.starts_with('-'), "{edge}");
        let reply = call(client, &format!("DAG.COMMIT {id}"))?;
        match reply.strip_prefix(':') {
            Some(version) => Some(End::Committed(version.parse().ok())),
            None => {
                assert!(is_shared && reply.starts_with("-CONFLICT "), "{reply}");
                Some(End::Refused)
            }
        }
    }

    /// Writes a node and counts in each of two spaces.
    fn multi(&self, client: &mut Connection, block: &str) -> Option<End> {
        let (name, number) = (self.name, self.number);
        let commands = [
            "MULTI",
            "SELECT 0",
            &format!("SET {block} {number}"),
            &format!("INCR count:{name}"),
            "SELECT 1",
            &format!("HSET {block} n {number}"),
            &format!("INCR count:{name}"),
            "EXEC",
        ];
        client.try_send(&request(&commands.map(words)))?;
        for _ in commands {
            let reply = client.try_reply()?;
            assert!(!reply.contains('-'), "{reply}");
        }
        Some(End::Committed(None))
    }

    /// Everything acknowledged is there, and nothing by half.
    fn verify(&mut self, client: &mut Connection) {
        let name = self.name;
        let count = number(client, &format!("GET count:{name}"));
        self.commits.check(&format!("count:{name}"), count);
        if self.kind == Kind::Dag {
            let edges = client.call(&format!("FANOUT hub:{name}"));
            let edges = edges.matches("RELATES").count() as u64;
            assert_eq!(edges, count % 2, "after {count} commits of {name}");
        } else {
            let in_one = in_space_1(client, |client| {
                number(client, &format!("GET count:{name}"))
            });
            assert_eq!(in_one, count, "commits in the two spaces");
        }
        for (block, written) in &mut self.blocks {
            let halves = if self.kind == Kind::Dag {
                ["a", "b"].map(|half| number(client, &format!("GET {block}:{half}")))
            } else {
                let in_zero = number(client, &format!("GET {block}"));
                let in_one =
                    in_space_1(client, |client| number(client, &format!("HGET {block} n")));
                [in_zero, in_one]
            };
            assert_eq!(halves[0], halves[1], "half of {block}");
            written.check(block, halves[0]);
        }
    }
}

fn in_space_1<R>(client: &mut Connection, f: impl FnOnce(&mut Connection) -> R) -> R {
    assert_eq!(client.call("SELECT 1"), "+OK");
    let result = f(client);
    assert_eq!(client.call("SELECT 0"), "+OK");
    result
}

/// What all lives of a server have in common.
#[derive(Default)]
struct Lives {
    /// Versions of acknowledged DAG commits.
    versions: BTreeSet<u64>,
    /// How many commits the shared node counted at the last start.
    shared: u64,
    /// A transaction that was under way when the server died.
    open: Option<String>,
}

impl Lives {
    /// Takes what the writers were told in the life that ended: no version twice, none that an earlier life had.
    fn end(&mut self, writers: &mut [Writer]) {
        let last = self.versions.last().copied().unwrap_or(0);
        for version in writers
            .iter_mut()
            .flat_map(|writer| writer.versions.drain(..))
        {
            assert!(version > last, "version {version} comes after {last}");
            assert!(
                self.versions.insert(version),
                "version {version} was given out twice"
            );
        }
    }

    fn verify(&mut self, writers: &mut [Writer], client: &mut Connection) {
        let mut shared = Written {
            acknowledged: self.shared,
            sent: self.shared,
        };
        for writer in writers {
            writer.verify(client);
            shared.acknowledged += writer.shared.acknowledged;
            shared.sent += writer.shared.sent;
            writer.shared = Written::default();
        }
        self.shared = number(client, "GET shared");
        shared.check("shared", self.shared);
        if let Some(id) = self.open.take() {
            assert!(
                client
                    .call(&format!("DAG.COMMIT {id}"))
                    .starts_with("-NOTXN ")
            );
        }
        assert_eq!(client.call("EXISTS never"), ":0");
        let id = client.call("DAG.BEGIN").trim_matches('"').to_owned();
        assert_eq!(client.call(&format!("DAG.WRITE {id} never {id}")), "+OK");
        self.open = Some(id);
    }
}

/// So many kills under load; answers how many commits were acknowledged in all.
fn survive(fsync: &str, kills: u64) -> u64 {
    let flags = ["--fsync", fsync, "--io-threads", "2"];
    let mut server = Server::start(&flags);
    let mut writers: Vec<_> = [Kind::Dag, Kind::Multi, Kind::Dag, Kind::Multi]
        .into_iter()
        .enumerate()
        .map(|(name, kind)| Writer::new(kind, name))
        .collect();
    for writer in &writers {
        let hub = format!("SET hub:{} x", writer.name);
        assert_eq!(server.connect().call(&hub), "+OK");
    }
    let mut lives = Lives::default();
    for kill in 0..kills {
        lives.verify(&mut writers, &mut server.connect());
        let clients: Vec<_> = writers.iter().map(|_| server.connect()).collect();
        let (_, data) = thread::scope(|scope| {
            for (writer, mut client) in writers.iter_mut().zip(clients) {
                scope.spawn(move || writer.write(&mut client));
            }
            // Moments of all kinds: 5 to 160 ms after the start.
            thread::sleep(Duration::from_millis(5 + kill * 7919 % 156));
            server.stop("-KILL")
        });
        lives.end(&mut writers);
        server = Server::start_in(data, &flags);
    }
    lives.verify(&mut writers, &mut server.connect());
    let (status, data) = server.stop("-TERM");
    assert!(status.success());
    check_directory(data.path());
    assert!(lives.shared > 0, "no shared commit came through");
    writers
        .iter()
        .map(|writer| writer.commits.acknowledged)
        .sum()
}

#[test]
fn transactions_survive_sigkill_whole() {
    let kills =
        std::env::var("LADYBUG_TEST_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let policies = ["always", "everysec", "never"];
    let each = kills.div_ceil(policies.len() as u64);
    for fsync in policies {
        let committed = survive(fsync, each);
        assert!(
            committed > 10 * each,
            "{fsync}: {committed} commits in {each} lives"
        );
    }
}
