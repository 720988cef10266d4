//! Promises of checkpoints: what is written is what is opened, whatever happens on the way.

use std::path::Path;

use super::*;
use crate::commit::checkpoint::{
    DIRECTORY, EDGES_FILE, LoadError, MANIFEST_FILE, NODES_FILE, list, load,
};
use crate::fingerprint::Fingerprint;
use crate::space::address::Address;
use crate::space::fields::{FieldValue, Fields};
use crate::space::marks::{Qualia, Truth};
use crate::space::mutation::Bits;
use crate::space::temporal::{Date, Temporal};
use crate::space::words::{CONCEPT_PREFIX, PROGRAM_PREFIX, Word};
use crate::storage::SimulatedStorage;

/// Pseudo-random numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A node with something of everything.
fn random_draft(random: &mut Random, n: u64) -> Draft {
    let mut name = format!("node:{n}").into_bytes();
    if random.chance(20) {
        name.push(0xFF);
    }
    let mut content = Content::default();
    if random.chance(60) {
        content.value = Some(format!("a value of {n}").into_bytes().into());
    }
    if random.chance(40) {
        let list = [FieldValue::Integer(7), FieldValue::Bytes([0xFE][..].into())];
        let fields = [
            (&b"text"[..], FieldValue::Bytes(b"words"[..].into())),
            (b"n", FieldValue::Integer(-(n as i64))),
            (b"x", FieldValue::Float(n as f64 / 3.0)),
            (b"b", FieldValue::Boolean(true)),
            (b"l", FieldValue::List(list.into())),
            (
                b"t",
                FieldValue::Temporal(Temporal::Date(Date((n % 100_000) as i64)).into()),
            ),
        ];
        let fields: Fields = fields.into_iter().map(|(k, v)| (k.into(), v)).collect();
        content.fields = Some(Arc::new(fields));
    }
    if random.chance(30) {
        content.fingerprint = Bits::Given(Box::new(Fingerprint::random(n)));
    }
    Draft {
        name: random.chance(80).then(|| name.into()),
        content,
        kinds: random
            .chance(50)
            .then(|| ["Package".into(), "Thing".into()].into()),
        truth: Truth::new(0.25, 0.5).expect("a truth"),
        qualia: Qualia::new([0.5, -0.5, 0.0, 1.0, 0.0, 0.25, 0.0, 0.125]).expect("qualia"),
        rung: random.below(10) as u8,
        expires: random.chance(20).then_some(i64::MAX - 1 - n as i64),
        promotion: random.below(3) as u32,
        parent: None,
    }
}

/// One random commit to one space.
pub fn random_commit(engine: &Engine, space: SpaceId, random: &mut Random) -> Outcome<()> {
    let outcome = engine.commit(&[space], |tx| random_changes(tx, random));
    Outcome {
        value: outcome.value.expect("a commit"),
        position: outcome.position,
        events: Vec::new(),
    }
}

