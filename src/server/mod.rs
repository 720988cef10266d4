//! What the server speaks: each protocol parses, calls the engine and renders. No logic of its own.

pub mod http;
pub mod resp;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::Settings;

use http::Http;
use resp::listener::Listeners;
use resp::server::Server;

/// Serves until SIGTERM, SIGINT or SHUTDOWN; returns once every reply is written.
///
/// # Errors
/// The server cannot start; the message says what to do.
pub async fn run(settings: Settings) -> io::Result<()> {
    let http = Http::bind(&settings)?;
    let server = Server::new(settings);
    let listeners = Listeners::bind(Arc::clone(&server))?;
    http.attach(Arc::clone(&server));
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        port = server.port.load(Relaxed),
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
    tokio::task::spawn_blocking(|| http.stop()).await?;
    tracing::info!("bye");
    Ok(())
}
