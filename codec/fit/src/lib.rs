//! Fits networks and latents to one picture.
