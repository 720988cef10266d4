//! Reading the past: a whole space at a version, or one node's versions.

use std::sync::Arc;

use super::Engine;
use crate::commit::history::{Mark, Past, PastNode, PastNodes, Segment, id_key, name_key};
use crate::commit::record::Position;
use crate::commit::transaction::{Cell, SpaceId};
use crate::error::EngineError;
use crate::space::address::Address;
use crate::space::apply::Space;
use crate::space::state::State;

/// Which node is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRef<'a> {
    /// The one with this name.
    Name(&'a [u8]),
    /// The one with this id.
    Id(u64),
    /// The one that lives here.
    Address(Address),
}

impl NodeRef<'_> {
    /// Its address in a state, expired or not; a reified edge is no node.
    pub fn find(self, state: &State) -> Option<Address> {
        let address = match self {
            Self::Name(name) => state.find(name),
            Self::Id(id) => state.find_id(id),
            Self::Address(address) => Some(address),
        };
        let is_node = |at: &Address| state.node(*at).is_some_and(|node| !node.is_edge());
        address.filter(is_node)
    }

    /// How it is found among those that a space lost.
    fn key(self) -> Option<u64> {
        match self {
            Self::Name(name) => Some(name_key(name)),
            Self::Id(id) => Some(id_key(id)),
            Self::Address(_) => None,
        }
    }
}

/// What was read of the past.
#[derive(Clone, Debug)]
pub struct AsOf<T> {
    /// The version that was read.
    pub version: u64,
    /// When it was committed, microseconds since the epoch: what had expired by then is not there.
    pub committed: i64,
    /// What must be acknowledged before it is shown.
    pub position: Position,
    /// What it says.
    pub value: T,
}

/// How far a space's history reaches, and what it takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryStats {
    /// The space's newest version.
    pub newest: Mark,
    /// Its oldest that can be read.
    pub oldest: Mark,
    /// Bytes of its history.
    pub bytes: usize,
    /// Bytes of the history of all spaces.
    pub bytes_all: usize,
}

/// A moment of the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After the commit of this version.
    Version(u64),
    /// At this time, microseconds since the epoch.
    Time(i64),
}

/// What history remembers of a space.
#[derive(Default)]
pub struct SpacePast {
    segments: Vec<Arc<Segment>>,
}

impl SpacePast {
    /// The changes that led to a node as it was at some version, newest first.
    pub fn changes_of(&self, node: PastNode) -> PastNodes {
        PastNodes::new(self.segments.clone(), node)
    }
}

/// What one commit made of a space.
pub struct Version {
    /// Its number, and when it was committed.
    pub mark: Mark,
    /// What it found.
    pub before: Arc<State>,
    /// What it left.
    pub after: Arc<State>,
}

/// The iterator of [`Engine::versions`]: takes back commit by commit as it is asked, without a lock.
pub struct Versions {
    segments: Vec<Arc<Segment>>,
    /// The commits of the segment that is being read, newest first.
    commits: std::vec::IntoIter<Past>,
    space: Space,
}

impl Versions {
    fn of(space: Space, segments: Vec<Arc<Segment>>) -> Self {
        Self {
            segments,
            commits: Vec::new().into_iter(),
            space,
        }
    }

    /// The oldest state so far; once the iterator is at its end, the oldest that is remembered.
    pub fn state(&self) -> &Arc<State> {
        self.space.state()
    }
}

impl Iterator for Versions {
    type Item = Version;

    fn next(&mut self) -> Option<Version> {
        let commit = loop {
            match self.commits.next() {
                Some(commit) => break commit,
                None => {
                    let segment = self.segments.pop()?;
                    self.commits = segment.newest_first().collect::<Vec<_>>().into_iter();
                }
            }
        };
        let (mark, after) = (commit.after, Arc::clone(self.space.state()));
        commit.take_back(&mut self.space);
        Some(Version {
            mark,
            before: Arc::clone(self.space.state()),
            after,
        })
    }
}

impl Engine {
    /// A space as it was. Takes back what came after, commit by commit, without holding a lock.
    ///
    /// # Errors
    /// The version is yet to come, or forgotten.
    pub fn state_at(&self, space: SpaceId, when: When) -> Result<AsOf<Arc<State>>, EngineError> {
        self.settle();
        let Some(cell) = self.cell(space) else {
            return self.beginning(when);
        };
        let cell = cell.lock();
        let version = self.version_of(space, &cell, when)?;
        let segments = cell.history.since(version);
        let segments = segments.ok_or_else(|| self.gone(space, &cell, when))?;
        let (mut past, position) = (cell.space.fork(), cell.position);
        drop(cell);
        for segment in segments.iter().rev() {
            let later = segment.newest_first();
            for commit in later.take_while(|commit| commit.after.version > version) {
                commit.take_back(&mut past);
            }
        }
        let state = Arc::clone(past.state());
        Ok(AsOf {
            version: state.version(),
            committed: state.committed(),
            position,
            value: state,
        })
    }

