//! The numbers of `/metrics`, in Prometheus' text exposition format.

use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use crate::server::resp::command::TABLE;
use crate::server::resp::server::Server;

/// Text that grows metric by metric.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// Appends what opens a metric: its help and its type.
    fn open(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(
            self.0,
            "# HELP ladybug_{name} {help}\n# TYPE ladybug_{name} {kind}"
        )
        .expect("invariant: writing to a string succeeds");
    }

    /// Appends one sample; `labels` are written as they are: `command="get"`.
    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{labels}}}")
        };
        writeln!(self.0, "ladybug_{name}{labels} {value}")
            .expect("invariant: writing to a string succeeds");
    }

    /// A metric of one sample that only rises.
    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.open(name, "counter", help);
        self.sample(name, "", value);
    }

    /// A metric of one sample that rises and falls.
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.open(name, "gauge", help);
        self.sample(name, "", value);
    }
}

/// All metrics.
pub(super) fn render(server: &Server) -> String {
    let mut out = Exposition::default();
    let stats = &server.stats;
    out.open("info", "gauge", "What runs.");
    out.sample(
        "info",
        &format!("version=\"{}\"", env!("CARGO_PKG_VERSION")),
        1,
    );
    out.gauge(
        "uptime_seconds",
        "Seconds since the start.",
        stats.started.elapsed().as_secs(),
    );
    if let Some(bytes) = resident_bytes() {
        out.gauge(
            "memory_resident_bytes",
            "Resident memory of the process.",
            bytes,
        );
    }
    out.gauge(
        "clients",
        "Clients connected now.",
        server.clients.all().len(),
    );
    out.counter(
        "connections_total",
        "Connections accepted.",
        stats.connections.load(Relaxed),
    );
    out.counter(
        "connections_rejected_total",
        "Connections refused because too many were there.",
        stats.rejected_connections.load(Relaxed),
    );
    out.counter(
        "input_bytes_total",
        "Bytes of requests.",
        stats.input_bytes.load(Relaxed),
    );
    out.counter(
        "output_bytes_total",
        "Bytes of replies.",
        stats.output_bytes.load(Relaxed),
    );
    out.counter(
        "key_hits_total",
        "Keys asked for and found.",
        stats.hits.load(Relaxed),
    );
    out.counter(
        "key_misses_total",
        "Keys asked for and not found.",
        stats.misses.load(Relaxed),
    );
    out.open("commands_total", "counter", "Commands executed.");
    for_each_command(server, |labels, [calls, _, _]| {
        out.sample("commands_total", labels, calls)
    });
    out.open("command_seconds_total", "counter", "Time commands took.");
    for_each_command(server, |labels, [_, duration_us, _]| {
        let microseconds = format!("{}.{:06}", duration_us / 1_000_000, duration_us % 1_000_000);
        out.sample("command_seconds_total", labels, microseconds);
    });
    out.open(
        "commands_failed_total",
        "counter",
        "Commands that answered an error.",
    );
    for_each_command(server, |labels, [_, _, failed]| {
        out.sample("commands_failed_total", labels, failed);
    });
    out.open("errors_total", "counter", "Error replies by code.");
    for (code, count) in stats.errors() {
        out.sample("errors_total", &format!("code=\"{code}\""), count);
    }
    out.0
}

/// Calls, microseconds and failures of every command that was called.
fn for_each_command(server: &Server, mut sample: impl FnMut(&str, [u64; 3])) {
    for entry in TABLE.entries() {
        let stats = server.stats.command(entry.index);
        let calls = stats.calls.load(Relaxed);
        if calls > 0 {
            let labels = format!("command=\"{}\"", entry.full_name);
            sample(
                &labels,
                [
                    calls,
                    stats.duration_us.load(Relaxed),
                    stats.failed.load(Relaxed),
                ],
            );
        }
    }
}

/// Resident memory, as the system counts it.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
