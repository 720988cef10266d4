//! What others may know of a connected client, and the mailbox through which they reach it:
//! CLIENT LIST and KILL, published messages, MONITOR.
//!
//! The connection itself belongs to one task on one I/O thread; everything here is shared.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;

use super::command::TABLE;
use super::reply::Protocol;

/// What a client has said or done about itself; changes seldom.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// CLIENT SETNAME.
    pub name: String,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: String,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: String,
    /// Number of the selected space.
    pub space: u32,
    /// The version of RESP it speaks.
    pub protocol: Protocol,
    /// Channels it is subscribed to.
    pub channels: usize,
    /// Patterns it is subscribed to.
    pub patterns: usize,
    /// Commands queued since MULTI; `None` outside a transaction.
    pub queued: Option<usize>,
    /// Whether it watches keys.
    pub is_watching: bool,
    /// Whether it is fed by MONITOR.
    pub is_monitor: bool,
    /// CLIENT NO-EVICT.
    pub is_no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub is_no_touch: bool,
}

/// One connected client.
#[derive(Debug)]
pub struct Client {
    /// Never reused while the server runs.
    pub id: u64,
    /// Where it connects from.
    pub address: SocketAddr,
    /// Which of the server's addresses it connected to.
    pub local_address: SocketAddr,
    /// Its connection's file descriptor, or [`NO_DESCRIPTOR`].
    pub descriptor: i32,
    /// When it connected.
    pub connected: Instant,
    /// What it has said or done about itself.
    pub profile: Mutex<Profile>,
    /// Messages from others.
    pub mailbox: Mailbox,
    /// Milliseconds from `connected` to its last request.
    pub active_ms: AtomicU64,
    /// Index of its last command in the table; `usize::MAX` before the first.
    pub last_command: AtomicUsize,
    /// Bytes received and not yet executed, when it last executed something.
    pub input_bytes: AtomicUsize,
    /// Bytes of replies being written.
    pub output_bytes: AtomicUsize,
}

impl Client {
    /// Milliseconds since its last request.
    pub fn idle_ms(&self) -> u64 {
        let age = u64::try_from(self.connected.elapsed().as_millis()).unwrap_or(u64::MAX);
        age.saturating_sub(self.active_ms.load(Relaxed))
    }

    /// Whether it is one of pub/sub's, which CLIENT LIST TYPE and the idle timeout set apart.
    pub fn is_subscriber(&self) -> bool {
        let profile = self.profile.lock();
        profile.channels + profile.patterns > 0
    }

    /// The client's line in CLIENT LIST, without a line end.
    pub fn describe(&self) -> String {
        let profile = self.profile.lock();
        let mut flags = String::new();
        for (flag, is_set) in [
            ('O', profile.is_monitor),
            ('P', profile.channels + profile.patterns > 0),
            ('x', profile.queued.is_some()),
            ('e', profile.is_no_evict),
            ('T', profile.is_no_touch),
        ] {
            if is_set {
                flags.push(flag);
            }
        }
        if flags.is_empty() {
            flags.push('N');
        }
        let last_command = TABLE
            .entries()
            .get(self.last_command.load(Relaxed))
            .map_or("NULL", |entry| entry.full_name);
        let input_bytes = self.input_bytes.load(Relaxed);
        let output_bytes = self.output_bytes.load(Relaxed);
        let (messages, message_bytes) = self.mailbox.waiting();
        let mut line = String::with_capacity(256);
        write!(
            line,
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db={} sub={} psub={} ssub=0 \
             multi={} qbuf={} obl={} oll={messages} omem={message_bytes} tot-mem={} events=r cmd={last_command} \
             user=default redir=-1 resp={} lib-name={} lib-ver={}",
            self.id,
            self.address,
            self.local_address,
            self.descriptor,
            profile.name,
            self.connected.elapsed().as_secs(),
            self.idle_ms() / 1000,
            profile.space,
            profile.channels,
            profile.patterns,
            profile.queued.map_or(-1, |queued| i64::try_from(queued).unwrap_or(i64::MAX)),
            input_bytes,
            output_bytes,
            size_of::<Self>() + input_bytes + output_bytes + message_bytes,
            profile.protocol.number(),
            profile.library_name,
            profile.library_version,
        )
        .expect("invariant: writing to a string succeeds");
        line
    }
}

/// Something for a client that it did not ask for just now, rendered for its protocol.
#[derive(Debug, Clone)]
pub struct Message {
    /// The bytes to write.
    pub bytes: Bytes,
    /// The log position of what the message reveals: it leaves when that is durable.
    pub position: u64,
}

/// Where others leave messages for a connection's task, and wake it.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// Set when there are messages, or the client is to be closed: what the task looks at
    /// without taking the lock.
    is_pending: AtomicBool,
    is_closing: AtomicBool,
    letters: Mutex<Letters>,
}

#[derive(Debug, Default)]
struct Letters {
    messages: Vec<Message>,
    bytes: usize,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Leaves a message. When more than `bytes_max` wait to be read, the client is closed
    /// instead: it reads too slowly.
    pub fn push(&self, message: Message, bytes_max: usize) {
        let mut letters = self.letters.lock();
        letters.bytes += message.bytes.len();
        letters.messages.push(message);
        if letters.bytes > bytes_max {
            letters.messages.clear();
            self.is_closing.store(true, SeqCst);
        }
        self.is_pending.store(true, SeqCst);
        if let Some(waker) = letters.waker.take() {
            waker.wake();
        }
    }

