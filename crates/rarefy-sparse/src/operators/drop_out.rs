//! Drop-out of single values, from a seed.

use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// Each value is zero with this probability and is scaled by `1 / (1 − probability)` otherwise.
    ///
    /// Which ones follows from the seed and the order of the rows alone.
    ///
    /// # Errors
    ///
    /// When the probability is below 0, 1 or more, or not a number.
    pub fn drop_out(&self, probability: f64, seed: u64) -> Result<Self, SparseError> {
        if !(0.0..1.0).contains(&probability) {
            return Err(SparseError::DropOut { got: probability });
        }
        let features = self.features();
        let [rows, channels] = features.dims();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let kept = (1.0 / (1.0 - probability)) as f32;
        let mask: Vec<f32> =
            (0..rows * channels).map(|_| if random.random_bool(probability) { 0.0 } else { kept }).collect();
        let mask = Tensor::from_data(TensorData::new(mask, [rows, channels]), (&features.device(), features.dtype()));
        Ok(self.with_features(features * mask, 0))
    }
}
