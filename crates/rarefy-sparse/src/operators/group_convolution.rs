//! Convolution in groups, and depthwise: each group of output channels sees its own group of input channels alone.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::{OutputRule, Window};
use rarefy_kernels::ChannelGroups;

use super::convolution::check_outputs;
use crate::autodiff::SparseOps;
use crate::cache::Outputs;
use crate::tensor::Place;
use crate::{SparseError, SparseTensor};

impl SparseTensor {
    /// Submanifold convolution in groups; weights are `[taps, groups, in channels / groups, out channels / groups]`.
    ///
    /// With as many groups as channels on both sides it is depthwise, and a kernel of its own.
    ///
    /// # Errors
    ///
    /// When the weights do not fit the kernel or the features.
    pub fn submanifold_group_convolution(
        &self,
        weights: Tensor<4>,
        size: [u32; 3],
        dilation: [u32; 3],
    ) -> Result<Self, SparseError> {
        let groups = self.check_group_weights(&weights, size)?;
        let map = self.cache().map((self.voxels(), self.voxels()), &Window::centred(size, dilation))?;
        let pairs = map.pair_count();
        check_outputs(&map, groups.groups() * weights.dims()[3])?;
        let features =
            Dispatch::op_group_convolve(self.active_features().into_dispatch(), weights.into_dispatch(), map, groups);
        Ok(self.without_ground(Tensor::from_dispatch(features), pairs))
    }

    /// The same with any window, whose outputs follow from `rule`.
    ///
    /// # Errors
    ///
    /// When the window is not possible, or the weights do not fit it or the features.
    pub fn group_convolution(
        &self,
        weights: Tensor<4>,
        window: &Window,
        rule: OutputRule,
    ) -> Result<Self, SparseError> {
        let groups = self.check_group_weights(&weights, window.size)?;
        let set = self.cache().outputs(self.voxels(), window, Outputs::Strided(rule))?;
        let map = self.cache().map((self.voxels(), &set), window)?;
        let pairs = map.pair_count();
        check_outputs(&map, groups.groups() * weights.dims()[3])?;
        let features =
            Dispatch::op_group_convolve(self.active_features().into_dispatch(), weights.into_dispatch(), map, groups);
        let place = Place { set, grid: self.grid_after(window, rule), ground: false };
        Ok(self.moved_to(place, Tensor::from_dispatch(features), pairs))
    }

    fn check_group_weights(&self, weights: &Tensor<4>, size: [u32; 3]) -> Result<ChannelGroups, SparseError> {
        let [taps, groups, c_in, c_out] = weights.dims();
        self.check_kernel(taps, size, groups * c_in)?;
        ChannelGroups::new((groups * c_in, groups * c_out), groups).map_err(SparseError::Groups)
    }
}
