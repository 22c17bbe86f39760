//! Whose threads do the work.

use std::error::Error as _;
use std::io;
use std::panic::catch_unwind;
use std::sync::{Arc, OnceLock};

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// The threads that work is done on. Cheap to clone; what is computed does not depend on them.
///
/// ```
/// use kiln::threads::Threads;
///
/// let two = Threads::new(2)?;
/// assert_eq!(two.install(rayon::current_num_threads), 2);
///
/// // A program with a pool of its own runs kiln inside it.
/// let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build()?;
/// assert_eq!(pool.install(|| Threads::current().count()), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Threads(Option<Arc<ThreadPool>>);

/// Threads that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ThreadsError {
    /// No work is done by no threads.
    #[error("0 threads cannot do anything: use 1 or more")]
    None,
    /// The system refuses to start so many.
    #[error(
        "{wanted} threads cannot be started ({source}): use fewer, or raise the limit of this process"
    )]
    Start {
        /// How many were asked for.
        wanted: usize,
        /// What the system says.
        source: io::Error,
    },
}

impl Threads {
    /// The pool of the rayon thread that this runs on; elsewhere rayon's global pool, with a thread for each core.
    /// Where the system starts no threads for that one, the calling thread does everything alone.
    pub fn current() -> Self {
        Self(None)
    }

    /// A pool of `count` threads, which ends with the last clone.
    ///
    /// # Errors
    /// `count` is 0, or the system refuses to start so many.
    pub fn new(count: usize) -> Result<Self, ThreadsError> {
        if count == 0 {
            return Err(ThreadsError::None);
        }
        match ThreadPoolBuilder::new().num_threads(count).build() {
            Ok(pool) => Ok(Self(Some(Arc::new(pool)))),
            Err(error) => Err(ThreadsError::Start {
                wanted: count,
                source: io::Error::other(error),
            }),
        }
    }

    /// Runs `work` so that rayon's parallel iterators inside use these threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => {
                if rayon::current_thread_index().is_none() && !global_pool_works() {
                    work_alone();
                }
                work()
            }
        }
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.install(rayon::current_num_threads)
    }
}

/// Whether rayon's global pool has threads. Asking starts it, as its first use would; but a first use panics where the
/// system refuses a thread, and so does every later one.
fn global_pool_works() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    *WORKS.get_or_init(|| match started(ThreadPoolBuilder::new().build_global()) {
        Started::Now => true,
        Started::Refused => false,
        // Perhaps it was refused to somebody else before. Only a panic tells.
        Started::Before => catch_unwind(rayon::current_num_threads).is_ok(),
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Started {
    Now,
    Before,
    Refused,
}

fn started(result: Result<(), ThreadPoolBuildError>) -> Started {
    match result {
        Ok(()) => Started::Now,
        // The system's error is the only one with a source: the other is that somebody was here before.
        Err(error) if error.source().is_some() => Started::Refused,
        Err(_) => Started::Before,
    }
}

/// Makes the calling thread a pool of its own, which needs no other thread. It stays one until it ends: later calls on
/// this thread find the pool. rayon never frees it.
fn work_alone() {
    let alone = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    // Fails only on a thread of a pool, where nothing is to be done.
    drop(alone.build());
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rayon::prelude::*;

    use super::*;

    fn sum() -> u64 {
        (0..100_000_u64).into_par_iter().sum()
    }

    #[test]
    fn pools_are_of_the_size_asked_for() {
        for count in [1, 2, 5] {
            let threads = Threads::new(count).unwrap();
            assert_eq!(threads.count(), count);
            assert_eq!(threads.install(sum), 4_999_950_000);
        }
        assert!(matches!(Threads::new(0), Err(ThreadsError::None)));
    }

    #[test]
    fn the_pool_of_the_caller_is_kept() {
        let pool = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(pool.install(|| Threads::current().count()), 3);
        // Within a codec of its own threads, too.
        let one = Threads::new(1).unwrap();
        assert_eq!(pool.install(|| one.count()), 1);
        assert_eq!(one.install(|| Threads::current().count()), 1);
    }

    #[test]
    fn the_global_pool_serves_everybody_else() {
        assert_eq!(Threads::current().count(), rayon::current_num_threads());
        assert_eq!(Threads::current().install(sum), 4_999_950_000);
    }

    /// A stack that no address space holds, so that the system refuses every thread.
    const ENDLESS_STACK: &str = "70368744177664";

    /// Runs a test of this program alone, where no thread can be started.
    fn run_without_threads(name: &str) {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--test-threads=1"])
            .env("RUST_MIN_STACK", ENDLESS_STACK)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&status.stdout).into_owned();
        let errors = String::from_utf8_lossy(&status.stderr).into_owned();
        assert!(
            status.status.success() && text.contains("1 passed"),
            "{text}{errors}"
        );
    }

    #[test]
    fn no_threads_at_all_are_no_panic() {
        run_without_threads("threads::tests::without_threads_current_works_alone");
    }

    #[test]
    #[ignore = "runs where no thread can be started"]
    fn without_threads_current_works_alone() {
        assert!(matches!(
            Threads::new(2),
            Err(ThreadsError::Start { wanted: 2, .. })
        ));
        for _ in 0..2 {
            assert_eq!(Threads::current().count(), 1);
            assert_eq!(Threads::current().install(sum), 4_999_950_000);
        }
    }

    #[test]
    fn a_global_pool_that_failed_before_is_noticed() {
        run_without_threads("threads::tests::after_a_failed_start_current_works_alone");
    }

    #[test]
    #[ignore = "runs where no thread can be started"]
    fn after_a_failed_start_current_works_alone() {
        let first = ThreadPoolBuilder::new().build_global();
        assert_eq!(started(first), Started::Refused);
        assert_eq!(Threads::current().install(sum), 4_999_950_000);
    }
}
