//! The parameters of CONFIG GET and SET, by Redis's names where Redis has them.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::atomic::Ordering::Relaxed;

use ladybug_engine::commit::log::FsyncPolicy;

use super::notify::Selection;
use super::server::Server;

/// A change that has been checked and can no longer fail.
pub type Change = Box<dyn FnOnce(&Server)>;

/// Checks a new value; the error is Redis's reason.
pub type Check = fn(&str) -> Result<Change, String>;

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// In lower case.
    pub name: &'static str,
    /// Its value now.
    pub get: fn(&Server) -> String,
    /// How a new value is checked; `None` if it is fixed at start.
    pub set: Option<Check>,
}

/// A parameter that is fixed at start.
const fn fixed(name: &'static str, get: fn(&Server) -> String) -> Parameter {
    Parameter {
        name,
        get,
        set: None,
    }
}

/// A parameter that CONFIG SET changes.
const fn live(name: &'static str, get: fn(&Server) -> String, set: Check) -> Parameter {
    Parameter {
        name,
        get,
        set: Some(set),
    }
}

/// All parameters, by name. Some say what Ladybug always does, for clients that ask: snapshots on
/// a schedule (`save`) there are none, the log (`appendonly`) is always on.
pub const PARAMETERS: &[Parameter] = &[
    fixed("appendfsync", |server| match server.settings.fsync {
        FsyncPolicy::Never => "no".to_owned(),
        policy => policy.to_string(),
    }),
    fixed("appendonly", |_| "yes".to_owned()),
    fixed("bind", |server| {
        let addresses: Vec<String> = server
            .settings
            .bind
            .iter()
            .map(ToString::to_string)
            .collect();
        addresses.join(" ")
    }),
    fixed("databases", |server| server.settings.spaces_max.to_string()),
    fixed("dir", |server| {
        let data = &server.settings.data;
        std::path::absolute(data)
            .unwrap_or_else(|_| data.clone())
            .display()
            .to_string()
    }),
    fixed("io-threads", |server| {
        server.settings.io_threads.to_string()
    }),
    live(
        "maxclients",
        |server| server.live.clients_max.load(Relaxed).to_string(),
        |value| {
            let clients_max = number(value, 1, u32::MAX as usize)?;
            Ok(Box::new(move |server| {
                server.live.clients_max.store(clients_max, Relaxed)
            }))
        },
    ),
    fixed("maxmemory", |_| "0".to_owned()),
    live(
        "notify-keyspace-events",
        |server| server.live.notify().letters(),
        |value| {
            let selection = Selection::parse(value).map_err(|error| error.to_string())?;
            Ok(Box::new(move |server| server.set_notify(selection)))
        },
    ),
    fixed("port", |server| server.port.load(Relaxed).to_string()),
    live(
        "protected-mode",
        |server| yes_or_no(server.live.protected_mode.load(Relaxed)),
        |value| {
            let is_protected = boolean(value)?;
            Ok(Box::new(move |server| {
                server.live.protected_mode.store(is_protected, Relaxed)
            }))
        },
    ),
    fixed("proto-max-bulk-len", |server| {
        server.settings.request_bytes_max.to_string()
    }),
    live(
        "requirepass",
        |server| {
            server
                .live
                .password()
                .as_deref()
                .unwrap_or_default()
                .to_owned()
        },
        |value| {
            let password = value.to_owned();
            Ok(Box::new(move |server| server.live.set_password(&password)))
        },
    ),
    fixed("save", |_| String::new()),
    live(
        "scrub-bytes-per-second",
        |server| server.live.scrub_bytes_per_s.load(Relaxed).to_string(),
        |value| {
            let bytes_per_s = number(value, 0, i64::MAX as u64)?;
            Ok(Box::new(move |server| {
                server.live.scrub_bytes_per_s.store(bytes_per_s, Relaxed);
                server.scrub.wake();
            }))
        },
    ),
    live(
        "slowlog-log-slower-than",
        |server| server.live.slowlog_threshold_us.load(Relaxed).to_string(),
        |value| {
            let threshold_us = number(value, -1, i64::MAX)?;
            Ok(Box::new(move |server| {
                server
                    .live
                    .slowlog_threshold_us
                    .store(threshold_us, Relaxed);
            }))
        },
    ),
    live(
        "slowlog-max-len",
        |server| server.live.slowlog_entries_max.load(Relaxed).to_string(),
        |value| {
            let entries_max = number(value, 0, usize::MAX >> 1)?;
            Ok(Box::new(move |server| {
                server.live.slowlog_entries_max.store(entries_max, Relaxed);
            }))
        },
    ),
    live(
        "timeout",
        |server| server.live.timeout_s.load(Relaxed).to_string(),
        |value| {
            let timeout_s = number(value, 0, i32::MAX as u64)?;
            Ok(Box::new(move |server| {
                server.live.timeout_s.store(timeout_s, Relaxed)
            }))
        },
    ),
];

/// The parameter of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Parameter> {
    PARAMETERS
        .iter()
        .find(|parameter| parameter.name.as_bytes().eq_ignore_ascii_case(name))
}

fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".to_owned()),
    }
}

fn number<N: FromStr + PartialOrd + Display>(value: &str, min: N, max: N) -> Result<N, String> {
    if value.parse::<i64>().is_err() {
        return Err("argument couldn't be parsed into an integer".to_owned());
    }
    match value.parse::<N>() {
        Ok(number) if number >= min && number <= max => Ok(number),
        _ => Err(format!(
            "argument must be between {min} and {max} inclusive"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        let names: Vec<_> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn numbers_are_refused_in_redis_words() {
        assert_eq!(
            number("x", 0, 9),
            Err("argument couldn't be parsed into an integer".to_owned())
        );
        assert_eq!(
            number("-1", 0u64, 9),
            Err("argument must be between 0 and 9 inclusive".to_owned())
        );
        assert_eq!(number("9", 0, 9), Ok(9));
    }
}
