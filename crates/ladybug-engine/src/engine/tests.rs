//! Promises of the engine that need no crash: commits, rollback, reopening.

pub mod checkpoint;
mod events;
mod merges;
mod sharing;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::commit::event::NodeEventKind;
use crate::commit::transaction::{Draft, EdgeDraft};
use crate::error::EngineError;
use crate::space::address::{Address, Zone};
use crate::space::fields::{FieldValue, LIST_DEPTH_MAX};
use crate::space::image::{SpaceImage, check_invariants};
use crate::space::mutation::Content;
use crate::storage::DiskStorage;

/// A clock that stands still until it is told to go on.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Fixture {
    directory: tempfile::TempDir,
    clock: Arc<TestClock>,
}

impl Fixture {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            clock: Arc::new(TestClock(AtomicI64::new(1_000_000))),
        }
    }

    fn open_with(&self, options: EngineOptions) -> Engine {
        let storage = DiskStorage::new(self.directory.path()).expect("storage");
        let clock = Arc::clone(&self.clock);
        Engine::open(Arc::new(storage), clock, options).expect("an engine")
    }

    fn open(&self) -> Engine {
        self.open_with(EngineOptions::default())
    }
}

fn draft(name: &str, value: &str) -> Draft {
    Draft {
        name: Some(name.as_bytes().into()),
        content: Content::of_value(value.as_bytes().into()),
        ..Draft::default()
    }
}

fn image(engine: &Engine, space: SpaceId) -> SpaceImage {
    let state = engine.state(space).0;
    check_invariants(&state).expect("a sound state");
    SpaceImage::of(&state)
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let what_if = engine.space("what-if").expect("a named space");
    let outcome = engine.commit::<_, EngineError>(&[0, what_if], |tx| {
        let a = tx.create(draft("a", "one"))?;
        let b = tx.create(draft("b", "two"))?;
        tx.link(
            a,
            0,
            b,
            EdgeDraft {
                reified: true,
                ..EdgeDraft::default()
            },
        )?;
        tx.define_verb("DEPENDS_ON")?;
        tx.set_parent(b, Some(a))?;
        assert!(tx.select(what_if));
        tx.create(draft("a", "elsewhere"))
    });
    let address = outcome.value.expect("a commit");
    assert_eq!(address.zone(), Zone::Node);
    engine.log().wait(outcome.position).expect("durable");
    let before = (image(&engine, 0), image(&engine, what_if));
    assert_eq!(
        (before.0.version, before.0.nodes.len(), before.0.edges.len()),
        (1, 2, 1)
    );
    drop(engine);

    let engine = fixture.open();
    assert_eq!(engine.space("what-if").expect("known"), what_if);
    assert_eq!((image(&engine, 0), image(&engine, what_if)), before);
    let ids = engine.commit::<_, EngineError>(&[0], |tx| {
        let at = tx.create(draft("c", "three"))?;
        Ok(tx.view().node(at).expect("just made").id())
    });
    let id = ids.value.expect("a commit");
    assert!(
        before.0.nodes.iter().all(|node| node.node.id < id),
        "ids never repeat"
    );
}

#[test]
fn a_commit_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let made = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft("a", "one")));
    made.value.expect("a commit");
    let before = image(&engine, 0);
    let failed = engine.commit::<(), EngineError>(&[0, 3], |tx| {
        let a = tx.find(b"a").expect("there");
        let b = tx.create(draft("b", "two"))?;
        tx.link(a, 1, b, EdgeDraft::default())?;
        tx.set_expiry(a, Some(5_000_000))?;
        tx.select(3);
        tx.create(draft("x", "y"))?;
        Err(EngineError::Cycle)
    });
    assert_eq!(failed.value, Err(EngineError::Cycle));
    assert_eq!(image(&engine, 0), before);
    assert_eq!(image(&engine, 3).nodes, []);
    let position = engine.log().appended();
    let idle = engine.commit::<(), EngineError>(&[0], |_| Ok(()));
    assert_eq!(
        engine.log().appended(),
        position,
        "a commit that changes nothing is not logged"
    );
    assert_eq!(idle.position, position);
}

#[test]
fn what_expires_is_invisible_at_once_and_removed_later() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        let mut brief = draft("brief", "soon gone");
        brief.expires = Some(2_000_000);
        tx.create(brief)
    });
    assert_eq!(made.value.expect("a commit").zone(), Zone::Fluid);
    let there = |engine: &Engine| engine.read(0, |view| view.find(b"brief").is_some()).value;
    assert!(there(&engine));
    fixture.clock.0.store(2_000_000, Ordering::Relaxed);
    assert!(!there(&engine));
    assert_eq!(engine.read(0, |view| view.names_len()).value, 0);
    let (gone, more) = engine.remove_expired(0).expect("a commit");
    assert_eq!(
        (gone.len(), &*gone[0].name, more),
        (1, &b"brief"[..], false)
    );
    assert_eq!(image(&engine, 0).nodes, []);
}

