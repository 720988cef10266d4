//! The threads of long reads: one a core, and behind others where the system has to choose, so that a
//! search waits for a point command and not the other way round.

#[cfg(feature = "parallel")]
use std::sync::OnceLock;

#[cfg(feature = "parallel")]
use rayon::{ThreadPool, ThreadPoolBuilder};

/// How much lower than others the threads' priority is: at 5 the system gives a thread of normal priority about
/// three times as much of a core that both want. At 10 searches starve on a busy machine.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = 5;

/// Runs `f` on the pool and waits for it; on the calling thread if there can be no pool.
#[cfg(feature = "parallel")]
pub(crate) fn run<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
    let new = || {
        let builder = ThreadPoolBuilder::new().thread_name(|n| format!("search-{n}"));
        builder.start_handler(|_| lower_priority()).build().ok()
    };
    match POOL.get_or_init(new) {
        Some(pool) => pool.install(f),
        None => f(),
    }
}

/// Puts the calling thread behind others, as the pool's are: for the thread that a search begins on, which
/// runs what is too short for the pool.
pub fn lower_priority() {
    #[cfg(target_os = "linux")]
    // SAFETY: the call takes plain numbers and concerns the calling thread alone, which on Linux is
    // what 0 means. A refusal changes nothing.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}
