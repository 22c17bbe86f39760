//! Pixels by libjpeg-turbo as MozJPEG has it: the decoder that all others are measured by.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

use image::DynamicImage;
use mozjpeg::Decompress;
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr, msg_parm_union};

use super::damaged;
use super::frame::Frame;
use crate::PictureError;
use crate::pixels::{Channels, blank, image_of};

thread_local! {
    /// Faults that the decoder has found and gone on from. It calls back on the thread that called it.
    static FAULTS: Cell<u32> = const { Cell::new(0) };
}

/// What unwinds out of the decoder when it gives up.
struct GaveUp;

/// The pixels, and whether some of them had to be made up.
pub(super) fn decode(bytes: &[u8], frame: &Frame) -> Result<(DynamicImage, bool), PictureError> {
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let grey = frame.sampling.len() == 1;
    let channels = if grey { Channels::Grey } else { Channels::Rgb };
    let mut samples = blank::<u8>(width, height, channels)?;
    FAULTS.set(0);
    // The decoder's memory is freed on the way out, and the samples are given up.
    match catch_unwind(AssertUnwindSafe(|| {
        read(bytes, grey, (width, height), &mut samples)
    })) {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(gave_up()),
        Err(panic) if (*panic).is::<GaveUp>() => return Err(gave_up()),
        // Not the decoder's way to give up: for the guard around all decoders.
        Err(panic) => resume_unwind(panic),
    }
    let image = image_of(samples, width, height, channels)?;
    Ok((image, FAULTS.get() > 0))
}

fn gave_up() -> PictureError {
    damaged("its headers or tables contradict each other")
}

fn read(
    bytes: &[u8],
    grey: bool,
    (width, height): (u32, u32),
    samples: &mut [u8],
) -> io::Result<()> {
    let decoder = Decompress::with_err(errors()).from_mem(bytes)?;
    if decoder.size() != (width as usize, height as usize) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut started = match grey {
        true => decoder.grayscale()?,
        false => decoder.rgb()?,
    };
    started.read_scanlines_into(samples)?;
    started.finish()
}

/// The default in libjpeg ends the process; this one counts what can be gone on from, and unwinds otherwise.
fn errors() -> jpeg_error_mgr {
    extern "C-unwind" fn give_up(_: &mut jpeg_common_struct) {
        resume_unwind(Box::new(GaveUp));
    }
    extern "C-unwind" fn count(_: &mut jpeg_common_struct, level: i32) {
        // Levels from 0 on are remarks.
        if level < 0 {
            FAULTS.set(FAULTS.get().saturating_add(1));
        }
    }
    extern "C-unwind" fn silence(_: &mut jpeg_common_struct) {}
    jpeg_error_mgr {
        error_exit: Some(give_up),
        emit_message: Some(count),
        output_message: Some(silence),
        format_message: None,
        reset_error_mgr: Some(silence),
        msg_code: 0,
        msg_parm: msg_parm_union::default(),
        trace_level: 0,
        num_warnings: 0,
        jpeg_message_table: ptr::null(),
        last_jpeg_message: 0,
        addon_message_table: ptr::null(),
        first_addon_message: 0,
        last_addon_message: 0,
    }
}
