//! Starts the real `ladybug` (or the real `redis-server`) on a free port with a data directory of
//! its own, and talks RESP to it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; ends with the value.
pub struct Server {
    pub port: u16,
    pub child: Child,
    /// What has been logged before it was ready.
    pub log: String,
    data: TempDir,
}

impl Server {
    /// Starts `ladybug serve` with these flags added.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary directory"), flags)
    }

    /// The same, on a data directory that exists.
    pub fn start_in(data: TempDir, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ladybug"));
        command.args([
            "serve",
            "--port",
            "0",
            "--http-port",
            "0",
            "--log-format",
            "json",
            "--data",
        ]);
        command.arg(data.path());
        if cfg!(feature = "flight") {
            command.args(["--flight-port", "0"]);
        }
        command.args(flags).stderr(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LADYBUG_")) {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("ladybug starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut log = String::new();
        let port = loop {
            let before = log.len();
            let bytes = lines.read_line(&mut log).expect("the log is text");
            assert_ne!(bytes, 0, "ladybug ended before it was ready:\n{log}");
            let line: serde_json::Value =
                serde_json::from_str(&log[before..]).expect("a JSON line");
            if line["fields"]["message"] == "ready to accept connections" {
                let port = line["fields"]["port"]
                    .as_u64()
                    .expect("the port is a number");
                break u16::try_from(port).expect("it is a port");
            }
        };
        // Whoever logs into a pipe that nobody reads blocks one day.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self {
            port,
            child,
            log,
            data,
        }
    }

    /// A connection that speaks RESP2.
    pub fn connect(&self) -> Connection {
        Connection::open(self.port)
    }

    /// Runs redis-cli with these arguments; answers what it prints.
    pub fn redis_cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let output: Output = Command::new("redis-cli")
            .args(["-p", &port])
            .args(arguments)
            .output()
            .expect("redis-cli is installed (apt-get install redis-tools)");
        String::from_utf8(output.stdout).expect("redis-cli prints text")
    }

    /// Sends a signal; answers the exit status.
    pub fn stop(mut self, signal: &str) -> (std::process::ExitStatus, TempDir) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args([signal, &id])
            .status()
            .expect("kill is there");
        assert!(status.success());
        let status = self.wait();
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().expect("a directory"));
        (status, data)
    }

    /// Waits for the server to end by itself.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's redis-server, to compare with.
pub struct Redis {
    pub port: u16,
    child: Child,
    _directory: TempDir,
}

impl Redis {
    /// Starts it without persistence.
    pub fn start() -> Self {
        // It cannot choose a port by itself: find a free one, and try again if somebody takes it.
        for _ in 0..10 {
            let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = probe.local_addr().expect("it is bound").port();
            drop(probe);
            let directory = tempfile::tempdir().expect("a temporary directory");
            let mut child = Command::new("redis-server")
                .args([
                    "--port",
                    &port.to_string(),
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                ])
                .arg(directory.path())
                .stdout(Stdio::null())
                .spawn()
                .expect("redis-server is installed (apt-get install redis-server)");
            let deadline = Instant::now() + PATIENCE;
            while child.try_wait().expect("it is our child").is_none() && Instant::now() < deadline
            {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self {
                        port,
                        child,
                        _directory: directory,
                    };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("redis-server does not start");
    }

    /// A connection that speaks RESP2.
    pub fn connect(&self) -> Connection {
        Connection::open(self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A RESP connection that shows replies as text.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a valid timeout");
        stream.set_nodelay(true).expect("a socket option");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream
            .get_mut()
            .write_all(bytes)
            .expect("the server reads");
    }

    /// Ends the client's side, and answers what the server still sends.
    pub fn end(mut self) -> String {
        let ended = self.stream.get_ref().shutdown(Shutdown::Write);
        ended.expect("a connection");
        let mut answer = String::new();
        let read = self.stream.read_to_string(&mut answer);
        read.expect("the server answers and closes");
        answer
    }

    /// Waits until the clients that run a command are so many.
    pub fn wait_for_clients(&mut self, command: &str, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = self.call("CLIENT LIST");
            if list.matches(&format!("cmd={command} ")).count() == count {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "expected {count} {command}: {list}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends bytes to a server that may be gone; `None` if it is.
    pub fn try_send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.get_mut().write_all(bytes).ok()
    }

    /// Sends one command.
    pub fn send_command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.send(&request);
    }

    /// Sends one command written as words, and reads its reply.
    pub fn call(&mut self, command: &str) -> String {
        self.send_command(&command.split(' ').collect::<Vec<_>>());
        self.reply()
    }

    /// Sends one command, and reads its reply.
    pub fn command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> String {
        self.send_command(arguments);
        self.reply()
    }

    /// Reads a reply: `+OK`, `-ERR …`, `:1`, `"bulk"`, `nil`, `[a, b]`, `{k: v}`, `~[…]`, `>[…]`.
    pub fn reply(&mut self) -> String {
        self.try_reply()
            .expect("a reply, not the end of the connection")
    }

    /// Reads a reply, or `None` at the end of the connection.
    pub fn try_reply(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            result => result.expect("the server answers"),
        };
        let line = line.strip_suffix(b"\r\n").expect("a line ends with CR LF");
        let text = String::from_utf8_lossy(&line[1..]).into_owned();
        let count = text.parse::<i64>().unwrap_or(0);
        Some(match line[0] {
            b'+' | b'-' | b':' | b',' | b'#' => String::from_utf8_lossy(line).into_owned(),
            b'_' => "nil".to_owned(),
            b'$' | b'*' if count < 0 => "nil".to_owned(),
            b'$' | b'=' => {
                let mut bytes = vec![0; usize::try_from(count).expect("a length") + 2];
                self.stream.read_exact(&mut bytes).expect("the whole value");
                bytes.truncate(bytes.len() - 2);
                format!("\"{}\"", bytes.escape_ascii())
            }
            b'*' => format!("[{}]", self.replies(count)),
            b'~' => format!("~[{}]", self.replies(count)),
            b'>' => format!(">[{}]", self.replies(count)),
            b'%' => {
                let mut pairs = String::new();
                for index in 0..count {
                    let separator = if index == 0 { "" } else { ", " };
                    let key = self.reply();
                    write!(pairs, "{separator}{key}: {}", self.reply()).expect("it is a string");
                }
                format!("{{{pairs}}}")
            }
            other => panic!("'{}' opens no reply", char::from(other)),
        })
    }

    fn replies(&mut self, count: i64) -> String {
        (0..count)
            .map(|_| self.reply())
            .collect::<Vec<_>>()
            .join(", ")
    }
}
