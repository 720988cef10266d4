//! GraphQL over a space: reads of nodes, edges and neighbours by meaning, and changes. A document that reads sees one
//! snapshot; one that changes is one transaction, which sees what it has changed and is committed as a whole.
//!
//! | file | holds |
//! |---|---|
//! | `bounds` | what a document is refused for before it is parsed |
//! | `request` | what the fields of one request share: what they read, and what it may still cost |
//! | `moment` | what is there when, and what only a commit can tell |
//! | `limits` | what a document may cost, and the look at it that refuses what would cost more |
//! | `shape` | what kinds there are in a space, and what their fields hold |
//! | `types` | the types that follow from that |
//! | `schema` | all types, put together |
//! | `query`, `mutation` | what documents begin with |
//! | `node`, `edge`, `path`, `history` | what they lead to |
//! | `page`, `order` | connections: pages with cursors |
//! | `input`, `value` | arguments, answers |
//! | `respond` | what becomes of errors |
//! | `describe` | types as rows |
//! | `plan` | what a document would do |

pub mod bounds;
mod describe;
mod edge;
mod history;
mod input;
pub mod limits;
mod moment;
mod mutation;
mod node;
mod order;
mod page;
mod path;
mod plan;
mod query;
mod request;
mod respond;
mod schema;
mod shape;
#[cfg(test)]
mod tests;
mod types;
mod value;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{Positioned, Response, ServerError, Value, Variables};
use ladybug_engine::commit::event::NodeEvent;
use ladybug_engine::commit::history::Mark;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Snapshot, TransactionId, TransactionOptions};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::address::Zone;
use ladybug_engine::space::state::State;

pub use describe::{Described, DescribedField};
pub use limits::Limits;
use moment::{Moment, ToCome};
pub use page::{cursor, read_place};
pub use plan::Planned;
pub use request::Cancel;
use request::{Request, Terms};
use types::{Schemas, Types};

/// How often a document that changes something is tried again which others got in the way of.
const ATTEMPTS: usize = 16;

/// What clients and tools ask a schema for.
const INTROSPECTION: &str = include_str!("introspection.graphql");

/// What is to be executed.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The document.
    pub text: String,
    /// Values for its variables: an object, or null.
    pub variables: serde_json::Value,
    /// Which of its operations, if it has several.
    pub operation: Option<String>,
    /// Whoever waits for the answer may say that nobody does any more.
    pub cancel: Cancel,
}

/// What a document that reads sees.
pub struct Seen {
    /// The space.
    pub snapshot: Snapshot,
    /// Which version that is, or will be.
    pub mark: Mark,
    /// What was there before, if the transaction or the commit that it is part of has changed the space.
    pub base: Option<Arc<State>>,
    /// The zone that it reads, if not all: other nodes are not there, nor edges that have an end among them.
    pub zone: Option<Zone>,
}

/// What came of a document.
#[derive(Debug, Default)]
pub struct Answered {
    /// The response.
    pub response: Response,
    /// Whether its fields were read, so that it has data, if only null; else the document was refused.
    pub is_executed: bool,
    /// The log position that must be acknowledged before it is shown.
    pub position: Position,
    /// What happened to named nodes.
    pub events: Vec<NodeEvent>,
    /// How often the memory was asked for something that takes its lock: once for what is there, once for its past,
    /// once for each version of the past, however many nodes the answer has.
    pub lookups: usize,
}

impl Answered {
    fn refused(errors: Vec<ServerError>) -> Self {
        Self {
            response: Response::from_errors(errors),
            ..Self::default()
        }
    }

    fn failed(position: Position, errors: Vec<ServerError>) -> Self {
        Self {
            is_executed: true,
            position,
            ..Self::refused(errors)
        }
    }

