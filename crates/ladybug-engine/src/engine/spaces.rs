//! Which spaces there are: numbered ones, made when first written, and named ones.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::commit::batch::Origin;
use crate::commit::record::Position;
use crate::commit::transaction::{Cell, SpaceId};
use crate::error::EngineError;
use crate::space::apply::Space;

/// Longest name of a space, bytes.
pub const SPACE_NAME_BYTES_MAX: usize = 128;

/// The number that `text` writes, if it writes one; an error if it is out of range or no name either.
pub fn parse_number(text: &str, most: usize) -> Result<Option<SpaceId>, EngineError> {
    let wrong = || EngineError::SpaceSyntax {
        most,
        got: text.to_owned(),
    };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let fits = !text.is_empty() && text.len() <= SPACE_NAME_BYTES_MAX;
        return if fits { Ok(None) } else { Err(wrong()) };
    }
    match text.parse::<SpaceId>() {
        Ok(id) if (id as usize) < most => Ok(Some(id)),
        _ => Err(wrong()),
    }
}

/// The spaces in use. Ids of named spaces follow those of numbered ones.
#[derive(Default)]
pub struct Registry {
    /// Asked at every command, about a few spaces as a rule.
    cells: BTreeMap<SpaceId, Arc<Mutex<Cell>>>,
    by_name: HashMap<Arc<str>, SpaceId>,
    names: BTreeMap<SpaceId, Arc<str>>,
    /// Where forks came from.
    origins: BTreeMap<SpaceId, Origin>,
    /// The highest id of a named space that was ever given out: one that was dropped does not come back as another
    /// while somebody has it selected.
    named_max: SpaceId,
    /// Forks that were dropped, with the log position of that, which may have to be taken back.
    dropped: Vec<(Position, Dropped)>,
}

/// A fork that was dropped.
struct Dropped {
    id: SpaceId,
    name: Arc<str>,
    origin: Origin,
    cell: Arc<Mutex<Cell>>,
}

impl Registry {
    /// The space of a name.
    pub fn named(&self, name: &str) -> Option<SpaceId> {
        self.by_name.get(name).copied()
    }

    /// A space's memory, if it was ever written.
    pub fn cell(&self, id: SpaceId) -> Option<&Arc<Mutex<Cell>>> {
        self.cells.get(&id)
    }

    /// A space's memory, made if it was never written.
    pub fn cell_or_new(&mut self, id: SpaceId, hash_key: u64) -> Arc<Mutex<Cell>> {
        let new = || Arc::new(Mutex::new(Cell::new(Space::new(hash_key), 0)));
        Arc::clone(self.cells.entry(id).or_insert_with(new))
    }

    /// Puts a space in place that a checkpoint holds.
    pub fn restore(&mut self, id: SpaceId, cell: Cell) {
        self.cells.insert(id, Arc::new(Mutex::new(cell)));
    }

    /// Whether a space may be used: a numbered one always, a named one while it has its name.
    pub fn check_there(&self, id: SpaceId, most: usize) -> Result<(), EngineError> {
        match (id as usize) < most || self.names.contains_key(&id) {
            true => Ok(()),
            false => Err(EngineError::SpaceGone(id)),
        }
    }

    /// Whether a space may be changed.
    pub fn check_writable(&self, id: SpaceId, most: usize) -> Result<(), EngineError> {
        self.check_there(id, most)?;
        match self.origin(id) {
            Some(origin) if origin.is_checkpoint => Err(EngineError::SpaceReadOnly(self.label(id))),
            _ => Ok(()),
        }
    }

    /// Gives a name the next free id above `most`, the number of numbered spaces.
    pub fn add_name(&mut self, name: &str, most: usize) -> Result<SpaceId, EngineError> {
        if self.ids().len() >= most {
            return Err(EngineError::SpacesFull(most));
        }
        let id = self.named_max.max(most as SpaceId - 1) + 1;
        self.set_name(id, name);
        Ok(id)
    }

    /// Gives a space the name that the log or a checkpoint says it has.
    pub fn set_name(&mut self, id: SpaceId, name: &str) {
        let name: Arc<str> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        self.names.insert(id, name);
        self.named_max = self.named_max.max(id);
    }

    /// Where a fork came from; `None` for a space that is none.
    pub fn origin(&self, id: SpaceId) -> Option<Origin> {
        self.origins.get(&id).copied()
    }

    /// The forks and checkpoints, by id.
    pub fn forks(&self) -> impl Iterator<Item = (SpaceId, Origin)> {
        self.origins.iter().map(|(id, origin)| (*id, *origin))
    }

    /// Puts a fork in place that has its name already.
    pub fn add_fork(&mut self, id: SpaceId, origin: Origin, cell: Cell) {
        self.origins.insert(id, origin);
        self.restore(id, cell);
    }

    /// Takes a fork away; see [`Registry::restore_dropped`].
    pub fn drop_fork(&mut self, id: SpaceId, position: Position, acknowledged: Position) {
        self.dropped.retain(|(at, _)| *at > acknowledged);
        let name = self.names.remove(&id);
        let fork = (name, self.origins.remove(&id), self.cells.remove(&id));
        if let (Some(name), Some(origin), Some(cell)) = fork {
            self.by_name.remove(&name);
            let dropped = Dropped {
                id,
                name,
                origin,
                cell,
            };
            self.dropped.push((position, dropped));
        }
    }

    /// Takes back that forks were dropped after `acknowledged`, and answers those.
    pub fn restore_dropped(&mut self, acknowledged: Position) -> Vec<(SpaceId, Arc<Mutex<Cell>>)> {
        let mut restored = Vec::new();
        for (position, dropped) in std::mem::take(&mut self.dropped) {
            if position > acknowledged {
                self.set_name(dropped.id, &dropped.name);
                self.origins.insert(dropped.id, dropped.origin);
                self.cells.insert(dropped.id, Arc::clone(&dropped.cell));
                restored.push((dropped.id, dropped.cell));
            }
        }
        restored
    }

    /// Takes back that a fork began.
    pub fn forget_fork(&mut self, id: SpaceId) {
        self.origins.remove(&id);
        self.cells.remove(&id);
        if let Some(name) = self.names.remove(&id) {
            self.by_name.remove(&name);
        }
    }

    /// The name of a space that has one.
    pub fn name(&self, id: SpaceId) -> Option<&Arc<str>> {
        self.names.get(&id)
    }

    /// A space's name, else its number.
    pub fn label(&self, id: SpaceId) -> String {
        self.name(id)
            .map_or_else(|| id.to_string(), |name| name.to_string())
    }

    /// All spaces that were written or named, ascending.
    pub fn ids(&self) -> Vec<SpaceId> {
        let mut ids: Vec<_> = self
            .cells
            .keys()
            .chain(self.names.keys())
            .copied()
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_numbers_or_names() {
        assert_eq!(parse_number("7", 16), Ok(Some(7)));
        assert_eq!(parse_number("what-if", 16), Ok(None));
        for wrong in ["16", "-1", "", "99999999999999999999", &"n".repeat(129)] {
            assert!(parse_number(wrong, 16).is_err(), "{wrong}");
        }
        let mut registry = Registry::default();
        let id = registry.add_name("what-if", 2).expect("room");
        assert_eq!(
            (id, registry.named("what-if"), registry.label(id).as_str()),
            (2, Some(2), "what-if")
        );
        registry.cell_or_new(0, 0);
        assert!(registry.add_name("another", 2).is_err());
        assert_eq!(registry.ids(), [0, 2]);
    }
}
