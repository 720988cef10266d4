//! Loading into a running server, over its own commands: each batch is one MULTI.

use redis_protocol::resp3::types::{OwnedFrame, Resp3Frame};

use super::LoadError;
use super::room;
use super::row::Row;
use super::target::{Progress, Step, Target};
use crate::cli::connection::Connection;

/// A connection to a server.
pub struct ServerTarget(Connection);

impl ServerTarget {
    /// Connects, authenticates and selects the space.
    pub fn connect(
        host: &str,
        port: u16,
        password: Option<&str>,
        space: &str,
    ) -> Result<Self, LoadError> {
        let connection = Connection::open(host, port);
        let mut target = Self(connection.map_err(|error| LoadError::Target(error.to_string()))?);
        if let Some(password) = password {
            target.call(&["AUTH", password])?;
        }
        target.call(&["SELECT", space])?;
        Ok(target)
    }

    fn send(&mut self, command: Vec<Vec<u8>>) -> Result<(), LoadError> {
        let sent = self.0.send(&command);
        sent.map_err(|error| LoadError::Target(error.to_string()))
    }

    /// The next reply; an error, also one inside EXEC's, is an error.
    fn receive(&mut self) -> Result<OwnedFrame, LoadError> {
        let frame = self.0.receive();
        let frame = frame.map_err(|error| LoadError::Target(error.to_string()))?;
        let error = match &frame {
            OwnedFrame::Array { data, .. } => data.iter().find_map(error_text),
            frame => error_text(frame),
        };
        error.map_or(Ok(frame), |text| Err(LoadError::Target(text)))
    }

    fn call(&mut self, command: &[&str]) -> Result<OwnedFrame, LoadError> {
        self.send(
            command
                .iter()
                .map(|word| word.as_bytes().to_vec())
                .collect(),
        )?;
        self.receive()
    }
}

fn error_text(frame: &OwnedFrame) -> Option<String> {
    match frame {
        OwnedFrame::SimpleError { data, .. } => Some(format!("the server answered: {data}")),
        _ => None,
    }
}

fn words(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

/// The command that makes or overwrites a node, whatever is there.
fn node_command(row: &Row) -> Vec<Vec<u8>> {
    let mut set = words(&[b"SET", &row.name, row.value.as_deref().unwrap_or_default()]);
    if !row.fields.is_empty() {
        set.push(b"FIELDS".to_vec());
        set.push(row.fields.len().to_string().into_bytes());
        for (name, value) in &row.fields {
            set.push(name.as_bytes().to_vec());
            set.push(value.text().to_vec());
        }
    }
    if !row.kinds.is_empty() {
        set.push(b"KIND".to_vec());
        set.extend(row.kinds.iter().map(|kind| kind.as_bytes().to_vec()));
    }
    set
}

impl Target for ServerTarget {
    fn progress(&mut self, name: &str) -> Result<Option<Progress>, LoadError> {
        let mut command = vec!["HMGET", name];
        command.extend(Progress::FIELDS);
        let OwnedFrame::Array { data, .. } = self.call(&command)? else {
            return Err(LoadError::Target("HMGET answered no array".to_owned()));
        };
        let text = |frame: &OwnedFrame| frame.as_str().map(str::to_owned);
        let fields: Vec<_> = data.iter().map(text).collect();
        Ok(fields.try_into().ok().and_then(Progress::of_fields))
    }

    fn capacity(&mut self) -> Result<usize, LoadError> {
        match self.call(&["DBSIZE"])? {
            OwnedFrame::Number { data, .. } => Ok(room(data.max(0) as usize)),
            _ => Err(LoadError::Target("DBSIZE answered no number".to_owned())),
        }
    }

    fn define_verbs(&mut self, verbs: &[String]) -> Result<(), LoadError> {
        for verb in verbs {
            self.call(&["CAM.VERBS.DEFINE", verb])?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        batch: &[Step<'_>],
        name: &str,
        progress: &Progress,
    ) -> Result<(), LoadError> {
        let mut commands = vec![words(&[b"MULTI"])];
        for step in batch {
            match step {
                Step::Node(row) => commands.push(node_command(row)),
                Step::Edge(edge) => {
                    commands.push(words(&[
                        b"LINK",
                        edge.source,
                        edge.verb.as_bytes(),
                        edge.target,
                    ]));
                }
            }
        }
        let mut note = words(&[b"HSET", name.as_bytes()]);
        for (field, value) in progress.fields() {
            note.extend([field.as_bytes().to_vec(), value.into_bytes()]);
        }
        commands.push(note);
        commands.push(words(&[b"EXEC"]));
        let replies = commands.len();
        for command in commands {
            self.send(command)?;
        }
        let mut outcome = Ok(());
        for _ in 0..replies {
            outcome = outcome.and(self.receive().map(|_| ()));
        }
        outcome
    }

    fn finish(&mut self, name: &str) -> Result<(), LoadError> {
        self.call(&["DEL", name]).map(|_| ())
    }
}
