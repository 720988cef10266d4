//! Running a plan: over a snapshot, or inside a commit, of which it reads its own writes.
//!
//! `evaluate` gives the values of expressions, `steps` and `paths` the rows of patterns, `project` columns, groups
//! and order, `write` changes, `output` what is answered. Nothing here knows of sockets or threads: who runs a plan
//! says how long and how much it may.

mod count;
mod evaluate;
mod noted;
pub mod output;
mod paths;
mod profile;
mod project;
mod property;
mod steps;
mod write;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ladybug_engine::commit::transaction::Transaction;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::chunk::Node;
use ladybug_engine::space::graph::{Edge, EdgeLink};
use ladybug_engine::space::state::{State, View};
use ladybug_engine::space::temporal::LocalDateTime;
use regex::Regex;

use super::census::Census;
use super::error::{CypherError, ErrorType, Result};
use super::memory::Memory;
use super::plan::{End, Plan, Query, Stage};
use super::temporal::Now;
use super::value::{Key, NodeRef, Value};
use count::Counting;
pub use evaluate::{invalid_type, truth};
pub use noted::Noted;
use output::{Answer, Counters};
pub use profile::Profile;
use project::Projector;
use steps::Verbs;

/// Whether more rows are wanted.
pub type Flow = ControlFlow<()>;

/// What a statement may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// Bytes of rows that it may hold.
    pub memory_bytes: usize,
    /// Rows of its result.
    pub rows: usize,
}

impl Limits {
    /// Milliseconds, bytes and rows; those that are not given as usual.
    pub fn new(time_ms: Option<u64>, memory_bytes: Option<u64>, rows: Option<u64>) -> Self {
        let usual = Self::default();
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Self {
            time: time_ms.map_or(usual.time, Duration::from_millis),
            memory_bytes: memory_bytes.map_or(usual.memory_bytes, size),
            rows: rows.map_or(usual.rows, size),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            memory_bytes: 1 << 30,
            rows: 10_000_000,
        }
    }
}

/// What a run of a statement may use, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What it may use.
    pub limits: Limits,
    /// When the statement began, which may have been run before.
    pub since: Instant,
    /// The most steps it may take, if others wait for it meanwhile.
    pub steps: Option<usize>,
}

/// Most steps of a run that holds a lock: a fraction of a millisecond.
pub const STEPS_LOCKED_MAX: usize = 4096;

impl From<Limits> for Budget {
    fn from(limits: Limits) -> Self {
        Self {
            limits,
            since: Instant::now(),
            steps: None,
        }
    }
}

/// What a plan reads, and perhaps changes.
pub enum Access<'e, 't> {
    /// A state that nobody changes.
    Read(View<'e>),
    /// A commit in the making.
    Write(&'e mut Transaction<'t>),
}

/// Rows between stages: which slots they fill, and what with.
struct Rows {
    slots: Vec<usize>,
    rows: Vec<Vec<Value>>,
}

/// A plan that runs.
pub struct Executor<'e, 't> {
    access: Access<'e, 't>,
    memory: &'e dyn Memory,
    budget: Budget,
    noted: Option<&'e Noted>,
    /// How many rows the one stands for that comes out of the steps of a stage.
    row_count: Cell<u64>,
    /// Steps until the clock is looked at.
    until_check: Cell<usize>,
    held_bytes: Cell<usize>,
    regexes: RefCell<HashMap<String, Rc<Regex>>>,
    counters: Counters,
    profile: Option<Profile>,
    /// The verbs of lists of types, by where the plan has them: of a state that nobody changes.
    verbs: RefCell<Vec<(*const Arc<str>, Verbs)>>,
    /// What steps that count make use of again, by their numbers.
    counts: RefCell<Vec<Counting>>,
    /// Which nodes have a label.
    census: Arc<Census>,
    /// What is known of properties that many nodes are asked for, by where the plan has their keys.
    properties: RefCell<Vec<property::Known>>,
}

/// Steps between looks at the clock.
const STEPS_PER_CHECK: usize = 4096;

impl<'e, 't> Executor<'e, 't> {
    /// Runs a plan.
    ///
    /// # Errors
    /// What the plan does cannot be done, or it takes more than it may; then nothing may be committed.
    pub fn run_plan(
        plan: &Plan,
        access: Access<'e, 't>,
        memory: &'e dyn Memory,
        budget: Budget,
    ) -> Result<Answer> {
        let mut executor = Executor {
            access,
            memory,
            budget,
            noted: memory.noted(),
            row_count: Cell::new(1),
            until_check: Cell::new(budget.steps.unwrap_or(STEPS_PER_CHECK)),
            held_bytes: Cell::new(0),
            regexes: RefCell::default(),
            counters: Counters::default(),
            profile: (plan.mode == super::ast::Mode::Profile).then(|| Profile::new(plan.steps)),
            verbs: RefCell::default(),
            counts: RefCell::default(),
            census: memory.census().unwrap_or_default(),
            properties: RefCell::default(),
        };
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for query in &plan.queries {
            let more = executor.query(query)?;
            rows.extend(more);
        }
        if plan.is_distinct {
            let mut seen = std::collections::HashSet::new();
            rows.retain(|row| seen.insert(Key(row.clone())));
        }
        if plan.columns.is_empty() {
            rows.clear();
        }
        let shown = rows
            .iter()
            .map(|row| row.iter().map(|value| executor.output(value)).collect());
        let rows = shown.collect();
        let plan_text = executor
            .profile
            .as_ref()
            .map(|profile| super::explain::lines(plan, Some(profile)));
        Ok(Answer {
            columns: plan.columns.clone(),
            rows,
            counters: executor.counters,
            plan: plan_text,
            elapsed: executor.budget.since.elapsed(),
        })
    }

