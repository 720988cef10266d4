//! Settings: a flag, else its `LADYBUG_*` variable, else the TOML file of `--config`, else the
//! default named here. Those that can change while the server runs are CONFIG SET's
//! ([`crate::server::resp::parameters`]).

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::transaction::Eviction;
use ladybug_engine::engine::{HISTORY_BYTES, SNAPSHOT_BYTES, SPACES_MAX};
use serde::Deserialize;
use thiserror::Error;

use crate::query::graphql::{self, Limits};
use crate::query::sql::MEMORY_BYTES;
use crate::server::resp::notify::Selection;
use crate::server::resp::request::{ARGUMENTS_MAX, REQUEST_BYTES_MAX};

/// Port of RESP.
pub const PORT: u16 = 6379;
/// Port of HTTP.
pub const HTTP_PORT: u16 = 8080;
/// Port of Arrow Flight.
#[cfg(feature = "flight")]
pub const FLIGHT_PORT: u16 = 50051;
/// Seconds that a Flight client may leave a stream unread.
#[cfg(feature = "flight")]
pub const FLIGHT_STALL_S: u64 = 60;
/// Address all listeners bind.
pub const BIND: &str = "127.0.0.1";
/// Data directory.
pub const DATA: &str = "./data";
/// Clients connected at once.
pub const CLIENTS_MAX: usize = 10_000;
/// Bytes a client may leave unread before it is closed.
pub const OUTPUT_BUFFER_BYTES: usize = 64 * 1024 * 1024;
/// Microseconds from which a command enters the slow log.
pub const SLOWLOG_THRESHOLD_US: i64 = 10_000;
/// Entries the slow log keeps.
pub const SLOWLOG_ENTRIES_MAX: usize = 128;

/// Least bound on what held snapshots keep: 1 MiB, a few chunks.
pub const SNAPSHOT_BYTES_MIN: u64 = 1 << 20;

/// Bytes of fingerprints that scrubbing looks at a second: a full space in 18 seconds, for a five-hundredth of a core.
pub const SCRUB_BYTES_PER_S: u64 = 4 << 20;

