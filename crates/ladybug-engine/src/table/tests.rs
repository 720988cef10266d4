//! Scans against what the space holds; views are views, and what they cost.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt8Type, UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch};
use proptest::prelude::*;

use super::*;
use crate::commit::transaction::{Draft, EdgeDraft};
use crate::engine::{Engine, EngineOptions, Snapshot, SystemClock};
use crate::error::EngineError;
use crate::fingerprint::{BYTES, Fingerprint};
use crate::search::Filter;
use crate::space::address::{Address, Zone};
use crate::space::fields::FieldValue;
use crate::space::marks::Truth;
use crate::space::mutation::{Bits, Content};
use crate::storage::SimulatedStorage;

fn engine() -> Engine {
    let storage = Arc::new(SimulatedStorage::new(7));
    Engine::open(storage, Arc::new(SystemClock), EngineOptions::default()).expect("an engine")
}

fn given(n: u64) -> Content {
    Content {
        value: Some(n.to_string().into_bytes().into()),
        fields: None,
        fingerprint: Bits::Given(Box::new(Fingerprint::random(n))),
    }
}

/// Makes nodes named by numbers, with the fingerprints that belong to those.
fn fill(engine: &Engine, numbers: RangeInclusive<u64>) {
    let filled = engine.commit::<_, EngineError>(&[0], |tx| {
        for n in numbers {
            let draft = Draft {
                name: Some(n.to_string().into_bytes().into()),
                content: given(n),
                ..Draft::default()
            };
            tx.create(draft)?;
        }
        Ok(())
    });
    filled.value.expect("a commit");
}

fn remove(engine: &Engine, n: u64) {
    let removed = engine.commit::<_, EngineError>(&[0], |tx| {
        let address = tx.find(n.to_string().as_bytes()).expect("a node");
        tx.remove(address)
    });
    removed.value.expect("a commit");
}

fn scan(snapshot: &Snapshot, scan: NodeScan) -> Vec<RecordBatch> {
    node_batches(Arc::new(snapshot.clone()), scan)
        .map(|batch| batch.expect("a batch"))
        .collect()
}

fn only(places: &[usize]) -> NodeScan {
    NodeScan {
        projection: Some(places.to_vec()),
        ..NodeScan::default()
    }
}

/// The addresses of a batch's rows, whose second column they are.
fn addresses(batches: &[RecordBatch]) -> Vec<u16> {
    let column = |batch: &RecordBatch| {
        batch
            .column(1)
            .as_primitive::<UInt16Type>()
            .values()
            .to_vec()
    };
    batches.iter().flat_map(column).collect()
}

#[test]
fn a_batch_shows_the_memory_of_the_chunk_and_a_write_copies_what_it_touches() {
    let engine = engine();
    fill(&engine, 0..=255);
    let snapshot = engine.snapshot(0);
    let (address, chunk) = snapshot
        .state
        .chunks()
        .next()
        .map(|(p, c)| (p, Arc::clone(c)))
        .expect("a chunk");
    let batches = scan(&snapshot, NodeScan::default());
    assert_eq!((batches.len(), batches[0].num_rows()), (1, 256));
    let pointer = |batch: &RecordBatch, name: &str| {
        let column = batch.column_by_name(name).expect("a column").to_data();
        match column.child_data() {
            [child] => child.buffers()[0].as_ptr(),
            _ => column.buffers()[0].as_ptr(),
        }
    };
    let fingerprints = chunk.fingerprints().rows().0.as_ptr().cast::<u8>();
    assert_eq!(pointer(&batches[0], "fingerprint"), fingerprints);
    for (name, at) in [
        ("id", chunk.id.values().as_ptr().cast::<u8>()),
        ("frequency", chunk.frequency.values().as_ptr().cast()),
        ("confidence", chunk.confidence.values().as_ptr().cast()),
        ("qualia", chunk.qualia.values().as_ptr().cast()),
        ("rung", chunk.rung.values().as_ptr().cast()),
        ("depth", chunk.depth.values().as_ptr().cast()),
        ("parent", chunk.parent.values().as_ptr().cast()),
        ("version", chunk.version.values().as_ptr().cast()),
        ("created", chunk.created.values().as_ptr().cast()),
        ("expires", chunk.expires.values().as_ptr().cast()),
    ] {
        assert_eq!(pointer(&batches[0], name), at, "{name}");
    }
    // Only the batch holds the memory now.
    drop((snapshot, chunk));
    let truth = Truth::new(0.25, 0.5).expect("a truth");
    let written = engine.commit::<_, EngineError>(&[0], |tx| {
        tx.set_truth(Address::new(address, 7), truth, None)
    });
    written.value.expect("a commit");
    let now = engine.snapshot(0);
    let live = now.state.chunk(address).expect("the chunk");
    let is_shared = |name| {
        let at: *const u8 = match name {
            "fingerprint" => live.fingerprints().rows().0.as_ptr().cast(),
            "frequency" => live.frequency.values().as_ptr().cast(),
            "version" => live.version.values().as_ptr().cast(),
            "rung" => live.rung.values().as_ptr().cast(),
            _ => live.id.values().as_ptr().cast(),
        };
        pointer(&batches[0], name) == at
    };
    let shared = ["fingerprint", "frequency", "version", "rung", "id"].map(is_shared);
    assert_eq!(
        shared,
        [true, false, false, true, true],
        "truth and version were written"
    );
    let frequency = batches[0].column(8).as_primitive::<Float32Type>();
    assert_eq!((frequency.value(7), *live.frequency.get(7)), (1.0, 0.25));
}

