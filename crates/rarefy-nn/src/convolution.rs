//! Convolution layers: weights and the operator that they are for.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use rarefy_sparse::{OutputRule, SparseError, SparseTensor, Window};

use crate::Initialiser;
use crate::state_dict::{Binding, Named, StateDictError};

/// Submanifold convolution of an odd cubic kernel, without bias (a norm follows).
#[derive(Module, Debug)]
pub struct SubmanifoldConvolution {
    /// Weights, [taps, in channels, out channels].
    weights: Param<Tensor<3>>,
    #[module(skip)]
    size: u32,
}

impl SubmanifoldConvolution {
    /// Weights from the range of `init`.
    #[must_use]
    pub fn new(channels: (usize, usize), size: u32, init: &mut Initialiser) -> Self {
        let taps = size.pow(3) as usize;
        Self { weights: init.convolution([taps, channels.0, channels.1], channels.0), size }
    }

    /// `[voxels, in]` to `[voxels, out]` on the same voxels.
    ///
    /// # Errors
    ///
    /// When the input has another width.
    pub fn forward(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.submanifold_convolution(self.weights.val(), [self.size; 3])
    }
}

/// Convolution with kernel = stride, without bias: the step to a coarser grid.
#[derive(Module, Debug)]
pub struct StridedConvolution {
    /// Weights, [taps, in channels, out channels].
    weights: Param<Tensor<3>>,
    #[module(skip)]
    size: u32,
}

impl StridedConvolution {
    /// Weights from the range of `init`.
    #[must_use]
    pub fn new(channels: (usize, usize), size: u32, init: &mut Initialiser) -> Self {
        let taps = size.pow(3) as usize;
        Self { weights: init.convolution([taps, channels.0, channels.1], channels.0), size }
    }

    /// `[voxels, in]` to `[coarser voxels, out]`.
    ///
    /// # Errors
    ///
    /// When the input has another width.
    pub fn forward(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.strided_convolution(self.weights.val(), [self.size; 3])
    }
}

/// Convolution with any window, without bias, whose outputs follow from a rule.
#[derive(Module, Debug)]
pub struct WindowConvolution {
    /// Weights, [taps, in channels, out channels].
    weights: Param<Tensor<3>>,
    #[module(skip)]
    window: Window,
    #[module(skip)]
    rule: OutputRule,
}

impl WindowConvolution {
    /// Weights from the range of `init`.
    #[must_use]
    pub fn new(channels: (usize, usize), window: Window, rule: OutputRule, init: &mut Initialiser) -> Self {
        Self { weights: init.convolution([window.taps(), channels.0, channels.1], channels.0), window, rule }
    }

    /// `[voxels, in]` to `[outputs of the window, out]`.
    ///
    /// # Errors
    ///
    /// When the input has another width or the window is not possible.
    pub fn forward(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.convolution(self.weights.val(), &self.window, self.rule)
    }
}

/// The way back from a [`StridedConvolution`] onto the voxels that it came from, without bias.
#[derive(Module, Debug)]
pub struct InverseConvolution {
    /// Weights, [taps, in channels, out channels].
    weights: Param<Tensor<3>>,
    #[module(skip)]
    size: u32,
}

impl InverseConvolution {
    /// Weights from the range of `init`.
    #[must_use]
    pub fn new(channels: (usize, usize), size: u32, init: &mut Initialiser) -> Self {
        let taps = size.pow(3) as usize;
        Self { weights: init.convolution([taps, channels.0, channels.1], channels.1), size }
    }

    /// `[coarser voxels, in]` to `[voxels of onto, out]`.
    ///
    /// # Errors
    ///
    /// When the input has another width.
    pub fn forward(&self, input: &SparseTensor, onto: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.inverse_convolution(self.weights.val(), &Window::cubic(self.size, self.size), onto)
    }
}

/// One matrix for every voxel, without bias.
#[derive(Module, Debug)]
pub struct PointwiseConvolution {
    /// Weights, [1, in channels, out channels].
    weights: Param<Tensor<3>>,
}

impl PointwiseConvolution {
    /// Weights from the range of `init`.
    #[must_use]
    pub fn new(channels: (usize, usize), init: &mut Initialiser) -> Self {
        Self { weights: init.convolution([1, channels.0, channels.1], channels.0) }
    }

    /// `[voxels, in]` to `[voxels, out]`.
    ///
    /// # Errors
    ///
    /// When the input has another width.
    pub fn forward(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.pointwise_convolution(self.weights.val())
    }
}

/// "Valid" convolution with bias over active cells and ground state (Graham 2014; spec §2.3).
#[derive(Module, Debug)]
pub struct ValidConvolution {
    /// Weights, [taps, in channels, out channels].
    weights: Param<Tensor<3>>,
    /// Bias, [out channels].
    bias: Param<Tensor<1>>,
    #[module(skip)]
    size: u32,
}

impl ValidConvolution {
    /// Weights uniform in ±√(6 / (taps · in + out · α)) with α = (size / pool size)² and a bias of zero (spec §2.4).
    #[must_use]
    pub fn new(channels: (usize, usize), size: u32, pool_size: u32, init: &mut Initialiser) -> Self {
        let taps = size.pow(3) as usize;
        let alpha = (f64::from(size) / f64::from(pool_size)).powi(2);
        let bound = (6.0 / ((taps * channels.0) as f64 + channels.1 as f64 * alpha)).sqrt();
        Self {
            weights: init.uniform([taps, channels.0, channels.1], bound),
            bias: init.constant([channels.1], 0.0),
            size,
        }
    }

    /// `[voxels, in]` on a grid of n to `[voxels, out]` on a grid of n − size + 1.
    ///
    /// # Errors
    ///
    /// When the input has another width or a smaller grid than the kernel.
    pub fn forward(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        input.valid_convolution(self.weights.val(), self.bias.val(), [self.size; 3])
    }
}

impl Named for SubmanifoldConvolution {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.kernel(name, &mut self.weights, [self.size as usize; 3])
    }
}

impl Named for StridedConvolution {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.kernel(name, &mut self.weights, [self.size as usize; 3])
    }
}

impl Named for WindowConvolution {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.kernel(name, &mut self.weights, self.window.size.map(|n| n as usize))
    }
}

impl Named for InverseConvolution {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.kernel(name, &mut self.weights, [self.size as usize; 3])
    }
}

impl Named for PointwiseConvolution {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        binding.kernel(name, &mut self.weights, [1; 3])
    }
}
