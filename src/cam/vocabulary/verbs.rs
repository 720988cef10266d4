//! Verbs: what edges say, with what follows from the words themselves.
//!
//! An edge `x V y` is what is stored. Where V is symmetric it says `y V x` too, and where V has an inverse W, an edge
//! `y W x` says `x V y`. What follows through several edges is answered when it is asked for, and only of a verb that is
//! transitive: its truth is that of deduction along the chain.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array,
};
use ladybug_engine::commit::transaction::{EdgeDraft, Transaction};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::marks::Truth as StoredTruth;
use ladybug_engine::space::state::View;
use ladybug_engine::space::verbs::{BuiltIn, OPEN_SLOT_FIRST, address_of};

use super::super::batch::batch;
use super::super::call::{Call, quoted};
use super::super::error::Fault;
use super::super::host::Reading;
use super::super::provenance::asserted;
use super::super::table::{Argument, Class, Column, ColumnKind, Kernel, Kind, Operation};
use crate::mind::truth::{Truth, deduction};

/// What asks for what follows through several edges.
pub const TRANSITIVE: &str = "TRANSITIVE";

const X: Argument = Argument::new("x", Kind::Node);
const Y: Argument = Argument::new("y", Kind::Node);
const T: Argument = Argument::new("t", Kind::Truth);
const NON_AXIOMATIC: &str = "Wang, Non-Axiomatic Logic, 2013: choice, and deduction along a chain";

/// A verb with one operand.
pub static TARGETS: Operation = Operation {
    name: "WORD",
    doc: "Where the verb leads from a node, by address: along its edges, against them where the verb is symmetric, and \
          against those of its inverse. Of several edges that say the same the one of the highest confidence counts; `edge` is \
          its id and `verb` its verb. TRANSITIVE behind the operand goes on, where the verb is transitive, through as many \
          edges as it takes: then `hops` is their least number, and the truth is deduced along them",
    source: NON_AXIOMATIC,
    arguments: &[X],
    columns: &[
        Column::new("id", ColumnKind::Count),
        Column::new("address", ColumnKind::Address),
        Column::nullable("name", ColumnKind::Text),
        Column::new("frequency", ColumnKind::Float),
        Column::new("confidence", ColumnKind::Float),
        Column::new("verb", ColumnKind::Text),
        Column::nullable("edge", ColumnKind::Count),
        Column::new("hops", ColumnKind::Count),
    ],
    class: Class::Other("Reached: edges of the verb, its inverse, and chains where asked for"),
    kernel: Kernel::Read(targets),
    ..Operation::DEFAULT
};

/// A verb with two operands.
pub static HOLDS: Operation = Operation {
    name: "WORD",
    doc: "Whether the verb holds between two nodes, with its truth: whether an edge says so (of several the one of the \
          highest confidence), and more speaks for it than against it. TRANSITIVE behind the operands lets a chain say so, where \
          the verb is transitive",
    source: NON_AXIOMATIC,
    arguments: &[X, Y],
    columns: &[
        Column::new("holds", ColumnKind::Boolean),
        Column::nullable("frequency", ColumnKind::Float),
        Column::nullable("confidence", ColumnKind::Float),
        Column::nullable("verb", ColumnKind::Text),
        Column::nullable("edge", ColumnKind::Count),
        Column::nullable("hops", ColumnKind::Count),
    ],
    is_single: true,
    class: Class::Other(
        "Choice\n  Reached: edges of the verb, its inverse, and chains where asked for",
    ),
    kernel: Kernel::Read(holds),
    ..Operation::DEFAULT
};

