//! A RESP2 client that keeps the structure of replies, so that they can be compared loosely.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Nil,
    Array(Vec<Value>),
}

/// A connection.
pub struct Client(BufReader<TcpStream>);

impl Client {
    pub fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a valid timeout");
        stream.set_nodelay(true).expect("a socket option");
        Self(BufReader::new(stream))
    }

    pub fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> Value {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        self.0
            .get_mut()
            .write_all(&request)
            .expect("the server reads");
        self.read()
    }

    pub fn read(&mut self) -> Value {
        let mut line = Vec::new();
        self.0
            .read_until(b'\n', &mut line)
            .expect("the server answers");
        if line.is_empty() {
            return Value::Error("the connection has ended".into());
        }
        let line = line.strip_suffix(b"\r\n").expect("a line ends with CR LF");
        let text = String::from_utf8_lossy(&line[1..]).into_owned();
        let number = || text.parse::<i64>().expect("a number");
        match line[0] {
            b'+' => Value::Simple(text),
            b'-' => Value::Error(text),
            b':' => Value::Integer(number()),
            b'$' | b'*' if number() < 0 => Value::Nil,
            b'$' => {
                let mut bytes = vec![0; number() as usize + 2];
                self.0.read_exact(&mut bytes).expect("the whole value");
                bytes.truncate(bytes.len() - 2);
                Value::Bulk(bytes)
            }
            b'*' => Value::Array((0..number()).map(|_| self.read()).collect()),
            _ => Value::Error(format!("no reply: {}", line.escape_ascii())),
        }
    }

    /// Everything a scan finds, each once, from cursor 0 to cursor 0; or what else it answers.
    pub fn scan_all(&mut self, arguments: &[Vec<u8>], cursor_at: usize) -> Value {
        let mut arguments = arguments.to_vec();
        let pair = arguments[0].eq_ignore_ascii_case(b"hscan");
        let mut found = Vec::new();
        loop {
            let reply = self.call(&arguments);
            let Value::Array(page) = &reply else {
                return reply;
            };
            let [Value::Bulk(cursor), Value::Array(items)] = &page[..] else {
                panic!("{reply:?} is no page");
            };
            let size = if pair { 2 } else { 1 };
            found.extend(items.chunks(size).map(|item| Value::Array(item.to_vec())));
            if cursor == b"0" {
                found.sort();
                found.dedup();
                return Value::Array(found);
            }
            arguments[cursor_at] = cursor.clone();
        }
    }
}
