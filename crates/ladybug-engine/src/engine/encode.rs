//! Lazy encoding: whoever reads fingerprints has what is pending encoded first, outside the lock.

mod shared;
pub(super) mod turns;

use std::fmt;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::Engine;
use super::held::Lease;
use super::past::When;
use crate::commit::record::Position;
use crate::commit::transaction::SpaceId;
use crate::error::EngineError;
use crate::fingerprint::Fingerprint;
#[cfg(feature = "parallel")]
use crate::search::pool;
use crate::search::{Filter, Hit, Scope, TopK, top_k};
use crate::space::address::{ADDRESSES, Address};
use crate::space::derive::Recipe;
use crate::space::page::PAGE_BYTES;
use crate::space::state::{State, View};

/// A slot whose fingerprint was just encoded, for the id and version that it had.
pub(super) struct Encoded {
    pub address: Address,
    stamp: (u64, u64),
    pub fingerprint: Fingerprint,
}

/// A space at one version with every fingerprint readable.
#[derive(Clone)]
pub struct Snapshot {
    /// The state.
    pub state: Arc<State>,
    /// The moment of the snapshot, microseconds since the epoch.
    pub now: i64,
    /// The log position it shows.
    pub position: Position,
    /// What is pending in `state`, by address.
    derived: Arc<[(Address, Fingerprint)]>,
    /// The right to hold it, if it was handed out.
    lease: Option<Arc<Lease>>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.state.version())
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// A state as it is, with what is pending in it encoded beside it.
    pub(crate) fn of(state: Arc<State>, now: i64, position: Position) -> Self {
        let encoded = encode_pending(&state).into_iter();
        Self {
            now: now.max(state.committed()),
            derived: encoded
                .map(|slot| (slot.address, slot.fingerprint))
                .collect(),
            state,
            position,
            lease: None,
        }
    }

    /// A state as it is, where what is pending cannot be read.
    pub(super) fn unencoded(
        state: Arc<State>,
        now: i64,
        position: Position,
        lease: Arc<Lease>,
    ) -> Self {
        Self {
            now: now.max(state.committed()),
            derived: Arc::default(),
            state,
            position,
            lease: Some(lease),
        }
    }

    /// A state that needs no right to be held, at a moment that may be any, with its fingerprints as they are.
    pub fn bare(state: Arc<State>, now: i64) -> Self {
        Self {
            state,
            now,
            position: 0,
            derived: Arc::default(),
            lease: None,
        }
    }

    /// Whether every fingerprint can be read.
    pub fn is_encoded(&self) -> bool {
        self.derived.len() == pending_count(&self.state)
    }

    /// Whether it may still be held, see [`Lease::check`].
    ///
    /// # Errors
    /// [`EngineError::SnapshotGone`] once it was given up.
    pub fn check(&self) -> Result<(), EngineError> {
        self.lease.as_ref().map_or(Ok(()), |lease| lease.check())
    }

    /// The snapshot as a view.
    pub fn view(&self) -> View<'_> {
        View::of(&self.state, self.now)
    }

    /// The fingerprint at an occupied address.
    pub fn fingerprint(&self, address: Address) -> Option<&Fingerprint> {
        let node = self.state.node(address)?;
        node.fingerprint().or_else(|| {
            let at = self
                .derived
                .binary_search_by_key(&address, |(address, _)| *address);
            at.ok().map(|at| &self.derived[at].1)
        })
    }

    /// The fingerprints that are not in the state's columns, by address.
    pub fn derived(&self) -> &[(Address, Fingerprint)] {
        &self.derived
    }
}

impl Engine {
    /// The space at this moment with every fingerprint encoded. What was pending is encoded here and
    /// installed for those who come later; those who ask meanwhile share the next snapshot.
    pub fn snapshot(&self, space: SpaceId) -> Snapshot {
        let (state, position) = self.state(space);
        if pending_count(&state) == 0 {
            return self.leased(space, state, self.now(), position);
        }
        drop(state);
        self.leases.making.take(space, || {
            self.encode(space);
            let (state, position) = self.state(space);
            self.leased(space, state, self.now(), position)
        })
    }