/// After how long a SQL command ends, unless set otherwise: a minute.
pub const SQL_TIMEOUT_MS: u64 = 60_000;
/// Most rows that a SQL command answers, unless set otherwise.
pub const SQL_ROWS_MAX: usize = 100_000;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// What was given on the command line, in the environment or in the file; all of it optional.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// TOML file with any of these settings, named as the flags
    #[arg(long, value_name = "FILE", env = "LADYBUG_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Port of RESP, 0 for any [default: 6379]
    #[arg(long, env = "LADYBUG_PORT")]
    pub port: Option<u16>,
    /// Port of HTTP [default: $PORT, else 8080]
    #[arg(long, env = "LADYBUG_HTTP_PORT")]
    pub http_port: Option<u16>,
    /// Port of Arrow Flight and Flight SQL, 0 for any [default: 50051]
    #[cfg(feature = "flight")]
    #[arg(long, env = "LADYBUG_FLIGHT_PORT")]
    pub flight_port: Option<u16>,
    /// Seconds that a Flight client may leave a stream unread before the stream ends [default: 60]
    #[cfg(feature = "flight")]
    #[arg(long, value_name = "SECONDS", env = "LADYBUG_FLIGHT_STALL")]
    pub flight_stall: Option<u64>,
    /// Addresses to listen on, separated by commas [default: 127.0.0.1]
    #[arg(long, value_delimiter = ',', env = "LADYBUG_BIND")]
    pub bind: Option<Vec<IpAddr>>,
    /// Data directory [default: ./data]
    #[arg(long, value_name = "DIR", env = "LADYBUG_DATA")]
    pub data: Option<PathBuf>,
    /// When a commit counts as acknowledged: always, everysec or never [default: always]
    #[arg(long, value_name = "POLICY", env = "LADYBUG_FSYNC")]
    pub fsync: Option<String>,
    /// Threads that serve RESP [default: 1]
    #[arg(long, value_name = "N", env = "LADYBUG_IO_THREADS")]
    pub io_threads: Option<usize>,
    /// Password clients have to give [default: none; only local clients are served]
    #[arg(long, env = "LADYBUG_PASSWORD", hide_env_values = true)]
    pub password: Option<String>,
    /// Refuse to start without a password
    #[arg(long, value_name = "BOOL", env = "LADYBUG_REQUIRE_PASSWORD", num_args = 0..=1,
          default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub require_password: Option<bool>,
    /// Refuse clients from other machines while there is no password [default: true]
    #[arg(long, value_name = "BOOL", env = "LADYBUG_PROTECTED_MODE", num_args = 0..=1,
          default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub protected_mode: Option<bool>,
    /// Clients connected at once [default: 10000]
    #[arg(long, value_name = "N", env = "LADYBUG_MAXCLIENTS")]
    pub maxclients: Option<usize>,
    /// Bytes of one request [default: 67108864]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_REQUEST_BYTES_MAX")]
    pub request_bytes_max: Option<usize>,
    /// Arguments of one request [default: 1048576]
    #[arg(long, value_name = "N", env = "LADYBUG_ARGUMENTS_MAX")]
    pub arguments_max: Option<usize>,
    /// Bytes a client may leave unread before it is closed [default: 67108864]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_OUTPUT_BUFFER")]
    pub output_buffer: Option<usize>,
    /// Seconds after which an idle client is closed, 0 for never [default: 0]
    #[arg(long, value_name = "SECONDS", env = "LADYBUG_TIMEOUT")]
    pub timeout: Option<u64>,
    /// Spaces, numbered and named together [default: 1024]
    #[arg(long, value_name = "N", env = "LADYBUG_SPACES")]
    pub spaces: Option<usize>,
    /// Bytes that held snapshots may keep of what writers replaced, before the oldest fails [default: 1073741824]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_SNAPSHOT_BYTES")]
    pub snapshot_bytes: Option<u64>,
    /// Milliseconds that a Cypher statement may run [default: 30000]
    #[arg(long, value_name = "MILLISECONDS", env = "LADYBUG_CYPHER_TIMEOUT_MS")]
    pub cypher_timeout_ms: Option<u64>,
    /// Bytes of rows that a Cypher statement may hold [default: 1073741824]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_CYPHER_MEMORY_BYTES")]
    pub cypher_memory_bytes: Option<u64>,
    /// Rows that a Cypher statement may answer [default: 10000000]
    #[arg(long, value_name = "COUNT", env = "LADYBUG_CYPHER_ROWS_MAX")]
    pub cypher_rows_max: Option<u64>,
    /// Milliseconds after which a SQL command ends; 0 for never [default: 60000]
    #[arg(long, value_name = "MILLISECONDS", env = "LADYBUG_SQL_TIMEOUT_MS")]
    pub sql_timeout_ms: Option<u64>,
    /// Most rows that a SQL command answers [default: 100000]
    #[arg(long, value_name = "COUNT", env = "LADYBUG_SQL_ROWS_MAX")]
    pub sql_rows_max: Option<usize>,
    /// Bytes that sorts, joins and groups of all SQL together may take, and the rows of one answer [default: 1073741824]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_SQL_MEMORY_BYTES")]
    pub sql_memory_bytes: Option<usize>,
    /// Fields that a GraphQL document may nest [default: 24]
    #[arg(long, value_name = "N", env = "LADYBUG_GRAPHQL_DEPTH_MAX")]
    pub graphql_depth_max: Option<usize>,
    /// Fields that a GraphQL document may have, fragments spread out [default: 1000]
    #[arg(long, value_name = "N", env = "LADYBUG_GRAPHQL_COMPLEXITY_MAX")]
    pub graphql_complexity_max: Option<usize>,
    /// Most items of a page of GraphQL, and results of a search [default: 1000]
    #[arg(long, value_name = "N", env = "LADYBUG_GRAPHQL_PAGE_MAX")]
    pub graphql_page_max: Option<usize>,
    /// Most nodes and edges that a GraphQL document answers [default: 100000]
    #[arg(long, value_name = "N", env = "LADYBUG_GRAPHQL_ROWS_MAX")]
    pub graphql_rows_max: Option<usize>,
    /// Bytes that the answer to a GraphQL document may take [default: 268435456]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_GRAPHQL_MEMORY_BYTES")]
    pub graphql_memory_bytes: Option<usize>,
    /// Milliseconds after which a GraphQL document ends; 0 for never [default: 10000]
    #[arg(long, value_name = "MILLISECONDS", env = "LADYBUG_GRAPHQL_TIMEOUT_MS")]
    pub graphql_timeout_ms: Option<u64>,
    /// Bytes of the past that each space keeps; 0 for none [default: 67108864]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_HISTORY_BYTES")]
    pub history_bytes: Option<u64>,
    /// Seconds that the past is kept at most; 0 for as long as there is room [default: 0]
    #[arg(long, value_name = "SECONDS", env = "LADYBUG_HISTORY_AGE")]
    pub history_age: Option<u64>,
    /// Bytes of fingerprints a second that are checked, and repaired, in the background; 0 for none [default: 4194304]
    #[arg(long, value_name = "BYTES", env = "LADYBUG_SCRUB_BYTES_PER_SECOND")]
    pub scrub_bytes_per_second: Option<u64>,
    /// What a full fluid zone does: none refuses, coldest evicts [default: none]
    #[arg(long, value_name = "POLICY", env = "LADYBUG_EVICTION")]
    pub eviction: Option<String>,
    /// The Hamming kernel: scalar, avx2, avx512, avx512vpopcnt, neon [default: the best this processor has]
    #[arg(long, value_name = "KERNEL", env = "LADYBUG_SIMD")]
    pub simd: Option<String>,
    /// Microseconds from which a command enters the slow log, negative for never [default: 10000]
    #[arg(
        long,
        value_name = "US",
        env = "LADYBUG_SLOWLOG_LOG_SLOWER_THAN",
        allow_negative_numbers = true
    )]
    pub slowlog_log_slower_than: Option<i64>,
    /// Entries the slow log keeps [default: 128]
    #[arg(long, value_name = "N", env = "LADYBUG_SLOWLOG_MAX_LEN")]
    pub slowlog_max_len: Option<usize>,
    /// Keyspace events to publish, as Redis's letters [default: none]
    #[arg(long, value_name = "LETTERS", env = "LADYBUG_NOTIFY_KEYSPACE_EVENTS")]
    pub notify_keyspace_events: Option<String>,
    /// Form of log lines [default: text]
    #[arg(long, value_enum, env = "LADYBUG_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug, trace, or tracing directives [default: info]
    #[arg(long, value_name = "LEVEL", env = "LADYBUG_LOG_LEVEL")]
    pub log_level: Option<String>,
}

