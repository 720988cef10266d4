//! The slow log: the latest commands that took longer than a threshold.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;

/// Arguments an entry shows; the rest are counted.
const ARGUMENTS_MAX: usize = 32;
/// Bytes of an argument an entry shows; the rest are counted.
const ARGUMENT_BYTES_MAX: usize = 128;

/// One slow command.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Never reused while the server runs.
    pub id: u64,
    /// When it ran, in seconds since the epoch.
    pub time_s: i64,
    /// How long it took.
    pub duration_us: u64,
    /// The command, cut to a bounded size.
    pub arguments: Vec<Bytes>,
    /// Where the client connects from.
    pub client_address: String,
    /// CLIENT SETNAME.
    pub client_name: String,
}

/// The log, newest first.
#[derive(Debug, Default)]
pub struct Slowlog {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Slowlog {
    /// Enters a command, giving it its id, and drops what is over `entries_max`.
    pub fn record(&self, mut entry: Entry, entries_max: usize) {
        let mut inner = self.inner.lock();
        entry.id = inner.next_id;
        inner.next_id += 1;
        inner.entries.push_front(entry);
        inner.entries.truncate(entries_max);
    }

    /// The latest `count` entries, newest first.
    pub fn latest(&self, count: usize) -> Vec<Entry> {
        self.inner
            .lock()
            .entries
            .iter()
            .take(count)
            .cloned()
            .collect()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.inner.lock().entries.len()
    }

    /// Whether nothing was slow.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets the entries; ids go on.
    pub fn reset(&self) {
        self.inner.lock().entries.clear();
    }
}

/// The arguments as an entry keeps them: at most 32, of at most 128 bytes each, with Redis's words
/// for what is left out.
pub fn trim_arguments(arguments: &[&[u8]]) -> Vec<Bytes> {
    let shown = if arguments.len() > ARGUMENTS_MAX {
        ARGUMENTS_MAX - 1
    } else {
        arguments.len()
    };
    let mut trimmed: Vec<Bytes> = arguments[..shown]
        .iter()
        .map(
            |argument| match argument.len().checked_sub(ARGUMENT_BYTES_MAX) {
                None | Some(0) => Bytes::copy_from_slice(argument),
                Some(more) => {
                    let mut text = argument[..ARGUMENT_BYTES_MAX].to_vec();
                    text.extend_from_slice(format!("... ({more} more bytes)").as_bytes());
                    Bytes::from(text)
                }
            },
        )
        .collect();
    if shown < arguments.len() {
        trimmed.push(Bytes::from(format!(
            "... ({} more arguments)",
            arguments.len() - shown
        )));
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_cut() {
        let long = [b'x'; 130];
        let mut arguments: Vec<&[u8]> = vec![b"a"; 33];
        arguments[1] = &long;
        let trimmed = trim_arguments(&arguments);
        assert_eq!(trimmed.len(), 32);
        assert!(trimmed[1].ends_with(b"xx... (2 more bytes)"));
        assert_eq!(trimmed[31], "... (2 more arguments)");
        assert_eq!(trim_arguments(&arguments[..32]).len(), 32);
    }

    #[test]
    fn the_newest_come_first_and_the_oldest_go() {
        let entry = |duration_us| Entry {
            id: 0,
            time_s: 0,
            duration_us,
            arguments: vec![],
            client_address: String::new(),
            client_name: String::new(),
        };
        let slowlog = Slowlog::default();
        for duration_us in 0..5 {
            slowlog.record(entry(duration_us), 3);
        }
        let ids: Vec<u64> = slowlog.latest(2).iter().map(|entry| entry.id).collect();
        assert_eq!((slowlog.len(), ids), (3, vec![4, 3]));
        slowlog.reset();
        slowlog.record(entry(0), 3);
        assert_eq!(slowlog.latest(10)[0].id, 5);
    }
}