#[test]
fn memory_returns_when_the_batch_is_gone() {
    let engine = engine();
    fill(&engine, 0..=255);
    let batch = scan(&engine.snapshot(0), only(&[FINGERPRINT])).remove(0);
    let held = engine.state(0).0;
    let chunk = held.chunks().next().expect("a chunk").1;
    let before = chunk.fingerprints().rows().0.as_ptr();
    drop(held);
    let write = |n| {
        let written = engine.commit::<_, EngineError>(&[0], |tx| {
            let address = tx.find(b"7").expect("a node");
            tx.set_content(address, given(n))
        });
        written.value.expect("a commit");
        let state = engine.state(0).0;
        state
            .chunks()
            .next()
            .expect("a chunk")
            .1
            .fingerprints()
            .rows()
            .0
            .as_ptr()
    };
    let copied = write(1_000);
    assert_ne!(copied, before, "the batch still shows what was");
    let shown = batch.column(0).as_fixed_size_binary().values();
    assert_eq!(shown.as_ptr(), before.cast());
    drop(batch);
    assert_eq!(
        write(1_001),
        copied,
        "nobody else holds it: written in place"
    );
}

#[test]
fn long_runs_are_views_and_what_lies_between_is_gathered() {
    let engine = engine();
    fill(&engine, 0..=255);
    // Runs of 3, 96, 1, 2, 15 and 134.
    [3, 100, 102, 105, 121]
        .into_iter()
        .for_each(|n| remove(&engine, n));
    let snapshot = engine.snapshot(0);
    let batches = scan(&snapshot, NodeScan::default());
    let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [3, 96, 18, 134]);
    assert!(addresses(&batches).is_sorted());
    let (_, chunk) = snapshot.state.chunks().next().expect("a chunk");
    let start = chunk.fingerprints().rows().0.as_ptr() as usize;
    let is_view = |batch: &RecordBatch| {
        let shown = batch.column(FINGERPRINT).as_fixed_size_binary().values();
        (start..start + 256 * BYTES).contains(&(shown.as_ptr() as usize))
    };
    assert_eq!(
        batches.iter().map(is_view).collect::<Vec<_>>(),
        [false, true, false, true]
    );
    let without = scan(&snapshot, only(&[0, 1]));
    assert_eq!(without.len(), 1, "nobody asks for fingerprints");
    for batch in batches {
        let fingerprints = batch.column(FINGERPRINT).as_fixed_size_binary();
        let names = batch.column(3).as_string::<i32>();
        for row in 0..batch.num_rows() {
            let n = names.value(row).parse().expect("a number");
            assert_eq!(fingerprints.value(row), Fingerprint::random(n).to_bytes());
        }
    }
}

