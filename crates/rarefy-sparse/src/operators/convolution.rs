//! Sparse convolutions: submanifold, strided with any window, and Graham-2014 "valid" with ground state.
//!
//! Weights are `[taps, in channels, out channels]` with the last axis of the kernel fastest (cross-correlation).

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use rarefy_geometry::{KernelMap, OutputRule, Window};

use super::check_room;
use crate::autodiff::SparseOps;
use crate::cache::Outputs;
use crate::kernels::GroundMap;
use crate::tensor::{Place, has_inactive_cell};
use crate::{Precision, SparseError, SparseTensor};

impl SparseTensor {
    /// Convolution whose outputs lie exactly on the inputs (Graham and van der Maaten 2017).
    ///
    /// # Errors
    ///
    /// When the weights do not fit the kernel or the features.
    pub fn submanifold_convolution(&self, weights: Tensor<3>, size: [u32; 3]) -> Result<Self, SparseError> {
        self.dilated_submanifold_convolution(weights, size, [1; 3])
    }

    /// The same with taps `dilation` cells apart.
    ///
    /// # Errors
    ///
    /// When the weights do not fit the kernel or the features.
    pub fn dilated_submanifold_convolution(
        &self,
        weights: Tensor<3>,
        size: [u32; 3],
        dilation: [u32; 3],
    ) -> Result<Self, SparseError> {
        self.check_weights(&weights, size)?;
        let map = self.cache().map((self.voxels(), self.voxels()), &Window::centred(size, dilation))?;
        let pairs = map.pair_count();
        Ok(self.without_ground(self.convolved(self.active_features(), weights, map)?, pairs))
    }

    /// Convolution with kernel = stride: each voxel falls into exactly one output, ⌊p / stride⌋.
    ///
    /// # Errors
    ///
    /// When the weights do not fit the kernel or the features.
    pub fn strided_convolution(&self, weights: Tensor<3>, size: [u32; 3]) -> Result<Self, SparseError> {
        self.convolution(weights, &window(size, size), OutputRule::Floor)
    }

    /// Convolution with any window, whose outputs follow from `rule`; absent voxels count as zeros.
    ///
    /// # Errors
    ///
    /// When the window is not possible, or the weights do not fit it or the features.
    pub fn convolution(&self, weights: Tensor<3>, window: &Window, rule: OutputRule) -> Result<Self, SparseError> {
        self.check_weights(&weights, window.size)?;
        let set = self.cache().outputs(self.voxels(), window, Outputs::Strided(rule))?;
        let map = self.cache().map((self.voxels(), &set), window)?;
        let pairs = map.pair_count();
        let features = self.convolved(self.active_features(), weights, map)?;
        let place = Place { set, grid: self.grid_after(window, rule), ground: false };
        Ok(self.moved_to(place, features, pairs))
    }

    /// Point-wise convolution: every row by the same matrix, `[1, in channels, out channels]`.
    ///
    /// # Errors
    ///
    /// When the weights do not fit the features.
    pub fn pointwise_convolution(&self, weights: Tensor<3>) -> Result<Self, SparseError> {
        self.check_weights(&weights, [1; 3])?;
        let map = self.cache().identity(self.features().dims()[0]);
        let pairs = map.pair_count();
        Ok(self.with_features(self.convolved(self.features(), weights, map)?, pairs))
    }

    /// "Valid" convolution with stride 1 and a bias `[out channels]`: an output is active when its window holds an
    /// active voxel, and inactive cells count with the ground state (spec §2.3).
    ///
    /// # Errors
    ///
    /// When the weights do not fit or the window is larger than the grid.
    pub fn valid_convolution(&self, weights: Tensor<3>, bias: Tensor<1>, size: [u32; 3]) -> Result<Self, SparseError> {
        self.check_weights(&weights, size)?;
        let window = window(size, [1; 3]);
        let grid = Some(self.valid_grid(&window)?);
        let rule = OutputRule::Spread { clip: self.grid() };
        let set = self.cache().outputs(self.voxels(), &window, Outputs::Strided(rule))?;
        let map = self.cache().map((self.voxels(), &set), &window)?;
        let input = self.carries_ground_state();
        let output = input && has_inactive_cell(&set, grid);
        let pairs = map.pair_count();
        check_outputs(&map, weights.dims()[2])?;
        let features = Dispatch::op_ground_convolve(
            self.features().into_dispatch(),
            weights.into_dispatch(),
            bias.into_dispatch(),
            GroundMap { map, input, output },
        );
        Ok(self.moved_to(Place { set, grid, ground: output }, Tensor::from_dispatch(features), pairs))
    }

