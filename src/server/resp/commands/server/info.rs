//! INFO: sections of `field:value` lines, by Redis's names.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use ladybug_engine::fingerprint::kernel;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::state::View;

use super::super::super::command::TABLE;
use super::super::super::error::CommandError;
use super::super::super::reply::Reply;
use super::super::super::server::Server;
use super::super::super::session::{Session, unix_time_us};
use super::super::connection::REDIS_VERSION;

/// One section.
struct Section {
    /// As it is asked for; its heading has a capital.
    name: &'static str,
    /// Whether INFO without arguments shows it.
    is_default: bool,
    write: fn(&Server, &mut String),
}

const SECTIONS: &[Section] = &[
    Section {
        name: "server",
        is_default: true,
        write: server,
    },
    Section {
        name: "clients",
        is_default: true,
        write: clients,
    },
    Section {
        name: "memory",
        is_default: true,
        write: memory,
    },
    Section {
        name: "persistence",
        is_default: true,
        write: persistence,
    },
    Section {
        name: "stats",
        is_default: true,
        write: stats,
    },
    Section {
        name: "replication",
        is_default: true,
        write: replication,
    },
    Section {
        name: "cpu",
        is_default: true,
        write: cpu,
    },
    Section {
        name: "commandstats",
        is_default: false,
        write: commandstats,
    },
    Section {
        name: "keyspace",
        is_default: true,
        write: keyspace,
    },
    Section {
        name: "ladybug",
        is_default: true,
        write: ladybug,
    },
    Section {
        name: "errorstats",
        is_default: true,
        write: errorstats,
    },
];

pub(super) fn info(session: &mut Session, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
    let asked: Vec<String> = arguments[1..]
        .iter()
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase())
        .collect();
    Ok(Reply::Verbatim(Bytes::from(describe(
        &session.server,
        &asked,
    ))))
}

/// The sections asked for; none: the default ones. `all` and `everything` are all.
pub fn describe(server: &Server, asked: &[String]) -> String {
    let is_asked = |section: &Section| {
        (asked.is_empty() && section.is_default)
            || asked.iter().any(|name| match name.as_str() {
                "default" => section.is_default,
                "all" | "everything" => true,
                name => name == section.name,
            })
    };
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| is_asked(section)) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        let (first, rest) = match section.name {
            "cpu" => ("CPU", ""),
            name => name.split_at(1),
        };
        line(&mut text, format_args!("# {}{rest}", first.to_uppercase()));
        (section.write)(server, &mut text);
    }
    text
}

fn line(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments)
        .expect("invariant: writing to a string succeeds");
    out.push_str("\r\n");
}

/// Appends `name:value`.
fn field(out: &mut String, name: &str, value: impl std::fmt::Display) {
    line(out, format_args!("{name}:{value}"));
}

fn server(server: &Server, out: &mut String) {
    let uptime_s = server.stats.started.elapsed().as_secs();
    field(out, "redis_version", REDIS_VERSION);
    field(out, "redis_mode", "standalone");
    field(out, "ladybug_version", env!("CARGO_PKG_VERSION"));
    field(
        out,
        "os",
        format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    );
    field(out, "arch_bits", usize::BITS);
    field(out, "process_id", std::process::id());
    field(out, "run_id", &server.run_id);
    field(out, "tcp_port", server.port.load(Relaxed));
    field(out, "flight_port", server.flight_port.load(Relaxed));
    field(out, "server_time_usec", unix_time_us());
    field(out, "uptime_in_seconds", uptime_s);
    field(out, "uptime_in_days", uptime_s / 86_400);
    field(out, "io_threads_active", server.settings.io_threads);
}

fn clients(server: &Server, out: &mut String) {
    let all = server.clients.all();
    field(out, "connected_clients", all.len());
    field(out, "maxclients", server.live.clients_max.load(Relaxed));
    field(
        out,
        "pubsub_clients",
        all.iter().filter(|client| client.is_subscriber()).count(),
    );
    let most = |bytes: fn(&super::super::super::client::Client) -> usize| {
        all.iter().map(|client| bytes(client)).max().unwrap_or(0)
    };
    field(
        out,
        "client_recent_max_input_buffer",
        most(|client| client.input_bytes.load(Relaxed)),
    );
    field(
        out,
        "client_recent_max_output_buffer",
        most(|client| client.output_bytes.load(Relaxed) + client.mailbox.waiting().1),
    );
    field(out, "blocked_clients", 0);
}

