//! Finding and repairing damage in memory: bits of fingerprints, sketches and parity rows that changed since they
//! were written.
//!
//! Reading holds no lock; a repair holds its space's for one chunk, and looks again there, because what was found in
//! a snapshot may have been overwritten. A repair is no commit: it restores what the log already says.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::Engine;
use crate::commit::record::Position;
use crate::commit::transaction::SpaceId;
use crate::error::EngineError;
use crate::space::address::Address;
use crate::space::chunk::Chunk;
use crate::space::chunk::parity::ParityRow;
pub use crate::space::chunk::parity::Remedy;
use crate::space::page::PAGE_BYTES;

/// Calls of [`Chunk::repair`] for one repair: what follows from content, then what parity brings back, and as often
/// again for what is damaged meanwhile.
const ROUNDS_MAX: usize = 4;
/// Addresses that an error names; it counts the others.
const NAMED_MAX: usize = 8;

/// The kinds of data that are watched over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A slot's fingerprint.
    Fingerprint,
    /// A slot's sketch.
    Sketch,
    /// A chunk's parity row.
    Parity,
}

/// Something in memory that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The slot; of a parity row, the first of its chunk.
    pub address: Address,
    /// Id of the node or reified edge that lives there.
    pub id: Option<u64>,
    /// Name of the node that lives there.
    pub name: Option<Arc<[u8]>>,
    /// What of it.
    pub part: Part,
    /// What brings it back, or has.
    pub remedy: Remedy,
}

impl Damage {
    fn at(chunk: &Chunk, address: Address, part: Part, remedy: Remedy) -> Self {
        let slot = address.slot();
        let is_occupied = part != Part::Parity && chunk.occupied.contains(slot);
        Self {
            address,
            id: is_occupied.then(|| *chunk.id.get(slot)),
            name: chunk.name.get(slot).clone().filter(|_| is_occupied),
            part,
            remedy,
        }
    }
}

/// What a repair of one chunk did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChunkRepair {
    /// What is whole again; what was encoded anew may still be on its way.
    pub repaired: Vec<Damage>,
    /// What nothing brings back.
    pub lost: Vec<Damage>,
    /// Whether the fingerprints lay in a mapped checkpoint, whose file then may be damaged.
    pub was_mapped: bool,
}

/// Why something was not repaired. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParityError {
    /// It is as it was written.
    #[error("the fingerprint at {0} is not damaged: its checksum holds; nothing was changed")]
    NotDamaged(Address),
    /// More of the chunk is damaged than its parity brings back.
    #[error(
        "the fingerprint at {address} cannot be rebuilt: {}; write it anew, or take it from the older checkpoint and \
         the log: SHUTDOWN NOSAVE, `ladybug check DIR --repair`, and start",
        why_lost(others)
    )]
    Lost {
        /// What was to be repaired.
        address: Address,
        /// What else of its chunk is lost.
        others: Vec<Address>,
    },
    /// The parity row may be what can still rebuild a fingerprint.
    #[error(
        "the parity is not computed anew while fingerprints are damaged ({}): DAG.PARITY.SCRUB repairs what can be",
        list(.0)
    )]
    FingerprintsDamaged(Vec<Address>),
}

fn why_lost(others: &[Address]) -> String {
    match others {
        [] => String::from("its chunk's parity does not lead to bits that match its checksum"),
        others => format!(
            "parity brings one fingerprint a chunk back, and {} of this chunk is lost too",
            list(others)
        ),
    }
}

