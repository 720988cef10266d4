//! Point reads: a space under its lock, for as long as it takes to copy out what was asked for.

use parking_lot::{ArcMutexGuard, Mutex, RawMutex};

use super::{Engine, Outcome};
use crate::commit::record::Position;
use crate::commit::transaction::{Cell, SpaceId};
use crate::space::state::{State, View};

/// A space at one moment, under its lock, for reads that follow each other at once. Nobody writes to the space
/// meanwhile: whoever holds this waits for nothing, and asks the engine for nothing else.
pub struct Reading {
    space: SpaceId,
    now: i64,
    held: Held,
}

enum Held {
    Written(ArcMutexGuard<RawMutex, Cell>),
    /// A space that was never written has no lock, and nothing in it.
    Unwritten(Box<State>),
}

impl Reading {
    /// The space.
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// What is in it.
    pub fn view(&self) -> View<'_> {
        match &self.held {
            Held::Written(cell) => cell.space.view(self.now),
            Held::Unwritten(state) => View::of(state, self.now),
        }
    }

    /// The log position that it shows.
    pub fn position(&self) -> Position {
        match &self.held {
            Held::Written(cell) => cell.position,
            Held::Unwritten(_) => 0,
        }
    }
}

impl Engine {
    /// Holds a space still at this moment, to be read.
    pub fn reading(&self, space: SpaceId) -> Reading {
        self.settle();
        let now = self.clock.now();
        match self.cell(space) {
            Some(cell) => {
                let cell = Mutex::lock_arc(&cell);
                Reading {
                    space,
                    now: now.max(cell.space.state().committed()),
                    held: Held::Written(cell),
                }
            }
            None => Reading {
                space,
                now,
                held: Held::Unwritten(Box::new(self.empty.clone())),
            },
        }
    }

    /// Reads a space at this moment, under its lock: copy out what you need, and do not wait for
    /// anything inside.
    pub fn read<R>(&self, space: SpaceId, f: impl FnOnce(&View<'_>) -> R) -> Outcome<R> {
        let reading = self.reading(space);
        Outcome {
            value: f(&reading.view()),
            position: reading.position(),
            events: Vec::new(),
        }
    }
}
