//! Batch norm over voxels or points, fused with a residual sum and the activation.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::check_room;
use crate::autodiff::SparseOps;
use crate::{NormAct, SparseError, SparseTensor};

/// `act(γ · (x − mean) / √(variance + ε) + β + residual)` over the rows of `x`, `[rows, channels]`: by the statistics
/// that `settings` was given, or else by those of this batch, which are left there. `gamma` and `beta` are `[channels]`.
///
/// # Panics
///
/// When the shapes differ, which the layers rule out by construction.
#[must_use]
pub fn norm_act(
    x: Tensor<2>,
    (gamma, beta): (Tensor<1>, Tensor<1>),
    residual: Option<Tensor<2>>,
    settings: &NormAct,
) -> Tensor<2> {
    assert_eq!([x.dims()[1]], gamma.dims(), "width of the rows and of the norm");
    assert!(residual.as_ref().is_none_or(|residual| residual.dims() == x.dims()), "shapes of rows and residual");
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(match residual {
        None => Dispatch::op_norm_act(x, gamma, beta, settings.clone()),
        Some(residual) => Dispatch::op_norm_act_residual(x, gamma, beta, residual.into_dispatch(), settings.clone()),
    })
}

impl SparseTensor {
    /// [`norm_act`] over the voxels.
    ///
    /// # Errors
    ///
    /// When the norm has another width or the residual lies on other voxels.
    pub fn norm_act(
        &self,
        gamma: Tensor<1>,
        beta: Tensor<1>,
        residual: Option<&Self>,
        settings: &NormAct,
    ) -> Result<Self, SparseError> {
        let ([expected], got) = (gamma.dims(), self.channels());
        if expected != got {
            return Err(SparseError::ChannelMismatch { expected, got });
        }
        residual.map_or(Ok(()), |residual| self.check_same_voxels(residual))?;
        check_room("the outputs of a norm", self.features().dims()[0], self.channels())?;
        let output = norm_act(self.features(), (gamma, beta), residual.map(Self::features), settings);
        Ok(self.with_features(output, 0))
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
