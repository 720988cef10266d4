//! The instruction set, over an engine: every operation against its translation, its reference, or the state after.

mod causal;
mod cypher;
mod descriptions;
mod fuzz;
mod graphql;
mod in_sql;
mod lance;
mod learning;
mod memory;
mod meta;
mod multi;
mod nars;
mod programs;
mod provenance;
mod qualia;
mod quantum;
mod ranges;
mod resp;
mod sql;
mod temporal;
mod translations;
mod vocabulary;
mod vsa;
mod writes;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ladybug::cam::{Called, Host, InSql, Method, call, methods_table, run};
use ladybug::query::graphql::{Graphql, Limits};
use ladybug::query::sql::{Executed, Sql, SqlOptions};
use ladybug_engine::engine::{Clock, Engine, EngineOptions};
use ladybug_engine::storage::SimulatedStorage;

/// When the clocks of machines start, seconds since the epoch.
const START_S: i64 = 1_767_225_600;

/// A clock that stands until it is told that time has passed.
pub struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An engine with methods over it.
pub struct Machine {
    pub sql: Sql,
    pub graphql: Arc<Graphql>,
    pub shared: Arc<Engine>,
    clock: Arc<StandingClock>,
}

impl Machine {
    pub fn new() -> Self {
        let storage = Arc::new(SimulatedStorage::new(7));
        let clock = Arc::new(StandingClock(AtomicI64::new(START_S * 1_000_000)));
        let timed = Arc::clone(&clock) as Arc<dyn Clock>;
        let engine = Engine::open(storage, timed, EngineOptions::default());
        let engine = Arc::new(engine.expect("an engine"));
        let graphql = Arc::new(Graphql::new(Arc::clone(&engine), Limits::default()));
        let options = SqlOptions {
            constants: vec![("methods".to_owned(), methods_table())],
            methods: Some(Arc::new(InSql {
                graphql: Arc::clone(&graphql),
                rows_max: 1000,
                bytes_max: 1 << 20,
            })),
            threads: 1,
            ..SqlOptions::default()
        };
        let sql = Sql::new(Arc::clone(&engine), options).expect("SQL");
        Self {
            sql,
            graphql,
            shared: engine,
            clock,
        }
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: f64) {
        let microseconds = (seconds * 1e6) as i64;
        self.clock.0.fetch_add(microseconds, Ordering::Relaxed);
    }

    /// One with nodes in both zones, edges between them, and words of its own: the same for the same seed.
    pub fn filled(seed: u64) -> Self {
        let machine = Self::new();
        let pick = |n: u64, of: u64| (seed.wrapping_mul(31).wrapping_add(n * 7 + n * n)) % of;
        let words = [
            "ada",
            "engine",
            "gear",
            "robin",
            "bird",
            "tar",
            "lung",
            "O'Hara",
            "Größe",
            "web server",
        ];
        let word = |n: u64| words[pick(n, words.len() as u64) as usize].replace('\'', "''");
        for n in 0..24 {
            machine.pass(0.25 + pick(n, 40) as f64);
            let (a, b) = (word(n), word(n + 5));
            let expires = match n % 3 {
                0 => "now() + INTERVAL '1 hour'",
                _ => "NULL",
            };
            let properties = match n % 4 {
                0 => format!("'{{\"born\":{n},\"of\":\"{b}\"}}'"),
                _ => "NULL".to_owned(),
            };
            let value = match n % 5 {
                0 => "NULL".to_owned(),
                _ => format!("'{a} and {b} {}'", n / 6),
            };
            machine.change(&format!(
                "INSERT INTO nodes (name, value, properties, kinds, expires, confidence) \
                 VALUES ('{a}{n}', {value}, {properties}, make_array('Thing'), {expires}, {})",
                0.1 + f64::from(n as u32) / 40.0
            ));
        }
        // Given bits, some near each other, and a node without a name.
        machine.change(
            "INSERT INTO nodes (name, fingerprint, expires) SELECT 'given ' || name, \
             bind(fingerprint, fingerprint(repeat('0', 2550) || 'ffffffffff')), expires FROM nodes ORDER BY address LIMIT 6",
        );
        machine.change("INSERT INTO nodes (value) VALUES ('nobody')");
        machine.change(
            "INSERT INTO edges (source, verb, target) SELECT s.id, 'CAUSES', t.id FROM nodes s, nodes t \
             WHERE s.address % 5 = 1 AND t.address % 7 = 2 AND s.id <> t.id",
        );
        machine.change(
            "UPDATE nodes SET qualia = make_array(id % 5 / 4.0, id % 9 / 4.0 - 1.0, id % 3 / 2.0, 0.5, id % 2, id % 7 / 6.0, \
             0.25, 0.125) WHERE id % 4 <> 1",
        );
        // Memories that were presented a few times, and more often than is kept.
        for n in 0..14 {
            machine.line(&format!("MEMORY.REHEARSE #1 #{} #{}", 2 + n % 3, 5 + n % 7));
            machine.pass(3.5 + n as f64);
        }
        // What was learned, in both zones: prototypes, a sequence.
        for (zone, expires) in [("node", "NULL"), ("fluid", "now() + INTERVAL '1 hour'")] {
            for (name, kind, bits) in [
                ("class one", "Prototype", "encode('web server')"),
                ("class two", "Prototype", "encode('ada')"),
                (
                    "song",
                    "Sequence",
                    "bind(encode('ada'), permute(encode('a bird and a gear'), -1))",
                ),
            ] {
                machine.change(&format!(
                    "INSERT INTO nodes (name, kinds, fingerprint, expires) \
                     VALUES ('{name} {zone}', make_array('{kind}'), {bits}, {expires})"
                ));
            }
        }
        // Judgements between few terms, so that premises of a rule meet; one stands on other evidence.
        for (zone, expires) in [("node", "NULL"), ("fluid", "now() + INTERVAL '1 hour'")] {
            for term in ["robin", "bird", "animal"] {
                machine.change(&format!(
                    "INSERT INTO nodes (name, expires) VALUES ('{term}_{zone}', {expires})"
                ));
            }
            for (verb, n) in [("IS_A", 3), ("SIMILAR_TO", 5), ("IMPLIES", 7)] {
                machine.change(&format!(
                    "INSERT INTO edges (source, verb, target, frequency, confidence) \
                     SELECT s.id, '{verb}', t.id, (s.id * {n} + t.id) % 5 / 4.0, (1 + (s.id + t.id * {n}) % 8) / 10.0 \
                     FROM nodes s, nodes t WHERE s.id <> t.id AND s.name LIKE '%\\_{zone}' AND t.name LIKE '%\\_{zone}'"
                ));
            }
        }
        // Actions that were rewarded in states, and one that never was.
        machine.change(
            "INSERT INTO edges (source, verb, target, properties) SELECT s.id, 'ENABLES', t.id, \
             CASE WHEN s.id % 3 = 0 THEN NULL ELSE concat('{\"reward\":', s.id % 4 / 4.0, ',\"trials\":', t.id % 7 + 1, '}') END \
             FROM nodes s, nodes t WHERE s.name LIKE '%\\_%' AND t.name LIKE '%\\_%'",
        );
        machine
    }

