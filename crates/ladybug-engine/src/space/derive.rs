//! What a slot's fingerprint should be, from what the slot says.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::address::Address;
use super::chunk::{Node, Source};
use super::concepts::{self, CONCEPTS};
use super::fields::{Fields, has_said, is_note};
use super::state::State;
use super::verbs::{self, VERB_PREFIX};
use super::words::{CONCEPT_OPEN_FIRST, CONCEPT_PREFIX};
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

static BUILT_IN_VERBS: LazyLock<Vec<Fingerprint>> = LazyLock::new(|| {
    let words = verbs::BUILT_IN.iter();
    words.map(|word| encode::text(word.name)).collect()
});

static BUILT_IN_CONCEPTS: LazyLock<Vec<Fingerprint>> = LazyLock::new(|| {
    let all = CONCEPTS.iter();
    all.map(|concept| described(concept.name, concept.doc))
        .collect()
});

/// The fingerprint of a verb: that of its name.
pub fn verb(state: &State, slot: u8) -> Fingerprint {
    match BUILT_IN_VERBS.get(usize::from(slot)) {
        Some(bits) => bits.clone(),
        None => encode::text(state.verbs().name(slot).unwrap_or_default()),
    }
}

/// source ⊕ ρ(verb) ⊕ ρ²(target): each end and the verb can be recovered from the other two.
pub fn bind_edge(source: &Fingerprint, verb: &Fingerprint, target: &Fingerprint) -> Fingerprint {
    source.bind(&verb.permute(1)).bind(&target.permute(2))
}

/// What a concept or a program is encoded from: its name, and what is said of it.
fn described(name: &str, text: &str) -> Fingerprint {
    match text {
        "" => encode::text(name),
        _ => encode::text(&format!("{name}: {text}")),
    }
}

/// The fingerprint of a word of the surface: a verb's is that of its name, a concept's and a program's that of name and
/// text.
pub fn word(state: &State, address: Address) -> Option<Fingerprint> {
    if let (CONCEPT_PREFIX, Some(bits)) = (
        address.prefix(),
        BUILT_IN_CONCEPTS.get(usize::from(address.slot())),
    ) {
        return Some(bits.clone());
    }
    if address.prefix() == VERB_PREFIX {
        state.verbs().name(address.slot())?;
        return Some(verb(state, address.slot()));
    }
    let word = state.words().get(address)?;
    Some(described(&word.name, &word.text))
}

/// The words of a space's surface with their names, by address: its verbs, concepts and programs.
pub fn words(state: &State) -> impl Iterator<Item = (Address, &str)> {
    let verbs = state.verbs().iter();
    let verbs = verbs.map(|(slot, name)| (verbs::address_of(slot), name));
    let concepts = CONCEPTS.iter().zip(0..=u8::MAX);
    let concepts = concepts.map(|(concept, slot)| (concepts::address_of(slot), concept.name));
    let own = state.words().iter();
    let own = own.map(|(address, word)| (address, &*word.name));
    verbs.chain(concepts).chain(own)
}

/// The name of a word of the surface.
pub fn word_name(state: &State, address: Address) -> Option<&str> {
    match address.prefix() {
        VERB_PREFIX => state.verbs().name(address.slot()),
        CONCEPT_PREFIX if address.slot() < CONCEPT_OPEN_FIRST => {
            Some(CONCEPTS[usize::from(address.slot())].name)
        }
        _ => state.words().get(address).map(|word| &*word.name),
    }
}
