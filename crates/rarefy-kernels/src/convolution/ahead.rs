//! Rows of the next tile, fetched into the second-level cache a few lines at a time between the products of this one.
//!
//! A core waits on a fetch only when it has asked for more lines than it can keep track of, so they are asked for evenly.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use std::ops::Range;

use crate::vector::prefetch_elements;

/// Rows of a register tile that the steps are reckoned with; where it has fewer, the fetching ends before the products.
const ROWS: usize = 8;

/// What is still to be fetched of the inputs and of the sums.
pub(super) struct Ahead<S, W> {
    inputs: Stream<S>,
    sums: Stream<W>,
}

impl<S, W> Ahead<S, W> {
    /// The given elements of `inputs` and `sums`, which need not exist, fetched while `pairs` are multiplied with `panels`.
    #[inline(always)]
    pub(super) fn new(
        inputs: (*const S, Range<usize>),
        sums: (*const W, Range<usize>),
        pairs: usize,
        panels: usize,
    ) -> Self {
        let steps = (pairs / ROWS * panels).max(1);
        Self { inputs: Stream::new(inputs, steps), sums: Stream::new(sums, steps) }
    }

    /// Asks for the lines of one step.
    #[inline(always)]
    pub(super) fn step(&mut self) {
        self.inputs.step();
        self.sums.step();
    }
}

/// Neighbouring elements that are still to be fetched.
struct Stream<T> {
    values: *const T,
    left: Range<usize>,
    /// Elements of one step: whole lines.
    step: usize,
}

impl<T> Stream<T> {
    #[inline(always)]
    fn new((values, left): (*const T, Range<usize>), steps: usize) -> Self {
        let line = 64 / size_of::<T>();
        let step = left.len().div_ceil(line).div_ceil(steps) * line;
        Self { values, left, step }
    }

    #[inline(always)]
    fn step(&mut self) {
        let end = (self.left.start + self.step).min(self.left.end);
        prefetch_elements(self.values, self.left.start..end);
        self.left.start = end;
    }
}
