//! Importers: `ladybug load debian|jsonl|csv` into a running server or a data directory.
//!
//! | file | holds |
//! |---|---|
//! | `row` | what a source yields: nodes, and edges by name |
//! | `debian`, `jsonl`, `csv` | the sources |
//! | `subset` | which rows fit a space, closed under their needs |
//! | `target`, `server_target`, `directory_target` | where rows go |
//!
//! A load is a list of steps, nodes first and edges after them. Each batch of steps is one commit that
//! also counts them in a *progress node*, so that a load which was interrupted goes on exactly where it
//! stopped, and is refused if its input has changed meanwhile.

mod csv;
mod debian;
mod debian_version;
mod directory_target;
mod jsonl;
mod row;
mod server_target;
mod subset;
mod target;

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use directory_target::DirectoryTarget;
use ladybug_engine::space::address::Zone;
use row::Catalogue;
use server_target::ServerTarget;
use target::{Progress, Step, Target};

/// Steps in one commit.
const BATCH_STEPS: usize = 256;

/// What to load, and where to.
#[derive(Debug, Subcommand)]
pub enum LoadOptions {
    /// A Debian Packages file, or what `apt-cache dumpavail` prints
    Debian {
        /// Load only packages of these sections, and what they depend on
        #[arg(long, value_name = "SECTION", value_delimiter = ',')]
        section: Vec<String>,
        /// Where from and where to.
        #[command(flatten)]
        common: Common,
    },
    /// One JSON object a line: "name", and optionally "value", "kinds", "fields" and "edges"
    Jsonl {
        /// Where from and where to.
        #[command(flatten)]
        common: Common,
    },
    /// CSV with a header: the column "name" (or --name), others are fields
    Csv {
        /// The column that holds the name
        #[arg(long, default_value = "name")]
        name: String,
        /// The column that holds the value
        #[arg(long, default_value = "value")]
        value: String,
        /// A kind for every row
        #[arg(long)]
        kind: Option<String>,
        /// Where from and where to.
        #[command(flatten)]
        common: Common,
    },
}

/// What every load has.
#[derive(Debug, Args)]
pub struct Common {
    /// The file; standard input if absent or `-`
    file: Option<PathBuf>,
    /// Load into the server on this host
    #[arg(long, default_value = "127.0.0.1", conflicts_with = "data")]
    host: String,
    /// Load into the server on this port
    #[arg(short, long, default_value_t = crate::config::PORT, conflicts_with = "data")]
    port: u16,
    /// The server's password
    #[arg(long, env = "LADYBUG_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Load into this data directory, which no server may be using
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The space, a number or a name
    #[arg(long, default_value = "0")]
    space: String,
}

/// Why a load fails.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The input cannot be read.
    #[error("cannot read {what}: {source}")]
    Input {
        /// The file, or standard input.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The input is not what it should be.
    #[error("line {line}: expected {expected}, got {got}")]
    Syntax {
        /// Which line, from 1.
        line: u64,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        got: String,
    },
    /// There is nothing to load.
    #[error("nothing to load: expected {0}")]
    Empty(&'static str),
    /// The target cannot be reached, or refuses.
    #[error("{0}")]
    Target(String),
    /// An earlier load of something else was interrupted.
    #[error(
        "an unfinished load is recorded in node '{name}', of another input or with other options; \
         finish that one, or DEL '{name}' to give it up"
    )]
    OtherLoad {
        /// The progress node.
        name: String,
    },
}

