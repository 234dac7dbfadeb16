//! Cosine ranking of descriptors. Invariant: items of equal similarity stay in index order, so a ranking is unique.

use std::cmp::Ordering;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::MetricsError;

/// An item of a ranked list.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// Row of the item.
    pub item: u32,
    /// Cosine similarity to the query, in -1 ..= 1 up to rounding.
    pub similarity: f32,
}

impl Ranked {
    /// Best first, then by index.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.item.cmp(&other.item))
    }
}

/// The number of descriptors in `descriptors`, [items, dimension], after checking shape and values.
pub fn check_descriptors(descriptors: &[f32], dimension: usize) -> Result<usize, MetricsError> {
    if dimension == 0 {
        return Err(MetricsError::NoDimension);
    }
    let items = descriptors.len() / dimension;
    if items * dimension != descriptors.len() {
        let expected = (items + 1) * dimension;
        return Err(MetricsError::LengthMismatch { what: "descriptor values", expected, got: descriptors.len() });
    }
    match descriptors.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(MetricsError::NotFinite { row: at / dimension, column: at % dimension }),
        None => Ok(items),
    }
}

/// Scales every row to length 1; a row of zeros stays, and is then equally far from everything.
pub fn l2_normalise(descriptors: &mut [f32], dimension: usize) {
    descriptors.par_chunks_mut(dimension.max(1)).for_each(|row| {
        // f64: the squares of large descriptors overflow f32.
        let length = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
        if length > 0.0 {
            for value in row {
                *value = (f64::from(*value) / length) as f32;
            }
        }
    });
}

/// The scalar product of two rows, summed in a fixed order.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    // Independent lanes let the compiler use vector registers without changing the order of any sum.
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

fn similarities(unit: &[f32], dimension: usize, query: &[f32], exclude: Option<u32>) -> Vec<Ranked> {
    unit.chunks_exact(dimension)
        .zip(0u32..)
        .filter(|&(_, item)| Some(item) != exclude)
        .map(|(row, item)| Ranked { item, similarity: dot(row, query) })
        .collect()
}

/// Every row of `unit` except `exclude`, best first. Rows and query have length 1.
#[must_use]
pub fn rank_all(unit: &[f32], dimension: usize, query: &[f32], exclude: Option<u32>) -> Vec<Ranked> {
    let mut ranked = similarities(unit, dimension, query, exclude);
    ranked.sort_unstable_by(Ranked::order);
    ranked
}

/// The `k` best rows of `unit` except `exclude`, best first: the beginning of [`rank_all`], found without sorting all.
///
/// Fewer when there are fewer.
#[must_use]
pub fn nearest(unit: &[f32], dimension: usize, query: &[f32], k: usize, exclude: Option<u32>) -> Vec<Ranked> {
    let mut ranked = similarities(unit, dimension, query, exclude);
    if k == 0 {
        return Vec::new();
    }
    if k < ranked.len() {
        ranked.select_nth_unstable_by(k - 1, Ranked::order);
        ranked.truncate(k);
    }
    ranked.sort_unstable_by(Ranked::order);
    ranked
}
