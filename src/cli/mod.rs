//! `ladybug cli`: a small RESP client for those without redis-cli.
//!
//! With arguments it sends them as one command and prints the reply; without, it reads commands
//! line by line. Quoting is redis-cli's ([`line`]), and so is what it prints ([`print`]); only, it
//! speaks RESP3 unless told otherwise, because maps read better than lists.

pub(crate) mod connection;
mod line;
mod print;

use std::io::{self, BufRead, IsTerminal, Write};

use redis_protocol::resp3::types::OwnedFrame;

use connection::Connection;
use print::Style;

/// What `ladybug cli` is told on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct CliOptions {
    /// The server's host name or address
    #[arg(long, short = 'H', default_value = "127.0.0.1")]
    pub host: String,
    /// The server's RESP port
    #[arg(long, short, env = "LADYBUG_PORT", default_value_t = 6379)]
    pub port: u16,
    /// The server's password
    #[arg(long, short = 'a', env = "LADYBUG_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// The space to select: a number or a name
    #[arg(long, short = 'n')]
    pub space: Option<String>,
    /// Speak RESP2
    #[arg(long, short = '2')]
    pub resp2: bool,
    /// Print replies as they are, also on a terminal
    #[arg(long, conflicts_with = "no_raw")]
    pub raw: bool,
    /// Print replies quoted and numbered, also into a pipe
    #[arg(long)]
    pub no_raw: bool,
    /// One command and its arguments; none: read commands from standard input
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub command: Vec<String>,
}

/// Why the client gave up.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Nobody listens there, or the name means nothing.
    #[error("cannot connect to {address}: {source}; is the server running?")]
    Connect {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server ended the connection.
    #[error("the server closed the connection")]
    Closed,
    /// What came is not RESP.
    #[error("the server sent what is not RESP: {0}")]
    Protocol(String),
    /// A read or write failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs the client until its command is answered or its input ends. `Ok(false)` means that the
/// last reply was an error.
pub fn run(options: &CliOptions) -> Result<bool, CliError> {
    let is_terminal = io::stdout().is_terminal();
    let is_raw = options.raw || (!is_terminal && !options.no_raw);
    let mut session = Session {
        connection: open(options)?,
        style: if is_raw { Style::Raw } else { Style::Quoted },
        space: options.space.clone().filter(|space| space != "0"),
    };
    let result = if options.command.is_empty() {
        session.interactive(options)
    } else {
        let arguments = options.command.iter().map(|word| word.as_bytes().to_vec());
        session.execute(&arguments.collect::<Vec<_>>())
    };
    match result {
        // `ladybug cli ... | head`: whoever read our output has enough.
        Err(CliError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(true),
        other => other,
    }
}

/// Connects, introduces itself, and selects the space.
fn open(options: &CliOptions) -> Result<Connection, CliError> {
    let mut connection = Connection::open(&options.host, options.port)?;
    let mut greetings: Vec<Vec<&str>> = Vec::new();
    if let Some(password) = &options.password {
        greetings.push(vec!["AUTH", password]);
    }
    if !options.resp2 {
        greetings.push(vec!["HELLO", "3"]);
    }
    if let Some(space) = &options.space {
        greetings.push(vec!["SELECT", space]);
    }
    for greeting in greetings {
        connection.send(
            &greeting
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect::<Vec<_>>(),
        )?;
        let reply = connection.receive()?;
        if is_error(&reply) {
            eprintln!("{}: {}", greeting[0], print::quoted(&reply).trim_end());
        }
    }
    Ok(connection)
}

/// One connection with what the prompt and the printing need to know.
struct Session {
    connection: Connection,
    style: Style,
    /// The selected space, if it is not space 0.
    space: Option<String>,
}

impl Session {
    /// Reads and executes lines until the input ends or says `quit`.
    fn interactive(&mut self, options: &CliOptions) -> Result<bool, CliError> {
        let is_prompting = io::stdin().is_terminal();
        let mut input = io::stdin().lock();
        let mut is_ok = true;
        loop {
            if is_prompting {
                let space = self
                    .space
                    .as_ref()
                    .map(|space| format!("[{space}]"))
                    .unwrap_or_default();
                print!("{}:{}{space}> ", options.host, options.port);
                io::stdout().flush()?;
            }
            let mut text = Vec::new();
            if input.read_until(b'\n', &mut text)? == 0 {
                return Ok(is_ok);
            }
            let Some(arguments) = line::split(&text) else {
                println!("Invalid argument(s)");
                is_ok = false;
                continue;
            };
            let Some(name) = arguments.first() else {
                continue;
            };
            if name.eq_ignore_ascii_case(b"quit") || name.eq_ignore_ascii_case(b"exit") {
                return Ok(is_ok);
            }
            is_ok = match self.execute(&arguments) {
                // A person goes on where a script must stop.
                Err(CliError::Closed) if is_prompting => {
                    println!("The server closed the connection; connecting again.");
                    self.connection = open(options)?;
                    false
                }
                other => other?,
            };
        }
    }

    /// Sends one command and prints what comes back; for `MONITOR` and subscriptions, whatever
    /// comes until the connection ends.
    fn execute(&mut self, arguments: &[Vec<u8>]) -> Result<bool, CliError> {
        let name = arguments[0].to_ascii_uppercase();
        self.connection.send(arguments)?;
        if matches!(name.as_slice(), b"MONITOR" | b"SUBSCRIBE" | b"PSUBSCRIBE") {
            loop {
                let frame = self.connection.receive()?;
                self.print(&frame, self.style)?;
                if is_error(&frame) {
                    return Ok(false);
                }
            }
        }
        let reply = loop {
            let frame = self.connection.receive()?;
            // Unsubscribing is confirmed by messages only.
            let is_confirmation = name.ends_with(b"UNSUBSCRIBE");
            if is_confirmation || !matches!(frame, OwnedFrame::Push { .. }) {
                break frame;
            }
            self.print(&frame, self.style)?;
        };
        self.print(
            &reply,
            if is_report(arguments) {
                Style::Raw
            } else {
                self.style
            },
        )?;
        if name == b"SELECT" && !is_error(&reply) {
            let space = arguments
                .get(1)
                .map(|space| String::from_utf8_lossy(space).into_owned());
            self.space = space.filter(|space| space != "0");
        }
        Ok(!is_error(&reply))
    }

    fn print(&self, frame: &OwnedFrame, style: Style) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match style {
            Style::Quoted => out.write_all(print::quoted(frame).as_bytes())?,
            Style::Raw => out.write_all(&print::raw(frame))?,
        }
        out.flush()
    }
}

/// Whether the reply is text for people, printed as it is also on a terminal.
fn is_report(arguments: &[Vec<u8>]) -> bool {
    let is = |index: usize, word: &str| {
        arguments
            .get(index)
            .is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()))
    };
    is(0, "INFO") || (is(0, "CLIENT") && (is(1, "LIST") || is(1, "INFO")))
}

fn is_error(frame: &OwnedFrame) -> bool {
    matches!(
        frame,
        OwnedFrame::SimpleError { .. } | OwnedFrame::BlobError { .. }
    )
}