    /// The response as JSON: `data` if the document was executed, `errors` if there are any.
    pub fn json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        let value = |value| serde_json::to_value(value).unwrap_or_default();
        if self.is_executed {
            object.insert("data".to_owned(), value(&self.response.data));
        }
        if !self.response.errors.is_empty() {
            let errors = self.response.errors.iter();
            let errors = errors.map(|error| serde_json::to_value(error).unwrap_or_default());
            object.insert("errors".to_owned(), errors.collect());
        }
        object.into()
    }
}

/// GraphQL over an engine.
pub struct Graphql {
    engine: Arc<Engine>,
    limits: Limits,
    schemas: Schemas,
}

impl Graphql {
    /// Documents that may cost so much.
    pub fn new(engine: Arc<Engine>, limits: Limits) -> Self {
        Self {
            engine,
            limits,
            schemas: Schemas::default(),
        }
    }

    /// The schema of a space, in its definition language, and the log position that must be acknowledged before it is
    /// shown.
    pub fn sdl(&self, space: SpaceId) -> (String, Position) {
        let snapshot = self.engine.glance(space);
        let types = self.schemas.of(space, &snapshot.state);
        (types.schema.sdl(), snapshot.position)
    }

    /// Executes a document in a space. Blocks, and holds no lock while fields are read.
    pub fn execute(&self, space: SpaceId, document: Document) -> Answered {
        match self.asked(space, document) {
            Err(error) => Answered::refused(vec![error]),
            Ok(asked) if asked.mutation().is_some() => asked.change(),
            Ok(asked) => asked.read(Moment::new(self.engine.glance(space))),
        }
    }

    /// The same of a document that must read.
    pub fn query(&self, space: SpaceId, document: Document, seen: Seen) -> Answered {
        let asked = match self.asked(space, document) {
            Ok(asked) => asked,
            Err(error) => return Answered::refused(vec![error]),
        };
        if let Some(mutation) = asked.mutation() {
            let message = "expected a query, and this is a mutation: it changes nodes or edges";
            let error = ServerError::new(message, Some(mutation.pos));
            return Answered::refused(vec![error]);
        }
        asked.within(seen.zone).read(Moment::seen(seen))
    }

    /// The same of a document that must change something.
    pub fn mutate(&self, space: SpaceId, document: Document) -> Answered {
        let asked = match self.asked(space, document) {
            Ok(asked) => asked,
            Err(error) => return Answered::refused(vec![error]),
        };
        match asked.chosen() {
            Some(query) if query.node.ty == OperationType::Query => {
                let message = "expected a mutation, and this is a query: it changes nothing";
                let error = ServerError::new(message, Some(query.pos));
                Answered::refused(vec![error])
            }
            _ => asked.change(),
        }
    }

    /// What is wrong with a document, each of its operations, in the types of a space, by place. Nothing of it is run, and
    /// variables have no values yet.
    pub fn validate(&self, space: SpaceId, text: &str, seen: Seen) -> Vec<ServerError> {
        let document = Document {
            text: text.to_owned(),
            ..Document::default()
        };
        let mut asked = match self.asked(space, document) {
            Ok(asked) => asked,
            Err(error) => return vec![error],
        };
        // Rules are about all operations; the first one is only chosen.
        let first = asked.parsed.operations.iter().next();
        asked.operation = first.and_then(|(name, _)| name.map(ToString::to_string));
        asked.terms.is_dry = true;
        let mut errors = asked.read(Moment::seen(seen)).response.errors;
        errors.sort_by_key(|error| error.locations.first().map(|at| (at.line, at.column)));
        errors
    }

    /// What the operations of a document would do, in the order of their places. Nothing of it is run.
    ///
    /// # Errors
    /// It is not valid.
    pub fn explain(
        &self,
        space: SpaceId,
        text: &str,
        seen: Seen,
    ) -> Result<Vec<Planned>, ServerError> {
        let types = self.describe(space, &seen)?;
        if let Some(error) = self.validate(space, text, seen).into_iter().next() {
            return Err(error);
        }
        Ok(plan::operations(&parse(text, &self.limits)?, &types))
    }

