//! Moments: spaces as a commit had made them at some point of it, for whoever reads them once it is over. Taking one is a
//! reference count a space, so it is done under the locks; what takes time is not.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::Engine;
use super::encode::Snapshot;
use super::held::Lease;
use crate::commit::record::Position;
use crate::commit::transaction::{Made, SpaceId};
use crate::space::state::State;

/// Spaces at one point of a commit, held as a snapshot is.
pub struct Moment {
    now: i64,
    position: Position,
    spaces: Vec<Held>,
}

struct Held {
    space: SpaceId,
    version: u64,
    lease: Arc<Lease>,
    /// Made when first asked for.
    snapshot: OnceLock<Snapshot>,
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Moment {
    /// When it was, microseconds since the epoch.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The spaces that the commit had locked.
    pub fn spaces(&self) -> impl Iterator<Item = SpaceId> {
        self.spaces.iter().map(|held| held.space)
    }

    /// A space that the commit had locked.
    pub fn lease(&self, space: SpaceId) -> Option<&Arc<Lease>> {
        self.held(space).map(|held| &held.lease)
    }

    /// The version of a space that the commit had locked: the one that it made, if it had changed something there by then.
    pub fn version(&self, space: SpaceId) -> Option<u64> {
        self.held(space).map(|held| held.version)
    }

    /// A space that the commit had locked, with its fingerprints as they are.
    pub fn glance(&self, space: SpaceId) -> Option<Snapshot> {
        let lease = Arc::clone(self.lease(space)?);
        let state = Arc::clone(lease.state());
        Some(Snapshot::unencoded(state, self.now, self.position, lease))
    }

    fn held(&self, space: SpaceId) -> Option<&Held> {
        self.spaces.iter().find(|held| held.space == space)
    }
}

impl Engine {
    /// Encodes what is pending in spaces, so that snapshots of moments soon after have little left to encode.
    pub fn encode_pending(&self, spaces: &[SpaceId]) {
        spaces.iter().for_each(|space| self.encode(*space));
    }

    /// Holds what a commit had made, which is at `position` of the log.
    pub fn hold(&self, made: &Made, position: Position) -> Moment {
        let held = |(space, state, version): &(SpaceId, Arc<State>, u64)| Held {
            space: *space,
            version: *version,
            lease: self.leases.take(*space, Arc::clone(state), 0),
            snapshot: OnceLock::new(),
        };
        Moment {
            now: made.now,
            position,
            spaces: made.spaces.iter().map(held).collect(),
        }
    }

    /// A space of a moment with every fingerprint encoded, if the commit had locked it.
    pub fn snapshot_at(&self, moment: &Moment, space: SpaceId) -> Option<Snapshot> {
        let held = moment.held(space)?;
        let snapshot = held.snapshot.get_or_init(|| {
            let state = Arc::clone(held.lease.state());
            self.leased(space, state, moment.now, moment.position)
        });
        Some(snapshot.clone())
    }
}
