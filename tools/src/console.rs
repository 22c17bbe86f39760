//! Standard output and standard error. Results go to the one and must arrive; remarks go to the other and may get lost.

use std::io::{self, StdoutLock, Write};

use anyhow::Context;
use serde::Serialize;

/// What goes wrong with standard output is told under this name.
const CANNOT: &str = "cannot write standard output";

/// Prints a line on standard error. Unlike `eprintln!`, it does not panic when nobody reads there any more.
pub fn remark(text: &str) {
    // There is no other place to say that it failed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Standard output, unless the program was started without one.
///
/// # Errors
/// It was closed.
pub fn stdout() -> io::Result<StdoutLock<'static>> {
    match start::stdout_was_closed() {
        true => Err(io::Error::other("it is closed")),
        false => Ok(io::stdout().lock()),
    }
}

/// Finds out before long work that its result would go nowhere.
///
/// # Errors
/// Standard output is closed.
pub fn check_stdout() -> anyhow::Result<()> {
    stdout().map(drop).context(CANNOT)
}

/// Prints one JSON value and a line break on standard output.
///
/// # Errors
/// Standard output is closed, or whoever read it is gone, or its device is full.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// Prints text on standard output. Unlike `print!`, it reports what goes wrong.
///
/// # Errors
/// As [`print_json`].
pub fn print(text: &str) -> anyhow::Result<()> {
    write_stdout(text.as_bytes()).context(CANNOT)
}

/// Has something print to standard output that does it by itself.
///
/// # Errors
/// As [`print_json`].
pub fn print_with(print: impl FnOnce() -> io::Result<()>) -> anyhow::Result<()> {
    check_stdout()?;
    print().and_then(|()| io::stdout().flush()).context(CANNOT)
}

/// Writes bytes to standard output.
///
/// # Errors
/// As [`print_json`].
pub fn write_stdout(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = stdout()?;
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Whether there was a standard output when the program started.
///
/// Rust's runtime opens `/dev/null` in the place of a stream that is closed, so that no other file takes its number.
/// From then on it looks like one that was sent there on purpose: only code that runs before can tell them apart.
#[cfg(unix)]
mod start {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CLOSED: AtomicBool = AtomicBool::new(false);

    #[ctor::ctor(unsafe)]
    fn look() {
        // Where the system does not list open files, nothing is known.
        let listed = fs::symlink_metadata("/dev/fd").is_ok();
        let closed = listed && fs::symlink_metadata("/dev/fd/1").is_err();
        CLOSED.store(closed, Ordering::Relaxed);
    }

    pub fn stdout_was_closed() -> bool {
        CLOSED.load(Ordering::Relaxed)
    }
}

#[cfg(not(unix))]
mod start {
    pub fn stdout_was_closed() -> bool {
        false
    }
}