/// The settings in force, each with its value.
#[derive(Clone)]
pub struct Settings {
    /// Port of RESP, 0 for any.
    pub port: u16,
    /// Port of HTTP.
    pub http_port: u16,
    /// Port of Arrow Flight, 0 for any.
    #[cfg(feature = "flight")]
    pub flight_port: u16,
    /// Seconds that a Flight client may leave a stream unread.
    #[cfg(feature = "flight")]
    pub flight_stall_s: u64,
    /// Addresses to listen on.
    pub bind: Vec<IpAddr>,
    /// Data directory.
    pub data: PathBuf,
    /// When a commit counts as acknowledged.
    pub fsync: FsyncPolicy,
    /// Threads that serve RESP.
    pub io_threads: usize,
    /// Password at the start; CONFIG SET changes the live one.
    pub password: Option<String>,
    /// Whether clients from elsewhere are refused while there is no password, at the start.
    pub protected_mode: bool,
    /// Clients connected at once, at the start.
    pub clients_max: usize,
    /// Bytes of one request.
    pub request_bytes_max: usize,
    /// Arguments of one request.
    pub arguments_max: usize,
    /// Bytes a client may leave unread.
    pub output_buffer_bytes: usize,
    /// Seconds after which an idle client is closed, 0 for never, at the start.
    pub timeout_s: u64,
    /// Spaces, numbered and named together.
    pub spaces_max: usize,
    /// Bytes that held snapshots may keep of what writers replaced.
    pub snapshot_bytes: u64,
    /// What a Cypher statement may use.
    pub cypher: crate::query::cypher::execute::Limits,
    /// Milliseconds after which a SQL command ends; 0 for never.
    pub sql_timeout_ms: u64,
    /// Most rows that a SQL command answers.
    pub sql_rows_max: usize,
    /// Bytes that sorts, joins and groups of all SQL together may take, and the rows of one answer.
    pub sql_memory_bytes: usize,
    /// What a GraphQL document may cost.
    pub graphql: Limits,
    /// Bytes of the past that each space keeps.
    pub history_bytes: u64,
    /// Seconds that the past is kept at most; 0 for as long as there is room.
    pub history_age_s: u64,
    /// Bytes of fingerprints a second that scrubbing looks at, 0 for none, at the start.
    pub scrub_bytes_per_s: u64,
    /// What a full fluid zone does.
    pub eviction: Eviction,
    /// The Hamming kernel, if it is not to be the best one.
    pub simd: Option<String>,
    /// Microseconds from which a command enters the slow log, at the start.
    pub slowlog_threshold_us: i64,
    /// Entries the slow log keeps, at the start.
    pub slowlog_entries_max: usize,
    /// Keyspace events to publish, at the start.
    pub notify: Selection,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: String,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or names a setting that is none.
    #[error("{path}: {source}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: Box<toml::de::Error>,
    },
    /// A value is out of its range.
    #[error("{setting}: {reason}")]
    Invalid {
        /// The setting.
        setting: &'static str,
        /// What was expected.
        reason: String,
    },
    /// A password is required and none is given.
    #[error(
        "no password is set, and this server is told to require one: set LADYBUG_PASSWORD or --password"
    )]
    PasswordRequired,
}

