//! What the kernel tests share.
#![allow(dead_code, reason = "each test program uses its part")]

use rarefy_kernels::{Element, InstructionSet};

/// Runs a test with every instruction set that this machine has.
pub(crate) fn with_every_set(mut test: impl FnMut(InstructionSet)) {
    for set in InstructionSet::available() {
        set.force(|| test(set)).expect("the set is available");
    }
}

/// Runs `work` in a pool of its own.
pub(crate) fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}

/// Values in the element type under test.
pub(crate) fn narrow<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&value| T::from_f64(value)).collect()
}

/// Values in f64 again.
pub(crate) fn wide<T: Element>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}
