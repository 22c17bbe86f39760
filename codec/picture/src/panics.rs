//! Decoders of other crates that panic on a damaged file.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Format, PictureError};

/// Most characters of a panic's message that go into an error.
const LONGEST_MESSAGE: usize = 120;

/// Runs a decoder. A panic becomes an error, so that one file cannot end a server or a batch.
///
/// The panic hook of the process still runs, and the default one prints: a library cannot silence it without changing
/// it under the other threads.
pub(super) fn guard<T>(
    format: Format,
    decode: impl FnOnce() -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    // What the decoder was working on is dropped with the panic, and the bytes it reads cannot change.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        Err(PictureError::Panicked {
            format,
            message: message_of(panic.as_ref()),
        })
    })
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "it panicked without a message",
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_MESSAGE)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(decode: impl FnOnce() -> Result<(), PictureError>) -> String {
        match guard(Format::WebP, decode) {
            Err(PictureError::Panicked {
                format: Format::WebP,
                message,
            }) => message,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn panics_become_errors_with_their_message() {
        let empty: &[u8] = &[];
        let text = message(|| {
            let _ = empty[3];
            Ok(())
        });
        assert_eq!(text, "index out of bounds: the len is 0 but the index is 3");
        assert_eq!(message(|| panic!("a\nb")), "a b");
        assert_eq!(message(|| panic!("{}", "ä".repeat(500))), "ä".repeat(120));
        assert_eq!(
            message(|| std::panic::panic_any(7)),
            "it panicked without a message"
        );
    }

    #[test]
    fn results_pass_through() {
        assert_eq!(guard(Format::Png, || Ok(5)).ok(), Some(5));
        let refused = || Err::<(), _>(PictureError::damaged(Format::Png, "why"));
        assert!(matches!(
            guard(Format::Png, refused),
            Err(PictureError::Decode { .. })
        ));
    }
}
