//! A blocking RESP connection: sends arrays of bulk strings, receives frames.

use std::io::{Read, Write};
use std::net::TcpStream;

use redis_protocol::error::RedisProtocolError;
use redis_protocol::resp3::types::OwnedFrame;
use redis_protocol::{resp2, resp3};

use super::CliError;

/// Bytes asked of the system at a time.
const READ_BYTES: usize = 64 * 1024;

/// A connection and the bytes of it that are read but not yet decoded.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    is_resp3: bool,
    /// Whether the server will speak RESP3 if it accepts the `HELLO` it was sent.
    is_resp3_next: Option<bool>,
}

impl Connection {
    /// Connects to `host`, a name or an address.
    pub(crate) fn open(host: &str, port: u16) -> Result<Self, CliError> {
        let connected = TcpStream::connect((host, port));
        let stream = connected.map_err(|source| CliError::Connect {
            address: format!("{host}:{port}"),
            source,
        })?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
            is_resp3: false,
            is_resp3_next: None,
        })
    }

    /// Sends one command.
    pub(crate) fn send(&mut self, arguments: &[Vec<u8>]) -> Result<(), CliError> {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.is_resp3_next = match arguments {
            [name, version, ..] if name.eq_ignore_ascii_case(b"HELLO") => Some(version == b"3"),
            [name] if name.eq_ignore_ascii_case(b"RESET") => Some(false),
            _ => None,
        };
        Ok(self.stream.write_all(&request)?)
    }

    /// The next frame: a reply or a push.
    pub(crate) fn receive(&mut self) -> Result<OwnedFrame, CliError> {
        loop {
            if let (Some(is_resp3), Some(kind)) = (self.is_resp3_next, self.buffer.first()) {
                self.is_resp3_next = None;
                self.is_resp3 = if *kind == b'-' {
                    self.is_resp3
                } else {
                    is_resp3
                };
            }
            let decoded = decode(&self.buffer, self.is_resp3);
            let decoded = decoded.map_err(|error| CliError::Protocol(error.to_string()))?;
            if let Some((frame, length)) = decoded {
                self.buffer.drain(..length);
                return Ok(frame);
            }
            // The decoder starts over each time: ask for as much again as there is.
            let start = self.buffer.len();
            self.buffer.resize(start + READ_BYTES.max(start), 0);
            let read = self.stream.read(&mut self.buffer[start..]);
            self.buffer.truncate(start + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Err(CliError::Closed);
            }
        }
    }
}

/// The first frame of `bytes`, if it is whole, and its length. RESP3's decoder takes RESP2's null,
/// `$-1`, for a streamed string, so each protocol needs its own.
pub(super) fn decode(
    bytes: &[u8],
    is_resp3: bool,
) -> Result<Option<(OwnedFrame, usize)>, RedisProtocolError> {
    if is_resp3 {
        return resp3::decode::complete::decode(bytes);
    }
    let decoded = resp2::decode::decode(bytes)?;
    Ok(decoded.map(|(frame, length)| (frame.into_resp3(), length)))
}
