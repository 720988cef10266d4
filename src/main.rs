//! The one binary: `serve` unless told otherwise, and the tools around it.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use ladybug::check::{self, CheckOptions};
use ladybug::cli::{self, CliOptions};
use ladybug::config::{LogFormat, Options, Settings};
use ladybug::health;
use ladybug::load::{self, LoadOptions};
use ladybug::server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A cognitive database server: one memory that Redis commands, graphs and search all reach
#[derive(Debug, Parser)]
#[command(name = "ladybug", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    subcommand: Option<Task>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the server (the default)
    Serve(Options),
    /// Talk to a running server
    Cli(CliOptions),
    /// Load data into a server or a data directory
    #[command(subcommand)]
    Load(LoadOptions),
    /// Verify a data directory that no server uses, and repair it
    Check(CheckOptions),
    /// Ask the server that runs with these settings whether it is alive
    Health(Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments
        .subcommand
        .unwrap_or(Task::Serve(arguments.options))
    {
        Task::Serve(options) => serve(options).map(|()| true),
        Task::Load(options) => load::run(options).map(|()| true).map_err(Into::into),
        Task::Check(options) => return check::run(&options),
        Task::Health(options) => ask_health(options).map(|()| true),
        Task::Cli(options) => cli::run(&options).map_err(Into::into),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ladybug: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask_health(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let platform_port = std::env::var("PORT").ok();
    let settings = Settings::resolve(options, platform_port.as_deref())?;
    let bind = settings
        .bind
        .first()
        .ok_or("bind: expected at least one address")?;
    Ok(health::check(*bind, settings.http_port)?)
}

fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let platform_port = std::env::var("PORT").ok();
    let settings = Settings::resolve(options, platform_port.as_deref())?;
    start_logging(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(server::run(settings))?;
    Ok(())
}

/// Log lines go to standard error, so that standard output stays free.
fn start_logging(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    let filter = EnvFilter::try_new(&settings.log_level)
        .map_err(|error| format!("log-level '{}': {error}", settings.log_level))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => log
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
