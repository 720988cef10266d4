//! SQLite in this process, its write-ahead log synced at every commit: a client is a thread with a connection of its own.
//!
//! One writes at a time. The threads take turns by a mutex, which serves SQLite better than its own waiting does: that
//! sleeps and tries again.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use crate::transfer::{ACCOUNTS, BALANCE, Transfers};
use crate::{Contender, Result};

pub struct Sqlite {
    file: PathBuf,
    /// Keeps the database open between runs, so that no run begins or ends with a checkpoint.
    open: Option<Connection>,
}

impl Sqlite {
    pub fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir(&directory)?;
        Ok(Self {
            file: directory.join("accounts.db"),
            open: None,
        })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.file)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        Ok(connection)
    }
}

impl Contender for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn about(&self) -> Result<String> {
        Ok(format!(
            "SQLite {}, journal_mode wal, synchronous full; two UPDATE … RETURNING, in this process, \
             threads take turns by a mutex",
            rusqlite::version()
        ))
    }

    fn start(&mut self) -> Result<()> {
        let is_new = !self.file.exists();
        let mut connection = self.connect()?;
        if is_new {
            let transaction = connection.transaction()?;
            transaction.execute(
                "CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)",
                (),
            )?;
            for id in 0..ACCOUNTS as i64 {
                transaction
                    .execute("INSERT INTO accounts VALUES (?1, ?2)", params![id, BALANCE])?;
            }
            transaction.commit()?;
        }
        self.open = Some(connection);
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        self.open = None;
        Ok(())
    }

    fn run(&mut self, clients: usize, duration: Duration, seed: u64) -> Result<f64> {
        let mut connections = Vec::new();
        for _ in 0..clients {
            connections.push(self.connect()?);
        }
        let turn = Mutex::new(());
        let start = Instant::now();
        let commits: rusqlite::Result<Vec<u64>> = thread::scope(|scope| {
            let clients: Vec<_> = connections
                .into_iter()
                .zip(0..)
                .map(|(connection, client)| {
                    let transfers = Transfers::new(seed << 32 | client);
                    let is_over = move || start.elapsed() >= duration;
                    let turn = &turn;
                    scope.spawn(move || transfer(&connection, transfers, turn, is_over))
                })
                .collect();
            let join = |client: thread::ScopedJoinHandle<'_, _>| client.join().expect("no panic");
            clients.into_iter().map(join).collect()
        });
        let commits: u64 = commits?.into_iter().sum();
        Ok(commits as f64 / start.elapsed().as_secs_f64())
    }

    fn balances(&mut self) -> Result<Vec<i64>> {
        let connection = self.open.as_ref().expect("it was started");
        let mut select = connection.prepare("SELECT balance FROM accounts ORDER BY id")?;
        let balances = select.query_map((), |row| row.get(0))?;
        Ok(balances.collect::<rusqlite::Result<_>>()?)
    }
}

/// One client's transfers; answers how many.
fn transfer(
    connection: &Connection,
    mut transfers: Transfers,
    turn: &Mutex<()>,
    is_over: impl Fn() -> bool,
) -> rusqlite::Result<u64> {
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut add = connection
        .prepare("UPDATE accounts SET balance = balance + ?1 WHERE id = ?2 RETURNING balance")?;
    let mut commit = connection.prepare("COMMIT")?;
    let mut commits = 0;
    while !is_over() {
        let transfer = transfers.draw();
        let amount = transfer.amount as i64;
        let turn = turn.lock().expect("no client panics");
        begin.execute(())?;
        for (id, amount) in [(transfer.from, -amount), (transfer.to, amount)] {
            add.query_row(params![amount, id as i64], |row| row.get::<_, i64>(0))?;
        }
        commit.execute(())?;
        drop(turn);
        commits += 1;
    }
    Ok(commits)
}