impl Settings {
    /// Settles every setting. `port_variable` is what `PORT` says, which hosting platforms set
    /// for HTTP.
    ///
    /// # Errors
    /// The file cannot be read or understood, or a value is out of range.
    pub fn resolve(options: Options, port_variable: Option<&str>) -> Result<Self, ConfigError> {
        let file = match &options.config {
            Some(path) => read_file(path)?,
            None => Options::default(),
        };
        let graphql = graphql_limits(&options, &file);
        let platform_port = port_variable
            .map(|port| {
                port.parse()
                    .map_err(|_| invalid("PORT", format!("'{port}' is no port")))
            })
            .transpose()?;
        let password = options
            .password
            .or(file.password)
            .filter(|password| !password.is_empty());
        if password.is_none() && options.require_password.or(file.require_password) == Some(true) {
            return Err(ConfigError::PasswordRequired);
        }
        let default_bind = || vec![BIND.parse().expect("invariant: the default is an address")];
        let letters = options
            .notify_keyspace_events
            .or(file.notify_keyspace_events);
        let notify = Selection::parse(letters.as_deref().unwrap_or_default())
            .map_err(|error| invalid("notify-keyspace-events", error.to_string()))?;
        let settings = Self {
            port: options.port.or(file.port).unwrap_or(PORT),
            http_port: options
                .http_port
                .or(platform_port)
                .or(file.http_port)
                .unwrap_or(HTTP_PORT),
            #[cfg(feature = "flight")]
            flight_port: options
                .flight_port
                .or(file.flight_port)
                .unwrap_or(FLIGHT_PORT),
            #[cfg(feature = "flight")]
            flight_stall_s: options
                .flight_stall
                .or(file.flight_stall)
                .unwrap_or(FLIGHT_STALL_S),
            bind: options.bind.or(file.bind).unwrap_or_else(default_bind),
            data: options
                .data
                .or(file.data)
                .unwrap_or_else(|| PathBuf::from(DATA)),
            fsync: match options.fsync.or(file.fsync) {
                Some(policy) => policy
                    .parse()
                    .map_err(|error: String| invalid("fsync", error))?,
                None => FsyncPolicy::Always,
            },
            io_threads: options.io_threads.or(file.io_threads).unwrap_or(1),
            password,
            protected_mode: options
                .protected_mode
                .or(file.protected_mode)
                .unwrap_or(true),
            clients_max: options
                .maxclients
                .or(file.maxclients)
                .unwrap_or(CLIENTS_MAX),
            request_bytes_max: options
                .request_bytes_max
                .or(file.request_bytes_max)
                .unwrap_or(REQUEST_BYTES_MAX),
            arguments_max: options
                .arguments_max
                .or(file.arguments_max)
                .unwrap_or(ARGUMENTS_MAX),
            output_buffer_bytes: options
                .output_buffer
                .or(file.output_buffer)
                .unwrap_or(OUTPUT_BUFFER_BYTES),
            timeout_s: options.timeout.or(file.timeout).unwrap_or(0),
            spaces_max: options.spaces.or(file.spaces).unwrap_or(SPACES_MAX),
            snapshot_bytes: options
                .snapshot_bytes
                .or(file.snapshot_bytes)
                .unwrap_or(SNAPSHOT_BYTES),
            cypher: crate::query::cypher::execute::Limits::new(
                options.cypher_timeout_ms.or(file.cypher_timeout_ms),
                options.cypher_memory_bytes.or(file.cypher_memory_bytes),
                options.cypher_rows_max.or(file.cypher_rows_max),
            ),
            sql_timeout_ms: options
                .sql_timeout_ms
                .or(file.sql_timeout_ms)
                .unwrap_or(SQL_TIMEOUT_MS),
            sql_rows_max: options
                .sql_rows_max
                .or(file.sql_rows_max)
                .unwrap_or(SQL_ROWS_MAX),
            sql_memory_bytes: options
                .sql_memory_bytes
                .or(file.sql_memory_bytes)
                .unwrap_or(MEMORY_BYTES),
            graphql,
            history_bytes: options
                .history_bytes
                .or(file.history_bytes)
                .unwrap_or(HISTORY_BYTES),
            history_age_s: options.history_age.or(file.history_age).unwrap_or(0),
            scrub_bytes_per_s: options
                .scrub_bytes_per_second
                .or(file.scrub_bytes_per_second)
                .unwrap_or(SCRUB_BYTES_PER_S),
            eviction: match options.eviction.or(file.eviction).as_deref() {
                None | Some("none") => Eviction::None,
                Some("coldest") => Eviction::Coldest,
                Some(other) => {
                    let reason = format!("expected none or coldest, got '{other}'");
                    return Err(invalid("eviction", reason));
                }
            },
            simd: options.simd.or(file.simd),
            slowlog_threshold_us: options
                .slowlog_log_slower_than
                .or(file.slowlog_log_slower_than)
                .unwrap_or(SLOWLOG_THRESHOLD_US),
            slowlog_entries_max: options
                .slowlog_max_len
                .or(file.slowlog_max_len)
                .unwrap_or(SLOWLOG_ENTRIES_MAX),
            notify,
            log_format: options.log_format.or(file.log_format).unwrap_or_default(),
            log_level: options
                .log_level
                .or(file.log_level)
                .unwrap_or_else(|| "info".to_owned()),
        };
        settings.check()?;
        Ok(settings)
    }

