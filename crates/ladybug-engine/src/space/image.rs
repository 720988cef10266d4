//! A space as plain data, to compare two of them: what recovery found with what a model says, the
//! state after an undo with the state before.

use super::address::Address;
use super::chunk::{NEVER, Node, Source};
use super::graph::Edge;
use super::mutation::{Bits, Content, NodeImage};
use super::state::{State, View};
use super::words::Word;

/// Everything of a space that survives a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceImage {
    /// The version.
    pub version: u64,
    /// When it was committed.
    pub committed: i64,
    /// The nodes, by address.
    pub nodes: Vec<PlacedNode>,
    /// The edges, by source, verb, target and id.
    pub edges: Vec<Edge>,
    /// The verbs, with their slots.
    pub verbs: Vec<(u8, String)>,
    /// The space's own concepts and programs.
    pub words: Vec<(Address, Word)>,
}

/// A node with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedNode {
    /// Where it lives.
    pub address: Address,
    /// The version that last changed it.
    pub version: u64,
    /// Its parent's id.
    pub parent: Option<u64>,
    /// Its depth.
    pub depth: u8,
    /// Everything else.
    pub node: NodeImage,
}

impl NodeImage {
    /// A node as plain data.
    pub fn of(node: Node<'_>) -> Self {
        let given = || {
            let bits = node
                .fingerprint()
                .expect("given fingerprints are never pending");
            Box::new(bits.clone())
        };
        let fingerprint = match node.source() {
            Source::Content | Source::Edge => Bits::Encoded,
            Source::Given => Bits::Given(given()),
            Source::Vector => Bits::Vector(given()),
        };
        Self {
            id: node.id(),
            name: node.name().cloned(),
            content: Content {
                value: node.value().cloned(),
                fields: node.fields().cloned(),
                fingerprint,
            },
            kinds: (!node.kinds().is_empty()).then(|| node.kinds().into()),
            truth: node.truth(),
            evidence: (!node.evidence().is_empty()).then(|| node.evidence().into()),
            qualia: node.qualia(),
            rung: node.rung(),
            created: node.created(),
            expires: node.expires().unwrap_or(NEVER),
            promotion: node.promotion(),
        }
    }
}

impl SpaceImage {
    /// The image of a state, expired nodes included.
    pub fn of(state: &State) -> Self {
        let placed = |node: Node<'_>| PlacedNode {
            address: node.address(),
            version: node.version(),
            parent: node.parent(),
            depth: node.depth(),
            node: NodeImage::of(node),
        };
        let (verbs, words) = (state.verbs().iter(), state.words().iter());
        Self {
            version: state.version(),
            committed: state.committed(),
            nodes: View::of(state, i64::MIN).nodes().map(placed).collect(),
            edges: state.graph().edges().collect(),
            verbs: verbs.map(|(slot, name)| (slot, name.to_owned())).collect(),
            words: words.map(|(at, word)| (at, word.clone())).collect(),
        }
    }
}

