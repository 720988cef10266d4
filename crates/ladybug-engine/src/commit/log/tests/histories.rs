//! Random histories over the simulated disk: append, flush, sync, checkpoint, fail, resume, die, recover, again.
//!
//! The model is the map of everything appended and not lost so far. After each death the log must hand out exactly a
//! prefix of it that contains all the policy promised for that kind of death.

use std::collections::BTreeMap;

use super::*;

/// SplitMix64, apart from the disk's own, so that the disk's luck does not shift with the history.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// Says which seed to look at when a history fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the history that failed has seed {}", self.0);
        }
    }
}

struct History {
    random: Random,
    disk: SimulatedStorage,
    storage: Arc<dyn Storage>,
    fsync: FsyncPolicy,
    /// What the log may hand out: all that was appended, but what earlier deaths lost or failures abandoned.
    appended: BTreeMap<Position, Vec<u8>>,
    /// The position of the checkpoint before the last, and of the last.
    checkpoints: [Position; 2],
    /// What must be found after the next power loss, and after the next death of the process.
    durable: Position,
    acknowledged: Position,
    epoch: u64,
    deaths: u64,
    recovered: u64,
    failures: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed ^ 0x1ad1);
        let (disk, storage) = simulated(seed);
        let fsync = [
            FsyncPolicy::Always,
            FsyncPolicy::Always,
            FsyncPolicy::EverySecond,
            FsyncPolicy::Never,
        ][random.below(4) as usize];
        Self {
            random,
            disk,
            storage,
            fsync,
            appended: BTreeMap::new(),
            checkpoints: [0, 0],
            durable: 0,
            acknowledged: 0,
            epoch: 0,
            deaths: 0,
            recovered: 0,
            failures: 0,
        }
    }

    /// Opens the log as often as it takes, and checks what it hands out. `promised` is what it must contain.
    fn recover(&mut self, mut promised: Position) -> Log {
        // The last checkpoint may be damaged, and the older one is there for that.
        let from = self.checkpoints[usize::from(!self.random.one_in(3))];
        let opened = loop {
            // Recovery itself may be where the power fails.
            if self.random.one_in(3) {
                self.disk.crash_after(self.random.below(8));
            }
            match open(&self.storage, self.fsync, from) {
                Ok(opened) => {
                    if self.disk.is_powered() {
                        break opened;
                    }
                }
                Err(error) => assert!(!self.disk.is_powered(), "{error}"),
            }
            self.disk.restart();
            promised = promised.min(self.durable);
        };
        self.disk.heal();
        let (log, records, recovery) = opened;
        let expected: Records = self
            .appended
            .range(from + 1..)
            .take(records.len())
            .map(|(position, payload)| (*position, payload.clone()))
            .collect();
        assert_eq!(records, expected, "a prefix of what was appended");
        assert_eq!(recovery.records, records.len() as u64);
        let last = records.last().map_or(from, |(position, _)| *position);
        let next_promised = self.appended.range(last + 1..).next();
        assert!(
            next_promised.is_none_or(|(position, _)| *position > promised),
            "record {} was promised up to {promised}, found up to {last}",
            last + 1
        );
        assert!(recovery.last >= last && recovery.last <= last.max(self.checkpoints[1]));
        assert_eq!(log.acknowledged(), recovery.last);
        assert!(log.epoch() > self.epoch, "epochs rise");
        self.epoch = log.epoch();
        self.recovered += records.len() as u64;
        self.appended.split_off(&(last + 1));
        self.checkpoints = [self.checkpoints[0], from];
        (self.durable, self.acknowledged) = (recovery.last, recovery.last);
        log
    }

    /// Some work, until the history wants the process dead or the power is gone.
    fn live(&mut self, log: &Log) {
        if self.random.one_in(2) {
            self.disk.crash_after(self.random.below(30));
        }
        if self.random.one_in(4) {
            self.disk.set_faults(Faults {
                write_failure: 0.03,
                sync_failure: 0.05,
                directory_sync_failure: 0.02,
            });
        }
        if self.random.one_in(8) {
            self.disk.set_capacity(5_000 + self.random.below(20_000));
        }
        for _ in 0..self.random.below(25) {
            match self.random.below(12) {
                0..7 => self.append(log),
                7..10 => drop(log.flush()),
                10 => drop(log.sync()),
                _ => self.checkpoint(log),
            }
            self.observe(log);
            if log.check().is_err() && self.disk.is_powered() && self.random.one_in(2) {
                self.resume(log);
            }
        }
    }

    fn append(&mut self, log: &Log) {
        for _ in 0..=self.random.below(6) {
            if log.check().is_err() {
                return;
            }
            let length = match self.random.below(10) {
                0 => self.random.below(6000),
                _ => self.random.below(200),
            };
            let word = self.random.next().to_le_bytes();
            let payload: Vec<u8> = word.into_iter().cycle().take(length as usize).collect();
            let position = match self.random.one_in(3) {
                true => append_lent(log, &payload),
                false => log.append(&payload),
            };
            self.appended.insert(position, payload);
        }
    }

    /// What the log has promised by now.
    fn observe(&mut self, log: &Log) {
        let (acknowledged, durable) = (log.acknowledged(), log.durable_position());
        assert!(acknowledged >= self.acknowledged && durable >= self.durable);
        assert!(durable <= acknowledged);
        if self.fsync == FsyncPolicy::Always {
            assert_eq!(durable, acknowledged);
        }
        (self.acknowledged, self.durable) = (acknowledged, durable);
    }

    /// As the engine does: the state as of a position, durable by itself; then the log before the older one goes.
    fn checkpoint(&mut self, log: &Log) {
        if log.check().is_ok() && log.sync().is_ok() {
            self.checkpoints = [self.checkpoints[1], log.durable_position()];
            drop(log.truncate_before(self.checkpoints[0] + 1));
        }
    }

    fn resume(&mut self, log: &Log) {
        self.failures += 1;
        let acknowledged = log.acknowledged();
        let start = log.resume_position();
        // The checkpoint of the undone state, named for the position before the one to resume at.
        self.checkpoints = [start - 1, start - 1];
        if log.resume().is_ok() {
            self.appended.split_off(&(acknowledged + 1));
            self.observe(log);
        }
    }

    fn run(&mut self) {
        let mut log = self.recover(0);
        for _ in 0..1 + self.random.below(4) {
            self.live(&log);
            self.deaths += 1;
            let promised = match self.random.below(4) {
                0 if self.disk.is_powered() && log.close().is_ok() => {
                    self.observe(&log);
                    self.disk.restart();
                    self.appended.keys().last().copied().unwrap_or(0)
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
            drop(log);
            log = self.recover(promised);
        }
    }
}

#[test]
fn recovery_yields_a_prefix_with_everything_that_was_promised() {
    let (mut deaths, mut recovered, mut failures) = (0, 0, 0);
    for seed in 0..3000 {
        let _seed = Seed(seed);
        let mut history = History::new(seed);
        history.run();
        deaths += history.deaths;
        recovered += history.recovered;
        failures += history.failures;
    }
    // A simulation in which nothing happens proves nothing.
    assert!(
        deaths > 5000 && recovered > 50_000 && failures > 200,
        "{deaths} {recovered} {failures}"
    );
}

#[test]
fn a_flipped_bit_is_corruption_or_costs_only_what_nothing_says_was_durable() {
    let (mut refused, mut cut) = (0, 0);
    for seed in 0..1500 {
        let _seed = Seed(seed);
        let mut history = History::new(seed);
        let log = history.recover(0);
        for _ in 0..10 {
            history.append(&log);
            log.flush().unwrap();
        }
        log.close().unwrap();
        drop(log);
        let (path, offset) = history.disk.flip_random_bit(Path::new("log")).unwrap();
        let report = scan(&*history.storage, Path::new("log"), |_| {}).unwrap();
        match open(&history.storage, history.fsync, 0) {
            Ok((_log, records, _)) => {
                let last = records.len() as Position;
                assert!(report.durable <= last);
                assert!(report.corruptions().next().is_none());
                let expected = history.appended.clone().into_iter();
                assert_eq!(records, expected.take(records.len()).collect::<Records>());
                cut += u32::from(records.len() < history.appended.len());
            }
            Err(error) => {
                let LogError::Corrupt { damage, .. } = &error else {
                    panic!("{error}");
                };
                assert_eq!(damage.path, path);
                assert!(damage.offset_bytes <= offset);
                assert!(report.corruptions().any(|found| found == damage), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 200 && cut > 200, "{refused} {cut}");
}
