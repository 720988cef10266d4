//! The past as a reading sees it: the versions that the space had at its moment and, where the transaction or the commit
//! that the reading is part of has changed the space, what it has made so far as one version more.

use std::sync::Arc;

use ladybug_engine::commit::history::{NodeChange, PastNode};
use ladybug_engine::engine::{AsOf, Engine, NodeRef, Snapshot, Version, When};
use ladybug_engine::error::EngineError;
use ladybug_engine::space::state::State;

use super::host::Reading;

type Result<T> = std::result::Result<T, EngineError>;

/// What a moment means to a reading.
enum Meant {
    /// What the reading sees now.
    Now,
    /// What history has.
    Past(When),
}

impl Reading<'_> {
    fn engine(&self) -> &Engine {
        self.host().engine()
    }

    fn meant(&self, when: When) -> Result<Meant> {
        let Some(base) = self.base() else {
            return Ok(Meant::Past(when));
        };
        let now = self.mark();
        match when {
            When::Version(asked) if asked > now.version => Err(EngineError::VersionAhead {
                asked,
                newest: now.version,
            }),
            // What a transaction did step by step has numbers in between.
            When::Version(version) if version > base || version == now.version => Ok(Meant::Now),
            When::Version(_) => Ok(Meant::Past(when)),
            When::Time(time) if time >= now.committed => Ok(Meant::Now),
            When::Time(_) => {
                let then = self.engine().state_at(self.host().space, when)?;
                Ok(Meant::Past(When::Version(then.version.min(base))))
            }
        }
    }

    /// What is now, as if it was asked for as a version.
    fn now<T>(&self, value: T) -> AsOf<T> {
        let mark = self.mark();
        AsOf {
            version: mark.version,
            committed: mark.committed,
            position: mark.position,
            value,
        }
    }

    fn revealed<T>(&self, then: AsOf<T>) -> AsOf<T> {
        self.reveal(then.position);
        then
    }

    /// The space as it was.
    ///
    /// # Errors
    /// The version is yet to come, or forgotten.
    pub fn state_at(&self, when: When) -> Result<AsOf<Arc<State>>> {
        match self.meant(when)? {
            Meant::Now => Ok(self.now(Arc::clone(&self.glance().state))),
            Meant::Past(when) => {
                let then = self.engine().state_at(self.host().space, when)?;
                Ok(self.revealed(then))
            }
        }
    }

    /// The same for a long look, with its fingerprints as they are.
    ///
    /// # Errors
    /// As [`Reading::state_at`].
    pub fn glance_at(&self, when: When) -> Result<Snapshot> {
        match self.meant(when)? {
            Meant::Now => Ok(self.glance().clone()),
            Meant::Past(when) => {
                let then = self.engine().glance_at(self.host().space, when)?;
                self.reveal(then.position);
                Ok(then)
            }
        }
    }

    /// One node as it was, expired or not.
    ///
    /// # Errors
    /// As [`Reading::state_at`].
    pub fn node_at(&self, node: NodeRef<'_>, when: When) -> Result<AsOf<Option<PastNode>>> {
        match self.meant(when)? {
            Meant::Now => Ok(self.now(found(&self.glance().state, node))),
            Meant::Past(when) => {
                let then = self.engine().node_at(self.host().space, node, when)?;
                Ok(self.revealed(then))
            }
        }
    }

    /// The changes of a node, newest first; of a node that is gone, those until it went.
    ///
    /// # Errors
    /// History does not reach back to the reading's moment.
    pub fn node_changes(&self, node: NodeRef<'_>) -> Result<Vec<NodeChange>> {
        let (engine, space) = (self.engine(), self.host().space);
        let Some(base) = self.base() else {
            let (changes, position) = engine.node_changes(space, node);
            self.reveal(position);
            return Ok(changes.collect());
        };
        let (past, position) = engine.past(space);
        self.reveal(position);
        let mark = self.mark();
        let before = match mark.version == base {
            true => Arc::clone(&self.glance().state),
            false => self.state_at(When::Version(base))?.value,
        };
        let mut changes = Vec::new();
        let older = match found(&self.glance().state, node) {
            Some(own) if own.version > base => {
                let before = found(&before, NodeRef::Id(own.image.id));
                changes.push(NodeChange {
                    commit: mark,
                    after: own,
                    before: before.clone(),
                });
                before
            }
            Some(own) => Some(own),
            None => found(&before, node),
        };
        match older {
            Some(older) => changes.extend(past.changes_of(older)),
            None if changes.is_empty() => {
                // It had gone before.
                let (gone, _) = engine.node_changes(space, node);
                changes.extend(gone.filter(|change| change.commit.version <= base));
            }
            None => {}
        }
        Ok(changes)
    }

    /// Every version that history remembers, newest first.
    ///
    /// # Errors
    /// History does not reach back to the reading's moment.
    pub fn versions(&self) -> Result<impl Iterator<Item = Version>> {
        let (versions, position) = self.engine().versions(self.host().space);
        self.reveal(position);
        let (base, mark) = (self.base(), self.mark());
        let own = match base {
            Some(base) if base != mark.version => Some(Version {
                mark,
                before: self.state_at(When::Version(base))?.value,
                after: Arc::clone(&self.glance().state),
            }),
            _ => None,
        };
        let is_seen = move |version: &Version| base.is_none_or(|base| version.mark.version <= base);
        Ok(own.into_iter().chain(versions.filter(is_seen)))
    }
}

/// A node in a state.
fn found(state: &State, node: NodeRef<'_>) -> Option<PastNode> {
    let address = node.find(state)?;
    state.node(address).map(PastNode::of)
}
