//! Whether the engine's memory is what the model says.

use std::collections::BTreeMap;

use ladybug_engine::engine::{Engine, Snapshot};
use ladybug_engine::space::address::{Address, Zone};
use ladybug_engine::space::fields;
use ladybug_engine::space::image::check_invariants;
use ladybug_engine::space::mutation::{Bits as EngineBits, NodeImage};
use ladybug_engine::space::state::{State, View};
use ladybug_engine::space::verbs::OPEN_SLOT_FIRST;
use ladybug_engine::space::words::Word;

use super::model::{Bits, Edge, Fields, Memory, Node, Space};

fn plain_fields(fields: Option<&fields::Fields>) -> Fields {
    let all = fields.into_iter().flatten();
    all.map(|(name, value)| (name.to_vec(), value.clone()))
        .collect()
}

/// A space of the engine as the model would have it.
pub fn plain(state: &State) -> Space {
    let all = View::of(state, i64::MIN);
    let id_at = |at: Address| state.node(at).expect("an end of an edge").id();
    let node = |node: ladybug_engine::space::chunk::Node<'_>| {
        let image = NodeImage::of(node);
        let plain = Node {
            name: image.name.as_deref().map(<[u8]>::to_vec),
            value: image.content.value.as_deref().map(<[u8]>::to_vec),
            fields: plain_fields(image.content.fields.as_deref()),
            bits: match image.content.fingerprint {
                EngineBits::Encoded => Bits::Encoded,
                EngineBits::Given(bits) => Bits::Given(*bits),
                EngineBits::Staged(bits) => Bits::Given(bits.fingerprint().clone()),
                EngineBits::Vector(bits) => Bits::Vector(*bits),
            },
            kinds: node.kinds().iter().map(|kind| kind.to_string()).collect(),
            truth: (image.truth.frequency(), image.truth.confidence()),
            evidence: node.evidence().to_vec(),
            qualia: image.qualia.values(),
            rung: image.rung,
            created: image.created,
            expires: node.expires(),
            promotion: image.promotion,
            parent: node.parent(),
            version: node.version(),
        };
        (node.id(), plain)
    };
    let edge = |edge: ladybug_engine::space::graph::Edge| {
        let verb = state.verbs().name(edge.verb).expect("a verb of an edge");
        let plain = Edge {
            source: id_at(edge.source),
            verb: verb.to_owned(),
            target: id_at(edge.target),
            weight: edge.weight,
            truth: (edge.frequency, edge.confidence),
            evidence: edge.evidence.as_deref().unwrap_or_default().to_vec(),
            properties: plain_fields(edge.properties.as_deref()),
            reified: edge.address.is_some(),
            version: edge.version,
        };
        (edge.id, plain)
    };
    let own = |(slot, name): (u8, &str)| {
        Some((slot, name.to_owned())).filter(|(slot, _)| *slot >= OPEN_SLOT_FIRST)
    };
    let word = |(at, word): (Address, &Word)| {
        let said = (word.name.to_string(), word.text.to_string());
        (at.0, said)
    };
    Space {
        version: state.version(),
        committed: state.committed(),
        nodes: all.nodes().map(node).collect(),
        edges: state.graph().edges().map(edge).collect(),
        verbs: state.verbs().iter().filter_map(own).collect(),
        words: state.words().iter().map(word).collect(),
    }
}

/// The state is sound and says what the model says.
#[track_caller]
pub fn assert_state(state: &State, model: &Space) {
    assert_same(state, model);
    if let Err(broken) = check_invariants(state) {
        panic!("{broken}");
    }
}

/// The state says what the model says, wherever one looks: nodes, names, both directions of edges, zones.
#[track_caller]
pub fn assert_same(state: &State, model: &Space) {
    let found = plain(state);
    assert_maps(&found.nodes, &model.nodes, "node");
    assert_maps(&found.edges, &model.edges, "edge");
    assert_eq!(found.verbs, model.verbs);
    assert_eq!(found.words, model.words);
    assert_eq!(
        (found.version, found.committed),
        (model.version, model.committed)
    );
    let mut population = [0, 0];
    for (id, node) in &model.nodes {
        let at = state.find_id(*id).expect("an id is found");
        let zone = node.expires.map_or(Zone::Node, |_| Zone::Fluid);
        assert_eq!(at.zone(), zone, "the zone of #{id}");
        population[usize::from(zone == Zone::Node)] += 1;
        if let Some(name) = &node.name {
            assert_eq!(state.find(name), Some(at), "the name of #{id}");
        }
        let all = View::of(state, i64::MIN);
        let there = all.node(at).expect("a node");
        assert_eq!(usize::from(there.depth()), model.depth(*id));
        let children = all.children(there).map(|child| child.id());
        let mut children: Vec<_> = children.collect();
        children.sort_unstable();
        assert_eq!(children, model.children(*id), "the children of #{id}");
    }
    let mut edges_in = 0;
    for (id, edge) in &model.edges {
        let link = state.graph().link(*id).expect("an edge is found by id");
        let arriving = state.graph().incoming(link.target, Some(link.verb));
        edges_in += arriving.filter(|found| found.id == *id).count();
        population[0] += usize::from(edge.reified);
    }
    assert_eq!(edges_in, model.edges.len(), "every edge arrives once");
    assert_eq!(state.population(Zone::Fluid), population[0]);
    assert_eq!(state.population(Zone::Node), population[1]);
}

#[track_caller]
fn assert_maps<T: PartialEq + std::fmt::Debug>(
    found: &BTreeMap<u64, T>,
    model: &BTreeMap<u64, T>,
    what: &str,
) {
    for (id, model) in model {
        assert_eq!(found.get(id), Some(model), "{what} #{id}");
    }
    let stray: Vec<_> = found.keys().filter(|id| !model.contains_key(id)).collect();
    assert!(stray.is_empty(), "{what}s that should not be: {stray:?}");
}

/// Every space of the engine is sound and is what the model says, and there are no others.
#[track_caller]
pub fn assert_memory(engine: &Engine, model: &Memory) {
    for id in engine.spaces() {
        assert_state(&engine.state(id).0, &model.space(id));
    }
    for (id, space) in &model.spaces {
        assert!(
            engine.spaces().contains(id) || space.version == 0,
            "space {id} is missing"
        );
    }
    for (name, id) in &model.names {
        assert_eq!(&engine.space_label(*id), name);
    }
}

/// A snapshot is what the model was, and has every fingerprint.
#[track_caller]
pub fn assert_snapshot(snapshot: &Snapshot, model: &Space) {
    assert_state(&snapshot.state, model);
    for (id, node) in &model.nodes {
        let at = snapshot.state.find_id(*id).expect("a node");
        let found = snapshot.fingerprint(at).expect("nothing is missing");
        assert!(*found == node.fingerprint(), "the fingerprint of #{id}");
    }
    for edge in snapshot.state.graph().edges() {
        if let Some(at) = edge.address {
            let found = snapshot.fingerprint(at).expect("nothing is missing");
            let expected = model.edge_fingerprint(&model.edges[&edge.id]);
            assert!(*found == expected, "the fingerprint of edge #{}", edge.id);
        }
    }
}