    fn query(&mut self, query: &Query) -> Result<Vec<Vec<Value>>> {
        let mut rows = Rows {
            slots: Vec::new(),
            rows: vec![Vec::new()],
        };
        for stage in &query.stages {
            rows = match &stage.end {
                End::Write(write) => {
                    let mut frames = self.frames(stage, rows, query.width)?;
                    self.write(write, &mut frames)?;
                    Rows {
                        slots: (0..query.width).collect(),
                        rows: frames,
                    }
                }
                End::Project(_) | End::Drain => self.read_stage(stage, rows, query.width)?,
            };
        }
        Ok(rows.rows)
    }

    /// All rows that the steps of a stage make, whole.
    fn frames(&self, stage: &Stage, rows: Rows, width: usize) -> Result<Vec<Vec<Value>>> {
        let mut frames = Vec::new();
        self.feed(stage, rows, &vec![Value::Null; width], &mut |row| {
            self.hold(row)?;
            frames.push(row.to_vec());
            Ok(Flow::Continue(()))
        })?;
        Ok(frames)
    }

    /// The rows of a stage that only reads.
    fn read_stage(&self, stage: &Stage, rows: Rows, width: usize) -> Result<Rows> {
        self.read_stage_from(stage, rows, &vec![Value::Null; width])
    }

    fn read_stage_from(&self, stage: &Stage, rows: Rows, frame: &[Value]) -> Result<Rows> {
        match &stage.end {
            End::Project(projection) => {
                let mut projector = Projector::new(self, projection, &mut frame.to_vec())?;
                self.feed(stage, rows, frame, &mut |row| projector.accept(self, row))?;
                Ok(Rows {
                    slots: projection.columns.clone(),
                    rows: projector.finish(self, frame)?,
                })
            }
            End::Drain | End::Write(_) => {
                let mut count = 0;
                self.feed(stage, rows, frame, &mut |_| {
                    count += 1;
                    Ok(Flow::Continue(()))
                })?;
                let rows = vec![Vec::new(); count];
                Ok(Rows {
                    slots: Vec::new(),
                    rows,
                })
            }
        }
    }

