//! What a space's lock guards: the space, its past, and how commits that were not acknowledged are taken back.

use std::sync::Arc;

use parking_lot::Mutex;

use super::history::{History, Mark};
use super::record::Position;
use crate::space::apply::Space;

/// Number of a space: below the limit of numbered ones its number, above it a named one.
pub type SpaceId = u32;

/// A space that a transaction will lock: its id, its name if it has one, its cell.
pub(crate) type Unlocked = (SpaceId, Option<Arc<str>>, Arc<Mutex<Cell>>);

/// A space under its lock, and the position of the last commit that changed it.
pub struct Cell {
    /// The space.
    pub space: Space,
    /// The log position of what it shows.
    pub position: Position,
    /// The highest version ever given out, also to commits that a failing log took back.
    pub version_max: u64,
    /// What its commits replaced.
    pub history: History,
    /// It is no more: whoever waited for its lock is too late.
    pub is_dropped: bool,
}

impl Cell {
    /// A space as it is at a log position, with its past still to come.
    pub fn new(space: Space, position: Position) -> Self {
        let (version, committed) = (space.state().version(), space.state().committed());
        Self {
            space,
            position,
            version_max: version,
            history: History::new(Mark {
                version,
                committed,
                position,
            }),
            is_dropped: false,
        }
    }

    /// Takes back the commits whose log position is beyond `position`.
    pub fn take_back_after(&mut self, position: Position) {
        while let Some(past) = self.history.pop_after(position) {
            past.take_back(&mut self.space);
        }
        self.position = self.history.newest().position;
    }
}
