//! The bound on what held snapshots cost: past it the oldest holder is told to let go.
//!
//! A snapshot shares memory with the live space until commits write there; from then on it alone keeps what
//! they replaced. That is measured whenever commits, or encodings for a snapshot alone, may have added a sixteenth
//! of the bound. A holder whose snapshot was given up learns it from [`Lease::check`], which long readers
//! ask between steps; what it holds no longer counts, and is free as soon as it returns.
//!
//! A checkpoint holds its states without a lease: it ends by itself, and nothing may make it fail but the disk.

use std::sync::{Arc, Weak};

use super::encode::Snapshot;
use super::encode::turns::Turns;
use crate::commit::transaction::SpaceId;
use crate::error::EngineError;
use crate::space::address::SLOTS;
use crate::space::retained::Retained;
use crate::space::state::State;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Bytes that held snapshots may keep beyond the live spaces, unless set otherwise: 1 GiB.
pub const SNAPSHOT_BYTES: u64 = 1 << 30;
/// Commits are measured when they may have added this part of the bound.
const MEASUREMENTS_PER_BOUND: u64 = 16;
/// Most bytes that one mutation has copied: the plain columns of a chunk, shards of directories, the overlays
/// of two graph chunks.
const BYTES_PER_MUTATION: u64 = 64 << 10;

/// At most what a commit has had copied because of snapshots: what it carries is in columns of 256 values.
pub(super) fn copied_bytes_max(mutations: u64, record_bytes: usize) -> u64 {
    mutations * BYTES_PER_MUTATION + record_bytes as u64 * SLOTS as u64
}

/// The leases of all spaces.
pub(super) struct Leases {
    bytes_max: u64,
    /// Oldest first.
    held: Mutex<Vec<Weak<Lease>>>,
    count: AtomicUsize,
    /// At most what commits have had copied since the last measurement.
    growth: AtomicU64,
    /// What they cost at the last measurement.
    bytes: AtomicU64,
    revoked: AtomicU64,
    /// Snapshots that are being made, for all who want one.
    pub(super) making: Turns<Snapshot>,
}

/// The right to hold a state of a space.
pub struct Lease {
    space: SpaceId,
    state: Arc<State>,
    /// Bytes beside the state: fingerprints encoded for this holder alone.
    own_bytes: u64,
    revoked: AtomicBool,
    leases: Arc<Leases>,
}

/// What held snapshots cost now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotStats {
    /// How many are held.
    pub held: usize,
    /// Bytes that they alone keep, as last measured.
    pub bytes: u64,
    /// How many were given up because of the bound.
    pub revoked: u64,
}

