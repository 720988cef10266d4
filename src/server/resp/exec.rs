//! EXEC: the commands since MULTI as one commit: Redis's, and more, since it is durable all or not at all.
//!
//! A command that is refused takes back only itself, except that a full zone takes back all. Queries run once the commit
//! is made, outside all locks, each on the memory as the transaction had made it where the query stood: nothing in a queue
//! can depend on what a query answers. Commands that do not touch the memory run last, so that, for instance, a
//! message published inside a transaction does not outrun it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ladybug_engine::commit::event::NodeEvent;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::{Made, SpaceId, Transaction};
use ladybug_engine::engine::Moment;

use super::command::{Entry, Handler, QueryFunction, Spaces};
use super::context::{Context, Effects, Place};
use super::error::CommandError;
use super::reply::Reply;
use super::session::{Queued, Session, Watch};

/// A transaction that is to be executed.
#[derive(Debug)]
pub struct Execution {
    /// The commands, in order.
    pub queue: Vec<Queued>,
    /// The keys that must not have changed.
    pub watches: Vec<Watch>,
}

/// What has come of a transaction.
#[derive(Debug)]
pub struct Executed {
    /// What each command answered, but for those that are still to run; nothing if a watched key had changed.
    results: Result<Option<Vec<Option<Ran>>>, CommandError>,
    position: Position,
    node_events: Vec<NodeEvent>,
    effects: Effects,
    /// What the caller's commands are about from here on.
    place: Place,
}

/// A command that has run.
#[derive(Debug)]
struct Ran {
    result: Result<Reply, CommandError>,
    duration: Duration,
}

/// A command of the queue.
struct Step<'q> {
    entry: Entry,
    arguments: Vec<&'q [u8]>,
    /// The space that SELECT selects.
    selects: Option<Result<SpaceId, CommandError>>,
    /// What runs it once the commit is made, if it only reads.
    query: Option<QueryFunction>,
}

/// How far a command has come with the commit.
enum Done {
    Ran(Ran),
    /// A query is to be run on what there was where it stood.
    Query(QueryFunction, Arc<Made>, Place),
    /// It does not touch the memory.
    Left,
}

/// What has come of an attempt to commit.
enum Attempt {
    Committed(Vec<Done>),
    WatchedHasChanged,
    /// A space has come that a query looks at, and is not locked.
    SpaceHasCome,
}

impl Execution {
    /// Whether it takes a thread that may take its time.
    pub fn has_queries(&self) -> bool {
        let is_query = |queued: &Queued| {
            let handler = queued.entry.command.handler;
            matches!(handler, Handler::Query(_) | Handler::Statement { .. })
        };
        self.queue.iter().any(is_query)
    }

    /// Runs the queue.
    pub fn run(&self, context: &Context) -> Executed {
        let engine = context.engine();
        let before = context.place();
        let (attempt, position, node_events) = loop {
            let (steps, spaces) = self.plan(context);
            if self.has_queries() {
                engine.encode_pending(&spaces);
            }
            let outcome = engine.commit(&spaces, |tx| self.commit(tx, context, &steps));
            if !matches!(outcome.value, Ok(Attempt::SpaceHasCome)) {
                break (outcome.value, outcome.position, outcome.events);
            }
        };
        let results = match attempt {
            Ok(Attempt::Committed(steps)) => Ok(Some(self.query(context, position, steps))),
            Ok(Attempt::WatchedHasChanged | Attempt::SpaceHasCome) => Ok(None),
            Err(error) => {
                context.forget_since((0, 0));
                context.go(before);
                Err(error)
            }
        };
        Executed {
            results,
            position,
            node_events,
            effects: context.take_effects(),
            place: context.place(),
        }
    }

    /// The commands, and the spaces that they touch, the selected one first. Leaves the selection as it was.
    fn plan(&self, context: &Context) -> (Vec<Step<'_>>, Vec<SpaceId>) {
        let selected = context.selected();
        let mut spaces = vec![selected];
        spaces.extend(self.watches.iter().map(|watch| watch.space));
        let mut steps = Vec::with_capacity(self.queue.len());
        for queued in &self.queue {
            let (entry, arguments) = (queued.entry, queued.arguments());
            let is_select = entry.command.name == "select";
            let selects = is_select.then(|| context.space(arguments[1]));
            if let Some(Ok(space)) = &selects {
                context.select(*space);
            }
            spaces.extend(spaces_of(entry.command.spaces, context, &arguments));
            let query = match entry.command.handler {
                Handler::Query(function) => Some(function),
                Handler::Statement {
                    alone, only_reads, ..
                } => only_reads(&arguments).then_some(alone),
                _ => None,
            };
            steps.push(Step {
                entry,
                query,
                arguments,
                selects,
            });
        }
        context.select(selected);
        (steps, spaces)
    }

