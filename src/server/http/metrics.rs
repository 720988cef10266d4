//! The numbers of `/metrics`, in Prometheus' text exposition format.

use std::fmt::{Display, Write as _};
use std::sync::atomic::Ordering::Relaxed;

use ladybug_engine::engine::Engine;
use ladybug_engine::fingerprint::kernel;
use ladybug_engine::space::address::Zone;

use crate::server::resp::command::TABLE;
use crate::server::resp::server::Server;
use crate::server::resp::session::unix_time_us;

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
    let checkpoint_us = server.saves.last_s.load(Relaxed) * 1_000_000;
    out.gauge(
        "checkpoint_age_seconds",
        "Seconds since the last checkpoint of this process, or its start if there was none.",
        (unix_time_us() - checkpoint_us).max(0) / 1_000_000,
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
    flight(server, &mut out);
    memory(&server.engine, &mut out);
    log(&server.engine, &mut out);
    snapshots(&server.engine, &mut out);
    past(&server.engine, &mut out);
    scrub(server, &mut out);
    out.0
}

/// What Arrow Flight's clients do.
fn flight(server: &Server, out: &mut Exposition) {
    let stats = &server.stats.flight;
    out.gauge(
        "flight_clients",
        "Clients of Arrow Flight connected now.",
        stats.clients.load(Relaxed),
    );
    out.counter(
        "flight_connections_total",
        "Connections of Arrow Flight accepted.",
        stats.connections.load(Relaxed),
    );
    out.counter(
        "flight_streams_total",
        "Streams of record batches begun.",
        stats.streams.load(Relaxed),
    );
    out.counter(
        "flight_streams_stalled_total",
        "Streams ended because the client left them unread for --flight-stall seconds.",
        stats.stalled.load(Relaxed),
    );
    out.counter(
        "flight_input_bytes_total",
        "Bytes received over Arrow Flight.",
        stats.input_bytes.load(Relaxed),
    );
    out.counter(
        "flight_output_bytes_total",
        "Bytes sent over Arrow Flight.",
        stats.output_bytes.load(Relaxed),
    );
}

/// What scrubbing has looked at and found.
fn scrub(server: &Server, out: &mut Exposition) {
    let stats = &server.stats;
    out.counter(
        "scrub_chunks_total",
        "Chunks whose fingerprints were checked in the background.",
        stats.scrubbed_chunks.load(Relaxed),
    );
    out.counter(
        "scrub_repaired_total",
        "Fingerprints, sketches and parity rows that were damaged in memory and repaired.",
        stats.scrub_repaired.load(Relaxed),
    );
    out.counter(
        "scrub_lost_total",
        "Fingerprints that were damaged in memory beyond repair.",
        stats.scrub_lost.load(Relaxed),
    );
    let last = server.scrub.status().last;
    out.gauge(
        "scrub_last_pass_timestamp_seconds",
        "When the last full pass ended, in seconds since the epoch; 0 if there was none.",
        last.map_or(0, |pass| pass.ended_us) / 1_000_000,
    );
}

/// What the memory holds, all spaces together.
fn memory(engine: &Engine, out: &mut Exposition) {
    let spaces = engine.spaces();
    let (mut names, mut edges, mut populations) = (0, 0, [0; 2]);
    for &space in &spaces {
        let counts = engine.read(space, |view| {
            let state = view.state;
            let populations = [Zone::Node, Zone::Fluid].map(|zone| state.population(zone));
            (state.names_len(), state.graph().len(), populations)
        });
        let (names_here, edges_here, populations_here) = counts.value;
        names += names_here;
        edges += edges_here;
        for (population, here) in populations.iter_mut().zip(populations_here) {
            *population += here;
        }
    }
    out.gauge("spaces", "Spaces in use.", spaces.len());
    out.gauge("names", "Nodes with a name.", names);
    out.gauge("edges", "Edges.", edges);
    out.open(
        "addresses_used",
        "gauge",
        "Occupied addresses, reified edges included.",
    );
    for (zone, population) in ["node", "fluid"].into_iter().zip(populations) {
        out.sample("addresses_used", &format!("zone=\"{zone}\""), population);
    }
    out.open("kernel_info", "gauge", "The Hamming kernel in use.");
    out.sample(
        "kernel_info",
        &format!("kernel=\"{}\"", kernel::active().name),
        1,
    );
}

/// Where the write-ahead log stands.
fn log(engine: &Engine, out: &mut Exposition) {
    let log = engine.log();
    let stats = log.stats();
    out.counter(
        "log_appended_position",
        "Position of the last commit.",
        stats.appended,
    );
    out.counter(
        "log_acknowledged_position",
        "Last position acknowledged under --fsync.",
        stats.acknowledged,
    );
    out.counter(
        "log_durable_position",
        "Last position that survives a power loss.",
        stats.durable,
    );
    out.counter(
        "log_written_bytes_total",
        "Bytes of records written.",
        stats.written_bytes,
    );
    out.counter(
        "log_writes_total",
        "Writes, each of many commits.",
        stats.batches,
    );
    out.counter("log_syncs_total", "Syncs of records.", stats.syncs);
    out.gauge("log_bytes", "Bytes of the log's segments.", stats.bytes);
    out.gauge("log_segments", "Segments of the log.", stats.segments);
    out.gauge(
        "log_queued_bytes",
        "Bytes committed and not yet written.",
        stats.queued_bytes,
    );
    let is_failed = u8::from(log.failed().is_some());
    out.gauge(
        "log_failed",
        "Whether the log has failed and nothing is written.",
        is_failed,
    );
}

/// What reads in progress keep in memory.
fn snapshots(engine: &Engine, out: &mut Exposition) {
    let snapshots = engine.snapshot_stats();
    out.gauge("snapshots_held", "Reads in progress.", snapshots.held);
    out.gauge(
        "snapshots_bytes",
        "Bytes that reads in progress keep of what writers replaced.",
        snapshots.bytes,
    );
    out.counter(
        "snapshots_gone_total",
        "Reads given up because of --snapshot-bytes.",
        snapshots.revoked,
    );
}

/// What the past takes, and who changes much at once.
fn past(engine: &Engine, out: &mut Exposition) {
    let bytes = engine.history_stats(0).bytes_all;
    out.gauge(
        "history_bytes",
        "Bytes of what commits replaced, in all spaces.",
        bytes,
    );
    out.gauge(
        "transactions",
        "Transactions of DAG.BEGIN under way.",
        engine.transactions().len(),
    );
    out.gauge(
        "forks",
        "Forks and checkpoints by name.",
        engine.forks().len(),
    );
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
