//! The page: medians over the rounds, ratios made within rounds, and whether the goals are met.

use std::fmt::Write as _;
use std::fs;

use crate::Options;
use crate::floor::Floor;

/// At 64 clients Ladybug is to be ahead of everybody, and at one it may take this much longer than the disk alone.
const FLOOR_RATIO_MAX: f64 = 1.2;

/// What Ladybug's log did for the commits of a run.
#[derive(Clone, Copy)]
pub struct Counts {
    pub bytes_a_commit: f64,
    pub commits_a_write: f64,
    pub commits_a_sync: f64,
}

/// One contender with one number of clients: commits a second, a round each.
#[derive(Clone, Default)]
pub struct Series {
    pub rates: Vec<f64>,
    pub counts: Vec<Counts>,
}

/// One contender's results.
pub struct Results {
    pub name: &'static str,
    pub about: String,
    /// By number of clients, in the order of the options.
    pub series: Vec<Series>,
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

/// The median of the ratios of two series, round by round.
fn ratio(one: &[f64], other: impl Iterator<Item = f64>) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other))
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{count} × {}", model.unwrap_or("an unknown processor"))
}

/// The page as Markdown. `floor` has a measurement a round, if Ladybug ran with one client.
pub fn markdown(options: &Options, results: &[Results], floor: &[Floor]) -> String {
    let mut page = String::from(
        "# Durable transactions, beside Redis, PostgreSQL and SQLite\n\n\
         Made by `benches/transactions/run.sh`; do not edit. The transaction is a transfer between two of 10,000 accounts: both \
         balances are read and written, and the commit is on the disk before it is answered. Each client waits for the answer \
         before it sends the next. Commits a second, medians of rounds; the sum of all balances was right in every system before \
         this page was written, also after a restart.\n\n",
    );
    writeln!(
        page,
        "{}; {} rounds of {} s a number of clients, all contenders in turn.\n",
        processor(),
        options.rounds,
        options.seconds
    )
    .expect("it is a string");
    for one in results {
        writeln!(page, "- {}: {}", one.name, one.about).expect("it is a string");
    }
    page.push_str("\n| clients |");
    for one in results {
        write!(page, " {} |", one.name).expect("it is a string");
    }
    page.push_str("\n|--:|");
    page.push_str(&"--:|".repeat(results.len()));
    for (at, clients) in options.clients.iter().enumerate() {
        write!(page, "\n| {clients} |").expect("it is a string");
        for one in results {
            let rate = median(one.series[at].rates.iter().copied());
            write!(page, " {rate:.0} |").expect("it is a string");
        }
    }
    page.push('\n');
    if let Some(ladybug) = results.iter().find(|one| one.name == "ladybug") {
        page.push_str(&compare(options, ladybug, results, floor));
    }
    page
}

/// Ladybug's ratios to the others, what its log did, and the goals.
fn compare(options: &Options, ladybug: &Results, results: &[Results], floor: &[Floor]) -> String {
    let mut text = String::from(
        "\n## Ladybug's commits a second, as a multiple of the others'\n\n| clients |",
    );
    let others: Vec<_> = results
        .iter()
        .filter(|one| one.name != ladybug.name)
        .collect();
    for other in &others {
        write!(text, " {} |", other.name).expect("it is a string");
    }
    text.push_str(" commits a write | commits a sync | bytes a commit |\n|--:|");
    text.push_str(&"--:|".repeat(others.len() + 3));
    let mut behind = Vec::new();
    for (at, clients) in options.clients.iter().enumerate() {
        let series = &ladybug.series[at];
        write!(text, "\n| {clients} |").expect("it is a string");
        for other in &others {
            let ratio = ratio(&series.rates, other.series[at].rates.iter().copied());
            write!(text, " {ratio:.2} |").expect("it is a string");
            if *clients == 64 && ratio <= 1.0 {
                behind.push(other.name);
            }
        }
        let count = |of: fn(&Counts) -> f64| median(series.counts.iter().map(of));
        write!(
            text,
            " {:.1} | {:.1} | {:.0} |",
            count(|counts| counts.commits_a_write),
            count(|counts| counts.commits_a_sync),
            count(|counts| counts.bytes_a_commit),
        )
        .expect("it is a string");
    }
    text.push_str("\n\n## Goals\n\n| goal | found | |\n|---|---|---|\n");
    let verdict = |is_met| if is_met { "met" } else { "missed" };
    if options.clients.contains(&64) && !others.is_empty() {
        let found = if behind.is_empty() {
            String::from("ahead")
        } else {
            format!("behind {}", behind.join(", "))
        };
        let is_met = verdict(behind.is_empty());
        writeln!(text, "| at 64 clients ahead of all | {found} | {is_met} |")
            .expect("it is a string");
    }
    if let Some(at) = options.clients.iter().position(|clients| *clients == 1) {
        let rates = &ladybug.series[at].rates;
        type Manner = (&'static str, fn(&Floor) -> f64);
        let manners: [Manner; 2] = [
            ("over zeros", |floor| floor.over_zeros),
            ("into a growing file", |floor| floor.growing),
        ];
        for (manner, of) in manners {
            let slower = 1.0 / ratio(rates, floor.iter().map(of));
            writeln!(
                text,
                "| at 1 client within {FLOOR_RATIO_MAX} of a loop of `write` {manner} and `fdatasync` | \
                 {slower:.2} times as long as its {:.0} µs | {} |",
                1e6 / median(floor.iter().map(of)),
                verdict(slower <= FLOOR_RATIO_MAX),
            )
            .expect("it is a string");
        }
    }
    text
}
