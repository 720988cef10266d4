//! When and how often each address was accessed: advisory, beside the chunks, in no snapshot, log or
//! version.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::address::{Address, CHUNKS, SLOTS};

const MICROSECONDS: i64 = 1_000_000;

/// Last access in seconds since the epoch, and how many there were.
#[derive(Default)]
struct Counter {
    last_s: AtomicU32,
    count: AtomicU32,
}

/// What is known of an address's use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The last access, microseconds since the epoch, to the second; 0 for never.
    pub last: i64,
    /// How many accesses, at most `u32::MAX`.
    pub count: u32,
}

impl Access {
    /// How active it still is: the base level of one trace, ln(n) − ½·ln(age in seconds), after
    /// Anderson 2007 with decay ½ and all n presentations at the last access.
    pub fn activation(self, now: i64) -> f64 {
        let age_s = ((now - self.last) / MICROSECONDS).max(1) as f64;
        f64::from(self.count + 1).ln() - 0.5 * age_s.ln()
    }
}

/// The access statistics of one space; a chunk never accessed costs one pointer.
pub struct Accesses([OnceLock<Box<[Counter; SLOTS]>>; CHUNKS]);

impl Default for Accesses {
    fn default() -> Self {
        Self(std::array::from_fn(|_| OnceLock::new()))
    }
}

impl Accesses {
    fn counter(&self, address: Address) -> &Counter {
        let chunk = self.0[address.prefix() as usize]
            .get_or_init(|| Box::new(std::array::from_fn(|_| Counter::default())));
        &chunk[address.slot() as usize]
    }

    /// Counts an access at `now`.
    pub fn touch(&self, address: Address, now: i64) {
        let counter = self.counter(address);
        counter.last_s.store((now / MICROSECONDS) as u32, Relaxed);
        // Not a read-modify-write: a lost count is cheaper than a locked instruction.
        let count = counter.count.load(Relaxed);
        counter.count.store(count.saturating_add(1), Relaxed);
    }

    /// What is known of an address.
    pub fn get(&self, address: Address) -> Access {
        let Some(chunk) = self.0[address.prefix() as usize].get() else {
            return Access::default();
        };
        let counter = &chunk[address.slot() as usize];
        Access {
            last: i64::from(counter.last_s.load(Relaxed)) * MICROSECONDS,
            count: counter.count.load(Relaxed),
        }
    }

    /// Forgets what was known of an address, or takes over what is known of another.
    pub fn set(&self, address: Address, access: Access) {
        let counter = self.counter(address);
        counter
            .last_s
            .store((access.last / MICROSECONDS) as u32, Relaxed);
        counter.count.store(access.count, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_count_and_activation_falls_with_age() {
        let accesses = Accesses::default();
        let (hot, cold) = (Address(0x1000), Address(0x1001));
        accesses.touch(cold, 5 * MICROSECONDS);
        (0..10).for_each(|_| accesses.touch(hot, 100 * MICROSECONDS));
        assert_eq!(
            accesses.get(hot),
            Access {
                last: 100 * MICROSECONDS,
                count: 10
            }
        );
        let now = 101 * MICROSECONDS;
        assert!(accesses.get(hot).activation(now) > accesses.get(cold).activation(now));
        accesses.set(hot, Access::default());
        assert_eq!(accesses.get(hot).count, 0);
    }
}
