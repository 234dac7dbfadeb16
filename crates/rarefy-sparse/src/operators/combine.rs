//! Two tensors on the same voxels: side by side, or added.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::autodiff::SparseOps;
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// Channels of this tensor followed by those of `other`.
    ///
    /// # Errors
    ///
    /// When the two lie on different voxels.
    pub fn concatenate(&self, other: &Self) -> Result<Self, SparseError> {
        self.check_same_rows(other)?;
        let output = Dispatch::op_concatenate(self.features().into_dispatch(), other.features().into_dispatch());
        Ok(self.with_features(Tensor::from_dispatch(output), 0))
    }

    /// The sum of both.
    ///
    /// # Errors
    ///
    /// When the two lie on different voxels or differ in channels.
    pub fn add(&self, other: &Self) -> Result<Self, SparseError> {
        self.check_same_voxels(other)?;
        Ok(self.with_features(self.features() + other.features(), 0))
    }
}
