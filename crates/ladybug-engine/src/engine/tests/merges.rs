//! Promises of differences and merges: transactions, forks and rollbacks make just what they should.

use std::collections::BTreeMap;

use super::checkpoint::{Random, random_changes, random_commit};
use super::*;
use crate::commit::merge::OnConflict;
use crate::space::graph::Edge;
use crate::space::mutation::NodeImage;
use crate::space::state::View;
use crate::space::words::{CONCEPT_PREFIX, PROGRAM_PREFIX, Word};

/// A node and its parent's id; an edge with the ids of its ends and its verb's name, but no version and address; the
/// concepts and programs.
type Plain = (
    BTreeMap<u64, (NodeImage, Option<u64>)>,
    BTreeMap<u64, (u64, String, u64, bool, Edge)>,
    Vec<(Address, Word)>,
);

/// What a state says, wherever it lies and whichever version said so.
fn plain(state: &State) -> Plain {
    check_invariants(state).expect("a sound state");
    let nodes = View::of(state, i64::MIN).nodes();
    let nodes = nodes.map(|node| (node.id(), (NodeImage::of(node), node.parent())));
    let id = |at| state.node(at).expect("an end").id();
    let edges = state.graph().edges().map(|edge| {
        let verb = state.verbs().name(edge.verb).expect("a verb").to_owned();
        let ends = (id(edge.source), id(edge.target));
        let bare = Edge {
            source: Address(0),
            target: Address(0),
            verb: 0,
            version: 0,
            address: None,
            ..edge.clone()
        };
        (
            edge.id,
            (ends.0, verb, ends.1, edge.address.is_some(), bare),
        )
    });
    let words = state.words().iter();
    let words = words.map(|(at, word)| (at, word.clone())).collect();
    (nodes.collect(), edges.collect(), words)
}

fn begun(seed: u64) -> (Fixture, Engine, Random) {
    let fixture = Fixture::new();
    let engine = fixture.open_with(EngineOptions {
        fsync: FsyncPolicy::Never,
        ..EngineOptions::default()
    });
    let mut random = Random(seed);
    for _ in 0..random.below(30) {
        random_commit(&engine, 0, &mut random);
    }
    (fixture, engine, random)
}

#[test]
fn what_a_transaction_made_alone_is_what_its_commit_makes() {
    for seed in 0..60 {
        let (_fixture, engine, mut random) = begun(seed);
        let id = engine
            .begin(0, TransactionOptions::default())
            .expect("begun");
        let made = engine.in_transaction::<_, EngineError>(id, |open| {
            for _ in 0..1 + random.below(8) {
                engine.change_branch(open.branch(), |tx| random_changes(tx, &mut random))?;
            }
            Ok(plain(&open.branch().state()))
        });
        let made = made.expect("random changes");
        engine
            .commit_transaction(id)
            .value
            .expect("nobody else was there");
        assert!(plain(&engine.state(0).0) == made, "seed {seed}");
    }
}

#[test]
fn a_fork_merges_into_a_space_that_stood_still_as_it_is_also_after_reopening() {
    for seed in 0..40 {
        let (fixture, mut engine, mut random) = begun(seed);
        let fork = engine.fork(0, "fork", None, false).value.expect("a fork");
        for _ in 0..1 + random.below(8) {
            random_commit(&engine, fork, &mut random);
        }
        if seed % 2 == 0 {
            engine.checkpoint().expect("a checkpoint");
            drop(engine);
            engine = fixture.open();
        }
        let made = plain(&engine.state(fork).0);
        engine
            .merge_fork(fork, OnConflict::Abort)
            .value
            .expect("no conflict");
        assert!(plain(&engine.state(0).0) == made, "seed {seed}");
        // What is there already merges once more, without a change.
        let version = engine.state(0).0.version();
        let again = engine.merge_fork(fork, OnConflict::Merge).value;
        assert_eq!(again, Ok(version), "seed {seed}");
    }
}

#[test]
fn rolling_back_makes_what_was_there() {
    for seed in 0..60 {
        let (_fixture, engine, mut random) = begun(seed);
        let newest = engine.state(0).0.version();
        let version = random.below(newest + 1);
        let then = engine.state_at(0, When::Version(version)).expect("a past");
        let rolled = engine.roll_back(0, &then).value.expect("rolled back");
        assert!(
            plain(&engine.state(0).0) == plain(&then.value),
            "seed {seed}"
        );
        // And that can be rolled back too.
        let before = engine.state_at(0, When::Version(newest)).expect("a past");
        assert!(rolled == newest || rolled == newest + 1);
        engine.roll_back(0, &before).value.expect("rolled forward");
        assert!(
            plain(&engine.state(0).0) == plain(&before.value),
            "seed {seed}"
        );
    }
}

