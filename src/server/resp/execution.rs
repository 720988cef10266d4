//! Execution: a command's function, called with what its kind needs, and the effects that follow.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use bytes::Bytes;
use ladybug_engine::commit::event::{NodeEvent, NodeEventKind};
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Reading};
use ladybug_engine::error::EngineError;

use super::command::{
    Entry, Flag, Handler, QueryFunction, ReadFunction, SearchFunction, Spaces, WriteFunction,
};
use super::context::{Context, Effects};
use super::error::CommandError;
use super::exec::{Executed, Execution, spaces_of};
use super::monitor;
use super::notify::{Class, Event};
use super::reply::Reply;
use super::server::Server;
use super::session::{Session, unix_time_us};

/// What has come of a request.
#[derive(Debug)]
pub enum Answer {
    /// Its reply.
    Now(Reply),
    /// A search, to be run on a thread that may take its time, and then
    /// [finished](Session::finish_search).
    Later(Box<Search>),
}

/// A search, or a transaction with a query in it, that waits for a thread.
#[derive(Debug)]
pub struct Search {
    entry: Entry,
    arguments: Vec<Bytes>,
    context: Context,
    task: Task,
}

#[derive(Debug)]
enum Task {
    Search(SearchFunction),
    Query(QueryFunction),
    Exec(Execution),
}

/// A search that is done.
#[derive(Debug)]
pub struct Searched {
    entry: Entry,
    arguments: Vec<Bytes>,
    found: Found,
}

#[derive(Debug)]
enum Found {
    Reply(Result<Reply, CommandError>, Effects),
    Executed(Execution, Executed),
}

impl Search {
    fn new(entry: Entry, arguments: &[&[u8]], context: &Context, task: Task) -> Self {
        let owned = arguments.iter().map(|bytes| Bytes::copy_from_slice(bytes));
        Self {
            entry,
            arguments: owned.collect(),
            context: context.for_thread(),
            task,
        }
    }

    /// Runs the search. Blocks; holds no lock meanwhile.
    pub fn run(self) -> Searched {
        let context = self.context;
        let arguments: Vec<&[u8]> = self.arguments.iter().map(|bytes| &bytes[..]).collect();
        let found = match self.task {
            Task::Search(function) => {
                let result = function(context.engine(), &context, &arguments);
                Found::Reply(result, context.take_effects())
            }
            Task::Query(function) => {
                let result = function(&context, &arguments);
                Found::Reply(result, context.take_effects())
            }
            Task::Exec(execution) => {
                let executed = execution.run(&context);
                Found::Executed(execution, executed)
            }
        };
        Searched {
            entry: self.entry,
            arguments: self.arguments,
            found,
        }
    }
}

impl Session {
    /// Runs a command's function, with statistics, MONITOR and the slow log.
    pub(super) fn call(
        &mut self,
        entry: Entry,
        arguments: &[&[u8]],
        reading: &mut Option<Reading>,
    ) -> Answer {
        self.show_to_monitors(entry, arguments);
        if !matches!(entry.command.handler, Handler::Read(_)) {
            // Whatever else it is may want the lock.
            *reading = None;
        }
        let result = match entry.command.handler {
            Handler::Connection(function) => function(self, arguments),
            Handler::Read(function) => self.read(entry, function, arguments, reading),
            Handler::Write(function) => self.write(entry, function, arguments),
            Handler::Query(function)
            | Handler::Statement {
                alone: function, ..
            } => return self.search(entry, arguments, Task::Query(function)),
            Handler::Search(function) => {
                return self.search(entry, arguments, Task::Search(function));
            }
            Handler::Exec => match self.take_transaction() {
                Ok(execution) if execution.has_queries() => {
                    return self.later(entry, arguments, Task::Exec(execution));
                }
                Ok(execution) => {
                    let executed = execution.run(&self.context);
                    self.finish_transaction(&execution, executed)
                }
                Err(error) => Err(error),
            },
            Handler::Container => Err(CommandError::wrong_arity(entry.full_name)),
        };
        Answer::Now(self.end(entry, arguments, result))
    }

