//! MONITOR: every command shown to those who watch, secrets excepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::RwLock;

use super::client::{Client, Message};
use super::command::Entry;
use super::session::Session;

/// The clients that watch.
#[derive(Debug, Default)]
pub struct Monitors {
    count: AtomicUsize,
    clients: RwLock<Vec<Arc<Client>>>,
}

impl Monitors {
    /// Whether anybody watches: asked before every command, so without a lock.
    pub fn is_active(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Begins to show commands to `client`.
    pub fn add(&self, client: &Arc<Client>) {
        let mut clients = self.clients.write();
        if !clients.iter().any(|watching| watching.id == client.id) {
            clients.push(Arc::clone(client));
        }
        self.count.store(clients.len(), Relaxed);
    }

    /// Ends it.
    pub fn remove(&self, id: u64) {
        if self.is_active() {
            let mut clients = self.clients.write();
            clients.retain(|client| client.id != id);
            self.count.store(clients.len(), Relaxed);
        }
    }

    /// Shows a line to everybody who watches. It reveals only what a client has asked, so it
    /// waits for no log position.
    pub fn feed(&self, line: &Bytes, bytes_max: usize) {
        for client in self.clients.read().iter() {
            client.mailbox.push(
                Message {
                    bytes: line.clone(),
                    position: 0,
                },
                bytes_max,
            );
        }
    }
}

/// The line that shows a command: `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
pub fn line(time_us: i64, session: &Session, entry: Entry, arguments: &[&[u8]]) -> Bytes {
    let space = session.client.profile.lock().space;
    let mut line = format!(
        "+{}.{:06} [{space} {}]",
        time_us / 1_000_000,
        time_us % 1_000_000,
        session.client.address
    )
    .into_bytes();
    for argument in redacted(entry, arguments) {
        line.push(b' ');
        quote(argument, &mut line);
    }
    line.extend_from_slice(b"\r\n");
    Bytes::from(line)
}

/// The arguments with passwords replaced.
pub fn redacted<'a>(entry: Entry, arguments: &[&'a [u8]]) -> Vec<&'a [u8]> {
    let is = |index: usize, word: &[u8]| arguments[index].eq_ignore_ascii_case(word);
    let is_secret = |index: usize| match entry.full_name {
        "auth" => index > 0,
        "hello" => (index > 0 && is(index - 1, b"auth")) || (index > 1 && is(index - 2, b"auth")),
        "config|set" => index > 1 && is(index - 1, b"requirepass"),
        _ => false,
    };
    let show = |index| {
        if is_secret(index) {
            b"(redacted)".as_slice()
        } else {
            arguments[index]
        }
    };
    (0..arguments.len()).map(show).collect()
}

/// Appends `bytes` in double quotes, as Redis's `sdscatrepr`.
fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::command::TABLE;
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let shown = |arguments: &[&'static [u8]]| {
            let entry = TABLE.resolve(arguments).unwrap();
            String::from_utf8(redacted(entry, arguments).join(&b' ')).unwrap()
        };
        assert_eq!(shown(&[b"AUTH", b"u", b"p"]), "AUTH (redacted) (redacted)");
        assert_eq!(
            shown(&[b"hello", b"3", b"AUTH", b"u", b"p", b"setname", b"n"]),
            "hello 3 AUTH (redacted) (redacted) setname n"
        );
        assert_eq!(
            shown(&[b"config", b"set", b"timeout", b"1", b"requirepass", b"p"]),
            "config set timeout 1 requirepass (redacted)"
        );
    }

    #[test]
    fn bytes_are_quoted_as_redis_quotes_them() {
        let mut out = Vec::new();
        quote(b"a\"\\\n\x00\xff ", &mut out);
        assert_eq!(out, br#""a\"\\\n\x00\xff ""#);
    }
}
