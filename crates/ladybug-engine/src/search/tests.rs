//! The search against brute force, with every filter, over columns, derived fingerprints and mapped
//! rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use proptest::prelude::*;

use super::*;
use crate::commit::log::FsyncPolicy;
use crate::commit::transaction::{Draft, EdgeDraft, Transaction, sorted_kinds};
use crate::engine::{Clock, Engine, EngineOptions, Snapshot};
use crate::error::EngineError;
use crate::space::address::{Address, Zone};
use crate::space::chunk::Chunk;
use crate::space::column::SlotSet;
use crate::space::mutation::{Bits, Content};
use crate::space::page::Fingerprints;
use crate::storage::DiskStorage;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

fn engine(directory: &tempfile::TempDir) -> (Engine, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicI64::new(1_000)));
    let storage = DiskStorage::new(directory.path()).expect("storage");
    let options = EngineOptions {
        fsync: FsyncPolicy::Never,
        ..EngineOptions::default()
    };
    let engine = Engine::open(Arc::new(storage), Arc::clone(&clock) as _, options);
    (engine.expect("an engine"), clock)
}

/// A fingerprint of a small family, so that equal distances are common.
fn member(n: u64) -> Fingerprint {
    let mut fingerprint = Fingerprint::random(n % 3);
    fingerprint.words_mut()[(n % 5) as usize * 30] ^= n % 4;
    fingerprint
}

/// What one node of a history is made of; see `grow`.
type Seed = (u64, u8);

/// Makes a node from two numbers: its fingerprint, kinds, rung, expiry, parent and edges.
fn grow(tx: &mut Transaction<'_>, made: &mut Vec<Address>, seed: Seed) -> Result<(), EngineError> {
    let (n, shape) = seed;
    let fingerprint = match shape % 4 {
        0 => Bits::Encoded,
        1 if n % 7 == 0 => Bits::Given(Box::new(Fingerprint::ZERO)),
        _ => Bits::Given(Box::new(member(n))),
    };
    let content = Content {
        value: Some(format!("word{} of {}", n % 11, n % 5).into_bytes().into()),
        fields: None,
        fingerprint,
    };
    let kinds = ["A", "B"].into_iter().zip([4, 8]);
    let kinds = kinds.filter(|(_, bit)| shape & bit != 0);
    let draft = Draft {
        name: Some(format!("n{}", made.len()).into_bytes().into()),
        content,
        kinds: sorted_kinds(kinds.map(|(kind, _)| kind.into()).collect()),
        rung: (n % 10) as u8,
        expires: (shape & 48 == 48).then_some(if n % 2 == 0 { 2_000 } else { 9_000 }),
        parent: made
            .get(n as usize % 8)
            .copied()
            .filter(|_| shape & 64 != 0),
        ..Draft::default()
    };
    let address = tx.create(draft)?;
    if let Some(&other) = made.get(n as usize % 13) {
        let draft = EdgeDraft {
            reified: shape & 128 != 0,
            ..EdgeDraft::default()
        };
        tx.link(address, 0, other, draft)?;
    }
    made.push(address);
    Ok(())
}

/// A space of 4,000 nodes and edges.
fn of_many_chunks(engine: &Engine) -> Snapshot {
    let outcome = engine.commit::<_, EngineError>(&[0], |tx| {
        let mut made = Vec::new();
        (0..4_000u64).try_for_each(|n| grow(tx, &mut made, (n * 7919 % 4_001, n as u8 & 0x3F)))
    });
    outcome.value.expect("room for all");
    engine.snapshot(0)
}

/// The exact search of one query in one space.
fn nearest(snapshot: &Snapshot, query: &Fingerprint, wanted: TopK, filter: &Filter) -> Vec<Hit> {
    let scope = Scope { snapshot, filter };
    top_k(&[scope], &[query], wanted.with_recall(Recall::EXACT)).remove(0)
}

fn brute(snapshot: &Snapshot, query: &Fingerprint, wanted: TopK, filter: &Filter) -> Vec<Hit> {
    let view = snapshot.view();
    let below: Option<Vec<u64>> = filter.under.map(|id| {
        let root = view.find_id(id);
        let nodes = root.map(|root| view.subtree(root)).unwrap_or_default();
        nodes.into_iter().map(|node| node.id()).collect()
    });
    let mut hits: Vec<_> = (0..=u16::MAX)
        .filter_map(|raw| view.occupant(Address(raw)))
        .filter(|node| filter.include_edges || !node.is_edge())
        .filter(|node| filter.zone.is_none_or(|zone| node.address().zone() == zone))
        .filter(|node| {
            let kind = filter.kind.as_ref();
            kind.is_none_or(|kind| node.kinds().contains(kind))
        })
        .filter(|node| below.as_ref().is_none_or(|ids| ids.contains(&node.id())))
        .filter(|node| filter.rung_max.is_none_or(|max| node.rung() <= max))
        .filter(|node| filter.exclude != Some(node.id()))
        .filter(|node| {
            let start = filter.name_prefix.as_deref();
            start.is_none_or(|start| node.name().is_some_and(|name| name.starts_with(start)))
        })
        .map(|node| Hit {
            distance: query.distance(snapshot.fingerprint(node.address()).expect("bits")),
            scope: 0,
            address: node.address(),
        })
        .filter(|hit| hit.distance <= wanted.distance_max)
        .collect();
    hits.sort_unstable();
    hits.truncate(wanted.k);
    hits
}

