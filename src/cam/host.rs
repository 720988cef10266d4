//! Where calls run, and what they read: one space at one moment, looked at as late as possible.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use ladybug_engine::commit::history::Mark;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::{Engine, Snapshot, TransactionId};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::state::View;
use ladybug_engine::space::verbs::address_of;

use super::call::{Place, Value};
use super::error::Fault;
use super::method::Scope;
use super::surface;
use super::table::{Kind, Operation};
use crate::operand::{Operand, Reference, fingerprint_of};
use crate::query::graphql::Graphql;
use crate::query::sql::{Executed, Sql, SqlError};

/// Where calls run: not on a thread that drives other work.
#[derive(Clone, Debug)]
pub struct Host<'h> {
    /// SQL, and the engine below it.
    pub sql: &'h Sql,
    /// GraphQL over the same engine.
    pub graphql: &'h Graphql,
    /// The space.
    pub space: SpaceId,
    /// Plans and queries end with an error after this long; `None` for never.
    pub timeout: Option<Duration>,
    /// Most rows of a result.
    pub rows_max: usize,
    /// Most bytes of a result.
    pub bytes_max: usize,
}

impl Host<'_> {
    /// The engine.
    pub fn engine(&self) -> &Engine {
        self.sql.engine()
    }
}

/// What one call reads.
pub struct Reading<'h> {
    host: &'h Host<'h>,
    since: Instant,
    glance: OnceCell<Snapshot>,
    encoded: OnceCell<Snapshot>,
    position: Cell<Position>,
    /// The transaction that it is part of, whose space it then sees as that has made it.
    transaction: Option<TransactionId>,
    moment: Option<Moment>,
    may_query: bool,
}

/// The moment that a reading is of, where it is not that of its first look.
#[derive(Clone, Copy)]
struct Moment {
    /// The newest version of the space's past.
    base: u64,
    /// The version that the space is at: another if the transaction or the commit that the reading is part of has
    /// changed it.
    own: u64,
}

/// A row: its id, where it is, its name if that is text, its fingerprint.
pub struct Row<'r> {
    /// Its id; a word of the surface has none.
    pub id: Option<u64>,
    /// Where it is.
    pub address: Address,
    /// Its name, if it has one in UTF-8.
    pub name: Option<Cow<'r, str>>,
    /// Its fingerprint.
    pub fingerprint: Cow<'r, Fingerprint>,
}

impl<'r> Row<'r> {
    /// A node, with its fingerprint encoded here if it was not yet.
    pub fn of(view: &View<'r>, node: Node<'r>) -> Self {
        let name = node.name().and_then(|name| std::str::from_utf8(name).ok());
        Self {
            id: Some(node.id()),
            address: node.address(),
            name: name.map(Cow::Borrowed),
            fingerprint: Cow::Owned(fingerprint_of(view, node)),
        }
    }
}

impl<'h> Reading<'h> {
    /// Nothing is looked at yet.
    pub fn new(host: &'h Host<'h>) -> Self {
        Self {
            host,
            since: Instant::now(),
            glance: OnceCell::new(),
            encoded: OnceCell::new(),
            position: Cell::new(0),
            transaction: None,
            moment: None,
            may_query: true,
        }
    }

    /// A look at the host's space as a commit, or a statement, has found or made it: at the version `own`.
    pub fn at(host: &'h Host<'h>, glance: Snapshot, own: u64) -> Self {
        let reading = Self {
            moment: Some(Moment {
                base: glance.state.version(),
                own,
            }),
            ..Self::new(host)
        };
        reading.reveal(glance.position);
        Self {
            glance: OnceCell::from(glance),
            ..reading
        }
    }

    /// A look at the host's space as a transaction in it has made it so far.
    ///
    /// # Errors
    /// The transaction is over.
    pub fn within(host: &'h Host<'h>, transaction: TransactionId) -> Result<Self, EngineError> {
        let (glance, base) = host.engine().in_transaction(transaction, |open| {
            let branch = open.branch();
            Ok::<_, EngineError>((branch.glance(), branch.base().version()))
        })?;
        let own = glance.state.version();
        Ok(Self {
            transaction: Some(transaction),
            moment: Some(Moment { base, own }),
            ..Self::at(host, glance, own)
        })
    }

    /// Another look at the same.
    pub fn again(&self) -> Self {
        Self {
            host: self.host,
            since: self.since,
            glance: OnceCell::from(self.glance().clone()),
            encoded: self.encoded.clone(),
            position: self.position.clone(),
            transaction: self.transaction,
            moment: self.moment,
            may_query: self.may_query,
        }
    }

