//! The graph against the plainest model there is: a vector of edges.

use std::sync::Arc;

use proptest::prelude::*;

use crate::space::address::Address;
use crate::space::fields::{FieldValue, Fields};

use super::{Direction, DuplicateEdge, Edge, EdgeLink, Graph};

/// Few addresses in few chunks, so that parallel edges, self-loops and merges are frequent.
const PLACES: [u16; 9] = [
    0x1000, 0x10FF, 0x7F00, 0x8000, 0x8001, 0x80FE, 0x80FF, 0xFF00, 0xFFFF,
];
const VERBS: u8 = 3;

#[derive(Clone, Debug)]
enum Step {
    Insert {
        source: usize,
        verb: u8,
        target: usize,
        weight: f32,
        rare: bool,
    },
    Remove(prop::sample::Index),
    Update {
        edge: prop::sample::Index,
        weight: f32,
        rare: bool,
    },
    Relocate {
        from: usize,
        to: usize,
    },
    Snapshot,
}

fn step() -> impl Strategy<Value = Step> {
    let place = || 0..PLACES.len();
    prop_oneof![
        10 => (place(), 0..VERBS, place(), any::<f32>(), prop::bool::weighted(0.2)).prop_map(
            |(source, verb, target, weight, rare)| Step::Insert { source, verb, target, weight, rare }
        ),
        6 => any::<prop::sample::Index>().prop_map(Step::Remove),
        4 => (any::<prop::sample::Index>(), -1f32..1.0, any::<bool>())
            .prop_map(|(edge, weight, rare)| Step::Update { edge, weight, rare }),
        1 => (place(), place()).prop_map(|(from, to)| Step::Relocate { from, to }),
        1 => Just(Step::Snapshot),
    ]
}

fn edge(id: u64, source: u16, verb: u8, target: u16) -> Edge {
    Edge {
        id,
        source: Address(source),
        verb,
        target: Address(target),
        weight: id as f32,
        frequency: 1.0,
        confidence: 0.9,
        version: 1,
        evidence: None,
        properties: None,
        address: None,
    }
}

fn properties(number: i64) -> Arc<Fields> {
    let name: Arc<[u8]> = b"since".as_slice().into();
    Arc::new(Fields::from_iter([(name, FieldValue::Integer(number))]))
}

/// The order in which every list is promised.
fn sorted(mut edges: Vec<Edge>, key: impl Fn(&Edge) -> (Address, u8, Address)) -> Vec<Edge> {
    edges.sort_by_key(|edge| (key(edge), edge.id));
    edges
}