    /// The types of a space, by name; those that GraphQL itself has are left out.
    ///
    /// # Errors
    /// They are not understood.
    pub fn describe(&self, space: SpaceId, seen: &Seen) -> Result<Vec<Described>, ServerError> {
        let types = self.types(space, &seen.snapshot.state, seen.base.is_some());
        describe::all(&types)
    }

    /// The schema that a document sees, in its definition language.
    pub fn sdl_of(&self, space: SpaceId, seen: &Seen) -> String {
        let types = self.types(space, &seen.snapshot.state, seen.base.is_some());
        types.schema.sdl()
    }

    /// What the usual introspection query answers, whatever else documents may cost.
    pub fn introspect(&self, space: SpaceId, seen: Seen) -> Answered {
        let document = Document {
            text: INTROSPECTION.to_owned(),
            ..Document::default()
        };
        match self.bounded(space, document, Limits::default()) {
            Ok(asked) => asked.read(Moment::seen(seen)),
            Err(error) => Answered::refused(vec![error]),
        }
    }

    /// What a document may cost.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The types of a state; those of a state that only its transaction has are not kept.
    fn types(&self, space: SpaceId, state: &State, is_private: bool) -> Arc<Types> {
        match is_private {
            true => Arc::new(Types::of_state(state)),
            false => self.schemas.of(space, state),
        }
    }

    fn asked(&self, space: SpaceId, document: Document) -> Result<Asked<'_>, ServerError> {
        self.bounded(space, document, self.limits)
    }

    /// A document that costs no more than it may.
    fn bounded(
        &self,
        space: SpaceId,
        document: Document,
        limits: Limits,
    ) -> Result<Asked<'_>, ServerError> {
        let begun = Instant::now();
        Ok(Asked {
            graphql: self,
            parsed: parse(&document.text, &limits)?,
            terms: Terms {
                engine: Arc::clone(&self.engine),
                space,
                zone: None,
                limits,
                begun,
                cancel: document.cancel,
                is_dry: false,
            },
            variables: document.variables,
            operation: document.operation,
        })
    }
}

/// A document that may be parsed, has a syntax, and costs no more than it may.
fn parse(text: &str, limits: &Limits) -> Result<ExecutableDocument, ServerError> {
    bounds::check(text).map_err(|error| ServerError::new(error.to_string(), error.place()))?;
    let mut request = async_graphql::Request::new(text);
    let parsed = request.parsed_query().map_err(undrawn)?.clone();
    limits.check(&parsed)?;
    Ok(parsed)
}

/// An error of the syntax without the parser's drawing of its place, which the error has beside it.
fn undrawn(mut error: ServerError) -> ServerError {
    if let Some((_, said)) = error.message.rsplit_once("\n  = ") {
        error.message = said.to_owned();
    }
    error
}

impl std::fmt::Debug for Graphql {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Graphql")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The schema of a space in which there is nothing, in its definition language.
pub fn sdl() -> String {
    types::empty().sdl()
}

/// A document that is understood.
struct Asked<'g> {
    graphql: &'g Graphql,
    terms: Terms,
    parsed: ExecutableDocument,
    variables: serde_json::Value,
    operation: Option<String>,
}