/// Some random changes to the current space.
pub fn random_changes(tx: &mut Transaction<'_>, random: &mut Random) -> Result<(), EngineError> {
    for _ in 0..=random.below(4) {
        let nodes: Vec<Address> = tx.view().nodes().map(|node| node.address()).collect();
        let pick = |random: &mut Random| match nodes.len() as u64 {
            0 => None,
            count => Some(nodes[random.below(count) as usize]),
        };
        let (one, other) = (pick(random), pick(random));
        match (random.below(18), one, other) {
            (0..=3, parent, _) => {
                let n = random.below(1 << 40);
                let mut draft = random_draft(random, n);
                draft.parent = parent.filter(|_| random.chance(50));
                tx.create(draft)?;
            }
            (4, Some(a), _) => {
                tx.set_content(a, random_draft(random, 5).content)?;
            }
            (5 | 6, Some(a), Some(b)) => {
                let verb = match random.chance(30) {
                    true => tx.define_verb("DEPENDS_ON")?,
                    false => random.below(10) as u8,
                };
                let fields = random_draft(random, 9).content.fields;
                let draft = EdgeDraft {
                    weight: 0.5,
                    reified: random.chance(40),
                    properties: fields,
                    ..EdgeDraft::default()
                };
                tx.link(a, verb, b, draft)?;
            }
            (7, Some(a), _) => {
                let evidence = Some([1, 2, 3][..].into());
                tx.set_truth(a, Truth::DEFAULT, evidence)?;
            }
            (8, Some(a), Some(b)) => match tx.set_parent(a, Some(b)) {
                Ok(()) | Err(EngineError::Cycle) => {}
                Err(error) => return Err(error),
            },
            (9, Some(a), _) => tx.remove(a)?,
            (10, Some(a), _) => {
                let kind = format!("Kind{}", random.below(3));
                tx.set_kinds(a, vec![kind.as_str().into()])?;
            }
            (11, Some(a), _) => tx.set_rung(a, random.below(10) as u8)?,
            (12, Some(a), _) => {
                let arousal = random.below(5) as f32 / 4.0;
                let qualia = [arousal, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
                tx.set_qualia(a, Qualia::new(qualia).expect("qualia"))?;
            }
            (13, Some(a), _) => tx.set_promotion(a, random.below(9) as u32)?,
            (14, Some(a), _) => {
                let expires = random.chance(50).then_some(i64::MAX - 1);
                tx.set_expiry(a, expires)?;
            }
            (15, Some(a), _) => {
                let name = format!("name:{}", random.below(1 << 40)).into_bytes();
                tx.rename(a, random.chance(80).then(|| name.into()))?;
            }
            (16 | 17, ..) => {
                let prefix = [CONCEPT_PREFIX, PROGRAM_PREFIX][random.below(2) as usize];
                let name = format!("W{}", random.below(6));
                let words = tx.view().state.words();
                let there = words.find(prefix, &name);
                let at = there.or_else(|| words.free(prefix)).expect("a slot");
                let word = there.is_none().then(|| Word {
                    name: name.into(),
                    text: format!("of {}", random.below(3)).into(),
                });
                tx.define_word(at, word)?;
            }
            _ => {}
        }
    }
    Ok(())
}

pub fn images(engine: &Engine) -> Vec<(SpaceId, SpaceImage)> {
    let spaces = engine.spaces().into_iter();
    let written = spaces.map(|space| (space, image(engine, space)));
    written.filter(|(_, image)| image.version > 0).collect()
}

pub fn open_simulated(disk: &SimulatedStorage) -> Engine {
    let clock = Arc::new(TestClock(AtomicI64::new(1_000_000)));
    Engine::open(Arc::new(disk.clone()), clock, EngineOptions::default()).expect("an engine")
}

#[test]
fn a_checkpoint_opens_as_what_was_written() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let fixture = Fixture::new();
        let mut engine = fixture.open();
        engine.space("what-if").expect("a named space");
        engine.space("unwritten").expect("a named space");
        for round in 0..6 {
            for _ in 0..random.below(40) {
                let space = [0, 3, 1024][random.below(3) as usize];
                random_commit(&engine, space, &mut random);
            }
            if random.chance(60) {
                engine.checkpoint().expect("a checkpoint");
            }
            let before = images(&engine);
            match random.chance(50) {
                true => engine.close().expect("a good end"),
                false => engine.log().sync().expect("a sync"),
            }
            drop(engine);
            engine = fixture.open();
            assert!(images(&engine) == before, "seed {seed}, round {round}");
            let named = ["what-if", "unwritten"].map(|name| engine.space(name).expect("known"));
            assert_eq!(named, [1024, 1025]);
        }
    }
}

