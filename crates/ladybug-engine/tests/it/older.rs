//! Data directories of the Ladybug that had ten built-in verbs, as it left them: one with a log alone, which names verbs
//! by their slots, and one with a checkpoint, which names them by their names.
//!
//! Its space has the verbs BEFORE, likes and KNOWS of its own; two of these names are built-in words today.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ladybug_engine::commit::transaction::EdgeDraft;
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::image::{SpaceImage, check_invariants};
use ladybug_engine::space::state::State;
use ladybug_engine::storage::DiskStorage;

const EDGES: [&str; 6] = [
    "ada BEFORE bob at slot 144",
    "ada likes eve at slot 145",
    "bob KNOWS eve at slot 146",
    "ada CAUSES eve at slot 0",
    "eve RELATES ada at slot 9",
    "ada BEFORE bob at slot 144",
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let there = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &there),
            false => drop(fs::copy(&path, &there).expect("a copy")),
        }
    }
}

fn edges(state: &State) -> Vec<String> {
    let name = |at| {
        let name = state.node(at).and_then(|node| node.name().cloned());
        String::from_utf8(name.expect("a name").to_vec()).expect("text")
    };
    let mut edges: Vec<_> = state.graph().edges().collect();
    edges.sort_by_key(|edge| edge.id);
    let text = |edge: &ladybug_engine::space::graph::Edge| {
        let verb = state.verbs().name(edge.verb).expect("a verb");
        let (source, target) = (name(edge.source), name(edge.target));
        format!("{source} {verb} {target} at slot {}", edge.verb)
    };
    edges.iter().map(text).collect()
}

#[test]
fn what_an_older_build_left_opens_with_its_verbs_in_their_slots() {
    for left in ["log", "checkpoint"] {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/older");
        let directory = tempfile::tempdir().expect("a directory");
        copy(&here.join(left), directory.path());
        let open = || {
            let storage = DiskStorage::new(directory.path()).expect("storage");
            let options = EngineOptions::default();
            Engine::open(Arc::new(storage), Arc::new(SystemClock), options).expect("an engine")
        };
        let engine = open();
        let (state, _) = engine.state(0);
        check_invariants(&state).expect("a sound state");
        assert_eq!(edges(&state), EDGES, "{left}");
        // A name is the space's own verb, however it is asked for, and there is one of a name.
        let verbs = state.verbs();
        assert_eq!(verbs.slot("BEFORE"), Some(144));
        assert_eq!(verbs.slot("before"), Some(144));
        assert_eq!(verbs.slot("likes"), Some(145));
        let named = verbs.iter().filter(|(_, name)| *name == "BEFORE");
        assert_eq!(named.count(), 1);
        // Beside it the built-in words are there, and so is the space's past.
        let added = engine.commit::<_, EngineError>(&[0], |tx| {
            let find = |name: &[u8]| tx.find(name).expect("a node");
            let (ada, eve) = (find(b"ada"), find(b"eve"));
            let after = tx.define_verb("AFTER")?;
            let built_in = tx.view().state.verbs().slot("LIKES").expect("a verb");
            let before = (10..144)
                .find(|slot| tx.view().state.verbs().name(*slot) == Some("BEFORE"))
                .expect("the built-in word");
            for verb in [after, built_in, before] {
                tx.link(eve, verb, ada, EdgeDraft::default())?;
            }
            Ok(())
        });
        added.value.expect("a commit");
        let made = edges(&engine.state(0).0).split_off(EDGES.len());
        let verbs: Vec<_> = made
            .iter()
            .map(|edge| edge.split(' ').nth(1).expect("a verb"))
            .collect();
        assert_eq!(verbs, ["AFTER", "LIKES", "BEFORE"]);
        assert!(made[2].ends_with("slot 144"), "{made:?}");
        let image = SpaceImage::of(&engine.state(0).0);
        drop(engine);
        let engine = open();
        assert_eq!(SpaceImage::of(&engine.state(0).0), image, "{left}: the log");
        engine.checkpoint().expect("a checkpoint");
        drop(engine);
        let engine = open();
        assert_eq!(
            SpaceImage::of(&engine.state(0).0),
            image,
            "{left}: a checkpoint of today"
        );
    }
}
