//! Between points and voxels: voxelise and devoxelise, the two halves of SPVConv (Tang et al. 2020; spec §4.2).

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::Interpolation;
use rarefy_kernels::RowReduction;

use super::check_room;
use super::sum_pool::row_sums;
use crate::autodiff::SparseOps;
use crate::cache::PointUse;
use crate::{GeometryCache, PointCloud, SparseError, SparseTensor};

/// What a voxel takes of the points inside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The mean of each channel.
    Mean,
    /// The sum of each channel.
    Sum,
    /// The largest value of each channel; the first point wins a tie.
    Max,
    /// The first point, in the order of the cloud.
    First,
}

impl SparseTensor {
    /// The voxels, `stride` wide, that hold at least one point, with what they take of `features`, `[points, channels]`.
    ///
    /// # Errors
    ///
    /// When there is no row for each point, or the stride is not possible.
    pub fn voxelise(
        cloud: &PointCloud,
        features: Tensor<2>,
        stride: [u32; 3],
        reduction: Reduction,
    ) -> Result<Self, SparseError> {
        let cache = Arc::new(GeometryCache::default());
        let set = cache.quantised(cloud, stride)?;
        let nothing = Tensor::zeros([set.len(), 1], (&features.device(), features.dtype()));
        let voxels = Self::on(set, nothing, cache).with_precision(cloud.precision());
        voxels.voxelise_onto(cloud, features, stride, reduction)
    }

    /// What the voxels of this tensor, `stride` wide, take of the points inside of them; zero where there is none.
    ///
    /// # Errors
    ///
    /// When there is no row for each point, the stride is not possible or the batches differ in size.
    pub fn voxelise_onto(
        &self,
        cloud: &PointCloud,
        features: Tensor<2>,
        stride: [u32; 3],
        reduction: Reduction,
    ) -> Result<Self, SparseError> {
        check_rows(cloud, &features)?;
        let usage = if reduction == Reduction::First { PointUse::VoxeliseFirst } else { PointUse::Voxelise };
        let map = self.cache().points(cloud, self.voxels(), stride, usage)?;
        let features = match reduction {
            Reduction::Mean => row_sums(features, map, RowReduction::Mean)?,
            Reduction::Sum | Reduction::First => row_sums(features, map, RowReduction::Sum)?,
            Reduction::Max => {
                check_room("the largest of rows", map.outputs(), features.dims()[1])?;
                Tensor::from_dispatch(Dispatch::op_row_max(features.into_dispatch(), map))
            }
        };
        Ok(self.without_ground(features, 0))
    }

    /// What each point takes of the voxels, `stride` wide, around it: `[points, channels]`; zero where there is none.
    ///
    /// # Errors
    ///
    /// When the stride is not possible or the batches differ in size.
    pub fn devoxelise(
        &self,
        cloud: &PointCloud,
        stride: [u32; 3],
        interpolation: Interpolation,
    ) -> Result<Tensor<2>, SparseError> {
        let usage = PointUse::Devoxelise(interpolation);
        let map = self.cache().points(cloud, self.voxels(), stride, usage)?;
        row_sums(self.active_features(), map, RowReduction::Sum)
    }
}

fn check_rows(cloud: &PointCloud, features: &Tensor<2>) -> Result<(), SparseError> {
    let (rows, points) = (features.dims()[0], cloud.len());
    if rows == points { Ok(()) } else { Err(SparseError::PointMismatch { rows, points }) }
}