    /// Tries what may be tried here, and else has it run where it may take its time.
    fn search(&mut self, entry: Entry, arguments: &[&[u8]], task: Task) -> Answer {
        let context = &self.context;
        let tried = match &task {
            _ if !entry.command.is_tried => None,
            Task::Query(function) => context.attempt(|| function(context, arguments)),
            Task::Search(function) => {
                context.attempt(|| function(context.engine(), context, arguments))
            }
            Task::Exec(_) => None,
        };
        let effects = self.context.take_effects();
        self.follow(effects, 0, Vec::new());
        match tried {
            Some(result) => Answer::Now(self.end(entry, arguments, result)),
            None => self.later(entry, arguments, task),
        }
    }

    fn later(&self, entry: Entry, arguments: &[&[u8]], task: Task) -> Answer {
        Answer::Later(Box::new(Search::new(entry, arguments, &self.context, task)))
    }

    /// The reply of a search.
    pub fn finish_search(&mut self, searched: Searched) -> Reply {
        let result = match searched.found {
            Found::Reply(result, effects) => {
                self.follow(effects, 0, Vec::new());
                result
            }
            Found::Executed(execution, executed) => self.finish_transaction(&execution, executed),
        };
        let arguments: Vec<&[u8]> = searched.arguments.iter().map(|bytes| &bytes[..]).collect();
        self.end(searched.entry, &arguments, result)
    }

    /// Counts a command that has run.
    pub(super) fn end(
        &mut self,
        entry: Entry,
        arguments: &[&[u8]],
        result: Result<Reply, CommandError>,
    ) -> Reply {
        let now = Instant::now();
        let duration = now.duration_since(self.clock);
        self.clock = now;
        self.count(entry, arguments, duration, &result);
        result.into()
    }

    pub(super) fn show_to_monitors(&self, entry: Entry, arguments: &[&[u8]]) {
        if self.server.monitors.is_active() && !entry.command.has(Flag::SkipMonitor) {
            let line = monitor::line(unix_time_us(), self, entry, arguments);
            self.server
                .monitors
                .feed(&line, self.server.settings.output_buffer_bytes);
        }
    }

    /// Runs a command that reads. What it read stays `held` for the next one, if this is a short one with a short reply,
    /// which is rendered under the lock, and nothing follows it.
    fn read(
        &mut self,
        entry: Entry,
        function: ReadFunction,
        arguments: &[&[u8]],
        held: &mut Option<Reading>,
    ) -> Result<Reply, CommandError> {
        let space = self.context.selected();
        let reading = held
            .take()
            .filter(|reading| reading.space() == space)
            .unwrap_or_else(|| self.server.engine.reading(space));
        let result = function(&reading.view(), &self.context, arguments);
        let position = reading.position();
        let effects = self.context.take_effects();
        let is_short = entry.command.has(Flag::Fast) && result.as_ref().is_ok_and(Reply::is_short);
        if effects.is_empty() && is_short {
            *held = Some(reading);
        } else {
            drop(reading);
        }
        self.follow(effects, position, Vec::new());
        result
    }

    fn write(
        &mut self,
        entry: Entry,
        function: WriteFunction,
        arguments: &[&[u8]],
    ) -> Result<Reply, CommandError> {
        let context = &self.context;
        let selected = context.selected();
        let others;
        let spaces = match entry.command.spaces {
            Spaces::Selected => std::slice::from_ref(&selected),
            named => {
                others = spaces_of(named, context, arguments);
                &others
            }
        };
        let engine = &self.server.engine;
        let outcome = engine.commit(spaces, |tx| function(tx, context, arguments));
        if outcome.value.is_err() {
            context.forget_since((0, 0));
        }
        let effects = self.context.take_effects();
        self.follow(effects, outcome.position, outcome.events);
        outcome.value
    }

