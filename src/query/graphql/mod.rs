//! GraphQL over a space: reads of nodes, edges and neighbours by meaning. A request sees one snapshot.
//!
//! | file | holds |
//! |---|---|
//! | `bounds` | what a document is refused for before it is parsed |
//! | `schema` | the types, and how their fields are read |
//! | `page` | connections: pages with cursors |
//! | `request` | what the fields of one request share: its snapshot, and what it may still cost |

pub mod bounds;
mod page;
mod request;
mod schema;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_graphql::{Response, ServerError, Variables};
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Engine;

use request::Request;
pub use request::{ROWS_MAX, TIME_MAX};
pub use schema::{COMPLEXITY_MAX, DEPTH_MAX, sdl};

/// Executes a document in a space; what it answers may be shown once the position is acknowledged. Blocks,
/// and holds no lock.
pub fn execute(
    engine: &Engine,
    space: SpaceId,
    document: &str,
    variables: serde_json::Value,
) -> (Response, Position) {
    if let Err(error) = bounds::check(document) {
        let error = ServerError::new(error.to_string(), None);
        return (Response::from_errors(vec![error]), 0);
    }
    let snapshot = engine.snapshot(space);
    let position = snapshot.position;
    let shared = Arc::new(Request::new(snapshot));
    let request = async_graphql::Request::new(document)
        .variables(Variables::from_json(variables))
        .data(Arc::clone(&shared));
    let mut response = wait(schema::SCHEMA.execute(request));
    if let Err(error) = shared.check() {
        response = Response::from_errors(vec![ServerError::new(error.message, None)]);
    }
    (response, position)
}

/// Runs a future that waits for nothing outside itself: all that fields read is in memory.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
