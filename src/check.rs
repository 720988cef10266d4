//! `ladybug check DIR`: verifies a data directory that no server uses, and repairs it if asked.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use ladybug_engine::engine::check::{CheckError, Report, check, repair};
use ladybug_engine::storage::{DiskStorage, Storage};

/// Damage was found.
const EXIT_DAMAGED: u8 = 1;
/// The directory could not be checked, or not be repaired.
const EXIT_FAILED: u8 = 2;

/// What to check.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 clean, or clean again after --repair; 1 damage found; \
2 in use, unreadable, or not to be repaired without losing commits."
)]
pub struct CheckOptions {
    /// The data directory
    directory: PathBuf,
    /// Rebuild what parity, the older checkpoint and the log allow; change nothing if commits would be lost
    #[arg(long)]
    repair: bool,
}

/// Checks, prints what was found, and answers the exit code.
pub fn run(options: &CheckOptions) -> ExitCode {
    let mut out = io::stdout().lock();
    match run_to(options, &mut out) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("ladybug: {error}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

fn run_to(options: &CheckOptions, out: &mut dyn Write) -> Result<u8, Box<dyn std::error::Error>> {
    let directory = &options.directory;
    // Storage and its lock would make what is not there.
    let is_data = |name: &str| directory.join(name).is_dir();
    if !is_data("log") && !is_data("checkpoints") {
        let directory = directory.display();
        return Err(
            format!("{directory} is no data directory: neither log nor checkpoints in it").into(),
        );
    }
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(directory)?);
    if !options.repair {
        let report = check(&storage)?;
        print_report(&report, out)?;
        return Ok(match report.is_clean() {
            true => 0,
            false => EXIT_DAMAGED,
        });
    }
    let repaired = match repair(&storage) {
        Ok(repaired) => repaired,
        Err(error @ CheckError::Impossible(_)) => {
            print_report(&check(&storage)?, out)?;
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    print_report(&repaired.before, out)?;
    for step in &repaired.steps {
        writeln!(out, "repair: {step}")?;
    }
    if !repaired.steps.is_empty() {
        writeln!(out, "after the repair:")?;
        print_report(&repaired.after, out)?;
    }
    Ok(match repaired.after.is_clean() {
        true => 0,
        false => EXIT_FAILED,
    })
}

fn print_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for checkpoint in &report.checkpoints {
        match &checkpoint.state {
            Some(state) => writeln!(out, "checkpoint at {state}")?,
            None => writeln!(
                out,
                "checkpoint at position {}: damaged",
                checkpoint.position
            )?,
        }
    }
    let log = &report.log;
    writeln!(
        out,
        "log: {} records in {} segments of {} bytes, the last at position {}, durable up to {}",
        log.records, log.segments, log.bytes, log.last, log.durable
    )?;
    for finding in &report.findings {
        let severity = match finding.is_damage {
            true => "damage",
            false => "note",
        };
        writeln!(out, "{severity}: {finding}")?;
    }
    match &report.state {
        Some(state) => writeln!(out, "a start finds {state}")?,
        None => writeln!(out, "a start would refuse")?,
    }
    writeln!(
        out,
        "{}",
        match report.is_clean() {
            true => "clean",
            false => "damaged",
        }
    )
}
