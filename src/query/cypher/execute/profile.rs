//! What each step of a plan did: rows, and the time in it alone.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Counts of the steps of a plan, by their numbers.
pub struct Profile {
    rows: RefCell<Vec<u64>>,
    times: RefCell<Vec<Duration>>,
    /// The step that runs, and since when.
    running: Cell<(Option<usize>, Instant)>,
}

impl Profile {
    /// Nothing yet, of so many steps.
    pub fn new(steps: usize) -> Self {
        Self {
            rows: RefCell::new(vec![0; steps]),
            times: RefCell::new(vec![Duration::ZERO; steps]),
            running: Cell::new((None, Instant::now())),
        }
    }

    /// Counts rows that a step made.
    pub fn rows(&self, step: usize, count: u64) {
        self.rows.borrow_mut()[step] += count;
    }

    /// Another step runs from now on; answers which did before.
    pub fn enter(&self, step: usize) -> Option<usize> {
        self.switch(Some(step))
    }

    /// A step hands a row on; answers the step, which resumes later.
    pub fn leave(&self, step: usize) -> Option<usize> {
        self.switch(None);
        Some(step)
    }

    /// A step runs again.
    pub fn resume(&self, step: Option<usize>) {
        self.switch(step);
    }

    fn switch(&self, to: Option<usize>) -> Option<usize> {
        let now = Instant::now();
        let (from, since) = self.running.replace((to, now));
        if let Some(from) = from {
            self.times.borrow_mut()[from] += now - since;
        }
        from
    }

    /// Rows and time of a step.
    pub fn of(&self, step: usize) -> (u64, Duration) {
        (self.rows.borrow()[step], self.times.borrow()[step])
    }
}
