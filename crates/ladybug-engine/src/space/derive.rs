//! What a slot's fingerprint should be, from what the slot says.

use super::chunk::{Node, Source};
use super::state::State;
use crate::fingerprint::{Fingerprint, encode};

/// The fingerprint that follows from a node's content: of its value, else of its fields as a record,
/// else of its name; of an edge, source ⊕ ρ(verb) ⊕ ρ²(target). Given bits are returned as they are.
pub fn derive(state: &State, node: Node<'_>) -> Fingerprint {
    match node.source() {
        Source::Given | Source::Vector => node
            .fingerprint()
            .expect("given fingerprints are never pending")
            .clone(),
        Source::Content => derive_content(node),
        Source::Edge => derive_edge(state, node.id()),
    }
}

fn derive_content(node: Node<'_>) -> Fingerprint {
    if let Some(value) = node.value() {
        return encode::value(value);
    }
    if let Some(fields) = node.fields() {
        let texts: Vec<_> = fields
            .iter()
            .map(|(name, value)| (&**name, value.text()))
            .collect();
        return encode::record(texts.iter().map(|(name, text)| (*name, &**text)));
    }
    encode::value(node.name().map_or(&[], |name| &**name))
}

fn derive_edge(state: &State, id: u64) -> Fingerprint {
    let link = state
        .graph()
        .link(id)
        .expect("a reified edge is in the graph");
    let end = |address| {
        let node = state.node(address).expect("the ends of an edge are there");
        node.fingerprint()
            .cloned()
            .unwrap_or_else(|| derive(state, node))
    };
    bind_edge(
        &end(link.source),
        &verb(state, link.verb),
        &end(link.target),
    )
}

/// The fingerprint of a verb: that of its name.
pub fn verb(state: &State, slot: u8) -> Fingerprint {
    encode::text(state.verbs().name(slot).unwrap_or_default())
}

/// source ⊕ ρ(verb) ⊕ ρ²(target): each end and the verb can be recovered from the other two.
pub fn bind_edge(source: &Fingerprint, verb: &Fingerprint, target: &Fingerprint) -> Fingerprint {
    source.bind(&verb.permute(1)).bind(&target.permute(2))
}
