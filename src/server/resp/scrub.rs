//! Scrubbing: a task in the background that looks at all fingerprints, chunk by chunk at a set rate, and repairs what
//! is damaged.
//!
//! Passes follow one another. One that is asked for begins at once and supersedes the one that ran by itself; whoever
//! asks while it runs shares it. With the server everything about them ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ladybug_engine::commit::transaction::SpaceId;
use ladybug_engine::engine::parity::{ChunkRepair, Damage};
use ladybug_engine::space::address::Address;
use ladybug_engine::space::page::PAGE_BYTES;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::server::Server;
use super::session::unix_time_us;

/// Between passes that nobody asked for: a small memory is not looked at without end.
const PAUSE: Duration = Duration::from_secs(1);

/// One pass over everything.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    /// Whether somebody asked for it.
    pub is_asked: bool,
    /// When it began, microseconds since the epoch.
    pub begun_us: i64,
    /// When it ended, microseconds since the epoch; 0 while it runs.
    pub ended_us: i64,
    /// Chunks looked at.
    pub chunks: u64,
    /// Fingerprints, sketches and parity rows repaired.
    pub repaired: u64,
    /// Fingerprints that nothing brings back.
    pub lost: BTreeSet<(SpaceId, Address)>,
}

/// What is known of scrubbing.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Whether a pass has been asked for that has not begun.
    pub is_asked: bool,
    /// The pass that runs.
    pub running: Option<Pass>,
    /// The last that reached its end.
    pub last: Option<Pass>,
    /// What is lost, as far as was looked.
    lost: BTreeSet<(SpaceId, Address)>,
}

/// The state of scrubbing.
#[derive(Debug, Default)]
pub struct Scrub {
    status: Mutex<Status>,
    wake: Notify,
}

impl Scrub {
    /// What is known.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// Asks for a pass over everything from now on; false if one that was asked for runs or is about to.
    pub fn ask(&self) -> bool {
        let mut status = self.status.lock();
        let runs = status.running.as_ref().is_some_and(|pass| pass.is_asked);
        if runs || status.is_asked {
            return false;
        }
        status.is_asked = true;
        self.wake();
        true
    }

    /// Has the task look again at what it is to do.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether the pass that runs is still wanted: none that was asked for takes its place, and if nobody asked
    /// for it, the rate is not 0.
    fn goes_on(&self, bytes_per_s: u64) -> bool {
        let status = self.status.lock();
        let is_asked = status.running.as_ref().is_some_and(|pass| pass.is_asked);
        !status.is_asked && (is_asked || bytes_per_s > 0)
    }

    fn begin(&self) {
        let mut status = self.status.lock();
        status.running = Some(Pass {
            is_asked: std::mem::take(&mut status.is_asked),
            begun_us: unix_time_us(),
            ..Pass::default()
        });
    }

    /// Ends the pass that runs: at its end, or because another takes its place.
    fn end(&self, is_complete: bool) {
        let mut status = self.status.lock();
        let Some(mut pass) = status.running.take() else {
            return;
        };
        if is_complete {
            pass.ended_us = unix_time_us();
            status.lost.clone_from(&pass.lost);
            status.last = Some(pass);
        }
    }

    /// Counts a chunk of the pass that runs; answers what was not known to be lost.
    fn count<'a>(&self, space: SpaceId, repair: &'a ChunkRepair) -> Vec<&'a Damage> {
        let mut status = self.status.lock();
        let Status { running, lost, .. } = &mut *status;
        if let Some(pass) = running {
            pass.chunks += 1;
            pass.repaired += repair.repaired.len() as u64;
            let places = repair.lost.iter().map(|damage| (space, damage.address));
            pass.lost.extend(places);
        }
        let is_new = |damage: &&Damage| lost.insert((space, damage.address));
        repair.lost.iter().filter(is_new).collect()
    }
}

/// Scrubs until the server stops.
pub async fn run(server: Arc<Server>) {
    let scrubbing = async {
        loop {
            due(&server).await;
            server.scrub.begin();
            let is_complete = pass(&server).await;
            server.scrub.end(is_complete);
        }
    };
    tokio::select! {
        () = scrubbing => {}
        () = server.stopped() => {}
    }
    server.scrub.end(false);
}

