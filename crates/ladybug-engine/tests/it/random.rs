//! Randomness that follows from a seed, and the report of the seed when a test fails.

mod split_mix;

use ladybug_engine::space::temporal::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, NANOS_OF_DAY, Temporal, Time,
};
pub use split_mix::Random;

impl Random {
    /// One of several, if there are any.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let at = self.below(from.len().max(1) as u64) as usize;
        from.get(at).cloned()
    }

    /// From 0 to 1 in steps of an eighth: exact as a float.
    pub fn eighth(&mut self) -> f32 {
        self.below(9) as f32 / 8.0
    }
}

/// Says which seed to look at when a history fails.
pub struct Seed(pub u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the history that failed has seed {0}; rerun it with {SEED_VARIABLE}={0}",
                self.0
            );
        }
    }
}

/// Runs one history instead of all.
const SEED_VARIABLE: &str = "LADYBUG_SIMULATOR_SEED";

/// The seeds of a test: `count` of them, or the one that the environment names.
pub fn seeds(count: u64) -> std::ops::Range<u64> {
    match std::env::var(SEED_VARIABLE) {
        Ok(seed) => {
            let seed: u64 = seed.parse().expect("a seed is a number");
            seed..seed + 1
        }
        Err(_) => 0..count,
    }
}

/// Runs `history` for every seed on all cores, and answers what `gather` makes of the results.
pub fn run_seeds<R: Send>(count: u64, history: impl Fn(u64) -> R + Sync) -> Vec<R> {
    let seeds = seeds(count);
    let next = std::sync::atomic::AtomicU64::new(seeds.start);
    let work = || {
        let take = || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::iter::from_fn(|| Some(take()).filter(|seed| *seed < seeds.end))
            .map(|seed| {
                let _seed = Seed(seed);
                history(seed)
            })
            .collect::<Vec<R>>()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .flat_map(|result| result.expect("a history failed, see above"))
            .collect()
    })
}

/// A date, a time, a moment or a duration.
pub fn temporal(random: &mut Random) -> Temporal {
    let date = Date(random.below(2_000_000) as i64 - 1_000_000);
    let time = LocalTime(random.below(NANOS_OF_DAY as u64) as i64);
    let offset = random.below(129_601) as i32 - 64_800;
    let local = LocalDateTime { date, time };
    match random.below(6) {
        0 => Temporal::Date(date),
        1 => Temporal::LocalTime(time),
        2 => Temporal::Time(Time {
            local: time,
            offset,
        }),
        3 => Temporal::LocalDateTime(local),
        4 => Temporal::DateTime(DateTime {
            local,
            offset,
            zone: random.one_in(2).then(|| "Europe/Stockholm".into()),
        }),
        _ => Temporal::Duration(Duration {
            months: random.next() as i64,
            days: random.next() as i64,
            seconds: random.next() as i64,
            nanos: random.below(1_000_000_000) as i32,
        }),
    }
}