/// Checks what a state must keep true about itself; answers the first thing that it does not.
pub fn check_invariants(state: &State) -> Result<(), String> {
    let all = View::of(state, i64::MIN);
    let holds = |truth: bool, what: &str, at: Address| match truth {
        true => Ok(()),
        false => Err(format!("{what} at {at}")),
    };
    let (mut named, mut nodes) = (0, 0);
    for (prefix, chunk) in state.chunks() {
        let first = Address::new(prefix, 0);
        holds(
            chunk.parity_holds(),
            "parity is not the sum of the fingerprints",
            first,
        )?;
        holds(
            chunk.damaged().is_empty(),
            "a checksum does not match",
            first,
        )?;
        let stray = chunk.pending.without(&chunk.occupied);
        holds(stray.is_empty(), "a free slot is pending", first)?;
        for slot in chunk.edges.iter() {
            let at = Address::new(prefix, slot);
            let link = state.graph().link(*chunk.id.get(slot));
            let edge = link.and_then(|link| state.graph().get(link.source, link.id));
            holds(
                edge.is_some_and(|edge| edge.address == Some(at)),
                "a reified edge is unknown",
                at,
            )?;
        }
    }
    for node in all.nodes() {
        let at = node.address();
        nodes += 1;
        holds(
            state.find_id(node.id()) == Some(at),
            "an id is not found",
            at,
        )?;
        if let Some(name) = node.name() {
            named += 1;
            holds(state.find(name) == Some(at), "a name is not found", at)?;
        }
        let parent = all.parent(node);
        holds(
            parent.is_some() == node.parent().is_some(),
            "a parent is missing",
            at,
        )?;
        let depth = parent.map_or(0, |parent| parent.depth() + 1);
        holds(
            depth == node.depth(),
            "a depth is not the parent's plus one",
            at,
        )?;
        let mine = |child: Node<'_>| child.parent() == Some(node.id());
        holds(
            all.children(node).all(mine),
            "a child has another parent",
            at,
        )?;
        if let Some(parent) = parent {
            let listed = all.children(parent).any(|child| child.address() == at);
            holds(listed, "a parent does not list its child", at)?;
        }
    }
    let origin = Address(0);
    holds(
        named == state.names_len(),
        "the directory of names counts otherwise",
        origin,
    )?;
    holds(
        nodes == state.nodes_len(),
        "the directory of ids counts otherwise",
        origin,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::space::apply::Space;
    use crate::space::fields::FieldValue;
    use crate::space::marks::{Qualia, Truth};
    use crate::space::mutation::Mutation;
    use proptest::prelude::*;
    use std::sync::Arc;

    /// Few places and names, so that mutations meet, and some do not fit.
    fn address() -> impl Strategy<Value = Address> {
        prop::sample::select(vec![
            0x1000, 0x1001, 0x2000, 0x8000, 0x8001, 0x8002, 0x9000, 0x9001,
        ])
        .prop_map(Address)
    }

    fn name() -> impl Strategy<Value = Option<Arc<[u8]>>> {
        prop::option::of("[a-d]").prop_map(|name| name.map(|name| name.as_bytes().into()))
    }

    fn content() -> impl Strategy<Value = Content> {
        (prop::option::of("[a-z ]{0,8}"), 0..3u64).prop_map(|(value, bits)| Content {
            value: value.map(|value| value.as_bytes().into()),
            fields: None,
            fingerprint: match bits {
                0 | 1 => Bits::Encoded,
                seed => Bits::Given(Box::new(Fingerprint::random(seed))),
            },
        })
    }

    fn edge() -> impl Strategy<Value = Box<Edge>> {
        (100..106u64, address(), 0..3u8, address(), 0..4u16).prop_map(
            |(id, source, verb, target, reified)| {
                let address = (reified > 1).then_some(Address(0x3000 + reified));
                let (weight, frequency, confidence, version) = (reified as f32, 1.0, 0.5, 0);
                let (evidence, properties) = (None, None);
                Box::new(Edge {
                    id,
                    source,
                    verb,
                    target,
                    weight,
                    frequency,
                    confidence,
                    version,
                    evidence,
                    properties,
                    address,
                })
            },
        )
    }

    fn mutation() -> impl Strategy<Value = Mutation> {
        prop::strategy::Union::new_weighted(vec![
            (
                4,
                (address(), 1..8u64, name(), content(), 0..2i64)
                    .prop_map(|(address, id, name, content, expires)| {
                        let mut node = Box::new(NodeImage::new(id, name, 5));
                        node.content = content;
                        node.expires = if expires == 1 { 77 } else { NEVER };
                        Mutation::Insert { address, node }
                    })
                    .boxed(),
            ),
            (
                1,
                address()
                    .prop_map(|address| Mutation::Remove { address })
                    .boxed(),
            ),
            (
                1,
                (address(), content())
                    .prop_map(|(address, content)| Mutation::SetContent { address, content })
                    .boxed(),
            ),
            (
                1,
                (address(), "[xy]", prop::option::of(any::<i64>()))
                    .prop_map(|(address, name, value)| {
                        let value = value.map(FieldValue::Integer);
                        Mutation::SetField {
                            address,
                            name: name.as_bytes().into(),
                            value,
                            place: None,
                        }
                    })
                    .boxed(),
            ),
            (
                2,
                (address(), address())
                    .prop_map(|(from, to)| Mutation::Relocate { from, to })
                    .boxed(),
            ),
            (
                1,
                (address(), name())
                    .prop_map(|(address, name)| Mutation::Rename { address, name })
                    .boxed(),
            ),
            (
                1,
                (address(), 0..9i64)
                    .prop_map(|(address, expires)| Mutation::SetExpiry { address, expires })
                    .boxed(),
            ),
            (
                1,
                address()
                    .prop_map(|address| Mutation::SetKinds {
                        address,
                        kinds: Some(["A".into()].into()),
                    })
                    .boxed(),
            ),
            (
                1,
                address()
                    .prop_map(|address| Mutation::SetTruth {
                        address,
                        truth: Truth::new(0.5, 0.5).expect("in range"),
                        evidence: Some([1, 2].into()),
                    })
                    .boxed(),
            ),
            (
                1,
                address()
                    .prop_map(|address| Mutation::SetQualia {
                        address,
                        qualia: Qualia::new([0.5; 8]).expect("in range"),
                    })
                    .boxed(),
            ),
            (
                1,
                (address(), 0..9u8)
                    .prop_map(|(address, rung)| Mutation::SetRung { address, rung })
                    .boxed(),
            ),
            (
                1,
                (address(), 0..9u32)
                    .prop_map(|(address, accesses)| Mutation::SetPromotion { address, accesses })
                    .boxed(),
            ),
            (4, edge().prop_map(|edge| Mutation::Link { edge }).boxed()),
            (
                1,
                (address(), 100..106u64)
                    .prop_map(|(source, id)| Mutation::Unlink { source, id })
                    .boxed(),
            ),
            (
                1,
                edge()
                    .prop_map(|edge| Mutation::UpdateEdge { edge })
                    .boxed(),
            ),
            (
                1,
                (
                    prop::sample::select(vec![0x0700, 0x087f, 0x0880, 0x0881, 0x0f00, 0x0f01]),
                    prop::option::of(("[A-C]?", "[x-z]{0,2}")),
                )
                    .prop_map(|(at, word)| Mutation::DefineWord {
                        address: Address(at),
                        word: word.map(|(name, text)| {
                            Box::new(Word {
                                name: name.into(),
                                text: text.into(),
                            })
                        }),
                    })
                    .boxed(),
            ),
            (
                1,
                (140..147u8, prop::option::of("[A-C]|BEFORE|[l]ikes"))
                    .prop_map(|(slot, name)| Mutation::DefineVerb {
                        slot,
                        name: name.map(Into::into),
                    })
                    .boxed(),
            ),
            (
                3,
                (0..8u16, 0..8u16)
                    .prop_map(|(child, parent)| {
                        // Downwards in order, so that there are no cycles: the transaction refuses those.
                        let at = |n: u16| {
                            Address(
                                [
                                    0x1000, 0x1001, 0x2000, 0x8000, 0x8001, 0x8002, 0x9000, 0x9001,
                                ][n as usize],
                            )
                        };
                        Mutation::SetParent {
                            address: at(child),
                            parent: (parent < child).then(|| at(parent)),
                        }
                    })
                    .boxed(),
            ),
        ])
    }

    fn is_cycle_free(state: &State) -> bool {
        let all = View::of(state, i64::MIN);
        all.nodes().all(|node| {
            let mut steps = 0;
            let mut above = all.parent(node);
            while let Some(node) = above {
                steps += 1;
                above = all.parent(node).filter(|_| steps < 20);
            }
            steps < 20
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]
        #[test]
        fn mutations_keep_the_invariants_and_their_inverses_take_them_back(
            mutations in prop::collection::vec((mutation(), any::<bool>()), 1..60)
        ) {
            let mut space = Space::new(7);
            let mut history = Vec::new();
            let mut snapshots = Vec::new();
            for (version, (mutation, shared)) in mutations.into_iter().enumerate() {
                let before = SpaceImage::of(space.state());
                // Moves can turn the order of addresses around, and so make cycles possible.
                if let Mutation::SetParent { address, parent: Some(parent) } = &mutation {
                    let mut copy = Space::from_state((**space.state()).clone());
                    let set = Mutation::SetParent { address: *address, parent: Some(*parent) };
                    if address == parent || copy.state().node(*parent).is_some_and(|p| p.parent() == copy.state().node(*address).map(|n| n.id())) {
                        continue;
                    }
                    let all = View::of(copy.state(), i64::MIN);
                    if let (Some(node), Some(parent)) = (all.node(*address), all.node(*parent))
                        && all.subtree(node).iter().any(|below| below.id() == parent.id()) {
                        continue;
                    }
                    let _ = copy.apply(set, 1);
                    prop_assert!(is_cycle_free(copy.state()));
                }
                if shared {
                    snapshots.push((Arc::clone(space.state()), before.clone()));
                }
                match space.apply(mutation, version as u64 + 10) {
                    Ok(inverse) => history.push((inverse, before)),
                    Err(_) => prop_assert_eq!(SpaceImage::of(space.state()), before),
                }
                let sound = check_invariants(space.state());
                prop_assert!(sound.is_ok(), "{:?}", sound);
            }
            let rebuilt = Space::from_state((**space.state()).clone());
            for zone in [crate::space::address::Zone::Fluid, crate::space::address::Zone::Node] {
                prop_assert_eq!(rebuilt.free().free(zone), space.free().free(zone));
                prop_assert_eq!(space.free().free(zone), zone.capacity() - space.state().population(zone));
            }
            prop_assert_eq!(rebuilt.expiring_len(), space.expiring_len());
            for (inverse, before) in history.into_iter().rev() {
                space.apply(inverse.mutation, inverse.version).expect("an inverse fits");
                prop_assert_eq!(SpaceImage::of(space.state()), before);
                let sound = check_invariants(space.state());
                prop_assert!(sound.is_ok(), "{:?}", sound);
            }
            for (state, image) in snapshots {
                prop_assert_eq!(SpaceImage::of(&state), image);
            }
        }

        #[test]
        fn encoded_mutations_decode_to_themselves(mutation in mutation()) {
            let mut bytes = Vec::new();
            crate::commit::codec::Encoder(&mut bytes).mutation(&mutation);
            let mut decoder = crate::commit::codec::Decoder::new(&bytes);
            prop_assert_eq!(decoder.mutation(), Ok(mutation));
            prop_assert!(decoder.is_at_end());
            for cut in 0..bytes.len() {
                prop_assert!(crate::commit::codec::Decoder::new(&bytes[..cut]).mutation().is_err());
            }
        }
    }
}
