//! How actions reach the memory: the values of a call's parameters, and commands executed for it, whose replies
//! become columns.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, UInt64Type};
use ladybug_engine::space::address::Address;

use super::super::error::FlightError;
use super::super::listener::Peer;
use crate::server::resp::client::NO_DESCRIPTOR;
use crate::server::resp::command::TABLE;
use crate::server::resp::context::Context;
use crate::server::resp::error::CommandError;
use crate::server::resp::reply::Reply;
use crate::server::resp::server::Server;
use crate::server::resp::session::Session;

/// A body's calls, one of which is looked at.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// All of them.
    pub calls: &'a RecordBatch,
    /// Which.
    pub row: usize,
}

impl<'a> Call<'a> {
    /// The calls of a body.
    pub fn all(calls: &'a RecordBatch) -> impl Iterator<Item = Self> {
        (0..calls.num_rows()).map(move |row| Self { calls, row })
    }

    fn column(&self, name: &str) -> Option<&'a arrow::array::ArrayRef> {
        let column = self.calls.column_by_name(name);
        column.filter(|column| column.is_valid(self.row))
    }

    /// Bytes, if they are given.
    pub fn bytes(&self, name: &str) -> Option<&'a [u8]> {
        self.column(name)
            .map(|column| column.as_binary::<i32>().value(self.row))
    }

    /// Text, if it is given.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.column(name)
            .map(|column| column.as_string::<i32>().value(self.row))
    }

    /// A whole number, if it is given.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.column(name)
            .map(|column| column.as_primitive::<UInt64Type>().value(self.row))
    }

    /// A number, if it is given.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.column(name)
            .map(|column| column.as_primitive::<Float64Type>().value(self.row))
    }

    /// Whether something is asked for.
    pub fn flag(&self, name: &str) -> bool {
        self.column(name)
            .is_some_and(|column| column.as_boolean().value(self.row))
    }

    /// A list, if it is given.
    pub fn list(&self, name: &str) -> Option<arrow::array::ArrayRef> {
        self.column(name)
            .map(|column| column.as_list::<i32>().value(self.row))
    }
}

/// A command's arguments on their way.
#[derive(Default)]
pub struct Request(Vec<Vec<u8>>);

impl Request {
    /// A command by its name, which may be several words.
    pub fn new(name: &str) -> Self {
        Self(vec![name.as_bytes().to_vec()])
    }

    /// Adds arguments.
    pub fn with(mut self, arguments: &[&[u8]]) -> Self {
        self.0
            .extend(arguments.iter().map(|argument| argument.to_vec()));
        self
    }

    /// Adds an operand: a keyword in capitals and a blank begin what is not a bare one.
    pub fn operand(self, operand: &[u8]) -> Self {
        let arguments = super::super::get::operand_arguments(operand);
        self.with(&arguments[1..])
    }

    /// Adds an option and its value, if it is given.
    pub fn option(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(&[name.as_bytes(), value.to_string().as_bytes()]),
            None => self,
        }
    }

    /// Adds a word, if it is asked for.
    pub fn word(self, name: &str, is_wanted: bool) -> Self {
        match is_wanted {
            true => self.with(&[name.as_bytes()]),
            false => self,
        }
    }
}

/// Who executes an action's commands: a client that comes for it alone.
pub struct Caller {
    /// The server.
    pub server: Arc<Server>,
    session: Session,
    /// The name of the space that is selected.
    selected: Option<String>,
}

impl Caller {
    /// The caller of a peer that was let in.
    ///
    /// # Errors
    /// As many clients are connected as may be.
    pub fn new(server: Arc<Server>, peer: Option<Peer>) -> Result<Self, FlightError> {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (address, local_address) = peer.map_or((nowhere, nowhere), |peer| {
            (peer.address, peer.local_address)
        });
        let clients_max = server.live.clients_max.load(Relaxed);
        let client = server
            .clients
            .admit(address, local_address, NO_DESCRIPTOR, clients_max);
        let client =
            client.ok_or_else(|| FlightError::new("TOOMANY", "max number of clients reached"))?;
        let mut session = Session::new(Arc::clone(&server), client);
        session.is_authenticated = true;
        session.begin_batch();
        Ok(Self {
            server,
            session,
            selected: None,
        })
    }

    /// Executes a command in a space, the first unless given, and waits until what it answers is acknowledged.
    ///
    /// # Errors
    /// What the command refuses.
    pub fn execute(&mut self, space: Option<&str>, request: Request) -> Result<Reply, FlightError> {
        self.select(space)?;
        let arguments: Vec<&[u8]> = request.0.iter().map(Vec::as_slice).collect();
        self.answer(&arguments)
    }