/// A verb with two operands and a truth.
pub static ASSERT: Operation = Operation {
    name: "WORD",
    doc: "Asserts that the verb holds between two nodes with a truth: the edge is made, or, if there is one of this verb \
          from x to y, gets this truth in place of its own. NARS.JUDGE adds a judgement instead, and NARS.REVISE pools two",
    arguments: &[X, Y, T],
    columns: &[
        Column::new("edge", ColumnKind::Count),
        Column::new("is_new", ColumnKind::Boolean),
    ],
    is_single: true,
    class: Class::Write(|call| {
        let (x, y) = (call.node_sql(0), call.node_sql(1));
        let truth = call.truth(2).unwrap_or_default();
        let word = call.word.map_or_else(String::new, |at| at.to_string());
        format!(
            "INSERT INTO edges (source, verb, target, frequency, confidence) SELECT (SELECT id FROM nodes WHERE {x}), \
             (SELECT name FROM verbs WHERE address = addr({})), (SELECT id FROM nodes WHERE {y}), {}, {}",
            quoted(&word),
            truth.frequency(),
            truth.confidence()
        )
    }),
    kernel: Kernel::Write(assert),
    ..Operation::DEFAULT
};

/// Takes a slot for a verb.
pub static DEFINE_VERB: Operation = Operation {
    name: "DEFINE",
    doc: "Takes the first free slot of the vocabulary for a verb of this space, unless it has a verb of exactly this name; \
          answers where it is. Cypher, SQL and the importers define verbs by themselves",
    arguments: &[Argument::new("name", Kind::Text)],
    columns: &[Column::new("address", ColumnKind::Address)],
    is_single: true,
    class: Class::Write(|call| {
        format!("INSERT INTO verbs (name) VALUES ({})", quoted(call.text(0)))
    }),
    kernel: Kernel::Write(|call, tx| {
        let slot = tx.define_verb(call.text(0))?;
        let at = UInt16Array::from(vec![address_of(slot).0]);
        Ok(batch(call.operation.columns, vec![Arc::new(at)]))
    }),
    ..Operation::DEFAULT
};

/// The vocabulary.
pub static VERBS: Operation = Operation {
    name: "VERBS",
    doc: "The verbs of this space by address: 144 built-in words in twelve groups, and the space's own",
    columns: &[
        Column::new("address", ColumnKind::Address),
        Column::new("name", ColumnKind::Text),
        Column::new("is_built_in", ColumnKind::Boolean),
        Column::nullable("group", ColumnKind::Text),
        Column::nullable("inverse", ColumnKind::Text),
        Column::new("symmetric", ColumnKind::Boolean),
        Column::new("transitive", ColumnKind::Boolean),
    ],
    class: Class::Other("Scan: the verbs of the space"),
    kernel: Kernel::Read(|call, reading| {
        let view = reading.view();
        let verbs = view.state.verbs();
        let all: Vec<_> = verbs.iter().collect();
        let words: Vec<_> = all.iter().map(|verb| verbs.built_in(verb.0)).collect();
        let is = |of: fn(&BuiltIn) -> bool| -> ArrayRef {
            let flags = words.iter().map(|word| word.is_some_and(of));
            Arc::new(BooleanArray::from(flags.collect::<Vec<_>>()))
        };
        let text = |of: fn(&BuiltIn) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter(
                words.iter().map(|word| word.map(of)),
            ))
        };
        let places = all.iter().map(|verb| address_of(verb.0).0);
        let built_in = all.iter().map(|verb| verb.0 < OPEN_SLOT_FIRST);
        Ok(batch(
            call.operation.columns,
            vec![
                Arc::new(UInt16Array::from_iter_values(places)),
                Arc::new(StringArray::from_iter_values(all.iter().map(|verb| verb.1))),
                Arc::new(BooleanArray::from(built_in.collect::<Vec<_>>())),
                text(|word| word.group.to_string()),
                text(|word| word.inverse.to_owned()),
                is(BuiltIn::is_symmetric),
                is(|word| word.is_transitive),
            ],
        ))
    }),
    ..Operation::DEFAULT
};