/// Every question the graph answers, asked of both.
fn assert_agrees(graph: &Graph, model: &[Edge]) {
    let outgoing = sorted(model.to_vec(), |e| (e.source, e.verb, e.target));
    let incoming = sorted(model.to_vec(), |e| (e.target, e.verb, e.source));
    assert_eq!(graph.len(), model.len());
    assert_eq!(graph.is_empty(), model.is_empty());
    assert_eq!(graph.edges().collect::<Vec<_>>(), outgoing);
    for edge in model {
        assert_eq!(graph.source_of(edge.id), Some(edge.source));
        assert_eq!(graph.get(edge.source, edge.id).as_ref(), Some(edge));
        assert_eq!(graph.get(Address(!edge.source.0), edge.id), None);
    }
    for place in PLACES.map(Address) {
        for verb in (0..VERBS).map(Some).chain([None]) {
            let asked = |edge: &&Edge| verb.is_none_or(|verb| edge.verb == verb);
            let links = |edges: Vec<&Edge>| edges.into_iter().map(Edge::link).collect::<Vec<_>>();
            let leaving = outgoing
                .iter()
                .filter(|e| e.source == place)
                .filter(asked)
                .collect::<Vec<_>>();
            let arriving = incoming
                .iter()
                .filter(|e| e.target == place)
                .filter(asked)
                .collect::<Vec<_>>();
            for (seen, kept) in graph.outgoing(place, verb).zip(&leaving) {
                assert_eq!(seen.weight.to_bits(), kept.weight.to_bits());
                assert_eq!(
                    (seen.frequency, seen.confidence),
                    (kept.frequency, kept.confidence)
                );
            }
            let seen = graph.outgoing(place, verb).map(|edge| edge.link());
            assert_eq!(seen.collect::<Vec<_>>(), links(leaving));
            assert_eq!(
                graph.incoming(place, verb).collect::<Vec<_>>(),
                links(arriving)
            );
        }
        for verb in (0..VERBS).map(Some).chain([None]) {
            let mut buffer = Vec::new();
            let ends = graph.ends(place, Direction::Outgoing, verb, &mut buffer);
            assert!(
                ends.iter()
                    .copied()
                    .eq(graph.outgoing(place, verb).map(|edge| edge.target))
            );
            let ends = graph.ends(place, Direction::Incoming, verb, &mut buffer);
            assert!(
                ends.iter()
                    .copied()
                    .eq(graph.incoming(place, verb).map(|edge| edge.source))
            );
        }
        assert_eq!(graph.degree_out(place), graph.outgoing(place, None).count());
        assert_eq!(graph.degree_in(place), graph.incoming(place, None).count());
        for target in PLACES.map(Address) {
            let parallel = outgoing
                .iter()
                .filter(|e| (e.source, e.verb, e.target) == (place, 1, target));
            assert!(
                graph
                    .find(place, 1, target)
                    .eq(parallel.map(|edge| edge.id))
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_graph_agrees_with_the_model_and_snapshots_never_change(
        bulk in 0u64..600,
        steps in prop::collection::vec(step(), 0..700),
    ) {
        let place = |index: usize| PLACES[index % PLACES.len()];
        let mut model: Vec<Edge> = (0..bulk)
            .map(|id| edge(id, place(id as usize * 5), (id % 3) as u8, place(id as usize / 7)))
            .collect();
        let mut graph = Graph::from_edges(model.clone()).unwrap();
        let mut held = Vec::new();
        let mut next_id = bulk;
        for step in steps {
            match step {
                Step::Insert { source, verb, target, weight, rare } => {
                    let mut new = edge(next_id, PLACES[source], verb, PLACES[target]);
                    new.weight = weight;
                    new.address = rare.then_some(Address(0x1234));
                    next_id += 1;
                    graph.insert(new.clone()).unwrap();
                    prop_assert_eq!(graph.insert(new.clone()), Err(DuplicateEdge { id: new.id }));
                    model.push(new);
                }
                Step::Remove(_) | Step::Update { .. } if model.is_empty() => {}
                Step::Remove(index) => {
                    let gone = model.swap_remove(index.index(model.len()));
                    prop_assert_eq!(graph.remove(gone.source, gone.id), Some(gone.clone()));
                    prop_assert_eq!(graph.remove(gone.source, gone.id), None);
                }
                Step::Update { edge, weight, rare } => {
                    let at = edge.index(model.len());
                    let edge = &mut model[at];
                    let before = edge.weight;
                    edge.weight = weight;
                    edge.evidence = rare.then(|| [1, 2, 3].into());
                    edge.properties = rare.then(|| properties(7));
                    let seen = graph.update(edge.source, edge.id, |attributes| {
                        attributes.evidence = edge.evidence.clone();
                        attributes.properties = edge.properties.clone();
                        std::mem::replace(&mut attributes.weight, weight)
                    });
                    prop_assert_eq!(seen.map(f32::to_bits), Some(before.to_bits()));
                }
                Step::Relocate { from, to } => {
                    let (from, to) = (Address(PLACES[from]), Address(PLACES[to]));
                    graph.relocate(from, to);
                    for edge in &mut model {
                        for end in [&mut edge.source, &mut edge.target] {
                            if *end == from {
                                *end = to;
                            }
                        }
                    }
                }
                Step::Snapshot => held.push((graph.clone(), model.clone())),
            }
        }
        held.push((Graph::from_edges(model.clone()).unwrap(), model.clone()));
        held.push((graph, model));
        for (graph, model) in held {
            assert_agrees(&graph, &model);
        }
    }
}

#[test]
fn a_hub_keeps_its_order_through_merges_and_a_move() {
    let hub = 0x8042;
    let mut graph = Graph::default();
    for id in 0..20_000u64 {
        let other = (id * 40_503) as u16;
        graph
            .insert(edge(2 * id, hub, (id % 5) as u8, other))
            .unwrap();
        graph.insert(edge(2 * id + 1, other, 9, hub)).unwrap();
    }
    let before = graph.outgoing(Address(hub), None).collect::<Vec<_>>();
    assert!(before.is_sorted_by_key(|edge| (edge.verb, edge.target, edge.id)));
    graph.relocate(Address(hub), Address(0x1007));
    assert_eq!(
        (
            graph.degree_out(Address(hub)),
            graph.degree_in(Address(hub))
        ),
        (0, 0)
    );
    assert_eq!(graph.degree_out(Address(0x1007)), before.len());
    assert_eq!(graph.len(), 40_000);
    let bulk = Graph::from_edges(graph.edges()).unwrap();
    assert!(bulk.edges().eq(graph.edges()));
    for edge in graph.edges().collect::<Vec<_>>() {
        assert!(graph.remove(edge.source, edge.id).is_some());
    }
    assert_eq!(graph.memory_bytes(), 0, "an emptied graph owns nothing");
}

#[test]
fn a_self_loop_moves_as_one_edge() {
    let mut graph = Graph::default();
    graph.insert(edge(1, 0x8000, 4, 0x8000)).unwrap();
    graph.insert(edge(2, 0x8000, 4, 0x9000)).unwrap();
    let here = Address(0x8000);
    assert_eq!(
        graph
            .incident(here)
            .iter()
            .map(|link| link.id)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    graph.relocate(here, Address(0x7000));
    let there = Address(0x7000);
    let moved = EdgeLink {
        id: 1,
        source: there,
        verb: 4,
        target: there,
    };
    assert_eq!(graph.link(1), Some(moved));
    assert_eq!(graph.incoming(there, None).collect::<Vec<_>>(), [moved]);
    assert_eq!((graph.degree_out(there), graph.incident(here)), (2, vec![]));
}

#[test]
fn a_change_of_sign_of_zero_is_a_change() {
    let mut graph = Graph::from_edges([Edge {
        weight: 0.0,
        ..edge(1, 1, 1, 1)
    }])
    .unwrap();
    graph.update(Address(1), 1, |attributes| attributes.weight = -0.0);
    assert!(graph.get(Address(1), 1).unwrap().weight.is_sign_negative());
}

#[test]
fn a_checkpoint_with_one_id_twice_is_refused() {
    let twice = [edge(5, 1, 1, 2), edge(6, 1, 1, 2), edge(5, 3, 1, 4)];
    assert_eq!(
        Graph::from_edges(twice).unwrap_err(),
        DuplicateEdge { id: 5 }
    );
}

#[test]
fn a_clone_shares_everything_and_a_write_copies_what_it_touches() {
    let places = (0..=0xFFFFu16).step_by(16);
    let graph = Graph::from_edges(
        places
            .zip(0..)
            .map(|(at, id)| edge(id, at, 1, at.wrapping_add(0x0800))),
    )
    .unwrap();
    let mut written = graph.clone();
    assert!(
        size_of::<Graph>() <= 49 * size_of::<usize>(),
        "more to clone than 48 references"
    );
    written.insert(edge(1 << 40, 0x8042, 1, 0x9042)).unwrap();
    let copied = |left: &super::Table<_>, right: &super::Table<_>| {
        let pairs = left.iter().zip(right.iter());
        pairs
            .filter(|((_, l), (_, r))| !std::ptr::eq(*l, *r))
            .map(|((at, _), _)| at)
            .collect::<Vec<_>>()
    };
    assert_eq!(copied(&graph.outgoing, &written.outgoing), [0x80]);
    let incoming = graph.incoming.iter().zip(written.incoming.iter());
    assert_eq!(
        incoming
            .filter(|((_, l), (_, r))| !std::ptr::eq(*l, *r))
            .count(),
        1
    );
    let directory = graph.directory.iter().zip(written.directory.iter());
    assert_eq!(
        directory
            .filter(|((_, l), (_, r))| !std::ptr::eq(*l, *r))
            .count(),
        1
    );
    assert_eq!((graph.len(), written.len()), (4_096, 4_097));
}

/// Bytes an edge takes in a graph like the Debian catalogue: 32,768 nodes, 150,000 edges of which
/// some targets are hubs.
fn bytes_per_edge(build: impl FnOnce(Vec<Edge>) -> Graph) -> f64 {
    let edges = (0..150_000u64).map(|id| {
        let source = 0x8000 | (id.wrapping_mul(0x9E37_79B9) >> 7) as u16;
        let target = 0x8000 | (((id * id) >> 3) as u16 % (1 << (id % 16)));
        edge(40_000 + id, source, (id % 4) as u8, target)
    });
    let graph = build(edges.collect());
    graph.memory_bytes() as f64 / graph.len() as f64
}

#[test]
fn an_edge_takes_the_bytes_that_the_design_page_states() {
    let opened = bytes_per_edge(|edges| Graph::from_edges(edges).unwrap());
    let grown = bytes_per_edge(|edges| {
        let mut graph = Graph::default();
        edges
            .into_iter()
            .for_each(|edge| graph.insert(edge).unwrap());
        graph
    });
    assert!(opened <= 50.0, "{opened:.1} bytes an edge after opening");
    assert!(
        grown <= 64.0,
        "{grown:.1} bytes an edge after inserting one by one"
    );
}

#[test]
fn a_traversal_visits_each_node_once_nearest_first() {
    let edges = [
        (1, 2),
        (1, 3),
        (2, 4),
        (3, 4),
        (4, 1),
        (4, 5),
        (5, 5),
        (5, 6),
    ];
    let graph = Graph::from_edges(
        edges
            .iter()
            .zip(0..)
            .map(|(&(source, target), id)| edge(id, source, 7, target)),
    )
    .unwrap();
    let walk = |start, direction, depth, limit| {
        let reached = graph.traverse(Address(start), Some(7), direction, depth, limit, |_| true);
        reached
            .into_iter()
            .map(|(address, depth)| (address.0, depth))
            .collect::<Vec<_>>()
    };
    let (out, back) = (Direction::Outgoing, Direction::Incoming);
    assert_eq!(
        walk(1, out, 9, 99),
        [(2, 1), (3, 1), (4, 2), (5, 3), (6, 4)]
    );
    assert_eq!(walk(1, out, 2, 99), [(2, 1), (3, 1), (4, 2)]);
    assert_eq!(walk(1, out, 9, 3), [(2, 1), (3, 1), (4, 2)]);
    assert_eq!(walk(4, back, 1, 99), [(2, 1), (3, 1)]);
    assert_eq!(
        walk(6, back, 9, 99),
        [(5, 1), (4, 2), (2, 3), (3, 3), (1, 4)]
    );
    assert_eq!(walk(1, out, 0, 99), []);
    assert_eq!(walk(1, out, 9, 0), []);
    assert_eq!(
        graph.traverse(Address(1), Some(8), out, 9, 99, |_| true),
        []
    );
    assert_eq!(
        graph.traverse(Address(1), None, out, 9, 99, |_| true).len(),
        5
    );
}
