//! Running a scenario: each in a space of its own.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ladybug::query::cypher::Statement;
use ladybug::query::cypher::census::Census;
use ladybug::query::cypher::error::{CypherError, Phase};
use ladybug::query::cypher::execute::output::Answer;
use ladybug::query::cypher::execute::{Access, Executor, Limits};
use ladybug::query::cypher::memory::Alone;
use ladybug::query::cypher::procedures::{Column, ColumnType, Procedure, Procedures};
use ladybug::query::cypher::value::{Map, Value};
use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::engine::{Engine, EngineOptions, SystemClock};
use ladybug_engine::space::state::View;
use ladybug_engine::storage::DiskStorage;
use tempfile::TempDir;

use super::expected::{Expected, parse};
use super::graph::Graph;
use super::scenario::{Scenario, Step};

/// Most scenarios.
const SPACES: usize = 10_000;

/// An engine, and the kit's named graphs.
pub struct Kit {
    engine: Engine,
    root: PathBuf,
    next_space: Cell<u32>,
    _data: TempDir,
}

/// The procedures of a scenario.
#[derive(Default)]
struct Registered(RefCell<HashMap<String, Arc<Procedure>>>);

impl Procedures for Registered {
    fn find(&self, name: &str) -> Option<Arc<Procedure>> {
        self.0.borrow().get(name).cloned()
    }
}

/// What has happened in a scenario so far.
struct Session<'k> {
    kit: &'k Kit,
    space: u32,
    parameters: Map,
    procedures: Registered,
    outcome: Option<Result<Answer, CypherError>>,
    changes: Vec<(String, String)>,
}

type Checked = Result<(), String>;

impl Kit {
    pub fn new(root: &Path) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let storage = DiskStorage::new(data.path()).expect("a directory");
        let options = EngineOptions {
            fsync: FsyncPolicy::Never,
            spaces_max: SPACES,
            ..EngineOptions::default()
        };
        let engine =
            Engine::open(Arc::new(storage), Arc::new(SystemClock), options).expect("an engine");
        Self {
            engine,
            root: root.to_owned(),
            next_space: Cell::new(0),
            _data: data,
        }
    }

    pub fn run(&self, scenario: &Scenario) -> Checked {
        let space = self.next_space.replace(self.next_space.get() + 1);
        let mut session = Session {
            kit: self,
            space,
            parameters: Map::new(),
            procedures: Registered::default(),
            outcome: None,
            changes: Vec::new(),
        };
        let run = std::panic::AssertUnwindSafe(|| {
            scenario
                .steps
                .iter()
                .try_for_each(|step| session.step(step))
        });
        let result = std::panic::catch_unwind(run);
        let result = result.unwrap_or_else(|_| Err("it panicked".to_owned()));
        result.map_err(|error| {
            let blocks = scenario
                .steps
                .iter()
                .filter_map(|step| step.block.as_deref());
            format!("{}\n{error}", blocks.collect::<Vec<_>>().join("\n--\n"))
        })
    }
}