    /// The same by a function that answers what no reply says.
    ///
    /// # Errors
    /// What the command refuses.
    pub fn execute_by<T>(
        &mut self,
        space: Option<&str>,
        arguments: &[&[u8]],
        function: impl FnOnce(&Context, &[&[u8]]) -> Result<T, CommandError>,
    ) -> Result<T, FlightError> {
        self.select(space)?;
        Ok(self.session.run_durably(arguments, function)?)
    }

    fn select(&mut self, space: Option<&str>) -> Result<(), FlightError> {
        let label = space.unwrap_or("0");
        if self.selected.as_deref().unwrap_or("0") != label {
            self.answer(&[b"SELECT", label.as_bytes()])?;
            self.selected = Some(label.to_owned());
        }
        Ok(())
    }

    fn answer(&mut self, arguments: &[&[u8]]) -> Result<Reply, FlightError> {
        match self.session.answer_durably(arguments) {
            Reply::Error(error) => Err(error.into()),
            reply => Ok(reply),
        }
    }

    /// Executes any command but those that begin a conversation; answers its reply as JSON.
    ///
    /// # Errors
    /// What the command refuses.
    pub fn command(
        &mut self,
        space: Option<&str>,
        request: Request,
    ) -> Result<String, FlightError> {
        let name = request.0.first().map(Vec::as_slice).unwrap_or_default();
        if TABLE
            .get(name)
            .is_some_and(|entry| entry.command.is_conversation())
        {
            let name = String::from_utf8_lossy(name);
            let message = format!("'{name}' needs a connection that lasts: use RESP");
            return Err(FlightError::bad(message));
        }
        let reply = self.execute(space, request)?;
        serde_json::to_string(&reply)
            .map_err(|error| FlightError::new("INTERNAL", error.to_string()))
    }
}

/// The parts of a reply.
pub fn items(reply: &Reply) -> Result<&[Reply], FlightError> {
    match reply {
        Reply::Array(items) => Ok(items),
        other => Err(unexpected(other)),
    }
}

/// The bytes of a reply; nil is none.
pub fn bytes(reply: &Reply) -> Result<Option<&[u8]>, FlightError> {
    match reply {
        Reply::Bulk(bytes) => Ok(Some(bytes)),
        Reply::Value(bytes) => Ok(Some(bytes)),
        Reply::Nil => Ok(None),
        other => Err(unexpected(other)),
    }
}

/// The text of a reply; nil, and what is not UTF-8, is none.
pub fn text(reply: &Reply) -> Result<Option<&str>, FlightError> {
    Ok(bytes(reply)?.and_then(|bytes| std::str::from_utf8(bytes).ok()))
}

/// The number of a reply.
pub fn integer(reply: &Reply) -> Result<u64, FlightError> {
    match reply {
        Reply::Integer(number) => u64::try_from(*number).map_err(|_| unexpected(reply)),
        other => Err(unexpected(other)),
    }
}

/// The number of a reply with a fraction.
pub fn double(reply: &Reply) -> Result<f64, FlightError> {
    match reply {
        Reply::Double(number) => Ok(*number),
        other => Err(unexpected(other)),
    }
}

/// The address in a reply.
pub fn address(reply: &Reply) -> Result<u16, FlightError> {
    let address = text(reply)?.and_then(|text| text.parse::<Address>().ok());
    address
        .map(|address| address.0)
        .ok_or_else(|| unexpected(reply))
}

/// The id in a reply, written `#17`.
pub fn id(reply: &Reply) -> Result<u64, FlightError> {
    let id = text(reply)?.and_then(|text| text.strip_prefix('#')?.parse().ok());
    id.ok_or_else(|| unexpected(reply))
}

/// The fingerprint in a reply, in bytes or in hex.
pub fn fingerprint(reply: &Reply) -> Result<[u8; 1280], FlightError> {
    let bytes = bytes(reply)?.unwrap_or_default();
    let bits = ladybug_engine::fingerprint::Fingerprint::from_bytes_or_hex(bytes);
    bits.map(|bits| bits.to_bytes())
        .map_err(|_| unexpected(reply))
}

fn unexpected(reply: &Reply) -> FlightError {
    tracing::error!(?reply, "a command answers what its action does not know");
    FlightError::new(
        "INTERNAL",
        "the command answered something else; the log says what",
    )
}
