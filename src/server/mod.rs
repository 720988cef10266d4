//! What the server speaks: each protocol parses, calls the engine and renders. No logic of its own.

#[cfg(feature = "flight")]
pub mod flight;
pub mod http;
pub mod password;
pub mod resp;

use std::hash::{BuildHasher, RandomState};
#[cfg(feature = "flight")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::fingerprint::kernel;
use ladybug_engine::storage::DiskStorage;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Settings;

#[cfg(feature = "flight")]
use flight::Flight;
use http::Http;
use resp::listener::Listeners;
use resp::server::Server;

/// Serves until SIGTERM, SIGINT or SHUTDOWN; returns once every reply is written.
///
/// # Errors
/// The server cannot start; the message says what to do.
pub async fn run(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let http = Http::bind(&settings)?;
    #[cfg(feature = "flight")]
    let flight = Flight::bind(&settings)?;
    let engine = open(&settings)?;
    let server = Server::new(settings, engine)?;
    let listeners = Listeners::bind(Arc::clone(&server))?;
    http.attach(Arc::clone(&server));
    #[cfg(feature = "flight")]
    let flight = {
        let port = flight.addresses().first().map_or(0, SocketAddr::port);
        server.flight_port.store(u32::from(port), Relaxed);
        flight.serve(Arc::clone(&server))?
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        port = server.port.load(Relaxed),
        flight = server.flight_port.load(Relaxed),
        http = ?http.addresses(),
        bind = ?server.settings.bind,
        "ready to accept connections"
    );
    let stopping = Arc::clone(&server);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = stopping.stopped() => "SHUTDOWN",
        };
        tracing::info!(reason = name, "shutting down");
        stopping.begin_stop();
    });
    listeners.run().await;
    #[cfg(feature = "flight")]
    tokio::task::spawn_blocking(|| flight.join()).await?;
    tokio::task::spawn_blocking(|| http.stop()).await?;
    tokio::task::spawn_blocking(move || server.close_memory()).await??;
    tracing::info!("bye");
    Ok(())
}

/// Opens the memory in the data directory, or a new one.
fn open(settings: &Settings) -> Result<Arc<Engine>, Box<dyn std::error::Error>> {
    if let Some(kernel) = &settings.simd {
        kernel::choose(kernel).map_err(|error| format!("simd: {error}"))?;
    }
    let storage = Arc::new(DiskStorage::new(&settings.data)?);
    let options = EngineOptions {
        fsync: settings.fsync,
        spaces_max: settings.spaces_max,
        snapshot_bytes: settings.snapshot_bytes,
        history_bytes: settings.history_bytes,
        history_age: (settings.history_age_s > 0)
            .then(|| Duration::from_secs(settings.history_age_s)),
        eviction: settings.eviction,
        // So that nobody can choose names that collide.
        hash_key: RandomState::new().hash_one(0),
        ..EngineOptions::default()
    };
    let begun = Instant::now();
    let engine = Engine::open(storage, Arc::new(SystemClock), options)?;
    tracing::info!(
        data = %settings.data.display(),
        fsync = %settings.fsync,
        spaces = engine.spaces().len(),
        elapsed_ms = begun.elapsed().as_millis(),
        "memory opened"
    );
    Ok(Arc::new(engine))
}