/// What says that a verb leads somewhere.
#[derive(Clone, Debug)]
struct Reached {
    truth: Truth,
    /// The edge that says so, if it is one alone.
    edge: Option<u64>,
    /// The verb of that edge, or of the chain.
    verb: u8,
    hops: u64,
}

impl Reached {
    fn is_better(&self, other: &Self) -> bool {
        let rank = |reached: &Self| (reached.truth.confidence(), reached.truth.frequency());
        let (mine, theirs) = (rank(self), rank(other));
        mine > theirs || (mine == theirs && self.edge < other.edge)
    }
}

/// The slot of the verb that is called.
fn slot(call: &Call<'_>) -> u8 {
    let word = call.word.expect("invariant: a verb is called by its word");
    word.slot()
}

/// Where a verb leads from an address by one edge: to each place what says so best.
fn steps(view: &View<'_>, slot: u8, from: Address) -> BTreeMap<Address, Reached> {
    let graph = view.state.graph();
    let verbs = view.state.verbs();
    let word = verbs.built_in(slot);
    let mut found: BTreeMap<Address, Reached> = BTreeMap::new();
    let mut offer = |to: Address, source: Address, id: u64| {
        let Some(edge) = graph.get(source, id).filter(|_| view.node(to).is_some()) else {
            return;
        };
        let reached = Reached {
            truth: truth(&edge),
            edge: Some(id),
            verb: edge.verb,
            hops: 1,
        };
        match found.get(&to) {
            Some(there) if !reached.is_better(there) => {}
            _ => drop(found.insert(to, reached)),
        }
    };
    for edge in graph.outgoing(from, Some(slot)) {
        let link = edge.link();
        offer(link.target, link.source, link.id);
    }
    let inverse = word.and_then(|word| verbs.typed(word.inverse));
    for link in inverse
        .into_iter()
        .flat_map(|inverse| graph.incoming(from, Some(inverse)))
    {
        offer(link.source, link.source, link.id);
    }
    found
}

fn truth(edge: &Edge) -> Truth {
    let stored = StoredTruth::new(edge.frequency, edge.confidence);
    stored
        .expect("invariant: truths are checked where they enter")
        .into()
}

/// Where a transitive verb leads from an address through any number of edges: by the fewest, and of chains that are as
/// short, at each step by the one of the highest confidence.
fn chains(
    view: &View<'_>,
    slot: u8,
    from: Address,
    reading: &Reading<'_>,
) -> Result<BTreeMap<Address, Reached>, Fault> {
    let mut all = steps(view, slot, from);
    let mut front = all.clone();
    while !front.is_empty() {
        reading.check()?;
        let mut next: BTreeMap<Address, Reached> = BTreeMap::new();
        for (at, so_far) in &front {
            for (to, step) in steps(view, slot, *at) {
                let Some(truth) = deduction(so_far.truth, step.truth) else {
                    continue;
                };
                if to == from || all.contains_key(&to) {
                    continue;
                }
                let reached = Reached {
                    truth,
                    edge: None,
                    verb: slot,
                    hops: so_far.hops + 1,
                };
                match next.get(&to) {
                    Some(there) if !reached.is_better(there) => {}
                    _ => drop(next.insert(to, reached)),
                }
            }
        }
        all.extend(next.iter().map(|(at, reached)| (*at, reached.clone())));
        front = next;
    }
    Ok(all)
}

/// Where the verb leads from the first operand, through chains where that is asked for.
fn reached(
    call: &Call<'_>,
    view: &View<'_>,
    reading: &Reading<'_>,
) -> Result<BTreeMap<Address, Reached>, Fault> {
    let (slot, from) = (slot(call), call.place(0).address);
    if !call.is_transitive {
        return Ok(steps(view, slot, from));
    }
    let word = view.state.verbs().built_in(slot);
    match word.is_some_and(|word| word.is_transitive) {
        true => chains(view, slot, from, reading),
        false => Err(Fault::of(
            TRANSITIVE,
            format!(
                "expected a transitive verb, and {} is none: TRAVERSE, or a pattern of variable length in Cypher, follows any \
                 verb",
                view.state.verbs().name(slot).unwrap_or_default()
            ),
        )),
    }
}