#[test]
fn what_is_opened_lies_in_the_file_until_it_is_written() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let made = engine.commit::<_, EngineError>(&[0], |tx| {
        let a = tx.create(draft("a", "a web server"))?;
        let b = tx.create(draft("b", "a mail server"))?;
        tx.link(
            a,
            0,
            b,
            EdgeDraft {
                reified: true,
                ..EdgeDraft::default()
            },
        )
    });
    let edge = made.value.expect("a commit").address.expect("reified");
    engine.close().expect("a good end");
    let (before, position) = (images(&engine), engine.checkpoint_position());
    let snapshot = engine.snapshot(0);
    drop(engine);

    let file = fixture
        .directory
        .path()
        .join(DIRECTORY)
        .join(format!("{position:020}"));
    let bytes = std::fs::read(file.join(NODES_FILE)).expect("the nodes");
    let engine = fixture.open();
    let state = engine.state(0).0;
    for (prefix, chunk) in state.chunks() {
        assert!(chunk.fingerprints().is_mapped(), "{prefix:02X}");
        assert!(
            chunk.pending.is_empty(),
            "nothing is pending in a checkpoint"
        );
    }
    let node = state.node(edge).expect("a reified edge");
    assert_eq!(node.fingerprint(), snapshot.fingerprint(edge));
    let changed = engine.commit::<_, EngineError>(&[0], |tx| {
        let a = tx.find(b"a").expect("there");
        tx.set_content(a, Content::of_value(b"something else"[..].into()))
    });
    changed.value.expect("a commit");
    engine.snapshot(0);
    let now = engine.state(0).0;
    check_invariants(&now).expect("a sound state");
    let moved = now
        .chunks()
        .filter(|(_, chunk)| !chunk.fingerprints().is_mapped());
    assert_eq!(
        moved.count(),
        2,
        "the node's chunk and that of its edge were copied"
    );
    assert_eq!(
        SpaceImage::of(&state),
        before[0].1,
        "who reads the file sees no change"
    );
    assert_eq!(
        std::fs::read(file.join(NODES_FILE)).expect("the nodes"),
        bytes
    );
}

#[test]
fn two_checkpoints_are_kept_and_the_log_since_the_older() {
    let disk = SimulatedStorage::new(1);
    let engine = open_simulated(&disk);
    let mut random = Random(1);
    for _ in 0..4 {
        random_commit(&engine, 0, &mut random);
        let first = engine.checkpoint().expect("a checkpoint");
        let again = engine.checkpoint().expect("a checkpoint");
        assert_eq!(
            first.position, again.position,
            "nothing new, nothing written"
        );
        assert_eq!(engine.bytes_since_checkpoint(), 0);
    }
    let listing = list(&disk).expect("a listing");
    assert_eq!(listing.positions.len(), CHECKPOINTS_KEPT);
    assert!(listing.rubbish.is_empty() && listing.set_aside.is_empty());
    random_commit(&engine, 0, &mut random);
    engine.log().sync().expect("a sync");
    assert!(engine.bytes_since_checkpoint() > 0 && !engine.checkpoint_due());
}

#[test]
fn ids_and_versions_do_not_repeat_when_the_log_is_short() {
    let disk = SimulatedStorage::new(1);
    let engine = open_simulated(&disk);
    let make = |engine: &Engine, name: &str| {
        let made = engine.commit::<_, EngineError>(&[0], |tx| {
            let at = tx.create(draft(name, ""))?;
            Ok(tx.view().node(at).expect("just made").id())
        });
        made.value.expect("a commit")
    };
    let first = make(&engine, "a");
    let removed = engine.commit::<_, EngineError>(&[0], |tx| {
        let a = tx.find(b"a").expect("there");
        tx.remove(a)
    });
    removed.value.expect("a commit");
    engine.close().expect("a good end");
    let (version, epoch) = (image(&engine, 0).version, engine.log().epoch());
    drop(engine);
    // Even without the log, what the checkpoint knows is enough.
    disk.remove_directory(Path::new("log")).expect("removed");
    let engine = open_simulated(&disk);
    assert!(engine.log().epoch() > epoch);
    assert!(make(&engine, "b") > first);
    assert_eq!(image(&engine, 0).version, version + 1);
}

