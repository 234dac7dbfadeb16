//! The rows of a few pairs, made ready for the outer products of a gradient of weights.
//!
//! Invariant: a filled slab points at rows of which as many elements can be read as [`Slab::rows`] says.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use rarefy_geometry::Pairs;

use super::weight_grad::Task;
use crate::element::Element;
use crate::vector::{has_dots, interleave_bf16};

/// Pairs that are worked through at once: their rows stay in the first-level cache.
pub(super) const SLAB: usize = 128;

/// Elements behind the channels of a copied row: the widest panel of the widest vectors.
const PADDING: usize = 64;

/// Elements of 32 bits in a line of the cache, and in the widest vector.
const LINE: usize = 16;

/// Elements that a slab takes, at most, for `c_out` output channels.
pub(super) fn elements(c_out: usize) -> usize {
    SLAB * (c_out + PADDING)
}

/// Rows in the form that a kernel multiplies.
pub(super) trait Slab<T> {
    /// Makes the rows of `pairs` ready, at most [`SLAB`] of them, whose numbers are checked.
    fn fill(&mut self, task: &Task<'_, T>, pairs: Pairs<'_>);

    /// For each product a pointer to the channels of the block, of the first group and with whole rows behind it, and one to
    /// the output gradients of all groups, with whole vectors behind it.
    fn rows(&self) -> (&[*const T], &[*const T]);
}

/// Pointers to the rows where they lie.
pub(super) struct RowsInPlace<T> {
    len: usize,
    x: [*const T; SLAB],
    grad: [*const T; SLAB],
    /// Copies of rows at the end of the gradients, where a whole vector would read past it.
    copies: Vec<T>,
    /// Elements of a copy: the output channels of all groups rounded up to whole vectors, or more.
    padded: usize,
}

impl<T: Element> RowsInPlace<T> {
    pub(super) fn new(task: &Task<'_, T>) -> Self {
        let padded = task.output_channels() + PADDING;
        let nowhere = [std::ptr::null(); SLAB];
        Self { len: 0, x: nowhere, grad: nowhere, copies: vec![T::ZERO; SLAB * padded], padded }
    }
}

impl<T: Element> Slab<T> for RowsInPlace<T> {
    #[inline(always)]
    fn fill(&mut self, task: &Task<'_, T>, pairs: Pairs<'_>) {
        let copied = task.output_channels();
        self.len = pairs.to.len();
        let copies = self.copies.as_mut_ptr();
        for (index, (&from, &to)) in pairs.from.iter().zip(pairs.to).enumerate() {
            self.x[index] = task.x_row(from).as_ptr();
            let row = task.grad_row(to);
            self.grad[index] = if row.len() >= self.padded {
                row.as_ptr()
            } else {
                // SAFETY: copy `index` is one of `SLAB` copies of `padded ≥ copied` elements, which `row` has.
                unsafe {
                    let copy = copies.add(index * self.padded);
                    std::ptr::copy_nonoverlapping(row[..copied].as_ptr(), copy, copied);
                    copy.cast_const()
                }
            };
        }
    }

    #[inline(always)]
    fn rows(&self) -> (&[*const T], &[*const T]) {
        (&self.x[..self.len], &self.grad[..self.len])
    }
}

/// Copies of the rows rounded to `bf16`, two pairs in one: the channels of the first in the lower, those of the second in the
/// upper halves of elements of 32 bits. An odd pair at the end stands beside zeros.
pub(super) struct RowsInterleaved {
    len: usize,
    x: [*const f32; SLAB / 2],
    grad: [*const f32; SLAB / 2],
    /// [`SLAB` / 2, channels of the block and padding].
    x_rows: Vec<u32>,
    /// [`SLAB` / 2, output channels and padding].
    grad_rows: Vec<u32>,
    /// Channels of the block, output channels.
    channels: (usize, usize),
}

impl RowsInterleaved {
    /// # Panics
    /// For a task of several groups, and where the machine lacks AVX512-BF16.
    pub(super) fn new(task: &Task<'_, f32>) -> Self {
        let (block, outputs) = (task.block.len(), task.output_channels());
        assert_eq!(task.groups.count, 1, "copies hold one group");
        assert!(has_dots(), "this machine has AVX512-BF16");
        let [x_rows, grad_rows] = [block, outputs].map(|channels| vec![0; SLAB / 2 * row_of_pairs(channels)]);
        Self {
            len: 0,
            x: [std::ptr::null(); SLAB / 2],
            grad: [std::ptr::null(); SLAB / 2],
            x_rows,
            grad_rows,
            channels: (block, outputs),
        }
    }
}

impl Slab<f32> for RowsInterleaved {
    #[inline(always)]
    fn fill(&mut self, task: &Task<'_, f32>, pairs: Pairs<'_>) {
        let (block, outputs) = self.channels;
        let x_rows = self.x_rows.chunks_exact_mut(row_of_pairs(block));
        let copies = x_rows.zip(self.grad_rows.chunks_exact_mut(row_of_pairs(outputs)));
        let pairs = pairs.from.chunks(2).zip(pairs.to.chunks(2));
        self.len = 0;
        for ((x, grad), (from, to)) in copies.zip(pairs) {
            let x_row = |row: u32| &task.x_row(row)[..block];
            let grad_row = |row: u32| &task.grad_row(row)[..outputs];
            // SAFETY: a slab of this kind is made only where the machine has the instructions.
            unsafe {
                interleave_bf16(x_row(from[0]), from.get(1).map(|&row| x_row(row)), &mut x[..block]);
                interleave_bf16(grad_row(to[0]), to.get(1).map(|&row| grad_row(row)), &mut grad[..outputs]);
            }
            (self.x[self.len], self.grad[self.len]) = (x.as_ptr().cast(), grad.as_ptr().cast());
            self.len += 1;
        }
    }

    #[inline(always)]
    fn rows(&self) -> (&[*const f32], &[*const f32]) {
        (&self.x[..self.len], &self.grad[..self.len])
    }
}

/// Elements of a row of `channels` pairs: whole vectors, and a line of the cache more, since rows that are a power of two
/// apart would push each other out of it.
fn row_of_pairs(channels: usize) -> usize {
    channels.next_multiple_of(LINE) + LINE
}