    /// The same where nobody may wait for SQL.
    pub fn without_queries(self) -> Self {
        Self {
            may_query: false,
            ..self
        }
    }

    /// The transaction that it is part of, in which other languages are to be asked too.
    pub fn transaction(&self) -> Option<TransactionId> {
        self.transaction
    }

    /// Where the call runs.
    pub fn host(&self) -> &'h Host<'h> {
        self.host
    }

    /// The log position that must be acknowledged before anything of it is shown.
    pub fn position(&self) -> Position {
        self.position.get()
    }

    /// Says that the answer shows the memory at a log position.
    pub fn reveal(&self, position: Position) {
        self.position.set(self.position.get().max(position));
    }

    /// The space with fingerprints as they are.
    pub fn glance(&self) -> &Snapshot {
        self.glance.get_or_init(|| {
            let glance = self.host.engine().glance(self.host.space);
            self.reveal(glance.position);
            glance
        })
    }

    /// The space as a view.
    pub fn view(&self) -> View<'_> {
        self.glance().view()
    }

    /// The newest version of the past that it sees, where that is not the newest that there is.
    pub fn base(&self) -> Option<u64> {
        self.moment.map(|moment| moment.base)
    }

    /// The version that it sees the space at, as history will have it.
    pub fn mark(&self) -> Mark {
        let glance = self.glance();
        let own = self.moment.map(|moment| moment.own);
        let is_new = self.moment.is_some_and(|moment| moment.base != moment.own);
        Mark {
            version: own.unwrap_or(glance.state.version()),
            committed: match is_new {
                true => glance.now,
                false => glance.state.committed(),
            },
            position: glance.position,
        }
    }

    /// The same moment with every fingerprint encoded.
    pub fn snapshot(&self) -> &Snapshot {
        self.encoded
            .get_or_init(|| self.host.engine().encoded(self.host.space, self.glance()))
    }

    /// Whether the space may still be read, and for how long, which whoever reads for long asks between steps.
    ///
    /// # Errors
    /// It may not, or no longer.
    pub fn check(&self) -> Result<(), Fault> {
        if let Some(timeout) = self.host.timeout
            && self.since.elapsed() > timeout
        {
            return Err(SqlError::Limit(format!(
                "the method took longer than {} ms and was ended; see --sql-timeout-ms",
                timeout.as_millis()
            ))
            .into());
        }
        match self.glance.get() {
            Some(glance) => Ok(glance.check()?),
            // What has looked at nothing holds nothing.
            None => Ok(()),
        }
    }

    /// The rows of a scope, by address.
    pub fn rows(&self, scope: Scope) -> Vec<Row<'_>> {
        let snapshot = self.snapshot();
        if scope == Scope::Surface {
            let word = |(address, name, fingerprint)| Row {
                id: None,
                address,
                name: Some(name),
                fingerprint,
            };
            return surface::words(&snapshot.view())
                .into_iter()
                .map(word)
                .collect();
        }
        let view = snapshot.view();
        view.nodes()
            .filter(|node| scope.contains(node.address()))
            .map(|node| self.row(node.address()))
            .collect()
    }

    /// The row at an address of a node.
    ///
    /// # Panics
    /// There is none.
    pub fn row(&self, address: Address) -> Row<'_> {
        let snapshot = self.snapshot();
        let there = "invariant: the address is of a node that was just found";
        let node = snapshot.view().node(address).expect(there);
        let name = node.name().and_then(|name| std::str::from_utf8(name).ok());
        Row {
            id: Some(node.id()),
            address,
            name: name.map(Cow::Borrowed),
            fingerprint: Cow::Borrowed(snapshot.fingerprint(address).expect(there)),
        }
    }

    /// The rows of a query of the same space, within the host's bounds.
    ///
    /// # Errors
    /// The query is wrong, or beyond the bounds.
    pub fn query(&self, statement: &str) -> Result<RecordBatch, Fault> {
        if !self.may_query {
            return Err(Fault::Argument(
                "expected a method that asks no SQL itself, which a row cannot wait for; FROM cam(…) can".to_owned(),
            ));
        }
        let host = self.host;
        let mut session = host.sql.session(host.space);
        session.set_timeout(host.timeout);
        session.set_transaction(self.transaction);
        if self.moment.is_some() {
            session.set_moment(self.glance().clone());
        }
        host.sql.block_on(async {
            match session.execute(statement, Vec::new()).await? {
                Executed::Rows(rows) => {
                    self.reveal(rows.position);
                    let schema = rows.schema.clone();
                    let batches = rows.collect(host.rows_max, host.bytes_max).await?;
                    Ok(concat_batches(&schema, &batches)?)
                }
                Executed::Done(_) => Err(Fault::Argument("expected a query".to_owned())),
            }
        })
    }
}