fn targets(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let found = reached(call, &view, reading)?;
    let verbs = view.state.verbs();
    let nodes: Vec<_> = found
        .keys()
        .map(|at| view.node(*at).expect("invariant: only nodes are reached"))
        .collect();
    let names = nodes.iter().map(|node| {
        let name = node.name()?;
        std::str::from_utf8(name).ok()
    });
    let all = || found.values();
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(UInt64Array::from_iter_values(
                nodes.iter().map(|node| node.id()),
            )),
            Arc::new(UInt16Array::from_iter_values(found.keys().map(|at| at.0))),
            Arc::new(StringArray::from_iter(names)),
            Arc::new(Float64Array::from_iter_values(
                all().map(|to| to.truth.frequency()),
            )),
            Arc::new(Float64Array::from_iter_values(
                all().map(|to| to.truth.confidence()),
            )),
            Arc::new(StringArray::from_iter_values(
                all().map(|to| verbs.name(to.verb).unwrap_or_default()),
            )),
            Arc::new(UInt64Array::from_iter(all().map(|to| to.edge))),
            Arc::new(UInt64Array::from_iter_values(all().map(|to| to.hops))),
        ],
    ))
}

fn holds(call: &Call<'_>, reading: &Reading<'_>) -> Result<RecordBatch, Fault> {
    let view = reading.view();
    let found = reached(call, &view, reading)?;
    let there = found.get(&call.place(1).address);
    let frequency = there.map(|there| there.truth.frequency());
    let verb = there.and_then(|there| view.state.verbs().name(there.verb));
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(BooleanArray::from(vec![frequency.is_some_and(|f| f > 0.5)])),
            Arc::new(Float64Array::from(vec![frequency])),
            Arc::new(Float64Array::from(vec![
                there.map(|there| there.truth.confidence()),
            ])),
            Arc::new(StringArray::from(vec![verb])),
            Arc::new(UInt64Array::from(vec![there.and_then(|there| there.edge)])),
            Arc::new(UInt64Array::from(vec![there.map(|there| there.hops)])),
        ],
    ))
}

fn assert(call: &Call<'_>, tx: &mut Transaction<'_>) -> Result<RecordBatch, Fault> {
    if call.is_transitive {
        return Err(Fault::of(
            TRANSITIVE,
            "expected it of a question, and a truth was given: what is asserted is one edge",
        ));
    }
    let view = tx.view();
    let (x, y) = (
        call.find_again(0, &view)?.address(),
        call.find_again(1, &view)?.address(),
    );
    let slot = slot(call);
    let truth: StoredTruth = call.truth(2).unwrap_or_default().into();
    let graph = view.state.graph();
    let edges = graph.find(x, slot, y).filter_map(|id| graph.get(x, id));
    // The one that a question is answered by.
    let there = edges.max_by(|a, b| {
        let rank = |edge: &Edge| (edge.confidence, edge.frequency);
        let order = rank(a).partial_cmp(&rank(b));
        let order = order.expect("invariant: truths are numbers");
        order.then(b.id.cmp(&a.id))
    });
    let (id, is_new) = match there {
        Some(edge) => {
            let id = edge.id;
            tx.update_edge(Edge {
                frequency: truth.frequency(),
                confidence: truth.confidence(),
                evidence: None,
                properties: asserted(edge.properties.as_ref()),
                ..edge
            })?;
            (id, false)
        }
        None => {
            let draft = EdgeDraft {
                truth,
                ..EdgeDraft::default()
            };
            (tx.link(x, slot, y, draft)?.id, true)
        }
    };
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(UInt64Array::from(vec![id])),
            Arc::new(BooleanArray::from(vec![is_new])),
        ],
    ))
}
