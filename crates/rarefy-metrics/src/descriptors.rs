//! Descriptors of unit length, and the order of all others by their cosine to one of them.

use crate::MetricsError;

/// A matrix of descriptors, one row a sample, each of length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptors {
    /// Values, [samples, width].
    values: Vec<f32>,
    width: usize,
}

impl Descriptors {
    /// Scales each row of `values` `[samples, width]` to length 1.
    ///
    /// # Errors
    ///
    /// When the rows are not whole, or one is zero or not finite.
    pub fn new(values: &[f32], width: usize) -> Result<Self, MetricsError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            let expected = values.len().next_multiple_of(width.max(1));
            return Err(MetricsError::LengthMismatch { what: "descriptor values", got: values.len(), expected });
        }
        let mut scaled = Vec::with_capacity(values.len());
        for (sample, row) in values.chunks_exact(width).enumerate() {
            let length = row.iter().map(|&value| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
            if !length.is_finite() || length <= 0.0 {
                return Err(MetricsError::BadDescriptor { sample });
            }
            scaled.extend(row.iter().map(|&value| (f64::from(value) / length) as f32));
        }
        Ok(Self { values: scaled, width })
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Width of each descriptor.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All values, [samples, width].
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The descriptor of a sample.
    #[must_use]
    pub fn row(&self, sample: usize) -> &[f32] {
        &self.values[sample * self.width..][..self.width]
    }

    /// The rows of `samples`, in that order.
    #[must_use]
    pub fn select(&self, samples: &[usize]) -> Self {
        let values = samples.iter().flat_map(|&sample| self.row(sample).iter().copied()).collect();
        Self { values, width: self.width }
    }

    /// All samples but `query`, nearest first by cosine distance; ties by number.
    #[must_use]
    pub fn ranking(&self, query: usize) -> Vec<usize> {
        let to = self.row(query);
        let others = (0..self.len()).filter(|&sample| sample != query);
        let mut ranked: Vec<(f64, usize)> = others.map(|sample| (cosine(to, self.row(sample)), sample)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().map(|(_, sample)| sample).collect()
    }
}

/// The cosine of two vectors of length 1, summed in f64 in order.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_ranked_by_cosine_and_then_by_number() {
        let descriptors = Descriptors::new(&[1.0, 0.0, 0.0, 5.0, 2.0, 2.0, 3.0, 3.0], 2).unwrap();
        assert_eq!(descriptors.ranking(0), [2, 3, 1]);
    }

    #[test]
    fn descriptors_without_direction_are_refused() {
        assert_eq!(Descriptors::new(&[1.0, 0.0, 0.0, 0.0], 2), Err(MetricsError::BadDescriptor { sample: 1 }));
        assert_eq!(Descriptors::new(&[f32::NAN, 0.0], 2), Err(MetricsError::BadDescriptor { sample: 0 }));
        assert!(Descriptors::new(&[1.0, 0.0, 0.0], 2).is_err());
    }
}
