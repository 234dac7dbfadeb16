//! Global pooling: the maximum or mean over the rows of each sample, rows of a sample being neighbours.

use std::ops::Range;

use rarefy_geometry::NO_ROW;
use rayon::prelude::*;

use crate::element::Element;
use crate::pooling::keep_larger;
use crate::shape::ShapeError;
use crate::sums::{block_rows, column_sums};

/// Writes the column maxima of each range of rows into `out` [ranges, channels] and their rows into `argmax`.
///
/// The first of equal rows wins. An empty range gives zeros and [`NO_ROW`]. The backward pass is
/// [`max_pool_backward`](crate::max_pool_backward).
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where a range ends behind the last row.
pub fn segment_max_forward<T: Element>(
    ranges: &[Range<usize>],
    channels: usize,
    x: &[T],
    out: &mut [T],
    argmax: &mut [u32],
) -> Result<(), ShapeError> {
    ShapeError::check_rows("inputs", channels, x.len())?;
    ShapeError::check("outputs", [ranges.len(), channels], out.len())?;
    ShapeError::check("winning rows", [ranges.len(), channels], argmax.len())?;
    if channels == 0 {
        return Ok(());
    }
    for ((range, out), argmax) in ranges.iter().zip(out.chunks_mut(channels)).zip(argmax.chunks_mut(channels)) {
        let rows = &x[range.start * channels..range.end * channels];
        let step = block_rows::<T>(channels);
        let blocks: Vec<(Vec<T>, Vec<u32>)> = rows
            .par_chunks(step * channels)
            .enumerate()
            .map(|(block, rows)| block_maxima(rows, channels, range.start + block * step))
            .collect();
        out.fill(T::ZERO);
        argmax.fill(NO_ROW);
        let mut blocks = blocks.into_iter();
        if let Some((values, found)) = blocks.next() {
            out.copy_from_slice(&values);
            argmax.copy_from_slice(&found);
        }
        for (values, found) in blocks {
            for channel in 0..channels {
                if values[channel] > out[channel] {
                    out[channel] = values[channel];
                    argmax[channel] = found[channel];
                }
            }
        }
    }
    Ok(())
}

fn block_maxima<T: Element>(rows: &[T], channels: usize, first_row: usize) -> (Vec<T>, Vec<u32>) {
    let mut values = rows[..channels].to_vec();
    let mut found = vec![first_row as u32; channels];
    for (row, x) in rows.chunks_exact(channels).enumerate().skip(1) {
        keep_larger(&mut values, &mut found, x, (first_row + row) as u32);
    }
    (values, found)
}

/// Writes the column means of each range of rows into `out` [ranges, channels]; an empty range gives zeros.
///
/// # Errors
/// When a slice has another length than its shape.
///
/// # Panics
/// Where a range ends behind the last row.
pub fn segment_mean_forward<T: Element>(
    ranges: &[Range<usize>],
    channels: usize,
    x: &[T],
    out: &mut [T],
) -> Result<(), ShapeError> {
    ShapeError::check_rows("inputs", channels, x.len())?;
    ShapeError::check("outputs", [ranges.len(), channels], out.len())?;
    if channels == 0 {
        return Ok(());
    }
    for (range, out) in ranges.iter().zip(out.chunks_mut(channels)) {
        let sums = column_sums(&x[range.start * channels..range.end * channels], channels)?;
        let share = share::<T>(range);
        for (mean, sum) in out.iter_mut().zip(sums) {
            *mean = sum * share;
        }
    }
    Ok(())
}

/// Adds the gradient of the means into `grad_x`: every row of a range receives its share.
///
/// # Errors
/// As [`segment_mean_forward`].
///
/// # Panics
/// As [`segment_mean_forward`].
pub fn segment_mean_backward<T: Element>(
    ranges: &[Range<usize>],
    channels: usize,
    grad_out: &[T],
    grad_x: &mut [T],
) -> Result<(), ShapeError> {
    ShapeError::check("output gradients", [ranges.len(), channels], grad_out.len())?;
    ShapeError::check_rows("input gradients", channels, grad_x.len())?;
    if channels == 0 {
        return Ok(());
    }
    for (range, grad_out) in ranges.iter().zip(grad_out.chunks(channels)) {
        let share = share::<T>(range);
        grad_x[range.start * channels..range.end * channels].par_chunks_mut(channels).with_min_len(256).for_each(
            |row| {
                for (grad, &value) in row.iter_mut().zip(grad_out) {
                    *grad += value * share;
                }
            },
        );
    }
    Ok(())
}

fn share<T: Element>(range: &Range<usize>) -> T {
    T::from_f64(1.0 / range.len().max(1) as f64)
}