fn list(addresses: &[Address]) -> String {
    let named = addresses.iter().take(NAMED_MAX).map(Address::to_string);
    let named = named.collect::<Vec<_>>().join(", ");
    match addresses.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Everything that is wrong with a chunk, by address, its parity row first.
fn examine(prefix: u8, chunk: &Chunk) -> Vec<Damage> {
    let found = chunk.examine();
    let at = |slot| Address::new(prefix, slot);
    let row = (found.parity == ParityRow::Damaged)
        .then(|| Damage::at(chunk, at(0), Part::Parity, Remedy::Computing));
    let fingerprint = |slot| {
        Damage::at(
            chunk,
            at(slot),
            Part::Fingerprint,
            chunk.remedy(slot, &found),
        )
    };
    let sketch = |slot| Damage::at(chunk, at(slot), Part::Sketch, Remedy::Computing);
    let mut slots: Vec<_> = found.fingerprints.iter().map(fingerprint).collect();
    slots.extend(found.sketches.iter().map(sketch));
    slots.sort_by_key(|damage| damage.address);
    row.into_iter().chain(slots).collect()
}

impl Engine {
    /// Everything damaged in a space as it is at this moment, by address, and the log position that this shows.
    /// Holds no lock while it reads.
    ///
    /// # Errors
    /// [`EngineError::SnapshotGone`] if writers replaced too much meanwhile.
    pub fn verify(&self, space: SpaceId) -> Result<(Vec<Damage>, Position), EngineError> {
        let (lease, position) = self.lease(space);
        let mut damages = Vec::new();
        for (prefix, chunk) in lease.state().chunks() {
            lease.check()?;
            damages.extend(examine(prefix, chunk));
        }
        Ok((damages, position))
    }

    /// The prefixes of a space's chunks, as far as they are in use.
    pub fn prefixes(&self, space: SpaceId) -> Vec<u8> {
        let (state, _) = self.state(space);
        state.chunks().map(|(prefix, _)| prefix).collect()
    }

    /// Looks at one chunk of a space, and repairs what is damaged. Holds the space's lock for a moment, and
    /// longer only if something is damaged.
    pub fn scrub(&self, space: SpaceId, prefix: u8) -> ChunkRepair {
        let is_clean = |chunk: &Arc<Chunk>| chunk.examine().is_clean();
        match self.chunk(space, prefix) {
            Some(chunk) if !is_clean(&chunk) => {
                drop(chunk);
                self.repair(space, prefix)
            }
            _ => ChunkRepair::default(),
        }
    }

    /// Brings back the fingerprint (or sketch) at an address, and on the way what else of its chunk can be. States
    /// that others share keep what they have.
    ///
    /// # Errors
    /// It is not damaged, or nothing brings it back.
    pub fn recover(&self, space: SpaceId, address: Address) -> Result<Remedy, ParityError> {
        let chunk = self.chunk(space, address.prefix());
        let damages = chunk.map(|chunk| examine(address.prefix(), &chunk));
        let is_it = |damage: &&Damage| damage.address == address && damage.part != Part::Parity;
        if !damages
            .unwrap_or_default()
            .iter()
            .any(|damage| is_it(&damage))
        {
            return Err(ParityError::NotDamaged(address));
        }
        let repair = self.repair(space, address.prefix());
        if let Some(damage) = repair.repaired.iter().find(is_it) {
            return Ok(damage.remedy);
        }
        let is_lost = repair.lost.iter().any(|damage| is_it(&damage));
        let others = repair.lost.iter().map(|damage| damage.address);
        let others = others.filter(|other| *other != address).collect();
        // Overwritten since it was looked at.
        let not_damaged = ParityError::NotDamaged(address);
        Err(match is_lost {
            true => ParityError::Lost { address, others },
            false => not_damaged,
        })
    }

    /// Computes the parity rows anew that are not those of their chunks' fingerprints; answers how many.
    ///
    /// # Errors
    /// [`ParityError::FingerprintsDamaged`], with nothing changed, if a fingerprint is damaged: the parity may be what
    /// can rebuild it.
    pub fn recompute_parity(&self, space: SpaceId) -> Result<usize, ParityError> {
        let (state, _) = self.state(space);
        let (mut rows, mut damaged) = (Vec::new(), Vec::new());
        for (prefix, chunk) in state.chunks() {
            let found = chunk.examine();
            let slots = found.fingerprints.iter();
            damaged.extend(slots.map(|slot| Address::new(prefix, slot)));
            rows.extend((found.parity == ParityRow::Damaged).then_some(prefix));
        }
        drop(state);
        if !damaged.is_empty() {
            return Err(ParityError::FingerprintsDamaged(damaged));
        }
        let Some(cell) = self.cell(space) else {
            return Ok(0);
        };
        let recompute = |prefix: &u8| {
            let mut cell = cell.lock();
            let recomputed = cell.space.recompute_parity(*prefix);
            MutexGuard::unlock_fair(cell);
            recomputed
        };
        Ok(rows.iter().filter(|prefix| recompute(prefix)).count())
    }

    /// A chunk of a space at this moment, shared.
    fn chunk(&self, space: SpaceId, prefix: u8) -> Option<Arc<Chunk>> {
        let cell = self.cell(space)?;
        let cell = cell.lock();
        cell.space.state().chunk(prefix).cloned()
    }

    /// Repairs one chunk: under the lock, except for the encoding of what follows from content.
    fn repair(&self, space: SpaceId, prefix: u8) -> ChunkRepair {
        let mut result = ChunkRepair::default();
        let Some(cell) = self.cell(space) else {
            return result;
        };
        // By address, so that what several rounds were needed for counts once.
        let mut repaired = BTreeMap::new();
        for _ in 0..ROUNDS_MAX {
            let mut cell = cell.lock();
            let is_mapped = |chunk: &Arc<Chunk>| chunk.fingerprints().is_mapped();
            result.was_mapped |= cell.space.state().chunk(prefix).is_some_and(is_mapped);
            let repair = cell.space.repair(prefix);
            let Some(chunk) = cell.space.state().chunk(prefix) else {
                break;
            };
            if repair.parity {
                let at = Address::new(prefix, 0);
                let row = Damage::at(chunk, at, Part::Parity, Remedy::Computing);
                repaired.insert((at, 0), row);
            }
            for (slot, remedy) in repair.slots {
                let part = match remedy {
                    Remedy::Computing => Part::Sketch,
                    _ => Part::Fingerprint,
                };
                let at = Address::new(prefix, slot);
                repaired.insert((at, 1), Damage::at(chunk, at, part, remedy));
            }
            let lost = |slot| {
                let at = Address::new(prefix, slot);
                Damage::at(chunk, at, Part::Fingerprint, Remedy::Nothing)
            };
            result.lost = repair.lost.iter().map(lost).collect();
            MutexGuard::unlock_fair(cell);
            // At most the page was copied.
            self.leases
                .grew(PAGE_BYTES as u64, |space| self.state(space).0);
            if !repair.is_unfinished {
                break;
            }
            self.encode_chunk(space, prefix);
        }
        result.repaired = repaired.into_values().collect();
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use crate::commit::transaction::{Draft, EdgeDraft};
    use crate::engine::check::{check, repair};
    use crate::engine::tests::checkpoint::open_simulated;
    use crate::fingerprint::{Fingerprint, encode};
    use crate::space::chunk::parity::KeptPart;
    use crate::space::image::check_invariants;
    use crate::space::mutation::{Bits, Content};
    use crate::storage::{SimulatedStorage, Storage};

    /// Given bits number `n`.
    fn given(n: u64) -> Content {
        Content {
            fingerprint: Bits::Given(Box::new(Fingerprint::random(n))),
            ..Content::default()
        }
    }

    fn create(engine: &Engine, name: &str, content: Content) -> Address {
        let draft = Draft {
            name: Some(name.as_bytes().into()),
            content,
            ..Draft::default()
        };
        let made = engine.commit::<_, EngineError>(&[0], |tx| tx.create(draft));
        made.value.expect("a commit")
    }

    fn text(words: &str) -> Content {
        Content::of_value(words.as_bytes().into())
    }

    /// Two given nodes, two with text, and an edge between the first of each: in the chunks of the first four one by
    /// one, since a chunk is filled before the next.
    fn prepared(engine: &Engine) -> [Address; 5] {
        let [a, b] = [0, 1].map(|n| create(engine, &format!("given {n}"), given(n)));
        let [c, d] = ["one", "two"].map(|words| create(engine, words, text(words)));
        let reified = EdgeDraft {
            reified: true,
            ..EdgeDraft::default()
        };
        let linked = engine.commit::<_, EngineError>(&[0], |tx| tx.link(a, 0, c, reified));
        let edge = linked.value.expect("a commit").address.expect("reified");
        engine.snapshot(0);
        assert_eq!(engine.verify(0).expect("a lease").0, []);
        [a, b, c, d, edge]
    }

    fn flip(engine: &Engine, at: Address, bit: usize) {
        let cell = engine.cell(0).expect("a space");
        let flip = |chunk: &mut Chunk| chunk.flip_fingerprint_bit(at.slot(), bit);
        cell.lock().space.damage(at.prefix(), flip);
    }

    fn flip_kept(engine: &Engine, prefix: u8, part: KeptPart, bit: usize) {
        let cell = engine.cell(0).expect("a space");
        let flip = |chunk: &mut Chunk| chunk.flip_kept_bit(part, bit);
        cell.lock().space.damage(prefix, flip);
    }

    fn found(engine: &Engine) -> Vec<(Address, Part, Remedy)> {
        let damages = engine.verify(0).expect("a lease").0.into_iter();
        let short = |damage: Damage| (damage.address, damage.part, damage.remedy);
        damages.map(short).collect()
    }

    fn fingerprint(engine: &Engine, at: Address) -> Fingerprint {
        engine.snapshot(0).fingerprint(at).expect("a node").clone()
    }

    fn engine() -> Engine {
        open_simulated(&SimulatedStorage::new(3))
    }

    #[test]
    fn a_damaged_fingerprint_is_named_and_recovered_and_held_snapshots_keep_theirs() {
        let engine = engine();
        let [a, ..] = prepared(&engine);
        flip(&engine, a, 4_711);
        let held = engine.snapshot(0);
        let (damages, _) = engine.verify(0).expect("a lease");
        let [damage] = &damages[..] else {
            panic!("{damages:?}")
        };
        assert_eq!((damage.address, damage.part), (a, Part::Fingerprint));
        assert_eq!(damage.name.as_deref(), Some(&b"given 0"[..]));
        let id = engine.read(0, |view| view.find(b"given 0").map(|node| node.id()));
        assert_eq!(damage.id, id.value);
        let version = engine.state(0).0.version();
        assert_eq!(engine.recover(0, a), Ok(Remedy::Parity));
        assert_eq!(fingerprint(&engine, a), Fingerprint::random(0));
        assert_ne!(held.fingerprint(a), Some(&Fingerprint::random(0)));
        assert_eq!(engine.state(0).0.version(), version, "it is no commit");
        check_invariants(&engine.state(0).0).expect("a sound state");
    }

    #[test]
    fn what_is_not_damaged_is_refused_also_when_it_was_overwritten_since() {
        let engine = engine();
        let [a, b, ..] = prepared(&engine);
        assert_eq!(engine.recover(0, a), Err(ParityError::NotDamaged(a)));
        assert_eq!(engine.recover(7, a), Err(ParityError::NotDamaged(a)));
        flip(&engine, b, 1);
        assert_eq!(engine.recover(0, a), Err(ParityError::NotDamaged(a)));
        assert_eq!(
            found(&engine),
            [(b, Part::Fingerprint, Remedy::Parity)],
            "nothing was changed"
        );
        let set = engine.commit::<_, EngineError>(&[0], |tx| tx.set_content(b, given(9)));
        set.value.expect("a commit");
        assert_eq!(engine.recover(0, b), Err(ParityError::NotDamaged(b)));
        check_invariants(&engine.state(0).0).expect("the damage did not get into the parity");
    }

    #[test]
    fn two_lost_fingerprints_of_a_chunk_are_refused_by_name() {
        let engine = engine();
        let [a, b, ..] = prepared(&engine);
        assert_eq!(a.prefix(), b.prefix());
        flip(&engine, a, 1);
        flip(&engine, b, 1);
        let lost = ParityError::Lost {
            address: a,
            others: vec![b],
        };
        assert_eq!(engine.recover(0, a), Err(lost.clone()));
        let said = lost.to_string();
        for expected in [&a.to_string(), &b.to_string(), "check DIR --repair"] {
            assert!(said.contains(expected), "{said}");
        }
        let both = [a, b].map(|at| (at, Part::Fingerprint, Remedy::Nothing));
        assert_eq!(found(&engine), both);
        assert_eq!(engine.scrub(0, a.prefix()).lost.len(), 2);
        // Overwritten, the other can be recovered: what was damaged did not get into the parity.
        flip(&engine, b, 1);
        assert_eq!(engine.recover(0, a), Ok(Remedy::Parity));
    }

    #[test]
    fn what_follows_from_content_is_encoded_anew_and_then_parity_has_one_to_rebuild() {
        let engine = engine();
        let [a, _, c, d, edge] = prepared(&engine);
        let before = [a, c, d, edge].map(|at| fingerprint(&engine, at));
        for at in [a, c, d, edge] {
            flip(&engine, at, 8);
        }
        assert_eq!(engine.recover(0, c), Ok(Remedy::Encoding));
        assert_eq!(
            engine.recover(0, a),
            Err(ParityError::NotDamaged(a)),
            "on the way"
        );
        assert_eq!(
            engine.recover(0, edge),
            Ok(Remedy::Parity),
            "a chunk of its own"
        );
        assert_eq!(found(&engine), []);
        assert_eq!([a, c, d, edge].map(|at| fingerprint(&engine, at)), before);
        assert_eq!(before[1], encode::text("one"));
        check_invariants(&engine.state(0).0).expect("a sound state");
    }

    #[test]
    fn an_edge_that_was_encoded_from_a_damaged_end_is_encoded_anew_with_it() {
        let engine = engine();
        let [a, _, c, _, edge] = prepared(&engine);
        let before = fingerprint(&engine, edge);
        flip(&engine, a, 8);
        flip(&engine, c, 9);
        // Both bits and checksum of the edge, so that only encoding is left.
        flip(&engine, edge, 10);
        flip_kept(&engine, edge.prefix(), KeptPart::Checksum(edge.slot()), 5);
        assert_eq!(engine.recover(0, edge), Ok(Remedy::Encoding));
        assert_ne!(
            fingerprint(&engine, edge),
            before,
            "of what nobody could tell yet"
        );
        // One of the ends follows from content, and then parity rebuilds the other.
        assert_eq!(engine.recover(0, a), Ok(Remedy::Parity));
        assert_eq!(fingerprint(&engine, edge), before);
        check_invariants(&engine.state(0).0).expect("a sound state");
    }

    #[test]
    fn a_parity_row_is_computed_anew_unless_it_may_be_needed() {
        let engine = engine();
        let [a, _, _, _, edge] = prepared(&engine);
        assert_eq!(engine.recompute_parity(0), Ok(0), "all is well");
        assert_eq!(engine.recompute_parity(7), Ok(0), "nothing is there");
        flip_kept(&engine, edge.prefix(), KeptPart::Parity, 100);
        let row = Address::new(edge.prefix(), 0);
        assert_eq!(found(&engine), [(row, Part::Parity, Remedy::Computing)]);
        flip(&engine, a, 3);
        let refused = engine.recompute_parity(0);
        assert_eq!(refused, Err(ParityError::FingerprintsDamaged(vec![a])));
        assert_eq!(found(&engine).len(), 2, "nothing was changed");
        assert_eq!(engine.recover(0, a), Ok(Remedy::Parity));
        assert_eq!(engine.recompute_parity(0), Ok(1));
        check_invariants(&engine.state(0).0).expect("a sound state");
        flip_kept(&engine, edge.prefix(), KeptPart::Parity, 100);
        flip_kept(&engine, edge.prefix(), KeptPart::Sketch(edge.slot()), 100);
        assert_eq!(engine.scrub(0, edge.prefix()).repaired.len(), 2);
        assert_eq!(found(&engine), []);
    }

    #[test]
    fn damage_does_not_survive_a_move_or_a_rollback() {
        let engine = engine();
        let [a, b, ..] = prepared(&engine);
        flip(&engine, a, 3);
        let moved =
            engine.commit::<_, EngineError>(&[0], |tx| tx.set_expiry(a, Some(i64::MAX - 1)));
        let moved = moved.value.expect("a commit");
        assert_ne!(moved, a);
        assert_eq!(fingerprint(&engine, moved), Fingerprint::random(0));
        engine.scrub(0, a.prefix());
        flip(&engine, b, 3);
        let failed = engine.commit::<(), EngineError>(&[0], |tx| {
            tx.set_content(b, given(9))?;
            Err(EngineError::Cycle)
        });
        failed.value.expect_err("taken back");
        assert_eq!(fingerprint(&engine, b), Fingerprint::random(1));
        assert_eq!(found(&engine), []);
    }

    #[test]
    fn a_chunk_of_a_mapped_checkpoint_is_copied_and_the_rest_is_what_it_was() {
        let disk = SimulatedStorage::new(5);
        let engine = open_simulated(&disk);
        let [a, b, ..] = prepared(&engine);
        engine.checkpoint().expect("a checkpoint");
        drop(engine);
        let engine = open_simulated(&disk);
        flip_kept(&engine, a.prefix(), KeptPart::Parity, 3);
        let repair = engine.scrub(0, a.prefix());
        assert!(repair.was_mapped && repair.repaired.len() == 1);
        assert_eq!(fingerprint(&engine, b), Fingerprint::random(1));
        check_invariants(&engine.state(0).0).expect("a sound state");
    }

    #[test]
    fn damage_that_was_written_to_a_checkpoint_is_repaired_from_its_parity_or_the_older_and_the_log()
     {
        for lost in [1, 2] {
            let disk = SimulatedStorage::new(9);
            let storage: Arc<dyn Storage> = Arc::new(disk.clone());
            let engine = open_simulated(&disk);
            let [a, b, ..] = prepared(&engine);
            engine.checkpoint().expect("the older checkpoint");
            create(&engine, "more", text("more"));
            [a, b][..lost].iter().for_each(|at| flip(&engine, *at, 7));
            engine.checkpoint().expect("a checkpoint of the damage");
            drop(engine);
            let report = check(&storage).expect("a report");
            assert!(!report.is_clean(), "{lost}");
            let repaired = repair(&storage).expect("repaired");
            assert!(repaired.after.is_clean(), "{:?}", repaired.after);
            let engine = open_simulated(&disk);
            assert_eq!(found(&engine), []);
            assert_eq!(fingerprint(&engine, a), Fingerprint::random(0));
            assert_eq!(fingerprint(&engine, b), Fingerprint::random(1));
        }
    }

    #[test]
    fn under_concurrent_commits_every_fingerprint_comes_back_and_the_parity_holds() {
        const NODES: u64 = 300;
        let engine = engine();
        let nodes: Vec<_> = (0..NODES)
            .map(|n| create(&engine, &n.to_string(), given(n)))
            .collect();
        let texts: Vec<_> = (0..60)
            .map(|n| create(&engine, &format!("text {n}"), text("words")))
            .collect();
        engine.snapshot(0);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                // Others of the same chunks.
                for n in 0..2_000 {
                    let at = texts[n % texts.len()];
                    let words = text(&format!("words {n}"));
                    let set = engine.commit::<_, EngineError>(&[0], |tx| tx.set_content(at, words));
                    set.value.expect("a commit");
                }
                done.store(true, Ordering::Relaxed);
            });
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    engine.snapshot(0);
                }
            });
            // One at a time in each chunk: while the other is whole, so that parity brings it back.
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                let at = nodes[round * 7 % nodes.len()];
                flip(&engine, at, round * 13 % 10_240);
                let repair = engine.scrub(0, at.prefix());
                assert_eq!(
                    (repair.repaired.len(), repair.lost.len()),
                    (1, 0),
                    "{repair:?}"
                );
                round += 1;
            }
        });
        for (n, at) in (0..).zip(&nodes) {
            assert_eq!(fingerprint(&engine, *at), Fingerprint::random(n));
        }
        assert_eq!(found(&engine), []);
        check_invariants(&engine.state(0).0).expect("a sound state");
    }
}
