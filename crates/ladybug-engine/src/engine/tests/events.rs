//! What is reported of a commit is what the states before and after it differ by.

use std::collections::{BTreeMap, BTreeSet};

use super::checkpoint::{Random, random_changes};
use super::*;
use crate::commit::event::{NodeEvent, NodeEventKind as Kind};
use crate::space::fields::Fields;
use crate::space::state::View;

/// A named node: its name, value, fields and expiry.
type Named = (
    Arc<[u8]>,
    Option<Arc<[u8]>>,
    Option<Arc<Fields>>,
    Option<i64>,
);

fn named(state: &State) -> BTreeMap<u64, Named> {
    let nodes = View::of(state, i64::MIN).nodes();
    let named = nodes.filter_map(|node| {
        let name = node.name()?.clone();
        let told = (
            name,
            node.value().cloned(),
            node.fields().cloned(),
            node.expires(),
        );
        Some((node.id(), told))
    });
    named.collect()
}

#[test]
fn whatever_differs_by_name_is_reported_and_nothing_that_did_not_happen() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let fixture = Fixture::new();
        let engine = fixture.open_with(EngineOptions {
            fsync: FsyncPolicy::Never,
            ..EngineOptions::default()
        });
        let mut random = Random(seed);
        for round in 0..25 {
            let before = named(&engine.state(0).0);
            let made = engine.commit(&[0], |tx| {
                random_changes(tx, &mut random)?;
                tx.report();
                Ok::<_, EngineError>(())
            });
            made.value.expect("a commit");
            let after = named(&engine.state(0).0);
            let told: BTreeSet<(Vec<u8>, String)> = made
                .events
                .iter()
                .map(|event| (event.name.to_vec(), format!("{:?}", event.kind)))
                .collect();
            assert_eq!(told.len(), made.events.len(), "each thing once");
            let is_told = |name: &[u8], kinds: &[Kind]| {
                kinds
                    .iter()
                    .any(|kind| told.contains(&(name.to_vec(), format!("{kind:?}"))))
            };
            let expect = |name: &[u8], kinds: &[Kind]| {
                assert!(
                    is_told(name, kinds),
                    "seed {seed}, round {round}: {} was to be told as {kinds:?}, got {told:?}",
                    name.escape_ascii(),
                );
            };
            for (id, (name, value, fields, expires)) in &after {
                let Some((old, old_value, old_fields, old_expires)) = before.get(id) else {
                    // A node that was there without a name has only taken one.
                    expect(name, &[Kind::Created, Kind::RenamedTo]);
                    continue;
                };
                if old != name {
                    expect(old, &[Kind::RenamedFrom]);
                    expect(name, &[Kind::RenamedTo]);
                }
                if value != old_value {
                    assert!(is_told(name, &[Kind::ValueSet]) || is_told(old, &[Kind::ValueSet]));
                }
                if fields != old_fields {
                    let kinds = [Kind::FieldsSet, Kind::FieldsRemoved];
                    assert!(is_told(name, &kinds) || is_told(old, &kinds));
                }
                if expires != old_expires {
                    let kinds = [Kind::ExpirySet, Kind::ExpiryCleared];
                    assert!(is_told(name, &kinds) || is_told(old, &kinds));
                }
            }
            for (id, (name, ..)) in &before {
                if !after.contains_key(id) {
                    expect(name, &[Kind::Removed, Kind::RenamedFrom]);
                }
            }
            if before == after {
                // What came and went within the commit, or was written as it was.
                let lasting = |event: &&NodeEvent| event.kind == Kind::RenamedTo;
                assert!(!made.events.iter().any(|event| lasting(&event) && {
                    !before.values().any(|(name, ..)| *name == event.name)
                }));
            }
            seen.extend(made.events.iter().map(|event| format!("{:?}", event.kind)));
        }
    }
    let all = [
        "Created",
        "Removed",
        "ValueSet",
        "FieldsSet",
        "FieldsRemoved",
        "ExpirySet",
        "ExpiryCleared",
        "RenamedFrom",
        "RenamedTo",
    ];
    assert_eq!(
        seen.into_iter().collect::<BTreeSet<_>>(),
        all.map(str::to_owned).into()
    );
}

#[test]
fn a_merge_tells_what_it_changes_and_in_which_order() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        tx.create(draft("stays", "one"))?;
        tx.create(draft("goes", "one"))
    });
    assert!(made.events.is_empty(), "nobody asked for a report");
    let id = engine
        .begin(0, TransactionOptions::default())
        .expect("one more");
    let changed = engine.in_transaction(id, |open| {
        engine.change_branch(open.branch(), |tx| {
            let content = Content {
                value: Some(b"two"[..].into()),
                ..Content::default()
            };
            tx.set_content(tx.find(b"stays").expect("it is there"), content)?;
            tx.remove(tx.find(b"goes").expect("it is there"))?;
            tx.create(draft("comes", "one")).map(drop)
        })
    });
    changed
        .map_err(|error: EngineError| error)
        .expect("changes");
    let outcome = engine.commit_transaction(id);
    outcome.value.expect("no conflict");
    let told: BTreeSet<_> = outcome
        .events
        .iter()
        .map(|event| {
            (
                String::from_utf8_lossy(&event.name).into_owned(),
                format!("{:?}", event.kind),
            )
        })
        .collect();
    let expected = [
        ("comes", "Created"),
        ("comes", "ValueSet"),
        ("goes", "Removed"),
        ("stays", "ValueSet"),
    ];
    assert_eq!(
        told,
        expected
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .into()
    );
    let at = |kind| {
        outcome
            .events
            .iter()
            .position(|event| event.kind == kind && *event.name == *b"comes")
    };
    assert!(at(Kind::Created) < at(Kind::ValueSet));
}
