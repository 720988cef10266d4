//! One history: a memory lives, its disk fails, it dies, it is opened again, and so on; beside it the model.

mod forks;
mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ladybug_engine::commit::event::{NodeEvent, NodeEventKind};
use ladybug_engine::commit::log::FsyncPolicy;
use ladybug_engine::commit::record::Position;
use ladybug_engine::commit::transaction::{Eviction, SpaceId};
use ladybug_engine::engine::{
    CHECKPOINTS_KEPT, Clock, Engine, EngineOptions, HISTORY_BYTES, Snapshot,
};
use ladybug_engine::error::EngineError;
use ladybug_engine::storage::simulated::Faults;
use ladybug_engine::storage::{SimulatedStorage, Storage};

use super::changes::Attempt;
use super::compare::{assert_memory, assert_same, assert_snapshot};
use super::model::{Memory, Space};
use crate::random::Random;

/// A clock that goes on when it is told to, and may go back.
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The spaces that are written, beside named ones.
const SPACES: [SpaceId; 3] = [0, 1, 7];

/// What happened, so that a simulation in which nothing happens does not pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub commits: u64,
    pub refused: u64,
    pub recovered: u64,
    pub lost: u64,
    pub deaths: u64,
    pub failures: u64,
    pub undone: u64,
    pub resumed: u64,
    pub checkpoints: u64,
    pub snapshots: u64,
    pub expired: u64,
    pub looks_back: u64,
    pub forks: u64,
    pub dropped: u64,
}

impl Tally {
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            commits: a.commits + b.commits,
            refused: a.refused + b.refused,
            recovered: a.recovered + b.recovered,
            lost: a.lost + b.lost,
            deaths: a.deaths + b.deaths,
            failures: a.failures + b.failures,
            undone: a.undone + b.undone,
            resumed: a.resumed + b.resumed,
            checkpoints: a.checkpoints + b.checkpoints,
            snapshots: a.snapshots + b.snapshots,
            expired: a.expired + b.expired,
            looks_back: a.looks_back + b.looks_back,
            forks: a.forks + b.forks,
            dropped: a.dropped + b.dropped,
        })
    }
}

/// Whether this is the name of a fork; other named spaces are no forks.
fn is_fork(name: &str) -> bool {
    name.starts_with("fork-")
}