/// Returns when a pass is to begin.
async fn due(server: &Server) {
    let scrub = &server.scrub;
    loop {
        if scrub.status.lock().is_asked {
            return;
        }
        if server.live.scrub_bytes_per_s.load(Relaxed) == 0 {
            scrub.wake.notified().await;
        } else if tokio::time::timeout(PAUSE, scrub.wake.notified())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// One pass; false if another takes its place, or nobody wants it any more.
async fn pass(server: &Arc<Server>) -> bool {
    let scrub = &server.scrub;
    let bytes_per_s = || server.live.scrub_bytes_per_s.load(Relaxed);
    let mut next = Instant::now();
    for space in server.engine.spaces() {
        for prefix in server.engine.prefixes(space) {
            if !scrub.goes_on(bytes_per_s()) {
                return false;
            }
            chunk(server, space, prefix).await;
            let rate = bytes_per_s();
            if rate > 0 {
                let pause = Duration::from_secs_f64(PAGE_BYTES as f64 / rate as f64);
                next = next.max(Instant::now()) + pause;
                // Woken, it may be another pass or another rate that is wanted.
                let _ = tokio::time::timeout_at(next, scrub.wake.notified()).await;
            }
        }
    }
    true
}

/// Scrubs one chunk, on a thread that may take its time: what is repaired may have to be encoded.
async fn chunk(server: &Arc<Server>, space: SpaceId, prefix: u8) {
    let engine = Arc::clone(&server.engine);
    let scrubbed = tokio::task::spawn_blocking(move || engine.scrub(space, prefix)).await;
    let Ok(repair) = scrubbed else {
        tracing::error!(space, prefix, "scrubbing a chunk failed");
        return;
    };
    let stats = &server.stats;
    stats.scrubbed_chunks.fetch_add(1, Relaxed);
    stats
        .scrub_repaired
        .fetch_add(repair.repaired.len() as u64, Relaxed);
    for Damage {
        address,
        part,
        remedy,
        ..
    } in &repair.repaired
    {
        let was_mapped = repair.was_mapped;
        tracing::warn!(space, %address, ?part, ?remedy, was_mapped, "damage in memory was repaired");
    }
    let lost = server.scrub.count(space, &repair);
    stats.scrub_lost.fetch_add(lost.len() as u64, Relaxed);
    for Damage { address, id, .. } in lost {
        tracing::error!(space, %address, id, "a fingerprint in memory is damaged beyond repair");
    }
}

#[cfg(test)]
mod tests {
    use ladybug_engine::engine::parity::{Part, Remedy};

    use super::*;

    fn lost(address: u16) -> ChunkRepair {
        let damage = Damage {
            address: Address(address),
            id: None,
            name: None,
            part: Part::Fingerprint,
            remedy: Remedy::Nothing,
        };
        ChunkRepair {
            lost: vec![damage],
            ..ChunkRepair::default()
        }
    }

    #[test]
    fn whoever_asks_while_an_asked_pass_waits_or_runs_shares_it() {
        let scrub = Scrub::default();
        scrub.begin();
        assert!(scrub.ask(), "the one that runs by itself is superseded");
        assert!(!scrub.ask());
        scrub.end(false);
        assert!(scrub.status().last.is_none());
        scrub.begin();
        assert!(!scrub.ask());
        scrub.end(true);
        assert!(scrub.status().last.is_some_and(|pass| pass.is_asked));
        assert!(scrub.ask());
    }

    #[test]
    fn without_a_rate_only_a_pass_that_was_asked_for_goes_on() {
        let scrub = Scrub::default();
        scrub.begin();
        assert!(scrub.goes_on(1) && !scrub.goes_on(0));
        scrub.ask();
        assert!(!scrub.goes_on(1), "superseded");
        scrub.begin();
        assert!(scrub.goes_on(0) && scrub.goes_on(1));
    }

    #[test]
    fn what_is_lost_is_told_once_and_again_after_it_was_whole() {
        let scrub = Scrub::default();
        for expected in [1, 0] {
            scrub.begin();
            assert_eq!(scrub.count(0, &lost(0x8000)).len(), expected);
            scrub.end(true);
            assert_eq!(scrub.status().last.map(|pass| pass.lost.len()), Some(1));
        }
        scrub.begin();
        scrub.end(true);
        scrub.begin();
        assert_eq!(scrub.count(0, &lost(0x8000)).len(), 1);
    }
}
