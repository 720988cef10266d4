//! What all connections share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};

use ladybug_engine::engine::Engine;
use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::cam::{InSql, methods_table};
use crate::config::Settings;
use crate::query::cypher::index::Indexes;
use crate::query::graphql::Graphql;
use crate::query::sql::{Sql, SqlOptions};

use super::client::Clients;
use super::commands_table::commands_table;
use super::monitor::Monitors;
use super::notify::{Event, Selection};
use super::publish::Subscriptions;
use super::request::Limits;
use super::save::Saves;
use super::scrub::Scrub;
use super::session::unix_time_us;
use super::slowlog::Slowlog;
use super::stats::Stats;

/// The server: one for the process.
pub struct Server {
    /// The settings it was started with.
    pub settings: Settings,
    /// The settings that CONFIG SET changes.
    pub live: Live,
    /// The memory.
    pub engine: Arc<Engine>,
    /// SQL over the memory.
    pub sql: Sql,
    /// GraphQL over the memory.
    pub graphql: Arc<Graphql>,
    /// Who is connected.
    pub clients: Clients,
    /// Who listens to what.
    pub subscriptions: Subscriptions,
    /// Who watches.
    pub monitors: Monitors,
    /// What was slow.
    pub slowlog: Slowlog,
    /// What has been done.
    pub stats: Stats,
    /// What has been saved.
    pub saves: Saves,
    /// What has been scrubbed.
    pub scrub: Scrub,
    /// Nodes by the values of properties that Cypher statements ask for.
    pub indexes: Indexes,
    /// The port RESP is served on, once it is.
    pub port: AtomicU32,
    /// The port Arrow Flight is served on, once it is; 0 in a build without it.
    pub flight_port: AtomicU32,
    /// Forty hexadecimal digits, new at every start.
    pub run_id: String,
    /// When it started, in seconds since the epoch.
    pub started_unix_s: i64,
    is_stopping: AtomicBool,
    stop: Notify,
}

/// Settings that change while the server runs.
#[derive(Debug)]
pub struct Live {
    /// Clients connected at once.
    pub clients_max: AtomicUsize,
    /// Seconds after which an idle client is closed, 0 for never.
    pub timeout_s: AtomicU64,
    /// Microseconds from which a command enters the slow log; negative: never.
    pub slowlog_threshold_us: AtomicI64,
    /// Entries the slow log keeps.
    pub slowlog_entries_max: AtomicUsize,
    /// Bytes of fingerprints a second that scrubbing looks at, 0 for none.
    pub scrub_bytes_per_s: AtomicU64,
    /// Whether clients from elsewhere are refused while there is no password.
    pub protected_mode: AtomicBool,
    notify: AtomicU32,
    password: RwLock<Option<Arc<str>>>,
}

impl Live {
    fn new(settings: &Settings) -> Self {
        Self {
            clients_max: AtomicUsize::new(settings.clients_max),
            timeout_s: AtomicU64::new(settings.timeout_s),
            slowlog_threshold_us: AtomicI64::new(settings.slowlog_threshold_us),
            slowlog_entries_max: AtomicUsize::new(settings.slowlog_entries_max),
            scrub_bytes_per_s: AtomicU64::new(settings.scrub_bytes_per_s),
            protected_mode: AtomicBool::new(settings.protected_mode),
            notify: AtomicU32::new(settings.notify.bits()),
            password: RwLock::new(settings.password.as_deref().map(Arc::from)),
        }
    }

    /// The password clients have to give.
    pub fn password(&self) -> Option<Arc<str>> {
        self.password.read().clone()
    }

    /// Changes the password; an empty one is none. Clients that are in stay in, as in Redis.
    pub fn set_password(&self, password: &str) {
        *self.password.write() = (!password.is_empty()).then(|| Arc::from(password));
    }

    /// The keyspace events that are published.
    pub fn notify(&self) -> Selection {
        Selection::from_bits(self.notify.load(Relaxed))
    }

