//! Batch norm over voxels, fused with a residual sum and the activation.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::autodiff::SparseOps;
use crate::{NormAct, SparseError, SparseTensor};

impl SparseTensor {
    /// `act(γ · (x − mean) / √(variance + ε) + β + residual)` by the statistics of this batch, which are left in
    /// `settings`. `gamma` and `beta` are `[channels]`.
    ///
    /// # Errors
    ///
    /// When the residual lies on other voxels.
    pub fn norm_act(
        &self,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        residual: Option<&Self>,
        settings: &NormAct,
    ) -> Result<Self, SparseError> {
        let x = self.features().into_dispatch();
        let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
        let output = match residual {
            None => Dispatch::op_norm_act(x, gamma, beta, settings.clone()),
            Some(residual) => {
                self.check_same_voxels(residual)?;
                let residual = residual.features().into_dispatch();
                Dispatch::op_norm_act_residual(x, gamma, beta, residual, settings.clone())
            }
        };
        Ok(self.with_features(Tensor::from_dispatch(output), 0))
    }

    /// `act(x · scale + shift + residual)` with given `scale` and `shift` `[channels]`: the norm of a trained network.
    ///
    /// # Errors
    ///
    /// When the residual lies on other voxels.
    pub fn scale_act(
        &self,
        scale: Tensor<1>,
        shift: Tensor<1>,
        residual: Option<&Self>,
        slope: Option<f64>,
    ) -> Result<Self, SparseError> {
        let mut features = self.features() * scale.unsqueeze() + shift.unsqueeze();
        if let Some(residual) = residual {
            self.check_same_voxels(residual)?;
            features = features + residual.features();
        }
        let output = self.with_features(features, 0);
        Ok(match slope {
            Some(slope) => output.leaky_relu(slope),
            None => output,
        })
    }

    pub(crate) fn check_same_voxels(&self, other: &Self) -> Result<(), SparseError> {
        self.check_same_rows(other)?;
        if self.channels() == other.channels() { Ok(()) } else { Err(SparseError::SetMismatch) }
    }

    pub(crate) fn check_same_rows(&self, other: &Self) -> Result<(), SparseError> {
        let same = Arc::ptr_eq(self.voxels(), other.voxels());
        let rows = self.carries_ground_state() == other.carries_ground_state();
        if same && rows { Ok(()) } else { Err(SparseError::SetMismatch) }
    }
}