/// A memory with its past.
pub struct History {
    random: Random,
    pub disk: SimulatedStorage,
    storage: Arc<dyn Storage>,
    clock: Arc<TestClock>,
    options: EngineOptions,
    /// What the memory was after each log record that may still be found.
    past: BTreeMap<Position, Memory>,
    memory: Memory,
    /// Where in the log named spaces began.
    begun: BTreeMap<SpaceId, Position>,
    /// The log position of the last change of each space.
    changed: BTreeMap<SpaceId, Position>,
    /// Positions of checkpoints with which the log was resumed: no commit was ever given them.
    resumed: BTreeSet<Position>,
    /// Something goes wrong in this life.
    disturbed: bool,
    /// What must be found after the process died, and after the power failed.
    acknowledged: Position,
    durable: Position,
    held: Vec<(Snapshot, Arc<Space>)>,
    pub tally: Tally,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x51_AD1B);
        let disk = SimulatedStorage::new(seed);
        let policies = [
            FsyncPolicy::Always,
            FsyncPolicy::EverySecond,
            FsyncPolicy::Never,
        ];
        let options = EngineOptions {
            fsync: random.pick(&policies).expect("a policy"),
            eviction: random
                .pick(&[Eviction::None, Eviction::Coldest])
                .expect("one"),
            hash_key: random.next(),
            spaces_max: 8,
            history_bytes: random.pick(&[HISTORY_BYTES, 70_000, 0]).expect("a bound"),
            ..EngineOptions::default()
        };
        Self {
            random,
            storage: Arc::new(disk.clone()),
            disk,
            clock: Arc::new(TestClock(AtomicI64::new(1_000_000_000))),
            options,
            past: BTreeMap::from([(0, Memory::default())]),
            memory: Memory::default(),
            begun: BTreeMap::new(),
            changed: BTreeMap::new(),
            resumed: BTreeSet::new(),
            disturbed: false,
            acknowledged: 0,
            durable: 0,
            held: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// The whole history.
    pub fn run(&mut self) {
        let mut engine = self.recover(0);
        for _ in 0..1 + self.random.below(4) {
            self.live(&engine);
            engine = self.die(engine);
        }
        self.verify_held();
    }

    /// A life without trouble, after which a bit of a file turns out flipped. Answers whether the memory
    /// opened all the same; if it did, it is right.
    pub fn run_damaged(&mut self) -> bool {
        let engine = self.recover(0);
        self.disturbed = false;
        (0..3).for_each(|_| self.steps(&engine));
        let closes = self.random.one_in(2);
        if closes {
            engine.close().expect("a disk that works");
        }
        let promised = match closes {
            true => self.past.last_key_value().map_or(0, |(last, _)| *last),
            false => engine.log().acknowledged(),
        };
        self.disk.kill();
        let newest = engine.checkpoint_position();
        drop(engine);
        let checkpoint = format!("checkpoints/{newest:020}");
        let in_log = newest == 0 || self.random.one_in(2);
        let directory = if in_log { "log" } else { &checkpoint };
        let flipped = self.disk.flip_random_bit(Path::new(directory));
        let (path, _) = flipped.expect("a file to damage");
        let (storage, clock) = (Arc::clone(&self.storage), Arc::clone(&self.clock));
        match Engine::open(storage, clock, self.options.clone()) {
            // What nothing says was durable may go with the damage, if it was in the log.
            Ok(engine) => self.found(&engine, if in_log { newest } else { promised }),
            Err(error) => {
                let place = path.file_name().expect("a file").to_string_lossy();
                let said = format!("{error} {error:?}");
                assert!(said.contains(&*place), "{path:?} is damaged: {said}");
                return false;
            }
        }
        true
    }

    /// Opens the memory as often as it takes. What is found must be what it was after some commit,
    /// and after no earlier one than that of `promised`.
    pub fn recover(&mut self, mut promised: Position) -> Engine {
        let engine = loop {
            // Opening may itself be where the power fails.
            if self.random.one_in(3) {
                self.disk.crash_after(self.random.below(10));
            }
            let (storage, clock) = (Arc::clone(&self.storage), Arc::clone(&self.clock));
            match Engine::open(storage, clock, self.options.clone()) {
                Ok(engine) if self.disk.is_powered() => break engine,
                Ok(engine) => drop(engine),
                Err(error) => assert!(!self.disk.is_powered(), "{error}"),
            }
            self.disk.restart();
            promised = promised.min(self.durable);
        };
        self.disk.heal();
        self.found(&engine, promised);
        engine
    }

    /// Compares what was opened with the past.
    fn found(&mut self, engine: &Engine, promised: Position) {
        let last = engine.log().acknowledged();
        assert!(last >= promised, "{promised} was promised, {last} found");
        self.tally.lost += self.past.split_off(&(last + 1)).len() as u64;
        let (&position, memory) = self.past.last_key_value().expect("at least the beginning");
        self.tally.recovered += self.past.len() as u64;
        self.memory = memory.clone();
        self.memory.id_max = self.memory.id_seen;
        assert_memory(engine, &self.memory);
        for id in engine.spaces() {
            let revealed = engine.state(id).1;
            assert!(revealed <= position, "a state of a later position");
        }
        self.changed.clear();
        self.begun.retain(|_, at| *at <= last);
        self.resumed.clear();
        (self.acknowledged, self.durable) = (last, last);
    }

    pub fn live(&mut self, engine: &Engine) {
        self.disturbed = false;
        if self.random.one_in(2) {
            self.disturbed = true;
            self.disk.crash_after(self.random.below(60));
        }
        if self.random.one_in(4) {
            self.disturbed = true;
            self.disk.set_faults(Faults {
                write_failure: 0.03,
                sync_failure: 0.05,
                directory_sync_failure: 0.02,
            });
        }
        if self.random.one_in(8) {
            self.disturbed = true;
            self.disk.set_capacity(2_000 + self.random.below(30_000));
        }
        self.steps(engine);
    }

    /// Some work.
    pub fn steps(&mut self, engine: &Engine) {
        for _ in 0..self.random.below(30) {
            match self.random.below(31) {
                0..11 => self.commit(engine),
                11..15 => self.acknowledge(engine),
                15..18 => self.read(engine),
                18 | 19 => self.snapshot(engine),
                20 => self.remove_expired(engine),
                21 => self.name_space(engine),
                22 => drop(engine.log().sync()),
                23 | 24 => self.checkpoint(engine),
                25 | 26 => self.look_back(engine),
                27 | 28 => self.fork(engine),
                29 => self.drop_fork(engine),
                _ => self.verify_held(),
            }
            let step = self.random.below(400_000) as i64 - 50_000;
            self.clock.0.fetch_add(step, Ordering::Relaxed);
            self.observe(engine);
            if engine.log().check().is_err() && self.disk.is_powered() && self.random.one_in(3) {
                self.resume(engine);
            }
        }
    }

    /// The process ends in one way or another, and the memory is opened again.
    fn die(&mut self, engine: Engine) -> Engine {
        self.observe(&engine);
        self.tally.deaths += 1;
        let promised = match self.random.below(4) {
            0 if self.disk.is_powered() && engine.close().is_ok() => {
                // Closing made everything durable.
                self.disk.restart();
                self.past.last_key_value().map_or(0, |(last, _)| *last)
            }
            1 | 2 if self.disk.is_powered() => {
                self.disk.kill();
                self.disk.heal();
                self.acknowledged
            }
            _ => {
                self.disk.restart();
                self.durable
            }
        };
        drop(engine);
        self.recover(promised)
    }

    /// What the log has promised by now; after its failure, that nothing else is shown.
    fn observe(&mut self, engine: &Engine) {
        let log = engine.log();
        let (acknowledged, durable) = (log.acknowledged(), log.durable_position());
        assert!(acknowledged >= self.acknowledged && durable >= self.durable);
        assert!(durable <= acknowledged);
        if self.options.fsync == FsyncPolicy::Always {
            assert_eq!(durable, acknowledged);
        }
        (self.acknowledged, self.durable) = (acknowledged, durable);
        for position in self.past.keys().filter(|at| !self.resumed.contains(at)) {
            let outcome = log.outcome(*position);
            let is_acknowledged = matches!(outcome, Some(Ok(())));
            assert!(is_acknowledged || *position > acknowledged, "{outcome:?}");
            // The writer thread may have acknowledged more by now.
            assert!(!is_acknowledged || *position <= log.acknowledged());
        }
        if log.check().is_err() {
            self.failed(engine);
        }
    }

    /// The log failed: what it did not acknowledge is taken back, and writes are refused.
    fn failed(&mut self, engine: &Engine) {
        let log = engine.log();
        self.tally.failures += 1;
        self.acknowledged = log.acknowledged();
        for (position, _) in self.past.range(self.acknowledged + 1..) {
            let outcome = log.wait(*position).expect_err("outcome unknown");
            assert!(outcome.to_string().contains("outcome unknown"));
            self.tally.undone += 1;
        }
        let (_, shown) = self
            .past
            .range(..=self.acknowledged)
            .next_back()
            .expect("at least the beginning");
        let (id_max, id_seen) = (self.memory.id_max, self.memory.id_seen);
        let version_max = std::mem::take(&mut self.memory.version_max);
        // Named spaces stay: their names are not taken back, and an empty space costs nothing. Forks are.
        let mut names = std::mem::take(&mut self.memory.names);
        names.retain(|name, _| !is_fork(name));
        let forks = shown.names.iter().filter(|(name, _)| is_fork(name));
        names.extend(forks.map(|(name, id)| (name.clone(), *id)));
        self.memory = Memory {
            id_max,
            id_seen,
            names,
            version_max,
            ..shown.clone()
        };
        for id in engine.spaces() {
            let (state, position) = engine.state(id);
            assert!(position <= self.acknowledged);
            assert_same(&state, &self.memory.space(id));
        }
        for (space, position) in &mut self.changed {
            let version = self.memory.space(*space).version;
            let mut before = self.past.range(..=self.acknowledged);
            let made = before.find(|(_, memory)| memory.space(*space).version == version);
            *position = made.map_or(0, |(made, _)| *made);
            let read = engine.read(*space, |_| ());
            assert!(read.position >= *position, "a read reveals the last commit");
            assert!(log.wait(read.position).is_ok(), "what is shown is durable");
        }
        let refused = engine.commit::<(), EngineError>(&[0], |_| {
            panic!("a commit of a read-only memory is refused before it begins")
        });
        let refused = refused.value.expect_err("refused");
        assert!(matches!(refused, EngineError::ReadOnly(_)), "{refused}");
        assert!(
            refused
                .to_string()
                .contains("read-only since its log failed")
        );
        let refused = engine.space("a name that nobody has");
        assert!(matches!(refused, Err(EngineError::ReadOnly(_))));
    }

    fn spaces(&mut self) -> Vec<SpaceId> {
        let named = self.memory.names.values().copied();
        let all: Vec<_> = SPACES.into_iter().chain(named).collect();
        let mut some: Vec<_> = (0..1 + self.random.below(3))
            .map(|_| self.random.pick(&all).expect("a space"))
            .collect();
        if self.random.one_in(2) {
            some.truncate(1);
        }
        some
    }

    fn commit(&mut self, engine: &Engine) {
        if engine.log().check().is_err() {
            return;
        }
        let spaces = self.spaces();
        let locked: BTreeSet<_> = spaces.iter().copied().collect();
        let version = |id: &SpaceId| self.memory.version_max.get(id).copied().unwrap_or(0) + 1;
        let versions: Vec<_> = locked.iter().map(|id| (*id, version(id))).collect();
        let committed = locked.iter().map(|id| self.memory.space(*id).committed);
        let now = committed.max().expect("a space").max(self.clock.now());
        let revealed = locked.iter().filter_map(|id| self.changed.get(id)).max();
        let revealed = revealed.copied().unwrap_or(0);

        let mut made = None;
        let (random, memory) = (&mut self.random, self.memory.clone());
        let outcome = engine.commit(&spaces, |tx| {
            assert_eq!(tx.now(), now, "commit times are monotone");
            assert_eq!(tx.space(), spaces[0]);
            let mut attempt = Attempt {
                tx,
                random,
                memory,
                versions: versions.clone(),
                current: spaces[0],
                touched: BTreeSet::new(),
                gone: Vec::new(),
            };
            let done = attempt.changes();
            made = Some((attempt.memory, attempt.touched, attempt.gone));
            done
        });
        let Some((mut memory, touched, gone)) = made else {
            // The log failed meanwhile, in its own thread.
            assert!(engine.log().check().is_err());
            return;
        };
        if outcome.value.is_err() || touched.is_empty() {
            self.tally.refused += 1;
            assert!(outcome.position >= revealed, "a refusal reveals too");
            // What was changed and taken back does not count; ids do.
            self.memory.id_max = memory.id_max;
            self.shows(engine, &locked);
            return;
        }
        for (id, version) in versions {
            if touched.contains(&id) {
                let space = memory.space_mut(id);
                (space.version, space.committed) = (version, now);
                memory.version_max.insert(id, version);
                self.changed.insert(id, outcome.position);
            }
        }
        let told: Vec<_> = outcome.events.iter().map(told).collect();
        assert_eq!(told, gone);
        self.tally.expired += gone.len() as u64;
        self.memory = memory;
        self.shows(engine, &locked);
        self.record(outcome.position);
    }

    /// The spaces show what the model says, unless the log failed meanwhile in its own thread.
    fn shows(&self, engine: &Engine, spaces: &BTreeSet<SpaceId>) {
        for id in spaces {
            let state = engine.state(*id).0;
            if engine.log().check().is_ok() {
                assert_same(&state, &self.memory.space(*id));
            }
        }
    }

    fn checkpoint(&mut self, engine: &Engine) {
        match engine.checkpoint() {
            Ok(checkpoint) => {
                assert_eq!(checkpoint.position, engine.log().appended());
                assert!(engine.log().durable_position() >= checkpoint.position);
                assert_eq!(engine.checkpoint_position(), checkpoint.position);
                let kept = self.storage.list(Path::new("checkpoints"));
                let mut kept = kept.unwrap_or_default();
                kept.retain(|entry| entry.name.bytes().all(|byte| byte.is_ascii_digit()));
                assert!(self.disturbed || kept.len() <= CHECKPOINTS_KEPT, "{kept:?}");
                self.tally.checkpoints += 1;
            }
            Err(error) => assert!(self.disturbed, "{error}"),
        }
    }

    /// The operator lets a failed log go on, on a disk that may still be bad.
    fn resume(&mut self, engine: &Engine) {
        let works = self.random.one_in(2);
        if works {
            self.disk.heal();
        }
        // What the checkpoint holds, if it gets so far.
        let position = engine.log().resume_position() - 1;
        self.resumed.insert(position);
        self.past.insert(position, self.memory.clone());
        match engine.resume() {
            Ok(checkpoint) => {
                assert_eq!(checkpoint.position, position);
                let acknowledged = self.acknowledged;
                self.past
                    .retain(|at, _| *at <= acknowledged || *at == position);
                self.tally.resumed += 1;
            }
            Err(error) => assert!(!works, "{error}"),
        }
    }

    /// The memory is now as it was left by the log record at `position`.
    fn record(&mut self, position: Position) {
        let last = self.past.last_key_value().map_or(0, |(last, _)| *last);
        assert!(position > last, "positions rise");
        self.memory.reveal();
        self.past.insert(position, self.memory.clone());
        self.tally.commits += 1;
    }

    fn acknowledge(&mut self, engine: &Engine) {
        let log = engine.log();
        let appended = log.appended();
        let acknowledged = match self.random.below(3) {
            0 => log.flush(),
            1 => log.wait(appended),
            _ => {
                let some = self.acknowledged + self.random.below(appended - self.acknowledged + 1);
                return drop(log.wait(some));
            }
        };
        if acknowledged.is_ok() && log.check().is_ok() {
            assert!(log.acknowledged() >= appended);
        }
    }

    fn read(&mut self, engine: &Engine) {
        let space = self.spaces()[0];
        let model = self.memory.space(space);
        let now = self.clock.now().max(model.committed);
        let name = format!("n{}", self.random.below(20)).into_bytes();
        let names = model.nodes.values();
        let named = names.filter(|node| node.name.is_some() && node.is_live(now));
        let expected = (now, named.count(), model.live(now).len());
        let outcome = engine.read(space, |view| {
            assert_eq!(view.scan(0, usize::MAX).0.len(), view.names_len());
            let found = view.find(&name).map(|node| (node.id(), node.version()));
            (found, (view.now, view.names_len(), view.nodes().count()))
        });
        if engine.log().check().is_err() {
            return;
        }
        assert_eq!(outcome.value.1, expected);
        let found = model.find(&name).filter(|id| model.nodes[id].is_live(now));
        let found = found.map(|id| (id, model.nodes[&id].version));
        assert_eq!(outcome.value.0, found);
        let revealed = self.changed.get(&space).copied().unwrap_or(0);
        assert!(outcome.position >= revealed, "a read tells what it reveals");
    }

    fn snapshot(&mut self, engine: &Engine) {
        let space = self.spaces()[0];
        let snapshot = engine.snapshot(space);
        let model = self.memory.space(space);
        let state = engine.state(space).0;
        if engine.log().check().is_err() {
            return;
        }
        assert!(snapshot.position >= self.changed.get(&space).copied().unwrap_or(0));
        assert_snapshot(&snapshot, &model);
        let pending = state.chunks().any(|(_, chunk)| !chunk.pending.is_empty());
        assert!(!pending, "what was encoded is installed");
        self.tally.snapshots += 1;
        if self.held.len() < 3 {
            self.held.push((snapshot, model));
        }
    }

    /// Snapshots stay what they were, whatever was written, lost and found since.
    fn verify_held(&mut self) {
        for (snapshot, model) in self.held.drain(..) {
            assert_snapshot(&snapshot, &model);
        }
    }

    fn remove_expired(&mut self, engine: &Engine) {
        if engine.log().check().is_err() {
            return;
        }
        let id = self.spaces()[0];
        let model = self.memory.space(id);
        let now = self.clock.now();
        let commit_now = now.max(model.committed);
        let removed = engine.remove_expired(id);
        let Ok((gone, more)) = removed else {
            assert!(engine.log().check().is_err());
            return;
        };
        assert!(!more);
        if !model.nodes.values().any(|node| !node.is_live(now)) {
            assert!(gone.is_empty());
            return;
        }
        let version = self.memory.version_max.get(&id).copied().unwrap_or(0) + 1;
        let expired = model.nodes.iter().filter(|(_, n)| !n.is_live(commit_now));
        let expired: Vec<_> = expired.map(|(id, _)| *id).collect();
        let names = expired.iter().filter_map(|id| model.nodes[id].name.clone());
        let mut names: Vec<_> = names.map(|name| (id, name)).collect();
        let mut told: Vec<_> = gone.iter().map(told).collect();
        names.sort();
        told.sort();
        assert_eq!(told, names);
        let space = self.memory.space_mut(id);
        expired.iter().for_each(|id| space.remove(*id, version));
        (space.version, space.committed) = (version, commit_now);
        self.memory.version_max.insert(id, version);
        let position = engine.log().appended();
        self.changed.insert(id, position);
        self.tally.expired += names.len() as u64;
        self.record(position);
        self.shows(engine, &BTreeSet::from([id]));
    }

    fn name_space(&mut self, engine: &Engine) {
        let name = format!("space-{}", self.random.below(6));
        let known = self.memory.names.get(&name).copied();
        let found = engine.space(&name);
        match (known, found) {
            (Some(known), found) => assert_eq!(found, Ok(known)),
            (None, Ok(id)) => {
                assert!(self.memory.names.values().all(|there| *there != id));
                assert!(id >= self.options.spaces_max as SpaceId);
                // The number may be that of a fork that was dropped before a restart.
                self.memory.version_max.remove(&id);
                self.memory.names.insert(name, id);
                self.begun.insert(id, engine.log().appended());
                self.record(engine.log().appended());
            }
            (None, Err(EngineError::SpacesFull(most))) => {
                assert!(engine.spaces().len() >= most);
            }
            (None, Err(refused)) => {
                assert!(matches!(refused, EngineError::ReadOnly(_)), "{refused}");
                assert!(engine.log().check().is_err());
            }
        }
    }
}

fn told(gone: &NodeEvent) -> (SpaceId, Vec<u8>) {
    assert_eq!(gone.kind, NodeEventKind::Expired, "nothing is full");
    (gone.space, gone.name.to_vec())
}
