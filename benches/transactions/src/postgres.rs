//! PostgreSQL, measured by its own pgbench: a transfer is one pipeline of prepared statements, so one round trip.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Process, free_port, output};
use crate::transfer::{ACCOUNTS, BALANCE};
use crate::{Contender, Result};

/// The user "nobody", since PostgreSQL refuses to run as root.
const NOBODY: u32 = 65_534;
/// Where Debian keeps the binaries, by version.
const BINARIES: &str = "/usr/lib/postgresql";

/// Accounts are locked in ascending order, so that no two transfers wait for each other.
const SCRIPT: &str = r"\set one random(0, :accounts - 1)
\set other (:one + random(1, :accounts - 1)) % :accounts
\set first least(:one, :other)
\set second greatest(:one, :other)
\set amount random(1, 100) * (2 * random(0, 1) - 1)
\startpipeline
BEGIN;
UPDATE accounts SET balance = balance - :amount WHERE id = :first RETURNING balance;
UPDATE accounts SET balance = balance + :amount WHERE id = :second RETURNING balance;
COMMIT;
\endpipeline
";

pub struct Postgres {
    binaries: PathBuf,
    directory: PathBuf,
    running: Option<(Process, u16)>,
}

impl Postgres {
    /// Makes a cluster with default settings.
    pub fn new(directory: PathBuf) -> Result<Self> {
        let newest = fs::read_dir(BINARIES)
            .map_err(|error| format!("{BINARIES}: {error}: apt-get install postgresql"))?
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .max()
            .ok_or("no PostgreSQL is installed")?;
        let binaries = Path::new(BINARIES).join(newest.to_string()).join("bin");
        fs::create_dir(&directory)?;
        if directory.metadata()?.uid() == 0 {
            chown(&directory, Some(NOBODY), Some(NOBODY))?;
        }
        let postgres = Self {
            binaries,
            directory,
            running: None,
        };
        fs::write(postgres.script(), SCRIPT)?;
        let mut initdb = postgres.command("initdb")?;
        initdb.args([
            "--username",
            "bench",
            "--auth",
            "trust",
            "--encoding",
            "UTF8",
        ]);
        initdb.args(["--locale", "C", "--pgdata"]);
        initdb.arg(postgres.data());
        output(&mut initdb)?;
        Ok(postgres)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn script(&self) -> PathBuf {
        self.directory.join("transfer.sql")
    }

    /// One of its programs, not as root.
    fn command(&self, name: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(self.binaries.join(name.as_ref()));
        command.current_dir(&self.directory);
        if self.directory.metadata()?.uid() == NOBODY {
            command.uid(NOBODY).gid(NOBODY);
        }
        Ok(command)
    }

    /// One of its clients, connected by TCP as those of the others are.
    fn client(&self, name: &str) -> Result<Command> {
        let (_, port) = self.running.as_ref().expect("it was started");
        let mut command = self.command(name)?;
        command.args(["-h", "127.0.0.1", "-U", "bench", "-p", &port.to_string()]);
        Ok(command)
    }

    fn query(&self, sql: &str) -> Result<String> {
        let mut psql = self.client("psql")?;
        output(psql.args(["-X", "-A", "-t", "-d", "postgres", "-c", sql]))
    }

    fn await_ready(&self) -> Result<()> {
        // It accepts connections before it is ready for queries.
        for _ in 0..1_000 {
            if output(&mut self.client("pg_isready")?).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("PostgreSQL does not get ready".into())
    }
}

impl Contender for Postgres {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn about(&self) -> Result<String> {
        let version = output(self.command("postgres")?.arg("--version"))?;
        let setting = |name: &str| {
            output(
                self.command("postgres")?
                    .arg("-D")
                    .arg(self.data())
                    .args(["-C", name]),
            )
        };
        let mut settings = Vec::new();
        for name in [
            "fsync",
            "synchronous_commit",
            "wal_sync_method",
            "shared_buffers",
        ] {
            settings.push(format!("{name} {}", setting(name)?));
        }
        Ok(format!(
            "{version}, defaults ({}); pgbench, two UPDATE … RETURNING in one pipeline of prepared statements",
            settings.join(", ")
        ))
    }

    fn start(&mut self) -> Result<()> {
        let port = free_port()?;
        let mut command = self.command("postgres")?;
        command.args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k", "", "-D"]);
        command.arg(self.data());
        self.running = Some((Process::start(&mut command, port)?, port));
        self.await_ready()?;
        if self.query("SELECT to_regclass('accounts') IS NULL")? == "t" {
            // Room in the pages for new versions of the rows, as pgbench's own "fillfactor" is for.
            self.query("CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50)")?;
            let last = ACCOUNTS - 1;
            self.query(&format!(
                "INSERT INTO accounts SELECT id, {BALANCE} FROM generate_series(0, {last}) id"
            ))?;
            self.query("VACUUM (ANALYZE, FREEZE) accounts")?;
            self.query("CHECKPOINT")?;
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let (process, _) = self.running.take().expect("it was started");
        // "Fast": disconnects clients, writes a checkpoint, ends.
        process.end("-INT")
    }

    fn run(&mut self, clients: usize, duration: Duration, seed: u64) -> Result<f64> {
        let seconds = duration.as_secs_f64().ceil().to_string();
        let mut pgbench = self.client("pgbench")?;
        pgbench.args(["-n", "-M", "prepared", "-j", "1", "-T", &seconds]);
        pgbench.args([
            "-c",
            &clients.to_string(),
            "--random-seed",
            &seed.to_string(),
        ]);
        pgbench.args(["-D", &format!("accounts={ACCOUNTS}"), "-f"]);
        pgbench.arg(self.script()).arg("postgres");
        let printed = output(&mut pgbench)?;
        let value = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name));
            let value = line.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
            value.ok_or_else(|| format!("pgbench does not tell '{name}':\n{printed}"))
        };
        if value("number of failed transactions: ")? != 0.0 {
            return Err(format!("transactions failed:\n{printed}").into());
        }
        Ok(value("tps = ")?)
    }

    fn balances(&mut self) -> Result<Vec<i64>> {
        let printed = self.query("SELECT balance FROM accounts ORDER BY id")?;
        printed.lines().map(|line| Ok(line.parse()?)).collect()
    }
}