/// Loads, and prints a summary to standard output.
pub fn run(options: LoadOptions) -> Result<(), LoadError> {
    let (format, common) = match &options {
        LoadOptions::Debian { common, .. } => ("debian", common),
        LoadOptions::Jsonl { common } => ("jsonl", common),
        LoadOptions::Csv { common, .. } => ("csv", common),
    };
    let input = read_input(common.file.as_ref())?;
    let catalogue = match &options {
        LoadOptions::Debian { section, .. } => debian::parse(&input, section)?,
        LoadOptions::Jsonl { .. } => jsonl::parse(&input)?,
        LoadOptions::Csv {
            name, value, kind, ..
        } => csv::parse(&input, name, value, kind.as_deref())?,
    };
    let mut target: Box<dyn Target> = match &common.data {
        Some(directory) => Box::new(DirectoryTarget::open(directory, &common.space)?),
        None => Box::new(ServerTarget::connect(
            &common.host,
            common.port,
            common.password.as_deref(),
            &common.space,
        )?),
    };
    let summary = load(&mut *target, format, &input, catalogue)?;
    println!("{summary}");
    Ok(())
}

fn read_input(file: Option<&PathBuf>) -> Result<Vec<u8>, LoadError> {
    let mut input = Vec::new();
    let (what, read) = match file.filter(|path| path.as_os_str() != "-") {
        Some(path) => (path.display().to_string(), std::fs::read(path)),
        None => {
            let read = std::io::stdin().lock().read_to_end(&mut input);
            ("standard input".to_owned(), read.map(|_| input))
        }
    };
    read.map_err(|source| LoadError::Input { what, source })
}

/// What came of a load.
struct Summary {
    nodes: usize,
    edges: usize,
    /// Steps that an earlier, interrupted load had done already.
    resumed: usize,
    left_out: usize,
    dropped: Vec<(&'static str, usize)>,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "loaded {} nodes and {} edges", self.nodes, self.edges)?;
        if self.resumed > 0 {
            write!(f, " ({} of these steps by an earlier run)", self.resumed)?;
        }
        if self.left_out > 0 {
            write!(
                f,
                "\nleft out {} nodes that do not fit or were not chosen",
                self.left_out
            )?;
        }
        for (why, count) in &self.dropped {
            write!(f, "\ndropped {count} edges: {why}")?;
        }
        Ok(())
    }
}

fn load(
    target: &mut dyn Target,
    format: &str,
    input: &[u8],
    catalogue: Catalogue,
) -> Result<Summary, LoadError> {
    let name = format!("ladybug:load:{format}");
    let source = format!("{:016x}", catalogue.digest(input));
    let earlier = target.progress(&name)?;
    if earlier
        .as_ref()
        .is_some_and(|earlier| earlier.source != source)
    {
        return Err(LoadError::OtherLoad { name });
    }
    // A resumed load makes the same choice as the one that was interrupted.
    let mut progress = match earlier {
        Some(earlier) => earlier,
        None => Progress {
            source,
            capacity: target.capacity()?,
            done: 0,
        },
    };
    let all = catalogue.rows.len();
    let chosen = subset::choose(catalogue, progress.capacity);
    let (edges, dropped) = row::resolve(&chosen);
    let summary = Summary {
        nodes: chosen.rows.len(),
        edges: edges.len(),
        resumed: progress.done,
        left_out: all - chosen.rows.len(),
        dropped,
    };
    target.define_verbs(&row::verbs(&edges))?;

    let steps = chosen
        .rows
        .iter()
        .map(Step::Node)
        .chain(edges.iter().map(Step::Edge));
    let steps: Vec<Step<'_>> = steps.skip(progress.done).collect();
    let bar = progress_bar(steps.len());
    for batch in steps.chunks(BATCH_STEPS) {
        progress.done += batch.len();
        target.put(batch, &name, &progress)?;
        bar.inc(batch.len() as u64);
    }
    target.finish(&name)?;
    bar.finish_and_clear();
    Ok(summary)
}

fn progress_bar(steps: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {per_sec} {eta}");
    ProgressBar::new(steps as u64).with_style(style.expect("the template is right"))
}

/// How many nodes a space takes that holds `there` of them, the progress node not counted.
fn room(there: usize) -> usize {
    Zone::Node.capacity().saturating_sub(there + 1)
}