#[test]
fn a_full_zone_refuses_or_evicts_the_coldest() {
    let full = |engine: &Engine| {
        let filled = engine.commit::<_, EngineError>(&[0], |tx| {
            for n in 0..Zone::Fluid.capacity() {
                let mut node = draft(&format!("n{n}"), "");
                node.expires = Some(i64::MAX - 1);
                tx.create(node)?;
            }
            Ok(())
        });
        filled.value.expect("room for a full zone");
        let mut more = draft("more", "");
        more.expires = Some(i64::MAX - 1);
        engine.commit::<_, EngineError>(&[0], |tx| tx.create(more))
    };
    let fixture = Fixture::new();
    let refused = full(&fixture.open()).value.expect_err("a full zone");
    assert_eq!(
        refused.to_string(),
        "fluid zone of space 0 holds 28672 of 28672 nodes; DEL some, SELECT another space, or see --eviction"
    );
    let fixture = Fixture::new();
    let engine = fixture.open_with(EngineOptions {
        eviction: Eviction::Coldest,
        ..EngineOptions::default()
    });
    let evicted = full(&engine);
    evicted.value.expect("room was made");
    assert_eq!(evicted.events.len(), 1);
    assert_eq!(evicted.events[0].kind, NodeEventKind::Evicted);
}

#[test]
fn a_snapshot_has_every_fingerprint_and_does_not_change() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        let a = tx.create(draft("a", "a web server"))?;
        let b = tx.create(draft("b", "a mail server"))?;
        let edge = tx.link(
            a,
            0,
            b,
            EdgeDraft {
                reified: true,
                ..EdgeDraft::default()
            },
        )?;
        Ok((a, b, edge.address.expect("reified")))
    });
    let (a, b, edge) = made.value.expect("a commit");
    let first = engine.snapshot(0);
    let value = first.fingerprint(a).expect("encoded").clone();
    assert_eq!(value, crate::fingerprint::encode::text("a web server"));
    let bound = first.fingerprint(edge).expect("encoded").clone();
    let verb = crate::space::derive::verb(&first.state, 0);
    let target = first.fingerprint(b).expect("encoded").clone();
    assert_eq!(
        bound.bind(&value).bind(&verb.permute(1)).unpermute(2),
        target
    );

    let changed = engine.commit::<_, EngineError>(&[0], |tx| {
        tx.set_content(b, Content::of_value(b"something else"[..].into()))
    });
    changed.value.expect("a commit");
    let second = engine.snapshot(0);
    assert_eq!(first.fingerprint(edge), Some(&bound));
    assert_ne!(
        second.fingerprint(edge),
        Some(&bound),
        "an edge's fingerprint follows its ends"
    );
    let installed = engine.state(0).0;
    assert!(
        installed
            .chunks()
            .all(|(_, chunk)| chunk.pending.is_empty()),
        "encoded once"
    );
    assert_eq!(
        second.fingerprint(b),
        installed.node(b).and_then(|node| node.fingerprint())
    );
}

#[test]
fn making_room_spares_what_the_room_is_for() {
    let fixture = Fixture::new();
    let engine = fixture.open_with(EngineOptions {
        eviction: Eviction::Coldest,
        ..EngineOptions::default()
    });
    let brief = |name: &str| Draft {
        expires: Some(i64::MAX - 1),
        ..draft(name, "")
    };
    let filled = engine.commit::<_, EngineError>(&[0], |tx| {
        // The first is the coldest by address.
        for n in 0..Zone::Fluid.capacity() {
            tx.create(brief(&format!("n{n}")))?;
        }
        Ok(())
    });
    filled.value.expect("room for a full zone");
    let parent = Address(0x1000);
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        let reified = EdgeDraft {
            reified: true,
            ..EdgeDraft::default()
        };
        tx.link(parent, 0, parent, reified)?;
        tx.create(Draft {
            parent: Some(parent),
            ..brief("child")
        })
    });
    let child = made.value.expect("room was made");
    assert_eq!(made.events.len(), 2);
    let state = engine.state(0).0;
    check_invariants(&state).expect("a sound state");
    let node = |at| state.node(at).expect("a node");
    assert_eq!(node(child).parent(), Some(node(parent).id()));
}

#[test]
fn what_the_log_could_not_be_read_back_with_is_refused() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let nested = |depth: usize| {
        (0..depth).fold(FieldValue::Integer(1), |inner, _| {
            FieldValue::List([inner].into())
        })
    };
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        let at = tx.create(draft("a", ""))?;
        let too_deep = tx.set_field(at, b"f", Some(nested(LIST_DEPTH_MAX + 1)));
        assert_eq!(too_deep, Err(EngineError::ListTooDeep));
        tx.set_field(at, b"f", Some(nested(LIST_DEPTH_MAX)))?;
        // The end of time is no time.
        assert_eq!(tx.set_expiry(at, Some(i64::MAX)), Ok(at));
        Ok(())
    });
    engine.log().wait(made.position).expect("durable");
    let before = image(&engine, 0);
    drop(engine);
    assert_eq!(image(&fixture.open(), 0), before);
}