impl Asked<'_> {
    /// The same of a zone only.
    fn within(mut self, zone: Option<Zone>) -> Self {
        self.terms.zone = zone;
        self
    }

    /// The operation that is asked for. Of one that is not there, validation tells.
    fn chosen(&self) -> Option<&Positioned<OperationDefinition>> {
        match (&self.parsed.operations, self.operation.as_deref()) {
            (DocumentOperations::Single(operation), _) => Some(operation),
            (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name),
            // One that has a name is not Single; it needs none to be chosen.
            (DocumentOperations::Multiple(operations), None) => match operations.len() {
                1 => operations.values().next(),
                _ => None,
            },
        }
    }

    /// The same, if it is a mutation.
    fn mutation(&self) -> Option<&Positioned<OperationDefinition>> {
        self.chosen()
            .filter(|operation| operation.node.ty == OperationType::Mutation)
    }

    fn read(&self, moment: Moment) -> Answered {
        let request = self.request(moment, None);
        let mut response = self.resolve(&request);
        if let Err(error) = request.check() {
            response = Response::from_errors(vec![ServerError::new(error.message, None)]);
        }
        // What a commit would tell is here what the transaction has so far.
        let now = &request.now;
        ToCome::tell(&mut response.data, now.whole(), now.mark.version);
        Answered {
            response,
            ..Self::answered(&request)
        }
    }

    /// What is known of a request that has ended.
    fn answered(request: &Request) -> Answered {
        Answered {
            is_executed: request.has_begun.load(Relaxed),
            position: request.revealed(),
            lookups: request.lookups(),
            ..Answered::default()
        }
    }

    fn change(&self) -> Answered {
        let Terms { engine, space, .. } = &self.terms;
        for _ in 0..ATTEMPTS {
            let id = match engine.begin(*space, TransactionOptions::default()) {
                Ok(id) => id,
                Err(error) => return Answered::failed(0, vec![unplaced(&error)]),
            };
            if let Some(answered) = self.attempt(id) {
                return answered;
            }
        }
        let message = format!(
            "others changed what this mutation reads {ATTEMPTS} times while it ran; nothing was changed, repeat it"
        );
        Answered::failed(0, vec![ServerError::new(message, None)])
    }

    /// Runs the document in a transaction, and commits it if no field failed. Nothing if others got in the way.
    fn attempt(&self, id: TransactionId) -> Option<Answered> {
        let engine = &self.terms.engine;
        let begun = engine.in_transaction(id, |open| {
            let branch = open.branch();
            let base = Arc::clone(branch.base());
            Ok::<_, EngineError>(Moment::within(branch.glance(), base))
        });
        let moment = match begun {
            Ok(moment) => moment,
            Err(error) => return Some(Answered::failed(0, vec![unplaced(&error)])),
        };
        let request = self.request(moment, Some(id));
        let mut response = self.resolve(&request);
        if let Err(error) = request.check() {
            response = Response::from_errors(vec![ServerError::new(error.message, None)]);
        }
        if response.is_err() {
            // It may be over already, for being idle: then too nothing of it is done.
            let _ = engine.abort_transaction(id);
            response.data = Value::Null;
            return Some(Answered {
                response,
                ..Self::answered(&request)
            });
        }
        let outcome = engine.commit_transaction_reading(id, |tx| {
            ToCome::tell(&mut response.data, tx.view().state, tx.version());
        });
        match outcome.value {
            Ok(()) => Some(Answered {
                response,
                position: outcome.position.max(request.revealed()),
                events: outcome.events,
                ..Self::answered(&request)
            }),
            Err(EngineError::Conflict { .. }) => None,
            Err(error) => Some(Answered::failed(outcome.position, vec![unplaced(&error)])),
        }
    }

    fn request(&self, now: Moment, transaction: Option<TransactionId>) -> Arc<Request> {
        // A mutation has the types of before it, whose state is committed.
        let is_private = now.is_private() && transaction.is_none();
        let types = self
            .graphql
            .types(self.terms.space, now.whole(), is_private);
        Arc::new(Request::new(self.terms.clone(), now, types, transaction))
    }

    fn resolve(&self, shared: &Arc<Request>) -> Response {
        let mut request = async_graphql::Request::new("")
            .variables(Variables::from_json(self.variables.clone()))
            .data(Arc::clone(shared));
        if let Some(name) = &self.operation {
            request = request.operation_name(name);
        }
        request.set_parsed_query(self.parsed.clone());
        wait(shared.types.schema.execute(request))
    }
}

fn unplaced(error: &EngineError) -> ServerError {
    ServerError::new(error.to_string(), None)
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
