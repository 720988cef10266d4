//! The table of paths, and the small ones among their handlers.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::json;

use super::error::HttpError;
use super::{Peer, Shared, access, command, graphql, metrics};

/// All paths.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .route("/command", post(command::execute))
        .route("/graphql", post(graphql::execute))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(shared.body_bytes_max))
        .with_state(shared)
}

/// The process is alive. Needs no password and touches nothing that could be slow.
async fn health() -> Json<serde_json::Value> {
    Json(json!({ "status": "alive", "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether commands are executed: not while the memory is being recovered, nor after its log has
/// failed. Tells no more than that, so it needs no password either.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let (status, word) = match shared.server.get() {
        None => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Some(server) if server.is_stopping() => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
        Some(server) if server.engine.log().failed().is_some() => {
            (StatusCode::SERVICE_UNAVAILABLE, "read-only")
        }
        Some(_) => (StatusCode::OK, "ready"),
    };
    (status, Json(json!({ "status": word }))).into_response()
}

/// Prometheus' text format.
async fn show_metrics(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let server = shared.server.get().ok_or(HttpError::STARTING)?;
    access::admit(server, &peer, &headers)?;
    let content_type = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    Ok((content_type, metrics::render(server)).into_response())
}

async fn not_found() -> HttpError {
    let paths = "there are /health, /ready, /metrics, /command and /graphql";
    HttpError::new(StatusCode::NOT_FOUND, paths)
}

async fn method_not_allowed() -> HttpError {
    let methods = "/command and /graphql take POST, the others GET";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, methods)
}