#[test]
fn a_name_whose_holder_had_expired_is_written_whoever_cleared_it_away() {
    let fixture = Fixture::new();
    let engine = fixture.open();
    let passing = Draft {
        expires: Some(2_000_000),
        ..draft("k", "old")
    };
    let made = engine.commit::<_, EngineError>(&[0], |tx| tx.create(passing));
    made.value.expect("a node");
    fixture.clock.0.store(3_000_000, Ordering::Relaxed);
    let id = engine
        .begin(0, TransactionOptions::default())
        .expect("begun");
    let written = engine.in_transaction::<_, EngineError>(id, |open| {
        assert_eq!(open.read(NodeRef::Name(b"k")), None, "it has expired");
        engine.change_branch(open.branch(), |tx| tx.create(draft("k", "new")))
    });
    written.expect("its name is free");
    let (gone, _) = engine.remove_expired(0).expect("it goes");
    assert_eq!(gone.len(), 1);
    engine.commit_transaction(id).value.expect("no conflict");
    let value = engine.read(0, |view| {
        view.find(b"k").and_then(|node| node.value().cloned())
    });
    assert_eq!(value.value.as_deref(), Some(&b"new"[..]));
}

#[test]
fn words_of_both_sides_stay_and_one_place_is_one_words() {
    let program = |slot: u8| Address::new(PROGRAM_PREFIX, slot);
    let concept = |slot: u8| Address::new(CONCEPT_PREFIX, slot);
    let define = |engine: &Engine, space, at: Address, name: &str, text: &str| {
        let word = (!name.is_empty()).then(|| Word {
            name: name.into(),
            text: text.into(),
        });
        let defined = engine.commit::<_, EngineError>(&[space], |tx| tx.define_word(at, word));
        defined.value.expect("a word");
    };
    let words = |engine: &Engine| {
        let (state, _) = engine.state(0);
        let word = |(at, word): (Address, &Word)| format!("{at} {} {}", word.name, word.text);
        state.words().iter().map(word).collect::<Vec<_>>()
    };
    let fixture = Fixture::new();
    let engine = fixture.open();
    define(&engine, 0, program(1), "both", "then");
    define(&engine, 0, program(2), "gone", "then");
    let fork = engine.fork(0, "fork", None, false).value.expect("a fork");
    define(&engine, 0, concept(128), "Ship", "theirs");
    define(&engine, fork, concept(128), "Boat", "mine");
    define(&engine, fork, program(2), "", "");
    define(&engine, fork, program(3), "new", "mine");
    let merged = engine.merge_fork(fork, OnConflict::Abort).value;
    merged.expect("they do not clash");
    let both = [
        "@0880 Ship theirs",
        "@0881 Boat mine",
        "@0F01 both then",
        "@0F03 new mine",
    ];
    assert_eq!(words(&engine), both);
    // One name at two addresses, and two programs at one.
    define(&engine, fork, program(1), "", "");
    define(&engine, fork, program(4), "both", "mine");
    define(&engine, 0, program(1), "", "");
    define(&engine, 0, program(1), "both", "now");
    define(&engine, fork, program(9), "nine", "mine");
    define(&engine, 0, program(9), "other", "now");
    let clash = engine.merge_fork(fork, OnConflict::Merge).value;
    let Err(EngineError::Conflict { clashes, .. }) = clash else {
        panic!("expected a conflict, got {clash:?}");
    };
    let places: Vec<_> = clashes.iter().map(|clash| &*clash.place).collect();
    assert_eq!(places, ["@0F01", "@0F01", "@0F09"]);
    let theirs = engine.merge_fork(fork, OnConflict::Theirs).value;
    theirs.expect("the policy decides");
    assert!(words(&engine).contains(&"@0F01 both now".to_owned()));
    assert!(words(&engine).contains(&"@0F09 other now".to_owned()));
    let mine = engine.merge_fork(fork, OnConflict::Mine).value;
    mine.expect("the policy decides");
    let programs = words(&engine).split_off(2);
    assert_eq!(
        programs,
        ["@0F03 new mine", "@0F04 both mine", "@0F09 nine mine"]
    );
    let image = image(&engine, 0);
    drop(engine);
    assert_eq!(super::image(&fixture.open(), 0), image);
}
