//! Forks: spaces that began as another was, and share its memory until one of both writes there. A checkpoint by name is a
//! fork that nobody writes.

use std::sync::Arc;

use super::past::{AsOf, When};
use super::spaces::parse_number;
use super::{Engine, Outcome};
use crate::commit::batch::{Fork, Origin, encode_drop, encode_fork};
use crate::commit::merge::{OnConflict, merge};
use crate::commit::transaction::{Cell, SpaceId};
use crate::error::EngineError;
use crate::space::apply::Space;
use crate::space::state::State;

/// What a checkpoint of a space is called among the spaces.
fn checkpoint_name(space: SpaceId, name: &str) -> String {
    format!("checkpoint:{space}:{name}")
}

impl Engine {
    /// Begins a space of a new name as another is, or was; answers its number.
    ///
    /// # Errors
    /// The name is in use or cannot be one, there are too many spaces, or the version is not to be had.
    pub fn fork(
        &self,
        source: SpaceId,
        name: &str,
        at: Option<When>,
        is_checkpoint: bool,
    ) -> Outcome<Result<SpaceId, EngineError>> {
        self.settle();
        let past = match at.map(|at| self.state_at(source, at)).transpose() {
            Ok(past) => past,
            Err(error) => return Outcome::refused(error),
        };
        // The source stays as it is until the record has its place: whoever replays it finds the same.
        let cell = self.cell(source);
        let guard = cell.as_ref().map(|cell| cell.lock());
        let space = match (&past, &guard) {
            (Some(past), _) => Space::from_state(State::clone(&past.value)),
            (None, Some(source)) => source.space.fork(),
            (None, None) => Space::from_state(self.empty.clone()),
        };
        let revealed = guard.as_ref().map_or(0, |source| source.position);
        let origin = Origin {
            space: source,
            version: space.state().version(),
            is_checkpoint,
        };
        let mut spaces = self.spaces.write();
        let mut name_free = || {
            spaces.check_there(source, self.options.spaces_max)?;
            self.check_log()?;
            let number = parse_number(name, self.options.spaces_max)?;
            match number.or(spaces.named(name)) {
                Some(_) => Err(EngineError::SpaceTaken(name.to_owned())),
                None => spaces.add_name(name, self.options.spaces_max),
            }
        };
        let id = match name_free() {
            Ok(id) => id,
            Err(error) => return Outcome::refused(error),
        };
        let fork = Fork {
            id,
            name: name.to_owned(),
            origin,
        };
        let position = self.log.append(&encode_fork(&fork));
        spaces.add_fork(id, origin, Cell::new(space, position));
        Outcome {
            value: Ok(id),
            position: position.max(revealed),
            events: Vec::new(),
        }
    }

    /// Ends a fork, with everything in it.
    ///
    /// # Errors
    /// It is no fork.
    pub fn drop_fork(&self, id: SpaceId) -> Outcome<Result<(), EngineError>> {
        self.settle();
        // Nobody commits to it while it goes, and nobody who waits for it commits after that.
        let cell = self.cell(id);
        let mut guard = cell.as_ref().map(|cell| cell.lock());
        let mut spaces = self.spaces.write();
        if spaces.origin(id).is_none() {
            return Outcome::refused(EngineError::NoFork(spaces.label(id)));
        }
        if let Err(failed) = self.check_log() {
            return Outcome::refused(failed);
        }
        let position = self.log.append(&encode_drop(id));
        if let Some(cell) = &mut guard {
            cell.is_dropped = true;
        }
        spaces.drop_fork(id, position, self.log.acknowledged());
        Outcome {
            value: Ok(()),
            position,
            events: Vec::new(),
        }
    }

    /// Brings what a fork has changed into the space that it was forked from, as one commit there; answers its version. The
    /// fork stays.
    ///
    /// # Errors
    /// It is no fork, what it began with is forgotten, or both changed the same and the policy does not decide.
    pub fn merge_fork(&self, id: SpaceId, policy: OnConflict) -> Outcome<Result<u64, EngineError>> {
        let Some(origin) = self.origin(id) else {
            return Outcome::refused(EngineError::NoFork(self.space_label(id)));
        };
        let base = match self.state_at(id, When::Version(origin.version)) {
            Ok(base) => base.value,
            Err(error) => return Outcome::refused(error),
        };
        let (mine, position) = self.state(id);
        let mut outcome = self.commit(&[origin.space], |tx| {
            merge(tx, &base, &mine, policy)?;
            tx.report();
            Ok(tx.version())
        });
        outcome.position = outcome.position.max(position);
        outcome
    }

    /// Brings a space back to what it was, as a new commit; answers its version. Verbs that were defined since stay; concepts and programs
    /// become what they were.
    ///
    /// # Errors
    /// The version is not to be had, or the space changed meanwhile.
    pub fn roll_back(
        &self,
        space: SpaceId,
        to: &AsOf<Arc<State>>,
    ) -> Outcome<Result<u64, EngineError>> {
        self.commit(&[space], |tx| {
            let present = State::clone(tx.view().state);
            merge(tx, &present, &to.value, OnConflict::Abort)?;
            tx.report();
            Ok(tx.version())
        })
    }

    /// Keeps a space as it is under a name, as a fork that nobody writes; answers its number.
    ///
    /// # Errors
    /// The name is in use, empty or a number, or there are too many spaces.
    pub fn checkpoint_named(
        &self,
        space: SpaceId,
        name: &str,
    ) -> Outcome<Result<SpaceId, EngineError>> {
        match name.is_empty() || name.parse::<i64>().is_ok() {
            true => Outcome::refused(EngineError::CheckpointName(name.to_owned())),
            false => self.fork(space, &checkpoint_name(space, name), None, true),
        }
    }

    /// The checkpoints of a space that have a name, by name.
    pub fn checkpoints_named(&self, space: SpaceId) -> Vec<(String, SpaceId, Origin)> {
        let prefix = checkpoint_name(space, "");
        let forks = self.forks().into_iter();
        let own = forks.filter(|(_, origin)| origin.is_checkpoint && origin.space == space);
        let named = own.filter_map(|(id, origin)| {
            let name = self.space_label(id).strip_prefix(&prefix)?.to_owned();
            Some((name, id, origin))
        });
        let mut all: Vec<_> = named.collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// A space as one of its named checkpoints has it; none if there is no such.
    pub fn checkpoint_state(&self, space: SpaceId, name: &str) -> Option<AsOf<Arc<State>>> {
        let all = self.checkpoints_named(space).into_iter();
        let (_, id, _) = all.into_iter().find(|(there, ..)| there == name)?;
        let (state, position) = self.state(id);
        Some(AsOf {
            version: state.version(),
            committed: state.committed(),
            position,
            value: state,
        })
    }

    /// Where a fork came from; `None` for a space that is none.
    pub fn origin(&self, id: SpaceId) -> Option<Origin> {
        self.spaces.read().origin(id)
    }

    /// The forks and checkpoints, by number.
    pub fn forks(&self) -> Vec<(SpaceId, Origin)> {
        self.spaces.read().forks().collect()
    }
}
