//! Forks that begin and go, in the engine and in the model.

use std::collections::BTreeSet;

use ladybug_engine::engine::{Engine, When};
use ladybug_engine::error::EngineError;

use super::{History, is_fork};

impl History {
    /// A space begins as another is, or was.
    pub(super) fn fork(&mut self, engine: &Engine) {
        let source = self.spaces()[0];
        let name = format!("fork-{}", self.random.below(4));
        let began = self.begun.get(&source).copied().unwrap_or(0);
        let thens: Vec<_> = self
            .past
            .range(began..)
            .map(|(_, memory)| memory.space(source))
            .collect();
        let then = match self.random.one_in(2) {
            true => self.random.pick(&thens),
            false => None,
        };
        let at = then.as_ref().map(|then| When::Version(then.version));
        let outcome = engine.fork(source, &name, at, false);
        let id = match outcome.value {
            Ok(id) => id,
            Err(EngineError::SpaceTaken(_)) => {
                return assert!(self.memory.names.contains_key(&name));
            }
            Err(EngineError::SpacesFull(_)) => return,
            Err(EngineError::VersionGone { .. }) => return,
            Err(_) => return assert!(engine.log().check().is_err()),
        };
        assert!(!self.memory.names.contains_key(&name));
        assert!(
            self.memory.names.values().all(|there| *there != id),
            "numbers are not reused"
        );
        let then = then.unwrap_or_else(|| self.memory.space(source));
        self.memory.names.insert(name, id);
        self.memory.version_max.insert(id, then.version);
        self.memory.spaces.insert(id, then);
        self.begun.insert(id, outcome.position);
        self.changed.insert(id, outcome.position);
        self.record(outcome.position);
        self.tally.forks += 1;
        self.shows(engine, &BTreeSet::from([id, source]));
    }

    pub(super) fn drop_fork(&mut self, engine: &Engine) {
        let forks: Vec<_> = self
            .memory
            .names
            .iter()
            .filter(|(name, _)| is_fork(name))
            .collect();
        let Some((name, id)) = self
            .random
            .pick(&forks)
            .map(|(name, id)| ((*name).clone(), *id))
        else {
            let refused = engine.drop_fork(0).value;
            return assert!(matches!(
                refused,
                Err(EngineError::NoFork(_)) | Err(EngineError::ReadOnly(_))
            ));
        };
        let outcome = engine.drop_fork(id);
        if outcome.value.is_err() {
            return assert!(engine.log().check().is_err());
        }
        self.memory.names.remove(&name);
        self.memory.spaces.remove(&id);
        self.changed.remove(&id);
        self.record(outcome.position);
        self.tally.dropped += 1;
        if engine.log().check().is_ok() {
            let refused = engine.commit::<(), EngineError>(&[id], |_| panic!("it is gone"));
            assert!(
                matches!(refused.value, Err(EngineError::SpaceGone(gone)) if gone == id)
                    || engine.log().check().is_err()
            );
        }
    }
}
