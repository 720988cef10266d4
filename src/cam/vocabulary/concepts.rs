//! Concepts: what is of a kind, and how much something is one.

use std::sync::Arc;

use arrow::array::{
    BooleanArray, Float64Array, RecordBatch, StringArray, UInt16Array, UInt64Array,
};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::fingerprint::bundle::bundle;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::derive;
use ladybug_engine::space::state::View;
use ladybug_engine::space::verbs::is_verb_name;
use ladybug_engine::space::words::{CONCEPT_PREFIX, WORD_TEXT_BYTES_MAX, Word};

use super::super::batch::batch;
use super::super::call::{Call, quoted};
use super::super::error::Fault;
use super::super::host::Reading;
use super::super::table::{Argument, Class, Column, ColumnKind, Kernel, Kind, Operation};
use super::super::target::find_concept;

const DEGREE: &[Column] = &[
    Column::new("degree", ColumnKind::Float),
    Column::new("basis", ColumnKind::Text),
    Column::new("instances", ColumnKind::Count),
];
const PROTOTYPE: &str = "Rosch 1978, Principles of Categorization: the prototype, as the majority of the instances' bits";

/// A concept with no operand.
pub static INSTANCES: Operation = Operation {
    name: "WORD",
    doc: "The instances of the concept, by address: the nodes that have its name among their kinds",
    columns: &[
        Column::new("id", ColumnKind::Count),
        Column::new("address", ColumnKind::Address),
        Column::nullable("name", ColumnKind::Text),
    ],
    class: Class::Relational(|call| {
        format!(
            "SELECT id, address, name FROM nodes WHERE array_has(kinds, (SELECT name FROM concepts WHERE address = {})) \
             ORDER BY address",
            call.word.map_or(0, |at| at.0)
        )
    }),
    kernel: Kernel::Read(|call, reading| {
        let view = reading.view();
        let nodes: Vec<_> = instances(&view, &name(call, &view)).collect();
        let names = nodes.iter().map(|node| {
            let name = node.name()?;
            std::str::from_utf8(name).ok()
        });
        Ok(batch(
            call.operation.columns,
            vec![
                Arc::new(UInt64Array::from_iter_values(
                    nodes.iter().map(|node| node.id()),
                )),
                Arc::new(UInt16Array::from_iter_values(
                    nodes.iter().map(|node| node.address().0),
                )),
                Arc::new(StringArray::from_iter(names)),
            ],
        ))
    }),
    ..Operation::DEFAULT
};

/// A concept with a node.
pub static MEMBER: Operation = Operation {
    name: "WORD",
    doc: "How much a node is one, from 0 to 1: 1 if the concept is among its kinds (`basis` is kind), else its similarity to \
          the majority of the instances' fingerprints (prototype), and nothing below 0; 0 where there are no instances (none)",
    source: PROTOTYPE,
    arguments: &[Argument::new("x", Kind::Node)],
    columns: DEGREE,
    is_single: true,
    class: Class::Other(
        "Degree: kind, else similarity to the prototype\n  Bundle: the instances' fingerprints",
    ),
    kernel: Kernel::Read(|call, reading| {
        let at = call.place(0).address;
        let snapshot = reading.snapshot();
        let view = snapshot.view();
        let concept = name(call, &view);
        let node = view.node(at);
        let is_kind = node.is_some_and(|node| has(&node, &concept));
        let bits = snapshot.fingerprint(at);
        degree(call, reading, &concept, is_kind, bits)
    }),
    ..Operation::DEFAULT
};

/// A concept with something that is given.
pub static MEMBER_OF_QUERY: Operation = Operation {
    arguments: &[Argument::new("q", Kind::Query)],
    doc: "How much something that is given as TEXT, FP or VECTOR is one, from 0 to 1: its similarity to the majority of the \
          instances' fingerprints (`basis` is prototype), and nothing below 0; 0 where there are no instances (none)",
    kernel: Kernel::Read(|call, reading| {
        let concept = name(call, &reading.view());
        degree(call, reading, &concept, false, Some(call.fingerprint(0)))
    }),
    ..MEMBER
};