#[test]
fn what_is_pending_is_encoded_for_who_reads_it() {
    let engine = engine();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        for n in 0..40 {
            let content = match n % 20 {
                5 => Content::of_value(format!("words {n}").into_bytes().into()),
                _ => given(n),
            };
            tx.create(Draft {
                content,
                ..Draft::default()
            })?;
        }
        Ok(())
    });
    made.value.expect("a commit");
    let glance = engine.glance(0);
    assert!(!glance.is_encoded());
    let lazily = scan(&glance, NodeScan::default());
    assert!(!engine.glance(0).is_encoded(), "a glance installs nothing");
    let snapshot = engine.encoded(0, &glance);
    assert!(snapshot.is_encoded() && engine.glance(0).is_encoded());
    let column = |batches: &[RecordBatch]| {
        let rows = batches.iter().flat_map(|batch| {
            let column = batch.column(FINGERPRINT).as_fixed_size_binary();
            (0..column.len())
                .map(|row| column.value(row).to_vec())
                .collect::<Vec<_>>()
        });
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        column(&lazily),
        column(&scan(&snapshot, NodeScan::default()))
    );
    // Somebody writes before the glance is encoded: it is encoded for itself.
    let outdated = {
        fill(&engine, 100..=100);
        let made = engine.commit::<_, EngineError>(&[0], |tx| {
            let content = Content::of_value(b"more words".as_slice().into());
            tx.create(Draft {
                content,
                ..Draft::default()
            })
        });
        made.value.expect("a commit");
        let glance = engine.glance(0);
        fill(&engine, 101..=101);
        engine.encoded(0, &glance)
    };
    assert!(outdated.is_encoded());
    assert_eq!(column(&scan(&outdated, NodeScan::default())).len(), 42);
}

#[test]
fn limits_projections_addresses_and_filters_are_kept() {
    let engine = engine();
    fill(&engine, 0..=999);
    let snapshot = engine.glance(0);
    let limited = NodeScan {
        limit: Some(300),
        ..only(&[0, 1])
    };
    let batches = scan(&snapshot, limited);
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        300
    );
    assert_eq!(batches[0].num_columns(), 2);
    let none = scan(&snapshot, only(&[]));
    assert_eq!(none.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
    let at = |name: &str| snapshot.state.find(name.as_bytes()).expect("a node");
    let wanted = vec![at("700"), at("3"), at("3"), Address(0x1000)];
    let chosen = scan(
        &snapshot,
        NodeScan {
            addresses: Some(wanted),
            ..only(&[0, 1])
        },
    );
    let mut expected = vec![at("3").0, at("700").0];
    expected.sort_unstable();
    assert_eq!(addresses(&chosen), expected);
    let begins = Filter {
        name_prefix: Some(b"99".as_slice().into()),
        ..Filter::default()
    };
    let begin = scan(
        &snapshot,
        NodeScan {
            filter: begins,
            ..only(&[0, 1])
        },
    );
    assert_eq!(addresses(&begin).len(), 11, "99 and 990 to 999");
    let fluid = Filter {
        zone: Some(Zone::Fluid),
        ..Filter::default()
    };
    assert!(
        scan(
            &snapshot,
            NodeScan {
                filter: fluid,
                ..only(&[0, 1])
            }
        )
        .is_empty()
    );
    let prefix = at("0").prefix();
    let one = scan(
        &snapshot,
        NodeScan {
            prefixes: prefix..=prefix,
            ..only(&[0, 1])
        },
    );
    assert_eq!(addresses(&one).len(), 256);
}

#[test]
fn a_batch_ends_before_its_values_do_not_fit() {
    let engine = engine();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        for n in 0..5u8 {
            let content = Content::of_value(vec![n; 25 << 20].into());
            tx.create(Draft {
                content,
                ..Draft::default()
            })?;
        }
        Ok(())
    });
    made.value.expect("a commit");
    let rows = |places: &[usize]| -> Vec<usize> {
        let batches = scan(&engine.glance(0), only(places));
        batches.iter().map(RecordBatch::num_rows).collect()
    };
    assert_eq!(rows(&[5]), [2, 2, 1]);
    assert_eq!(rows(&[0]), [5]);
}