#[test]
fn a_flipped_bit_anywhere_in_a_checkpoint_is_found() {
    let disk = SimulatedStorage::new(7);
    let engine = open_simulated(&disk);
    let mut random = Random(7);
    for _ in 0..30 {
        random_commit(&engine, 0, &mut random);
    }
    engine.close().expect("a good end");
    let (before, position) = (images(&engine), engine.checkpoint_position());
    drop(engine);
    let directory = Path::new(DIRECTORY).join(format!("{position:020}"));
    for entry in disk.list(&directory).expect("files") {
        let path = directory.join(&entry.name);
        let length = disk.read(&path).expect("bytes").len() as u64;
        let step = (length / 150).max(1);
        for offset in (0..length).step_by(step as usize) {
            let (offset, bit) = (
                offset + random.below(step.min(length - offset)),
                random.below(8) as u8,
            );
            disk.flip_bit(&path, offset, bit).expect("a flip");
            let found = load(&disk, position, 0, false);
            assert!(
                matches!(
                    found,
                    Err(LoadError::Damaged { .. } | LoadError::Newer { .. })
                ),
                "{} at {offset}.{bit}",
                entry.name
            );
            // What parity can rebuild is the same to the last bit.
            if let Ok(loaded) = load(&disk, position, 0, true) {
                assert_eq!(entry.name, NODES_FILE);
                assert_eq!(loaded.rebuilt.len(), 1);
                let image = SpaceImage::of(&loaded.contents.spaces[0].state);
                assert_eq!(image, before[0].1);
                check_invariants(&loaded.contents.spaces[0].state).expect("a sound state");
            }
            disk.flip_bit(&path, offset, bit).expect("a flip back");
        }
    }
    assert!(images(&open_simulated(&disk)) == before);
}

#[test]
fn a_crash_at_any_step_of_a_checkpoint_loses_nothing() {
    let prepared = |crash: Option<u64>| {
        let disk = SimulatedStorage::new(crash.unwrap_or(0));
        let engine = open_simulated(&disk);
        let mut random = Random(3);
        for _ in 0..3 {
            for _ in 0..5 {
                random_commit(&engine, 0, &mut random);
            }
            engine.checkpoint().expect("a checkpoint");
        }
        for _ in 0..5 {
            random_commit(&engine, 0, &mut random);
        }
        engine.log().sync().expect("a sync");
        let (before, start) = (images(&engine), disk.operations());
        if let Some(crash) = crash {
            disk.crash_after(crash);
        }
        let result = engine.checkpoint();
        drop(engine);
        (disk, before, start, result)
    };
    let (disk, _, start, result) = prepared(None);
    result.expect("a checkpoint");
    let steps = disk.operations() - start;
    assert!(steps > 15, "{steps}");
    for crash in 0..steps {
        let (disk, before, _, _) = prepared(Some(crash));
        disk.restart();
        let engine = open_simulated(&disk);
        assert!(images(&engine) == before, "crash after {crash} of {steps}");
        let listing = list(&disk).expect("a listing");
        assert!(listing.rubbish.is_empty(), "{listing:?}");
        engine.checkpoint().expect("a checkpoint");
        assert_eq!(
            list(&disk).expect("a listing").positions.len(),
            CHECKPOINTS_KEPT
        );
        drop(engine);
        assert!(images(&open_simulated(&disk)) == before);
    }
}

#[test]
fn a_damaged_checkpoint_is_passed_over_only_if_nothing_is_lost() {
    let disk = SimulatedStorage::new(5);
    let engine = open_simulated(&disk);
    let mut random = Random(5);
    for _ in 0..2 {
        random_commit(&engine, 0, &mut random);
        random_commit(&engine, 0, &mut random);
        engine.checkpoint().expect("a checkpoint");
    }
    let (before, newest) = (images(&engine), engine.checkpoint_position());
    drop(engine);
    let path = |name| {
        Path::new(DIRECTORY)
            .join(format!("{newest:020}"))
            .join(name)
    };
    disk.flip_bit(&path(EDGES_FILE), 100, 0).expect("a flip");
    let engine = open_simulated(&disk);
    assert!(images(&engine) == before);
    assert!(engine.checkpoint_position() < newest);
    assert_eq!(
        engine.checkpoint().expect("a checkpoint").position,
        newest,
        "the damaged one is replaced"
    );
    drop(engine);
    load(&disk, newest, 0, false).expect("whole again");

    disk.remove_file(&path(MANIFEST_FILE)).expect("removed");
    disk.remove_directory(Path::new("log")).expect("removed");
    let clock = Arc::new(TestClock(AtomicI64::new(0)));
    let open = || {
        Engine::open(
            Arc::new(disk.clone()),
            clock.clone(),
            EngineOptions::default(),
        )
    };
    let refused = open().err().expect("commits would be lost").to_string();
    assert!(
        refused.contains("check DIR --repair") && refused.contains(MANIFEST_FILE),
        "{refused}"
    );
    let older = list(&disk).expect("a listing").positions[1];
    let older = Path::new(DIRECTORY)
        .join(format!("{older:020}"))
        .join(NODES_FILE);
    disk.remove_file(&older).expect("removed");
    let refused = open().err().expect("nothing is left").to_string();
    assert!(refused.contains("no checkpoint can be opened"), "{refused}");
}

