//! Ctrl-C: the first asks the work to save and stop, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

/// True once Ctrl-C (or a termination signal) has come.
pub(crate) type Stop = Arc<AtomicBool>;

/// Listens for Ctrl-C from now on.
pub(crate) fn listen() -> anyhow::Result<Stop> {
    listen_and(|| eprintln!("\nstopping at the next step; press Ctrl-C again to end at once"))
}

/// The same for work that stops at once and has nothing to save.
pub(crate) fn listen_quietly() -> anyhow::Result<Stop> {
    listen_and(|| ())
}

fn listen_and(say: impl Fn() + Send + 'static) -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        say();
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(stop)
}