fn memory(_: &Server, out: &mut String) {
    let resident = resident_bytes();
    field(out, "used_memory", resident);
    field(out, "used_memory_human", human(resident));
    field(out, "used_memory_rss", resident);
    field(out, "used_memory_rss_human", human(resident));
    field(out, "maxmemory", 0);
    field(out, "maxmemory_human", "0B");
    field(out, "maxmemory_policy", "noeviction");
    field(out, "mem_allocator", "mimalloc");
}

fn persistence(server: &Server, out: &mut String) {
    let (saves, engine) = (&server.saves, &server.engine);
    let log = engine.log().stats();
    let has_saved = !saves.has_failed.load(Relaxed);
    field(out, "loading", 0);
    field(
        out,
        "rdb_changes_since_last_save",
        log.appended - engine.checkpoint_position(),
    );
    field(
        out,
        "rdb_bgsave_in_progress",
        u8::from(saves.is_running.load(Relaxed)),
    );
    field(out, "rdb_last_save_time", saves.last_s.load(Relaxed));
    field(
        out,
        "rdb_last_bgsave_status",
        if has_saved { "ok" } else { "err" },
    );
    field(out, "aof_enabled", 1);
    let is_logging = engine.log().check().is_ok();
    field(
        out,
        "aof_last_write_status",
        if is_logging { "ok" } else { "err" },
    );
    field(out, "checkpoint_position", engine.checkpoint_position());
    field(
        out,
        "checkpoint_duration_ms",
        saves.last_duration_ms.load(Relaxed),
    );
    field(
        out,
        "log_bytes_since_checkpoint",
        engine.bytes_since_checkpoint(),
    );
    field(out, "log_fsync", engine.log().policy());
    field(out, "log_segments", log.segments);
    field(out, "log_bytes", log.bytes);
    field(out, "log_queued_bytes", log.queued_bytes);
    field(out, "log_writes", log.batches);
    field(out, "log_syncs", log.syncs);
    field(out, "log_position", log.appended);
    field(out, "log_acknowledged", log.acknowledged);
    field(out, "log_durable", log.durable);
    field(out, "log_epoch", log.epoch);
    if let Some(failed) = engine.log().failed() {
        field(
            out,
            "log_failure",
            failed.to_string().replace(['\r', '\n'], " "),
        );
    }
}

/// A line a space that holds something.
fn keyspace(server: &Server, out: &mut String) {
    for space in server.engine.spaces() {
        let (state, _) = server.engine.state(space);
        let view = View::of(&state, server.engine.now());
        let keys = view.names_len();
        if keys > 0 {
            let is_expiring = |node: &Node<'_>| node.name().is_some() && node.expires().is_some();
            // Only the fluid zone knows time.
            let expires = match state.population(Zone::Fluid) {
                0 => 0,
                _ => view.nodes().filter(is_expiring).count(),
            };
            let label = server.engine.space_label(space);
            line(
                out,
                format_args!("db{label}:keys={keys},expires={expires},avg_ttl=0"),
            );
        }
    }
}

/// What Redis has no name for.
fn ladybug(server: &Server, out: &mut String) {
    field(out, "simd", kernel::active().name);
    let available: Vec<&str> = kernel::available().map(|kernels| kernels.name).collect();
    field(out, "simd_available", available.join(","));
    let snapshots = server.engine.snapshot_stats();
    field(out, "snapshots_held", snapshots.held);
    field(out, "snapshots_bytes", snapshots.bytes);
    field(out, "snapshots_gone", snapshots.revoked);
    let history_bytes = server.engine.history_stats(0).bytes_all;
    field(out, "history_bytes", history_bytes);
    field(out, "transactions", server.engine.transactions().len());
    let (stats, scrub) = (&server.stats, server.scrub.status());
    field(out, "scrub_chunks", stats.scrubbed_chunks.load(Relaxed));
    field(out, "scrub_repaired", stats.scrub_repaired.load(Relaxed));
    field(out, "scrub_lost", stats.scrub_lost.load(Relaxed));
    field(out, "scrub_in_progress", u8::from(scrub.running.is_some()));
    let ended_us = scrub.last.map_or(0, |pass| pass.ended_us);
    field(out, "scrub_last_pass_time", ended_us / 1_000_000);
    for space in server.engine.spaces() {
        let (state, _) = server.engine.state(space);
        let label = server.engine.space_label(space);
        line(
            out,
            format_args!(
                "space_{label}:nodes={},node_zone={},fluid_zone={},names={},edges={},version={}",
                state.nodes_len(),
                state.population(Zone::Node),
                state.population(Zone::Fluid),
                state.names_len(),
                state.graph().len(),
                state.version(),
            ),
        );
    }
}