/// Finds the operands of a call in the memory, and answers the fingerprint of each that is to be compared with.
///
/// # Errors
/// One is not there, or outside the scope.
pub fn find<'v>(
    operation: &Operation,
    scope: Scope,
    values: &mut [Value<'_>],
    view: &dyn Fn() -> View<'v>,
) -> Result<Vec<Option<Fingerprint>>, Fault> {
    let mut bits = Vec::with_capacity(values.len());
    for (at, value) in values.iter_mut().enumerate() {
        let name = operation.argument(at).name;
        let mut found = None;
        match value {
            Value::Query(query) => match &query.operand {
                Operand::Given(given) => found = Some((**given).clone()),
                Operand::Stored(reference) => {
                    let place = stored(name, scope, reference, &view())?;
                    query.place = Some(place);
                    found = fingerprint_at(&view(), place.address);
                }
            },
            Value::Node(reference, place) => {
                let there = stored(name, scope, reference, &view())?;
                if there.is_edge {
                    return Err(Fault::of(
                        name,
                        format!(
                            "expected {}, and {reference} is an edge",
                            crate::operand::NODE
                        ),
                    ));
                }
                *place = Some(there);
            }
            Value::Verb(verb, slot) => {
                let (known, spelled) = self::verb(&view(), verb)
                    .ok_or_else(|| Fault::of(name, EngineError::NoSuchVerb(verb.to_string())))?;
                (*verb, *slot) = (spelled.to_owned().into(), Some(known));
            }
            Value::Said(said) if matches!(operation.argument(at).kind, Kind::Premise) => {
                let sought = said.find(scope, &view());
                sought.map_err(|fault| fault.of_argument(name))?;
            }
            Value::Derivation(derived) => {
                let sought = derived.find(scope, &view());
                sought.map_err(|fault| fault.of_argument(name))?;
            }
            _ => {}
        }
        bits.push(found);
    }
    Ok(bits)
}

/// The verb of a name, or of an address: its slot, and its name as it is spelled.
fn verb<'v>(view: &View<'v>, text: &str) -> Option<(u8, &'v str)> {
    let verbs = view.state.verbs();
    let slot = match text.starts_with('@') {
        true => {
            let address: Address = text.parse().ok()?;
            let mut all = verbs.iter();
            all.find(|(slot, _)| address_of(*slot) == address)?.0
        }
        false => verbs.slot(text)?,
    };
    Some((slot, verbs.name(slot)?))
}

/// The fingerprint of what is at an address, encoded here if it was not yet.
pub fn fingerprint_at(view: &View<'_>, address: Address) -> Option<Fingerprint> {
    match Scope::Surface.contains(address) {
        true => surface::word(view, address),
        false => Some(fingerprint_of(view, view.occupant(address)?)),
    }
}

/// Where something stored is, which must be in the scope.
fn stored(
    name: &str,
    scope: Scope,
    reference: &Reference<'_>,
    view: &View<'_>,
) -> Result<Place, Fault> {
    let outside = || {
        Fault::of(
            name,
            match scope {
                Scope::All => format!(
                    "expected an operand in scope all, which is fluid and node, and {reference} is outside"
                ),
                _ => format!(
                    "expected an operand in scope {}, and {reference} is outside",
                    scope.name()
                ),
            },
        )
    };
    if let Reference::Address(address) = *reference
        && Scope::Surface.contains(address)
    {
        if surface::word(view, address).is_none() {
            return Err(Fault::of(name, format!("no word is at {address}")));
        }
        let place = Place {
            address,
            id: None,
            is_edge: false,
            version: 0,
        };
        return match scope {
            Scope::Surface => Ok(place),
            _ => Err(outside()),
        };
    }
    let node = reference
        .occupant(view)
        .map_err(|error| Fault::operand(name, error))?;
    let (is_inside, version) = match node.is_edge() {
        false => (scope.contains(node.address()), node.version()),
        // An edge is where both its ends are.
        true => {
            let graph = view.state.graph();
            let edge = graph
                .link(node.id())
                .and_then(|link| graph.get(link.source, link.id));
            let is_inside =
                |edge: &Edge| scope.contains(edge.source) && scope.contains(edge.target);
            (
                edge.as_ref().is_some_and(is_inside),
                edge.map_or(0, |edge| edge.version),
            )
        }
    };
    match is_inside {
        true => Ok(Place {
            address: node.address(),
            id: Some(node.id()),
            is_edge: node.is_edge(),
            version,
        }),
        false => Err(outside()),
    }
}