    /// Runs all that reads and changes the locked spaces.
    fn commit(
        &self,
        tx: &mut Transaction<'_>,
        context: &Context,
        steps: &[Step<'_>],
    ) -> Result<Attempt, CommandError> {
        let selected = tx.space();
        if self.watches.iter().any(|watch| watch.has_changed(tx)) {
            return Ok(Attempt::WatchedHasChanged);
        }
        // What a query looks at was looked up before the locks were taken.
        let locked = tx.spaces();
        let is_locked = |step: &Step<'_>| match step.entry.command.spaces {
            queried @ Spaces::Queried(_) => spaces_of(queried, context, &step.arguments)
                .iter()
                .all(|space| locked.contains(space)),
            _ => true,
        };
        if !steps.iter().all(is_locked) {
            return Ok(Attempt::SpaceHasCome);
        }
        select(tx, context, selected);
        let mut clock = Instant::now();
        // What the queries since the last change read.
        let mut made: Option<Arc<Made>> = None;
        let mut done = Vec::with_capacity(steps.len());
        for step in steps {
            let arguments = &step.arguments;
            if let Some(function) = step.query {
                let made = made.get_or_insert_with(|| Arc::new(tx.made()));
                done.push(Done::Query(function, Arc::clone(made), context.place()));
                continue;
            }
            let result = match step.entry.command.handler {
                Handler::Read(function) => function(&tx.view(), context, arguments),
                Handler::Write(function)
                | Handler::Statement {
                    in_commit: function,
                    ..
                } => {
                    made = None;
                    let (savepoint, mark) = (tx.savepoint(), context.mark());
                    let result = function(tx, context, arguments);
                    match &result {
                        // A command says itself what it has done, and a statement of a query language does not.
                        Ok(_)
                            if matches!(step.entry.command.handler, Handler::Statement { .. }) =>
                        {
                            tx.report_since(&savepoint);
                        }
                        Ok(_) => {}
                        Err(error) if error.code == CommandError::ZONE_FULL => {
                            return Err(error.clone());
                        }
                        Err(_) => {
                            tx.roll_back_to(&savepoint);
                            context.forget_since(mark);
                        }
                    }
                    result
                }
                _ => match &step.selects {
                    Some(space) => space.clone().map(|space| {
                        select(tx, context, space);
                        Reply::OK
                    }),
                    None => {
                        done.push(Done::Left);
                        continue;
                    }
                },
            };
            let now = Instant::now();
            done.push(Done::Ran(Ran {
                result,
                duration: now.duration_since(clock),
            }));
            clock = now;
        }
        Ok(Attempt::Committed(done))
    }

    /// Runs the queries of a transaction that is at `position` of the log.
    fn query(&self, context: &Context, position: Position, done: Vec<Done>) -> Vec<Option<Ran>> {
        // All that they read is held before the first takes its time.
        let mut held: Vec<(Arc<Made>, Arc<Moment>)> = Vec::new();
        for step in &done {
            if let Done::Query(_, made, _) = step
                && !held.last().is_some_and(|(last, _)| Arc::ptr_eq(last, made))
            {
                let moment = Arc::new(context.engine().hold(made, position));
                held.push((Arc::clone(made), moment));
            }
        }
        let mut held = held.into_iter().peekable();
        let run = |(step, queued): (Done, &Queued)| match step {
            Done::Ran(ran) => Some(ran),
            Done::Left => None,
            Done::Query(function, made, place) => {
                while held
                    .next_if(|(there, _)| !Arc::ptr_eq(there, &made))
                    .is_some()
                {}
                let (_, moment) = held.peek().expect("invariant: what a query reads is held");
                let arguments = queued.arguments();
                let clock = Instant::now();
                let there = context.at(place, Arc::clone(moment));
                let result = function(&there, &arguments);
                context.reveal(there.take_effects().revealed);
                Some(Ran {
                    result,
                    duration: clock.elapsed(),
                })
            }
        };
        done.into_iter().zip(&self.queue).map(run).collect()
    }
}

impl Session {
    /// Ends MULTI, to execute what came since.
    pub(super) fn take_transaction(&mut self) -> Result<Execution, CommandError> {
        let Some(transaction) = self.transaction.take() else {
            return Err(CommandError::err("EXEC without MULTI"));
        };
        let watches = std::mem::take(&mut self.watches);
        self.discard_transaction();
        if transaction.is_doomed {
            return Err(CommandError::EXEC_ABORT);
        }
        for queued in &transaction.queue {
            let arguments = queued.arguments();
            self.show_to_monitors(queued.entry, &arguments);
        }
        Ok(Execution {
            queue: transaction.queue,
            watches,
        })
    }

    /// What a transaction answers that has run, with the effects of it.
    pub(super) fn finish_transaction(
        &mut self,
        execution: &Execution,
        executed: Executed,
    ) -> Result<Reply, CommandError> {
        self.context.go(executed.place);
        self.select_space(self.context.selected());
        self.follow(executed.effects, executed.position, executed.node_events);
        let Some(results) = executed.results? else {
            return Ok(Reply::NilArray);
        };
        let mut replies = Vec::with_capacity(results.len());
        for (queued, ran) in execution.queue.iter().zip(results) {
            let entry = queued.entry;
            let arguments = queued.arguments();
            replies.push(match (ran, entry.command.handler) {
                (Some(ran), _) => {
                    self.count(entry, &arguments, ran.duration, &ran.result);
                    ran.result.into()
                }
                (None, Handler::Connection(function)) => {
                    let result = function(self, &arguments);
                    self.end(entry, &arguments, result)
                }
                (None, _) => unreachable!("only commands of the connection are left over"),
            });
        }
        Ok(Reply::Array(replies))
    }
}

fn select(tx: &mut Transaction<'_>, context: &Context, space: SpaceId) {
    context.select(space);
    assert!(
        tx.select(space),
        "invariant: every space of the queue is locked"
    );
}

/// The spaces a command touches that others may change meanwhile, the selected one first. A name that is none is left to
/// the command to refuse.
pub(super) fn spaces_of(named: Spaces, context: &Context, arguments: &[&[u8]]) -> Vec<SpaceId> {
    let mut spaces = vec![context.selected()];
    match named {
        Spaces::Selected => {}
        Spaces::Argument(position) => {
            let text = position(arguments).and_then(|position| arguments.get(position));
            spaces.extend(text.and_then(|text| context.space(text).ok()));
        }
        Spaces::Queried(named) => {
            let writable = context.engine().writable_spaces();
            let named = named(context, arguments).into_iter();
            spaces.extend(named.filter(|space| writable.contains(space)));
        }
        Spaces::All => spaces.extend(context.engine().writable_spaces()),
    }
    spaces
}
