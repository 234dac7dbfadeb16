//! Pooling of all voxels of a sample into one row.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::autodiff::SparseOps;
use crate::{Segments, SparseError, SparseTensor};

impl SparseTensor {
    /// Largest value of each channel over the voxels of each sample, `[samples, channels]`.
    ///
    /// # Errors
    ///
    /// When a sample has no voxels.
    pub fn global_max_pool(&self) -> Result<Tensor<2>, SparseError> {
        let segments = self.segments()?;
        Ok(Tensor::from_dispatch(Dispatch::op_segment_max(self.features().into_dispatch(), segments)))
    }

    /// Mean of each channel over the voxels of each sample, `[samples, channels]`.
    ///
    /// # Errors
    ///
    /// When a sample has no voxels.
    pub fn global_mean_pool(&self) -> Result<Tensor<2>, SparseError> {
        let segments = self.segments()?;
        Ok(Tensor::from_dispatch(Dispatch::op_segment_mean(self.features().into_dispatch(), segments)))
    }

    fn segments(&self) -> Result<Segments, SparseError> {
        let range = |sample| {
            let rows = self.voxels().rows_of_sample(sample);
            if rows.is_empty() { Err(SparseError::EmptySample { sample }) } else { Ok(rows) }
        };
        Ok(Arc::new((0..self.voxels().samples()).map(range).collect::<Result<_, _>>()?))
    }
}
