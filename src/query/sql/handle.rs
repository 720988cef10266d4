//! The one handle: what statements share. Functions, rules and tables are put together once; planning and running
//! happen on threads of their own, behind the others, with stacks deep enough for what `parse` lets through.

use std::sync::Arc;

use arrow::array::RecordBatch;
use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::Engine;
use ladybug_engine::search::pool::lower_priority;
use tokio::runtime::{Builder, Handle, Runtime};

use super::methods::Methods;
use super::planning::Planning;
use super::session::Session;
use crate::query::cypher::execute::Limits;

/// Bytes that sorts, joins and groups of all statements may take, unless set otherwise: 1 GiB.
pub const MEMORY_BYTES: usize = 1 << 30;
/// Stack of a planning thread. Planning recurses into expressions and plans, a few hundred bytes to some kilobytes a
/// level; pages that nobody touches take no memory.
const STACK_BYTES: usize = 256 << 20;

/// How SQL runs.
#[derive(Clone, Debug)]
pub struct SqlOptions {
    /// Bytes that sorts, joins and groups of all statements may take together.
    pub memory_bytes: usize,
    /// Threads that plan and run; 0 for one a core.
    pub threads: usize,
    /// Tables that do not change, which every space has: name and rows.
    pub constants: Vec<(String, RecordBatch)>,
    /// What `cam(…)` calls, if anything.
    pub methods: Option<Arc<dyn Methods>>,
    /// What a statement of `cypher(…)` may use.
    pub cypher: Limits,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self {
            memory_bytes: MEMORY_BYTES,
            threads: 0,
            constants: Vec::new(),
            methods: None,
            cypher: Limits::default(),
        }
    }
}

/// SQL over an engine; clones are the same.
#[derive(Clone)]
pub struct Sql {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) constants: Vec<(String, RecordBatch)>,
    pub(super) methods: Option<Arc<dyn Methods>>,
    pub(super) cypher: Limits,
    pub(super) planning: Planning,
    runtime: Option<Runtime>,
}

impl Sql {
    /// Puts everything together.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(engine: Arc<Engine>, options: SqlOptions) -> std::io::Result<Self> {
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
            threads => threads,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads)
            .thread_stack_size(STACK_BYTES)
            .thread_name("sql")
            .on_thread_start(lower_priority)
            .enable_time()
            .build()?;
        let planning = Planning::new(threads, options.memory_bytes);
        let shared = Shared {
            engine,
            planning: planning.map_err(std::io::Error::other)?,
            constants: options.constants,
            methods: options.methods,
            cypher: options.cypher,
            runtime: Some(runtime),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The handle that statements are of.
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A connection's side, which begins in a space.
    pub fn session(&self, space: SpaceId) -> Session {
        Session::new(self.clone(), space)
    }

    /// The engine it is over.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.shared.engine
    }

    /// Waits for a future, on a thread that may block.
    ///
    /// # Panics
    /// On a thread that drives other futures.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.threads().block_on(future)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The threads that plan and run.
    pub(super) fn threads(&self) -> &Handle {
        let runtime = self.shared.runtime.as_ref();
        runtime
            .expect("invariant: threads are there until the handle is dropped")
            .handle()
    }
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sql").finish_non_exhaustive()
    }
}

/// The handle may go on a thread that must not wait.
impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