impl Session<'_> {
    fn step(&mut self, step: &Step) -> Checked {
        let text = step.text.trim_end_matches(':').trim();
        let block = step.block.as_deref().unwrap_or_default();
        match text {
            "an empty graph" | "any graph" => Ok(()),
            "having executed" => self
                .execute(block)
                .map(drop)
                .map_err(|error| format!("before: {error}")),
            "parameters are" => {
                for row in &step.rows {
                    self.parameters
                        .insert(row[0].as_str().into(), parse(&row[1]).value());
                }
                Ok(())
            }
            "executing query" | "executing control query" => {
                let before = Graph::of(&self.kit.engine.state(self.space).0);
                self.outcome = Some(self.execute(block));
                self.changes = before.changes(&Graph::of(&self.kit.engine.state(self.space).0));
                Ok(())
            }
            "the result should be empty" => match self.answer()?.rows.len() {
                0 => Ok(()),
                rows => Err(format!("expected no rows, got {rows}")),
            },
            "the result should be, in any order" => self.check_rows(step, false, false),
            "the result should be, in order" => self.check_rows(step, true, false),
            "the result should be (ignoring element order for lists)" => {
                self.check_rows(step, false, true)
            }
            "the result should be, in order (ignoring element order for lists)" => {
                self.check_rows(step, true, true)
            }
            "no side effects" => self.check_changes(&[]),
            "the side effects should be" => {
                let mut wanted: Vec<_> = step
                    .rows
                    .iter()
                    .map(|row| (row[0].clone(), row[1].clone()))
                    .collect();
                wanted.sort();
                self.check_changes(&wanted)
            }
            _ => {
                if let Some(name) = text
                    .strip_prefix("the ")
                    .and_then(|rest| rest.strip_suffix(" graph"))
                {
                    return self.named_graph(name);
                }
                if let Some(signature) = text.strip_prefix("there exists a procedure ") {
                    return self.register(signature, &step.rows);
                }
                if let Some((kind, rest)) = text.split_once(" should be raised at ") {
                    let kind = kind.trim_start_matches("a ").trim_start_matches("an ");
                    let (phase, detail) = rest.split_once(": ").expect("a phase and a detail");
                    return self.check_error(kind, phase, detail);
                }
                Err(format!("no such step: {text}"))
            }
        }
    }

    fn execute(&self, text: &str) -> Result<Answer, CypherError> {
        let engine = &self.kit.engine;
        let counted = Census::default();
        let statement = Statement::prepare(
            text,
            &self.parameters,
            &self.procedures,
            &counted.of(&engine.state(self.space).0),
        )?;
        let limits = Limits::default();
        if statement.writes() {
            return engine
                .commit(&[self.space], |tx| {
                    statement.run(Access::Write(tx), &Alone, limits)
                })
                .value;
        }
        let (state, _) = engine.state(self.space);
        statement.run(Access::Read(View::of(&state, engine.now())), &Alone, limits)
    }

    fn named_graph(&self, name: &str) -> Checked {
        let script = self
            .kit
            .root
            .join("graphs")
            .join(name)
            .join(format!("{name}.cypher"));
        let script = std::fs::read_to_string(&script)
            .map_err(|error| format!("{}: {error}", script.display()))?;
        for statement in script
            .split(';')
            .filter(|statement| !statement.trim().is_empty())
        {
            self.execute(statement)
                .map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// `test.my.proc(in :: INTEGER?) :: (out :: STRING?)`, and rows of what it takes and yields.
    fn register(&self, signature: &str, rows: &[Vec<String>]) -> Checked {
        let (head, outputs) = signature.rsplit_once(" :: (").expect("what it yields");
        let (name, inputs) = head.split_once('(').expect("what it takes");
        let columns = |list: &str| {
            let list = list
                .trim_end()
                .trim_end_matches(':')
                .trim_end()
                .trim_end_matches(')');
            let list = list.split(',').filter(|column| !column.trim().is_empty());
            list.map(column).collect::<Vec<_>>()
        };
        let (inputs, outputs) = (columns(inputs), columns(outputs));
        let row = |row: &Vec<String>| {
            row.iter()
                .map(|cell| parse(cell).value())
                .collect::<Vec<Value>>()
        };
        let table: Vec<Vec<Value>> = rows.iter().skip(1).map(row).collect();
        let taken = inputs.len();
        let run = move |_: &Executor<'_, '_>, arguments: &[Value]| {
            let fits = |row: &&Vec<Value>| row[..taken].iter().zip(arguments).all(|(a, b)| a == b);
            Ok(table
                .iter()
                .filter(fits)
                .map(|row| row[taken..].to_vec())
                .collect())
        };
        let procedure = Procedure {
            name: name.into(),
            inputs,
            outputs,
            is_similarity: false,
            run: Box::new(run),
        };
        self.procedures
            .0
            .borrow_mut()
            .insert(name.to_owned(), Arc::new(procedure));
        Ok(())
    }

    fn answer(&self) -> Result<&Answer, String> {
        match self.outcome.as_ref().expect("a query ran") {
            Ok(answer) => Ok(answer),
            Err(error) => Err(format!("got an error: {error}")),
        }
    }

    fn check_rows(&self, step: &Step, is_ordered: bool, ignores_lists: bool) -> Checked {
        let answer = self.answer()?;
        let columns: Vec<String> = answer.columns.iter().map(|name| name.to_string()).collect();
        if columns != step.rows[0] {
            return Err(format!(
                "expected the columns {:?}, got {columns:?}",
                step.rows[0]
            ));
        }
        let order = |value: Expected| if ignores_lists { value.sorted() } else { value };
        let wanted = step.rows[1..]
            .iter()
            .map(|row| row.iter().map(|cell| order(parse(cell))).collect());
        let got = answer
            .rows
            .iter()
            .map(|row| row.iter().map(|value| order(value.into())).collect());
        let (mut wanted, mut got): (Vec<Vec<Expected>>, Vec<Vec<Expected>>) =
            (wanted.collect(), got.collect());
        if !is_ordered {
            let key = |row: &Vec<Expected>| format!("{row:?}");
            wanted.sort_by_cached_key(key);
            got.sort_by_cached_key(key);
        }
        match wanted == got {
            true => Ok(()),
            false => Err(format!("expected {wanted:#?}\ngot {got:#?}")),
        }
    }

    fn check_changes(&self, wanted: &[(String, String)]) -> Checked {
        if let Some(Err(error)) = &self.outcome {
            return Err(format!("got an error: {error}"));
        }
        match self.changes == wanted {
            true => Ok(()),
            false => Err(format!(
                "expected the side effects {wanted:?}, got {:?}",
                self.changes
            )),
        }
    }

    fn check_error(&self, kind: &str, phase: &str, detail: &str) -> Checked {
        let error = match self.outcome.as_ref().expect("a query ran") {
            Ok(answer) => {
                return Err(format!(
                    "expected {kind} at {phase}: {detail}, got {:?}",
                    answer.rows
                ));
            }
            Err(error) => error,
        };
        let got_phase = match error.phase {
            Phase::CompileTime => "compile time",
            Phase::Runtime => "runtime",
        };
        let is_kind = format!("{:?}", error.kind) == kind;
        let is_phase = phase == "any time" || phase == got_phase;
        let is_detail = detail == "*" || detail == error.detail;
        if !(is_kind && is_phase && is_detail) {
            return Err(format!("expected {kind} at {phase}: {detail}, got {error}"));
        }
        match self.changes.is_empty() {
            true => Ok(()),
            false => Err(format!("an error changed the graph: {:?}", self.changes)),
        }
    }
}

/// `in :: INTEGER?`.
fn column(text: &str) -> Column {
    let (name, kind) = text.split_once("::").expect("a name and a type");
    Column {
        name: name.trim().into(),
        kind: match kind.trim().trim_end_matches('?') {
            "INTEGER" => ColumnType::Integer,
            "FLOAT" => ColumnType::Float,
            "NUMBER" => ColumnType::Number,
            "STRING" => ColumnType::String,
            "BOOLEAN" => ColumnType::Boolean,
            "MAP" => ColumnType::Map,
            "NODE" => ColumnType::Node,
            other if other.starts_with("LIST") => ColumnType::List,
            _ => ColumnType::Any,
        },
    }
}