impl Leases {
    pub(super) fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            bytes_max,
            held: Mutex::default(),
            count: AtomicUsize::new(0),
            growth: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            revoked: AtomicU64::new(0),
            making: Turns::default(),
        })
    }

    /// A lease on a state that was just read.
    pub(super) fn take(
        self: &Arc<Self>,
        space: SpaceId,
        state: Arc<State>,
        own_bytes: u64,
    ) -> Arc<Lease> {
        let lease = Arc::new(Lease {
            space,
            state,
            own_bytes,
            revoked: AtomicBool::new(false),
            leases: Arc::clone(self),
        });
        let mut held = self.held.lock();
        held.push(Arc::downgrade(&lease));
        self.count.store(held.len(), Relaxed);
        lease
    }

    /// Commits or encodings had at most `bytes` copied because of whoever holds a snapshot; `live` answers a
    /// space's state now, and is called without any lock held.
    pub(super) fn grew(&self, bytes: u64, live: impl Fn(SpaceId) -> Arc<State>) {
        if self.count.load(Relaxed) == 0 {
            return;
        }
        let growth = self.growth.fetch_add(bytes, Relaxed) + bytes;
        if growth >= self.bytes_max / MEASUREMENTS_PER_BOUND {
            self.growth.store(0, Relaxed);
            self.measure(live);
        }
    }

    /// Measures what is held, and revokes the oldest leases until the rest is within the bound.
    fn measure(&self, live: impl Fn(SpaceId) -> Arc<State>) {
        let leases: Vec<Arc<Lease>> = self.held.lock().iter().filter_map(Weak::upgrade).collect();
        let mut retained = Retained::default();
        let (mut bytes, mut fits) = (0, true);
        // From the newest: what an older one shares with a newer one is not freed with it.
        for lease in leases.iter().rev().filter(|lease| !lease.is_revoked()) {
            let cost = retained.count(&lease.state, &live(lease.space)) as u64 + lease.own_bytes;
            fits &= bytes + cost <= self.bytes_max;
            if fits {
                bytes += cost;
            } else {
                lease.revoked.store(true, Relaxed);
                self.revoked.fetch_add(1, Relaxed);
            }
        }
        self.bytes.store(bytes, Relaxed);
    }

    pub(super) fn stats(&self) -> SnapshotStats {
        let held = self.count.load(Relaxed);
        SnapshotStats {
            held,
            bytes: if held == 0 {
                0
            } else {
                self.bytes.load(Relaxed)
            },
            revoked: self.revoked.load(Relaxed),
        }
    }
}

impl Lease {
    /// The state that is held.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    fn is_revoked(&self) -> bool {
        self.revoked.load(Relaxed)
    }

    /// Whether it may still be held: a long reader asks between its steps.
    ///
    /// # Errors
    /// [`EngineError::SnapshotGone`] once it was given up because of the bound.
    pub fn check(&self) -> Result<(), EngineError> {
        match self.is_revoked() {
            false => Ok(()),
            true => Err(EngineError::SnapshotGone(self.leases.bytes_max)),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.held.lock();
        // This one has no strong reference any more.
        held.retain(|lease| lease.strong_count() > 0);
        self.leases.count.store(held.len(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::thread;

    use super::*;
    use crate::commit::transaction::Draft;
    use crate::engine::{Engine, EngineOptions, SystemClock};
    use crate::space::mutation::Content;
    use crate::storage::SimulatedStorage;

    const VALUE_BYTES: usize = 100_000;
    const BOUND: u64 = 1 << 20;

    fn engine() -> Engine {
        let options = EngineOptions {
            snapshot_bytes: BOUND,
            ..EngineOptions::default()
        };
        let storage = Arc::new(SimulatedStorage::new(7));
        Engine::open(storage, Arc::new(SystemClock), options).expect("an engine")
    }

    /// Gives node `n` another value, of 100,000 bytes.
    fn write(engine: &Engine, n: usize, byte: u8) {
        let name = n.to_string().into_bytes();
        let value: Arc<[u8]> = vec![byte; VALUE_BYTES].into();
        let outcome = engine.commit::<_, EngineError>(&[0], |tx| match tx.find(&name) {
            Some(at) => tx.set_content(at, Content::of_value(Arc::clone(&value))),
            None => {
                let draft = Draft {
                    name: Some(name.clone().into()),
                    content: Content::of_value(Arc::clone(&value)),
                    ..Draft::default()
                };
                tx.create(draft).map(drop)
            }
        });
        outcome.value.expect("a commit");
    }

    #[test]
    fn the_oldest_holder_is_told_to_let_go_when_writers_replaced_too_much() {
        let engine = engine();
        (0..20).for_each(|n| write(&engine, n, 0));
        let (oldest, _) = engine.lease(0);
        (0..6).for_each(|n| write(&engine, n, 1));
        let (newer, _) = engine.lease(0);
        assert_eq!((oldest.check(), newer.check()), (Ok(()), Ok(())));
        (6..12).for_each(|n| write(&engine, n, 1));
        assert_eq!(
            oldest.check(),
            Err(EngineError::SnapshotGone(BOUND)),
            "it keeps 1.2 MB alone"
        );
        assert_eq!(newer.check(), Ok(()), "it keeps 0.6 MB");
        let stats = engine.snapshot_stats();
        assert_eq!((stats.held, stats.revoked), (2, 1));
        assert!((600_000..BOUND).contains(&stats.bytes), "{stats:?}");
        drop((oldest, newer));
        assert_eq!(engine.snapshot_stats().held, 0);
        assert_eq!(engine.snapshot_stats().bytes, 0);
    }

    #[test]
    fn a_snapshot_that_costs_nothing_is_held_for_ever() {
        let engine = engine();
        write(&engine, 0, 0);
        // Each write is to what no snapshot holds any more, and what was replaced before it was taken is free.
        let held = engine.snapshot(0);
        for round in 0..100 {
            write(&engine, 1, round);
        }
        assert_eq!(held.check(), Ok(()));
    }

    #[test]
    fn whatever_races_the_bound_holds() {
        let engine = engine();
        (0..20).for_each(|n| write(&engine, n, 0));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut held = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        if held.len() < 20 {
                            held.push(engine.lease(0).0);
                        }
                        held.retain(|lease| lease.check().is_ok());
                    }
                });
            }
            let write = |writer: u8| {
                let engine = &engine;
                move || (0..200).for_each(|n| write(engine, n % 20, n as u8 ^ writer))
            };
            let writers = [0, 1].map(|writer| scope.spawn(write(writer)));
            for writer in writers {
                writer.join().expect("a writer");
            }
            // Counted here anew: what those keep that were not told to let go.
            let held = engine.leases.held.lock();
            let leases: Vec<_> = held.iter().filter_map(Weak::upgrade).collect();
            drop(held);
            let live = engine.state(0).0;
            let mut retained = Retained::default();
            let kept = leases.iter().filter(|lease| lease.check().is_ok());
            let bytes: usize = kept.map(|lease| retained.count(&lease.state, &live)).sum();
            done.store(true, Ordering::Relaxed);
            assert!(bytes as u64 <= BOUND, "{bytes}");
        });
        assert_eq!(engine.snapshot_stats().held, 0);
        assert!(engine.snapshot_stats().revoked > 0);
    }
}

