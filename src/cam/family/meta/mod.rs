//! 0x06 META: the memory about itself.
//!
//! | file | holds |
//! |---|---|
//! | `methods` | methods found by meaning |
//! | `describe` | methods, words and programs described |
//! | `explain` | where what is stored comes from, and the latest derivations |
//! | `trust` | truths: how sure the memory is, where it agrees and where not |
//! | `levels` | rungs, abstractions and what they are of |
//! | `attention` | what is active, and what is about it |
//! | `plan` | chains of causes and means |
//! | `figures` | figures of the space and of the server |

mod attention;
mod describe;
mod explain;
mod figures;
mod levels;
mod methods;
mod plan;
mod trust;

use std::borrow::Cow;

use ladybug_engine::fingerprint::BITS;
use ladybug_engine::space::address::ADDRESSES;
use ladybug_engine::space::marks::RUNG_MAX;

use ladybug_engine::space::address::Address;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::state::View;

use super::super::call::{Call, rows_sql};
use super::super::method::Scope;
use super::super::table::{
    Argument, Class, Column, ColumnKind, Family, Kernel, Kind, Operation, Repeats,
};

/// In SQL: the rows of a scope that are stored, with all their columns; of the surface none.
fn stored_sql(scope: Scope) -> Cow<'static, str> {
    match scope {
        Scope::Surface => "(SELECT * FROM nodes WHERE false) AS nodes".into(),
        scope => rows_sql(scope),
    }
}

/// The number of an argument, or what it is if it was left out.
fn number(call: &Call<'_>, at: usize, usual: usize) -> usize {
    match call.has(at) {
        true => call.count(at),
        false => usual,
    }
}

/// The edges of a scope: both their ends are in it, and there.
fn edges_in<'v>(view: &View<'v>, scope: Scope) -> impl Iterator<Item = Edge> + use<'v> {
    let view = *view;
    let is_there = move |at: Address| scope.contains(at) && view.node(at).is_some();
    let edges = view.state.graph().edges();
    edges.filter(move |edge| is_there(edge.source) && is_there(edge.target))
}

/// The name of the node at an address, if it is text.
fn name_at(view: &View<'_>, at: Address) -> Option<String> {
    let name = view.node(at)?.name()?;
    std::str::from_utf8(name).ok().map(str::to_owned)
}

const X: Argument = Argument::new("x", Kind::Node);
const Y: Argument = Argument::new("y", Kind::Node);
const K: Argument = Argument::optional("k", Kind::Integer(0, ADDRESSES as i64));

