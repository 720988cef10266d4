//! Fingerprints in an engine: loaded into spaces, searched, and merely read.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::transaction::{Draft, SpaceId};
use ladybug_engine::engine::{Engine, EngineOptions, Snapshot, SystemClock};
use ladybug_engine::error::EngineError;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::search::{Filter, Hit, Recall, Scope, TopK, top_k};
use ladybug_engine::space::address::{ADDRESSES, Address, Zone};
use ladybug_engine::space::mutation::{Bits, Content};
use ladybug_engine::storage::DiskStorage;

use super::K;

/// Nodes of a full node zone.
pub const ZONE: usize = Zone::Node.capacity();
/// Nodes of a full space: both zones.
pub const SPACE: usize = ZONE + Zone::Fluid.capacity();
/// When a fluid node expires: as late as can be, which is a microsecond before never.
const FAR: i64 = i64::MAX - 1;
/// Nodes of a commit while loading.
const COMMIT: usize = 256;

/// A found fingerprint: its row among those loaded, and its distance.
pub type Row = (u32, u32);

/// Snapshots of full spaces, and which row lies where.
pub struct Memory {
    /// Fingerprints loaded.
    loaded: u32,
    rows: Vec<Box<[u32]>>,
    snapshots: Vec<Snapshot>,
    engine: Engine,
    _directory: tempfile::TempDir,
}

impl Memory {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let storage = Arc::new(DiskStorage::new(directory.path())?);
        let options = EngineOptions {
            fsync: FsyncPolicy::Never,
            ..EngineOptions::default()
        };
        Ok(Self {
            loaded: 0,
            rows: Vec::new(),
            snapshots: Vec::new(),
            engine: Engine::open(storage, Arc::new(SystemClock), options)?,
            _directory: directory,
        })
    }

    /// Fills the next space, with at most [`SPACE`] fingerprints: the node zone, and then, with nodes that expire in the
    /// far future, the fluid one.
    pub fn fill(&mut self, fingerprints: &[Fingerprint]) -> Result<(), EngineError> {
        let space = self.rows.len() as SpaceId;
        let mut rows = vec![u32::MAX; ADDRESSES].into_boxed_slice();
        let mut next_row = self.loaded;
        for commit in fingerprints.chunks(COMMIT) {
            let expires = (next_row - self.loaded >= ZONE as u32).then_some(FAR);
            let made = self.engine.commit::<_, EngineError>(&[space], |tx| {
                let mut create = |fingerprint: &Fingerprint| {
                    tx.create(Draft {
                        content: Content {
                            fingerprint: Bits::Given(Box::new(fingerprint.clone())),
                            ..Content::default()
                        },
                        expires,
                        ..Draft::default()
                    })
                };
                commit
                    .iter()
                    .map(&mut create)
                    .collect::<Result<Vec<Address>, _>>()
            });
            for address in made.value? {
                rows[usize::from(address.0)] = next_row;
                next_row += 1;
            }
        }
        self.loaded = next_row;
        self.rows.push(rows);
        self.snapshots.push(self.engine.snapshot(space));
        Ok(())
    }

    /// Spaces filled.
    pub fn spaces(&self) -> usize {
        self.rows.len()
    }

    /// For each query, the best of the first `spaces` spaces together.
    pub fn search(&self, spaces: usize, queries: &[&Fingerprint], recall: Recall) -> Vec<Vec<Hit>> {
        let filter = Filter::default();
        let snapshots = self.snapshots[..spaces].iter();
        let scopes = snapshots.map(|snapshot| Scope {
            snapshot,
            filter: &filter,
        });
        top_k(
            &scopes.collect::<Vec<_>>(),
            queries,
            TopK::new(K).with_recall(recall),
        )
    }

    /// The rows of what was found.
    pub fn rows(&self, found: &[Hit]) -> Vec<Row> {
        let row = |hit: &Hit| {
            let rows = &self.rows[usize::from(hit.scope)];
            (rows[usize::from(hit.address.0)], hit.distance)
        };
        found.iter().map(row).collect()
    }

    /// Reads every fingerprint of the first `spaces` spaces once, and does next to nothing with it.
    pub fn stream(&self, spaces: usize) {
        for snapshot in &self.snapshots[..spaces] {
            for (_, chunk) in snapshot.state.chunks() {
                let (buffer, _) = chunk.fingerprints().buffer();
                black_box(read(buffer.typed_data()));
            }
        }
    }
}

/// The exclusive or of all words, as fast as memory gives them.
fn read(words: &[u64]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { read_avx2(words) };
    }
    fold(words)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn read_avx2(words: &[u64]) -> u64 {
    fold(words)
}

#[inline(always)]
fn fold(words: &[u64]) -> u64 {
    let mut sums = [0; 32];
    for words in words.as_chunks::<32>().0 {
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum ^= word;
        }
    }
    sums.iter().fold(0, |all, sum| all ^ sum)
}