fn stats(server: &Server, out: &mut String) {
    let stats = &server.stats;
    field(
        out,
        "total_connections_received",
        stats.connections.load(Relaxed),
    );
    field(out, "total_commands_processed", stats.calls());
    field(
        out,
        "instantaneous_ops_per_sec",
        stats.operations_per_s.load(Relaxed),
    );
    field(
        out,
        "total_net_input_bytes",
        stats.input_bytes.load(Relaxed),
    );
    field(
        out,
        "total_net_output_bytes",
        stats.output_bytes.load(Relaxed),
    );
    field(
        out,
        "rejected_connections",
        stats.rejected_connections.load(Relaxed),
    );
    field(out, "keyspace_hits", stats.hits.load(Relaxed));
    field(out, "keyspace_misses", stats.misses.load(Relaxed));
    field(out, "expired_keys", stats.expired.load(Relaxed));
    field(out, "evicted_keys", stats.evicted.load(Relaxed));
    field(out, "pubsub_channels", server.subscriptions.channel_count());
    field(out, "pubsub_patterns", server.subscriptions.pattern_count());
    field(
        out,
        "total_error_replies",
        stats.errors().values().sum::<u64>(),
    );
}

fn replication(server: &Server, out: &mut String) {
    field(out, "role", "master");
    field(out, "connected_slaves", 0);
    field(out, "master_replid", &server.run_id);
}

/// Processor seconds from `/proc/self/stat`, in the kernel's ticks of 1/100 s.
fn cpu(_: &Server, out: &mut String) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The process's name, in brackets, may hold blanks: count from behind it.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = |index| {
        fields
            .split_whitespace()
            .nth(index)
            .and_then(|text| text.parse::<f64>().ok())
    };
    field(
        out,
        "used_cpu_sys",
        format_args!("{:.6}", ticks(12).unwrap_or(0.0) / 100.0),
    );
    field(
        out,
        "used_cpu_user",
        format_args!("{:.6}", ticks(11).unwrap_or(0.0) / 100.0),
    );
}

fn commandstats(server: &Server, out: &mut String) {
    for entry in TABLE.entries() {
        let stats = server.stats.command(entry.index);
        let calls = stats.calls.load(Relaxed);
        let (rejected, failed) = (stats.rejected.load(Relaxed), stats.failed.load(Relaxed));
        if calls + rejected + failed > 0 {
            let duration_us = stats.duration_us.load(Relaxed);
            let per_call = if calls > 0 {
                duration_us as f64 / calls as f64
            } else {
                0.0
            };
            line(
                out,
                format_args!(
                    "cmdstat_{}:calls={calls},usec={duration_us},usec_per_call={per_call:.2},\
                 rejected_calls={rejected},failed_calls={failed}",
                    entry.full_name
                ),
            );
        }
    }
}

fn errorstats(server: &Server, out: &mut String) {
    for (code, count) in server.stats.errors() {
        line(out, format_args!("errorstat_{code}:count={count}"));
    }
}

/// Bytes of memory the process has in use, from `/proc/self/statm`; 0 where there is none.
pub fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

/// Bytes as Redis's `bytesToHuman`.
fn human(bytes: u64) -> String {
    let units = ["B", "K", "M", "G", "T"];
    let mut scaled = bytes as f64;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < units.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes}B")
    } else {
        format!("{scaled:.2}{}", units[unit])
    }
}
