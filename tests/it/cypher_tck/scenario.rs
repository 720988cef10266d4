//! Feature files to scenarios: outlines are spelt out, one scenario an example.

use std::path::Path;

use gherkin::{Feature, GherkinEnv, Scenario as Written, Table};

/// A scenario with its steps.
pub struct Scenario {
    /// `clauses/match/Match1 [3] #2`: the file, the number in it, the number of the example.
    pub id: String,
    /// `clauses/match`.
    pub folder: String,
    pub steps: Vec<Step>,
}

/// A step: what it says, with its text block and its table.
#[derive(Clone)]
pub struct Step {
    pub text: String,
    pub block: Option<String>,
    pub rows: Vec<Vec<String>>,
}

/// Every scenario below a folder, by file.
pub fn all(root: &Path) -> Vec<Scenario> {
    let features = root.join("features");
    let mut files = Vec::new();
    collect(&features, &mut files);
    files.sort();
    let mut scenarios = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a feature file");
        let feature = Feature::parse(doubled_backslashes(&text), GherkinEnv::default());
        let feature = feature.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file
            .strip_prefix(&features)
            .expect("it is below")
            .with_extension("");
        let folder = name.parent().expect("a folder").display().to_string();
        let background = feature
            .background
            .as_ref()
            .map(|background| background.steps.as_slice());
        for scenario in &feature.scenarios {
            let name = name.display().to_string();
            scenarios.extend(spelt_out(
                &name,
                &folder,
                background.unwrap_or_default(),
                scenario,
            ));
        }
    }
    assert!(
        !scenarios.is_empty(),
        "expected scenarios in {}",
        features.display()
    );
    scenarios
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "feature")
        {
            files.push(path);
        }
    }
}

/// In tables the parser takes a backslash for the beginning of one of three escapes, and refuses all others.
fn doubled_backslashes(text: &str) -> String {
    let line = |line: &str| {
        if !line.trim_start().starts_with('|') {
            return line.to_owned();
        }
        let mut out = String::new();
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            out.push(c);
            if c == '\\' {
                match chars.peek() {
                    Some('\\' | '|') => out.extend(chars.next()),
                    _ => out.push('\\'),
                }
            }
        }
        out
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn spelt_out(
    file: &str,
    folder: &str,
    background: &[gherkin::Step],
    scenario: &Written,
) -> Vec<Scenario> {
    let number = scenario.name.split(']').next().unwrap_or_default();
    let steps: Vec<Step> = background.iter().chain(&scenario.steps).map(step).collect();
    let mut examples: Vec<Vec<(String, String)>> = Vec::new();
    for table in scenario
        .examples
        .iter()
        .filter_map(|examples| examples.table.as_ref())
    {
        let mut rows = table.rows.iter();
        let names = rows.next().cloned().unwrap_or_default();
        examples.extend(rows.map(|row| names.iter().cloned().zip(row.iter().cloned()).collect()));
    }
    if examples.is_empty() {
        return vec![Scenario {
            id: format!("{file} {number}]"),
            folder: folder.to_owned(),
            steps,
        }];
    }
    let one = |(n, values): (usize, &Vec<(String, String)>)| Scenario {
        id: format!("{file} {number}] #{}", n + 1),
        folder: folder.to_owned(),
        steps: steps.iter().map(|step| filled(step, values)).collect(),
    };
    examples.iter().enumerate().map(one).collect()
}

fn step(step: &gherkin::Step) -> Step {
    let rows = |table: &Table| table.rows.clone();
    Step {
        text: step.value.clone(),
        block: step.docstring.clone(),
        rows: step.table.as_ref().map(rows).unwrap_or_default(),
    }
}

fn filled(step: &Step, values: &[(String, String)]) -> Step {
    let fill = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("<{name}>"), value)
        })
    };
    Step {
        text: fill(&step.text),
        block: step.block.as_deref().map(fill),
        rows: step
            .rows
            .iter()
            .map(|row| row.iter().map(|cell| fill(cell)).collect())
            .collect(),
    }
}