    /// Refuses values no server could run with.
    fn check(&self) -> Result<(), ConfigError> {
        let at_least_one = [
            ("io-threads", self.io_threads),
            ("spaces", self.spaces_max),
            ("maxclients", self.clients_max),
            ("arguments-max", self.arguments_max),
            ("graphql-complexity-max", self.graphql.complexity_max),
            ("graphql-page-max", self.graphql.page_max),
            ("graphql-rows-max", self.graphql.rows_max),
            ("graphql-memory-bytes", self.graphql.memory_bytes),
        ];
        for (setting, value) in at_least_one {
            if value == 0 {
                return Err(invalid(setting, "expected at least 1, got 0"));
            }
        }
        let (depth_max, nesting_max) = (self.graphql.depth_max, graphql::bounds::NESTING_MAX);
        if !(1..=nesting_max).contains(&depth_max) {
            let reason = format!("expected 1 to {nesting_max}, got {depth_max}");
            return Err(invalid("graphql-depth-max", reason));
        }
        // Ranges are kept in 64 bits and lengths are added to them: stay far from the end.
        let bytes = [
            ("request-bytes-max", self.request_bytes_max),
            ("output-buffer", self.output_buffer_bytes),
        ];
        for (setting, value) in bytes {
            if !(1024..=1 << 40).contains(&value) {
                return Err(invalid(
                    setting,
                    format!("expected 1024 to 2^40 bytes, got {value}"),
                ));
            }
        }
        if self.snapshot_bytes < SNAPSHOT_BYTES_MIN {
            let got = self.snapshot_bytes;
            let reason = format!("expected at least {SNAPSHOT_BYTES_MIN} bytes, got {got}");
            return Err(invalid("snapshot-bytes", reason));
        }
        #[cfg(feature = "flight")]
        if self.flight_stall_s == 0 {
            return Err(invalid("flight-stall", "expected at least 1 second, got 0"));
        }
        if self.bind.is_empty() {
            return Err(invalid("bind", "expected at least one address"));
        }
        Ok(())
    }
}

