//! Ladybug and Redis: a server each, and clients that send the transfer as MULTI, DECRBY, INCRBY, EXEC in one write.
//!
//! All clients are connections of one thread with one `epoll`, as those of redis-benchmark and pgbench are.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

use crate::process::{Process, free_port, output};
use crate::report::Counts;
use crate::transfer::{ACCOUNTS, BALANCE, Transfer, Transfers};
use crate::{Contender, Result};

const EVENTS_MAX: usize = 1024;
/// +OK, +QUEUED, +QUEUED, *2 and the two balances.
const REPLY_LINES: usize = 6;
const REPLY_START: &[u8] = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:";

/// One of the two servers.
pub struct Server {
    is_ladybug: bool,
    binary: String,
    directory: PathBuf,
    running: Option<(Process, u16)>,
    counts: Option<Counts>,
}

impl Server {
    pub fn ladybug(directory: PathBuf) -> Result<Self> {
        let binary =
            std::env::var("LADYBUG_BIN").map_err(|_| "LADYBUG_BIN is not set: use run.sh")?;
        Self::new(true, binary, directory)
    }

    pub fn redis(directory: PathBuf) -> Result<Self> {
        Self::new(false, String::from("redis-server"), directory)
    }

    fn new(is_ladybug: bool, binary: String, directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory)?;
        Ok(Self {
            is_ladybug,
            binary,
            directory,
            running: None,
            counts: None,
        })
    }

    fn port(&self) -> u16 {
        self.running.as_ref().expect("it was started").1
    }

    /// The numbers of Ladybug's log, from the first to the last that `INFO` gives by these names.
    fn log_numbers<const N: usize>(&self, names: [&str; N]) -> Result<[u64; N]> {
        let mut connection = Connection::open(self.port())?;
        let info = connection.bulk(&["INFO", "persistence"])?;
        let number = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|number| number.parse().ok())
                .ok_or_else(|| format!("INFO does not tell {name}"))
        };
        let mut numbers = [0; N];
        for (value, name) in numbers.iter_mut().zip(names) {
            *value = number(name)?;
        }
        Ok(numbers)
    }
}

impl Contender for Server {
    fn name(&self) -> &'static str {
        if self.is_ladybug { "ladybug" } else { "redis" }
    }

    fn about(&self) -> Result<String> {
        let version = output(Command::new(&self.binary).arg("--version"))?;
        let version = version.split(" sha").next().unwrap_or_default();
        let settings = if self.is_ladybug {
            "--fsync always"
        } else {
            "--appendonly yes --appendfsync always, no rewrites"
        };
        Ok(format!(
            "{version}, {settings}; MULTI DECRBY INCRBY EXEC in one write"
        ))
    }

    fn start(&mut self) -> Result<()> {
        let is_new = fs::read_dir(&self.directory)?.next().is_none();
        let port = free_port()?;
        let mut command = Command::new(&self.binary);
        command.args(["--port", &port.to_string()]);
        if self.is_ladybug {
            command.args(["--http-port", "0", "--fsync", "always", "--data"]);
            command.arg(&self.directory);
        } else {
            command.args([
                "--save",
                "",
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ]);
            command.args(["--auto-aof-rewrite-percentage", "0", "--dir"]);
            command.arg(&self.directory);
        }
        self.running = Some((Process::start(&mut command, port)?, port));
        let mut connection = Connection::open(port)?;
        connection.await_ready()?;
        if is_new {
            connection.fill()?;
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let (process, _) = self.running.take().expect("it was started");
        process.end("-TERM")
    }

    fn run(&mut self, clients: usize, duration: Duration, seed: u64) -> Result<f64> {
        const NUMBERS: [&str; 4] = ["log_position", "log_bytes", "log_writes", "log_syncs"];
        let before = self
            .is_ladybug
            .then(|| self.log_numbers(NUMBERS))
            .transpose()?;
        let rate = load(self.port(), clients, duration, seed)?;
        self.counts = None;
        if let Some(before) = before {
            let after = self.log_numbers(NUMBERS)?;
            let [commits, bytes, writes, syncs] =
                std::array::from_fn(|at| after[at] as f64 - before[at] as f64);
            self.counts = Some(Counts {
                bytes_a_commit: bytes / commits,
                commits_a_write: commits / writes,
                commits_a_sync: commits / syncs,
            });
        }
        Ok(rate)
    }

    fn balances(&mut self) -> Result<Vec<i64>> {
        Connection::open(self.port())?.balances()
    }

    fn counts(&self) -> Option<Counts> {
        self.counts
    }
}

