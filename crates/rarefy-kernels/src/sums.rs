//! Sums over rows in a fixed order: blocks of rows in parallel, then the blocks one after another in f64.

use rayon::prelude::*;

use crate::element::Element;
use crate::shape::ShapeError;

/// Bytes of a block of rows: it is read from memory once and then stays in the second-level cache.
const BLOCK_BYTES: usize = 64 << 10;

/// Most rows of a block: rounding errors of a longer plain sum in f32 would show.
const MOST_ROWS: usize = 1024;

/// Rows of a block; depends on the sizes alone.
pub(crate) fn block_rows<T>(channels: usize) -> usize {
    (BLOCK_BYTES / (channels.max(1) * size_of::<T>())).clamp(16, MOST_ROWS)
}

/// Sums each of `channels` columns of `x` [rows, channels].
///
/// # Errors
/// When `x` is not a whole number of rows.
pub fn column_sums<T: Element>(x: &[T], channels: usize) -> Result<Vec<T>, ShapeError> {
    ShapeError::check_rows("rows to be summed", channels, x.len())?;
    if channels == 0 {
        return Ok(Vec::new());
    }
    let blocks: Vec<Vec<T>> =
        x.par_chunks(block_rows::<T>(channels) * channels).map(|block| block_sums(block, channels)).collect();
    Ok(total(&blocks, channels))
}

/// The column sums of one block, row after row.
pub(crate) fn block_sums<T: Element>(block: &[T], channels: usize) -> Vec<T> {
    let mut sums = vec![T::ZERO; channels];
    for row in block.chunks_exact(channels) {
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
}

/// Adds up the sums of the blocks in their order.
pub(crate) fn total<T: Element>(blocks: &[Vec<T>], channels: usize) -> Vec<T> {
    let mut totals = vec![0.0; channels];
    for block in blocks {
        for (total, value) in totals.iter_mut().zip(block) {
            *total += value.to_f64();
        }
    }
    totals.into_iter().map(T::from_f64).collect()
}