    /// Asks the connection's task to close, whatever it waits for.
    pub fn close(&self) {
        let mut letters = self.letters.lock();
        self.is_closing.store(true, SeqCst);
        self.is_pending.store(true, SeqCst);
        if let Some(waker) = letters.waker.take() {
            waker.wake();
        }
    }

    /// Wakes the connection's task, so that it looks around.
    pub fn wake(&self) {
        let mut letters = self.letters.lock();
        self.is_pending.store(true, SeqCst);
        if let Some(waker) = letters.waker.take() {
            waker.wake();
        }
    }

    /// Whether the client is to be closed.
    pub fn is_closing(&self) -> bool {
        self.is_closing.load(Relaxed)
    }

    /// Whether there is something for the task to look at.
    pub fn is_pending(&self) -> bool {
        self.is_pending.load(Relaxed)
    }

    /// Takes all messages, oldest first.
    pub fn take(&self) -> Vec<Message> {
        let mut letters = self.letters.lock();
        self.is_pending.store(false, SeqCst);
        letters.bytes = 0;
        std::mem::take(&mut letters.messages)
    }

    /// How many messages wait, and their bytes.
    pub fn waiting(&self) -> (usize, usize) {
        let letters = self.letters.lock();
        (letters.messages.len(), letters.bytes)
    }

    /// Ready when the client is to be closed; else wakes the task at the next message, whatever
    /// waits already.
    pub fn poll_closing(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut letters = self.letters.lock();
        if self.is_closing() {
            return Poll::Ready(());
        }
        letters.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Ready when [`is_pending`](Self::is_pending); else wakes the task when it is.
    pub fn poll_pending(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.is_pending() || self.is_closing() {
            return Poll::Ready(());
        }
        let mut letters = self.letters.lock();
        // Set under the lock by those who push, or before they take it: what was missed above is
        // seen here.
        if self.is_pending() || self.is_closing() {
            return Poll::Ready(());
        }
        match &mut letters.waker {
            Some(waker) => waker.clone_from(context.waker()),
            empty => *empty = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

/// For a client that has no connection of its own: what CLIENT LIST shows then.
pub const NO_DESCRIPTOR: i32 = -1;

/// The connected clients, by id.
#[derive(Debug, Default)]
pub struct Clients {
    next_id: AtomicU64,
    connected: Mutex<BTreeMap<u64, Arc<Client>>>,
}

impl Clients {
    /// Admits a client, unless `clients_max` are there.
    pub fn admit(
        &self,
        address: SocketAddr,
        local_address: SocketAddr,
        descriptor: i32,
        clients_max: usize,
    ) -> Option<Arc<Client>> {
        let mut connected = self.connected.lock();
        if connected.len() >= clients_max {
            return None;
        }
        let client = Arc::new(Client {
            id: self.next_id.fetch_add(1, Relaxed) + 1,
            address,
            local_address,
            descriptor,
            connected: Instant::now(),
            profile: Mutex::default(),
            mailbox: Mailbox::default(),
            active_ms: AtomicU64::new(0),
            last_command: AtomicUsize::new(usize::MAX),
            input_bytes: AtomicUsize::new(0),
            output_bytes: AtomicUsize::new(0),
        });
        connected.insert(client.id, Arc::clone(&client));
        Some(client)
    }

    /// Forgets a client that has gone.
    pub fn remove(&self, id: u64) {
        self.connected.lock().remove(&id);
    }

    /// All clients, by id.
    pub fn all(&self) -> Vec<Arc<Client>> {
        self.connected.lock().values().cloned().collect()
    }

    /// How many are connected.
    pub fn count(&self) -> usize {
        self.connected.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    fn message(text: &'static str) -> Message {
        Message {
            bytes: Bytes::from_static(text.as_bytes()),
            position: 0,
        }
    }

    #[test]
    fn a_message_wakes_the_task_and_is_taken_once() {
        let mailbox = Mailbox::default();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        assert!(mailbox.poll_pending(&mut context).is_pending());
        mailbox.push(message("a"), 100);
        mailbox.push(message("b"), 100);
        assert_eq!(wakes.0.load(Relaxed), 1);
        assert!(mailbox.poll_pending(&mut context).is_ready());
        assert_eq!(mailbox.take().len(), 2);
        assert!(mailbox.poll_pending(&mut context).is_pending());
    }

    #[test]
    fn a_client_that_does_not_read_is_closed_and_its_messages_are_freed() {
        let mailbox = Mailbox::default();
        mailbox.push(message("12345"), 8);
        assert!(!mailbox.is_closing());
        mailbox.push(message("12345"), 8);
        assert!(mailbox.is_closing() && mailbox.is_pending());
        assert!(mailbox.take().is_empty());
    }

    #[test]
    fn no_more_clients_than_allowed_and_ids_are_not_reused() {
        let clients = Clients::default();
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let first = clients.admit(address, address, NO_DESCRIPTOR, 2).unwrap();
        let second = clients.admit(address, address, NO_DESCRIPTOR, 2).unwrap();
        assert!(clients.admit(address, address, NO_DESCRIPTOR, 2).is_none());
        clients.remove(second.id);
        assert!(
            clients
                .admit(address, address, NO_DESCRIPTOR, 2)
                .unwrap()
                .id
                > second.id
        );
        assert!(first.describe().contains("cmd=NULL"));
    }
}