fn encode(request: &mut Vec<u8>, words: &[&str]) {
    request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

fn encode_transfer(request: &mut Vec<u8>, transfer: Transfer) {
    let [from, to] = [transfer.from, transfer.to].map(account);
    let amount = transfer.amount.to_string();
    request.clear();
    encode(request, &["MULTI"]);
    encode(request, &["DECRBY", &from, &amount]);
    encode(request, &["INCRBY", &to, &amount]);
    encode(request, &["EXEC"]);
}

fn account(number: u64) -> String {
    format!("account:{number:05}")
}

/// One of the clients: its socket, and what has come of the reply to the transfer it has sent.
struct Client {
    stream: mio::net::TcpStream,
    reply: Vec<u8>,
}

impl Client {
    /// Sends a transfer. It is small and alone on its way, so the socket takes it whole.
    fn send(&mut self, request: &[u8]) -> Result<()> {
        self.reply.clear();
        match self.stream.write(request)? {
            bytes if bytes == request.len() => Ok(()),
            _ => Err("a socket took half of a transfer".into()),
        }
    }

    /// Reads what has come; whether the reply is whole.
    fn receive(&mut self) -> Result<bool> {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err("the server hung up".into()),
                Ok(count) => self.reply.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            let lines = self.reply.iter().filter(|byte| **byte == b'\n').count();
            if lines >= REPLY_LINES {
                if lines == REPLY_LINES && self.reply.starts_with(REPLY_START) {
                    return Ok(true);
                }
                return Err(String::from_utf8_lossy(&self.reply).into());
            }
        }
    }
}

/// Has clients make transfers, each the next when the last is answered; answers commits a second.
fn load(port: u16, count: usize, duration: Duration, seed: u64) -> Result<f64> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(EVENTS_MAX);
    let mut clients = Vec::new();
    for index in 0..count {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, Token(index), Interest::READABLE)?;
        let reply = Vec::with_capacity(256);
        clients.push(Client { stream, reply });
    }
    let mut transfers = Transfers::new(seed);
    let mut request = Vec::new();
    let start = Instant::now();
    for client in &mut clients {
        encode_transfer(&mut request, transfers.draw());
        client.send(&request)?;
    }
    let (mut commits, mut waiting) = (0_u64, count);
    while waiting > 0 {
        poll.poll(&mut events, None)?;
        let is_over = start.elapsed() >= duration;
        for event in &events {
            let client = &mut clients[event.token().0];
            while client.receive()? {
                commits += 1;
                if is_over {
                    waiting -= 1;
                    break;
                }
                encode_transfer(&mut request, transfers.draw());
                client.send(&request)?;
            }
        }
    }
    Ok(commits as f64 / start.elapsed().as_secs_f64())
}

/// A connection for what is not measured.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect((
            "127.0.0.1",
            port,
        ))?)))
    }

    fn send(&mut self, words: &[&str]) -> Result<()> {
        let mut request = Vec::new();
        encode(&mut request, words);
        Ok(self.0.get_mut().write_all(&request)?)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// A reply that is a bulk string.
    fn bulk(&mut self, words: &[&str]) -> Result<String> {
        self.send(words)?;
        self.bulk_reply()
    }

    fn bulk_reply(&mut self) -> Result<String> {
        let line = self.line()?;
        let length: usize = line.strip_prefix('$').ok_or(&*line)?.parse()?;
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(String::from_utf8(bytes)?)
    }

    /// Redis accepts connections before it has loaded its file.
    fn await_ready(&mut self) -> Result<()> {
        loop {
            self.send(&["PING"])?;
            match &*self.line()? {
                "+PONG" => return Ok(()),
                line if line.starts_with("-LOADING") => {
                    std::thread::sleep(Duration::from_millis(5))
                }
                line => return Err(line.into()),
            }
        }
    }

    fn fill(&mut self) -> Result<()> {
        let balance = BALANCE.to_string();
        let accounts: Vec<_> = (0..ACCOUNTS).map(account).collect();
        let mut words = vec!["MSET"];
        words.extend(accounts.iter().flat_map(|account| [&**account, &*balance]));
        self.send(&words)?;
        match &*self.line()? {
            "+OK" => Ok(()),
            line => Err(line.into()),
        }
    }

    fn balances(&mut self) -> Result<Vec<i64>> {
        let accounts: Vec<_> = (0..ACCOUNTS).map(account).collect();
        let mut words = vec!["MGET"];
        words.extend(accounts.iter().map(|account| &**account));
        self.send(&words)?;
        self.line()?;
        (0..ACCOUNTS)
            .map(|_| Ok(self.bulk_reply()?.parse()?))
            .collect()
    }
}
