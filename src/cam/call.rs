//! A call whose arguments are read and whose operands are found, and its pieces of SQL.

use std::borrow::Cow;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::When;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::fields::Fields;
use ladybug_engine::space::marks::Qualia;
use ladybug_engine::space::state::View;

use super::aggregate::Aggregate;
use super::error::Fault;
use super::event::{Event, Observed};
use super::method::{Mode, Scope};
use super::provenance::{Derived, Used};
use super::statement::Said;
use super::surface;
use super::table::Operation;
use super::target::Called;
use crate::mind::inference::Judgement;
use crate::mind::truth::Truth;
use crate::operand::{Operand, Reference};

/// A value of an argument.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// It was left out.
    Absent,
    /// Something to compare with.
    Query(Query<'a>),
    /// A node, and where it is.
    Node(Reference<'a>, Option<Place>),
    /// A node as it was, which may be gone, or an edge: not looked for before the kernel runs.
    Past(Reference<'a>),
    /// A method, a word or a program.
    Method(Called<'a>),
    /// How a judgement was derived.
    Derivation(Box<Derived>),
    /// A moment of the past.
    Moment(When),
    /// A time, microseconds since the epoch.
    Time(i64),
    /// A name.
    Name(&'a [u8]),
    /// Text.
    Text(Cow<'a, str>),
    /// A verb, and its slot.
    Verb(Cow<'a, str>, Option<u8>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// A word of those that are known.
    Word(&'static str),
    /// Floats.
    Floats(Vec<f32>),
    /// A statement.
    Said(Box<Said<'a>>),
    /// A truth.
    Truth(Truth),
    /// Ids.
    Ids(Vec<u64>),
    /// Qualia.
    Qualia(Qualia),
    /// Fields.
    Fields(Fields),
    /// Values of variables.
    Event(Event),
    /// What was observed.
    Observed(Box<Observed<'a>>),
    /// The place that a cursor says.
    Cursor(u64),
    /// Columns; none for all.
    Columns(Vec<String>),
    /// Columns to order by, and whether they descend.
    Order(Vec<(String, bool)>),
    /// Figures of groups.
    Aggregates(Vec<Aggregate>),
    /// What another operation reads.
    Raw(&'a [u8]),
}

/// Something to compare with.
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// What it says.
    pub operand: Operand<'a>,
    /// The text that it is the fingerprint of.
    pub text: Option<&'a str>,
    /// Where it is, if it is stored.
    pub place: Option<Place>,
}

/// Where an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its address.
    pub address: Address,
    /// Its id; a word of the surface has none.
    pub id: Option<u64>,
    /// Whether it is a reified edge.
    pub is_edge: bool,
    /// The version that had last changed it when it was found; 0 of a word.
    pub version: u64,
}

/// A call, ready to be run or explained.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// What is called.
    pub operation: &'static Operation,
    /// In which mode.
    pub mode: Mode,
    /// The word of a vocabulary that it is about.
    pub word: Option<Address>,
    /// Whether what follows through several edges was asked for, of a verb.
    pub is_transitive: bool,
    /// In which space.
    pub space: SpaceId,
    /// A value for each argument that is declared, then those that came again.
    pub values: Vec<Value<'a>>,
    /// The fingerprints of the queries among the values, in their order, as far as they are known before it runs.
    pub bits: Vec<Option<Fingerprint>>,
}

/// The operation's own entry says what its arguments are; these are what it says.
const DECLARED: &str = "invariant: the operation's entry declares an argument of this kind here";

impl Call<'_> {
    /// The addresses that it reads.
    pub fn scope(&self) -> Scope {
        self.mode.scope
    }

    /// Refuses what was written outside of the scope.
    ///
    /// # Errors
    /// The address is of another zone.
    pub fn check_written(&self, address: Address) -> Result<(), Fault> {
        match self.scope().contains(address) {
            true => Ok(()),
            false => Err(Fault::of(
                "SCOPE",
                format!(
                    "expected the scope of what is written, got {}: it lives in the {} zone at {address}",
                    self.scope().name(),
                    address.zone()
                ),
            )),
        }
    }

    /// Whether an argument was given.
    pub fn has(&self, at: usize) -> bool {
        !matches!(self.values.get(at), None | Some(Value::Absent))
    }

    /// The query at a place.
    pub fn query(&self, at: usize) -> &Query<'_> {
        match &self.values[at] {
            Value::Query(query) => query,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The fingerprint of the query at a place.
    pub fn fingerprint(&self, at: usize) -> &Fingerprint {
        let bits = self.bits.get(at).and_then(Option::as_ref);
        bits.expect("invariant: queries are found before a kernel runs")
    }

    /// The fingerprints of all queries from a place on.
    pub fn fingerprints(&self, from: usize) -> Vec<&Fingerprint> {
        self.bits[from..].iter().flatten().collect()
    }

    /// What the query at a place was taken from, if it is stored: else it is input.
    pub fn used(&self, at: usize) -> Used {
        let place = self.query(at).place;
        let stored = place.and_then(|place| place.id.map(|id| (id, place.version)));
        let used = stored.map(|(id, version)| Used { id, version });
        used.unwrap_or_default()
    }

    /// All stored operands that were found before it runs.
    pub fn all_used(&self) -> Vec<Used> {
        let places = self.values.iter().filter_map(|value| match value {
            Value::Node(_, place) => *place,
            Value::Query(query) => query.place,
            _ => None,
        });
        places
            .filter_map(|place| {
                Some(Used {
                    id: place.id?,
                    version: place.version,
                })
            })
            .collect()
    }

    /// Where the node at a place is.
    pub fn place(&self, at: usize) -> Place {
        match &self.values[at] {
            Value::Node(_, Some(place)) => *place,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The node at a place as a transaction has it: it may have moved or gone since it was found.
    ///
    /// # Errors
    /// It is gone, or outside the scope by now.
    pub fn find_again<'v>(&self, at: usize, view: &View<'v>) -> Result<Node<'v>, Fault> {
        let Value::Node(reference, _) = &self.values[at] else {
            unreachable!("{DECLARED}");
        };
        let name = self.operation.argument(at).name;
        let node = reference
            .node(view)
            .map_err(|error| Fault::operand(name, error))?;
        match self.scope().contains(node.address()) {
            true => Ok(node),
            false => Err(Fault::of(
                name,
                format!(
                    "expected an operand in scope {}, and {reference} is outside",
                    self.scope().name()
                ),
            )),
        }
    }

    /// What is named at a place and may be gone, or no node.
    pub fn past(&self, at: usize) -> &Reference<'_> {
        match &self.values[at] {
            Value::Past(reference) => reference,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The method, the word or the program at a place.
    pub fn called(&self, at: usize) -> &Called<'_> {
        match &self.values[at] {
            Value::Method(method) => method,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The derivation at a place, if it was given.
    pub fn derived(&self, at: usize) -> Option<&Derived> {
        match self.values.get(at) {
            Some(Value::Derivation(derived)) => Some(derived),
            _ => None,
        }
    }

    /// The moment at a place, if it was given.
    pub fn moment(&self, at: usize) -> Option<When> {
        match self.values.get(at) {
            Some(Value::Moment(when)) => Some(*when),
            _ => None,
        }
    }

    /// The time at a place, if it was given.
    pub fn time(&self, at: usize) -> Option<i64> {
        match self.values.get(at) {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        }
    }

    /// The name at a place.
    pub fn name(&self, at: usize) -> &[u8] {
        match &self.values[at] {
            Value::Name(name) => name,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The text at a place.
    pub fn text(&self, at: usize) -> &str {
        match &self.values[at] {
            Value::Text(text) => text,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The verb at a place, slot and name, if not any may be.
    pub fn verb(&self, at: usize) -> Option<(u8, &str)> {
        match self.values.get(at) {
            Some(Value::Verb(name, slot)) => {
                let slot = slot.expect("invariant: verbs are found before a kernel runs");
                Some((slot, name))
            }
            _ => None,
        }
    }

    /// The whole number at a place, if it was given.
    pub fn integer(&self, at: usize) -> Option<i64> {
        match self.values.get(at) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The count at a place, which its entry lets be nothing negative.
    pub fn count(&self, at: usize) -> usize {
        let number = self.integer(at).expect(DECLARED);
        usize::try_from(number).expect("invariant: its entry lets it be nothing negative")
    }

    /// How many rows are asked for at a place: all, if it was left out.
    pub fn limit(&self, at: usize) -> usize {
        match self.has(at) {
            true => self.count(at),
            false => usize::MAX,
        }
    }

    /// In SQL: the same, behind an order.
    pub fn limit_sql(&self, at: usize) -> String {
        let limit = self.integer(at).map(|k| format!(" LIMIT {k}"));
        limit.unwrap_or_default()
    }

    /// The word at a place.
    pub fn word(&self, at: usize) -> &'static str {
        match &self.values[at] {
            Value::Word(word) => word,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The number at a place.
    pub fn float(&self, at: usize) -> f64 {
        match &self.values[at] {
            Value::Float(number) => *number,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The qualia at a place.
    pub fn qualia(&self, at: usize) -> Qualia {
        match &self.values[at] {
            Value::Qualia(qualia) => *qualia,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The place that a cursor says, if it was given.
    pub fn cursor(&self, at: usize) -> Option<u64> {
        match self.values.get(at) {
            Some(Value::Cursor(place)) => Some(*place),
            _ => None,
        }
    }

    /// The columns at a place; none for `*`.
    pub fn columns(&self, at: usize) -> &[String] {
        match &self.values[at] {
            Value::Columns(columns) => columns,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The columns to order by at a place, and whether they descend.
    pub fn order(&self, at: usize) -> &[(String, bool)] {
        match &self.values[at] {
            Value::Order(order) => order,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The figures at a place.
    pub fn aggregates(&self, at: usize) -> &[Aggregate] {
        match &self.values[at] {
            Value::Aggregates(aggregates) => aggregates,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The fields at a place, if they were given.
    pub fn fields(&self, at: usize) -> Option<&Fields> {
        match self.values.get(at) {
            Some(Value::Fields(fields)) => Some(fields),
            _ => None,
        }
    }

    /// The arguments from a place on that another operation reads.
    pub fn raw(&self, from: usize) -> Vec<&[u8]> {
        let rest = self.values.get(from..).unwrap_or_default().iter();
        let raw = rest.map(|value| match value {
            Value::Raw(bytes) => *bytes,
            _ => unreachable!("{DECLARED}"),
        });
        raw.collect()
    }

    /// The floats at a place.
    pub fn floats(&self, at: usize) -> &[f32] {
        match &self.values[at] {
            Value::Floats(floats) => floats,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The statement at a place.
    pub fn said(&self, at: usize) -> &Said<'_> {
        match &self.values[at] {
            Value::Said(said) => said,
            _ => unreachable!("{DECLARED}"),
        }
    }

    /// The values of variables at a place, if they were given.
    pub fn event(&self, at: usize) -> Option<&Event> {
        match self.values.get(at) {
            Some(Value::Event(event)) => Some(event),
            _ => None,
        }
    }

    /// What was observed, from a place on.
    pub fn observed(&self, from: usize) -> impl Iterator<Item = &Observed<'_>> {
        self.values[from..].iter().map(|value| match value {
            Value::Observed(observed) => &**observed,
            _ => unreachable!("{DECLARED}"),
        })
    }

    /// The judgement at a place.
    pub fn judgement(&self, at: usize) -> &Judgement {
        let found = self.said(at).judgement.as_ref();
        found.expect("invariant: premises are found before a kernel runs")
    }

    /// The truth at a place, if it was given.
    pub fn truth(&self, at: usize) -> Option<Truth> {
        match self.values.get(at) {
            Some(Value::Truth(truth)) => Some(*truth),
            _ => None,
        }
    }

    /// The ids at a place, if they were given.
    pub fn ids(&self, at: usize) -> Option<&[u64]> {
        match self.values.get(at) {
            Some(Value::Ids(ids)) => Some(ids),
            _ => None,
        }
    }

    /// In SQL: the rows of the scope, as `nodes`.
    pub fn rows_sql(&self) -> Cow<'static, str> {
        rows_sql(self.scope())
    }

    /// In SQL: the nodes of the scope, as `nodes`, with all columns; none of the surface, whose words are no nodes.
    pub fn nodes_sql(&self) -> Cow<'static, str> {
        match self.scope() {
            Scope::Surface => "(SELECT * FROM nodes WHERE false) AS nodes".into(),
            scope => rows_sql(scope),
        }
    }

    /// In SQL: the fingerprint of the query at a place.
    pub fn fingerprint_sql(&self, at: usize) -> String {
        let query = self.query(at);
        let reference = match (&query.operand, query.text) {
            (_, Some(text)) => return format!("encode({})", quoted(text)),
            (Operand::Given(bits), None) => return format!("fingerprint('{}')", bits.to_hex()),
            (Operand::Stored(reference), None) => reference,
        };
        match query.place {
            Some(place) if place.is_edge => format!(
                "(SELECT bind(s.fingerprint, permute(encode(e.verb), 1), permute(t.fingerprint, 2)) FROM edges e \
                 JOIN nodes s ON s.id = e.source JOIN nodes t ON t.id = e.target WHERE e.address = {})",
                place.address.0
            ),
            place => format!(
                "(SELECT fingerprint FROM {} WHERE {})",
                self.rows_sql(),
                condition(reference, place)
            ),
        }
    }

    /// In SQL: the condition that a row of `nodes`, or of what they were, is the node at a place.
    pub fn node_sql(&self, at: usize) -> String {
        match &self.values[at] {
            Value::Node(reference, place) => condition(reference, *place),
            Value::Past(reference) => condition(reference, None),
            _ => unreachable!("{DECLARED}"),
        }
    }
}

/// The condition that a row is what a reference names.
fn condition(reference: &Reference<'_>, place: Option<Place>) -> String {
    let id = place.and_then(|place| place.id);
    match (reference, id) {
        (Reference::Key(name), id) => match (std::str::from_utf8(name), id) {
            (Err(_), Some(id)) => format!("id = {id}"),
            _ => format!("name = {}", quoted(&String::from_utf8_lossy(name))),
        },
        (Reference::Address(address), _) => format!("address = {}", address.0),
        (Reference::Id(id), _) => format!("id = {id}"),
    }
}

/// The rows of a scope as something to select from, named `nodes`.
pub fn rows_sql(scope: Scope) -> Cow<'static, str> {
    match scope {
        Scope::All => "nodes".into(),
        Scope::Surface => surface::ROWS_SQL.into(),
        Scope::Fluid => "(SELECT * FROM nodes WHERE zone = 'fluid') AS nodes".into(),
        Scope::Node => "(SELECT * FROM nodes WHERE zone = 'node') AS nodes".into(),
    }
}

/// In SQL: a single as [`decimal`](ladybug_engine::space::marks::decimal) makes it a double.
pub fn decimal_sql(single: &str) -> String {
    format!("CAST(CAST({single} AS VARCHAR) AS DOUBLE)")
}

/// Text as SQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
