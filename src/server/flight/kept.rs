//! What clients get a name for that nobody guesses: tokens and prepared statements. So many are kept, each so long
//! without use.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Random bytes of a name.
const NAME_BYTES: usize = 32;

/// Things by their names.
#[derive(Debug)]
pub struct Kept<T> {
    most: usize,
    idle: Duration,
    things: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T> Kept<T> {
    /// Keeps at most `most` things, each for `idle` without use.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self {
            most,
            idle,
            things: Mutex::default(),
        }
    }

    /// Keeps a thing, in the place of the one that was not used for longest if there are too many; answers its name.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn insert(&self, thing: T) -> io::Result<String> {
        let mut random = [0; NAME_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let mut name = String::with_capacity(2 * NAME_BYTES);
        for byte in random {
            write!(name, "{byte:02x}").expect("invariant: writing to a string succeeds");
        }
        let mut things = self.things.lock();
        things.retain(|_, (used, _)| used.elapsed() < self.idle);
        if things.len() >= self.most {
            let oldest = things.iter().min_by_key(|(_, (used, _))| *used);
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.and_then(|name| things.remove(&name));
        }
        things.insert(name.clone(), (Instant::now(), thing));
        Ok(name)
    }

    /// Uses the thing of a name, if it is there.
    pub fn with<R>(&self, name: &[u8], f: impl FnOnce(&mut T) -> R) -> Option<R> {
        let name = std::str::from_utf8(name).ok()?;
        let mut things = self.things.lock();
        let (used, thing) = things.get_mut(name)?;
        if used.elapsed() >= self.idle {
            return None;
        }
        *used = Instant::now();
        Some(f(thing))
    }

    /// Forgets the thing of a name; answers whether it was there.
    pub fn remove(&self, name: &[u8]) -> bool {
        let name = std::str::from_utf8(name).unwrap_or_default();
        self.things.lock().remove(name).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_lead_to_what_they_were_given_for() {
        let kept = Kept::new(10, Duration::from_secs(60));
        let (one, two) = (
            kept.insert(1).expect("a name"),
            kept.insert(2).expect("a name"),
        );
        assert_ne!(one, two);
        assert_eq!(kept.with(two.as_bytes(), |thing| *thing), Some(2));
        assert_eq!(kept.with(&two.as_bytes()[1..], |thing| *thing), None);
        assert!(kept.remove(two.as_bytes()) && !kept.remove(two.as_bytes()));
        assert_eq!(kept.with(two.as_bytes(), |thing| *thing), None);
    }

    #[test]
    fn the_least_used_goes_when_there_are_too_many() {
        let kept = Kept::new(2, Duration::from_secs(60));
        let names: Vec<_> = (0..2).map(|n| kept.insert(n).expect("a name")).collect();
        assert!(kept.with(names[0].as_bytes(), |_| ()).is_some());
        kept.insert(2).expect("a name");
        assert!(kept.with(names[1].as_bytes(), |_| ()).is_none());
        assert!(kept.with(names[0].as_bytes(), |_| ()).is_some());
    }

    #[test]
    fn what_is_not_used_is_forgotten() {
        let kept = Kept::new(2, Duration::ZERO);
        let name = kept.insert(1).expect("a name");
        assert!(kept.with(name.as_bytes(), |_| ()).is_none());
    }
}
