//! Blocks that several networks are made of: convolution with norm, steps between grids, residual blocks.
//!
//! Norm, residual sum and activation are one operator behind each convolution. Every block tells a [`Trace`] of its layers.

use burn::module::Module;
use rarefy_nn::{
    BatchNormAct, Binding, Initialiser, InverseConvolution, Named, PointwiseConvolution, StateDictError,
    StridedConvolution, SubmanifoldConvolution,
};
use rarefy_sparse::{SparseError, SparseTensor};

use crate::{Trace, UNetNames};

/// ReLU behind a norm.
const RELU: Option<f64> = Some(0.0);

/// Numbers of a batch norm; the default is PyTorch's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormSettings {
    /// Added to the variance under the root.
    pub(crate) epsilon: f64,
    /// Share of the new statistics in the running ones.
    pub(crate) momentum: f64,
}

impl Default for NormSettings {
    fn default() -> Self {
        Self { epsilon: 1e-5, momentum: 0.1 }
    }
}

impl NormSettings {
    fn norm(self, channels: usize, slope: Option<f64>, init: &mut Initialiser) -> BatchNormAct {
        BatchNormAct::new(channels, slope, init).with_settings(self.epsilon, self.momentum)
    }
}

/// A convolution with norm and ReLU behind it.
#[derive(Module, Debug)]
pub(crate) struct Normed<C: Module> {
    convolution: C,
    norm: BatchNormAct,
}

/// Submanifold convolution, norm, ReLU.
pub(crate) type ConvNormAct = Normed<SubmanifoldConvolution>;
/// 2/2 convolution onto the next coarser grid, norm, ReLU.
pub(crate) type Downsample = Normed<StridedConvolution>;
/// Inverse 2/2 convolution onto the next finer grid, norm, ReLU.
pub(crate) type Upsample = Normed<InverseConvolution>;

impl<C: Module + Named> Normed<C> {
    fn behind(convolution: C, channels: usize, norm: NormSettings, init: &mut Initialiser) -> Self {
        Self { convolution, norm: norm.norm(channels, RELU, init) }
    }

    fn run(
        &self,
        input: &SparseTensor,
        convolve: impl FnOnce(&SparseTensor) -> Result<SparseTensor, SparseError>,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let x = trace.layer(|| format!("{name}.conv"), input, convolve)?;
        trace.light(|| format!("{name}.norm"), &x, |x| self.norm.forward(x, None, training))
    }

    /// Offers the tensors under the names of the convolution and of the norm.
    pub(crate) fn bind(&mut self, names: &[String; 2], binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        self.convolution.bind(&names[0], binding)?;
        self.norm.bind(&names[1], binding)
    }
}

/// A convolution whose outputs follow from its input alone.
pub(crate) trait Convolve {
    fn convolve(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError>;
}

impl Convolve for SubmanifoldConvolution {
    fn convolve(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        self.forward(input)
    }
}

impl Convolve for StridedConvolution {
    fn convolve(&self, input: &SparseTensor) -> Result<SparseTensor, SparseError> {
        self.forward(input)
    }
}

impl<C: Module + Named + Convolve> Normed<C> {
    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        self.run(input, |x| self.convolution.convolve(x), name, training, trace)
    }
}

impl ConvNormAct {
    pub(crate) fn new(channels: (usize, usize), size: u32, norm: NormSettings, init: &mut Initialiser) -> Self {
        Self::behind(SubmanifoldConvolution::new(channels, size, init), channels.1, norm, init)
    }
}

impl Downsample {
    pub(crate) fn new(channels: (usize, usize), norm: NormSettings, init: &mut Initialiser) -> Self {
        Self::behind(StridedConvolution::new(channels, 2, init), channels.1, norm, init)
    }
}

impl Upsample {
    pub(crate) fn new(channels: (usize, usize), norm: NormSettings, init: &mut Initialiser) -> Self {
        Self::behind(InverseConvolution::new(channels, 2, init), channels.1, norm, init)
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        onto: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        self.run(input, |x| self.convolution.forward(x, onto), name, training, trace)
    }
}

/// Two submanifold 3³ convolutions and a way past them (He et al. 2016); ReLU behind the sum.
#[derive(Module, Debug)]
pub(crate) struct ResidualBlock {
    first: SubmanifoldConvolution,
    first_norm: BatchNormAct,
    second: SubmanifoldConvolution,
    second_norm: BatchNormAct,
    /// Where the widths differ.
    shortcut: Option<Shortcut>,
}

#[derive(Module, Debug)]
struct Shortcut {
    convolution: PointwiseConvolution,
    norm: BatchNormAct,
}

impl ResidualBlock {
    pub(crate) fn new((inputs, outputs): (usize, usize), norm: NormSettings, init: &mut Initialiser) -> Self {
        Self {
            first: SubmanifoldConvolution::new((inputs, outputs), 3, init),
            first_norm: norm.norm(outputs, RELU, init),
            second: SubmanifoldConvolution::new((outputs, outputs), 3, init),
            second_norm: norm.norm(outputs, RELU, init),
            shortcut: (inputs != outputs).then(|| Shortcut {
                convolution: PointwiseConvolution::new((inputs, outputs), init),
                norm: norm.norm(outputs, None, init),
            }),
        }
    }

    pub(crate) fn forward(
        &self,
        input: &SparseTensor,
        name: &str,
        training: bool,
        trace: &mut Trace,
    ) -> Result<SparseTensor, SparseError> {
        let x = trace.layer(|| format!("{name}.conv1"), input, |x| self.first.forward(x))?;
        let x = trace.light(|| format!("{name}.norm1"), &x, |x| self.first_norm.forward(x, None, training))?;
        let x = trace.layer(|| format!("{name}.conv2"), &x, |x| self.second.forward(x))?;
        let past = match &self.shortcut {
            None => input.clone(),
            Some(Shortcut { convolution, norm }) => {
                let past = trace.layer(|| format!("{name}.shortcut"), input, |x| convolution.forward(x))?;
                trace.light(|| format!("{name}.shortcut.norm"), &past, |x| norm.forward(x, None, training))?
            }
        };
        trace.light(|| format!("{name}.norm2"), &x, |x| self.second_norm.forward(x, Some(&past), training))
    }
}

impl Named for ResidualBlock {
    fn bind(&mut self, name: &str, binding: &mut Binding<'_>) -> Result<(), StateDictError> {
        let names = UNetNames::new(binding.naming()).in_block();
        let [first, second, shortcut] =
            [names.first, names.second, names.shortcut].map(|pair| pair.map(|layer| format!("{name}.{layer}")));
        self.first.bind(&first[0], binding)?;
        self.first_norm.bind(&first[1], binding)?;
        self.second.bind(&second[0], binding)?;
        self.second_norm.bind(&second[1], binding)?;
        if let Some(Shortcut { convolution, norm }) = &mut self.shortcut {
            convolution.bind(&shortcut[0], binding)?;
            norm.bind(&shortcut[1], binding)?;
        }
        Ok(())
    }
}