    /// Does what follows a command, or a whole transaction, that has taken log position `position`.
    pub(super) fn follow(
        &mut self,
        effects: Effects,
        position: Position,
        node_events: Vec<NodeEvent>,
    ) {
        self.revealed = self.revealed.max(position).max(effects.revealed);
        if node_events.is_empty() && effects.is_empty() {
            return;
        }
        if let Some(transaction) = effects.sql_transaction {
            self.context.sql_transaction.set(transaction);
        }
        self.server.publish_node_events(node_events, position);
        self.server
            .publish_node_events(effects.node_events, effects.revealed);
        self.server.publish_events(&effects.events, position);
        for (space, id) in effects.promotions {
            let promoted = promote(&self.server.engine, space, id);
            self.revealed = self.revealed.max(promoted);
        }
    }

    /// Makes a space the one its commands are about.
    pub(super) fn select_space(&mut self, space: SpaceId) {
        self.context.select(space);
        self.client.profile.lock().space = space;
    }
}

/// Makes a fluid node permanent that has been accessed often enough, unless it has gone or been
/// changed since so that it no longer is to be; answers the log position of that.
fn promote(engine: &Arc<Engine>, space: SpaceId, id: u64) -> Position {
    let outcome = engine.commit(&[space], |tx| {
        let view = tx.view();
        let node = view.find_id(id).filter(|node| {
            let promotion = node.promotion();
            let is_due = promotion != 0 && view.access(*node).count >= promotion;
            is_due && node.expires().is_some()
        });
        let Some(address) = node.map(|node| node.address()) else {
            return Ok(());
        };
        let address = tx.set_expiry(address, None)?;
        tx.set_promotion(address, 0)
    });
    if let Err(error) = outcome.value {
        let error: EngineError = error;
        tracing::debug!(space, id, %error, "a node stays in the fluid zone");
    }
    outcome.position
}

impl Server {
    /// Publishes what happened to nodes, as the Redis command that would have done it says it.
    pub fn publish_node_events(&self, node_events: Vec<NodeEvent>, position: Position) {
        if node_events.is_empty() {
            return;
        }
        let count = |kind| {
            node_events
                .iter()
                .filter(|event| event.kind == kind)
                .count() as u64
        };
        let (expired, evicted) = (count(NodeEventKind::Expired), count(NodeEventKind::Evicted));
        self.stats.expired.fetch_add(expired, Relaxed);
        self.stats.evicted.fetch_add(evicted, Relaxed);
        let event = |event: NodeEvent| {
            let (class, name) = as_redis_says(event.kind);
            Event {
                class,
                name,
                key: event.name.to_vec(),
                space: event.space,
            }
        };
        let events: Vec<Event> = node_events.into_iter().map(event).collect();
        self.publish_events(&events, position);
    }
}

/// The class and the name of an event.
fn as_redis_says(kind: NodeEventKind) -> (Class, &'static str) {
    match kind {
        NodeEventKind::Expired => (Class::Expired, "expired"),
        NodeEventKind::Evicted => (Class::Evicted, "evicted"),
        NodeEventKind::Created => (Class::New, "new"),
        NodeEventKind::Removed => (Class::Generic, "del"),
        NodeEventKind::ValueSet => (Class::String, "set"),
        NodeEventKind::FieldsSet => (Class::Hash, "hset"),
        NodeEventKind::FieldsRemoved => (Class::Hash, "hdel"),
        NodeEventKind::ExpirySet => (Class::Generic, "expire"),
        NodeEventKind::ExpiryCleared => (Class::Generic, "persist"),
        NodeEventKind::RenamedFrom => (Class::Generic, "rename_from"),
        NodeEventKind::RenamedTo => (Class::Generic, "rename_to"),
    }
}
