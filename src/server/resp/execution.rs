//! Execution: a command's function, called with what its kind needs, and the effects that follow;
//! EXEC, which runs all of a transaction in one commit.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use bytes::Bytes;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::{Gone, SpaceId, Transaction};
use ladybug_engine::engine::Engine;
use ladybug_engine::error::EngineError;

use super::command::{Entry, Flag, Handler, ReadFunction, SearchFunction, Spaces, WriteFunction};
use super::context::{Context, Effects};
use super::error::CommandError;
use super::monitor;
use super::notify::{Class, Event};
use super::reply::Reply;
use super::server::Server;
use super::session::{Queued, Session, Watch, unix_time_us};

/// What has come of a request.
#[derive(Debug)]
pub enum Answer {
    /// Its reply.
    Now(Reply),
    /// A search, to be run on a thread that may take its time, and then
    /// [finished](Session::finish_search).
    Later(Search),
}

/// A search that waits for a thread.
#[derive(Debug)]
pub struct Search {
    entry: Entry,
    function: SearchFunction,
    context: Context,
    arguments: Vec<Bytes>,
}

/// A search that is done.
#[derive(Debug)]
pub struct Searched {
    entry: Entry,
    arguments: Vec<Bytes>,
    result: Result<Reply, CommandError>,
    effects: Effects,
}

impl Search {
    /// Runs the search. Blocks; holds no lock meanwhile.
    pub fn run(self) -> Searched {
        let arguments: Vec<&[u8]> = self
            .arguments
            .iter()
            .map(|argument| &argument[..])
            .collect();
        let result = (self.function)(self.context.engine(), &self.context, &arguments);
        Searched {
            entry: self.entry,
            result,
            effects: self.context.take_effects(),
            arguments: self.arguments,
        }
    }
}

impl Session {
    /// Runs a command's function, with statistics, MONITOR and the slow log.
    pub(super) fn call(&mut self, entry: Entry, arguments: &[&[u8]]) -> Answer {
        self.show_to_monitors(entry, arguments);
        let result = match entry.command.handler {
            Handler::Connection(function) => function(self, arguments),
            Handler::Read(function) => self.read(function, arguments),
            Handler::Write(function) => self.write(entry, function, arguments),
            Handler::Search(function) | Handler::Statement(function, _) => {
                let arguments = arguments
                    .iter()
                    .map(|bytes| Bytes::copy_from_slice(bytes))
                    .collect();
                let context = self.context.for_thread();
                return Answer::Later(Search {
                    entry,
                    function,
                    context,
                    arguments,
                });
            }
            Handler::Container => Err(CommandError::wrong_arity(entry.full_name)),
        };
        Answer::Now(self.end(entry, arguments, result))
    }

    /// The reply of a search.
    pub fn finish_search(&mut self, searched: Searched) -> Reply {
        self.follow(searched.effects, 0, Vec::new());
        let arguments: Vec<&[u8]> = searched.arguments.iter().map(|bytes| &bytes[..]).collect();
        self.end(searched.entry, &arguments, searched.result)
    }