    /// Size of the grid after a window without padding.
    pub(crate) fn valid_grid(&self, window: &Window) -> Result<[i32; 3], SparseError> {
        let (size, stride) = (window.size, window.stride);
        let grid = self.bounded_grid()?;
        let output = std::array::from_fn(|axis| (grid[axis] - size[axis] as i32) / stride[axis] as i32 + 1);
        let fits = (0..3).all(|axis| grid[axis] >= size[axis] as i32);
        if fits { Ok(output) } else { Err(SparseError::WindowTooLarge { size, stride, grid }) }
    }

    /// Size of the grid that holds all outputs of a window under a rule; none where outputs may leave every grid.
    pub(crate) fn grid_after(&self, window: &Window, rule: OutputRule) -> Option<[i32; 3]> {
        let grid = self.grid()?;
        let coarse = || std::array::from_fn(|axis| (grid[axis] - 1) / window.stride[axis] as i32 + 1);
        match rule {
            OutputRule::Floor | OutputRule::FloorInside => Some(coarse()),
            OutputRule::Spread { clip: Some(clip) } => Some(window.output_grid(clip)),
            OutputRule::Spread { clip: None } => None,
        }
    }

    /// The rows of active voxels alone: the operators without ground state read absent voxels as zeros.
    pub(crate) fn active_features(&self) -> Tensor<2> {
        let features = self.features();
        if self.carries_ground_state() { features.narrow(0, 0, self.voxels().len()) } else { features }
    }

    /// The recorded convolution of `x`, features of this tensor, over any map.
    ///
    /// # Errors
    ///
    /// When there is no memory for the outputs.
    pub(crate) fn convolved(
        &self,
        x: Tensor<2>,
        weights: Tensor<3>,
        map: Arc<KernelMap>,
    ) -> Result<Tensor<2>, SparseError> {
        check_outputs(&map, weights.dims()[2])?;
        if self.precision() == Precision::Bf16 {
            check_room("the rounded inputs of a convolution", map.inputs(), weights.dims()[1].div_ceil(2))?;
        }
        let (x, weights) = (x.into_dispatch(), weights.into_dispatch());
        Ok(Tensor::from_dispatch(Dispatch::op_convolve(x, weights, map, self.precision())))
    }

    pub(crate) fn check_weights(&self, weights: &Tensor<3>, size: [u32; 3]) -> Result<(), SparseError> {
        let [taps, channels, _] = weights.dims();
        self.check_kernel(taps, size, channels)
    }

    /// Checks that weights of `taps` taps over `expected` channels fit a kernel of `size` and these features.
    pub(crate) fn check_kernel(&self, taps: usize, size: [u32; 3], expected: usize) -> Result<(), SparseError> {
        let volume = size.iter().map(|&n| n as usize).product();
        if taps != volume {
            return Err(SparseError::TapMismatch { size, expected: volume, got: taps });
        }
        let got = self.channels();
        if expected == got { Ok(()) } else { Err(SparseError::ChannelMismatch { expected, got }) }
    }
}

/// A window without padding or dilation.
pub(crate) fn window(size: [u32; 3], stride: [u32; 3]) -> Window {
    Window { size, stride, dilation: [1; 3], padding: [0; 3] }
}

/// Whether there is memory for output rows of `channels` channels in f32.
pub(crate) fn check_outputs(map: &KernelMap, channels: usize) -> Result<(), SparseError> {
    check_room("the outputs of a convolution", map.outputs(), channels)
}