fn filters() -> impl Strategy<Value = Filter> {
    let zone = prop::sample::select(vec![None, Some(Zone::Fluid), Some(Zone::Node)]);
    let kind = prop::sample::select(vec![None, Some("A"), Some("B"), Some("C")]);
    let start = prop::sample::select(vec![None, None, Some("n1"), Some("m")]);
    let under = prop::option::weighted(0.3, 1..20u64);
    let rest = (
        prop::option::weighted(0.3, 0..10u8),
        prop::option::weighted(0.3, 1..40u64),
        any::<bool>(),
    );
    (zone, kind, start, under, rest).prop_map(|(zone, kind, start, under, rest)| Filter {
        zone,
        kind: kind.map(Into::into),
        name_prefix: start.map(|start| start.as_bytes().into()),
        under,
        rung_max: rest.0,
        exclude: rest.1,
        include_edges: rest.2,
        slots: None,
    })
}

fn wanted() -> impl Strategy<Value = TopK> {
    let distance = prop::sample::select(vec![10_240, 5_120, 3, 0]);
    (0..30usize, distance).prop_map(|(k, distance_max)| TopK {
        distance_max,
        ..TopK::new(k)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_answers_what_brute_force_answers(
        seeds in prop::collection::vec(any::<Seed>(), 0..120),
        searches in prop::collection::vec((any::<u64>(), wanted(), filters()), 1..12),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let (engine, clock) = engine(&directory);
        let outcome = engine.commit::<_, EngineError>(&[0], |tx| {
            let mut made = Vec::new();
            seeds.iter().try_for_each(|&seed| grow(tx, &mut made, seed))
        });
        outcome.value.expect("room for all");
        clock.0.store(5_000, Relaxed);
        // The first has everything derived, the second in its columns.
        let (state, position) = engine.state(0);
        let derived = Snapshot::of(state, engine.now(), position);
        for snapshot in [derived, engine.snapshot(0)] {
            for (n, wanted, filter) in &searches {
                let query = member(*n);
                prop_assert_eq!(
                    nearest(&snapshot, &query, *wanted, filter),
                    brute(&snapshot, &query, *wanted, filter),
                    "{:?} of {:?}", wanted, filter
                );
            }
        }
    }

    #[test]
    fn mapped_rows_are_searched_where_they_lie(
        stored in prop::collection::btree_set(any::<u8>(), 0..200),
        asked in prop::collection::btree_set(any::<u8>(), 0..200),
        k in 1..20usize,
    ) {
        let stored: SlotSet = stored.into_iter().collect();
        let asked: SlotSet = asked.into_iter().collect();
        let mut source = Fingerprints::zeroed();
        for (row, slot) in (0..=255).zip(stored.iter()) {
            *source.get_mut(row) = member(u64::from(slot));
        }
        let bytes = stored.len() * crate::fingerprint::BYTES;
        let rows = source.buffer().0.slice_with_length(0, bytes);
        let mapped = Fingerprints::mapped(rows, stored).expect("aligned rows");
        let chunk = Chunk::from_checkpoint(mapped, Fingerprint::ZERO, stored, |_| 0);
        let query = member(1);
        let segment = filter::Segment {
            scope: 0,
            prefix: 0xFF,
            chunk: &chunk,
            slots: asked,
            derived: Vec::new(),
        };
        let best = vec![TopK::new(k).best()];
        let hits = exact::search(&[segment], &[&query], best, &|| true);
        let hits = hits.into_iter().flat_map(Best::into_sorted);
        let hits: Vec<Hit> = hits.collect();
        let mut expected: Vec<_> = asked
            .iter()
            .map(|slot| Hit {
                distance: query.distance(chunk.fingerprint(slot)),
                scope: 0,
                address: Address::new(0xFF, slot),
            })
            .collect();
        expected.sort_unstable();
        expected.truncate(k);
        prop_assert_eq!(hits, expected);
    }
}

#[test]
fn a_scan_over_many_chunks_answers_the_same_on_all_threads() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, _) = engine(&directory);
    let snapshot = of_many_chunks(&engine);
    for (k, n) in [(1, 0), (10, 1), (100, 2), (5_000, 3)] {
        let query = member(n);
        let filter = Filter::default();
        let hits = nearest(&snapshot, &query, TopK::new(k), &filter);
        assert_eq!(
            hits,
            brute(&snapshot, &query, TopK::new(k), &filter),
            "{k} nearest"
        );
    }
}

#[test]
fn a_scan_that_nobody_wants_any_more_ends() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, _) = engine(&directory);
    let snapshot = of_many_chunks(&engine);
    let filter = Filter::default();
    let scopes = [Scope {
        snapshot: &snapshot,
        filter: &filter,
    }];
    let wanted = TopK::new(5_000).with_recall(Recall::EXACT);
    let found = |is_wanted: IsWanted<'_>| {
        let hits = top_k_while(&scopes, &[&member(1)], wanted, is_wanted);
        hits[0].len()
    };
    let asked = AtomicI64::new(0);
    let half = found(&|| asked.fetch_add(1, Relaxed) < 4);
    assert!(asked.load(Relaxed) > 4, "asked {asked:?} times");
    assert!((1..found(&|| true)).contains(&half), "{half}");
    assert_eq!(found(&|| false), 0);
}

#[test]
fn verbs_are_found_on_the_surface_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let (engine, _) = engine(&directory);
    let outcome = engine.commit::<_, EngineError>(&[0], |tx| tx.define_verb("DEPENDS_ON"));
    let slot = outcome.value.expect("an open slot");
    let query = crate::fingerprint::encode::text("depends");
    let surface = Filter {
        zone: Some(Zone::Surface),
        ..Filter::default()
    };
    let (_, hits) = engine.search(0, &query, TopK::new(3), &surface);
    assert_eq!(hits[0].address, crate::space::verbs::address_of(slot));
    assert_eq!(hits.len(), 3);
    let (_, hits) = engine.search(0, &query, TopK::new(3), &Filter::default());
    assert!(hits.is_empty());
}
