//! Commits a second of one transaction, a transfer between two of many accounts, in Ladybug, Redis, PostgreSQL and
//! SQLite, all as durable as they can be, and of a bare loop of `write` and `fdatasync`.
//!
//! Map: `transfer` is the workload, `resp`, `postgres` and `sqlite` run it, `floor` is the bare loop, `process` starts
//! and ends servers, `report` is the page. Contenders take turns in every round, in another order each time.

mod floor;
mod postgres;
mod process;
mod report;
mod resp;
mod sqlite;
mod transfer;

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use floor::Floor;
use report::{Counts, Results, Series};

/// What goes wrong ends the run.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Compares durable transactions. Use run.sh, which builds what is measured.
#[derive(Parser)]
struct Options {
    /// Every contender runs once a round; medians are of rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How long a contender runs with each number of clients (pgbench takes whole seconds).
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Numbers of clients.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    clients: Vec<usize>,
    /// Only these of ladybug, redis, postgresql, sqlite.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The page to write; `-` prints it.
    #[arg(long, default_value = "docs/benchmarks/transactions.md")]
    output: PathBuf,
}

/// A system that is measured: started with the accounts at first, and with what it had after that.
trait Contender {
    fn name(&self) -> &'static str;
    /// Its version and its settings, in a line.
    fn about(&self) -> Result<String>;
    fn start(&mut self) -> Result<()>;
    fn stop(&mut self) -> Result<()>;
    /// Runs so many clients for so long; answers commits a second.
    fn run(&mut self, clients: usize, duration: Duration, seed: u64) -> Result<f64>;
    /// All balances, by account.
    fn balances(&mut self) -> Result<Vec<i64>>;
    /// What its log did in the last run, if it says so.
    fn counts(&self) -> Option<Counts> {
        None
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    let directory = tempfile::tempdir()?;
    // PostgreSQL may run as another user, who must get to its own directory within.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
    let mut contenders = contenders(directory.path(), &options.only)?;
    let mut results = Vec::new();
    for contender in &contenders {
        results.push(Results {
            name: contender.name(),
            about: contender.about()?,
            series: vec![Series::default(); options.clients.len()],
        });
    }
    let mut floor = Vec::new();
    for round in 0..options.rounds {
        for turn in 0..contenders.len() {
            let index = (round + turn) % contenders.len();
            let (contender, series) = (&mut *contenders[index], &mut results[index].series);
            measure(
                contender,
                &options,
                round,
                series,
                &mut floor,
                directory.path(),
            )
            .map_err(|error| format!("{}: {error}", contender.name()))?;
        }
        eprint!(".");
    }
    eprintln!();
    for contender in &mut contenders {
        // What it had is what it has after a restart.
        contender.start()?;
        let balances = contender.balances()?;
        contender.stop()?;
        transfer::check(&balances)
            .map_err(|error| format!("{}, again: {error}", contender.name()))?;
    }
    let page = report::markdown(&options, &results, &floor);
    if options.output.as_os_str() == "-" {
        print!("{page}");
    } else {
        fs::write(&options.output, page)?;
    }
    Ok(())
}

fn contenders(directory: &Path, only: &[String]) -> Result<Vec<Box<dyn Contender>>> {
    let is_asked = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut contenders: Vec<Box<dyn Contender>> = Vec::new();
    if is_asked("ladybug") {
        contenders.push(Box::new(resp::Server::ladybug(directory.join("ladybug"))?));
    }
    if is_asked("redis") {
        contenders.push(Box::new(resp::Server::redis(directory.join("redis"))?));
    }
    if is_asked("postgresql") {
        contenders.push(Box::new(postgres::Postgres::new(
            directory.join("postgresql"),
        )?));
    }
    if is_asked("sqlite") {
        contenders.push(Box::new(sqlite::Sqlite::new(directory.join("sqlite"))?));
    }
    Ok(contenders)
}

/// One contender's turn in a round. The bare loop follows Ladybug's single client at once, with as many bytes.
fn measure(
    contender: &mut dyn Contender,
    options: &Options,
    round: usize,
    series: &mut [Series],
    floor: &mut Vec<Floor>,
    directory: &Path,
) -> Result<()> {
    let duration = Duration::from_secs_f64(options.seconds);
    contender.start()?;
    for (clients, series) in options.clients.iter().zip(series) {
        let seed = (round * 1_000 + clients) as u64;
        series.rates.push(contender.run(*clients, duration, seed)?);
        if let Some(counts) = contender.counts() {
            series.counts.push(counts);
            if *clients == 1 {
                let bytes = counts.bytes_a_commit.round() as usize;
                floor.push(floor::measure(directory, bytes, duration / 2)?);
            }
        }
    }
    transfer::check(&contender.balances()?)?;
    contender.stop()
}
