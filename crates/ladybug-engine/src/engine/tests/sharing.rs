//! Promises of forks: what nobody wrote to is there once, in memory and in checkpoints, also after a restart.

use super::checkpoint::{Random, images, random_commit};
use super::*;
use crate::commit::checkpoint::{DIRECTORY, EDGES_FILE, MANIFEST_FILE, Manifest, NODES_FILE};

/// What the newest checkpoint says of the parts of its tables of nodes and edges that hold something of a space.
fn stored(fixture: &Fixture, engine: &Engine, space: SpaceId) -> Vec<String> {
    let position = engine.checkpoint_position();
    let directory = fixture.directory.path().join(DIRECTORY);
    let manifest = directory
        .join(format!("{position:020}"))
        .join(MANIFEST_FILE);
    let manifest = std::fs::read(manifest).expect("a manifest");
    let manifest = Manifest::decode(&manifest).expect("a manifest");
    let tables = [NODES_FILE, EDGES_FILE].map(|name| manifest.file(name).expect("a table"));
    let parts = tables.iter().flat_map(|file| &file.parts);
    let of_space = format!("space {space}");
    let mut holds: Vec<_> = parts
        .map(|part| part.holds.clone())
        .filter(|holds| holds.split(',').next() == Some(&*of_space))
        .collect();
    holds.dedup();
    holds
}

/// The prefixes at which two spaces have other memory: of nodes, and of the edges that leave there.
fn apart(engine: &Engine, one: SpaceId, other: SpaceId) -> (Vec<u8>, Vec<u8>) {
    let (one, other) = (engine.state(one).0, engine.state(other).0);
    let nodes = |prefix: &u8| match (one.chunk(*prefix), other.chunk(*prefix)) {
        (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
        (one, other) => one.is_some() != other.is_some(),
    };
    let edges = |prefix: &u8| !one.graph().shares_edges_from(other.graph(), *prefix);
    (
        (0..=u8::MAX).filter(nodes).collect(),
        (0..=u8::MAX).filter(edges).collect(),
    )
}

/// Enough of everything for several chunks, linked across them.
fn filled(engine: &Engine, random: &mut Random) {
    for part in 0..3 {
        let made = engine.commit::<_, EngineError>(&[0], |tx| {
            for n in 0..300 {
                tx.create(draft(&format!("filler:{part}:{n}"), "words of many kinds"))?;
            }
            Ok(())
        });
        made.value.expect("a commit");
        for _ in 0..150 {
            random_commit(engine, 0, random);
        }
    }
}

#[test]
fn a_fork_is_stored_once_until_written_also_after_a_restart() {
    let mut random = Random(5);
    let fixture = Fixture::new();
    let engine = fixture.open();
    filled(&engine, &mut random);
    // Much is pending when the fork is made, and encoded for the checkpoint.
    let fork = engine
        .fork(0, "what-if", None, false)
        .value
        .expect("a fork");
    engine.checkpoint().expect("a checkpoint");
    assert!(stored(&fixture, &engine, 0).len() > 4);
    assert_eq!(stored(&fixture, &engine, fork), [""; 0]);
    assert_eq!(apart(&engine, 0, fork), (vec![], vec![]));
    let before = images(&engine);
    drop(engine);

    let engine = fixture.open();
    assert!(images(&engine) == before);
    assert_eq!(apart(&engine, 0, fork), (vec![], vec![]));
    let written = engine.commit::<_, EngineError>(&[fork], |tx| {
        let (one, other) = (tx.find(b"filler:0:7"), tx.find(b"filler:2:299"));
        let (one, other) = one.zip(other).expect("both are there");
        tx.link(one, 3, other, EdgeDraft::default())?;
        tx.set_rung(one, 7)?;
        Ok(one.prefix())
    });
    let prefix = written.value.expect("a commit");
    engine.checkpoint().expect("a checkpoint");
    let own = [
        format!("space {fork}, chunk {prefix:02X}"),
        format!("space {fork}"),
    ];
    assert_eq!(stored(&fixture, &engine, fork), own);
    let before = images(&engine);
    drop(engine);

    let engine = fixture.open();
    assert!(images(&engine) == before);
    assert_eq!(apart(&engine, 0, fork), (vec![prefix], vec![prefix]));
    for space in [0, fork] {
        check_invariants(&engine.state(space).0).expect("a sound space");
    }
}

#[test]
fn forks_of_forks_open_as_they_were_whoever_was_written_to() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let fixture = Fixture::new();
        let mut engine = fixture.open();
        let mut spaces = vec![0];
        for round in 0..5 {
            for _ in 0..random.below(30) {
                let space = spaces[random.below(spaces.len() as u64) as usize];
                random_commit(&engine, space, &mut random);
            }
            let source = spaces[random.below(spaces.len() as u64) as usize];
            let fork = engine.fork(source, &format!("fork-{round}"), None, false);
            spaces.push(fork.value.expect("a fork"));
            for _ in 0..random.below(4) {
                let space = spaces[random.below(spaces.len() as u64) as usize];
                random_commit(&engine, space, &mut random);
            }
            if random.below(2) == 0 {
                engine.snapshot(source);
            }
            engine.checkpoint().expect("a checkpoint");
            let before = images(&engine);
            drop(engine);
            engine = fixture.open();
            assert!(images(&engine) == before, "seed {seed}, round {round}");
            for space in &spaces {
                let sound = check_invariants(&engine.state(*space).0);
                assert_eq!(sound, Ok(()), "seed {seed}, round {round}, space {space}");
            }
        }
    }
}