#[test]
fn reified_edges_are_rows_only_when_asked_for_and_edges_have_their_table() {
    let engine = engine();
    fill(&engine, 0..=3);
    let linked = engine.commit::<_, EngineError>(&[0], |tx| {
        let at = |n: &str| tx.find(n.as_bytes()).expect("a node");
        let (a, b, c) = (at("0"), at("1"), at("2"));
        let causes = tx.define_verb("CAUSES")?;
        let relates = tx.define_verb("RELATES")?;
        let properties = [(Arc::from(b"since".as_slice()), FieldValue::Integer(2020))];
        let draft = EdgeDraft {
            weight: 0.5,
            reified: true,
            properties: Some(Arc::new(properties.into_iter().collect())),
            ..EdgeDraft::default()
        };
        let first = tx.link(a, causes, b, draft)?;
        tx.link(a, relates, c, EdgeDraft::default())?;
        tx.link(c, causes, b, EdgeDraft::default())?;
        Ok((first, a, b, causes))
    });
    let (first, a, b, causes) = linked.value.expect("a commit");
    let snapshot = engine.snapshot(0);
    assert_eq!(addresses(&scan(&snapshot, NodeScan::default())).len(), 4);
    let edges = Filter {
        include_edges: true,
        zone: Some(Zone::Fluid),
        ..Filter::default()
    };
    let reified = scan(
        &snapshot,
        NodeScan {
            filter: edges,
            ..NodeScan::default()
        },
    );
    assert_eq!(addresses(&reified), [first.address.expect("an address").0]);
    assert_eq!(
        reified[0].column(0).as_primitive::<UInt64Type>().value(0),
        first.id
    );
    assert_eq!(
        reified[0].column(12).as_primitive::<UInt8Type>().value(0),
        0
    );
    assert!(reified[0].column(3).is_null(0) && reified[0].column(14).is_null(0));
    let ids = |scan: EdgeScan| {
        let batches = edge_batches(Arc::new(snapshot.clone()), scan).map(|b| b.expect("a batch"));
        let ids = batches.map(|b| b.column(0).as_primitive::<UInt64Type>().values().to_vec());
        ids.collect::<Vec<_>>().concat()
    };
    let all = ids(EdgeScan::default());
    assert_eq!(all.len(), 3);
    assert_eq!(
        ids(EdgeScan {
            source: Some(a),
            ..EdgeScan::default()
        })
        .len(),
        2
    );
    assert_eq!(
        ids(EdgeScan {
            target: Some(b),
            ..EdgeScan::default()
        })
        .len(),
        2
    );
    let both = EdgeScan {
        source: Some(a),
        target: Some(b),
        ..EdgeScan::default()
    };
    assert_eq!(ids(both), [first.id]);
    assert_eq!(
        ids(EdgeScan {
            verb: Some(causes),
            ..EdgeScan::default()
        })
        .len(),
        2
    );
    assert_eq!(
        ids(EdgeScan {
            ids: Some(vec![first.id, 999, first.id]),
            ..EdgeScan::default()
        }),
        [first.id]
    );
    assert_eq!(
        ids(EdgeScan {
            limit: Some(1),
            ..EdgeScan::default()
        }),
        all[..1]
    );
    let batch = edge_batches(
        Arc::new(snapshot.clone()),
        EdgeScan {
            ids: Some(vec![first.id]),
            ..EdgeScan::default()
        },
    );
    let batch = batch
        .map(|batch| batch.expect("a batch"))
        .next()
        .expect("a row");
    let text = |place: usize| batch.column(place).as_string::<i32>().value(0);
    assert_eq!((text(2), text(10)), ("CAUSES", r#"{"since":2020}"#));
}

proptest! {
    /// Whatever slots are taken, the rows are the nodes, in order, once each, whole.
    #[test]
    fn a_scan_shows_what_is_there(holes in prop::collection::btree_set(0u64..600, 0..300)) {
        let engine = engine();
        fill(&engine, 0..=599);
        holes.iter().for_each(|n| remove(&engine, *n));
        let snapshot = engine.snapshot(0);
        let batches = scan(&snapshot, NodeScan::default());
        let there: Vec<u16> = snapshot.view().nodes().map(|node| node.address().0).collect();
        prop_assert_eq!(addresses(&batches), there);
        for batch in batches {
            let fingerprints = batch.column(FINGERPRINT).as_fixed_size_binary();
            let names = batch.column(3).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let n = names.value(row).parse().expect("a number");
                prop_assert_eq!(fingerprints.value(row), Fingerprint::random(n).to_bytes());
            }
        }
    }
}
