//! One client's side of the conversation: what it has selected, queued and subscribed to, and the
//! execution of its commands. Knows nothing of sockets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::{SpaceId, Transaction as Commit};
use ladybug_engine::engine::Reading;

use super::caller::Caller;
use super::client::Client;
use super::command::{Entry, Flag, Group, Handler, TABLE};
use super::context::Context;
use super::error::CommandError;
use super::execution::{Answer, Search, Searched};
use super::monitor;
use super::publish::Kind;
use super::reply::{Protocol, Reply};
use super::server::Server;
use super::slowlog;

/// Which replies a client wants: CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// All but that of the next command.
    SkipNext,
    /// All but that of this command.
    Skip,
}

/// A command that waits for EXEC.
#[derive(Debug, Clone)]
pub struct Queued {
    /// The command.
    pub entry: Entry,
    /// Its arguments, the name included.
    pub arguments: Vec<Bytes>,
}

impl Queued {
    /// Its arguments as a command's function takes them.
    pub fn arguments(&self) -> Vec<&[u8]> {
        self.arguments.iter().map(|bytes| &bytes[..]).collect()
    }
}

/// A key that must not change before EXEC, and what it was when WATCH saw it.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The space.
    pub space: SpaceId,
    /// The key.
    pub key: Bytes,
    /// Id and version of its node.
    node: Option<(u64, u64)>,
    /// The version of the space.
    version: u64,
}

impl Watch {
    /// Watches a key of the transaction's current space.
    pub fn new(tx: &Commit<'_>, key: &[u8]) -> Self {
        Self {
            space: tx.space(),
            key: Bytes::copy_from_slice(key),
            node: tx.view().find(key).map(|node| (node.id(), node.version())),
            version: tx.version(),
        }
    }

    /// Whether the key has changed since: also if it was absent, came and went again.
    pub fn has_changed(&self, tx: &mut Commit<'_>) -> bool {
        assert!(
            tx.select(self.space),
            "invariant: what is watched is locked"
        );
        let now = Self::new(tx, &self.key);
        now.node != self.node || (self.node.is_none() && tx.has_gone_since(&self.key, self.version))
    }
}

/// What has been said since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    /// The commands, in order.
    pub queue: Vec<Queued>,
    /// Bytes of the queued arguments.
    pub bytes: usize,
    /// Whether a command was refused, so that EXEC must be.
    pub is_doomed: bool,
}

/// One client's state.
#[derive(Debug)]
pub struct Session {
    /// The server it talks to.
    pub server: Arc<Server>,
    /// What others see of it.
    pub client: Arc<Client>,
    /// The version of RESP it speaks.
    pub protocol: Protocol,
    /// Whether it may do more than authenticate.
    pub is_authenticated: bool,
    /// What its commands' functions know of it.
    pub context: Context,
    /// The keys that must not change before EXEC.
    pub watches: Vec<Watch>,
    /// The commands since MULTI.
    pub transaction: Option<Transaction>,
    /// Channels it is subscribed to.
    pub channels: BTreeSet<Bytes>,
    /// Patterns it is subscribed to.
    pub patterns: BTreeSet<Bytes>,
    /// Which replies it wants.
    pub reply_mode: ReplyMode,
    /// Whether to close once the replies so far are written.
    pub is_closing: bool,
    /// The highest log position of what its replies reveal.
    pub revealed: Position,
    /// Replies that are rendered and not yet written.
    pub unwritten: usize,
    /// When the last command ended, or the present batch began: the next one's start. One clock
    /// reading a command instead of two.
    pub(super) clock: Instant,
}

impl Session {
    /// The state of a client that has just connected.
    pub fn new(server: Arc<Server>, client: Arc<Client>) -> Self {
        let is_authenticated = server.live.password().is_none();
        Self {
            protocol: Protocol::default(),
            is_authenticated,
            context: Context::new(Arc::clone(&server)),
            server,
            client,
            watches: Vec::new(),
            transaction: None,
            channels: BTreeSet::new(),
            patterns: BTreeSet::new(),
            reply_mode: ReplyMode::default(),
            is_closing: false,
            revealed: 0,
            unwritten: 0,
            clock: Instant::now(),
        }
    }

