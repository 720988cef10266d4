//! What a command's function knows of who calls it, and the way for it to say what it has caused:
//! notifications, promotions, log positions it has revealed. What it says takes effect once the
//! command has succeeded and, inside EXEC, the whole transaction has.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use ladybug_engine::commit::event::NodeEvent;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Lease, Moment, Snapshot, TransactionId};

use super::caller::Caller;
use super::error::CommandError;
use super::notify::{Class, Event};
use super::reply::{Protocol, Reply};
use super::request::parse_i64;
use super::server::Server;

/// The caller of a command. A connection has one, for as long as it lives.
#[derive(Debug)]
pub struct Context {
    server: Arc<Server>,
    selected: Cell<SpaceId>,
    /// The version of RESP the caller speaks: in RESP3, rows can be maps.
    pub protocol: Protocol,
    /// CLIENT NO-TOUCH: the caller's reads leave access statistics alone.
    pub is_no_touch: bool,
    subtree: RefCell<Option<Arc<[u8]>>>,
    /// What queries read, if not the memory as it is now.
    moment: Option<Arc<Moment>>,
    /// The transaction that its SQL statements are part of.
    pub sql_transaction: Cell<Option<TransactionId>>,
    /// Whether it still waits for the answer.
    pub caller: Caller,
    /// How a trial goes, if the command is one.
    trial: Cell<Option<Trial>>,
    effects: RefCell<Effects>,
}

/// How a command that is tried on the thread of its connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trial {
    Running,
    TooLong,
}

/// What a caller's commands are about.
#[derive(Debug, Clone)]
pub struct Place {
    space: SpaceId,
    subtree: Option<Arc<[u8]>>,
}

/// What a command has caused beside its changes.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// Events to publish.
    pub events: Vec<Event>,
    /// Fluid nodes, by space and id, that have been accessed often enough to become permanent.
    pub promotions: Vec<(SpaceId, u64)>,
    /// The highest log position of what a search revealed.
    pub revealed: Position,
    /// What is to be told of named nodes after a commit of the command's own.
    pub node_events: Vec<NodeEvent>,
    /// The transaction that SQL statements are part of from now on, if that is another.
    pub sql_transaction: Option<Option<TransactionId>>,
}

impl Effects {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.promotions.is_empty()
            && self.revealed == 0
            && self.node_events.is_empty()
            && self.sql_transaction.is_none()
    }
}