    /// One node as it was, expired or not. Reads its own versions alone where they lead there.
    ///
    /// # Errors
    /// As [`Engine::state_at`].
    pub fn node_at(
        &self,
        space: SpaceId,
        node: NodeRef<'_>,
        when: When,
    ) -> Result<AsOf<Option<PastNode>>, EngineError> {
        self.settle();
        if let Some(cell) = self.cell(space) {
            let cell = cell.lock();
            let version = self.version_of(space, &cell, when)?;
            let state = cell.space.state();
            let there = node.find(state).and_then(|address| state.node(address));
            let departed = |key| cell.history.departed_after(key, version).is_some();
            let stayed = match (there, node.key()) {
                // Who lived at an address before its present node can only be told from all.
                (Some(there), None) => there.version() <= version,
                (_, Some(key)) => !departed(key),
                (None, None) => false,
            };
            if stayed {
                let segments = cell.history.since(version);
                let segments = segments.ok_or_else(|| self.gone(space, &cell, when))?;
                let committed = cell.history.mark_of(version).committed;
                let (there, position) = (there.map(PastNode::of), cell.position);
                drop(cell);
                let then = there.and_then(|there| PastNodes::new(segments, there).at(version));
                let is_meant = |then: &PastNode| match node {
                    NodeRef::Name(name) => then.image.name.as_deref() == Some(name),
                    NodeRef::Id(_) | NodeRef::Address(_) => true,
                };
                return Ok(AsOf {
                    version,
                    committed,
                    position,
                    value: then.filter(is_meant),
                });
            }
        }
        let past = self.state_at(space, when)?;
        let state = &past.value;
        let address = node.find(state);
        let found = address.and_then(|address| state.node(address));
        Ok(AsOf {
            version: past.version,
            committed: past.committed,
            position: past.position,
            value: found.map(PastNode::of),
        })
    }

    /// The changes of a node that history remembers, newest first, and what must be acknowledged before they are
    /// shown. Of a node that is gone: those until it went.
    pub fn node_changes(&self, space: SpaceId, node: NodeRef<'_>) -> (PastNodes, Position) {
        self.settle();
        let Some(cell) = self.cell(space) else {
            return (PastNodes::none(), 0);
        };
        let cell = cell.lock();
        let position = cell.position;
        let segments = || cell.history.segments().cloned().collect::<Vec<_>>();
        let state = cell.space.state();
        if let Some(there) = node.find(state).and_then(|address| state.node(address)) {
            return (PastNodes::new(segments(), PastNode::of(there)), position);
        }
        let departed = node.key().and_then(|key| cell.history.last_departure(key));
        let Some(departed) = departed else {
            return (PastNodes::none(), position);
        };
        let all = segments();
        let mut past = cell.space.fork();
        drop(cell);
        let later = all.iter().rev().flat_map(|segment| segment.newest_first());
        for commit in later.take_while(|commit| commit.after.version >= departed) {
            commit.take_back(&mut past);
        }
        let state = past.state();
        let there = node.find(state).and_then(|address| state.node(address));
        let gone = there.map(PastNode::of);
        (
            gone.map_or_else(PastNodes::none, |gone| PastNodes::new(all, gone)),
            position,
        )
    }

    /// The past of a space, for who asks for that of many nodes, and what must be acknowledged before it is shown.
    pub fn past(&self, space: SpaceId) -> (SpacePast, Position) {
        self.settle();
        let Some(cell) = self.cell(space) else {
            return (SpacePast::default(), 0);
        };
        let cell = cell.lock();
        let segments = cell.history.segments().cloned().collect();
        (SpacePast { segments }, cell.position)
    }

    /// Every version of a space that history remembers, newest first, and what must be acknowledged before they
    /// are shown.
    pub fn versions(&self, space: SpaceId) -> (Versions, Position) {
        self.settle();
        let Some(cell) = self.cell(space) else {
            return (
                Versions::of(Space::from_state(self.empty.clone()), Vec::new()),
                0,
            );
        };
        let cell = cell.lock();
        let segments = cell.history.segments().cloned().collect();
        (Versions::of(cell.space.fork(), segments), cell.position)
    }

    /// Forgets the past that is beyond the bounds; commits do it as well, but only in their spaces.
    pub fn trim_history(&self) {
        let limits = self.history_limits(self.clock.now());
        for space in self.spaces() {
            if let Some(cell) = self.cell(space) {
                cell.lock().history.trim(limits);
            }
        }
    }

    /// How far a space's history reaches, and what it takes.
    pub fn history_stats(&self, space: SpaceId) -> HistoryStats {
        let mut stats = HistoryStats::default();
        for id in self.spaces() {
            let Some(cell) = self.cell(id) else { continue };
            let cell = cell.lock();
            stats.bytes_all += cell.history.bytes();
            if id == space {
                stats.newest = cell.history.newest();
                stats.oldest = cell.history.oldest();
                stats.bytes = cell.history.bytes();
            }
        }
        stats
    }

    fn version_of(&self, space: SpaceId, cell: &Cell, when: When) -> Result<u64, EngineError> {
        let newest = cell.history.newest().version;
        match when {
            When::Version(version) if version <= newest => Ok(version),
            When::Version(asked) => Err(EngineError::VersionAhead { asked, newest }),
            When::Time(time) => match cell.history.at_time(time) {
                Some(mark) => Ok(mark.version),
                None => Err(self.gone(space, cell, when)),
            },
        }
    }

    fn gone(&self, space: SpaceId, cell: &Cell, when: When) -> EngineError {
        let oldest = cell.history.oldest();
        EngineError::VersionGone {
            asked: match when {
                When::Version(version) => format!("version {version}"),
                When::Time(time) => format!("the version at {time} µs"),
            },
            space: self.space_label(space),
            oldest: oldest.version,
            committed: oldest.committed,
        }
    }

    /// Of a space that was never written.
    fn beginning(&self, when: When) -> Result<AsOf<Arc<State>>, EngineError> {
        match when {
            When::Version(asked @ 1..) => Err(EngineError::VersionAhead { asked, newest: 0 }),
            _ => Ok(AsOf {
                version: 0,
                committed: 0,
                position: 0,
                value: Arc::new(self.empty.clone()),
            }),
        }
    }
}
