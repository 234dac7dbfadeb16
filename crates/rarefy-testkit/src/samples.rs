//! Some rows of a tensor that is too large to be checked whole.
//!
//! An operator that is linear in its inputs is checked on a few outputs: forward on their values, and its gradients with an
//! output gradient that is zero elsewhere, so that an oracle over these outputs alone gives the whole gradient.

/// Rows spread evenly over a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSample {
    total: usize,
    rows: Vec<usize>,
}

impl RowSample {
    /// About `wanted` of `total` rows, the first and the last among them.
    #[must_use]
    pub fn new(total: usize, wanted: usize) -> Self {
        let step = (total / wanted.max(1)).max(1);
        let mut rows: Vec<usize> = (0..total).step_by(step).collect();
        if rows.last().is_some_and(|&last| last + 1 < total) {
            rows.push(total - 1);
        }
        Self { total, rows }
    }

    /// The sampled items of a list with one for each row.
    #[must_use]
    pub fn items<T: Clone>(&self, list: &[T]) -> Vec<T> {
        self.rows.iter().map(|&row| list[row].clone()).collect()
    }

    /// The sampled rows of `values` [total, channels], in f64.
    #[must_use]
    pub fn of(&self, values: &[f32], channels: usize) -> Vec<f64> {
        let row = |&row: &usize| values[row * channels..(row + 1) * channels].iter().copied().map(f64::from);
        self.rows.iter().flat_map(row).collect()
    }

    /// `values` [total, channels] with zeros in all other rows.
    #[must_use]
    pub fn alone(&self, values: &[f32], channels: usize) -> Vec<f32> {
        let mut kept = vec![0.0; self.total * channels];
        for row in self.rows.iter().map(|&row| row * channels..(row + 1) * channels) {
            kept[row.clone()].copy_from_slice(&values[row]);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_both_ends_and_leaves_zeros_elsewhere() {
        let sample = RowSample::new(10, 3);
        assert_eq!(sample.items(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), [0, 3, 6, 9]);
        let values: Vec<f32> = (1..=20).map(|value| value as f32).collect();
        assert_eq!(sample.of(&values, 2), [1.0, 2.0, 7.0, 8.0, 13.0, 14.0, 19.0, 20.0]);
        let alone = sample.alone(&values, 2);
        assert_eq!((alone.len(), sample.of(&alone, 2)), (20, sample.of(&values, 2)));
        assert_eq!(alone.iter().filter(|value| **value != 0.0).count(), 8);
        assert_eq!(RowSample::new(8, 3).items(&[0, 1, 2, 3, 4, 5, 6, 7]), [0, 2, 4, 6, 7]);
        assert_eq!(RowSample::new(0, 3).items::<u32>(&[]), []);
    }
}