/// The same under every schedule that shuttle tries.
#[cfg(all(test, shuttle))]
mod model {
    use super::*;
    use crate::sync::thread;

    const BOUND: u64 = 1600;
    const HOLDERS: usize = 3;
    const ITERATIONS: usize = 5_000;

    fn hold(leases: &Arc<Leases>, bytes: u64) -> Arc<Lease> {
        let state = Arc::new(State::new(0));
        let lease = leases.take(0, Arc::clone(&state), bytes);
        leases.grew(bytes, |_| Arc::clone(&state));
        lease
    }

    #[test]
    fn model_of_holders_that_race_never_passes_the_bound() {
        let check = || {
            let leases = Leases::new(BOUND);
            let holders: Vec<_> = (0..HOLDERS)
                .map(|_| {
                    let leases = Arc::clone(&leases);
                    thread::spawn(move || {
                        // One that comes and goes, and one that stays.
                        drop(hold(&leases, BOUND / 2));
                        hold(&leases, BOUND / 2)
                    })
                })
                .collect();
            let held: Vec<_> = holders
                .into_iter()
                .map(|holder| holder.join().expect("a holder"))
                .collect();
            let kept = held.iter().filter(|lease| lease.check().is_ok());
            let bytes: u64 = kept.map(|lease| lease.own_bytes).sum();
            assert!(bytes <= BOUND, "{bytes}");
            assert_eq!(leases.stats().held, HOLDERS);
            drop(held);
            assert_eq!(leases.stats().held, 0, "none is left behind");
        };
        shuttle::check_random(check, ITERATIONS);
        shuttle::check_pct(check, ITERATIONS, 3);
    }
}