/// Everything but the password.
impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("port", &self.port)
            .field("http_port", &self.http_port)
            .field("bind", &self.bind)
            .field("data", &self.data)
            .field("io_threads", &self.io_threads)
            .field("has_password", &self.password.is_some())
            .finish_non_exhaustive()
    }
}

fn graphql_limits(options: &Options, file: &Options) -> Limits {
    let default = Limits::default();
    let or = |flag: Option<usize>, file: Option<usize>, default| flag.or(file).unwrap_or(default);
    let timeout_ms = options
        .graphql_timeout_ms
        .or(file.graphql_timeout_ms)
        .unwrap_or(graphql::limits::TIMEOUT_MS);
    Limits {
        depth_max: or(
            options.graphql_depth_max,
            file.graphql_depth_max,
            default.depth_max,
        ),
        complexity_max: or(
            options.graphql_complexity_max,
            file.graphql_complexity_max,
            default.complexity_max,
        ),
        page_max: or(
            options.graphql_page_max,
            file.graphql_page_max,
            default.page_max,
        ),
        rows_max: or(
            options.graphql_rows_max,
            file.graphql_rows_max,
            default.rows_max,
        ),
        memory_bytes: or(
            options.graphql_memory_bytes,
            file.graphql_memory_bytes,
            default.memory_bytes,
        ),
        timeout: (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms)),
    }
}

fn invalid(setting: &'static str, reason: impl Into<String>) -> ConfigError {
    ConfigError::Invalid {
        setting,
        reason: reason.into(),
    }
}

fn read_file(path: &Path) -> Result<Options, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| ConfigError::Malformed {
        path: path.to_owned(),
        source: Box::new(source),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = file("port = 7000\nmaxclients = 5\nbind = ['0.0.0.0', '::']\n");
        let options = Options {
            config: Some(file.path().to_owned()),
            port: Some(7001),
            ..Options::default()
        };
        let settings = Settings::resolve(options, Some("9000")).unwrap();
        assert_eq!(
            (settings.port, settings.clients_max, settings.http_port),
            (7001, 5, 9000)
        );
        assert_eq!(settings.bind.len(), 2);
        assert_eq!(settings.request_bytes_max, REQUEST_BYTES_MAX);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_name() {
        let refusal = |options| Settings::resolve(options, None).unwrap_err().to_string();
        let options = Options {
            io_threads: Some(0),
            ..Options::default()
        };
        assert_eq!(refusal(options), "io-threads: expected at least 1, got 0");
        let options = Options {
            snapshot_bytes: Some(1000),
            ..Options::default()
        };
        assert_eq!(
            refusal(options),
            "snapshot-bytes: expected at least 1048576 bytes, got 1000"
        );
        let options = Options {
            notify_keyspace_events: Some("q".into()),
            ..Options::default()
        };
        assert!(refusal(options).starts_with("notify-keyspace-events: Invalid event class"));
        let unknown = file("prot = 1\n");
        let options = Options {
            config: Some(unknown.path().to_owned()),
            ..Options::default()
        };
        assert!(refusal(options).contains("unknown field `prot`"));
        let options = Options {
            config: Some("/nowhere".into()),
            ..Options::default()
        };
        assert!(refusal(options).starts_with("cannot read /nowhere"));
        assert!(Settings::resolve(Options::default(), Some("x")).is_err());
    }

    #[test]
    fn a_required_password_must_be_there_and_not_be_shown() {
        let required = Options {
            require_password: Some(true),
            ..Options::default()
        };
        let refused = Settings::resolve(required.clone(), None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("set LADYBUG_PASSWORD"));
        let empty = Options {
            password: Some(String::new()),
            ..required.clone()
        };
        assert!(Settings::resolve(empty, None).is_err());
        let given = Options {
            password: Some("s3cret".into()),
            ..required
        };
        let settings = Settings::resolve(given, None).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
