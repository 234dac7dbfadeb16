//! Sums and means of rows over a [`RowMap`]: the one kernel behind many operators.
//!
//! | operator | map | reduction |
//! | --- | --- | --- |
//! | voxelise by sum, mean | `RowMap::voxelisation` | sum, mean |
//! | voxelise by first point | its `first_only` | sum |
//! | devoxelise | `RowMap::devoxelisation` | sum |
//! | sum, average pooling | `RowMap::from_kernel_map` | sum, mean or mean of all taps |
//! | unpooling | the `transposed` map of the pooling | sum |
//!
//! Maxima over the same maps are [`row_max_forward`](crate::row_max_forward). Invariant: an output row is summed by one task
//! in the order of its entries, so the result is the same bits for any number of threads.
#![allow(clippy::inline_always, reason = "target features reach a function only where it is inlined")]

use std::ops::Range;

use rarefy_geometry::RowMap;
use rayon::prelude::*;

use crate::element::Element;
use crate::isa::InstructionSet;
use crate::shape::ShapeError;
use crate::vector::{Kernel, Vector};

/// Outputs that one task works through.
const CHUNK: usize = 256;

/// Entries that are summed at one go; longer lists are sums of such runs, or rounding errors in f32 would show.
const RUN: usize = 512;

/// What an output row is of the rows that its entries name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowReduction {
    /// The weighted sum.
    Sum,
    /// The weighted sum divided by the number of entries.
    Mean,
    /// The weighted sum divided by this number, however many entries there are: average pooling in which absent voxels
    /// count as zeros divides by the kernel volume. Zero counts as one.
    MeanOf(u32),
}

impl RowReduction {
    /// What the sum over `entries` entries is divided by.
    #[inline(always)]
    fn divisor<T: Element>(self, entries: usize) -> T {
        match self {
            Self::Sum => T::ONE,
            Self::Mean => T::from_f64(entries.max(1) as f64),
            Self::MeanOf(count) => T::from_f64(f64::from(count.max(1))),
        }
    }
}

/// Writes into each output row the sum or mean of the input rows that `map` names for it.
///
/// `x` is [inputs, channels], `out` [outputs, channels]; an output without entries is zero.
///
/// ```
/// use rarefy_geometry::RowMap;
/// use rarefy_kernels::{RowReduction, row_sums_forward};
///
/// // Points 0 and 1 lie in voxel 0, point 2 in voxel 1.
/// let map = RowMap::from_groups(&[0, 0, 1], 2)?;
/// let mut voxels = vec![0.0_f32; 4];
/// row_sums_forward(&map, RowReduction::Mean, 2, &[1.0, 10.0, 3.0, 20.0, 5.0, 60.0], &mut voxels)?;
/// assert_eq!(voxels, [2.0, 15.0, 5.0, 60.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a slice has another length than its shape.
pub fn row_sums_forward<T: Element>(
    map: &RowMap,
    reduction: RowReduction,
    channels: usize,
    x: &[T],
    out: &mut [T],
) -> Result<(), ShapeError> {
    ShapeError::check("inputs", [map.inputs(), channels], x.len())?;
    ShapeError::check("outputs", [map.outputs(), channels], out.len())?;
    add_rows(map, Pass::Forward(reduction), channels, x, out);
    Ok(())
}

/// Adds the gradient of [`row_sums_forward`] with respect to its input into `grad_x`; shapes as there.
///
/// # Errors
/// When a slice has another length than its shape.
pub fn row_sums_backward<T: Element>(
    map: &RowMap,
    reduction: RowReduction,
    channels: usize,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    ShapeError::check("output gradients", [map.outputs(), channels], grad_out.len())?;
    ShapeError::check("input gradients", [map.inputs(), channels], grad_x.len())?;
    add_rows(map.transposed(), Pass::Backward(reduction, map), channels, grad_out, grad_x);
    Ok(())
}

/// Shares the output rows of `map` out among the threads.
fn add_rows<T: Element>(map: &RowMap, pass: Pass<'_>, channels: usize, x: &[T], out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    let set = InstructionSet::current();
    out.par_chunks_mut(CHUNK * channels).enumerate().for_each(|(chunk, out)| {
        T::dispatch(set, Sums { map, pass, first: chunk * CHUNK, channels, x, out });
    });
}

/// Which way the features go.
#[derive(Clone, Copy)]
enum Pass<'a> {
    /// Outputs are overwritten.
    Forward(RowReduction),
    /// Over the transposed map, outputs are added to; the map of the forward pass tells how many entries a row had.
    Backward(RowReduction, &'a RowMap),
}

/// Some output rows, all that is summed into them.
struct Sums<'a, T> {
    map: &'a RowMap,
    pass: Pass<'a>,
    /// Number of the first row of `out`.
    first: usize,
    channels: usize,
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Element> Kernel<T> for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<T>>(self) {
        let Self { map, pass, first, channels, x, out } = self;
        let mut run_sum = vec![T::ZERO; channels];
        for (index, out) in out.chunks_exact_mut(channels).enumerate() {
            let mut entries = map.entries(first + index);
            let count = entries.len();
            if matches!(pass, Pass::Forward(_)) {
                out.fill(T::ZERO);
            }
            while entries.len() > RUN {
                run_sum.fill(T::ZERO);
                add_run(map, pass, entries.start..entries.start + RUN, x, &mut run_sum);
                out.iter_mut().zip(&run_sum).for_each(|(out, &sum)| *out += sum);
                entries.start += RUN;
            }
            add_run(map, pass, entries, x, out);
            if let Pass::Forward(reduction @ (RowReduction::Mean | RowReduction::MeanOf(_))) = pass {
                let divisor = reduction.divisor(count);
                for value in out {
                    *value = *value / divisor;
                }
            }
        }
    }
}

/// Adds the rows of some entries, one after the other.
#[inline(always)]
fn add_run<T: Element>(map: &RowMap, pass: Pass<'_>, entries: Range<usize>, x: &[T], out: &mut [T]) {
    let channels = out.len();
    for entry in entries {
        let row = map.rows()[entry] as usize;
        let mut weight = map.weights().map_or(T::ONE, |weights| T::from_f64(f64::from(weights[entry])));
        if let Pass::Backward(reduction, forward) = pass {
            weight = weight / reduction.divisor(forward.entries(row).len());
        }
        for (sum, &value) in out.iter_mut().zip(&x[row * channels..][..channels]) {
            *sum += weight * value;
        }
    }
}