impl Context {
    /// A caller that has just connected: space 0, RESP2.
    pub fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            selected: Cell::new(0),
            protocol: Protocol::default(),
            is_no_touch: false,
            subtree: RefCell::default(),
            moment: None,
            sql_transaction: Cell::default(),
            caller: Caller::default(),
            trial: Cell::default(),
            effects: RefCell::default(),
        }
    }

    /// The same caller, for a thread of its own.
    pub fn for_thread(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            selected: self.selected.clone(),
            protocol: self.protocol,
            is_no_touch: self.is_no_touch,
            subtree: self.subtree.clone(),
            moment: None,
            sql_transaction: self.sql_transaction.clone(),
            caller: self.caller.clone(),
            trial: Cell::default(),
            effects: RefCell::default(),
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The engine. Not to be called from within a `Read` or `Write` command, which hold its locks.
    pub fn engine(&self) -> &Engine {
        &self.server.engine
    }

    /// The selected space.
    pub fn selected(&self) -> SpaceId {
        self.selected.get()
    }

    /// The same caller where it stood in a transaction, for a query that reads what the memory was there.
    pub fn at(&self, place: Place, moment: Arc<Moment>) -> Self {
        let context = Self {
            moment: Some(moment),
            ..self.for_thread()
        };
        context.go(place);
        context
    }

    /// What its commands are about.
    pub fn place(&self) -> Place {
        Place {
            space: self.selected(),
            subtree: self.subtree(),
        }
    }

    /// Has its commands be about something else.
    pub fn go(&self, place: Place) {
        self.select(place.space);
        self.restrict(place.subtree);
    }

    /// Name of the node below which the caller's searches look, if it has chosen one.
    pub fn subtree(&self) -> Option<Arc<[u8]>> {
        self.subtree.borrow().clone()
    }

    /// Chooses the node below which the caller's searches look, or none.
    pub fn restrict(&self, subtree: Option<Arc<[u8]>>) {
        self.subtree.replace(subtree);
    }

    /// A space for a query that takes its time, and the moment that it shows.
    pub fn lease(&self, space: SpaceId) -> (Arc<Lease>, i64) {
        let moment = self.moment.as_ref();
        let then = moment.and_then(|moment| Some((Arc::clone(moment.lease(space)?), moment.now())));
        then.unwrap_or_else(|| {
            let (lease, position) = self.engine().lease(space);
            self.reveal(position);
            let now = self.engine().now().max(lease.state().committed());
            (lease, now)
        })
    }

    /// The selected space as a query in a transaction sees it, with its fingerprints as they are, and the version that it is
    /// at; none where the query sees the memory as it is now.
    pub fn glance(&self) -> Option<(Snapshot, u64)> {
        let (moment, space) = (self.moment.as_ref()?, self.selected());
        Some((moment.glance(space)?, moment.version(space)?))
    }

    /// The spaces that hold something or have a name, for a query.
    pub fn spaces(&self) -> Vec<SpaceId> {
        let mut spaces = self.engine().spaces();
        if let Some(moment) = &self.moment {
            let locked: Vec<SpaceId> = moment.spaces().collect();
            let writable = self.engine().writable_spaces();
            spaces.retain(|space| locked.contains(space) || !writable.contains(space));
        }
        spaces
    }

    /// Several spaces at one moment, with every fingerprint, for a query.
    pub fn snapshots(&self, spaces: &[SpaceId]) -> Vec<Snapshot> {
        let snapshots = match &self.moment {
            None => self.engine().snapshots(spaces),
            // What a transaction does not lock is a checkpoint, which does not change.
            Some(moment) => {
                let then = |space: &SpaceId| self.engine().snapshot_at(moment, *space);
                let one = |space| then(space).unwrap_or_else(|| self.engine().snapshot(*space));
                spaces.iter().map(one).collect()
            }
        };
        for snapshot in &snapshots {
            self.reveal(snapshot.position);
        }
        snapshots
    }

    /// Selects a space.
    pub fn select(&self, space: SpaceId) {
        self.selected.set(space);
    }

    /// The space of a number or name; a new name gets a space of its own.
    ///
    /// # Errors
    /// The number is out of range, the name cannot be one, or there are too many.
    pub fn space(&self, text: &[u8]) -> Result<SpaceId, CommandError> {
        let is_number = parse_i64(text).is_some();
        let space = match std::str::from_utf8(text) {
            Ok(text) => self.server.engine.space(text),
            Err(_) => return Err(CommandError::err("a space's name is UTF-8 text")),
        };
        space.map_err(|error| {
            if is_number {
                CommandError::INVALID_SPACE
            } else {
                error.into()
            }
        })
    }

    /// Says that something happened to a key of the selected space.
    pub fn notify(&self, class: Class, event: &'static str, key: &[u8]) {
        self.notify_in(self.selected(), class, event, key);
    }

    /// Says that something happened to a key of any space.
    pub fn notify_in(&self, space: SpaceId, class: Class, event: &'static str, key: &[u8]) {
        if self.server.live.notify().selects(class) {
            let event = Event {
                class,
                name: event,
                key: key.to_vec(),
                space,
            };
            self.effects.borrow_mut().events.push(event);
        }
    }

    /// Says that a fluid node of the selected space has been accessed often enough to become
    /// permanent.
    pub fn promote(&self, id: u64) {
        self.effects
            .borrow_mut()
            .promotions
            .push((self.selected(), id));
    }

    /// Says that the reply shows the memory at a log position: for `Search` commands, each time
    /// they have read a snapshot.
    pub fn reveal(&self, position: Position) {
        let mut effects = self.effects.borrow_mut();
        effects.revealed = effects.revealed.max(position);
    }

    /// Says which named nodes went when the command changed something.
    pub fn happened(&self, events: Vec<NodeEvent>) {
        self.effects.borrow_mut().node_events.extend(events);
    }

    /// Says that the caller's SQL statements are part of this transaction from now on, or of none.
    pub fn enter_sql_transaction(&self, transaction: Option<TransactionId>) {
        if transaction != self.sql_transaction.replace(transaction) {
            self.effects.borrow_mut().sql_transaction = Some(transaction);
        }
    }

    /// Tries a command here, where other clients wait for it; nothing if it takes more than a few steps.
    pub fn attempt(
        &self,
        command: impl FnOnce() -> Result<Reply, CommandError>,
    ) -> Option<Result<Reply, CommandError>> {
        self.trial.set(Some(Trial::Running));
        let result = command();
        let is_short = self.trial.take() == Some(Trial::Running);
        is_short.then_some(result)
    }

    /// Whether the command is only tried: it may take a few steps, and change nothing unless it ends within them.
    pub fn is_trial(&self) -> bool {
        self.trial.get().is_some()
    }

    /// Ends a trial: the command has changed nothing, and is to run where it may take its time.
    pub fn takes_long(&self) -> CommandError {
        self.trial.set(Some(Trial::TooLong));
        CommandError::err("the command takes more steps than a trial may")
    }

    /// Takes what has been said so far.
    pub fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    /// How much has been said so far, for [`forget_since`](Self::forget_since).
    pub fn mark(&self) -> (usize, usize) {
        let effects = self.effects.borrow();
        (effects.events.len(), effects.promotions.len())
    }

    /// Forgets what a command has said that failed. What it has revealed stays revealed.
    pub fn forget_since(&self, (events, promotions): (usize, usize)) {
        let mut effects = self.effects.borrow_mut();
        effects.events.truncate(events);
        effects.promotions.truncate(promotions);
    }
}
