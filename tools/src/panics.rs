//! Faults of the program itself: one file that meets one must not end a batch.

use std::any::Any;
use std::env;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// Most characters of a panic's message that go into an error.
const LONGEST_MESSAGE: usize = 200;

/// Where the last panic happened.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// From now on panics are not dumped to the terminal: [`guard`] makes errors of them. `RUST_BACKTRACE` brings the dump
/// back.
pub fn quiet() {
    let dump = panic::take_hook();
    let wanted = env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
    panic::set_hook(Box::new(move |info| {
        let place = info
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()));
        *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
        if wanted {
            dump(info);
        }
    }));
}

/// The program has a fault, which some input brought to light.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("kiln itself failed: {message}{place}; please report it")]
pub struct Fault {
    message: String,
    place: String,
}

/// Runs some work. A panic in it, on whichever thread, becomes an error.
///
/// # Errors
/// The work panicked.
pub fn guard<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    // What the work held is dropped with the panic; what it shares is not changed by it.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner).take();
        Fault {
            message: message(panic.as_ref()),
            place: place.map(|place| format!(" ({place})")).unwrap_or_default(),
        }
    })
}

/// One line of what a panic says.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "it does not say why",
    };
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = printable.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    fn error(work: impl FnOnce()) -> String {
        guard(work).unwrap_err().to_string()
    }

    #[test]
    fn panics_of_any_thread_become_errors_of_one_line() {
        assert!(error(|| panic!("a\n   b {}", 7)).contains("kiln itself failed: a b 7"));
        let text = error(|| {
            [1, 2, 0]
                .par_iter()
                .for_each(|n| assert!(*n > 0, "{n} is too few"));
        });
        assert!(text.contains("0 is too few"), "{text}");
        let text = error(|| panic::panic_any(7));
        assert!(text.contains("it does not say why"), "{text}");
    }

    #[test]
    fn results_pass_through() {
        assert_eq!(guard(|| 5), Ok(5));
    }
}
