//! Single commands on one key, from several clients at once: there is an order in which each takes place at one moment
//! between its request and its reply, under every fsync policy.

use std::thread;
use std::time::Instant;

use super::differential::client::{Client, Value};
use super::harness::Server;
use super::isolation::search::{Call, is_linearizable};
use super::random::{self, Random};

const CLIENTS: u64 = 5;
/// Commands of each client in one history.
const COMMANDS: usize = 40;
/// Histories under each policy, each on a key of its own.
const HISTORIES: u64 = 30;

/// A command on the key, which is absent or a number.
#[derive(Debug, Clone, Copy)]
enum Command {
    Get,
    Set(i64),
    /// SET NX: the compare-and-set that Redis has.
    SetNew(i64),
    /// GETSET: the old value and the new in one.
    Swap(i64),
    Increment,
    Delete,
}

/// A command with its reply, and when it was under way.
#[derive(Debug)]
struct Called {
    command: Command,
    reply: Value,
    invoked: u64,
    completed: u64,
}

impl Command {
    fn draw(random: &mut Random) -> Self {
        let number = random.below(1_000) as i64;
        match random.below(9) {
            0..3 => Self::Get,
            3 => Self::Set(number),
            4 => Self::SetNew(number),
            5 => Self::Swap(number),
            6 | 7 => Self::Increment,
            _ => Self::Delete,
        }
    }

    fn words(self, key: &str) -> Vec<String> {
        let line = match self {
            Self::Get => format!("GET {key}"),
            Self::Set(number) => format!("SET {key} {number}"),
            Self::SetNew(number) => format!("SET {key} {number} NX"),
            Self::Swap(number) => format!("GETSET {key} {number}"),
            Self::Increment => format!("INCR {key}"),
            Self::Delete => format!("DEL {key}"),
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// What it must answer, and leave.
    fn execute(self, before: Option<i64>) -> (Value, Option<i64>) {
        let ok = Value::Simple(String::from("OK"));
        let bulk = |number: Option<i64>| {
            number.map_or(Value::Nil, |number| {
                Value::Bulk(number.to_string().into_bytes())
            })
        };
        match self {
            Self::Get => (bulk(before), before),
            Self::Set(number) => (ok, Some(number)),
            Self::SetNew(_) if before.is_some() => (Value::Nil, before),
            Self::SetNew(number) => (ok, Some(number)),
            Self::Swap(number) => (bulk(before), Some(number)),
            Self::Increment => {
                let after = before.unwrap_or_default() + 1;
                (Value::Integer(after), Some(after))
            }
            Self::Delete => (Value::Integer(i64::from(before.is_some())), None),
        }
    }
}

impl Call for Called {
    type State = Option<i64>;

    fn apply(&self, state: &Self::State) -> Option<Self::State> {
        let (reply, after) = self.command.execute(*state);
        (reply == self.reply).then_some(after)
    }

    fn invoked(&self) -> u64 {
        self.invoked
    }

    fn completed(&self) -> u64 {
        self.completed
    }
}

/// Has all clients send random commands on one key at once.
fn record(clients: &mut [Client], key: &str, seed: u64) -> Vec<Called> {
    let start = Instant::now();
    let now = || u64::try_from(start.elapsed().as_nanos()).expect("tests are short");
    thread::scope(|scope| {
        let running: Vec<_> = clients
            .iter_mut()
            .zip(0..)
            .map(|(client, number)| {
                let mut random = Random(seed.wrapping_add(number << 48));
                scope.spawn(move || {
                    let mut calls = Vec::new();
                    for _ in 0..COMMANDS {
                        let command = Command::draw(&mut random);
                        let words = command.words(key);
                        let invoked = now();
                        let reply = client.call(&words);
                        let completed = now();
                        calls.push(Called {
                            command,
                            reply,
                            invoked,
                            completed,
                        });
                    }
                    calls
                })
            })
            .collect();
        let join =
            |client: thread::ScopedJoinHandle<'_, Vec<Called>>| client.join().expect("no panic");
        running.into_iter().flat_map(join).collect()
    })
}

#[test]
fn commands_on_one_key_are_linearizable() {
    for fsync in ["always", "everysec", "never"] {
        let server = Server::start(&["--fsync", fsync, "--io-threads", "2"]);
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Client::open(server.port)).collect();
        for seed in random::seeds(HISTORIES) {
            let history = record(&mut clients, &format!("key:{seed}"), seed);
            assert!(
                is_linearizable(&history),
                "LADYBUG_TEST_SEED={seed}: --fsync {fsync}: no order explains {history:#?}"
            );
        }
    }
}

/// A call by its command, reply and times.
fn called(command: Command, reply: Value, invoked: u64, completed: u64) -> Called {
    Called {
        command,
        reply,
        invoked,
        completed,
    }
}

#[test]
fn what_no_order_explains_is_found() {
    let one = || Value::Bulk(b"1".to_vec());
    let ok = || Value::Simple(String::from("OK"));
    let set = |invoked, completed| called(Command::Set(1), ok(), invoked, completed);
    let get = |reply, invoked, completed| called(Command::Get, reply, invoked, completed);
    let new = |number, reply, invoked, completed| {
        called(Command::SetNew(number), reply, invoked, completed)
    };
    let right = [
        vec![],
        vec![set(0, 3), get(Value::Nil, 1, 2), get(one(), 1, 2)],
        vec![set(0, 9), get(Value::Nil, 1, 2), get(one(), 3, 4)],
        vec![
            new(1, ok(), 0, 9),
            new(2, Value::Nil, 0, 9),
            get(one(), 1, 2),
        ],
    ];
    for history in right {
        assert!(is_linearizable(&history), "{history:?}");
    }
    let wrong = [
        // A stale read, a read of what was not yet sent, and one that goes back.
        vec![set(0, 1), get(Value::Nil, 2, 3)],
        vec![get(one(), 0, 1), set(2, 3)],
        vec![set(0, 9), get(one(), 1, 2), get(Value::Nil, 3, 4)],
        // Two that both were first, and an increment that got lost.
        vec![new(1, ok(), 0, 9), new(2, ok(), 0, 9)],
        vec![
            called(Command::Increment, Value::Integer(1), 0, 9),
            called(Command::Increment, Value::Integer(1), 0, 9),
        ],
    ];
    for history in wrong {
        assert!(!is_linearizable(&history), "{history:?}");
    }
}