    fn set_notify(&self, selection: Selection) {
        self.notify.store(selection.bits(), Relaxed);
    }
}

impl Server {
    /// Changes which keyspace events are published.
    pub fn set_notify(&self, selection: Selection) {
        self.live.set_notify(selection);
        self.engine.set_reports(selection.is_any());
    }

    /// A server at rest, over an open engine.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(settings: Settings, engine: Arc<Engine>) -> std::io::Result<Arc<Self>> {
        let graphql = Arc::new(Graphql::new(Arc::clone(&engine), settings.graphql));
        let options = SqlOptions {
            memory_bytes: settings.sql_memory_bytes,
            constants: vec![
                ("commands".to_owned(), commands_table()),
                ("methods".to_owned(), methods_table()),
            ],
            methods: Some(Arc::new(InSql {
                graphql: Arc::clone(&graphql),
                rows_max: settings.sql_rows_max,
                bytes_max: settings.sql_memory_bytes,
            })),
            cypher: settings.cypher,
            ..SqlOptions::default()
        };
        engine.set_reports(settings.notify.is_any());
        Ok(Arc::new(Self {
            sql: Sql::new(Arc::clone(&engine), options)?,
            graphql,
            engine,
            live: Live::new(&settings),
            clients: Clients::default(),
            subscriptions: Subscriptions::default(),
            monitors: Monitors::default(),
            slowlog: Slowlog::default(),
            stats: Stats::default(),
            saves: Saves::default(),
            scrub: Scrub::default(),
            indexes: Indexes::default(),
            port: AtomicU32::new(u32::from(settings.port)),
            flight_port: AtomicU32::new(0),
            run_id: run_id(),
            started_unix_s: unix_time_us() / 1_000_000,
            is_stopping: AtomicBool::new(false),
            stop: Notify::new(),
            settings,
        }))
    }

    /// What requests may be.
    pub fn request_limits(&self) -> Limits {
        Limits {
            arguments_max: self.settings.arguments_max,
            argument_bytes_max: self.settings.request_bytes_max,
            request_bytes_max: self.settings.request_bytes_max,
        }
    }

    /// Publishes keyspace events, of a commit that has taken log position `position`, to those
    /// who listen for them.
    pub fn publish_events(&self, events: &[Event], position: u64) {
        let selection = self.live.notify();
        if self.subscriptions.is_empty() {
            return;
        }
        for event in events.iter().filter(|event| selection.selects(event.class)) {
            if selection.by_key() {
                let mut channel = format!("__keyspace@{}__:", event.space).into_bytes();
                channel.extend_from_slice(&event.key);
                self.publish(&channel, event.name.as_bytes(), position);
            }
            if selection.by_event() {
                let channel = format!("__keyevent@{}__:{}", event.space, event.name);
                self.publish(channel.as_bytes(), &event.key, position);
            }
        }
    }

    /// Publishes a message; answers how many receive it.
    pub fn publish(&self, channel: &[u8], payload: &[u8], position: u64) -> usize {
        self.subscriptions.publish(
            channel,
            payload,
            position,
            self.settings.output_buffer_bytes,
        )
    }

    /// Begins the shutdown: whoever waits for it goes on, and connections end once they have
    /// answered what they have read.
    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Relaxed);
        self.stop.notify_waiters();
        for client in self.clients.all() {
            client.mailbox.wake();
        }
    }

    /// Whether the shutdown has begun.
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Relaxed)
    }

    /// Waits for the shutdown to begin.
    pub async fn stopped(&self) {
        let notified = self.stop.notified();
        tokio::pin!(notified);
        notified.as_mut().enable();
        if !self.is_stopping() {
            notified.await;
        }
    }
}

/// The engine has nothing to show; the rest has.
impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn run_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    // The standard library's hash keys are its only source of randomness, and enough for a name.
    let part = |salt: u8| RandomState::new().hash_one(salt);
    format!("{:016x}{:016x}{:08x}", part(0), part(1), part(2) as u32)
}