    /// Runs the steps of a stage on each row.
    fn feed(
        &self,
        stage: &Stage,
        rows: Rows,
        frame: &[Value],
        sink: &mut dyn FnMut(&mut [Value]) -> Result<Flow>,
    ) -> Result<()> {
        let mut frame = frame.to_vec();
        for row in rows.rows {
            for (slot, value) in rows.slots.iter().zip(row) {
                frame[*slot] = value;
            }
            let flow = self.run(&stage.steps, &mut frame, &mut |row| {
                self.profile_rows(stage.id);
                sink(row)
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Whether a query that only reads has a row, beginning with the variables of a row.
    fn has_rows(&self, query: &Query, row: &mut [Value]) -> Result<bool> {
        let mut rows = Rows {
            slots: Vec::new(),
            rows: vec![Vec::new()],
        };
        for stage in &query.stages {
            rows = self.read_stage_from(stage, rows, row)?;
        }
        Ok(!rows.rows.is_empty())
    }

    /// The space, of which all is read.
    ///
    /// # Errors
    /// That takes longer than the statement may.
    pub fn whole(&self) -> Result<View<'_>> {
        let view = self.view();
        self.spend(view.state.nodes_len() + view.state.graph().len())?;
        if let Some(noted) = self.noted {
            noted.all();
        }
        Ok(view)
    }

    /// The state that nodes are of, for what is to be known of one that was read.
    pub fn state(&self) -> &State {
        self.view().state
    }

    /// The space as it is. Who reads nodes or edges here says so to `noted`.
    fn view(&self) -> View<'_> {
        match &self.access {
            Access::Read(view) => *view,
            Access::Write(tx) => tx.view(),
        }
    }

    /// Whether what is read does not change meanwhile, and nobody asks what it was.
    fn is_settled(&self) -> bool {
        matches!(self.access, Access::Read(_)) && self.noted.is_none()
    }

    /// The moment of the statement.
    pub fn now(&self) -> Now {
        let micros = self.view().now;
        let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        Now(LocalDateTime::of_epoch(seconds, micros * 1_000))
    }

    /// What is around the space: searches, the past.
    pub fn memory(&self) -> &dyn Memory {
        self.memory
    }

    /// A node that is there.
    ///
    /// # Errors
    /// It was deleted.
    pub fn node(&self, node: NodeRef) -> Result<Node<'_>> {
        self.note_place(node.address);
        let found = self
            .view()
            .node(node.address)
            .filter(|found| found.id() == node.id);
        found.ok_or_else(|| deleted("node", node.id))
    }

    /// A relationship that is there, whole.
    ///
    /// # Errors
    /// It was deleted.
    pub fn edge(&self, edge: EdgeLink) -> Result<Edge> {
        self.note_lists(edge.source);
        let found = self.view().state.graph().get(edge.source, edge.id);
        found.ok_or_else(|| deleted("relationship", edge.id))
    }

    fn note_place(&self, address: Address) {
        if let Some(noted) = self.noted {
            noted.place(address);
        }
    }

    fn note_lists(&self, address: Address) {
        if let Some(noted) = self.noted {
            noted.lists(address);
        }
    }

    /// The node at an address.
    pub fn node_ref(&self, address: Address) -> NodeRef {
        let id = self.view().state.node(address).map_or(0, |node| node.id());
        NodeRef { id, address }
    }

    /// Counts a step, and looks at the clock now and then.
    fn tick(&self) -> Result<()> {
        self.spend(1)
    }

    /// Counts several steps.
    ///
    /// # Errors
    /// The statement has taken what it may, or is not wanted any more.
    pub fn spend(&self, steps: usize) -> Result<()> {
        let left = self.until_check.get();
        if steps < left {
            self.until_check.set(left - steps);
            return Ok(());
        }
        self.until_check.set(STEPS_PER_CHECK);
        if self.budget.steps.is_some() {
            return Err(CypherError::not_brief());
        }
        if self.budget.since.elapsed() > self.budget.limits.time {
            let message = format!(
                "expected an answer within {:?}; the statement was stopped",
                self.budget.limits.time
            );
            return Err(CypherError::runtime(
                ErrorType::LimitExceeded,
                "Timeout",
                message,
            ));
        }
        self.memory.check()
    }

    /// Counts a row that is held.
    fn hold(&self, row: &[Value]) -> Result<()> {
        let bytes: usize = row
            .iter()
            .map(|value| size_of::<Value>() + value.heap_bytes())
            .sum();
        let held = self.held_bytes.get() + bytes + size_of::<Vec<Value>>();
        self.held_bytes.set(held);
        match held > self.budget.limits.memory_bytes {
            true => Err(CypherError::runtime(
                ErrorType::LimitExceeded,
                "OutOfMemory",
                format!(
                    "expected at most {} bytes of rows; the statement was stopped",
                    self.budget.limits.memory_bytes
                ),
            )),
            false => Ok(()),
        }
    }

    fn check_result_rows(&self, rows: usize) -> Result<()> {
        match rows > self.budget.limits.rows {
            true => Err(CypherError::runtime(
                ErrorType::LimitExceeded,
                "TooManyRows",
                format!(
                    "expected at most {} rows; the statement was stopped",
                    self.budget.limits.rows
                ),
            )),
            false => Ok(()),
        }
    }

    fn regex(&self, pattern: &str) -> Result<Rc<Regex>> {
        if let Some(regex) = self.regexes.borrow().get(pattern) {
            return Ok(Rc::clone(regex));
        }
        let regex = Regex::new(&format!("^(?:{pattern})$"));
        let regex = regex.map_err(|error| {
            CypherError::argument(format!("expected a regular expression: {error}"))
        })?;
        let regex = Rc::new(regex);
        self.regexes
            .borrow_mut()
            .insert(pattern.to_owned(), Rc::clone(&regex));
        Ok(regex)
    }

    /// A number from 0 up to 1, not 1.
    pub fn random(&self) -> f64 {
        use std::hash::{BuildHasher, RandomState};
        // A new state is keyed anew, at random.
        let bits = RandomState::new().hash_one(self.until_check.get());
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    fn profile_rows(&self, step: usize) {
        if let Some(profile) = &self.profile {
            profile.rows(step, self.row_count.get());
        }
    }
}

fn deleted(what: &str, id: u64) -> CypherError {
    let message = format!("expected a {what} that is there; #{id} was deleted");
    CypherError::runtime(ErrorType::EntityNotFound, "DeletedEntityAccess", message)
}

/// Whether a node has all of some kinds.
fn has_kinds(node: Node<'_>, labels: &[Arc<str>]) -> bool {
    let kinds = node.kinds();
    labels
        .iter()
        .all(|label| kinds.iter().any(|kind| kind == label))
}

/// What a node has without a field of that name: its name, and its value.
fn own_property(node: Node<'_>, key: &str) -> Value {
    let bytes = match key {
        "name" => node.name(),
        "value" => node.value(),
        _ => None,
    };
    bytes.map_or(Value::Null, |bytes| {
        Value::String(super::value::Text(Arc::clone(bytes)))
    })
}