    /// The space at this moment with its fingerprints as they are: for who reads none, or few, or has them
    /// [encoded](Self::encoded) later.
    pub fn glance(&self, space: SpaceId) -> Snapshot {
        let (state, position) = self.state(space);
        let lease = self.leases.take(space, Arc::clone(&state), 0);
        Snapshot::unencoded(state, self.now(), position, lease)
    }

    /// Several spaces at one moment, with their fingerprints as they are.
    pub fn glances(&self, spaces: &[SpaceId]) -> Vec<Snapshot> {
        let states = self.states(spaces).into_iter().zip(spaces);
        let now = self.now();
        let glance = |((state, position), space): ((Arc<State>, _), &SpaceId)| {
            let lease = self.leases.take(*space, Arc::clone(&state), 0);
            Snapshot::unencoded(state, now, position, lease)
        };
        states.map(glance).collect()
    }

    /// A space as it was, with its fingerprints as they are.
    ///
    /// # Errors
    /// As [`Engine::state_at`].
    pub fn glance_at(&self, space: SpaceId, when: When) -> Result<Snapshot, EngineError> {
        let past = self.state_at(space, when)?;
        let lease = self.leases.take(space, Arc::clone(&past.value), 0);
        Ok(Snapshot::unencoded(
            past.value,
            past.committed,
            past.position,
            lease,
        ))
    }

    /// The same moment of the same space with every fingerprint encoded: for all who come later where the space
    /// is still the same, else for this snapshot alone.
    pub fn encoded(&self, space: SpaceId, snapshot: &Snapshot) -> Snapshot {
        if snapshot.is_encoded() {
            return snapshot.clone();
        }
        let shows = |state: &Arc<State>| Arc::ptr_eq(state, &snapshot.state);
        if shows(&self.state(space).0) {
            let now = self.snapshot(space);
            if now.state.version() == snapshot.state.version() {
                return Snapshot {
                    now: snapshot.now,
                    ..now
                };
            }
        }
        let mut encoded =
            Snapshot::of(Arc::clone(&snapshot.state), snapshot.now, snapshot.position);
        let own_bytes = size_of_val(&*encoded.derived) as u64;
        let state = Arc::clone(&encoded.state);
        encoded.lease = Some(self.leases.take(space, state, own_bytes));
        self.leases.grew(own_bytes, |space| self.state(space).0);
        encoded
    }

    /// Several spaces at one moment: of a commit to more than one of them all shows or nothing.
    pub fn snapshots(&self, spaces: &[SpaceId]) -> Vec<Snapshot> {
        if let [space] = spaces {
            return vec![self.snapshot(*space)];
        }
        spaces.iter().for_each(|space| self.encode(*space));
        let states = self.states(spaces).into_iter().zip(spaces);
        let now = self.now();
        let leased =
            |((state, position), space): (_, &SpaceId)| self.leased(*space, state, now, position);
        states.map(leased).collect()
    }

    /// Encodes what is pending in a space and installs it, as long as that gains on the writers: what they
    /// leave is encoded for the snapshot alone.
    pub(super) fn encode(&self, space: SpaceId) {
        self.sharing(space, || self.encode_own(space));
    }

    fn encode_own(&self, space: SpaceId) {
        let mut before = usize::MAX;
        loop {
            let (state, _) = self.state(space);
            let count = pending_count(&state);
            if count == 0 || count > before.saturating_sub(GAIN_PER_ROUND_MIN) {
                return;
            }
            before = count;
            // A bounded number at a time, however much is pending after a load: a fingerprint waits in
            // memory until it is installed.
            let pending = pending(&state, ENCODINGS_PER_ROUND);
            // Let go first: a column that nobody shares is written in place.
            drop(state);
            self.install(space, &encode(pending));
        }
    }

    /// Encodes what is pending in one chunk and installs it.
    pub(super) fn encode_chunk(&self, space: SpaceId, prefix: u8) {
        self.sharing(space, || {
            let (state, _) = self.state(space);
            let slots = state.chunk(prefix).map(|chunk| chunk.pending);
            let slots = slots.unwrap_or_default().iter();
            let pending: Vec<_> = slots
                .map(|slot| Pending::of(&state, Address::new(prefix, slot)))
                .collect();
            drop(state);
            self.install(space, &encode(pending));
        });
    }

