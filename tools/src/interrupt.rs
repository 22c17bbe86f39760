//! Ctrl-C and other requests to end: what is temporary is removed before the program does as it is told.
//!
//! While fits run, the first Ctrl-C is a wish that they end with what they have: see [`Finishing`].
//!
//! The program then ends by the signal itself, as if it had not been handled, so that whoever started it learns why: a
//! shell shows 130 for Ctrl-C and 143 for SIGTERM, and leaves its own loop.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

use crate::console;

/// How often a request is looked for. Windows has nothing to wait for it with; this way all systems run the same code.
const EVERY: Duration = Duration::from_millis(20);

/// A terminal and a parent may both pass on one Ctrl-C: further ones within this time are the same.
const SAME: Duration = Duration::from_millis(500);

/// How much of what runs can end early with a result.
static CAN_FINISH: AtomicUsize = AtomicUsize::new(0);
/// Whether that was asked for.
static FINISH: AtomicBool = AtomicBool::new(false);

/// While one exists, the first Ctrl-C does not end the program, but [asks](asked_to_finish) for what can be had now.
pub struct Finishing(());

impl Finishing {
    pub fn new() -> Self {
        CAN_FINISH.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        CAN_FINISH.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether what can end early shall do so.
pub fn asked_to_finish() -> bool {
    FINISH.load(Ordering::SeqCst)
}

/// Ends the program as the Ctrl-C does that asked for it: what was asked for is done, and something was left undone.
pub fn end_unfinished() -> ! {
    end(SIGINT.unsigned_abs() as usize, &AtomicBool::new(false))
}

/// Temporary files and folders that exist now.
static TEMPORARY: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Something temporary on the disk, which its value removes when dropped, and which is removed on a request to end too.
pub struct Temporary<T> {
    // Dropped first: while it exists, it is noted.
    value: T,
    _noted: Noted,
}

/// An entry of [`TEMPORARY`].
struct Noted(PathBuf);

impl Drop for Noted {
    fn drop(&mut self) {
        temporary().remove(&self.0);
    }
}

impl<T> Temporary<T> {
    /// Makes something temporary. `path` tells where it lies.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(
        make: impl FnOnce() -> io::Result<T>,
        path: impl FnOnce(&T) -> &Path,
    ) -> io::Result<Self> {
        // A request that comes now waits until the new path is noted.
        let mut noted = temporary();
        let value = make()?;
        let path = path(&value).to_owned();
        noted.insert(path.clone());
        Ok(Self {
            value,
            _noted: Noted(path),
        })
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value, to change.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// Has `last` make something lasting of it. A request to end comes before that or after it.
    pub fn finish<R>(self, last: impl FnOnce(T) -> R) -> R {
        let requests = temporary();
        let done = last(self.value);
        drop(requests);
        done
    }
}

fn temporary() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A set of paths is whole after every step.
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on Ctrl-C, SIGTERM and SIGHUP remove what is temporary before the program ends. If that has to wait, for a
/// slow disk perhaps, a second one ends the program on the spot.
///
/// # Errors
/// The system does not allow to handle them.
pub fn watch() -> io::Result<()> {
    let came = Arc::new(AtomicUsize::new(0));
    let waits = Arc::new(AtomicBool::new(false));
    for signal in signals() {
        flag::register_conditional_default(signal, Arc::clone(&waits))?;
        flag::register_usize(signal, Arc::clone(&came), signal.unsigned_abs() as usize)?;
    }
    thread::Builder::new()
        .name("requests to end".into())
        .spawn(move || {
            let mut asked: Option<Instant> = None;
            loop {
                thread::sleep(EVERY);
                let signal = came.swap(0, Ordering::Relaxed);
                let is_wish = signal == SIGINT.unsigned_abs() as usize
                    && CAN_FINISH.load(Ordering::SeqCst) > 0
                    && asked.is_none_or(|first| first.elapsed() < SAME);
                match signal {
                    0 => {}
                    _ if is_wish => {
                        if asked.is_none() {
                            asked = Some(Instant::now());
                            FINISH.store(true, Ordering::SeqCst);
                            console::remark(
                                "finishing: the best so far is written; Ctrl-C again ends without it",
                            );
                        }
                    }
                    signal => end(signal, &waits),
                }
            }
        })?;
    Ok(())
}

/// Removes what is temporary and ends the program.
fn end(signal: usize, waits: &AtomicBool) -> ! {
    // Several requests at once are common, one to the program and one to its group: only what waits gives in to a
    // second one.
    let paths = TEMPORARY.try_lock().unwrap_or_else(|_| {
        waits.store(true, Ordering::Relaxed);
        temporary()
    });
    // Never unlocked again: nothing new is made from here on.
    for path in paths.iter() {
        // What cannot be removed stays, whatever is done.
        let _ = match path.is_dir() {
            true => fs::remove_dir_all(path),
            false => fs::remove_file(path),
        };
    }
    // A small number that was a signal's before.
    let signal = signal as c_int;
    let _ = low_level::emulate_default_handler(signal);
    process::exit(128 + signal)
}

/// The signals that ask to end, without those that whoever started the program has it ignore.
fn signals() -> Vec<c_int> {
    let asking = [
        SIGINT,
        SIGTERM,
        #[cfg(unix)]
        signal_hook::consts::SIGHUP,
    ];
    asking
        .into_iter()
        .filter(|&signal| !is_ignored(signal))
        .collect()
}

/// `nohup` and shells without job control start programs that are to outlive a signal.
#[cfg(target_os = "linux")]
fn is_ignored(signal: c_int) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| is_ignored_in(&status, signal))
}

/// Other systems do not say. `nohup` never leaves a terminal behind as standard error.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_ignored(signal: c_int) -> bool {
    signal == signal_hook::consts::SIGHUP && !io::IsTerminal::is_terminal(&io::stderr())
}

#[cfg(not(unix))]
fn is_ignored(_: c_int) -> bool {
    false
}

/// Whether the bit of a signal is set in what Linux says of a process.
#[cfg(target_os = "linux")]
fn is_ignored_in(status: &str, signal: c_int) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_file_is_noted_while_it_exists() {
        let folder = tempfile::tempdir().unwrap();
        let make = || {
            Temporary::make(
                || tempfile::NamedTempFile::new_in(folder.path()),
                |file| file.path(),
            )
            .unwrap()
        };
        let file = make();
        let path = file.get().path().to_owned();
        assert!(path.exists() && temporary().contains(&path));
        drop(file);
        assert!(!path.exists() && !temporary().contains(&path));

        let file = make();
        let (path, kept) = (file.get().path().to_owned(), folder.path().join("kept"));
        file.finish(|file| file.persist(&kept)).unwrap();
        assert!(kept.exists() && !temporary().contains(&path));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn ignored_signals_are_read_from_their_mask() {
        // As `nohup` leaves it: SIGHUP is 1, SIGINT 2.
        let status = "Name:\tkiln\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000001\n";
        assert!(is_ignored_in(status, 1) && !is_ignored_in(status, SIGINT));
        assert!(!is_ignored_in("", 1));
    }
}
