//! Layer norm (each voxel by its own channels) and instance norm (each sample's channels by its own voxels).

use burn::tensor::Tensor;

use super::gather_rows;
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// `γ · (x − mean) / √(variance + ε) + β` with mean and biased variance over the channels of each voxel (Ba et al.
    /// 2016); `gamma` and `beta` are `[channels]`.
    #[must_use]
    pub fn layer_norm(&self, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Self {
        let x = self.features();
        let centred = x.clone() - x.mean_dim(1);
        let variance = centred.clone().powi_scalar(2).mean_dim(1);
        self.with_features(centred / (variance + epsilon).sqrt() * gamma.unsqueeze() + beta.unsqueeze(), 0)
    }

    /// The same over the voxels of each sample, channel by channel (Ulyanov et al. 2016).
    ///
    /// # Errors
    ///
    /// When a sample has no voxels.
    pub fn instance_norm(&self, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> Result<Self, SparseError> {
        let active = self.without_ground(self.active_features(), 0);
        let centred = active.features() - active.spread(active.global_mean_pool()?);
        let squares = active.with_features(centred.clone().powi_scalar(2), 0);
        let variance = active.spread(squares.global_mean_pool()?);
        let normal = centred / (variance + epsilon).sqrt();
        Ok(active.with_features(normal * gamma.unsqueeze() + beta.unsqueeze(), 0))
    }

    /// The row of its sample for each voxel, from `[samples, channels]`.
    fn spread(&self, samples: Tensor<2>) -> Tensor<2> {
        let rows = self.voxels().coords().iter().map(|coord| Some(coord[0] as u32)).collect();
        gather_rows(samples, rows)
    }
}