const METHOD: &[Column] = &[
    Column::new("address", ColumnKind::Address),
    Column::new("name", ColumnKind::Text),
    Column::new("syntax", ColumnKind::Text),
    Column::new("class", ColumnKind::Text),
    Column::new("doc", ColumnKind::Text),
    Column::new("source", ColumnKind::Text),
    Column::new("arguments", ColumnKind::Text),
    Column::new("columns", ColumnKind::Text),
    Column::nullable("translation", ColumnKind::Text),
    Column::nullable("inverse", ColumnKind::Text),
    Column::nullable("symmetric", ColumnKind::Boolean),
    Column::nullable("transitive", ColumnKind::Boolean),
    Column::nullable("steps", ColumnKind::Text),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const FOUND: &[Column] = &[
    Column::new("address", ColumnKind::Address),
    Column::new("name", ColumnKind::Text),
    Column::new("doc", ColumnKind::Text),
    Column::new("distance", ColumnKind::Distance),
    Column::new("weight", ColumnKind::Float),
    Column::new("score", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const EXPLAINED: &[Column] = &[
    Column::new("depth", ColumnKind::Count),
    Column::new("role", ColumnKind::Text),
    Column::nullable("id", ColumnKind::Count),
    Column::nullable("statement", ColumnKind::Text),
    Column::nullable("method", ColumnKind::Text),
    Column::nullable("frequency", ColumnKind::Float),
    Column::nullable("confidence", ColumnKind::Float),
    Column::nullable("evidence", ColumnKind::Ids),
    Column::nullable("version", ColumnKind::Count),
    Column::nullable("committed", ColumnKind::Time),
    Column::nullable("is_current", ColumnKind::Boolean),
    Column::nullable("formula", ColumnKind::Text),
    Column::nullable("numbers", ColumnKind::Text),
];
const CONFIDENCE: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("expectation", ColumnKind::Float),
    Column::new("amount", ColumnKind::Float),
    Column::new("evidence", ColumnKind::Ids),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const COHERENCE: &[Column] = &[
    Column::new("pairs", ColumnKind::Count),
    Column::nullable("coherence", ColumnKind::Float),
];
const CONFLICTS: &[Column] = &[
    Column::new("first", ColumnKind::Count),
    Column::new("second", ColumnKind::Count),
    Column::nullable("source", ColumnKind::Text),
    Column::new("verb", ColumnKind::Text),
    Column::new("other_verb", ColumnKind::Text),
    Column::nullable("target", ColumnKind::Text),
    Column::new("conflict", ColumnKind::Float),
];
const GAPS: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const RUNG: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("rung", ColumnKind::Count),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const ASCENT: &[Column] = &[
    Column::nullable("id", ColumnKind::Count),
    Column::new("children", ColumnKind::Count),
    Column::new("distance", ColumnKind::Distance),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const DESCENT: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("rung", ColumnKind::Count),
    Column::new("distance", ColumnKind::Distance),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const ATTENTION: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("accesses", ColumnKind::Count),
    Column::new("accessed", ColumnKind::Time),
    Column::new("activation", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const FOCUS: &[Column] = &[
    Column::new("id", ColumnKind::Count),
    Column::new("address", ColumnKind::Address),
    Column::nullable("name", ColumnKind::Text),
    Column::new("activation", ColumnKind::Float),
    Column::new("fingerprint", ColumnKind::Fingerprint),
];
const PLAN: &[Column] = &[
    Column::new("step", ColumnKind::Count),
    Column::new("edge", ColumnKind::Count),
    Column::nullable("from", ColumnKind::Text),
    Column::new("verb", ColumnKind::Text),
    Column::nullable("to", ColumnKind::Text),
    Column::new("to_address", ColumnKind::Address),
    Column::new("expectation", ColumnKind::Float),
];
const REFLECTION: &[Column] = &[
    Column::new("nodes", ColumnKind::Count),
    Column::new("named", ColumnKind::Count),
    Column::new("roots", ColumnKind::Count),
    Column::new("rung_max", ColumnKind::Count),
    Column::nullable("frequency", ColumnKind::Float),
    Column::nullable("confidence", ColumnKind::Float),
    Column::new("edges", ColumnKind::Count),
    Column::new("verbs", ColumnKind::Count),
    Column::nullable("edge_confidence", ColumnKind::Float),
    Column::new("derived", ColumnKind::Count),
];
const TRACE: &[Column] = &[
    Column::new("edge", ColumnKind::Count),
    Column::new("version", ColumnKind::Count),
    Column::nullable("source", ColumnKind::Text),
    Column::new("verb", ColumnKind::Text),
    Column::nullable("target", ColumnKind::Text),
    Column::new("frequency", ColumnKind::Float),
    Column::new("confidence", ColumnKind::Float),
    Column::new("method", ColumnKind::Text),
    Column::nullable("derivation", ColumnKind::Text),
];
const BUDGET: &[Column] = &[
    Column::new("resource", ColumnKind::Text),
    Column::new("used", ColumnKind::Count),
    Column::nullable("limit", ColumnKind::Count),
];

/// The family.
pub static FAMILY: Family = Family {
    prefix: 0x06,
    name: "META",
    doc: "The memory about itself: its methods, where what it holds comes from, how sure it is, what it attends to. What is \
          derived says so: an edge in its properties method, derivation, premises and versions, a node by edges DERIVES_FROM to \
          what it was made of, each with the method and the version that it had, or in notes of its own, memory:learned, merged, \
          felt, moved and made: of the latest call each method, version before, ids and versions of premises, and numbers",
    operations: &[
        Operation {
            name: "DESCRIBE",
            doc: "Describes a method, by name or id: how it is called, its arguments with what they may be, the columns of its \
                  result with their types, its documentation, the source of its formula, its class, and its translation with \
                  arguments called by their own names; none where it depends on more than their kinds. Of a verb also its \
                  inverse and whether it is symmetric and transitive, of a program its steps",
            arguments: &[Argument::new("method", Kind::Method)],
            columns: METHOD,
            is_scoped: false,
            is_single: true,
            class: Class::Other(
                "Entry: of the table of methods, a vocabulary, or the space's programs\n  Translation: of a call whose arguments are called by their own names",
            ),
            kernel: Kernel::Read(describe::describe),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FIND",
            doc: "Searches for the method that does what words say: the k best (5 unless given) by two ranks, fused by \
                  reciprocal rank: that of the fingerprint of names and documentation, and sixteen times that of the words in common with \
                  names, documentation and arguments, weighed by BM25 with k1 = 1.2 and b = 0.75. Words are compared by their stems, \
                  and near synonyms count half",
            source: "Robertson & Zaragoza 2009, The Probabilistic Relevance Framework; Cormack, Clarke & Buettcher 2009",
            arguments: &[Argument::new("words", Kind::Text), K],
            columns: FOUND,
            is_scoped: false,
            class: Class::Relational(methods::find_sql),
            kernel: Kernel::Read(methods::find),
            ..Operation::DEFAULT
        },
        Operation {
            name: "EXPLAIN",
            doc: "Why something is believed and where it comes from, its provenance: a node, an edge, or that by which a statement \
                  is believed most, with its truth and the commit that last wrote it; below it, as a tree by depth, how it was derived: the rules, their premises as they \
                  were at the version that was used, whether they still are, and what those in turn were derived from, with the \
                  formula of each step and its numbers as JSON, so that all of them can be worked out again. What adds up tells \
                  its latest call, and what it was before. Last, at depth 1, the commits that wrote a node",
            arguments: &[Argument::new("x", Kind::Thing)],
            columns: EXPLAINED,
            class: Class::Other(
                "Tree: premises below conclusions\n  Derivations: edge properties, DERIVES_FROM edges\n  Past: premises at their versions\n  History: commits",
            ),
            kernel: Kernel::Read(explain::explain),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONFIDENCE",
            doc: "How sure the memory is of a node: frequency, confidence, expectation c(f-1/2)+1/2, and the amount of evidence \
                  c/(1-c) that stands behind it, with the ids of that evidence",
            source: "Wang 2013, Non-Axiomatic Logic; evidential horizon k = 1",
            arguments: &[X],
            columns: CONFIDENCE,
            is_single: true,
            class: Class::Relational(trust::confidence_sql),
            kernel: Kernel::Read(trust::confidence),
            ..Operation::DEFAULT
        },
        Operation {
            name: "COHERENCE",
            doc: "Whether similar nodes agree: over all pairs of rows at most radius bits apart (4000 unless given), the mean of \
                  1-|f-f'| weighed by the product of their confidences; 1 if all agree, none without pairs",
            arguments: &[Argument::optional("radius", Kind::Integer(0, BITS as i64))],
            columns: COHERENCE,
            is_single: true,
            class: Class::Relational(trust::coherence_sql),
            kernel: Kernel::Read(trust::coherence),
            ..Operation::DEFAULT
        },
        Operation {
            name: "CONFLICTS",
            doc: "Beliefs that contradict each other, which are edges: of the same source, verb and target with frequencies on different sides of \
                  1/2, or CAUSES or ENABLES against PREVENTS, of which one should be false. The worst first: by the product of \
                  confidences times how far apart they are",
            columns: CONFLICTS,
            class: Class::Relational(trust::conflicts_sql),
            kernel: Kernel::Read(trust::conflicts),
            ..Operation::DEFAULT
        },
        Operation {
            name: "GAPS",
            doc: "What the memory is least sure about: the k rows of the least confidence (10 unless given), ties by address",
            arguments: &[K],
            columns: GAPS,
            class: Class::Relational(trust::gaps_sql),
            kernel: Kernel::Read(trust::gaps),
            ..Operation::DEFAULT
        },
        Operation {
            name: "RUNG",
            doc: "The rung of a node, the clearance that is needed to see it; with n, sets it. Writes only then",
            arguments: &[
                X,
                Argument::optional("n", Kind::Integer(0, RUNG_MAX as i64)),
            ],
            columns: RUNG,
            is_single: true,
            class: Class::Write(levels::rung_sql),
            kernel: Kernel::Write(levels::rung),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ASCEND",
            doc: "The abstraction of a node: the majority of its children's fingerprints, and how far that is from its own; none \
                  without children. With a name, keeps it as a new node of these bits, with edges DERIVES_FROM to the children; \
                  writes only then",
            arguments: &[X, Argument::optional("name", Kind::Name)],
            columns: ASCENT,
            is_single: true,
            class: Class::Write(levels::ascend_sql),
            kernel: Kernel::Write(levels::ascend),
            ..Operation::DEFAULT
        },
        Operation {
            name: "DESCEND",
            doc: "What a node is the abstraction of: its children, the most typical first: by distance from its fingerprint, ties \
                  by address",
            arguments: &[X],
            columns: DESCENT,
            class: Class::Relational(levels::descend_sql),
            kernel: Kernel::Read(levels::descend),
            ..Operation::DEFAULT
        },
        Operation {
            name: "ATTENTION",
            doc: "What the memory attends to: the k most activated rows (10 unless given) of those that were ever accessed, used \
                  often and recently: ln(n+1) - ln(age)/2 for n accesses, aged in seconds, at least one, at the latest access of \
                  all",
            source: "Anderson 2007, base level with decay 1/2 and all presentations at the last access",
            arguments: &[K],
            columns: ATTENTION,
            class: Class::Relational(attention::attention_sql),
            kernel: Kernel::Read(attention::attention),
            ..Operation::DEFAULT
        },
        Operation {
            name: "FOCUS",
            doc: "What is about some nodes: activation that spreads from these over edges in both directions, three steps far. \
                  They share one unit; each step halves it and divides it evenly among a node's edges. The most activated \
                  first, ties by address",
            source: "Collins & Loftus 1975; fan effect of Anderson 1974",
            arguments: &[X],
            repeats: Repeats::last(1),
            columns: FOCUS,
            class: Class::Relational(attention::focus_sql),
            kernel: Kernel::Read(attention::focus),
            ..Operation::DEFAULT
        },
        Operation {
            name: "PLAN",
            doc: "A plan from x to a goal y: the shortest chain of steps that leads there over edges CAUSES and ENABLES, and \
                  REQUIRES from what is required to what requires it; of several as short that of the lowest ids. None is no row",
            arguments: &[X, Y],
            columns: PLAN,
            class: Class::Other(
                "Chain: breadth first, the lowest ids\n  Edges: CAUSES, ENABLES, REQUIRES backwards",
            ),
            kernel: Kernel::Read(plan::plan),
            ..Operation::DEFAULT
        },
        Operation {
            name: "REFLECT",
            doc: "Statistics of the memory: nodes, how many have a name or no parent, the highest rung, mean truth; edges, how many \
                  verbs they are of, their mean confidence, and how many were derived",
            columns: REFLECTION,
            is_single: true,
            class: Class::Relational(figures::reflect_sql),
            kernel: Kernel::Read(figures::reflect),
            ..Operation::DEFAULT
        },
        Operation {
            name: "TRACE",
            doc: "The latest derivations: the last n edges that were derived (10 unless given), newest first, each with its method \
                  and how",
            arguments: &[Argument::optional("n", Kind::Integer(0, ADDRESSES as i64))],
            columns: TRACE,
            class: Class::Relational(explain::trace_sql),
            kernel: Kernel::Read(explain::trace),
            ..Operation::DEFAULT
        },
        Operation {
            name: "BUDGET",
            doc: "What is used of what there is: bytes of history, of held snapshots and of the log since the last checkpoint, \
                  nodes of each zone, spaces and transactions, each with its limit if there is one",
            columns: BUDGET,
            is_scoped: false,
            class: Class::Other("Figures: of the space, the log and the server"),
            kernel: Kernel::Read(figures::budget),
            ..Operation::DEFAULT
        },
    ],
};
