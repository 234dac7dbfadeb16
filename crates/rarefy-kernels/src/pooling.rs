//! Max pooling with the winning rows recorded.
//!
//! Invariant: the rows of an output are compared in the order in which they are given and only a larger value replaces
//! the one found so far, so the first of equal rows wins (SYSTEMS.md §2.3). A NaN wins only where it comes first.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use rarefy_geometry::{NO_ROW, PoolMap};
use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::vector::{Kernel, Vector};

/// Outputs that one task works through.
const CHUNK: usize = 64;

/// Max pooling over the windows of `map`.
///
/// `x` is [rows, channels], with the ground-state row last where the map has one; `out` and `argmax` are
/// [outputs, channels] and are overwritten.
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where a row does not exist.
pub fn max_pool_forward<T: Element>(
    map: &PoolMap,
    channels: usize,
    x: &[T],
    out: &mut [T],
    argmax: &mut [u32],
) -> Result<(), ShapeError> {
    max_pool_rows((map.starts(), map.rows()), channels, x, out, argmax)
}

/// Max pooling over rows named by two slices: output `q` has the rows `rows[starts[q]..starts[q + 1]]` of `x`.
///
/// `x` is [any number of rows, channels]; `out` and `argmax` are [outputs, channels] and are overwritten. An output
/// without rows is zero with [`NO_ROW`].
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where a row does not exist.
pub fn max_pool_rows<T: Element>(
    (starts, rows): (&[u32], &[u32]),
    channels: usize,
    x: &[T],
    out: &mut [T],
    argmax: &mut [u32],
) -> Result<(), ShapeError> {
    let outputs = starts.len().saturating_sub(1);
    ShapeError::check_rows("inputs", channels, x.len())?;
    ShapeError::check("outputs", [outputs, channels], out.len())?;
    ShapeError::check("winning rows", [outputs, channels], argmax.len())?;
    if out.is_empty() {
        return Ok(());
    }
    let set = InstructionSet::current();
    let tasks = out.par_chunks_mut(CHUNK * channels).zip(argmax.par_chunks_mut(CHUNK * channels));
    tasks.enumerate().for_each(|(chunk, (out, argmax))| {
        let starts = &starts[chunk * CHUNK..];
        T::dispatch(set, Forward { starts, rows, channels, x, out, argmax });
    });
    Ok(())
}

struct Forward<'a, T> {
    starts: &'a [u32],
    rows: &'a [u32],
    channels: usize,
    x: &'a [T],
    out: &'a mut [T],
    argmax: &'a mut [u32],
}

impl<T: Element> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let outputs = self.out.chunks_exact_mut(self.channels).zip(self.argmax.chunks_exact_mut(self.channels));
        for ((out, argmax), bounds) in outputs.zip(self.starts.windows(2)) {
            let Some((&first, rest)) = self.rows[bounds[0] as usize..bounds[1] as usize].split_first() else {
                out.fill(T::ZERO);
                argmax.fill(NO_ROW);
                continue;
            };
            out.copy_from_slice(&self.x[first as usize * self.channels..][..self.channels]);
            argmax.fill(first);
            for &row in rest {
                keep_larger(out, argmax, &self.x[row as usize * self.channels..][..self.channels], row);
            }
        }
    }
}

/// Takes over the elements of `x` that are larger than those found so far.
#[inline(always)]
pub(crate) fn keep_larger<T: Element>(values: &mut [T], found: &mut [u32], x: &[T], row: u32) {
    for ((value, found), &x) in values.iter_mut().zip(found).zip(x) {
        let larger = x > *value;
        *value = if larger { x } else { *value };
        *found = if larger { row } else { *found };
    }
}

/// Adds the gradient of a max pooling into `grad_x` [rows, channels]: each output's gradient goes to the row that won.
///
/// Works for [`segment_max_forward`](crate::segment_max_forward) too. Channels are shared out among the threads, so
/// each element receives its gradients in the order of the outputs.
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where a row of `argmax` does not exist.
pub fn max_pool_backward<T: Element>(
    argmax: &[u32],
    channels: usize,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    let outputs = ShapeError::check_rows("output gradients", channels, grad_out.len())?;
    ShapeError::check_rows("input gradients", channels, grad_x.len())?;
    ShapeError::check("winning rows", [outputs, channels], argmax.len())?;
    if channels == 0 {
        return Ok(());
    }
    let line = 64 / size_of::<T>();
    let rows = grad_x.len() / channels;
    let grad_x = SharedGrad(grad_x.as_mut_ptr());
    (0..channels.div_ceil(line)).into_par_iter().for_each(|block| {
        let block = block * line..((block + 1) * line).min(channels);
        for (argmax, grad_out) in argmax.chunks_exact(channels).zip(grad_out.chunks_exact(channels)) {
            for channel in block.clone() {
                let row = argmax[channel];
                if row == NO_ROW {
                    continue;
                }
                assert!((row as usize) < rows, "row {row} of {rows} does not exist");
                // SAFETY: the row exists, and no other task touches the channels of this block.
                unsafe { *grad_x.at(row as usize * channels + channel) += grad_out[channel] };
            }
        }
    });
    Ok(())
}

/// Input gradients that tasks write to in disjoint columns.
#[derive(Clone, Copy)]
struct SharedGrad<T>(*mut T);

// SAFETY: tasks write to disjoint columns, which `max_pool_backward` sees to.
unsafe impl<T: Send> Send for SharedGrad<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedGrad<T> {}

impl<T> SharedGrad<T> {
    /// # Safety
    /// `element` lies inside the slice.
    unsafe fn at(&self, element: usize) -> *mut T {
        // SAFETY: passed on from the caller.
        unsafe { self.0.add(element) }
    }
}
