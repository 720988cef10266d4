//! The openCypher Technology Compatibility Kit, every scenario of it, against the real engine.
//!
//! `scenario` reads the feature files, `expected` what they expect of results, `graph` what is in a space; here
//! scenarios run. `known_failures.txt` lists those that are known to fail, with the reason: it is an error if one of them
//! passes, and if any other fails. Prints a table by folder (`cargo test --test it cypher_tck -- --nocapture`).

mod expected;
mod graph;
mod run;
mod scenario;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use run::Kit;

/// Where the kit's files are, seen from the project.
const KIT: &str = "../shared/opencypher-tck";
const KNOWN_FAILURES: &str = include_str!("cypher_tck/known_failures.txt");

fn kit() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(KIT);
    let there = path.join("features");
    assert!(
        there.is_dir(),
        "expected the feature files of the openCypher TCK in {}",
        there.display()
    );
    path
}

#[test]
fn every_scenario_of_the_compatibility_kit_passes_but_for_those_known() {
    let known: BTreeMap<&str, &str> = KNOWN_FAILURES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(" | ").expect("a scenario | the reason"))
        .collect();
    let root = kit();
    let scenarios = scenario::all(&root);
    let filter = std::env::var("LADYBUG_TCK").unwrap_or_default();
    let kit = Kit::new(&root);
    let mut folders: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut failures, mut unexpected) = (Vec::new(), Vec::new());
    for scenario in scenarios
        .iter()
        .filter(|scenario| scenario.id.contains(&filter))
    {
        let (passed, all) = folders.entry(&scenario.folder).or_default();
        *all += 1;
        match (kit.run(scenario), known.get(scenario.id.as_str())) {
            (Ok(()), None) => *passed += 1,
            (Ok(()), Some(_)) => {
                *passed += 1;
                unexpected.push(scenario.id.clone());
            }
            (Err(_), Some(_)) => {}
            (Err(error), None) => failures.push(format!("{}\n{error}", scenario.id)),
        }
    }
    println!("{}", table(&folders));
    for failure in &failures {
        println!("FAILED {failure}\n");
    }
    if filter.is_empty() {
        check_page(&table(&folders));
    }
    assert!(
        failures.is_empty(),
        "{} scenarios fail that are not known to",
        failures.len()
    );
    assert!(
        unexpected.is_empty(),
        "these pass, take them off the list: {unexpected:#?}"
    );
}

/// The page that says what is supported has the table; `LADYBUG_REGENERATE=1` writes it there.
fn check_page(table: &str) {
    const BEGIN: &str = "<!-- the compatibility kit by folder -->\n";
    const END: &str = "<!-- end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cypher.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (head, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (there, tail) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("LADYBUG_REGENERATE").is_some() {
        std::fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}"))
            .expect("the page is written");
        return;
    }
    assert_eq!(
        there, table,
        "docs/cypher.md says something else: LADYBUG_REGENERATE=1 writes it anew"
    );
}

/// How many scenarios of each folder pass.
fn table(folders: &BTreeMap<&str, (usize, usize)>) -> String {
    let mut table = String::from("| folder | scenarios | pass | |\n|---|---:|---:|---:|\n");
    let (mut passed_all, mut all_all) = (0, 0);
    let percent = |passed: usize, all: usize| 100.0 * passed as f64 / all.max(1) as f64;
    for (folder, (passed, all)) in folders {
        table += &format!(
            "| `{folder}` | {all} | {passed} | {:.1} % |\n",
            percent(*passed, *all)
        );
        passed_all += passed;
        all_all += all;
    }
    table
        + &format!(
            "| all | {all_all} | {passed_all} | {:.1} % |\n",
            percent(passed_all, all_all)
        )
}
