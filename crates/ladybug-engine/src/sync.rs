//! Locks, atomics and threads of what is model-checked: the usual ones, or with `--cfg shuttle` those of the crate
//! `shuttle`, whose scheduler decides at each of them who goes next. `docs/design/commit.md` says how to run that.

#[cfg(not(shuttle))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(shuttle))]
pub use std::{sync::atomic, thread};

#[cfg(shuttle)]
pub use model::{Condvar, Mutex, MutexGuard};
#[cfg(shuttle)]
pub use shuttle::{sync::atomic, thread};

/// Shuttle's locks with the methods of `parking_lot`'s.
#[cfg(shuttle)]
mod model {
    use std::ops::{Deref, DerefMut};
    use std::time::Instant;

    use shuttle::sync;

    /// A lock.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(
                self.0.lock().expect("a lock that nobody panicked under"),
            ))
        }
    }

    /// A lock that is held; empty only while a [`Condvar`] waits with it.
    pub struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

    const HELD: &str = "invariant: only a waiting condition variable takes it out";

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.0.as_ref().expect(HELD)
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect(HELD)
        }
    }

    /// A condition variable.
    #[derive(Debug, Default)]
    pub struct Condvar(sync::Condvar);

    impl Condvar {
        /// A condition variable nobody waits for.
        pub fn new() -> Self {
            Self::default()
        }

        /// Wakes one that waits.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Waits to be woken; time stands still, so that a wake that never comes is found.
        pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> NotTimedOut {
            let held = guard.0.take().expect(HELD);
            guard.0 = Some(
                self.0
                    .wait(held)
                    .expect("a lock that nobody panicked under"),
            );
            NotTimedOut
        }
    }

    /// How a wait ended.
    pub struct NotTimedOut;

    impl NotTimedOut {
        /// Never.
        pub fn timed_out(&self) -> bool {
            false
        }
    }
}