    /// To be called before the first command of a batch.
    pub fn begin_batch(&mut self) {
        self.clock = Instant::now();
        let age = self.clock.duration_since(self.client.connected);
        self.client
            .active_ms
            .store(u64::try_from(age.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Executes one command and appends its reply, as the client wants it. A search is handed back
    /// instead: to be run elsewhere, and then given to [`end_search`](Self::end_search).
    ///
    /// Short reads of one space that follow each other share one `reading`, which is the caller's to drop before it
    /// does anything else.
    #[must_use]
    pub fn execute(
        &mut self,
        arguments: &[&[u8]],
        reading: &mut Option<Reading>,
        out: &mut BytesMut,
    ) -> Option<Box<Search>> {
        match self.begin(arguments, reading) {
            Answer::Now(reply) => {
                self.write_reply(&reply, out);
                None
            }
            Answer::Later(search) => Some(search),
        }
    }

    /// Appends the reply of a search that has been run.
    pub fn end_search(&mut self, searched: Searched, out: &mut BytesMut) {
        let reply = self.finish_search(searched);
        self.write_reply(&reply, out);
    }

    fn write_reply(&mut self, reply: &Reply, out: &mut BytesMut) {
        // What the command published to its own client comes before its reply, as in Redis.
        self.deliver(out);
        match self.reply_mode {
            ReplyMode::On => {
                reply.render(self.protocol, out);
                self.unwritten += 1;
            }
            ReplyMode::Off => {}
            ReplyMode::SkipNext => self.reply_mode = ReplyMode::Skip,
            ReplyMode::Skip => self.reply_mode = ReplyMode::On,
        }
    }

    /// Who asks, to be told when nobody waits for the answer any more.
    pub fn caller(&self) -> Caller {
        self.context.caller.clone()
    }

    /// Executes one command to its end, and waits until what its reply reveals is acknowledged.
    /// For threads that may block.
    pub fn answer_durably(&mut self, arguments: &[&[u8]]) -> Reply {
        let reply = match self.begin(arguments, &mut None) {
            Answer::Now(reply) => reply,
            Answer::Later(search) => self.finish_search(search.run()),
        };
        let revealed = std::mem::take(&mut self.revealed);
        match self.server.engine.log().wait(revealed) {
            Ok(()) => reply,
            Err(unknown) => Reply::Error(unknown.into()),
        }
    }

    /// Executes one command that takes its time by a function that answers what no reply says, and waits until that is
    /// acknowledged. For threads that may block.
    ///
    /// # Errors
    /// What the command, or its function, refuses.
    pub fn run_durably<T>(
        &mut self,
        arguments: &[&[u8]],
        function: impl FnOnce(&Context, &[&[u8]]) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let entry = TABLE.resolve(arguments)?;
        self.admit(entry)?;
        self.client.last_command.store(entry.index, Relaxed);
        self.show_to_monitors(entry, arguments);
        let result = function(&self.context, arguments);
        let effects = self.context.take_effects();
        self.follow(effects, 0, Vec::new());
        let told = result.as_ref().map(|_| Reply::OK).map_err(Clone::clone);
        self.end(entry, arguments, told);
        let revealed = std::mem::take(&mut self.revealed);
        self.server.engine.log().wait(revealed)?;
        result
    }

    /// Appends what others have left in the mailbox.
    pub fn deliver(&mut self, out: &mut BytesMut) {
        if self.client.mailbox.is_pending() {
            for message in self.client.mailbox.take() {
                self.revealed = self.revealed.max(message.position);
                out.extend_from_slice(&message.bytes);
            }
        }
    }

    /// Takes back what SQL statements have done since BEGIN, if they did not COMMIT.
    pub fn end_sql_transaction(&mut self) {
        if let Some(open) = self.context.sql_transaction.take() {
            // It may be over already, for being idle: then too nothing of it is done.
            let _ = self.server.engine.abort_transaction(open);
        }
    }

    /// Executes one command, or all of it that needs no thread of its own.
    fn begin(&mut self, arguments: &[&[u8]], reading: &mut Option<Reading>) -> Answer {
        let entry = match TABLE.resolve(arguments) {
            Ok(entry) => entry,
            Err(error) => {
                let is_exec = arguments[0].eq_ignore_ascii_case(b"exec");
                return Answer::Now(if is_exec {
                    self.abort(&error)
                } else {
                    self.refuse(None, error)
                });
            }
        };
        if let Err(error) = self.admit(entry) {
            return Answer::Now(match entry.command.handler {
                Handler::Exec => self.abort(&error),
                _ => self.refuse(Some(entry), error),
            });
        }
        self.client.last_command.store(entry.index, Relaxed);
        if self.transaction.is_some() && !entry.command.has(Flag::Unqueued) {
            if let Handler::Statement { check, .. } = entry.command.handler
                && let Err(error) = check(arguments)
            {
                return Answer::Now(self.refuse(Some(entry), error));
            }
            return Answer::Now(self.queue(entry, arguments));
        }
        self.call(entry, arguments, reading)
    }

    /// Refuses EXEC itself.
    fn abort(&mut self, error: &CommandError) -> Reply {
        self.discard_transaction();
        self.server.stats.count_error("EXECABORT");
        // The code that most errors have says nothing.
        let reason = match error.code {
            "ERR" => error.message.to_string(),
            _ => error.to_string(),
        };
        Reply::Error(CommandError {
            code: "EXECABORT",
            message: format!("Transaction discarded because of: {reason}").into(),
        })
    }

    /// Whether the command may run now, in Redis's order of reasons.
    fn admit(&self, entry: Entry) -> Result<(), CommandError> {
        if !self.is_authenticated && !entry.command.has(Flag::NoAuth) {
            return Err(CommandError::NO_AUTH);
        }
        if self.protocol == Protocol::Resp2
            && self.subscriptions() > 0
            && !entry.command.has(Flag::InSubscription)
        {
            return Err(CommandError::err(format!(
                "Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
                 are allowed in this context",
                entry.full_name
            )));
        }
        let is_search = matches!(entry.command.handler, Handler::Search(_));
        if self.transaction.is_some() && (entry.command.has(Flag::NoMulti) || is_search) {
            let refused = "Command not allowed inside a transaction";
            if entry.command.is_redis() {
                return Err(CommandError::err(refused));
            }
            let why = match entry.command.group {
                Group::Server => "is about the server, and no part of a commit",
                _ => "makes commits of its own, or speaks of what is committed already",
            };
            return Err(CommandError::err(format!(
                "{refused}: {} {why}; run it outside of MULTI",
                entry.full_name.replace('|', " ").to_uppercase()
            )));
        }
        Ok(())
    }

    /// Answers why a command does not run; a transaction it belonged to is lost.
    fn refuse(&mut self, entry: Option<Entry>, error: CommandError) -> Reply {
        if let Some(transaction) = &mut self.transaction {
            transaction.is_doomed = true;
        }
        if let Some(entry) = entry {
            self.server
                .stats
                .command(entry.index)
                .rejected
                .fetch_add(1, Relaxed);
        }
        self.server.stats.count_error(error.code);
        Reply::Error(error)
    }

    fn queue(&mut self, entry: Entry, arguments: &[&[u8]]) -> Reply {
        let bytes_max = self.server.settings.request_bytes_max;
        let transaction = self
            .transaction
            .as_mut()
            .expect("invariant: only called inside a transaction");
        transaction.bytes += arguments
            .iter()
            .map(|argument| argument.len())
            .sum::<usize>();
        if transaction.bytes > bytes_max {
            transaction.queue.clear();
            let error = format!("transaction exceeds the {bytes_max} bytes of --request-bytes-max");
            return self.refuse(Some(entry), CommandError::err(error));
        }
        let arguments = arguments
            .iter()
            .map(|argument| Bytes::copy_from_slice(argument))
            .collect();
        transaction.queue.push(Queued { entry, arguments });
        self.client.profile.lock().queued = Some(transaction.queue.len());
        Reply::Simple("QUEUED".into())
    }

    /// Enters a command that has run into the statistics and, if it was slow, the slow log.
    pub(super) fn count(
        &self,
        entry: Entry,
        arguments: &[&[u8]],
        duration: Duration,
        result: &Result<Reply, CommandError>,
    ) {
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let stats = self.server.stats.command(entry.index);
        stats.calls.fetch_add(1, Relaxed);
        stats.duration_us.fetch_add(duration_us, Relaxed);
        if let Err(error) = result {
            stats.failed.fetch_add(1, Relaxed);
            self.server.stats.count_error(error.code);
        }
        let threshold_us = self.server.live.slowlog_threshold_us.load(Relaxed);
        let is_slow =
            u64::try_from(threshold_us).is_ok_and(|threshold_us| duration_us >= threshold_us);
        if is_slow && !entry.command.has(Flag::SkipSlowlog) {
            self.enter_slowlog(entry, arguments, duration_us);
        }
    }

    fn enter_slowlog(&self, entry: Entry, arguments: &[&[u8]], duration_us: u64) {
        let shown = monitor::redacted(entry, arguments);
        let log_entry = slowlog::Entry {
            id: 0,
            time_s: unix_time_us() / 1_000_000,
            duration_us,
            arguments: slowlog::trim_arguments(&shown),
            client_address: self.client.address.to_string(),
            client_name: self.client.profile.lock().name.clone(),
        };
        let entries_max = self.server.live.slowlog_entries_max.load(Relaxed);
        self.server.slowlog.record(log_entry, entries_max);
    }

    /// Channels and patterns it is subscribed to.
    pub fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// Speaks another version of RESP from now on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.context.protocol = protocol;
        self.client.profile.lock().protocol = protocol;
    }

    /// Ends a transaction, whatever it was, and what it watches.
    pub fn discard_transaction(&mut self) {
        self.transaction = None;
        self.watches.clear();
        let mut profile = self.client.profile.lock();
        profile.queued = None;
        profile.is_watching = false;
    }

    /// Ends all subscriptions.
    pub fn unsubscribe_all(&mut self) {
        for channel in std::mem::take(&mut self.channels) {
            self.server
                .subscriptions
                .remove(Kind::Channel, &channel, self.client.id);
        }
        for pattern in std::mem::take(&mut self.patterns) {
            self.server
                .subscriptions
                .remove(Kind::Pattern, &pattern, self.client.id);
        }
        let mut profile = self.client.profile.lock();
        (profile.channels, profile.patterns) = (0, 0);
    }
}

/// However a connection ends, the server forgets it.
impl Drop for Session {
    fn drop(&mut self) {
        self.end_sql_transaction();
        self.unsubscribe_all();
        self.server.monitors.remove(self.client.id);
        self.server.clients.remove(self.client.id);
    }
}

/// Microseconds since the epoch.
pub fn unix_time_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
