//! A setting of mimalloc, the allocator of our programs, for work that takes and frees large arrays over and over.
//!
//! Every operator gives a fresh array and frees it a moment later. By default mimalloc hands freed pages back to the system
//! after 10 ms, which clears them again when they are taken the next time: a fifth of the processor time of a training.

use libmimalloc_sys::mi_option_set_default;

/// Number of `mi_option_purge_delay` in mimalloc 2 and 3; the binding does not name it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Never.
const NO_PURGE: std::ffi::c_long = -1;

/// Keeps freed memory for the next array instead of handing it back to the system, so that a program stays as large as it
/// was at its largest. The environment variable `MIMALLOC_PURGE_DELAY` has the last word.
///
/// To be called once at the start of a program whose allocator is mimalloc, before it has other threads.
pub fn keep_freed_memory() {
    // SAFETY: the function takes plain numbers and writes one word of mimalloc's option table; it asks for no other
    // thread, which is what this function asks of its caller, and a racing reader would see the old or the new word.
    unsafe { mi_option_set_default(PURGE_DELAY, NO_PURGE) }
}