    /// Counts a command that has run.
    fn end(
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

    fn show_to_monitors(&self, entry: Entry, arguments: &[&[u8]]) {
        if self.server.monitors.is_active() && !entry.command.has(Flag::SkipMonitor) {
            let line = monitor::line(unix_time_us(), self, entry, arguments);
            self.server
                .monitors
                .feed(&line, self.server.settings.output_buffer_bytes);
        }
    }

    fn read(&mut self, function: ReadFunction, arguments: &[&[u8]]) -> Result<Reply, CommandError> {
        let context = &self.context;
        let outcome = self.server.engine.read(context.selected(), |view| {
            function(view, context, arguments)
        });
        let effects = self.context.take_effects();
        self.follow(effects, outcome.position, outcome.gone);
        outcome.value
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
        self.follow(effects, outcome.position, outcome.gone);
        outcome.value
    }

    /// Does what follows a command, or a whole transaction, that has taken log position `position`.
    fn follow(&mut self, effects: Effects, position: Position, gone: Vec<Gone>) {
        self.revealed = self.revealed.max(position).max(effects.revealed);
        if gone.is_empty() && effects.is_empty() {
            return;
        }
        if let Some(transaction) = effects.sql_transaction {
            self.context.sql_transaction.set(transaction);
        }
        self.server.publish_gone(gone, position);
        self.server.publish_gone(effects.gone, effects.revealed);
        self.server.publish_events(&effects.events, position);
        for (space, id) in effects.promotions {
            let promoted = promote(&self.server.engine, space, id);
            self.revealed = self.revealed.max(promoted);
        }
    }

    /// Runs the queue in one commit: Redis's EXEC, and more, since it is durable all or not at all.
    ///
    /// A command that is refused takes back only itself, except that a full zone takes back all.
    /// Commands that do not touch the memory run once the commit is made, so that, for instance, a
    /// message published inside a transaction does not outrun it.
    pub(super) fn execute_transaction(
        &mut self,
        queue: &[Queued],
        watches: &[Watch],
    ) -> Result<Reply, CommandError> {
        let queue: Vec<(Entry, Vec<&[u8]>)> = queue
            .iter()
            .map(|queued| {
                (
                    queued.entry,
                    queued.arguments.iter().map(|bytes| &bytes[..]).collect(),
                )
            })
            .collect();
        for (entry, arguments) in &queue {
            self.show_to_monitors(*entry, arguments);
        }
        let context = &self.context;
        let selected = context.selected();
        let spaces = spaces_of_queue(&queue, watches, context);
        let outcome = self.server.engine.commit(&spaces, |tx| {
            if watches.iter().any(|watch| watch.has_changed(tx)) {
                return Ok(None);
            }
            select(tx, context, selected);
            run_queue(tx, context, &queue).map(Some)
        });
        let results = match outcome.value {
            Ok(results) => results,
            Err(error) => {
                self.context.forget_since((0, 0));
                self.select_space(selected);
                self.revealed = self.revealed.max(outcome.position);
                return Err(error);
            }
        };
        self.select_space(self.context.selected());
        let effects = self.context.take_effects();
        self.follow(effects, outcome.position, outcome.gone);
        let Some(results) = results else {
            return Ok(Reply::NilArray);
        };
        let mut replies = Vec::with_capacity(queue.len());
        for ((entry, arguments), ran) in queue.iter().zip(results) {
            replies.push(match (ran, entry.command.handler) {
                (Some(ran), _) => {
                    self.count(*entry, arguments, ran.duration, &ran.result);
                    ran.result.into()
                }
                (None, Handler::Connection(function)) => {
                    let result = function(self, arguments);
                    self.end(*entry, arguments, result)
                }
                (None, _) => unreachable!("only commands of the connection are left over"),
            });
        }
        Ok(Reply::Array(replies))
    }

    /// Makes a space the one its commands are about.
    pub(super) fn select_space(&mut self, space: SpaceId) {
        self.context.select(space);
        self.client.profile.lock().space = space;
    }
}

/// A command that has run inside a transaction.
struct Ran {
    result: Result<Reply, CommandError>,
    duration: std::time::Duration,
}

/// Runs the commands of a queue that touch the memory; the others are left over as `None`.
fn run_queue(
    tx: &mut Transaction<'_>,
    context: &Context,
    queue: &[(Entry, Vec<&[u8]>)],
) -> Result<Vec<Option<Ran>>, CommandError> {
    let mut clock = Instant::now();
    let mut results = Vec::with_capacity(queue.len());
    for (entry, arguments) in queue {
        let result = match entry.command.handler {
            Handler::Read(function) => function(&tx.view(), context, arguments),
            Handler::Write(function) | Handler::Statement(_, function) => {
                let (savepoint, mark) = (tx.savepoint(), context.mark());
                let result = function(tx, context, arguments);
                if let Err(error) = &result {
                    if error.code == CommandError::ZONE_FULL {
                        return Err(error.clone());
                    }
                    tx.roll_back_to(&savepoint);
                    context.forget_since(mark);
                }
                result
            }
            Handler::Connection(_) if entry.command.name == "select" => {
                context.space(arguments[1]).map(|space| {
                    select(tx, context, space);
                    Reply::OK
                })
            }
            _ => {
                results.push(None);
                continue;
            }
        };
        let now = Instant::now();
        results.push(Some(Ran {
            result,
            duration: now.duration_since(clock),
        }));
        clock = now;
    }
    Ok(results)
}

fn select(tx: &mut Transaction<'_>, context: &Context, space: SpaceId) {
    context.select(space);
    assert!(
        tx.select(space),
        "invariant: every space of the queue is locked"
    );
}

/// The spaces a command of its own changes, the selected one first. A name that is none is left to
/// the command to refuse.
fn spaces_of(named: Spaces, context: &Context, arguments: &[&[u8]]) -> Vec<SpaceId> {
    let mut spaces = vec![context.selected()];
    match named {
        Spaces::Selected => {}
        Spaces::Argument(position) => {
            let text = position(arguments).and_then(|position| arguments.get(position));
            spaces.extend(text.and_then(|text| context.space(text).ok()));
        }
        Spaces::All => spaces.extend(context.engine().writable_spaces()),
    }
    spaces
}

/// The spaces a transaction locks. Leaves the selection as it was.
fn spaces_of_queue(
    queue: &[(Entry, Vec<&[u8]>)],
    watches: &[Watch],
    context: &Context,
) -> Vec<SpaceId> {
    let selected = context.selected();
    let mut spaces = vec![selected];
    spaces.extend(watches.iter().map(|watch| watch.space));
    for (entry, arguments) in queue {
        if entry.command.name == "select"
            && let Ok(space) = context.space(arguments[1])
        {
            context.select(space);
        }
        spaces.extend(spaces_of(entry.command.spaces, context, arguments));
    }
    context.select(selected);
    spaces
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
    /// Publishes that nodes have expired or been evicted.
    pub fn publish_gone(&self, gone: Vec<Gone>, position: Position) {
        if gone.is_empty() {
            return;
        }
        let events: Vec<Event> = gone
            .into_iter()
            .map(|gone| {
                let (class, name) = if gone.evicted {
                    (Class::Evicted, "evicted")
                } else {
                    (Class::Expired, "expired")
                };
                Event {
                    class,
                    name,
                    key: gone.name.to_vec(),
                    space: gone.space,
                }
            })
            .collect();
        let counter = |is_evicted| {
            if is_evicted {
                &self.stats.evicted
            } else {
                &self.stats.expired
            }
        };
        for event in &events {
            counter(event.class == Class::Evicted).fetch_add(1, Relaxed);
        }
        self.publish_events(&events, position);
    }
}