    pub fn engine(&self) -> &Engine {
        self.sql.engine()
    }

    pub fn host(&self) -> Host<'_> {
        Host {
            sql: &self.sql,
            graphql: &self.graphql,
            space: 0,
            timeout: None,
            rows_max: 100_000,
            bytes_max: 1 << 30,
        }
    }

    /// The rows of a method.
    pub fn call(&self, method: &Method, arguments: &[&[u8]]) -> Result<RecordBatch, String> {
        let outcome = run(&self.host(), method, arguments);
        outcome.value.map_err(|error| error.to_string())
    }

    /// The same by a line of words, of which those in double quotes are one.
    pub fn try_line(&self, line: &str) -> Result<RecordBatch, String> {
        let mut words: Vec<String> = Vec::new();
        for (at, part) in line.split('"').enumerate() {
            match at % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        let bytes: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let called = Called::parse(bytes[0]).map_err(|error| error.to_string())?;
        self.called(&called, &bytes[1..])
    }

    /// The rows of whatever is called.
    pub fn called(&self, called: &Called<'_>, arguments: &[&[u8]]) -> Result<RecordBatch, String> {
        let outcome = call(&self.host(), called, arguments);
        let answer = outcome.value.map_err(|error| error.to_string())?;
        Ok(answer.rows)
    }

    #[track_caller]
    pub fn line(&self, line: &str) -> RecordBatch {
        self.try_line(line)
            .unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[track_caller]
    pub fn refusal(&self, line: &str) -> String {
        let before = self.engine().state(0).0.version();
        let refused = self.try_line(line).expect_err("it is refused");
        assert_eq!(
            self.engine().state(0).0.version(),
            before,
            "{line} changed something"
        );
        refused
    }

    /// The rows of a query.
    pub fn try_query(&self, query: &str) -> Result<Vec<RecordBatch>, String> {
        let mut session = self.sql.session(0);
        self.sql
            .block_on(async {
                match session.execute(query, Vec::new()).await? {
                    Executed::Rows(rows) => rows.collect(1 << 20, 1 << 30).await,
                    Executed::Done(_) => Ok(Vec::new()),
                }
            })
            .map_err(|error| error.to_string())
    }

    #[track_caller]
    pub fn query(&self, query: &str) -> Vec<RecordBatch> {
        self.try_query(query)
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// Makes a change.
    #[track_caller]
    pub fn change(&self, statement: &str) {
        self.query(statement);
    }

    /// The rows of a query as text.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let batches = self.query(query);
        batches
            .iter()
            .flat_map(cells)
            .map(|row| row.join("|"))
            .collect()
    }
}

/// Rows as texts, null as `NULL`.
pub fn cells(rows: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = rows
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a column"))
        .collect();
    let row = |row| {
        columns
            .iter()
            .map(|column| column.value(row).to_string())
            .collect()
    };
    (0..rows.num_rows()).map(row).collect()
}

/// The one value of a result.
#[track_caller]
pub fn only(rows: &RecordBatch) -> String {
    let cells = cells(rows);
    assert_eq!(cells.len(), 1, "{cells:?}");
    cells[0][0].clone()
}