/// Takes a slot for a concept.
pub static DEFINE_CONCEPT: Operation = Operation {
    name: "DEFINE",
    doc: "Takes the first free slot of the vocabulary for a concept of this space, with what is said of it; answers where it \
          is. If there is one of this name, whatever the case, built-in or the space's own, it answers where that is and \
          changes nothing, neither its name nor what is said of it. A kind needs no slot",
    arguments: &[
        Argument::new("name", Kind::Text),
        Argument::optional("doc", Kind::Text),
    ],
    columns: &[Column::new("address", ColumnKind::Address)],
    is_single: true,
    class: Class::Write(|call| format!("CAM.CONCEPTS.DEFINE {}", quoted(call.text(0)))),
    kernel: Kernel::Write(|call, tx| {
        let name = call.text(0);
        if !is_verb_name(name) {
            return Err(Fault::of(
                "name",
                format!(
                    "expected a word of letters, digits and _ - . :, of at most 128 bytes, that begins with a letter or _, got '{}'",
                    crate::operand::shown(name.as_bytes())
                ),
            ));
        }
        let doc = if call.has(1) { call.text(1) } else { "" };
        if doc.len() > WORD_TEXT_BYTES_MAX {
            return Err(Fault::of(
                "doc",
                format!(
                    "expected at most {WORD_TEXT_BYTES_MAX} bytes, got {}",
                    doc.len()
                ),
            ));
        }
        let state = tx.view().state;
        let at = match find_concept(state, name) {
            Some(at) => at,
            None => {
                let free = state.words().free(CONCEPT_PREFIX);
                let at = free.ok_or(EngineError::ConceptsFull)?;
                let word = Word {
                    name: name.into(),
                    text: doc.into(),
                };
                tx.define_word(at, Some(word))?;
                at
            }
        };
        let at = UInt16Array::from(vec![at.0]);
        Ok(batch(call.operation.columns, vec![Arc::new(at)]))
    }),
    ..Operation::DEFAULT
};

/// The vocabulary.
pub static CONCEPTS: Operation = Operation {
    name: "CONCEPTS",
    doc: "The concepts of this space by address: 65 semantic primes, an upper vocabulary of kinds, and the space's own",
    columns: &[
        Column::new("address", ColumnKind::Address),
        Column::new("name", ColumnKind::Text),
        Column::new("is_built_in", ColumnKind::Boolean),
        Column::new("doc", ColumnKind::Text),
    ],
    class: Class::Relational(|_| {
        "SELECT address, name, is_built_in, doc FROM concepts ORDER BY address".to_owned()
    }),
    kernel: Kernel::Read(|call, reading| {
        let view = reading.view();
        let words = view.state.words();
        let all: Vec<_> = derive::words(view.state)
            .filter(|word| word.0.prefix() == CONCEPT_PREFIX)
            .collect();
        let doc = |at| match words.get(at) {
            Some(word) => &*word.text,
            None => built_in_doc(at),
        };
        let built_in = all.iter().map(|word| words.get(word.0).is_none());
        Ok(batch(
            call.operation.columns,
            vec![
                Arc::new(UInt16Array::from_iter_values(
                    all.iter().map(|word| word.0.0),
                )),
                Arc::new(StringArray::from_iter_values(all.iter().map(|word| word.1))),
                Arc::new(BooleanArray::from(built_in.collect::<Vec<_>>())),
                Arc::new(StringArray::from_iter_values(
                    all.iter().map(|word| doc(word.0)),
                )),
            ],
        ))
    }),
    ..Operation::DEFAULT
};

fn built_in_doc(at: ladybug_engine::space::address::Address) -> &'static str {
    ladybug_engine::space::concepts::CONCEPTS[usize::from(at.slot())].doc
}

/// The name of the concept that is called.
fn name(call: &Call<'_>, view: &View<'_>) -> String {
    let at = call
        .word
        .expect("invariant: a concept is called by its word");
    let name = derive::word_name(view.state, at);
    name.unwrap_or_default().to_owned()
}

fn has(node: &Node<'_>, kind: &str) -> bool {
    node.kinds().iter().any(|there| **there == *kind)
}

fn instances<'v>(view: &View<'v>, kind: &str) -> impl Iterator<Item = Node<'v>> {
    let nodes = view.nodes();
    nodes.filter(move |node| has(node, kind))
}

fn degree(
    call: &Call<'_>,
    reading: &Reading<'_>,
    concept: &str,
    is_kind: bool,
    bits: Option<&Fingerprint>,
) -> Result<RecordBatch, Fault> {
    let snapshot = reading.snapshot();
    let view = snapshot.view();
    let members: Vec<&Fingerprint> = instances(&view, concept)
        .filter_map(|node| snapshot.fingerprint(node.address()))
        .collect();
    reading.check()?;
    let prototype = bundle(members.iter().copied());
    let (degree, basis) = match (is_kind, prototype.zip(bits)) {
        (true, _) => (1.0, "kind"),
        (false, Some((prototype, bits))) => (prototype.similarity(bits).max(0.0), "prototype"),
        (false, None) => (0.0, "none"),
    };
    Ok(batch(
        call.operation.columns,
        vec![
            Arc::new(Float64Array::from(vec![degree])),
            Arc::new(StringArray::from(vec![basis])),
            Arc::new(UInt64Array::from(vec![members.len() as u64])),
        ],
    ))
}