    pub(super) fn leased(
        &self,
        space: SpaceId,
        state: Arc<State>,
        now: i64,
        position: Position,
    ) -> Snapshot {
        let mut snapshot = Snapshot::of(state, now, position);
        let own_bytes = size_of_val(&*snapshot.derived) as u64;
        snapshot.lease = Some(
            self.leases
                .take(space, Arc::clone(&snapshot.state), own_bytes),
        );
        self.leases.grew(own_bytes, |space| self.state(space).0);
        snapshot
    }

    /// The nodes of a space nearest to `query`, nearest first, and the snapshot they are of.
    pub fn search(
        &self,
        space: SpaceId,
        query: &Fingerprint,
        wanted: TopK,
        filter: &Filter,
    ) -> (Snapshot, Vec<Hit>) {
        let snapshot = self.snapshot(space);
        let scope = Scope {
            snapshot: &snapshot,
            filter,
        };
        let hits = top_k(&[scope], &[query], wanted);
        let hits = hits.into_iter().next().expect("one for each query");
        (snapshot, hits)
    }

    /// Installs encoded fingerprints where nothing has changed since.
    fn install(&self, space: SpaceId, encoded: &[Encoded]) {
        let Some(cell) = self.cell(space) else {
            return;
        };
        // A chunk at a time, and the lock handed to whoever waits in between: each hold copies at most
        // one column of fingerprints.
        for slots in encoded.chunk_by(|a, b| a.address.prefix() == b.address.prefix()) {
            let mut cell = cell.lock();
            for slot in slots {
                cell.space
                    .install(slot.address, slot.stamp, &slot.fingerprint);
            }
            MutexGuard::unlock_fair(cell);
            self.leases
                .grew(PAGE_BYTES as u64, |space| self.state(space).0);
        }
    }
}

/// How many fingerprints are encoded before they are installed: 640 KiB of them, and milliseconds.
const ENCODINGS_PER_ROUND: usize = 512;
/// How much less must be pending after a round for another to be worth it.
const GAIN_PER_ROUND_MIN: usize = ENCODINGS_PER_ROUND / 2;

/// A slot whose fingerprint is to be encoded, with the id and version that it has.
struct Pending {
    address: Address,
    stamp: (u64, u64),
    recipe: Recipe,
}

/// How much is pending in a state.
fn pending_count(state: &State) -> usize {
    state.chunks().map(|(_, chunk)| chunk.pending.len()).sum()
}

/// Up to `limit` of what is pending in a state, by address.
fn pending(state: &State, limit: usize) -> Vec<Pending> {
    let addresses = state.chunks().flat_map(|(prefix, chunk)| {
        let slots = chunk.pending.iter();
        slots.map(move |slot| Address::new(prefix, slot))
    });
    let of = |address| Pending::of(state, address);
    addresses.take(limit).map(of).collect()
}

impl Pending {
    fn of(state: &State, address: Address) -> Self {
        let node = state.node(address);
        let node = node.expect("invariant: what is pending is occupied");
        Self {
            address,
            stamp: (node.id(), node.version()),
            recipe: Recipe::of(state, node),
        }
    }
}

/// Encodes, on all cores where that is worth it.
fn encode(pending: Vec<Pending>) -> Vec<Encoded> {
    let encoded = |slot: &Pending| Encoded {
        address: slot.address,
        stamp: slot.stamp,
        fingerprint: slot.recipe.encode(),
    };
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        if pending.len() >= PARALLEL_ENCODINGS_MIN {
            return pool::run(|| pending.par_iter().map(encoded).collect());
        }
    }
    pending.iter().map(encoded).collect()
}

/// Encodes what is pending in a state, by address.
pub(super) fn encode_pending(state: &State) -> Vec<Encoded> {
    encode(pending(state, ADDRESSES))
}

/// From how many encodings on threads are worth their while.
#[cfg(feature = "parallel")]
const PARALLEL_ENCODINGS_MIN: usize = 64;