#[test]
fn a_failed_checkpoint_leaves_what_was_there() {
    let disk = SimulatedStorage::new(2);
    let engine = open_simulated(&disk);
    let write = |n| {
        let made =
            engine.commit::<_, EngineError>(&[0], |tx| tx.create(random_draft(&mut Random(n), n)));
        made.value.expect("a commit");
    };
    write(1);
    let first = engine.checkpoint().expect("a checkpoint");
    write(2);
    engine.log().sync().expect("a sync");
    disk.set_capacity(0);
    let refused = engine.checkpoint().expect_err("a full disk").to_string();
    assert!(refused.contains("not written"), "{refused}");
    disk.heal();
    assert_eq!(engine.checkpoint_position(), first.position);
    assert!(list(&disk).expect("a listing").rubbish.is_empty());
    engine.checkpoint().expect("room again");
}

#[test]
fn resuming_after_a_failed_log_keeps_what_was_acknowledged() {
    for seed in 0..20 {
        let disk = SimulatedStorage::new(seed);
        let engine = open_simulated(&disk);
        let mut random = Random(seed);
        let first = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft("first", "")));
        first.value.expect("a node");
        for _ in 0..5 {
            let outcome = random_commit(&engine, 0, &mut random);
            engine.log().wait(outcome.position).expect("durable");
        }
        let acknowledged = images(&engine);
        disk.fail_sync_after(0);
        let lost = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft("lost", "")));
        engine
            .log()
            .wait(lost.position)
            .expect_err("outcome unknown");
        assert!(
            engine.checkpoint().is_err(),
            "no checkpoint of what is unknown"
        );
        assert!(images(&engine) == acknowledged);
        let version = acknowledged[0].1.version;

        let resumed = engine.resume().expect("a log again");
        assert!(engine.resume().is_err(), "nothing to resume");
        assert!(images(&engine) == acknowledged);
        let made = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft("kept", "")));
        engine.log().wait(made.position).expect("durable");
        assert!(made.position > resumed.position);
        let after = images(&engine);
        assert!(after[0].1.version > version + 1, "versions never repeat");

        // The next failure is undone too.
        disk.fail_sync_after(0);
        let lost = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft("lost", "")));
        engine
            .log()
            .wait(lost.position)
            .expect_err("outcome unknown");
        assert!(images(&engine) == after);
        disk.crash();
        drop(engine);
        disk.restart();
        let reopened = images(&open_simulated(&disk));
        let names = |images: &[(SpaceId, SpaceImage)]| {
            let nodes = images[0].1.nodes.iter();
            nodes
                .filter(|node| node.node.name.as_deref() != Some(b"lost"))
                .count()
        };
        // What was unknown may be there after all; nothing else may differ.
        assert_eq!(names(&reopened), after[0].1.nodes.len(), "seed {seed}");
    }
}

#[test]
fn checkpoints_taken_while_others_commit_are_whole() {
    let disk = SimulatedStorage::new(9);
    let engine = open_simulated(&disk);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let engine = &engine;
            scope.spawn(move || {
                let mut random = Random(writer);
                for _ in 0..60 {
                    random_commit(engine, random.below(2) as u32, &mut random);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..10 {
                    engine.checkpoint().expect("a checkpoint");
                }
            });
        }
    });
    let newest = engine.checkpoint_position();
    let loaded = load(&disk, newest, 0, false).expect("whole");
    for space in &loaded.contents.spaces {
        check_invariants(&space.state).expect("a sound state");
    }
    engine.log().sync().expect("a sync");
    let before = images(&engine);
    disk.kill();
    drop(engine);
    assert!(images(&open_simulated(&disk)) == before);
}
