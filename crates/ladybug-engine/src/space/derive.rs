//! What a slot's fingerprint should be, from what the slot says.

use std::borrow::Cow;
use std::sync::Arc;

use super::chunk::{Node, Source};
use super::fields::{Fields, has_said, is_note};
use super::state::State;
use crate::fingerprint::{Fingerprint, encode};

/// All that a slot's fingerprint follows from: taken from a state in a moment, and encoded, which takes
/// a hundred times as long, when the state has been let go.
pub enum Recipe {
    /// Bits that are there.
    Known(Box<Fingerprint>),
    /// A value, encoded by what it is.
    Value(Arc<[u8]>),
    /// Fields, as a record.
    Record(Arc<Fields>),
    /// Neither, nor a name.
    Nothing,
    /// A reified edge: source ⊕ ρ(verb) ⊕ ρ²(target).
    Edge {
        /// Of the source.
        source: Box<Recipe>,
        /// Name of the verb.
        verb: Box<str>,
        /// Of the target.
        target: Box<Recipe>,
    },
}

impl Recipe {
    /// Of a node's content: its value, else its fields but for the memory's own, else its name; of an edge's ends
    /// and verb; given bits as they are.
    pub fn of(state: &State, node: Node<'_>) -> Self {
        match node.source() {
            Source::Given | Source::Vector => {
                let given = node.fingerprint();
                let given = given.expect("given fingerprints are never pending");
                Self::known(node.whole_fingerprint().unwrap_or(Cow::Borrowed(given)))
            }
            Source::Content => Self::of_content(node.value(), node.fields(), node.name()),
            Source::Edge => Self::of_edge(state, node.id()),
        }
    }

    /// Of what a node says, where no bits are given.
    pub fn of_content(
        value: Option<&Arc<[u8]>>,
        fields: Option<&Arc<Fields>>,
        name: Option<&Arc<[u8]>>,
    ) -> Self {
        match (value, fields.filter(|fields| has_said(fields)), name) {
            (Some(value), ..) => Self::Value(Arc::clone(value)),
            (None, Some(fields), _) => Self::Record(Arc::clone(fields)),
            (None, None, Some(name)) => Self::Value(Arc::clone(name)),
            (None, None, None) => Self::Nothing,
        }
    }

    fn of_edge(state: &State, id: u64) -> Self {
        let link = state
            .graph()
            .link(id)
            .expect("a reified edge is in the graph");
        let end = |address| {
            let node = state.node(address).expect("the ends of an edge are there");
            // One that is damaged beyond repair by parity may still follow from content.
            let there = node.whole_fingerprint().map(Self::known);
            Box::new(there.unwrap_or_else(|| Self::of(state, node)))
        };
        Self::Edge {
            source: end(link.source),
            verb: state.verbs().name(link.verb).unwrap_or_default().into(),
            target: end(link.target),
        }
    }

    fn known(fingerprint: Cow<'_, Fingerprint>) -> Self {
        Self::Known(Box::new(fingerprint.into_owned()))
    }

    /// The fingerprint.
    pub fn encode(&self) -> Fingerprint {
        match self {
            Self::Known(fingerprint) => (**fingerprint).clone(),
            Self::Value(bytes) => encode::value(bytes),
            Self::Record(fields) => {
                let texts: Vec<_> = fields
                    .iter()
                    .filter(|(name, _)| !is_note(name))
                    .map(|(name, value)| (&**name, value.text()))
                    .collect();
                encode::record(texts.iter().map(|(name, text)| (*name, &**text)))
            }
            Self::Nothing => encode::value(&[]),
            Self::Edge {
                source,
                verb,
                target,
            } => bind_edge(&source.encode(), &encode::text(verb), &target.encode()),
        }
    }
}

/// The fingerprint that follows from what a node says; see [`Recipe`].
pub fn derive(state: &State, node: Node<'_>) -> Fingerprint {
    Recipe::of(state, node).encode()
}

/// The fingerprint of a verb: that of its name.
pub fn verb(state: &State, slot: u8) -> Fingerprint {
    encode::text(state.verbs().name(slot).unwrap_or_default())
}

/// source ⊕ ρ(verb) ⊕ ρ²(target): each end and the verb can be recovered from the other two.
pub fn bind_edge(source: &Fingerprint, verb: &Fingerprint, target: &Fingerprint) -> Fingerprint {
    source.bind(&verb.permute(1)).bind(&target.permute(2))
}
