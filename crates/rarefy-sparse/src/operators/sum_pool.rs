//! Sum and average pooling, overlapping or not, and the way back.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::{OutputRule, RowMap, Window};
use rarefy_kernels::RowReduction;

use super::check_room;
use crate::autodiff::SparseOps;
use crate::cache::Outputs;
use crate::tensor::Place;
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// Sum of the active voxels of each window.
    ///
    /// # Errors
    ///
    /// When the window is not possible.
    pub fn sum_pool(&self, window: &Window, rule: OutputRule) -> Result<Self, SparseError> {
        self.reduced(window, rule, RowReduction::Sum)
    }

    /// Mean of the active voxels of each window; with `count_absent`, absent voxels count as zeros and the divisor is the
    /// volume of the window.
    ///
    /// # Errors
    ///
    /// When the window is not possible.
    pub fn average_pool(&self, window: &Window, rule: OutputRule, count_absent: bool) -> Result<Self, SparseError> {
        let reduction = if count_absent { RowReduction::MeanOf(window.taps() as u32) } else { RowReduction::Mean };
        self.reduced(window, rule, reduction)
    }

    /// Every voxel of `onto` takes the sum of the voxels whose windows it lies in: the pooling with the same window from
    /// `onto` to here, turned round. Windows that do not overlap copy.
    ///
    /// # Errors
    ///
    /// When the window is not possible.
    pub fn unpool(&self, window: &Window, onto: &Self) -> Result<Self, SparseError> {
        let pooling = self.cache().sums((onto.voxels(), self.voxels()), window)?;
        pooling.check_transposed()?;
        let map = Arc::clone(pooling.transposed());
        let pairs = map.rows().len();
        let place = Place { set: Arc::clone(onto.voxels()), grid: onto.grid(), ground: false };
        Ok(self.moved_to(place, row_sums(self.active_features(), map, RowReduction::Sum)?, pairs))
    }

    fn reduced(&self, window: &Window, rule: OutputRule, reduction: RowReduction) -> Result<Self, SparseError> {
        let set = self.cache().outputs(self.voxels(), window, Outputs::Strided(rule))?;
        let map = self.cache().sums((self.voxels(), &set), window)?;
        let pairs = map.rows().len();
        let place = Place { set, grid: self.grid_after(window, rule), ground: false };
        Ok(self.moved_to(place, row_sums(self.active_features(), map, reduction)?, pairs))
    }
}

/// The recorded sums or means of rows over any map.
///
/// # Errors
///
/// When there is no memory for the sums.
pub(crate) fn row_sums(x: Tensor<2>, map: Arc<RowMap>, reduction: RowReduction) -> Result<Tensor<2>, SparseError> {
    check_room("sums of rows", map.outputs(), x.dims()[1])?;
    Ok(Tensor::from_dispatch(Dispatch::op_row_sums(x.into_dispatch(), map, reduction)))
}
